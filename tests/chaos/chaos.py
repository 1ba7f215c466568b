"""Jobs killed at random moments (SIGKILL), and jobs on a full disk: `make chaos KILLS=100`. Prints what came of it.

Each row of `JOBS` is a command with its inputs and its result. It is run once undisturbed; then it is started and killed again
and again, at moments that are drawn from its whole length. After each kill the result must be as it was before (nothing, or the
old file), or whole; in the end the same command must give the undisturbed result, byte for byte, with nothing left beside it. On
a full disk (a limit on the size of files; and, where Linux lets us make one, a file system with little room, in steps from
nothing up) it must end with exit code 2 and one sentence, the old file intact, and go on when there is room. `page` is
`mimica web`: see `chaos_page`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import chaos_page
import numpy as np
from chaos_common import PARTS, PHOTO, ROOT, Outcome, environment, fill, small_disk, with_mounts

OLD = b"what was there before"
Contents = dict[str, bytes]
_IN_A_ROW = 5
"""Kills after which a job may come to its end."""


def _comparable(path: Path) -> bytes:
    """A file's content; of a training's log all but the seconds."""
    content = path.read_bytes()
    if path.name != "log.csv":
        return content
    return b"\n".join(b",".join(line.split(b",")[:1] + line.split(b",")[2:]) for line in content.splitlines())


@dataclass(frozen=True)
class Job:
    """`make` puts the inputs into a folder; `words` follow `mimica` in the command, which runs there; `outputs` are the files and
    folders of the result. `old`: the command replaces a file that is there already. `grows`: the output folder is filled in place
    (a run folder), so a killed run may leave a part, from which the next goes on."""

    name: str
    make: Callable[[Path], None]
    words: tuple[str, ...]
    outputs: tuple[str, ...]
    old: bool = False
    grows: bool = False

    def result(self, folder: Path) -> Contents:
        """The outputs' files by name."""
        found = {}
        for name in self.outputs:
            path = folder / name
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path] if path.exists() else []
            found |= {str(p.relative_to(folder)): _comparable(p) for p in files}
        return found


def _photos(folder: Path) -> None:
    from PIL import Image

    (folder / "photos").mkdir()
    with Image.open(PHOTO) as photo:
        small = photo.convert("RGB").resize((300, 300))
        for index in range(12):
            small.rotate(index - 6).save(folder / "photos" / f"{index}.png")


def _photo(folder: Path) -> None:
    shutil.copy(PHOTO, folder / "a.jpg")


def _film(folder: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from PIL import Image

    from mimica.video.writer import VideoWriter

    with Image.open(PHOTO) as photo, VideoWriter(folder / "film.mp4", 25, (336, 256)) as video:
        for index in range(12):
            video.write(np.asarray(photo.convert("RGB").crop((90 - index, 0, 426 - index, 256))))


def _faces(folder: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from mimica.data.dataset import DatasetWriter
    from mimica.facs import AU_NAMES

    rng = np.random.default_rng(0)
    (folder / "data").mkdir()
    with DatasetWriter(folder / "data", "chaos", 32, AU_NAMES) as writer:
        for index in range(40):
            values = dict(zip(AU_NAMES, rng.random(len(AU_NAMES)), strict=True))
            writer.add(rng.integers(0, 255, (32, 32, 3), np.uint8), values, f"n{index}", f"s{index}")


_SETTINGS = "image_size=64 width=4 blocks=1 batch_size=4 steps=60 checkpoint_every=5 log_every=4 sample_every=30 workers=0"
_TRAIN = "train ganimation --preset paper --data data -o run " + " ".join(f"--set {option}" for option in _SETTINGS.split())


def _job(name: str, make: Callable[[Path], None], words: str, *outputs: str, **more: bool) -> Job:
    return Job(name, make, tuple(words.split()), outputs, **more)


JOBS = {
    job.name: job
    for job in (
        _job("annotate", _photos, "annotate photos -o aus.csv -j 1", "aus.csv", old=True),
        _job("annotate -j 2", _photos, "annotate photos -o aus.csv -j 2", "aus.csv"),
        _job("annotate in parts", _photos, "annotate photos -o aus --format csv --part 3 -j 1", "aus", grows=True),
        _job("prepare", _photos, "prepare folder photos -o set", "set"),
        _job("animate", _photo, "animate a.jpg -e happy --size 200 --seconds 1 -o a.mp4", "a.mp4", old=True),
        _job("edit", _photo, "edit a.jpg -e happy -o b.png", "b.png", old=True),
        _job("edit film", _film, "edit film.mp4 -e happy:0.6 -o made.mp4", "made.mp4", old=True),
        _job("train", _faces, _TRAIN, "run/weights", "run/log.csv", "run/samples", grows=True),
    )
}


_LIMITED = """
import resource, runpy, sys
size = int(sys.argv.pop(1))
if size >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
runpy.run_module("mimica", run_name="__main__", alter_sys=True)
"""


def _start(job: Job, folder: Path, limit: int = -1) -> subprocess.Popen[str]:
    """The command, where no file may become larger than `limit` bytes."""
    command = [sys.executable, "-c", _LIMITED, str(limit), *job.words]
    return subprocess.Popen(
        command,
        cwd=folder,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )


def _workspace(job: Job, folder: Path) -> Path:
    folder.mkdir()
    job.make(folder)
    if job.old:
        (folder / job.outputs[0]).write_bytes(OLD)
    return folder


def _left(folder: Path, before: set[str], job: Job) -> list[str]:
    """What lies in the folder besides inputs and outputs; the killed runs' hidden files must be gone too."""
    return sorted(
        p.name for p in folder.iterdir() if p.name not in before and p.name not in {o.split("/")[0] for o in job.outputs}
    )


def run(job: Job, kills: int, rng: random.Random, folder: Path, mounts: bool = False) -> Outcome:
    """Kill it, go on, kill it ... and compare; then the full disk, with `mounts` on a small file system too."""
    outcome, whole = Outcome(), _workspace(job, folder / "whole")
    inputs = {path.name for path in whole.iterdir()}
    start = time.monotonic()
    said = _start(job, whole)
    _, errors = said.communicate()
    length, wanted = time.monotonic() - start, job.result(whole)
    if said.returncode != 0 or not wanted:
        return Outcome(problems=[f"undisturbed, it ended with {said.returncode}: {errors[-500:]}"])
    while outcome.kills < kills and outcome.done < 10 * kills:
        place = _workspace(job, folder / "killed")
        _killed(job, place, length, wanted, min(_IN_A_ROW, kills - outcome.kills), rng, outcome)
        outcome.problems += _finished(job, place, wanted, inputs)
        shutil.rmtree(place)
    if not job.grows:
        _on_a_limit(job, folder, wanted, outcome)
    if mounts:
        _on_small_disks(job, folder, wanted, inputs, outcome)
    return outcome


def _killed(job: Job, place: Path, length: float, wanted: Contents, most: int, rng: random.Random, outcome: Outcome) -> None:
    """Start it and kill it, up to so many times, or until it is done."""
    for _ in range(most):
        before = job.result(place)
        process = _start(job, place)
        try:
            process.wait(rng.uniform(0.0, 1.1 * length))
            outcome.done += 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            outcome.kills += 1
        process.communicate()
        after = job.result(place)
        if not job.grows and after != before and after != wanted:
            outcome.problems.append("a killed run left a part of its result")
        if after == wanted:
            return


def _finished(job: Job, place: Path, wanted: Contents, inputs: set[str]) -> list[str]:
    """The same command to its end, twice where the first finds all done: what is wrong with the result."""
    problems = []
    if job.result(place) != wanted:
        process = _start(job, place)
        _, errors = process.communicate()
        if process.returncode != 0:
            problems.append(f"going on, it ended with {process.returncode}: {errors[-500:]}")
    result = job.result(place)
    if result != wanted:
        differ = [name for name in {*result, *wanted} if result.get(name) != wanted.get(name)]
        problems.append(f"the result differs from the undisturbed one in {', '.join(sorted(differ)[:3])}")
    clean = [sys.executable, "-m", "mimica", "clean", str(place)]
    subprocess.run(clean, env=environment(), check=True, stdout=subprocess.DEVNULL)
    if left := _left(place, inputs, job):
        problems.append(f"it left {', '.join(left)}")
    return problems


def _on_a_limit(job: Job, folder: Path, wanted: Contents, outcome: Outcome) -> None:
    """No file may become as large as the result."""
    for step, part in enumerate(PARTS):
        place = _workspace(job, folder / f"limit-{step}")
        _refused(job, place, f"with files up to {part:.0%} of the size", outcome, int(part * max(map(len, wanted.values()))))


def _on_small_disks(job: Job, folder: Path, wanted: Contents, inputs: set[str], outcome: Outcome) -> None:
    """A file system with less room than the result needs; then there is room, and the same command goes on."""
    needed = sum(map(len, wanted.values())) if job.grows else max(map(len, wanted.values()))
    for step, part in enumerate(PARTS):
        with small_disk(folder / f"disk-{step}") as disk:
            place = _workspace(job, disk / "work")
            filler = fill(disk, int(part * needed))
            _refused(job, place, f"with {part:.0%} of the room", outcome)
            filler.unlink()
            outcome.problems += _finished(job, place, wanted, inputs)


def _refused(job: Job, place: Path, how: str, outcome: Outcome, limit: int = -1) -> None:
    before = job.result(place)
    process = _start(job, place, limit)
    _, errors = process.communicate()
    lines = [line for line in errors.splitlines() if line.startswith("Error:")]
    outcome.full += 1
    if process.returncode != 2 or len(lines) != 1 or "Traceback" in errors:
        outcome.problems.append(f"{how} it ended with {process.returncode}: {errors[-300:]}")
    if not job.grows and job.result(place) != before:
        outcome.problems.append(f"{how} the old result is gone, or a part of the new one is there")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="for all jobs together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("jobs", nargs="*", help=", ".join([*JOBS, "page"]))
    given = parser.parse_args()
    mounts, start = with_mounts(), time.monotonic()
    chosen = given.jobs or [*JOBS, "page"]
    rng, rows, failed, total = random.Random(given.seed), [], 0, Outcome()
    for name in chosen:
        kills = -(-given.kills // len(chosen))
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if name == "page":
                outcome = chaos_page.run(kills, rng, folder, mounts)
            else:
                outcome = run(JOBS[name], kills, rng, folder, mounts)
        for problem in outcome.problems:
            print(f"--- {name}: {problem}", flush=True)
        failed += len(outcome.problems)
        total.kills, total.full = total.kills + outcome.kills, total.full + outcome.full
        rows.append(f"| {name} | {outcome.kills} | {outcome.full} | {len(outcome.problems)} |")
    print("\n".join(["| job | kills | full disks | problems |", "|---|---:|---:|---:|", *rows]))
    print(f"| together | {total.kills} | {total.full} | {failed} |\n")
    print(
        f"Seed {given.seed}, {(time.monotonic() - start) / 60:.0f} minutes{'' if mounts else '; no small disks on this system'}."
    )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
