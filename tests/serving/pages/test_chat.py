"""The chat page in a real browser: the whole job, the keyboard, and no request to anywhere else."""

import json
import re

import httpx
import pytest

pytestmark = pytest.mark.integration

QUESTION = (
    "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？"
)


@pytest.fixture
def real(gateway, county):
    """The page with the real assistant: no model, no knowledge base, a small county."""
    from agents.assistant import Assistant

    return gateway(
        assistant=Assistant(None, None, county.folder, None), layers=county.folder, ui=True
    )


@pytest.fixture
def boundary_file(tmp_path, geojson):
    path = tmp_path / "产业园.geojson"
    path.write_text(json.dumps(geojson), encoding="utf-8")
    return path


def test_upload_to_answer_with_table_map_and_downloads(real, open_page, boundary_file):
    page = open_page(real)
    page.wait_for_selector(".strip:has-text('合成数据')")
    assert "大模型不可用" in page.inner_text(".strip")
    page.set_input_files("#boundary-input", boundary_file)
    page.wait_for_selector(".picked-name:has-text('产业园.geojson')")
    assert "4.0000 公顷" in page.inner_text("#picked")
    page.fill("#question textarea", QUESTION)
    page.click("#ask")
    page.wait_for_selector(".foot")

    assert page.inner_text(".banner .verdict") == "不符合"
    assert page.inner_text(".asked-text") == QUESTION
    assert re.search(r"占用永久基本农田\s*2\.0000\s*公顷", page.inner_text(".tiles"))
    table = page.locator("section.block", has_text="控制线套合").first
    assert "永久基本农田" in table.inner_text()
    assert page.locator(".rule .badge.bad").count() >= 1
    assert "依据未入库，未核验" in page.inner_text("details.cite >> nth=0")
    drawn = page.evaluate(
        "async () => { const i = document.querySelector('figure.map img'); await i.decode();"
        " return [i.naturalWidth, i.offsetWidth]; }"
    )
    assert drawn[0] > 800
    assert drawn[1] > 500
    for label, start in (("回答 Word", b"PK"), ("回答 Markdown", b"# "), ("回答 JSON", b"{")):
        with page.expect_download() as download:
            page.click(f"a.download:has-text('{label}')")
        assert download.value.path().read_bytes().startswith(start)
    record = (real.services.settings.home / "audit.jsonl").read_text(encoding="utf-8")
    assert json.loads(record)["verdict"] == "不符合"
    assert str(real.services.settings.home) not in page.content()


def test_text_streams_and_clauses_open(gateway, fakes, open_page):
    page = open_page(gateway(ui=True))
    page.evaluate(
        "() => { window.lengths = new Set(); new MutationObserver(() => window.lengths.add("
        "document.querySelector('.text.live')?.innerText.length ?? 0))"
        ".observe(document.body, { subtree: true, childList: true, characterData: true }); }"
    )
    page.fill("#question textarea", "慢：选址？")
    page.press("#question textarea", "Enter")
    page.wait_for_selector(".steps li.now")
    page.wait_for_selector(".foot")
    assert page.evaluate("() => window.lengths.size") > 3
    assert page.locator(".steps li.done").count() == len(fakes.STAGES)
    assert page.locator("b[onclick]").count() == 0
    assert "{{value}} ${1+1}" in page.inner_text(".text")

    first = page.locator("details.cite").first
    assert first.get_attribute("open") is None
    page.locator(".text a.mark").first.click()
    page.wait_for_selector("details.cite[open]")
    assert fakes.QUOTE[:30] in first.inner_text()
    assert "现行有效" in first.inner_text()
    assert "自 2020-01-01 起施行" in first.inner_text()
    assert "尚未施行" in page.inner_text("details.cite >> nth=1")
    assert "依据未入库，未核验" in page.inner_text("details.cite >> nth=2")

    page.fill("#question textarea", "拒答")
    page.click("#ask")
    page.wait_for_selector("#current .refusal")
    assert "需要补充材料" in page.inner_text("#current")
    assert "慢：选址？" in page.inner_text("#earlier")


def test_stop_ends_the_run(gateway, open_page):
    running = gateway(ui=True)
    page = open_page(running)
    page.fill("#question textarea", "请等待")
    page.click("#ask")
    page.wait_for_selector(".steps li.now")
    page.click("#stop")
    page.wait_for_selector(".refusal:has-text('已停止')")
    page.wait_for_selector("#ask:visible")
    page.wait_for_function(
        "() => document.querySelector('#stop') === null || !document.querySelector('#stop').offsetParent"
    )
    for _ in range(100):
        if running.assistant.cancelled.is_set():
            break
        page.wait_for_timeout(50)
    assert running.assistant.cancelled.is_set()


def test_main_controls_by_keyboard(gateway, open_page):
    page = open_page(gateway(ui=True))
    page.wait_for_selector("#question textarea")
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "() => { const e = document.activeElement; return e.id || e.closest('[id]')?.id || ''; }"
            )
        )
    assert "boundary-input" in reached
    assert "ask" in reached
    assert page.get_by_role("textbox", name="问题").count() == 1
    assert page.get_by_role("button", name="提问").count() == 1
    assert page.get_by_label("选择或拖入边界文件").count() == 1
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#question textarea').value.length > 20")
    page.locator("#question textarea").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".foot")
    page.locator("details.cite summary").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("details.cite[open]")


def test_enter_of_an_input_method_does_not_send(gateway, open_page):
    running = gateway(ui=True)
    page = open_page(running)
    page.fill("#question textarea", "选址")
    page.evaluate(
        "document.querySelector('#question textarea').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    page.wait_for_timeout(400)
    assert running.assistant.asked == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("坏.geojson", b"{", "处理办法"),
        ("图.pdf", b"%PDF", "不支持的文件类型"),
        ("空.txt", b"", "空的"),
    ],
)
def test_bad_file_is_told_in_chinese(gateway, watch, tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    watched = watch(gateway(ui=True).url, "#ask")
    watched.page.set_input_files("#boundary-input", tmp_path / name)
    watched.page.wait_for_selector(f".picked-error:has-text('{says}')")
    watched.complaints = [c for c in watched.complaints if "422" not in c]
    watched.close()


def test_narrow_window_needs_no_sideways_scrolling(gateway, open_page):
    page = open_page(gateway(ui=True), size=(900, 900))
    page.fill("#question textarea", "选址？")
    page.click("#ask")
    page.wait_for_selector(".foot")
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    assert page.evaluate("document.querySelector('#talk').scrollWidth") <= page.evaluate(
        "document.querySelector('#talk').clientWidth"
    )


def test_only_needed_routes_of_gradio_answer(gateway):
    url = gateway(ui=True).url
    with httpx.Client(base_url=url) as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/ui/"
        page = client.get("/ui/")
        assert page.status_code == 200
        outside = re.findall(r"(?:src|href)=\"(https?://[^\"]+)", page.text)
        assert outside == []
        for path in (
            "/ui/gradio_api/file=/etc/passwd",
            "/ui/gradio_api/file/etc/passwd",
            "/ui/file=/etc/passwd",
            "/ui/gradio_api/proxy=http://127.0.0.1:1/",
            "/ui/gradio_api/runs",
            "/ui/gradio_api/vibe-code/",
            "/ui/gradio_api/openapi.json",
            "/ui/monitoring",
            "/ui/static/..%2f..%2froutes.py",
            "/ui//gradio_api/upload",
        ):
            assert client.get(path).status_code == 404, path
        upload = client.post("/ui/gradio_api/upload", files={"files": b"x"})
        assert upload.status_code == 404


def test_exports_hand_out_only_their_own_files(gateway):
    running = gateway(ui=True)
    folder = running.services.settings.home / "exports" / ("a" * 32)
    folder.mkdir(parents=True)
    (folder / "answer.md").write_text("文", encoding="utf-8")
    (folder / "other.txt").write_text("秘", encoding="utf-8")
    with httpx.Client(base_url=running.url) as client:
        good = client.get(f"/exports/{'a' * 32}/answer.md")
        assert (good.status_code, good.text) == (200, "文")
        assert good.headers["content-disposition"].startswith("attachment")
        for path in (
            f"/exports/{'a' * 32}/other.txt",
            f"/exports/{'a' * 32}/..%2f..%2faudit.jsonl",
            f"/exports/..%2fexports/{'a' * 32}/answer.md",
            f"/exports/{'b' * 32}/answer.md",
        ):
            assert client.get(path).status_code == 404, path
