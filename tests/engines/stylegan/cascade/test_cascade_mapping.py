"""Seeds: what is blended, how much of it, and that it is continuous."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import softmax
from tiny import generator, people, write_faces

from mimica.engines.stylegan.cascade.assemble import reseeded
from mimica.engines.stylegan.cascade.mapping import KEPT, NEAR, PULL, SHRINK, CodeMapping, fit_seeds
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.encoder import ENCODER_KIND, Encoder
from mimica.errors import DataError
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.reader.frozen import load_frozen


def two_codes(blended: float) -> CodeMapping:
    mapping = CodeMapping(4, 3, codes=2, dims=1, blended=blended)
    mapping.keys.copy_(torch.tensor([[0.0], [1.0]]))
    mapping.values.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    return mapping


def test_attention_by_hand() -> None:
    mapping, z = two_codes(0.0), torch.ones(1, 4)  # its root mean square is 1 already
    mapping.temperature.fill_(0.5)
    a, b = math.exp(-(SHRINK**2) / 0.5), math.exp(-((SHRINK - 1) ** 2) / 0.5)
    assert torch.allclose(mapping(z), torch.tensor([[a / (a + b), b / (a + b), 0.0]]), atol=1e-4)
    assert torch.allclose(mapping(3 * z), mapping(z), atol=1e-5)


def test_pull_and_count_against_another_expression() -> None:
    """The formulas of the class by NumPy, the temperature by a root finder."""
    torch.manual_seed(2)
    mapping, z = CodeMapping(8, 3, codes=6, dims=2, blended=2.5), torch.randn(20, 8)
    found, keys = mapping.attention(z).numpy(), mapping.keys.double().numpy()
    whole = z.double().numpy()
    queries = SHRINK * (whole / np.sqrt((whole**2).mean(1, keepdims=True)))[:, :2]

    def weights(place: np.ndarray, temperature: float) -> np.ndarray:
        return np.asarray(softmax(-((place - keys) ** 2).sum(1) / (2 * temperature**2)))

    for query, row in zip(queries, found, strict=True):
        place = query + PULL * (weights(query, NEAR) @ keys - query)
        t = brentq(lambda t, place=place: 1 / (weights(place, t) ** 2).sum() - 2.5, 0.02, 50)
        assert np.allclose(weights(place, t), row, atol=2e-3)


@pytest.mark.parametrize("blended", [-1, 0.5, 13, math.nan, math.inf])
def test_a_count_that_cannot_be_is_refused(blended: float) -> None:
    with pytest.raises(ValueError, match="codes are blended"):
        CodeMapping(16, 16, codes=12, dims=4, blended=blended)


def clouds() -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (240, 16), and looks (240, 48) that depend on them; the last 60 are like nothing else."""
    torch.manual_seed(0)
    codes = torch.randn(240, 16)
    codes[180:] *= 4
    return codes, codes @ torch.randn(16, 48)


def test_as_many_codes_count_as_are_asked_for_in_every_draw() -> None:
    codes, looks = clouds()
    for blended in (1.5, 2.0, 4.0):
        mapping = CodeMapping(16, 16, codes=120, dims=6, blended=blended)
        mapping.fit_codes(codes, looks)
        z = torch.randn(300, 16)
        counted = 1 / mapping.attention(z).square().sum(1)
        assert torch.allclose(counted, torch.full_like(counted, blended), rtol=1e-2)
        assert torch.allclose(mapping.attention(z).sum(1), torch.ones(300), atol=1e-5)
        assert (mapping(z + 1e-4 * torch.randn_like(z)) - mapping(z)).abs().max() < 0.2, "continuous"
        assert torch.equal(mapping(z), mapping(z)) and torch.equal(mapping.w_average, codes.mean(0))


def test_codes_without_near_neighbours_are_left_out() -> None:
    codes, looks = clouds()
    mapping = CodeMapping(16, 16, codes=200, dims=6, blended=2.0)
    mapping.fit_codes(codes, looks)
    stored = mapping.values[mapping.values.abs().sum(1) > 0]
    assert len(stored) == KEPT * len(codes)
    far = sum(bool((one == codes[180:]).all(1).any()) for one in stored)
    assert far < 12, "of sixty"
    used = mapping.attention(torch.randn(500, 16)).sum(0)
    assert float(used[len(stored) :].sum()) == 0, "places without a code count nowhere"
    assert torch.allclose(mapping.keys[: len(stored)].std(0), torch.ones(6), atol=1e-3)


def test_blended_faces_are_more_alike_than_draws_by_one_temperature() -> None:
    """Mean distance of the looks of what is blended, at as many codes a draw."""
    codes, looks = clouds()
    new = CodeMapping(16, 16, codes=120, dims=6, blended=2.0)
    new.fit_codes(codes, looks)
    plain = CodeMapping(16, 16, codes=120, dims=6, blended=2.0)
    rows = torch.linspace(0, 239, 120).long()
    plain.keys.copy_((looks - looks.mean(0))[rows] @ torch.linalg.svd(looks - looks.mean(0), full_matrices=False)[2][:6].t())
    plain.keys.div_(plain.keys.std(0))
    plain.values.copy_(codes[rows])

    def apart(mapping: CodeMapping) -> float:
        a, v = mapping.attention(torch.randn(400, 16)), mapping.values
        return float((a @ v.square().sum(1) - (a @ v).square().sum(1)).mean())

    assert apart(new) < 0.7 * apart(plain)


def test_few_codes_and_few_components() -> None:
    few = CodeMapping(16, 16, codes=8, dims=6, blended=1.5)
    few.fit_codes(torch.randn(5, 16), torch.randn(5, 48))
    assert torch.isfinite(few(torch.randn(20, 16))).all()


def test_seeds_of_pictures_are_deterministic() -> None:
    made, encoder = generator(), Encoder(10, 16, 4).eval()
    made.mapping.blended = 1.5
    pictures = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1
    fit_seeds(made, encoder, pictures, load_frozen(None), batch=5)
    once = made.mapping.values.clone()
    fit_seeds(made, encoder, pictures, load_frozen(None), batch=16)
    assert torch.allclose(made.mapping.values, once, atol=1e-5)
    codes = encoder(pictures)[0].detach()
    assert all((torch.isclose(codes, one, atol=1e-5).all(1)).any() for one in once[:8]), "codes of those pictures"


def test_a_generator_gets_other_seeds_and_keeps_its_networks(tmp_path: Path) -> None:
    made, encoder = generator(), Encoder(10, 16, 4)
    body = Weights(CASCADE_KIND, 1, (), made.config, module_tensors(made), {"data": "x"})
    coder = Weights(ENCODER_KIND, 1, (), encoder.config, module_tensors(encoder), {})
    result = reseeded(body, coder, write_faces(tmp_path / "faces"), load_frozen(None), tmp_path)
    assert result.config["blended"] == 1.75 and result.notes["codes"] == "spots" and result.notes["data"] == "x"
    assert all(np.array_equal(result.tensors[n], t) for n, t in body.tensors.items() if n.startswith("synthesis."))
    stored = result.tensors["mapping.values"]
    assert (np.abs(stored).sum(1) > 0).sum() == 8, "half of eight people, mirrored"
    with pytest.raises(DataError, match="holds 0 photos"):
        empty = write_faces(tmp_path / "held_out")
        (empty / "table.csv").write_text(_all_held_out((empty / "table.csv").read_text()))
        reseeded(body, coder, empty, load_frozen(None), tmp_path)


def _all_held_out(table: str) -> str:
    for name in people(False, 8):
        table = table.replace(f",{name},", f",{people(True, 1)[0]},")
    return table
