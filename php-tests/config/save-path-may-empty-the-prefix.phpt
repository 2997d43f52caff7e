--TEST--
an empty prefix is allowed
--SKIPIF--
<?php
echo getenv('RUSTREDIS_ACL') ? 'skip the user of this run has no right to such keys' : '';
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
ini_set('session.save_path', 'tcp://127.0.0.1:' . getenv('RUSTREDIS_PORT') . '?prefix=');
start($id);
$_SESSION['n'] = 1;
session_write_close();
same('the key is the id', 'n|i:1;', redis()->get($id));
--EXPECT--
ok: the key is the id
