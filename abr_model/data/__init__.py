"""The ABR data: synthetic ears with all labels, and human recordings without.

```python
data = synthetic_data(1500, 6, 15.0, 0.15, 0.15, seed=42)
batch = data.splits["train"].batch(np.arange(24))
batch["recording_uv"].shape  # (24, 300): 15 ms at 20 kHz
```
"""

from __future__ import annotations

import numpy as np

from abr_model.data.recordings import Recordings
from abr_model.data.source import AbrData, AbrSplit
from abr_model.data.splits import check_disjoint
from abr_model.data.summary import summarize_synthetic, synthetic_splits
from abr_model.data.synthetic import make_recordings, subject_name

__all__ = ["AbrData", "AbrSplit", "synthetic_data"]


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
