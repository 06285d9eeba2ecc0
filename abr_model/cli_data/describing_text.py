"""A description of data as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_UNITS = {
    "db": "dB nHL",
    "years": "years",
    "hz": "per second",
    "ms": "ms",
    "uv": "µV",
    "sweeps": "",
    "detection": "",
}


def as_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document of `describe`, a line for each thing worth knowing."""
    count = document["recordings"]
    yield (
        f"{document['data']}: {count} recordings of {document['subjects']} subjects, "
        f"{document['window_ms']:g} ms each, in {document['unit']}"
    )
    each = document["recordings_per_subject"]
    if each:
        yield f"  recordings of a subject  {each['least']:g} to {each['most']:g}"
    yield "  class                    " + "; ".join(
        f"{name} {found['recordings']} ({found['subjects']} subjects)"
        for name, found in document["classes"].items()
    )
    for name, split in document.get("splits", {}).items():
        classes = ", ".join(f"{each} {n}" for each, n in split["classes"].items())
        yield (
            f"  split {name:<18} {split['recordings']} recordings of {split['subjects']} subjects"
            f" ({classes})"
        )
    yield "  level, dB nHL            " + ", ".join(
        f"{level}: {n}" for level, n in document["levels_db"].items()
    )
    for name, found in document["ranges"].items():
        unit = _unit(name, document["unit"])
        values = f"{found['least']:g} to {found['most']:g}, median {found['median']:g} {unit}"
        known = document["known"].get(name, count)
        yield f"  {name:<24} {values.rstrip()}" + _share(known, count)
    unknown = [name for name, known in document["known"].items() if known == 0]
    if unknown:
        yield f"  not known of any         {', '.join(unknown)}"
    for name in ("half_averages", "truth"):
        if document["known"][name]:
            yield f"  {name:<24} there" + _share(document["known"][name], count)
    if document["sources"]:
        yield f"  read from                {len(document['sources'])} files"


def _share(known: int, count: int) -> str:
    return "" if known == count else f"; known of {known} of {count}"


def _unit(name: str, unit: str) -> str:
    """The unit of a quantity, by its name; sizes and noise are in the recordings' own."""
    if name in ("size_uv", "noise_uv") and unit != "µV":
        return "σ"
    return next((shown for end, shown in _UNITS.items() if name.endswith(end)), "")
