--TEST--
a shutdown function may still change the session, close it and open another
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$one = new_id();
$two = new_id();
$child = Child::plain('
    session_id($argv[1]); session_start(); $_SESSION["n"] = 1;
    register_shutdown_function(function () use ($argv) {
        $_SESSION["n"] = 2;
        session_write_close();
        session_id($argv[2]);
        session_start();
        $_SESSION["m"] = 3;
    });', [$one, $two]);
same('no output', '', $child->output());
same('the change is stored', 'n|i:2;', redis()->get(data_key($one)));
same('the other session too', 'm|i:3;', redis()->get(data_key($two)));
same('no lock is left', [false, false], [is_locked($one), is_locked($two)]);
--EXPECT--
ok: no output
ok: the change is stored
ok: the other session too
ok: no lock is left
