--TEST--
what a user sees when Redis is down: one warning of ours, one of PHP
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.save_path', 'tcp://127.0.0.1:1');
var_dump(start(new_id()));
--EXPECTF--
Warning: session_start(): rustredis: session %r[0-9a-f]{6}\.\.\.%r %s127.0.0.1:1%srefused%s in %s on line %d

Warning: session_start(): Failed to read session data: rustredis (path: tcp://127.0.0.1:1) in %s on line %d
bool(false)
