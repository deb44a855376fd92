"""Music as notes: files of MIDI, MusicXML and ABC, and what models read."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.notes.sample_sets"
SAMPLES = (
    SampleSet(
        "@chorales",
        "364 chorales by J. S. Bach in four parts, encoded by M. Greentree and others (by permission, in music21)",
        "music",
        f"{MAKERS}:chorales",
        f"{MAKERS}:chorale_files",
    ),
    SampleSet(
        "@tunes",
        "tunes of O'Neill's (1850) and Ryan's collections, typed by volunteers (no restriction, in music21)",
        "music",
        f"{MAKERS}:tunes",
        f"{MAKERS}:tune_files",
    ),
)
