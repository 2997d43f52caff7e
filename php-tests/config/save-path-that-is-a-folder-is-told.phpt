--TEST--
a folder as session.save_path, in each of the ways of the files handler, is named as such; one that nobody has set is the default server
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['/tmp', '/tmp/', 'unix:///tmp', '5;/tmp', '2;/var/lib/nowhere', '5;0600;/tmp'] as $path) {
    ini_set('session.save_path', $path);
    $got = warnings_of(fn () => same("$path: it fails", false, start(new_id())));
    check_warnings($path, $got, [['rustredis: session\.save_path: it is a folder', 'files handler', 'tcp://host:port'], '^session_start\(\): Failed to initialize']);
}
--EXPECT--
ok: /tmp: it fails
ok: /tmp
ok: /tmp/: it fails
ok: /tmp/
ok: unix:///tmp: it fails
ok: unix:///tmp
ok: 5;/tmp: it fails
ok: 5;/tmp
ok: 2;/var/lib/nowhere: it fails
ok: 2;/var/lib/nowhere
ok: 5;0600;/tmp: it fails
ok: 5;0600;/tmp
