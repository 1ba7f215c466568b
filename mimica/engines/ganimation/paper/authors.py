"""Checkpoints that users bring: GANimation trained with its authors' code, or with the best-known re-implementation.

    made by            generator                 critic                     what is particular
    authors' code      net_epoch_N_id_G.pth      net_epoch_N_id_D.pth       `main.*`, `img_reg`, `attetion_reg` (so spelt);
                                                                            running statistics of old instance norms, which
                                                                            were never used in training, are dropped
    re-implementation  N_net_gen.pth             N_net_dis.pth              `model.*`, `color_top`, `au_top`, `dis_top`,
                                                                            `aus_top`; no affine in the norms, biases in the
                                                                            trunk

The re-implementation's biases before an instance norm change nothing, the norm takes every constant away, and a norm without
affine is one with weight 1 and bias 0: so both fit our `Generator`. Names come with `module.` in front when several GPUs were
used. Nothing in the files is run (`mimica.foreign`). Both take AUs as the 17 of OpenFace, 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mimica.engines.ganimation.paper.networks import CRITIC_KIND, GENERATOR_KIND
from mimica.errors import WeightsError
from mimica.facs import AU_NAMES
from mimica.foreign import torch_file
from mimica.model_files.checkpoint import Weights

State = dict[str, np.ndarray]

_DROPPED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")


def read_state(path: Path) -> State:
    """A .pth of torch 0.3 or later -> arrays by name, without `module.` and running statistics. Runs no code.

    Raises `WeightsError` for a missing or damaged file and for one that holds anything but named tensors."""
    names = {name.removeprefix("module."): array for name, array in torch_file.read_state(path).items()}
    return {name: np.asarray(array, np.float32) for name, array in names.items() if not _DROPPED.search(name)}


def load_checkpoint(path: Path) -> Weights:
    """A checkpoint of either origin, generator or critic, as weights for `networks.Generator` or `networks.Critic`.

    Raises `WeightsError` where the layout is neither's."""
    state = read_state(path)
    if "color_top.0.weight" in state:
        tensors = _generator(state, "model", "conv_block", "color_top.0", "au_top.0", path)
    elif "img_reg.0.weight" in state:
        head = "attetion_reg.0" if "attetion_reg.0.weight" in state else "attention_reg.0"
        tensors = _generator(state, "main", "main", "img_reg.0", head, path)
    elif "conv1.weight" in state and "conv2.weight" in state:
        return _critic_weights(_critic(state, "main", "conv1", "conv2", path), path)
    elif "dis_top.weight" in state and "aus_top.weight" in state:
        return _critic_weights(_critic(state, "model", "dis_top", "aus_top", path), path)
    else:
        some = ", ".join(list(state)[:3]) or "nothing"
        raise WeightsError(f"{path} is no GANimation checkpoint that Mimica knows: it holds {some}.")
    width = len(tensors["stem.weight"])
    config = {"image_size": 128, "width": width, "blocks": sum(name.endswith(".conv1.weight") for name in tensors)}
    controls = _controls(tensors["stem.weight"].shape[1] - 3, path)
    return Weights(GENERATOR_KIND, 1, controls, config, tensors, {"origin": path.name})


def _controls(count: int, path: Path) -> tuple[str, ...]:
    if count != len(AU_NAMES):
        raise WeightsError(f"{path} takes {count} AUs; which ones is not written in it, and Mimica knows OpenFace's 17 only.")
    return AU_NAMES


def _numbers(state: Mapping[str, np.ndarray], prefix: str) -> list[int]:
    """The numbers that follow `prefix.` in front of a weight of 4 dimensions, in order."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.weight$")
    return sorted(int(m[1]) for name, array in state.items() if (m := pattern.match(name)) and array.ndim == 4)


def _blocks(state: Mapping[str, np.ndarray], prefix: str, inner: str) -> list[int]:
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\." + inner + r"\.\d+\.weight$")
    return sorted({int(m[1]) for name in state if (m := pattern.match(name))})


def _generator(state: State, trunk: str, inner: str, color: str, attention: str, path: Path) -> State:
    """A generator's tensors under our names; every one must be used."""
    convs, blocks = _numbers(state, trunk), _blocks(state, trunk, inner)
    if len(convs) != 5 or not blocks or f"{attention}.weight" not in state:
        raise WeightsError(
            f"{path} looks like a GANimation generator, but not with 5 convolutions, residual blocks and two heads."
        )
    ours = ["stem", "down.0", "down.1", "up.0", "up.1"]
    norms = ["stem_norm", "down_norm.0", "down_norm.1", "up_norm.0", "up_norm.1"]
    pairs = [(f"{trunk}.{n}", conv, f"{trunk}.{n + 1}", norm) for n, conv, norm in zip(convs, ours, norms, strict=True)]
    for place, number in enumerate(blocks):
        prefix = f"{trunk}.{number}.{inner}"
        inside = _numbers(state, prefix)
        for order, n in enumerate(inside, start=1):
            pairs.append((f"{prefix}.{n}", f"blocks.{place}.conv{order}", f"{prefix}.{n + 1}", f"blocks.{place}.norm{order}"))
    rest = dict(state)
    tensors = dict(_with_norms(rest, pairs))
    tensors["color.weight"], tensors["attention.weight"] = rest.pop(f"{color}.weight"), rest.pop(f"{attention}.weight")
    _all_used(rest, path)
    return tensors


def _with_norms(rest: State, pairs: list[tuple[str, str, str, str]]) -> Iterator[tuple[str, np.ndarray]]:
    """Take convolutions and their norms out of `rest`; a bias before a norm has no effect and is left out."""
    for conv, our_conv, norm, our_norm in pairs:
        weight = rest.pop(f"{conv}.weight")
        channels = weight.shape[1] if our_conv.startswith("up") else weight.shape[0]
        rest.pop(f"{conv}.bias", None)
        yield f"{our_conv}.weight", weight
        yield f"{our_norm}.weight", rest.pop(f"{norm}.weight", np.ones(channels, np.float32))
        yield f"{our_norm}.bias", rest.pop(f"{norm}.bias", np.zeros(channels, np.float32))


def _critic(state: State, trunk: str, patches: str, values: str, path: Path) -> State:
    """A critic's tensors under our names; every one must be used."""
    rest, tensors = dict(state), {}
    for place, number in enumerate(_numbers(state, trunk)):
        for part in ("weight", "bias"):
            if f"{trunk}.{number}.{part}" not in rest:
                raise WeightsError(f"{path} looks like a GANimation critic, but {trunk}.{number}.{part} is missing.")
            tensors[f"trunk.{place}.{part}"] = rest.pop(f"{trunk}.{number}.{part}")
    tensors["patches.weight"], tensors["values.weight"] = rest.pop(f"{patches}.weight"), rest.pop(f"{values}.weight")
    _all_used(rest, path)
    return tensors


def _critic_weights(tensors: State, path: Path) -> Weights:
    layers = sum(name.startswith("trunk.") and name.endswith(".weight") for name in tensors)
    side = tensors["values.weight"].shape[2] * 2**layers
    config = {"image_size": side, "width": len(tensors["trunk.0.weight"])}
    controls = _controls(len(tensors["values.weight"]), path)
    return Weights(CRITIC_KIND, 1, controls, config, tensors, {"origin": path.name})


def _all_used(rest: Mapping[str, np.ndarray], path: Path) -> None:
    if rest:
        raise WeightsError(f"{path} holds tensors that GANimation's networks do not have: {', '.join(list(rest)[:3])}.")
