import pytest

from cspon.errors import InputError
from tools.quality_check.land_survey import _read


def table(tmp_path, text):
    file = tmp_path / "990200国土变更调查汇总表.csv"
    file.write_text(text, encoding="utf-8-sig")
    return file


def test_last_year_in_hectares(tmp_path):
    text = (
        '汇总表\n年度,地类编码,面积,单位\n2024,01,3,公顷\n2025,01,30,亩\n2025,03,"1,000",平方米\n'
    )
    assert _read(table(tmp_path, text)) == ("2025", pytest.approx({"01": 2.0, "03": 0.1}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("甲,乙\n1,2\n", "表头"),
        ("地类编码,面积,单位\n01,约,公顷\n", "不是数"),
        ("地类编码,面积,单位\n01,nan,公顷\n", "不是数"),
        ("地类编码,面积,单位\n01,3,顷\n", "单位"),
    ],
)
def test_mistakes_name_file_and_row(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as raised:
        _read(table(tmp_path, text))
    assert raised.value.file


def test_difference_names_class_and_size(draft, write):
    rows = draft.survey
    at = next(n for n, row in enumerate(rows) if row[1] == "01")
    rows[at] = ("2025", "01", f"{float(rows[at][2]) * 15 + 45:.4f}", "亩")
    found = [f for f in write(draft).check().findings if f.check == "survey_sum"]
    assert [(f.layer, f.field) for f in found] == [("DLTB", "DLBM")]
    assert "相差 -3.0" in found[0].measured
