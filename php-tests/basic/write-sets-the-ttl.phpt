--TEST--
a written session lives for session.gc_maxlifetime
--INI--
session.gc_maxlifetime=500
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
$ttl = redis()->ttl(data_key($id));
ok('the first write', $ttl > 480 && $ttl <= 500, $ttl);

ini_set('session.gc_maxlifetime', '900');
start($id);
$_SESSION['n'] = 2;
session_write_close();
$ttl = redis()->ttl(data_key($id));
ok('a longer setting', $ttl > 880 && $ttl <= 900, $ttl);

ini_set('session.gc_maxlifetime', '200');
start($id);
$_SESSION['n'] = 3;
session_write_close();
$ttl = redis()->ttl(data_key($id));
ok('a shorter setting', $ttl > 180 && $ttl <= 200, $ttl);
--EXPECT--
ok: the first write
ok: a longer setting
ok: a shorter setting
