/* Files of points other than text: .npy, .ply, .xyz, and how they are told apart. Text is in
   test_csv.c. */
#include "t.h"
#include "../examples/common/load.h"

static char err[FILE_ERROR];

typedef struct bytes {
    char p[4096];
    size_t n;
} bytes;

static void put(bytes *b, const void *p, size_t n)
{
    if (!CHECK(b->n + n <= sizeof b->p)) exit(1);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_text(bytes *b, const char *s) { put(b, s, strlen(s)); }

/* A number's bytes: kind i whole, f float, d double. */
static void put_number(bytes *b, double x, char kind, int size, int big)
{
    uint64_t bits = 0;
    uint32_t half;
    float f = (float)x;
    int i;
    memcpy(&half, &f, sizeof half);
    if (kind == 'd') memcpy(&bits, &x, sizeof bits);
    else bits = kind == 'f' ? half : (uint64_t)(int64_t)x;
    for (i = 0; i < size; i++) {
        char c = (char)(bits >> 8 * (big ? size - 1 - i : i) & 0xff);
        put(b, &c, 1);
    }
}

static int load_how(const char *name, const bytes *b, const csv_how *how, csv_table *t)
{
    const char *path = t_tmp(name);
    FILE *f = fopen(path, "wb");
    if (!CHECK(f != NULL)) exit(1);
    CHECK(fwrite(b->p, 1, b->n, f) == b->n);
    CHECK(fclose(f) == 0);
    return load_table(path, how, t, err, sizeof err);
}

static int load(const char *name, const bytes *b, csv_table *t)
{
    csv_how how;
    memset(&how, 0, sizeof how);
    return load_how(name, b, &how, t);
}

static void refused(const char *name, const bytes *b, const char *message)
{
    csv_table t;
    char want[1200];
    CHECK_INT(load(name, b, &t), -1);
    snprintf(want, sizeof want, "ebim: %s%s", t_tmp(name), message);
    CHECK_STR(err, want);
    CHECK(!t.v && !t.line && !t.name && !t.rows && !t.cols);
}

static const double six[] = {1, 2, 3.5, 4, -5, 0.1};

static void check_six(csv_table *t, int single)
{
    int i;
    CHECK_INT(t->rows, 3);
    if (!CHECK_INT(t->cols, 2)) return;
    for (i = 0; i < 6; i++) CHECK_NEAR(t->v[i], single ? (double)(float)six[i] : six[i], 0);
    CHECK_INT(t->line[2], 3);
    csv_free(t);
}

/* ---- .npy ---- */

/* The numbers of `six` behind a header of this text. */
static bytes npy(int version, const char *descr, const char *order, const char *shape, int count)
{
    bytes b;
    char text[200];
    int n = snprintf(text, sizeof text, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n",
                     descr, order, shape), i;
    b.n = 0;
    put(&b, npy_magic, 6);
    put_number(&b, version, 'i', 2, 0);
    put_number(&b, n, 'i', version == 1 ? 2 : 4, 0);
    put_text(&b, text);
    for (i = 0; i < count; i++)
        put_number(&b, six[i % 6], strstr(descr, "4") ? 'f' : 'd', strstr(descr, "4") ? 4 : 8, 0);
    return b;
}

static void npy_is_read(void)
{
    csv_table t;
    bytes b;
    int version;
    for (version = 1; version <= 3; version++) {
        b = npy(version, "'<f8'", "False", "(3, 2)", 6);
        if (CHECK_INT(load("a.npy", &b, &t), 0)) check_six(&t, 0);
        b = npy(version, "'<f4'", "False", "(3, 2)", 6);
        if (CHECK_INT(load("any.name", &b, &t), 0)) check_six(&t, 1);
    }
    b = npy(1, "'<f8'", "False", "(6,)", 6);
    if (!CHECK_INT(load("a.npy", &b, &t), 0)) return;
    CHECK(t.rows == 6 && t.cols == 1 && t.name == NULL);
    csv_free(&t);
    b = npy(1, "'<f8'", "True", "(6, 1)", 6); /* both orders are the same */
    if (CHECK_INT(load("a.npy", &b, &t), 0)) csv_free(&t);
}

/* Column by column, as a.T and many results of NumPy are */
static void npy_in_fortran_order(void)
{
    bytes b = npy(1, "'<f8'", "True", "(3, 2)", 0);
    csv_table t;
    int i;
    for (i = 0; i < 6; i++) put_number(&b, six[i % 3 * 2 + i / 3], 'd', 8, 0);
    if (CHECK_INT(load("a.npy", &b, &t), 0)) check_six(&t, 0);
    put_number(&b, 0, 'd', 8, 0);
    refused("a.npy", &b, ": the file goes on after the 3 rows that its header says: it is damaged, "
            "or holds several arrays");
    b.n -= 16;
    refused("a.npy", &b, ": the file ends after 2 rows, and its header says 3: it was cut short");
    b = npy(1, "'<f8'", "True", "(2000000000, 2000000000)", 6);
    refused("a.npy", &b, ": the file ends after 0 rows, and its header says 2000000000: it was cut "
            "short");
}

/* Whole numbers of all sizes, at both ends of their ranges, and in either byte order */
static void npy_of_whole_numbers(void)
{
    int size, sign, big, i;
    for (size = 1; size <= 8; size *= 2)
        for (sign = 0; sign < 2; sign++)
            for (big = 0; big < 2; big++) {
                char dtype[20];
                double most = ldexp(1, 8 * size - sign) - 1, least = sign ? -most - 1 : 0;
                bytes b;
                csv_table t;
                snprintf(dtype, sizeof dtype, "'%c%c%d'", size == 1 ? '|' : big ? '>' : '<',
                         sign ? 'i' : 'u', size);
                b = npy(1, dtype, "False", "(2, 2)", 0);
                for (i = 0; i < size; i++) /* most, but for its lowest bits, if it has 64 */
                    put_number(&b, (big ? !i : i == size - 1) && sign ? 127 : 255, 'i', 1, 0);
                for (i = 0; i < size; i++)
                    put_number(&b, (big ? !i : i == size - 1) && sign ? 128 : 0, 'i', 1, 0);
                put_number(&b, 100, 'i', size, big);
                put_number(&b, sign ? -7 : 7, 'i', size, big);
                if (!CHECK_INT(load("a.npy", &b, &t), 0)) continue;
                CHECK_NEAR(t.v[0], most, 0);
                CHECK_NEAR(t.v[1], least, 0);
                CHECK_NEAR(t.v[2], 100, 0);
                CHECK_NEAR(t.v[3], sign ? -7 : 7, 0);
                csv_free(&t);
            }
}

static void npy_of_other_kinds(void)
{
    static const char *const dtype[] = {"'<f2'", "'<c8'", "'<c16'", "'<f16'", "'<U8'", "'|O'",
                                        "'=f8'", "'<i3'"};
    bytes b;
    char want[200];
    size_t i;
    for (i = 0; i < sizeof dtype / sizeof *dtype; i++) {
        b = npy(1, dtype[i], "False", "(3, 2)", 6);
        snprintf(want, sizeof want, ": its numbers are %.*s; bool, int8 to uint64, float32 and "
                 "float64 are read: save a.astype('<f8')", (int)strlen(dtype[i]) - 2, dtype[i] + 1);
        refused("a.npy", &b, want);
    }
    b = npy(1, "[('x', '<f8'), ('y', '<f8')]", "False", "(3,)", 6);
    refused("a.npy", &b, ": an array of records: save its numbers as one float64 array");
    b = npy(1, "'<f8'", "False", "(3, 2, 1)", 6);
    refused("a.npy", &b, ": an array of shape (3, 2, 1): points are rows, (rows, columns): save "
            "a.reshape(len(a), -1) or, if its last axis is a point, a.reshape(-1, a.shape[-1])");
    b = npy(1, "'<f8'", "False", "()", 1);
    refused("a.npy", &b, ": an array of shape (): points are rows, (rows, columns): save "
            "a.reshape(len(a), -1) or, if its last axis is a point, a.reshape(-1, a.shape[-1])");
    b = npy(4, "'<f8'", "False", "(3, 2)", 6);
    refused("a.npy", &b, ": a .npy file of unknown version 4: 1 to 3 are read");
    b.n = 0;
    put_text(&b, "1,2\n3,4\n");
    refused("a.npy", &b, ": not a .npy file: it does not begin as one");
}

static void npy_headers_that_lie(void)
{
    bytes b = npy(1, "'<f8'", "False", "(4, 2)", 6);
    size_t n;
    refused("a.npy", &b, ": the file ends after 3 rows, and its header says 4: it was cut short");
    b = npy(1, "'<f8'", "False", "(2000000000, 2000000000)", 6);
    refused("a.npy", &b, ": the file ends after 0 rows, and its header says 2000000000: it was cut "
            "short");
    b = npy(1, "'<f8'", "False", "(99999999999, 2)", 6);
    refused("a.npy", &b, ": an array of shape (99999999999, 2) is no table of points");
    b = npy(1, "'<f8'", "False", "(3, 0)", 0);
    refused("a.npy", &b, ": an array of shape (3, 0) is no table of points");
    b = npy(1, "'<f8'", "False", "(0, 2)", 0);
    refused("a.npy", &b, ": no rows of numbers");
    b = npy(1, "'<f8'", "False", "(0, 488888888)", 1); /* took 3.8 GB for names of columns */
    refused("a.npy", &b, ": no rows of numbers");
    b = npy(1, "'<f8'", "False", "(2, 2)", 6);
    refused("a.npy", &b, ": the file goes on after the 2 rows that its header says: it is damaged, "
            "or holds several arrays");
    b = npy(1, "'<f8'", "False", "(3, two)", 6);
    refused("a.npy", &b, ": a damaged header: its shape cannot be read");
    b = npy(1, "'<f8'", "Maybe", "(3, 2)", 6);
    refused("a.npy", &b, ": a damaged header: the order of its numbers cannot be read");
    b = npy(1, "'<f8'", "False", "(3, 2)", 6);
    for (n = b.n - 1; n >= 6; n--) { /* cut anywhere */
        csv_table t;
        b.n = n;
        CHECK_INT(load("a.npy", &b, &t), -1);
    }
}

static void npy_rows_without_values(void)
{
    csv_table t;
    csv_how how;
    double nan = t_nan(), inf = t_inf();
    bytes b = npy(1, "'<f8'", "False", "(3, 2)", 2);
    put_number(&b, nan, 'd', 8, 0);
    put_number(&b, 3, 'd', 8, 0);
    put_number(&b, 5, 'd', 8, 0);
    put_number(&b, 6, 'd', 8, 0);
    refused("a.npy", &b, ":2: field 1 is not finite: nan: --skip-missing leaves such rows out");
    memset(&how, 0, sizeof how);
    how.skip_missing = 1;
    if (CHECK_INT(load_how("a.npy", &b, &how, &t), 0)) {
        CHECK_INT(t.rows, 2);
        CHECK_INT(t.skipped, 1);
        CHECK_NEAR(t.v[3], 6, 0);
        csv_free(&t);
    }
    how.columns = "2";
    how.carry = 1;
    if (CHECK_INT(load_how("a.npy", &b, &how, &t), 0)) {
        CHECK(t.rows == 3 && t.cols == 1 && t.carried == 1);
        CHECK_STR(t.text + t.at[2], "5");
        CHECK_STR(t.header, "column1");
        csv_free(&t);
    }
    b.n -= 16;
    put_number(&b, inf, 'd', 8, 0);
    put_number(&b, 6, 'd', 8, 0);
    CHECK_INT(load_how("a.npy", &b, &how, &t), 0);
    csv_free(&t);
    how.columns = NULL; /* an infinity is not a missing value */
    CHECK_INT(load_how("a.npy", &b, &how, &t), -1);
}

static void npy_is_written(void)
{
    csv_table t;
    csv_how how;
    const char *path = t_tmp("out.npy");
    FILE *f;
    char head[200] = "";
    size_t n = 0;
    int wide;
    memset(&how, 0, sizeof how);
    for (wide = 4; wide <= 8; wide += 4) {
        if (!CHECK_INT(npy_write(path, 3, 2, six, wide, err, sizeof err), 0)) return;
        if (CHECK_INT(load_table(path, &how, &t, err, sizeof err), 0)) check_six(&t, wide == 4);
    }
    f = fopen(path, "rb");
    if (f) n = fread(head, 1, sizeof head, f), fclose(f);
    CHECK_INT(n, 128 + 48);
    CHECK(!memcmp(head, "\x93NUMPY\1\0\x76\0{'descr': '<f8', 'fortran_order': False, 'shape': "
                  "(3, 2), }  ", 71));
    CHECK_INT(head[127], '\n');
}

static void numpy_reads_and_writes_it(void)
{
    char command[2000];
    csv_table t;
    csv_how how;
    if (T_QUICK) T_SKIP("--quick");
    if (system("python3 -c 'import numpy' >/dev/null 2>&1")) T_SKIP("no numpy here");
    CHECK_INT(npy_write(t_tmp("ours.npy"), 3, 2, six, 8, err, sizeof err), 0);
    snprintf(command, sizeof command, "cd '%s' && python3 -c \"import numpy\n"
             "a = numpy.load('ours.npy')\n"
             "assert a.dtype == '<f8' and a.tolist() == [[1, 2], [3.5, 4], [-5, .1]]\n"
             "numpy.save('theirs.npy', a)\nnumpy.save('narrow.npy', a.astype('<f4'))\n"
             "numpy.save('turned.npy', numpy.ascontiguousarray(a.T).T.astype('>f8'))\n"
             "numpy.save('whole.npy', numpy.array([[1, -2], [3, 4]]))\n"
             "numpy.save('bool.npy', numpy.array([[True, False]]))\n\"",
             t_tmp(""));
    if (!CHECK_INT(system(command), 0)) return;
    memset(&how, 0, sizeof how);
    if (CHECK_INT(load_table(t_tmp("theirs.npy"), &how, &t, err, sizeof err), 0)) check_six(&t, 0);
    if (CHECK_INT(load_table(t_tmp("narrow.npy"), &how, &t, err, sizeof err), 0)) check_six(&t, 1);
    if (CHECK_INT(load_table(t_tmp("turned.npy"), &how, &t, err, sizeof err), 0)) check_six(&t, 0);
    if (CHECK_INT(load_table(t_tmp("whole.npy"), &how, &t, err, sizeof err), 0)) {
        CHECK(t.rows == 2 && t.cols == 2);
        CHECK_NEAR(t.v[1], -2, 0);
        csv_free(&t);
    }
    if (CHECK_INT(load_table(t_tmp("bool.npy"), &how, &t, err, sizeof err), 0)) {
        CHECK_NEAR(t.v[0], 1, 0);
        CHECK_NEAR(t.v[1], 0, 0);
        csv_free(&t);
    }
}

/* ---- .ply ---- */

/* Two edges, which come first, three vertices with a list and a colour among their properties, and
 * a face. format: a, l or b. */
static bytes ply(char format, int vertices)
{
    bytes b;
    char line[200];
    int i, big = format == 'b';
    b.n = 0;
    snprintf(line, sizeof line, "ply\nformat %s 1.0\ncomment it's \"ours\n",
             format == 'a' ? "ascii" : big ? "binary_big_endian" : "binary_little_endian");
    put_text(&b, line);
    put_text(&b, "element edge 2\nproperty int16 a\nproperty int16 b\n");
    snprintf(line, sizeof line, "element vertex %d\n", vertices);
    put_text(&b, line);
    put_text(&b, "property double z\nproperty list uchar ushort near\nproperty float x\n"
             "property int y\nproperty uchar red\nelement face 1\n"
             "property list uint8 int32 vertex_indices\nend_header\n");
    if (format == 'a') {
        put_text(&b, "0 1\n1 2\n0.1 0 1.5 -7 200\n0.2 2 5 6 2.5 8 0\n\n0.3 1 9 3.5 -9 255\n"
                 "3 0 1 2\n");
        return b;
    }
    for (i = 0; i < 4; i++) put_number(&b, i, 'i', 2, big);
    for (i = 0; i < 3; i++) {
        put_number(&b, 0.1 * (i + 1), 'd', 8, big);
        put_number(&b, i, 'i', 1, big);
        if (i > 0) put_number(&b, 5, 'i', 2, big);
        if (i > 1) put_number(&b, 6, 'i', 2, big);
        put_number(&b, i + 1.5, 'f', 4, big);
        put_number(&b, i == 0 ? -7 : i == 1 ? 8 : -9, 'i', 4, big);
        put_number(&b, i == 0 ? 200 : i == 1 ? 0 : 255, 'i', 1, big);
    }
    put_number(&b, 3, 'i', 1, big);
    for (i = 0; i < 3; i++) put_number(&b, i, 'i', 4, big);
    return b;
}

static void ply_is_read(void)
{
    static const double want[] = {1.5, -7, 0.1, 2.5, 8, 0.2, 3.5, -9, 0.3};
    csv_table t;
    csv_how how;
    int i, k;
    memset(&how, 0, sizeof how);
    how.carry = 1;
    for (k = 0; k < 3; k++) {
        bytes b = ply("alb"[k], 3);
        if (!CHECK_INT(load_how("a.ply", &b, &how, &t), 0)) {
            printf("    %s\n", err);
            continue;
        }
        CHECK(t.rows == 3 && t.cols == 3);
        for (i = 0; i < 9; i++) CHECK_NEAR(t.v[i], want[i], 1e-15);
        CHECK_STR(t.name[2], "z");
        CHECK_STR(t.header, "red");
        CHECK_STR(t.text + t.at[0], "200");
        CHECK_STR(t.text + t.at[2], "255");
        csv_free(&t);
    }
    how.columns = "red,x";
    for (k = 0; k < 3; k++) {
        bytes b = ply("alb"[k], 3);
        if (!CHECK_INT(load_how("a.ply", &b, &how, &t), 0)) continue;
        CHECK_NEAR(t.v[0], 200, 0);
        CHECK_NEAR(t.v[1], 1.5, 0);
        CHECK_STR(t.header, "z,y");
        csv_free(&t);
    }
}

static bytes ply_text(const char *text)
{
    bytes b;
    b.n = 0;
    put_text(&b, text);
    return b;
}

#define PLY "ply\nformat ascii 1.0\n"
#define XYZ "property float x\nproperty float y\nproperty float z\nend_header\n"

static void ply_files_that_lie(void)
{
    bytes b = ply('l', 4);
    csv_table t;
    size_t n;
    int k;
    CHECK_INT(load("a.ply", &b, &t), -1);
    b = ply_text(PLY "element vertex 3\n" XYZ "1 2 3\n4 5 6\n");
    refused("a.ply", &b, ":10: the file ends after 2 of the 3 elements 'vertex' of its header: it "
            "was cut short");
    b = ply_text(PLY "element vertex 1\n" XYZ "1 2 3\n4 5 6\n");
    refused("a.ply", &b, ": the file goes on after all that its header says: one of the two is "
            "damaged");
    b = ply_text(PLY "element vertex 2\n" XYZ "1 2\n4 5 6\n");
    refused("a.ply", &b, ":8: 2 numbers are fewer than the header says of 'vertex'");
    b = ply_text(PLY "element vertex 2\n" XYZ "1 2 3 4\n4 5 6\n");
    refused("a.ply", &b, ":8: 4 numbers are more than the header says of 'vertex'");
    b = ply_text(PLY "element vertex 2\n" XYZ "1 2 three\n4 5 6\n");
    refused("a.ply", &b, ":8: field 3 is not a number: three");
    b = ply_text(PLY "element vertex 2\n" XYZ "1 2 nan\n4 5 6\n");
    refused("a.ply", &b, ":8: field 3 is not finite: nan (column z): --skip-missing leaves such "
            "rows out");
    b = ply_text(PLY "element vertex 2\nproperty float x\nproperty float y\nend_header\n1 2\n"
                 "3 4\n");
    refused("a.ply", &b, ": --columns: there is no column 'z': the file has x, y");
    b = ply_text(PLY "element point 2\n" XYZ "1 2 3\n4 5 6\n");
    refused("a.ply", &b, ": there is no element 'vertex' in the file");
    b = ply_text("ply\nformat text 1.0\nend_header\n");
    refused("a.ply", &b, ":2: unknown format text");
    b = ply_text(PLY "element vertex 2\nproperty half x\nend_header\n");
    refused("a.ply", &b, ":4: a property of unknown type: half");
    b = ply_text(PLY "property float x\nend_header\n");
    refused("a.ply", &b, ":3: a property before any element");
    b = ply_text("ply\nelement vertex 2\n" XYZ);
    refused("a.ply", &b, ":6: the header does not say which format");
    b = ply_text(PLY "element vertex 2\n");
    refused("a.ply", &b, ":4: the file ends within its header");
#define FOUR(line) line line line line
    b = ply_text(PLY FOUR(FOUR("element e 0\n")) "element vertex 2\n" XYZ);
    refused("a.ply", &b, ":19: too many elements");
    b = ply_text(PLY "element vertex 1\n" FOUR(FOUR(FOUR(FOUR("property int q\n")))) XYZ);
    refused("a.ply", &b, ":260: too many properties");
#undef FOUR
    b = ply_text(PLY "vertices 2\n");
    refused("a.ply", &b, ":3: a line of the header that is none of .ply: vertices");
    for (k = 0; k < 3; k++) {
        b = ply("alb"[k], 3);
        for (n = b.n - (k ? 1 : 2); n > 4; n--) { /* cut anywhere */
            b.n = n;
            CHECK_INT(load("a.ply", &b, &t), -1);
        }
    }
}

/* ---- .xyz ---- */

static void xyz_file(const char *text, const char *others)
{
    static const double want[] = {1, 2, 3, 3.5, 4, 5, -5, 6, 7};
    csv_table t;
    csv_how how;
    bytes b;
    int i;
    b.n = 0;
    put_text(&b, text);
    memset(&how, 0, sizeof how);
    how.carry = 1;
    if (!CHECK_INT(load_how("a.xyz", &b, &how, &t), 0)) {
        printf("    %s\n", err);
        return;
    }
    CHECK(t.rows == 3 && t.cols == 3);
    for (i = 0; i < 9; i++) CHECK_NEAR(t.v[i], want[i], 0);
    CHECK_STR(t.name[0], "x");
    CHECK_STR(t.carried ? t.header : "", others);
    csv_free(&t);
}

static void xyz_is_read(void)
{
    bytes b;
    xyz_file("1 2 3\n3.5 4 5\n-5 6 7\n", "");
    xyz_file(" 1   2\t3 \n3.5 4 5\n-5 6 7\n", "");
    xyz_file("1,2,3\n3.5,4,5\n-5,6,7\n", "");
    xyz_file("//X Y Z R G B\n1 2 3 9 9 9\n3.5 4 5 9 9 9\n-5 6 7 9 9 9\n",
             "column4,column5,column6");
    xyz_file("3\n1 2 3\n3.5 4 5\n-5 6 7\n", "");
    xyz_file("3\nwater at 300 K\nO 1 2 3\nH 3.5 4 5\nH -5 6 7\n", "atom");
    xyz_file("3\n\nO 1 2 3\nH 3.5 4 5\nH -5 6 7\n", "atom");
    xyz_file("x y z\n1 2 3\n3.5 4 5\n-5 6 7\n", "");
    b = ply_text("4\n\nO 1 2 3\nH 3.5 4 5\nH -5 6 7\n");
    refused("a.xyz", &b, ": its first line says 4 points, and there are 3: one of the two is "
            "wrong");
    b = ply_text("1 2\n3 4\n");
    refused("a.xyz", &b, ":1: 2 numbers in a line of .xyz: x y z were expected");
    b = ply_text("");
    refused("a.xyz", &b, ": the file is empty");
}

/* Damaged anywhere, files are read or refused, and nothing else happens (sanitizers watch). */
static void random_damage(void)
{
    static const char *const name[] = {"d.npy", "d.ply", "d.xyz", "d.csv"};
    uint64_t state = T_SEED + 77;
    csv_how how;
    csv_table t;
    int i, k, kind, reads = 0;
    memset(&how, 0, sizeof how);
    for (i = 0; i < (T_QUICK ? 400 : 8000); i++) {
        bytes b;
        kind = i % 6;
        if (kind == 0) b = npy(1 + i % 3, i % 4 ? "'<f8'" : "'<f4'", i % 5 ? "False" : "True",
                               "(3, 2)", 6);
        else if (kind < 4) b = ply("alb"[kind - 1], 3);
        else if (kind == 4) b = ply_text("3\nsome, \"text\"\nO 1 2 3\nH 3.5 4 5\nH -5 6 7\n");
        else b = ply_text(",\"x, \"\"1\"\"\",y\r\n0,1.5,\"2\"\r\n1,NA,3\r\n2,2,\"a\nb\"\r\n");
        for (k = 0; k < 1 + i % 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            b.p[(state >> 33) % b.n] = i % 2 ? (char)(state >> 25 & 0xff)
                                             : "\",;\n\r 0\t"[state >> 25 & 7];
        }
        how.carry = i % 3;
        how.skip_missing = i % 2;
        if (load_how(name[kind ? (kind < 4 ? 1 : kind - 2) : 0], &b, &how, &t)) {
            CHECK(!strncmp(err, "ebim: ", 6) && !t.v && !t.rows);
            continue;
        }
        reads++;
        csv_free(&t);
    }
    CHECK(reads > 0);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(npy_is_read);
    T_RUN(npy_in_fortran_order);
    T_RUN(npy_of_whole_numbers);
    T_RUN(npy_of_other_kinds);
    T_RUN(npy_headers_that_lie);
    T_RUN(npy_rows_without_values);
    T_RUN(npy_is_written);
    T_RUN(numpy_reads_and_writes_it);
    T_RUN(ply_is_read);
    T_RUN(ply_files_that_lie);
    T_RUN(xyz_is_read);
    T_RUN(random_damage);
    return T_END();
}
