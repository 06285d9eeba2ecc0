"""What a plan says without effect, announced."""

from __future__ import annotations

from curriculum.config import Kinds, TaskSpec, idle_class_losses, load_plan_text, unused_tasks

HEAD = "experiment: ears\nmodel: {kind: small}\ndata: {kind: synthetic}\n"
OTHERS = "{classification: 1, peak_existence: 1, peak_latency: 1}"


def warnings_of(text: str, kinds: Kinds) -> list[str]:
    return [str(problem) for problem in load_plan_text(HEAD + text, "p.yaml", kinds).warnings]


def test_tasks_that_no_phase_turns_on(kinds: Kinds) -> None:
    text = "phases:\n- {name: a, turn_on: {signal: 1, peak_latency: 1}, duration: 9 steps}\n"
    assert warnings_of(text, kinds) == [
        "p.yaml:4:1: phases: no phase turns on the task 'classification'",
        "p.yaml:4:1: phases: no phase turns on the task 'peak_existence'",
    ]


def test_weight_and_ramp_of_a_single_task(kinds: Kinds) -> None:
    text = f"""phases:
- {{name: a, turn_on: {{signal: 0.3}}, ramp: 5 steps, duration: 9 steps}}
- {{name: b, turn_on: {OTHERS}, ramp: 5 steps, duration: 9 steps}}
"""
    assert warnings_of(text, kinds) == [
        (
            "p.yaml:5:31: phases[0].turn_on.signal: the weight 0.3 has no effect in this phase: "
            "a single active task's weight has no effect under AdamW"
        ),
        (
            "p.yaml:5:43: phases[0].ramp: the ramp has no effect: "
            "a single active task's weight has no effect under AdamW"
        ),
    ]


def test_ramp_of_all_tasks_at_once(kinds: Kinds) -> None:
    text = f"""phases:
- {{name: a, turn_on: {OTHERS}, ramp: 5 steps, duration: 9 steps}}
- {{name: b, turn_on: {{signal: 1}}, duration: 9 steps}}
"""
    assert warnings_of(text, kinds) == [
        (
            "p.yaml:5:85: phases[0].ramp: the ramp has no effect: "
            "all active tasks' weights grow alike, which has no effect under AdamW"
        ),
    ]


def test_weights_count_under_sgd(kinds: Kinds) -> None:
    text = f"""defaults: {{optimizer: {{kind: sgd, learning_rate: 1}}}}
phases:
- {{name: a, turn_on: {{signal: 0.3}}, ramp: 5 steps, duration: 9 steps}}
- {{name: b, turn_on: {OTHERS}, duration: 9 steps}}
"""
    assert warnings_of(text, kinds) == []


def test_tasks_of_the_users_own_model(kinds: Kinds) -> None:
    text = """experiment: ears
model: {kind: python, factory: "m:f"}
data: {kind: synthetic}
phases:
- {name: a, turn_on: {first: 1}, duration: 9 steps}
"""
    loaded = load_plan_text(text, "p.yaml", kinds)
    assert loaded.warnings == ()
    specs = [TaskSpec(name="first"), TaskSpec(name="second")]
    assert [str(problem) for problem in unused_tasks(loaded, specs)] == [
        "p.yaml:4:1: phases: no phase turns on the task 'second'"
    ]


def test_class_losses_that_train_nothing(kinds: Kinds) -> None:
    text = f"""defaults: {{class_loss: {{kind: focal}}}}
phases:
- {{name: a, turn_on: {{signal: 1, peak_existence: 1, peak_latency: 1}}, duration: 9 steps}}
- {{name: b, class_loss: {{kind: cross_entropy}}, duration: 9 steps}}
- {{name: c, turn_on: {OTHERS}, class_loss: {{kind: class_balanced}}, duration: 9 steps}}
"""
    assert warnings_of(text, kinds) == [
        (
            "p.yaml:4:12: defaults.class_loss: the class loss has no effect in any phase that it "
            "is for: no task with classes is on"
        ),
        (
            "p.yaml:7:13: phases[1].class_loss: the class loss has no effect in this phase: "
            "no task with classes is on"
        ),
    ]
    used = text + "- {name: d, duration: 9 steps}\n"
    assert len(warnings_of(used, kinds)) == 1


def test_the_default_class_loss_may_be_written_without_a_warning(kinds: Kinds) -> None:
    text = """defaults: {class_loss: {kind: logit_adjusted}}
phases:
- {name: a, turn_on: {signal: 1, peak_existence: 1, peak_latency: 1}, duration: 9 steps}
- {name: b, turn_on: {classification: 1}, duration: 9 steps, class_loss: {tau: 0.5}}
"""
    assert warnings_of(text, kinds) == []


def test_class_losses_of_a_model_of_ones_own(kinds: Kinds) -> None:
    text = """experiment: ears
model: {kind: python, factory: "m:f"}
data: {kind: synthetic}
defaults: {class_loss: {kind: focal}}
phases:
- {name: a, turn_on: {first: 1}, duration: 9 steps}
"""
    loaded = load_plan_text(text, "p.yaml", kinds)
    assert loaded.warnings == ()
    specs = [TaskSpec(name="first"), TaskSpec(name="second")]
    assert [str(problem) for problem in idle_class_losses(loaded, specs)] == [
        (
            "p.yaml:4:12: defaults.class_loss: the class loss has no effect in any phase "
            "that it is for: the model has no task with classes"
        )
    ]
    assert idle_class_losses(loaded, [TaskSpec(name="first", classes=True)]) == []
