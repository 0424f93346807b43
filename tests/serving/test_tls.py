"""`cspon serve` with a certificate of its own, in a process, and what it refuses to start with."""

import ssl

import httpx
import pytest

from cspon.errors import SetupError
from cspon.settings import Settings
from serving.tls import tls_context


@pytest.fixture
def serving(start_command):
    """Start the command with a certificate: `serving(certificate, key)` gives its address."""

    def start(file, key, *more):
        process = start_command("--port", "0", "--tls-cert", file, "--tls-key", key, *more)
        said = next(line for line in process.stderr if "服务已启动" in line)
        return said.split("服务已启动：")[1].strip()

    return start


def client(url, **more):
    return httpx.Client(base_url=url, trust_env=False, timeout=20, **more)


@pytest.mark.integration
def test_by_tls_answers_say_to_stay_with_it_and_no_older_protocol_is_spoken(serving, certificate):
    file, key = certificate("plan")
    url, trusted = serving(file, key), ssl.create_default_context(cafile=file)
    assert url.startswith("https://127.0.0.1:")
    with client(url, verify=trusted) as http:
        for path in ("/healthz", "/v1/models", "/login", "/nowhere"):
            reply = http.get(path)
            assert reply.headers["strict-transport-security"] == "max-age=15552000"
            assert "server" not in reply.headers
    old = ssl.create_default_context(cafile=file)
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with client(url, verify=old) as http, pytest.raises(httpx.ConnectError):
        http.get("/healthz")
    with client(url.replace("https", "http")) as http, pytest.raises(httpx.RemoteProtocolError):
        http.get("/healthz")


@pytest.mark.integration
def test_clients_may_have_to_show_a_certificate(serving, certificate):
    file, key = certificate("plan")
    mine, other = certificate("client"), certificate("other")
    url = serving(file, key, "--tls-client-ca", mine[0])
    for shown, let_in in ((mine, True), ((), False), (other, False)):
        context = ssl.create_default_context(cafile=file)
        if shown:
            context.load_cert_chain(*shown)
        with client(url, verify=context) as http:
            if let_in:
                assert http.get("/healthz").status_code == 200
            else:
                with pytest.raises(httpx.HTTPError):
                    http.get("/healthz")


def test_without_a_certificate_there_is_no_tls():
    assert tls_context(Settings(_env_file=None)) is None


def test_files_that_do_not_go_together_are_refused(certificate, tmp_path):
    one, two = certificate("one"), certificate("two")
    for given in (
        {"tls_cert": one[0]}, {"tls_key": one[1]}, {"tls_client_ca": one[0]},
        {"tls_cert": one[0], "tls_key": two[1]},
        {"tls_cert": tmp_path / "missing", "tls_key": one[1]},
        {"tls_cert": one[0], "tls_key": one[1], "tls_client_ca": one[1]},
    ):  # fmt: skip
        with pytest.raises(SetupError, match="私钥"):
            tls_context(Settings(_env_file=None).model_copy(update=given))
