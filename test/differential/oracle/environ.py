"""The environ that CPython's server makes of a raw request over a socket, what it logs, and the demo page."""

import io
import os
import re
import socket
import sys

from wsgiref.simple_server import demo_app, make_server

seen = []


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    seen.append((environ, body))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"seen"]


server = None


def serving():
    """Bound at the first case, so that the other rooms need no socket."""
    global server
    if server is None:
        server = make_server("127.0.0.1", 0, application)
    # As ours has them: no DNS is asked, and the port is not to differ.
    server.server_name = "127.0.0.1"
    server.server_port = 8000
    server.setup_environ()
    return server


def ask(request):
    """The whole answer. The request waits in the kernel until the server accepts it, so that one thread will do."""
    with socket.create_connection(server.server_address) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        server.handle_request()
        return b"".join(iter(lambda: client.recv(65536), b""))


def environ(case):
    serving().base_environ.update(case["base"])
    log, sys.stderr = sys.stderr, io.StringIO()
    try:
        answer = ask(case["request"].encode("latin-1"))
    finally:
        log, sys.stderr = sys.stderr.getvalue(), log
    variables, body = seen.pop()
    # An underscore could make one field pose as another: ours leaves those fields out.
    for name in case["hidden"]:
        del variables["HTTP_" + name.upper()]
    # White space around a value is no part of it (RFC 9112 section 5); CPython leaves it in this one.
    variables["CONTENT_TYPE"] = variables["CONTENT_TYPE"].strip(" \t")
    shown = {}
    for key, value in variables.items():
        if key in ("SERVER_SOFTWARE", "wsgi.input", "wsgi.errors", "wsgi.file_wrapper"):
            continue
        if key not in os.environ or os.environ[key] != value:
            shown[key] = value
    return {
        "status": answer.split(b" ")[1].decode(),
        "environ": shown,
        "body": body.decode("latin-1"),
        "log": re.sub(r"\[[^]]*\]", "[]", log),
    }


def demo(case):
    head = []
    page = demo_app(case, lambda status, headers: head.extend((status, headers)))
    return [head, b"".join(page).decode()]
