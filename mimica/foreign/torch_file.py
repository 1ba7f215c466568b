"""Tensors out of files that PyTorch wrote, as numpy arrays, by `mimica.foreign.pickle_machine`: nothing in them is run.

zip      torch.save since 1.6: a pickle `*/data.pkl` and a raw file for each storage
legacy   torch.save before, and what plain pickles hold for each tensor: five pickles in a row, then the storages
plain    a pickle (.pkl) of objects that hold tensors
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import WeightsError, shown
from mimica.files import read_bytes
from mimica.foreign.budget import RefusedError
from mimica.foreign.pickle_machine import Call, Machine, Name

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_TENSORS = frozenset({Name("torch._utils", "_rebuild_tensor_v2"), Name("torch._utils", "_rebuild_tensor")})
"""The second is torch 0.3's; storage, offset, size and stride come first in both."""
_PARAMETER = Name("torch._utils", "_rebuild_parameter")
_ENCODED = Name("_codecs", "encode")
"""How protocol 2 writes bytes: as text, to be encoded as latin-1."""
_NESTED = Name("torch.storage", "_load_from_bytes")

ALLOWED = frozenset(
    {*_TENSORS, _PARAMETER, _NESTED, _ENCODED, Name("torch", "Size"), Name("torch", "device")}
    | {Name(module, name) for module in ("torch", "torch.cuda") for name in _STORAGES}
    | {Name("torch", name) for name in ("float16", "float32", "float64", "bfloat16", "int64")}
    | {Name("argparse", "Namespace"), Name("numpy", "ndarray"), Name("numpy", "dtype")}
    | {Name(m, n) for m in ("numpy.core.multiarray", "numpy._core.multiarray") for n in ("_reconstruct", "scalar")}
)
"""Every name that a file may mention besides containers; none is ever imported."""

MAX_BYTES = 8 << 30
"""Largest file that is read; NVIDIA's largest networks have 0.4 GB."""
_MAX_USES = 4
"""How often the numbers of a storage may be used in tensors, each of which becomes an array of its own."""


@dataclass
class _Storage:
    """A row of numbers; `values` is filled in when the raw bytes are reached."""

    dtype: str
    count: int
    values: np.ndarray | None = None
    used: int = 0

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
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise RefusedError("refers to something that is no storage of numbers")
        kind, key, _device, count = identity[1:5]
        if not isinstance(kind, Name) or kind.name not in _STORAGES:
            raise RefusedError("holds something else where a storage of numbers should be")
        if not isinstance(key, str | int) or not isinstance(count, int) or count < 0 or any(identity[5:]):
            raise RefusedError("holds a storage of impossible size, or one that is part of another")
        return self.by_key.setdefault(str(key), _Storage(_STORAGES[kind.name], count))


def _read_legacy(stream: BytesIO, allowed: Collection[Name]) -> Any:
    plain = Machine(frozenset())
    if plain.read(stream) != _LEGACY_MAGIC:
        raise RefusedError("is no file of PyTorch's")
    plain.read(stream)  # protocol
    plain.read(stream)  # about the machine that wrote it
    storages = _Storages()
    content = Machine(allowed, storages).read(stream)
    for key in plain.read(stream):
        storage = storages.by_key[str(key)]
        count = int.from_bytes(stream.read(8), "little")
        if count != storage.count:
            raise RefusedError("is damaged (a tensor's size is told twice, differently)")
        storage.fill(stream.read(storage.byte_count))
    return content


def _read_zip(path: Path, allowed: Collection[Name]) -> Any:
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        pickles = [info for info in infos if info.filename.rsplit("/", 1)[-1] == "data.pkl"]
        if not pickles:
            raise RefusedError("is an archive without a network in it")
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise RefusedError("is a compressed archive; PyTorch writes uncompressed ones")
        if sum(info.file_size for info in infos) > size:
            raise RefusedError("is an archive whose parts are larger than it is")
        root = pickles[0].filename.removesuffix("data.pkl")
        storages = _Storages()
        content = Machine(allowed, storages).read(BytesIO(archive.read(pickles[0])))
        for key, storage in storages.by_key.items():
            storage.fill(archive.read(f"{root}data/{key}"))
    return content


def read_torch_file(path: Path, also: Collection[Name] = ()) -> Any:
    """The content as plain containers, numbers and `Call`s. `also`: further names that may occur.
    Raises `WeightsError` for a missing, damaged or hostile file."""
    if not path.is_file():
        raise WeightsError(f"There is no model file {path}.")
    allowed = ALLOWED | set(also)
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path, allowed)
        stream = BytesIO(read_bytes(path, MAX_BYTES, WeightsError))
        first = Machine(allowed).read(stream)
        if first != _LEGACY_MAGIC:
            return first
        stream.seek(0)
        return _read_legacy(stream, allowed)
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    except DAMAGE as error:
        raise WeightsError(f"{path} is damaged ({shown(str(error) or type(error).__name__)}); get it again.") from error


DAMAGE = (
    *(OSError, zipfile.BadZipFile, KeyError, NotImplementedError, ValueError, TypeError, IndexError, EOFError),
    *(AttributeError, OverflowError, MemoryError, RuntimeError),
)
"""What reading a file that is not as it should be ends in."""


def read_state(path: Path) -> dict[str, np.ndarray]:
    """A file of named tensors and nothing else, a `state_dict`, as arrays. Raises `WeightsError`."""
    content = read_torch_file(path)
    try:
        arrays = {str(name): tensor(value) for name, value in content.items()} if isinstance(content, dict) else {}
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    named = {name: array for name, array in arrays.items() if array is not None}
    if not named or len(named) < len(arrays):
        raise WeightsError(f"{path} is no state dict, named tensors and nothing else; save the network's state_dict().")
    return named


def with_arrays(value: Any) -> Any:
    """A value of `read_torch_file` with every tensor as an array. Raises `RefusedError` for any other object."""
    if isinstance(value, Call):
        array = tensor(value)
        if array is None:
            raise RefusedError(f"holds an object ({value.name}) where a number or a tensor should be")
        return array
    if isinstance(value, dict):
        return {key: with_arrays(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_arrays(one) for one in value)
    if isinstance(value, Name):
        raise RefusedError(f"holds a name ({value}) where a number or a tensor should be")
    return value


def tensor(value: Any) -> np.ndarray | None:
    """A tensor's or a parameter's record -> array; None for anything else. Raises `RefusedError` for an impossible one."""
    for _ in range(3):  # a parameter of a parameter of a tensor is none
        if isinstance(value, Call) and value.name == _PARAMETER and value.args:
            value = value.args[0]
    if not isinstance(value, Call) or value.name not in _TENSORS:
        return None
    if value.made is None:
        try:
            value.made = _tensor(value)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError, MemoryError) as error:
            raise RefusedError(f"is damaged (a tensor: {shown(error)})") from error
    made: np.ndarray = value.made
    return made


def _tensor(record: Call) -> np.ndarray:
    try:
        storage, offset, size, stride = record.args[:4]
        size, stride = tuple(map(int, _plain(size))), tuple(map(int, _plain(stride)))
    except (ValueError, TypeError, OverflowError) as error:
        raise RefusedError("is damaged (a tensor without size and strides)") from error
    if isinstance(storage, Call) and storage.name == _NESTED:
        if storage.made is None:
            storage.made = _read_nested(storage)
        storage = storage.made
    if not isinstance(storage, _Storage) or storage.values is None:
        raise RefusedError("holds a tensor without numbers")
    storage.used += _count(size)
    if storage.used > _MAX_USES * storage.count:
        raise RefusedError("holds a tensor that reaches beyond its numbers, or the same numbers too often")
    return _view(storage.values, offset, size, stride)


def _read_nested(record: Call) -> Any:
    """A file of PyTorch's within a file of PyTorch's, which holds one storage."""
    try:
        return _read_legacy(BytesIO(_bytes(record.args[0])), ALLOWED - {_NESTED})
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise RefusedError(f"is damaged ({shown(str(error) or type(error).__name__)})") from error


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
