"""Plays music with a SoundFont, by midirenderer."""

from importlib.util import find_spec

from genlab.errors import InputError


def check_soundfont(content: bytes) -> None:
    """Checks that a SoundFont can be played.

    Raises:
        InputError: it is not one, or midirenderer is not installed.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise InputError("soundfont: the file is not a SoundFont (.sf2).", "soundfont")
    if find_spec("midirenderer") is None:
        raise InputError("soundfont: playing a SoundFont needs midirenderer: pip install 'genlab[sound]'.", "soundfont")


def played_with(soundfont: bytes, midi: bytes) -> bytes:
    """The music of a MIDI file as a WAV file.

    Raises:
        InputError: the SoundFont cannot be played.
    """
    check_soundfont(soundfont)
    import midirenderer

    try:
        return midirenderer.render_wave_from(soundfont, midi)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"soundfont: the SoundFont cannot be played ({error}).", "soundfont") from None
