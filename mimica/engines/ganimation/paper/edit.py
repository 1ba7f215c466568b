"""The paper's generator as an engine: our own trainings (safetensors) and the checkpoints that `authors` reads (.pth).

Runs on torch, on the CPU. The generator does not give a photo back exactly when it is asked for the expression it has, so
the edit is faded in over the first 0.05 of change, and no change gives the photo itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mimica.engines.base import Crop, Face, Rendered
from mimica.engines.ganimation.paper.authors import load_checkpoint
from mimica.engines.ganimation.paper.networks import GENERATOR_KIND, Generator, blend
from mimica.errors import ValueRangeError, WeightsError, nearest
from mimica.face.align import feather
from mimica.facs import to_vector
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, whole
from mimica.pictures.pixels import as_input, as_pictures

FADE_IN = 0.05
"""Largest change of a control from which on the edit shows fully."""
BORDER = 0.06
"""Width of the soft border of the mask, as a share of the crop."""


@dataclass(frozen=True)
class PaperState:
    """A photo, encoded: the face as given, its picture (1, 3, S, S) in [-1, 1] and its values (N,)."""

    face: Face
    image: torch.Tensor
    values: np.ndarray


class PaperEngine:
    """GANimation as its paper has it; fits `mimica.engines.base.Engine`."""

    name = "ganimation"
    crop: Crop = "tight"

    def __init__(self, weights: Weights, source: Path) -> None:
        self.controls = weights.controls
        self.image_size = whole(weights.config, "image_size", source, 16, 2048)
        numbers = {name: whole(weights.config, name, source) for name in ("width", "blocks")}
        self.generator = build_module(Generator, {"controls": len(self.controls), **numbers}, source).eval()
        fill_module(self.generator, weights.tensors, source)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, face: Face) -> PaperState:
        """The picture as a tensor; the generator does the rest for every frame."""
        return PaperState(face, as_input(torch.from_numpy(face.image)[None]), to_vector(face.controls, self.controls))

    @torch.inference_mode()
    def render(self, state: PaperState, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame; a control left out keeps the photo's value. Raises `ValueRangeError` for an unknown control and for a
        value out of range."""
        unknown = [name for name in values if name not in self.controls]
        if unknown:
            raise ValueRangeError(f"This model has no control '{unknown[0]}'{nearest(unknown[0], self.controls) or '.'}")
        illegal = [name for name, value in values.items() if not 0 <= value <= 1]
        if illegal:
            raise ValueRangeError(f"The control '{illegal[0]}' is {values[illegal[0]]:g}; it must lie between 0 and 1.")
        wanted = to_vector({**state.face.controls, **values}, self.controls)
        strength = min(1.0, float(np.abs(wanted - state.values).max()) / FADE_IN)
        if strength == 0.0:
            return Rendered(state.face.image, np.zeros(state.face.image.shape[:2], np.float32))
        color, attention = self.generator(state.image, torch.from_numpy(wanted)[None])
        picture = as_pictures(blend(color, attention, state.image))[0]
        kept = attention[0, 0].numpy()
        mask = np.clip((1 - kept) * 10, 0, 1) * feather(kept.shape, BORDER * len(kept)) * strength
        shown = {"attention": kept, "color": (color[0].permute(1, 2, 0).numpy() + 1) / 2} if layers else {}
        return Rendered(picture, mask.astype(np.float32), shown)


def load_generator(path: Path) -> Weights:
    """A generator's weights, of `mimica train ganimation` or from a .pth checkpoint. Raises `WeightsError`."""
    if path.suffix not in (".pth", ".pt"):
        return load_weights(path, GENERATOR_KIND)
    loaded = load_checkpoint(path)
    if loaded.kind != GENERATOR_KIND:
        raise WeightsError(f"{path} is a critic; give the generator's file (net_epoch_N_id_G.pth or N_net_gen.pth).")
    return loaded


def load(weights: Path) -> PaperEngine:
    """The engine for a generator of `mimica train ganimation` or a .pth checkpoint. Raises `WeightsError`."""
    return PaperEngine(load_generator(weights), weights)
