"""`filmstrip`: many pictures of a recording in one image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, cast

import typer

from plexcut.cli import files, output
from plexcut.cli.media import engine_for
from plexcut.cli.options import Config, Json, Program, Recording
from plexcut.domain.media import FilmstripOrder, PictureFormat
from plexcut.domain.timecode import parse_position, us_to_s
from plexcut.errors import UsageError


def filmstrip(
    recording: Recording,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT.jpg|webp|png", help="The image.", show_default=False, readable=False
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="A", help="Where it begins; at the beginning by default.", show_default=False),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="B", help="Where it ends; at the end by default.", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", help="How many pictures at most.", min=1, max=1000)] = 100,
    height: Annotated[int, typer.Option(metavar="H", help="Of a picture, in pixels.", min=16, max=1080)] = 90,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write many pictures of a recording as one image.

    With more frames than pictures each stands for a stretch of the same length. Where that is long, keyframes are
    shown.
    """
    fmt = cast(PictureFormat, files.picture_format(out))
    order = FilmstripOrder(
        None if start is None else parse_position(start), None if end is None else parse_position(end), count, height
    )
    source = files.source(recording)
    target = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - Path.resolve would follow links
    if files.is_same_file(target, source):
        raise UsageError(f"{target} is the recording itself", "name another file")
    files.writable_folder(target)
    strip = engine_for(config, source, program).filmstrip(source, order, fmt, program)
    files.write_whole(target, strip.data)
    if json:
        tiles = [
            {"frame": tile.frame, "time_s": us_to_s(tile.time_us), "x": tile.x, "y": tile.y, "w": tile.w, "h": tile.h}
            for tile in strip.tiles
        ]
        output.answer({"tiles": tiles, "path": str(target)})
    else:
        size = f"{strip.tiles[0].w}x{strip.tiles[0].h}"
        pictures = f"{len(strip.tiles)} picture{'s' * (len(strip.tiles) > 1)}"
        output.say(f"{pictures} of {size}, {strip.width}x{strip.height}: {target}")
