"""What the kernels are written with: arrays at addresses, bfloat16 numbers, and pieces of work that threads share.

A kernel is compiled to a plain C function of one pointer, at int64 words that say what to do: where the arrays are and
how large. NumPy and Numba know no bfloat16, so such arrays are of uint16 here: the upper half of a float32's bits.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core.cgutils import raw_memcpy
from numba.extending import intrinsic, overload

from digitsmith.storage import cache_folder

WORDS = types.CPointer(types.int64)


def part_of_kernel(function: Callable[..., Any]) -> Any:
    """A function that kernels call. Divisions by zero give what NumPy gives, as PyTorch's do.

    It becomes a part of each: a loop in a function of its own is not made of wide instructions before a later process
    loads it (measured: BatchNorm's took 0.56 ms where it takes 0.06).
    """
    return numba.njit(error_model="numpy", forceinline=True)(function)


def kernel(function: Callable[[Any], None]) -> Any:
    """`function` of its words as a C function, compiled now, or by an earlier process on this machine."""
    compiled = functools.partial(numba.cfunc, types.void(WORDS), error_model="numpy")
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = str(_kept_in())
        return compiled(cache=True)(function)
    except Exception:  # nowhere to keep it, or what is kept is damaged; what cannot be compiled fails once more
        return compiled()(function)
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _kept_in() -> Path:
    """A folder of its own for every version of these files: Numba looks only at the one that a kernel stands in."""
    here = Path(__file__).parent
    version = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(here.glob("*.py")))).hexdigest()[:16]
    beside = here / "__pycache__"
    return (beside if os.access(beside, os.W_OK) else cache_folder()) / f"kernels-{version}"


@intrinsic  # type: ignore[untyped-decorator]
def _float_of(context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of(context: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32))

    return types.uint32(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def _pointer_to(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def next_piece(context: Any, words: Any) -> Any:
    """Count the first word up and return what it was: each piece of work goes to one thread, whichever is free."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(WORDS), generate


@intrinsic  # type: ignore[untyped-decorator]
def _read(context: Any, array: Any, place: Any) -> Any:
    """`array[place]`; no negative place counts from the end, which would cost a comparison and the wide registers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load(builder.gep(data, [args[1]]))

    return array.dtype(array, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _write(context: Any, array: Any, place: Any, number: Any) -> Any:
    """`array[place] = number`, as `_read` reads."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        builder.store(args[2], builder.gep(data, [args[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), generate


@intrinsic  # type: ignore[untyped-decorator]
def copy(context: Any, into: Any, place: Any, source: Any, begin: Any, count: Any) -> Any:
    """`into[place : place + count] = source[begin : begin + count]`, of two arrays of one type that do not overlap."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one, _, two, _, _ = signature.args
        into = builder.gep(context.make_array(one)(context, builder, args[0]).data, [args[1]])
        source = builder.gep(context.make_array(two)(context, builder, args[2]).data, [args[3]])
        raw_memcpy(builder, into, source, args[4], context.get_abi_sizeof(context.get_data_type(one.dtype)))
        return context.get_dummy_value()

    return types.void(into, types.int64, source, types.int64, types.int64), generate


@part_of_kernel
def float32s(address: int, count: int) -> Any:
    """The float32 array [count] at `address`."""
    return carray(_pointer_to(address), (count,), np.float32)


@part_of_kernel
def bfloat16s(address: int, count: int) -> Any:
    """The bfloat16 array [count] at `address`."""
    return carray(_pointer_to(address), (count,), np.uint16)


def load(array: Any, place: int) -> Any:
    """`array[place]` as float32; the array holds float32 or bfloat16."""
    raise NotImplementedError("within a kernel only")


def store(array: Any, place: int, number: Any) -> None:
    """`array[place] = number`, a float32, rounded to the nearest, ties to even, where the array holds bfloat16."""
    raise NotImplementedError("within a kernel only")


@overload(load, strict=False)  # type: ignore[untyped-decorator]
def _load(array: Any, place: int) -> Any:
    if array.dtype == types.uint16:
        return lambda array, place: _float_of(np.uint32(np.uint32(_read(array, place)) << np.uint32(16)))

    def from_float32(array: Any, place: int) -> Any:
        return _read(array, place)

    return from_float32


@overload(store, strict=False)  # type: ignore[untyped-decorator]
def _store(array: Any, place: int, number: Any) -> Any:
    if array.dtype == types.uint16:

        def into_bfloat16(array: Any, place: int, number: Any) -> None:
            bits = _bits_of(number)
            half = np.uint32(0x7FFF) + (np.uint32(bits >> np.uint32(16)) & np.uint32(1))
            _write(array, place, np.uint16(np.uint32(bits + half) >> np.uint32(16)))

        return into_bfloat16

    def into_float32(array: Any, place: int, number: Any) -> None:
        _write(array, place, np.float32(number))

    return into_float32
