from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedule.spans import Span, both, covers, merged, overlaps, starts, without

HORIZON = 40

any_spans = st.lists(
    st.tuples(st.integers(0, HORIZON), st.integers(0, HORIZON)).map(lambda pair: (min(pair), max(pair))), max_size=6
)
disjoint = any_spans.map(merged)


def points(spans: list[Span]) -> set[int]:
    """Every second of the spans, the slow and obvious way."""
    return {at for begins, ends in spans for at in range(begins, ends)}


@given(any_spans)
def test_merged_is_sorted_disjoint_and_the_same_time(spans):
    result = merged(spans)
    assert points(result) == points(spans)
    edges = [edge for span in result for edge in span]
    assert edges == sorted(set(edges))


@given(disjoint, disjoint)
def test_both_and_without_agree_with_sets(left, right):
    assert points(both(left, right)) == points(left) & points(right)
    assert points(without(left, right)) == points(left) - points(right)
    assert merged(without(left, right)) == without(left, right)


@given(disjoint, st.integers(0, HORIZON), st.integers(1, 10))
def test_covers_and_overlaps_agree_with_sets(spans, begins, length):
    wanted = (begins, begins + length)
    assert covers(spans, wanted) == (points([wanted]) <= points(spans))
    assert overlaps(spans, wanted) == bool(points([wanted]) & points(spans))


@given(disjoint, st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(-3, 3))
def test_starts_are_the_moments_from_which_everything_fits(free, lengths, first):
    edges = [first]
    for number, length in enumerate(lengths):
        edges += [edges[-1] + (length if number else 0), edges[-1] + length + (length if number else 0)]
    busy = list(zip(edges[1::2], edges[2::2], strict=True))
    found = points(starts(free, busy))
    fitting = {
        at
        for at in range(-HORIZON, 2 * HORIZON)
        if all(covers(free, (at + begins, at + ends)) for begins, ends in busy)
    }
    assert found == fitting


@pytest.mark.parametrize(("at", "is_covered"), [(9, True), (12, True), (13, False), (8, False)])
def test_a_moment_is_covered_up_to_the_end_of_its_span(at, is_covered):
    assert covers([(9, 12)], (at, at)) is is_covered
