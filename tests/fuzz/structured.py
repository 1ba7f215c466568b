"""Changes that keep the outer format whole, so that what lies within is reached: JSON, safetensors, zips, pickle programs."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from typing import Any

from mutators import NUMBERS, WORDS, mutated

_VALUES: tuple[Any, ...] = (
    *NUMBERS,
    *WORDS[:20],
    -1,
    1e308,
    None,
    True,
    [],
    {},
    [[]],
    [0] * 50,
    {"a": {"a": {}}},
    "F32",
    "BF16",
    "U8",
)


def retold(rng: random.Random, tree: Any) -> Any:
    """A JSON value with one part changed, removed or doubled."""
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        name = rng.choice(sorted(tree))
        act = rng.random()
        if act < 0.1:
            return {key: value for key, value in tree.items() if key != name}
        if act < 0.15:
            return {**tree, rng.choice(WORDS[:12]): tree[name]}
        return {**tree, name: retold(rng, tree[name])}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        place = rng.randrange(len(tree))
        if rng.random() < 0.2:
            return tree[:place] + tree[place + 1 :]
        return [*tree[:place], retold(rng, tree[place]), *tree[place + 1 :]]
    return rng.choice(_VALUES)


def json_changed(rng: random.Random, content: bytes) -> bytes:
    """A JSON file."""
    if rng.random() < 0.4:
        return mutated(rng, content)
    return json.dumps(retold(rng, json.loads(content))).encode("utf-8", "replace")


def safetensors_changed(rng: random.Random, content: bytes) -> bytes:
    """A model file: its description, what it says of an array, or an array's numbers."""
    act = rng.random()
    if act < 0.2:
        return mutated(rng, content)
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    if act < 0.55:
        about = retold(rng, json.loads(header["__metadata__"]["mimica"]))
        header["__metadata__"]["mimica"] = json.dumps(about)
    elif act < 0.75:
        header = retold(rng, header)
    else:
        start, end = rng.choice([one["data_offsets"] for name, one in sorted(header.items()) if name != "__metadata__"])
        kind = rng.choice((b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\x00\x00\x00\x00", rng.randbytes(4)))
        data[start:end] = (kind * ((end - start) // 4 + 1))[: end - start]
    text = json.dumps(header).encode("utf-8", "replace")
    return struct.pack("<Q", len(text)) + text + bytes(data)


def zip_changed(rng: random.Random, content: bytes) -> bytes:
    """An archive of PyTorch's with one member changed, and right checksums."""
    if rng.random() < 0.2 or not content.startswith(b"PK"):
        return mutated(rng, content)
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as archive:
        names = source.namelist()
        chosen = next((n for n in names if n.endswith("data.pkl")), names[0]) if rng.random() < 0.8 else rng.choice(names)
        for name in names:
            data = source.read(name)
            archive.writestr(name, program_changed(rng, data) if name == chosen else data)
    return target.getvalue()


_INSTRUCTIONS = (
    b"N", b"K\x01", b"K\x02", b"J\xff\xff\xff\x7f", b"(", b")", b"]", b"}", b"\x85", b"\x86", b"\x87", b"t", b"l", b"d",
    b"a", b"e", b"s", b"u", b"R", b"b", b"\x81", b"\x92", b"0", b"1", b"2", b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"\x94",
    b"Q", b"o", b"\x8c\x01a", b"X\x01\x00\x00\x00b", b"C\x04abcd", b"\x8a\x01\xff", b"G?\xf0\x00\x00\x00\x00\x00\x00",
    b"\x88", b"ctorch._utils\n_rebuild_tensor_v2\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy.core.multiarray\nscalar\n", b"ccollections\nOrderedDict\n", b"c__builtin__\nset\n", b"cos\nsystem\n",
    b"c_codecs\nencode\n", b"ctorch\nFloatStorage\n", b"ctorch\nSize\n", b"cbuiltins\neval\n", b"\x8f", b"\x91", b"\x90",
)  # fmt: skip


def program_changed(rng: random.Random, content: bytes) -> bytes:
    """A pickle with instructions put in, or a program of nothing but random instructions."""
    act = rng.random()
    if act < 0.35:
        return mutated(rng, content)
    if act < 0.75:
        place = rng.randrange(len(content))
        extra = b"".join(rng.choice(_INSTRUCTIONS) for _ in range(rng.randrange(1, 6)))
        return content[:place] + extra + content[place:]
    length = rng.choice((5, 20, 100, 3000))
    return b"\x80\x04" + b"".join(rng.choice(_INSTRUCTIONS) for _ in range(length)) + b"."


def checkpoint_changed(rng: random.Random, content: bytes) -> bytes:
    """A file of PyTorch's, of either kind, or a pickle."""
    return zip_changed(rng, content) if content.startswith(b"PK") else program_changed(rng, content)


def onnx_changed(rng: random.Random, content: bytes) -> bytes:
    """A network whose sizes, num_ws and names are changed; most of the file are weights, so changes are drawn to what is not."""
    if rng.random() < 0.3:
        return mutated(rng, content)
    data = bytearray(content)
    words = [
        b"Conv",
        b"Gemm",
        b"Resize",
        b"Reshape",
        b"LeakyRelu",
        b"Constant",
        b"Cast",
        b"image",
        b"kernel_shape",
        b"pads",
        b"strides",
    ]
    for _ in range(rng.choice((1, 2, 4))):
        word = rng.choice(words)
        place = data.find(word, rng.randrange(max(1, len(data) // 2)))
        if place >= 0:
            near = min(len(data) - 1, max(0, place + rng.randrange(-12, 24)))
            data[near] = rng.choice((0, 1, 2, 7, 127, 128, 255, rng.randrange(256)))
    return bytes(data)
