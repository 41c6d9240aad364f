"""Aligned columns, compared with tables drawn by hand."""

from minigen.utils.tables import table

ROWS = [("op", "calls"), ("multiply", "3"), ("tanh", "1,000")]


def test_columns_are_as_wide_as_their_longest_cell_and_lines_do_not_end_in_spaces():
    assert table(ROWS) == "op        calls\nmultiply  3\ntanh      1,000"


def test_columns_are_aligned_to_the_right_where_asked():
    assert table(ROWS, "<>", gap=1) == "op       calls\nmultiply     3\ntanh     1,000"


def test_rules_are_as_long_as_the_widest_line():
    assert table(ROWS, "<>", gap=3, rules=[1]).splitlines()[:2] == ["op         calls", "----------------"]


def test_a_table_without_rows_is_empty():
    assert table([]) == ""
