<?php

declare(strict_types=1);

namespace RustRedis\CodeIgniter;

use CodeIgniter\Session\Handlers\BaseHandler;
use Config\Session as SessionConfig;
use RustRedis\SessionHandler;
use SessionIdInterface;
use SessionUpdateTimestampHandlerInterface;

/**
 * CodeIgniter's session driver for rustredis. CodeIgniter gives the object to PHP as its save handler,
 * so that each request is read under the lock of its session, and written and unlocked in one step.
 */
class RustRedisHandler extends BaseHandler implements SessionIdInterface, SessionUpdateTimestampHandlerInterface
{
    private SessionHandler $sessions;

    public function __construct(SessionConfig $config, string $ipAddress)
    {
        parent::__construct($config, $ipAddress);
        $options = [
            'ttl' => $config->expiration > 0 ? $config->expiration : max(1, (int) ini_get('session.gc_maxlifetime')),
            // CodeIgniter sends an Ajax request's cookie by itself, also the one of an id that was renewed
            // meanwhile. That must stay the id of a session.
            'regenerate_grace' => 0,
        ];
        if ($this->matchIP) {
            // Another address finds no session under the id.
            $options['prefix'] = ini_get('rustredis.prefix') . $ipAddress . ':';
        }
        $this->sessions = new SessionHandler($config->savePath === '' ? null : $config->savePath, $options);
    }

    public function open($path, $name): bool
    {
        return $this->sessions->open($path, $name);
    }

    public function close(): bool
    {
        return $this->sessions->close();
    }

    public function read($id): string
    {
        return $this->sessions->read($id);
    }

    public function write($id, $data): bool
    {
        return $this->sessions->write($id, $data);
    }

    public function destroy($id): bool
    {
        return $this->sessions->destroy($id) && $this->destroyCookie();
    }

    public function gc($max_lifetime): int|false
    {
        return $this->sessions->gc($max_lifetime);
    }

    public function create_sid(): string
    {
        return $this->sessions->create_sid();
    }

    public function validateId(string $id): bool
    {
        return $this->sessions->validateId($id);
    }

    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->sessions->updateTimestamp($id, $data);
    }
}
