"""Reads MusicXML (.musicxml, .xml and compressed .mxl): notes, metres, keys and tempos.

A track is a voice of a part. Tied notes are one note. Music is read as it is written: a repeated section counts once,
and second endings follow first ones. Grace notes, ornaments, dynamics, lyrics and layout are skipped.

https://www.w3.org/2021/06/musicxml40/
"""

import re
from fractions import Fraction
from itertools import zip_longest
from xml.etree.ElementTree import Element

from genlab.data.notes.exact import Bar, Course, Line, checked, score_of
from genlab.data.notes.score import Score
from genlab.data.notes.unreadable import Unreadable
from genlab.data.notes.xml_tree import tree, unpacked

READ = frozenset(
    {"work", "work-title", "movement-title", "part-list", "score-part", "part-name", "midi-instrument", "midi-channel"}
    | {"midi-program", "midi-unpitched", "part", "measure", "attributes", "divisions", "key", "fifths", "mode", "time"}
    | {"beats", "beat-type", "transpose", "chromatic", "octave-change", "note", "chord", "grace", "cue", "pitch"}
    | {"step", "alter", "octave", "unpitched", "instrument", "duration", "voice", "tie", "notations", "tied", "backup"}
    | {"forward", "direction", "direction-type", "metronome", "beat-unit", "beat-unit-dot", "per-minute", "sound"}
)
"""Elements that are read."""
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MINOR = frozenset(("minor", "aeolian", "dorian", "phrygian", "locrian"))
"""Modes with a minor third."""
UNITS = {"whole": Fraction(4), "half": Fraction(2), "eighth": Fraction(1, 2), "16th": Fraction(1, 4)}
"""Quarter notes of the notes that a metronome mark counts, if it counts no quarter notes."""
NUMBER = re.compile(r"\s*([+-]?\d{1,9}(\.\d{1,9})?)\s*")


def read_musicxml(content: bytes) -> Score:
    """Reads a MusicXML file.

    Args:
        content: The file, compressed or not.

    Raises:
        Unreadable: it is not MusicXML with one element per part, is damaged, has no notes, or is too large.
    """
    root = tree(unpacked(content), {"score-partwise": READ})
    course = Course()
    about = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
    parts = [_Part(element, about.get(element.get("id")), course) for element in root.iterfind("part")]
    start, metre = Fraction(0), (4, 4)
    for measures in zip_longest(*(part.measures for part in parts)):
        ends = [part.read(measure, start) for part, measure in zip(parts, measures, strict=True) if measure is not None]
        metre = next((part.metre for part in parts if part.metre), metre)
        length = max(ends) - start or Bar(Fraction(0), metre).full
        course.bars.append(Bar(length, metre))
        start = checked(start + length)
    title = (root.findtext("work/work-title") or root.findtext("movement-title") or "").strip()
    return score_of([line for part in parts for line in part.named_lines()], course, title)


class _Part:
    """A part, which is read measure by measure."""

    def __init__(self, part: Element, about: Element | None, course: Course) -> None:
        self.measures = part.findall("measure")
        self.metre: tuple[int, int] | None = None
        self._course = course
        about = Element("score-part") if about is None else about
        self._label = (about.findtext("part-name") or "").strip()
        self._program = self._midi(about, "midi-program", 1) - 1
        self._drums = self._midi(about, "midi-channel", 1) == 10
        self._unpitched = {
            one.get("id"): self._midi(one, "midi-unpitched", 1) - 1
            for one in about.iterfind("midi-instrument")
            if one.find("midi-unpitched") is not None
        }
        self._part = self._where = f"part {(part.get('id') or '?')[:20]}"
        self._divisions, self._shift = Fraction(1), 0
        self._lines: dict[tuple[str, bool], Line] = {}
        self._tied: dict[int, dict[str, tuple[Line, int]]] = {}
        """By pitch and voice: the line and the index of its note that is tied to the next one."""

    def named_lines(self) -> list[Line]:
        """The voices, in order of their first notes."""
        for (voice, _), line in self._lines.items():
            line.name = self._label if len(self._lines) == 1 else f"{self._label} {voice}".strip()
        return list(self._lines.values())

    def read(self, measure: Element, start: Fraction) -> Fraction:
        """Reads a measure that starts at `start`; returns its end."""
        self._where = f"{self._part}, measure {(measure.get('number') or '?')[:10]}"
        now = end = latest = start  # latest: start of the latest note, which a chord shares
        for element in measure:
            match element.tag:
                case "note":
                    if element.find("grace") is not None:
                        continue
                    length = self._duration(element)
                    chord = element.find("chord") is not None
                    latest = latest if chord else now
                    if element.find("cue") is None:
                        self._note(element, latest, length)
                    now = max(now, latest + length) if chord else now + length
                case "backup":
                    now = max(start, now - self._duration(element))
                case "forward":
                    now += self._duration(element)
                case "attributes":
                    self._attributes(element, now)
                case "direction" | "sound":
                    self._tempo(element, now)
            end = max(end, checked(now))
        return end

    def _note(self, note: Element, start: Fraction, length: Fraction) -> None:
        pitch = self._pitch(note)
        if pitch is None or length == 0:
            return
        ties = {tie.get("type") for tie in (*note.iterfind("tie"), *note.iterfind("notations/tied"))}
        voice = (note.findtext("voice") or "1").strip()
        tied = self._tied.setdefault(pitch, {})
        others = reversed(tied) if "stop" in ties and voice not in tied else ()  # a tie may go on in another voice
        before = tied.pop(next(iter(others), voice), None)
        if "stop" in ties and before is not None:
            line, index = before
            first, duration, _ = line.notes[index]
            if first + duration == start:
                line.notes[index] = (first, duration + length, pitch)
                if "start" in ties:
                    tied[voice] = before
                return
        drums = self._drums or note.find("unpitched") is not None
        line = self._lines.setdefault((voice, drums), Line(program=self._program, drums=drums))
        line.notes.append((start, length, pitch))
        if "start" in ties:
            tied[voice] = (line, len(line.notes) - 1)

    def _pitch(self, note: Element) -> int | None:
        """The MIDI number of a note; None for rests and for drums without one."""
        if note.find("unpitched") is not None:
            instrument = note.find("instrument")
            return self._unpitched.get(None if instrument is None else instrument.get("id"))
        written = note.find("pitch")
        if written is None:
            return None
        step = (written.findtext("step") or "").strip()
        if step not in STEPS:
            raise Unreadable(f"{self._where}: <step> {step[:20]!r} is not a note name from A to G")
        octave = round(self._number(written.findtext("octave"), "octave"))
        alter = round(self._number(written.findtext("alter") or "0", "alter"))
        pitch = 12 * (octave + 1) + STEPS[step] + alter + self._shift
        if not 0 <= pitch <= 127:
            raise Unreadable(f"{self._where}: octave {octave} is out of the range of MIDI")
        return pitch

    def _attributes(self, element: Element, now: Fraction) -> None:
        divisions = element.findtext("divisions")
        if divisions is not None:
            self._divisions = self._number(divisions, "divisions")
            if self._divisions <= 0:
                raise Unreadable(f"{self._where}: <divisions> must be above 0")
        if (transpose := element.find("transpose")) is not None:
            self._shift = round(self._number(transpose.findtext("chromatic") or "0", "chromatic"))
            self._shift += 12 * round(self._number(transpose.findtext("octave-change") or "0", "octave-change"))
        if (key := element.find("key")) is not None and (fifths := key.findtext("fifths")) is not None:
            sharps = round(self._number(fifths, "fifths"))
            known = any(start == now for start, *_ in self._course.keys)
            if abs(sharps) <= 7 and self._shift % 12 == 0 and not known:  # the key that sounds, of the uppermost part
                self._course.keys.append((now, sharps, (key.findtext("mode") or "").strip().lower() in MINOR))
        if (time := element.find("time")) is not None and time.find("beats") is not None:
            self.metre = self._time(time)

    def _time(self, time: Element) -> tuple[int, int]:
        """Beats and unit of a time signature, which may be a sum: 3+2/8, or 2/4 + 3/8."""
        beats, units = time.findall("beats"), time.findall("beat-type")
        pairs = []
        for count, unit in zip(beats, units, strict=False):
            numbers = [self._number(one, "beats") for one in (count.text or "").split("+")]
            pairs.append((sum(numbers), self._number(unit.text, "beat-type")))
        shortest = max((unit for _, unit in pairs), default=Fraction(0))
        if shortest not in (1, 2, 4, 8, 16, 32, 64) or any(unit <= 0 for _, unit in pairs):
            raise Unreadable(f"{self._where}: the beat type must be 1, 2, 4, 8, 16, 32 or 64")
        total = sum(count * shortest / unit for count, unit in pairs)
        if not (total == round(total) and 1 <= total <= 255):
            raise Unreadable(f"{self._where}: a bar must have 1 to 255 beats")
        return int(total), int(shortest)

    def _tempo(self, element: Element, now: Fraction) -> None:
        """Reads <sound tempo="96"> or, without it, a metronome mark; skips marks in words."""
        sound = element if element.tag == "sound" else element.find("sound")
        rate = None if sound is None else NUMBER.fullmatch(sound.get("tempo", ""))
        mark = element.find("direction-type/metronome")
        if rate is not None:
            tempo = Fraction(rate[1])
        elif mark is not None and (rate := NUMBER.fullmatch(mark.findtext("per-minute") or "")) is not None:
            unit = UNITS.get((mark.findtext("beat-unit") or "").strip(), Fraction(1))
            tempo = Fraction(rate[1]) * unit * (2 - Fraction(1, 2 ** min(4, len(mark.findall("beat-unit-dot")))))
        else:
            return
        if 1 <= tempo <= 10_000:
            self._course.tempos.append((now, float(tempo)))

    def _duration(self, element: Element) -> Fraction:
        """Duration in quarter notes."""
        duration = self._number(element.findtext("duration"), "duration")
        if duration < 0:
            raise Unreadable(f"{self._where}: <duration> must not be negative")
        return duration / self._divisions

    def _midi(self, about: Element, tag: str, default: int) -> int:
        """The first number of MIDI in `tag`; the default if it is missing or impossible."""
        found = NUMBER.fullmatch(next((one.text or "" for one in about.iter(tag)), ""))
        number = default if found is None else round(Fraction(found[1]))
        return number if 1 <= number <= 128 else default

    def _number(self, text: str | None, tag: str) -> Fraction:
        found = NUMBER.fullmatch(text or "")
        if found is None:
            written = "is missing" if text is None else f"{text.strip()[:20]!r} is not a number"
            raise Unreadable(f"{self._where}: <{tag}> {written}")
        return Fraction(found[1])
