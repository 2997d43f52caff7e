--TEST--
a request that waits for a session whose id is regenerated meanwhile keeps its id, sees a copy and stores nothing
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

foreach (['1', '0'] as $strict) {
    foreach (['changes nothing', 'changes something'] as $does) {
        $id = new_id();
        store_session($id, ['n' => 1]);
        ini_set('session.use_strict_mode', $strict);
        start($id);
        $code = 'say(session_start(["use_strict_mode" => $argv[2]]) ? session_id() : "false"); say(json_encode($_SESSION));
            if ($argv[3] === "changes something") $_SESSION["late"] = 1;
            $messages = []; set_error_handler(function ($no, $text) use (&$messages) { return $messages[] = $text; });
            session_write_close(); say(json_encode($messages));';
        // Two of them: the first one must not hold up the second.
        $children = array_map(fn () => Child::run('session_id($argv[1]);' . $code, [$id, $strict, $does]), [1, 2]);
        poll('the waiters', fn () => redis()->zcard(side_key($id, 'WAITERS')) === 2);
        session_regenerate_id(true);
        foreach ($children as $n => $child) {
            same("strict=$strict, waiter $n $does: it keeps its id", $id, $child->line());
            same('it has the values of before', '{"n":1}', $child->line());
            $messages = $child->line();
            if ($does === 'changes nothing') {
                same('and says nothing', '[]', $messages);
            } else {
                ok('and is told once', substr_count($messages, 'moved it to a new id') === 1, $messages);
            }
            same('it ends', '', $child->output());
        }
        session_write_close();
        same('the old session stays gone', null, redis()->get(data_key($id)));
        same('the new one is stored', 'n|i:1;', redis()->get(data_key(session_id())));
        same('no lock is left', false, is_locked($id));
    }
}
--EXPECT--
ok: strict=1, waiter 0 changes nothing: it keeps its id
ok: it has the values of before
ok: and says nothing
ok: it ends
ok: strict=1, waiter 1 changes nothing: it keeps its id
ok: it has the values of before
ok: and says nothing
ok: it ends
ok: the old session stays gone
ok: the new one is stored
ok: no lock is left
ok: strict=1, waiter 0 changes something: it keeps its id
ok: it has the values of before
ok: and is told once
ok: it ends
ok: strict=1, waiter 1 changes something: it keeps its id
ok: it has the values of before
ok: and is told once
ok: it ends
ok: the old session stays gone
ok: the new one is stored
ok: no lock is left
ok: strict=0, waiter 0 changes nothing: it keeps its id
ok: it has the values of before
ok: and says nothing
ok: it ends
ok: strict=0, waiter 1 changes nothing: it keeps its id
ok: it has the values of before
ok: and says nothing
ok: it ends
ok: the old session stays gone
ok: the new one is stored
ok: no lock is left
ok: strict=0, waiter 0 changes something: it keeps its id
ok: it has the values of before
ok: and is told once
ok: it ends
ok: strict=0, waiter 1 changes something: it keeps its id
ok: it has the values of before
ok: and is told once
ok: it ends
ok: the old session stays gone
ok: the new one is stored
ok: no lock is left
