"""Part of `mimica bench`: how fast a film is edited, and in how much memory.

The film is the photo itself, enlarged and moved about a little from frame to frame, with sensor noise, so that nothing of one
frame can serve for the next; the face has a tight crop of 512 pixels in a picture of 1280 x 720. Reading, editing, encoding and
writing are timed together; the engine and the reader are loaded before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mimica.engines.base import load_engine
from mimica.engines.layers.dress import dress
from mimica.face.align import crop_from_photo
from mimica.face.attributes import wish_of
from mimica.film.edit import edit_video
from mimica.film.wardrobe import Wardrobe
from mimica.film.watch import Frame, seen, settled
from mimica.pictures.images import read_photo
from mimica.reader.follow import Finder
from mimica.reader.read import largest_face
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

Row = tuple[str, float, str, str]
WIDTH, HEIGHT, SIDE, FPS = 1280, 720, 512, 25
NOISE = 2.0
"""Deviation of the noise, of 255."""
SWAY = 12.0
"""Pixels that the picture moves to and fro."""
LENGTHS = (10, 40, 100)
"""Seconds of the films whose memory is compared."""
DRAWN = ("glasses", "sunglasses", "beard", "lipstick", "makeup", "age", "tan", "hair:blond,bare", "weight")
ROUNDS = 3
_PEAK = (
    "import resource, sys, mimica; mimica.edit_video(sys.argv[1], 'happy:0.6').save(sys.argv[2]);"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)


def film_of(photo: Path, output: Path, seconds: float, seed: int = 0) -> Path:
    """Writes the film of the photo, mp4."""
    rgb = read_photo(photo).rgb
    points = largest_face(rgb).landmarks_photo
    scale = SIDE * float(np.hypot(*crop_from_photo(points, 1)[:, 0]))
    middle = scale * points.mean(axis=0)
    rng = np.random.default_rng(seed)
    with VideoWriter(output, FPS, (WIDTH, HEIGHT)) as writer:
        for index in range(round(seconds * FPS)):
            phase = 2 * np.pi * index / FPS
            x, y = WIDTH / 2 - middle[0] + SWAY * np.sin(phase / 3), HEIGHT / 2 - middle[1] + SWAY * np.cos(phase / 4)
            matrix = np.array([[scale, 0, x], [0, scale, y]])
            frame = cv2.warpAffine(rgb, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
            noise = rng.normal(0, NOISE, (HEIGHT, WIDTH, 1))
            writer.write(np.clip(frame + noise, 0, 255).astype(np.uint8))
    return output


def speed(photo: Path, folder: Path, seconds: float = 4.0) -> list[Row]:
    """Frames a second by the clock, and a frame's milliseconds of the processor, over all threads."""
    film = film_of(photo, folder / "film.mp4", seconds)
    engine = load_engine()
    edit_video(film, "happy:0.6", engine=engine).save(folder / "warm.mp4")
    edited = edit_video(film, "happy:0.6", engine=engine)
    clock, processor = time.perf_counter(), time.process_time()
    edited.save(folder / "edited.mp4")
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    frames = round(seconds * FPS)
    note = f"{frames} frames of {WIDTH} x {HEIGHT}, face crop of {SIDE} pixels, read, edited, encoded"
    return [
        ("film", frames / clock, "frames/s", note),
        ("film, a frame", 1e3 * processor / frames, "ms", "of the processor, all threads, encoding too"),
    ]


def drawn(photo: Path, folder: Path, seconds: float = 1.0) -> list[Row]:
    """Each attribute of `DRAWN`: how long the photo takes, and how long each frame of the film once it is put on. Medians, of the
    processor."""
    rgb = read_photo(photo).rgb
    reading, rows = largest_face(rgb), list[Row]()
    given = reading.landmarks_photo, reading.irises_photo, (reading.yaw, reading.pitch, reading.roll)
    film = film_of(photo, folder / "film.mp4", seconds)
    frames = [frame for frame in settled(seen(open_video(film), Finder("dlib", None, threads=1), None)) if frame.parts]
    for name in DRAWN:
        wish = wish_of({name: 1.0})
        once = [_spent(partial(dress, rgb, *given, wish)) for _ in range(ROUNDS)]
        wardrobe = Wardrobe(wish)
        copies = (replace(frame, rgb=frame.rgb.copy()) for frame in frames)
        spent = [_spent(partial(_worn, wardrobe, frame)) for frame in copies]
        rows.append((f"{name}, a photo", statistics.median(once), "ms", f"{rgb.shape[1]} x {rgb.shape[0]} pixels"))
        rows.append((f"{name}, a frame", statistics.median(spent[1:]), "ms", f"{WIDTH} x {HEIGHT}, face crop of {SIDE} pixels"))
    return rows


def _worn(wardrobe: Wardrobe, frame: Frame) -> None:
    """A frame dressed, glasses and all."""
    dressed = wardrobe.put_on(frame, frame.parts[0])
    if dressed is not None and dressed.overlay is not None:
        dressed.overlay.lay(frame.rgb)


def _spent(work: Callable[[], object]) -> float:
    """Milliseconds of the processor."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def memory(photo: Path, folder: Path) -> list[Row]:
    """Peak memory of whole processes that edit films of different lengths."""
    rows: list[Row] = []
    for seconds in LENGTHS:
        film = film_of(photo, folder / f"film_{seconds}.mp4", seconds)
        words = [sys.executable, "-c", _PEAK, str(film), str(folder / f"edited_{seconds}.mp4")]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        rows.append(("film, memory", float(done.stdout), "MiB", f"peak, {seconds} s of {WIDTH} x {HEIGHT}"))
    return rows
