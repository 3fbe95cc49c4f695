"""Every failure that plexcut reports, as one tree.

    PlexcutError                       code               exit
    ├── UsageError                     usage                 2
    │   ├── ConfigError                config_invalid        2
    │   ├── SpanInvalid                span_invalid          2
    │   ├── UnknownOutput              unknown_output        2
    │   └── PositionInvalid            position_invalid      2
    ├── NotFound                       not_found             3
    │   ├── LibraryNotFound            library_not_found     3
    │   ├── SectionNotFound            section_not_found     3
    │   ├── ItemNotFound               item_not_found        3
    │   ├── RecordingNotFound          recording_not_found   3
    │   ├── NotInLibrary               not_in_library        3
    │   ├── NoOriginal                 no_original           3
    │   ├── TrashEntryNotFound         entry_not_found       3
    │   └── JobNotFound                job_not_found         3
    ├── FileUnreadable                 file_unreadable       3
    ├── FormatUnsupported              format_unsupported    4
    ├── VerificationFailed             verification_failed   5
    ├── CannotWrite                    cannot_write          6
    │   ├── DiskFull                   disk_full             6
    │   └── TargetExists               target_exists         6
    ├── HostUnreachable                host_offline          7
    │   ├── LibraryOffline             library_offline       7
    │   └── QueueOffline               queue_offline         7
    ├── Busy                           busy                  8
    │   ├── PortInUse                  port_in_use           8
    │   ├── DataFolderInUse            data_folder_in_use    8
    │   ├── RecordingBusy              recording_busy        8
    │   ├── RecordingChanged           recording_changed     8
    │   ├── StaleRevision              stale_revision        8
    │   ├── NothingToUndo              nothing_to_undo       8
    │   └── NotReady                   not_ready             8
    ├── NotAllowed                     not_allowed           2
    └── Cancelled                      cancelled           130

Each class has a stable `code` (the `error.code` of the HTTP interface) and the `exit_code` of the command line.
Leaves also inherit the builtin that fits, so that generic code may catch that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PlexcutError(Exception):
    """A failure with one clear line for the user.

    `message` says what is wrong, `hint` what to do about it (may be empty). Neither ever holds a secret.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[PlexcutError], tuple[str, str]]:
        return (type(self), (self.message, self.hint))

    @property
    def line(self) -> str:
        """Message and hint as the one line that the command line prints."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(PlexcutError, ValueError):
    """The command, option or request body is wrong."""

    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    """`config.toml` or an environment override is wrong; the message names the key and the line."""

    code = "config_invalid"


class SpanInvalid(UsageError):
    """A span that is reversed, empty, or outside the recording."""

    code = "span_invalid"


class UnknownOutput(UsageError):
    """A place for the result that a cut does not know."""

    code = "unknown_output"


class PositionInvalid(UsageError):
    """A time or frame number that cannot be read, or lies outside the recording."""

    code = "position_invalid"


class NotFound(PlexcutError, LookupError):
    """Something that was named does not exist."""

    code = "not_found"
    exit_code = 3


class LibraryNotFound(NotFound):
    """No library with that id is configured."""

    code = "library_not_found"


class SectionNotFound(NotFound):
    """No such section in that library."""

    code = "section_not_found"


class ItemNotFound(NotFound):
    """No such movie, show, season or episode."""

    code = "item_not_found"


class RecordingNotFound(NotFound):
    """No such recording, or its file is gone."""

    code = "recording_not_found"


class NotInLibrary(NotFound):
    """A file lies in no folder that the library's own server knows."""

    code = "not_in_library"


class NoOriginal(NotFound):
    """There is no original in the trash that could be brought back."""

    code = "no_original"


class TrashEntryNotFound(NotFound):
    """Nothing in the trash has that id."""

    code = "entry_not_found"


class JobNotFound(NotFound):
    """No such job."""

    code = "job_not_found"


class FileUnreadable(PlexcutError, OSError):
    """A file is missing, is a folder, or cannot be read."""

    code = "file_unreadable"
    exit_code = 3


class FormatUnsupported(PlexcutError, ValueError):
    """The content is no recording that plexcut can handle (no video, scrambled, unknown codec, text, ...)."""

    code = "format_unsupported"
    exit_code = 4


class VerificationFailed(PlexcutError):
    """The result of a cut did not pass its checks; nothing was moved into place."""

    code = "verification_failed"
    exit_code = 5


class CannotWrite(PlexcutError, OSError):
    """The result cannot be written (permission, read-only, disk full, target exists)."""

    code = "cannot_write"
    exit_code = 6


class DiskFull(CannotWrite):
    """No space left on the target's file system."""

    code = "disk_full"


class TargetExists(CannotWrite, FileExistsError):
    """The named output exists already."""

    code = "target_exists"


class HostUnreachable(PlexcutError, ConnectionError):
    """A Plex server, file server or the queue does not answer."""

    code = "host_offline"
    exit_code = 7


class LibraryOffline(HostUnreachable):
    """A library's host does not answer, or its folder is not there."""

    code = "library_offline"


class QueueOffline(HostUnreachable):
    """Redis/Valkey does not answer."""

    code = "queue_offline"


class Busy(PlexcutError):
    """Something is in use by somebody else, or changed meanwhile."""

    code = "busy"
    exit_code = 8


class PortInUse(Busy):
    """Another program listens on the port."""

    code = "port_in_use"


class DataFolderInUse(Busy):
    """Another server uses this data folder."""

    code = "data_folder_in_use"


class RecordingBusy(Busy):
    """Another job works on this recording."""

    code = "recording_busy"


class RecordingChanged(Busy):
    """The file is not the one that was looked at (size, time or fingerprint differ)."""

    code = "recording_changed"


class StaleRevision(Busy):
    """The saved keep list was changed by somebody else since it was read.

    `current` is the list that is saved now, as the HTTP interface answers it; None where nobody looked.
    """

    code = "stale_revision"
    current: Mapping[str, Any] | None = None


class NothingToUndo(Busy):
    """No change of the keep list is left to undo, or to do again."""

    code = "nothing_to_undo"


class NotReady(Busy):
    """What is asked for is still being prepared."""

    code = "not_ready"


class NotAllowed(PlexcutError, PermissionError):
    """The request is refused (login, Host, Origin)."""

    code = "not_allowed"
    exit_code = 2


class Cancelled(PlexcutError):
    """The user stopped it."""

    code = "cancelled"
    exit_code = 130
