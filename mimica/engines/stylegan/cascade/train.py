"""Training of the embedded generator: `mimica train stylegan --preset embedded --data FACES -o RUN`, one run for all stages.

A plain adversarial training gets nowhere on two CPU cores. Here every stage has a picture to aim at, and critics only sharpen:

    autoencoder  encoder -> w -> base -> body, at 64 px: w starts as the pictures' principal components, the base as its linear
                 inverse; pixel and perceptual terms; w gets a little noise, so that what lies between codes is a face too
    critics      part of the batch is drawn from seeds; a plain critic with R1 and heads on frozen features, all with small
                 weights. The base stands still, the encoder follows slowly, and `CodeMapping` is fitted to it now and then
    top          64 -> 256 px on crops of true faces, pixel and perceptual terms; its input is a little blurred and noisy, as
                 the body's pictures are
    top_critics  the same with critics of crops
    joint        body and top together: what the body draws is enlarged, both kinds of critics judge
    encoder      the generator stands still; the encoder learns w, and a small change of it for each place

The body (the first two) and the top know nothing of each other until they are used, so two processes can train them at the same
time, `--set stages=body` and `--set stages=top` in two run folders; `mimica export embedded BODY/weights --top TOP/weights` makes
one generator. Each stage has steps of its own (`autoencoder_steps` ...); the next one starts from the running means. The run
folder holds everything to go on; `start` and `start_top` begin a new run from weights alone, and with `autoencoder_steps=0` it
begins in the second stage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.config import Preset, TrainingOptions
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.engines.stylegan.cascade import body, joint, top
from mimica.engines.stylegan.cascade.assemble import kept, take
from mimica.engines.stylegan.cascade.critics import BodyCritic, CropCritic, FeatureHeads
from mimica.engines.stylegan.cascade.inputs import shrunk
from mimica.engines.stylegan.cascade.losses import face_weight
from mimica.engines.stylegan.cascade.mapping import fit_seeds
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.cascade.options import PRESETS, CascadeOptions, plan, stage_at
from mimica.engines.stylegan.encoder import ENCODER_KIND, LINEAR_SIZE, Encoder
from mimica.engines.stylegan.pictures import PictureSource
from mimica.errors import ValueRangeError
from mimica.model_files.checkpoint import Weights, fill_module, load_weights, module_tensors, save_weights
from mimica.pictures.pixels import as_input, as_pictures
from mimica.reader.frozen import FrozenFeatures, load_frozen
from mimica.training.batches import Batch
from mimica.training.task import Parts, Task, TrainerView

DECAY, LEAST, WARM = 0.4, 0.05, 50
"""A stage's learning rate rises over its first `WARM` steps and falls over this last share of it, to this share of itself."""
SHARES = {"top_critics": 2 / 3, "joint": 1 / 2}
"""Of an optimiser's learning rate, in stages that are not its first."""
COMPONENT_PICTURES, HELD_OUT = 3000, 48
"""From so many pictures w's principal components are found; so many held-out ones are measured with every sample grid."""


class Cascade(Task):
    """Generator and encoder; an optimiser for each stage, as each learns other parameters. `steps` is only a limit: how long a
    run is follows from its stages."""

    name: ClassVar[str] = "stylegan (embedded)"
    options_type: ClassVar[type[TrainingOptions]] = CascadeOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    def __init__(self, options: Any, data: Path | Sequence[Path]) -> None:
        self.stages = plan(options)
        if options.given and options.stages != "top":
            raise ValueRangeError("`given` is for a top alone: set stages=top.")
        self._given = open_datasets([options.given], "ffhq") if options.given else None
        super().__init__(dataclasses.replace(options, steps=min(options.steps, self.stages[-1].stop)), data)

    @cached_property
    def faces(self) -> FaceDataset:
        return open_datasets(self.folders, "ffhq")

    @cached_property
    def features(self) -> FrozenFeatures:
        return load_frozen(self.options.features)

    @cached_property
    def weight(self) -> Tensor:
        """Of a pixel of the body's pictures, (1, 1, entry, entry)."""
        return face_weight(self.options.entry, self.options.face)

    @cached_property
    def _training(self) -> PictureSource:
        o = self.options
        return PictureSource(self.faces.part(validation=False), o.image_size, o.originals, given=self._given, given_size=o.entry)

    def source(self) -> PictureSource:
        return self._training

    def sample_source(self) -> PictureSource:
        return self._originals(validation=True) or self._training

    def _originals(self, validation: bool) -> PictureSource | None:
        """The photos themselves, or None where all people are of the other part."""
        part = self.faces.part(validation).originals()
        size, entry = self.options.image_size, self.options.entry
        return PictureSource(part, size, flip=False, given=self._given, given_size=entry) if len(part) else None

    def small_pictures(self, size: int, validation: bool = False, most: int = 0, mirrored: bool = True) -> Tensor:
        """Photos (N, 3, size, size) in [-1, 1], spread evenly over the set; with `mirrored` each of them twice."""
        source, rows = self._spread(validation, most)
        pictures = as_input(torch.from_numpy(source.faces.images(rows, size)))
        return torch.cat([pictures, pictures.flip(3)]) if mirrored else pictures

    def _spread(self, validation: bool, most: int) -> tuple[PictureSource, list[int]]:
        """A set, and the numbers of `most` photos (0: of all) spread evenly over it."""
        source = self._originals(validation) or self._training
        count = len(source.faces)
        return source, np.linspace(0, count - 1, min(count, most or count)).astype(int).tolist()

    # --- networks ---------------------------------------------------------------------------------------------------

    def build(self, options: Any) -> Parts:
        o = options
        generator = CascadeGenerator(
            o.image_size, o.entry, o.base_size, o.widths, o.top_width, o.context, o.w_size, o.w_size, o.codes, o.dims,
            o.blended,
        )  # fmt: skip
        encoder = Encoder(generator.synthesis.num_ws, o.w_size, o.encoder_width)
        self._start(generator, encoder)
        channels = self.features.channels()
        modules: dict[str, nn.Module] = {
            "generator": generator, "encoder": encoder, "critic": BodyCritic(o.entry), "heads": FeatureHeads(channels),
            "top_critic": CropCritic(), "top_heads": FeatureHeads(channels),
        }  # fmt: skip
        synthesis = generator.synthesis
        critics = {name: [*modules[f"{name}critic"].parameters(), *modules[f"{name}heads"].parameters()] for name in ("", "top_")}
        learnt = [*synthesis.body_parameters(), *encoder.parameters()]
        sharpened = synthesis.body_parameters(base=False)
        followed = {"params": list(encoder.parameters()), "lr": o.critics_learning_rate * o.encoder_share}
        optimisers = {
            "autoencoder": _adam([{"params": learnt}], o.learning_rate, 0.9),
            "critics": _adam([{"params": sharpened}, followed], o.critics_learning_rate, 0.0),
            "top": _adam([{"params": synthesis.top_parameters()}], o.top_learning_rate, 0.5),
            "joint": _adam(
                [{"params": sharpened}, followed, {"params": synthesis.top_parameters(), "lr": o.top_learning_rate}],
                o.critics_learning_rate,
                0.0,
            ),
            "encoder": _adam([{"params": list(encoder.parameters())}], o.encoder_learning_rate, 0.9),
            "critic": _adam([{"params": critics[""]}], o.critic_learning_rate, 0.0),
            "top_critic": _adam([{"params": critics["top_"]}], o.critic_learning_rate, 0.0),
        }
        return Parts(modules, optimisers, averaged=("generator", "encoder"))

    def _start(self, generator: CascadeGenerator, encoder: Encoder) -> None:
        """Weights of other runs, or principal components."""
        o = self.options
        if o.start_top:
            path = kept(o.start_top, "generator")
            take(generator, load_weights(path, CASCADE_KIND).tensors, "top", path)
        if o.start:
            path = kept(o.start, "generator")
            take(generator, load_weights(path, CASCADE_KIND).tensors, "body", path)
            path = kept(o.start, "encoder")
            fill_module(encoder, load_weights(path, ENCODER_KIND).tensors, path)
        elif o.stages != "top":
            encoder.start_with_components(self.small_pictures(LINEAR_SIZE, most=COMPONENT_PICTURES // 2), 0.7, 0.5)
            self.fit_base(generator, encoder)

    @torch.no_grad()
    def fit_base(self, generator: CascadeGenerator, encoder: Encoder) -> None:
        """The base as the linear inverse of the encoder's start."""
        pictures = self.small_pictures(self.options.entry, most=COMPONENT_PICTURES // 2)
        w = torch.cat([encoder(part)[0] for part in pictures.split(64)])
        generator.synthesis.fit_base(w, shrunk(pictures, self.options.base_size))

    @torch.no_grad()
    def fit_mapping(self, generator: Any, encoder: Any) -> None:
        """Seeds blend the codes of the training photos, mirrored ones too; about half of them are kept."""
        fit_seeds(generator, encoder, self.small_pictures(self.options.entry, most=self.options.codes), self.features)

    # --- one step ---------------------------------------------------------------------------------------------------

    def learning_rate_factor(self, step: int) -> float:
        """Rises at the start of each stage and falls towards its end."""
        stage = stage_at(self.stages, step)
        rising = min(1.0, (step - stage.start + 1) / WARM)
        falling = max(LEAST, min(1.0, (1 - stage.share(step)) / DECAY))
        return rising * falling * SHARES.get(stage.name, 1.0)

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        stage = stage_at(self.stages, trainer.step)
        if trainer.step == stage.start:
            self._begin(stage.name, trainer)
        image = as_input(batch["image"])
        image = image.contiguous(memory_format=torch.channels_last)
        if stage.name in top.STAGES:
            given = as_input(batch["given"]) if "given" in batch else None
            return top.step(self, image, trainer, stage.name == "top_critics", given)
        steps = {
            "autoencoder": body.autoencoder_step, "critics": body.critics_step, "joint": joint.joint_step,
            "encoder": body.encoder_step,
        }  # fmt: skip
        return steps[stage.name](self, image, trainer)

    @torch.no_grad()
    def _begin(self, stage: str, trainer: TrainerView) -> None:
        """A stage starts from the running means of the one before, which are kept in stages/STEP/ of the run folder."""
        if self.workspace is not None and trainer.step > 0:
            folder = self.workspace / "stages" / f"{trainer.step:07d}"
            folder.mkdir(parents=True, exist_ok=True)
            for stem, weights in self.weights(trainer).items():
                save_weights(folder / f"{stem}.safetensors", weights)
        for name, average in trainer.averages.items():
            trainer.parts.modules[name].load_state_dict(average.state_dict())
        generator: Any = trainer.parts.modules["generator"]
        if stage in body.STAGES:
            body.still_noise(generator.synthesis)
        if stage == "top_critics":
            top.start_noise(generator.synthesis)

    # --- what people see --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Held-out pictures, what becomes of them, and two rows of seeds (top: in place of these the small ones, bicubic)."""
        generator: Any = trainer.best("generator")
        encoder: Any = trainer.best("encoder")
        stage = stage_at(self.stages, max(0, trainer.step - 1)).name
        image = as_input(batch["image"])
        self._measure(stage, generator, encoder, trainer)
        if stage == "autoencoder":  # kept, so that the weights of this stage have seeds too
            self.fit_mapping(generator, encoder)
            trained: Any = trainer.parts.modules["generator"]
            trained.mapping.load_state_dict(generator.mapping.state_dict())
        small = as_input(batch["given"]) if "given" in batch else shrunk(image, self.options.entry)
        rows = [shrunk(image, self._side(stage)), self._rebuilt(stage, generator, encoder, small)]
        rows += [_bicubic(small, image.shape[-1])] if stage.startswith("top") else self._seeds(stage, generator, len(image))
        shown = rows[0].shape[-1] * (2 if stage in body.STAGES else 1)
        return np.stack([as_pictures(_bicubic(row, shown)) for row in rows])

    def _side(self, stage: str) -> int:
        """Of the pictures that a stage is about."""
        return int(self.options.entry if stage in body.STAGES else self.options.image_size)

    @staticmethod
    def _rebuilt(stage: str, generator: Any, encoder: Any, small: Tensor) -> Tensor:
        """Small pictures (B, 3, entry, entry), as the stage's part of the networks gives them back."""
        synthesis = generator.synthesis
        if stage.startswith("top"):
            made = synthesis.enlarged(small)
        elif stage == "joint":
            made = synthesis(encoder.w_plus(small), "none")
        else:
            made = synthesis.small(encoder.w_plus(small), "none")
        return torch.as_tensor(made)

    @staticmethod
    def _seeds(stage: str, generator: Any, count: int) -> list[Tensor]:
        """Two rows of fixed seeds."""
        z = torch.randn(2 * count, generator.mapping.z_size, generator=torch.Generator().manual_seed(0))
        w = generator.mapping(z.to(generator.mapping.values.device))
        draw = generator.synthesis.small if stage in body.STAGES else generator.synthesis
        return [draw(part) for part in w.split(count)]

    def _measure(self, stage: str, generator: Any, encoder: Any, trainer: TrainerView) -> None:
        """Peak signal-to-noise ratio of held-out photos, a line of the run's story."""
        source, rows = self._spread(True, HELD_OUT if stage in body.STAGES else HELD_OUT // 4)
        device = next(generator.parameters()).device
        wanted = as_input(torch.from_numpy(source.faces.images(rows, self.options.image_size))).to(device)
        small = shrunk(wanted, self.options.entry)
        if source.given is not None:
            small = as_input(torch.from_numpy(source.given_images(rows))).to(device)
        values = []
        for picture, part in zip(wanted.split(8), small.split(8), strict=True):
            made = self._rebuilt(stage, generator, encoder, part).clamp(-1, 1)
            squared = (made - shrunk(picture, self._side(stage))).square().mean((1, 2, 3))
            values.append(10 * torch.log10(4 / squared))
        sentence = f"{stage}: {float(torch.cat(values).mean()):.2f} dB on {len(wanted)} held-out photos at {self._side(stage)} px"
        trainer.notes.remark(trainer.step, sentence)
        self.say(f"step {trainer.step}: {sentence}")

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        generator: Any = trainer.best("generator")
        encoder: Any = trainer.best("encoder")
        notes = {
            "steps": trainer.step, "stage": stage_at(self.stages, max(0, trainer.step - 1)).name, "data": self.faces.title,
            "features": self.features.about,
        }  # fmt: skip
        return {
            "generator": Weights(CASCADE_KIND, 1, (), generator.config, module_tensors(generator), notes),
            "encoder": Weights(ENCODER_KIND, 1, (), encoder.config, module_tensors(encoder), notes),
        }


def _adam(groups: list[dict[str, Any]], learning_rate: float, beta: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, lr=learning_rate, betas=(beta, 0.99), fused=True)


def _bicubic(pictures: Tensor, size: int) -> Tensor:
    if pictures.shape[-1] == size:
        return pictures
    return F.interpolate(pictures, size=(size, size), mode="bicubic", align_corners=False)
