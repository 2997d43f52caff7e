--TEST--
session.sid_length and sid_bits_per_character shape the ids
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// Deprecated since PHP 8.4.
@ini_set('session.sid_length', '256');
@ini_set('session.sid_bits_per_character', '6');
session_start();
$id = session_id();
same('256 characters of the set', 1, preg_match('/^[0-9a-zA-Z,-]{256}$/D', $id));
$_SESSION['n'] = 1;
session_write_close();
same('stored', 'n|i:1;', redis()->get(data_key($id)));
--EXPECT--
ok: 256 characters of the set
ok: stored
