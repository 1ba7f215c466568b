"""Projection: the latent whose picture comes nearest to given ones.

R. Abdal, Y. Qin, P. Wonka, "Image2StyleGAN" (ICCV 2019): gradient descent in W+ with perceptual and pixel loss; schedules,
noise on w and noise regularisation as T. Karras et al. (CVPR 2020), appendix D. Where the generator has an encoder, the
search starts at its answer instead of the mean w.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.engines.stylegan import losses
from mimica.engines.stylegan.model import NO_ARCHIVE, Model
from mimica.engines.stylegan.perceptual import Features
from mimica.errors import DataError, WeightsError, shown
from mimica.files import atomic_path


@dataclass(frozen=True)
class Search:
    """How to search.

    steps        of Adam; 0: the encoder's answer as it is
    space        w_plus: one w a layer; w: one for all
    learning_rate  the largest; it rises over the first 5 % and falls over the last 25 % of the steps
    spread       noise on w at the start, as a share of w's own deviation; gone after three quarters of the steps
    noises       also optimise the noise pictures
    start        encoder where there is one, or the mean w
    pixel, perceptual, near, white  weights: pixels, features, distance of w from where the search began, noise regularisation
    """

    steps: int = 300
    space: Literal["w", "w_plus"] = "w_plus"
    learning_rate: float = 0.05
    spread: float = 0.02
    noises: bool = False
    start: Literal["encoder", "mean"] = "encoder"
    pixel: float = 1.0
    perceptual: float = 0.5
    near: float = 1e-3
    white: float = 1e5


def learning_rate_factor(share: float) -> float:
    """The learning rate's factor at `share` of the steps: appendix D's ramps."""
    down = min(1.0, (1.0 - share) / 0.25)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, share / 0.05)


@dataclass
class Projection:
    """A search that can be stopped and taken up again.

    target   pictures (N, 3, S, S) in [-1, 1], S the generator's
    history  mean loss of each step
    """

    model: Model
    target: Tensor
    features: Features
    search: Search
    seed: int = 0
    step: int = 0
    history: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        synthesis = self.model.generator.synthesis
        self.origin = self._origin()
        start = self.origin.mean(1) if self.search.space == "w" else self.origin
        self.latent = start.clone().requires_grad_(True)
        count, adjustable = len(self.target), self.search.noises
        fixed = [layer.noise[None, None].repeat(count, 1, 1, 1) for layer in synthesis.layers]
        self.noises = [n.clone().requires_grad_(True) if adjustable else n[:1] for n in fixed]
        learnt = [self.latent, *(self.noises if adjustable else [])]
        self.optimiser = torch.optim.Adam(learnt, lr=self.search.learning_rate, betas=(0.9, 0.999))
        self.deviation = self._deviation()
        with torch.no_grad():
            self.wanted = [m.detach() for m in self.features(self.target)]

    @torch.no_grad()
    def _origin(self) -> Tensor:
        generator, encoder = self.model.generator, self.model.encoder
        if self.search.steps == 0 and (encoder is None or self.search.start != "encoder"):
            raise WeightsError("Without a search (--steps 0) an encoder must give the latent: put encoder.safetensors beside it.")
        if self.search.start == "encoder" and encoder is not None:
            return encoder.w_plus(self.target)
        return generator.synthesis.spread(generator.mapping.w_average.expand(len(self.target), -1)).clone()

    @torch.no_grad()
    def _deviation(self) -> float:
        """Standard deviation of w over random z."""
        generator = self.model.generator
        z = torch.randn(1000, int(generator.config["z_size"]), generator=torch.Generator().manual_seed(0))
        w = generator.mapping(z)
        return float((w - w.mean(0)).square().mean().sqrt())

    def run(self, progress: Callable[[int, float], None] = lambda step, loss: None) -> None:
        """Search to the end of the steps."""
        while self.step < self.search.steps:
            loss = self._one_step()
            self.history.append(loss)
            self.step += 1
            progress(self.step, loss)

    def _one_step(self) -> float:
        s, share = self.search, self.step / self.search.steps
        for group in self.optimiser.param_groups:
            group["lr"] = s.learning_rate * learning_rate_factor((self.step + 1) / s.steps)
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        fading = s.spread * self.deviation * max(0.0, 1 - share / 0.75) ** 2
        jitter = fading * torch.randn(self.latent.shape, generator=random)
        picture = self.model.generator.synthesis(self.latent + jitter, self.noises)
        loss = self._distances(picture).sum()
        if s.noises:
            loss = loss + s.white * losses.noise_penalty(self.noises)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if s.noises:
            with torch.no_grad():
                for noise in self.noises:
                    noise.sub_(noise.mean((2, 3), keepdim=True)).div_(noise.square().mean((2, 3), keepdim=True).sqrt())
        return float(loss.detach()) / len(self.target)

    def _distances(self, picture: Tensor) -> Tensor:
        """(N,)."""
        s = self.search
        moved = (self.latent - (self.origin if self.latent.ndim == 3 else self.origin.mean(1))) / self.deviation
        squared = F.mse_loss(picture, self.target, reduction="none").mean((1, 2, 3))
        return (
            s.pixel * (losses.pixel_distance(picture, self.target) + squared)
            + s.perceptual * losses.feature_distance(self.features(picture), self.wanted)
            + s.near * moved.square().flatten(1).mean(1)
        )

    @property
    def w_plus(self) -> Tensor:
        """(N, num_ws, w_size), as found so far."""
        return self.model.generator.synthesis.spread(self.latent.detach()).clone()

    @torch.no_grad()
    def pictures(self) -> Tensor:
        """(N, 3, S, S) of the latents found so far."""
        return self.model.generator.synthesis(self.latent, self.noises)

    # --- stopping and going on --------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write where the search is, to go on from."""
        arrays: dict[str, Any] = {"step": self.step, "history": self.history, "target": self.target.numpy()}
        for i, parameter in enumerate(self._learnt()):
            state = self.optimiser.state[parameter]
            arrays[f"value_{i}"] = parameter.detach().numpy()
            arrays |= {f"{name}_{i}": np.asarray(state[name]) for name in ("exp_avg", "exp_avg_sq", "step") if name in state}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, fingerprint=self.model.fingerprint, **arrays)

    def restore(self, path: Path) -> None:
        """Go on where `save` was called. Raises `DataError` where that was another search."""
        try:
            with np.load(path, allow_pickle=False) as file:
                same = str(file["fingerprint"]) == self.model.fingerprint and np.array_equal(file["target"], self.target.numpy())
                if not same or file["value_0"].shape != tuple(self.latent.shape):
                    raise DataError(f"{path} belongs to another search; delete it to begin anew.")
                self._take(file)
        except NO_ARCHIVE as error:
            raise DataError(f"{path} is damaged ({shown(error)}); delete it to begin anew.") from error

    def _take(self, file: Any) -> None:
        self.step, self.history = int(file["step"]), [float(v) for v in file["history"]]
        for i, parameter in enumerate(self._learnt()):
            parameter.data.copy_(torch.from_numpy(file[f"value_{i}"]))
            if f"step_{i}" in file.files:
                state = {name: torch.from_numpy(np.array(file[f"{name}_{i}"])) for name in ("exp_avg", "exp_avg_sq", "step")}
                self.optimiser.state[parameter] = state

    def _learnt(self) -> list[Tensor]:
        return [p for group in self.optimiser.param_groups for p in group["params"]]
