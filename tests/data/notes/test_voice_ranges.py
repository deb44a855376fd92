"""Ranges of voices, and transposition within them."""

import numpy as np

from genlab.data.notes.voice_ranges import voice_ranges, voice_shifts, voices_transposed
from genlab.data.notes.voices import VoiceGrid


def test_voices_are_transposed_within_their_ranges() -> None:
    grids = [
        VoiceGrid(np.array(pitches), np.zeros((len(pitches), 2), bool))
        for pitches in ([[70, 50], [0, 52]], [[67, 49], [72, 0]])
    ]
    ranges = voice_ranges(grids)
    assert ranges.tolist() == [[67, 72], [49, 52]]
    assert list(voice_shifts(grids[0].pitches, ranges)) == [-1, 0]
    assert list(voice_shifts(grids[1].pitches, ranges)) == [0]
    assert list(voice_shifts(np.array([[69, 0]]), ranges)) == [-2, -1, 0, 1, 2, 3]
    assert list(voice_shifts(np.array([[69, 0]]), ranges, down=1, up=1)) == [-1, 0, 1]
    assert list(voice_shifts(np.array([[80, 50]]), ranges)) == [0]  # beyond the ranges itself
    assert list(voice_shifts(np.array([[0, 0]]), ranges)) == [0]
    assert voices_transposed(grids[0].pitches, -1).tolist() == [[69, 49], [0, 51]]
