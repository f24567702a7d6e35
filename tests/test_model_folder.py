"""A model is a folder of JSON and safetensors: read back bit for bit, and hostile bytes are only ever refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from kizu.errors import ReadError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS, load_model, save_model, write_bytes, write_json

DTYPES = ["?", "u1", "i2", "u4", "i8", "f2", "f4", "f8"]
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))


@given(weights=st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), arrays, max_size=3))
def test_a_model_is_read_back(tmp_path_factory, weights):
    weights.pop("__metadata__", None)
    folder = tmp_path_factory.mktemp("model")
    card = {"kind": "rpca", "rank": 3}
    save_model(folder, card, weights)
    assert {path.name for path in folder.iterdir()} == {MODEL_CARD, MODEL_WEIGHTS}
    read_card, read_weights = load_model(folder)
    assert read_card == card
    assert read_weights.keys() == weights.keys()
    for name, array in weights.items():
        assert (read_weights[name].dtype, read_weights[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(read_weights[name], array)


def test_layout_does_not_change_the_bytes_of_a_model(tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    save_model(tmp_path / "c", {}, {"a": array, "b": array.T})
    save_model(tmp_path / "f", {}, {"b": array.T.copy(), "a": np.asfortranarray(array)})
    assert (tmp_path / "c" / MODEL_WEIGHTS).read_bytes() == (tmp_path / "f" / MODEL_WEIGHTS).read_bytes()


WEIGHTS = save({"a": np.arange(6.0).reshape(2, 3), "b": np.zeros(4, np.float32)})


def check_read_or_refused(folder, content):
    """True if the weights were read; ReadError that names them is the only other way out."""
    write_bytes(folder / MODEL_WEIGHTS, content)
    try:
        load_model(folder)
    except ReadError as error:
        assert str(error).startswith(str(folder / MODEL_WEIGHTS))
        assert "\n" not in str(error)
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_json(folder / MODEL_CARD, {})
    return folder


@given(content=st.binary(max_size=200))
def test_noise_for_weights_is_refused(folder, content):
    assert not check_read_or_refused(folder, content)


@given(place=st.integers(0, len(WEIGHTS) - 1), value=st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(folder, place, value):
    check_read_or_refused(folder, WEIGHTS[:place] + bytes([value]) + WEIGHTS[place + 1 :])


@given(length=st.integers(0, len(WEIGHTS) - 1))
def test_weights_cut_anywhere_are_refused(folder, length):
    assert not check_read_or_refused(folder, WEIGHTS[:length])


def header(**entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little"),
        header(a={"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}),
        header(a={"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}) + bytes(8),
        header(a={"dtype": "F64", "shape": [1], "data_offsets": [8, 0]}) + bytes(8),
        header(a={"dtype": "O", "shape": [1], "data_offsets": [0, 8]}) + bytes(8),
        header(a={"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}) + bytes(8),
        header(
            a={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            b={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        )
        + bytes(8),
        WEIGHTS + b"trailing",
    ],
    ids=["length", "huge", "negative", "backwards", "objects", "bfloat16", "overlap", "trailing"],
)
def test_hostile_weights_are_refused(folder, content):
    assert not check_read_or_refused(folder, content)


def test_a_missing_part_of_a_model_is_named(tmp_path):
    with pytest.raises(ReadError, match=MODEL_CARD):
        load_model(tmp_path)
    write_json(tmp_path / MODEL_CARD, {})
    with pytest.raises(ReadError, match=MODEL_WEIGHTS):
        load_model(tmp_path)


def test_a_card_is_a_table(tmp_path):
    save_model(tmp_path, {}, {})
    write_json(tmp_path / MODEL_CARD, ["not", "a", "table"])
    with pytest.raises(ReadError, match="not a model card"):
        load_model(tmp_path)
