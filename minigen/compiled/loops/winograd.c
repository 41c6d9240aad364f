/* Convolutions and gradients of kernels by minimal filtering, F(4 x 4, 3 x 3) of Lavin & Gray 2016, section 4.3: a quarter of the
   multiplications.

       y  = A' [(G w G') * (B' x B)] A      4 x 4 outputs from 6 x 6 pixels
       dw = G' [(B' x B) * (A g A')] G      its adjoint: what 6 x 6 pixels and 4 x 4 gradients add to the gradient of a kernel

   where * is, for each of the 36 places, a product of matrices: of tiles by channels and channels by outputs, or of channels by tiles
   and tiles by outputs. A convolution of stride 2 is the sum of four of stride 1, one for each phase: the even or odd rows and columns
   of the image, and of the kernel. So kernels have up to 3 taps a phase; after one or two come zeros, and so do they at the last of six
   places, which then is left out. Channels and outputs are multiples of LANES.

   Rounding depends on the points where the polynomials behind it are evaluated: 0, +-1/sqrt(2), +-sqrt(2) and infinity here. Errors are
   two to six times those of sums of products, half as large as with 0, +-1 and +-2, and the largest a quarter. A NaN or infinity
   spreads over its tile. */

#include "convolution.h"

static const float ROOT = 1.41421356f, HALF_ROOT = 0.70710678f; /* of two */

/* G times a column of three. */
INLINE void kernel_line(vector a, vector b, vector c, vector *out, int step)
{
    vector p = a + 0.5f * c, q = HALF_ROOT * b, r = a + 2 * c, s = ROOT * b;
    out[0] = a;
    out[step] = (p + q) * (-2.0f / 3);
    out[2 * step] = (p - q) * (-2.0f / 3);
    out[3 * step] = (r + s) * (1.0f / 6);
    out[4 * step] = (r - s) * (1.0f / 6);
    out[5 * step] = c;
}

/* G' times a column of six, which are `step` apart, in place: three. */
INLINE void gradient_line(vector *v, int step)
{
    vector p = (v[step] + v[2 * step]) * (-1.0f / 3), q = (v[step] - v[2 * step]) * (-2.0f / 3);
    vector r = (v[3 * step] + v[4 * step]) * (1.0f / 6), s = (v[3 * step] - v[4 * step]) * (1.0f / 6);
    v[0] = v[0] + 2 * p + r;
    v[step] = HALF_ROOT * q + ROOT * s;
    v[2 * step] = p + 2 * r + v[5 * step];
}

/* B' times a column of six, in place. */
INLINE void input_line(vector *v, int step)
{
    vector a = v[0], b = v[step], c = v[2 * step], d = v[3 * step], e = v[4 * step], f = v[5 * step];
    vector p = e - 2 * c, q = HALF_ROOT * (d - 2 * b), r = e - 0.5f * c, s = ROOT * (d - 0.5f * b);
    v[0] = a - 2.5f * c + e;
    v[step] = p + q;
    v[2 * step] = p - q;
    v[3 * step] = r + s;
    v[4 * step] = r - s;
    v[5 * step] = b - 2.5f * d + f;
}

/* A' times a column of six, in place: four. */
INLINE void output_line(vector *v, int step)
{
    vector a = v[0], p = v[step] + v[2 * step], q = HALF_ROOT * (v[step] - v[2 * step]);
    vector r = v[3 * step] + v[4 * step], s = ROOT * (v[3 * step] - v[4 * step]), f = v[5 * step];
    v[0] = a + p + r;
    v[step] = q + s;
    v[2 * step] = 0.5f * p + 2 * r;
    v[3 * step] = 0.5f * q + 2 * s + f;
}

/* A times a column of four, in place: six. */
INLINE void spread_line(vector *v, int step)
{
    vector a = v[0], b = v[step], c = v[2 * step], d = v[3 * step];
    vector p = a + 0.5f * c, q = HALF_ROOT * (b + 0.5f * d), r = a + 2 * c, s = ROOT * (b + 2 * d);
    v[step] = p + q;
    v[2 * step] = p - q;
    v[3 * step] = r + s;
    v[4 * step] = r - s;
    v[5 * step] = d;
}

/* How many phases a stride makes of so many taps, and how many of them, the first ones, count at the place i of six. */
INLINE whole phases(whole taps, whole stride) { return min(taps, stride); }
INLINE whole phases_at(whole i, whole taps, whole stride) { return i < 5 ? phases(taps, stride) : max(0, taps - 2 * stride); }

typedef struct {
    Convolution of; /* its kernel packed, (blocks, kh, kw, c, LANES); its task: so many images, or a band of one */
    float *u;       /* (36, blocks, phases down, phases across, c, LANES): room for G w G' */
} Winograd;

static void transform_kernel(whole block, const void *work)
{
    const Winograd *s = work;
    const Convolution *of = &s->of;
    whole c = of->c, blocks = of->outputs / LANES, down = phases(of->kh, of->down), across = phases(of->kw, of->across);
    const float *w = of->kernel + block * of->kh * of->kw * c * LANES;
    for (whole phase = 0; phase < down * across; phase++) {
        whole r = phase / across, q = phase % across;
        const float *tap[3][3] = {}; /* those that there are */
        for (whole i = 0, a = r; a < of->kh; i++, a += of->down)
            for (whole j = 0, b = q; b < of->kw; j++, b += of->across)
                tap[i][j] = w + (a * of->kw + b) * c * LANES;
        float *form[36] = {};
        for (int p = 0; p < 36; p++) {
            whole rows = phases_at(p / 6, of->kh, of->down), columns = phases_at(p % 6, of->kw, of->across);
            if (r < rows && q < columns)
                form[p] = s->u + ((p * blocks * down * across) + block * rows * columns + r * columns + q) * c * LANES;
        }
        for (whole k = 0; k < c * LANES; k += LANES) {
            vector half[6][3], all[36];
            for (int j = 0; j < 3; j++) {
                vector column[3];
                for (int i = 0; i < 3; i++)
                    column[i] = tap[i][j] ? load(tap[i][j] + k) : (vector){};
                kernel_line(column[0], column[1], column[2], &half[0][j], 3);
            }
            for (int i = 0; i < 6; i++)
                kernel_line(half[i][0], half[i][1], half[i][2], all + 6 * i, 1);
            for (int p = 0; p < 36; p++)
                if (form[p])
                    store(form[p] + k, all[p]);
        }
    }
}

/* B' x B of a tile whose pixels are `row` and `column` apart, for c channels, to places that are `slab` apart. */
static void transform_input(const float *x, whole row, whole column, whole c, float *v, whole slab)
{
    for (whole k = 0; k < c; k += LANES) {
        vector d[36];
        for (int p = 0; p < 36; p++)
            d[p] = load(x + p / 6 * row + p % 6 * column + k);
        for (int j = 0; j < 6; j++)
            input_line(d + j, 6);
        for (int i = 0; i < 6; i++)
            input_line(d + 6 * i, 1);
        for (int p = 0; p < 36; p++)
            store(v + p * slab + k, d[p]);
    }
}

/* The tiles of some images, or of a band of rows of tiles of one image. */
static void filter_tiles(whole task, const void *work)
{
    const Winograd *winograd = work;
    const Convolution *s = &winograd->of;
    whole c = s->c, O = s->outputs, tiles_down = ceil_div(s->rows, 4), tiles_across = ceil_div(s->columns, 4);
    whole down = phases(s->kh, s->down), across = phases(s->kw, s->across), all = down * across * c;
    whole first = task / s->bands * s->images, images = min(s->images, s->n - first), band = task % s->bands;
    whole begin = band * tiles_down / s->bands, rows = (band + 1) * tiles_down / s->bands - begin; /* of tiles */
    whole height = (4 * rows + 2) * s->down, width = (4 * tiles_across + 2) * s->across, tiles = images * rows * tiles_across;
    whole top = s->top + 4 * begin * s->down;
    float *x = scratch(FRAME, images * height * width * c * sizeof(float));
    frame(s->x + first * s->h * s->w * c, images, s->h, s->w, c, top, top + height, s->left, s->left + width, x);

    whole input_slab = tiles * all + LANES, output_slab = tiles * O + LANES;
    float *v = scratch(FORMS, 36 * input_slab * sizeof(float)), *products = scratch(PRODUCTS, 36 * output_slab * sizeof(float));
    for (whole t = 0; t < tiles; t++) {
        whole row = t / tiles_across / rows * height + 4 * (t / tiles_across % rows) * s->down;
        const float *corner = x + (row * width + 4 * (t % tiles_across) * s->across) * c;
        for (whole r = 0; r < down; r++)
            for (whole q = 0; q < across; q++)
                transform_input(corner + (r * width + q) * c, s->down * width * c, s->across * c, c,
                                v + t * all + (r * across + q) * c, input_slab);
    }

    whole *place = scratch(WINDOWS, 2 * (tiles + PADDING) * sizeof(whole)), *target = place + tiles + PADDING;
    for (whole t = 0; t < tiles + PADDING; t++)
        place[t] = min(t, tiles - 1) * all, target[t] = min(t, tiles - 1) * O;
    for (int p = 0; p < 36; p++) {
        Convolution product = *s;
        product.kernel = winograd->u + p * all * O, product.bias = NULL, product.y = products + p * output_slab;
        product.kh = phases_at(p / 6, s->kh, s->down), product.kw = phases_at(p % 6, s->kw, s->across);
        product.step = LANES, product.block = product.kh * product.kw * c * LANES;
        multiply_windows(&product, v + p * input_slab, across * c, place, target, tiles, 0, ceil_div(O / LANES, 2));
    }

    for (whole t = 0; t < tiles; t++) {
        whole row = 4 * (begin + t / tiles_across % rows), column = 4 * (t % tiles_across);
        whole high = min(4, s->rows - row), wide = min(4, s->columns - column);
        float *y = s->y + (first + t / tiles_across / rows) * s->example + row * s->row + column * s->column;
        for (whole o = 0; o < O; o += LANES) {
            vector m[36], bias = s->bias ? load(s->bias + o) : (vector){};
            for (int p = 0; p < 36; p++)
                m[p] = load(products + p * output_slab + t * O + o);
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

typedef struct {
    const float *x, *g; /* (n, h, w, c); (n, rows, columns, outputs) */
    float *v, *z;       /* room for a round: B' x B (36, tiles, phases, c), A g A' (36, tiles, outputs), */
    float *products;    /* and for one of its phases (36, c, outputs); or NULL: each group has its own */
    float *dw;          /* (groups, kh, kw, c, outputs) */
    whole n, h, w, c, kh, kw, rows, columns, outputs;
    whole top, left, down, across;
    whole groups, images;     /* groups of images; images of a round */
    whole first, count, r, q; /* the images of this round, and this phase: set here */
    whole add;                /* to what is there, from the second round on */
} Gradient;

INLINE whole tiles_down(const Gradient *s) { return ceil_div(s->rows, 4); }
INLINE whole tiles_across(const Gradient *s) { return ceil_div(s->columns, 4); }
INLINE whole inputs(const Gradient *s) { return phases(s->kh, s->down) * phases(s->kw, s->across) * s->c; }
INLINE whole slab(const Gradient *s, whole channels) { return s->images * tiles_down(s) * tiles_across(s) * channels + LANES; }

/* v and z of a row of tiles. */
static void transform_both(whole task, const void *work)
{
    const Gradient *s = work;
    whole across = tiles_across(s), c = s->c, O = s->outputs, all = inputs(s), first = task * across, i = task % tiles_down(s) * 4;
    whole image = s->first + task / tiles_down(s), height = 6 * s->down, width = (4 * across + 2) * s->across, wide = 4 * across;
    float *x = scratch(FRAME, (height * width * c + 4 * wide * O) * sizeof(float)), *g = x + height * width * c;
    frame(s->x + image * s->h * s->w * c, 1, s->h, s->w, c, s->top + i * s->down, s->top + i * s->down + height, s->left,
          s->left + width, x);
    frame(s->g + image * s->rows * s->columns * O, 1, s->rows, s->columns, O, i, i + 4, 0, wide, g);
    for (whole t = 0; t < across; t++) {
        for (whole r = 0; r < phases(s->kh, s->down); r++)
            for (whole q = 0; q < phases(s->kw, s->across); q++)
                transform_input(x + (r * width + 4 * t * s->across + q) * c, s->down * width * c, s->across * c, c,
                                s->v + (first + t) * all + (r * phases(s->kw, s->across) + q) * c, slab(s, all));
        for (whole o = 0; o < O; o += LANES) {
            vector d[36];
            for (int p = 0; p < 16; p++)
                d[p / 4 * 6 + p % 4] = load(g + (p / 4 * wide + 4 * t + p % 4) * O + o);
            for (int j = 0; j < 4; j++)
                spread_line(d + j, 6);
            for (int k = 0; k < 6; k++)
                spread_line(d + 6 * k, 1);
            for (int p = 0; p < 36; p++)
                store(s->z + p * slab(s, O) + (first + t) * O + o, d[p]);
        }
    }
}

/* v' z for `count` channels and `wide` blocks of outputs; returns `count`. */
INLINE whole outer_product(const float *v, whole step, const float *z, whole outputs, whole tiles, float *y, int count, int wide)
{
    vector sum[8][2] = {};
    for (whole t = 0; t < tiles; t++, v += step, z += outputs) {
        vector a = load(z), b = wide > 1 ? load(z + LANES) : a;
        UNROLL for (int k = 0; k < count; k++) {
            sum[k][0] += v[k] * a;
            if (wide > 1)
                sum[k][1] += v[k] * b;
        }
    }
    UNROLL for (int k = 0; k < count; k++, y += outputs) {
        store(y, sum[k][0]);
        if (wide > 1)
            store(y + LANES, sum[k][1]);
    }
    return count;
}

/* v' z of a phase at a place. */
static void multiply_forms(whole p, const void *work)
{
    const Gradient *s = work;
    if (s->r >= phases_at(p / 6, s->kh, s->down) || s->q >= phases_at(p % 6, s->kw, s->across))
        return;
    whole O = s->outputs, c = s->c, step = inputs(s), tiles = s->count * tiles_down(s) * tiles_across(s);
    const float *v = s->v + p * slab(s, step) + (s->r * phases(s->kw, s->across) + s->q) * c, *z = s->z + p * slab(s, O);
    for (whole o = 0; o < O; o += 2 * LANES)
        for (whole k = 0; k < c;) {
            float *y = s->products + (p * c + k) * O + o;
            if (o + LANES == O)
                k += outer_product(v + k, step, z + o, O, tiles, y, 8, 1);
            else if (k + TILE <= c)
                k += outer_product(v + k, step, z + o, O, tiles, y, TILE, 2);
            else if (k + 4 <= c)
                k += outer_product(v + k, step, z + o, O, tiles, y, 4, 2);
            else
                k += outer_product(v + k, step, z + o, O, tiles, y, 2, 2);
        }
}

/* dw of a channel and a phase = G' [v' z] G; from the second round on, added to what is there. */
static void transform_gradient(whole k, const void *work)
{
    const Gradient *s = work;
    whole c = s->c, O = s->outputs;
    for (whole o = 0; o < O; o += LANES) {
        vector m[36];
        for (int p = 0; p < 36; p++)
            m[p] = s->r < phases_at(p / 6, s->kh, s->down) && s->q < phases_at(p % 6, s->kw, s->across)
                       ? load(s->products + (p * c + k) * O + o) : (vector){};
        for (int j = 0; j < 6; j++)
            gradient_line(m + j, 6);
        for (int i = 0; i < 3; i++)
            gradient_line(m + 6 * i, 1);
        for (whole i = 0, a = s->r; a < s->kh; i++, a += s->down)
            for (whole j = 0, b = s->q; b < s->kw; j++, b += s->across) {
                float *dw = s->dw + ((a * s->kw + b) * c + k) * O + o;
                store(dw, s->add ? load(dw) + m[6 * i + j] : m[6 * i + j]);
            }
    }
}

/* dw of the images [begin, end), in rounds; `loop` calls a function for all tasks. */
static void gradient_of_images(Gradient *s, whole begin, whole end, void (*loop)(void (*)(whole, const void *), const void *, whole))
{
    s->add = 0;
    for (s->first = begin; s->first < end; s->first += s->images, s->add = 1) {
        s->count = min(s->images, end - s->first);
        loop(transform_both, s, s->count * tiles_down(s));
        for (s->r = 0; s->r < phases(s->kh, s->down); s->r++)
            for (s->q = 0; s->q < phases(s->kw, s->across); s->q++) {
                loop(multiply_forms, s, 36);
                loop(transform_gradient, s, s->c);
            }
    }
}

static void one_by_one(void (*f)(whole, const void *), const void *work, whole tasks)
{
    for (whole task = 0; task < tasks; task++)
        f(task, work);
}

/* A group by one thread, which finds its room in its cache. */
static void gradient_of_group(whole group, const void *work)
{
    Gradient own = *(const Gradient *)work;
    own.dw += group * own.kh * own.kw * own.c * own.outputs;
    own.v = scratch(FORMS, 36 * (slab(&own, inputs(&own)) + slab(&own, own.outputs)) * sizeof(float));
    own.z = own.v + 36 * slab(&own, inputs(&own));
    own.products = scratch(PRODUCTS, 36 * own.c * own.outputs * sizeof(float));
    gradient_of_images(&own, group * own.n / own.groups, (group + 1) * own.n / own.groups, one_by_one);
}

/* dw = for each group of images, the sum over windows of x times g: each group by one thread, or one by all threads. */
EXPORT void winograd_gradient(Gradient *s)
{
    if (s->groups > 1)
        each(gradient_of_group, s, s->groups);
    else
        gradient_of_images(s, 0, s->n, each);
}
