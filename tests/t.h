/* t.h: the test runner. A test file is a program:

       #define EBIM_IMPLEMENTATION
       #include "../ebim.h"
       #include "t.h"
       static void addition_commutes(void) { CHECK_NEAR(1.0 + 2.0, 2.0 + 1.0, 0); }
       int main(int argc, char **argv)
       {
           T_BEGIN(argc, argv);
           T_RUN(addition_commutes);
           return T_END();
       }

   Options: -f TEXT runs the tests whose name contains TEXT, -s SEED, --list, --quick, --done LOG:
   without those that LOG, of a run before, says to be ok (after --quick: in full). The last line is
   `N passed, N failed, N skipped` and counts test functions; the exit status is 1 when one failed.
   Checks return their truth, so a test may stop early: `if (!CHECK(p)) return;`. A test that
   runs no check has failed: it cannot have shown anything. State is file-static, which only test
   code may do. Comparisons look at bits for finiteness: a NaN fails them under -ffast-math, too. */
#ifndef T_H
#define T_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
#define T_FN static __attribute__((unused))
#else
#define T_FN static
#endif

/* Unit roundoff of ebim_real, which tolerances scale with. */
#ifdef EBIM_DOUBLE
#define T_EPS DBL_EPSILON
#else
#define T_EPS ((double)FLT_EPSILON)
#endif

#define T_BEGIN(argc, argv) t_begin((argc), (argv))
#define T_RUN(fn) t_run(#fn, fn)
#define T_END() t_end()
#define T_SEED (t__.seed)                 /* what every random number of a test derives from */
/* --quick: valgrind and sanitizers are slow; a test that asks is told to be ok in that form only */
#define T_QUICK t_quick()
#define T_SKIP(why) do { t__.skip = (why); return; } while (0)

#define CHECK(cond) t_check(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_INT(a, b) t_int((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) t_str((a), (b), #a " == " #b, __FILE__, __LINE__)
/* |a - b| <= tol, and |a - b| <= rel * |b| */
#define CHECK_NEAR(a, b, tol) \
    t_near((double)(a), (double)(b), (double)(tol), #a " == " #b, __FILE__, __LINE__)
#define CHECK_REL(a, b, rel) t_near((double)(a), (double)(b), \
    (double)(rel) * fabs((double)(b)), #a " == " #b, __FILE__, __LINE__)

static struct {
    const char *program, *filter, *skip, *done;
    unsigned long long seed;
    int list, quick, passed, failed, skipped;
    int checks, bad, asked; /* of the test running now; asked: whether the form is quick */
} t__;

enum { T__SHOWN = 10 }; /* failures printed per test */

T_FN int t_quick(void)
{
    t__.asked = 1;
    return t__.quick;
}

T_FN int t_finite(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

/* NaN and infinity from bits that the compiler cannot see: under -ffast-math it may do as it likes
 * with NAN and INFINITY. A cast to float keeps them. */
T_FN double t_from_bits(uint64_t bits)
{
    volatile uint64_t hidden = bits;
    double x;
    bits = hidden;
    memcpy(&x, &bits, sizeof x);
    return x;
}

T_FN double t_nan(void) { return t_from_bits(UINT64_C(0x7ff8000000000000)); }
T_FN double t_inf(void) { return t_from_bits(UINT64_C(0x7ff0000000000000)); }

/* |a - b| in units in the last place of ebim_real at the larger of the two. */
T_FN double t_ulps(double a, double b)
{
    int e;
    double m = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    if (!t_finite(a) || !t_finite(b)) return DBL_MAX;
    if (m == 0) return 0;
    (void)frexp(m, &e);
    return fabs(a - b) / ldexp(T_EPS, e - 1);
}

/* Counts a check; true: it failed, and the caller should print why. */
T_FN int t_count(int ok, const char *file, int line)
{
    t__.checks++;
    if (ok) return 0;
    if (++t__.bad == 1) printf("\n");
    if (t__.bad == T__SHOWN + 1) printf("  ...\n");
    if (t__.bad > T__SHOWN) return 0;
    printf("  %s:%d: ", file, line);
    return 1;
}

T_FN int t_check(int ok, const char *text, const char *file, int line)
{
    if (t_count(ok, file, line)) printf("%s\n", text);
    return ok;
}

T_FN int t_int(long long a, long long b, const char *text, const char *file, int line)
{
    if (t_count(a == b, file, line)) printf("%s: %lld is not %lld\n", text, a, b);
    return a == b;
}

T_FN int t_str(const char *a, const char *b, const char *text, const char *file, int line)
{
    int ok = a && b && !strcmp(a, b);
    if (t_count(ok, file, line))
        printf("%s:\n    \"%s\"\n    \"%s\"\n", text, a ? a : "(null)", b ? b : "(null)");
    return ok;
}

T_FN int t_near(double a, double b, double tol, const char *text, const char *file, int line)
{
    int ok = t_finite(a) && t_finite(b) && t_finite(tol) && fabs(a - b) <= tol;
    if (t_count(ok, file, line))
        printf("%s: %.17g, %.17g: off by %.3g (%.3g ulps), allowed %.3g\n", text, a, b,
               fabs(a - b), t_ulps(a, b), tol);
    return ok;
}

T_FN void t_begin(int argc, char **argv)
{
    int i;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    t__.program = argv[0];
    t__.seed = 1;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) t__.list = 1;
        else if (!strcmp(argv[i], "--quick")) t__.quick = 1;
        else if (!strcmp(argv[i], "-f") && i + 1 < argc) t__.filter = argv[++i];
        else if (!strcmp(argv[i], "-s") && i + 1 < argc) t__.seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--done") && i + 1 < argc) t__.done = argv[++i];
        else {
            fprintf(stderr, "usage: %s [-f TEXT] [-s SEED] [--list] [--quick] [--done LOG]\n",
                    argv[0]);
            exit(2);
        }
    }
}

/* Whether the log of an earlier run has the line `NAME: ok`. */
T_FN int t_done(const char *name)
{
    size_t n = strlen(name);
    char line[256];
    FILE *f = t__.done ? fopen(t__.done, "r") : NULL;
    int done = 0;
    while (f && !done && fgets(line, sizeof line, f))
        done = !strncmp(line, name, n) && !strcmp(line + n, ": ok\n");
    if (f) fclose(f);
    return done;
}

T_FN void t_run(const char *name, void (*test)(void))
{
    if ((t__.filter && !strstr(name, t__.filter)) || t_done(name)) return;
    if (t__.list) {
        printf("%s\n", name);
        return;
    }
    printf("%s: ", name);
    fflush(stdout); /* so that a crash leaves the name behind */
    t__.checks = t__.bad = t__.asked = 0;
    t__.skip = NULL;
    test();
    if (t__.bad || (!t__.checks && !t__.skip)) {
        t__.failed++;
        if (t__.bad) printf("  FAILED: %d of %d checks of %s", t__.bad, t__.checks, name);
        else printf("FAILED: it checked nothing");
        printf(" (seed %llu)\n", t__.seed);
    } else if (t__.skip) {
        t__.skipped++;
        printf("skipped: %s\n", t__.skip);
    } else {
        t__.passed++;
        printf(t__.quick && t__.asked ? "ok, quick\n" : "ok\n");
    }
}

T_FN int t_end(void)
{
    if (t__.list) return 0;
    printf("%d passed, %d failed, %d skipped\n", t__.passed, t__.failed, t__.skipped);
    return t__.failed > 0;
}

/* The path of a scratch file of this program, in the directory the runner made for it. */
T_FN const char *t_tmp(const char *name)
{
    static char path[4][1024]; /* four at a time */
    static unsigned next;
    const char *dir = getenv("T_TMP");
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir ? dir : "build", name);
    return p;
}

#endif /* T_H */
