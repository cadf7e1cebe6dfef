/* data.h: the real data sets, where `make data` or the user put them. Include it after ebim.h,
   csv.h and embed.h. */
#ifndef DATA_H
#define DATA_H

#include <stdio.h>
#include <stdlib.h>

/* The path of a data file, NULL when it is nowhere. EBIM_DATA, if given, is the only place. */
FILE_FN const char *data_find(const char *name, char *path, size_t size)
{
    const char *dir[4] = {NULL, "data", "../shared/data", "../shared/cases"};
    int i;
    dir[0] = getenv("EBIM_DATA");
    for (i = dir[0] ? 0 : 1; i < (dir[0] ? 1 : 4); i++) {
        int n = snprintf(path, size, "%s/%s", dir[i], name);
        if (n > 0 && (size_t)n < size && file__kind(path) == 1) return path;
    }
    return NULL;
}

/* All points of a file, embedded: [N][n], to be freed. NULL with a message. */
FILE_FN ebim_real *data_read(const char *name, const char *how, int *N, int *n)
{
    char path[1024], err[FILE_ERROR] = "";
    csv_table t;
    embed e;
    double *p = NULL;
    ebim_real *x = NULL;
    size_t i, count;
    if (!data_find(name, path, sizeof path)) {
        fprintf(stderr, "no %s here: `make data` brings it, or EBIM_DATA=DIR names its folder\n",
                name);
        return NULL;
    }
    if (!csv_read(path, &t, err, sizeof err)) {
        if (!embed_parse(&e, how, err, sizeof err))
            p = embed_table(&e, path, &t, n, err, sizeof err);
        *N = t.rows;
        csv_free(&t);
    }
    count = p ? (size_t)*N * (size_t)*n : 0;
    if (count) x = (ebim_real *)malloc(count * sizeof *x);
    for (i = 0; x && i < count; i++) x[i] = (ebim_real)p[i];
    free(p);
    if (!x) fprintf(stderr, "%s\n", *err ? err : "out of memory");
    return x;
}

#endif /* DATA_H */
