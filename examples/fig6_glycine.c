/* fig6_glycine: the paper's Fig. 6. Two angles of glycine in proteins, as points of a torus that no
   model is told about: the data, a pushforward model's image, and ours, from two sides.

       build/fig6_glycine [--seed N] [--out DIR] [--quick] [--recipe paper|default] */
#include "common/paper.h"

int main(int argc, char **argv)
{
    paper_args a;
    paper_begin(&a, "fig6_glycine", argc, argv);
    paper_two_views(&a, &paper_sets[PAPER_GLYCINE], "Dihedral angles of glycine");
    return 0;
}
