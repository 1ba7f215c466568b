"""Training of the fast generator: `mimica train ganimation --preset fast --data PAIRS [--data FACES] -o RUN`.

    prepare    the folder of pairs becomes arrays, and the reader looks at every frame      RUN/prepared/pairs
    geometry   mesh, displacement, light (`fast_geometry`)                                  RUN/prepared/*.npz
    patches    of mouths and eyes, made by that geometry (`fast_patches`)                   RUN/prepared/patches
    painter    two U-Nets and their critics, in the one loop of `mimica.training.loop`           RUN/checkpoints

What is done stays in the run folder and is not done again, so the same command resumes in any of the four. PAIRS are described in
`fast_data`; FACES, optional, are real faces as `mimica prepare` writes them, which the critics see besides the pairs. The
result, RUN/weights/ganimation_fast.safetensors, is one file for the engine.

The painters first learn from the pairs alone; after `critic_from` of the steps the critics join (`fast_losses`), whose
weight on the painters rises over their first `HANDOVER` steps.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mimica.config import Preset, TrainingOptions, load_options, save_options, to_dict
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.data.pairs import is_pairs_folder
from mimica.engines.ganimation.fast import losses
from mimica.engines.ganimation.fast.data import Pairs, prepare
from mimica.engines.ganimation.fast.edit import WEIGHTS
from mimica.engines.ganimation.fast.file import Arrays, read_weights, weights_file
from mimica.engines.ganimation.fast.geometry import geometry
from mimica.engines.ganimation.fast.networks import ATTENTION_START, PatchCritic, PatchPainter, compose
from mimica.engines.ganimation.fast.options import PRESETS, FastOptions
from mimica.engines.ganimation.fast.painter import PARTS
from mimica.engines.ganimation.fast.painter_file import CONDITION, from_onnx, to_onnx
from mimica.engines.ganimation.fast.patches import NETWORKS, Patches, PatchSource, RealPatches, choose_pairs, make_patches
from mimica.engines.ganimation.fast.rig import Rig
from mimica.errors import UserError
from mimica.facs import SIDED_AU_NAMES
from mimica.pictures.pixels import to_unit
from mimica.reader.read import Reader
from mimica.training.batches import Batch
from mimica.training.task import Parts, Task, TrainerView

CONTROLS = len(SIDED_AU_NAMES)
WARM_UP, HANDOVER = 100, 200
"""Steps over which the learning rate rises; steps over which the critics' weight on the painters does."""
PREPARING = (
    "labels only mesh_components move_components gain_components gain_frames landmark_noise control_noise readings "
    "inner_weight fit_steps fit_batch fit_learning_rate pairs identity augmented patch_noise seed"
)
"""The options that what is prepared depends on."""


@dataclass(frozen=True)
class Prepared:
    """Before the painters' first step: the geometry's weights by name, the patches by network, the landmarks of the mean face
    (68, 2)."""

    arrays: Arrays
    patches: dict[str, Patches]
    landmarks: np.ndarray


class Seen(NamedTuple):
    """What a critic looks at: patches painted, wanted and real (B, 3, h, w) in [0, 1], the openings of the first two and of the
    third (B, 1, h, w), the Action Units of the first two (B, 34)."""

    painted: Tensor
    wanted: Tensor
    real: Tensor
    opening: Tensor
    where: Tensor
    target: Tensor


class FastTask(Task):
    """Geometry once, then two painters with their critics."""

    name: ClassVar[str] = "ganimation, fast"
    options_type: ClassVar[type[TrainingOptions]] = FastOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    def __init__(self, options: Any, data: Path | Sequence[Path]) -> None:
        super().__init__(options, data)
        pairs = [folder for folder in self.folders if not (folder / "dataset.json").is_file()]
        if len(pairs) != 1 or not is_pairs_folder(pairs[0]):
            raise UserError(
                "The preset 'fast' needs one --data that is a folder of pairs (labels.jsonl, frames, dense/); others are real "
                f"faces as `mimica prepare` writes them. Given: {', '.join(map(str, self.folders)) or 'none'}."
            )
        if options.devices * options.nodes > 1:
            raise UserError("The preset 'fast' trains in one process: set devices and nodes to 1.")
        self.pairs_folder = pairs[0]
        self.face_folders = [folder for folder in self.folders if folder not in pairs]

    # --- data -------------------------------------------------------------------------------------------------------

    @cached_property
    def prepared(self) -> Prepared:
        """Made, or found in the run folder."""
        if self.workspace is None:
            with tempfile.TemporaryDirectory() as folder:
                return self._prepare(Path(folder), sources=4)
        return self._prepare(self.workspace / "prepared")

    def _prepare(self, folder: Path, sources: int = 0) -> Prepared:
        o = self.options
        folder.mkdir(parents=True, exist_ok=True)
        self._check_stages(folder / "options.json")
        topology = read_topology()
        if not (folder / "pairs" / "seen_controls.npy").exists():
            self.say("reading the pairs")
            reader = Reader(threads=1) if o.readings else None
            chosen = {"labels": o.labels, "keep": lambda row: o.kept(row["source_id"]), "reader": reader, "limit": sources}
            prepare(self.pairs_folder, topology, **chosen).save(folder / "pairs")
        pairs = Pairs.load(folder / "pairs")
        arrays = geometry(pairs, topology, folder, o, self.say)
        self._make_patches(pairs, arrays, folder / "patches", 20 if sources else o.pairs)
        patches = {name: Patches.load(folder / "patches", name) for name in NETWORKS}
        return Prepared(arrays, patches, arrays["mesh.landmark_mean"].reshape(68, 2))

    def _make_patches(self, pairs: Pairs, arrays: Arrays, folder: Path, count: int) -> None:
        o, finished = self.options, folder / "finished"
        if finished.exists():
            return
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(o.seed)
        chosen = choose_pairs(pairs, count, o.identity, rng)

        def progress(done: int) -> None:
            if done % 500 == 0:
                self.say(f"{done} of {len(chosen)} pairs have become patches")

        make_patches(
            pairs, Rig(arrays), folder, chosen,
            landmark_noise=o.patch_noise, augmented=o.augmented, rng=rng, progress=progress,
        )  # fmt: skip
        finished.touch()

    def _check_stages(self, path: Path) -> None:
        """What is prepared already must be what these options would prepare."""
        if path.exists():
            before, now = to_dict(load_options(FastOptions, path)), to_dict(self.options)
            changed = [f"{name} was {before[name]} and is {now[name]}" for name in PREPARING.split() if before[name] != now[name]]
            if changed:
                raise UserError(f"{path.parent} was prepared for another training ({'; '.join(changed)}): choose another folder.")
        save_options(self.options, path)

    @cached_property
    def _faces(self) -> FaceDataset | None:
        if not self.face_folders:
            return None
        faces = open_datasets(self.face_folders, "tight").part(validation=False)
        return faces.subset(np.flatnonzero([self.options.kept(name) for name in faces.names]))

    @cached_property
    def _training(self) -> PatchSource:
        real = RealPatches(self._faces, self.prepared.landmarks) if self._faces is not None else None
        return PatchSource(self.prepared.patches, False, real, self.options.real_share)

    def source(self) -> PatchSource:
        return self._training

    def sample_source(self) -> PatchSource:
        held_out = PatchSource(self.prepared.patches, True)
        return held_out if len(held_out) else self._training

    # --- networks ---------------------------------------------------------------------------------------------------

    def build(self, options: Any) -> Parts:
        painters = {name: PatchPainter(CONDITION[name]) for name in NETWORKS}
        if options.start is not None:
            arrays = read_weights(options.start)
            for name, network in painters.items():
                from_onnx(network, arrays[f"painter.{name}"].tobytes(), options.start)
                assert network.output.bias is not None
                with torch.no_grad():
                    network.output.bias[0].clamp_(max=ATTENTION_START)  # a saturated attention would learn nothing more
        critics = {f"{name}_critic": PatchCritic(CONTROLS, options.critic_width) for name in NETWORKS}
        optimisers: dict[str, torch.optim.Optimizer] = {
            **{name: torch.optim.AdamW(network.parameters(), options.learning_rate) for name, network in painters.items()},
            **{
                name: torch.optim.Adam(c.parameters(), options.critic_learning_rate, betas=(0.5, 0.99))
                for name, c in critics.items()
            },
        }
        return Parts({**painters, **critics}, optimisers, averaged=NETWORKS)

    def learning_rate_factor(self, step: int) -> float:
        return min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / self.options.steps)))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        scalars: dict[str, Tensor] = {}
        for name in NETWORKS:
            part = {key: batch[f"{name}_{key}"] for key in ("pictures", "condition", "wanted", "real", "where")}
            scalars |= {f"{name}_{key}": value for key, value in self._one(name, part, trainer).items()}
        return scalars

    def _one(self, name: str, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        """A step of one painter, after one of its critic where that takes part."""
        o = self.options
        pictures, wanted = to_unit(batch["pictures"]), to_unit(batch["wanted"])
        maps = trainer.network(name)(pictures, batch["condition"])
        painted = compose(maps, pictures)
        opening = F.max_pool2d(pictures[:, 9:].amax(1, keepdim=True), 5, 1, 2)
        loss = picture = losses.picture_loss(painted, wanted, opening)
        price = o.mouth_attention_weight if name == "mouth" else o.eye_attention_weight
        loss = loss + price * losses.attention_loss(maps[:, :1], opening, o.tv_weight)
        scalars = {"picture": picture.detach(), "attention_mean": maps[:, :1].detach().mean()}
        since = trainer.step - round(o.critic_from * o.steps)
        if since >= 0:
            seen = Seen(
                painted, wanted, to_unit(batch["real"]), pictures[:, 9:10], to_unit(batch["where"]),
                batch["condition"][:, CONTROLS : 2 * CONTROLS],
            )  # fmt: skip
            scalars |= self._critic_step(f"{name}_critic", seen, trainer)
            taught, more = self._critic_says(f"{name}_critic", seen, trainer)
            loss = loss + min(1.0, since / HANDOVER) * taught
            scalars |= more
        trainer.update(name, loss)
        return scalars

    def _critic_step(self, name: str, seen: Seen, trainer: TrainerView) -> dict[str, Tensor]:
        """Scores: the pairs' goals and real patches are real. Action Units: those of the goals."""
        o, critic, count = self.options, trainer.network(name), len(seen.wanted)
        scores, values = critic(torch.cat([seen.wanted, seen.real, seen.painted.detach()]))
        real, fake = scores[: 2 * count], scores[2 * count :]
        counts = losses.where_it_matters(torch.cat([seen.opening, seen.where]), real)
        loss = losses.hinge_critic_loss(real, fake, counts, counts[:count])
        error = losses.expression_loss(values[:count], seen.target)
        total = loss + o.critic_au_weight * error
        if trainer.step % o.r1_every == 0:
            point = torch.cat([seen.wanted, seen.real]).requires_grad_(True)
            score = critic(point)[0].flatten(1).mean(1).sum()
            (gradient,) = torch.autograd.grad(score, point, create_graph=True)
            total = total + o.r1_weight * o.r1_every * losses.r1_penalty(gradient)
        trainer.update(name, total)
        return {"critic": loss.detach(), "critic_au_mse": error.detach()}

    def _critic_says(self, name: str, seen: Seen, trainer: TrainerView) -> tuple[Tensor, dict[str, Tensor]]:
        """The critic's part in a painter's loss: adversarial, features, Action Units (equation (3))."""
        o, critic = self.options, trainer.parts.modules[name]
        assert isinstance(critic, PatchCritic)
        critic.requires_grad_(False)
        found = critic.features(seen.painted)
        scores, values = critic.judge(found)
        with torch.no_grad():
            goal = critic.features(seen.wanted)
        adversarial = losses.adversarial_loss(scores, losses.where_it_matters(seen.opening, scores))
        features, error = losses.feature_loss(found, goal), losses.expression_loss(values, seen.target)
        critic.requires_grad_(True)
        loss = o.adversarial_weight * adversarial + o.feature_weight * features + o.au_weight * error
        return loss, {"adversarial": adversarial.detach(), "features": features.detach(), "au_mse": error.detach()}

    # --- what people see --------------------------------------------------------------------------------------------

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """A row a mouth, then a row an eye: photo, warp, drawing, attention, painted, wanted; and a line of the story."""
        rows = []
        for name in NETWORKS:
            pictures, wanted = to_unit(batch[f"{name}_pictures"]), to_unit(batch[f"{name}_wanted"])
            maps = trainer.best(name)(pictures, batch[f"{name}_condition"])
            attention = maps[:, :1].expand(-1, 3, -1, -1)
            shown = (pictures[:, 3:6], pictures[:, :3], pictures[:, 6:9], attention, compose(maps, pictures), wanted)
            rows += [[_cell(x[i]) for x in shown] for i in range(len(pictures))]
            trainer.notes.remark(trainer.step, f"{name}: {held_out_error(trainer.best(name), self.prepared.patches[name])}")
        return np.array(rows)

    def warnings(self, scalars: Mapping[str, float]) -> list[str]:
        return [
            f"The attention of the {name} is {mean:.3f} on average: below 0.5 the painter repaints skin, and blurs it; raise "
            f"{'mouth_attention_weight' if name == 'mouth' else 'eye_attention_weight'}."
            for name in NETWORKS
            if (mean := scalars.get(f"{name}_attention_mean", 1.0)) < 0.5
        ]

    def files(self, trainer: TrainerView) -> dict[str, bytes]:
        networks = {name: to_onnx(trainer.best(name), name) for name in NETWORKS}  # type: ignore[arg-type]
        return {"ganimation_fast.safetensors": weights_file(self.prepared.arrays, networks)}


def held_out_error(network: torch.nn.Module, patches: Patches, count: int = 60) -> str:
    """L1, of 255, on patches of people held out: inside the openings and everywhere, of the painter and of the warp alone."""
    numbers = np.flatnonzero(patches.validation)[:count]
    if not len(numbers):
        return "nobody is held out"
    pictures, wanted = (to_unit(torch.from_numpy(np.asarray(a[numbers]))) for a in (patches.pictures, patches.wanted))
    painted = compose(network(pictures, torch.from_numpy(np.asarray(patches.condition[numbers]))), pictures)
    opening = (pictures[:, 9:10] > 0.5).float()
    found = []
    for picture in (painted, pictures[:, :3]):
        error = (picture - wanted).abs() * 255
        found += [float((error * opening).sum() / (3 * opening.sum()).clamp(min=1)), float(error.mean())]
    return f"held-out L1 inside {found[0]:.2f} (warp {found[2]:.2f}), all {found[1]:.2f} (warp {found[3]:.2f}) of 255"


def _cell(picture: Tensor) -> np.ndarray:
    """(3, h, w) in [0, 1] -> uint8, as large as a mouth's patch."""
    image = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    width, height = PARTS["mouth"].width, PARTS["mouth"].height
    scale = min(width / image.shape[1], height / image.shape[0])
    image = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)), interpolation=cv2.INTER_CUBIC)
    return np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)))


# --- the file -------------------------------------------------------------------------------------------------------


def read_topology(weights: Path = WEIGHTS) -> Arrays:
    """The mesh and its rules, from the shipped weights."""
    prefix = "topology."
    return {name.removeprefix(prefix): array for name, array in read_weights(weights).items() if name.startswith(prefix)}
