/* Convolutions without copies of windows. Images (n, h, w, c), zero outside; a window is kh rows of kw * c floats in a row. */

#include "minigen.h"

#define TILE (LANES == 16 ? 8 : 6) /* windows, or taps, times two vectors: as many sums as stay in registers */
#define PADDING 8                  /* places of windows are repeated, so that the last tile is a whole one */

typedef struct {
    const float *x, *kernel, *bias; /* (n, h, w, c); (blocks of LANES outputs, kh, kw * c, LANES), or (outputs, kh, kw * c) if few */
    float *y;
    long n, h, w, c, kh, kw, rows, columns, outputs;
    long top, left, down, across; /* where the first window begins; from one to the next */
    long example, row, column;    /* the same in y, in floats */
    long few;                     /* outputs, fewer than LANES: vectors along the window instead of across outputs */
    long images, bands;           /* a task: so many images, or one of so many bands of one image's rows */
} Convolution;

/* Rows [top, bottom) and columns [left, right) of images, which lie outside in part: a copy with zeros there. */
static void frame(const float *x, long n, long h, long w, long c, long top, long bottom, long left, long right, float *copy)
{
    long begin = max_long(left, 0), end = max_long(min_long(right, w), begin);
    for (long e = 0; e < n; e++)
        for (long i = top; i < bottom; i++, copy += (right - left) * c) {
            if (i < 0 || i >= h || begin >= right) {
                memset(copy, 0, (right - left) * c * sizeof(float));
                continue;
            }
            const float *line = x + (e * h + i) * w * c;
            memset(copy, 0, (begin - left) * c * sizeof(float));
            memcpy(copy + (begin - left) * c, line + begin * c, (end - begin) * c * sizeof(float));
            memset(copy + (end - left) * c, 0, (right - end) * c * sizeof(float));
        }
}

static void store_some(float *p, vector v, long count)
{
    if (count >= LANES)
        store(p, v);
    else
        for (long l = 0; l < count; l++)
            p[l] = v[l];
}

static float total(vector v)
{
    float s = 0;
    for (int l = 0; l < LANES; l++)
        s += v[l];
    return s;
}

/* `windows` windows times `wide` blocks of outputs. */
INLINE void tile(const Convolution *s, const float *x, long line, const long *place, const long *target, long block, int windows,
                 int wide)
{
    long run = s->kw * s->c, length = s->kh * run * LANES;
    const float *kernel = s->kernel + block * length;
    vector sum[8][2];
    UNROLL for (int m = 0; m < windows; m++)
        UNROLL for (int j = 0; j < wide; j++)
            sum[m][j] = load(s->bias + (block + j) * LANES);
    for (long a = 0; a < s->kh; a++, x += line)
        for (long k = 0; k < run; k++, kernel += LANES) {
            vector v[2];
            UNROLL for (int j = 0; j < wide; j++)
                v[j] = load(kernel + j * length);
            UNROLL for (int m = 0; m < windows; m++) {
                float pixel = x[place[m] + k];
                UNROLL for (int j = 0; j < wide; j++)
                    sum[m][j] += pixel * v[j];
            }
        }
    UNROLL for (int m = 0; m < windows; m++)
        UNROLL for (int j = 0; j < wide; j++)
            store_some(s->y + target[m] + (block + j) * LANES, sum[m][j], s->outputs - (block + j) * LANES);
}

/* Four windows times one output, as inner products. */
INLINE void inner_products(const Convolution *s, const float *x, long line, const long *place, const long *target, long output)
{
    long run = s->kw * s->c;
    const float *kernel = s->kernel + output * s->kh * run;
    vector sum[4] = {};
    float rest[4] = {};
    for (long a = 0; a < s->kh; a++, x += line, kernel += run) {
        long k = 0;
        for (; k + LANES <= run; k += LANES)
            UNROLL for (int m = 0; m < 4; m++)
                sum[m] += load(x + place[m] + k) * load(kernel + k);
        for (; k < run; k++)
            UNROLL for (int m = 0; m < 4; m++)
                rest[m] += x[place[m] + k] * kernel[k];
    }
    UNROLL for (int m = 0; m < 4; m++)
        s->y[target[m] + output] = s->bias[output] + total(sum[m]) + rest[m];
}

static void convolve_some(long task, const void *work)
{
    const Convolution *s = work;
    long first = task / s->bands * s->images, images = min_long(s->images, s->n - first), band = task % s->bands;
    long begin = band * s->rows / s->bands, rows = (band + 1) * s->rows / s->bands - begin;
    long top = s->top + begin * s->down, bottom = top + (rows - 1) * s->down + s->kh;
    long left = s->left, right = left + (s->columns - 1) * s->across + s->kw;
    long height = s->h, width = s->w, start = top * s->w + left;
    const float *x = s->x + first * s->h * s->w * s->c;
    if (top < 0 || left < 0 || bottom > s->h || right > s->w) {
        height = bottom - top, width = right - left, start = 0;
        float *copy = scratch(FRAME, images * height * width * s->c * sizeof(float));
        frame(x, images, s->h, s->w, s->c, top, bottom, left, right, copy);
        x = copy;
    }
    long windows = images * rows * s->columns;
    long *place = scratch(WINDOWS, 2 * (windows + PADDING) * sizeof(long)), *target = place + windows + PADDING, m = 0;
    for (long e = 0; e < images; e++)
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < s->columns; j++, m++) {
                place[m] = (start + (e * height + i * s->down) * width + j * s->across) * s->c;
                target[m] = (first + e) * s->example + (begin + i) * s->row + j * s->column;
            }
    for (; m < windows + PADDING; m++)
        place[m] = place[windows - 1], target[m] = target[windows - 1];

    long line = width * s->c, blocks = ceil_div(s->outputs, LANES), block = 0;
    if (s->few) {
        for (m = 0; m < windows; m += 4)
            for (long o = 0; o < s->outputs; o++)
                inner_products(s, x, line, place + m, target + m, o);
        return;
    }
    for (; block + 1 < blocks; block += 2)
        for (m = 0; m < windows; m += TILE)
            tile(s, x, line, place + m, target + m, block, TILE, 2);
    if (block < blocks)
        for (m = 0; m < windows; m += 8)
            tile(s, x, line, place + m, target + m, block, 8, 1);
}

/* y = bias + windows of x times the kernel. */
EXPORT void convolve(const Convolution *s) { each(convolve_some, s, ceil_div(s->n, s->images) * s->bands); }

typedef struct {
    const float *x;
    float *copy;
    long n, h, w, c, top, bottom, left, right;
} Frames;

static void frame_one(long e, const void *work)
{
    const Frames *s = work;
    frame(s->x + e * s->h * s->w * s->c, 1, s->h, s->w, s->c, s->top, s->bottom, s->left, s->right,
          s->copy + e * (s->bottom - s->top) * (s->right - s->left) * s->c);
}

EXPORT void frames(const Frames *s) { each(frame_one, s, s->n); }

typedef struct {
    const float *x, *g; /* (n, h, w, c), no window outside, and LANES more floats; (n, rows, columns, outputs) */
    float *dw;          /* zeros; (taps, up to a whole tile, outputs), or (outputs, kh, kw * c up to a whole vector) if few */
    long n, h, w, c, kh, kw, rows, columns, outputs; /* outputs: a multiple of LANES, unless few */
    long down, across, few, chunks;
} Gradient;

/* dw for `taps` taps times `wide` blocks of outputs, from the windows [begin, end) of an image. */
INLINE void gradient_tile(const Gradient *s, const float *x, const float *g, const long *place, const long *tap, float *dw,
                          long begin, long end, int wide)
{
    vector sum[TILE][2];
    UNROLL for (int t = 0; t < TILE; t++)
        UNROLL for (int j = 0; j < wide; j++)
            sum[t][j] = load(dw + t * s->outputs + j * LANES);
    for (long m = begin; m < end; m++) {
        const float *window = x + place[m];
        vector v[2];
        UNROLL for (int j = 0; j < wide; j++)
            v[j] = load(g + m * s->outputs + j * LANES);
        UNROLL for (int t = 0; t < TILE; t++)
            UNROLL for (int j = 0; j < wide; j++)
                sum[t][j] += window[tap[t]] * v[j];
    }
    UNROLL for (int t = 0; t < TILE; t++)
        UNROLL for (int j = 0; j < wide; j++)
            store(dw + t * s->outputs + j * LANES, sum[t][j]);
}

/* dw for up to TILE vectors along the window, times one output. */
INLINE void gradient_run(const Gradient *s, const float *x, const float *g, const long *place, float *dw, long begin, long end,
                         int vectors)
{
    vector sum[TILE];
    UNROLL for (int t = 0; t < vectors; t++)
        sum[t] = load(dw + t * LANES);
    for (long m = begin; m < end; m++) {
        float v = g[m * s->outputs];
        UNROLL for (int t = 0; t < vectors; t++)
            sum[t] += v * load(x + place[m] + t * LANES);
    }
    UNROLL for (int t = 0; t < vectors; t++)
        store(dw + t * LANES, sum[t]);
}

/* A chunk of dw, from all images; they are read in bands that stay in the cache. */
static void gradient_chunk(long chunk, const void *work)
{
    const Gradient *s = work;
    long windows = s->rows * s->columns, run = s->kw * s->c, taps = s->kh * run, line = s->w * s->c;
    long tiles = ceil_div(taps, TILE), vectors = ceil_div(run, LANES), per_row = ceil_div(vectors, TILE);
    long *place = scratch(WINDOWS, (windows + tiles * TILE) * sizeof(long)), *tap = place + windows;
    for (long m = 0; m < windows; m++)
        place[m] = (m / s->columns * s->down * s->w + m % s->columns * s->across) * s->c;
    for (long k = 0; k < tiles * TILE; k++)
        tap[k] = min_long(k, taps - 1) / run * line + min_long(k, taps - 1) % run;
    long units = s->few ? s->outputs * s->kh * per_row : tiles * ceil_div(s->outputs, 2 * LANES);
    long band = max_long(32, min_long(256, 4096 / (s->c * s->across)));
    for (long e = 0; e < s->n; e++)
        for (long begin = 0; begin < windows; begin += band) {
            const float *x = s->x + e * s->h * line, *g = s->g + e * windows * s->outputs;
            long end = min_long(windows, begin + band);
            for (long u = chunk * units / s->chunks; u < (chunk + 1) * units / s->chunks; u++) {
                if (s->few) {
                    long o = u / per_row / s->kh, a = u / per_row % s->kh, t = u % per_row * TILE;
                    float *dw = s->dw + ((o * s->kh + a) * vectors + t) * LANES;
                    const float *from = x + a * line + t * LANES;
                    if (t + TILE <= vectors)
                        gradient_run(s, from, g + o, place, dw, begin, end, TILE);
                    else
                        for (long v = 0; t + v < vectors; v++)
                            gradient_run(s, from + v * LANES, g + o, place, dw + v * LANES, begin, end, 1);
                    continue;
                }
                long o = u / tiles * 2 * LANES, k = u % tiles * TILE;
                if (o + 2 * LANES <= s->outputs)
                    gradient_tile(s, x, g + o, place, tap + k, s->dw + k * s->outputs + o, begin, end, 2);
                else
                    gradient_tile(s, x, g + o, place, tap + k, s->dw + k * s->outputs + o, begin, end, 1);
            }
        }
}

/* dw = sum over windows of x (all taps) times g (all outputs). */
EXPORT void kernel_gradient(const Gradient *s) { each(gradient_chunk, s, s->chunks); }
