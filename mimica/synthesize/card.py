"""The data card of a synthetic set."""

from __future__ import annotations

from dataclasses import asdict

from mimica import __version__
from mimica.synthesize.settings import Settings

_ORIGIN = {
    "photos": "The people are those of {count} photos that were given. Whatever licence and consent these have hold for the "
    "frames too: they show the same people. Name the photos' source here before you pass the set on.",
    "generated": "The people are {count} draws of Mimica's StyleGAN2 (seeds {seed} on, truncation 0.7): nobody. The generator "
    "was trained on photos; its model card says which.",
}
_LABELS = {
    "rig": "**labels = exact** (renderer rig): ICT-FaceKit's 3-D face (MIT) is fitted to the photo and moved by named, sided "
    "Action Units; the photo's skin is warped, relit and creased with it, eyes and mouth are filled in. Units are those the rig "
    "shows after its limits (muscles that oppose each other), landmarks, mesh, masks and flow are its geometry. Pose is the "
    "fit's, gaze is read of the photo.",
    "engine": "**labels = asked** (renderer engine): Mimica's fast engine was asked for these units, pose and gaze; how truly "
    "it obeys, its model card says. Landmarks are read of the frame.",
}


_CARD = """# Synthetic faces with Action Units

Made by Mimica {version}: {options}. The same command gives the same bytes with the same versions of Mimica, numpy, OpenCV
and Pillow on the same kind of processor.

## Who is shown

{origin}

## What is in it

Shards `part-*.tar` (WebDataset) with, for each sample:

{listed}

KEY is the photo's number, then the frame's; frame 000 is the photo itself (**labels = read**: what Mimica's reader sees). The
tables `part-*.{format}` hold the same labels a row a frame, `part-*.errors.{format}` the photos that were not used, and why.
`mimica merge` joins them.

{labels}

Action Units are FACS's, by the subject's side (AU12L is the left), in [0, 1], where 1 is level E. Angles in degrees: yaw + to the
right of the picture, pitch + down, roll + clockwise; gaze in the head, x + right, y + down. Landmarks are iBUG's 68, pixels of
the crop, pixel i from i to i + 1.

## Known weaknesses

- What the photo hides is invented: teeth, tongue and gums are the rig's own, closed lids get the colour of the skin about them,
creases
  are drawn by rule, not the person's.
- Photos that show an open mouth, a broad smile, closed or covered eyes or a head turned far away are left out by the rig, so the
set
  has fewer of the people who pose like that.
- Glasses, hair and hands over the face move with the skin under them. Backgrounds are bent near the face.
- An exact label says what the rig was made to show; how strong an intensity of 1 looks is our choice by eye, not a coder's.
- Faces made by rule are no substitute for people: measure on photographs before you rely on what was learnt here.

Whoever shows such pictures must say that they are made (European Union: Regulation 2024/1689, Article 50); each carries that
mark.
"""


def card(settings: Settings, identities: str, count: int, format: str) -> str:
    """The card's text."""
    renderers = ("rig", "engine") if settings.renderer == "both" else (settings.renderer,)
    options = ", ".join(f"{name} {value}" for name, value in asdict(settings).items())
    files = ["KEY.jpg, the tight crop (eye distance 0.30 of its side)", "KEY.json, its labels"]
    files += ["KEY.mesh.npy, float16 (9409, 3), x and y in pixels, z towards the viewer"] * settings.mesh
    files += ["KEY.classes.png: 0 background, 1 skin, 2 eyes, 3 mouth's inside"] * settings.masks
    files += [
        "KEY.flow.npy, float16 (S, S, 2): where in the crop of frame 000 a pixel comes from, less where it is"
    ] * settings.flow
    labels = "\n".join(f"- {_LABELS[name]}" for name in renderers)
    listed = "\n".join(f"- {line}" for line in files)
    origin = _ORIGIN[identities].format(count=count, seed=settings.seed)
    return _CARD.format(version=__version__, options=options, origin=origin, listed=listed, format=format, labels=labels)
