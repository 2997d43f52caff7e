--TEST--
a save_path that only FPM's pool file or PHP_VALUE sets is used, also as php_value, which scripts may change
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

// A php.ini without a path, as Debian's and Red Hat's are.
$lines = preg_grep('/^session\.save_path\b/', file(getenv('RUSTREDIS_PHP_INI')), PREG_GREP_INVERT);
$php_ini = temp_file(implode($lines), '.ini');
$path = ini_get('session.save_path');
$script = '
    ini_set("display_errors", 1);
    ini_set("html_errors", 0);
    if (isset($_GET["restored"])) {
        ini_set("session.save_path", "tcp://127.0.0.1:1");
        ini_restore("session.save_path");
    }
    session_id($_GET["id"]);
    session_start();
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    session_write_close();
    echo "ended";';
// Each is a file of a pool, and what the web server adds to a request.
$ways = [
    'php_value' => ["php_value[session.save_path] = \"$path\"\n", []],
    'php_admin_value' => ["php_admin_value[session.save_path] = \"$path\"\n", []],
    'PHP_VALUE' => ['', ['PHP_VALUE' => "session.save_path = \"$path\""]],
    'PHP_ADMIN_VALUE' => ['', ['PHP_ADMIN_VALUE' => "session.save_path = \"$path\""]],
];
foreach ($ways as $way => [$lines, $environment]) {
    $id = new_id();
    $pool = new FpmPool($script, [], 1, $lines, $php_ini);
    same($way, 'ended', $pool->get("id=$id", $environment)->body);
    same("$way: after ini_restore()", 'ended', $pool->get("id=$id&restored", $environment)->body);
    same("$way: stored", 'n|i:2;', redis()->get(data_key($id)));
}

$pool = new FpmPool($script, [], 1, 'php_value[session.save_path] = "' . temp_dir() . "\"\n", $php_ini);
$said = $pool->get('id=' . new_id())->body;
ok('a folder of the pool is named as such', str_contains($said, 'it is a folder'), $said);
--EXPECT--
ok: php_value
ok: php_value: after ini_restore()
ok: php_value: stored
ok: php_admin_value
ok: php_admin_value: after ini_restore()
ok: php_admin_value: stored
ok: PHP_VALUE
ok: PHP_VALUE: after ini_restore()
ok: PHP_VALUE: stored
ok: PHP_ADMIN_VALUE
ok: PHP_ADMIN_VALUE: after ini_restore()
ok: PHP_ADMIN_VALUE: stored
ok: a folder of the pool is named as such
