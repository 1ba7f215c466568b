"""One generator of a body and a top that were trained apart, or of two states of one, or with other seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from mimica.data.dataset import open_datasets
from mimica.engines.stylegan.cascade.mapping import fit_seeds
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.cascade.options import CascadeOptions
from mimica.engines.stylegan.encoder import Encoder
from mimica.engines.stylegan.latents import layers_named
from mimica.errors import DataError, ValueRangeError, WeightsError
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, module_tensors
from mimica.pictures.pixels import as_input
from mimica.reader.frozen import FrozenFeatures

EXPORTED = {"generator": "stylegan", "encoder": "stylegan_encoder"}
"""What `mimica export embedded` calls a run's files."""


def kept(folder: Path, network: str) -> Path:
    """The file of a run's weights folder or, where such is not there, as it ships in mimica/weights."""
    path = folder / f"{network}.safetensors"
    shipped = folder / f"{EXPORTED[network]}.safetensors"
    return shipped if shipped.exists() and not path.exists() else path


def take(generator: CascadeGenerator, tensors: Mapping[str, np.ndarray], part: Literal["body", "top"], source: Path) -> None:
    """Fill one part of a generator (the body has the mapping too). Raises `WeightsError` where the sizes differ."""
    tops = {f"synthesis.{name}" for name in generator.synthesis.top_names()}
    chosen = {name: tensor for name, tensor in tensors.items() if (name in tops) == (part == "top")}
    fill_module(generator, {**module_tensors(generator), **chosen}, source)


def assemble(body: Weights, top: Weights, source: Path) -> Weights:
    """The body of one model file with the top of another, `source`. Raises `WeightsError` where they do not fit."""
    _check_alike(body, top, source)
    generator = build_module(CascadeGenerator, body.config, source)
    fill_module(generator, body.tensors, source)
    take(generator, top.tensors, "top", source)
    notes = {**body.notes, **{f"top_{name}": value for name, value in top.notes.items()}}
    return replace(body, tensors=module_tensors(generator), notes=notes)


def between(source: Path, start: Path, share: float, kind: str = CASCADE_KIND) -> Weights:
    """The numbers on the way from the network that a training started from to what it made of it, so far: a critic's detail
    without all of its faults (network interpolation, X. Wang et al., "ESRGAN", 2018, section 3.4). Raises `WeightsError` and, for
    a share outside [0, 1], `ValueRangeError`."""
    if not 0 <= share <= 1:
        raise ValueRangeError(f"The share is {share:g}; it must lie between 0 and 1.")
    end, begin = load_weights(source, kind), load_weights(start, kind)
    if kind == CASCADE_KIND:
        _check_alike(begin, end, source)
    shapes = [{name: np.shape(tensor) for name, tensor in one.tensors.items()} for one in (begin, end)]
    if shapes[0] != shapes[1]:
        raise WeightsError(f"{source} is of another network than {start}.")
    mixed = {
        name: (1 - share) * np.asarray(begin.tensors[name], np.float32) + share * np.asarray(tensor, np.float32)
        for name, tensor in end.tensors.items()
    }
    return replace(end, tensors=mixed, notes={**end.notes, "share": share})


def reseeded(body: Weights, encoder: Weights, photos: Path, features: FrozenFeatures, source: Path) -> Weights:
    """The same networks, with seeds that blend codes of the photos of a prepared set, as a training now fits them: its training
    part's, mirrored ones too. Raises `DataError`, `WeightsError`."""
    options = CascadeOptions(steps=1)
    config = {**body.config, "codes": options.codes, "dims": options.dims, "blended": options.blended}
    generator = build_module(CascadeGenerator, config, source)
    mapping = {f"mapping.{name}": tensor for name, tensor in module_tensors(generator.mapping).items()}
    fill_module(generator, {**body.tensors, **mapping}, source)
    coder = build_module(Encoder, layers_named(encoder.config), source)
    fill_module(coder, encoder.tensors, source)
    faces = open_datasets([photos], "ffhq").part(validation=False).originals(options.codes)
    if len(faces) < 2:
        raise DataError(f"'{photos}' holds {len(faces)} photos of people to train on; seeds blend two at least.")
    pictures = as_input(torch.from_numpy(faces.images(range(len(faces)), 4 << generator.synthesis.entry)))
    fit_seeds(generator.eval(), coder.eval(), torch.cat([pictures, pictures.flip(3)]), features)
    return replace(body, config=generator.config, tensors=module_tensors(generator), notes={**body.notes, "codes": faces.title})


def _check_alike(one: Weights, other: Weights, source: Path) -> None:
    changed = [name for name in one.config if one.config[name] != other.config.get(name)]
    if changed:
        raise WeightsError(f"{source} is of another generator than what it is to go with: {', '.join(changed)} differ.")
