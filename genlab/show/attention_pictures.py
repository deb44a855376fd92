"""Shows attention maps as a table and as pictures."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlab.engine.pipeline import AttentionMap
from genlab.errors import InputError
from genlab.show.word_pictures import draw_words, size_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, LARGE_CELL = 0.14, 0.3
"""Side of a cell in inches, in a picture of several heads and of one."""
LEAST = 1.9
"""Smallest side of a panel, in inches."""
WIDEST = 60.0
"""Largest side of a picture, in inches of 100 pixels."""
LONGEST = 96
"""Largest number of tokens along a side."""
COUNTED = 24
"""Largest number of tokens along a side at which the weights of a single head are printed."""


def choose(maps: list[AttentionMap], layer: int | None, head: int | None) -> list[AttentionMap]:
    """Selects the maps of one layer and one head; None for all.

    Raises:
        InputError: there is no such layer or head.
    """
    layers, heads = sorted({one.layer for one in maps}), maps[0].heads
    if layer is not None and layer not in layers:
        raise InputError(f"layer: there is no layer {layer}; layers go from 0 to {layers[-1]}.", "layer")
    if head is not None and head not in heads:
        raise InputError(f"head: there is no head {head}; heads go from 0 to {heads[-1]}.", "head")
    chosen = [one for one in maps if layer in (None, one.layer)]
    return chosen if head is None else [one.only(head) for one in chosen]


def table(maps: list[AttentionMap]) -> list[str]:
    """Lines with entropy and distance of every head, followed by those of uniform attention."""
    lines = []
    for name, group in by_name(maps):
        lines += [f"{name + ' attention':17} entropy (bits)  distance (tokens)"]
        for one in group:
            for place, head in enumerate(one.heads):
                distance = None if one.distance is None else one.distance[place]
                lines.append(_line(f"layer {one.layer}, head {head}", one.entropy[place], distance))
        lines.append(_line("uniform attention", *group[0].even))
    return lines


def _line(what: str, entropy: float, distance: float | None) -> str:
    return f"{what:17} {entropy:14.2f}  {'-' if distance is None else f'{distance:.1f}':>17}"


def by_name(maps: list[AttentionMap]) -> Iterator[tuple[str, list[AttentionMap]]]:
    """Groups the maps by name, in the order of the layers."""
    for name in dict.fromkeys(one.name for one in maps):
        yield name, sorted((one for one in maps if one.name == name), key=lambda one: one.layer)


# --- pictures -------------------------------------------------------------------------------------


def pictures(maps: list[AttentionMap]) -> dict[str, bytes]:
    """PNGs of the maps by name: "" for the weights, and "heads" for entropy and distance if there are several heads;
    prefixed by the attention's name if there are several.

    Raises:
        InputError: there are too many tokens for a readable picture.
    """
    drawn, groups = {}, list(by_name(maps))
    for name, group in groups:
        prefix = [name] if len(groups) > 1 else []
        of_words = group[0].picture is not None
        drawn["-".join(prefix)] = word_picture(group[0]) if of_words else attention_picture(group)
        if len(group) * len(group[0].heads) > 1:
            drawn["-".join([*prefix, "heads"])] = overview_picture(group)
    return drawn


def word_picture(one: AttentionMap) -> bytes:
    """A PNG of what a picture attends to in its description."""
    assert one.picture is not None, "the map has a picture"
    figure = _figure(*size_of(one))
    draw_words(figure, replace(one, columns=_printable(one.columns)), one.picture)
    return _png(figure)


def attention_picture(maps: list[AttentionMap]) -> bytes:
    """A PNG of one attention's maps: a row of panels per layer, a panel per head; a single head is drawn large.

    Raises:
        InputError: there are too many tokens for a readable picture.
    """
    count, one = max(len(layer.heads) for layer in maps), maps[0]
    alone = count == len(maps) == 1
    longest = max(len(one.rows), len(one.columns))
    most = LONGEST if alone else min(LONGEST, int(WIDEST / CELL / max(count, len(maps))))
    if longest > most:
        advice = "give a shorter text" + ("" if alone else ", or one --layer and one --head")
        raise InputError(
            f"prompt: {longest} tokens are too many for a picture, which shows up to {most}: {advice}.", "prompt"
        )
    cell = LARGE_CELL if alone else CELL
    least = 2 * LEAST if alone else LEAST
    sides = [max(least, cell * len(tokens)) for tokens in (one.columns, one.rows)]
    margin = 0.08 * max(map(len, one.rows + one.columns)) + 0.6
    height = len(maps) * (sides[1] + 0.5) + margin
    figure = _figure(count * (sides[0] + 0.2) + margin + 0.4, height)
    rows, columns = _printable(one.rows), _printable(one.columns)
    panels = figure.subplots(len(maps), count, squeeze=False)
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    blues = colormaps["Blues"].with_extremes(bad="0.94")
    for layer, line in zip(maps, panels, strict=True):
        for place, axes in enumerate(line):
            seen = layer.weights[place]
            # The square root makes small weights visible: 0.1 is a third of the way to dark.
            shades = axes.imshow(
                seen.masked_fill(seen == 0, torch.nan).numpy(), cmap=blues, norm=PowerNorm(0.5, 0, 1), aspect="auto"
            )
            figures = f"{layer.entropy[place]:.1f} bits"
            if layer.distance is not None:
                figures += f", {layer.distance[place]:.1f} tokens away"
            axes.set_title(f"layer {layer.layer}, head {layer.heads[place]}\n{figures}", size=8)
            axes.set_xticks(range(len(columns)), columns if layer is maps[-1] else [], rotation=90, size=7)
            axes.set_yticks(range(len(rows)), rows if place == 0 else [], size=7)
            for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
                label.set_parse_math(False)  # a $ is an ordinary character
            axes.tick_params(length=0)
            if alone and longest <= COUNTED:
                _write_weights(axes, seen)
    bar = figure.colorbar(
        shades, ax=panels, aspect=25, shrink=2.5 / height, pad=0.01, ticks=[0, 0.01, 0.1, 0.25, 0.5, 1]
    )
    bar.ax.tick_params(labelsize=7)
    figure.supylabel("query", size=9)
    figure.supxlabel("key (grey: masked)", size=9)
    return _png(figure)


def overview_picture(maps: list[AttentionMap]) -> bytes:
    """A PNG of entropy and, if defined, distance of one attention's heads: a row per layer, a column per head."""
    count, even = max(len(one.heads) for one in maps), maps[0].even
    measures = [("entropy", "bits", [one.entropy for one in maps], even[0])]
    distances = [one.distance for one in maps if one.distance is not None]
    if distances and even[1] is not None:
        measures.append(("mean distance", "tokens", distances, even[1]))
    figure = _figure(len(measures) * max(2.6, 0.5 * count + 1), max(1.8, 0.4 * len(maps) + 1.2))
    for axes, (name, unit, values, alike) in zip(
        figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True
    ):
        highest = max(alike, *(value for line in values for value in line), 1e-9)
        axes.imshow(values, cmap="Blues", vmin=0, vmax=highest)
        axes.set_title(f"{name}, {unit}\n(uniform: {alike:.1f})", size=9)
        axes.set_xticks(range(count), maps[0].heads)
        axes.set_yticks(range(len(maps)), [one.layer for one in maps])
        axes.set(xlabel="head", ylabel="layer")
        for row, line in enumerate(values):
            for column, value in enumerate(line):
                shade = "white" if value > 0.55 * highest else "black"
                axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=shade, size=8)
    return _png(figure)


def _write_weights(axes: Any, weights: Float[Tensor, "queries keys"]) -> None:
    """Prints weights of at least 1 per cent."""
    for row, line in enumerate(weights.tolist()):
        for column, share in enumerate(line):
            if share >= 0.01:
                shade = "white" if share > 0.35 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=shade, size=7)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    return image.getvalue()


def _printable(tokens: list[str]) -> list[str]:
    """Replaces characters that matplotlib's font lacks by their code points."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    return ["".join(c if ord(c) in known else f"U+{ord(c):04X}" for c in token) for token in tokens]
