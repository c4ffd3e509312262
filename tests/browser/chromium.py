"""A real headless Chromium, driven as a person would: by what is on the page and by the keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.servers import PROJECT, Server
from tests.waiting import until

ARTEFACTS = PROJECT / "artefacts"
DESKTOP, PHONE = (1280, 900), (390, 844)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # a page that needs another host fails here
)


def binaries() -> tuple[str, str] | None:
    """The browser and its driver; None where they are not installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One browser window, at one server."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    # Going

    def open(self, path: str) -> None:
        """Open a page of the server."""
        self.driver.get(self.url + path)

    def login(self, user: str, password: str) -> None:
        """Through the form, from the first page."""
        self.driver.delete_all_cookies()
        self.open("/admin/")
        self.find("#id_username").send_keys(user)
        self.find("#id_password").send_keys(password, Keys.ENTER)
        until(lambda: "/login/" not in self.driver.current_url, what=f"the login of {user}")

    def follow(self, text: str) -> None:
        """Click the link with this text, and wait until another page is there."""
        self._leave_by(By.LINK_TEXT, text)

    def follow_at(self, path: str) -> None:
        """The same with the link at an XPath."""
        self._leave_by(By.XPATH, path)

    def press(self, text: str) -> None:
        """Click the button with this text, and wait until another page is there."""
        self._leave_by(
            By.XPATH,
            f"//main//button[normalize-space()='{text}'] | //main//input[@type='submit'][@value='{text}']",
        )

    def _leave_by(self, by: str, what: str) -> None:
        before = self.driver.find_element(By.TAG_NAME, "html")
        try:
            self.driver.find_element(by, what).click()
        except StaleElementReferenceException:  # the page has just renewed that part of itself
            self.driver.find_element(by, what).click()
        self.until_left(before)

    def until_left(self, before: WebElement) -> None:
        """Wait until the page of an element was replaced, and the new one is loaded."""

        def is_another() -> bool:
            found = self.driver.find_elements(By.TAG_NAME, "html")  # none between two pages
            return bool(found) and found[0].id != before.id

        until(is_another, what="another page")
        until(
            lambda: self.driver.execute_script("return document.readyState") == "complete",
            what="the page to be loaded",
        )

    # Looking

    def find(self, selector: str) -> WebElement:
        """The first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def has(self, selector: str) -> bool:
        """Whether there is such an element."""
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    @property
    def text(self) -> str:
        """All that can be read in the page's main part."""
        text: str = self.driver.execute_script(
            "const main = document.querySelector('main'); return main ? main.innerText : '';"
        )
        return text

    def until_text(self, *parts: str, timeout_seconds: float = 20.0) -> None:
        """Wait until all of these can be read; the page renews itself."""
        until(
            lambda: all(part in self.text for part in parts),
            timeout_seconds=timeout_seconds,
            what=f"{parts} on {self.driver.current_url}",
        )

    def complaints(self) -> list[str]:
        """What the console has said since this was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    # By the keyboard alone

    def key(self, key: str) -> WebElement:
        """Press a key wherever the focus is; what has the focus then."""
        webdriver.ActionChains(self.driver).send_keys(key).perform()
        focused: WebElement = self.driver.switch_to.active_element
        return focused

    def tab_to(self, text: str, limit: int = 80) -> WebElement:
        """Press Tab until what has the focus reads so."""
        for _ in range(limit):
            focused = self.key(Keys.TAB)
            if text in (focused.text.strip(), focused.get_attribute("value"), focused.get_attribute("name")):
                return focused
        raise AssertionError(f"{limit} times Tab did not reach {text!r}")

    # Pictures

    def look(self, *, size: tuple[int, int] = DESKTOP, dark: bool = False) -> None:
        """Be a window of this size, light or dark."""
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]},
        )

    def picture(self, name: str) -> Path:
        """Keep a picture of the page among the artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        script = "return document.documentElement.scrollWidth > window.innerWidth + 1"
        return bool(self.driver.execute_script(script))


@contextmanager
def running(server: Server, profile: Path) -> Iterator[Browser]:
    """A browser for the length of the block, with a profile of its own; nothing is downloaded."""
    found = binaries()
    assert found is not None, "there is no browser"
    browser, driver_path = found
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.accept_insecure_certs = True  # the server's certificate is its own
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={DESKTOP[0]},{DESKTOP[1]}"):
        options.add_argument(flag)
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    driver = webdriver.Chrome(options=options, service=Service(driver_path, env=environment))
    try:
        yield Browser(driver, server.url)
    finally:
        driver.quit()
