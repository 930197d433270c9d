from __future__ import annotations

import pytest
from served import ask

from mathdata.backends._spread import Spread, _alone
from mathdata.backends.vllm import Vllm
from mathdata.errors import BackendError, RecipeError
from mathdata.registry import build


@pytest.mark.parametrize("name", ["tensor_parallel_size", "data_parallel_size", "gpu_memory_utilization"])
def test_an_argument_of_vllm_that_has_an_option_here_is_refused_with_its_name(name):
    with pytest.raises(RecipeError, match=f"options.{name} has an option of its own"):
        build("backend", {"vllm": {"model": "m", "options": {name: 2}}})


def test_no_copies_at_all_are_refused():
    with pytest.raises(RecipeError, match="start at 1"):
        Vllm(model="m", data_parallel=0)


def test_more_copies_than_the_machine_has_gpus_are_refused_before_any_process_starts(monkeypatch):
    monkeypatch.setattr("mathdata.backends.vllm._gpus_here", lambda: 2)
    monkeypatch.setattr("mathdata.backends.vllm.find_spec", lambda name: True)
    with pytest.raises(BackendError, match="2 copies on 4 GPUs each want 8, this machine has 2"):
        Vllm(model="m", tensor_parallel=4, data_parallel=2).generate([ask(1)])


@pytest.mark.parametrize(
    ("options", "cluster", "count", "need"),
    [
        ({}, {"CPU": 16, "GPU": 8}, 8, {"num_gpus": 1}),
        ({"tensor_parallel": 4}, {"CPU": 16, "GPU": 8}, 2, {"num_gpus": 4}),
        ({"tensor_parallel": 2, "data_parallel": 3}, {"CPU": 16, "GPU": 8}, 3, {"num_gpus": 2}),
        ({}, {"CPU": 4}, 1, {"num_cpus": 1}),
        ({"data_parallel": 2}, {"CPU": 4}, 2, {"num_cpus": 1}),
    ],
)
def test_a_cluster_gets_one_engine_for_each_share_of_its_gpus(options, cluster, count, need):
    spec = {"vllm": {"model": "m", **options}}
    assert Spread(build("backend", spec), spec, engine=None)._room(cluster) == (count, need)


def test_a_cluster_too_small_is_refused_instead_of_waited_for():
    spec = {"vllm": {"model": "m", "tensor_parallel": 4, "data_parallel": 3}}
    with pytest.raises(BackendError, match="3 x 4 GPUs are wanted, the cluster has 8"):
        Spread(build("backend", spec), spec, engine=None)._room({"GPU": 8.0, "CPU": 64.0})


def test_no_worker_makes_copies_of_its_own():
    assert _alone({"vllm": {"model": "m", "data_parallel": 3}}) == {"vllm": {"model": "m"}}
    assert _alone("scripted") == "scripted"
