--TEST--
a class around two objects, as for a move to another Redis: after an exception of the class both have given their locks back
--FILE--
<?php
require __DIR__ . '/class.inc';

class Both implements SessionHandlerInterface
{
    private $old;
    private $new;

    function __construct(private string $fails, private bool $opens)
    {
        $this->old = new RustRedis\SessionHandler(null, ['prefix' => 'A:' . getmypid() . ':']);
        $this->new = new RustRedis\SessionHandler();
    }

    function open($path, $name): bool
    {
        return !$this->opens || ($this->old->open($path, $name) && $this->new->open($path, $name));
    }

    function close(): bool
    {
        if ($this->fails === 'close') {
            $this->new->close();
            throw new Exception('close');
        }
        return $this->new->close() && $this->old->close();
    }

    function read($id): string|false
    {
        $this->new->read($id);
        $this->old->read($id);
        return $this->fails === 'read' ? throw new Exception('read') : '';
    }

    function write($id, $data): bool
    {
        return $this->new->write($id, $data);
    }

    function destroy($id): bool
    {
        return $this->new->destroy($id) && $this->old->destroy($id);
    }

    function gc($seconds): int|false
    {
        return 0;
    }
}

ini_set('session.use_cookies', '0');
foreach ([true, false] as $opens) {
    foreach (['nothing', 'read', 'close'] as $fails) {
        session_set_save_handler(new Both($fails, $opens), false);
        session_id(new_id());
        echo thrown('session_start'), ' ', locks(), ' ', thrown('session_write_close'), ' ', locks(), "\n";
    }
}
?>
--EXPECT--
 2  0
Exception 0  0
 2 Exception 0
 2  0
Exception 0  0
 2 Exception 0
