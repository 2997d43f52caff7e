<?php
// Compares stubs/phpsess_rs.stub.php with the loaded module: functions and classes with their
// parameters and types, the settings with their defaults, and the result of rustredis_status().
// scripts/check-stubs runs this script without any other php.ini, so that each setting has its
// default. tests/protocol/settings.rs compares the README's table with the same settings.

declare(strict_types=1);

const EXTENSION = 'phpsess_rs';
const STUB = __DIR__ . '/../stubs/phpsess_rs.stub.php';

/** `name(type $parameter): type` for each function. */
function signatures(array $functions): array
{
    $signatures = [];
    foreach ($functions as $function) {
        $parameters = array_map(
            fn ($p) => trim($p->getType() . ' ' . ($p->isVariadic() ? '...' : '') . '$' . $p->getName() . ($p->isOptional() ? ' = ?' : '')),
            $function->getParameters(),
        );
        $signatures[] = sprintf('%s(%s): %s', $function->getName(), implode(', ', $parameters), $function->getReturnType() ?? '?');
    }
    sort($signatures);
    return $signatures;
}

/** `final class Name extends Parent` for each class, and its own public methods. */
function class_signatures(array $classes): array
{
    $signatures = [];
    foreach ($classes as $class) {
        $parent = $class->getParentClass();
        $signatures[] = ($class->isFinal() ? 'final ' : '') . 'class ' . $class->getName() . ($parent ? ' extends ' . $parent->getName() : '');
        $methods = array_filter($class->getMethods(ReflectionMethod::IS_PUBLIC), fn ($m) => $m->getDeclaringClass()->getName() === $class->getName());
        array_push($signatures, ...array_map(fn ($signature) => $class->getName() . "::$signature", signatures($methods)));
    }
    sort($signatures);
    return $signatures;
}

// The stub declares the same names as the module, so a PHP without the module reads it and
// describes its content.
if (($argv[1] ?? '') === 'describe-stub') {
    require STUB;
    $functions = array_map(fn ($name) => new ReflectionFunction($name), get_defined_functions()['user']);
    $classes = array_map(fn ($name) => new ReflectionClass($name), get_declared_classes());
    $is_here = fn ($declared) => $declared->getFileName() === realpath(STUB);
    echo json_encode([signatures(array_filter($functions, $is_here)), class_signatures(array_filter($classes, $is_here))], JSON_THROW_ON_ERROR);
    exit;
}

$differences = 0;

function compare(string $what, array $module, string $where, array $written): void
{
    global $differences;
    foreach ([[array_diff($module, $written), "not in $where"], [array_diff($written, $module), "in $where, but not in the module"]] as [$lines, $how]) {
        foreach ($lines as $line) {
            echo "$what $how: $line\n";
            $differences++;
        }
    }
}

if (!extension_loaded(EXTENSION)) {
    fwrite(STDERR, "the module is not loaded\n");
    exit(1);
}
$module = new ReflectionExtension(EXTENSION);
$stub = file_get_contents(STUB);

exec(escapeshellarg(PHP_BINARY) . ' -n ' . escapeshellarg(__FILE__) . ' describe-stub', $output, $status);
if ($status !== 0) {
    fwrite(STDERR, "the stub cannot be read: " . implode("\n", $output) . "\n");
    exit(1);
}
[$functions, $classes] = json_decode(implode("\n", $output), flags: JSON_THROW_ON_ERROR);
compare('function', signatures($module->getFunctions()), 'the stub', $functions);
compare('class', class_signatures($module->getClasses()), 'the stub', $classes);
compare('constant', array_keys($module->getConstants()), 'the stub', []);

$settings = array_map(fn ($name, $value) => "$name = $value", array_keys($module->getINIEntries()), $module->getINIEntries());
preg_match_all('/^ \*   (rustredis\.\w+) = ?(.*)$/m', $stub, $m, PREG_SET_ORDER);
compare('setting', $settings, 'the stub', array_map(fn ($line) => "$line[1] = $line[2]", $m));

// The parts of the array that exist in any process. In this one the lists are empty, and what may be
// null is null.
preg_match('/@return array\{(.*?)^ \* \}/ms', $stub, $m);
preg_match_all('/^ \*     (\w+): (\w+)(?:.*\|(null),?$)?/m', $m[1], $m, PREG_SET_ORDER);
$returned = [];
foreach (rustredis_status() as $key => $value) {
    $returned[] = "$key: " . (is_array($value) ? 'list' : get_debug_type($value));
}
compare('key of rustredis_status()', $returned, 'the stub', array_map(fn ($line) => "$line[1]: " . ($line[3] ?? $line[2]), $m));

if ($differences > 0) {
    exit(1);
}
printf("%d function(s), %d classes and %d settings are as written\n", count($module->getFunctions()), count($module->getClasses()), count($settings));
