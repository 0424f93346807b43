"""Keys as they are kept: no secret in the file, rotation, revocation."""

from datetime import UTC, datetime, timedelta

import pytest

from cspon.errors import InputError, SetupError
from serving.access.keys import SECRET as PATTERN
from serving.access.keys import Key, expiry, secret_hash
from serving.access.secret import server_secret
from serving.access.store import KeyStore

SECRET = b"k" * 32
NOW = datetime.now(UTC)


def a_key(**given):
    facts = {"id": "", "user": "系统甲", "created_at": NOW, "expires_at": NOW + timedelta(days=30)}
    return Key(**{**facts, **given})


@pytest.fixture
def store(tmp_path):
    opened = KeyStore(tmp_path / "keys.sqlite", SECRET)
    yield opened
    opened.close()


def test_the_secret_is_in_no_file(store, tmp_path):
    made = store.create(a_key())
    assert PATTERN.fullmatch(made.secret)
    kept = b"".join(f.read_bytes() for f in tmp_path.iterdir())
    random = made.secret.rsplit("-", 1)[-1] if made.secret.count("-") == 2 else made.secret[17:]
    assert made.key.id.encode() in kept
    assert random.encode() not in kept
    assert secret_hash(made.secret, SECRET) in kept
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o077 == 0


def test_a_key_is_found_by_its_secret_only(store):
    one, two = store.create(a_key()), store.create(a_key(user="系统乙"))
    assert store.of_secret(one.secret) == one.key
    mixed = one.secret.replace(one.key.id, two.key.id)
    assert store.of_secret(mixed) is None


def test_another_server_secret_opens_nothing(store, tmp_path):
    made = store.create(a_key())
    other = KeyStore(tmp_path / "keys.sqlite", b"o" * 32)
    assert other.of_secret(made.secret) is None
    other.close()


def test_rotation_keeps_rights_and_ends_the_old_key_after_the_overlap(store):
    old = store.create(a_key(scopes=("tools",), tools=("check_compliance",)))
    new = store.rotate(old.key.id, expires_at=expiry(90), overlap=timedelta(hours=2))
    assert new.secret != old.secret
    assert (new.key.scopes, new.key.tools, new.key.replaces) == (
        ("tools",), ("check_compliance",), old.key.id,
    )  # fmt: skip
    kept = store.of_secret(old.secret)
    assert kept.refusal(datetime.now(UTC)) == ""
    assert kept.refusal(datetime.now(UTC) + timedelta(hours=3)).startswith("密钥已于")


def test_an_ended_key_cannot_be_rotated_and_an_unknown_one_not_found(store):
    made = store.create(a_key())
    first = store.revoke(made.key.prefix)
    assert store.revoke(made.key.id).revoked_at == first.revoked_at
    with pytest.raises(InputError, match="已停用"):
        store.rotate(made.key.id, expires_at=expiry(1), overlap=timedelta(0))
    with pytest.raises(InputError, match="没有密钥"):
        store.revoke("nothing")


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_a_key_lives_between_a_day_and_ten_years(days):
    with pytest.raises(ValueError, match="有效期"):
        expiry(days)


def test_the_server_secret_is_made_once_and_only_for_its_owner(tmp_path):
    file = tmp_path / "var" / "server.secret"
    first = server_secret(file)
    assert len(first) == 32
    assert server_secret(file) == first
    assert file.stat().st_mode & 0o077 == 0
    assert [f.name for f in file.parent.iterdir()] == ["server.secret"]


def test_a_secret_that_others_can_read_or_that_is_damaged_stops_the_start(tmp_path):
    file = tmp_path / "server.secret"
    server_secret(file)
    file.chmod(0o644)
    with pytest.raises(SetupError, match="其他用户"):
        server_secret(file)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(SetupError, match="损坏"):
        server_secret(file)


def signed_in(**given):
    return a_key(id="oidc-person", user="张工", **given)


def test_a_person_who_was_signed_in_has_a_key_that_no_secret_opens(store):
    assert store.sign_in(signed_in()) == signed_in() == store.by_id("oidc-person")
    for secret in ("", "cspon-oidc-person", f"cspon-oidc-person-{'x' * 43}"):
        assert store.of_secret(secret) is None
    with pytest.raises(InputError, match="没有密钥可更换"):
        store.rotate("oidc-person", expires_at=expiry(90), overlap=timedelta())


def test_signing_in_again_takes_the_new_rights_and_begins_anew_only_after_the_end(store):
    store.sign_in(signed_in())
    later = NOW + timedelta(minutes=5)
    again = store.sign_in(signed_in(created_at=later, scopes=("pages",)))
    assert (again.created_at, again.scopes) == (NOW, ("pages",))
    store.sign_out("oidc-person")
    assert "到期" in store.by_id("oidc-person").refusal(datetime.now(UTC))
    assert store.sign_in(signed_in(created_at=later)).created_at == later


def test_a_revoked_person_stays_out_until_restored_but_a_key_for_good(store):
    store.sign_in(signed_in())
    store.revoke("oidc-person")
    assert store.sign_in(signed_in(created_at=NOW + timedelta(days=1))).revoked_at is not None
    assert store.restore("oidc-person").revoked_at is None
    assert "到期" in store.by_id("oidc-person").refusal(datetime.now(UTC))
    made = store.create(a_key())
    store.revoke(made.key.id)
    with pytest.raises(InputError, match="不能恢复"):
        store.restore(made.key.id)
