"""The programming interface: read, edit and animate a photo that comes with the request. Words and ranges are the command line's.

Bodies are multipart/form-data with the file part `photo`, or JSON with `photo` in base64.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from mimica import __version__, api
from mimica.api import TAG
from mimica.engines.base import Engine
from mimica.errors import ImageError
from mimica.facs import ACTION_UNITS, ALIASES, RECIPES, emotion_controls
from mimica.interactive.desk import Desk, lay_out
from mimica.interactive.uploads import as_array, as_file
from mimica.marks.marking import Marks, wanted_marks
from mimica.motion.script.script import parse
from mimica.pictures.images import FORMAT_BY_SUFFIX, Photo, read_photo
from mimica.reader.as_object import as_object
from mimica.web.faults import Refusal
from mimica.web.shapes import AnimateAsked, Asked, EditAsked
from mimica.web.state import State, program

router = APIRouter()
A = TypeVar("A", bound=Asked)
_PICTURE = {200: {"content": {"image/*": {}}, "description": "The picture; its warnings stand in the header X-Mimica-Warnings."}}


def _documented(model: type[Asked], example: dict[str, Any]) -> dict[str, Any]:
    """The body in OpenAPI, as form and as JSON."""
    schema = model.model_json_schema()
    form = {**schema, "properties": {**schema["properties"], "photo": {"type": "string", "format": "binary"}}}
    as_json = {"schema": schema, "example": {"photo": "/9j/4AAQSkZJRg...", **example}}
    return {"requestBody": {"content": {"multipart/form-data": {"schema": form}, "application/json": as_json}, "required": True}}


async def asked(request: Request, model: type[A]) -> tuple[A, bytes]:
    """The request's words, checked, and the photo's bytes. Raises `Refusal` (415) and `RequestValidationError`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=2, max_fields=40) as form:
            fields = {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
            file = form.get("photo")
            data = await file.read() if isinstance(file, UploadFile) else b""
    elif kind == "application/json":
        fields, data = await _json(request)
    else:
        raise Refusal(415, "Send multipart/form-data with the file part 'photo', or JSON with 'photo' in base64.")
    if not data:
        raise ImageError("There is no photo in the request: send it as the file part 'photo', or in base64 as 'photo' in JSON.")
    try:
        return model.model_validate(fields), data
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


async def _json(request: Request) -> tuple[dict[str, Any], bytes]:
    try:
        fields = await request.json()
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The request's body is no JSON.") from error
    if not isinstance(fields, dict):
        raise Refusal(400, "The request's body must be a JSON object.")
    try:
        return fields, base64.b64decode(str(fields.pop("photo", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("'photo' is no base64: send the picture's bytes in base64, without line breaks.") from error


def opened(state: State, data: bytes) -> Photo:
    """The photo by the safe reader, within the server's limits."""
    return read_photo(data, state.settings.max_pixels)


def laid_out(state: State, data: bytes) -> Desk:
    return lay_out(opened(state, data))


@router.get("/healthz", summary="Whether the server is up")
async def healthz() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@router.get("/api/expressions", summary="Emotions, Action Units and engines by name")
async def expressions(request: Request) -> dict[str, Any]:
    units = [{"number": u.number, "name": u.name, "muscle": u.muscle, "region": u.region} for u in ACTION_UNITS]
    emotions = {name: {k: round(v, 3) for k, v in emotion_controls(name).items() if v} for name in RECIPES}
    return {"expressions": emotions, "aliases": ALIASES, "action_units": units, "engines": list(State.of(request).engine_names)}


@router.post("/api/read", summary="What the faces in a photo show", openapi_extra=_documented(Asked, {}))
async def read(request: Request) -> dict[str, Any]:
    state, _, client = program(request)
    _, data = await asked(request, Asked)
    desk = await state.workers.request(client, laid_out, state, data)
    faces = [as_object(reading, number) for number, reading in enumerate(desk.readings, start=1)]
    for face, remarks, refusal in zip(faces, desk.remarks, desk.refusals, strict=True):
        face |= {"warnings": list(remarks), "usable": refusal is None, "refusal": refusal}
    return {"width": desk.rgb.shape[1], "height": desk.rgb.shape[0], "faces": faces}


@router.post(
    "/api/edit",
    summary="The photo with another expression",
    response_class=Response,
    responses=_PICTURE,  # type: ignore[arg-type]
    openapi_extra=_documented(EditAsked, {"expression": "happy", "intensity": 0.8}),
)
async def edit(request: Request) -> Response:
    state, _, client = program(request)
    words, data = await asked(request, EditAsked)
    engine = await state.workers.engine(words.engine)
    made, warnings = await state.workers.request(client, _edited, state, words, data, engine)
    if "application/json" in request.headers.get("accept", ""):
        picture = {"image": base64.b64encode(made).decode(), "format": words.format, "warnings": warnings}
        return JSONResponse(picture)
    kind = FORMAT_BY_SUFFIX["." + words.format.lower()].lower()
    headers = {"X-Mimica-Warnings": " | ".join(warnings).encode("ascii", "replace").decode()}
    return Response(made, media_type=f"image/{kind}", headers=headers)


def _edited(state: State, words: EditAsked, data: bytes, engine: Engine) -> tuple[bytes, list[str]]:
    suffix, marks = picture_suffix(words.format), marks_of(words)
    result = api.edit(as_array(opened(state, data)), **words.arguments(), engine=engine)
    return as_file(state.scratch.path, suffix, result.image, result.alpha, marks), [*result.warnings]


def marks_of(words: EditAsked | AnimateAsked) -> Marks:
    """What the result says of itself: without a tag only by word that it is labelled elsewhere. Raises `UserError`."""
    return wanted_marks(TAG, tag=words.tag, labelled_elsewhere=words.labelled_elsewhere)


def picture_suffix(word: str) -> str:
    """`jpg` -> `.jpg`. Raises `ImageError` for what cannot be written."""
    suffix = "." + word.lower()
    if suffix not in FORMAT_BY_SUFFIX:
        known = ", ".join(one[1:] for one in FORMAT_BY_SUFFIX)
        raise ImageError(f"The format is '{word[:20]}'; it must be one of {known}.")
    return suffix


@router.post(
    "/api/animate",
    status_code=202,
    summary="Start making a video of the photo; GET its `url` for progress, `result` for the video",
    openapi_extra=_documented(AnimateAsked, {"expression": "surprised", "blinks": True, "size": 512}),
)
async def animate(request: Request) -> dict[str, Any]:
    state, session, client = program(request)
    words, data = await asked(request, AnimateAsked)
    engine = await state.workers.engine(words.engine)
    marks, motion = marks_of(words), None if words.script is None else parse(words.script).track
    photo = await state.workers.request(client, opened, state, data)

    def make() -> api.Animation:
        names = ("sequence", "seconds", "loop", "blinks", "seed", "fps", "size")
        course = {name: getattr(words, name) for name in names}
        return api.animate(as_array(photo), **words.arguments(), **course, track=motion, engine=engine)

    animation = await state.workers.request(client, make)  # what is wrong is said now, not by the job
    job = state.jobs.start(session, client, lambda: animation, "." + words.format.lower(), marks)
    url = f"/api/jobs/{job.id}"
    return {**job.as_object(), "key": job.key, "url": f"{url}?key={job.key}", "result": f"{url}/result?key={job.key}"}


@router.get("/api/jobs/{name}", summary="How far a video is")
async def job(name: str, request: Request, key: str = Query("")) -> dict[str, Any]:
    state = State.of(request)
    return state.jobs.get(name, state.session_key(request), key).as_object()


@router.delete("/api/jobs/{name}", summary="Cancel a video")
async def cancel(name: str, request: Request, key: str = Query("")) -> dict[str, Any]:
    state = State.of(request)
    found = state.jobs.get(name, state.session_key(request), key)
    state.jobs.cancel(found)
    return found.as_object()


@router.get("/api/jobs/{name}/result", summary="The video", response_class=Response)
async def result(name: str, request: Request, key: str = Query("")) -> Response:
    state = State.of(request)
    found = state.jobs.get(name, state.session_key(request), key)
    file = f'attachment; filename="mimica{found.suffix}"'
    return Response(state.jobs.result(found), media_type=found.media, headers={"Content-Disposition": file})
