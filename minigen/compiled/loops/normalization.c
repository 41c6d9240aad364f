/* Means, scales and shifts of normalizations. x is seen as groups of rows of channels: (groups, rows, channels). */

#include "minigen.h"
#include <math.h>

enum { PIECE = 16384 }; /* elements of a task, about; a sum is added up piece by piece: the same for any number of threads */

typedef struct {
    const float *x, *scale, *shift; /* (groups, rows, channels); what is told per group and channel, or per row */
    float *y;
    double *sums; /* y, where it is one of sums */
    whole groups, rows, channels;
    whole by_row; /* scale (groups, rows) instead of (groups, channels) */
    whole piece;  /* rows of a task */
    double eps;
} Rows;

static whole pieces(const Rows *s) { return ceil_div(s->rows, s->piece); }

/* sums (groups, pieces, channels): of rows, or of their squares. No running sum is longer than RUN, as in backend/summation.py. */
INLINE void add_rows(whole task, const Rows *s, int squares)
{
    enum { RUN = 64 };
    whole c = s->channels, group = task / pieces(s), first = task % pieces(s) * s->piece;
    whole last = min(s->rows, first + s->piece);
    const float *x = s->x + (group * s->rows + first) * c;
    double *sums = s->sums + task * c;
    float *run = scratch(FRAME, c * sizeof(float));
    memset(sums, 0, c * sizeof(double));
    for (whole start = first; start < last; start += RUN) {
        memset(run, 0, c * sizeof(float));
        for (whole i = start; i < min(last, start + RUN); i++, x += c)
            for (whole k = 0; k < c; k++)
                run[k] += squares ? x[k] * x[k] : x[k];
        for (whole k = 0; k < c; k++)
            sums[k] += run[k];
    }
}
static void sum_piece(whole task, const void *work) { add_rows(task, work, 0); }
static void square_piece(whole task, const void *work) { add_rows(task, work, 1); }
EXPORT void sum_rows(const Rows *s) { each(sum_piece, s, s->groups * pieces(s)); }
EXPORT void sum_squares(const Rows *s) { each(square_piece, s, s->groups * pieces(s)); }

static void scale_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels, group = task / pieces(s), first = task % pieces(s) * s->piece;
    const float *x = s->x + (group * s->rows + first) * c, *scale = s->scale + group * (s->by_row ? s->rows : c);
    const float *shift = s->shift ? s->shift + group * c : NULL;
    float *y = s->y + (group * s->rows + first) * c;
    for (whole i = first; i < min(s->rows, first + s->piece); i++, x += c, y += c)
        if (s->by_row)
            for (whole k = 0; k < c; k++)
                y[k] = x[k] * scale[i];
        else if (shift)
            for (whole k = 0; k < c; k++)
                y[k] = x[k] * scale[k] + shift[k];
        else
            for (whole k = 0; k < c; k++)
                y[k] = x[k] * scale[k];
}
EXPORT void scale_rows(const Rows *s) { each(scale_piece, s, s->groups * pieces(s)); }

/* y = x - shift, told per group and channel. */
static void subtract_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels, group = task / pieces(s), first = task % pieces(s) * s->piece;
    const float *x = s->x + (group * s->rows + first) * c, *shift = s->shift + group * c;
    float *y = s->y + (group * s->rows + first) * c;
    for (whole i = first; i < min(s->rows, first + s->piece); i++, x += c, y += c)
        for (whole k = 0; k < c; k++)
            y[k] = x[k] - shift[k];
}
EXPORT void subtract_rows(const Rows *s) { each(subtract_piece, s, s->groups * pieces(s)); }

/* y (rows,) = 1 / sqrt(mean over channels of x^2 + eps). */
static void inv_rms_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels;
    for (whole i = task * s->piece; i < min(s->rows, (task + 1) * s->piece); i++) {
        const float *x = s->x + i * c;
        vector sum = {};
        whole k = 0;
        for (; k + LANES <= c; k += LANES)
            sum += load(x + k) * load(x + k);
        float total = 0;
        for (int l = 0; l < LANES; l++)
            total += sum[l];
        for (; k < c; k++)
            total += x[k] * x[k];
        s->y[i] = 1.0f / sqrtf(total / c + s->eps);
    }
}
EXPORT void inv_rms_of_rows(const Rows *s) { each(inv_rms_piece, s, pieces(s)); }
