"""The campaign in small, and every input that it ever found a fault with. `make fuzz MINUTES=60` runs longer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from campaign import campaign  # noqa: E402
from mutators import mutated  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")


def test_changes_are_a_function_of_the_seed() -> None:
    import random

    content = bytes(range(256)) * 4
    assert [mutated(random.Random(seed), content) for seed in range(50)] == [
        mutated(random.Random(seed), content) for seed in range(50)
    ]
    assert len({mutated(random.Random(seed), content) for seed in range(50)}) > 45


def test_a_short_campaign_finds_nothing() -> None:
    pytest.importorskip("torch")
    result = campaign(float(os.environ.get("FUZZ_SECONDS", "15")), int(os.environ.get("FUZZ_SEED", "1")), [])
    assert not result.findings, "\n".join(f"{f['door']}, {f['file']}: {f['problem']}" for f in result.findings)
    assert sum(result.counts.values()) > 100 and min(result.counts.values()) > 0


ATTEMPTS = {
    "lambda path: path.read_bytes()": "",
    "lambda path: (_ for _ in ()).throw(UserError('no'))": "",
    "lambda path: {}[path]": "KeyError",
    "lambda path: os.system('true')": "it ran os.system",
    "lambda path: pickle.loads(path.read_bytes())": "it ran pickle.find_class",
    "lambda path: time.sleep(9)": "too long",
    "lambda path: sum(i for i in range(10**10))": "too long",
    "lambda path: [bytes(1 << 20).upper() for _ in range(40)] and None": "MB",
}


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """The worker's eyes, each tried on what it should see."""
    code = f"""
import json, os, pickle, sys, time; from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
import worker; from doors import Door; from mimica.errors import UserError
worker.SECONDS, worker.WALL, worker.BYTES = 1.0, 5.0, 20_000_000
worker.watch_the_time(); sys.addaudithook(worker._audit)
content = pickle.dumps(Path('x'))
for text in json.loads(sys.argv[1]):
    print(json.dumps(worker.attempt(Door({{}}, eval(text)), 'a', content, Path({str(tmp_path / "now")!r}))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(list(ATTEMPTS))], capture_output=True, text=True, check=True, timeout=60
    )
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    for end, wanted in zip(ends, ATTEMPTS.values(), strict=True):
        assert wanted in end and bool(end) == bool(wanted)


FOUND = sorted(path for path in (HERE / "found").rglob("*") if path.is_file() and path.parent.name != "found")

REPLAY = """
import json, sys; from pathlib import Path
sys.path.insert(0, sys.argv[1])
from doors import doors; from worker import attempt; import worker
worker.watch_the_time()
made = doors(Path(sys.argv[2])); sys.addaudithook(worker._audit)
for path in map(Path, sys.argv[3:]):
    door = made[path.parent.name]
    end = attempt(door, path.name.split('-', 1)[1], path.read_bytes(), Path(sys.argv[2]) / 'now')
    print(json.dumps([str(path), end]), flush=True)
"""


@pytest.mark.skipif(not FOUND, reason="nothing was found yet")
def test_what_was_found_is_mended(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-c", REPLAY, str(HERE), str(tmp_path), *map(str, FOUND)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    ends = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert done.returncode == 0 and len(ends) == len(FOUND), done.stderr[-2000:]
    assert not [end for end in ends if end[1]]
