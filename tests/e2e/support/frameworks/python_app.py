"""The same small application in a framework of Python's, as it is by default: `python_app.py FRAMEWORK PREFIX`.

Listens on a free port, which it writes to its standard output. Every answer names what was served.
"""

import json
import sys
from wsgiref.simple_server import make_server

FRAMEWORK, PREFIX = sys.argv[1:3]
ROUTES = [
    ("GET", "/report", "report"),
    ("GET", "/report/summary", "summary"),
    ("GET", "/admin", "admin"),
    ("GET", "/admin/users", "users"),
    ("GET", "/orders/{id}", "order"),
    ("DELETE", "/orders/{id}", "order removed"),
]


def serve_wsgi(app):
    server = make_server("127.0.0.1", 0, app)
    print(server.server_port, flush=True)
    server.serve_forever()


def flask():
    from flask import Flask

    app = Flask(__name__)
    for method, path, name in ROUTES:
        rule = PREFIX + path.replace("{id}", "<id>")
        app.add_url_rule(rule, name, lambda name=name, id=None: {"served": name}, methods=[method])
    # The same with a slash at the end, which Flask leads others to.
    app.add_url_rule(PREFIX + "/slash/", "slash", lambda: {"served": "slash"})
    serve_wsgi(app)


def django():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponseNotAllowed, JsonResponse
    from django.urls import path as route

    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=["django.middleware.common.CommonMiddleware"], SECRET_KEY="x")

    def view(names):
        def answer(request, id=None):
            if request.method not in names:
                return HttpResponseNotAllowed(list(names))
            return JsonResponse({"served": names[request.method]})

        return answer

    by_path = {}
    for method, path, name in ROUTES:
        by_path.setdefault(path, {})[method] = name
    global urlpatterns
    prefix = PREFIX.lstrip("/")
    # As Django's own documentation writes them, with a slash at the end; and without.
    patterns = [(prefix + path.replace("{id}", "<id>"), view(names)) for path, names in by_path.items()]
    urlpatterns = [route(path + end, answer) for path, answer in patterns for end in ("/", "")]
    serve_wsgi(get_wsgi_application())


def fastapi():
    import socket

    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()
    for method, path, name in ROUTES:
        app.add_api_route(PREFIX + path, lambda name=name: {"served": name}, methods=[method], name=name)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


{"flask": flask, "django": django, "fastapi": fastapi}[FRAMEWORK]()
