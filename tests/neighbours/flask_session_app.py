"""Flask-Session as its manual says, pointed at PHP's keys and cookie. FORMAT is its serialization format, LIFETIME its lifetime."""

import os
import time

import flask
import redis
from flask_session import Session

app = flask.Flask(__name__)
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=redis.Redis.from_url(os.environ["REDIS"]),
    SESSION_KEY_PREFIX="PHPREDIS_SESSION:",
    SESSION_COOKIE_NAME="PHPSESSID",
    SESSION_SERIALIZATION_FORMAT=os.environ.get("FORMAT", "msgpack"),
    PERMANENT_SESSION_LIFETIME=int(os.environ.get("LIFETIME", 31 * 86400)),
)
Session(app)


@app.get("/")
def index():
    return {"user": flask.session.get("user"), "n": flask.session.get("n")}


@app.post("/count")
def count():
    n = flask.session.get("n", 0)
    time.sleep(int(flask.request.args.get("hold_ms", 0)) / 1000)
    flask.session["n"] = n + 1
    return {"n": flask.session["n"]}
