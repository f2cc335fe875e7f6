"""Answers for the room that is named on the command line: a JSON list of cases a line on standard input, a JSON list of
answers a line on standard output."""

import importlib
import json
import sys
import traceback

# Each is a function of its name in this module, the only one that is imported.
ROOMS = {
    "demo": "environ",
    "environ": "environ",
    "handler": "handlers",
    "headers": "headers",
    "shift": "util",
    "streams": "streams",
    "uris": "util",
    "validate": "validate",
}

name = sys.argv[1]
room = getattr(importlib.import_module(f".{ROOMS[name]}", __package__), name)


def answer(case):
    """A case that the room cannot answer is a difference like any other, with the traceback to see."""
    try:
        return json.dumps(room(case))
    except Exception:
        return json.dumps({"the oracle failed": traceback.format_exc()})


for batch in sys.stdin.buffer:
    print(f"[{','.join(map(answer, json.loads(batch)))}]", flush=True)
