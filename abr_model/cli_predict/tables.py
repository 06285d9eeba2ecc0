"""Predictions as rows of plain values: a row for each recording, or for each ear.

B or N recordings, E ears, W waves, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from abr_model.cli_predict.csv_text import Row, Value
from abr_model.physical import physical
from abr_model.series import ears_of, pooled_scores, pooled_threshold
from abr_model.standards import CLASSES, WAVES, Standards

_DIGITS = 6


def recording_rows(
    indices: Sequence[int],
    batch: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor],
    subject_names: Sequence[str],
    standards: Standards,
) -> list[Row]:
    """A row for each recording: what it is, and what the tasks say of it."""
    columns: dict[str, Sequence[Value]] = {
        "recording": list(indices),
        "subject": [subject_names[number] for number in batch["subject"].tolist()],
        "level_db": _values(batch["level_db"]),
        "sweeps": _values(batch["sweeps"]),
        **_columns(physical(predictions, standards)),
    }
    return _rows(columns)


def ear_rows(
    subject_N: Tensor,
    level_N: Tensor,
    predictions: Mapping[str, Tensor],
    subject_names: Sequence[str],
    standards: Standards,
) -> list[Row]:
    """A row for each ear: its class and its threshold, from all its recordings together."""
    ears = ears_of(subject_N)
    pooled: dict[str, Tensor] = {}
    if "classification" in predictions:
        pooled["classification"] = pooled_scores(predictions["classification"], ears)
    if "threshold" in predictions:
        pooled["threshold"] = pooled_threshold(predictions["threshold"][:, 0], ears)[:, None]
    bounds = torch.full((ears.count, 2), torch.inf)
    for side, sign in enumerate((1, -1)):  # the lowest level, and the lowest of the negated ones
        bounds[:, side].scatter_reduce_(0, ears.place_N, sign * level_N, "amin")
    columns: dict[str, Sequence[Value]] = {
        "subject": [subject_names[number] for number in ears.numbers_E.tolist()],
        "recordings": ears.sizes.tolist(),
        "lowest_level_db": _values(bounds[:, 0]),
        "highest_level_db": _values(-bounds[:, 1]),
        **_columns(physical(pooled, standards)),
    }
    return _rows(columns)


def _columns(found: Mapping[str, Tensor]) -> dict[str, Sequence[Value]]:
    columns: dict[str, Sequence[Value]] = {}
    if "class_probability" in found:
        for name in ("class_probability", "class_balanced"):
            likely = found[name].argmax(1).tolist()
            columns[name.removesuffix("_probability")] = [CLASSES[k] for k in likely]
        for k, name in enumerate(CLASSES):
            columns[f"probability_{name}"] = _values(found["class_probability"][:, k])
    for place, wave in enumerate(WAVES):
        if "wave_probability" in found:
            columns[f"wave_{wave}_probability"] = _values(found["wave_probability"][:, place])
        for name in ("wave_latency_ms", "wave_amplitude_uv"):
            if name in found:
                quantity = name.removeprefix("wave_")
                columns |= _with_ends(f"wave_{wave}_{quantity}", found[name][:, place])
    if "threshold_db" in found:
        columns |= _with_ends("threshold_db", found["threshold_db"])
    return columns


def _with_ends(name: str, value_B3: Tensor) -> dict[str, Sequence[Value]]:
    """`latency_ms`, `latency_low_ms` and `latency_high_ms`."""
    quantity, _, unit = name.rpartition("_")
    names = (name, f"{quantity}_low_{unit}", f"{quantity}_high_{unit}")
    return {each: _values(value_B3[:, side]) for side, each in enumerate(names)}


def _values(tensor: Tensor) -> list[Value]:
    """Numbers with as many digits as float32 has; None where there is none."""
    return [
        float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        for value in tensor.double().tolist()
    ]


def _rows(columns: Mapping[str, Sequence[Value]]) -> list[Row]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
