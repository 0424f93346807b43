"""What of a passage is embedded and indexed, and the recipe's version that every cache key carries.

A change of `embedding_text` that changes any vector must change `RECIPE`: the vector cache and the
shipped vectors are keyed by it.
"""

import hashlib
import re
from collections.abc import Sequence

from cspon.schemas.knowledge import Passage

RECIPE = "title-article-heading-text/1"

MAX_CHARACTERS = 512
"""Of the embedded text; a longer one adds time, and the model reads 512 tokens at most."""

_PREFIX = "中华人民共和国"
_GENERIC = frozenset(("总则", "通则", "一般规定", "基本规定", "附则", "其他规定"))
_HEADING_NUMBER = re.compile(r"^第\s*[零〇一二三四五六七八九十百]+\s*(编|分编|章|节)\s*")
_QUOTES = str.maketrans("“”‘’「」『』", "\"\"''\"\"''")
_SPACE = re.compile(r"[\s\u200b\ufeff]+")


def plain(text: str) -> str:
    """Collapse white space to nothing and unify quotation marks, so that two prints compare equal."""
    return _SPACE.sub("", text).translate(_QUOTES)


def topics(heading_path: Sequence[str]) -> list[str]:
    """Return what the chapter and section headings are about, leaving out numbers and 总则-like words."""
    names = []
    for heading in heading_path:
        match = _HEADING_NUMBER.match(heading)
        if match and match[1] in ("编", "分编"):
            continue
        name = plain(_HEADING_NUMBER.sub("", heading))
        if name and name not in _GENERIC:
            names.append(name)
    return names


def embedding_text(passage: Passage) -> str:
    """Return the text to embed: short title, article, chapter topic, then the passage itself."""
    title = plain(passage.title).removeprefix(_PREFIX)
    head = f"{title}{passage.article or ''}"
    about = "，".join(topics(passage.heading_path))
    if about:
        head += f"（{about}）"
    return f"{head}：{plain(passage.text)}"[:MAX_CHARACTERS]


def lexical_text(passage: Passage) -> str:
    """Return the text of the lexical route: title, headings, article and the whole passage."""
    return "。".join((passage.title, *passage.heading_path, passage.article or "", passage.text))


def vector_key(text: str, embedder_name: str) -> bytes:
    """Return the cache key (16 bytes) of an embedded text under one embedder and this recipe."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (embedder_name, RECIPE, text):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.digest()
