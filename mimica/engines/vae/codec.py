"""The trained VAE without torch: ONNX Runtime for encoder and decoders, and the file that holds them with the attributes.

    encoder.onnx   image float32 (B, 3, S, S) in [-1, 1] -> mean float32 (B, Z)
    decoder.onnx   z float32 (B, Z) -> image (B, 3, S, S) in [-1, 1], mask (B, 1, S, S) in [0, 1]; where the latent is a map
                   also layer (B, 4, S, S), the logits of an object's alpha and its colours in [-1, 1]
    translator.onnx  perhaps, there: z float32 (B, Z), wish float32 (B, switches), a dose for one of them -> z, float32 (B, Z)
    eraser.onnx    only there: z float32 (B, Z), kind int64 (B,), 0 eyewear, 1 facial hair -> z without it, float32 (B, Z)

One safetensors file of kind `vae-engine` has both as bytes, and (see `mimica.engines.vae.attributes`) `plain` and
`decorrelated`, float32 (attributes, Z); `units`, float32 (34, Z), what each Action Unit adds to z; `latent_mean` and
`latent_std`, float32 (Z,), of the training faces; perhaps `basis`, float32 (K, Z), their principal components times their
deviations, along which new faces are drawn. The config names the attributes; `switches` are those whose step was trained with the
decoders, which is their row of `decorrelated`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import WeightsError
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import BYTES, Array, Weights, check_arrays, load_weights, save_weights, whole
from mimica.model_files.onnx_session import Session, open_session
from mimica.pictures.pixels import float_levels, to_signed

ENGINE_KIND = "vae-engine"
WEIGHTS = Path(__file__).parents[2] / "weights" / "vae.safetensors"
BATCH = 32
COMPONENTS = 160
"""Principal components of the latent along which new faces are drawn, where the latent is a map, at most."""
SEEN = 1.2
"""The largest dose of a drawn attribute in training."""
TEMPERATURE = 0.8
"""Share of the training faces' deviations with which new faces are drawn along `basis`."""
SOURCE = "The VAE's file"
"""What sentences call the file of a codec."""


class Codec:
    """Encoder and decoders of an engine file. Raises `WeightsError` where ONNX Runtime cannot use them."""

    def __init__(self, weights: Weights, threads: int = 2) -> None:
        self.image_size = whole(weights.config, "image_size", SOURCE, 8, 2048)
        self.latent = whole(weights.config, "latent", SOURCE)
        self.is_map = ERASER in weights.tensors
        check_arrays(weights.tensors, _NETWORKS | _ERASER, SOURCE)

        def session(name: str) -> Session:
            return open_session(weights.tensors[name].tobytes(), threads, f"{SOURCE}, {name},")

        self._encoder, self._decoder = (session(name) for name in _NETWORKS)
        self._eraser = session(ERASER) if self.is_map else None
        self._translator = session(TRANSLATOR) if TRANSLATOR in weights.tensors else None

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (B, S, S, 3) -> the posterior's mean, float32 (B, Z)."""
        means = []
        for start in range(0, len(pictures), BATCH):
            part = np.asarray(pictures[start : start + BATCH]).transpose(0, 3, 1, 2)
            means += self._encoder.run({"image": to_signed(part)}, (len(part), self.latent))
        return np.concatenate(means)

    def decode(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 (B, Z) -> pictures float32 (B, S, S, 3) from 0 to 255, head masks float32 (B, S, S) in [0, 1]."""
        picture, mask, _ = self.decode_layers(z)
        return picture, mask

    def decode_layers(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `decode`, and what lies over the face: float32 (B, S, S, 4), logits of alpha and colours from 0 to 255; no channels
        where the latent is a vector."""
        pictures, masks, layers = [], [], []
        for start in range(0, len(z), BATCH):
            part, side = np.asarray(z[start : start + BATCH], np.float32), self.image_size
            shapes = [(len(part), channels, side, side) for channels in ((3, 1, 4) if self.is_map else (3, 1))]
            image, mask, *layer = self._decoder.run({"z": part}, *shapes)
            pictures.append(float_levels(image.transpose(0, 2, 3, 1)))
            masks.append(mask[:, 0])
            over = layer[0].transpose(0, 2, 3, 1) if layer else np.zeros((len(part), side, side, 0), np.float32)
            layers.append(np.concatenate([over[..., :1], float_levels(over[..., 1:])], axis=3))
        return np.concatenate(pictures), np.concatenate(masks), np.concatenate(layers)

    def erase(self, z: np.ndarray, kind: int) -> np.ndarray:
        """float32 (B, Z) without eyewear (0) or facial hair (1). Raises `WeightsError` where the latent is a vector."""
        if self._eraser is None:
            raise WeightsError(f"{SOURCE} cannot take anything away: its latent is a vector.")
        inputs: dict[str, np.ndarray] = {"z": np.asarray(z, np.float32), "kind": np.full(len(z), kind, np.int64)}
        return self._eraser.run(inputs, z.shape)[0]

    def translate(self, z: np.ndarray, place: int, vectors: Vectors, dose: float) -> np.ndarray:
        """(Z,) with a dose of the switch number `place`: as the translator says, which has seen doses up to `SEEN`, or its
        constant step where there is none."""
        step = vectors.of(vectors.switches[place])
        if self._translator is None:
            return z + np.float32(dose) * step
        seen = float(np.clip(dose, -SEEN, SEEN))
        wish = np.zeros((1, len(vectors.switches)), np.float32)
        wish[0, place] = seen
        moved = self._translator.run({"z": z[None].astype(np.float32), "wish": wish}, (1, len(z)))[0][0]
        further: np.ndarray = z + np.float32(dose / seen) * (moved - z)
        return further


@dataclass(frozen=True)
class Vectors:
    """What an engine file knows of the latent space; arrays as in the module's description. `counts` has the numbers of
    positives and negatives of each attribute."""

    attributes: tuple[str, ...]
    counts: tuple[tuple[int, int], ...]
    plain: np.ndarray
    decorrelated: np.ndarray
    units: np.ndarray
    latent_mean: np.ndarray
    latent_std: np.ndarray
    switches: tuple[str, ...] = ()
    basis: np.ndarray | None = None

    def draw(self, count: int, seed: int) -> np.ndarray:
        """(count, Z): latents of faces that are nobody's, by the random numbers of `seed`."""
        rng = np.random.default_rng(seed)
        if self.basis is None:
            return rng.standard_normal((count, len(self.latent_mean))).astype(np.float32)
        noise = TEMPERATURE * rng.standard_normal((count, len(self.basis))).astype(np.float32)
        drawn: np.ndarray = self.latent_mean + noise @ self.basis
        return drawn

    def of(self, attribute: str, plain: bool = False) -> np.ndarray:
        """(Z,) the step of dose 1."""
        step: np.ndarray = (self.plain if plain else self.decorrelated)[self.attributes.index(attribute)]
        return step

    def length(self, attribute: str, plain: bool = False) -> float:
        """Of the step of dose 1, in standard deviations of the latent."""
        return float(np.linalg.norm(self.of(attribute, plain) / self.latent_std))

    @staticmethod
    def none(latent: int) -> Vectors:
        """A file whose attributes are not fitted yet."""
        empty = np.zeros((0, latent), np.float32)
        zero = np.zeros(latent, np.float32)
        return Vectors((), (), empty, empty, np.zeros((len(SIDED_AU_NAMES), latent), np.float32), zero, zero + 1)


ERASER, TRANSLATOR = "eraser.onnx", "translator.onnx"
_NETWORKS = {name: Array(f"bytes of {name}", kinds=BYTES) for name in ("encoder.onnx", "decoder.onnx")}
_ERASER = {name: Array(f"bytes of {name}", kinds=BYTES, required=False) for name in (ERASER, TRANSLATOR)}
_ARRAYS = {
    "plain": Array("attributes", "latent"),
    "decorrelated": Array("attributes", "latent"),
    "units": Array(len(SIDED_AU_NAMES), "latent"),
    "latent_mean": Array("latent"),
    "latent_std": Array("latent", low=0),
    "basis": Array("components", "latent", required=False),
}
"""Every array of an engine file but the networks."""


def load_engine_file(path: Path) -> tuple[Weights, Vectors]:
    """Raises `WeightsError` for a file that is missing, damaged, or of another kind."""
    weights = load_weights(path, ENGINE_KIND)
    try:
        counts = tuple((int(a), int(b)) for a, b in weights.config["counts"])
        attributes = tuple(str(name) for name in weights.config["attributes"])
        switches = tuple(str(name) for name in weights.config.get("switches", ()))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WeightsError(f"{path} is damaged, or of another version of the VAE: export it again.") from error
    if len(counts) != len(attributes) or len(set(attributes)) != len(attributes) or not set(switches) <= set(attributes):
        raise WeightsError(f"{path} is damaged: it does not name each of its attributes once; export it again.")
    sizes = {"attributes": len(attributes), "latent": whole(weights.config, "latent", path)}
    if switches and len(weights.tensors.get("basis", ())) not in range(1, COMPONENTS + 1):
        raise WeightsError(f"{path} is incomplete: its basis is missing, or has not from 1 to {COMPONENTS} rows.")
    check_arrays(weights.tensors, {**_NETWORKS, **_ERASER, **_ARRAYS}, path, sizes)
    arrays = {name: np.asarray(weights.tensors[name], np.float32) for name in _ARRAYS if name in weights.tensors}
    return weights, Vectors(attributes, counts, **arrays, switches=switches)


def with_vectors(weights: Weights, vectors: Vectors) -> Weights:
    """The same networks with other vectors."""
    config = {**weights.config, "attributes": list(vectors.attributes), "counts": [list(c) for c in vectors.counts]}
    config["switches"] = list(vectors.switches)
    given = {name: getattr(vectors, name) for name in _ARRAYS}
    arrays = {name: np.asarray(array, np.float32) for name, array in given.items() if array is not None}
    return replace(weights, config=config, tensors={**weights.tensors, **arrays})


def save_engine_file(path: Path, weights: Weights, vectors: Vectors) -> None:
    """Write networks and vectors as one file."""
    save_weights(path, with_vectors(weights, vectors))


def engine_weights(networks: Mapping[str, bytes], shape: Mapping[str, Any], notes: Mapping[str, Any]) -> Weights:
    """ONNX files by name as `Weights`, without vectors yet."""
    tensors = {name: np.frombuffer(data, np.uint8) for name, data in networks.items()}
    return Weights(ENGINE_KIND, 1, SIDED_AU_NAMES, dict(shape), tensors, notes)


def names(attributes: Sequence[str]) -> str:
    """For sentences."""
    return ", ".join(attributes) if attributes else "none (fit some with `mimica attributes fit`)"
