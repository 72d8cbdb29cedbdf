"""A disk that hangs fails nothing: who writes to it says since when."""

import asyncio

from tests import virtual_time

from tallystick.node.ledger.write_watch import OVERDUE_S, WriteWatch


def test_a_block_that_does_not_come_to_the_disk_in_time_is_told_until_it_does() -> None:
    async def story() -> list[str]:
        watch = WriteWatch()
        told = [watch.problem]
        with watch.writing(7):
            for pause_s in (OVERDUE_S - 0.1, 0.1, OVERDUE_S):
                await asyncio.sleep(pause_s)
                told.append(watch.problem)
        return [*told, watch.problem]

    late = "block 7 has been on its way to the disk for 10 s: see whether the disk answers"
    assert virtual_time.run(story) == ["", "", late, late, ""]
