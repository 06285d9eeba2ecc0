"""Load the data that a plan describes: settings in, data source out."""

from __future__ import annotations

import attrs

from abr_model.config import Mixed, RecordingsFolder, Synthetic
from abr_model.data import AbrData, mixed_data, recordings_data, synthetic_data
from abr_model.data.summary import Share


def load_synthetic(settings: Synthetic, seed: int) -> AbrData:
    """Make synthetic ears."""
    return synthetic_data(**attrs.asdict(settings), seed=seed)


def load_recordings(settings: RecordingsFolder, seed: int) -> AbrData:
    """Open or read human recordings. The seed plays no part."""
    del seed
    return recordings_data(Share(**attrs.asdict(settings)))


def load_mixed(settings: Mixed, seed: int) -> AbrData:
    """Make synthetic ears and open human recordings, in the window of the synthetic ears."""
    human = Share(**attrs.asdict(settings.recordings), window_ms=settings.synthetic.window_ms)
    return mixed_data(**attrs.asdict(settings.synthetic), seed=seed, human=human)
