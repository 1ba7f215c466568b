"""Scripts: a small text format, made to be typed by hand, that says what a face does and when.

    # a short story
    happy 80% over 0.4s
    hold 1s
    blink twice
    at 3s: surprised with turn left 8 over 0.3s ease_out
    repeat 2 { AU12L 0.5 over 0.2s; photo over 0.2s }
    photo over 1s

Statements follow each other on one clock; docs/script.md has the grammar. What a script means depends on what the photo
shows (it starts there, and `photo` goes back there), so a `Script` becomes a track by `Script.track(own)`. A track as it is
can be written as a script too, in the `key` form, and is read back exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.errors import DataError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES, parse_control
from mimica.foreign import tables
from mimica.motion.script.lexer import ScriptError, Token, Tokens, tokenize
from mimica.motion.script.parser import MAX_SECONDS, Blink, Move, Parser, Repeat, Statement
from mimica.motion.script.words import EASING_WORDS, Targets
from mimica.motion.track import HEAD, Easing, Track

__all__ = ["NEUTRAL", "Script", "ScriptError", "Step", "format_track", "parse", "read_script"]

DEFAULT_MOVE = 0.5
"""Seconds that a change takes where a script does not say."""
BLINK_PHASES = (0.07, 0.05, 0.16)
"""Seconds: the lids close, are closed, open (see `mimica.motion.presets`)."""
BLINK_PAUSE = 0.15
"""Seconds between the blinks of one statement."""
MAX_STEPS = 20_000
NEUTRAL: Mapping[str, float] = dict.fromkeys((*SIDED_AU_NAMES, *HEAD), 0.0)
"""A face that shows nothing and looks straight ahead: what a script is drawn for where there is no photo."""
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Step:
    """From `start` to `end` (seconds) the controls go to `targets`."""

    start: float
    end: float
    targets: Targets
    easing: Easing


@dataclass(frozen=True)
class Script:
    """What a script says.

    steps    in order, none begins before the one before it ends
    blinks   (time, controls that blink), laid over the steps
    seconds  length
    curves   what `key` lines give: the track itself, all else empty
    """

    steps: tuple[Step, ...]
    blinks: tuple[tuple[float, tuple[str, ...]], ...]
    seconds: float
    curves: Track | None = None

    @property
    def controls(self) -> tuple[str, ...]:
        """The names of all controls that move, before the photo's own are known."""
        if self.curves is not None:
            return self.curves.names
        named = [name for step in self.steps for name in step.targets.values]
        named += [name for _, lids in self.blinks for name in lids]
        return tuple(name for name in (*SIDED_AU_NAMES, *HEAD) if name in set(named))

    def track(self, own: Mapping[str, float] = NEUTRAL) -> Track:
        """The track for a face that shows `own`: 34 sided Action Units and the pose. It begins with `own`, at time 0."""
        if self.curves is not None:
            return self.curves
        names = self.controls or ("AU12L",)  # a script that only waits is a track too
        current = {name: own[name] for name in names}
        photo = dict(current)
        keyframes: list[tuple[float, dict[str, float], Easing]] = [(0.0, current, "hold")]
        for step in self.steps:
            if step.start > keyframes[-1][0]:
                keyframes.append((step.start, current, "hold"))
            current = {**(photo if step.targets.photo else current), **step.targets.values}
            keyframes.append((step.end, current, step.easing))
        if self.seconds > keyframes[-1][0]:
            keyframes.append((self.seconds, current, "hold"))
        track = Track.from_keyframes(keyframes)
        for lid in sorted({name for _, lids in self.blinks for name in lids}):
            track = track.max_with(_lid(lid, [time for time, lids in self.blinks if lid in lids]))
        return track


def _lid(name: str, times: Sequence[float]) -> Track:
    """AU45 of one eye that blinks at `times`; a blink that begins before the eye is open again is part of the one before."""
    keyframes: list[tuple[float, dict[str, float], Easing]] = [(0.0, {name: 0.0}, "hold")]
    for time in sorted(times):
        if time >= keyframes[-1][0]:
            moments = (time + np.cumsum([0.0, *BLINK_PHASES])).tolist()
            keyframes += [(m, {name: depth}, "ease") for m, depth in zip(moments, (0.0, 1.0, 1.0, 0.0), strict=True)]
    return Track.from_keyframes(keyframes)


def parse(text: str, source: str = "the script") -> Script:
    """Reads a script. `source` names it in errors. Raises `ScriptError`."""
    tokens = Tokens(tokenize(text, source), source)
    first = next((token for token in tokens.tokens if token.kind != "end"), None)
    if first is None:
        raise tokens.expected(tokens.tokens[-1], "at least one statement, such as 'happy over 1s'")
    if first.word in ("curves", "key"):
        return _parse_keys(tokens)
    clock = _Clock(tokens)
    clock.run(Parser(tokens).statements())
    return clock.script(first)


def read_script(path: str | Path) -> Script:
    """The script in a UTF-8 text file. Raises `ScriptError`, and `DataError` for a file that is no text."""
    return parse(read_text(path), f"'{path}'")


MAX_BYTES = 16 << 20
"""Of a script; an hour of keys for every frame has a tenth."""


def read_text(path: str | Path) -> str:
    """A UTF-8 file, its line ends as `\\n`. Raises `DataError`."""
    try:
        return tables.read_text(Path(path), MAX_BYTES).replace("\r\n", "\n").replace("\r", "\n")
    except ValueError as error:  # an impossible name
        raise DataError(f"'{path}' cannot be read as a text in UTF-8: {error}.") from error


class _Clock:
    """Gives statements their times, one after another."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.now = self.end = 0.0
        self.steps: list[Step] = []
        self.blinks: list[tuple[float, tuple[str, ...]]] = []
        self.count = 0

    def run(self, statements: Sequence[Statement], zero: float = 0.0) -> None:
        """`zero` is the time from which `at`, `by` and `until` count: the start of the script or of the repetition."""
        for statement in statements:
            self._check_size(statement.token)
            if isinstance(statement, Repeat):
                for _ in range(statement.count):
                    self.run(statement.body, self.now)
                    self._check_size(statement.token)
            elif isinstance(statement, Blink):
                self._blink(statement, zero)
            else:
                self._move(statement, zero)

    def _check_size(self, token: Token) -> None:
        self.count += 1
        if self.count > MAX_STEPS:
            raise self.tokens.error(token, f"with its repeats the script has more than {MAX_STEPS} steps; make it shorter.")

    def _until(self, moment: float, token: Token) -> float:
        if moment > MAX_SECONDS + _TOLERANCE:
            raise self.tokens.error(token, f"this lasts until {moment:g} s; a script may be {MAX_SECONDS:g} s long.")
        self.end = max(self.end, moment)
        return moment

    def _not_before(self, moment: float, earliest: float, name: str, token: Token, zero: float) -> float:
        if moment < earliest - _TOLERANCE:
            raise self.tokens.error(
                token,
                f"'{name} {moment - zero:g}s' is too early: what comes before lasts until {earliest - zero:g} s; "
                f"expected a time from there on.",
            )
        return max(moment, earliest)

    def _blink(self, blink: Blink, zero: float) -> None:
        """With a time of its own a blink goes on beside the rest and leaves the clock alone."""
        timed = "at" in blink.when.times
        time = zero + blink.when.times["at"] if timed else self.now
        lids = tuple(f"AU45{side}" for side in ((blink.side,) if blink.side else ("L", "R")))
        for i in range(blink.count):
            self.blinks.append((time + i * (sum(BLINK_PHASES) + BLINK_PAUSE), lids))
        end = self._until(self.blinks[-1][0] + sum(BLINK_PHASES), blink.token)
        if not timed:
            self.now = end

    def _move(self, move: Move, zero: float) -> None:
        times, tokens = move.when.times, move.when.tokens
        start = self.now
        if "at" in times:
            start = self._not_before(zero + times["at"], self.now, "at", tokens["at"], zero)
        end = start if move.targets is None else start + times.get("over", DEFAULT_MOVE)
        if "by" in times:
            if "at" in times and "over" in times:
                raise self.tokens.error(tokens["over"], "'at', 'by' and 'over' are one too many; leave one out.")
            end = self._not_before(zero + times["by"], start, "by", tokens["by"], zero)
            start = self._not_before(end - times["over"], start, "by", tokens["by"], zero) if "over" in times else start
        if move.targets is not None:
            self._until(end, move.token)
            self.steps.append(Step(start, end, move.targets, move.when.easing or "ease"))
        if "for" in times and "until" in times:
            raise self.tokens.error(tokens["until"], "'for' and 'until' exclude each other; leave one out.")
        if "until" in times:
            end = self._not_before(zero + times["until"], end, "until", tokens["until"], zero)
        self.now = self._until(end + times.get("for", 0.0), move.token)

    def script(self, first: Token) -> Script:
        if self.end <= 0:
            raise self.tokens.error(first, "the script takes no time; give it a change 'over 1s' or a 'hold 1s'.")
        return Script(tuple(self.steps), tuple(self.blinks), self.end)


# --- tracks as scripts ----------------------------------------------------------------------------------------------

_KEY = "'key', a time, an easing and values, such as 'key 0.5 linear AU12=0.8'"
_WORD_OF_EASING = {easing: word for word, easing in EASING_WORDS.items()}


def format_track(track: Track) -> str:
    """The track as a script of `key` lines: `parse(format_track(track)).track()` is the track, to the last bit. Raises
    `ValueRangeError` for times that a script cannot have."""
    if max(abs(track.start), abs(track.end)) > MAX_SECONDS:
        raise ValueRangeError(f"The track goes from {track.start:g} to {track.end:g} s; a script may go to {MAX_SECONDS:g} s.")
    lines = [f"curves {'relative' if track.relative else 'absolute'}"]
    for time, easing, row in zip(track.times.tolist(), track.easings, track.values.tolist(), strict=True):
        pairs = [f"{name}={value!r}" for name, value in zip(track.names, row, strict=True)]
        lines.append(" ".join([f"key {time!r} {_WORD_OF_EASING[easing]}", *pairs]))
    return "\n".join(lines) + "\n"


def _parse_keys(tokens: Tokens) -> Script:
    relative, rows = False, list[tuple[Token, float, Easing, dict[str, float]]]()
    while not tokens.at_end_of_text:
        token = tokens.take()
        if token.kind == "end":
            continue
        if token.word == "curves" and not rows:
            kind = tokens.take()
            if kind.word not in ("relative", "absolute"):
                raise tokens.expected(kind, "'relative' or 'absolute'", ("relative", "absolute"))
            relative = kind.word == "relative"
        elif token.word == "key":
            rows.append(_key(tokens, token, rows[-1][1] if rows else -MAX_SECONDS))
        else:
            raise tokens.expected(token, _KEY, ("key",))
        if tokens.next.kind != "end":
            raise tokens.expected(tokens.next, "the end of the line")
    if not rows:
        raise tokens.expected(tokens.next, _KEY)
    names = tuple(rows[0][3])
    for token, _, _, values in rows:
        if set(values) != set(names):
            raise tokens.error(token, f"every key names the same controls as the first: {', '.join(names)}.")
    matrix = np.array([[values[name] for name in names] for _, _, _, values in rows]).reshape(len(rows), len(names))
    times = np.array([time for _, time, _, _ in rows])
    try:
        track = Track(times, names, matrix, tuple(easing for _, _, easing, _ in rows), relative)
    except ValueRangeError as error:
        raise tokens.error(rows[0][0], f"the keys make no track: {error}") from error
    return Script((), (), track.seconds, track)


def _key(tokens: Tokens, token: Token, earliest: float) -> tuple[Token, float, Easing, dict[str, float]]:
    """The rest of a `key` line."""
    parser = Parser(tokens)
    at = parser.number("the time in seconds, such as 0.5")
    time = float(at.text)
    if not earliest <= time <= MAX_SECONDS:
        raise tokens.error(at, f"the time is {time:g} s; it must not fall, and lie within {MAX_SECONDS:g} s of 0.")
    easing = tokens.take()
    if easing.word not in EASING_WORDS:
        raise tokens.expected(easing, f"one of {', '.join(EASING_WORDS)}", EASING_WORDS)
    values: dict[str, float] = {}
    while tokens.next.kind == "word":
        name = tokens.take()
        control = _control(tokens, name)
        if control in values:
            raise tokens.error(name, f"{control} is said twice.")
        if not tokens.take_if("="):
            raise tokens.expected(tokens.next, f"'=' and the value of {control}")
        number = parser.number(f"the value of {control}, such as 0.5")
        values[control] = float(number.text)
        if not math.isfinite(values[control]):
            raise tokens.error(number, f"the value of {control} is too large.")
    return token, time, EASING_WORDS[easing.word], values


def _control(tokens: Tokens, token: Token) -> str:
    if token.word in HEAD:
        return token.word
    try:
        return parse_control(token.text)
    except ValueRangeError as error:
        raise tokens.expected(
            token, "an Action Unit such as AU12L, or yaw, pitch, roll, gaze_x or gaze_y", (*SIDED_AU_NAMES, *HEAD)
        ) from error
