/* Activations, their derivatives, and the cross entropy, element by element. */

#include "minigen.h"
#include <math.h>

enum { PIECE = 2048 }; /* elements of a task */

typedef struct Elements {
    const float *x, *other; /* other: a gradient, targets, or bools of a byte each */
    float *y;
    whole size;
    double a, b; /* slope; or scale, and scale * alpha */
    void (*loop)(const struct Elements *, whole begin, whole end);
} Elements;

static void piece(whole task, const void *work)
{
    const Elements *s = work;
    s->loop(s, task * PIECE, min(s->size, (task + 1) * PIECE));
}

#define LOOP(name) \
    EXPORT void name(Elements *s) { s->loop = name##_loop, each(piece, s, ceil_div(s->size, PIECE)); }

/* 2^n for whole n in -126 ... 127, by its bits. */
INLINE float power_of_two(float n)
{
    union { int32_t bits; float value; } u = {((int32_t)n + 127) << 23};
    return u.value;
}

/* e^r - 1 for |r| <= log(2) / 2 (Cephes). */
INLINE float exponential_polynomial(float r)
{
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * r * r + r;
}

/* e^x - 1 = 2^n (e^r - 1) + 2^n - 1 with n = round(x / log 2), r = x - n log 2, for x <= 0. */
INLINE float exponential_minus_1(float x)
{
    float clipped = x < -87.0f ? -87.0f : x;
    float n = floorf(clipped * 1.44269504f + 0.5f), r = clipped - n * 0.693359375f + n * 2.12194440e-4f;
    float power = power_of_two(n);
    return x != x ? x : power * exponential_polynomial(r) + (power - 1.0f);
}

/* e^x for x <= 0, down to the smallest denormal number. */
INLINE float exponential(float x)
{
    float clipped = x < -104.0f ? -104.0f : x;
    float n = floorf(clipped * 1.44269504f + 0.5f), r = clipped - n * 0.693359375f + n * 2.12194440e-4f;
    float most = n < -126.0f ? -126.0f : n, p = exponential_polynomial(r), power = power_of_two(most);
    return x != x ? x : (power * p + power) * power_of_two(n - most);
}

/* log(1 + x) = 2 atanh(x / (2 + x)) for 0 <= x <= 1, by its series. */
INLINE float logarithm_plus_1(float x)
{
    float u = x / (2.0f + x), z = u * u;
    float p = 1.0f / 13;
    p = p * z + 1.0f / 11;
    p = p * z + 1.0f / 9;
    p = p * z + 1.0f / 7;
    p = p * z + 1.0f / 5;
    p = p * z + 1.0f / 3;
    return 2.0f * (u + u * z * p);
}

static void leaky_relu_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x;
    float *restrict y = s->y;
    const float slope = s->a;
    for (whole i = begin; i < end; i++)
        y[i] = xs[i] > 0 ? xs[i] : slope * xs[i];
}
LOOP(leaky_relu)

static void leaky_relu_grad_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x, *restrict others = s->other;
    float *restrict y = s->y;
    const float slope = s->a;
    for (whole i = begin; i < end; i++)
        y[i] = xs[i] > 0 ? others[i] : slope * others[i];
}
LOOP(leaky_relu_grad)

static void masked_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x;
    float *restrict y = s->y;
    const uint8_t *keep = (const uint8_t *)s->other;
    const float scale = s->a;
    for (whole i = begin; i < end; i++)
        y[i] = keep[i] ? scale * xs[i] : 0;
}
LOOP(masked)

static void scaled_elu_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x;
    float *restrict y = s->y;
    const float a = s->a, b = s->b;
    for (whole i = begin; i < end; i++) {
        float x = xs[i], below = b * exponential_minus_1(x > 0 ? 0 : x);
        y[i] = x > 0 ? a * x : below;
    }
}
LOOP(scaled_elu)

static void elu_grad_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x, *restrict others = s->other;
    float *restrict y = s->y;
    const float a = s->a, b = s->b;
    for (whole i = begin; i < end; i++)
        y[i] = (xs[i] > 0 ? a : xs[i] + b) * others[i];
}
LOOP(elu_grad)

static void tanh_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x;
    float *restrict y = s->y;
    for (whole i = begin; i < end; i++) {
        float e = exponential_minus_1(-2.0f * fabsf(xs[i]));
        y[i] = copysignf(e / (e + 2.0f), xs[i]);
    }
}
EXPORT void tangent(Elements *s) { s->loop = tanh_loop, each(piece, s, ceil_div(s->size, PIECE)); }

static void sigmoid_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x;
    float *restrict y = s->y;
    for (whole i = begin; i < end; i++) {
        float e = exponential(-fabsf(xs[i]));
        y[i] = (xs[i] > 0 ? 1.0f : e) / (1.0f + e);
    }
}
LOOP(sigmoid)

static void sigmoid_cross_entropy_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x, *restrict others = s->other;
    float *restrict y = s->y;
    for (whole i = begin; i < end; i++) {
        float x = xs[i], error = (x > 0 ? 1.0f : 0.0f) - others[i];
        float e = exponential(-fabsf(x));
        y[i] = (error != 0 ? x * error : 0) + logarithm_plus_1(e);
    }
}
LOOP(sigmoid_cross_entropy)

static void sigmoid_cross_entropy_grad_loop(const Elements *s, whole begin, whole end)
{
    const float *restrict xs = s->x, *restrict others = s->other;
    float *restrict y = s->y;
    const float g = s->a;
    for (whole i = begin; i < end; i++) {
        float e = exponential(-fabsf(xs[i]));
        y[i] = g * ((xs[i] > 0 ? 1.0f : e) / (1.0f + e) - others[i]);
    }
}
LOOP(sigmoid_cross_entropy_grad)
