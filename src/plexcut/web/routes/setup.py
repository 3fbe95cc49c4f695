"""Adding a library: trying what is given, and writing it into the configuration.

These routes look at folders outside of the libraries, so nothing of them answers without the login that this address
asks for, nor where `server.setup` is off; they list folders, never files.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from quart import Blueprint, Response

from plexcut.config.adding import NewLibrary
from plexcut.domain.setup import PlexAccess, TraceOrder
from plexcut.errors import UsageError
from plexcut.plexdata.setup import LibraryOrder, SetupState
from plexcut.web import schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.mapping import outgoing
from plexcut.web.requests import read_body, read_query
from plexcut.web.schemas import setup as shapes
from plexcut.web.text import clean

blueprint = Blueprint("setup", __name__)


@blueprint.get("/api/setup")
@documented("setup", {200: shapes.Setup})
async def get_setup() -> Response:
    """Whether libraries can be added here, where they are written, and how far the demo library is."""
    ctx = context()
    return answer(_state(await ctx.threads.run("rest", ctx.plexdata.setup_state)))


@blueprint.post("/api/setup/plex/try")
@documented("setup", {200: shapes.PlexTried}, body=shapes.PlexTry)
async def try_plex() -> Response:
    """Try one step of reaching a Plex server; that it fails is an answer, with the reason."""
    ctx = context()
    body = await read_body(shapes.PlexTry)
    found = await ctx.threads.run("library", ctx.plexdata.try_plex, _access(body), body.step)
    told = asdict(found)
    return answer(shapes.PlexTried.model_validate(outgoing({**told, "address": told.pop("url")})))


@blueprint.post("/api/setup/plex/mappings")
@documented("setup", {200: shapes.TracedMappings}, body=shapes.TraceOrder)
async def trace_plex() -> Response:
    """Look for files that a Plex server names: on usual places of this machine and in `folders`, or by `mappings`."""
    ctx = context()
    body = await read_body(shapes.TraceOrder)
    given = None if body.mappings is None else tuple((one.plex, _path(one.here)) for one in body.mappings)
    order = TraceOrder(tuple(body.sections), tuple(_path(one) for one in body.folders if one.strip()), given)
    found = await ctx.threads.run("library", ctx.plexdata.trace_plex, _access(body), order)
    mappings = [
        shapes.Traced.model_validate(
            outgoing({**asdict(one), "here": _text(one.here), "example": _text(one.example)}),
        )
        for one in found
    ]
    return answer(shapes.TracedMappings(mappings=mappings, total=len(mappings)))


@blueprint.get("/api/setup/folders")
@documented("setup", {200: shapes.Folders}, query=shapes.FoldersQuery)
async def get_folders() -> Response:
    """Folders that complete what was written; without `path` those in which recordings usually lie."""
    ctx = context()
    query = read_query(shapes.FoldersQuery)
    found = await ctx.threads.run("library", ctx.plexdata.folders_like, query.path)
    folders = [clean(one) for one in found.folders]
    return answer(shapes.Folders(folder=clean(found.folder), folders=folders, total=len(folders), more=found.more))


@blueprint.post("/api/setup/folder")
@documented("setup", {200: shapes.FolderTried}, body=shapes.FolderTry)
async def try_folder() -> Response:
    """Try a folder: read a recording in it, count them, create, rename and remove a small file."""
    ctx = context()
    body = await read_body(shapes.FolderTry)
    below = _path(body.below) if body.below else None
    found = await ctx.threads.run("library", ctx.plexdata.try_folder, _path(body.path), below)
    told = {**asdict(found), "readable": found.readable, "writable": found.writable}
    return answer(shapes.FolderTried.model_validate(outgoing(told)))


@blueprint.post("/api/libraries")
@documented("setup", {201: schemas.Library}, body=shapes.NewLibrary)
async def add_library() -> Response:
    """Write a library into the configuration and use it from now on; nothing has to be started again."""
    ctx = context()
    body = await read_body(shapes.NewLibrary)
    output = _path(body.output_folder) if body.output_folder.strip() else None
    status = await ctx.threads.run("library", ctx.plexdata.add_library, LibraryOrder(_new(body), output))
    return answer(schemas.Library.model_validate(outgoing(asdict(status))), 201)


@blueprint.post("/api/setup/demo")
@documented("setup", {202: shapes.Setup}, body=schemas.Nothing)
async def start_demo() -> Response:
    """Have the demo library until plexcut ends. Where it is not there it is made; `GET /api/setup` tells how far."""
    ctx = context()
    await read_body(schemas.Nothing)
    return answer(_state(await ctx.threads.run("rest", ctx.plexdata.start_demo)), 202)


def _state(found: SetupState) -> shapes.Setup:
    return shapes.Setup.model_validate(outgoing(asdict(found)))


def _access(body: shapes.PlexAccess) -> PlexAccess:
    return PlexAccess(body.address, body.token)


def _path(written: str) -> Path:
    """A folder of this machine as somebody wrote it.

    Raises:
        UsageError: it is none.
    """
    text = written.strip()
    if text.lower().startswith(("smb:", "\\\\", "//")):
        raise UsageError("shares cannot be added here", "mount the share, or write it into config.toml")
    if "\0" in text:
        raise UsageError("that is no path", "write it as in /media/recordings")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise UsageError("that user has no home here", "write the whole path") from None
    if not path.is_absolute() or ".." in path.parts:
        raise UsageError("that is no whole path", "write it from the top, as in /media/recordings")
    return path


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _new(body: shapes.NewLibrary) -> NewLibrary:
    name = " ".join(body.name.split())
    if not name:
        raise UsageError("the library has no name", "give it one")
    if body.kind == "folder":
        return NewLibrary("folder", name, path=_path(body.path))
    return NewLibrary(
        "plex",
        name,
        url=body.address.strip().rstrip("/"),
        token=body.token.strip(),
        sections=tuple((one.key, one.title) for one in body.sections),
        paths=tuple((one.plex, _path(one.here)) for one in body.mappings),
    )
