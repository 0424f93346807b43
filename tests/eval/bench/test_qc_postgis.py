import pytest

from eval.bench import qc
from eval.bench.postgis import PostgisUnavailable, find_binaries
from eval.bench.qc_postgis import OVERLAP, SINGLE, unequal
from tools.quality_check.model import Finding
from tools.quality_check.survey import Quality


def test_every_check_of_the_speed_pack_has_a_query():
    assert set(SINGLE) | {"overlap", "gap"} == {check.id for check in qc.speed_pack().checks}
    assert ">= 0.01" in OVERLAP


def finding(check, fid, measured="", other=None):
    return Finding(
        check=check, title="", severity="error", fid=fid, other_fid=other, measured=measured,
        message="", mend="", basis="", verified=False,
    )  # fmt: skip


def test_differences_are_told_by_check():
    pack = qc.speed_pack()
    rows = {check.id: [] for check in pack.checks}
    findings = (finding("spike", 3), finding("overlap", 1, "2.0000 平方米", 2))
    quality = Quality(pack, None, (), findings, ())
    said = unequal(quality, rows, pack)
    assert [text.split("：")[0] for text in said] == ["spike", "overlap"]
    rows |= {"spike": [(3,)], "overlap": [(1, 2, 2.004)]}
    assert unequal(quality, rows, pack) == []
    rows["gap"] = [(5.0,)]
    assert [text.split("：")[0] for text in unequal(quality, rows, pack)] == ["gap"]


@pytest.mark.integration
def test_postgis_finds_the_same_features(tmp_path):
    try:
        find_binaries()
    except PostgisUnavailable as error:
        pytest.skip(str(error))
    figures = qc.beside_postgis(tmp_path, 3_000, lambda text: None)
    assert figures["unequal"] == []
    assert figures["equal"]
    assert all(figures["found"].values())
