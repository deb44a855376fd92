"""Reads ABC music: tunes with one voice, several in a file.

Reads the fields X, T, M, L, K and Q, notes, rests, chords, accidentals (until the end of the bar, in all octaves),
broken rhythm, tuplets, ties, repeats and endings. Repeats are played. Skips grace notes, ornaments, slurs, chord
symbols, lyrics and the order of parts. Leaves out tunes with several voices.

https://abcnotation.com/wiki/abc:standard:v2.1
"""

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, pairwise

from genlab.data.notes.abc_tune import Tune
from genlab.data.notes.exact import MOST_NOTES, Bar, Course, Line, checked, score_of
from genlab.data.notes.repeats import played
from genlab.data.notes.score import Score
from genlab.data.notes.unreadable import Unreadable

LARGEST = 8 << 20
"""Maximum size of a file, in bytes."""
MOST_TUNES = 20_000
"""Maximum number of tunes in a file."""
NUMBER = re.compile(r"^[^\S\n]*X:[ \t]*(\w{0,9})", re.MULTILINE)
"""Start of a tune."""
FIELD = re.compile(r"\s*([A-Za-z+]):(?![|:\]])(.*)")


def tunes_in(content: bytes) -> Iterator[tuple[str, str]]:
    """Yields the number (field X) and the text of each tune of a file.

    A tune without a number has that of its place; "12-2" is the second one with number 12.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    seen: Counter[str] = Counter()
    for place, (found, following) in enumerate(pairwise(chain(NUMBER.finditer(text), [None])), 1):
        assert found is not None
        number = found[1] or str(place)
        seen[number] += 1
        tune = text[found.start() : following.start() if following else None]
        yield number if seen[number] == 1 else f"{number}-{seen[number]}", tune


def read_abc(content: bytes) -> dict[str, Score | Unreadable]:
    """Reads a file of tunes.

    Returns:
        By number, each tune, or the reason why it cannot be used.

    Raises:
        Unreadable: the file is too large, or holds no tune or too many.
    """
    if len(content) > LARGEST:
        raise Unreadable(f"larger than {LARGEST >> 20} MB: divide it")
    found: dict[str, Score | Unreadable] = {}
    count = 0
    for number, tune in tunes_in(content):
        if len(found) == MOST_TUNES:
            raise Unreadable(f"more than {MOST_TUNES:,} tunes: divide it")
        try:
            score = read_tune(tune)
        except Unreadable as reason:
            found[number] = Unreadable(str(reason))  # without the traceback, whose frames hold the tune
            continue
        found[number] = score
        count += sum(len(track.notes) for track in score.tracks)
        if count > MOST_NOTES:
            raise Unreadable(f"more than {MOST_NOTES:,} notes: divide it")
    if not found:
        raise Unreadable("no tunes: a tune of ABC starts with a line X:1")
    return found


def read_tune(text: str) -> Score:
    """Reads one tune.

    Raises:
        Unreadable: it has no key, no notes or several voices, is too long, or contains what is not known.
    """
    tune = Tune()
    for line in text.split("\n"):
        line = re.sub(r"(?<!\\)%.*", "", line)
        if found := FIELD.fullmatch(line.rstrip()):
            tune.field(found[1], found[2])
        elif line.strip() and tune.started:
            tune.music(line)
    return _score(tune)


def _score(tune: Tune) -> Score:
    """The tune as it is played."""
    if not tune.started:
        raise Unreadable("has no key: add a line K: before its notes")
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
            now = checked(now + event.length)
            count += 1
        if count > MOST_NOTES:
            raise Unreadable(f"more than {MOST_NOTES:,} notes: cut it into pieces")
        if bar.metre:
            course.bars.append(Bar(now - start, bar.metre))
    return score_of([line], course, tune.title)
