"""From the claims of a person to a key."""

import pytest

from cspon.schemas.base import Secrecy
from serving.access.oidc.refused import SignInRefused
from serving.access.oidc.rights import Grant, Rights, key_of

SECRET = b"s" * 32
CLAIMS = {"iss": "https://sso.example", "sub": "u-1"}
PLANNERS = Grant(claim="groups", value="规划科", scopes=("pages",))


def test_names_units_and_departments_come_from_the_claims_that_are_named():
    rights = Rights(
        user="name", tenant="org.title", department="https://sso.example/offices",
        grants=(PLANNERS, Grant(claim="realm.roles", value="科长", level=Secrecy.SENSITIVE, departments=("审批",))),
    )  # fmt: skip
    key = key_of(
        {**CLAIMS, "name": "张工", "org": {"title": "自然资源局"}, "groups": "规划科",
         "realm": {"roles": ["科长"]}, "https://sso.example/offices": ["规划科", "审批"]},
        rights, SECRET,
    )  # fmt: skip
    assert (key.user, key.tenant, key.departments) == ("张工", "自然资源局", ("规划科", "审批"))
    assert (key.scopes, key.clearance, key.roles) == (("pages",), Secrecy.SENSITIVE, ())


def test_one_person_is_one_key_and_the_id_tells_nobody_who():
    rights = Rights(grants=(PLANNERS,))
    claims = {**CLAIMS, "groups": ["规划科"]}
    first, again = key_of(claims, rights, SECRET), key_of(claims, rights, SECRET)
    assert first.id == again.id
    assert first.user == "u-1"
    others = [
        key_of({**claims, "sub": "u-2"}, rights, SECRET),
        key_of({**claims, "iss": "https://other.example"}, rights, SECRET),
        key_of(claims, rights, b"t" * 32),
    ]
    assert len({first.id, *(key.id for key in others)}) == 4
    assert all(key.id.startswith("oidc-") for key in others)


@pytest.mark.parametrize("groups", [None, [], "", ["规划"], {"规划科": 1}, ["规划科 "], 5])
def test_nothing_is_granted_by_what_is_not_the_very_value(groups):
    with pytest.raises(SignInRefused) as caught:
        key_of({**CLAIMS, "groups": groups}, Rights(grants=(PLANNERS,)), SECRET)
    assert caught.value.body["code"] == "no_permission"
