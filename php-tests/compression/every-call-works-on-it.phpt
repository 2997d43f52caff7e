--TEST--
session_regenerate_id, session_reset, a SessionHandler subclass and a second write work on compressed sessions
--INI--
rustredis.compression=zstd
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/frames.inc';

$text = str_repeat('abc', 1000);
session_start();
$_SESSION = ['text' => $text, 'n' => 0];
session_write_close();
$id = session_id();
start($id);
$_SESSION['n'] = 1;
session_reset();
same('reset', ['text' => $text, 'n' => 0], $_SESSION);
$_SESSION['n'] = 2;
foreach ([false, true] as $delete) {
    session_regenerate_id($delete);
    same('the new session has it', ['text' => $text, 'n' => 2], $_SESSION);
    // The second one was never stored.
    same('the old one is a copy', $delete ? null : 'zstd', $delete ? redis()->get(side_key($id, 'OLD')) : format_of(redis()->get(side_key($id, 'OLD'))));
    same('and no session', 0, redis()->exists(data_key($id)));
    $id = session_id();
}
session_write_close();
same('the new one is compressed', 'zstd', format_of(redis()->get(data_key($id))));

final class Subclass extends SessionHandler
{
    public function write(string $id, string $data): bool
    {
        $other = new_id();
        $done = parent::write($other, $data) && parent::write($id, 'n|i:0;') && parent::write($id, $data);
        same('another session is compressed, too', 'zstd', format_of(redis()->get(data_key($other))));
        return $done;
    }

    public function read(string $id): string|false
    {
        $text = parent::read($id);
        same('a subclass gets the text', $text, parent::read($id));
        ok('not the frame', str_starts_with($text, 'text|s:3000:'), $text);
        return $text;
    }
}
session_set_save_handler(new Subclass());
start($id);
$_SESSION['n']++;
session_write_close();
session_set_save_handler(new SessionHandler());
same('what it wrote', [['text' => $text, 'n' => 3], 'zstd'], [read_session($id), format_of(redis()->get(data_key($id)))]);
--EXPECT--
ok: reset
ok: the new session has it
ok: the old one is a copy
ok: and no session
ok: the new session has it
ok: the old one is a copy
ok: and no session
ok: the new one is compressed
ok: a subclass gets the text
ok: not the frame
ok: another session is compressed, too
ok: what it wrote
