from tools.quality_check.packs import load_pack
from tools.quality_check.registry import check_kinds
from tools.quality_check.seeding.measure import measure


def test_every_planted_defect_is_found_and_nothing_else():
    result = measure(seed=7, times=1, size=48, small=12)
    assert [t.defect for t in result.missed] == []
    assert [(f.check, f.layer, f.fid, f.message) for f in result.false] == []
    assert len(result.kinds) >= 100
    assert all(score.planted for score in result.kinds.values())


def test_every_kind_of_check_is_planted_for():
    result = measure(seed=8, times=1, size=48, small=12)
    pack = load_pack("county_master_plan")
    assert set(result.by_check) == {check.id for check in pack.checks}
    assert {check.kind for check in pack.checks} == set(check_kinds())
