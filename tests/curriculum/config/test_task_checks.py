"""Names of tasks and metrics, judged later for a model that is the user's own code."""

from __future__ import annotations

from curriculum.config import (
    Kinds,
    MetricSpec,
    TaskSpec,
    check_tasks,
    known_tasks,
    load_plan_text,
)

TEXT = """experiment: ears
model: {kind: python, factory: "m:f"}
data: {kind: synthetic}
phases:
- {name: a, turn_on: {first: 1}, duration: 9 steps}
- name: b
  turn_on: {secnod: 1}
  until: {any: [{plateau: {metric: second/acc}}, {duration: 9 steps}]}
  retain: {first: 0.1, both: 0.1, third: 0.1}
"""


def test_names_are_unchecked_until_the_tasks_are_known(kinds: Kinds) -> None:
    loaded = load_plan_text(TEXT, "p.yaml", kinds)
    assert known_tasks(loaded.plan, kinds) is None
    strict = load_plan_text(TEXT, "p.yaml", kinds, ["model={kind: strict}"])
    assert known_tasks(strict.plan, kinds) is None
    small = ["model={kind: small}", "phases=[{name: a, turn_on: {signal: 1}, duration: 9 steps}]"]
    tasks = known_tasks(load_plan_text(TEXT, "p.yaml", kinds, small).plan, kinds)
    assert tasks is not None
    assert tasks[0].name == "signal"


def test_the_same_checks_once_they_are_known(kinds: Kinds) -> None:
    specs = [
        TaskSpec(name="first", group="both"),
        TaskSpec(name="second", group="both", metrics=(MetricSpec("second/acc", "higher"),)),
    ]
    problems = check_tasks(load_plan_text(TEXT, "p.yaml", kinds), specs)
    assert [str(problem) for problem in problems] == [
        (
            "p.yaml:7:13: phases[1].turn_on.secnod: must be a task of the model, found 'secnod' "
            "(did you mean 'second'?)"
        ),
        (
            "p.yaml:9:35: phases[1].retain.third: must be a task or group of the model, "
            "found 'third' "
            "(tasks: both, first, second)"
        ),
    ]


def test_a_model_without_tasks(kinds: Kinds) -> None:
    problems = check_tasks(load_plan_text(TEXT, "p.yaml", kinds), [])
    assert [problem.path for problem in problems] == [
        "phases[0].turn_on.first",
        "phases[1].turn_on.secnod",
        "phases[1].until.any[0].plateau.metric",
        "phases[1].retain.first",
        "phases[1].retain.both",
        "phases[1].retain.third",
    ]
    assert {problem.hint for problem in problems} == {"tasks: none", "metrics: none"}


def test_a_sampler_goes_by_a_task_with_classes_that_need_not_be_on(kinds: Kinds) -> None:
    sampler = "defaults.sampler={{kind: tempered, task: {}}}"
    one = "phases=[{name: a, turn_on: {first: 1}, duration: 9 steps}]"
    specs = [TaskSpec(name="first"), TaskSpec(name="second", classes=True)]
    right = load_plan_text(TEXT, "p.yaml", kinds, [one, sampler.format("second")])
    assert check_tasks(right, specs) == []
    wrong = load_plan_text(TEXT, "p.yaml", kinds, [one, sampler.format("first")])
    (problem,) = check_tasks(wrong, specs)
    assert str(problem) == (
        "--set defaults.sampler={kind: tempered, task: first}: defaults.sampler.task: must be a "
        "task with classes, found 'first' (tasks with classes: second)"
    )
    assert check_tasks(wrong, [TaskSpec(name="first")])[0].hint == "tasks with classes: none"
