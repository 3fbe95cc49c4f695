"""The part of the fake `Plexdata` that reads and writes cut lists."""

from __future__ import annotations

from typing import Any

from plexcut.domain.cutlists import WrittenCutList
from plexcut.plexdata.model import ImportedKeep, Proposal, ProposedBreak


class FakeCutLists:
    """Cut lists that say the same whatever they hold."""

    def _asked(self, name: str, what: Any = None) -> None:
        raise NotImplementedError

    def _known(self, recording: str) -> None:
        raise NotImplementedError

    def read_cut_list(self, recording: str, data: bytes) -> ImportedKeep:
        self._asked("read_cut_list", (recording, data))
        self._known(recording)
        return ImportedKeep("edl", "", ((1.0, 2.0),), ((50, 100),), ("",), ())

    def write_cut_list(self, recording: str, fmt: Any, keep: Any = None) -> WrittenCutList:
        self._asked("write_cut_list", (recording, fmt, keep))
        self._known(recording)
        return WrittenCutList(fmt, "Film Ü.edl", "text/plain", b"0 1 0\n")

    def breaks(self, recording: str) -> Proposal:
        self._asked("breaks", recording)
        self._known(recording)
        return Proposal("Film Ü.edl", "edl", (ProposedBreak(10, 20, 0.4, 0.8, None, ("edl",), dismissed=False),))

    def dismiss_breaks(self, recording: str, dismissed: Any) -> Proposal:
        self._asked("dismiss_breaks", (recording, dismissed))
        self._known(recording)
        return Proposal("Film Ü.edl", "edl", (ProposedBreak(10, 20, 0.4, 0.8, None, ("edl",), dismissed=True),))
