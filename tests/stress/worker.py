"""One worker of the stress run, in Python: what worker.php does, in the same log, through examples/python/phpsess.py."""

import json
import random
import re
import sys
import time
from pathlib import Path

import phpsess
import redis

worker = json.loads(sys.stdin.readline())
random.seed(worker["seed"])
log = open(worker["log"], "a", buffering=1)
sessions = phpsess.Sessions(worker["url"], lease=worker["lease"], wait=worker["wait"])


class Left(Exception):
    """A request that does not want to save."""


def note(*words, at=None):
    words = [str(word).replace("\n", " ").replace("\r", " ") for word in (at or time.monotonic_ns(), *words)]
    log.write(" ".join(words) + "\n")


def delayed():
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    except OSError:
        return 0


def work(session):
    """Most requests are short; a few outlive their lease, and renew it."""
    kind = random.randrange(1000)
    if kind >= 15:
        time.sleep(random.uniform(0, 0.004 if kind < 500 else 0.016))
    for _ in range(0 if kind >= 15 else 4 if kind < 3 else 1):
        time.sleep(0.3)
        session.renew()


def peek(session_id):
    note("peek", session_id)
    try:
        n, by = parse(sessions.read(session_id))
    except redis.RedisError:
        return
    note("seen", n, by)


def parse(data):
    n, by = re.fullmatch(rb'n\|i:(\d+);by\|s:\d+:"([^"]*)";', data).groups()
    return int(n), by.decode()


def visit(session_id, tag):
    """One request. Whether its increment was accepted."""
    before, saving = delayed(), False
    note("wait", session_id, tag)
    try:
        with sessions.open(session_id) as session:
            at = time.monotonic_ns()
            n, by = parse(session.data)
            note("got", n, by, delayed() - before, at=at)
            work(session)
            if random.randrange(20) == 0:
                raise Left
            session.data = b'n|i:%d;by|s:%d:"%s";' % (n + 1, len(tag), tag.encode())
            saving = True
            note("write", n + 1)
    except Left:
        note("left")
    except phpsess.NoSuchSession:
        note("absent", session_id)
    except phpsess.NotSaved as error:
        note("refused" if "lock was lost" in str(error) else "unknown", error)
    except (phpsess.SessionError, redis.RedisError) as error:
        note("unknown" if saving else "failed", type(error).__name__, error)
        time.sleep(random.uniform(0, 0.05))
    else:
        note("ok")
        return True
    return False


# A process that was killed left its plan in the log. The plan is carried out, even if the machine is so
# busy that the time is over before the next process has started.
before = Path(worker["log"]).read_text()
done = len(re.findall(r"^\d+ ok$", before, re.M))
planned = max((int(plan) + 1 for plan in re.findall(r"^\d+ plan (\d+)$", before, re.M)), default=0)
visits = 0
note("start")
while time.monotonic_ns() < worker["until"] or done < planned:
    note("plan", done)
    accepted = False
    while not accepted:
        session_id = f"s{min(random.randrange(worker['sessions']) for _ in range(2))}"
        if random.randrange(20) == 0:
            peek(session_id)
        accepted = visit(session_id, f"{worker['number']}.{worker['life']}.{visits}")
        visits += 1
        time.sleep(random.uniform(0, 0.008))
    done += 1
note("end")
