/* Reading and writing of tables, and the coordinate changes of the tool. */
#include <stddef.h>
#include <time.h>

/* Fails when allocations_left runs out; negative: never. */
static void *scarce_realloc(void *p, size_t size);
#define FILE_REALLOC scarce_realloc

#include "t.h"
#include "../examples/common/embed.h"

static int allocations_left = -1;

static void *scarce_realloc(void *p, size_t size)
{
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    return realloc(p, size);
}

static char err[FILE_ERROR];
static const char *const xy[] = {"x", "y"};
static const double four[] = {1, -2.5, 0.1, 1e-300};

/* Puts n bytes into a scratch file and returns its path. */
static const char *file_of(const char *name, const char *text, size_t n)
{
    const char *path = t_tmp(name);
    FILE *f = fopen(path, "wb");
    if (!CHECK(f != NULL)) exit(1);
    CHECK(fwrite(text, 1, n, f) == n);
    CHECK(fclose(f) == 0);
    return path;
}

static int read_how(const char *path, const csv_how *how, csv_table *table)
{
    file_in in;
    int failed = file_open(&in, path, err, sizeof err);
    memset(table, 0, sizeof *table);
    if (!failed) failed = csv_read_in(&in, how, table, err, sizeof err);
    file_close(&in);
    return failed;
}

static csv_how how_to(const char *columns)
{
    csv_how how;
    memset(&how, 0, sizeof how);
    how.columns = columns;
    return how;
}

static int read_text(const char *text, csv_table *table)
{
    return csv_read(file_of("in.csv", text, strlen(text)), table, err, sizeof err);
}

/* The whole of a file as a string; "" when there is none. */
static const char *content(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    text[n] = 0;
    return text;
}

static int exists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

/* The message must be one line: `ebim: FILE` then the text given. */
static void check_error(const char *file, const char *text)
{
    char want[1200];
    snprintf(want, sizeof want, "ebim: %s%s", file, text);
    CHECK_STR(err, want);
}

static void bad(const char *text, const char *message)
{
    csv_table table;
    CHECK_INT(read_text(text, &table), -1);
    check_error(t_tmp("in.csv"), message);
    CHECK(!table.v && !table.line && !table.name && !table.rows && !table.cols);
}

/* ---- reading ---- */

static void reads_numbers(void)
{
    csv_table table;
    if (!CHECK_INT(read_text("1,2.5\n-3e2,+.25\n", &table), 0)) return;
    CHECK_INT(table.rows, 2);
    CHECK_INT(table.cols, 2);
    CHECK(table.name == NULL);
    CHECK_NEAR(table.v[0], 1, 0);
    CHECK_NEAR(table.v[1], 2.5, 0);
    CHECK_NEAR(table.v[2], -300, 0);
    CHECK_NEAR(table.v[3], 0.25, 0);
    CHECK_INT(table.line[1], 2);
    csv_free(&table);
}

static void reads_header_comments_blanks_crlf_spaces(void)
{
    csv_table table;
    const char *text = "\xef\xbb\xbf# a comment, with a comma\r\n\r\n x , \"y z\" \r\n"
                       "# nan\r\n 1 ,\t2\r\n   \r\n3,4";
    if (!CHECK_INT(read_text(text, &table), 0)) return;
    CHECK_INT(table.rows, 2);
    CHECK_INT(table.cols, 2);
    if (CHECK(table.name != NULL)) {
        CHECK_STR(table.name[0], "x");
        CHECK_STR(table.name[1], "y z");
    }
    CHECK_NEAR(table.v[1], 2, 0);
    CHECK_NEAR(table.v[3], 4, 0);
    CHECK_INT(table.line[0], 5);
    CHECK_INT(table.line[1], 7);
    csv_free(&table);
}

static void one_column_and_many_rows(void)
{
    csv_table table;
    FILE *f = fopen(t_tmp("many.csv"), "wb");
    int i;
    for (i = 0; i < 10000; i++) fprintf(f, "%d\n", i * i);
    fclose(f);
    if (!CHECK_INT(csv_read(t_tmp("many.csv"), &table, err, sizeof err), 0)) return;
    CHECK_INT(table.rows, 10000);
    CHECK_INT(table.cols, 1);
    for (i = 0; i < 10000; i++) CHECK_NEAR(table.v[i], i * i, 0);
    csv_free(&table);
}

static void tiny_numbers_are_no_error(void)
{
    csv_table table;
    if (!CHECK_INT(read_text("1e-400,5e-324\n", &table), 0)) return;
    CHECK_NEAR(table.v[0], 0, 0);
    csv_free(&table);
}

static void rejects_files_without_rows(void)
{
    bad("", ": the file is empty");
    bad("\n\n", ": no rows of numbers");
    bad("# only\n# comments\n", ": no rows of numbers");
    bad("x,y\n", ": no rows of numbers");
}

#define CUT ": is the line cut short? write NA where a value is missing"
#define TITLE ": is the first line a title? begin it with #; else it lacks a name"
#define MORE ": a text with the delimiter in it? put it in quotes"
#define FIX ": correct it or the row"
#define SKIP ": --skip-missing leaves such rows out"

static void rejects_ragged_rows(void)
{
    bad("1,2\n3\n", ":2: 1 field where the first line has 2" CUT);
    bad("x,y\n7.5,2,3\n", ":2: 3 fields where the first line has 2: take out what is too much");
    bad("x,y\n1,2\n3,4\n5,6,7\n", ":4: 3 fields where the first line has 2: take out what is "
        "too much");
    bad("x,y\n1,2\n3,4\n5,a, b\n", ":4: 3 fields where the first line has 2" MORE);
    bad("afar\nx,y\n1,2\n3,4\n", ":2: field 2 is not a number: y (column afar): two lines of "
        "names? begin the one that is none with #");
    bad("x,y\nm,s\n1,2\n3,4\n", ":2: field 1 is not a number: m (column x): two lines of names? "
        "begin the one that is none with #");
    bad("afar\nx,y\n1,2\n0,4\n", ":2: 2 fields where the first line has 1" TITLE);
    bad("x,y\n1,5,2,25\n", ":2: 4 fields where the first line has 2: decimal commas? write "
        "points, or tabs between the fields");
    bad("x,y\n2,500,2.5\n1,500,3.5\n", ":2: 3 fields where the first line has 2: thousands? "
        "write numbers without ',' in them");
    bad("1,2,\n", ":1: field 3 is empty" SKIP);
}

static void rejects_text(void)
{
    bad("x,y\n1,2\n3,four\n", ":3: field 2 is not a number: four (column y)" FIX);
    bad("1,2\n3,4;5\n", ":2: field 2 is not a number: 4;5" FIX);
    bad("1,2\n3,0x10\n", ":2: field 2 is not a number: 0x10" FIX);
    bad("1,2\n3,1e\n", ":2: field 2 is not a number: 1e: write the number alone");
    bad("1,2\n3,4 5\n", ":2: field 2 is not a number: 4 5" FIX);
    bad("1,2\n3,+\n", ":2: field 2 is not a number: +" FIX);
    bad("1,2\n3,-\n", ":2: field 2 is missing: -" SKIP);
    bad("1,2\nx,y\n", ":2: field 1 is not a number: x" FIX);
    bad("1,2..0\n3,4\n", ":1: field 2 is not a number, but other fields of the line are: "
        "--header yes if they are names");
    bad("1,\n", ":1: field 2 is empty" SKIP);
    bad("x,,y\n1,2,3\n", ":1: column 2 has no name: give it one, or choose by --columns");
    bad("x,\"\"\n1,2\n", ":1: column 2 has no name: give it one, or choose by --columns");
    bad("1,2\n3,4\r5,6\n", ":2: 3 fields where the first line has 2" MORE);
    bad("1,2\n3,\"4\n5,6\n", ":2: a quote is opened and not closed");
}

static void rejects_what_is_not_finite(void)
{
    bad("1,2\n3,nan\n", ":2: field 2 is not finite: nan" SKIP);
    bad("1,2\n-NaN,3\n", ":2: field 1 is not finite: -NaN" SKIP);
    bad("1,2\n+inf,3\n", ":2: field 1 is not finite: +inf" FIX);
    bad("1,2\nInfinity,3\n", ":2: field 1 is not finite: Infinity" FIX);
    bad("nan,inf\n1,2\n", ":1: field 1 is not finite: nan" SKIP);
    bad("1,2\n3,infin\n", ":2: field 2 is not a number: infin" FIX);
    bad("1,1e999\n", ":1: field 2 is out of range: 1e999: give it in another unit");
    bad("1,2\n-1e400,2\n", ":2: field 1 is out of range: -1e400: give it in another unit");
}

/* ---- as people have them ---- */

/* The rows of text, read in this way, must be 1 2, 3.5 4, -5 6. */
static void same_rows(const char *text, const csv_how *how, const char *names, int index)
{
    static const double want[] = {1, 2, 3.5, 4, -5, 6};
    csv_table t;
    char joined[100] = "";
    int i;
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), how, &t), 0)) {
        printf("    %s\n", err);
        return;
    }
    CHECK_INT(t.rows, 3);
    CHECK_INT(t.index, index);
    if (CHECK_INT(t.cols, 2) && t.rows == 3)
        for (i = 0; i < 6; i++) CHECK_NEAR(t.v[i], want[i], 0);
    for (i = 0; t.name && i < t.cols; i++) {
        strcat(joined, t.name[i]);
        if (i + 1 < t.cols) strcat(joined, "|");
    }
    if (!CHECK_STR(joined, names)) printf("    of %s\n", text);
    csv_free(&t);
}

static void as_found(const char *text, const char *names, int index)
{
    csv_how how = how_to(NULL);
    same_rows(text, &how, names, index);
}

static void delimiters_are_found(void)
{
    as_found("x;y\n1;2\n3.5;4\n-5;6\n", "x|y", 0);
    as_found("x;y\n1;2\n3,5;4\n-5;6\n", "x|y", 0);
    as_found("1,0;2,0\n3,5;4,0\n-5,0;6,0\n", "", 0);
    as_found("x\ty\n1\t2\n3.5\t4\n-5\t6\n", "x|y", 0);
    as_found("x\ty\n1,0\t2\n3,5\t4\n-5\t6,0\n", "x|y", 0);
    as_found("x y\n1 2\n3.5 4\n-5 6\n", "x|y", 0);
    as_found("  x   y \n 1   2 \n 3.5 \t 4\n-5   6\n", "x|y", 0);
    as_found("x y\n1,0 2,0\n3,5 4,0\n-5,0 6,0\n", "x|y", 0);
    as_found("x , y\n1 , 2\n3.5 , 4\n-5 , 6\n", "x|y", 0);
    as_found("x, y\n1, 2\n3.5, 4\n-5, 6\n", "x|y", 0);
    as_found("x|y\n1|2\n3.5|4\n-5|6\n", "x|y", 0);
    as_found("a b;c d\n1,0;2,0\n3,5;4,0\n-5,0;6,0\n", "a b|c d", 0);
}

static void quotes_are_taken_off(void)
{
    as_found("\"x\",\"y\"\n\"1\",\"2\"\n\"3.5\",\"4\"\n\"-5\",\"6\"\n", "x|y", 0);
    as_found("\"a, x\",\"b \"\"y\"\"\"\n1,2\n3.5,4\n-5,6\n", "a, x|b \"y\"", 0);
    as_found("\"a; x\";\"y\"\n\"1,0\";\"2,0\"\n\"3,5\";4\n-5;6\n", "a; x|y", 0);
    as_found("\"1,0\",\"2,0\"\n\"3,5\",\"4,0\"\n\"-5\",\"6\"\n", "", 0);
    as_found("\"two\nlines\",y\r\n1,2\r\n3.5,4\r\n-5,6\r\n", "two lines|y", 0);
    as_found("a \"b\",y\n1,2\n3.5,4\n-5,6\n", "a \"b\"|y", 0);
}

static void ends_and_beginnings(void)
{
    as_found("x,y,\n1,2,\n3.5,4,\n-5,6,\n", "x|y", 0);
    as_found("x,y\n1,2,\n3.5,4,\n-5,6,\n", "x|y", 0);
    as_found("x,y,\n1,2\n3.5,4\n-5,6\n", "x|y", 0);
    as_found("1;2;\n3,5;4;\n-5;6;\n", "", 0);
    as_found("x,y\r1,2\r3.5,4\r-5,6\r", "x|y", 0);
    as_found("\xef\xbb\xbfx;y\r\n1;2\r\n3,5;4\r\n-5;6", "x|y", 0);
    as_found("sep=;\r\nx;y\r\n1;2\r\n3,5;4\r\n-5;6\r\n", "x|y", 0);
    as_found("% from elsewhere\n%\nx,y\n1,2\n3.5,4\n-5,6\n", "x|y", 0);
    as_found("%x,y\n1,2\n3.5,4\n-5,6\n", "%x|y", 0);
    as_found("# x and y\n\n1 2\n# more\n3.5 4\n-5 6\n", "", 0);
}

static void an_index_is_left_out(void)
{
    as_found(",x,y\n0,1,2\n1,3.5,4\n2,-5,6\n", "x|y", 1);
    as_found("\"\",\"x\",\"y\"\n\"1\",1,2\n\"2\",3.5,4\n\"3\",-5,6\n", "x|y", 1);
    as_found(";x;y\na;1;2\nb;3,5;4\nc;-5;6\n", "x|y", 1);
    as_found("\tx\ty\n0\t1\t2\n1\t3.5\t4\n2\t-5\t6\n", "x|y", 1);
    as_found("\"x\" \"y\"\n\"1\" 1 2\n\"2\" 3.5 4\n\"3\" -5 6\n", "x|y", 1);
    as_found("x,y\n3,1,2\n7,3.5,4\n8,-5,6\n", "x|y", 1);
    as_found("x y\nfirst 1 2\nsecond 3.5 4\nthird -5 6\n", "x|y", 1);
    as_found(",0,1\n0,1,2\n1,3.5,4\n2,-5,6\n", "0|1", 1);
    as_found("Unnamed: 0,x,y\n0,1,2\n1,3.5,4\n2,-5,6\n", "x|y", 1);
    bad("x,y\n.5,1,2\n.25,3,4\n", ":2: 3 fields where the first line has 2" TITLE);
}

static void with(const char *columns, int header, int skip, const char *text, const char *names)
{
    csv_how how = how_to(columns);
    how.header = header;
    how.skip_missing = skip;
    same_rows(text, &how, names, 0);
}

static void columns_are_chosen(void)
{
    const char *text = "id,x,t,y\na,1,0,2\nb,3.5,0,4\nc,-5,0,6\n";
    csv_how how;
    with("x,y", 0, 0, text, "x|y");
    with("2,4", 0, 0, text, "x|y");
    with(" x , 4 ", 0, 0, text, "x|y");
    with("\"x\",\"y\"", 0, 0, text, "x|y");
    with("\"a, x\",\"b \"\"y\"\"\"", 0, 0, "i,\"a, x\",\"b \"\"y\"\"\"\n0,1,2\n0,3.5,4\n0,-5,6\n",
         "a, x|b \"y\"");
    with("2-3", 0, 0, "0,1,2,9\n0,3.5,4,9\n0,-5,6,9\n", "");
    with("2-3", 0, 0, "id,x,y\na,1,2\nb,3.5,4\nc,-5,6\n", "x|y");
    with("2,1", 0, 0, "2,1\n4,3.5\n6,-5\n", "");
    with("1,0", 1, 0, "0,1\n2,1\n4,3.5\n6,-5\n", "1|0"); /* names go before numbers */
    with("1,2", 0, 0, "x,y,x\n1,2,0\n3.5,4,0\n-5,6,0\n", "x|y");
    with("3,2", 0, 0, "x,y,x\n0,2,1\n0,4,3.5\n0,6,-5\n", "x.1|y");
    how = how_to("2-3");
    same_rows(",x,y\n0,1,2\n1,3.5,4\n2,-5,6\n", &how, "x|y", 1);
}

static void refused(const char *columns, const char *text, const char *message)
{
    csv_table t;
    csv_how how = how_to(columns);
    CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), -1);
    check_error(t_tmp("in.csv"), message);
    CHECK(!t.v && !t.line && !t.name && !t.text && !t.rows);
}

static void columns_that_are_not_there(void)
{
    const char *named = "id,x,y\na,1,2\nb,3,4\n", *plain = "1,2\n3,4\n";
    refused("x,z", named, ":1: --columns: there is no column 'z': the file has id, x, y");
    refused("2-4", named, ":1: --columns: '2-4' should be within 1 to 3, the columns of the file");
    refused("0", plain, ":1: --columns: '0' should be within 1 to 2, the columns of the file");
    refused("2-1", plain, ":1: --columns: '2-1' should be within 1 to 2, the columns of the file");
    refused("x,x", named, ":1: --columns: column 2 is taken twice");
    refused("y,x", "x,y,x\n1,2,0\n", ":1: --columns: columns 1 and 3 are both named 'x': give the "
            "number of the one that is meant");
    refused("1-2,2", plain, ":1: --columns: column 2 is taken twice");
    refused("1,,2", plain, ":1: --columns: there is no column '': the file has no names, columns "
            "are numbers from 1 to 2");
}

/* Every text column has a message that names what then works. */
static void text_names_its_cure(void)
{
    bad("id,x,y\na,1,2\nb,3,4\n", ":2: field 1 is not a number: a (column id): try --columns x,y");
    bad("a,1,2\nb,3,4\n", ":1: field 1 is not a number: a: try --columns 2-3");
    bad("x,y,when\n1,2,2020-01-01\n", ":2: field 3 is not a number: 2020-01-01 (column when): try "
        "--columns x,y");
    bad("id,\"a b\",c\nq,1,2\n", ":2: field 1 is not a number: q (column id): try --columns 2-3");
    bad("x;y\n1,5;2.5\n", ":2: field 2 has a decimal point, and those before it decimal commas: "
        "2.5: write points in all, and thousands without commas");
    bad("x,y,t\n1,2,\n3,4,\n", ":2: field 3 is empty (column t): try --columns x,y");
    bad("x,y\n5 m,2\n3 m,4\n", ":2: field 1 is not a number: 5 m (column x): write the number "
        "alone, or try --columns y");
    bad("x,y\n1,2\n$3,4\n", ":3: field 1 is not a number: $3 (column x): write the number alone");
}

static void missing_rows_are_skipped(void)
{
    static const char *const word[] = {"NA", "", "nan", "NaN", "null", "?", "-", "n/a", "#N/A",
                                       "None", ".", "<NA>", "-nan", "\"\"", "\"NA\"", "NULL"};
    char text[200];
    csv_table t;
    csv_how how = how_to(NULL);
    size_t i;
    how.skip_missing = 1;
    for (i = 0; i < sizeof word / sizeof *word; i++) {
        sprintf(text, "x,y\n1,2\n%s,9\n3.5,4\n9,%s\n-5,6\n", word[i], word[i]);
        same_rows(text, &how, "x|y", 0);
    }
    same_rows("1,2\n?,?\n3.5,4\n-5,6\n", &how, "", 0);
    same_rows("#N/A,#N/A\n1,2\n3.5,4\n-5,6\n", &how, "", 0);
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), 0)) return;
    CHECK_INT(t.skipped, 2);
    CHECK_INT(t.skipped_line[0], 3);
    CHECK_INT(t.skipped_line[1], 5);
    csv_free(&t);
    /* A value missing in another column is no reason. */
    with("2,3", 0, 1, "NA,1,2\nNA,3.5,4\nNA,-5,6\n", "");
    refused(NULL, "x,y\n1,NA\n3,4\n", ":2: field 2 is missing: NA (column y)" SKIP);
    how.columns = NULL;
    CHECK_INT(read_how(file_of("in.csv", "x,y\n1,NA\n?,2\n", 13), &how, &t), -1);
    check_error(t_tmp("in.csv"), ": no rows are left: all 2 miss a value in the columns taken");
}

static void a_first_row_is_no_header_by_chance(void)
{
    const char *na = "NA,NA\n1,2\n3.5,4\n-5,6\n";
    bad(na, ":1: field 1 is NA: no names and no numbers in this line: --skip-missing if it is a "
        "row, --header yes if it is a header");
    with(NULL, 0, 1, na, "");
    with(NULL, 1, 0, na, "NA|NA.1");
    bad("1.2.3,4..5\n1,2\n", ":1: field 2, 4..5, is no number and hardly a name: --header yes if "
        "it is one, --header no if not");
    with(NULL, 1, 0, "10m_u,10m_v\n1,2\n3.5,4\n-5,6\n", "10m_u|10m_v");
    with(NULL, 1, 0, "2019,2020\n1,2\n3.5,4\n-5,6\n", "2019|2020");
    as_found("K,Na\n1,2\n3.5,4\n-5,6\n", "K|Na", 0); /* sodium, beside a name */
}

static void weights_are_read(void)
{
    csv_table t;
    csv_how how = how_to(NULL);
    how.weights = "w";
    if (!CHECK_INT(read_how(file_of("in.csv", "x,w,y\n1,.5,2\n3,0,4\n", 19), &how, &t), 0)) return;
    CHECK_INT(t.cols, 2);
    CHECK_STR(t.name[1], "y");
    CHECK_NEAR(t.v[3], 4, 0);
    CHECK_NEAR(t.weight[0], 0.5, 0);
    CHECK_NEAR(t.weight[1], 0, 0);
    csv_free(&t);
    CHECK_INT(read_how(file_of("in.csv", "x,w,y\n1,-1,2\n", 13), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":2: field 2 is a weight, and negative: -1 (column w): weights "
                "are 0 or more");
    CHECK_INT(read_how(file_of("in.csv", "x,w,y\n1,inf,2\n", 14), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":2: field 2 is not finite: inf (column w)" FIX);
    CHECK_INT(read_how(file_of("in.csv", "x,w,y\n1,0,2\n3,0,4\n", 18), &how, &t), -1);
    check_error(t_tmp("in.csv"), ": all weights are 0 (column 2): at least one must be more");
    how.weights = "v";
    CHECK_INT(read_how(file_of("in.csv", "x,w,y\n1,0,2\n3,0,4\n", 18), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":1: --weights: there is no column 'v': the file has x, w, y");
}

static void delimiters_by_option(void)
{
    csv_table t;
    csv_how how = how_to(NULL);
    how.delimiter = '/';
    same_rows("x/y\n1/2\n3.5/4\n-5/6\n", &how, "x|y", 0);
    how.delimiter = ';';
    CHECK_INT(read_how(file_of("in.csv", "x,y\n1,2\n", 8), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":1: --delimiter cuts no line: leave it out, or is it ','?");
    how.delimiter = ',';
    CHECK_INT(read_how(file_of("in.csv", "x;y\n1,5;2,5\n", 12), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":2: 3 fields where the first line has 1: decimal commas? try "
                "--delimiter ';'");
}

/* Columns not taken, or all, as text, and a model's order of columns. */
static void columns_are_carried(void)
{
    const char *text = "id,y,x,note\n7,2,1,\"a, b\"\n8,4,3.5,\"say \"\"no\"\"\"\n9,6,-5,\n";
    csv_table t;
    csv_how how = how_to(NULL);
    how.names = "x\ny";
    how.carry = 1;
    same_rows(text, &how, "x|y", 0);
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), 0)) return;
    CHECK_INT(t.carried, 2);
    CHECK_STR(t.header, "id,note");
    CHECK_STR(t.text + t.at[0], "7,\"a, b\"");
    CHECK_STR(t.text + t.at[1], "8,\"say \"\"no\"\"\"");
    CHECK_STR(t.text + t.at[2], "9,");
    csv_free(&t);
    how.carry = 2;
    text = "id;y;x\na;2,25;1\n";
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), 0)) return;
    CHECK_STR(t.header, "id,y,x");
    CHECK_STR(t.text + t.at[0], "a,2.25,1");
    csv_free(&t);
    how.names = NULL; /* names for columns of a file without */
    if (!CHECK_INT(read_how(file_of("in.csv", "1,2,3\n", 6), &how, &t), 0)) return;
    CHECK_STR(t.header, "x0,x1,x2");
    csv_free(&t);
    how.names = "x\npos, y";
    how.columns = "1,3";
    if (!CHECK_INT(read_how(file_of("in.csv", "1,2,3\n", 6), &how, &t), 0)) return;
    CHECK_STR(t.header, "x,column2,\"pos, y\"");
    csv_free(&t);
    how.columns = NULL;
    how.names = "x\nz";
    CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":1: there is no column 'z', which the model has: the file has "
                "id, y, x: --columns LIST takes others, those that stand for x, z, in this order");
    how.columns = "y,x";
    CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), -1);
    check_error(t_tmp("in.csv"), ":1: --columns: 'x' would stand for 'z', and the model has a 'x': "
                "list what stands for x, z, in this order");
    how.columns = "x,y"; /* in this order, as they are not the model's names */
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), 0)) return;
    CHECK_NEAR(t.v[1], 2.25, 0);
    csv_free(&t);
    how.columns = "y,x";
    how.names = "x\ny"; /* and by name, as they are */
    if (!CHECK_INT(read_how(file_of("in.csv", text, strlen(text)), &how, &t), 0)) return;
    CHECK_NEAR(t.v[0], 1, 0);
    csv_free(&t);
}

static void other_files_are_named(void)
{
    bad("PK\3\4xxxx", ": an archive (.xlsx, .npz, .zip): save the table as CSV, the array as "
        ".npy");
    bad("\xff\xfe" "1\1\n1\n1", ": UTF-16 text: save it as UTF-8");
    bad("EBIM\r\n\032\n", ": a model of ebim, where data are wanted");
    bad("{\"x\": [1, 2]}", ": JSON: save the table as CSV");
    bad("<html><table>", ": HTML: save its table as CSV");
    as_found("<x>,<y>\n1,2\n3.5,4\n-5,6\n", "<x>|<y>", 0);
}

/* Digits, exponents, rounding: as strtod has them, bit for bit. */
static void numbers_are_rounded_correctly(void)
{
    static const char *const hard[] = {
        "9007199254740993", "9007199254740992", "0.1", "1e23", "1e22", "8.5e-22", "1e-23",
        "123456789012345678901234567890", "0.000000000000000000000000000001", "1e00005", "5e-1",
        "2.2250738585072011e-308", "1.7976931348623157e308", "4.9e-324", "-0", "1.e5", ".5",
        "00000000000000000000000001.5", "9007199254740993e-1", "18446744073709551616",
        "3.14159265358979323846264338327950288"};
    uint64_t state = T_SEED;
    char text[64];
    double v, w;
    int i;
    for (i = 0; i < (int)(sizeof hard / sizeof *hard); i++) {
        CHECK_INT(csv_number(hard[i], &v), CSV_NUMBER);
        w = strtod(hard[i], NULL);
        if (!CHECK(!memcmp(&v, &w, sizeof v))) printf("    %s\n", hard[i]);
    }
    for (i = 0; i < (T_QUICK ? 2000 : 200000); i++) {
        uint64_t a;
        state = state * 6364136223846793005u + 1442695040888963407u;
        a = state >> (state >> 58);
        sprintf(text, "%s%llu.%0*ue%d", state & 1 ? "-" : "", (unsigned long long)(a >> 20),
                1 + (int)(a % 9), (unsigned)(a & 0xfffff), (int)(state >> 33 & 63) - 32);
        if (csv_number(text, &v) != CSV_NUMBER) CHECK(0);
        w = strtod(text, NULL);
        if (memcmp(&v, &w, sizeof v)) CHECK_STR(text, "rounded otherwise");
    }
    CHECK(i > 0);
    CHECK_INT(csv_number("1e", &v), CSV_TEXT);
    CHECK_INT(csv_number(".", &v), CSV_TEXT);
    CHECK_INT(csv_number("1e+", &v), CSV_TEXT);
    CHECK_INT(csv_number("--1", &v), CSV_TEXT);
    CHECK_INT(csv_number("1 ", &v), CSV_TEXT);
}

/* More than one block of the file, with quotes and lines across the ends of blocks. */
static void long_files(void)
{
    csv_table t;
    const char *path = t_tmp("blocks.csv");
    FILE *f = fopen(path, "wb");
    int i, n = T_QUICK ? 60000 : 300000;
    for (i = 0; i < n; i++) fprintf(f, "%d,\"%d.25\",%*s1\n", i, i % 1000, i % 37, "");
    fclose(f);
    if (!CHECK_INT(csv_read(path, &t, err, sizeof err), 0)) return;
    CHECK_INT(t.rows, n);
    for (i = 0; i < t.rows; i++) {
        if (t.line[i] != i + 1) CHECK_INT(t.line[i], i + 1);
        if (fabs(t.v[3 * i] - i) > 0) CHECK_NEAR(t.v[3 * i], i, 0);
        if (fabs(t.v[3 * i + 1] - i % 1000 - 0.25) > 0) CHECK(0);
    }
    csv_free(&t);
    remove(path);
}

/* What the C library takes for the same lines and numbers: the yardstick of this machine, now. */
static double seconds_by_strtod(const char *path)
{
    clock_t start = clock();
    FILE *f = fopen(path, "rb");
    char line[200], *at, *end;
    double sum = 0;
    if (!CHECK(f != NULL)) return 0;
    while (fgets(line, sizeof line, f))
        for (at = line; *at; at = end) {
            double v = strtod(at, &end);
            if (end == at) end++;
            else sum += v;
        }
    fclose(f);
    CHECK(t_finite(sum));
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* A million rows of three numbers: within three times what the C library takes for them. */
static void a_million_rows(void)
{
    const char *path = t_tmp("million.csv");
    csv_table t;
    FILE *f;
    clock_t start;
    double seconds, least;
    uint64_t state = T_SEED;
    int i, k;
    if (T_QUICK) T_SKIP("--quick");
    f = fopen(path, "wb");
    if (!CHECK(f != NULL)) return;
    fprintf(f, "x,y,z\n");
    for (i = 0; i < 1000000; i++)
        for (k = 0; k < 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            fprintf(f, "%.9g%c", (double)(int64_t)state * 1e-18, k < 2 ? ',' : '\n');
        }
    fclose(f);
    start = clock();
    if (!CHECK_INT(csv_read(path, &t, err, sizeof err), 0)) return;
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    least = seconds_by_strtod(path);
    if (!CHECK(t.rows == 1000000 && seconds <= 3 * least))
        printf("    %.2f s, strtod %.2f s\n", seconds, least);
    csv_free(&t);
    remove(path);
}

static void case_is(const char *name, csv_how how, int skipped)
{
    csv_table plain, t;
    char path[200];
    int i, bad_rows = 0;
    snprintf(path, sizeof path, "../shared/cases/%s", name);
    if (!CHECK_INT(csv_read("../shared/cases/plain.csv", &plain, err, sizeof err), 0)) return;
    if (CHECK_INT(read_how(path, &how, &t), 0)) {
        CHECK_INT(t.rows, plain.rows - skipped);
        CHECK_INT(t.skipped, skipped);
        CHECK_INT(t.cols, plain.cols);
        for (i = 0; i < 2 * t.rows && !skipped; i++)
            bad_rows += t.v[i] < plain.v[i] || t.v[i] > plain.v[i];
        CHECK_INT(bad_rows, 0);
        csv_free(&t);
    } else {
        printf("    %s\n", err);
    }
    csv_free(&plain);
}

static void case_fails(const char *name, const char *message)
{
    csv_table t;
    char path[200];
    snprintf(path, sizeof path, "../shared/cases/%s", name);
    CHECK_INT(csv_read(path, &t, err, sizeof err), -1);
    if (!CHECK(strstr(err, message) != NULL)) printf("    %s\n", err);
}

static void the_cases(void)
{
    static const char *const same[] = {"semi.csv", "semidot.csv", "tab.tsv", "quoted.csv",
                                       "quotednum.csv", "index.csv"};
    csv_how how = how_to(NULL);
    size_t i;
    if (!exists("../shared/cases/plain.csv")) T_SKIP("no ../shared/cases here");
    for (i = 0; i < sizeof same / sizeof *same; i++) case_is(same[i], how, 0);
    case_fails("text.csv", "text.csv:2: field 1 is not a number: pt0 (column id): "
               "try --columns x,y");
    how.columns = "x,y";
    case_is("text.csv", how, 0);
    case_fails("missing.csv", "missing.csv:12: field 2 is empty (column y)" SKIP);
    how.columns = NULL;
    how.skip_missing = 1;
    case_is("missing.csv", how, 1);
    case_fails("first_NA.csv", "first_NA.csv:1: field 1 is NA: no names and no numbers in this "
               "line: --skip-missing");
}

static void long_fields_are_cut_in_messages(void)
{
    bad("1\naaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee\n",
        ":2: field 1 is not a number: aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd" FIX);
}

static void rejects_binary(void)
{
    csv_table table;
    CHECK_INT(csv_read(file_of("bin", "1,2\n3,\0004\n", 9), &table, err, sizeof err), -1);
    check_error(t_tmp("bin"), ":2: not a text file: it holds a zero byte");
    CHECK(table.v == NULL);
}

static void rejects_long_lines(void)
{
    csv_table table;
    size_t n = CSV_MAX_LINE;
    char *text = (char *)malloc(n + 3);
    const char *path;
    memset(text, ' ', n + 3);
    memcpy(text, "1\n2", 3);
    text[n + 1] = '3'; /* a line of exactly n characters after "1\n" ... */
    path = file_of("long", text, n + 2);
    CHECK_INT(csv_read(path, &table, err, sizeof err), -1);
    CHECK(strstr(err, ":2: 2 fields where") != NULL);
    path = file_of("long", text, n + 3); /* ... and one of n + 1 */
    CHECK_INT(csv_read(path, &table, err, sizeof err), -1);
    check_error(path, ":2: line longer than 1048576 characters");
    free(text);
}

static void rejects_missing_files_and_directories(void)
{
    csv_table table;
    CHECK_INT(csv_read(t_tmp("nothing.csv"), &table, err, sizeof err), -1);
    check_error(t_tmp("nothing.csv"), ": No such file or directory");
    CHECK_INT(csv_read("tests", &table, err, sizeof err), -1);
    check_error("tests", ": Is a directory");
    CHECK(table.v == NULL);
}

static void messages_fit_their_buffer(void)
{
    csv_table table;
    char small[16];
    CHECK_INT(csv_read(t_tmp("nothing.csv"), &table, small, sizeof small), -1);
    CHECK_INT(strlen(small), sizeof small - 1);
    CHECK_INT(csv_read(t_tmp("nothing.csv"), &table, NULL, 0), -1);
}

/* Every allocation fails in turn: always a clean error, until none is left to fail. */
static void survives_running_out_of_memory(void)
{
    csv_table table;
    const char *path = t_tmp("memory.csv");
    FILE *f = fopen(path, "wb");
    embed e;
    double *x = NULL;
    int i, n, failed = 1;
    fprintf(f, "lat,lon\n");
    for (i = 0; i < 200; i++) fprintf(f, "%d,%d\n", i % 90, i);
    fprintf(f, "#%300s\n", "");
    fclose(f);
    CHECK_INT(embed_parse(&e, "latlon", err, sizeof err), 0);
    for (i = 0; failed && i < 100; i++) {
        allocations_left = i;
        failed = csv_read(path, &table, err, sizeof err) != 0;
        if (!failed) {
            x = embed_table(&e, path, &table, &n, err, sizeof err);
            failed = x == NULL;
            csv_free(&table);
        }
        if (failed) CHECK(strstr(err, "out of memory") != NULL);
        CHECK(failed == !x);
    }
    CHECK(i > 8);
    CHECK(!failed);
    free(x);
    allocations_left = 0;
    CHECK_INT(csv_write(t_tmp("o.csv"), 1, 1, NULL, four, 9, err, sizeof err), -1);
    CHECK(strstr(err, "Cannot allocate memory") != NULL);
    allocations_left = -1;
}

/* ---- writing ---- */

static void writes_what_it_reads(void)
{
    csv_table table;
    const char *path = t_tmp("out.csv");
    int i;
    CHECK_INT(csv_write(path, 2, 2, xy, four, 17, err, sizeof err), 0);
    CHECK_STR(content(path), "x,y\n1,-2.5\n0.10000000000000001,1e-300\n");
    if (!CHECK_INT(csv_read(path, &table, err, sizeof err), 0)) return;
    CHECK_STR(table.name[1], "y");
    for (i = 0; i < 4; i++) CHECK_NEAR(table.v[i], four[i], 0);
    csv_free(&table);
    CHECK_INT(csv_write(path, 2, 2, NULL, four, 3, err, sizeof err), 0); /* over the old one */
    CHECK_STR(content(path), "1,-2.5\n0.1,1e-300\n");
    CHECK(!exists(t_tmp("out.csv.tmp0")));
}

static void discard_leaves_the_target(void)
{
    file_out o;
    const char *path = file_of("kept.csv", "old\n", 4);
    CHECK_INT(file_create(&o, path, err, sizeof err), 0);
    fprintf(o.f, "new\n");
    CHECK(exists(t_tmp("kept.csv.tmp0")));
    CHECK_STR(content(path), "old\n");
    file_discard(&o);
    file_discard(&o);
    CHECK_STR(content(path), "old\n");
    CHECK(!exists(t_tmp("kept.csv.tmp0")));
}

static void temporary_names_are_never_taken_over(void)
{
    const char *path = t_tmp("busy.csv");
    file_of("busy.csv.tmp0", "mine", 4);
    CHECK_INT(csv_write(path, 2, 2, NULL, four, 3, err, sizeof err), 0);
    CHECK_STR(content(t_tmp("busy.csv.tmp0")), "mine");
    CHECK_STR(content(path), "1,-2.5\n0.1,1e-300\n");
}

static void rejects_unwritable_outputs(void)
{
    file_out o;
    const char *path = t_tmp("no/such/out.csv");
    CHECK_INT(file_create(&o, path, err, sizeof err), -1);
    check_error(path, ": cannot be written: No such file or directory");
    file_discard(&o);
    CHECK_INT(file_create(&o, "tests", err, sizeof err), -1);
    check_error("tests", ": Is a directory");
    CHECK(o.f == NULL && o.tmp == NULL);
}

/* The file system fills up: seen when the buffer is flushed, or not at all before fclose. */
static void notices_a_full_disk(void)
{
    if (!exists("/dev/full")) T_SKIP("no /dev/full here");
    CHECK_INT(csv_write("/dev/full", 2, 2, xy, four, 9, err, sizeof err), -1);
    check_error("/dev/full", ": cannot be written: No space left on device");
}

static void devices_are_not_renamed_over(void)
{
    file_out o;
    if (!exists("/dev/null")) T_SKIP("no /dev/null here");
    CHECK_INT(file_create(&o, "/dev/null", err, sizeof err), 0);
    CHECK(o.tmp == NULL);
    CHECK_INT(file_commit(&o, err, sizeof err), 0);
    CHECK_INT(file__kind("/dev/null"), 3);
}

static void a_failed_rename_leaves_nothing(void)
{
    file_out o;
    const char *path = t_tmp("gone.csv");
    CHECK_INT(file_create(&o, path, err, sizeof err), 0);
    CHECK(remove(t_tmp("gone.csv.tmp0")) == 0); /* somebody tidied up too eagerly */
    CHECK_INT(file_commit(&o, err, sizeof err), -1);
    check_error(path, ": cannot be written: No such file or directory");
    CHECK(!exists(path));
}

/* What a handler of signals calls: files that are being written go, those that are there stay. */
static void what_is_unfinished_can_be_removed(void)
{
    file_out o, p;
    const char *first = t_tmp("first.csv"), *second = t_tmp("second.csv");
    CHECK_INT(file_create(&o, first, err, sizeof err), 0);
    CHECK_INT(file_commit(&o, err, sizeof err), 0);
    CHECK_INT(file_create(&o, first, err, sizeof err), 0);
    CHECK_INT(file_create(&p, second, err, sizeof err), 0);
    CHECK(exists(o.tmp) && exists(p.tmp));
    file_remove_unfinished();
    CHECK(!exists(o.tmp) && !exists(p.tmp) && exists(first));
    file_discard(&p);
    file_discard(&o);
    CHECK_INT(file_create(&o, first, err, sizeof err), 0);
    CHECK_INT(file_commit(&o, err, sizeof err), 0);
    file_remove_unfinished();
    CHECK(exists(first));
}

/* ---- coordinates ---- */

static void embeddings_are_parsed(void)
{
    embed e;
    char text[64];
    CHECK_INT(embed_parse(&e, "none", err, sizeof err), 0);
    CHECK_INT(e.kind, EMBED_NONE);
    CHECK_INT(embed_columns(&e), 0);
    embed_text(&e, text, sizeof text);
    CHECK_STR(text, "none");
    CHECK_INT(embed_parse(&e, "latlon", err, sizeof err), 0);
    CHECK_INT(e.kind, EMBED_LATLON);
    CHECK_INT(embed_columns(&e), 2);
    CHECK_INT(embed_ambient(&e), 3);
    CHECK_INT(embed_dim(&e), 2);
    CHECK_STR(embed_name(&e, 0), "lat");
    CHECK_STR(embed_name(&e, 1), "lon");
    embed_text(&e, text, sizeof text);
    CHECK_STR(text, "latlon");
    CHECK_INT(embed_parse(&e, "torus: 3 , 1", err, sizeof err), 0);
    CHECK_INT(e.kind, EMBED_TORUS);
    CHECK_NEAR(e.R, 3, 0);
    CHECK_NEAR(e.r, 1, 0);
    CHECK_STR(embed_name(&e, 0), "phi");
    CHECK_STR(embed_name(&e, 1), "psi");
    embed_text(&e, text, sizeof text);
    CHECK_STR(text, "torus:3,1");
    CHECK_INT(embed_parse(&e, "torus:1.1,0.3", err, sizeof err), 0);
    embed_text(&e, text, sizeof text);
    CHECK_INT(embed_parse(&e, text, err, sizeof err), 0); /* through text and back, exactly */
    CHECK_NEAR(e.R, 1.1, 0);
    CHECK_NEAR(e.r, 0.3, 0);
}

static void bad_embeddings_are_refused(void)
{
    static const char *const wrong[] = {
        "torus", "torus:", "torus:3", "torus:3,", "torus:3,1,1", "torus:1,3", "torus:3,0",
        "torus:3,-1", "torus:a,b", "torus:inf,1", "torus:nan,nan", "torus:1e999,1",
        "torus:3333333333333333333333333333333333333333333333333333333333333333,1"};
    embed e;
    size_t i;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_INT(embed_parse(&e, wrong[i], err, sizeof err), -1);
        CHECK_INT(e.kind, EMBED_NONE);
        CHECK(strstr(err, "should be torus:R,r with two numbers R > r > 0") != NULL);
    }
    CHECK_INT(embed_parse(&e, "LatLon", err, sizeof err), -1);
    CHECK_STR(err, "ebim: --embed: 'LatLon' is not one of none, latlon, torus:R,r, "
              "angles, quaternion, rotation");
    CHECK_INT(embed_parse(&e, "", err, sizeof err), -1);
    CHECK_INT(embed_parse(&e, "torusx", err, sizeof err), -1);
}

static void points_of(const char *text, const double *row, double *x)
{
    embed e;
    CHECK_INT(embed_parse(&e, text, err, sizeof err), 0);
    embed_point(&e, 2, row, x);
}

static void known_points(void)
{
    static const double pole[] = {90, 17}, east[] = {0, 90}, home[] = {0, 0}, out[] = {0, 0};
    static const double top[] = {0.5, 1.5707963267948966};
    double x[3];
    points_of("latlon", pole, x);
    CHECK_NEAR(x[0], 0, 1e-16);
    CHECK_NEAR(x[1], 0, 1e-16);
    CHECK_NEAR(x[2], 1, 0);
    points_of("latlon", east, x);
    CHECK_NEAR(x[0], 0, 1e-16);
    CHECK_NEAR(x[1], 1, 0);
    CHECK_NEAR(x[2], 0, 0);
    points_of("latlon", home, x);
    CHECK_NEAR(x[0], 1, 0);
    points_of("torus:3,1", out, x);
    CHECK_NEAR(x[0], 4, 0);
    CHECK_NEAR(x[1], 0, 0);
    CHECK_NEAR(x[2], 0, 0);
    points_of("torus:3,1", top, x);
    CHECK_NEAR(x[0], 3 * cos(0.5), 1e-15);
    CHECK_NEAR(x[1], 3 * sin(0.5), 1e-15);
    CHECK_NEAR(x[2], 1, 0);
}

/* inverse(point(row)) = row over a grid, seams and poles left out; and a point moved along the
 * surface's normal has the same angles. */
static void inverses_undo(void)
{
    embed e;
    int i, j;
    double row[2], x[3], back[3], d;
    CHECK_INT(embed_parse(&e, "latlon", err, sizeof err), 0);
    for (i = -8; i <= 8; i++)
        for (j = -17; j <= 17; j++) {
            row[0] = 11.0 * i;
            row[1] = 10.5 * j;
            embed_point(&e, 2, row, x);
            CHECK_NEAR(x[0] * x[0] + x[1] * x[1] + x[2] * x[2], 1, 1e-15);
            x[0] *= 1.25, x[1] *= 1.25, x[2] *= 1.25;
            embed_inverse(&e, 3, x, back);
            CHECK_NEAR(back[0], row[0], 1e-12);
            CHECK_NEAR(back[1], row[1], 1e-12);
        }
    CHECK_INT(embed_parse(&e, "torus:3,1", err, sizeof err), 0);
    for (i = -9; i <= 9; i++)
        for (j = -9; j <= 9; j++) {
            row[0] = i / 3.0;
            row[1] = j / 3.0;
            embed_point(&e, 2, row, x);
            d = hypot(x[0], x[1]) - 3;
            CHECK_NEAR(d * d + x[2] * x[2], 1, 1e-14);
            e.r = 1.2; /* the same angles on a fatter torus */
            embed_point(&e, 2, row, x);
            e.r = 1;
            embed_inverse(&e, 3, x, back);
            CHECK_NEAR(back[0], row[0], 1e-14);
            CHECK_NEAR(back[1], row[1], 1e-13);
        }
}

static void none_copies(void)
{
    static const double row[4] = {1, 2, 3, 4};
    double x[4], back[4];
    embed e;
    CHECK_INT(embed_parse(&e, "none", err, sizeof err), 0);
    embed_point(&e, 4, row, x);
    embed_inverse(&e, 4, x, back);
    CHECK(!memcmp(row, back, sizeof row));
}

static double *embed_text_table(const char *embedding, const char *text, int *n)
{
    embed e;
    csv_table table;
    double *x;
    CHECK_INT(embed_parse(&e, embedding, err, sizeof err), 0);
    if (!CHECK_INT(read_text(text, &table), 0)) return NULL;
    x = embed_table(&e, "in.csv", &table, n, err, sizeof err);
    csv_free(&table);
    return x;
}

static void tables_are_embedded(void)
{
    int n;
    double *x = embed_text_table("latlon", "lat,lon\n0,0\n90,0\n0,270\n", &n);
    if (!CHECK(x != NULL)) return;
    CHECK_INT(n, 3);
    CHECK_NEAR(x[0], 1, 0);
    CHECK_NEAR(x[5], 1, 0);
    CHECK_NEAR(x[7], -1, 0);
    free(x);
    x = embed_text_table("none", "1,2,3,4\n5,6,7,8\n", &n);
    if (!CHECK(x != NULL)) return;
    CHECK_INT(n, 4);
    CHECK_NEAR(x[7], 8, 0);
    free(x);
}

static void tables_that_do_not_fit_are_refused(void)
{
    int n;
    CHECK(!embed_text_table("latlon", "# c\n1,2\n90.5,3\n", &n));
    CHECK(!strncmp(err, "ebim: in.csv:3: latitude 90.5 is outside [-90, 90]", 50));
    CHECK(!embed_text_table("latlon", "lat,lon\n-91,3\n", &n));
    CHECK(!strncmp(err, "ebim: in.csv:2: latitude -91 is outside [-90, 90]", 49));
    CHECK(!embed_text_table("latlon", "lon,lat\n2,3\n", &n));
    CHECK_STR(err, "ebim: in.csv: the columns are 'lon', 'lat', and the embedding takes lat,lon: "
              "try --columns lat,lon");
    CHECK(!embed_text_table("latlon", "Longitude (E),Latitude (N)\n2,3\n", &n));
    CHECK(strstr(err, ": try --columns 2,1") != NULL);
    CHECK(!embed_text_table("torus:3,1", "Psi,Phi\n2,3\n", &n));
    CHECK(strstr(err, ": try --columns Phi,Psi") != NULL);
    CHECK(!embed_text_table("latlon", "120,3\n130,4\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: latitude 120 is outside [-90, 90]: is it the longitude? then "
              "--columns 2,1");
    CHECK(!embed_text_table("latlon", "120,3\n3,140\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: latitude 120 is outside [-90, 90]");
    CHECK(!embed_text_table("latlon", "1,2,3\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: 3 columns where the embedding takes lat,lon: --columns "
              "chooses two");
    CHECK(!embed_text_table("torus:3,1", "1\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: 1 column where the embedding takes phi,psi");
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(reads_numbers);
    T_RUN(reads_header_comments_blanks_crlf_spaces);
    T_RUN(one_column_and_many_rows);
    T_RUN(tiny_numbers_are_no_error);
    T_RUN(rejects_files_without_rows);
    T_RUN(rejects_ragged_rows);
    T_RUN(rejects_text);
    T_RUN(rejects_what_is_not_finite);
    T_RUN(delimiters_are_found);
    T_RUN(quotes_are_taken_off);
    T_RUN(ends_and_beginnings);
    T_RUN(an_index_is_left_out);
    T_RUN(columns_are_chosen);
    T_RUN(columns_that_are_not_there);
    T_RUN(text_names_its_cure);
    T_RUN(missing_rows_are_skipped);
    T_RUN(a_first_row_is_no_header_by_chance);
    T_RUN(weights_are_read);
    T_RUN(delimiters_by_option);
    T_RUN(columns_are_carried);
    T_RUN(other_files_are_named);
    T_RUN(numbers_are_rounded_correctly);
    T_RUN(long_files);
    T_RUN(a_million_rows);
    T_RUN(the_cases);
    T_RUN(long_fields_are_cut_in_messages);
    T_RUN(rejects_binary);
    T_RUN(rejects_long_lines);
    T_RUN(rejects_missing_files_and_directories);
    T_RUN(messages_fit_their_buffer);
    T_RUN(survives_running_out_of_memory);
    T_RUN(writes_what_it_reads);
    T_RUN(discard_leaves_the_target);
    T_RUN(temporary_names_are_never_taken_over);
    T_RUN(rejects_unwritable_outputs);
    T_RUN(notices_a_full_disk);
    T_RUN(devices_are_not_renamed_over);
    T_RUN(a_failed_rename_leaves_nothing);
    T_RUN(what_is_unfinished_can_be_removed);
    T_RUN(embeddings_are_parsed);
    T_RUN(bad_embeddings_are_refused);
    T_RUN(known_points);
    T_RUN(inverses_undo);
    T_RUN(none_copies);
    T_RUN(tables_are_embedded);
    T_RUN(tables_that_do_not_fit_are_refused);
    return T_END();
}
