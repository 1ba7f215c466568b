"""Which vertices of the rig are lips, lids and the skin that a closing lid pulls along; worked out once from the rig's
distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mimica.synthesize.rig import Rig, load_rig

SIDES = ("left", "right")
_INSIDE_REACH = 1.2
"""Centimetres behind the inner edge of a lip that still show it."""


@dataclass(frozen=True)
class Lip:
    """One lip, upper or lower.

    inner, outer  int (n,), the inner edge, and for each of its points one of the outer edge, at the same share of the width
    across        float (n,), 0 at the right corner of the mouth, 1 at the left one
    red           vertices of the lip's outside; `red_near` the place of the nearest point of `inner`, `red_share` 0 at the inner
                  edge, 1 at the outer one
    behind        the same for vertices inside the mouth
    """

    inner: np.ndarray
    outer: np.ndarray
    across: np.ndarray
    red: np.ndarray
    red_near: np.ndarray
    red_share: np.ndarray
    behind: np.ndarray
    behind_near: np.ndarray
    behind_share: np.ndarray


@dataclass(frozen=True)
class Lids:
    """One eye's lids.

    upper, lower  int, lash lines
    skin          float32 (skin,), 1 on the upper lid, 0 from the brow on
    follow, follow_near, follow_weight   vertices that come along when the upper lash line is shifted, and by how much
    rim, rim_at   vertices of the lids' thickness, and of the lash line beside each
    """

    upper: np.ndarray
    lower: np.ndarray
    skin: np.ndarray
    follow: np.ndarray
    follow_near: np.ndarray
    follow_weight: np.ndarray
    rim: np.ndarray
    rim_at: np.ndarray


@dataclass(frozen=True)
class Topology:
    """lips by "upper" and "lower", lids by "left" and "right", and `lip_side`, float32 (skin,), 1 on the upper lip at its inner
    edge, -1 on the lower one, 0 elsewhere."""

    lips: Mapping[str, Lip]
    lids: Mapping[str, Lids]
    lip_side: np.ndarray


@lru_cache(1)
def topology() -> Topology:
    """The shipped rig's."""
    return topology_of(load_rig())


def topology_of(rig: Rig) -> Topology:
    """Any rig's."""
    up, low = (rig.distance[f"lip_inner_{name}"] for name in ("upper", "lower"))
    lips = {"upper": _lip(rig, "upper", up <= low), "lower": _lip(rig, "lower", low <= up)}
    side = np.clip((low - up) / 0.05, -1, 1)
    side[np.minimum(up, low) > 1] = 0
    return Topology(lips, {name: _lids(rig, name) for name in SIDES}, side.astype(np.float32))


def _lip(rig: Rig, name: str, mine: np.ndarray) -> Lip:
    inner, whole_outer = rig.loops[f"lip_inner_{name}"], rig.loops[f"lip_outer_{name}"]
    across, out = (_across(rig.neutral[loop, 0]) for loop in (inner, whole_outer))
    outer = whole_outer[np.abs(out[None] - across[:, None]).argmin(axis=1)]
    thickness = np.linalg.norm(rig.neutral[outer] - rig.neutral[inner], axis=1)
    away, near = rig.distance[f"lip_inner_{name}"], rig.nearest[f"lip_inner_{name}"]
    share = away / np.maximum(thickness[near], 0.25)
    red = np.flatnonzero(~rig.inside["mouth"] & mine & (away < thickness[near] * 1.3))
    behind = np.flatnonzero(rig.inside["mouth"] & mine & (away < _INSIDE_REACH))
    return Lip(inner, outer, across, red, near[red], share[red], behind, near[behind], share[behind])


def _across(x: np.ndarray) -> np.ndarray:
    share: np.ndarray = (x - x[0]) / (x[-1] - x[0])
    return share


def _lids(rig: Rig, side: str) -> Lids:
    upper, lower = rig.loops[f"eye_{side}_upper"], rig.loops[f"eye_{side}_lower"]
    above, below = rig.distance[f"eye_{side}_upper"], rig.distance[f"eye_{side}_lower"]
    near_upper, near_lower = rig.nearest[f"eye_{side}_upper"], rig.nearest[f"eye_{side}_lower"]
    x = rig.neutral[: rig.skin, 0]
    here = (x > 1.2) if side == "left" else (x < -1.2)
    skin = np.clip((1.25 - above) / 0.5, 0, 1) * ((above <= below + 0.25) & here)
    skin[rig.face :] = 0
    inside = rig.inside[f"eye_{side}"]
    pull = np.clip(1 - above / 0.85, 0, 1)
    pull = pull * pull * (3 - 2 * pull)
    pull[(below < above) & (below < 2)] = 0
    pull[inside] = above[inside] <= below[inside]
    pull[upper] = 1
    near_it = inside | (skin > 0)
    near_it[upper] = True
    follow = np.flatnonzero((pull > 0.01) & near_it)
    rim = np.flatnonzero(inside[: rig.face])
    rim_at = np.where(above[rim] <= below[rim], upper[near_upper[rim]], lower[near_lower[rim]])
    return Lids(upper, lower, skin.astype(np.float32), follow, near_upper[follow], pull[follow].astype(np.float32), rim, rim_at)
