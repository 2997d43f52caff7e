--TEST--
The path of a call is the one that holds after its arguments, whose __toString() may set another
--INI--
session.save_handler=rustredis
--FILE--
<?php
ob_start();

class SetsThePath {
    function __construct(public string $text) {}
    function __toString(): string {
        ini_set('session.save_path', 'tcp://127.0.0.1:2?timeout=0.1');
        return $this->text;
    }
}

$calls = [
    'user_sessions' => fn () => rustredis_user_sessions(new SetsThePath('ann')),
    'revoke' => fn () => rustredis_revoke(new SetsThePath('ann')),
    'revoke, handle' => fn () => rustredis_revoke('ann', new SetsThePath('handle')),
    'class' => fn () => (new RustRedis\SessionHandler(null, ['prefix' => 'a']))->exists(new SetsThePath('id')),
    'class, path' => fn () => (new RustRedis\SessionHandler(new SetsThePath('tcp://127.0.0.1:3')))->exists('id'),
];
foreach ($calls as $name => $call) {
    ini_set('session.save_path', 'tcp://127.0.0.1:1?timeout=0.1&prefix=' . str_repeat('A', 100));
    set_error_handler(fn ($number, $message) => throw new ErrorException($message));
    try {
        $call();
        echo "$name: nothing thrown\n";
    } catch (Throwable $e) {
        echo "$name: ", preg_match('/tcp:\/\/127\.0\.0\.1:\d\b/', $e->getMessage(), $at) ? $at[0] : $e->getMessage(), "\n";
    }
    restore_error_handler();
}
?>
--EXPECT--
user_sessions: tcp://127.0.0.1:2
revoke: tcp://127.0.0.1:2
revoke, handle: tcp://127.0.0.1:2
class: tcp://127.0.0.1:1
class, path: tcp://127.0.0.1:3
