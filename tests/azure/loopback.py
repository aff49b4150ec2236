"""Serves a stand-in on loopback, from a thread."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLICE = 0.002  # seconds between looks for the end


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]):
    """Serve until the end of the block; yield the address, on a port of the system's choice."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(SLICE,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
