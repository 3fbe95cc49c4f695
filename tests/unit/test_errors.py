"""The tree of errors: what scripts and clients rely on."""

from __future__ import annotations

import copy
import json
import pickle
import re
from typing import get_args

import pytest

from plexcut import errors
from plexcut.errors import PlexcutError
from plexcut.plexdata.model import CheckName
from plexcut.web import errors as web_errors
from tests.conftest import ROOT

_ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, PlexcutError)]
# As SPEC section 4 lists them.
_EXIT_CODES = {
    "usage": 2, "config_invalid": 2, "span_invalid": 2, "unknown_output": 2, "position_invalid": 2, "not_allowed": 2,
    "not_found": 3, "library_not_found": 3, "section_not_found": 3, "item_not_found": 3, "recording_not_found": 3,
    "job_not_found": 3, "not_in_library": 3, "file_unreadable": 3, "format_unsupported": 4, "verification_failed": 5,
    "cannot_write": 6, "disk_full": 6, "target_exists": 6, "host_offline": 7, "library_offline": 7, "queue_offline": 7,
    "busy": 8, "port_in_use": 8, "data_folder_in_use": 8, "recording_busy": 8, "recording_changed": 8,
    "stale_revision": 8, "cancelled": 130,
}  # fmt: skip


def test_exit_codes_are_those_of_the_specification() -> None:
    by_code = {kind.code: kind.exit_code for kind in _ALL}
    assert {code: by_code[code] for code in _EXIT_CODES} == _EXIT_CODES


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _ALL]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(\w+)\s+([a-z_]+)\s+(\d+)$", errors.__doc__ or "", re.MULTILINE)
    leaves = {(name, code, int(status)) for name, code, status in drawn}
    assert leaves == {(kind.__name__, kind.code, kind.exit_code) for kind in _ALL if kind is not PlexcutError}


@pytest.mark.parametrize("kind", _ALL)
def test_an_error_survives_another_process(kind: type[PlexcutError]) -> None:
    error = kind("it broke", "mend it")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert (again.message, again.hint, again.line) == (error.message, error.hint, error.line)
    assert str(error) == "it broke"
    assert json.loads(json.dumps({"code": error.code})) == {"code": kind.code}


def test_the_line_has_the_hint_only_where_there_is_one() -> None:
    assert PlexcutError("it broke").line == "it broke"
    assert PlexcutError("it broke", "mend it").line == "it broke (mend it)"


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.FileUnreadable, OSError),
        (errors.FormatUnsupported, ValueError),
        (errors.RecordingNotFound, LookupError),
        (errors.TargetExists, FileExistsError),
        (errors.NotAllowed, PermissionError),
        (errors.LibraryOffline, ConnectionError),
    ],
)
def test_leaves_are_the_builtin_that_fits(kind: type[PlexcutError], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_has_words_for_every_failure_and_check(language: str) -> None:
    texts = json.loads((ROOT / f"frontend/src/locales/{language}.json").read_text())
    web = [value for value in vars(web_errors).values() if isinstance(value, type) and issubclass(value, PlexcutError)]
    codes = {kind.code for kind in [*_ALL, *web]} | set(web_errors.HTTP_CODES.values())
    assert codes - set(texts["failure"]) == set()
    assert set(texts["check"]) == set(get_args(CheckName))
