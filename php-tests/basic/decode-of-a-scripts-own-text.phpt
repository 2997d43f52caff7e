--TEST--
session_decode() of a script's own bad text is PHP's plain destroy: nothing is kept aside, nothing is said beyond PHP's own warning
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
ini_set('session.save_path', $server->save_path());
foreach (['stored' => true, 'new' => false] as $name => $stored) {
    $id = new_id();
    if ($stored) {
        store_session($id, ['n' => 1], 1440, $server->resp());
    }
    start($id);
    $got = warnings_of(fn () => same("$name: it is false", false, session_decode('n|x:nonsense')));
    check_warnings("$name: PHP's own warning", $got, ['^session_decode\(\): Failed to decode session object\. Session has been destroyed$']);
    same("$name: no session", [PHP_SESSION_NONE, 0], [session_status(), $server->resp()->exists(data_key($id))]);
}
same('nothing is kept', [], $server->resp()->keys('*ASIDE*'));
// What is stored and cannot be decoded is.
$server->resp()->set(data_key($id = new_id()), 'n|x:nonsense');
$got = warnings_of(fn () => start($id));
check_warnings('what is stored', $got, [['rustredis: .* is kept for a day'], 'Failed to decode session object']);
same('is kept', 1, count($server->resp()->keys('*ASIDE*')));
--EXPECT--
ok: stored: it is false
ok: stored: PHP's own warning
ok: stored: no session
ok: new: it is false
ok: new: PHP's own warning
ok: new: no session
ok: nothing is kept
ok: what is stored
ok: is kept
