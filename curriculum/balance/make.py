"""From a plan's block to the strategy."""

from __future__ import annotations

from collections.abc import Callable

from curriculum.balance.calibrated import CalibratedBalance
from curriculum.balance.dwa import DwaBalance
from curriculum.balance.fixed import FIXED, LOG
from curriculum.balance.gradnorm import GradNormBalance
from curriculum.balance.protocol import Balance
from curriculum.balance.uncertainty import UncertaintyBalance
from curriculum.config import balances
from curriculum.units import Duration


def make_balance(settings: balances.Balance, steps: Callable[[Duration], int]) -> Balance:
    """The strategy that a plan asks for; `steps` gives a duration in optimizer steps."""
    match settings:
        case balances.Fixed():
            return FIXED
        case balances.Log():
            return LOG
        case balances.Calibrated() | balances.TorchJd():
            return CalibratedBalance(settings)
        case balances.Uncertainty():
            return UncertaintyBalance(settings)
        case balances.Dwa():
            return DwaBalance(settings, steps(Duration(1, "epochs")))
        case balances.GradNorm():
            return GradNormBalance(settings, max(1, steps(settings.measure_every)))
