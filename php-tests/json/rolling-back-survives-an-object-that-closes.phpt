--TEST--
rolling back from json with objects: one that closes the session while it is read does no harm
--EXTENSIONS--
igbinary
msgpack
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$code = 'class Meddler {
    public function __construct(public string $how) {}
    public function __serialize(): array { return [$this->how]; }
    public function __unserialize(array $data): void { [$this->how] = $data; ($this->how)(); $GLOBALS["new"][] = str_repeat("y", 100000); }
}';
eval($code);
// The id is a text of its own, of which only PHP's session has a reference.
foreach (['php', 'php_serialize', 'msgpack', 'igbinary'] as $after) {
    foreach (['session_write_close', 'session_abort', 'session_destroy'] as $how) {
        $id = new_id();
        $json = json_encode(['o' => ['$object' => serialize(new Meddler($how))], 'z' => str_repeat('z', 100000)]);
        redis()->set(data_key($id), $json, 'EX', 100);
        $child = Child::run("$code " . 'session_id(strrev(strrev($argv[1]))); @session_start(); @session_write_close(); echo "end";', [$id],
            ['session.serialize_handler' => $after, 'rustredis.json_objects' => 'serialize', 'error_reporting' => 0]);
        $output = $child->output();
        ok("$after, $how", $output === 'end', $output);
        same('the lock is gone', false, is_locked($id));
    }
}
--EXPECTREGEX--
(ok: [^\n]*\n?)+
