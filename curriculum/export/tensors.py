"""The tensors of a model as a safetensors file, with what they are in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def write_tensors(tensors: Mapping[str, Tensor], path: Path, about: str) -> None:
    """Write tensors. `about` is a JSON object; each of its facts is a string of the metadata."""
    import safetensors.torch

    facts: dict[str, Any] = json.loads(about)
    said = {n: each if isinstance(each, str) else json.dumps(each) for n, each in facts.items()}
    # Copies, since the format refuses tensors that share memory.
    whole = torch.contiguous_format
    own = {name: each.detach().clone(memory_format=whole) for name, each in tensors.items()}
    path.write_bytes(safetensors.torch.save(own, metadata={"format": "pt", **said}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file."""
    import safetensors.torch

    return safetensors.torch.load_file(path)
