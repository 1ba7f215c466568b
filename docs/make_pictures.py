"""The pictures of README and docs, made by Mimica from its example photo: `python docs/make_pictures.py`."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import mimica
from mimica import api
from mimica.engines.vae import sheets as vae_sheets
from mimica.engines.vae.edit import load_vae
from mimica.pictures.images import write_image

HERE = Path(__file__).parent
PHOTO = HERE.parent / "examples" / "astronaut.jpg"
EXPRESSIONS = ("happy", "surprised", "sad", "angry", "disgusted", "afraid")
ATTRIBUTES = ("smile", "age", "weight", "masculine", "long_hair", "hair:blond", "beard", "lipstick", "glasses", "sunglasses")
POSES = ("yaw=-20", "yaw=-10", "yaw=10", "yaw=20", "pitch=-15", "pitch=15", "roll=-15", "roll=15")
TURNED_EXPRESSIONS = (("happy", -15), ("surprised", 15), ("angry", -15), ("afraid", 15))
GAZES = ("x=-20", "x=-10,y=-8", "y=-12", "x=-10", "x=0", "x=10", "y=12", "x=10,y=8", "x=20")
WIDTH = 300


def around_the_face(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The face with some room, `WIDTH` pixels wide, so that it can be seen in a page."""
    x0, y0, x1, y1 = box
    side = 0.95 * max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 - 0.1 * side
    area = tuple(int(v) for v in (x - side, y - side, x + side, y + 1.1 * side))
    crop = Image.fromarray(image).crop(area)
    return np.asarray(crop.resize((WIDTH, round(WIDTH * crop.height / crop.width)), Image.Resampling.LANCZOS))


def attributes() -> None:
    """`pictures/vae_*`: spectra of attributes on the photo, random samples, cosines of the attributes' vectors."""
    engine = load_vae()
    prepared, _ = api.prepare_face(PHOTO, eye_distance=1e9, engine=engine)
    strip = vae_sheets.spectrum(engine, prepared.faces[0].state, ATTRIBUTES, cell=150)
    write_image(HERE / "pictures" / "vae_strip.jpg", strip, quality=88, comment="edited by Mimica")
    write_image(HERE / "pictures" / "vae_samples.jpg", vae_sheets.samples(engine, 24, seed=0, cell=110), quality=88)
    write_image(HERE / "pictures" / "vae_cosines.png", vae_sheets.heat_map(engine.vectors))


def heads() -> None:
    """`pictures/pose.jpg`, eight turns of the head, four of expressions; `pictures/gaze.jpg`, the eyes looking about."""
    turned = [mimica.edit(PHOTO, pose=pose) for pose in POSES]
    turned += [mimica.edit(PHOTO, expression, pose={"yaw": yaw}) for expression, yaw in TURNED_EXPRESSIONS]
    box = turned[0].readings[0].box_photo
    row = [around_the_face(result.image, box) for result in turned]
    rows = np.vstack([np.hstack(row[i : i + 4]) for i in (0, 4, 8)])
    write_image(HERE / "pictures" / "pose.jpg", rows, comment="edited by Mimica")
    large = np.asarray(Image.open(PHOTO).convert("RGB").resize((1536, 1536), Image.Resampling.LANCZOS))
    looking = [mimica.edit(large, gaze=gaze) for gaze in GAZES]
    eyes = looking[0].readings[0].landmarks_photo[36:48]
    (x0, y0), (x1, y1) = eyes.min(axis=0) - (30, 40), eyes.max(axis=0) + (30, 34)
    strips = [result.image[int(y0) : int(y1), int(x0) : int(x1)] for result in looking]
    rows = [np.hstack(strips[i : i + 3]) for i in (0, 3, 6)]
    write_image(HERE / "pictures" / "gaze.jpg", np.vstack(rows), quality=88, comment="edited by Mimica")


def restored() -> None:
    """`pictures/restore.jpg`: the crop at 60 and 73 pixels, and blurred at 73: enlarged, restored, restored and smiling."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))[:360, 43:403]
    rows = []
    for side, blur in ((132, 0.0), (160, 0.0), (160, 0.8)):
        small = Image.fromarray(photo).resize((side, side), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur))
        made = [mimica.edit(small, enhance=True).image, mimica.edit(small, "happy", enhance=True).image]
        cells = [Image.fromarray(image).resize((480, 480), Image.Resampling.BICUBIC) for image in (np.asarray(small), *made)]
        rows.append(np.hstack([np.asarray(cell)[:300, 90:390] for cell in cells]))
    write_image(HERE / "pictures" / "restore.jpg", np.vstack(rows), quality=90, comment="edited by Mimica")


def main() -> None:
    """`pictures/astronaut.jpg`: the photo and six expressions in a row of seven; then `heads`, `restored` and `attributes`."""
    results = [mimica.edit(PHOTO, expression) for expression in EXPRESSIONS]
    box = results[0].readings[0].box_photo
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    row = [around_the_face(image, box) for image in [photo, *(result.image for result in results)]]
    write_image(HERE / "pictures" / "astronaut.jpg", np.hstack(row), comment="edited by Mimica")
    heads()
    restored()
    attributes()


if __name__ == "__main__":
    main()
