"""TLS of the gateway itself: its certificate, and clients that must show one of theirs."""

import ssl

from cspon.errors import SetupError
from cspon.settings import Settings


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what connections are served with; None where the settings name no certificate.

    Raises:
        SetupError: a file is missing or not as it should be, or one is named without the other.
    """
    certificate, key, clients = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if certificate is None or key is None:
        if certificate is None and key is None and clients is None:
            return None
        raise SetupError("证书和私钥须同时给出", mend="用 --tls-cert 和 --tls-key 指定 PEM 文件")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise SetupError(
            f"证书或私钥读不了（{error}）",
            mend="核对 --tls-cert、--tls-key、--tls-client-ca：PEM 格式，私钥不加口令，与证书相配",
        ) from None
    return context
