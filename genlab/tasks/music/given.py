"""What a request gives to music in voices: a prompt, a melody, or a piece with bars to rewrite; on the grid."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from genlab.data.notes.keys import pitch_name
from genlab.data.notes.score import Metre, Score
from genlab.data.notes.voice_ranges import voices_transposed
from genlab.data.notes.voices import STEPS, VoiceGrid, to_grid, why_not_voices
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.tasks.music.grids import VoiceFacts


def given_prompt(score: Score, facts: VoiceFacts, bars: int) -> tuple[VoiceGrid, int, int]:
    """A prompt, with room for `bars` more bars; by how much it was transposed; and its number of steps.

    Raises:
        InputError: the network cannot continue it.
    """
    grid, shift = _fitted(_in_voices(score, facts, "prompt"), facts, "prompt")
    steps = len(grid.pitches)
    last = grid.metres[-1]
    bar = 4 * STEPS * last.beats // last.unit
    room = bars * bar + (-int(grid.phases[-1]) - 1) % bar
    pad = ((0, room), (0, 0))
    return replace(grid, pitches=np.pad(grid.pitches, pad), onsets=np.pad(grid.onsets, pad)), shift, steps


def given_melody(score: Score, facts: VoiceFacts) -> tuple[VoiceGrid, int]:
    """A melody as the highest voice, and by how much it was transposed.

    The melody is the only track, or the highest of as many as the network has voices.

    Raises:
        InputError: the network cannot write voices to it.
    """
    voices = len(facts.ranges)
    tracks = [track for track in score.tracks if track.notes and not track.drums]
    if len(tracks) not in (1, voices):
        raise InputError(
            f"harmonise: the file must have one track, the melody, or {voices}; it has {len(tracks)}.", "harmonise"
        )
    found = replace(score, tracks=tracks)
    if reason := why_not_voices(found):
        raise InputError(f"harmonise: a melody has one note at a time, but the file {reason}.", "harmonise")
    grid = _on_grid(found, facts, "harmonise")
    rest = ((0, 0), (0, voices - 1))
    grid = replace(
        grid,
        pitches=np.pad(grid.pitches[:, :1], rest),
        onsets=np.pad(grid.onsets[:, :1], rest),
        programs=(*grid.programs[:1], *facts.programs[1:]),
        names=(*grid.names[:1], *facts.names[1:]),
    )
    return _fitted(grid, facts, "harmonise")


def given_rest(
    score: Score, facts: VoiceFacts, from_bar: int | None, to_bar: int | None
) -> tuple[VoiceGrid, int, slice]:
    """A piece, by how much it was transposed, and the steps of the bars to rewrite, counted from 1 after a pick-up.

    Raises:
        InputError: the bars are missing or outside the piece, or the network cannot write such a piece.
    """
    if from_bar is None or to_bar is None:
        missing = "from_bar" if from_bar is None else "to_bar"
        raise InputError(f"{missing}: --fill needs --from-bar and --to-bar, the bars to rewrite.", missing)
    if to_bar < from_bar:
        raise InputError(f"to_bar: {to_bar} is before --from-bar {from_bar}.", "to_bar")
    grid, shift = _fitted(_in_voices(score, facts, "fill"), facts, "fill")
    starts = bar_starts(grid)
    count = len(starts) - 1
    if to_bar > count:
        raise InputError(f"to_bar: the piece has {count} bars, not {to_bar}.", "to_bar")
    return grid, shift, slice(int(starts[from_bar - 1]), int(starts[to_bar]))


def bar_starts(grid: VoiceGrid) -> Int[np.ndarray, " edges"]:
    """The steps at which bars start, without a pick-up's, and the end of the piece."""
    return np.append(np.flatnonzero(grid.phases == 0), len(grid.pitches))


def _in_voices(score: Score, facts: VoiceFacts, option: str) -> VoiceGrid:
    """A piece in the network's number of voices, on the grid."""
    voices = len(facts.ranges)
    found = replace(score, tracks=[track for track in score.tracks if track.notes or len(score.tracks) == voices])
    reason = why_not_voices(found)
    if reason is None and len(found.tracks) != voices:
        reason = f"has {len(found.tracks)} tracks"
    if reason:
        raise InputError(
            f"{option}: the model writes {voices} voices, one note at a time each; the file {reason}.", option
        )
    return _on_grid(found, facts, option)


def _on_grid(score: Score, facts: VoiceFacts, option: str) -> VoiceGrid:
    """A piece on the grid; says what that changes.

    Raises:
        InputError: the training pieces do not have its metre.
    """
    grid, changes = to_grid(score)
    for change in changes:
        say(f"Note: {option}: {change}.")
    if facts.metres == [[1, 4]]:  # the training pieces state no bars: what is given is read like them
        return replace(grid, metres=[Metre(0, 1, 4)], pickup=grid.pickup % STEPS)
    for metre in grid.metres:
        if list(metre[1:]) not in facts.metres:
            known = ", ".join(f"{beats}/{unit}" for beats, unit in facts.metres)
            raise InputError(
                f"{option}: the metre {metre.beats}/{metre.unit} of the file does not occur in the training pieces "
                f"({known}).", option,
            )  # fmt: skip
    return grid


def _fitted(grid: VoiceGrid, facts: VoiceFacts, option: str) -> tuple[VoiceGrid, int]:
    """Transposes a piece by as little as possible, so that each voice is within the range of the training pieces.

    Raises:
        InputError: a voice has a wider range than the training pieces.
    """
    ranges = np.array(facts.ranges)
    for shift in sorted(range(-36, 37), key=lambda shift: (abs(shift), shift)):
        moved = voices_transposed(grid.pitches, shift)
        if ((grid.pitches == 0) | ((moved >= ranges[:, 0]) & (moved <= ranges[:, 1]))).all():
            return replace(grid, pitches=moved), shift
    for voice, (low, high) in enumerate(facts.ranges):
        sung = grid.pitches[:, voice][grid.pitches[:, voice] > 0]
        if len(sung) and sung.max() - sung.min() > high - low:
            span = f"from {pitch_name(int(sung.min()))} to {pitch_name(int(sung.max()))}"
            known = f"{pitch_name(low)} to {pitch_name(high)}"
            raise InputError(
                f"{option}: voice {voice + 1} goes {span}, a wider range than in the training pieces ({known}).", option
            )
    raise InputError(f"{option}: the voices are further apart than in the training pieces.", option)
