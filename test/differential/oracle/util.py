"""wsgiref.util: what an environ says about the request."""

from wsgiref import util

from .attempt import attempt


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
