// The implementation and the runner compiled as C++, by `make test` through checks.sh: a circle
// is learned, saved, loaded, sampled and scored, so that every floor of the header is entered.
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

#include <vector>

static const int N = 200;

static std::vector<ebim_real> circle()
{
    std::vector<ebim_real> x(2 * N);
    for (int i = 0; i < N; i++) {
        double angle = 6.283185307179586 * i / N;
        x[2 * size_t(i)] = ebim_real(3 * cos(angle));
        x[2 * size_t(i) + 1] = ebim_real(3 * sin(angle));
    }
    return x;
}

static void learns_saves_loads_and_scores()
{
    std::vector<ebim_real> x = circle(), d(N), energy(N), samples(2 * N);
    ebim_fit_desc desc = ebim_fit_desc();
    ebim_model model, copy;
    desc.dim = 1;
    desc.effort = 0.1;
    if (!CHECK_INT(ebim_fit(&model, N, 2, x.data(), &desc), EBIM_OK)) return;
    std::vector<unsigned char> bytes(ebim_save_bytes(&model)), memory(1 << 20);
    CHECK_INT(ebim_save(&model, bytes.data(), bytes.size()), EBIM_OK);
    ebim_arena arena;
    ebim_arena_init(&arena, memory.data(), memory.size());
    if (CHECK_INT(ebim_load(&copy, &arena, bytes.data(), bytes.size()), EBIM_OK)) {
        CHECK_INT(ebim_score(&copy, N, x.data(), NULL, d.data(), energy.data(), NULL), EBIM_OK);
        CHECK_INT(ebim_sample(&copy, N, samples.data(), T_SEED), EBIM_OK);
        double far_off = 0, radius = 0;
        for (size_t i = 0; i < N; i++) {
            far_off = fmax(far_off, double(d[i]));
            radius += hypot(double(samples[2 * i]), double(samples[2 * i + 1])) / N;
        }
        CHECK_NEAR(far_off, 0, 0.1);
        CHECK_NEAR(radius, 3, 0.1);
    }
    ebim_free(&model);
}

static void results_have_texts()
{
    CHECK_STR(ebim_result_str(EBIM_OK), "no error");
    CHECK(strlen(ebim_result_str(ebim_result(-999))) > 0);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(results_have_texts);
    T_RUN(learns_saves_loads_and_scores);
    return T_END();
}
