--TEST--
an exception that comes while plain data is encoded: what is whole all the same is stored, and nothing else is
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** PHP skips integer keys, with a notice that becomes an exception; what comes after them is left out then. */
function write_it(string $serializer, array $values): string
{
    ini_set('session.serialize_handler', $serializer);
    $id = new_id();
    start($id);
    $_SESSION = ['n' => 1];
    session_write_close();
    $before = redis()->get(data_key($id));
    start($id);
    $_SESSION = $values;
    set_error_handler(function (int $level, string $message) {
        throw new ErrorException($message);
    }, E_NOTICE | E_WARNING);
    try {
        session_write_close();
        echo "NOT OK: no exception\n";
    } catch (ErrorException $exception) {
        ok("$serializer: PHP's own", str_contains($exception->getMessage(), 'Skipping numeric key'), $exception->getMessage());
    }
    restore_error_handler();
    $after = redis()->get(data_key($id));
    same('the lock is free', false, is_locked($id));
    return $after === $before ? 'as before' : $after;
}

ini_set('error_log', temp_file('')); // that it is not saved
same('the last', 'n|i:2;list|a:2:{i:0;a:1:{i:0;i:1;}s:1:"x";i:2;}', write_it('php', ['n' => 2, 'list' => [[1], 'x' => 2], 7 => 'skipped']));
same('in the middle', 'as before', write_it('php', ['n' => 2, 7 => 'skipped', 'list' => [[1], 'x' => 2]]));
same('in the middle', 'as before', write_it('php_binary', ['n' => 2, 7 => 'skipped', 'list' => [1]]));
--EXPECT--
ok: php: PHP's own
ok: the lock is free
ok: the last
ok: php: PHP's own
ok: the lock is free
ok: in the middle
ok: php_binary: PHP's own
ok: the lock is free
ok: in the middle
