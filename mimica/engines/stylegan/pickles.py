"""StyleGAN2 networks that users bring, as weights for our networks. Nothing in the files is run: see `mimica.foreign.torch_file`.

    .pkl   NVIDIA's PyTorch releases: stylegan2-ada-pytorch, and the StyleGAN2 configurations of stylegan3's repository; G, D
           and G_ema, each with its own source code in the file, which is not looked at
    .pt    rosinality's layout: g, d, g_ema, latent_avg

Both store the numbers of the paper's TensorFlow code, so a tensor only needs its new name. NVIDIA's clamp of features to
+-256 sqrt(2) (`conv_clamp`, for float16) is left out: in float32 features stay far below.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mimica.engines.stylegan.names import LAYOUTS, Names
from mimica.engines.stylegan.networks import DISCRIMINATOR_KIND, GENERATOR_KIND
from mimica.errors import WeightsError, nearest, shown
from mimica.foreign.budget import RefusedError
from mimica.foreign.pickle_machine import Call, Name
from mimica.foreign.torch_file import DAMAGE, read_torch_file, tensor
from mimica.model_files.checkpoint import Weights

_PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
"""How NVIDIA's files write an object: its source code, its class's name and its state. The source is not looked at."""
_MAX_MODULES = 12
"""Modules in modules."""
_FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0
_MAPPING_RATE = 0.01


@dataclass
class Found:
    """What a file holds: networks by name, and sentences about them for people."""

    layout: str
    networks: dict[str, Weights]
    notes: list[str] = field(default_factory=list)


def load_networks(path: Path) -> Found:
    """Every network in the file that is StyleGAN2's. Raises `WeightsError` where there is none, or the file is not safe."""
    content = read_torch_file(path, {_PERSISTENT})
    try:
        return _from_content(content, path)
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    except DAMAGE as error:  # shapes and values that no network of this kind has
        raise WeightsError(f"{path} holds no StyleGAN2 network that can be used ({shown(error)}).") from error


def _from_content(content: Any, path: Path) -> Found:
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no dictionary of networks (G, D, G_ema; or g, d, g_ema).")
    persistent = {str(name): value for name, value in content.items() if _class_name(value)}
    if persistent:
        return _collect(persistent, "nvidia", path, lambda record: (_nvidia_tensors(record), _class_name(record)))
    states = {str(name): value for name, value in content.items() if name in ("g", "d", "g_ema") and isinstance(value, dict)}
    if states:
        average = tensor(content.get("latent_avg"))
        return _collect(states, "rosinality", path, lambda state: (_state_tensors(state, average), "state dict"))
    there = ", ".join(shown(name) for name in list(content)[:4]) or "nothing"
    raise WeightsError(f"{path} holds no StyleGAN2 network; what is in it: {there}.")


def _collect(
    records: Mapping[str, Any], layout: str, path: Path, read: Callable[[Any], tuple[dict[str, np.ndarray], str]]
) -> Found:
    found, troubles = Found(layout, {}), []
    for name, record in records.items():
        tensors, kind = read(record)
        if not any(key in tensors for key in LAYOUTS[layout].signs):
            found.notes.append(f"{name} ({kind}) is left out: no StyleGAN2 network")
            continue
        try:
            found.networks[name] = _translated(tensors, LAYOUTS[layout], f"{path}, {name}")
        except WeightsError as error:
            troubles.append(str(error))
    if not found.networks:
        raise WeightsError(troubles[0] if troubles else f"{path} holds no StyleGAN2 network of the usual kind.")
    found.notes += troubles
    return found


def _nvidia_tensors(record: Any) -> dict[str, np.ndarray]:
    """Tensors of a persistent network. A mapping network with another learning rate than 0.01 is brought to ours."""
    tensors = _module_tensors(record)
    mapping = _child(record, "mapping")
    first = _child(mapping, "fc0") if mapping is not None else None
    factor = float(_module_state(first).get("bias_gain", _MAPPING_RATE)) / _MAPPING_RATE if first is not None else 1.0
    if factor != 1.0:
        for name in [n for n in tensors if re.match(r"mapping\.fc\d+\.(weight|bias)$", n)]:
            tensors[name] = tensors[name] * factor
    return tensors


def _child(record: Any, name: str) -> Any:
    modules = _module_state(record).get("_modules")
    return modules.get(name) if isinstance(modules, dict) else None


def _state_tensors(state: Mapping[Any, Any], average: np.ndarray | None) -> dict[str, np.ndarray]:
    named = {str(name).removeprefix("module."): tensor(value) for name, value in state.items() if isinstance(value, Call)}
    tensors = {name: array for name, array in named.items() if array is not None}
    if average is not None and "input.input" in tensors:
        tensors["latent_avg"] = average.reshape(-1)
    return tensors


# --- NVIDIA's objects -----------------------------------------------------------------------------------------------


def _module_tensors(record: Any, prefix: str = "", depth: int = 0) -> dict[str, np.ndarray]:
    """Parameters and buffers of a persistent module's record by their dotted names. Raises `RefusedError`."""
    state = _module_state(record)
    if depth > _MAX_MODULES:
        raise RefusedError("nests its modules too deeply")
    found = {}
    for part in ("_parameters", "_buffers"):
        for name, value in _dictionary(state.get(part)).items():
            array = tensor(value)
            if array is not None:
                found[f"{prefix}{name}"] = array
    for name, child in _dictionary(state.get("_modules")).items():
        if child is not None:
            found |= _module_tensors(child, f"{prefix}{name}.", depth + 1)
    return found


def _module_state(record: Any) -> Mapping[Any, Any]:
    """The attributes of a persistent object. Raises `RefusedError` for anything else."""
    if not isinstance(record, Call) or record.name != _PERSISTENT or not record.args:
        raise RefusedError("holds something else where a network should be")
    return _dictionary(_dictionary(record.args[0]).get("state"))


def _class_name(record: Any) -> str:
    """The class of a persistent object; empty for anything else."""
    is_object = isinstance(record, Call) and record.name == _PERSISTENT and bool(record.args)
    name = _dictionary(record.args[0]).get("class_name", "") if is_object else ""
    return shown(name) if isinstance(name, str) else ""


def _dictionary(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


# --- names ----------------------------------------------------------------------------------------------------------


def _translated(tensors: dict[str, np.ndarray], names: Names, where: str) -> Weights:
    """A network under our names, with its configuration from the shapes. Raises `WeightsError` for what is not StyleGAN2."""
    _check_filters(tensors, names, where)
    sides = sorted({int(m[1]) for n in tensors if (m := re.match(names.side, n))}) if names.side else None
    is_generator = names.signs[0] in tensors
    size = names.size(tensors, sides)
    if size not in [4 * 2**j for j in range(9)]:
        raise WeightsError(f"{where} is a network of {size} pixels; StyleGAN2 has powers of 2 from 4 to 1024.")
    table = names.generator(size, tensors) if is_generator else names.discriminator(size)
    missing = [theirs for theirs in table.values() if theirs not in tensors and not theirs.startswith("?")]
    used = {theirs.removeprefix("?") for theirs in table.values()}
    unknown = [n for n in tensors if n not in used and not re.search(names.filters, n)]
    if missing or unknown:
        what = f"{missing[0]} is missing" if missing else f"{unknown[0]} is unknown"
        raise WeightsError(f"{where} is no unconditional StyleGAN2 network with skip or residual architecture: {what}.")
    named = {ours: theirs.removeprefix("?") for ours, theirs in table.items()}
    ours = {o: np.asarray(tensors[t], np.float32) for o, t in named.items() if t in tensors}
    return _finished(ours, size, is_generator, where)


def _check_filters(tensors: Mapping[str, np.ndarray], names: Names, where: str) -> None:
    for name, array in tensors.items():
        is_filter = re.search(names.filters, name) and array.ndim == 2
        if is_filter and (array.shape != (4, 4) or not np.allclose(array / array.sum(), _FIR, atol=1e-4)):
            raise WeightsError(f"{where} resamples with another filter than 1, 3, 3, 1 ({name}), which Mimica does not.")


def _finished(ours: dict[str, np.ndarray], size: int, is_generator: bool, where: str) -> Weights:
    """Shapes as our networks have them, and the configuration."""
    channels = ours["synthesis.to_rgb.0.bias"].size if is_generator else ours["from_rgb.weight"].shape[1]
    if channels != 3:
        what = {1: "gray pictures", 4: "pictures with transparency"}.get(channels, f"pictures of {channels} channels")
        raise WeightsError(f"{where} is a network of {what}; Mimica edits those of colour, red, green and blue.")
    ours = {name: _shaped(name, array) for name, array in ours.items()}
    count = int(math.log2(size)) - 1
    if is_generator:
        widths = {4 * 2**j: len(ours[f"synthesis.layers.{2 * j}.bias"]) for j in range(count)}
        base, most = _channels(widths, where)
        depth = sum(bool(re.match(r"mapping\.layers\.\d+\.weight$", name)) for name in ours)
        w_size, z_size = ours["mapping.layers.0.weight"].shape
        ours.setdefault("mapping.w_average", np.zeros(w_size, np.float32))
        for k in range(2 * count - 1):  # files of old versions have no noise pictures
            side = 4 << (k + 1) // 2
            ours.setdefault(f"synthesis.layers.{k}.noise", np.random.default_rng(k).normal(size=(side, side)).astype(np.float32))
        config = {
            "size": size, "z_size": z_size, "w_size": w_size, "depth": depth, "channel_base": base, "channel_max": most,
        }  # fmt: skip
        return Weights(GENERATOR_KIND, 1, (), config, ours)
    widths = {size >> (j + 1): len(ours[f"blocks.{j}.conv2.bias"]) for j in range(count - 1)}
    base, most = _channels({size: len(ours["from_rgb.bias"]), **widths}, where)
    return Weights(DISCRIMINATOR_KIND, 1, (), {"size": size, "channel_base": base, "channel_max": most}, ours)


def _shaped(name: str, array: np.ndarray) -> np.ndarray:
    if name.endswith("noise_strength"):
        return array.reshape(())
    if name.endswith(".noise"):
        return array.reshape(array.shape[-2:])
    if name == "synthesis.constant":
        return array.reshape(array.shape[-3:])
    if re.match(r"synthesis\.to_rgb\.\d+\.weight$", name):
        return array.reshape(3, -1)
    if re.match(r"synthesis\.(to_rgb|layers)\.\d+\.bias$", name):
        return array.reshape(-1)
    return array.reshape(array.shape[-4:]) if re.match(r"synthesis\.layers\.\d+\.weight$", name) else array


def _channels(widths: Mapping[int, int], where: str) -> tuple[int, int]:
    """channel_base and channel_max that give these widths. Raises `WeightsError` where none do."""
    most = max(widths.values())
    base = (
        max(side * width for side, width in widths.items() if width < most) if min(widths.values()) < most else most * max(widths)
    )
    if any(width != min(base // side, most) for side, width in widths.items()):
        raise WeightsError(f"{where} has unusual numbers of feature maps ({', '.join(map(str, widths.values()))}).")
    return base, most


def choose(found: Found, wanted: str | None, path: Path) -> tuple[str, Weights]:
    """The network called `wanted`, or the averaged generator, or the generator. Raises `WeightsError`."""
    names = [wanted] if wanted else ["G_ema", "g_ema", "G", "g"]
    for name in names:
        if name in found.networks:
            return name, found.networks[name]
    there = ", ".join(found.networks)
    raise WeightsError(f"{path} has no network '{names[0]}'{nearest(names[0], found.networks) or ';'} it has {there}.")
