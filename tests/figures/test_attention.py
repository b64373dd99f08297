"""Attention maps: what is shown is what was kept, padding is not, and what may not be seen is said to be so."""

import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from etude.figures.attention import MOST_DRAWN, SHADES, attention_data, draw_map, example_columns, example_rows
from etude.values.run import Run

ALPHABET = ("\n", " ", "a", "b", "c")


def rows_to_one(weights):
    return weights / weights.sum(axis=-1, keepdims=True)


def kept(*, cells=(4, 3), layers=2, heads=2, causal=False, codes=True, each=1, **more):
    """Two examples of unequal length."""
    longest = max(cells)
    maps = np.zeros((len(cells), layers, heads, longest, longest))
    for i, n in enumerate(cells):
        weights = np.random.default_rng(i).random((layers, heads, n, n)) + 0.1
        maps[i, :, :, :n, :n] = rows_to_one(np.tril(weights) if causal else weights)
    written = np.full((len(cells), longest), -1)
    for row, n in zip(written, cells, strict=True):
        row[:n] = np.arange(n) % len(ALPHABET)
    arrays = {
        "attention/maps": maps.astype(np.float16),
        "attention/each": np.array(each),
        "attention/cells": np.array(cells),
        "attention/truth": np.array([1.0, 0.0]),
        "attention/said": np.array([1.0, 1.0]),
    }
    return Run("r", {}, replicate=7, arrays={**arrays, **({"attention/codes": written} if codes else {}), **more})


def data_of(run, **more):
    return attention_data(run, **{"unit": "character", "classes": ("x", "y"), "alphabet": ALPHABET, **more})


def pixels(drawn):
    """What the picture of a map holds: shades, shape (cells, cells), and the opacity of each."""
    address = drawn.find(".//{*}image").get("href").removeprefix("data:image/png;base64,")
    file = base64.b64decode(address)
    width, height = struct.unpack(">II", file[16:24])
    chunks = {name: body for name, body in re.findall(rb"(tRNS|IDAT)(.*?)(?=....(?:IDAT|IEND)|$)", file, re.DOTALL)}
    samples = zlib.decompressobj().decompress(file[file.index(b"IDAT") + 4 :])
    rows = np.frombuffer(samples, dtype=np.uint8).reshape(height, 1 + width)[:, 1:]
    return rows, list(chunks[b"tRNS"][: SHADES + 1])


def test_a_run_that_kept_no_maps_has_none():
    assert attention_data(Run("r", {}), unit="time step", classes=()) is None


def test_padding_is_not_shown_and_every_row_still_sums_to_one():
    long, short = data_of(kept()).examples
    assert (long.maps.shape, short.maps.shape) == ((2, 2, 4, 4), (2, 2, 3, 3))
    assert short.maps.sum(axis=-1) == pytest.approx(1, abs=2e-3)  # of half precision
    assert len(short.labels) == 3


def test_characters_that_cannot_be_seen_have_a_sign_and_the_answer_stands_beside_them():
    long, short = data_of(kept()).examples
    assert (long.says, short.says) == ("“↵␣ab”, class y, said y", "“↵␣a”, class x, said y")


def test_without_an_alphabet_the_positions_have_numbers():
    data = data_of(kept(codes=False, each=3), alphabet=(), unit="time step")
    assert data.examples[0].labels == ("1–3", "4–6", "7–9", "10–12")
    assert data.examples[0].says == "class y, said y"
    assert not data.named
    assert data_of(kept(), alphabet=()).examples[1].labels == ("1", "2", "3")


def test_of_numbers_the_target_is_told():
    told = data_of(kept(**{"attention/truth": np.array([0.5, 0.25])}), classes=()).examples[0].says
    assert told.endswith("target 0.5, said 1")


def test_where_each_position_is_asked_it_is_said_how_many_were_right():
    asked = {"attention/truth": np.array([[2, 3, 4, 2], [2, 2, 3, 0]]), "attention/said": np.full((2, 4), 2)}
    data = data_of(kept(causal=True, **asked), classes=ALPHABET)
    assert [example.says for example in data.examples] == [
        "“↵␣ab”, of the 4 that come next 2 said right",
        "“↵␣a”, of the 3 that come next 2 said right",
    ]
    assert example_columns(data, data.examples[0])[-2:] == ("next was", "said")
    assert [row[-2:] for row in example_rows(data, data.examples[0])] == [
        ("a", "a"),
        ("b", "a"),
        ("c", "a"),
        ("a", "a"),
    ]


def test_the_colour_of_a_cell_is_the_root_of_its_share():
    weights = np.array([[1, 0, 0, 0], [0.5, 0.25, 0.25, 0], [0.01, 0.99, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    maps = np.broadcast_to(weights, (1, 1, 1, 4, 4)).astype(np.float16)
    data = data_of(kept(cells=(4,), **{"attention/maps": maps}))
    shades, opacities = pixels(ET.fromstring(draw_map(data, data.examples[0], 0, 0)))
    assert shades.tolist() == np.rint(SHADES * np.sqrt(weights)).tolist()
    assert (opacities[0], opacities[-1]) == (0, 255)  # nothing shows the page


def test_what_may_not_be_seen_is_drawn_as_such_and_only_where_there_is_any():
    plain, causal = (data_of(kept(causal=causal)) for causal in (False, True))
    drawn = [ET.fromstring(draw_map(data, data.examples[1], 1, 0)) for data in (plain, causal)]
    assert [len(picture.findall(".//{*}path[@class='unseen']")) for picture in drawn] == [0, 1]
    # three cells of 56: from the end of the first cell along the top, down the right, and back by two stairs
    path = drawn[1].find(".//{*}path[@class='unseen']").get("d")
    assert path == "M56.000 0H168V112.000h-56.000v-56.000h-56.000v-56.000z"


def test_each_character_stands_beside_its_row_and_above_its_column():
    data = data_of(kept())
    above, beside = ET.fromstring(draw_map(data, data.examples[0], 0, 1)).findall("./{*}g[@class]")
    assert [group.find("{*}text").text for group in (above, beside)] == ["↵␣ab"] * 2
    assert above.find("{*}text").get("x") == "47.0 89.0 131.0 173.0"
    assert beside.find("{*}text").get("y") == "54.0 96.0 138.0 180.0"


def test_of_many_steps_some_are_numbered():
    data = data_of(kept(cells=(30, 30), codes=False), alphabet=())
    drawn = ET.fromstring(draw_map(data, data.examples[0], 0, 0))
    assert [word.text for word in drawn.find("./{*}g[@class]")] == ["5", "10", "15", "20", "25", "30"]


def test_a_picture_has_a_name_and_words_for_those_who_cannot_see_it():
    data = data_of(kept())
    drawn = ET.fromstring(draw_map(data, data.examples[0], 1, 0))
    assert drawn.find("{*}title").text == "What layer 2, head 1 looks at"
    assert re.search(r"said y: \d+ % of its attention goes to", drawn.find("{*}desc").text)


def test_the_table_says_what_each_cell_looks_at_most():
    data = data_of(kept())
    example = data.examples[1]
    rows = example_rows(data, example)
    assert [row[0] for row in rows] == ["↵ (1)", "␣ (2)", "a (3)"]
    most = int(example.maps[1, 0, 2].argmax())
    assert rows[2][3] == f"{rows[most][0]} {100 * example.maps[1, 0, 2, most]:.0f} %"
    assert example_columns(data, example)[3] == "layer 2, head 1"


def test_of_a_network_with_many_heads_some_are_drawn_and_all_are_told():
    data = data_of(kept(layers=5, heads=8))
    assert [len(heads) for heads in data.drawn] == [8, 8, 8]
    assert sum(map(len, data.drawn)) == MOST_DRAWN
    assert len(data.heads.heads) == 40


def test_fewer_examples_are_shown_where_the_page_has_no_room_for_more():
    assert len(data_of(kept(), most_maps=7).examples) == 1
    assert len(data_of(kept(), most_maps=8).examples) == 2
    assert len(data_of(kept(), most_maps=0).examples) == 1


def test_a_map_of_thirty_two_steps_takes_two_kilobytes_at_most():
    data = data_of(kept(cells=(32, 32), codes=False), alphabet=())
    assert max(len(draw_map(data, example, 0, 0)) for example in data.examples) < 2_000
