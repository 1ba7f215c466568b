"""Pickles as inert records: a reader that cannot run anything, because there is nothing in it that calls.

A pickle is a small program for a stack machine that may call any function of any module. This is another machine for the same
programs: where the usual one imports a name, this one pushes a `Name`; where it calls, this one pushes a `Call` that says what
would have been called with what. Only plain containers and numbers are made. Names must be on the caller's list; the first
that is not ends the reading.

A program of a few bytes can also ask for endless work, so everything is counted (see `Budget`), dictionaries have text and
numbers as keys only (to look up anything else means to hash all that is in it), and the value that is given back is a tree of
bounded depth and size: whoever walks it comes to an end.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from mimica.errors import shown
from mimica.foreign.budget import Budget, RefusedError


@dataclass(frozen=True, slots=True)
class Name:
    """A module's attribute, not imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return shown(f"{self.module}.{self.name}")


@dataclass(eq=False, repr=False, slots=True)
class Call:
    """A call or an object that is not made: what, with which arguments, and the state it would get. `made` is for readers:
    what they made of it, so that a record which is referred to a thousand times is turned into an array once."""

    name: Name
    args: tuple[Any, ...]
    state: Any = None
    made: Any = None


Maker = Callable[[tuple[Any, ...]], Any]
"""Arguments of a call -> a plain value; one of our own functions, which stands for a name."""

_DICTS = frozenset({Name("collections", "OrderedDict"), Name("dnnlib.util", "EasyDict"), Name("dnnlib", "EasyDict")})
_LISTS = frozenset({Name(m, n) for m in ("builtins", "__builtin__") for n in ("set", "frozenset")})
CONTAINERS = _DICTS | _LISTS
"""Names whose calls give plain containers: dictionaries, and lists for sets."""

_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_MARK = object()
_KEYS = (str, bytes, int, float, type(None))
_CONSTANTS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8",
})  # fmt: skip
_FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS, _GETS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"}), frozenset({"GET", "BINGET", "LONG_BINGET"})
_FREE = ("MARK", "GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "PROTO", "FRAME", "POP", "DUP")
_COST = {"EMPTY_LIST": 2, "EMPTY_DICT": 4, "DICT": 4, "EMPTY_SET": 2, "REDUCE": 2, "NEWOBJ": 2, "OBJ": 2, "INST": 2}
_COST |= dict.fromkeys(_FREE, 0)
"""Instructions that take more or less memory than a unit."""

MAX_DEPTH = 200
"""Containers in containers; NVIDIA's networks, the deepest, have 30."""
MAX_DIGITS = 150
"""Of a whole number; PyTorch's magic number has 24."""


class Machine:
    """Reads one pickle after another from a stream. `allowed`: names that may occur besides `CONTAINERS`; `persistent`
    turns a persistent id into a value (None: there may be none); `makers`: what calls of some names give in place of a
    `Call`."""

    def __init__(
        self,
        allowed: Container[Name],
        persistent: Callable[[Any], Any] | None = None,
        makers: Mapping[Name, Maker] | None = None,
    ) -> None:
        self.allowed, self.persistent, self.makers = allowed, persistent, makers or {}

    def read(self, stream: BytesIO) -> Any:
        """The next pickle's value. Raises `RefusedError` for damage, for names that are not allowed, and for what goes beyond
        the `Budget`."""
        self.stack: list[Any] = []
        self.memo: list[Any] = []
        self.sparse: dict[int, Any] = {}
        self.budget = Budget(len(stream.getbuffer()) - stream.tell())
        try:
            value = self._run(stream)
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, AttributeError) as error:
            raise RefusedError(f"is damaged ({shown(str(error) or type(error).__name__)})") from error
        finally:
            self.stack, self.memo, self.sparse = [], [], {}
        check_tree(value, self.budget)
        return value

    def _run(self, stream: BytesIO) -> Any:
        budget = self.budget
        while code := stream.read(1):
            opcode = _OPCODES.get(code.decode("latin-1"))
            if opcode is None:
                raise RefusedError("is no pickle, or is damaged")
            name = opcode.name
            budget.take(_COST.get(name, 1))
            if name == "STOP":
                return self.stack.pop()
            self._do(name, _argument(opcode, stream))
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
            self._keep(int(argument), stack[-1])
        elif op == "MEMOIZE":
            self._keep(len(self.memo) + len(self.sparse), stack[-1])
        elif op in _GETS:
            place = int(argument)
            stack.append(self.memo[place] if 0 <= place < len(self.memo) else self.sparse[place])
        elif op in _TUPLES:
            stack.append(self._last(_TUPLES[op]))
        elif op == "MARK":
            stack.append(_MARK)
        elif op not in ("PROTO", "FRAME"):
            action = getattr(self, f"_{op.lower()}", None)
            if action is None:
                raise RefusedError(f"uses the pickle instruction {op}, which no file of this kind needs")
            action(argument)

    def _keep(self, place: int, value: Any) -> None:
        """Into the memo, which is filled in order almost always."""
        if place == len(self.memo):
            self.memo.append(value)
        elif 0 <= place < len(self.memo):
            self.memo[place] = value
        else:
            self.budget.take(2)
            self.sparse[place] = value

    def _last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        if any(value is _MARK for value in values):
            raise IndexError("the stack is empty")
        return values

    def _to_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError("the stack is empty")
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
        self.stack.append(self._filled({}, zip(values[::2], values[1::2], strict=True)))

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
        self._filled(self.stack[-1], zip(values[::2], values[1::2], strict=True))

    def _filled(self, target: dict[Any, Any], pairs: Iterable[Any]) -> dict[Any, Any]:
        """The dictionary with these pairs; one by one, as keys can be chosen so that each collides with all before."""
        for number, (key, value) in enumerate(pairs):
            if not isinstance(key, _KEYS):
                raise RefusedError("has keys that are neither text nor numbers")
            target[key] = value
            if not number & 255:
                self.budget.look()
        return target

    # --- names and calls --------------------------------------------------------------------------------------------

    def _name(self, module: Any, name: Any) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise RefusedError("names something in no words")
        found = Name(module, name)
        if found not in CONTAINERS and found not in self.allowed and found not in self.makers:
            raise RefusedError(f"wants to use {found}, which no file of this kind needs: nothing in it was run")
        return found

    def _global(self, argument: str) -> None:
        self.stack.append(self._name(*argument.split(" ", 1)))

    def _stack_global(self, _: Any) -> None:
        self.stack.append(self._name(*self._last(2)))

    def _call(self, name: Any, args: Any) -> None:
        if not isinstance(name, Name) or not isinstance(args, tuple | list):
            raise RefusedError("calls something that is no plain name")
        if name in _DICTS:
            pairs = self.budget.copy(args[0].items() if isinstance(args[0], dict) else args[0]) if args else []
            self.stack.append(self._filled({}, pairs))
        elif name in _LISTS:
            self.stack.append([value for part in args for value in self.budget.copy(part)])
        elif name in self.makers:
            self.stack.append(self.makers[name](tuple(args)))
        else:
            self.stack.append(Call(name, tuple(args)))

    def _reduce(self, _: Any) -> None:
        self._call(*self._last(2))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        name, args, named = self._last(3)
        self._call(name, (*self.budget.copy(args), named) if named else args)

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


def _argument(opcode: pickletools.OpcodeInfo, stream: BytesIO) -> Any:
    """An instruction's argument; whole numbers are of bounded length, which keeps all arithmetic with them short."""
    if opcode.arg is None:
        return None
    if opcode.name in ("INT", "LONG", "PUT", "GET"):
        here = stream.tell()
        if len(stream.readline()) > MAX_DIGITS:
            raise RefusedError("holds a number of too many digits")
        stream.seek(here)
    value = opcode.arg.reader(stream)
    if opcode.name in ("LONG1", "LONG4") and value.bit_length() > 3 * MAX_DIGITS:
        raise RefusedError("holds a number of too many digits")
    return value


def _children(value: Any) -> list[Any]:
    """The containers and calls in a container or call."""
    if isinstance(value, Call):
        inside: Iterable[Any] = (value.args, value.state)
    else:
        inside = value.values() if isinstance(value, dict) else value
    return [child for child in inside if isinstance(child, list | tuple | dict | Call)]


def check_tree(value: Any, budget: Budget) -> None:
    """Raises `RefusedError` for a value that contains itself, is nested more than `MAX_DEPTH` deep, or is too large as a tree."""
    depth: dict[int, int] = {}  # of what has been walked, by identity
    nodes: dict[int, int] = {}
    open_: set[int] = set()
    waiting: list[tuple[Any, list[Any] | None]] = [(value, None)] if isinstance(value, list | tuple | dict | Call) else []
    while waiting:
        here, children = waiting.pop()
        if children is None:
            if id(here) in depth:
                continue
            if id(here) in open_:
                raise RefusedError("is refused: it contains itself")
            open_.add(id(here))
            children = _children(here)
            waiting.append((here, children))
            waiting += [(child, None) for child in children if id(child) not in depth]
            budget.take(0)
            continue
        open_.discard(id(here))
        depth[id(here)] = 1 + max((depth[id(child)] for child in children), default=0)
        size = len(here.args) if isinstance(here, Call) else len(here)
        nodes[id(here)] = 1 + size + sum(nodes[id(child)] for child in children)
        if depth[id(here)] > MAX_DEPTH or nodes[id(here)] > budget.nodes:
            raise RefusedError("is refused: it is nested too deeply, or unfolds to more than a file of its size holds")
