import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.datasets.digest import ContentDigest, column_digests, content_digest
from seg6b.datasets.frames import dictionary


def frame():
    return pl.DataFrame(
        {
            "id": [1, 2, 3, 4],
            "amount": [10, None, 30, 10],
            "share": [0.5, None, -0.0, 2.0],
            "kind": pl.Series(["A", "B", None, "A"], dtype=pl.Enum(["A", "B"])),
            "flag": [True, False, None, True],
            "at": pl.Series([1, 2, 3, 4]).cast(pl.Datetime("us", "UTC")),
        }
    )


def test_order_of_rows_and_columns_does_not_matter():
    base = content_digest(frame())
    assert content_digest(frame()[::-1]) == base
    assert content_digest(frame().select(frame().columns[::-1])) == base


def test_parts_add_up():
    assert content_digest(frame()[:1]) + content_digest(frame()[1:]) == content_digest(frame())


def test_codes_do_not_matter_strings_do():
    other = frame().with_columns(kind=pl.Series(["A", "B", None, "A"], dtype=pl.Enum(["Z", "B", "A"])))
    assert content_digest(other) == content_digest(frame())
    renamed = frame().with_columns(kind=pl.Series(["A", "C", None, "A"], dtype=pl.Enum(["A", "C"])))
    assert content_digest(renamed) != content_digest(frame())


def test_negative_zero_is_zero():
    assert content_digest(frame().with_columns(pl.col("share") + 0.0)) == content_digest(frame())


@pytest.mark.parametrize("column", frame().columns)
def test_any_changed_value_is_seen_and_named(column):
    changed = frame().with_columns(pl.col(column).reverse())
    assert content_digest(changed) != content_digest(frame())
    before, after = column_digests(frame(), ["id"]), column_digests(changed, ["id"])
    if column != "id":
        assert {c for c in before if before[c] != after[c]} == {column}


def test_null_differs_from_every_value():
    for value in (0, -1, 1):
        filled = frame().with_columns(pl.col("amount").fill_null(value))
        assert content_digest(filled) != content_digest(frame())


def test_swapping_two_values_between_rows_is_seen():
    a = pl.DataFrame({"x": [1, 2], "y": [3, 4]})
    b = pl.DataFrame({"x": [1, 2], "y": [4, 3]})
    assert content_digest(a) != content_digest(b)


def test_swapping_two_columns_is_seen():
    a = pl.DataFrame({"x": [1, 2], "y": [3, 4]})
    assert content_digest(a.rename({"x": "y", "y": "x"})) != content_digest(a)


@given(st.integers(0, 10), st.integers(0, 2**64 - 1))
def test_text_form_round_trips(rows, total):
    assert ContentDigest.parse(str(ContentDigest(rows, total))) == ContentDigest(rows, total)


def test_golden():
    rows = pl.DataFrame({"id": np.arange(5), "c": dictionary(np.array([0, 1, -1, 1, 0]), ("x", "y"))})
    assert str(content_digest(rows)) == GOLDEN


GOLDEN = "5:b21c4c177c3d47bb"
