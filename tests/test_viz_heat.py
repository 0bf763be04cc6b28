"""Small pictures of arrays."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import viz
from tests.leaf import leaf
from tests.test_viz_view import SVG, groups
from viz.heat import COLUMNS, ROWS, SHADES, cells


def test_zero_is_in_the_middle_and_the_largest_at_an_end():
    assert cells(np.array([-1.0, 0.0, 0.5, 1.0])) == ("0468",)
    assert cells(np.array([0.0, 0.0])) == ("44",)
    assert cells(np.array([3, 3])) == ("88",)
    assert cells(np.array([[True, False]])) == ("84",)


def test_what_is_not_finite_is_left_empty():
    assert cells(np.array([[1.0, np.nan], [np.inf, -1.0]])) == ("8 ", " 0")
    assert cells(np.array([np.nan, np.nan])) == ("  ",)


@pytest.mark.parametrize("shape", [(2,), (7, 100), (3, 4, 5), (1000, 1), (6, 19), (2, 0)])
def test_large_arrays_are_means_of_blocks(shape):
    rng = np.random.default_rng(0)
    array = rng.standard_normal(shape)
    rows = cells(array)
    if not array.size:
        assert rows == ()
        return
    table = array.reshape(-1, shape[-1])
    assert len(rows) == min(ROWS, len(table))
    assert {len(row) for row in rows} == {min(COLUMNS, shape[-1])}
    # the first block is the mean of its corner
    r = len(table) // ROWS if len(table) > ROWS else 1
    c = shape[-1] // COLUMNS if shape[-1] > COLUMNS else 1
    blocks = table[: max(r, 1), : max(c, 1)].mean()
    assert (int(rows[0][0]) - 4) * blocks >= 0


def test_a_number_has_no_cells():
    assert cells(np.float64(3.0)) == cells(np.array([[2.0]])) == ()


def test_the_cells_of_a_box_add_up_to_the_array():
    x = leaf(np.array([[1.0, -1.0, 1.0], [0.0, 1.0, 1.0]]), "x")
    svg = viz.draw((x * 2).sum()).svg()
    (group,) = [g for g in groups(svg, "node") if "x:" in g.find(f"{SVG}title").text]
    drawn = group.find(f"{SVG}g")
    paths = {path.get("fill"): path.get("d") for path in drawn.findall(f"{SVG}path")}
    assert {fill: d.count("M") for fill, d in paths.items()} == {
        SHADES[8]: 3,  # of four cells, two touch
        SHADES[0]: 1,
        SHADES[4]: 1,
    }
    box, around = drawn.find(f"{SVG}rect"), group.find(f"{SVG}rect")
    for low, size in (("x", "width"), ("y", "height")):
        start, end = float(box.get(low)), float(box.get(low)) + float(box.get(size))
        assert float(around.get(low)) < start
        assert end < float(around.get(low)) + float(around.get(size))
    assert "cells: means of blocks" in svg.replace("\n", " ")


def test_without_values_or_in_dot_source_there_are_no_cells():
    x = leaf(np.arange(6.0), "x")
    assert "crispEdges" not in viz.draw(x.sum(), show=("name", "grad")).svg()
    assert "\u00a0" not in viz.draw(x.sum()).source
    assert "cells" not in viz.draw(x.sum()).source
    ET.fromstring(viz.draw(x.sum()).svg())
