"""The nodes, each a class in the shape of ComfyUI's V1 interface, which needs nothing of ComfyUI: INPUT_TYPES, RETURN_TYPES,
RETURN_NAMES, and `run`. `v3` registers them by the V3 interface."""

from __future__ import annotations

import json
import logging
from typing import Any, ClassVar

import numpy as np

from mimica import api, facs
from mimica.animation import render_frame
from mimica.engines.base import MAX_DOSE, REGISTRY
from mimica.errors import ValueRangeError
from mimica.marks.visible import labelled
from mimica.motion.expression import parse_attributes

from .motion import driven, played
from .values import HEAD, ExpressionValue, LoadedFace, image_of, lacking, mask_of, merged, nothing, pictures, target

FACE, EXPRESSION = "MIMICA_FACE", "MIMICA_EXPRESSION"
_CATEGORY = "Mimica"
_log = logging.getLogger("mimica")


def _slider(default: float, low: float, high: float, step: float, tooltip: str) -> tuple[str, dict[str, Any]]:
    return "FLOAT", {"default": default, "min": low, "max": high, "step": step, "display": "slider", "tooltip": tooltip}


_FPS = ("FLOAT", {"default": 25.0, "min": 1.0, "max": 120.0, "step": 1.0, "tooltip": "Frames a second."})
_VISIBLE = ("BOOLEAN", {"default": False, "tooltip": "Put the words AI MODIFIED into the picture's corner."})
_BASE = {"optional": {"expression": (EXPRESSION, {"tooltip": "What this node is laid on top of."})}}


def slider_name(unit: facs.ActionUnit) -> str:
    """`inner_brow_raiser` for AU 1."""
    return unit.name.lower().replace(" ", "_")


def _grouped_units() -> list[facs.ActionUnit]:
    regions = ("brows", "eyes", "cheeks", "nose", "mouth", "chin", "jaw")
    return sorted(facs.ACTION_UNITS, key=lambda unit: regions.index(unit.region))


class LoadFace:
    """A photo's face, found, read and encoded once for all nodes that follow."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = (FACE, "IMAGE", "MASK", "STRING")
    RETURN_NAMES: ClassVar = ("face", "crop", "mask", "notes")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "Of a batch the first picture."}),
                "face": ("STRING", {"default": "largest", "tooltip": "largest, or a number from 1 in reading order."}),
                "engine": (list(REGISTRY), {"default": "ganimation"}),
            },
            "optional": {"weights": ("STRING", {"default": "", "tooltip": "A file of weights, in place of the shipped ones."})},
        }

    def run(self, image: Any, face: str, engine: str, weights: str = "") -> tuple[LoadedFace, Any, Any, str]:
        if face.strip() == "all":
            raise ValueRangeError("This node loads one face: give 'largest' or a number, and one node for each face.")
        photo = pictures(image)[0]
        prepared, warnings = api.prepare_face(
            photo, eye_distance=float("inf"), face=face.strip() or None, engine=engine, weights=weights.strip() or None
        )
        x0, y0, x1, y1 = (round(v) for v in prepared.faces[0].reading.box_photo)
        mask = np.zeros(photo.shape[:2], np.float32)
        mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = 1.0
        return (
            LoadedFace(prepared, tuple(warnings)),
            image_of([prepared.faces[0].face.image]),
            mask_of([mask]),
            "\n".join(warnings),
        )


class Expression:
    """Action Units by sliders, ordered by region; two of these nodes in a row set two sides apart."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = (EXPRESSION,)
    RETURN_NAMES: ClassVar = ("expression",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        sliders = {
            slider_name(unit): _slider(0.0, -1.0, 1.0, 0.01, f"AU {unit.number}, {unit.region}: {unit.muscle}.")
            for unit in _grouped_units()
        }
        mode = (["add to the photo", "set"], {"tooltip": "Changes from what the photo shows, or all Action Units as they are."})
        side = (["both", "left", "right"], {"tooltip": "Of the face; left is the person's left."})
        return {"required": {"mode": mode, "side": side, **sliders}, **_BASE}

    def run(self, mode: str, side: str, expression: ExpressionValue | None = None, **sliders: float) -> tuple[ExpressionValue]:
        made = nothing()
        for unit in _grouped_units():
            value = float(sliders.get(slider_name(unit), 0.0))
            for letter, word in (("L", "left"), ("R", "right")):
                if side not in ("both", word):
                    continue
                if mode == "set":
                    made["set"][f"{unit.control}{letter}"] = min(1.0, max(0.0, value))
                elif value:
                    made["add"][f"{unit.control}{letter}"] = value
        return (merged(expression, made),)


class Emotion:
    """An emotion, or a mixture of two, as Action Units."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = (EXPRESSION,)
    RETURN_NAMES: ClassVar = ("expression",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        names = list(facs.RECIPES)
        weight = _slider(1.0, 0.0, 1.5, 0.05, "Above 1 exaggerates.")
        return {
            "required": {
                "emotion": (names, {"default": "happiness"}),
                "weight": weight,
                "second_emotion": (["none", *names], {"default": "none"}),
                "second_weight": _slider(0.0, 0.0, 1.5, 0.05, "Of the second emotion."),
            },
            **_BASE,
        }

    def run(
        self, emotion: str, weight: float, second_emotion: str = "none", second_weight: float = 0.0,
        expression: ExpressionValue | None = None,
    ) -> tuple[ExpressionValue]:  # fmt: skip
        shown = facs.emotion_controls(emotion, weight)
        if second_emotion != "none":
            second = facs.emotion_controls(second_emotion, second_weight)
            shown = {name: min(1.0, value + second[name]) for name, value in shown.items()}
        return (merged(expression, {**nothing(), "set": shown}),)


class PoseGaze:
    """Head and eyes, in degrees away from the photo, for engines that can move them."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = (EXPRESSION,)
    RETURN_NAMES: ClassVar = ("expression",)
    _WORDS: ClassVar = {
        "yaw": "Turn to the right of the picture.",
        "pitch": "Nod down.",
        "roll": "Tilt clockwise.",
        "gaze_x": "Look to the right of the picture.",
        "gaze_y": "Look down.",
    }

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {name: _slider(0.0, -30.0, 30.0, 0.5, cls._WORDS[name]) for name in HEAD}, **_BASE}

    def run(self, expression: ExpressionValue | None = None, **degrees: float) -> tuple[ExpressionValue]:
        add = {name: float(degrees[name]) for name in HEAD if degrees.get(name)}
        return (merged(expression, {**nothing(), "add": add}),)


class Attributes:
    """Doses of attributes, for the engines vae and stylegan: age, smile, beard ..."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = (EXPRESSION,)
    RETURN_NAMES: ClassVar = ("expression",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        words = f"NAME=DOSE, parted by commas; 0 is the photo, 1 a typical difference, {MAX_DOSE:g} the most."
        return {"required": {"attributes": ("STRING", {"default": "smile=1.0", "multiline": True, "tooltip": words})}, **_BASE}

    def run(self, attributes: str, expression: ExpressionValue | None = None) -> tuple[ExpressionValue]:
        parts = [part.strip() for part in attributes.replace("\n", ",").split(",")]
        doses = parse_attributes(",".join(filter(None, parts)) or None)
        return (merged(expression, {**nothing(), "doses": doses}),)


class Apply:
    """The photo with an expression, and what has changed of it as a mask."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = ("IMAGE", "MASK", "STRING")
    RETURN_NAMES: ClassVar = ("image", "mask", "notes")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "face": (FACE, {}),
                "expression": (EXPRESSION, {}),
                "intensity": _slider(1.0, 0.0, 1.5, 0.05, "0 is the photo."),
                "visible_mark": _VISIBLE,
            }
        }

    def run(
        self, face: LoadedFace, expression: ExpressionValue, intensity: float = 1.0, visible_mark: bool = False
    ) -> tuple[Any, Any, str]:
        picture = render_frame(face.prepared, [target(expression, face.own, intensity)])
        mask = (picture != face.prepared.photo).any(axis=2)
        notes = _notes(face, expression)
        return image_of([labelled(picture) if visible_mark else picture]), mask_of([mask]), notes


class Animate:
    """From the photo to an expression and back, or on to a second one; or along a script."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = ("IMAGE", "FLOAT", "STRING")
    RETURN_NAMES: ClassVar = ("images", "fps", "notes")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "face": (FACE, {}),
                "seconds": ("FLOAT", {"default": 2.5, "min": 0.1, "max": 60.0, "step": 0.1, "tooltip": "Not for a script."}),
                "fps": _FPS,
                "blinks": ("BOOLEAN", {"default": False}),
                "blink_seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1, "tooltip": "For the times of blinks."}),
                "visible_mark": _VISIBLE,
            },
            "optional": {
                "expression": (EXPRESSION, {}),
                "second_expression": (EXPRESSION, {"tooltip": "Go from the first to this one and stay."}),
                "script": ("STRING", {"default": "", "multiline": True, "tooltip": "In place of expressions: Mimica's script."}),
            },
        }

    def run(
        self, face: LoadedFace, seconds: float, fps: float, blinks: bool = False, blink_seed: int = 0, visible_mark: bool = False,
        expression: ExpressionValue | None = None, second_expression: ExpressionValue | None = None, script: str = "",
    ) -> tuple[Any, float, str]:  # fmt: skip
        ends = [one for one in (expression, second_expression) if one is not None]
        frames = played(face, ends, script, seconds, fps, np.random.default_rng(blink_seed) if blinks else None)
        notes = "\n".join(dict.fromkeys(line for one in ends for line in _notes(face, one).splitlines()))
        return image_of(labelled(frame) if visible_mark else frame for frame in frames), float(fps), notes


class Drive:
    """The photo does what the person in a video does; frames without a face hold the expression before."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = ("IMAGE", "FLOAT", "STRING")
    RETURN_NAMES: ClassVar = ("images", "fps", "notes")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "face": (FACE, {}),
                "driver": ("IMAGE", {"tooltip": "The frames of the video."}),
                "fps": _FPS,
                "gain": _slider(1.0, 0.05, 3.0, 0.05, "How strongly the changes are shown."),
                "transfer": (["relative", "absolute"], {"tooltip": "The driver's changes from neutral, or what it shows."}),
                "visible_mark": _VISIBLE,
            }
        }

    def run(
        self, face: LoadedFace, driver: Any, fps: float, gain: float = 1.0, transfer: str = "relative", visible_mark: bool = False
    ) -> tuple[Any, float, str]:
        frames, notes = driven(face, pictures(driver), fps, gain, transfer)
        return image_of(labelled(frame) if visible_mark else frame for frame in frames), float(fps), "\n".join(notes)


class Read:
    """What the faces in a picture show, as JSON, as an expression (the largest face's), as a picture."""

    CATEGORY, FUNCTION = _CATEGORY, "run"
    RETURN_TYPES: ClassVar = ("STRING", EXPRESSION, "IMAGE")
    RETURN_NAMES: ClassVar = ("json", "expression", "plot")
    DESCRIPTION = "Whoever reads people's emotions must tell them so (European Union: Regulation 2024/1689, Article 50(3))."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image": ("IMAGE", {"tooltip": "Of a batch the first picture."})}}

    def run(self, image: Any) -> tuple[str, ExpressionValue, Any]:
        from mimica.reader.plot import reading_picture

        picture = pictures(image)[0]
        readings = api.read(picture)
        largest = max(readings, key=lambda one: one.eye_distance)
        rows = [
            {
                "face": number,
                "confidence": round(float(one.confidence), 3),
                "box": [round(float(v), 1) for v in one.box_photo],
                "pose": {name: round(float(getattr(one, name)), 1) for name in ("yaw", "pitch", "roll")},
                "action_units": {name: round(float(v), 3) for name, v in one.action_units.items()},
                "emotions": {name: round(float(v), 3) for name, v in one.emotions.items()},
            }
            for number, one in enumerate(readings, start=1)
        ]
        shown = {name: float(value) for name, value in largest.action_units.items()}
        return json.dumps(rows, indent=1), {**nothing(), "set": shown}, image_of([reading_picture(picture, readings)])


def _notes(face: LoadedFace, expression: ExpressionValue) -> str:
    """Warnings about the photo and about what the engine cannot do, which also go to the log."""
    engine = face.prepared.engine
    unknown = [name for name in expression["doses"] if name not in engine.controls]
    if unknown:
        raise ValueRangeError(f"The engine '{engine.name}' has no attribute {', '.join(unknown)}; load the face with another.")
    left_out = lacking(expression, engine.controls)
    notes = list(face.warnings)
    notes += [f"The engine '{engine.name}' cannot move {', '.join(left_out)}; that is left out."] if left_out else []
    for note in notes:
        _log.warning(note)
    return "\n".join(notes)


NODE_CLASS_MAPPINGS: dict[str, Any] = {
    "MimicaLoadFace": LoadFace,
    "MimicaExpression": Expression,
    "MimicaEmotion": Emotion,
    "MimicaPoseGaze": PoseGaze,
    "MimicaAttributes": Attributes,
    "MimicaApply": Apply,
    "MimicaAnimate": Animate,
    "MimicaDrive": Drive,
    "MimicaRead": Read,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "MimicaLoadFace": "Load Face (Mimica)",
    "MimicaExpression": "Expression (Mimica)",
    "MimicaEmotion": "Emotion (Mimica)",
    "MimicaPoseGaze": "Pose & Gaze (Mimica)",
    "MimicaAttributes": "Attributes (Mimica)",
    "MimicaApply": "Apply Expression (Mimica)",
    "MimicaAnimate": "Animate (Mimica)",
    "MimicaDrive": "Drive (Mimica)",
    "MimicaRead": "Read Faces (Mimica)",
}
