"""ONNX Runtime sessions, all with the same settings.

Threads that have nothing to do sleep instead of spinning: networks that take turns would otherwise take each other's cores (the
reader's two take 5 ms together then, and 11 ms with spinning, on two cores).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(model: Path | bytes, threads: int) -> InferenceSession:
    """A network from a file, or from a file's content, on the CPU. Raises what ONNX Runtime raises."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"])
