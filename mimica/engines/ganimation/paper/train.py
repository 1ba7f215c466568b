"""Training of GANimation as the paper does it, section 4.2 and 5: `mimica train ganimation DATA --preset paper -o RUN`.

One step is one step of the critic; every fifth is followed by one of the generator on the same batch. The picture that the
critic is shown is made once: on the fifth step the generator keeps its graph and uses it for its own step, as its weights
have not changed in between. Adam with rate 1e-4 and betas 0.5 and 0.999, falling to zero over the last third.

Where the data hold the same photo under several expressions, `pair_weight` adds what the paper, which has none, goes without:
the target is then that of such a picture, and the generator is shown how it should look. Until `critic_from` of the steps it
learns from these pairs alone, every step, at a quarter of the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions, option
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.engines.ganimation.paper import losses
from mimica.engines.ganimation.paper.edit import load_generator
from mimica.engines.ganimation.paper.networks import CRITIC_KIND, GENERATOR_KIND, Critic, Generator
from mimica.errors import DataError, UserError, WeightsError
from mimica.model_files.checkpoint import Weights, fill_module, module_tensors
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, Task, TrainerView

COLOR_SHARE = 0.2
"""Weight of the color mask's distance to the wanted picture beside the output's."""


@dataclass(frozen=True)
class GanimationOptions(TrainingOptions):
    """Options of the paper's training; the defaults are the paper's."""

    variant: Literal["paper", "authors-code"] = option("paper", "losses as the paper or as its authors' code has them")
    image_size: int = option(128, "side of the face crops in pixels, a multiple of 64", low=64)
    width: int = option(64, "channels of the generator's and the critic's first layer", low=4)
    blocks: int = option(6, "residual blocks of the generator", low=1)
    critic_steps: int = option(5, "steps of the critic for one of the generator", low=1)
    learning_rate: float = option(1e-4, "learning rate of both Adams", low=1e-8)
    au_weight: float = option(4000.0, "lambda_y, weight of the AU regression (3)", low=0)
    attention_weight: float = option(0.1, "lambda_A, weight of the attention loss (2)", low=0)
    tv_weight: float = option(1e-4, "lambda_TV, total variation inside (2); authors-code multiplies it by 0.1", low=0)
    cycle_weight: float = option(10.0, "lambda_idt, weight of the cycle loss (4), a mean over pixels", low=0)
    pair_weight: float = option(0.0, "weight of the L1 distance to the wanted picture, a mean over pixels; 0: no pairs", low=0)
    critic_from: float = option(0.0, "share of the steps before which the generator learns from pairs alone", low=0, high=1)
    penalty_weight: float = option(10.0, "lambda_gp, weight of the gradient penalty", low=0)
    target_noise: float = option(0.1, "uniform noise added to the target AUs, half its width", low=0, high=1)
    flip: bool = option(True, "mirror half of the pictures")
    people: Literal["all", "race"] = option(
        "all", "all: everybody but the held-out tenth; race: not those either on whom `mimica train classifier` learns"
    )
    au_gain: float = option(1.0, "multiplies the first layer's weights of the AUs at the start (`ControlledConv`)", low=0.01)
    start: Path | None = option(None, "a generator to start from, .safetensors or .pth; it may come from another image_size")


PRESETS: dict[str, Preset] = {
    "paper": {"steps": 240_000, "workers": 2},  # 30 epochs of 200,000 images in batches of 25
    "small": {  # as large as the presets `small` of the baselines, for trainings of the same hours on the same data
        "steps": 60_000, "image_size": 64, "width": 16, "blocks": 3, "batch_size": 8, "people": "race",
        "checkpoint_minutes": 5.0,
    },
    "smoke": {
        "steps": 200, "batch_size": 8, "image_size": 64, "width": 8, "blocks": 1, "learning_rate": 1e-3, "ema": 0.99,
        "log_every": 10, "sample_every": 100,
    },
}  # fmt: skip


class TripletSource:
    """Photos with their AUs and target AUs: `image` uint8 (B, S, S, 3), `values` and `targets` float32 (B, N), `mix` (B,).

    The target is the AUs of another image, drawn at random, with noise. `mix` places the sample of the gradient penalty. With
    a `pair_weight` the target is, exactly, that of another picture of the same photo, `wanted` (B, S, S, 3); `paired` (B,) is 0
    where the photo has no other.
    """

    def __init__(self, faces: FaceDataset, options: GanimationOptions) -> None:
        self.faces, self.options = faces, options
        self.siblings = siblings(faces.photos) if options.pair_weight else {}
        if options.pair_weight and len(faces) and not self.siblings:
            raise DataError("The data have no two pictures of one photo, which pair_weight needs; mimica prepare reanimated has.")

    def __len__(self) -> int:
        return len(self.faces)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        rows = [self._row(draw) for draw in draws]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _row(self, draw: Draw) -> dict[str, np.ndarray]:
        o, faces, random = self.options, self.faces, np.random.default_rng(draw.seed)
        noise = random.uniform(-o.target_noise, o.target_noise, len(faces.controls))
        other, mix = int(random.integers(len(faces))), random.random()
        mirror = o.flip and random.random() < 0.5
        paired = draw.item in self.siblings
        if paired:
            other, noise = int(random.choice(self.siblings[draw.item])), np.zeros(1)
        pictures = faces.images([draw.item, other] if o.pair_weight else [draw.item], o.image_size)
        values, target = faces.values[draw.item], (faces.values[other] + noise).astype(np.float32)
        if mirror:
            pictures, values = pictures[:, :, ::-1], values[faces.mirrored]
            target = target[faces.mirrored] if paired else target
        target = target.clip(0, 1) if o.variant == "paper" else target
        row = {"image": pictures[0], "values": values, "targets": target, "mix": np.float32(mix)}
        return row | {"wanted": pictures[1], "paired": np.float32(paired)} if o.pair_weight else row


def siblings(photos: Sequence[str]) -> dict[int, np.ndarray]:
    """For each picture whose photo ("" is none) has others: the numbers of those others."""
    groups: dict[str, list[int]] = {}
    for number, photo in enumerate(photos):
        if photo:
            groups.setdefault(photo, []).append(number)
    return {n: np.array([m for m in group if m != n]) for group in groups.values() if len(group) > 1 for n in group}


class Ganimation(Task):
    """Two networks, two optimisers, the losses of equation (5)."""

    name: ClassVar[str] = "ganimation"
    options_type: ClassVar[type[TrainingOptions]] = GanimationOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def faces(self) -> FaceDataset:
        faces = open_datasets(self.folders, "tight")
        return faces.without_judging() if self.options.people == "race" else faces

    @cached_property
    def _training(self) -> TripletSource:
        return TripletSource(self.faces.part(validation=False), self.options)

    def source(self) -> TripletSource:
        return self._training

    def sample_source(self) -> TripletSource:
        held_out = self.faces.part(validation=True)
        return TripletSource(held_out, self.options) if len(held_out) else self._training

    def build(self, options: Any) -> Parts:
        if options.critic_from and not options.pair_weight:
            raise UserError("Before critic_from the generator learns from pairs alone: give pair_weight too, for instance 1000.")
        controls = len(self.faces.controls)
        generator = Generator(controls, options.width, options.blocks)
        if options.start:
            self._start_from(generator, options.start)
        with torch.no_grad():
            generator.stem.weight[:, 3:] *= options.au_gain
        critic = Critic(controls, options.image_size, options.width)
        networks = {"generator": generator, "critic": critic}
        optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=options.learning_rate, betas=(0.5, 0.999), fused=True)
            for name, network in networks.items()
        }
        # the critic's large kernels over tiny maps are slower with the channels last, on the CPU
        return Parts(dict(networks), dict(optimisers), averaged=("generator",), channels_first=("critic",))

    def _start_from(self, generator: Generator, path: Path) -> None:
        weights = load_generator(path)
        if weights.controls != self.faces.controls:
            raise WeightsError(f"{path} is for the controls {', '.join(weights.controls)}, which are not those of the data.")
        fill_module(generator, weights.tensors, path)

    def learning_rate_factor(self, step: int) -> float:
        share = step / self.options.steps
        if self.options.variant == "paper":
            return min(1.0, 3.0 * (1.0 - share))
        return 1.0 - max(0, int(30 * share) - 20) / 10

    # --- one step ---------------------------------------------------------------------------------------------------

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        image = as_input(batch["image"])
        if trainer.step < self.options.critic_from * self.options.steps:
            return self._pair_step(image, batch, trainer)
        generator_turn = (trainer.step + 1) % self.options.critic_steps == 0
        with torch.set_grad_enabled(generator_turn), trainer.autocast():
            color, attention = trainer.network("generator")(image, batch["targets"])
            fake = losses.blend(color, attention, image)
        scalars = self._critic_step(image, fake.detach(), batch, trainer)
        scalars["attention_mean"] = attention.detach().mean()
        if generator_turn:
            scalars |= self._generator_step(image, color, attention, fake, batch, trainer)
        return scalars

    def _pair_step(self, image: Tensor, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        with trainer.autocast():
            color, attention = trainer.network("generator")(image, batch["targets"])
        loss, scalars = self._pair_terms(image, color, losses.blend(color, attention, image), batch)
        trainer.update("generator", loss + self._attention(attention))
        return scalars | {"attention_mean": attention.detach().mean()}

    def _pair_terms(self, image: Tensor, color: Tensor, fake: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        wanted, paired = as_input(batch["wanted"]), batch["paired"]
        of_fake, of_color = losses.pair_loss(fake, wanted, paired), losses.pair_color_loss(color, image, wanted, paired)
        scalars = {"generator_pair": of_fake.detach(), "generator_pair_color": of_color.detach()}
        return self.options.pair_weight * (of_fake + COLOR_SHARE * of_color), scalars

    def _critic_step(self, image: Tensor, fake: Tensor, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        o = self.options
        with trainer.autocast():
            patches, values = trainer.network("critic")(torch.cat([image, fake]))
        real_patches, fake_patches = patches.chunk(2)
        values = values[: len(image)]
        loss = losses.critic_loss(real_patches, fake_patches) + o.au_weight * self._expression(values, batch["values"])
        if o.variant == "authors-code":
            trainer.update("critic", loss)
            penalty = self._penalty(image, fake, batch, trainer)
            trainer.update("critic", o.penalty_weight * penalty)
        else:
            penalty = self._penalty(image, fake, batch, trainer)
            trainer.update("critic", loss + o.penalty_weight * penalty)
        return {
            "critic_distance": (real_patches.mean() - fake_patches.mean()).detach(),
            "critic_penalty": penalty.detach(),
            "critic_au_mse": (values - batch["values"]).square().mean().detach(),
        }

    def _penalty(self, image: Tensor, fake: Tensor, batch: Batch, trainer: TrainerView) -> Tensor:
        point = losses.interpolate(image, fake, batch["mix"])
        with trainer.autocast():
            return losses.gradient_penalty(trainer.network("critic", "input_gradient")(point))

    def _generator_step(
        self, image: Tensor, color: Tensor, attention: Tensor, fake: Tensor, batch: Batch, trainer: TrainerView
    ) -> dict[str, Tensor]:
        o, critic = self.options, trainer.parts.modules["critic"]
        critic.requires_grad_(False)
        with trainer.autocast():
            patches, values = trainer.network("critic")(fake)
            back_color, back_attention = trainer.network("generator")(fake, batch["values"])
        cycle = losses.cycle_loss(losses.blend(back_color, back_attention, fake), image)
        adversarial = losses.generator_loss(patches)
        loss = adversarial + o.au_weight * self._expression(values, batch["targets"]) + o.cycle_weight * cycle  # (5)
        loss = loss + self._attention(attention) + self._attention(back_attention)
        pair: dict[str, Tensor] = {}
        if o.pair_weight:
            extra, pair = self._pair_terms(image, color, fake, batch)
            loss = loss + extra
        trainer.update("generator", loss)
        critic.requires_grad_(True)
        return pair | {
            "generator_adversarial": adversarial.detach(),
            "generator_au_mse": (values - batch["targets"]).square().mean().detach(),
            "generator_cycle": cycle.detach(),
            "generator_attention": losses.attention_norm(attention).detach(),
        }

    def _expression(self, values: Tensor, wanted: Tensor) -> Tensor:
        if self.options.variant == "authors-code":
            return losses.expression_loss_of_the_code(values, wanted, self.options.batch_size)
        return losses.expression_loss(values, wanted)

    def _attention(self, attention: Tensor) -> Tensor:
        o = self.options
        if o.variant == "authors-code":
            return losses.attention_loss_of_the_code(attention, o.attention_weight, 0.1 * o.tv_weight, o.batch_size)
        return o.attention_weight * losses.attention_loss(attention, o.tv_weight)

    # --- what people see --------------------------------------------------------------------------------------------

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Input, attention (white keeps the photo), color, output, and the way back; a row a face."""
        generator, image = trainer.best("generator"), as_input(batch["image"])
        color, attention = generator(image, batch["targets"])
        fake = losses.blend(color, attention, image)
        back_color, back_attention = generator(fake, batch["values"])
        cycle = losses.blend(back_color, back_attention, fake)
        return np.stack([as_pictures(x) for x in (image, 2 * attention - 1, color, fake, cycle)], axis=1)

    def warnings(self, scalars: Mapping[str, float]) -> list[str]:
        mean = scalars.get("attention_mean", 0.5)
        if mean > (0.99 if self.options.pair_weight else 0.95):  # pairs show what stays as it is: most of the picture
            return [f"The attention mask is {mean:.3f} on average: near 1 the photo is left as it is; raise attention_weight."]
        if mean < 0.05:
            return [f"The attention mask is {mean:.3f} on average: near 0 all is repainted; lower attention_weight."]
        return []

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        o, controls = self.options, self.faces.controls
        config = {"image_size": o.image_size, "width": o.width, "blocks": o.blocks}
        notes = {"steps": trainer.step, "variant": o.variant, "data": self.faces.title}
        critic = {"image_size": o.image_size, "width": o.width}
        return {
            "generator": Weights(GENERATOR_KIND, 1, controls, config, module_tensors(trainer.best("generator")), notes),
            "critic": Weights(CRITIC_KIND, 1, controls, critic, module_tensors(trainer.parts.modules["critic"]), notes),
        }
