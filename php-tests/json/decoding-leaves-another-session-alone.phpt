--TEST--
A session that is opened while session_decode() decodes another one's JSON keeps its own values
--INI--
session.serialize_handler=json
rustredis.json_objects=serialize
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Opens
{
    public function __serialize(): array
    {
        return ['it' => 1];
    }

    public function __unserialize(array $data): void
    {
        if (isset($GLOBALS['next'])) {
            session_abort();
            session_id($GLOBALS['next']);
            unset($GLOBALS['next']);
            session_start();
        }
    }
}
[$one, $two] = [new_id(), new_id()];
foreach ([$one, $two] as $id) {
    redis()->set(data_key($id), json_encode(['owner' => $id]));
}
start($one);
$_SESSION['opens'] = new Opens();
$text = session_encode();
$next = $two;
session_decode($text);
same('the other one is open', [$two, $two], [session_id(), $_SESSION['owner']]);
$_SESSION['n'] = 1;
same('it is saved', true, session_write_close());
same('with its own values', json_encode(['owner' => $two, 'n' => 1]), redis()->get(data_key($two)));
same('the first one stays', json_encode(['owner' => $one]), redis()->get(data_key($one)));
--EXPECT--
ok: the other one is open
ok: it is saved
ok: with its own values
ok: the first one stays
