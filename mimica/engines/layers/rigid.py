"""Glasses carried by a head that moves: their front is drawn once, seen straight from the front, and brought to each frame by
where the plane of the lenses is there.

That plane is bent, so its point (u, v) is seen at p + a u + b v + q u^2 (the camera is orthographic), which is solved for u and
v. How thick the rims look, the temples, and where shadow falls is drawn in each frame, which is cheap."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, brought_down, fixed, polygon
from mimica.engines.layers.glasses import ARM, BACK, FINE, MARGIN, Pair, Stack, depth_of, temple, uncovered, unhidden
from mimica.engines.layers.overlay import Overlay
from mimica.engines.layers.spectacles import ARM_STEPS, Seat
from mimica.engines.layers.subject import Subject
from mimica.face import head as heads
from mimica.face.attributes import Worn
from mimica.face.head import LANDMARKS, PIVOT, Head

ROOM = (19.0, 10.0)
"""Model units around the middle between the eyes in which a front is drawn."""
CELL = 8
"""Pixels between the places for which (u, v) is solved."""
STEP = 6.0
"""Degrees between the poses for which is found how much of a temple the head hides."""
BEHIND = (1.0, 0.55, 0.18)
"""Shares of the rims' depth at which their back edges are drawn."""


class Rigid:
    """A pair on the head of a subject, to be laid over other frames of it."""

    def __init__(self, subject: Subject, worn: Worn) -> None:
        facing = _facing(subject)
        self._pair = Pair(facing, worn, np.zeros(facing.shape, np.float32), temples=False)
        colour, through, cover, shadow = self._pair.front()
        self._front = np.dstack([colour, 1 - through])
        self._solid = np.dstack([cover, shadow])
        self._place = _Plane(self._pair.seat)
        self._head, self._skin = subject.head, subject.skin.astype(np.float32)
        self._colour = np.array(self._pair.material.colour, np.float32) * subject.light
        self._seen: dict[tuple[int, int, int], float] = {}

    def overlay(
        self, frame: np.ndarray, landmarks: np.ndarray, pose: tuple[float, float, float], hair: np.ndarray | None, light: float
    ) -> Overlay | None:
        """What is laid over a frame, uint8 (H, W, 3), whose face has landmarks (68, 2), and whose light is so many times that of
        the subject; `hair` (H, W) hides temples. None where the face is beside the frame."""
        head = heads.again(self._head, landmarks, pose)
        seat = Seat(head, landmarks)
        plane, arms = _Plane(seat), [self._arm(seat, side, pose) for side in (-1, 1)]
        box = self._box(plane, arms, frame.shape)
        if box is None:
            return None
        x0, y0, x1, y1 = box
        size, moved = (x1 - x0, y1 - y0), plane.to(self._place, self._pair.x0, self._pair.y0, box)
        front, solid = (cv2.remap(each, *moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
                        for each in (self._front, self._solid))  # fmt: skip
        cover, part, stack = solid[..., 0], frame[y0:y1, x0:x1], Stack(np.zeros((size[1], size[0], 3), np.float32))
        for arm in arms:
            self._draw_arm(stack, arm, part, None if hair is None else hair[y0:y1, x0:x1], (x0, y0), seat)
        behind = self._behind(cover, seat)
        stack.over(self._colour * BACK, behind * np.float32(0.97))
        opaque = front[..., 3]
        stack.colour = stack.colour * (1 - opaque[..., None]) + front[..., :3]
        stack.through = stack.through * (1 - opaque)
        falls = _face(landmarks - [x0, y0], size[::-1])
        keep = stack.through * (1 - np.maximum(solid[..., 1], 0) * falls)
        colour = stack.colour * np.float32(light)
        hull = cv2.convexHull(np.concatenate([plane.seen(rim) for rim in self._rims()]).astype(np.float32))
        return Overlay(x0, y0, np.repeat(keep[..., None], 3, axis=2), colour, hull[:, 0].astype(float), 1 - stack.through)

    def _rims(self) -> list[np.ndarray]:
        """The outlines of the lenses, (n, 2) in their plane."""
        return [self._place.plain(rim) for rim in self._pair.rims]

    def _box(self, plane: _Plane, arms: list[np.ndarray], shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
        around = np.concatenate([*(plane.seen(rim) for rim in self._rims()), *(arm.reshape(-1, 2) for arm in arms)])
        low, high = around.min(axis=0) - MARGIN[0] * plane.unit, around.max(axis=0) + np.array(MARGIN) * plane.unit
        x0, y0, x1, y1 = (int(v) for v in (*np.maximum(np.floor(low), 0), *np.minimum(np.ceil(high), shape[1::-1])))
        return (x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else None

    def _behind(self, cover: np.ndarray, seat: Seat) -> np.ndarray:
        """The back edges of the rims: the front again, as far away as they are."""
        nothing = np.zeros((1, 2))
        start, result = seat.flat(nothing)[0], np.zeros_like(cover)
        for share in BEHIND:
            x, y = seat.flat(nothing, share * self._pair.material.depth)[0] - start
            moved = cv2.warpAffine(cover, np.array([[1, 0, x], [0, 1, y]]), cover.shape[::-1])
            result = np.maximum(result, moved)
        return result

    # --- temples ----------------------------------------------------------------------------------------------------

    def _arm(self, seat: Seat, side: int, pose: tuple[float, float, float]) -> np.ndarray:
        """(n, 2, 2) pixels: the upper and the lower edge of the temple, as far as the head does not hide it."""
        upper, lower, _ = temple(seat, self._pair.shape, self._pair.material, side)
        edges, seen = np.stack([upper, lower], axis=1), self._visible(side, pose)
        last = int(seen)
        end = edges[last] + (seen - last) * (edges[min(last + 1, ARM_STEPS - 1)] - edges[last])
        result: np.ndarray = np.concatenate([edges[: last + 1], end[None]])
        return result

    def _visible(self, side: int, pose: tuple[float, float, float]) -> float:
        """Steps of the temple before the head hides it, between the poses for which it was found."""
        yaw, pitch = pose[0] / STEP, pose[1] / STEP
        a, b = int(np.floor(yaw)), int(np.floor(pitch))
        s, t = yaw - a, pitch - b
        corners = (((a, b), (1 - s) * (1 - t)), ((a + 1, b), s * (1 - t)), ((a, b + 1), (1 - s) * t), ((a + 1, b + 1), s * t))
        return float(sum(weight * self._at_pose(side, *corner) for corner, weight in corners if weight > 0))

    def _at_pose(self, side: int, yaw: int, pitch: int) -> float:
        key = side, yaw, pitch
        if key not in self._seen:
            turned = _turned(self._head, yaw * STEP, pitch * STEP)
            seat = Seat(turned, turned.in_photo(turned.vertices[-LANDMARKS:]))
            upper, lower, near = temple(seat, self._pair.shape, self._pair.material, side)
            self._seen[key] = float(max(0, unhidden((upper + lower) / 2, near, depth_of(turned)) - 1))
        return self._seen[key]

    def _draw_arm(
        self, stack: Stack, arm: np.ndarray, part: np.ndarray, hair: np.ndarray | None, corner: tuple[int, int], seat: Seat
    ) -> None:
        """One temple, within the small box that it needs."""
        points = arm - corner
        flat = points.reshape(-1, 2)
        x0, y0 = np.maximum(np.floor(flat.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(flat.max(axis=0)).astype(int) + 1, part.shape[1::-1])
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        box, size = np.s_[y0:y1, x0:x1], (int(x1 - x0), int(y1 - y0))
        canvas = np.zeros((size[1] * FINE, size[0] * FINE), np.uint8)
        outline = np.concatenate([points[:, 0], points[::-1, 1]]) - [x0, y0]
        cv2.fillPoly(canvas, [fixed(outline, FINE)], 255, cv2.LINE_AA, 4)
        hidden = np.zeros(size[::-1], np.float32) if hair is None else hair[box]
        bare = uncovered(part[box].astype(np.float32), hidden, self._skin, seat.pixels * 6)
        alpha = brought_down(canvas, size) * bare * np.float32(0.97)
        stack.colour[box] += alpha[..., None] * (self._colour * np.float32(ARM) - stack.colour[box])
        stack.through[box] *= 1 - alpha


class _Plane:
    """The bent plane of a seat's lenses as it is seen: p + a u + b v + q u^2."""

    def __init__(self, seat: Seat) -> None:
        self.p, right, left, up = seat.flat(np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]))
        self.a, self.b, self.q = (right - left) / 2, up - self.p, (right + left) / 2 - self.p
        self.unit = seat.pixels

    def seen(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) in the plane -> pixels."""
        u, v = points[:, :1], points[:, 1:]
        result: np.ndarray = self.p + self.a * u + self.b * v + self.q * u**2
        return result

    def plain(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels -> (u, v); far away, where the plane is not seen, somewhere far."""
        inverse = np.linalg.inv(np.stack([self.a, self.b], axis=1))
        straight, bend = (pixels - self.p) @ inverse.T, inverse @ self.q
        root = np.sqrt(np.maximum(1 + 4 * bend[0] * straight[..., 0], 0.05))
        u = 2 * straight[..., 0] / (1 + root)
        return np.stack([u, straight[..., 1] - bend[1] * u**2], axis=-1)

    def to(self, other: _Plane, x: int, y: int, box: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The maps by which a picture of the plane as `other` sees it, from its pixel (x, y) on, is brought to a box."""
        x0, y0, x1, y1 = box
        rows, columns = (y1 - y0) // CELL + 2, (x1 - x0) // CELL + 2
        down, across = np.mgrid[:rows, :columns] * CELL + 0.5
        places = self.plain(np.stack([across + x0, down + y0], axis=-1)).reshape(-1, 2)
        there = (other.seen(places) - [x + 0.5, y + 0.5]).reshape(rows, columns, 2).astype(np.float32)
        scale, size = np.array([[CELL, 0, 0], [0, CELL, 0]], float), (x1 - x0, y1 - y0)
        whole = cv2.warpAffine(there, scale, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return whole[..., 0], whole[..., 1]


def _facing(subject: Subject) -> Subject:
    """The subject's head as it is seen straight from the front, at the same size, in a picture of its skin."""
    head, unit = subject.head, subject.head.scale * subject.head.side
    width, height = (max(8, int(size * unit)) for size in ROOM)
    straight = replace(_turned(head, 0, 0), origin=np.array([width / 2, height / 2]))
    marks = straight.in_photo(straight.vertices[-LANDMARKS:])
    picture = np.broadcast_to(subject.skin.astype(np.float32), (height, width, 3)).copy()
    made = Subject(picture, marks, (0.0, 0.0, 0.0))
    vars(made).update(head=straight, light=subject.light, skin=subject.skin, light_from=subject.light_from)  # as the subject's
    return made


def _turned(head: Head, yaw: float, pitch: float) -> Head:
    """The head held otherwise, the middle between its eyes in its origin."""
    turn = heads.rotation(yaw, pitch, 0)
    vertices = head.scale * (head.shaped @ turn.T) * [1, -1, 1]
    pivot = head.scale * (turn @ np.array(PIVOT)) * [1, -1, 1]
    eyes = vertices[-LANDMARKS:][[36, 39, 42, 45]].mean(axis=0) * [1, 1, 0]
    return replace(head, rotation=turn, vertices=vertices - eyes, pivot=pivot - eyes)


def _face(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where a shadow can fall: float32 (H, W)."""
    brows = landmarks[17:27]
    chin, top = landmarks[8], brows.mean(axis=0)
    outline = np.concatenate([landmarks[:17], (brows + 0.3 * (top - chin))[::-1]])
    return blur(polygon(shape, outline), 0.012 * float(np.hypot(*(top - chin))))
