"""The ABR data: synthetic ears with all labels, and human recordings without.

```python
data = synthetic_data(1500, 6, 15.0, 0.15, 0.15, seed=42)
batch = data.splits["train"].batch(np.arange(24))
batch["recording_uv"].shape  # (24, 300): 15 ms at 20 kHz
```

What is named here is imported when it is first used: `abr_model.data.summary` works without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AbrData": "source",
    "AbrSplit": "source",
    "mixed_data": "build",
    "recordings_data": "build",
    "synthetic_data": "build",
}
__all__ = ["AbrData", "AbrSplit", "mixed_data", "recordings_data", "synthetic_data"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
