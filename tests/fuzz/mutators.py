"""Seeded changes of inputs: bytes, and words for command lines. The same seed gives the same change."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

MAX_SIZE = 8 << 20
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**62, 2**63 - 1, 2**64 - 1)
TOKENS = (
    b"nan", b"inf", b"-1", b"1e999", b"0", b"9" * 400, b"\xff" * 8, b"\x00" * 8, b"..", b"/", b'"', b"'", b",", b"\n",
    b"\r", b"[" * 300, b"{" * 300, b"(" * 300, b"true", b"null", b"\xc3\xa9", b"\xdf", b"\x1b[31m", b"cos\nsystem\n", b"R",
    b".", b"h\x00h\x00\x86q\x00", b"}", b"s",
)  # fmt: skip


def _place(rng: random.Random, data: bytearray) -> int:
    """Headers are where formats are decided: half of all changes hit the first 256 bytes."""
    limit = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return rng.randrange(limit) if limit else 0


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[_place(rng, data)] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray) -> None:
    place = _place(rng, data)
    piece = rng.randbytes(rng.choice((1, 2, 4, 8, 16, 64)))
    data[place : place + len(piece)] = piece


def _number(rng: random.Random, data: bytearray) -> None:
    place, value, kind = _place(rng, data), rng.choice(NUMBERS), rng.choice("BHIQ")
    size = struct.calcsize(kind)
    data[place : place + size] = struct.pack(rng.choice("<>") + kind, value % (1 << (8 * size)))


def _token(rng: random.Random, data: bytearray) -> None:
    place, token = _place(rng, data), rng.choice(TOKENS)
    data[place : place + rng.choice((0, 0, 1, len(token)))] = token


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _remove(rng: random.Random, data: bytearray) -> None:
    place = _place(rng, data)
    del data[place : place + rng.choice((1, 2, 4, 16, 256))]


def _repeat(rng: random.Random, data: bytearray) -> None:
    place = _place(rng, data)
    piece = bytes(data[place : place + rng.choice((1, 4, 32, 512))])
    data[place:place] = piece * rng.choice((1, 2, 50, 1000))


def _move(rng: random.Random, data: bytearray) -> None:
    start, end = _place(rng, data), _place(rng, data)
    length = rng.choice((4, 32, 256))
    data[end : end + length] = data[start : start + length]


CHANGES: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip, _flip, _overwrite, _number, _number, _token, _token, _cut, _remove, _repeat, _move,
)  # fmt: skip


def mutated(rng: random.Random, content: bytes) -> bytes:
    """One to eight changes of a valid input."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(CHANGES)(rng, data)
    return bytes(data[:MAX_SIZE])


WORDS = (
    "", "-1", "0", "1", "nan", "inf", "-inf", "1e308", "1e-308", "9" * 30, "9" * 5000, "x" * 5000, "happy", "happy:nan",
    "happy:1e9", "12=0.5", "12=nan", "99=1", "12=", "=", ",", "+", "a\nb", "\x1b[2J", "é\u2028", "\ud800", "../..",
    "/dev/null", "/dev/zero", "/proc/self/mem", "/", ".", "all", "largest", "neutral@0, happy@1", "neutral@nan", "@@@",
    "1-8", "4294967296", "steps=0", "seed=-1", "smile=1e9", "%s%n", "$(touch evil)",
)  # fmt: skip


def command_line(
    rng: random.Random, commands: Sequence[tuple[str, ...]], options: Sequence[str], files: Sequence[str]
) -> list[str]:
    """A command with files, options and values, most of which make no sense."""
    line = list(rng.choice(commands))
    for _ in range(rng.randrange(4)):
        line.append(rng.choice(files) if rng.random() < 0.7 else rng.choice(WORDS))
    for _ in range(rng.randrange(5)):
        line.append(rng.choice(options))
        if rng.random() < 0.8:
            line.append(rng.choice(files) if rng.random() < 0.3 else rng.choice(WORDS))
    return [word.replace("\x00", "") for word in line]
