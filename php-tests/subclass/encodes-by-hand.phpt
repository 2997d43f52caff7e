--TEST--
json: a handler class that encodes the session by hand writes nothing over it, and a refusal is that of its session only
--INI--
session.serialize_handler=json
session.lazy_write=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/* Looks at what is to be written, and passes on what PHP gives it. */
class Looks extends SessionHandler
{
    public function write(string $id, string $data): bool
    {
        @session_encode();
        return parent::write($id, $data);
    }
}
/* Stores a first record, as soon as it finds none. */
class Begins extends SessionHandler
{
    public function read(string $id): string|false
    {
        $data = parent::read($id);
        if ($data === '') {
            parent::write($id, '{"first":1}');
        }
        return $data;
    }
}
function refuse(string $id): void
{
    redis()->set(data_key($id), '{"user":7}', 'EX', 500);
    start($id);
    $_SESSION['bad'] = fn () => 1;
    $got = warnings_of(function () {
        try {
            session_write_close();
        } catch (ErrorException) {
        }
    });
    session_status() === PHP_SESSION_ACTIVE && session_abort();
    ok('it is refused', (bool) preg_grep('/rustredis: the session is not saved: /', $got), $got);
    same('what was stored stays', '{"user":7}', redis()->get(data_key($id)));
    same('the lock is free', false, is_locked($id));
}

session_set_save_handler(new Looks());
refuse(new_id());

foreach (['class' => new Begins(), 'before' => new SessionHandler()] as $handler) {
    session_set_save_handler($handler);
    refuse(new_id());
}
session_set_save_handler(new Begins());
$id = new_id();
same('the next session', [], warnings_of(fn () => start($id)));
same('its first record', '{"first":1}', redis()->get(data_key($id)));
session_abort();
--EXPECT--
ok: it is refused
ok: what was stored stays
ok: the lock is free
ok: it is refused
ok: what was stored stays
ok: the lock is free
ok: it is refused
ok: what was stored stays
ok: the lock is free
ok: the next session
ok: its first record
