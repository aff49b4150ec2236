"""Azurite, Microsoft's emulator of Blob and Queue Storage, for the real SDKs to talk to.

`npm ci --ignore-scripts` in `tests/azure/azurite` brings it (`make test` does). It runs in memory,
on ports of its own, with an account and a key made up for the run, and its clock can be turned.
"""

import atexit
import base64
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tidegate.adapters.azure.blob import BlobObjects
from tidegate.adapters.azure.queue import StorageQueue
from tidegate.adapters.azure.storage import Storage

HERE = Path(__file__).parent / "azurite"
SCRIPT = HERE / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
LISTENS = re.compile(r"Azurite (Blob|Queue) service is successfully listening at (\S+)")
ACCOUNT = "tidegate"
OPTIONS = [
    *("--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"),
    *("--blobPort", "0", "--queuePort", "0", "--tablePort", "0"),
]
PATIENCE = 60.0


@dataclass
class Azurite:
    """A running Azurite."""

    process: subprocess.Popen[str]
    key: str = field(repr=False)
    ahead: timedelta = timedelta()
    _urls: dict[str, str] = field(default_factory=dict)
    _names: count = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def connection(self) -> str:
        """What a client needs to reach it."""
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": self.key,
            "BlobEndpoint": f"{self._urls['Blob']}/{ACCOUNT}",
            "QueueEndpoint": f"{self._urls['Queue']}/{ACCOUNT}",
        }
        return ";".join(f"{name}={value}" for name, value in parts.items())

    @property
    def addresses(self) -> dict[str, str]:
        """Where the services of the account are, by the ends of their names on Azure."""
        ends = {"Blob": ".blob.core.windows.net", "Queue": ".queue.core.windows.net"}
        return {end: self._urls[name] for name, end in ends.items()}

    def name(self) -> str:
        """Return a name for a container or queue that nobody has used."""
        return f"test-{next(self._names)}"

    def clock(self) -> datetime:
        """Return the time as Azurite sees it."""
        return datetime.now(UTC) + self.ahead

    def turn(self, seconds: float) -> None:
        """Put its clock forward."""
        with self._lock:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
            self.ahead += timedelta(seconds=seconds)
            while not self._line().startswith("turned"):
                pass

    def listen(self) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + PATIENCE
        while len(self._urls) < 2:
            assert time.monotonic() < deadline, "Azurite did not start in time"
            self._urls |= dict(LISTENS.findall(self._line()))

    def stop(self) -> None:
        self.process.kill()  # it keeps nothing, so there is nothing to save
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def _line(self) -> str:
        line = self.process.stdout.readline()
        assert line, "Azurite has stopped"
        return line


@dataclass
class Turning:
    """Azurite's clock for tests that set `now`, or let time pass."""

    azurite: Azurite

    def __call__(self) -> datetime:
        return self.azurite.clock()

    @property
    def now(self) -> datetime:
        return self.azurite.clock()

    @now.setter
    def now(self, time: datetime) -> None:
        # Hidden messages are hidden for whole seconds, and this clock ticks between two lines.
        self.azurite.turn((time - self.azurite.clock()).total_seconds() + 1)

    def pass_(self, seconds: float) -> None:
        self.azurite.turn(seconds)


@contextmanager
def container() -> Iterator[BlobObjects]:
    """Yield objects in an empty container of their own."""
    running = azurite()
    objects = BlobObjects(Storage(connection=running.connection), running.name())
    objects.create()
    yield objects
    objects.close()


@contextmanager
def queue(objects: BlobObjects, name: str | None = None) -> Iterator[StorageQueue]:
    """Yield a client of a queue: of a new one unless it has a name."""
    running = azurite()
    storage = Storage(connection=running.connection)
    made = StorageQueue(storage, name or running.name(), objects, running.clock)
    if name is None:
        made.create()
    yield made
    made.close()


@cache
def azurite() -> Azurite:
    """Return the Azurite of this test process; it is started when it is first asked for."""
    running = started()
    atexit.register(running.stop)
    return running


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Azurite, Path]]:
    """Yield an Azurite that takes tokens, which it does over TLS alone, and its certificate."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _certify(certificate, key)
    running = started("--oauth", "basic", "--cert", str(certificate), "--key", str(key))
    yield running, certificate
    running.stop()


def started(*options: str) -> Azurite:
    """Start an Azurite of its own; skip the test where there is none."""
    beside = Path(sys.executable).parent / "node"
    node = shutil.which("node") or (str(beside) if beside.exists() else None)
    if node is None or not SCRIPT.is_file():
        missing = "Node" if node is None else "Azurite (npm ci in tests/azure/azurite)"
        pytest.skip(f"{missing} is not installed")
    key = base64.b64encode(os.urandom(64)).decode()
    process = subprocess.Popen(  # noqa: S603 - the project's own pinned emulator
        [node, "--require", HERE / "clock.cjs", SCRIPT, *OPTIONS, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
    )
    running = Azurite(process, key)
    running.listen()
    return running


def _certify(certificate: Path, key: Path) -> None:
    """Make a certificate for 127.0.0.1 that signs itself."""
    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, made.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(made, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
