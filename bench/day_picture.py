"""The picture of `bench.long_day`: four panels over the day's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from bench.day_plan import CLOSES, OPENS

ACCENT, DARK, MIDDLE, LIGHT, GRID = "#0f766e", "#374151", "#8b929c", "#c4c9d0", "#eceef1"
COLOURS = 64
WIDTH_INCHES, HEIGHT_INCHES, DPI = 16.0, 14.0, 100


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Write the picture of what `bench.long_day` has found, as a PNG of few colours."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DPI, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(hspace=0.05)  # type: ignore[union-attr,call-arg]
    panels = figure.subplots(4, 1, sharex=True)
    _throughput(panels[0], found["spans"])
    _lateness(panels[1], found["spans"])
    _queue(panels[2], found["samples"])
    _memory(panels[3], found["samples"])
    for panel in panels:
        _dress(panel)
    hours = range(int(OPENS), int(CLOSES) + 1)
    panels[3].set_xticks(hours, [f"{hour}:00" for hour in hours])
    form = found["form"]
    panels[3].set_xlabel(f"the day's clock, an hour in {form['hour_seconds']:g} s; {form['salons']:,} salons")
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def _throughput(panel: Axes, spans: Sequence[Mapping[str, Any]]) -> None:
    hours = [one["hour"] for one in spans]
    panel.fill_between(hours, [one["per_second"] for one in spans], color=ACCENT, alpha=0.15, step="mid", linewidth=0)
    panel.step(hours, [one["per_second"] for one in spans], color=ACCENT, where="mid", label="texts sent")
    panel.step(hours, [one["calls_per_second"] for one in spans], color=DARK, where="mid", label="calls answered")
    _name(panel, "Throughput")
    panel.set_ylabel("a second")


def _lateness(panel: Axes, spans: Sequence[Mapping[str, Any]]) -> None:
    hours = [one["hour"] for one in spans]
    for name, color in (("max", LIGHT), ("p99", DARK), ("p50", ACCENT)):
        panel.plot(hours, [one[f"late_{name}"] for one in spans], color=color, label=name)
    _name(panel, "Lateness of what was sent: from due to sent, by the ledger")
    panel.set_ylabel("seconds")


def _queue(panel: Axes, samples: Sequence[Mapping[str, Any]]) -> None:
    hours = [one["hour"] for one in samples]
    panel.plot(hours, [one["due"] for one in samples], color=ACCENT, label="due and not sent yet, by the ledger")
    panel.plot(hours, [one["queued"] for one in samples], color=DARK, label="of them waiting in Redis")
    _name(panel, "Queue depth")
    panel.set_ylabel("texts")


def _memory(panel: Axes, samples: Sequence[Mapping[str, Any]]) -> None:
    hours = [one["hour"] for one in samples]
    shades = [(ACCENT, "-"), (ACCENT, "--"), (DARK, "-"), (DARK, "--"), (MIDDLE, "-"), (MIDDLE, "--")]
    for name, (color, style) in zip(samples[0]["memory_mib"], shades, strict=True):
        panel.plot(hours, [one["memory_mib"][name] for one in samples], color=color, linestyle=style, label=name)
    _name(panel, "Memory (PSS) of each kind of process")
    panel.set_ylabel("MiB")


def _name(panel: Axes, title: str) -> None:
    panel.set_title(title, loc="left", color=DARK, fontsize=14, fontweight="bold")


def _dress(panel: Axes) -> None:
    panel.set_xlim(OPENS, CLOSES)
    panel.set_ylim(bottom=0)
    panel.grid(color=GRID)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(LIGHT)
    panel.tick_params(colors=DARK, labelsize=12)
    panel.yaxis.label.set(color=DARK, fontsize=13)
    panel.xaxis.label.set(color=DARK, fontsize=13)
    panel.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        ncols=len(panel.lines),
        frameon=False,
        fontsize=12,
        labelcolor=DARK,
    )
