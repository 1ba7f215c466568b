"""The engine `vae`: z + steps of Action Units and attributes, decoded and laid over the photo within the predicted mask.

    z' = encode(photo) + UNIT_GAIN * sum over units (wanted - shown) * unit step + sum over attributes dose * attribute step
    out = photo + decode(z') - decode(z)        with detail: what the decoder loses of the photo (its fine lines) is added back
    out = decode(z')                            without detail: what the VAE itself sees

R. de S. Toledo 2021 for the arithmetic. The predicted head mask, before and after, bounds the result: face and hair change, the
background does not. With detail, old lines shine through where much moves; there the photo's own fine lines are faded out
(`mimica.face.overlay`). Where the latent is a map, what is added is made by `mimica.engines.vae.stages`. Runs without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mimica.engines.base import MAX_DOSE, Crop, Engine, Face, Rendered
from mimica.engines.vae.codec import WEIGHTS, Codec, Vectors, load_engine_file
from mimica.engines.vae.stages import Steps, latents, rebuilt, sorted_steps
from mimica.errors import ValueRangeError, nearest
from mimica.face.align import feather
from mimica.face.overlay import as_layers, changed_mask, enlarged, to_pixels, with_change
from mimica.facs import SIDED_AU_NAMES, to_vector

UNIT_GAIN = 2.0
"""How many times its fitted length an Action Unit's step is taken: a blurred change is read as less than it is. On nine training
photos and six emotions the reader's error was least from about here on."""
MAP_UNIT_GAIN = 1.4
"""The same where the latent is a map, whose steps were trained with the decoder."""
FADE_IN = 0.05
"""Without detail, the largest change of a control from which on the decoder's picture shows fully."""
BORDER = 0.06
"""Width of the mask's soft border at the crop's edge, as a share of the crop."""


@dataclass(frozen=True)
class State:
    """A photo, encoded: its latent (Z,), what is decoded from it, float32 (S, S, 3) of 0 to 255, and its head mask (S, S)."""

    face: Face
    units: np.ndarray
    latent: np.ndarray
    decoded: np.ndarray
    mask: np.ndarray


class VaeEngine:
    """The engine; `detail` adds the photo's fine lines, `plain` takes attribute vectors as mean differences, not
    de-correlated. Fits `mimica.engines.base.Engine`."""

    name = "vae"
    crop: Crop = "ffhq"
    image_size = 512

    def __init__(self, codec: Codec, vectors: Vectors, detail: bool = True, plain: bool = False) -> None:
        self.codec, self.vectors, self.detail, self.plain = codec, vectors, detail, plain
        self.attributes = vectors.attributes
        self.controls: tuple[str, ...] = (*SIDED_AU_NAMES, *self.attributes)

    def encode(self, face: Face) -> State:
        """The latent's mean and what it decodes to, once a photo."""
        small = cv2.resize(face.image, (self.codec.image_size,) * 2, interpolation=cv2.INTER_AREA)
        latent = self.codec.encode(small[None])
        decoded, mask = self.codec.decode(latent)
        return State(face, to_vector(face.controls, SIDED_AU_NAMES), latent[0], decoded[0], mask[0])

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame. Action Units are absolute, [0, 1]; attributes are doses, 0 as the photo shows it. Raises `ValueRangeError`
        for a control that does not exist and for a value out of range."""
        steps = self._steps(state, self._checked(values))
        image = state.face.image
        if steps.nothing:
            empty = np.zeros(image.shape[:2], np.float32)
            return Rendered(image.copy(), empty, as_layers(empty, image) if layers else {})
        if self.codec.is_map and self.detail:
            picture, reach, mask = rebuilt(self.codec, self.vectors, image, state.latent, state.decoded, steps)
        else:
            decoded, mask = (array[0] for array in self.codec.decode(latents(self.codec, self.vectors, state.latent, steps)[-1:]))
            change = enlarged(decoded - state.decoded, len(image))
            if self.detail:
                picture, reach = with_change(image, change), changed_mask(change)
            else:
                picture = enlarged(decoded, len(image))
                reach = np.full(image.shape[:2], self._strength(state, values), np.float32)
        head = enlarged(np.maximum(mask, state.mask), len(image)) * feather(len(image), BORDER * len(image))
        weight = np.clip(head * reach, 0, 1).astype(np.float32)
        result = to_pixels(picture)
        return Rendered(result, weight, as_layers(weight, result) if layers else {})

    def _checked(self, values: Mapping[str, float]) -> dict[str, float]:
        for name, value in values.items():
            if name not in self.controls:
                raise ValueRangeError(f"This engine has no control '{name}'{nearest(name, self.controls) or '.'}")
            low, high = (-MAX_DOSE, MAX_DOSE) if name in self.attributes else (0.0, 1.0)
            if not low <= value <= high:
                raise ValueRangeError(f"The control '{name}' is {value:g}; it must lie between {low:g} and {high:g}.")
        return dict(values)

    def _steps(self, state: State, values: Mapping[str, float]) -> Steps:
        """What is added to the latent."""
        wanted = to_vector({**state.face.controls, **values}, SIDED_AU_NAMES)
        doses = {name: dose for name, dose in values.items() if name in self.attributes and dose}
        gain = MAP_UNIT_GAIN if self.codec.is_map else UNIT_GAIN
        return sorted_steps(self.vectors, gain * (wanted - state.units) @ self.vectors.units, doses, self.plain)

    def _strength(self, state: State, values: Mapping[str, float]) -> float:
        """Without detail, a change sets in softly, as the decoder does not give the photo back."""
        own = {**dict.fromkeys(self.attributes, 0.0), **state.face.controls}
        return min(1.0, max(abs(value - own[name]) for name, value in values.items()) / FADE_IN)


def load_vae(weights: Path | None = None) -> VaeEngine:
    """The engine with the shipped weights or those of a file of `mimica export vae`. Raises `WeightsError`."""
    file, vectors = load_engine_file(weights or WEIGHTS)
    return VaeEngine(Codec(file), vectors)


def load(weights: Path | None = None) -> Engine:
    """`load_vae`, for the registry."""
    return load_vae(weights)
