"""The face descriptors, where their package is installed; a sentence where it is not."""

import cv2
import numpy as np
import pytest

from mimica.errors import MissingExtraError
from mimica.evaluate import identity
from mimica.evaluate.identity import Identity
from mimica.reader.read import find_faces


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, astronaut: np.ndarray) -> None:
    monkeypatch.setattr(identity.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="face_recognition_models"):
        Identity().check()
    with pytest.raises(MissingExtraError, match="face_recognition_models"):
        Identity().descriptor(astronaut, np.zeros((68, 2)))


@pytest.mark.skipif(Identity().path is None, reason="face_recognition_models is not installed")
def test_the_same_person_turned_and_darker_is_near(astronaut: np.ndarray) -> None:
    points = find_faces(astronaut)[0].landmarks_photo
    matrix = cv2.getRotationMatrix2D((float(points[:, 0].mean()), float(points[:, 1].mean())), 12, 0.9)
    turned = cv2.warpAffine((astronaut * 0.8).astype(np.uint8), matrix, astronaut.shape[1::-1])
    network = Identity()
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    distance = np.linalg.norm(network.descriptor(astronaut, points) - network.descriptor(turned, moved))
    assert 0 < distance < 0.35
