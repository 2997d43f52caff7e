--TEST--
prefetch: a page that saves nothing leaves a session its own lifetimes
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['wait', 'deferred'] as $ack) {
    $port = php_server('
        parse_str((string) parse_url($_SERVER["REQUEST_URI"], PHP_URL_QUERY), $query);
        session_start();
        switch ($query["do"]) {
            case "make":
                $_SESSION["n"] = 1;
                rustredis_session_lifetime((int) $query["idle"], (int) $query["absolute"]);
                session_write_close();
                break;
            case "abort":
                session_abort();
                break;
            case "reset":
                session_reset();
                session_abort();
                break;
        }
        echo session_id();
    ', ['session.use_cookies' => 1, 'session.use_strict_mode' => 1, 'rustredis.prefetch' => 1, 'rustredis.write_ack' => $ack, 'session.gc_maxlifetime' => 1440]);
    foreach (['idle=2592000&absolute=0', 'idle=100000&absolute=300', 'idle=60&absolute=0'] as $lifetimes) {
        $id = http_get($port, "/?do=make&$lifetimes")->body;
        $before = redis()->ttl(data_key($id));
        foreach (['abort', 'reset', 'exit'] as $do) {
            http_get($port, "/?do=$do", ['Cookie' => "PHPSESSID=$id"]);
            poll('the lock to be given back', fn () => !is_locked($id), 20);
            $after = redis()->ttl(data_key($id));
            ok("$ack, $lifetimes, $do", abs($before - $after) <= 20, "$before -> $after");
        }
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){18}
