"""Where the server listens: this machine alone, or others with a token."""

from __future__ import annotations

import socket

import pytest
from typer.testing import CliRunner

pytest.importorskip("fastapi", reason="needs the extra 'web'")
from mimica.cli import app
from mimica.errors import UserError, ValueRangeError
from mimica.web import server
from mimica.web.address import is_loopback, settings_for


def test_this_machine_s_own_address_needs_no_token() -> None:
    settings, address = settings_for("127.0.0.1", 0)
    assert settings.token is None and address == f"http://127.0.0.1:{settings.port}/" and settings.port > 0


def test_any_other_address_gets_a_token() -> None:
    first, address = settings_for("0.0.0.0", 0)
    second, _ = settings_for("0.0.0.0", 0)
    assert first.token and len(first.token) >= 32 and first.token != second.token and f"?token={first.token}" in address
    assert settings_for("0.0.0.0", 0, "correct-horse-battery")[0].token == "correct-horse-battery"
    with pytest.raises(ValueRangeError, match="16"):
        settings_for("0.0.0.0", 0, "short")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
        ("192.168.1.5", False), ("localhost.evil.example", False),
    ],
)  # fmt: skip
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_a_taken_port_and_a_wrong_address_are_sentences() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="in use"):
            settings_for("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(UserError, match="cannot be listened on"):
        settings_for("203.0.113.7", 0)


def test_the_command_prints_the_address_and_opens_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr(server, "run", lambda settings, ready: served.append((settings, ready)))
    shown = CliRunner().invoke(app, ["web", "--port", "0"])
    hidden = CliRunner().invoke(
        app, ["web", "--port", "0", "--host", "0.0.0.0", "--no-browser", "--token", "correct-horse-battery"]
    )
    assert shown.exit_code == 0 and served[0][1] in shown.output and served[0][0].host == "127.0.0.1"
    assert hidden.exit_code == 0 and served[1][1] is None and served[1][0].token == "correct-horse-battery"
