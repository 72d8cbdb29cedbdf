"""The form in which administrators send files to an orderer."""

FORM = "multipart/form-data; boundary=limit"


def form(content: bytes, name: str = "config-block", filename: str = "; filename=genesis") -> bytes:
    head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
    return head.encode() + content + b"\r\n--limit--\r\n"
