"""Who is not let in: foreign names, foreign pages, no token, too much, what is no picture, other people's photos."""

from __future__ import annotations

import asyncio
import io
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.testclient import WebSocketDenialResponse
from web_client import ASTRONAUT, HERE, add_photo, connect

from mimica.web.guard import Guard
from mimica.web.settings import Settings

SOCKET = HERE.replace("http", "ws") + "/ws"
TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", "", "[::2]", "localhost.evil.example:8765"]
)
def test_a_foreign_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/session", headers={"Host": host})
    assert answer.status_code == 403 and "Host" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:1", "[::1]:8765", "LOCALHOST"])
def test_the_machine_s_own_names_are_let_in(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "http://localhost:8765", "null"])
def test_pages_of_other_sites_may_not_post_or_connect(client: TestClient, origin: str) -> None:
    answer = client.post("/api/photos/example", headers={"Origin": origin})
    assert answer.status_code == 403 and "other sites" in answer.json()["error"]
    with pytest.raises(WebSocketDenialResponse) as denied, connect(client, Origin=origin):
        pass
    assert denied.value.status_code == 403


def test_pages_of_other_sites_may_not_even_read(client: TestClient) -> None:
    assert client.get("/api/session", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200, "a link to the page may be followed"
    assert client.post("/api/photos/example", headers={"Origin": HERE, "Sec-Fetch-Site": "same-origin"}).status_code == 201


def test_a_websocket_needs_cookie_and_key(client: TestClient) -> None:
    key = client.get("/api/session").json()["socket_key"]
    cookies = dict(client.cookies)
    for query in ("", "?key=", "?key=wrong"):
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(SOCKET + query):
            pass
        assert denied.value.status_code == 403
    client.cookies.clear()
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect(f"{SOCKET}?key={key}"):
        pass
    client.cookies.update(cookies)
    with client.websocket_connect(f"{SOCKET}?key={key}") as socket:
        socket.send_json({"type": "script", "text": "happy"})
        assert socket.receive_json()["ok"]


def test_with_a_token_nothing_goes_without_it(serve: Callable[..., TestClient]) -> None:
    client = serve(host="0.0.0.0", token=TOKEN)
    for path in ("/", "/api/session", "/static/js/main.js", "/api/docs", "/?token=wrong"):
        assert client.get(path).status_code == 401, path
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(SOCKET):
        pass
    assert denied.value.status_code == 401
    assert client.get("/healthz").status_code == 200
    assert client.get("/api/session", headers={"Authorization": f"Bearer {TOKEN}", "Host": "10.0.0.7:8765"}).status_code == 200
    assert client.get("/api/session", headers={"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}).status_code == 403
    welcome = client.get(f"/?token={TOKEN}&open=photo", follow_redirects=False)
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/?open=photo"), "it is not left in the address"
    assert "HttpOnly" in welcome.headers["set-cookie"] and "SameSite=strict" in welcome.headers["set-cookie"]
    assert client.get("/").status_code == 200
    with connect(client) as socket:
        socket.send_json({"type": "script", "text": "happy"})
        assert socket.receive_json()["ok"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/static/..\\server.py",
        "/static/%252e%252e/server.py",
        "/static/js/../../guard.py",
        "/api/photos/..%2f..%2fserver/image",
        "/api/jobs/..%2f..",
    ],
)
def test_no_path_leads_out(client: TestClient, path: str) -> None:
    client.get("/api/session")
    answer = client.get(path)
    assert answer.status_code == 404 and b"import" not in answer.content and b"root:" not in answer.content


def test_too_much_is_refused_before_and_while_it_arrives(serve: Callable[..., TestClient]) -> None:
    client = serve(max_upload_bytes=200_000)
    announced = client.post("/api/read", files={"photo": bytes(300_000)})
    assert announced.status_code == 413 and "MB" in announced.json()["error"]

    def endless() -> Any:
        for _ in range(100):
            yield bytes(10_000)

    for path, kind in [
        ("/api/read", "application/json"),
        ("/api/expression-file", "text/plain"),
        ("/api/read", "multipart/form-data; boundary=x"),
    ]:
        streamed = client.post(path, content=endless(), headers={"Content-Type": kind})
        assert streamed.status_code == 413, (path, streamed.text)
    assert client.post("/api/read", files={"photo": ASTRONAUT.read_bytes()}).status_code == 200


def test_a_slow_upload_is_let_go() -> None:
    """A body that drips for ever, a byte each twentieth of a second: ASGI by hand, since a test client sends it whole."""
    sent: list[Any] = []

    async def swallowing(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def drip() -> Any:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/api/read", "query_string": b"", "headers": headers}
    start = time.monotonic()
    asyncio.run(Guard(swallowing, Settings(upload_seconds=0.3))(scope, drip, send))
    assert sent[0]["status"] == 408 and b"took too long" in sent[1]["body"] and time.monotonic() - start < 3


def test_too_many_uploads_at_once_are_429(serve: Callable[..., TestClient]) -> None:
    client = serve(arriving_bytes=50_000)
    full = client.post("/api/read", files={"photo": ASTRONAUT.read_bytes()})
    assert full.status_code == 429 and "retry-after" in full.headers
    assert client.post("/api/expression-file", content=b"{}").status_code == 400, "small ones come in"


def png_bomb(side: int) -> bytes:
    """A small file that says it is a picture of side x side pixels, and is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def test_bombs_and_wrong_types_are_sentences(client: TestClient) -> None:
    text_as_gif = b"GIF89a" + b"\xff" * 40
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for data, said in [
        (png_bomb(7000), "at most 40 million"),
        (text_as_gif, "the photo"),
        (svg, "'the photo' is no picture"),
        (b"%PDF-1.7", "no picture"),
    ]:
        for path in ("/api/photos", "/api/read"):
            answer = client.post(path, files={"photo": data})
            assert answer.status_code == 400 and said in answer.json()["error"], answer.text
            assert "/tmp" not in answer.text and "mimica-web" not in answer.text, "no path of the server is told"


def test_an_upload_s_name_means_nothing(client: TestClient) -> None:
    answer = client.post("/api/photos", files={"photo": ("../../../../tmp/evil.html", ASTRONAUT.read_bytes(), "text/html")})
    assert answer.status_code == 201 and "evil" not in answer.text


def test_nobody_reads_the_photo_of_another(serve: Callable[..., TestClient]) -> None:
    alice = serve()
    bob = serve(app=alice.app)
    photo = add_photo(alice)["photo"]
    add_photo(bob)
    job = alice.post(f"/api/photos/{photo}/animate", json={"seconds": 0.2, "size": 64}).json()["id"]
    assert alice.get(f"/api/photos/{photo}/image").status_code == 200 and alice.get(f"/api/jobs/{job}").status_code == 200
    for method, path in [
        ("GET", f"/api/photos/{photo}/image"), ("GET", f"/api/photos/{photo}/own"), ("DELETE", f"/api/photos/{photo}"),
        ("GET", f"/api/jobs/{job}"), ("GET", f"/api/jobs/{job}/result"), ("DELETE", f"/api/jobs/{job}"),
    ]:  # fmt: skip
        assert bob.request(method, path).status_code == 404, path
    for path in ("edit", "animate", "expression"):
        assert (
            bob.post(f"/api/photos/{photo}/{path}", json={} if path == "animate" else {"faces": [{"face": 1}]}).status_code == 404
        )
    with connect(bob) as socket:
        socket.send_json({"type": "preview", "photo": photo, "faces": [{"face": 1}]})
        assert "no such photo" in socket.receive_json()["error"]
    assert alice.get(f"/api/photos/{photo}/image").status_code == 200, "and it is still there"


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    for path in ("/", "/api/session", "/static/js/main.js", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
    assert client.get("/api/session").headers["cache-control"] == "no-store"


def test_transparent_photos_keep_their_alpha(client: TestClient) -> None:
    file = io.BytesIO()
    rgb = np.asarray(Image.open(ASTRONAUT).convert("RGB"))
    Image.fromarray(np.dstack([rgb, np.full(rgb.shape[:2], 77, np.uint8)])).save(file, "PNG")
    photo = add_photo(client, file.getvalue())["photo"]
    edited = client.post(f"/api/photos/{photo}/edit", json={"faces": [{"face": 1, "changes": {"AU12L": 0.5}}], "format": "png"})
    assert np.asarray(Image.open(io.BytesIO(edited.content)))[0, 0, 3] == 77
