"""Options of the commands that do long lists in parts: who does them, and in which tables (see `mimica.jobs.shards`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from mimica.cli.pipes import PIPE, SOME_LEFT_OUT
from mimica.errors import UserError

if TYPE_CHECKING:
    from mimica.jobs.shards import Driver


class Outcome(Protocol):
    """What became of the inputs: a closing line, the same for JSON, and whether there was no error."""

    @property
    def complete(self) -> bool: ...

    def as_object(self) -> dict[str, Any]: ...


NOTHING_DONE = 2


@dataclass(frozen=True)
class Spread:
    """Lists in parts."""

    shard: Annotated[
        str | None, typer.Option("--shard", help="i/n: do the i-th of n shares only; for the job array of a queue.")
    ] = None
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="Work on a Ray cluster: its address, auto, or local (this machine).")
    ] = None
    format: Annotated[str, typer.Option("--format", help="Tables of the parts: parquet, or csv.")] = "parquet"
    part: Annotated[int, typer.Option("--part", help="Inputs of a part, which is done whole or not at all.", min=1)] = 200

    def is_asked(self, output: Path) -> bool:
        """Whether the output is a folder of parts. Raises `UserError` where it must be one and is not."""
        wanted = self.shard is not None or self.cluster is not None
        is_folder = output != PIPE and not output.suffix
        if wanted and not is_folder:
            raise UserError(f"--shard and --cluster fill a folder, and --output is '{output}': name a folder, without a suffix.")
        if not is_folder:
            self.refuse("are for a folder of parts: name one by --output, without a suffix")
        return is_folder

    def refuse(self, why: str) -> None:
        """Raises `UserError` where an option of these is given and has nothing to do."""
        if self != Spread():
            raise UserError(f"--shard, --cluster, --format and --part {why}.")

    def driver(self, jobs: int) -> Driver:
        """Who does the parts. Raises `UserError` for two of them at once, `ValueRangeError` for a bad share."""
        from mimica.jobs.on_ray import Cluster
        from mimica.jobs.shards import Processes, Share, parse_share

        if self.shard is not None and self.cluster is not None:
            raise UserError("--shard and --cluster are two ways to share work: give one of them.")
        if self.cluster is not None:
            return Cluster(self.cluster, jobs if self.cluster == "local" else None)
        return Share(jobs, *parse_share(self.shard)) if self.shard is not None else Processes(jobs)

    def arguments(self) -> dict[str, Any]:
        """For the library's functions."""
        return {"format": self.format, "part": self.part}


def told(outcome: Outcome, output: Path, as_json: bool) -> None:
    """Says what became of the inputs; exit code 1 where some could not be used, 2 where none could."""
    typer.echo(str(outcome), err=True)
    about = outcome.as_object()
    typer.echo(json.dumps({"output": str(output), **about}, indent=1) if as_json else str(output))
    if not outcome.complete:
        raise typer.Exit(NOTHING_DONE if about.get("rows") == 0 else SOME_LEFT_OUT)
