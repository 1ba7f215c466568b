"""Model files: safetensors with a JSON description in the header. No torch here, so that the main job can read them.

The header's metadata has one key, `mimica`, whose JSON holds

    kind      what the weights are for, "ganimation-generator", say
    version   of that kind's layout, a whole number, raised when old files stop fitting
    controls  names of the control values that the model takes, in its order
    config    what is needed to build the network
    notes     for people: training data, licence, date

Files of older versions have `kind` (and `controls`, as JSON) in the metadata itself; they are read as version 1 without config.
`load_weights` says in one sentence what is wrong with a file that does not fit. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mimica.errors import WeightsError, shown
from mimica.files import atomic_path, read_bytes

if TYPE_CHECKING:
    import torch

KEY = "mimica"
MAX_BYTES = 4 << 30
"""Largest model file that is read."""
MAX_PARAMETERS = 250_000_000
"""Numbers of the largest network that a file may describe: 1 GB."""
_LONGEST_HEADER = 100_000_000
_REPEATED = ("depth", "blocks", "layers")
_MOST = (1 << 20, 256)
"""Largest number in a config, and largest of those that say how often something is repeated."""
_Module = TypeVar("_Module", bound="torch.nn.Module")

# --- what a kind of file must hold ------------------------------------------------------------------------------------
#
# One table a kind, name -> shape, type, range. A size that several arrays share has a name in their shapes:
# {"a.weight": Array("N", 3), "a.bias": Array("N")}. Kinds whose arrays are a torch module's need no table: the module is the
# declaration (`fill_module`).

FLOATS = ("f2", "f4", "f8")
PACKED = (*FLOATS, "i1")
"""Numbers that may be stored as whole steps."""
BYTES = ("u1",)
_LARGE = 1e9
"""A weight beyond this is damage: float32 overflows a few layers on."""


class Array:
    """One array: `shape` of numbers and named sizes; stored as one of `kinds`; values in [low, high], and whole numbers in
    [0, the size named `below`) where they are places in another array; may be missing unless `required`."""

    def __init__(
        self,
        *shape: int | str,
        kinds: tuple[str, ...] = FLOATS,
        low: float = -_LARGE,
        high: float = _LARGE,
        below: str = "",
        required: bool = True,
    ) -> None:
        self.shape, self.low, self.high, self.below, self.required = shape, low, high, below, required
        self.kinds = ("i4", "i8") if below else kinds


def check_arrays(
    tensors: Mapping[str, np.ndarray], table: Mapping[str, Array], source: object, sizes: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Gives the named sizes (those known before, and those of the file). Raises `WeightsError` that names the first array that
    is missing, of another shape or type, or has a value that it must not have. Arrays beyond the table are ignored."""
    found = dict(sizes or {})
    missing = [name for name, row in table.items() if row.required and name not in tensors]
    if missing:
        more = " and so on are" if len(missing) > 3 else " are" if len(missing) > 1 else " is"
        raise WeightsError(f"{source} is incomplete: {', '.join(missing[:3])}{more} missing.")
    rows = [(name, row, tensors[name]) for name, row in table.items() if name in tensors]
    for name, row, array in rows:
        _check_shape(name, row, array, source, found)
    for name, row, array in rows:
        check_values(name, array, source, row.low, row.high)
        if row.below and array.size and (array.min() < 0 or array.max() >= found[row.below]):
            raise WeightsError(f"{source} is damaged: {name} points at places that do not exist; get the file again.")
    return found


def _check_shape(name: str, row: Array, array: np.ndarray, source: object, sizes: dict[str, int]) -> None:
    if array.dtype.str[1:] not in row.kinds:
        raise WeightsError(f"{source} does not fit: {name} is stored as {array.dtype}.")
    wanted = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in row.shape)
    fits = len(wanted) == array.ndim and all(isinstance(w, str) or w == n for w, n in zip(wanted, array.shape, strict=True))
    if not fits:
        raise WeightsError(f"{source} does not fit: {name} is {array.shape} instead of ({', '.join(map(str, wanted))}).")
    sizes |= {w: n for w, n in zip(wanted, array.shape, strict=True) if isinstance(w, str)}


def check_values(name: str, array: np.ndarray, source: object, low: float = -_LARGE, high: float = _LARGE) -> None:
    """Raises `WeightsError` where a value is no number, infinite or out of range."""
    if array.size == 0 or array.dtype.kind not in "fiu":
        return
    if array.dtype == np.float16:  # whose minimum takes ten times as long as that of its bits, which are in the same order
        largest = float((np.ascontiguousarray(array).view(np.uint16) & 0x7FFF).max().view(np.float16))
        if low <= -largest and largest <= high:  # false for what is no number
            return
    least, most = float(array.min()), float(array.max())  # NaN if there is one
    if not (math.isfinite(least) and math.isfinite(most)):
        raise WeightsError(f"{source} is damaged: {shown(name)} holds values that are no finite numbers; get the file again.")
    if least < low or most > high:
        value = least if least < low else most
        raise WeightsError(f"{source} is damaged: {shown(name)} holds {value:g}, which lies outside [{low:g}, {high:g}].")


def whole(config: Mapping[str, Any], name: str, source: object, low: int = 1, high: int = 1 << 16) -> int:
    """A whole number of a file's configuration. Raises `WeightsError`."""
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise WeightsError(f"{source} is damaged: its '{name}' is {shown(value)}, not a whole number from {low} to {high}.")
    return value


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """A model file as read: see the module's description of the fields; `tensors` are numpy arrays by name."""

    kind: str
    version: int
    controls: tuple[str, ...]
    config: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    notes: Mapping[str, Any] = field(default_factory=dict)


def weights_bytes(weights: Weights) -> bytes:
    """A model file's content."""
    about = {
        "kind": weights.kind,
        "version": weights.version,
        "controls": list(weights.controls),
        "config": dict(weights.config),
        "notes": dict(weights.notes),
    }
    # ascontiguousarray would make () into (1,)
    arrays = {name: np.asarray(array, order="C") for name, array in weights.tensors.items()}
    content: bytes = save(arrays, metadata={KEY: json.dumps(about)})
    return content


def save_weights(path: Path, weights: Weights) -> None:
    """Write a model file; the file appears whole or not at all. Raises `WeightsError` for values that are not finite."""
    for name, array in weights.tensors.items():
        check_values(name, np.asarray(array), f"What was to be written to {path}", -math.inf, math.inf)
    content = weights_bytes(weights)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_about(path: Path) -> dict[str, Any]:
    """The JSON description of a model file, without its tensors. Raises `WeightsError` where there is none."""
    if not path.is_file():
        raise WeightsError(f"There is no model file {path}.")
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("the header is too long")
            metadata = dict(json.loads(file.read(length))["__metadata__"])
        about = json.loads(metadata[KEY]) if KEY in metadata else _old_about(metadata)
        if not isinstance(about["kind"], str) or not isinstance(about["controls"], list):
            raise TypeError("kind and controls are something else")
        if not all(isinstance(name, str) for name in about["controls"]):
            raise TypeError("the controls are no names")
        return {**about, "config": dict(about["config"]), "notes": dict(about["notes"])}
    except (OSError, ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise WeightsError(
            f"{path} is not a model file of Mimica's (safetensors with a '{KEY}' description), or is damaged."
        ) from error


def _old_about(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The description of a file from before they all had one."""
    notes = {name: value for name, value in metadata.items() if name not in ("kind", "controls")}
    controls = json.loads(metadata.get("controls", "[]"))
    return {"kind": metadata["kind"], "version": 1, "controls": controls, "config": {}, "notes": notes}


def load_weights(path: Path, kind: str | Sequence[str], version: int = 1, arrays: Mapping[str, Array] | None = None) -> Weights:
    """Read a model file of `kind` (or one of several kinds) and layout `version`, which must hold the `arrays` that are declared.

    Raises `WeightsError`, naming the file and what is wrong: missing, damaged, of another kind, of another version; an array that
    is missing, of another shape, or with values that it may not have.
    """
    about = read_about(path)
    kinds = [kind] if isinstance(kind, str) else list(kind)
    if about["kind"] not in kinds:
        raise WeightsError(f"{path} holds '{about['kind']}'; weights of '{' or '.join(kinds)}' are needed here.")
    if about.get("version") != version:
        raise WeightsError(
            f"{path} has version {shown(about.get('version'))} of '{about['kind']}'; this Mimica reads version {version}: "
            "take the file that belongs to this version, or the other version of Mimica."
        )
    content = read_bytes(path, MAX_BYTES, WeightsError)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged ({shown(error)}); get it again.") from error
    for name, array in tensors.items():
        check_values(name, array, path)
    check_arrays(tensors, arrays or {}, path)
    return Weights(about["kind"], version, tuple(about["controls"]), about["config"], tensors, about["notes"])


def module_tensors(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """A torch module's state as float32 (or integer) numpy arrays, ready for `save_weights`."""
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    return {name: (t.float() if t.is_floating_point() else t).contiguous().numpy() for name, t in state.items()}


def build_module(network: Callable[..., _Module], config: Mapping[str, Any], source: str | Path) -> _Module:
    """A torch module from the `config` of a model file. Raises `WeightsError` where a file describes none that can be built, or
    one of more than `MAX_PARAMETERS`."""
    import torch

    try:
        if any(isinstance(value, int) and abs(value) > _MOST[name in _REPEATED] for name, value in config.items()):
            raise ValueError("its numbers are too large")
        with torch.device("meta"):  # takes no memory
            parameters = sum(value.numel() for value in network(**config).state_dict().values())
        if parameters > MAX_PARAMETERS:
            raise ValueError(f"it would have {parameters:,} numbers")
        return network(**config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError, AttributeError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{source} describes a network that cannot be built ({shown(reason)}).") from error


def fill_module(module: torch.nn.Module, tensors: Mapping[str, np.ndarray], source: str | Path) -> None:
    """Put `tensors` into a torch module. Raises `WeightsError` that names the first tensors that do not fit.

    Values are copied, so the arrays may be read-only. `source` is the file's name, for the message.
    """
    import torch

    state = module.state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    got = {name: tuple(array.shape) for name, array in tensors.items()}
    wrong = [f"{n} is stored as {tensors[n].dtype}" for n in got if n in state and not _same_sort(state[n], tensors[n])]
    wrong = misfits(wanted, got) + wrong
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WeightsError(f"{source} does not fit this network: {'; '.join(wrong[:3])}{more}.")
    for name, array in tensors.items():
        check_values(name, array, source)
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})


def misfits(wanted: Mapping[str, tuple[int, ...]], got: Mapping[str, tuple[int, ...]]) -> list[str]:
    """What differs between the tensors that a network has and those that are stored, both by name -> shape."""
    wrong = [f"{n} is {got[n]} instead of {wanted[n]}" for n in wanted if n in got and got[n] != wanted[n]]
    return wrong + [f"{n} is missing" for n in wanted if n not in got] + [f"{n} is unknown" for n in got if n not in wanted]


def _same_sort(tensor: torch.Tensor, array: np.ndarray) -> bool:
    """Whether both are fractions, or both whole numbers."""
    return array.dtype.kind == "f" if tensor.is_floating_point() else array.dtype.kind in "iub"
