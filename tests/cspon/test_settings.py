import pytest

from cspon.errors import SetupError
from cspon.settings import load_settings, origins


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in ("CSPON_MODEL", "CSPON_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_argument_beats_environment_beats_dotenv_beats_default(monkeypatch, tmp_path):
    assert load_settings().port == 8765
    (tmp_path / ".env").write_text("CSPON_PORT=1001\n")
    assert (load_settings().port, origins()["port"]) == (1001, ".env")
    monkeypatch.setenv("CSPON_PORT", "1002")
    assert (load_settings().port, origins()["port"]) == (1002, "环境变量")
    assert (load_settings(port=1003).port, origins(port=1003)["port"]) == (1003, "参数")
    assert (load_settings(port=None).port, origins()["model"]) == (1002, "默认")


def test_a_bad_value_names_the_setting_and_where_it_came_from(monkeypatch):
    monkeypatch.setenv("CSPON_PORT", "high")
    with pytest.raises(SetupError, match="CSPON_PORT 的值无效（来源：环境变量）"):
        load_settings()


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("CSPON_OPENAI_API_KEY", "topsecret")
    assert "topsecret" not in repr(load_settings())
