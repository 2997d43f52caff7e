"""PHP's session as request.session: the same cookie, the same values, the same lock. In settings.py:

    MIDDLEWARE = [..., "phpsess_django.PhpSessionMiddleware", ...]      # in the place of Django's SessionMiddleware
    SESSION_ENGINE = "phpsess_django"
    SESSION_COOKIE_NAME = "PHPSESSID"
    SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    PHPSESS = {"url": "redis://127.0.0.1:6379/0", "ttl": 1440}      # the arguments of phpsess.Sessions

The first use of request.session in a request takes the lock, as session_start() does; the end of the request releases
it. Django's own rules say when it writes: a member was set, or session.modified = True. Django's expiry settings have
no effect: a session lives as long as PHP says.
"""

from functools import cache

import phpsess
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.middleware import SessionMiddleware


@cache
def sessions():
    return phpsess.Sessions(**settings.PHPSESS)


class PhpSessionMiddleware(SessionMiddleware):
    def process_response(self, request, response):
        request.session.last = True
        try:
            return super().process_response(request, response)
        finally:
            request.session.release()


class SessionStore(SessionBase):
    def __init__(self, session_key=None):
        super().__init__(session_key)
        self.held = {}  # id -> the session that is locked for us
        self.last = False  # whether the next save is the last one

    def release(self):
        """What was to be written is written."""
        while self.held:
            self.held.popitem()[1].leave("none")

    def load(self):
        session_id = self.session_key or ""
        try:
            if session_id not in self.held:
                locked = phpsess.Session(sessions(), session_id)
                locked.enter("known")
                self.held[session_id] = locked
        except phpsess.NoSuchSession:
            self._session_key = None  # if it is filled, it gets an id of our own
            return {}
        return phpsess.values(self.held[session_id].data)

    def exists(self, session_key):
        return sessions().read(session_key) is not None

    def create(self):
        locked = sessions().new()
        self.held[locked.id] = locked
        self._session_key, self._session_cache = locked.id, {}
        locked.data = b"{}"
        locked.save(hold=True)
        self.modified = True

    def save(self, must_create=False):
        found = self._get_session()
        if self.session_key is None:
            self.create()
            self._session_cache = found
        locked = self.held.get(self.session_key)
        try:
            if locked is None:
                raise phpsess.NotSaved("the lock was released")
            locked.data = phpsess.text(found, locked.data)
            if self.last:
                del self.held[self.session_key]
            locked.save(hold=not self.last)  # until the end of the request, as there may be further changes
        except phpsess.NotSaved as error:
            raise UpdateError from error

    def delete(self, session_key=None):
        session_id = session_key or self.session_key
        if session_id is None:
            return
        locked = self.held.pop(session_id, None)
        try:
            if locked is None:
                locked = phpsess.Session(sessions(), session_id)
                locked.enter("known")
            locked.leave("del")
        except phpsess.NoSuchSession:
            pass  # then it is as it should be

    @classmethod
    def clear_expired(cls):
        pass  # Redis does
