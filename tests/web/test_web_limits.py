"""Too much is answered with 429 and Retry-After, faults are answers, and what was held is let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bright_mouth import BrightMouth
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from web_client import ASTRONAUT, HERE, add_photo, connect

EDIT = {"faces": [{"face": 1, "changes": {"AU12L": 0.3}}]}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Rendering waits until the gate is open."""
    opened, render = threading.Event(), BrightMouth.render

    def slow(*arguments: Any, **more: Any) -> Any:
        opened.wait(20)
        return render(*arguments, **more)

    monkeypatch.setattr(BrightMouth, "render", slow)
    yield opened
    opened.set()


def test_a_full_queue_is_429_with_retry_after(serve: Callable[..., TestClient], gate: threading.Event) -> None:
    client = serve(queue=3, per_client=3)
    others = [serve(app=client.app) for _ in range(4)]
    photos = [add_photo(other)["photo"] for other in others]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(o.post, f"/api/photos/{p}/edit", json=EDIT) for o, p in zip(others, photos, strict=True)]
        time.sleep(0.5)
        full = client.post("/api/read", files={"photo": ASTRONAUT.read_bytes()})
        gate.set()
        answers = [one.result() for one in asked]
    assert full.status_code == 429 and int(full.headers["retry-after"]) >= 1 and "try again" in full.json()["error"]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429]
    assert client.post("/api/read", files={"photo": ASTRONAUT.read_bytes()}).status_code == 200, "and then it is free again"


def test_one_client_cannot_take_all(serve: Callable[..., TestClient], gate: threading.Event) -> None:
    greedy = serve(queue=10, per_client=2)
    modest = serve(app=greedy.app)
    photo, other = add_photo(greedy)["photo"], add_photo(modest)["photo"]
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(greedy.post, f"/api/photos/{photo}/edit", json=EDIT) for _ in range(4)]
        time.sleep(0.5)
        served = pool.submit(modest.post, f"/api/photos/{other}/edit", json=EDIT)
        gate.set()
        codes = sorted(one.result().status_code for one in asked)
        assert codes == [200, 200, 429, 429] and served.result().status_code == 200


def test_what_takes_too_long_is_let_go(serve: Callable[..., TestClient], gate: threading.Event) -> None:
    client = serve(wait_seconds=0.2, render_seconds=0.2)
    photo = add_photo(client)["photo"]
    answer = client.post(f"/api/photos/{photo}/edit", json=EDIT)
    assert answer.status_code == 408 and "longer than the server allows" in answer.json()["error"]


def test_sockets_are_counted(serve: Callable[..., TestClient]) -> None:
    client = serve(sockets=3, sockets_per_client=2)
    other = serve(app=client.app)
    with connect(client), connect(client):
        with pytest.raises(WebSocketDenialResponse) as denied, connect(client):
            pass
        assert denied.value.status_code == 429 and "retry-after" in denied.value.headers
        with connect(other):
            pass
    with connect(client) as socket:
        socket.send_json({"type": "script", "text": "happy"})
        assert socket.receive_json()["ok"]


def test_jobs_are_counted_and_cancelled(serve: Callable[..., TestClient], gate: threading.Event) -> None:
    client = serve(jobs=3, jobs_per_client=2)
    photo = add_photo(client)["photo"]
    words = {"keyframes": [{"time": 0}, {"time": 2, "changes": {"AU12L": 0.5}}], "size": 64, "fps": 10}
    start = lambda: client.post(f"/api/photos/{photo}/animate", json=words)  # noqa: E731
    first, second, third = start(), start(), start()
    assert (first.status_code, second.status_code, third.status_code) == (202, 202, 429)
    assert int(third.headers["retry-after"]) >= 1
    for job in (first, second):
        client.delete(f"/api/jobs/{job.json()['id']}")
    gate.set()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        states = [client.get(f"/api/jobs/{job.json()['id']}").json()["state"] for job in (first, second)]
        if states == ["cancelled", "cancelled"]:
            break
        time.sleep(0.02)
    assert states == ["cancelled", "cancelled"] and start().status_code == 202


def test_a_job_has_a_time_limit(serve: Callable[..., TestClient]) -> None:
    client = serve(job_seconds=0.0)
    photo = add_photo(client)["photo"]
    job = client.post(f"/api/photos/{photo}/animate", json={"seconds": 1, "size": 64}).json()
    while job["state"] in ("waiting", "running"):
        job = client.get(f"/api/jobs/{job['id']}").json()
    assert job["state"] == "failed" and "longer than the server allows" in job["error"]


def test_a_crash_is_an_answer_and_the_server_goes_on(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = add_photo(client)["photo"]
    monkeypatch.setattr(BrightMouth, "render", lambda *a, **k: 1 / 0)
    answer = client.post(f"/api/photos/{photo}/edit", json=EDIT)
    assert answer.status_code == 500 and "fault of Mimica's own" in answer.json()["error"] and "Traceback" not in answer.text
    words = {"keyframes": [{"time": 0}, {"time": 1, "changes": {"AU12L": 0.5}}], "size": 64}
    job = client.post(f"/api/photos/{photo}/animate", json=words).json()
    while job["state"] in ("waiting", "running"):
        job = client.get(f"/api/jobs/{job['id']}").json()
    assert job["state"] == "failed" and "fault of Mimica's own" in job["error"]
    monkeypatch.undo()
    assert client.get("/healthz").status_code == 200


def test_programs_without_a_cookie_are_counted_by_address_and_leave_no_session(
    serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bright_mouth import reading

    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, **more: [reading()])
    client = serve(jobs_per_client=2)
    form: dict[str, Any] = {"files": {"photo": ASTRONAUT.read_bytes()}, "data": {"au": "12=1", "seconds": "5", "size": "1080"}}
    answers = [client.post("/api/animate", **form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429] and not client.cookies
    assert client.get(f"/api/jobs/{answers[0].json()['id']}").status_code == 404, "without the key it is nobody's"
    assert client.get(answers[0].json()["url"]).status_code == 200
    assert not client.app.state.mimica.sessions._by_key  # type: ignore[attr-defined]


def test_what_is_held_stays_within_limits(serve: Callable[..., TestClient]) -> None:
    size = 512 * 512 * 3
    client = serve(photos_per_client=2, photo_bytes=4 * size, sessions=3)
    mine = [add_photo(client)["photo"] for _ in range(3)]
    held = [client.get(f"/api/photos/{photo}/image?side=64").status_code for photo in mine]
    assert held == [404, 200, 200], "the oldest makes room"
    for _ in range(4):
        add_photo(serve(app=client.app))
    sessions = client.app.state.mimica.sessions  # type: ignore[attr-defined]
    assert sessions.photo_bytes <= 4 * size and len(sessions._by_key) <= 3


def test_the_encoded_are_kept_up_to_a_limit(serve: Callable[..., TestClient], engine: BrightMouth) -> None:
    client = serve(encoded_bytes=10_000_000)
    photo = add_photo(client)["photo"]
    for _ in range(3):
        client.get(f"/api/photos/{photo}/own")
    assert engine.encoded == 1, "once a photo"
    tight = serve(encoded_bytes=10)
    photo = add_photo(tight)["photo"]
    for _ in range(3):
        assert tight.get(f"/api/photos/{photo}/own").status_code == 200
    assert engine.encoded == 4 and not tight.app.state.mimica.sessions.encoded._entries  # type: ignore[attr-defined]


def test_cookies_are_for_this_server_alone(client: TestClient) -> None:
    header = client.get(f"{HERE}/api/session").headers["set-cookie"]
    assert "HttpOnly" in header and "SameSite=strict" in header
