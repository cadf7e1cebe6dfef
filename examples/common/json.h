/* json.h: one flat JSON object on one line, written key by key.

     json j = json_begin(stdout);  json_number(&j, "seconds", 1.5);  json_end(&j);

   Numbers have nine digits; one that is not finite, which JSON cannot say, becomes null. */
#ifndef JSON_H
#define JSON_H

#include "file.h"

typedef struct json {
    FILE *f;
    const char *comma;
} json;

FILE_FN json json_begin(FILE *f)
{
    json j;
    j.f = f;
    j.comma = "";
    putc('{', f);
    return j;
}

FILE_FN void json_end(json *j) { fprintf(j->f, "}\n"); }

FILE_FN void json__key(json *j, const char *key)
{
    fprintf(j->f, "%s\"%s\":", j->comma, key);
    j->comma = ",";
}

/* Whether v is finite is seen by its text: under -ffast-math isfinite() may not look. */
FILE_FN void json__value(json *j, double v)
{
    char s[32];
    snprintf(s, sizeof s, "%.9g", v);
    fputs(s[strspn(s, "+-.0123456789eE")] ? "null" : s, j->f);
}

FILE_FN void json_number(json *j, const char *key, double v)
{
    json__key(j, key);
    json__value(j, v);
}

FILE_FN void json_numbers(json *j, const char *key, int n, const double *v)
{
    int i;
    json__key(j, key);
    for (i = 0; i < n; i++) {
        putc(i ? ',' : '[', j->f);
        json__value(j, v[i]);
    }
    fputs(n > 0 ? "]" : "[]", j->f);
}

FILE_FN void json__quote(json *j, const char *s)
{
    putc('"', j->f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') fprintf(j->f, "\\%c", c);
        else if (c < 32) fprintf(j->f, "\\u%04x", (unsigned)c);
        else putc(c, j->f);
    }
    putc('"', j->f);
}

FILE_FN void json_text(json *j, const char *key, const char *s)
{
    json__key(j, key);
    json__quote(j, s);
}

FILE_FN void json_texts(json *j, const char *key, int n, const char *const *s)
{
    int i;
    json__key(j, key);
    putc('[', j->f);
    for (i = 0; i < n; i++) {
        if (i) putc(',', j->f);
        json__quote(j, s[i]);
    }
    putc(']', j->f);
}

#endif /* JSON_H */
