--TEST--
session_regenerate_id(): output while the id changes comes after the cookie of the new one
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$class = 'class Handler extends SessionHandler {
        public function __construct(private string $in, private int $size) {}
        public static bool $speaks = false;
        private function speak(string $in): void { if (self::$speaks && $in === $this->in) { echo str_repeat("x", $this->size), "\n"; } }
        public function write(string $id, string $data): bool { $this->speak("before"); $done = parent::write($id, $data); $this->speak("write"); return $done; }
        public function close(): bool { $this->speak("close"); return parent::close(); }
        public function create_sid(): string { $this->speak("create_sid"); return parent::create_sid(); }
        public function read(string $id): string { $data = parent::read($id); $this->speak("read"); return $data; }
    }
    ';
// A script, its own output buffer, and what it shows while the id changes.
$cases = [
    'a warning' => ['$_SESSION[5] = 1;', '0', 'Skipping numeric key 5'],
    'an error handler' => ['set_error_handler(function ($code, $text) { echo "told: $text\\n"; return true; }); $_SESSION[5] = 1;', '0', 'told: session_regenerate_id(): Skipping numeric key 5'],
    'a warning in a full buffer' => ['$_SESSION[5] = 1; echo str_repeat("y", 4000);', '4096', 'Skipping numeric key 5'],
    'a warning in a buffer with a callback' => ['ob_start(fn ($text) => strtoupper($text), 2); $_SESSION[5] = 1;', '0', 'SKIPPING NUMERIC KEY 5'],
];
foreach (['before', 'write', 'close', 'create_sid', 'read'] as $in) {
    $cases["a class in $in"] = ["session_abort(); session_set_save_handler(new Handler('$in', 9)); session_start();", '0', "xxxxxxxxx\n"];
}
$cases['a class that exits'] = ["session_abort(); session_set_save_handler(new class('close', 9) extends Handler {
        public function create_sid(): string { exit('bye'); }
    }); session_start();", '0', "xxxxxxxxx\nbye"];
$cases['a class that throws'] = ["session_abort(); session_set_save_handler(new class('close', 9) extends Handler {
        public function create_sid(): string { throw new Exception('thrown'); }
    }); session_start();", '0', "xxxxxxxxx\n"];
$cases['a class that ends all output buffers and begins its own'] = ["session_abort(); session_set_save_handler(new class('close', 9) extends Handler {
        public function create_sid(): string { while (ob_get_level()) { ob_end_clean(); } ob_start(); return parent::create_sid(); }
    }); session_start(); register_shutdown_function(function () {
        \$level = ob_get_level(); \$text = (string) ob_get_clean(); echo \$level, str_contains(\$text, '] end') ? ' is its own' : ' is lost';
    });", '0', '1 is its own'];
foreach ($cases as $name => [$code, $buffer, $shown]) {
    foreach ([false, true] as $deletes) {
        start($id = new_id(), ['use_strict_mode' => 0]);
        $_SESSION['n'] = 1;
        session_write_close();
        $script = $class . 'session_start(); ' . $code
            . ' Handler::$speaks = true; try { $done = session_regenerate_id(' . var_export($deletes, true) . '); } catch (Exception $e) { $done = $e->getMessage(); }
            $again = error_get_last()["message"] ?? ""; session_write_close(); echo "\n", json_encode([$done, $again]), " end";';
        $settings = ['output_buffering' => $buffer, 'session.use_cookies' => '1', 'display_errors' => '1', 'html_errors' => '0'];
        $answer = (new CgiRequest($script, $settings, ['HTTP_COOKIE' => session_name() . "=$id"]))->answer();
        $new = $answer->cookie(session_name()) ?? $id;
        same("$name: the browser has a session", 1, redis()->exists(data_key($new)));
        ok("and its output", str_contains($answer->body, $shown), $answer->body);
        ok("with no word of a cookie", stripos($answer->body, 'already been sent') === false, $answer->body);
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?)+
