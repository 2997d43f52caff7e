--TEST--
a request that changes its id, destroys the session and starts once more has a new session, as with files
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = 'session_start(); $old = session_id(); session_regenerate_id(true); $new = session_id(); session_destroy(); $_SESSION = [];
    session_start(); $_SESSION["flash"] = "bye"; $saved = session_write_close();
    echo json_encode([$saved, session_id() === $old, session_id() === $new, session_id()]);';
foreach (['1', '0'] as $strict) {
    foreach (['10', '0'] as $grace) {
        store_session($id = new_id(), ['n' => 1]);
        $answer = (new CgiRequest($script, ['session.use_strict_mode' => $strict, 'rustredis.regenerate_grace' => $grace,
            'session.use_cookies' => '1'], ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
        [$saved, $is_old, $is_new, $last] = json_decode($answer->body, true) ?? [null, null, null, ''];
        // PHP asks no class without a validateId() if the id is known.
        $keeps = $strict === '0' || class_exists('PassesOn', false);
        same("strict=$strict, grace=$grace: the id", [true, $keeps, false], [$saved, $is_old, $is_new]);
        same('it is stored', 'flash|s:3:"bye";', redis()->get(data_key($last)));
    }
}
--EXPECT--
ok: strict=1, grace=10: the id
ok: it is stored
ok: strict=1, grace=0: the id
ok: it is stored
ok: strict=0, grace=10: the id
ok: it is stored
ok: strict=0, grace=0: the id
ok: it is stored