"""Contact sheets of the engine vae: spectra of attributes, reconstructions, random samples, interpolations (R. de S. Toledo 2021,
figures 7 to 13), masks to check, the attributes' cosines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mimica.engines.base import Rendered
from mimica.engines.vae.attributes import cosines
from mimica.engines.vae.codec import Codec, Vectors
from mimica.engines.vae.data import open_data, spread
from mimica.engines.vae.edit import State, VaeEngine
from mimica.engines.vae.masks import overlay
from mimica.face.overlay import enlarged
from mimica.face.restore import SIZE, Restorer, weights_for
from mimica.pictures.contact_sheet import Cell, sheet

DOSES = (-2.0, -1.0, 0.0, 1.0, 2.0)


def over_photo(crop: np.ndarray, rendered: Rendered) -> np.ndarray:
    """What is pasted back, within the crop: uint8 (H, W, 3)."""
    blended = crop + rendered.mask[..., None] * (rendered.image.astype(np.float32) - crop)
    return np.rint(blended).clip(0, 255).astype(np.uint8)


def spectrum(
    engine: VaeEngine, state: State, attributes: Sequence[str], doses: Sequence[float] = DOSES, cell: int = 160
) -> np.ndarray:
    """A row an attribute: the crop, then rising doses. `state` is an encoded face; uint8 (H, W, 3)."""
    crop = state.face.image
    rows = []
    for name in attributes:
        pictures = [over_photo(crop, engine.render(state, {name: dose})) for dose in doses]
        shown = [Cell(picture, f"{dose:+g}" if dose else "0") for picture, dose in zip(pictures, doses, strict=True)]
        rows.append([Cell(None, name.replace("_", "\n")), Cell(crop, "photo"), *shown])
    return sheet(rows, cell)


def reconstructions(codec: Codec, pictures: np.ndarray, masks: np.ndarray | None = None, cell: int = 128) -> np.ndarray:
    """uint8 (N, S, S, 3) crops (and head masks uint8 (N, S, S)) -> a row a face: input, output, mask, predicted mask."""
    decoded, predicted = codec.decode(codec.encode(pictures))
    rows = []
    for i, picture in enumerate(pictures):
        known = [] if masks is None else [Cell(_gray(masks[i] / 255), "mask")]
        rows.append([Cell(picture, "input"), Cell(_bytes(decoded[i]), "output"), *known, Cell(_gray(predicted[i]), "predicted")])
    if len(rows) > 4:  # two faces a row
        rows = [[*left, *(rows[i + 1] if i + 1 < len(rows) else [])] for i, left in enumerate(rows) if i % 2 == 0]
    return sheet(rows, cell)


def held_out(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, S, S, 3) crops and (N, S, S) head masks: `count` held-out faces of a prepared folder, spread over it."""
    data = open_data(folder)
    rows = spread(data.rows(validation=True), count)
    return np.asarray(data.images[rows]), np.asarray(data.masks[rows])


def samples(engine: VaeEngine, count: int, seed: int, cell: int = 128, enhance: bool = False) -> np.ndarray:
    """`count` faces that are nobody, by the random numbers of `seed`; made sharp by the restoring network if asked for."""
    pictures, _ = engine.codec.decode(engine.vectors.draw(count, seed))
    if enhance:
        restorer = Restorer(weights_for("vae"))
        pictures = np.stack([restorer.drawn(enlarged(picture, SIZE)) for picture in pictures])
    cells = [Cell(_bytes(picture)) for picture in pictures]
    columns = max(1, round(count**0.5 * 1.3))
    return sheet([cells[i : i + columns] for i in range(0, count, columns)], cell)


def interpolation(codec: Codec, first: np.ndarray, last: np.ndarray, steps: int = 7, cell: int = 160) -> np.ndarray:
    """Between two crops, uint8 (S, S, 3): both, and `steps` pictures of z on the straight line between their latents."""
    ends = codec.encode(np.stack([first, last]))
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    pictures, _ = codec.decode((1 - shares) * ends[0] + shares * ends[1])
    between = [Cell(_bytes(picture), f"{share:.2f}") for picture, share in zip(pictures, shares[:, 0], strict=True)]
    return sheet([[Cell(first, "first"), *between, Cell(last, "last")]], cell)


def mask_sheet(folder: Path, count: int = 48, seed: int = 0) -> np.ndarray:
    """Random photos of a prepared folder with the background turned green, to check the masks by: uint8 (H, W, 3)."""
    data = open_data(folder)
    photos = [row for row in range(len(data)) if data.names[row] == data.photos[row]]
    chosen = np.random.default_rng(seed).permutation(photos)[:count]
    cells = [Cell(overlay(np.asarray(data.images[row]), np.asarray(data.masks[row])), data.names[row]) for row in chosen]
    return sheet([cells[i : i + 8] for i in range(0, len(cells), 8)], 128)


def heat_map(vectors: Vectors, cell: int = 22) -> np.ndarray:
    """Cosines between the attributes' vectors, mean differences on the left, de-correlated ones on the right: red alike, blue
    opposite, white nothing to do with each other. uint8 (H, W, 3)."""
    count, font = len(vectors.attributes), ImageFont.load_default(size=max(10, cell * 2 // 3))
    side, names = count * cell, max((round(font.getlength(n)) for n in vectors.attributes), default=0) + cell
    canvas = Image.new("RGB", (names + 2 * side + 2 * cell, side + 2 * cell), "white")
    draw = ImageDraw.Draw(canvas)
    for i, name in enumerate(vectors.attributes):
        draw.text((names - cell // 3, (i + 1.5) * cell), name, (30, 30, 30), font, "rm")
    for place, (table, title) in enumerate(((vectors.plain, "mean difference"), (vectors.decorrelated, "de-correlated"))):
        left = names + place * (side + cell)
        map_ = Image.fromarray(np.kron(_coloured(cosines(table)), np.ones((cell, cell, 1), np.uint8)))
        canvas.paste(map_, (left, cell))
        draw.text((left + side / 2, cell / 2), title, (30, 30, 30), font, "mm")
    return np.array(canvas)


def _coloured(table: np.ndarray) -> np.ndarray:
    """Values in [-1, 1] -> blue through white to red."""
    t = np.clip(table, -1, 1)[..., None]
    red, blue = np.array([178, 24, 43]), np.array([33, 102, 172])
    return np.rint(255 + np.where(t > 0, t * (red - 255.0), -t * (blue - 255.0))).astype(np.uint8)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _gray(mask: np.ndarray) -> np.ndarray:
    return np.repeat(_bytes(255 * mask)[..., None], 3, axis=2)
