--TEST--
a subclass that makes an empty session of a failed read: what is stored is not moved away, and may be destroyed
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Hides extends SessionHandler
{
    public ?Closure $after_destroy = null;

    public function read(string $id): string|false
    {
        return @parent::read($id) ?: '';
    }

    public function destroy(string $id): bool
    {
        $done = parent::destroy($id);
        $this->after_destroy && ($this->after_destroy)($id);
        return $done;
    }

    public function write_by_hand(string $id, string $data): bool
    {
        return parent::write($id, $data);
    }
}
ini_set('rustredis.lock_wait', '0');
$handler = new Hides();
session_set_save_handler($handler);

/* Begins with a session that another request works on, which then ends. */
function begin(): string
{
    $id = new_id();
    redis()->set(data_key($id), 'n|i:10;');
    redis()->set(lock_key($id), foreign_token(), 'PX', 30000);
    start($id);
    same('it looks empty', [], $_SESSION);
    redis()->del(lock_key($id));
    return $id;
}

$id = begin();
$_SESSION['n'] = 1;
$got = warnings_of(fn () => session_regenerate_id(true));
same('it is not moved', 'n|i:10;', redis()->get(data_key($id)));
check_warnings('it is said', $got, [
    ['was not moved to a new id: this request could not read it'],
    ['Session object destruction failed'],
], $id);

$id = begin();
$handler->after_destroy = fn ($id) => same('a new one may be written', true, $handler->write_by_hand($id, 'n|i:1;'));
same('it is destroyed', true, session_destroy());
$handler->after_destroy = null;
same('what was written is there', 'n|i:1;', redis()->get(data_key($id)));
start($id);
$_SESSION['n']++;
session_write_close();
same('it goes on', ['n|i:2;', false], [redis()->get(data_key($id)), is_locked($id)]);
--EXPECT--
ok: it looks empty
ok: it is not moved
ok: it is said
ok: it looks empty
ok: a new one may be written
ok: it is destroyed
ok: what was written is there
ok: it goes on
