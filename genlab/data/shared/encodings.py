"""Decodes text, and suggests encodings for files that are not UTF-8."""

import codecs
import re
from collections.abc import Callable, Container, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path

from genlab.errors import InputError

JUDGED = 20_000
"""Number of bytes of distinct words from which to judge encodings."""
SHOWN = 24
"""Length in characters of the sample shown for each encoding."""
MOST = 4
"""Maximum number of encodings to suggest."""

WORD = re.compile(rb"[0-\x7f]{0,12}[\x80-\xff][0-\xff]*")
"""A word with a non-ASCII byte. Bytes below 0x30 are complete characters in every encoding below."""
CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")

LATIN_WEST = (
    "àâæçéèêëîïôœùûüÿ", "äöüß", "áéíñóúüªº", "ãáàâçéêíõóôúüªº", "àèéìíòóùú", "åæøäöé", "áðéíóúýþæö", "éëïóöüáè",
    "àçèéíïòóúü·",
)  # fmt: skip
"""French, German, Spanish, Portuguese, Italian, Nordic, Icelandic, Dutch, Catalan."""
LATIN_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž")
"""Polish, Czech, Slovak, Hungarian, Romanian, Croatian."""
LATIN_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")
"""Lithuanian, Latvian, Estonian."""
TURKISH = ("çğıöşüâîûİ",)
CYRILLIC = ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш")
"""Russian (and Bulgarian), Ukrainian, Serbian."""
GREEK = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)
HEBREW = ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",)
ARABIC = ("ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىيپچژگ،؛؟ًٌٍَُِّْ",)
THAI = ("".join(map(chr, (*range(0xE01, 0xE3B), *range(0xE3F, 0xE5A)))),)

LETTERS: dict[str, Sequence[str]] = {
    "cp1252": LATIN_WEST,
    "cp1250": LATIN_CENTRAL,
    "cp1255": HEBREW,
    "cp1251": CYRILLIC,
    "cp932": (),
    "cp949": (),
    "euc-jp": (),
    "gb18030": (),
    "big5": (),
    "iso-8859-2": LATIN_CENTRAL,
    "cp1254": TURKISH,
    "cp1257": LATIN_BALTIC,
    "cp1253": GREEK,
    "koi8-u": CYRILLIC,
    "iso-8859-15": LATIN_WEST,
    "iso-8859-5": CYRILLIC,
    "cp866": CYRILLIC,
    "cp850": LATIN_WEST,
    "cp852": LATIN_CENTRAL,
    "macintosh": LATIN_WEST,
    "cp1256": ARABIC,
    "cp874": THAI,
}
"""Encodings by their iconv names, with the non-ASCII letters of the languages written in them.

Ties go to the earlier encoding, which is more common or fits fewer texts by chance.
"""
ROWS = {
    "cp932": ("cp932", (*range(0x82, 0x84), *range(0x88, 0x98))),
    "cp949": ("euc-kr", range(0xB0, 0xC9)),
    "euc-jp": ("euc-jp", (0xA4, 0xA5, *range(0xB0, 0xD0))),
    "gb18030": ("gb2312", range(0xB0, 0xD8)),
    "big5": ("big5", range(0xA4, 0xC7)),
}
"""First bytes of the common characters of Japanese, Korean and Chinese, in the codec named."""
WIDE = "、。，！？：；（）「」『』《》・ー　"
MARKS = "’‘“”–—…•€£§©®™°«»·×½²³" + WIDE
"""Punctuation and symbols of any language."""
INNER = "’–—·" + WIDE
"""The ones that may come between two letters."""
OPENING = "„‚¿¡"
"""Punctuation that may precede a word, but not follow one."""
TWO_SCRIPTS = re.compile("[a-zA-Z][\u0370-\u0e7f]|[\u0370-\u0e7f][a-zA-Z]")
"""A Latin letter beside a Greek, Cyrillic, Hebrew, Arabic or Thai one."""
BYTE_ORDER = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


UTF8 = "utf-8-sig"
"""UTF-8, with a byte order mark or without."""


def decode_blocks(
    opened: Callable[[], Iterator[bytes]],
    name: str,
    option: str,
    encoding: str | None,
    before: int = 0,
) -> Iterator[str]:
    """Decodes a file block by block: as UTF-8, as UTF-16 or UTF-32, or as `encoding` where UTF-8 does not fit.

    Args:
        opened: Opens the file; returns its content in blocks of any size.
        name: Name of the file in errors.
        option: The option that gave the file.
        encoding: Encoding of a file that is none of these.
        before: Number of preceding lines, which errors add to a line number.

    Raises:
        InputError: the encoding is unknown or does not fit, or the file is not text.
    """
    codec = _codec(opened(), encoding)
    decoder = codecs.getincrementaldecoder(codec)()
    blocks, place, line = opened(), 0, before + 1
    for block in chain(blocks, [b""]):
        waiting = decoder.getstate()[0]  # the incomplete character at the end of the previous block
        error: UnicodeError | None = None
        try:
            text = decoder.decode(block, final=not block)
            wrong = (waiting + block).find(0) if "\0" in text else -1
        except UnicodeDecodeError as failed:
            error, wrong = failed, len(waiting) + len(block) - len(failed.object) + failed.start
        except UnicodeError as failed:  # no byte order mark
            error, wrong = failed, 0
        if wrong >= 0:
            data, place = b"".join((waiting, block, *islice(blocks, 16))), place - len(waiting) + wrong
            line += data.count(b"\n", 0, wrong)
            where = f"{name}, line {line}"
            if error is None or codec == UTF8:
                message = not_utf8(where, data[max(0, wrong - JUDGED) :], place)
            elif codec == encoding:
                message = f"{where} is not {encoding} (byte {place}): give another --encoding."
            else:
                message = f"{where} is cut off or damaged {codec} (byte {place}): correct it, or convert it to UTF-8."
            raise InputError(message, "encoding" if "--encoding" in message else option) from None
        if text:
            yield text
        place, line = place + len(block), line + text.count("\n")


def decoded(data: bytes, name: str, option: str, encoding: str | None, before: int = 0) -> str:
    """Decodes the whole content of a file: see `decode_blocks`."""
    return "".join(decode_blocks(lambda: iter([data]), name, option, encoding, before))


def _codec(blocks: Iterator[bytes], encoding: str | None) -> str:
    """The encoding of a file: UTF-16 or UTF-32 by its first bytes, UTF-8 if that fits all of them, else `encoding`.

    Raises:
        InputError: the encoding is unknown.
    """
    first = next(blocks, b"")
    wide = next((wide for mark, wide in BYTE_ORDER if first.startswith(mark)), None) or _without_mark(first[:4096])
    if wide or encoding is None or _is_text_in_utf8(chain([first], blocks)):
        return wide or UTF8
    try:
        "".encode(encoding)
    except (LookupError, ValueError):  # an unknown name, or a codec for something else than text
        raise InputError(
            f"encoding: {encoding!r} is not an encoding; common ones are utf-8, cp1252 and utf-16.", "encoding"
        ) from None
    return encoding


def _is_text_in_utf8(blocks: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return not any("\0" in decoder.decode(block, final=not block) for block in chain(blocks, [b""]))
    except UnicodeDecodeError:
        return False


def not_utf8(name: Path | str, data: bytes, place: int) -> str:
    """Describes text that is not UTF-8, and how to read it.

    Args:
        name: The file, or a place in it.
        data: A large part of the file, with the first invalid byte near its start.
        place: Position of the first invalid byte in the file.
    """
    if 0 in data:
        return f"{name} is not text: it has zero bytes (byte {place})."
    if _is_utf8(data, cut_off=True):
        return f"{name} ends in the middle of a character: it is cut off, or not UTF-8."
    words = list(dict.fromkeys(WORD.findall(data)))
    if len(CONTROL.findall(data)) > len(data) / 100:
        return f"{name} is not text: it is full of control characters (byte {place} is not UTF-8)."
    if sum(map(_is_utf8, words)) >= len(words) / 2:
        return (
            f"{name} is not UTF-8 (byte {place}), though most of it is: correct the text there, or drop the invalid "
            "bytes with `iconv -c -f utf-8 -t utf-8`."
        )
    samples = ", ".join(f'{encoding} "{sample}"' for encoding, sample in _candidates(words))
    remedy = "add --encoding NAME, where NAME is the encoding that reads right"
    return f"{name} is not UTF-8 (byte {place}): {remedy}: {samples}."


def _without_mark(data: bytes) -> str | None:
    """Recognises UTF-16 and UTF-32 without a byte order mark by the positions of the zero bytes."""
    if not data:
        return None
    share = [data[first::4].count(0) / max(1, len(data[first::4])) for first in range(4)]
    if min(share[2:]) > 0.98 and share[0] < 0.01:
        return "utf-32-le"
    if min(share[:2]) > 0.98 and share[3] < 0.01:
        return "utf-32-be"
    even, odd = data[::2].count(0) / len(data), data[1::2].count(0) / len(data)
    if min(even, odd) > 0.01 or max(even, odd) < 0.2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(data: bytes, cut_off: bool = False) -> bool:
    """Returns whether the bytes are UTF-8; if they are cut off, the last character may be incomplete."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=not cut_off)
    except UnicodeDecodeError:
        return False
    return True


def _candidates(words: list[bytes]) -> list[tuple[str, str]]:
    """Returns encodings with samples of the text that they give, most plausible first and each text only once."""
    judged, sample = b" ".join(words)[:JUDGED], b" ".join(_first_occurrences(words))
    scores: dict[str, tuple[float, str]] = {}  # by the text that the encoding gives
    for encoding in LETTERS:
        text = _decode(judged, encoding)
        if text not in scores:
            scores[text] = _plausibility(text, encoding), encoding
    ranked = sorted(scores.values(), key=lambda scored: -scored[0])
    best = ranked[0][0]
    likely = [encoding for rank, (score, encoding) in enumerate(ranked) if rank < 2 or score > 0.6 * best]
    return [(encoding, _shortened(_decode(sample, encoding))) for encoding in likely[:MOST]]


def _shortened(text: str) -> str:
    """Cuts to `SHOWN` characters, if possible between words."""
    if len(text) <= SHOWN:
        return text
    return text[:SHOWN].rpartition(" ")[0] or text[:SHOWN]


def _first_occurrences(words: list[bytes]) -> Iterator[bytes]:
    """Yields the words in which a non-ASCII byte occurs for the first time."""
    seen: set[int] = set()
    for word in words:
        if new := {byte for byte in word if byte > 0x7F} - seen:
            seen |= new
            yield word


def _decode(data: bytes, encoding: str) -> str:
    """Decodes bytes that may end inside a character; invalid and unprintable characters become U+FFFD."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data)
    return "".join(character if character.isprintable() or character == "\u3000" else "\ufffd" for character in text)


def _plausibility(text: str, encoding: str) -> float:
    """Returns the fraction of non-ASCII characters that fit the likeliest language written in the encoding."""
    signs, letters = 0, []
    count = sum(not character.isascii() for character in text)
    for before, character, after in zip(f" {text}", text, f"{text} "[1:], strict=False):
        if character.isascii():
            continue
        if character in MARKS or character in OPENING:
            between = before.isalpha() and (after.isalpha() or character in OPENING)
            signs += character in INNER or not between
        elif not (character.isupper() and before.islower()) and not TWO_SCRIPTS.search(before + character + after):
            letters.append(character)
    languages: Sequence[Container[str]] = LETTERS[encoding] or [_common(encoding)]
    known = max(sum(letter.lower() in language or letter in language for letter in letters) for language in languages)
    return (signs + known) / max(1, count)


@cache
def _common(encoding: str) -> Container[str]:
    """Returns the common characters of Japanese, Korean or Chinese."""
    codec, rows = ROWS[encoding]
    pairs = (bytes((row, second)) for row in rows for second in range(0x40, 0xFF))
    return frozenset("".join(pair.decode(codec, "ignore") for pair in pairs))
