"""A small or blurred face, made sharp: what the photo lacks of a face's fine detail is drawn by a network (64 -> 256 pixels).

The network (`mimica/weights/restorer.onnx`, the top of the embedded StyleGAN2 generator; what an engine draws may have one that
was trained on such pictures, `restorer_ENGINE.onnx`) sees the face's FFHQ crop at 64 pixels
and draws it at 256. The photo keeps what it has: both pictures are split into octaves B_1 (finest) to B_3 and a rest,

    out = rest + sum_k  a_k B_k(photo) + (1 - a_k) B_k(drawn),      a_k from 0 to 1 as |B_k(photo)| / |B_k(drawn)| rises

with |.| the root mean square over the face, and the difference out - photo is added to the photo. A face that has its finest
octave is left alone, bit for bit. A blurred one is made a little crisper before the network sees it, up to what faces usually
have. The detail is invented: likely, not true. Runs ONNX Runtime, no torch; pictures are uint8 (H, W, 3) RGB.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mimica.errors import WeightsError
from mimica.face.align import add_change, crop_from_photo, cut, feather, invert
from mimica.model_files.onnx_session import Session, open_session
from mimica.pictures.pixels import float_levels, to_signed

WEIGHTS = Path(__file__).parent.parent / "weights" / "restorer.onnx"
ENTRY, SIZE = 64, 256
"""Sides of what the network sees and draws, pixels."""
_SIGMAS = (0.8, 1.6, 3.2)
"""Of the blurs between whose results an octave lies, pixels of a crop of `SIZE`."""
_PRESENT = ((0.55, 0.85), (0.78, 0.95), (0.85, 1.0))
"""|B(photo)| / |B(drawn)| of each octave: up to the first number it counts as missing, from the second on as there. A face that
was 64 pixels wide has 0.5, 0.76, 0.91; one of 128 has 0.86, 0.95, 0.94."""
_ENTRY_SIGMAS = (0.7, 1.4, 2.8)
_USUAL = (0.54, 0.58)
"""The two finest octaves at `ENTRY` over the third: 0.8 of the median of sharp faces (0.67, 0.72; 57 FFHQ crops)."""
_MOST = (4.0, 2.0)
"""How much they are strengthened at most; more would draw rings around blurred lines and JPEG's squares."""
_BORDER = 40
"""Width of the soft border of what is added, pixels of the crop."""


@lru_cache(2)
def _on_face(side: int) -> np.ndarray:
    """bool (side, side): where faces lie in FFHQ crops; octaves are measured there."""
    mask = np.zeros((side, side), np.uint8)
    centre, axes = (side // 2, round(0.55 * side)), (round(0.25 * side), round(0.35 * side))
    return cv2.ellipse(mask, centre, axes, 0, 0, 360, (1,), -1) > 0


def octaves(levels: np.ndarray, sigmas: tuple[float, ...]) -> tuple[list[np.ndarray], np.ndarray]:
    """float32 (S, S, 3) -> octaves, the finest first, and the rest; their sum is the picture."""
    bands, rest = [], levels
    for sigma in sigmas:
        smooth = cv2.GaussianBlur(rest, (0, 0), sigma)
        bands.append(rest - smooth)
        rest = smooth
    return bands, rest


def crisper(small: np.ndarray) -> np.ndarray:
    """A face's crop, float32 (ENTRY, ENTRY, 3) levels, with its finest octaves as strong as faces usually have them."""
    (fine, middle, coarse), rest = octaves(small, _ENTRY_SIGMAS)
    here = _on_face(ENTRY).astype(np.float32)
    usual = [share * max(_strength(coarse, here), 1e-3) for share in _USUAL]
    gains = [
        float(np.clip(wanted / max(_strength(band, here), 1e-3), 1.0, most))
        for band, wanted, most in zip((fine, middle), usual, _MOST, strict=True)
    ]
    return np.asarray(rest + coarse + gains[0] * fine + gains[1] * middle)


def _strength(band: np.ndarray, weight: np.ndarray) -> float:
    """Weighted root mean square of the brightness."""
    return float(np.sqrt(np.average(np.square(band.mean(2)), weights=weight)))


def weights_for(engine: str) -> Path:
    """The network for what an engine draws: its own where one ships, else that for photos."""
    own = WEIGHTS.with_stem(f"{WEIGHTS.stem}_{engine}")
    return own if own.is_file() else WEIGHTS


class Restorer:
    """The network; one object serves any number of photos and threads. Raises `WeightsError` for an unusable file."""

    def __init__(self, model: Path | bytes | None = None, threads: int = 2) -> None:
        if model is None and not WEIGHTS.is_file():
            raise WeightsError(f"There is no restoring network at '{WEIGHTS}': make it with `mimica export restorer`.")
        self._session: Session = open_session(WEIGHTS if model is None else model, threads, "The restoring network")
        about = self._session.about()
        if (about.get("kind"), about.get("entry"), about.get("size")) != ("restorer", ENTRY, SIZE):
            raise WeightsError("The network is no restoring network of 64 to 256 pixels: make one with `mimica export restorer`.")

    def drawn(self, crop: np.ndarray) -> np.ndarray:
        """An FFHQ crop (SIZE, SIZE, 3) in levels -> the network's picture of it, float32 (SIZE, SIZE, 3) in levels."""
        small = crisper(cv2.resize(crop.astype(np.float32), (ENTRY, ENTRY), interpolation=cv2.INTER_AREA))
        given = np.ascontiguousarray(to_signed(small.transpose(2, 0, 1)[None]))
        large = self._session.run({"small": given}, (1, 3, SIZE, SIZE))[0]
        return np.asarray(float_levels(large[0].transpose(1, 2, 0)))

    def change(self, crop: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray | None:
        """What is to be added to an FFHQ crop, uint8 (SIZE, SIZE, 3): float32 (SIZE, SIZE, 3) in levels; None where the crop has
        all the detail that the network would draw. `weight`, float32 (SIZE, SIZE), is where it counts what the crop has."""
        here = _on_face(SIZE).astype(np.float32) * (1 if weight is None else weight)
        if here.sum() < 1:
            return None
        own, made = octaves(crop.astype(np.float32), _SIGMAS)[0], octaves(self.drawn(crop), _SIGMAS)[0]
        ratios = [_strength(a, here) / max(_strength(b, here), 1e-3) for a, b in zip(own, made, strict=True)]
        if ratios[0] >= _PRESENT[0][1]:
            return None
        missing = [
            float(np.clip((high - ratio) / (high - low), 0, 1)) for ratio, (low, high) in zip(ratios, _PRESENT, strict=True)
        ]
        change: np.ndarray = sum((m * (b - a) for m, a, b in zip(missing, own, made, strict=True)), np.zeros_like(own[0]))
        return change

    def lacks_detail(self, photo: np.ndarray, landmarks_photo: np.ndarray) -> bool:
        """Whether `over` would add anything to a face."""
        return self.change(cut(photo, crop_from_photo(landmarks_photo, SIZE, "ffhq"), SIZE)) is not None

    def over(self, photo: np.ndarray, landmarks_photo: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """The photo with one face restored, where `mask`, float32 (H, W) in [0, 1], lets it; the photo itself where nothing is
        missing. What lies outside the face's FFHQ crop is the photo's, bit for bit."""
        matrix = crop_from_photo(landmarks_photo, SIZE, "ffhq")
        weight = None if mask is None else np.clip(cut(mask, matrix, SIZE), 0, 1)
        change = self.change(cut(photo, matrix, SIZE), weight)
        if change is None:
            return photo
        return add_change(photo, change, feather(SIZE, _BORDER) * (1 if weight is None else weight), matrix)


def side_of(landmarks_photo: np.ndarray) -> float:
    """The side of a face's FFHQ crop, in pixels of the photo."""
    return float(np.hypot(*invert(crop_from_photo(landmarks_photo, 1, "ffhq"))[:, 0]))
