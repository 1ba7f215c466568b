"""Pickles as inert records: a reader that cannot run anything, because there is nothing in it that calls.

A pickle is a small program for a stack machine that may call any function of any module. This is another machine for the same
programs: where the usual one imports a name, this one pushes a `Name`; where it calls, this one pushes a `Call` that says what
would have been called with what. Only plain containers and numbers are made. Names must be on the caller's list; the first
that is not ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Container
from dataclasses import dataclass
from io import BytesIO
from typing import Any


class RefusedError(Exception):
    """What is wrong with a pickle, as the end of a sentence that begins with its file."""


@dataclass(frozen=True)
class Name:
    """A module's attribute, not imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Call:
    """A call or an object that is not made: what, with which arguments, and the state it would get."""

    name: Name
    args: tuple[Any, ...]
    state: Any = None


_DICTS = frozenset({Name("collections", "OrderedDict"), Name("dnnlib.util", "EasyDict"), Name("dnnlib", "EasyDict")})
_LISTS = frozenset({Name(m, n) for m in ("builtins", "__builtin__") for n in ("set", "frozenset")})
CONTAINERS = _DICTS | _LISTS
"""Names whose calls give plain containers: dictionaries, and lists for sets."""

_MARK = object()
_CONSTANTS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8",
})  # fmt: skip
_FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS, _GETS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"}), frozenset({"GET", "BINGET", "LONG_BINGET"})


class Machine:
    """Reads one pickle after another from a stream. `allowed`: names that may occur besides `CONTAINERS`; `persistent`
    turns a persistent id into a value (None: there may be none)."""

    def __init__(self, allowed: Container[Name], persistent: Callable[[Any], Any] | None = None) -> None:
        self.allowed, self.persistent = allowed, persistent

    def read(self, stream: BytesIO) -> Any:
        """The next pickle's value. Raises `RefusedError` for damage and for names that are not allowed."""
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == "STOP":
                    return self.stack.pop()
                self._do(opcode.name, argument)
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, AttributeError) as error:
            raise RefusedError(f"is damaged ({error or type(error).__name__})") from error
        raise RefusedError("is cut short")

    def _do(self, op: str, argument: Any) -> None:
        stack = self.stack
        if op in _CONSTANTS:
            stack.append(argument)
        elif op in _FIXED:
            stack.append(_FIXED[op])
        elif op in _EMPTY:
            stack.append(_EMPTY[op]())
        elif op in _PUTS:
            self.memo[int(argument)] = stack[-1]
        elif op == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif op in _GETS:
            stack.append(self.memo[int(argument)])
        elif op in _TUPLES:
            stack.append(self._last(_TUPLES[op]))
        elif op == "MARK":
            stack.append(_MARK)
        elif op not in ("PROTO", "FRAME"):
            action = getattr(self, f"_{op.lower()}", None)
            if action is None:
                raise RefusedError(f"uses the pickle instruction {op}, which no network needs")
            action(argument)

    def _last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    def _to_mark(self) -> list[Any]:
        place = max(i for i, value in enumerate(self.stack) if value is _MARK)
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    # --- containers -------------------------------------------------------------------------------------------------

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._to_mark()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._to_mark()))

    def _list(self, _: Any) -> None:
        self.stack.append(self._to_mark())

    _frozenset = _list

    def _dict(self, _: Any) -> None:
        values = self._to_mark()
        self.stack.append(dict(zip(values[::2], values[1::2], strict=True)))

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self, _: Any) -> None:
        self._extend(self._to_mark())

    _additems = _appends

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise RefusedError("adds to something that is no list")
        self.stack[-1].extend(values)

    def _setitem(self, _: Any) -> None:
        self._update(list(self._last(2)))

    def _setitems(self, _: Any) -> None:
        self._update(self._to_mark())

    def _update(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise RefusedError("sets an item of something that is no dictionary")
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))

    # --- names and calls --------------------------------------------------------------------------------------------

    def _name(self, module: Any, name: Any) -> Name:
        found = Name(str(module), str(name))
        if found not in CONTAINERS and found not in self.allowed:
            raise RefusedError(f"wants to use {found}, which no network needs: nothing in it was run")
        return found

    def _global(self, argument: str) -> None:
        self.stack.append(self._name(*argument.split(" ", 1)))

    def _stack_global(self, _: Any) -> None:
        self.stack.append(self._name(*self._last(2)))

    def _call(self, name: Any, args: Any) -> None:
        if not isinstance(name, Name) or not isinstance(args, tuple | list):
            raise RefusedError("calls something that is no plain name")
        if name in _DICTS:
            self.stack.append(dict(*args))
        elif name in _LISTS:
            self.stack.append([value for part in args for value in part])
        else:
            self.stack.append(Call(name, tuple(args)))

    def _reduce(self, _: Any) -> None:
        self._call(*self._last(2))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        name, args, named = self._last(3)
        self._call(name, (*args, named) if named else args)

    def _inst(self, argument: str) -> None:
        args = self._to_mark()
        self._call(self._name(*argument.split(" ", 1)), args)

    def _obj(self, _: Any) -> None:
        name, *args = self._to_mark()
        self._call(name, args)

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].state = state
        elif not isinstance(self.stack[-1], dict):  # attributes of a dictionary are of no interest
            raise RefusedError("changes something that is no object")

    def _binpersid(self, _: Any) -> None:
        if self.persistent is None:
            raise RefusedError("refers to things outside itself")
        self.stack.append(self.persistent(self.stack.pop()))
