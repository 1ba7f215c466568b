"""The geometry of the fast generator, learned from pairs: the weights that `mimica.engines.ganimation.fast.rig` reads.

    mesh   ridge regression, 68 landmarks -> principal components of the mesh              seconds
    move   perceptron, landmarks and Action Units -> displacement of the mesh              a minute
    gain   perceptron, the same -> log gain of the skin, measured on the pairs             minutes

Every pair of frames of one person trains, in both directions, so that any expression may be the source. Landmarks and Action
Units of the source are the exact ones with noise, as a reader would measure them; half of the targets name all Action Units, so
that what a reader saw where there is nothing moves nothing. With `readings`, the source is at times what Mimica's own reader
sees in the frame; this pays only if the reader does not know these people, as it reads those that it was trained on too well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from mimica.engines.ganimation.fast.data import Pairs
from mimica.engines.ganimation.fast.file import Arrays, as_bytes, as_half
from mimica.engines.ganimation.fast.networks import ChangePerceptron
from mimica.engines.ganimation.fast.options import FastOptions
from mimica.engines.ganimation.fast.warp import SIDE, Warper, sample
from mimica.files import atomic_path

# --- mesh and motion ------------------------------------------------------------------------------------------------


def principal_components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) -> mean (D,), basis (count, D)."""
    mean = rows.mean(axis=0)
    _, _, v = torch.svd_lowrank(torch.from_numpy(rows - mean), q=min(count + 12, *rows.shape), niter=2)
    return mean, v[:, :count].T.contiguous().numpy()


def vertex_weights(topology: Arrays, vertices: int, options: FastOptions) -> np.ndarray:
    """(2 * vertices,), the square root of what an error of each coordinate counts."""
    skin = topology["vertex_weight"]
    inner = np.full(vertices - len(skin), options.inner_weight, np.float32)
    return np.repeat(np.sqrt(np.concatenate([skin, inner])), 2)


def fit_mesh(pairs: Pairs, topology: Arrays, options: FastOptions) -> Arrays:
    """The weights `mesh.*`: landmarks -> vertices."""
    weight = vertex_weights(topology, pairs.mesh.shape[1], options)
    train = ~pairs.validation
    rows = pairs.mesh[train].reshape(train.sum(), -1) * weight
    mean, basis = principal_components(rows, options.mesh_components)
    coefficients = (rows - mean) @ basis.T
    landmarks = pairs.landmarks[train].reshape(len(rows), -1).astype(np.float64)
    if pairs.read:
        seen = pairs.seen_landmarks[train].reshape(len(rows), -1)
        landmarks, coefficients = np.concatenate([landmarks, seen]), np.concatenate([coefficients, coefficients])
    center = landmarks.mean(axis=0)
    centred = landmarks - center
    noise = len(landmarks) * options.landmark_noise**2 * np.eye(136)
    from_landmarks = np.linalg.solve(centred.T @ centred + noise, centred.T @ coefficients)
    return {
        "mesh.mean": (mean / weight).astype(np.float32),
        "mesh.basis": (basis / weight).astype(np.float16),
        "mesh.from_landmarks": from_landmarks.astype(np.float32),
        "mesh.landmark_mean": center.astype(np.float32),
    }


def fit_move(pairs: Pairs, topology: Arrays, options: FastOptions) -> Arrays:
    """The weights `move.*`: landmarks and Action Units -> displacement of the vertices."""
    weight = vertex_weights(topology, pairs.mesh.shape[1], options)
    rows = (pairs.mesh - pairs.mesh[pairs.source]).reshape(len(pairs.mesh), -1) * weight
    return fit_change("move", rows, weight, pairs, options.move_components, options)


def fit_change(
    part: str, rows: np.ndarray, weight: np.ndarray | float, pairs: Pairs, components: int, options: FastOptions
) -> Arrays:
    """Rows (N, D), each frame's difference from its source, times `weight` -> the weights `part.*` of the perceptron that
    predicts the difference of any two frames of a source."""
    train = np.flatnonzero(~pairs.validation & (pairs.source != np.arange(len(rows))))
    _, basis = principal_components(np.concatenate([rows[train], -rows[train]]), components)  # symmetric: no mean
    coefficients = torch.from_numpy(rows @ basis.T)
    scale = float(coefficients[train].std())
    network = _train_change(pairs, coefficients / scale, options)
    state = {f"{part}.{name}": value.numpy() for name, value in network.state_dict().items()}
    return state | {f"{part}.basis": basis / weight, f"{part}.scale": np.array([scale], np.float32)}


def _train_change(pairs: Pairs, coefficients: torch.Tensor, options: FastOptions) -> ChangePerceptron:
    generator = torch.manual_seed(options.seed)
    inputs = SourceSampler(pairs, options)
    train = torch.from_numpy(np.flatnonzero(~pairs.validation))
    network = ChangePerceptron(coefficients.shape[1], inputs.landmarks[train].mean(0), inputs.controls.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), options.fit_learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.fit_learning_rate, total_steps=options.fit_steps)
    partner = PartnerSampler(pairs)
    for _ in range(options.fit_steps):
        before = train[torch.randint(len(train), (options.fit_batch,), generator=generator)]
        after = partner(before)
        error = network.change(*inputs(before, after)) - (coefficients[after] - coefficients[before])
        loss = ((error**2).sum(1) + 1e-6).sqrt().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


class SourceSampler:
    """Frames before and after -> what the generator is told: landmarks (B, 136), Action Units (B, 34) before and after."""

    def __init__(self, pairs: Pairs, options: FastOptions):
        self._options, self._read = options, pairs.read
        self.landmarks = torch.from_numpy(pairs.landmarks.reshape(-1, 136))
        self.controls = torch.from_numpy(pairs.controls)
        self._seen_landmarks = torch.from_numpy(pairs.seen_landmarks.reshape(-1, 136))
        self._seen_controls = torch.from_numpy(pairs.seen_controls)

    def __call__(self, before: torch.Tensor, after: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        o, amount = self._options, torch.rand(len(before), 1)
        place = self.landmarks[before] + o.landmark_noise * amount * torch.randn(len(before), 136)
        source = noisy_controls(self.controls[before], o.control_noise)
        if self._read:
            seen = torch.rand(len(before), 1) < 0.5
            place = torch.where(seen, self._seen_landmarks[before], place)
            source = torch.where(seen, self._seen_controls[before], source)
        return place, source, as_asked(self.controls[before], source, self.controls[after])


class PartnerSampler:
    """Frame -> another frame of the same source, at random."""

    def __init__(self, pairs: Pairs):
        groups = pairs.partners()
        self._size = torch.empty(len(pairs.source), dtype=torch.long)
        self._frames = torch.zeros(len(pairs.source), max(map(len, groups)), dtype=torch.long)
        for group in groups:
            self._size[group] = len(group)
            self._frames[group, : len(group)] = torch.from_numpy(group)

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        place = (torch.rand(len(frames)) * self._size[frames]).long()
        return self._frames[frames, place]


def noisy_controls(controls: torch.Tensor, noise: float) -> torch.Tensor:
    """Action Units as a reader would measure them; the amount of noise differs from sample to sample."""
    amount = noise * 2 * torch.rand(len(controls), 1)
    return (controls + amount * torch.randn_like(controls)).clamp(0, 1)


def as_asked(before: torch.Tensor, measured: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """The target of a pair as an edit asks for it, (B, 34). Half of the edits name some units and take all others from the
    reader: what the pair leaves alone is then as `measured`. The other half names all, as an emotion does: a unit that
    the reader saw where there is none is then asked to be 0, and nothing is to move for it."""
    named_all = torch.rand(len(before), 1) < 0.5
    return torch.where(((after - before).abs() < 0.02) & ~named_all, measured, after)


# --- shading --------------------------------------------------------------------------------------------------------

GAIN_BLUR = 1.2
GAIN_LIMITS = (-0.8, 0.5)


def measure_gain(warper: Warper, image: np.ndarray, frame: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(V, 3), log of how much lighter a frame is than its source warped onto it, at each visible vertex, else 0. Images are
    uint8 (SIDE, SIDE, 3), meshes (V, 2) of the skin."""
    size = SIDE
    field = warper.field(source, target, np.zeros((len(source), 3), np.float32))
    warped = remap(image.astype(np.float32), field.flow)
    covered = warper.skin(target)
    holes = cv2.dilate(np.maximum(field.mouth, field.eyes), np.ones((3, 3)))
    ok = cv2.erode(covered * (holes < 0.02), np.ones((3, 3)))[..., None]
    blurred = [cv2.GaussianBlur(picture * ok, (0, 0), GAIN_BLUR) for picture in (frame.astype(np.float32), warped)]
    log_gain = np.clip(np.log((blurred[0] + 6) / (blurred[1] + 6)) * ok, *GAIN_LIMITS).astype(np.float32)
    place = (target * size - 0.5).astype(np.float32)[None]
    return sample(log_gain, place, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)[0]


def remap(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A square crop (S, S, C) warped by the flow of its size (shares of the side)."""
    size = len(image)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32)
    return sample(image, grid + flow * size)


def measure_gains(pairs: Pairs, topology: Arrays, frames: np.ndarray) -> np.ndarray:
    """float16 (len(frames), V * 3), `measure_gain` of each of the `frames` against its source."""
    warper, skin = Warper(topology), len(topology["vertex_weight"])
    gains = np.zeros((len(frames), skin * 3), np.float16)
    for row, (i, j) in enumerate(zip(frames, pairs.source[frames], strict=True)):
        if i != j:
            meshes = pairs.mesh[j, :skin], pairs.mesh[i, :skin]
            gains[row] = measure_gain(warper, pairs.images[j], pairs.images[i], *meshes).reshape(-1)
    return gains


def gain_frames(pairs: Pairs, count: int, seed: int) -> np.ndarray:
    """The frames on which the gain is measured: at most `count` (0: all) for training, in whole sources drawn at random, as
    any two frames of a source become a pair."""
    kept: list[np.ndarray] = []
    for group in np.random.default_rng(seed).permutation(np.array(pairs.partners(), dtype=object)):
        if pairs.validation[group[0]]:
            continue
        if count and kept and sum(map(len, kept)) + len(group) > count:
            break
        kept.append(np.asarray(group, np.int64))
    return np.sort(np.concatenate(kept))


def fit_gain(pairs: Pairs, topology: Arrays, options: FastOptions) -> Arrays:
    """The weights `gain.*`: landmarks and Action Units -> log gain of the skin's vertices."""
    frames = gain_frames(pairs, options.gain_frames, options.seed)
    gains = measure_gains(pairs, topology, frames).astype(np.float32)
    return fit_change("gain", gains, 1.0, pairs.subset(frames), options.gain_components, options)


# --- storage --------------------------------------------------------------------------------------------------------


def geometry(
    pairs: Pairs, topology: Arrays, folder: Path, options: FastOptions, say: Callable[[str], None] = lambda _line: None
) -> Arrays:
    """Mesh, move and gain; each is kept in the folder and not fitted again."""
    arrays = {f"topology.{name}": value for name, value in topology.items()}
    steps: dict[str, Callable[[], Arrays]] = {
        "mesh": lambda: fit_mesh(pairs, topology, options),
        "move": lambda: as_half(fit_move(pairs, topology, options), "move"),
        "gain": lambda: as_bytes(fit_gain(pairs, topology, options), "gain"),
    }
    for name, step in steps.items():
        path = folder / f"{name}.npz"
        if not path.exists():
            say(f"fitting the {name}")
            with atomic_path(path) as temporary:
                np.savez(temporary, **step())  # type: ignore[arg-type]
        arrays |= dict(np.load(path))
    return arrays
