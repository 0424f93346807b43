from eval.bench.access import run


def test_generated_streets_agree_with_networkx(monkeypatch):
    monkeypatch.setattr("eval.bench.access._extract", lambda given: None)
    found = run(extract=None, origins=20)
    assert found["results_equal"]
    assert found["streets"] == "generated" and "streets" in found["why"]
    assert set(found["modes"]) == {"walk", "drive"}
    assert all(mode["pairs_with_a_way"] > 300 for mode in found["modes"].values())
