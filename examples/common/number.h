/* number.h: decimal numbers from text, correctly rounded and quickly, and the words that people
   write where a number is missing.

   A number of up to 19 digits that is a whole number below 2^53 times or over a power of ten up to
   10^22, as nearly all in files are, takes one multiplication or division, exact but for its one
   rounding; all others go to strtod, whose decimal point is that of the locale: "C" in a program
   that never calls setlocale. */
#ifndef NUMBER_H
#define NUMBER_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* The number at p as files hold it: kind i, u or f (two's complement, unsigned, IEEE), of so many
 * bytes, in either order. */
FILE_FN double number_of_bytes(const char *p, char kind, int size, int big)
{
    uint64_t v = 0, least = (uint64_t)1 << (8 * size - 1);
    uint32_t half;
    double x;
    float f;
    int i;
    for (i = 0; i < size; i++) v = v << 8 | (unsigned char)p[big ? i : size - 1 - i];
    if (kind == 'i' && v & least) return -(double)(least - (v & (least - 1)));
    if (kind != 'f') return (double)v;
    half = (uint32_t)v;
    if (size == 8) memcpy(&x, &v, sizeof x);
    else memcpy(&f, &half, sizeof f), x = (double)f;
    return x;
}

enum { CSV_NUMBER, CSV_TEXT, CSV_EMPTY, CSV_NOT_FINITE, CSV_RANGE };

/* Are they the same, in any case? word: in lower case. */
FILE_FN int number__is(const char *s, const char *word)
{
    for (; *s && tolower((unsigned char)*s) == *word; word++) s++;
    return !*s && !*word;
}

FILE_FN int number__unsigned_is(const char *s, const char *word)
{
    return number__is(s + (*s == '+' || *s == '-'), word);
}

/* What stands for "no value" in files of R, pandas, spreadsheets and databases. */
FILE_FN int number_missing(const char *s)
{
    static const char *const word[] = {
        "", "na", "n/a", "<na>", "null", "none", "nil", "nat", "missing", "?", "-", "--", ".", "*",
        "#n/a", "#na", "#n/a n/a", "#num!", "#value!", "#div/0!", "#ref!", "#name?", "#null!",
        "1.#qnan", "-1.#ind"};
    size_t i;
    for (i = 0; i < sizeof word / sizeof *word; i++)
        if (number__is(s, word[i])) return 1;
    return number__unsigned_is(s, "nan");
}

/* The sign between groups of digits that s begins with: its length, or 0. A no-break space is two
 * or three bytes of UTF-8, an apostrophe may be a curved one. */
FILE_FN size_t number__separator(const char *s)
{
    static const char *const sign[] = {",", ".", "'", " ", "_", "\xc2\xa0", "\xe2\x80\xaf",
                                       "\xe2\x80\x89", "\xe2\x80\x99"};
    size_t i;
    for (i = 0; i < sizeof sign / sizeof *sign; i++)
        if (!strncmp(s, sign[i], strlen(sign[i]))) return strlen(sign[i]);
    return 0;
}

/* 1: s is a number with its thousands set apart, as in 1,234.5 or 1 234,5; without separators it
 * goes to plain. */
FILE_FN int number_grouped(const char *s, char *plain, size_t size)
{
    const char *digits = "0123456789", *sign;
    size_t n = 0, wide, first = strspn(s + (*s == '+' || *s == '-'), digits);
    if (strlen(s) >= size || !first || first > 3) return 0;
    for (first += *s == '+' || *s == '-'; n < first; n++) plain[n] = *s++;
    sign = s;
    wide = number__separator(s);
    if (!wide) return 0;
    while (!strncmp(s, sign, wide) && strspn(s + wide, digits) == 3) {
        memcpy(plain + n, s + wide, 3);
        n += 3;
        s += wide + 3;
    }
    if (s == sign) return 0;
    if ((*s == '.' || *s == ',') && *s != *sign) {
        plain[n++] = *s++;
        while (*s >= '0' && *s <= '9') plain[n++] = *s++;
    }
    plain[n] = 0;
    return !*s;
}

/* 1: s is a number and a unit or sign: "5 m", "5%", "$5", not a date or a time. */
FILE_FN int number_with_unit(const char *s)
{
    const char *digits = "0123456789", *number = "0123456789.,+-";
    size_t front = strcspn(s, number), n = strspn(s + front, number), i;
    const char *rest = s + front + n;
    for (i = 0; i < front; i++)
        if (isalpha((unsigned char)s[i])) return 0;
    return n && strcspn(s, digits) < front + n && front < 4 && (front || *rest) &&
           strlen(rest) < 8 && !rest[strcspn(rest, digits)] && !strchr(s + front + 1, '-');
}

/* Decided on bits: -ffast-math may not look. */
FILE_FN int number_finite(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

typedef struct number__parts {
    uint64_t whole; /* all digits as one number, */
    int digits;     /* how many there are, without zeros in front, */
    long exponent;  /* and the power of ten it is multiplied with */
} number__parts;

/* Digits from s on; after_point: they lie behind the point. Returns where they end. */
FILE_FN const char *number__digits(const char *s, number__parts *p, int after_point)
{
    for (; *s >= '0' && *s <= '9'; s++) {
        if (p->digits || *s != '0') p->digits++;
        if (p->digits <= 19) p->whole = 10 * p->whole + (uint64_t)(*s - '0');
        p->exponent -= after_point;
    }
    return s;
}

/* What follows e or E; NULL: no exponent. */
FILE_FN const char *number__exponent(const char *s, number__parts *p)
{
    int minus = *s == '-';
    long e = 0;
    if (*s == '+' || *s == '-') s++;
    if (!(*s >= '0' && *s <= '9')) return NULL;
    for (; *s >= '0' && *s <= '9'; s++)
        if (e < 100000) e = 10 * e + (*s - '0');
    p->exponent += minus ? -e : e;
    return s;
}

/* 1: the whole of s is a decimal number. */
FILE_FN int number__scan(const char *s, number__parts *p)
{
    const char *first;
    int point = 0;
    memset(p, 0, sizeof *p);
    if (*s == '+' || *s == '-') s++;
    first = s;
    s = number__digits(s, p, 0);
    if (*s == '.') point = 1, s = number__digits(s + 1, p, 1);
    if (s - first == point) return 0; /* no digit */
    if (*s == 'e' || *s == 'E') s = number__exponent(s + 1, p);
    return s && !*s;
}

/* Decimal numbers only: strtod alone would take 0x10 and nan(1). A number too small to hold is 0;
 * one too large is known by errno, as -ffast-math may not see an infinity. */
FILE_FN int csv_number(const char *s, double *v)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    number__parts p;
    if (!*s) return CSV_EMPTY;
    if (!number__scan(s, &p)) {
        int endless = number__unsigned_is(s, "nan") || number__unsigned_is(s, "inf") ||
                      number__unsigned_is(s, "infinity");
        return endless ? CSV_NOT_FINITE : CSV_TEXT;
    }
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0 /* else products are rounded twice */
    if (p.digits <= 19 && p.whole <= (uint64_t)1 << 53 && labs(p.exponent) <= 22) {
        double x = (double)p.whole;
        x = p.exponent < 0 ? x / ten[-p.exponent] : x * ten[p.exponent];
        *v = *s == '-' ? -x : x;
        return CSV_NUMBER;
    }
#else
    (void)ten;
#endif
    errno = 0;
    *v = strtod(s, NULL);
    return errno == ERANGE && fabs(*v) > 1 ? CSV_RANGE : CSV_NUMBER;
}

#endif /* NUMBER_H */
