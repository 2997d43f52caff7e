--TEST--
an open that names another place is another session: the one before gives its lock back
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Moves extends SessionHandler
{
    public string $query = '';
    public bool $forgets = false;

    public function open(string $path, string $name): bool
    {
        return parent::open($path . $this->query, $name);
    }

    public function close(): bool
    {
        return $this->forgets || parent::close();
    }
}
$handler = new Moves();
session_set_save_handler($handler);
$id = new_id();
$there = 'A:' . new_id() . ':';
redis()->set($there . $id, 's|s:5:"there";', 'EX', '60');
store_session($id, ['s' => 'here']);
$is_locked_there = fn () => redis()->exists("$there{$id}_LOCK") === 1;
$path = ini_get('session.save_path');
$handler->query = (str_contains($path, '?') ? '&' : '?') . "prefix=$there";
$moved = $handler->query;

$handler->query = '';
start($id);
same('it is here', ['s' => 'here'], $_SESSION);
$handler->query = $moved;
same('it is opened again', true, session_reset());
same('it is there', ['s' => 'there'], $_SESSION);
same('the lock here is gone', false, is_locked($id));
same('there is one there', true, $is_locked_there());
$_SESSION['s'] = 'saved';
session_write_close();
same('it is saved there', 's|s:5:"saved";', redis()->get($there . $id));
same('and nothing here', 's|s:4:"here";', redis()->get(data_key($id)));
same('no lock is left', [false, false], [is_locked($id), $is_locked_there()]);

// The next session of the process, after one that was left without a close.
$handler->query = '';
$handler->forgets = true;
start($id);
session_write_close();
$handler->query = $moved;
start($id);
same('the next session is there', ['s' => 'saved'], $_SESSION);
same('under a lock of its own', [false, true], [is_locked($id), $is_locked_there()]);
--SKIPIF--
<?php
if (getenv('RUSTREDIS_CLUSTER_PORTS') !== false) {
    echo 'skip the side keys of this prefix have other names in a Cluster';
}
--EXPECT--
ok: it is here
ok: it is opened again
ok: it is there
ok: the lock here is gone
ok: there is one there
ok: it is saved there
ok: and nothing here
ok: no lock is left
ok: the next session is there
ok: under a lock of its own
