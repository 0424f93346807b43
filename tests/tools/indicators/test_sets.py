from datetime import date

import pytest

from cspon.errors import InputError
from tools.indicators.sets import Member, indicator_set, revise, versions_of
from tools.library.place import Place, placed


@pytest.fixture
def own(tmp_path):
    place = Place(state=tmp_path / "state", own=tmp_path / "own")
    with placed(place):
        yield tmp_path / "own"


def test_a_change_makes_a_version_and_keeps_the_old_one(own):
    first = indicator_set("county_checkup")
    new = revise(
        "county_checkup",
        by="张工",
        reason="进入五年评估",
        add=(Member(id="forest_cover_rate", weight=2),),
        retire=("weekday_commute_time",),
        change=(Member(id="urbanisation_rate", weight=5),),
        on=date(2026, 5, 1),
    )
    assert versions_of("county_checkup") == (1, 2)
    assert indicator_set("county_checkup") == new
    assert indicator_set("county_checkup", 1) == first
    assert new.member("urbanisation_rate").weight == 5
    assert new.member("weekday_commute_time") is None
    assert new.retired[0].reason == "进入五年评估"
    assert len(new.changes[0].what) == 3
    back = revise(
        "county_checkup", by="张工", reason="恢复", add=(Member(id="weekday_commute_time"),)
    )
    assert back.version == 3
    assert not back.retired


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "没有要调整的指标"),
        ({"add": (Member(id="nothing"),)}, "指标库没有"),
        ({"add": (Member(id="urbanisation_rate"),)}, "已在指标集中"),
        ({"retire": ("forest_cover_rate",)}, "没有“forest_cover_rate”"),
        ({"change": (Member(id="forest_cover_rate"),)}, "没有“forest_cover_rate”"),
    ],
)
def test_changes_that_cannot_be_made(own, change, words):
    with pytest.raises(InputError, match=words):
        revise("county_checkup", by="张工", reason="试", **change)
    assert versions_of("county_checkup") == (1,)


def test_unknown_sets_and_versions(own):
    with pytest.raises(InputError, match="没有指标集"):
        indicator_set("nothing")
    with pytest.raises(InputError, match="没有版本 9"):
        indicator_set("county_checkup", 9)


def test_without_a_folder_nothing_is_saved():
    with placed(None), pytest.raises(InputError, match="文件夹"):
        revise("county_checkup", by="张工", reason="试", retire=("urbanisation_rate",))
