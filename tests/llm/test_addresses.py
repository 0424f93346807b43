import pytest

from llm.addresses import public_address, redact


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("https://user:pass@10.0.0.5:8443/v1?key=k", "https://10.0.0.5:8443/v1"),
    ],
)
def test_public_address(url, shown):
    assert public_address(url) == shown


def test_redact_blanks_secrets_and_shortens():
    assert redact("bad key\n sk-1 (sk-1)", "sk-1", None, "") == "bad key *** (***)"
    assert len(redact("长" * 900)) == 300
