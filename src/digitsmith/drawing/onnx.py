"""ONNX models, written as the bytes that they are: nested protobuf messages, of which a small network needs six.

The `onnx` package writes them too, and brings more than all of digitsmith to write ten nodes. The numbers of fields and
types are those of onnx.proto3, which never change once given; a reader of any age reads IR version 8, operator set 17.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_IR_VERSION, _OPERATOR_SET = 8, 17
FLOAT, UINT8, INT64 = 1, 2, 7  # TensorProto.DataType
_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.uint8): UINT8, np.dtype(np.int64): INT64}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7  # AttributeProto.AttributeType

Attribute = int | float | str | list[int]
Field = tuple[int, int | float | str | bytes]  # of a message: number and value
Form = tuple[DTypeLike, tuple[int | str, ...]]  # of an input or output: type and shape; a name stands for any size


class Graph:
    """Collects constants and nodes; every method gives back the name of what it added."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, values: NDArray[Any]) -> str:
        """float32, uint8 or int64 values that the model carries with it."""
        name = f"constant{len(self._constants)}"
        sizes = ((1, size) for size in values.shape)
        self._constants.append(_message(*sizes, (2, _TYPES[values.dtype]), (8, name), (9, values.tobytes())))
        return name

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """One operator of the standard set with one output, which `name` names."""
        output = name or f"{operator}{len(self._nodes)}"
        described = ((5, _attribute(key, value)) for key, value in attributes.items())
        self._nodes.append(_message(*((1, each) for each in inputs), (2, output), (4, operator), *described))
        return output

    def model(self, *, inputs: Mapping[str, Form], outputs: Mapping[str, Form]) -> bytes:
        """The content of an .onnx file, with its inputs and outputs by their names."""
        graph = _message(
            *((1, node) for node in self._nodes),
            (2, "digitsmith"),
            *((5, constant) for constant in self._constants),
            *((11, _value(name, form)) for name, form in inputs.items()),
            *((12, _value(name, form)) for name, form in outputs.items()),
        )
        return _message((1, _IR_VERSION), (2, "digitsmith"), (7, graph), (8, _message((2, _OPERATOR_SET))))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _message((1, name), (2, value), (20, _FLOAT))
    if isinstance(value, int):
        return _message((1, name), (3, value), (20, _INT))
    if isinstance(value, str):
        return _message((1, name), (4, value), (20, _STRING))
    return _message((1, name), *((8, each) for each in value), (20, _INTS))


def _value(name: str, form: Form) -> bytes:
    """A ValueInfoProto: what an input or output is called and what it holds."""
    dtype, shape = form
    sizes = _message(*((1, _message((1 if isinstance(size, int) else 2, size))) for size in shape))
    tensor = _message((1, _TYPES[np.dtype(dtype)]), (2, sizes))
    return _message((1, name), (2, _message((1, tensor))))


def _message(*fields: Field) -> bytes:
    """A protobuf message of (number, value): whole numbers from 0 as varints, floats in 4 bytes, the rest by length."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(_varint(number << 3) + _varint(value))
        elif isinstance(value, float):
            parts.append(_varint(number << 3 | 5) + struct.pack("<f", value))
        else:
            content = value.encode() if isinstance(value, str) else value
            parts.append(_varint(number << 3 | 2) + _varint(len(content)) + content)
    return b"".join(parts)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
