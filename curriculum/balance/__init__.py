"""How loss components become one number.

    balance = make_balance(settings, phase.steps)
    state = balance.start({}, {"signal": 3.2})       # when a task is turned on
    terms = balance.terms(state, ["signal"])         # {"signal": Term(factor=0.3125)}
    state = balance.update(state, {"signal": 3.1}, {})  # after each optimizer step

A strategy is pure: its state is a few numbers for each task, which the checkpoint carries. A task's
contribution to the total is weight x term(loss). The plan's weight acts after the term, so that it
is a share. `watching` judges what came of it.
"""

from curriculum.balance.make import make_balance
from curriculum.balance.protocol import Balance, State, Term

__all__ = ["Balance", "State", "Term", "make_balance"]
