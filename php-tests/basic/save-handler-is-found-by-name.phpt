--TEST--
the handler is found by name in any case, at run time too
--INI--
session.save_handler=files
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

same('files first', 'files', session_module_name());
same('session_module_name() switches', 'files', session_module_name('RustRedis'));
same('and tells the name', 'rustredis', strtolower(session_module_name()));
$id = new_id();
start($id);
$_SESSION['n'] = 1;
session_write_close();
same('stored in Redis', 'n|i:1;', redis()->get(data_key($id)));
ini_set('session.save_handler', 'files');
ini_set('session.save_handler', 'rustredis');
same('ini_set() switches', 'rustredis', session_module_name());
--EXPECT--
ok: files first
ok: session_module_name() switches
ok: and tells the name
ok: stored in Redis
ok: ini_set() switches
