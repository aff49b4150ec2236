"""A socket on loopback that a server of asyncio answers from at once."""

import os
import socket

LOOPBACK = "127.0.0.1"


def listener(port: int) -> socket.socket:
    """Listen on a port of loopback; 0 takes any that is free. Raises OSError where it is taken.

    The protocol is named because asyncio switches Nagle's algorithm off only for sockets that say
    TCP; without that every answer waits 40 ms for an acknowledgement.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere two programs would share the port
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
        made.listen()  # now: two may bind a port as long as neither listens
    except OSError:
        made.close()
        raise
    return made
