import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.shards.stable import sort_rows


@given(keys=st.lists(st.integers(-5, 5), max_size=200))
@settings(max_examples=150, deadline=None)
def test_sorting_is_stable(keys):
    rows = np.arange(len(keys))
    sort_rows(rows, np.array(keys, np.int64))
    assert rows.tolist() == sorted(range(len(keys)), key=keys.__getitem__)
