--TEST--
json: session_encode() and session_decode() by the user
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$id = new_id();
start($id);
same('an empty session', '{}', session_encode());
$_SESSION = ['n' => 1];
same('encode', '{"n":1}', session_encode());
same('decode', true, session_decode('{"m":{"$bytes":"/w=="}}'));
same('replaces the session', ['m' => "\xff"], $_SESSION);
same('an empty text', true, session_decode(''));
same('is an empty session', [], $_SESSION);
same('php format', true, session_decode('x|i:5;'));
$_SESSION['o'] = new stdClass();
$got = warnings_of(fn () => same('encode of an object is false', false, session_encode()));
check_warnings('with one warning', $got, [["session_encode\\(\\): rustredis: the session is not saved: \\\$_SESSION\\['o'\\]"]]);
unset($_SESSION['o']);
session_write_close();
same('what is stored', '{"x":5}', redis()->get(data_key($id)));
start($id);
$held = &$_SESSION;
same('decode again', true, session_decode('{"y":1}'));
same('$_SESSION is what was decoded', ['y' => 1], $_SESSION);
$_SESSION['z'] = 2;
session_write_close();
same('and what is stored', '{"y":1,"z":2}', redis()->get(data_key($id)));
start($id);
$got = warnings_of(fn () => same('decode of nonsense', false, session_decode('nonsense')));
check_warnings('is told', $got, [['cannot be read as JSON'], 'Failed to decode']);
same('the session ends', PHP_SESSION_NONE, session_status());
same('the lock is gone', false, is_locked($id));
// Where the message is an exception, that one ends the call: what is stored stays.
$stays = getenv('RUSTREDIS_WARNINGS_THROW') ? '{"y":1,"z":2}' : null;
same('with what was stored', $stays, redis()->get(data_key($id)));
--EXPECT--
ok: an empty session
ok: encode
ok: decode
ok: replaces the session
ok: an empty text
ok: is an empty session
ok: php format
ok: encode of an object is false
ok: with one warning
ok: what is stored
ok: decode again
ok: $_SESSION is what was decoded
ok: and what is stored
ok: decode of nonsense
ok: is told
ok: the session ends
ok: the lock is gone
ok: with what was stored
