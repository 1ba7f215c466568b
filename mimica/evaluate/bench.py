"""`mimica bench`: speed figures of this machine.

Each benchmark is a function that takes a `Setting` and gives `Figure`s; `BENCHMARKS` lists them in the order in which they
are run. Times are medians.
"""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mimica import api
from mimica.animation import Prepared, frames, own_controls, render_frame
from mimica.errors import MissingExtraError, ValueRangeError, nearest
from mimica.face.align import window_from_photo
from mimica.facs import AU_NAMES
from mimica.jobs.workers import cores
from mimica.motion.expression import checked, wanted
from mimica.motion.track import Track
from mimica.pictures.images import PhotoSource, read_photo
from mimica.reader.read import find_faces

FRAME_SIDE = 512
PAPER_SIDE = 128
WIDE = (1920, 1080)
"""1080p."""
_TIGHT_EYE_DISTANCE = 0.30


@dataclass(frozen=True)
class Setting:
    """`photo` shows one face; `folder` is for scratch files; every measurement is taken `repeats` times."""

    photo: Path
    folder: Path
    repeats: int


@dataclass(frozen=True)
class Figure:
    """One number, `value` in `unit`; NaN if it could not be measured, with the reason in `note`."""

    name: str
    value: float
    unit: str
    note: str = ""


def hardware() -> dict[str, str]:
    """The processor's name, the cores that this process may use, the system and Python."""
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def median_ms(call: Callable[[int], object], repeats: int) -> float:
    """The median time of `call(i)` in milliseconds, after one call that does not count."""
    call(0)
    times = []
    for i in range(1, repeats + 1):
        start = time.perf_counter()
        call(i)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def frame(setting: Setting) -> list[Figure]:
    """One frame of the default engine with a face crop of 512 pixels, alone and in a run of frames, against the paper's generator
    at 128."""
    prepared, targets = _asked(setting)
    height, width = prepared.faces[0].face.image.shape[:2]
    size = f"default engine, face crop of {width} x {height} pixels, laid into the photo"
    alone = median_ms(lambda i: render_frame(prepared, [targets[i]]), setting.repeats)
    figures = [
        Figure("frame", alone, "ms", f"{size}, from its question to its answer"),
        Figure("frame of a run", run_ms(prepared, targets), "ms", "the same, one after another as in a video"),
    ]
    try:
        paper, parameters = _paper_generator(setting.repeats)
    except MissingExtraError as error:
        return [*figures, Figure("paper's generator", float("nan"), "ms", str(error))]
    note = f"{parameters / 1e6:.2f} M parameters, PyTorch, {PAPER_SIDE} x {PAPER_SIDE} pixels"
    return [
        *figures,
        Figure("paper's generator", paper, "ms", note),
        *(Figure(f"{figure.name}, faster by", paper / figure.value, "times") for figure in figures),
    ]


def _asked(setting: Setting) -> tuple[Prepared, list[dict[str, float]]]:
    """The photo with a face crop of `FRAME_SIDE` pixels, and one smile more than is measured, each another."""
    prepared, _ = api.prepare_face(_enlarged(setting.photo), eye_distance=_TIGHT_EYE_DISTANCE * FRAME_SIDE)
    own = own_controls(prepared.faces[0].reading)
    steps = [0.3 + 0.6 * i / setting.repeats for i in range(setting.repeats + 1)]
    return prepared, [wanted("happy", intensity=step).target(own) for step in steps]


def stages(setting: Setting) -> list[Figure]:
    """Milliseconds of the processor that a frame takes, by stage (see `mimica.evaluate.profile`)."""
    from mimica.evaluate.profile import milliseconds

    found = milliseconds(*_asked(setting), setting.folder)
    note = "processor time of a frame, as `frame` renders it, encoded as mp4; one thread"
    return [Figure(stage, value, "ms", note if stage == "frame" else "") for stage, value in found.items()]


def run_ms(prepared: Prepared, targets: Sequence[Mapping[str, float]]) -> float:
    """Milliseconds a frame when frames are asked for one after another, as videos are made; `targets` are their controls. The
    median of three runs, after one that does not count."""
    track = Track.from_keyframes([(float(i), target, "linear") for i, target in enumerate(targets)])
    count = track.frame_count(1.0)
    return median_ms(lambda _: sum(1 for _ in frames(prepared, [track], fps=1.0)), 3) / count


def _enlarged(photo: Path) -> np.ndarray:
    """The photo, uint8 (H, W, 3), large enough for a tight crop of `FRAME_SIDE` pixels."""
    rgb = read_photo(photo).rgb
    distance = max(reading.eye_distance for reading in find_faces(rgb))
    factor = max(1.0, 1.05 * _TIGHT_EYE_DISTANCE * FRAME_SIDE / distance)
    return np.asarray(Image.fromarray(rgb).resize((round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))))


def _paper_generator(repeats: int) -> tuple[float, int]:
    """(milliseconds, number of parameters)."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "PyTorch is not installed, so the paper's generator cannot be timed: pip install 'mimica[train]'."
        ) from error
    from mimica.engines.ganimation.paper.networks import Generator

    network = Generator(controls=len(AU_NAMES)).eval()
    image, units = torch.zeros(1, 3, PAPER_SIDE, PAPER_SIDE), torch.zeros(1, len(AU_NAMES))
    with torch.inference_mode():
        milliseconds = median_ms(lambda _: network(image, units), repeats)
    return milliseconds, sum(parameter.numel() for parameter in network.parameters())


def from_start(setting: Setting) -> list[Figure]:
    """`mimica edit` of a photo of 12 million pixels, and `mimica --help`, the whole process."""
    from mimica.evaluate.start_speed import rows

    return [Figure(*row) for row in rows(setting.photo, setting.folder, max(3, setting.repeats // 10))]


def head(setting: Setting) -> list[Figure]:
    """What a turning head and moving eyes add to a frame of a video of 512 pixels, and what they add where they do not move; the
    same where the face fills the picture."""
    photo = read_photo(setting.photo).rgb
    face = max(find_faces(photo), key=lambda one: one.eye_distance)
    distance = face.eye_distance * min(1.0, FRAME_SIDE / max(photo.shape))
    x0, y0, x1, y1 = window_from_photo(face.landmarks_photo, photo.shape, 0.15)
    close = _enlarged_to(np.ascontiguousarray(photo[y0:y1, x0:x1]), FRAME_SIDE)
    sizes = {"": (photo, distance), ", face filling the picture": (close, max(one.eye_distance for one in find_faces(close)))}
    return [figure for note, (picture, eyes) in sizes.items() for figure in _head_figures(setting, picture, eyes, note)]


def _head_figures(setting: Setting, photo: np.ndarray, eye_distance: float, note: str) -> list[Figure]:
    prepared, _ = api.prepare_face(photo, eye_distance=eye_distance)
    own = own_controls(prepared.faces[0].reading)
    steps = np.linspace(0.3, 0.9, setting.repeats + 1).tolist()
    plain = run_ms(prepared, [wanted("happy", intensity=step).target(own) for step in steps])
    more = {"frame, head turning": ("yaw=12,pitch=-5", None), "frame, eyes moving": (None, "x=12,y=3")}
    figures = [Figure(f"frame, head and eyes still{note}", plain, "ms", "happy, in a video of the photo at 512 pixels")]
    for name, (pose, gaze) in more.items():
        value = run_ms(prepared, [wanted("happy", intensity=step, pose=pose, gaze=gaze).target(own) for step in steps])
        figures.append(Figure(f"{name}{note}", value - plain, "ms", "more"))
    return figures


def _enlarged_to(photo: np.ndarray, longer: int) -> np.ndarray:
    """The photo, uint8 (H, W, 3), with its longer side `longer` pixels."""
    factor = longer / max(photo.shape[:2])
    return np.asarray(Image.fromarray(photo).resize((round(photo.shape[1] * factor), round(photo.shape[0] * factor))))


def animation(setting: Setting) -> list[Figure]:
    """Frames a second of `mimica animate` at 512 pixels and at 1080p, encoded as mp4."""
    photos: dict[str, tuple[PhotoSource, int]] = {
        "animate": (setting.photo, FRAME_SIDE),
        "animate, 1080p": (_wide(setting.photo), WIDE[0]),
    }
    figures = []
    for name, (photo, size) in photos.items():
        made = api.animate(photo, "surprised", size=size, seconds=4.0)
        start = time.perf_counter()
        made.save(setting.folder / f"animation_{size}.mp4")
        rate = len(made) / (time.perf_counter() - start)
        figures.append(Figure(name, rate, "frames/s", f"{made.size[0]} x {made.size[1]} pixels, mp4, encoding included"))
    return figures


def _wide(photo: Path) -> np.ndarray:
    """The photo, uint8 (1080, 1920, 3): enlarged to that width and cut around its largest face."""
    rgb = read_photo(photo).rgb
    eyes = max(find_faces(rgb), key=lambda face: face.eye_distance).landmarks_photo[36:48, 1].mean()
    factor = max(WIDE[0] / rgb.shape[1], WIDE[1] / rgb.shape[0])
    size = round(rgb.shape[1] * factor), round(rgb.shape[0] * factor)
    large = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
    left, top = (size[0] - WIDE[0]) // 2, int(np.clip(eyes * factor - 0.45 * WIDE[1], 0, size[1] - WIDE[1]))
    return np.ascontiguousarray(large[top : top + WIDE[1], left : left + WIDE[0]])


def annotation(setting: Setting) -> list[Figure]:
    """Faces a second of `mimica annotate` in two processes; its peak memory for a short and a long video."""
    from mimica.evaluate.annotate_speed import faces_a_second, video_memory

    rate = faces_a_second(setting.photo, setting.folder)
    figures = [Figure("annotate", rate, "faces/s", "photos of 350 pixels, 2 processes")]
    for length in (100, 800):
        peak = video_memory(setting.photo, setting.folder, length)
        figures.append(Figure("annotate, memory", peak, "MiB", f"peak, video of {length} frames"))
    return figures


def reading(setting: Setting) -> list[Figure]:
    """The reader's networks alone, for one face."""
    from mimica.reader.outputs import DETAIL_SIZE, INPUT_SIZE
    from mimica.reader.read import Reader

    network = Reader()
    rough, aligned = (np.zeros((1, side, side), np.uint8) for side in (INPUT_SIZE, DETAIL_SIZE))
    first = median_ms(lambda _: network.raw(rough), 10 * setting.repeats)
    both = median_ms(lambda _: network.raw_aligned(aligned), 10 * setting.repeats)
    return [
        Figure("reader, rough crop", first, "ms", "the first network, one face"),
        Figure("reader, aligned crop", both, "ms", "both networks, one face; single photos are also read in a mirror"),
    ]


def page_previews(setting: Setting) -> list[Figure]:
    """`mimica web` in another process: previews with one client and with four, and a camera."""
    from mimica.evaluate.web_speed import camera, previews

    rows = [*previews(setting.photo, setting.repeats), *camera(setting.photo, setting.repeats)]
    return [Figure(*row) for row in rows]


def page_load(setting: Setting) -> list[Figure]:
    """`mimica web` with 50 clients for a minute."""
    from mimica.evaluate.web_speed import load

    return [Figure(*row) for row in load(setting.photo)]


def film(setting: Setting) -> list[Figure]:
    """A film edited: frames a second."""
    from mimica.evaluate.film_speed import speed

    return [Figure(*row) for row in speed(setting.photo, setting.folder)]


def film_drawn(setting: Setting) -> list[Figure]:
    """Drawn attributes: put on once, and carried to each frame of a film."""
    from mimica.evaluate.film_speed import drawn

    return [Figure(*row) for row in drawn(setting.photo, setting.folder)]


def film_memory(setting: Setting) -> list[Figure]:
    """Peak memory for a short film and a long one."""
    from mimica.evaluate.film_speed import memory

    return [Figure(*row) for row in memory(setting.photo, setting.folder)]


def _scale(name: str) -> Callable[[Setting], list[Figure]]:
    """A benchmark of `mimica.evaluate.scale_speed`."""

    def measure(setting: Setting) -> list[Figure]:
        from mimica.evaluate import scale_speed

        rows: dict[str, Callable[[], list[scale_speed.Row]]] = {
            "parts": lambda: scale_speed.parts(setting.photo, setting.folder),
            "ray": lambda: scale_speed.ray(setting.photo, setting.folder),
            "paths": lambda: scale_speed.paths(setting.folder),
            "synthesize": lambda: scale_speed.frames(setting.photo),
            "training": lambda: scale_speed.training(setting.folder),
        }
        return [Figure(*row) for row in rows[name]()]

    return measure


BENCHMARKS: dict[str, Callable[[Setting], list[Figure]]] = {
    "frame": frame,
    "head": head,
    "edit": from_start,
    "animate": animation,
    "film": film,
    "reader": reading,
    "annotate": annotation,
    "web": page_previews,
    "load": page_load,
    "profile": stages,
    "film-drawn": film_drawn,
    "film-memory": film_memory,
    "parts": _scale("parts"),
    "ray": _scale("ray"),
    "paths": _scale("paths"),
    "synthesize": _scale("synthesize"),
    "training": _scale("training"),
}
"""Name -> function; a new one is a line here."""
ON_REQUEST = ("web", "load", "profile", "film-drawn", "film-memory", "parts", "ray", "paths", "synthesize", "training")
"""Run only when named by `--only`: they need extras (`web`, `ray`, `train`), minutes, or say where time goes (`profile`)."""


def measured(photo: Path, only: Sequence[str] | None = None, repeats: int = 30) -> Iterator[list[Figure]]:
    """The figures of each benchmark as it is done, all or those named in `only`. Raises `ValueRangeError` before the first."""
    checked(repeats, "--repeats", 3, 1000)
    names = list(only or (name for name in BENCHMARKS if name not in ON_REQUEST))
    for name in names:
        if name not in BENCHMARKS:
            hint = nearest(name, BENCHMARKS) or ";"
            raise ValueRangeError(f"There is no benchmark '{name}'{hint} they are {', '.join(BENCHMARKS)}.")
    return _run(photo, names, repeats)


def _run(photo: Path, names: Sequence[str], repeats: int) -> Iterator[list[Figure]]:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            yield BENCHMARKS[name](Setting(photo, Path(folder), repeats))
