r"""The YAML file that describes a table of one's own: which column is what, in which unit.

```yaml
unit: nV                        # of the samples: V, mV, uV or nV
period_us: 50                   # from one sample to the next
onset_ms: 1.5                   # from the first sample to the stimulus onset; 0 unless given
samples: 's(\d+)'               # columns of the average: a pattern whose group is the number
half_a: 'a(\d+)'                # of two half-averages, if there are any
half_b: 'b(\d+)'
delimiter: ';'                  # `,` unless given; `tab` for tabs
missing: ['', 'n/a']            # cells that mean "not known"; '' unless given
columns:
  subject: patient              # needed, as is level_db
  level_db: intensity
  age_years: {column: age_months, times: 0.0833}
  hearing_class: {column: diagnosis, values: {NH: normal, SNHL: sensorineural}}
  wave_v_latency_ms: lat5
```
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from abr_model.data.plausibility import MICROVOLTS
from abr_model.data.recordings import CLASSES
from curriculum.errors import DataError

WAVE_FIELDS = tuple(
    f"wave_{wave}_{what}"
    for wave in ("i", "iii", "v")
    for what in ("present", "latency_ms", "amplitude_uv")
)
NUMBER_FIELDS = (
    "level_db",
    "sweeps",
    "age_years",
    "rate_hz",
    "threshold_db",
    "noise_uv",
    "detection",
)
FIELDS = ("subject", *NUMBER_FIELDS, "hearing_class", *WAVE_FIELDS)
_KEYS = (
    "unit",
    "period_us",
    "onset_ms",
    "samples",
    "half_a",
    "half_b",
    "delimiter",
    "missing",
    "columns",
)
_MOST_BYTES = 64 << 10


@attrs.frozen(kw_only=True)
class Column:
    """Where a field is found in a row, and how its cells are read."""

    column: str
    times: float = 1.0
    values: Mapping[str, str] | None = None  # cell to class, or to 1 and 0


@attrs.frozen(kw_only=True)
class TableMapping:
    """What a mapping file says."""

    unit: str
    period_us: float
    samples: re.Pattern[str]
    columns: Mapping[str, Column]
    onset_ms: float = 0.0
    half_a: re.Pattern[str] | None = None
    half_b: re.Pattern[str] | None = None
    delimiter: str = ","
    missing: frozenset[str] = frozenset({""})


def read_mapping(path: Path) -> TableMapping:
    """Read and check a mapping file.

    Raises:
        DataError: it is not one; says what is wrong where.
    """
    where = str(path)
    document = _load(path)
    _only(document, _KEYS, "a mapping", where)
    for key in ("unit", "period_us", "samples", "columns"):
        if key not in document:
            raise DataError(f"a mapping must have `{key}`", where=where)
    unit = document["unit"]
    if unit not in MICROVOLTS:
        raise DataError(f"`unit` must be {_one_of(MICROVOLTS)}", found=repr(unit), where=where)
    columns = document["columns"]
    if not isinstance(columns, dict):
        raise DataError("`columns` must name a column for each field", found=columns, where=where)
    _only(columns, FIELDS, "`columns`", where)
    for field in ("subject", "level_db"):
        if field not in columns:
            raise DataError(f"`columns` must have `{field}`", where=where)
    given = [key for key in ("half_a", "half_b") if key in document]
    halves = {key: _pattern(document[key], key, where) for key in given}
    if len(halves) == 1:
        raise DataError("`half_a` and `half_b` must both be given, or none", where=where)
    delimiter = document.get("delimiter", ",")
    delimiter = "\t" if delimiter == "tab" else delimiter
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise DataError(
            "`delimiter` must be one character, or `tab`", found=repr(delimiter), where=where
        )
    missing = document.get("missing", [""])
    if not isinstance(missing, list) or not all(isinstance(cell, str) for cell in missing):
        raise DataError(
            "`missing` must be a list of texts, in quotes", found=repr(missing), where=where
        )
    period_us = _number(document["period_us"], "period_us", where)
    if period_us <= 0:
        raise DataError("`period_us` must be above 0", found=period_us, where=where)
    return TableMapping(
        unit=unit,
        period_us=period_us,
        onset_ms=_number(document.get("onset_ms", 0), "onset_ms", where),
        samples=_pattern(document["samples"], "samples", where),
        columns={field: _column(field, said, where) for field, said in columns.items()},
        delimiter=delimiter,
        missing=frozenset({"", *missing}),
        **halves,
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        if len(content) > _MOST_BYTES:
            raise DataError(
                f"a mapping must have at most {_MOST_BYTES >> 10} KB",
                found=f"{len(content) >> 10} KB",
                where=str(path),
            )
        document = YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        where = f"{path}{line}"
        raise DataError("a mapping must be YAML", found=error.problem, where=where) from None
    except (OSError, UnicodeDecodeError, YAMLError, ValueError, RecursionError) as error:
        found = getattr(error, "strerror", None) or "something else"
        raise DataError(
            "a mapping must be a file of YAML in UTF-8", found=found, where=str(path)
        ) from None
    if not isinstance(document, dict):
        raise DataError(
            "a mapping must have keys and values", found=type(document).__name__, where=str(path)
        )
    return document


def _column(field: str, said: Any, where: str) -> Column:
    label = f"columns.{field}"
    if isinstance(said, str):
        said = {"column": said}
    if not isinstance(said, dict) or not isinstance(said.get("column"), str):
        raise DataError(f"`{label}` must name a column", found=repr(said), where=where)
    _only(said, ("column", "times", "values"), f"`{label}`", where)
    values = said.get("values")
    coded = field == "hearing_class" or field.endswith("_present")
    if values is not None:
        allowed = CLASSES if field == "hearing_class" else ("1", "0")
        if not coded or not isinstance(values, dict):
            raise DataError(f"`{label}` can have no `values`", found=repr(values), where=where)
        values = {str(cell): str(meaning) for cell, meaning in values.items()}
        for cell, meaning in values.items():
            if meaning not in allowed:
                raise DataError(
                    f"`{label}.values.{cell}` must be {_one_of(allowed)}",
                    found=repr(meaning),
                    where=where,
                )
    if "times" in said and (coded or field == "subject"):
        raise DataError(f"`{label}` can have no `times`", where=where)
    times = _number(said.get("times", 1), f"{label}.times", where)
    return Column(column=said["column"], times=times, values=values)


def _pattern(text: Any, key: str, where: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text if isinstance(text, str) else "(")
    except re.error:
        pattern = None
    if pattern is None or pattern.groups != 1:
        raise DataError(
            f"`{key}` must be a regular expression with one group, the sample's number",
            found=repr(text),
            where=where,
            hint=r"As 's(\d+)' in single quotes",
        )
    return pattern


def _number(value: Any, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
        raise DataError(f"`{key}` must be a number", found=repr(value), where=where)
    return float(value)


def _only(found: Mapping[Any, Any], known: Iterable[str], what: str, where: str) -> None:
    known = list(known)
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            raise DataError(
                f"{what} must have known keys only",
                found=f"`{key}`",
                where=where,
                hint=f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(known)}",
            )


def _one_of(choices: Iterable[str]) -> str:
    *rest, last = choices
    return f"{', '.join(rest)} or {last}"
