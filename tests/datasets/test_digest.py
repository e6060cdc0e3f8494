import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.datasets import digest
from seg6b.datasets.digest import ContentDigest, column_digests, content_digest
from seg6b.datasets.frames import dictionary
from seg6b.draws.mix import text64


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


MASK = (1 << 64) - 1
KINDS = ("A", "B", "C")
ROW = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.floats(),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(KINDS),
    st.none() | st.integers(-(2**50), 2**50),
)
SCHEMA = {
    "big": pl.Int64, "small": pl.Int32, "real": pl.Float64, "flag": pl.Boolean, "kind": pl.Enum(KINDS),
    "at": pl.Datetime("us", "UTC"),
}  # fmt: skip


def framed(rows):
    columns = dict(zip(SCHEMA, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(SCHEMA, ())
    kinds = {**SCHEMA, "at": pl.Int64}
    plain = pl.DataFrame([pl.Series(n, list(v), dtype=kinds[n]) for n, v in columns.items()])
    return plain.with_columns(pl.col("at").cast(SCHEMA["at"]))


def word(value):
    if value is None:
        return 0xA5B35705F00DCAFE
    if isinstance(value, str):
        return int(text64("category", value))
    if isinstance(value, float):
        return int(np.array([np.nan if math.isnan(value) else value + 0.0]).view(np.uint64)[0])
    return int(value) & MASK


def mixed(x):
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def by_hand(rows):
    total = 0
    for row in rows:
        words = [
            ((word(v) ^ int(text64("offset", n))) * (int(text64("factor", n)) | 1))
            for n, v in zip(SCHEMA, row, strict=True)
        ]
        total += mixed(sum(words) & MASK)
    return ContentDigest(len(rows), total & MASK)


@given(st.lists(ROW, max_size=40), st.integers(0, 12), st.integers(0, 12))
def test_a_digest_is_that_of_the_rows_whatever_slice_of_whatever_buffer_they_are(rows, before, after):
    stop = max(before, len(rows) - after)
    assert content_digest(framed(rows)[before:stop]) == by_hand(rows[before:stop])


def test_blocks_do_not_show(monkeypatch):
    rows = [(i, -i, i / 7, i % 3 == 0, KINDS[i % 3], i) for i in range(100)]
    rows[7:70:9] = [(None,) * 6] * 7
    expected = by_hand(rows)
    for size in (1, 3, 64, 1000):
        monkeypatch.setattr(digest, "BLOCK", size)
        assert content_digest(framed(rows)) == expected
