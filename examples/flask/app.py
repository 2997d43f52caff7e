"""A Flask app on PHP's sessions: flask --app app run. REDIS and SCRIPTS say where they are."""

import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "python"))

import flask
import phpsess
from phpsess_flask import PhpSessions

app = flask.Flask(__name__)
sessions = phpsess.Sessions(os.environ.get("REDIS", "redis://127.0.0.1:6379/0"), ttl=1440)
PhpSessions(app, sessions)


@app.get("/")
def index():
    return {"user": flask.session.get("user"), "n": flask.session.get("n")}


@app.post("/count")
def count():
    n = flask.session.get("n", 0)
    time.sleep(int(flask.request.values.get("hold_ms", 0)) / 1000)  # other requests of this session wait
    flask.session["n"] = n + 1
    return {"n": flask.session["n"]}


@app.post("/fail")
def fail():
    flask.session["n"] = -1
    raise RuntimeError("this request fails")


@app.post("/logout")
def logout():
    flask.session.clear()
    time.sleep(int(flask.request.values.get("hold_ms", 0)) / 1000)  # the session ends with the answer
    return {}


@app.post("/login")
def login():
    asked = flask.request.values
    for label in [asked.get("label", ""), *asked.getlist("again")]:  # after a second factor, say
        done = flask.session.visit.login("Ada", int(asked.get("limit", 0)), asked.get("on_limit", "oldest"), label)
    time.sleep(int(asked.get("hold_ms", 0)) / 1000)
    if done:  # otherwise she is logged in elsewhere, and her password was right
        flask.session["user"] = "Ada"
    return {"done": done}


@app.get("/devices")
def devices():
    user, own = flask.session.get("user"), flask.session.visit.id
    found = sessions.devices(user) if user else []
    return [{"handle": one["handle"], "label": one["label"], "current": one["id"] == own} for one in found]


@app.post("/revoke")
def revoke():
    user, handle = flask.session.get("user"), flask.request.values.get("handle")  # without one, all others end
    return {"ended": flask.session.visit.revoke(user, handle, others_only=not handle) if user else 0}


@app.post("/password")
def password():
    user, visit = flask.session.get("user"), flask.session.visit
    if user:  # the password was changed: a new id, and an end of all other sessions
        visit.login(user, label=flask.request.values.get("label", ""))
    return {"ended": visit.revoke(user, others_only=True) if user else 0}
