"""Plans: what a person wrote, as typed and strict records that know their file, line and column.

    loaded = load_plan("phases/default.yaml", kinds, ["seed=7", "phases.signal.ramp=50 steps"])
    loaded.plan.phases[0].training.optimizer.learning_rate
    loaded.warnings          # what was written without effect
    to_plain(loaded.plan)    # JSON data, inherited values filled in; loads as the same plan

Whatever is wrong with a plan is one `PlanError`, with every problem and its line and column.
Clients describe their kinds of models and data in `Kinds`, by settings classes with `option`s.
"""

from curriculum.config.describe import OptionInfo, options
from curriculum.config.json_schema import json_schema
from curriculum.config.kinds import DataKind, DataSummary, Kinds, MetricSpec, ModelKind, TaskSpec
from curriculum.config.load import (
    LoadedPlan,
    check_tasks,
    idle_class_losses,
    known_tasks,
    load_plan,
    load_plan_text,
    unused_tasks,
)
from curriculum.config.markdown import options_page
from curriculum.config.options import Option, option, option_of
from curriculum.config.plain import to_numerics, to_plain

__all__ = [
    "DataKind",
    "DataSummary",
    "Kinds",
    "LoadedPlan",
    "MetricSpec",
    "ModelKind",
    "Option",
    "OptionInfo",
    "TaskSpec",
    "check_tasks",
    "idle_class_losses",
    "json_schema",
    "known_tasks",
    "load_plan",
    "load_plan_text",
    "option",
    "option_of",
    "options",
    "options_page",
    "to_numerics",
    "to_plain",
    "unused_tasks",
]
