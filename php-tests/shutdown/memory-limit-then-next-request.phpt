--TEST--
php -S: a request that runs out of memory while it reads leaves a working process and an intact session
--SKIPIF--
<?php getenv('USE_ZEND_ALLOC') === '0' && die('skip memory_limit is kept by the allocator of PHP that is off here');
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
$big = 'v|' . serialize(array_fill(0, 100000, 'a text of some bytes')) . 'n|i:1;';
redis()->set(data_key($id), $big, 'EX', 1000);
$port = php_server('
    if ($_SERVER["REQUEST_URI"] === "/small") { ini_set("memory_limit", "6M"); }
    session_start();
    echo "n is ", $_SESSION["n"];
', ['session.use_cookies' => 1, 'memory_limit' => '128M']);
$cookie = ['Cookie' => "PHPSESSID=$id"];
same('with memory enough', 'n is 1', http_get($port, '/', $cookie)->body);
ok('with too little', ran_out_of_memory($body = http_get($port, '/small', $cookie)->body), $body);
same('the stored session is intact', true, redis()->get(data_key($id)) === $big);
same('no lock is left', false, is_locked($id));
same('the next request works', 'n is 1', http_get($port, '/', $cookie)->body);
--EXPECT--
ok: with memory enough
ok: with too little
ok: the stored session is intact
ok: no lock is left
ok: the next request works
