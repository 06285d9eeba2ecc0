"""`data describe`: what recordings there are, of a path or of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import Parameter

from abr_model.cli_data.common import progress_of
from curriculum import console
from curriculum.cli import AsJson, Client, Command, Quiet, print_json
from curriculum.config import load_plan
from curriculum.errors import UsageError

if TYPE_CHECKING:
    from abr_model.data.dataset import Dataset
    from abr_model.data.partition import Partition

Found = tuple[str, "Dataset", "Partition | None"]
Progress = Callable[[int, int], None]


def describe(client: Client) -> Command:
    """Say what recordings there are."""

    def describe(
        path: Annotated[
            Path, Parameter(help="A data set, files of a known format, or a plan (`.yaml`).")
        ],
        /,
        *,
        window_ms: Annotated[
            float | None, Parameter(help="Look at so much after stimulus onset, in ms.")
        ] = None,
        picture: Annotated[
            Path | None, Parameter(help="Write the grand averages as a picture, such as `.png`.")
        ] = None,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Count recordings by class, level and subject, and show what is missing.

        Draws the grand average of each level. A data set's arrays are compared with their
        checksums. Of a plan, its data are described, split as a run would split them.
        """
        from abr_model.cli_data.describing_text import as_lines
        from abr_model.data.description import describe, grand_averages
        from abr_model.data.pictures import as_text, write_picture

        with console.observe(quiet=quiet) as observer:
            progress = progress_of(observer, "reading")
            if path.suffix.lower() in (".yaml", ".yml"):
                found = list(_of_plan(client, path, progress))
            else:
                found = [(str(path), _verified(path, window_ms, progress), None)]
        documents: list[dict[str, Any]] = []
        for place, (name, dataset, split) in enumerate(found):
            document = {"data": name, **describe(dataset, split)}
            averages = grand_averages(dataset.recordings)
            unit = "σ" if dataset.z_scored else "µV"
            if picture is not None:
                numbered = picture.with_stem(f"{picture.stem}-{place + 1}") if place else picture
                write_picture(averages, unit, numbered)
            if not json:
                console.warn_lines(document["notices"])
                console.say("\n".join(as_lines(document)))
                console.say(as_text(averages, unit))
            documents.append(document)
        if json:
            print_json({"data": documents})
        return 0

    return describe


def _verified(path: Path, window_ms: float | None, progress: Progress) -> Dataset:
    from abr_model.data.readers import Options, read_paths
    from abr_model.data.sources import open_any

    found = open_any(path, verify=True, progress=progress)
    if found is None:
        return read_paths([path], Options(window_ms=window_ms or 15.0), progress=progress)
    return found if window_ms is None else found.in_window(window_ms, str(path))


def _of_plan(client: Client, path: Path, progress: Progress) -> Iterator[Found]:
    """The data of a plan: synthetic ears, recordings, or both."""
    from abr_model.config import Mixed, RecordingsFolder, Synthetic
    from abr_model.data.made import made_dataset
    from abr_model.data.partition import partition
    from abr_model.data.sources import find_recordings

    plan = load_plan(path, client.kinds, overrides=[]).plan
    settings = plan.data.settings
    if isinstance(settings, Mixed):
        synthetic, human, window_ms = (
            settings.synthetic,
            settings.recordings,
            settings.synthetic.window_ms,
        )
    elif isinstance(settings, RecordingsFolder):
        synthetic, human, window_ms = None, settings, settings.window_ms
    elif isinstance(settings, Synthetic):
        synthetic, human, window_ms = settings, None, settings.window_ms
    else:
        raise UsageError(
            "the plan's data must be synthetic, recordings or mixed",
            found=f"`{plan.data.kind}`",
            where=str(path),
        )
    if synthetic is not None:
        progress(0, 1)
        yield ("synthetic", *made_dataset(**attrs.asdict(synthetic), seed=plan.seed))
    if human is not None:
        dataset = find_recordings(human.path, window_ms)
        shares = (human.validation_share, human.test_share)
        yield str(human.path), dataset, partition(dataset, *shares)
