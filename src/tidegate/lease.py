"""A lease that is renewed while the work lasts, and that tells the work when it is lost.

A query may take ten minutes and a lease lasts one: without renewal it excludes nobody.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from tidegate.ports import Conflict, Objects, SourceDown

SECONDS = 60
# How long before the end we stop trusting it: clocks drift, and a commit takes its time.
SAFETY = 10


class Busy(Conflict):
    """Somebody else holds the lease."""


class Lease:
    """A held lease. `check` raises Conflict once it may be somebody else's."""

    def __init__(self, objects: Objects, name: str, run: str) -> None:
        self.run = run
        self._objects = objects
        self._name = name
        self._done = Event()
        self._good_until = self._deadline()

    def check(self) -> None:
        if time.monotonic() >= self._good_until:
            raise Conflict(f"{self._name}: the lease was not renewed in time")

    def keep(self) -> None:
        """Renew until `stop`; an unanswered renewal lets the deadline come nearer, no more."""
        while not self._done.wait(SECONDS / 3):
            # Counted from before the call: the store's clock starts no later than that.
            deadline = self._deadline()
            try:
                self._objects.renew(self._name, self.run)
            except Conflict:
                self._good_until = 0.0
                return
            except SourceDown:
                continue
            self._good_until = deadline

    def stop(self) -> None:
        self._done.set()

    @staticmethod
    def _deadline() -> float:
        return time.monotonic() + SECONDS - SAFETY


@contextmanager
def held(objects: Objects, name: str, run: str) -> Iterator[Lease]:
    """Hold the lease under the id `run`. Raises Busy at once when another holds it."""
    lease = Lease(objects, name, run)
    try:
        objects.acquire(name, SECONDS, run)
    except Conflict as error:
        raise Busy(str(error)) from error
    renewer = Thread(target=lease.keep, name=f"lease {name}", daemon=True)
    renewer.start()
    try:
        yield lease
    finally:
        lease.stop()
        renewer.join()
        # What is done is done: a lease that cannot be given back runs out.
        with suppress(SourceDown):
            objects.release(name, run)
