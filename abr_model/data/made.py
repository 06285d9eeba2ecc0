"""Synthetic ears as a data set like any other, with their splits."""

from __future__ import annotations

import numpy as np

from abr_model.data.dataset import Dataset
from abr_model.data.partition import Partition
from abr_model.data.summary import summarize_synthetic, synthetic_splits
from abr_model.data.synthetic import make_recordings, subject_name


def made_dataset(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
) -> tuple[Dataset, Partition]:
    """The data of `data: {kind: synthetic}`, in memory, without torch.

    Raises:
        DataError: there are too few subjects for every split to have one.
    """
    what = (subjects, recordings_per_subject, window_ms, validation_share, test_share, seed)
    summary, splits = (
        summarize_synthetic(*what),
        synthetic_splits(subjects, validation_share, test_share, seed),
    )
    made = make_recordings(subjects, recordings_per_subject, window_ms, seed)
    dataset = Dataset(
        recordings=made,
        subject_names=tuple(subject_name(seed, subject) for subject in range(subjects)),
        content=summary.fingerprint,
    )
    rows = {
        name: np.flatnonzero(np.isin(made.subject, members))
        for name, members in splits.subjects.items()
    }
    parts = Partition(rows=rows, subjects=splits.subjects, held_out="test", notices=splits.notices)
    return dataset, parts
