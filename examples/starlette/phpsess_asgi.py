"""PHP's session as request.session in Starlette and FastAPI: the same cookie, the same values, the same lock.

    app.add_middleware(PhpSessionMiddleware, sessions=phpsess.Sessions("redis://127.0.0.1:6379/0", ttl=1440))

A request that brings the cookie holds the session's lock until its answer begins, as a PHP page does, and what changed
by then is written, at any depth. Requests for which read_only(scope) is true take no lock and cannot change anything.
request.session.clear() destroys the session.
"""

from types import MappingProxyType

import phpsess
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response


class PhpSessionMiddleware:
    def __init__(self, app, sessions, cookie="PHPSESSID", read_only=lambda scope: False, waiters=40, **attributes):
        self.app, self.sessions, self.cookie, self.read_only = app, sessions, cookie, read_only
        self.attributes = {"path": "/", "httponly": True, "samesite": "Lax", **attributes}
        # Who waits for a lock must not use up the threads by which it is released.
        self.waiters = CapacityLimiter(waiters)

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        came_with = HTTPConnection(scope).cookies.get(self.cookie, "")
        if scope["type"] == "websocket" or self.read_only(scope):
            scope["session"] = MappingProxyType(phpsess.values(await self.read(came_with)))
            return await self.app(scope, receive, send)

        locked = await self.enter(came_with)
        try:
            scope["session"] = phpsess.values(locked and locked.data)

            async def send_after_save(message):
                nonlocal locked
                if message["type"] == "http.response.start" and message["status"] < 500:
                    there, locked = await self.save(locked, scope["session"]), None
                    self.set_cookie(message, came_with, there)
                await send(message)

            await self.app(scope, receive, send_after_save)
        finally:
            if locked:  # the request failed: nothing is written
                await in_thread(locked.leave, "none")

    async def read(self, session_id):
        try:
            return await in_thread(self.sessions.read, session_id)
        except phpsess.NoSuchSession:
            return None

    async def enter(self, session_id):
        """The session under its lock; none if PHP knows none under this id."""
        try:
            locked = phpsess.Session(self.sessions, session_id)
            await in_thread(locked.enter, "known", limiter=self.waiters)
        except phpsess.NoSuchSession:
            return None
        return locked

    async def save(self, locked, found):
        """Writes and releases. The id under which there is a session now, or none."""
        if locked is None and found:
            locked = await in_thread(self.sessions.new)
        if locked is None:
            return None
        locked.put(found)
        await in_thread(locked.save)
        return None if locked.data is None else locked.id

    def set_cookie(self, message, came_with, there):
        if (there or "") == came_with:
            return
        attributes = self.attributes if there else {**self.attributes, "max_age": 0}
        response = Response()
        response.set_cookie(self.cookie, there or "", **attributes)
        MutableHeaders(scope=message).append("set-cookie", response.headers["set-cookie"])


async def in_thread(function, *arguments, limiter=None):
    # To its end, whatever happens to the request: otherwise nobody knew of the lock that it took.
    with CancelScope(shield=True):
        return await to_thread.run_sync(function, *arguments, limiter=limiter)
