"""A FastAPI app on PHP's sessions: uvicorn app:app. REDIS says where they are."""

import asyncio
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "python"))

import phpsess
from fastapi import FastAPI, Query, Request
from phpsess_asgi import PhpSessionMiddleware, in_thread

app = FastAPI()
sessions = phpsess.Sessions(os.environ.get("REDIS", "redis://127.0.0.1:6379/0"), ttl=1440)
app.add_middleware(
    PhpSessionMiddleware,
    sessions=sessions,
    read_only=lambda scope: scope["method"] in ("GET", "HEAD"),
)


@app.get("/")
async def index(request: Request):
    return {"user": request.session.get("user"), "n": request.session.get("n")}


@app.post("/count")
async def count(request: Request, hold_ms: int = 0):
    n = request.session.get("n", 0)
    await asyncio.sleep(hold_ms / 1000)  # other requests of this session wait
    request.session["n"] = n + 1
    return {"n": request.session["n"]}


@app.post("/fail")
async def fail(request: Request):
    request.session["n"] = -1
    raise RuntimeError("this request fails")


@app.post("/logout")
async def logout(request: Request, hold_ms: int = 0):
    request.session.clear()
    await asyncio.sleep(hold_ms / 1000)  # the session ends with the answer
    return {}


@app.post("/login")
async def login(request: Request, label: str = "", again: list[str] = Query([]), limit: int = 0, on_limit: str = "oldest",
                hold_ms: int = 0):
    for text in [label, *again]:  # after a second factor, say
        done = await in_thread(request.scope["php_visit"].login, "Ada", limit, on_limit, text)
    await asyncio.sleep(hold_ms / 1000)
    if done:  # otherwise she is logged in elsewhere, and her password was right
        request.session["user"] = "Ada"
    return {"done": done}


@app.get("/devices")
async def devices(request: Request):
    user, own = request.session.get("user"), request.scope["php_visit"].id
    found = await in_thread(sessions.devices, user) if user else []
    return [{"handle": one["handle"], "label": one["label"], "current": one["id"] == own} for one in found]


@app.post("/revoke")
async def revoke(request: Request, handle: str | None = None):  # without one, all others end
    user = request.session.get("user")
    return {"ended": await in_thread(request.scope["php_visit"].revoke, user, handle, not handle) if user else 0}


@app.post("/password")
async def password(request: Request, label: str = ""):
    user, visit = request.session.get("user"), request.scope["php_visit"]
    if user:  # the password was changed: a new id, and an end of all other sessions
        await in_thread(visit.login, user, 0, "oldest", label)
    return {"ended": await in_thread(visit.revoke, user, None, True) if user else 0}
