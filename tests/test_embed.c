/* The coordinate changes of the tool where they are delicate (poles, seams, far off the surface,
   refusals; the plain cases are in test_csv.c), and json.h. */
#include "t.h"
#include "../examples/common/embed.h"
#include "../examples/common/json.h"

#define PI 3.14159265358979323846

static char err[FILE_ERROR];
static uint64_t state;

static double uniform(double lo, double hi)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(state >> 11) / 9007199254740992.0;
}

static embed made(const char *text)
{
    embed e;
    CHECK_INT(embed_parse(&e, text, err, sizeof err), 0);
    return e;
}

/* a - b on a circle of so much */
static double apart(double a, double b, double turn)
{
    double d = fmod(a - b, turn);
    if (d > turn / 2) d -= turn;
    if (d < -turn / 2) d += turn;
    return fabs(d);
}

static void round_trips(const char *text, double half, double first, double tol)
{
    embed e = made(text);
    double row[2], x[3], back[2];
    int i;
    state = T_SEED;
    for (i = 0; i < 2000; i++) {
        row[0] = uniform(-first, first);
        row[1] = uniform(-3 * half, 3 * half); /* any number of turns */
        embed_point(&e, 2, row, x);
        embed_inverse(&e, 3, x, back);
        CHECK(apart(back[0], row[0], 2 * half) <= tol);
        CHECK(apart(back[1], row[1], 2 * half) <= tol);
        CHECK(fabs(back[0]) <= first && fabs(back[1]) <= half);
    }
}

static void random_angles_come_back(void)
{
    round_trips("latlon", 180, 89.9, 1e-10);
    round_trips("torus:3,1", PI, PI, 1e-13);
    round_trips("torus:1.001,1", PI, PI, 1e-11); /* the hole is nearly closed */
    round_trips("torus:1e4,1e-2", PI, PI, 1e-8); /* a thin ring */
}

/* At a pole every longitude is the same point, and its latitude comes back whatever rounding makes
 * of the longitude. */
static void poles(void)
{
    embed e = made("latlon");
    double row[2], x[3], back[2];
    int s, i;
    for (s = -1; s <= 1; s += 2)
        for (i = -4; i <= 4; i++) {
            row[0] = 90 * s;
            row[1] = 45 * i;
            embed_point(&e, 2, row, x);
            CHECK_NEAR(x[0], 0, 1e-16);
            CHECK_NEAR(x[1], 0, 1e-16);
            CHECK_NEAR(x[2], s, 0);
            embed_inverse(&e, 3, x, back);
            CHECK_NEAR(back[0], 90 * s, 0);
            CHECK(fabs(back[1]) <= 180);
        }
}

/* Either side of a seam are neighbours in space, and the seam itself is one point. */
static void seams_are_no_seams(void)
{
    static const char *const how[] = {"latlon", "torus:3,1"};
    double half, row[2], x[3], y[3];
    int k, c, i, j;
    for (k = 0; k < 2; k++) {
        embed e = made(how[k]);
        half = k ? PI : 180;
        for (c = k ? 0 : 1; c < 2; c++)
            for (i = -3; i <= 3; i++) {
                row[1 - c] = 0.2 * i * half / 2;
                row[c] = half - 1e-9 * half;
                embed_point(&e, 2, row, x);
                row[c] = -half + 1e-9 * half;
                embed_point(&e, 2, row, y);
                for (j = 0; j < 3; j++) CHECK_NEAR(x[j], y[j], 3e-8);
                embed_inverse(&e, 3, x, row);
                CHECK_NEAR(row[c], half, 2e-9 * half);
                embed_inverse(&e, 3, y, row);
                CHECK_NEAR(row[c], -half, 2e-9 * half);
            }
    }
}

/* Points where the angles mean nothing still give finite ones. */
static void centres_are_finite(void)
{
    static const double x[4][3] = {{0, 0, 0}, {0, 0, 1}, {3, 0, 0}, {0, -3, 0}};
    double row[3];
    int i, k;
    for (k = 0; k < 2; k++) {
        embed e = made(k ? "torus:3,1" : "latlon");
        for (i = 0; i < 4; i++) {
            embed_inverse(&e, 3, x[i], row);
            CHECK(t_finite(row[0]) && t_finite(row[1]));
        }
    }
}

/* Chords against the haversine formula: the sphere is the right one, not only a reversible one. */
static void distances_on_the_globe(void)
{
    embed e = made("latlon");
    double a[2], b[2], x[3], y[3], chord, half;
    int i, k;
    state = T_SEED + 1;
    for (i = 0; i < 200; i++) {
        a[0] = uniform(-90, 90), a[1] = uniform(-180, 360);
        b[0] = uniform(-90, 90), b[1] = uniform(-180, 360);
        embed_point(&e, 2, a, x);
        embed_point(&e, 2, b, y);
        for (chord = 0, k = 0; k < 3; k++) chord += (x[k] - y[k]) * (x[k] - y[k]);
        half = pow(sin((a[0] - b[0]) * PI / 360), 2) +
               cos(a[0] * PI / 180) * cos(b[0] * PI / 180) * pow(sin((a[1] - b[1]) * PI / 360), 2);
        CHECK_NEAR(chord / 4, half, 1e-14);
    }
}

/* The inverse is the foot of the perpendicular: no surface point on a fine grid is nearer. */
static void inverses_give_the_nearest_point(void)
{
    static const char *const how[] = {"latlon", "torus:3,1"};
    double x[3], y[3], row[2], best, d;
    int k, i, j, q, c;
    state = T_SEED + 2;
    for (k = 0; k < 2; k++) {
        embed e = made(how[k]);
        for (q = 0; q < (T_QUICK ? 5 : 50); q++) {
            for (c = 0; c < 3; c++) x[c] = uniform(-2, 2);
            embed_inverse(&e, 3, x, row);
            embed_point(&e, 2, row, y);
            for (best = 0, c = 0; c < 3; c++) best += (x[c] - y[c]) * (x[c] - y[c]);
            for (i = 0; i <= 60; i++)
                for (j = 0; j <= 60; j++) {
                    row[0] = k ? (i / 30.0 - 1) * PI : i * 3 - 90;
                    row[1] = (j / 30.0 - 1) * (k ? PI : 180);
                    embed_point(&e, 2, row, y);
                    for (d = 0, c = 0; c < 3; c++) d += (x[c] - y[c]) * (x[c] - y[c]);
                    if (d < best - 1e-12) CHECK(0);
                }
            CHECK(best >= 0);
        }
    }
}

/* Any number of angles, in radians or degrees, and the text that a model keeps of them */
static void angles_come_back(void)
{
    double row[3], x[6], back[3];
    char text[64];
    int degrees, i, c;
    embed e;
    for (degrees = 0; degrees < 2; degrees++) {
        double turn = degrees ? 360 : 2 * PI;
        e = made(degrees ? "angles:3,degrees" : "angles:3");
        CHECK_INT(embed_columns(&e), 3);
        CHECK_INT(embed_ambient(&e), 6);
        CHECK_INT(embed_dim(&e), 3);
        CHECK_INT(e.degrees, degrees);
        embed_text(&e, text, sizeof text);
        CHECK_STR(text, degrees ? "angles:3,degrees" : "angles:3");
        state = T_SEED + 5;
        for (i = 0; i < 500; i++) {
            for (c = 0; c < 3; c++) row[c] = uniform(-2 * turn, 2 * turn);
            embed_point(&e, 6, row, x);
            embed_inverse(&e, 6, x, back);
            for (c = 0; c < 3; c++) {
                CHECK_NEAR(x[2 * c], cos(row[c] * 2 * PI / turn), 1e-12);
                CHECK_NEAR(x[2 * c + 1], sin(row[c] * 2 * PI / turn), 1e-12);
                CHECK(apart(back[c], row[c], turn) < 1e-12 * turn);
            }
        }
    }
    e = made("angles");
    CHECK_INT(embed_columns(&e), 0);
    for (i = 0; i < 5; i++) {
        static const char *const wrong[] = {"angles:", "angles:0", "angles:3,", "angles:3,degree",
                                            "angles:3x"};
        CHECK_INT(embed_parse(&e, wrong[i], err, sizeof err), -1);
    }
}

/* Of a quaternion and its negative the one that is written has a first column above 0, or the first
 * one that is not 0. */
static void quaternions_have_one_sign(void)
{
    double x[3][4] = {{-0.5, 0.5, -0.5, 0.5}, {0, -0.6, 0.8, 0}, {0.5, -0.5, 0.5, 0.5}};
    embed e = made("quaternion"), none = made("none");
    int i;
    CHECK_INT(embed_ambient(&e), 4);
    CHECK_INT(embed_moves(&e), 0);
    embed_settle(&none, 4, x[0]);
    CHECK_NEAR(x[0][0], -0.5, 0);
    for (i = 0; i < 3; i++) embed_settle(&e, 4, x[i]);
    CHECK_NEAR(x[0][0], 0.5, 0);
    CHECK_NEAR(x[0][3], -0.5, 0);
    CHECK_NEAR(x[1][1], 0.6, 0);
    CHECK_NEAR(x[2][1], -0.5, 0);
}

/* ---- tables ---- */

static int embeds(const char *how, const char *text, int *n)
{
    embed e = made(how);
    csv_table t;
    FILE *f = fopen(t_tmp("in.csv"), "wb");
    double *x = NULL;
    *err = 0;
    if (!CHECK(f != NULL)) return 0;
    fputs(text, f);
    fclose(f);
    if (!CHECK_INT(csv_read(t_tmp("in.csv"), &t, err, sizeof err), 0)) return 0;
    x = embed_table(&e, "in.csv", &t, n, err, sizeof err);
    csv_free(&t);
    free(x);
    return x != NULL;
}

static void tables_at_their_limits(void)
{
    int n = 0;
    CHECK(embeds("latlon", "lat,lon\n90,360\n-90,-180\n", &n) && n == 3);
    CHECK(!embeds("latlon", "lat,lon\n0,0\n90.000001,0\n", &n));
    CHECK_STR(err, "ebim: in.csv:3: latitude 90.000001 is outside [-90, 90]");
    CHECK(!embeds("latlon", "longitude,latitude\n0,0\n", &n));
    CHECK(strstr(err, "takes lat,lon") != NULL);
    CHECK(embeds("torus:2,1", "90,-400\n", &n) && n == 3);
    CHECK(!embeds("torus:2,1", "1,2,3\n", &n));
    CHECK(embeds("none", "1,2,3,4,5\n", &n) && n == 5);
    CHECK(embeds("angles", "1,2,3,4,5\n", &n) && n == 10);
    CHECK(!embeds("angles:2", "1,2,3\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: 3 columns where the embedding takes 2: --columns chooses them");
    CHECK(embeds("rotation", "1,0,0,0,1,0,0,0,1\n", &n) && n == 9);
    CHECK(!embeds("quaternion", "1,0,0\n", &n));
    CHECK_STR(err, "ebim: in.csv:1: 3 columns where the embedding takes 4");
}

/* ---- json ---- */

static const char *json_made(void (*fill)(json *))
{
    static char text[2048];
    const char *path = t_tmp("out.json");
    FILE *f = fopen(path, "w+b");
    size_t n;
    json j;
    text[0] = 0;
    if (!CHECK(f != NULL)) return text;
    j = json_begin(f);
    fill(&j);
    json_end(&j);
    rewind(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

static double from_bits(uint64_t b)
{
    volatile uint64_t v = b; /* -ffast-math must not see what it is */
    uint64_t w = v;
    double x;
    memcpy(&x, &w, sizeof x);
    return x;
}

static void fill_nothing(json *j) { (void)j; }

static void fill_numbers(json *j)
{
    static const double v[3] = {1, -0.25, 1e-7};
    json_number(j, "a", 3);
    json_number(j, "b", 1.0 / 3);
    json_number(j, "nan", from_bits(0x7ff8000000000000u));
    json_number(j, "inf", from_bits(0x7ff0000000000000u));
    json_number(j, "minf", from_bits(0xfff0000000000000u));
    json_numbers(j, "v", 3, v);
    json_numbers(j, "none", 0, v);
    json_number(j, "big", -1.5e300);
}

static void fill_texts(json *j)
{
    json_text(j, "plain", "x y");
    json_text(j, "empty", "");
    json_text(j, "odd", "\"\\/\n\t\x01\x1f\x7f\xc3\xa9");
}

static void json_is_escaped(void)
{
    CHECK_STR(json_made(fill_nothing), "{}\n");
    CHECK_STR(json_made(fill_numbers),
              "{\"a\":3,\"b\":0.333333333,\"nan\":null,\"inf\":null,\"minf\":null,"
              "\"v\":[1,-0.25,1e-07],\"none\":[],\"big\":-1.5e+300}\n");
    CHECK_STR(json_made(fill_texts),
              "{\"plain\":\"x y\",\"empty\":\"\","
              "\"odd\":\"\\\"\\\\/\\u000a\\u0009\\u0001\\u001f\x7f\xc3\xa9\"}\n");
}

/* Every byte there is, read by another reader. */
static void fill_all(json *j)
{
    char s[200];
    int i, n = 0;
    for (i = 1; i < 128; i++) s[n++] = (char)i;
    strcpy(s + n, "\xe2\x82\xac");
    json_text(j, "all", s);
}

static void python_reads_it_too(void)
{
    char command[3000];
    if (T_QUICK) T_SKIP("--quick");
    if (system("python3 -c 'import json' >/dev/null 2>&1")) T_SKIP("no python3 here");
    json_made(fill_all);
    snprintf(command, sizeof command, "python3 -c \"import json, sys\n"
             "t = json.loads(open(sys.argv[1], 'rb').read().decode('utf-8'))['all']\n"
             "assert [ord(c) for c in t] == list(range(1, 128)) + [0x20ac]\" '%s'",
             t_tmp("out.json"));
    CHECK_INT(system(command), 0);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(random_angles_come_back);
    T_RUN(poles);
    T_RUN(seams_are_no_seams);
    T_RUN(centres_are_finite);
    T_RUN(distances_on_the_globe);
    T_RUN(inverses_give_the_nearest_point);
    T_RUN(angles_come_back);
    T_RUN(quaternions_have_one_sign);
    T_RUN(tables_at_their_limits);
    T_RUN(json_is_escaped);
    T_RUN(python_reads_it_too);
    return T_END();
}
