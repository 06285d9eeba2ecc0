"""What stands in for numpy's, joblib's and scikit-learn's classes in a pickle: plain holders.

Formats: numpy's `__reduce__` of arrays, scalars and dtypes; joblib's `NumpyArrayWrapper` (since
0.10), after which the array's bytes follow in the file, padded where it says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_PLAIN = re.compile(r"[<>|=]?(b1|\?|[iu][1248]|f[248]|U\d{1,4})")
_MOST_DIMENSIONS = 8


class Refused(Exception):
    """The pickle holds something that is not data; the message names it."""


class StandIn:
    """Holds the state of an object whose class is not loaded."""

    def __init__(self) -> None:
        self.state: Any = None

    def set_state(self, state: Any) -> None:
        """Keep what was stored."""
        self.state = state


class StandInFunction:
    """A function of ours that stands for one that the pickle names."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self.build = build


class ArrayClass(StandIn):
    """`numpy.ndarray` as a word: what an array is said to be."""


class StandardScaler(StandIn):
    """The numbers of a `sklearn.preprocessing.StandardScaler`."""


class LabelEncoder(StandIn):
    """The classes of a `sklearn.preprocessing.LabelEncoder`."""


class Dtype(StandIn):
    """A dtype of plain numbers or text."""

    def __init__(self, code: str) -> None:
        super().__init__()
        if not isinstance(code, str) or not _PLAIN.fullmatch(code):
            shown = repr(code[:20]) if isinstance(code, str) else f"a {type(code).__name__}"
            raise Refused(f"an array of dtype {shown}")
        self.value = np.dtype(code)

    def set_state(self, state: Any) -> None:
        """The byte order; a state that says more (fields, an object) is refused."""
        if not isinstance(state, tuple) or len(state) < 5 or any(x is not None for x in state[2:5]):
            raise Refused("a dtype with fields")
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise Refused("a dtype of no byte order")
        self.value = self.value.newbyteorder(order)


class ArrayState(StandIn):
    """An array as numpy pickles it: its state has the bytes. `value` is the array."""

    value: np.ndarray = np.empty(0)

    def set_state(self, state: Any) -> None:
        """(version, shape, dtype, is in Fortran order, bytes)."""
        _, shape, dtype, fortran, content = state
        if not isinstance(content, bytes):
            raise Refused("an array of objects")
        self.value = _array(content, dtype, shape, "F" if fortran else "C")


class ArrayWrapper(StandIn):
    """joblib's wrapper: the array's bytes follow in the file."""

    def read(self, take: Callable[[int], bytes]) -> np.ndarray:
        """The array; `take(n)` gives the next bytes of the file."""
        state = self.state
        if not isinstance(state, dict) or state.get("subclass") is not ArrayClass:
            raise Refused("an array of another class than numpy.ndarray")
        dtype, shape = _dtype(state.get("dtype")), _shape(state.get("shape"))
        if state.get("numpy_array_alignment_bytes") is not None:
            take(take(1)[0])
        content = take(dtype.itemsize * math.prod(shape))
        return _array(content, state["dtype"], shape, state.get("order"))


def plain(value: Any) -> Any:
    """An array or a number where a stand-in holds one; anything else as it is."""
    return value.value if isinstance(value, ArrayState) else value


def _dtype(found: Any) -> np.dtype[Any]:
    if not isinstance(found, Dtype):
        raise Refused("an array without a plain dtype")
    return found.value


def _shape(found: Any) -> tuple[int, ...]:
    if (
        not isinstance(found, tuple)
        or len(found) > _MOST_DIMENSIONS
        or not all(type(n) is int and n >= 0 for n in found)
    ):
        raise Refused("an array whose shape is no tuple of sizes")
    return found


def _array(content: bytes, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    sizes, kind = _shape(shape), _dtype(dtype)
    if len(content) != kind.itemsize * math.prod(sizes):
        raise ValueError("size")
    flat = np.frombuffer(content, kind)
    if order == "F":
        return flat.reshape(sizes[::-1]).T
    return flat.reshape(sizes)


def _make_dtype(code: Any, align: Any = False, copy: Any = False) -> Dtype:
    del align, copy
    return Dtype(code)


def _make_scalar(dtype: Any, content: Any) -> Any:
    kind = _dtype(dtype)
    if not isinstance(content, bytes) or len(content) != kind.itemsize or kind.kind == "U":
        raise Refused("a number without its bytes")
    return np.frombuffer(content, kind)[0].item()


def _make_array(kind: Any, shape: Any, code: Any) -> ArrayState:
    """An empty array, which its state fills."""
    del shape, code
    if kind is not ArrayClass:
        raise Refused("an array of another class than numpy.ndarray")
    return ArrayState()


def _make_from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> ArrayState:
    if not isinstance(content, bytes):
        raise Refused("an array without its bytes")
    made = ArrayState()
    made.value = _array(content, dtype, shape, order)
    return made


def _encode(text: Any, codec: Any) -> bytes:
    """Bytes, as protocol 2 writes them: text whose letters are their values."""
    if codec != "latin1" or not isinstance(text, str):
        raise Refused("text in another code than latin1")
    return text.encode("latin1")


_SCALER = "sklearn.preprocessing"
STAND_INS: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): ArrayClass,
    ("_codecs", "encode"): StandInFunction(_encode),
    ("numpy", "dtype"): StandInFunction(_make_dtype),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): ArrayWrapper,
    **{
        (f"numpy.{core}.multiarray", name): StandInFunction(build)
        for core in ("core", "_core")
        for name, build in (("scalar", _make_scalar), ("_reconstruct", _make_array))
    },
    **{
        (f"numpy.{core}.numeric", "_frombuffer"): StandInFunction(_make_from_buffer)
        for core in ("core", "_core")
    },
    **{(f"{_SCALER}.{home}", "StandardScaler"): StandardScaler for home in ("_data", "data")},
    **{(f"{_SCALER}.{home}", "LabelEncoder"): LabelEncoder for home in ("_label", "label")},
}
