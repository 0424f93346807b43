"""Limits as data: windows, prices, what weighs on what, and mistakes that are named."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from serving.budget.limits import (
    Budgets,
    Limit,
    Price,
    Weight,
    Who,
    ends_in,
    matching,
    read_budgets,
    window_of,
)

MOMENTS = st.floats(min_value=1.7e9, max_value=4.1e9)


def at(text):
    return datetime.fromisoformat(text).timestamp()


def test_days_and_months_are_those_of_china():
    before, after = at("2026-11-30T23:59:59+08:00"), at("2026-12-01T00:00:00+08:00")
    for per in ("day", "month"):
        assert window_of(per, after) == window_of(per, before) + 1
        assert ends_in(per, before) == 1
    assert window_of("month", after) == 2026 * 12 + 11
    assert ends_in("month", after) == 31 * 86_400
    assert ends_in("day", after) == 86_400
    assert ends_in("total", after) is None


@given(MOMENTS, st.sampled_from(["minute", "hour", "day", "month"]))
def test_a_window_ends_when_it_says(now, per):
    wait = ends_in(per, now)
    assert window_of(per, now + wait) == window_of(per, now) + 1
    assert wait == 1 or window_of(per, now + wait - 1) == window_of(per, now)


@given(
    st.decimals(0, 1000, places=3), st.decimals(0, 1000, places=3),
    st.integers(0, 10**7), st.integers(0, 10**7),
)  # fmt: skip
def test_money_is_never_rounded_down(prompt, completion, asked, written):
    price = Price(prompt=prompt, completion=completion)
    exact = prompt * asked + completion * written
    assert 0 <= price.cost(asked, written) - exact < 1


def test_who_a_limit_is_for():
    limits = [
        Limit(id="a", by="key", of="requests", per="minute", amount=5),
        Limit(id="b", by="tenant", of="tokens", per="day", amount=5, only=("规划院",)),
        Limit(id="c", by="model", of="concurrency", amount=5),
        Limit(id="d", by="everyone", of="money", per="month", amount=Decimal("0.5")),
    ]
    found = matching(limits, Who(key="k", tenant="规划院", model="m"))
    assert [(limit.id, subject) for limit, subject in found] == [
        ("a", "k"), ("b", "规划院"), ("c", "m"), ("d", "*"),
    ]  # fmt: skip
    other = matching(limits, Who(key="k", tenant="另一家"))
    assert [limit.id for limit, _ in other] == ["a", "d"]


def test_what_a_request_weighs():
    weight = Weight(requests=1, model_calls=2, prompt=30, completion=12, money=7)
    by = {
        ("key", "requests", "minute"): 1,
        ("model", "requests", "minute"): 2,
        ("key", "tokens", "day"): 42,
        ("tenant", "money", "month"): 7,
        ("model", "concurrency", None): 2,
    }
    for (subject, resource, per), units in by.items():
        limit = Limit(id="x", by=subject, of=resource, per=per, amount=1)
        assert weight.on(limit) == units


def test_a_file_of_limits(tmp_path):
    file = tmp_path / "budgets.yaml"
    assert read_budgets(file) == Budgets()
    file.write_text(
        "limits:\n- {id: 每日词元, by: tenant, of: tokens, per: day, amount: 100000}\n"
        "prices:\n  '*': {prompt: 2, completion: 8.5}\n",
        encoding="utf-8",
    )
    read = read_budgets(file)
    assert read.limits[0].title == "单位每日词元数上限 100000"
    assert read.price("anything").cost(1, 2) == 19
    assert Budgets().price("anything").cost(10, 10) == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("limits: [{id: a, by: key, of: tokens, amount: 1}]", "per"),
        ("limits: [{id: a, by: key, of: concurrency, per: day, amount: 1}]", "per"),
        ("limits: [{id: a, by: key, of: tokens, per: week, amount: 1}]", "per"),
        ("limits: [{id: a, by: key, of: tokens, per: day, amount: -1}]", "amount"),
        ("limits: [{id: a, by: key, of: tokens, per: day, amount: 1.5}]", "整数"),
        ("limits: [{id: a, by: key, of: tokens, per: day, amount: 1, who: x}]", "who"),
        (
            "limits: [{id: a, by: key, of: tokens, per: day, amount: 1}, "
            "{id: a, by: key, of: tokens, per: day, amount: 2}]",
            "重复",
        ),
        ("prices: {m: {prompt: -1}}", "prompt"),
        ("limits: [", "YAML"),
        ("- 1", ""),
    ],
)
def test_a_mistake_in_the_limits_is_named(tmp_path, text, named):
    file = tmp_path / "budgets.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_budgets(file)
    assert "budgets.yaml" in str(caught.value)
    assert named in str(caught.value)


def test_now_is_a_moment_not_a_zone():
    assert window_of("minute", datetime(2026, 1, 1, tzinfo=UTC).timestamp()) > 0
