"""A generator with its encoder, from numpy to numpy: codes to pictures, pictures to codes, samples; and what the faces show.

Pictures are uint8 (n, S, S, 3) RGB, FFHQ crops; codes float32 (n, num_ws, w_size). Runs torch, on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mimica.data.dataset import resized
from mimica.engines.stylegan.invert import Projection, Search
from mimica.engines.stylegan.latents import READ_COLUMNS
from mimica.engines.stylegan.model import SHIPPED, Model, load_model, seed_w
from mimica.engines.stylegan.perceptual import load_features
from mimica.errors import WeightsError
from mimica.face.detect import Box
from mimica.facs import to_vector
from mimica.pictures.pixels import as_input, as_pictures, float_levels
from mimica.reader.read import FaceReading, Reader

BATCH = 32
# Where dlib would put its box in an FFHQ crop of usual proportions, as shares of the side: centre and width.
_BOX = (0.5, 0.63, 0.70)


class Codec:
    """A `Model` on arrays; without an encoder `encode` raises `WeightsError`."""

    def __init__(self, model: Model) -> None:
        self.model, self.fingerprint = model, model.fingerprint
        self.num_ws, self.w_size, self.image_size = model.num_ws, model.generator.synthesis.w_size, model.size

    @torch.inference_mode()
    def decode(self, codes: np.ndarray, progress: Callable[[int], None] = lambda n: None) -> np.ndarray:
        """Codes (n, num_ws or 1, w_size) -> pictures uint8 (n, S, S, 3); `progress` is called with every few made."""
        return _in_batches(codes, lambda part: as_pictures(self._synthesis(part)), progress)

    @torch.inference_mode()
    def decode_levels(self, codes: np.ndarray) -> np.ndarray:
        """The same, not rounded and not clipped: float32 (n, S, S, 3), about 0 to 255."""
        return _in_batches(codes, lambda part: float_levels(self._synthesis(part).permute(0, 2, 3, 1).numpy()))

    def _synthesis(self, codes: np.ndarray) -> Tensor:
        spread = np.broadcast_to(codes, (len(codes), self.num_ws, self.w_size))
        picture: Tensor = self.model.generator.synthesis(torch.from_numpy(np.array(spread, np.float32)))
        return picture

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """FFHQ crops uint8 (n, H, H, 3) of any side -> codes (n, num_ws, w_size), in one pass of the encoder."""
        encoder = self.model.encoder
        if encoder is None:
            raise WeightsError("This generator has no encoder: put encoder.safetensors beside it, or search with --steps.")
        return _in_batches(pictures, lambda part: np.asarray(encoder.w_plus(self._input(part)).numpy()))

    def search(self, pictures: np.ndarray, steps: int) -> np.ndarray:
        """The same by `steps` of optimisation, from the encoder's answer where there is an encoder."""
        projection = Projection(self.model, self._input(pictures), load_features()[0], Search(steps=steps))
        projection.run()
        return np.asarray(projection.w_plus.numpy())

    def _input(self, pictures: np.ndarray) -> Tensor:
        return as_input(torch.from_numpy(np.stack([resized(picture, self.image_size) for picture in pictures])))

    def sample(self, count: int, seed: int, truncation: float = 1.0) -> np.ndarray:
        """Codes of random faces, (count, 1, w_size): those of the seeds from `seed` on."""
        return np.asarray(seed_w(self.model, range(seed, seed + count), truncation)[:, :1].numpy())


def _in_batches(
    inputs: np.ndarray, make: Callable[[np.ndarray], np.ndarray], progress: Callable[[int], None] = lambda n: None
) -> np.ndarray:
    made = []
    for start in range(0, len(inputs), BATCH):
        part = inputs[start : start + BATCH]
        made.append(make(np.asarray(part)))
        progress(len(part))
    return np.concatenate(made)


def load_codec(weights: Path | None = None) -> Codec:
    """The shipped generator and encoder, or those of a file, as `mimica.engines.stylegan.model.load_model` finds them. Raises
    `WeightsError`."""
    return Codec(load_model(weights))


def companion(generator: Path | None, what: str) -> Path | None:
    """What belongs to a generator, if there is such a file: WHAT.safetensors in its folder; stylegan_WHAT.safetensors beside the
    shipped one."""
    shipped = SHIPPED.with_name(f"stylegan_{what}.safetensors")
    path = generator.with_name(f"{what}.safetensors") if generator else shipped
    return path if path.is_file() else None


# --- what faces show ------------------------------------------------------------------------------------------------


def read_pictures(pictures: np.ndarray, reader: Reader, progress: Callable[[int], None] = lambda n: None) -> list[FaceReading]:
    """One reading for each FFHQ crop: the face is where the crop puts it, nothing is searched for. `confidence` says whether
    there is one."""
    side = pictures.shape[1]
    x, y, half = _BOX[0] * side, _BOX[1] * side, _BOX[2] * side / 2
    box = Box(x - half, y - half, x + half, y + half, 1.0)
    readings = []
    for picture in pictures:
        readings += reader.read(picture, [box])
        progress(1)
    return readings


def reading_rows(readings: Sequence[FaceReading]) -> np.ndarray:
    """float32 (n, len(READ_COLUMNS)): Action Units without sides, emotions, pose."""
    return np.stack(
        [
            to_vector({**r.mean_action_units, **r.emotions, "yaw": r.yaw, "pitch": r.pitch, "roll": r.roll}, READ_COLUMNS)
            for r in readings
        ]
    )
