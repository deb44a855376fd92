"""Pictures of a classifier's mistakes."""

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, ImageDraw

NAMED = 30
"""Largest number of classes at which a confusion matrix shows names and counts."""
CELL = 64
"""Smallest side of a captioned picture, in pixels."""
CAPTION = 14
"""Height of a caption, in pixels."""


def confusion_picture(
    matrix: Int[np.ndarray, "classes classes"], classes: list[str]
) -> UInt8[np.ndarray, "height width 3"]:
    """Draws a confusion matrix: fractions of each true class as shades, with counts where they are readable."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(classes)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = min(12.0, 2.5 + 0.45 * min(count, NAMED))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=f"{matrix.trace():,} of {matrix.sum():,} correct")
    if count <= NAMED:
        names = [name if len(name) <= 16 else f"{name[:15]}…" for name in classes]
        axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(count), names)
        for true, predicted in zip(*np.nonzero(matrix), strict=True):
            shade = "white" if shares[true, predicted] > 0.5 else "black"
            axes.text(predicted, true, str(matrix[true, predicted]), ha="center", va="center", color=shade, size=8)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def captioned(picture: UInt8[np.ndarray, "height width channels"], text: str) -> UInt8[np.ndarray, "taller wider 3"]:
    """Adds a caption below a picture, after enlarging a small one."""
    scale = max(1, CELL // picture.shape[0])
    large = np.broadcast_to(picture, (*picture.shape[:2], 3)).repeat(scale, 0).repeat(scale, 1)
    strip = Image.new("RGB", (large.shape[1], CAPTION), "white")
    ImageDraw.Draw(strip).text((2, 1), text, "black")
    return np.concatenate((large, np.asarray(strip)))
