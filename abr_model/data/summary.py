"""What data is and how much of it there is, without torch and without making waveforms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs

from abr_model.data.ears import hearing_classes, split_places
from abr_model.data.smartep import READER_VERSION, Export, read_folder
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
    hearing = hearing_classes(subjects, seed)
    places = split_places(hearing, seed)
    return split_subjects(names, hearing, validation_share, test_share, places)


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


def recordings_summary(export: Export, window_ms: float) -> Summary:
    """The summary of a folder that was read: there is nothing to train on."""
    return Summary(
        fingerprint=fingerprint(
            kind="recordings",
            version=READER_VERSION,
            window_ms=float(window_ms),
            contents=export.contents,
        ),
        train_size=0,
        notices=export.notices,
    )


def mixed_summary(synthetic: Summary, export: Export, window_ms: float) -> Summary:
    """The summary of synthetic ears together with a folder that was read."""
    human = recordings_summary(export, window_ms)
    count = len(export.recordings)
    trained_on = (
        f"{count} human recordings are in the train split without labels and are also the held-out "
        "`recordings` split: what is measured there is not of unseen ears"
    )
    return Summary(
        fingerprint=fingerprint(
            kind="mixed", synthetic=synthetic.fingerprint, human=human.fingerprint
        ),
        train_size=synthetic.train_size + count,
        notices=(*synthetic.notices, *human.notices, trained_on),
    )


def summarize_recordings(path: Path, window_ms: float) -> Summary:
    """The summary of `recordings_data` with these arguments; reads the files."""
    return recordings_summary(read_folder(path, window_ms), window_ms)


def summarize_mixed(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
    path: Path,
) -> Summary:
    """The summary of `mixed_data` with these arguments; reads the files, makes no waveform."""
    synthetic = summarize_synthetic(
        subjects, recordings_per_subject, window_ms, validation_share, test_share, seed
    )
    return mixed_summary(synthetic, read_folder(path, window_ms), window_ms)
