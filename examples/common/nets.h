/* nets.h: the networks of the paper's images, over ebim.h's ops (include it first).

     nets_unet     its U-Net: double 3 x 3 convolutions with SiLU, 16 32 64 128 256 channels, halved
                   by maxima (28 14 7 3 1 pixels), doubled by transposed convolutions (2 4 8 16),
                   crops joined; 3 channels of 16 x 16, that is 768 outputs. 17.8 million
                   multiply-adds an image. The authors' has spectral norms, which this has not. */
#ifndef NETS_H
#define NETS_H

enum { NETS_LEVELS = 5 };

static ebim_ref nets__twice(ebim_graph *g, ebim_ref x, int channels)
{
    x = ebim_conv(g, x, channels, 3, 1, 1, EBIM_FN_SILU);
    return ebim_conv(g, x, channels, 3, 1, 1, EBIM_FN_SILU);
}

/* A recording callback for images of 28 x 28 with one channel; user: the int of channels of the
 * first level (NULL: 16) */
static ebim_ref nets_unet(ebim_graph *g, ebim_ref x, void *user)
{
    int width = user ? *(const int *)user : 16, size[NETS_LEVELS], i, up;
    ebim_ref level[NETS_LEVELS], h = ebim_image(g, x, 1, 28, 28);
    for (i = 0, size[0] = 28; i < NETS_LEVELS; i++) {
        if (i) h = ebim_max_pool(g, h, 2, 2);
        if (i) size[i] = size[i - 1] / 2;
        level[i] = h = nets__twice(g, h, width << i);
    }
    for (i = NETS_LEVELS - 2, up = size[NETS_LEVELS - 1]; i >= 0; i--) {
        int from = (size[i] - (up *= 2)) / 2;
        h = ebim_conv_transposed(g, h, width << i, 2, 2, 0, EBIM_FN_IDENTITY);
        h = ebim_concat(g, ebim_window(g, level[i], from, from, up, up), h);
        h = nets__twice(g, h, width << i);
    }
    return ebim_planes(g, ebim_conv(g, h, 3, 1, 1, 0, EBIM_FN_IDENTITY));
}

#endif /* NETS_H */
