"""What data is and how much of it there is, without torch and without making waveforms."""

from __future__ import annotations

import hashlib
import json

import attrs

from abr_model.data.ears import hearing_classes
from abr_model.data.splits import SubjectSplits, split_subjects
from abr_model.data.synthetic import GENERATOR_VERSION, subject_name


@attrs.frozen(kw_only=True)
class Summary:
    """A source's fingerprint, the number of its training recordings, and its notices."""

    fingerprint: str
    train_size: int
    notices: tuple[str, ...] = ()


def fingerprint(**parts: object) -> str:
    """sha256 over named parts, which must be plain JSON data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def synthetic_splits(
    subjects: int, validation_share: float, test_share: float, seed: int
) -> SubjectSplits:
    """Which of a seed's synthetic subjects are in which split."""
    names = [subject_name(seed, subject) for subject in range(subjects)]
    return split_subjects(names, hearing_classes(subjects, seed), validation_share, test_share)


def summarize_synthetic(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
) -> Summary:
    """The summary of `synthetic_data` with these arguments."""
    splits = synthetic_splits(subjects, validation_share, test_share, seed)
    return Summary(
        fingerprint=fingerprint(
            kind="synthetic",
            version=GENERATOR_VERSION,
            subjects=subjects,
            recordings_per_subject=recordings_per_subject,
            window_ms=float(window_ms),
            validation_share=float(validation_share),
            test_share=float(test_share),
            seed=seed,
        ),
        train_size=len(splits.subjects["train"]) * recordings_per_subject,
        notices=splits.notices,
    )
