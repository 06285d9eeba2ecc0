"""Which formats there are, and which packages each of them takes. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import attrs

from curriculum.errors import UsageError

EXTRA = "export"


@attrs.frozen(kw_only=True)
class Format:
    """A format: its name, the ending of its files, and the packages that it takes."""

    name: str
    suffix: str
    packages: tuple[str, ...] = ()

    @property
    def is_program(self) -> bool:
        """Whether it holds a program, rather than tensors alone."""
        return self.name != SAFETENSORS


SAFETENSORS, TORCH_EXPORT, ONNX = "safetensors", "torch-export", "onnx"
FORMATS = {
    each.name: each
    for each in (
        Format(name=SAFETENSORS, suffix=".safetensors", packages=("safetensors",)),
        Format(name=TORCH_EXPORT, suffix=".pt2"),
        Format(name=ONNX, suffix=".onnx", packages=("onnx", "onnxscript", "onnxruntime")),
    )
}


def chosen(names: Sequence[str], distribution: str) -> tuple[Format, ...]:
    """The formats of these names, each once; `distribution` is what to install for more of them.

    Raises:
        UsageError: there is no such format, or what it takes is not installed.
    """
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"`--format` must be one of {', '.join(FORMATS)}", found=repr(name))
    found = tuple(FORMATS[name] for name in dict.fromkeys(names))
    for each in found:
        absent = [package for package in each.packages if find_spec(package) is None]
        if absent:
            raise UsageError(
                f"the packages of the format `{each.name}` must be installed",
                found=f"no {', '.join(absent)}",
                hint=f"Run `pip install '{distribution}[{EXTRA}]'`",
            )
    return found
