"""Lids that close: the lash line travels with the edge of the upper lid, and no lashes are stretched over the lid.

When an eye closes, the skin above the lashes is drawn down over it (`warp` fetches it from outside the lash line, so that no
white of the eye gets in), and the lash line would be lost. Its darkness is measured once a photo, as the share of the light of
the skin above it that it leaves, and a line as dark is drawn along the moved edge. Lashes that stand up over the lid are taken
out of the photo beforehand, by a closing (dilation, then erosion) of the light: dark and thin is lash, broad is lid. What is left
there is smoothed across, since whatever is narrow would be stretched into streaks.

Lengths are in pixels of the tight crop at `SIDE`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep
from mimica.engines.ganimation.fast.painter import Paint
from mimica.engines.ganimation.fast.warp import SIDE

ABOVE = (3.5, 6.0)
"""Skin of the lid is looked at between so many pixels above the lash line."""
DARKEST, LIGHTEST = 0.28, 0.80
"""Limits of what the line leaves of the skin's light; even light lashes leave a line, the shadow between the lids."""
WIDTH = 1.15
"""Half the thickness of the line at its middle (a Gaussian's sigma); it thins out towards the inner corner."""
FROM, FULL = 0.35, 0.85
"""The line appears between these shares of its area that an eye loses."""
BAND = 0.55
"""Lashes are taken out from the lash line up to this share of the way to the brow."""
LASH = 9
"""What is dark and narrower than so many pixels is a lash."""
SMOOTH, PLAIN = (2.5, 1.0), (0.88, 6.0)
"""Skin that is to be drawn down over an eye is brought to its own light blurred by so many pixels across and down, by factors
within these limits: what is dark or light on it would become streaks."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SHIFT = 4


@dataclass(frozen=True)
class Lid:
    """The upper lid's edge of one eye: `edge`, which vertices it consists of, from the corner at the left of the picture to the
    right one; `colour` float32 (3,), the share of the skin's light that its line leaves; `thickness` (n - 1,) of its pieces."""

    edge: np.ndarray
    colour: np.ndarray
    thickness: np.ndarray


def find_lid(crop: np.ndarray, mesh: np.ndarray, loop: np.ndarray, inner_left: bool) -> Lid:
    """The tight crop, uint8 (rows, SIDE, 3), the mesh (V, 2) in shares of its side, the loop of an eye's lids; whether its inner
    corner is the left one."""
    edge = upper_half(mesh, loop)
    points = mesh[edge] * SIDE
    middle = points[len(points) // 5 : -len(points) // 5]
    line = np.min([_read(crop, middle + [0, dy]) for dy in (-1.5, -0.5, 0.5)], axis=0)
    skin = np.median([_read(crop, middle - [0, dy]) for dy in np.linspace(*ABOVE, 4)], axis=0)
    light = [band @ LUMA for band in (line, skin)]  # hues of the iris or the white of the eye must not get into the line
    colour = np.full(3, np.median((light[0] + 4) / (light[1] + 4)).clip(DARKEST, LIGHTEST))
    along = np.linspace(0, 1, len(edge) - 1)
    along = along if inner_left else along[::-1]
    thickness = 0.35 + 0.65 * np.sin(np.pi * np.clip(0.15 + 0.75 * along, 0, 1)) ** 0.7
    return Lid(edge, colour.astype(np.float32), thickness.astype(np.float32))


def upper_half(mesh: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """The vertices of a closed loop that lie above its corners, from left to right."""
    x = mesh[loop, 0]
    first, last, count = int(x.argmin()), int(x.argmax()), len(loop)
    there, back = (loop[np.arange(a, a + (b - a) % count + 1) % count] for a, b in ((first, last), (last, first)))
    higher: np.ndarray = min(there, back[::-1], key=lambda way: float(mesh[way, 1].mean()))
    return higher


def _read(crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 3), the crop at points, continuous pixels."""
    x, y = ((points - 0.5).astype(np.float32)).T
    return cv2.remap(crop, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(np.float32)


def closed(before: np.ndarray, after: np.ndarray) -> float:
    """In [0, 1], how much of its area a loop (n, 2) loses."""
    areas = [abs(cv2.contourArea(loop.astype(np.float32))) for loop in (before, after)]
    return float(np.clip(1 - areas[1] / max(areas[0], 1e-9), 0, 1))


def line(
    lid: Lid, moved: np.ndarray, share: float, corner: tuple[int, int], shape: tuple[int, ...], scale: int
) -> np.ndarray | None:
    """float32 (h, w, 3), what the lash line leaves of the light of a patch with that `corner`, where the mesh (V, 2) has `moved`
    and the eye has lost `share` of its area; None for an eye that is open."""
    strength = float(smoothstep(np.array((share - FROM) / (FULL - FROM))))
    if strength <= 0:
        return None
    points = (moved[lid.edge] * SIDE - corner) * scale - 0.5
    pixels = np.round(points * (1 << _SHIFT)).astype(np.int32)
    drawn = np.zeros(shape, np.float32)
    for start, end, thick in zip(pixels[:-1], pixels[1:], lid.thickness.tolist(), strict=True):
        cv2.line(drawn, start.tolist(), end.tolist(), thick, max(1, round(1.6 * scale * WIDTH * thick)), cv2.LINE_8, _SHIFT)
    drawn = np.clip(1.25 * cv2.GaussianBlur(drawn, (0, 0), 0.62 * WIDTH * scale), 0, 1)
    result: np.ndarray = 1 - strength * drawn[..., None] * (1 - lid.colour)
    return result


def drawn(paint: Paint, left: np.ndarray) -> Paint:
    """A patch with less of its light, `left` (h, w, 3)."""
    factors, added = paint.factors.copy(), paint.added.copy()
    factors[..., :3] *= left
    added[..., :3] *= left
    added[..., 3] *= left.mean(axis=2)
    return replace(paint, factors=factors, added=added)


def without_lashes(patch: np.ndarray, edge: np.ndarray, brow: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3), how much lighter a patch, uint8 (h, w, 3), is without the lashes that stand up from the lid, and
    smoothed (`SMOOTH`): a factor, 1 elsewhere. The lid's `edge` (n, 2) and the brow's landmarks (5, 2) in shares of the crop's
    side from the patch's corner, `opening` (h, w) between the lids."""
    edge = edge * SIDE
    height = np.interp(edge[:, 0], *(brow[np.argsort(brow[:, 0])] * SIDE).T)
    top = edge - np.stack([np.zeros(len(edge)), BAND * np.clip(edge[:, 1] - height, 0, None)], axis=1)
    band = np.zeros(patch.shape[:2], np.float32)
    cv2.fillPoly(band, [np.round(np.concatenate([edge + [0, 1], top[::-1]])).astype(np.int32)], 1.0)
    band = cv2.GaussianBlur(band, (0, 0), 1.0) * (1 - opening)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LASH, LASH))
    across, down = SMOOTH
    unlashed = cv2.morphologyEx(patch, cv2.MORPH_CLOSE, kernel)
    clean = cv2.GaussianBlur(unlashed, (0, 0), sigmaX=across, sigmaY=down).astype(np.float32)
    plain = np.clip((clean + 4) / (patch.astype(np.float32) + 4), *PLAIN)
    factor: np.ndarray = 1 + band[..., None] * (plain - 1)
    return factor.astype(np.float32)
