"""What every ledger promises: atomic, exact, never charged twice, nothing lost, closed when it is away."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import SetupError
from serving.budget import transactions
from serving.budget.ledger import BudgetExceeded, Matter
from serving.budget.limits import Budgets, Limit, Weight, Who
from serving.budget.owner import is_running, owner_of
from serving.budget.postgres_ledger import PostgresLedger
from serving.budget.sqlite_ledger import SqliteLedger

SERVICE = "cspon_ledger"
MATTER = Matter(endpoint="/v1/chat/completions", case_number="2026-1")
ME = Who(key="k1", user="u", tenant="t", model="m")


class Clock:
    def __init__(self, now=1_790_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.integration)]


@pytest.fixture(params=KINDS)
async def open_ledger(request, tmp_path, clock):
    """Open ledgers on one store: `open_ledger(limit, …)`."""
    opened = []
    if request.param == "postgres":
        request.getfixturevalue("ledger_server").execute("drop schema if exists cspon cascade")

    def make(*limits):
        budgets = Budgets(limits=limits)
        if request.param == "postgres":
            ledger = PostgresLedger(SERVICE, lambda: budgets, clock=clock)
        else:
            ledger = SqliteLedger(tmp_path / "ledger.sqlite", lambda: budgets, clock=clock)
        opened.append(ledger)
        return ledger

    yield make
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def open_file(clock):
    """Open SQLite ledgers on a file: `open_file(file, limit, …)`."""
    opened = []

    def make(file, *limits):
        budgets = Budgets(limits=limits)
        opened.append(SqliteLedger(file, lambda: budgets, clock=clock))
        return opened[-1]

    yield make
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
def outage(request, tmp_path):
    """The store is away for a while: `with outage(): …`."""

    @contextmanager
    def sqlite():
        thief = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
        thief.execute("begin exclusive")
        try:
            yield
        finally:
            thief.execute("rollback")
            thief.close()

    @contextmanager
    def postgres():
        server = request.getfixturevalue("ledger_server")
        server.execute("alter role postgres nologin")
        server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'cspon-ledger'"
        )
        try:
            yield
        finally:
            server.execute("alter role postgres login")

    return {"sqlite": sqlite, "postgres": postgres}[request.node.callspec.params["open_ledger"]]


def tokens(amount, *, by="key", per="day", name="tokens"):
    return Limit(id=name, by=by, of="tokens", per=per, amount=amount)


async def take(ledger, prompt=0, completion=0, *, who=ME, ttl=600, **more):
    weight = Weight(model_calls=1, prompt=prompt, completion=completion, **more)
    return await ledger.reserve(who, weight, MATTER, ttl_s=ttl)


async def standing(ledger, name="tokens", who=ME):
    return next(s for s in await ledger.standings(who) if s.limit == name)


async def settled_down(ledger, used, held, name="tokens"):
    """Wait until what is owed is paid."""
    for _ in range(100):
        if ((now := await standing(ledger, name)).used, now.held) == (used, held):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"used {now.used}, held {now.held}")


async def test_held_then_used(open_ledger):
    ledger = open_ledger(tokens(100))
    held = await take(ledger, 40, 40)
    assert ((s := await standing(ledger)).used, s.held) == (0, 80)
    with pytest.raises(BudgetExceeded) as caught:
        await take(ledger, 10, 11)
    assert caught.value.status == 429
    assert caught.value.body["limit"] == "tokens"
    assert "余 20" in str(caught.value)
    await ledger.settle(held, Weight(model_calls=1, prompt=30, completion=5))
    assert ((s := await standing(ledger)).used, s.held) == (35, 0)
    await take(ledger, 30, 35)


async def test_settled_and_refunded_once(open_ledger):
    ledger = open_ledger(tokens(100))
    held = await take(ledger, 50)
    used = Weight(model_calls=1, prompt=20)
    await ledger.settle(held, used)
    await ledger.settle(held, used)
    await ledger.refund(held)
    held.open = True  # as another process would see it
    await ledger.settle(held, used)
    assert ((s := await standing(ledger)).used, s.held) == (20, 0)


async def test_a_refund_gives_tokens_and_money_back_but_the_attempt_counts(open_ledger):
    ledger = open_ledger(
        tokens(100),
        Limit(id="money", by="key", of="money", per="day", amount=Decimal(1)),
        Limit(id="calls", by="model", of="requests", per="minute", amount=2),
    )
    await ledger.refund(await take(ledger, 60, money=900_000))
    await ledger.refund(await take(ledger, 60, money=900_000))
    assert (await standing(ledger)).used == 0
    assert (await standing(ledger, "money")).used == 0
    with pytest.raises(BudgetExceeded, match="模型每分钟请求数"):
        await take(ledger, 1)


async def test_none_or_all_of_several_limits(open_ledger):
    ledger = open_ledger(tokens(100), tokens(50, by="tenant", name="tenant"))
    with pytest.raises(BudgetExceeded):
        await take(ledger, 60)
    assert (await standing(ledger)).held == 0


async def test_concurrency_is_free_again_after_the_request(open_ledger):
    ledger = open_ledger(Limit(id="c", by="model", of="concurrency", amount=2))
    one, _two = await take(ledger), await take(ledger)
    with pytest.raises(BudgetExceeded) as caught:
        await take(ledger)
    assert caught.value.headers == {"retry-after": "1"}
    await ledger.settle(one, Weight(model_calls=1))
    await take(ledger)
    assert ((s := await standing(ledger, "c")).used, s.held) == (0, 2)


async def test_a_new_window_is_empty_and_the_wait_is_told(open_ledger, clock):
    ledger = open_ledger(tokens(10, per="minute"))
    await take(ledger, 10)
    with pytest.raises(BudgetExceeded) as caught:
        await take(ledger, 1)
    wait = int(caught.value.headers["retry-after"])
    clock.now += wait
    await take(ledger, 10)


async def test_what_never_fits_is_not_told_to_wait(open_ledger):
    ledger = open_ledger(tokens(10))
    with pytest.raises(BudgetExceeded) as caught:
        await take(ledger, 11)
    assert caught.value.headers is None


async def test_a_clock_set_back_opens_no_window_again(open_ledger, clock):
    ledger = open_ledger(tokens(10, per="minute"))
    clock.now += 3600
    await take(ledger, 10)
    clock.now -= 1800
    with pytest.raises(BudgetExceeded):
        await take(ledger, 1)


async def test_a_request_that_is_never_ended_is_charged_in_full(open_ledger, clock):
    ledger = open_ledger(tokens(100), Limit(id="c", by="key", of="concurrency", amount=9))
    held = await take(ledger, 20, 30, ttl=60)
    clock.now += 120
    await take(ledger, 1)
    assert ((s := await standing(ledger)).used, s.held) == (50, 1)
    since = datetime.fromtimestamp(clock.now, UTC) - timedelta(hours=1)
    lines = await ledger.usage("key", since=since, until=since + timedelta(hours=2))
    assert [(u.subject, u.prompt_tokens, u.completion_tokens, u.lapsed) for u in lines] == [
        ("k1", 20, 30, 1)
    ]
    await ledger.settle(
        held, Weight(model_calls=1, prompt=20, completion=4)
    )  # it was slow, not dead
    assert ((s := await standing(ledger)).used, s.held) == (24, 1)


async def test_another_ledger_on_the_same_store_sees_every_counter(open_ledger):
    one, two = open_ledger(tokens(100)), open_ledger(tokens(100))
    held = await take(one, 60)
    with pytest.raises(BudgetExceeded):
        await take(two, 60)
    await one.settle(held, Weight(model_calls=1, prompt=1))
    await settled_down(two, 1, 0)
    await take(two, 60)


async def test_use_by_subject(open_ledger, clock):
    ledger = open_ledger()
    for key, case in (("k1", "甲"), ("k2", "甲"), ("k2", "乙")):
        held = await ledger.reserve(
            Who(key=key, model="m"), Weight(model_calls=1, prompt=9, money=9),
            Matter(endpoint="/v1/x", case_number=case), ttl_s=60,
        )  # fmt: skip
        await ledger.settle(held, Weight(model_calls=1, prompt=5, completion=2, money=3))
    now = datetime.fromtimestamp(clock.now, UTC)
    span = {"since": now - timedelta(hours=1), "until": now + timedelta(seconds=1)}
    by_case = {u.subject: u for u in await ledger.usage("case_number", **span)}
    assert {k: (u.model_calls, u.prompt_tokens, u.money) for k, u in by_case.items()} == {
        "甲": (2, 10, 6), "乙": (1, 5, 3),
    }  # fmt: skip
    own = await ledger.usage("model", key="k1", **span)
    assert [(u.subject, u.model_calls) for u in own] == [("m", 1)]
    before = {"since": now - timedelta(hours=2), "until": now - timedelta(hours=1)}
    assert await ledger.usage("key", **before) == []


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 4000), st.integers(1, 60), st.integers(1, 60), st.randoms(use_true_random=False)
)  # fmt: skip
def test_200_parallel_clients_never_overspend_by_a_token(amount, prompt, completion, dice):
    async def client(ledger, spent):
        try:
            held = await take(ledger, prompt, completion)
        except BudgetExceeded:
            return
        await asyncio.sleep(0)
        end = dice.choice(("settle", "refund", "settle", "break"))
        used = Weight(
            model_calls=1, prompt=dice.randint(0, prompt), completion=dice.randint(0, completion)
        )
        if end == "break":
            spent.append(held.weight.tokens)  # never ended: held until it lapses
        elif end == "settle":
            await ledger.settle(held, used)
            spent.append(used.tokens)
        else:
            await ledger.refund(held)
        now = await standing(ledger)
        assert now.used + now.held <= amount

    async def run(file):
        budgets = Budgets(limits=(tokens(amount),))
        ledger = SqliteLedger(file, lambda: budgets)
        spent = []
        await asyncio.gather(*(client(ledger, spent) for _ in range(200)))
        end = await standing(ledger)
        assert end.used + end.held == sum(spent) <= amount
        await ledger.aclose()

    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "ledger.sqlite"))


CHILD = """
import asyncio, sys
from pathlib import Path
from serving.budget import transactions
from serving.budget.ledger import BudgetExceeded, Matter
from serving.budget.limits import Budgets, Limit, Weight, Who
from serving.budget.sqlite_ledger import SqliteLedger

limit = Limit(id="tokens", by="key", of="tokens", per="total", amount=1000)
ledger = SqliteLedger(Path(sys.argv[1]), lambda: Budgets(limits=(limit,)))

async def main():
    spent = 0
    for _ in range(100):
        weight = Weight(model_calls=1, prompt=7, completion=3)
        try:
            held = await ledger.reserve(
                Who(key="k1"), weight, Matter(endpoint="x"), ttl_s=600
            )
        except BudgetExceeded:
            break
        spent += 10
        if sys.argv[2] == "die" and spent == 200:
            print(spent, flush=True)
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
        await ledger.settle(held, weight)
    print(spent, flush=True)

asyncio.run(main())
"""


def children(file, *ends):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(file), end], stdout=subprocess.PIPE, text=True
        )
        for end in ends
    ]
    return [int(child.communicate(timeout=60)[0]) for child in started]


async def test_processes_side_by_side_spend_the_limit_and_not_a_token_more(open_file, tmp_path):
    file = tmp_path / "shared.sqlite"
    spent = await asyncio.to_thread(children, file, "live", "live")
    assert sum(spent) == 1000
    ledger = open_file(file, tokens(1000, per="total"))
    assert ((s := await standing(ledger)).used, s.held) == (1000, 0)


def test_many_that_open_one_new_store_at_once_all_open_it(tmp_path):
    file, code = tmp_path / "new.sqlite", CHILD.split("async def main")[0]
    for _ in range(3):
        started = [subprocess.Popen([sys.executable, "-c", code, str(file)]) for _ in range(6)]
        assert [child.wait(60) for child in started] == [0] * 6
        file.unlink()


async def test_what_a_killed_process_held_is_charged_at_the_next_start(open_file, tmp_path):
    file = tmp_path / "killed.sqlite"
    (spent,) = await asyncio.to_thread(children, file, "die")
    ledger = open_file(file, tokens(1000, per="total"))
    assert ((s := await standing(ledger)).used, s.held) == (spent, 0) == (200, 0)


async def test_200_tasks_at_once_on_two_ledgers_of_one_store(open_ledger):
    ledgers = open_ledger(tokens(3000)), open_ledger(tokens(3000))

    async def client(number):
        try:
            held = await take(ledgers[number % 2], 20, number % 7)
        except BudgetExceeded:
            return 0
        used = Weight(model_calls=1, prompt=20, completion=number % 3)
        await ledgers[number % 2].settle(held, used)
        return used.tokens

    spent = sum(await asyncio.gather(*(client(i) for i in range(200))))
    await settled_down(ledgers[0], spent, 0)
    assert 2000 < spent <= 3000


async def test_a_server_that_is_away_lets_nothing_pass(ledger_service):
    ledger = PostgresLedger("no_such_server", lambda: Budgets(limits=(tokens(100),)))
    with pytest.raises(SetupError, match="请求未发出"):
        await take(ledger, 1)
    await ledger.aclose()


async def test_a_store_that_is_away_lets_nothing_pass(open_file, tmp_path):
    ledger = open_file(tmp_path / "ledger.sqlite", tokens(100))
    await take(ledger, 10)
    ledger._db.close()
    with pytest.raises(SetupError, match="请求未发出"):
        await take(ledger, 1)


def test_a_ledger_that_cannot_be_opened_says_so(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all, but long enough to be read")
    with pytest.raises(SetupError, match="限额账本"):
        SqliteLedger(tmp_path / "ledger.sqlite", Budgets)


def test_a_process_is_known_by_its_start_too():
    mine = owner_of(os.getpid())
    assert is_running(mine)
    node, pid, started = mine.rsplit(":", 2)
    assert not is_running(f"{node}:{pid}:{int(started) - 1}")
    assert not is_running(f"{node}:{random.randint(4_200_000, 9_000_000)}:1")
    assert is_running("another-host:1:1")


async def test_who_leaves_while_it_is_reserved_holds_nothing(open_ledger):
    ledger = open_ledger(tokens(100))
    await standing(ledger)
    for turns in range(12):  # before the transaction, in it, and before the result is taken
        task = asyncio.create_task(take(ledger, 50))
        for _ in range(turns):
            await asyncio.sleep(0.0005 if turns > 4 else 0)
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError):
            await ledger.refund(await task)
        await settled_down(ledger, 0, 0)


async def test_who_leaves_while_it_is_settled_is_settled(open_ledger):
    ledger = open_ledger(tokens(100))
    for turns in range(1, 7):
        held = await take(ledger, 10)
        task = asyncio.create_task(ledger.settle(held, Weight(requests=1, prompt=1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await settled_down(ledger, turns, 0)


async def test_what_could_not_be_settled_is_settled_once_the_store_is_back(open_ledger, outage):
    ledger = open_ledger(tokens(100))
    held, other = await take(ledger, 30), await take(ledger, 20)
    with outage():
        await ledger.settle(held, Weight(requests=1, prompt=7))
        with pytest.raises(SetupError):
            await take(ledger, 1)
        await ledger.settle(
            held, Weight(requests=1, prompt=9)
        )  # a second word on the same request changes nothing
    await settled_down(ledger, 7, 20)
    await ledger.refund(other)
    assert ((s := await standing(ledger)).used, s.held) == (7, 0)


async def test_what_is_owed_is_paid_at_the_end(open_ledger, outage):
    ledger = open_ledger(tokens(100))
    held = await take(ledger, 30)
    with outage():
        await ledger.settle(held, Weight(requests=1, prompt=7))
        with pytest.raises(SetupError):
            await take(ledger, 1)
    await ledger.aclose()
    after = open_ledger(tokens(100))
    assert ((s := await standing(after)).used, s.held) == (7, 0)


@pytest.mark.integration
async def test_a_server_that_hangs_is_away_in_bounded_time(ledger_server, monkeypatch):
    monkeypatch.setattr(transactions, "LONGEST_S", 1.0)
    ledger = PostgresLedger(SERVICE, lambda: Budgets(limits=(tokens(100, name="hangs"),)))
    held = await take(ledger, 30)
    find = "select pid from pg_stat_activity where application_name = 'cspon-ledger'"
    stopped = [row[0] for row in ledger_server.execute(find).fetchall()]
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    began = asyncio.get_running_loop().time()
    try:
        with pytest.raises(SetupError, match="请求未发出"):
            await take(ledger, 1)
        await ledger.settle(held, Weight(requests=1, prompt=7))
        assert asyncio.get_running_loop().time() - began < 20
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    await settled_down(ledger, 7, 0, "hangs")
    await ledger.aclose()


async def test_a_file_put_in_place_of_the_ledger_is_not_counted_in(open_file, tmp_path):
    file = tmp_path / "ledger.sqlite"
    ledger = open_file(file, tokens(100))
    await take(ledger, 30)
    kept = file.rename(tmp_path / "away")
    for _ in range(2):  # gone; another in its place
        with pytest.raises(SetupError, match="限额账本"):
            await take(ledger, 1)
        with pytest.raises(SetupError):
            await standing(ledger)
        file.touch()
    kept.replace(file)
    await take(ledger, 1)
    assert (await standing(ledger)).held == 31
