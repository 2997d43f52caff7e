--TEST--
a password in php-fpm's pool file beside another in a section of php.ini: each serves its own pages, and neither is shown
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$page = '
    session_id($_GET["id"]);
    $n = @session_start() ? ($_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1) : false;
    session_write_close();
    $shown = json_encode([$n, ini_get_all(), ini_get_all("phpsess_rs"), $GLOBALS, get_cfg_var("rustredis.password"),
        get_cfg_var("PATH=" . __DIR__)]);
    ini_restore("rustredis.password");
    $shown .= json_encode(ini_get_all());
    foreach (get_loaded_extensions() as $name) {
        $shown .= json_encode((new ReflectionExtension($name))->getINIEntries());
    }
    echo $shown;
    phpinfo();';
$section = temp_dir() . '/section';
mkdir($section);
file_put_contents("$section/page.php", "<?php\n$page");
$php_ini = temp_file(file_get_contents(getenv('RUSTREDIS_PHP_INI'))
    . "\n[PATH=$section]\nrustredis.password = of-the-SECTION\n", '.ini');

$server = RedisServer::start();
$ini = ['session.save_path' => $server->save_path(), 'rustredis.username' => '',
    'rustredis.password' => 'of-the-POOL'];
// One worker, which begins with the section, and so with the pool's password in clear behind it.
$pool = new FpmPool($page, $ini, 1, '', $php_ini);
$in_section = ['SCRIPT_FILENAME' => "$section/page.php"];
$of = ['the section' => $in_section, 'the pool' => [], 'the section again' => $in_section, 'the pool again' => []];
$id = new_id();
foreach ($of as $whose => $environment) {
    $is_of_pool = $environment === [];
    $server->resp()->acl('SETUSER', 'default', 'resetpass', '>' . ($is_of_pool ? 'of-the-POOL' : 'of-the-SECTION'));
    $body = $pool->get("id=$id", $environment)->body;
    ok("$whose: started", preg_match('/^\[[1-4],/', $body) === 1, substr($body, 0, 300));
    ok("$whose: the setting", substr_count($body, 'rustredis.password') > 3);
    foreach (['of-the-POOL', 'of-the-SECTION'] as $password) {
        $at = strpos($body, $password);
        ok("$whose: $password", $at === false, $at === false ? '' : substr($body, max(0, $at - 100), 150));
    }
    $server->resp($is_of_pool ? 'of-the-POOL' : 'of-the-SECTION')->acl('SETUSER', 'default', 'nopass');
}
--EXPECT--
ok: the section: started
ok: the section: the setting
ok: the section: of-the-POOL
ok: the section: of-the-SECTION
ok: the pool: started
ok: the pool: the setting
ok: the pool: of-the-POOL
ok: the pool: of-the-SECTION
ok: the section again: started
ok: the section again: the setting
ok: the section again: of-the-POOL
ok: the section again: of-the-SECTION
ok: the pool again: started
ok: the pool again: the setting
ok: the pool again: of-the-POOL
ok: the pool again: of-the-SECTION
