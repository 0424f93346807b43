"""Every registered tool, called once over HTTP on a small demo county, gives what it gives in Python."""

from pathlib import Path

import httpx
import pytest

from tests.tools.indicators.conftest import demo
from tools.catalogue import load_tools

__all__ = ["demo"]
WHERE_OR_WHEN = {"database", "elapsed_ms"}
"""Keys of results that say where something was read or how long it took."""


def arguments(folder: Path) -> dict[str, dict[str, object]]:
    project = folder / "projects" / "2_conflict.geojson"
    plan = folder / "GHFQ.gpkg"
    return {
        "check_compliance": {"boundary": project},
        "planning_conditions": {"parcel": project},
        "extract_base_data": {"boundary": project},
        "run_model": {"model": "construction_suitability"},
        "check_plan_database": {"database": plan},
        "compare_plan_versions": {"before": plan, "after": plan},
        "select_sites": {
            "request": {
                "min_area_ha": 5,
                "within": [{"role": "urban_development_boundary"}],
                "criteria": [{"name": "坡度", "measure": "slope", "weight": 1, "best": 0, "worst": 15}],
            }
        },
        "dual_evaluation": {"parts": ["urban"]},
        "assess_implementation": {"projects": folder / "projects.csv", "policies": folder / "policies.csv"},
    }  # fmt: skip


@pytest.mark.component
@pytest.mark.parametrize("name", list(load_tools()))
def test_over_http_and_in_python(gateway, demo, name):
    served = gateway(layers=demo)
    tool = load_tools()[name]
    given = arguments(demo).get(name, {})
    sent = {key: _send(served.url, value) for key, value in given.items()}
    reply = httpx.post(f"{served.url}/v1/tools/{name}", json=sent, timeout=300)
    assert reply.status_code == 200, reply.text
    layers = {"layers": demo} if "layers" in tool.arguments.model_fields else {}
    clearance = {"clearance": "内部"} if "clearance" in tool.arguments.model_fields else {}
    here = tool.run(**given, **layers, **clearance).model_dump(mode="json")
    there = reply.json()
    assert there["tool"] == here["tool"]
    assert _plain(there["data"], demo) == _plain(here["data"], demo)
    assert _plain(there["tables"], demo) == _plain(here["tables"], demo)
    assert str(demo) not in reply.text


def _send(url: str, value: object) -> object:
    if not isinstance(value, Path):
        return value
    purpose = "boundary" if value.suffix == ".geojson" else "data"
    with value.open("rb") as file:
        files = {"file": (value.name, file)}
        reply = httpx.post(f"{url}/v1/files", files=files, data={"purpose": purpose}, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


def _plain(value, folder):
    """Drop what differs by place and time."""
    if isinstance(value, dict):
        return {k: _plain(v, folder) for k, v in value.items() if k not in WHERE_OR_WHEN}
    if isinstance(value, list):
        return [_plain(v, folder) for v in value]
    return value.replace(f"{folder}/", "") if isinstance(value, str) else value
