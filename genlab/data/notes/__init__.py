"""Music as notes: files of MIDI, MusicXML and ABC, and what models read."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.notes.sample_sets"
PERMISSION = (
    'Its corpus/license.txt: "encoded compositions which are distributed with the permission of the encoders (and, '
    'where needed, the composers or arrangers)"; some others in that corpus have restrictions.'
)
SAMPLES = (
    SampleSet(
        "@chorales",
        "364 chorales by J. S. Bach in four parts, encoded by M. Greentree and others (by permission, in music21)",
        "music",
        f"{MAKERS}:chorales",
        f"{MAKERS}:chorale_files",
        licence="Chorales by Johann Sebastian Bach (1685-1750), encoded by Margaret Greentree (jsbchorales.net) and "
        f'others, from the corpus of music21 (https://www.music21.org). {PERMISSION} Most files say "PDF © 2004 '
        'Margaret Greentree"; none restricts use.',
    ),
    SampleSet(
        "@tunes",
        "tunes of O'Neill's (1903) and Ryan's (1883) collections, typed by volunteers (no restriction, in music21)",
        "music",
        f"{MAKERS}:tunes",
        f"{MAKERS}:tune_files",
        licence="Tunes of O'Neill's Music of Ireland (1903) and Ryan's Mammoth Collection (1883), in the public "
        "domain, transcribed to ABC by the volunteers named in the files, from the corpus of music21 "
        f"(https://www.music21.org). {PERMISSION} No file restricts use.",
    ),
)
