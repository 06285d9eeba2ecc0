"""The ABR model: the trunk, a head for each task, and the constants that they were built with."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from abr_model.heads import LogisticReadout, Readout, SignalHead
from abr_model.standards import CLASSES, WAVES, Standards
from abr_model.trunk import DECODED, Trunk


class AbrModel(nn.Module):
    """Implements `curriculum.tasks.SharedModel`.

    Args:
        trunk: the shared part.
        base_channels: channels of the trunk's first level.
        n_levels: levels of the trunk.
        standards: constants of the training split; kept as buffers.
    """

    def __init__(
        self, trunk: Trunk, base_channels: int, n_levels: int, standards: Standards
    ) -> None:
        super().__init__()
        bottom, condition = base_channels * 2 ** (n_levels - 1), 4 * base_channels
        self.trunk = trunk
        self.heads = nn.ModuleDict(
            {
                "signal": SignalHead(base_channels),
                "classification": Readout(bottom, condition, len(CLASSES)),
                "peak_existence": Readout(bottom, condition, len(WAVES)),
                "peak_latency": LogisticReadout(bottom, condition, len(WAVES)),
                "peak_amplitude": LogisticReadout(bottom, condition, len(WAVES)),
                "threshold": LogisticReadout(bottom, condition, 1),
            }
        )
        self.constants = nn.Module()
        for name, value in standards.buffers().items():
            # The tensors themselves: loading a checkpoint gives the tasks its constants too.
            self.constants.register_buffer(name, value)

    def features(self, inputs: Mapping[str, Tensor], reads: frozenset[str]) -> Mapping[str, Tensor]:
        """Run the trunk on a view's input; the decoder only where it is read.

        `inputs` holds `x` (B, T), `time` (B) and `statics` (B, S), as views prepare them.
        """
        raw_BS = inputs["statics"]
        zero, scale = self.constants.conditions_zero, self.constants.conditions_scale
        statics_BS = ((raw_BS.double() - zero) / scale).to(raw_BS.dtype)  # type: ignore[operator]
        found: Mapping[str, Tensor] = self.trunk(
            inputs["x"], inputs["time"], statics_BS, decode=DECODED in reads
        )
        return found
