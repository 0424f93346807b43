"""Mail: subject, sender, recipients and date as first lines, then the body; attachments are told.

unstructured is not used for bodies: it joins lines that <br> or short lines keep apart, leaves out
paragraphs that are a number alone, and loses merged cells.
"""

import contextlib
import email
import email.policy
import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from email.header import Header, decode_header, make_header
from email.message import EmailMessage, MIMEPart
from email.utils import parsedate_to_datetime
from typing import cast

from cspon.errors import InputError
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.encoding import decode
from knowledge_base.parse.html import write_html
from knowledge_base.parse.ooxml import OLE
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText

_LOCKED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_WORDS = re.compile(r"[^\x00-\x7f](?:[^\r\n\"<>,;]*[^\x00-\x7f])?")
_NARROW = re.compile(r"(=\?)(?:gb2312|gbk)(\?)", re.IGNORECASE)
_HTML = 0x1013
"""Property of the body as bytes of HTML; read by its bytes, since its codepage is often wrong."""
_BEIJING = timezone(timedelta(hours=8))
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}


def read_mail(opened: Opened) -> SourceText:
    """Read an .eml file.

    Raises:
        InputError: encrypted, no mail, or a body in no known encoding.
    """
    message = _message(opened.data)
    if not any(message[name] for name in ("From", "Subject", "Date", "Received", "To")):
        raise InputError(
            "不是可读的邮件（.eml）", file=opened.path, mend="在邮箱中另存为 .eml 再试"
        )
    if message.get_content_type() in _LOCKED:
        raise _locked(opened)
    out = SourceBuilder()
    sent = str(message["Date"] or "")
    with contextlib.suppress(ValueError):  # a date in no known form is kept as it is written
        sent = _shown(parsedate_to_datetime(sent))
    _write_head(
        out,
        str(message["Subject"] or ""),
        str(message["From"] or ""),
        [str(value) for value in message.get_all("To", [])],
        sent,
    )
    body = message.get_body(preferencelist=("html", "plain"))
    if body is not None:
        text = _text(body, opened, out)
        _write_body(out, text, is_html=body.get_content_subtype() == "html")
    _tell(out, [part.get_filename() or "" for part in message.iter_attachments()])
    return out.build()


def read_outlook(opened: Opened) -> SourceText:
    """Read an Outlook .msg file.

    Raises:
        InputError: encrypted, no Outlook file, or with a body in RTF only.
        SetupError: python-oxmsg is not installed.
    """
    from knowledge_base.parse.partition import needs

    try:
        from oxmsg import Message
    except ImportError as error:
        raise needs("python-oxmsg") from error
    if not opened.data.startswith(OLE):
        raise InputError(
            "不是可读的 Outlook 邮件（.msg）", file=opened.path, mend="另存为 .eml 再试"
        )
    message = Message.load(io.BytesIO(opened.data))
    headers = {name.lower(): value for name, value in message.message_headers.items()}
    kind = headers.get("content-type", "")
    if any(name in kind for name in _LOCKED) or "SMIME" in (message.message_class or "").upper():
        raise _locked(opened)
    out = SourceBuilder()
    sent = message.sent_date
    _write_head(
        out,
        message.subject or "",
        _decoded(message.sender or ""),
        [f"{r.name} <{r.email_address}>" for r in message.recipients],
        _shown(sent) if sent else "",
    )
    html = message.properties.binary_prop_value(_HTML)
    body = html or (message.html_body or message.body or "").encode()
    if not body.strip():
        raise InputError(
            "邮件没有正文，或正文只有 RTF 格式",
            file=opened.path,
            mend="在 Outlook 中另存为 .eml 或 .html 再试",
        )
    text, notices = decode(body, opened.path)
    out.notices.extend(notices)
    _write_body(out, text, is_html=bool(html or message.html_body))
    _tell(out, [attachment.file_name or "" for attachment in message.attachments])
    return out.build()


def _decoded(header: str) -> str:
    """Return a header as it reads, as it stands where its encoding is unknown."""
    try:
        return str(make_header(decode_header(_NARROW.sub(r"\1gb18030\2", header))))
    except (LookupError, ValueError):
        return header


def _shown(sent: datetime) -> str:
    """Return a time as Beijing shows it; one without a zone as it is."""
    return f"{sent.astimezone(_BEIJING) if sent.tzinfo else sent:%Y-%m-%d %H:%M}"


def _locked(opened: Opened) -> InputError:
    return InputError(
        "邮件已加密或以签名封装", file=opened.path, mend="在邮箱中解开后另存为 .eml 再入库"
    )


def _message(data: bytes) -> EmailMessage:
    """Parse a mail; headers in raw GBK or UTF-8, and GBK named GB2312, are made standard first."""
    match = re.search(rb"\r?\n\r?\n", data)
    end = match.start() if match else len(data)
    try:
        head = data[:end].decode("utf-8")
    except UnicodeDecodeError:
        head = data[:end].decode("gb18030", "replace")
    head = _WORDS.sub(lambda m: Header(m[0], "utf-8", 10**6).encode(), head)
    head = _NARROW.sub(r"\1gb18030\2", head)
    return email.message_from_bytes(head.encode() + data[end:], policy=email.policy.default)


def _text(part: MIMEPart, opened: Opened, out: SourceBuilder) -> str:
    """Decode a body by its declared encoding where that succeeds, else by what it looks like."""
    data = cast(bytes, part.get_payload(decode=True) or b"")
    declared = (part.get_content_charset() or "").lower()
    if declared and declared != "us-ascii":
        try:
            return data.decode(_WIDER.get(declared, declared))
        except (LookupError, UnicodeDecodeError):
            out.notices.append(f"邮件声明的编码 {declared} 与正文不符，已按正文识别")
    text, notices = decode(data, opened.path)
    out.notices.extend(notices)
    return text


def _write_head(
    out: SourceBuilder, subject: str, sender: str, recipients: Sequence[str], sent: str
) -> None:
    if subject := " ".join(subject.split()):
        out.line(f"# {subject}")
        out.properties["title"] = subject
    for label, value in (("发件人", sender), ("收件人", "、".join(recipients)), ("发送时间", sent)):
        if value := " ".join(value.split()):
            out.line(f"{label}：{value}")
    if sender.strip():
        out.properties["author"] = " ".join(sender.split())
    if sent:
        out.properties["created"] = sent


def _write_body(out: SourceBuilder, text: str, *, is_html: bool) -> None:
    if is_html:
        write_html(out, text)
        return
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        out.line(line.strip())


def _tell(out: SourceBuilder, attachments: Sequence[str]) -> None:
    if attachments:
        names = "、".join(name.strip() or "未命名" for name in attachments)
        out.notices.append(
            f"邮件有 {len(attachments)} 个附件未打开（{names}），需要时另存后单独入库"
        )
