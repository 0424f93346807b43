import re

import pytest
import yaml

from cspon.errors import InputError
from tools.implementation_assessment.book import FILE, load_book
from tools.land_use import land_use_name


def test_every_first_level_class_of_the_scheme_has_a_group():
    book = load_book()
    for code in ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14",
                 "15", "16", "17", "23"):  # fmt: skip
        group = book.group(code)
        assert group is not None and group.title == land_use_name(code), code
    assert book.group("9999") is None


@pytest.mark.parametrize(
    ("planned", "present", "word"),
    [
        ("0703", "070301", "一致"),
        ("1001", "0703", "待更新"),
        ("0801", "0101", "待实施"),
        ("0801", "0301", "待实施"),
        ("0101", "1001", "偏离"),
        ("1704", "0703", "偏离"),
        ("0101", "0201", "基本一致"),
        ("0301", "0401", "基本一致"),
        ("0101", "1704", "待恢复"),
        ("0301", "0103", "待恢复"),
        ("0101", "（无）", "无法判断"),
        ("88", "0101", "无法判断"),
    ],
)
def test_judgement_of_a_pair(planned, present, word):
    book = load_book()
    assert book.judge(book.group(planned), book.group(present)) == word


def test_what_ships_is_not_passed_off_as_official():
    book = load_book()
    assert not book.verified and book.to_confirm


@pytest.mark.corpus
def test_the_grounds_stand_in_the_law(shared):
    law = next((shared / "corpus" / "laws").glob("城乡规划法(*).md")).read_text(encoding="utf-8")
    for basis in load_book().basis:
        article = re.search(rf"{basis.article} (.*?)(?=\n第.+?条 |\Z)", law, re.S)
        assert article and basis.quote in article.group(1), basis.article


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b["groups"][1]["codes"].append("01"), "重复的编码"),
        (lambda b: b["judgements"]["ecology"].pop("building"), "写全三种现状"),
        (lambda b: b["colours"].pop("偏离"), "缺少：偏离"),
        (lambda b: b.update(unknown_key=1), "unknown_key"),
    ],
)
def test_a_wrong_file_is_told(tmp_path, change, words):
    book = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    change(book)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(book, allow_unicode=True), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_book(own)
    assert words in str(error.value)
    assert "own.yaml" in str(error.value)
