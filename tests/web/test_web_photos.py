"""What the page asks of the server, one by one, as the browser does (`test_web_browser.py` does the same with Chromium)."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_mouth import BrightMouth
from fastapi.testclient import TestClient
from PIL import Image
from web_client import ASTRONAUT, add_photo

from mimica.pictures.images import read_comment
from mimica.video.reader import open_video

MOUTH = np.s_[141:152, 208:240]


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def finished(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + 30
    while job["state"] in ("waiting", "running") and time.monotonic() < until:
        time.sleep(0.02)
        job = client.get(f"/api/jobs/{job['id']}").json()
    return job


def test_the_page_is_served_whole(client: TestClient) -> None:
    page = client.get("/").text
    assert "Everything stays on this machine" in page
    for part in ("/static/js/main.js", "/static/css/base.css", "/static/icon.svg", "/static/example.jpg", "/api/docs"):
        assert client.get(part).status_code == 200, part
    files = [
        path for path in (Path(__file__).parents[2] / "mimica/web/static").rglob("*.*") if path.suffix in (".html", ".js", ".css")
    ]
    assert len(files) > 15
    for file in files:
        assert "//cdn" not in file.read_text() and "https://" not in file.read_text(), f"{file.name} is not offline"
        assert len(file.read_text().splitlines()) <= 350


def test_everything_of_the_page_is_packaged() -> None:
    root = Path(__file__).parents[2]
    patterns = re.findall(r'"(web/[^"]+)"', (root / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = {path for pattern in patterns for path in (root / "mimica").glob(pattern)}
    files = {path for path in (root / "mimica/web/static").rglob("*") if path.is_file()}
    assert files and files <= packaged


def test_an_upload_is_read_and_shown(client: TestClient) -> None:
    found = add_photo(client)
    (face,) = found["faces"]
    assert (found["width"], found["height"], found["largest"]) == (512, 512, 1)
    assert face["number"] == 1 and face["refusal"] is None and len(face["box"]) == 4
    shown = client.get(f"/api/photos/{found['photo']}/image?side=128")
    assert shown.headers["content-type"] == "image/jpeg" and picture(shown.content).shape == (128, 128, 3)
    own = client.get(f"/api/photos/{found['photo']}/own").json()["controls"]
    assert own["AU12L"] == 0.25
    assert client.delete(f"/api/photos/{found['photo']}").status_code == 204
    assert client.get(f"/api/photos/{found['photo']}/image").status_code == 404


def test_the_example_needs_no_file(client: TestClient) -> None:
    assert client.post("/api/photos/example").json()["largest"] == 1


def test_remarks_and_refusals_are_sentences(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from bright_mouth import reading

    from mimica.interactive import desk

    monkeypatch.setattr(desk, "find_faces", lambda rgb, **more: [reading(yaw=33.0), reading(yaw=60.0)])
    first, second = add_photo(client)["faces"]
    assert "turned by 33 degrees" in first["warnings"][0] and first["refusal"] is None
    assert "turned by 60 degrees" in second["refusal"]


def test_the_edited_picture_is_full_size_and_marked(client: TestClient, tmp_path: Path) -> None:
    photo = add_photo(client)["photo"]
    still = client.post(f"/api/photos/{photo}/edit", json={"faces": [{"face": 1}], "format": "png"})
    moved = client.post(f"/api/photos/{photo}/edit", json={"faces": [{"face": 1, "changes": {"AU12L": 0.5, "AU12R": 0.5}}]})
    before = np.asarray(Image.open(ASTRONAUT).convert("RGB"))
    assert (picture(still.content) == before).all(), "0 is the photo, bit for bit"
    brighter = picture(moved.content)[MOUTH].mean() - before[MOUTH].mean()
    assert brighter == pytest.approx(50, abs=8)
    (tmp_path / "out.png").write_bytes(moved.content)
    assert "edited by Mimica" in str(read_comment(tmp_path / "out.png"))


def test_changes_stop_at_what_is_legal_and_unknown_ones_are_refused(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    ask = lambda changes: client.post(f"/api/photos/{photo}/edit", json={"faces": [{"face": 1, "changes": changes}]})  # noqa: E731
    assert (picture(ask({"AU12L": 9.0}).content) == picture(ask({"AU12L": 0.75}).content)).all()
    wrong = ask({"AU13L": 0.1})
    assert wrong.status_code == 400 and "no control 'AU13L'" in wrong.json()["error"]
    assert client.post(f"/api/photos/{photo}/edit", json={"faces": [{"face": 7}]}).status_code == 422


def test_expressions_are_saved_and_loaded(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    saved = client.post(f"/api/photos/{photo}/expression", json={"faces": [{"face": 1, "changes": {"AU12L": 0.5}}]})
    assert saved.json()["mimica"] == "expression" and saved.json()["controls"]["AU12L"] == 0.75
    assert client.post("/api/expression-file", content=saved.content).json()["controls"]["AU12L"] == 0.75
    wrong = client.post("/api/expression-file", content=b'{"mimica": "expression", "controls": {"AU12L": 7}}')
    assert wrong.status_code == 400 and "0 to 1" in wrong.json()["error"]


def test_another_photo_lends_its_expression(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    lent = client.post(f"/api/photos/{photo}/like", files={"photo": ASTRONAUT.read_bytes()})
    assert lent.json()["controls"]["AU12L"] == 0.25 and len(lent.json()["controls"]) == 34


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif", "webp"])
def test_a_video_is_made_of_keyframes(client: TestClient, tmp_path: Path, suffix: str) -> None:
    photo = add_photo(client)["photo"]
    keys = [{"time": 0}, {"time": 0.4, "changes": {"AU12L": 0.5, "AU12R": 0.5}}]
    words = {"keyframes": keys, "fps": 10, "size": 256, "format": suffix}
    started = client.post(f"/api/photos/{photo}/animate", json=words)
    assert started.status_code == 202, started.text
    job = finished(client, started.json())
    assert (job["state"], job["done"], job["total"]) == ("done", 4, 4), job
    made = client.get(f"/api/jobs/{job['id']}/result")
    assert made.headers["content-type"] in ("video/mp4", "video/webm", "image/gif", "image/webp")
    if suffix in ("mp4", "webm"):
        (tmp_path / f"made.{suffix}").write_bytes(made.content)
        frames = [frame for _, _, frame in open_video(tmp_path / f"made.{suffix}")]
        mouths = [frame[70:76, 104:120].mean() for frame in frames]
        assert len(frames) == 4 and frames[0].shape == (256, 256, 3) and mouths[3] > mouths[0] + 15


def test_scripts_blinks_and_loops_become_videos_too(client: TestClient, engine: BrightMouth) -> None:
    photo = add_photo(client)["photo"]
    words = {"script": "AU12 0.9 over 0.3s", "blinks": True, "loop": True, "fps": 10, "size": 128}
    job = finished(client, client.post(f"/api/photos/{photo}/animate", json=words).json())
    assert job["total"] == 13, "0.3 s and a second back"
    assert max(values.get("AU45L", 0.0) for values in engine.rendered) > 0.5, "a blink"
    wrong = client.post(f"/api/photos/{photo}/animate", json={"script": "smile off"})
    assert wrong.status_code == 400 and "line 1, column" in wrong.json()["error"]


def test_what_is_asked_for_wrongly_is_one_sentence(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    for path, body, said in [
        ("animate", {"format": "avi"}, "mp4"),
        ("animate", {"fps": 0}, "fps"),
        ("animate", {"keyframes": [{"time": 0, "easing": "bounce"}, {"time": 1, "changes": {"AU12L": 1}}]}, "easing"),
        ("animate", {"recording": "nobody's"}, "no such recording"),
        ("edit", {"faces": [{"face": 1}], "format": "exe"}, "format"),
        ("edit", {"faces": "all"}, "faces"),
    ]:
        answer = client.post(f"/api/photos/{photo}/{path}", json=body)
        assert 400 <= answer.status_code < 500 and said in answer.json()["error"], (body, answer.text)


def test_sliders_are_described_by_the_engine(client: TestClient) -> None:
    controls = {one["name"]: one for one in client.get("/api/engines/any").json()["controls"]}
    assert controls["AU12L"]["group"] == "mouth" and controls["AU45R"]["group"] == "eyes" and controls["AU12L"]["side"] == "L"


def test_the_session_says_what_there_is(client: TestClient) -> None:
    from mimica.interactive.abilities import ALIVE

    session = client.get("/api/session").json()
    assert session["groups"][0] == "brows" and session["alive"] is ALIVE and "ganimation" in session["engines"]
    assert json.dumps(client.get("/api/expressions").json()["expressions"]["happiness"]).count("AU12L") == 1
