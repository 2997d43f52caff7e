"""A Django project in one file, on PHP's sessions: python app.py runserver, or uvicorn app:application. REDIS says where they are."""

import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "python"))

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path
from phpsess_django import sessions

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="the sessions need none",
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=["phpsess_django.PhpSessionMiddleware"],
    SESSION_ENGINE="phpsess_django",
    SESSION_COOKIE_NAME="PHPSESSID",
    SESSION_EXPIRE_AT_BROWSER_CLOSE=True,
    PHPSESS={"url": os.environ.get("REDIS", "redis://127.0.0.1:6379/0"), "ttl": 1440,
             "password": os.environ.get("REDIS_PASSWORD")},
)


def index(request):
    return JsonResponse({"user": request.session.get("user"), "n": request.session.get("n")})


def count(request):
    n = request.session.get("n", 0)
    time.sleep(int(request.GET.get("hold_ms", 0)) / 1000)  # other requests of this session wait
    request.session["n"] = n + 1
    return JsonResponse({"n": request.session["n"]})


def fail(request):
    request.session["n"] = -1
    raise RuntimeError("this request fails")


def login(request):
    asked = request.GET
    request.session.cycle_key()
    done = "label" not in asked or request.session.bind(
        "Ada", int(asked.get("limit", 0)), asked.get("on_limit", "oldest"), asked["label"])
    for label in asked.getlist("again"):  # after a second factor, say
        request.session.cycle_key()
        done = request.session.bind("Ada", int(asked.get("limit", 0)), asked.get("on_limit", "oldest"), label)
    time.sleep(int(asked.get("hold_ms", 0)) / 1000)
    if done:  # otherwise she is logged in elsewhere, and her password was right
        request.session["user"] = "Ada"
    return JsonResponse({"done": done})


def devices(request):
    user = request.session.get("user")
    found = sessions().devices(user) if user else []
    own = request.session.session_key
    return JsonResponse([{"handle": one["handle"], "label": one["label"], "current": one["id"] == own}
                         for one in found], safe=False)


def revoke(request):
    user, handle = request.session.get("user"), request.GET.get("handle")  # without one, all others end
    return JsonResponse({"ended": request.session.revoke(user, handle, others_only=not handle) if user else 0})


def password(request):
    user = request.session.get("user")
    if user:  # the password was changed: a new id, and an end of all other sessions
        request.session.cycle_key()
        request.session.bind(user, label=request.GET.get("label", ""))
    return JsonResponse({"ended": request.session.revoke(user, others_only=True) if user else 0})


def logout(request):
    request.session.flush()
    time.sleep(int(request.GET.get("hold_ms", 0)) / 1000)  # the session ends with the answer
    return JsonResponse({})


urlpatterns = [path("", index), path("count", count), path("fail", fail), path("login", login), path("logout", logout),
               path("devices", devices), path("revoke", revoke), path("password", password)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
else:
    application = get_asgi_application()
