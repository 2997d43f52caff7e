--TEST--
an upload that another request cancels through the session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 7]);
[$body, $type] = upload_body('photo', 400000);
$request = new CgiRequest('session_start(); echo json_encode([$_FILES["file"]["error"] ?? "none", $_SESSION["n"]]);',
    ['session.use_cookies' => 1, 'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => 1, 'session.upload_progress.min_freq' => 0],
    ['HTTP_COOKIE' => "PHPSESSID=$id"], strlen($body), $type);
$half = intdiv(strlen($body), 2);
$request->send(substr($body, 0, $half));
poll('progress', fn () => str_contains((string) redis()->get(data_key($id)), 'upload_progress_photo'));
poll('the cancel', function () use ($id) {
    start($id);
    $found = isset($_SESSION['upload_progress_photo']);
    if ($found) {
        $_SESSION['upload_progress_photo']['cancel_upload'] = true;
    }
    session_write_close();
    return $found;
});
$request->send(substr($body, $half));
same('the script is told', json_encode([UPLOAD_ERR_EXTENSION, 7]), $request->answer()->body);
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: the script is told
ok: no lock is left
