"""What a plan may say of the ABR model and its data. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
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
from curriculum.config.schema import Choice

_SHARE = {"above": 0, "below": 0.5}


@attrs.frozen(kw_only=True)
class AbrUnet:
    """A hierarchical 1-D U-Net with S4D layers, conditioned on the static parameters."""

    base_channels: int = option(
        default=16,
        at_least=4,
        at_most=512,
        help="Channels of the first level; doubled at each level.",
    )
    n_levels: int = option(
        default=3, at_least=1, at_most=6, help="Levels, each half as long as the last."
    )
    n_s4_layers: int = option(default=1, at_least=1, at_most=16, help="S4D layers in each block.")
    state_size: int = option(
        default=16,
        at_least=2,
        at_most=512,
        help="States of each S4D channel (N, counted as real pairs).",
    )
    n_attention_layers: int = option(
        default=1, at_least=0, at_most=32, help="Transformer layers at the bottom of the U."
    )
    dropout: float = option(default=0.1, at_least=0, below=1, help="Share of activations dropped.")


WAVES = ("i", "iii", "v")


def abr_tasks(settings: AbrUnet) -> tuple[TaskSpec, ...]:
    """The tasks of a configured model, and the metrics by which a phase may end."""
    del settings  # every configuration has all of them
    existence = [
        "existence_auc",
        *(f"wave_{w}_existence_{m}" for m in ("auc", "f1") for w in WAVES),
    ]
    return (
        _task(
            "signal", lower=["signal/mse_uv2"], higher=["signal/correlation", "signal/snr_gain_db"]
        ),
        _task(
            "classification",
            higher=["classification/balanced_accuracy", "classification/macro_f1"],
            lower=["classification/calibration_error"],
            classes=True,
        ),
        _task(
            "peak_existence",
            "peaks",
            higher=[f"peaks/{name}" for name in ("existence_auc", *existence)],
        ),
        _task(
            "peak_latency",
            "peaks",
            lower=_by_wave("latency_mae_ms"),
            higher=["peaks/latency_share_within_0.1_ms"],
        ),
        _task("peak_amplitude", "peaks", lower=_by_wave("amplitude_mae_uv")),
        _task(
            "threshold",
            lower=["threshold/mae_db", "threshold/ear_mae_db"],
            higher=["threshold/share_within_5_db", "threshold/share_within_10_db"],
        ),
    )


def _by_wave(name: str) -> list[str]:
    return [f"peaks/{name}", *(f"peaks/wave_{wave}_{name}" for wave in WAVES)]


def _task(
    name: str,
    group: str | None = None,
    *,
    lower: Sequence[str] = (),
    higher: Sequence[str] = (),
    classes: bool = False,
) -> TaskSpec:
    metrics = [MetricSpec(metric, "lower") for metric in lower]
    metrics += [MetricSpec(metric, "higher") for metric in higher]
    return TaskSpec(name=name, group=group or name, metrics=tuple(metrics), classes=classes)


@attrs.frozen(kw_only=True)
class Synthetic:
    """Synthetic ears, split by subject."""

    subjects: int = option(
        default=1500, at_least=50, at_most=1_000_000, help="Number of subjects, one ear each."
    )
    recordings_per_subject: int = option(
        default=6, at_least=1, at_most=100, help="Recordings of each ear, at levels drawn for it."
    )
    window_ms: float = option(
        default=15.0,
        at_least=10,
        at_most=24,
        help="Length of a recording after stimulus onset, in ms.",
    )
    validation_share: float = option(
        default=0.15, **_SHARE, help="Share of subjects in the validation split."
    )
    test_share: float = option(default=0.15, **_SHARE, help="Share of subjects in the test split.")


@attrs.frozen(kw_only=True)
class HumanRecordings:
    """Human recordings, and how those with labels are split by subject.

    With both shares 0 all of them are held out. Those without labels always are.
    """

    path: Path = option(
        help="A data set (a folder that `data import` wrote, or a .npz), or files of a clinical "
        "format, searched with subfolders."
    )
    validation_share: float = option(
        default=0.15, at_least=0, below=0.5, help="Share of subjects in the validation split."
    )
    test_share: float = option(
        default=0.15, at_least=0, below=0.5, help="Share of subjects in the test split."
    )


@attrs.frozen(kw_only=True)
class RecordingsFolder(HumanRecordings):
    """Human recordings by themselves."""

    window_ms: float = option(
        default=15.0,
        at_least=10,
        at_most=24,
        help="Length of a recording after stimulus onset, in ms.",
    )


@attrs.frozen(kw_only=True)
class Mixed:
    """Synthetic ears and human recordings together; the window is that of the synthetic ears."""

    synthetic: Synthetic = option(
        factory=Synthetic, help="The synthetic ears: all labels, all splits."
    )
    recordings: HumanRecordings = option(help="The human recordings.")


def summarize_synthetic(settings: Synthetic, seed: int) -> DataSummary:
    """What a plan needs to know of synthetic ears; makes no waveform."""
    from abr_model.data import summary

    found = summary.summarize_synthetic(**attrs.asdict(settings), seed=seed)
    return DataSummary(**attrs.asdict(found))


def summarize_recordings(settings: RecordingsFolder, seed: int) -> DataSummary:
    """What a plan needs to know of human recordings. The seed plays no part."""
    del seed
    from abr_model.data import summary

    found = summary.summarize_recordings(summary.Share(**attrs.asdict(settings)))
    return DataSummary(**attrs.asdict(found))


def summarize_mixed(settings: Mixed, seed: int) -> DataSummary:
    """What a plan needs to know of synthetic ears and human recordings together."""
    from abr_model.data import summary

    human = summary.Share(
        **attrs.asdict(settings.recordings), window_ms=settings.synthetic.window_ms
    )
    found = summary.summarize_mixed(**attrs.asdict(settings.synthetic), seed=seed, human=human)
    return DataSummary(**attrs.asdict(found))


def recordings_at(path: Path, trained_on: Choice) -> Choice:
    """Recordings to judge a model by: all of them held out, in the window it was trained on."""
    settings = trained_on.settings
    synthetic = settings.synthetic if isinstance(settings, Mixed) else settings
    held_out = RecordingsFolder(path=path, validation_share=0, test_share=0)
    if isinstance(synthetic, Synthetic | RecordingsFolder):
        held_out = attrs.evolve(held_out, window_ms=synthetic.window_ms)
    return Choice(kind="recordings", settings=held_out)


ABR_KINDS = Kinds(
    models={
        "abr_unet": ModelKind(config=AbrUnet, build="abr_model.tasks:build", tasks=abr_tasks),
    },
    data={
        "synthetic": DataKind(
            config=Synthetic,
            load="abr_model.loading:load_synthetic",
            summarize="abr_model.config:summarize_synthetic",
        ),
        "recordings": DataKind(
            config=RecordingsFolder,
            load="abr_model.loading:load_recordings",
            summarize="abr_model.config:summarize_recordings",
        ),
        "mixed": DataKind(
            config=Mixed,
            load="abr_model.loading:load_mixed",
            summarize="abr_model.config:summarize_mixed",
        ),
    },
    data_at=recordings_at,
)
