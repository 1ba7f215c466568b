"""The generator as it is used: read from a model file, known by a fingerprint, with latents kept in files.

A latent file (.npz) holds

    w_plus       float32 (N, num_ws, w_size)
    names        (N,) what each latent is: a seed, a photo's file name
    fingerprint  of the generator that it belongs to: the same numbers mean another face to another network
    matrices     float64 (N, 2, 3), crop_from_photo of the FFHQ crop of the generator's size; NaN without a photo
    noise_K      optional, float32 (N, 1, r, r): noise pictures that were optimised with the latents
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.encoder import ENCODER_KIND, Encoder
from mimica.engines.stylegan.latents import layers_named
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator
from mimica.errors import DataError, WeightsError
from mimica.files import atomic_path
from mimica.foreign.tables import NO_ARRAY
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights
from mimica.model_files.shipped import folder_with

SHIPPED = folder_with("stylegan.safetensors") / "stylegan.safetensors"
SHIPPED_ENCODER = SHIPPED.with_name("stylegan_encoder.safetensors")
NETWORKS: dict[str, type[Generator]] = {GENERATOR_KIND: Generator, CASCADE_KIND: CascadeGenerator}
"""What a model file of each kind is made into."""


@dataclass
class Model:
    """A generator in evaluation mode, its encoder where there is one, and its fingerprint."""

    generator: Generator
    fingerprint: str
    encoder: Encoder | None = None

    @property
    def size(self) -> int:
        return self.generator.synthesis.size

    @property
    def num_ws(self) -> int:
        return self.generator.synthesis.num_ws


def fingerprint(weights: Weights) -> str:
    """16 hexadecimal digits of the network's numbers, whatever precision the file stores them in."""
    digest = hashlib.sha256()
    for name in sorted(weights.tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights.tensors[name], np.float32).tobytes())
    return digest.hexdigest()[:16]


def load_model(path: Path | None = None, encoder: Path | None = None) -> Model:
    """The shipped generator with its encoder, or another (`mimica convert`, a training's weights/generator.safetensors, with the
    encoder.safetensors beside it or the one named). Raises `WeightsError`, also for an encoder of another generator."""
    source = path or SHIPPED
    if path is None and not SHIPPED.is_file():
        raise WeightsError("No generator comes with this copy of Mimica: pip install mimica-models, or give one with --weights.")
    weights = load_weights(source, tuple(NETWORKS))
    generator = build_module(NETWORKS[weights.kind], weights.config, source)
    fill_module(generator, weights.tensors, source)
    beside = source.with_name("encoder.safetensors")
    encoder = encoder or (SHIPPED_ENCODER if path is None else beside if beside.is_file() else None)
    network = _load_encoder(encoder, generator) if encoder else None
    if weights.kind == GENERATOR_KIND and torch.cuda.is_available():  # the embedded one is small
        generator.synthesis.cuda().half_precision = True
    return Model(generator.eval().requires_grad_(False), fingerprint(weights), network)


def _load_encoder(path: Path, generator: Generator) -> Encoder:
    weights = load_weights(path, ENCODER_KIND)
    network = build_module(Encoder, layers_named(weights.config), path)
    fill_module(network, weights.tensors, path)
    if network.num_ws != generator.synthesis.num_ws or len(network.w_mean) != generator.synthesis.w_size:
        raise WeightsError(f"{path} is the encoder of another generator: it has {network.num_ws} layers.")
    return network.eval().requires_grad_(False)


def seed_z(seeds: Sequence[int], z_size: int) -> Tensor:
    """z of each seed, (N, z_size), the same numbers as NVIDIA's and rosinality's scripts of numpy draw for it."""
    return torch.from_numpy(np.stack([np.random.RandomState(s).randn(z_size) for s in seeds]).astype(np.float32))


@torch.no_grad()
def seed_w(model: Model, seeds: Sequence[int], truncation: float = 1.0) -> Tensor:
    """w_plus (N, num_ws, w_size) of each seed."""
    mapping = model.generator.mapping
    w = mapping.truncate(mapping(seed_z(seeds, int(model.generator.config["z_size"]))), truncation)
    return model.generator.synthesis.spread(w).clone()


# --- latent files ---------------------------------------------------------------------------------------------------


@dataclass
class Latents:
    """See the module's description."""

    w_plus: np.ndarray
    names: list[str]
    fingerprint: str
    matrices: np.ndarray | None = None
    noises: Mapping[int, np.ndarray] = field(default_factory=dict)


def save_latents(path: Path, latents: Latents) -> None:
    """Write a latent file, whole or not at all."""
    matrices = latents.matrices if latents.matrices is not None else np.full((len(latents.w_plus), 2, 3), np.nan)
    arrays = {
        "w_plus": np.asarray(latents.w_plus, np.float32),
        "names": np.array(latents.names, np.str_),
        "fingerprint": np.array(latents.fingerprint),
        "matrices": matrices,
        **{f"noise_{k}": np.asarray(noise, np.float32) for k, noise in latents.noises.items()},
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


MAX_LATENT_BYTES = 1 << 30
"""Of a latent file, unpacked: several thousand faces of the largest generator."""
NO_ARCHIVE = (*NO_ARRAY, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What numpy ends in where a file is no archive of arrays (.npz)."""


def load_latents(path: Path, model: Model) -> Latents:
    """Read a latent file for `model`. Raises `DataError` for what is none and for latents of another generator."""
    if not path.is_file():
        raise DataError(f"There is no latent file {path}.")
    try:
        latents = _read_latents(path)
    except NO_ARCHIVE as error:  # numpy's own words advise to load unsafely
        raise DataError(f"{path} is no latent file of Mimica's; `mimica project` and `generate` write them.") from error
    if latents.fingerprint != model.fingerprint:
        raise DataError(
            f"{path} holds latents of another generator ({latents.fingerprint}, not {model.fingerprint}); give the generator it "
            "was made with, or project the photo again."
        )
    wanted = (len(latents.names), model.num_ws, model.generator.synthesis.w_size)
    if latents.w_plus.shape != wanted or not np.isfinite(latents.w_plus).all():
        raise DataError(f"{path} is damaged: its latents are {latents.w_plus.shape}, or hold what is no finite number.")
    return latents


def _read_latents(path: Path) -> Latents:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_LATENT_BYTES:
            raise ValueError("it unpacks to more than a latent file holds")
    with np.load(path, allow_pickle=False) as file:
        return Latents(
            np.asarray(file["w_plus"].astype(np.float32, casting="same_kind")),
            [str(n) for n in file["names"]], str(file["fingerprint"]), file["matrices"],
            {int(k.removeprefix("noise_")): file[k] for k in file.files if k.startswith("noise_")},
        )  # fmt: skip
