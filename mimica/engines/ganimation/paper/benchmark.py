"""How fast the training is beside a plain one: `python -m mimica.engines.ganimation.paper.benchmark`.

The plain one is what the paper describes, written straight down: float32, eager, a generator pass for every step of the
critic, the gradient penalty by differentiating twice. Both are timed in this process on one device, same batch and size:
the time of one critic step and a fifth of a generator step. The plain networks are also what the tests compare ours with.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mimica.data.dataset import FaceDataset
from mimica.engines.ganimation.paper.networks import LEAK
from mimica.engines.ganimation.paper.train import Ganimation, GanimationOptions
from mimica.facs import AU_NAMES
from mimica.pictures.pixels import as_input
from mimica.training.batches import Batch
from mimica.training.loop import Trainer


def plain_block(kind: type[nn.Module], inputs: int, outputs: int, kernel: int, stride: int, relu: bool = True) -> list[nn.Module]:
    """Convolution, instance norm and, usually, ReLU."""
    conv = kind(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
    return [conv, nn.InstanceNorm2d(outputs, affine=True), *([nn.ReLU()] if relu else [])]


class PlainResidual(nn.Module):
    """A residual block as everybody writes it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (plain_block(nn.Conv2d, width, width, 3, 1, relu) for relu in (True, False))
        self.main = nn.Sequential(*first, *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


class PlainGenerator(nn.Module):
    """The paper's generator as everybody writes it: the AUs as planes of the input, two heads."""

    def __init__(self, controls: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        w = width
        layers = plain_block(nn.Conv2d, 3 + controls, w, 7, 1)
        layers += [*plain_block(nn.Conv2d, w, 2 * w, 4, 2), *plain_block(nn.Conv2d, 2 * w, 4 * w, 4, 2)]
        layers += [PlainResidual(4 * w) for _ in range(blocks)]
        layers += [*plain_block(nn.ConvTranspose2d, 4 * w, 2 * w, 4, 2), *plain_block(nn.ConvTranspose2d, 2 * w, w, 4, 2)]
        self.main = nn.Sequential(*layers)
        self.color = nn.Sequential(nn.Conv2d(w, 3, 7, padding=3, bias=False), nn.Tanh())
        self.attention = nn.Sequential(nn.Conv2d(w, 1, 7, padding=3, bias=False), nn.Sigmoid())

    def forward(self, image: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        planes = values[:, :, None, None].expand(-1, -1, *image.shape[2:])
        features = self.main(torch.cat([image, planes], dim=1))
        return self.color(features), self.attention(features)


class PlainCritic(nn.Module):
    """The paper's critic as everybody writes it."""

    def __init__(self, controls: int, image_size: int = 128, width: int = 64, layers: int = 6) -> None:
        super().__init__()
        widths = [3] + [width * 2**i for i in range(layers)]
        convs = [nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(widths, widths[1:], strict=False)]  # noqa: RUF007
        self.main = nn.Sequential(*[layer for conv in convs for layer in (conv, nn.LeakyReLU(LEAK))])
        self.patches = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.values = nn.Conv2d(widths[-1], controls, image_size // 2**layers, bias=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.main(image)
        return self.patches(features)[:, 0], self.values(features).flatten(1)


class PlainTraining:
    """Both steps of the paper's training, straight down; the loss weights are those of section 5."""

    def __init__(self, controls: int, device: torch.device, image_size: int = 128, width: int = 64, blocks: int = 6) -> None:
        self.generator = PlainGenerator(controls, width, blocks).to(device)
        self.critic = PlainCritic(controls, image_size, width).to(device)
        self.optimisers = [torch.optim.Adam(n.parameters(), lr=1e-4, betas=(0.5, 0.999)) for n in (self.generator, self.critic)]

    def _edit(self, image: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        color, attention = self.generator(image, values)
        return (1 - attention) * color + attention * image, attention

    def critic_loss(self, image: Tensor, fake: Tensor, values: Tensor, mix: Tensor) -> Tensor:
        """L_I with its penalty, and the AU regression on the photos."""
        real_patches, real_values = self.critic(image)
        fake_patches, _ = self.critic(fake)
        share = mix.view(-1, 1, 1, 1)
        point = (share * image + (1 - share) * fake).requires_grad_()
        gradient = torch.autograd.grad(self.critic(point)[0].sum(), point, create_graph=True)[0]
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        regression = ((real_values - values) ** 2).sum(1).mean()
        return fake_patches.mean() - real_patches.mean() + 10 * penalty + 4000 * regression

    def generator_loss(self, image: Tensor, values: Tensor, targets: Tensor) -> Tensor:
        """Equation (5) as the generator sees it."""
        fake, attention = self._edit(image, targets)
        patches, seen = self.critic(fake)
        back, back_attention = self._edit(fake, values)
        loss = -patches.mean() + 4000 * ((seen - targets) ** 2).sum(1).mean() + 10 * (back - image).abs().mean()
        for a in (attention, back_attention):
            variation = (a[:, :, 1:] - a[:, :, :-1]).pow(2).sum() + (a[:, :, :, 1:] - a[:, :, :, :-1]).pow(2).sum()
            loss = loss + 0.1 * (1e-4 * variation / len(a) + a.flatten(1).norm(dim=1).mean())
        return loss

    def critic_step(self, batch: Batch) -> None:
        """One step of the critic."""
        image = as_input(batch["image"]).contiguous()
        fake = self._edit(image, batch["targets"])[0].detach()
        self.optimisers[1].zero_grad()
        self.critic_loss(image, fake, batch["values"], batch["mix"]).backward()
        self.optimisers[1].step()

    def generator_step(self, batch: Batch) -> None:
        """One step of the generator."""
        self.optimisers[0].zero_grad()
        self.generator_loss(as_input(batch["image"]).contiguous(), batch["values"], batch["targets"]).backward()
        self.optimisers[0].step()


def synthetic_faces(count: int, size: int, seed: int = 0) -> FaceDataset:
    """Noise in place of faces, with random AU values; for timing and tests."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, size, size, 3), np.uint8)
    names = tuple(f"{i}" for i in range(count))
    values = random.random((count, len(AU_NAMES)), np.float32)
    places = np.stack([np.zeros(count, np.int64), np.arange(count)], axis=1)
    unknown = ("",) * count
    return FaceDataset("noise", "tight", AU_NAMES, values, names, names, unknown, unknown, (images,), places)


def _seconds(action: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """The fastest of `repeats` runs, on a GPU after one that does not count. With one thread on the CPU it is the processor's
    time that counts, which other programs on the machine disturb less."""
    warm = int(device.type != "cpu")
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    times = []
    for _ in range(repeats + warm):
        start = clock()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return min(times[warm:])


def measure(options: GanimationOptions, repeats: int = 1) -> dict[str, float]:
    """Seconds of one critic step and a fifth of a generator step, `plain` and `ours`, and the `ratio`."""
    task = Ganimation(options, Path("noise"))
    task.faces = synthetic_faces(2 * options.batch_size, options.image_size)
    trainer = Trainer(task, Path(tempfile.gettempdir()) / "unused")
    trainer.prepare()
    device = trainer.fabric.device
    batch = trainer.first_batch()

    def ours(step: int) -> None:
        trainer.step = step
        task.step(batch, trainer)

    every = options.critic_steps
    quick = _seconds(lambda: ours(0), repeats, device)
    both = _seconds(lambda: ours(every - 1), repeats, device)
    ours_seconds = ((every - 1) * quick + both) / every
    plain = PlainTraining(len(task.faces.controls), device, options.image_size, options.width, options.blocks)
    critic = _seconds(lambda: plain.critic_step(batch), repeats, device)
    generator = _seconds(lambda: plain.generator_step(batch), repeats, device)
    plain_seconds = critic + generator / every
    return {"plain": plain_seconds, "ours": ours_seconds, "ratio": plain_seconds / ours_seconds}


if __name__ == "__main__":
    on_gpu = torch.cuda.is_available()
    chosen = GanimationOptions(
        batch_size=int(sys.argv[1]) if len(sys.argv) > 1 else 25, precision="bf16" if on_gpu else "fp32", ema=0.0
    )
    result = measure(chosen, repeats=20 if on_gpu else 1)
    print(f"{torch.cuda.get_device_name() if on_gpu else 'CPU'}, {torch.get_num_threads()} threads, batch {chosen.batch_size}:")
    print("  ".join(f"{name} {value:.3f}" for name, value in result.items()))
