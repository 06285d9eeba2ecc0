"""A data set in a joblib pickle: `{"data": [record, …], "scaler", "label_encoder", …}`.

A record is `{patient_id, static_params (4,), signal (T,), v_peak (2,), v_peak_mask (2,), target,
clinical_threshold}`:

- `signal` is z-scored recording by recording, so µV are lost; its samples are taken to be 50 µs
  apart from the stimulus onset on, which the file says nowhere.
- `static_params` are age (years), intensity (dB nHL), rate (per second) and FMP, standardised by
  `scaler`; they are turned back by its `mean_` and `scale_`, to two decimals.
- `v_peak` is the latency (ms) and amplitude (µV) of wave V. Where its mask is False it is not
  known, whatever number stands there.
- `target` is a class by `label_encoder` where there is one, else by its number.

Nothing in the file is run; see `pickles`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from abr_model.data.readers.joblib_file import is_pickle, unpack
from abr_model.data.readers.pickled_arrays import LabelEncoder, StandardScaler, plain
from abr_model.data.readers.pickles import read_pickle
from abr_model.data.readers.trace import Z_SCORED, Head, Options, Reading, Trace, no_waves
from abr_model.data.recordings import CLASSES, UNKNOWN_CLASS
from curriculum.errors import DataError

_PERIOD_US = 50.0
_SAMPLING = (
    "{}: samples are taken to be 50 µs apart (20 kHz) and to begin at the stimulus onset, which "
    "the file says nowhere"
)
_Z_SCORED = (
    "{}: recordings are z-scored, so that their own µV are lost; amplitudes of wave V are labels "
    "in µV"
)
_STATICS = 4  # age, intensity, rate, FMP
_WAVE_V = 2
_NAMES = {
    "normal": {"normal"},
    "neuropathy": {"neuropathy", "noropati"},
    "sensorineural": {"sensorineural", "snik", "snhl"},
    "total": {"total", "totalloss"},
    "conductive": {"conductive", "itik", "chl"},
}  # as encoders have them, without accents, digits and spaces


class JoblibSet:
    """See the module."""

    name = "joblib"
    version = 1
    suffixes = frozenset({".pkl", ".pickle", ".joblib"})

    def sniff(self, head: Head) -> bool:
        """A binary pickle, packed or not."""
        return is_pickle(head.start)

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each record of the list `data`."""
        document = read_pickle(unpack(content, str(path)), str(path))
        if not isinstance(document, dict) or not isinstance(document.get("data"), list):
            raise DataError(
                'a joblib data set must be {"data": [record, …], …}',
                found=_shown(document),
                where=str(path),
            )
        scaling = _scaling(document.get("scaler"), str(path))
        classes = _classes(document.get("label_encoder"), str(path))
        traces = [
            _trace(
                record, f"{where}, record {number}", f"{path}, record {number}", scaling, classes
            )
            for number, record in enumerate(document["data"], 1)
        ]
        notices = [_SAMPLING.format(where)]
        if options.unit in (None, Z_SCORED):
            notices.append(_Z_SCORED.format(where))
        return Reading(traces=traces, unit=Z_SCORED, notices=tuple(notices))


def _trace(
    record: Any,
    where: str,
    place: str,
    scaling: tuple[np.ndarray, np.ndarray],
    classes: Sequence[int] | None,
) -> Trace:
    if not isinstance(record, dict):
        raise DataError("a record must be a dict", found=_shown(record), where=place)
    mean, scale = scaling
    signal = _numbers(record, "signal", None, place)
    statics = np.round(_numbers(record, "static_params", _STATICS, place) * scale + mean, 2)
    if not np.isfinite(statics[1]):
        raise DataError("`static_params` must have an intensity", found="NaN", where=place)
    fmp = float(statics[3])
    return Trace(
        where=where,
        subject=_subject(record, place),
        samples=signal[:, None],
        period_us=_PERIOD_US,
        onset=0.0,
        level_db=float(statics[1]),
        age_years=float(statics[0]) if statics[0] >= 0 else math.nan,
        rate_hz=float(statics[2]) if statics[2] > 0 else math.nan,
        detection=fmp if fmp > 0 else math.nan,
        hearing_class=_hearing_class(record.get("target"), classes, place),
        waves=_waves(record, place),
        threshold_db=_number(record.get("clinical_threshold"), "clinical_threshold", place),
    )


def _subject(record: Mapping[str, Any], place: str) -> str:
    found = record.get("patient_id")
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise DataError("`patient_id` must be a number or text", found=_shown(found), where=place)
    return str(found)


def _waves(record: Mapping[str, Any], place: str) -> np.ndarray:
    """(3, W): wave V where the mask says so; of the others nothing is known."""
    values = _numbers(record, "v_peak", 2, place)
    mask = plain(record.get("v_peak_mask"))
    known = np.asarray(mask) if isinstance(mask, np.ndarray | list | tuple) else np.empty(0)
    if known.shape != (2,) or known.dtype != np.bool_:
        raise DataError("`v_peak_mask` must be two booleans", found=_shown(mask), where=place)
    waves = no_waves()
    if known.any():
        waves[0, _WAVE_V] = 1.0
        waves[1:, _WAVE_V] = np.where(known, values, np.nan)
    return waves


def _numbers(record: Mapping[str, Any], key: str, size: int | None, place: str) -> np.ndarray:
    found = plain(record.get(key))
    if isinstance(found, list | tuple) and all(isinstance(x, int | float) for x in found):
        found = np.array(found, np.float64)
    good = isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype.kind in "fiu"
    if not good or (size is not None and len(found) != size):
        many = "a row of" if size is None else f"{size}"
        raise DataError(f"`{key}` must be {many} numbers", found=_shown(found), where=place)
    return found.astype(np.float64)


def _number(found: Any, key: str, place: str) -> float:
    found = plain(found)
    if isinstance(found, np.ndarray) and found.size == 1 and found.dtype.kind in "fiu":
        found = found.ravel()[0].item()
    if found is None:
        return math.nan
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise DataError(f"`{key}` must be a number", found=_shown(found), where=place)
    return float(found) if math.isfinite(found) else math.nan


def _scaling(scaler: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """What `static_params` are multiplied by and what is then added: both (4,)."""
    state = scaler.state if isinstance(scaler, StandardScaler) else None
    if not isinstance(state, dict):
        raise DataError(
            "`scaler` must be a scikit-learn StandardScaler, or `static_params` mean nothing",
            found=_shown(scaler),
            where=where,
        )
    found = []
    for name, without in (("mean_", 0.0), ("scale_", 1.0)):
        values = plain(state.get(name))
        if values is None:
            values = np.full(_STATICS, without)
        shape = values.shape if isinstance(values, np.ndarray) else None
        if shape != (_STATICS,) or values.dtype.kind != "f":
            raise DataError(
                f"`scaler.{name}` must be {_STATICS} numbers", found=_shown(values), where=where
            )
        found.append(values.astype(np.float64))
    return found[0], found[1]


def _classes(encoder: Any, where: str) -> Sequence[int] | None:
    """The class that each target stands for, or None where targets are classes themselves."""
    if encoder is None:
        return None
    state = encoder.state if isinstance(encoder, LabelEncoder) else encoder
    names = plain(state.get("classes_")) if isinstance(state, dict) else plain(state)
    if isinstance(names, np.ndarray) and names.ndim == 1:
        names = names.tolist()
    if not isinstance(names, list | tuple):
        raise DataError(
            "`label_encoder` must be a scikit-learn LabelEncoder, or a list of names",
            found=_shown(names),
            where=where,
        )
    return [_class_of(name, where) for name in names]


def _class_of(name: Any, where: str) -> int:
    if isinstance(name, int) and not isinstance(name, bool) and 0 <= name < len(CLASSES):
        return name
    if isinstance(name, str):
        letters = unicodedata.normalize("NFKD", name.replace("ı", "i").replace("İ", "i")).casefold()
        bare = re.sub(r"[^a-z]", "", letters)
        for place, known in enumerate(CLASSES):
            if bare in _NAMES[known]:
                return place
        if bare == "" and name.strip() in map(str, range(len(CLASSES))):
            return int(name)
    raise DataError(
        "a class of `label_encoder` must be one that is known",
        found=repr(name[:40]) if isinstance(name, str) else _shown(name),
        where=where,
        hint=f"Known are {', '.join(CLASSES)}, and their numbers 0 to {len(CLASSES) - 1}",
    )


def _hearing_class(target: Any, classes: Sequence[int] | None, place: str) -> int:
    found = plain(target)
    if isinstance(found, np.ndarray) and found.size == 1 and found.dtype.kind in "iu":
        found = found.ravel()[0].item()
    if found is None or (type(found) is int and found == UNKNOWN_CLASS):
        return UNKNOWN_CLASS
    many = len(CLASSES) if classes is None else len(classes)
    if type(found) is not int or not 0 <= found < many:
        raise DataError(
            f"`target` must be 0 to {many - 1}",
            found=found if type(found) is int else _shown(found),
            where=place,
        )
    return found if classes is None else classes[found]


def _shown(value: Any) -> str:
    """What a value is, without showing it: it may be endless."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "nothing"
    return f"a {type(value).__name__}"
