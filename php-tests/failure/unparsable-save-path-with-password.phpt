--TEST--
a save_path that cannot be parsed: the warning points at the part, the password is masked everywhere
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach ([
    'tcp://127.0.0.1:99999?auth=the-Secret-1' => 'port|99999',
    'tcp://127.0.0.1:6379?auth=the-Secret-1&database=x' => 'database',
    'tcp://127.0.0.1:6379?auth=the-Secret-1&timeout=soon' => 'timeout',
    'tcp://127.0.0.1:6379?auth=the-Secret-1&nonsense=1' => 'parameter',
    'redis://user:the-Secret-1@127.0.0.1:6379/notanumber' => 'notanumber|database',
    'redis://user:the-Secret-1@127.0.0.1:port' => 'port',
    'http://user:the-Secret-1@127.0.0.1/' => 'scheme',
    '127.0.0.1:6379:the-Secret-1' => 'no host',
    'tcp://127.0.0.1:6379?pwd=the-Secret-1' => 'parameter',
    'redis://127.0.0.1/the-Secret-1' => 'database',
    'tcp://127.0.0.1:6379/the-Secret-1' => 'database=',
    'tcp://127.0.0.1:6379?timeout=0,25&auth=the-Secret-1' => 'server 2: a comma',
    'tcp://127.0.0.1:6379?auth=se,the-Secret-1' => 'server 2: a comma',
    'the-Secret-1://127.0.0.1' => 'scheme',
] as $path => $part) {
    ini_set('session.save_path', $path);
    $got = warnings_of(function () use (&$result) {
        $result = start(new_id());
    });
    same('session_start() is false', false, $result);
    check_warnings("$part is named", $got, [['^session_start\(\): rustredis: ', 'session\.save_path', $part], ['Failed to (initialize storage module|read session data): rustredis', '\*\*\*']], 'the-Secret-1');
}
--EXPECT--
ok: session_start() is false
ok: port|99999 is named
ok: session_start() is false
ok: database is named
ok: session_start() is false
ok: timeout is named
ok: session_start() is false
ok: parameter is named
ok: session_start() is false
ok: notanumber|database is named
ok: session_start() is false
ok: port is named
ok: session_start() is false
ok: scheme is named
ok: session_start() is false
ok: no host is named
ok: session_start() is false
ok: parameter is named
ok: session_start() is false
ok: database is named
ok: session_start() is false
ok: database= is named
ok: session_start() is false
ok: server 2: a comma is named
ok: session_start() is false
ok: server 2: a comma is named
ok: session_start() is false
ok: scheme is named
