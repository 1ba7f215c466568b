"""Where the server listens, and what people open."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
from pathlib import Path
from urllib.parse import urlencode

from mimica.errors import UserError, ValueRangeError
from mimica.web.settings import LOOPBACK, Settings

MIN_TOKEN = 16


def settings_for(host: str, port: int, token: str | None = None, photo: Path | None = None) -> tuple[Settings, str]:
    """The settings, with a token where others can reach the server, and the address to open. Raises `UserError` for a port
    that is taken or an address that is not this machine's."""
    local = is_loopback(host)
    if token is not None and len(token) < MIN_TOKEN:
        raise ValueRangeError(f"--token has {len(token)} characters; it needs {MIN_TOKEN}, so that nobody guesses it.")
    key = token or (None if local else secrets.token_urlsafe(24))
    free = _checked_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    address = f"http://{shown}:{free}/" + (f"?token={key}" if key else "")
    return Settings(host=host, port=free, token=key, photo=photo), address


def driving_page(address: str, **words: float | str | bool | None) -> str:
    """The page's address with its photo open and the camera's pane in front: `gain`, `parts`, `mark`."""
    said = {name: int(value) if isinstance(value, bool) else value for name, value in words.items() if value is not None}
    return f"{address}?{urlencode({'open': 'photo', **said})}#drive"


def is_loopback(host: str) -> bool:
    """Whether only this machine itself reaches the address."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_port(host: str, port: int) -> int:
    """`port` if it can be listened on; for 0 a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"Port {port} is in use: choose another with --port, or 0 for any free one.") from error
            raise UserError(f"--host is '{host[:60]}', on port {port} it cannot be listened on ({error.strerror}).") from error
        return int(probe.getsockname()[1])
