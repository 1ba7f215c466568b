"""Messages of the WebSocket. Words travel as JSON; pictures as one binary message: 4 bytes, big-endian, the length of the JSON;
the JSON; the picture's file."""

from __future__ import annotations

import json
import struct
from typing import Any

MAX_HEADER = 100_000


def packed(header: dict[str, Any], picture: bytes) -> bytes:
    head = json.dumps(header).encode()
    return struct.pack(">I", len(head)) + head + picture


def unpacked(message: bytes) -> tuple[dict[str, Any], bytes]:
    """Raises `ValueError` for what is no such message."""
    if len(message) < 4:
        raise ValueError("the message is too short")
    (length,) = struct.unpack(">I", message[:4])
    if length > min(MAX_HEADER, len(message) - 4):
        raise ValueError("the message's header is longer than the message")
    header = json.loads(message[4 : 4 + length])
    if not isinstance(header, dict):
        raise ValueError("the message's header is no object")
    return header, message[4 + length :]
