"""Asynchronous views of Django on PHP's sessions, which Django cancels when the client leaves.

COOKIE has the settings of the cookie.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

examples = Path(__file__).parents[2] / "examples"
sys.path += [str(examples / "python"), str(examples / "django")]

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import Http404, JsonResponse
from django.urls import path
from django.views.debug import SafeExceptionReporterFilter
from phpsess_django import SessionStore

cookie = {"EXPIRE_AT_BROWSER_CLOSE": True, "COOKIE_DOMAIN": "example.org", "COOKIE_SECURE": True, "COOKIE_SAMESITE": "Strict"}
settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="the sessions need none",
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=[f"{__name__}.late", "phpsess_django.PhpSessionMiddleware"],
    SESSION_ENGINE="phpsess_django",
    **{"SESSION_COOKIE_NAME": "PHPSESSID"} | {f"SESSION_{name}": value for name, value in
                                            (json.loads(os.environ["COOKIE"]) if "COOKIE" in os.environ else cookie).items()},
    PHPSESS={"url": os.environ["REDIS"], "password": os.environ.get("REDIS_PASSWORD")},
)


def late(get_response):
    """A middleware that looks at the session when the answer is there."""

    async def middleware(request):
        response = await get_response(request)
        if request.path == "/late":
            response["X-N"] = str(await request.session.aget("n"))
        return response

    middleware._is_coroutine = asyncio.coroutines._is_coroutine
    return middleware


late.async_capable, late.sync_capable = True, False


async def count(request):
    n = await request.session.aget("n", 0)
    await asyncio.sleep(int(request.GET.get("hold_ms", 0)) / 1000)
    await request.session.aset("n", n + 1)
    return JsonResponse({"n": n + 1})


def synchronous(request):
    n = request.session.get("n", 0)
    time.sleep(int(request.GET.get("hold_ms", 0)) / 1000)
    request.session["n"] = n + 1
    return JsonResponse({"n": n + 1})


async def nothing(request):
    return JsonResponse({})


async def login(request):
    await request.session.aset("user", "Ada")
    await request.session.acycle_key()
    return JsonResponse({}, status=int(request.GET.get("status", 200)))


async def logout(request):
    await request.session.aflush()
    return JsonResponse({}, status=int(request.GET.get("status", 200)))


def in_and_out(request):
    request.session.cycle_key()
    request.session.bind("Ada")
    request.session.flush()
    return JsonResponse({})


def do(request, ops):
    for op in ops.split("-"):
        if op == "login":
            request.session.cycle_key()
            request.session.bind("Ada")
        elif op == "clear":
            request.session.flush()
        elif op == "empty":
            request.session.clear()
        elif op == "set":
            request.session["flash"] = "bye"
        elif op == "pop":
            for name in list(request.session.keys()):
                request.session.pop(name)
        elif op == "store":
            request.session = SessionStore()
        elif op == "none":
            request.session = {}
        elif op == "fail":
            raise RuntimeError("this request fails")
    return JsonResponse({})


def refuse(request):
    request.session["n"] = 2
    raise Http404


async def shown_settings(request):
    """What Django shows of the settings when something fails."""
    return JsonResponse(SafeExceptionReporterFilter().get_safe_settings()["PHPSESS"])


urlpatterns = [path("", nothing), path("late", nothing), path("count", count), path("synchronous", synchronous),
               path("login", login), path("logout", logout), path("refuse", refuse), path("in-and-out", in_and_out),
               path("do/<ops>", do),
               path("settings", shown_settings)]
application = get_asgi_application()
