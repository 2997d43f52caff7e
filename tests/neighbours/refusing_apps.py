"""Flask and FastAPI on PHP's sessions, with a view that refuses by an exception after a change."""

import os
import sys
from pathlib import Path

examples = Path(__file__).parents[2] / "examples"
sys.path += [str(examples / name) for name in ("python", "flask", "starlette")]

import flask
import phpsess
from fastapi import FastAPI, HTTPException, Request
from phpsess_asgi import PhpSessionMiddleware
from phpsess_flask import PhpSessions

flask_app, fast_app = flask.Flask(__name__), FastAPI()
PhpSessions(flask_app, phpsess.Sessions(os.environ["REDIS"]))
fast_app.add_middleware(PhpSessionMiddleware, sessions=phpsess.Sessions(os.environ["REDIS"]))


@flask_app.post("/refuse")
def refuse():
    flask.session["n"] = 2
    flask.abort(403)


@fast_app.post("/refuse")
async def refuse_too(request: Request):
    request.session["n"] = 2
    raise HTTPException(403)
