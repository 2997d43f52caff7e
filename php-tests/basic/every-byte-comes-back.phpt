--TEST--
every byte comes back, also those that mean something to Redis or to the lock
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$values = [
    'all bytes' => implode('', array_map('chr', range(0, 255))),
    'CRLF' => "\r\n\$5\r\nhello\r\n",
    'an operation of the lock' => 'keep',
    'lost' => 'lost',
    'NUL' => "\0",
    'a ticket' => str_repeat('a', 32) . "\n1\n1x",
];
foreach ($values as $name => $value) {
    $id = new_id();
    start($id);
    $_SESSION = ['v' => $value];
    session_write_close();
    $_SESSION = [];
    start($id);
    same($name, ['v' => $value], $_SESSION);
    session_abort();
}
--EXPECT--
ok: all bytes
ok: CRLF
ok: an operation of the lock
ok: lost
ok: NUL
ok: a ticket
