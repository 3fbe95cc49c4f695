"""Fuzzes all targets, one after another: `python -m fuzz [--seconds 60] [TARGET …]`.

The time is shared out; what is found lies in `fuzz/findings/TARGET/`, and the tests run it from then on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.media_factory import ClipCache

from fuzz.seeds import write_seeds
from fuzz.targets import TARGETS

HERE = Path(__file__).resolve().parent
FINDINGS = HERE / "findings"
_SHARES = {
    "packets": 2,
    "pes": 0.5,
    "pictures": 2,
    "parameters": 1.5,
    "index": 5,
    "audio": 2,
    "slices": 3,
    "messages": 1.5,
}
"""Of the time, where it is not 1."""
_SLICE_S = 120
"""A new process after this time: what Atheris 3.0 puts into the code keeps some 2 MB for each whole recording."""
_LONGEST_BYTES = {"index": 60_000, "packets": 16_000, "pictures": 16_000}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help="all where none is named")
    parser.add_argument("--seconds", type=float, default=60, help="for all together")
    parser.add_argument("--work", type=Path, default=HERE / ".corpus", help="where the corpus is kept")
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    clips = ClipCache(options.work / "clips")
    failed = []
    for name, seconds in shared_out(options.seconds, names).items():
        if _fuzz(name, seconds, clips, options.work / name):
            failed.append(name)
    print(f"findings in {', '.join(failed)}: see fuzz/findings" if failed else "nothing found")
    return 1 if failed else 0


def shared_out(seconds: float, names: Sequence[str]) -> dict[str, int]:
    """How long to look at each target, in seconds."""
    shares = {name: _SHARES.get(name, 1) for name in names}
    return {name: max(1, round(seconds * share / sum(shares.values()))) for name, share in shares.items()}


def _fuzz(name: str, seconds: int, clips: ClipCache, corpus: Path) -> bool:
    print(f"--- {name}: {seconds} s", flush=True)
    write_seeds(name, clips, corpus / "seeds")
    grown, findings = corpus / "grown", FINDINGS / name
    for folder in (grown, findings):
        folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + seconds
    while (left := round(until - time.monotonic())) > 0:
        limits = [
            f"-max_total_time={min(left, _SLICE_S)}", f"-max_len={_LONGEST_BYTES.get(name, 4096)}", "-timeout=20",
            "-rss_limit_mb=5000", "-malloc_limit_mb=800", "-len_control=0", f"-artifact_prefix={findings}/",
            "-print_final_stats=1",
        ]  # fmt: skip
        command = [sys.executable, "-m", "fuzz.one", name, *limits, str(grown), str(corpus / "seeds"), str(findings)]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
