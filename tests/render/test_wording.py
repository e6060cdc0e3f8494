import pytest

from seg6b.render.wording import ABSENT, compact, duration, interval, number, percent, seconds, signed, size


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (52_294.0, "52,294"),
        (12_345.6, "12,345.6"),
        (0.0927104, "0.09271"),
        (3.2e-6, "3.2e-06"),
        (None, ABSENT),
        (float("nan"), ABSENT),
        (-0.5, "-0.5"),
    ],
    ids=str,
)
def test_number(value, said):
    assert number(value) == said


def test_signs():
    assert [signed(x) for x in (0.5, -0.5, 0.0, None)] == ["+0.5", "\N{MINUS SIGN}0.5", "0", ABSENT]


def test_units():
    assert [size(x) for x in (0, 1023, 1024, 5 * 2**30)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]
    assert [seconds(x) for x in (0.004, 99.99, 100.0)] == ["0.00 s", "99.99 s", "100 s"]
    assert [duration(x) for x in (90.0, 864_000.0)] == ["1.5 min", "10 d"]
    assert [compact(x) for x in (0, 999, 1_500, 124_724_153)] == ["0", "999", "1.5 k", "125 M"]
    assert interval(None) == ABSENT
    assert percent(0.5) == "50\N{NO-BREAK SPACE}%"
