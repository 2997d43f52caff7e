--TEST--
options are checked by name, and nothing that shows an object or an exception has a secret
--INI--
zend.exception_ignore_args=0
rustredis.prefix=INI:
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$secret = 'hunter2hunter2';
$path = "tcp://127.0.0.1:1?auth=$secret";
foreach ([
    'an unknown name' => [null, ['pasword' => $secret], 'rustredis.pasword'],
    'write_ack' => [null, ['password' => $secret, 'write_ack' => 'wait'], 'write_ack'],
    'prefetch' => [null, ['password' => $secret, 'prefetch' => false], 'prefetch'],
    'json_objects' => [null, ['password' => $secret, 'json_objects' => 'refuse'], 'json_objects'],
    'a bad value' => [null, ['password' => $secret, 'lock_wait' => $secret], 'a number of seconds from 0 to 3600'],
    'a bad TTL' => [null, ['password' => $secret, 'ttl' => $secret], 'ttl'],
    'an array' => [null, ['password' => [$secret]], 'scalar'],
    'null' => [null, ['password' => null], 'scalar'],
    'a list' => [null, [$secret], 'names'],
    'a path' => ["$path&nonsense=1", ['password' => $secret], '$savePath'],
] as $what => [$save_path, $options, $part]) {
    same($what, 'ValueError', thrown(fn () => new SessionHandler($save_path, $options), $thrown));
    ok("$what: the message", str_contains($thrown->getMessage(), $part), $thrown->getMessage());
    $shown = (string) $thrown->getTraceAsString() . $thrown->getMessage() . print_r($thrown->getTrace()[0], true) . var_export($thrown->getTrace()[0]['args'], true);
    ok("$what: no secret", !str_contains($shown, $secret), $shown);
}
ini_set('session.save_path', "tcp://127.0.0.1?auth=$secret&nonsense=1");
same('a bad session.save_path', 'ValueError', thrown(fn () => new SessionHandler(), $thrown));
ok('says so', str_contains($thrown->getMessage(), 'session.save_path') && !str_contains($thrown->getMessage(), $secret), $thrown->getMessage());
ini_restore('session.save_path');
same('too many arguments', 'ArgumentCountError', thrown(fn () => new SessionHandler(null, [], 1)));

$handler = new SessionHandler($path, ['password' => $secret, 'username' => 'ann']);
ob_start();
var_dump($handler, (array) $handler, get_object_vars($handler));
print_r($handler);
var_export($handler);
echo json_encode($handler), new ReflectionObject($handler);
$shown = ob_get_clean();
ok('no dump has a secret', !str_contains($shown, $secret) && !str_contains($shown, 'ann'), $shown);
same('a failure', 'ConnectionException', thrown(fn () => $handler->read('abcdefghijklmnopqrst'), $thrown));
ok('has no secret', !str_contains("$thrown", $secret) && !str_contains("$thrown", 'abcdefghijklmnopqrst,') && str_contains($thrown->getMessage(), 'tcp://127.0.0.1:1 '), "$thrown");
foreach (['clone' => fn () => clone $handler, 'serialize()' => fn () => serialize($handler), 'unserialize()' => fn () => unserialize('O:24:"RustRedis\SessionHandler":0:{}'),
    'a property' => fn () => $handler->x = 1, 'a second constructor' => fn () => $handler->__construct(),
    'no constructor' => fn () => (new ReflectionClass(SessionHandler::class))->newInstanceWithoutConstructor()] as $what => $do) {
    ok("$what is refused", in_array(thrown($do), ['Error', 'Exception', 'ReflectionException'], true), thrown($do));
}
ok('it equals no other', new SessionHandler() != new SessionHandler());

$id = new_id();
$options = ['prefix' => PREFIX, 'ttl' => 77, 'lock_wait' => 1, 'read_timeout' => 2.5, 'compression' => 'zstd', 'compression_min_size' => '10', 'locking' => true];
$handler = new SessionHandler(null, $options);
$handler->write($id, str_repeat('x', 5000));
ok('ttl', redis()->ttl(data_key($id)) <= 77 && redis()->ttl(data_key($id)) > 0);
ok('compression', redis()->strlen(data_key($id)) < 1000);
ini_set('rustredis.prefix', PREFIX);
same('the rest comes from php.ini', str_repeat('x', 5000), (new SessionHandler())->peek($id));
--EXPECT--
ok: an unknown name
ok: an unknown name: the message
ok: an unknown name: no secret
ok: write_ack
ok: write_ack: the message
ok: write_ack: no secret
ok: prefetch
ok: prefetch: the message
ok: prefetch: no secret
ok: json_objects
ok: json_objects: the message
ok: json_objects: no secret
ok: a bad value
ok: a bad value: the message
ok: a bad value: no secret
ok: a bad TTL
ok: a bad TTL: the message
ok: a bad TTL: no secret
ok: an array
ok: an array: the message
ok: an array: no secret
ok: null
ok: null: the message
ok: null: no secret
ok: a list
ok: a list: the message
ok: a list: no secret
ok: a path
ok: a path: the message
ok: a path: no secret
ok: a bad session.save_path
ok: says so
ok: too many arguments
ok: no dump has a secret
ok: a failure
ok: has no secret
ok: clone is refused
ok: serialize() is refused
ok: unserialize() is refused
ok: a property is refused
ok: a second constructor is refused
ok: no constructor is refused
ok: it equals no other
ok: ttl
ok: compression
ok: the rest comes from php.ini
