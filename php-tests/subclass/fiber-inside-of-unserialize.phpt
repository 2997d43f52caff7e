--TEST--
a fiber that is suspended inside a subclass' read() while unserialize() runs around it: PHP's serializer goes on
--INI--
error_reporting=E_ALL & ~E_DEPRECATED
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Suspends extends SessionHandler
{
    public function read(string $id): string|false
    {
        $data = parent::read($id);
        Fiber::suspend();
        return $data;
    }
}
session_set_save_handler(new Suspends());
$id = new_id();
store_session($id, ['n' => 1]);
$fiber = new Fiber(fn () => start($id));

class Runs implements Serializable
{
    public function serialize()
    {
        return '';
    }

    public function unserialize($step)
    {
        $step === 'start' ? $GLOBALS['fiber']->start() : $GLOBALS['fiber']->resume();
    }
}
$text = fn (string $step) => 'a:1:{i:0;C:4:"Runs":' . strlen($step) . ":{{$step}}}";
foreach (['start', 'resume'] as $step) {
    same($step, 1, count(unserialize($text($step))));
}
same('the session has started', ['n' => 1], $_SESSION);
same('a reference of another', true, (fn ($made) => $made[0] === $made[1])(unserialize(serialize([$object = new stdClass(), $object]))));
session_write_close();
same('it is saved', ['n|i:1;', false], [redis()->get(data_key($id)), is_locked($id)]);
--EXPECT--
ok: start
ok: resume
ok: the session has started
ok: a reference of another
ok: it is saved
