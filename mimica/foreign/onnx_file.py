"""What an ONNX file holds, looked at before ONNX Runtime loads it: operators, their sets, and where its weights lie.

Only as much of the format (protocol buffers: fields of a number, a wire type and a value) is read as that takes, so that no
package is needed. A file may not have control flow (Loop, If, Scan), functions or operators of its own, operators of other
domains, or weights in other files; what is left takes a time that depends on the sizes of the network, no more.

Fields (onnx.proto3): model 7 graph, 8 operator sets, 25 functions; graph 1 nodes, 5 and 15 weights; node 4 operator,
5 attributes, 7 domain; attribute 5 tensor, 6 and 11 graphs, 10 tensors; tensor 13 and 14 weights elsewhere; operator set
1 domain, 2 version.
"""

from __future__ import annotations

from collections.abc import Iterator

from mimica.errors import WeightsError, shown

MAX_BYTES = 1 << 30
OPSETS = range(7, 24)
"""Versions of the operators that networks may use; ours are written with 17."""
_OPERATORS = (
    "Abs Add AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv ConvTranspose DepthToSpace "
    "Div Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements Gelu Gemm GlobalAveragePool Greater GridSample "
    "GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less Log MatMul "
    "Max MaxPool Min Mod Mul Neg PRelu Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Resize "
    "Round Shape Sigmoid Sign Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where"
)
OPERATORS = frozenset(_OPERATORS.split())
_OWN_DOMAINS = (b"", b"ai.onnx")


class _DamagedError(ValueError):
    """No protocol buffer."""


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: whole numbers, or the bytes of what has a length."""
    place = 0
    size = len(data)
    while place < size:
        tag = data[place]
        tag, place = (tag, place + 1) if tag < 128 else _varint(data, place)  # most numbers are one byte
        kind = tag & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if kind == 2 and place < size and data[place] < 128:
            length, place = data[place], place + 1
        else:
            length, place = _varint(data, place) if kind == 2 else ({1: 8, 5: 4}.get(kind, -1), place)
        if length < 0 or place + length > size:
            raise _DamagedError
        yield tag >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise _DamagedError
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _DamagedError


def _parts(data: memoryview, *numbers: int) -> Iterator[tuple[int, memoryview]]:
    for number, value in _fields(data):
        if number in numbers:
            if isinstance(value, int):
                raise _DamagedError
            yield number, value


def check_model(content: bytes, name: str) -> None:
    """Raises `WeightsError` for what is no ONNX file, and for one that holds what no network of ours does."""
    try:
        problem = _problem(memoryview(content))
    except _DamagedError as error:
        raise WeightsError(f"{name} is no network (ONNX), or is damaged: get it again.") from error
    if problem:
        raise WeightsError(f"{name} is refused: it holds {problem}, which Mimica's networks do not have.")


def _problem(model: memoryview) -> str:
    """What a model holds that it may not; empty if nothing."""
    graphs = 0
    for number, part in _parts(model, 7, 8, 25):
        problem = "functions of its own" if number == 25 else _graph_problem(part) if number == 7 else _opset_problem(part)
        graphs += number == 7
        if problem:
            return problem
    if graphs != 1:
        raise _DamagedError
    return ""


def _opset_problem(opset: memoryview) -> str:
    domain, version = b"", 0
    for number, value in _fields(opset):
        if number == 1 and not isinstance(value, int):
            domain = bytes(value)
        elif number == 2 and isinstance(value, int):
            version = value
    if domain not in _OWN_DOMAINS:
        return f"operators of the domain '{shown(domain.decode('utf-8', 'replace'))}'"
    return "" if version in OPSETS else f"operators of version {version}"


def _graph_problem(graph: memoryview) -> str:
    for number, part in _parts(graph, 1, 5, 15):
        problem = _node_problem(part) if number == 1 else _tensor_problem(part) if number == 5 else "sparse weights"
        if problem:
            return problem
    return ""


def _node_problem(node: memoryview) -> str:
    for number, part in _parts(node, 4, 5, 7):
        word = bytes(part).decode("utf-8", "replace") if number != 5 else ""
        if number == 7 and bytes(part) not in _OWN_DOMAINS:
            return f"an operator of the domain '{shown(word)}'"
        if number == 4 and word not in OPERATORS:
            return f"the operator {shown(word)}"
        for inner, value in _parts(part, 5, 6, 10, 11) if number == 5 else ():
            problem = "networks within operators" if inner in (6, 11) else _tensor_problem(value)
            if problem:
                return problem
    return ""


def _tensor_problem(tensor: memoryview) -> str:
    elsewhere = any(number == 13 or (number == 14 and value != 0) for number, value in _fields(tensor) if number in (13, 14))
    return "weights that lie in another file" if elsewhere else ""
