"""ONNX Runtime sessions, all with the same settings, and one kind of error for all that goes wrong in them.

Threads that have nothing to do sleep instead of spinning: networks that take turns would otherwise take each other's cores (the
reader's two take 5 ms together then, and 11 ms with spinning, on two cores). What a file may hold is checked before ONNX
Runtime sees it: see `mimica.foreign.onnx_file`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mimica.errors import WeightsError
from mimica.files import read_bytes
from mimica.foreign.onnx_file import MAX_BYTES, check_model

Shape = tuple[int, ...]


@lru_cache(1)
def runtime() -> ModuleType:
    """ONNX Runtime, told before it starts not to send its maker what it does (from 1.29 on its builds do so by default, says
    Privacy.md in its package). Who wants that sets ORT_DISABLE_TELEMETRY=0."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    if os.environ["ORT_DISABLE_TELEMETRY"] != "0":
        onnxruntime.disable_telemetry_events()  # on Windows it does not ask the environment
    return onnxruntime


@lru_cache(1)
def _errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its errors have no base of their own."""
    state = runtime().capi.onnxruntime_pybind11_state
    own = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*own, RuntimeError, ValueError, TypeError, IndexError, MemoryError)


class Session:
    """A network from a file's content, on the CPU. `name` is what sentences call it. Raises `WeightsError` for what is no
    network, or one with operators that no network of ours has."""

    def __init__(self, content: bytes, threads: int, name: str) -> None:
        ort = runtime()
        check_model(content, name)
        self.name = name
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _errors() as error:
            raise WeightsError(f"{name} is no usable network, or is damaged: get it again.") from error

    def about(self) -> dict[str, Any]:
        """Mimica's description in the file. Raises `WeightsError` where there is none."""
        try:
            return dict(json.loads(self._session.get_modelmeta().custom_metadata_map["mimica"]))
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise WeightsError(f"{self.name} is no network of Mimica's, or is damaged: get it again.") from error

    def run(self, inputs: Mapping[str, np.ndarray], *shapes: Shape) -> list[np.ndarray]:
        """The outputs, which must have these shapes and be finite. Raises `WeightsError`."""
        try:
            outputs: Sequence[np.ndarray] = self._session.run(None, dict(inputs))
        except _errors() as error:
            raise WeightsError(f"{self.name} cannot be run, it is made for something else, or damaged: get it again.") from error
        got = [output.shape for output in outputs]
        if got != list(shapes):
            raise WeightsError(f"{self.name} does not fit: it gives {got} where {list(shapes)} is needed.")
        for output in outputs:
            if output.dtype.kind == "f" and not np.isfinite(output).all():
                raise WeightsError(f"{self.name} gives values that are no finite numbers: the file is damaged, get it again.")
        return list(outputs)


def open_session(model: Path | bytes, threads: int, name: str = "") -> Session:
    """A network from a file, or from a file's content. Raises `WeightsError`."""
    content = model if isinstance(model, bytes) else read_bytes(model, MAX_BYTES, WeightsError)
    return Session(content, threads, name or (f"'{model}'" if isinstance(model, Path) else "The network"))
