<?php

declare(strict_types=1);

namespace RustRedis\Laravel;

use Closure;
use RustRedis\LockLostException;
use RustRedis\SessionDestroyedException;
use RustRedis\SessionException;
use RustRedis\SessionHandler;
use SessionHandlerInterface;
use Symfony\Component\HttpKernel\Exception\ConflictHttpException;
use Symfony\Component\HttpKernel\Exception\ServiceUnavailableHttpException;
use Throwable;

/**
 * The handler of Laravel's session store. Laravel ignores what a handler returns, so a failure has to
 * be an exception: the visitor gets a page that says so, and keeps the session.
 */
final class Handler implements SessionHandlerInterface
{
    /** Set if the session was destroyed before this request could write it. */
    private bool $missed = false;

    /** The id of a session that was destroyed during the wait for its lock. */
    private ?string $destroyed = null;

    /** @param Closure(Throwable): void $report writes an exception to the application's log */
    public function __construct(
        private SessionHandler $sessions,
        private Locking $locking,
        private Closure $report,
    ) {
    }

    public function locking(): Locking
    {
        return $this->locking;
    }

    /** Returns true if the session that the request had was destroyed by another one. */
    public function hasMissedItsSession(): bool
    {
        return $this->missed;
    }

    /** Locks a session for the read that follows. `$wait` is in seconds. */
    public function lock(string $id, ?float $wait): void
    {
        $this->attempt(function () use ($id, $wait): void {
            try {
                $this->sessions->lock($id, $wait);
            } catch (SessionDestroyedException) {
                // The page goes on, as in a request that had the session when it was destroyed.
                $this->destroyed = $id;
            }
        });
    }

    public function open(string $path, string $name): bool
    {
        return $this->sessions->open($path, $name);
    }

    /** Gives back all locks, also those of sessions that were read and not written. */
    public function close(): bool
    {
        $this->destroyed = null;
        return $this->sessions->close();
    }

    public function read(string $id): string
    {
        $this->missed = false;
        return $this->attempt(fn () => $this->sessions->read($id));
    }

    public function write(string $id, string $data): bool
    {
        if ($this->destroyed === $id) {
            $this->missed = true;
            return false;
        }
        try {
            return $this->attempt(fn () => $this->sessions->write($id, $data));
        } catch (ConflictHttpException $conflict) {
            if ($conflict->getPrevious() instanceof SessionDestroyedException) {
                // Another request has logged the visitor out, or in: this one has nothing to save, and
                // its page is as good as any.
                $this->missed = true;
                return false;
            }
            throw $conflict;
        }
    }

    public function destroy(string $id): bool
    {
        return $this->attempt(fn () => $this->sessions->destroy($id));
    }

    public function gc(int $max_lifetime): int|false
    {
        return $this->sessions->gc($max_lifetime);
    }

    /**
     * Turns a failure into an HTTP status. Laravel writes no exception of that kind to its log, so
     * the cause goes there first; the message is not for the visitor.
     */
    private function attempt(Closure $call): mixed
    {
        try {
            return $call();
        } catch (LockLostException | SessionDestroyedException $exception) {
            ($this->report)($exception);
            throw new ConflictHttpException('', $exception);
        } catch (SessionException $exception) {
            ($this->report)($exception);
            throw new ServiceUnavailableHttpException(1, '', $exception);
        }
    }
}
