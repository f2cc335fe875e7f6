"""usage: wsgi_wsgiref.py PORT"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wsgi_hello import app


class Server(WSGIServer):
    # The default of five loses clients that come at the same time.
    request_queue_size = 1024


class SilentHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", int(sys.argv[1]), app, Server, SilentHandler).serve_forever()
