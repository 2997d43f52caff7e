--TEST--
a subclass that makes its ids itself, bad ones included
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Own extends SessionHandler
{
    public static string $next = '';

    public function create_sid(): string
    {
        return self::$next;
    }
}
session_set_save_handler(new Own());
Own::$next = $id = new_id();
same('a good id works', true, session_start());
$_SESSION['n'] = 1;
session_write_close();
same('it is stored', 'n|i:1;', redis()->get(data_key($id)));
session_id('');
Own::$next = 'under_score';
$got = warnings_of(function () use (&$result) {
    $result = session_start();
});
same('a bad one is refused', false, $result);
check_warnings('with a warning', $got, ['Failed to read session data']);
ok('and an advice', str_contains(implode(rustredis_status()['advice']), 'illegal characters'), rustredis_status()['advice']);
--EXPECT--
ok: a good id works
ok: it is stored
ok: a bad one is refused
ok: with a warning
ok: and an advice
