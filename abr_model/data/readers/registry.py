"""Which formats there are, and reading whatever lies at a path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from abr_model.data.dataset import Dataset, digest
from abr_model.data.plausibility import in_words
from abr_model.data.readers.assemble import assemble
from abr_model.data.readers.biosig import BioSigText
from abr_model.data.readers.eeg import Eeg
from abr_model.data.readers.epl import EplText
from abr_model.data.readers.joblib_set import JoblibSet
from abr_model.data.readers.smartep import SmartEp
from abr_model.data.readers.table import Table
from abr_model.data.readers.tdt import TdtCsv
from abr_model.data.readers.trace import Head, Options, Reader, Reading
from curriculum.errors import DataError

_START = 1 << 14  # bytes that a format is told from
Progress = Callable[[int, int], None]

READERS: Mapping[str, Reader] = {
    reader.name: reader
    for reader in (SmartEp(), TdtCsv(), BioSigText(), EplText(), JoblibSet(), Table(), Eeg())
}


def read_path(path: Path, options: Options, *, format: str | None = None) -> Dataset:
    """All recordings of a file, or of a folder with its subfolders; see `read_paths`."""
    return read_paths([path], options, format=format)


def read_paths(
    paths: Sequence[Path],
    options: Options,
    *,
    format: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """All recordings of files and folders, as one data set; subjects of one name are one subject.

    Formats are detected by content, unless `format` names one. Of a folder, files that have the
    ending of a known format and are none of it are named in the notices. `progress(done, of)`
    counts files.

    Raises:
        DataError: there is nothing that can be read, or a file is damaged.
    """
    where = ", ".join(map(str, paths))
    if options.mapping is not None and format is None:
        format = Table.name
    if format is not None and format not in READERS:
        raise DataError(f"`--format` must be one of {', '.join(READERS)}", found=repr(format))
    files = [each for path in paths for each in _files(Path(path), several=len(paths) > 1)]
    readings: list[Reading] = []
    sources: list[tuple[str, str]] = []
    versions: dict[str, int] = {}
    strangers: list[tuple[str, str]] = []
    for done, (file, name, alone) in enumerate(files):
        if progress is not None:
            progress(done, len(files))
        start = _read(file, _START)
        reader = _reader_of(Head(path=file, start=start, text=_text(start)), format, alone=alone)
        if reader is None:
            if alone:
                raise _unknown(file, start)
            if any(file.suffix.lower() in each.suffixes for each in READERS.values()):
                reason = "it is of no known format" if start.strip() else "it is empty"
                strangers.append((name, reason))
            continue
        content = _read(file)
        readings.append(reader.read(file, content, name, options))
        sources.append((name, hashlib.sha256(content).hexdigest()))
        versions[reader.name] = reader.version
    if not readings:
        said = "; ".join(in_words(strangers, of="files"))
        raise DataError(
            "the folder must hold recordings of a known format",
            found=said or f"{len(files)} files of other kinds",
            where=where,
            hint=_known(),
        )
    made = assemble(readings, options, where)
    return Dataset(
        recordings=made.recordings,
        subject_names=made.subject_names,
        sources=tuple(sources),
        notices=(*in_words(strangers, of="files"), *made.notices),
        z_scored=made.z_scored,
        content=digest(versions=versions, sources=sources, options=_plain(options)),
    )


def _files(path: Path, *, several: bool) -> list[tuple[Path, str, bool]]:
    """The files to look at, by name: path, name in messages, and whether it was named itself."""
    if path.is_file():
        return [(path, path.name, True)]
    if not path.is_dir():
        raise DataError(
            "recordings must lie in a file or a folder",
            found="nothing there",
            where=str(path),
            hint="Check the path",
        )
    visible = (p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    start = path.parent if several else path
    return [(p, p.relative_to(start).as_posix(), False) for p in sorted(visible)]


def _read(path: Path, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise DataError(
            "the file must be readable", found=error.strerror, where=str(path)
        ) from error


def _reader_of(head: Head, format: str | None, *, alone: bool) -> Reader | None:
    if format is not None:
        chosen = READERS[format]
        return chosen if alone or head.path.suffix.lower() in chosen.suffixes else None
    return next((reader for reader in READERS.values() if reader.sniff(head)), None)


def _text(start: bytes) -> str:
    """The beginning as text. UTF-16 is told by its mark, so that a reader can refuse it by name."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start.decode("utf-16", errors="replace")
    return start.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _unknown(path: Path, start: bytes) -> DataError:
    begins = _text(start).split("\n", 1)[0][:40]
    return DataError(
        "the file must be of a known format",
        found=f"one that begins with {begins!r}" if start.strip() else "an empty file",
        where=str(path),
        hint=_known(),
    )


def _known() -> str:
    return f"Known are {', '.join(READERS)}; a table of your own is described with `--mapping`"


def _plain(options: Options) -> dict[str, str]:
    """What of the options changes what is read; a mapping file by its content."""
    given = {name: str(value) for name, value in attrs.asdict(options).items() if value is not None}
    if options.mapping is not None:
        given["mapping"] = hashlib.sha256(_read(options.mapping)).hexdigest()
    return given
