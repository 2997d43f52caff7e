--TEST--
after a change of the id in vain, session_start() goes on under the id that the browser has; after the second one, with what was there before the first
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

/** Fails in a method at its n-th call. */
class Fails extends SessionHandler
{
    public string $method = '';
    public int $calls = 0;

    private function fail(string $method): void
    {
        if ($method === $this->method && --$this->calls === 0) {
            throw new RuntimeException($method);
        }
    }

    public function open($path, $name): bool
    {
        $this->fail('open');
        return parent::open($path, $name);
    }

    public function read($id): string|false
    {
        $data = parent::read($id);
        $this->fail('read');
        return $data;
    }
}
ini_set('session.use_strict_mode', '1');
$class = new Fails();
session_set_save_handler($class);
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach (['read', 'open'] as $method) {
        foreach ([1, 2] as $nth) {
            [$class->method, $class->calls] = ['', 0];
            store_session($id = new_id(), ['n' => 1]);
            start($id);
            [$class->method, $class->calls] = [$method, $nth];
            $browser = $id;
            try {
                for ($i = 0; $i < 2; $i++) {
                    session_regenerate_id(true);
                    $browser = session_id();
                }
                echo "NOT OK: nothing was thrown\n";
            } catch (RuntimeException) {
            }
            session_start();
            same("locking=$locking, $method() of change $nth", [$browser, ['n' => 1]], [session_id(), $_SESSION]);
            $_SESSION['n'] = 2;
            session_write_close();
            same('it is stored', ['n|i:2;', $nth === 2], [redis()->get(data_key($browser)), $browser !== $id]);
            same('no lock is left', [false, false], [is_locked($id), is_locked($browser)]);
        }
    }
}
--EXPECT--
ok: locking=1, read() of change 1
ok: it is stored
ok: no lock is left
ok: locking=1, read() of change 2
ok: it is stored
ok: no lock is left
ok: locking=1, open() of change 1
ok: it is stored
ok: no lock is left
ok: locking=1, open() of change 2
ok: it is stored
ok: no lock is left
ok: locking=0, read() of change 1
ok: it is stored
ok: no lock is left
ok: locking=0, read() of change 2
ok: it is stored
ok: no lock is left
ok: locking=0, open() of change 1
ok: it is stored
ok: no lock is left
ok: locking=0, open() of change 2
ok: it is stored
ok: no lock is left