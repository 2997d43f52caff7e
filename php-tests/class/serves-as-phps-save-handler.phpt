--TEST--
the class behind session_set_save_handler(): PHP's order of calls, and a failed read is an exception that changes no id
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$script = <<<'PHP'
ini_set('display_errors', '0');
session_set_save_handler(new RustRedis\SessionHandler(null, ['lock_wait' => 0.1]), true);
try {
    session_start();
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + (int) getenv('ADD');
    if (getenv('REGENERATE')) {
        session_regenerate_id(true);
    }
    session_write_close();
    echo session_id(), ' ', $_SESSION['n'];
} catch (Throwable $exception) {
    echo get_class($exception);
}
PHP;
$ini = ['session.use_cookies' => '1', 'session.use_strict_mode' => '1', 'output_buffering' => '65536'];
$ask = function (string $id, array $environment, array $more = []) use ($script, $ini) {
    $answer = (new CgiRequest($script, $more + $ini, ['HTTP_COOKIE' => "PHPSESSID=$id"] + $environment))->answer();
    return [explode(' ', $answer->body), $answer->headers('Set-Cookie') !== []];
};
$id = new_id();
store_session($id, ['n' => 1]);
same('changed', [[$id, '3'], false], $ask($id, ['ADD' => '2']));
same('what is stored', 'n|i:3;', redis()->get(data_key($id)));
same('unchanged', [[$id, '3'], false], $ask($id, ['ADD' => '0']));
[[$new, $n], $cookie] = $ask($id, ['ADD' => '1', 'REGENERATE' => '1']);
ok('a new id', $new !== $id && $n === '4' && $cookie, [$new, $n, $cookie]);
same('what is stored', [null, 'n|i:4;'], [redis()->get(data_key($id)), redis()->get(data_key($new))]);
[[$made], $cookie] = $ask(new_id(), ['ADD' => '1']);
ok('an unknown id is replaced', $cookie && redis()->get(data_key($made)) === 'n|i:1;', [$made, $cookie]);
redis()->set(lock_key($new), foreign_token(), 'PX', 60000);
foreach (['1', '0'] as $strict) {
    same("a failed read, strict mode $strict", [['RustRedis\LockTimeoutException'], false], $ask($new, ['ADD' => '1'], ['session.use_strict_mode' => $strict]));
}
same('what is stored stays', 'n|i:4;', redis()->get(data_key($new)));
redis()->del(lock_key($new));
foreach ([$id, $new, $made] as $each) {
    same('no lock is left', false, is_locked($each));
}
--EXPECT--
ok: changed
ok: what is stored
ok: unchanged
ok: a new id
ok: what is stored
ok: an unknown id is replaced
ok: a failed read, strict mode 1
ok: a failed read, strict mode 0
ok: what is stored stays
ok: no lock is left
ok: no lock is left
ok: no lock is left
