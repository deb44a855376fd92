"""MusicXML files for the tests."""

import io
import zipfile

CONTAINER = '<container><rootfiles><rootfile full-path="score.musicxml"/></rootfiles></container>'


def note(step: str, duration: int, more: str = "", before: str = "") -> str:
    """A note, as "C4", "F#4" or "Bb3", or a rest, "-"."""
    alter = {"#": 1, "b": -1}.get(step[1:2], 0)
    if step == "-":
        what = "<rest/>"
    else:
        what = f"<pitch><step>{step[0]}</step><alter>{alter}</alter><octave>{step[-1]}</octave></pitch>"
    return f"<note>{before}{what}<duration>{duration}</duration>{more}</note>"


def attributes(divisions: int = 2, beats: str = "4", unit: str = "4", more: str = "") -> str:
    """Divisions and a time signature."""
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    return f"<attributes><divisions>{divisions}</divisions>{more}{time}</attributes>"


def document(*parts: list[str], about: tuple[str, ...] = (), head: str = "") -> bytes:
    """A file whose parts are lists of measures; `about` is what the part list says about each."""
    listed, written = "", ""
    for number, measures in enumerate(parts, 1):
        more = about[number - 1] if about else f"<part-name>Part {number}</part-name>"
        listed += f'<score-part id="P{number}">{more}</score-part>'
        inside = "".join(f'<measure number="{index}">{one}</measure>' for index, one in enumerate(measures, 1))
        written += f'<part id="P{number}">{inside}</part>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<score-partwise version="4.0">'
        f"<work><work-title>A piece</work-title></work><part-list>{listed}</part-list>{written}</score-partwise>"
    ).encode()


def packed(files: dict[str, str | bytes]) -> bytes:
    """A zip archive with these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()
