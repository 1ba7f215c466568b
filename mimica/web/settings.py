"""How much the server takes on, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """photo            stands in for the example
    token               what every request must bring; None only on this machine's own addresses
    max_upload_bytes    of one request
    arriving_bytes      of all requests whose bodies are on their way; more are answered 429
    max_pixels          of a photo
    queue, per_client   requests that may wait or run, in all and of one client; more are answered 429
    sockets, sockets_per_client   open WebSockets
    sessions            browsers and programs remembered; the one idle longest makes room
    photos_per_client   the oldest makes room
    photo_bytes         of all photos held, decoded
    encoded_bytes       of all photos' encoded faces
    jobs, jobs_per_client   videos waiting or being made
    result_bytes        of all videos that wait to be fetched
    upload_seconds, wait_seconds, render_seconds, job_seconds, idle_seconds   time limits
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    photo: Path | None = None
    max_upload_bytes: int = 30_000_000
    arriving_bytes: int = 120_000_000
    max_pixels: int = 40_000_000
    queue: int = 16
    per_client: int = 3
    sockets: int = 96
    sockets_per_client: int = 4
    sessions: int = 256
    photos_per_client: int = 6
    photo_bytes: int = 300_000_000
    encoded_bytes: int = 200_000_000
    jobs: int = 8
    jobs_per_client: int = 2
    result_bytes: int = 200_000_000
    upload_seconds: float = 60.0
    wait_seconds: float = 30.0
    render_seconds: float = 60.0
    job_seconds: float = 900.0
    idle_seconds: float = 3600.0
