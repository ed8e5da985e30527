"""Draw what `gostkey bench --peers --save FILE` measured.

    python bench/chart.py build/bench/results.jsonl docs/bench.svg

Above: GOST signatures a second on one core, ours and others'.  Below: how many
times faster than its peer each row is that has a floor, with floor and aim.
Nothing is drawn that is not in the file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
# Text stays text; and the same results give the same file.
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "gostkey"

from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

OURS, OTHERS, MISSED = "#1f5fa8", "#9aa3ad", "#b5542d"

SIGNERS = {
    "sign-one-256-b/gost-engine": "GOST engine of OpenSSL",
    "sign-one-256-b/nettle": "nettle",
    "sign-one-256-b/botan": "Botan",
    "sign-one-256-b/libgcrypt": "libgcrypt",
    "sign-one-256-b/gostcrypto": "gostcrypto",
}
"""Rows whose peer signs on the same curve, and what it is called."""

Record = dict[str, Any]


def read(path: Path) -> dict[str, Record]:
    """Return the records by their items."""
    lines = path.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return {record["item"]: record for record in records if "item" in record}


def a_second(nanoseconds: dict[str, float]) -> float:
    return 1e9 / nanoseconds["median"]


def words(rate: float) -> str:
    for limit, unit in ((1e6, " M/s"), (1e3, " k/s")):
        if rate >= limit:
            return f"{rate / limit:.3g}{unit}"
    return f"{rate:.3g} /s"


def draw_rates(axes: Axes, records: dict[str, Record]) -> None:
    bars: list[tuple[str, float, str]] = []
    for name, label in (
        ("sign-256-b", "gostkey, batch.sign"),
        ("sign-one-256-b", "gostkey, key.sign_digest"),
    ):
        if records.get(name, {}).get("ours_ns"):
            bars.append((label, a_second(records[name]["ours_ns"]), OURS))
    for name, label in SIGNERS.items():
        if records.get(name, {}).get("peer_ns"):
            bars.append((label, a_second(records[name]["peer_ns"]), OTHERS))
    bars.sort(key=lambda bar: bar[1])
    axes.barh(
        [label for label, _, _ in bars],
        [rate for _, rate, _ in bars],
        color=[colour for _, _, colour in bars],
    )
    for place, (_, rate, _) in enumerate(bars):
        axes.text(rate * 1.1, place, words(rate), va="center", fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.03)
    axes.set_title("Signatures a second, one core, tc26-256-b", loc="left", fontsize=10)


def draw_goals(axes: Axes, records: dict[str, Record]) -> None:
    rows = [
        record
        for record in records.values()
        if record.get("floor") and record.get("ratio")
    ][::-1]
    places = range(len(rows))
    medians = [row["ratio"]["median"] for row in rows]
    axes.barh(
        places,
        medians,
        color=[MISSED if row["status"] == "not_met" else OURS for row in rows],
    )
    axes.scatter(
        [row["floor"] for row in rows],
        places,
        marker="|",
        s=140,
        color="black",
        label="floor",
        zorder=3,
    )
    aims = [(row["aim"], place) for place, row in enumerate(rows) if row["aim"]]
    axes.scatter(
        [aim for aim, _ in aims],
        [place for _, place in aims],
        marker="D",
        s=14,
        facecolor="white",
        edgecolor="black",
        label="aim",
        zorder=3,
    )
    for place, row in enumerate(rows):
        # Beyond the marks, so that none stands in the figure.
        right = max(row["ratio"]["median"], row["floor"], row["aim"] or 0)
        text = f"{row['ratio']['median']:.3g}"
        axes.text(right * 1.1, place, text, va="center", fontsize=8)
    axes.set_yticks(
        list(places), [f"{row['item']}  to  {row['against']}" for row in rows]
    )
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.margins(x=0.12, y=0.02)
    axes.legend(loc="lower right", fontsize=8)
    axes.set_title(
        "Times faster than the peer, same core, same minutes", loc="left", fontsize=10
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path, help="an .svg or a .png")
    asked = parser.parse_args()
    records = read(asked.results)
    machine = records["machine"]
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(9, 9), height_ratios=[1, 2.4], layout="constrained"
    )
    draw_rates(above, records)
    draw_goals(below, records)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    kernels = ", ".join(f"{part} {name}" for part, name in machine["kernels"].items())
    figure.supxlabel(
        f"{machine['cpu']}; {kernels}; commit {machine['commit']}; "
        f"{machine['rounds']} rounds of {machine['seconds']} s each side",
        fontsize=7,
    )
    # No date, so that the same results give the same file.
    dated = {"Date": None} if asked.chart.suffix == ".svg" else None
    figure.savefig(asked.chart, metadata=dated, dpi=150)
    print(asked.chart)


if __name__ == "__main__":
    main()
