from __future__ import annotations

import attrs
import numpy as np

from abr_model.data.recordings import unknown
from abr_model.data.replicates import Replicates
from abr_model.data.synthetic import iter_recordings, make_recordings


def test_the_mean_of_the_others_is_weighted_by_their_sweeps() -> None:
    made = make_recordings(60, 4, 10.0, seed=2)
    made = attrs.evolve(made, truth_uv=unknown(len(made), made.points), subject=made.subject % 5)
    found = Replicates(made).means_uv(np.arange(len(made)))
    for row in range(len(made)):
        others = (made.subject == made.subject[row]) & (made.level_db == made.level_db[row])
        others[row] = False
        if not others.any():
            assert np.isnan(found[row]).all()
            continue
        expected = np.average(made.recording_uv[others], axis=0, weights=made.sweeps[others])
        np.testing.assert_allclose(found[row], expected, atol=1e-6)


def test_without_sweeps_all_weigh_the_same() -> None:
    made = make_recordings(60, 2, 10.0, seed=2)
    made = attrs.evolve(
        made,
        truth_uv=unknown(len(made), made.points),
        subject=np.zeros(len(made)),
        level_db=np.full(len(made), 50),
        sweeps=unknown(len(made)),
    )
    found = Replicates(made).means_uv(np.array([3]))
    expected = np.delete(made.recording_uv, 3, axis=0).mean(axis=0)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_recordings_with_a_truth_need_none() -> None:
    made = make_recordings(60, 2, 10.0, seed=2)
    assert np.isnan(Replicates(made).means_uv(np.arange(20))).all()


def test_recordings_come_in_parts_with_the_same_bytes() -> None:
    """More subjects than are made at once, so that there are several parts."""
    whole = make_recordings(600, 2, 10.0, seed=9)
    parts = list(iter_recordings(600, 2, 10.0, seed=9))
    assert len(parts) > 2
    for field in attrs.fields(type(whole)):
        joined = np.concatenate([getattr(part, field.name) for part in parts])
        by_subject = joined.reshape(2, 600, *joined.shape[1:]).swapaxes(0, 1)
        expected = getattr(whole, field.name)
        assert by_subject.reshape(expected.shape).tobytes() == expected.tobytes(), field.name
