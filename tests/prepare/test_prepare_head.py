"""The small head out of a mesh: clustering, components, files."""

from pathlib import Path

import numpy as np
import pytest

from mimica.errors import DataError
from mimica.face import head as face_head
from mimica.prepare import head
from mimica.prepare.head import clustered, components, prepare, read_obj


def test_obj_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mesh.obj"
    path.write_text("# a mesh\nv 0 0 0\nv 1 0 0 0.5\nv 1 1 0\nv 0 1 0\nvt 0 0\nf 1/1/1 2/2/2 3/3 4\n")
    vertices, faces = read_obj(path)
    assert vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]] and faces == [(0, 1, 2, 3)]
    with pytest.raises(DataError, match="FaceXModel"):
        read_obj(tmp_path / "nothing.obj")


def test_a_lattice_cell_becomes_one_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "LANDMARK_VERTICES", (2,))
    x, y = np.meshgrid(np.arange(6.0), np.arange(6.0))
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1)
    corners = [(i, i + 1, i + 6, i + 7) for i in range(29) if i % 6 < 5]
    triangles = np.array([t for a, b, c, d in corners for t in ((a, b, c), (b, d, c))])
    mean, gather, made = clustered(vertices, triangles, 2.0)
    assert len(mean) == 9 + 1 and mean[0].tolist() == [0.5, 0.5, 0] and mean[-1].tolist() == vertices[2].tolist()
    assert len(made) == 8 and np.allclose(gather(vertices + 1), mean + 1)


def test_components_span_the_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "LANDMARK_VERTICES", (0, 1))
    rng = np.random.default_rng(0)
    shapes = [rng.normal(size=(12, 3)) for _ in range(3)]
    basis, kept = components(shapes, 3)
    assert kept == pytest.approx(1)
    rest = np.linalg.lstsq(basis.reshape(3, -1).T, np.stack(shapes).reshape(3, -1).T, rcond=None)[1]
    assert np.abs(rest).max() < 1e-12


def test_a_folder_becomes_a_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "SKIN_FACES", 60)
    monkeypatch.setattr(head, "LANDMARK_VERTICES", tuple(range(68)))
    rng = np.random.default_rng(0)
    faces = [f"f {i + 1} {i + 2} {i + 3}" for i in range(60)]
    for name in ("generic_neutral_mesh", "identity000", "identity001", "jawOpen", "mouthSmile_L", "mouthSmile_R", "mouthPucker"):
        lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in rng.uniform(0, 9, (70, 3))]
        (tmp_path / f"{name}.obj").write_text("\n".join(lines + faces))
    said = prepare(tmp_path, tmp_path / "head.safetensors")
    face_head.load_model.cache_clear()
    model = face_head.load_model(tmp_path / "head.safetensors")
    face_head.load_model.cache_clear()
    assert said.vertices == len(model.mean) and len(model.basis) == 2 + 3 and said.triangles == len(model.triangles)
    assert str(said.vertices) in str(said) and said.as_object()["complete"]
    (tmp_path / "identity000.obj").unlink()
    (tmp_path / "identity001.obj").unlink()
    with pytest.raises(DataError, match="identity000"):
        prepare(tmp_path, tmp_path / "other.safetensors")
