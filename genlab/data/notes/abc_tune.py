"""The music of a tune in ABC: from lines to bars as they are written."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from genlab.data.notes.abc_fields import ALTERS, AbcKey, default_length, key_of, length_of, metre_of, tempo_of
from genlab.data.notes.exact import MOST_NOTES, Bar
from genlab.data.notes.repeats import Written
from genlab.data.notes.unreadable import Unreadable

STEPS = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69, "B": 71}
NOTE = re.compile(r"(\^\^|__|\^|_|=)?([A-Ga-g])([,']{0,9})(\d{0,4})(/{0,4})(\d{0,4})(\s*-)?")
TOKEN = re.compile(
    r"""(?P<inline>\[[A-Za-z]:[^\]]*\])
    | (?P<skipped>\s+ | "[^"]*" | ![^!\s]*! | \+[^+\s]+\+ | \{[^}]*\} | [~.HI-WYh-wy`$*\\);@#?0] )
    | (?P<tuplet>\(\d(?::\d?){0,2})
    | (?P<bar>\[?:*\|+\]?:* | ::+ )(?P<turns>\[?[1-9](?:[,-][1-9])*\.?)?
    | (?P<ending>\[[1-9](?:[,-][1-9])*\.?)
    | (?P<slur>\()
    | (?P<chord>\[(?:[^\[\]|:"]|"[^"]*")*\])(?P<size>\d{0,4}/{0,4}\d{0,4})(?P<tie>\s*-)?
    | (?P<rest>[zxZX])(?P<count>\d{0,4}/{0,4}\d{0,4})
    | (?P<broken>>{1,3}|<{1,3})
    | (?P<loose>-)
    | (?P<note>[\^_=A-Ga-g])""",
    re.VERBOSE,
)
SIZE = re.compile(r"(\d*)(/*)(\d*)")
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""Notes whose time a tuplet of this many notes takes; 5, 7 and 9 depend on the metre."""


@dataclass
class Event:
    """A note, chord or rest."""

    length: Fraction
    pitches: list[int]
    tied: bool = False


@dataclass
class Music:
    """What a bar contains."""

    metre: tuple[int, int] | None
    key: AbcKey
    tempo: float | None
    events: list[Event] = field(default_factory=list)


class Tune:
    """A tune, which is read line by line."""

    def __init__(self) -> None:
        self.title = ""
        self.started = False
        """Whether the header is complete."""
        self._unit: Fraction | None = None
        self._tempo = ""
        self._voices: set[str] = set()
        self._now = Music(None, AbcKey(), None)
        self.bars: list[Written[Music]] = []
        self._bar = Written(self._now)
        self._accidentals: dict[str, int] = {}
        self._tied: dict[tuple[str, str], int] = {}
        """Pitches of the notes with a tie, by how they are written."""
        self._last: Event | None = None
        self._broken = Fraction(1)
        self._tuplet, self._left = Fraction(1), 0
        self._count = 0

    def field(self, letter: str, text: str) -> None:
        """Reads a field, of the header or within the music."""
        now = self._now
        match letter:
            case "T":
                self.title = self.title or text.strip()
            case "M":
                now.metre = metre_of(text)
            case "L":
                self._unit = length_of(text)
            case "Q":
                self._tempo = text
            case "K":
                now.key = key_of(text)
                self.started = True
            case "V":
                self._voices.add((text.split() or [""])[0])
                if len(self._voices) > 1:
                    raise Unreadable("has several voices (V:): give them as MIDI or MusicXML")
        if letter in "QK" and self._tempo and self.started:
            now.tempo = tempo_of(self._tempo, self._quarters()) or now.tempo

    def music(self, line: str) -> None:
        """Reads a line of notes."""
        place = 0
        while place < len(line):
            token = TOKEN.match(line, place)
            if token is None:
                raise Unreadable(f"{line[place : place + 10]!r} is not known")
            place = token.end()
            match token.lastgroup:
                case "inline":
                    self.field(token[0][1], token[0][3:-1])
                case "tuplet":
                    self._start_tuplet(token[0])
                case "bar" | "turns":
                    self.end_bar(token["bar"])
                    if token["turns"]:
                        self._bar.endings = _turns(token["turns"])
                case "ending":
                    self.end_bar("")
                    self._bar.endings = _turns(token[0])
                case "chord" | "size" | "tie":
                    self._chord(token["chord"][1:-1], self._size(token["size"]), bool(token["tie"]))
                case "rest" | "count":
                    bars = token["rest"] in "ZX"
                    unit = Bar(Fraction(0), self._now.metre or (4, 4)).full if bars else self._quarters()
                    self._add(Event(self._size(token["count"]) * unit, []))
                case "broken":
                    self._break(token[0])
                case "loose":
                    if self._last is not None:
                        self._last.tied = True
                case "note":
                    place -= 1
                    note = NOTE.match(line, place)
                    if note is None:
                        raise Unreadable(f"{line[place : place + 10]!r} is not a note")
                    self._chord(note[0], Fraction(1), False)
                    place = note.end()

    def _quarters(self) -> Fraction:
        """The unit of note lengths in quarter notes."""
        return self._unit or default_length(self._now.metre)

    def _size(self, text: str) -> Fraction:
        found = SIZE.fullmatch(text)
        assert found is not None, "the pattern of tokens holds this one"
        bottom = int(found[3]) if found[2] and found[3] else 2 ** len(found[2])
        length = Fraction(int(found[1] or "1"), bottom or 1)
        if bottom == 0 or length == 0:
            raise Unreadable(f"the note length {text!r} is 0")
        return length

    def _chord(self, text: str, size: Fraction, tied: bool) -> None:
        """Adds a chord, whose first note gives its length, or a single note."""
        pitches, lengths, names = [], [], {}
        for note in NOTE.finditer(re.sub(r'"[^"]*"|![^!]*!', "", text)):
            pitch = self._pitch(note[1], note[2], note[3])
            pitches.append(pitch)
            lengths.append(self._size(note[4] + note[5] + note[6]))
            tied |= bool(note[7])
            names[note[2], note[3]] = pitch
        if not pitches:
            raise Unreadable(f"{text[:10]!r} is not a chord")
        self._add(Event(lengths[0] * size * self._quarters(), sorted(set(pitches)), tied))
        self._tied = names if tied else {}

    def _pitch(self, accidental: str | None, letter: str, octaves: str) -> int:
        note = letter.upper()
        natural = STEPS[note] + 12 * (letter.islower() + octaves.count("'") - octaves.count(","))
        if accidental:
            self._accidentals[note] = ALTERS[accidental]
        elif (letter, octaves) in self._tied:
            return self._tied[letter, octaves]
        pitch = natural + self._accidentals.get(note, self._now.key.alters.get(note, 0))
        if not 0 <= pitch <= 127:
            raise Unreadable(f"{letter}{octaves} is out of the range of MIDI")
        return pitch

    def _add(self, event: Event) -> None:
        self._count += 1
        if self._count > MOST_NOTES:
            raise Unreadable(f"more than {MOST_NOTES:,} notes: cut it into pieces")
        event.length *= self._broken
        self._broken = Fraction(1)
        if self._left:
            event.length *= self._tuplet
            self._left -= 1
        self._now.events.append(event)
        self._last = event
        if not event.pitches:
            self._tied = {}

    def _break(self, signs: str) -> None:
        """Broken rhythm: A>B makes A longer by half and B shorter by half, A<B the reverse."""
        if self._last is None:
            raise Unreadable(f"{signs} must follow a note")
        short = Fraction(1, 2 ** len(signs))
        first, self._broken = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        self._last.length *= first

    def _start_tuplet(self, text: str) -> None:
        numbers = [int(number) if number else 0 for number in text[1:].split(":")]
        count, time, notes = (*numbers, 0, 0)[:3]
        beats, unit = self._now.metre or (4, 4)
        time = time or TUPLETS.get(count, 3 if unit >= 8 and beats % 3 == 0 else 2)
        if count < 2:
            raise Unreadable(f"{text} is not a tuplet")
        self._tuplet, self._left = Fraction(time, count), notes or count

    def end_bar(self, line: str) -> None:
        """Ends a bar at a bar line, or at an ending that starts without one."""
        closes, opens = line.startswith((":", "[:")), line.endswith(":")
        ends = closes or opens or "||" in line or "]" in line or "[" in line
        bar = self._bar
        if self._now.events:
            self.bars.append(bar)
            before = self._now
            self._now = Music(before.metre, before.key, before.tempo)
            self._bar = Written(self._now, endings=frozenset() if ends else bar.endings)
        elif ends:
            bar.endings = frozenset()
        if closes and self.bars:
            self.bars[-1].closes = True
        self._bar.opens |= opens
        self._bar.marked |= ends
        if line:
            self._accidentals = {}


def _turns(text: str) -> frozenset[int]:
    """The turns of an ending: [1, [1,3 or [1-3."""
    turns: set[int] = set()
    for part in text.strip("[.").split(","):
        first, _, last = part.partition("-")
        turns |= set(range(int(first), int(last or first) + 1))
    return frozenset(turns)
