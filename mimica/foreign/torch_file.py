"""Tensors out of files that PyTorch wrote, as numpy arrays, by `mimica.foreign.pickle_machine`: nothing in them is run.

zip      torch.save since 1.6: a pickle `*/data.pkl` and a raw file for each storage
legacy   torch.save before, and what plain pickles hold for each tensor: five pickles in a row, then the storages
plain    a pickle (.pkl) of objects that hold tensors, as NVIDIA's network files are
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import WeightsError
from mimica.foreign.pickle_machine import Call, Machine, Name, RefusedError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Name("torch._utils", "_rebuild_parameter")
_ENCODED = Name("_codecs", "encode")
"""How protocol 2 writes bytes: as text, to be encoded as latin-1."""
_NESTED = Name("torch.storage", "_load_from_bytes")
PERSISTENT_CLASS = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
"""How NVIDIA's files write an object: its source code, its class's name and its state. The source is not looked at."""

ALLOWED = frozenset(
    {_TENSOR, _PARAMETER, _NESTED, PERSISTENT_CLASS, _ENCODED, Name("torch", "Size"), Name("torch", "device")}
    | {Name("torch", name) for name in _STORAGES}
    | {Name("torch", name) for name in ("float16", "float32", "float64", "bfloat16", "int64")}
    | {Name("argparse", "Namespace"), Name("numpy", "ndarray"), Name("numpy", "dtype")}
    | {Name(m, n) for m in ("numpy.core.multiarray", "numpy._core.multiarray") for n in ("_reconstruct", "scalar")}
)
"""Every name that a file may mention besides containers; none is ever imported."""


@dataclass
class _Storage:
    """A row of numbers; `values` is filled in when the raw bytes are reached."""

    dtype: str
    count: int
    values: np.ndarray | None = None

    @property
    def byte_count(self) -> int:
        return self.count * (2 if self.dtype == "bf16" else np.dtype(self.dtype).itemsize)

    def fill(self, raw: bytes) -> None:
        if len(raw) != self.byte_count:
            raise RefusedError(f"is damaged (a tensor has {len(raw)} bytes instead of {self.byte_count})")
        if self.dtype == "bf16":
            self.values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            self.values = np.frombuffer(raw, self.dtype)


class _Storages:
    """The storages that persistent ids name: ('storage', kind, key, device, count, ...)."""

    def __init__(self) -> None:
        self.by_key: dict[str, _Storage] = {}

    def __call__(self, identity: Any) -> _Storage:
        word, kind, key, _device, count = identity[:5]
        if word != "storage" or not isinstance(kind, Name) or kind.name not in _STORAGES:
            raise RefusedError(f"holds '{kind}', which is no storage of numbers")
        if not isinstance(count, int) or count < 0:
            raise RefusedError("holds a tensor of impossible size")
        return self.by_key.setdefault(str(key), _Storage(_STORAGES[kind.name], count))


def _read_legacy(stream: BytesIO) -> Any:
    plain = Machine(frozenset())
    if plain.read(stream) != _LEGACY_MAGIC:
        raise RefusedError("is no file of PyTorch's")
    plain.read(stream)  # protocol
    plain.read(stream)  # about the machine that wrote it
    storages = _Storages()
    content = Machine(ALLOWED, storages).read(stream)
    for key in plain.read(stream):
        storage = storages.by_key[str(key)]
        count = int.from_bytes(stream.read(8), "little")
        if count != storage.count:
            raise RefusedError("is damaged (a tensor's size is told twice, differently)")
        storage.fill(stream.read(storage.byte_count))
    return content


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = {
            Path(info.filename).name if info.filename.endswith("data.pkl") else info.filename: info for info in archive.infolist()
        }
        if "data.pkl" not in entries:
            raise RefusedError("is an archive without a network in it")
        root = entries["data.pkl"].filename.removesuffix("data.pkl")
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise RefusedError("is a compressed archive; PyTorch writes uncompressed ones")
        storages = _Storages()
        content = Machine(ALLOWED, storages).read(BytesIO(archive.read(entries["data.pkl"])))
        for key, storage in storages.by_key.items():
            storage.fill(archive.read(f"{root}data/{key}"))
    return content


def read_torch_file(path: Path) -> Any:
    """The content as plain containers, numbers and `Call`s. Raises `WeightsError` for a missing, damaged or hostile file."""
    if not path.is_file():
        raise WeightsError(f"There is no model file {path}.")
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        stream = BytesIO(path.read_bytes())
        first = Machine(ALLOWED).read(stream)
        if first != _LEGACY_MAGIC:
            return first
        stream.seek(0)
        return _read_legacy(stream)
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, ValueError, TypeError, IndexError) as error:
        raise WeightsError(f"{path} is damaged ({error}); get it again.") from error


def tensor(value: Any) -> np.ndarray | None:
    """A tensor's or a parameter's record -> array; None for anything else. Raises `RefusedError` for an impossible one."""
    if isinstance(value, Call) and value.name == _PARAMETER and value.args:
        return tensor(value.args[0])
    if not isinstance(value, Call) or value.name != _TENSOR:
        return None
    try:
        storage, offset, size, stride = value.args[:4]
        size, stride = tuple(map(int, _plain(size))), tuple(map(int, _plain(stride)))
    except (ValueError, TypeError) as error:
        raise RefusedError(f"is damaged ({error})") from error
    if isinstance(storage, Call) and storage.name == _NESTED:
        storage = _read_legacy(BytesIO(_bytes(storage.args[0])))
    if not isinstance(storage, _Storage) or storage.values is None:
        raise RefusedError("holds a tensor without numbers")
    return _view(storage.values, offset, size, stride)


def _bytes(value: Any) -> bytes:
    if isinstance(value, Call) and value.name == _ENCODED:
        value = str(value.args[0]).encode("latin1")
    if not isinstance(value, bytes):
        raise RefusedError("holds a tensor without numbers")
    return value


def _plain(value: Any) -> Any:
    """torch.Size is written as a call with a tuple."""
    return value.args[0] if isinstance(value, Call) and value.args else value


def _count(size: tuple[int, ...]) -> int:
    count = 1
    for length in size:
        count *= length
    return count


def _view(values: np.ndarray, offset: Any, size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    """The strided view that a tensor is, copied; nothing outside its storage is read."""
    last = sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    fits = isinstance(offset, int) and offset >= 0 and min(size, default=0) >= 0 and min(stride, default=0) >= 0
    if not fits or (_count(size) and offset + last >= len(values)) or _count(size) > len(values):
        raise RefusedError("holds a tensor that reaches beyond its numbers")
    if not _count(size):
        return np.zeros(size, values.dtype)
    steps = [s * values.itemsize for s in stride]
    return np.array(np.lib.stride_tricks.as_strided(values[offset:], size, steps, writeable=False))


def module_tensors(record: Any, prefix: str = "", depth: int = 0) -> dict[str, np.ndarray]:
    """Parameters and buffers of a persistent module's record by their dotted names. Raises `RefusedError`."""
    state = module_state(record)
    if depth > 12:
        raise RefusedError("nests its modules too deeply")
    found = {}
    for part in ("_parameters", "_buffers"):
        for name, value in _dictionary(state.get(part)).items():
            array = tensor(value)
            if array is not None:
                found[f"{prefix}{name}"] = array
    for name, child in _dictionary(state.get("_modules")).items():
        if child is not None:
            found |= module_tensors(child, f"{prefix}{name}.", depth + 1)
    return found


def module_state(record: Any) -> Mapping[Any, Any]:
    """The attributes of a persistent object. Raises `RefusedError` for anything else."""
    if not isinstance(record, Call) or record.name != PERSISTENT_CLASS or not record.args:
        raise RefusedError("holds something else where a network should be")
    return _dictionary(_dictionary(record.args[0]).get("state"))


def class_name(record: Any) -> str:
    """The class of a persistent object; empty for anything else."""
    is_object = isinstance(record, Call) and record.name == PERSISTENT_CLASS and bool(record.args)
    return str(_dictionary(record.args[0]).get("class_name", "")) if is_object else ""


def _dictionary(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}
