import subprocess
import sys

import pytest

from cspon.cli.main import OFFLINE, VERBS, run


def test_every_verb_has_help(capsys):
    for verb in VERBS:
        assert run([verb, "--help"]) == 0
        assert verb in capsys.readouterr().out


def test_an_unknown_verb_and_a_wrong_option_exit_2(capsys):
    assert run(["fly"]) == 2
    assert run(["ask"]) == 2
    capsys.readouterr()


def test_an_error_is_a_message_without_a_traceback(capsys):
    assert run(["ask", "选址是否可行？", "--boundary", "no-such-file.geojson"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("错误：")
    assert "no-such-file.geojson" in said
    assert "Traceback" not in said


def test_telemetry_is_off_before_anything_is_imported():
    assert OFFLINE["HF_HUB_OFFLINE"] == "1"
    assert OFFLINE["GRADIO_ANALYTICS_ENABLED"] == "False"


@pytest.mark.integration
def test_help_stays_light():
    code = (
        "import sys\nfrom cspon.cli.main import run\nrun(['--help'])\n"
        "heavy = {'torch','gradio','matplotlib','langgraph','xllamacpp','qdrant_edge','geopandas'}\n"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
