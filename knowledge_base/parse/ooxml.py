"""The container of Office files and electronic books: XML parts and relations, read without following anything.

Nothing outside the file is fetched: external templates, pictures and links are only told. XML with
a DOCTYPE (entity expansion, external entities) is refused.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lxml import etree

from cspon.errors import InputError
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.zip_guard import check_container, chunks

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DOCTYPES = tuple("<!DOCTYPE".encode(e) for e in ("utf-8", "utf-16-le", "utf-16-be"))
_STRICT = (
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    ),
    (
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    ),
)
_RELATION_KINDS = {
    "attachedTemplate": "远程模板",
    "image": "外链图片",
    "oleObject": "外链对象",
    "aFChunk": "外部嵌入文档",
    "subDocument": "外部子文档",
    "frame": "外部框架",
    "externalLinkPath": "外部工作簿",
    "video": "外链视频",
    "audio": "外链音频",
}


@dataclass(frozen=True)
class Relation:
    """Where a part points."""

    kind: str
    target: str
    external: bool


class Package:
    """An Office Open XML file, opened from bytes."""

    def __init__(self, opened: Opened, *, kind: str, mend: str) -> None:
        """Open and check the container.

        Args:
            opened: The file.
            kind: What it should be, for messages, e.g. Word 文件.
            mend: What to do when it is not.

        Raises:
            InputError: encrypted, damaged, a bomb, or no such file.
        """
        self.path, self.kind, self.mend = opened.path, kind, mend
        if opened.data.startswith(OLE):
            encrypted = "EncryptedPackage".encode("utf-16-le") in opened.data
            raise InputError(
                f"{kind}已加密" if encrypted else f"不是可读的{kind}：内容是旧版格式",
                file=opened.path,
                mend="取消密码后另存再试" if encrypted else mend,
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(opened.data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise InputError(f"不是可读的{kind}", file=opened.path, mend=mend) from error
        check_container(self._zip, opened.path)
        self.names = {name.lstrip("/"): name for name in self._zip.namelist()}

    def bytes_of(self, name: str) -> bytes | None:
        """Return a part's bytes, None when there is none."""
        real = self.names.get(name)
        if real is None:
            return None
        return b"".join(chunks(self._zip, self._zip.getinfo(real), self.path))

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield a part's bytes in pieces; `name` as the container spells it."""
        return chunks(self._zip, self._zip.getinfo(name), self.path)

    def xml(self, name: str) -> Any | None:
        """Return a part's root element, None when there is no such part.

        Raises:
            InputError: not well-formed, or with a DOCTYPE.
        """
        data = self.bytes_of(name)
        return None if data is None else self._parsed(data)

    def refuse_doctype(self, name: str) -> None:
        """Look through a part that another library will parse.

        Raises:
            InputError: it has a DOCTYPE.
        """
        tail = b""
        for chunk in self.stream(self.names[name]):
            if any(mark in tail + chunk for mark in _DOCTYPES):
                raise self._doctype()
            tail = chunk[-32:]

    def _doctype(self) -> InputError:
        return InputError(
            f"{self.kind}内含 DOCTYPE 声明（可能引用外部实体）", file=self.path, mend=self.mend
        )

    def _parsed(self, data: bytes) -> Any:
        if b"purl.oclc.org" in data[:4096]:
            for strict, usual in _STRICT:
                data = data.replace(strict, usual)
        parser = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            root = etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise InputError(
                f"{self.kind}内部的 XML 已损坏", file=self.path, mend=self.mend
            ) from error
        if root.getroottree().docinfo.doctype:
            raise self._doctype()
        return root

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the relations of a part by id; empty when it has none."""
        folder, name = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        if root is None:
            return {}
        found: dict[str, Relation] = {}
        for element in root:
            external = element.get("TargetMode") == "External"
            target = element.get("Target") or ""
            if not external:
                target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            kind = (element.get("Type") or "").rsplit("/", 1)[-1]
            found[element.get("Id") or ""] = Relation(kind, target, external)
        return found

    @cached_property
    def main_part(self) -> str:
        """Name of the document or workbook part.

        Raises:
            InputError: there is none.
        """
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and relation.target in self.names:
                return relation.target
        raise InputError(f"不是可读的{self.kind}", file=self.path, mend=self.mend)

    def notices(self) -> list[str]:
        """Tell macros and what the file would fetch from elsewhere; neither is run nor fetched."""
        told: list[str] = []
        if any(name.lower().endswith(("vbaproject.bin", "vbadata.xml")) for name in self.names):
            told.append("文件含宏，只读取文字，宏未运行")
        kinds = {
            _RELATION_KINDS[relation.kind]
            for name in self.names
            if name.endswith(".rels")
            for relation in self.relations(_part_of(name)).values()
            if relation.external and relation.kind in _RELATION_KINDS
        }
        if kinds:
            told.append(f"文件引用外部内容（{'、'.join(sorted(kinds))}），未取用")
        return told

    def core_properties(self) -> dict[str, str]:
        """Return title, author, created and modified as the file states them."""
        root = next((self.xml(n) for n in ("docProps/core.xml",) if n in self.names), None)
        if root is None:
            return {}
        wanted = {
            "title": "title",
            "creator": "author",
            "created": "created",
            "modified": "modified",
        }
        return {
            wanted[name]: text
            for element in root
            if (name := etree.QName(element).localname) in wanted
            and (text := (element.text or "").strip())
        }


def _part_of(rels: str) -> str:
    folder, name = posixpath.split(rels)
    return posixpath.join(posixpath.dirname(folder), name.removesuffix(".rels"))
