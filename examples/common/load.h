/* load.h: a table of points from any file there is a reader for: .npy and .ply are known by their
   first bytes (so they may come through a pipe), .xyz by its name, and all else is text. */
#ifndef LOAD_H
#define LOAD_H

#include "cloud.h"
#include "npy.h"

/* Does the path end in .EXT, in any case? */
FILE_FN int load_is(const char *path, const char *ext)
{
    const char *dot = strrchr(path, '.');
    return dot && number__is(dot + 1, ext);
}

FILE_FN int load__begins(const file_in *in, const char *magic)
{
    size_t n = strlen(magic);
    return in->end - in->at >= n && !memcmp(in->p + in->at, magic, n);
}

FILE_FN int load__read(file_in *in, const char *path, const csv_how *how, csv_table *t, char *err,
                       size_t err_size)
{
    if (file_ahead(in, 16, err, err_size)) return -1;
    if (load__begins(in, npy_magic)) return npy_read_in(in, how, t, err, err_size);
    if (load__begins(in, "ply\n") || load__begins(in, "ply\r"))
        return cloud_read_ply(in, how, t, err, err_size);
    if (load_is(path, "npy") || load_is(path, "ply"))
        return file_fail(err, err_size, in->file, 0, "not a %s file: it does not begin as one",
                         strrchr(path, '.'));
    if (load_is(path, "xyz")) return cloud_read_xyz(in, how, t, err, err_size);
    return csv_read_in(in, how, t, err, err_size);
}

/* 0, or -1 with a message and *t empty. */
FILE_FN int load_table(const char *path, const csv_how *how, csv_table *t, char *err,
                       size_t err_size)
{
    file_in in;
    int failed;
    memset(t, 0, sizeof *t);
    failed = file_open(&in, path, err, err_size);
    if (!failed) failed = load__read(&in, path, how, t, err, err_size);
    file_close(&in);
    return failed;
}

#endif /* LOAD_H */
