"""Settings and rights that do not go together are told at the start."""

import pytest
from pydantic import SecretStr

from cspon.errors import InputError, SetupError
from cspon.settings import Settings
from serving.access.oidc.rights import read_rights
from serving.access.oidc.sign_in import open_sign_in
from serving.access.store import KeyStore

SECRET = b"s" * 32
GOOD = {
    "oidc_issuer": "https://sso.example/realms/plan",
    "oidc_client_secret": SecretStr("s"),
    "public_url": "https://plan.example",
}


@pytest.fixture
def opening(tmp_path):
    store = KeyStore(tmp_path / "keys.sqlite", SECRET)

    def open_with(**changes):
        given = Settings(_env_file=None, home=tmp_path).model_copy(update={**GOOD, **changes})
        return open_sign_in(given, store, SECRET)

    yield open_with
    store.close()


async def test_what_goes_together_is_opened(opening, tmp_path):
    await opening().aclose()
    (tmp_path / "secret").write_text("s\n")
    await opening(oidc_client_secret=None, oidc_client_secret_file=tmp_path / "secret").aclose()


@pytest.mark.parametrize("issuer", ["http://sso.example", "sso.example", "https://a@sso.example",
                                    "https://sso.example/#x", "https://sso.example?x=1", "ftp://127.0.0.1",
                                    "https://sso.example:99999", ""])  # fmt: skip
def test_an_issuer_must_be_an_address_by_tls(opening, issuer):
    with pytest.raises(SetupError, match="CSPON_OIDC_ISSUER"):
        opening(oidc_issuer=issuer)


@pytest.mark.parametrize("public", [None, "http://plan.example", "plan.example"])
def test_so_must_our_own(opening, public):
    with pytest.raises(SetupError, match="CSPON_PUBLIC_URL"):
        opening(public_url=public)


def test_a_secret_and_certificates_must_be_there(opening, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    for file in (None, tmp_path / "missing", empty):
        with pytest.raises(SetupError, match="客户端密文"):
            opening(oidc_client_secret=None, oidc_client_secret_file=file)
    for file in (tmp_path / "missing", empty):
        with pytest.raises(SetupError, match="CSPON_OIDC_CA_FILE"):
            opening(oidc_ca_file=file)


@pytest.mark.parametrize(
    "text",
    ["grants: [{claim: groups, value: a, scopes: [everything]}]", "users: name",
     "grants: [{claim: groups, value: ''}]", "grants: [{value: a}]"],
)  # fmt: skip
def test_rights_with_a_mistake_stop_the_start(tmp_path, text):
    file = tmp_path / "oidc.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"oidc\.yaml"):
        read_rights(file)
