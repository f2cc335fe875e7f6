"""wsgiref.validate: where in a conversation of gateway and application the validator raises, and how often it warns."""

import io
import itertools
import sys
import types
import warnings

from wsgiref.validate import WSGIWarning, validator

from .attempt import attempt

# A wrapper whose body has no iterator is deleted half made, and complains that it has no attribute `closed`.
sys.unraisablehook = lambda _: None


def validate(case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return Conversation(case, caught).outcomes


class Trouble(Exception):
    pass


def decode(value):
    """JSON is itself, an array a list; what JSON has not is an object of one key, its type."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "bytes":
        return content.encode("latin-1")
    if kind == "tuple":
        return tuple(decode(content))
    if kind == "iterator":
        return iter(decode(content))
    if kind == "error":
        error = Trouble(content)
        return (Trouble, error, None)
    raise ValueError(kind)


def encode(value):
    if isinstance(value, list):
        return [encode(item) for item in value]
    return {"bytes": value.decode("latin-1")} if isinstance(value, bytes) else value


class Conversation:
    """The gateway, the application that it calls through the validator, and what came of all that they did."""

    def __init__(self, case, caught):
        self.case = case
        self.caught = caught
        self.outcomes = []
        self.started = False
        self.wrapped = None

        arguments = [self.environ(), self.start_response, None][: case["arguments"]]
        self.observe(self.call, *arguments)
        if self.wrapped is not None:
            for act in case["gateway"]:
                self.observe(self.next if act == "next" else self.wrapped.close)
            self.observe(self.wrapped.close)

    def observe(self, function, *args):
        before = self.warned()
        outcome = attempt(lambda: encode(function(*args)))
        self.outcomes.append({**outcome, "warned": self.warned() - before})

    def warned(self):
        return sum(warning.category is WSGIWarning for warning in self.caught)

    def record(self, *what):
        self.outcomes.append(list(what))

    def environ(self):
        if self.case["environ"] is None:
            return None
        environ = {key: decode(value) for key, value in self.case["environ"].items()}
        for key in ("wsgi.input", "wsgi.errors"):
            if key in self.case["streams"]:
                environ[key] = STREAMS[key](**self.case["streams"][key])
        return type("Environ", (dict,), {})(environ) if self.case["subclass"] else environ

    def call(self, *args):
        self.wrapped = validator(self.application)(*args)
        return "body"

    def next(self):
        try:
            return next(self.wrapped)
        except StopIteration:
            # CPython asks for start_response when a block comes; ours, deliberately, where a body without any ends too.
            assert self.started
            return "end"

    def start_response(self, *args):
        self.started = True
        self.record("start_response", len(args))
        return lambda data: self.record("write", encode(data))

    def application(self, environ, start_response):
        self.start = start_response
        self.write = None
        self.streams = {name: environ[f"wsgi.{name}"] for name in ("input", "errors")}
        for step in self.case["called"]:
            self.step(*step)
        return self.body(**self.case["body"])

    def step(self, what, *args):
        if what == "raise":
            raise Trouble
        self.observe(self.perform, what, *args)

    def perform(self, what, *args):
        if what == "start":
            self.write = self.start(*decode(list(args)))
        elif what == "write":
            self.write(*decode(list(args)))
        else:
            name, *rest = args
            if name == "iterate":
                return list(itertools.islice(self.streams[what], *rest))
            return getattr(self.streams[what], name)(*decode(rest))

    def body(self, kind, content):
        if kind == "value":
            return decode(content)
        if kind == "generator":
            return self.generate(content)
        return Body(self, decode(content), kind)

    def generate(self, steps):
        for step in steps:
            if step[0] == "yield":
                yield decode(step[1])
            else:
                self.step(*step)


class Body:
    def __init__(self, conversation, blocks, kind):
        self.conversation = conversation
        self.blocks = blocks
        self.kind = kind

    def __iter__(self):
        if self.kind == "refuses iteration":
            raise Trouble
        return iter(self.blocks)

    def close(self):
        self.conversation.record("closed")
        if self.kind == "refuses to close":
            raise Trouble


def input_stream(kind, lacks):
    stream = io.BytesIO(b"a\nbc\nd")
    # Not a StringIO, whose readlines() counts its hint in another way.
    show = bytes.decode if kind == "text" else bytes
    methods = {
        "read": lambda *size: show(stream.read(*size)),
        "readline": lambda *size: show(stream.readline(*size)),
        "readlines": lambda *hint: "" if kind == "odd" else [show(line) for line in stream.readlines(*hint)],
        "__iter__": stream.__iter__,
    }
    return without(methods, lacks)


def error_stream(lacks):
    stream = io.StringIO()
    return without({"write": stream.write, "writelines": stream.writelines, "flush": stream.flush}, lacks)


def without(methods, lacks):
    methods.pop(lacks, None)
    return types.SimpleNamespace(**methods)


STREAMS = {"wsgi.input": input_stream, "wsgi.errors": error_stream}
