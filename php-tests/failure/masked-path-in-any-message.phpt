--TEST--
session.save_path is masked in every message that shows it, and never elsewhere: a script always gets its own
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

const SECRET = 'the-Secret-1';

class Talks extends SessionHandler
{
    public bool $opens = true;

    public function open(string $path, string $name): bool
    {
        return $this->opens && parent::open($path, $name);
    }

    public function close(): bool
    {
        if (session_status() !== PHP_SESSION_ACTIVE) {
            return true; // PHP closes again what it could not open
        }
        trigger_error('audit: closed');
        same('what the script gets in between', ini_get('session.save_path'), session_save_path());
        return parent::close();
    }
}

$nobody = 'tcp://127.0.0.1:' . free_port();
session_set_save_handler($handler = new Talks());
foreach (['plain' => '?auth=' . SECRET, 'many characters' => '?prefix=a%26b&auth=<"' . SECRET . '\'>&database=1', 'of a user' => '?auth[]=ü&auth[]=' . SECRET,
    'long' => '?auth=' . SECRET . str_repeat('x', 3000)] as $name => $query) {
    ini_set('session.save_path', $nobody . $query);
    foreach (['0', '1'] as $html) {
        ini_set('html_errors', $html);
        $got = warnings_of(fn () => start(new_id()));
        check_warnings("$name, html_errors=$html", $got, [['rustredis: '], ['audit: closed'], ['Failed to read session data: user \(path: ', '\*\*\*']], SECRET);
        // As PHP itself shows and logs it.
        $output = Child::run('class S extends SessionHandler { function read(string $id): string|false { trigger_error("my path is " . session_save_path()); return false; } }
            session_set_save_handler(new S()); start("a");', [], ['session.save_path' => $nobody . '?auth=' . SECRET, 'html_errors' => $html, 'log_errors' => '1'])->output();
        ok('as PHP shows it', !str_contains($output, SECRET) && str_contains($output, 'my path is tcp') && substr_count($output, '***') >= 2, $output);
    }
}
// PHP escapes its messages, also where the page and the script have other charsets.
foreach (['ISO-8859-1' => 'UTF-8', 'UTF-8' => 'ISO-8859-1'] as $shown => $internal) {
    ini_set('default_charset', $shown);
    ini_set('internal_encoding', $internal);
    ini_set('session.save_path', "$nobody?prefix=\xFC&auth=" . SECRET);
    $got = implode("\n", warnings_of(fn () => start(new_id())));
    ok("a page in $shown", !str_contains($got, SECRET) && str_contains($got, '***'), $got);
}
ini_set('default_charset', 'UTF-8');
ini_set('internal_encoding', '');
ini_set('html_errors', '0');

// What PHP throws.
$server = RedisServer::start(['--requirepass', SECRET]);
ini_set('session.save_path', $path = $server->save_path('auth=' . SECRET));
ob_start();
start(new_id());
$handler->opens = false;
try {
    @session_regenerate_id();
    echo "NOT OK: no exception\n";
} catch (Error $error) {
    ob_end_clean();
    ok('what PHP throws', preg_match('~^Failed to open session: user \(path: tcp://[0-9.:]*\?\*\*\*\)$~', $error->getMessage()) === 1, $error->getMessage());
}
// A script's own exception, uncaught, with its arguments.
$output = Child::run('ini_set("zend.exception_string_param_max_len", "1000");
    class S extends SessionHandler { function open(string $path, string $name): bool { throw new Exception("own"); } }
    session_set_save_handler(new S()); start("a");', [], ['session.save_path' => $nobody . '?auth=' . SECRET])->output();
ok('the arguments in a trace', !str_contains($output, SECRET) && str_contains($output, 'S->open(\'tcp://'), $output);
same('an exception that nothing hides', $path, (new Exception($path))->getMessage());
same('the setting is untouched', [$path, $path], [ini_get('session.save_path'), session_save_path()]);
--EXPECT--
ok: what the script gets in between
ok: plain, html_errors=0
ok: as PHP shows it
ok: what the script gets in between
ok: plain, html_errors=1
ok: as PHP shows it
ok: what the script gets in between
ok: many characters, html_errors=0
ok: as PHP shows it
ok: what the script gets in between
ok: many characters, html_errors=1
ok: as PHP shows it
ok: what the script gets in between
ok: of a user, html_errors=0
ok: as PHP shows it
ok: what the script gets in between
ok: of a user, html_errors=1
ok: as PHP shows it
ok: what the script gets in between
ok: long, html_errors=0
ok: as PHP shows it
ok: what the script gets in between
ok: long, html_errors=1
ok: as PHP shows it
ok: what the script gets in between
ok: a page in ISO-8859-1
ok: what the script gets in between
ok: a page in UTF-8
ok: what PHP throws
ok: the arguments in a trace
ok: an exception that nothing hides
ok: the setting is untouched
