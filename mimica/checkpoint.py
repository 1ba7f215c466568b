"""Model files: safetensors with a JSON description in the header. No torch here, so that the main job can read them.

The header's metadata has one key, `mimica`, whose JSON holds

    kind      what the weights are for, "ganimation-generator", say
    version   of that kind's layout, a whole number, raised when old files stop fitting
    controls  names of the control values that the model takes, in its order
    config    what is needed to build the network
    notes     for people: training data, licence, date

`load_weights` says in one sentence what is wrong with a file that does not fit. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mimica.errors import WeightsError
from mimica.files import atomic_path

if TYPE_CHECKING:
    import torch

KEY = "mimica"
_Module = TypeVar("_Module", bound="torch.nn.Module")


@dataclass(frozen=True)
class Weights:
    """A model file as read: see the module's description of the fields; `tensors` are numpy arrays by name."""

    kind: str
    version: int
    controls: tuple[str, ...]
    config: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    notes: Mapping[str, Any] = field(default_factory=dict)


def save_weights(path: Path, weights: Weights) -> None:
    """Write a model file; the file appears whole or not at all."""
    about = {
        "kind": weights.kind,
        "version": weights.version,
        "controls": list(weights.controls),
        "config": dict(weights.config),
        "notes": dict(weights.notes),
    }
    # ascontiguousarray would make () into (1,)
    arrays = {name: np.asarray(array, order="C") for name, array in weights.tensors.items()}
    content = save(arrays, metadata={KEY: json.dumps(about)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_about(path: Path) -> dict[str, Any]:
    """The JSON description of a model file, without its tensors. Raises `WeightsError` where there is none."""
    if not path.is_file():
        raise WeightsError(f"There is no model file {path}.")
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                raise ValueError("the header is too long")
            header = json.loads(file.read(length))
            return dict(json.loads(header["__metadata__"][KEY]))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise WeightsError(f"{path} is not a model file of Mimica's (safetensors with a '{KEY}' description).") from error


def load_weights(path: Path, kind: str | Sequence[str], version: int = 1) -> Weights:
    """Read a model file of `kind` (or one of several kinds) and layout `version`.

    Raises `WeightsError`, naming the file and what is wrong: missing, damaged, of another kind, of another version.
    """
    about = read_about(path)
    kinds = [kind] if isinstance(kind, str) else list(kind)
    if about.get("kind") not in kinds:
        raise WeightsError(f"{path} holds '{about.get('kind')}'; weights of '{' or '.join(kinds)}' are needed here.")
    if about.get("version") != version:
        raise WeightsError(
            f"{path} has version {about.get('version')} of '{about['kind']}'; this Mimica reads version {version}: "
            "take the file that belongs to this version, or the other version of Mimica."
        )
    try:
        tensors = load(path.read_bytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is damaged ({error}); get it again.") from error
    return Weights(about["kind"], version, tuple(about["controls"]), about["config"], tensors, about["notes"])


def module_tensors(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """A torch module's state as float32 (or integer) numpy arrays, ready for `save_weights`."""
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    return {name: (t.float() if t.is_floating_point() else t).contiguous().numpy() for name, t in state.items()}


def build_module(network: Callable[..., _Module], config: Mapping[str, Any], source: str | Path) -> _Module:
    """A torch module from the `config` of a model file. Raises `WeightsError` where a file describes none that can be built."""
    try:
        return network(**config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise WeightsError(f"{source} describes a network that cannot be built ({str(error).splitlines()[0]}).") from error


def fill_module(module: torch.nn.Module, tensors: Mapping[str, np.ndarray], source: str | Path) -> None:
    """Put `tensors` into a torch module. Raises `WeightsError` that names the first tensors that do not fit.

    Values are copied, so the arrays may be read-only. `source` is the file's name, for the message.
    """
    import torch

    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    got = {name: tuple(array.shape) for name, array in tensors.items()}
    wrong = [f"{n} is {got[n]} instead of {wanted[n]}" for n in wanted if n in got and got[n] != wanted[n]]
    wrong += [f"{n} is missing" for n in wanted if n not in got] + [f"{n} is unknown" for n in got if n not in wanted]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WeightsError(f"{source} does not fit this network: {'; '.join(wrong[:3])}{more}.")
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})
