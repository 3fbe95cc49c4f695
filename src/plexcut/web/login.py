"""Passwords, session cookies, and the slow-down after wrong passwords."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from plexcut.errors import ConfigError
from plexcut.web.errors import LoginFailed, TooManyAttempts

SESSION_S = 14 * 24 * 3600
FREE_ATTEMPTS = 3
MAX_WAIT_S = 300
FORGET_S = 3600
MAX_ADDRESSES = 2048
MAX_PASSWORD_CHARS = 1024
MAX_REVOKED = 4096

Clock = Callable[[], float]


class SlowDown:
    """Makes whoever guesses passwords wait: three attempts are free, then 2, 4, 8, … up to 300 s between two.

    Kept for each address (IPv6: for each /64, which is what one customer has), at most `MAX_ADDRESSES` of them. An
    attempt counts from its beginning, so that many at once gain nothing.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def attempt(self, address: str) -> None:
        """Count an attempt as failed until `succeeded` says otherwise.

        Raises:
            TooManyAttempts: it comes too early; it is not counted.
        """
        key, now = _network(address), self._clock()
        with self._lock:
            count, last = self._failures.get(key, (0, now))
            if now - last > FORGET_S:
                count = 0
            wait_s = last + _wait_s(count) - now
            if count >= FREE_ATTEMPTS and wait_s > 0:
                seconds = math.ceil(wait_s)
                raise TooManyAttempts("too many wrong passwords", f"try again in {seconds} s", seconds)
            self._failures[key] = (count + 1, now)
            self._failures.move_to_end(key)
            while len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the attempts of this address."""
        with self._lock:
            self._failures.pop(_network(address), None)


def _wait_s(failures: int) -> float:
    if failures < FREE_ATTEMPTS:
        return 0.0
    return float(min(2 ** min(failures - FREE_ATTEMPTS + 1, 20), MAX_WAIT_S))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class Sessions:
    """Signed session cookies: `<expiry>.<random>.<signature>`; nothing is stored but what was logged out.

    The signature covers the password's hash too: with a new password every session ends.
    """

    def __init__(self, key: Callable[[], bytes], password_hash: str, clock: Clock = time.time) -> None:
        self._key = key
        self._password = hashlib.sha256(password_hash.encode()).digest()
        self._clock = clock
        self._lock = threading.Lock()
        self._revoked: OrderedDict[str, None] = OrderedDict()

    def issue(self) -> str:
        """A new cookie value, good for `SESSION_S`."""
        body = f"{int(self._clock()) + SESSION_S}.{secrets.token_urlsafe(18)}"
        return f"{body}.{self._sign(body)}"

    def valid(self, cookie: str | None) -> bool:
        """Whether the cookie is one of ours, not expired, not logged out."""
        body, _, signature = (cookie or "").rpartition(".")
        expiry, _, _ = body.partition(".")
        if not (expiry.isdigit() and expiry.isascii() and len(expiry) < 15 and signature.isascii()):
            return False
        if not hmac.compare_digest(signature, self._sign(body)):
            return False
        with self._lock:
            return int(expiry) > self._clock() and body not in self._revoked

    def revoke(self, cookie: str | None) -> None:
        """End this session; one that is not valid is left alone."""
        if not cookie or not self.valid(cookie):
            return
        with self._lock:
            self._revoked[cookie.rpartition(".")[0]] = None
            while len(self._revoked) > MAX_REVOKED:
                self._revoked.popitem(last=False)

    def _sign(self, body: str) -> str:
        digest = hmac.new(self._key(), body.encode() + b"\0" + self._password, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Password:
    """The one password of `server.password`."""

    def __init__(self, password_hash: str) -> None:
        self._hash = password_hash
        self._hasher = PasswordHasher()

    def require(self) -> None:
        """Check that a password is set and that its hash can be read.

        Raises:
            ConfigError: it is not.
        """
        if not self._hash:
            raise ConfigError(
                "server.password is not set, and server.host is reachable from other machines",
                "set one with: plexcut passwd, or use server.host 127.0.0.1",
            )
        try:
            self._hasher.check_needs_rehash(self._hash)
        except (InvalidHashError, ValueError):
            raise ConfigError("server.password is no argon2 hash", "set it with: plexcut passwd") from None

    def verify(self, written: str) -> None:
        """Compare. Takes about 50 ms and 64 MiB, on purpose.

        Raises:
            LoginFailed: it is another one.
        """
        try:
            if len(written) <= MAX_PASSWORD_CHARS and self._hasher.verify(self._hash, written):
                return
        except (VerificationError, InvalidHashError):
            pass
        raise LoginFailed("the password is wrong", "set a new one with: plexcut passwd")
