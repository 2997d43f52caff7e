--TEST--
the password of save_path is in no trace of what open() of a class throws, in any function that opens, nor in that of its reason
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = '
    class Handler extends SessionHandler
    {
        public int $left = 1;

        public function open(string $path, string $name): bool
        {
            if ($this->left--) {
                return true;
            }
            $reason = new RuntimeException("reason");
            throw new LogicException("thrown", 0, $reason);
        }

        public function close(): bool { return true; }
        public function read(string $id): string { return ""; }
        public function write(string $id, string $data): bool { return true; }
        public function destroy(string $id): bool { return true; }
    }
    $handler = new Handler();
    session_set_save_handler($handler, true);
    if ($argv[1] === "session_start") {
        $handler->left = 0;
    } else {
        session_start();
    }
    try {
        $argv[1]();
    } catch (Throwable $exception) {
        for (; $exception; $exception = $exception->getPrevious()) {
            echo $exception->getMessage(), " ", $exception, "\n", print_r($exception->getTrace(), true);
        }
    }';
foreach (['session_start', 'session_reset', 'session_regenerate_id'] as $function) {
    $ini = ['zend.exception_ignore_args' => 0, 'session.use_cookies' => 0, 'session.save_path' => 'redis://:secret@127.0.0.1:1'];
    $said = Child::run($code, [$function], $ini)->output();
    ok($function, !str_contains($said, 'secret') && str_contains($said, 'thrown') && str_contains($said, 'reason')
        && substr_count($said, 'redis://***') >= 2, $said);
}
--EXPECT--
ok: session_start
ok: session_reset
ok: session_regenerate_id
