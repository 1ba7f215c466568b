"""The latent data set: what is written comes back, damaged and foreign ones are refused, pairs are of one person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import NUM_WS, W_SIZE, planted

from mimica.data.dataset import is_validation
from mimica.engines.stylegan.latents import expression_pairs, labelled, open_latents, parse_column, save_latents
from mimica.errors import DataError, ValueRangeError


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_what_is_written_comes_back(tmp_path: Path, space: str) -> None:
    latents, _ = planted(20, space)
    save_latents(tmp_path / "set", latents)
    back = open_latents(tmp_path / "set", "abc")
    assert back.space == space and back.w_plus([3, 1]).shape == (2, NUM_WS, W_SIZE)
    assert np.array_equal(back.w_plus(), latents.w_plus()) and np.array_equal(back.values, latents.values)
    assert (back.names, back.subjects, back.emotions) == (latents.names, latents.subjects, latents.emotions)
    assert np.array_equal(back.column("yaw"), latents.values[:, 1])
    with pytest.raises(ValueRangeError, match="did you mean 'yaw'"):
        back.column("jaw")


def test_foreign_and_damaged_sets_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    save_latents(folder, planted(20)[0])
    with pytest.raises(DataError, match="another generator"):
        open_latents(folder, "xyz")
    with pytest.raises(DataError, match="no latent data set"):
        open_latents(tmp_path)
    about = json.loads((folder / "latents.json").read_text())
    for change, said in (({"version": 9}, "version 9"), ({"count": 19}, "damaged")):
        (folder / "latents.json").write_text(json.dumps({**about, **change}))
        with pytest.raises(DataError, match=said):
            open_latents(folder)
    (folder / "latents.json").write_text(json.dumps(about))
    (folder / "codes.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="damaged"):
        open_latents(folder)


def test_people_are_kept_apart() -> None:
    latents, _ = planted(100, people=25)
    for validation in (True, False):
        part = latents.part(validation)
        assert len(part) and {is_validation(s) for s in part.subjects} == {validation}


def test_pairs_are_all_ordered_ones_of_one_person() -> None:
    latents, _ = planted(9, people=3)
    pairs = expression_pairs(latents)
    assert len(pairs) == 3 * 3 * 2 == len({tuple(p) for p in pairs.tolist()})
    assert all(latents.subjects[s] == latents.subjects[t] and s != t for s, t in pairs)
    values = latents.values.copy()
    values[0, 0] = np.nan
    assert len(expression_pairs(replace(latents, values=values))) == 2 * 6 + 2, "what is not known is left out"


def test_names_of_columns() -> None:
    assert [parse_column(t) for t in ("12", "au6", "AU04", "happy", "yaw", "label:sad", "glasses")] == [
        "AU12", "AU06", "AU04", "happiness", "yaw", "label:sadness", "glasses",
    ]  # fmt: skip


def test_labels() -> None:
    latents = replace(planted(3)[0], emotions=("happiness", "", "anger"))
    assert np.array_equal(labelled(latents, "happiness"), [1, np.nan, 0], equal_nan=True)
