"""Writes SmartEP text exports, in the layout of the system."""

from __future__ import annotations

import numpy as np

LABELS = ("Average:", "Average(uV):", "Buffer1:", "Buffer1(uV):", "Buffer2:", "Buffer2(uV):")


def halves(number: int, period_us: float, onset: int) -> np.ndarray:
    """(1024, 2) two halves in µV: a wave at 6 ms after onset, exact zeros long before it."""
    ms = (np.arange(1024) - onset) * period_us / 1000
    wave = np.exp(-0.5 * ((ms - 6) / 0.4) ** 2)
    apart = 0.1 * (number + 1) * np.cos(2 * np.pi * 0.3 * ms)
    both = np.stack([wave + apart, wave - apart], axis=1)
    both[ms < -2] = 0
    return np.round(both, 4)


def export_text(records: list[dict[str, object]] | None = None, *, subject: str = "EAR-1") -> str:
    """An export as SmartEP writes it; each record may override what its metadata say."""
    records = records or [{}, {"sweeps": 1000}]
    full = [
        {"level": 40, "sweeps": 500, "period": 50.0, "zero": 530, "rate": 37.1} | r for r in records
    ]

    def row(label: str, values: list[object]) -> str:
        return f"{label}," + "".join(f"{value},,,,,," for value in values)

    rows = [
        row("Identifier:", [subject] * len(full)),
        row("File Name:", [f"X.{i + 1}" for i in range(len(full))]),
        row("Ear:", ["R"] * len(full)),
        row("Intensity:", [r["level"] for r in full]),
        row("Stim. Rate:", [f" {r['rate']:.2f}" for r in full]),
        row("Sweeps:", [r["sweeps"] for r in full]),
        row("Smp. Period:", [f"{r['period']:.2f}" for r in full]),
        row("Zero Position:", [r["zero"] for r in full]),
        ",".join(["Data Pnt:", *LABELS * len(full)]) + ",",
    ]
    columns = [halves(i, float(r["period"]), int(r["zero"])) for i, r in enumerate(full)]
    for point in range(1024):
        cells = [f"{point + 1:4d}"]
        for both in columns:
            a, b = both[point]
            for value in ((a + b) / 2, a, b):
                cells += [f"{round(value * 1000):8d}", f"{value:10.5f}"]
        rows.append(",".join(cells) + ",")
    return "\n".join(rows) + "\n"
