"""From a plan's block to the strategy."""

from __future__ import annotations

from collections.abc import Callable

from curriculum.balance.calibrated import CalibratedBalance
from curriculum.balance.dwa import DwaBalance
from curriculum.balance.fixed import FIXED, LOG
from curriculum.balance.gradnorm import GradNormBalance
from curriculum.balance.protocol import Balance
from curriculum.balance.uncertainty import UncertaintyBalance
from curriculum.config import schema
from curriculum.units import Duration


def make_balance(settings: schema.Balance, steps: Callable[[Duration], int]) -> Balance:
    """The strategy that a plan asks for; `steps` gives a duration in optimizer steps."""
    match settings:
        case schema.Fixed():
            return FIXED
        case schema.Log():
            return LOG
        case schema.Calibrated() | schema.TorchJd():
            return CalibratedBalance(settings)
        case schema.Uncertainty():
            return UncertaintyBalance(settings)
        case schema.Dwa():
            return DwaBalance(settings, steps(Duration(1, "epochs")))
        case schema.GradNorm():
            return GradNormBalance(settings, max(1, steps(settings.measure_every)))
