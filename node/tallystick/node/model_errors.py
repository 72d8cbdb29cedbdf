"""What is wrong with a document, as pydantic found it, in words for whoever wrote the document."""

from pydantic import ValidationError


def problems_in(error: ValidationError, whole: str = "the file") -> list[str]:
    """Return one line for each part that cannot be used; ``whole`` stands for the document."""
    return [
        f"{'.'.join(map(str, item['loc'])) or whole}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]
