"""`mimica prepare mixtures`: new faces of several, more people than a set has, for `mimica train stylegan`.

A face is made of three people whose heads are held alike and whose mouths are as wide open:

    the head      whose photo it is: hair, outline, background
    the shape     whose landmarks pull that photo, part of the way, by a thin plate spline that stands still at the border
    the features  whose eyes, brows, nose and mouth are pulled onto the same landmarks and laid over it, in the photo's colours
                  (for about every second face; the others keep the head's, and so do people with glasses)

Features come from people of about the same skin, by colour and by how much fine detail it has (wrinkles, beards), and in light
from about the same side. Mean and deviation of the three colours are those of what is covered, in Lab (E. Reinhard et al., "Color
transfer between images", 2001). Only people that are trained on are mixed, and a mixture counts as a person of the head's name.
Action Units are read from the result. Column `photo` names the mixture itself: it is no photo of anybody.

A second folder may hold people who only lend shape and features, cropped in any way, gray ones too: those have their lightness
laid over the head's own colours. One photo of each person is taken. Faces of fewer pixels than the heads' stay softer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from mimica.data.dataset import DatasetWriter, resized
from mimica.data.sources.base import ALONE, NO_FACE, Dropped
from mimica.errors import DataError, NoFaceError
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.prepare.people import Person, features_mask, partners, read_lenders, read_people
from mimica.reader.read import Reader, largest_face

_SHAPE = (0.5, 1.0)
"""How far a head goes towards another's shape."""
_SHADE, _ALIKE = 0.03, 0.6
"""Blur, as a share of the side, at which light is compared, and the correlation that is asked for."""
_GRID = 32
_BORDER = np.array([(x, y) for x in np.linspace(0, 1, 7) for y in np.linspace(0, 1, 7) if x in (0, 1) or y in (0, 1)])
"""Points of the border, shares of the side, that stand still."""


def onto(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`points` (N, 2) moved, turned and scaled to lie as near to `target` as they can (S. Umeyama, 1991, without reflection)."""
    a, b = points - points.mean(0), target - target.mean(0)
    turn = np.array([[np.sum(a * b), np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])]]) / np.sum(a * a)
    c, s = turn[0]
    return a @ np.array([[c, s], [-s, c]]) + target.mean(0)


def pulled(photo: np.ndarray, points: np.ndarray, target: np.ndarray, still: bool, side: int = 0) -> np.ndarray:
    """The photo with `points` (N, 2) moved to `target`, smoothly; with `still` its border stands. Pixels. The result is of `side`
    pixels, by default (and where the border stands) as large as the photo."""
    side = side or len(photo)
    border = _BORDER * side if still else np.empty((0, 2))
    spline = RBFInterpolator(
        np.concatenate([target, border]), np.concatenate([points, border]), kernel="thin_plate_spline", smoothing=0.1
    )
    axis = (np.arange(_GRID + 1) / _GRID) * side
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    coarse = spline(grid.reshape(-1, 2)).reshape(_GRID + 1, _GRID + 1, 2).astype(np.float32)
    place = (np.arange(side) + 0.5) / side * _GRID
    where = np.stack(np.meshgrid(place, place), axis=-1).astype(np.float32)
    maps = cv2.remap(coarse, where[..., 0], where[..., 1], cv2.INTER_LINEAR) - 0.5  # cv2 counts from pixel centres
    return cv2.remap(photo, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def recoloured(picture: np.ndarray, like: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`picture` with the mean and deviation that `like` has under the mask, in Lab."""
    a, b = (cv2.cvtColor(x, cv2.COLOR_RGB2LAB).astype(np.float32) for x in (picture, like))
    weight = mask[..., None] / max(float(mask.sum()), 1e-6)
    means = [(x * weight).sum((0, 1)) for x in (a, b)]
    deviations = [np.sqrt((np.square(x - m) * weight).sum((0, 1))) + 1e-3 for x, m in zip((a, b), means, strict=True)]
    gain = np.clip(deviations[1] / deviations[0], 0.6, 1.6)
    return cv2.cvtColor(np.clip((a - means[0]) * gain + means[1], 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def coloured(gray: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The lightness of `gray` with the colours that `like` has at the same pixels, in Lab."""
    lab = cv2.cvtColor(like, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.cvtColor(gray, cv2.COLOR_RGB2LAB)[..., 0]
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def light_fits(lent: np.ndarray, onto: np.ndarray, mask: np.ndarray) -> bool:
    """Whether light and shade lie alike in two faces: correlation of their blurred lightness under the mask. It is low for light
    from another side, and where a hat, a hand or sunglasses cover one of them."""
    sigma = _SHADE * len(onto)
    a, b = (cv2.GaussianBlur(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), sigma) for x in (lent, onto))
    weight = mask / max(float(mask.sum()), 1e-6)
    a, b = a - (a * weight).sum(), b - (b * weight).sum()
    return bool((a * b * weight).sum() >= _ALIKE * np.sqrt((a * a * weight).sum() * (b * b * weight).sum()))


def mixture(head: Person, shape: Person, features: Sequence[Person], share: float) -> np.ndarray:
    """uint8 (S, S, 3); see the module's description. `share`: how far to the other's shape; of `features` the first is taken
    whose light fits."""
    points = head.landmarks
    target = points + share * (onto(shape.landmarks, points) - points)
    result = pulled(head.photo, points, target, still=True)
    mask = features_mask(target, len(result))
    for person in features:
        lent = pulled(person.photo, person.landmarks, target, still=False, side=len(result))
        if light_fits(lent, result, mask):
            lent = recoloured(lent, result, mask)
            lent = coloured(lent, result) if person.gray else lent
            return np.round(mask[..., None] * lent + (1 - mask[..., None]) * result).astype(np.uint8)
    return result


def mixtures(
    heads: Sequence[Person], lenders: Sequence[Person], count: int, seed: int
) -> Iterator[tuple[str, Person, np.ndarray | None]]:
    """(name, head, picture) of `count` draws, heads in turn; None for a picture where nobody is alike enough to be mixed in."""
    people = [*heads, *lenders]
    traits = np.stack([person.traits for person in people])
    skins = np.stack([person.skin for person in people])
    for number in range(count):
        rng, head = np.random.default_rng([seed, number]), number % len(heads)
        chosen, picture = partners(traits, skins, head, rng), None
        if chosen is not None:
            shape, features = people[chosen[0]], [people[i] for i in chosen[1]]
            picture = mixture(heads[head], shape, features, rng.uniform(*_SHAPE))
        yield f"mixture_{number:05d}", heads[head], picture


def prepare_mixtures(
    faces: Path,
    output: Path,
    *,
    size: int = 256,
    count: int,
    seed: int = 0,
    limit: int = 0,
    lenders: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, list[Dropped]]:
    """Write `count` mixtures at most, of the first `limit` people of either folder (0: of all); gives the number of pictures
    kept, and the photos and mixtures that could not be used. `lenders` is the second folder, see `read_lenders`. Raises
    `DataError`."""
    dropped, kept = list[Dropped](), 0
    heads = read_people(faces, limit, dropped, progress)
    others = read_lenders(lenders, {one.subject for one in heads}, limit, dropped, progress) if lenders else []
    if not heads or len(heads) + len(others) < 3:
        raise DataError(f"'{faces}' shows {len(heads)} faces to train on; three at least are mixed.")
    reader, notes = Reader(threads=1), {"source": "mixtures", "seed": seed, "lenders": len(others)}
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        title = f"mixtures of the faces of {faces.name}"
        with DatasetWriter(temporary, title, size, AU_NAMES, crop="ffhq", notes=notes) as writer:
            for name, head, picture in mixtures(heads, others, count, seed):
                if picture is None:
                    dropped.append(Dropped(name, ALONE))
                    continue
                try:
                    reading = largest_face(picture, reader=reader)
                except NoFaceError:
                    dropped.append(Dropped(name, NO_FACE))
                    continue
                writer.add(resized(picture, size), reading.mean_action_units, name, head.subject, "", name)
                kept += 1
                progress(kept, len(dropped))
    if not kept:
        raise DataError(f"No two faces in '{faces}' are alike enough to be mixed.")
    return kept, dropped
