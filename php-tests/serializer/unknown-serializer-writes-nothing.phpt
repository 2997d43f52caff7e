--TEST--
a serializer that does not exist: PHP's own warning, nothing is written
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$id = new_id();
store_session($id, ['n' => 1]);
$got = warnings_of(fn () => ini_set('session.serialize_handler', 'nonsense'));
check_warnings('PHP refuses it', $got, ['Serialization handler "nonsense" cannot be found']);
start($id);
same('the old one stays', ['n' => 1], $_SESSION);
--EXPECT--
ok: PHP refuses it
ok: the old one stays
