"""Training of the fast generator's painter: patches made by the generator's own warp, learned by a small U-Net.

The patches are those of `mimica.engines.ganimation.painter`, made from pairs of frames of one person by the trained
geometry, so that the network sees at work what it saw in training.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from mimica.engines.ganimation.fast_data import Pairs
from mimica.engines.ganimation.fast_networks import PatchPainter, compose
from mimica.engines.ganimation.painter import PARTS, condition_of, draw_eye, draw_mouth, part_of, patch_inputs, tooth_white
from mimica.engines.ganimation.rig import Rig
from mimica.engines.ganimation.warp import Warper

MOUTH = [14, 15, 31, 32]
"""Places of AU25 and AU26 among the 34 controls: which pairs open or close a mouth."""


@dataclass(frozen=True)
class PainterOptions:
    """pairs              of frames to make patches of (validation: a tenth of them more)
    landmark_noise     shares of the side, of the landmarks that the geometry gets
    seconds            of training for each network         batch, rate   of Adam
    attention_price    on 1 - A; high: smooth colours over lids and lips lower the loss and look worse
    checkpoint_seconds  between two states on disk"""

    pairs: int = 8000
    landmark_noise: float = 0.001
    seconds: float = 900
    batch: int = 16
    rate: float = 2e-3
    attention_price: float = 1.0
    checkpoint_seconds: float = 120
    seed: int = 0


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


# --- patches --------------------------------------------------------------------------------------------------------


def choose_pairs(pairs: Pairs, options: PainterOptions) -> np.ndarray:
    """(M, 2) frames before and after: half of them leave the photo itself, half any frame; three in four of those where no
    mouth is open before or after are skipped."""
    rng = np.random.default_rng(options.seed)
    groups = pairs.partners()
    open_mouth = pairs.controls[:, MOUTH].max(axis=1) > 0.05
    chosen: list[tuple[int, int]] = []
    count = {False: options.pairs, True: options.pairs // 10}
    while any(count.values()):
        group = groups[rng.integers(len(groups))]
        before, after = rng.choice(group, 2, replace=False) if len(group) > 1 else (group[0], group[0])
        before = pairs.source[before] if rng.random() < 0.5 else before
        kept = before != after and (open_mouth[before] or open_mouth[after] or rng.random() < 0.25)
        validation = bool(pairs.validation[before])
        if kept and count[validation]:
            chosen.append((before, after))
            count[validation] -= 1
    return np.array(chosen)


def pair_patches(
    rig: Rig, warper: Warper, pairs: Pairs, before: int, after: int, noise: np.ndarray
) -> dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """For each network the patches of one pair: (pictures uint8 (h, w, C), condition, wanted uint8 (h, w, 3)). The inner
    mouth lies where the pair's own mesh has it: the network is to shade the teeth, not to guess where they are."""
    landmarks = pairs.landmarks[before] + noise
    source, target = pairs.controls[before], pairs.controls[after]
    skin = rig.skin_vertices
    mesh = rig.mesh(landmarks)[:skin]
    moved = mesh + rig.move(landmarks, source, target)[:skin]
    field = warper.field(mesh, moved, rig.gain(landmarks, source, target))
    openings = warper.openings(mesh)
    crop = pairs.images[before]
    white = tooth_white(crop, openings[1], warper.skin(mesh))
    result: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {"mouth": [], "eye": []}
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
        wanted = part_of(pairs.images[after], corner, part, 1)
        wanted = wanted[:, ::-1] if part.mirrored else wanted
        pictures = np.clip(np.rint(inputs.pictures * 255), 0, 255).astype(np.uint8)
        result[part.network].append((pictures, condition, wanted))
    return result


def make_patches(pairs: Pairs, rig: Rig, folder: Path, options: PainterOptions) -> None:
    """Writes the patches of `choose_pairs` to `folder` (several GB)."""
    rng = np.random.default_rng(options.seed + 1)
    warper = Warper(rig.topology)
    chosen = choose_pairs(pairs, options)
    size = {"mouth": len(chosen), "eye": 2 * len(chosen)}
    arrays: dict[str, Patches] = {}
    filled = dict.fromkeys(size, 0)
    for before, after in chosen:
        noise = options.landmark_noise * rng.standard_normal((68, 2)) * rng.random()
        for network, found in pair_patches(rig, warper, pairs, before, after, noise.astype(np.float32)).items():
            for pictures, condition, wanted in found:
                if network not in arrays:
                    arrays[network] = _empty(folder, network, size[network], pictures, condition)
                _store(arrays[network], filled[network], pictures, condition, wanted, bool(pairs.validation[before]))
                filled[network] += 1
    for patches in arrays.values():
        for array in vars(patches).values():
            array.flush()


def _empty(folder: Path, network: str, count: int, pictures: np.ndarray, condition: np.ndarray) -> Patches:
    height, width, channels = pictures.shape
    shapes = {
        "pictures": (np.uint8, (count, channels, height, width)),
        "condition": (np.float32, (count, len(condition))),
        "wanted": (np.uint8, (count, 3, height, width)),
        "validation": (np.bool_, (count,)),
    }
    create = np.lib.format.open_memmap
    return Patches(**{n: create(folder / f"{network}_{n}.npy", "w+", dtype=d, shape=s) for n, (d, s) in shapes.items()})


def _store(
    patches: Patches, place: int, pictures: np.ndarray, condition: np.ndarray, wanted: np.ndarray, validation: bool
) -> None:
    patches.pictures[place] = pictures.transpose(2, 0, 1)
    patches.condition[place] = condition
    patches.wanted[place] = wanted.transpose(2, 0, 1)
    patches.validation[place] = validation


# --- training -------------------------------------------------------------------------------------------------------


def painter_loss(maps: torch.Tensor, pictures: torch.Tensor, wanted: torch.Tensor, attention_price: float) -> torch.Tensor:
    """L1 (ten times inside the openings) + differences of neighbours + L1 of 4 x 4 means + a price on 1 - A outside."""
    painted = compose(maps, pictures)
    opening = F.max_pool2d(pictures[:, 9:].amax(1, keepdim=True), 5, 1, 2)
    loss = ((painted - wanted).abs() * (1 + 9 * opening)).mean()
    loss = loss + 0.5 * ((_dx(painted) - _dx(wanted)).abs().mean() + (_dy(painted) - _dy(wanted)).abs().mean())
    loss = loss + 2 * (F.avg_pool2d(painted, 4) - F.avg_pool2d(wanted, 4)).abs().mean()
    return loss + attention_price * (1 - maps[:, :1]).mean()


def _dx(x: torch.Tensor) -> torch.Tensor:
    return x[..., 1:] - x[..., :-1]


def _dy(x: torch.Tensor) -> torch.Tensor:
    return x[..., 1:, :] - x[..., :-1, :]


def train_painter(patches: Patches, state: Path, options: PainterOptions) -> PatchPainter:
    """Trains one network for `options.seconds` in all, counted over the runs that `state` saw."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng()
    network = PatchPainter(patches.condition.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), options.rate)
    spent = 0.0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        spent = saved["spent"]
    train = np.flatnonzero(~patches.validation)
    begun, last, steps = time.monotonic() - spent, time.monotonic(), 0
    while (spent := time.monotonic() - begun) < options.seconds:
        warm = min(1.0, (spent + 1) / 15)
        for group in optimiser.param_groups:
            group["lr"] = float(options.rate * warm * (0.5 + 0.5 * np.cos(np.pi * spent / options.seconds)) + 1e-5)
        pictures, condition, wanted = batch_of(patches, np.sort(rng.choice(train, options.batch, replace=False)))
        loss = painter_loss(network(pictures, condition), pictures, wanted, options.attention_price)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
        if time.monotonic() - last > options.checkpoint_seconds:
            last = time.monotonic()
            _save_state(state, network, optimiser, spent)
            print(
                f"{spent:.0f} s, {steps * options.batch / spent:.0f} patches a second: {validate(network, patches)}", flush=True
            )
    _save_state(state, network, optimiser, spent)
    return network.eval()


def _save_state(path: Path, network: PatchPainter, optimiser: torch.optim.Optimizer, spent: float) -> None:
    temporary = path.with_suffix(".part")
    torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "spent": spent}, temporary)
    temporary.replace(path)


def batch_of(patches: Patches, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures and wanted pictures in [0, 1], condition."""
    pictures, wanted = (torch.from_numpy(np.asarray(a[numbers])).float() / 255 for a in (patches.pictures, patches.wanted))
    return pictures, torch.from_numpy(np.asarray(patches.condition[numbers])), wanted


@torch.inference_mode()
def validate(network: PatchPainter, patches: Patches, count: int = 200) -> str:
    """L1 (of 255) of people not trained on: inside the openings, and everywhere, against the warp alone."""
    numbers = np.flatnonzero(patches.validation)
    numbers = numbers[:: max(1, len(numbers) // count)]
    pictures, condition, wanted = batch_of(patches, numbers)
    opening = (pictures[:, 9:10] > 0.5).float()
    inside = []
    for picture in (compose(network(pictures, condition), pictures), pictures[:, :3]):
        error = (picture - wanted).abs() * 255
        inside.append((float((error * opening).sum() / (3 * opening.sum() + 1)), float(error.mean())))
    (painted, all_painted), (warped, all_warped) = inside
    return f"inside {painted:.2f} (warp {warped:.2f}), all {all_painted:.2f} (warp {all_warped:.2f}) of 255"


def to_onnx(network: PatchPainter, patches: Patches) -> bytes:
    """The network as `painter.Painter` reads it."""
    pictures, condition, _ = batch_of(patches, np.array([0]))
    file = io.BytesIO()
    torch.onnx.export(
        network.eval(), (pictures, condition), file,  # type: ignore[arg-type]
        input_names=["pictures", "condition"], output_names=["maps"],
        opset_version=17, dynamo=False,
    )  # fmt: skip
    return file.getvalue()
