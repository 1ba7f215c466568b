"""Figures of docs/training.md on GANimation's `paper` preset: `python docs/make_paper_pictures.py [GENERATOR]`.

From the logs in `paper_runs`: a table of means, printed, and `pictures/paper_curves.png`. With a generator of
`mimica train ganimation` also `pictures/paper_grid.jpg`: the example photo, and faces of our StyleGAN, who do not exist, each
with its attention, colours and output; and `pictures/paper_beside_fast.jpg`: the same beside the shipped engine. Needs
`pip install mimica[train] matplotlib`.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

from mimica import api
from mimica.engines.ganimation.paper import edit as paper
from mimica.engines.stylegan.generate import pictures
from mimica.engines.stylegan.model import load_model as load_stylegan
from mimica.engines.stylegan.model import seed_w
from mimica.face import align
from mimica.facs import emotion_controls, without_sides
from mimica.pictures.contact_sheet import Cell, beside, sheet
from mimica.pictures.images import write_image
from mimica.sheets import masks_picture
from mimica.training.run_folder import read_log

HERE = Path(__file__).parent
PHOTO = HERE.parent / "examples" / "astronaut.jpg"
RUNS = ("critic_128", "pairs_64a", "pairs_64b", "pairs_128")
PERIODS, SIDE = 6, 160
SHOWN = (("happiness", 0), ("surprise", 4), ("sadness", 6), ("anger", 7), ("disgust", 9), ("fear", 12))
"""Emotions and seeds of the faces they are shown on; 0 is the photo."""


def means(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The log's means over `PERIODS` equal parts, `step` and `seconds` being those at the end of each."""
    parts = [rows[part[0] : part[-1] + 1] for part in np.array_split(np.arange(len(rows)), PERIODS)]
    names = dict.fromkeys(name for row in rows for name in row)
    averages = [{n: float(np.mean([row[n] for row in part if n in row])) for n in names} for part in parts]
    return [mean | {n: part[-1][n] for n in ("step", "seconds")} for mean, part in zip(averages, parts, strict=True)]


def print_table(rows: list[dict[str, float]]) -> None:
    names = list(rows[0])
    print("\n| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{row[n]:.0f}" if n in ("step", "seconds") else f"{row[n]:.4f}" for n in names) + " |")


def curves(logs: dict[str, list[dict[str, float]]], output: Path) -> None:
    """What each run lowers, and its mean attention, over its hours."""
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.6), constrained_layout=True)
    shown = ("generator_pair", "generator_pair_color", "attention_mean")
    for axis, name in zip(axes, shown, strict=True):
        for number, (run, rows) in enumerate(logs.items()):
            points = [(row["seconds"] / 60, row[name]) for row in rows if name in row]
            if points:
                axis.plot(*zip(*points, strict=True), label=run, color=f"C{number}", linewidth=1)
        axis.set(title=name, xlabel="minutes")
        axis.grid(alpha=0.3)
    axes[-1].legend()
    figure.savefig(output, dpi=80)


def faces() -> list[tuple[str, Path | np.ndarray]]:
    """The emotions of `SHOWN` and the photos to show them on."""
    stylegan = load_stylegan(None)
    return [(e, next(pictures(stylegan, seed_w(stylegan, [seed], 0.7))) if seed else PHOTO) for e, seed in SHOWN]


def beside_fast(weights: Path, output: Path) -> None:
    """Rows: the photos, the edits of `weights`, those of the shipped engine."""
    rows: list[list[Cell]] = [[], [], []]
    for emotion, photo in faces():
        edits = [api.edit(photo, emotion, weights=weights), api.edit(photo, emotion)]
        matrix = align.crop_from_photo(edits[0].readings[0].landmarks_photo, SIDE, "tight")
        shown = zip(
            (edits[0].prepared.photo, *(e.image for e in edits)), ("photo", f"paper: {emotion}", f"fast: {emotion}"), strict=True
        )
        for row, (image, caption) in zip(rows, shown, strict=True):
            row.append(Cell(align.cut(image, matrix, SIDE), caption))
    write_image(output, sheet(rows, SIDE), comment="edited by Mimica")


def grid(weights: Path, output: Path) -> None:
    """Input, attention (white keeps the photo), colours and output of one emotion a face."""
    engine = paper.load(weights)
    made = []
    for emotion, photo in faces():
        prepared, _ = api.prepare_face(photo, eye_distance=1e9, engine=engine)
        face = prepared.faces[0]
        made.append((face.face.image, engine.render(face.state, without_sides(emotion_controls(emotion)), layers=True)))
    halves = [masks_picture(part, cell=engine.image_size) for part in (made[: len(made) // 2], made[len(made) // 2 :])]
    write_image(output, beside(*halves), comment="edited by Mimica")


def main(weights: Path | None = None) -> None:
    logs = {run: read_log(HERE / "paper_runs" / run) for run in RUNS if (HERE / "paper_runs" / run).is_dir()}
    for run, rows in logs.items():
        print(f"\n{run}")
        print_table(means(rows))
    curves(logs, HERE / "pictures" / "paper_curves.png")
    if weights:
        grid(weights, HERE / "pictures" / "paper_grid.jpg")
        beside_fast(weights, HERE / "pictures" / "paper_beside_fast.jpg")


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:2]))
