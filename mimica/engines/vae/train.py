"""Training of the two-decoder VAE: `mimica train vae --data DATA --preset paper -o RUN` (DATA from `mimica prepare vae`).

The loss is the slides' (R. de S. Toledo 2021): SSIM + mean absolute error of the picture, cross-entropy + Dice of the mask,
and the Kullback-Leibler divergence over 1000; Adam at 1e-4, gradients clipped at 1e-3 (their norm, as we read it), the rate
times 1/3 every 10 epochs down to 1e-5, batches of 32, 113 epochs of 4,000 iterations. Attributes take no part in it.

The preset `drawn` has a latent map and learns from pairs as well: `mimica.engines.vae.spatial_train`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions
from mimica.engines.vae import losses
from mimica.engines.vae.augment import augmented
from mimica.engines.vae.data import VaeData, open_all, spread
from mimica.engines.vae.networks import KIND, Coded, Decoded, Shape, TwoDecoderVae
from mimica.engines.vae.options import VaeOptions
from mimica.engines.vae.spatial_train import SpatialTraining
from mimica.errors import DataError, ValueRangeError
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.pictures.pixels import as_input, as_pictures, to_signed, to_unit
from mimica.training.batches import Batch, Draw, Source
from mimica.training.task import Parts, Task, TrainerView

_COMPONENT_PHOTOS, _COMPONENT_FRAMES = 1000, 400
"""Of how many photos and re-animated frames the linear path's principal components are taken."""
_LINEAR_RATE = 0.02
"""The linear path's share of the learning rate: it starts near where it should be."""


PRESETS: dict[str, Preset] = {
    "paper": {"steps": 452_000, "batch_size": 32, "clip_gradients": 1e-3, "workers": 2, "augment": False, "ema": 0.0},
    "small": {
        "steps": 5000, "batch_size": 16, "image_size": 96, "patch": 4, "channels": (64, 96, 128, 128), "latent": 256,
        "mask_share": 0.25, "linear_side": 48, "learning_rate": 1e-3, "least_factor": 0.01, "decay_every": 1300,
        "kl_weight": 1e-4, "kl_warmup": 300,
        "head_weight": 3.0, "face_weight": 2.0, "photo_repeat": 4, "ema": 0.995, "clip_gradients": 5.0,
        "log_every": 20, "sample_every": 200, "checkpoint_minutes": 5.0,
    },
    "drawn": {
        "steps": 2600, "batch_size": 8, "image_size": 96, "patch": 3, "channels": (48, 80, 128), "code": 24, "mask_share": 0.3,
        "learning_rate": 1.2e-3, "least_factor": 0.03, "ssim_weight": 0.5, "mae_weight": 4.0, "kl_weight": 5e-6,
        "head_weight": 1.5, "face_weight": 1.5, "late": 0.7, "ema": 0.995, "clip_gradients": 2.0,
        "log_every": 20, "sample_every": 200, "checkpoint_minutes": 4.0,
    },
    "smoke": {
        "steps": 40, "batch_size": 8, "image_size": 16, "channels": (8, 8, 16), "latent": 8, "mask_share": 0.5,
        "learning_rate": 3e-3, "ema": 0.9, "log_every": 10, "sample_every": 0,
    },
}  # fmt: skip


class MaskedSource:
    """Pictures with their head masks: `image` uint8 (B, S, S, 3), `mask` uint8 (B, S, S)."""

    def __init__(self, data: VaeData, rows: np.ndarray, augment: bool, repeat: int = 1) -> None:
        frames = [r for r in rows if data.names[r] != data.photos[r]]
        photos = [r for r in rows if data.names[r] == data.photos[r]]
        self.data, self.augment, self.rows = data, augment, np.array(photos * repeat + frames, np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        cv2.setNumThreads(0)  # small pictures: threads only get in the way of the training's
        pairs = [self._sample(draw) for draw in draws]
        return {"image": np.stack([image for image, _ in pairs]), "mask": np.stack([mask for _, mask in pairs])}

    def _sample(self, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        row = self.rows[draw.item]
        image, mask = np.asarray(self.data.images[row]), np.asarray(self.data.masks[row])
        return augmented(image, mask, np.random.default_rng(draw.seed)) if self.augment else (image, mask)


def principal_components(data: VaeData, rows: np.ndarray, options: VaeOptions) -> tuple[Tensor, Tensor, Tensor]:
    """What `TwoDecoderVae.start_linear` takes, from photos and frames, plain and mirrored: principal components of pixels that
    weigh as in the loss. Raises `DataError` where there are fewer faces than components."""
    photo = np.array([data.names[row] == data.photos[row] for row in rows])
    chosen = [*spread(rows[photo], _COMPONENT_PHOTOS), *spread(rows[~photo], _COMPONENT_FRAMES)]
    side = options.linear_side
    if 2 * len(chosen) <= options.latent:
        raise DataError(
            f"{len(chosen)} faces are too few for {options.latent} principal components; set latent or linear_side=0."
        )
    small = np.stack([cv2.resize(np.asarray(data.images[r]), (side, side), interpolation=cv2.INTER_AREA) for r in chosen])
    pictures = to_signed(np.concatenate([small, small[:, :, ::-1]]).transpose(0, 3, 1, 2))
    masks = to_unit(torch.from_numpy(np.asarray(data.masks[chosen]))[:, None])
    weights = losses.pixel_weights(masks, options.head_weight, options.face_weight).mean(0, keepdim=True)
    scale = torch.nn.functional.interpolate(weights, (side, side), mode="area")[0].sqrt().expand(3, side, side).flatten().numpy()
    x = pictures.reshape(len(pictures), -1)
    mean = x.mean(0)
    eigenvalues, left = np.linalg.eigh((centred := (x - mean) * scale) @ centred.T)
    top = np.argsort(eigenvalues)[::-1][: options.latent]
    deviations = np.sqrt(np.maximum(eigenvalues[top], 1e-6))
    basis = (left[:, top].T @ centred) / deviations[:, None]
    pairs = np.stack([basis * scale, basis / scale])
    tensors = (mean.reshape(3, side, side), pairs, deviations / np.sqrt(len(x)))
    return torch.from_numpy(tensors[0]), torch.from_numpy(tensors[1]).float(), torch.from_numpy(tensors[2]).float()


class Vae(Task):
    """One network, one optimiser, the slides' losses added up."""

    name: ClassVar[str] = "vae"
    options_type: ClassVar[type[TrainingOptions]] = VaeOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def data(self) -> VaeData:
        data = open_all(self.folders)
        if data.image_size != self.options.image_size:
            raise ValueRangeError(
                f"The pictures of {self.folders[0]} have {data.image_size} pixels a side and the option 'image_size' is "
                f"{self.options.image_size}; prepare them with --size {self.options.image_size}, or set image_size."
            )
        return data

    @cached_property
    def spatial(self) -> SpatialTraining | None:
        """Who does the work where the latent is a map."""
        return SpatialTraining(self.options, self.data) if self.options.code else None

    def source(self) -> Source:
        if self.spatial:
            return self.spatial.source()
        return MaskedSource(self.data, self.data.rows(validation=False), self.options.augment, self.options.photo_repeat)

    def sample_source(self) -> Source:
        if self.spatial:
            held_out_pairs = self.spatial.source(validation=True)
            return held_out_pairs if len(held_out_pairs) else self.spatial.source()
        held_out = self.data.rows(validation=True)
        return MaskedSource(self.data, held_out if len(held_out) else self.data.rows(validation=False), augment=False)

    def build(self, options: Any) -> Parts:
        if self.spatial:
            return self.spatial.build()
        net = TwoDecoderVae(self.shape())
        if options.linear_side:
            net.start_linear(*principal_components(self.data, self.data.rows(validation=False), options))
        linear = [p for name, p in net.named_parameters() if "linear." in name]
        others = [p for name, p in net.named_parameters() if "linear." not in name]
        groups = [{"params": others, "lr": options.learning_rate}, {"params": linear, "lr": _LINEAR_RATE * options.learning_rate}]
        optimiser = torch.optim.Adam([group for group in groups if group["params"]], fused=True)
        return Parts({"vae": net}, {"vae": optimiser}, averaged=("vae",))

    def shape(self) -> Shape:
        """The networks' shape. Raises `ValueRangeError` for sides that cannot be halved that often."""
        o = self.options
        least = o.patch * 2 ** (len(o.channels) - 1)
        if o.image_size % least:
            raise ValueRangeError(
                f"The option 'image_size' is {o.image_size}; with {len(o.channels)} channels and patch {o.patch} it must be a "
                f"multiple of {least}."
            )
        if o.linear_side and o.image_size % o.linear_side:
            raise ValueRangeError(f"The option 'linear_side' is {o.linear_side}; it must divide image_size, {o.image_size}.")
        return Shape(o.image_size, o.patch, tuple(o.channels), o.blocks, o.latent, o.mask_share, o.linear_side)

    def learning_rate_factor(self, step: int) -> float:
        if self.spatial:
            return self.spatial.rate(step)
        return max(self.options.least_factor, float((1 / 3) ** (step // self.options.decay_every)))

    def losses(self, image: Tensor, mask: Tensor, coded: Coded, decoded: Decoded, step: int) -> dict[str, Tensor]:
        """Named losses with their weights: their sum is what is trained on."""
        o = self.options
        weighted = (o.head_weight, o.face_weight) != (1, 1)
        weights = losses.pixel_weights(mask, o.head_weight, o.face_weight) if weighted else None
        return {
            "ssim": o.ssim_weight * losses.ssim_loss(decoded.image, image, weights),
            "mae": o.mae_weight * losses.mae_loss(decoded.image, image, weights),
            "mask_bce": o.mask_weight * losses.mask_cross_entropy(decoded.mask_logits, mask),
            "mask_dice": o.mask_weight * losses.dice_loss(decoded.mask_logits, mask),
            "kl": o.kl_weight * losses.warm_up(step, o.kl_warmup) * losses.kl_loss(coded, o.free_bits),
        }

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        if self.spatial:
            return self.spatial.step(batch, trainer)
        image, mask = as_input(batch["image"]), to_unit(batch["mask"][:, None])
        with trainer.autocast():
            coded, decoded = trainer.network("vae")(image)
        coded, decoded = Coded(*(t.float() for t in coded)), Decoded(*(t.float() for t in decoded))
        named = self.losses(image, mask, coded, decoded, trainer.step)
        trainer.update("vae", torch.stack(list(named.values())).sum())
        return {name: loss.detach() for name, loss in named.items()}

    @torch.no_grad()
    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Input, output, mask, predicted mask, and a random sample of the latent; a row a held-out face."""
        if self.spatial:
            return self.spatial.sample(batch, trainer)
        net = trainer.best("vae").eval()
        assert isinstance(net, TwoDecoderVae)
        image, mask = as_input(batch["image"]), to_signed(batch["mask"][:, None])
        out = net.decode(net.encode(image).mean)
        drawn = torch.randn(len(image), net.shape.latent, generator=torch.Generator().manual_seed(0)).to(image.device)
        random = net.decode(drawn).image
        net.train(trainer.best("vae") is trainer.parts.modules["vae"])
        shown = (image, out.image, mask, 2 * out.mask_logits.sigmoid() - 1, random)
        return np.stack([as_pictures(x) for x in shown], axis=1)

    def warnings(self, scalars: Mapping[str, float]) -> list[str]:
        collapsed = scalars.get("kl", 1.0) < 1e-4 and self.options.kl_weight > 0 and self.options.kl_warmup == 0
        return ["The latent tells nothing (its divergence is 0): lower kl_weight or set kl_warmup."] if collapsed else []

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        notes = {"steps": trainer.step, "data": self.data.title}
        shape = self.spatial.shape() if self.spatial else self.shape()
        return {"vae": Weights(KIND, 1, (), shape.as_config(), module_tensors(trainer.best("vae")), notes)}
