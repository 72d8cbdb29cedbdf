"""How this machine's clock is against others'. Pure. All times are in seconds since the epoch."""

from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning

_CHECK: Final = "clocks"
_RESOLUTION_S: Final = 2.0
"""What an HTTP date of whole seconds, and the way it takes, can be off."""
_SYNCHRONIZE: Final = "synchronise both with time servers (chrony, systemd-timesyncd)"


def judge_clock(subject: str, own_s: float, theirs_s: float | None, skew_s: float) -> Finding:
    """Return what is to say about the clock of another machine.

    Args:
        subject: Which machine.
        own_s: This machine's time when the answer came.
        theirs_s: What the answer said; None if it said nothing.
        skew_s: How far a proposal's time may be off an endorser's clock.
    """
    if theirs_s is None:
        return warning(
            _CHECK, subject, "does not tell its time", "compare by other means: date -u on both"
        )
    off_s = own_s - theirs_s
    text = f"this machine is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} it"
    if abs(off_s) <= _RESOLUTION_S:
        return ok(_CHECK, subject, f"agrees with this machine within {_RESOLUTION_S:.0f} s")
    if abs(off_s) < skew_s / 2:
        return warning(_CHECK, subject, text, _SYNCHRONIZE)
    return failed(_CHECK, subject, f"{text}; {skew_s:.0f} s are refused", _SYNCHRONIZE)


def judge_newest_block(subject: str, own_s: float, newest_s: float, skew_s: float) -> Finding:
    """Return what the newest transaction of a channel, stamped by its client, says of this clock.

    It can only tell that this machine is behind: it may be old.
    """
    behind_s = newest_s - own_s
    if behind_s <= _RESOLUTION_S:
        return ok(_CHECK, subject, "its newest transaction is not from the future")
    text = f"its newest transaction is {behind_s:.0f} s in this machine's future"
    judge = failed if behind_s >= skew_s / 2 else warning
    return judge(_CHECK, subject, text, _SYNCHRONIZE)
