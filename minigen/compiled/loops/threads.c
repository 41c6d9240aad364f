/* A pool of threads that waits for tasks: spinning for a while, because the next tasks usually follow within microseconds, then
   asleep, because another program may need the core. */

#include "minigen.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, SPIN_MICROSECONDS = 60 };

static int owner = 0; /* the process in which the threads were started */
static int wanted = 1, started = 0; /* threads besides the caller's: wanted - 1 take part */
static void (*f)(whole, const void *);
static const void *work;
static _Atomic uint64_t todo; /* number of the job in the upper half, tasks not yet taken in the lower */
static _Atomic whole done;
static _Atomic int asleep;
static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER, bed = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t alarm_clock = PTHREAD_COND_INITIALIZER;

/* Take tasks until there are none. A task taken belongs to the job whose f and work are set: it ends only after its tasks. */
static void take_tasks(void)
{
    uint64_t now = atomic_load(&todo);
    while ((uint32_t)now) {
        if (atomic_compare_exchange_weak(&todo, &now, now - 1)) {
            f((whole)(uint32_t)now - 1, work);
            atomic_fetch_add(&done, 1);
            now = atomic_load(&todo);
        }
    }
}

static whole microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *wait_for_tasks(void *number)
{
    for (;;) {
        whole start = microseconds();
        while (!(uint32_t)atomic_load(&todo) && microseconds() - start < SPIN_MICROSECONDS)
            sched_yield();
        if (!(uint32_t)atomic_load(&todo) || (whole)number >= wanted - 1) {
            pthread_mutex_lock(&bed);
            atomic_fetch_add(&asleep, 1);
            while (!(uint32_t)atomic_load(&todo) || (whole)number >= wanted - 1)
                pthread_cond_wait(&alarm_clock, &bed);
            atomic_fetch_sub(&asleep, 1);
            pthread_mutex_unlock(&bed);
        }
        take_tasks();
    }
    return NULL;
}

/* In a process just forked, no thread but the caller's exists. */
static void forget_threads(void)
{
    owner = getpid();
    started = 0;
    atomic_store(&asleep, 0);
    atomic_store(&todo, 0);
    pthread_mutex_init(&in_use, NULL);
    pthread_mutex_init(&bed, NULL);
    pthread_cond_init(&alarm_clock, NULL);
}

static void start_threads(void)
{
    while (started < wanted - 1) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_for_tasks, (void *)(whole)started))
            return; /* fewer threads, the same results */
        pthread_detach(thread);
        started++;
    }
}

void each(void (*task)(whole, const void *), const void *of, whole tasks)
{
    if (owner != getpid())
        forget_threads();
    if (tasks < 2 || wanted < 2 || pthread_mutex_trylock(&in_use)) { /* in use: by another thread of Python */
        for (whole t = 0; t < tasks; t++)
            task(t, of);
        return;
    }
    start_threads();
    f = task, work = of;
    atomic_store(&done, 0);
    atomic_store(&todo, ((atomic_load(&todo) >> 32) + 1) << 32 | (uint32_t)tasks);
    if (atomic_load(&asleep)) {
        pthread_mutex_lock(&bed);
        pthread_cond_broadcast(&alarm_clock);
        pthread_mutex_unlock(&bed);
    }
    take_tasks();
    while (atomic_load(&done) < tasks)
        sched_yield();
    pthread_mutex_unlock(&in_use);
}

EXPORT void set_threads(int n)
{
    if (owner != getpid())
        forget_threads();
    wanted = n < 1 ? 1 : n > MOST ? MOST : n;
}

void *scratch(int slot, size_t bytes)
{
    static _Thread_local struct { void *memory; size_t bytes; } own[SLOTS];
    if (own[slot].bytes < bytes) {
        free(own[slot].memory);
        own[slot].memory = malloc(bytes);
        own[slot].bytes = own[slot].memory ? bytes : 0;
        if (!own[slot].memory)
            abort();
    }
    return own[slot].memory;
}

EXPORT int lanes(void) { return LANES; }
