--TEST--
prefix= in save_path wins over rustredis.prefix, and all side keys have it
--INI--
rustredis.prefix=from-ini:
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$port = getenv('RUSTREDIS_PORT');
$id = new_id();
start($id);
same('the lock with the ini prefix', 1, redis()->exists("from-ini:{$id}_LOCK"));
$_SESSION['n'] = 1;
session_write_close();
same('the session with the ini prefix', 'n|i:1;', redis()->get("from-ini:$id"));

ini_set('session.save_path', "tcp://127.0.0.1:$port?prefix=from%2Dpath%3A");
start($id);
same('it is another session', [], $_SESSION);
same('the lock with the prefix of save_path', 1, redis()->exists("from-path:{$id}_LOCK"));
$_SESSION['n'] = 2;
session_write_close();
same('the session with the prefix of save_path', 'n|i:2;', redis()->get("from-path:$id"));
same('nothing under the default prefix', [], redis()->keys(PREFIX . "$id*"));
--EXPECT--
ok: the lock with the ini prefix
ok: the session with the ini prefix
ok: it is another session
ok: the lock with the prefix of save_path
ok: the session with the prefix of save_path
ok: nothing under the default prefix
