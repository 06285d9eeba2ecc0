"""Unpack a joblib file: which compression it has, and never more than fits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import Any

from curriculum.errors import DataError

MOST_BYTES = 4 << 30  # unpacked
_BLOCK = 1 << 22


def is_pickle(start: bytes) -> bool:
    """Whether a file begins as a binary pickle does, packed or not."""
    return (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05") or packing(start) != ""


def packing(start: bytes) -> str:
    """The compression that a file's first bytes name, or nothing."""
    if start[:2] == b"\x1f\x8b":
        return "gzip"
    if start[:1] == b"\x78" and start[1:2] in b"\x01\x5e\x9c\xda":
        return "zlib"
    marks = {b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"]\x00\x00": "lzma", b"\x04\x22M\x18": "lz4"}
    return next((name for mark, name in marks.items() if start.startswith(mark)), "")


def unpack(content: bytes, where: str, most: int = MOST_BYTES) -> bytes:
    """The pickle in a file, unpacked.

    Raises:
        DataError: it is damaged, packed in a way that is not known, or unpacks to too much.
    """
    kind = packing(content)
    if not kind:
        return content
    openers: dict[str, Any] = {
        "gzip": lambda file: gzip.GzipFile(fileobj=file),
        "bz2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
        "lzma": lzma.LZMAFile,
        "zlib": _Zlib,
    }
    if kind not in openers:
        raise DataError(
            "a joblib file must be packed with zlib, gzip, bz2, xz or lzma, or not at all",
            found=kind,
            where=where,
        )
    found = bytearray()
    try:
        with openers[kind](io.BytesIO(content)) as file:
            while block := file.read(_BLOCK):
                found += block
                if len(found) > most:
                    raise DataError(
                        f"a joblib file must unpack to {most >> 20} MB at most",
                        found="more",
                        where=where,
                        hint="Save it unpacked, or in parts",
                    )
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f"a file packed with {kind} must be whole",
            found=str(error) or type(error).__name__,
            where=where,
            hint="It may be cut off; copy it again",
        ) from None
    return bytes(found)


class _Zlib(io.RawIOBase):
    """A zlib stream, unpacked block by block."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__()
        self._file, self._machine = file, zlib.decompressobj()

    def read(self, size: int = -1) -> bytes:
        while not self._machine.eof:
            packed = self._machine.unconsumed_tail or self._file.read(_BLOCK)
            if not packed:
                raise EOFError("the end is missing")
            found = self._machine.decompress(packed, size)
            if found:
                return found
        return b""
