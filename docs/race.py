"""Trains all that `docs/benchmark.md` compares, each with the same minutes of the processor:

    python docs/race.py DATA [DATA ...] --clips CLIPS -o runs/race --minutes 20 --video-minutes 12 --jobs 2

DATA are folders of `mimica prepare faces`, `reanimated` and the like, CLIPS one of `mimica prepare clips`. Every method has its
preset `small`. A pair of emotions is a training of its own for DIAT and CycleGAN, so their seven share one method's minutes. In
an eighth of these a generator learns to give photos back, from which all seven start; so do StarGAN's and GANimation's.

How many steps the minutes make is measured first, by a tenth of them, so that a schedule (rates that fall, IcGAN's encoders) ends
with the minutes; the same training then goes on. The same command goes on where it stopped, with more minutes from what there is.
`race.json` has steps and minutes of the processor.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mimica.facs import EMOTIONS
from mimica.files import atomic_path

PAIRED = ("diat", "cyclegan")
FASTER = {"learning_rate": 2e-4, "ema": 0.99}
"""One rate for all, that of CycleGAN and DIAT (the others have half of it); a running mean, as a short run has no long end."""
DIFFERENT: dict[str, dict[str, object]] = {
    "stargan": {**FASTER, "critic_steps": 2}, "diat": FASTER, "cyclegan": FASTER,
    "ganimation": {**FASTER, "critic_steps": 2, "au_gain": 5, "au_weight": 40, "attention_weight": 0.01},
}  # fmt: skip
"""What differs from the presets: with the papers' five steps of the critic a generator would take a fifth of few steps, and with
GANimation's weights its mask would let all of a face be repainted long before the generator has learnt how: a tenth of that of
attention, a hundredth of that of Action Units, at a tenth of which the cycle was still lost within 1,000 steps."""
COPYING = 0.125
"""Share of a method's minutes in which a generator learns to give photos back, at a rate that such a plain loss can bear ..."""
COPIES: dict[str, object] = {"copying": "true", "learning_rate": 1e-3}
STARTED: dict[str, dict[str, object]] = {
    "stargan": COPIES, "ganimation": {"au_weight": 0, "attention_weight": 0}, "diat": COPIES, "cyclegan": COPIES,
}  # fmt: skip
"""... for these methods, and how: GANimation by its cycle and critic alone, which teach its mask to keep the photo. IcGAN's
never gives a photo back."""
STARTS = "starts"
"""Their folder."""
VIDEOS = ("mocogan", "tgan", "vgan")
FIRST = 0.1
"""Share of the minutes after which the steps are counted."""
SPARE = 1.15
"""No training takes more than so many times its minutes."""
_ONE_WRITER = threading.Lock()


@dataclass(frozen=True)
class Training:
    """One call of `mimica train`: `words` are its arguments, `minutes` those of the processor that it may have."""

    name: str
    words: tuple[str, ...]
    folder: Path
    minutes: float
    preset: str

    @property
    def key(self) -> str:
        """What `race.json` calls it."""
        if self.folder.parent.name == STARTS:
            return f"{self.name}/start"
        return f"{self.name}/{self.folder.name}" if self.name in PAIRED else self.name


def trainings(chosen: argparse.Namespace) -> tuple[list[Training], list[Training]]:
    """The starts of some, and then all others, each in the order in which they are started."""
    data = tuple(word for folder in chosen.data for word in ("--data", str(folder)))
    output, preset = chosen.output, chosen.preset

    def method(name: str, minutes: float, folder: Path, **more: object) -> Training:
        given = DIFFERENT.get(name, {}) | more
        words = tuple(word for key, value in given.items() for word in ("--set", f"{key}={value}"))
        return Training(name, (*data, *words), folder, minutes, preset)

    starts, found = [], [method("classifier", chosen.judge_minutes, output / "classifier")]
    rest = (1 - COPYING) * chosen.minutes
    for name in ("stargan", "ganimation", "icgan", *PAIRED):
        if name not in STARTED:
            found.append(method(name, chosen.minutes, output / name))
            continue
        pairs = [{"domains": f"neutral,{emotion}"} for emotion in EMOTIONS[1:]] if name in PAIRED else [{}]
        start = method(name, COPYING * chosen.minutes, output / STARTS / name, **pairs[0], **STARTED[name])
        starts.append(start)
        from_it = {"start": start.folder / "weights" / "generator.safetensors"}
        for pair in pairs:
            folder = output / name / pair["domains"].split(",")[1] if pair else output / name
            found.append(method(name, rest / len(pairs), folder, **pair, **from_it))
    if chosen.clips:
        found += [Training(n, ("--data", str(chosen.clips)), output / n, chosen.video_minutes, preset) for n in VIDEOS]
    return tuple([one for one in some if not chosen.only or one.name in chosen.only] for some in (starts, found))  # type: ignore[return-value]


def run(one: Training, minutes: float, steps: int | None) -> float:
    """One part of a training; gives the minutes of the processor that it took, its start included."""
    command = [sys.executable, "-m", "mimica", "train", one.name, "--preset", one.preset, *one.words, "-o", str(one.folder)]
    command += ["--set", f"processor_minutes={minutes:.3f}", *(["--set", f"steps={steps}"] if steps else [])]
    log = one.folder.with_name(one.folder.name + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=os.environ | {"OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{one.name} ended with code {process.returncode}; see {log}.")
    return (usage.ru_utime + usage.ru_stime) / 60


def steps_of(folder: Path) -> int:
    """The last step in a run's log."""
    with (folder / "log.csv").open() as file:
        return int(list(csv.DictReader(file))[-1]["step"])


def train(one: Training, done: Path) -> None:
    """The first part, the count, the rest; what it came to is put into race.json."""
    before, plan = _known(done).get(one.key, {"minutes": 0.0}), one.folder / "plan.json"
    if before["minutes"] >= 0.9 * one.minutes:
        return
    if not plan.exists():
        run(one, FIRST * one.minutes, None)
        plan.write_text(json.dumps({"steps": steps_of(one.folder), "minutes": FIRST * one.minutes}))
    counted = json.loads(plan.read_text())
    planned, had = round(counted["steps"] * one.minutes / counted["minutes"]), max(before["minutes"], counted["minutes"])
    minutes = had + run(one, SPARE * one.minutes - had, planned)
    found = {"planned": planned, "steps": steps_of(one.folder), "minutes": round(minutes, 2)}
    with _ONE_WRITER, atomic_path(done) as temporary:
        temporary.write_text(json.dumps(_known(done) | {one.key: found}, indent=1) + "\n")
    print(one.key, found, flush=True)


def _known(done: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(done.read_text()) if done.exists() else {}
    return found


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--clips", type=Path, help="without them the videos' methods are left out")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=240.0, help="of the processor, for each method that edits photos")
    parser.add_argument("--video-minutes", type=float, default=240.0, help="for each method that makes videos")
    parser.add_argument("--judge-minutes", type=float, default=30.0, help="for the classifier")
    parser.add_argument("--preset", default="small", help="small, paper or smoke")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, one thread each")
    parser.add_argument("--only", nargs="*", help="these methods alone")
    return parser.parse_args(words)


def main() -> None:
    chosen = parse()
    chosen.output.mkdir(parents=True, exist_ok=True)
    done = chosen.output / "race.json"
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for some in trainings(chosen):
            list(pool.map(lambda one: train(one, done), some))


if __name__ == "__main__":
    main()
