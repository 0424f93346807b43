"""Text from outside as safe HTML: escaping, Markdown without raw HTML, links and images, badges."""

import html
import re

from markdown_it import MarkdownIt

from agents.assistant.write import UNSUPPORTED
from cspon.schemas.spatial import Verdict

TONES = {
    Verdict.PASS: "good",
    Verdict.FAIL: "bad",
    Verdict.NEEDS_STUDY: "warn",
    Verdict.MISSING_DATA: "mute",
}

MARK = re.compile(r"〔(\d{1,3})〕")
_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True})
    .enable(["table", "strikethrough"])
    .disable(
        ["image", "link", "autolink", "reference", "html_block", "html_inline", "fence", "code"]
    )
)
_CLOSING = re.compile(r"(\*\*[^*\n]+?)([。；：，、！？])\*\*(?=\w)")
"""CommonMark does not close `**…。**` before a letter: the mark goes before the full stop."""
_VERDICT_LINE = re.compile(rf"[：:]({'|'.join(v.value for v in Verdict)})</strong>")


def esc(value: object) -> str:
    """Escape text; braces, `$` and backticks too, so that no template engine finds its own."""
    text = html.escape(str(value), quote=True)
    return re.sub(r"[{}$`]", lambda m: f"&#{ord(m.group())};", text)


def rich(text: str, turn: str, citations: int) -> str:
    """Render Markdown; marks 〔n〕 become links to the clause n of the turn."""
    body = _markdown.render(_CLOSING.sub(r"\1**\2", text))
    body = re.sub(r"[{}$`]", lambda m: f"&#{ord(m.group())};", body)
    body = body.replace("<table>", '<div class="scroll"><table>').replace(
        "</table>", "</table></div>"
    )
    body = body.replace(UNSUPPORTED, f'<span class="doubt">{UNSUPPORTED}</span>')
    body = _VERDICT_LINE.sub(lambda m: f"</strong> {badge(m.group(1))}", body)

    return link_marks(body, turn, citations)


def link_marks(body: str, turn: str, citations: int) -> str:
    """Make marks 〔n〕 in HTML links to the clauses of a turn."""

    def link(match: re.Match[str]) -> str:
        number = int(match.group(1))
        if not 1 <= number <= citations:
            return match.group()
        target = f"{turn}-c{number}"
        return (
            f'<a class="mark" href="#{target}" data-cite="{target}" '
            f'aria-label="查看依据 {number}">〔{number}〕</a>'
        )

    return MARK.sub(link, body)


def badge(text: str, tone: str | None = None) -> str:
    """Return a badge; a verdict brings its own tone."""
    if tone is None:
        tone = TONES[Verdict(text)] if text in set(Verdict) else "mute"
    return f'<span class="badge {tone}">{esc(text)}</span>'
