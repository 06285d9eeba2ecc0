"""Plans: what a person wrote, as typed and strict records that know their file, line and column."""

from curriculum.config.kinds import DataKind, DataSummary, Kinds, MetricSpec, ModelKind, TaskSpec
from curriculum.config.options import Option, option, option_of

__all__ = [
    "DataKind",
    "DataSummary",
    "Kinds",
    "MetricSpec",
    "ModelKind",
    "Option",
    "TaskSpec",
    "option",
    "option_of",
]
