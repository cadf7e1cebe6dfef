/* file.h: files that appear whole or not at all, and errors of one line.

   Written: to a new file beside the target, renamed over it when everything has been written, so
   nobody ever sees half a file. Devices and pipes (/dev/null) are written directly: renaming over
   them would replace the device. The path `-` is standard input or output.

   Every function that may fail returns -1 and leaves its reason in errno and, as one line
   `ebim: FILE:LINE: what is wrong`, in the caller's buffer (which may be NULL). */
#ifndef FILE_H
#define FILE_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#endif

#ifdef __GNUC__
#define FILE_FN static __attribute__((unused))
#define FILE_PRINTF(n, args) __attribute__((format(printf, n, args)))
#else
#define FILE_FN static
#define FILE_PRINTF(n, args)
#endif
#ifndef FILE_REALLOC /* for tests that run out of memory */
#define FILE_REALLOC realloc
#endif

enum { FILE_ERROR = 512 }; /* bytes enough for any message but one with a very long path */

/* ---- messages ---- */

FILE_FN const char *file_shown(const char *path, const char *dash)
{
    return strcmp(path, "-") ? path : dash;
}

/* Writes `ebim: FILE:LINE: message` (line 0: no line; of a long path, the end) and returns -1, what
 * callers return. */
FILE_PRINTF(5, 6)
FILE_FN int file_fail(char *err, size_t size, const char *file, int line, const char *format, ...)
{
    va_list args;
    int n;
    if (!err || !size) return -1;
    if (!*file) file = "''";
    if (strlen(file) > 250) file += strlen(file) - 250;
    if (line > 0) n = snprintf(err, size, "ebim: %s:%d: ", file, line);
    else n = snprintf(err, size, "ebim: %s: ", file);
    if (n >= 0 && (size_t)n < size) {
        va_start(args, format);
        vsnprintf(err + n, size - (size_t)n, format, args);
        va_end(args);
    }
    for (; *err; err++) /* what it quotes may hold anything; it stays one line */
        if ((unsigned char)*err < 32 || *err == 127) *err = '?';
    return -1;
}

/* ---- writing ---- */

/* A file under construction: create, write to f, then commit or discard. */
typedef struct file_out {
    FILE *f;
    const char *path; /* the caller's; must stay valid */
    char *tmp;        /* NULL: written directly */
} file_out;

/* What stands at path: 0 nothing, 1 a regular file, 2 a directory, 3 something else. */
FILE_FN int file__kind(const char *path)
{
#if defined(__unix__) || defined(__APPLE__)
    struct stat s;
    if (stat(path, &s)) return 0;
    return S_ISREG(s.st_mode) ? 1 : S_ISDIR(s.st_mode) ? 2 : 3;
#else
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
#endif
}

/* Do two paths lead to the same file? */
FILE_FN int file_same(const char *a, const char *b)
{
#if defined(__unix__) || defined(__APPLE__)
    struct stat s, t;
    if (!stat(a, &s) && !stat(b, &t)) return s.st_dev == t.st_dev && s.st_ino == t.st_ino;
#endif
    return !strcmp(a, b);
}

/* Names of files under construction, for a handler of signals that end the program */
enum { FILE__UNFINISHED = 8 };
static const char *volatile file__unfinished[FILE__UNFINISHED];

FILE_FN void file_remove_unfinished(void)
{
    int i;
    for (i = 0; i < FILE__UNFINISHED; i++)
        if (file__unfinished[i]) remove(file__unfinished[i]);
}

/* The first place that holds `was` holds `name`. */
FILE_FN void file__note_unfinished(const char *was, const char *name)
{
    int i;
    for (i = 0; i < FILE__UNFINISHED; i++)
        if (file__unfinished[i] == was) {
            file__unfinished[i] = name;
            return;
        }
}

/* Opens a name that was not taken, PATH.tmp0 to PATH.tmp99. */
FILE_FN int file__open_beside(file_out *o)
{
    size_t size = strlen(o->path) + 8;
    int i;
    o->tmp = (char *)FILE_REALLOC(NULL, size);
    if (!o->tmp) {
        errno = ENOMEM;
        return -1;
    }
    for (i = 0; i < 100 && !o->f; i++) {
        snprintf(o->tmp, size, "%s.tmp%d", o->path, i);
        o->f = fopen(o->tmp, "wbx"); /* x: fails when the name exists */
        if (!o->f && errno != EEXIST) return -1;
    }
    if (o->f) file__note_unfinished(NULL, o->tmp);
    return o->f ? 0 : -1;
}

/* Gives up: the target stays as it was. Safe after a failed create or a commit. */
FILE_FN void file_discard(file_out *o)
{
    if (o->f && o->f != stdout) fclose(o->f);
    if (o->f && o->tmp) remove(o->tmp);
    if (o->tmp) file__note_unfinished(o->tmp, NULL);
    free(o->tmp);
    o->f = NULL;
    o->tmp = NULL;
}

/* 0, or -1 with a message when path cannot be written: ask before long work, not after. */
FILE_FN int file_create(file_out *o, const char *path, char *err, size_t err_size)
{
    int kind, failed = 0;
    o->path = path;
    o->f = NULL;
    o->tmp = NULL;
    errno = 0;
    if (!strcmp(path, "-")) {
        o->f = stdout;
        return 0;
    }
    kind = file__kind(path);
    if (kind == 2 || !*path) {
        errno = *path ? EISDIR : ENOENT;
        return file_fail(err, err_size, path, 0, "%s", strerror(errno));
    }
    if (kind == 1) { /* renaming would get round its write protection */
        FILE *f = fopen(path, "r+b");
        if (f) fclose(f);
        else failed = -1;
    }
    if (kind == 3) {
        o->f = fopen(path, "wb");
        if (!o->f) failed = -1;
    } else if (!failed) {
        failed = file__open_beside(o);
    }
    if (failed) {
        int code = errno;
        file_fail(err, err_size, path, 0, "cannot be written: %s", strerror(code));
        file_discard(o);
        errno = code;
    }
    return failed;
}

/* Puts the file in its place. 0, or -1 with a message and the target as it was (disk full: found
 * here at the latest). */
FILE_FN int file_commit(file_out *o, char *err, size_t err_size)
{
    const char *file = file_shown(o->path, "standard output");
    int failed = ferror(o->f) != 0, code = failed ? errno : 0; /* that write's, most likely */
    errno = 0;
    if (fflush(o->f)) failed = 1;
    if (errno) code = errno;
    if (o->f != stdout && fclose(o->f)) {
        failed = 1;
        if (!code) code = errno;
    }
    o->f = NULL;
    if (!failed && o->tmp) {
#ifdef _WIN32
        remove(o->path);
#endif
        failed = rename(o->tmp, o->path) != 0;
        code = errno;
    }
    if (failed && o->tmp) remove(o->tmp);
    file_discard(o);
    if (!failed) return 0;
    file_fail(err, err_size, file, 0, "cannot be written: %s",
              code ? strerror(code) : "a write failed");
    errno = code ? code : EIO;
    return -1;
}

/* All of p as the file at path, or nothing. */
FILE_FN int file_store(const char *path, const void *p, size_t n, char *err, size_t err_size)
{
    file_out o;
    if (file_create(&o, path, err, err_size)) return -1;
    fwrite(p, 1, n, o.f); /* an error stays in o.f until the commit */
    return file_commit(&o, err, err_size);
}

/* The directory and those above it that do not exist yet. */
FILE_FN int file_mkdirs(const char *path, char *err, size_t err_size)
{
    size_t n = strlen(path), i;
    char *p = (char *)FILE_REALLOC(NULL, n + 1);
    int kind = 0, code;
    errno = p ? ENOENT : ENOMEM;
    for (i = 1; p && i <= n; i++) {
        if (i < n && path[i] != '/') continue;
        memcpy(p, path, i);
        p[i] = 0;
#if defined(__unix__) || defined(__APPLE__)
        mkdir(p, 0777); /* fails when it is there; whether it is, is asked below */
#endif
    }
    code = errno;
    free(p);
    kind = file__kind(path);
    if (p && kind == 2) return 0;
    errno = kind ? ENOTDIR : code;
    return file_fail(err, err_size, path, 0, "%s", strerror(errno));
}

/* ---- reading ---- */

/* All bytes of a file, to be freed by the caller; *size of them. NULL on failure. */
FILE_FN unsigned char *file_load(const char *path, size_t max, size_t *size, char *err,
                                 size_t err_size)
{
    int dash = !strcmp(path, "-");
    const char *file = file_shown(path, "standard input");
    FILE *f = dash ? stdin : fopen(path, "rb");
    unsigned char *p = NULL, *more;
    size_t room = 0, got = 1;
    *size = 0;
    if (!f) {
        file_fail(err, err_size, file, 0, "%s", strerror(errno));
        return NULL;
    }
    errno = 0;
    while (got && *size <= max) {
        if (*size == room) {
            room = room ? 2 * room : 65536;
            more = (unsigned char *)FILE_REALLOC(p, room);
            if (!more) break;
            p = more;
        }
        got = fread(p + *size, 1, room - *size, f);
        *size += got;
    }
    if (got && *size > max) errno = EFBIG;
    else if (got) errno = ENOMEM;
    else if (ferror(f) && !errno) errno = EIO;
    else if (!ferror(f)) errno = 0;
    if (errno) {
        file_fail(err, err_size, file, 0, "%s", strerror(errno));
        free(p);
        p = NULL;
    }
    if (!dash) fclose(f);
    return p;
}

/* A file read in large blocks: what was read and is not used yet is p[at] to p[end - 1]. */
typedef struct file_in {
    FILE *f;
    const char *file; /* as messages show it */
    char *p;
    size_t room, at, end;
    int eof;
} file_in;

enum { FILE_BLOCK = 1 << 21 }; /* bytes */

FILE_FN void file_close(file_in *in)
{
    if (in->f && in->f != stdin) fclose(in->f);
    free(in->p);
    memset(in, 0, sizeof *in);
}

FILE_FN int file_open(file_in *in, const char *path, char *err, size_t err_size)
{
    memset(in, 0, sizeof *in);
    in->file = file_shown(path, "standard input");
    in->f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    return in->f ? 0 : file_fail(err, err_size, path, 0, "%s", strerror(errno));
}

/* Room for n bytes from `at` on and a 0 after them, what is there moved to the front. */
FILE_FN int file__make_room(file_in *in, size_t n, char *err, size_t err_size)
{
    char *p;
    if (in->at) memmove(in->p, in->p + in->at, in->end - in->at);
    in->end -= in->at;
    in->at = 0;
    if (n < FILE_BLOCK) n = FILE_BLOCK;
    if (n < in->room) return 0;
    p = (char *)FILE_REALLOC(in->p, n + 1);
    if (!p) return file_fail(err, err_size, in->file, 0, "out of memory");
    in->p = p;
    in->room = n + 1;
    return 0;
}

/* Reads on until n bytes or the whole rest are there. 0, or -1 with a message. */
FILE_FN int file_ahead(file_in *in, size_t n, char *err, size_t err_size)
{
    if (in->eof || in->end - in->at >= n) return 0;
    if (file__make_room(in, n, err, err_size)) return -1;
    errno = 0;
    while (!in->eof && in->end - in->at < n) {
        size_t got = fread(in->p + in->end, 1, in->room - 1 - in->end, in->f);
        in->end += got;
        in->eof = !got;
    }
    if (!ferror(in->f)) return 0;
    return file_fail(err, err_size, in->file, 0, "%s", errno ? strerror(errno) : "cannot be read");
}

#endif /* FILE_H */
