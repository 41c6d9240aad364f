/* A product of matrices, cut into pieces of rows or columns for all threads; each piece is one call of the BLAS that NumPy uses. */

#include "minigen.h"

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111, TRANSPOSED = 112 }; /* of CBLAS */
typedef void Gemm(int order, int transpose_x, int transpose_y, whole rows, whole columns, whole inner, float alpha, const float *x,
                  whole line_x, const float *y, whole line_y, float beta, float *z, whole line_z);

typedef struct {
    Gemm *gemm;
    const float *x, *y, *bias; /* (rows, inner), (inner, columns), or transposed; (columns) or NULL */
    float *z;                  /* (rows, columns) */
    whole rows, columns, inner, transposed_x, transposed_y;
    whole pieces, of_columns; /* so many pieces of the columns, or of the rows */
} Product;

static void multiply_piece(whole task, const void *work)
{
    const Product *s = work;
    whole length = s->of_columns ? s->columns : s->rows, step = ceil_div(ceil_div(length, s->pieces), LANES) * LANES;
    whole first = min(length, task * step), count = min(length, first + step) - first;
    if (!count)
        return;
    whole line_x = s->transposed_x ? s->rows : s->inner, line_y = s->transposed_y ? s->inner : s->columns;
    whole row = s->of_columns ? 0 : first, column = s->of_columns ? first : 0;
    whole rows = s->of_columns ? s->rows : count, columns = s->of_columns ? count : s->columns;
    float *z = s->z + row * s->columns + column;
    if (s->bias)
        for (whole i = 0; i < rows; i++)
            memcpy(z + i * s->columns, s->bias + column, columns * sizeof(float));
    s->gemm(ROW_MAJOR, s->transposed_x ? TRANSPOSED : NOT_TRANSPOSED, s->transposed_y ? TRANSPOSED : NOT_TRANSPOSED, rows, columns,
            s->inner, 1.0f, s->x + row * (s->transposed_x ? 1 : line_x), line_x, s->y + column * (s->transposed_y ? line_y : 1),
            line_y, s->bias ? 1.0f : 0.0f, z, s->columns);
}
EXPORT void multiply(const Product *s) { each(multiply_piece, s, s->pieces); }
