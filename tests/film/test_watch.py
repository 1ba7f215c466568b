"""Fades before and after a face is lost, turned or covered; people keep their numbers; cuts part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading

from mimica.film.cast import COVERED, CUT_OFF, LOST, SMALL, TURNED, Cast
from mimica.film.report import Report
from mimica.film.sight import is_gone, is_strange
from mimica.film.watch import AHEAD, FADE, Frame, Seen, seen, settled
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading

FPS = 25.0
PICTURE = np.zeros((300, 400, 3), np.uint8)


def moments(troubles: Sequence[str | None], shots: Sequence[int] | None = None) -> list[Seen]:
    """One face, number 1; `LOST` is a frame without it."""
    shots = shots or [0] * len(troubles)
    faces = [{} if trouble == LOST else {1: (reading(), trouble)} for trouble in troubles]
    rows = zip(shots, faces, strict=True)
    return [Seen(i, i / FPS, shot, PICTURE.copy(), found, (1,)) for i, (shot, found) in enumerate(rows)]


def shares(frames: Sequence[Frame]) -> list[float]:
    return [frame.parts[0].share if frame.parts else 0.0 for frame in frames]


@pytest.mark.parametrize("trouble", [LOST, COVERED, TURNED])
def test_an_edit_fades_out_before_and_in_after(trouble: str) -> None:
    frames = list(settled(moments([None] * 12 + [trouble] * 3 + [None] * 12)))
    found = shares(frames)
    assert [frame.index for frame in frames] == list(range(27)), "every frame comes, in order"
    assert found[12:15] == [0.0, 0.0, 0.0] and found[:7] == [1.0] * 7 and found[20:] == [1.0] * 7
    assert all(0 < share < 1 for share in found[8:12] + found[15:19])
    assert np.abs(np.diff(found)).max() < 1.6 / (FADE * FPS), "and it does so gradually"
    assert found[7:12] == sorted(found[7:12], reverse=True) and found[15:20] == sorted(found[15:20])
    report = Report()
    for frame in frames:
        report.add(frame)
    assert (report.frames, report.edited, report.untouched, report.counts) == (27, 16, 3, {trouble: 3})
    assert f"3 {trouble} (0.5 to 0.6 s)" in report.told("film.mp4")


def test_an_edit_does_not_fade_at_the_ends_nor_over_a_cut() -> None:
    assert shares(list(settled(moments([None] * 9)))) == [1.0] * 9
    found = shares(list(settled(moments([None] * 6 + [LOST] * 2 + [None] * 6, [0] * 8 + [1] * 6))))
    assert found[8:] == [1.0] * 6 and found[5] < 1
    assert "all 9 frames edited" in _told([None] * 9)


def _told(troubles: Sequence[str | None]) -> str:
    report = Report()
    for frame in settled(moments(troubles)):
        report.add(frame)
    return report.told("f")


def test_few_frames_are_in_memory() -> None:
    made = iter(moments([None] * 40))
    frames = settled(made)
    next(frames)
    assert next(made).index <= AHEAD * FPS + 2


def face(x: float = 0.0, scale: float = 1.0, **changes: object) -> FaceReading:
    points = ((ASTRONAUT - [224, 130]) * scale + [224 + x, 130]).astype(np.float32)
    return reading(points, **changes)


def test_people_keep_their_numbers_and_the_largest_is_meant() -> None:
    cast, picture = Cast(None), np.full((300, 700, 3), 128, np.uint8)
    cast.see([(0, face()), (1, face(200, 1.3))], picture)
    assert cast.meant == (2,)
    assert set(cast.see([(1, face(200, 1.3))], picture)) == {2}
    assert set(cast.see([(7, face(6)), (1, face(200, 1.3))], picture)) == {1, 2}, "found again where it was lost"
    assert set(cast.see([(9, face(400))], picture)) == {3}, "somebody else"
    assert Cast("all").meant == () and Cast(2).meant == (2,)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (face(yaw=50.0), TURNED),
        (face(pitch=-40.0), TURNED),
        (face(scale=0.2), SMALL),
        (face(-215), CUT_OFF),
        (face(confidence=0.3), COVERED),
        (face(), None),
    ],
)
def test_what_is_wrong_with_a_face_is_said(one: FaceReading, why: str | None) -> None:
    picture = np.random.default_rng(0).integers(100, 150, (300, 400, 3), np.uint8)
    assert Cast(None).see([(0, one)], picture)[1][1] == why


def test_a_head_that_comes_back_must_come_back_for_good() -> None:
    cast = Cast(None)
    found = [cast.see([(0, face(yaw=yaw))], PICTURE + 128)[1][1] for yaw in (37.0, 39.0, 37.0, 34.0)]
    assert found == [None, TURNED, TURNED, None]


def test_things_before_a_face_are_told() -> None:
    light = np.full((9, 3), 40.0)
    assert not is_strange(light), "a change of light is none"
    thing = light.copy()
    thing[:3] += 60
    assert is_strange(thing) and not is_strange(np.concatenate([thing[:2], light[2:]]))
    marks = np.array([[40.0, -10, -10], [-60, -60, -60], [-60, -60, -60]])
    assert not is_gone(0.6 * marks, marks) and is_gone(marks * [[0.1], [1], [1]], marks)
    assert is_gone(marks * [[1], [0.2], [0.2]], marks) and not is_gone(marks * [[1], [0.2], [1]], marks), "one brow may be hidden"
    assert not is_gone(0 * marks, 0.1 * marks[:1] * np.ones((3, 1))), "what hardly stood out tells nothing"


class OneFace(Finder):
    """Finds the same face in every frame that is not black."""

    def __init__(self) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        return [reading()] if rgb.any() else []

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        return [reading(confidence=0.99 if rgb.any() else 0.1)]


def test_a_cut_begins_a_new_shot() -> None:
    red, blue = (np.full((300, 400, 3), colour, np.uint8) for colour in ((200, 40, 40), (40, 40, 200)))
    shown = [red] * 4 + [blue] * 4 + [blue * 0] * 2
    found = list(seen(((i, i / FPS, rgb) for i, rgb in enumerate(shown)), OneFace(), None))
    assert [one.shot for one in found][:8] == [0] * 4 + [1] * 4
    assert [one.trouble(1) for one in found[:8]] == [None] * 8 and not found[9].faces
