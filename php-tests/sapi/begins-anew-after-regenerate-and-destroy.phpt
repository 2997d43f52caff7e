--TEST--
a request that changes its id, destroys the session and starts once more has a new session, as with files
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$wrapper = 'class Wraps implements SessionHandlerInterface %s {
    protected RustRedis\SessionHandler $inner;
    public function __construct() { $this->inner = new RustRedis\SessionHandler(); }
    public function open(string $path, string $name): bool { return %s; }
    public function close(): bool { return %s; }
    public function read(string $id): string|false { return $this->inner->read($id); }
    public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
    public function destroy(string $id): bool { return $this->inner->destroy($id); }
    public function gc(int $max_lifetime): int|false { return 0; }
    %s
} session_set_save_handler(new Wraps());';
[$open, $close] = ['$this->inner->open($path, $name)', '$this->inner->close()'];
$more = 'public function validateId(string $id): bool { return $this->inner->validateId($id); }
    public function updateTimestamp(string $id, string $data): bool { return $this->inner->updateTimestamp($id, $data); }';
$handlers = [
    'as it is' => '',
    'the object' => 'session_set_save_handler(new RustRedis\SessionHandler());',
    'a wrapper' => sprintf($wrapper, ', SessionUpdateTimestampHandlerInterface', $open, $close, $more),
    'a wrapper with less' => sprintf($wrapper, '', $open, $close, ''),
    'a wrapper with the least' => sprintf($wrapper, '', 'true', 'true', ''),
];
$script = 'session_start(); $old = session_id(); %s session_regenerate_id(true); $new = session_id(); session_destroy(); %s
    session_start(); $_SESSION["flash"] = "bye"; $saved = session_write_close();
    echo json_encode([$saved, session_id() === $old, session_id() === $new, session_id()]);';
$scripts = [
    'a logout' => sprintf($script, '', '$_SESSION = [];'),
    'a login' => sprintf($script, '', ''),
    'emptied before' => sprintf($script, '$_SESSION = [];', ''),
    'ended by a bad text' => str_replace('session_destroy()', '@session_decode("bad")', sprintf($script, '', '')),
    'looked at before' => str_replace(' session_start(); $_SESSION["flash"]',
        ' session_start(["read_and_close" => true]); session_start(); $_SESSION["flash"]', str_replace("\n   ", '', sprintf($script, '', ''))),
    'given up before' => str_replace(' session_start(); $_SESSION["flash"]',
        ' session_start(); session_abort(); session_start(); $_SESSION["flash"]', str_replace("\n   ", '', sprintf($script, '', ''))),
    'moved twice' => sprintf($script, 'session_regenerate_id(true);', ''),
];
foreach ($handlers as $handler => $sets) {
    $broken = [];
    foreach (['1', '0'] as $strict) {
        foreach (['10', '0'] as $grace) {
            foreach ($scripts as $name => $script) {
                store_session($id = new_id(), ['n' => 1]);
                $answer = (new CgiRequest("$sets $script", ['session.use_strict_mode' => $strict,
                    'rustredis.regenerate_grace' => $grace, 'session.use_cookies' => '1'],
                    ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
                [$saved, $is_old, $is_new, $last] = json_decode($answer->body, true) ?? [$answer->body, null, null, ''];
                // PHP asks no class without a validateId() if the id is known.
                $asks = $sets === '' ? !class_exists('PassesOn', false) : !str_contains($handler, 'with');
                $found = [$saved, $is_old, $is_new, redis()->get(data_key($last))];
                if ($found !== [true, $strict === '0' || !$asks, false, 'flash|s:3:"bye";']) {
                    $broken["strict=$strict, grace=$grace, $name"] = $found;
                }
            }
        }
    }
    same($handler, [], $broken);
}
--EXPECT--
ok: as it is
ok: the object
ok: a wrapper
ok: a wrapper with less
ok: a wrapper with the least
