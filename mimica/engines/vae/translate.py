"""Steps that depend on the face: where the hair is, a step for blond hair should be, and a constant vector cannot know.

    T(z, wish) = z + wish . switches + |wish| R(z, wish)

R is a small network on the latent map, fitted on the latents of drawn pairs alone, without pictures, when attribute vectors are
fitted; that takes minutes. It starts as nothing: T is then the switches themselves. `wish` has a dose in the place of one switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.vae.codec import TRANSLATOR, Vectors
from mimica.engines.vae.encoded import Encoded
from mimica.engines.vae.pair_source import drawn_pairs
from mimica.engines.vae.spatial import Mixed, Residual, conv
from mimica.model_files.checkpoint import Weights
from mimica.model_files.onnx_export import onnx_of

STEPS, BATCH, RATE = 700, 48, 2e-3
NOISE = 0.1
"""Standard deviation of what is added to z in training, in those of the latent."""


class Translator(nn.Module):
    """z (B, Z), wish (B, A) -> z (B, Z)."""

    def __init__(
        self,
        code: int,  # Channels of the latent map.
        switches: Tensor,  # (A, Z): the steps that are the same for every face.
        width: int = 96,  # Channels within: a multiple of 8.
    ) -> None:
        super().__init__()
        self.code, self.side = code, round((switches.shape[1] / code) ** 0.5)
        self.register_buffer("switches", switches)
        self.enter = conv(code + len(switches), width)
        self.body = nn.Sequential(
            Residual(width), Mixed(width, self.side**2), Residual(width), nn.LeakyReLU(0.2), conv(width, code, zero=True)
        )

    def forward(self, z: Tensor, wish: Tensor) -> Tensor:
        maps = z.view(-1, self.code, self.side, self.side)
        planes = wish[:, :, None, None] + 0 * maps[:, :1]
        own = self.body(self.enter(torch.cat([maps, planes], 1))).flatten(1)
        moved: Tensor = z + wish @ self.switches + wish.abs().sum(1, keepdim=True) * own  # type: ignore[operator]
        return moved


def fitted(faces: Encoded, vectors: Vectors, scales: Sequence[float], steps: int = STEPS) -> Translator:
    """The translator of the switches of `vectors`, from the pairs among the encoded training faces; `scales` (C,) say how much a
    component of the map counts."""
    torch.manual_seed(0)
    code = len(scales)
    net = Translator(code, torch.from_numpy(np.stack([vectors.of(name) for name in vectors.switches])))
    places = {int(row): place for place, row in enumerate(faces.rows)}
    pairs = [pair for pair in drawn_pairs(faces.data, vectors.switches, validation=False) if pair.switch >= 0]
    photos, changed = (np.array([places[getattr(pair, name)] for pair in pairs]) for name in ("photo", "row"))
    z, target = (
        torch.from_numpy(np.concatenate([faces.latents[rows], faces.mirrored[rows]])).float() for rows in (photos, changed)
    )
    wish = torch.zeros(len(pairs), len(vectors.switches))
    wish[torch.arange(len(pairs)), torch.tensor([pair.switch for pair in pairs])] = torch.tensor([pair.dose for pair in pairs])
    wish = torch.cat([wish, wish])
    scale = torch.tensor(scales).repeat_interleave(z.shape[1] // code)
    spread = torch.from_numpy(np.asarray(vectors.latent_std)).float()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * (1 - step / steps)
        chosen = torch.randint(len(z), (BATCH,))
        noise = NOISE * spread * torch.randn(BATCH, z.shape[1])
        made = net(z[chosen] + noise, wish[chosen])
        loss = F.smooth_l1_loss((made - noise) * scale, target[chosen] * scale, beta=0.1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()


def with_translator(weights: Weights, faces: Encoded, vectors: Vectors) -> Weights:
    """An engine file's networks and the translator fitted to its switches; the same where there are no pairs."""
    if not vectors.switches or not drawn_pairs(faces.data, vectors.switches, validation=False):
        return weights
    net = fitted(faces, vectors, [float(scale) for scale in weights.config["scales"]])
    inputs = {"z": torch.zeros(2, len(vectors.latent_mean)), "wish": torch.zeros(2, len(vectors.switches))}
    content = onnx_of(net, inputs, ["moved"])
    return replace(weights, tensors={**weights.tensors, TRANSLATOR: np.frombuffer(content, np.uint8)})
