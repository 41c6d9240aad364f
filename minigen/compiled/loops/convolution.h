/* What convolutions and their minimal filtering share. */

#pragma once
#include "minigen.h"

#define TILE (LANES == 16 ? 8 : 6) /* windows, or taps, times two vectors: as many sums as stay in registers */
#define PADDING 8                  /* places of windows are repeated, so that the last tile is a whole one */

typedef struct {
    const float *x, *kernel, *bias; /* (n, h, w, c); (taps, outputs) or packed; (at least LANES outputs), or NULL */
    float *y;
    whole n, h, w, c, kh, kw, rows, columns, outputs;
    whole top, left, down, across; /* where the first window begins; from one to the next */
    whole example, row, column;    /* the same in y, in floats */
    whole step, block;             /* in the kernel: from one tap to the next, from one block of LANES outputs to the next */
    whole images, bands, parts;    /* a task: so many images, or one of the bands of an image; one of the parts of the blocks */
} Convolution;

void multiply_windows(const Convolution *s, const float *x, whole line, const whole *place, const whole *target, whole windows,
                      whole first, whole last);
void frame(const float *x, whole n, whole h, whole w, whole c, whole top, whole bottom, whole left, whole right, float *copy);
