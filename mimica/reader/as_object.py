"""A reading in JSON's types."""

from __future__ import annotations

from typing import Any

from mimica.reader.read import FaceReading


def as_object(reading: FaceReading, number: int) -> dict[str, Any]:
    """A face in JSON's types, by the keys that `mimica read --help` documents."""
    return {
        "face": number,
        "confidence": round(reading.confidence, 4),
        "box": [round(value, 2) for value in reading.box_photo],
        "pose": {name: round(getattr(reading, name), 2) for name in ("yaw", "pitch", "roll")},
        "gaze": {"x": round(reading.gaze_x, 2), "y": round(reading.gaze_y, 2)},
        "gaze_from_camera": {axis: round(angle, 2) for axis, angle in zip("xy", reading.gaze_from_camera, strict=True)},
        "action_units": _rounded(reading.mean_action_units),
        "action_units_by_side": _rounded(reading.action_units),
        "emotions": _rounded(reading.emotions),
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in reading.landmarks_photo],
        "irises": [[round(float(x), 2), round(float(y), 2)] for x, y in reading.irises_photo],
    }


def _rounded(values: Any) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
