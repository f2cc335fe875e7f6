"""The hello of bench/servers/uwsgiref.mjs, for the servers of CPython."""

BODY = b"Hello, world!"


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
