"""A clock that jumps under load: budgets do not open again, nobody is charged twice, the audit is whole."""

import asyncio
import shutil
import sqlite3
import subprocess

import aiohttp
import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the shifted clock"),
]
A_DAY = 86_400
AMOUNT = 4000
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    char text[32] = {0};
    int file = open(getenv("SHIFT"), O_RDONLY);
    if (file < 0) return 0;
    if (read(file, text, 31) < 0) text[0] = 0;
    close(file);
    return atol(text);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return failed;
}

time_t time(time_t *now) {
    struct timespec it;
    clock_gettime(CLOCK_REALTIME, &it);
    if (now) *now = it.tv_sec;
    return it.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec it;
    clock_gettime(CLOCK_REALTIME, &it);
    now->tv_sec = it.tv_sec;
    now->tv_usec = it.tv_nsec / 1000;
    return 0;
}
"""


@pytest.fixture
def shifted(tmp_path, faults):
    """A site whose gateway takes its wall clock from `shift`: seconds beside the real one."""
    code, library = tmp_path / "shift.c", tmp_path / "shift.so"
    code.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, code, "-ldl"], check=True)
    limit = {"id": "day", "by": "tenant", "of": "tokens", "per": "day", "amount": AMOUNT}
    site = faults.Site(
        tmp_path / "site", limits=[limit], LD_PRELOAD=str(library), SHIFT=str(tmp_path / "shift")
    )

    def shift(seconds):
        draft = tmp_path / "shift.draft"
        draft.write_text(str(seconds))
        draft.replace(tmp_path / "shift")

    site.shift = shift
    try:
        site.start_engine()
        site.start_gateway()
        yield site
    finally:
        site.stop()


async def used_up(callers, session):
    """Ask until the day's budget leaves no room; returns the tokens of the replies."""
    before = set(callers.replies)
    for _ in range(60):
        told = await asyncio.gather(*(callers.ask(session, tokens=100) for _ in range(8)))
        if all(status == 429 for status, _ in told):
            break
    new = [reply for number, reply in callers.replies.items() if number not in before]
    assert {status for status, _ in new} <= {200, 429}
    return sum(sum(usage) for _, usage in new if usage)


async def test_a_clock_that_jumps(shifted, faults):
    callers = faults.Callers(shifted)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        first = await used_up(callers, session)
        assert AMOUNT - 700 < first <= AMOUNT
        for back in (-3600, -A_DAY, -40 * A_DAY):  # no window of the past is opened again
            shifted.shift(back)
            await asyncio.sleep(0.3)
            assert await used_up(callers, session) == 0
        shifted.shift(A_DAY)
        slow = asyncio.create_task(callers.ask(session, "slow", tokens=12, stream=True))
        second = await used_up(callers, session)
        shifted.shift(0)  # the clock is mended while a stream is under way
        assert (await slow)[1] == (7, 12)
        second += await used_up(callers, session)  # what the stream had reserved and did not use
        assert AMOUNT - 700 < second + 19 <= AMOUNT
        load = asyncio.create_task(callers.load(3.0, secret=shifted.secret))
        for days in (3, 1, 33, 2, 34, 0):  # to and fro under load, over the end of a month
            shifted.shift(days * A_DAY)
            await asyncio.sleep(0.5)
        await load
    assert callers.statuses()[200] > 60
    await asyncio.sleep(0.5)
    shifted.check(callers.replies)
    with sqlite3.connect(shifted.home / "ledger.sqlite") as db:
        windows = db.execute("select used, held from counters where limit_id = 'day'").fetchall()
    assert len(windows) >= 3
    assert all(used <= AMOUNT and held == 0 for used, held in windows)
    times = [line["time"] for line in shifted.audited()]
    assert times != sorted(times), "the clock did not jump"
