import json

from cspon.cli.main import run


def test_doctor_shows_every_setting_with_its_origin_and_no_secret(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CSPON_HOME", str(tmp_path))
    monkeypatch.setenv("CSPON_LAYERS", str(tmp_path / "none"))
    monkeypatch.setenv("CSPON_MODEL", "none")
    monkeypatch.setenv("CSPON_OPENAI_API_KEY", "topsecret")
    assert run(["doctor", "--json"]) == 2
    out = capsys.readouterr().out
    assert "topsecret" not in out
    report = json.loads(out)
    rows = {row["setting"]: row for row in report["settings"]}
    assert rows["CSPON_HOME"]["origin"] == "环境变量"
    assert rows["CSPON_PORT"]["origin"] == "默认"
    assert rows["CSPON_OPENAI_API_KEY"]["value"] == "********"
    checks = {check["check"]: check for check in report["checks"]}
    assert checks["大模型"]["ok"]
    assert not checks["知识库"]["ok"]
    assert "build-laws" in checks["知识库"]["detail"]
    assert "layers.yaml" in checks["图层"]["detail"]
