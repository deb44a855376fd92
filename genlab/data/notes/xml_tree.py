"""Reads XML from strangers: what is needed of it, within bounds."""

import io
import zipfile
from collections.abc import Set
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from genlab.data.notes.unreadable import Unreadable
from genlab.data.shared.compressed import DAMAGED_ZIP

LARGEST = 128 << 20
"""Maximum size of an XML file, in bytes."""
MOST_ELEMENTS = 5_000_000
"""Most elements that are kept."""
DEEPEST = 200
"""Deepest nesting."""


def unpacked(content: bytes) -> bytes:
    """The XML file in a compressed MusicXML file (.mxl), or `content` itself if it is not compressed.

    Raises:
        Unreadable: the archive is damaged or holds no MusicXML, or too large a file.
    """
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = archive.namelist()
            if "META-INF/container.xml" in files:
                about = tree(_member(archive, "META-INF/container.xml"), {"container": {"rootfiles", "rootfile"}})
                listed = [file.get("full-path") for file in about.iter("rootfile")]
            else:
                listed = []
            plain = [
                file for file in files if file.endswith((".xml", ".musicxml")) and not file.startswith("META-INF/")
            ]
            chosen = next((file for file in (*listed, *plain) if file in files), None)
            if chosen is None:
                raise Unreadable("an archive without MusicXML: export the piece again")
            return _member(archive, chosen)
    except DAMAGED_ZIP as error:
        raise Unreadable(f"a damaged archive ({str(error).rstrip('.')}): export it again") from None


def _member(archive: zipfile.ZipFile, file: str) -> bytes:
    if archive.getinfo(file).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile expands the others without a bound
        raise Unreadable("unusual compression: export it again")
    with archive.open(file) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Unreadable(f"holds more than {LARGEST >> 20} MB of XML: cut it into pieces")
    return content


def tree(content: bytes, kinds: dict[str, Set[str]]) -> Element:
    """Parses an XML file.

    Refuses entities that the file declares: a few lines of them can expand to gigabytes, or include other files.
    Never reads a document type definition.

    Args:
        content: The file.
        kinds: For each possible root element, the elements that are kept. Others are skipped with all they contain.

    Raises:
        Unreadable: it is not well-formed XML, has another root, declares entities, or is too large.
    """
    if len(content) > LARGEST:
        raise Unreadable(f"larger than {LARGEST >> 20} MB: cut it into pieces")
    builder, parser = TreeBuilder(), expat.ParserCreate()
    depth = skipped = count = 0
    kept: Set[str] = frozenset()

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, skipped, count, kept
        if depth == 0:
            if tag not in kinds:
                wanted = " or ".join(kinds)
                raise Unreadable(f"XML with the root <{tag[:40]}>, not <{wanted}>: export it again")
            kept = kinds[tag] | {tag}
        depth += 1
        if skipped or tag not in kept:
            skipped += 1
            return
        count += 1
        if count > MOST_ELEMENTS or depth > DEEPEST:
            raise Unreadable("too many elements of XML: cut it into pieces")
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
        raise Unreadable("declares XML entities, which are not read: export it again")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(content, True)
        return builder.close()
    except expat.ExpatError as error:
        raise Unreadable(f"damaged XML ({error}): export it again") from None
    except (ValueError, LookupError):  # an encoding that Python cannot decode
        raise Unreadable("XML in an unknown encoding: save it as UTF-8") from None
