"""The networks of VGAN, TGAN and MoCoGAN at 64 pixels and 16 frames.

    VGAN      C. Vondrick, H. Pirsiavash, A. Torralba, "Generating videos with scene dynamics" (NIPS 2016), section 3
    TGAN      M. Saito, E. Matsumoto, S. Saito, "Temporal generative adversarial nets with singular value clipping" (ICCV 2017),
              table 1
    MoCoGAN   S. Tulyakov et al., "MoCoGAN: Decomposing motion and content for video generation" (CVPR 2018), tables 9 and 10

Clips are float32 (B, 3, T, S, S) in [-1, 1], T = 16, S = 64. `width` is the number of channels next to the picture; the
papers have 64. VGAN's clips have 32 frames in its paper; with half as many its first layer spans one time step in place of
two.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.engines.baselines.networks import LatentGenerator
from mimica.engines.baselines.video.sizes import FRAMES, SIDE


def upward(widths: list[int]) -> nn.Sequential:
    """3D transposed convolutions, each doubling time and sides: (B, widths[0], t, h, w) -> (B, widths[-1], 8t, 8h, 8w) for
    four."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.ConvTranspose3d(a, b, 4, 2, 1, bias=False), nn.BatchNorm3d(b), nn.ReLU()]
    return nn.Sequential(*layers)


class TwoStreams(nn.Module):
    """VGAN's generator: what moves, where it moves, and a picture behind it."""

    def __init__(self, latent: int = 100, width: int = 64) -> None:
        super().__init__()
        widths = [width * 8, width * 4, width * 2, width]
        self.seed = nn.Sequential(
            nn.ConvTranspose3d(latent, widths[0], (1, 4, 4), bias=False), nn.BatchNorm3d(widths[0]), nn.ReLU()
        )
        self.trunk = upward(widths)
        self.front, self.mask = (nn.ConvTranspose3d(width, n, 4, 2, 1) for n in (3, 1))
        self.back = LatentGenerator(latent, 0, SIDE, width)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Z) -> clip m f + (1 - m) b (B, 3, 16, 64, 64), mask m (B, 1, 16, 64, 64) in [0, 1]."""
        x = self.trunk(self.seed(z[:, :, None, None, None]))
        front, mask = torch.tanh(self.front(x).float()), torch.sigmoid(self.mask(x).float())
        back = self.back(z, z[:, :0])[:, :, None]
        return mask * front + (1 - mask) * back, mask


class TemporalGenerator(nn.Module):
    """TGAN's: one latent to 16 latents of frames by 1D transposed convolutions, each with the first to a picture."""

    def __init__(self, latent: int = 100, width: int = 64) -> None:
        super().__init__()
        times = [width * 8, width * 4, width * 2, width * 2]
        layers: list[nn.Module] = [nn.ConvTranspose1d(latent, times[0], 1, bias=False), nn.BatchNorm1d(times[0]), nn.ReLU()]
        for a, b in itertools.pairwise(times):
            layers += [nn.ConvTranspose1d(a, b, 4, 2, 1, bias=False), nn.BatchNorm1d(b), nn.ReLU()]
        self.temporal = nn.Sequential(*layers, nn.ConvTranspose1d(times[-1], latent, 4, 2, 1))
        self.of_clip, self.of_frame = (nn.Linear(latent, width * 4 * 16, bias=False) for _ in range(2))
        self.norm = nn.BatchNorm2d(width * 8)
        widths, image = [width * 8, width * 4, width * 2, width], list[nn.Module]()
        for a, b in itertools.pairwise(widths):
            image += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.image = nn.Sequential(*image, nn.ConvTranspose2d(width, 3, 4, 2, 1))

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, 3, 16, 64, 64)."""
        of_frames = torch.tanh(self.temporal(z[:, :, None])).transpose(1, 2)
        frames = self.of_frame(of_frames).unflatten(2, (-1, 4, 4))
        clip = self.of_clip(z).unflatten(1, (-1, 4, 4))[:, None].expand(-1, FRAMES, -1, -1, -1)
        x = F.relu(self.norm(torch.cat([clip, frames], dim=2).flatten(0, 1)))
        return torch.tanh(self.image(x).float()).unflatten(0, (-1, FRAMES)).transpose(1, 2)


class ContentAndMotion(nn.Module):
    """MoCoGAN's: one content code a clip, motion codes that a GRU makes of fresh noise, a category; one picture of each."""

    def __init__(self, categories: int, content: int = 50, motion: int = 10, width: int = 64) -> None:
        super().__init__()
        self.content, self.motion, self.categories = content, motion, categories
        self.cell = nn.GRUCell(motion, motion)
        self.image = LatentGenerator(content + motion, categories, SIDE, width)

    def forward(self, z: Tensor, start: Tensor, noise: Tensor, category: Tensor) -> Tensor:
        """Content (B, content), first state (B, motion), noise (B, T, motion), one-hot (B, categories) -> (B, 3, T, 64, 64)."""
        state, states = start, []
        for moment in noise.unbind(1):
            state = self.cell(moment, state)
            states.append(state)
        count = len(states)
        codes = torch.cat([z[:, None].expand(-1, count, -1), torch.stack(states, 1)], dim=2).flatten(0, 1)
        labels = category[:, None].expand(-1, count, -1).flatten(0, 1)
        return self.image(codes, labels).unflatten(0, (-1, count)).transpose(1, 2)


class ClipDiscriminator(nn.Module):
    """3D convolutions, 16 x 64 x 64 down to one score, and `categories` scores besides where asked for (MoCoGAN)."""

    def __init__(self, width: int = 64, categories: int = 0) -> None:
        super().__init__()
        widths = [3, width, width * 2, width * 4, width * 8]
        layers: list[nn.Module] = []
        for place, (a, b) in enumerate(itertools.pairwise(widths)):
            norm = [nn.BatchNorm3d(b)] if place else []
            layers += [nn.Conv3d(a, b, 4, 2, 1, bias=not place), *norm, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv3d(widths[-1], 1 + categories, (1, 4, 4))

    def forward(self, clip: Tensor) -> Tensor:
        """(B, 3, 16, 64, 64) -> (B, 1 + categories), unbounded; the first is the score."""
        scores: Tensor = self.head(self.layers(clip)).flatten(1).float()
        return scores


def clip_singular_values(network: nn.Module, largest: float = 1.0) -> None:
    """TGAN, section 4: singular values of every convolution's and linear layer's weights, as matrices (outputs, the rest), above
    `largest` are set to it, and a batch norm's weight is kept at most its running deviation, so that the critic is Lipschitz."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv3d | nn.Conv2d | nn.Linear):
                u, s, v = torch.linalg.svd(module.weight.flatten(1), full_matrices=False)
                module.weight.copy_(((u * s.clamp(max=largest)) @ v).view_as(module.weight))
            elif isinstance(module, nn.BatchNorm3d) and module.running_var is not None:
                deviation = torch.sqrt(module.running_var + module.eps)
                module.weight.copy_(torch.minimum(torch.maximum(module.weight, 0.01 * deviation), deviation))
