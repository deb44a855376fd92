"""Music as notes: files of MIDI, MusicXML and ABC, and what models read."""
