"""usage: wsgi_waitress.py PORT"""

import logging
import sys

from waitress import serve

from wsgi_hello import app

# With more clients than threads it warns of every request that waits.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

serve(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=1024, connection_limit=1000, channel_timeout=120)
