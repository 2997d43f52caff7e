--TEST--
handler functions of any name that pass on to a SessionHandler: what cannot be decoded is kept aside, an unknown id locks nothing
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

final class Inner extends SessionHandler
{
}
$inner = new Inner();
function sess_destroy(string $id): bool
{
    return $GLOBALS['inner']->destroy($id);
}
function sess_validate(string $id): bool
{
    return $GLOBALS['inner']->read($id) !== '';
}
set_error_handler(fn () => true, E_DEPRECATED);
foreach (['a function' => 'sess_destroy', 'a closure' => fn (string $id): bool => $inner->destroy($id)] as $what => $destroy) {
    session_set_save_handler($inner->open(...), $inner->close(...), $inner->read(...), $inner->write(...), $destroy, $inner->gc(...),
        fn (): string => new_id(), 'sess_validate');
    $id = new_id();
    redis()->set(data_key($id), $text = "$id|i:7;damaged|x:");
    warnings_of(fn () => start($id));
    session_abort();
    // Other tests keep values aside at the same time.
    $aside = array_map(fn ($key) => redis()->get($key), redis()->keys(PREFIX . 'ASIDE:*'));
    same("$what: it is kept aside", [true, 0], [in_array($text, $aside, true), redis()->exists(side_key($id, 'STATE'))]);

    $id = new_id();
    start($id);
    same("$what: an unknown id is replaced, and not locked", [false, false], [session_id() === $id, is_locked($id)]);
    session_destroy();
}
// What a script asks for is done.
$id = new_id();
store_session($id, ['n' => 1]);
start($id);
session_destroy();
same('a logout is one', [0, 1], [redis()->exists(data_key($id)), redis()->exists(side_key($id, 'STATE'))]);
--EXPECT--
ok: a function: it is kept aside
ok: a function: an unknown id is replaced, and not locked
ok: a closure: it is kept aside
ok: a closure: an unknown id is replaced, and not locked
ok: a logout is one
