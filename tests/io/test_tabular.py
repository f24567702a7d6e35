"""Tables as people and programs write them: read as meant, or one line that says what is wrong."""

import datetime

import numpy as np
import pytest

from kizu.errors import ReadError, UsageError
from kizu.io.matrix import kind_of
from kizu.io.table import is_table, read_table, select, telling

ROWS = np.array([[1.5, 2.0], [-3.25, 4.0], [5e3, 6.0]])


def table(folder, text, name="a.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return read_table(str(path))


def refused(folder, text, **more):
    with pytest.raises(ReadError) as caught:
        table(folder, text, **more)
    return str(caught.value).partition("a.csv: ")[2]


# --- how it is written

WRITTEN = {
    "comma": "t,u\n1.5,2\n-3.25,4\n5000,6\n",
    "semicolon": "t;u\n1.5;2\n-3.25;4\n5e3;6\n",
    "tab": "t\tu\n1.5\t2\n-3.25\t4\n5000\t6\n",
    "bar": "t|u\n1.5|2\n-3.25|4\n5000|6\n",
    "decimal comma": "t;u\n1,5;2\n-3,25;4\n5.000,0;6\n",
    "decimal comma in tabs": "t\tu\n1,5\t2\n-3,25\t4\n5000,0\t6\n",
    "thousands": 't,u\n1.5,2\n-3.25,4\n"5,000.0",6\n',
    "quotes": '"t","u"\n"1.5","2"\n"-3.25","4"\n"5000","6"\n',
    "spaces": " t , u \n 1.5, 2\n -3.25, 4\n 5000, 6\n",
    "windows": "t,u\r\n1.5,2\r\n-3.25,4\r\n5000,6\r\n",
    "old mac": "t,u\r1.5,2\r-3.25,4\r5000,6\r",
    "no last line end": "t,u\n1.5,2\n-3.25,4\n5000,6",
    "blank lines": "\nt,u\n\n1.5,2\n-3.25,4\n,\n5000,6\n\n",
    "cells too many": "t,u\n1.5,2,\n-3.25,4,,\n5000,6\n",
    "a title": "Logger 5\nroom 3\nt,u\n1.5,2\n-3.25,4\n5000,6\n",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_table_is_read_however_it_is_written(tmp_path, how):
    found = table(tmp_path, WRITTEN[how])
    assert found.names == ("t", "u")
    assert np.array_equal(found.values, ROWS)
    assert found.skipped == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_encodings(tmp_path, encoding):
    found = table(tmp_path, "温度,湿度\n1,2\n3,5\n", encoding=encoding)
    assert found.names == ("温度", "湿度")
    assert found.notes == (("not UTF-8: read as cp932",) if encoding == "cp932" else ())


def test_without_a_header_columns_are_numbered(tmp_path):
    found = table(tmp_path, "1,2\n3,4\n")
    assert (found.names, len(found.values)) == (("column 1", "column 2"), 2)
    assert found.notes == ("no header: columns are numbered from 1",)


def test_a_header_may_hold_numbers_where_its_texts_stand_above_numbers(tmp_path):
    assert table(tmp_path, "depth,2019,2020\n1,2,3\n4,5,6\n").names == ("depth", "2019", "2020")
    assert len(table(tmp_path, "A1,2,3\nB1,5,6\n").values) == 2


def test_names_are_told_apart(tmp_path):
    assert table(tmp_path, "a,a,,a\n1,2,3,4\n2,3,4,5\n").names == ("a", "a (2)", "column 3", "a (3)")


# --- what is in the cells


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "N/A", "nan", "NaN", "null", "None", "-", "?", "#N/A"])
def test_missing_values(tmp_path, missing):
    found = table(tmp_path, f"a,b\n1,2\n{missing},3\n5,6\n")
    assert np.array_equal(found.values, [[1, 2], [np.nan, 3], [5, 6]], equal_nan=True)
    assert found.notes == ()


def test_truth_values_are_one_and_zero(tmp_path):
    assert table(tmp_path, "a,b\n1,true\n2,FALSE\n3,True\n").values[:, 1].tolist() == [1, 0, 1]


def test_infinity_is_missing_and_said_so(tmp_path):
    found = table(tmp_path, "a,b\n1,inf\n2,-inf\n3,4\n4,5\n")
    assert np.isnan(found.values[:2, 1]).all()
    assert found.notes == ("column b: 2 cells are infinite: missing",)


def test_a_stray_text_is_missing_and_its_line_is_named(tmp_path):
    found = table(tmp_path, "a,b\n1,2\n2,ERR\n3,4\n4,1.2.3\n5,6\n")
    assert np.isnan(found.values[[1, 3], 1]).all()
    assert found.notes == ("column b: 2 cells are not a number (first 'ERR' in line 3): missing",)


def test_a_comma_that_marks_no_fraction_is_not_guessed_at(tmp_path):
    found = table(tmp_path, 'a,b\n1,"1,5"\n2,2.5\n3,3.5\n')
    assert np.isnan(found.values[0, 1])
    assert "'1,5' in line 2" in found.notes[0]


def test_text_and_dates_are_left_out_by_name(tmp_path):
    found = table(tmp_path, "kind,when,a\nx,2024-01-02,1\ny,2024-01-02T10:00:00Z,2\nx,2024/1/3,4\n")
    assert found.names == ("a",)
    assert dict(found.left_out) == {"kind": "text", "when": "a moment: every later table lies beyond the ones before"}
    assert found.labels == ("2024-01-02", "2024-01-02T10:00:00Z", "2024/1/3")


def test_texts_that_all_differ_name_the_rows(tmp_path):
    found = table(tmp_path, "serial,a\nP1,1\nP2,2\nP3,1\n")
    assert found.labels == ("P1", "P2", "P3")
    assert found.label(1) == "P2"
    assert table(tmp_path, "when,serial,a\n2024-01-02,P1,1\n2024-01-03,P2,2\n").labels == ("P1", "P2")
    assert table(tmp_path, "a,b\n1,2\n3,4\n").label(1) == "line 3"


# --- which columns tell rows apart


def test_numbers_of_rows_name_them(tmp_path):
    lines = "".join(f"{2 * n + 7},{n % 3}\n" for n in range(12))
    found = telling(table(tmp_path, "no,a\n" + lines))
    assert (found.names, found.labels[:2]) == (("a",), ("7", "9"))
    assert dict(found.left_out) == {"no": "it counts the rows"}


def test_constant_and_copied_columns_are_left_out_by_name(tmp_path):
    found = telling(table(tmp_path, "a,b,c,d\n1,5,1,\n2,5,2,\n1,5,1,\n"))
    assert found.names == ("a",)
    assert dict(found.left_out) == {"b": "all its values are equal", "c": "equal to a", "d": "no value"}


def test_a_table_that_tells_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no column tells its rows apart"):
        telling(table(tmp_path, "a,b\n1,2\n1,2\n"))


def test_columns_are_selected_by_name_in_any_order(tmp_path):
    found = table(tmp_path, "b,note,a\n2,x,1\n4,x,3\n")
    assert select(found, ("a", "b"), (), "new.csv").values.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UsageError, match=r"new.csv: other columns .*: has no numbers in c; has also b"):
        select(found, ("a", "c"), (), "new.csv")
    assert select(found, ("a",), ("b",), "new.csv").names == ("a",)


# --- what is wrong with it


def test_ragged_rows_are_named_by_their_line(tmp_path):
    found = table(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n9,1\n")
    assert found.values.tolist() == [[1, 2], [7, 8], [9, 1]]
    assert [one.what for one in found.skipped] == ["line 3: 1 cell, not 2", "line 4: 3 cells, not 2"]
    assert found.places.tolist() == [[0, 2], [3, 5], [4, 6]]
    assert found.declared == 5


def test_many_ragged_rows_are_counted(tmp_path):
    found = table(tmp_path, "a,b\n" + "1,2\n" * 400 + "1\n" * 150)
    assert len(found.skipped) == 101
    assert found.skipped[-1].what == "50 more rows of another number of cells"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "has no rows below its header"),
        ("\n\n", "has no rows"),
        ("a,b\nx,y\nz,w\n", "has no column of numbers: a (text), b (text)"),
        ("a,b\n1,\0\n", "holds zero bytes: it is not text"),
        ('a,b\n1,2\n3,"4\n5,6\n', "line 3: unexpected end of data. Look for a quote that is opened and never closed"),
        ('a,b\n1,2\n3,"4\n' + "5,6\n" * 50_000, "line 3: field larger than field limit"),
        (",".join(["a"] * 10_001) + "\n" + ",".join(["1"] * 10_001) + "\n", "has 10001 columns, the limit is 10000"),
        ("%PDF-1.7 and so on", "a PDF, not a table. Export it as CSV"),
        ("", "0 bytes"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path, text, said):
    assert refused(tmp_path, text).startswith(said)


def test_mostly_ragged_is_no_table(tmp_path):
    rest = "".join("1,2,3,4\n" if n % 3 else "1,2\n" for n in range(2000))
    assert "rows have not 2 cells; line" in refused(tmp_path, "a,b\n" + "1,2\n" * 1000 + rest * 3)


def test_only_one_table_at_a_time(tmp_path):
    table(tmp_path, "a\n1\n2\n")
    path = str(tmp_path / "a.csv")
    assert is_table([path])
    assert kind_of([path]) == "table"
    assert not is_table([str(tmp_path / "missing.csv")])
    with pytest.raises(UsageError, match="is a table among other inputs"):
        is_table([path, path])


# --- Parquet


@pytest.fixture
def parquet():
    return pytest.importorskip("pyarrow.parquet")


def test_parquet(tmp_path, parquet):
    import pyarrow

    day = datetime.date(2024, 1, 2)
    columns = {
        "serial": ["P1", "P2", "P3"], "a": [1, None, 3], "ok": [True, False, None], "x": [1.0, np.inf, 2.5],
        "list": [[1], [2], [3]], "day": [day, day, day], "kind": ["u", "u", "v"], "none": [None, None, None],
    }  # fmt: skip
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    found = read_table(str(tmp_path / "a.parquet"))
    nan = np.nan
    assert found.names == ("a", "ok", "x")
    assert np.array_equal(found.values, [[1, 1, 1], [nan, 0, nan], [3, nan, 2.5]], equal_nan=True)
    assert found.labels == ("P1", "P2", "P3")
    assert [name for name, _ in found.left_out] == ["serial", "list", "day", "kind", "none"]
    assert found.notes == ("column x: 1 cell is infinite: missing",)
    assert found.label(1) == "P2"


def test_parquet_that_is_none(tmp_path, parquet):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(ReadError, match="cannot be decoded"):
        read_table(str(tmp_path / "a.parquet"))
    (tmp_path / "a.parquet").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(ReadError, match="does not start like parquet"):
        read_table(str(tmp_path / "a.parquet"))


def test_a_parquet_bomb_is_refused(tmp_path, parquet):
    import pyarrow

    zeros = pyarrow.array(np.zeros(60_000_000, np.int8))
    parquet.write_table(pyarrow.table({"a": zeros}), tmp_path / "a.parquet", compression="gzip")
    assert (tmp_path / "a.parquet").stat().st_size < 2e6
    with pytest.raises(ReadError, match="bytes that grow to 60000000 rows of 1"):
        read_table(str(tmp_path / "a.parquet"))


def test_without_pyarrow_the_line_says_what_to_install(tmp_path, monkeypatch):
    import sys

    from kizu.io.readers import open_table

    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ReadError, match=r"pip install kizu\[formats\]"):
        open_table(str(tmp_path / "a.parquet"))
