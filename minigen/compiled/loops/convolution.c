/* Convolutions without copies of windows. Images (n, h, w, c), zero outside; a window is kh rows of kw * c floats in a row. */

#include "convolution.h"

/* Rows [top, bottom) and columns [left, right) of images, which lie outside in part: a copy with zeros there. */
void frame(const float *x, whole n, whole h, whole w, whole c, whole top, whole bottom, whole left, whole right, float *copy)
{
    whole begin = max(left, 0), end = max(min(right, w), begin);
    for (whole e = 0; e < n; e++)
        for (whole i = top; i < bottom; i++, copy += (right - left) * c) {
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

static vector load_some(const float *p, whole count)
{
    vector v = {};
    memcpy(&v, p, min(count, LANES) * sizeof(float));
    return v;
}

static void store_some(float *p, vector v, whole count)
{
    memcpy(p, &v, min(count, LANES) * sizeof(float));
}

/* Where a block of outputs begins: the last one may overlap the one before, so that it is whole. */
static whole begins(whole outputs, whole block) { return max(0, min(block * LANES, outputs - LANES)); }

/* `windows` windows times `wide` blocks of outputs. */
INLINE void tile(const Convolution *s, const float *x, whole line, const whole *place, const whole *target, whole block,
                 int windows, int wide)
{
    whole run = s->kw * s->c, step = s->step, first = begins(s->outputs, block), second = begins(s->outputs, block + 1);
    int packed = step == LANES;
    const float *kernel = s->kernel + (packed ? block * s->block : first), *beside = packed ? kernel + s->block : s->kernel + second;
    vector sum[8][2];
    UNROLL for (int m = 0; m < windows; m++) {
        sum[m][0] = s->bias ? load(s->bias + first) : (vector){};
        if (wide > 1)
            sum[m][1] = s->bias ? load(s->bias + second) : (vector){};
    }
    for (whole a = 0; a < s->kh; a++, x += line)
        for (whole k = 0; k < run; k++, kernel += step, beside += step) {
            vector v = load(kernel), w = wide > 1 ? load(beside) : v;
            UNROLL for (int m = 0; m < windows; m++) {
                float pixel = x[place[m] + k];
                sum[m][0] += pixel * v;
                if (wide > 1)
                    sum[m][1] += pixel * w;
            }
        }
    UNROLL for (int m = 0; m < windows; m++)
        if (wide > 1) {
            store(s->y + target[m] + first, sum[m][0]);
            store(s->y + target[m] + second, sum[m][1]);
        } else
            store_some(s->y + target[m] + first, sum[m][0], s->outputs);
}

enum { TOGETHER = 8 }; /* windows */

/* Some windows times one output, as inner products; the kernel is (outputs, kh, kw * c). */
INLINE void inner_products(const Convolution *s, const float *x, whole line, const whole *place, const whole *target, whole output)
{
    whole run = s->kw * s->c;
    const float *kernel = s->kernel + output * s->kh * run;
    vector sum[TOGETHER] = {};
    float rest[TOGETHER] = {};
    for (whole a = 0; a < s->kh; a++, x += line, kernel += run) {
        whole k = 0;
        for (; k + LANES <= run; k += LANES)
            UNROLL for (int m = 0; m < TOGETHER; m++)
                sum[m] += load(x + place[m] + k) * load(kernel + k);
        for (; k < run; k++)
            UNROLL for (int m = 0; m < TOGETHER; m++)
                rest[m] += x[place[m] + k] * kernel[k];
    }
    UNROLL for (int m = 0; m < TOGETHER; m++)
        s->y[target[m] + output] = (s->bias ? s->bias[output] : 0) + total(sum[m]) + rest[m];
}

/* The windows times the pairs of blocks [first, last); PADDING more places are repeated after the windows. */
void multiply_windows(const Convolution *s, const float *x, whole line, const whole *place, const whole *target, whole windows,
                      whole first, whole last)
{
    whole blocks = min(ceil_div(s->outputs, LANES), 2 * last), block = 2 * first;
    for (; block + 1 < blocks; block += 2)
        for (whole m = 0; m < windows; m += TILE)
            tile(s, x, line, place + m, target + m, block, TILE, 2);
    if (block < blocks)
        for (whole m = 0; m < windows; m += 8)
            tile(s, x, line, place + m, target + m, block, 8, 1);
}

static void convolve_some(whole task, const void *work)
{
    const Convolution *s = work;
    whole part = task % s->parts;
    task /= s->parts;
    whole first = task / s->bands * s->images, images = min(s->images, s->n - first), band = task % s->bands;
    whole begin = band * s->rows / s->bands, rows = (band + 1) * s->rows / s->bands - begin;
    whole top = s->top + begin * s->down, bottom = top + (rows - 1) * s->down + s->kh;
    whole left = s->left, right = left + (s->columns - 1) * s->across + s->kw;
    whole height = s->h, width = s->w, start = top * s->w + left;
    const float *x = s->x + first * s->h * s->w * s->c;
    if (top < 0 || left < 0 || bottom > s->h || right > s->w) {
        height = bottom - top, width = right - left, start = 0;
        float *copy = scratch(FRAME, images * height * width * s->c * sizeof(float));
        frame(x, images, s->h, s->w, s->c, top, bottom, left, right, copy);
        x = copy;
    }
    whole windows = images * rows * s->columns;
    whole *place = scratch(WINDOWS, 2 * (windows + PADDING) * sizeof(whole)), *target = place + windows + PADDING, m = 0;
    for (whole e = 0; e < images; e++)
        for (whole i = 0; i < rows; i++)
            for (whole j = 0; j < s->columns; j++, m++) {
                place[m] = (start + (e * height + i * s->down) * width + j * s->across) * s->c;
                target[m] = (first + e) * s->example + (begin + i) * s->row + j * s->column;
            }
    for (; m < windows + PADDING; m++)
        place[m] = place[windows - 1], target[m] = target[windows - 1];

    if (s->step) {
        whole pairs = ceil_div(ceil_div(s->outputs, LANES), 2);
        multiply_windows(s, x, width * s->c, place, target, windows, part * pairs / s->parts, (part + 1) * pairs / s->parts);
    } else
        for (m = 0; m < windows; m += TOGETHER)
            for (whole o = 0; o < s->outputs; o++)
                inner_products(s, x, width * s->c, place + m, target + m, o);
}

/* y = bias + windows of x times the kernel. */
EXPORT void convolve(const Convolution *s) { each(convolve_some, s, ceil_div(s->n, s->images) * s->bands * s->parts); }

typedef struct {
    const float *kernel; /* (kh, kw, c, o), of any strides, in floats */
    float *packed;       /* (blocks of LANES outputs, kh, kw, c, LANES), zeros where there are fewer */
    whole kh, kw, c, outputs, strides[4];
} Packing;

static void pack_block(whole block, const void *work)
{
    const Packing *s = work;
    whole first = begins(s->outputs, block), count = min(LANES, s->outputs), across = s->strides[3];
    float *packed = s->packed + block * s->kh * s->kw * s->c * LANES;
    for (whole a = 0; a < s->kh; a++)
        for (whole b = 0; b < s->kw; b++, packed += s->c * LANES) {
            const float *kernel = s->kernel + a * s->strides[0] + b * s->strides[1] + first * across;
            if (across == 1 && count == LANES)
                for (whole k = 0; k < s->c; k++)
                    store(packed + k * LANES, load(kernel + k * s->strides[2]));
            else {
                if (count < LANES)
                    memset(packed, 0, s->c * LANES * sizeof(float));
                for (whole l = 0; l < count; l++)
                    for (whole k = 0; k < s->c; k++)
                        packed[k * LANES + l] = kernel[k * s->strides[2] + l * across];
            }
        }
}

EXPORT void pack(const Packing *s) { each(pack_block, s, ceil_div(s->outputs, LANES)); }

typedef struct {
    const float *x, *g; /* (n, h, w, c); (n, rows, columns, outputs), and LANES floats more */
    float *frames;      /* room for the frames of all images, or NULL */
    float *dw;          /* (groups, taps, outputs), or (groups, outputs, kh, kw * c up to a whole vector) if along the run */
    whole n, h, w, c, kh, kw, rows, columns, outputs;
    whole top, left, down, across;
    whole along_run;      /* vectors along the window instead of across outputs */
    whole groups, chunks; /* a task: one of the groups of images, one of the chunks of dw */
} Gradient;

/* dw for `taps` taps times `wide` blocks of outputs, from the windows [begin, end) of an image; added to what is there. */
INLINE void gradient_tile(const Gradient *s, const float *x, const float *g, const whole *place, const whole *tap, float *dw,
                          whole begin, whole end, whole outputs, int add, int taps, int wide)
{
    vector sum[TILE][2] = {};
    for (whole m = begin; m < end; m++) {
        const float *window = x + place[m];
        vector v = load(g + m * s->outputs), w = wide > 1 ? load(g + m * s->outputs + LANES) : v;
        UNROLL for (int t = 0; t < taps; t++) {
            float pixel = window[tap[t]];
            sum[t][0] += pixel * v;
            if (wide > 1)
                sum[t][1] += pixel * w;
        }
    }
    UNROLL for (int t = 0; t < taps; t++, dw += s->outputs)
        if (wide > 1) {
            store(dw, add ? load(dw) + sum[t][0] : sum[t][0]);
            store(dw + LANES, add ? load(dw + LANES) + sum[t][1] : sum[t][1]);
        } else
            store_some(dw, add ? load_some(dw, outputs) + sum[t][0] : sum[t][0], outputs);
}

/* dw for up to TILE vectors along the run of a window, times one output. */
INLINE void gradient_run(const Gradient *s, const float *x, const float *g, const whole *place, float *dw, whole begin, whole end,
                         int add, int vectors)
{
    vector sum[TILE] = {};
    for (whole m = begin; m < end; m++) {
        float v = g[m * s->outputs];
        UNROLL for (int t = 0; t < vectors; t++)
            sum[t] += v * load(x + place[m] + t * LANES);
    }
    UNROLL for (int t = 0; t < vectors; t++, dw += LANES)
        store(dw, add ? load(dw) + sum[t] : sum[t]);
}

/* The pixels of an image that are in windows; frames have LANES floats to spare, for vectors along the run. */
INLINE whole frame_height(const Gradient *s) { return (s->rows - 1) * s->down + s->kh; }
INLINE whole frame_width(const Gradient *s) { return (s->columns - 1) * s->across + s->kw; }
INLINE whole frame_size(const Gradient *s) { return frame_height(s) * frame_width(s) * s->c + LANES; }

static void frame_image(const Gradient *s, whole e, float *copy)
{
    frame(s->x + e * s->h * s->w * s->c, 1, s->h, s->w, s->c, s->top, s->top + frame_height(s), s->left,
          s->left + frame_width(s), copy);
}
static void frame_images(whole e, const void *work) { frame_image(work, e, ((const Gradient *)work)->frames + e * frame_size(work)); }

enum { MOST_WINDOWS = 256 }; /* of a running sum, and of what is read at a time */

/* A chunk of dw, from a group of images; they are read in bands that stay in the cache. */
static void gradient_of_group(whole task, const void *work)
{
    const Gradient *s = work;
    whole group = task / s->chunks, chunk = task % s->chunks, last = (group + 1) * s->n / s->groups;
    int framed = s->along_run || s->top || s->left || frame_height(s) != s->h || frame_width(s) != s->w;
    whole windows = s->rows * s->columns, together = max(1, MOST_WINDOWS / windows); /* images */
    whole width = framed ? frame_width(s) : s->w, size = framed ? frame_size(s) : s->h * s->w * s->c;
    float *own = framed && !s->frames ? scratch(FRAME, together * size * sizeof(float)) : NULL;
    whole run = s->kw * s->c, taps = s->kh * run, line = width * s->c;
    whole tiles = ceil_div(taps, TILE), vectors = ceil_div(run, LANES), per_row = ceil_div(vectors, TILE);
    whole *place = scratch(WINDOWS, (together * windows + taps) * sizeof(whole)), *tap = place + together * windows;
    for (whole m = 0; m < together * windows; m++)
        place[m] = m / windows * size + (m % windows / s->columns * s->down * width + m % s->columns * s->across) * s->c;
    for (whole k = 0; k < taps; k++)
        tap[k] = k / run * line + k % run;
    whole units = s->along_run ? s->outputs * s->kh * per_row : tiles * ceil_div(s->outputs, 2 * LANES);
    whole band = 160; /* windows: as much of x and g as stays in the first cache */
    float *all = s->dw + group * (s->along_run ? s->outputs * s->kh * vectors * LANES : taps * s->outputs);
    int add = 0;
    for (whole e = group * s->n / s->groups; e < last; e += together) {
        whole images = min(together, last - e);
        const float *x = (s->frames ? s->frames : s->x) + e * size, *g = s->g + e * windows * s->outputs;
        if (own) {
            for (whole i = 0; i < images; i++)
                frame_image(s, e + i, own + i * size);
            x = own;
        }
        for (whole begin = 0; begin < images * windows; begin += band, add = 1) {
            whole end = min(images * windows, begin + band);
            for (whole u = chunk * units / s->chunks; u < (chunk + 1) * units / s->chunks; u++) {
                if (s->along_run) {
                    whole o = u / per_row / s->kh, a = u / per_row % s->kh, t = u % per_row * TILE;
                    float *dw = all + ((o * s->kh + a) * vectors + t) * LANES;
                    const float *from = x + a * line + t * LANES;
                    if (t + TILE <= vectors)
                        gradient_run(s, from, g + o, place, dw, begin, end, add, TILE);
                    else
                        for (whole v = 0; t + v < vectors; v++)
                            gradient_run(s, from + v * LANES, g + o, place, dw + v * LANES, begin, end, add, 1);
                    continue;
                }
                whole o = u / tiles * 2 * LANES, k = u % tiles * TILE, rest = s->outputs - o;
                for (whole block = 0; block < 2 && rest > 0; block++, o += LANES, rest -= LANES) {
                    float *dw = all + k * s->outputs + o;
                    if (k + TILE > taps)
                        for (whole t = 0; k + t < taps; t++)
                            gradient_tile(s, x, g + o, place, tap + k + t, dw + t * s->outputs, begin, end, rest, add, 1, 1);
                    else if (rest < 2 * LANES)
                        gradient_tile(s, x, g + o, place, tap + k, dw, begin, end, rest, add, TILE, 1);
                    else {
                        gradient_tile(s, x, g + o, place, tap + k, dw, begin, end, rest, add, TILE, 2);
                        break;
                    }
                }
            }
        }
    }
}

/* dw = for each group of images, the sum over windows of x (all taps) times g (all outputs). */
EXPORT void kernel_gradient(const Gradient *s)
{
    if (s->frames)
        each(frame_images, s, s->n);
    each(gradient_of_group, s, s->groups * s->chunks);
}
