"""Names of the instruments of General MIDI (MIDI Manufacturers Association, "General MIDI System Level 1", 1991)."""

import re

from genlab.errors import InputError
from genlab.options import perhaps_meant

PROGRAMS = (
    "acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano", "electric piano 1",
    "electric piano 2", "harpsichord", "clavi", "celesta", "glockenspiel", "music box", "vibraphone", "marimba",
    "xylophone", "tubular bells", "dulcimer", "drawbar organ", "percussive organ", "rock organ", "church organ",
    "reed organ", "accordion", "harmonica", "tango accordion", "acoustic guitar (nylon)", "acoustic guitar (steel)",
    "electric guitar (jazz)", "electric guitar (clean)", "electric guitar (muted)", "overdriven guitar",
    "distortion guitar", "guitar harmonics", "acoustic bass", "electric bass (finger)", "electric bass (pick)",
    "fretless bass", "slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2", "violin", "viola", "cello",
    "contrabass", "tremolo strings", "pizzicato strings", "orchestral harp", "timpani", "string ensemble 1",
    "string ensemble 2", "synth strings 1", "synth strings 2", "choir aahs", "voice oohs", "synth voice",
    "orchestra hit", "trumpet", "trombone", "tuba", "muted trumpet", "french horn", "brass section", "synth brass 1",
    "synth brass 2", "soprano sax", "alto sax", "tenor sax", "baritone sax", "oboe", "english horn", "bassoon",
    "clarinet", "piccolo", "flute", "recorder", "pan flute", "blown bottle", "shakuhachi", "whistle", "ocarina",
    "lead 1 (square)", "lead 2 (sawtooth)", "lead 3 (calliope)", "lead 4 (chiff)", "lead 5 (charang)",
    "lead 6 (voice)", "lead 7 (fifths)", "lead 8 (bass + lead)", "pad 1 (new age)", "pad 2 (warm)",
    "pad 3 (polysynth)", "pad 4 (choir)", "pad 5 (bowed)", "pad 6 (metallic)", "pad 7 (halo)", "pad 8 (sweep)",
    "fx 1 (rain)", "fx 2 (soundtrack)", "fx 3 (crystal)", "fx 4 (atmosphere)", "fx 5 (brightness)",
    "fx 6 (goblins)", "fx 7 (echoes)", "fx 8 (sci-fi)", "sitar", "banjo", "shamisen", "koto", "kalimba", "bag pipe",
    "fiddle", "shanai", "tinkle bell", "agogo", "steel drums", "woodblock", "taiko drum", "melodic tom", "synth drum",
    "reverse cymbal", "guitar fret noise", "breath noise", "seashore", "bird tweet", "telephone ring", "helicopter",
    "applause", "gunshot",
)  # fmt: skip
"""By their number, from 0."""
SHORT = {
    "piano": 0, "electric piano": 4, "organ": 19, "guitar": 24, "bass": 32, "strings": 48, "choir": 52, "voice": 52,
    "horn": 60, "brass": 61, "sax": 65, "saxophone": 65, "harp": 46, "bagpipe": 109,
}  # fmt: skip
"""What people call them."""


def program_of(name: str) -> int:
    """Returns the number of an instrument, 0 to 127, from its name in General MIDI, a short name, or the number.

    Raises:
        InputError: no instrument has this name or number.
    """
    text = re.sub(r"[\s_]+", " ", name.strip().lower())
    if text.isdecimal() and int(text) < len(PROGRAMS):
        return int(text)
    plain = {re.sub(r" ?\(.*\)| 1$", "", full): number for number, full in reversed(list(enumerate(PROGRAMS)))}
    known = plain | {full: number for number, full in enumerate(PROGRAMS)} | SHORT
    if text in known:
        return known[text]
    raise InputError(
        f"instruments: {name} is not an instrument of General MIDI: give a number from 0 to 127, or a name such "
        f"as violin{perhaps_meant(text, known)}.",
        "instruments",
    )
