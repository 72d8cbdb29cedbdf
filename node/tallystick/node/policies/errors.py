"""Errors about policies that make no sense, as opposed to policies that are not satisfied."""

from tallystick.node.errors import LedgerError


class PolicyError(LedgerError):
    """A policy cannot be used."""


class PolicySyntaxError(PolicyError):
    """The text of a policy does not follow the policy language.

    Attributes:
        text: The whole text.
        position: Where the trouble starts, counted in characters from 0.
        problem: What is wrong there.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"policy {text!r}, at character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


class MalformedPolicyError(PolicyError):
    """A policy message contradicts itself, or cannot be read.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"malformed policy: {problem}")
        self.problem = problem
