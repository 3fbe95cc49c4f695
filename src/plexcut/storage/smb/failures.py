"""What smbclient raises, as `OSError` with an errno of ours."""

from __future__ import annotations

import errno
import os
from pathlib import PurePath

from smbprotocol.exceptions import SMBAuthenticationError, SMBException, SMBOSError, SMBResponseException
from smbprotocol.header import NtStatus

from plexcut.errors import FileUnreadable, HostUnreachable, LibraryOffline, PlexcutError

_ERRNO = {
    NtStatus.STATUS_NO_SUCH_FILE: errno.ENOENT,
    NtStatus.STATUS_OBJECT_NAME_NOT_FOUND: errno.ENOENT,
    NtStatus.STATUS_OBJECT_PATH_NOT_FOUND: errno.ENOENT,
    NtStatus.STATUS_OBJECT_NAME_INVALID: errno.EINVAL,
    NtStatus.STATUS_OBJECT_PATH_INVALID: errno.ENOENT,
    NtStatus.STATUS_NOT_FOUND: errno.ENOENT,
    NtStatus.STATUS_BAD_NETWORK_NAME: errno.ENOENT,
    NtStatus.STATUS_OBJECT_NAME_COLLISION: errno.EEXIST,
    NtStatus.STATUS_ACCESS_DENIED: errno.EACCES,
    NtStatus.STATUS_PRIVILEGE_NOT_HELD: errno.EACCES,
    NtStatus.STATUS_CANNOT_DELETE: errno.EACCES,
    NtStatus.STATUS_SHARING_VIOLATION: errno.EBUSY,
    NtStatus.STATUS_DELETE_PENDING: errno.EBUSY,
    NtStatus.STATUS_FILE_IS_A_DIRECTORY: errno.EISDIR,
    NtStatus.STATUS_NOT_A_DIRECTORY: errno.ENOTDIR,
    NtStatus.STATUS_DIRECTORY_NOT_EMPTY: errno.ENOTEMPTY,
    NtStatus.STATUS_DISK_FULL: errno.ENOSPC,
    0xC0000044: errno.EDQUOT,  # STATUS_QUOTA_EXCEEDED
    0xC00000A2: errno.EROFS,  # STATUS_MEDIA_WRITE_PROTECTED
    0xC0000055: errno.EAGAIN,  # STATUS_LOCK_NOT_GRANTED
    NtStatus.STATUS_NOT_SUPPORTED: errno.EOPNOTSUPP,
    NtStatus.STATUS_INVALID_DEVICE_REQUEST: errno.EOPNOTSUPP,
    NtStatus.STATUS_INVALID_INFO_CLASS: errno.EOPNOTSUPP,
    NtStatus.STATUS_INVALID_PARAMETER: errno.EINVAL,
    NtStatus.STATUS_PATH_NOT_COVERED: errno.EOPNOTSUPP,
}
_REFUSED = {
    NtStatus.STATUS_LOGON_FAILURE,
    NtStatus.STATUS_WRONG_PASSWORD,
    NtStatus.STATUS_PASSWORD_EXPIRED,
    0xC0000072,  # STATUS_ACCOUNT_DISABLED
    0xC0000234,  # STATUS_ACCOUNT_LOCKED_OUT
    0xC0000064,  # STATUS_NO_SUCH_USER
}
AWAY = frozenset({errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN})


class LoginRefused(PermissionError):
    """The server does not accept user and password."""


class Broken(OSError):
    """The connection is gone, or never was; another one may do."""


def as_os_error(error: Exception, name: str) -> OSError:
    """What `error` is in the words of a file system; `name` is what it was about."""
    status = getattr(error, "ntstatus", None)
    if status is None and isinstance(error, SMBResponseException):
        status = error.status
    if status in _REFUSED or isinstance(error, SMBAuthenticationError):
        return LoginRefused(errno.EACCES, "user or password are not accepted", name)
    if status in _ERRNO:
        number = _ERRNO[status]
        return OSError(number, os.strerror(number), name)
    if isinstance(error, SMBOSError) and error.errno:
        return OSError(error.errno, os.strerror(error.errno), name)
    if type(error).__name__ in {"SpnegoError", "InvalidTokenError", "BadMechanismError", "NoCredentialError"}:
        return LoginRefused(errno.EACCES, "user or password are not accepted", name)
    if status is not None and not isinstance(error, SMBOSError) and 0xC00000B0 <= status <= 0xC00000B1:
        return OSError(errno.EIO, os.strerror(errno.EIO), name)
    if isinstance(error, SMBResponseException | SMBOSError) and status not in {
        NtStatus.STATUS_NETWORK_NAME_DELETED,
        NtStatus.STATUS_USER_SESSION_DELETED,
        NtStatus.STATUS_FILE_CLOSED,
        NtStatus.STATUS_SERVER_UNAVAILABLE,
    }:
        return OSError(errno.EIO, f"the server says {status:#x}" if status else "the server failed", name)
    unreachable = isinstance(error, ValueError) and "connect" in str(error)  # that is how smbprotocol says it
    if unreachable or isinstance(error, SMBException | OSError):
        return Broken(errno.EHOSTUNREACH, "the file server cannot be reached, or broke off", name)
    raise error


def told(error: OSError, host: str, path: PurePath, *, library: bool = False) -> PlexcutError:
    """A failure of reading, for people. `library`: the share belongs to one, which is offline then."""
    if error.errno == errno.ETIMEDOUT:
        return _away(library)(f"the file server {host} does not answer", "is it running, or very busy?")
    if error.errno in AWAY:
        return _away(library)(f"the file server {host} cannot be reached, or broke off", "is it running?")
    if isinstance(error, LoginRefused):
        return FileUnreadable(f"{host} does not accept user and password", "check them")
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EINVAL}:
        return FileUnreadable(f"{host} has no file {path.name!r} there", "check the address")
    if error.errno == errno.EISDIR:
        return FileUnreadable(f"{path.name!r} is a folder", "name a recording")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return FileUnreadable(f"{host} does not let {path.name!r} be read", "check user, password and permissions")
    return FileUnreadable(f"{path.name!r} cannot be read from {host}: {error.strerror}", "try again")


def _away(library: bool) -> type[HostUnreachable]:
    return LibraryOffline if library else HostUnreachable
