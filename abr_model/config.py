"""What a plan may say of the ABR model and its data. No torch here."""

from __future__ import annotations

from pathlib import Path

import attrs

from curriculum.config import (
    DataKind,
    DataSummary,
    Kinds,
    MetricSpec,
    ModelKind,
    TaskSpec,
    option,
)

_SHARE = {"above": 0, "below": 0.5}


@attrs.frozen(kw_only=True)
class AbrUnet:
    """A hierarchical 1-D U-Net with S4D layers, conditioned on the static parameters."""

    base_channels: int = option(
        default=16, at_least=4, at_most=512, help="Channels of the first level; doubled at each level."
    )
    n_levels: int = option(default=3, at_least=1, at_most=6, help="Levels, each half as long as the last.")
    n_s4_layers: int = option(default=1, at_least=1, at_most=16, help="S4D layers in each block.")
    state_size: int = option(
        default=16, at_least=2, at_most=512, help="States of each S4D channel (N, counted as real pairs)."
    )
    n_attention_layers: int = option(
        default=1, at_least=0, at_most=32, help="Transformer layers at the bottom of the U."
    )
    dropout: float = option(default=0.1, at_least=0, below=1, help="Share of activations dropped.")


@attrs.frozen(kw_only=True)
class Synthetic:
    """Synthetic ears, split by subject."""

    subjects: int = option(default=1500, at_least=50, at_most=1_000_000, help="Number of subjects, one ear each.")
    recordings_per_subject: int = option(
        default=6, at_least=1, at_most=100, help="Recordings of each ear, at levels drawn for it."
    )
    window_ms: float = option(
        default=15.0, at_least=10, at_most=24, help="Length of a recording after stimulus onset, in ms."
    )
    validation_share: float = option(default=0.15, **_SHARE, help="Share of subjects in the validation split.")
    test_share: float = option(default=0.15, **_SHARE, help="Share of subjects in the test split.")


@attrs.frozen(kw_only=True)
class RecordingsFolder:
    """Human recordings in a folder."""

    path: Path = option(help="Folder of SmartEP text exports, searched with its subfolders.")
    window_ms: float = option(
        default=15.0, at_least=10, at_most=24, help="Length of a recording after stimulus onset, in ms."
    )


@attrs.frozen(kw_only=True)
class Mixed:
    """Synthetic ears and human recordings together; the window is that of the synthetic ears."""

    synthetic: Synthetic = option(factory=Synthetic, help="The synthetic ears: all labels, all splits.")
    recordings: RecordingsFolder = option(help="The human recordings.")
