import io

from seg6b.render.why_table import show_why
from seg6b.runs.reasons import Change, Reasons

OLD, NEW, OTHER = "a" * 64, "b" * 64, "0123456789abcdef" * 2


def shown(*rows):
    stream = io.StringIO()
    show_why(rows, stream)
    return [line.split() for line in stream.getvalue().splitlines()]


def test_changed_parts_are_short_digests_and_knobs_are_values():
    lines = shown(
        Reasons("S3", "linked", OTHER),
        Reasons("S4", "executed", OTHER, (Change("pack.truth", OLD, NEW), Change("code", "", NEW)), (Change("batch_rows", "250000", "500000"),)),
        Reasons("S5", "not yet", ""),
    )  # fmt: skip
    assert lines[2] == ["S3", "linked", "from", "01234567", "nothing"]
    assert lines[3] == ["S4", "executed,", "against", "01234567", "pack.truth", "aaaaaaaa", "bbbbbbbb"]
    assert lines[4] == ["code", "\N{EN DASH}", "bbbbbbbb"]
    assert lines[5] == ["knob", "batch_rows", "250000", "500000"]
    assert lines[6] == ["S5", "not", "yet", "\N{EN DASH}"]


def test_square_brackets_are_no_markup():
    assert "[bold]x[/bold]" in shown(Reasons("S4", "executed", OTHER, (), (Change("k", "", "[bold]x[/bold]"),)))[2]
