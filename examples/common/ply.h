/* ply.h: a mesh as a PLY file, which MeshLab, Blender and most viewers open: binary and
   little-endian on every machine. Triangles are `face` elements, the segments of a curve `edge`
   elements; a curve has z = 0. Positions and normals are floats, so far from the origin they have
   seven digits only. */
#ifndef PLY_H
#define PLY_H

#include "file.h"
#include "mesh.h"
#include "plot.h"

typedef struct ply_look {
    const double *normal;        /* [n_vert][3] */
    const plot_rgb *color;       /* [n_vert] */
    const double *density;       /* [n_vert], a property of that name; NULL: none */
} ply_look;

PLOT_FN unsigned char *ply__put32(unsigned char *p, uint32_t v) {
    int i;
    for (i = 0; i < 4; i++) *p++ = (unsigned char)(v >> 8 * i & 0xFF);
    return p;
}

PLOT_FN unsigned char *ply__put_float(unsigned char *p, double v) {
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return ply__put32(p, bits);
}

PLOT_FN unsigned char ply__byte(double v) {
    return (unsigned char)(255 * plot_clamp(v, 0, 1) + 0.5);
}

PLOT_FN void ply__header(FILE *f, const mesh *m, int density) {
    static const char *const name[6] = { "x", "y", "z", "nx", "ny", "nz" };
    int i;
    fprintf(f, "ply\nformat binary_little_endian 1.0\nelement vertex %d\n", m->n_vert);
    for (i = 0; i < 6; i++) fprintf(f, "property float %s\n", name[i]);
    fprintf(f, "property uchar red\nproperty uchar green\nproperty uchar blue\n");
    if (density) fprintf(f, "property float density\n");
    if (m->n == 3)
        fprintf(f, "element face %d\nproperty list uchar int vertex_indices\n", m->n_cell);
    else
        fprintf(f, "element edge %d\nproperty int vertex1\nproperty int vertex2\n", m->n_cell);
    fprintf(f, "end_header\n");
}

PLOT_FN void ply__vertex(FILE *f, const mesh *m, const ply_look *look, int v) {
    unsigned char line[64], *p = line; /* 27 or 31 are used */
    const plot_rgb *c = look->color + v;
    int k;
    for (k = 0; k < 3; k++) p = ply__put_float(p, k < m->n ? m->vert[v * m->n + k] : 0);
    for (k = 0; k < 3; k++) p = ply__put_float(p, look->normal[3 * v + k]);
    *p++ = ply__byte(c->r);
    *p++ = ply__byte(c->g);
    *p++ = ply__byte(c->b);
    if (look->density) p = ply__put_float(p, look->density[v]);
    fwrite(line, 1, (size_t)(p - line), f);      /* an error stays in f until the commit */
}

/* 0, or -1 with a message and no file. */
PLOT_FN int ply_write(const char *path, const mesh *m, const ply_look *look, char *err,
                      size_t err_size) {
    unsigned char line[64], *p; /* 8 or 13 are used */
    file_out out;
    int i, k;
    if (file_create(&out, path, err, err_size)) return -1;
    ply__header(out.f, m, look->density != NULL);
    for (i = 0; i < m->n_vert; i++) ply__vertex(out.f, m, look, i);
    for (i = 0; i < m->n_cell; i++) {
        p = line;
        if (m->n == 3) *p++ = 3;
        for (k = 0; k < m->n; k++) p = ply__put32(p, (uint32_t)m->cell[i * m->n + k]);
        fwrite(line, 1, (size_t)(p - line), out.f);
    }
    return file_commit(&out, err, err_size);
}

#endif
