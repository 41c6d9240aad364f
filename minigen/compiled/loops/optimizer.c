/* Adam's step (Kingma & Ba 2015, algorithm 1), in one pass over parameters, gradient and moments. */

#include "minigen.h"
#include <math.h>

enum { PIECE = 8192 };

typedef struct {
    float *values, *gradient, *first, *second;
    whole size;
    double beta1, beta2, rate, correction, eps; /* rate: lr / (1 - beta1^t); correction: 1 / sqrt(1 - beta2^t) */
} Adam;

static void adam_piece(whole task, const void *work)
{
    const Adam *s = work;
    float *restrict p = s->values, *restrict m = s->first, *restrict v = s->second;
    const float *restrict g = s->gradient;
    const float beta1 = s->beta1, beta2 = s->beta2, keep1 = 1 - beta1, keep2 = 1 - beta2;
    const float rate = s->rate, correction = s->correction, eps = s->eps;
    for (whole i = task * PIECE; i < min(s->size, (task + 1) * PIECE); i++) {
        m[i] = beta1 * m[i] + keep1 * g[i];
        v[i] = beta2 * v[i] + keep2 * g[i] * g[i];
        p[i] -= rate * m[i] / (sqrtf(v[i]) * correction + eps);
    }
}
EXPORT void adam(const Adam *s) { each(adam_piece, s, ceil_div(s->size, PIECE)); }
