"""Strips of a plan on a Ray cluster (extra `ray`): the pixels equal those of one process.

A task computes one strip and returns it compressed; this process writes it. So workers need no folder in
common for outputs, but every input under the same path. A local Ray listens on the loopback alone,
without dashboard and without usage statistics; nothing is sent anywhere.
"""

import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import CsponError, InputError, SetupError, missing_extra
from tools.raster.plan import Plan
from tools.raster.program import Array
from tools.raster.sources import Terrain

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
STORE_BYTES = 256 * 2**20
"""Of a local Ray; strips wait there until they are written."""
AHEAD = 2
"""Strips under way for each worker: memory grows with these, not with the raster."""

_Result = tuple[int, list[tuple[tuple[int, ...], str, bytes]], list[Array]]


@dataclass(frozen=True)
class Cluster:
    """Where strips are computed."""

    workers: int = 2
    address: str | None = None
    """`host:port` or `ray://…` of a running cluster; None: a Ray of `workers` processes is started here."""


def compute(
    cluster: Cluster,
    plan: Plan,
    engine: str,
    size: int,
    write: Callable[[int, list[Array]], None],
) -> list[list[Array]]:
    """Compute every strip on the cluster, hand it to `write`, and return the counts of each strip.

    Args:
        cluster: Workers and address.
        plan: Sent to the workers; relative paths count from this process's folder.
        engine: `numba` or `numpy`, as this process chose; the pixels are the same.
        size: Rows of a strip.
        write: Told first row and output arrays, in the order in which strips are done.

    Raises:
        InputError: as in one process; or a worker does not reach an input under its path.
        SetupError: Ray is not installed, not reachable, or a worker process died.
    """
    with _session(cluster) as ray:
        task = ray.remote(num_cpus=1, max_retries=1)(strip_on_worker)
        sent = ray.put(plan.model_dump_json())
        height = plan.grid.height
        ranges = iter([range(a, min(a + size, height)) for a in range(0, height, size)])
        held: list[Any] = []
        tallies: list[list[Array]] = []

        def more() -> None:
            for rows in ranges:
                held.append(task.remote(sent, rows.start, rows.stop, size, engine, str(Path.cwd())))
                if len(held) >= AHEAD * cluster.workers:
                    return

        try:
            more()
            while held:
                done, held[:] = ray.wait(held, num_returns=1)
                result = ray.get(done[0])
                if isinstance(result, CsponError):
                    raise result
                first, packed, counts = result
                write(first, [_unpack(*part) for part in packed])
                tallies.append(counts)
                more()
        except ray.exceptions.RayError as problem:
            raise SetupError(
                f"Ray 工作进程出错：{str(problem).strip().splitlines()[-1]}",
                mend="核对各节点的内存与程序版本，或去掉 --ray 在本机运行",
            ) from None
        finally:
            for left in held:
                with suppress(ray.exceptions.RayError):
                    ray.cancel(left, force=False)
    return tallies


def strip_on_worker(
    plan_json: str, first: int, last: int, size: int, engine: str, folder: str
) -> _Result | CsponError:
    """Compute rows `first` to `last`; an error of input or setup is returned, as it is, to be raised."""
    from tools.raster.lower import lower
    from tools.raster.run import choose_kernel, compute_rows, empty_counts

    try:
        with _in_folder(folder):
            plan = Plan.model_validate_json(plan_json)
            _require_files(plan)
            program = lower(plan)
            kernel, _, _ = choose_kernel(program, None, "numpy" if engine == "numpy" else None)
            counts = empty_counts(program)
            rows, stop = range(first, last), threading.Event()
            packed: list[tuple[tuple[int, ...], str, bytes]] = []
            for _, values in compute_rows(plan, program, kernel, rows, size, counts, stop):
                packed += [(v.shape, str(v.dtype), zlib.compress(v.tobytes(), 1)) for v in values]
    except CsponError as problem:
        return problem
    return first, packed, counts


@contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Work in the driver's folder, where there is one, so that relative paths mean the same."""
    before = os.getcwd()  # noqa: PTH109 - restored as it is
    with suppress(OSError):
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _require_files(plan: Plan) -> None:
    for factor in plan.factors:
        source = factor.source.dem if isinstance(factor.source, Terrain) else factor.source
        if not source.file.is_file():
            raise InputError(
                f"因子“{factor.name}”的栅格文件在 Ray 工作节点 {os.uname().nodename} 上按此路径找不到",
                file=source.file,
                mend="把输入放在各节点以相同路径挂载的共享目录，配置中写绝对路径",
            )


def _unpack(shape: tuple[int, ...], dtype: str, data: bytes) -> Array:
    return np.frombuffer(zlib.decompress(data), dtype=dtype).reshape(shape)


@contextmanager
def _session(cluster: Cluster) -> Iterator[Any]:
    """Connect to the cluster, or start a Ray on the loopback; what was started is ended."""
    os.environ.update(QUIET)
    try:
        import ray
    except ImportError:
        raise missing_extra("ray", "ray") from None
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "error",
        "include_dashboard": False,
    }
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        try:
            if cluster.address:
                quiet.pop("include_dashboard")
                ray.init(address=cluster.address, **quiet)
            else:
                ray.init(
                    address="local", num_cpus=cluster.workers, num_gpus=0, object_store_memory=STORE_BYTES,
                    _node_ip_address="127.0.0.1", _temp_dir=str(folder),
                    _system_config={"enable_metrics_collection": False}, **quiet,
                )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as problem:
            where = cluster.address or "本机"
            raise SetupError(
                f"连不上 Ray（{where}）：{problem}",
                mend="核对地址与端口，各节点须装同一版本的 ray；或去掉 --ray-address 在本机启动",
            ) from None
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
