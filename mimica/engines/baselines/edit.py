"""The baselines as engines: StarGAN, CycleGAN, DIAT and IcGAN know a few expressions, and no doses.

An emotion is a point among the Action Units, its recipe (`mimica.facs`). What is asked for is a step from what the photo shows;
the emotion of the eight towards which the step points, by the angle, is the domain that is meant, and the network's picture of it
is laid over the photo as far as the step goes: all of it for the whole emotion, a mixture of pixels for a part. That mixture is
ours, the papers have none. A domain that the network has not learnt leaves the photo as it is. Runs on torch, on the CPU; no
weights are shipped.

A checkpoint of StarGAN's authors for CelebA has attributes in place of emotions (`mimica.engines.baselines.authors`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mimica.engines.base import MAX_DOSE, Crop, Engine, Face, Rendered
from mimica.engines.baselines.authors import ATTRIBUTE_KIND, HAIR, load_checkpoint
from mimica.engines.baselines.networks import DomainCritic, Encoder, LatentGenerator, ResidualGenerator
from mimica.errors import ValueRangeError, WeightsError, nearest
from mimica.face.align import feather
from mimica.face.overlay import as_layers
from mimica.facs import EMOTIONS, SIDED_AU_NAMES, emotion_controls, to_vector
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights, read_about
from mimica.pictures.pixels import as_input, as_pictures

BORDER = 0.06
"""Width of the soft border of the mask, as a share of the crop."""
Paint = Callable[[Tensor, str], Tensor]
"""(1, 3, S, S) in [-1, 1] and a domain -> the picture of that domain, the same shape."""


@dataclass(frozen=True)
class State:
    """A photo, encoded: the face as given, its picture (1, 3, S, S), its Action Units (34,); `pictures` keeps what was
    painted."""

    face: Face
    image: Tensor
    values: np.ndarray
    pictures: dict[str, np.ndarray]


def nearest_domain(own: np.ndarray, wanted: np.ndarray, domains: Sequence[str]) -> tuple[str, float]:
    """(34,) Action Units shown and asked for -> the emotion of the eight that lies in that direction and how much of the way to
    it, [0, 1]; "" and 0 where none does, or one that is not among the `domains`."""
    step, best = wanted - own, ("", 0.0, 0.0)
    for domain in EMOTIONS:
        way = to_vector(emotion_controls(domain), SIDED_AU_NAMES) - own
        length, along = float(np.linalg.norm(way)), float(step @ way)
        if length > 1e-6 and along / length > best[2] + 1e-9:
            best = (domain, min(1.0, along / length**2), along / length)
    return best[:2] if best[0] in domains else ("", 0.0)


class DomainEngine:
    """An engine of a few expressions; fits `mimica.engines.base.Engine`."""

    crop: Crop = "tight"
    controls: tuple[str, ...] = SIDED_AU_NAMES

    def __init__(self, name: str, image_size: int, painters: Mapping[str, Paint]) -> None:
        self.name, self.image_size, self.painters = name, image_size, dict(painters)

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(self.painters)

    def encode(self, face: Face) -> State:
        """The picture as a tensor; a network sees it when its domain is first asked for."""
        return State(face, as_input(torch.from_numpy(face.image)[None]), to_vector(face.controls, SIDED_AU_NAMES), {})

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame; a control left out keeps the photo's value. Raises `ValueRangeError` for an unknown or illegal one."""
        check_values(values, self.controls, 0.0, 1.0)
        wanted = to_vector({**state.face.controls, **values}, SIDED_AU_NAMES)
        domain, share = nearest_domain(state.values, wanted, self.domains)
        return laid_over(state, domain, share, self.painters, layers)


def check_values(values: Mapping[str, float], known: Sequence[str], low: float, high: float) -> None:
    """Raises `ValueRangeError` for a control that does not exist and for a value out of range."""
    for name, value in values.items():
        if name not in known:
            raise ValueRangeError(f"This engine has no control '{name}'{nearest(name, known) or '.'}")
        if not low <= value <= high:
            raise ValueRangeError(f"The control '{name}' is {value:g}; it must lie between {low:g} and {high:g}.")


@torch.inference_mode()
def laid_over(state: State, domain: str, share: float, painters: Mapping[str, Paint], layers: bool) -> Rendered:
    """The picture of a domain over the photo, as a frame of the engine."""
    picture = state.face.image
    mask = np.zeros(picture.shape[:2], np.float32)
    if share > 0:
        if domain not in state.pictures:
            state.pictures[domain] = as_pictures(painters[domain](state.image, domain))[0]
        picture = state.pictures[domain]
        mask = (feather(len(picture), BORDER * len(picture)) * share).astype(np.float32)
    return Rendered(picture.copy(), mask, as_layers(mask, picture) if layers else {})


# --- weights ----------------------------------------------------------------------------------------------------------


def part(weights: Weights, name: str) -> dict[str, np.ndarray]:
    """The tensors of one of the modules that a file holds."""
    return {key.removeprefix(f"{name}."): array for key, array in weights.tensors.items() if key.startswith(f"{name}.")}


def restored(weights: Weights, name: str, network: Callable[..., nn.Module], source: Path, **config: Any) -> Any:
    """One of the modules that a file holds, ready to be used. Raises `WeightsError`."""
    module = build_module(network, config, source)
    fill_module(module, part(weights, name), source)
    return module.eval()


def _needed(weights: Path | None, name: str) -> Path:
    if weights is None:
        raise WeightsError(f"No weights of {name} are shipped: train some with `mimica train {name}` and give --weights.")
    return weights


def _generator(file: Weights, name: str, source: Path, labels: int = 0, affine: bool = False) -> Any:
    config = {"labels": labels, "width": int(file.config["width"]), "blocks": int(file.config["blocks"]), "affine": affine}
    return restored(file, name, ResidualGenerator, source, **config)


def load_stargan(weights: Path | None = None) -> Engine:
    """The engine for a generator of `mimica train stargan` or a checkpoint of its authors. Raises `WeightsError`."""
    path = _needed(weights, "stargan")
    theirs = path.suffix in (".ckpt", ".pth", ".pt")
    file = load_checkpoint(path) if theirs else load_weights(path, ("stargan-generator", ATTRIBUTE_KIND))
    domains, units, size = list(file.config["domains"]), int(file.config.get("units", 0)), int(file.config["image_size"])
    labels = len(domains) + units + 2 * bool(units)
    generator = _generator(file, "generator", path, labels, affine=True)
    if file.kind == ATTRIBUTE_KIND:
        critic = {"labels": len(domains), "image_size": size, "width": int(file.config["critic_width"])}
        return AttributeEngine(size, domains, generator, restored(file, "critic", DomainCritic, path, **critic))
    joined = bool(file.config.get("joined"))

    def paint(image: Tensor, domain: str) -> Tensor:
        label = torch.zeros(1, labels)
        label[0, domains.index(domain)] = 1
        if units:
            label[0, len(domains) + units] = 1  # the mask: emotions are meant
        elif joined:
            label[0, labels - 1] = 1
        return torch.as_tensor(generator(image, label))

    return DomainEngine("stargan", size, dict.fromkeys(file.controls, paint))


def load_pairs(weights: Path | None, name: str, kind: str, modules: Mapping[str, int]) -> Engine:
    """An engine of one pair of domains for each file; `modules` says which of the pair's two domains each generator leads to.
    A folder stands for all such files in it, the run folders of several trainings, say. Raises `WeightsError`."""
    path = _needed(weights, name)
    files = [path] if not path.is_dir() else [one for one in sorted(path.rglob("*.safetensors")) if _kind_of(one) == kind]
    if not files:
        raise WeightsError(f"The folder {path} has no weights of {name} in it.")
    painters: dict[str, Paint] = {}
    sizes = set()
    for one in files:
        file = load_weights(one, kind)
        sizes.add(int(file.config["image_size"]))
        for module, side in modules.items():
            network = _generator(file, module, one)
            painters.setdefault(file.config["domains"][side], partial(_painted, network))
    if len(sizes) > 1:
        raise WeightsError(f"The weights in {path} are for pictures of different sizes ({sorted(sizes)}); give one size.")
    return DomainEngine(name, sizes.pop(), painters)


def _painted(network: nn.Module, image: Tensor, domain: str) -> Tensor:
    return torch.as_tensor(network(image))


def _kind_of(path: Path) -> str:
    try:
        return str(read_about(path).get("kind"))
    except WeightsError:
        return ""


def load_cyclegan(weights: Path | None = None) -> Engine:
    """The engine for one file of `mimica train cyclegan`, or a folder of them. Raises `WeightsError`."""
    return load_pairs(weights, "cyclegan", "cyclegan-generators", {"there": 1, "back": 0})


def load_diat(weights: Path | None = None) -> Engine:
    """The engine for one file of `mimica train diat`, or a folder of them. Raises `WeightsError`."""
    return load_pairs(weights, "diat", "diat-generator", {"generator": 1})


def load_icgan(weights: Path | None = None) -> Engine:
    """The engine for a file of `mimica train icgan`. Raises `WeightsError`."""
    path = _needed(weights, "icgan")
    file = load_weights(path, "icgan")
    config, domains = file.config, list(file.config["domains"])
    size, latent, width = (int(config[name]) for name in ("image_size", "latent", "width"))
    shape = {"latent": latent, "labels": len(domains), "image_size": size, "width": width}
    generator = restored(file, "generator", LatentGenerator, path, **shape)
    shape = {"outputs": latent, "hidden": int(config["hidden"]), "image_size": size, "width": max(1, width // 2)}
    encoder = restored(file, "encoder_z", Encoder, path, **shape)

    def paint(image: Tensor, domain: str) -> Tensor:
        label = torch.zeros(1, len(domains))
        label[0, domains.index(domain)] = 1
        return torch.as_tensor(generator(encoder(image), label))

    return DomainEngine("icgan", size, dict.fromkeys(domains, paint))


# --- attributes -------------------------------------------------------------------------------------------------------


class AttributeEngine:
    """StarGAN on attributes that are there or not, CelebA's: a dose above 0 sets one, below 0 takes it away, less than 1 mixes.

    The label of the photo itself, from which the others are kept, is what the critic sees in it."""

    name = "stargan"
    crop: Crop = "tight"

    def __init__(self, image_size: int, attributes: Sequence[str], generator: nn.Module, critic: nn.Module) -> None:
        self.image_size, self.generator, self.critic = image_size, generator, critic
        self.attributes = self.controls = tuple(attributes)

    def encode(self, face: Face) -> State:
        """The picture as a tensor, and what the critic sees."""
        image = as_input(torch.from_numpy(face.image)[None])
        with torch.inference_mode():
            seen = (self.critic(image)[1] > 0).float()
        return State(face, image, seen[0].numpy(), {})

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame. Raises `ValueRangeError` for an unknown attribute and for a dose that is not legal."""
        check_values(values, self.attributes, -MAX_DOSE, MAX_DOSE)
        doses = {name: dose for name, dose in values.items() if dose}
        label = state.values.copy()
        for name in sorted(doses, key=lambda name: doses[name]):
            if doses[name] > 0 and name in HAIR:
                label[[self.attributes.index(other) for other in HAIR if other in self.attributes]] = 0
            label[self.attributes.index(name)] = float(doses[name] > 0)

        def paint(image: Tensor, domain: str) -> Tensor:
            return torch.as_tensor(self.generator(image, torch.from_numpy(label)[None]))

        key = "".join(str(int(v)) for v in label)
        share = min(1.0, max(map(abs, doses.values()), default=0.0))
        return laid_over(state, key, share, {key: paint}, layers)
