"""How fast long lists are done in parts on this machine, what Ray adds, how much memory many paths take, how fast synthetic
frames are made, and what two processes gain a training. `mimica bench --only parts`, `ray`, `paths`, `synthesize`, `training`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mimica import api
from mimica.annotate.parts import annotate_parts
from mimica.data.inputs import input_names, takes_long
from mimica.errors import MissingExtraError, UserError
from mimica.evaluate.annotate_speed import variations
from mimica.jobs.on_ray import Cluster
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column
from mimica.jobs.shards import Driver, Job, Processes, Tell, cut, run
from mimica.jobs.workers import Tick
from mimica.motion.tables import layout
from mimica.pictures.images import write_image
from mimica.reader.read import largest_face
from mimica.synthesize.engine import EngineSubject
from mimica.synthesize.mixtures import drawn, turned
from mimica.synthesize.rigged import RigSubject
from mimica.synthesize.settings import Settings

Row = tuple[str, float, str, str]
PHOTOS, PART, PROCESSES = 600, 50, 2


def album(photo: Path, folder: Path, count: int = PHOTOS) -> Path:
    """A folder of so many variations of one face, 350 pixels, JPEG."""
    made = folder / f"album_{count}"
    if not made.exists():
        made.mkdir()
        for number, rgb in enumerate(variations(photo, count)):
            write_image(made / f"{number}.jpg", rgb)
    return made


@dataclass(frozen=True)
class Pace:
    """rate   photos a second from the first part that was done to the last, so that no start is counted
    spent     processor time, seconds a photo, of this process and all that it started, in the middle of the run; NaN but on Linux
    whole     seconds in all"""

    rate: float
    spent: float
    whole: float


def _pace(photos: Path, output: Path, driver: Driver) -> Pace:
    samples: list[tuple[int, float]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            samples.append((len(_done(output)), processor_seconds()))

    watcher, start = threading.Thread(target=watch), time.perf_counter()
    watcher.start()
    try:
        annotate_parts([photos], output, format="csv", part=PART, driver=driver)
    finally:
        ended.set()
        watcher.join()
    whole, times = time.perf_counter() - start, sorted(path.stat().st_mtime for path in _done(output))
    return Pace(PART * (len(times) - 1) / (times[-1] - times[0]), _spent(samples, len(times)), whole)


def _done(folder: Path) -> list[Path]:
    return list(folder.glob("part-*[0-9].csv"))


def _spent(samples: Sequence[tuple[int, float]], parts: int) -> float:
    """Processor time a photo between the second part and the last but one: who has nothing more to do may be gone later, and what
    it spent with it."""
    middle = [sample for sample in samples if 2 <= sample[0] < parts]
    if len(middle) < 2 or middle[-1][0] == middle[0][0]:
        return float("nan")
    return (middle[-1][1] - middle[0][1]) / (PART * (middle[-1][0] - middle[0][0]))


def processor_seconds() -> float:
    """Of this process, all that run and descend from it, and Ray's, which do not; NaN but on Linux."""
    parent, spent, rays = {}, {}, set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended just now
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            command = (path.parent / "cmdline").read_bytes()
            if command.startswith(b"ray::") or b"/ray/" in command:
                rays.add(number)
            parent[number], spent[number] = int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if os.getpid() not in spent:
        return float("nan")
    total = 0.0
    for number, seconds in spent.items():
        at = number
        while at in parent and at != os.getpid():
            at = parent[at]
        total += seconds if at == os.getpid() or number in rays else 0.0
    return total


def parts(photo: Path, folder: Path) -> list[Row]:
    """`mimica annotate` into a folder of parts, by processes of this machine."""
    pace = _pace(album(photo, folder), folder / "parts", Processes(PROCESSES))
    return [
        ("annotate, parts", pace.rate, "faces/s", f"{PROCESSES} processes, photos of 350 pixels, their start not counted"),
        ("annotate, parts", 1000 * pace.spent, "ms", "of processor time a photo, start not counted"),
        ("annotate, parts", pace.whole, "s", f"for {PHOTOS} photos, all counted"),
    ]


def ray(photo: Path, folder: Path, rounds: int = 2, count: int = PHOTOS) -> list[Row]:
    """The same by Ray on the same cores; the best of some rounds by turns. NaN where Ray is not installed."""
    photos, best = album(photo, folder, count), dict[str, Pace]()
    drivers: dict[str, Driver] = {"processes": Processes(PROCESSES), "ray": Cluster("local", PROCESSES)}
    try:
        for turn in range(rounds):
            for name, driver in drivers.items():
                pace = _pace(photos, folder / f"{name}_{turn}", driver)
                before = best.get(name, pace)
                best[name] = Pace(max(pace.rate, before.rate), min(pace.spent, before.spent), min(pace.whole, before.whole))
    except MissingExtraError as error:
        return [("annotate, Ray", float("nan"), "faces/s", str(error))]
    own, theirs = best["processes"], best["ray"]
    return [
        ("annotate, processes", own.rate, "faces/s", f"{PROCESSES} processes, start not counted"),
        ("annotate, Ray", theirs.rate, "faces/s", f"{PROCESSES} actors, start not counted"),
        ("Ray's overhead", 100 * (own.rate / theirs.rate - 1), "%", "by the clock"),
        ("Ray's overhead", 100 * (theirs.spent / own.spent - 1), "%", "by processor time, Ray's own processes counted"),
        ("Ray's start and end", theirs.whole - count / theirs.rate, "s", f"processes: {own.whole - count / own.rate:.1f} s"),
    ]


# --- many paths -----------------------------------------------------------------------------------------------------


class Simulated:
    """The work of annotate without the pictures: a row of OpenFace's columns for each path."""

    def __call__(self, item: str, _files: PartFiles, _tell: Tell, tick: Tick) -> Iterator[list[str]]:
        tick(1.0, 1)
        yield [*layout("openface").empty_row(1, 0.0, False), item]


_RUN = """
import pathlib, sys
from mimica.evaluate.scale_speed import simulate
simulate(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
"""


def simulate(count: int, folder: Path) -> None:
    """A job over so many paths, in this process; prints its peak memory in MiB."""
    names = [*layout("openface").columns(False), "input"]
    columns = tuple(Column(name, "text" if name == "input" else "number") for name in names)
    listed = folder.with_suffix(".txt")
    with listed.open("w") as file:
        file.writelines(f"photos/{number:07d}.jpg\n" for number in range(count))
    job = Job("simulated", {}, columns, Simulated, "csv")
    run(folder, job, list(cut(input_names([f"@{listed}"]), 200, alone=takes_long)), Processes())
    lines = Path("/proc/self/status").read_text().splitlines()
    print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10)


def paths(folder: Path, counts: tuple[int, int] = (1000, 100_000)) -> list[Row]:
    """Peak memory of jobs over few and many simulated paths. Linux only."""
    found = []
    for count in counts:
        command = [sys.executable, "-c", _RUN, str(count), str(folder / f"paths_{count}")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"A job over simulated paths failed while it was measured: {done.stderr.strip()}")
        found.append(("annotate, memory", float(done.stdout), "MiB", f"peak, {count} simulated paths in parts, one process"))
    more = (found[1][1] - found[0][1]) * 2**20 / (counts[1] - counts[0])
    return [*found, ("annotate, memory", more, "bytes", "more for each path")]


# --- synthetic frames -----------------------------------------------------------------------------------------------


def frames(photo: Path, count: int = 12, rounds: int = 3) -> list[Row]:
    """Frames that one core makes a second, by processor time, with everything a photo needs: reading, fitting, labels, JPEG. The
    photo's face is brought to rest first, as the rig wants it."""
    cv2.setNumThreads(1)
    rgb, settings = api.edit(photo, "neutral").image, Settings(frames=count)
    makers: dict[str, Callable[[int], int]] = {
        "rig": partial(_by_rig, rgb, settings),
        "engine": partial(_by_engine, rgb, settings),
    }
    rows: list[Row] = []
    for name, make in makers.items():
        make(0)  # loads what is loaded once
        start = time.process_time()
        made = sum(make(seed + 1) for seed in range(rounds))
        note = f"a core, renderer {name}, {settings.size} pixels, {count} frames a photo"
        rows.append(("synthesize", made / (time.process_time() - start), "frames/s", note))
    return rows


def _by_rig(rgb: np.ndarray, settings: Settings, seed: int) -> int:
    rng = np.random.default_rng(seed)
    subject = RigSubject(rgb, largest_face(rgb), settings, rng)
    return sum(1 for one in subject.frames(drawn(rng, settings.frames)) for name, _ in one.files("k", "p", 95) if name == "k.jpg")


def _by_engine(rgb: np.ndarray, settings: Settings, seed: int) -> int:
    rng = np.random.default_rng(seed)
    wanted = (turned(rng, one) for one in drawn(rng, settings.frames))
    samples = EngineSubject(rgb, largest_face(rgb), settings).frames(wanted)
    return sum(1 for one in samples for name, _ in one.files("k", "p", 95) if name == "k.jpg")


# --- training -------------------------------------------------------------------------------------------------------


def training(folder: Path) -> list[Row]:
    """A training of the same batches by one process and by two, a thread each."""
    seconds = {}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for devices in (1, 2):
        command = [sys.executable, "-m", "mimica.evaluate.training_speed", str(folder / f"run_{devices}"), str(devices)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"A training failed while it was measured: {done.stderr.strip()[-300:]}")
        wall, spent = done.stdout.split()[-2:]
        seconds[devices] = float(wall), float(spent)
    (one, one_spent), (two, two_spent) = seconds[1], seconds[2]
    return [
        ("training, 1 process", 1000 * one, "ms", "a step of 32 samples, a convolutional network of 0.6 M parameters"),
        ("training, 2 processes", 1000 * two, "ms", "the same step, 16 samples each"),
        ("efficiency", 100 * one / (2 * two), "%", "of two processes, by the clock: 100 is twice as fast"),
        (
            "efficiency",
            100 * one_spent / (2 * two_spent),
            "%",
            "by processor time: what sharing gradients costs, whatever else runs",
        ),
    ]
