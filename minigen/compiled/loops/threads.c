/* A pool of threads that waits for tasks: spinning for a while, because the next tasks usually follow within microseconds, then
   asleep, because another program may need the core.

   Each thread begins with a share of its own, always at the same end of the tasks, so that it finds in its cache what it wrote in the
   loop before; then it takes over tasks from the others. */

#include "minigen.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, SPIN_MICROSECONDS = 500, COURTESY_MICROSECONDS = 100 };

static int owner = 0;               /* the process in which the threads were started */
static int wanted = 1, started = 0; /* threads, the caller's included; those started, which do not include it */

/* The job: f(task, work) for all tasks of all shares. */
static void (*f)(whole, const void *);
static const void *work;
static struct {
    _Atomic uint64_t todo; /* the number of the job in the upper half, tasks not yet taken in the lower */
    whole end;
    char apart[48]; /* in cache lines of their own */
} shares[MOST];
static _Atomic whole left, done; /* tasks not yet taken of all shares, about; tasks done */

static _Atomic int asleep;
static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER, bed = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t alarm_clock = PTHREAD_COND_INITIALIZER;

/* Take tasks until there are none, first of one's own share. A job cannot end, and f and work cannot change, between the taking and
   the doing of a task. */
static void take_tasks(int own)
{
    for (int i = 0; i < wanted; i++) {
        int share = (own + i) % wanted;
        uint64_t now = atomic_load(&shares[share].todo);
        while ((uint32_t)now)
            if (atomic_compare_exchange_weak(&shares[share].todo, &now, now - 1)) {
                atomic_fetch_sub(&left, 1);
                f(shares[share].end - (uint32_t)now, work);
                atomic_fetch_add(&done, 1);
                now = atomic_load(&shares[share].todo);
            }
    }
}

static whole microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A moment of waiting: at first for this core alone, then for whoever else may need it. */
static void wait_a_moment(whole since)
{
    if (microseconds() - since > COURTESY_MICROSECONDS)
        sched_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#endif
}

static void *wait_for_tasks(void *number)
{
    int own = (int)(whole)number;
    for (;;) {
        whole start = microseconds();
        while (atomic_load(&left) <= 0 && microseconds() - start < SPIN_MICROSECONDS)
            wait_a_moment(start);
        if (atomic_load(&left) <= 0 || own >= wanted) {
            pthread_mutex_lock(&bed);
            atomic_fetch_add(&asleep, 1);
            while (atomic_load(&left) <= 0 || own >= wanted)
                pthread_cond_wait(&alarm_clock, &bed);
            atomic_fetch_sub(&asleep, 1);
            pthread_mutex_unlock(&bed);
        }
        take_tasks(own);
    }
    return NULL;
}

/* In a process just forked, no thread but the caller's exists. */
static void forget_threads(void)
{
    owner = getpid();
    started = 0;
    atomic_store(&asleep, 0);
    atomic_store(&left, 0);
    for (int i = 0; i < MOST; i++)
        atomic_store(&shares[i].todo, 0);
    pthread_mutex_init(&in_use, NULL);
    pthread_mutex_init(&bed, NULL);
    pthread_cond_init(&alarm_clock, NULL);
}

static void start_threads(void)
{
    while (started < wanted - 1) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_for_tasks, (void *)(whole)(started + 1)))
            return; /* fewer threads, the same results */
        pthread_detach(thread);
        started++;
    }
}

void each(void (*task)(whole, const void *), const void *of, whole tasks)
{
    static uint64_t job = 0;
    if (owner != getpid())
        forget_threads();
    if (tasks < 2 || wanted < 2 || pthread_mutex_trylock(&in_use)) { /* in use: by another thread of Python */
        for (whole t = 0; t < tasks; t++)
            task(t, of);
        return;
    }
    start_threads();
    f = task, work = of, job++;
    atomic_store(&done, 0);
    atomic_store(&left, tasks);
    for (whole i = 0, first = 0; i < wanted; i++, first = shares[i - 1].end) {
        shares[i].end = (i + 1) * tasks / wanted;
        atomic_store(&shares[i].todo, job << 32 | (uint64_t)(shares[i].end - first));
    }
    if (atomic_load(&asleep)) {
        pthread_mutex_lock(&bed);
        pthread_cond_broadcast(&alarm_clock);
        pthread_mutex_unlock(&bed);
    }
    take_tasks(0);
    for (whole start = microseconds(); atomic_load(&done) < tasks;)
        wait_a_moment(start);
    pthread_mutex_unlock(&in_use);
}

EXPORT void set_threads(int n)
{
    if (owner != getpid())
        forget_threads();
    pthread_mutex_lock(&in_use); /* not while a job is under way */
    wanted = n < 1 ? 1 : n > MOST ? MOST : n;
    pthread_mutex_unlock(&in_use);
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
