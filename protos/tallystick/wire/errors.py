"""Errors about bytes that do not follow the rules of the wire."""


class WireError(ValueError):
    """Bytes that arrived, or were asked for, break a rule of the wire format."""


class MalformedMessageError(WireError):
    """Bytes do not hold the message that their place calls for.

    Attributes:
        message_type: Full protobuf name of that message, such as ``common.Payload``.
    """

    def __init__(self, message_type: str, problem: str) -> None:
        super().__init__(f"malformed {message_type}: {problem}")
        self.message_type = message_type
