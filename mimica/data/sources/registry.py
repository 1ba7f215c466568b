"""The raw face data sets that `mimica prepare` reads, by name; each module here knows one of them.

Values are crossed from OpenFace's 0-5 to [0, 1] there. Where a set has no intensities of Action Units (EmotioNet's are present
or absent, most have none), the reader measures them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mimica.data.sources.authors import authors_source
from mimica.data.sources.base import Found
from mimica.data.sources.celeba import celeba_source
from mimica.data.sources.cfee import cfee_source
from mimica.data.sources.emotionet import emotionet_source
from mimica.data.sources.faces import faces_source
from mimica.data.sources.folder import folder_source
from mimica.data.sources.impa import impa_source
from mimica.data.sources.mug import mug_source
from mimica.data.sources.openface import openface_source
from mimica.data.sources.rafd import rafd_source
from mimica.data.sources.reanimated import reanimated_source

SOURCES: dict[str, Callable[[Path], Found]] = {
    "folder": folder_source,
    "openface": openface_source,
    "authors": authors_source,
    "emotionet": emotionet_source,
    "rafd": rafd_source,
    "celeba": celeba_source,
    "faces": faces_source,
    "reanimated": reanimated_source,
    "cfee": cfee_source,
    "impa": impa_source,
    "mug": mug_source,
}
"""Name -> function from a folder to its faces."""
