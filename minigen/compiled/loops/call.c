/* How Python calls a loop: with its arguments, in which an array still stands as the place of its address. */

#include "minigen.h"

typedef struct {
    void (*loop)(void **arguments);
    whole arrays; /* a bit for each argument: whether it is one */
    void *arguments[];
} Call;

EXPORT void call(Call *s)
{
    for (whole i = 0; s->arrays >> i; i++)
        if (s->arrays >> i & 1)
            s->arguments[i] = *(void **)s->arguments[i];
    s->loop(s->arguments);
}
