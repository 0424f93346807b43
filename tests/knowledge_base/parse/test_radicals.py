"""Radical signs become the characters that they look like."""

import unicodedata

from knowledge_base.parse.radicals import RADICALS


def test_what_a_browser_prints_reads_as_what_was_written():
    assert "⽰范市第⼋条，⾃⼆〇⼆四年⼀⽉⼀⽇起施⾏，⻓期有效，⼈⺠⻔⻚".translate(RADICALS) == (
        "示范市第八条，自二〇二四年一月一日起施行，长期有效，人民门页"
    )


def test_every_radical_becomes_one_character_outside_the_radicals():
    assert len(RADICALS) > 300
    for code, character in RADICALS.items():
        assert 0x2E80 <= code <= 0x2FD5
        assert "RADICAL" in unicodedata.name(chr(code))
        assert len(character) == 1
        assert "CJK UNIFIED" in unicodedata.name(character)
