"""PHP's sessions from Python: the lock, the queue and the keys of phpsess_rs (docs/wire-format.md).

    sessions = phpsess.Sessions("redis://127.0.0.1:6379/0")
    with sessions.open(request.cookies["PHPSESSID"]) as session:
        session.data = change(session.data)

session.data is the stored value: bytes, in the format that PHP's session.serialize_handler writes, or None if there
is no such session. Leaving the block writes it and releases the lock; None in it destroys the session (a logout);
an exception leaves the session as it was. The scripts are loaded from a folder: `scripts` beside this file, or the
repository's src/protocol/scripts. For session.serialize_handler=json, values() and text() go between bytes and a dict,
and a Visit is what one HTTP request does with the session of its cookie.
"""

import hashlib
import json
import os
import random
import re
import secrets
import socket
import struct
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, MasterDownError, ReadOnlyError, TryAgainError
from redis.retry import Retry

# Milliseconds. The first three are those of the scripts.
HANDOFF, SLACK, FOREIGN, RECHECK = 1000, 5, 10, 5000
TIMEOUT = 7  # seconds for one exchange: 2 more than the longest block
LOGIN = 10_000  # ms for which a listed session that is not stored may be that of a login which is still running
STORED = 500  # ms by which a place on a list may be younger than the state of its session: two clocks
MOVED = 10_000  # ms for which a browser may still come with the old id after a login, as in PHP
REPEAT, RECEIPT = 10, 20_000  # s in which a release is repeated, ms in which the script knows a repeat
PASSING = (redis.ConnectionError, redis.TimeoutError, ClusterDownError, MasterDownError, ReadOnlyError, TryAgainError)


URL = "the URL of Redis cannot be read: redis://user:password@host:port/0, special characters percent-encoded"


class SessionError(Exception):
    """Something is in the way of this session. Errors of Redis itself are redis-py's."""


class NoSuchSession(SessionError):
    """There is none under this id."""

    state = b""  # what its state key had before we waited: perhaps the mark of an earlier session's end
    copy = None  # the value before a session_regenerate_id() a moment ago, which can be read and not changed


class LockBusy(SessionError):
    """It was not our turn in time; the message names the holder."""


class NotSaved(SessionError):
    """Nothing was written: the lock was lost, the session destroyed, or the value refused, by Redis or by PHP."""


class Sessions:
    """The sessions of one Redis. Threads may share it. Times are in seconds."""

    def __init__(self, url="redis://127.0.0.1:6379/0", *, password=None, prefix="PHPREDIS_SESSION:", ttl=1440, wait=10,
                 lease=10, max_hold=300, max_waiters=12, mixed=False, scripts=None):
        self.redis = None
        if not re.match(r"rediss?://[^/?#]*[/?#].*@", url):  # "@" behind the host: an unescaped password
            with suppress(ValueError):  # its message quotes a piece of the password
                # redis-py must not repeat commands by itself, because each ACQUIRE needs a token of
                # its own.
                self.redis = Client.from_url(
                    url, password=password, retry=Retry(NoBackoff(), 0), decode_responses=False, socket_timeout=TIMEOUT,
                    socket_connect_timeout=2, redis_connect_func=connected)
        if self.redis is None:
            raise ValueError(URL)
        self.prefix, self.ttl, self.wait, self.lease = prefix, ttl, wait, int(lease * 1000)
        self.max_hold, self.max_waiters, self.mixed = int(max_hold * 1000), max_waiters, int(mixed)
        self.unanswered = deque(maxlen=100)
        if scripts is None:
            beside = Path(__file__).resolve().with_name("scripts")
            scripts = beside if beside.is_dir() else Path(__file__).resolve().parents[2] / "src/protocol/scripts"
        self.scripts = {name: self.redis.register_script((Path(scripts) / f"{name}.lua").read_text())
                        for name in ("acquire", "claim", "release", "renew", "read", "user", "write")}

    @contextmanager
    def open(self, session_id, create=False):
        """The session under its lock. Without `create` an unknown id is refused, as PHP's strict mode does."""
        session = Session(self, session_id)
        session.enter("any" if create else "known")
        try:
            yield session
        except BaseException:
            session.abandon()
            raise
        session.save()

    def new(self, came="", since=None, state=b""):
        """A session that is not there yet, under an id of ours, locked until save() or leave("none").

        Not for a request whose own session was destroyed or moved to another id while it was under way: its cookie
        would replace the one of a login. `came` is the id that it brought, `since` when (time.monotonic()), and
        `state` that of the NoSuchSession.
        """
        if self.was_destroyed(came, time.monotonic() if since is None else since, state):
            raise NotSaved("the session was destroyed, or moved to a new id, while this request was under way")
        session = Session(self, secrets.token_hex(16))
        session.enter("any")
        return session

    def was_destroyed(self, session_id, since, state):
        """Returns true if the session has ended since it had this state, or moved to another id a moment ago."""
        try:
            key = self.key(session_id) + "_STATE"
        except NoSuchSession:
            return False
        current, now = self.once_more(lambda: self.together(self.redis.pipeline(transaction=False).get(key).time()))
        if has_died(state, current):
            return True
        word, reason, when, *_ = *(current or b"").split(b"|"), b"", b""
        if (word, reason) != (b"dead", b"regenerated"):  # a logout before that leaves the visitor without another cookie
            return False
        # A request may have been sent a while before it came. The clock of Redis may have been set back since.
        age = now[0] * 1000 + now[1] // 1000 - int(when)
        return abs(age) < (time.monotonic() - since) * 1000 + MOVED

    def read(self, session_id):
        """The value without the lock (what PHP's read_and_close does), or None."""
        key = self.key(session_id)
        data, state, *_ = self.once_more(lambda: self.scripts["read"]([key, key + "_STATE"], [self.ttl]))
        if data is None:
            return self.copy(key, state)
        self.stay_listed(session_id, state)
        return data

    def stay_listed(self, session_id, state):
        """Keeps a session on the list of its user that is used, and perhaps never saved."""
        fields = live_fields(state)
        if fields and fields[7] and is_stale(fields, self.ttl):
            with suppress(redis.RedisError):  # the next use does
                self.change_list(fields[7].decode(), "bump", session_id, life(fields, self.ttl), "")

    def copy(self, key, state):
        """What a session with this state has left under its old id when PHP gave it a new one, or None."""
        if not (state or b"").startswith(b"dead|regenerated|"):
            return None
        copy, now = self.once_more(lambda: self.redis.mget(key + "_OLD", key + "_STATE"))
        return copy if now == state else None

    def devices(self, user):
        """The sessions of a user, for a page that shows them, the last used first. Times are in ms, or None."""
        _, now, listed, _ = self.listed(list_name(user), "list", "")
        found, dead = [], []
        for session_id, value in listed:
            fate, state, ttl = self.fate(list_name(user), session_id, value, now, listed)
            if fate == "lives":
                created, authenticated, idle = (int(field) if field else None for field in state[1:4])
                expires = now + ttl if ttl >= 0 else None
                found.append({"id": session_id, "handle": handle(session_id), "created": created,
                              "authenticated": authenticated, "expires": expires, "label": state[8].decode(),
                              "last_used": max(bumped(value), (expires or 0) - (idle or self.ttl) * 1000)})
            elif fate == "dead":  # one that is missing may only be late at this server
                dead.append((session_id, value))
        self.forget(list_name(user), dead)
        return sorted(found, key=lambda device: -device["last_used"])

    def revoke(self, user, only=None, but=()):
        """Ends the sessions of a user: all, that with the handle `only`, or all but the ids `but`. Returns how many.

        A request that logs in has two ids until it is saved: Visit.revoke() knows them.
        """
        done, count = {but} if isinstance(but, str) else set(but or ()), 0
        but = frozenset(done)
        while True:  # one that has got another id meanwhile is there the next time
            _, now, listed, _ = self.listed(list_name(user), "list", "")
            meant = [(session_id, value) for session_id, value in listed
                     if session_id not in done and only in (None, *map(handle, names(session_id, value)))
                     and not (but and but.intersection((self.copy_of(session_id), *names(session_id, value))))]
            if not meant:
                return count
            count += self.end(list_name(user), meant, now, "revoked")
            done.update(session_id for session_id, _ in meant)

    def copy_of(self, session_id):
        """The id that this session had before, if PHP has left a copy there for late requests."""
        fields = live_fields(self.once_more(lambda: self.redis.get(self.key(session_id) + "_STATE")))
        return fields[6].partition(b":")[2].decode() if fields else ""

    def listed(self, name, op, *arguments):
        """Whether the list is full, Redis' time, its sessions, each with its value there, and the ids of the victims."""
        word, now, found = self.change_list(name, op, *arguments)
        victims = [one for one in found if one[1][:1] == b"-"]
        self.end(name, victims, now, "limit")
        return word == b"full", now, [one for one in found if one not in victims], {one[0] for one in victims}

    def forget(self, name, listed):
        """Takes sessions off a list, unless a login has put them there anew."""
        if listed:
            self.change_list(name, "forget", *(part for one in listed for part in one))

    def weed(self, name, listed, now):
        """Takes sessions off a list that do not count. Returns true if there were any."""
        gone = {"dead": [], "missing": []}
        for one in listed:
            gone.get(self.fate(name, *one, now, listed)[0], []).append(one)
        self.end(name, gone["missing"], now, "limit", "sweep")  # a request that still has it does not store it again
        self.forget(name, gone["dead"])
        return any(gone.values())

    def change_list(self, name, op, *arguments):
        text = secrets.token_hex(16)
        word, echo, now, *found = self.once_more(
            lambda: self.scripts["user"]([f"{self.prefix}USER:{name}"], [op, text, *arguments]))
        if echo != text.encode():
            self.redis.connection_pool.disconnect(inuse_connections=False)
            raise redis.ConnectionError("an answer to another request")
        return word, now, [(session_id.decode(), value) for session_id, value in zip(found[::2], found[1::2])]

    def end(self, name, listed, now, reason, op="del"):
        """Ends sessions of a list, whichever request has them, and takes them off it. Returns how many it has ended."""
        over, count, stale = [], 0, []
        for session_id, value in listed:
            key, mark, old = self.key(session_id), secrets.token_hex(16), abs(now - bumped(value)) >= LOGIN
            # A place that is older than a login ends no session of nobody.
            word, = self.once_more(lambda: self.scripts["write"](
                [key, key + "_STATE", key + "_LOCK"], ["weed" if old and op == "del" else op, name, 1, "", mark, self.max_hold, reason]))
            word = self.forget_copy(word.decode())
            if word != "dead":
                over += (session_id, value)
                count += word == "ok"
            elif old and op != "sweep":  # another user has it, or none; before, a login of this one may still be running
                stale.append((session_id, value))
        if name and over:
            self.change_list(name, "end", *over)
        self.forget(name, stale)
        return count

    def fate(self, name, session_id, value, now, listed):
        """What has become of a listed session: lives, comes (its login may still be running), dead or missing."""
        key = self.key(session_id)
        ttl, state = self.once_more(
            lambda: self.together(self.redis.pipeline(transaction=False).pttl(key).get(key + "_STATE")))
        fields, mark, young = live_fields(state), (state or b"").split(b"|"), abs(now - bumped(value)) < LOGIN
        if mark[0] == b"dead" and young and int(mark[2]) <= bumped(value):  # a login under an id with a mark
            return "comes", fields, ttl
        if mark[:2] == [b"dead", b"regenerated"] and abs(now - int(mark[2])) < LOGIN and not any(
                other.split(b"|")[2:] == [session_id.encode()] for _, other in listed):  # its next id is on its way
            return "comes", fields, ttl
        if mark[0] == b"dead" or fields and fields[4] and int(fields[4]) <= now:
            return "dead", fields, ttl
        if fields and fields[7] == name.encode():
            if ttl != -2:
                return "lives", fields, ttl
            if int(fields[5] or 0) + STORED >= bumped(value):  # its login was stored
                return "missing", fields, ttl
        return "comes" if young else "missing" if ttl == -2 else "dead", fields, ttl

    def forget_copy(self, word):
        """Deletes what a session that has ended had left under its earlier id, if the answer names it."""
        if word.startswith("ok:"):
            self.redis.delete(self.key(word[3:]) + "_OLD")
            return "ok"
        return word

    @staticmethod
    def together(pipeline):
        """The answers. An error that a pipeline raises itself has the command in its text, with the whole id."""
        answers = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise without_arguments(answer)
        return answers

    def once_more(self, ask):
        """An answer that may be asked for again, where the first connection was a dead one."""
        try:
            return ask()
        except redis.RedisError as error:
            if not self.passes(error):
                raise
            return ask()

    def tidy(self):
        """Releases the locks of requests that got no answer: a server that hung grants them later."""
        # Another thread may take the last one. After a failure or a quarter of the lease, the rest is
        # for the next request: this one has a lock of its own, whose lease passes.
        until = time.monotonic() + self.lease / 4000
        with suppress(IndexError, redis.RedisError):
            while time.monotonic() < until:
                session, session.token = self.unanswered.popleft()
                session.leave("none", repeat=0)

    def passes(self, error):
        """Returns true if the error may be gone at the next try."""
        if isinstance(error, (ReadOnlyError, MasterDownError)) or "READONLY" in str(error):
            # No master any more: the address is asked again, by the others, too.
            self.redis.connection_pool.disconnect(inuse_connections=False)
            return True
        return isinstance(error, PASSING) or str(error).startswith(("BUSY ", "UNBLOCKED ")) or "NOREPLICAS" in str(error)

    def key(self, session_id):
        if not is_id(session_id):
            raise NoSuchSession("not a session id")
        return self.prefix + session_id


class Client(redis.Redis):
    def parse_response(self, *arguments, **options):
        try:
            return super().parse_response(*arguments, **options)
        except redis.ResponseError as error:
            raise without_arguments(error)


def without_arguments(error):
    """Redis quotes an unknown command, such as a renamed one, with its key, which has the id."""
    text, quotes, _ = str(error).partition(", with args beginning with")
    if quotes:
        error.args = (text,)
    return error


def connected(connection):
    # A reset ends the connection, so that bytes still on their way take no lock.
    connection._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.on_connect()


class Session:
    """A session that is locked for us. `data` is its value."""

    def __init__(self, sessions, session_id):
        self.sessions, self.id, key = sessions, session_id, sessions.key(session_id)
        self.key, self.lock, self.wake, self.waiters, self.state_key = (
            key + suffix for suffix in ("", "_LOCK", "_WAKE", "_WAITERS", "_STATE"))
        self.waiter = "o:" + secrets.token_hex(16)
        self.token = self.data = self.loaded = None
        self.state = self.fresh = b""  # as it was read, and what is to be stored with the next write
        self.before = ""  # the id of the session that goes on here
        self.left = set()  # the lists of the users that it had
        self.places, self.bound = {}, 0  # what it has on lists until it is stored, and since when
        self.read = 0  # when it was read, perhaps under its earlier id
        self.queued = self.inside = self.unwanted = False

    def inherit(self, other):
        """Continues the session that is locked under another id. Without its state, each login would begin a new lifetime."""
        fields = other.fields()
        if fields:
            fields[5] = stamp()
            self.fresh = b"|".join(fields)
            self.before = other.id if fields[7] else ""
        self.read = other.read

    def fields(self):
        """Those of the state, or [] if there is none of this session: that of an earlier one may be there."""
        return live_fields(self.fresh or (self.state if self.loaded is not None else b""))

    def bind(self, user, limit=0, on_limit="oldest", label=""):
        """Makes it a session of this user, from the next save() on. Returns False if the limit refuses that."""
        its, name, now = self.sessions, list_name(user).encode(), stamp()
        fields = self.fields() or [b"live", now, b"", b"", b"", now, b"", b"", b""]
        known = fields[7] == name
        if not known:  # the end counts from the login, and pages with another lifetime change nothing
            begun = max(int(fields[1]), int(fields[2] or 0))
            fields[4] = fields[4] and str(int(now) + int(fields[4]) - begun).encode()
            fields[2], fields[3] = now, fields[3] or str(its.ttl).encode()
        user_before = fields[7]
        label = "".join(c if c.isprintable() else " " for c in label).encode()[:512].decode(errors="ignore")
        fields[5], fields[7], fields[8] = now, name, label.encode()
        lives = life(fields, its.ttl)

        def ask(fate):  # the earlier id lives until this one is stored, and a revocation must find it
            # Another session may have been ended under that id before this one was read.
            age = "" if known else int((time.monotonic() - self.read) * 1000)
            return its.listed(name.decode(), "bind", self.id, lives, self.before, limit, fate, 1, age)
        full, now, others, victims = ask("refuse" if limit > 1 else on_limit)
        if full:  # before one is ended for it, those go that do not count
            weeded = its.weed(name.decode(), others, now)
            if weeded or on_limit != "refuse":
                full, now, _, victims = ask(on_limit)
        if full:
            return False
        if self.id in victims:
            raise NotSaved("another request has ended the session meanwhile, by the limit of a login or a revocation")
        self.fresh = b"|".join(fields)
        self.is_on(name, now, lives)
        self.left = (self.left | {user_before.decode()}) - {"", name.decode()}
        return True

    def bump(self):
        """Renews its place on the list of its user. Returns false if a limit has chosen it meanwhile."""
        fields = self.fields()
        lives = life(fields, self.sessions.ttl)
        _, now, victims = self.sessions.change_list(fields[7].decode(), "bump", self.id, lives, self.before, "", "", 1)
        self.is_on(fields[7], now, lives)
        return not victims

    def is_on(self, name, now, lives):
        """Remembers a place on a list that the session has before it is stored with this user."""
        stored = live_fields(self.state) if self.loaded is not None else []
        if stored[7:8] != [name]:
            self.places[name.decode()], self.bound = f"{now}|{now + lives}".encode(), time.monotonic()

    def renew(self):
        """Starts the lease anew. Work that lasts longer than it calls this every third of it."""
        if not self.sessions.scripts["renew"]([self.lock, self.state_key], [self.token, self.sessions.lease]):
            raise NotSaved("the lock was lost")

    def enter(self, mode):
        """Takes the lock, waiting for our turn, and reads the session."""
        its, sends, broken, held_token, before, unanswered = self.sessions, 0, 0, "", None, []
        info = f"{socket.gethostname()}|{os.getpid()}|python|"
        longest = min(max(its.lease // 2, HANDOFF + SLACK), RECHECK)
        deadline = time.monotonic() + its.wait
        while True:
            sends += 1
            token = f"{self.waiter}:{sends}"
            left = 0 if self.unwanted else max(0, int((deadline - time.monotonic()) * 1000))
            recheck = HANDOFF + SLACK if broken else int(longest * random.uniform(0.75, 1))
            try:
                word, *rest = its.scripts["acquire"](
                    [self.key, self.lock, self.wake, self.waiters, self.state_key],
                    [self.waiter, token, held_token, mode, info, its.lease, its.ttl, left, its.max_waiters,
                     recheck, its.mixed])
                if word in (b"ok", b"absent") and rest.pop() != token.encode():
                    raise redis.ConnectionError("an answer to another request")
                its.tidy()
                if before is None and word in (b"busy", b"absent"):
                    before = rest[-1] or b""
                if word == b"ok":
                    return self.entered(token, *rest, mode, before)
                if word == b"absent":
                    raise no_such_session(before, its.copy(self.key, rest[-1]))
                if word == b"full":
                    raise LockBusy(f"{rest[0]} others wait for the session; {shown(rest[1])} holds it")
                holder, _, block, *_ = rest
                if block == 0:
                    raise LockBusy(f"{shown(holder)} still holds the session after {its.wait} s")
                self.queued, broken = True, 0
                if block <= FOREIGN:  # Redis ends short blocks late
                    time.sleep(block / 1000)
                    continue
                popped = its.redis.blpop([self.wake], block / 1000)
                if popped:
                    ticket, _, state, value = popped[1].split(b"\n", 3)
                    held_token = "t:" + ticket.decode()  # ours even if the reply to the claim is lost
                    if its.scripts["claim"]([self.lock, self.waiters, self.state_key],
                                            [held_token, its.lease, self.waiter, info]):
                        data = value[1:] if value[:1] == b"1" else None
                        return self.entered(held_token, data, state, mode, before)
            except redis.RedisError as error:
                broken += 1
                unanswered += [(self, sent) for sent in (token, held_token) if sent]
                if not its.passes(error) or (broken > 1 and not (self.queued and time.monotonic() < deadline)):
                    its.unanswered.extend(unanswered)
                    raise
                time.sleep(0.05 * (broken > 1))

    def entered(self, token, data, state, mode, before):
        self.token, self.data, self.loaded, self.state = token, data, data, state or b""
        self.read = time.monotonic()
        if mode == "known" and data is None:  # it was destroyed while we waited
            self.leave("none")
            raise no_such_session(before, self.sessions.copy(self.key, state))
        if data is not None:
            self.sessions.stay_listed(self.id, state)
        self.inside = True
        if self.unwanted:
            self.abandon()
            raise LockBusy("the request was given up while it waited")

    def abandon(self):
        """Gives the lock back and writes nothing, also if another thread is just waiting for it."""
        self.unwanted = True
        if self.inside:
            self.inside = False
            with suppress(redis.RedisError):  # then the lease ends it
                if self.leave("none") == "ok":
                    for name, value in self.places.items():
                        self.sessions.forget(name, [(self.id, value)])

    def put(self, found):
        """Makes `data` of a dict (the `json` serializer). One that was emptied is destroyed."""
        try:
            self.data = text(found, self.data) if found or not values(self.data) else None
        except BaseException:
            self.abandon()
            raise

    def save(self, keep_lock=False):
        """Writes what changed, or refreshes the TTL, and releases the lock unless it is to be held."""
        if self.data is None and self.loaded is None:
            self.abandon()
            return
        if self.loaded is None and not self.fresh and live_fields(self.state):
            now = stamp()  # a session under this id has expired, and its state, with its user, is still there
            self.fresh = b"|".join([b"live", now, b"", b"", b"", now, b"", b"", b""])
        fields = self.fields()
        user = fields[7].decode() if fields else ""
        if user and (self.fresh or is_stale(fields, self.sessions.ttl)):
            fields[5] = stamp()  # so that it stays on the list
            self.fresh = b"|".join(fields)
        if user and self.places and time.monotonic() - self.bound > LOGIN / 2000:
            if not self.bump():  # so that nobody takes it for one that is never stored
                self.abandon()
                raise NotSaved("another request has ended the session meanwhile, by the limit of a login")
        if self.data is None:
            word = self.leave("logout", keep_lock=keep_lock)
        elif self.data == self.loaded:
            word = self.leave("keep", keep_lock=keep_lock, state=self.fresh)
        else:
            word = self.leave("set", self.data, keep_lock, state=self.fresh)
        if word == "gone":  # unchanged here, but it is not in Redis any more
            word = self.leave("set", self.data, keep_lock, state=self.fresh)
        if word != "ok":
            dead = "the session was moved to a new id, and goes on" if self.data is None else "the session was destroyed"
            raise NotSaved({"lost": "the lock was lost", "dead": dead}.get(word, word))
        if user and self.data is None:
            self.sessions.change_list(user, "drop", self.id)
        elif user and self.fresh:
            self.bump()
        for name in self.left:
            self.sessions.change_list(name, "drop", self.id)
        self.left, self.places = set(), {}
        self.loaded, self.state, self.fresh, self.before = self.data, self.fresh or self.state, b"", ""

    def retire(self):
        """Ends it because it goes on under another id. Returns False if it was ended from elsewhere meanwhile."""
        fields, is_left = self.fields(), self.leave("retire", ttl=0, state="regenerated") == "ok"
        if is_left and fields and fields[7]:
            self.sessions.change_list(fields[7].decode(), "drop", self.id)
        return is_left

    def leave(self, op, data=b"", keep_lock=False, repeat=REPEAT, state="", ttl=None):
        """Sends one release until it is answered. A repeat has the same arguments, and gets the same answer."""
        its = self.sessions
        keys = [self.key, self.lock, self.wake, self.waiters, f"{self.key}_DONE:{self.token}", self.state_key]
        keys += [self.key + "_OLD"] * (op == "retire")
        args = [self.token, self.waiter if self.queued else "", op, data, its.ttl if ttl is None else ttl, self.state, int(keep_lock), 0,
                secrets.token_hex(16), RECEIPT, its.mixed, its.max_hold, state]
        until = time.monotonic() + repeat
        while True:
            try:
                word = its.scripts["release"](keys, args)[0].decode()
                return its.forget_copy(word)
            except redis.RedisError as error:
                if not its.passes(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)


class Values(dict):
    """The values of a request's session. clear() ends the session, and values after it are those of a new one."""

    cleared = False

    def clear(self):
        super().clear()
        self.cleared = True


class Visit:
    """The session of one HTTP request, by the name that its Cookie header has."""

    def __init__(self, sessions, header, name="PHPSESSID"):
        self.sessions, self.id, self.since = sessions, cookie(header, name), time.monotonic()
        self.locked, self.over, self.state, self.copy = None, False, b"", None
        self.left = self.doomed = None  # the session that login() has left, or that clear() ends, until it is saved
        self.ids = {self.id} - {""}  # those of this request's session: login() gives it another one
        self.found = None  # the values, once they are loaded

    def peek(self):
        """The values without the lock."""
        try:
            return values(self.sessions.read(self.id))
        except NoSuchSession:
            return {}

    def load(self):
        """The values under the lock; without it, if the request is over. Empty if PHP knows no session."""
        if self.over:
            return self.peek()
        if self.found is None:
            self.found = Values(self.enter())
        return self.found

    def enter(self):
        try:
            locked = self.locked = Session(self.sessions, self.id)
            locked.unwanted = self.over  # by abort() in another thread, just now
            locked.enter("known")
            return values(locked.data)
        except NoSuchSession as error:
            self.locked = None
            self.state, self.copy = error.state, error.copy
            return values(self.copy)
        except BaseException:
            self.abort()
            raise

    def login(self, user, limit=0, on_limit="oldest", label=""):
        """Makes the session this user's, under a new id. Returns False if the limit refuses that. Before save()."""
        if self.over:
            raise NotSaved("the answer has begun, or the request may only read")
        self.load()  # the session to leave
        if self.copy is not None:
            raise NotSaved("the session was moved to a new id; under the old one it can be read and not changed")
        self.begin_anew()
        if self.locked and self.locked.id != self.id:  # once more in this request: it has its new id
            return self.locked.bind(user, limit, on_limit, label)
        new = self.sessions.new("" if self.locked or self.doomed else self.id, self.since, self.state)
        try:
            if self.locked:
                new.inherit(self.locked)
                new.data = self.locked.data
            bound = new.bind(user, limit, on_limit, label)
        except BaseException:
            new.abandon()
            raise
        if not bound:
            new.abandon()
            return False
        self.left, self.locked = self.locked, new
        self.ids.add(new.id)
        return True

    def revoke(self, user, only=None, others_only=False):
        """Ends the sessions of a user: all, that with the handle `only`, or all but that of this request."""
        return self.sessions.revoke(user, only, self.ids if others_only else ())

    def begin_anew(self):
        """A clear() ends the session with save(), and undoes a login of this request. Further values are a new one's."""
        if self.found is None or not self.found.cleared or self.copy is not None:
            return
        self.found.cleared = False
        if self.locked and self.locked.id != self.id:
            self.locked.abandon()
            self.locked = None
        self.doomed = self.doomed or self.left or self.locked
        self.locked = self.left = None

    def save(self, found):
        """Writes and releases. What becomes of the cookie: a new id, "" (delete it), or None (leave it alone)."""
        is_own = self.locked and self.locked.id == self.id
        if is_own and self.found and found is not self.found and self.found.keys().isdisjoint(found or ()):
            self.found.clear()  # by an application that put another dict in its place
        self.begin_anew()
        locked, self.locked, self.over = self.locked, None, True
        (left, self.left), (doomed, self.doomed) = (self.left, None), (self.doomed, None)
        if self.copy is not None:
            if found == values(self.copy) and not self.found.cleared:
                return None
            raise NotSaved("the session was moved to a new id; under the old one it can be read and not changed")
        try:
            if locked is None and found:
                locked = self.sessions.new("" if doomed else self.id, self.since, self.state)
                self.ids.add(locked.id)
            if locked:
                locked.put(found)
            if doomed and not locked:
                doomed.data = None
                doomed.save()
            elif doomed and not doomed.retire():  # its mark keeps late requests from a cookie of their own
                raise NotSaved("the session was ended meanwhile")
        except BaseException:
            for held in filter(None, (locked, left, doomed)):
                held.abandon()
            raise
        if locked is None:
            return "" if doomed else None
        try:
            locked.save()
        except BaseException:
            if left:
                left.abandon()
            raise
        if left and not left.retire():
            name = locked.fields()[7].decode()
            self.sessions.end(name, [(locked.id, b"0|0")], 0, "revoked")
            if name:
                self.sessions.change_list(name, "drop", locked.id)
            raise NotSaved("the session was ended meanwhile")
        if locked.data is None:
            return "" if left or doomed or locked.id == self.id else None
        return None if locked.id == self.id else locked.id

    def abort(self):
        """Releases what is held, or is about to be, and writes nothing."""
        self.over = True
        taken, self.locked, self.left, self.doomed = (self.locked, self.left, self.doomed), None, None, None
        for locked in filter(None, taken):
            locked.abandon()


def is_id(text):
    """Returns true if PHP takes this for the id of a session."""
    return re.fullmatch(r"[A-Za-z0-9,-]{1,256}", text) is not None


def list_name(user):
    return hashlib.sha256(user.encode()).hexdigest()[:32]


def names(session_id, value):
    """The id of a listed session, and the one that it had before: it may be on its way to its new one."""
    return [session_id, *value.decode().split("|")[2:]]


def handle(session_id):
    """A name for a session that gives no access to it."""
    return hashlib.sha256(b"rustredis-handle\0" + session_id.encode()).hexdigest()[:16]


def stamp():
    return str(int(time.time() * 1000)).encode()


def bumped(value):
    """The time of a session's last bump, by its value on a list."""
    return abs(int(value.split(b"|")[0]))


def live_fields(state):
    """Those of the state of a living session, or []."""
    fields = (state or b"").split(b"|", 8)
    return fields if fields[0] == b"live" and len(fields) == 9 else []


def is_stale(fields, ttl):
    """Returns true if the session was not put on the list of its user for half an idle lifetime."""
    return abs(int(stamp()) - int(fields[5] or 0)) > int(fields[3] or ttl) * 500


def life(fields, ttl):
    """The ms that a state lives: two idle lifetimes, or one after the absolute end."""
    idle = int(fields[3] or ttl) * 1000
    return idle + max(0, int(fields[4]) - int(stamp())) if fields[4] else 2 * idle


def has_died(seen, now):
    """Returns true if the session that had the state `seen` has ended, by its present one."""
    def created(state):
        return re.match(rb"live\|[^|]*\|", state or b"")
    if created(now):  # a session lives on under another state, but not with another time of creation
        return bool(created(seen)) and created(seen)[0] != created(now)[0]
    return now is not None and now != seen


def no_such_session(state, copy=None):
    error = NoSuchSession("no session under this id")
    error.state, error.copy = state or b"", copy
    return error


def cookie(header, name="PHPSESSID"):
    """The id in a Cookie header, as PHP finds it: the first of the name, percent-decoded. Empty if there is none."""
    id = None
    for pair in (header or "").split(";"):
        # PHP takes any other space for a part of the name.
        sent, _, value = pair.lstrip(" \t\n\v\f\r").partition("=")
        base, _, index = sent.partition("[")
        found = re.sub(r"[ .[]", "_", base if "]" in index else sent)  # as PHP does
        # No change of a name gives it one of the prefixes that browsers protect.
        if found != name or not sent.startswith(re.match("__(Host|Secure)-|", found)[0]):
            continue
        if "]" in index:
            return ""  # PHP makes an array of all cookies of the name
        if id is None:
            id = unquote(value)
    return id or ""


def shown(holder):
    """`<token>|<ms>|<host>|<pid>|<sapi>|<uri>`, or whatever another client writes, in one short line."""
    text = holder.decode(errors="replace")
    text = text.split("|", 2)[-1] if text[:2] in ("o:", "t:") else text
    return "".join(c if c.isprintable() else "?" for c in text[:200])


def values(data):
    """A session that PHP's `json` serializer wrote, as a dict. Tags such as {"$bytes": "..."} stay dicts."""
    if data and data[:4] in (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"):  # zstd, lz4
        raise SessionError("the session is compressed: set rustredis.compression=none in PHP, and let PHP write it again")
    try:
        found = json.loads((data or b"{}").decode())
    except ValueError:  # which has all of the data
        found = None
    if not isinstance(found, dict):
        raise SessionError("the session is not a JSON object: is session.serialize_handler=json?")
    return found


def text(found, before=None):
    """The dict as bytes for `data`. Members that are as they were in `before` keep their text, byte for byte."""
    old = members(before or b"{}")
    new = {str(name): compact(value) for name, value in found.items()}
    new = {name: old[name] if name in old and compact(json.loads(old[name])) == new[name] else readable(new[name])
           for name in new}
    if new != old and (is_tag(old) or is_tag(new)):  # PHP would not take it for what it is
        raise SessionError("the session as a whole is a tag, or would look like one: it cannot be changed here")
    with suppress(UnicodeEncodeError):  # which has all of the data
        return ("{" + ",".join(f"{compact(name)}:{value}" for name, value in new.items()) + "}").encode()
    raise NotSaved("a text has half a surrogate pair: PHP could not read it")


def readable(value):
    """Refuses what PHP could not read: it would keep the session aside, and the user would be logged out."""
    depth = deepest = 1  # the session itself is the first level
    plain = value.replace("\\\\", "").replace('\\"', "")  # each quote is the end of a string then
    for token in re.finditer(r'"[^"]*"|[\[\]{}]|-?\d[^,\]}]*', plain):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
        elif token[0][0] != '"' and abs(float(token[0])) == float("inf"):
            raise NotSaved("a number is beyond 1.8e308: PHP could not read it")
    if deepest > 512:
        raise NotSaved("the value has more than 512 levels: PHP could not read it")
    return value


def members(data):
    """The members of a JSON object: name -> its value's text."""
    values(data)  # refuses what is not one
    source, found, at = data.decode(), {}, 0
    while (quote := source.find('"', at)) >= 0:
        name, at = json.decoder.scanstring(source, quote + 1)
        start = re.compile(r"\s*:\s*").match(source, at).end()
        _, at = json.JSONDecoder().raw_decode(source, start)
        found[name] = source[start:at]
    return found


def is_tag(found):
    return len(found) == 1 and next(iter(found)) in ("$bytes", "$float", "$map", "$object")


def compact(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
