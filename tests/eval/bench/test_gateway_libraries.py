"""The comparison of libraries end to end, small: each figure there, what is missing named."""

import pytest

pytest.importorskip("uvloop")


def test_a_small_run():
    from eval.bench.gateway_libraries import run

    said = []
    result = run(seconds=1, say=said.append)
    installed = 3 - ("granian" in result["missing"])
    assert len(result["servers_rps_per_core"]) == installed
    assert min(result["servers_rps_per_core"].values()) > 100
    clients = result["clients_cpu_us_per_request"]
    assert clients["own (serving.relay.wire)"] > 0
    assert clients["aiohttp"] > 0
    assert {"orjson", "json"} <= result["json_us_per_reply"].keys()
    assert "granian" in result["missing"] or "granian" in result["versions"]
    assert said[-1] == "JSON…"
