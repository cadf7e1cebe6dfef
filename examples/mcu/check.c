/* check.c: what a device answers. Includes model.h, which `ebim export MODEL.ebim -o model.h` has
   written, and points.h, rows of points {x0, x1, ...}, each followed by a comma; prints for each
   point the distance, the energy, the log density and the nearest point, in units of
   1e-5, and behind `#` what that took of memory and time, where there is a counter. With -DBARE=N
   all is left out but one question, see below: that program's size is the model's. */
#include "model.h"

#ifndef BARE
#include <stdio.h>
#endif

typedef float point[model_N];

#ifdef BARE

static float work[model_WORK];
static volatile float in[model_N], out[3 + model_N];

/* BARE 1: F and its Jacobian at a point; 2: the nearest point; 3: all */
int main(void)
{
    float x[model_N], y[model_N] = {0}, distance = 0, energy = 0, log_density = 0;
    int i;
    for (i = 0; i < model_N; i++) x[i] = in[i];
#if BARE > 2
    model_score(x, y, &distance, &energy, &log_density, work);
#elif BARE > 1
    model_nearest(x, y, &distance, work);
#else
    ebim_small_copy(model_N, work, x);
    model_look(work, work + model_PLACE);
#endif
    out[0] = distance;
    out[1] = energy;
    out[2] = log_density;
    for (i = 0; i < model_N; i++) out[3 + i] = y[i];
    return 0;
}

#else

static const point points[] = {
#include "points.h"
};
enum { POINTS = (int)(sizeof points / sizeof *points), PAINT = 4096, GAP = 96, TIMES = 40 };

static float work[model_WORK];

/* Instructions, where the emulator lets each take a nanosecond: those of Cortex-M by a timer that
   counts downwards in 24 bits, at 16 MHz on the board for v6-M and at 25 MHz on the other */
#if defined(__arm__)
#define SYSTICK ((volatile uint32_t *)0xe000e010)
#if __ARM_ARCH == 6
enum { TICKS = 0xffffff, TWO_TICKS = 125 };
#else
enum { TICKS = 0xffffff, TWO_TICKS = 80 };
#endif
static void counter_start(void)
{
    SYSTICK[1] = TICKS;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
}
static uint32_t counter(void) { return SYSTICK[2]; }
static uint32_t since(uint32_t from)
{
    return ((from - counter()) & TICKS) * TWO_TICKS / 2;
}
#elif defined(__riscv)
static void counter_start(void) {}
static uint32_t counter(void)
{
    uint32_t n;
    __asm__ volatile(".insn i 0x73, 2, %0, x0, -1278" : "=r"(n)); /* csrr %0, minstret */
    return n;
}
static uint32_t since(uint32_t from) { return counter() - from; }
#else
static void counter_start(void) {}
static uint32_t counter(void) { return 0; }
static uint32_t since(uint32_t from) { return from; }
#endif

typedef struct answer {
    float distance, energy, log_density, nearest[model_N];
} answer;

static __attribute__((noinline)) void score(int i, answer *a)
{
    model_score(points[i], a->nearest, &a->distance, &a->energy, &a->log_density, work);
}

static __attribute__((noinline)) void nearest(int i, answer *a)
{
    model_nearest(points[i], a->nearest, &a->distance, work);
}

static __attribute__((noinline)) void linearise(int i, answer *a)
{
    ebim_small_copy(model_N, work, points[i]);
    model_look(work, work + model_PLACE);
    a->distance = work[model_AT_NORM];
}

/* Fills the stack below this function, so that `painted` sees how much of it was used since */
static __attribute__((noinline)) void paint(volatile unsigned char *low)
{
    int i;
    for (i = 0; i < PAINT; i++) low[i] = 0xa5;
}

static __attribute__((noinline)) int painted(const volatile unsigned char *low)
{
    int i = 0;
    while (i < PAINT && low[i] == 0xa5) i++;
    return PAINT - i;
}

static void measure(const char *what, void (*run)(int i, answer *a))
{
    volatile unsigned char here = 0;
    volatile unsigned char *low = (volatile unsigned char *)((uintptr_t)&here - PAINT - GAP);
    uint32_t from, most = 0, sum = 0;
    answer a;
    int i, stack;
    counter_start();
    paint(low);
    run(0, &a);
    stack = painted(low) + GAP;
    for (i = 0; i < POINTS && i < TIMES; i++) {
        from = counter();
        run(i, &a);
        from = since(from);
        sum += from;
        if (from > most) most = from;
    }
    printf("# %s: stack %d, instructions %lu, most %lu\n", what, stack,
           (unsigned long)sum / (unsigned long)i, (unsigned long)most);
}

static void put(float x, char end)
{
    if (ebim_small_finite(x)) printf("%ld%c", (long)(x * 1e5f + (x < 0 ? -0.5f : 0.5f)), end);
    else printf("nan%c", end);
}

int main(void)
{
    int i, c;
    answer a;
    printf("# work %d\n", (int)sizeof work);
    for (i = 0; i < POINTS; i++) {
        score(i, &a);
        put(a.distance, ',');
        put(a.energy, ',');
        put(a.log_density, ',');
        for (c = 0; c < model_N; c++) put(a.nearest[c], c + 1 < model_N ? ',' : '\n');
    }
    measure("score", score);
    measure("nearest", nearest);
    measure("F and J", linearise);
    return 0;
}

#endif
