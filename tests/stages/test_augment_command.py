"""The augment command as a process, against a real server: estimate, budget, batch, pending rows, exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Context

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))

from served import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def table(tmp_path):
    rows = [{"problem": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(60)]
    conform(pl.DataFrame(rows)).write_parquet(tmp_path / "in.parquet")
    return "in.parquet"


def teacher(server, **options):
    return json.dumps({"openai": {"model": "tiny", "base_url": server.url, **options}})


def test_an_estimate_sends_and_writes_nothing(cli, table, server, tmp_path):
    done = cli(
        "augment", table, "--method", "answer", "--samples", 3, "--teacher", teacher(server), "--estimate", "--json"
    )
    assert done.rc == 0, done.err
    assert done.json["estimate"]["requests"] == 60
    assert done.json["estimate"]["samples"] == 180
    assert done.json["estimate"]["usd_at_most"] is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]
    assert server.stats()["asked"] == 0


def test_a_teacher_that_proves_is_free(cli, table):
    given = ("augment", table, "--method", "step_cot", "--estimate")
    assert cli(*given, "--json").json["estimate"]["usd_at_most"] == 0.0
    said = cli(*given).err
    assert "free" in said
    assert "price unknown" not in said


def test_a_budget_that_lets_no_request_through_is_called_too_small(cli, table, server):
    command = ["augment", table, "-o", "o.parquet", "--method", "answer", "--max-tokens", 50, "--teacher"]
    done = cli(*command, teacher(server), "--budget", "10tok")
    assert done.rc == 3
    assert "60 rows are pending: the budget is too small for a single request" in done.err
    assert "run the same command again" not in done.err
    some = cli(*command, teacher(server), "--budget", "1ktok", "--overwrite")
    assert "run the same command again" in some.err


def test_a_condition_that_no_row_meets_is_said(cli, table):
    done = cli("augment", table, "-o", "o.parquet", "--method", "step_cot", "--where", "language=xx")
    assert done.rc == 0
    assert "where: no row has language = xx, so none was worked on" in done.err


def test_where_most_is_unsupported_the_commonest_reasons_are_said(cli, tmp_path):
    problems = [f"A farmer of {i} fields wonders about {i} crows." for i in range(6)]
    conform(pl.DataFrame({"problem": problems, "answer": ["1"] * 6})).write_parquet(tmp_path / "in.parquet")
    done = cli("augment", "in.parquet", "-o", "o.parquet", "--method", "rephrase,answer")
    assert "unsupported, rephrase: no family of elementary problems has this wording, and the row has no" in done.err
    assert "unsupported, answer: the symbolic teacher does not write answer: it writes fobar" in done.err
    assert done.err.count("(6 rows)") == 2


def test_a_known_price_is_told_and_a_batch_costs_half(table, tmp_path):
    told = []
    for batch in (False, True):
        ctx = Context()
        frame = pl.read_parquet(tmp_path / table)
        augment(frame, method=["answer"], teacher="openai:gpt-4o-mini", estimate=True, batch=batch, ctx=ctx)
        told.append(ctx.figures["estimate"]["usd_at_most"])
    assert told[0] == pytest.approx(60 * 1024 * 0.6e-6, rel=0.1)
    assert told[1] == pytest.approx(told[0] / 2, rel=0.01)


def test_the_budget_stops_with_exit_code_3_and_the_next_run_goes_on(cli, table, server, tmp_path):
    command = [
        "augment",
        table,
        "-o",
        "o.parquet",
        "--method",
        "answer",
        "--max-tokens",
        50,
        "--teacher",
        teacher(server),
    ]
    first = cli(*command, "--budget", "1ktok", "--json")
    assert first.rc == 3, first.err
    pending = first.json["rejected"]["pending-budget"]
    assert 0 < pending < 60
    assert first.json["teacher"]["tokens_in"] + first.json["teacher"]["tokens_out"] <= 1000
    assert first.json["rows_in"] + first.json["created"] == first.json["kept"] + sum(first.json["rejected"].values())
    second = cli(*command, "--overwrite", "--json")
    assert second.rc == 0, second.err
    assert second.json["teacher"]["from_journal"] == 60 - pending
    assert server.stats()["answered"] == 60


@pytest.mark.slow
def test_rows_that_the_server_failed_are_pending_with_their_reason(cli, table, server, tmp_path):
    server.set(faults={"500": 1.0})
    options = teacher(server, patience=0.2)
    done = cli("augment", table, "-o", "o.parquet", "--method", "answer", "--teacher", options, "--json")
    assert done.rc == 3, done.err
    rejects = pl.read_parquet(tmp_path / "o.parquet.rejects.parquet")
    assert set(rejects["reject"]) == {"pending-server"}
    assert rejects["reject_why"].str.contains("planted 500").all()


@pytest.mark.slow
def test_a_batch_is_left_and_collected_by_the_same_command(cli, table, server):
    command = [
        "augment",
        table,
        "-o",
        "o.parquet",
        "--method",
        "answer",
        "--batch",
        "--teacher",
        teacher(server),
        "--json",
    ]
    codes = [cli(*command, *(["--overwrite"] if i else [])).rc for i in range(3)]
    assert codes == [3, 3, 0]
    assert server.stats()["answered"] == 60
    assert server.stats()["asked"] == 0, "nothing was asked at the full price"


@pytest.mark.slow
def test_an_unknown_model_is_two_lines_and_exit_code_1(cli, table, server, tmp_path):
    server.set(faults={"404": 1.0})
    done = cli("augment", table, "-o", "o.parquet", "--method", "answer", "--teacher", teacher(server))
    assert done.rc == 1
    assert "planted 404" in done.err
    assert "hint:" in done.err
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.slow
def test_a_journal_can_be_shared_between_runs(cli, table, server):
    for out in ("a.parquet", "b.parquet"):
        done = cli(
            "augment",
            table,
            "-o",
            out,
            "--method",
            "answer",
            "--teacher",
            teacher(server),
            "--journal",
            "j.sqlite",
            "--json",
        )
        assert done.rc == 0, done.err
    assert done.json["teacher"]["from_journal"] == 60
    assert server.stats()["answered"] == 60


def test_a_key_reaches_neither_output_nor_journal_nor_error(cli, table, server, tmp_path):
    key = "sk-verysecret-0123456789"
    options = teacher(server, api_key_env="OUR_KEY")
    assert cli("keys", server.url, "--env", "OUR_KEY").rc == 0
    done = cli("augment", table, "-o", "o.parquet", "--method", "answer", "--teacher", options, env={"OUR_KEY": key})
    assert done.rc == 0, done.err
    server.set(faults={"401": 1.0})
    failed = cli("augment", table, "-o", "p.parquet", "--method", "answer", "--teacher", options, env={"OUR_KEY": key})
    assert failed.rc == 1
    assert server.stats()["headers"][-1]["Authorization"] == f"Bearer {key}"
    for path in tmp_path.iterdir():
        assert key.encode() not in path.read_bytes(), path
    assert key not in done.out + done.err + failed.out + failed.err
