"""Who is the local user: a person at this machine, and nobody through the network."""

import pytest
from fastapi import Request

from serving.principal import LOCAL_ROLES, current_principal


@pytest.mark.parametrize(
    ("client", "host", "roles"),
    [
        ("127.0.0.1", "127.0.0.1:8765", LOCAL_ROLES),
        ("127.0.0.1", "localhost:8765", LOCAL_ROLES),
        ("::1", "[::1]:8765", LOCAL_ROLES),
        ("10.0.0.8", "plan.example:8765", ()),
        ("10.0.0.8", "127.0.0.1:8765", ()),
        ("127.0.0.1", "evil.example", ()),
    ],
)
def test_only_a_person_at_this_machine_manages_the_base(client, host, roles):
    scope = {
        "type": "http",
        "client": (client, 5000),
        "server": ("127.0.0.1", 8765),
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
    }
    assert current_principal(Request(scope)).roles == roles
