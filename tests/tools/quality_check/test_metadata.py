import pytest


def about(quality, *checks):
    return [(f.check, f.field) for f in quality.findings if f.check in checks]


CHECKS = ("metadata_fields", "metadata_system", "height_declared")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("secrecy", "普通", [("metadata_fields", "secrecy")]),
        ("date", "2026-02-30", [("metadata_fields", "date")]),
        ("crs", "4548", [("metadata_system", "crs")]),
        ("crs", "epsg：4547", []),
        ("heightDatum", "5737", []),
        ("heightDatum", "EPSG:5736", [("height_declared", "heightDatum")]),
    ],
)
def test_each_element_is_held_against_what_is(draft, write, name, value, expected):
    draft.metadata[name] = value
    assert about(write(draft).check(), *CHECKS) == expected


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE m [<!ENTITY a "aaaa">]><metadata><title>&a;</title></metadata>',
        "<metadata/>".encode("utf-16"),
        b"<metadata><title>",
        b'<?xml version="1.0" encoding="no-such"?><metadata/>',
    ],
)
def test_entities_and_broken_files_are_refused_as_a_finding(draft, write, content):
    written = write(draft)
    next((written.place / "元数据").iterdir()).write_bytes(content)
    said = [f.message for f in written.check().findings if f.check == "metadata_fields"]
    assert len(said) == 1
    assert "无法读取" in said[0]


def test_namespaces_do_not_matter(draft, write):
    written = write(draft)
    file = next((written.place / "元数据").iterdir())
    text = file.read_text(encoding="utf-8").replace("<metadata>", '<metadata xmlns="urn:x">')
    file.write_text(text, encoding="utf-8")
    assert about(written.check(), *CHECKS) == []
