"""`annotate`: rows, order, failures; killed at any moment and run again, the table is that of one run."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from annotate_driver import BrightnessFinder, run

from mimica.annotate import annotate
from mimica.data.inputs import Input, list_inputs
from mimica.errors import DataError, UserError
from mimica.motion.openface_columns import columns
from mimica.pictures.images import write_image
from mimica.video.writer import VideoWriter

DRIVER = Path(__file__).with_name("annotate_driver.py")


def photo(path: Path, level: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_image(path, np.full((32, 64, 3), level, np.uint8))
    return path


def video(path: Path, levels: list[int]) -> Path:
    with VideoWriter(path, 25, (64, 32)) as writer:
        for level in levels:
            writer.write(np.full((32, 64, 3), level, np.uint8))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Twelve photos, two videos, a text file and two files that only look like a photo and a video."""
    folder = tmp_path / "album"
    for i in range(12):
        photo(folder / f"{i + 1}.png", [0, 100, 250][i % 3])
    video(folder / "5b.mp4", [100] * 30 + [0] * 5 + [250] * 10)
    video(folder / "20.mp4", [250] * 40)
    (folder / "3b.jpg").write_bytes(b"no photo")
    (folder / "11b.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_rows_of_an_album(album: Path, tmp_path: Path) -> None:
    summary = run(tmp_path / "aus.csv", 1, 0.0, album)
    assert (summary.annotated, summary.kept) == (14, 0)
    assert [Path(failure.name).name for failure in summary.failures] == ["3b.jpg", "11b.mp4"]
    table = rows(tmp_path / "aus.csv")
    assert list(table[0]) == [*columns(), "input"]
    names = list(dict.fromkeys(Path(row["input"]).name for row in table))
    assert names == ["1.png", "2.png", "3.png", "4.png", "5.png", "5b.mp4", *(f"{i}.png" for i in range(6, 13)), "20.mp4"]
    one, two, three = ([row for row in table if row["input"] == str(album / name)] for name in ("1.png", "2.png", "3.png"))
    assert [(row["success"], row["confidence"], row["AU12_r"]) for row in one] == [("0", "0.00", "0")]
    assert [(row["success"], row["AU12_r"], row["AU12_c"]) for row in two] == [("1", "1.96", "1")]
    assert [row["face_id"] for row in three] == ["0", "1"]
    film = [row for row in table if row["input"] == str(album / "5b.mp4")]
    assert [row["frame"] for row in film] == [*map(str, range(1, 36)), *(str(i) for i in range(36, 46) for _ in range(2))]
    assert film[1]["timestamp"] == "0.040" and {row["success"] for row in film[30:35]} == {"0"}
    assert sorted(tmp_path.iterdir()) == [album, tmp_path / "aus.csv"]


def test_one_file_has_openfaces_columns_only(tmp_path: Path) -> None:
    source = video(tmp_path / "one.mp4", [100] * 5)
    run(tmp_path / "one.csv", 1, 0.0, source)
    text = (tmp_path / "one.csv").read_text()
    assert text.splitlines()[0] == ",".join(columns())
    assert "nan" not in text.lower() and "\r" not in text


def test_video_is_steadied_unless_raw(tmp_path: Path) -> None:
    source = video(tmp_path / "v.mp4", [60, 180] * 10)
    spread = {}
    for raw in (False, True):
        annotate([source], tmp_path / "v.csv", raw=raw, make_finder=BrightnessFinder)
        spread[raw] = np.std([float(row["AU12_r"]) for row in rows(tmp_path / "v.csv")])
    assert spread[False] < 0.8 * spread[True]


def test_landmarks_and_progress(tmp_path: Path) -> None:
    sources = [photo(tmp_path / "p" / "1.png", 100), video(tmp_path / "v.mp4", [100] * 10)]
    told: list[tuple[float, int, int]] = []
    annotate(
        sources, tmp_path / "t.csv", landmarks=True, make_finder=BrightnessFinder, progress=lambda *values: told.append(values)
    )
    assert rows(tmp_path / "t.csv")[0]["x_0"] == "9.5"
    done = [each[0] for each in told]
    assert done == sorted(done) and done[0] == 0 and done[-1] == pytest.approx(2)
    assert {each[1] for each in told} == {2} and sum(each[2] for each in told) == 11


def test_two_processes_make_the_same_table(album: Path, tmp_path: Path) -> None:
    one, two = (run(tmp_path / f"{jobs}.csv", jobs, 0.0, album) for jobs in (1, 2))
    assert one == two
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_run_again(album: Path, tmp_path: Path, jobs: int) -> None:
    """Killed twice, at random points after it has got a step further, then left to finish."""
    run(tmp_path / "whole.csv", 1, 0.0, album)
    output, choose = tmp_path / "aus.csv", random.Random(jobs)
    command = [sys.executable, str(DRIVER), str(output), str(jobs), "0.06", str(album)]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            _wait_for_progress(process, output.with_name("aus.csv.part"))
            time.sleep(choose.uniform(0.0, 0.15))
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL and not output.exists()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert "kept=0" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["album", "aus.csv", "whole.csv"]


def _wait_for_progress(process: subprocess.Popen, journal: Path) -> None:
    before = journal.stat().st_size if journal.exists() else 1000
    while process.poll() is None:
        if journal.exists() and journal.stat().st_size > before:
            return
        time.sleep(0.002)


def test_unfinished_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    source = photo(tmp_path / "p" / "1.png", 100)

    def stop(done: float, total: int, pictures: int) -> None:
        if pictures:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate([source], tmp_path / "t.csv", make_finder=BrightnessFinder, progress=stop)
    with pytest.raises(DataError, match="other settings"):
        annotate([source], tmp_path / "t.csv", landmarks=True, make_finder=BrightnessFinder)
    assert annotate([source], tmp_path / "t.csv", make_finder=BrightnessFinder).annotated == 1


def test_changed_file_is_done_again(tmp_path: Path) -> None:
    key = Input(photo(tmp_path / "1.png", 100), "1.png").key()
    os.utime(tmp_path / "1.png", (1, 1))
    assert Input(tmp_path / "1.png", "1.png").key() != key


def test_nothing_readable_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    summary = run(tmp_path / "t.csv", 1, 0.0, tmp_path / "a.jpg")
    assert summary.annotated == 0 and "empty" in summary.failures[0].reason
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_that_are_no_files_fault_end_it(tmp_path: Path, jobs: int) -> None:
    sources = [photo(tmp_path / f"{i}.png", 100) for i in range(2)]
    with pytest.raises(UserError, match="no detector 'hawk'"):
        annotate(sources, tmp_path / "t.csv", detector="hawk", jobs=jobs)


def test_inputs(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", ".hidden.png"):
        photo(tmp_path / "f" / name, 0)
    photo(tmp_path / "f" / "deep" / "1.png", 0)
    names = [each.path.name for each in list_inputs([tmp_path / "f" / "10.png", tmp_path / "f"])]
    assert names == ["10.png", "2.png"]
    assert len(list_inputs([tmp_path / "f"], recursive=True)) == 3
    for missing, message in ((tmp_path / "none", "no file or folder"), (tmp_path, "--recursive")):
        with pytest.raises(UserError, match=message):
            list_inputs([missing])


def test_memory_is_flat_in_the_length_of_a_video(tmp_path: Path) -> None:
    peaks = []
    for frames in (50, 50, 250):  # the first run loads what is loaded once
        source = video(tmp_path / "v.mp4", [100] * frames)
        tracemalloc.start()
        annotate([source], tmp_path / "v.csv", make_finder=partial(BrightnessFinder, 0.0))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[1] + 50_000


@pytest.mark.parametrize(("columns", "name"), [("pyfeat", "AU43"), ("arkit", "mouthSmileLeft")])
def test_other_columns(tmp_path: Path, columns: str, name: str) -> None:
    annotate([photo(tmp_path / "a.png", 100)], tmp_path / "a.csv", columns=columns, make_finder=BrightnessFinder)
    (row,) = rows(tmp_path / "a.csv")
    assert name in row and "AU12_r" not in row
