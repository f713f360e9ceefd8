"""A picture's recipe as an XMP packet, for formats that have no named texts (ISO 16684-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def recipe_packet(text: Mapping[str, str]) -> bytes:
    """Return a packet whose description holds the texts, one a line: ``name: value``."""
    lines = "\n".join(f"{name}: {value}" for name, value in text.items())
    return _PACKET.format(escape("".join(map(_allowed, lines)))).encode("utf-8", "replace")


def _allowed(character: str) -> str:
    """Return the character, or a space where XML 1.0 has no place for it."""
    ordinary = character >= " " and character not in "\ufffe\uffff" and not "\ud800" <= character <= "\udfff"
    return character if ordinary or character in "\t\n\r" else " "
