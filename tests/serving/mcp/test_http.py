"""Who gets as far as the server over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import Headers

from serving.access.caller import Caller
from serving.access.keys import Key
from serving.mcp.http import _own_site
from serving.problems import ApiError


def test_a_key_by_the_session_of_the_pages_is_refused():
    now = datetime.now(UTC)
    key = Key(id="k", user="u", created_at=now, expires_at=now + timedelta(days=1))
    caller = Caller(key.principal, key)
    with pytest.raises(ApiError) as refused:
        _own_site(Headers({"host": "here", "cookie": "session=1"}), caller)
    assert refused.value.status == 401
    _own_site(Headers({"host": "here", "authorization": "Bearer x"}), caller)
