"""A terminal for programs under test, and what is on its screen in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


def on_terminal(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    columns: int = 200,
    rows: int = 100,
) -> tuple[int, str]:
    """Run a program whose three streams are a terminal; its exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = bytearray()
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:
        pass  # EIO: the last process has let go of the terminal
    finally:
        os.close(ours)
    return process.wait(60), written.decode()


def colours(text: str) -> set[str]:
    """Every colour that a text sets; bold and dim are none."""
    codes = {
        code for found, kind in _ESCAPE.findall(text) if kind == "m" for code in found.split(";")
    }
    return {code for code in codes if re.fullmatch(r"[349][0-8]|10[0-7]", code)}


def screen(text: str) -> str:
    """What a terminal shows after a text that moves the cursor up, and erases lines."""
    lines, row, column, at = [""], 0, 0, 0
    while at < len(text):
        if escape := _ESCAPE.match(text, at):
            at = escape.end()
            match escape[2]:
                case "A":
                    row -= int(escape[1] or 1)
                    assert row >= 0, "the text moves above its first line"
                case "K":
                    assert escape[1] == "2"
                    lines[row] = ""
                case "m" | "h" | "l":
                    pass
                case _:
                    raise NotImplementedError(escape[0])
            continue
        character = text[at]
        at += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = f"{lines[row][:column]:{column}}{character}{lines[row][column + 1 :]}"
            column += 1
    return "".join(f"{line.rstrip()}\n" for line in lines).rstrip("\n") + "\n"
