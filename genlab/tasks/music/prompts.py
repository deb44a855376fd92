"""What a piece as tokens begins with, a prompt or chosen instruments, and how what is written becomes a score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from genlab.data.notes.grid import METRES, bars_of, metres_of, on_grid
from genlab.data.notes.keys import pitch_name
from genlab.data.notes.places import places_of
from genlab.data.notes.programs import PROGRAMS, program_of
from genlab.data.notes.score import Score, Tempo, Track
from genlab.data.notes.tokens import decode, encode
from genlab.data.notes.transposing import ranges_of
from genlab.data.notes.vocabulary import TRACKS, Vocabulary
from genlab.errors import InputError
from genlab.tasks.music.options import TokenRequest
from genlab.tasks.music.pieces import played_by
from genlab.tasks.music.tokens import TokenFacts, values_in

SHOWN = 5
"""Largest number of instruments in a message."""


@dataclass(frozen=True)
class Beginning:
    """What a piece begins with."""

    ids: list[int]
    """Its tokens; at least Start."""
    score: Score | None = None
    """The prompt; None without one."""
    shift: int = 0
    """Semitones by which the prompt was moved into the ranges of the training pieces."""

    def finished(self, ids: Sequence[int], request: TokenRequest, facts: TokenFacts) -> Score:
        """The score of a piece that was written, without the prompt if the request says so."""
        score = decode(ids, facts.vocabulary)
        if request.tempo is not None:
            score = replace(score, tempos=[Tempo(0, request.tempo)])
        elif not facts.tempos:
            tempos = [Tempo(0, facts.tempo)] if self.score is None else on_grid(self.score)[0].tempos
            score = replace(score, tempos=tempos)
        if not request.with_prompt:
            score = without(score, ids, len(self.ids), facts.vocabulary)
        return moved_back(score, self.shift)


def beginning_of(request: TokenRequest, facts: TokenFacts) -> Beginning:
    """What a request wants pieces to begin with.

    Raises:
        InputError: the network cannot continue it.
    """
    programs = [program_of(name) for name in request.instruments]
    if request.prompt is not None:
        if request.metre is not None:
            raise InputError("metre: what is given has a metre: omit --metre.", "metre")
        prompt = played_by(request.prompt, programs) if programs else request.prompt
        ids = _prompt_tokens(prompt, facts)
        shift = fitting_shift(prompt, facts)
        return Beginning(facts.vocabulary.transposed(ids, shift).tolist(), prompt, shift)
    if not request.with_prompt:
        raise InputError("with_prompt: --no-with-prompt belongs to --prompt FILE.", "with_prompt")
    if len(programs) > TRACKS:
        raise InputError(f"instruments: {len(programs)} are too many: give at most {TRACKS}.", "instruments")
    for program in programs:
        if program not in facts.instruments:
            raise InputError(
                f"instruments: the training pieces have no {PROGRAMS[program]}: {_remedy(facts)}.", "instruments"
            )
    number = facts.vocabulary.number
    return Beginning([number("Start"), *(number("Instrument", program) for program in programs)])


def _prompt_tokens(prompt: Score, facts: TokenFacts) -> Int[np.ndarray, " tokens"]:
    """The tokens of a prompt, without End."""
    if not any(track.notes for track in prompt.tracks):
        raise InputError("prompt: the file has no notes.", "prompt")
    if not facts.drums and any(track.drums and track.notes for track in prompt.tracks):
        raise InputError("prompt: the file has drums, and the training pieces have none: remove them.", "prompt")
    ids, _ = encode(prompt, facts.vocabulary)
    for program in values_in(ids, "Instrument", facts.vocabulary):
        if program not in facts.instruments:
            raise InputError(
                f"prompt: the training pieces have no {PROGRAMS[program]}: choose other instruments for the tracks of "
                f"the file (--instruments); {_remedy(facts)}.",
                "prompt",
            )
    for metre in values_in(ids, "Bar", facts.vocabulary):
        if list(METRES[metre]) not in facts.metres:
            beats, unit = METRES[metre]
            raise InputError(
                f"prompt: the metre {beats}/{unit} of the file does not occur in the training pieces "
                f"({facts.metre_names}).",
                "prompt",
            )
    return ids[:-1]


def fitting_shift(prompt: Score, facts: TokenFacts) -> int:
    """The smallest number of semitones that moves all instruments of a prompt into their ranges in the training pieces.

    Raises:
        InputError: none does.
    """
    known = {program: (low, high) for program, low, high in facts.ranges}
    lowest, highest = -127, 127
    for program, (low, high) in ranges_of([prompt]).items():
        least, most = known.get(program, (0, 127))
        if high - low > most - least:
            raise InputError(
                f"prompt: the {PROGRAMS[program]} goes from {pitch_name(low)} to {pitch_name(high)}, a wider range "
                f"than in the training pieces ({pitch_name(least)} to {pitch_name(most)}).",
                "prompt",
            )
        lowest, highest = max(lowest, least - low), min(highest, most - high)
    if lowest > highest:
        raise InputError("prompt: its instruments are further apart than in the training pieces.", "prompt")
    return min(max(0, lowest), highest)


def moved_back(score: Score, shift: int) -> Score:
    """The piece transposed down by `shift`; new notes that leave the range of MIDI move by octaves."""
    if shift == 0:
        return score
    tracks = [
        replace(track, notes=[note._replace(pitch=_folded(note.pitch - shift)) for note in track.notes])
        if not track.drums else track
        for track in score.tracks
    ]  # fmt: skip
    return replace(score, tracks=tracks)


def _folded(pitch: int) -> int:
    """The nearest pitch from 0 to 127 that is octaves away."""
    return pitch - 12 * max(0, -((127 - pitch) // 12)) + 12 * max(0, -(pitch // 12))


def _remedy(facts: TokenFacts) -> str:
    """Which instruments there are."""
    if not facts.instruments:
        return "they have only drums"
    names = ", ".join(PROGRAMS[program] for program in facts.instruments[:SHOWN])
    return f"they have {names}{' and others' if len(facts.instruments) > SHOWN else ''}"


# --- leaving out the prompt -----------------------------------------------------------------------


def without(score: Score, ids: Sequence[int], given: int, vocabulary: Vocabulary) -> Score:
    """What follows the prompt, from the bar line before the first new note on.

    Args:
        score: The whole piece, which `ids` write.
        ids: Its tokens.
        given: Number of tokens of the prompt.
        vocabulary: The tokens.
    """
    old = _numbered(decode(ids[:given], vocabulary), np.asarray(ids[:given]), vocabulary)
    tracks = []
    for number, track in _numbered(score, np.asarray(ids), vocabulary).items():
        known = set(old[number].notes) if number in old else set()
        tracks.append(replace(track, notes=[note for note in track.notes if note not in known]))
    tracks = [track for track in tracks if track.notes]
    starts = [note.start for track in tracks for note in track.notes]
    if not starts:
        return replace(score, tracks=[])
    bars = bars_of(score, max(starts))
    first = max(number for number, bar in enumerate(bars) if bar.start <= min(starts))
    origin = bars[first].start
    current = [tempo for tempo in score.tempos if tempo.start <= origin][-1]
    later = [tempo for tempo in score.tempos if tempo.start > origin]
    return replace(
        score,
        tracks=[
            replace(track, notes=[note._replace(start=note.start - origin) for note in track.notes]) for track in tracks
        ],
        metres=[metre._replace(start=metre.start - origin) for metre in metres_of(bars[first:])],
        tempos=[tempo._replace(start=max(0, tempo.start - origin)) for tempo in (current, *later)],
        pickup=score.pickup if first == 0 else 0,
    )


def _numbered(score: Score, ids: Int[np.ndarray, " tokens"], vocabulary: Vocabulary) -> dict[int, Track]:
    """The tracks of a score by their numbers in its tokens."""
    first, (_, count) = vocabulary.first["Duration"], vocabulary.kinds["Duration"]
    ended = (ids >= first) & (ids < first + count)
    numbers = np.unique(places_of(ids, vocabulary).tracks[ended]).tolist()
    return dict(zip(numbers, score.tracks, strict=True))
