--TEST--
a handler that destroys the id which its session has left ends nothing else
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$class = 'class Handler extends SessionHandler {} session_set_save_handler($handler = new Handler());';
$object = 'session_set_save_handler($handler = new RustRedis\SessionHandler());';
$script = '%s session_id($argv[1]); session_start(); session_regenerate_id(%s); $done = $handler->destroy($argv[1]);
    $_SESSION["n"] = 2; say(json_encode([$done, session_write_close(), session_id()]));';
foreach (['class' => $class, 'object' => $object] as $how => $sets) {
    $broken = [];
    foreach (['true', 'false'] as $deletes) {
        foreach (['1', '0'] as $locking) {
            foreach (['10', '0'] as $grace) {
                foreach ([true, false] as $has_user) {
                    start($id = new_id(), ['use_strict_mode' => 0]);
                    $_SESSION['n'] = 1;
                    $has_user && rustredis_user(new_id());
                    session_write_close();
                    $said = Child::run(sprintf($script, $sets, $deletes), [$id],
                        ['rustredis.locking' => $locking, 'rustredis.regenerate_grace' => $grace])->line();
                    [$done, $saved, $new] = json_decode($said, true) ?? [$said, null, ''];
                    $found = [$done, $saved, redis()->get(data_key($new)), redis()->exists(data_key($id))];
                    if ($found !== [true, true, 'n|i:2;', 0]) {
                        $broken["$deletes, locking=$locking, grace=$grace, user: " . var_export($has_user, true)] = $found;
                    }
                }
            }
        }
    }
    same($how, [], $broken);
}
--EXPECT--
ok: class
ok: object
