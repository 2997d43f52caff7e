"""starsessions as its manual says, pointed at PHP's keys and cookie. LIFETIME is its lifetime, ROLLING whether it rolls."""

import asyncio
import os

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore


async def index(request: Request):
    return JSONResponse({"user": request.session.get("user"), "n": request.session.get("n")})


async def count(request: Request):
    n = request.session.get("n", 0)
    await asyncio.sleep(int(request.query_params.get("hold_ms", 0)) / 1000)
    request.session["n"] = n + 1
    return JSONResponse({"n": n + 1})


store = RedisStore(connection=Redis.from_url(os.environ["REDIS"]), prefix="PHPREDIS_SESSION:")
app = Starlette(
    routes=[Route("/", index), Route("/count", count, methods=["POST"])],
    middleware=[
        Middleware(
            SessionMiddleware,
            store=store,
            cookie_name="PHPSESSID",
            cookie_https_only=False,
            lifetime=int(os.environ.get("LIFETIME", "0")),
            rolling="ROLLING" in os.environ,
        ),
        Middleware(SessionAutoloadMiddleware),
    ],
)
