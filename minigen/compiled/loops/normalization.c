/* Means, scales and shifts of normalizations. x is seen as groups of rows of channels: (groups, rows, channels). */

#include "minigen.h"
#include <math.h>

typedef struct {
    const float *x, *scale, *shift; /* (groups, rows, channels); what is told per group and channel, or per row */
    float *y;
    double *sums; /* y, where it is one of sums */
    whole groups, rows, channels;
    whole by_row; /* scale (groups, rows) instead of (groups, channels) */
    whole piece;  /* rows of a task */
    double eps;
} Rows;

/* The rows of a task: (first, last) of a group. */
static whole pieces(const Rows *s) { return ceil_div(s->rows, s->piece); }
INLINE whole first_row(const Rows *s, whole task) { return task % pieces(s) * s->piece; }
INLINE whole last_row(const Rows *s, whole task) { return min(s->rows, first_row(s, task) + s->piece); }
INLINE whole offset(const Rows *s, whole task) { return (task / pieces(s) * s->rows + first_row(s, task)) * s->channels; }

INLINE void add_row(whole c, In x, Out sum, int square)
{
    for (whole k = 0; k < c; k++)
        sum[k] += square ? x[k] * x[k] : x[k];
}

/* sums (groups, pieces, channels): of rows, or of their squares. Short rows are added several at a time; no running sum is longer
   than RUN, as in backend/summation.py. */
INLINE void add_rows(whole task, const Rows *s, int square)
{
    enum { RUN = 64, WIDE = 64 };
    whole c = s->channels, together = max(1, WIDE / c), last = last_row(s, task);
    const float *x = s->x + offset(s, task);
    double *sums = s->sums + task * c;
    float *run = scratch(FRAME, together * c * sizeof(float));
    memset(sums, 0, c * sizeof(double));
    for (whole i = first_row(s, task); i < last;) {
        memset(run, 0, together * c * sizeof(float));
        for (whole n = 0, count; n < RUN && i < last; n++, i += count, x += count * c) {
            count = min(together, last - i);
            add_row(count * c, x, run, square);
        }
        for (whole j = 0; j < together; j++)
            for (whole k = 0; k < c; k++)
                sums[k] += run[j * c + k];
    }
}
static void sum_piece(whole task, const void *work) { add_rows(task, work, 0); }
static void square_piece(whole task, const void *work) { add_rows(task, work, 1); }
EXPORT void sum_rows(const Rows *s) { each(sum_piece, s, s->groups * pieces(s)); }
EXPORT void sum_squares(const Rows *s) { each(square_piece, s, s->groups * pieces(s)); }

INLINE void scale_row(whole c, In x, float scale, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = x[k] * scale;
}
INLINE void scale_channels(whole c, In x, In scale, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = x[k] * scale[k];
}
INLINE void scale_and_shift_channels(whole c, In x, In scale, In shift, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = x[k] * scale[k] + shift[k];
}
INLINE void subtract_channels(whole c, In x, In shift, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = x[k] - shift[k];
}

static void scale_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels, group = task / pieces(s);
    const float *x = s->x + offset(s, task), *scale = s->scale + group * (s->by_row ? s->rows : c);
    float *y = s->y + offset(s, task);
    for (whole i = first_row(s, task); i < last_row(s, task); i++, x += c, y += c)
        if (s->by_row)
            scale_row(c, x, scale[i], y);
        else if (s->shift)
            scale_and_shift_channels(c, x, scale, s->shift + group * c, y);
        else
            scale_channels(c, x, scale, y);
}
EXPORT void scale_rows(const Rows *s) { each(scale_piece, s, s->groups * pieces(s)); }

static void subtract_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels;
    const float *x = s->x + offset(s, task);
    float *y = s->y + offset(s, task);
    for (whole i = first_row(s, task); i < last_row(s, task); i++, x += c, y += c)
        subtract_channels(c, x, s->shift + task / pieces(s) * c, y);
}
EXPORT void subtract_rows(const Rows *s) { each(subtract_piece, s, s->groups * pieces(s)); }

/* y (rows,) = 1 / sqrt(mean over channels of x^2 + eps); one group. */
static void inv_rms_piece(whole task, const void *work)
{
    const Rows *s = work;
    whole c = s->channels, first = first_row(s, task), last = last_row(s, task);
    const float *x = s->x + offset(s, task);
    for (whole i = first; i < last; i++, x += c) {
        vector sum = {};
        whole k = 0;
        for (; k + LANES <= c; k += LANES)
            sum += load(x + k) * load(x + k);
        float squares = total(sum);
        for (; k < c; k++)
            squares += x[k] * x[k];
        s->y[i] = squares;
    }
    const float part = 1.0f / c, eps = s->eps;
    for (whole i = first; i < last; i++)
        s->y[i] = 1.0f / sqrtf(s->y[i] * part + eps);
}
EXPORT void inv_rms_of_rows(const Rows *s) { each(inv_rms_piece, s, pieces(s)); }
