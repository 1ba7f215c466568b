"""Glasses: found by their rims, which then stay where they are while the face moves behind them.

Around each eye the darkest closed line is searched that bends little (dynamic programming over polar coordinates, as in
active contours: A. Amini, T. Weymouth, R. Jain, "Using dynamic programming for solving variational problems in vision",
1990). Every face has such a line; glasses are told by how dark it is below the eyes, where skin has no lines, and by what
crosses the nose between them.

Lengths are in eye widths unless another unit is named, pictures are tight crops of `SIDE` pixels a side.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from mimica.face.align import eye_centres

SIDE = 480
"""Pixels of the tight crop's side in which rims are searched; eyes are about 65 pixels wide there."""
WIDEST_LINE = 27
"""Pixels: what is dark and narrower than this is a line."""
ANGLES, RADII, STIFFNESS = 96, 48, 0.02
"""Grid of the search, and the price of one step in or out between neighbouring angles."""
NEAREST, FARTHEST = (0.66, 0.52), (1.45, 1.45)
"""Half axes (across, down) of the ellipses between which a rim is searched."""
BELOW = 0.35
"""Sines of the angles of the arc below an eye are above this."""
FOUND = 0.25
"""Glasses are there when the weaker arc's darkness and the bridge's come to this. Of 969 portraits labelled by hand as without
glasses (`docs/vae_labels.csv`) 6 do, of 158 with glasses 156."""
WEAKEST_BRIDGE = 0.1
"""Where less than this crosses the nose there is no need to look any further."""
BROW, BROW_REACH = 0.65, 0.17
"""How much of its darkness a brow loses when the rims are looked for, which run below it or across it, and how far it reaches
from the middle of its landmarks."""
LIKE_THE_OTHER, TURNED, UNSEEN = 0.5, 3, 0.35
"""What the other eye's rim counts for this one's; by so many radii they may differ on a turned head, and what is so much darker
there is not believed."""
THICK = (0.14, 0.10)
"""So far from its line what is dark may be a thick rim even on a brow, and on a lid."""
LASHES, CRUMB = 0.10, 0.06
"""How far lashes reach from an eye; what is dark, touches no rim and is smaller than this, in squares of eye widths, is none."""
CLOSE, CLEARLY, DARK_RIM = (0.66, 0.38), 0.08, 0.35
"""`NEAREST` for upper rims that lie on the lids: such lines are taken where they are so much darker than what is found farther
off, and as dark as this: creases of lids are lighter."""
RIM, FRAME = 0.10, 0.25
"""Thickness of a rim, and how far from its middle what is dark still belongs to the frame."""
ROOM = 0.35
"""Beside the rim of glasses skin that comes from nearer it moves by no more than this share of its distance."""
LIDS = (0.72, 0.42)
"""Half axes of an ellipse around an eye with its lids and lashes."""
CLEAR, BESIDE = 0.006, 0.012
"""Shares of the crop's side: so near a rim nothing is fetched from, with the lens' edge and its shadow; and over so much more
what lies beside a rim passes from standing still to moving freely."""
STEPS = 6
"""The way to a source is looked at in so many places."""
CALM = 2.0
"""Pixels over which the distance to a ragged rim is smoothed."""
DARK_LENS = 0.55
"""A lens darker than this share of the cheeks' light hides the eye."""


def find_rims(crop: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """The tight crop, uint8 (rows, `SIDE`, 3), and landmarks (68, 2) in shares of its side -> uint8 (rows, `SIDE`), 1 on the
    frame of glasses (and on dark lenses); None for a face without glasses."""
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    points = landmarks * SIDE
    dark = darkness(gray)
    eyes = eye_centres(points)
    width = float(np.mean([np.hypot(*(points[b] - points[a])) for a, b in ((36, 39), (42, 45))]))
    bridge = _bridge(dark, eyes)
    if bridge < WEAKEST_BRIDGE:
        return None
    lines, values = _rims(dark, eyes, width)
    below = float(np.percentile(values[:, np.sin(_angles()) > BELOW], 25, axis=1).min())
    if below + bridge < FOUND:
        return None
    brows, lids = _brows(points, width, gray.shape), lids_of(landmarks, gray.shape)
    lines = _lines(dark * (1 - BROW * brows) * (1 - _lashes(points, width, gray.shape)), eyes, width)
    for hair, thick in zip((brows, lids), THICK, strict=True):
        cv2.polylines(hair, list(np.round(lines).astype(np.int32)), True, 0.0, round(2 * thick * width))
    return _frame(gray, dark, lines, width, (np.maximum(brows, lids) > 0.5).astype(np.uint8))


def darkness(gray: np.ndarray) -> np.ndarray:
    """uint8 (H, W) -> float32 (H, W): the share of its surroundings' light that a thin line lacks (a relative black top-hat)."""
    gray = cv2.GaussianBlur(gray, (0, 0), 1.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDEST_LINE, WIDEST_LINE))
    lacking = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, kernel).astype(np.float32)
    result: np.ndarray = lacking / np.maximum(gray + lacking, 30)
    return result


def limited(flow: np.ndarray, away: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Flow (2, H, W) with nothing fetched from behind a rim: `away` (H, W) is how far the nearest rim is, in shares of the
    picture's width as flow is; `lids` (H, W), 1 where lids move, in [0, 1]. What comes from farther off a rim moves freely (a
    brow goes down behind it); what comes from nearer it moves by no more than a share of its distance, as nothing is known of
    what lies behind. A lid's way to its source ends where the rim begins, so that its skin goes on from there. On the frame
    nothing moves."""
    height, width = away.shape
    column, row = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]

    def on_the_way(share: float) -> np.ndarray:
        part = np.float32(share * width)
        return cv2.remap(away, column + flow[0] * part, row + flow[1] * part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    length = np.maximum(cv2.magnitude(flow[0], flow[1]), 1e-6)
    there = on_the_way(1)
    reached, ended, before = np.zeros_like(away), np.zeros(away.shape, bool), away
    for step in range(1, STEPS + 1):
        here = there if step == STEPS else on_the_way(step / STEPS)
        crossed = np.clip((before - CLEAR) / np.maximum(before - here, 1e-6), 0, 1)
        reached += np.where(ended, 0, np.where(here < CLEAR, crossed, 1) / STEPS).astype(np.float32)
        ended |= here < CLEAR
        before = here
    beside = np.clip((away - CLEAR) * (1 / BESIDE), 0, 1)
    share = np.minimum(1, ROOM * away / length)
    leaving = np.clip((there - away) / length + 0.5, 0, 1) * ~ended  # what comes from farther off, and not from across
    share += leaving * leaving * (3 - 2 * leaving) * (beside - share)
    reached = cv2.blur(reached, (3, 3)) * beside
    result: np.ndarray = flow * (share + lids * (reached - share))
    return result


def lids_of(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """float32 `shape` (rows, columns): 1 on the eyes and lids of landmarks (68, 2), in shares of the columns, falling to 0 around
    them."""
    mask = np.zeros(shape, np.float32)
    for first in (36, 42):
        eye = landmarks[first : first + 6]
        middle, width = eye.mean(axis=0), float(np.hypot(*(eye[3] - eye[0])))
        axes = (LIDS[0] * width * shape[1], LIDS[1] * width * shape[1])
        angle = float(np.degrees(np.arctan2(*(eye[3] - eye[0])[::-1])))
        place = tuple((middle * shape[1]).tolist())
        cv2.ellipse(mask, (place, (2 * axes[0], 2 * axes[1]), angle), 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 0.012 * shape[1])


def distance(rims: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Rims, uint8 (rows, `SIDE`) -> float32 `shape`, how far the nearest rim is, in shares of the crop's side."""
    away = cv2.distanceTransform(1 - rims, cv2.DIST_L2, 5) * (1 / SIDE)
    away = cv2.GaussianBlur(away, (0, 0), CALM) * (1 - rims)
    return cv2.resize(away, shape[::-1], interpolation=cv2.INTER_LINEAR)


@lru_cache
def _angles() -> np.ndarray:
    return np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)


def _lines(dark: np.ndarray, eyes: np.ndarray, width: float) -> np.ndarray:
    """(2, `ANGLES`, 2), the rims of a face that has glasses."""
    (far, usual), (close, there) = (_rims(dark, eyes, width, LIKE_THE_OTHER, nearest) for nearest in (NEAREST, CLOSE))
    upper = np.sin(_angles()) < -BELOW
    darker = there[:, upper].mean(), usual[:, upper].mean()
    return close if darker[0] > max(DARK_RIM, darker[1] + CLEARLY) else far


def _rims(
    dark: np.ndarray, eyes: np.ndarray, width: float, alike: float = 0.0, nearest: tuple[float, float] = NEAREST
) -> tuple[np.ndarray, np.ndarray]:
    """The darkest closed line around each eye: points (2, `ANGLES`, 2) and the darkness at them (2, `ANGLES`). `alike`: what
    the darkness around the other eye, as a mirror shows it, counts beside an eye's own."""
    share = np.linspace(0, 1, RADII)
    across, down = (near + share * (far - near) for near, far in zip(nearest, FARTHEST, strict=True))
    rays = np.stack([np.outer(np.cos(_angles()), across), np.outer(np.sin(_angles()), down)], axis=-1) * width
    grid = (eyes[:, None, None] + rays).astype(np.float32)  # (2, angles, radii, 2)
    x, y = (np.ascontiguousarray(grid[..., i]).reshape(-1, RADII) for i in (0, 1))
    values = cv2.remap(dark, x, y, cv2.INTER_LINEAR).reshape(2, ANGLES, RADII)
    wanted = values
    if alike:
        other = values[::-1, (ANGLES // 2 - np.arange(ANGLES)) % ANGLES]
        other = np.stack([cv2.dilate(one, np.ones((3, 2 * TURNED + 1), np.uint8)) for one in other])
        wanted = (values + alike * np.minimum(other, values + UNSEEN)) / (1 + alike)
    chosen = closed_paths(1 - wanted)[..., None]
    return np.take_along_axis(grid, chosen[..., None], 2)[:, :, 0], np.take_along_axis(values, chosen, 2)[..., 0]


def _brows(points: np.ndarray, width: float, shape: tuple[int, ...]) -> np.ndarray:
    """float32 `shape`: 1 on the brows of landmarks (68, 2) in pixels, with soft edges."""
    mask = np.zeros(shape[:2], np.float32)
    for first in (17, 22):
        cv2.polylines(mask, [np.round(points[first : first + 5]).astype(np.int32)], False, 1.0, round(2 * BROW_REACH * width))
    return cv2.GaussianBlur(mask, (0, 0), 0.05 * width)


def closed_paths(cost: np.ndarray) -> np.ndarray:
    """cost (n, angles, radii) -> (n, angles), the radius of the cheapest line at each angle, which moves by two radii at most
    from one angle to the next. Two turns are searched and the middle one is taken, so that the line closes."""
    count, angles, radii = cost.shape
    reach, rows = 2, np.arange(count)[:, None]
    padded = np.full((count, radii + 2 * reach), np.inf, cost.dtype)
    prices = STIFFNESS * np.abs(np.arange(-reach, reach + 1), dtype=cost.dtype)[:, None]
    windows = np.lib.stride_tricks.sliding_window_view(padded, radii, axis=1)  # (n, moves, radii), of what `padded` holds then
    padded[:, reach:-reach] = cost[:, 0]
    moves = []
    for angle in range(1, 2 * angles):
        options = windows + prices
        best = options.argmin(axis=1)
        moves.append(best - reach)
        padded[:, reach:-reach] = np.take_along_axis(options, best[:, None], 1)[:, 0] + cost[:, angle % angles]
    place = padded[:, reach:-reach].argmin(axis=1)
    path = [place]
    for move in reversed(moves):
        place = place + move[rows[:, 0], place]
        path.append(place)
    middle = np.stack(path[::-1], axis=1)[:, angles // 2 : angles // 2 + angles]
    return np.roll(middle, angles // 2, axis=1)


def _bridge(dark: np.ndarray, eyes: np.ndarray) -> float:
    """How dark the line across the nose is, where it is weak: for each column the darkest place, of these the lower quarter."""
    (x, y), apart = eyes.mean(axis=0), float(np.hypot(*(eyes[1] - eyes[0])))
    top, bottom, left, right = (int(v) for v in (y - 0.2 * apart, y + 0.3 * apart, x - 0.06 * apart, x + 0.06 * apart))
    strip = dark[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    return float(np.percentile(strip.max(axis=0), 25)) if strip.size else 0.0


def _lashes(points: np.ndarray, width: float, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 `shape`: 1 on the eyes of landmarks (68, 2) in pixels and on their lashes."""
    mask = np.zeros(shape[:2], np.uint8)
    for first in (36, 42):
        eye = np.round(points[first : first + 6]).astype(np.int32)
        cv2.fillPoly(mask, [eye], 1)
        cv2.polylines(mask, [eye], True, 1, round(2 * LASHES * width))
    return mask


def _frame(gray: np.ndarray, dark: np.ndarray, lines: np.ndarray, width: float, hair: np.ndarray) -> np.ndarray:
    """The rims, what is dark around them, between them and beside them, but no lashes and brows (`hair`, uint8 as large) unless
    right beside a line; whole lenses where both are dark."""
    near, frame = np.zeros_like(gray), np.zeros_like(gray)
    for line in lines:
        rounded = [np.round(line).astype(np.int32)]
        cv2.polylines(near, rounded, True, 1, max(1, round(2 * FRAME * width)))
        cv2.polylines(frame, rounded, True, 1, max(1, round(RIM * width)))
    left, right = lines
    middle = int(np.concatenate(lines)[:, 1].mean())
    rows = np.s_[max(0, middle - round(0.45 * width)) : middle + round(0.3 * width)]
    outer, other = left[:, 0].min(), right[:, 0].max()
    for start, end in ((outer - width / 2, outer), (left[:, 0].max(), right[:, 0].min()), (other, other + width / 2)):
        near[rows, max(0, int(start)) : max(0, int(end))] = 1
    rims = frame.copy()
    least = max(0.08, 0.35 * float(np.median(_values(dark, lines))))
    frame |= near & (dark > least).astype(np.uint8) & (1 - hair)
    frame = _joined(frame, rims, CRUMB * width * width)
    lenses = [cv2.fillPoly(np.zeros_like(gray), [np.round(line).astype(np.int32)], 1) > 0 for line in lines]
    if all(_is_dark(gray, lens, line, width) for lens, line in zip(lenses, lines, strict=True)):
        frame[lenses[0] | lenses[1]] = 1  # one alone lies in the shade
    return frame


def _joined(frame: np.ndarray, rims: np.ndarray, least: float) -> np.ndarray:
    """Of a frame, uint8 (H, W), the pieces that touch the `rims` or have `least` pixels."""
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(frame, connectivity=8)
    kept = sizes[:, cv2.CC_STAT_AREA] >= least
    kept[np.unique(labels[rims > 0])], kept[0] = True, False
    return kept[labels].astype(np.uint8)


def _values(picture: np.ndarray, lines: np.ndarray) -> np.ndarray:
    x, y = np.concatenate(lines).round().astype(int).T
    return picture[np.clip(y, 0, len(picture) - 1), np.clip(x, 0, picture.shape[1] - 1)]


def _is_dark(gray: np.ndarray, lens: np.ndarray, line: np.ndarray, width: float) -> bool:
    x, y = line[:, 0].mean(), line[:, 1].max() + 0.35 * width
    cheek = gray[int(y) : int(y + 0.4 * width), max(0, int(x - 0.3 * width)) : max(0, int(x + 0.3 * width))]
    return bool(cheek.size and lens.any() and np.median(gray[lens]) < DARK_LENS * np.median(cheek))
