"""The benchmark from a photo to a report: requests, results of another tool, judges, the pages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import DatasetWriter
from mimica.errors import DataError, NoFaceError, UserError, ValueRangeError
from mimica.evaluate.editing.benchmark import run_benchmark
from mimica.evaluate.editing.ceiling import ceilings
from mimica.evaluate.editing.report import as_html, markdown
from mimica.evaluate.editing.requests import Request, requests_for, result_of, write_requests
from mimica.evaluate.editing.run import collect, values_of
from mimica.evaluate.editing.score import plain, score
from mimica.evaluate.judges.base import Judgement
from mimica.facs import AU_NAMES, EMOTIONS
from mimica.pictures.images import read_photo, write_image

PHOTO = Path(__file__).parents[3] / "examples" / "astronaut.jpg"
FEW = ("AU12", "AU45")


class MouthJudge:
    """Reads the brightness of the mouth as AU12: `BrightMouth`'s work."""

    name, ours, note = "mouth", False, "a judge for tests"
    counted: tuple[str, ...] = ("AU12", "AU45")

    def __init__(self) -> None:
        self.keys: list[str] = []

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        self.keys.append(key)
        x0, y0 = landmarks[48:60].min(0).astype(int) + 2
        x1, y1 = landmarks[48:60].max(0).astype(int) - 2
        level = float(picture[y0:y1, x0:x1].mean()) / 255
        return Judgement({"AU12": level, "AU45": 0.1}, {"happiness": level, "neutral": 0.5}, (0.0, 0.0, 2 * level))


def few(photo: Path = PHOTO) -> list[Request]:
    return [r for r in requests_for([photo], emotions=("happiness",)) if r.kind != "unit" or r.name in FEW]


def test_every_unit_at_five_doses_every_emotion_and_nothing() -> None:
    asked = requests_for([PHOTO, Path("other.jpg")])
    assert len(asked) == 2 * (1 + 5 * 17 + 8) and len({r.id for r in asked}) == len({r.file for r in asked}) == len(asked)
    first = asked[:94]
    assert first[0].set == {} and {r.name for r in first} == {"zero", *AU_NAMES, *EMOTIONS}
    assert [r.value for r in first if r.name == "AU12"] == [0, 0.25, 0.5, 0.75, 1]
    assert next(r for r in first if r.name == "happiness").set["AU12L"] == 1
    with pytest.raises(DataError, match="Two photos are called 'a'"):
        requests_for([Path("x/a.jpg"), Path("y/a.png")])


def test_a_request_leaves_the_rest_as_it_is() -> None:
    request = Request("", "", "", "unit", "AU12", 0.5, {"AU12": 0.5})
    own = {"AU12L": 0.1, "AU12R": 0.2, "AU01L": 0.3, "yaw": 4.0}
    assert values_of(request, own) == {"AU12L": 0.5, "AU12R": 0.5, "AU01L": 0.3, "yaw": 4.0}


def test_figures_of_an_engine_that_is_known() -> None:
    """BrightMouth brightens the mouth by 100 levels a unit: the judge must find a straight curve of that slope."""
    judge = MouthJudge()
    collected = collect(few(), [judge], engine=BrightMouth())
    report = score(collected, [judge], name="bright mouth", size=512)
    assert report["photos"] == 1 and report["edits"] == 1 + 10 + 1
    pictures, judged = report["pictures"], report["judges"]["mouth"]
    assert pictures["zero_difference"] == 0 and pictures["background_largest"] == 0 and pictures["seconds"] > 0
    smile = judged["units"]["AU12"]
    assert smile["gain"][0] == pytest.approx(100 / 255, abs=0.05) and smile["linearity"][0] > 0.99
    assert smile["monotony"][0] == 1 and smile["leak"][0] == 0, "AU45 is always read alike"
    assert judged["units"]["AU45"]["gain"][0] == pytest.approx(0, abs=0.02) and judged["units"]["AU45"]["linearity"][0] == 0
    assert judged["all_units"]["gain"][0] == pytest.approx((smile["gain"][0] + judged["units"]["AU45"]["gain"][0]) / 2)
    assert judged["pose_drift"][0] > 0 and judged["faces_lost"] == 0
    assert judged["emotions"]["happiness"]["recognised"][0] in (0.0, 1.0)
    assert "astronaut__AU12__050" in judge.keys and judge.keys.count("astronaut") == 1


def test_results_of_another_tool_are_scored(tmp_path: Path) -> None:
    photo = read_photo(PHOTO).rgb
    asked = few()
    for request in asked[:6]:
        edited = photo.copy()
        edited[150, 223] = 0
        edited[500, 500] = photo[500, 500] ^ 8
        write_image(tmp_path / request.file, edited)
    assert result_of(asked[0], tmp_path) is not None and result_of(asked[-1], tmp_path) is None
    judge = MouthJudge()
    report = score(collect(asked, [judge], results=tmp_path), [judge], name="a tool", size=512)
    assert report["edits"] == 6 and "6 of 12 results are not there" in " ".join(report["missing"])
    assert report["pictures"]["zero_difference"] >= 8 and report["pictures"]["background_largest"] == 8
    assert np.isnan(report["pictures"]["seconds"])
    write_image(tmp_path / asked[0].file, photo[:500])
    with pytest.raises(DataError, match="must have the size of the photo"):
        collect(asked, [judge], results=tmp_path)
    with pytest.raises(DataError, match="no result in it"):
        collect(asked[6:], [judge], results=tmp_path)


def test_no_face_is_said(tmp_path: Path, noise: np.ndarray) -> None:
    write_image(tmp_path / "noise.png", noise)
    with pytest.raises(NoFaceError, match="None of the photos"):
        collect(few(tmp_path / "noise.png"), [MouthJudge()], engine=BrightMouth())


def test_the_report_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.evaluate.editing.benchmark.load_engine", lambda *_: BrightMouth())
    monkeypatch.setattr("mimica.evaluate.judges.base.open_judges", lambda _: [replace_note(MouthJudge())])
    run_benchmark(few(), tmp_path / "report", judges=[])
    made = {path.name for path in (tmp_path / "report").iterdir()}
    assert made == {"report.json", "report.md", "report.html", "emotions.jpg", "units.jpg"}
    content = json.loads((tmp_path / "report" / "report.json").read_text())
    assert content["judges"]["mouth"]["ours"] is True and content["name"] == "engine ganimation"
    text = (tmp_path / "report" / "report.md").read_text()
    assert "mouth (ours)" in text and "| AU12 |" in text and "&lt;script&gt;" not in text
    assert "&lt;script&gt;" in (tmp_path / "report" / "report.html").read_text()
    with pytest.raises(UserError, match="name a new folder"):
        run_benchmark(few(), tmp_path / "report", judges=[])


def replace_note(judge: MouthJudge) -> MouthJudge:
    judge.ours, judge.note = True, "<script>"  # type: ignore[misc]
    return judge


def test_unknown_figures_are_dashes() -> None:
    figure = [float("nan")] * 3
    judge = {"ours": False, "note": "", "counted": [], "faces_lost": 0.0, "units": {}, "all_units": {}, "emotions": {}}
    judge |= {"all_emotions": {}, "pose_drift": figure}
    pictures = dict.fromkeys(("identity", "sharpness", "background_touched"), figure)
    pictures |= dict.fromkeys(("background_largest", "zero_difference", "seconds", "peak_memory_mib"), float("nan"))
    report = {"name": "x", "photos": 0, "edits": 0, "size": 1, "missing": [], "pictures": pictures, "judges": {"j": judge}}
    assert "nan" not in markdown(report, []) + as_html(report, []) and "NaN" not in json.dumps(plain(report))


def test_ceilings_tell_what_a_judge_makes_of_exact_frames(tmp_path: Path, astronaut: np.ndarray) -> None:
    """A judge that reads AU12 off a painted patch, half as strong as it is: error, gain and r follow."""

    class PatchJudge(MouthJudge):
        def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
            return Judgement({"AU12": 0.5 * float(picture[:20, :20].mean()) / 255, "AU45": 0.1})

    folder = tmp_path / "exact"
    folder.mkdir()
    with DatasetWriter(folder, "exact", 128, ("AU12", "AU45")) as writer:
        for photo in range(2):
            for value in (0.0, 0.5, 1.0):
                picture = np.full((128, 128, 3), 90, np.uint8)
                picture[:40, :40] = round(255 * value)
                writer.add(picture, {"AU12": value, "AU45": 0.1}, f"{photo}-{value}", f"p{photo}", "", f"photo {photo}")
    found = ceilings(folder, [PatchJudge()])
    figures = found["judges"]["mouth"]["units"]["AU12"]
    assert found["frames"] == 6 and found["photos"] == 2
    assert figures["gain"] == pytest.approx(0.5, abs=0.01) and figures["linearity"] > 0.99
    assert figures["error"] == pytest.approx(5 * 0.25, abs=0.05) and found["judges"]["mouth"]["leak"][0] == 0


def test_the_command_line_writes_requests_and_checks_first(tmp_path: Path) -> None:
    run = CliRunner().invoke
    done = run(app, ["benchmark", "editing", str(PHOTO), "--requests-only", "-o", str(tmp_path / "requests.jsonl")])
    assert done.exit_code == 0 and "94 requests" in done.output
    lines = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert len(lines) == 94 and lines[3]["set"] == {"AU01": 0.5}
    write_requests([], tmp_path / "none.jsonl")
    for words, error in (
        (["--judge", "nobody", "-o", str(tmp_path / "r")], ValueRangeError),
        (["--judge", "mediapipe", "-o", str(tmp_path / "r")], ValueRangeError),
        (["--results", str(tmp_path / "absent"), "-o", str(tmp_path / "r")], UserError),
        ([], UserError),
    ):
        result = run(app, ["benchmark", "editing", str(PHOTO), *words])
        assert isinstance(result.exception, error), words
    assert not (tmp_path / "r").exists()
