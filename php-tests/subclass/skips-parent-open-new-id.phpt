--TEST--
a subclass that does not call parent::open() and asks for a new id: create_sid without a handle
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class NoOpen extends SessionHandler
{
    public array $ids = [];

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function read(string $id): string|false
    {
        return 'n|i:1;';
    }

    public function write(string $id, string $data): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    public function create_sid(): string
    {
        return $this->ids[] = parent::create_sid();
    }
}
$handler = new NoOpen();
session_set_save_handler($handler);
$got = warnings_of(function () use (&$started) {
    $started = session_start();
});
same('it starts', true, $started);
check_warnings('PHP says since 8.6 what it does then', $got, PHP_VERSION_ID >= 80600 ? ['Parent session handler is not open'] : []);
same('the id is a good one', 1, preg_match('/^[0-9a-f]{32}$/', session_id()));
same('from the native handler', [session_id()], $handler->ids);
same('the values are those of the subclass', ['n' => 1], $_SESSION);
session_write_close();
--EXPECT--
ok: it starts
ok: PHP says since 8.6 what it does then
ok: the id is a good one
ok: from the native handler
ok: the values are those of the subclass
