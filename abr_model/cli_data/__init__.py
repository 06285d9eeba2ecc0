"""The commands `data import`, `data describe` and `data synthesize`."""

from abr_model.cli_data.describing import describe
from abr_model.cli_data.importing import import_
from abr_model.cli_data.synthesizing import synthesize
from curriculum.cli import CommandGroup

DATA = CommandGroup(
    name="data",
    help="Bring your own recordings, look at them, or make synthetic ones.",
    commands=(import_, describe, synthesize),
)

__all__ = ["DATA"]
