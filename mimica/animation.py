"""Photo + engine + control values -> frames, lazily, one at a time. A still is one frame.

The engine sees faces cut out of the photo as it asks for them (`Engine.crop`); what it renders is laid over a copy of the
photo through its mask, so pixels that the mask does not reach are the photo's, bit for bit. (The module is not called
`animate`, because `mimica.animate` is the function of the Python interface.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from mimica.engines.base import Engine, Face, Rendered, TurnsHeads, attributes_of
from mimica.engines.layers.dress import Dressed
from mimica.engines.layers.wear import Bare, refused
from mimica.errors import ValueRangeError
from mimica.face import align
from mimica.face.restore import SIZE, Restorer, side_of, weights_for
from mimica.face.tone import Tone, level_out, tone_of
from mimica.facs import with_sides, without_sides
from mimica.motion.expression import Expression
from mimica.motion.files import pose_warning
from mimica.motion.head import beyond
from mimica.motion.track import HEAD, POSE, SHIFT, Track
from mimica.pictures.images import Photo
from mimica.reader.covered import MOUTH_UNITS, above_nose, is_covered
from mimica.reader.read import FaceReading, Reader

WINDOW_MARGIN = 0.25
"""How much wider than the tight crop a window is on each side, as a share of the crop's side: room for a dropping chin."""

_MOVES = (*POSE, *SHIFT)
"""Controls that move the whole head, beyond its crop."""

RESTORED = SIZE
"""Side of the FFHQ crop, in pixels of the photo, up to which small photos are enlarged for `enhanced` ..."""
MAX_FACTOR, LEAST_FACTOR, MAX_ENLARGED = 4.0, 1.1, 2048
"""... at most so many times, if it is worth it, and to no more pixels on the longer side."""

LOOK_AHEAD = 2
"""Frames that are rendered at the same time; numpy, OpenCV and ONNX Runtime let threads run beside each other."""


@dataclass(frozen=True)
class PreparedFace:
    """One face, encoded: `crop_from_photo` is the float64 (2, 3) matrix to the pixels of `face.image`; `tone`, of a colourless or
    toned photo, its colour line; `held`, what stays as the photo shows it, whatever is asked for (a covered mouth); `dressed`,
    what was put on."""

    reading: FaceReading
    crop_from_photo: np.ndarray
    face: Face
    state: Any
    tone: Tone | None = None
    held: Mapping[str, float] = field(default_factory=dict)
    dressed: Dressed | None = None

    def asked(self, values: Mapping[str, float], engine: Engine) -> dict[str, float]:
        """What the engine is asked for: see `engine_values`."""
        return engine_values({**values, **self.held}, engine)


@dataclass(frozen=True)
class Prepared:
    """A photo, uint8 (H, W, 3), whose chosen faces `engine` has encoded; `restorer` sharpens what an engine renders that works on
    resampled crops; `bare`, the photo without what was put on, `outfits`, what it was dressed as last (`mimica.film.worn`)."""

    photo: np.ndarray
    engine: Engine
    faces: tuple[PreparedFace, ...]
    restorer: Restorer | None = None
    bare: Bare | None = None
    outfits: dict[Any, Prepared] = field(default_factory=dict, compare=False, repr=False)


def own_controls(reading: FaceReading) -> dict[str, float]:
    """What the photo shows: the 34 sided Action Units in [0, 1], then `HEAD`: pose and gaze in degrees, shift and zoom, which
    are 0."""
    pose = {"yaw": reading.yaw, "pitch": reading.pitch, "roll": reading.roll}
    gaze = {"gaze_x": reading.gaze_x, "gaze_y": reading.gaze_y}
    return {**reading.action_units, **pose, **gaze, **dict.fromkeys(SHIFT, 0.0)}


def engine_values(values: Mapping[str, float], engine: Engine) -> dict[str, float]:
    """`values` under the names that the engine knows: a control without sides is the mean of both sides, and the reverse;
    what the engine does not have is left out, what `values` does not have too."""
    if values.keys() <= set(engine.controls):
        return {name: values[name] for name in engine.controls if name in values}
    known = {**without_sides(values), **with_sides(values), **values}
    return {name: known[name] for name in engine.controls if name in known}


def prepare(
    photo: np.ndarray,
    readings: Sequence[FaceReading],
    engine: Engine,
    bystanders: Sequence[FaceReading] = (),
    *,
    enhance: bool = False,
    dressed: Sequence[Dressed] = (),
) -> Prepared:
    """Cuts out and encodes the faces, once a photo; `bystanders` are the photo's other faces; with `enhance` frames get a
    `Prepared.restorer`; `dressed`: what each face wears. Raises `NoFaceError` for a face that cannot be cut out."""
    everyone, faces = [*readings, *bystanders], []
    outfits: Sequence[Dressed | None] = dressed or [None] * len(readings)
    for reading, worn in zip(readings, outfits, strict=True):
        face, matrix = cut_face(photo, reading, engine, everyone)
        if worn is not None and worn.overlay is not None:
            face = replace(face, glasses_crop=align.transform(worn.overlay.hull, matrix))
        tone, held = tone_of(face.image), _held(reading, photo)
        faces.append(PreparedFace(reading, matrix, face, engine.encode(face), tone, held, worn))
    restorer = Restorer(weights_for(engine.name)) if enhance and engine.crop != "window" else None
    return Prepared(photo, engine, tuple(faces), restorer)


def cut_face(photo: np.ndarray, reading: FaceReading, engine: Engine, everyone: Sequence[FaceReading]) -> tuple[Face, np.ndarray]:
    """A face as the engine wants it, and the matrix to its pixels; `everyone` are all faces of the photo. Raises
    `NoFaceError`."""
    if engine.crop == "window":
        x0, y0, x1, y1 = align.window_from_photo(reading.landmarks_photo, photo.shape, WINDOW_MARGIN)
        matrix, crop = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]]), photo[y0:y1, x0:x1]
    else:
        matrix = align.crop_from_photo(reading.landmarks_photo, engine.image_size, engine.crop)
        crop = align.cut(photo, matrix, engine.image_size)
    landmarks = align.transform(reading.landmarks_photo, matrix).astype(np.float32)
    own = {**engine_values(own_controls(reading), engine), **dict.fromkeys(attributes_of(engine), 0.0)}
    missing = [name for name in engine.controls if name not in own]
    if missing:
        raise ValueRangeError(f"The engine '{engine.name}' needs {', '.join(missing)}, which cannot be read from a photo.")
    irises = align.transform(reading.irises_photo, matrix).astype(np.float32)
    others = tuple(align.transform(one.landmarks_photo, matrix) for one in everyone if one is not reading)
    return Face(np.ascontiguousarray(crop), landmarks, own, irises, others), matrix


def _held(reading: FaceReading, photo: np.ndarray) -> dict[str, float]:
    """The Action Units of a mouth that is covered, with sides and without, as they are."""
    if not is_covered(reading, photo):
        return {}
    own = {**reading.action_units, **reading.mean_action_units}
    return {name: value for name, value in own.items() if name[:4] in MOUTH_UNITS}


def render_face(prepared: Prepared, index: int, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
    """The crop of one face with the absolute control `values`; controls left out stay as the photo shows them."""
    one = prepared.faces[index]
    rendered = prepared.engine.render(one.state, one.asked(values, prepared.engine), layers=layers)
    if one.held:
        rendered = replace(rendered, mask=rendered.mask * above_nose(one.face.landmarks_crop, rendered.mask.shape))
    return rendered if one.tone is None else _in_tone(rendered, one.tone, one.face.image)


def _in_tone(rendered: Rendered, tone: Tone, crop: np.ndarray) -> Rendered:
    """What was rendered in the colours of the photo, as far as its mask reaches."""
    x, y, width, height = cv2.boundingRect((rendered.mask > 0).astype(np.uint8))
    part, image = np.s_[y : y + height, x : x + width], rendered.image.copy()
    image[part] = tone.brought(image[part], crop[part])
    return replace(rendered, image=image)


@dataclass(frozen=True)
class Patch:
    """What an edit changes of a photo: `pixels`, uint8 (h, w, 3), from the column `x` and the row `y` on."""

    x: int
    y: int
    pixels: np.ndarray

    def over(self, photo: np.ndarray) -> np.ndarray:
        """A copy of the photo, uint8 (H, W, 3), with the patch over it."""
        whole = photo.copy()
        whole[self.y : self.y + self.pixels.shape[0], self.x : self.x + self.pixels.shape[1]] = self.pixels
        return whole


def render_patch(prepared: Prepared, values: Sequence[Mapping[str, float]]) -> Patch:
    """What the control values asked for, one mapping a face, change of the photo. A face asked for exactly what it shows is not
    touched. Heads turn last, when every face has its expression; an engine that does not turn them draws poses as all else."""
    engine = prepared.engine
    later = _MOVES if isinstance(engine, TurnsHeads) else ()
    asked = [(i, one, one.asked(v, engine)) for i, (one, v) in enumerate(zip(prepared.faces, values, strict=True))]
    faces = [each for each in asked if _changes(each[1], each[2], outside=later)]
    turned = [each for each in asked if _changes(each[1], each[2], within=_MOVES)] if isinstance(engine, TurnsHeads) else []
    overlays = [one.dressed.overlay for one in prepared.faces if one.dressed is not None and one.dressed.overlay is not None]
    if not faces and not turned and not overlays:
        return Patch(0, 0, prepared.photo[:0, :0])
    height, width = prepared.photo.shape[:2]
    reaches = [*(overlay.box for overlay in overlays)]
    reaches += [align.reach(one.crop_from_photo, one.face.image.shape) for _, one, _ in faces]
    if isinstance(engine, TurnsHeads):
        reaches += [_in_photo(engine.reach(one.state), one.crop_from_photo) for _, one, _ in turned]
    corners = np.array(reaches)
    (x0, y0), (x1, y1) = np.maximum(corners[:, :2].min(axis=0), 0), np.minimum(corners[:, 2:].max(axis=0), (width, height))
    part = prepared.photo[y0:y1, x0:x1].copy()
    for index, one, wanted in faces:
        rendered = render_face(prepared, index, wanted)
        matrix = _shifted(one.crop_from_photo, x0, y0)
        before = part.copy() if one.tone is not None and one.tone.gray else part
        align.paste_into(part, rendered.image, rendered.mask, matrix)
        if prepared.restorer is not None:
            seen = align.mask_in_photo(rendered.mask, matrix, part.shape)
            part = prepared.restorer.over(part, one.reading.landmarks_photo - (x0, y0), seen)
        if one.tone is not None and one.tone.gray:
            level_out(part, before)
    for overlay in overlays:
        overlay.lay(part, int(x0), int(y0))
    if isinstance(engine, TurnsHeads):
        for _, one, wanted in turned:
            part = engine.turn(one.state, part, _shifted(one.crop_from_photo, x0, y0), wanted)
    return Patch(int(x0), int(y0), part)


def _shifted(crop_from_photo: np.ndarray, x0: int, y0: int) -> np.ndarray:
    """The same matrix for a photo that begins at (x0, y0)."""
    return np.column_stack([crop_from_photo[:, :2], align.transform(np.array([x0, y0]), crop_from_photo)])


def _in_photo(box: tuple[int, int, int, int], crop_from_photo: np.ndarray) -> tuple[int, int, int, int]:
    """A rectangle of a crop -> the upright one of the photo around it."""
    return align.reach(_shifted(crop_from_photo, 0, 0) - [[0, 0, box[0]], [0, 0, box[1]]], (box[3] - box[1], box[2] - box[0]))


def render_frame(prepared: Prepared, values: Sequence[Mapping[str, float]]) -> np.ndarray:
    """The photo with the control values asked for, one mapping a face: uint8 (H, W, 3)."""
    return render_patch(prepared, values).over(prepared.photo)


def _changes(
    one: PreparedFace, wanted: Mapping[str, float], within: Sequence[str] | None = None, outside: Sequence[str] = ()
) -> bool:
    """True if some value (of the controls `within`, not of those `outside`) is another than the photo's own."""
    own = one.face.controls
    return any(own[n] != value for n, value in wanted.items() if n not in outside and (within is None or n in within))


def edited(reading: FaceReading, shown: Mapping[str, float], target: Expression) -> dict[str, float]:
    """The values of a face that now has `shown`; what is asked of its head counts from the photo, not from there."""
    own = own_controls(reading)
    from_photo = {name: own[name] for name in target.head_changes(own)}
    return {**shown, **target.target({**shown, **from_photo})}


def head_warnings(prepared: Prepared, values: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Sentences about heads and eyes that cannot move so far, or not at all."""
    tracks = []
    for face, asked in zip(prepared.faces, values, strict=True):
        own = own_controls(face.reading)
        head = {name: asked.get(name, own[name]) for name in HEAD}
        tracks.append(Track.from_keyframes([(0.0, {n: own[n] for n in HEAD}, "linear"), (1.0, head, "linear")]))
    return track_warnings(prepared, tracks)


def track_warnings(prepared: Prepared, tracks: Sequence[Track]) -> tuple[str, ...]:
    """As `head_warnings`, and about attributes that are left out; for absolute tracks that begin with what the photo shows."""
    engine = prepared.engine
    sentences: list[str | None] = [*refused([face.dressed for face in prepared.faces])]
    for face, track in zip(prepared.faces, tracks, strict=True):
        left_out = pose_warning(track, engine.name, engine.controls)
        sentences.append(left_out or beyond(track, own_controls(face.reading)))
    return tuple(dict.fromkeys(sentence for sentence in sentences if sentence))


def frames(
    prepared: Prepared, tracks: Sequence[Track], fps: float, doses: Callable[[float], Mapping[str, float]] = lambda time: {}
) -> Iterator[np.ndarray]:
    """The frames of an animation at `fps`, made as they are asked for, `LOOK_AHEAD` of them at once; one track a face, each
    played from its start, and doses of attributes as a function of the time since the start. There are as many frames as the
    longest track has. A frame that asks for the same as the one before is the same array: do not write into it."""
    resolved = [track.resolve(own_controls(p.reading)) for track, p in zip(tracks, prepared.faces, strict=True)]
    count = max(track.frame_count(fps) for track in resolved)
    asked: list[dict[str, float]] = []
    with ThreadPoolExecutor(LOOK_AHEAD) as pool:
        coming: deque[Future[np.ndarray]] = deque()
        for i in range(count):
            wanted = [{**track.sample(track.start + i / fps), **doses(i / fps)} for track in resolved]
            coming.append(coming[-1] if coming and wanted == asked else pool.submit(render_frame, prepared, wanted))
            asked = wanted
            if len(coming) > LOOK_AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def fitted_size(shape: tuple[int, ...], longer: int) -> tuple[int, int]:
    """(width, height) for a photo of `shape` (H, W, ...) with the longer side at most `longer`; never enlarged. Made smaller,
    it is even, as video formats like it."""
    height, width = shape[:2]
    scale = longer / max(height, width)
    if scale >= 1:
        return width, height
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def enhanced(
    photo: Photo, readings: Sequence[FaceReading], bystanders: Sequence[FaceReading]
) -> tuple[Photo, list[FaceReading], list[FaceReading], list[str]]:
    """The photo with the faces of `readings` restored where they are small or blurred, and read anew; the others; sentences. A
    small photo is first enlarged, so that the largest of the faces has room for what is drawn."""
    restorer, everyone = Restorer(), [*readings, *bystanders]
    if not any(restorer.lacks_detail(photo.rgb, reading.landmarks_photo) for reading in readings):
        kept = f"{photo.path}: its face is as sharp as --enhance could make it, and is left as it is."
        return photo, list(readings), list(bystanders), [kept]
    photo, everyone, sentences = _with_room(photo, everyone, max(side_of(reading.landmarks_photo) for reading in readings))
    rgb = photo.rgb
    for reading in everyone[: len(readings)]:
        rgb = restorer.over(rgb, reading.landmarks_photo)
    again = Reader().read_aligned(rgb, [reading.landmarks_photo for reading in everyone[: len(readings)]])
    return replace(photo, rgb=rgb), again, everyone[len(readings) :], sentences


def _with_room(photo: Photo, readings: list[FaceReading], side: float) -> tuple[Photo, list[FaceReading], list[str]]:
    """The photo enlarged, as far as that may be, until an FFHQ crop of `side` pixels has `RESTORED`."""
    height, width = photo.rgb.shape[:2]
    factor = min(MAX_FACTOR, RESTORED / side, MAX_ENLARGED / max(width, height))
    if factor < LEAST_FACTOR:
        return photo, readings, []
    size = round(width * factor), round(height * factor)
    rgb, readings = resized(photo.rgb, readings, size)
    alpha = None if photo.alpha is None else np.asarray(cv2.resize(photo.alpha, size, interpolation=cv2.INTER_LINEAR))
    sentence = f"{photo.path}: enlarged to {size[0]} x {size[1]} pixels, so that the detail of its face has room."
    return replace(photo, rgb=rgb, alpha=alpha), readings, [sentence]


def resized(photo: np.ndarray, readings: Sequence[FaceReading], size: tuple[int, int]) -> tuple[np.ndarray, list[FaceReading]]:
    """The photo at `size` (width, height) with its readings: averaged where it shrinks, bicubic where it grows."""
    height, width = photo.shape[:2]
    if (width, height) == size:
        return photo, list(readings)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if size[0] <= width else cv2.INTER_CUBIC)
    return small, [_scaled(reading, np.array([size[0] / width, size[1] / height])) for reading in readings]


def _scaled(reading: FaceReading, factors: np.ndarray) -> FaceReading:
    x0, y0, x1, y1 = np.array(reading.box_photo) * np.tile(factors, 2)
    return replace(
        reading,
        box_photo=(float(x0), float(y0), float(x1), float(y1)),
        landmarks_photo=(reading.landmarks_photo * factors).astype(np.float32),
        irises_photo=(reading.irises_photo * factors).astype(np.float32),
    )
