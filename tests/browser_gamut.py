#!/usr/bin/env python3
"""Uses gamut.html as its readers do, in headless Chromium: drags the point by mouse, moves it by keyboard and by touch, chooses another
face, plays, goes back to the centre, saves the picture; the face must follow, and the console stay silent. Needs ./facegan, Chromium with
its driver, and selenium (skipped, and counted, without them).

    python3 tests/browser_gamut.py [PAGE [SCREENSHOT]]       another page than that of a small GANmut trained here
"""
import base64
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
passed = failed = 0
try:
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None


def check(condition, what):
    global passed, failed
    passed, failed = passed + bool(condition), failed + (not condition)
    if not condition:
        print("FAILED", what)


def make_page(work):
    """A GANmut of a few iterations: its edits are no faces, but they differ from place to place."""
    facegan = str(HERE / "facegan")
    faces = [str(work / "faces" / "neutral" / f"0000{i}.png") for i in (0, 4)]
    for arguments in (["data", "draw", "--out", work / "faces", "--count", 40, "--size", 16, "--emotions", "neutral,happy,sad,surprise"],
                      ["train", "ganmut", work / "faces", "--out", work / "run", "--width", 4, "--g-repeat", 1, "--batch", 6, "--iters", 40,
                       "--n-critic", 1, "--lr", 0.002],
                      ["gamut", work / "run", *faces, "--out", work / "gamut"]):
        subprocess.run([facegan, *map(str, arguments), "--quiet"], check=True)
    return work / "gamut" / "gamut.html"


def open_browser():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1000,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


class Page:
    def __init__(self, browser, path):
        self.browser = browser
        browser.get(path.resolve().as_uri())
        time.sleep(1)
        self.disc = browser.find_element(By.ID, "disc")

    def face(self):
        return self.browser.execute_script("return document.getElementById('face').toDataURL('image/png')")

    def blank(self):
        return self.browser.execute_script("const face = document.getElementById('face'), blank = document.createElement('canvas');"
                                           "blank.width = face.width, blank.height = face.height; return blank.toDataURL('image/png')")

    def where(self):
        return self.browser.find_element(By.ID, "where").text

    def changed(self, what, action, wait=0.3):
        before = self.face(), self.where()
        action()
        time.sleep(wait)
        check(self.face() != before[0], f"{what}: the face did not change")
        check(self.where() != before[1], f"{what}: the page still says {before[1]!r}")

    def drag(self, x, y):
        size = self.disc.size["width"]
        ActionChains(self.browser).move_to_element(self.disc).click_and_hold().move_by_offset(int(x * size), int(y * size)).release().perform()

    def touch(self, x, y):
        box = self.disc.rect
        at = {"x": box["x"] + box["width"] / 2 + x * box["width"], "y": box["y"] + box["height"] / 2 + y * box["width"]}
        for kind, points in (("touchStart", [at]), ("touchMove", [{**at, "y": at["y"] + 8}]), ("touchEnd", [])):
            self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def key(self, key):
        self.disc.send_keys(key)


def use(browser, path, screenshot):
    page = Page(browser, path)
    first = page.face()
    page.changed("dragged to the right", lambda: page.drag(0.25, 0))
    at_right = page.face()
    page.changed("dragged upwards", lambda: page.drag(0, -0.25))
    page.changed("arrow key", lambda: page.key(Keys.ARROW_LEFT))
    page.changed("shift and arrow", lambda: page.key(Keys.SHIFT + Keys.ARROW_DOWN))
    page.changed("touched", lambda: page.touch(-0.2, 0.1))
    if screenshot:
        browser.save_screenshot(screenshot)
    page.changed("centre", browser.find_element(By.ID, "centre").click, 1)
    page.drag(0.25, 0)
    time.sleep(0.3)
    check(page.face() == at_right, "the same place does not show the same face")
    names = browser.find_elements(By.CSS_SELECTOR, "#disc text")
    check(len(names) >= 2, f"{len(names)} directions have a name")
    page.changed("a name pressed", lambda: ActionChains(browser).click(names[0]).perform(), 1)
    tour = browser.find_element(By.ID, "tour")
    page.changed("play", tour.click, 1.5)
    tour.click()
    faces = browser.find_elements(By.CSS_SELECTOR, "#faces button")
    check(len(faces) > 1, f"{len(faces)} faces to choose from: the page must have two")
    before = page.face()
    faces[-1].click()
    time.sleep(0.5)
    check(page.face() != before, "another face: the same picture")
    browser.execute_script("document.getElementById('save').addEventListener('click', event => event.preventDefault())")
    browser.find_element(By.ID, "save").click()
    href = browser.find_element(By.ID, "save").get_attribute("href")
    check(base64.b64decode(href.split(",")[1])[:8] == b"\x89PNG\r\n\x1a\n", "what is saved is no PNG")
    check(first != page.blank(), "the canvas is empty at first")
    check("://" not in path.read_text().replace("http://www.w3.org/", ""), "the page refers to a network")
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    check(not errors, f"the console says {errors}")


if webdriver is None or not shutil.which("chromedriver"):
    print("skipped: no selenium, or no Chromium with chromedriver\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)
with tempfile.TemporaryDirectory() as folder:
    page = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else make_page(pathlib.Path(folder))
    browser = open_browser()
    try:
        use(browser, page, sys.argv[2] if len(sys.argv) > 2 else None)
    finally:
        browser.quit()
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
