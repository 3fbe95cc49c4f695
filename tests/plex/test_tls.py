"""Certificates: `*.HASH.plex.direct`, by name and by address; others are refused."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plexcut.errors import LibraryOffline
from plexcut.library.plex import PlexAddress, PlexLibrary
from plexcut.library.plex.tls import PlexNameCheck, address_in_name
from tests.plex.server import PlexStandIn

HASH = "0123456789abcdef0123456789abcdef"


class Authority:
    """Signs certificates; `file` is its own."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._build(self._name, self._key, [x509.BasicConstraints(ca=True, path_length=None)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._build(subject, key, [x509.SubjectAlternativeName(names)])
        file = self._folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _build(self, subject, key, extensions):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())


def direct(name_hash: str = HASH) -> x509.GeneralName:
    return x509.DNSName(f"*.{name_hash}.plex.direct")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def library(plex: PlexStandIn, url: str, ca_file: Path | None) -> PlexLibrary:
    return PlexLibrary.at("home", "Home", PlexAddress(url, plex.token, 5, ca_file))


def test_plex_direct_needs_no_dns(authority, monkeypatch):
    resolve = socket.getaddrinfo

    def no_names(host, *args, **kwargs):
        if "plex.direct" in str(host):
            raise socket.gaierror(-2, "Name or service not known")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with PlexStandIn(tls=authority.server(direct())) as plex:
        plex.add_section("M", "movie")
        lib = library(plex, f"https://127-0-0-1.{HASH}.plex.direct:{plex.port}", authority.file)
        assert [s.title for s in lib.sections()] == ["M"]
        assert plex.requests[-1].headers["host"] == f"127-0-0-1.{HASH}.plex.direct:{plex.port}"
        other = HASH[::-1]
        with pytest.raises(LibraryOffline, match="certificate"):
            library(plex, f"https://127-0-0-1.{other}.plex.direct:{plex.port}", authority.file).sections()


def test_by_address_with_the_certificate_of_a_plex_server(authority):
    with PlexStandIn(tls=authority.server(direct())) as plex:
        plex.add_section("M", "movie")
        assert library(plex, plex.url, authority.file).sections()
        with pytest.raises(LibraryOffline, match="certificate"):
            library(plex, plex.url, None).sections()  # an authority that nobody trusts


def test_by_address_with_a_certificate_of_something_else(authority):
    with PlexStandIn(tls=authority.server(x509.DNSName("example.org"))) as plex:
        with pytest.raises(LibraryOffline, match="certificate") as caught:
            library(plex, plex.url, authority.file).sections()
        assert "plex.direct" in caught.value.hint
        assert not plex.requests


def test_by_address_with_its_own_certificate(authority):
    with PlexStandIn(tls=authority.server(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))) as plex:
        plex.add_section("M", "movie")
        assert library(plex, plex.url, authority.file).sections()


def test_http_spoken_to_https_and_the_reverse(authority):
    with PlexStandIn(tls=authority.server(direct())) as plex, pytest.raises(LibraryOffline):
        library(plex, plex.url.replace("https", "http"), None).sections()
    with PlexStandIn() as plex, pytest.raises(LibraryOffline):
        library(plex, plex.url.replace("http", "https"), None).sections()


def test_the_hash_is_kept():
    check = PlexNameCheck()
    first = {"subjectAltName": (("DNS", f"*.{HASH}.plex.direct"),)}
    second = {"subjectAltName": (("DNS", f"*.{HASH[::-1]}.plex.direct"),)}
    check(first, "192.0.2.1")
    check(first, "192.0.2.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        check(second, "192.0.2.1")
    for names in (
        (),
        (("DNS", "*.plex.direct"),),
        (("DNS", f"*.{HASH}.plex.direct.evil.org"),),
        (("IP Address", "x"),),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            PlexNameCheck()({"subjectAltName": names}, "192.0.2.1")


def test_addresses_in_names():
    assert address_in_name(f"192-0-2-10.{HASH}.plex.direct") == "192.0.2.10"
    assert address_in_name(f"2001-db8--1.{HASH}.plex.direct") == "2001:db8::1"
    for name in (f"server.{HASH}.plex.direct", f"999-0-2-10.{HASH}.plex.direct", "192-0-2-10.example.org", HASH, ""):
        assert address_in_name(name) is None
