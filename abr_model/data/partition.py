"""Which recordings of a data set are trained on and which are held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.dataset import Dataset
from abr_model.data.recordings import CLASSES, UNKNOWN_CLASS
from abr_model.data.splits import split_subjects

HELD_OUT = "recordings"


@attrs.frozen(kw_only=True, eq=False)
class Partition:
    """Rows of a data set by split, ascending, and what is missing in a split."""

    rows: Mapping[str, NDArray[np.int64]]
    subjects: Mapping[str, NDArray[np.int64]]  # indices into the names
    held_out: str
    notices: tuple[str, ...] = ()


def partition(dataset: Dataset, validation_share: float, test_share: float) -> Partition:
    """Split labelled data by subject; hold out all of it where there are no labels.

    A subject's place follows from its name and its most frequent class, as for synthetic ears. With
    both shares 0, labelled data are held out as a whole too: to judge by, not to train on.

    Raises:
        DataError: a split would be empty.
    """
    subjects = len(dataset.subject_names)
    if not dataset.labelled or (validation_share == 0 and test_share == 0):
        return Partition(
            rows={HELD_OUT: np.arange(len(dataset.recordings))},
            subjects={HELD_OUT: np.arange(subjects)},
            held_out=HELD_OUT,
        )
    classes, several = subject_classes(dataset)
    split = split_subjects(dataset.subject_names, classes, validation_share, test_share)
    notices = split.notices if (classes != UNKNOWN_CLASS).any() else ()
    if several:
        said = f"{several} of {subjects} subjects have recordings of more than one class; the most "
        notices += (said + "frequent one places them in their split",)
    which = np.empty(subjects, np.int64)
    for place, members in enumerate(split.subjects.values()):
        which[members] = place
    of_row: NDArray[Any] = which[dataset.recordings.subject]
    return Partition(
        rows={name: np.flatnonzero(of_row == i) for i, name in enumerate(split.subjects)},
        subjects=split.subjects,
        held_out="test",
        notices=notices,
    )


def subject_classes(dataset: Dataset) -> tuple[NDArray[np.int64], int]:
    """(S,) each subject's most frequent class, or -1; and how many have more than one."""
    counts = np.zeros((len(dataset.subject_names), len(CLASSES)), np.int64)
    hearing, subject = dataset.recordings.hearing_class, dataset.recordings.subject
    known = hearing != UNKNOWN_CLASS
    np.add.at(counts, (subject[known], hearing[known]), 1)
    classes = np.where(counts.any(axis=1), counts.argmax(axis=1), UNKNOWN_CLASS)
    return classes, int(((counts > 0).sum(axis=1) > 1).sum())
