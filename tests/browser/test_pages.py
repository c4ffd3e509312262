"""Every page in a real browser: no complaint in the console, nothing from other hosts, readable everywhere."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import DESKTOP, PHONE, Browser
from tests.browser.conftest import PASSWORD, USER
from tests.e2e import catalogue
from tests.e2e.catalogue import Provider, Workspace
from tests.waiting import until


def pages(provider: Provider) -> dict[str, str]:
    """Names for the pictures, and addresses."""
    cluster = provider.workspace.cluster
    at = f"/admin/workspaces/object/at/?cluster={cluster}"
    return {
        "dashboard": "/admin/",
        "cachedresources": "/admin/cachedresources/",
        "cachedresource": f"/admin/cachedresources/{cluster}/cpuflavors-v1/",
        "consumers": "/admin/consumers/",
        "objects": "/admin/workspaces/object/",
        "object": f"{at}&group={catalogue.GROUP}&resource=cpuflavors&name=cpu-1",
        "secret": f"{at}&resource=secrets&namespace=kcp-system&name=cpuflavors-v1",
        "workspaces": "/admin/workspaces/workspace/",
        "workspace": f"/admin/workspaces/workspace/{cluster}/change/",
        "tokens": "/admin/workspaces/token/",
        "new-token": "/admin/workspaces/token/add/",
        "users": "/admin/auth/user/",
        "app": "/admin/workspaces/",
    }


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_open_without_a_complaint(
    browser: Browser, provider: Provider, size: tuple[int, int], dark: bool
) -> None:
    browser.look(size=size, dark=dark)
    for name, address in pages(provider).items():
        browser.open(address)
        assert browser.complaints() == [], name
        assert not browser.overflows(), name
        assert browser.find("main").text, name
        browser.picture(f"{name}-{'phone' if size == PHONE else 'desktop'}-{'dark' if dark else 'light'}")


def test_dark_is_dark_and_light_is_light(browser: Browser) -> None:
    def brightness() -> int:
        browser.open("/admin/")
        colour = browser.find("body").value_of_css_property("background-color")
        return sum(int(part) for part in colour.split("(")[1].rstrip(")").split(",")[:3])

    assert brightness() > 700
    browser.look(dark=True)
    assert brightness() < 100


def test_everything_comes_from_this_host(browser: Browser) -> None:
    browser.open("/admin/")
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    loaded = browser.driver.execute_script(script)
    assert loaded and all(name.startswith(browser.url) for name in loaded)


def test_the_dashboard_renews_itself(browser: Browser, provider: Provider) -> None:
    browser.open("/admin/")
    mark = "document.body.dataset.mark = 'the same page'"
    browser.driver.execute_script(mark)
    provider.workspace.create(catalogue.FLAVOURS, catalogue.flavour("cpu-more"))
    browser.until_text("4 objects")
    provider.workspace.delete(f"{catalogue.FLAVOURS}/cpu-more")
    browser.until_text("3 objects")
    assert browser.driver.execute_script("return document.body.dataset.mark") == "the same page"


def test_renewing_leaves_the_keyboard_where_it_was(browser: Browser) -> None:
    browser.open("/admin/")
    link = browser.find("#status table a")
    name = link.text
    browser.driver.execute_script("arguments[0].focus(); arguments[0].id = 'former'", link)
    until(lambda: not browser.has("#former"), what="the page to renew itself")
    assert browser.driver.switch_to.active_element.text == name


def test_the_dashboard_works_without_scripts(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open("/admin/")
        words = browser.find("main").text
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "cpuflavors-v1" in words and "Safe to restart" in words


def test_nothing_is_red_where_all_is_well(browser: Browser, provider: Provider, consumer: Workspace) -> None:
    for name in ("cachedresource", "workspace"):
        browser.open(pages(provider)[name])
        assert browser.has("main .kc-good")
        assert not browser.has("main .kc-bad"), name
    browser.open(pages(provider)["cachedresource"])
    assert "Drifted" in browser.text


def test_filters_work(browser: Browser, provider: Provider, consumer: Workspace) -> None:
    browser.open("/admin/workspaces/object/")
    browser.find("input[name=workspace]").send_keys(provider.workspace.path)
    browser.press("Filter")
    browser.follow_at(f"//*[@id='changelist-filter']//a[text()='cpuflavors.{catalogue.GROUP}']")
    assert "kind=" in browser.driver.current_url
    rows = browser.driver.find_elements(By.CSS_SELECTOR, "#result_list tbody th a")
    assert [row.text for row in rows] == provider.flavours
    browser.find("input[name=label]").send_keys("no-such-label")
    browser.driver.find_elements(By.CSS_SELECTOR, ".kc-filter input[type=submit]")[1].click()
    until(lambda: "0 objects" in browser.text, what="no rows")
    browser.open("/admin/cachedresources/?state=wrong")
    assert "None that these filters keep" in browser.text


def test_the_login_refuses_a_wrong_password(browser: Browser) -> None:
    browser.driver.delete_all_cookies()
    browser.open("/admin/")
    browser.find("#id_username").send_keys(USER)
    browser.find("#id_password").send_keys(PASSWORD[:-1], "\n")
    until(lambda: browser.has(".errornote"), what="the refusal")
    assert "/login/" in browser.driver.current_url


def test_from_the_login_to_a_cachedresource_by_keyboard_alone(browser: Browser) -> None:
    browser.driver.delete_all_cookies()
    browser.open("/admin/")
    assert browser.driver.switch_to.active_element.get_attribute("name") == "username"  # without any key
    browser.key(USER)
    assert browser.key("\t").get_attribute("name") == "password"
    browser.key(PASSWORD)
    browser.key("\n")
    until(lambda: browser.has("#status"), what="the dashboard")
    link = browser.tab_to("cpuflavors-v1")
    outline = link.value_of_css_property("outline-style"), link.value_of_css_property("text-decoration-line")
    assert outline != ("none", "none")  # where the keyboard is can be seen
    browser.key("\n")
    until(lambda: browser.has("button[value=verify]"), what="the page of the CachedResource")
    browser.tab_to("Verify")
    browser.key("\n")
    browser.until_text("equal to their sources")
