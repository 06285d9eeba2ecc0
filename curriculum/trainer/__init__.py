"""The loop that trains one phase, and what it is made of.

    state = PhaseTrainer(setting, phase).train(state)    # phase.py: the loop, on one screen

An `attempt` makes `update`s: `objective` computes losses, `differentiate` (with `gradients` and
`aggregation`) what the balance asks for, `optim` and `schedule` make a step of it, and `watch`
looks at the balance. `teacher` and `classes` say what a phase's tasks are trained on, `calibration`
measures what is turned on, `evaluation` and `judging` say how good the tasks are, `heads` proves
that what is off kept its bytes, `saving` keeps states, and `signals` ends it all in order.
"""
