"""Reads XML from strangers: what is needed of it, within bounds."""

import io
import zipfile
from collections.abc import Set
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from genlab.data.shared.compressed import DAMAGED_ZIP
from genlab.errors import InputError

LARGEST = 128 << 20
"""Maximum size of an XML file, in bytes."""
MOST_ELEMENTS = 5_000_000
"""Most elements that are kept."""
DEEPEST = 200
"""Deepest nesting."""


def unpacked(content: bytes, name: str) -> bytes:
    """The XML file in a compressed MusicXML file (.mxl), or `content` itself if it is not compressed.

    Raises:
        InputError: the archive is damaged or holds no MusicXML, or too large a file.
    """
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = archive.namelist()
            if "META-INF/container.xml" in files:
                about = tree(
                    _member(archive, "META-INF/container.xml", name), {"container": {"rootfiles", "rootfile"}}, name
                )
                listed = [file.get("full-path") for file in about.iter("rootfile")]
            else:
                listed = []
            plain = [
                file for file in files if file.endswith((".xml", ".musicxml")) and not file.startswith("META-INF/")
            ]
            chosen = next((file for file in (*listed, *plain) if file in files), None)
            if chosen is None:
                raise InputError(f"{name} is an archive without MusicXML: export the piece again.", "data")
            return _member(archive, chosen, name)
    except InputError:
        raise
    except DAMAGED_ZIP as error:
        raise InputError(f"{name} is a damaged archive ({str(error).rstrip('.')}): export it again.", "data") from None


def _member(archive: zipfile.ZipFile, file: str, name: str) -> bytes:
    if archive.getinfo(file).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile expands the others without a bound
        raise InputError(f"{name} has an unusual compression: export it again.", "data")
    with archive.open(file) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InputError(f"{name} holds more than {LARGEST >> 20} MB of XML: use a part of the piece.", "data")
    return content


def tree(content: bytes, kinds: dict[str, Set[str]], name: str) -> Element:
    """Parses an XML file.

    Refuses entities that the file declares: a few lines of them can expand to gigabytes, or include other files.
    Never reads a document type definition.

    Args:
        content: The file.
        kinds: For each possible root element, the elements that are kept. Others are skipped with all they contain.
        name: Name of the file, for messages.

    Raises:
        InputError: it is not well-formed XML, has another root, declares entities, or is too large.
    """
    if len(content) > LARGEST:
        raise InputError(f"{name} is larger than {LARGEST >> 20} MB: use a part of the piece.", "data")
    builder, parser = TreeBuilder(), expat.ParserCreate()
    depth = skipped = count = 0
    kept: Set[str] = frozenset()

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, skipped, count, kept
        if depth == 0:
            if tag not in kinds:
                wanted = " or ".join(kinds)
                raise InputError(f"{name} is XML with the root <{tag[:40]}>, not <{wanted}>: export it again.", "data")
            kept = kinds[tag] | {tag}
        depth += 1
        if skipped or tag not in kept:
            skipped += 1
            return
        count += 1
        if count > MOST_ELEMENTS or depth > DEEPEST:
            raise InputError(f"{name} has too many elements of XML: use a part of the piece.", "data")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth, skipped
        depth -= 1
        if skipped:
            skipped -= 1
        else:
            builder.end(tag)

    def text(data: str) -> None:
        if not skipped:
            builder.data(data)

    def entity(*_: object) -> None:
        raise InputError(f"{name} declares XML entities, which are not read: export it again.", "data")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(content, True)
        return builder.close()
    except expat.ExpatError as error:
        raise InputError(f"{name} is damaged XML ({error}): export it again.", "data") from None
    except (ValueError, LookupError) as error:  # an encoding that Python cannot decode
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is XML in an unknown encoding: save it as UTF-8.", "data") from None
