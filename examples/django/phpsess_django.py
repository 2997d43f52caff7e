"""PHP's session as request.session: the same cookie, the same values, the same lock. In settings.py:

    MIDDLEWARE = [..., "phpsess_django.PhpSessionMiddleware", ...]      # in the place of Django's SessionMiddleware
    SESSION_ENGINE = "phpsess_django"
    SESSION_COOKIE_NAME = "PHPSESSID"               # and SESSION_COOKIE_DOMAIN, _PATH, _SECURE, _HTTPONLY, _SAMESITE
    SESSION_EXPIRE_AT_BROWSER_CLOSE = True          # as PHP's session.cookie_* say
    PHPSESS = {"url": "redis://127.0.0.1:6379/0", "password": ..., "ttl": 1440}     # the arguments of phpsess.Sessions

A password in the URL would be seen: Django's debug page and error mails hide a member that is named "password" only.
The first use of request.session in a request takes the lock, as session_start() does; the end of the request writes,
destroys and releases, unless it failed. Django's own rules say when it writes: a member was set, or session.modified =
True. Django's expiry settings have no effect on the session: it lives as long as PHP says.
"""

import time
from functools import cache
from threading import Thread

import phpsess
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.utils.cache import patch_vary_headers


@cache
def sessions():
    return phpsess.Sessions(**settings.PHPSESS)


class PhpSessionMiddleware(SessionMiddleware):
    def __call__(self, request):
        if self.async_mode:
            return self.__acall__(request)
        try:
            return super().__call__(request)
        finally:
            request.php_session.release()

    async def __acall__(self, request):
        try:
            return await super().__acall__(request)
        finally:  # the client left, and the view was cancelled, perhaps while a thread still waits for the lock
            if getattr(request, "php_session", None) and request.php_session.held:
                Thread(target=request.php_session.release).start()

    def process_request(self, request):
        session_id = phpsess.cookie(request.META.get("HTTP_COOKIE"), settings.SESSION_COOKIE_NAME)
        request.session = request.php_session = self.SessionStore(session_id)  # a view may replace the first
        request.session.in_request = True

    def process_response(self, request, response):
        session = request.session
        try:
            if response.status_code < 500:
                self.end(session, response)
            if session.accessed:
                patch_vary_headers(response, ("Cookie",))
            return response
        finally:
            request.php_session.release()

    def end(self, session, response):
        session.last = True
        save = (session.modified or settings.SESSION_SAVE_EVERY_REQUEST) and not session.is_empty()
        try:
            if save:
                session.save()
                if session.session_key is not None:  # the mark of a move keeps late requests from a cookie of their own
                    session.doomed = [(doomed, "regenerated" if doomed == session.came_with else reason)
                                      for doomed, reason in session.doomed]
            session.destroy()
        except UpdateError as error:
            raise SessionInterrupted(f"The request's session was not saved: {error.__cause__ or error}") from error
        if save and session.session_key not in (None, session.came_with):
            response.set_cookie(
                settings.SESSION_COOKIE_NAME, session.session_key, path=settings.SESSION_COOKIE_PATH,
                max_age=None if session.get_expire_at_browser_close() else session.get_expiry_age(),
                domain=settings.SESSION_COOKIE_DOMAIN, secure=settings.SESSION_COOKIE_SECURE or None,
                httponly=settings.SESSION_COOKIE_HTTPONLY or None, samesite=settings.SESSION_COOKIE_SAMESITE)
        elif session.destroyed:
            response.delete_cookie(settings.SESSION_COOKIE_NAME, path=settings.SESSION_COOKIE_PATH,
                                   domain=settings.SESSION_COOKIE_DOMAIN, samesite=settings.SESSION_COOKIE_SAMESITE)


class SessionStore(SessionBase):
    """In a request it holds its locks until the end, and destroys then. Elsewhere each call stands for itself."""

    def __init__(self, session_key=None):
        super().__init__(session_key)
        self.came_with, self.since, self.state = session_key or "", time.monotonic(), b""
        self.copy = None  # the values before a session_regenerate_id() a moment ago, which may have been a logout
        self.held = {}  # id -> the session that is locked for us, or is about to be
        self.doomed = []  # the ids to end with the request, and how
        self.in_request = self.last = self.over = self.renewed = self.destroyed = False

    def release(self):
        """Gives back all locks: the request is over, and its values are written."""
        self.over = True
        while self.held:
            self.held.popitem()[1].abandon()

    def _validate_session_key(self, key):
        return bool(key) and phpsess.is_id(key)  # Django takes none of fewer than eight characters

    def load(self):
        try:
            if self.in_request and not self.over:
                self.loaded = self.lock(self.session_key).data
            else:
                self.loaded = sessions().read(self.session_key)
                if self.loaded is None:
                    raise phpsess.NoSuchSession
        except phpsess.NoSuchSession as error:
            self.state, self.copy = error.state, error.copy
            self._session_key = None  # if it is filled, it gets an id of our own
            return phpsess.values(error.copy)
        return phpsess.values(self.loaded)

    def lock(self, session_id):
        """The session under its lock."""
        if session_id not in self.held:
            locked = self.held[session_id] = phpsess.Session(sessions(), session_id)
            locked.unwanted = self.over  # by release() in another thread, just now
            try:
                locked.enter("known")
            except BaseException:
                self.held.pop(session_id, None)
                raise
        return self.held[session_id]

    def exists(self, session_key):
        return phpsess.is_id(session_key) and sessions().read(session_key) is not None

    def create(self):
        """An id that nobody knows, at the application's wish. What is stored under it, save() says."""
        before = self.held.get(self.session_key)
        if self.copy is not None and getattr(self, "_session_cache", None):
            raise UpdateError from phpsess.NotSaved("the session was moved to a new id; its copy becomes no session")
        self.renewed = True
        self.make()
        if before is not None and getattr(self, "_session_cache", None):  # cycle_key(), and not a new session
            locked = self.held[self.session_key]
            locked.inherit(before)
            if locked.before:  # on the list before it is stored: who ends all sessions of the user finds it
                locked.bump()
        self._session_cache = {}
        self.modified = True
        if not self.in_request:
            self.save()

    def cycle_key(self):
        if not self.is_renewed():
            super().cycle_key()

    async def acycle_key(self):
        if not self.is_renewed():
            await super().acycle_key()

    def is_renewed(self):
        """Returns true if nobody knows the id yet: it was made in this request."""
        return self.in_request and self.session_key in self.held and self.session_key != self.came_with

    def make(self):
        if self.over:
            raise phpsess.NotSaved("the request is over")
        locked = sessions().new("" if self.renewed else self.came_with, self.since, self.state)
        self.held[locked.id] = locked
        self._session_key = locked.id

    def save(self, must_create=False):
        found = self._get_session()
        try:
            if self.over:
                raise phpsess.NotSaved("the request is over")
            if self.session_key not in (None, *self.held) and not hasattr(self, "loaded"):
                self.load()  # clear() and values after it have read nothing
                if self.session_key is None and self.copy is None and not found:
                    return
            if self.session_key is None:
                if self.copy is not None and not self.renewed:
                    if found == phpsess.values(self.copy):
                        return  # SESSION_SAVE_EVERY_REQUEST, or the same value once more
                    raise phpsess.NotSaved("the session was moved to a new id; its copy becomes no session")
                self.make()
            new = self.session_key in self.held
            locked = self.lock(self.session_key)
            if not new and getattr(self, "loaded", locked.data) != locked.data:
                raise phpsess.NotSaved("the session was changed meanwhile")
            locked.data = phpsess.text(found, locked.data)
            keep_lock = self.in_request and not self.last  # until the end of the request: there may be further changes
            if not keep_lock:
                del self.held[self.session_key]
            locked.save(keep_lock=keep_lock)
            self.loaded = locked.data
        except (phpsess.NotSaved, phpsess.NoSuchSession) as error:
            raise UpdateError from error
        finally:
            if not self.in_request:
                self.release()
                self.over = False

    def flush(self):
        self._get_session()  # which may be one that goes on under another id
        self.refuse_a_copy()
        super().flush()
        self.renew()

    async def aflush(self):
        await self._aget_session()
        self.refuse_a_copy()
        await super().aflush()
        self.renew()

    def renew(self):
        # The session may have moved to the id of a login, whose cookie another one would replace: save() looks at that.
        self.renewed = self.renewed or not self.state.startswith(b"dead|regenerated|")

    def refuse_a_copy(self):
        if self.copy is not None and not self.renewed:
            raise UpdateError from phpsess.NotSaved("the session was moved to a new id; a logout under the old one ends nothing")

    def delete(self, session_key=None):
        if session_key is None:  # flush(), perhaps after cycle_key(): nothing goes on
            self.doomed = [(doomed, "") for doomed, _ in self.doomed]
        # cycle_key() names the old one: the session goes on under the new one.
        self.doomed.append((session_key or self.session_key or "", "regenerated" if session_key and self.renewed else ""))
        if not self.in_request:
            self.destroy()

    def destroy(self):
        """Carries out what delete() was asked for."""
        while self.doomed:
            session_id, reason = self.doomed.pop()
            try:
                locked = self.lock(session_id)
                if reason and not locked.retire():
                    sessions().end("", [(self.session_key, b"0|0")], 0, "revoked")
                    raise UpdateError from phpsess.NotSaved("the session was ended meanwhile")
                elif not reason:
                    locked.data = None
                    locked.save()
                self.destroyed |= session_id == self.came_with
            except phpsess.NoSuchSession:
                pass  # then it is as it should be
            except phpsess.NotSaved as error:
                raise UpdateError from error
            self.held.pop(session_id, None)

    def bind(self, user, limit=0, on_limit="oldest", label=""):
        """Makes it a session of this user. Returns False if the limit refuses that. In a request, after cycle_key()."""
        self._get_session()  # opens it
        if self.session_key is None:
            self.create()
        return self.lock(self.session_key).bind(user, limit, on_limit, label)

    def revoke(self, user, only=None, others_only=False):
        """Ends the sessions of a user: all, that with the handle `only`, or all but this one, which cycle_key() moves."""
        return sessions().revoke(user, only, {self.came_with, self.session_key} if others_only else ())

    @classmethod
    def clear_expired(cls):
        pass  # Redis does
