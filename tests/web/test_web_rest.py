"""The programming interface: multipart and JSON, the words of the command line, errors as sentences."""

from __future__ import annotations

import base64
import io
import time
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from web_client import ASTRONAUT

from mimica.facs import RECIPES

MOUTH = np.s_[141:152, 208:240]
BASE64 = base64.b64encode(ASTRONAUT.read_bytes()).decode()


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


@pytest.fixture(autouse=True)
def _stand_ins(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from bright_mouth import reading

    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, **more: [reading()])


def test_health_and_names(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    found = client.get("/api/expressions").json()
    assert set(found["expressions"]) == set(RECIPES) and len(found["action_units"]) == 17


def test_read_says_what_the_command_says(client: TestClient) -> None:
    as_form = client.post("/api/read", files={"photo": ASTRONAUT.read_bytes()})
    as_json = client.post("/api/read", json={"photo": BASE64})
    assert as_form.json() == as_json.json()
    (face,) = as_form.json()["faces"]
    assert face["face"] == 1 and face["action_units_by_side"]["AU12L"] == 0.25 and len(face["landmarks"]) == 68
    assert face["usable"] and face["warnings"] == []


def test_edit_by_form_and_by_json(client: TestClient) -> None:
    words = {"au": "12=0.9", "intensity": "0.5", "format": "png"}
    as_form = client.post("/api/edit", files={"photo": ASTRONAUT.read_bytes()}, data=words)
    as_json = client.post("/api/edit", json={"photo": BASE64, **words, "intensity": 0.5})
    assert as_form.headers["content-type"] == "image/png" and as_form.content == as_json.content
    before = picture(ASTRONAUT.read_bytes())
    assert picture(as_form.content)[MOUTH].mean() - before[MOUTH].mean() == pytest.approx(34, abs=6), "0.5 of 0.9 less 0.22"
    as_numbers = client.post("/api/edit", json={"photo": BASE64, "au": {"12": 0.9}, "face": 1, "intensity": 0.5, "format": "png"})
    assert as_numbers.content == as_json.content
    bare = client.post("/api/edit", json={"photo": BASE64, **words, "intensity": 0.5, "tag": False, "labelled_elsewhere": True})
    assert b"edited by Mimica" in as_json.content and b"edited by Mimica" not in bare.content
    accepted = client.post("/api/edit", json={"photo": BASE64, **words}, headers={"Accept": "application/json"}).json()
    assert base64.b64decode(accepted["image"]) == as_json.content and accepted["warnings"] == []
    zero = client.post("/api/edit", json={"photo": BASE64, "expression": "happy", "intensity": 0, "format": "png"})
    assert (picture(zero.content) == before).all()


def test_animate_is_a_job_with_progress_and_a_result(client: TestClient) -> None:
    words = {"photo": BASE64, "au": "12=1", "seconds": 0.5, "fps": 10, "size": 128, "format": "gif"}
    started = client.post("/api/animate", json=words)
    assert started.status_code == 202
    job = started.json()
    for _ in range(500):
        state = client.get(job["url"]).json()
        if state["state"] not in ("waiting", "running"):
            break
        time.sleep(0.02)
    assert (state["state"], state["done"], state["total"]) == ("done", 5, 5)
    client.cookies.clear()  # a program without cookies has the key in the address
    made = client.get(job["result"])
    assert made.content[:6] == b"GIF89a" and made.headers["content-type"] == "image/gif"
    assert client.get(f"/api/jobs/{job['id']}/result").status_code == 404
    assert client.delete(job["url"]).json()["state"] == "cancelled"
    assert client.get(job["result"]).status_code == 409


@pytest.mark.parametrize(
    ("path", "words", "status", "said"),
    [
        ("edit", {"expression": "hapy"}, 400, "did you mean 'happy'"),
        ("edit", {"au": "12=7"}, 400, "legal is 0 to 1"),
        ("edit", {"expression": "happy", "intensity": 9}, 400, "The intensity is 9; legal is 0 to 1.5."),
        ("edit", {"expression": "happy", "intensity": "much"}, 422, "'intensity' is not as documented"),
        ("edit", {"expression": "happy", "face": "3"}, 422, "There is no face 3"),
        ("edit", {"expression": "happy", "mood": "good"}, 422, "'mood' is not as documented"),
        ("edit", {"expression": "happy", "format": "exe"}, 400, "The format is 'exe'"),
        ("edit", {"expression": "happy", "attributes": "wings=1"}, 400, "no attribute 'wings'"),
        ("edit", {}, 400, "No expression is asked for"),
        ("edit", {"expression": "happy", "tag": False}, 400, "--no-tag needs"),
        ("animate", {"expression": "sad", "tag": False}, 400, "--no-tag needs"),
        ("animate", {"sequence": "happy@3, sad@1"}, 400, "must rise"),
        ("animate", {"script": "smyle"}, 400, "line 1, column 1"),
        ("animate", {"expression": "sad", "fps": 999}, 400, "frame rate"),
        ("animate", {"expression": "sad", "format": "avi"}, 400, "The format is 'avi'"),
    ],
)
def test_errors_are_the_same_sentences(client: TestClient, path: str, words: dict[str, Any], status: int, said: str) -> None:
    answer = client.post(f"/api/{path}", json={"photo": BASE64, **words})
    assert answer.status_code == status and said in answer.json()["error"], answer.text


def test_wrong_bodies_are_refused(client: TestClient) -> None:
    for answer, status, said in [
        (client.post("/api/edit", content=b"x", headers={"Content-Type": "text/plain"}), 415, "multipart/form-data"),
        (client.post("/api/edit", content=b"{", headers={"Content-Type": "application/json"}), 400, "no JSON"),
        (client.post("/api/edit", json=["photo"]), 400, "JSON object"),
        (client.post("/api/edit", json={"expression": "happy"}), 400, "no photo"),
        (client.post("/api/edit", json={"photo": "%%%", "expression": "happy"}), 400, "base64"),
        (
            client.post("/api/edit", files={"photo": b"no picture"}, data={"expression": "happy"}),
            400,
            "'the photo' is no picture",
        ),
        (client.get("/api/nothing"), 404, "nothing at this address"),
        (client.get("/api/edit"), 405, "Method"),
    ]:
        assert answer.status_code == status and said in answer.json()["error"], answer.text


def test_openapi_describes_every_route_with_an_example(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/read", "/api/edit", "/api/animate", "/api/expressions", "/healthz", "/api/jobs/{name}"} <= set(described)
    for path in ("/api/read", "/api/edit", "/api/animate"):
        body = described[path]["post"]["requestBody"]["content"]
        assert body["application/json"]["example"]["photo"] and "photo" in body["multipart/form-data"]["schema"]["properties"]
