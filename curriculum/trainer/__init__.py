"""The loop that trains one phase, and what it is made of.

    state = PhaseTrainer(setting, phase).train(state)    # phase.py: the loop, on one screen

`objective` computes losses and gradients, `optim` and `schedule` make updates of them, `evaluation`
and `judging` say how good the tasks are, `calibration` measures what is turned on, `heads` proves
that what is off kept its bytes, and `signals` ends it all in order.
"""
