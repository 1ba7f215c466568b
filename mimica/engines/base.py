"""The engine contract and the registry.

An engine turns one aligned face and a set of control values into the same face with those values:

    state = engine.encode(face)              once a photo
    rendered = engine.render(state, values)  once a frame

`values` are absolute: the intensity to be shown, not a change; angles as the reader reads them. Values equal to `face.controls`
must give `face.image` back bit for bit. An engine that moves heads has controls of `mimica.motion.track.HEAD` among its own,
and `turn`:

    frame = turn_heads.turn(state, frame, crop_from_photo, values)     once a frame, last of all

since a head is larger than its crop: it gets the whole photo with what was rendered pasted in. A new engine is a folder and one
line in `REGISTRY`; the command line and the contract test list it from there."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from mimica.errors import MissingExtraError, ValueRangeError, nearest

Crop = Literal["tight", "ffhq", "window"]
"""How an engine wants its face cut out: the aligned square crops of `mimica.face.align`, or `window`, an upright rectangle
of the photo's own pixels around the face, never resampled (for engines that keep the photo's resolution)."""


@dataclass(frozen=True)
class Face:
    """One face as an engine receives it: already cut out and aligned (see `mimica.face.align`).

    image           uint8 (H, W, 3) RGB, the crop that `Engine.crop` names (square unless it is a window)
    landmarks_crop  float32 (68, 2), iBUG order, pixels of the crop, pixel i spans i..i+1
    controls        the values the photo shows now, by name, Action Units in [0, 1], angles in degrees; at least `Engine.controls`
    irises_crop     float32 (2, 2), the iris at the left of the picture first; None where they are not known
    others_crop     the landmarks of the photo's other faces, which stay where they are when the head turns
    glasses_crop    float32 (n, 2), the hull of glasses that will be laid over the face: they stay rigid; None without
    """

    image: np.ndarray
    landmarks_crop: np.ndarray
    controls: Mapping[str, float]
    irises_crop: np.ndarray | None = None
    others_crop: tuple[np.ndarray, ...] = ()
    glasses_crop: np.ndarray | None = None


@dataclass(frozen=True)
class Rendered:
    """One frame of an engine.

    image   uint8 (H, W, 3) RGB, H and W as in `Face.image`
    mask    float32 (H, W) in [0, 1]: where `image` replaces the photo; 0 outside what the edit moved, 0 at the border
    layers  what the engine made it from, by name, for `--masks`: `attention` (H, W) and `color` (H, W, 3) in [0, 1],
            `flow` (H, W, 2) in pixels of the crop; empty unless asked for
    """

    image: np.ndarray
    mask: np.ndarray
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)


@runtime_checkable
class Engine(Protocol):
    """What every engine offers."""

    name: str
    controls: tuple[str, ...]
    crop: Crop
    image_size: int
    """Side in pixels of an aligned crop; for a window, nothing but a hint of the engine's own resolution."""

    def encode(self, face: Face) -> Any:
        """What does not depend on the target. The state is the engine's own affair."""
        ...

    def render(self, state: Any, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame with the absolute control `values` (a name left out keeps the photo's own value)."""
        ...


@runtime_checkable
class TurnsHeads(Protocol):
    """What an engine offers besides if it can turn, tilt or move the head."""

    def reach(self, state: Any) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1), pixels of the crop, perhaps beyond it: what `turn` may touch."""
        ...

    def turn(self, state: Any, frame: np.ndarray, crop_from_photo: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
        """A frame of the photo, uint8 (H, W, 3), with the head of the face as `values` say: another array, or the frame itself
        where they do not move it. What lies beyond the head's surroundings is the frame's, bit for bit."""
        ...


@runtime_checkable
class KnowsFaces(Protocol):
    """What an engine offers besides if it finds things in a face that are not to change from one frame of a film to the next."""

    def encode_next(self, face: Face, before: Any) -> Any:
        """As `Engine.encode`, for the next frame of a film; `before` is the state of the frame before, None for the first."""
        ...


MAX_DOSE = 4.0
"""Largest dose of an attribute, either way: further out no network has seen anything."""


def attributes_of(engine: Engine) -> tuple[str, ...]:
    """The controls of `engine` that are attributes: doses relative to the photo, which itself has 0 of each; negative ones go
    the other way. An engine that has some names them in `attributes`; all its other controls can be read from a photo."""
    return tuple(getattr(engine, "attributes", ()))


REGISTRY: dict[str, str] = {
    "ganimation": "mimica.engines.ganimation.edit:load",
    "vae": "mimica.engines.vae.edit:load",
    "stylegan": "mimica.engines.stylegan.edit:load",
    "stargan": "mimica.engines.baselines.edit:load_stargan",
    "cyclegan": "mimica.engines.baselines.edit:load_cyclegan",
    "diat": "mimica.engines.baselines.edit:load_diat",
    "icgan": "mimica.engines.baselines.edit:load_icgan",
}
"""Engine name -> `module:function`; the function takes `weights: Path | None` (None: the shipped ones) and gives an `Engine`."""


def load_engine(name: str = "ganimation", weights: str | Path | None = None) -> Engine:
    """The engine called `name`. Raises `ValueRangeError` for an unknown name, `WeightsError` for unusable weights,
    `MissingExtraError` where the engine needs a package that is not installed."""
    if name not in REGISTRY:
        raise ValueRangeError(
            f"There is no engine '{name}'{nearest(name, REGISTRY) or ';'} the engines are {', '.join(REGISTRY)}."
        )
    module, function = REGISTRY[name].split(":")
    try:
        load = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mimica"):
            raise
        raise MissingExtraError(f"The engine '{name}' needs the package '{error.name}': pip install 'mimica[train]'.") from error
    engine: Engine = load(Path(weights) if weights else None)
    return engine


def load_with_directions(name: str, weights: str | Path | None, directions: str | Path) -> Engine:
    """The engine with the latent directions of a file as further attributes. Raises as `load_engine`, and `ValueRangeError` for
    an engine that has none."""
    engine = load_engine(name, weights)
    if not hasattr(engine, "with_directions"):
        raise ValueRangeError(f"The engine '{name}' has no latent space of StyleGAN's; --directions is for --engine stylegan.")
    with_them: Engine = engine.with_directions(Path(directions))
    return with_them


def load_without_detail(name: str | Engine, weights: str | Path | None = None) -> Engine:
    """The engine, by its name or loaded already, without the photo's fine lines, which the engines that decode a latent add to
    their pictures. Raises as `load_engine`, and `ValueRangeError` for an engine that keeps the photo's own pixels."""
    engine = load_engine(name, weights) if isinstance(name, str) else name
    if not hasattr(engine, "detail"):
        raise ValueRangeError(f"The engine '{engine.name}' keeps the photo's own pixels; --no-detail is for vae and stylegan.")
    engine.detail = False
    return engine
