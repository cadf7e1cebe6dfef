/* fig5_floods: the paper's Fig. 5. Where floods were on the Earth, as points of a sphere that no
   model is told about: the data, a pushforward model's image, and ours, from two sides.

       build/fig5_floods [--seed N] [--out DIR] [--quick] [--recipe paper|default] */
#include "common/paper.h"

int main(int argc, char **argv)
{
    paper_args a;
    paper_begin(&a, "fig5_floods", argc, argv);
    paper_two_views(&a, &paper_sets[PAPER_FLOODS], "Floods on the Earth");
    return 0;
}
