"""The figures of docs/inputs.md: colour lines, covered mouths, animals, memory.

python docs/measure_inputs.py tone PORTRAITS       how far colour photos and toned prints stray from their curve
python docs/measure_inputs.py masks PORTRAITS      painted masks found, portraits taken for masked
python docs/measure_inputs.py animals PORTRAITS    the reader's confidence on people and on a cat (scikit-image's, CC0)
python docs/measure_inputs.py memory               `mimica edit` of 108 and 300 million pixels, whole process

PORTRAITS is a folder of photos with a face each (the docs say which).
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from mimica.errors import NoFaceError
from mimica.face import tone
from mimica.face.detect import Box
from mimica.pictures.images import list_images, read_photo
from mimica.reader import covered
from mimica.reader.face_choice import LOW_CONFIDENCE
from mimica.reader.read import MIN_CONFIDENCE, FaceReading, Reader, largest_face

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
PRINTS = {
    "sepia": ("#1a0f05", "#fff3d6", "#a07850"),
    "selenium": ("#120a14", "#f6f2f4", "#7d727c"),
    "cyanotype": ("#031230", "#eef6ff", "#3f77a8"),
}
CLOTHS = {"blue": (150, 190, 215), "white": (225, 225, 222), "black": (38, 38, 42), "green": (120, 180, 150)}


def measure_tone(folder: Path) -> None:
    """The spread by which `mimica.face.tone` decides; prints are saved as JPEG of quality 60."""
    spreads = defaultdict(list)
    for path in list_images(folder):
        rgb = read_photo(path).rgb
        spreads["colour"].append(_spread(rgb))
        gray = Image.fromarray(rgb).convert("L")
        for name, (dark, light, middle) in PRINTS.items():
            file = io.BytesIO()
            ImageOps.colorize(gray, dark, light, mid=middle).save(file, "JPEG", quality=60)
            spreads[name].append(_spread(read_photo(file.getvalue()).rgb))
    for name, values in spreads.items():
        least, low, middle, high, most = np.percentile(values, [0, 1, 50, 99, 100])
        figures = f"least {least:.1f}, 1 % {low:.1f}, median {middle:.1f}, 99 % {high:.1f}, most {most:.1f}"
        print(f"{name:10} {len(values)} photos: {figures}")


def _spread(rgb: np.ndarray) -> float:
    return tone.line(cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA).reshape(-1, 3))[1]


def measure_masks(folder: Path) -> None:
    """Masks painted over each portrait; the reader finds the face anew."""
    rng, reader = np.random.default_rng(0), Reader(threads=1)
    seen: dict[str, list[bool]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)
    for path in list_images(folder):
        rgb = read_photo(path).rgb
        try:
            face = largest_face(rgb, reader=reader)
        except NoFaceError:
            continue
        seen["bare"].append(covered.is_covered(face, rgb))
        for kind in (*CLOTHS, "two colours", "pattern"):
            masked = with_mask(rgb, face.landmarks_photo, kind, rng)
            try:
                seen[kind].append(covered.is_covered(largest_face(masked, reader=reader), masked))
            except NoFaceError:
                lost[kind] += 1
    for kind, answers in seen.items():
        print(f"{kind:12} {sum(answers)} of {len(answers)} taken for covered; no face found in {lost[kind]} more")


def with_mask(rgb: np.ndarray, landmarks: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A mask over mouth and nose: of one colour, of two (the halves), or a pattern of squares; shaded and grainy."""
    points = landmarks.astype(np.float64)
    sides = [points[2] / 2 + points[29] / 2, points[14] / 2 + points[29] / 2]
    chin = points[8] + 0.25 * (points[8] - points[57])
    outline = np.array(
        [points[2], sides[0], points[29], sides[1], points[14], points[12], points[10], chin, points[6], points[4]]
    )
    weight = cv2.fillPoly(np.zeros(rgb.shape[:2], np.float32), [np.rint(outline).astype(np.int32)], (1.0,))
    weight = cv2.GaussianBlur(weight, (0, 0), 1.2)[..., None]
    cloth = np.zeros(rgb.shape) + CLOTHS.get(kind, CLOTHS["blue"])
    row, column = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    if kind == "two colours":
        cloth[row > (points[33, 1] + points[8, 1]) / 2] = 235
    if kind == "pattern":
        side = int(rng.integers(6, 14))
        cloth[:] = rng.integers(20, 230, 3)
        cloth[(column // side + row // side) % 2 == 0] = rng.integers(20, 230, 3)
    folds = cv2.GaussianBlur(rng.normal(0, 1, rgb.shape[:2]), (0, 0), 8)[..., None] * 60
    cloth = cloth * np.linspace(1.05, 0.8, len(rgb))[:, None, None] + folds + rng.normal(0, 4, rgb.shape)
    return np.clip(rgb * (1 - weight) + cloth * weight, 0, 255).astype(np.uint8)


def measure_animals(folder: Path) -> None:
    """People as found; on the cat 2000 boxes anywhere, on 500 turned, sized and lit anew, whatever a detector would say."""
    from skimage.data import chelsea

    reader, rng, cat = Reader(threads=1), np.random.default_rng(0), chelsea()
    people = np.array([face.confidence for path in list_images(folder) if (face := _face(path, reader))])
    print(f"people: {len(people)}, least {people.min():.3f}, below {LOW_CONFIDENCE}: {(people < LOW_CONFIDENCE).sum()}")
    animal = []
    for _ in range(500):
        turned = _varied(cat, rng)
        places = rng.uniform(20, 300, (4, 2)), rng.uniform(80, 180, 4)
        boxes = [Box(x, y, x + side, y + side, 0.1) for (x, y), side in zip(*places, strict=True)]
        animal += [reading.confidence for reading in reader.read(turned, boxes)]
    taken = np.array(animal)[np.array(animal) >= MIN_CONFIDENCE]
    low = (taken < LOW_CONFIDENCE).sum()
    print(f"cat: {len(animal)} places, {len(taken)} taken for faces, of these below {LOW_CONFIDENCE}: {low}")


def _face(path: Path, reader: Reader) -> FaceReading | None:
    try:
        return largest_face(read_photo(path).rgb, reader=reader)
    except NoFaceError:
        return None


def _varied(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-25, 25), rng.uniform(0.5, 2.2))
    matrix[:, 2] += rng.uniform(-0.25, 0.25, 2) * [width, height]
    turned = cv2.warpAffine(rgb, matrix, (500, 500), borderMode=cv2.BORDER_REFLECT)
    return np.clip(turned * rng.uniform(0.7, 1.3) + rng.uniform(-30, 30), 0, 255).astype(np.uint8)


def measure_memory() -> None:
    """The example, enlarged, in gray surroundings; JPEG to JPEG."""
    with tempfile.TemporaryDirectory() as scratch:
        for width, height, side in ((12000, 9000, 9000), (20000, 15000, 6000), (20000, 15000, 15000)):
            photo = Path(scratch) / "photo.jpg"
            canvas = Image.new("RGB", (width, height), (120, 130, 140))
            with Image.open(PHOTO) as example:
                canvas.paste(example.resize((side, side)), ((width - side) // 2, height - side))
            canvas.save(photo, quality=90)
            del canvas
            command = [sys.executable, "-m", "mimica", "edit", str(photo), "-e", "happy", "-o", str(photo.with_name("out.jpg"))]
            code = f"import resource, subprocess; subprocess.run({command!r}, check=True); "
            code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            peak = int(
                subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()[-1]
            )
            unit = 1 if sys.platform == "darwin" else 1024
            print(f"{width} x {height}, the example {side} pixels wide: peak {peak * unit / 1e9:.2f} GB")


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        measure_memory()
    else:
        {"tone": measure_tone, "masks": measure_masks, "animals": measure_animals}[sys.argv[1]](Path(sys.argv[2]))
