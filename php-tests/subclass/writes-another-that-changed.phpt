--TEST--
a subclass that stores under another id than PHP's: nothing is written over what came in since it was read
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class StoresElsewhere extends SessionHandler
{
    public bool $ownFirst = false;

    public function read(string $id): string|false
    {
        $own = $this->ownFirst ? parent::read($id) : '';
        $new = parent::read("app$id");
        return $new ?: ($own ?: parent::read($id));
    }

    public function write(string $id, string $data): bool
    {
        return parent::write("app$id", $data);
    }

    public function destroy(string $id): bool
    {
        return parent::destroy("app$id");
    }
}
$handler = new StoresElsewhere();
session_set_save_handler($handler);

$stored = fn (string $id) => [redis()->get(data_key("app$id")), is_locked("app$id"), is_locked($id)];
$cases = [
    'nothing came in' => [null, fn () => null, 'n|i:11;', null],
    'it was read and is as it was' => ['n|i:10;', fn () => null, 'n|i:11;', null],
    'it was made meanwhile' => [null, fn ($key) => redis()->set($key, 'n|i:2;'), 'n|i:2;', 'another request changed it'],
    'it was evicted' => ['n|i:10;', fn ($key) => redis()->del($key), 'n|i:11;', null],
];
foreach ([false, true] as $handler->ownFirst) {
    foreach ($cases as $case => [$there, $meanwhile, $left, $said]) {
        $id = new_id();
        redis()->set(data_key($id), 'n|i:10;');
        $there === null || redis()->set(data_key("app$id"), $there);
        start($id);
        $meanwhile(data_key("app$id"));
        $_SESSION['n']++;
        $got = warnings_of(fn () => session_write_close());
        same($case, [$left, false, false], $stored($id));
        ok('that is ' . ($said === null ? 'not ' : '') . 'told', $said === null ? !$got : (bool) preg_grep("/$said/", $got), $got);
    }
}

// The class may write several times, and after it has deleted what it read.
$id = new_id();
redis()->set(data_key($id), 'n|i:10;');
start($id);
same('first', true, $handler->write($id, 'n|i:11;'));
same('second', true, $handler->write($id, 'n|i:12;'));
same('deleted', true, $handler->destroy($id));
$_SESSION['n'] = 13;
same('third', true, session_write_close());
same('stored', ['n|i:13;', false, false], $stored($id));

// Without locking, the last write wins, as with the own session.
ini_set('rustredis.locking', '0');
$id = new_id();
start($id);
redis()->set(data_key("app$id"), 'n|i:2;');
$_SESSION['n'] = 3;
same('without locking', [true, ['n|i:3;', false, false]], [session_write_close(), $stored($id)]);
--EXPECT--
ok: nothing came in
ok: that is not told
ok: it was read and is as it was
ok: that is not told
ok: it was made meanwhile
ok: that is told
ok: it was evicted
ok: that is not told
ok: nothing came in
ok: that is not told
ok: it was read and is as it was
ok: that is not told
ok: it was made meanwhile
ok: that is told
ok: it was evicted
ok: that is not told
ok: first
ok: second
ok: deleted
ok: third
ok: stored
ok: without locking
