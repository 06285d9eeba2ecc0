"""How loss components become one number.

    balance = make_balance(settings)
    state = balance.start({}, {"signal": 3.2})       # when a task is turned on
    factors = balance.factors(state, ["signal"])     # {"signal": 0.3125}
    state = balance.update(state, {"signal": 3.1})   # after each optimizer step

A strategy is pure: its state is a mapping of names to numbers that the checkpoint carries. A task's
contribution to the total is weight x factor x loss.
"""

from curriculum.balance.protocol import Balance, State
from curriculum.balance.strategies import CalibratedBalance, FixedBalance, make_balance

__all__ = ["Balance", "CalibratedBalance", "FixedBalance", "State", "make_balance"]
