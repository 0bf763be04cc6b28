"""The palette: text is read on what is under it, by everybody and in both themes (WCAG 2, AA)."""

import re
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from importlib import resources

import pytest

import viz
from autograd import Tensor, scope
from viz.style import BOXES, FRAME_FILL, GRAD_INK, INK, MUTED, PAPERS, SHADED_FRAMES

SVG = "{http://www.w3.org/2000/svg}"
ENOUGH = 4.5
PAGE_CSS = resources.files(viz).joinpath("page.css").read_text("utf-8")


def rgb(color):
    if len(color) == 4:  # as in CSS
        color = "#" + "".join(2 * c for c in color[1:])
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def luminance(channels):
    parts = [c / 255 for c in channels]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(ink, under):
    """Of a colour on one or, as channels, on a mixed one."""
    under = rgb(under) if isinstance(under, str) else under
    dark, light = sorted((luminance(rgb(ink)), luminance(under)))
    return (light + 0.05) / (dark + 0.05)


def framed(paper, frames):
    """The paper under so many frames."""
    fill, alpha = rgb(FRAME_FILL[:7]), int(FRAME_FILL[7:], 16) / 255
    channels = rgb(paper)
    for _ in range(frames):
        channels = [c + (f - c) * alpha for c, f in zip(channels, fill, strict=True)]
    return channels


def deep(n):
    x = Tensor(2.0, requires_grad=True, name="x")
    with ExitStack() as stack:
        for i in range(n):
            stack.enter_context(scope(f"s{i}"))
        return x.exp()


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", PAPERS)
def test_muted_text_is_read_on_the_paper_and_on_frames_in_frames(theme):
    for frames in range(SHADED_FRAMES + 1):
        assert contrast(MUTED[theme], framed(PAPERS[theme], frames)) >= ENOUGH


def test_where_the_paper_is_not_known_muted_text_is_read_on_white_and_on_black():
    assert contrast(MUTED["auto"], "#ffffff") >= ENOUGH
    assert contrast(MUTED["auto"], "#000000") >= ENOUGH


def test_text_in_a_box_is_read_on_every_tint():
    for look in BOXES.values():
        assert contrast(INK, look.fill) >= ENOUGH
        assert contrast(GRAD_INK, look.fill) >= ENOUGH


@pytest.mark.parametrize("theme", PAPERS)
def test_no_frame_of_a_picture_darkens_the_paper_further(theme):
    root = ET.fromstring(viz.draw(deep(SHADED_FRAMES + 3), theme=theme).svg())
    frames = [g for g in root.iter(f"{SVG}g") if g.get("class") == "frame"]
    shaded = [g for g in frames if any(s.get("fill") == FRAME_FILL[:7] for s in g)]
    assert (len(frames), len(shaded)) == (SHADED_FRAMES + 3, SHADED_FRAMES)
    names = {text.get("fill") for g in frames for text in g.iter(f"{SVG}text")}
    assert names == {MUTED[theme]}


@pytest.mark.parametrize("color", ["grad", "value", "memory"])
def test_text_in_a_box_is_read_on_every_shade(color):
    y = deep(1)
    root = ET.fromstring(viz.draw([y, y.sin().relu()], color=color).svg())
    boxes = [g for g in root.iter(f"{SVG}g") if g.get("class") == "node"]
    assert boxes
    for g in boxes:
        (under,) = {s.get("fill") for s in g if s.tag in (f"{SVG}rect", f"{SVG}ellipse")}
        for text in g.iter(f"{SVG}text"):
            assert contrast(text.get("fill", INK), under) >= ENOUGH


def test_the_page_shows_muted_text_of_its_pictures_in_the_ink_of_its_theme():
    light, dark = re.search(r"--soft: light-dark\((\S+), (\S+)\)", PAGE_CSS).groups()
    assert (light, dark) == (MUTED["light"], MUTED["dark"])
    assert f'.level text[fill="{MUTED["auto"]}"] {{ fill: var(--soft); }}' in PAGE_CSS


def test_text_of_the_page_is_read_in_both_themes():
    pairs = dict(re.findall(r"--(\w+): light-dark\((\S+, \S+)\)", PAGE_CSS))
    colors = {name: pair.split(", ") for name, pair in pairs.items()}
    for ink in ("ink", "soft"):
        for under in ("paper", "panel"):
            for i in (0, 1):
                assert contrast(colors[ink][i], colors[under][i]) >= ENOUGH
    assert [colors["paper"][1]] == [PAPERS["dark"]]


def test_the_page_is_as_large_as_the_reader_has_text():
    assert re.findall(r"font[^:;]*:[^;]*\dpx[^;]*", PAGE_CSS) == []
