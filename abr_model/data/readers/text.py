"""Text files: decoding, and numbers with their place."""

from __future__ import annotations

import math

from curriculum.errors import DataError


def decode(content: bytes, where: str) -> str:
    """The text of a file.

    Raises:
        DataError: it is empty or not UTF-8.
    """
    if not content.strip():
        raise DataError("an export must hold records", found="an empty file", where=where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            "an export must be plain ASCII or UTF-8 text",
            found=f"byte 0x{content[error.start]:02x}",
            where=f"{where}:{line}",
            hint="Export it as text again; UTF-16 is not read",
        ) from None


def number(text: str, place: str) -> float:
    """A finite number.

    Raises:
        DataError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError("every value must be a number", found=repr(text), where=place)
    return value


def positive(text: str, label: str, place: str) -> float:
    """A finite number above 0.

    Raises:
        DataError: it is none.
    """
    value = number(text, place)
    if value <= 0:
        raise DataError(f"`{label}` must be above 0", found=value, where=place)
    return value
