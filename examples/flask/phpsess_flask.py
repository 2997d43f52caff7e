"""PHP's session as flask.session: the same cookie, the same values, the same lock.

    PhpSessions(app, phpsess.Sessions("redis://127.0.0.1:6379/0", ttl=1440), secure=True, domain="example.org")

The first use of flask.session in a request takes the lock, as session_start() does, and the end of the request writes
what changed, at any depth. A request that does not touch it costs nothing. session.clear() destroys the session, and
values that are set after it are those of a new one. The last arguments are those of Response.set_cookie(), and must say
what PHP's session.cookie_* say.
"""

import flask
import phpsess
from flask.sessions import SessionInterface, SessionMixin


class PhpSession(SessionMixin):
    """A session that is opened when it is first used. After the answer has begun, a change has no effect."""

    def __init__(self, visit):
        self.visit, self.opened = visit, None

    @property
    def found(self):
        # A cached_property would make all sessions wait for each other before Python 3.12.
        if self.opened is None:
            self.opened = self.visit.load()
        return self.opened

    @property
    def used(self):
        return self.opened is not None or self.visit.found is not None

    def __getitem__(self, name):
        return self.found[name]

    def __setitem__(self, name, value):
        self.found[name] = value

    def __delitem__(self, name):
        del self.found[name]

    def clear(self):
        self.found.clear()

    def __iter__(self):
        return iter(self.found)

    def __len__(self):
        return len(self.found)


class PhpSessions(SessionInterface):
    def __init__(self, app, sessions, cookie="PHPSESSID", **attributes):
        self.sessions, self.cookie = sessions, cookie
        self.attributes = {"httponly": True, "samesite": "Lax", "path": "/", **attributes}
        app.session_interface = self
        app.teardown_request(self.teardown)

    def open_session(self, app, request):
        return PhpSession(phpsess.Visit(self.sessions, request.headers.get("Cookie"), self.cookie))

    def save_session(self, app, session, response):
        if response.status_code >= 500 or session.visit.over:
            return
        if not session.used:
            session.visit.over = True
            return
        response.vary.add("Cookie")
        cookie = session.visit.save(session.found)
        if cookie is not None:
            deleted = {} if cookie else {"max_age": 0, "expires": 0}
            response.set_cookie(self.cookie, cookie, **{**self.attributes, **deleted})

    def teardown(self, error):
        """A request that failed writes nothing."""
        if isinstance(flask.session._get_current_object(), PhpSession):
            flask.session.visit.abort()
