"""Scripts: what each rule of the grammar means, errors that point at the fault, no input that does anything else."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.errors import DataError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES, emotion_controls
from mimica.motion.script.script import NEUTRAL, Script, ScriptError, format_track, parse, read_script
from mimica.motion.script.words import ACTIONS, CLAUSES, EASING_WORDS
from mimica.motion.track import EASINGS, POSE, Track

OWN = {**NEUTRAL, "AU12L": 0.25, "AU12R": 0.2, "yaw": 4.0}


def at(text: str, moment: float, own: dict[str, float] = OWN) -> dict[str, float]:
    return parse(text).track(own).sample(moment)


def test_it_begins_with_the_photo_and_reaches_the_expression() -> None:
    track = parse("happy 80% over 0.4s").track(OWN)
    assert track.start == 0 and track.end == 0.4
    assert track.sample(0) == {name: OWN[name] for name in track.names}
    assert track.sample(0.4) == pytest.approx(emotion_controls("happiness", 0.8))
    assert track.names == SIDED_AU_NAMES, "an emotion sets all Action Units, and no pose"


def test_statements_follow_each_other() -> None:
    script = parse("AU12 1 over 1s\nhold 2s; AU12 0 over 1s")
    assert script.seconds == 4
    assert [script.track().sample(t)["AU12L"] for t in (1, 2, 3, 4)] == [1, 1, 1, 0]


def test_the_photo_is_gone_back_to() -> None:
    assert at("AU12 1 over 1s; photo over 1s", 2.0) == {"AU12L": 0.25, "AU12R": 0.2}
    assert at("yaw 20; yaw 9 with photo", 1.0) == {"yaw": 4.0}, "the later of two targets wins"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("AU12L 0.5", {"AU12L": 0.5}),
        ("au12l=50%", {"AU12L": 0.5}),
        ("AU12", {"AU12L": 1.0, "AU12R": 1.0}),
        ("smile left 0.5", {"AU06L": 0.4, "AU12L": 0.5, "AU25L": 0.375}),
        ("contempt right", {"AU14R": 1.0}),
        ("frown 0.3 right", {"AU04R": 0.3}),
        ("shut", {"AU45L": 1.0, "AU45R": 1.0}),
        ("yaw -15", {"yaw": -15.0}),
        ("turn left 12", {"yaw": 12.0}),
        ("turn up", {"pitch": -10.0}),
        ("tilt right 5 degrees", {"roll": -5.0}),
        ("straight", {"yaw": 0.0, "pitch": 0.0, "roll": 0.0}),
        ("AU01 0.2 with yaw 3, AU02L .1 and AU04R 1", {"AU01L": 0.2, "AU01R": 0.2, "yaw": 3.0, "AU02L": 0.1, "AU04R": 1.0}),
    ],
)
def test_targets(text: str, values: dict[str, float]) -> None:
    script = parse(f"{text} over 0.2s")
    assert script.track().sample(0.2) == pytest.approx(values)
    assert script.seconds == 0.2


@pytest.mark.parametrize("text", ["2.5", "2.5s", "2500ms", "2.5 seconds", "0:02.5", "0.041666666666666664min"])
def test_times(text: str) -> None:
    assert parse(f"hold {text}").seconds == 2.5
    assert parse(f"happy over {text}").seconds == 2.5


@pytest.mark.parametrize(
    "text", ["at 2 AU12 1 over 0.5s", "AU12 1 over 0.5s at 2s", "2: AU12 1 over 0.5s", "AU12 by 2.5 over .5"]
)
def test_clauses_in_any_place(text: str) -> None:
    track = parse(text).track()
    assert track.sample(2)["AU12L"] == 0 and track.sample(2.5)["AU12L"] == 1 and track.end == 2.5


def test_for_and_until_hold() -> None:
    assert parse("AU12 over 1s for 2s").seconds == 3
    assert parse("AU12 over 1s until 5s").seconds == 5
    assert parse("hold until 4s").seconds == 4
    assert parse("at 3 hold 2").seconds == 5


@pytest.mark.parametrize(
    ("word", "quarter"), [("linear", 0.25), ("ease", 0.15625), ("ease in", 0.0625), ("ease-out", 0.4375), ("jump", 0)]
)
def test_easing(word: str, quarter: float) -> None:
    assert at(f"AU01 1 {word} over 1s", 0.25)["AU01L"] == quarter
    assert at("AU01 1 over 1s", 0.25)["AU01L"] == 0.15625, "smooth where nothing is said"


def test_blinks_close_the_eyes_and_open_them_again() -> None:
    script = parse("AU12 1 over 1s; blink twice")
    track = script.track()
    lids = np.array([track.sample(t)["AU45R"] for t in np.arange(0, script.seconds, 0.01)])
    closings = np.flatnonzero((lids[1:] >= 0.99) & (lids[:-1] < 0.99))
    assert len(closings) == 2 and closings[0] > 100, "one after the other, after what was before"
    assert track.sample(script.seconds)["AU45R"] == 0


def test_a_blink_with_a_time_goes_on_beside_the_rest() -> None:
    script = parse("AU12 1 over 2s; blink at 1; wink at 0.2")
    assert script.seconds == 2
    track = script.track()
    assert track.sample(1.1)["AU45R"] == 1 and track.sample(1.1)["AU12L"] == pytest.approx(0.57475)
    assert track.sample(0.3)["AU45L"] == 1 and track.sample(0.3)["AU45R"] == 0, "a wink closes the subject's left eye"


def test_repeats_count_their_own_time() -> None:
    text = "hold 1s\nrepeat 3 {\n  AU12 1 over 0.2s\n  at 0.5: AU12 0 over 0.5s\n}"
    script = parse(text)
    assert script.seconds == pytest.approx(4)
    assert [round(script.track().sample(t)["AU12L"], 9) for t in (1.2, 2.0, 2.2, 3.2, 4.0)] == [1, 0, 1, 1, 0]


def test_comments_blank_lines_and_signs_of_windows() -> None:
    assert parse("\ufeff# a story\r\n\r\nhold 1s # wait\r\n;;").seconds == 1


def test_a_jump_in_no_time() -> None:
    track = parse("hold 1s; AU12 1 over 0s; hold 1s").track()
    assert track.sample(0.999)["AU12L"] == 0 and track.sample(1)["AU12L"] == 1


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("hapy 1", 1, 1, "did you mean 'happy'?"),
        ("hold 1s\n  happy ovr 1s", 2, 9, "did you mean 'over'?"),
        ("happy 80", 1, 7, "did you mean 80%?"),
        ("AU99 0.5", 1, 1, "expected one of AU01"),
        ("turn lft", 1, 6, "did you mean 'left'?"),
        ("turn", 1, 5, "the end of the script"),
        ("hold 2s\nat 1s happy", 2, 1, "what comes before lasts until 2 s"),
        ("repeat 2 {\nhappy", 2, 6, "expected '}'"),
        ("}", 1, 1, "expected an expression"),
        ("repeat 0 { happy }", 1, 8, "from 1 to 1000"),
        ("hold", 1, 5, "expected how long to hold"),
        ("happy over", 1, 11, "expected a time"),
        ("happy over 700s", 1, 12, "legal is 0 to 600 s"),
        ("repeat 9 {\n hold 2min\n}", 2, 2, "600 s long"),
        ("repeat 1000 { repeat 1000 { } }", 1, 15, "20000 steps"),
        ("happy @ 3", 1, 7, "'@'"),
        ("happy over 1s over 2s", 1, 15, "said twice"),
        ("happy linear ease", 1, 14, "said twice"),
        ("blink over 2s", 1, 7, "has no 'over'"),
        ("at 1 happy by 3 over 1", 1, 17, "leave one out"),
        ("happy for 1s until 3s", 1, 14, "leave one out"),
        ("yaw 300", 1, 5, "-90 to 90"),
        ("happy over 0s", 1, 1, "takes no time"),
        ("# nothing\n", 2, 1, "at least one statement"),
        ("happy\nkey 0 linear AU12=1", 2, 1, "expected an expression"),
        ("key 0 linear AU12=0\nkey 1 linear AU13=1", 2, 14, "expected an Action Unit such as"),
        ("key 0 linear AU12=0\nkey 1 smooth AU12=1", 2, 7, "expected one of linear"),
        ("key 1 linear AU12=0\nkey 0 linear AU12=1", 2, 5, "must not fall"),
        ("key 0 linear AU12=0\nkey 1 linear AU15=1", 2, 1, "the same controls"),
        ("key 0 linear AU12=0\nhappy", 2, 1, "expected 'key'"),
        ("curves relativ", 1, 8, "did you mean 'relative'?"),
    ],
)
def test_errors_point_at_the_fault(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(ScriptError, match=f"line {line}, column {column}: ") as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert said in str(caught.value)


def test_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "story.txt"
    path.write_text("happy ovr 1s", encoding="utf-8")
    with pytest.raises(ScriptError, match=r"story.txt', line 1, column 7"):
        read_script(path)
    path.write_bytes(b"\xff\xfe\x00")
    for wrong in (path, tmp_path / "none.txt", tmp_path):
        with pytest.raises(DataError, match=r"cannot be read|no text in UTF-8"):
            read_script(wrong)


# --- fuzzing --------------------------------------------------------------------------------------------------------

_PIECES = [
    *ACTIONS, *CLAUSES, *EASING_WORDS, "left", "right", "up", "twice", "times", "and", "with", "key", "curves", "relative",
    "{", "}", ";", "\n", "%", ":", ",", "=", "#", "0", "1", "0.5", "-3", "2s", "80%", "1:02.5", "1e400", "9" * 5000, "ms", "AU99",
    "AU1", "repeat 2 {", "repeat 1000 {", "hold 1s", "over 0.1s", "at 1", "happy 0.5", "key 0 linear AU12=0.5",
]  # fmt: skip


def _parses_or_points(text: str) -> None:
    try:
        script = parse(text)
    except ScriptError as error:
        lines = text.split("\n")
        assert 1 <= error.line <= len(lines) and 1 <= error.column <= len(lines[error.line - 1]) + 1
        return
    assert isinstance(script, Script) and 0 <= script.seconds <= 1200
    assert np.isfinite(script.track().values).all()


@given(st.text(max_size=200))
def test_any_text_parses_or_gives_an_error_with_a_place(text: str) -> None:
    _parses_or_points(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=25).map(" ".join))
def test_any_words_parse_or_give_an_error_with_a_place(text: str) -> None:
    _parses_or_points(text)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 20_000,
        "repeat 2 {" * 10_000,
        "a" * 200_000,
        "9" * 200_000,
        "happy and " * 10_000,
        "\n" * 30_000,
        "-" * 30_000,
        "a-" * 30_000,
    ],
    ids=["braces", "repeats", "word", "number", "targets", "lines", "signs", "dashes"],
)
def test_long_texts_take_no_long_time(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ScriptError):
        parse(text)
    assert time.process_time() - start < 10


NAMES = st.lists(st.sampled_from((*SIDED_AU_NAMES, "AU12", *POSE)), unique=True, max_size=5)


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    names, relative = tuple(draw(NAMES)), draw(st.booleans())
    times = sorted(draw(st.lists(st.floats(-600, 600), min_size=1, max_size=6)))
    low = -1.0 if relative else 0.0
    columns = [st.floats(-180, 180) if name in POSE else st.floats(low, 1) for name in names]
    values = [draw(st.tuples(*columns)) for _ in times]
    easings = tuple(draw(st.sampled_from(EASINGS)) for _ in times)
    return Track(np.array(times), names, np.array(values).reshape(len(times), len(names)), easings, relative)


@given(tracks())
def test_a_printed_track_parses_to_the_track(track: Track) -> None:
    again = parse(format_track(track)).track(OWN)
    assert again.names == track.names and again.easings == track.easings and again.relative == track.relative
    assert np.array_equal(again.times, track.times) and np.array_equal(again.values, track.values)


def test_a_track_too_long_for_a_script() -> None:
    with pytest.raises(ValueRangeError, match="600 s"):
        format_track(Track.from_keyframes([(0, {"AU12": 0.0}, "linear"), (601, {"AU12": 1.0}, "linear")]))


def test_eyes_look() -> None:
    sample = parse("look left 15 with look up over 1s").track(NEUTRAL).sample(1.0)
    assert (sample["gaze_x"], sample["gaze_y"]) == (15, -10)
    assert parse("gaze_y 4 over 1s").track(NEUTRAL).sample(1.0)["gaze_y"] == 4
    own = {**NEUTRAL, "yaw": 9.0, "pitch": 3.0, "roll": 5.0, "gaze_x": -7.0}
    camera = parse("look camera over 1s").track(own).sample(1.0)
    assert all(camera[name] == 0 for name in ("yaw", "pitch", "gaze_x", "gaze_y")) and "roll" not in camera
    with pytest.raises(ScriptError, match="camera"):
        parse("look away")
