"""Reads the events of one track of a MIDI file: the inner loop of the reader."""

from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass, field

from genlab.data.notes.score import Key, Metre
from genlab.data.notes.unreadable import Unreadable

Sounding = tuple[int, int, int, int]
"""Start and end in ticks, pitch and velocity."""
Parts = dict[tuple[int, int], list[Sounding]]
"""Notes of a track by channel and program."""
Pressed = dict[int, deque[tuple[int, int, list[Sounding]]]]
"""Notes of a channel whose keys are down, by pitch: start, velocity, and the part that they belong to."""
Held = dict[int, list[tuple[int, int, int, list[Sounding]]]]
"""Notes that the pedal holds, by pitch: start, velocity, release of the key, and part."""

DRUMS = 9
"""Channel 10, counted from 0."""
UNSET = -1
"""Program of a channel before its first program change."""
MOST = 200_000
"""Maximum number of notes in a file, and of changes of tempo, metre and key."""
DATA_BYTES = bytes([2] * 192 + [1] * 32 + [2] * 16 + [0, 1, 2, 1] + [0] * 12)
"""Number of data bytes after each status byte."""
PEDAL, SOUND_OFF, RESET, NOTES_OFF = 64, 120, 121, 123
"""Controllers."""
NAME, END, TEMPO, METRE, KEY, NONE = 3, 0x2F, 0x51, 0x58, 0x59, -1
"""Meta events."""
KEPT = frozenset((NAME, TEMPO, METRE, KEY))
TOO_MANY = f"more than {MOST:,} notes and changes of tempo, metre and key: cut it into pieces"


@dataclass
class Events:
    """What the tracks of a file hold; times are ticks as in the file."""

    beat: int
    """Ticks per quarter note."""
    parts: dict[tuple[int, int, int], list[Sounding]] = field(default_factory=dict)
    """Notes by track, channel and program; none is empty."""
    programs: dict[tuple[int, int], int] = field(default_factory=dict)
    """First program by track and channel."""
    pedals: set[tuple[int, int]] = field(default_factory=set)
    """Tracks and channels in which the sustain pedal is pressed."""
    metres: list[Metre] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    """Tick and microseconds per quarter note."""
    names: dict[int, bytes] = field(default_factory=dict)
    """Name by track, as it is in the file."""
    faults: Counter[str] = field(default_factory=Counter)
    """Number of faults that were repaired, by kind: "clipped", "stray", "hanging", "empty", "cut off", "pedal",
    "other pedal", and the unusable "tempo", "metre" and "key".
    """
    count: int = 0
    """Number of notes and of changes of tempo, metre and key."""


def read_track(data: bytes, events: Events, track: int, start: int = 0) -> int:
    """Adds the events of a track to `events` and returns the tick of the last one.

    Keeps what comes before an unfinished event. Notes of one pitch and channel end in the order in which they begin. A
    note whose key is released while the sustain pedal is down sounds until the pedal is released or the pitch is
    struck again. The pedal acts on the notes of its track only.

    Args:
        data: The content of the track's chunk.
        events: What was read so far.
        track: Number of the track.
        start: Tick at which the track begins.

    Raises:
        Unreadable: the file has more than `MOST` notes and changes.
    """
    faults, room = events.faults, MOST - events.count
    place, size, tick, running, pedals = 0, len(data), start, 0, 0
    parts: Parts = {(channel, UNSET): [] for channel in range(16)}
    targets = list(parts.values())
    pressed: list[Pressed] = [{} for _ in range(16)]
    held: list[Held] = [{} for _ in range(16)]
    try:
        while place < size:
            byte = data[place]
            if byte < 128:
                tick += byte
                place += 1
            else:
                step, place = _length(data, place)
                tick += step
            status = data[place]
            place += 1
            if status < 128:
                status = running
                place -= 1
                if not status:
                    faults["stray"] += 1
                    place += 1
                    continue
            channel = status & 15
            if status < 0xA0:  # a note begins or ends
                running = status
                pitch, velocity = data[place], data[place + 1]
                place += 2
                if pitch > 127 or velocity > 127:
                    faults["clipped"] += 1
                    pitch, velocity = min(pitch, 127), min(velocity, 127)
                waiting = pressed[channel].get(pitch)
                if status >= 0x90 and velocity:
                    room -= 1
                    if room < 0:
                        raise Unreadable(TOO_MANY)
                    if pitch in held[channel]:
                        _lift(held[channel].pop(pitch), pitch, tick)
                    if waiting is None:
                        waiting = pressed[channel][pitch] = deque()
                    waiting.append((tick, velocity, targets[channel]))
                elif waiting:
                    begin, velocity, target = waiting.popleft()
                    if begin == tick:
                        faults["empty"] += 1
                    elif pedals >> channel & 1:
                        held[channel].setdefault(pitch, []).append((begin, velocity, tick, target))
                    else:
                        target.append((begin, tick, pitch, velocity))
            elif status < 0xF0:
                running = status
                value = min(data[place], 127)
                if status >= 0xC0:
                    if status < 0xD0:
                        events.programs.setdefault((track, channel), value)
                        targets[channel] = parts.setdefault((channel, value), [])
                elif status >= 0xB0 and (value == PEDAL or value >= SOUND_OFF):
                    if value == PEDAL and data[place + 1] >= 64:
                        if channel != DRUMS:
                            pedals |= 1 << channel
                            events.pedals.add((track, channel))
                    else:
                        if value in (PEDAL, RESET):
                            pedals &= ~(1 << channel)
                        elif value != 122:  # 123 and above release all keys, 120 also stops the sound
                            faults["empty"] += _release(pressed[channel], tick)
                        for pitch, notes in held[channel].items():
                            _lift(notes, pitch, tick)
                        held[channel].clear()
                place += DATA_BYTES[status]
            elif status in (0xF0, 0xF7, 0xFF):
                kind = data[place] if status == 0xFF else NONE
                length, place = _length(data, place + (status == 0xFF))
                content = data[place : place + length]
                place += length
                if kind == END or place > size:
                    break
                if kind in KEPT:
                    room -= _add_meta(events, kind, content, tick, track)
                    if room < 0:
                        raise Unreadable(TOO_MANY)
            else:
                place += DATA_BYTES[status]
        faults["cut off"] += place > size
    except IndexError:
        faults["cut off"] += 1
    events.count = MOST - room
    _end(events, parts, tick, pressed, held)
    events.parts.update({(track, *key): notes for key, notes in parts.items() if notes})
    return tick


def _length(data: bytes, place: int) -> tuple[int, int]:
    """Reads a number of variable length, four bytes at most; returns it and the place after it."""
    number = count = 0
    while count < 4:
        byte = data[place + count]
        number = number << 7 | byte & 127
        count += 1
        if byte < 128:
            break
    return number, place + count


def _lift(notes: list[tuple[int, int, int, list[Sounding]]], pitch: int, tick: int) -> None:
    """Ends the notes of a pitch that the pedal held."""
    for begin, velocity, _, target in notes:
        target.append((begin, tick, pitch, velocity))


def _release(pressed: Pressed, tick: int) -> int:
    """Ends the notes of a channel whose keys are down; returns how many have no length."""
    empty = 0
    for pitch, waiting in pressed.items():
        for begin, velocity, target in waiting:
            if begin < tick:
                target.append((begin, tick, pitch, velocity))
            else:
                empty += 1
    pressed.clear()
    return empty


def _add_meta(events: Events, kind: int, content: bytes, tick: int, track: int) -> int:
    """Adds a meta event; returns how many changes of tempo, metre and key it is."""
    faults = events.faults
    if kind == NAME:
        events.names.setdefault(track, content[:1000])
        return 0
    if kind == TEMPO:
        microseconds = int.from_bytes(content[:3], "big")
        if len(content) >= 3 and microseconds:
            events.tempos.append((tick, microseconds))
            return 1
        faults["tempo"] += 1
    elif kind == METRE:
        if len(content) >= 2 and content[0] and content[1] <= 6:
            events.metres.append(Metre(tick, content[0], 1 << content[1]))
            return 1
        faults["metre"] += 1
    elif kind == KEY:
        if len(content) >= 2 and (content[0] + 7) % 256 <= 14 and content[1] <= 1:
            events.keys.append(Key(tick, (content[0] + 7) % 256 - 7, content[1] == 1))
            return 1
        faults["key"] += 1
    return 0


def _end(events: Events, parts: Parts, end: int, pressed: list[Pressed], held: list[Held]) -> None:
    """Ends the notes that are left when the track ends."""
    for channel in range(16):
        events.faults["pedal"] += bool(held[channel])
        for pitch, notes in held[channel].items():
            for begin, velocity, released, target in notes:
                target.append((begin, released, pitch, velocity))
    hanging = {(channel, pitch) for channel in range(16) for pitch, waiting in pressed[channel].items() if waiting}
    if hanging:
        _end_hanging(events, parts, end, pressed, hanging)


def _end_hanging(events: Events, parts: Parts, end: int, pressed: list[Pressed], hanging: set[tuple[int, int]]) -> None:
    """Ends notes that the file never ends: each with the next note that begins later, after a whole note at most.

    The ends of later notes of the same pitch were taken for theirs. So all notes of that pitch are paired again: each
    ends at the first end that comes before the pitch is struck again.
    """
    starts: dict[tuple[int, int], list[tuple[int, int, list[Sounding]]]] = {key: [] for key in hanging}
    ends: dict[tuple[int, int], list[int]] = {key: [] for key in hanging}
    onsets: set[int] = set()
    for (channel, _), notes in parts.items():
        onsets.update(note[0] for note in notes)
        for begin, finish, pitch, velocity in notes:
            if (channel, pitch) in hanging:
                starts[channel, pitch].append((begin, velocity, notes))
                ends[channel, pitch].append(finish)
        notes[:] = [note for note in notes if (channel, note[2]) not in hanging]
    for channel, pitch in hanging:
        waiting = pressed[channel][pitch]
        events.faults["hanging"] += len(waiting)
        starts[channel, pitch] += waiting
        onsets.update(note[0] for note in waiting)
    beginnings = [*sorted(onsets), end]
    for (channel, pitch), struck in starts.items():
        struck.sort(key=lambda note: note[0])
        stops = sorted(ends[channel, pitch])
        again = [*(note[0] for note in struck[1:]), end + 1]
        for (begin, velocity, target), following in zip(struck, again, strict=True):
            where = bisect_right(stops, begin)
            if where < len(stops) and stops[where] <= following:
                finish = stops[where]
            else:
                later = bisect_right(beginnings, begin)
                finish = min(beginnings[later] if later < len(beginnings) else end, begin + 4 * events.beat)
            if finish > begin:
                target.append((begin, finish, pitch, velocity))
            else:
                events.faults["empty"] += 1
