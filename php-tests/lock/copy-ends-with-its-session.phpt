--TEST--
the copy that session_regenerate_id() leaves ends with the session, and there is one hop only
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

ini_set('session.use_strict_mode', '1');
$copy = fn (string $id) => redis()->get(side_key($id, 'OLD'));
/** The ids of a session that was moved so many times, the present one last, each move in a request of its own. */
$moved = function (int $times, ?callable $end = null): array {
    $ids = [new_id()];
    store_session($ids[0], ['n' => 1]);
    while (count($ids) <= $times) {
        start(end($ids));
        session_regenerate_id(true);
        $ids[] = session_id();
        $end && count($ids) > $times ? $end() : session_write_close();
    }
    return $ids;
};
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    [$old, $new] = $moved(1);
    same("locking=$locking: a copy", ['n|i:1;', true], [$copy($old), redis()->ttl(side_key($old, 'OLD')) <= 10]);
    start($new);
    session_destroy();
    same('a logout in the next request', null, $copy($old));
    start($old);
    same('what is left is empty, under the old id', [$old, []], [session_id(), $_SESSION]);
    session_write_close();

    [$old] = $moved(1, fn () => session_destroy());
    same('a logout in the same request', null, $copy($old));

    [$first, $second, $third] = $moved(2);
    same('a second move leaves one hop', [null, 'n|i:1;'], [$copy($first), $copy($second)]);
    start($third);
    session_destroy();
    same('and a logout none', null, $copy($second));

    $first = new_id();
    store_session($first, ['n' => 1]);
    start($first);
    session_regenerate_id(true);
    $second = session_id();
    session_regenerate_id(true);
    $third = session_id();
    session_write_close();
    same('two moves in one request: the copy of the first', ['n|i:1;', 0], [$copy($first), redis()->exists(side_key($second, 'OLD'))]);
    start($third);
    session_destroy();
    same('which goes, too', null, $copy($first));

    foreach ([true, false] as $delete) {
        start($planted = new_id(), ['use_strict_mode' => 0]);
        $_SESSION['cart'] = 1;
        session_write_close();
        start($planted);
        $_SESSION['user'] = 7;
        session_regenerate_id($delete);
        $_SESSION['secret'] = 1;
        session_write_close();
        start($planted);
        same('a planted id shows the visitor, not the user: ' . json_encode($delete), [$planted, ['cart' => 1]], [session_id(), $_SESSION]);
        session_write_close();
    }
    start($new = new_id(), ['use_strict_mode' => 0]);
    session_regenerate_id(false);
    $_SESSION['n'] = 1;
    session_write_close();
    same('a session that was never stored leaves nothing', [0, 0], [redis()->exists(data_key($new)), redis()->exists(side_key($new, 'OLD'))]);
}
ini_set('rustredis.locking', '1');
$status = rustredis_status();
[$old] = $moved(1);
start($old);
session_write_close();
start($old);
$_SESSION['n'] = 2;
warnings_of(fn () => session_write_close());
$now = rustredis_status();
same('both are counted', [2, 1], [$now['grace_reads'] - $status['grace_reads'], $now['grace_refusals'] - $status['grace_refusals']]);

ini_set('rustredis.regenerate_grace', '300');
[$old] = $moved(1);
ok('the mark outlives a long grace', redis()->pttl(side_key($old, 'STATE')) > redis()->pttl(side_key($old, 'OLD')));
redis()->del(side_key($old, 'OLD'));
[$word, $reason, $ms, $name] = explode('|', redis()->get(side_key($old, 'STATE')));
redis()->set(side_key($old, 'STATE'), "$word|$reason|" . ($ms - 60000) . "|$name", 'PX', 600000);
start($old);
same('without its copy, an overtaken request gets no new id for as long', [$old, []], [session_id(), $_SESSION]);
session_write_close();

[$old] = $moved(1);
redis()->set(side_key($old, 'OLD'), 'n|O:1:"x', 'KEEPTTL');
$got = warnings_of(fn () => start($old));
ok('a copy that cannot be decoded stays where it is', str_contains($got[0] ?? '', 'copy of what it was before') && !str_contains(implode($got), 'ASIDE'), $got);
same('until its time is over', ['n|O:1:"x', $old], [$copy($old), session_id() ?: $old]);
--EXPECT--
ok: locking=1: a copy
ok: a logout in the next request
ok: what is left is empty, under the old id
ok: a logout in the same request
ok: a second move leaves one hop
ok: and a logout none
ok: two moves in one request: the copy of the first
ok: which goes, too
ok: a planted id shows the visitor, not the user: true
ok: a planted id shows the visitor, not the user: false
ok: a session that was never stored leaves nothing
ok: locking=0: a copy
ok: a logout in the next request
ok: what is left is empty, under the old id
ok: a logout in the same request
ok: a second move leaves one hop
ok: and a logout none
ok: two moves in one request: the copy of the first
ok: which goes, too
ok: a planted id shows the visitor, not the user: true
ok: a planted id shows the visitor, not the user: false
ok: a session that was never stored leaves nothing
ok: both are counted
ok: the mark outlives a long grace
ok: without its copy, an overtaken request gets no new id for as long
ok: a copy that cannot be decoded stays where it is
ok: until its time is over
