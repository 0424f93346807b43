"""The knowledge base's pages in a real browser: search, open at the place, graph, edit, upload."""

import os
import re
from pathlib import Path

import httpx
import pytest

from knowledge_base.store.sparse import copy_tree

pytestmark = pytest.mark.integration

PLAN = """<meta charset="utf-8"><style>body { font: 15pt/2 "Noto Sans CJK SC" }</style>
<h1>示范市详细规划管理办法</h1>
<p>第一条　为了规范详细规划，根据《甲市矿坑修复管理办法》，制定本办法。</p>
<p>第二条　详细规划草案应当公告，公告的时间不得少于三十日。</p>
<p style="page-break-before: always">第三条　本办法自2024年3月1日起施行。</p>"""


@pytest.fixture(scope="module")
def plan(browser, tmp_path_factory):
    """A PDF of two pages, printed by the browser."""
    path = tmp_path_factory.mktemp("plan") / "示范市详细规划管理办法.pdf"
    page = browser.new_page()
    page.set_content(PLAN)
    page.pdf(path=path, format="A4", margin={"top": "25mm", "left": "25mm", "right": "25mm"})
    page.close()
    return path


@pytest.fixture(scope="module")
def served(kb_home, fakes, kb_texts, start_kb, plan, tmp_path_factory):
    """A gateway on a base with the plan in it; `keep` saves a picture where one is asked for."""

    from cspon.schemas.base import Secrecy
    from knowledge_base.ingest.build import add_paths

    home = tmp_path_factory.mktemp("pages") / "home"
    copy_tree(kb_home, home)
    add_paths(home / "kb", [plan], embedder=kb_texts.embedder(), secrecy=Secrecy.PUBLIC, ocr=False)
    with start_kb(home, fakes, kb_texts) as started:
        yield started


def keep(page, name):
    """Save a picture for the eye when CSPON_PICTURES names a folder."""
    if folder := os.environ.get("CSPON_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_from_a_question_to_its_place_in_the_pdf(served, open_page):
    page = open_page(served, "/kb", "input[type=search]")
    page.fill("input[type=search]", "详细规划草案公告时间不得少于三十日")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    keep(page, "search")
    first = page.locator(".hit").first
    assert "《示范市详细规划管理办法》第二条" in first.inner_text()
    assert "现行有效" in first.inner_text()
    assert first.locator("mark").count() >= 1
    first.locator("h2 a").click()
    page.wait_for_selector("#page-image")
    size = page.evaluate(
        "async () => { const i = document.querySelector('#page-image'); await i.decode();"
        " return [i.naturalWidth, i.naturalHeight]; }"
    )
    assert size[0] > 600
    assert _marked(page), "the box stands on the page"
    assert "第二条" in page.inner_text("#here")
    keep(page, "open")
    page.click("text=下一页")
    page.wait_for_selector("text=回到所引位置")
    assert "第 2 页" in page.inner_text(".pager")
    page.click("text=引用关系图")
    page.wait_for_selector("#canvas svg")


def _marked(page):
    """Whether the picture has pixels of the box's colour."""
    return page.evaluate(
        """() => {
          const image = document.querySelector('#page-image');
          const canvas = Object.assign(document.createElement('canvas'),
            { width: image.naturalWidth, height: image.naturalHeight });
          const pen = canvas.getContext('2d');
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
          let n = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i] - data[i + 2] > 40) n += 1;
          return n > 500;
        }"""
    )


def test_filters_narrow_the_hits(served, open_page):
    page = open_page(served, "/kb?q=矿坑修复方案", ".hit")
    everything = page.locator(".hit").count()
    page.fill("input[type=date]", "2020-01-01")
    page.click("text=应用筛选")
    page.wait_for_selector("text=效力按 2020-01-01 判断")
    assert page.locator(".hit").count() < everything
    page.check("input[name=repealed]")
    page.click("text=应用筛选")
    page.wait_for_selector(".hit .badge:has-text('尚未施行')")


def test_graph_is_drawn_listed_and_walked(served, open_page):
    page = open_page(served, "/kb/graph?title=甲市矿坑修复管理办法&article=第二条", "#canvas svg")
    keep(page, "graph")
    nodes = page.locator("#canvas a.node")
    assert nodes.count() >= 2
    assert page.locator("#canvas path.edge").count() >= 1
    assert "乙市矿坑修复工作规程" in page.inner_text("#lists")
    nodes.filter(has_text="乙市").first.click()
    page.wait_for_selector("h1:has-text('乙市矿坑修复工作规程')")


def test_metadata_is_edited_by_hand(served, open_page):
    page = open_page(served, "/kb/documents?text=丁市", "table.list a")
    page.click("table.list a")
    page.wait_for_selector("#metadata")
    page.click("#edit")
    page.fill("[name=issuer]", "丁市自然资源局")
    keep(page, "document")
    page.click("text=保存修改")
    page.wait_for_selector("#metadata:not(.editing) .by-person")
    row = page.locator(".fields tr", has_text="发文机关")
    assert "丁市自然资源局" in row.inner_text()
    assert "人工" in row.inner_text()


def test_files_are_uploaded_and_followed_to_the_end(served, open_page, tmp_path):
    good, empty = tmp_path / "子市采石场关闭办法.md", tmp_path / "空白.txt"
    good.write_text(
        "# 子市采石场关闭办法\n\n第一条 制定本办法。\n\n第二条 应当编制方案。\n", "utf-8"
    )
    empty.touch()
    page = open_page(served, "/kb/ingest", "#upload")
    page.set_input_files("#files", [good, empty])
    page.select_option("[name=secrecy]", "内部")
    page.click("#send")
    page.wait_for_selector(".batch .badge:has-text('完成')")
    keep(page, "ingest")
    assert "新增 1 份" in page.inner_text(".batch .step")
    assert "空白.txt" in page.inner_text(".batch .failures")
    page.click(".batch .docs a")
    page.wait_for_selector("h1:has-text('子市采石场关闭办法')")


def test_narrow_window_needs_no_sideways_scrolling(served, open_page):
    for path in ("/kb?q=矿坑修复", "/kb/documents", "/kb/ingest", "/kb/graph"):
        page = open_page(served, path, "main", size=(400, 800))
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path


def test_pages_are_strict_and_whole_without_scripts(served):
    reply = httpx.get(
        f"{served.url}/kb/graph",
        params={"title": "甲市矿坑修复管理办法", "article": "2"},
        timeout=60,
    )
    policy = reply.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert reply.headers["cache-control"] == "no-store"
    assert not re.search(r"<script>|\son\w+=|style=|https?://(?!www\.w3\.org)", reply.text)
    assert "乙市矿坑修复工作规程" in reply.text


def test_page_image_is_private_cached_and_for_readers_alone(served):
    def get(path, **more):
        return httpx.get(f"{served.url}{path}", timeout=60, **more)

    hits = get("/v1/kb/search", params={"query": "示范市详细规划管理办法第二条", "k": 1}).json()
    place = hits["hits"][0]["place"]
    assert place["page"] == 1
    assert place["boxes"]
    image = get(place["image"], params={"dpi": 60})
    assert image.content.startswith(b"\x89PNG")
    assert image.headers["cache-control"].startswith("private")
    tag = {"if-none-match": image.headers["etag"]}
    assert get(place["image"], params={"dpi": 60}, headers=tag).status_code == 304
    assert get(place["image"], params={"dpi": 61}, headers=tag).status_code == 200
    assert get(place["image"], params={"page": 99}).status_code == 422
    number = hits["hits"][0]["document_id"]
    secret = httpx.patch(
        f"{served.url}/v1/kb/documents/{number}", json={"secrecy": "敏感"}, timeout=60
    )
    assert secret.status_code == 200, secret.text
    hidden = get(place["image"], params={"dpi": 60}, headers={**tag, "x-as": "internal"})
    assert hidden.status_code == 404
