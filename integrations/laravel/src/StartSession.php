<?php

declare(strict_types=1);

namespace RustRedis\Laravel;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Session\Middleware\StartSession as LaravelsStartSession;

/**
 * Laravel's middleware, which gives the lock back whatever happens to the request. Laravel itself writes
 * no session at the end of a precognitive request, nor after an exception that leaves its pipeline.
 */
class StartSession extends LaravelsStartSession
{
    protected function handleStatefulRequest(Request $request, $session, Closure $next)
    {
        $handler = $session->getHandler();
        if (!$handler instanceof Handler) {
            return parent::handleStatefulRequest($request, $session, $next);
        }
        try {
            $response = parent::handleStatefulRequest($request, $session, $next);
            if ($handler->hasMissedItsSession()) {
                // The browser has the cookie of the request that made a new id, or will have it.
                $config = $this->manager->getSessionConfig();
                foreach ([$session->getName(), 'XSRF-TOKEN'] as $cookie) {
                    $response->headers->removeCookie($cookie, $config['path'], $config['domain']);
                }
            }
            return $response;
        } finally {
            $handler->close();
        }
    }

    /** A route with block(): the lock is that of the session, and no other one. */
    protected function handleRequestWhileBlocking(Request $request, $session, Closure $next)
    {
        $handler = $session->getHandler();
        if (!$handler instanceof Handler || $handler->locking() === Locking::Never) {
            return parent::handleRequestWhileBlocking($request, $session, $next);
        }
        if ($handler->locking() === Locking::Routes) {
            $wait = $request->route()?->waitsFor();
            $handler->lock($session->getId(), $wait === null ? null : (float) $wait);
        }
        return $this->handleStatefulRequest($request, $session, $next);
    }
}
