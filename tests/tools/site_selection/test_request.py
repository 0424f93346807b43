import pytest
from pydantic import ValidationError

from cspon.errors import InputError
from tools.site_selection.request import EXAMPLE, Criterion, SiteRequest, read_request

AREA = {"name": "面积", "measure": "area", "weight": 1, "best": 10, "worst": 0}


def test_the_example_reads(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(EXAMPLE, encoding="utf-8")
    request = read_request(file)
    assert len(request.criteria) == 5 and request.allowed.codes == ("1001", "1101")


@pytest.mark.parametrize(
    ("value", "wanted"), [(0, 100), (500, 50), (1000, 0), (5000, 0), (-1, 100)]
)
def test_scores_lie_between_worst_and_best(value, wanted):
    near = Criterion(name="近", measure="distance", role="roads", weight=1, best=0, worst=1000)
    assert near.score(value) == wanted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"min_area_ha": 0}, "greater than 0"),
        ({"max_area_ha": 15}, "两倍"),
        ({"criteria": []}, "at least 1"),
        ({"criteria": [AREA, AREA]}, "重复"),
        ({"criteria": [{**AREA, "best": 0}]}, "无法打分"),
        ({"criteria": [{**AREA, "measure": "distance"}]}, "须写 role"),
        ({"criteria": [{**AREA, "measure": "cost"}]}, "须写 costs"),
        ({"criteria": [{**AREA, "weight": -1}]}, "greater than 0"),
        ({"allowed": {"role": "land_use"}}, "codes"),
        ({"allowed": {"role": "x", "codes": ["1"], "buffer_m": 5}}, "buffer_m"),
        ({"colour": "red"}, "Extra"),
    ],
)
def test_a_wrong_request_is_refused(change, says):
    with pytest.raises(ValidationError, match=says):
        SiteRequest.model_validate({"min_area_ha": 10, "criteria": [AREA], **change})


def test_a_wrong_file_names_its_field_or_line(tmp_path):
    file = tmp_path / "a.yaml"
    with pytest.raises(InputError, match="打不开"):
        read_request(file)
    file.write_text("title: [\n", encoding="utf-8")
    with pytest.raises(InputError, match="YAML") as wrong:
        read_request(file)
    assert wrong.value.row is not None
    file.write_text("min_area_ha: x\ncriteria: []", encoding="utf-8")
    with pytest.raises(InputError) as wrong:
        read_request(file)
    assert wrong.value.field == "min_area_ha" and "--example" in wrong.value.mend
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_request(file)
