--TEST--
json: upload progress is plain JSON in Redis while the upload runs, and gone afterwards
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
redis()->set(data_key($id), '{"n":7}', 'EX', 500);
[$body, $type] = upload_body('photo', 400000);
$request = new CgiRequest('
    session_start();
    $_SESSION["n"]++;
    echo json_encode([$_FILES["file"]["error"], array_keys($_SESSION), $_SESSION["n"]]);
', ['session.use_cookies' => 1, 'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => 1, 'session.upload_progress.min_freq' => 0,
    'session.serialize_handler' => 'json', 'rustredis.lock_wait' => 5], ['HTTP_COOKIE' => "PHPSESSID=$id"], strlen($body), $type);
$half = intdiv(strlen($body), 2);
$request->send(substr($body, 0, $half));
$progress = poll('progress', function () use ($id, $half) {
    $session = json_decode((string) redis()->get(data_key($id)), true);
    $progress = $session['upload_progress_photo'] ?? null;
    return $progress && $progress['bytes_processed'] > $half / 2 ? $progress : null;
});
same('the length is known', strlen($body), $progress['content_length']);
same('it is not done', false, $progress['done']);
same('a list of files', [0], array_keys($progress['files']));
$request->send(substr($body, $half));
same('the script has the file and a clean session', '[0,["n"],8]', $request->answer()->body);
same('the stored value', '{"n":8}', redis()->get(data_key($id)));
same('no lock is left', false, is_locked($id));
--EXPECT--
ok: the length is known
ok: it is not done
ok: a list of files
ok: the script has the file and a clean session
ok: the stored value
ok: no lock is left
