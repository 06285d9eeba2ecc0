"""Read the numbers in a pickle without running anything that it says.

A pickle is a program, and `pickle.load` runs it. This reads the same program and does nothing but
build plain values: None, bool, int, float, text, bytes, list, tuple, set, dict, arrays of numbers
and of text. The few classes that it knows are stand-ins (`STAND_INS`), which hold what was stored
and do nothing; every other name is refused before anything is made of it. Arrays are understood as
numpy stores them and as joblib does (a wrapper, then the bytes).

What a file can make this allocate is in proportion to its size: a length is compared with what is
left before it is believed, and keys of a dict must be plain, so that hashing cannot explode.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from abr_model.data.readers.pickled_arrays import (
    STAND_INS,
    ArrayWrapper,
    Refused,
    StandIn,
    StandInFunction,
)
from curriculum.errors import DataError

_LONGEST_INT = 64  # bytes
_DEEPEST_STACK = 1 << 20
_PLAIN_KEYS = (str, int, float, bytes, bool, type(None))


class _Mark:
    """Where a tuple, list, dict or set begins on the stack."""


_MARK = _Mark()


def read_pickle(content: bytes, where: str) -> Any:
    """The value of a pickle, or of a joblib file that is not compressed.

    Raises:
        DataError: it names anything but numbers and plain containers, or is damaged.
    """
    machine = _Machine(content)
    try:
        return machine.run()
    except Refused as error:
        raise DataError(
            "a pickle must hold numbers, text and plain containers only",
            found=str(error),
            where=f"{where}, byte {machine.at}",
            hint="It was not run. Save the data as arrays, or leave that object out",
        ) from None
    except (IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError) as error:
        raise DataError(
            "a pickle must be whole",
            found=f"{type(error).__name__.lower()} while it was read",
            where=f"{where}, byte {machine.at}",
            hint="It may be cut off or of another kind; save it again",
        ) from None


@attrs.define
class _Machine:
    """Content, the place in it, the stack and the memo."""

    content: bytes
    at: int = 0
    stack: list[Any] = attrs.field(factory=list)
    memo: dict[int, Any] = attrs.field(factory=dict)

    def run(self) -> Any:
        while True:
            code = self.take(1)
            if code == b".":
                return self.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise Refused(f"the instruction {code!r}")
            step(self)
            if len(self.stack) > _DEEPEST_STACK + len(self.content):
                raise ValueError("stack")

    def take(self, size: int) -> bytes:
        """The next bytes; a length that is more than what is left is damage."""
        if not 0 <= size <= len(self.content) - self.at:
            raise ValueError("length")
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, form: str) -> Any:
        """A number of fixed size."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.content.index(b"\n", self.at)
        found = self.content[self.at : end].decode("utf-8")
        self.at = end + 1
        return found

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def to_mark(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError("mark")
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def top(self, kind: type) -> Any:
        """The value on top, which must be of this kind."""
        if type(self.stack[-1]) is not kind:
            raise TypeError("top")
        return self.stack[-1]


def _key(value: Any) -> Any:
    if not isinstance(value, _PLAIN_KEYS):
        raise Refused(f"a {type(value).__name__} as a key")
    return value


def _set_items(machine: _Machine, pairs: list[Any]) -> None:
    if len(pairs) % 2:
        raise ValueError("pairs")
    machine.top(dict).update(
        (_key(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _named(machine: _Machine, module: Any, name: Any) -> None:
    if not isinstance(module, str) or not isinstance(name, str):
        raise Refused("a name that is no text")
    found = STAND_INS.get((module, name))
    if found is None:
        raise Refused(f"`{module[:60]}.{name[:60]}`")
    machine.push(found)


def _global(machine: _Machine) -> None:
    module = machine.line()
    _named(machine, module, machine.line())


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    _named(machine, module, name)


def _call(machine: _Machine) -> None:
    """REDUCE: only functions of ours, which build an array, a number or a stand-in."""
    arguments, function = machine.stack.pop(), machine.stack.pop()
    if not isinstance(function, StandInFunction) or not isinstance(arguments, tuple):
        raise Refused(f"a call of {_shown(function)}")
    machine.push(function.build(*arguments))


def _new(machine: _Machine) -> None:
    """NEWOBJ: an empty stand-in, for which arguments mean nothing."""
    arguments, kind = machine.stack.pop(), machine.stack.pop()
    if not isinstance(kind, type) or not issubclass(kind, StandIn) or arguments != ():
        raise Refused(f"an object of {_shown(kind)}")
    machine.push(kind())


def _build(machine: _Machine) -> None:
    """BUILD: give a stand-in its state; an array that joblib wrapped follows in the file."""
    state, target = machine.stack.pop(), machine.stack[-1]
    if not isinstance(target, StandIn):
        raise Refused(f"a state for {_shown(target)}")
    target.set_state(state)
    if isinstance(target, ArrayWrapper):
        machine.stack[-1] = target.read(machine.take)


def _shown(value: Any) -> str:
    if isinstance(value, type):
        return f"`{value.__name__}`"
    return f"a {type(value).__name__}"


def _signed_long(machine: _Machine, size: int) -> None:
    if size > _LONGEST_INT:
        raise Refused(f"an integer of {size} bytes")
    machine.push(int.from_bytes(machine.take(size), "little", signed=True))


def _text(form: str) -> Callable[[_Machine], None]:
    return lambda m: m.push(m.take(m.number(form)).decode("utf-8", "surrogatepass"))


def _bytes(form: str) -> Callable[[_Machine], None]:
    return lambda m: m.push(m.take(m.number(form)))


def _tuple(size: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        if len(machine.stack) < size:
            raise IndexError("stack")
        cut = len(machine.stack) - size
        machine.stack[cut:] = [tuple(machine.stack[cut:])]

    return step


def _append(machine: _Machine) -> None:
    value = machine.stack.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.to_mark()
    machine.top(list).extend(values)


def _add_items(machine: _Machine) -> None:
    values = machine.to_mark()
    machine.top(set).update(map(_key, values))


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_items(machine, [key, value])


def _put(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


_STEPS: Mapping[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1),  # PROTO
    b"\x95": lambda m: m.take(8),  # FRAME: a hint for buffering
    b"(": lambda m: m.push(_MARK),
    b"0": lambda m: m.stack.pop(),
    b"1": lambda m: m.to_mark(),
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: _signed_long(m, m.number("<B")),
    b"\x8b": lambda m: _signed_long(m, m.number("<I")),
    b"G": lambda m: m.push(m.number(">d")),
    b"X": _text("<I"),
    b"\x8c": _text("<B"),
    b"\x8d": _text("<Q"),
    b"B": _bytes("<I"),
    b"C": _bytes("<B"),
    b"\x8e": _bytes("<Q"),
    b"\x96": _bytes("<Q"),  # BYTEARRAY8, as bytes
    b"]": lambda m: m.push([]),
    b"}": lambda m: m.push({}),
    b")": lambda m: m.push(()),
    b"\x8f": lambda m: m.push(set()),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"t": lambda m: m.push(tuple(m.to_mark())),
    b"l": lambda m: m.push(m.to_mark()),
    b"d": lambda m: (values := m.to_mark(), m.push({}), _set_items(m, values)),
    b"\x91": lambda m: m.push(frozenset(map(_key, m.to_mark()))),
    b"a": _append,
    b"e": _appends,
    b"s": _set_item,
    b"u": lambda m: _set_items(m, m.to_mark()),
    b"\x90": _add_items,
    b"q": lambda m: _put(m, m.number("<B")),
    b"r": lambda m: _put(m, m.number("<I")),
    b"\x94": lambda m: _put(m, len(m.memo)),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _call,
    b"\x81": _new,
    b"b": _build,
}
