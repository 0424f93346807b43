import pytest

from cspon.errors import InputError, ModelUnavailable, RetryTool, SetupError, ToolFailed
from serving.problems import as_api_error, public


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("文件 /tmp/cspon-boundary-x1/产业园.geojson，第 3 行", "文件 产业园.geojson，第 3 行"),
        ("写入“/srv/数据/var/kb”失败", "写入“kb”失败"),
        ("服务 http://127.0.0.1:8000/v1 不应答", "服务 http://127.0.0.1:8000/v1 不应答"),
        ("目录 examples/demo_county/layers.yaml", "目录 examples/demo_county/layers.yaml"),
        ("用 --layers 指定；3/4 的面积", "用 --layers 指定；3/4 的面积"),
    ],
)
def test_public_text_names_files_not_folders(text, told):
    assert public(text) == told


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InputError("坏", file="/a/b.txt", mend="改"), 422, "invalid_input"),
        (RetryTool("坏"), 400, "invalid_arguments"),
        (ModelUnavailable("坏"), 503, "model_unavailable"),
        (SetupError("坏", mend="装"), 503, "not_ready"),
        (ToolFailed("坏"), 500, "tool_failed"),
        (RuntimeError("/secret"), 500, "internal_error"),
    ],
)
def test_each_error_has_status_and_code(error, status, code):
    problem = as_api_error(error)
    assert (problem.status, problem.body["code"]) == (status, code)
    assert "secret" not in problem.body["message"]
    assert "/a/" not in problem.body["message"]
