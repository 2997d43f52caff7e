--TEST--
thousands of sessions in one process: no growth in memory, connections or descriptors
--SKIPIF--
<?php
getenv('USE_ZEND_ALLOC') === '0' && die('skip the resident memory is valgrind\'s');
getenv('EMULATED') === '1' && die('skip the code that QEMU has translated takes memory, or not yet');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
$memory = fn () => (int) preg_replace('/.*VmRSS:\s*(\d+) kB.*/s', '$1', file_get_contents('/proc/self/status'));
$descriptors = fn () => count(scandir('/proc/self/fd'));
$cycle = function (int $times) {
    $id = new_id();
    for ($i = 0; $i < $times; $i++) {
        start($id);
        $_SESSION['n'] = $i;
        $_SESSION['blob'] = str_repeat('x', 1000);
        switch ($i % 5) {
            case 0: session_write_close(); break;
            case 1: session_abort(); break;
            case 2: session_reset(); session_write_close(); break;
            case 3: session_regenerate_id(true); $id = session_id(); session_write_close(); break;
            case 4: session_destroy(); break;
        }
    }
};
$cycle(500);
[$before, $open] = [$memory(), $descriptors()];
$cycle(4000);
ok('memory', $memory() - $before < 2048, $memory() - $before);
same('descriptors', $open, $descriptors());
ok('one connection', (int) preg_replace('/.*connected_clients:(\d+).*/s', '$1', $server->resp()->info('clients')) <= 2);
--EXPECT--
ok: memory
ok: descriptors
ok: one connection
