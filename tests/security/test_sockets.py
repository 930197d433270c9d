"""Nothing of ours listens beyond this machine unless asked by name: real processes, watched while they run."""

from __future__ import annotations

import json
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mathdata.errors import PreflightError
from mathdata.trainspec import parse_spec
from tests.security.conftest import listened
from tests.trainers.conftest import TINY, sums
from trainers.launch import address_of


def job(tmp_path: Path, **spec: Any) -> Path:
    rows, path = tmp_path / "rows.parquet", tmp_path / "job.json"
    sums(40).write_parquet(rows)
    asked = {"model": {"config": TINY}, "tokenizer": {"train": {"vocab_size": 280}}, "max_steps": 3, "batch": 2, **spec}
    path.write_text(json.dumps({"spec": asked, "data": str(rows), "out": str(tmp_path / "run"), "seed": 0}))
    return path


@pytest.mark.slow
def test_a_training_of_two_processes_listens_on_loopback_alone(tmp_path: Path) -> None:
    path = job(tmp_path, parallel={"processes": 2})
    heard, code, words = listened([sys.executable, "-P", "-m", "trainers.job", str(path)], cwd=tmp_path)
    assert code == 0, words
    record = json.loads((tmp_path / "run" / "train.json").read_text())
    assert record["parallel"] == {"processes": 2, "wrapper": "DistributedDataParallel", "backend": "gloo"}
    assert heard.here, "gloo's own sockets are seen, or this test sees nothing"
    assert heard.beyond == set()


@pytest.mark.slow
def test_processes_of_several_machines_meet_at_the_address_that_the_recipe_names(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port = free.getsockname()[1]
    jobs = []
    for node in ("0", "1"):
        (tmp_path / node).mkdir()
        path = job(tmp_path / node, parallel={"nodes": 2, "address": f"127.0.0.2:{port}"})
        env = {**os.environ, "NODE_RANK": node, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
        jobs.append(([sys.executable, "-P", "-m", "trainers.job", str(path)], env))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda j: listened(j[0], env=j[1], cwd=tmp_path), jobs)
    assert (first[1], second[1]) == (0, 0), first[2] + second[2]
    assert json.loads((tmp_path / "0" / "run" / "train.json").read_text())["parallel"]["processes"] == 2
    assert any(where.startswith("127.0.0.2 by") for where in first[0].here)
    assert first[0].beyond | second[0].beyond == set()


def test_several_machines_without_an_address_are_refused() -> None:
    with pytest.raises(PreflightError, match="no address to meet at"):
        address_of(parse_spec({"model": "x", "parallel": {"nodes": 2}}))


@pytest.mark.slow
def test_a_local_ray_listens_on_loopback_alone(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not tested here: pip install mathdata[ray]")
    sums(40).write_parquet(tmp_path / "rows.parquet")
    words = ["dedup", "rows.parquet", "-o", "out.parquet", "--engine", "ray"]
    heard, code, said = listened([sys.executable, "-m", "mathdata", *words], cwd=tmp_path)
    assert code == 0, said
    assert heard.here, "Ray's own sockets are seen, or this test sees nothing"
    assert heard.beyond == set()


@pytest.mark.parametrize(
    "words", ["verify rows.parquet -o v.parquet", "show rows.parquet --web -o page.html", "run r.yaml --out run"]
)
def test_no_command_that_serves_nobody_listens_at_all(words: str, tmp_path: Path) -> None:
    sums(40).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "r.yaml").write_text("name: r\ninput: rows.parquet\nstages: [dedup, verify]\n")
    heard, code, said = listened([sys.executable, "-m", "mathdata", *words.split()], cwd=tmp_path)
    assert code == 0, said
    assert heard.here | heard.beyond == set()
