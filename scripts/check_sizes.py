"""Refuses what grew too large: modules over 400 lines, components over 300, functions with more than five parameters.

A limit that nobody checks drifts. Exempt from the parameter limit are commands of the command line (each option is a
parameter), `timeline`, whose parameters the specification names, and a method whose `def` line says
`# foreign signature`, because the class it overrides belongs to somebody else. Generated files are exempt from all.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES = 400
COMPONENT_LINES = 300
PARAMETERS = 5
EXEMPT_FUNCTIONS = {"timeline"}
EXEMPT_MARK = "# foreign signature"
COMMANDS = Path("src/plexcut/cli")
GENERATED = {Path("frontend/src/api/schema.ts"), Path("frontend/src/api/schema.d.ts")}
SKIPPED_FOLDERS = {"node_modules", "dist", "__pycache__", ".venv"}


def files(folder: str, *suffixes: str) -> Iterator[Path]:
    """Yield the written files below a folder, sorted, as paths from the root."""
    for path in sorted((ROOT / folder).rglob("*")):
        relative = path.relative_to(ROOT)
        if path.suffix not in suffixes or not path.is_file():
            continue
        if SKIPPED_FOLDERS.isdisjoint(relative.parts) and relative not in GENERATED:
            yield relative


def makes_command(node: ast.expr) -> bool:
    """Tell whether an expression is `….command(…)` or `….callback(…)`, whose value turns a function into a command."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"command", "callback"}
    )


def commands() -> set[str]:
    """Names of the functions that are commands: decorated, or handed over as in `app.command()(media.cut)`."""
    names: set[str] = set()
    for path in files(str(COMMANDS), ".py"):
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(map(makes_command, node.decorator_list)):
                names.add(node.name)
            elif isinstance(node, ast.Call) and makes_command(node.func):
                names.update(ast.unparse(argument).split(".")[-1] for argument in node.args)
    return names


def parameter_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the parameters, `*args` and `**kwargs` among them, without `self` and `cls`."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    return len(names) + (arguments.vararg is not None) + (arguments.kwarg is not None)


def long_signatures(path: Path, exempt: set[str]) -> Iterator[str]:
    """Yield a line for each function with too many parameters whose name is not exempt."""
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    tree = ast.parse(text, filename=str(path))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        count = parameter_count(node)
        if count > PARAMETERS and node.name not in exempt and EXEMPT_MARK not in lines[node.lineno - 1]:
            yield f"{path}:{node.lineno}: {node.name} has {count} parameters (limit {PARAMETERS}): hand it a dataclass"


def too_long(path: Path, limit: int) -> Iterator[str]:
    """Yield a line if the file is longer than the limit."""
    with (ROOT / path).open(encoding="utf-8") as lines:
        count = sum(1 for _ in lines)
    if count > limit:
        yield f"{path}:1: {count} lines (limit {limit}): split it by what it does"


def main() -> int:
    """Print what is too large; 1 if there is any."""
    found: list[str] = []
    command_names = commands()
    for folder in ("src", "tests", "bench", "scripts"):
        for path in files(folder, ".py"):
            found.extend(too_long(path, MODULE_LINES))
            if folder != "tests":
                exempt = EXEMPT_FUNCTIONS | (command_names if path.is_relative_to(COMMANDS) else set())
                found.extend(long_signatures(path, exempt))
    for path in files("frontend", ".ts"):
        found.extend(too_long(path, MODULE_LINES))
    for path in files("frontend", ".vue"):
        found.extend(too_long(path, COMPONENT_LINES))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
