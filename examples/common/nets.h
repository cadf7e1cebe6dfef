/* nets.h: the networks of the paper's images, over ebim.h's ops (include it first).

     nets_unet     its U-Net: double 3 x 3 convolutions with SiLU, 16 32 64 128 256 channels, halved
                   by maxima (28 14 7 3 1 pixels), doubled by transposed convolutions (2 4 8 16),
                   crops joined; 3 channels of 16 x 16, that is 768 outputs. 17.8 million
                   multiply-adds an image. The authors' has spectral norms, which this has not.
     nets_encoder  Conv28 of Yoon et al. 2021, without padding: 28 x 28 to codes, 21 million
     nets_decoder  and back: transposed convolutions, doubled by bilinear interpolation */
#ifndef NETS_H
#define NETS_H

#include "file.h" /* FILE_FN */

enum { NETS_LEVELS = 5 };

FILE_FN ebim_ref nets__twice(ebim_graph *g, ebim_ref x, int channels)
{
    x = ebim_conv(g, x, channels, 3, 1, 1, EBIM_FN_SILU);
    return ebim_conv(g, x, channels, 3, 1, 1, EBIM_FN_SILU);
}

/* A recording callback for images of 28 x 28 with one channel; user: the int of channels of the
 * first level (NULL: 16) */
FILE_FN ebim_ref nets_unet(ebim_graph *g, ebim_ref x, void *user)
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

/* user: the int of outputs, of both */
FILE_FN ebim_ref nets_encoder(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim_fn fn = EBIM_FN_RELU;
    ebim_ref h = ebim_image(g, x, 1, 28, 28);
    h = ebim_conv(g, ebim_conv(g, h, 32, 3, 1, 0, fn), 64, 3, 1, 0, fn);
    h = ebim_max_pool(g, h, 2, 2);
    h = ebim_conv(g, ebim_conv(g, h, 64, 3, 1, 0, fn), 128, 3, 1, 0, fn);
    h = ebim_conv(g, ebim_max_pool(g, h, 2, 2), 1024, 4, 1, 0, fn);
    return ebim_planes(g, ebim_conv(g, h, *(const int *)user, 1, 1, 0, EBIM_FN_IDENTITY));
}

FILE_FN ebim_ref nets_decoder(ebim_graph *g, ebim_ref z, void *user)
{
    const ebim_fn fn = EBIM_FN_RELU;
    ebim_ref h = ebim_image(g, z, ebim_inputs(g), 1, 1);
    (void)user;
    h = ebim_upsample(g, ebim_conv_transposed(g, h, 128, 4, 1, 0, fn), 2, 1);
    h = ebim_conv_transposed(g, h, 64, 3, 1, 0, fn);
    h = ebim_upsample(g, ebim_conv_transposed(g, h, 64, 3, 1, 0, fn), 2, 1);
    h = ebim_conv_transposed(g, h, 32, 3, 1, 0, fn);
    return ebim_planes(g, ebim_conv_transposed(g, h, 1, 3, 1, 0, EBIM_FN_IDENTITY));
}

#endif /* NETS_H */
