"""The one form that channel participation knows: ``multipart/form-data`` with one file."""

from email import message_from_bytes
from email.message import Message

from tallystick.node.errors import LedgerError


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
    headers = message_from_bytes(head)
    if not separator or headers.get_param("name", header="content-disposition") != name:
        raise FormError(f"form does not contain part key: {name}")
    if headers.get_filename() is None:
        raise FormError(f"form part {name} is no file")
    return content


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary:
        raise FormError(f"unsupported Content-Type: [{content_type}]; send multipart/form-data")
    return boundary.encode(errors="replace")
