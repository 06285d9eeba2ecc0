"""The engine from Python: two tasks about made-up weather, one after the other.

    python examples/weather.py

The plan is a text here; a file's path does as well.
"""

import tempfile
from pathlib import Path

import torch
from torch import nn

import curriculum
from curriculum import Assembly, Classification, Regression, SharedTrunk, TensorData

PLAN = """
experiment: weather
model: {kind: mine}
data: {kind: mine}
defaults: {global_batch: 32, evaluate_every: 100 steps, optimizer: {learning_rate: 3e-3}}
phases:
  - {name: temperature, turn_on: {temperature: 1.0}, duration: 300 steps}
  - {name: rain, turn_on: {rain: 1.0}, ramp: 50 steps, duration: 300 steps}
"""


def days(count: int, seed: int) -> dict[str, torch.Tensor]:
    """Pressure, humidity, season and wind of some days (B, 4), with what they lead to."""
    random = torch.Generator().manual_seed(seed)
    sky = torch.randn(count, 4, generator=random)
    temperature = 12 + 8 * sky[:, 2].sin() - 2 * sky[:, 3]
    rain = ((sky[:, 1] - sky[:, 0]) > 0.7).long()
    return {"sky": sky, "temperature": temperature, "rain": rain}


def build() -> Assembly:
    """A shared trunk and two heads."""
    trunk = nn.Sequential(nn.Linear(4, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU())
    heads = {"temperature": nn.Linear(32, 1), "rain": nn.Linear(32, 2)}
    tasks = (Regression("temperature"), Classification("rain"))
    return Assembly(model=SharedTrunk("sky", trunk, heads), tasks=tasks)


if __name__ == "__main__":
    data = TensorData(train=days(2000, seed=0), validation=days(500, seed=1))
    with tempfile.TemporaryDirectory() as folder:
        for phase in curriculum.train(PLAN, build=build, data=data, runs_dir=Path(folder)):
            skills = ", ".join(f"{task} {skill:.2f}" for task, skill in phase["skill"].items())
            print(f"{phase['name']}: {phase['steps']} steps, skill {skills}")
