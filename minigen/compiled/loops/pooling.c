/* Pooling, upsampling and blurring of images (n, h, w, c) in blocks of 2 x 2; a task is a row of the smaller images. */

#include "minigen.h"

typedef struct {
    const float *x, *values, *maxima;
    float *y;
    whole n, h, w, c;    /* of the smaller images */
    whole width, height; /* of the larger ones: 2 h or 2 h + 1 */
} Pooling;

/* Where the blocks of a row begin in the larger images, and how long their lines are. */
INLINE whole first_line(const Pooling *s, whole task) { return (task / s->h * s->height + task % s->h * 2) * s->width * s->c; }

INLINE float larger(float a, float b) { return (a > b) | (a != a) ? a : b; } /* NaN is the largest */
INLINE int same(float a, float b) { return (a == b) | ((a != a) & (b != b)); }

INLINE void largest(whole c, In upper, In lower, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = larger(larger(upper[k], upper[c + k]), larger(lower[k], lower[c + k]));
}

static void max_pool_row(whole task, const void *work)
{
    const Pooling *s = work;
    const float *x = s->x + first_line(s, task);
    for (whole j = 0; j < s->w; j++)
        largest(s->c, x + 2 * j * s->c, x + (2 * j + s->width) * s->c, s->y + (task * s->w + j) * s->c);
}
EXPORT void max_pool(const Pooling *s) { each(max_pool_row, s, s->n * s->h); }

/* Values at the first of the four that is the maximum; zeros elsewhere. */
INLINE void to_winner(whole c, In upper, In lower, In values, In maxima, Out above, Out beside, Out below, Out last)
{
    for (whole k = 0; k < c; k++) {
        float v = values[k], m = maxima[k];
        int won0 = same(upper[k], m), won1 = same(upper[c + k], m) & ~won0, won2 = same(lower[k], m) & ~(won0 | won1);
        above[k] = won0 ? v : 0;
        beside[k] = won1 ? v : 0;
        below[k] = won2 ? v : 0;
        last[k] = won0 | won1 | won2 ? 0 : v;
    }
}

static void max_unpool_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole c = s->c, line = s->width * c, first = first_line(s, task);
    float *y = s->y + first;
    for (whole j = 0; j < s->w; j++, y += 2 * c) {
        const float *x = s->x + first + 2 * j * c;
        to_winner(c, x, x + line, s->values + (task * s->w + j) * c, s->maxima + (task * s->w + j) * c, y, y + c, y + line,
                  y + line + c);
    }
    if (s->width % 2) /* a last column in no block */
        memset(y, 0, c * sizeof(float)), memset(y + line, 0, c * sizeof(float));
    if (s->height % 2 && task % s->h == s->h - 1)
        memset(s->y + first + 2 * line, 0, line * sizeof(float));
}
EXPORT void max_unpool(const Pooling *s) { each(max_unpool_row, s, s->n * s->h); }

INLINE void sum_of_four(whole c, In upper, In lower, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = upper[k] + upper[c + k] + lower[k] + lower[c + k];
}

static void sum_pool_row(whole task, const void *work)
{
    const Pooling *s = work;
    const float *x = s->x + first_line(s, task);
    for (whole j = 0; j < s->w; j++)
        sum_of_four(s->c, x + 2 * j * s->c, x + (2 * j + s->width) * s->c, s->y + (task * s->w + j) * s->c);
}
EXPORT void sum_pool(const Pooling *s) { each(sum_pool_row, s, s->n * s->h); }

INLINE void twice(whole c, In x, Out y)
{
    for (whole k = 0; k < c; k++)
        y[k] = y[c + k] = x[k];
}

static void upsample_row(whole task, const void *work)
{
    const Pooling *s = work;
    float *y = s->y + first_line(s, task);
    for (whole j = 0; j < s->w; j++)
        twice(s->c, s->x + (task * s->w + j) * s->c, y + 2 * j * s->c);
    memcpy(y + s->width * s->c, y, s->width * s->c * sizeof(float));
}
EXPORT void upsample(const Pooling *s) { each(upsample_row, s, s->n * s->h); }

/* A row of images of n x h x w, convolved with (1, 2, 1) / 4 down and across. */
static void blur_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole c = s->c, line = s->w * c, i = task % s->h;
    const float *x = s->x + task * line;
    float *y = s->y + task * line, *sum = (float *)scratch(FRAME, (line + 2 * c) * sizeof(float)) + c; /* a pixel of zeros beside */
    memset(sum - c, 0, c * sizeof(float)), memset(sum + line, 0, c * sizeof(float));
    for (whole k = 0; k < line; k++)
        sum[k] = 2.0f * x[k];
    if (i > 0)
        for (whole k = 0; k < line; k++)
            sum[k] += x[k - line];
    if (i < s->h - 1)
        for (whole k = 0; k < line; k++)
            sum[k] += x[k + line];
    for (whole k = 0; k < line; k++)
        y[k] = 0.0625f * (sum[k - c] + 2.0f * sum[k] + sum[k + c]);
}
EXPORT void blur(const Pooling *s) { each(blur_row, s, s->n * s->h); }
