import pytest

from genlab.data.notes.midi_writing import write_midi
from genlab.errors import InputError
from genlab.show import soundfont
from tests.data.notes.made import tune

EMPTY = b"RIFF\x04\x00\x00\x00sfbk"
"""A SoundFont without instruments."""


@pytest.mark.parametrize("content", [b"", b"RIFF\x04\x00\x00\x00WAVE", b"MThd", b"x" * 100])
def test_what_is_not_a_soundfont(content):
    with pytest.raises(InputError, match=r"not a SoundFont \(\.sf2\)"):
        soundfont.check_soundfont(content)


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(soundfont, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'genlab\[sound\]'"):
        soundfont.check_soundfont(EMPTY)


def test_a_damaged_soundfont():
    soundfont.check_soundfont(EMPTY)
    with pytest.raises(InputError, match="the SoundFont cannot be played"):
        soundfont.played_with(EMPTY, write_midi(tune(0)))
