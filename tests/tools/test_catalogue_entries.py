import pytest

from cspon.errors import InputError
from tools.layers import load_catalogue


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"role": "custom_a"}, "control", "没有写管控方式"),
        ({"role": "custom_a", "control": "avoid", "geometry": "line"}, "geometry", "面图层"),
        ({"control": "avoid"}, "control", "只有自定义图层"),
    ],
)
def test_a_bureaus_own_line_says_what_it_asks(county, change, field, message):
    county.entry("ecological_redline").update(change)
    county.save()
    with pytest.raises(InputError, match=message) as error:
        load_catalogue(county.folder)
    assert error.value.field == field
    assert "STBHHX" in error.value.layer
    assert error.value.mend


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ([("ecological_redline", "无")], "既有图层又声明为没有"),
        ([("admin_county", "无")], "admin_county"),
        ([("roads", "无"), ("roads", "无")], "声明了两次"),
        ([("roads", "")], "图层目录有误"),
    ],
)
def test_what_is_declared_absent(county, absent, message):
    county.save(absent=[{"role": role, "reason": reason} for role, reason in absent])
    with pytest.raises(InputError, match=message):
        load_catalogue(county.folder)
