/* threads.c: what tests/analyse.sh runs under ThreadSanitizer: a fit of two networks at the same
 * time, samples and scores, by three threads of POSIX. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include <pthread.h>

enum { N = 200, THREADS = 3 };

typedef struct {
    pthread_t thread;
    int first, count;
    ebim_task_fn task;
    void *arg;
} share;

static void *run_share(void *p)
{
    const share *s = (const share *)p;
    int i;
    for (i = s->first; i < s->count; i += THREADS) s->task(s->arg, i);
    return NULL;
}

static void by_threads(void *user, int count, ebim_task_fn task, void *arg)
{
    share s[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) {
        s[i].first = i;
        s[i].count = count;
        s[i].task = task;
        s[i].arg = arg;
        if (pthread_create(&s[i].thread, NULL, run_share, &s[i])) abort();
    }
    for (i = 0; i < THREADS; i++) pthread_join(s[i].thread, NULL);
    ++*(int *)user;
}

int main(void)
{
    static ebim_real x[2 * N], distance[N], energy[N];
    static ebim_fit_desc d;
    ebim_model m;
    ebim_result r;
    int i, calls = 0;
    for (i = 0; i < N; i++) {
        x[2 * i] = (ebim_real)cos(6.283185307179586 * i / N);
        x[2 * i + 1] = (ebim_real)sin(6.283185307179586 * i / N);
    }
    d.dim = 1;
    d.effort = 0.004;
    d.networks = 2;
    d.parallel.run = by_threads;
    d.parallel.user = &calls;
    d.parallel.workers = THREADS;
    r = ebim_fit(&m, N, 2, x, &d);
    m.parallel = d.parallel;
    if (!r) r = ebim_sample(&m, N, x, 1);
    if (!r) r = ebim_score(&m, N, x, NULL, distance, energy, NULL);
    ebim_free(&m);
    if (r || calls < 3) fprintf(stderr, "%s, %d calls\n", ebim_result_str(r), calls);
    return r || calls < 3;
}
