"""wsgiref.handlers: one run of a handler, with an application that follows a script."""

import errno
import io
import sys
import time
import warnings

from wsgiref import handlers

# SimpleHandler warns of partial writes.
warnings.simplefilter("ignore")


class Clock:
    """The time module of wsgiref.handlers, so that both sides have one Date."""

    now = 0
    gmtime = staticmethod(time.gmtime)

    def time(self):
        return self.now


clock = handlers.time = Clock()


class Trouble(Exception):
    """What scripts and streams raise; reports have its name."""


def name_of(error):
    if isinstance(error, Trouble):
        return str(error)
    return "gone" if isinstance(error, ConnectionError) else "another"


def handler(case):
    clock.now = case["clock"]
    output = Output(case["output"])
    kind = Origin if case["origin"] else Gateway
    running = kind(io.BytesIO(encode(case["input"])), output, Errors(case["errors"]), case["environ"], *case["multi"])
    running.case = case
    running.logged = []
    running.os_environ = case["osEnviron"]
    running.http_version = case["version"]
    running.server_software = case["software"]
    # A traceback takes longer than all the rest.
    running.traceback_limit = 0
    if not case["fileWrapper"]:
        running.wsgi_file_wrapper = None
    running.error_status = case["page"]["status"]
    running.error_headers = pairs(case["page"]["headers"])
    running.error_body = encode(case["page"]["body"])
    application = Application(case, running)
    running.application = application
    raised = None
    try:
        running.run(application)
    except ConnectionError:
        pass  # A client that goes away during the error page: CPython leaves that to the server, ours ends quietly.
    except Exception as error:
        raised = name_of(error)
    return {
        "output": output.data.decode("latin-1"),
        "logged": running.logged,
        "raised": raised,
        "closed": application.closed,
        "seen": application.seen,
        "fields": application.fields,
        "pageHeaders": running.error_headers,
        "kept": {
            "status": running.status,
            "headers": None if running.headers is None else running.headers.items(),
            "environ": running.environ is not None,
            "result": running.result is not None,
            "headersSent": running.headers_sent,
            "bytesSent": running.bytes_sent,
        },
    }


def encode(block):
    """The bytes of a block; None stays None, which is no block."""
    return None if block is None else block.encode("latin-1")


def pairs(fields):
    return [tuple(field) for field in fields]


class Output:
    """Takes so many bytes, or seven at a time, and then there is nobody left to take any."""

    def __init__(self, given):
        self.given = given
        self.data = b""

    def write(self, data):
        if self.given["partial"]:
            data = data[:7]
        room = self.given["room"]
        taken = data if room is None else data[: room - len(self.data)]
        self.data += taken
        if len(taken) < len(data):
            self.disconnect()
        return len(data) if self.given["partial"] else None

    def flush(self):
        if self.given["flush"] == "fails":
            raise Trouble("flush")
        if self.given["flush"] == "gone":
            self.disconnect()

    def disconnect(self):
        # OSError() makes a BrokenPipeError and its like of this.
        raise OSError(getattr(errno, self.given["code"]), "gone")


class Errors(io.StringIO):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def write(self, text):
        if self.kind == "broken":
            raise Trouble("errors")
        return super().write(text)


class Application:
    """Does the steps of its script when it is called, and others while its body is iterated over."""

    def __init__(self, case, running):
        self.case = case
        self.running = running
        self.closed = []
        self.seen = None
        self.fields = []
        self.write = None

    def __call__(self, environ, start_response):
        streams = ("wsgi.input", "wsgi.errors", "wsgi.file_wrapper")
        self.seen = {key: value for key, value in environ.items() if key not in streams}
        self.file_wrapper = environ.get("wsgi.file_wrapper")
        self.input = environ["wsgi.input"]
        self.start_response = start_response
        for step in self.case["called"]:
            self.perform(*step)
        return self.body(**self.case["body"])

    def perform(self, name, *args):
        if name in ("start", "restart"):
            status, fields = args
            self.fields.append(pairs(fields))
            if name == "start":
                self.write = self.start_response(status, self.fields[-1])
                return
            try:
                raise Trouble("restarted")
            except Trouble:
                self.write = self.start_response(status, self.fields[-1], sys.exc_info())
        elif name == "write":
            self.write(encode(*args))
        elif name == "raise":
            raise Trouble(*args)
        else:
            self.write(getattr(self.input, name)(*args))

    def body(self, kind, steps, blksize):
        if kind in NO_BODIES:
            return NO_BODIES[kind]
        if kind == "generator":
            return self.generate(steps)
        if kind == "iterable":
            return Body(self, steps)
        blocks = [encode(block) for _, block in steps]
        if kind == "bare array":
            return blocks
        if kind == "file" and self.file_wrapper:
            return self.file_wrapper(File(self, b"".join(blocks)), blksize)
        return SizedBody(self, blocks)

    def iterate(self, steps):
        for step in steps:
            if step[0] == "yield":
                yield encode(step[1])
            else:
                self.perform(*step)

    def generate(self, steps):
        try:
            yield from self.iterate(steps)
        finally:
            self.closed.append("generator")

    def close(self, what):
        # CPython may close a result twice, when the error page fails too, and lets a close() that raises pass for an
        # error of the response, sent though it is. PEP 3333 has it called once; ours does, and logs what it raises.
        if what in self.closed:
            return
        self.closed.append(what)
        if self.case["closing"] == "fails":
            try:
                raise Trouble("closing")
            except Trouble:
                self.running.log_exception(sys.exc_info())


NO_BODIES = {"text": "text", "bytes": b"bytes", "nothing": None, "number": 12}


class Body:
    def __init__(self, application, steps, what="body"):
        self.application = application
        self.steps = steps
        self.what = what

    def __iter__(self):
        return self.application.iterate(self.steps)

    def close(self):
        self.application.close(self.what)


class SizedBody(list):
    def __init__(self, application, blocks):
        super().__init__(blocks)
        self.application = application

    def close(self):
        self.application.close("body")


class File:
    def __init__(self, application, content):
        self.application = application
        self.read = io.BytesIO(content).read

    def close(self):
        self.application.close("body")


class Observed:
    """What a handler of ours overrides in the same way."""

    def add_cgi_vars(self):
        super().add_cgi_vars()
        if self.case["setup"] == "fails":
            raise Trouble("setup")

    def log_exception(self, exc_info):
        self.logged.append(name_of(exc_info[1]))
        super().log_exception(exc_info)

    def sendfile(self):
        kind = self.case["sendfile"]
        if kind == "fails before":
            raise Trouble("sendfile")
        if kind in ("begins", "sends", "fails after"):
            if not self.headers_sent:
                self.send_headers()
            if kind == "begins":
                return False
            self._write(self.result.filelike.read())
            if kind == "fails after":
                raise Trouble("sendfile")
        return True if kind in ("sends", "pretends") else super().sendfile()

    def error_output(self, environ, start_response):
        kind = self.case["page"]["kind"]
        if kind == "raises before":
            raise Trouble("page")
        if kind == "never starts":
            return [self.error_body]
        if kind == "inherited":
            return super().error_output(environ, start_response)
        write = start_response(self.error_status, self.error_headers[:], sys.exc_info())
        if kind == "raises after":
            raise Trouble("page")
        if kind == "writes":
            write(self.error_body)
            return []
        steps = [["yield", self.case["page"]["body"]]]
        if kind == "raises while iterating":
            steps.append(["raise", "page"])
        return Body(self.application, steps, "page")


class Origin(Observed, handlers.SimpleHandler):
    pass


class Gateway(Observed, handlers.BaseCGIHandler):
    pass
