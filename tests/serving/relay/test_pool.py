"""Which replica gets a request, and which is left alone."""

from collections import Counter

from serving.relay.engines import Engine, Served
from serving.relay.pool import BREAK_AFTER, FIRST_REST_S, SLACK, TRIAL_S, Pool, Replica

URLS = tuple(f"http://10.0.0.{i}:8000/v1" for i in range(1, 5))
ENGINE = Engine(name="e", urls=URLS, models=(Served(name="m"),))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_same_beginning_goes_to_the_same_replica_and_others_spread():
    pool = Pool()
    chosen = {str(i): pool.choose(ENGINE, str(i).encode()).url for i in range(400)}
    assert all(pool.choose(ENGINE, k.encode()).url == url for k, url in chosen.items())
    share = Counter(chosen.values())
    assert set(share) == set(URLS)
    assert max(share.values()) < 160


def test_a_replica_with_far_more_to_do_is_spared():
    pool = Pool()
    first = pool.choose(ENGINE, b"a")
    first.open = SLACK
    assert pool.choose(ENGINE, b"a") is first
    first.open = SLACK + 1
    assert pool.choose(ENGINE, b"a") is not first


def test_what_has_no_prefix_goes_to_the_least_busy_one():
    pool = Pool()
    for _ in range(8):
        pool.choose(ENGINE, b"").open += 1
    assert [replica.open for replica in pool.replicas(ENGINE)] == [2, 2, 2, 2]


def test_a_dead_replica_is_left_alone_then_tried_once():
    clock = Clock()
    pool = Pool(clock)
    dead = pool.choose(ENGINE, b"a")
    for _ in range(BREAK_AFTER):
        assert pool.choose(ENGINE, b"a") is dead
        pool.failed(dead)
    assert pool.choose(ENGINE, b"a") is not dead
    clock.now += FIRST_REST_S
    assert pool.choose(ENGINE, b"a") is dead
    assert pool.choose(ENGINE, b"a") is not dead, "one request tries it, not all"
    pool.failed(dead)
    clock.now += FIRST_REST_S
    assert pool.choose(ENGINE, b"a") is not dead, "it rests longer each time"
    clock.now += FIRST_REST_S
    again = pool.choose(ENGINE, b"a")
    assert again is dead
    again.succeeded()
    assert pool.choose(ENGINE, b"a") is dead


def test_a_trial_whose_caller_left_is_no_reason_to_leave_a_replica_alone_for_good():
    clock = Clock()
    pool = Pool(clock)
    dead = pool.choose(ENGINE, b"a")
    for _ in range(BREAK_AFTER):
        pool.failed(dead)
    clock.now += FIRST_REST_S
    assert pool.choose(ENGINE, b"a") is dead  # and nothing is told of it any more
    clock.now += TRIAL_S - 1
    assert pool.choose(ENGINE, b"a") is not dead
    clock.now += 1
    assert pool.choose(ENGINE, b"a") is dead


def test_none_is_chosen_where_all_are_dead_or_were_tried():
    pool = Pool()
    assert pool.choose(ENGINE, b"", without=frozenset(URLS)) is None
    for replica in pool.replicas(ENGINE):
        for _ in range(BREAK_AFTER):
            pool.failed(replica)
    assert pool.choose(ENGINE, b"") is None


def test_replicas_keep_their_state_when_others_are_added():
    pool = Pool()
    pool.replicas(ENGINE)[0].failures = 2
    more = ENGINE.model_copy(update={"urls": (*URLS, "http://10.0.0.9:8000/v1")})
    assert [r.failures for r in pool.replicas(more)] == [2, 0, 0, 0, 0]


def test_failures_between_which_replies_came_whole_are_not_in_a_row():
    replica = Replica("http://a")
    for _ in range(5):
        replica.failed(0.0)
        replica.failed(0.0)
        replica.finished()
    assert replica.rests_until == 0.0
    for _ in range(3):
        replica.failed(0.0)
    replica.finished()  # a stream from before it broke down
    assert replica.failures == 3
    assert replica.rests_until > 0
