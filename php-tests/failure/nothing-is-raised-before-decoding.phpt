--TEST--
what a start that succeeds has to say is never raised in it: an error handler that throws does not stop PHP's decoding, which would cost the session
--EXTENSIONS--
msgpack
--INI--
rustredis.lock_wait=0
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class User
{
    public ?string $name = null;

    public function __construct(?string $name = null)
    {
        $this->name = $name;
    }

    public function __serialize(): array
    {
        return ['name' => $this->name];
    }

    public function __unserialize(array $data): void
    {
        $this->name = $data['name'];
    }
}

ini_set('error_log', $log = temp_file(''));
$server = RedisServer::start();
$resp = $server->resp();
$throwing = function (int $level, string $message) {
    throw new ErrorException($message);
};

/**
 * Starts a stored session, with an error handler that throws, so that $what is to be told in it. It must start whole; what
 * is told comes with the close, or is in the log.
 */
function try_it(string $name, string $what, callable $prepare, array $options = [], string $query = 'weight=1'): void
{
    global $server, $resp, $log, $throwing;
    $id = new_id();
    ini_set('session.save_path', $server->save_path());
    start($id);
    $_SESSION['user'] = new User('alice');
    session_write_close();
    $stored = $resp->get(data_key($id));
    ini_set('session.save_path', $server->save_path($query));
    $settings = $prepare($id) ?? [];
    $before = array_map(ini_get(...), array_combine(array_keys($settings), array_keys($settings)));
    array_map(ini_set(...), array_keys($settings), $settings);
    file_put_contents($log, '');
    set_error_handler($throwing);
    $told = '';
    try {
        same("$name: it starts whole", 'alice', start($id, $options) ? ($_SESSION['user']->name ?? null) : false);
        session_write_close();
    } catch (ErrorException $exception) {
        $told = $exception->getMessage();
    }
    restore_error_handler();
    $all = implode("\n", [$told, file_get_contents($log), ...rustredis_status()['advice']]);
    ok("$name: it is told", preg_match("~$what~", $all) === 1, $all);
    ok("$name: not in session_start()", !str_starts_with($told, 'session_start'), $told);
    same("$name: it stays", [$stored, false], [$resp->get(data_key($id)), is_locked($id, $resp) && !str_contains($name, 'read-only')]);
    array_map(ini_set(...), array_keys($before), $before);
}

foreach ([[], ['read_and_close' => true]] as $options) {
    $how = $options ? ' (read_and_close)' : '';
    try_it("an ignored parameter$how", 'persistent=0 in session.save_path has no effect', fn () => null, $options, 'persistent=0');
    try_it("gc_maxlifetime$how", 'gc_maxlifetime is 0', fn () => ['session.gc_maxlifetime' => '0'], $options);
    try_it("an earlier write$how", 'was not saved by an earlier request', function () use ($resp) {
        ini_set('rustredis.write_ack', 'deferred');
        start($other = new_id());
        $_SESSION['n'] = 1;
        $resp->del(lock_key($other));
        session_write_close();
        ini_set('rustredis.write_ack', 'wait');
    }, $options);
}
try_it('read-only', 'is read-only for this request', function (string $id) use ($resp) {
    $resp->set(lock_key($id), foreign_token(), 'PX', 60000);
    return ['rustredis.lock_failure' => 'readonly'];
});
try_it('read-only, strict', 'is read-only for this request', function (string $id) use ($resp) {
    $resp->set(lock_key($id), foreign_token(), 'PX', 60000);
    return ['rustredis.lock_failure' => 'readonly', 'session.use_strict_mode' => '1'];
});

// A session that is there, but that this serializer, or no compression, can read.
set_error_handler($throwing);
ini_set('session.save_path', $server->save_path());
foreach (['damaged' => ["\x28\xb5\x2f\xfd damaged", 'php'], 'json for msgpack' => ['{"n":1}', 'msgpack']] as $name => [$value, $serializer]) {
    ini_set('session.serialize_handler', $serializer);
    $resp->set(data_key($id = new_id()), $value);
    same("$name: it starts empty", [true, []], [start($id), $_SESSION]);
    try {
        session_write_close();
        echo "NOT OK: $name: nothing is told\n";
    } catch (ErrorException $exception) {
        ok("$name: it is told with the close", preg_match('~^session_write_close\(\): rustredis: .*is kept for a day~', $exception->getMessage()) === 1, $exception->getMessage());
    }
}
--EXPECT--
ok: an ignored parameter: it starts whole
ok: an ignored parameter: it is told
ok: an ignored parameter: not in session_start()
ok: an ignored parameter: it stays
ok: gc_maxlifetime: it starts whole
ok: gc_maxlifetime: it is told
ok: gc_maxlifetime: not in session_start()
ok: gc_maxlifetime: it stays
ok: an earlier write: it starts whole
ok: an earlier write: it is told
ok: an earlier write: not in session_start()
ok: an earlier write: it stays
ok: an ignored parameter (read_and_close): it starts whole
ok: an ignored parameter (read_and_close): it is told
ok: an ignored parameter (read_and_close): not in session_start()
ok: an ignored parameter (read_and_close): it stays
ok: gc_maxlifetime (read_and_close): it starts whole
ok: gc_maxlifetime (read_and_close): it is told
ok: gc_maxlifetime (read_and_close): not in session_start()
ok: gc_maxlifetime (read_and_close): it stays
ok: an earlier write (read_and_close): it starts whole
ok: an earlier write (read_and_close): it is told
ok: an earlier write (read_and_close): not in session_start()
ok: an earlier write (read_and_close): it stays
ok: read-only: it starts whole
ok: read-only: it is told
ok: read-only: not in session_start()
ok: read-only: it stays
ok: read-only, strict: it starts whole
ok: read-only, strict: it is told
ok: read-only, strict: not in session_start()
ok: read-only, strict: it stays
ok: damaged: it starts empty
ok: damaged: it is told with the close
ok: json for msgpack: it starts empty
ok: json for msgpack: it is told with the close
