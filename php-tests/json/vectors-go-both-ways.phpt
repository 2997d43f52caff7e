--TEST--
every vector of docs/json-vectors.json, through Redis: PHP writes the text to the byte, and reads the value to the bit
--INI--
session.serialize_handler=json
--FILE--
<?php
require __DIR__ . '/../support/support.inc';
require __DIR__ . '/exact.inc';

$vectors = json_decode(file_get_contents(getenv('RUSTREDIS_ROOT') . '/docs/json-vectors.json'), true, 1024, JSON_THROW_ON_ERROR);
$checked = ['both' => 0, 'read' => 0, 'refused' => 0];
foreach ($vectors as $vector) {
    ['name' => $name, 'json' => $json, 'php' => $php] = $vector;
    $only = $vector['only'] ?? 'both';
    $checked[$only]++;
    ini_set('rustredis.json_objects', $vector['objects'] ?? 'refuse');
    $id = new_id();
    $key = data_key($id);
    if ($only === 'refused') {
        redis()->set($key, $json, 'EX', 100);
        $got = warnings_of(fn () => start($id));
        if ($_SESSION !== [] || redis()->exists($key) || !str_contains(implode("\n", $got), 'ASIDE:')) {
            echo "NOT OK: $name is not refused\n", implode("\n", $got), "\n";
        }
        session_status() === PHP_SESSION_ACTIVE && session_abort();
        continue;
    }
    $value = eval("return $php;");
    if ($only === 'both') {
        start($id);
        $_SESSION = $value;
        session_write_close();
        $stored = redis()->get($key);
        if ($stored !== $json) {
            same("$name is written", $json, $stored);
        }
    } else {
        redis()->set($key, $json, 'EX', 100);
    }
    $_SESSION = [];
    start($id);
    if (exact($_SESSION) !== exact($value)) {
        same("$name is read", $value, $_SESSION);
    }
    // What was read is written again in PHP's own spelling, and is the same value still.
    $_SESSION['more'] = 1;
    session_write_close();
    start($id);
    unset($_SESSION['more']);
    if (exact($_SESSION) !== exact($value)) {
        same("$name is written again", $value, $_SESSION);
    }
    session_abort();
    redis()->del($key);
}
ok('all kinds are there', min($checked) > 20, $checked);
--EXPECT--
ok: all kinds are there
