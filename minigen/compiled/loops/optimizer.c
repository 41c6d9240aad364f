/* Updates of the optimizers, element by element. */

#include "minigen.h"
#include <math.h>

enum { PIECE = 4096 }; /* elements of a task */

typedef struct Update {
    float *values, *gradient, *first, *second; /* the moments; NULL where there are none */
    whole size;
    double rate, decay, decay_of_squares, correction, eps;
    void (*loop)(const struct Update *, whole begin, whole end);
} Update;

static void piece(whole task, const void *work)
{
    const Update *s = work;
    s->loop(s, task * PIECE, min(s->size, (task + 1) * PIECE));
}

#define LOOP(name) \
    EXPORT void name(Update *s) { s->loop = name##_loop, each(piece, s, ceil_div(s->size, PIECE)); }

static void sgd_loop(const Update *s, whole begin, whole end)
{
    float *restrict p = s->values;
    const float *restrict g = s->gradient;
    const float rate = s->rate;
    for (whole i = begin; i < end; i++)
        p[i] -= rate * g[i];
}
LOOP(sgd)

static void momentum_loop(const Update *s, whole begin, whole end)
{
    float *restrict p = s->values, *restrict velocity = s->first;
    const float *restrict g = s->gradient;
    const float rate = s->rate, momentum = s->decay;
    for (whole i = begin; i < end; i++) {
        velocity[i] = momentum * velocity[i] + g[i];
        p[i] -= rate * velocity[i];
    }
}
LOOP(momentum)

static void rmsprop_loop(const Update *s, whole begin, whole end)
{
    float *restrict p = s->values, *restrict v = s->second;
    const float *restrict g = s->gradient;
    const float rate = s->rate, rho = s->decay_of_squares, rest = 1.0 - s->decay_of_squares, eps = s->eps;
    for (whole i = begin; i < end; i++) {
        v[i] = rho * v[i] + rest * g[i] * g[i];
        p[i] -= rate * g[i] / (sqrtf(v[i]) + eps);
    }
}
LOOP(rmsprop)

/* rate: lr / (1 - beta1^t); correction: 1 / sqrt(1 - beta2^t) */
static void adam_loop(const Update *s, whole begin, whole end)
{
    float *restrict p = s->values, *restrict m = s->first, *restrict v = s->second;
    const float *restrict g = s->gradient;
    const float rate = s->rate, beta1 = s->decay, beta2 = s->decay_of_squares, correction = s->correction, eps = s->eps;
    const float rest1 = 1.0 - s->decay, rest2 = 1.0 - s->decay_of_squares;
    for (whole i = begin; i < end; i++) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        p[i] -= rate * m[i] / (sqrtf(v[i]) * correction + eps);
    }
}
LOOP(adam)
