"""Charts of the report as SVG to be put into a page, drawn with matplotlib.

They take font and colours from the page, so that they suit light and dark.  A colour
here is only a name: `_PLAIN` says which of the page's variables it stands for.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gostkey.errors import CampaignError
from gostkey.renewal.watching.figures import Ends, Timeline

from .texts import _

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["calendar_chart", "causes_chart", "timeline_chart"]

_INK, _FAINT, _OLD, _NEW, _BAD = "#010101", "#020202", "#030303", "#040404", "#050505"
_STATE_COLOURS = [f"#0a0a{number:02x}" for number in range(8)]
_PLAIN = {
    _INK: "var(--ink)",
    _FAINT: "var(--line)",
    _OLD: "var(--old)",
    _NEW: "var(--new)",
    _BAD: "var(--bad)",
    **{colour: f"var(--s{n})" for n, colour in enumerate(_STATE_COLOURS)},
}
_MOST_YEARS = 3


def _figure(width: float, height: float) -> Figure:
    """Make an empty figure, in inches.

    Raises:
        CampaignError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CampaignError(
            _(
                "the HTML report needs matplotlib for its charts; install it: "
                "pip install 'gostkey[office]' (--csv and --json do without)"
            )
        ) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _svg(figure: Figure, name: str, alt: str) -> str:
    """Give a figure as an element of a page, with the page's font and colours."""
    import matplotlib

    buffer = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "svg.id": name}
    # Older ones have no svg.id; theirs is taken off below.
    known: Any = {key: settings[key] for key in settings if key in matplotlib.rcParams}
    with matplotlib.rc_context(known):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    # Several charts are in one page: a name may be there once.  What is referred to
    # within the chart keeps its name, with the chart's before it.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace('xlink:href="#', f'href="#{name}-')
    text = text.replace("url(#", f"url(#{name}-")
    text = re.sub(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]", lambda m: _PLAIN[m[0]], text)
    text = re.sub(r"font: (?:[a-z]+ )*([0-9.]+)px [^;\"]*", r"font-size: \1px", text)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    head = f'<svg {box[0]} role="img" aria-label="{html.escape(alt)}">'
    return head + text[text.index(">") + 1 :].strip()


def _plain_axes(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FAINT)
    axes.tick_params(colors=_INK, labelsize=9, color=_FAINT)
    axes.yaxis.label.set_color(_INK)
    axes.xaxis.label.set_color(_INK)


def timeline_chart(timeline: Timeline, words: Mapping[str, str]) -> str:
    """Draw how many keys were in which state over time.

    Args:
        timeline: that has at least two moments.
        words: for the states, those that are to be shown.

    Raises:
        CampaignError: if matplotlib is not installed.
    """
    figure = _figure(8.5, 3.0)
    import matplotlib.dates
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    shown = [state for state in timeline.states if any(timeline.states[state])]
    colours = dict(zip(timeline.states, _STATE_COLOURS, strict=False))
    # What was reached lasts until the next moment; the last one is shown for a while.
    begin, end = timeline.moments[0], timeline.moments[-1]
    moments: Any = [*timeline.moments, end + (end - begin) / 25]
    axes.stackplot(
        moments,
        [[*timeline.states[state], timeline.states[state][-1]] for state in shown],
        labels=[words.get(state, state) for state in shown],
        colors=[colours[state] for state in shown],
        step="post",
        linewidth=0,
    )
    axes.margins(x=0)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    dates: Any = matplotlib.dates
    locator = dates.AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    formatter = dates.ConciseDateFormatter(locator, show_offset=False)
    if end - begin < timedelta(hours=1):
        formatter = dates.DateFormatter("%H:%M:%S")
    axes.xaxis.set_major_formatter(formatter)
    axes.set_ylabel(_("keys"))
    axes.set_xlabel(_("UTC"))
    _plain_axes(axes)
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles[::-1],
        labels[::-1],
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
    )
    legend.set_in_layout(True)
    alt = _("{keys} keys in their states from {begin} to {end} UTC").format(
        keys=max(map(sum, zip(*timeline.states.values(), strict=True))),
        begin=f"{begin:%Y-%m-%d %H:%M:%S}",
        end=f"{end:%Y-%m-%d %H:%M:%S}",
    )
    return _svg(figure, "timeline", alt)


def causes_chart(causes: Sequence[tuple[str, int]]) -> str:
    """Draw how many keys stopped for which cause, the most frequent on top.

    Args:
        causes: names and numbers; at least one.

    Raises:
        CampaignError: if matplotlib is not installed.
    """
    shown = sorted(causes, key=lambda one: one[1])[-12:]
    figure = _figure(8.5, 0.5 + 0.32 * len(shown))
    axes = figure.add_subplot()
    places = range(len(shown))
    bars = axes.barh(places, [number for _name, number in shown], 0.7, color=_BAD)
    axes.bar_label(bars, padding=4, color=_INK, fontsize=9)
    axes.set_yticks(places, [name for name, _number in shown])
    axes.set_xlim(0, max(number for _name, number in shown) * 1.1)
    axes.xaxis.set_visible(False)
    _plain_axes(axes)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    said = ", ".join(f"{name} {number}" for name, number in reversed(shown))
    return _svg(figure, "causes", _("Causes of failures: {said}").format(said=said))


def calendar_chart(ends: Ends, today: date) -> str:
    """Draw a calendar with the number of keys that end on each day.

    Args:
        ends: at least one.
        today: gets a frame.

    Raises:
        CampaignError: if matplotlib is not installed.
    """
    years = sorted({day.year for day in (*ends.old, *ends.new)})
    # Those around today are what matters; the table has all.
    years = sorted(sorted(years, key=lambda year: abs(year - today.year))[:_MOST_YEARS])
    figure = _figure(8.5, 1.45 * len(years))
    most = {
        _OLD: max(ends.old.values(), default=1),
        _NEW: max(ends.new.values(), default=1),
    }
    for row, year in enumerate(years, start=1):
        axes = figure.add_subplot(len(years), 1, row)
        _draw_year(axes, year, ends, today, most)
    count = sum(ends.old.values()) + sum(ends.new.values())
    alt = _("Calendar of the last days of {n} keys, {first} to {last}").format(
        n=count,
        first=min([*ends.old, *ends.new]).isoformat(),
        last=max([*ends.old, *ends.new]).isoformat(),
    )
    return _svg(figure, "calendar", alt)


def _draw_year(
    axes: Axes, year: int, ends: Ends, today: date, most: Mapping[str, int]
) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    cells, faces = [], []
    first = date(year, 1, 1)
    offset = first.weekday()
    months: dict[int, float] = {}
    for number in range((date(year + 1, 1, 1) - first).days):
        day = first + timedelta(days=number)
        week, weekday = divmod(number + offset, 7)
        if day.day == 1:
            months[day.month] = week + (1 if weekday > 3 else 0)
        old, new = ends.old.get(day, 0), ends.new.get(day, 0)
        colour = _OLD if old else _NEW
        share = ((old or new) / most[colour]) ** 0.5
        cells.append(Rectangle((week + 0.08, weekday + 0.08), 0.84, 0.84))
        faces.append(
            to_rgba(colour, 0.35 + 0.65 * share)
            if old or new
            else to_rgba(_FAINT, 0.35)
        )
        if day == today:
            frame = Rectangle((week, weekday), 1, 1, fill=False, edgecolor=_INK, lw=1.2)
            axes.add_patch(frame)
    axes.add_collection(PatchCollection(cells, facecolors=faces, linewidths=0))
    axes.set_xlim(0, 54)
    axes.set_ylim(7, 0)
    axes.set_aspect("equal")
    names = _("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()
    axes.set_xticks([week + 0.1 for week in months.values()], names, ha="left")
    axes.set_yticks([0.5, 2.5, 4.5], _("Mon Wed Fri").split())
    axes.xaxis.tick_top()
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(colors=_INK, labelsize=8, length=0)
    axes.set_ylabel(str(year), color=_INK, fontsize=11, fontweight="bold")
