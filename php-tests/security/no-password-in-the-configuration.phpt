--TEST--
get_cfg_var() shows no password of php.ini, nor of one of its sections for a folder; both are used
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start(['--requirepass', 'the-Secret-1']);
$server->resp('the-Secret-1')->acl('SETUSER', 'default', '>the-Secret-2');
mkdir($dir = temp_dir() . '/' . bin2hex(random_bytes(8)));
mkdir($folder = "$dir/folder");
$script = <<<'PHP'
    <?php
    ob_start();
    var_dump(get_cfg_var('rustredis.password'), get_cfg_var($_SERVER['FOLDER']), ini_get_all('phpsess_rs'), ini_get('rustredis.password'));
    ini_restore('rustredis.password');
    var_dump((new ReflectionExtension('phpsess_rs'))->getINIEntries());
    (new ReflectionExtension('phpsess_rs'))->info();
    echo session_start() ? 'started' : 'failed';
    PHP;
file_put_contents("$dir/script.php", $script);
file_put_contents("$folder/script.php", $script);
$run = function (string $password, string $of_folder, string $file) use ($dir, $folder, $server): string {
    $ini = file_get_contents(getenv('RUSTREDIS_PHP_INI')) . "\nsession.save_path=\"{$server->save_path()}\"\nrustredis.username=\n"
        . "rustredis.password=\"$password\"\n[PATH=$folder]\nrustredis.password=\"$of_folder\"\n";
    file_put_contents("$dir/php.ini", $ini);
    $env = ['PHPRC' => $dir, 'PHP_INI_SCAN_DIR' => "$dir/none", 'FOLDER' => $folder, 'REDIRECT_STATUS' => '1', 'REQUEST_METHOD' => 'GET', 'SCRIPT_FILENAME' => $file] + getenv();
    $process = proc_open([getenv('RUSTREDIS_PHP_CGI')], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes, null, $env);
    $output = stream_get_contents($pipes[1]);
    proc_close($process);
    return $output;
};
foreach (['of the file' => ['the-Secret-1', 'wrong-Secret', "$dir/script.php"], 'of the section' => ['wrong-Secret', 'the-Secret-2', "$folder/script.php"]] as $name => $arguments) {
    $output = $run(...$arguments);
    ok("$name: it is used", str_ends_with($output, 'started'), $output);
    ok("$name: and not shown", !str_contains($output, 'Secret') && substr_count($output, '********') >= 6, $output);
}
ok('a wrong one is refused', str_contains($run('wrong-Secret', 'the-Secret-2', "$dir/script.php"), 'WRONGPASS'));
--EXPECT--
ok: of the file: it is used
ok: of the file: and not shown
ok: of the section: it is used
ok: of the section: and not shown
ok: a wrong one is refused
