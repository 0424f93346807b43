import pytest

from serving.guards.checks import CHECKS, bank_card, id_number, old_id_number, random_looking


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "440524188001010014", "11010519491231002x"]
)
def test_numbers_of_the_standard_pass(number):
    """The examples of GB 11643—1999."""
    assert id_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021",
        "440524188001010015",
        "990105194912310024",
        "110105194913310021",
        "1101",
    ],
)
def test_a_wrong_check_area_or_date_does_not(number):
    assert not id_number(number)


def test_every_single_wrong_digit_is_seen():
    """MOD 11-2 finds every single error."""
    right = "440524188001010014"
    for place in range(17):
        for digit in "0123456789":
            if digit != right[place]:
                assert not id_number(right[:place] + digit + right[place + 1 :])


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("6222021234567890128", True),
        ("6222 0212 3456 7890 128", True),
        ("6222021234567890129", False),
        ("4012888888881881", True),
        ("4012888888881882", False),
        ("0000000000000000", False),
        ("622202123456", False),
    ],
)
def test_luhn(number, expected):
    assert bank_card(number) is expected


def test_fifteen_digits_need_area_and_date():
    assert old_id_number("110105491231002")
    assert not old_id_number("110105491331002")


def test_secrets_are_told_from_words():
    assert random_looking("Hq83LmZx92KdPw7TrVbn41Ys")
    assert not random_looking("aaaaaaaaaaaaaaaaaaaaaaaa")


def test_every_check_takes_any_text():
    for check in CHECKS.values():
        for text in ("", "x", "1", "。", "-" * 40):
            assert check(text) in (True, False)
