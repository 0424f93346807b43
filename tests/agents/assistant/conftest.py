import hashlib
import json
from datetime import date

import numpy as np
import pytest
import shapely
import yaml

from cspon.schemas.knowledge import Basis, Citation, Passage, SearchHit, SearchOutcome, Validity
from cspon.schemas.spatial import (
    CodeOverlap,
    Column,
    Compliance,
    LineOverlap,
    Provenance,
    RuleOutcome,
    Table,
    ToolResult,
    Verdict,
)
from tools.catalogue import Tool

LAND = "中华人民共和国土地管理法"
ARTICLES = {
    (LAND, "第三十五条"): "永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。",
    (LAND, "第四十六条"): "征收下列土地的，由国务院批准：\n（一）永久基本农田；\n"
    "（二）永久基本农田以外的耕地超过三十五公顷的；\n（三）其他土地超过七十公顷的。",
}


class HashingEmbedder:
    """Bigrams hashed to 256 dimensions: deterministic, and near texts are near."""

    name = "hashing:1"
    dim = 256

    def embed_query(self, text):
        vector = np.zeros(self.dim, dtype=np.float32)
        for i in range(len(text) - 1):
            digest = hashlib.sha256(text[i : i + 2].encode()).digest()
            vector[digest[0]] += 1
        return vector / (np.linalg.norm(vector) or 1)

    def embed_passages(self, texts):
        return np.stack([self.embed_query(text) for text in texts])


class FakeKnowledgeBase:
    """Two articles; searched by shared characters, cited by title and article."""

    withheld = False
    """Whether others may read passages that speak of the question."""

    def search(self, query, *, k=8, on_date, principal, include_repealed=False):
        hits = []
        for (title, article), text in ARTICLES.items():
            shared = len({query[i : i + 2] for i in range(len(query) - 1)} & _bigrams(text))
            passage = Passage(id=article, document_id="d", title=title, article=article, text=text)
            hits.append(
                SearchHit(passage=passage, validity=Validity.IN_FORCE, score=shared, routes={})
            )
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def outcome(self, query, *, k=8, on_date, principal, include_repealed=False):
        hits = self.search(query, k=k, on_date=on_date, principal=principal)
        return SearchOutcome(hits=tuple(hits), withheld=self.withheld)

    def cite(self, basis, *, on_date, principal):
        title = LAND if basis.title in (LAND, "土地管理法") else basis.title
        text = ARTICLES.get((title, basis.article))
        if text is None:
            known = title == LAND
            return Citation(
                source="",
                title=title,
                article=basis.article,
                point=basis.point,
                verification="contradicted" if known else "not_in_base",
            )
        return Citation(
            source="laws",
            title=title,
            article=basis.article,
            quote=text,
            point=basis.point,
            status=Validity.IN_FORCE,
            effective_from=date(2020, 1, 1),
            verification="verified",
        )

    def close(self):
        pass


def _bigrams(text):
    return {text[i : i + 2] for i in range(len(text) - 1)}


def compliance_result(*, basis=()):
    farmland = Basis(title="土地管理法", article="第三十五条", point="不得擅自占用永久基本农田")
    order = Basis(title="生态保护红线管理办法", point="红线内人为活动管控", verified=False)
    bases = (farmland, order, *basis)
    data = Compliance(
        project="示例产业园",
        area_ha=52.3187,
        planar_area_m2=523187.0,
        epsg=4547,
        verdict=Verdict.FAIL,
        headline="项目占用永久基本农田，不可行。",
        lines=(
            LineOverlap(
                role="permanent_basic_farmland",
                name="YJJBNT",
                title="永久基本农田",
                present=True,
                area_ha=12.3456,
                area_mu=185.184,
                share=0.236,
                patches=3,
            ),
        ),
        codes=(
            CodeOverlap(
                code="0101", name="水田", area_ha=52.3187, area_mu=784.78, share=1, parcels=9
            ),
        ),
        code_scheme="ydyh_2023",
        rules=(
            RuleOutcome(
                rule_id="farmland",
                title="永久基本农田",
                verdict=Verdict.FAIL,
                message="占用永久基本农田 12.3456 公顷。",
                procedure=("调整选址，避让永久基本农田。",),
                basis=bases,
            ),
        ),
        unknowns=("未核实土地权属。",),
        area_definition="面积为椭球面积。",
        asked_on=date(2026, 11, 22),
    )
    table = Table(
        name="lines",
        title="控制线占用",
        columns=(
            Column(key="title", title="控制线"),
            Column(key="area_ha", title="面积", unit="公顷"),
        ),
        rows=({"title": "永久基本农田", "area_ha": 12.3456},),
    )
    return ToolResult(
        tool="check_compliance",
        version="1",
        data=data.model_dump(mode="json"),
        tables=(table,),
        basis=bases,
        provenance=Provenance(tool="check_compliance", version="1"),
        synthetic=True,
    )


@pytest.fixture
def compliance():
    return Compliance.model_validate(compliance_result().data)


@pytest.fixture
def embedder():
    return HashingEmbedder()


@pytest.fixture
def knowledge_base():
    return FakeKnowledgeBase()


@pytest.fixture
def compliance_tool(make_compliance_tool):
    return make_compliance_tool()


@pytest.fixture(name="make_compliance_tool")
def _make_compliance_tool():
    return make_compliance_tool


def make_compliance_tool(*basis):
    from pathlib import Path

    def check_compliance(
        boundary: Path,
        layers: Path,
        project_type: str = "unspecified",
        asked_on: date | None = None,
    ) -> ToolResult:
        assert boundary.exists()
        return compliance_result(basis=basis)

    return Tool(
        check_compliance,
        name="check_compliance",
        title="控制线合规性检查",
        version="1",
        examples=(),
        needs=("permanent_basic_farmland",),
    )


@pytest.fixture
def boundary(tmp_path):
    square = shapely.box(500_000, 3_300_000, 500_500, 3_300_500)
    data = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}},
        "features": [
            {
                "type": "Feature",
                "properties": {"项目名称": "示例产业园"},
                "geometry": json.loads(shapely.to_geojson(square)),
            }
        ],
    }
    path = tmp_path / "project.geojson"
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def layers(tmp_path):
    return make_layers(tmp_path / "layers")


def make_layers(folder):
    folder.mkdir()
    catalogue = {
        "title": "空目录",
        "region_code": "000000",
        "region_name": "示例县",
        "epsg": 4547,
        "layers": [],
    }
    (folder / "layers.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    return folder
