"""Pictures and landmarks that many tests use. Nothing here needs a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from mimica.pictures.images import read_photo

settings.register_profile("mimica", deadline=None)  # how fast an example runs says more about the machine than about the code
settings.load_profile("mimica")


BY_THE_CLOCK = frozenset(
    f"test_{name}.py"
    for name in (
        "web_browser", "web_browser_tabs", "web_channel", "web_guard", "web_limits", "web_photos", "web_rest", "web_scratch",
        "camera", "fuzz", "lock", "on_ray", "scale_speed", "two_runs",
    )
)  # fmt: skip
"""Whose tests wait for a browser, a thread or another process. On a machine that is busy with other things one of them is late
now and then, each time another. They are tried up to three times; the summary names who was."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in BY_THE_CLOCK:
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """uint8 (512, 512, 3), one face of about 90 pixels at (223, 126)."""
    rgb = read_photo(Path(__file__).parents[1] / "examples" / "astronaut.jpg").rgb
    rgb.flags.writeable = False
    return rgb


@pytest.fixture(autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own settings, keys least of all, count in tests."""
    monkeypatch.setenv("MIMICA_CONFIG", str(tmp_path_factory.getbasetemp() / "no_settings"))


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """uint8 (300, 400, 3), smooth at no scale, no face."""
    return np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)


@pytest.fixture(scope="session")
def face_points() -> Callable[..., np.ndarray]:
    """Makes landmarks, (68, 2), of which only eye and mouth corners mean something: `face_points((x, y), (x, y), (x, y))`."""

    def make(left: tuple[float, float], right: tuple[float, float], mouth: tuple[float, float] = (0, 0)) -> np.ndarray:
        across = np.subtract(right, left) / 4
        points = np.full((68, 2), np.mean([left, right], axis=0))
        points[[36, 39, 42, 45]] = np.array([left - across, left + across, right - across, right + across])
        points[[48, 54]] = np.array([mouth - across, mouth + across])
        return points

    return make
