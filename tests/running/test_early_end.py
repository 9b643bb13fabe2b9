"""What ends early keeps what it has."""

from __future__ import annotations

import pytest

from bcdi_inpaint.running.early_end import EarlyEnd


def test_after_the_end_every_part_is_left_at_its_first_look() -> None:
    end, done = EarlyEnd(), []
    for part in range(3):
        with end.keeping():
            done.append(part)
            if part == 1:
                raise KeyboardInterrupt  # Ctrl-C
            end.look()
            done.append(part)
    assert done == [0, 0, 1, 2]
    assert end.came


def test_other_errors_and_a_second_ctrl_c_pass() -> None:
    end = EarlyEnd(asked=lambda: True)
    with pytest.raises(ZeroDivisionError), end.keeping():
        raise ZeroDivisionError
    assert not end.came
    with pytest.raises(KeyboardInterrupt):
        end.look()


def test_what_is_insisted_on_is_computed_anew_after_the_first_ctrl_c() -> None:
    end, calls = EarlyEnd(), []

    def compute() -> str:
        calls.append(end.came)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return "found"

    assert end.insisting(compute) == "found"
    assert calls == [False, True]


@pytest.mark.parametrize("came", [False, True])
def test_a_second_ctrl_c_ends_what_is_insisted_on(came: bool) -> None:
    end, calls = EarlyEnd(came=came), []

    def compute() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end.insisting(compute)
    assert len(calls) == (1 if came else 2)
