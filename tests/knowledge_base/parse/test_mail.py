import struct
from email.message import EmailMessage
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse.mail import read_mail, read_outlook
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.read import read_source

HTML = (
    "<html><head><meta charset=gb2312></head><body><p>各乡镇：</p><p>1</p><h2>一、要求</h2>第一行<br>第二行"
    "<table><tr><th rowspan=2>乡镇</th><th colspan=2>面积（公顷）</th></tr><tr><th>2020</th>"
    "<th>2035</th></tr><tr><td>东河</td><td>12.50</td><td>13</td></tr></table>"
    '<img src="http://example.invalid/x.png"></body></html>'
)
HEAD = [
    "# 关于边界优化的通知",
    "发件人：规划科 <gh@example.gov.cn>",
    "收件人：各乡镇 <xz@example.gov.cn>",
    "发送时间：2025-03-03 09:30",
]


def mail(body: str = "各乡镇：\n\n    一、3月31日前报送。\n1\n12.5\n") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "关于边界优化的通知"
    message["From"] = "规划科 <gh@example.gov.cn>"
    message["To"] = "各乡镇 <xz@example.gov.cn>"
    message["Date"] = "Mon, 03 Mar 2025 01:30:00 +0000"
    message.set_content(body)
    return message


def test_the_head_comes_first_and_lines_stay_apart(tmp_path):
    path = tmp_path / "通知.eml"
    path.write_bytes(mail().as_bytes())
    source = read_source(path)
    assert source.text.rstrip("\n").split("\n") == [
        *HEAD,
        *["各乡镇：", "", "一、3月31日前报送。", "1", "12.5"],
    ]
    assert source.properties["title"] == "关于边界优化的通知" and not source.notices


def test_html_is_preferred_and_attachments_are_told(opened):
    message = mail()
    message.add_alternative(HTML, subtype="html")
    message.add_attachment(b"PK", maintype="application", subtype="zip", filename="附件1.zip")
    source = read_mail(opened(message.as_bytes(), "通知.eml"))
    assert source.text.split("\n") == [
        *HEAD,
        *["各乡镇：", "1", "## 一、要求", "第一行", "第二行"],
        "乡镇：东河；面积（公顷）/2020：12.50；面积（公顷）/2035：13",
    ]
    assert "rowspan" in source.tables[0].html
    assert source.notices == ("邮件有 1 个附件未打开（附件1.zip），需要时另存后单独入库",)


@pytest.mark.parametrize("declared", ["gb2312", "GBK", "no-such-charset", "us-ascii", ""])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_headers_and_bodies_in_raw_bytes_are_read(opened, declared, encoding):
    charset = f"; charset={declared}" if declared else ""
    head = (
        "Subject: 关于朱镕基同志视察的通知\r\nFrom: 规划科 <gh@example.gov.cn>\r\n"
        f"Content-Type: text/plain{charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    body = "到2035年，永久基本农田保护面积不低于规定数量。朱镕基同志视察。"
    source = read_mail(opened((head + body).encode(encoding), "通知.eml"))
    assert source.text.split("\n") == [
        "# 关于朱镕基同志视察的通知",
        "发件人：规划科 <gh@example.gov.cn>",
        body,
    ]


@given(
    st.lists(
        st.text(st.characters(whitelist_categories=("L", "N"), max_codepoint=0x9FFF), min_size=1),
        max_size=6,
    ),
    st.sampled_from(["utf-8", "gb18030"]),
    st.sampled_from(["base64", "quoted-printable"]),
)
@settings(deadline=None)
def test_every_line_of_a_body_is_kept(tmp_path_factory, lines, charset, cte):
    message = mail()
    message.set_content("\n".join(lines) + "\n", charset=charset, cte=cte)
    path = tmp_path_factory.getbasetemp() / "a.eml"
    text = read_mail(Opened(path, message.as_bytes())).text
    assert [line for line in text.split("\n")[4:] if line] == lines


def test_what_is_no_mail_or_locked_is_refused(opened):
    with pytest.raises(InputError, match="不是可读的邮件"):
        read_mail(opened("甲乙丙".encode(), "a.eml"))
    locked = (
        b"From: a@b.cn\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx"
    )
    with pytest.raises(InputError, match="加密"):
        read_mail(opened(locked, "a.eml"))


def compound(streams: dict[str, bytes]) -> bytes:
    """Write an OLE file of streams from 4,096 bytes on; `folder/stream` stands in a storage."""
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    folders = sorted({name.split("/")[0] for name in streams if "/" in name})
    entries: list[list] = [["Root Entry", 5, none, none, end, 0]]
    data, chain = b"", []

    def add(name: str, body: bytes) -> int:
        nonlocal data
        start, count = len(chain), -(-len(body) // 512)
        chain.extend([*range(start + 1, start + count), end][:count])
        data += body.ljust(count * 512, b"\0")
        entries.append([name, 2, none, none, start if count else end, len(body)])
        return len(entries) - 1

    def link(parent: int, members: list[int]) -> None:
        entries[parent][3] = members[0] if members else none
        for one, other in pairwise(members):
            entries[one][2] = other

    top = [add(name, body) for name, body in streams.items() if "/" not in name]
    for folder in folders:
        entries.append([folder, 1, none, none, 0, 0])
        at = len(entries) - 1
        inner = [(n, b) for n, b in streams.items() if n.startswith(f"{folder}/")]
        link(at, [add(n.split("/")[1], b) for n, b in inner])
        top.append(at)
    link(0, top)
    listed = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0")
        + struct.pack("<HBBIII36xIQ", 2 * len(name) + 2, kind, 1, none, right, child, start, size)
        for name, kind, right, child, start, size in entries
    )
    listed = listed.ljust(-(-len(listed) // 512) * 512, b"\0")
    first, count = len(chain), len(listed) // 512
    chain.extend([*range(first + 1, first + count), end])
    tables = -(-(len(chain) + 1) // 127)
    place = len(chain)
    chain.extend([0xFFFFFFFD] * tables)
    fat = b"".join(struct.pack("<I", x) for x in chain).ljust(tables * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, first, 0, 4096, end, 0, end, 0, 0
    )
    header = header[:76] + b"".join(
        struct.pack("<I", place + n if n < tables else free) for n in range(109)
    )
    return header + data + listed + fat


def outlook(properties: dict[int, str | bytes], attachment: str = "") -> bytes:
    """Write a .msg of strings and bytes by (id << 16 | type); they are filled up with spaces."""

    def streams(folder: str, head: bytes, values: dict[int, str | bytes]) -> dict[str, bytes]:
        filled = {
            key: value.ljust(2048).encode("utf-16-le")
            if isinstance(value, str)
            else value.ljust(4096)
            for key, value in values.items()
        }
        told = b"".join(struct.pack("<IIII", key, 6, len(v) + 2, 0) for key, v in filled.items())
        return {f"{folder}__properties_version1.0": (head + told).ljust(4096, b"\0")} | {
            f"{folder}__substg1.0_{key:08X}": value for key, value in filled.items()
        }

    found = streams("", struct.pack("<8xIIII8x", 0, 1, 0, bool(attachment)), properties)
    if attachment:
        found |= streams("__attach_version1.0_#00000000/", bytes(8), {0x3707001F: attachment})
    return compound(found)


SUBJECT, HEADERS, BODY, PAGE, KIND = 0x0037001F, 0x007D001F, 0x1000001F, 0x10130102, 0x001A001F


@pytest.fixture
def message():
    pytest.importorskip("oxmsg", reason="extra `partition` is not installed")
    return {
        SUBJECT: "关于边界优化的通知",
        HEADERS: "From: =?gb2312?B?uea7rr/G?= <gh@example.gov.cn>\r\n\r\n",
    }


def test_an_outlook_mail_is_read(opened, message):
    data = outlook(message | {BODY: "各乡镇：\r\n1\r\n12.5"}, "附件1.zip")
    source = read_outlook(opened(data, "通知.msg"))
    assert source.text.split("\n") == [
        "# 关于边界优化的通知",
        "发件人：规划科 <gh@example.gov.cn>",
        *["各乡镇：", "1", "12.5"],
    ]
    assert "附件1.zip" in source.notices[0]


def test_an_outlook_page_is_read_by_its_bytes(opened, message):
    source = read_outlook(opened(outlook(message | {PAGE: HTML.encode("gb18030")}), "通知.msg"))
    assert source.text.endswith("乡镇：东河；面积（公顷）/2020：12.50；面积（公顷）/2035：13")


def test_an_outlook_mail_that_cannot_be_read_is_refused(opened, message):
    for data, words in (
        (outlook(message), "RTF"),
        (outlook(message | {KIND: "IPM.Note.SMIME"}), "加密"),
        (b"x", "不是可读的 Outlook"),
    ):
        with pytest.raises(InputError, match=words):
            read_outlook(opened(data, "通知.msg"))
