/* Convolutions of 3 x 3, stride 1, with a quarter of the multiplications: F(4 x 4, 3 x 3) of Lavin & Gray 2016, section 4.3.

       y = A' [(G w G') * (B' x B)] A      for 4 x 4 outputs from 6 x 6 pixels

   where * multiplies, for each of the 36 places, a vector over the channels of x with a matrix of channels by outputs. Channels and
   outputs are multiples of LANES. Rounding errors are some times as large as those of sums of products: about 1e-6 of the result. */

#include "convolution.h"

/* G times a column of three. */
INLINE void kernel_line(vector a, vector b, vector c, vector *out, int step)
{
    vector even = a + 4 * c, sum = a + c;
    out[0] = a / 4.0f;
    out[step] = (sum + b) / -6.0f;
    out[2 * step] = (sum - b) / -6.0f;
    out[3 * step] = (even + 2 * b) / 24.0f;
    out[4 * step] = (even - 2 * b) / 24.0f;
    out[5 * step] = c;
}

/* B' times a column of six, which are `step` apart, in place. */
INLINE void input_line(vector *v, int step)
{
    vector a = v[0], b = v[step], c = v[2 * step], d = v[3 * step], e = v[4 * step], f = v[5 * step];
    vector p = e - 4 * c, q = d - 4 * b, r = e - c, s = 2 * (d - b);
    v[0] = 4 * a - 5 * c + e;
    v[step] = p + q;
    v[2 * step] = p - q;
    v[3 * step] = r + s;
    v[4 * step] = r - s;
    v[5 * step] = 4 * b - 5 * d + f;
}

/* A' times a column of six, in place: four. */
INLINE void output_line(vector *v, int step)
{
    vector a = v[0], p = v[step] + v[2 * step], q = v[step] - v[2 * step];
    vector r = v[3 * step] + v[4 * step], s = v[3 * step] - v[4 * step], f = v[5 * step];
    v[0] = a + p + r;
    v[step] = q + 2 * s;
    v[2 * step] = p + 4 * r;
    v[3 * step] = q + 8 * s + f;
}

typedef struct {
    Convolution of; /* its kernel packed, (blocks, 3, 3, c, LANES); its task: so many images, or a band of one */
    float *u;       /* (36, blocks, c, LANES): room for G w G' */
} Winograd;

static void transform_kernel(whole block, const void *work)
{
    const Winograd *s = work;
    whole c = s->of.c, blocks = s->of.outputs / LANES;
    const float *w = s->of.kernel + block * 9 * c * LANES;
    for (whole k = 0; k < c; k++) {
        vector half[6][3], all[6];
        for (int b = 0; b < 3; b++)
            kernel_line(load(w + (b * c + k) * LANES), load(w + ((3 + b) * c + k) * LANES), load(w + ((6 + b) * c + k) * LANES),
                        &half[0][b], 3);
        for (int i = 0; i < 6; i++) {
            kernel_line(half[i][0], half[i][1], half[i][2], all, 1);
            for (int j = 0; j < 6; j++)
                store(s->u + (((i * 6 + j) * blocks + block) * c + k) * LANES, all[j]);
        }
    }
}

/* The tiles of some images, or of a band of rows of tiles of one image. */
static void filter_tiles(whole task, const void *work)
{
    const Winograd *winograd = work;
    const Convolution *s = &winograd->of;
    whole c = s->c, O = s->outputs, down = ceil_div(s->rows, 4), across = ceil_div(s->columns, 4);
    whole first = task / s->bands * s->images, images = min(s->images, s->n - first), band = task % s->bands;
    whole begin = band * down / s->bands, rows = (band + 1) * down / s->bands - begin; /* of tiles */
    whole height = 4 * rows + 2, width = 4 * across + 2, tiles = images * rows * across, top = s->top + 4 * begin;
    float *x = scratch(FRAME, images * height * width * c * sizeof(float));
    frame(s->x + first * s->h * s->w * c, images, s->h, s->w, c, top, top + height, s->left, s->left + width, x);

    float *v = scratch(FORMS, 36 * tiles * c * sizeof(float)), *products = scratch(PRODUCTS, 36 * tiles * O * sizeof(float));
    for (whole t = 0; t < tiles; t++) {
        const float *corner = x + ((t / across / rows * height + 4 * (t / across % rows)) * width + 4 * (t % across)) * c;
        for (whole k = 0; k < c; k += LANES) {
            vector d[36];
            for (int p = 0; p < 36; p++)
                d[p] = load(corner + (p / 6 * width + p % 6) * c + k);
            for (int j = 0; j < 6; j++)
                input_line(d + j, 6);
            for (int i = 0; i < 6; i++)
                input_line(d + 6 * i, 1);
            for (int p = 0; p < 36; p++)
                store(v + (p * tiles + t) * c + k, d[p]);
        }
    }

    whole *place = scratch(WINDOWS, 2 * (tiles + PADDING) * sizeof(whole)), *target = place + tiles + PADDING;
    for (whole t = 0; t < tiles + PADDING; t++)
        place[t] = min(t, tiles - 1) * c, target[t] = min(t, tiles - 1) * O;
    for (int p = 0; p < 36; p++) {
        Convolution product = *s;
        product.kernel = winograd->u + p * c * O, product.bias = NULL, product.y = products + p * tiles * O;
        product.kh = product.kw = 1, product.step = LANES, product.block = c * LANES;
        multiply_windows(&product, v + p * tiles * c, 0, place, target, tiles, 0, ceil_div(O / LANES, 2));
    }

    for (whole t = 0; t < tiles; t++) {
        whole row = 4 * (begin + t / across % rows), column = 4 * (t % across);
        whole high = min(4, s->rows - row), wide = min(4, s->columns - column);
        float *y = s->y + (first + t / across / rows) * s->example + row * s->row + column * s->column;
        for (whole o = 0; o < O; o += LANES) {
            vector m[36], bias = s->bias ? load(s->bias + o) : (vector){};
            for (int p = 0; p < 36; p++)
                m[p] = load(products + (p * tiles + t) * O + o);
            for (int j = 0; j < 6; j++)
                output_line(m + j, 6);
            for (int i = 0; i < 4; i++)
                output_line(m + 6 * i, 1);
            for (whole i = 0; i < high; i++)
                for (whole j = 0; j < wide; j++)
                    store(y + i * s->row + j * s->column + o, m[6 * i + j] + bias);
        }
    }
}

EXPORT void winograd(const Winograd *s)
{
    each(transform_kernel, s, s->of.outputs / LANES);
    each(filter_tiles, s, ceil_div(s->of.n, s->of.images) * s->of.bands);
}
