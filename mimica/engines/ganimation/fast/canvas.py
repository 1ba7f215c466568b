"""The last step of the fast generator: the window's own pixels, warped, relit and painted over.

I_out = A * warp(I_in, F) + (1 - A) * C (A. Pumarola et al., "GANimation", 2018, eq. 1, with a warp), in which F, the change of
light and the painted patches come as maps of the tight crop and are brought to the pixels of the window, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.painter import Paint
from mimica.engines.ganimation.fast.warp import SIDE, Field, boxes
from mimica.face.align import invert, transform

RELIT = 0.012
"""A log gain below this is none; larger ones are less by it, so that nothing shows an edge."""
BORDER = 0.02
"""Where the photo's edge cuts the face, the edit fades out over this share of the crop's side."""


FINER = 3
"""A window is enlarged by this, once a photo, so that frames may sample it linearly, which is six times as fast as cubically and
hardly less sharp. Odd: the photo's own pixels stay among those of the enlarged one."""
FINE = (300_000, 1_500_000)
"""Pixels of windows that are enlarged (to 36 bytes each); smaller ones, whose pixels hold more, cost little as they are."""
EYE_ROOM = 0.4
"""Pixels of a changed eye come to lie no farther outside its box than this share of the box' height."""


@dataclass(frozen=True)
class Window:
    """The window as it is sampled.

    image    uint8 (H, W, 3)
    rgba     uint8 (H, W, 4), the same, as vectors of four are the fastest
    fine     uint8 (3 H, 3 W, 4), the same enlarged; None for a small or large window, which is sampled cubically from `image`
    changed  boxes in which `image` is not what `rgba` and `fine` were made of: eyes that were turned
    """

    image: np.ndarray
    rgba: np.ndarray
    fine: np.ndarray | None
    changed: tuple[tuple[slice, slice], ...] = ()

    @classmethod
    def of(cls, image: np.ndarray, often: bool = True) -> Window:
        """A window that is to be sampled `often`, or once only, for which nothing is worth being enlarged."""
        rgba, fine = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), None
        if often and FINE[0] <= image.shape[0] * image.shape[1] <= FINE[1]:
            fine = cv2.resize(rgba, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_CUBIC)
        return cls(image, rgba, fine)

    def with_eyes(self, image: np.ndarray, changed: Sequence[tuple[slice, slice]]) -> Window:
        """The same window with other pixels in some boxes."""
        rgba = self.rgba.copy()
        for box in changed:
            rgba[box] = cv2.cvtColor(np.ascontiguousarray(image[box]), cv2.COLOR_RGB2RGBA)
        return Window(image, rgba, self.fine, tuple(changed))

    def sample(self, x: np.ndarray, y: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
        """uint8 (h, w, 4) at x and y (h, w), counted from pixel centres; `corner` (x, y) is the result's in the window. Spoils
        x and y."""
        if self.fine is None:
            return self._cubic(x, y)
        parts = [(box, self._cubic(x[box], y[box])) for box in self._near_changed(x.shape, corner)]
        for place in (x, y):
            place *= FINER
            place += FINER // 2
        sampled = cv2.remap(self.fine, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for box, part in parts:
            sampled[box] = part
        return sampled

    def _cubic(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        sampled = cv2.remap(self.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        return cv2.cvtColor(sampled, cv2.COLOR_RGB2RGBA)

    def _near_changed(self, shape: tuple[int, ...], corner: tuple[int, int]) -> list[tuple[slice, slice]]:
        """Where in a result of `shape` pixels of the changed boxes may lie."""
        found = []
        for rows, columns in self.changed:
            room = round(EYE_ROOM * (rows.stop - rows.start))
            y0, y1 = (int(np.clip(v - corner[1], 0, shape[0])) for v in (rows.start - room, rows.stop + room))
            x0, x1 = (int(np.clip(v - corner[0], 0, shape[1])) for v in (columns.start - room, columns.stop + room))
            if x0 < x1 and y0 < y1:
                found.append(np.s_[y0:y1, x0:x1])
        return found


class Canvas:
    """The window being repainted: only the rectangle that the field touches is computed.

    rows              from and to which row of the window; None: all
    crop_from_window  float64 (2, 3), to shares of the tight crop's side
    scale             of the field, whose columns are SIDE x scale
    """

    def __init__(
        self,
        window: Window,
        crop_from_window: np.ndarray,
        field: Field,
        scale: int,
        rows: tuple[int, int] | None = None,
    ):
        self._window, self._scale = window, scale
        self._image = window.image
        self._window_from_crop = invert(crop_from_window)
        self._whole = x0, y0, x1, y1 = self._active_box(field)
        if rows is not None:
            y0, y1 = max(y0, rows[0]), max(y0, min(y1, rows[1]))
        self._box = x0, y0, x1, y1
        if y0 >= y1:  # nothing to be done; OpenCV wants one pixel at least
            x1, y1 = x0 + 1, y0 + 1
            self._box = x0, y0, x1, y1
        sampled = window.sample(*self._places(field), (x0, y0))
        factor = cv2.exp(field.gain - np.clip(field.gain, -RELIT, RELIT))
        factor = self._on_window(_four(factor), self._box, np.zeros(2), self._scale, 1.0)
        self._pixels = cv2.multiply(sampled, factor, dst=sampled, dtype=cv2.CV_8U)

    def _places(self, field: Field) -> tuple[np.ndarray, np.ndarray]:
        """x and y (h, w) of the window's pixels that go to the pixels of the box, counted from pixel centres."""
        x0, y0, x1, y1 = self._box
        flow = cv2.split(cv2.transform(field.flow, self._window_from_crop[:, :2].astype(np.float32)))
        x, y = (self._on_window(plane, self._box, np.zeros(2), self._scale) for plane in flow)
        self._keep_steps((x, y), flow, field.steps)
        x += np.arange(x0, x1, dtype=np.float32)
        y += np.arange(y0, y1, dtype=np.float32)[:, None]
        return x, y

    def _keep_steps(self, places: Sequence[np.ndarray], flow: Sequence[np.ndarray], steps: np.ndarray) -> None:
        """Where flow jumps, the nearest value of the field, never a mixture of two."""
        self._steps = self._on_window(steps, self._box, np.zeros(2), self._scale, method=cv2.INTER_NEAREST)
        found = cv2.findNonZero(self._steps)
        if found is None:
            return
        xs, ys = found.reshape(-1, 2).T  # (n, 1, 2) in OpenCV 4
        here = np.stack([xs + self._box[0], ys + self._box[1]], axis=1) + 0.5
        column, row = np.floor(transform(here, invert(self._window_from_crop)) * (SIDE * self._scale)).astype(int).T
        height, width = steps.shape
        nearest = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
        for place, plane in zip(places, flow, strict=True):
            place[ys, xs] = plane.ravel().take(nearest)

    def paint(self, paint: Paint) -> None:
        """result = warped * W + still * S + color, within the patch."""
        x0, y0, x1, y1 = box = self._patch_box(paint)
        if x0 >= x1 or y0 >= y1:
            return
        factors, added = (
            self._on_window(m, box, np.array(paint.corner), paint.scale, outside)
            for m, outside in ((paint.factors, 1.0), (paint.added, 0.0))
        )
        region = self._pixels[y0 - self._box[1] : y1 - self._box[1], x0 - self._box[0] : x1 - self._box[0]]
        cv2.multiply(region, factors, dst=factors, dtype=cv2.CV_32F)
        still = cv2.extractChannel(added, 3)
        if still.any():
            added += cv2.multiply(self._window.rgba[y0:y1, x0:x1], cv2.merge([still] * 4), dtype=cv2.CV_32F)
        region[...] = cv2.add(factors, added, dtype=cv2.CV_8U)  # rounds, and stops at 0 and 255

    def smooth_steps(self) -> None:
        """Takes the jags and single pixels off the edges of folds, which a field coarser than the window draws in blocks."""
        pixel = _field_pixel(self._window_from_crop, self._scale)
        reach = int(np.ceil(2 * pixel)) + 2
        for x, y, width, height in boxes(cv2.dilate(self._steps, np.ones((2 * reach + 1,) * 2, np.uint8))):
            box = np.s_[y : y + height, x : x + width]
            region = np.ascontiguousarray(self._pixels[box])
            calm = cv2.GaussianBlur(cv2.medianBlur(region, 3 if pixel < 1.5 else 5), (0, 0), 0.4 * pixel)
            weight = cv2.GaussianBlur(cv2.dilate(self._steps[box], np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), pixel)
            self._pixels[box] = cv2.blendLinear(calm, region, weight, 1 - weight)

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """The window, uint8 (H, W, 3), and where it changed, float32 (H, W)."""
        image, mask = self._image.copy(), np.zeros(self._image.shape[:2], np.float32)
        self.finish(image, mask, slice(0, len(image)))
        return image, mask

    def finish(self, image: np.ndarray, mask: np.ndarray, rows: slice) -> None:
        """Writes those of the window's rows that are done here into a copy of it, and into the mask of what changed."""
        x0, y0, x1, y1 = self._box
        top, bottom = max(y0, rows.start), min(y1, rows.stop)
        if top >= bottom or x0 >= x1:
            return
        here, window = np.s_[top:bottom, x0:x1], self._window
        after, fade = self._pixels[top - y0 : bottom - y0], self._fade()
        if fade is not None:
            before = window.rgba[here].astype(np.float32)
            after = cv2.convertScaleAbs(before + fade[top - y0 : bottom - y0, :, None] * (after - before))
        image[here] = cv2.cvtColor(after, cv2.COLOR_RGBA2RGB)
        changed = cv2.absdiff(after, window.rgba[here])
        changed[..., 3] = 0
        mask[here] = changed.view(np.uint32)[..., 0] != 0

    def layers(self, field: Field, paints: list[Paint]) -> dict[str, np.ndarray]:
        """`attention`, `color` and `flow` over the whole window."""
        height, width = self._image.shape[:2]
        attention, color = np.ones((height, width), np.float32), np.zeros((height, width, 3), np.float32)
        for paint in paints:
            x0, y0, x1, y1 = box = self._patch_box(paint)
            if x0 < x1 and y0 < y1:
                kept = self._on_window(paint.attention, box, np.array(paint.corner), paint.scale, 1.0)
                painted = self._on_window(paint.color.copy(), box, np.array(paint.corner), paint.scale) / 255
                attention[y0:y1, x0:x1] *= np.clip(kept, 0, 1)
                color[y0:y1, x0:x1] += np.clip(painted / np.maximum(1 - kept, 0.02)[..., None], 0, 1)
        flow = np.zeros((height, width, 2), np.float32)
        x0, y0, x1, y1 = self._box
        x, y = self._places(field)
        flow[y0:y1, x0:x1] = np.dstack([x - np.arange(x0, x1), y - np.arange(y0, y1)[:, None]])
        return {"attention": attention, "color": np.clip(color, 0, 1), "flow": flow}

    def _active_box(self, field: Field) -> tuple[int, int, int, int]:
        """The window's rectangle (x0, y0, x1, y1) around all that moves or is relit."""
        moved = cv2.boundingRect((field.flow.reshape(len(field.flow), -1) != 0).view(np.uint8))
        relit = cv2.boundingRect((np.abs(field.gain.reshape(len(field.gain), -1)) > RELIT).view(np.uint8))
        found = [  # channels lie side by side
            (left // channels, top, (left + width - 1) // channels, top + height - 1)
            for (left, top, width, height), channels in ((moved, 2), (relit, 3))
            if width
        ]
        if not found:
            return 0, 0, 1, 1
        low = np.min([box[:2] for box in found], axis=0) - 1
        high = np.max([box[2:] for box in found], axis=0) + 2
        return self._clipped(low / (SIDE * self._scale), high / (SIDE * self._scale))

    def _patch_box(self, paint: Paint) -> tuple[int, int, int, int]:
        height, width = paint.attention.shape
        low = np.array(paint.corner) / SIDE
        box = self._clipped(low, low + np.array([width, height]) / (SIDE * paint.scale))
        x0, y0, x1, y1 = self._box
        return max(box[0], x0), max(box[1], y0), min(box[2], x1), min(box[3], y1)

    def _clipped(self, low: np.ndarray, high: np.ndarray) -> tuple[int, int, int, int]:
        """The upright rectangle of the window around a rectangle of the crop (shares of the side)."""
        corners = transform(np.array([low, high, [low[0], high[1]], [high[0], low[1]]]), self._window_from_crop)
        height, width = self._image.shape[:2]
        x0, y0 = np.floor(corners.min(axis=0)).astype(int)
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int)
        return int(np.clip(x0, 0, width)), int(np.clip(y0, 0, height)), int(np.clip(x1, 0, width)), int(np.clip(y1, 0, height))

    def _on_window(
        self,
        picture: np.ndarray,
        box: tuple[int, int, int, int],
        corner: np.ndarray,
        scale: int,
        outside: float = 0.0,
        method: int = cv2.INTER_LINEAR,
    ) -> np.ndarray:
        """A map of the crop (`corner` in pixels of scale 1) sampled at the window's pixels within `box`."""
        (a, b, _), (c, d, _) = (self._window_from_crop / (SIDE * scale)).tolist()
        x, y = transform(corner / SIDE, self._window_from_crop).tolist()  # where the map begins in the window
        x, y = x + (a + b) / 2 - 0.5 - box[0], y + (c + d) / 2 - 0.5 - box[1]  # pixel centres
        size = (box[2] - box[0], box[3] - box[1])
        inverse = invert(np.array([[a, b, x], [c, d, y]]))
        fill = (outside,) * 4
        return cv2.warpAffine(
            picture, inverse, size, flags=method | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        )

    def _fade(self) -> np.ndarray | None:
        """A ramp to 0 at those borders of the window that the active rectangle touches; None where it touches none."""
        height, width = self._image.shape[:2]
        x0, y0, x1, y1 = self._whole
        if x0 > 0 and y0 > 0 and x1 < width and y1 < height:
            return None
        x0, y0, x1, y1 = self._box
        length = BORDER * np.hypot(*self._window_from_crop[:, 0])
        x, y = np.arange(x0, x1), np.arange(y0, y1)
        ramp = np.minimum.outer(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
        return np.clip(ramp / length, 0, 1).astype(np.float32)


MOST = 8_000_000
"""Pixels of a window that is painted as a whole; a larger one is painted in bands of about half as many."""


def painted(
    window: Window, crop_from_window: np.ndarray, field: Field, scale: int, paints: Callable[[], Sequence[Paint]]
) -> tuple[np.ndarray, np.ndarray]:
    """The window with all of it done: uint8 (H, W, 3), and where it changed, float32 (H, W). `paints` are asked for when the
    window has been warped. A large window is painted in bands, which overlap by what `smooth_steps` looks at."""
    height, width = window.image.shape[:2]
    if height * width <= MOST:
        return _canvas(window, crop_from_window, field, scale, paints, None).finished()
    overlap = 3 * (int(np.ceil(2 * _field_pixel(invert(crop_from_window), scale))) + 2)
    rows = max(64, MOST // (2 * width), overlap)
    result, mask = window.image.copy(), np.zeros((height, width), np.float32)
    for top in range(0, height, rows):
        band = np.s_[top : min(height, top + rows)]
        canvas = _canvas(window, crop_from_window, field, scale, paints, (top - overlap, band.stop + overlap))
        canvas.finish(result, mask, band)
    return result, mask


def _canvas(
    window: Window,
    crop_from_window: np.ndarray,
    field: Field,
    scale: int,
    paints: Callable[[], Sequence[Paint]],
    rows: tuple[int, int] | None,
) -> Canvas:
    canvas = Canvas(window, crop_from_window, field, scale, rows)
    for paint in paints():
        canvas.paint(paint)
    canvas.smooth_steps()
    return canvas


def _four(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) with a fourth channel, as vectors of four are the fastest."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)


def _field_pixel(window_from_crop: np.ndarray, scale: int) -> float:
    """Pixels of the window in one of the field."""
    return max(1.0, float(np.hypot(*window_from_crop[:, 0])) / (SIDE * scale))
