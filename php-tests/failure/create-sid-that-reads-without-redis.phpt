--TEST--
session_create_id() behind a class whose create_sid() reads, while Redis is gone: an id, and no crash
--FILE--
<?php
require __DIR__ . '/../support/support.inc';

$server = RedisServer::start();
$child = Child::run(<<<'PHP'
class Looks extends SessionHandler implements SessionUpdateTimestampHandlerInterface
{
    public function validateId(string $id): bool { return false; }
    public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
    public function create_sid(): string
    {
        do {
            $id = parent::create_sid();
        } while (session_status() === PHP_SESSION_ACTIVE && @parent::read($id));
        return $id;
    }
}
session_set_save_handler(new Looks());
session_start();
say('started');
hear();
say((string) preg_match('/^[0-9a-zA-Z,-]{20,}$/D', (string) @session_create_id()));
PHP, [], ['session.save_path' => $server->save_path()]);
same('it starts', 'started', $child->line());
$server->kill();
$child->tell('go');
same('it makes an id', '1', $child->line());
--EXPECTREGEX--
(ok: [^\n]*\n?){2}
