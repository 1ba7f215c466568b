"""What a face of a film wears: drawn on one frame, carried to the others.

What lies on the skin (beards, make-up, wrinkles) becomes what of a frame it keeps and what it adds, pixel by pixel, and follows
the landmarks (`spline`). What changes a region (hair, the tone of skin) is a table of colours; where the region is follows the
landmarks too, moved on by what the network of masks sees change, steadied in time, and by the frame's edges. Glasses are rigid
(`rigid`). Nothing is drawn anew, so nothing flickers but with what it lies on."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mimica.engines.layers import makeup, masks
from mimica.engines.layers.age import GRAY, age
from mimica.engines.layers.drawing import blur, luma, polygon
from mimica.engines.layers.dress import Dressed, Work, head_box
from mimica.engines.layers.hair import COVER, FEWEST, Dye
from mimica.engines.layers.overlay import Overlay
from mimica.engines.layers.regions import Regions
from mimica.engines.layers.rigid import Rigid
from mimica.engines.layers.shape import shape, shape_in_place
from mimica.engines.layers.spline import Spline
from mimica.engines.layers.subject import CHEEKS
from mimica.face.align import crop_from_photo, eye_centres, transform
from mimica.face.attributes import EYEWEAR, FACIAL_HAIR, SHAPED, Wish
from mimica.face.tone import tone_of

Pose = tuple[float, float, float]
TONED = ("pale", "tan")
COVERING = FACIAL_HAIR | {"brows"}
"""What lies on the skin and hides it; all else changes its light."""
NEW_LIGHT, LIGHTS = 0.12, (0.5, 1.8)
"""How much of a frame's own light goes into what is used, and how far that goes."""
ALL = 100
"""What stands for keeping all of a pixel in a picture of 8 bits."""
DARK, BRIGHTEST = 4.0, 2.5
"""Levels that are added before light is compared, and the most that it grows."""
ROOM = 0.22
"""Eye distances around what lies on the skin by which it may move out of where it was."""


class Outfit:
    """One face, dressed on one frame: uint8 (H, W, 3), landmarks (68, 2) and irises (2, 2) in its pixels, yaw, pitch, roll.
    `refusals` as in `Dressed`; `worn`, what could be put on."""

    def __init__(self, photo: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, pose: Pose, wish: Wish) -> None:
        work = Work(photo, landmarks, pose)
        self.refusals, self.worn = work.refused(wish)
        replaced = next((worn for worn in self.worn if worn.name in EYEWEAR and worn["own"] == "replace"), None)
        if replaced is not None and work.taken is not None:
            self.worn = tuple(worn for worn in self.worn if worn is not replaced)
            self.refusals += (f"The face wears glasses, which in a film cannot be replaced by {replaced.name}.",)
        self._shaped = tuple(worn for worn in self.worn if worn.name in SHAPED)
        for worn in self._shaped:
            made = shape(photo, landmarks, irises, worn, work.box)
            photo, landmarks, irises = made.photo, made.landmarks, made.irises
        if self._shaped:
            work = Work(photo, landmarks, pose, work.box)
        subject = work.subject
        self._marks = subject.landmarks
        self._light = self._usual = _light(work.picture, subject.landmarks)
        self._tone = tone_of(photo[work.box[1] : work.box[3], work.box[0] : work.box[2]])
        pair = next((worn for worn in self.worn if worn.name in EYEWEAR), None)
        self._rigid = Rigid(subject, pair) if pair else None
        self._strength = min(1.0, pair.dose) if pair else 0.0
        self._tones = tuple(worn for worn in self.worn if worn.name in TONED)
        self._follow(work)
        self._draw(work)

    # --- once -------------------------------------------------------------------------------------------------------

    def _follow(self, work: Work) -> None:
        """The regions whose colours change, if there are any, and how."""
        self._tables: list[np.ndarray] = []
        self._regions: Regions | None = None
        dyed, old = (next((worn for worn in self.worn if worn.name == name), None) for name in ("hair", "age"))
        gray = old is not None and old.dose > 0 and not dyed and _is_told(work.found)
        if not (dyed or gray or self._tones or self._rigid):
            return
        found = work.found
        if (dyed or gray) and (found.hair > 0.7).sum() >= FEWEST:
            name, share = (dyed["colour"], dyed.dose) if dyed else ("gray", GRAY * min(1.0, old.dose if old else 0.0))
            dye = Dye.of(work.subject, work.subject.picture, name, found.hair)
            self._tables, self._cover = [dye.table(inside) for inside in (0.0, 1.0)], COVER * min(share, 1.0)
        self._regions = Regions(work.subject, found, work.face)

    def _draw(self, work: Work) -> None:
        """What lies on the skin: what of a pixel it keeps, and what it adds."""
        self._keep: np.ndarray | None = None
        keep, colour = np.ones_like(work.picture), np.zeros_like(work.picture)
        for worn in self.worn:
            if worn.name in SHAPED | EYEWEAR | {"hair", *TONED}:
                continue
            before = work.picture
            if worn.name == "age":
                work.picture, mask = age(work.subject, work.picture, worn, work.face, None)
            else:
                mask = work.draw(worn)
            kept, added = _covering(before, work.picture, mask) if worn.name in COVERING else _lighting(before, work.picture)
            keep, colour = keep * kept, colour * kept + added
        changed = (work.picture != work.subject.picture).any(axis=2)
        if not changed.any():
            return
        x, y, width, height = cv2.boundingRect(changed.astype(np.uint8))
        box = np.s_[y : y + height, x : x + width]
        self._keep, self._colour = (np.rint(np.clip(each[box], 0, 255)).astype(np.uint8) for each in (ALL * keep, colour))
        self._corner = x, y
        self._around = np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]], float)

    # --- in each frame ----------------------------------------------------------------------------------------------

    def on(self, rgb: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, pose: Pose, share: float = 1.0) -> Dressed:
        """The same in another frame, uint8 (H, W, 3), which is drawn into; `share`, how much of it. The overlay, as in
        `Dressed`, is not laid yet."""
        landmarks, irises = np.asarray(landmarks, np.float32), np.asarray(irises, np.float32)
        box = x0, y0, x1, y1 = head_box(landmarks, rgb.shape)
        part = rgb[y0:y1, x0:x1]
        for worn in self._shaped:
            landmarks, irises = shape_in_place(part, landmarks, irises, replace(worn, dose=share * worn.dose), (x0, y0))
        if not (self._keep is not None or self._regions is not None):
            return Dressed(rgb, landmarks, irises, None, box)
        before = part.copy() if self._tone is not None else part
        marks = np.asarray(landmarks, float) - [x0, y0]
        self._light += NEW_LIGHT * (_light(part, marks) - self._light)
        light = float(np.clip(self._light / self._usual, *LIGHTS))
        drawn = self._keep is not None or self._tables or self._tones
        spline = Spline(marks, self._marks) if drawn else None
        hair = self._recoloured(part, marks, spline, share)
        self._paint(part, marks, spline, share, light)
        if self._tone is not None:
            part[...] = self._tone.brought(part, before)
        return Dressed(rgb, landmarks, irises, self._glasses(part, marks, pose, hair, light, share, (x0, y0)), box)

    def _glasses(
        self,
        part: np.ndarray,
        marks: np.ndarray,
        pose: Pose,
        hair: np.ndarray | None,
        light: float,
        share: float,
        corner: tuple[int, int],
    ) -> Overlay | None:
        laid = None if self._rigid is None else self._rigid.overlay(part, marks, pose, hair, light)
        if laid is None:
            return None
        laid = laid if self._strength * share == 1 else laid.faded(self._strength * share)
        if self._tone is not None:
            laid = laid.toned(self._tone, part)
        return replace(laid, x=laid.x + corner[0], y=laid.y + corner[1], hull=laid.hull + corner)

    def _recoloured(self, part: np.ndarray, marks: np.ndarray, spline: Spline | None, share: float) -> np.ndarray | None:
        """Skin and hair in other colours, in place; gives where hair is, if that is known."""
        if self._regions is None:
            return None
        if spline is None or not (self._tables or self._tones):
            return self._regions.hair_only(part, _whole(marks, self._marks))
        hair, deep, tinted = self._regions.look(part, marks, spline, bool(self._tones))
        for worn in self._tones if tinted.any() else ():
            box = _where(tinted)
            _mixed(part[box], makeup.toned(part[box], worn.name, worn.dose), tinted[box] * np.float32(share))
        if self._tables and hair.any():
            box = _where(hair)
            gray, inside = cv2.cvtColor(part[box], cv2.COLOR_RGB2GRAY), deep[box]
            rim, inner = (cv2.applyColorMap(gray, table[:, None]) for table in self._tables)
            _mixed(part[box], cv2.blendLinear(rim, inner, 1 - inside, inside), hair[box] * np.float32(self._cover * share))
        return hair

    def _paint(self, part: np.ndarray, marks: np.ndarray, spline: Spline | None, share: float, light: float) -> None:
        """What lies on the skin."""
        if self._keep is None or spline is None:
            return
        here = transform(self._around, _whole(self._marks, marks))
        room = ROOM * float(np.hypot(*np.diff(eye_centres(marks), axis=0)[0]))
        low, high = np.maximum(here.min(axis=0) - room, 0), np.minimum(here.max(axis=0) + room, part.shape[1::-1])
        x0, y0, x1, y1 = box = (*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist())
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        x, y = (each - np.float32(c) for each, c in zip(spline.maps(box), self._corner, strict=True))
        maps = cv2.convertMaps(x, y, cv2.CV_16SC2)
        keep = cv2.remap(self._keep, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(ALL, ALL, ALL, 0))
        colour = cv2.remap(self._colour, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        _spare_mouth(keep, colour, marks[60:68] - [x0, y0])
        if share < 1:
            keep = cv2.addWeighted(keep, share, keep, 0, (1 - share) * ALL)
        here = part[y0:y1, x0:x1]
        kept, added = cv2.multiply(here, keep, scale=1 / ALL), cv2.multiply(colour, np.ones_like(colour), scale=light * share)
        here[...] = cv2.add(kept, added)


def _is_told(found: masks.Found) -> bool:
    """Whether it can be told where hair is."""
    return found.covered <= masks.COVERED and found.unsure <= masks.UNSURE


def _covering(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is kept and what is added, (H, W, 3) each, of something that covers as far as `mask` (H, W) says."""
    keep = np.repeat(1 - mask[..., None], 3, axis=2)
    added = after - keep * before
    lacking = np.minimum(added, 0)  # shadow
    return np.maximum(keep + lacking / np.maximum(before, 1), 0).astype(np.float32), np.maximum(added, 0).astype(np.float32)


def _lighting(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of something that only changes light and colour: it adds nothing, so that it shows no edge of another frame."""
    return np.clip((after + DARK) / (before + DARK), 0, BRIGHTEST).astype(np.float32), np.zeros_like(before)


def _light(picture: np.ndarray, marks: np.ndarray) -> float:
    """The mean light of the cheeks of a picture (H, W, 3)."""
    (x0, y0), (x1, y1) = (
        np.floor(marks[list(CHEEKS)].min(axis=0)).astype(int),
        np.ceil(marks[list(CHEEKS)].max(axis=0)).astype(int),
    )
    x0, y0, step = max(x0, 0), max(y0, 0), max(1, (x1 - x0) // 48)
    part = picture[y0:y1:step, x0:x1:step]
    if not part.size:
        return 128.0
    inside = polygon(part.shape, (marks[list(CHEEKS)] - [x0, y0]) / step) > 0.5
    return max(float(luma(part[inside].astype(np.float32)).mean()), 8.0) if inside.any() else 128.0


def _whole(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3), the similarity by which the eyes go over."""
    a, b = crop_from_photo(source, 1), crop_from_photo(target, 1)
    back = np.linalg.inv(np.vstack([b, [0, 0, 1]]))
    return np.asarray((back @ np.vstack([a, [0, 0, 1]]))[:2])


def _mixed(part: np.ndarray, other: np.ndarray, share: np.ndarray) -> None:
    """`other` over a part of a picture, both uint8 (h, w, 3), in place, where `share` (h, w) says."""
    part[...] = cv2.blendLinear(np.ascontiguousarray(part), other, 1 - share, share)


def _where(share: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns in which there is some of (h, w)."""
    x, y, width, height = cv2.boundingRect((share > 0).astype(np.uint8))
    return np.s_[y : y + height, x : x + width]


def _spare_mouth(keep: np.ndarray, colour: np.ndarray, lips: np.ndarray) -> None:
    """Nothing is laid into an open mouth: `lips` (8, 2) is its inner edge."""
    low, high = np.maximum(np.floor(lips.min(axis=0)).astype(int) - 3, 0), np.ceil(lips.max(axis=0)).astype(int) + 3
    box = np.s_[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
    if not keep[box].size:
        return
    free = 1 - blur(polygon(keep[box].shape, lips - low), 0.7)[..., None]
    keep[box] = np.rint(ALL + (keep[box] - np.float32(ALL)) * free).astype(np.uint8)
    colour[box] = np.rint(colour[box] * free).astype(np.uint8)
