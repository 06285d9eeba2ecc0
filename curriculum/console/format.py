"""Numbers as people read them: four digits, units, durations. One place, so that all agree."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = {"uv2": "µV²", "uv": "µV", "ms": "ms", "db": "dB", "hz": "Hz"}


def number(value: float | None) -> str:
    """About four significant digits; a dash for nothing."""
    if value is None:
        return "–"
    if value != 0 and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.2e}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.4g}"


def unit_of(metric: str) -> str:
    """The unit that a metric's name ends with, as it is written; empty where it has none.

    A share that lies within so many units has none itself.
    """
    if "share_within_" in metric:
        return ""
    return _UNITS.get(metric.partition("[")[0].rpartition("_")[2], "")


def metric(name: str, value: float | None) -> str:
    """A metric with its unit."""
    unit = unit_of(name)
    return f"{number(value)} {unit}" if unit and value is not None else number(value)


def interval(bounds: Sequence[float] | None) -> str:
    """`0.81 to 0.87`; a dash for nothing."""
    return "–" if bounds is None else f"{number(bounds[0])} to {number(bounds[1])}"


def skill(value: float | None) -> str:
    """A skill; what is worse than trivial says so."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value >= 0 else f"{value:.3f} (worse than trivial)"


def percent(share: float) -> str:
    """A share of one."""
    return f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """`42 s`, `3m 20s`, `5h 03m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
