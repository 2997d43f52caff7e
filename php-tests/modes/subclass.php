<?php
// SUBCLASS=1 of php-tests/run, in front of every script: sessions are kept by a class that passes everything on to
// PHP's SessionHandler, and so to rustredis. Frameworks wrap it like that. A test that sets a handler of its own has it.
class PassesOn extends SessionHandler
{
    /** For warnings.inc, which has to know whose words PHP uses. */
    public static int $opened = 0;

    public function open(string $path, string $name): bool
    {
        ++self::$opened;
        return parent::open($path, $name);
    }

    public function close(): bool
    {
        return parent::close();
    }

    public function read(string $id): string|false
    {
        return parent::read($id);
    }

    public function write(string $id, string $data): bool
    {
        return parent::write($id, $data);
    }

    public function destroy(string $id): bool
    {
        return parent::destroy($id);
    }

    public function gc(int $max_lifetime): int|false
    {
        return parent::gc($max_lifetime);
    }

    public function create_sid(): string
    {
        return parent::create_sid();
    }
}

// With session.auto_start there is a session already. After an upload with progress PHP takes no other handler.
if (session_status() === PHP_SESSION_NONE && ini_get('session.save_handler') === 'rustredis') {
    try {
        session_set_save_handler(new PassesOn(), true);
    } catch (Error) {
    }
}
