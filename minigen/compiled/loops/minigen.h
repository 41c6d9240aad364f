/* What all loops share: vectors of floats, and all threads at once. */

#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* As many floats as a register of this CPU holds: 16 with AVX-512, else 8 (of two registers on ARM). Arithmetic on vectors is
   element by element, and a float beside a vector is spread over all of it. */
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline vector load(const float *p) { return *(const vector *)p; }
static inline void store(float *p, vector v) { *(vector *)p = v; }
static inline float total(vector v)
{
#pragma clang loop unroll(full)
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++)
            v[l] += v[l + half];
    return v[0];
}

/* Whole numbers and settings are 8 bytes each, as Python passes them. */
typedef int64_t whole;
static inline whole min(whole a, whole b) { return a < b ? a : b; }
static inline whole max(whole a, whole b) { return a > b ? a : b; }
static inline whole ceil_div(whole a, whole b) { return (a + b - 1) / b; }

/* Arguments that do not overlap: only as arguments of a function can they be said not to, and only then do loops over few channels
   become vectors. */
typedef const float *restrict In;
typedef float *restrict Out;

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

/* Call f(task, work) for every task in 0 ... tasks - 1, on all threads. Which thread takes which task is left open, so a task
   writes nothing that another reads or writes: then results do not depend on the number of threads. */
void each(void (*f)(whole task, const void *work), const void *work, whole tasks);

/* Memory for a task, at least so many bytes: each thread has its own, and keeps it. Slots are independent. */
enum { FRAME, WINDOWS, FORMS, PRODUCTS, SLOTS };
void *scratch(int slot, size_t bytes);
