"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Text, not paths: an address is none, and Typer's own look at readability would make wrong usage (2) of what is a file
# that cannot be read (3).
Recording = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="The recording, or its http://, https:// or smb:// address.", show_default=False
    ),
]
LocalRecording = Annotated[str, typer.Argument(metavar="FILE", help="The recording.", show_default=False)]
Mode = Annotated[
    str | None,
    typer.Option(
        metavar="exact|keyframe",
        help="keyframe widens the spans to keyframes and re-encodes hardly anything; by default what cut.mode says.",
        show_default=False,
    ),
]
Program = Annotated[
    int | None, typer.Option(metavar="N", help="Which programme of a stream with several.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file.", show_default=False, readable=False),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object as the last line.")]
