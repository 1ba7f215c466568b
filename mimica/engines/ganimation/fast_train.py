"""Training of the fast generator: a folder of pairs -> one file of weights, in four steps.

    mesh      ridge regression, 68 landmarks -> principal components of the mesh              seconds
    move      perceptron, landmarks and Action Units -> displacement of the mesh              a minute
    gain      perceptron, the same -> log gain of the skin, measured on the pairs             minutes
    painter   U-Nets on patches: mouth and eyes (`fast_painter`)                              most of the time

Every pair of frames of one person trains, in both directions, so that any expression may be the source. Each step leaves a
file in the run folder and is skipped if the file is there: the same command resumes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.numpy import save_file

from mimica import __version__
from mimica.engines.ganimation.edit import KIND, WEIGHTS, read_weights
from mimica.engines.ganimation.fast_data import Pairs, prepare
from mimica.engines.ganimation.fast_networks import ChangePerceptron
from mimica.engines.ganimation.fast_painter import PainterOptions, Patches, make_patches, to_onnx, train_painter
from mimica.engines.ganimation.rig import Rig
from mimica.engines.ganimation.warp import SIDE, Warper, sample
from mimica.facs import SIDED_AU_NAMES
from mimica.images import atomic_path

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class GeometryOptions:
    """mesh_components, move_components, gain_components   principal components kept
    landmark_noise   what the reader's landmarks are off by (shares of the side): the ridge's only regularisation
    control_noise    the same of its Action Units          steps, batch, rate   of the perceptrons
    inner_weight     of the inner mouth's vertices in the principal components (skin 1, lips and lids 3)"""

    mesh_components: int = 64
    move_components: int = 96
    gain_components: int = 64
    landmark_noise: float = 0.003
    control_noise: float = 0.08
    inner_weight: float = 0.5
    steps: int = 2500
    batch: int = 256
    rate: float = 2e-3
    seed: int = 0


# --- mesh and motion ------------------------------------------------------------------------------------------------


def principal_components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) -> mean (D,), basis (count, D)."""
    mean = rows.mean(axis=0)
    _, _, v = torch.svd_lowrank(torch.from_numpy(rows - mean), q=min(count + 12, *rows.shape), niter=2)
    return mean, v[:, :count].T.contiguous().numpy()


def vertex_weights(topology: Arrays, vertices: int, options: GeometryOptions) -> np.ndarray:
    """(2 * vertices,), the square root of what an error of each coordinate counts."""
    skin = topology["vertex_weight"]
    inner = np.full(vertices - len(skin), options.inner_weight, np.float32)
    return np.repeat(np.sqrt(np.concatenate([skin, inner])), 2)


def fit_mesh(pairs: Pairs, topology: Arrays, options: GeometryOptions) -> Arrays:
    """The weights `mesh.*`: landmarks -> vertices."""
    weight = vertex_weights(topology, pairs.mesh.shape[1], options)
    train = ~pairs.validation
    rows = pairs.mesh[train].reshape(train.sum(), -1) * weight
    mean, basis = principal_components(rows, options.mesh_components)
    landmarks = pairs.landmarks[train].reshape(len(rows), -1).astype(np.float64)
    center = landmarks.mean(axis=0)
    centred = landmarks - center
    noise = len(rows) * options.landmark_noise**2 * np.eye(136)
    from_landmarks = np.linalg.solve(centred.T @ centred + noise, centred.T @ ((rows - mean) @ basis.T))
    return {
        "mesh.mean": (mean / weight).astype(np.float32),
        "mesh.basis": (basis / weight).astype(np.float16),
        "mesh.from_landmarks": from_landmarks.astype(np.float32),
        "mesh.landmark_mean": center.astype(np.float32),
    }


def fit_move(pairs: Pairs, topology: Arrays, options: GeometryOptions) -> Arrays:
    """The weights `move.*`: landmarks and Action Units -> displacement of the vertices."""
    weight = vertex_weights(topology, pairs.mesh.shape[1], options)
    rows = (pairs.mesh - pairs.mesh[pairs.source]).reshape(len(pairs.mesh), -1) * weight
    return fit_change("move", rows, weight, pairs, options.move_components, options)


def fit_change(
    part: str, rows: np.ndarray, weight: np.ndarray | float, pairs: Pairs, components: int, options: GeometryOptions
) -> Arrays:
    """Rows (N, D), each frame's difference from its source, times `weight` -> the weights `part.*` of the perceptron that
    predicts the difference of any two frames of a source."""
    train = np.flatnonzero(~pairs.validation & (pairs.source != np.arange(len(rows))))
    _, basis = principal_components(np.concatenate([rows[train], -rows[train]]), components)  # symmetric: no mean
    coefficients = torch.from_numpy(rows @ basis.T)
    scale = float(coefficients[train].std())
    network = _train_change(pairs, coefficients / scale, options)
    state = {f"{part}.{name}": value.numpy() for name, value in network.state_dict().items()}
    return state | {f"{part}.basis": (basis / weight).astype(np.float16), f"{part}.scale": np.array([scale], np.float32)}


def _train_change(pairs: Pairs, coefficients: torch.Tensor, options: GeometryOptions) -> ChangePerceptron:
    generator = torch.manual_seed(options.seed)
    landmarks = torch.from_numpy(pairs.landmarks.reshape(-1, 136))
    controls = torch.from_numpy(pairs.controls)
    train = torch.from_numpy(np.flatnonzero(~pairs.validation))
    network = ChangePerceptron(coefficients.shape[1], landmarks[train].mean(0), controls.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=options.steps)
    partner = PartnerSampler(pairs)
    for _ in range(options.steps):
        before = train[torch.randint(len(train), (options.batch,), generator=generator)]
        after = partner(before)
        place = landmarks[before] + options.landmark_noise * torch.randn(len(before), 136) * torch.rand(len(before), 1)
        source, target = noisy_controls(controls[before], controls[after], options.control_noise)
        error = network.change(place, source, target) - (coefficients[after] - coefficients[before])
        loss = ((error**2).sum(1) + 1e-6).sqrt().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


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


def noisy_controls(source: torch.Tensor, target: torch.Tensor, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Source Action Units as a reader would measure them. Those that the pair leaves alone stay equal in both, as in an edit
    that asks for one unit and takes all the others from the reader; the amount of noise differs from sample to sample."""
    amount = noise * 2 * torch.rand(len(source), 1)
    measured = (source + amount * torch.randn_like(source)).clamp(0, 1)
    return measured, torch.where((target - source).abs() < 0.02, measured, target)


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


def measure_gains(pairs: Pairs, topology: Arrays) -> np.ndarray:
    """float16 (N, V * 3), `measure_gain` of every frame against its source."""
    warper, skin = Warper(topology), len(topology["vertex_weight"])
    gains = np.zeros((len(pairs.source), skin * 3), np.float16)
    for i, j in enumerate(pairs.source):
        if i != j:
            meshes = pairs.mesh[j, :skin], pairs.mesh[i, :skin]
            gains[i] = measure_gain(warper, pairs.images[j], pairs.images[i], *meshes).reshape(-1)
    return gains


def fit_gain(pairs: Pairs, gains: np.ndarray, options: GeometryOptions) -> Arrays:
    """The weights `gain.*`: landmarks and Action Units -> log gain of the skin's vertices."""
    return fit_change("gain", gains.astype(np.float32), 1.0, pairs, options.gain_components, options)


def geometry(pairs: Pairs, topology: Arrays, run: Path, options: GeometryOptions) -> Arrays:
    """Mesh, move and gain, each step kept in the run folder."""
    arrays = {f"topology.{name}": value for name, value in topology.items()}
    steps = {
        "mesh": lambda: fit_mesh(pairs, topology, options),
        "move": lambda: fit_move(pairs, topology, options),
        "gain": lambda: fit_gain(pairs, measure_gains(pairs, topology), options),
    }
    for name, step in steps.items():
        path = run / f"{name}.npz"
        if not path.exists():
            np.savez(path, **step())  # type: ignore[arg-type]
        arrays |= dict(np.load(path))
    return arrays


# --- the whole ------------------------------------------------------------------------------------------------------


def write_weights(path: Path, arrays: Arrays, networks: dict[str, bytes]) -> None:
    """One safetensors file for `mimica.engines.ganimation.edit.load`; the painter's networks are ONNX files inside it."""
    painter = {f"painter.{name}": np.frombuffer(data, np.uint8) for name, data in networks.items()}
    metadata = {"mimica_version": __version__, "kind": KIND, "controls": json.dumps(list(SIDED_AU_NAMES))}
    contiguous = {name: np.ascontiguousarray(array) for name, array in (arrays | painter).items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata)


def read_topology(weights: Path = WEIGHTS) -> Arrays:
    """The mesh and its rules, from the shipped weights."""
    prefix = "topology."
    return {name.removeprefix(prefix): array for name, array in read_weights(weights).items() if name.startswith(prefix)}


def train(
    folder: Path,
    run: Path,
    weights: Path,
    *,
    labels: Path | None = None,
    geometry_options: GeometryOptions | None = None,
    painter_options: PainterOptions | None = None,
) -> None:
    """A folder of pairs (`fast_data`) -> `weights`, a file for the engine; what is done stays in the folder `run`."""
    run.mkdir(parents=True, exist_ok=True)
    options = painter_options or PainterOptions()
    topology = read_topology()
    prepared = run / "pairs"
    if not (prepared / "recipes.npy").exists():
        prepare(folder, topology, labels=labels).save(prepared)
    pairs = Pairs.load(prepared)
    arrays = geometry(pairs, topology, run, geometry_options or GeometryOptions())
    patches, finished = run / "patches", run / "patches" / "finished"
    if not finished.exists():
        patches.mkdir(exist_ok=True)
        make_patches(pairs, Rig(arrays), patches, options)
        finished.touch()
    networks = {}
    for name in ("mouth", "eye"):
        found = Patches.load(patches, name)
        networks[name] = to_onnx(train_painter(found, run / f"{name}.pt", options), found)
    write_weights(weights, arrays, networks)
