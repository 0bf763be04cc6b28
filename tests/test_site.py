"""The site: it builds without a warning, its links lead somewhere, and no page needs a network."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("myst_nb", reason="the extra `docs` is not installed")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}


class Page(HTMLParser):
    """The links, the ids and what is loaded of one page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.loaded = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs["id"]} if attrs.get("id") else set()
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if LOADED.get(tag) in attrs and attrs.get("rel") not in ("canonical", "author"):
            self.loaded.append(attrs[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", ".", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {path: Page(path) for path in sorted(out.rglob("*.html"))}


def test_every_page_is_there(site):
    names = {path.stem for path in site}
    assert {"index", "autograd", "nn", "viz"} <= names
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= names
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} <= names


def test_nothing_is_loaded_from_elsewhere(site):
    for path, page in site.items():
        for url in page.loaded:
            assert urlsplit(url).scheme in ("", "data"), f"{path.name} loads {url}"
            assert not url.startswith("//"), f"{path.name} loads {url}"


def test_every_link_within_the_site_leads_somewhere(site):
    broken = []
    for path, page in site.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.name}: {link}")
            elif parts.fragment and target in site:
                anchor = unquote(parts.fragment)
                if anchor not in site[target].ids:
                    broken.append(f"{path.name}: {link}, no such place")
    assert not broken


def test_no_page_scrolls_sideways(site, browser):
    wide = []
    tab = browser.new_page()
    for width in (1280, 400):
        tab.set_viewport_size({"width": width, "height": 900})
        for path in site:
            if path.parent.name in ("docs", "notebooks"):
                tab.goto(path.as_uri())
                found = tab.evaluate("document.documentElement.scrollWidth")
                wide += [f"{path.name} is {found} wide of {width}"] if found > width else []
    assert not wide
