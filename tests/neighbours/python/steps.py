"""Does what each line of its input says, in one process, and answers `done <json>`. The lines are Python expressions.

    steps.py URL '{"wait": 60}'     the object is the keyword arguments of phpsess.Sessions

The sessions are PHP's array("n" => ...) in its php_serialize format.
"""

import json
import re
import sys
import time
from contextlib import suppress

import phpsess

sessions = phpsess.Sessions(sys.argv[1], **json.loads(sys.argv[2]))
opened = None


def parse(data):
    if data is None:
        return 0
    return int(re.fullmatch(rb'a:1:\{s:1:"n";i:(\d+);\}', data)[1])


def serialize(n):
    return b'a:1:{s:1:"n";i:%d;}' % n


def increment(session_id, **options):
    with sessions.open(session_id, **options) as session:
        n = parse(session.data) + 1
        session.data = serialize(n)
    return n


def visit(session_id, times):
    """Counts, and says when it came into the session and when it left, in ns of the system's monotonic clock."""
    visits = []
    for _ in range(times):
        with sessions.open(session_id) as session:
            enter = time.monotonic_ns()
            session.data = serialize(parse(session.data) + 1)
            leave = time.monotonic_ns()
        visits.append([enter, leave])
    return visits


def start(session_id, **options):
    """Opens a session and keeps it open, for session() and close()."""
    global opened
    block = sessions.open(session_id, **options)
    opened = block, block.__enter__()
    return parse(session().data)


def session():
    return opened[1]


def change(n):
    session().data = n if n is None else serialize(n)


def close():
    opened[0].__exit__(None, None, None)


def fail_after(session_id, n):
    with sessions.open(session_id) as session:
        session.data = serialize(n)
        raise ValueError("abort")


def peek(session_id):
    data = sessions.read(session_id)
    return None if data is None else parse(data)


def absent(session_id):
    """The state that a request finds which comes with this id."""
    global state
    try:
        with sessions.open(session_id):
            return "there"
    except phpsess.NoSuchSession as error:
        state = error.state
    return "absent"


def two_users():
    """The id of a session whose visitor logs in as two users in one request."""
    visit = phpsess.Visit(sessions, "")
    visit.load()
    visit.login("Eve")
    visit.login("Ada")
    return visit.save({"user": "Ada"})


def failing_login():
    """The id of a session whose visitor logs in, and then, twice, as a user whose list cannot be used."""
    visit = phpsess.Visit(sessions, "")
    visit.login("Ada")
    with suppress(phpsess.redis.ResponseError):
        return visit.login("Eve")
    session_id = visit.save({"user": "Ada"})
    with sessions.open(session_id) as session, suppress(phpsess.redis.ResponseError):
        return session.bind("Eve")
    return session_id


def shown(work):
    """An error with all that it has."""
    try:
        return repr(work())
    except Exception as error:
        return repr((error, vars(error), error.__context__))


def replace(session_id):
    """A new session for that request."""
    block = sessions.new(session_id, time.monotonic(), state)
    block.abandon()
    return "new"


print("ready", flush=True)
for line in sys.stdin:
    try:
        answer = eval(line)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print("done", json.dumps(answer), flush=True)
