"""Networks that are loaded while the photo is looked at."""

from __future__ import annotations

import threading

import pytest

from mimica.errors import ImageError, WeightsError
from mimica.film.photos import loading
from mimica.reader import read


def test_the_engine_is_loaded_beside_the_block() -> None:
    started = threading.Event()

    def load() -> str:
        started.set()
        return "engine"

    with loading(load) as coming:  # type: ignore[arg-type]
        assert started.wait(60)
    assert coming.result() == "engine"


def test_what_is_wrong_with_the_photo_comes_first() -> None:
    def load() -> None:
        raise WeightsError("weights")

    with pytest.raises(ImageError), loading(load):  # type: ignore[arg-type]
        raise ImageError("photo")
    with loading(load) as coming:  # type: ignore[arg-type]
        pass
    with pytest.raises(WeightsError):
        coming.result()


def test_the_readers_networks_are_opened_once() -> None:
    first, second = read.Reader(), read.Reader()
    assert first._session is second._session and first._refiner is second._refiner
