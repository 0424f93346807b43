"""Former names in what administrators wrote: keys, limits and prices."""

from datetime import UTC, datetime

from serving.access.caller import Caller
from serving.access.keys import Key
from serving.budget.limits import Budgets, Limit

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_key_opens_the_models_that_it_named_before():
    key = Key(id="k", user="张工", models=("cspon-model", "qwen"), created_at=NOW, expires_at=NOW)
    caller = Caller(key.principal, key)
    assert key.models == ("cspon/model", "qwen")
    assert caller.may_use_model("cspon/model")
    assert not caller.may_use_model("cspon/assistant")


def test_limits_and_prices_hold_for_the_models_that_they_named_before():
    limit = Limit(id="a", by="model", of="concurrency", amount=1, only=("cspon-model",))
    assert limit.only == ("cspon/model",)
    tenant = Limit(id="b", by="tenant", of="concurrency", amount=1, only=("cspon-model",))
    assert tenant.only == ("cspon-model",)
    budgets = Budgets.model_validate({"prices": {"cspon-model": {"prompt": 2}}})
    assert budgets.price("cspon/model").prompt == 2
