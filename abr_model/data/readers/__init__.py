"""Readers of clinical and laboratory formats.

A reader tells its files by their beginning and gives their recordings as they are; what all have in
common (units, resampling, the window, plausibility) happens once, behind them:

```python
dataset = read_path(Path("exports"), Options(window_ms=12.0))
```

A new format is a class with `Reader`'s members, a line in `registry.READERS`, and golden files.
"""

from abr_model.data.readers.registry import read_path, read_paths
from abr_model.data.readers.trace import Options

__all__ = ["Options", "read_path", "read_paths"]
