--TEST--
an error handler that exits as session_reset() cannot read, in a strict class whose validateId() reads: no cookie with a new id
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$script = <<<'PHP'
class Strict extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return parent::read($id) !== ''; }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
}
session_set_save_handler(new Strict());
session_start();
echo json_encode($_SESSION), ' ';
set_error_handler(fn () => exit('left'));
posix_kill((int) getenv('SERVER'), SIGKILL);
session_reset();
echo 'not left';
PHP;
$server = RedisServer::start();
$id = new_id();
store_session($id, ['n' => 1], 1440, $server->resp());
preg_match('/process_id:(\d+)/', $server->resp()->info('server'), $m);
$request = new CgiRequest(
    $script,
    ['session.save_path' => $server->save_path(), 'session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536'],
    ['HTTP_COOKIE' => "PHPSESSID=$id", 'SERVER' => $m[1]],
);
$answer = $request->answer();
same('the handler exits', '{"n":1} left', $answer->body);
same('no cookie', [], $answer->headers('Set-Cookie'));
--EXPECT--
ok: the handler exits
ok: no cookie
