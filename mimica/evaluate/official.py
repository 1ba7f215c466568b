"""`mimica evaluate official`: what official StyleGAN2 networks cost on this machine, in time and memory.

NVIDIA's networks may not be passed on, but what they cost depends on their shape alone: a generator of config f (1,024 pixels,
30.4 million parameters) is drawn at random and written as `mimica convert` writes one, then put through the commands, each in a
process of its own. Directions and the pseudo-autoencoder are fitted on random codes whose faces "show" what a planted vector
says, as no face is to be seen in noise.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mimica.engines.stylegan.latents import READ_COLUMNS, LatentSet
from mimica.engines.stylegan.latents import save_latents as save_set
from mimica.engines.stylegan.model import fingerprint
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator
from mimica.errors import UserError
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights

CODES, PEOPLE = 240, 40
_RUN = """
import resource, sys
from pathlib import Path
from mimica.cli import main
try:
    main()
except SystemExit as left:
    code = left.code or 0
status = Path("/proc/self/status")
if status.is_file():  # ru_maxrss would count the process that started this one too
    kilobytes = int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
else:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"peak {kilobytes / 2**10:.0f} MiB, {used.ru_utime + used.ru_stime:.1f} s of a core", file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Cost:
    """Of one command: seconds from the process's start to its end, those that a processor core worked for it (all cores together,
    whatever else the machine does), and its most memory in MiB. `what` says what it did."""

    what: str
    command: str
    seconds: float
    worked: float
    peak: float


@torch.no_grad()
def write_network(folder: Path, size: int = 1024, channel_base: int = 32768) -> Path:
    """`network.safetensors`, a random generator, and beside it a set of random codes, `codes`."""
    torch.manual_seed(0)
    generator = Generator(size, channel_base=channel_base)
    draws = torch.randn(CODES, generator.mapping.layers[0].weight.shape[1])
    w = generator.mapping(draws)
    generator.mapping.w_average.copy_(w.mean(0))
    weights = Weights(GENERATOR_KIND, 1, (), generator.config, module_tensors(generator), {"origin": "random numbers"})
    save_weights(folder / "network.safetensors", weights)
    save_set(folder / "codes", _codes(w.numpy(), generator.synthesis.num_ws, fingerprint(weights)))
    return folder / "network.safetensors"


def _codes(w: np.ndarray, num_ws: int, made_by: str) -> LatentSet:
    """Every column is what a random direction says of the code, between 0 and 1; people are shown several times."""
    rng = np.random.default_rng(0)
    along = (w - w.mean(0)) @ rng.standard_normal((w.shape[1], len(READ_COLUMNS)))
    values = (1 / (1 + np.exp(-along / along.std()))).astype(np.float32)
    names, people = tuple(f"code {i}" for i in range(len(w))), tuple(f"person {i % PEOPLE}" for i in range(len(w)))
    codes = np.repeat(w[:, None], num_ws, axis=1)
    return LatentSet("random codes", made_by, num_ws, codes, READ_COLUMNS, values, names, people, ("",) * len(w))


def jobs(folder: Path, photo: Path, steps: int) -> Iterator[tuple[str, list[str]]]:
    """(what is done, words after `mimica`)."""
    weights, codes = str(folder / "network.safetensors"), str(folder / "codes")
    directions, residual = str(folder / "directions.safetensors"), str(folder / "residual")
    generate = ["generate", "--weights", weights, "--seeds"]
    yield "4 pictures", [*generate, "1-4", "-o", str(folder / "faces")]
    yield "a walk, 1 s at 10 frames a second", [
        *generate, "1-2", "--video", "--seconds", "0.5", "--fps", "10", "-o", str(folder / "walk"),
    ]  # fmt: skip
    project = ["project", str(photo), "--weights", weights, "--steps", str(steps), "-o", str(folder / "latent.npz")]
    yield f"a photo, {steps} steps of search", project
    fit = ["directions", "fit", codes, "--one-w", "-c", "happiness", "-c", "smile=12", "-c", "yaw", "-o", directions]
    yield f"3 directions from {CODES} codes", fit
    show = ["directions", "show", "--only", "smile", "--seeds", "1", "--directions", directions, "--weights", weights]
    yield "5 doses of a direction", [*show, "-o", str(folder / "doses.png")]
    train = ["train", "autoencoder", "--preset", "residual", "--data", codes, "-o", residual]
    yield "20 steps of a pseudo-autoencoder", [*train, "--set", "epochs=0", "--set", "steps=20", "--set", "one_w=true"]
    editor = str(folder / "residual" / "weights" / "autoencoder.safetensors")
    transition = ["transition", "--seeds", "1", "--from", "sad", "--to", "happy", "--weights", weights, "--autoencoder", editor]
    yield "a transition, 5 pictures", [*transition, "-o", str(folder / "strip.png")]
    yield "a transition, 1 s at 10 frames a second", [
        *transition, "--seconds", "1", "--fps", "10", "-o", str(folder / "strip.mp4"),
    ]  # fmt: skip


def measured(
    folder: Path, photo: Path, steps: int = 10, size: int = 1024, progress: Callable[[str], None] = lambda what: None
) -> Iterator[Cost]:
    """Writes the network (122 MB at 1,024 pixels) into `folder` and runs each command. Raises `UserError` for one that fails."""
    write_network(folder, size)
    for what, words in jobs(folder, photo, steps):
        progress(what)
        yield _timed(what, words)


def _timed(what: str, words: Sequence[str]) -> Cost:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    found = re.search(r"peak (\d+) MiB, ([\d.]+) s of a core", done.stderr)
    if done.returncode or found is None:
        raise UserError(f"`mimica {' '.join(words)}` failed while it was measured: {done.stderr.strip()[-500:]}")
    name = " ".join(word for word in words[:2] if "/" not in word and not word.startswith("-"))
    return Cost(what, name, seconds, float(found[2]), float(found[1]))
