"""The WebSocket: previews, the latest wins, scripts, playing, the camera, faults."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from fastapi.testclient import TestClient
from PIL import Image
from web_client import add_photo, connect, next_picture

from mimica.interactive import live
from mimica.interactive.wire import packed, unpacked
from mimica.web import camera

MOUTH = np.s_[141:152, 208:240]


def frame(photo: str, smile: float, kind: str = "preview", **more: Any) -> dict[str, Any]:
    changes = {"AU12L": smile, "AU12R": smile} if smile else {}
    return {"type": kind, "photo": photo, "faces": [{"face": 1, "changes": changes}], **more}


def test_a_preview_shows_the_change(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    with connect(client) as socket:
        socket.send_json(frame(photo, 0.0, seq=1))
        _, before = next_picture(socket)
        socket.send_json(frame(photo, 0.5, seq=2))
        header, after = next_picture(socket)
    assert header["seq"] == 2 and header["type"] == "preview" and header["milliseconds"] > 0
    assert after[MOUTH].mean() - before[MOUTH].mean() == pytest.approx(50, abs=8)


def test_the_latest_wins_and_the_older_ones_are_dropped(
    client: TestClient, engine: BrightMouth, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, render = add_photo(client)["photo"], BrightMouth.render
    monkeypatch.setattr(BrightMouth, "render", lambda *a, **k: time.sleep(0.15) or render(*a, **k))  # type: ignore[func-returns-value]
    with connect(client) as socket:
        for number in range(1, 21):
            socket.send_json(frame(photo, number / 40, seq=number))
        shown = []
        while not shown or shown[-1] < 20:
            shown.append(next_picture(socket)[0]["seq"])
    assert len(shown) <= 4, "most were dropped"
    assert shown == sorted(shown)


def test_masks_portraits_and_full_resolution(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    with connect(client) as socket:
        socket.send_json(frame(photo, 0.5, "masks"))
        assert next_picture(socket)[1].shape[1] > 400
        socket.send_json(frame(photo, 0.5, "full"))
        header, picture = next_picture(socket)
        assert header["size"] == [512, 512] and picture.shape == (512, 512, 3)
        socket.send_json(frame(photo, 0.5, "portrait", name="happiness"))
        header, picture = next_picture(socket)
        assert header["name"] == "happiness" and picture.shape == (96, 96, 3)


def test_scripts_are_checked_while_they_are_typed(client: TestClient) -> None:
    with connect(client) as socket:
        socket.send_json({"type": "script", "text": "happy over 1s\nhold 1s", "seq": 1})
        good = socket.receive_json()
        socket.send_json({"type": "script", "text": "happy over 1s\n  blimk", "seq": 2})
        bad = socket.receive_json()
    assert good["ok"] and good["seconds"] == 2.0 and len(good["curves"]["AU12L"]) > 50
    assert (bad["ok"], bad["line"], bad["column"]) == (False, 2, 3) and "did you mean 'blink'" in bad["message"]


def test_a_score_is_drawn_and_played(client: TestClient) -> None:
    photo = add_photo(client)["photo"]
    score = {"keyframes": [{"time": 0}, {"time": 1, "changes": {"AU12L": 0.6, "AU12R": 0.6}, "easing": "linear"}]}
    with connect(client) as socket:
        socket.send_json({"type": "score", "photo": photo, "score": score, "seq": 1})
        drawn = socket.receive_json()
        assert drawn["seconds"] == 1.0 and drawn["curves"]["AU12L"][-1] == pytest.approx(0.85, abs=0.01)
        levels = []
        for at in (0.0, 0.5, 1.0, 9.0):
            socket.send_json({"type": "play", "photo": photo, "score": score, "time": at, "seq": 2})
            levels.append(next_picture(socket)[1][MOUTH].mean())
    assert levels[1] - levels[0] == pytest.approx(30, abs=6) and levels[2] == levels[3]


def test_what_is_wrong_is_said_and_the_connection_stays(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = add_photo(client)["photo"]
    wrong: list[Any] = [
        "no json", "[]", '{"type": "reboot"}', '{"type": "preview"}', '{"type": "play", "photo": 3, "score": 4, "time": "x"}',
    ]  # fmt: skip
    with connect(client) as socket:
        for text in wrong:
            socket.send_text(text)
            assert socket.receive_json()["type"] == "error", text
        socket.send_bytes(b"\xff\xff\xff\xff{}")
        assert socket.receive_json()["type"] == "error"
        socket.send_json(frame("somebody's", 0.1))
        assert "no such photo" in socket.receive_json()["error"]
        monkeypatch.setattr(BrightMouth, "render", lambda *a, **k: 1 / 0)
        socket.send_json(frame(photo, 0.1))
        assert "fault of Mimica's own" in socket.receive_json()["error"]
        monkeypatch.undo()
        socket.send_json({"type": "script", "text": "happy"})
        assert socket.receive_json()["ok"]


def test_wire_messages_are_read_back() -> None:
    assert unpacked(packed({"a": 1}, b"xyz")) == ({"a": 1}, b"xyz")
    for broken in (b"", b"\0\0\0\x05{}", b"\0\0\0\x02[]"):
        with pytest.raises(ValueError):
            unpacked(broken)


class Smiler:
    """Stands in for `Finder`: AU12 is how bright the frame is."""

    def find(self, rgb: np.ndarray) -> list[Any]:
        bright = float(rgb.mean()) / 255
        return [reading(action_units={**reading().action_units, "AU12L": bright, "AU12R": bright})] if bright > 0.02 else []

    def follow(self, rgb: np.ndarray, readings: Any) -> list[Any]:
        return self.find(rgb) or [reading(confidence=0.0)]


def test_a_camera_moves_the_photo_and_is_recorded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "Finder", Smiler)
    monkeypatch.setattr(live, "Follower", _Plain)
    photo = add_photo(client)["photo"]

    def shoot(level: int, at: float, **more: Any) -> tuple[dict[str, Any], np.ndarray]:
        file = io.BytesIO()
        Image.new("RGB", (64, 48), (level,) * 3).save(file, "JPEG")
        socket.send_bytes(packed({"type": "camera", "photo": photo, "face": 1, "time": at, **more}, file.getvalue()))
        return next_picture(socket)

    with connect(client) as socket:
        for i in range(12):
            header, still = shoot(51, 0.1 * i)
        assert header["calibrated"] and header["seen"] and header["work_ms"] > 0
        header, moved = shoot(178, 2.0, record=True)
        assert moved[MOUTH].mean() - still[MOUTH].mean() == pytest.approx(50, abs=8)
        for i in range(1, 6):
            header, _ = shoot(178 - 20 * i, 2.0 + i / 10, record=True)
        assert header["recorded"] == 6
        header, _ = shoot(0, 3.0)
        assert not header["seen"] and header["seconds"] == pytest.approx(0.5)
        _, plain = shoot(51, 3.1, mark=False, parts=["brows"])
        assert np.abs(plain[-20:, -60:].astype(float) - moved[-20:, -60:]).mean() > 20, "the mark is in the corner"
        assert plain[MOUTH].mean() == pytest.approx(still[MOUTH].mean(), abs=2), "the mouth is not among the parts"
        for wrong, said in [({"gain": 9}, "gain"), ({"parts": ["ears"]}, "parts are")]:
            socket.send_bytes(packed({"type": "camera", "photo": photo, "time": 9.0, **wrong}, b"no picture"))
            assert said in socket.receive_json()["error"]
        socket.send_bytes(packed({"type": "camera", "photo": photo, "time": 9.0}, b"no picture"))
        assert "no JPEG" in socket.receive_json()["error"]
    started = client.post(f"/api/photos/{photo}/animate", json={"recording": header["recording"], "fps": 10, "size": 128})
    assert started.status_code == 202


class _Plain:
    """Stands in for `Follower`: no steadying, so that values are exact."""

    def __init__(self, finder: Smiler) -> None:
        self.finder = finder

    def read(self, rgb: np.ndarray, time: float) -> list[Any]:
        return list(enumerate(self.finder.find(rgb)))
