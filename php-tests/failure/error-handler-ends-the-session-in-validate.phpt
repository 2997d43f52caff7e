--TEST--
an error handler that ends the session as validateId() of a class cannot read it: no cookie with a new id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = <<<'PHP'
class Strict extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return (bool) parent::read($id); }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
}
class Touches extends Strict
{
    public function validateId(string $id): bool { return (bool) parent::updateTimestamp($id, ''); }
}
$class = getenv('HANDLER') and session_set_save_handler(new $class());
set_error_handler(function (int $number, string $message): bool {
    echo str_contains($message, 'rustredis: ') ? 'told ' : '';
    eval(getenv('ENDS'));
    return true;
});
try {
    session_start();
} catch (Throwable) {
}
echo 'active: ', (int) (session_status() === PHP_SESSION_ACTIVE);
PHP;
$port = free_port();
foreach (['Strict', 'Touches', ''] as $class) {
    foreach (['session_write_close();', 'session_abort();', 'session_destroy();', 'session_start();', 'session_abort(); session_start();', 'session_write_close(); exit;', 'session_abort(); throw new Exception();'] as $ends) {
        $request = new CgiRequest(
            $script,
            ['session.save_path' => "tcp://127.0.0.1:$port", 'session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536'],
            ['HTTP_COOKIE' => 'PHPSESSID=' . ($id = new_id()), 'HANDLER' => $class, 'ENDS' => $ends],
        );
        $answer = $request->answer();
        ok("$class, $ends is told", str_starts_with($answer->body, 'told ') && !str_contains($answer->body, 'active: 1'), $answer->body);
        same('no new cookie', [], preg_grep("/PHPSESSID=$id;/", $answer->headers('Set-Cookie'), PREG_GREP_INVERT));
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){42}
