"""PHP's session as request.session: the same cookie, the same values, the same lock. In settings.py:

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
from asgiref.local import Local
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.core.signals import request_finished
from django.dispatch import receiver

request = Local()  # its `held`: id -> the session that this request has locked


@cache
def sessions():
    return phpsess.Sessions(**settings.PHPSESS)


def held():
    if not hasattr(request, "held"):
        request.held = {}
    return request.held


@receiver(request_finished)
def release(sender, **_):
    mine, request.held = held(), {}
    for locked in mine.values():
        locked.leave("none")  # what was to be written is


class SessionStore(SessionBase):
    def load(self):
        session_id = self.session_key or ""
        try:
            if session_id not in held():
                locked = phpsess.Session(sessions(), session_id)
                locked.enter("known")
                held()[session_id] = locked
        except phpsess.NoSuchSession:
            self._session_key = None  # if it is filled, it gets an id of our own
            return {}
        return phpsess.values(held()[session_id].data)

    def exists(self, session_key):
        return sessions().read(session_key) is not None

    def create(self):
        locked = sessions().new()
        held()[locked.id] = locked
        self._session_key, self._session_cache = locked.id, {}
        self.save()
        self.modified = True

    def save(self, must_create=False):
        found = self._get_session()
        if self.session_key is None:
            self.create()
            self._session_cache = found
        locked = held().get(self.session_key)
        try:
            if locked is None:
                raise phpsess.NotSaved("the lock was released")
            locked.data = phpsess.text(found, locked.data)
            locked.save(hold=True)  # until the end of the request, as there may be further changes
        except phpsess.NotSaved as error:
            raise UpdateError from error

    def delete(self, session_key=None):
        session_id = session_key or self.session_key
        if session_id is None:
            return
        locked = held().pop(session_id, None)
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
