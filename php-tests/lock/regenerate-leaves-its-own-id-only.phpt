--TEST--
session_regenerate_id(false) ends the session under the id that it leaves, once, and no other that is used meanwhile
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Uses another session while the own one is encoded. */
class Basket
{
    public static ?Closure $call = null;

    public function __serialize(): array
    {
        [$call, self::$call] = [self::$call, null];
        $call && $call();
        return [];
    }
}

/** Saves another session beside each of its own, and each of its own twice. */
class Twice extends SessionHandler
{
    public ?string $other = null;

    public function write(string $id, string $data): bool
    {
        return parent::write($id, $data) && (!$this->other || parent::write($this->other, 'basket|i:2;')) && parent::write($id, $data);
    }
}

$handler = new RustRedis\SessionHandler();
ini_set('rustredis.json_objects', 'serialize');
ini_set('rustredis.absolute_timeout', '100');
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    $other = new_id();
    store_session($other, ['basket' => 1]);
    $own = new_id();
    store_session($own, ['n' => 1]);
    start($own);
    $_SESSION['basket'] = new Basket();
    Basket::$call = function () use ($handler, $other, &$written) {
        $handler->read($other);
        $written = $handler->write($other, 'basket|i:2;');
    };
    session_regenerate_id(false);
    unset($_SESSION['basket']);
    session_write_close();
    same("locking=$locking: another session is written", [true, 'basket|i:2;'], [$written, redis()->get(data_key($other))]);
    same('the own one is left', [null, 'n|i:1;'], [redis()->get(data_key($own)), redis()->get(side_key($own, 'OLD'))]);
}
$created = fn (string $id): int => (int) explode('|', (string) redis()->get(side_key($id, 'STATE')))[1];

$class = new Twice();
session_set_save_handler($class);
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    start($planted = new_id(), ['use_strict_mode' => 0]);
    $_SESSION['user'] = 7;
    same("locking=$locking: a login in the first request", [true, []], [warnings_of_call(fn () => session_regenerate_id(false), $got), $got]);
    session_write_close();
    same('is not stored under the planted id', [null, null], [redis()->get(data_key($planted)), redis()->get(side_key($planted, 'OLD'))]);
    same('but under the new one', 'user|i:7;', redis()->get(data_key(session_id())));

    start($planted = new_id(), ['use_strict_mode' => 0]);
    $_SESSION['cart'] = 1;
    session_write_close();
    foreach (['the first', 'a late'] as $which) {
        start($planted, ['use_strict_mode' => 0]);
        $_SESSION['user'] = 7;
        same("$which request under an id moves", [true, []], [warnings_of_call(fn () => session_regenerate_id(false), $got), $got]);
        session_write_close();
        same('and leaves the visitor there', [null, 'cart|i:1;'], [redis()->get(data_key($planted)), redis()->get(side_key($planted, 'OLD'))]);
    }

    start($own = new_id(), ['use_strict_mode' => 0]);
    session_write_close();
    $state = explode('|', redis()->get(side_key($own, 'STATE')));
    $state[1] = $state[1] - 5000;
    redis()->set(side_key($own, 'STATE'), implode('|', $state), 'PX', 100000);
    $class->other = new_id();
    start($own, ['use_strict_mode' => 0]);
    session_regenerate_id(false);
    $_SESSION['n'] = 1;
    session_write_close();
    ok('the new id goes on with the own state', $created(session_id()) === (int) $state[1], redis()->get(side_key(session_id(), 'STATE')));
    ok('and the other session has its own', $created($class->other) > (int) $state[1]);
    $class->other = null;
}
function warnings_of_call(callable $call, ?array &$got): mixed
{
    $got = warnings_of(function () use ($call, &$result) {
        $result = $call();
    });
    return $result;
}
--EXPECT--
ok: locking=1: another session is written
ok: the own one is left
ok: locking=0: another session is written
ok: the own one is left
ok: locking=1: a login in the first request
ok: is not stored under the planted id
ok: but under the new one
ok: the first request under an id moves
ok: and leaves the visitor there
ok: a late request under an id moves
ok: and leaves the visitor there
ok: the new id goes on with the own state
ok: and the other session has its own
ok: locking=0: a login in the first request
ok: is not stored under the planted id
ok: but under the new one
ok: the first request under an id moves
ok: and leaves the visitor there
ok: a late request under an id moves
ok: and leaves the visitor there
ok: the new id goes on with the own state
ok: and the other session has its own
