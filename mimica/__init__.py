"""Mimica: edit and animate facial expressions from one photo.

    import mimica

    mimica.edit("photo.jpg", "happy").save("happy.jpg")
    mimica.animate("photo.jpg", "surprised", blinks=True).save("surprised.mp4")
    mimica.edit_video("film.mp4", "happy:0.6").save("smiling.mp4")

The public names are those of `mimica.api` and `mimica.film.edit`; they are loaded when first used, so that `import mimica` costs
nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimica.api import Animation as Animation
    from mimica.api import EditResult as EditResult
    from mimica.api import animate as animate
    from mimica.api import edit as edit
    from mimica.api import load_engine as load_engine
    from mimica.api import read as read
    from mimica.film.edit import FilmEdit as FilmEdit
    from mimica.film.edit import edit_video as edit_video

__version__ = "0.1.0"

_PUBLIC = dict.fromkeys(("Animation", "EditResult", "animate", "edit", "load_engine", "read"), "mimica.api")
_PUBLIC |= dict.fromkeys(("FilmEdit", "edit_video"), "mimica.film.edit")


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        import importlib

        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'mimica' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
