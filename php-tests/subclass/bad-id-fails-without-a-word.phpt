--TEST--
an illegal id behind a SessionHandler subclass: false, at no cost, and without a warning of ours
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Asks extends SessionHandler
{
    public array $got = [];

    public function read(string $id): string|false
    {
        return $this->got[] = parent::read($id);
    }

    public function destroy(string $id): bool
    {
        return $this->got[] = parent::destroy($id);
    }
}
session_set_save_handler($handler = new Asks());
foreach (['a_b', 'a/b', '../../etc', str_repeat('a', 257), "a\0b", '.'] as $i => $id) {
    $got = [];
    same("$i: no trip", 0, trips(function () use ($id, &$got) {
        $got = warnings_of(fn () => start($id));
    }));
    check_warnings("$i: PHP's own warning", $got, ['^session_start\(\): Failed to read session data: user \(path: ']);
}
same('all are false', [false], array_unique($handler->got));
$handler->got = [];
start(new_id());
same('so is destroy()', [[], false], [warnings_of(fn () => $handler->destroy('a_b')), $handler->got[1]]);
--EXPECT--
ok: 0: no trip
ok: 0: PHP's own warning
ok: 1: no trip
ok: 1: PHP's own warning
ok: 2: no trip
ok: 2: PHP's own warning
ok: 3: no trip
ok: 3: PHP's own warning
ok: 4: no trip
ok: 4: PHP's own warning
ok: 5: no trip
ok: 5: PHP's own warning
ok: all are false
ok: so is destroy()
