r"""Keys of the world state: simple keys, composite keys and the ranges that hold them.

Keys order by the bytes of their UTF-8 form. That is also the order of Python strings: both compare
code points, and a string that cannot be encoded (a lone surrogate) is refused here. (UTF-16, the
order of Java and JavaScript strings, differs above U+FFFF.)

A composite key is ``\x00 kind \x00 (part \x00)*``. The leading U+0000 keeps composite keys out of
plain range scans, so a simple key must not begin with it. Source: wire.md §9.3.
"""

from tallystick.chaincode.errors import InvalidKeyError

MIN_CODE_POINT = "\x00"
MAX_CODE_POINT = "\U0010ffff"
FIRST_SIMPLE_KEY = "\x01"


def composite_key(kind: str, *parts: str) -> str:
    """Return the key of the row of ``kind`` that ``parts`` name.

    Raises:
        InvalidKeyError: ``kind`` or a part holds U+0000 or U+10FFFF, which delimit parts and
            ranges, or a lone surrogate, or ``kind`` is empty.
    """
    joined = MIN_CODE_POINT.join((kind, *parts))
    # A call builds many keys, and hardly any needs a closer look.
    if not kind or not joined.isascii() or joined.count(MIN_CODE_POINT) != len(parts):
        _check_parts(kind, parts)
    return f"{MIN_CODE_POINT}{joined}{MIN_CODE_POINT}"


def split_composite_key(key: str) -> tuple[str, tuple[str, ...]]:
    """Return the kind and the parts of a composite key.

    Raises:
        InvalidKeyError: ``key`` is not composite.
    """
    _check_delimited(key)
    kind, *parts = key[1:-1].split(MIN_CODE_POINT)
    return kind, tuple(parts)


def partial_range(kind: str, *parts: str, first: str = "") -> tuple[str, str]:
    """Return the range ``[start, end)`` of all composite keys that begin with these parts.

    With ``first`` it has those only whose next part is that or a later one.
    """
    start = composite_key(kind, *parts)
    return start + first, start + MAX_CODE_POINT


def plain_range(start: str, end: str) -> tuple[str, str]:
    """Return the bounds of a plain scan: an empty start skips composite keys.

    Raises:
        InvalidKeyError: A bound lies among the composite keys.
    """
    for bound in (start, end):
        if bound:
            check_simple_key(bound)
    return start or FIRST_SIMPLE_KEY, end


def check_simple_key(key: str) -> None:
    """Raise InvalidKeyError unless ``key`` is a simple key that can be stored."""
    if not key:
        raise InvalidKeyError(key, "is empty")
    if key[0] == MIN_CODE_POINT:
        raise InvalidKeyError(key, "begins with U+0000; build composite keys with composite_key()")
    _check_encodable(key)


def check_key(key: str) -> None:
    """Raise InvalidKeyError unless ``key`` is a simple key or the result of ``composite_key``."""
    if key[:1] == MIN_CODE_POINT:
        _check_delimited(key)
        _check_encodable(key)
    else:
        check_simple_key(key)


def _check_parts(kind: str, parts: tuple[str, ...]) -> None:
    if not kind:
        raise InvalidKeyError(kind, "needs a kind")
    for text in (kind, *parts):
        if MIN_CODE_POINT in text or MAX_CODE_POINT in text:
            raise InvalidKeyError(text, "holds U+0000 or U+10FFFF, which delimit composite keys")
        _check_encodable(text)


def _check_delimited(key: str) -> None:
    if len(key) < len("\x00k\x00") or key[0] != MIN_CODE_POINT or key[-1] != MIN_CODE_POINT:
        raise InvalidKeyError(key, "is not a composite key")


def _check_encodable(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidKeyError(text, "holds a lone surrogate, which UTF-8 cannot encode") from error
