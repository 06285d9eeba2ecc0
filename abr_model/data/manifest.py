"""The manifest of a data set on disk: which arrays there are, whose recordings, and from where.

It is JSON, written last, and ends in a digest of itself. A file that it names lies in its own
folder: a name with a path in it is refused, and so is a link.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import attrs

from abr_model.data.recordings import SAMPLE_RATE_HZ, WAVES, Recordings
from curriculum.errors import DataError

FORMAT = "abr-recordings"
SCHEMA = 1
OPTIONAL = frozenset({"half_a_uv", "half_b_uv", "truth_uv"})  # left away where none is known
DAMAGED = "It may be damaged or edited; import the data again"


@attrs.frozen(kw_only=True)
class ArrayEntry:
    """An array file."""

    file: str  # its name within the folder
    dtype: str  # as numpy writes it: `<f4`
    shape: tuple[int, ...]
    unit: str
    sha256: str  # of the whole `.npy` file


@attrs.frozen(kw_only=True)
class Manifest:
    """What a data set says of itself."""

    count: int
    points: int
    z_scored: bool
    arrays: dict[str, ArrayEntry]
    subject_names: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]

    @property
    def content(self) -> str:
        """sha256 of what the data are: the arrays, whose they are, and their unit."""
        arrays = sorted((name, entry.sha256) for name, entry in self.arrays.items())
        text = json.dumps([arrays, self.subject_names, self.z_scored])
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "schema": SCHEMA,
            "count": self.count,
            "points": self.points,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "z_scored": self.z_scored,
            "arrays": {name: attrs.asdict(entry) for name, entry in self.arrays.items()},
            "subjects": list(self.subject_names),
            "sources": [{"file": name, "sha256": sha} for name, sha in self.sources],
            "notices": list(self.notices),
        }
        document["digest"] = _digest(document)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def expected_arrays(count: int, points: int) -> dict[str, tuple[str, tuple[int, ...], str]]:
    """dtype, shape and unit of each array of a data set of this size."""
    sizes = {"N": count, "T": points, "W": len(WAVES)}
    kinds = {"float32": "<f4", "int64": "<i8", "bool": "|b1"}
    return {
        field.name: (
            kinds[field.metadata["dtype"].__name__.rstrip("_")],
            tuple(sizes[letter] for letter in field.metadata["shape"]),
            field.metadata["unit"],
        )
        for field in attrs.fields(Recordings)
    }


def parse_manifest(text: str, where: str) -> Manifest:
    """Read and check a manifest.

    Raises:
        DataError: it is not one, is damaged, is of a later version, or names a file elsewhere.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(
            "a manifest must be JSON", found="other text", where=where, hint=DAMAGED
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DataError(f'a manifest must have "format": "{FORMAT}"', where=where)
    if document.get("schema") != SCHEMA:
        raise DataError(
            f"a data set must be of schema {SCHEMA}",
            found=document.get("schema"),
            where=where,
            hint="Import it again with this version",
        )
    stated = document.pop("digest", None)
    if stated != _digest(document):
        raise DataError("a manifest must agree with its own digest", where=where, hint=DAMAGED)
    try:
        made = _structured(document)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            "a manifest must have all its keys in their types",
            found=f"{type(error).__name__} at {error}",
            where=where,
            hint=DAMAGED,
        ) from None
    _check(made, document, where)
    return made


def _structured(document: dict[str, Any]) -> Manifest:
    return Manifest(
        count=_size(document["count"]),
        points=_size(document["points"]),
        z_scored=_typed(document["z_scored"], bool),
        arrays={
            name: ArrayEntry(
                file=_typed(entry["file"], str),
                dtype=_typed(entry["dtype"], str),
                shape=tuple(_size(n) for n in entry["shape"]),
                unit=_typed(entry["unit"], str),
                sha256=_typed(entry["sha256"], str),
            )
            for name, entry in document["arrays"].items()
        },
        subject_names=tuple(_typed(name, str) for name in document["subjects"]),
        sources=tuple(
            (_typed(each["file"], str), _typed(each["sha256"], str)) for each in document["sources"]
        ),
        notices=tuple(_typed(notice, str) for notice in document["notices"]),
    )


def _check(made: Manifest, document: dict[str, Any], where: str) -> None:
    rate = document.get("sample_rate_hz")
    if rate != SAMPLE_RATE_HZ:
        raise DataError(f"the sample rate must be {SAMPLE_RATE_HZ:g} Hz", found=rate, where=where)
    expected = expected_arrays(made.count, made.points)
    lacking = sorted(set(expected) - OPTIONAL - set(made.arrays))
    foreign = sorted(set(made.arrays) - set(expected))
    if lacking or foreign:
        found = f"no {', '.join(lacking)}" if lacking else f"{', '.join(foreign)} besides"
        raise DataError("a manifest must name the arrays of recordings", found=found, where=where)
    for name, entry in made.arrays.items():
        stated = (entry.dtype, entry.shape, entry.unit)
        if stated != expected[name]:
            raise DataError(
                f"`{name}` must be {_in_words(expected[name])}",
                found=_in_words(stated),
                where=where,
            )
        # Only the plain name may be there: no folder, no drive, nothing that leads out.
        if entry.file != f"{name}.npy":
            raise DataError(
                f"`{name}` must lie in the data set's own folder, as `{name}.npy`",
                found=repr(entry.file),
                where=where,
            )


def _in_words(entry: tuple[str, tuple[int, ...], str]) -> str:
    dtype, shape, unit = entry
    return f"{dtype} of shape {shape}" + (f" in {unit}" if unit else "")


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r}")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < math.inf:
        raise ValueError(f"{value!r}")
    return value
