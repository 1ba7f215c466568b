"""Jobs in parts on Ray: the same bytes as in one process; a machine that dies in the middle costs no row and doubles none.

Where Ray is not installed these are skipped; test_shards.py holds their twins without it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shard_job import expected, job, parts
from test_shards import contents, numbers

from mimica.errors import MissingExtraError, UserError
from mimica.jobs import on_ray
from mimica.jobs.merge import merge
from mimica.jobs.on_ray import Cluster
from mimica.jobs.shards import Processes, run

HERE = str(Path(__file__).parent)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ray, whose workers find this folder's modules."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'mimica[ray]'")
    monkeypatch.setenv("PYTHONPATH", ":".join([HERE, *filter(None, sys.path)]))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    yield ray
    ray.shutdown()


@pytest.mark.slow
def test_a_local_cluster_gives_the_same_bytes(ray: Any, tmp_path: Path) -> None:
    done: list[float] = []
    totals = run(tmp_path / "ray", job(), parts(23), Cluster("local", 1), lambda inputs, _total, _pictures: done.append(inputs))
    run(tmp_path / "one", job(), parts(23), Processes())
    assert contents(tmp_path / "ray") == contents(tmp_path / "one") and totals.rows == len(expected(23)) and done[-1] == 23
    assert (
        run(tmp_path / "ray", job(), parts(23), Cluster("local", 1)).kept == totals.parts
    )  # nothing left: no cluster is started


@pytest.mark.slow
def test_a_raylet_that_is_killed_loses_and_doubles_nothing(ray: Any, tmp_path: Path) -> None:
    """A head and two nodes; one of these is killed when a third of the parts are done."""
    from ray.cluster_utils import Cluster as Machines

    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [machines.add_node(num_cpus=1) for _ in range(2)]
    folder, killed = tmp_path / "out", threading.Event()

    def kill_one() -> None:
        while len(list(folder.glob("part-*[0-9].csv"))) < 4:
            time.sleep(0.1)
        machines.remove_node(nodes[1], allow_graceful=False)
        killed.set()

    try:
        ray.init(address=machines.address, log_to_driver=False)
        machines.wait_for_nodes()
        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        totals = run(folder, job(0.25), parts(60), Cluster(machines.address))
        killer.join(60)
        assert killed.is_set() and totals.rows == len(expected(60))
    finally:
        ray.shutdown()
        machines.shutdown()
    merge(folder, tmp_path / "all.csv")
    assert numbers(tmp_path / "all.csv") == expected(60)


def test_a_cluster_that_is_not_there_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Nowhere:
        def is_initialized(self) -> bool:
            return False

        def init(self, **_: object) -> None:
            raise ConnectionError("nobody answers")

    with pytest.raises(UserError, match=r"no Ray cluster at '10\.0\.0\.9:1'"), on_ray._connected(Nowhere(), "10.0.0.9:1", None):
        pass
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"mimica\[ray\]"):
        run(tmp_path / "out", job(), parts(3), Cluster("local"))
