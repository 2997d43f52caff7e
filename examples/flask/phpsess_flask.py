"""PHP's session as flask.session: the same cookie, the same values, the same lock.

    PhpSessions(app, phpsess.Sessions("redis://127.0.0.1:6379/0", ttl=1440))

The first use of flask.session in a request takes the lock, as session_start() does, and the end of the request writes
what changed, at any depth. A request that does not touch it costs nothing. session.clear() destroys the session.
"""

from functools import cached_property

import flask
import phpsess
from flask.sessions import SessionInterface, SessionMixin


class PhpSession(SessionMixin):
    """A session that is opened when it is first used. Later, a change has no effect."""

    def __init__(self, sessions, session_id):
        self.sessions, self.id, self.locked = sessions, session_id, None

    @cached_property
    def found(self):
        try:
            locked = phpsess.Session(self.sessions, self.id)
            locked.enter("known")
        except phpsess.NoSuchSession:
            return {}  # and if it is filled, it gets an id of our own
        self.locked = locked
        return phpsess.values(locked.data)

    def save(self):
        """Writes and releases. Says whether there is a session now, or None if nobody asked."""
        if "found" not in vars(self):
            return None
        if self.locked is None and self.found:
            self.locked = self.sessions.new()
        locked = self.locked
        if locked is None:
            return False
        locked.put(self.found)
        self.locked = None  # whatever comes of it, it is over
        locked.save()
        self.id = locked.id
        return locked.data is not None

    def abort(self):
        locked, self.locked = self.locked, None
        if locked:
            locked.leave("none")

    def __getitem__(self, name):
        return self.found[name]

    def __setitem__(self, name, value):
        self.found[name] = value

    def __delitem__(self, name):
        del self.found[name]

    def __iter__(self):
        return iter(self.found)

    def __len__(self):
        return len(self.found)


class PhpSessions(SessionInterface):
    def __init__(self, app, sessions, cookie="PHPSESSID", **attributes):
        self.sessions, self.cookie = sessions, cookie
        self.attributes = {"httponly": True, "samesite": "Lax", "path": "/", **attributes}
        app.session_interface = self
        app.teardown_request(lambda error: flask.session.abort())  # a request that failed writes nothing

    def open_session(self, app, request):
        return PhpSession(self.sessions, request.cookies.get(self.cookie, ""))

    def save_session(self, app, session, response):
        if response.status_code >= 500:
            return
        came_with = session.id
        there = session.save()
        if there is not None:
            response.vary.add("Cookie")
        if there and session.id != came_with:
            response.set_cookie(self.cookie, session.id, **self.attributes)
        elif there is False and came_with:
            response.delete_cookie(self.cookie, **self.attributes)
