"""py-feat and pyfaceau as judges, through their documented interfaces.

py-feat     J. Cheong et al. 2023; `feat.Detector().detect(file, data_type="image")` gives a table with AU01 ... AU43 in [0, 1],
            and emotions; AU43, closed eyes, is taken for AU45. Its models are fetched by the package itself on first use.
pyfaceau    OpenFace 2.2's Action Units in Python; `FaceAnalyzer().analyze(picture)` (BGR, as OpenCV has it) gives
            au_intensities, 0 to 5. Its model files are Carnegie Mellon's, for academic or non-commercial use.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import MissingExtraError
from mimica.evaluate.judges.base import Judgement
from mimica.facs import ALIASES, AU_NAMES, EMOTIONS, from_openface
from mimica.pictures.images import write_image


def _package(module: str, name: str, judge: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"The judge '{judge}' needs the package '{name}': pip install {name}.") from error


class PyFeatJudge:
    """py-feat; the first face of the picture is read."""

    name, ours = "pyfeat", False
    counted: tuple[str, ...] = AU_NAMES
    note = "py-feat's detector (Cheong et al. 2023), probabilities that a unit is there not intensities; it guided no edit."

    def __init__(self, file: Path | None = None) -> None:
        package = _package("feat", "py-feat", self.name)
        kind = getattr(package, "Detector", None) or package.Detectorv1
        self._detector: Any = kind()

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "face.png"
            write_image(path, picture)
            table = self._detector.detect(str(path), data_type="image")
        if not len(table):
            return None
        row = {str(name): value for name, value in table.iloc[0].items()}
        return Judgement(units_of(row), emotions_of(row))


def units_of(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of py-feat's table -> Action Units; unknown (NaN) ones are left out."""
    named = {**row, "AU45": row.get("AU45", row.get("AU43", float("nan")))}
    units = {name: float(named[name]) for name in AU_NAMES if name in named}
    return {name: min(1.0, max(0.0, value)) for name, value in units.items() if value == value}


def emotions_of(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of py-feat's table -> probabilities of the emotions that we know."""
    named = {ALIASES.get(str(name).lower(), str(name).lower()): value for name, value in row.items()}
    return {name: float(named[name]) for name in EMOTIONS if name in named and float(named[name]) == float(named[name])}


class PyFaceAuJudge:
    """pyfaceau."""

    name, ours = "pyfaceau", False
    counted: tuple[str, ...] = AU_NAMES
    note = "pyfaceau, OpenFace 2.2's Action Units in Python; it guided no edit."

    def __init__(self, file: Path | None = None) -> None:
        self._analyzer: Any = _package("pyfaceau", "pyfaceau", self.name).FaceAnalyzer()

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        result = self._analyzer.analyze(np.ascontiguousarray(picture[:, :, ::-1]))  # BGR is what this package takes
        if result is None or not getattr(result, "au_intensities", None):
            return None
        found = {str(name).removesuffix("_r"): float(value) for name, value in result.au_intensities.items()}
        return Judgement({name: from_openface(found[name]) for name in AU_NAMES if name in found})
