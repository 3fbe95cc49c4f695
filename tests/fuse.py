"""A file system that fails and hangs at will: a folder shown elsewhere through `/dev/fuse`, by the kernel's protocol.

`Mount(folder, at)` is a context manager; the file system lives in a process of its own. `fail("FSYNC", 5)` has every
such request fail with EIO from now on, `fail(…, after=3, once=True)` only the fourth; `hang("READ")` leaves them
without an answer; `heal()` ends all of that. `vanish()` kills the file system, `appear()` mounts it anew.

Structures and numbers are those of `<linux/fuse.h>`, version 7.31.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

OPS = {
    1: "LOOKUP", 2: "FORGET", 3: "GETATTR", 4: "SETATTR", 9: "MKDIR", 10: "UNLINK", 11: "RMDIR", 12: "RENAME",
    13: "LINK", 14: "OPEN", 15: "READ", 16: "WRITE", 17: "STATFS", 18: "RELEASE", 20: "FSYNC", 25: "FLUSH", 26: "INIT",
    27: "OPENDIR", 28: "READDIR", 29: "RELEASEDIR", 30: "FSYNCDIR", 35: "CREATE", 36: "INTERRUPT", 38: "DESTROY",
    42: "BATCH_FORGET", 45: "RENAME2",
}  # fmt: skip
SILENT = {"FORGET", "BATCH_FORGET", "INTERRUPT"}
_BUFFER = 1 << 21
_libc = ctypes.CDLL(None, use_errno=True)


def reason() -> str:
    """Why there can be no such mount here; empty where there can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return ""


class Mount:
    """See the module."""

    def __init__(self, folder: Path, at: Path, control: Path) -> None:
        self.folder, self.at, self._control = folder, at, control
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.at.mkdir(parents=True, exist_ok=True)
        self.heal()
        self.appear()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self.vanish()

    def appear(self) -> None:
        """Mount it."""
        program = [sys.executable, "-m", "tests.fuse", str(self.folder), str(self.at), str(self._control)]
        self._process = subprocess.Popen(program, cwd=Path(__file__).resolve().parents[1], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"mounted\n"

    def vanish(self) -> None:
        """Its server dies: what is asked for from then on fails, until it is mounted anew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        subprocess.run(["umount", "-l", self.at], check=False, capture_output=True)

    def fail(self, op: str, number: int, *, after: int = 0, once: bool = False) -> None:
        """Have such requests fail."""
        self._tell({"op": op, "errno": number, "after": after, "once": once})

    def hang(self, op: str) -> None:
        """Leave such requests without an answer."""
        self._tell({"op": op, "hang": True})

    def heal(self) -> None:
        """All is well again; what hangs is answered."""
        self._tell({})

    def _tell(self, what: dict[str, Any]) -> None:
        draft = self._control.with_suffix(".new")
        draft.write_text(json.dumps({**what, "id": time.monotonic_ns()}))
        draft.replace(self._control)


class Faults:
    """What the control file says now."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._id = 0
        self._seen = 0

    def meet(self, op: str) -> None:
        """Raises `OSError` where such a request is to fail; returns late where it is to hang."""
        while True:
            with self._lock:
                told = json.loads(self._control.read_text())
                if told.get("id") != self._id:
                    self._id, self._seen = told.get("id"), 0
                if told.get("op") != op:
                    return
                if not told.get("hang"):
                    self._seen += 1
                    n = self._seen - told["after"]
                    if n == 1 or (n > 1 and not told["once"]):
                        raise OSError(told["errno"], "injected")
                    return
            time.sleep(0.02)


class FileSystem:
    """Passes everything on to a folder. A node is a file's own number, and a handle that keeps it."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self._faults = faults
        self._nodes = {1: os.open(folder, os.O_PATH)}
        self._lock = threading.Lock()

    def answer(self, op: str, node: int, body: bytes) -> bytes:
        """Raises `OSError`."""
        if op != "INIT":
            self._faults.meet(op)
        handler: Callable[[int, bytes], bytes] | None = getattr(self, f"do_{op.lower()}", None)
        if handler is None:
            raise OSError(errno.ENOSYS, op)
        return handler(node, body)

    # -- nodes

    def _attributes(self, found: os.stat_result) -> bytes:
        times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        return struct.pack(
            "<6Q10I", found.st_ino, found.st_size, found.st_blocks, *(t // 10**9 for t in times),
            *(t % 10**9 for t in times), found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0,
        )  # fmt: skip

    def _entry(self, parent: int, name: str) -> bytes:
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self._nodes[parent])
        found = os.fstat(handle)
        with self._lock:
            if found.st_ino in self._nodes:
                os.close(handle)
            else:
                self._nodes[found.st_ino] = handle
        return struct.pack("<4Q2I", found.st_ino, 0, 0, 0, 0, 0) + self._attributes(found)

    def _path(self, node: int) -> str:
        return f"/proc/self/fd/{self._nodes[node]}"

    # -- requests

    def do_init(self, _node: int, body: bytes) -> bytes:
        readahead = struct.unpack_from("<I", body, 8)[0]
        return struct.pack("<4I2H2I2HI7I", 7, 31, readahead, 0, 16, 12, 1 << 20, 1, 256, 0, 0, *[0] * 7)

    def do_lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(node, _name(body))

    def do_getattr(self, node: int, _body: bytes) -> bytes:
        return struct.pack("<Q2I", 0, 0, 0) + self._attributes(os.fstat(self._nodes[node]))

    def do_setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, at, mt, _, at_ns, mt_ns, _, mode, _, uid, gid = struct.unpack_from("<2I6Q7I", body)
        path = self._path(node)
        if valid & 1:
            os.chmod(path, stat.S_IMODE(mode))  # noqa: PTH101
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 8:
            os.truncate(path, size)
        if valid & 48:
            now, found = time.time_ns(), os.fstat(self._nodes[node])
            atime = now if valid & 128 else at * 10**9 + at_ns if valid & 16 else found.st_atime_ns
            mtime = now if valid & 256 else mt * 10**9 + mt_ns if valid & 32 else found.st_mtime_ns
            os.utime(path, ns=(atime, mtime))
        return self.do_getattr(node, b"")

    def do_mkdir(self, node: int, body: bytes) -> bytes:
        os.mkdir(_name(body[8:]), stat.S_IMODE(struct.unpack_from("<I", body)[0]), dir_fd=self._nodes[node])
        return self._entry(node, _name(body[8:]))

    def do_unlink(self, node: int, body: bytes) -> bytes:
        os.unlink(_name(body), dir_fd=self._nodes[node])
        return b""

    def do_rmdir(self, node: int, body: bytes) -> bytes:
        os.rmdir(_name(body), dir_fd=self._nodes[node])
        return b""

    def do_rename(self, node: int, body: bytes) -> bytes:
        return self._rename(node, struct.unpack_from("<Q", body)[0], body[8:], 0)

    def do_rename2(self, node: int, body: bytes) -> bytes:
        to, flags = struct.unpack_from("<QI", body)
        return self._rename(node, to, body[16:], flags)

    def _rename(self, node: int, to: int, names: bytes, flags: int) -> bytes:
        old, new = names.split(b"\0")[:2]
        if _libc.renameat2(self._nodes[node], old, self._nodes[to], new, flags) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return b""

    def do_link(self, node: int, body: bytes) -> bytes:
        name = _name(body[8:])
        os.link(self._path(struct.unpack_from("<Q", body)[0]), name, dst_dir_fd=self._nodes[node])
        return self._entry(node, name)

    def do_open(self, node: int, body: bytes) -> bytes:
        flags = struct.unpack_from("<I", body)[0] & ~(os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL)
        return struct.pack("<Q2I", os.open(self._path(node), flags), 0, 0)

    do_opendir = do_open

    def do_create(self, node: int, body: bytes) -> bytes:
        flags, mode = struct.unpack_from("<2I", body)
        handle = os.open(_name(body[16:]), flags | os.O_CREAT, stat.S_IMODE(mode), dir_fd=self._nodes[node])
        return self._entry(node, _name(body[16:])) + struct.pack("<Q2I", handle, 0, 0)

    def do_read(self, _node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<2QI", body)
        return os.pread(handle, size, offset)

    def do_write(self, _node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<2QI", body)
        return struct.pack("<2I", os.pwrite(handle, body[40 : 40 + size], offset), 0)

    def do_statfs(self, node: int, _body: bytes) -> bytes:
        found = os.fstatvfs(self._nodes[node])
        room = (found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree)
        return struct.pack("<5Q10I", *room, found.f_bsize, 255, found.f_frsize, *[0] * 7)

    def do_release(self, _node: int, body: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    do_releasedir = do_release

    def do_fsync(self, _node: int, body: bytes) -> bytes:
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    do_fsyncdir = do_fsync

    def do_flush(self, _node: int, _body: bytes) -> bytes:
        return b""

    def do_readdir(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<2QI", body)
        names = [".", "..", *sorted(os.listdir(self._path(node)))]  # noqa: PTH208
        listed = b""
        for at, name in list(enumerate(names, 1))[offset:]:
            data = os.fsencode(name)
            entry = struct.pack("<2Q2I", 1, at, len(data), 0) + data
            entry += bytes(-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return listed


def _name(body: bytes) -> str:
    return os.fsdecode(body.partition(b"\0")[0])


def serve(folder: Path, at: Path, control: Path) -> None:
    """Mount, say so, and answer until it is unmounted."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    if _libc.mount(b"tests", os.fsencode(at), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "cannot mount")
    print("mounted", flush=True)  # noqa: T201
    system = FileSystem(folder, Faults(control))

    def answer(request: bytes) -> None:
        _, opcode, unique, node = struct.unpack_from("<2I2Q", request)
        op = OPS.get(opcode, str(opcode))
        if op in SILENT:
            return
        try:
            data, number = system.answer(op, node, request[40:]), 0
        except OSError as error:
            data, number = b"", error.errno or errno.EIO
        with contextlib.suppress(OSError):  # whoever asked may be gone
            os.write(device, struct.pack("<IiQ", 16 + len(data), -number, unique) + data)

    while True:
        try:
            request = os.read(device, _BUFFER)
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.EBADF):
                return
            continue
        threading.Thread(target=answer, args=(request,), daemon=True).start()


if __name__ == "__main__":
    serve(*(Path(argument) for argument in sys.argv[1:4]))
