--TEST--
a logout after a session_regenerate_id() that PHP has refused stores nothing at the end of the request
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// A class that destroys no session which was never stored, as Symfony's.
$script = 'class Handler extends SessionHandler {
        private string $new = "";
        public function create_sid(): string { return $this->new = parent::create_sid(); }
        public function destroy(string $id): bool { return $id === $this->new || parent::destroy($id); }
    }
    session_set_save_handler(new Handler());
    session_start(); $first = session_regenerate_id(true); $new = session_id();
    echo "output\n"; flush();
    $second = @session_regenerate_id(true); $done = session_destroy();
    echo json_encode([$first, $second, $done, $new]);';
foreach ([true, false] as $has_user) {
    start($id = new_id(), ['use_strict_mode' => 0]);
    $_SESSION['n'] = 1;
    $has_user && rustredis_user(new_id());
    session_write_close();
    $answer = (new CgiRequest($script, ['output_buffering' => '0', 'session.use_cookies' => '1'],
        ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
    [$first, $second, $done, $new] = json_decode(explode("\n", $answer->body)[1] ?? '', true) ?? [$answer->body, null, null, ''];
    same('the second change is refused, and the session ends', [true, false, true], [$first, $second, $done]);
    same('nothing is stored', [0, 0, 0], array_map(redis()->exists(...), [data_key($new), data_key($id), side_key($id, 'OLD')]));
}
--EXPECT--
ok: the second change is refused, and the session ends
ok: nothing is stored
ok: the second change is refused, and the session ends
ok: nothing is stored
