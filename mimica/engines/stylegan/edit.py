"""The engine `stylegan`: a photo is projected into W+ once, its code is edited, and what that changes is laid over the photo.

    Action Units, emotions    the pseudo-autoencoder (`autoencoder`); without one, directions that were learnt from Action Units
    yaw, pitch, gaze          directions that were learnt from these angles, if there are any
    attributes                the other directions by name, a dose each (`--direction smile=1.5`)

    out = photo + G(w_t) - G(w_s)     with detail: the photo keeps its fine lines and its background; of generators of 128 px
                                      and more the photo's pixels move first as G(w_s) does to become G(w_t)
    out = G(w_t)                      without detail: what the generator itself makes

w_s is the photo's code, w_t the edited one. Where the pseudo-autoencoder has the paper's form, which gives no code back exactly,
small changes are a transition w_s + alpha (w_t - w_s), so that no change shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mimica.engines.base import MAX_DOSE, Crop, Engine, Face, Rendered
from mimica.engines.stylegan.autoencoder import LatentEditor, load_editor, transition
from mimica.engines.stylegan.codec import Codec, companion, load_codec
from mimica.engines.stylegan.directions import Direction, load_directions
from mimica.engines.stylegan.latents import GAZE, POSE
from mimica.errors import ValueRangeError, WeightsError, nearest
from mimica.face.align import feather
from mimica.face.overlay import as_layers, changed_mask, enlarged, to_pixels, with_change, with_motion
from mimica.facs import AU_NAMES, to_vector

FADE_IN = 0.05
"""Largest change of a control from which on an edit shows fully."""
REACH = 1.2
"""How much further codes go than the residual pseudo-autoencoder says: it has learnt means, and the encoder gives codes that are
nearer the mean than the photo is, so both fall short. Chosen on ten portraits of people trained on: the largest of 1.2, 1.3, 1.4
whose edits keep an identity distance below 0.28 there."""
BORDER = 0.06
"""Width of the mask's soft border at the crop's edge, as a share of the crop."""
MAX_ANGLE = 45.0
MOVING = 128
"""Side of a generator's pictures from which on what moves between two of them can be told."""
_FOREHEAD, _CHIN, _SOFT = 0.7, 0.5, 0.15
"""How far the mask of the face reaches above the brows and below the chin, and how soft it is, in eye distances."""


@dataclass(frozen=True)
class State:
    """A photo, projected: its code (num_ws, w_size), what is made from it, float32 (S, S, 3) of 0 to 255, the values it shows
    (controls,) and the mask of its face (H, W)."""

    face: Face
    code: np.ndarray
    decoded: np.ndarray
    values: np.ndarray
    mask: np.ndarray


class StyleganEngine:
    """The engine; fits `mimica.engines.base.Engine`. `project` gives codes for FFHQ crops; None: the encoder's."""

    name = "stylegan"
    crop: Crop = "ffhq"
    image_size = 512

    def __init__(
        self,
        codec: Codec,
        directions: Mapping[str, Direction],
        editor: LatentEditor | None = None,
        project: Callable[[np.ndarray], np.ndarray] | None = None,
        detail: bool = True,
    ) -> None:
        self.codec, self.directions, self.editor, self.detail = codec, dict(directions), editor, detail
        self._project = project or codec.encode
        by_column = {one.column: one for one in directions.values() if one.per_dose}
        self._steered = {c: one for c, one in by_column.items() if c in (*POSE, *GAZE) or (c in AU_NAMES and editor is None)}
        self.units = tuple(u for u in AU_NAMES if (u in editor.units if editor else u in self._steered))
        self.controls: tuple[str, ...] = (*self.units, *(p for p in (*POSE, *GAZE) if p in self._steered))
        self.attributes = tuple(name for name in directions if name not in self.controls)
        self.controls += self.attributes

    def with_directions(self, path: Path) -> StyleganEngine:
        """An engine that has the directions of a file too, ours or published ones, as attributes. Raises `WeightsError` for a
        file that is none or made for another generator."""
        more = load_directions(path, self.codec.num_ws)
        for one in more.values():
            if one.vector.shape[1] != self.codec.w_size or one.generator not in ("", self.codec.fingerprint):
                raise WeightsError(
                    f"The directions in {path} are for another generator: theirs has {one.vector.shape[1]} values a layer, this "
                    f"one {self.codec.w_size}; give the generator they were made for as --weights."
                )
        return StyleganEngine(self.codec, {**self.directions, **more}, self.editor, self._project, self.detail)

    def encode(self, face: Face) -> State:
        """The code and what it decodes to, once a photo."""
        code = self._project(face.image[None])
        return State(face, code[0], self.codec.decode_levels(code)[0], self._vector(face.controls), _face_mask(face))

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame. Action Units are absolute, [0, 1], angles in degrees; attributes are doses, 0 as the photo shows it. Raises
        `ValueRangeError` for a control that does not exist and for a value out of range."""
        image, change = state.face.image, self._change(state, values)
        if not any(change.values()):
            empty = np.zeros(image.shape[:2], np.float32)
            return Rendered(image.copy(), empty, as_layers(empty, image) if layers else {})
        made = self.codec.decode_levels(self.edited(state.code, change)[None])[0]
        return self.composed(state, made, change, layers=layers)

    def composed(self, state: State, made: np.ndarray, change: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """The picture that was made, float32 (S, S, 3) levels, as it is laid over the photo."""
        image = state.face.image
        difference = enlarged(made - state.decoded, len(image))
        head_moves = any(value for name, value in change.items() if name not in self.units)
        weight = feather(len(image), BORDER * len(image)) * (1.0 if head_moves else state.mask)
        if self.detail and self.codec.image_size >= MOVING:
            picture = with_motion(image, state.decoded, made)
            weight = weight * np.maximum(changed_mask(difference), changed_mask(picture - image))
        elif self.detail:
            picture, weight = with_change(image, difference), weight * changed_mask(difference)
        else:
            picture, weight = enlarged(made, len(image)), weight * min(1.0, max(map(abs, change.values())) / FADE_IN)
        result, weight = to_pixels(picture), np.clip(weight, 0, 1).astype(np.float32)
        return Rendered(result, weight, as_layers(weight, result) if layers else {})

    def edited(self, code: np.ndarray, change: Mapping[str, float]) -> np.ndarray:
        """A code (num_ws, w_size) with changes by name: of Action Units, of angles in degrees, doses of attributes."""
        steps = np.array([change.get(unit, 0.0) for unit in self.editor.units]) if self.editor else np.zeros(0)
        if self.editor and steps.any():
            target = self.editor.edit(code[None], steps[None])[0]
            reach = REACH if self.editor.net.form == "residual" else 1.0
            code = transition(code, target, reach * min(1.0, float(np.abs(steps).max()) / FADE_IN))
        for name in self.controls:
            value = change.get(name, 0.0)
            if not value or (self.editor and name in self.units):
                continue
            steered = self._steered.get(name)
            code = code + (steered.step(value / steered.per_dose) if steered else self.directions[name].step(value))
        return np.asarray(code, np.float32)

    def _change(self, state: State, values: Mapping[str, float]) -> dict[str, float]:
        """What is asked for less what the photo shows, by name."""
        for name, value in values.items():
            if name not in self.controls:
                raise ValueRangeError(f"This engine has no control '{name}'{nearest(name, self.controls) or '.'}")
            low, high = (0.0, 1.0) if name in self.units else (-MAX_ANGLE, MAX_ANGLE)
            if name in self.attributes:
                low, high = -MAX_DOSE, MAX_DOSE
            if not low <= value <= high:
                raise ValueRangeError(f"The control '{name}' is {value:g}; it must lie between {low:g} and {high:g}.")
        wanted = self._vector({**state.face.controls, **values})
        return {name: float(step) for name, step in zip(self.controls, wanted - state.values, strict=True)}

    def _vector(self, values: Mapping[str, float]) -> np.ndarray:
        return to_vector({**dict.fromkeys(self.attributes, 0.0), **values}, self.controls)


def _face_mask(face: Face) -> np.ndarray:
    """float32 (H, W): 1 on the face, from above the brows to where a dropped jaw reaches, softly 0 outside."""
    points = np.asarray(face.landmarks_crop, np.float64)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    eye_distance = float(np.hypot(*(right - left)))
    up = np.array([(right - left)[1], -(right - left)[0]]) / max(eye_distance, 1e-6)
    outline = np.concatenate([points, points[17:27] + _FOREHEAD * eye_distance * up, points[4:13] - _CHIN * eye_distance * up])
    hull = cv2.convexHull(np.rint(outline).astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros(face.image.shape[:2], np.float32), hull, (1.0,))
    soft = cv2.GaussianBlur(mask, (0, 0), _SOFT * max(eye_distance, 1.0))
    return np.asarray(np.clip((soft - 0.05) / 0.9, 0, 1))


def load_stylegan(weights: Path | None = None) -> StyleganEngine:
    """The engine with the shipped generator, directions and pseudo-autoencoder, or a generator's file and those that lie beside
    it: encoder, directions, autoencoder (.safetensors). Raises `WeightsError`."""
    codec = load_codec(weights)
    fitted, trained = companion(weights, "directions"), companion(weights, "autoencoder")
    if fitted is None and trained is None:
        raise WeightsError(
            f"Beside {weights or 'the shipped generator'} lie no directions.safetensors and no autoencoder.safetensors: fit them "
            "with `mimica directions fit` and `mimica train autoencoder`."
        )
    directions = load_directions(fitted, codec.num_ws) if fitted else {}
    w_size = codec.model.generator.synthesis.w_size
    for one in directions.values():
        if one.vector.shape[1] != w_size:
            raise WeightsError(
                f"{fitted} holds directions of {one.vector.shape[1]} numbers; this generator's codes have {w_size}."
            )
        if one.generator not in ("", codec.fingerprint):
            raise WeightsError(
                f"{fitted} was fitted on codes of another generator, which mean nothing to this one: fit it again."
            )
    return StyleganEngine(codec, directions, load_editor(trained, codec.num_ws, codec.fingerprint) if trained else None)


def load(weights: Path | None = None) -> Engine:
    """`load_stylegan`, for the registry."""
    return load_stylegan(weights)
