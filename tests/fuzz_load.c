/* fuzz_load.c: any bytes as a model file. What loads is evaluated at one point and saved again, and
   what was saved must load. With libFuzzer, and as a program that replays the files it is given:

       clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
           tests/fuzz_load.c -o build/fuzz_load -lm && build/fuzz_load CORPUS
       cc -g -O1 -DFUZZ_MAIN tests/fuzz_load.c -o build/replay_load -lm && build/replay_load FILE...

   Seeds for CORPUS, a directory, are files written by ebim_save. Bytes are tried as they are and
   with a size and a checksum that fit, since no fuzzer guesses those. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 20, MEMORY = 1 << 22 };

static unsigned char file[LIMIT], model_memory[MEMORY], work_memory[MEMORY];

static void must(int truth, const char *what)
{
    if (truth) return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Value, derivatives and parameter gradient at a point; graphs that need more memory are left. */
static void evaluate(const ebim_graph *g)
{
    ebim_arena a;
    ebim_ws w;
    ebim_real *grad;
    int i, n = ebim_inputs(g), k = ebim_outputs(g);
    ebim_arena_init(&a, work_memory, sizeof work_memory);
    if (ebim_ws_init(&w, &a, g, 1, 1)) return;
    grad = (ebim_real *)ebim_arena_push(&a, (size_t)g->n_theta + 1, sizeof *grad);
    if (!grad) return;
    for (i = 0; i < n; i++) ebim_ws_x(&w)[i * w.stride] = (ebim_real)(0.5 - i);
    ebim_forward(&w, 1, 2);
    for (i = 0; i < n; i++) ebim_ws_xt(&w, 1)[i * w.stride] = 1;
    for (i = 0; i < k; i++) ebim_ws_yg(&w, 0)[i * w.stride] = ebim_ws_yg(&w, 1)[i * w.stride] = 1;
    ebim_jvp(&w, 1, 1);
    ebim_vjp(&w, 1, 1);
    ebim_backward(&w, 1, grad);
}

static void save_again(const ebim_model *m)
{
    size_t size = ebim_save_bytes(m);
    unsigned char *bytes = (unsigned char *)malloc(size);
    ebim_arena a;
    ebim_model again;
    if (!bytes) return;
    must(ebim_save(m, bytes, size) == EBIM_OK, "what loaded is not saved");
    ebim_arena_init(&a, NULL, 0);
    must(ebim_load(&again, &a, bytes, size) == EBIM_OK, "what was saved does not load");
    free(bytes);
}

static ebim_result load(const void *data, size_t size)
{
    ebim_arena a;
    ebim_model m;
    ebim_result r;
    ebim_arena_init(&a, model_memory, sizeof model_memory);
    r = ebim_load(&m, &a, data, size);
    must(!r || r == EBIM_ERR_MEMORY || (!a.used && !a.failed), "memory for a bad file");
    if (r) return r;
    must(m.n > m.k && m.k > 0 && m.n == m.m + m.k, "dimensions");
    evaluate(&m.F);
    if (m.has_energy) evaluate(&m.E);
    save_again(&m);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char head[12] = {'E', 'B', 'I', 'M', 13, 10, 26, 10, 4, 0, 0, 0};
    ebim__file w;
    if (size > LIMIT) return 0;
    load(data, size);
    if (size < 28) return 0;
    memcpy(file, data, size);
    memset(&w, 0, sizeof w);
    w.out = file;
    memcpy(file, head, sizeof head);
    w.at = sizeof head;
    ebim__io(&w, data[12] & 1 ? 4 : 8, 4);
    ebim__io(&w, size, 8);
    w.at = size - 4;
    ebim__io(&w, ebim__crc32(file, size - 4), 4);
    must(load(file, size) != EBIM_ERR_VERSION, "the format has another number now");
    return 0;
}

#ifdef FUZZ_MAIN
int main(int argc, char **argv)
{
    static unsigned char bytes[LIMIT];
    int i;
    for (i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t size;
        if (!f) {
            perror(argv[i]);
            return 1;
        }
        size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        LLVMFuzzerTestOneInput(bytes, size);
        printf("%s: %lu bytes\n", argv[i], (unsigned long)size);
    }
    return 0;
}
#endif
