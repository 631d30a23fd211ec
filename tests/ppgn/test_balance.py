"""The balance rule against the training code's three conditions written out, and as the paper's two sentences."""

from __future__ import annotations

import random

import pytest

from replications.ppgn.balance import Balance, BalanceRule


def released(ratios: list[float]) -> list[tuple[bool, bool]]:
    """What the training code does with a run of ratios, with its two flags."""
    train_d = train_g = True
    found = []
    for ratio in ratios:
        if train_d and ratio < 0.1:
            train_d, train_g = False, True
        if not train_d and ratio > 0.5:
            train_d, train_g = True, True
        if train_g and ratio > 10:
            train_g, train_d = False, True
        found.append((train_d, train_g))
    return found


def test_rule_is_the_released_one_on_random_runs() -> None:
    draw = random.Random(0)
    for _ in range(20):
        ratios = [10 ** draw.uniform(-2, 2) for _ in range(60)]
        balance, found = Balance(), []
        for ratio in ratios:
            balance = BalanceRule().after(balance, 3.0 * ratio, 3.0)
            found.append((balance.discriminator, balance.generator))
        assert found == released(ratios)


def test_memory_between_the_limits() -> None:
    rule = BalanceRule()
    paused = rule.after(Balance(), 0.05, 1.0)
    assert paused == Balance(discriminator=False, generator=True)
    assert rule.after(paused, 0.4, 1.0) == paused
    assert rule.after(paused, 0.6, 1.0) == Balance()
    stopped = rule.after(Balance(), 11.0, 1.0)
    assert stopped == Balance(discriminator=True, generator=False)
    assert rule.after(stopped, 1.0, 1.0) == stopped
    assert rule.after(stopped, 0.05, 1.0) == Balance(discriminator=False, generator=True)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.09, Balance(False, True)), (0.1, Balance()), (1.0, Balance()), (10.0, Balance()), (10.1, Balance(True, False))],
)
def test_without_memory_the_last_ratio_decides(ratio: float, expected: Balance) -> None:
    for before in (Balance(), Balance(False, True), Balance(True, False)):
        assert BalanceRule(resume=None).after(before, ratio, 1.0) == expected


def test_a_generator_without_loss_has_won() -> None:
    assert BalanceRule().after(Balance(), 1.0, 0.0) == Balance(discriminator=True, generator=False)


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="low <= resume <= high"):
        BalanceRule(low=0.6)
    with pytest.raises(ValueError, match="low <= resume <= high"):
        BalanceRule(low=11.0, resume=None)
