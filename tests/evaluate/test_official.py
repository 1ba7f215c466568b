"""`mimica evaluate official` with a small network: every command runs, and each has its time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mimica.engines.stylegan.latents import open_latents  # noqa: E402
from mimica.engines.stylegan.model import load_model  # noqa: E402
from mimica.errors import UserError  # noqa: E402
from mimica.evaluate import official  # noqa: E402

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_the_network_is_one_of_ours_and_its_codes_belong_to_it(tmp_path: Path) -> None:
    model = load_model(official.write_network(tmp_path, 32, channel_base=128))
    latents = open_latents(tmp_path / "codes", model.fingerprint)
    assert model.size == 32 and len(latents) == official.CODES and len(set(latents.subjects)) == official.PEOPLE
    assert latents.column("happiness").std() > 0.1 and latents.num_ws == model.num_ws


def test_a_command_has_its_time_and_memory(tmp_path: Path) -> None:
    official.write_network(tmp_path, 32, channel_base=128)
    (what, words), *others = official.jobs(tmp_path, PHOTO, 2)
    cost = official._timed(what, words)
    assert cost.command == "generate" and 0.1 < cost.worked < 60 and cost.seconds > 0.1 and 50 < cost.peak < 4000
    assert len(list((tmp_path / "faces").iterdir())) == 4
    assert [job[1][0] for job in others] == [
        "generate",
        "project",
        "directions",
        "directions",
        "train",
        "transition",
        "transition",
    ]
    with pytest.raises(UserError, match="failed while it was measured"):
        official._timed("nothing", ["generate", "--weights", str(tmp_path / "missing"), "-o", str(tmp_path / "x")])
