"""Text as numbers: encoding there and back, windows, lines, and files."""

import os
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import DataLoader, Text, Vocabulary, names, text

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


# Vocabulary


@given(LETTERS)
def test_decoding_undoes_encoding_in_any_script(content):
    vocabulary = Vocabulary(content)
    numbers = vocabulary.encode(content)
    assert vocabulary.decode(numbers) == content
    assert numbers.dtype == np.int64 and set(numbers) == set(range(len(vocabulary)))


@pytest.mark.parametrize("stranger", ["z", "A", "\U0001f600", "0"])
def test_a_character_that_is_not_known_is_named_with_its_place(stranger):
    with pytest.raises(ValueError, match=f"'{stranger}' at position 2 is not one of the 3"):
        Vocabulary("abc").encode("ab" + stranger)


@pytest.mark.parametrize("numbers", [[0, 3], [-1, 0]])
def test_a_number_out_of_range_is_refused(numbers):
    with pytest.raises(IndexError, match=f"from {min(numbers)} to {max(numbers)}"):
        Vocabulary("abc").decode(numbers)


def test_no_characters_are_no_vocabulary():
    for make in (Vocabulary, Text):
        with pytest.raises(ValueError, match="empty"):
            make("")


def test_one_number_is_one_character():
    assert Vocabulary("abc").decode(1) == Vocabulary("abc").decode(np.int64(1)) == "b"


# Windows


@pytest.mark.parametrize("step", [1, 3, 4, 100])
def test_a_target_is_the_next_character_of_the_text(step):
    content = "what is past is prologue"
    prose = Text(content)
    x, y = prose.windows(4, step).arrays
    starts = range(0, len(content) - 4, step)
    decode = prose.vocabulary.decode
    assert [decode(row) for row in x] == [content[i : i + 4] for i in starts]
    assert [decode(row) for row in y] == [content[i + 1 : i + 5] for i in starts]


def test_windows_take_no_memory_and_are_dealt_as_copies():
    prose = Text("abcdefgh" * 100)
    dataset = prose.windows(16)
    assert all(np.shares_memory(a, prose.indices) for a in dataset.arrays)
    x, y = next(iter(DataLoader(dataset, 4, shuffle=True, rng=0)))
    assert x.shape == y.shape == (4, 16) and not np.shares_memory(x.data, prose.indices)


def test_the_shortest_text_has_one_window():
    assert len(Text("abcde").windows(4)) == 1
    with pytest.raises(ValueError, match="4 characters give no window of 4"):
        Text("abcd").windows(4)


@pytest.mark.parametrize(("length", "step"), [(0, 1), (2, 0), (-1, 1)])
def test_windows_of_no_size_are_refused(length, step):
    with pytest.raises(ValueError, match=f"length {length}, step {step}"):
        Text("abcdef").windows(length, step)


def test_a_split_keeps_the_vocabulary():
    prose = Text("aaaaaaaabc")
    first, second = prose.split(0.8)
    assert (first.content, second.content) == ("aaaaaaaa", "bc")
    assert first.vocabulary is second.vocabulary is prose.vocabulary
    assert second.indices.tolist() == [1, 2]
    for share in (0, 1, 0.01, 1.5):
        with pytest.raises(ValueError, match="leaves one part empty"):
            prose.split(share)


# Lines


def test_a_line_is_read_from_the_newline_and_ends_with_one():
    lines = Text("emma\nbo\n\nava")
    x, y = lines.lines().arrays
    decode = lines.vocabulary.decode
    assert [decode(row) for row in x] == ["\nemma", "\nbo\n\n", "\n\n\n\n\n", "\nava\n"]
    said = [decode(row[row >= 0]) for row in y]
    assert said == ["emma\n", "bo\n", "\n", "ava\n"]
    assert set(y[y < 0]) == {-100} and y.dtype == x.dtype == np.int64


@given(st.lists(LETTERS.map(lambda line: line.replace("\n", " ")), min_size=1))
def test_lines_hold_the_whole_text(lines):
    content = "".join(f"{line}\n" for line in lines)
    dataset = Text(content).lines()
    assert len(dataset) == len(lines)
    assert (
        Text(content).vocabulary.decode(np.concatenate([y[y >= 0] for _, y in dataset])) == content
    )


def test_lines_need_a_newline():
    with pytest.raises(ValueError, match=r"'\\n' at position 0"):
        Text("ab").lines()


# Files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADWALK_DATA", str(tmp_path))
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "names.txt").write_text("zoë\nemma\n\nzoë \nmary ann", encoding="utf-8")
    return tmp_path


def test_a_file_is_found_by_its_path_or_in_the_data_folder(folder, monkeypatch):
    path = folder / "names" / "names.txt"
    assert text(path).content == text("names/names.txt").content == "zoë\nemma\n\nzoë \nmary ann"
    monkeypatch.delenv("GRADWALK_DATA")
    assert text(str(path)).content == "zoë\nemma\n\nzoë \nmary ann"


def test_names_are_kept_once_each_ended_by_a_newline(folder):
    assert (
        names().content == names(folder / "names" / "names.txt").content == "zoë\nemma\nmary ann\n"
    )


@pytest.mark.parametrize("load", [text, names])
def test_a_file_that_is_missing_is_named_with_all_places(load, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADWALK_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        load("nothing.txt")
    assert f"{load.__name__}: there is no file nothing.txt or {tmp_path}" in str(caught.value)


@pytest.mark.parametrize("load", [text, names])
def test_a_file_that_is_no_text_is_refused(load, tmp_path):
    (tmp_path / "bad").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match="bad is not UTF-8"):
        load(tmp_path / "bad")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        load(tmp_path / "empty")


@pytest.mark.skipif("GRADWALK_DATA" not in os.environ, reason="GRADWALK_DATA names no folder")
def test_the_real_files_are_as_documented():
    found = names()
    assert (
        found.content.count("\n") == 29_494 and found.vocabulary.characters[1:] == ascii_lowercase
    )
    assert found.lines().arrays[0].shape == (29_494, 16)
    plays = text("tinyshakespeare/input.txt")
    assert (len(plays), len(plays.vocabulary)) == (1_115_394, 65)
