"""Sign-in in a real browser, the provider being another site: cookies and policies as browsers hold them."""

import pytest

pytestmark = pytest.mark.integration


def test_there_and_back_and_out_again(sso, provider, browser):
    started = sso(host="127.0.0.2")
    provider.tell(form=True)
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    blocked = []
    page.on(
        "console",
        lambda said: blocked.append(said.text) if "Content Security Policy" in said.text else None,
    )
    page.goto(f"{started.url}/kb")
    assert page.url == f"{started.url}/login?next=/kb"
    page.click("#oidc")
    page.wait_for_url(f"{provider.issuer}/authorize?**")
    page.click("#ok")
    page.wait_for_url(f"{started.url}/kb")
    button = page.get_by_role("button", name="退出 张工")
    button.wait_for()
    kept = {cookie["name"]: cookie for cookie in context.cookies(started.url)}
    assert set(kept) == {"cspon_session"}
    assert (kept["cspon_session"]["httpOnly"], kept["cspon_session"]["sameSite"]) == (
        True,
        "Strict",
    )
    button.click()
    page.wait_for_url(f"{started.url}/login")
    assert "/end" in provider.asked()
    assert context.cookies(started.url) == []
    page.goto(f"{started.url}/kb")
    assert page.url == f"{started.url}/login?next=/kb"
    assert blocked == []
    context.close()
