"""The few lines of DER that headers and signatures need.

Block headers are hashed in DER rather than in protobuf, and ECDSA signatures travel in it. Each
element is a tag byte, a length and that many bytes of content.
"""

from tallystick.wire.errors import WireError

INTEGER = 0x02
OCTET_STRING = 0x04
SEQUENCE = 0x30

_LONG_FORM = 0x80


def element(tag: int, content: bytes) -> bytes:
    """Return one element."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(size))) + size + content


def unsigned_integer(value: int) -> bytes:
    """Return an INTEGER element; ``value`` must not be negative.

    DER integers are signed, so a value whose top bit is set takes a leading zero byte.
    """
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def element_span(data: bytes, offset: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at ``offset`` starts and ends.

    Raises:
        WireError: There is no whole element with this tag, or its length is not encoded in the
            shortest way.
    """
    header = data[offset : offset + 2]
    if len(header) < 2 or header[0] != tag:  # noqa: PLR2004 - a tag byte and a length byte
        raise WireError(f"no DER element with tag {tag:#04x} at offset {offset}")
    start, length = offset + 2, header[1]
    if length >= _LONG_FORM:
        size = data[start : start + length - _LONG_FORM]
        start, length = start + length - _LONG_FORM, int.from_bytes(size, "big")
        if length < _LONG_FORM or size[0] == 0:
            raise WireError(f"DER length at offset {offset} is not minimal")
    if start + length > len(data):
        raise WireError(f"DER element at offset {offset} is cut short")
    return start, start + length
