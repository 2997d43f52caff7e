--TEST--
a class that starts a session while PHP saves at the end, which fails and ends in a fatal error: the next request of the process is right
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$script = <<<'PHP'
class Audits extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return (bool) parent::read($id); }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
    public function write(string $id, string $data): bool
    {
        session_abort();
        session_id($_GET['locked']);
        session_start();
        return true;
    }
}
if (isset($_GET['locked'])) {
    session_set_save_handler(new Audits(), false);
    set_error_handler(function (int $number, string $message): bool {
        if (str_contains($message, 'rustredis')) {
            set_time_limit(1);
            while (true) {
            }
        }
        return true;
    });
    session_start();
    $_SESSION['n'] = 2;
} else {
    session_start();
    echo json_encode($_SESSION), ini_get('session.use_cookies');
}
PHP;
$pool = new FpmPool($script, [
    'session.save_path' => $server->save_path(),
    'session.use_strict_mode' => '1',
    'session.use_cookies' => '1',
    'output_buffering' => '4096',
    'display_errors' => '0',
    'rustredis.lock_wait' => '0.05',
], 1);
[$worker] = children_of($pool->pid);
store_session($id = new_id(), ['n' => 1], 1440, $server->resp());
store_session($locked = new_id(), ['n' => 1], 1440, $server->resp());
$server->resp()->set(lock_key($locked), foreign_token(), 'PX', 30000);
for ($n = 0; $n < 2; $n++) {
    $pool->get("locked=$locked", ['HTTP_COOKIE' => "PHPSESSID=$id"]);
    $next = $pool->get();
    same('the next request starts', '[]1', $next->body);
    same('and sends its cookie', 1, count($next->headers('Set-Cookie')));
}
same('the worker lives', [$worker], children_of($pool->pid));
--EXPECTREGEX--
(ok: [^\n]*\n?){5}
