import shutil

import pytest
import yaml

from cspon.errors import InputError
from tools.quality_check.packs import FOLDER, load_pack, shipped_packs
from tools.quality_check.registry import check_kinds


@pytest.fixture
def own(tmp_path):
    return shutil.copytree(FOLDER / "county_master_plan", tmp_path / "pack")


def change(folder, name, edit):
    file = folder / f"{name}.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    edit(raw)
    file.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")


def test_shipped_packs_load_and_use_every_kind_of_check():
    assert shipped_packs() == ["county_master_plan"]
    pack = load_pack("county_master_plan")
    unused = set(check_kinds()) - {check.kind for check in pack.checks}
    assert unused == set()
    assert not pack.verified
    assert all(check.basis and check.mend for check in pack.checks)


def test_a_bureaus_own_pack_is_loaded_from_its_folder(own):
    change(own, "pack", lambda raw: raw.update(id="own", title="本局规则"))
    assert load_pack(str(own)).title == "本局规则"


def test_unknown_pack_lists_the_known_ones():
    with pytest.raises(InputError, match="county_master_plan"):
        load_pack("无此包")


@pytest.mark.parametrize(
    ("name", "edit", "field"),
    [
        ("pack", lambda raw: raw.update(tolernce=1), "tolernce"),
        ("layers", lambda raw: raw["layers"][2].update(lable="x"), "layers.DLTB.lable"),
        ("layers", lambda raw: raw["layers"][2]["fields"][0].update(lenght=9), "BSM.lenght"),
        ("layers", lambda raw: raw["layers"][2]["fields"][3].update(scheme="无"), "DLTB.DLBM"),
        ("layers", lambda raw: raw["layers"][2]["fields"][0].update(pattern="("), "BSM"),
        ("checks", lambda raw: raw["checks"][0].update(kind="无此检查"), "required_entry"),
        ("checks", lambda raw: raw["checks"][-1].update(parameters={"tol": 1}), "parameters"),
        ("checks", lambda raw: raw["checks"][8].update(layers=["NOSUCH"]), "zone_coordinates"),
        ("files", lambda raw: raw["files"][0].update(pattern="["), "spatial_folder"),
    ],
)
def test_mistake_is_named_with_file_and_field(own, name, edit, field):
    change(own, name, edit)
    with pytest.raises(InputError) as raised:
        load_pack(str(own))
    assert f"{name}.yaml" in str(raised.value)
    assert field in (raised.value.field or "")


def test_broken_yaml_is_named(own):
    (own / "checks.yaml").write_text("checks: [", encoding="utf-8")
    with pytest.raises(InputError, match="YAML"):
        load_pack(str(own))
