"""The one form that channel participation knows: ``multipart/form-data`` with one file."""

import re
from typing import Final

from tallystick.node.errors import LedgerError

# RFC 2045, section 5.1. The parsers of the standard library also read the continued and encoded
# parameters of RFC 2231, which no form has, and fail on some of them with errors of any type.
_PARAMETER: Final = re.compile(r';\s*([\w-]+)=(?:"([^"]*)"|([^\s;"]+))')


class FormError(LedgerError):
    """The body of a request is not the form that it should be."""


def file_part(content_type: str, body: bytes, name: str) -> bytes:
    """Return the content of the form's only part, which must be a file called ``name``.

    Raises:
        FormError: The body is no such form; the message says what it lacks.
    """
    boundary = _boundary(content_type)
    # What stands between two delimiters is a part; what follows the last one begins with "--".
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not parts or not parts[-1].startswith(b"--"):
        raise FormError("cannot read form: it does not end with its delimiter")
    if len(parts) != 2:  # noqa: PLR2004 - one part, and the end
        raise FormError(f"form contains {len(parts) - 1} parts, and not one called {name}")
    head, separator, content = parts[0].lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    parameters = _disposition(head.decode(errors="replace"))
    if not separator or parameters.get("name") != name:
        raise FormError(f"form does not contain part key: {name}")
    if "filename" not in parameters:
        raise FormError(f"form part {name} is no file")
    return content


def _boundary(content_type: str) -> bytes:
    boundary = _parameters(content_type).get("boundary")
    if not boundary or content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise FormError(f"unsupported Content-Type: [{content_type}]; send multipart/form-data")
    return boundary.encode(errors="replace")


def _disposition(head: str) -> dict[str, str]:
    """Return the parameters of the header that names a part, or none if it lacks."""
    headers = (line.partition(":") for line in head.split("\r\n"))
    values = (value for key, _, value in headers if key.strip().lower() == "content-disposition")
    return _parameters(next(values, ""))


def _parameters(value: str) -> dict[str, str]:
    return {name.lower(): quoted or token for name, quoted, token in _PARAMETER.findall(value)}
