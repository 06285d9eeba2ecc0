"""Sources of data: synthetic ears, human recordings, or both."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from abr_model.data.recordings import Recordings, concatenate
from abr_model.data.smartep import read_folder
from abr_model.data.source import AbrData, AbrSplit
from abr_model.data.splits import check_disjoint
from abr_model.data.summary import (
    mixed_summary,
    recordings_summary,
    summarize_synthetic,
    synthetic_splits,
)
from abr_model.data.synthetic import make_recordings, subject_name


def synthetic_data(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
) -> AbrData:
    """Synthetic ears, split by subject into train, validation and test; test is held out.

    Raises:
        DataError: there are too few subjects for every split to have one.
    """
    summary = summarize_synthetic(
        subjects, recordings_per_subject, window_ms, validation_share, test_share, seed
    )
    parts = _synthetic_parts(
        subjects, recordings_per_subject, window_ms, validation_share, test_share, seed
    )
    return AbrData(
        splits={name: AbrSplit(part) for name, part in parts.items()},
        held_out="test",
        fingerprint=summary.fingerprint,
        subject_names=tuple(subject_name(seed, subject) for subject in range(subjects)),
        notices=summary.notices,
    )


def _synthetic_parts(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
) -> dict[str, Recordings]:
    splits = synthetic_splits(subjects, validation_share, test_share, seed)
    everything = make_recordings(subjects, recordings_per_subject, window_ms, seed)
    parts = {
        name: everything.select(np.isin(everything.subject, members))
        for name, members in splits.subjects.items()
    }
    check_disjoint(
        {
            name: (subject_name(seed, subject) for subject in np.unique(part.subject).tolist())
            for name, part in parts.items()
        }
    )
    return parts


def recordings_data(path: Path, window_ms: float) -> AbrData:
    """Human recordings of a folder of SmartEP exports, to judge a model by.

    There is one split, `recordings`, which is held out; there is nothing to train on.

    Raises:
        DataError: a file is damaged, or there is none.
    """
    export = read_folder(path, window_ms)
    return AbrData(
        splits={"recordings": AbrSplit(export.recordings)},
        held_out="recordings",
        fingerprint=recordings_summary(export, window_ms).fingerprint,
        subject_names=export.subject_names,
        notices=export.notices,
    )


def mixed_data(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
    path: Path,
) -> AbrData:
    """Synthetic ears and human recordings: trained on both, judged on the human ones.

    - `train`: the synthetic training split, then all human recordings, which carry no labels;
    - `validation`, `test`: synthetic;
    - `recordings`: the human recordings, held out. The model has seen them, but no label of them.

    Raises:
        DataError: a file is damaged, or there is none; or there are too few synthetic subjects.
    """
    synthetic = (subjects, recordings_per_subject, window_ms, validation_share, test_share, seed)
    export = read_folder(path, window_ms)
    summary = mixed_summary(summarize_synthetic(*synthetic), export, window_ms)
    parts = _synthetic_parts(*synthetic)
    human = attrs.evolve(export.recordings, subject=export.recordings.subject + subjects)
    parts["train"] = concatenate([parts["train"], human])
    parts["recordings"] = human
    names = tuple(subject_name(seed, subject) for subject in range(subjects))
    return AbrData(
        splits={name: AbrSplit(part) for name, part in parts.items()},
        held_out="recordings",
        fingerprint=summary.fingerprint,
        subject_names=names + export.subject_names,
        notices=summary.notices,
    )
