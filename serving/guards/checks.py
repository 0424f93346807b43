"""Checks by which a number shows that it is what it looks like: digits are many, checksums few."""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from operator import mul

PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
        "91",
    ]
)
"""First two digits of an area code (GB/T 2260; 81–83: residence permits, 91: foreigners)."""
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11643—1999: 2 to the power of the place, modulo 11."""
CHARACTERS = "10X98765432"
OLDEST = 1850
LEAST_BITS = 3.0
"""Bits a character of a made secret; words of a language have fewer at such lengths."""


def digits(text: str) -> str:
    """Leave out what groups a number: spaces and hyphens."""
    return text if text.isalnum() else re.sub(r"[\s\-]", "", text)


def id_number(text: str) -> bool:
    """Say whether a text is a citizen's number: area, date of birth and check character.

    GB 11643—1999: the check character is the sum of the weighted digits modulo 11 (ISO 7064 MOD 11-2).
    """
    number = digits(text).upper()
    if len(number) != 18 or number[:2] not in PROVINCES or not _is_date(number[6:14]):
        return False
    total = sum(map(mul, map(int, number[:17]), WEIGHTS))
    return CHARACTERS[total % 11] == number[17]


def old_id_number(text: str) -> bool:
    """Say whether a text is a citizen's number of 15 digits, issued before 1999: it has no check."""
    number = digits(text)
    return len(number) == 15 and number[:2] in PROVINCES and _is_date(f"19{number[6:12]}")


def _is_date(text: str) -> bool:
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return day.year >= OLDEST


def bank_card(text: str) -> bool:
    """Say whether a text is a card number: 16 to 19 digits, Luhn (ISO/IEC 7812-1, annex B)."""
    number = digits(text)
    if not 16 <= len(number) <= 19 or len(set(number)) < 4:
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mobile(text: str) -> bool:
    """Say whether eleven digits may be a mobile number: not one digit again and again."""
    return len(set(digits(text))) > 2


def web_token(text: str) -> bool:
    """Say whether a text is a JSON web token (RFC 7519): its head is an object with `alg`."""
    head = text.split(".", 1)[0]
    try:
        said = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(said, dict) and "alg" in said


def random_looking(text: str) -> bool:
    """Say whether a text has the entropy of a made secret, not of a word or a row of x."""
    counts, n = Counter(text), len(text)
    bits = -sum(c / n * math.log2(c / n) for c in counts.values())
    return bits >= LEAST_BITS


def password_like(text: str) -> bool:
    """Say whether what follows 密码 is one: two kinds of characters at least, and no word of a manual."""
    kinds = [bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")]
    return sum(kinds) >= 2 and bool(re.search("[0-9]", text)) and len(set(text)) > 3


def exact_point(text: str) -> bool:
    """Say whether the numbers of a text may be a place in China, not an area or a price.

    Longitude 73–136 and latitude 3–54 in degrees, or a pair in metres of a Gauss–Krüger grid.
    """
    found = [float(n) for n in re.findall(r"\d{1,8}(?:\.\d+)?", text)]
    degrees = any(73 <= n <= 136 for n in found) or any(3 <= n <= 54 for n in found)
    metres = any(300_000 <= n <= 6_000_000 for n in found)
    return degrees or metres


CHECKS: dict[str, Callable[[str], bool]] = {
    "id_number": id_number,
    "old_id_number": old_id_number,
    "bank_card": bank_card,
    "mobile": mobile,
    "web_token": web_token,
    "random_looking": random_looking,
    "exact_point": exact_point,
    "password_like": password_like,
}
"""By the names that rules use."""
