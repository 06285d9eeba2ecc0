"""What data is and how much of it there is, without torch and without making waveforms."""

from __future__ import annotations

from pathlib import Path

import attrs

from abr_model.data.dataset import Dataset, digest
from abr_model.data.ears import hearing_classes, split_places
from abr_model.data.partition import HELD_OUT, Partition, partition
from abr_model.data.sources import find_recordings
from abr_model.data.splits import SubjectSplits, check_disjoint, split_subjects
from abr_model.data.synthetic import GENERATOR_VERSION, subject_name
from curriculum.errors import DataError


@attrs.frozen(kw_only=True)
class Summary:
    """A source's fingerprint, the number of its training recordings, and its notices."""

    fingerprint: str
    train_size: int
    notices: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Share:
    """How human recordings are asked for: where, in which window, and how split."""

    path: Path
    window_ms: float
    validation_share: float
    test_share: float


@attrs.frozen(kw_only=True, eq=False)
class Human:
    """Human recordings, split, with their summary."""

    dataset: Dataset
    parts: Partition
    summary: Summary


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
        fingerprint=digest(
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


def find_human(share: Share) -> Human:
    """Find and split human recordings; of a data set in a folder only the labels are read.

    Raises:
        DataError: there is nothing that can be read, or a split would be empty.
    """
    dataset = find_recordings(share.path, share.window_ms)
    parts = partition(dataset, share.validation_share, share.test_share)
    summary = Summary(
        fingerprint=digest(
            kind="recordings",
            content=dataset.content,
            window_ms=float(share.window_ms),
            validation_share=float(share.validation_share),
            test_share=float(share.test_share),
        ),
        train_size=len(parts.rows.get("train", ())),
        notices=(*dataset.notices, *parts.notices),
    )
    return Human(dataset=dataset, parts=parts, summary=summary)


def mixed_summary(synthetic: Summary, human: Human, path: Path) -> Summary:
    """The summary of synthetic ears together with human recordings.

    Raises:
        DataError: the human recordings are z-scored, so that the two have no unit in common.
    """
    if human.dataset.z_scored:
        raise DataError(
            "recordings must be in µV to be trained on together with synthetic ones",
            found="z-scored recordings",
            where=str(path),
            hint="Train on them alone: `data: {kind: recordings, path: …}`",
        )
    notices = (*synthetic.notices, *human.summary.notices)
    added = human.summary.train_size
    if HELD_OUT in human.parts.rows:
        added = len(human.parts.rows[HELD_OUT])
        said = f"{added} human recordings are in the train split without labels and are also the "
        said += "held-out `recordings` split: what is measured there is not of unseen ears"
        notices = (*notices, said)
    return Summary(
        fingerprint=digest(
            kind="mixed", synthetic=synthetic.fingerprint, human=human.summary.fingerprint
        ),
        train_size=synthetic.train_size + added,
        notices=notices,
    )


def check_mixed_subjects(synthetic: SubjectSplits, seed: int, human: Human) -> None:
    """Check that no synthetic subject is a human one of another split, by name.

    Raises:
        DataError: one is, as where a synthetic data set of the same seed serves as recordings.
    """
    names = human.dataset.subject_names
    splits = {
        name: [subject_name(seed, int(subject)) for subject in members]
        for name, members in synthetic.subjects.items()
    }
    for split, members in human.parts.subjects.items():
        splits.setdefault(split, []).extend(names[subject] for subject in members)
    check_disjoint(splits)


def summarize_recordings(share: Share) -> Summary:
    """The summary of `recordings_data` with these arguments."""
    return find_human(share).summary


def summarize_mixed(
    subjects: int,
    recordings_per_subject: int,
    window_ms: float,
    validation_share: float,
    test_share: float,
    seed: int,
    human: Share,
) -> Summary:
    """The summary of `mixed_data` with these arguments; makes no waveform."""
    synthetic = summarize_synthetic(
        subjects, recordings_per_subject, window_ms, validation_share, test_share, seed
    )
    return mixed_summary(synthetic, find_human(human), human.path)
