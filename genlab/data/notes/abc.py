"""Reads ABC music: tunes with one voice, several in a file.

Reads the fields X, T, M, L, K and Q, notes, rests, chords, accidentals (until the end of the bar, in all octaves),
broken rhythm, tuplets, ties, repeats and endings. Repeats are played. Skips grace notes, ornaments, slurs, chord
symbols, lyrics and the order of parts. Leaves out tunes with several voices.

https://abcnotation.com/wiki/abc:standard:v2.1
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from genlab.data.notes.abc_tune import Tune
from genlab.data.notes.exact import MOST_NOTES, Bar, Course, Line, checked, score_of
from genlab.data.notes.repeats import played
from genlab.data.notes.score import Score
from genlab.errors import InputError

LARGEST = 8 << 20
"""Maximum size of a file, in bytes."""
FIELD = re.compile(r"\s*([A-Za-z+]):(?![|:\]])(.*)")


def tunes_in(content: bytes) -> Iterator[tuple[str, str]]:
    """Yields the number (field X) and the text of each tune of a file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    tunes = re.split(r"^(?=[ \t]*X:)", text.replace("\r\n", "\n").replace("\r", "\n"), flags=re.MULTILINE)
    for tune in tunes:
        if found := re.match(r"\s*X:\s*(\w{0,9})", tune):
            yield found[1], tune


def read_abc(content: bytes, name: str) -> tuple[list[Score], list[str]]:
    """Reads a file of tunes.

    Returns:
        The tunes that can be read, and for each of the others a sentence that says why not.

    Raises:
        InputError: the file is too large or holds no tune.
    """
    if len(content) > LARGEST:
        raise InputError(f"{name} is larger than {LARGEST >> 20} MB: divide it.", "data")
    scores, left_out, count = [], [], 0
    for number, tune in tunes_in(content):
        try:
            scores.append(read_tune(tune, f"{name}, tune {number or '?'}"))
        except InputError as error:
            left_out.append(str(error))
            continue
        count += sum(len(track.notes) for track in scores[-1].tracks)
        if count > MOST_NOTES:
            raise InputError(f"{name} has more than {MOST_NOTES:,} notes: divide it.", "data")
    if not scores and not left_out:
        raise InputError(f"{name} has no tunes: a tune of ABC starts with a line X:1.", "data")
    return scores, left_out


def read_tune(text: str, name: str) -> Score:
    """Reads one tune.

    Raises:
        InputError: it has no key, no notes or several voices, is too long, or contains what is not known; `name` says
            which tune.
    """
    tune = Tune(name)
    for line in text.split("\n"):
        line = re.sub(r"(?<!\\)%.*", "", line)
        if found := FIELD.fullmatch(line.rstrip()):
            tune.field(found[1], found[2])
        elif line.strip() and tune.started:
            tune.music(line)
    return _score(tune, name)


def _score(tune: Tune, name: str) -> Score:
    """The tune as it is played."""
    if not tune.started:
        raise InputError(f"{name} has no key: add a line K: before its notes.", "data")
    tune.end_bar("|")
    line, course, now, count = Line(name=tune.title), Course(), Fraction(0), 0
    open_notes: dict[int, int] = {}
    for bar in played(tune.bars):
        start = now
        course.keys.append((now, bar.key.sharps, bar.key.minor))
        if bar.tempo:
            course.tempos.append((now, bar.tempo))
        for event in bar.events:
            tied = {}
            for pitch in event.pitches:
                if pitch in open_notes:
                    index = open_notes[pitch]
                    line.notes[index] = (line.notes[index][0], line.notes[index][1] + event.length, pitch)
                else:
                    index = len(line.notes)
                    line.notes.append((now, event.length, pitch))
                tied[pitch] = index
            open_notes = tied if event.tied else {}
            now = checked(now + event.length, name)
            count += 1
        if count > MOST_NOTES:
            raise InputError(f"{name} has more than {MOST_NOTES:,} notes: divide it.", "data")
        if bar.metre:
            course.bars.append(Bar(now - start, bar.metre))
    return score_of([line], course, tune.title, name)
