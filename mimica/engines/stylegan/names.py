"""Our tensors' names -> those of other StyleGAN2 code. A name that begins with ? may be missing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Table = dict[str, str]


@dataclass(frozen=True)
class Names:
    """One layout.

    signs          a tensor that a generator has, and one that a discriminator has
    side           pattern of names whose first group is a resolution
    filters        pattern of resampling filters and other buffers without information
    size           tensors, resolutions -> the picture's side
    generator, discriminator  picture's side (and tensors) -> our names -> theirs
    """

    signs: tuple[str, str]
    side: str
    filters: str
    size: Callable[[Mapping[str, Any], Sequence[int] | None], int]
    generator: Callable[[int, Mapping[str, Any]], Table]
    discriminator: Callable[[int], Table]


def _pairs(ours: str, theirs: str, parts: Mapping[str, str]) -> Table:
    return {f"{ours}.{o}": f"{theirs}.{t}" for o, t in parts.items()}


def _numbered(tensors: Mapping[str, Any], pattern: str) -> list[int]:
    return sorted(int(m[1]) for name in tensors if (m := re.match(pattern, name)))


_SAME = {"weight": "weight", "bias": "bias"}

# --- NVIDIA ---------------------------------------------------------------------------------------------------------

_NVIDIA_STYLED = {
    "weight": "weight", "bias": "bias", "style.weight": "affine.weight", "style.bias": "affine.bias",
}  # fmt: skip
_NVIDIA_NOISE = {"noise_strength": "noise_strength", "noise": "noise_const"}


def _nvidia_generator(size: int, tensors: Mapping[str, Any]) -> Table:
    table = {"mapping.w_average": "?mapping.w_avg", "synthesis.constant": "synthesis.b4.const"}
    for i in _numbered(tensors, r"mapping\.fc(\d+)\.weight$"):
        table |= _pairs(f"mapping.layers.{i}", f"mapping.fc{i}", _SAME)
    for j in range(int(math.log2(size)) - 1):
        block = f"synthesis.b{4 * 2**j}"
        if j:
            table |= _pairs(f"synthesis.layers.{2 * j - 1}", f"{block}.conv0", _NVIDIA_STYLED | _NVIDIA_NOISE)
        table |= _pairs(f"synthesis.layers.{2 * j}", f"{block}.conv1", _NVIDIA_STYLED | _NVIDIA_NOISE)
        table |= _pairs(f"synthesis.to_rgb.{j}", f"{block}.torgb", _NVIDIA_STYLED)
    return table


def _nvidia_discriminator(size: int) -> Table:
    table = _pairs("from_rgb", f"b{size}.fromrgb", _SAME)
    for j in range(int(math.log2(size)) - 2):
        block = f"b{size >> j}"
        table |= _pairs(f"blocks.{j}.conv1", f"{block}.conv0", _SAME) | _pairs(f"blocks.{j}.conv2", f"{block}.conv1", _SAME)
        table[f"blocks.{j}.skip.weight"] = f"{block}.skip.weight"
    for ours, theirs in {"last_conv": "conv", "hidden": "fc", "score": "out"}.items():
        table |= _pairs(ours, f"b4.{theirs}", _SAME)
    return table


# --- rosinality -----------------------------------------------------------------------------------------------------

_ROSINALITY_STYLED = {
    "weight": "conv.weight", "style.weight": "conv.modulation.weight", "style.bias": "conv.modulation.bias",
}  # fmt: skip


def _rosinality_generator(size: int, tensors: Mapping[str, Any]) -> Table:
    table = {"mapping.w_average": "?latent_avg", "synthesis.constant": "input.input"}
    for i in _numbered(tensors, r"style\.(\d+)\.weight$"):
        table |= _pairs(f"mapping.layers.{i - 1}", f"style.{i}", _SAME)  # style.0 normalises z
    for k in range(2 * int(math.log2(size)) - 3):
        theirs = f"convs.{k - 1}" if k else "conv1"
        ours = f"synthesis.layers.{k}"
        table |= _pairs(ours, theirs, _ROSINALITY_STYLED | {"bias": "activate.bias", "noise_strength": "noise.weight"})
        table[f"{ours}.noise"] = f"?noises.noise_{k}"
    for j in range(int(math.log2(size)) - 1):
        theirs = f"to_rgbs.{j - 1}" if j else "to_rgb1"
        table |= _pairs(f"synthesis.to_rgb.{j}", theirs, _ROSINALITY_STYLED | {"bias": "bias"})
    return table


def _rosinality_discriminator(size: int) -> Table:
    table = {"from_rgb.weight": "convs.0.0.weight", "from_rgb.bias": "convs.0.1.bias"}
    for j in range(int(math.log2(size)) - 2):
        block = f"convs.{j + 1}"
        table |= {f"blocks.{j}.conv1.weight": f"{block}.conv1.0.weight", f"blocks.{j}.conv1.bias": f"{block}.conv1.1.bias"}
        table |= {f"blocks.{j}.conv2.weight": f"{block}.conv2.1.weight", f"blocks.{j}.conv2.bias": f"{block}.conv2.2.bias"}
        table[f"blocks.{j}.skip.weight"] = f"{block}.skip.1.weight"
    table |= {"last_conv.weight": "final_conv.0.weight", "last_conv.bias": "final_conv.1.bias"}
    return table | _pairs("hidden", "final_linear.0", _SAME) | _pairs("score", "final_linear.1", _SAME)


def _rosinality_size(tensors: Mapping[str, Any], _sides: Sequence[int] | None) -> int:
    if "input.input" in tensors:
        return 2 ** (len(_numbered(tensors, r"to_rgbs\.(\d+)\.bias$")) + 2)
    return 2 ** (len(_numbered(tensors, r"convs\.(\d+)\.skip\.1\.weight$")) + 2)


LAYOUTS = {
    "nvidia": Names(
        signs=("synthesis.b4.const", "b4.out.weight"),
        side=r"(?:synthesis\.)?b(\d+)\.",
        filters=r"resample_filter$",
        size=lambda _tensors, sides: max(sides or [0]),
        generator=_nvidia_generator,
        discriminator=_nvidia_discriminator,
    ),
    "rosinality": Names(
        signs=("input.input", "final_linear.1.weight"),
        side="",
        filters=r"\.kernel$",
        size=_rosinality_size,
        generator=_rosinality_generator,
        discriminator=_rosinality_discriminator,
    ),
}
