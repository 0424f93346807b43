"""Server addresses and error texts as they may be shown: without keys and passwords."""

from urllib.parse import urlsplit, urlunsplit


def public_address(url: str) -> str:
    """Return the address without user name, password, query and trailing slash."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def redact(text: str, *secrets: str | None, limit: int = 300) -> str:
    """Cut a server's text to one line of `limit` characters with the secrets blanked."""
    line = " ".join(text.split())
    for secret in secrets:
        if secret:
            line = line.replace(secret, "***")
    return line if len(line) <= limit else line[: limit - 1] + "…"
