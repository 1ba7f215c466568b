"""The machine for foreign pickles makes nothing but plain values, and comes to an end whatever it is given."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.foreign.budget import RefusedError
from mimica.foreign.pickle_machine import MAX_DEPTH, Machine, Name

BINPUT, GET = b"q", b"h"


def read(content: bytes) -> Any:
    return Machine(frozenset({Name("torch", "Size")})).read(BytesIO(content))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(plain, st.integers(0, 5))
def test_plain_values_are_those_of_pythons_own_reader(value: Any, protocol: int) -> None:
    if protocol < 3 and any(word in pickle.dumps(value, protocol) for word in (b"_codecs", b"bytes")):
        return
    assert read(pickle.dumps(value, protocol)) == value


def test_sets_and_ordered_dictionaries_are_plain_containers() -> None:
    for protocol in range(6):
        assert read(pickle.dumps(OrderedDict(a=1, b=2), protocol)) == {"a": 1, "b": 2}
        assert sorted(read(pickle.dumps({1, 2}, protocol))) == [1, 2]


def nested(opcode: bytes, depth: int) -> bytes:
    return b"\x80\x04N" + opcode * depth


def hash_dag(levels: int) -> bytes:
    """A tuple of two references to a tuple of two references to ..., as a key."""
    return b"\x80\x04})q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(levels)) + b"Ns."


DOUBLING = b"\x80\x04](K\x01K\x02K\x03K\x04eq\x00" + b"cbuiltins\nset\nh\x00h\x00\x86\x85R"
HOSTILE = {
    "hashing one key 2^40 times": hash_dag(40),
    "a tuple 100,000 deep as a key": b"\x80\x04}" + b"N" + b"\x85" * 100_000 + b"Ns.",
    "a tuple 100,000 deep": nested(b"\x85", 100_000) + b".",
    "a list 100,000 deep": b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a call 100,000 deep": b"\x80\x04N" + b"ctorch\nSize\nN\x85R" * 20_000 + b"\x85" * 20_000 + b".",
    "2^40 nodes": b"\x80\x04]q\x00" + b"h\x00h\x00\x86q\x00" * 40 + b".",
    "2^60 nodes through lists": b"\x80\x04]q\x00" + b"](h\x00h\x00eq\x00" * 60 + b".",
    "itself in itself": b"\x80\x04]\x94h\x00a.",
    "itself around a corner": b"\x80\x04]q\x00}q\x01X\x01\x00\x00\x00ah\x00sa.",
    "a copied list, copied again": b"\x80\x04](" + b"K\x01" * 20_000 + b"eq\x000(" + b"cbuiltins\nset\nh\x00\x85R" * 500 + b"l.",
    "a set of a long text": b"\x80\x04X\x00\x00\x01\x00" + b"a" * 65536 + b"q\x000(" + b"cbuiltins\nset\nh\x00\x85R" * 90 + b"l.",
    "a list as a key": b"\x80\x04}]Ns.",
    "a call as a key": b"\x80\x04}ctorch\nSize\n)RNs.",
    "a number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "a number of a million bytes": b"\x80\x04\x8b\x40\x42\x0f\x00" + b"\x7f" * 1_000_000 + b".",
    "a memo's place of a million digits": b"Np" + b"9" * 1_000_000 + b"\n.",
    "a name that is no text": b"\x80\x04]]\x93.",
    "a mark for a value": b"\x80\x04}((s.",
    "a frame longer than the file": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN",
    "20 million dictionaries": b"}" * 20_000_000 + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_asks_for_too_much_is_refused_soon(name: str) -> None:
    start = time.process_time()
    with pytest.raises(RefusedError) as caught:
        read(HOSTILE[name])
    assert time.process_time() - start < 10
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_ends_the_process(name: str) -> None:
    """What is taken apart afterwards, or printed, must not overflow the stack either."""
    if len(HOSTILE[name]) > 2_000_000:
        pytest.skip("too long for a command line's input")
    code = (
        "import sys; from io import BytesIO; from mimica.foreign.pickle_machine import Machine, Name\n"
        "try: print(Machine(frozenset({Name('torch', 'Size')})).read(BytesIO(sys.stdin.buffer.read())))\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=HOSTILE[name], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.strip() == b"RefusedError", done.stderr[-500:]


def test_depth_up_to_the_limit_is_read() -> None:
    assert read(nested(b"\x85", MAX_DEPTH) + b".")
    with pytest.raises(RefusedError, match="nested too deeply"):
        read(nested(b"\x85", MAX_DEPTH + 1) + b".")


def test_a_memo_place_costs_nothing() -> None:
    assert read(b"\x80\x04Nr\xff\xff\xff\x7f.") is None


def test_a_large_table_is_within_the_budget() -> None:
    """A tenth of CelebA's size: what a number costs does not grow."""
    np = pytest.importorskip("numpy")
    rows = {f"{i:06d}": [np.float64(x) for x in range(17)] for i in range(20_000)}
    content = pickle.dumps(rows, 4)
    scalars = (Name(f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core"))
    machine = Machine({Name("numpy", "dtype")}, makers=dict.fromkeys(scalars, lambda _: 0.0))
    assert len(machine.read(BytesIO(content))) == 20_000
    used = 8_000_000 + len(content) // 4 - machine.budget.units
    assert used * 10 < 8_000_000 + 10 * len(content) // 4


def test_ctrl_c_ends_the_reading() -> None:
    content = b"\x80\x04(" + b"K\x01" * 4_000_000 + b"l."
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(20):
            read(content)
    timer.join()
