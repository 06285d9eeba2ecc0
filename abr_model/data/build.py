"""Sources of data: synthetic ears, human recordings, or both."""

from __future__ import annotations

import numpy as np

from abr_model.data.partition import HELD_OUT
from abr_model.data.recordings import Recordings
from abr_model.data.source import AbrData, AbrSplit, Part
from abr_model.data.splits import SubjectSplits, check_disjoint
from abr_model.data.summary import (
    Share,
    check_mixed_subjects,
    find_human,
    mixed_summary,
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
    splits = synthetic_splits(subjects, validation_share, test_share, seed)
    everything = make_recordings(subjects, recordings_per_subject, window_ms, seed)
    return AbrData(
        splits={name: AbrSplit(part) for name, part in _parts(everything, splits).items()},
        held_out="test",
        fingerprint=summary.fingerprint,
        subject_names=tuple(subject_name(seed, subject) for subject in range(subjects)),
        notices=summary.notices,
    )


def _parts(everything: Recordings, splits: SubjectSplits) -> dict[str, Part]:
    check_disjoint({name: map(str, members) for name, members in splits.subjects.items()})
    return {
        name: Part(everything, np.flatnonzero(np.isin(everything.subject, members)))
        for name, members in splits.subjects.items()
    }


def recordings_data(share: Share) -> AbrData:
    """Human recordings: a data set, or files of a clinical format.

    Labelled ones are split by subject into train, validation and test; test is held out. Those
    without labels are one split, `recordings`, which is held out; there is nothing to train on.

    Raises:
        DataError: there is nothing that can be read, or a split would be empty.
    """
    human = find_human(share)
    return AbrData(
        splits={
            name: AbrSplit(Part(human.dataset.recordings, rows))
            for name, rows in human.parts.rows.items()
        },
        held_out=human.parts.held_out,
        fingerprint=human.summary.fingerprint,
        subject_names=human.dataset.subject_names,
        notices=human.summary.notices,
        z_scored=human.dataset.z_scored,
    )


def mixed_data(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
    human: Share,
) -> AbrData:
    """Synthetic ears and human recordings: trained on both, judged on the human ones.

    - `train`: the synthetic training split, then the human one;
    - `validation`, `test`: likewise;
    - `recordings`, held out: the human test split. Human recordings without labels are all of them
      in `train` and in `recordings`: the model has seen them, but no label of them.

    Raises:
        DataError: human recordings cannot be read, a split would be empty, or one subject is in
            two splits.
    """
    synthetic = (subjects, recordings_per_subject, window_ms, validation_share, test_share, seed)
    found = find_human(human)
    summary = mixed_summary(summarize_synthetic(*synthetic), found, human.path)
    splits = synthetic_splits(subjects, validation_share, test_share, seed)
    check_mixed_subjects(splits, seed, found)
    everything = make_recordings(subjects, recordings_per_subject, window_ms, seed)
    parts = {name: [part] for name, part in _parts(everything, splits).items()}
    rows = found.parts.rows
    added = {"train": rows[HELD_OUT]} if HELD_OUT in rows else rows
    for name, chosen in added.items():
        parts[name].append(Part(found.dataset.recordings, chosen, first_subject=subjects))
    parts[HELD_OUT] = [
        Part(found.dataset.recordings, rows[found.parts.held_out], first_subject=subjects)
    ]
    names = tuple(subject_name(seed, subject) for subject in range(subjects))
    return AbrData(
        splits={name: AbrSplit(*chained) for name, chained in parts.items()},
        held_out=HELD_OUT,
        fingerprint=summary.fingerprint,
        subject_names=names + found.dataset.subject_names,
        notices=summary.notices,
    )
