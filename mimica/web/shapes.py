"""The requests of the programming interface: the words and ranges of the command line, with examples for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mimica.api import DEFAULT_FPS, DEFAULT_SIZE

Number = Annotated[float, Field(allow_inf_nan=False)]


class Asked(BaseModel):
    """What every request may say."""

    model_config = ConfigDict(extra="forbid")

    photo: Any = Field(
        None, description="The picture: a file part of multipart/form-data, or base64 in JSON.", examples=["/9j/4AAQ"]
    )


class Source(Asked):
    face: str | int | None = Field(None, description="A number from 1 in reading order, 'largest' or 'all'; default the largest.")
    engine: str = Field("ganimation", description="The engine that renders: ganimation, vae, stylegan.")


class Wanted(Source):
    expression: str | dict[str, Number] | None = Field(
        None, description="NAME[:WEIGHT], or a mixture.", examples=["happy:0.6+surprised:0.4"]
    )
    au: str | dict[str, Number] | None = Field(
        None, description="Action Units, absolute or relative.", examples=["12=0.8,6+=0.2"]
    )
    attributes: str | dict[str, Number] | None = Field(
        None, description="NAME=DOSE:OPTIONS, drawn; of vae and stylegan their own.", examples=["glasses=1:round,gold"]
    )
    intensity: Number = Field(1.0, description="0 is the photo, 1 the expression, up to 1.5 beyond.")

    def arguments(self) -> dict[str, Any]:
        """For `mimica.edit` and `mimica.animate`, but for the engine."""
        names = ("expression", "au", "attributes", "intensity", "face")
        return {name: getattr(self, name) for name in names}


class EditAsked(Wanted):
    """`POST /api/edit`."""

    format: str = Field("jpg", description="jpg, png, webp, bmp or tif.")
    tag: bool = Field(True, description="Write 'edited by Mimica' into the file; false needs `labelled_elsewhere`.")
    labelled_elsewhere: bool = Field(False, description="The result will be shown with a label of its own.")


class AnimateAsked(Wanted):
    """`POST /api/animate`."""

    sequence: str | None = Field(None, description="Expressions in time.", examples=["happy@0, sad@1.5, photo@3"])
    script: str | None = Field(
        None, description="The text of a script.", examples=["happy 80% over 0.4s\nhold 1s\nphoto over 1s"]
    )
    seconds: Number | None = Field(None, description="Length.")
    loop: bool = Field(False, description="End as it begins.")
    blinks: bool = Field(False, description="Let the eyes blink now and then.")
    seed: int = Field(0, description="For the times of blinks.")
    fps: Number = Field(DEFAULT_FPS, description="Frames a second, 1 to 120.")
    size: int = Field(DEFAULT_SIZE, le=4096, description="Longer side, pixels, at most 4096 here.")
    format: str = Field("mp4", description="mp4, webm, gif or webp.")
    tag: bool = Field(True, description="Write 'edited by Mimica' into the file; false needs `labelled_elsewhere`.")
    labelled_elsewhere: bool = Field(False, description="The result will be shown with a label of its own.")


class FaceChanges(BaseModel):
    """One face of a photo on the page, and how far each control is moved from what the photo shows."""

    model_config = ConfigDict(extra="forbid")

    face: int = Field(1, ge=1, le=999)
    changes: dict[str, Number] = Field(default_factory=dict, max_length=300)


class Frame(BaseModel):
    """What is to be rendered: the faces of one photo by one engine."""

    model_config = ConfigDict(extra="forbid")

    faces: list[FaceChanges] = Field(default_factory=list, max_length=50)
    engine: str = "ganimation"
    format: str = "png"


class KeyAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    time: Number = Field(ge=0, le=600)
    changes: dict[str, Number] = Field(default_factory=dict, max_length=300)
    easing: str = "ease"


class ScoreAsked(BaseModel):
    """What the photo on the page is to do in time: keyframes, a script, or a recording of a camera."""

    model_config = ConfigDict(extra="forbid")

    faces: list[Annotated[int, Field(ge=1, le=999)]] = Field(default_factory=list, max_length=50)
    engine: str = "ganimation"
    keyframes: list[KeyAsked] = Field(default_factory=list, max_length=500)
    script: str | None = Field(None, max_length=100_000)
    recording: str | None = None
    doses: dict[str, Number] = Field(default_factory=dict, max_length=300)
    seconds: Number = Field(4.0, ge=0.1, le=600)
    loop: bool = False
    blinks: bool = False
    alive: bool = False
    seed: int = Field(0, ge=0, le=2**32)
    fps: Number = Field(DEFAULT_FPS, ge=1, le=60)
    size: int = Field(DEFAULT_SIZE, ge=64, le=4096)
    format: str = "mp4"


class SamplesAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    engine: str = "stylegan"
    seeds: str = Field("1-8", max_length=200)


class TransitionAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**32 - 1)
    start: str = Field("own", max_length=200)
    end: str = Field("happy", max_length=200)
