"""Is this the same person? dlib's face network (D. King, 2017): a face -> 128 numbers; at distances below 0.6 two faces count as
one person's. Its weights come with the package face_recognition_models (extra `eval`).
"""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import MissingExtraError

# dlib's five points in iBUG's numbers: outer and inner corner of the eye at the right of the picture, of the other, nose.
_FIVE = (45, 42, 36, 39, 33)


class Identity:
    """The network. `path` is None where its weights are not installed."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("face_recognition_models")  # not imported: it needs setuptools to say where it is
        places = list(spec.submodule_search_locations or []) if spec else []
        path = Path(places[0]) / "models" / "dlib_face_recognition_resnet_model_v1.dat" if places else None
        self.path = path if path is not None and path.is_file() else None

    @cached_property
    def _network(self) -> Any:
        if self.path is None:
            raise MissingExtraError("The face descriptors need the package face_recognition_models: pip install 'mimica[eval]'.")
        import dlib

        return dlib.face_recognition_model_v1(str(self.path))

    def check(self) -> None:
        """Raises `MissingExtraError` where the weights are not installed."""
        _ = self._network

    def descriptor(self, photo: np.ndarray, landmarks_photo: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) and the face's landmarks (68, 2) -> float64 (128,). Raises `MissingExtraError`."""
        network = self._network
        import dlib

        (x0, y0), (x1, y1) = landmarks_photo.min(0), landmarks_photo.max(0)
        points = [dlib.point(*(round(float(v)) for v in landmarks_photo[i])) for i in _FIVE]
        face = dlib.full_object_detection(dlib.rectangle(int(x0), int(y0), int(x1), int(y1)), points)
        return np.array(network.compute_face_descriptor(np.ascontiguousarray(photo), face))
