"""`mimica convert`: networks of others as model files; what they lack is added before they are saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimica.engines.stylegan.autoencoder import KIND as AUTOENCODER_KIND
from mimica.engines.stylegan.cascade.assemble import EXPORTED, assemble, between, kept, reseeded
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.directions import KIND as DIRECTIONS_KIND
from mimica.engines.stylegan.encoder import ENCODER_KIND
from mimica.engines.stylegan.model import fingerprint
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator
from mimica.engines.stylegan.pickles import Found, choose
from mimica.errors import ValueRangeError, WeightsError
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, save_weights
from mimica.reader.frozen import load_frozen

_SAMPLES = 10_000
BELONGING = (AUTOENCODER_KIND, DIRECTIONS_KIND)
"""What carries the fingerprint of a generator."""


def with_average(weights: Weights) -> Weights:
    """A generator without a mean w gets that of 10,000 random z; other networks are returned as they are."""
    if weights.kind != GENERATOR_KIND or np.any(weights.tensors["mapping.w_average"]):
        return weights
    generator = build_module(Generator, weights.config, "the network")
    fill_module(generator, weights.tensors, "the network")
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        w = generator.mapping(torch.randn(_SAMPLES, int(weights.config["z_size"]), generator=draws))
    return replace(weights, tensors={**weights.tensors, "mapping.w_average": w.mean(0).numpy()})


def halved(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors in float16, but for small ones (biases, strengths), which weigh nothing, and any that would overflow."""
    small = 1024
    return {
        name: array.astype(np.float16) if array.size >= small and np.abs(array).max() < 60_000 else np.asarray(array, np.float32)
        for name, array in tensors.items()
    }


def described(found: Found) -> list[str]:
    """A line for each network of a file, and what else is to be said."""
    lines = []
    for name, weights in found.networks.items():
        count = sum(array.size for key, array in weights.tensors.items() if not key.endswith((".noise", "w_average")))
        config = ", ".join(f"{key} {value}" for key, value in weights.config.items())
        lines.append(f"{name}: {weights.kind}, {count / 1e6:.2f} M parameters, {config}")
    return [*lines, *found.notes]


def saved(found: Found, network: str | None, file: Path, output: Path, *, half: bool = False) -> str:
    """Writes the network called `network` (None: the averaged generator) of the file `file` to `output`, with `half` as float16;
    gives its name. Raises `WeightsError`."""
    name, weights = choose(found, network, file)
    weights = with_average(weights)
    tensors = halved(weights.tensors) if half else weights.tensors
    save_weights(output, replace(weights, tensors=tensors, notes={"origin": file.name, "network": name}))
    return name


def export_embedded(
    weights: Path,
    output: Path,
    *,
    start: Path | None = None,
    top: Path | None = None,
    share: float = 1.0,
    codes: Path | None = None,
    features: Path | None = None,
) -> Iterator[Path]:
    """The generator and the encoder of a folder `weights` (of a run, or mimica/weights), as they ship: writes both into the
    folder `output`, in float16, and gives each file.

    start   what that training started from, a folder of the same kind: generator and encoder are only a `share` of the way from
            there (`between`), and need `codes`
    top     the `weights` of the run whose top is taken; without `start` only a `share` of the way from the own top to that one
    codes   a set by whose photos' codes seeds are blended; `features` are those of a training

    What lies in `output` and belongs to the generator of `weights` belongs to it under its new top and seeds, too, and is stamped
    so: its w is the same. Raises `WeightsError`, `DataError`, `ValueRangeError`."""
    if start is None and top is None and share != 1:
        raise ValueRangeError("A share is one of the way from a start or to another top: name that with --start or --top.")
    if start is not None and codes is None:
        raise ValueRangeError("Between two networks other codes are blended than theirs: name photos with --codes, too.")
    body, encoder = _whole(weights, start, share)
    generator = body
    if top is not None:
        path = kept(top, "generator")
        found = load_weights(path, CASCADE_KIND) if start is not None else between(path, kept(weights, "generator"), share)
        generator = assemble(body, found, path)
    if codes is not None:
        generator = reseeded(generator, encoder, codes, load_frozen(features), kept(weights, "generator"))
    elif features is not None:
        raise ValueRangeError("Features tell which codes are alike: name photos with --codes, too.")
    generator, encoder = (replace(one, tensors=halved(one.tensors)) for one in (generator, encoder))
    made = {output / f"{EXPORTED[name]}.safetensors": one for name, one in (("generator", generator), ("encoder", encoder))}
    if top is not None or codes is not None:  # read before anything is written
        made |= _stamped(output, fingerprint(body), fingerprint(generator))
    for target, one in made.items():
        save_weights(target, one)
        yield target


def _whole(weights: Path, start: Path | None, share: float) -> tuple[Weights, Weights]:
    """Generator and encoder of a folder, or only a share of the way to them from those of another."""
    kinds = {"generator": CASCADE_KIND, "encoder": ENCODER_KIND}
    if start is None:
        generator, encoder = (load_weights(kept(weights, name), kind) for name, kind in kinds.items())
    else:
        generator, encoder = (between(kept(weights, name), kept(start, name), share, kind) for name, kind in kinds.items())
    return generator, encoder


def _stamped(folder: Path, before: str, after: str) -> dict[Path, Weights]:
    """Directions and pseudo-autoencoders of a folder, of the generator `before`, as ones of the generator `after`. What is no
    model file, or damaged, is let be: it belongs to no generator."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            one = load_weights(path, BELONGING)
        except WeightsError:
            continue
        if (config := _renamed(one.config, before, after)) != one.config:
            found[path] = replace(one, config=config)
    return found


def _renamed(value: Any, before: str, after: str) -> Any:
    """The same with one string in place of another, at any depth."""
    if isinstance(value, Mapping):
        return {key: _renamed(each, before, after) for key, each in value.items()}
    return after if value == before else value
