"""PHP's session as request.session in Starlette and FastAPI: the same cookie, the same values, the same lock.

    app.add_middleware(PhpSessionMiddleware, sessions=phpsess.Sessions("redis://127.0.0.1:6379/0", ttl=1440),
                       secure=True, domain="example.org")

A request that brings the cookie holds the session's lock until its answer begins, as a PHP page does, and what changed
by then is written, at any depth. Requests for which read_only(scope) is true take no lock and cannot change anything.
request.session.clear() destroys the session, and values that are set after it are those of a new one. The last
arguments are those of Response.set_cookie(), and must say what PHP's session.cookie_* say.
"""

from threading import Thread
from types import MappingProxyType

import phpsess
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response


class PhpSessionMiddleware:
    def __init__(self, app, sessions, cookie="PHPSESSID", read_only=lambda scope: False, waiters=40, **attributes):
        self.app, self.sessions, self.cookie, self.read_only = app, sessions, cookie, read_only
        self.attributes = {"path": "/", "httponly": True, "samesite": "Lax", **attributes}
        # Requests that wait for a lock must not use up the threads that release it.
        self.waiters = CapacityLimiter(waiters)

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        visit = phpsess.Visit(self.sessions, "; ".join(Headers(scope=scope).getlist("cookie")), self.cookie)
        scope["php_visit"] = visit  # for visit.login()
        if scope["type"] == "websocket" or self.read_only(scope):
            visit.over = True
            scope["session"] = MappingProxyType(await in_thread(visit.peek))
            return await self.app(scope, receive, send)

        async def send_after_save(message):
            if message["type"] == "http.response.start" and not visit.over:
                if message["status"] < 500:
                    self.set_cookie(message, await in_thread(visit.save, scope["session"]))
                else:  # the request failed: nothing is written
                    await in_thread(visit.abort)
            await send(message)

        try:
            scope["session"] = await in_thread(visit.load, limiter=self.waiters)
            await self.app(scope, receive, send_after_save)
        finally:
            if not visit.over:  # it failed, or was cancelled, perhaps while a thread still waits for the lock
                Thread(target=visit.abort).start()

    def set_cookie(self, message, cookie):
        if cookie is None:
            return
        response = Response()
        response.set_cookie(self.cookie, cookie, **{**self.attributes, **({} if cookie else {"max_age": 0})})
        MutableHeaders(scope=message).append("set-cookie", response.headers["set-cookie"])


async def in_thread(function, *arguments, limiter=None):
    # To its end, whatever happens to the request: otherwise nobody knew of the lock that it took.
    with CancelScope(shield=True):
        return await to_thread.run_sync(function, *arguments, limiter=limiter)
