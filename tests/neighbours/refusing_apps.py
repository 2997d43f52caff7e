"""Flask and FastAPI on PHP's sessions, with a view that refuses by an exception after a change.

COOKIE has the attributes of the cookie.
"""

import json
import os
import sys
from pathlib import Path

examples = Path(__file__).parents[2] / "examples"
sys.path += [str(examples / name) for name in ("python", "flask", "starlette")]

import flask
import phpsess
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from phpsess_asgi import PhpSessionMiddleware, in_thread
from phpsess_flask import PhpSessions

flask_app, fast_app = flask.Flask(__name__), FastAPI()
attributes = json.loads(os.environ.get("COOKIE", "{}"))
PhpSessions(flask_app, phpsess.Sessions(os.environ["REDIS"]), **attributes)
fast_app.add_middleware(PhpSessionMiddleware, sessions=phpsess.Sessions(os.environ["REDIS"]),
                        read_only=lambda scope: scope["path"] == "/reading", **attributes)


@flask_app.post("/refuse")
def refuse():
    flask.session["n"] = 2
    flask.abort(403)


@flask_app.post("/count")
def count():
    flask.session["n"] = flask.session.get("n", 0) + 1
    return {}


@flask_app.post("/logout")
def logout():
    flask.session.clear()
    return {}


@flask_app.post("/in-and-out")
def in_and_out():
    flask.session.visit.login("Ada")
    flask.session.clear()
    return {}


@fast_app.post("/in-and-out")
async def in_and_out_too(request: Request):
    await in_thread(request.scope["php_visit"].login, "Ada")
    request.session.clear()
    return {}


def change(op, session, visit):
    """One of the changes that a path names."""
    if op == "login":
        visit.login("Ada")
    elif op == "clear":
        session.clear()
    elif op == "set":
        session["flash"] = "bye"
    elif op == "pop":
        for name in list(session):
            session.pop(name)
    elif op == "fail":
        raise RuntimeError("this request fails")


@flask_app.post("/do/<ops>")
def do(ops):
    for op in ops.split("-"):
        change(op, flask.session, flask.session.visit)
    return {}


@fast_app.post("/do/{ops}")
async def do_too(ops: str, request: Request):
    for op in ops.split("-"):
        if op == "other":
            request.scope["session"] = {"flash": "bye"}
        elif op == "update":
            request.scope["session"] = {**request.session, "flash": "bye"}
        else:
            await in_thread(change, op, request.session, request.scope["php_visit"])
    return {}


async def log_in(visit):
    try:
        await in_thread(visit.login, "Ada")
        print("in", flush=True)
    except phpsess.NotSaved as error:
        print("late:", error, flush=True)


@fast_app.post("/reading")
async def reading(request: Request):
    await log_in(request.scope["php_visit"])
    return {}


@fast_app.post("/after")
async def after(request: Request, tasks: BackgroundTasks):
    tasks.add_task(log_in, request.scope["php_visit"])
    return {}


@fast_app.post("/count")
async def count_too(request: Request):
    request.session["n"] = request.session.get("n", 0) + 1
    return {}


@fast_app.post("/logout")
async def logout_too(request: Request):
    request.session.clear()
    return {}


@fast_app.post("/refuse")
async def refuse_too(request: Request):
    request.session["n"] = 2
    raise HTTPException(403)
