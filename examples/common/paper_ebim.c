/* paper_ebim.c: ebim.h for all programs of the paper's experiments: make compiles it once and links
   it to each, with -DPAPER_LINKED. Without that paper.h brings the implementation itself. */
#define PAPER_IMPLEMENTATION_ONLY
#include "paper.h"
