/* csv.h: tables of numbers as text, as people have them.

   Read: fields between commas, semicolons, tabs, spaces or bars, whichever gives the most numbers;
   spaces around fields are ignored; quotes round names or numbers are taken off, doubled ones
   inside are one. A decimal comma is understood where commas do not separate. `#` or `% ` starts a
   comment line (but #N/A is a missing value); blank lines, CRLF or CR, a byte order mark and a
   delimiter at the end of every line are fine. A first column without a name (pandas), or one that
   the header leaves out (R's write.table), is an index: left out, and told in the table.

   The first line is a header when the columns that hold numbers have names there; when it could
   be either, names or a row without values, that is an error and `csv_how.header` decides. Every
   error is one line, `ebim: FILE:LINE: what is wrong`, in the caller's buffer, and nothing is
   left allocated. The path `-` is standard input or output. */
#ifndef CSV_H
#define CSV_H

#include "table.h"

#ifndef CSV_MAX_LINE
#define CSV_MAX_LINE (1 << 20) /* characters; a longer line is no table of numbers */
#endif

/* ---- lines ---- */

enum { CSV__SAMPLE = 50 }; /* lines from which the layout is found */

typedef struct csv__reader {
    csv__maker m;
    file_in *in;
    int lines;         /* that were read */
    char newline;      /* '\n', or '\r' where there is no other; 0: not known yet */
    char *text;        /* the line, its end replaced by 0 */
    char ended;        /* what stood there */
    size_t length;
    int plain;         /* 1: quotes mean nothing */
    int xyz;           /* 1: a point cloud, see cloud.h */
    double promised;   /* rows, by a count before them; -1: there is none */

    char delimiter, decimal; /* decimal: 0 before it was seen */
    int trailing;      /* 1: lines end with a delimiter */
    int header;        /* 1: the first line is one */
    int shift;         /* 1: the header has no field for the first column */
    char **field;      /* of the line that was cut last */
    int field_cap;

    char *sample[CSV__SAMPLE];
    int samples, sample_line[CSV__SAMPLE];
    int most;          /* fields that most of the sampled rows have */
    int *numbers, *texts; /* [width] of each column, in the sampled rows */
    unsigned char *numeric;
    unsigned char *whole; /* [width] bits: 1 a number like 530, 2 one like 2,530 was in a row */
    int grouped, commas;  /* the line of the first like 2,530; 1: another has a decimal comma */
} csv__reader;

#define CSV__ERR(r) (r)->m.err, (r)->m.err_size

FILE_FN int csv__space(char c) { return c == ' ' || c == '\t'; }

/* Is a quoted field still open at the end of these n characters? */
FILE_FN int csv__open_quote(const csv__reader *r, const char *s, size_t n)
{
    size_t i;
    int inside = 0;
    for (i = 0; i < n; i++) {
        if (s[i] != '"') continue;
        if (inside && i + 1 < n && s[i + 1] == '"') i++;
        else if (inside) inside = 0;
        else inside = !i || strchr(",; \t", s[i - 1]) || s[i - 1] == r->delimiter;
    }
    return inside;
}

/* Length of the line at the front, without its end and so many characters at least, reading on as
 * it takes; -1: an error. */
FILE_FN long csv__measure(csv__reader *r, size_t from)
{
    file_in *in = r->in;
    for (;;) {
        size_t n = in->end - in->at;
        char *s = in->p + in->at, *end;
        if (n > from && (end = (char *)memchr(s + from, r->newline, n - from)) != NULL)
            n = (size_t)(end - s);
        else if (!in->eof) {
            if (n > CSV_MAX_LINE) return CSV__FAIL(&r->m, "line longer than %d characters",
                                                   CSV_MAX_LINE);
            if (file_ahead(in, n + 1, CSV__ERR(r))) return -1;
            continue;
        }
        if (n > CSV_MAX_LINE) return CSV__FAIL(&r->m, "line longer than %d characters",
                                               CSV_MAX_LINE);
        return (long)n;
    }
}

/* The first block: how lines end, and whether it is text at all. */
FILE_FN int csv__look(csv__reader *r)
{
    static const struct { const char *magic, *what; } other[] = {
        {"\xff\xfe", "UTF-16 text: save it as UTF-8"},
        {"\xfe\xff", "UTF-16 text: save it as UTF-8"},
        {"PK\3\4", "an archive (.xlsx, .npz, .zip): save the table as CSV, the array as .npy"},
        {"\x1f\x8b", "compressed: unpack it first"},
        {"\xd0\xcf\x11\xe0", "an old spreadsheet: save the table as CSV"},
        {"EBIM\r", "a model of ebim, where data are wanted"},
        {"\x89PNG", "a picture, not data"},
        {"%PDF", "a document: save its table as CSV"},
        {"PAR1", "a Parquet file: save the table as CSV"},
        {"{\"", "JSON: save the table as CSV"},
        {"[[", "JSON, or an array as Python prints it: save the table as CSV, an array as .npy"},
        {"<!DO", "HTML: save its table as CSV"},
        {"<html", "HTML: save its table as CSV"},
        {"<?xml", "XML: save its table as CSV"}};
    file_in *in = r->in;
    size_t n, i;
    char *s;
    if (file_ahead(in, FILE_BLOCK, CSV__ERR(r))) return -1;
    s = in->p + in->at;
    n = in->end - in->at;
    for (i = 0; i < sizeof other / sizeof *other; i++)
        if (n > 5 && !memcmp(s, other[i].magic, strlen(other[i].magic)))
            return CSV__FAIL(&r->m, "%s", other[i].what);
    r->newline = n && !memchr(s, '\n', n) && memchr(s, '\r', n) ? '\r' : '\n';
    if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) in->at += 3;
    return 0;
}

/* 1: a line is in r->text, valid until the next; 0: the end; -1: an error. A field in quotes may
 * hold ends of lines: m.line is the number of the first. */
FILE_FN int csv__next_line(csv__reader *r)
{
    file_in *in = r->in;
    long n;
    if (!r->newline && csv__look(r)) return -1;
    r->m.line = ++r->lines;
    n = csv__measure(r, 0);
    if (n < 0) return -1;
    if (!n && in->at == in->end) return 0;
    while (!r->plain && memchr(in->p + in->at, '"', (size_t)n) &&
           csv__open_quote(r, in->p + in->at, (size_t)n)) {
        int over = in->end - in->at <= (size_t)n;
        if (!over) n = csv__measure(r, (size_t)n + 1);
        if (over || n < 0) return CSV__FAIL(&r->m, "a quote is opened and not closed");
        r->lines++;
    }
    r->text = in->p + in->at;
    if (memchr(r->text, 0, (size_t)n))
        return CSV__FAIL(&r->m, "not a text file: it holds a zero byte");
    in->at += (size_t)n + (in->end - in->at > (size_t)n);
    if (n && r->text[n - 1] == '\r') n--;
    r->ended = r->text[n];
    r->text[n] = 0;
    r->length = (size_t)n;
    return 1;
}

/* Nothing to read in it: blank, or a comment. Spreadsheets write #N/A and the like as values. */
FILE_FN int csv__idle(const csv__reader *r, const char *s)
{
    char word[16];
    size_t n = 0;
    while (csv__space(*s)) s++;
    if (!*s || (r->xyz && s[0] == '/' && s[1] == '/')) return 1;
    if (r->m.line == 1 && !strncmp(s, "sep=", 4) && s[4] && !s[5]) return 1; /* a spreadsheet's */
    if (*s == '%' && (!s[1] || s[1] == '%' || csv__space(s[1]))) return 1;
    if (*s != '#') return 0;
    for (; s[n] && !strchr(",;\t", s[n]) && n + 1 < sizeof word; n++) word[n] = s[n];
    while (n && csv__space(word[n - 1])) n--;
    word[n] = 0;
    return !number_missing(word);
}

/* ---- fields ---- */

FILE_FN int csv__field_room(csv__reader *r)
{
    char **p;
    p = (char **)csv__resize(&r->m, r->field, 2 * (size_t)r->field_cap + 16, sizeof *p);
    if (!p) return -1;
    r->field = p;
    r->field_cap = 2 * r->field_cap + 16;
    return 0;
}

/* Where a quoted field that begins at s ends, behind its quote; NULL: it is none, as something
 * other than a delimiter follows. */
FILE_FN char *csv__quoted_end(char *s, char d)
{
    for (s++; *s && (*s != '"' || s[1] == '"'); s++)
        if (*s == '"') s++;
    if (!*s) return NULL;
    s++;
    while (*s && *s != d && csv__space(*s)) s++;
    return !*s || *s == d || (d == ' ' && csv__space(s[-1])) ? s : NULL;
}

/* Takes the quotes off, in place. */
FILE_FN char *csv__unquote(char *s)
{
    char *to = s, *from = s + 1;
    for (; *from && (*from != '"' || from[1] == '"'); from++) {
        if (*from == '"') from++;
        *to++ = *from;
    }
    *to = 0;
    return s;
}

/* Cuts the line s into r->field at d, a space standing for any number of spaces and tabs: how
 * many fields there are, or -1. */
FILE_FN int csv__cut(csv__reader *r, char *s, char d)
{
    int n = 0, more = 1;
    while (more) {
        char *begin, *end, *stop = NULL;
        while (*s && *s != d && csv__space(*s)) s++;
        if (d == ' ') while (csv__space(*s)) s++;
        if (d == ' ' && !*s && n) break;
        if (n == r->field_cap && csv__field_room(r)) return -1;
        begin = s;
        if (*s == '"') stop = csv__quoted_end(s, d);
        if (stop) {
            r->field[n++] = begin = csv__unquote(begin);
            end = NULL;
        } else {
            r->field[n++] = begin;
            for (stop = s; *stop && *stop != d && !(d == ' ' && *stop == '\t'); stop++) continue;
            for (end = stop; end > begin && csv__space(end[-1]); end--) continue;
        }
        more = *stop != 0;
        s = stop + more;
        if (end) *end = 0;
    }
    return n;
}

/* The number s, whatever its decimal sign, and which sign that is: a comma becomes a point in s.
 * decimal: the one to accept, or 0. */
FILE_FN int csv__decimal(char *s, char *decimal, double *v)
{
    char *comma, *point;
    int kind = csv_number(s, v);
    if (kind == CSV_NUMBER && *decimal == '.') return kind;
    if (kind == CSV_NUMBER) {
        point = strchr(s, '.');
        if (point && *decimal == ',') return CSV_TEXT;
        if (point) *decimal = '.';
        return kind;
    }
    if (kind != CSV_TEXT || *decimal == '.') return kind;
    comma = strchr(s, ',');
    if (!comma || comma[1] < '0' || comma[1] > '9' || strchr(s, '.')) return kind;
    *comma = '.';
    kind = csv_number(s, v);
    if (kind == CSV_TEXT) *comma = ',';
    else *decimal = ',';
    return kind;
}

/* 1: a number, or where one is missing or too large; 0: text. */
FILE_FN int csv__like_number(char *s)
{
    char decimal = 0, plain[40];
    double v;
    return csv__decimal(s, &decimal, &v) != CSV_TEXT || number_missing(s) ||
           number_grouped(s, plain, sizeof plain);
}

/* ---- the layout, from the first lines ---- */

/* Copies of the first lines, which are put back: they lie within the block that was read first. */
FILE_FN int csv__take_sample(csv__reader *r)
{
    file_in *in = r->in;
    size_t start, seen = 0;
    int got = 1;
    if (!r->newline && csv__look(r)) return -1;
    start = in->at;
    while (r->samples < CSV__SAMPLE && seen < FILE_BLOCK / 4 && (got = csv__next_line(r)) > 0) {
        seen += r->length + 1;
        if (!csv__idle(r, r->text)) {
            r->sample[r->samples] = (char *)csv__resize(&r->m, NULL, r->length + 1, 1);
            if (!r->sample[r->samples]) return -1;
            r->sample_line[r->samples] = r->m.line;
            memcpy(r->sample[r->samples++], r->text, r->length + 1);
        }
        r->text[r->length] = r->ended;
    }
    in->at = start;
    if (got >= 0) r->lines = 0;
    return got < 0 ? -1 : 0;
}

/* What most of the lines from `first` on have, the larger number in a tie. */
FILE_FN int csv__most(const int *count, int first, int n)
{
    int i, j, best = 0, most = 0;
    for (i = first; i < n; i++) {
        int equal = 0;
        for (j = first; j < n; j++) equal += count[j] == count[i];
        if (equal < best || (equal == best && count[i] <= most)) continue;
        best = equal;
        most = count[i];
    }
    return most;
}

/* How well the sample is cut at d: the share of fields that are numbers, times the share of lines
 * that have as many fields as most; less for a single column. The first line may be a header. */
FILE_FN double csv__try(csv__reader *r, char d, char *scratch, int *fields)
{
    double numbers = 0, all = 0, equal = 0;
    int i, j, count[CSV__SAMPLE], first = r->samples > 1;
    for (i = 0; i < r->samples; i++) {
        count[i] = csv__cut(r, strcpy(scratch, r->sample[i]), d);
        if (count[i] < 0) return -1;
        for (j = 0; j < count[i] && i >= first; j++) numbers += csv__like_number(r->field[j]);
        if (i >= first) all += count[i];
    }
    *fields = csv__most(count, 0, r->samples);
    for (i = 0; i < r->samples; i++) equal += count[i] == *fields;
    return numbers / all * equal / r->samples * (*fields > 1 ? 1 : 0.1);
}

/* The one that makes the most numbers, unless csv_how has one; and whether that is a worse one. */
FILE_FN int csv__find_delimiter(csv__reader *r, char *scratch)
{
    static const char candidate[] = ",;\t |";
    char given = r->m.how->delimiter, found = 0;
    double best = -1, share;
    int i, count, most = 0;
    for (i = 0; candidate[i]; i++) {
        share = csv__try(r, candidate[i], scratch, &count);
        if (share < 0) return -1;
        if (share < best + 1e-9 && !(share > best - 1e-9 && count > most)) continue;
        best = share;
        most = count;
        found = candidate[i];
    }
    r->delimiter = given ? given : found;
    if (!given || given == found) return 0;
    share = csv__try(r, given, scratch, &count);
    if (share < 0) return -1;
    r->m.doubt = share < best - 1e-9;
    r->m.line = r->sample_line[0];
    if (count > 1 || most < 2) return 0;
    return CSV__FAIL(&r->m, "--delimiter cuts no line: leave it out, or is it '%s'?",
                     found == '\t' ? "tab" : found == ' ' ? "space"
                                   : found == ',' ? "," : found == ';' ? ";" : "|");
}

/* Are the first fields of the rows what row names are: text, or whole numbers that grow? */
FILE_FN int csv__row_names(csv__reader *r, char *scratch)
{
    double last = -1, v;
    int i;
    for (i = 1; i < r->samples; i++) {
        if (csv__cut(r, strcpy(scratch, r->sample[i]), r->delimiter) < 1) return 0;
        if (r->field[0][strspn(r->field[0], "0123456789")]) {
            if (csv__like_number(r->field[0])) return 0;
        } else {
            if (csv_number(r->field[0], &v) != CSV_NUMBER || v <= last) return 0;
            last = v;
        }
    }
    return 1;
}

FILE_FN void csv__call_numeric(csv__reader *r)
{
    int j;
    for (j = 0; j < r->m.width; j++) r->numeric[j] = r->numbers[j] >= r->texts[j];
}

/* Counts of numbers and texts in each column of the sampled rows; the first line may be a header,
 * so with others there it does not count. *ends: 1 when the last field of all rows is empty.
 * Returns the fields that most rows have, or -1. */
FILE_FN int csv__survey(csv__reader *r, char *scratch, int *ends)
{
    int count[CSV__SAMPLE], i, j, n, first = r->samples > 1, widest = 0;
    *ends = r->samples > 1;
    for (i = 0; i < r->samples; i++) {
        count[i] = csv__cut(r, strcpy(scratch, r->sample[i]), r->delimiter);
        if (count[i] < 0) return -1;
        if (count[i] > widest) widest = count[i];
    }
    r->numbers = (int *)csv__resize(&r->m, NULL, (size_t)widest, sizeof *r->numbers);
    r->texts = (int *)csv__resize(&r->m, NULL, (size_t)widest, sizeof *r->texts);
    r->numeric = (unsigned char *)csv__resize(&r->m, NULL, (size_t)widest, 1);
    r->whole = (unsigned char *)csv__resize(&r->m, NULL, (size_t)widest, 1);
    if (!r->numbers || !r->texts || !r->numeric || !r->whole) return -1;
    for (j = 0; j < widest; j++) r->numbers[j] = r->texts[j] = r->whole[j] = 0;
    for (i = first; i < r->samples; i++) {
        n = csv__cut(r, strcpy(scratch, r->sample[i]), r->delimiter);
        if (*r->field[n - 1]) *ends = 0;
        for (j = 0; j < n; j++) {
            if (!csv__like_number(r->field[j])) r->texts[j]++;
            else if (!number_missing(r->field[j])) r->numbers[j]++;
        }
    }
    r->m.width = widest;
    csv__call_numeric(r);
    return r->most = csv__most(count, first, r->samples);
}

/* What the number of fields says: a delimiter at the ends of lines, a header with a field less. */
FILE_FN int csv__find_shape(csv__reader *r, char *scratch)
{
    int ends, most = csv__survey(r, scratch, &ends);
    int h = most < 0 ? -1 : csv__cut(r, strcpy(scratch, r->sample[0]), r->delimiter);
    if (h < 0) return -1;
    r->trailing = most > 1 && ends && (h == most - 1 || (h == most && !*r->field[h - 1]));
    r->shift = !r->trailing && h == most - 1 && csv__row_names(r, scratch);
    return 0;
}

/* Could only be the name of a column: not the beginning of a number, and no word for a missing
 * one. */
FILE_FN int csv__is_name(const char *s)
{
    if (number_missing(s)) return 0;
    if (*s == '+' || *s == '-') s++;
    if (*s == '.' || *s == ',') s++;
    return !(*s >= '0' && *s <= '9');
}

/* pandas' header of a table without names, from field i on: 0, 1, 2, ... */
FILE_FN int csv__counts_up(csv__reader *r, int i, int h)
{
    char number[16];
    int j;
    for (j = i; j < h; j++) {
        snprintf(number, sizeof number, "%d", j - i);
        if (strcmp(r->field[j], number)) return 0;
    }
    return h - i > 1;
}

/* Decides from the columns of numbers whether the first line, cut into h fields, is a header. */
FILE_FN int csv__judge_header(csv__reader *r, int h)
{
    int j, names = 0, numbers = 0, missing = 0, odd = 0, bad = 0, others = 0;
    for (j = 0; j < h && j + r->shift < r->m.width; j++) {
        char *s = r->field[j];
        if (csv__is_name(s) && !csv__like_number(s)) {
            if (!r->numeric[j + r->shift] && ++others) continue;
            if (!names++) bad = j + 1;
        } else if (number_missing(s)) {
            if (!missing++ && !odd) odd = j + 1;
        } else if (csv__like_number(s)) {
            numbers += r->numeric[j + r->shift];
        } else if (r->numeric[j + r->shift]) {
            if (!bad) bad = j + 1;
            odd = j + 1;
        }
    }
    r->m.line = r->sample_line[0];
    if (!*r->field[0] && csv__counts_up(r, 1, h)) {
        r->header = 1;
        return 0;
    }
    if (numbers && bad)
        return CSV__FAIL(&r->m, "field %d is not a number, but other fields of the line are: "
                         "--header yes if they are names", bad);
    r->header = names > 0;
    if (names || numbers) return 0;
    if (!odd) { /* no column of numbers at all */
        r->header = others > 0;
        return 0;
    }
    if (r->m.how->skip_missing && missing && number_missing(r->field[odd - 1])) return 0;
    if (number_missing(r->field[odd - 1]))
        return CSV__FAIL(&r->m, "field %d is %.40s: no names and no numbers in this line: "
                         "--skip-missing if it is a row, --header yes if it is a header", odd,
                         *r->field[odd - 1] ? r->field[odd - 1] : "empty");
    return CSV__FAIL(&r->m, "field %d, %.40s, is no number and hardly a name: --header yes if it "
                     "is one, --header no if not", odd, r->field[odd - 1]);
}

FILE_FN int csv__read_names(csv__reader *r, int h)
{
    csv__maker *m = &r->m;
    int i, digits = !csv__counts_up(r, 0, h);
    double v;
    m->all = (char **)csv__resize(m, NULL, (size_t)m->width, sizeof *m->all);
    if (!m->all) return -1;
    for (i = 0; i < m->width; i++) m->all[i] = NULL;
    for (i = 0; i < m->width; i++) {
        const char *s = i < r->shift || i - r->shift >= h ? "" : r->field[i - r->shift];
        m->all[i] = csv__copy(m, s, strlen(s));
        if (!m->all[i]) return -1;
        digits = digits && csv_number(s, &v) == CSV_NUMBER;
    }
    m->t->digits = digits;
    m->t->index = m->width > 1 && (!*m->all[0] || !strcmp(m->all[0], "Unnamed: 0"));
    return csv__make_distinct(m);
}

/* Is there one? By option, because names are asked for, or as it looks. */
FILE_FN int csv__decide_header(csv__reader *r, int h)
{
    const csv_how *how = r->m.how;
    int needs = 0;
    r->header = how->header > 0;
    if (how->header) return 0;
    if (how->columns) needs = csv__needs_names(&r->m, how->columns);
    if (!needs && how->weights) needs = csv__needs_names(&r->m, how->weights);
    if (needs < 0) return -1;
    r->header = needs;
    return needs ? 0 : csv__judge_header(r, h);
}

/* Digits alone, and so many */
FILE_FN int csv__digits(const char *s, size_t least, size_t most)
{
    size_t n = strspn(s, "0123456789");
    return !s[n] && n >= least && n <= most;
}

/* What helps where a line has n fields, which are too few or too many. */
FILE_FN void csv__count_cure(csv__reader *r, int n, char *cure, size_t size)
{
    const char *title = "is the first line a title? begin it with #; else it lacks a name";
    int i, semicolon = 0, texts = 0, whole = 0, groups = 0, width = r->m.width;
    int alike = n > 1 && n == r->most && r->samples > 2; /* as most lines are */
    char d = r->delimiter;
    for (i = 0; i < n; i++) {
        const char *s = r->field[i] + (*r->field[i] == '-');
        semicolon |= d == ',' && strchr(s, ';') != NULL;
        whole += csv__digits(s, 1, 19);
        if (i) groups |= csv__digits(r->field[i - 1], 1, 3) && strcspn(s, ".") == 3 &&
                         csv__like_number(r->field[i]);
        texts |= !csv__like_number(r->field[i]);
    }
    if (semicolon) snprintf(cure, size, "decimal commas? try --delimiter ';'");
    else if (r->m.doubt) snprintf(cure, size, "leave out --delimiter");
    else if (alike && (n < width || width == 1 || texts == n)) snprintf(cure, size, "%s", title);
    else if (n < width)
        snprintf(cure, size, "is the line cut short? write NA where a value is missing");
    else if (texts) snprintf(cure, size, "a text with the delimiter in it? put it in quotes");
    else if (d == ',' && n == 2 * width && whole == n)
        snprintf(cure, size, "decimal commas? write points, or tabs between the fields");
    else if (groups) snprintf(cure, size, "thousands? write numbers without '%c' in them", d);
    else snprintf(cure, size, "%s", alike ? title : "take out what is too much");
}

FILE_FN int csv__bad_count(csv__reader *r, int n)
{
    char cure[120];
    csv__count_cure(r, n, cure, sizeof cure);
    return CSV__FAIL(&r->m, "%d field%s where the first line has %d: %s", n, n == 1 ? "" : "s",
                     r->m.width, cure);
}

/* The first row, which must be as wide as the header: said before names are missed. */
FILE_FN int csv__first_row(csv__reader *r, char *scratch)
{
    int n = csv__cut(r, strcpy(scratch, r->sample[1]), r->delimiter), i, names = 0;
    if (n < 0) return -1;
    for (i = 0; i < n; i++) names += csv__is_name(r->field[i]) && !csv__like_number(r->field[i]);
    if (names == n && r->samples > 2) r->m.second_line = r->sample_line[1];
    n -= n == r->m.width + 1 && r->trailing && !*r->field[n - 1];
    if (n == r->m.width) return 0;
    r->m.line = r->sample_line[1];
    return csv__bad_count(r, n);
}

FILE_FN int csv__find_header(csv__reader *r, char *scratch)
{
    int h = csv__cut(r, strcpy(scratch, r->sample[0]), r->delimiter), j;
    if (h < 0 || csv__decide_header(r, h)) return -1;
    r->m.line = r->sample_line[0];
    if (r->header) {
        int ends = h > 1 && !*r->field[h - 1] && !r->numbers[h - 1] && !r->texts[h - 1];
        r->m.width = h - ends + r->shift;
        if (csv__read_names(r, h)) return -1;
        return r->samples > 1 ? csv__first_row(r, scratch) : 0;
    }
    r->shift = 0;
    for (j = 0; j < h && r->m.how->header; j++)
        if (csv__is_name(r->field[j])) r->m.names_line = r->m.line;
    r->m.t->counting = !r->m.how->header && r->samples > 1 && csv__counts_up(r, 0, h);
    for (j = 0; j < h && r->samples > 1; j++) /* a row like the others */
        *(csv__like_number(r->field[j]) ? r->numbers + j : r->texts + j) += 1;
    csv__call_numeric(r);
    r->m.width = h - (r->trailing && !*r->field[h - 1]);
    return 0;
}

/* Everything about the file that the rows do not say by themselves. */
FILE_FN int csv__find_layout(csv__reader *r)
{
    size_t longest = 0, n;
    char *scratch;
    int i, failed;
    for (i = 0; i < r->samples; i++) {
        n = strlen(r->sample[i]);
        if (n > longest) longest = n;
    }
    scratch = (char *)csv__resize(&r->m, NULL, longest + 1, 1);
    if (!scratch) return -1;
    failed = csv__find_delimiter(r, scratch) || csv__find_shape(r, scratch) ||
             csv__find_header(r, scratch);
    free(scratch);
    for (i = 0; !failed && i < r->m.width; i++)
        if (!r->numbers[i] && r->samples > 1) r->numeric[i] = 0; /* it only misses values */
    r->m.numeric = r->numeric;
    return failed ? -1 : 0;
}

/* ---- rows ---- */

/* 2,530 may be 2.53 or, where no other comma is a decimal one for sure, 2530. s: after its comma
 * became a point */
FILE_FN void csv__look_at_comma(csv__reader *r, int column, const char *s)
{
    const char *point;
    if (*s == '-' || *s == '+') s++;
    point = strchr(s, '.');
    if (!point && csv__digits(s, 1, 3)) r->whole[column] |= 1u;
    if (!point) return;
    if (*s >= '1' && *s <= '9' && point - s < 4 && csv__digits(point + 1, 3, 3)) {
        r->whole[column] |= 2u;
        if (!r->grouped) r->grouped = r->m.line;
    } else r->commas = 1;
}

/* The number in a column of the line: 0, 1 when it is missing and rows may be, -1. */
FILE_FN int csv__value(csv__reader *r, int column, double *v)
{
    char *s = r->field[column];
    int kind = csv__decimal(s, &r->decimal, v);
    if (kind == CSV_NUMBER && r->decimal != '.' && !r->commas) csv__look_at_comma(r, column, s);
    if (kind == CSV_NUMBER) return 0;
    if (r->m.how->skip_missing && number_missing(s)) return 1;
    if (kind == CSV_TEXT && r->decimal == ',' && csv_number(s, v) == CSV_NUMBER)
        return CSV__FAIL(&r->m, "field %d has a decimal point, and those before it decimal commas: "
                         "%.40s: write points in all, and thousands without commas", column + 1,
                         s);
    return csv__bad_field(&r->m, column, s, kind);
}

/* After all rows: commas that may not be decimal. Where a column has numbers with three digits
 * behind the comma and others without a comma, they hardly are. */
FILE_FN int csv__judge_commas(csv__reader *r)
{
    int i;
    if (!r->grouped || r->commas || r->decimal != ',') return 0;
    r->m.t->grouped = r->m.line = r->grouped;
    for (i = 0; i < r->m.width; i++)
        if (r->whole[i] == 3)
            return CSV__FAIL(&r->m, "column %d has numbers like 530 and numbers like 2,530: write "
                             "thousands without commas, or decimals with points", i + 1);
    return 0;
}

FILE_FN int csv__row(csv__reader *r)
{
    csv__maker *m = &r->m;
    csv_table *t = m->t;
    int i, got, n = csv__cut(r, r->text, r->delimiter);
    double ignored;
    if (n < 0) return -1;
    if (n == m->width + 1 && r->trailing && !*r->field[n - 1]) n--;
    if (n != m->width) return csv__bad_count(r, n);
    if (csv__row_begin(m)) return -1;
    for (i = 0; i < t->cols; i++) {
        got = csv__value(r, m->take[i], &m->v[i]);
        if (got < 0) return -1;
        if (got) return csv__row_skip(m), 0;
    }
    if (m->weight >= 0) {
        double *w = &t->weight[t->rows];
        got = csv__value(r, m->weight, w);
        if (got < 0) return -1;
        if (got) return csv__row_skip(m), 0;
        if (*w < 0) return csv__bad_weight(m, *w);
    }
    if (t->carried) {
        for (i = 0; i < t->carried && r->decimal == ','; i++)
            csv__decimal(r->field[m->keep[i]], &r->decimal, &ignored);
        if (csv__carry(m, r->field)) return -1;
    }
    t->line[t->rows++] = m->line;
    return 0;
}

FILE_FN int csv__rows(csv__reader *r)
{
    int got, header = r->header;
    while ((got = csv__next_line(r)) > 0) {
        if (csv__idle(r, r->text) || r->m.line < r->sample_line[0]) continue;
        if (header) header = 0;
        else if (csv__row(r)) return -1;
    }
    return got;
}

FILE_FN void csv__reader_free(csv__reader *r)
{
    int i;
    for (i = 0; i < r->samples; i++) free(r->sample[i]);
    free(r->numbers);
    free(r->texts);
    free(r->numeric);
    free(r->whole);
    free(r->field);
    csv__maker_free(&r->m);
}

FILE_FN void csv__reader_init(csv__reader *r, file_in *in, const csv_how *how, csv_table *t,
                              char *err, size_t err_size)
{
    memset(r, 0, sizeof *r);
    r->in = in;
    r->promised = -1;
    csv__maker_init(&r->m, in, how, t, err, err_size);
}

/* -1 with a message when the sample has no line. */
FILE_FN int csv__nothing(csv__reader *r)
{
    int empty = r->in->end == r->in->at;
    if (r->samples) return 0;
    r->m.line = 0;
    return CSV__FAIL(&r->m, empty ? "the file is empty" : "no rows of numbers");
}

FILE_FN int csv__lines(csv__reader *r)
{
    if (csv__take_sample(r) || csv__nothing(r)) return -1;
    if (csv__find_layout(r) || csv__columns(&r->m) || csv__rows(r)) return -1;
    return csv__judge_commas(r) || csv__complete(&r->m) ? -1 : 0;
}

/* Reads all of an open file as text. 0, or -1 with a message and *t empty. */
FILE_FN int csv_read_in(file_in *in, const csv_how *how, csv_table *t, char *err, size_t err_size)
{
    csv__reader r;
    int failed;
    csv__reader_init(&r, in, how, t, err, err_size);
    failed = csv__lines(&r);
    csv__reader_free(&r);
    if (failed) csv_free(t);
    return failed;
}

FILE_FN int csv_read(const char *path, csv_table *t, char *err, size_t err_size)
{
    csv_how how;
    file_in in;
    int failed;
    memset(t, 0, sizeof *t);
    memset(&how, 0, sizeof how);
    failed = file_open(&in, path, err, err_size);
    if (!failed) failed = csv_read_in(&in, &how, t, err, err_size);
    file_close(&in);
    return failed;
}

/* ---- writing ---- */

FILE_FN void csv__print_name(FILE *f, const char *s)
{
    int quotes = csv__quote(NULL, s) > strlen(s);
    if (quotes) putc('"', f);
    for (; *s; s++) {
        if (*s == '"') putc('"', f);
        putc(*s, f);
    }
    if (quotes) putc('"', f);
}

/* A header, unless name is NULL, and rows of numbers with so many digits: 9 give every float
 * back exactly, 17 every double. beside: a table whose carried columns stand beside these, before
 * them if `before`, or NULL. */
FILE_FN void csv_print(FILE *f, int rows, int cols, const char *const *name, const double *v,
                       int digits, const csv_table *beside, int before)
{
    const char *between = "";
    int i, j, carried = beside ? beside->carried : 0;
    for (i = name ? -1 : 0; i < rows; i++) {
        const char *text = !carried ? "" : i < 0 ? beside->header : beside->text + beside->at[i];
        between = "";
        if (carried && before) fputs(text, f), between = ",";
        for (j = 0; j < cols; j++, between = ",") {
            fputs(between, f);
            if (i < 0) csv__print_name(f, name[j]);
            else fprintf(f, "%.*g", digits, *v++);
        }
        if (carried && !before) fputs(between, f), fputs(text, f);
        putc('\n', f);
    }
}

/* All of the above in one: 0, or -1 with a message and the target as it was. */
FILE_FN int csv_write_beside(const char *path, int rows, int cols, const char *const *name,
                             const double *v, int digits, const csv_table *beside, int before,
                             char *err, size_t err_size)
{
    file_out o;
    if (file_create(&o, path, err, err_size)) return -1;
    csv_print(o.f, rows, cols, name, v, digits, beside, before);
    return file_commit(&o, err, err_size);
}

FILE_FN int csv_write(const char *path, int rows, int cols, const char *const *name,
                      const double *v, int digits, char *err, size_t err_size)
{
    return csv_write_beside(path, rows, cols, name, v, digits, NULL, 0, err, err_size);
}

#endif /* CSV_H */
