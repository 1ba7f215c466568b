"""`mimica evaluate restoring`: what the restoring network makes of held-out faces that were made small or blurred.

psnr       dB, against the sharp crop, as it was made and restored
sharpness  variance of the Laplacian of the brightness, over that of the sharp crop
identity   distance of dlib's face descriptors from the sharp crop's (below 0.6 the same person); only where the package
           face_recognition_models is installed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np

from mimica.engines.vae.codec import Codec
from mimica.engines.vae.edit import load_vae
from mimica.evaluate.identity import Identity
from mimica.face.align import feather
from mimica.face.overlay import enlarged, to_pixels
from mimica.face.restore import SIZE, Restorer, weights_for
from mimica.metrics import psnr
from mimica.pictures.contact_sheet import Cell, sheet
from mimica.reader.read import Reader

Spoil = Callable[[np.ndarray], np.ndarray]


def shrunk(crop: np.ndarray, side: int) -> np.ndarray:
    """A crop as it is after a time at `side` pixels."""
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC))


def blurred(crop: np.ndarray, sigma: float) -> np.ndarray:
    """A crop out of focus: a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma))


def compressed(crop: np.ndarray, side: int, quality: int) -> np.ndarray:
    """As `shrunk`, and stored as JPEG meanwhile."""
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))
    return np.asarray(cv2.resize(decoded, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC))


@cache
def _codec() -> Codec:
    return load_vae().codec


def given_back(crop: np.ndarray) -> np.ndarray:
    """A crop as the decoder of the engine `vae` has it."""
    codec = _codec()
    small = cv2.resize(crop, (codec.image_size, codec.image_size), interpolation=cv2.INTER_AREA)
    return to_pixels(enlarged(codec.decode(codec.encode(small[None]))[0][0], len(crop)))


SPOILT: Mapping[str, Spoil] = {
    "64 px": partial(shrunk, side=64),
    "96 px": partial(shrunk, side=96),
    "128 px": partial(shrunk, side=128),
    "blur 2 px": partial(blurred, sigma=2.0),
    "blur 3 px": partial(blurred, sigma=3.0),
    "blur 4 px": partial(blurred, sigma=4.0),
    "64 px, JPEG 80": partial(compressed, side=64, quality=80),
    "as it is": np.copy,
    "given back by the VAE": given_back,
}
"""What is done to crops of `SIZE` pixels."""
OWN = {"given back by the VAE": "vae"}
"""What is restored by an engine's own network."""


@dataclass
class Report:
    """`rows`: kind -> figure, as `psnr before`, -> mean; `pictures`: kind -> (spoilt, restored) of each face."""

    rows: dict[str, dict[str, float]]
    crops: list[np.ndarray]
    pictures: dict[str, list[tuple[np.ndarray, np.ndarray]]]

    def sheet(self, count: int = 4, kinds: Sequence[str] = tuple(SPOILT)[:7]) -> np.ndarray:
        """Two rows for each of the first faces: spoilt, restored; the sharp crop at the left."""
        rows = []
        for number, crop in enumerate(self.crops[:count]):
            rows.append([Cell(crop, "sharp"), *(Cell(self.pictures[kind][number][0], kind) for kind in kinds)])
            rows.append([Cell(None), *(Cell(self.pictures[kind][number][1], "restored") for kind in kinds)])
        return sheet(rows, SIZE)


def restored(restorer: Restorer, crop: np.ndarray) -> np.ndarray:
    """A crop, uint8 (SIZE, SIZE, 3), as `Restorer.over` leaves it in a photo of its size."""
    change = restorer.change(crop)
    if change is None:
        return crop
    return np.rint(np.clip(crop + change * feather(SIZE, 1)[:, :, None], 0, 255)).astype(np.uint8)


def evaluate(crops: Sequence[np.ndarray], progress: Callable[[], None] = lambda: None) -> Report:
    """Sharp FFHQ crops, uint8 (SIZE, SIZE, 3), through all kinds of `SPOILT`."""
    looked, restorers = _Looked(), {kind: Restorer(weights_for(OWN[kind]) if kind in OWN else None) for kind in SPOILT}
    pictures: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {kind: [] for kind in SPOILT}
    figures: dict[str, list[dict[str, float]]] = {kind: [] for kind in SPOILT}
    for crop in crops:
        known = looked.at(crop)
        for kind, spoil in SPOILT.items():
            before = spoil(crop)
            after = restored(restorers[kind], before)
            pictures[kind].append((before, after))
            figures[kind].append(
                {**_measured("before", crop, before, known, looked), **_measured("after", crop, after, known, looked)}
            )
        progress()
    rows = {kind: {name: float(np.mean([row[name] for row in each])) for name in each[0]} for kind, each in figures.items()}
    return Report(rows, list(crops), pictures)


class _Looked:
    """Descriptors of crops, where the package for them is installed."""

    def __init__(self) -> None:
        self._identity, self._reader = Identity(), Reader()

    def at(self, crop: np.ndarray) -> np.ndarray | None:
        if self._identity.path is None:
            return None
        from mimica.face.detect import Box

        half, x, y = 0.35 * SIZE, 0.5 * SIZE, 0.63 * SIZE  # where dlib would put its box
        reading = self._reader.read(crop, [Box(x - half, y - half, x + half, y + half, 1.0)])[0]
        return self._identity.descriptor(crop, reading.landmarks_photo)


def _measured(when: str, crop: np.ndarray, picture: np.ndarray, known: np.ndarray | None, looked: _Looked) -> dict[str, float]:
    row = {f"psnr {when}": min(99.0, psnr(picture, crop)), f"sharpness {when}": energy(picture) / max(energy(crop), 1e-9)}
    described = looked.at(picture)
    if known is not None and described is not None:
        row[f"identity {when}"] = float(np.linalg.norm(described - known))
    return row


def energy(picture: np.ndarray) -> float:
    """Variance of the Laplacian of the brightness of a picture, uint8 (H, W, 3)."""
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
