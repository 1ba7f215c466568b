"""The rig out of ICT-FaceKit: packing, geodesic distances, what loops enclose, and the file that ships."""

from __future__ import annotations

import numpy as np
import pytest

from mimica.errors import DataError
from mimica.synthesize.rig import LOOPS, WEIGHTS, load_rig
from mimica.synthesize.units import SHAPES

rig = pytest.importorskip("mimica.prepare.rig", reason="preparing the rig needs scipy")


def grid(side: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """A flat net of (side, side) vertices, a centimetre apart."""
    y, x = np.mgrid[0:side, 0:side]
    quads = [(i, i + 1, i + side + 1, i + side) for i in range(side * side - side) if i % side < side - 1]
    return np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1).astype(float), quads


def test_eight_bits_are_within_half_a_step() -> None:
    shapes = np.random.default_rng(0).normal(size=(3, 20, 3))
    shapes[1] = 0
    packed = rig.packed("x", shapes)
    back = packed["x.rows"] * packed["x.scale"].reshape(-1, 1, 1)
    assert packed["x.rows"].dtype == np.int8
    assert (np.abs(back - shapes).reshape(3, -1).max(axis=1) <= packed["x.scale"] / 2 + 1e-6).all()


def test_quads_become_two_triangles_and_edges_are_counted_once() -> None:
    _, quads = grid(3)
    assert len(rig.triangles(quads)) == 8 and rig.triangles([(0, 1, 2, 3)]).tolist() == [[0, 1, 2], [0, 2, 3]]
    assert len(rig.edges_of(quads)) == 12


def test_distances_go_along_the_mesh_and_loops_enclose(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, quads = grid(7)
    monkeypatch.setattr(rig, "SKIN", range(49))
    monkeypatch.setattr(rig, "LANDMARK_VERTICES", (0,) * 68)
    edges = rig.edges_of(quads)
    ring = np.array([16, 17, 18, 23, 25, 30, 32, 31])
    assert np.flatnonzero(rig._enclosed(edges, ring, range(24, 25))).tolist() == [24]
    with pytest.raises(DataError, match="not closed"):
        rig._enclosed(edges, ring[:-1], range(24, 25))
    graph = rig._graph(vertices, edges)
    assert rig.dijkstra(graph, indices=0)[8] == pytest.approx(2)


def test_a_landmark_s_correction_is_whole_there_and_fades(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices, quads = grid(15)
    monkeypatch.setattr(rig, "SKIN", range(225))
    marks = np.random.default_rng(0).choice(225, 68, replace=False)
    monkeypatch.setattr(rig, "LANDMARK_VERTICES", tuple(int(m) for m in marks))
    moved = rig.correction(vertices, rig.edges_of(quads))
    assert moved.shape == (225, 68) and moved.sum(axis=1) == pytest.approx(np.ones(225), abs=0.05)
    assert (moved[marks[36:]].argmax(axis=1) == np.arange(36, 68)).all()


def test_the_shipped_rig_is_whole_and_small() -> None:
    shipped = load_rig()
    assert WEIGHTS.stat().st_size < 8e6 and shipped.names == SHAPES and set(shipped.loops) == set(LOOPS)
    assert shipped.neutral.shape == (18844, 3) and len(shipped.identity) == 40
    mirrored = shipped.neutral[shipped.landmarks[[36, 48, 0]], 0] + shipped.neutral[shipped.landmarks[[45, 54, 16]], 0]
    assert np.abs(mirrored).max() < 0.05  # the neutral face is symmetric
    for part, triangles in shipped.triangles.items():
        assert triangles.min() >= 0 and triangles.max() < len(shipped.neutral), part
