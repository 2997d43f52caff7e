"""The third machine of the demo: a Flask service that knows whoever logged in to PHP, by the same cookie.

It counts and logs out as PHP's pages do, and sends the browser back to the page of the machine that it came from.
"""

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

examples = Path(__file__).resolve().parents[2] / "examples"
sys.path[:0] = [str(examples / "python"), str(examples / "flask")]

import flask
import phpsess
from phpsess_flask import PhpSessions

app = flask.Flask(__name__)
PhpSessions(app, phpsess.Sessions(f"redis://127.0.0.1:{os.environ['DEMO_REDIS_PORT']}/0"))


def back():
    machine = "B" if flask.request.form.get("back") == "B" else "A"
    return flask.redirect((Path(os.environ["DEMO_DIR"]) / f"url-{machine}").read_text().strip() + "/", 303)


@app.get("/")
def index():
    """Shows the session as this service finds it."""
    found = dict(flask.session)
    if "balance" in found:  # as Python has it
        found["balance"] = {"repr": repr(found["balance"]), "type": type(found["balance"]).__name__}
    return {"python": sys.version.split()[0], "flask": version("flask"), **found}


@app.post("/count")
def count():
    if flask.session.get("user"):
        counted = flask.session["count"]
        time.sleep(min(5000, max(0, int(flask.request.form.get("hold_ms", 0)))) / 1000)
        flask.session["count"] = counted + 1
        seen = dict(flask.session["seen"])  # PHP's empty array is a list
        flask.session["seen"] = {**seen, "Python": seen.get("Python", 0) + 1}
    return back()


@app.post("/logout")
def logout():
    flask.session.clear()
    return back()
