"""The HTTP client with large files, and with certificates of one's own."""

import ipaddress
import re
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tidegate.adapters.http import HttpClient
from tidegate.ports import SourceDown


def test_a_large_file_never_lies_in_memory(tmp_path):
    size, took = 64 << 20, []
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)

    def swallow(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            head = peer.recv(65_536)
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
            took.append(length)
            left = length - len(head.partition(b"\r\n\r\n")[2])
            while left > 0:
                left -= len(peer.recv(65_536))
            peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=swallow, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        tracemalloc.start()
        with HttpClient(allow_private=True) as client:
            client.request("POST", url, files={"s": ("a", tmp_path / "large", "b/c")})
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert took[0] > size
    assert most < 4 << 20


# --- certificates -----------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path) -> Iterator[tuple[str, Path]]:
    """A server whose certificate only its own house knows: its address, and that certificate."""
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "7")
            self.end_headers()
            self.wfile.write(b"at home")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - clients that turn away
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/", certificate
    server.shutdown()
    server.server_close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "house")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return folder / "cert.pem", folder / "key.pem"


def test_a_house_may_have_an_authority_of_its_own(house):
    url, certificate = house
    with HttpClient(allow_private=True, authority=certificate) as client:
        assert client.request("GET", url).body == b"at home"
    other = HttpClient(allow_private=True, retries=0)
    with other, pytest.raises(SourceDown, match="certificate verify failed"):
        other.request("GET", url)
