"""Patches for training the fast generator's painter, made by the generator's own warp from pairs of frames of one person.

The patches are those of `mimica.engines.ganimation.fast.painter`, so that the networks see at work what they saw in training. A
pair becomes one mouth and two eyes, under a random look (`fast_augment`) that both frames share. Pairs whose two frames are
one and the same teach that nothing is to change where nothing changed; any frame may be the source of any other, so every
change is taught there and back, which is what the paper's cycle loss is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.data.dataset import FaceDataset
from mimica.engines.ganimation.fast.augment import Look, draw, look_at
from mimica.engines.ganimation.fast.data import Pairs
from mimica.engines.ganimation.fast.painter import (
    PARTS,
    Part,
    condition_of,
    draw_eye,
    draw_mouth,
    part_of,
    patch_inputs,
)
from mimica.engines.ganimation.fast.rig import Rig
from mimica.engines.ganimation.fast.warp import SIDE, Warper
from mimica.engines.ganimation.fast.white import tooth_white
from mimica.facs import SIDED_AU_NAMES
from mimica.pictures.pixels import from_unit
from mimica.reader.outputs import MIRROR_POINTS
from mimica.training.batches import Draw

NETWORKS = ("mouth", "eye")
MOUTH = [SIDED_AU_NAMES.index(name) for name in ("AU25L", "AU26L", "AU25R", "AU26R")]
"""Which pairs open or close a mouth."""
SHOWS_TEETH = 0.3
"""AU25 or AU26 from which a real face serves the mouth's critic."""
JITTER = 4
"""Pixels by which the patches of real faces are shifted at random, either way."""
Row = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Patches:
    """pictures uint8 (N, C, h, w), condition float32 (N, Q), wanted uint8 (N, 3, h, w), validation bool (N,)"""

    pictures: np.ndarray
    condition: np.ndarray
    wanted: np.ndarray
    validation: np.ndarray

    @classmethod
    def load(cls, folder: Path, network: str) -> Patches:
        """The files of `make_patches`, pictures mapped into memory."""
        return cls(**{name: np.load(folder / f"{network}_{name}.npy", mmap_mode="r") for name in cls.__annotations__})


# --- making them ----------------------------------------------------------------------------------------------------


def choose_pairs(pairs: Pairs, count: int, identity: float, rng: np.random.Generator) -> np.ndarray:
    """(M, 2) frames before and after, `count` for training and a tenth of them more for validation: half of them leave the
    photo itself, half any frame; a share `identity` stays at the frame it leaves; three in four of those where no mouth is
    open before or after are skipped."""
    groups = pairs.partners()
    open_mouth = pairs.controls[:, MOUTH].max(axis=1) > 0.05
    chosen: list[tuple[int, int]] = []
    held_out = bool(pairs.validation.any())
    left = {False: count, True: max(1, count // 10) if held_out else 0}
    while any(left.values()):
        group = groups[rng.integers(len(groups))]
        before, after = rng.choice(group, 2)
        before = pairs.source[before] if rng.random() < 0.5 else before
        after = before if rng.random() < identity else after
        kept = open_mouth[before] or open_mouth[after] or rng.random() < 0.25
        validation = bool(pairs.validation[before])
        if kept and left[validation]:
            chosen.append((before, after))
            left[validation] -= 1
    return np.array(chosen)


def pair_patches(
    rig: Rig, warper: Warper, pairs: Pairs, before: int, after: int, noise: np.ndarray, look: Look
) -> dict[str, list[Row]]:
    """For each network the patches of one pair: (pictures uint8 (h, w, C), condition, wanted uint8 (h, w, 3)). The inner
    mouth lies where the pair's own mesh has it: the network is to shade the teeth, not to guess where they are."""
    landmarks = pairs.landmarks[before] + noise
    source, target = pairs.controls[before], pairs.controls[after]
    skin = rig.skin_vertices
    mesh = rig.mesh(landmarks)[:skin]
    moved = mesh + rig.move(landmarks, source, target)[:skin]
    field = warper.field(mesh, moved, rig.gain(landmarks, source, target))
    openings = warper.openings(mesh, warper.skin(mesh))
    crop, goal = look_at(pairs.images[before], look), look_at(pairs.images[after], look, blocks=False)
    white = tooth_white(crop, *openings[::-1], warper.skin(mesh))
    result: dict[str, list[Row]] = {network: [] for network in NETWORKS}
    for part in PARTS.values():
        corner = part.corner(landmarks)
        if part.network == "mouth":
            around = openings[0], field.mouth
            opening = part_of(field.mouth, corner, part, 2)
            drawing = draw_mouth(pairs.mesh[after][skin:], rig.topology, white, corner, opening, 2)
        else:
            around = openings[1], field.eyes
            drawing = draw_eye(part_of(crop, corner, part, 1), part_of(openings[1], corner, part, 1))
        condition = condition_of(part, landmarks, source, target)
        inputs = patch_inputs(part, corner, crop, field, around, drawing, condition)
        wanted = part_of(goal, corner, part, 1)
        wanted = wanted[:, ::-1] if part.mirrored else wanted
        pictures = from_unit(inputs.pictures.transpose(1, 2, 0))
        result[part.network].append((pictures, condition, wanted))
    return result


def make_patches(
    pairs: Pairs,
    rig: Rig,
    folder: Path,
    chosen: np.ndarray,
    *,
    landmark_noise: float,
    augmented: float,
    rng: np.random.Generator,
    progress: Callable[[int], None] = lambda _done: None,
) -> None:
    """Writes the patches of the `chosen` pairs to `folder` (250 KB a pair); a share `augmented` of them under a random look,
    those of people held out never."""
    warper = Warper(rig.topology)
    size = {"mouth": len(chosen), "eye": 2 * len(chosen)}
    arrays: dict[str, Patches] = {}
    filled = dict.fromkeys(size, 0)
    for done, (before, after) in enumerate(chosen):
        validation = bool(pairs.validation[before])
        noise = landmark_noise * rng.standard_normal((68, 2)) * rng.random()
        look = draw(rng) if rng.random() < augmented and not validation else Look()
        for network, found in pair_patches(rig, warper, pairs, before, after, noise.astype(np.float32), look).items():
            for row in found:
                if network not in arrays:
                    arrays[network] = _empty(folder, network, size[network], row)
                _store(arrays[network], filled[network], row, validation)
                filled[network] += 1
        progress(done + 1)
    for patches in arrays.values():
        for array in vars(patches).values():
            array.flush()


def _empty(folder: Path, network: str, count: int, row: Row) -> Patches:
    height, width, channels = row[0].shape
    shapes = {
        "pictures": (np.uint8, (count, channels, height, width)),
        "condition": (np.float32, (count, len(row[1]))),
        "wanted": (np.uint8, (count, 3, height, width)),
        "validation": (np.bool_, (count,)),
    }
    create = np.lib.format.open_memmap
    return Patches(**{n: create(folder / f"{network}_{n}.npy", "w+", dtype=d, shape=s) for n, (d, s) in shapes.items()})


def _store(patches: Patches, place: int, row: Row, validation: bool) -> None:
    patches.pictures[place] = row[0].transpose(2, 0, 1)
    patches.condition[place] = row[1]
    patches.wanted[place] = row[2].transpose(2, 0, 1)
    patches.validation[place] = validation


# --- real faces -----------------------------------------------------------------------------------------------------


class RealPatches:
    """Patches of real faces for the critics, cut out where mouths and eyes lie in a tight crop on average (`landmarks`, (68, 2)
    shares of the side), shifted by up to `JITTER` pixels. Mouths are of faces that part their lips."""

    def __init__(self, faces: FaceDataset, landmarks: np.ndarray):
        self._faces = faces
        self._corners = {part.network: part.corner(landmarks) for part in (PARTS["mouth"], PARTS["eye_right"])}
        self._boxes = {part.network: _box(part, landmarks) for part in (PARTS["mouth"], PARTS["eye_right"])}
        lips = [faces.controls.index(n) for n in faces.controls if n.rstrip("LR") in ("AU25", "AU26")]
        parted = np.flatnonzero(faces.values[:, lips].max(axis=1) > SHOWS_TEETH) if lips else np.arange(len(faces))
        self._numbers = {"mouth": parted, "eye": np.arange(len(faces))}

    def __len__(self) -> int:
        return min(map(len, self._numbers.values()))

    def draw(self, network: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A patch, uint8 (3, h, w), and where its mouth or eye may be, uint8 (1, h, w), 255 there."""
        part = PARTS["mouth" if network == "mouth" else "eye_right"]
        image = self._faces.images([int(rng.choice(self._numbers[network]))], SIDE)[0]
        image = image[:, ::-1] if rng.random() < 0.5 else image
        corner = np.array(self._corners[network]) + rng.integers(-JITTER, JITTER + 1, 2)
        x, y = np.clip(corner, 0, SIDE - np.array([part.width, part.height]))
        return image[y : y + part.height, x : x + part.width].transpose(2, 0, 1), self._boxes[network]


def _box(part: Part, landmarks: np.ndarray) -> np.ndarray:
    points = landmarks[slice(*part.landmarks)] * SIDE - part.corner(landmarks)
    (x0, y0), (x1, y1) = np.rint(points.min(axis=0)).astype(int), np.rint(points.max(axis=0)).astype(int)
    box = np.zeros((1, part.height, part.width), np.uint8)
    box[:, max(y0, 0) : y1, max(x0, 0) : x1] = 255
    return box


# --- batches --------------------------------------------------------------------------------------------------------


def mirrored(pictures: np.ndarray, condition: np.ndarray, wanted: np.ndarray) -> Row:
    """A mouth's patch (C, h, w), its condition and its goal as a mirror shows them: sides of Action Units and landmarks
    change places."""
    controls = len(SIDED_AU_NAMES)
    half = controls // 2
    source, target, points = np.split(condition, [controls, 2 * controls])
    points = points.reshape(68, 2)[list(MIRROR_POINTS[:68])] * np.array([-1, 1], np.float32)
    told = np.concatenate([np.roll(source, half), np.roll(target, half), points.reshape(-1)])
    return pictures[..., ::-1], told, wanted[..., ::-1]


class PatchSource:
    """Training data: mouths and eyes side by side, a mouth and an eye a sample: `mouth_pictures`, `mouth_condition`,
    `mouth_wanted`, `mouth_real`, `mouth_where`, and the same of eyes. `real` is another pair's goal, or a real face's patch
    in a share `real_share` of the samples; `where` is its opening."""

    def __init__(self, patches: dict[str, Patches], validation: bool, real: RealPatches | None = None, real_share: float = 0.0):
        self._patches, self._real = patches, real
        self._share = real_share if real is not None and len(real) else 0.0
        self._numbers = {name: np.flatnonzero(p.validation == validation) for name, p in patches.items()}
        self._flip = not validation

    def __len__(self) -> int:
        return len(self._numbers["mouth"])

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        columns: dict[str, list[np.ndarray]] = {}
        for item, seed in draws:
            rng = np.random.default_rng(seed)
            for network in NETWORKS:
                for name, value in self._sample(network, item, rng).items():
                    columns.setdefault(f"{network}_{name}", []).append(value)
        return {name: np.stack(values) for name, values in columns.items()}

    def _sample(self, network: str, item: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        patches, numbers = self._patches[network], self._numbers[network]
        place = numbers[item if network == "mouth" else 2 * item + int(rng.integers(2))]
        row = np.asarray(patches.pictures[place]), np.asarray(patches.condition[place]), np.asarray(patches.wanted[place])
        if network == "mouth" and self._flip and rng.random() < 0.5:
            row = mirrored(*row)
        if self._real is not None and rng.random() < self._share:
            real, where = self._real.draw(network, rng)
        else:
            other = rng.choice(numbers)
            real, where = np.asarray(patches.wanted[other]), np.asarray(patches.pictures[other, 9:10])
        return {"pictures": row[0], "condition": row[1], "wanted": row[2], "real": real, "where": where}
