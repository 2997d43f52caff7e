--TEST--
RustRedis\SessionHandler: a class with a store of its own that reads and writes another record by the object in its methods: the record is not taken for PHP's session
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

class Elsewhere implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    public array $sessions = [];
    public function __construct(private RustRedis\SessionHandler $object, private string $record) {}
    private function look(): void { $this->object->read($this->record); $this->object->close(); }
    private function count(): void
    {
        $count = (int) substr($this->object->read($this->record), 4);
        $this->object->write($this->record, 'c|i:' . ($count + 1) . ';');
    }
    public function open(string $path, string $name): bool { return true; }
    public function close(): bool { return true; }
    public function read(string $id): string|false { $this->look(); return $this->sessions[$id] ?? ''; }
    public function validateId(string $id): bool { $this->look(); return isset($this->sessions[$id]); }
    public function updateTimestamp(string $id, string $data): bool { $this->count(); return true; }
    public function write(string $id, string $data): bool { $this->count(); $this->sessions[$id] = $data; return true; }
    public function destroy(string $id): bool { $this->count(); unset($this->sessions[$id]); return true; }
    public function gc(int $max): int|false { return 0; }
}
$record = new_id();
session_set_save_handler($handler = new Elsewhere(new RustRedis\SessionHandler(), $record), false);
foreach (['0', '1'] as $strict) {
    ini_set('session.use_strict_mode', $strict);
    /* The visitor may have chosen an id that is a part of the record's name. */
    foreach ([[new_id(), true], [new_id(), false], [$record[0], true], [$record[0], false]] as [$id, $deletes]) {
        redis()->del(data_key($record));
        $handler->sessions = [$id => 'a|i:1;'];
        start($id);
        $_SESSION['n'] = 2;
        $case = "strict mode $strict, " . ($deletes ? 'true' : 'false');
        ok("$case: the id changes", session_regenerate_id($deletes) && session_write_close());
        same('the session is where the class has it', 'a|i:1;n|i:2;', $handler->sessions[session_id()]);
        same('the record', ['c|i:2;', 0], [redis()->get(data_key($record)), redis()->exists(side_key($record, 'STATE'))]);
    }
}

/* What cannot be decoded is the class' own. */
$handler->sessions = [$id = new_id() => 'garbage|x:9'];
redis()->del(data_key($record));
same('a session that cannot be decoded', false, @start($id));
same('the record counts its end', 'c|i:1;', redis()->get(data_key($record)));

/* Nor is a record that a class reads before PHP's session, which it keeps under an id of its own. */
class Prefixes extends Elsewhere
{
    public function __construct(private RustRedis\SessionHandler $inner, private string $other) {}
    public function close(): bool { return $this->inner->close(); }
    public function read(string $id): string|false { $this->inner->read($this->other); return $this->inner->read("app-$id"); }
    public function validateId(string $id): bool { return $this->read($id) !== ''; }
    public function write(string $id, string $data): bool
    {
        return $this->inner->write($this->other, 'c|i:1;') && $this->inner->write("app-$id", $data);
    }
    public function destroy(string $id): bool { return $this->inner->destroy("app-$id"); }
}
foreach ([new_id(), $record[0]] as $id) {
    foreach ([true, false] as $deletes) {
        redis()->del(data_key($record));
        store_session("app-$id", ['a' => 1]);
        session_set_save_handler(new Prefixes(new RustRedis\SessionHandler(), $record), false);
        start($id, ['use_strict_mode' => 0]);
        $_SESSION['n'] = 2;
        ok('the id changes', session_regenerate_id($deletes) && session_write_close());
        same('the session', 'a|i:1;n|i:2;', redis()->get(data_key('app-' . session_id())));
        same('the record', 'c|i:1;', redis()->get(data_key($record)));
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?){38}
