"""Which face is meant, and which faces are refused or warned about."""

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading

from mimica.errors import NoFaceError, ValueRangeError
from mimica.reader.face_choice import check, check_eyes, parse_which, select

SHAPE = (512, 512, 3)
SMALL, LARGE = reading(ASTRONAUT / 2), reading(ASTRONAUT + 100)


def test_parse_which() -> None:
    assert [parse_which(w) for w in (None, "2", 3, "all", "largest")] == [None, 2, 3, "all", "largest"]
    for wrong in ("0", 0, -1, "first", "", "1.5"):
        with pytest.raises(ValueRangeError, match="face asked for"):
            parse_which(wrong)


def test_select() -> None:
    assert select([SMALL, LARGE], 1, "p.jpg") == ([SMALL], [])
    assert select([SMALL, LARGE], "largest", "p.jpg") == ([LARGE], [])
    assert select([SMALL, LARGE], "all", "p.jpg") == ([SMALL, LARGE], [])
    assert select([SMALL], None, "p.jpg") == ([SMALL], [])
    chosen, warnings = select([SMALL, LARGE], None, "p.jpg")
    assert chosen == [LARGE] and "number 2" in warnings[0]
    with pytest.raises(NoFaceError, match=r"no face 3 in p.jpg: it shows 2 faces"):
        select([SMALL, LARGE], 3, "p.jpg")


def test_a_good_face_has_no_warnings() -> None:
    assert check(reading(), SHAPE) == []


@pytest.mark.parametrize(
    ("landmarks", "changes", "word"),
    [
        (ASTRONAUT * np.float32(0.4), {}, "small"),
        (ASTRONAUT, {"yaw": -35.0}, "turned by 35"),
        (ASTRONAUT - np.float32([190, 0]), {}, "border"),
        (ASTRONAUT, {"confidence": 0.55}, "hard to read"),
    ],
)
def test_warnings(landmarks: np.ndarray, changes: dict[str, float], word: str) -> None:
    (warning,) = check(reading(landmarks, **changes), SHAPE)
    assert word in warning


@pytest.mark.parametrize(
    ("landmarks", "changes", "word"),
    [
        (ASTRONAUT * np.float32(0.2), {}, "too small"),
        (ASTRONAUT, {"yaw": 50.0}, "front"),
        (ASTRONAUT - np.float32([205, 0]), {}, "cuts the eyes"),
        (ASTRONAUT + np.float32([0, 365]), {}, "mouth"),
    ],
)
def test_refusals(landmarks: np.ndarray, changes: dict[str, float], word: str) -> None:
    with pytest.raises(NoFaceError, match=word):
        check(reading(landmarks, **changes), SHAPE)


def test_dark_glasses_are_warned_about(astronaut: np.ndarray) -> None:
    face = reading()
    assert check_eyes(face, astronaut) == []
    covered = astronaut.copy()
    for eye in (face.landmarks_photo[36:42], face.landmarks_photo[42:48]):
        x, y = eye.mean(axis=0).astype(int)
        covered[y - 10 : y + 11, x - 14 : x + 15] = 20
    assert "dark glasses" in check_eyes(face, covered)[0]
    assert check_eyes(face, covered[:60]) == [], "nothing to compare with outside the photo"
