"""What the page does with the server, for tests."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = "http://127.0.0.1:8765"
ASTRONAUT = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def add_photo(client: Any, data: bytes | None = None) -> dict[str, Any]:
    """The page's answer to an upload."""
    answer = client.post("/api/photos", files={"photo": ("photo.jpg", data or ASTRONAUT.read_bytes())})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def connect(client: Any, **headers: str) -> Any:
    """The page's WebSocket, as a context."""
    key = client.get("/api/session").json()["socket_key"]
    return client.websocket_connect(f"{HERE.replace('http', 'ws')}/ws?key={key}", headers=headers)


def unpacked(message: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack(">I", message[:4])
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def next_picture(socket: Any) -> tuple[dict[str, Any], np.ndarray]:
    """The next binary message: header and uint8 (H, W, 3)."""
    header, data = unpacked(socket.receive_bytes())
    return header, np.asarray(Image.open(BytesIO(data)).convert("RGB"))
