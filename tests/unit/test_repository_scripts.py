"""The scripts behind make and pip: the page is built when it must be, the wheel holds it, large code is refused."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands in for npm: counts its calls, and "builds" a page that holds the source.
FAKE_NPM = """#!/bin/sh
echo "$*" >>../npm.calls
case "$1" in
ci) mkdir -p node_modules ;;
run) [ -e broken ] && exit 3
     mkdir -p ../src/plexcut/web/dist && rm -rf ../src/plexcut/web/dist/*
     [ -e empty ] || cp page.txt ../src/plexcut/web/dist/index.html ;;
esac
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small copy of the repository with a page of one file, and the stand-ins for node and npm first on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in (("npm", FAKE_NPM), ("node", "#!/bin/sh\necho v22.12.0\n")):
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    root = tmp_path / "project"
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        root.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    package = root / "src" / "plexcut"
    (package / "web").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "plexcut" / "__init__.py", package)
    frontend = root / "frontend"
    frontend.mkdir()
    (frontend / "package.json").write_text("{}")
    (frontend / "package-lock.json").write_text("{}")
    (frontend / "page.txt").write_text("first")
    return root


def calls(root: Path) -> list[str]:
    return (root / "npm.calls").read_text().splitlines() if (root / "npm.calls").exists() else []


def test_the_page_is_built_once_and_again_when_a_source_changes(project: Path) -> None:
    page = load("page")
    index = project / "src/plexcut/web/dist/index.html"

    assert page.build_page(project) is True
    assert index.read_text() == "first"
    assert page.build_page(project) is False
    assert calls(project) == ["ci --no-progress", "run build"]

    (project / "frontend" / "page.txt").write_text("second")
    assert page.build_page(project) is True
    assert index.read_text() == "second"
    assert calls(project).count("ci --no-progress") == 1, "the packages are installed once for each lock file"


@pytest.mark.parametrize(
    ("obstacle", "message"), [("broken", "exit code 3"), ("empty", "no src/plexcut/web/dist/index")]
)
def test_a_build_that_fails_says_so_and_is_tried_again(project: Path, obstacle: str, message: str) -> None:
    page = load("page")
    (project / "frontend" / obstacle).touch()
    with pytest.raises(page.PageError, match=message):
        page.build_page(project)
    (project / "frontend" / obstacle).unlink()
    assert page.build_page(project) is True


def test_a_source_archive_with_the_built_page_needs_no_npm(project: Path) -> None:
    page = load("page")
    page.build_page(project)
    shutil.rmtree(project / "frontend")
    assert page.build_page(project) is False
    shutil.rmtree(project / "src/plexcut/web/dist")
    with pytest.raises(page.PageError, match="neither"):
        page.build_page(project)


def test_the_wheel_holds_the_page(project: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    done = subprocess.run(build, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("plexcut/web/dist/index.html") == b"first"


def test_a_wheel_without_a_page_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "frontend" / "empty").touch()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    done = subprocess.run(build, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "index.html" in done.stderr + done.stdout
    assert not list((tmp_path / "out").glob("*.whl"))


def test_sizes_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = load("check_sizes")
    monkeypatch.setattr(sizes, "ROOT", tmp_path)
    source = tmp_path / "src"
    commands = source / "plexcut" / "cli"
    commands.mkdir(parents=True)
    (commands / "app.py").write_text("@app.command()\ndef cut(a, b, c, d, e, f): ...\napp.command()(media.plan)\n")
    (commands / "media.py").write_text("def plan(a, b, c, d, e, f): ...\n")
    (source / "good.py").write_text(
        "class C:\n    def five(self, a, b, c, d, *, e): ...\n"
        "class D(Foreign):\n    def six(self, a, b, c, d, e, f): ...  # foreign signature\n"
        "def timeline(basename, pos, l, r, step, size): ...\n" + "#\n" * 395
    )
    assert sizes.main() == 0

    (source / "long.py").write_text("#\n" * 401)
    (source / "wide.py").write_text("def six(a, b, c, /, d, *rest, e): ...\n")
    view = tmp_path / "frontend" / "src" / "Page.vue"
    view.parent.mkdir(parents=True)
    view.write_text("\n" * 301)
    assert sizes.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["src/long.py", "src/wide.py", "frontend/src/Page.vue"]
