"""From a latent map to the photo, by what each change is; measured on exact pairs, no one way serves all.

    erased    what the eraser takes away: the residual, with the photo's own lines faded where much changes
    moves     expressions, pose, weight: the photo's pixels move along (optical flow), what is left is added
    tints     hair, skin, beards, age: the residual is added, and the photo's own lines mostly stay
    objects   glasses: alpha as logits, enlarged to the photo's size and cut there, over everything

One after the other, each from the latent of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.vae.codec import Codec, Vectors
from mimica.face.attributes import EYEWEAR, FACIAL_HAIR, KINDS, SHAPED, name_of
from mimica.face.overlay import changed_mask, enlarged, to_pixels, with_change, with_motion

MOVING = frozenset({*SHAPED, "smile", "open_mouth", "raised_brows", "frown", "closed_eyes", "turned", "nodding"})
"""Attributes that move what is there."""
CUT = 1.5
"""How much steeper alpha's logits are made where they have been enlarged."""
LIFT = 0.3
"""What is added to them first: thin rims are never quite sure."""
SOLID = 1.15
"""How far an object's step is taken at dose 1: a rim that is half there looks like none. By error and eye, on held-out photos."""
TINT_GHOST = 110.0
"""Levels of change of a tint at which the photo's fine lines have faded to 1/e."""


Doses = tuple[tuple[int, float], ...]
"""Numbers of switches, and the dose of each."""


@dataclass(frozen=True)
class Steps:
    """What is asked of one face, by kind: what is taken away, by how much (0 eyewear, 1 facial hair); steps (Z,) that are the
    same for every face; and switches, whose steps depend on it."""

    erased: Mapping[int, float]
    moves: np.ndarray
    tints: np.ndarray
    moving: Doses = ()
    tinting: Doses = ()
    objects: Doses = ()

    @property
    def nothing(self) -> bool:
        return not (self.erased or self.moves.any() or self.tints.any() or self.moving or self.tinting or self.objects)


def erased_by(name: str, dose: float) -> int | None:
    """Which kind of thing a dose of an attribute takes away; None where it takes none."""
    if dose >= 0:
        return None
    return 0 if name_of(name) in EYEWEAR else 1 if name_of(name) in FACIAL_HAIR else None


def sorted_steps(vectors: Vectors, units: np.ndarray, doses: Mapping[str, float], plain: bool) -> Steps:
    """`units` (Z,), the Action Units' step, and doses by attribute -> all by kind. Only switches can be objects, or be erased:
    what labels gave stays arithmetic, and so does the opposite of what is only ever drawn one way."""
    zero: np.ndarray = np.zeros(len(vectors.latent_mean), np.float32)
    steps, erased = {True: units + zero, False: zero}, dict[int, float]()
    own: dict[str, list[tuple[int, float]]] = {"moving": [], "tinting": [], "objects": []}
    for name in sorted(doses):
        dose, moving, trained = doses[name], name_of(name) in MOVING, name in vectors.switches and not plain
        kind = erased_by(name, dose) if trained else None
        if kind is not None:
            erased[kind] = min(1.0, max(erased.get(kind, 0.0), -dose))
        elif trained and (dose > 0 or KINDS[name_of(name)].low < 0):
            stage = "objects" if name_of(name) in EYEWEAR else "moving" if moving else "tinting"
            own[stage].append((vectors.switches.index(name), dose))
        else:
            steps[moving] = steps[moving] + np.float32(dose) * vectors.of(name, plain)
    return Steps(erased, steps[True], steps[False], **{stage: tuple(each) for stage, each in own.items()})


def latents(codec: Codec, vectors: Vectors, z: np.ndarray, steps: Steps) -> np.ndarray:
    """(4, Z): z (Z,) after each of the stages."""

    def switched(at: np.ndarray, doses: Doses) -> np.ndarray:
        for place, dose in doses:
            at = codec.translate(at, place, vectors, dose)
        return at

    erased = z
    for kind, share in steps.erased.items():
        erased = erased + np.float32(share) * (codec.erase(erased[None], kind)[0] - erased)
    moved = switched(erased + steps.moves, steps.moving)
    tinted_ = switched(moved + steps.tints, steps.tinting)
    solid = tuple((place, SOLID * dose) for place, dose in steps.objects)
    return np.stack([erased, moved, tinted_, switched(tinted_, solid)])


def rebuilt(
    codec: Codec, vectors: Vectors, photo: np.ndarray, z: np.ndarray, decoded: np.ndarray, steps: Steps
) -> tuple[np.ndarray, ...]:
    """The photo's crop, uint8 (H, H, 3), with the steps, float32 (H, H, 3); where it changed, (H, H); and the head's mask as
    it is decoded in the end, (S, S). `decoded` (S, S, 3) is z's own picture."""
    side = len(photo)
    pictures, masks, layers = codec.decode_layers(latents(codec, vectors, z, steps))
    picture, reach = photo.astype(np.float32), np.zeros(photo.shape[:2], np.float32)
    if steps.erased:
        change = enlarged(pictures[0] - decoded, side)
        picture, reach = with_change(photo, change), changed_mask(change)
    if steps.moves.any() or steps.moving:
        before = picture
        picture = with_motion(to_pixels(picture), pictures[0], pictures[1])
        reach = np.maximum(reach, changed_mask(picture - before))
    if steps.tints.any() or steps.tinting:
        change = enlarged(pictures[2] - pictures[1], side)
        picture, reach = tinted(picture, change), np.maximum(reach, changed_mask(change))
    if steps.objects:
        alpha = min(1.0, max(dose for _, dose in steps.objects)) * cut(layers[3][..., 0], side)
        colour = enlarged(np.ascontiguousarray(layers[3][..., 1:]), side)
        picture = picture + alpha[..., None] * (np.clip(colour, 0, 255) - picture)
        reach = np.maximum(reach, alpha > 1 / 255)
    return picture, reach, masks[3]


def cut(logits: np.ndarray, side: int) -> np.ndarray:
    """Alpha's logits (S, S) -> alpha (side, side), whose edges are as sharp as the photo's."""
    alpha: np.ndarray = 1 / (1 + np.exp(-CUT * np.clip(enlarged(logits, side) + LIFT, -20, 20)))
    return np.where(alpha < 0.02, 0, alpha).astype(np.float32)


def tinted(picture: np.ndarray, change: np.ndarray) -> np.ndarray:
    """A picture (H, H, 3) in levels plus a change of its colours, most of its own lines kept."""
    fine = picture - cv2.GaussianBlur(picture, (0, 0), len(picture) / 96)
    loss = 1 - np.exp(-np.square(np.abs(change).max(2, keepdims=True) / np.float32(TINT_GHOST)))
    result: np.ndarray = picture + change - loss * fine
    return result
