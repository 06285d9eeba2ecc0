"""The picture of the console in the README: a moment of a run, drawn from its journal.

    python benchmarks/picture.py runs/abr-default docs/pictures/console.svg --phase peaks --step 700

Any run will do; its folder holds the journal.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from curriculum import journal  # noqa: E402 - the checkout beside this file
from curriculum.console.live import draw  # noqa: E402
from curriculum.console.progress import Progress  # noqa: E402


def main() -> None:
    """Fold the journal up to the moment, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("picture", type=Path, help="the SVG file to write")
    parser.add_argument("--phase", required=True)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--title", default="abr-curriculum run phases/default.yaml")
    options = parser.parse_args()
    progress, now = Progress(), 0.0
    for record in journal.live(journal.read(options.run / "journal.jsonl")):
        now = record["time"]
        progress.fold(journal.as_event(record), now)
        if (record.get("phase"), record.get("step")) == (options.phase, options.step):
            break
    console = Console(record=True, width=104, force_terminal=True, file=io.StringIO())
    console.print(draw(progress, now))
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_text(console.export_svg(title=options.title), encoding="utf-8")


if __name__ == "__main__":
    main()
