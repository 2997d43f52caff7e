--TEST--
a process without standard streams: none of them becomes a session's connection
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
foreach (['tcp' => $server->save_path(), 'unix' => 'unix://' . $server->socket] as $way => $path) {
    $seen = temp_file('');
    [$first, $second] = [new_id(), new_id()];
    $child = Child::plain('
        [, $seen, $first, $second] = $argv;
        fclose(STDIN);
        fclose(STDERR);
        ini_set("session.use_cookies", "0");
        ini_set("session.cache_limiter", "");
        session_id($first);
        session_start();
        $_SESSION["n"] = 1;
        $say = fn ($what) => file_put_contents($seen, "$what\n", FILE_APPEND);
        foreach ([0, 2] as $fd) {
            $say("$fd: " . (str_starts_with((string) @readlink("/proc/self/fd/$fd"), "socket:") ? "a socket" : "none"));
        }
        trigger_error("text:\r\nSET planted 1\r\n", E_USER_WARNING);
        session_write_close();
        session_id($second);
        session_start();
        $say(json_encode($_SESSION));', [$seen, $first, $second], ['session.save_path' => $path, 'display_errors' => 'stderr', 'html_errors' => 0]);
    poll('the end of the script', fn () => substr_count(file_get_contents($seen), "\n") === 3);
    same("$way: streams and the second session", "0: none\n2: none\n[]\n", file_get_contents($seen));
    same("$way: nothing was planted", 0, $server->resp()->exists('planted'));
    same("$way: the first session", 'n|i:1;', $server->resp()->get(data_key($first)));
}
--EXPECT--
ok: tcp: streams and the second session
ok: tcp: nothing was planted
ok: tcp: the first session
ok: unix: streams and the second session
ok: unix: nothing was planted
ok: unix: the first session
