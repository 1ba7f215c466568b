"""Scripts, second stage: tokens -> statements. The grammar is in docs/script.md; one method reads one of its rules.

The parser looks one token ahead and never goes back, so its time grows with the length of the text; repeats may nest
`MAX_DEPTH` deep, so neither does the stack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mimica.errors import ValueRangeError
from mimica.facs import AU_NAMES, SIDED_AU_NAMES
from mimica.motion.script.lexer import Token, Tokens
from mimica.motion.script.words import (
    ACTIONS,
    BLINKS,
    CAMERA,
    CLAUSES,
    DEFAULT_TURN,
    EASING_WORDS,
    EMOTION_WORDS,
    GESTURES,
    MAX_ANGLE,
    SIDES,
    TURNS,
    WAITS,
    Side,
    Targets,
    control_targets,
    emotion_targets,
    is_target,
    is_unit,
    unit_targets,
)
from mimica.motion.track import GAZE, POSE, Easing

MAX_SECONDS = 600.0
"""The longest time and the longest script."""
MAX_REPEATS = 1000
MAX_DEPTH = 8
MAX_BLINKS = 20
_MAX_EMOTION = 1.5
_UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 0.001, "min": 60.0}
_AND = (",", "+", "&", "and", "with")


@dataclass(frozen=True)
class Clauses:
    """When: seconds of each clause given, with the token to blame; the easing."""

    times: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    easing: Easing | None = None


@dataclass(frozen=True)
class Move:
    """Controls go to `targets`; None is a wait."""

    token: Token
    targets: Targets | None
    when: Clauses


@dataclass(frozen=True)
class Blink:
    """`count` blinks of both eyes or of one."""

    token: Token
    count: int
    side: Side | None
    when: Clauses


@dataclass(frozen=True)
class Repeat:
    """`body`, `count` times."""

    token: Token
    count: int
    body: tuple[Statement, ...]


Statement = Move | Blink | Repeat


class Parser:
    """Reads statements off `tokens`."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def statements(self, depth: int = 0) -> tuple[Statement, ...]:
        """Up to the end of the text, or within a repeat up to its brace."""
        found: list[Statement] = []
        while True:
            token = self.tokens.next
            if token.kind == "end" and not self.tokens.at_end_of_text:
                self.tokens.take()
            elif depth and self.tokens.take_if("}"):
                return tuple(found)
            elif self.tokens.at_end_of_text:
                if depth:
                    raise self.tokens.expected(token, "'}', the end of the repeat")
                return tuple(found)
            else:
                found.append(self.statement(depth))

    def statement(self, depth: int = 0) -> Statement:
        """One statement with the `end` behind it (a brace may close the line too)."""
        token, clauses = self.tokens.next, Clauses()
        if token.kind in ("number", "clock"):
            self._set(clauses, "at", token, self.time())
        clauses = self._clauses(clauses)  # they may come before: "at 2.5 happy", "over 1s: yaw 20"
        self.tokens.take_if(":")
        if token.word == "repeat":
            found: Statement = self._repeat(depth)
        elif self.tokens.next.word in BLINKS:
            found = self._blink(clauses)
        elif self.tokens.next.word in WAITS:
            found = self._wait(clauses)
        else:
            found = self._move(clauses)
        after = self.tokens.next
        if after.kind == "end":
            self.tokens.take()
        elif after.text != "}" or not depth:
            raise self.tokens.expected(after, self._after(found), [*CLAUSES, *EASING_WORDS, "and", "with", *SIDES])
        return found

    @staticmethod
    def _after(statement: Statement) -> str:
        if isinstance(statement, Move) and statement.targets:
            return "'over 0.5s', 'for 2s', 'at 3s', 'by 3s', 'until 5s', an easing, ',' or the end of the line"
        return "the end of the line"

    # --- statements -------------------------------------------------------------------------------------------------

    def _repeat(self, depth: int) -> Repeat:
        token = self.tokens.take()
        if depth == MAX_DEPTH:
            raise self.tokens.error(token, f"repeats may be {MAX_DEPTH} deep in each other, no more.")
        count = self._count("how many times to repeat", MAX_REPEATS)
        self.tokens.take_if("times", "time")
        self.tokens.take_if(":")
        if not self.tokens.take_if("{"):
            raise self.tokens.expected(self.tokens.next, "'{' and what to repeat, then '}'")
        return Repeat(token, count, self.statements(depth + 1))

    def _blink(self, clauses: Clauses) -> Blink:
        token = self.tokens.take()
        side = self._side()
        if self.tokens.take_if("once"):
            count = 1
        elif self.tokens.take_if("twice"):
            count = 2
        else:
            count = self._count("how many blinks", MAX_BLINKS) if self.tokens.next.kind == "number" else 1
            self.tokens.take_if("times", "time")
        side = side or self._side() or ("L" if token.word == "wink" else None)
        return Blink(token, count, side, self._only(self._clauses(clauses), ("at",), token))

    def _wait(self, clauses: Clauses) -> Move:
        token = self.tokens.take()
        if self.tokens.next.kind in ("number", "clock"):
            self._set(clauses, "for", self.tokens.next, self.time())
        clauses = self._only(self._clauses(clauses), ("for", "until", "at"), token)
        if not {"for", "until"} & set(clauses.times):
            raise self.tokens.expected(self.tokens.next, f"how long to {token.word}, such as '2s' or 'until 5s'")
        return Move(token, None, clauses)

    def _move(self, clauses: Clauses) -> Move:
        token = self.tokens.next
        return Move(token, self.targets(), self._clauses(clauses))

    # --- targets ----------------------------------------------------------------------------------------------------

    def targets(self) -> Targets:
        """One or several, joined by a comma, '+', 'and' or 'with'."""
        targets = self._target()
        while self.tokens.take_if(*_AND):
            targets = targets.then(self._target())
        return targets

    def _target(self) -> Targets:
        token = self.tokens.take()
        if token.kind != "word" or not is_target(token.word):
            raise self.tokens.expected(token, "an expression, an Action Unit, a pose word, 'hold', 'blink' or 'repeat'", ACTIONS)
        if token.word == "photo":
            return Targets({}, photo=True)
        if token.word == "straight":
            return Targets(dict.fromkeys(POSE, 0.0))
        if token.word in (*POSE, *GAZE):
            self.tokens.take_if("=", ":")
            return Targets({token.word: self._angle(-MAX_ANGLE)})
        if token.word in ("turn", "tilt", "look"):
            return self._turn(token)
        if is_unit(token.word):
            try:
                return control_targets(token.text, self._amount(1.0))
            except ValueRangeError as error:
                raise self.tokens.expected(
                    token, f"one of {', '.join(AU_NAMES)}, with L or R for one side", _UNITS_KNOWN
                ) from error
        side = self._side()
        amount = self._amount(_MAX_EMOTION if token.word in EMOTION_WORDS else 1.0)
        side = side or self._side()
        if token.word in GESTURES:
            return unit_targets(GESTURES[token.word], amount, side)
        return emotion_targets(token.word, amount, side)

    def _turn(self, token: Token) -> Targets:
        directions = [direction for word, direction in TURNS if word == token.word]
        if token.word == "look":
            if self.tokens.take_if(CAMERA):
                return Targets(dict.fromkeys(("yaw", "pitch", *GAZE), 0.0))
            directions.append(CAMERA)
        direction = self.tokens.take()
        if direction.word not in directions:
            raise self.tokens.expected(direction, f"one of {', '.join(directions)}", directions)
        name, sign = TURNS[token.word, direction.word]
        return Targets({name: sign * (self._angle(0.0) if self.tokens.next.kind == "number" else DEFAULT_TURN)})

    def _side(self) -> Side | None:
        token = self.tokens.take_if(*SIDES)
        return SIDES[token.word] if token else None

    # --- times and numbers ------------------------------------------------------------------------------------------

    def _clauses(self, clauses: Clauses) -> Clauses:
        """The clauses from here on, added to those before."""
        easing = clauses.easing
        while True:
            token = self.tokens.next
            if token.kind == "word" and token.word in CLAUSES:
                self.tokens.take()
                self._set(clauses, token.word, token, self.time())
            elif token.kind == "word" and token.word in EASING_WORDS:
                if easing is not None:
                    raise self.tokens.error(token, "the easing is said twice.")
                easing = self._easing()
            else:
                return Clauses(clauses.times, clauses.tokens, easing)

    def _only(self, clauses: Clauses, legal: tuple[str, ...], token: Token) -> Clauses:
        """`clauses`, if a statement that begins with `token` can have them."""
        for name in clauses.times:
            if name not in legal:
                raise self.tokens.error(clauses.tokens[name], f"'{token.text}' has no '{name}'; expected {' or '.join(legal)}.")
        if clauses.easing:
            raise self.tokens.error(token, f"'{token.text}' has no easing; leave it out.")
        return clauses

    def _easing(self) -> Easing:
        word = self.tokens.take().word
        if word == "ease" and (way := self.tokens.take_if("in", "out")):
            word = f"ease_{way.word}"
        return EASING_WORDS[word]

    def _set(self, clauses: Clauses, name: str, token: Token, seconds: float) -> None:
        if name in clauses.times:
            raise self.tokens.error(token, f"'{name}' is said twice.")
        clauses.times[name], clauses.tokens[name] = seconds, token

    def time(self) -> float:
        """A time or a duration in seconds: 2, 2.5s, 400ms, 1.5 min, 1:02.5."""
        token = self.tokens.take()
        if token.kind == "clock":
            minutes, seconds = token.text.split(":")
            value = 60.0 * float(minutes) + float(seconds)
        elif token.kind == "number":
            unit = self.tokens.take_if(*_UNITS)
            value = float(token.text) * (_UNITS[unit.word] if unit else 1.0)
        else:
            raise self.tokens.expected(token, "a time, such as 2, 0.4s, 400ms or 1:02.5")
        if not 0.0 <= value <= MAX_SECONDS:
            raise self.tokens.error(token, f"the time is {value:g} s; legal is 0 to {MAX_SECONDS:g} s.")
        return value

    def _amount(self, high: float) -> float:
        """How much, 1 where it is not said: 0.8, 80%."""
        self.tokens.take_if("=", ":")
        if self.tokens.next.kind != "number":
            return 1.0
        token = self.tokens.take()
        percent = self.tokens.take_if("%") is not None
        value = float(token.text) / (100.0 if percent else 1.0)
        if not 0.0 <= value <= high:
            hint = f"; did you mean {token.text}%?" if not percent and high < value <= 100.0 * high else "."
            raise self.tokens.error(token, f"the strength is {value:g}; legal is 0 to {high:g}, or 0% to {100 * high:g}%{hint}")
        return value

    def _angle(self, low: float) -> float:
        token = self.number("degrees, such as 15")
        value = float(token.text)
        self.tokens.take_if("deg", "degrees", "degree")
        if not low <= value <= MAX_ANGLE:
            raise self.tokens.error(token, f"the angle is {value:g} degrees; legal is {low:g} to {MAX_ANGLE:g}.")
        return value

    def _count(self, what: str, high: int) -> int:
        token = self.number(f"{what}, a number")
        value = float(token.text)
        if not (1 <= value <= high and math.floor(value) == value):
            raise self.tokens.error(token, f"the count is {value:g}; it must be a whole number from 1 to {high}.")
        return int(value)

    def number(self, wanted: str) -> Token:
        """The next token, which must be a number."""
        token = self.tokens.take()
        if token.kind != "number":
            raise self.tokens.expected(token, wanted)
        return token


_UNITS_KNOWN = (*AU_NAMES, *SIDED_AU_NAMES)
