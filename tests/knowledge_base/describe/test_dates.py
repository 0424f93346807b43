from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.describe.dates import first_day, last_day, read_day


@pytest.mark.parametrize(
    "text",
    [
        "2023年11月22日",
        "二〇二三年十一月二十二日",
        "2023-11-22",
        "2023/11/22 发布",
        "２０２３年１１月２２日",
        "2023 年 11 月 22 日",
    ],
)
def test_spellings_of_a_day(text):
    assert read_day(text) == date(2023, 11, 22)


@pytest.mark.parametrize(
    "text", ["2023年11月", "2023年13月1日", "2023年2月30日", "20231122", "", "第11-22条"]
)
def test_what_is_no_day(text):
    assert read_day(text) is None


PUBLISHED = date(2023, 3, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("本通知自2024年1月1日起施行。", date(2024, 1, 1)),
        ("本办法自印发之日起执行。", PUBLISHED),
        ("自公布之日起30日后施行", date(2023, 3, 31)),
        ("自公布之日起三十日后施行", date(2023, 3, 31)),
        ("《旧办法》自2010年1月1日起施行。", None),
        ("请于2024年1月1日前上报。", None),
    ],
)
def test_first_day(text, day):
    assert first_day([text], PUBLISHED) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("本通知自印发之日起施行，有效期5年。", date(2028, 3, 1)),
        ("本办法有效期至2027年12月31日。", date(2028, 1, 1)),
        ("自2023年3月1日起施行，有效期截至2025年2月28日。", date(2025, 3, 1)),
        ("本规定自发布之日起试行，试行期两年。", date(2025, 3, 1)),
        ("本意见自2023年3月1日起施行，有效期十八个月。", date(2024, 9, 1)),
        ("建设项目用地预审文件有效期为三年。", None),
        ("有效期届满未延续的，自行失效。", None),
    ],
)
def test_last_day(text, day):
    assert last_day([text], PUBLISHED) == day


def test_a_leap_day_is_counted_to_the_next():
    assert last_day(["本办法有效期两年。"], date(2024, 2, 29)) == date(2026, 3, 1)


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)))
def test_every_day_is_read_back(day):
    assert read_day(f"（{day.year}年{day.month}月{day.day}日通过）") == day
    assert read_day(day.isoformat()) == day


@given(st.text(alphabet="自有效期至年月日2023一二〇试行施行，。本办法", max_size=200))
def test_any_text_is_read_without_error(text):
    first_day([text], PUBLISHED)
    last_day([text], PUBLISHED)
