"""The law of rebalancing: B·A and mB·A + B·mA stay, the factors get equal norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.spectral import pairs, rebalance, rebalance_layer


def factors(seed: int, rows: int, columns: int, rank: int, skew: float) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    b = torch.randn(rows, rank, generator=made, dtype=torch.float64) * skew
    return b, torch.randn(rank, columns, generator=made, dtype=torch.float64)


@given(st.integers(0, 9999), st.integers(4, 40), st.integers(4, 40), st.integers(1, 4), st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_exact_mode_leaves_the_product_and_the_next_direction_unchanged(
    seed: int, rows: int, columns: int, rank: int, skew: float
) -> None:
    b, a = factors(seed, rows, columns, rank, skew)
    m_b, m_a = factors(seed + 1, rows, columns, rank, 1.0)
    made = rebalance(b, a)
    assert made is not None
    scale = (b @ a).abs().max()
    torch.testing.assert_close(made.b @ made.a, b @ a, atol=float(scale) * 1e-9, rtol=1e-7)
    torch.testing.assert_close(b @ made.right, made.b, atol=float(made.b.abs().max()) * 1e-7, rtol=1e-6)
    torch.testing.assert_close(made.left @ a, made.a, atol=float(made.a.abs().max()) * 1e-7, rtol=1e-6)
    before = m_b @ a + b @ m_a
    after = (m_b @ made.right) @ made.a + made.b @ (made.left @ m_a)
    torch.testing.assert_close(after, before, atol=float(before.abs().max()) * 1e-6, rtol=1e-5)
    torch.testing.assert_close(made.b.T @ made.b, made.a @ made.a.T, atol=float(scale) * 1e-9, rtol=1e-6)


def test_below_one_the_singular_values_are_drawn_to_their_mean() -> None:
    b, a = factors(3, 20, 30, 4, 1.0)
    before = torch.linalg.svdvals(b @ a)[:4]
    made = rebalance(b, a, lam=0.9)
    assert made is not None
    after = torch.linalg.svdvals(made.b @ made.a)[:4]
    torch.testing.assert_close(after, 0.9 * before + 0.1 * before.mean())


def test_factors_without_full_rank_are_left_alone() -> None:
    b, a = factors(1, 10, 10, 3, 1.0)
    b[:, 2] = 0
    layer = torch.nn.Parameter(b.clone()), torch.nn.Parameter(a.clone())
    assert rebalance_layer(*layer, None, 1.0) is False
    assert torch.equal(layer[0], b)
    assert rebalance(torch.zeros_like(b), a) is None


def test_second_moments_stay_positive_and_follow_the_squares_of_the_map() -> None:
    b, a = (torch.nn.Parameter(x) for x in factors(2, 12, 9, 3, 5.0))
    squares = torch.rand(12, 3, dtype=torch.float64)
    state = {b: {"exp_avg": torch.randn(12, 3, dtype=torch.float64), "exp_avg_sq": squares.clone()}}
    made = rebalance(b, a)
    assert made is not None
    assert rebalance_layer(b, a, state, 1.0)
    torch.testing.assert_close(state[b]["exp_avg_sq"], squares @ made.right.square())
    assert (state[b]["exp_avg_sq"] >= 0).all()


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["lm_head", "o_proj"]])
def test_a_run_with_rebalancing_keeps_the_losses_and_balances_the_factors(
    targets: list[str], rows: Any, tiny: Any, tmp_path: Path
) -> None:
    from trainers.sft import run_sft

    base = {"method": "lora", "lora": {"rank": 4, "targets": targets}, "learning_rate": 1e-2, "max_steps": 12}
    spectral = {"every": 4, "stop": 0.7}
    model, _, record = run_sft(rows(40), tiny(**base, spectral=spectral), tmp_path / "with")
    plain = run_sft(rows(40), tiny(**base), tmp_path / "without")[2]
    assert record["spectral"]["times"] == 2
    assert record["spectral"]["layers"] == 2 * (3 if "lm_head" in targets else 4)
    losses, others = ([loss for _, loss in r["loss"]] for r in (record, plain))
    assert losses[:5] == pytest.approx(others[:5], abs=1e-4)  # the rebalancing itself moves nothing
    assert losses != others
    assert losses[-1] == pytest.approx(others[-1], rel=0.3)
    if "lm_head" not in targets:
        assert len(list(pairs(model))) == 4
