"""A generator with its encoder, from numpy to numpy: codes to pictures, pictures to codes, samples; and what the faces show.

Pictures are uint8 (n, S, S, 3) RGB, FFHQ crops; codes float32 (n, places, w_size). Runs torch, on a GPU where there is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mimica.batches import as_input, as_pictures
from mimica.checkpoint import fill_module, load_weights
from mimica.dataset import resized
from mimica.engines.stylegan.encoder import ENCODER_KIND, Encoder
from mimica.engines.stylegan.latents import READ_COLUMNS
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator
from mimica.errors import WeightsError
from mimica.face.detect import Box
from mimica.facs import to_vector
from mimica.reader.read import FaceReading, Reader

WEIGHTS = Path(__file__).parents[2] / "weights" / "stylegan.safetensors"
BATCH = 32
# Where dlib would put its box in an FFHQ crop of usual proportions, as shares of the side: centre and width.
_BOX = (0.5, 0.63, 0.70)


class Codec:
    """`encoder` may be None: then `encode` raises `WeightsError`."""

    def __init__(self, generator: Generator, encoder: Encoder | None = None, device: str | None = None) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.fingerprint = fingerprint(generator)
        self.generator = generator.eval().requires_grad_(False).to(self.device)
        self.encoder = encoder.eval().requires_grad_(False).to(self.device) if encoder else None
        self.places, self.w_size, self.image_size = (
            generator.synthesis.places,
            generator.synthesis.w_size,
            generator.synthesis.size,
        )

    @torch.inference_mode()
    def decode(self, codes: np.ndarray, progress: Callable[[int], None] = lambda n: None) -> np.ndarray:
        """Codes (n, places or 1, w_size) -> pictures uint8 (n, S, S, 3); `progress` is called with every few made."""
        return _in_batches(codes, lambda part: as_pictures(self._synthesis(part)), progress)

    @torch.inference_mode()
    def decode_levels(self, codes: np.ndarray) -> np.ndarray:
        """The same, not rounded and not clipped: float32 (n, S, S, 3), about 0 to 255."""
        return _in_batches(codes, lambda part: (self._synthesis(part).permute(0, 2, 3, 1).float().cpu().numpy() + 1) * 127.5)

    def _synthesis(self, codes: np.ndarray) -> Tensor:
        spread = np.broadcast_to(codes, (len(codes), self.places, self.w_size))
        picture: Tensor = self.generator.synthesis(torch.from_numpy(np.array(spread, np.float32)).to(self.device))
        return picture

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray, progress: Callable[[int], None] = lambda n: None) -> np.ndarray:
        """FFHQ crops uint8 (n, H, H, 3) of any side -> codes (n, places, w_size), in one pass of the encoder."""
        encoder = self.encoder
        if encoder is None:
            raise WeightsError("This generator has no encoder beside it; give one whose folder holds encoder.safetensors too.")

        def encoded(part: np.ndarray) -> np.ndarray:
            fitting = np.stack([resized(picture, self.image_size) for picture in part])
            return np.asarray(encoder.w_plus(as_input(torch.from_numpy(fitting).to(self.device))).float().cpu().numpy())

        return _in_batches(pictures, encoded, progress)

    @torch.inference_mode()
    def sample(self, count: int, seed: int, truncation: float = 1.0) -> np.ndarray:
        """Codes of random faces, (count, 1, w_size): w of z drawn by `seed`."""
        z = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, int(self.generator.config["z_size"]))))
        mapping = self.generator.mapping
        w = mapping.truncate(mapping(z.float().to(self.device)), truncation)
        return np.asarray(w.float().cpu().numpy())[:, None]


def _in_batches(
    inputs: np.ndarray, make: Callable[[np.ndarray], np.ndarray], progress: Callable[[int], None] = lambda n: None
) -> np.ndarray:
    made = []
    for start in range(0, len(inputs), BATCH):
        part = inputs[start : start + BATCH]
        made.append(make(np.asarray(part)))
        progress(len(part))
    return np.concatenate(made)


def fingerprint(generator: Generator) -> str:
    """12 hexadecimal digits that name a generator's weights: codes of one mean nothing to another."""
    digest = hashlib.sha256()
    for name, tensor in sorted(generator.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def load_codec(weights: Path | None = None) -> Codec:
    """The shipped generator and encoder, or those of a file of `mimica train stylegan`, whose encoder.safetensors lies beside it.
    Raises `WeightsError`."""
    path = weights or WEIGHTS
    loaded = load_weights(path, GENERATOR_KIND)
    generator = Generator(**loaded.config)
    fill_module(generator, loaded.tensors, path)
    beside = companion(path, "encoder")
    if beside is None:
        return Codec(generator)
    about = load_weights(beside, ENCODER_KIND)
    encoder = Encoder(**about.config)
    fill_module(encoder, about.tensors, beside)
    return Codec(generator, encoder)


def companion(generator: Path, what: str) -> Path | None:
    """What belongs to a generator: `STEM_WHAT.safetensors` or `WHAT.safetensors` in its folder, if there is such a file."""
    candidates = [generator.with_name(f"{generator.stem}_{what}.safetensors"), generator.with_name(f"{what}.safetensors")]
    return next((path for path in candidates if path.is_file()), None)


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
