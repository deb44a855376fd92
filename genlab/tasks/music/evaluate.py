"""Evaluates a model of music: likelihood beside an n-gram, and made pieces beside held-out ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from genlab.data.notes.folder import Piece
from genlab.data.notes.melodies import split_keys
from genlab.data.notes.piece_set import read_pieces
from genlab.data.notes.score import Score
from genlab.data.notes.voices import VoiceGrid
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.models.token_ngram import TokenNGram
from genlab.models.voice_ngram import VoiceNGram
from genlab.tasks.music.chorale import nats_per_cell
from genlab.tasks.music.grids import grids_of
from genlab.tasks.music.measures import compared, copies_in_voices, copies_of_melodies, counterpoint, measured, on_grids
from genlab.tasks.music.options import MusicRequest, TokenRequest
from genlab.tasks.music.pipeline import MusicPipeline
from genlab.tasks.music.token_recipe import nats_per_note
from genlab.tasks.music.tokens import TokenFacts, tokens_of
from genlab.tasks.shared.reopening import reopened

MADE, NOTES = 100, 100_000
"""Largest number of pieces to make, and about how many notes in all."""
OTHERS = 4
"""Other real pieces are compared, up to this many per held-out piece."""
SEED = 1
"""Seed of the made pieces."""
COUNTED = 2_000_000
"""About how many tokens of the training pieces the n-gram counts, of pieces spread evenly over them."""
ORDER, WEIGHT = 6, 4.0
"""Of the n-gram of tokens: nearly the best on the validation pieces of both sample sets."""
FAULTS = {"parallel_fifths": 0.1, "parallel_octaves": 0.1, "crossings": 0.005, "out_of_range": 0.001}
"""Faults of part-writing in the verdict, and their slack: twice the rate of real pieces may be 0."""
GOOD = 0.9
"""Share of the real pieces' overlap from which made music counts as alike."""


def evaluate(pipeline: MusicPipeline, source: Source) -> Evaluation:
    """Evaluates on the run's test split, or on other music.

    Raises:
        InputError: the music cannot be read, is too little, or is not in the model's number of voices.
    """
    found, home = reopened(read_pieces, source)
    if home and found.test is None:
        raise InputError("The run has no test split (--test 0): give music with --data.", "data")
    held_out, others = found.test or found.train, found.train
    if not home:
        held_out, others = _halves(found.train)
    if len(held_out) < 2:
        raise InputError(f"{found.name} has too few pieces to measure on: give more with --data.", "data")
    report: dict[str, Any] = {
        "data": found.name,
        "split": "test" if home else "all",
        "pieces": len(held_out),
    }
    limit = _limit(pipeline, held_out)
    made = _made(pipeline, held_out, limit)
    real, rest = ([piece.score for piece in pieces] for pieces in (held_out, others))
    places = np.unique(np.linspace(0, len(rest) - 1, OTHERS * len(real)).round().astype(int))
    some = [rest[place] for place in places]
    report["made"] = len(made)
    report["ended"] = sum(_bars(pipeline, score) < limit for score in made) / len(made)
    if isinstance(pipeline.facts, TokenFacts):
        report |= token_likelihoods(pipeline, held_out, others if home else None)
        report |= compared(made, real, some)
        report["copying"] = copies_of_melodies(made, real, rest) if home else None
        report["verdict"] = verdict(report)
        return Evaluation(report)
    real_grids, rest_grids = (_grids(pipeline, pieces, found.name) for pieces in (held_out, others))
    report |= likelihoods(pipeline, real_grids, rest_grids if home else None)
    report |= compared(made, real, some)
    report["counterpoint"] = counterpoint(on_grids(made), real_grids, rest_grids)
    report["copying"] = copies_in_voices(on_grids(made), real_grids, rest_grids) if home else None
    report["verdict"] = verdict(report)
    return Evaluation(report)


def likelihoods(
    pipeline: MusicPipeline, grids: Sequence[VoiceGrid], train: Sequence[VoiceGrid] | None
) -> dict[str, dict[str, float]]:
    """Nats per cell and per note of held-out pieces, of the model and, with training pieces, of an n-gram."""
    cells = sum(grid.pitches.size for grid in grids)
    notes = sum(int(grid.onsets.sum()) for grid in grids)
    found = {"model": nats_per_cell(pipeline, grids)["nats_per_cell"]}
    if train is not None:
        again = pipeline.facts.repeats
        ngram = VoiceNGram([grid.pitches for grid in train], [grid.onsets for grid in train] if again else None)
        onsets = [grid.onsets for grid in grids] if again else None
        found["ngram"] = ngram.nats_per_cell([grid.pitches for grid in grids], onsets)
    per_note = {name: value * cells / max(notes, 1) for name, value in found.items()}
    return {"nats_per_cell": found, "nats_per_note": per_note}


def token_likelihoods(
    pipeline: MusicPipeline, pieces: Sequence[Piece], train: Sequence[Piece] | None
) -> dict[str, dict[str, float]]:
    """Nats per note and per token of held-out pieces, of the model and, with training pieces, of an n-gram."""
    held_out, _ = tokens_of(pieces, pipeline.facts)
    found = {name: {"model": value} for name, value in nats_per_note(pipeline, held_out).items()}
    if train is not None:
        known, _ = tokens_of(train, pipeline.facts)
        count = COUNTED * len(known) // sum(len(piece.ids) for piece in known)
        places = np.unique(np.linspace(0, len(known) - 1, max(1, count)).round().astype(int))
        size = pipeline.facts.vocabulary.size
        ngram = TokenNGram([known[place].ids for place in places], size, ORDER, WEIGHT)
        total = sum(float(ngram.nats(piece.ids)[1:].sum()) for piece in held_out)  # Start is given
        found["nats_per_note"]["ngram"] = total / max(1, sum(piece.notes for piece in held_out))
        found["nats_per_token"]["ngram"] = total / sum(len(piece.ids) - 1 for piece in held_out)
    return found


def verdict(report: dict[str, Any]) -> str:
    """What the measures say, in words."""
    nats = report["nats_per_note"]
    sentences = []
    if "ngram" in nats:
        better = 1 - nats["model"] / nats["ngram"]
        than = f"{abs(better):.0%} {'lower' if better > 0 else 'higher'} than that of the n-gram"
        sentences.append(f"The loss on held-out music is {than}.")
    worst = {
        name: values["made"] / max(values["floor"], 1e-9)
        for name, values in report["overlap"].items()
        if values["made"] < GOOD * values["floor"]
    }
    if worst:
        names = ", ".join(name.replace("_", " ") for name in sorted(worst, key=worst.__getitem__)[:3])
        sentences.append(f"Made music differs from real music most in: {names}.")
    else:
        sentences.append("In every statistic, made music is about as close to held-out music as other real music is.")
    structure = report["structure_error"]
    if structure["made"] >= structure["shuffled"]:
        sentences.append("The repetition of its bars resembles real music no more than bars in random order.")
    if counterpoint := report.get("counterpoint"):
        often = [
            name.replace("_", " ")
            for name, slack in FAULTS.items()
            if counterpoint[name]["made"] > 2 * counterpoint[name]["real"] + slack
        ]
        sentences.append(
            f"More than twice as frequent as in real pieces: {', '.join(often)}." if often
            else "No fault of part-writing is more than twice as frequent as in real pieces."
        )  # fmt: skip
    copying = report["copying"]
    if copying is not None:
        if any(found["copies"] for found in copying.values()):
            sentences.append("It repeats more of the training pieces than held-out music does: look for copies.")
        else:
            sentences.append("It repeats no more of the training pieces than held-out music does.")
    return " ".join(sentences)


def _halves(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Two random halves, always the same; pieces that share a melody are in one of them."""
    keys = split_keys([piece.score for piece in pieces])
    middle = sorted(keys)[len(keys) // 2]
    return [one for one, key in zip(pieces, keys, strict=True) if key < middle], [
        one for one, key in zip(pieces, keys, strict=True) if key >= middle
    ]


def _made(pipeline: MusicPipeline, held_out: Sequence[Piece], bars: int) -> list[Score]:
    """Pieces that the model makes, as many as are held out, unless that is too much music."""
    longest = max(sum(len(track.notes) for track in piece.score.tracks) for piece in held_out)
    count = max(2, min(len(held_out), MADE, NOTES // longest))
    kind = TokenRequest if isinstance(pipeline.facts, TokenFacts) else MusicRequest
    request = kind(n=count, bars=bars, seed=SEED)
    return list(pipeline.writer.write(request, pipeline.evaluating))


def _limit(pipeline: MusicPipeline, held_out: Sequence[Piece]) -> int:
    """A number of bars that no held-out piece reaches."""
    return 1 + max(_bars(pipeline, piece.score) for piece in held_out)


def _bars(pipeline: MusicPipeline, score: Score) -> int:
    """Length of a piece in bars: its own, or in voices those of new pieces."""
    if isinstance(pipeline.facts, TokenFacts):
        return len(measured(score).bars) - 1
    beats, unit = pipeline.facts.metres[0]
    return max(1, -(-score.length * unit // (4 * score.ticks * beats)))


def _grids(pipeline: MusicPipeline, pieces: Sequence[Piece], name: str) -> list[VoiceGrid]:
    """The pieces on the grid.

    Raises:
        InputError: they are not in the model's number of voices.
    """
    grids, _ = grids_of(pieces, name)
    voices, wanted = grids[0].pitches.shape[1], len(pipeline.facts.ranges)
    if voices != wanted:
        raise InputError(f"data: {name} is in {voices} voices, the run makes {wanted}.", "data")
    return grids
