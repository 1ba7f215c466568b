"""Training of the embedded generator: `mimica train stylegan --preset embedded --data FACES -o RUN`, one run for all stages.

A plain adversarial training gets nowhere on two CPU cores. Here every stage has a picture to aim at, and critics only sharpen:

    autoencoder  encoder -> w -> base -> body, at 64 px: w starts as the pictures' principal components, the base as its linear
                 inverse; pixel and perceptual terms; w gets a little noise, so that what lies between codes is a face too
    critics      part of the batch is drawn from seeds; a plain critic with R1 and heads on frozen features, all with small
                 weights. The base stands still, the encoder follows slowly, and `CodeMapping` is fitted to it now and then
    top          64 -> 256 px on crops of true faces, pixel and perceptual terms; its input is a little blurred and noisy, as
                 the body's pictures are
    top_critics  the same with critics of crops

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

from mimica.batches import Batch, as_input, as_pictures
from mimica.checkpoint import Weights, fill_module, load_weights, module_tensors
from mimica.config import Preset, TrainingOptions
from mimica.dataset import FaceDataset, open_datasets
from mimica.engines.stylegan.cascade import body, top
from mimica.engines.stylegan.cascade.assemble import take
from mimica.engines.stylegan.cascade.critics import BodyCritic, CropCritic, FeatureHeads
from mimica.engines.stylegan.cascade.features import FrozenFeatures, load_frozen
from mimica.engines.stylegan.cascade.inputs import shrunk
from mimica.engines.stylegan.cascade.losses import face_weight
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.cascade.options import PRESETS, CascadeOptions, plan, stage_at
from mimica.engines.stylegan.encoder import ENCODER_KIND, LINEAR_SIZE, Encoder
from mimica.engines.stylegan.pictures import PictureSource
from mimica.training import Parts, Task, Trainer

DECAY, LEAST, WARM = 0.4, 0.05, 50
"""A stage's learning rate rises over its first `WARM` steps and falls over this last share of it, to this share of itself."""
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
        super().__init__(dataclasses.replace(options, steps=min(options.steps, self.stages[-1].stop)), data)

    @cached_property
    def faces(self) -> FaceDataset:
        return open_datasets(self.folders)

    @cached_property
    def features(self) -> FrozenFeatures:
        return load_frozen(self.options.features)

    @cached_property
    def weight(self) -> Tensor:
        """Of a pixel of the body's pictures, (1, 1, entry, entry)."""
        return face_weight(self.options.entry, self.options.face)

    @cached_property
    def _training(self) -> PictureSource:
        return PictureSource(self.faces.part(validation=False), self.options.image_size, self.options.originals)

    def source(self) -> PictureSource:
        return self._training

    def sample_source(self) -> PictureSource:
        return self._originals(validation=True) or self._training

    def _originals(self, validation: bool) -> PictureSource | None:
        """The photos themselves, or None where all people are of the other part."""
        part = self.faces.part(validation)
        part = part.subset(np.flatnonzero([photo == "" for photo in part.photos]))
        return PictureSource(part, self.options.image_size, flip=False) if len(part) else None

    def small_pictures(self, size: int, validation: bool = False, most: int = 0, mirrored: bool = True) -> Tensor:
        """Photos (N, 3, size, size) in [-1, 1], spread evenly over the set; with `mirrored` each of them twice."""
        source = self._originals(validation) or self._training
        rows = np.linspace(0, len(source.faces) - 1, min(len(source.faces), most or len(source.faces))).astype(int)
        pictures = as_input(torch.from_numpy(source.faces.images(rows.tolist(), size)))
        return torch.cat([pictures, pictures.flip(3)]) if mirrored else pictures

    # --- networks ---------------------------------------------------------------------------------------------------

    def build(self, options: Any) -> Parts:
        o = options
        generator = CascadeGenerator(
            o.image_size, o.entry, o.base_size, o.widths, o.top_width, o.context, o.w_size, o.w_size, o.codes, o.dims
        )
        encoder = Encoder(generator.synthesis.places, o.w_size, o.encoder_width)
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
            "critic": _adam([{"params": critics[""]}], o.critic_learning_rate, 0.0),
            "top_critic": _adam([{"params": critics["top_"]}], o.critic_learning_rate, 0.0),
        }
        return Parts(modules, optimisers, averaged=("generator", "encoder"))

    def _start(self, generator: CascadeGenerator, encoder: Encoder) -> None:
        """Weights of other runs, or principal components."""
        o = self.options
        if o.start_top:
            path = o.start_top / "generator.safetensors"
            take(generator, load_weights(path, CASCADE_KIND).tensors, "top", path)
        if o.start:
            path = o.start / "generator.safetensors"
            take(generator, load_weights(path, CASCADE_KIND).tensors, "body", path)
            path = o.start / "encoder.safetensors"
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
        """Seeds blend the codes of the training photos, mirrored ones too."""
        device = generator.mapping.values.device
        pictures = self.small_pictures(self.options.entry, most=self.options.codes // 2)
        w = torch.cat([encoder(part.to(device))[0] for part in pictures.split(64)])
        generator.mapping.fit_codes(w, generator.synthesis.base(w))

    # --- one step ---------------------------------------------------------------------------------------------------

    def rate(self, step: int) -> float:
        """Rises at the start of each stage and falls towards its end."""
        stage = stage_at(self.stages, step)
        rising = min(1.0, (step - stage.start + 1) / WARM)
        falling = max(LEAST, min(1.0, (1 - stage.share(step)) / DECAY))
        return rising * falling * (2 / 3 if stage.name == "top_critics" else 1.0)

    def step(self, batch: Batch, trainer: Trainer) -> dict[str, Tensor]:
        stage = stage_at(self.stages, trainer.step)
        if trainer.step == stage.start:
            self._begin(stage.name, trainer)
        image = as_input(batch["image"])
        image = image.contiguous(memory_format=torch.channels_last)
        steps = {
            "autoencoder": body.autoencoder_step, "critics": body.critics_step, "top": top.top_step,
            "top_critics": top.critics_step,
        }  # fmt: skip
        return steps[stage.name](self, image, trainer)

    @torch.no_grad()
    def _begin(self, stage: str, trainer: Trainer) -> None:
        """A stage starts from the running means of the one before."""
        for name, average in trainer.averages.items():
            trainer.parts.modules[name].load_state_dict(average.state_dict())
        generator: Any = trainer.parts.modules["generator"]
        if stage == "critics":
            body.start_noise(generator.synthesis)
        if stage == "top_critics":
            top.start_noise(generator.synthesis)

    # --- what people see --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, batch: Batch, trainer: Trainer) -> np.ndarray:
        """Body: held-out pictures, rebuilt, and seeds in two rows. Top: held-out pictures, bicubic from the small ones, drawn."""
        generator: Any = trainer.best("generator")
        encoder: Any = trainer.best("encoder")
        image, stage = as_input(batch["image"]), stage_at(self.stages, max(0, trainer.step - 1))
        self._measure(stage.name, generator, encoder, trainer)
        small = shrunk(image, self.options.entry)
        if stage.name in body.STAGES:
            if stage.name == "autoencoder":
                self.fit_mapping(generator, encoder)
            rows = [small, generator.synthesis.small(encoder(small)[0]), *self._seeds(generator, len(small))]
        else:
            rows = [image, _bicubic(small, image.shape[-1]), generator.synthesis.enlarged(small, "none")]
        side = max(row.shape[-1] for row in rows)
        shown = 2 * side if stage.name in body.STAGES else side
        return np.stack([as_pictures(_bicubic(row, shown)) for row in rows])

    @staticmethod
    def _seeds(generator: Any, count: int) -> list[Tensor]:
        """What the body draws for two rows of fixed seeds."""
        z = torch.randn(2 * count, generator.mapping.z_size, generator=torch.Generator().manual_seed(0))
        device = generator.mapping.values.device
        return list(generator.synthesis.small(generator.mapping(z.to(device))).split(count))

    def _measure(self, stage: str, generator: Any, encoder: Any, trainer: Trainer) -> None:
        """Peak signal-to-noise ratio of held-out photos, a line of the run's story."""
        whole = stage not in body.STAGES
        size = self.options.image_size if whole else self.options.entry
        wanted = self.small_pictures(size, validation=True, most=HELD_OUT // (4 if whole else 1), mirrored=False)
        wanted = wanted.to(next(generator.parameters()).device)
        made = []
        for part in wanted.split(8):
            small = shrunk(part, self.options.entry)
            synthesis = generator.synthesis
            made.append(synthesis.enlarged(small) if whole else synthesis.small(encoder(small)[0], "none"))
        squared = (torch.cat(made).clamp(-1, 1) - wanted).square().mean((1, 2, 3))
        psnr = float((10 * torch.log10(4 / squared)).mean())
        sentence = f"{stage}: {psnr:.2f} dB on {len(wanted)} held-out photos at {size} px"
        trainer.notes.remark(trainer.step, sentence)
        self.say(f"step {trainer.step}: {sentence}")

    def weights(self, trainer: Trainer) -> dict[str, Weights]:
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


def _adam(groups: list[dict[str, Any]], rate: float, beta: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, lr=rate, betas=(beta, 0.99), fused=True)


def _bicubic(pictures: Tensor, size: int) -> Tensor:
    if pictures.shape[-1] == size:
        return pictures
    return F.interpolate(pictures, size=(size, size), mode="bicubic", align_corners=False)
