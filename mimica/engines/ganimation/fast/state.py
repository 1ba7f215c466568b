"""A photo as the fast generator has taken it apart, and the same with eyes that look elsewhere or lids without lashes: what moves
is then moved from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from mimica.engines.base import Face, Rendered
from mimica.engines.ganimation.fast import lenses, mouth
from mimica.engines.ganimation.fast.canvas import Window
from mimica.engines.ganimation.fast.depth import smoothstep
from mimica.engines.ganimation.fast.gaze import Gaze, encode_gaze, look
from mimica.engines.ganimation.fast.lasting import Lasting
from mimica.engines.ganimation.fast.lids import Lid, without_lashes
from mimica.engines.ganimation.fast.painter import PARTS, draw_eye, part_of
from mimica.engines.ganimation.fast.pose import encode_pose
from mimica.engines.ganimation.fast.pose_flow import Scene
from mimica.engines.ganimation.fast.warp import SIDE
from mimica.face import glasses, head
from mimica.face.align import cut, invert, transform
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.head import limits
from mimica.motion.track import GAZE, POSE

ROWS = 300
"""Rows of the field at scale 1: the tight crop's 240 and what lies below it, where chins drop."""


SHUT = 0.5
"""Lids that close by so much of AU45 have no lashes on them."""


@dataclass(frozen=True)
class State:
    """What `encode` finds: landmarks and mesh in shares of the tight crop's side, the crop itself at scale 1, the openings
    before, the eyeballs (by the name of the part), the colour of white, the scale of fields, where glasses are: `rims`, how far
    the nearest rim is, `frame`, their hull (n, 2) in the window; the edges of the lids, `loops` in the window and `lids` by the
    name of the part; `lasting`, what the next frame of a film takes over. `changed`: the boxes of the window in which
    `face.image` is no longer the photo; `often`, whether frames are rendered from it again and again. Eyes and head are taken
    apart when they are first asked to move."""

    face: Face
    controls: np.ndarray
    crop_from_window: np.ndarray
    landmarks: np.ndarray
    mesh: np.ndarray
    crop: np.ndarray
    openings: tuple[np.ndarray, np.ndarray]
    eyeballs: Mapping[str, np.ndarray]
    white: np.ndarray
    scale: int
    rims: np.ndarray | None
    frame: np.ndarray | None
    loops: tuple[np.ndarray, np.ndarray]
    lids: Mapping[str, Lid]
    lasting: Lasting
    changed: tuple[tuple[slice, slice], ...] = ()
    often: bool = True

    @property
    def pose(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll that the photo shows, degrees."""
        yaw, pitch, roll = (float(self.face.controls.get(name, 0.0)) for name in POSE)
        return yaw, pitch, roll

    @cached_property
    def window(self) -> Window:
        """The window's pixels as frames sample them."""
        return Window.of(self.face.image, self.often)

    @cached_property
    def free(self) -> np.ndarray:
        """How free the field's pixels are while the mouth stays as it is."""
        return mouth.freedom(self.landmarks[48:68], (ROWS * self.scale, SIDE * self.scale))

    @cached_property
    def lashes(self) -> dict[str, np.ndarray]:
        """How much lighter each eye's patch is without lashes on the lid, float32 (h, w, 3)."""
        found = {}
        for name, lid in self.lids.items():
            part, corner = PARTS[name], PARTS[name].corner(self.landmarks, ROWS)
            brow = self.landmarks[22:27] if part.mirrored else self.landmarks[17:22]
            opening, crop = (part_of(picture, corner, part, 1) for picture in (self.openings[1], self.crop))
            place = np.array(corner, np.float32) / SIDE
            found[name] = without_lashes(crop, self.mesh[lid.edge] - place, brow - place, opening)
            if self.rims is not None:
                clear = np.clip(part_of(self.rims, corner, part, 1) / glasses.BESIDE - 1, 0, 1)
                found[name] = 1 + clear[..., None] * (found[name] - 1)
        return found

    @cached_property
    def unframed(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Each eye's patch without the rims of glasses, and where (`lenses.filled`); nothing for a face without glasses."""
        if self.rims is None:
            return {}
        corners = {name: PARTS[name].corner(self.landmarks, ROWS) for name in self.lids}
        given = self.crop, self.rims, self.openings[1]
        return {name: lenses.filled(*given, corner, PARTS[name]) for name, corner in corners.items()}

    @cached_property
    def gaze(self) -> Gaze:
        """The eyes, of which lids' edges are `loops`, in the window."""
        return encode_gaze(self.face.image, self.face.landmarks_crop, self.face.irises_crop, self.loops, self.pose)

    @cached_property
    def scene(self) -> Scene:
        """The head and what lies around it, in the window's pixels."""
        return encode_pose(head.fit(self.face.landmarks_crop, self.pose), self.pose, self.face.others_crop, self.frame)


def eyeballs_of(crop: np.ndarray, landmarks: np.ndarray, opening: np.ndarray) -> dict[str, np.ndarray]:
    """The eyes of a crop, uint8 (`ROWS`, `SIDE`, 3), continued under the lids, by the name of the part."""
    found = {}
    for name, part in PARTS.items():
        if part.network == "eye":
            corner = part.corner(landmarks, ROWS)
            found[name] = draw_eye(part_of(crop, corner, part, 1), part_of(opening, corner, part, 1))
    return found


def hull_of(rims: np.ndarray) -> np.ndarray:
    """(n, 2), the convex hull of the frame of glasses, in shares of the side."""
    y, x = np.nonzero(rims)
    points = (np.stack([x, y], axis=1) + 0.5) / glasses.SIDE
    return cv2.convexHull(points.astype(np.float32))[:, 0]


def gaze_change(state: State, wanted: Mapping[str, float]) -> tuple[float, float]:
    """By how many degrees (x, y) the eyes turn in the head."""
    own, ranges = state.face.controls, limits(state.face.controls)
    x, y = (float(np.clip(wanted[name], *ranges[name])) - own[name] for name in GAZE)
    return x, y


def looking(state: State, change: tuple[float, float]) -> State:
    """The state as if the photo's eyes had been turned by `change`."""
    image = look(state.face.image, state.gaze, change)
    crop = state.crop.copy()
    for part in PARTS.values():
        if part.network == "eye":
            x, y = corner = part.corner(state.landmarks, ROWS)
            here = state.crop_from_window * SIDE - [[0, 0, corner[0]], [0, 0, corner[1]]]
            crop[y : y + part.height, x : x + part.width] = cut(image, here, part.width)[: part.height]
    eyeballs = eyeballs_of(crop, state.landmarks, state.openings[1])
    changed = tuple(eye.box for eye in state.gaze.found)
    return replace(state, face=replace(state.face, image=image), crop=crop, eyeballs=eyeballs, changed=changed)


def closing(state: State, target: np.ndarray) -> dict[str, float]:
    """How far each eye is asked to close, in [0, 1], by the name of the part; of `target` (34,) Action Units."""
    more = (target - state.controls)[[SIDED_AU_NAMES.index(name) for name in ("AU45R", "AU45L")]]
    return dict(zip(("eye_right", "eye_left"), smoothstep(more / SHUT).tolist(), strict=True))


def bare(state: State, moved: State, shut: Mapping[str, float]) -> State:
    """`moved` (the state itself, or with its eyes turned) without the lashes that lids would stretch when they `shut`, and
    without rims of glasses."""
    image, crop, changed = moved.face.image.copy(), moved.crop.copy(), list(moved.changed)
    for name, (plain, where) in state.unframed.items():
        part, (x, y) = PARTS[name], PARTS[name].corner(state.landmarks, ROWS)
        patch, dose = np.s_[y : y + part.height, x : x + part.width], where * np.float32(min(1.0, 2 * max(shut.values())))
        crop[patch] = np.rint(crop[patch] + dose[..., None] * (plain.astype(np.float32) - crop[patch]))
        changed.append(lenses.laid_over(image, plain, dose, state.crop_from_window, (x, y)))
    for name, share in shut.items():
        if share > 0:
            part, (x, y) = PARTS[name], PARTS[name].corner(state.landmarks, ROWS)
            lighter = 1 + np.float32(share) * (state.lashes[name] - 1)
            patch = np.s_[y : y + part.height, x : x + part.width]
            crop[patch] = cv2.multiply(crop[patch], lighter, dtype=cv2.CV_8U)
            corners = np.array([[x, y], [x + part.width, y], [x, y + part.height], [x + part.width, y + part.height]]) / SIDE
            changed.append(_multiplied(image, lighter, state.crop_from_window, (x, y), corners))
    return replace(moved, face=replace(moved.face, image=image), crop=crop, changed=tuple(changed))


def _multiplied(
    image: np.ndarray, factor: np.ndarray, crop_from_window: np.ndarray, corner: tuple[int, int], corners: np.ndarray
) -> tuple[slice, slice]:
    """Multiplies the window, in place, by a patch's factors (h, w, 3); `corner` of the patch in pixels, `corners` (4, 2) in
    shares of the side. -> the box that was touched."""
    places = transform(corners, invert(crop_from_window))
    x0, y0 = np.maximum(np.floor(places.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(places.max(axis=0)).astype(int), image.shape[1::-1])
    box = np.s_[int(y0) : int(y1), int(x0) : int(x1)]
    if x0 < x1 and y0 < y1:
        linear = crop_from_window[:, :2] * SIDE
        start = crop_from_window[:, 2] * SIDE - corner + linear @ (np.array([x0, y0]) + 0.5) - 0.5  # pixel centres
        matrix, size = np.column_stack([linear, start]), (int(x1 - x0), int(y1 - y0))
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_CONSTANT
        there = cv2.warpAffine(factor, matrix, size, flags=flags, borderMode=border, borderValue=(1.0, 1.0, 1.0))
        image[box] = cv2.multiply(np.ascontiguousarray(image[box]), there, dtype=cv2.CV_8U)
    return box


def with_eyes(rendered: Rendered, state: State, moved: State, shut: Mapping[str, float]) -> Rendered:
    """What was rendered of a photo that was changed before: the rims of glasses lie over lids that `shut`, and the mask reaches
    over all of it."""
    if moved is not state:
        if state.rims is not None and any(shut.values()):
            for name in shut:
                place = state.crop_from_window, PARTS[name].corner(state.landmarks, ROWS), PARTS[name]
                lenses.put_back(rendered.image, state.face.image, state.rims, *place)
        for box in moved.changed:
            changed = (rendered.image[box] != state.face.image[box]).any(axis=2)
            rendered.mask[box] = np.maximum(rendered.mask[box], changed)
    return rendered
