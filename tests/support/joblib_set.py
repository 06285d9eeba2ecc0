"""Writes small data sets as joblib pickles, in the layout that `abr_model` reads.

scikit-learn is not needed: a class of the right name is all that a pickle has of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np

from abr_model.data.synthetic import make_recordings

MEAN = np.array([40.0, 55.0, 33.7, 2.0])
SCALE = np.array([25.0, 24.0, 8.0, 5.0])


class StandardScaler:
    """As scikit-learn's, without its code."""


class LabelEncoder:
    """As scikit-learn's, without its code."""


@contextmanager
def as_scikit_learn() -> Iterator[None]:
    """Let the two classes above be pickled by scikit-learn's names."""
    homes = {StandardScaler: "_data", LabelEncoder: "_label"}
    modules = {}
    for kind, home in homes.items():
        name = f"sklearn.preprocessing.{home}"
        kind.__module__, kind.__qualname__ = name, kind.__name__
        modules[name] = ModuleType(name)
        setattr(modules[name], kind.__name__, kind)
    modules |= {name: ModuleType(name) for name in ("sklearn", "sklearn.preprocessing")}
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def document(subjects: int, seed: int = 3, **changes: Any) -> dict[str, Any]:
    """The data set as a dict: two recordings of each of so many synthetic subjects."""
    made = make_recordings(subjects, 2, 10.0, seed)
    statics = np.stack([made.age_years, made.level_db, made.rate_hz, made.detection], axis=1)
    standardised = (statics - MEAN) / SCALE
    signal = made.recording_uv.astype(np.float64)
    signal = (signal - signal.mean(1, keepdims=True)) / signal.std(1, keepdims=True)
    peak = np.stack([made.wave_latency_ms[:, 2], made.wave_amplitude_uv[:, 2]], axis=1)
    records = [
        {
            "patient_id": f"P{made.subject[i]:04d}",
            "static_params": standardised[i],
            "signal": signal[i].astype(np.float32),
            "v_peak": np.nan_to_num(peak[i]),
            "v_peak_mask": np.isfinite(peak[i]),
            "target": int(made.hearing_class[i]),
            "clinical_threshold": float(made.threshold_db[i]),
        }
        for i in range(len(made))
    ]
    scaler, encoder = StandardScaler(), LabelEncoder()
    scaler.__dict__.update(mean_=MEAN, scale_=SCALE, n_samples_seen_=np.int64(len(made)))
    encoder.__dict__.update(classes_=np.array(["NORMAL", "NÖROPATİ", "SNİK", "TOTAL", "İTİK"]))
    whole = {
        "data": records,
        "scaler": scaler,
        "label_encoder": encoder,
        "metadata": {"n": len(made), "sources": ["clinic"], "version": 1.0},
    }
    return {**whole, **changes}


def write(path: Path, what: Any, **options: Any) -> Path:
    """Dump a document with joblib; `options` are joblib's."""
    with as_scikit_learn():
        joblib.dump(what, path, **options)
    return path
