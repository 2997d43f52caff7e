--TEST--
a class that ends another session while session_regenerate_id() moves its own: the other one ends, and the copy is that of its own
--FILE--
<?php
require __DIR__ . '/../user/user.inc';

/** Ends a second session beside each that it destroys, or stores one beside each that it writes. */
class Both extends SessionHandler
{
    public string $other;
    public bool $first;

    public function destroy(string $id): bool
    {
        return $this->first ? parent::destroy($this->other) && parent::destroy($id) : parent::destroy($id) && parent::destroy($this->other);
    }

    public function write(string $id, string $data): bool
    {
        return $this->first ? parent::write($this->other, 'x|i:2;') && parent::write($id, $data)
            : parent::write($id, $data) && parent::write($this->other, 'x|i:2;');
    }
}

session_set_save_handler($class = new Both());
foreach (['1', '0'] as $locking) {
    ini_set('rustredis.locking', $locking);
    foreach ([true, false] as $class->first) {
        foreach ([true, false] as $delete) {
            store_session($class->other = new_id(), ['x' => 1]);
            start($old = new_id());
            $_SESSION['n'] = 1;
            rustredis_user($user = new_user());
            session_write_close();
            store_session($class->other, ['x' => 1]);
            start($old);
            $moved = session_regenerate_id($delete);
            $new = session_id();
            $name = "locking=$locking, " . ($class->first ? 'the other first' : 'the other last') . ', ' . json_encode($delete);
            $left = [$delete ? null : 'x|i:2;', 0];
            same("$name: the other one", [true, ...$left], [$moved, redis()->get(data_key($class->other)), redis()->exists(side_key($class->other, 'OLD'))]);
            same('is not moved', $delete ? 'logout' : null, reason_of($class->other));
            session_write_close();
            same('the own one is', [false, 'n|i:1;', true], [lives($old), redis()->get(side_key($old, 'OLD')), lives($new)]);
            same('with its user and its copy', [list_name($user), $old], [state($new)['user'], substr(strrchr(state($new)['copy'], ':'), 1)]);
            store_session($class->other, ['x' => 1]);
            start($new);
            session_destroy();
            same('a logout ends both, and the copy', [false, false, 0], [lives($new), lives($class->other), redis()->exists(side_key($old, 'OLD'))]);
        }
    }
}
--EXPECT--
ok: locking=1, the other first, true: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=1, the other first, false: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=1, the other last, true: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=1, the other last, false: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=0, the other first, true: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=0, the other first, false: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=0, the other last, true: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy
ok: locking=0, the other last, false: the other one
ok: is not moved
ok: the own one is
ok: with its user and its copy
ok: a logout ends both, and the copy