/* plot.h: a small canvas for figures: antialiased strokes, dots, convex polygons, text, axes,
   colour maps and colour bars, saved through png.h.

   Coordinates are pixels from the upper left corner; pixel (i, j) has its centre at
   (i + 0.5, j + 0.5). Coverage is analytic: distance to the shape's edge, clamped to one pixel.
   Strokes first gather in a layer that keeps the largest coverage per pixel and are blended once
   by plot_flush: a curve of a thousand short segments has no beads where they meet, and a
   translucent one no dark joints. Everything is drawn with the canvas's pen (colour, alpha).
   Pitfall: the clip rectangle is part of the state; plot_unclip before drawing labels. */
#ifndef PLOT_H
#define PLOT_H

#include <ctype.h>
#include <math.h>

#include "png.h"

typedef struct plot_rgb { double r, g, b; } plot_rgb;      /* sRGB, 0..1 */

typedef struct plot_canvas {
    int w, h;
    float *pix;                  /* [h][w][3] */
    float *layer;                /* [h][w][4]: coverage, colour */
    int clip[4], dirty[4];       /* x0, y0, x1, y1, half open; dirty bounds the layer's ink */
    plot_rgb pen;
    double alpha;
} plot_canvas;

typedef struct plot_axes {       /* a data rectangle on a pixel rectangle (y upwards) */
    double px, py, pw, ph;
    double x0, x1, y0, y1;
} plot_axes;

typedef plot_rgb (*plot_map)(double t);

/* ---- canvas ---- */

PLOT_FN plot_rgb plot_color(double r, double g, double b) {
    plot_rgb c;
    c.r = r;
    c.g = g;
    c.b = b;
    return c;
}

PLOT_FN double plot_clamp(double v, double lo, double hi) {
    return v > lo ? v < hi ? v : hi : lo;        /* NaN becomes lo */
}

PLOT_FN void plot_pen(plot_canvas *c, plot_rgb color, double alpha) {
    c->pen = color;
    c->alpha = alpha;
}

PLOT_FN void plot_clip(plot_canvas *c, double x0, double y0, double x1, double y1) {
    c->clip[0] = (int)plot_clamp(x0, 0, c->w);
    c->clip[1] = (int)plot_clamp(y0, 0, c->h);
    c->clip[2] = (int)plot_clamp(x1, 0, c->w);
    c->clip[3] = (int)plot_clamp(y1, 0, c->h);
}

PLOT_FN void plot_unclip(plot_canvas *c) { plot_clip(c, 0, 0, c->w, c->h); }

PLOT_FN void plot_close(plot_canvas *c) {
    free(c->pix);
    free(c->layer);
    memset(c, 0, sizeof *c);
}

/* A white canvas; 0, or -1 with errno = ENOMEM. */
PLOT_FN int plot_open(plot_canvas *c, int w, int h) {
    size_t i, n = (size_t)w * (size_t)h;
    memset(c, 0, sizeof *c);
    c->w = w;
    c->h = h;
    c->pix = (float *)malloc(n * 3 * sizeof *c->pix);
    c->layer = (float *)calloc(n * 4, sizeof *c->layer);
    if (!c->pix || !c->layer) { plot_close(c); errno = ENOMEM; return -1; }
    for (i = 0; i < 3 * n; i++) c->pix[i] = 1.0f;
    c->dirty[0] = w;
    c->dirty[1] = h;
    c->alpha = 1;
    plot_unclip(c);
    return 0;
}

PLOT_FN void plot_blend(plot_canvas *c, int x, int y, plot_rgb col, double a) {
    float *p = c->pix + 3 * ((size_t)y * (size_t)c->w + (size_t)x), f = (float)a;
    p[0] += f * ((float)col.r - p[0]);
    p[1] += f * ((float)col.g - p[1]);
    p[2] += f * ((float)col.b - p[2]);
}

PLOT_FN int plot_save(const plot_canvas *c, const char *path) {
    size_t i, n = 3 * (size_t)c->w * (size_t)c->h;
    unsigned char *rgb = (unsigned char *)malloc(n);
    int bad, why;
    if (!rgb) { errno = ENOMEM; return -1; }
    for (i = 0; i < n; i++)
        rgb[i] = (unsigned char)(plot_clamp((double)c->pix[i], 0, 1) * 255 + 0.5);
    bad = png_write(path, c->w, c->h, rgb);
    why = errno;
    free(rgb);
    errno = why;
    return bad;
}

/* Pixels a shape can touch: box[x0, y0, x1, y1] grown by r, within the clip rectangle. */
PLOT_FN void plot__bounds(const plot_canvas *c, const double *box, double r, int *b) {
    int k;
    for (k = 0; k < 4; k++) {
        double v = k < 2 ? floor(box[k] - r) : ceil(box[k] + r);
        b[k] = (int)plot_clamp(v, c->clip[k & 1], c->clip[2 + (k & 1)]);
    }
}

/* ---- shapes ---- */

PLOT_FN void plot_stroke(plot_canvas *c, double x0, double y0, double x1, double y1,
                         double width) {
    double dx = x1 - x0, dy = y1 - y0, len2 = dx * dx + dy * dy, box[4];
    int b[4], x, y, k;
    box[0] = x0 < x1 ? x0 : x1;
    box[1] = y0 < y1 ? y0 : y1;
    box[2] = x0 < x1 ? x1 : x0;
    box[3] = y0 < y1 ? y1 : y0;
    plot__bounds(c, box, width / 2 + 1, b);
    for (k = 0; k < 2; k++) {
        if (b[k] < c->dirty[k]) c->dirty[k] = b[k];
        if (b[2 + k] > c->dirty[2 + k]) c->dirty[2 + k] = b[2 + k];
    }
    for (y = b[1]; y < b[3]; y++)
        for (x = b[0]; x < b[2]; x++) {
            float *l = c->layer + 4 * ((size_t)y * (size_t)c->w + (size_t)x);
            double qx = x + 0.5 - x0, qy = y + 0.5 - y0, t = 0, cov;
            if (len2 > 0) t = plot_clamp((qx * dx + qy * dy) / len2, 0, 1);
            cov = width / 2 + 0.5 - hypot(qx - t * dx, qy - t * dy);
            if (cov <= (double)l[0]) continue;
            l[0] = cov < 1 ? (float)cov : 1.0f;
            l[1] = (float)c->pen.r;
            l[2] = (float)c->pen.g;
            l[3] = (float)c->pen.b;
        }
}

PLOT_FN void plot_flush(plot_canvas *c) {
    int x, y;
    for (y = c->dirty[1]; y < c->dirty[3]; y++)
        for (x = c->dirty[0]; x < c->dirty[2]; x++) {
            float *l = c->layer + 4 * ((size_t)y * (size_t)c->w + (size_t)x);
            if (l[0] <= 0.0f) continue;
            plot_blend(c, x, y, plot_color((double)l[1], (double)l[2], (double)l[3]),
                       (double)l[0] * c->alpha);
            l[0] = 0.0f;
        }
    c->dirty[0] = c->w;
    c->dirty[1] = c->h;
    c->dirty[2] = c->dirty[3] = 0;
}

PLOT_FN void plot_line(plot_canvas *c, double x0, double y0, double x1, double y1, double width) {
    plot_stroke(c, x0, y0, x1, y1, width);
    plot_flush(c);
}

PLOT_FN void plot_dot(plot_canvas *c, double px, double py, double radius) {
    double box[4], cov;
    int b[4], x, y;
    box[0] = box[2] = px;
    box[1] = box[3] = py;
    plot__bounds(c, box, radius + 1, b);
    for (y = b[1]; y < b[3]; y++)
        for (x = b[0]; x < b[2]; x++) {
            cov = plot_clamp(radius + 0.5 - hypot(x + 0.5 - px, y + 0.5 - py), 0, 1);
            if (cov > 0) plot_blend(c, x, y, c->pen, cov * c->alpha);
        }
}

/* A filled convex polygon xy[n][2] of either orientation (a triangle for n = 3). */
PLOT_FN void plot_convex(plot_canvas *c, int n, const double *xy) {
    double box[4], area = 0;
    int b[4], x, y, i, j;
    for (i = 0; i < 4; i++) box[i] = xy[i & 1];
    for (i = 0, j = n - 1; i < n; j = i++) {
        for (x = 0; x < 2; x++) {
            if (xy[2 * i + x] < box[x]) box[x] = xy[2 * i + x];
            if (xy[2 * i + x] > box[2 + x]) box[2 + x] = xy[2 * i + x];
        }
        area += xy[2 * j] * xy[2 * i + 1] - xy[2 * i] * xy[2 * j + 1];
    }
    plot__bounds(c, box, 1, b);
    for (y = b[1]; y < b[3]; y++)
        for (x = b[0]; x < b[2]; x++) {
            double in = 1e9;
            for (i = 0, j = n - 1; i < n; j = i++) {
                double ex = xy[2 * i] - xy[2 * j], ey = xy[2 * i + 1] - xy[2 * j + 1];
                double d = ex * (y + 0.5 - xy[2 * j + 1]) - ey * (x + 0.5 - xy[2 * j]);
                double len = hypot(ex, ey);
                d = len > 0 ? (area < 0 ? -d : d) / len : 1e9;
                if (d < in) in = d;
            }
            if (in > -0.5) plot_blend(c, x, y, c->pen, plot_clamp(in + 0.5, 0, 1) * c->alpha);
        }
}

PLOT_FN void plot_rect(plot_canvas *c, double x0, double y0, double x1, double y1) {
    double xy[8];
    xy[0] = xy[6] = x0;
    xy[1] = xy[3] = y0;
    xy[2] = xy[4] = x1;
    xy[5] = xy[7] = y1;
    plot_convex(c, 4, xy);
}

/* ---- colour ---- */

PLOT_FN plot_rgb plot_lerp(plot_rgb a, plot_rgb b, double t) {
    return plot_color(a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b));
}

/* Indigo to yellow in equal steps of OKLab, lightness 0.36 to 0.94, so that equal differences
   look equal and the order survives a grey print. */
PLOT_FN plot_rgb plot_map_density(double t) {
    static const unsigned char at[11][3] = {
        { 69, 41, 118 }, { 78, 66, 145 }, { 82, 91, 172 }, { 66, 119, 193 }, { 3, 146, 201 },
        { 6, 168, 191 }, { 5, 190, 179 }, { 63, 209, 158 }, { 135, 221, 133 }, { 194, 231, 111 },
        { 244, 244, 104 }
    };
    double u = plot_clamp(t, 0, 1) * 10;
    int i = u < 9 ? (int)u : 9;
    return plot_lerp(plot_color(at[i][0] / 255.0, at[i][1] / 255.0, at[i][2] / 255.0),
                     plot_color(at[i + 1][0] / 255.0, at[i + 1][1] / 255.0, at[i + 1][2] / 255.0),
                     u - i);
}

/* A quiet backdrop: slate for low energy, nearly white for high. */
PLOT_FN plot_rgb plot_map_energy(double t) {
    return plot_lerp(plot_color(0.40, 0.44, 0.53), plot_color(0.975, 0.98, 0.985),
                     plot_clamp(t, 0, 1));
}

/* ---- text ---- */

/* A stroke font. A glyph is strokes separated by blanks, a stroke is points of two characters:
   x = '0'.. and y = 'A'.. with the baseline at D, x-height at K, capitals up to N. Lower case y
   marks a control point of a quadratic spline; between two of them the middle lies on the curve.
   A stroke of one point is a dot. */
PLOT_FN const char *plot__glyph(int ch) {
    static const char *const font[95] = {
        "", "0N0G 0D", "0N0K 3N3K", "1D3N 4D6N 0G7G 0K7K",
        "6L6n3N0n0j3I6h6d3D0d0F 3O3C", "2N4n4j2J0j0n2N 7H9h9d7D5d5h7H 7N2D",
        "7D1K0n3N5n5L5k2I0h0F0d3D6d7H", "0N0K", "2O0l0H0d2A", "0O2l2H2d0A", "2N2H 0M4I 4M0I",
        "3K3E 0H6H", "1E1D0B", "0H4H", "1D", "0C4O",
        "3N6n6I6d3D0d0I0n3N", "0L2N2D", "0L0n3N6n6K6i0D6D", "0L0n3N6n6i3I6i6d3D0d0F 2I3I",
        "5D5N0G6G", "6N1N0I1j3J6j6d3D0d0F", "5N0l0G0d3D6d6j3J0j0G", "0N6N2D",
        "3I0i0n3N6n6i3I0i0d3D6d6i3I", "1D6f6K6n3N0n0h3H6h6K",
        "0D 0J", "1J 1E1D0B", "6K0H6E", "0J6J 0F6F", "0K6H0E", "0L0n3N6n6L6j3I3G 3D",
        "7J3j3f5F7f7K 7F9f9I9n5N0n0H0b5B7b8C", "0D4N8D 1G7G", "0D0N3N6n6i3I0I 3I7i7d3D0D",
        "7L6n4N0n0I0d4D6d7F", "0D0N3N7n7I7d3D0D", "6N0N0D6D 0I5I", "6N0N0D 0I5I",
        "7L6n4N0n0I0d4D7d7H7I4I", "0D0N 7D7N 0I7I", "0D0N", "4N4G4d2D0d0F", "0D0N 6N0G 2I6D",
        "0N0D6D", "0D0N4F8N8D", "0D0N7D7N", "4N8n8I8d4D0d0I0n4N", "0D0N3N6n6h3H0H",
        "4N8n8I8d4D0d0I0n4N 5G8C", "0D0N3N6n6i3I0I 3I6D", "6L6n3N0n0j3I6h6d3D0d0F", "0N8N 4N4D",
        "0N0G0d7d7G7N", "0N4D8N", "0N3D5M7D:N", "0N7D 7N0D", "0N4I8N 4I4D", "0N7N0D7D",
        "2O0O0A2A", "0O4C", "0O2O2A0A", "0K3N6K", "0B6B", "0N2L",
        "0J1k3K5k5I5D 5H3H0h0d2D5d5G", "0N0D 0G0k3K6k6d3D0d0G", "5J4k3K0k0d3D4d5E",
        "6N6D 6G6k3K0k0d3D6d6G", "0H6H6k3K0k0d3D5d6E", "4N1n1L1D 0K4K",
        "6K6C6a3A1a0B 6G6k3K0k0d3D6d6G", "0N0D 0G0k3K5k5H5D", "0K0D 0N", "2K2C2a0A 2N",
        "0N0D 5K0F 2H5D", "0N0F0d2D", "0K0D 0H0k2K4k4H4D 4H4k6K8k8H8D", "0K0D 0G0k3K5k5H5D",
        "3K6k6d3D0d0k3K", "0K0A 0G0k3K6k6d3D0d0G", "6K6A 6G6k3K0k0d3D6d6G", "0K0D 0G0k3K",
        "5J4k3K0k0h5g5d2D1d0E", "1M1F1d3D 0K3K", "0K0G0d2D5d5G 5K5D", "0K3D6K", "0K2D4K6D8K",
        "0K5D 5K0D", "0K3D 6K3D2a0A", "0K5K0D5D",
        "3O1o1K1h0H1h1E1a3A", "0O0A", "0O2o2K2h3H2h2E2a0A", "0G1j3H5f6I"
    };
    return ch >= 32 && ch < 127 ? font[ch - 32] : font['?' - 32];
}

PLOT_FN int plot__width(const char *glyph) {
    int x = 0;
    if (!*glyph) return 3;                       /* the blank: 7 between its neighbours */
    for (; *glyph; glyph += *glyph == ' ' ? 1 : 2)
        if (*glyph - '0' > x) x = *glyph - '0';
    return x;
}

/* Has the glyph an upright stem at x? Two stems side by side want more room than bowls do. */
PLOT_FN int plot__stem(const char *glyph, int x) {
    for (; *glyph; glyph += *glyph == ' ' ? 1 : 2)
        if (glyph[0] - '0' == x && glyph[1] && glyph[2] - '0' == x &&
            isupper((unsigned char)glyph[1]) && isupper((unsigned char)glyph[3]) &&
            abs(glyph[1] - glyph[3]) >= 4) return 1;
    return 0;
}

typedef struct plot__type { double x, y, scale; int turned; } plot__type;   /* origin of a glyph */

PLOT_FN void plot__type_line(plot_canvas *c, const plot__type *t, const double *a,
                             const double *b) {
    double s = t->scale, width = 1.38 * s;
    if (a == b) width *= 1.35;
    if (width < 1.2) width = 1.2;
    if (t->turned)
        plot_stroke(c, t->x - s * a[1], t->y - s * a[0], t->x - s * b[1], t->y - s * b[0], width);
    else
        plot_stroke(c, t->x + s * a[0], t->y - s * a[1], t->x + s * b[0], t->y - s * b[1], width);
}

PLOT_FN void plot__type_curve(plot_canvas *c, const plot__type *t, const double *a,
                              const double *m, const double *b) {
    double p[2], q[2];
    int i, k;
    for (p[0] = a[0], p[1] = a[1], i = 1; i <= 8; i++) {
        double u = i / 8.0, v = 1 - u;
        for (k = 0; k < 2; k++) q[k] = v * v * a[k] + 2 * u * v * m[k] + u * u * b[k];
        plot__type_line(c, t, p, q);
        p[0] = q[0];
        p[1] = q[1];
    }
}

PLOT_FN void plot__type_glyph(plot_canvas *c, const plot__type *t, const char *g) {
    double at[2] = { 0, 0 }, ctl[2] = { 0, 0 }, p[2];
    int n = 0, curved = 0, k;                    /* points so far in this stroke */
    for (; *g; g += 2) {
        if (*g == ' ') { n = curved = 0; g++; }
        p[0] = g[0] - '0';
        p[1] = toupper((unsigned char)g[1]) - 'D';
        if (islower((unsigned char)g[1])) {
            double mid[2];
            for (k = 0; k < 2; k++) mid[k] = (ctl[k] + p[k]) / 2;
            if (curved) {
                plot__type_curve(c, t, at, ctl, mid);
                memcpy(at, mid, sizeof at);
            }
            memcpy(ctl, p, sizeof ctl);
            curved = 1;
            continue;
        }
        if (curved) plot__type_curve(c, t, at, ctl, p);
        else if (n) plot__type_line(c, t, at, p);
        else if (g[2] == ' ' || !g[2]) plot__type_line(c, t, p, p);
        memcpy(at, p, sizeof at);
        curved = 0;
        n++;
    }
}

/* Width in units of the size (height of capitals); draws when c is not NULL. "^{...}" is raised,
   bytes that are not ASCII show as one '?' per character. */
PLOT_FN double plot__run(plot_canvas *c, plot__type t, const char *s) {
    double pen = 0, full = t.scale, x = t.x, y = t.y;
    const char *g, *last = NULL;
    int raised = 0;
    for (; *s; s++) {
        if (s[0] == '^' && s[1] == '{') { raised = 1; pen += full; s++; continue; }
        if (raised && *s == '}') { raised = 0; continue; }
        if (((unsigned char)*s & 0xC0) == 0x80) continue;
        g = plot__glyph((unsigned char)*s);
        t.scale = raised ? 0.75 * full : full;
        if (last)
            pen += t.scale * (2 + (plot__stem(last, plot__width(last)) && plot__stem(g, 0)));
        t.x = t.turned ? x - raised * 5 * full : x + pen;
        t.y = t.turned ? y - pen : y - raised * 5 * full;
        if (c) plot__type_glyph(c, &t, g);
        pen += t.scale * plot__width(g);
        last = g;
    }
    return pen;
}

PLOT_FN double plot_text_width(double size, const char *s) {
    plot__type t;
    t.x = t.y = 0;
    t.scale = size / 10;
    t.turned = 0;
    return plot__run(NULL, t, s);
}

/* Text with capitals `size` pixels high (crispest at 10) anchored at (x, y): ax, ay in 0..1 say
   which fraction of its width lies before, and of its height above, the anchor. turned = 1 reads
   upwards. The baseline is put on pixel centres. */
PLOT_FN void plot_text(plot_canvas *c, double x, double y, double size, double ax, double ay,
                       int turned, const char *s) {
    double w = plot_text_width(size, s), h = size * (1 - ay);
    plot__type t;
    t.scale = size / 10;
    t.turned = turned;
    t.x = floor(turned ? x + h : x - ax * w) + 0.5;
    t.y = floor(turned ? y + ax * w : y + h) + 0.5;
    plot__run(c, t, s);
    plot_flush(c);
}

/* ---- axes ---- */

/* Round tick positions first + i * step inside [lo, hi], at most `most` steps, but more where fewer
   than two ticks (one, for most = 1) would be left; returns how many. An empty or endless range
   has none. */
PLOT_FN int plot_ticks(double lo, double hi, int most, double *first, double *step) {
    static const double nice[4] = { 1, 2, 5, 10 };
    double raw = (hi - lo) / most, unit;
    int i;
    *first = lo;
    *step = 1;
    if (!(raw > 0) || raw > 1e300) return 0;
    unit = pow(10, floor(log10(raw)));
    for (i = 0; i < 3 && nice[i] * unit < raw * (1 - 1e-9); i++) { }
    *step = nice[i] * unit;
    *first = ceil(lo / *step - 1e-6) * *step;
    i = (int)floor((hi - *first) / *step + 1e-6) + 1;
    return i < (most > 1 ? 2 : 1) ? plot_ticks(lo, hi, most + 1, first, step) : i;
}

PLOT_FN int plot__decade(double v) { return (int)floor(log10(v) + 1e-6); }

/* A tick with the digits that tell it from its neighbours, one step away. */
PLOT_FN void plot_number(char *out, size_t size, double v, double step) {
    int digits = step < 1 ? (int)ceil(-log10(step) - 1e-6) : 0, all;
    if (fabs(v) < 1e-6 * step) v = 0;            /* no "-0.0" */
    all = v < 0 || v > 0 ? plot__decade(fabs(v)) - plot__decade(step) + 1 : 1;
    if (digits > 4 || fabs(v) >= 1e6)
        snprintf(out, size, "%.*g", (int)plot_clamp(all, 1, 17), v);
    else snprintf(out, size, "%.*f", digits, v);
}

PLOT_FN double plot_x(const plot_axes *a, double x) {
    return a->px + (x - a->x0) / (a->x1 - a->x0) * a->pw;
}

PLOT_FN double plot_y(const plot_axes *a, double y) {
    return a->py + (a->y1 - y) / (a->y1 - a->y0) * a->ph;
}

/* The box [lo, hi] in R^2 with equal scales, centred in the given rectangle, on whole pixels. */
PLOT_FN plot_axes plot_axes_equal(double px, double py, double pw, double ph, const double *lo,
                                  const double *hi) {
    plot_axes a;
    double s = pw / (hi[0] - lo[0]), t = ph / (hi[1] - lo[1]);
    if (t < s) s = t;
    a.pw = floor(s * (hi[0] - lo[0]) + 0.5);
    a.ph = floor(s * (hi[1] - lo[1]) + 0.5);
    a.px = floor(px + (pw - a.pw) / 2);
    a.py = floor(py + (ph - a.ph) / 2);
    a.x0 = lo[0];
    a.x1 = hi[0];
    a.y0 = lo[1];
    a.y1 = hi[1];
    return a;
}

PLOT_FN void plot_frame(plot_canvas *c, double x, double y, double w, double h) {
    plot_stroke(c, x - 0.5, y - 0.5, x + w + 0.5, y - 0.5, 1);
    plot_stroke(c, x - 0.5, y + h + 0.5, x + w + 0.5, y + h + 0.5, 1);
    plot_stroke(c, x - 0.5, y - 0.5, x - 0.5, y + h + 0.5, 1);
    plot_stroke(c, x + w + 0.5, y - 0.5, x + w + 0.5, y + h + 0.5, 1);
    plot_flush(c);
}

/* The power of ten that numbers in [lo, hi] are shown without, 0 for those of usual size, and that
   power as a factor. */
PLOT_FN int plot_power(double lo, double hi, double *unit) {
    double most = hi > -lo ? hi : -lo;
    int power = most > 0 ? plot__decade(most) : 0;
    if (power > -3 && power < 5) power = 0;
    *unit = pow(10, power);
    return power;
}

/* A label with that power. */
PLOT_FN void plot_label(char *out, size_t size, const char *label, int power) {
    if (power) snprintf(out, size, "%.80s, 10^{%d}", label, power);
    else snprintf(out, size, "%.80s", label);
}

/* Ticks below a panel from lo to hi, fewer while their labels would touch. */
PLOT_FN int plot__ticks_below(double lo, double hi, double room, double size, double *first,
                              double *step) {
    int most = (int)plot_clamp(room / 45, 2, 7), n, i;
    char s[64];
    for (;; most--) {
        double widest = 0, w;
        n = plot_ticks(lo, hi, most, first, step);
        for (i = 0; i < n; i++) {
            plot_number(s, sizeof s, *first + i * *step, *step);
            if ((w = plot_text_width(size, s)) > widest) widest = w;
        }
        if (most <= 1 || widest + size < *step / (hi - lo) * room) return n;
    }
}

/* Frame, ticks and labels (NULL: that axis has neither ticks nor label); size 10 suits a
   large panel. */
PLOT_FN void plot_axes_draw(plot_canvas *c, const plot_axes *a, double size, const char *xlabel,
                            const char *ylabel) {
    double first, step, widest = 0, bottom = a->py + a->ph, unit;
    int i, n, power = plot_power(a->x0, a->x1, &unit);
    char s[128];
    plot_pen(c, plot_color(0.15, 0.15, 0.18), 1);
    plot_frame(c, a->px, a->py, a->pw, a->ph);
    n = xlabel ? plot__ticks_below(a->x0 / unit, a->x1 / unit, a->pw, size, &first, &step) : 0;
    for (i = 0; i < n; i++) {
        double x = floor(plot_x(a, (first + i * step) * unit)) + 0.5;
        plot_number(s, sizeof s, first + i * step, step);
        plot_line(c, x, bottom + 1.5, x, bottom + 5.5, 1);
        plot_text(c, x, bottom + 10, size, 0.5, 0, 0, s);
    }
    plot_label(s, sizeof s, xlabel ? xlabel : "", power);
    if (xlabel) plot_text(c, a->px + a->pw / 2, bottom + 17 + size, size, 0.5, 0, 0, s);
    power = plot_power(a->y0, a->y1, &unit);
    n = ylabel ? plot_ticks(a->y0 / unit, a->y1 / unit, (int)plot_clamp(a->ph / 45, 2, 7), &first,
                            &step) : 0;
    for (i = 0; i < n; i++) {
        double y = floor(plot_y(a, (first + i * step) * unit)) + 0.5, w;
        plot_number(s, sizeof s, first + i * step, step);
        plot_line(c, a->px - 1.5, y, a->px - 5.5, y, 1);
        plot_text(c, a->px - 9, y, size, 1, 0.5, 0, s);
        if ((w = plot_text_width(size, s)) > widest) widest = w;
    }
    plot_label(s, sizeof s, ylabel ? ylabel : "", power);
    if (ylabel) plot_text(c, a->px - 18 - widest, a->py + a->ph / 2, size, 0.5, 1, 1, s);
}

typedef struct plot_range { double lo, hi; int below, above; } plot_range;   /* values beyond? */

/* Label and ticks of a colour bar: a power of ten that all numbers share goes to the label, which
   is moved into the picture where it would stick out. The right end of the ticks. */
PLOT_FN double plot__colorbar_text(plot_canvas *c, double x, double y, double w, double h,
                                   plot_range r, const char *label) {
    double unit, first, step, widest = 0, wide, room;
    int power = plot_power(r.lo, r.hi, &unit), i, n;
    char s[128];
    n = plot_ticks(r.lo / unit, r.hi / unit, (int)plot_clamp(h / 40, 3, 9), &first, &step);
    for (i = 0; i < n; i++) {
        double at = first + i * step, py;
        py = floor(y + h * (1 - (at * unit - r.lo) / (r.hi - r.lo))) + 0.5;
        plot_number(s, sizeof s, at, step);
        plot_line(c, x + w + 1.5, py, x + w + 5.5, py, 1);
        plot_text(c, x + w + 9, py, 10, 0, 0.5, 0, s);
        if ((wide = plot_text_width(10, s)) > widest) widest = wide;
    }
    plot_label(s, sizeof s, label, power);
    room = c->w - 8 - plot_text_width(10, s);
    plot_text(c, x - 2 < room ? x - 2 : room, y - 17, 10, 0, 1, 0, s);
    return x + w + 9 + widest;
}

/* A vertical colour bar; a pointed end says that values beyond it share the end's colour. Returns
   where its numbers end. */
PLOT_FN double plot_colorbar(plot_canvas *c, double x, double y, double w, double h, plot_range r,
                             plot_map map, const char *label) {
    double tip[6];
    int i, end;
    for (i = 0; i < (int)h; i++) {
        plot_pen(c, map(1 - (i + 0.5) / h), 1);
        plot_rect(c, x, y + i, x + w, y + i + 1);
    }
    for (end = 0; end < 2; end++) {
        double base = end ? y + h + 1 : y - 1, out = base + (end ? w : -w) * 0.6;
        if (!(end ? r.below : r.above)) continue;
        tip[0] = x;
        tip[1] = tip[3] = base;
        tip[2] = x + w;
        tip[4] = x + w / 2;
        tip[5] = out;
        plot_pen(c, map(end ? 0 : 1), 1);
        plot_convex(c, 3, tip);
        plot_pen(c, plot_color(0.15, 0.15, 0.18), 1);
        plot_stroke(c, tip[0] - 0.5, base, tip[4], out, 1);
        plot_line(c, tip[4], out, tip[2] + 0.5, base, 1);
    }
    plot_pen(c, plot_color(0.15, 0.15, 0.18), 1);
    plot_frame(c, x, y, w, h);
    return plot__colorbar_text(c, x, y, w, h, r, label);
}

#endif
