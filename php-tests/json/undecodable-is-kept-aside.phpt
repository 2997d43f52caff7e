--TEST--
json: a value that cannot be decoded is kept aside for a day under the key that the warning names, and the user can go on
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

foreach ([0, 1] as $strict) {
    ini_set('session.use_strict_mode', $strict);
    foreach (['{"n":1', '[1]', '{"a":NaN}', "\x00\x01binary", "{\"a\":\"\xff\"}", '{"a":"\ud800"}', 'n|not-serialized', 'true'] as $text) {
        $id = new_id();
        redis()->set(data_key($id), $text, 'EX', 100);
        $got = warnings_of(fn () => start($id));
        check_warnings(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE), $got, [
            ['rustredis: the session cannot be read as JSON: '],
            ['rustredis: ', 'could not be decoded', 'ASIDE'],
            'Failed to decode session object',
        ], $id);
        preg_match('/' . PREFIX . 'ASIDE:[0-9a-f]{32}\b/', $got[1] ?? '', $m);
        $aside = $m[0] ?? '';
        $ttl = redis()->ttl($aside);
        if (redis()->get($aside) !== $text || $ttl < 86000 || $ttl > 86400 || redis()->exists(data_key($id)) || $_SESSION !== [] || is_locked($id)) {
            same('what is left', ['aside' => $text], ['aside' => redis()->get($aside), 'ttl' => $ttl, 'session' => $_SESSION, 'locked' => is_locked($id)]);
        }
        session_id('');
        session_start();
        $_SESSION['n'] = 2;
        session_write_close();
        $again = session_id();
        if (redis()->get(data_key($again)) !== '{"n":2}' || redis()->get($aside) !== $text) {
            same('going on', '{"n":2}', redis()->get(data_key($again)));
        }
    }
}
// A session_start() that only reads must not take it away from those who write either.
$id = new_id();
redis()->set(data_key($id), '{"n":', 'EX', 100);
warnings_of(fn () => start($id, ['read_and_close' => true]));
$found = array_filter(redis()->keys(PREFIX . 'ASIDE:*'), fn ($key) => redis()->get($key) === '{"n":');
ok('read_and_close loses nothing', $found || redis()->get(data_key($id)) === '{"n":');
--EXPECT--
ok: "{\"n\":1"
ok: "[1]"
ok: "{\"a\":NaN}"
ok: "\u0000\u0001binary"
ok: "{\"a\":\"\ufffd\"}"
ok: "{\"a\":\"\\ud800\"}"
ok: "n|not-serialized"
ok: "true"
ok: "{\"n\":1"
ok: "[1]"
ok: "{\"a\":NaN}"
ok: "\u0000\u0001binary"
ok: "{\"a\":\"\ufffd\"}"
ok: "{\"a\":\"\\ud800\"}"
ok: "n|not-serialized"
ok: "true"
ok: read_and_close loses nothing
