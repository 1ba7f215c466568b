"""How fast long lists are done in parts on this machine, what Ray adds, how much memory many paths take, how fast synthetic
frames are made, and what two processes gain a training. `mimica bench --only parts`, `ray`, `paths`, `synthesize`, `training`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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


def _rate(photos: Path, output: Path, driver: Driver, format: str) -> tuple[float, float]:
    """Photos a second between the first and the last report, so that no start is counted; and seconds in all."""
    ticks: list[tuple[float, float]] = []
    start = time.perf_counter()
    note = lambda done, _total, _pictures: ticks.append((time.perf_counter(), done))  # noqa: E731
    annotate_parts([photos], output, format=format, part=PART, driver=driver, progress=note)
    whole = time.perf_counter() - start
    moved = [(at, done) for at, done in ticks if done > 0]
    return (moved[-1][1] - moved[0][1]) / (moved[-1][0] - moved[0][0]), whole


def parts(photo: Path, folder: Path) -> list[Row]:
    """`mimica annotate` into a folder of parts, by processes of this machine."""
    photos = album(photo, folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate, whole = _rate(photos, folder / "parts", Processes(PROCESSES), "csv")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        ("annotate, parts", rate, "faces/s", f"{PROCESSES} processes, photos of 350 pixels, their start not counted"),
        ("annotate, parts", 1000 * spent / PHOTOS, "ms", "of processor time a photo, the processes' start counted"),
        ("annotate, parts", whole, "s", f"for {PHOTOS} photos, all counted"),
    ]


def ray(photo: Path, folder: Path, rounds: int = 2) -> list[Row]:
    """The same by Ray on the same cores; the best of some rounds by turns. NaN where Ray is not installed."""
    photos, best = album(photo, folder), {"processes": (0.0, np.inf), "ray": (0.0, np.inf)}
    try:
        for turn in range(rounds):
            for name, driver in (("processes", Processes(PROCESSES)), ("ray", Cluster("local", PROCESSES))):
                rate, whole = _rate(photos, folder / f"{name}_{turn}", driver, "csv")
                best[name] = max(best[name][0], rate), min(best[name][1], whole)
    except MissingExtraError as error:
        return [("annotate, Ray", float("nan"), "faces/s", str(error))]
    rates = {name: rate for name, (rate, _) in best.items()}
    return [
        ("annotate, processes", rates["processes"], "faces/s", f"{PROCESSES} processes, start not counted"),
        ("annotate, Ray", rates["ray"], "faces/s", f"{PROCESSES} actors, start not counted"),
        ("Ray's overhead", 100 * (rates["processes"] / rates["ray"] - 1), "%", "of the time a photo takes"),
        ("Ray's start and end", best["ray"][1] - PHOTOS / rates["ray"], "s", f"processes: {_start(best['processes']):.1f} s"),
    ]


def _start(best: tuple[float, float]) -> float:
    return best[1] - PHOTOS / best[0]


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
