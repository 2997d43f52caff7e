--TEST--
a server that is too old, or has lost a command, gives one warning that names the version it takes
--INI--
rustredis.lock_wait=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Answers each command by $answers (a PHP array of its name => the reply), OK to all others. */
function old_server(array $answers): int
{
    $child = Child::plain('
        $answers = ' . var_export($answers, true) . ';
        $server = stream_socket_server("tcp://127.0.0.1:0");
        fwrite(STDOUT, stream_socket_get_name($server, false) . "\n");
        while ($client = stream_socket_accept($server, 60)) {
            while (preg_match("/^\*(\d+)/", (string) fgets($client), $count)) {
                $words = [];
                for ($i = 0; $i < $count[1]; $i++) {
                    $length = (int) substr(fgets($client), 1);
                    $words[] = substr(stream_get_contents($client, $length + 2), 0, -2);
                }
                fwrite($client, ($answers[$words[0]] ?? "+OK") . "\r\n");
            }
        }');
    static $keep = [];
    $keep[] = $child;
    return (int) substr(strrchr($child->line(), ':'), 1);
}

$script = 'ERR Error running script (call to f_7d2c): @user_script:1: @user_script: 1: Write commands not allowed after non deterministic commands. '
    . 'Call redis.replicate_commands() at the start of your script in order to switch to single commands replication mode.';
$busy = "*6\r\n$4\r\nbusy\r\n$7\r\nother|1\r\n:900\r\n:900\r\n:1000\r\n$-1";
$cases = [
    'Redis 4: TIME before a write' => [['EVALSHA' => "-$script"], 'non deterministic'],
    'Redis 5: BLPOP with fractions' => [['EVALSHA' => $busy, 'BLPOP' => '-ERR timeout is not an integer or out of range'], 'not an integer'],
    'Redis 5: AUTH with a user' => [['AUTH' => "-ERR wrong number of arguments for 'auth' command"], 'wrong number'],
    'no scripts' => [['EVALSHA' => "-ERR unknown command 'EVALSHA'"], 'EVALSHA'],
];
foreach ($cases as $what => [$answers, $said]) {
    ini_set('session.save_path', 'tcp://127.0.0.1:' . old_server($answers) . '?auth[]=web&auth[]=the-Secret-1');
    $got = warnings_of(function () use (&$result) {
        $result = start($GLOBALS['id'] = new_id());
    });
    check_warnings($what, $got, [['rustredis: ', 'Redis says ', $said, 'Redis 6\.0 or newer is needed'], READ_FAILED], 'the-Secret-1', $id);
    same('session_start()', false, $result);
}
// And in truth.
foreach (['EVALSHA', 'AUTH'] as $command) {
    $server = RedisServer::start(['--rename-command', $command, 'other']);
    ini_set('session.save_path', $server->save_path('auth[]=default&auth[]=the-Secret-1'));
    $got = warnings_of(fn () => start($GLOBALS['id'] = new_id()));
    check_warnings("$command was renamed", $got, [['rustredis: ', "unknown command .$command.", 'Redis 6\.0 or newer is needed'], READ_FAILED], 'the-Secret-1', $id);
}
--EXPECT--
ok: Redis 4: TIME before a write
ok: session_start()
ok: Redis 5: BLPOP with fractions
ok: session_start()
ok: Redis 5: AUTH with a user
ok: session_start()
ok: no scripts
ok: session_start()
ok: EVALSHA was renamed
ok: AUTH was renamed
