"""One step of the spatial VAE (`mimica train vae --preset drawn`): pictures, masks and latents as in the slides, and pairs.

    D(z) = x     D(z + step) = x'     D(z' - step) = x     D(erased z') = x

with z and z' drawn from the posteriors of a photo x and the same photo changed, x'. What changes counts more. Only in the last
part of the run come a perceptual term on frozen features and a critic (hinge), which also sees faces of mixed latents, nobody's:
earlier both cost more than they teach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.engines.vae import losses
from mimica.engines.vae.attributes import unit_steps
from mimica.engines.vae.data import VaeData, spread
from mimica.engines.vae.networks import Coded, sample_latent
from mimica.engines.vae.options import VaeOptions
from mimica.engines.vae.pair_source import PairSource, drawn_pairs, frame_pairs, switches_of, units_of
from mimica.engines.vae.spatial import Critic, Recent, SpatialShape, SpatialVae
from mimica.errors import DataError
from mimica.pictures.pixels import as_input, as_pictures, to_unit
from mimica.reader.frozen import load_frozen
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView

_START_FACES, _START_UNITS = 900, 1200
"""Of how many faces the principal components are taken, and of how many frames the Action Units' first steps."""
_RATES = {"switches": 0.3, "unit_steps": 0.3, "encoder": 0.3, "linear_decoder": 0.1}
"""Shares of the learning rate; the longest beginning of a parameter's name counts. What starts near its end moves slowly."""
_DECODED = 2
"""Every second face is decoded as it is, and with its attribute taken away."""
_RAMP, _DECAY = 0.1, 0.45
"""Shares of the run over which the critic sets in, and over which the rate falls."""


class SpatialTraining:
    """What `mimica.engines.vae.train.Vae` does where the option `code` is set."""

    def __init__(self, options: VaeOptions, data: VaeData) -> None:
        self.options, self.data = options, data
        self.switches = switches_of(data)
        if not drawn_pairs(data, self.switches, validation=False):
            raise DataError(
                f"'{data.title}' has no drawn pairs, which this preset learns from: make some with `mimica prepare attributes`, "
                "bring them to `mimica prepare vae`, and name that folder as --data, too."
            )
        self._features: Any = None

    def shape(self) -> SpatialShape:
        o = self.options
        if len(o.channels) != 3 or any(width % 8 for width in o.channels) or o.image_size % (4 * o.patch):
            raise DataError("A latent map needs three channels, multiples of 8, and an image_size that is a multiple of 4 patch.")
        a, b, c = o.channels
        return SpatialShape(o.image_size, o.patch, (a, b, c), o.code, o.mask_share, self.switches)

    def source(self, validation: bool = False) -> PairSource:
        o = self.options
        return PairSource(self.data, self.switches, o.augment and not validation, o.frame_share, validation)

    def build(self) -> Parts:
        o = self.options
        self._features = load_frozen(o.features).maps if o.perceptual_weight else None  # not later: it draws random numbers
        net = SpatialVae(self.shape())
        rows = self.data.rows(validation=False)
        net.start(pictures_of(self.data, spread(rows, _START_FACES)))
        start_steps(net, self.data, self.switches)
        groups: dict[float, list[Tensor]] = {}
        for name, parameter in net.named_parameters():
            share = next((rate for start, rate in _RATES.items() if name.startswith(start)), 1.0)
            groups.setdefault(0.1 if "linear" in name else share, []).append(parameter)
        parts = [{"params": chosen, "lr": share * o.learning_rate} for share, chosen in groups.items()]
        critic = Critic(o.patch)
        optimisers: dict[str, torch.optim.Optimizer] = {
            "vae": torch.optim.Adam(parts, betas=(0.9, 0.99)),
            "critic": torch.optim.Adam(critic.parameters(), lr=0.3 * o.learning_rate, betas=(0.0, 0.99)),
        }
        return Parts({"vae": net, "critic": critic, "recent": Recent(net.shape.latent)}, optimisers, averaged=("vae",))

    def rate(self, step: int) -> float:
        """Rises over 60 steps, and falls evenly over the last part."""
        left = 1 - step / self.options.steps
        return min(1.0, (step + 1) / 60) * min(1.0, max(self.options.least_factor, left / _DECAY))

    def late(self, step: int) -> float:
        """How much of perceptual term and critic counts: 0 until `late`, 1 a while after."""
        return float(np.clip((step / self.options.steps - self.options.late) / _RAMP, 0, 1))

    # --- one step ---------------------------------------------------------------------------------------------------

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        net, o, late = trainer.parts.modules["vae"], self.options, self.late(trainer.step)
        assert isinstance(net, SpatialVae)
        x, y = as_input(batch["image"]), as_input(batch["target"])
        mask, alpha = to_unit(batch["mask"][:, None]), to_unit(batch["alpha"][:, None])
        with trainer.autocast():
            both = net.encode(torch.cat([x, y]))
            drawn = sample_latent(both)
            z, z_changed = drawn.chunk(2)
            step = self._step(net, batch)
            half = len(x) // _DECODED
            less, erasing = self._without(net, batch, z_changed - step, z_changed, both)
            inputs = [z[:half], z + step, less[-half:]]
            decoded = net.decode(torch.cat(inputs))
        image, mask_logits, layer = (t.float() for t in decoded)
        wanted = torch.cat([x[:half], y, x[-half:]])
        masks = torch.cat([mask[:half], mask, mask[-half:]])
        changed = (y - x).abs().amax(1, keepdim=True)
        named = self._losses(image, wanted, mask_logits, masks, torch.cat([0 * changed[:half], changed, changed[-half:]]))
        coded = Coded(both.mean.float(), both.log_variance.float())
        named["kl"] = o.kl_weight * losses.warm_up(trainer.step, o.kl_warmup) * losses.kl_loss(coded, o.free_bits)
        named["layer"] = layer_loss(layer[half : half + len(x)], alpha, x, y, batch["erased"] == 0)
        named["erase"] = o.erase_weight * erasing
        if late:
            named |= self._late(net, trainer, image, wanted, half)
        trainer.update("vae", torch.stack(list(named.values())).sum())
        recent = trainer.parts.modules["recent"]
        assert isinstance(recent, Recent)
        recent.add(both.mean.detach()[: len(x)])
        shown = {name: loss.detach() for name, loss in named.items()}
        error = (image.detach() - wanted).abs().mean((1, 2, 3)) / 2
        shown |= {"own": error[:half].mean(), "changed": error[half:-half].mean(), "undone": error[-half:].mean()}
        if late:
            shown["critic"] = self._judge(trainer, wanted[half:], torch.cat([image[half:], self._nobody]).detach())
        return shown

    def _step(self, net: SpatialVae, batch: Batch) -> Tensor:
        """What takes a photo's z to its pair's: (B, Z)."""
        if not self.switches:
            return batch["units"] @ net.unit_steps
        own = net.switches[batch["switch"].clamp(min=0)] * (batch["dose"] * (batch["switch"] >= 0))[:, None]
        return own + batch["units"] @ net.unit_steps

    def _without(self, net: SpatialVae, batch: Batch, plain: Tensor, z: Tensor, coded: Coded) -> tuple[Tensor, Tensor]:
        """z (B, Z) with what was changed taken away again, by the eraser where it can; and how far the eraser is off."""
        kind, is_erased = batch["erased"].clamp(min=0), (batch["erased"] >= 0)[:, None]
        erased = net.erased(z, kind)
        own, changed = coded.mean.detach().chunk(2)
        scale = net.linear_decoder.weight.detach().square().sum((1, 2, 3)).sqrt()  # of a component, in pixels
        scale = (scale / scale.max()).repeat_interleave(net.shape.grid**2)
        wrong = F.smooth_l1_loss(net.erased(changed, kind) * scale, own * scale, reduction="none").mean(1)
        idle = F.smooth_l1_loss(net.erased(own, kind) * scale, own * scale, reduction="none").mean(1)
        share = is_erased[:, 0].to(z.dtype)
        return torch.where(is_erased, erased, plain), ((wrong + 0.5 * idle) * share).sum() / share.sum().clamp(min=1)

    def _losses(self, image: Tensor, wanted: Tensor, mask_logits: Tensor, mask: Tensor, changed: Tensor) -> dict[str, Tensor]:
        o = self.options
        weights = losses.pixel_weights(mask, o.head_weight, o.face_weight)
        weights = weights * (1 + o.change_weight * (changed / 0.3).clamp(max=1))
        return {
            "ssim": o.ssim_weight * losses.ssim_loss(image, wanted, weights),
            "mae": o.mae_weight * losses.mae_loss(image, wanted, weights),
            "mask_bce": o.mask_weight * losses.mask_cross_entropy(mask_logits, mask),
            "mask_dice": o.mask_weight * losses.dice_loss(mask_logits, mask),
        }

    def _late(self, net: SpatialVae, trainer: TrainerView, image: Tensor, wanted: Tensor, half: int) -> dict[str, Tensor]:
        """Perceptual term and critic."""
        late = self.late(trainer.step)
        o, critic, recent = self.options, trainer.parts.modules["critic"], trainer.parts.modules["recent"]
        assert isinstance(recent, Recent)
        with trainer.autocast():
            self._nobody = net.decode(recent.draw(half)).image.float()
            critic.requires_grad_(False)
            score = critic(torch.cat([image[half:], self._nobody])).float().mean()
            critic.requires_grad_(True)
        return {
            "sharpen": -late * o.critic_weight * score,
            **self._perceptual(trainer, image[half:-half], wanted[half:-half], late),
        }

    def _perceptual(self, trainer: TrainerView, image: Tensor, wanted: Tensor, late: float) -> dict[str, Tensor]:
        """How far frozen features of a picture are from those of the one that was wanted; nothing where that has no weight."""
        if self._features is None:
            return {}
        with trainer.autocast():
            seen = self._features(image)[0]
            with torch.no_grad():
                true = self._features(wanted)[0]
        apart = [(a.float() - b.float()).abs().mean() / (b.float().std() + 1e-6) for a, b in zip(seen, true, strict=True)]
        return {"perceptual": late * self.options.perceptual_weight * torch.stack(apart).mean()}

    def _judge(self, trainer: TrainerView, real: Tensor, made: Tensor) -> Tensor:
        """The critic's own step; gives its hinge loss."""
        critic = trainer.parts.modules["critic"]
        with trainer.autocast():
            loss = F.relu(1 - critic(real).float()).mean() + F.relu(1 + critic(made).float()).mean()
        trainer.update("critic", loss)
        return loss.detach()

    # --- looking ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Photo, what is decoded of it, its mask, the true change, the decoded one, the layer's alpha, the change taken away
        again, and somebody mixed of recent faces; a row a held-out pair."""
        net, recent = trainer.best("vae").eval(), trainer.parts.modules["recent"]
        assert isinstance(net, SpatialVae) and isinstance(recent, Recent)
        x, y = as_input(batch["image"]), as_input(batch["target"])
        both = net.encode(torch.cat([x, y]))
        z, changed = both.mean.chunk(2)
        step = self._step(net, batch)
        less, _ = self._without(net, batch, changed - step, changed, both)
        own, edited, undone = (net.decode(one) for one in (z, z + step, less))
        seeded = torch.random.get_rng_state()
        torch.manual_seed(0)
        mixed = recent.draw(len(x)) if int(recent.count) else z
        torch.random.set_rng_state(seeded)
        somebody = net.decode(mixed).image
        net.train(trainer.best("vae") is trainer.parts.modules["vae"])
        alpha = 2 * edited.layer[:, :1].sigmoid() - 1
        mask = 2 * own.mask_logits.sigmoid() - 1
        return np.stack([as_pictures(p) for p in (x, own.image, mask, y, edited.image, alpha, undone.image, somebody)], axis=1)


def layer_loss(layer: Tensor, alpha: Tensor, x: Tensor, y: Tensor, is_object: Tensor) -> Tensor:
    """How far an object's alpha logits and colours, `layer` (B, 4, S, S), are from what was drawn over x (B, 3, S, S) to make y;
    for the pictures of `is_object` (B,) alone."""
    share = is_object.to(layer.dtype)[:, None, None, None]
    wrong = F.binary_cross_entropy_with_logits(layer[:, :1], alpha, reduction="none") * (1 + 4 * (alpha > 0.05))
    chance = layer[:, :1].sigmoid()
    laid = (x * (1 - chance) + chance * layer[:, 1:] - y).abs()
    return (share * (0.3 * wrong + laid)).mean()


def pictures_of(data: VaeData, rows: Sequence[int] | np.ndarray) -> Tensor:
    """(B, 3, S, S) in [-1, 1]."""
    return as_input(torch.from_numpy(np.asarray(data.images[rows])))


@torch.no_grad()
def start_steps(net: SpatialVae, data: VaeData, switches: tuple[str, ...]) -> None:
    """Attributes' steps as least squares of the change of z on the dose; Action Units' as within photos."""

    def latents(rows: np.ndarray) -> np.ndarray:
        parts = np.array_split(rows, max(1, len(rows) // 64))
        return np.concatenate([net.encode(pictures_of(data, part)).mean.numpy() for part in parts])

    pairs = [pair for pair in drawn_pairs(data, switches, validation=False) if pair.switch >= 0]
    difference = latents(np.array([p.row for p in pairs])) - latents(np.array([p.photo for p in pairs]))
    doses, owners = np.array([p.dose for p in pairs], np.float32), np.array([p.switch for p in pairs])
    for number in range(len(switches)):
        mine = owners == number
        net.switches[number] = torch.from_numpy(doses[mine] @ difference[mine] / np.square(doses[mine]).sum())
    frames = frame_pairs(data, validation=False)
    if frames:
        chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, min(len(frames), _START_UNITS)).astype(int)]
        rows = np.array([*(p.row for p in chosen), *dict.fromkeys(p.photo for p in chosen)])
        units = units_of(data)[rows]
        net.unit_steps.copy_(torch.from_numpy(unit_steps(latents(rows), units, [data.photos[row] for row in rows])))
