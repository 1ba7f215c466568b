"""The campaign: `make fuzz MINUTES=60`. Prints how many inputs were tried at each door and what was found.

Findings are kept in tests/fuzz/found/DOOR/, where `test_fuzz.py` tries them again for ever.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOUND = HERE / "found"
ROUND = 120.0
"""Seconds of a worker; memory that it has come to hold does not hide the next input's."""


@dataclass
class Result:
    """Inputs tried by door, and what was found; `signals` counts workers that were ended by one."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    signals: int = 0

    def table(self) -> str:
        """For docs/security.md."""
        rows = [
            f"| {name} | {count:,} | {sum(f['door'] == name for f in self.findings)} |"
            for name, count in sorted(self.counts.items())
        ]
        total = f"| together | {sum(self.counts.values()):,} | {len(self.findings)} |"
        return "\n".join(["| door | inputs | findings |", "|---|---:|---:|", *rows, total])


def campaign(seconds: float, seed: int, wanted: list[str]) -> Result:
    """Workers one after the other until the time is over."""
    result, left, number = Result(), seconds, 0
    while left > 0:
        with tempfile.TemporaryDirectory() as folder:
            part = min(left, ROUND)
            command = [sys.executable, str(HERE / "worker.py"), str(part), str(seed + number), folder, *wanted]
            paths = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
            ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False)
            _collect(result, ended, Path(folder))
        left, number = left - part, number + 1
    return result


def _collect(result: Result, ended: subprocess.CompletedProcess[str], folder: Path) -> None:
    for line in ended.stdout.splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if "counts" in said:
            result.counts.update(said["counts"])
        elif said:
            result.findings.append(said)
    if ended.returncode != 0:
        name, file = json.loads((folder / "trying").read_text()) if (folder / "trying").exists() else ("starting", "")
        content = (folder / "now" / file).read_bytes() if file else b""
        problem = f"the process ended with {ended.returncode}: {ended.stderr[-1500:]}"
        result.findings.append({"door": name, "file": file, "problem": problem, "content": content.hex()})
        result.signals += ended.returncode < 0


def keep(findings: list[dict[str, Any]]) -> None:
    """As regression files: the door and the name of the file are in the path."""
    for finding in findings:
        content = bytes.fromhex(finding.get("content", ""))
        target = FOUND / finding["door"] / f"{hashlib.sha256(content).hexdigest()[:8]}-{finding['file']}"
        if content and len(content) < 100_000:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="write what is found to tests/fuzz/found")
    parser.add_argument("doors", nargs="*")
    given = parser.parse_args()
    result = campaign(60 * given.minutes, given.seed, given.doors)
    for finding in result.findings:
        print(f"--- {finding['door']}, {finding['file']}\n{finding['problem']}")
    if given.keep:
        keep(result.findings)
    print(result.table())
    print(f"\n{result.signals} processes ended by a signal; seed {given.seed}, {given.minutes:g} minutes.")
    sys.exit(bool(result.findings))


if __name__ == "__main__":
    main()
