"""Parts of a job (see `mimica.jobs.shards`) on the machines of a Ray cluster, by Ray Data.

A part is a row of a data set, and a block by itself; a pool of actors takes them, each of which makes the work (loads its
models) once, opens the pictures itself, writes the part's files and gives back a few numbers. Ray starts as many actors as there
are parts waiting and cores free, restarts those that die, and gives what they had in hand to others. All machines must see the
inputs and the output folder under the same paths and have Mimica installed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mimica.errors import MissingExtraError, UserError
from mimica.jobs import workers
from mimica.jobs.shards import Part

LOCAL = "local"
"""In place of a cluster's address: this machine, as a cluster of one."""


@dataclass(frozen=True)
class Cluster:
    """address  of the cluster's head ("10.0.0.1:6379", "ray://..."), "auto", or "local"
    actors     at most so many; None: as many as the cluster has cores, and as it grows
    """

    address: str
    actors: int | None = None

    def own(self, parts: Sequence[Part]) -> list[Part]:
        return list(parts)

    def run(self, parts: Sequence[Part], do: Callable[[], Any], progress: workers.Tick) -> None:
        """Raises `UserError` where the cluster cannot be reached, and what a worker raised that is one."""
        if not parts:
            return
        ray = _ray()
        with _connected(ray, self.address, self.actors):
            for row in self._rows(ray, parts, do):
                progress(float(row["inputs"]), int(row["pictures"]))

    def _rows(self, ray: Any, parts: Sequence[Part], do: Callable[[], Any]) -> Iterator[Mapping[str, Any]]:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.enable_operator_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        pool = ray.data.ActorPoolStrategy(min_size=1, max_size=min(self.actors or len(parts), len(parts)))
        rows = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
        done = rows.map_batches(_Actor, fn_constructor_args=(do,), compute=pool, batch_size=1, num_cpus=1)
        try:
            yield from done.iter_rows()
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            raise


class _Actor:
    """What Ray calls with batches of one part."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._do = make()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[float]]:
        pictures = 0

        def tick(_part: float, more: int) -> None:
            nonlocal pictures
            pictures += more

        (part,) = batch["part"]
        self._do(part, tick)
        return {"number": [part.number], "inputs": [len(part.items)], "pictures": [pictures]}


@contextmanager
def _connected(ray: Any, address: str, actors: int | None) -> Iterator[None]:
    """Within, Ray is there; a connection that was there before is used, and stays."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {"num_cpus": actors or workers.cores(), "include_dashboard": False}
    try:
        ray.init(address=address, **options)
    except (ConnectionError, ValueError, TimeoutError, RuntimeError) as error:
        raise UserError(
            f"There is no Ray cluster at '{address}' ({error}): check the address, or take --cluster local."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"--cluster needs the package '{error.name}': pip install 'mimica[ray]'.") from error
    return ray
