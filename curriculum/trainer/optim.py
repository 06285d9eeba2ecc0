"""Optimizers whose memory is kept by the name of the parameter.

torch matches an optimizer's state to parameters by position, so that a head turned on, or
parameters in another order, silently swap their moments. Here each parameter finds its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from curriculum.config.schema import AdamW, Sgd, Training
from curriculum.state import OptimizerState, ParameterState

Named = Mapping[str, nn.Parameter]
SHARE = "share"  # of the learning rate, in a group of parameters


def is_head(name: str) -> bool:
    """Whether a parameter or buffer of this name belongs to a head, and not to the trunk."""
    return name.startswith("heads.")


def trained_parameters(model: nn.Module, heads: Iterable[str]) -> dict[str, nn.Parameter]:
    """Parameters of the trunk and of these heads that want a gradient, by name."""
    on = tuple(f"heads.{head}." for head in heads)
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (name.startswith(on) or not is_head(name))
    }


def make_optimizer(training: Training, parameters: Named) -> torch.optim.Optimizer:
    """The optimizer that a plan asks for, over these parameters: the trunk's, then the heads'."""
    settings = training.optimizer
    groups = [
        {"params": chosen, SHARE: share}
        for share, of_heads in ((training.trunk_rate, False), (1.0, True))
        if (chosen := [p for name, p in parameters.items() if is_head(name) is of_heads])
    ]
    match settings:
        case AdamW():
            return torch.optim.AdamW(
                groups,
                lr=settings.learning_rate,
                betas=settings.betas,
                eps=settings.eps,
                weight_decay=settings.weight_decay,
                fused=all(parameter.is_floating_point() for parameter in parameters.values()),
            )
        case Sgd():
            return torch.optim.SGD(
                groups,
                lr=settings.learning_rate,
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                weight_decay=settings.weight_decay,
                foreach=True,
            )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter its share of a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[SHARE]


def export_state(kind: str, optimizer: torch.optim.Optimizer, parameters: Named) -> OptimizerState:
    """A copy of what the optimizer remembers, by parameter name, on the CPU."""
    return OptimizerState(
        kind=kind,
        parameters={
            name: {
                field: value.detach().cpu().clone() if isinstance(value, Tensor) else value
                for field, value in optimizer.state[parameter].items()
            }
            for name, parameter in parameters.items()
            if optimizer.state.get(parameter)
        },
    )


def import_state(
    saved: OptimizerState, kind: str, optimizer: torch.optim.Optimizer, parameters: Named
) -> bool:
    """Give each parameter its own memory back; False where another kind of optimizer wrote it.

    Parameters without a memory, such as those of a head that was just turned on, start afresh.
    """
    if saved.kind != kind:
        return False
    for name, parameter in parameters.items():
        if name in saved.parameters:
            optimizer.state[parameter].update(_moved(saved.parameters[name], parameter))
    return True


def _moved(saved: ParameterState, parameter: nn.Parameter) -> dict[str, Tensor | float | int]:
    # A count of steps (a scalar tensor) stays where torch keeps it: with fused kernels, on the
    # device.
    return {
        field: value.to(parameter.device, copy=True) if isinstance(value, Tensor) else value
        for field, value in saved.items()
    }
