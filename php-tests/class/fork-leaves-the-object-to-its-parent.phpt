--TEST--
after a fork the object stays with its parent: each method but create_sid() throws in the child, and the child releases nothing
--FILE--
<?php
require __DIR__ . '/class.inc';

use RustRedis\SessionHandler;

$handler = new SessionHandler();
$id = new_id();
$handler->read($id);
$report = temp_file('', '.txt');
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    $calls = [
        fn () => $handler->open('', ''), fn () => $handler->close(), fn () => $handler->read($id), fn () => $handler->write($id, 'child'),
        fn () => $handler->destroy($id), fn () => $handler->gc(1), fn () => $handler->validateId($id),
        fn () => $handler->updateTimestamp($id, 'child'), fn () => $handler->lock($id), fn () => $handler->tryLock($id), fn () => $handler->release(),
        fn () => $handler->isLocked($id), fn () => $handler->peek($id), fn () => $handler->exists($id), fn () => $handler->read('a/b'),
    ];
    $got = array_values(array_unique(array_map('thrown', $calls)));
    $own = new SessionHandler(null, ['lock_wait' => 0.1]);
    array_push($got, thrown(fn () => $own->read($id)), $own->write("{$id}c", 'mine'), thrown(fn () => $handler->read($id), $thrown), $thrown->getMessage());
    file_put_contents($report, json_encode($got));
    $handler = null;
    exit(0);
}
pcntl_waitpid($pid, $status);
$got = json_decode(file_get_contents($report), true);
same('every method throws', 'SessionException', array_shift($got));
same('an object of its own waits for the parent', ['LockTimeoutException', true, 'SessionException'], array_splice($got, 0, 3));
ok('the message names the parent', str_contains($got[0] ?? '', (string) getmypid()), $got);
same('the lock stays', [true, true], [is_locked($id), $handler->isLocked($id)]);
same('the parent goes on', true, $handler->write($id, 'parent'));
same('what is stored', ['parent', 'mine'], [redis()->get(data_key($id)), redis()->get(data_key("{$id}c"))]);

// PHP crashes in session_create_id() if create_sid() throws.
session_set_save_handler($handler);
session_start();
$pid = pcntl_fork();
if ($pid === 0) {
    ob_end_clean();
    ob_start(fn () => '');
    file_put_contents($report, thrown(fn () => session_create_id()));
    exit(0);
}
pcntl_waitpid($pid, $status);
same('session_create_id() in the child', [true, 'SessionException'], [pcntl_wifexited($status), file_get_contents($report)]);
session_destroy();
--EXPECT--
ok: every method throws
ok: an object of its own waits for the parent
ok: the message names the parent
ok: the lock stays
ok: the parent goes on
ok: what is stored
ok: session_create_id() in the child
