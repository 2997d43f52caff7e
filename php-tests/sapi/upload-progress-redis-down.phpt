--TEST--
upload progress with Redis down: the upload arrives all the same
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$dead = free_port();
[$body, $type] = upload_body('photo', 100000);
$request = new CgiRequest('echo "size ", filesize($_FILES["file"]["tmp_name"]);', ['session.use_cookies' => 1, 'session.save_path' => "tcp://127.0.0.1:$dead",
    'session.upload_progress.enabled' => 1, 'session.upload_progress.freq' => '50%', 'session.upload_progress.min_freq' => 0], ['HTTP_COOKIE' => 'PHPSESSID=' . new_id()], strlen($body), $type);
$request->send($body);
ok('the file is there', str_ends_with($body = $request->answer()->body, 'size 100000'), $body);
--EXPECT--
ok: the file is there
