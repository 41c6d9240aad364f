/* Pooling, upsampling and blurring of images (n, h, w, c) in blocks of 2 x 2; a task is a row of the smaller images. */

#include "minigen.h"

typedef struct {
    const float *x, *values, *maxima;
    float *y;
    whole n, h, w, c; /* of the smaller images */
    whole width, height; /* of the larger ones: 2 h or 2 h + 1 */
} Pooling;

INLINE float larger(float a, float b) { return (a > b) | (a != a) ? a : b; } /* NaN is the largest */
INLINE int same(float a, float b) { return (a == b) | ((a != a) & (b != b)); }

static void max_pool_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole line = s->width * s->c, c = s->c;
    const float *x = s->x + (task / s->h * s->height + task % s->h * 2) * line;
    float *y = s->y + task * s->w * c;
    for (whole j = 0; j < s->w; j++, x += 2 * c, y += c) {
        const float *restrict upper = x, *restrict lower = x + line;
        float *restrict largest = y;
        for (whole k = 0; k < c; k++)
            largest[k] = larger(larger(upper[k], upper[c + k]), larger(lower[k], lower[c + k]));
    }
}
EXPORT void max_pool(const Pooling *s) { each(max_pool_row, s, s->n * s->h); }

/* values, at the first of the four that is the maximum; zeros elsewhere. */
static void max_unpool_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole line = s->width * s->c, c = s->c, first = (task / s->h * s->height + task % s->h * 2) * line;
    for (whole j = 0; j < s->w; j++) {
        const float *restrict upper = s->x + first + 2 * j * c, *restrict lower = upper + line;
        const float *restrict values = s->values + (task * s->w + j) * c, *restrict maxima = s->maxima + (task * s->w + j) * c;
        float *restrict above = s->y + first + 2 * j * c, *restrict below = above + line;
        for (whole k = 0; k < c; k++) {
            float v = values[k], m = maxima[k];
            int won0 = same(upper[k], m), won1 = same(upper[c + k], m) & ~won0, won2 = same(lower[k], m) & ~(won0 | won1);
            above[k] = won0 ? v : 0;
            above[c + k] = won1 ? v : 0;
            below[k] = won2 ? v : 0;
            below[c + k] = won0 | won1 | won2 ? 0 : v;
        }
    }
    float *y = s->y + first + 2 * s->w * c;
    if (s->width % 2) /* a last column in no block */
        memset(y, 0, c * sizeof(float)), memset(y + line, 0, c * sizeof(float));
    if (s->height % 2 && task % s->h == s->h - 1)
        memset(s->y + first + 2 * line, 0, line * sizeof(float));
}
EXPORT void max_unpool(const Pooling *s) { each(max_unpool_row, s, s->n * s->h); }

static void sum_pool_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole line = s->width * s->c, c = s->c;
    const float *x = s->x + task * 2 * line;
    float *y = s->y + task * s->w * c;
    for (whole j = 0; j < s->w; j++, x += 2 * c, y += c) {
        const float *restrict upper = x, *restrict lower = x + line;
        float *restrict sum = y;
        for (whole k = 0; k < c; k++)
            sum[k] = upper[k] + upper[c + k] + lower[k] + lower[c + k];
    }
}
EXPORT void sum_pool(const Pooling *s) { each(sum_pool_row, s, s->n * s->h); }

static void upsample_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole line = s->width * s->c, c = s->c;
    const float *x = s->x + task * s->w * c;
    float *y = s->y + task * 2 * line;
    for (whole j = 0; j < s->w; j++, x += c) {
        memcpy(y + 2 * j * c, x, c * sizeof(float));
        memcpy(y + (2 * j + 1) * c, x, c * sizeof(float));
    }
    memcpy(y + line, y, line * sizeof(float));
}
EXPORT void upsample(const Pooling *s) { each(upsample_row, s, s->n * s->h); }

/* A row of images of n x h x w, convolved with (1, 2, 1) / 4 down and across. */
static void blur_row(whole task, const void *work)
{
    const Pooling *s = work;
    whole c = s->c, line = s->w * c, i = task % s->h;
    const float *x = s->x + task * line, *above = i > 0 ? x - line : NULL, *below = i < s->h - 1 ? x + line : NULL;
    float *y = s->y + task * line, *sum = (float *)scratch(FRAME, (line + 2 * c) * sizeof(float)) + c; /* a pixel of zeros beside */
    memset(sum - c, 0, c * sizeof(float)), memset(sum + line, 0, c * sizeof(float));
    for (whole k = 0; k < line; k++)
        sum[k] = 2.0f * x[k];
    if (above)
        for (whole k = 0; k < line; k++)
            sum[k] += above[k];
    if (below)
        for (whole k = 0; k < line; k++)
            sum[k] += below[k];
    for (whole k = 0; k < line; k++)
        y[k] = 0.0625f * (sum[k - c] + 2.0f * sum[k] + sum[k + c]);
}
EXPORT void blur(const Pooling *s) { each(blur_row, s, s->n * s->h); }
