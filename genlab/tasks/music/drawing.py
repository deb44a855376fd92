"""What all writers of music share: seeds, draws from logits, and the key of new pieces."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.notes.keys import Tonality, key_of, tonality_of
from genlab.data.notes.score import Score
from genlab.data.notes.transposing import transposed
from genlab.errors import InputError
from genlab.layers.sampling import draw, shape_logits
from genlab.tasks.music.options import TokenRequest

TOGETHER = 16
"""Number of pieces made in parallel."""
TRIES, FEWEST_TRIES = 8, 64
"""How many times as many pieces are drawn as requested, and how many at least, until enough are major or minor."""


def seed_of(seed: int, number: int) -> int:
    """The seed of piece `number`; piece 0 has the seed of the request."""
    return seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def batches_of_seeds(request: TokenRequest) -> Iterator[list[int]]:
    """Yields the seeds of pieces, without end; those of pieces made in parallel come together."""
    first = 0
    while True:
        count = min(TOGETHER, max(1, request.n - first if request.key is None else request.n))
        yield [seed_of(request.seed, first + row) for row in range(count)]
        first += count


class Choice:
    """Draws from logits as a request says.

    Args:
        request: The request.
        generators: A generator for each row.
    """

    def __init__(self, request: TokenRequest, generators: list[torch.Generator]) -> None:
        self.request, self.generators = request, generators

    def __call__(self, logits: Float[Tensor, "batch labels"], kept: int = 0) -> Int[Tensor, " batch"]:
        """Draws an index for each row.

        Args:
            logits: The logits.
            kept: This number of the first indices keep their probabilities: the request chooses among the others only.
        """
        others = logits[:, kept:]
        if kept and others.shape[1] == 1:  # nothing to choose among: the end of a piece
            return draw(logits, *self.generators)
        request, none = self.request, torch.zeros(len(logits), 0, dtype=torch.long, device=logits.device)
        shaped = shape_logits(others, none, request.temperature, None, request.top_p, request.min_p)
        if kept:
            first = logits.float().softmax(-1)[:, :kept]
            chances = shaped.softmax(-1).nan_to_num() * (1 - first.sum(-1, keepdim=True))  # NaN: no other is possible
            shaped = torch.cat((first, chances), 1).log()
        return draw(shaped, *self.generators)


def requested_key(request: TokenRequest, given: bool) -> Tonality | None:
    """The key of the pieces to make; None for any.

    Args:
        request: The request.
        given: Whether some music is given.

    Raises:
        InputError: the key is unknown, or what is given has a key.
    """
    key = None if request.key is None else tonality_of(request.key)
    if key is not None and given:
        raise InputError("key: what is given has a key: omit --key.", "key")
    return key


def in_key(scores: Iterable[Score], request: TokenRequest, key: Tonality | None) -> Iterator[Score]:
    """Yields the first `request.n` of the pieces that are in the mode of `key`, transposed to its tonic.

    Raises:
        InputError: too few are major or minor.
    """
    found, most = 0, max(FEWEST_TRIES, TRIES * request.n)
    for number, score in enumerate(scores):
        if key is not None and key.minor not in (None, key_of(score).minor):
            if number + 1 >= most:
                raise InputError(f"key: {number + 1} pieces were drawn, and too few are in {key}.", "key")
            continue
        yield score if key is None else moved_to(score, key)
        found += 1
        if found == request.n:
            return


def moved_to(score: Score, key: Tonality) -> Score:
    """The piece, transposed as little as possible, so that it has the tonic of `key`."""
    up = (key.tonic - key_of(score).tonic) % 12
    pitches = [note.pitch for track in score.tracks if not track.drums for note in track.notes]
    low, high = min(pitches, default=60), max(pitches, default=60)
    fitting = [shift for shift in (up, up - 12) if low + shift >= 0 and high + shift <= 127]
    return transposed(score, min(fitting, key=lambda shift: (abs(shift), -shift), default=0))
