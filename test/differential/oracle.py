"""CPython's wsgiref, asked over standard streams: one JSON request a line, one JSON answer a line."""

import io
import json
import re
import sys
import warnings

from wsgiref import util
from wsgiref.handlers import BaseCGIHandler, SimpleHandler
from wsgiref.headers import Headers

warnings.simplefilter("ignore")


def attempt(function, *args):
    """What a function returns, or just that it raised: messages are each implementation's own."""
    try:
        return {"value": function(*args)}
    except Exception:
        return {"raised": True}


def uris(case):
    environ = dict(case["environ"])
    if case["defaults"]:
        util.setup_testing_defaults(environ)
    return [
        attempt(util.guess_scheme, environ),
        attempt(util.application_uri, environ),
        attempt(util.request_uri, environ),
        attempt(util.request_uri, environ, False),
    ]


def shift(case):
    environ = dict(case["environ"])
    steps = []
    for _ in range(case["times"]):
        steps.append([attempt(util.shift_path_info, environ), environ.get("SCRIPT_NAME"), environ.get("PATH_INFO")])
    return steps


def headers(case):
    wrapped = [tuple(field) for field in case["fields"]]
    mapping = Headers(wrapped)
    operations = {
        "length": lambda: len(mapping),
        "get": mapping.get,
        "has": lambda name: name in mapping,
        "set": mapping.__setitem__,
        "delete": mapping.__delitem__,
        "getAll": mapping.get_all,
        "keys": mapping.keys,
        "values": mapping.values,
        "items": mapping.items,
        "setDefault": mapping.setdefault,
        "addHeader": lambda name, value, params: mapping.add_header(name, value, **params),
        "toString": lambda: str(mapping),
        "toBytes": lambda: bytes(mapping).hex(),
    }
    outcomes = [attempt(operations[name], *args) for name, *args in case["operations"]]
    return [outcomes, wrapped]


class Output:
    def __init__(self, kind):
        self.kind = kind
        self.data = b""

    def write(self, data):
        if self.kind == "broken":
            raise BrokenPipeError
        if self.kind == "partial":
            data = data[:7]
        self.data += data
        return len(data) if self.kind == "partial" else None

    def flush(self):
        pass


class Body:
    def __init__(self, blocks, fails, log):
        self.blocks = [block.encode("latin-1") for block in blocks]
        self.fails = fails
        self.log = log

    def __iter__(self):
        yield from self.blocks
        if self.fails:
            raise RuntimeError("while iterating")

    def close(self):
        self.log.append("close")


class SizedBody(list):
    def __init__(self, blocks, log):
        super().__init__(block.encode("latin-1") for block in blocks)
        self.log = log

    def close(self):
        self.log.append("close")


def handler(case):
    log = []

    def application(environ, start_response):
        if case["fails"] == "at once":
            raise RuntimeError("at once")
        write = start_response(case["status"], [tuple(field) for field in case["headers"]])
        if case["fails"] == "after start":
            raise RuntimeError("after start")
        for block in case["written"]:
            write(block.encode("latin-1"))
        if case["restart"]:
            try:
                raise RuntimeError("restarted")
            except RuntimeError:
                start_response("503 Restarted", [("X-Restarted", "yes")], sys.exc_info())
        if case["fails"] == "twice":
            start_response(case["status"], [])
        if case["body"] == "array":
            return SizedBody(case["blocks"], log)
        if case["body"] == "file":
            return environ["wsgi.file_wrapper"](io.BytesIO("".join(case["blocks"]).encode("latin-1")), 3)
        return Body(case["blocks"], case["fails"] == "while iterating", log)

    output = Output(case["output"])
    errors = io.StringIO()
    kind = SimpleHandler if case["origin"] else BaseCGIHandler
    running = kind(io.BytesIO(), output, errors, dict(case["environ"]))
    running.os_environ = {}
    running.http_version = case["version"]
    running.server_software = case["software"]
    try:
        running.run(application)
    except BrokenPipeError:
        pass  # A client that goes away during the error page: CPython leaves that to the server.
    return {
        # The error page has a Date of its own.
        "output": re.sub(r"(?<=\n)Date: [^\r]*\r\n", "", output.data.decode("latin-1"), count=1),
        "logged": errors.getvalue() != "",
        "closed": "close" in log,
        "forgotten": running.environ is None,
    }


ROOMS = {"uris": uris, "shift": shift, "headers": headers, "handler": handler}

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(ROOMS[request["room"]](request["case"])), flush=True)
