"""Products of matrices that lie in a core's cache, within a kernel: a library's are made for larger ones.

Measured on one thread (AVX2, 24 to 48 rows, 32 to 128 columns and deep): 70 to 80 GFLOP/s, where PyTorch's batched
products of such matrices reach 50 to 60, and its products of large ones 71.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from digitsmith.kernels.native import part_of_kernel

LANES = 8  # numbers of a vector: an AVX register
PANEL = 2 * LANES  # columns of a result that are computed together,
ROWS = 4  # and rows: half of AVX's registers


def _block(vectors: int, *, add: bool) -> Any:
    """ROWS rows of a result and `vectors` times LANES columns, in registers until they are done.

    block(into, place, apart, one, begin, down, along, two, first, deep, depth): places are those of `multiply`.
    As instructions and not as loops, of which a compiler would keep the sums in memory.
    """
    vector, word = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
    fused = ("contract",)  # a product and its sum may be one instruction

    @intrinsic  # type: ignore[untyped-decorator]
    def block(
        context: Any,
        into: Any,
        place: Any,
        apart: Any,
        one: Any,
        begin: Any,
        down: Any,
        along: Any,
        two: Any,
        first: Any,
        deep: Any,
        depth: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, place, apart, _, begin, down, along, _, first, deep, depth = args

            def pointer(array: int, *offsets: Any) -> Any:
                here = context.make_array(signature.args[array])(context, builder, args[array]).data
                for offset in offsets:
                    here = builder.gep(here, [offset])
                return here

            def vector_at(*where: Any) -> Any:
                return builder.bitcast(pointer(*where), vector.as_pointer())

            def constant(number: int) -> Any:
                return ir.Constant(word, number)

            def target(row: int, number: int) -> Any:
                return vector_at(0, place, builder.mul(apart, constant(row)), constant(LANES * number))

            def everywhere(number: Any) -> Any:
                empty = ir.Constant(vector, ir.Undefined)
                alone = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
                lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                return builder.shuffle_vector(alone, empty, lanes)

            cells = [(row, number) for row in range(ROWS) for number in range(vectors)]
            zero = ir.Constant(vector, [0.0] * LANES)
            sums = {
                cell: cgutils.alloca_once_value(builder, builder.load(target(*cell), align=4) if add else zero)
                for cell in cells
            }
            with cgutils.for_range(builder, depth) as loop:
                line, column = builder.mul(loop.index, deep), builder.mul(loop.index, along)
                wide = [
                    builder.load(vector_at(7, first, line, constant(LANES * number)), align=4)
                    for number in range(vectors)
                ]
                tall = [
                    everywhere(builder.load(pointer(3, begin, builder.mul(down, constant(row)), column)))
                    for row in range(ROWS)
                ]
                for row, number in cells:
                    term = builder.fmul(tall[row], wide[number], flags=fused)
                    total = builder.fadd(builder.load(sums[row, number]), term, flags=fused)
                    builder.store(total, sums[row, number])
            for cell in cells:
                builder.store(builder.load(sums[cell]), target(*cell), align=4)
            return context.get_dummy_value()

        int64 = types.int64
        return types.void(into, int64, int64, one, int64, int64, int64, two, int64, int64, int64), generate

    return block


def _multiplying(*, add: bool) -> Any:
    wide, narrow = _block(2, add=add), _block(1, add=add)

    @part_of_kernel
    def multiply(into: Any, to: Any, one: Any, left: Any, two: Any, right: Any, size: Any) -> None:
        """The product of matrices [rows, depth] and [depth, columns], float32.

        to: (begin, distance); row i of the result is at into[begin + i * distance].
        left: (begin, down, along); row i and column k of the first are at one[begin + i * down + k * along].
        right: (begin, deep, panel); row k of the second is cut into panels of PANEL columns, the p-th at
            two[begin + k * deep + p * panel].
        size: (rows, columns, depth), rows a multiple of ROWS and columns of LANES.
        """
        rows, columns, depth = size
        place, apart = to
        begin, down, along = left
        first, deep, panel = right
        for column in range(0, columns, PANEL):
            here, beside = place + column, first + column // PANEL * panel
            if column + PANEL <= columns:
                for row in range(0, rows, ROWS):
                    wide(
                        into, here + row * apart, apart, one, begin + row * down, down, along, two, beside, deep, depth
                    )
            else:
                for row in range(0, rows, ROWS):
                    start = begin + row * down
                    narrow(into, here + row * apart, apart, one, start, down, along, two, beside, deep, depth)

    return multiply


multiply = _multiplying(add=False)
multiply_and_add = _multiplying(add=True)
"""As `multiply`, but that the product is added to what is there."""
