"""The base of the recipes of music: reading, and previews."""

from typing import Any

from genlab.data.notes.piece_set import PieceSet, check_learnable, read_pieces
from genlab.engine.recipe import DataFacts, Place, Recipe
from genlab.engine.samples import Sample
from genlab.tasks.music.options import MusicRequest
from genlab.tasks.music.pieces import sample_of
from genlab.tasks.music.pipeline import MusicPipeline

EXAMPLES = 3
"""Number of training pieces that `genlab look` shows."""
PREVIEWS, PREVIEW_BARS = 2, 16
"""Number of pieces in a preview, and the largest number of bars of each."""


class MusicRecipe(Recipe):
    """Trains a model of music; subclasses add the network, its batches and the step."""

    pipeline: MusicPipeline

    @classmethod
    def pieces(cls, place: Place) -> tuple[PieceSet, DataFacts]:
        """Reads and splits the pieces."""
        found = read_pieces(*place)
        check_learnable(found)
        left_out = {file: line for file, line in found.report.items() if line.startswith("left out")}
        return found, DataFacts(found.name, found.fingerprint, found.counts(), found.notes, left_out, found.report)

    @classmethod
    def examples(cls, data: Any) -> list[Sample]:
        """The first training pieces."""
        return [sample_of(piece.score) for piece in data.pieces.train[:EXAMPLES]]

    def preview(self) -> list[Sample]:
        return list(self.pipeline.generate(MusicRequest(n=PREVIEWS, bars=PREVIEW_BARS)))
