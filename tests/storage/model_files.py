"""A file system in memory that knows what is on the disk and what is not yet: what a power loss may leave.

Names in a folder come to the disk when the folder is synced, or before that, in the order in which they were made. In
the *journaled* model (ext4, xfs, btrfs, NTFS) that order goes over all folders, and a rename is one thing. In the
*loose* model each folder is written on its own, so that a rename may have happened in one folder and not in the other.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from plexcut.domain.files import FileStatus


@dataclass
class Node:
    """A file, or a folder."""

    number: int
    data: bytes | None = None
    mtime_ns: int = 1
    names: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Names of folders that change together: `(folder, name, what it stands for then)`."""

    parts: tuple[tuple[int, str, int | None], ...]


class PowerLoss(BaseException):
    """From here on nothing happens any more."""


class ModelFiles:
    """`domain.files.Files` in memory. `cannot`: methods that this file system does not have.

    `intruders`: what others do just before a step.
    """

    def __init__(self, cannot: frozenset[str] = frozenset()) -> None:
        self.cannot = cannot
        self.nodes: dict[int, Node] = {}
        self.root = self._new(None)
        self.disk: dict[int, dict[str, int]] = {self.root.number: {}}
        self.pending: list[Change] = []
        self.steps = 0
        self.die_at: int | None = None
        self.intruders: dict[int, Callable[[], None]] = {}
        self.locked: set[int] = set()

    # -- the model

    def _new(self, data: bytes | None) -> Node:
        node = Node(len(self.nodes), data, mtime_ns=len(self.nodes) + 1)
        self.nodes[node.number] = node
        return node

    def _find(self, path: PurePath) -> Node | None:
        node = self.root
        for part in path.parts[1:]:
            if node.data is not None or part not in node.names:
                return None
            node = node.names[part]
        return node

    def _folder(self, path: PurePath) -> Node:
        node = self._find(path)
        if node is None or node.data is not None:
            raise FileNotFoundError(errno.ENOENT, "no folder", str(path))
        return node

    def _file(self, path: PurePath) -> Node:
        node = self._find(path)
        if node is None or node.data is None:
            raise FileNotFoundError(errno.ENOENT, "no file", str(path))
        return node

    def _step(self, *parts: tuple[Node, str, Node | None]) -> None:
        for folder, name, node in parts:
            if node is None:
                folder.names.pop(name, None)
            else:
                folder.names[name] = node
        self.pending.append(Change(tuple((f.number, name, n.number if n else None) for f, name, n in parts)))

    def _tick(self, name: str) -> None:
        if name in self.cannot:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        if self.die_at is not None and self.steps >= self.die_at:
            raise PowerLoss
        intruder = self.intruders.pop(self.steps, None)
        if intruder is not None:
            intruder()
        self.steps += 1

    def after_power_loss(self, *, loose: bool) -> Iterator[ModelFiles]:
        """Every state that may be found when the power is back."""
        seen: set[object] = set()
        for disk in self._loose() if loose else self._journaled():
            key = frozenset((number, frozenset(names.items())) for number, names in disk.items())
            if key not in seen:
                seen.add(key)
                yield self._from_disk(disk)

    def _journaled(self) -> Iterator[dict[int, dict[str, int]]]:
        for count in range(len(self.pending) + 1):
            disk = {number: dict(names) for number, names in self.disk.items()}
            for change in self.pending[:count]:
                for part in change.parts:
                    _apply(disk, part)
            yield disk

    def _loose(self) -> Iterator[dict[int, dict[str, int]]]:
        by_folder: dict[int, list[tuple[int, str, int | None]]] = {}
        for change in self.pending:
            for part in change.parts:
                by_folder.setdefault(part[0], []).append(part)
        for counts in itertools.product(*(range(len(parts) + 1) for parts in by_folder.values())):
            disk = {number: dict(names) for number, names in self.disk.items()}
            for parts, count in zip(by_folder.values(), counts, strict=True):
                for part in parts[:count]:
                    _apply(disk, part)
            yield disk

    def copy(self) -> ModelFiles:
        """The same once more, all of it on the disk."""
        folders = [node for node in self.nodes.values() if node.data is None]
        return self._from_disk({node.number: {k: c.number for k, c in node.names.items()} for node in folders})

    def _from_disk(self, disk: dict[int, dict[str, int]]) -> ModelFiles:
        found = type(self)(self.cannot)
        found.nodes = {n: Node(n, node.data, node.mtime_ns) for n, node in self.nodes.items()}
        found.root = found.nodes[self.root.number]
        found.disk = {number: dict(names) for number, names in disk.items()}
        for number, names in disk.items():
            found.nodes[number].names = {name: found.nodes[n] for name, n in names.items()}
        return found

    def tree(self) -> dict[str, bytes]:
        """All files by their paths."""
        found: dict[str, bytes] = {}
        self._collect(self.root, "", found)
        return found

    def folders(self) -> list[str]:
        found: list[str] = []

        def walk(node: Node, at: str) -> None:
            for name, child in sorted(node.names.items()):
                if child.data is None:
                    found.append(f"{at}/{name}")
                    walk(child, f"{at}/{name}")

        walk(self.root, "")
        return found

    def _collect(self, node: Node, at: str, found: dict[str, bytes]) -> None:
        for name, child in sorted(node.names.items()):
            if child.data is None:
                self._collect(child, f"{at}/{name}", found)
            else:
                found[f"{at}/{name}"] = child.data

    # -- the interface

    def status(self, path: PurePath) -> FileStatus | None:
        node = self._find(path)
        if node is None:
            return None
        if node.data is None:
            return FileStatus("folder", 0, 0, str(node.number))
        return FileStatus("file", len(node.data), node.mtime_ns, str(node.number))

    def names(self, folder: PurePath) -> list[str]:
        node = self._find(folder)
        return sorted(node.names) if node is not None else []

    def read(self, path: PurePath, start: int = 0, size: int = -1) -> bytes:
        data = self._file(path).data or b""
        return data[start:] if size < 0 else data[start : start + size]

    def write(self, path: PurePath, data: bytes) -> None:
        self._tick("write")
        folder = self._folder(path.parent)
        if path.name in folder.names:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        node = self._new(data[: len(data) // 2])
        self._step((folder, path.name, node))
        try:
            self._tick("write")
        except OSError:
            self._step((folder, path.name, None))
            raise
        node.data = data

    def link(self, old: PurePath, new: PurePath) -> None:
        self._tick("link")
        folder = self._folder(new.parent)
        if new.name in folder.names:
            raise FileExistsError(errno.EEXIST, "exists", str(new))
        self._step((folder, new.name, self._file(old)))

    def exchange(self, one: PurePath, other: PurePath) -> None:
        self._tick("exchange")
        first, second = self._file(one), self._file(other)
        self._step((self._folder(one.parent), one.name, second), (self._folder(other.parent), other.name, first))

    def rename(self, old: PurePath, new: PurePath) -> None:
        self._tick("rename")
        self._rename(old, new)

    def _rename(self, old: PurePath, new: PurePath) -> None:
        node = self._file(old)
        self._step((self._folder(new.parent), new.name, node), (self._folder(old.parent), old.name, None))

    def rename_new(self, old: PurePath, new: PurePath) -> None:
        self._tick("rename")
        if self._find(new) is not None:
            raise FileExistsError(errno.EEXIST, "exists", str(new))
        self._rename(old, new)

    def unlink(self, path: PurePath) -> None:
        self._tick("unlink")
        self._file(path)
        self._step((self._folder(path.parent), path.name, None))

    def make_folder(self, path: PurePath) -> None:
        if self._find(path) is not None:
            return
        self.make_folder(path.parent)
        self._tick("make_folder")
        node = self._new(None)
        self.disk[node.number] = {}
        self._step((self._folder(path.parent), path.name, node))

    def remove_folder(self, path: PurePath) -> None:
        self._tick("remove_folder")
        if self._folder(path).names:
            raise OSError(errno.ENOTEMPTY, "not empty", str(path))
        self._step((self._folder(path.parent), path.name, None))

    def sync(self, path: PurePath) -> None:
        self._tick("sync")
        self._file(path)

    def sync_folder(self, path: PurePath) -> None:
        self._tick("sync_folder")
        number = self._folder(path).number
        left: list[Change] = []
        for change in self.pending:
            for part in change.parts:
                if part[0] == number:
                    _apply(self.disk, part)
            rest = tuple(part for part in change.parts if part[0] != number)
            if rest:
                left.append(Change(rest))
        self.pending = left

    def dress(self, path: PurePath, like: PurePath) -> tuple[str, ...]:
        return ()

    def set_mtime(self, path: PurePath, mtime_ns: int) -> None:
        self._file(path).mtime_ns = mtime_ns

    def same_file_system(self, one: PurePath, other: PurePath) -> bool:
        return self._folder(one) is not None and self._folder(other) is not None

    def writing(self, path: PurePath) -> bool:
        return False

    def free_bytes(self, folder: PurePath) -> int | None:
        return None

    @contextmanager
    def lock(self, folder: PurePath, timeout_s: float) -> Iterator[None]:
        number = self._folder(folder).number
        if number in self.locked:
            raise BlockingIOError(errno.EAGAIN, "locked", str(folder))
        self.locked.add(number)
        try:
            yield
        finally:
            self.locked.discard(number)

    @contextmanager
    def hold(self, path: PurePath) -> Iterator[None]:
        self._file(path)
        yield

    def intrude(self, path: Path, data: bytes) -> None:
        """Somebody else puts a file there, over the one that has the name; it is on the disk."""
        folder, node = self._folder(path.parent), self._new(data)
        folder.names[path.name] = node
        self.pending.append(Change(((folder.number, path.name, node.number),)))

    def scribble(self, path: Path, data: bytes) -> None:
        """Somebody else writes into a file that is there."""
        node = self._file(path)
        node.data, node.mtime_ns = data, node.mtime_ns + 1_000_000

    def put(self, path: Path, data: bytes) -> None:
        """A file that is on the disk."""
        self.make_folder(path.parent)
        self.write(path, data)
        for folder in (path.parent, *path.parent.parents):
            self.sync_folder(folder)
        self.steps = 0


class JournaledModel(ModelFiles):
    """Syncing one folder brings everything that came before to the disk too."""

    def sync_folder(self, path: PurePath) -> None:
        self._tick("sync_folder")
        for change in self.pending:
            for part in change.parts:
                _apply(self.disk, part)
        self.pending = []


def _apply(disk: dict[int, dict[str, int]], part: tuple[int, str, int | None]) -> None:
    folder, name, node = part
    names = disk.setdefault(folder, {})
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def random_bytes(seed: int, size: int) -> bytes:
    """The same for the same seed; other seeds differ all over."""
    return b"".join((seed * 1_000_003 + n * 7919).to_bytes(8, "little") for n in range(-(-size // 8)))[:size]
