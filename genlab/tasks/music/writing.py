"""Writes music token by token, several pieces in parallel; the grammar masks what would not be a piece.

Data flow::

    request -> `Beginning`: its tokens -> `write_rows` -> tokens of each piece -> scores, in the requested key
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genlab.data.notes.grammar import Grammar
from genlab.data.notes.grid import METRES
from genlab.data.notes.score import Score
from genlab.engine.machine import Machine
from genlab.tasks.music.drawing import Choice, batches_of_seeds, in_key, requested_key
from genlab.tasks.music.options import TokenRequest
from genlab.tasks.music.prompts import Beginning, beginning_of
from genlab.tasks.music.tokens import PAD, Part, TokenFacts, TokenPiece, newest

Choose = Callable[[Float[Tensor, "batch tokens"]], Int[Tensor, " batch"]]
"""Draws a token from the logits of each row."""


class TokenWriter:
    """Makes pieces from tokens.

    Args:
        network: A `MusicTransformer` or `MusicLSTM`, or a custom network with their methods.
        facts: About its training pieces.
        machine: The machine that it runs on.
        context: Largest number of tokens that the network can read; None for any number.
    """

    def __init__(self, network: Any, facts: TokenFacts, machine: Machine, context: int | None) -> None:
        self.network, self.facts, self.machine, self.context = network, facts, machine, context

    def write(self, request: TokenRequest, evaluating: Callable[[], AbstractContextManager]) -> Iterator[Score]:
        """Yields `request.n` pieces; each depends on the request, but for `n`, and its number.

        Raises:
            InputError: the request cannot be fulfilled.
        """
        beginning = beginning_of(request, self.facts)
        key = requested_key(request, beginning.score is not None)
        yield from in_key(self._drawn(beginning, request, evaluating), request, key)

    def _drawn(
        self, beginning: Beginning, request: TokenRequest, evaluating: Callable[[], AbstractContextManager]
    ) -> Iterator[Score]:
        """Yields pieces without end."""
        permitted = permitted_tokens(request, self.facts)
        for seeds in batches_of_seeds(request):
            generators = [torch.Generator(self.machine.device).manual_seed(seed) for seed in seeds]
            rows = [Row(beginning.ids, self.facts, permitted, request.bars) for _ in seeds]
            with evaluating():
                write_rows(self.network, rows, Choice(request, generators), self.machine.device, self.context)
            for row in rows:
                yield beginning.finished(row.ids, request, self.facts)


def permitted_tokens(request: TokenRequest, facts: TokenFacts) -> Bool[np.ndarray, " tokens"]:
    """The tokens that may occur, whatever the grammar says: those of the training pieces, or of the request.

    Raises:
        InputError: the training pieces have no such metre.
    """
    vocabulary = facts.vocabulary
    permitted = np.ones(vocabulary.size, bool)

    def only(kind: str, values: Sequence[int]) -> None:
        first, (low, count) = vocabulary.first[kind], vocabulary.kinds[kind]
        permitted[first : first + count] = False
        permitted[[first + value - low for value in values]] = True

    only("Instrument", [] if request.instruments else facts.instruments)
    named = None if request.metre is None else facts.metre_named(request.metre)
    only("Bar", [METRES.index((beats, unit)) for beats, unit in facts.metres] if named is None else [named])
    if not facts.drums:
        only("Drum", [])
    if facts.tempos and request.tempo is not None:
        only("Tempo", [vocabulary.tempo(request.tempo)])
    return permitted


class Row:
    """A piece that is being written.

    Args:
        ids: What is given of it.
        facts: About the training pieces.
        permitted: The tokens that may occur.
        bars: Largest number of new bars; a pick-up does not count.
    """

    def __init__(
        self, ids: Sequence[int], facts: TokenFacts, permitted: Bool[np.ndarray, " tokens"], bars: int
    ) -> None:
        self.vocabulary, self.permitted = facts.vocabulary, permitted
        first, (_, count) = self.vocabulary.first["Bar"], self.vocabulary.kinds["Bar"]
        self._bar_tokens = slice(first, first + count)
        self._end, self._drums = self.vocabulary.number("End"), facts.drums
        self.grammar, self.most = Grammar(self.vocabulary), 0
        self.ids: list[int] = []
        self.places: list[tuple[int, int]] = []
        self.bars: list[int] = []
        for token in ids:
            self.add(token)
        self.given = self.grammar.bars
        self.most = self.given + bars

    @property
    def ended(self) -> bool:
        """Whether the piece has ended."""
        return self.ids[-1] == self._end

    def add(self, token: int) -> None:
        """Adds a token; none after the end."""
        if self.ids and self.ended:
            return
        kind, _ = self.vocabulary.tokens[token]
        self.grammar.add(token)
        if kind == "Bar":
            self.bars.append(len(self.ids))
        self.most += kind == "Length" and self.grammar.bars == 1
        self.ids.append(token)
        self.places.append(self.grammar.place)

    def allowed(self) -> Bool[np.ndarray, " tokens"]:
        """Which tokens may come next; at least one may."""
        allowed = self.grammar.allowed() & self.permitted
        without_tracks = len(self.ids) == 1 and not self._drums
        if self.grammar.bars >= self.most or without_tracks:
            allowed[self._bar_tokens] = False
        if self.grammar.bars <= self.given:  # what is given is continued by a bar at least
            allowed[self._end] = False
        return allowed

    def latest(self) -> tuple[int, tuple[int, int]]:
        """The last token and its place; padding after the end."""
        return (PAD, (0, 0)) if self.ended else (self.ids[-1], self.places[-1])

    def newest(self, length: int) -> Part:
        """The end of the piece, from a bar line on, in at most `length` tokens; all of it if that is not too long."""
        return newest(TokenPiece(np.array(self.ids), np.array(self.places), np.array(self.bars, np.int64), 0), length)


def write_rows(network: Any, rows: Sequence[Row], choose: Choose, device: torch.device, context: int | None) -> None:
    """Writes the pieces to their ends; they begin with the same tokens.

    When the context is full, the newer half of each piece is read again, from a bar line on, because the network was
    not trained on longer sequences.
    """
    given = len(rows[0].ids)
    part = rows[0].newest(given if context is None or given < context else context // 2)
    tokens, places, mask = *_tensors([part], len(part.ids), device)[:2], None
    cache, length = network.new_cache(), 0
    while True:
        with torch.inference_mode():
            logits = network(tokens, places, cache, True, *([] if mask is None else [mask]))[:, -1].float()
            length += tokens.shape[1]
            if len(logits) < len(rows):  # the beginning is read only once for all pieces
                same = torch.zeros(len(rows), dtype=torch.long, device=device)
                logits = logits[same]
                for layer in cache if isinstance(cache, list) else [cache]:
                    layer.keep(same)
            allowed = torch.from_numpy(np.stack([row.allowed() for row in rows])).to(device)
            # Each piece has its own generator, so that the batch size does not change it.
            new = choose(logits.masked_fill(~allowed, -torch.inf)).tolist()
            for row, token in zip(rows, new, strict=True):
                row.add(token)
            if all(row.ended for row in rows):
                return
            if context is not None and length == context:
                half = context // 2
                tokens, places, mask = _tensors([row.newest(half) for row in rows], half, device)
                cache, length = network.new_cache(), 0
            else:
                latest, where = zip(*(row.latest() for row in rows), strict=True)
                tokens = torch.tensor(latest, device=device)[:, None]
                places = torch.tensor(where, device=device)[:, None]
                mask = None if mask is None else F.pad(mask, (0, 1), value=True)


def _tensors(
    parts: Sequence[Part], length: int, device: torch.device
) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time 2"], Bool[Tensor, "batch time"]]:
    """Tokens and places with padding before them, and where tokens are."""
    ids, places = np.full((len(parts), length), PAD, np.int64), np.zeros((len(parts), length, 2), np.int64)
    real = np.zeros((len(parts), length), bool)
    for row, part in enumerate(parts):
        begin = length - len(part.ids)
        ids[row, begin:], places[row, begin:], real[row, begin:] = part.ids, part.places, True
    tokens, where, known = (torch.from_numpy(each).to(device) for each in (ids, places, real))
    return tokens, where, known
