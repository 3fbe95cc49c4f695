"""A queue of one's own: with a password, and with TLS by a certificate that only we trust; real servers and workers."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plexcut.config import Choices, load
from plexcut.errors import ConfigError, QueueOffline
from plexcut.jobs.embedded import find_server
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import TASK, Workers, movie, wait_for_state
from tests.processes import wait_for

PASSWORD = "p@ss/w:rd%"
QUOTED = "p%40ss%2Fw%3Ard%25"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificates(folder: Path) -> None:
    """`ca.pem`, and `server.pem` with `server.key` for 127.0.0.1, signed by it."""
    now = dt.datetime.now(dt.UTC)

    def build(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=10))
        )

    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = build("test authority", "test authority", authority)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = ca.add_extension(usage, critical=True)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = build("queue", "test authority", key).add_extension(address, critical=False)
    for name, made in (("ca.pem", ca), ("server.pem", server)):
        signed = made.sign(authority, hashes.SHA256())
        (folder / name).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").write_bytes(written)


class Tunnel:
    """TLS in front of a server that speaks none: what stunnel is for."""

    def __init__(self, folder: Path, to_port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._context, self._to = context, to_port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(raw, server_side=True)
            with client, socket.create_connection(("127.0.0.1", self._to)) as server:
                client.setblocking(False)
                self._copy(client, server)
        except OSError:
            raw.close()

    @staticmethod
    def _copy(client: ssl.SSLSocket, server: socket.socket) -> None:
        while True:
            if not client.pending():
                select.select([client, server], [], [])
            try:
                if not (data := client.recv(65536)):
                    return
                server.sendall(data)
            except ssl.SSLWantReadError:
                pass
            if select.select([server], [], [], 0)[0]:
                if not (data := server.recv(65536)):
                    return
                client.setblocking(True)
                client.sendall(data)
                client.setblocking(False)

    def close(self) -> None:
        self._listening.close()


def with_tls() -> str | None:
    """A `redis-server` on PATH that speaks TLS itself."""
    program = shutil.which("redis-server")
    if program is None:
        return None
    command = [program, "--tls-port", "1", "--port", "nonsense"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if "tls-port" in tried.stderr + tried.stdout else program


Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with a password; its port."""
    running: list[subprocess.Popen[bytes]] = []

    def run(*options: str, program: str | None = None) -> int:
        port = free_port()
        listen = ["--port", "0", "--tls-port", str(port)] if program else ["--port", str(port)]
        command = [
            program or str(find_server()),
            "--bind",
            "127.0.0.1",
            *listen,
            "--requirepass",
            PASSWORD,
            "--save",
            "",
            *options,
        ]
        running.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL))
        return port

    yield run
    for process in running:
        process.kill()
        process.wait()


def finishes_a_job(url: str, tmp_path: Path) -> None:
    queue, workers = RqJobQueue(url, task=TASK), Workers(url)
    try:
        wait_for(queue.online)
        workers.start()
        job = queue.enqueue_cut(movie(tmp_path), {}, 600)
        assert wait_for_state(queue, job.id, "finished").error is None
    finally:
        workers.end()
        queue.close()


def told(url: str) -> str:
    queue = RqJobQueue(url)
    with pytest.raises(QueueOffline) as caught:
        queue.jobs()
    assert queue.online() is False
    queue.close()
    assert "p@ss" not in caught.value.line
    assert QUOTED not in caught.value.line
    return caught.value.line


def test_a_password(start: Start, tmp_path: Path) -> None:
    port = start()
    finishes_a_job(f"redis://:{QUOTED}@127.0.0.1:{port}/3", tmp_path)
    for url in (f"redis://127.0.0.1:{port}/0", f"redis://:wrong@127.0.0.1:{port}/0"):
        assert "refuses the password" in told(url)


@pytest.mark.parametrize("kind", ["redis-server", "tunnel"])
def test_tls_by_a_certificate_of_ones_own(start: Start, tmp_path: Path, kind: str) -> None:
    certificates(tmp_path)
    tunnel: Tunnel | None = None
    if kind == "tunnel":
        tunnel = Tunnel(tmp_path, start())
        port = tunnel.port
    else:
        program = with_tls()
        if program is None:
            pytest.skip("there is no redis-server with TLS on PATH")
        names = {"cert": "server.pem", "key": "server.key", "ca-cert": "ca.pem"}
        options = [word for name, file in names.items() for word in (f"--tls-{name}-file", str(tmp_path / file))]
        port = start(*options, "--tls-auth-clients", "no", program=program)
    base = f"rediss://:{QUOTED}@127.0.0.1:{port}/0"
    (tmp_path / "config.toml").write_text(f'[queue]\nurl = "{base}"\nca_file = "ca.pem"\n')
    settings = load(Choices(config=tmp_path / "config.toml"), {})
    assert settings.queue.url.startswith(f"{base}?ssl_ca_certs=")
    assert QUOTED not in repr(settings)
    finishes_a_job(settings.queue.url, tmp_path)
    assert "is not trusted" in told(base)
    assert "does not answer" in told(f"redis://:{QUOTED}@127.0.0.1:{port}/0")
    if tunnel is not None:
        tunnel.close()


def test_a_ca_file_that_cannot_be(tmp_path: Path) -> None:
    for text, what in (
        ('url = "rediss://h/0"\nca_file = "none.pem"', "there is no file"),
        ('ca_file = "none.pem"', "rediss://"),
    ):
        (tmp_path / "config.toml").write_text(f"[queue]\n{text}\n")
        with pytest.raises(ConfigError, match=what):
            load(Choices(config=tmp_path / "config.toml"), {})
