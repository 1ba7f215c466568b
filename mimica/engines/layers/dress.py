"""A photo's face with the attributes that are asked for: what is skin, hair and shape is drawn into the photo, what is rigid
becomes an overlay.

All is done in an upright box around the head. A face whose eyes are more than `MOST` pixels apart is dressed in a smaller box,
and the change is enlarged and added to the photo, whose own fine lines stay. Pixels that no layer reaches are the photo's, bit
for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from mimica.engines.layers import beard, hair, makeup, masks, skin
from mimica.engines.layers.age import age
from mimica.engines.layers.glasses import glasses
from mimica.engines.layers.overlay import Overlay
from mimica.engines.layers.own_glasses import TakenOff, take_off
from mimica.engines.layers.shape import shape
from mimica.engines.layers.subject import Subject
from mimica.face import glasses as own_glasses
from mimica.face.align import crop_from_photo, cut, eye_centres, transform
from mimica.face.attributes import EYEWEAR, FACIAL_HAIR, KINDS, SHAPED, Wish, Worn
from mimica.face.tone import Tone, tone_of

Box = tuple[int, int, int, int]
MOST = 240.0
"""Pixels between the eyes beyond which layers are drawn smaller and enlarged."""
AROUND = (2.6, 2.4, 2.6, 3.4)
"""Eye distances that the box reaches to the left, up, to the right and down of the middle between the eyes."""


@dataclass(frozen=True)
class Dressed:
    """photo      uint8 (H, W, 3), the whole photo with what is drawn into it: the same array where nothing is
    landmarks   float32 (68, 2), irises  float32 (2, 2): where they are now, pixels of the photo
    overlay     what lies over the face, None without
    masks       where each attribute is, by name: float32 in [0, 1] over `box`, (x0, y0, x1, y1) of the photo
    refusals    sentences about attributes that cannot be put on this face, which are left out
    """

    photo: np.ndarray
    landmarks: np.ndarray
    irises: np.ndarray
    overlay: Overlay | None = None
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()


def dress(photo: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, pose: tuple[float, float, float], wish: Wish) -> Dressed:
    """Puts the wish on one face: photo uint8 (H, W, 3), landmarks (68, 2) and irises (2, 2) in its pixels, yaw, pitch and roll as
    the reader gives them."""
    work = Work(photo, landmarks, pose)
    refusals, kept = work.refused(wish)
    if not kept:
        return Dressed(photo, landmarks, irises, refusals=refusals)
    overlay, where, box = None, dict[str, np.ndarray](), work.box
    if any(worn.name in EYEWEAR for worn in kept) and work.taken is not None:
        photo = work.taken.photo
        work = Work(photo, landmarks, pose, box)
    for worn in (one for one in kept if one.name in SHAPED):
        made = shape(photo, landmarks, irises, worn, box)
        photo, landmarks, irises, where[worn.name] = made.photo, made.landmarks, made.irises, made.mask
    if where:  # shaped
        work = Work(photo, landmarks, pose, box)
    for worn in (one for one in kept if one.name not in SHAPED):
        if worn.name in EYEWEAR:
            overlay = glasses(work.subject, worn, work.found.hair)
            where[worn.name] = work.whole(overlay)
        else:
            where[worn.name] = work.draw(worn)
    tone = tone_of(photo[box[1] : box[3], box[0] : box[2]])
    if overlay is not None:
        size = box[2] - box[0], box[3] - box[1]
        overlay = overlay.enlarged(1 / work.scale, size, box[:2])
        overlay = overlay if tone is None else overlay.toned(tone, photo)
    return Dressed(work.photo(tone), landmarks, irises, overlay, box, where, refusals)


def wears_glasses(photo: np.ndarray, landmarks: np.ndarray) -> bool:
    """Whether the photo's face has rims around its eyes (`mimica.face.glasses`)."""
    side = own_glasses.SIDE
    matrix = crop_from_photo(landmarks, side)
    return own_glasses.find_rims(cut(photo, matrix, side), transform(landmarks, matrix) / side) is not None


def head_box(landmarks: np.ndarray, size: tuple[int, ...]) -> Box:
    """Around the head, within the photo."""
    eyes = eye_centres(landmarks)
    apart, (x, y) = float(np.hypot(*(eyes[1] - eyes[0]))), eyes.mean(axis=0)
    left, up, right, down = (apart * far for far in AROUND)
    x0, y0 = (int(np.clip(np.floor(v), 0, most - 2)) for v, most in ((x - left, size[1]), (y - up, size[0])))
    x1, y1 = int(np.clip(np.ceil(x + right), x0 + 2, size[1])), int(np.clip(np.ceil(y + down), y0 + 2, size[0]))
    return x0, y0, x1, y1


class Work:
    """The box of a face at the scale at which layers are drawn; `picture`, what it has become."""

    def __init__(
        self, photo: np.ndarray, landmarks: np.ndarray, pose: tuple[float, float, float], box: Box | None = None
    ) -> None:
        self._photo, self._landmarks = photo, landmarks
        self.box = x0, y0, x1, y1 = box or head_box(landmarks, photo.shape)
        part = photo[y0:y1, x0:x1]
        eyes = eye_centres(landmarks)
        self.scale = min(1.0, MOST / float(np.hypot(*(eyes[1] - eyes[0]))))
        if self.scale < 1:
            part = cv2.resize(part, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        points = (np.asarray(landmarks, np.float64) - [x0, y0]) * self.scale
        self.subject = Subject(part.astype(np.float32), points, pose)
        self.picture = self.subject.picture

    @cached_property
    def found(self) -> masks.Found:
        return masks.find(self.subject)

    @cached_property
    def taken(self) -> TakenOff | None:
        """The photo without the face's own glasses; None where it wears none."""
        return take_off(self._photo, self._landmarks)

    @cached_property
    def face(self) -> np.ndarray:
        """Skin of the face."""
        return skin.face_skin(self.subject, self.found.hair)

    def refused(self, wish: Wish) -> tuple[tuple[str, ...], Wish]:
        """Sentences about what cannot be put on, and the rest."""
        sentences = [self._reason(worn) for worn in wish]
        kept = tuple(worn for worn, reason in zip(wish, sentences, strict=True) if not reason)
        return tuple(filter(None, sentences)), kept

    def _reason(self, worn: Worn) -> str:
        """Why an attribute is not put on this face; empty where it can be."""
        label = KINDS[worn.name].label.lower()
        if worn.name in EYEWEAR:
            return self._own_glasses(worn, label)
        if worn.name in FACIAL_HAIR and self.found.age < masks.CHILD:
            return f"The face looks like a child's (about {self.found.age:.0f}): it gets no {label}."
        if worn.name == "hair" and worn["head"] != "bare" and self.found.covered > masks.COVERED:
            return 'The head seems to wear a hat, cap or scarf, so its hair stays; if it is bare, add ",bare" to the colour.'
        if worn.name == "hair" and worn["head"] != "bare" and self.found.unsure > masks.UNSURE:
            return 'Where the hair ends cannot be told in this photo; to dye it all the same, add ",bare" to the colour.'
        if worn.name == "hair" and (self.found.hair > 0.7).sum() < hair.FEWEST:
            return "No hair was found on the head: there is nothing to dye."
        return ""

    def _own_glasses(self, worn: Worn, label: str) -> str:
        """Why eyewear is not put on because of what the face wears."""
        if worn["own"] != "replace":
            wears, instead = wears_glasses(self._photo, self._landmarks), f"{worn.name}=1:replace"
            return f"The face wears glasses already: to put {label} on in their place, say {instead}." if wears else ""
        if self.taken is not None and self.taken.dark and worn.name == "glasses":
            return "The face wears dark glasses, and what is behind them is not known: only sunglasses can take their place."
        if self.taken is not None and self.taken.seen and worn.name == "glasses":
            return "The face's own glasses cannot be painted over: their rims would still be seen."
        return ""

    def draw(self, worn: Worn) -> np.ndarray:
        """Draws one attribute into the picture; gives its mask."""
        self.picture, mask = self._drawn(worn)
        return mask

    def _drawn(self, worn: Worn) -> tuple[np.ndarray, np.ndarray]:
        subject, picture = self.subject, self.picture
        if worn.name == "hair":
            return hair.dye(subject, picture, worn, self.found.hair)
        if worn.name == "age":
            told = self.found.covered <= masks.COVERED and self.found.unsure <= masks.UNSURE
            return age(subject, picture, worn, self.face, self.found.hair if told else None)
        if worn.name == "brows":
            return hair.brows(subject, picture, worn)
        if worn.name in FACIAL_HAIR:
            return beard.facial_hair(subject, picture, worn, self.found.hair)
        if worn.name == "lipstick":
            return makeup.lipstick(subject, picture, worn)
        if worn.name == "makeup":
            return makeup.eye_makeup(subject, picture, worn)
        if worn.name == "rosy":
            return makeup.rosy(subject, picture, worn, self.face)
        return makeup.tone(subject, picture, worn, skin.all_skin(subject, self.face, self.found.hair, self.found.head))

    def photo(self, tone: Tone | None) -> np.ndarray:
        """The whole photo with what was drawn: the same array where nothing was."""
        if self.picture is self.subject.picture:
            return self._photo
        x0, y0, x1, y1 = self.box
        change = self.picture - self.subject.picture
        if self.scale < 1:
            change = cv2.resize(change, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC)
        before = self._photo[y0:y1, x0:x1]
        after = np.rint(np.clip(before + change, 0, 255)).astype(np.uint8)
        result = self._photo.copy()
        result[y0:y1, x0:x1] = after if tone is None else tone.brought(after, before)
        return result

    def whole(self, overlay: Overlay) -> np.ndarray:
        """The overlay's mask over all of the box."""
        mask = np.zeros(self.subject.shape, np.float32)
        x0, y0, x1, y1 = overlay.box
        mask[y0:y1, x0:x1] = overlay.mask
        return mask
