"""An ear from its recordings: ways to combine predictions, judged on ears that are held out.

    python benchmarks/series.py runs/abr-default [--subjects 2000] [--recordings 6]

Synthetic ears of another seed than the run's are predicted with the run's newest checkpoint. For
the threshold: mean absolute error (with a 95 % interval by bootstrap of ears), the share of ears
within the 95 % interval, its mean width, and the interval score (Gneiting and Raftery 2007,
equation 43; lower is better). For the class: balanced accuracy, and the mean of -log probability
of the true class. `abr_model/series.py` is the choice.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model import logistic  # noqa: E402 - the checkout beside this file
from abr_model.cli import CLIENT  # noqa: E402
from abr_model.cli_predict.model import Model, open_model  # noqa: E402
from abr_model.data import synthetic_data  # noqa: E402
from abr_model.physical import with_prior  # noqa: E402
from abr_model.series import Ears, ears_of, pooled_scores, pooled_threshold  # noqa: E402
from curriculum.cli import load_run  # noqa: E402
from curriculum.trainer.predicting import predict  # noqa: E402

GRID_DB = torch.arange(-60.0, 180.0, 0.25, dtype=torch.float64)
HALF = logistic.half_width(0.95)
Array = NDArray[np.float64]
Intervals = Tensor  # (E, 3): value, low, high, in dB


def main() -> None:
    """Predict, combine, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--subjects", type=int, default=2000)
    parser.add_argument("--recordings", type=int, default=6, help="of each ear")
    parser.add_argument("--seed", type=int, default=777)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    folder, loaded = load_run(CLIENT, options.run, Path("runs"))
    model = open_model(folder, loaded, "cpu", options.threads, with_signal=False)
    found = predicted(model, options.subjects, options.recordings, options.seed)
    ears = ears_of(found["subject"])
    print(
        f"{options.run.name}, phase {model.phase}, step {model.step}; {ears.count} ears of seed "
        f"{options.seed}, {len(found['subject'])} recordings; {platform.platform()}\n"
    )
    thresholds(found, ears, options.seed)
    classes(found, ears, model)


def predicted(model: Model, subjects: int, recordings: int, seed: int) -> dict[str, Tensor]:
    """Distributions of thresholds in dB (N, 2), scores of classes (N, K), and the labels (N)."""
    data = synthetic_data(subjects, recordings, model.window_ms, 0.15, 0.15, seed=seed)
    units = model.standards.threshold_db
    parts: list[dict[str, Tensor]] = []
    for split in data.splits.values():
        for chunk in predict(model.assembly, model.tasks, split, 0, model.device, lambda *_: None):
            location, scale = chunk.predictions["threshold"][:, 0].double().unbind(-1)
            in_db = torch.stack([units.physical(location), units.lengths(scale)], -1)
            labels = {n: chunk.batch[n] for n in ("threshold_db", "hearing_class", "subject")}
            scores = chunk.predictions["classification"]
            parts.append({"threshold": in_db.double(), "score": scores, **labels})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


# --- thresholds ------------------------------------------------------------------------------
def averaged(power: float) -> Callable[[Tensor, Ears], Intervals]:
    """Average quantiles with weights 1/s^power."""

    def combine(distribution_N2: Tensor, ears: Ears) -> Intervals:
        location, scale = distribution_N2.unbind(-1)
        weight = scale**-power
        total = ears.total(weight)
        value, spread = ears.total(weight * location) / total, ears.total(weight * scale) / total
        return torch.stack([value, value - HALF * spread, value + HALF * spread], -1)

    return combine


def chosen(distribution_N2: Tensor, ears: Ears) -> Intervals:
    """What `abr_model/series.py` does."""
    value, scale = pooled_threshold(distribution_N2, ears).unbind(-1)
    return torch.stack([value, value - HALF * scale, value + HALF * scale], -1)


def log_pool(temper: float) -> Callable[[Tensor, Ears], Intervals]:
    """Multiply densities, each to the power n^-temper: 0 takes recordings as independent."""

    def combine(distribution_N2: Tensor, ears: Ears) -> Intervals:
        logs = ears.total(log_density(distribution_N2))
        return quantiles((logs * ears.sizes.double()[:, None] ** -temper).softmax(1))

    return combine


def corrected_pool(prior_G: Tensor, temper: float) -> Callable[[Tensor, Ears], Intervals]:
    """Multiply likelihoods p_i / prior, tempered, and the prior once."""

    def combine(distribution_N2: Tensor, ears: Ears) -> Intervals:
        log_prior = prior_G.log()
        logs = ears.total(log_density(distribution_N2) - log_prior)
        return quantiles((log_prior + logs * ears.sizes[:, None] ** -temper).softmax(1))

    return combine


def linear_pool(distribution_N2: Tensor, ears: Ears) -> Intervals:
    """Average densities."""
    return quantiles(ears.total(log_density(distribution_N2).softmax(1)) / ears.sizes[:, None])


def log_density(distribution_N2: Tensor) -> Tensor:
    """(N, G) on the grid, up to a constant."""
    location, scale = distribution_N2[:, :1], distribution_N2[:, 1:]
    z = (GRID_DB - location).abs() / scale
    return -z - 2 * torch.nn.functional.softplus(-z) - scale.log()


def quantiles(mass_EG: Tensor) -> Intervals:
    """Median and the ends of the central 95 % interval of masses on the grid."""
    cumulated = mass_EG.cumsum(1)
    ends = [
        torch.searchsorted(cumulated, torch.full((len(mass_EG), 1), q, dtype=torch.float64))
        for q in (0.5, 0.025, 0.975)
    ]
    return GRID_DB[torch.cat(ends, 1).clamp_max(len(GRID_DB) - 1)]


def thresholds(found: dict[str, Tensor], ears: Ears, seed: int) -> None:
    """The table of ways to combine thresholds."""
    label_E = ears.total(found["threshold_db"]) / ears.sizes
    known_E = label_E.isfinite()
    spread = 5.0  # of the kernel by which the prior is smoothed, dB
    kernel = -0.5 * ((GRID_DB - label_E[known_E][:, None]) / spread).square()
    prior_G = kernel.exp().mean(0) + 1e-6
    ways: dict[str, Callable[[Tensor, Ears], Intervals]] = {
        "quantiles averaged, weights 1": averaged(0),
        "quantiles averaged, weights 1/s (chosen)": chosen,
        "quantiles averaged, weights 1/s²": averaged(2),
        "densities averaged": linear_pool,
        "product, as if independent": log_pool(0),
        "product to the power 1/√n": log_pool(0.5),
        "product to the power 1/n": log_pool(1),
        "likelihoods, power 1/√n, and prior": corrected_pool(prior_G, 0.5),
        "likelihoods, power n^-3/4, and prior": corrected_pool(prior_G, 0.75),
    }
    print(f"{'threshold':46}{'MAE dB':>8}{'95 %':>17}{'coverage':>10}{'width dB':>10}{'score':>8}")
    single = found["threshold"]
    row(
        "one recording",
        chosen(single, ears_of(torch.arange(len(single)))),
        found["threshold_db"].double(),
        seed,
    )
    for name, combine in ways.items():
        row(name, combine(single, ears), label_E, seed)
    median = label_E[known_E].median()
    print(f"{'the median of all ears':46}{float((label_E[known_E] - median).abs().mean()):8.2f}")


def row(name: str, found: Intervals, label: Tensor, seed: int) -> None:
    """A line of the table."""
    known = label.isfinite()
    value, low, high = found[known].unbind(-1)
    truth = label[known]
    error = (value - truth).abs().numpy()
    random = np.random.default_rng(seed)
    means = [error[random.integers(0, len(error), len(error))].mean() for _ in range(1000)]
    ends = np.quantile(means, [0.025, 0.975])
    inside = float(((low <= truth) & (truth <= high)).double().mean())
    missed = (low - truth).clamp_min(0) + (truth - high).clamp_min(0)
    score = float((high - low + 2 / 0.05 * missed).mean())
    width = float((high - low).mean())
    print(
        f"{name:46}{error.mean():8.2f}{f'{ends[0]:.2f} to {ends[1]:.2f}':>17}{inside:10.3f}"
        f"{width:10.1f}{score:8.1f}"
    )


# --- classes ---------------------------------------------------------------------------------
def classes(found: dict[str, Tensor], ears: Ears, model: Model) -> None:
    """The table of ways to combine classes."""
    label_E = (ears.total(found["hearing_class"]) / ears.sizes).round().long()
    log_NK = found["score"].double().log_softmax(1)
    whole = with_prior(log_NK, model.standards).softmax(1)
    ways = {
        "probabilities averaged": (ears.total(whole) / ears.sizes[:, None]).log(),
        "likelihoods, as if independent": with_prior(ears.total(log_NK), model.standards),
        "likelihoods, n / (1 + 0.3 (n - 1)) (chosen)": with_prior(
            pooled_scores(found["score"], ears), model.standards
        ),
        "likelihoods to the power 1/√n": with_prior(
            ears.total(log_NK) / ears.sizes.double().sqrt()[:, None], model.standards
        ),
        "likelihoods to the power 1/n": with_prior(
            ears.total(log_NK) / ears.sizes[:, None], model.standards
        ),
    }
    print(f"\n{'class':46}{'balanced accuracy':>19}{'-log p':>9}")
    class_row("one recording", whole.log(), found["hearing_class"], model)
    for name, logits in ways.items():
        class_row(name, logits.log_softmax(1), label_E, model)


def class_row(name: str, log_probability: Tensor, label: Tensor, model: Model) -> None:
    """A line of the table."""
    balanced = log_probability - model.standards.class_prior.clamp_min(1e-8).double().log()
    said = balanced.argmax(1)
    recalls = [(said[label == k] == k).double().mean() for k in label.unique()]
    surprise = -log_probability.gather(1, label[:, None]).mean()
    print(f"{name:46}{float(torch.stack(recalls).mean()):19.3f}{float(surprise):9.3f}")


if __name__ == "__main__":
    main()
