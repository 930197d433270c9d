"""The cluster engine: the same kernels as Ray tasks, the same rows as `local`."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from mathdata.engines._parts import PIECE_ROWS, Kernel, scratch, store
from mathdata.engines.local import LocalEngine
from mathdata.errors import DataError, MissingExtra
from mathdata.registry import register
from mathdata.types import Partitions, Table

__all__ = ["RayEngine"]

RETRIES = 5


@register("engine", "ray")
class RayEngine(LocalEngine):
    """Run kernels on a Ray cluster (partitions travel through a folder all workers see)."""

    name = "ray"

    def __init__(
        self,
        *,
        address: Annotated[str | None, "Address of a running cluster (default: start one here)."] = None,
        scratch: Annotated[Path | None, "Folder for partitions that every worker sees."] = None,
        workers: Annotated[int | None, "Worker processes of a cluster started here (default: one a core)."] = None,
    ):
        super().__init__(scratch=scratch)
        self.address, self.workers = address, workers

    def map(self, table: Table, kernel: Kernel, *, whole: bool = False, numbered: bool = False) -> Table:
        return super().map(self.spread(table, whole), kernel, whole=whole, numbered=numbered)

    def spread(self, table: Table, whole: bool = False) -> Partitions:
        """A frame as partitions, so that several workers can take part."""
        if isinstance(table, Partitions):
            return table
        folder, step = scratch(self.base), max(table.height, 1) if whole else PIECE_ROWS // 4
        files = [
            store(table.slice(offset, step), folder / f"{i:06d}.parquet")
            for i, offset in enumerate(range(0, max(table.height, 1), step))
        ]
        return Partitions(tuple(files))

    def shuffle(
        self, table: Table, key: str, parts: int, *, before: Kernel | None = None, after: Kernel | None = None
    ) -> Table:
        return super().shuffle(self.spread(table), key, parts, before=before, after=after)

    def run(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Every call a task; a task whose worker dies runs again elsewhere and writes the same file."""
        ray = self.start()
        task = ray.remote(max_retries=RETRIES, retry_exceptions=False)(function)
        results = [task.remote(*call) for call in calls]
        waiting = results
        while waiting:
            _, waiting = ray.wait(waiting, num_returns=1)
            self.progress(len(calls) - len(waiting), len(calls), function.__name__.strip("_"))
        return list(ray.get(results))

    def start(self) -> Any:
        if not self.address:
            # Ray's own switch, read when it is imported: a cluster of one machine, all of whose sockets are on loopback.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("the ray engine needs Ray", extra="ray") from error
        if not ray.is_initialized():
            if self.address:
                answers(self.address)
            ray.init(
                address=self.address,
                num_cpus=None if self.address else self.workers,
                job_config=job(ray),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
        return ray


def job(ray: Any) -> Any:
    """Ray's settings of our job: the folder we stand in is not put on the path of its workers, which Ray does by itself."""

    class Job(ray.job_config.JobConfig):  # type: ignore[misc]
        def _runtime_env_has_working_dir(self) -> bool:
            return True  # what Ray asks before it adds the folder

    return Job(runtime_env={"env_vars": {"PYTHONSAFEPATH": "1"}})


def answers(address: str) -> None:
    """Something listens at `host:port`; Ray itself would ask for minutes. Raises DataError."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return  # `auto`, `local`: names that Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as e:
        hint = "start a cluster there (ray start --head), or leave --ray-address out to start one here"
        raise DataError(f"no Ray cluster answers at {address}: {e.strerror or e}", hint) from e
