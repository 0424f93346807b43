import itertools

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document
from knowledge_base.access import EVERYONE, access, as_open_as, may_read, readable_by
from knowledge_base.store.protocol import Where

DOCUMENTS = [
    Document(id="d", title="t", secrecy=secrecy, department=department, roles=roles)
    for secrecy, department, roles in itertools.product(
        Secrecy, (None, "甲处", "乙处"), ((), ("审批",), ("审批", "编制"))
    )
]
READERS = [
    Principal(clearance=clearance, departments=departments, roles=roles)
    for clearance, departments, roles in itertools.product(
        Secrecy, ((), ("甲处",), ("甲处", "乙处")), ((), ("编制",), ("审批",))
    )
]


@pytest.mark.parametrize(
    ("given", "readable"),
    [
        ({}, True),
        ({"secrecy": Secrecy.INTERNAL}, True),
        ({"secrecy": Secrecy.SENSITIVE}, False),
        ({"department": "甲处"}, True),
        ({"department": "乙处"}, False),
        ({"roles": ("审批", "编制")}, True),
        ({"roles": ("审批",)}, False),
    ],
)
def test_level_department_and_role_must_all_fit(given, readable):
    reader = Principal(departments=("甲处",), roles=("编制",))
    assert may_read(reader, Document(id="d", title="t", **given)) is readable


def test_the_condition_narrows_and_keeps_the_rest():
    reader = Principal(clearance=Secrecy.PUBLIC, departments=("甲处",), roles=("编制",))
    where = readable_by(reader, Where(article_key="3", max_secrecy=2, departments=("乙处",)))
    assert where == Where(
        article_key="3", max_secrecy=0, departments=("", "甲处"), roles=("", "编制")
    )
    assert readable_by(EVERYONE) == Where(max_secrecy=1)


def test_everyone_reaches_internal_texts_of_all_and_no_sensitive_one():
    for document in DOCUMENTS:
        assert may_read(EVERYONE, document) is (document.secrecy is not Secrecy.SENSITIVE)


def test_no_permission_is_never_said_of_a_sensitive_text():
    for reader, document in itertools.product(READERS, DOCUMENTS):
        found = access(reader, [document])
        if may_read(reader, document):
            assert found == "readable"
        elif document.secrecy is Secrecy.SENSITIVE:
            assert found == access(reader, []) == "not_in_base"
        else:
            assert found == "no_permission"


def test_as_open_as_means_that_every_reader_of_the_other_may_read_it():
    for item, other in itertools.product(DOCUMENTS, DOCUMENTS):
        if as_open_as(item, other):
            assert all(may_read(r, item) for r in READERS if may_read(r, other))
    assert all(as_open_as(document, document) for document in DOCUMENTS)
    assert all(as_open_as(DOCUMENTS[0], other) for other in DOCUMENTS)
