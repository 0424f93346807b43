"""What users are told of bad files, by every spatial tool; `docs/bad-input.md` is written from it.

After a change of a message: `CSPON_WRITE_DOCS=1 pytest tests/tools/test_bad_input.py -n 0`.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import shapely
import yaml

from cspon.cli.main import run
from cspon.errors import InputError
from cspon.schemas.spatial import Compliance
from tests.conftest import ROOT
from tests.tools.bad_inputs import (
    CASES,
    PROJECT,
    REFUSED,
    TOLD,
    TOOLS,
    USUAL,
    Outcome,
    ask,
    copy_of,
    make_wide_county,
    put,
    site_request,
    with_cell,
)  # fmt: skip
from tests.tools.conftest import X, Y, write_layer
from tools.compliance.check import check_compliance

DOCUMENT = ROOT / "docs" / "bad-input.md"


class Table:
    """Asks each tool for each defect once."""

    def __init__(self, folder: Path) -> None:
        (folder / "county").mkdir()
        self.folder = folder
        self.county = make_wide_county(folder / "county")
        self.project = write_layer(folder / "project.gpkg", "project", [PROJECT])
        self._known: dict[tuple[str, str], Outcome] = {}
        self._usual: dict[str, Outcome] = {}

    def outcome(self, case: str, tool: str) -> Outcome:
        if (case, tool) not in self._known:
            self._known[case, tool] = self._ask(case, tool)
        return self._known[case, tool]

    def usual(self, tool: str) -> Outcome:
        """What is said of sound data."""
        if tool not in self._usual:
            scratch = Path(tempfile.mkdtemp(dir=self.folder))
            self._usual[tool] = ask(TOOLS[tool], self.county, self.project, scratch, Outcome(USUAL))
        return self._usual[tool]

    def _ask(self, case: str, tool: str) -> Outcome:
        usual = self.usual(tool)
        scratch = Path(tempfile.mkdtemp(dir=self.folder))
        county = copy_of(self.county, scratch / "layers")
        CASES[case].make(county, TOOLS[tool].role)
        before = listing(county.folder)
        work = scratch / "work"
        work.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            if case == "very_many_vertices":
                patch.setattr("tools.geopackage_rows.MAX_WINDOW_BYTES", 2**20)
            found = ask(TOOLS[tool], county, self.project, work, usual)
        assert listing(county.folder) == before, "the layers' folder was changed"
        if found.kind == REFUSED:
            assert listing(work) == [], "something half-written stays behind"
        shutil.rmtree(scratch)
        return found


def listing(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return Table(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("case", CASES)
def test_users_are_told_layer_feature_field_and_what_to_do(table, case, tool):
    expected, found = CASES[case], table.outcome(case, tool)
    said = " ".join(found.messages)
    assert (found.kind, expected.says in said) == (expected.kind, True), found
    layer = {"land_use": "DLTB", "planned_land_use": "YDYHGHFQ"}[TOOLS[tool].role]
    if expected.fid is not None:
        assert re.search(rf"\D{expected.fid}\D", said), said
    if found.kind == REFUSED and found.error is None:  # indicators: the value is refused
        assert f"图层 {layer}" in said and "；" in said
        assert expected.field is None or expected.field in said
    elif found.kind == REFUSED:
        error = found.error
        assert isinstance(error, InputError)
        assert (error.layer, error.field) == (layer, expected.field)
        assert error.file is not None and error.mend


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if case.kind != REFUSED])
def test_areas_stay_those_of_the_county_without_the_defect(table, case, tmp_path):
    county = copy_of(table.county, tmp_path / "layers")
    CASES[case].make(county, "land_use")
    data = Compliance.model_validate(check_compliance(table.project, county.folder).data)
    sound = Compliance.model_validate(check_compliance(table.project, table.county.folder).data)
    assert round(sum(row.area_ha for row in data.codes), 4) == data.area_ha == sound.area_ha
    if case != "invalid_ring":  # half of that square is gone
        kept = {row.code: row.area_ha for row in data.codes}
        assert kept == pytest.approx({row.code: row.area_ha for row in sound.codes}, abs=2e-3)


def test_an_invalid_parcel_within_the_project_is_measured_as_repaired(table, tmp_path):
    county = copy_of(table.county, tmp_path / "layers")
    x, y = X + 4_200, Y + 2_600  # wholly inside: nothing of it is cut
    bow = shapely.Polygon([(x, y), (x + 600, y + 600), (x + 600, y), (x, y + 600)])
    square = shapely.box(x, y, x + 600, y + 600)
    put(county, "land_use", [*with_cell(table_cell().difference(square)), bow])
    data = Compliance.model_validate(check_compliance(table.project, county.folder).data)
    areas = {row.code: row.area_ha for row in data.codes}
    assert areas["未覆盖"] == pytest.approx(18.0, abs=0.05)  # two of the bow's four triangles
    assert round(sum(areas.values()), 4) == data.area_ha


def table_cell() -> shapely.Polygon:
    return shapely.box(X + 4_000, Y + 2_000, X + 6_000, Y + 4_000)


# Boundaries --------------------------------------------------------------------------------------


def boundary_bow(folder: Path) -> Path:
    x, y = X + 2_500, Y + 2_500
    ring = [(x, y), (x + 900, y + 900), (x + 900, y), (x, y + 900), (x, y)]
    return write_layer(folder / "b.gpkg", "b", [shapely.Polygon(ring)])


def boundary_heights(folder: Path) -> Path:
    return write_layer(folder / "b.gpkg", "b", [shapely.force_3d(PROJECT, 12.0)])


def boundary_line(folder: Path) -> Path:
    return write_layer(folder / "b.gpkg", "b", [PROJECT.exterior])


def boundary_null(folder: Path) -> Path:
    return write_layer(folder / "b.gpkg", "b", [None])


def boundary_flat(folder: Path) -> Path:
    return write_layer(folder / "b.gpkg", "b", [shapely.Polygon([(X, Y), (X + 9, Y), (X + 5, Y)])])


def boundary_degrees(folder: Path) -> Path:
    file = folder / "b.geojson"
    ring = [[114.0, 29.8], [114.1, 29.8], [114.1, 29.9], [114.0, 29.8]]
    file.write_text(shapely.to_geojson(shapely.Polygon(ring)), encoding="utf-8")
    return file


def boundary_elsewhere(folder: Path) -> Path:
    return write_layer(folder / "b.gpkg", "b", [shapely.box(X + 9e4, Y, X + 9.1e4, Y + 900)])


def boundary_of_many_vertices(folder: Path) -> Path:
    angle = np.linspace(0, 2 * np.pi, 600_000, endpoint=False)
    ring = np.column_stack([X + 5_000 + 900 * np.cos(angle), Y + 5_000 + 900 * np.sin(angle)])
    return write_layer(folder / "b.gpkg", "b", [shapely.Polygon(ring)])


def boundary_empty(folder: Path) -> Path:
    file = folder / "b.geojson"
    file.touch()
    return file


def boundary_incomplete(folder: Path) -> Path:
    file = folder / "b.shp"
    file.write_bytes(b"\0\0\x27\x0a" + bytes(96))
    return file


BOUNDARIES = {
    "环自相交（蝴蝶结）": (boundary_bow, TOLD, "已修复"),
    "带高程": (boundary_heights, TOLD, "已舍去"),
    "只有线，没有面": (boundary_line, REFUSED, "面"),
    "没有图形（null）": (boundary_null, REFUSED, ""),
    "面积为零": (boundary_flat, REFUSED, "面积为零"),
    "经纬度而没有写坐标系": (boundary_degrees, REFUSED, "坐标系"),
    "不在本县": (boundary_elsewhere, REFUSED, "以外"),
    "六十万个顶点": (boundary_of_many_vertices, REFUSED, "顶点"),
    "空文件": (boundary_empty, REFUSED, "空的"),
    "Shapefile 缺 .shx、.dbf": (boundary_incomplete, REFUSED, "缺"),
}


def ask_boundary(table: Table, make, folder: Path) -> Outcome:
    project = make(folder)
    try:
        result = check_compliance(project, table.county.folder)
    except InputError as error:
        return Outcome(REFUSED, (error.message,), error)
    usual = check_compliance(table.project, table.county.folder).warnings
    told = tuple(w for w in result.warnings if w not in usual)
    return Outcome(TOLD if told else USUAL, told)


@pytest.mark.parametrize("title", BOUNDARIES)
def test_a_wrong_boundary(table, title, tmp_path):
    make, kind, says = BOUNDARIES[title]
    found = ask_boundary(table, make, tmp_path)
    assert found.kind == kind, found
    assert says in " ".join(found.messages)
    if found.error is not None:
        assert found.error.mend and Path(str(found.error.file)).name.startswith("b.")


# Folders and the command line --------------------------------------------------------------------


@contextmanager
def unprivileged() -> Iterator[None]:
    """Do without the rights of root, who may write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def public(table):
    """A folder that any user may enter, with the county and the project."""
    folder = Path(tempfile.mkdtemp(prefix="cspon-test-", dir="/tmp"))
    folder.chmod(0o755)
    copy_of(table.county, folder / "layers")
    shutil.copy(table.project, folder / "project.gpkg")
    request = site_request().model_dump(mode="json", exclude_none=True)
    (folder / "site.yaml").write_text(yaml.safe_dump(request, allow_unicode=True), "utf-8")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


COMMANDS = {
    "check": ["check", "project.gpkg", "--layers", "layers"],
    "conditions": ["conditions", "project.gpkg", "--layers", "layers"],
    "site": ["site", "site.yaml", "--layers", "layers"],
    "extract": ["extract", "project.gpkg", "--layers", "layers", "--layer", "DLTB"],
    "diff": ["diff", "layers", "layers", "--layer", "land_use"],
    "indicators": ["indicator", "compute", "cultivated_land_area", "--layers", "layers"],
}
WRITES = [name for name in COMMANDS if name != "indicators"]


def command(name: str, folder: Path) -> list[str]:
    there = {"project.gpkg", "site.yaml", "layers"}
    return [str(folder / word) if word in there else word for word in COMMANDS[name]]


@pytest.mark.parametrize("name", COMMANDS)
def test_layers_in_a_read_only_folder_are_read(public, name, capsys):
    assert run(command(name, public)) in (0, 1)
    before = listing(public)
    with unprivileged():
        assert run(command(name, public)) in (0, 1)
    assert listing(public) == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", WRITES)
def test_an_output_folder_that_cannot_be_written(public, name, capsys):
    assert run(command(name, public)) in (0, 1)
    before = listing(public)
    with unprivileged():
        assert run([*command(name, public), "--out", str(public / "out")]) == 2
    assert listing(public) == before
    said = capsys.readouterr().err
    assert "无法写入输出目录" in said and str(public / "out") in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("case", "name"),
    [
        *(("gcj02", name) for name in COMMANDS),
        ("not_utf8", "check"),
        ("not_utf8", "diff"),
        ("no_field", "extract"),
        ("truncated_file", "conditions"),
    ],
)
def test_commands_say_it_without_a_traceback(table, public, case, name, capsys):
    county = copy_of(table.county, public / "bad")
    CASES[case].make(county, TOOLS[name].role)
    shutil.rmtree(public / "layers")
    (public / "bad").rename(public / "layers")
    out = [] if name == "indicators" else ["--out", str(public / "out")]
    code = run([*command(name, public), *out])
    said = capsys.readouterr()
    told = re.sub(r"\s", "", said.err + said.out)
    assert code == (0 if name == "indicators" else 2), told
    assert re.sub(r"\s", "", CASES[case].says) in told
    assert "Traceback" not in told
    assert not (public / "out").exists()


@pytest.mark.full
def test_a_parcel_of_half_a_gigabyte_is_refused_with_its_size(table, tmp_path):
    """The real limit: 34 million vertices in one polygon."""
    county = copy_of(table.county, tmp_path / "layers")
    angle = np.linspace(0, 2 * np.pi, 34_000_000, endpoint=False)
    ring = np.column_stack([X + 5_000 + 900 * np.cos(angle), Y + 3_000 + 900 * np.sin(angle)])
    put(county, "land_use", with_cell(shapely.Polygon(ring)))
    del ring, angle
    with pytest.raises(InputError, match=r"图形过大（519 MB），其中 fid=13"):
        check_compliance(table.project, county.folder)


# The document ------------------------------------------------------------------------------------


def written(table: Table, folder: Path) -> str:
    """Write the document from what the tools say."""
    titles = [tool.title for tool in TOOLS.values()]
    lines = [
        "# 输入有问题时",
        "",
        "由 `tests/tools/test_bad_input.py` 逐项造出问题文件、运行各工具后写成，测试时逐字核对。",
        "“拒绝”：说明图层、要素、字段和改法，不写任何文件（指标工具只拒绝用到该图层的指标）；"
        "“提示”：照常计算并在结果中提示；“照常”：不影响结果。",
        "",
        "## 图层",
        "| 问题 | " + " | ".join(titles) + " |",
        "|" + "---|" * (len(titles) + 1),
    ]
    for name, case in CASES.items():
        kinds = [table.outcome(name, tool).kind for tool in TOOLS]
        lines.append(f"| {case.title} | " + " | ".join(kinds) + " |")
    lines += [
        "",
        "合规性审查的原话（其他工具相同，只是图层不同）：",
        "",
        "| 问题 | 说明 | 改法 |",
        "|---|---|---|",
    ]
    for name, case in CASES.items():
        found = table.outcome(name, "check")
        if found.messages:
            lines.append(f"| {case.title} | {_said(found)} | {_mend(found)} |")
    lines += ["", "## 项目边界", "| 问题 | 处理 | 说明 | 改法 |", "|---|---|---|---|"]
    for number, (title, (make, _, _)) in enumerate(BOUNDARIES.items()):
        place = folder / str(number)
        place.mkdir()
        found = ask_boundary(table, make, place)
        lines.append(f"| {title} | {found.kind} | {'<br>'.join(found.messages)} | {_mend(found)} |")
    lines += [
        "",
        "## 文件夹",
        "- 图层目录只读：照常，不在其中写任何文件。",
        "- 输出目录不能写、磁盘已满：拒绝，写明目录和原因，不留半成品；命令退出码为 2。",
        "",
    ]
    return "\n".join(lines)


def _said(found: Outcome) -> str:
    """Return the messages, with layer and field as the command line shows them."""
    error = found.error
    place = [] if error is None else [f"图层 {error.layer}"] if error.layer else []
    place += [f"字段 {error.field}"] if error is not None and error.field else []
    return "<br>".join(found.messages) + (f"（{'，'.join(place)}）" if place else "")


def _mend(found: Outcome) -> str:
    return "" if found.error is None else str(found.error.mend)


def test_the_document_says_what_the_tools_say(table, tmp_path):
    text = written(table, tmp_path)
    if os.environ.get("CSPON_WRITE_DOCS"):
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text, "run again with CSPON_WRITE_DOCS=1"
