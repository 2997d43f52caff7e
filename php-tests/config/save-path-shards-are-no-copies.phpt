--TEST--
a replica among several hosts of session.save_path: the warning says that they are shards
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$primary = RedisServer::start();
$replica = RedisServer::start(['--replicaof', '127.0.0.1', (string) $primary->port]);
ini_set('session.save_path', $replica->save_path('weight=1') . ', ' . $replica->save_path('weight=2'));
$got = warnings_of(fn () => start(new_id()));
check_warnings('several', $got, [['this is a replica', 'as shards: they are no copies'], READ_FAILED]);
ini_set('session.save_path', $replica->save_path());
$got = warnings_of(fn () => start(new_id()));
same('one', 0, preg_match('/shards/', $got[0]));
--EXPECT--
ok: several
ok: one
