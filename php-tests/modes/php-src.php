<?php
// Turns a copy of php-src's ext/session/tests into tests of rustredis, in place:
//
//   php adapt.php FOLDER
//
// A test runs with the handler and the path of php.ini in the place of `files` and its empty path, and expects our name
// in the place of `files`. One whose handlers are all its own keeps the empty path, which it may use as a folder; so does
// one that asks for a handler by name, which it gets. What a test does stays as it is.
declare(strict_types=1);

/** @return array<string, string> name of the section => its text */
function sections(string $test): array
{
    $parts = preg_split('/^--([A-Z_]+)--\R/m', $test, -1, PREG_SPLIT_DELIM_CAPTURE);
    $sections = [];
    for ($i = 1; $i < count($parts); $i += 2) {
        $sections[$parts[$i]] = $parts[$i + 1];
    }
    return $sections;
}

/** Whether all handlers of a test are functions of its own, which pass nothing on. */
function has_its_own_handlers(string $code): bool
{
    $inherits = preg_match('/\b(new|extends)\s+\\\\?SessionHandler\b/', $code) && !str_contains($code, 'function read(');
    return str_contains($code, 'session_set_save_handler(') && !$inherits && !str_contains($code, 'parent::read(');
}

function adapted(string $test): string
{
    $sections = sections($test);
    $code = $sections['FILE'] ?? '';
    $ini = $sections['INI'] ?? '';
    $names_a_handler = preg_match('/["\']files["\']/', $code)
        || preg_match('/^session\.save_handler *= *"?(?!files)\w/m', $ini);
    if (!$names_a_handler) {
        $ini = preg_replace('/^session\.save_handler *= *"?files"?$/m', 'session.save_handler=rustredis', $ini);
    }
    if ($names_a_handler || (has_its_own_handlers($code) && !preg_match('/^session\.auto_start=1/m', $ini))) {
        $ini .= preg_match('/^session\.save_path *=/m', $ini) ? '' : "session.save_path=\n";
    } else {
        $ini = preg_replace('/^session\.save_path *= *("\{TMP\}")?\R/m', '', $ini);
    }
    // The sections may come in any order, but for that of the name.
    $sections = array_slice($sections, 0, 1) + ($ini === '' ? [] : ['INI' => $ini]) + array_slice($sections, 1);
    foreach (['EXPECT', 'EXPECTF', 'EXPECTREGEX'] as $name) {
        if (isset($sections[$name]) && !$names_a_handler) {
            $sections[$name] = str_replace('string(5) "files"', 'string(9) "rustredis"', $sections[$name]);
        }
    }
    $text = '';
    foreach ($sections as $name => $section) {
        $text .= "--$name--\n$section";
    }
    return $text;
}

$tests = glob("$argv[1]/*.phpt");
if (!$tests) {
    fwrite(STDERR, "adapt.php: there are no tests in $argv[1]\n");
    exit(2);
}
foreach ($tests as $file) {
    file_put_contents($file, adapted(file_get_contents($file)));
}
// It skips what has no folder to save in.
file_put_contents("$argv[1]/skipif.inc", '');
