--TEST--
json with PHP's own files handler: sessions are JSON files; a refused one keeps what was stored if lazy_write is on
--INI--
session.serialize_handler=json
session.save_handler=files
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$folder = temp_dir() . '/files-' . new_id();
mkdir($folder);
session_save_path($folder);
$id = new_id();
$file = "$folder/sess_$id";
start($id);
$_SESSION = ['n' => 1, 'f' => 1.0, 'b' => "\xff", 7 => 'seven'];
session_write_close();
same('the file', '{"$map":[["n",1],["f",1.0],["b",{"$bytes":"/w=="}],[7,"seven"]]}', file_get_contents($file));
$_SESSION = [];
start($id);
identical('it comes back', ['n' => 1, 'f' => 1.0, 'b' => "\xff", 7 => 'seven'], $_SESSION);
$_SESSION = ['o' => new stdClass()];
$got = warnings_of(fn () => session_write_close());
check_warnings('an object', $got, [['not saved', "_SESSION\\['o'\\]"]]);
same('the file is as it was', '{"$map":[["n",1],["f",1.0],["b",{"$bytes":"/w=="}],[7,"seven"]]}', file_get_contents($file));
// Without lazy_write PHP keeps no copy of what it read, and before 8.6 writes an empty session: docs/wire-format.md says so.
start($id, ['lazy_write' => 0]);
$_SESSION = ['o' => new stdClass()];
$got = warnings_of(fn () => session_write_close());
check_warnings('an object without lazy_write', $got, [['not saved', "_SESSION\\['o'\\]"]]);
if (PHP_VERSION_ID >= 80600) {
    same('PHP does what it does', '{"$map":[["n",1],["f",1.0],["b",{"$bytes":"/w=="}],[7,"seven"]]}', file_get_contents($file));
    file_put_contents($file, '');
} else {
    same('PHP does what it does', '', file_get_contents($file));
}
start($id);
same('an empty file is an empty session', [], $_SESSION);
session_write_close();
same('and is stored as one', '{}', file_get_contents($file));
file_put_contents($file, 'n|i:5;');
start($id);
same('the php format is read here too', ['n' => 5], $_SESSION);
$_SESSION['n']++;
session_write_close();
same('and becomes JSON', '{"n":6}', file_get_contents($file));
file_put_contents($file, '{"n":');
$got = warnings_of(fn () => start($id));
check_warnings('what cannot be decoded', $got, ['cannot be read as JSON', 'Failed to decode']);
same('is deleted by PHP: only rustredis keeps it', false, file_exists($file));
--EXPECT--
ok: the file
ok: it comes back
ok: an object
ok: the file is as it was
ok: an object without lazy_write
ok: PHP does what it does
ok: an empty file is an empty session
ok: and is stored as one
ok: the php format is read here too
ok: and becomes JSON
ok: what cannot be decoded
ok: is deleted by PHP: only rustredis keeps it
