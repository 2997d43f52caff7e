--TEST--
a Redis Cluster is named by a URL or as phpredis names it, and what is wrong with it is said
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$nobody = '127.0.0.1:' . free_port();
$single = RedisServer::start();
if ($user = ini_get('rustredis.username')) {
    // Its user may ask what a Cluster is asked.
    $single->resp()->acl('SETUSER', $user, '+cluster|slots');
}
foreach ([
    'url' => ["cluster://$nobody", 'cluster://' . $nobody . ' .*no node of the cluster answers'],
    'url, all of it' => ["cluster://web:secret@$nobody,$nobody/0?prefix=P:&timeout=1&read_timeout=1&persistent=1", 'no node of the cluster answers'],
    'seeds' => ["seed[]=$nobody&seed[]=$nobody", 'cluster://' . $nobody . ',.*no node of the cluster answers'],
    'seeds, all of it' => ["seed[]=$nobody&timeout=1&read_timeout=1&failover=none&persistent=1&prefix=P:&auth[]=web&auth[]=secret", 'no node of the cluster answers'],
    'seeds, not first' => ["timeout=1&seed[]=$nobody", 'no node of the cluster answers'],
    'database' => ["cluster://$nobody?database=2&auth=secret", 'only database 0'],
    'database of a URL' => ["cluster://$nobody/2?auth=secret", 'only database 0'],
    'no nodes' => ['cluster://?auth=secret', 'it needs nodes'],
    'a bad seed' => ["seed[]=$nobody&seed[]=host:secret&auth=secret", 'port must be a number'],
    'a prefix whose keys cannot share a slot' => ["cluster://$nobody?prefix=a}b:", 'the prefix "a}b:" does not fit'],
    'no cluster' => ['cluster://' . $single->address(), 'no node of a Redis Cluster: write tcp://'],
] as $name => [$path, $words]) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same("$name: session_start() is false", false, $result);
    check_warnings($name, $got, [['^session_start\(\): rustredis: ', $words], 'rustredis \(path: '], 'secret');
}
ini_set('session.save_path', "seed[]=$nobody&failover=error");
check_warnings('failover', warnings_of(fn () => start(new_id())), ['^session_start\(\): rustredis: ', 'rustredis \(path: ']);
ok('is an advice', str_starts_with(rustredis_status()['advice'][0], 'rustredis: failover in session.save_path has no effect'), rustredis_status()['advice']);
--EXPECT--
ok: url: session_start() is false
ok: url
ok: url, all of it: session_start() is false
ok: url, all of it
ok: seeds: session_start() is false
ok: seeds
ok: seeds, all of it: session_start() is false
ok: seeds, all of it
ok: seeds, not first: session_start() is false
ok: seeds, not first
ok: database: session_start() is false
ok: database
ok: database of a URL: session_start() is false
ok: database of a URL
ok: no nodes: session_start() is false
ok: no nodes
ok: a bad seed: session_start() is false
ok: a bad seed
ok: a prefix whose keys cannot share a slot: session_start() is false
ok: a prefix whose keys cannot share a slot
ok: no cluster: session_start() is false
ok: no cluster
ok: failover
ok: is an advice
