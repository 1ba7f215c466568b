"""The routes of the page: photos that stay for a while, faces that are moved, files that come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Query, Request, Response

from mimica import __version__
from mimica.api import TAG, Animation
from mimica.engines.base import Engine, attributes_of
from mimica.engines.controls import ATTRIBUTES, GROUPS, Control, describe
from mimica.interactive.abilities import ALIVE
from mimica.interactive.desk import PREVIEW_SIDE, Desk, moved, picture
from mimica.interactive.latent import MAKERS, Made, samples, transition
from mimica.interactive.score import Keyframe, Score, performance
from mimica.interactive.uploads import as_file, as_jpeg, on_paper
from mimica.marks.marking import default_marks
from mimica.motion import expression_file
from mimica.pictures.images import FORMAT_BY_SUFFIX, encode_image
from mimica.web.faults import Refusal
from mimica.web.rest import asked, laid_out, picture_suffix
from mimica.web.sessions import Session
from mimica.web.shapes import Asked, Frame, SamplesAsked, ScoreAsked, TransitionAsked
from mimica.web.state import EXAMPLE, State, caller

router = APIRouter(include_in_schema=False)
SHOWN_SIDE = 2048
"""Longer side of the original as the page shows it."""


@router.get("/api/session")
async def session(request: Request, response: Response) -> dict[str, Any]:
    """What the page has to know before anything is done."""
    state, own = caller(request, response)
    return {
        "version": __version__,
        "socket_key": own.socket_key,
        "engines": list(state.engine_names),
        "makers": list(MAKERS),
        "groups": list(GROUPS),
        "alive": ALIVE,
        "example": EXAMPLE.is_file(),
        "max_upload_bytes": state.settings.max_upload_bytes,
    }


@router.get("/api/engines/{name}")
async def engine(name: str, request: Request) -> dict[str, Any]:
    """An engine's sliders. Loads it."""
    loaded = await State.of(request).workers.engine(name)
    return {"name": loaded.name, "controls": [asdict(control) for control in describe(loaded)]}


@router.post("/api/photos", status_code=201)
async def add(request: Request, response: Response) -> dict[str, Any]:
    state, own = caller(request, response)
    _, data = await asked(request, Asked)
    return _added(state, own, await state.workers.request(own.key, laid_out, state, data))


@router.post("/api/photos/example", status_code=201)
async def example(request: Request, response: Response) -> dict[str, Any]:
    state, own = caller(request, response)
    return _added(state, own, await state.workers.request(own.key, state.example))


def _added(state: State, own: Session, desk: Desk) -> dict[str, Any]:
    number = state.sessions.add(own, desk)
    faces = [
        {
            "number": i,
            "box": [round(value, 1) for value in reading.box_photo],
            "pose": {name: round(getattr(reading, name), 1) for name in ("yaw", "pitch", "roll")},
            "emotions": {name: round(value, 3) for name, value in reading.emotions.items()},
            "warnings": list(desk.remarks[i - 1]),
            "refusal": desk.refusals[i - 1],
        }
        for i, reading in enumerate(desk.readings, start=1)
    ]
    largest = desk.largest if desk.usable else None
    return {"photo": number, "width": desk.rgb.shape[1], "height": desk.rgb.shape[0], "faces": faces, "largest": largest}


@router.get("/api/photos/{photo}/image")
async def image(photo: str, request: Request, response: Response, side: int = Query(SHOWN_SIDE, ge=16, le=8192)) -> Response:
    """The photo as it came, upright, as JPEG."""
    state, own = caller(request, response)
    made = await state.workers.request(own.key, _shown, own.desk(photo), side)
    return Response(made, media_type="image/jpeg")


def _shown(desk: Desk, side: int) -> bytes:
    from mimica.animation import fitted_size, resized

    small, _ = resized(on_paper(desk.rgb, desk.alpha), [], fitted_size(desk.rgb.shape, side))
    return as_jpeg(small, 90)


@router.delete("/api/photos/{photo}", status_code=204)
async def remove(photo: str, request: Request, response: Response) -> None:
    state, own = caller(request, response)
    own.desk(photo)
    state.sessions.remove(own, photo)


@router.get("/api/photos/{photo}/own")
async def shows(
    photo: str, request: Request, response: Response, face: int = Query(1, ge=1), engine: str = Query("ganimation")
) -> dict[str, Any]:
    """What a face shows now, by the engine's controls."""
    state, own = caller(request, response)
    desk, loaded = own.desk(photo), await state.workers.engine(engine)
    prepared = await state.workers.request(own.key, state.sessions.encoded.get, photo, desk, [face], loaded, PREVIEW_SIDE)
    return {"controls": {name: round(float(prepared.faces[0].face.controls[name]), 5) for name in loaded.controls}}


@router.post("/api/photos/{photo}/like")
async def like(photo: str, request: Request, response: Response) -> dict[str, Any]:
    """The Action Units of the largest face of a second photo, which is not kept."""
    state, own = caller(request, response)
    own.desk(photo)
    _, data = await asked(request, Asked)
    other = await state.workers.request(own.key, laid_out, state, data)
    return {"controls": _rounded(other.readings[other.largest - 1].action_units)}


@router.post("/api/photos/{photo}/expression")
async def expression(photo: str, frame: Frame, request: Request, response: Response) -> Response:
    """The file of `mimica read --save` for what the first face given shows with its changes."""
    state, own = caller(request, response)
    desk, engine, one = own.desk(photo), await state.workers.engine(frame.engine), frame.faces[0]
    prepared = await state.workers.request(own.key, state.sessions.encoded.get, photo, desk, [one.face], engine, PREVIEW_SIDE)
    shown = {**prepared.faces[0].face.controls, **moved(prepared, 0, one.changes)}
    text = expression_file.dumps(expression_of(shown, prepared.faces[0].face.controls, describe(engine)))
    return Response(text, media_type="application/json")


def expression_of(shown: Mapping[str, float], own: Mapping[str, float], controls: Sequence[Control]) -> dict[str, float]:
    """Action Units as they are shown, pose and gaze away from the photo; attributes are no part of an expression."""
    kept = [control for control in controls if control.group != ATTRIBUTES]
    return {c.name: shown[c.name] - (own[c.name] if c.relative else 0.0) for c in kept}


@router.post("/api/expression-file")
async def read_expression(request: Request) -> dict[str, Any]:
    """A file of `mimica read --save` -> its controls."""
    return {"controls": expression_file.loads(await request.body())}


@router.post("/api/photos/{photo}/edit")
async def edit(photo: str, frame: Frame, request: Request, response: Response) -> Response:
    """The photo with its changes in full resolution, in a file's format, marked as edited."""
    state, own = caller(request, response)
    suffix, desk, engine = picture_suffix(frame.format), own.desk(photo), await state.workers.engine(frame.engine)
    made = await state.workers.request(own.key, _edited, state, photo, desk, frame, engine, suffix)
    return Response(made, media_type=f"image/{FORMAT_BY_SUFFIX[suffix].lower()}")


def _edited(state: State, photo: str, desk: Desk, frame: Frame, engine: Engine, suffix: str) -> bytes:
    prepared = state.sessions.encoded.get(photo, desk, [one.face for one in frame.faces], engine, None)
    made = picture(prepared, [f.changes for f in frame.faces])
    return as_file(state.scratch.path, suffix, made, desk.alpha, default_marks(TAG, None, True))


def score_of(asked_for: ScoreAsked, own: Session) -> Score:
    """Raises `Refusal` (404) for a recording that is not the session's, `ValueRangeError` for an unknown easing."""
    if asked_for.alive and not ALIVE:
        raise Refusal(400, "This version has no idle motion.")
    keyframes = tuple(Keyframe(key.time, key.changes, key.easing) for key in asked_for.keyframes)  # type: ignore[arg-type]
    recording = None if asked_for.recording is None else own.recording(asked_for.recording)
    names = ("script", "seconds", "loop", "blinks", "alive", "seed", "doses")
    return Score(keyframes, recording=recording, **{name: getattr(asked_for, name) for name in names})


@router.post("/api/photos/{photo}/animate", status_code=202)
async def animate(photo: str, words: ScoreAsked, request: Request, response: Response) -> dict[str, Any]:
    """Starts a video of the photo on the page."""
    state, own = caller(request, response)
    desk, score, engine = own.desk(photo), score_of(words, own), await state.workers.engine(words.engine)
    faces = words.faces or [desk.largest]
    score.motion(attributes_of(engine))  # what is wrong is said now, not by the job

    def make() -> Animation:
        return performance(state.sessions.encoded.get(photo, desk, faces, engine, words.size), score, words.fps)

    return state.jobs.start(own.key, own.key, make, "." + words.format.lower()).as_object()


@router.post("/api/samples")
async def sample(words: SamplesAsked, request: Request, response: Response) -> dict[str, Any]:
    """Faces of nobody."""
    from mimica.engines.stylegan.seeds import parse_seeds

    state, own = caller(request, response)
    seeds, engine = parse_seeds(words.seeds), await state.workers.engine(words.engine)
    return {"pictures": await state.workers.request(own.key, lambda: [_as_object(made) for made in samples(engine, seeds)])}


@router.post("/api/transitions")
async def transitions(words: TransitionAsked, request: Request, response: Response) -> dict[str, Any]:
    """From one expression to another in StyleGAN's latent space."""
    state, own = caller(request, response)
    pictures = lambda: [_as_object(made) for made in transition(words.seed, words.start, words.end)]  # noqa: E731
    return {"pictures": await state.workers.request(own.key, pictures)}


def _as_object(made: Made) -> dict[str, str]:
    import base64

    data = encode_image(Path("made.png"), made.image, comment="generated by Mimica")
    return {"image": "data:image/png;base64," + base64.b64encode(data).decode(), "label": made.label}


def _rounded(values: Any) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in values.items()}
