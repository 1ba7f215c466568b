"""Checkpoints of StarGAN's authors: `N-G.ckpt`, and `N-D.ckpt` beside it, as weights for our networks.

A state dict of `main.*` (generator), or of `main.*`, `conv1` and `conv2` (discriminator). What the labels are is not written
in it; the authors' code tells by their number:

    5    CelebA: black, blond, brown hair, male, young; a photo's own come from the discriminator, which must lie beside
    8    RaFD: the folders of the emotions, by the alphabet
    15   both, and a mask vector of 2; the emotions are taken

Running statistics of the instance norms, which were not used in training, are dropped. Files are read as inert data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mimica.errors import WeightsError
from mimica.foreign.torch_file import read_torch_file, tensor
from mimica.model_files.checkpoint import Weights

ATTRIBUTE_KIND = "stargan-attributes"
CELEBA: tuple[str, ...] = ("black_hair", "blond_hair", "brown_hair", "male", "young")
HAIR: frozenset[str] = frozenset(CELEBA[:3])
"""Attributes of which a face has one at a time."""
RAFD: tuple[str, ...] = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""angry, contemptuous, disgusted, fearful, happy, neutral, sad, surprised: the order of the folders."""
_DROPPED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")

State = dict[str, np.ndarray]


def read_state(path: Path) -> State:
    """A state dict as float32 arrays by name, `module.` and running statistics left out. Raises `WeightsError`."""
    content = read_torch_file(path)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path} is no state dict, named tensors and nothing else; save the network's state_dict().")
    arrays = {str(name).removeprefix("module."): tensor(value) for name, value in content.items()}
    missing = [name for name, array in arrays.items() if array is None]
    if missing:
        raise WeightsError(f"{path} is no state dict: '{missing[0]}' is no tensor; save the network's state_dict().")
    kept = {name: array for name, array in arrays.items() if array is not None and not _DROPPED.search(name)}
    return {name: np.asarray(array, np.float32) for name, array in kept.items()}


def load_checkpoint(path: Path) -> Weights:
    """A generator's checkpoint. Raises `WeightsError` for another layout, and where a discriminator is needed and not there."""
    state = read_state(path)
    generator = _generator(state, path)
    width, labels = generator["stem.0.weight"].shape[0], generator["stem.0.weight"].shape[1] - 3
    blocks = sum(name.endswith(".first.0.weight") for name in generator)
    config = {"width": width, "blocks": blocks, "image_size": 128}
    tensors = {f"generator.{name}": array for name, array in generator.items()}
    if labels in (len(RAFD), len(CELEBA) + len(RAFD) + 2):
        joined = labels > len(RAFD)
        domains = [*(CELEBA if joined else ()), *RAFD, *(["mask", "mask of emotions"] if joined else [])]
        config |= {"domains": domains, "joined": joined}
        return Weights("stargan-generator", 1, RAFD, config, tensors, {"origin": path.name})
    if labels != len(CELEBA):
        raise WeightsError(f"{path} has {labels} labels; which ones is not written in it, and Mimica knows 5, 8 and 15.")
    critic, size = _companion(path)
    tensors |= {f"critic.{name}": array for name, array in critic.items()}
    critic_width = len(critic["trunk.0.weight"])
    about = {**config, "domains": list(CELEBA), "image_size": size, "critic_width": critic_width}
    return Weights(ATTRIBUTE_KIND, 1, CELEBA, about, tensors, {"origin": path.name})


def _generator(state: State, path: Path) -> State:
    """The tensors under our names; every one must be used."""
    numbers = sorted({int(m[1]) for name in state if (m := re.match(r"main\.(\d+)\.main\.0\.weight$", name))})
    after = 9 + len(numbers)
    if numbers != list(range(9, after)) or "main.0.weight" not in state:
        some = ", ".join(list(state)[:3]) or "nothing"
        raise WeightsError(f"{path} is no StarGAN generator of its authors' layout: it holds {some}.")
    layers = {"stem": 0, "down.0": 3, "down.1": 6, "up.0": after, "up.1": after + 3}
    names = {f"main.{number + k}": f"{ours}.{k}" for ours, number in layers.items() for k in (0, 1)}
    names[f"main.{after + 6}"] = "color"
    for place, number in enumerate(numbers):
        for inner, ours in ((0, "first"), (3, "second")):
            names |= {f"main.{number}.main.{inner + k}": f"blocks.{place}.{ours}.{k}" for k in (0, 1)}
    return _renamed(state, names, path)


def _companion(path: Path) -> tuple[State, int]:
    """The discriminator beside a generator's file, under our names, and its image size."""
    beside = path.with_name(re.sub(r"G(?=\.\w+$)", "D", path.name))
    if beside == path or not beside.is_file():
        raise WeightsError(
            f"{path} knows attributes, and its discriminator tells which a photo has: put {beside.name} beside it."
        )
    state = read_state(beside)
    numbers = sorted({int(m[1]) for name in state if (m := re.match(r"main\.(\d+)\.weight$", name))})
    names = {f"main.{number}": f"trunk.{place}" for place, number in enumerate(numbers)}
    critic = _renamed(state, {**names, "conv1": "patches", "conv2": "labels"}, beside)
    if "labels.weight" not in critic:
        raise WeightsError(f"{beside} is no StarGAN discriminator of its authors' layout.")
    return critic, critic["labels.weight"].shape[2] * 2 ** len(numbers)


def _renamed(state: State, names: Mapping[str, str], path: Path) -> State:
    unknown = [name for name in state if name.rpartition(".")[0] not in names]
    if unknown:
        raise WeightsError(f"{path} holds tensors that StarGAN's networks do not have: {', '.join(unknown[:3])}.")
    return {f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": array for name, array in state.items()}
