"""The on-disk format: what is written is read, what is damaged or badly scaled is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.data import dataset
from mimica.data.dataset import DatasetWriter, check_range, is_validation, open_datasets
from mimica.errors import DataError

SIZE = 16


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def write(folder: Path, count: int, controls: tuple[str, ...] = ("AU01", "AU12"), missing: str = "", crop: str = "tight") -> Path:
    folder.mkdir()
    with DatasetWriter(folder, "test", SIZE, controls, crop=crop) as writer:
        for i in range(count):
            values = {name: i / count for name in controls if name != missing}
            writer.add(picture(i), values, f"{i}.jpg", f"person {i // 2}", "anger" if i % 2 else "")
    return folder


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SHARD", 4)
    faces = open_datasets([write(tmp_path / "a", 10)])
    assert len(faces) == 10 and len(faces.shards) == 3
    assert np.array_equal(faces.images([9, 0, 5], SIZE), np.stack([picture(9), picture(0), picture(5)]))
    assert faces.values[3] == pytest.approx([0.3, 0.3])
    assert (faces.names[4], faces.subjects[4], faces.emotions[4], faces.emotions[5]) == ("4.jpg", "person 2", "", "anger")
    assert isinstance(faces.shards[0], np.memmap)


def test_photos_are_kept_and_older_sets_have_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with DatasetWriter(tmp_path / "a", "test", SIZE, ("AU01",)) as writer:
        for i in range(4):
            writer.add(picture(i), {"AU01": 0.5}, f"{i}.jpg", "person", photo="" if i == 3 else f"photo {i // 2}")
    assert open_datasets([tmp_path / "a"]).subset(np.array([1, 2, 3])).photos == ("photo 0", "photo 1", "")
    table = (tmp_path / "a" / "table.csv").read_text().splitlines()
    (tmp_path / "a" / "table.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in table) + "\n")
    both = open_datasets([tmp_path / "a", write(tmp_path / "b", 1)])
    assert both.photos == ("",) * 5 and both.names[3] == "3.jpg"


def test_two_sets_have_what_both_know(tmp_path: Path) -> None:
    first = write(tmp_path / "a", 3, ("AU01", "AU12", "AU45"))
    second = write(tmp_path / "b", 2, ("AU01", "AU09", "AU12"), missing="AU01")
    faces = open_datasets([first, second])
    assert faces.controls == ("AU12",) and len(faces) == 5
    assert np.array_equal(faces.images([4], SIZE)[0], picture(1))
    with pytest.raises(DataError, match="no Action Unit in common"):
        open_datasets([first, write(tmp_path / "c", 1, ("AU02",))])


def test_faces_are_cut_in_one_way_and_in_the_one_that_is_asked_for(tmp_path: Path) -> None:
    tight, ffhq, own = (write(tmp_path / crop, 2, crop=crop) for crop in ("tight", "ffhq", "as is"))
    with pytest.raises(DataError, match=r"two kinds, tight ones \(.*tight\) and ffhq ones \(.*ffhq\)"):
        open_datasets([tight, own, ffhq])
    with pytest.raises(DataError, match=r"ffhq holds ffhq crops; tight ones are needed here: `mimica prepare folder`"):
        open_datasets([tight, ffhq], "tight")
    with pytest.raises(DataError, match=r"tight holds tight crops; ffhq ones are needed here: `mimica prepare ffhq`"):
        open_datasets([tight], "ffhq")
    assert open_datasets([ffhq, own], "ffhq").crop == open_datasets([own, ffhq]).subset(np.array([0])).crop == "ffhq"
    assert open_datasets([own]).crop == open_datasets([own], "tight").crop == "as is"
    about = json.loads((ffhq / "dataset.json").read_text())
    (ffhq / "dataset.json").write_text(json.dumps(about | {"crop": "wide"}))
    with pytest.raises(DataError, match="does not say how its faces are cut"):
        open_datasets([ffhq])


def test_a_subset_and_the_parts_keep_rows_together(tmp_path: Path) -> None:
    faces = open_datasets([write(tmp_path / "a", 60)])
    some = faces.subset(np.array([7, 3]))
    assert some.names == ("7.jpg", "3.jpg") and np.array_equal(some.images([1], SIZE)[0], picture(3))
    training, held_out = faces.part(validation=False), faces.part(validation=True)
    assert len(training) + len(held_out) == 60 and len(held_out) > 0
    assert not set(training.subjects) & set(held_out.subjects)


@pytest.mark.parametrize("most, kept", [(0, [0, 2, 4, 6, 8]), (3, [0, 4, 8]), (2, [0, 8]), (9, [0, 2, 4, 6, 8])])
def test_photos_without_their_copies_are_spread_evenly(tmp_path: Path, most: int, kept: list[int]) -> None:
    (tmp_path / "a").mkdir()
    with DatasetWriter(tmp_path / "a", "test", SIZE, ("AU01",)) as writer:
        for i in range(10):
            writer.add(picture(i), {"AU01": 0.5}, f"{i}", "person", photo=f"{i - 1}" if i % 2 else "")
    faces = open_datasets([tmp_path / "a"]).originals(most)
    assert faces.names == tuple(map(str, kept)) and np.array_equal(faces.images([1], SIZE)[0], picture(kept[1]))


def test_pictures_are_resized_on_reading(tmp_path: Path) -> None:
    faces = open_datasets([write(tmp_path / "a", 1)])
    small = faces.images([0], 8)[0]
    assert np.abs(small.astype(float) - picture(0).reshape(8, 2, 8, 2, 3).mean((1, 3))).max() <= 0.51


def test_mirrored_controls_change_sides(tmp_path: Path) -> None:
    assert open_datasets([write(tmp_path / "a", 1, ("AU12", "AU01L", "AU01R"))]).mirrored == [0, 2, 1]


def test_faces_with_a_value_unknown_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 3)
    values = np.load(folder / "values.npy")
    values[1, 0] = np.nan
    np.save(folder / "values.npy", values)
    faces = open_datasets([folder])
    assert faces.names == ("0.jpg", "2.jpg") and not np.isnan(faces.values).any()


@pytest.mark.parametrize("low, high, words", [(0, 5, "OpenFace's scale"), (-0.2, 1, "run from -0.2"), (0, 9, "run from 0 to 9")])
def test_badly_scaled_values_are_refused(low: float, high: float, words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_range(np.array([[low, high]], np.float32), "here")
    check_range(np.array([[0, 1, np.nan]], np.float32), "here")


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mimica prepare"):
        open_datasets([tmp_path])
    folder = write(tmp_path / "a", 3)
    about = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(about | {"version": 0}))
    with pytest.raises(DataError, match="version 0"):
        open_datasets([folder])
    (folder / "dataset.json").write_text(json.dumps(about))
    (folder / "values.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match="damaged"):
        open_datasets([folder])


@given(st.text())
def test_a_subject_is_always_on_the_same_side(subject: str) -> None:
    assert is_validation(subject) == is_validation(subject)


def test_one_subject_in_ten_is_held_out() -> None:
    share = np.mean([is_validation(f"subject {i}") for i in range(5000)])
    assert 0.085 < share < 0.115
    assert is_validation("a") is (0xE8B7BE43 % 10 == 0)  # CRC-32 of "a", from the standard's tables
