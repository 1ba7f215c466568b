"""Training of the masks: `mimica train masks --data MASKS -o RUN`, MASKS made by `mimica prepare masks`; its
`weights/masks.onnx` is what ships.

Labels are GrabCut's and wrong in places; the network sees them from different sides (mirrored, shifted, in other light) and the
worst sixth of each batch counts nothing from `trust_until` on. Whole labels that flooded the background are left out from the
start."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.layers.masks import CHILD, COVERED
from mimica.engines.layers.masks_net import MaskNet, masks_onnx
from mimica.errors import DataError
from mimica.pictures.pixels import to_signed
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, Task, TrainerView

FILE = "masks.npz"
HAIR_SHARES = (0.02, 0.50)
"""Of a crop's pixels that are hair; labels beyond are taken to be wrong."""
CORNER = 6
"""Pixels a side of the crop's upper corners; a label with hair in both has flooded the background."""


@dataclass(frozen=True)
class MaskOptions(TrainingOptions):
    """Ours."""

    steps: int = option(2500, "optimisation steps in all", low=1)
    batch_size: int = option(24, "samples a step, over all processes together", low=2)
    ema: float = option(0.995, "decay of the running mean of the weights, which is what gets exported", low=0, high=0.99999)
    sample_every: int = option(500, "steps between two sample grids; 0: none", low=0)
    width: int = option(24, "channels at half the side", low=4)
    learning_rate: float = option(2e-3, "learning rate of AdamW", low=1e-8)
    trust_until: float = option(0.4, "share of the steps after which the worst sixth of a batch counts nothing", low=0, high=1)
    hat_weight: float = option(0.4, "weight of the cross entropy of covered heads", low=0)
    age_weight: float = option(2.0, "weight of the error in age, in units of 100 years", low=0)


class MaskSource:
    """Crops with their masks, augmented as their draw says; `hardness` 0: as they are."""

    def __init__(self, arrays: Mapping[str, np.ndarray], rows: np.ndarray, hardness: float) -> None:
        self.arrays, self.rows, self.hardness = arrays, rows, hardness
        hair = arrays["hair"].astype(np.float32) / 255
        corners = np.minimum(hair[:, :CORNER, :CORNER].mean((1, 2)), hair[:, :CORNER, -CORNER:].mean((1, 2)))
        share = hair.mean((1, 2))
        self.trusted = (share > HAIR_SHARES[0]) & (share < HAIR_SHARES[1]) & (corners < 0.5)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        samples = [self._sample(int(self.rows[d.item]), np.random.default_rng(d.seed)) for d in draws]
        return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _sample(self, row: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        a = self.arrays
        picture = np.dstack([a["images"][row], a["hair"][row], a["head"][row]]).astype(np.float32) / 255
        if self.hardness:
            picture = _moved(picture, rng)
            picture[..., :3] = _relit(picture[..., :3], rng)
        known = np.array([self.trusted[row], 1, np.isfinite(a["hat"][row]), np.isfinite(a["age"][row])], np.float32)
        facts = np.nan_to_num(np.array([a["hat"][row], a["age"][row]], np.float32))
        planes: np.ndarray = np.ascontiguousarray(picture.transpose(2, 0, 1))
        return {"image": planes[:3] * 2 - 1, "masks": planes[3:], "facts": facts, "known": known}


def _moved(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrored, turned, scaled and shifted a little."""
    side = len(picture)
    matrix: np.ndarray = cv2.getRotationMatrix2D((side / 2, side / 2), rng.normal(0, 5), float(np.exp(rng.normal(0, 0.06))))
    matrix[:, 2] += rng.normal(0, 0.025 * side, 2)
    flipped = picture[:, ::-1] if rng.random() < 0.5 else picture
    return cv2.warpAffine(np.ascontiguousarray(flipped), matrix, (side, side), borderMode=cv2.BORDER_REFLECT)


def _relit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In other light, sometimes blurred or without colour."""
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.25))) * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    if rng.random() < 0.15:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    return np.clip(image + rng.normal(0, 0.02 * rng.random(), image.shape).astype(np.float32), 0, 1)


class MaskTask(Task):
    """One network, one optimiser."""

    name: ClassVar[str] = "masks"
    options_type: ClassVar[type[TrainingOptions]] = MaskOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "small": {},
        "smoke": {"steps": 6, "batch_size": 4, "width": 4, "ema": 0.5, "log_every": 2, "sample_every": 0},
    }

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Of all folders. Raises `DataError` for one that `mimica prepare masks` has not made."""
        read = []
        for folder in self.folders:
            if not (folder / FILE).is_file():
                raise DataError(f"'{folder}' has no {FILE}: make it with `mimica prepare masks`.")
            with np.load(folder / FILE) as file:
                read.append({name: file[name] for name in file.files})
        return {name: np.concatenate([one[name] for one in read]) for name in read[0]}

    def source(self) -> MaskSource:
        return MaskSource(self.arrays, np.flatnonzero(~self.arrays["validation"]), 1.0)

    def sample_source(self) -> MaskSource:
        held_out = np.flatnonzero(self.arrays["validation"])
        return MaskSource(self.arrays, held_out if len(held_out) else np.arange(len(self.arrays["validation"])), 0.0)

    def build(self, options: Any) -> Parts:
        net = MaskNet(options.width)
        return Parts({"masks": net}, {"masks": torch.optim.AdamW(net.parameters(), options.learning_rate, weight_decay=1e-3)},
                     averaged=("masks",))  # fmt: skip

    def learning_rate_factor(self, step: int) -> float:
        return float(0.5 * (1 + np.cos(np.pi * min(1.0, step / self.options.steps))) * 0.98 + 0.02)

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        with trainer.autocast():
            masks, facts = trainer.network("masks")(batch["image"])
        trusting = trainer.step >= self.options.trust_until * self.options.steps
        losses = mask_losses(masks.float(), batch, leave_worst=1 / 6 if trusting else 0.0)
        losses |= fact_losses(facts.float(), batch)
        o = self.options
        total = losses["hair"] + 0.5 * losses["head"] + o.hat_weight * losses["hat"] + o.age_weight * losses["age"]
        trainer.update("masks", total)
        return {name: loss.detach() for name, loss in losses.items()}

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Held-out crops, GrabCut's hair, the network's."""
        with torch.no_grad():
            masks = trainer.best("masks").eval()(batch["image"])[0].sigmoid()
        image = (batch["image"] * 0.5 + 0.5).permute(0, 2, 3, 1)
        pink = torch.tensor([1.0, 0.0, 0.8], device=image.device)
        cells = [image, *(torch.lerp(image, pink, 0.6 * m[:, 0, :, :, None]) for m in (batch["masks"], masks))]
        return (torch.stack(cells, 1).cpu().numpy() * 255).clip(0, 255).astype(np.uint8)

    def files(self, trainer: TrainerView) -> dict[str, bytes]:
        held_out = self.arrays["validation"]
        about: dict[str, object] = {"steps": trainer.step, "faces": int((~held_out).sum()), "held_out": int(held_out.sum())}
        net = copy.deepcopy(trainer.best("masks")).cpu().eval()
        if held_out.any():
            about |= figures(net, {name: array[held_out] for name, array in self.arrays.items()})
        self.say(f"masks.onnx: {about}")
        return {"masks.onnx": masks_onnx(net, about)}  # type: ignore[arg-type]


def figures(net: nn.Module, arrays: Mapping[str, np.ndarray]) -> dict[str, object]:
    """What a network makes of labelled crops, each seen in a mirror too, as in use: the median and the mean Dice of hair, of
    labels that are trusted, and the mean of head; heads that are covered, found and wrongly found; the mean error in age,
    years; of faces rated below 12 and from 22 on, how many there are and how many get no beard."""
    images = to_signed(torch.from_numpy(arrays["images"]).permute(0, 3, 1, 2))
    with torch.no_grad():
        (masks, facts), (turned, also) = net(images), net(images.flip(3))
    chance = ((masks.sigmoid() + turned.flip(3).sigmoid()) / 2).numpy()
    covered = ((facts[:, 0].sigmoid() + also[:, 0].sigmoid()) / 2).numpy() > COVERED
    age, rated, hat = 50 * (facts[:, 1] + also[:, 1]).numpy(), 100 * arrays["age"], arrays["hat"]
    hair, head = (_dice(chance[:, i] > 0.5, arrays[name] > 127) for i, name in enumerate(("hair", "head")))
    hair = hair[MaskSource(arrays, np.arange(len(hat)), 0.0).trusted]
    counts = {"covered": hat > 0.5, "covered_found": covered & (hat > 0.5), "covered_wrongly": covered & (hat < 0.5),
              "below_12": rated < 12, "below_12_refused": (rated < 12) & (age < CHILD),
              "from_22": rated >= 22, "from_22_refused": (rated >= 22) & (age < CHILD)}  # fmt: skip
    return {
        "hair_dice": [round(float(v), 3) for v in (np.median(hair), hair.mean())] if len(hair) else None,
        "head_dice": round(float(head.mean()), 3),
        "age_error": round(float(np.nanmean(np.abs(age - rated))), 1) if np.isfinite(rated).any() else None,
        **{name: int(found.sum()) for name, found in counts.items()},
    }


def _dice(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of each of (N, H, W) masks."""
    both: np.ndarray = (found & wanted).sum(axis=(1, 2))
    return 2 * both / (found.sum(axis=(1, 2)) + wanted.sum(axis=(1, 2)) + 1)


def mask_losses(logits: Tensor, batch: Batch, leave_worst: float = 0.0) -> dict[str, Tensor]:
    """Cross entropy and half of 1 - Dice of each mask, over the samples whose label is trusted, without the worst share of
    them."""
    found = {}
    for place, name in enumerate(("hair", "head")):
        wanted, chance = batch["masks"][:, place], logits[:, place].sigmoid()
        entropy = F.binary_cross_entropy_with_logits(logits[:, place], wanted, reduction="none").flatten(1).mean(1)
        both = 2 * (chance * wanted).flatten(1).sum(1) + 1
        error = entropy + 0.5 * (1 - both / ((chance + wanted).flatten(1).sum(1) + 1))
        weight = batch["known"][:, place]
        if leave_worst:
            weight = weight * (error <= torch.quantile(error.detach(), 1 - leave_worst))
        found[name] = (error * weight).sum() / weight.sum().clamp(min=1)
    return found


def fact_losses(facts: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Cross entropy of covered heads, which are rare (6 times the weight), and the mean error in age, where they are known."""
    known, wanted = batch["known"][:, 2:], batch["facts"]
    hat = F.binary_cross_entropy_with_logits(facts[:, 0], wanted[:, 0], pos_weight=facts.new_tensor(6.0), reduction="none")
    each = {"hat": hat, "age": (facts[:, 1] - wanted[:, 1]).abs()}
    return {name: (error * known[:, i]).sum() / known[:, i].sum().clamp(min=1) for i, (name, error) in enumerate(each.items())}
