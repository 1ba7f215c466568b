"""The judge of StarGAN's table 1: a network that names a face's emotion, and learns from other people than what it judges.

StarGAN's authors train a ResNet on the photos that also trained the models, and let it name edited faces; its error is the
figure. Here three groups of people are kept apart by a checksum of their names (`mimica.data.dataset`): a tenth is held out
and gets edited, three tenths train this classifier, the others train what is compared (`--set people=race`). It sees gray
pictures: most photos have no colour, and a generator must not win by it. Its own error on held-out photos is measured at
every checkpoint and written into the weights' notes: an edit can hardly do better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.data.dataset import FaceDataset, is_kept_for_judging, open_datasets
from mimica.engines.baselines.domains import DomainOptions, DomainSource, DomainTask
from mimica.face.align import crop_from_photo, cut
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, module_tensors
from mimica.pictures.pixels import as_input
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView

KIND = "emotion-classifier"
_TURN, _SCALE, _SHIFT, _TONE = 0.12, 0.08, 0.06, 0.15
"""Standard deviations of what training pictures are changed by: radians, factor, half sides, of [-1, 1]."""
MEASURED = 600
"""At most so many held-out faces, drawn evenly over the emotions, are named at each checkpoint."""


class Block(nn.Module):
    """The basic residual block of ResNet-18 (K. He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        same = inputs == outputs and stride == 1
        convs = [] if same else [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.past = nn.Sequential(*convs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return F.relu(self.past(x) + self.body(x))


class Classifier(nn.Module):
    """ResNet-18 for one gray channel, without its first pooling, as the faces are small."""

    def __init__(self, emotions: int, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        inputs = width
        for place in range(4):
            outputs = width * 2**place
            layers += [Block(inputs, outputs, 2 if place else 1), Block(outputs, outputs, 1)]
            inputs = outputs
        self.trunk, self.head = nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.2), nn.Linear(inputs, emotions))

    def forward(self, image: Tensor) -> Tensor:
        """Colour pictures (B, 3, S, S) in [-1, 1] -> scores (B, emotions), unbounded."""
        gray = image.mul(image.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        scores: Tensor = self.head(self.trunk(gray).mean((2, 3)).float())
        return scores


@dataclass(frozen=True)
class ClassifierOptions(DomainOptions):
    """Ours."""

    image_size: int = option(64, "side of the face crops in pixels", low=16)
    batch_size: int = option(64, "samples a step, over all processes together", low=2)
    learning_rate: float = option(1e-3, "learning rate of Adam", low=1e-8)
    decay_from: float = option(0.3, "share of the steps after which the learning rate falls steadily to 0", low=0, high=1)
    ema: float = option(
        0.99, "decay of the running mean of the weights, which is what gets exported; 0: none", low=0, high=0.99999
    )


def jittered(pictures: Tensor) -> Tensor:
    """The same faces (B, 3, S, S), each a little turned, scaled, shifted, brightened: a few thousand are soon known by heart."""
    count, device = len(pictures), pictures.device
    turn, size = _TURN * torch.randn(count, device=device), 1 + _SCALE * torch.randn(count, device=device)
    matrix = torch.stack([torch.cos(turn), -torch.sin(turn), torch.sin(turn), torch.cos(turn)], 1).view(-1, 2, 2)
    shift = _SHIFT * torch.randn(count, 2, 1, device=device)
    grid = F.affine_grid(torch.cat([matrix * size[:, None, None], shift], 2), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    gain, offset = (_TONE * torch.randn(count, 1, 1, 1, device=device) for _ in range(2))
    return (moved * (1 + gain) + offset).clamp(-1, 1)


class ClassifierTask(DomainTask):
    """One network, cross entropy with a little smoothing (human labels err)."""

    name: ClassVar[str] = "classifier"
    kind: ClassVar[str] = KIND
    options_type: ClassVar[type[TrainingOptions]] = ClassifierOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "small": {"steps": 6_000, "width": 24, "checkpoint_minutes": 5.0},
        "paper": {"steps": 20_000, "image_size": 128, "workers": 2},
        "smoke": {"steps": 20, "width": 4, "batch_size": 8, "ema": 0.5, "log_every": 5, "sample_every": 0,
        "checkpoint_minutes": 0.0},
    }  # fmt: skip

    @cached_property
    def faces(self) -> FaceDataset:
        """Everybody; `source` takes those kept for judging."""
        return open_datasets(self.folders)

    @cached_property
    def _training(self) -> DomainSource:
        kept = np.flatnonzero([is_kept_for_judging(s) for s in self.faces.subjects])
        return DomainSource(self.faces.subset(kept), self.domains, self.options)

    def build(self, options: Any) -> Parts:
        network = Classifier(len(self.domains), options.width)
        return Parts({"classifier": network}, {"classifier": self.adam(network, betas=(0.9, 0.999))}, averaged=("classifier",))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        pictures = jittered(as_input(batch["image"]))
        with trainer.autocast():
            scores = trainer.network("classifier")(pictures)
        loss = F.cross_entropy(scores, batch["domain"], label_smoothing=0.1)
        trainer.update("classifier", loss)
        return {"loss": loss.detach(), "training_error": (scores.argmax(1) != batch["domain"]).float().mean()}

    def sample(self, batch: Batch, trainer: TrainerView) -> None:
        """Nothing to see."""

    def held_out_error(self, trainer: TrainerView) -> float:
        """Mean over the emotions of the share of held-out faces whose emotion is named wrongly; NaN where none is held out."""
        network, held_out = trainer.best("classifier"), self.faces.part(validation=True)
        state, errors = network.training, []
        network.eval()
        for number, emotion in enumerate(self.domains):
            rows = np.flatnonzero([one == emotion for one in held_out.emotions])[: MEASURED // len(self.domains)]
            if len(rows):
                pictures = torch.from_numpy(held_out.images([int(i) for i in rows], self.options.image_size))
                with torch.no_grad():
                    named = network(as_input(pictures.to(next(network.parameters()).device))).argmax(1)
                errors.append(float((named != number).float().mean()))
        network.train(state)
        return float(np.mean(errors)) if errors else float("nan")

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        config = {"emotions": list(self.domains), "width": self.options.width, "image_size": self.options.image_size}
        error = self.held_out_error(trainer)
        notes = {"steps": trainer.step, "data": self.faces.title, "held_out_error": None if error != error else round(error, 4)}
        return {"classifier": Weights(KIND, 1, self.domains, config, module_tensors(trainer.best("classifier")), notes)}


class EmotionJudge:
    """A trained classifier at work. Raises `WeightsError` for a file that is none."""

    def __init__(self, path: Path) -> None:
        file = load_weights(path, KIND)
        self.emotions, self.notes = tuple(file.config["emotions"]), dict(file.notes)
        self.image_size = int(file.config["image_size"])
        config = {"emotions": len(self.emotions), "width": int(file.config["width"])}
        self.network = build_module(Classifier, config, path)
        fill_module(self.network, file.tensors, path)
        self.network.eval()

    @torch.inference_mode()
    def probabilities(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """Tight crops, uint8 (S, S, 3) each, S = `image_size` -> float32 (N, emotions)."""
        return F.softmax(self.network(as_input(torch.from_numpy(np.stack(crops)))), dim=1).numpy()

    def read(self, photo: np.ndarray, landmarks_photo: np.ndarray) -> dict[str, float]:
        """A photo, uint8 (H, W, 3), and its face's landmarks (68, 2) -> probabilities by emotion."""
        size = max(self.image_size, 128)
        crop = cut(photo, crop_from_photo(landmarks_photo, size), size)
        crop = cv2.resize(crop, (self.image_size,) * 2, interpolation=cv2.INTER_AREA)
        row = self.probabilities([crop])[0]
        return {emotion: float(p) for emotion, p in zip(self.emotions, row, strict=True)}
