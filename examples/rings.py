"""A model and data of one's own: `abr-curriculum run examples/rings.yaml --trust-plan`.

Points on three noisy rings; one task says how far a point lies from the middle, one on which ring.
"""

import math

import torch
from torch import nn

from curriculum import Assembly, Classification, Regression, SharedTrunk, TensorData


def data(samples: int) -> TensorData:
    """Training and validation points, never the same ones."""
    return TensorData(train=points(samples, seed=0), validation=points(samples // 4, seed=1))


def points(samples: int, seed: int) -> dict[str, torch.Tensor]:
    """Points (B, 2) with their ring (B) and radius (B); a third of the radii is not known."""
    random = torch.Generator().manual_seed(seed)
    ring = torch.randint(0, 3, (samples,), generator=random)
    radius = 1.0 + ring + 0.2 * torch.randn(samples, generator=random)
    angle = 2 * math.pi * torch.rand(samples, generator=random)
    known = torch.rand(samples, generator=random) > 1 / 3
    return {
        "point": torch.stack([radius * angle.cos(), radius * angle.sin()], 1),
        "ring": ring,
        "radius": radius.masked_fill(~known, math.nan),
    }


def build(data: TensorData, hidden: int) -> Assembly:
    """One trunk, two heads; the names of tasks, heads and targets are the same."""
    del data  # nothing about this model depends on it
    trunk = nn.Sequential(nn.Linear(2, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
    heads = {"radius": nn.Linear(hidden, 1), "ring": nn.Linear(hidden, 3)}
    model = SharedTrunk("point", trunk, heads)
    return Assembly(model=model, tasks=(Regression("radius"), Classification("ring")))
