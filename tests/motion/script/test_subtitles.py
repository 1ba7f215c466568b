"""Subtitles: cues become steps, gaps go back to the photo, errors name the line of the file."""

import pytest

from mimica.motion.script.script import NEUTRAL, ScriptError
from mimica.motion.script.subtitles import parse_subtitles

TEXT = """1
00:00:01,000 --> 00:00:02,500
AU12 80% linear over 0.2s

2
00:00:02.500 --> 00:00:03,500
AU12 0.2, yaw 5

3
00:00:05,0 --> 00:00:05,4
blink
"""
OWN = {**NEUTRAL, "AU12L": 0.4, "AU12R": 0.4}


def test_cues() -> None:
    script = parse_subtitles(TEXT)
    track = script.track(OWN)
    assert track.end == pytest.approx(5.4)
    smile = [track.sample(t)["AU12L"] for t in (0, 1.0, 1.1, 1.2, 2.5, 3.0, 3.5, 4.0, 5.4)]
    assert smile == pytest.approx([0.4, 0.4, 0.6, 0.8, 0.8, 0.2, 0.2, 0.4, 0.4])
    assert track.sample(3.2)["yaw"] == 5 and track.sample(5.1)["AU45L"] == 1


def test_without_numbers_and_with_windows_line_ends() -> None:
    assert parse_subtitles("\ufeff00:00:00,0 --> 00:00:02,000\r\nhappy\r\n").seconds == 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no cue"),
        ("1\n00:00:01 -> 00:00:02\nhappy", 2, "expected the times"),
        ("1\n00:00:02,0 --> 00:00:01,0\nhappy", 2, "must end after it begins"),
        ("1\n01:00:02,0 --> 01:00:03,0\nhappy", 2, "by 600 s"),
        ("00:00:01,0 --> 00:00:02,0\nhapy", 2, "did you mean 'happy'"),
        ("00:00:01,0 --> 00:00:02,0\nhold 1s", 2, "no place in a cue"),
        ("00:00:01,0 --> 00:00:02,0\nhappy\nsad", 2, "2 statements"),
        ("00:00:01,0 --> 00:00:02,0\n", 2, "0 statements"),
        ("00:00:01,0 --> 00:00:02,0\nhappy at 3", 2, "no 'at' here"),
        ("00:00:01,0 --> 00:00:02,0\nhappy\n\n00:00:01,5 --> 00:00:02,0\nsad", 4, "the one before it ends at 2 s"),
        ("1", 1, "expected the times"),
    ],
)
def test_errors(text: str, line: int, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_subtitles(text)
    assert caught.value.line == line and said in str(caught.value)
