"""Hostile pickles do nothing and are refused by name."""

from __future__ import annotations

import io
import os
import pickle
import struct
import time
import tracemalloc
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abr_model.data.readers.joblib_file import unpack
from abr_model.data.readers.pickles import read_pickle
from curriculum.errors import DataError


class Calls:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def dumped(value: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file)
    return file.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(DataError) as raised:
        read_pickle(content, "x.pkl")
    return str(raised.value)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_command_is_not_run(tmp_path: Path, protocol: int, nested: bool) -> None:
    witness = tmp_path / "witness"
    for function, argument, named in (
        (os.system, f"touch {witness}", "system`"),
        (eval, f"open({str(witness)!r}, 'w')", "eval`"),
        (exec, f"open({str(witness)!r}, 'w')", "exec`"),
        (open, str(witness), "open`"),
    ):
        value: Any = Calls(function, argument)
        if nested:
            value = {"data": [{"signal": np.zeros(3), "patient_id": [(1, value)]}]}
        said = refusal(pickle.dumps(value, protocol=protocol))
        assert named in said
        assert said.startswith("x.pkl, byte ")
        assert "plain containers only. Found `" in said
        assert said.endswith("It was not run. Save the data as arrays, or leave that object out.")
        assert not witness.exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"cos\nsystem\n(S'ls'\ntR.", "`os.system`"),
        (b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.", "`builtins.getattr`"),
        (b"\x80\x02cnumpy\nload\n.", "`numpy.load`"),
        (b"\x80\x02cjoblib\nload\n.", "`joblib.load`"),
        (b"\x80\x02cnumpy.core.multiarray\nfromfile\n.", "`numpy.core.multiarray.fromfile`"),
        (b"\x80\x02}}\x93.", "a name that is no text"),
        (b"\x80\x02P1\n.", "the instruction b'P'"),
        (b"\x80\x02K\x01Q.", "the instruction b'Q'"),
        (b"\x80\x02(i__main__\nx\n.", "the instruction b'i'"),
        (b"\x80\x02(cnumpy\nndarray\no.", "the instruction b'o'"),
        (b"\x80\x02\x82\x01.", "the instruction b'\\x82'"),
        (b"\x80\x05\x97.", "the instruction b'\\x97'"),
        (b"\x80\x02cnumpy\nndarray\n(K\x03tR.", "a call of `ArrayClass`"),
        (b"\x80\x02]K\x01\x85R.", "a call of a list"),
        (b"\x80\x02cnumpy\nndarray\nK\x01\x85\x81.", "an object of `ArrayClass`"),
        (b"\x80\x02cnumpy\ndtype\n)\x81.", "an object of a StandInFunction"),
        (b"\x80\x02}}b.", "a state for a dict"),
        (b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", "an array of dtype 'O'"),
        (b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00V8\x85R.", "an array of dtype 'V8'"),
        (b"\x80\x02cnumpy\ndtype\n]\x85R.", "an array of dtype a list"),
        (b"\x80\x02\x8b\xff\xff\x00\x00.", "an integer of 65535 bytes"),
        (b"\x80\x02})K\x01s.", "a tuple as a key"),
        (b"\x80\x02\x8f()\x90.", "a tuple as a key"),
    ],
)  # fmt: skip
def test_names_and_instructions_that_are_no_data_are_refused(content: bytes, named: str) -> None:
    assert f"Found {named}." in refusal(content)


def test_arrays_of_objects_are_refused_wherever_they_are() -> None:
    objects = np.array([{"a": 1}, None], dtype=object)
    structured = np.zeros(3, [("a", "f8"), ("b", "O")])
    dates = np.zeros(3, "M8[s]")
    for array in (objects, structured, dates):
        for content in (dumped({"x": array}), pickle.dumps({"x": array}, protocol=4)):
            assert "an array of dtype" in refusal(content) or "with fields" in refusal(content)


def test_other_classes_are_refused_by_name() -> None:
    assert "Found `collections.OrderedDict`" in refusal(pickle.dumps(OrderedDict(a=1)))
    assert "Found `pathlib.PosixPath`" in refusal(pickle.dumps(Path("x")))


def test_lengths_that_lie_are_damage_and_allocate_nothing() -> None:
    huge = struct.pack("<Q", 1 << 40)
    wrapper = dumped(np.zeros(4))
    shape = wrapper.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85")
    assert shape != wrapper
    bombs = [
        b"\x80\x04\x8e" + huge + b"x.",  # bytes
        b"\x80\x04\x8d" + huge + b"x.",  # text
        b"\x80\x05\x96" + huge + b"x.",  # bytearray
        b"\x80\x02X\xff\xff\xff\x7fx.",
        b"\x80\x04\x95" + huge + b"K\x01.",  # a frame: a hint, and no more
        shape,  # an array of 2**31 numbers, of which 4 are there
    ]
    tracemalloc.start()
    for bomb in bombs:
        if b"\x95" in bomb[:4] and bomb.endswith(b"K\x01."):
            assert read_pickle(bomb, "x.pkl") == 1
        else:
            assert "a pickle must be whole" in refusal(bomb)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_values_that_share_their_parts_take_no_time() -> None:
    """A tuple of a tuple of … twice each: nothing may hash or show it."""
    laughs = b")q\x000" + b"h\x00h\x00\x86q\x000" * 200 + b"h\x00"
    start = time.perf_counter()
    assert isinstance(read_pickle(b"\x80\x02" + laughs + b".", "x.pkl"), tuple)
    assert "a tuple as a key" in refusal(b"\x80\x02}" + laughs + b"K\x01s.")
    assert "a name that is no text" in refusal(b"\x80\x02" + laughs + b"h\x00\x93.")
    named = b"\x80\x02cnumpy\ndtype\n" + laughs + b"\x85R."
    assert "dtype a tuple" in refusal(named)
    assert time.perf_counter() - start < 2


def test_packed_files_do_not_unpack_without_end() -> None:
    bomb = zlib.compress(bytes(1 << 26), 9)
    with pytest.raises(DataError, match=r"must unpack to 1 MB at most. Found more. Save it"):
        unpack(bomb, "x.pkl", most=1 << 20)
    with pytest.raises(DataError, match=r"must be packed with zlib, gzip, bz2, xz or lzma"):
        unpack(b"\x04\x22M\x18rest", "x.pkl")


ARRAYS = st.sampled_from(["f4", "f8", ">f8", "i8", "u2", "?", "U7"]).flatmap(
    lambda kind: st.tuples(
        st.lists(st.integers(0, 4), max_size=3), st.sampled_from("CF"), st.just(kind)
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner)
    | st.sets(st.integers()),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.integers(4, 5))
@settings(max_examples=200, deadline=None)
def test_plain_values_are_read_as_pickle_reads_them(value: Any, protocol: int) -> None:
    try:
        found = read_pickle(pickle.dumps(value, protocol=protocol), "x")
    except DataError as error:
        assert "an integer of" in str(error) or "instruction" in str(error)  # noqa: PT017
    else:
        assert found == value


@given(ARRAYS)
@settings(max_examples=100, deadline=None)
def test_arrays_are_read_as_joblib_reads_them(what: tuple[list[int], str, str]) -> None:
    shape, order, kind = what
    array = np.asarray(np.arange(int(np.prod(shape))).reshape(shape), dtype=kind, order=order)
    found = read_pickle(dumped([array, 1.5, array]), "x")
    assert found[1] == 1.5
    for each in (found[0], found[2]):
        assert each.shape == array.shape
        np.testing.assert_array_equal(each, array)


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=400, deadline=None)
def test_nonsense_raises_nothing_but_a_data_error(content: bytes, headed: bool) -> None:
    try:
        read_pickle(b"\x80\x04" + content if headed else content, "x")
    except DataError:
        return


@given(st.integers(0, 2000), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_raises_nothing_but_a_data_error(place: int, byte: int) -> None:
    content = bytearray(dumped({"data": [{"signal": np.arange(30.0), "x": (1, "a")}] * 3}))
    content[place % len(content)] = byte
    try:
        read_pickle(bytes(content), "x")
    except DataError:
        return
