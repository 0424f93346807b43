"""Files by the official client: handed in, listed, told of, removed; each caller's own only."""

import json
from datetime import UTC, datetime, timedelta

import openai
import pytest

from serving.access.keys import Key

pytestmark = pytest.mark.component


@pytest.fixture
def sent(gateway, geojson):
    """A gateway, its client, and a boundary, a table and a batch that were handed in."""
    started = gateway()
    client = started.client()
    request = {"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m"}}
    boundary = client.files.create(
        file=("a.geojson", json.dumps(geojson).encode()), purpose="boundary"
    )
    table = client.files.create(file=("表.csv", "村,面积\n东村,5\n".encode()), purpose="data")
    batch = client.files.create(
        file=("批.jsonl", json.dumps(request).encode()), purpose="batch"
    )  # fmt: skip
    return started, client, (boundary, table, batch)


def test_what_was_handed_in_is_told_again(sent):
    _, client, files = sent
    assert [file.purpose for file in files] == ["boundary", "data", "batch"]
    for file in files:
        found = client.files.retrieve(file.id)
        assert (found.id, found.filename, found.bytes, found.purpose, found.created_at) == (
            file.id, file.filename, file.bytes, file.purpose, file.created_at,
        )  # fmt: skip
    assert {file.id for file in client.files.list()} == {file.id for file in files}
    assert [file.id for file in client.files.list(purpose="batch")] == [files[2].id]
    assert len(client.files.list(limit=2).data) == 2


def test_what_was_removed_is_gone(sent):
    _, client, files = sent
    assert client.files.delete(files[1].id).deleted
    assert {file.id for file in client.files.list()} == {files[0].id, files[2].id}
    with pytest.raises(openai.NotFoundError) as gone:
        client.files.retrieve(files[1].id)
    assert gone.value.code == "file_not_found"


def test_another_caller_sees_none_of_them(sent):
    started, _, files = sent
    now = datetime.now(UTC)
    key = Key(id="", user="别人", created_at=now, expires_at=now + timedelta(days=1))
    made = started.services.keys.create(key)
    other = openai.OpenAI(base_url=f"{started.url}/v1", api_key=made.secret, max_retries=0)
    assert list(other.files.list()) == []
    for file in files:
        with pytest.raises(openai.NotFoundError):
            other.files.retrieve(file.id)
    with pytest.raises(openai.NotFoundError):
        other.files.retrieve("data-.record")
    other.close()
