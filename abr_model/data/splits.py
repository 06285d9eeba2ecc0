"""Splits by subject that stay as they are when subjects are added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import CLASSES
from curriculum.errors import DataError

SPLITS = ("train", "validation", "test")


@attrs.frozen(kw_only=True, eq=False)
class SubjectSplits:
    """Which subjects are in which split, and what is missing there."""

    subjects: Mapping[str, NDArray[np.int64]]  # by split, ascending indices into the names
    notices: tuple[str, ...]


def place_in_unit(name: str, hearing_class: int) -> float:
    """A number in [0, 1) that depends on the subject's name and class alone (sha256)."""
    digest = hashlib.sha256(f"{name}|{hearing_class}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_subjects(
    names: Sequence[str],
    hearing_class: NDArray[np.int64],
    validation_share: float,
    test_share: float,
    places: NDArray[np.float64] | None = None,
) -> SubjectSplits:
    """Split subjects, each by its own place: those before and after it play no part.

    The shares are therefore reached on average, not exactly, in each class. `places` in [0, 1)
    stand for those of the names where subjects have an order that never changes (see
    `ears.split_places`).

    Raises:
        DataError: a split would be empty.
    """
    if places is None:
        both = zip(names, hearing_class, strict=True)
        places = np.array([place_in_unit(name, int(number)) for name, number in both])
    which = np.where(places < test_share, 2, np.where(places < test_share + validation_share, 1, 0))
    subjects = {split: np.flatnonzero(which == i) for i, split in enumerate(SPLITS)}
    notices: list[str] = []
    for split, members in subjects.items():
        if len(members) == 0:
            raise DataError(
                f"the {split} split must have a subject",
                found=f"none of {len(names)}",
                hint="Use more subjects or a larger share",
            )
        absent = sorted(set(range(len(CLASSES))) - set(hearing_class[members].tolist()))
        if absent:
            classes = ", ".join(CLASSES[i] for i in absent)
            notices.append(f"the {split} split has no subject of the class: {classes}")
    return SubjectSplits(subjects=subjects, notices=tuple(notices))


def check_disjoint(names: Mapping[str, Iterable[str]]) -> None:
    """Check that no subject is in two splits, given the names of each split's subjects.

    Raises:
        DataError: a subject is in two splits.
    """
    seen: dict[str, str] = {}
    for split, members in names.items():
        for name in set(members):
            if name in seen:
                raise DataError(
                    "a subject must be in one split only",
                    found=f"{name} in {seen[name]} and {split}",
                )
            seen[name] = split
