--TEST--
upload progress: visible in Redis while the upload runs, gone afterwards, the session untouched
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 7]);
[$body, $type] = upload_body('photo', 400000);
$request = new CgiRequest('
    session_start();
    $_SESSION["n"]++;
    echo json_encode([$_FILES["file"]["error"], filesize($_FILES["file"]["tmp_name"]), array_keys($_SESSION), $_SESSION["n"]]);
', ['session.use_cookies' => 1, 'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => 1, 'session.upload_progress.min_freq' => 0,
    'rustredis.lock_wait' => 5], ['HTTP_COOKIE' => "PHPSESSID=$id"], strlen($body), $type);
$half = intdiv(strlen($body), 2);
$request->send(substr($body, 0, $half));
$read = function () use ($id) {
    $value = (string) redis()->get(data_key($id));
    return preg_match('/upload_progress_photo\|(a:.*)$/s', $value, $m) ? unserialize($m[1]) : null;
};
$progress = poll('progress', function () use ($read, $half) {
    $progress = $read();
    return $progress && $progress['bytes_processed'] > $half / 2 ? $progress : null;
});
same('the length is known', strlen($body), $progress['content_length']);
same('it is not done', false, $progress['done']);
poll('a free lock', fn () => !is_locked($id));
ok('other values stay', str_starts_with((string) redis()->get(data_key($id)), 'n|i:7;'));
same('another request can read the progress meanwhile', true, start($id));
ok('and sees it', $_SESSION['upload_progress_photo']['bytes_processed'] > 0);
session_write_close();
$request->send(substr($body, $half));
$answer = $request->answer();
same('the script has the whole file and a clean session', '[0,400000,["n"],8]', $answer->body);
same('the stored value', 'n|i:8;', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: the length is known
ok: it is not done
ok: other values stay
ok: another request can read the progress meanwhile
ok: and sees it
ok: the script has the whole file and a clean session
ok: the stored value
ok: no lock is left
