"""New clips from trained weights, as folders of PNGs, a picture a frame: what `mimica evaluate acd --videos DIR` scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from mimica.engines.baselines.video.clips import VideoTask
from mimica.engines.baselines.video.mocogan import Mocogan
from mimica.engines.baselines.video.tgan import Tgan
from mimica.engines.baselines.video.vgan import Vgan
from mimica.errors import WeightsError
from mimica.files import atomic_path
from mimica.model_files.checkpoint import build_module, fill_module, load_weights
from mimica.pictures.images import write_image
from mimica.pictures.pixels import as_pictures

TASKS: dict[str, type[VideoTask]] = {task.kind: task for task in (Vgan, Tgan, Mocogan)}
BATCH = 8


def write_clips(
    weights: Path, output: Path, *, count: int = 256, seed: int = 0, progress: Callable[[], None] = lambda: None
) -> None:
    """Writes `count` clips of the random numbers of `seed` into the new folder `output`. `progress` is called after each batch.
    Raises `WeightsError`."""
    file = load_weights(weights, list(TASKS))
    task = TASKS[file.kind].of_weights(file)
    generator = build_module(lambda: task.generator_of(task.options), {}, weights)
    fill_module(generator, file.tensors, weights)
    generator.eval()
    torch.manual_seed(seed)
    if count < 1:
        raise WeightsError("There must be one clip or more to write.")
    with atomic_path(output, folder=True) as temporary:
        for start in range(0, count, BATCH):
            with torch.inference_mode():
                clips = task.generate(generator, min(BATCH, count - start), torch.device("cpu"))
            for number, clip in enumerate(clips, start):
                folder = temporary / f"{number:04d}"
                folder.mkdir(parents=True)
                for place, picture in enumerate(as_pictures(clip.transpose(0, 1))):
                    write_image(folder / f"{place:02d}.png", picture)
            progress()
