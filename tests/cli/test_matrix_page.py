"""The matrix page in a real browser: cells, keys, filters, colour schemes, hostile names, many cells, no network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from cli.test_matrix import INJECTION, folders, hostile
from support import ROOT, browser, hauberk, missing

MOST_CELLS_SHOWN = 1_000
"""Elements of cells at 1,280 x 800 with some to spare: what cannot be seen must not be there."""


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    if browser.programs() is None:
        missing(browser.NEEDED)
    with browser.opened() as opened:
        yield opened


def show(driver: WebDriver, folder: Path, *arguments: str | Path, scheme: str = "light") -> None:
    page = folder / "page.html"
    done = hauberk("matrix", *arguments, "--output", page, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    browser.show(driver, page, scheme)


def cell(driver: WebDriver, row: int, column: int) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, f'[role=gridcell][data-row="{row}"][data-column="{column}"]')


def details(driver: WebDriver) -> str:
    return driver.find_element(By.ID, "details").text


def press(driver: WebDriver, *keys: str) -> None:
    chain = ActionChains(driver)
    for key in keys:
        chain.send_keys(key)
    chain.perform()


def focused(driver: WebDriver) -> tuple[str | None, str | None]:
    active = driver.switch_to.active_element
    return active.get_attribute("data-row"), active.get_attribute("data-column")


def text_of(driver: WebDriver, selector: str) -> list[str]:
    return [one.text for one in driver.find_elements(By.CSS_SELECTOR, selector)]


def test_a_click_shows_the_rule(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, "examples/nginx/policy.yaml")
    chosen = cell(driver, 0, 1)
    assert chosen.text.split() == ["r", "–", "–", "X"]  # noqa: RUF001  the sign of the page
    chosen.click()
    said = details(driver)
    assert "every other program → /etc/nginx/**" in said
    assert "write: denied" in said
    assert "only-allow-nginx-exec:file.matchDirectories[3]\nexamples/nginx/policy.yaml:29" in said
    assert "for example /usr/bin/other writes /etc/nginx/example" in said
    assert "run: allowed and reported" in said
    assert chosen.get_attribute("aria-selected") == "true"
    assert browser.complaints(driver) == []


def test_the_table_is_a_grid_for_readers_of_screens(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, "examples/nginx/policy.yaml")
    grid = driver.find_element(By.CSS_SELECTOR, "[role=grid]")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("5", "5")
    assert text_of(driver, "[role=rowheader]") == [
        "every other program", "/usr/bin/cd", "/usr/sbin/nginx", "/usr/bin/bash"
    ]  # fmt: skip
    label = cell(driver, 0, 1).get_attribute("aria-label")
    assert label == "read allowed, write denied, modify denied, run allowed and reported"
    assert driver.find_element(By.ID, "details").get_attribute("aria-live") == "polite"


def test_the_keyboard_is_enough(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, "examples/nginx/policy.yaml")
    assert len(driver.find_elements(By.CSS_SELECTOR, '[role=gridcell][tabindex="0"]')) == 1
    for _ in range(9):
        press(driver, Keys.TAB)
        if focused(driver) == ("0", "0"):
            break
    assert focused(driver) == ("0", "0")
    press(driver, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    assert focused(driver) == ("2", "1")
    assert "/usr/sbin/nginx → /etc/nginx/**" in details(driver)
    assert driver.switch_to.active_element.value_of_css_property("outline-width") == "3px"
    press(driver, Keys.END, Keys.ARROW_RIGHT, Keys.PAGE_DOWN)
    assert focused(driver) == ("3", "3")
    press(driver, Keys.HOME)
    assert focused(driver) == ("3", "0")
    ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.HOME).key_up(Keys.CONTROL).perform()
    assert focused(driver) == ("0", "0")
    press(driver, Keys.TAB, Keys.ESCAPE)
    assert focused(driver) == ("0", "0")


def test_filters(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, "examples/nginx/policy.yaml")
    driver.find_element(By.ID, "programs").send_keys("BASH")
    driver.find_element(By.ID, "assets").send_keys("etc")
    assert text_of(driver, "[role=rowheader]") == ["/usr/bin/bash"]
    assert text_of(driver, "[role=columnheader] .label") == ["/etc/nginx/**"]
    assert "1 of 4 programs, 1 of 4 assets" in driver.find_element(By.ID, "status").text
    driver.find_element(By.ID, "assets").send_keys("nothing")
    assert text_of(driver, "[role=gridcell]") == []
    assert details(driver) == "Nothing to show."


def test_both_colour_schemes(driver: WebDriver, tmp_path: Path) -> None:
    brightness: dict[str, int] = {}
    for scheme in ("light", "dark"):
        show(driver, tmp_path, "examples/nginx/policy.yaml", scheme=scheme)
        body = driver.find_element(By.TAG_NAME, "body")
        colours = [body.value_of_css_property(name) for name in ("background-color", "color")]
        page, text = (
            sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) for colour in colours
        )
        brightness[scheme] = page
        assert abs(page - text) > 400
        chips = driver.find_elements(By.CSS_SELECTOR, "[role=gridcell] .chip")
        assert {chip.text for chip in chips if "denied" in str(chip.get_attribute("class"))} == {"–"}  # noqa: RUF001
    assert brightness["light"] > 700
    assert brightness["dark"] < 100


def test_changes_are_marked_with_before_and_after(driver: WebDriver, tmp_path: Path) -> None:
    _, old, _, new = folders(tmp_path)
    show(driver, tmp_path, "--from", tmp_path / old, "--to", tmp_path / new)
    widened = [one for one in driver.find_elements(By.CSS_SELECTOR, "[role=gridcell]") if "▲" in one.text]
    assert len(widened) == 1
    assert "widened" in str(widened[0].get_attribute("aria-label"))
    widened[0].click()
    said = details(driver)
    assert "before: denied\np:file.matchPaths[0]\n" in said
    assert "after: allowed" in said
    driver.find_element(By.ID, "changed").click()
    assert text_of(driver, "[role=columnheader] .label") == ["/etc/shadow"]


def test_names_in_policies_do_nothing(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, hostile(tmp_path))
    assert any(INJECTION in label for label in text_of(driver, "[role=columnheader] .label"))
    for column in range(3):
        cell(driver, 0, column).click()
        assert (f"/srv/{INJECTION}" in details(driver)) is (column == 1)
    assert driver.find_elements(By.CSS_SELECTOR, "img, b, iframe") == []
    assert len(driver.find_elements(By.TAG_NAME, "script")) == 2
    assert browser.complaints(driver) == []


def test_the_browser_refuses_what_the_page_does_not_bring(driver: WebDriver, tmp_path: Path) -> None:
    show(driver, tmp_path, "examples/nginx/policy.yaml")
    refused = """
      const done = arguments[0], seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:9/x.png";
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(image, script);
      fetch("http://127.0.0.1:9/").catch(() => 0);
      setTimeout(() => done([seen.sort(), Boolean(window.ran)]), 200);
    """
    assert driver.execute_async_script(refused) == [["connect-src", "img-src", "script-src-elem"], False]
    browser.complaints(driver)


def test_a_thousand_programs_by_two_hundred_assets(driver: WebDriver, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    rows = [
        f"      - path: /srv/{asset:03}\n        fromSource:\n"
        + "".join(f"          - path: /usr/bin/p{program:04}\n" for program in range(asset, 998, 199))
        for asset in range(199)
    ]
    head = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: big, namespace: web}\n"
    head += "spec:\n  selector: {matchLabels: {app: web}}\n  action: Block\n  file:\n    matchPaths:\n"
    policy.write_text(head + "".join(rows))
    show(driver, tmp_path, policy)
    grid = driver.find_element(By.CSS_SELECTOR, "[role=grid]")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("1000", "201")
    most = 0
    for share in (0.0, 0.13, 0.5, 0.77, 1.0):
        driver.execute_async_script(
            """
            const [grid, share, done] = arguments;
            grid.scrollTop = share * grid.scrollHeight;
            grid.scrollLeft = share * grid.scrollWidth;
            requestAnimationFrame(() => requestAnimationFrame(done));
            """,
            grid,
            share,
        )
        shown = driver.find_elements(By.CSS_SELECTOR, "[role=gridcell]")
        most = max(most, len(shown))
        assert len(shown) > 50
    assert most < MOST_CELLS_SHOWN
    assert "/usr/bin/p0997" in text_of(driver, "[role=rowheader]")
    cell(driver, 998, 199).click()
    assert "/usr/bin/p0997 → anything else" in details(driver)
    ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.HOME).key_up(Keys.CONTROL).perform()
    press(driver, Keys.ARROW_DOWN, Keys.ENTER)
    assert "/usr/bin/p0000 → /srv/000" in details(driver)
    assert "read: denied" in details(driver)
    assert len(driver.find_elements(By.CSS_SELECTOR, "[role=gridcell]")) < MOST_CELLS_SHOWN
    assert browser.complaints(driver) == []


def test_a_missing_browser_is_a_failure_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(os.devnull)))
    assert browser.programs() is None
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make browser"):
        missing(browser.NEEDED)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="make browser"):
        missing(browser.NEEDED)
