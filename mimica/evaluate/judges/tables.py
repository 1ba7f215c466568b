"""OpenFace's tables as a judge: run `FaceLandmarkImg -fdir pictures -out_dir FOLDER` over the photos and the results, and
name FOLDER."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mimica.errors import DataError
from mimica.evaluate.judges.base import Judgement
from mimica.facs import AU_NAMES, from_openface
from mimica.motion.openface_columns import POSE_COLUMNS
from mimica.motion.track import POSE


class OpenFaceJudge:
    """NAME.csv for every picture NAME.*; the first face of each is read."""

    name, ours = "openface", False
    counted: tuple[str, ...] = AU_NAMES
    note = "OpenFace 2.2 (Baltrusaitis et al. 2018), from tables made elsewhere; it guided no edit."

    def __init__(self, file: Path | None) -> None:
        assert file is not None  # open_judges
        if not file.is_dir():
            raise DataError(f"There is no folder '{file}' with OpenFace's tables (NAME.csv for each picture).")
        self.folder = file

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        path = self.folder / f"{key}.csv"
        if not path.is_file():
            return None
        values = _first(path)
        pose = tuple(values[name] for name in POSE) if set(POSE) <= values.keys() else None
        return Judgement({name: values[name] for name in AU_NAMES if name in values}, pose=pose)  # type: ignore[arg-type]


def _first(path: Path) -> dict[str, float]:
    """Action Units in [0, 1] and yaw, pitch, roll in degrees of a table's first row with a face, by our names."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [{str(k).strip(): v.strip() for k, v in row.items() if k and v} for row in csv.DictReader(file)]
    found = [row for row in rows if float(row.get("success", 1)) > 0]
    try:
        units = {name: from_openface(float(found[0][f"{name}_r"])) for name in AU_NAMES if f"{name}_r" in found[0]}
        pose = {name: float(found[0][c]) * factor for name, (c, factor) in POSE_COLUMNS.items() if c in found[0]}
    except (IndexError, ValueError) as error:
        raise DataError(f"The table {path} has no row with a face, or no numbers in it: run OpenFace again.") from error
    if not units:
        raise DataError(f"{path} is no table of OpenFace's with Action Units (AU12_r and others).")
    return units | pose
