"""A tiny model, its tasks and data for tests of the engine: two views, dropout, noise.

`shape` is a regression that reads the decoder on a noised view, `kind` a classification with
missing labels, `size` a regression; the last two read the encoder on the observed view. So does
`sign`, a second classification for those that ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from curriculum.supervised import Classification, Regression, TensorData
from curriculum.tasks import OBSERVED, Assembly, Batch, Draws

WIDTH = 8
CALLS: list[str] = []
"""Which parts ran, in order; tests clear it."""


@attrs.frozen
class Noised:
    """The input with noise that belongs to each sample."""

    name: str = "noised"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        noise = draws.normal("noise", WIDTH)
        return {**batch, "x": batch["x"] + 0.3 * noise * draws.uniform("amount", 1)}


@attrs.frozen
class Shape:
    """Give back the clean input from the noised one."""

    name: str = "shape"
    group: str = "shape"
    view: Noised = Noised()
    reads: frozenset[str] = frozenset({"decoded"})
    better: Mapping[str, Literal["higher", "lower"]] = attrs.field(
        factory=lambda: {"shape/mse": "lower"}
    )

    @property
    def score(self) -> Shape:
        return self

    def count(self, batch: Batch) -> float:
        return float(len(batch["x"]))

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        return (prediction - inputs["clean"]).square().mean(1).sum()

    def objection(self, batch: Batch) -> str | None:
        del batch

    def keep(self, prediction: Tensor, inputs: Batch) -> Mapping[str, Tensor]:
        return {"error": (prediction.double() - inputs["clean"].double()).square().mean(1)}

    def error(self, kept: Mapping[str, Tensor]) -> float | None:
        return float(kept["error"].mean())

    def metrics(self, kept: Mapping[str, Tensor]) -> Mapping[str, float]:
        return {"shape/mse": float(kept["error"].mean())}

    def trivial(self, train: Batch) -> Mapping[str, Callable[[Batch], Tensor]]:
        return {"zero": lambda inputs: torch.zeros_like(inputs["clean"]), "raw": lambda i: i["x"]}


class TinyModel(nn.Module):
    """Encoder, decoder, three heads; a head with batch statistics, so that drift would show."""

    def __init__(self, hidden: int = 16, dropout: float = 0.1, signs: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(WIDTH, hidden), nn.Tanh(), nn.Dropout(dropout))
        self.decoder = nn.Linear(hidden, hidden)
        self.heads = nn.ModuleDict(
            {
                "shape": TinyHead("shape", "decoded", nn.Linear(hidden, WIDTH)),
                "kind": TinyHead(
                    "kind", "encoded", nn.Sequential(nn.BatchNorm1d(hidden), nn.Linear(hidden, 3))
                ),
                "size": TinyHead("size", "encoded", nn.Linear(hidden, 1)),
            }
        )
        if signs:
            self.heads["sign"] = TinyHead("sign", "encoded", nn.Linear(hidden, 2))

    def features(self, inputs: Batch, reads: frozenset[str]) -> Mapping[str, Tensor]:
        CALLS.append("encoder")
        encoded = self.encoder(inputs["x"])
        if "decoded" not in reads:
            return {"encoded": encoded}
        CALLS.append("decoder")
        return {"encoded": encoded, "decoded": torch.tanh(self.decoder(encoded))}


class TinyHead(nn.Module):
    def __init__(self, name: str, reads: str, inner: nn.Module) -> None:
        super().__init__()
        self.name, self.reads, self.inner = name, reads, inner

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        CALLS.append(self.name)
        found: Tensor = self.inner(features[self.reads])
        return found


class Louder:
    """A regression with its loss multiplied by a number."""

    def __init__(self, inner: Regression, times: float) -> None:
        self.inner, self.times = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def measured(self, train: Batch) -> Any:
        found = self.inner.measured(train)
        return attrs.evolve(found, task=Louder(found.task, self.times))

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        return self.times * self.inner.loss_sum(prediction, inputs)


def build(
    data: Any, hidden: int = 16, dropout: float = 0.1, times: float = 1.0, signs: bool = False
) -> Assembly:
    """The factory that plans name; `times` multiplies the loss of `size`."""
    del data
    reads = frozenset({"encoded"})
    size = Regression("size", view=OBSERVED, reads=reads)
    return Assembly(
        model=TinyModel(hidden, dropout, signs),
        tasks=(
            Shape(),
            Classification("kind", view=OBSERVED, reads=reads),
            size if times == 1 else Louder(size, times),
            *([Classification("sign", view=OBSERVED, reads=reads)] if signs else []),
        ),
    )


def data(samples: int = 120, seed: int = 0, scale: float = 1.0) -> TensorData:
    """The data that plans name."""
    return TensorData(train=_batch(samples, seed, scale), validation=_batch(60, seed + 1000, scale))


def _batch(samples: int, seed: int, scale: float) -> Batch:
    random = np.random.default_rng(seed)
    clean = random.standard_normal((samples, WIDTH)).cumsum(1) / 2
    kind = np.digitize(clean[:, -1], [-1.0, 1.0])
    kind[random.random(samples) < 0.2] = -1
    size = clean[:, :4].sum(1) * scale
    size[random.random(samples) < 0.2] = np.nan
    return {
        "x": torch.from_numpy(clean + 0.05 * random.standard_normal(clean.shape)).float(),
        "clean": torch.from_numpy(clean).float(),
        "kind": torch.from_numpy(kind),
        "size": torch.from_numpy(size).float(),
        "sign": torch.from_numpy((clean[:, 0] > 1.0).astype(np.int64)),
    }


def other_data(samples: int = 120) -> TensorData:
    """Other data than `data`, by another name."""
    return data(samples, seed=5)


def uneven_data(samples: int = 120) -> TensorData:
    """Data of which most sizes are one and the same."""
    made = data(samples)
    size = made.train["size"].clone()
    size[: 3 * samples // 4] = 2.0
    return TensorData(train={**made.train, "size": size}, validation=made.validation)


@attrs.frozen
class Trapped(Noised):
    """Now and then, as the draws of a sample fall, its numbers are multiplied by `factor`."""

    name: str = "trapped"
    chance: float = 0.01
    factor: float = float("nan")

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        prepared = super().prepare(batch, draws)
        sprung = draws.uniform("trap", 1) < self.chance
        spoilt = {name: prepared[name] * self.factor for name in ("x", "clean")}
        return prepared | {n: torch.where(sprung, bad, prepared[n]) for n, bad in spoilt.items()}


def build_trapped(data: Any, factor: float = float("nan"), chance: float = 0.01) -> Assembly:
    """The factory of a model whose first task meets samples that spoil a step, now and then."""
    assembly = build(data)
    shape = attrs.evolve(Shape(), view=Trapped(factor=factor, chance=chance))
    return attrs.evolve(assembly, tasks=(shape, *assembly.tasks[1:]))
