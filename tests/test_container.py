"""The container file and the compose example, read without an engine: what they name is there, what they promise holds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mimica.cli import app

ROOT = Path(__file__).parents[1]


def instructions() -> list[tuple[str, str]]:
    """(word, the rest) of each instruction; lines that go on are put together."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def last(word: str) -> str:
    return [rest for found, rest in instructions() if found == word][-1]


def test_the_image_is_slim_and_not_run_by_root() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2 and all(base.endswith("-slim") for base in bases)
    user = last("USER").split(":")[0]
    assert user.isdecimal() and int(user) > 0
    assert [word for word, _ in instructions()].index("USER") < [word for word, _ in instructions()].index("ENTRYPOINT")


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() and source in kept for source in sources), rest


def test_the_command_is_one_that_mimica_has() -> None:
    words = [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD"))]
    assert words[0] == "mimica"
    command = typer.main.get_command(app).commands[words[1]]  # type: ignore[attr-defined]
    command.make_context("web", list(words[2:]))  # a wrong option raises
    assert "--host" in words, "others must reach it, so it asks for a token"
    assert CliRunner().invoke(app, [words[1], "--help"]).exit_code == 0


def test_the_health_check_asks_what_the_server_answers() -> None:
    check = last("HEALTHCHECK")
    command = json.loads(check[check.index("CMD") + 3 :])
    port = json.loads(last("CMD"))[json.loads(last("CMD")).index("--port") + 1]
    assert f"127.0.0.1:{port}/healthz" in command[-1] and last("EXPOSE") == port
    compile(command[-1], "health", "exec")


def test_compose_is_closed_in(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"].values()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"] and any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert "MIMICA_TOKEN" in service["environment"] and "?" in service["environment"]["MIMICA_TOKEN"], "refuses to start without"


def docker(words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words.split()], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_engine_reads_it_too() -> None:
    if shutil.which("docker") is None or docker("buildx version").returncode or docker("info").returncode:
        pytest.skip("there is no running container engine here")
    done = docker("buildx build --check .")
    assert done.returncode == 0, done.stderr
