/* ebim.h: learns the surface your data lives on, and the density on it, from points alone.
 * One C99 or C++11 header, version 0.2.0. Licence: MIT or public domain, see LICENSE.
 *
 * It implements the energy-based implicit manifold of "Neural Implicit Manifold Learning for
 * Topology-Aware Density Estimation" (TMLR 2023; equation numbers below are that paper's):
 *
 *     points in R^n --> F: R^n -> R^k, the manifold M = {x in D : F(x) = 0}, m = n - k; or the way
 *                       from it, R^n -> R^n, where M is knotted, has one side, or ends (>>field)
 *                   --> E: R^n -> R, the density p(x) ~ e^-E(x) on M, per unit of its volume
 *     model (F, E, box D) --> samples, distances to M, energies, nearest points, a file
 *
 * Program. Compiles alone with ebim.h: cc -O2 prog.c -lm, or c++ -O2 prog.c.

    ---- begin example ----
    #define EBIM_IMPLEMENTATION
    #include "ebim.h"

    int main(void)
    {
        enum { N = 500, S = 5 };
        static ebim_real x[N][2], s[S][2], distance[S], energy[S];
        static ebim_fit_desc d;
        ebim_model model;
        ebim_result r;
        int i;
        for (i = 0; i < N; i++) { // an ellipse, denser at its left end
            double a = 6.2832 * i / N;
            x[i][0] = (ebim_real)(3 * cos(a + sin(a) / 2));
            x[i][1] = (ebim_real)(2 * sin(a + sin(a) / 2));
        }
        d.dim = 1; // the data lie on a curve
        d.effort = 0.1; // a tenth of the usual training is enough here
        r = ebim_fit(&model, N, 2, x[0], &d);
        if (!r) r = ebim_sample(&model, S, s[0], 1);
        if (!r) r = ebim_score(&model, S, s[0], NULL, distance, energy, NULL);
        for (i = 0; i < S && !r; i++)
            printf("%8.4f %8.4f  energy %.3f\n", (double)s[i][0], (double)s[i][1],
                   (double)energy[i]);
        if (r) fprintf(stderr, "%s\n", ebim_result_str(r));
        ebim_free(&model);
        return r ? 1 : 0;
    }
    ---- end example ----

 * It prints five samples, here (other processors: five others) with low energies at the left end:
 *
 *       1.2499   1.8171  energy 0.386
 *      -0.2492  -1.9924  energy 0.375
 *       1.0865  -1.8654  energy 0.354
 *      -2.4556  -1.1519  energy -0.371
 *      -2.0567   1.4563  energy -0.114
 *
 * Exactly one file defines EBIM_IMPLEMENTATION before it includes this one.
 *
 * CONTENTS. Declarations come first, in the order of the implementation; a section of the
 * implementation is found by searching for its tag. Each uses only those above it.
 *
    >>platform  compiler facts, libm in our precision, finiteness on bits
    >>arena     memory from the caller; an arena without memory measures
    >>watch     progress, and a way to stop
    >>threads   the caller's, or OpenMP's
    >>rng       xoshiro128++ streams, normals, sphere, shuffles
    >>kernels   the loops all time is spent in
    >>isa       their template, compiled once per instruction set
    >>dispatch  which of them this processor gets
    >>lanes     points to lanes and back, what is counted lane by lane
    >>linear    Cholesky, LU, Gram-Schmidt, Jacobi rotations
    >>points    tables of points: order, weights, nearest rows, union-find
    >>tensor    views of weights, values and Jacobians
    >>dual      dual numbers: the teaching form, and the oracle of the tests
    >>ops       one function per op, with its shape rule and its sweeps
    >>record    a graph, op by op
    >>tape      a graph recorded once, swept often: forward, jvp, vjp, forward over reverse
    >>net       multilayer perceptrons, Fourier features
    >>map       shift, scale, union, intersection, mixture
    >>solve     conjugate gradients, L-BFGS
    >>optim     Adam, SGD, clipping, schedules
    >>langevin  chains on R^n, eq. 6, the replay buffer; projection chains
    >>frame     F linearised per lane; the root of F(y - J'mu)
    >>tangents  of M, where F has more outputs than equations
    >>clmc      constrained Langevin on M, Algorithm 1
    >>exact     constrained Langevin without its error: Metropolis and a reverse check
    >>diagnose  R-hat and effective sample size of chains
    >>chains    runs of both kinds, far moves, the step that serves best
    >>project   nearest points and other ways onto M
    >>lines     random lines: uniform points of M, its volume (k = 1)
    >>charts    points of M of known density, its volume, for any k
    >>known     manifolds that need no learning: spheres, tori, rotations, simplices
    >>logz      the normaliser of e^-E, by lines that go where E is low, or by charts
    >>leap      moves of chains along lines, from one part of M to another
    >>components  which points of M belong to one piece of it
    >>crust     curves: which points are next to each other
    >>survey    what the data say before a fit
    >>voids     what M has and the data have not; a test of the density
    >>judge     what a fitted manifold is worth
    >>model     samples, scores and gradients of a model
    >>train     what training of F and of E share
    >>mdf       training of F: eq. 8 and better
    >>denoise   displacement fields by noise: x - D(x), for images; chains of D
    >>quadrics  M near each datum: a quadric through its neighbours, and its feet
    >>sides     which side of a hypersurface is which
    >>field     training of displacement fields: F for any codimension and topology; by sides
    >>equations F without training: polynomials of degree two that vanish on the data
    >>energy    training of E: eq. 10, and by likelihood without chains
    >>rows      the data of a fit: which rows, in which order, in which units
    >>recipe    what a fit trains, and how: tables
    >>odd       rows that are off
    >>candidates  networks for F: trained two at a time, judged against each other
    >>centres   E from a kernel estimate
    >>density   E: networks and the estimate, compared on held-out data
    >>check     M and E against the data
    >>fit       from points to a model
    >>io        the model as bytes
    >>easy      all of it with malloc; files
 *
 * KNOWN MANIFOLDS. Who has directions, axes, angles, rotations or shares knows M. `on` of a fit
 * names it, or M is a map for it: only the density is learned then, in seconds, on all of M.
 *
 * THREE LEVELS. ebim_fit, ebim_sample, ebim_score, ebim_log_density, ebim_nearest, ebim_gradients,
 * ebim_combine, ebim_save_file, ebim_load_file do everything with malloc. ebim_fit_run,
 * ebim_model_* and ebim_scorer, for points that come one by one, do the same in the caller's
 * memory. Below them stand the parts: graphs of your own as F or E (ebim_record), training with any
 * loss of >>mdf, projections, chains, solvers.
 *
 * UNITS. Training standardises inside (one shift, one scale; behind a linear map, model.linear,
 * where the data's extents are very unlike each other); everything a caller sees is in the units of
 * the data. A distance is Euclidean, a log density is per unit of M's volume. With ebim_fit's
 * default recipe e^-E is the density relative to the uniform one on M: E = 0 is the average. (The
 * paper's recipe, and where M has no normaliser: E is known up to a constant and a scale.)
 *
 * DATA. Equal rows, and rows that nearly are, count as one point with a weight; a caller may give
 * weights of his own. They are held out together, so that no point is judged by its copy. Rows so
 * far from all others that they cannot be told from errors, and rows that lie alone and off what
 * was learned, are left out and named (model.info). See >>survey.
 *
 * LAYOUT. Points are row-major, [B][n]. Inside, a workspace keeps features x batch: sample l of
 * feature i is row[i * stride + l], so that vectors run over samples whatever the width.
 *
 * ERRORS. What can fail returns an ebim_result, 0 or negative. Why a solver stopped is no error: it
 * stands in its report. A point that finds no point of M has NaN for its scores and gradients, and
 * ok = 0 tells which. Nothing is printed. Descriptors (*_desc) are plain structs: set them to zero
 * first. A field that is 0 means the default written beside it, or off. Required are eps of chains,
 * the box of lines, charts, judgements and fresh points of training, data, dim of a fit, in and out
 * of an MLP, steps, batch and rate of training: while one is 0 an error that names it is returned.
 *
 * MEMORY. All objects live in an ebim_arena over memory of the caller, and the code that builds
 * one also measures it (see `arena`). Training and sampling never allocate. Of the stack a fit,
 * samples and scores take less than 64 KB (gcc 39, clang 57), but measuring memory for ebim_fit_run
 * 130 KB: ebim_fit does that in memory of its own.
 *
 * VERDICT. ebim_fit judges what it has learned (>>judge, >>voids): look at model.judged.verdict, a
 * number that holds bits: 0 is fine, any of EBIM_VERDICT_BAD means that the fit is not to be
 * trusted, the other bits are warnings. ebim_verdict_worst takes the bits one by one,
 * ebim_verdict_str says what each means, ebim_verdict_advice what can be done. Numbers that are not
 * known are NaN.
 *
 * STOPPING. A progress callback, or a watch in an arena (ebim_watch), ends all work of what is made
 * from that arena within some ten milliseconds, in every stage. A fit that was stopped has what it
 * had learned to the end: its best F, and no energy if that was not finished; info.partial is 1.
 *
 * THREADS. The library starts none and has no global state; ebim_parallel hands it yours, in
 * ebim_fit_desc (two networks at a time), ebim_denoise_desc (halves of a batch) and ebim_model
 * (samples, scores), or OpenMP's with EBIM_USE_OPENMP. Results are the same for any number. Graphs
 * and models are constant while they are swept or sampled: threads share them, each with its own
 * workspace and arena.
 *
 * CLUSTERS. Nothing here speaks to a network: processes that train together bring their own mean
 * over all of them (ebim_reduce), and chains take streams of a seed by number, whoever runs them
 * (ebim_clmc_run). examples/mpi_fit.c and mpi_chains.c do so with MPI.
 *
 * DETERMINISM. Every function that draws takes a seed; chain i has stream i of it. The same binary,
 * seed, settings and instruction set (ebim_simd) give the same bytes, those of a model's file too,
 * for any number of threads; chains and lines do so whatever the block size (but with -ffast-math,
 * for a block of one), training sums gradients by blocks (`lanes`). With EBIM_NO_SIMD and
 * -ffp-contract=off the level of optimisation changes no byte either. Other compilers, flags,
 * instruction sets and processors agree to rounding: one model's distances, nearest points and
 * energies to 1e-4 (points of size 1, off folds of M), while a long chain or a training run
 * amplifies it. Integers of the generator are the same everywhere.
 *
 * BUILD OPTIONS, to be defined before every inclusion, alike in all files:
 *   EBIM_DOUBLE          ebim_real is double, not float; a mix does not link
 *   EBIM_STATIC          everything static, the implementation included
 *   EBIM_NO_TRAIN        no training: load, sample and score only
 *   EBIM_NO_MALLOC       no malloc layer (and so no files)
 *   EBIM_NO_STDIO        no files (and no <stdio.h>, which the program above relies on)
 *   EBIM_NO_SIMD         plain C loops, which others than clang and gcc from 9 on get anyway, and
 *                        32-bit x86 with -std=c99, whose numbers carry more digits than a vector's
 *   EBIM_SIMD_BITS       the widest vectors to use on x86: 128, 256, 512 (512)
 *   EBIM_USE_OPENMP      threads by default: OpenMP's (-fopenmp), see ebim_parallel
 *   EBIM_USE_CBLAS       large products by cblas_sgemm or cblas_dgemm (<cblas.h>, -lopenblas)
 *   EBIM_HEADER          the name this file includes itself by ("ebim.h"); when there is no such
 *                        file, as in a pasted copy, vectors have 128 bits
 *   EBIM_MAX_NODES       ops one graph can hold (96); a mix does not link either
 *   EBIM_ASSERT(c)       replaces assert; checks what only a programming error can break
 * -ffast-math is safe: finiteness is decided on bits, rounding does not use magic numbers.
 *
 * EXACTNESS. Over all floats, in ulp, fused or not (`make ulps`): exp 1.65, SiLU 3.70; its first
 * derivative 1.62 ulp of 1, its second 2.37 of 1/2. In double, over 2^25 numbers: 0.82, 2.67, 1.62,
 * 2.24. Beyond +-87 (+-708) exp is that of the end, and SiLU is off by |a| times it.
 *
 * FILE FORMAT. Little-endian on every machine, versioned, checksummed, in float or double (either
 * loads into either): the layout is written down at >>io. No clock is in it, so equal fits are
 * equal files. A file is checked whole before memory is taken; a hostile one can cost at most time
 * linear in its size, and its graphs have no more than 16 features for each byte, so that what
 * scores and samples take is bounded, too.
 *
 * LIMITS. Chains are exact where they are adjusted (>>exact), on displacement fields up to some
 * 1e-4 in their tangents (>>tangents); charts take those of Q'J, off by 0.0002 to 0.005, which
 * their overlap evens out. Chains pass between components by leaps along lines
 * (k = 1, n <= 7) or by independent points of charts. Log densities are normalised with a standard
 * error (model.z, ebim_model_log_z) where random lines measure M, k = 1 and n <= 7, or charts do
 * (>>charts), m <= 8 and M smooth enough for 4096 of them, 8192 where m > 3 (a flat torus of four
 * dimensions is, of five not), or, where M is known, uniform points of it and points of narrow
 * kernels; elsewhere E is a kernel estimate, normalised as if M were flat
 * at its widths, or, for m > 8 and the paper's recipe, trained by contrastive divergence, which is
 * slow, biased, and leaves a constant open. Displacement fields that nothing measures, without E or
 * of many codimensions, have no log density, and samples by projection chains, whose law is only
 * near that of the data (ebim_model_by_projection). Charts grow from the data: pieces of F's zero
 * set that hold none are not measured, and get no samples. The default E has a ceiling: no place of
 * M is less likely than about e^-4 of the uniform density (a kernel estimate: 0.003 to 0.03 of
 * it). Kernels have 8192 centres at most; a centre itself is scored without its own kernel, as it
 * would be if it were new. The verdict of a fit sees what held-out points, M itself, a second
 * network and the data's own spacing show; a bridge over a gap that should hold fewer than some 15
 * points it cannot see, nor curves that cross at less than 40 degrees, often not those of fewer
 * than 1000 rows, nor surfaces that meet in single points. Data whose spread is below 1e4 roundoffs
 * of their distance from the origin are refused: subtract an offset.
 * Linear maps are for n <= 64. The paper's recipe takes the data as they are: it wants them of
 * size 1. Not compiled with MSVC by anyone yet.
 */
#ifndef EBIM_H
#define EBIM_H

/* Read by install and by callers: MAJOR.MINOR.PATCH */
#define EBIM_VERSION_MAJOR 0
#define EBIM_VERSION_MINOR 2
#define EBIM_VERSION_PATCH 0

/* RULES of all that follows.
 *
 * Returned is an ebim_result where something can be refused or run out; else, where many points,
 * chains or lines are treated, how many of them it did well for (1 or 0 for one step); else the
 * number, pointer or text that is asked for; else nothing.
 * Arguments: the object, arenas, what it is made of or works on (the number of rows before the
 * rows), descriptor or settings, seed and stream, results, report.
 * An object whose fields a caller may read or set is a struct of the caller's, made through `*`;
 * one without such fields is made through `**` in the arena. Both are made by ..._init (a graph by
 * ebim_record or what calls it) and last as long as the arena's memory.
 * ..._desc is what a caller asks for, all zero at first; ..._report what was done; ..._stats gives
 * the report of an object by value. Reports that are passed as pointers may be NULL.
 * Enumerators begin with their family's name (EBIM_FN_SILU is an ebim_fn), results with EBIM_ERR_,
 * but for EBIM_OK. Counts are ints, counts of a whole run int64_t; double is what is measured.
 * Names with two underscores behind ebim are private. */

#include <float.h>
#include <stddef.h>
#include <stdint.h>

/* --------------------------------------------------------------------------------------------
 * platform and dispatch: precision, linkage, results
 * ----------------------------------------------------------------------------------------- */

/* What numbers are, and their spacing at 1 */
#ifdef EBIM_DOUBLE
typedef double ebim_real;
#define EBIM_EPS DBL_EPSILON
#else
typedef float ebim_real;
#define EBIM_EPS FLT_EPSILON
#endif

/* Stands before every public function. */
#if defined(EBIM_STATIC) && defined(__GNUC__)
#define EBIM_API static __attribute__((unused))
#elif defined(EBIM_STATIC)
#define EBIM_API static
#elif defined(__cplusplus)
#define EBIM_API extern "C"
#else
#define EBIM_API extern
#endif

/* Ops one graph can hold: a plain number. Their table is part of ebim_graph, as graphs are recorded
 * while an arena only measures, too, when there is no other memory to keep ops in. */
#ifndef EBIM_MAX_NODES
#define EBIM_MAX_NODES 96
#endif

/* Files compiled with another EBIM_DOUBLE or EBIM_MAX_NODES have other structs. Where these are not
 * the usual ones, what makes a graph or a model has a name that tells them, so that a mix does not
 * link; arenas compare sizes besides. */
#if defined(EBIM_DOUBLE) || EBIM_MAX_NODES != 96
#ifdef EBIM_DOUBLE
#define EBIM__REAL_NAME _double_
#else
#define EBIM__REAL_NAME _float_
#endif
#define EBIM__NAME3(name, real, nodes) name##real##nodes
#define EBIM__NAME2(name, real, nodes) EBIM__NAME3(name, real, nodes)
#define EBIM__NAME(name) EBIM__NAME2(name, EBIM__REAL_NAME, EBIM_MAX_NODES)
#define ebim_record EBIM__NAME(ebim_record)
#define ebim_mlp EBIM__NAME(ebim_mlp)
#define ebim_map_affine EBIM__NAME(ebim_map_affine)
#define ebim_map_product EBIM__NAME(ebim_map_product)
#define ebim_map_concat EBIM__NAME(ebim_map_concat)
#define ebim_energy_sum EBIM__NAME(ebim_energy_sum)
#define ebim_energy_mixture EBIM__NAME(ebim_energy_mixture)
#define ebim_fit_run EBIM__NAME(ebim_fit_run)
#define ebim_model_combine EBIM__NAME(ebim_model_combine)
#define ebim_load EBIM__NAME(ebim_load)
#define ebim_fit EBIM__NAME(ebim_fit)
#define ebim_combine EBIM__NAME(ebim_combine)
#define ebim_load_file EBIM__NAME(ebim_load_file)
#define ebim_free EBIM__NAME(ebim_free)
#endif

/* Results: 0 is success, everything negative is an error. */
#define EBIM_RESULTS(X)                                                                      \
    X(OK, 0, "no error")                                                                     \
    X(ERR_ARG, -1, "an argument is out of range or missing")                                 \
    X(ERR_MEMORY, -2, "out of memory: the arena or malloc could not provide the bytes")      \
    X(ERR_SHAPE, -3, "sizes of operands, maps or points do not fit together")                \
    X(ERR_NODES, -4, "the graph is full: define EBIM_MAX_NODES larger")                      \
    X(ERR_DATA, -5, "the data cannot be fitted: too few distinct points, all the same, so far " \
                      "from the origin that their digits are lost, or in a unit whose squares " \
                      "are no numbers")                                                       \
    X(ERR_FINITE, -6, "the data hold a value that is not finite")                            \
    X(ERR_DIVERGED, -7, "training diverged; the last good state was kept")                   \
    X(ERR_FORMAT, -8, "not an ebim model, or a damaged one")                                 \
    X(ERR_VERSION, -9, "a model file of another format version")                             \
    X(ERR_CHECKSUM, -10, "the model is damaged: its checksum does not match")                \
    X(ERR_LIMIT, -11, "the model is larger than the byte limit given, or its graphs are, for " \
                      "so small a file")                                                     \
    X(ERR_IO, -12, "a file could not be read or written (see errno)")                        \
    X(ERR_ABI, -13, "caller and implementation were compiled with different EBIM_DOUBLE or " \
                    "EBIM_MAX_NODES")                                                        \
    X(ERR_SOLVE, -14, "no point of the manifold was found")                                  \
    X(ERR_POINTS, -15, "data are missing: one point at least, of two coordinates or more")   \
    X(ERR_DIM, -16, "dim, the manifold's dimension, is missing or does not fit: it goes from 1 " \
                    "to n - 1")                                                              \
    X(ERR_EFFORT, -17, "effort should be 0 (as usual) or more, and finite")                  \
    X(ERR_RECIPE, -18, "recipe or networks holds a value that there is none of")             \
    X(ERR_WEIGHTS, -19, "weights should be finite, none below 0 and not all 0")               \
    X(ERR_GRAPH, -20, "F should be a graph from n inputs to n - dim outputs, E one from n to 1, " \
                      "with parameters to train")                                              \
    X(ERR_EPS, -21, "eps, the length of noise or of a step, is missing: it is above 0")        \
    X(ERR_BOX, -22, "lo and hi, the box, are missing, or one of them is")                      \
    X(ERR_STEPS, -23, "steps, batch or rate is missing: they are above 0")                      \
    X(ERR_ON, -24, "on or M does not fit: not to n, dim, F or the paper's recipe")             \
    X(ERR_OFF, -25, "a row lies off the manifold that it should be on (ebim_check_on names it): " \
                    "scale the rows, or learn the manifold")

/* What most functions return: EBIM_OK, or EBIM_ERR_... from the list above */
typedef enum ebim_result {
#define EBIM__ENUM(name, value, text) EBIM_##name = value,
    EBIM_RESULTS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM__RESULT_MIN = -1000
} ebim_result;

/* The instruction set that will be used here: "plain", "128 bits", "AVX2", "AVX-512". */
EBIM_API const char *ebim_simd(void);

/* One line of text for a result; never NULL. */
EBIM_API const char *ebim_result_str(ebim_result r);

/* --------------------------------------------------------------------------------------------
 * watch: progress, and a way to stop
 * ----------------------------------------------------------------------------------------- */

/* What long work is about: training of F, training of E, judging, use of a model */
typedef enum ebim_stage {
    EBIM_STAGE_MANIFOLD, EBIM_STAGE_ENERGY, EBIM_STAGE_CHECK, EBIM_STAGE_USE
} ebim_stage;

typedef struct ebim_progress {
    ebim_stage stage;
    int step, steps;       /* of this stage; 0 of 0 where there are no steps */
    double done;           /* of the whole run, 0..1 (ebim_fit_run) or of the stage */
    double loss;
} ebim_progress;

/* Non-zero stops. A trainer calls its own some 200 times in a run, or after every step where one
 * sweep of its batch takes more than 2^27 multiplications. */
typedef int (*ebim_progress_fn)(void *user, const ebim_progress *p);

/* Who watches long work. Set `progress` and `user`, all else to zero, and hang it into the arena
 * that the objects are made in (a->watch): whatever they do then calls `progress` about once in
 * 2^27 multiplications, some ten milliseconds, and comes to its end at once when that returns
 * non-zero. `stopped` tells it: the results of work that was stopped are not to be used. One watch
 * for each thread. */
typedef struct ebim_watch {
    ebim_progress_fn progress;
    void *user;
    ebim_progress now;     /* what `progress` is told */
    double from, to;       /* now.done goes from one to the other in this stage (both 0: to 1) */
    double work, due;      /* multiplications so far; the next call is then */
    int stopped;
} ebim_watch;

/* --------------------------------------------------------------------------------------------
 * arena: memory from the caller
 * ----------------------------------------------------------------------------------------- */

/* All objects take their memory from an arena. An arena without memory measures: the code that
 * builds an object runs the same way and only counts, so sizes can never disagree with use:
 *
 *     ebim_arena a;
 *     ebim_arena_init(&a, NULL, 0);       measure
 *     ebim_ws_init(&ws, &a, &g, 64, 1);
 *     bytes = ebim_arena_bytes(&a);       then ebim_arena_init(&a, malloc(bytes), bytes) and again
 *
 * Nothing is ever freed one by one: drop the memory, or set `used` back to an earlier value. */
typedef struct ebim_arena {
    unsigned char *base; /* first aligned byte; NULL: measuring */
    size_t size;         /* usable bytes from base */
    size_t used;         /* bytes handed out, padding included */
    ebim_result failed;  /* sticky: the first failure */
    ebim_watch *watch;   /* of the work of what is made from it (NULL: nobody) */
} ebim_arena;

/* mem: any alignment, owned by the caller, must outlive every object made from the arena. */
#define ebim_arena_init(a, mem, size) ebim_arena_init_abi((a), (mem), (size), sizeof(ebim_model))
EBIM_API void ebim_arena_init_abi(ebim_arena *a, void *mem, size_t size, size_t sizeof_model);
/* count * size zeroed bytes, 64-byte aligned. NULL when measuring, and on failure (a->failed). */
EBIM_API void *ebim_arena_push(ebim_arena *a, size_t count, size_t size);
/* What ebim_arena_init needs for what has been pushed so far, whatever the alignment of mem. */
EBIM_API size_t ebim_arena_bytes(const ebim_arena *a);

/* --------------------------------------------------------------------------------------------
 * threads: the caller's
 * ----------------------------------------------------------------------------------------- */

/* Calls task(arg, i) for i = 0 .. count - 1, in any order, at the same time if it likes, and
 * returns when all are done. */
typedef void (*ebim_task_fn)(void *arg, int i);
typedef void (*ebim_parallel_fn)(void *user, int count, ebim_task_fn task, void *arg);

/* Threads of the caller. Results are the same for any number of workers; each takes memory. */
typedef struct ebim_parallel {
    ebim_parallel_fn run; /* (NULL: OpenMP's with EBIM_USE_OPENMP, else one after another) */
    void *user;
    int workers;          /* 1: no threads (0: with run 4, else as many as OpenMP has) */
} ebim_parallel;

/* --------------------------------------------------------------------------------------------
 * rng: xoshiro128++ (Blackman, Vigna 2019), one independent stream per (seed, stream)
 * ----------------------------------------------------------------------------------------- */

/* The state of one stream; copied by value */
typedef struct ebim_rng {
    uint32_t s[4];
} ebim_rng;

EBIM_API void ebim_rng_init(ebim_rng *r, uint64_t seed, uint64_t stream);
EBIM_API uint32_t ebim_rng_u32(ebim_rng *r);
EBIM_API uint32_t ebim_rng_below(ebim_rng *r, uint32_t n); /* uniform on 0..n-1, n > 0, unbiased */
EBIM_API ebim_real ebim_rng_uniform(ebim_rng *r);          /* [0, 1), 24 or 53 bits */
EBIM_API ebim_real ebim_rng_normal(ebim_rng *r);           /* N(0,1); no hidden second value */
EBIM_API void ebim_rng_sphere(ebim_rng *r, int n, ebim_real *v);  /* uniform unit vector in R^n */
EBIM_API void ebim_rng_shuffle(ebim_rng *r, int n, int32_t *index); /* Fisher-Yates */

/* --------------------------------------------------------------------------------------------
 * tensor: a view of weights, of values inside a network, of Jacobians
 * ----------------------------------------------------------------------------------------- */

#define EBIM_TENSOR_RANK 4 /* the most axes */

/* Up to four axes over memory of somebody else, row-major when wrapped. Copied by value.
 * ebim_weights, ebim_ws_values and ebim_ws_jacobian hand tensors out. A bias, for instance:
 *
 *     ebim_weights(&g, node, &W, &b);                  W is [out][in], b is [out][1]
 *     *ebim_tensor_at(&b, 0, 0, 0, 0) -= 1;
 *
 * Functions return ERR_SHAPE for shapes that do not fit, ERR_ARG for a bad rank or axis, and then
 * change nothing. */
typedef struct ebim_tensor {
    ebim_real *data;                 /* NULL while measuring */
    int rank;
    int shape[EBIM_TENSOR_RANK];     /* 1 beyond the rank */
    int stride[EBIM_TENSOR_RANK];    /* in elements */
} ebim_tensor;

EBIM_API ebim_result ebim_tensor_wrap(ebim_tensor *t, ebim_real *data, int rank, const int *shape);
/* NULL outside the shape; axes beyond the rank take index 0. */
EBIM_API ebim_real *ebim_tensor_at(const ebim_tensor *t, int i, int j, int k, int l);
EBIM_API ebim_result ebim_tensor_slice(ebim_tensor *out, const ebim_tensor *t, int axis, int first,
                                       int count);

/* --------------------------------------------------------------------------------------------
 * dual: v + d epsilon, epsilon^2 = 0: a value and its derivative in one direction
 * ----------------------------------------------------------------------------------------- */

/* Functions of one number: of duals, and elementwise in a graph, on their own (ebim_apply) or as
 * activations of a layer. SQRT and ABS have derivative 0 at 0. POW takes a constant exponent. */
#define EBIM_FNS(X) \
    X(IDENTITY) X(SILU) X(TANH) X(RELU) X(SOFTPLUS) X(SINE) X(COSINE) X(EXP) X(LOG) X(SQRT) \
    X(ABS) X(SQUARE) X(POW)
typedef enum ebim_fn {
#define EBIM__ENUM(name) EBIM_FN_##name,
    EBIM_FNS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM__FN_COUNT
} ebim_fn;

/* What a graph does for rows of points at once, for one number: with x = ebim_dual_make(2, 1),
 * y = ebim_dual_op(x, '*', ebim_dual_apply(EBIM_FN_LOG, x, 0)) holds 2 log 2 and 1 + log 2. */
typedef struct ebim_dual {
    ebim_real v, d;
} ebim_dual;

EBIM_API ebim_dual ebim_dual_make(ebim_real v, ebim_real d); /* d = 1: the variable, 0: constant */
EBIM_API ebim_dual ebim_dual_op(ebim_dual a, int op, ebim_dual b); /* + - * / */
EBIM_API ebim_dual ebim_dual_apply(ebim_fn fn, ebim_dual a, ebim_real exponent); /* of POW only */

/* --------------------------------------------------------------------------------------------
 * ops, record and tape: a graph recorded once, swept often
 * ----------------------------------------------------------------------------------------- */

typedef int32_t ebim_ref; /* a node of a graph; 0: failed, and every op passes it on */

/* How a graph keeps an op: private, see >>ops */
typedef struct ebim__node {
    int32_t op, fn;         /* ebim__op, ebim_fn */
    ebim_ref a, b, c;       /* operands, 0 where absent */
    int32_t size;           /* features per sample, C H W */
    int32_t C, H, W;        /* their shape; a vector is C x 1 x 1 */
    int32_t kernel, stride, padding; /* of ops on images; 0 elsewhere */
    int32_t i0;             /* SLICE: first feature; RBF: number of centres */
    int32_t frozen;         /* parameters are constants: no gradient */
    int32_t theta, n_theta; /* first parameter and their number */
    ebim_real s;            /* POW: exponent; ADD: factor of b */
} ebim__node;

/* How a function with more outputs than M has codimensions tells M, where codim is not 0: M is
 * where Q'F = 0, Q the `codim` leading left singular vectors of J at the point itself, and where
 * the bounds hold, of which 0 is none. Equations that depend on one another need no bounds: R'R = I
 * for 3 x 3 matrices has nine outputs and codim 6. */
typedef struct ebim_field {
    int32_t codim;          /* k; 0: each output is an equation */
    int32_t gate;           /* 1: the last output is no part of F; it is 0 on M, more elsewhere. 2:
                             * there is none, and F: R^n -> R^n is a way that is followed, x - F(x),
                             * until ||F|| <= norm: nothing needs J, which is too large (images) */
    double norm, gap;       /* most of ||F||, and of the Frobenius norm of J - QQ'J, on M, */
    double slope;           /* least of the pivots of Q'J, */
    double open;            /* and most of the gate */
} ebim_field;

/* A function R^n -> R^k and its parameters. Plain memory, movable by assignment; theta is owned
 * by whoever recorded the graph (an arena). Constant while swept: threads share it. */
typedef struct ebim_graph {
    int32_t n_nodes;        /* nodes 1..n_nodes-1 are in use; node 1 is the input */
    int32_t n_theta;
    ebim_ref y;             /* the output */
    ebim_result failed;     /* sticky: the first failure while recording */
    int32_t room;           /* parameters counted, while they are written */
    ebim_real *theta;       /* [n_theta]; NULL while measuring */
    ebim_field field;       /* set by who recorded it; all 0 to begin with */
    ebim__node node[EBIM_MAX_NODES];
} ebim_graph;

/* Records ops on g, starting from the input x, and returns the output. Called twice (first to
 * count parameters, with g->theta == NULL), so it must record the same ops both times. */
typedef ebim_ref (*ebim_record_fn)(ebim_graph *g, ebim_ref x, void *user);

/* Records y = f(x), x in R^n, and takes theta from the arena. The graph may be used when the
 * result is EBIM_OK and the arena was not only measuring. */
EBIM_API ebim_result ebim_record(ebim_graph *g, ebim_arena *a, int n, ebim_record_fn f, void *user);
EBIM_API int ebim_inputs(const ebim_graph *g);  /* n */
EBIM_API int ebim_outputs(const ebim_graph *g); /* k, or more: see ebim_field */

/* Views of the parameters of a dense node, W [out][in], or of a convolution, see ebim_conv, and b
 * [out][1]. */
EBIM_API ebim_result ebim_weights(const ebim_graph *g, ebim_ref node, ebim_tensor *W,
                                  ebim_tensor *b);

/* Ops. Binary ops take equal sizes, or size 1 on one side (broadcast). Values at a kink follow
 * the first operand. Constants are read during the call and kept in theta, frozen. */
EBIM_API ebim_ref ebim_constant(ebim_graph *g, int size, const double *value);
EBIM_API ebim_ref ebim_dense(ebim_graph *g, ebim_ref x, int out, ebim_fn fn); /* fn(Wx + b) */
EBIM_API ebim_ref ebim_matrix(ebim_graph *g, ebim_ref x, int out, const double *w); /* [out][in] */
EBIM_API ebim_ref ebim_apply(ebim_graph *g, ebim_ref a, ebim_fn fn);
EBIM_API ebim_ref ebim_pow(ebim_graph *g, ebim_ref a, double exponent);
EBIM_API ebim_ref ebim_affine(ebim_graph *g, ebim_ref a, const double *center, double scale);
                                     /* scale * (a - center); center [size] or NULL for zero */
EBIM_API ebim_ref ebim_scale(ebim_graph *g, ebim_ref a, double s);
EBIM_API ebim_ref ebim_add(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_sub(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_mul(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_div(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_min(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_max(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_select(ebim_graph *g, ebim_ref c, ebim_ref a, ebim_ref b);
                                     /* c > 0 ? a : b */
EBIM_API ebim_ref ebim_sum(ebim_graph *g, ebim_ref a);                /* size 1 */
EBIM_API ebim_ref ebim_dot(ebim_graph *g, ebim_ref a, ebim_ref b);    /* size 1 */
EBIM_API ebim_ref ebim_sumsq(ebim_graph *g, ebim_ref a);              /* size 1 */
EBIM_API ebim_ref ebim_concat(ebim_graph *g, ebim_ref a, ebim_ref b);
EBIM_API ebim_ref ebim_slice(ebim_graph *g, ebim_ref a, int first, int count);
/* Radial basis functions, a kernel density estimate: sum over j of
 * weight[j] e^(-||x - center_j||^2 / (2 width[j]^2)); center: [count][size of x]; size 1 */
EBIM_API ebim_ref ebim_rbf(ebim_graph *g, ebim_ref x, int count, const double *center,
                           const double *width, const double *weight);
/* Ops on images of C channels of H x W pixels. Features of an image stand pixel by pixel: channel c
 * of pixel (y, x) is feature (y W + x) C + c. ebim_image makes one of a vector whose channels stand
 * one after the other, as they do in files and in PyTorch, ebim_planes goes back; ebim_concat of
 * images of one size joins their channels. Ops that work number by number keep the image of an
 * operand; layers and slices make vectors. Nets for images are written from ebim_image to
 * ebim_planes. */
EBIM_API ebim_ref ebim_image(ebim_graph *g, ebim_ref x, int C, int H, int W);
EBIM_API ebim_ref ebim_planes(ebim_graph *g, ebim_ref x);
/* fn(W * x + b), W: [out][kernel][kernel][C]: cross-correlation, as in PyTorch. Pixels outside of
 * the image are 0, `padding` (< kernel) of them on each side; kernels are `stride` apart. */
EBIM_API ebim_ref ebim_conv(ebim_graph *g, ebim_ref x, int out, int kernel, int stride,
                            int padding, ebim_fn fn);
/* The transpose of such a convolution as a map: from C channels to `out`; W: [C][kernel][kernel]
 * [out]; (H - 1) stride - 2 padding + kernel pixels high. */
EBIM_API ebim_ref ebim_conv_transposed(ebim_graph *g, ebim_ref x, int out, int kernel, int stride,
                                       int padding, ebim_fn fn);
EBIM_API ebim_ref ebim_max_pool(ebim_graph *g, ebim_ref x, int kernel, int stride);
EBIM_API ebim_ref ebim_average_pool(ebim_graph *g, ebim_ref x, int kernel, int stride);
/* factor times as large in both directions, by repetition or bilinear (corners stay in place) */
EBIM_API ebim_ref ebim_upsample(ebim_graph *g, ebim_ref x, int factor, int bilinear);
/* factor x factor pixels become one with so many times the channels, in the order (dy, dx, c) */
EBIM_API ebim_ref ebim_space_to_depth(ebim_graph *g, ebim_ref x, int factor);
EBIM_API ebim_ref ebim_depth_to_space(ebim_graph *g, ebim_ref x, int factor);
/* H x W pixels from (top, left) on, which may lie outside: zeros there. Crops and pads. */
EBIM_API ebim_ref ebim_window(ebim_graph *g, ebim_ref x, int top, int left, int H, int W);
/* Records a copy of the whole graph f applied to x; its parameters are copied, frozen or not. */
EBIM_API ebim_ref ebim_inline(ebim_graph *g, const ebim_graph *f, ebim_ref x, int frozen);

/* Workspace of one thread: values, tangents and adjoints of a block of lanes (samples), batch
 * last: feature i of lane l is row[i * stride + l], stride = lanes rounded up to 16; 1 where there
 * is one lane. Plane 0 of the adjoints belongs to the values, planes 1..planes to the tangents. */
typedef struct ebim_ws {
    const ebim_graph *g;
    int n, k;               /* inputs and outputs of g */
    int stride, planes;
    int uses;               /* which sweeps it has arrays for */
    int lanes, used;        /* B of the last ebim_forward, rounded up as stride is, and as it was */
    int order;              /* derivatives held by the last ebim_forward */
    const struct ebim__kernels *kernels;
    struct ebim__slot *slot;
    struct ebim__sweep *sweep; /* what an op is told, per node */
    ebim_real *seed;        /* [1 + planes][k][stride], or of plane 0 alone: see >>tape */
    ebim_watch *watch;      /* of the arena; once it is stopped, sweeps do nothing */
    double cost;            /* multiplications of a sweep of one plane, per lane */
    ebim_real *turned;      /* see ebim__turn */
} ebim_ws;

/* planes: how many tangents stand side by side. EBIM_WS_VALUES: none, and no derivatives at all:
 * for ebim_forward of order 0 and ebim_eval, with nodes that share memory. */
enum { EBIM_WS_VALUES = -1 };
EBIM_API ebim_result ebim_ws_init(ebim_ws *w, ebim_arena *a, const ebim_graph *g, int lanes,
                                  int planes);
EBIM_API ebim_real *ebim_ws_x(ebim_ws *w);             /* [n][stride] write: the input */
EBIM_API ebim_real *ebim_ws_y(ebim_ws *w);             /* [k][stride] read: F(x) */
EBIM_API ebim_real *ebim_ws_xt(ebim_ws *w, int plane); /* [n][stride] write: w, plane >= 1 */
EBIM_API ebim_real *ebim_ws_yt(ebim_ws *w, int plane); /* [k][stride] read: J w */
EBIM_API ebim_real *ebim_ws_yg(ebim_ws *w, int plane); /* [k][stride] write: v */
EBIM_API ebim_real *ebim_ws_xg(ebim_ws *w, int plane); /* [n][stride] read: J'v */

/* Views of a workspace after ebim_forward of B points: [features][B] of a node's values, which one
 * made with EBIM_WS_VALUES has not kept; [k][n][B] of the Jacobian, which takes an order >= 1, k
 * planes, and is swept here, in planes 1..k. */
EBIM_API ebim_result ebim_ws_values(const ebim_ws *w, ebim_ref node, ebim_tensor *values);
EBIM_API ebim_result ebim_ws_jacobian(ebim_ws *w, ebim_tensor *J);

/* Sweeps over the first B lanes. Lanes between B and the next multiple of 16 may be, too:
 * ebim_forward fills their input with lane 0's. One forward of order >= 1 linearises: any number
 * of tangents and adjoints may follow. */
EBIM_API void ebim_forward(ebim_ws *w, int B, int order); /* 0 values, 1 + sigma', 2 + sigma'' */
EBIM_API void ebim_jvp(ebim_ws *w, int plane, int count); /* tangents of planes plane.. */
EBIM_API void ebim_vjp(ebim_ws *w, int plane, int count); /* adjoints of planes plane.. */
/* Forward over reverse. Adjoint of the values (plane 0, seeded by ebim_ws_yg(w, 0)) of
 * sum over lanes of <y-bar, F(x)> + sum_p <v_p, J(x) w_p>, p = 1..pairs, where tangents (jvp) and
 * adjoints (vjp) of planes 1..pairs have been swept already, after a forward of order 2 when
 * pairs > 0. Adds the gradient with respect to theta to grad [n_theta] unless it is NULL. */
EBIM_API void ebim_backward(ebim_ws *w, int pairs, ebim_real *grad);

/* The same for ordinary row-major points; any B, in blocks of the workspace's lanes. */
EBIM_API void ebim_eval(ebim_ws *w, int B, const ebim_real *x, ebim_real *y);
        /* x: [B][n], y: [B][k] */
EBIM_API void ebim_eval_jvp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *t,
                            ebim_real *jt);      /* t: [B][n] -> J t: [B][k]; planes >= 1 */
EBIM_API void ebim_eval_vjp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *v,
                            ebim_real *vj);      /* v: [B][k] -> J'v: [B][n] */
EBIM_API void ebim_eval_hvp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *v,
                            const ebim_real *t, ebim_real *h);
        /* second derivative of <v, F> in direction t, [B][n]; planes >= 1 */
EBIM_API void ebim_eval_jacobian(ebim_ws *w, int B, const ebim_real *x, ebim_real *j);
        /* [B][k][n]; k adjoint sweeps, in one when planes >= k */

/* --------------------------------------------------------------------------------------------
 * net and map: builders over the ops
 * ----------------------------------------------------------------------------------------- */

typedef struct ebim_mlp_desc {
    int in, out;            /* required */
    int layers, width;      /* hidden layers (0: default 3) of width units (0: default 32) */
    ebim_fn fn;             /* activation (0: SiLU) */
    const double *center;   /* [in], subtracted from the input first (NULL: none) */
    double in_scale;        /* factor of the centred input (0: 1) */
    double lift;            /* > 0: one more input, this factor of the centred input's ||x||^2: the
                             * lift to a paraboloid, which makes round shapes flat (0: none) */
    int fourier;            /* > 0: sines and cosines of this many random frequencies stand for the
                             * centred and scaled input (see ebim_fourier); the lift stays beside */
    double fourier_scale;   /* their standard deviation (0: 1) */
    double omega;           /* fn SINE only: factor of the input of every hidden layer (0: 30) */
    double scale;           /* factor of the output (0: 1) */
    double ceiling;         /* > 0: outputs y become -log(e^-y + e^-ceiling), the energy of a
                             * density that is nowhere below e^-ceiling: what no data point came
                             * near to is unlikely, not impossible (0: none) */
} ebim_mlp_desc;

typedef struct ebim_denoiser_desc {
    int C, H, W;            /* required */
    int width;              /* channels at half the size, twice as many at a quarter (0: 32) */
    double center;          /* subtracted from the input first: about the mean of the data (0) */
} ebim_denoiser_desc;

/* A net that takes noise off images, R^n -> R^n, n = C H W, planes one after the other: two levels
 * of half and a quarter of the size, without pooling. H and W: multiples of 4. Its
 * last layer begins as the constant `center`. 203 588 parameters for width 32 and one channel. */
EBIM_API ebim_result ebim_denoiser(ebim_graph *g, ebim_arena *a, const ebim_denoiser_desc *d,
                                   uint64_t seed);

/* Records an MLP and initialises it: W, b uniform on +-1/sqrt(fan in), as torch.nn.Linear. With
 * fn SINE hidden layers are sin(omega W x + b) after Sitzmann et al. 2020: W uniform on
 * +-1/(fan in) in the first and +-sqrt(6/(fan in))/omega in the others, the last and its b
 * included; b of hidden layers on +-pi, so that all phases are alike. omega W h then has variance 1
 * in all of them but the first, whose frequencies go up to omega / sqrt(fan in): inputs should be
 * of size 1. */
EBIM_API ebim_result ebim_mlp(ebim_graph *g, ebim_arena *a, const ebim_mlp_desc *d, uint64_t seed);
/* Initialises every dense layer that is not frozen. */
EBIM_API void ebim_init_theta(ebim_graph *g, uint64_t seed);
/* Random Fourier features: sin(B x) and then cos(B x), B [count][size of x] normal with standard
 * deviation `scale`, a function of the seed, frozen. Their mean product over frequencies,
 * sum of z(x) z(y) / count, approximates e^(-scale^2 ||x - y||^2 / 2), so 1 / scale is the width of
 * what a layer on them sees as one place; scale is best chosen on held-out data. */
EBIM_API ebim_ref ebim_fourier(ebim_graph *g, ebim_ref x, int count, double scale, uint64_t seed);

/* Compositions, copying parameters. affine: out_scale f(in_scale (x - shift)), whose zero set is
 * that of f, divided by in_scale and moved by shift: [n], NULL: 0. */
EBIM_API ebim_result ebim_map_affine(ebim_graph *g, ebim_arena *a, const ebim_graph *f,
                                     const double *shift, double in_scale, double out_scale);
EBIM_API ebim_result ebim_map_product(ebim_graph *g, ebim_arena *a, const ebim_graph *f1,
                                      const ebim_graph *f2); /* union; scalar maps only */
EBIM_API ebim_result ebim_map_concat(ebim_graph *g, ebim_arena *a, const ebim_graph *f1,
                                     const ebim_graph *f2);  /* intersection */
/* Energies: sum (intersection), and -log(w e^-E1 + (1-w) e^-E2), 0 < w < 1 (mixture; E1 and E2
 * must be normalised, or w absorbs exp(-log Z)). */
EBIM_API ebim_result ebim_energy_sum(ebim_graph *g, ebim_arena *a, const ebim_graph *e1,
                                     const ebim_graph *e2);
EBIM_API ebim_result ebim_energy_mixture(ebim_graph *g, ebim_arena *a, const ebim_graph *e1,
                                         const ebim_graph *e2, double w);

/* --------------------------------------------------------------------------------------------
 * solve: conjugate gradients, L-BFGS
 * ----------------------------------------------------------------------------------------- */

/* Av = A v for all lanes; rows are batch last, [k][stride]. */
typedef void (*ebim_linear_op)(void *user, const ebim_real *v, ebim_real *Av);

typedef struct ebim_cg_desc {
    double tol;            /* relative residual (0: 16 eps of ebim_real) */
    int max_iter;          /* (0: 2 k + 10) */
    unsigned char *solved; /* out: [lanes], 1 where tol was reached (NULL: not wanted) */
} ebim_cg_desc;

typedef struct ebim_cg_report {
    int iterations;        /* products with A, but for one of the start */
    int unsolved;          /* lanes above tol at the end */
    double residual;       /* the largest relative residual of a lane; DBL_MAX: not finite */
} ebim_cg_report;

/* Solves A x = b, A symmetric positive definite, for every lane on its own; x holds the start and
 * the result: the iterate with the smallest residual, so none worse than the start. A lane that has
 * converged, or meets a direction along which A is not positive, is frozen; singular A is fine
 * while b is in its range. x is 0 where b is, and where b or A x is not finite (unsolved); a start
 * that is not finite counts as 0. op sees zeros in frozen lanes and in those from `lanes` on,
 * where b and x are not touched. work: EBIM_CG_WORK(k, stride) reals;
 * report: may be NULL. */
#define EBIM_CG_WORK(k, stride) (((size_t)(k) * 4 + 5) * (size_t)(stride))
EBIM_API void ebim_cg(const ebim_cg_desc *d, int k, int lanes, int stride, ebim_linear_op op,
                      void *user, const ebim_real *b, ebim_real *x, ebim_real *work,
                      ebim_cg_report *report);

/* Why a minimiser stopped */
#define EBIM_STOPS(X)                                                       \
    X(RUNNING, "running")                                                   \
    X(CONVERGED, "the gradient is small enough")                            \
    X(NO_PROGRESS, "the value decreases no further, or by less than tol_f") \
    X(MAX_ITER, "iteration limit")                                          \
    X(MAX_EVAL, "evaluation limit")                                         \
    X(MAX_LINE, "a line search used up max_line without a gain")            \
    X(CALLBACK, "stopped by the callback")                                  \
    X(BAD_START, "the value or gradient at the start is not finite")

/* EBIM_STOP_CONVERGED and so on */
typedef enum ebim_stop {
#define EBIM__ENUM(name, text) EBIM_STOP_##name,
    EBIM_STOPS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM__STOP_COUNT
} ebim_stop;

EBIM_API const char *ebim_stop_str(ebim_stop s); /* one line of text, never NULL */

typedef struct ebim_lbfgs_desc {
    int history;          /* pairs kept (0: 6) */
    int max_iter;         /* accepted steps (0: 1000) */
    int max_eval;         /* evaluations (0: 25 for each iteration allowed) */
    double tol_grad;      /* stop at |g| <= tol_grad max(1, |x|) (0: 4 eps) */
    double tol_f;         /* stop when a step gains less than tol_f |f| (0: off) */
    double c1, c2;        /* strong Wolfe: sufficient decrease, curvature, 0 < c1 < c2 < 1, else
                           * ERR_ARG: no step need satisfy both (0: 1e-4, 0.9) */
    int max_line;         /* evaluations of one line search (0: 40) */
    double first_step;    /* length of a trial step along -g, the first one's (0: min(1, |g|)) */
    double max_step;      /* longest step |x' - x| (0: off); one so cut may miss c2 */
} ebim_lbfgs_desc;

typedef struct ebim__knot { double t, f, d; } ebim__knot; /* place on a line, value, derivative */

/* Reverse communication: ask where to evaluate, tell the value and gradient there. x, f, g always
 * belong together and are the best point seen, and stop was decided there. A trial whose value or
 * gradient is not finite shortens the step. Line search: bracketing, then zoom with safeguarded
 * cubic interpolation (Nocedal & Wright, algorithms 3.5, 3.6), scalars in double; one that fails
 * drops the pairs and is followed by another from the best point, until that gains nothing. */
typedef struct ebim_lbfgs {
    int n;                /* may be lowered before ebim_lbfgs_start */
    ebim_lbfgs_desc d;
    ebim_real *x, *g;     /* [n] best point and its gradient */
    double f;
    int iterations, evaluations;
    ebim_stop stop;
    ebim_real *trial, *dir, *base, *base_g, *s, *y; /* private from here on */
    double *rho, *alpha;
    int room, pairs, newest, phase, line;
    double f0, slope0, t, t_max;
    ebim__knot lo, hi;
} ebim_lbfgs;

EBIM_API ebim_result ebim_lbfgs_init(ebim_lbfgs *s, ebim_arena *a, int n, const ebim_lbfgs_desc *d);
EBIM_API void ebim_lbfgs_start(ebim_lbfgs *s, const ebim_real *x0); /* x0: [n] */
EBIM_API const ebim_real *ebim_lbfgs_ask(const ebim_lbfgs *s);      /* [n]; NULL when stopped */
EBIM_API ebim_stop ebim_lbfgs_tell(ebim_lbfgs *s, double f, const ebim_real *g);

/* Returns f(x) and its gradient in g: [n]. */
typedef double (*ebim_objective)(void *user, const ebim_real *x, ebim_real *g);
/* Called after every accepted step; non-zero stops. */
typedef int (*ebim_lbfgs_progress)(void *user, const ebim_lbfgs *s);

/* x: [n] in and out, the best point seen. Work memory from the arena; measures like any init. */
EBIM_API ebim_result ebim_lbfgs_minimize(ebim_objective f, void *user, ebim_arena *a, int n,
                                         ebim_real *x, const ebim_lbfgs_desc *d,
                                         ebim_lbfgs_progress progress, ebim_lbfgs *report);

/* --------------------------------------------------------------------------------------------
 * optim: first-order optimisers
 * ----------------------------------------------------------------------------------------- */

#ifndef EBIM_NO_TRAIN
/* As in PyTorch: Adam; gradients summed with momentum */
typedef enum ebim_optim_rule { EBIM_OPTIM_ADAM, EBIM_OPTIM_SGD } ebim_optim_rule;

typedef struct ebim_optim {
    int n, steps;             /* parameters, steps made */
    ebim_optim_rule rule;
    /* may be changed after init: */
    double beta1, beta2, eps; /* of Adam: 0.9, 0.999, 1e-8 */
    double momentum;          /* of SGD: 0 */
    double decay;             /* decoupled weight decay (0: none) */
    const unsigned char *decays; /* [n] 1: this parameter decays (NULL: all do) */
    double clip;              /* a longer gradient is scaled to this length first (0: none is) */
    double norm;              /* out: length of the last gradient before that, where clip > 0 */
    ebim_real *m, *v;         /* [n] moments; SGD has m only */
} ebim_optim;

EBIM_API ebim_result ebim_optim_init(ebim_optim *o, ebim_arena *a, int n, ebim_optim_rule rule);
/* One step; refused (returns 0, nothing changes) when a gradient, or the square of one for Adam, is
 * not finite. With clip, grad is scaled in place. */
EBIM_API int ebim_optim_step(ebim_optim *o, ebim_real *theta, ebim_real *grad, ebim_real rate);

typedef enum ebim_rate_law {
    EBIM_RATE_CONSTANT,
    EBIM_RATE_COSINE,         /* from rate down to end * rate at `steps`, and there it stays */
    EBIM_RATE_EXPONENTIAL,    /* likewise */
    EBIM_RATE_STEP            /* times end after every `steps` steps (steps 0: never) */
} ebim_rate_law;

typedef struct ebim_rate_desc {
    double rate;
    ebim_rate_law law;
    double end;
    int steps;
    int warmup;               /* linear, a share of 1 / warmup first, all of it from step warmup - 1
                               * on (0: none) */
} ebim_rate_desc;

/* The rate of step 0, 1, ... */
EBIM_API double ebim_rate(const ebim_rate_desc *d, int step);
#endif

/* --------------------------------------------------------------------------------------------
 * langevin: chains on R^n, and the replay buffer
 * ----------------------------------------------------------------------------------------- */

typedef enum ebim_energy_of { /* what a scalar energy is made of */
    EBIM_ENERGY_OF_OUTPUT,    /* the map's only output */
    EBIM_ENERGY_OF_NORM,      /* ||F(x)||, eq. 8's negatives */
    EBIM_ENERGY_OF_NORM2      /* ||F(x)||^2 */
} ebim_energy_of;

/* x <- x + eps r - (step/2) clamp(grad U(x)), r ~ N(0, I): eq. 6 when step = eps^2. With another
 * step it samples (as eps -> 0) at temperature eps^2 / step: the authors' settings do. A move that
 * leaves the box, or is not finite, is not made. */
typedef struct ebim_langevin_desc {
    ebim_energy_of energy;
    double eps;               /* noise scale, required */
    double step;              /* of the gradient (0: eps^2) */
    double clamp;             /* largest |component| of the gradient (0: off) */
    const double *lo, *hi;    /* [n] box, kept by reference (NULL: none) */
    int lanes;                /* block size (0: 64) */
} ebim_langevin_desc;

typedef struct ebim_langevin ebim_langevin;

EBIM_API ebim_result ebim_langevin_init(ebim_langevin **s, ebim_arena *a, const ebim_graph *u,
                                        const ebim_langevin_desc *d);
/* B chains, x: [B][n] in and out; chain b draws from stream `stream + b` of seed. Returns the
 * number of moves that were made. */
EBIM_API int64_t ebim_langevin_run(ebim_langevin *s, int B, ebim_real *x, int steps,
                                   uint64_t seed, uint64_t stream);

/* Replay buffer: a chain starts from a stored point with probability keep, else afresh, and the
 * point it ends at is stored where it came from (Du & Mordatch 2019). */
typedef struct ebim_replay {
    int n, size, used;
    ebim_real *x;             /* [size][n] */
} ebim_replay;

EBIM_API ebim_result ebim_replay_init(ebim_replay *r, ebim_arena *a, int n, int size);
/* slot[b]: where chain b started, or -1 for a fresh one, whose x the caller fills in. */
EBIM_API void ebim_replay_draw(const ebim_replay *r, ebim_rng *rng, int B, ebim_real *x,
                               double keep, int32_t *slot);
EBIM_API void ebim_replay_put(ebim_replay *r, ebim_rng *rng, int B, const ebim_real *x,
                              const int32_t *slot);

/* --------------------------------------------------------------------------------------------
 * clmc, chains, diagnose and project: constrained Langevin on M = {F = 0}, and projection onto it
 * ----------------------------------------------------------------------------------------- */

typedef enum ebim_solver { /* of F(y - J'mu) = 0 for mu in R^k */
    EBIM_SOLVER_NEWTON,    /* per chain, matrix J(y) J' by k tangents; chord, CG for large k */
    EBIM_SOLVER_LBFGS,     /* minimise ||F||^2, strong Wolfe (eq. 14, squared) */
    EBIM_SOLVER_SGD        /* gradient steps on ||F||^2, scaled by 1 / ||J||^4 */
} ebim_solver;

/* By a matrix (small k), or without one by conjugate gradients */
typedef enum ebim_linear { EBIM_LINEAR_AUTO, EBIM_LINEAR_DIRECT, EBIM_LINEAR_CG } ebim_linear;

/* How systems on the constraint are solved, shared by everything that moves along M. */
typedef struct ebim_constraint_desc {
    ebim_solver solver;
    ebim_linear linear;    /* J J' systems (AUTO: Cholesky up to codim 16, else CG) */
    int joint;             /* L-BFGS: one problem over the whole block, as the authors do */
    int max_iter;          /* (0: 20) */
    double tol;            /* ||F|| <= tol ||J|| max(length, |x_i|) (0: 16 eps of ebim_real) */
    double length;         /* coordinates of M are of this size; needed where M comes near the
                            * origin: rounding of F does not shrink there as |x| does (0: off) */
    const double *lengths; /* [n] of each coordinate, where they have units of their own; for direct
                            * systems, kept by reference (NULL: length is that of all) */
    double sgd_rate;       /* (0: 0.25) */
    double cg_tol;         /* relative residual (0: 16 eps) */
    int lanes;             /* block size (0: 128) */
} ebim_constraint_desc;

typedef enum ebim_adjust {
    EBIM_ADJUST_NONE,      /* Algorithm 1: every step with a root is made; biased by O(eps^2) */
    EBIM_ADJUST_EXACT,     /* exact for e^-E: what can be undone is accepted by Metropolis' rule */
    EBIM_ADJUST_UNCHECKED  /* without asking whether they can: biased, to see what that is for */
} ebim_adjust;

typedef struct ebim_clmc_desc {
    double eps;            /* required: length of the tangent noise; adjusted, of a leapfrog step */
    double step;           /* alpha in x + eps r - (alpha/2) grad E - J'mu (0: eps^2, which
                              means temperature 1; adjusted: always) */
    double clamp;          /* largest |component| of grad E (0: off); adjusted, it stays exact */
    ebim_adjust adjust;
    int leapfrog;          /* adjusted: steps of a move, constrained HMC (0: 1). Above 1 every move
                            * of every chain draws its own number of them, uniform on 1 .. leapfrog:
                            * paths of one length come back to where they began on some M. The mean
                            * is (leapfrog + 1) / 2, and so is the cost */
    int leapfrog_most;     /* adjusted: ebim_clmc_adapt chooses leapfrog up to this (0: off) */
    int keep_unsolved;     /* 1: move even if F(y) = 0 was not solved (the authors' way) */
    const double *lo, *hi; /* [n] the box D, kept by reference (NULL: none) */
    ebim_constraint_desc constraint;
} ebim_clmc_desc;

typedef struct ebim_clmc_report { /* counts since init */
    int64_t steps;         /* chain steps asked for */
    int64_t moved;
    int64_t rejected;      /* adjusted: by Metropolis' rule */
    int64_t astray;        /* adjusted: the step back does not lead back */
    int64_t unsolved;      /* no root found: the old point counts again (or see keep_unsolved) */
    int64_t outside;       /* left D: the old point counts again */
    int64_t singular;      /* J J' not invertible at the old point */
    int64_t off;           /* of all steps, those of chains that did not start on M */
    int64_t iterations;    /* of the solver, summed over blocks */
    double accept;         /* adjusted: sum of the probabilities to accept, 0 where a step fails */
    double residual;       /* largest ||F|| / ||J|| of a move made */
    double eps;            /* as they are now: see ebim_clmc_adapt */
    int leapfrog;
    /* ebim_model_sample only: how many equally weighted points the starts are worth, and of `draws`
     * energies (first coordinates without energy) along 64 chains, 16 where there are more than 16
     * equations, the effective number and R-hat */
    double starts, draws, ess, rhat;
} ebim_clmc_report;

typedef struct ebim_clmc ebim_clmc;

/* Algorithm 1. E may be NULL: Brownian motion on M. Unadjusted: biased by O(eps^2). */
EBIM_API ebim_result ebim_clmc_init(ebim_clmc **s, ebim_arena *a, const ebim_graph *F,
                                    const ebim_graph *E, const ebim_clmc_desc *d);
/* B chains of points on M, x: [B][n] in and out, chain b from stream `stream + b` of seed. Starts
 * beside M, such as points that were printed, are first put onto it (not with keep_unsolved). The
 * way back of a move never ends off M: an adjusted chain that starts there stays where it is.
 * Returns how many chains are on M or could be put there. */
EBIM_API int ebim_clmc_run(ebim_clmc *s, int B, ebim_real *x, int steps, uint64_t seed,
                           uint64_t stream);
EBIM_API ebim_clmc_report ebim_clmc_stats(const ebim_clmc *s);
/* A line of text, never NULL: where less than a tenth of the steps were moves, the main cause and
 * what helps. */
EBIM_API const char *ebim_clmc_advice(const ebim_clmc_report *r);
/* Adjusted chains only: one move each without the gradient of E, by a tangent step of length
 * `reach` instead of eps, projected onto M (Zappa, Holmes-Cerfon and Goodman 2018). Where most are
 * refused the others may lead far, also to other components; for k = 1 see ebim_leaps. Not in the
 * report; returns how many moved. */
EBIM_API int ebim_clmc_far(ebim_clmc *s, int B, ebim_real *x, double reach, uint64_t seed,
                           uint64_t stream);
/* Adjusted chains only: `steps` moves in which eps is adapted so that the mean probability to
 * accept is `target` (0: 0.8), by dual averaging; it is frozen afterwards. Returns eps. These
 * moves are no samples: their law depends on the past. With leapfrog_most they are shared out
 * among leapfrog = 1, 2, 4, ..., and that one stays whose steps are worth most, by how much of
 * every coordinate and its square a move forgets: 20 moves for each at least, and chains that are
 * spread over M, 100 or more. Too few moves for that leave leapfrog as it is. */
EBIM_API double ebim_clmc_adapt(ebim_clmc *s, int B, ebim_real *x, int steps, double target,
                                uint64_t seed, uint64_t stream);

/* What chains tell of themselves, from one number of every draw, x: [chains][draws]; 4 draws at
 * least. ebim_rhat: split R-hat (Gelman et al. 2013), above 1.01 where chains, or their halves,
 * have not mixed. ebim_ess: the effective sample size of the mean, by Geyer's initial monotone
 * sequence over all halves (Vehtari et al. 2021). Chains that do not move have R-hat 1, or infinity
 * if they differ, and no effective draw. */
EBIM_API double ebim_rhat(int chains, int draws, const double *x);
EBIM_API double ebim_ess(int chains, int draws, const double *x);

typedef enum ebim_project {
    EBIM_PROJECT_NEAREST,  /* a nearest point: Newton onto M, then descent of the distance on M */
    EBIM_PROJECT_ONTO,     /* some point nearby: Newton onto M only */
    EBIM_PROJECT_DESCEND   /* min ||F(x)||^2 by L-BFGS, as the paper starts its chains */
} ebim_project;

typedef struct ebim_project_desc {
    ebim_project method;
    int max_iter;          /* (0: 100) */
    double tol;            /* tangential part of the residual, relative (0: 1e-4 or sqrt eps) */
    ebim_constraint_desc constraint;
} ebim_project_desc;

typedef struct ebim_projector ebim_projector;

EBIM_API ebim_result ebim_projector_init(ebim_projector **p, ebim_arena *a, const ebim_graph *F,
                                         const ebim_project_desc *d);
/* x: [B][n] -> y: [B][n] (may be x), distance ||y - x||: [B] or NULL, ok: [B] or NULL, 1 where
 * F(y) = 0 was reached and the square of the distance is finite. Returns how many points that is;
 * y of the others is the best point seen. */
EBIM_API int ebim_projector_run(ebim_projector *p, int B, const ebim_real *x, ebim_real *y,
                                ebim_real *distance, unsigned char *ok);
/* Up to B points of M from uniform noise in the box lo..hi [n], thrown onto M; points that miss M
 * or the box are redrawn. Reaches every part of M, but not uniformly. Returns how many. */
EBIM_API int ebim_projector_noise(ebim_projector *p, int B, ebim_real *x, const double *lo,
                                  const double *hi, uint64_t seed, uint64_t stream);

/* --------------------------------------------------------------------------------------------
 * lines and leap: uniform points of M, its volume, moves from one part to another; codimension 1
 * ----------------------------------------------------------------------------------------- */

typedef struct ebim_lines_desc {
    const double *lo, *hi; /* [n] the box D, required, kept by reference */
    int grid;              /* intervals of a line as long as D's diagonal (0: 48) */
} ebim_lines_desc;

typedef struct ebim_lines_report { /* since init */
    int64_t lines, roots;  /* drawn; found in D */
    double volume, volume_se; /* of M in D, and its standard error */
    int64_t halved;        /* intervals halved because a pair of roots might have hidden there */
} ebim_lines_report;

typedef struct ebim_lines ebim_lines;

/* Codimension 1 only (else ERR_SHAPE). */
EBIM_API ebim_result ebim_lines_init(ebim_lines **s, ebim_arena *a, const ebim_graph *F,
                                     const ebim_lines_desc *d);
/* All roots on `lines` random lines; up to room of them, chosen at random among all, into
 * x: [room][n]. Line i draws from stream `stream + i` of seed. Returns how many are in x. */
EBIM_API int ebim_lines_run(ebim_lines *s, int lines, int room, ebim_real *x, uint64_t seed,
                            uint64_t stream);
/* B points, uniform on M by volume: as many lines as that takes. Returns how many there are:
 * fewer than B when not even one in a thousand of the lines through D meets M. Most lines miss M
 * when n is large: fast up to n = 6 or so. */
EBIM_API int ebim_lines_uniform(ebim_lines *s, int B, ebim_real *x, uint64_t seed);
EBIM_API ebim_lines_report ebim_lines_stats(const ebim_lines *s);

/* Moves along lines: each of B points of M, x: [B][n] in and out, changes to one of all points in
 * which a random line through it meets M, in such a way that e^-E on M is left as it is. They reach
 * other components; mixed with steps of chains (ebim_clmc_run) they make those global. E may be
 * NULL: uniform. Chain b draws from stream `stream + b` of seed. Returns how many went elsewhere.
 * Codimension 1. */
typedef struct ebim_leaps ebim_leaps;
EBIM_API ebim_result ebim_leaps_init(ebim_leaps **s, ebim_arena *a, const ebim_graph *F,
                                     const ebim_graph *E, const ebim_lines_desc *d);
EBIM_API int ebim_leaps_run(ebim_leaps *s, int B, ebim_real *x, uint64_t seed, uint64_t stream);

/* --------------------------------------------------------------------------------------------
 * charts and components: points of M of known density, its volume, any codim; its pieces
 * ----------------------------------------------------------------------------------------- */

typedef struct ebim_charts_desc {
    const double *lo, *hi; /* [n] the box D, required, kept by reference */
    int most;              /* charts there may be (0: 4096, of m > 3 8192) */
    uint64_t seed;         /* of the growth of charts */
} ebim_charts_desc;

typedef struct ebim_charts_report { /* since the charts were made */
    int charts, covered;   /* how many; 1: they cover all of M that can be reached from the start */
    int64_t draws, found;  /* draws; of these, those that ended on M in D */
    double volume, volume_se; /* of what the charts cover; 0 before draws */
    double effective;      /* draws that weigh alike and would do as well */
    int one_sided;         /* 1: charts carried along M come back mirrored, as on a Moebius strip */
} ebim_charts_report;

typedef struct ebim_charts ebim_charts;

/* 1 <= k < n and n - k <= 8 (else ERR_SHAPE) */
EBIM_API ebim_result ebim_charts_init(ebim_charts **s, ebim_arena *a, const ebim_graph *F,
                                      const ebim_charts_desc *d);
/* Charts at some of the points that x: [N][n], or noise in D where x is NULL, is projected to, and
 * from there on until M is covered. Returns how many there are; 0: no point led to M. */
EBIM_API int ebim_charts_cover(ebim_charts *s, int N, const ebim_real *x);
/* Of `draws` draws those that end on M in D -> x: [draws][n], the logs of their densities per
 * volume -> log_q: [draws]. Returns how many. Draw i has stream `stream + i` of seed. The mean of
 * f / q over all draws, 0 for those that end nowhere, is the integral of f over M. */
EBIM_API int ebim_charts_run(ebim_charts *s, int draws, ebim_real *x, ebim_real *log_q,
                             uint64_t seed, uint64_t stream);
EBIM_API ebim_charts_report ebim_charts_stats(const ebim_charts *s);

/* Connected components of M from points uniform on it, x: [B][n], and its volume. label: [B] out,
 * 0 .. count - 1, the component with most points first; count is not written while the arena
 * measures. One component comes out as several with probability below 1e-4, if its
 * radii of curvature are larger than r = (2 V log(20000 B) / (B w_m))^(1/m), w_m the volume of the
 * unit ball; with fewer points, more often. Time O(B^2), fit for some thousand points. */
EBIM_API ebim_result ebim_components(const ebim_graph *F, ebim_arena *work, int B,
                                     const ebim_real *x, double volume, int32_t *label,
                                     int *count);

/* --------------------------------------------------------------------------------------------
 * known: manifolds that need no learning
 * ----------------------------------------------------------------------------------------- */

/* Manifolds that need no learning, with the names that the tool has for them:
 *   SPHERE     |x| = 1, of R^n, n >= 2
 *   TORUS      n / 2 pairs (cos, sin): x0^2 + x1^2 = 1, x2^2 + x3^2 = 1, ..., n <= 48
 *   AXES       the sphere, x and -x being the same: E is even, the density is that on the sphere,
 *              half of the probability at either; n <= 32, so quaternions are those of n = 4
 *   ROTATIONS  3 x 3 matrices R, row by row: RR' = I and det R = 1
 *   SIMPLEX    x0 + x1 + ... = 1, all >= 0
 * Volumes, and with them densities, are Euclidean: a turn by an angle of t moves R by t sqrt 2. */
#define EBIM_ONS(X) \
    X(LEARNED, "learned") X(SPHERE, "sphere") X(TORUS, "torus") X(AXES, "axes") \
    X(ROTATIONS, "rotations") X(SIMPLEX, "simplex") X(GIVEN, "given")
typedef enum ebim_on {
#define EBIM__ENUM(name, text) EBIM_ON_##name,
    EBIM_ONS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM__ON_COUNT
} ebim_on;

/* Whether all rows lie on a known manifold, to a hundredth of its size, as data may that were
 * rounded: EBIM_OK; ERR_ON: it has no points of n coordinates; ERR_OFF, or ERR_FINITE: *row is the
 * first that does not, *distance how far it is from it (both may be NULL). */
EBIM_API ebim_result ebim_check_on(ebim_on on, int N, int n, const ebim_real *x, int *row,
                                   double *distance);

/* --------------------------------------------------------------------------------------------
 * judge: what a fitted manifold is worth
 * ----------------------------------------------------------------------------------------- */

/* What a verdict can hold against a fit, the worst first: a name, its bit, 1 where it means that
 * the fit should not be trusted, what it says, and what can be done. */
#define EBIM_VERDICTS(X)                                                                       \
    X(NOWHERE, 32, 1, "F has no zero in the box", "another dimension? more points?")           \
    X(UNCHECKED, 256, 1, "it was stopped before it could be checked", "give it more time")     \
    X(MISSED, 1, 1, "points of the data found no way to it",                                   \
      "rows off the structure, or another dimension")                                          \
    X(OFF, 2, 1, "the data lie off it",                                                        \
      "noise, rows off the structure, or another dimension; more effort helps detail")         \
    X(SINGULAR, 4, 1, "it crosses itself or branches, or F is flat on it",                     \
      "data that cross or branch are no manifold; else noise: more points, or smooth them")    \
    X(DISPUTED, 8, 1, "the data do not settle a part of it: no other network has it",          \
      "more points where it has none, or another seed")                                        \
    X(EMPTY, 16, 1, "a piece of it holds no data", "another seed, or more effort")             \
    X(HOLE, 512, 0, "a patch of it should hold data and has none: it may bridge a gap",        \
      "look at the place; more effort, or more points there")                                  \
    X(DENSITY, 1024, 0, "the density does not fit held-out data", "more points, or more effort") \
    X(ENDS, 2048, 0, "the data end abruptly: open ends or an edge, and it may go on",          \
      "trust it where data are: distances beyond the ends are those to its continuation")      \
    X(RIM, 64, 0, "it runs on beyond the data to the walls of the box",                        \
      "trust it where data are")                                                               \
    X(UNITS, 16384, 0, "columns whose numbers are small beside the others' are not followed",  \
      "if they matter, scale the columns alike")                                               \
    X(OUTLIERS, 4096, 0, "many rows lie far off and were left out", "look at these rows")      \
    X(LOOSE, 128, 0, "the data lie in a band round it: noise, corners, or sheets that close "    \
      "together", "it is the middle of the band; more points or effort draw detail sharper")   \
    X(FEW, 8192, 0, "so few points do not settle it, or a piece of it", "more points")

typedef enum ebim_verdict {
    EBIM_VERDICT_FINE = 0,
#define EBIM__ENUM(name, value, bad, text, advice) EBIM_VERDICT_##name = value,
    EBIM_VERDICTS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM_VERDICT_BAD = 319 /* any of these bits: do not trust the fit */
} ebim_verdict;

/* One line of text for the worst bit of a verdict, and one of advice; "fine" and "" for none.
 * `verdict & ~ebim_verdict_worst(verdict)` is what is left to be told. */
EBIM_API int ebim_verdict_worst(int verdict);
EBIM_API const char *ebim_verdict_str(int verdict);
EBIM_API const char *ebim_verdict_advice(int verdict);

typedef struct ebim_judge_desc {
    const double *lo, *hi;   /* [n] the box D, required */
    double scale;            /* size of the data: lengths are judged as shares of it (0: half the
                              * diagonal of D) */
    double noise;            /* of the data, known beforehand (0: none, or not known) */
    double rim;              /* data stay this far from the walls of D (0: not looked at) */
    int n_data, n_held;
    const ebim_real *data;   /* [n_data][n] that F was trained on, required */
    const ebim_real *held;   /* [n_held][n] that it was not (n_held 0: data take their place) */
    const ebim_real *weights;/* [n_data + n_held] of both (NULL: all alike) */
    const ebim_graph *rival; /* another fit to the same data (NULL: none) */
    int points;              /* of M to look at (0: 2000); components are counted up to 4096 */
    int rough;               /* 1: for k > 1 no volume, and points of M from noise: quicker */
    ebim_real *u;            /* [points][n] out: these (NULL: not wanted) */
    uint64_t seed;
} ebim_judge_desc;

/* NaN: not known. Shares are of the volume of M; where its points are not uniform (k > 3, or k = 1
 * and n > 7) of the points looked at. */
typedef struct ebim_judgement {
    int verdict;             /* bits of ebim_verdict */
    int checked, missed;     /* held-out points projected onto M; of these, failed */
    double distance_mean, distance_median, distance_q99, distance_max; /* of the others */
    int points;              /* of M that were looked at */
    double volume, volume_se;
    int components;          /* 0: not known */
    double sigma;            /* smallest singular value of J: 1 % quantile over M */
    double singular;         /* share where it is below 0.15 of its median */
    double empty;            /* share of components that are nearest to no point of the data */
    double fewest;           /* data of the component that has fewest, of those that have some */
    double remote, reach;    /* share farther than reach from all data; reach is twice the distance
                              * within which 99 % of the held-out points have a training point */
    double rim;              /* share in the outer tenth of D's rim */
    double disputed;         /* share farther from the rival than 3 % of scale */
    double noise;            /* standard deviation of the data about M, per normal direction */
    double hole, hole_expected, hole_radius; /* share of M in patches without data where the density
                              * expects some; how many in the worst one, which is so wide */
    double gap, gap_extent, gap_abrupt; /* share of M that is extrapolated; extent of the largest
                              * such part; 1: the data end abruptly there, or a field's M does */
    double density_p;        /* two-sample test of the density against held-out data */
    double one_sided;        /* 1: M has no continuous normal or orientation (a Moebius strip) */
} ebim_judgement;

/* r->verdict says whether M can be trusted. EBIM_OK even when it is bad. */
EBIM_API ebim_result ebim_judge(const ebim_graph *F, ebim_arena *work, const ebim_judge_desc *d,
                                ebim_judgement *r);

/* --------------------------------------------------------------------------------------------
 * mdf, denoise, energy and recipe: training
 * ----------------------------------------------------------------------------------------- */

#ifndef EBIM_NO_TRAIN

/* Processes, or machines of one kind, that train one network together. Each calls the same function
 * with equal parameters and settings, and with rows, nodes and a seed of its own. `mean` makes each
 * of count numbers the mean over all of them, the same bytes for all, and returns 0, or non-zero to
 * stop. All call it in the same order: with the gradient of a step, its loss and whether somebody
 * stops, and for log Z over the nodes of all. A step is then one with the batches of all together,
 * and parameters stay equal, byte by byte. When one diverges or is stopped all are. */
typedef struct ebim_reduce {
    int (*mean)(void *user, int count, ebim_real *x); /* (NULL: nobody else trains) */
    void *user;
} ebim_reduce;

typedef struct ebim_train_report {
    int steps;             /* made */
    int stopped;           /* by the callback */
    double loss;           /* running mean over about a tenth of the steps */
    int64_t bad_lanes;     /* samples skipped because something was not finite */
    int64_t refused;       /* Langevin moves not made, or constrained moves without a root */
    double log_mean;       /* E with nodes: log mean e^-E over them, where no bias could take it */
    int best;              /* E with held-out points: the step whose E was kept */
    double held, held_se;  /* and their negative log-likelihood relative to the uniform density */
} ebim_train_report;

/* What one set of points adds to the loss of F, as a function of e = ||F(x)||, per point:
 *   norm e + norm2 e^2 + norm4 e^4 + repel exp(-kappa e) + rank (eta - ||v'J||)_+^2
 *   + smooth ||v'J(x) - v'J(x + gap u)||^2 / gap^2
 *   + normals ||T J'v||^2 / ||J'v||^2
 * with v uniform on the unit sphere of R^k and u on that of R^n, redrawn every step. Half of the
 * points of a set with smooth > 0 are such neighbours of the other half: bending of M costs.
 * T projects onto the tangent space of M at the data point: its m = n - k directions of largest
 * variance among the nearest other data points. For k = 1 the term is sin^2 of the angle between
 * grad F and the normal. It has no kink and asks neither for signs of normals nor for a scale of
 * F; so it needs another term, such as rank, to keep ||J'v|| from 0. */
typedef struct ebim_mdf_terms {
    double norm, norm2, norm4;
    double repel, kappa;
    double rank, eta;
    int two_sided;         /* rank term without the ReLU */
    double smooth, gap;    /* box points only */
    double normals;        /* data and off points only */
} ebim_mdf_terms;

/* Training of F. Eq. 8 is data {norm 1, rank beta, eta} and negatives {norm -alpha}; the authors'
 * code adds negatives.norm2 = 1; "squared norm for negatives" is norm2 = -alpha with langevin
 * energy NORM2, its penalty norm4. Steps: epochs of shuffled minibatches, Adam, cosine decay. */
typedef struct ebim_mdf_desc {
    ebim_mdf_terms data, negatives, box, off; /* all zero: set not used */
    int steps, batch;      /* optimiser steps, points of each set per step; required */
    double rate, rate_end; /* Adam's rate, required; rate_end > 0: cosine decay down to rate_end
                            * times it */
    double clip;           /* gradient norm (0: off) */
    double decay;          /* of the weights, decoupled (0: none) */
    double start, ramp;    /* data.norm and norm2 are multiplied by start^(1 - t / ramp), t the
                            * share of the steps made, until t = ramp (start 0: never). Weak at
                            * first, so that the sign of F can sort itself out */
    double off_distance;   /* the off points are data points moved by t in a random direction normal
                            * to M, and their e is | ||F|| - t |: with off.norm2, ||F|| becomes the
                            * distance. t is uniform up to this (required for them), or half the
                            * way to where a data point beyond the neighbours would be as near */
    int neighbours;        /* that tell the tangent space of a data point (0: 8 (m + 1)). q of them
                            * within h turn it by about curvature h / sqrt(q), which for surfaces
                            * does not depend on q, and by noise / (h sqrt(q)), which falls fast;
                            * but they should not reach another sheet of M. They are looked for
                            * once, among all data up to 8192 points, else among 8192 of them */
    const double *lo, *hi; /* [n] box of fresh negatives and of the box points; required for them */
    ebim_langevin_desc langevin; /* of the negatives; lo, hi as above unless set */
    int langevin_steps;
    int buffer;            /* replay buffer (0: none) */
    double keep;           /* chains started from it (0: 0.95) */
    int clamp_ends;        /* 1: chains walk freely, their ends are clamped to lo..hi (the authors'
                              way); 0: they never leave it */
    int in_order;          /* minibatches in the order of the data, never shuffled */
    const ebim_real *weights; /* [N] of the data, >= 0, not all 0 (NULL: all alike) */
    int lanes;             /* block size (0: 128) */
    ebim_reduce reduce;
    uint64_t seed;
    ebim_progress_fn progress;
    void *user;
} ebim_mdf_desc;

/* x: [N][n]. Changes F->theta. On ERR_DIVERGED theta is the last good state. Measures, as all that
 * takes an arena: then x is not looked at. */
EBIM_API ebim_result ebim_mdf_train(ebim_graph *F, ebim_arena *work, int N, const ebim_real *x,
                                    const ebim_mdf_desc *d, ebim_train_report *report);

typedef struct ebim_denoise_desc {
    int steps, batch;      /* (0: 3000 of 64) */
    double rate;           /* Adam's at first (0: 2e-3) */
    double sigma_lo, sigma_hi; /* of the noise, in units of the data (0: .08 and 1.6) */
    double floor;          /* (0: .01) */
    double back;           /* share of a batch that is walked back (0: half; < 0: none) */
    double average;        /* of the parameters, per step (0: .998) */
    const ebim_real *weights; /* [N] of the data, >= 0, not all 0 (NULL: all alike) */
    void (*checkpoint)(void *user, const void *state, size_t bytes);
    int every;             /* steps between two calls of it (0: 200); it is called at the end, too,
                            * and where `progress` stops the run (NULL: never) */
    const void *resume;    /* such a state of this very run, which goes on from it and ends with the
                            * bytes that it would have had without a stop (NULL: begin). For the
                            * kind of machine that made it; ERR_FORMAT: damaged, or another run's */
    size_t resume_bytes;
    ebim_parallel parallel; /* for the two halves of a batch */
    ebim_reduce reduce;
    uint64_t seed;
    ebim_progress_fn progress;
    void *user;
} ebim_denoise_desc;

/* Training of D, R^n -> R^n, so that x - D(x) is the way from x to M:
 * E (1 / (sigma^2 + floor) + 1 / v) |D(x') - x|^2 / n, x' = x + sigma e, log sigma uniform, v the
 * mean variance of a coordinate of x. Part of each batch is not noise but where one or two steps of
 * D's own chains lead from much noise ("walk-back"): without it chains end in what D never saw.
 * Adam, warm-up, cosine decay; what is kept is a running mean of the parameters. */
EBIM_API ebim_result ebim_denoise_train(ebim_graph *D, ebim_arena *work, int N, const ebim_real *x,
                                        const ebim_denoise_desc *d, ebim_train_report *report);

typedef struct ebim_denoise_chain {
    int steps, onto;       /* (0: 44 and 3) */
    double h, beta;        /* (0: .2 and .4) */
    int lanes;             /* block size (0: 64) */
} ebim_denoise_chain;

/* Chains of forward passes alone: with r = x - D(x), `steps` times
 *   x <- x - h r + sqrt((1 - beta h)^2 - (1 - h)^2) |r| / sqrt(n) xi,  xi ~ N(0, I),
 * which takes beta h off the distance from M while noise keeps it random, then `onto` times
 * x <- x - .7 r. From data, or a normal law of their mean and covariance, with noise of size 1.5
 * they end at points of M, by no known law on it; one that is nearer to the data's for smaller h.
 * ERR_DIVERGED: some end at what is no number. */
EBIM_API ebim_result ebim_denoise_run(const ebim_graph *D, ebim_arena *work, int B, ebim_real *x,
                                      const ebim_denoise_chain *c, uint64_t seed);

/* Training of E on {F = 0}. By contrastive divergence, eq. 10:
 *   mean E(x) - mean E(x') + magnitude (mean E(x)^2 + mean E(x')^2),
 * x data, x' ends of constrained chains. Or, given nodes y uniform on M, by maximum likelihood:
 *   mean E(x) + log mean e^-E(y) + magnitude (...), without chains, or by noise contrast;
 * or by score matching.
 * Afterwards, where the last op of E is a dense layer, its bias makes mean e^-E(y) = 1: e^-E is the
 * density relative to the uniform one. */
typedef struct ebim_energy_desc {
    int steps, batch;      /* required, as is `rate`; see ebim_mdf_desc */
    double rate, rate_end, clip;
    double decay;          /* of the weights (0: none) */
    double magnitude;
    const ebim_real *nodes;/* [n_nodes][n] (NULL: contrastive divergence), kept by reference */
    int n_nodes;
    int nodes_per_step;    /* at most; they take turns (0: all) */
    double noise;          /* nu > 0: noise-contrastive estimation instead of likelihood, the nodes
                            * being nu times as much noise: mean (E(x) + log(1 + e^-E(x) / nu)) + nu
                            * mean log(1 + e^-E(y) / nu). It normalises E as well, and a few nodes
                            * of low E do not make up its whole gradient; nu = infinity is maximum
                            * likelihood (0: that). magnitude is not used then */
    double score_step;     /* h > 0: score matching with slices: on M the minimum of
                            * mean (u . grad E)^2 / 2 - (second derivative of E along M in
                            * direction u), u a random tangent, by differences of E over steps of h
                            * along M. No nodes and no normaliser, any k; it leaves a constant open
                            * and does not see the masses of components. h: a tenth of E's finest
                            * feature (0: off) */
    const ebim_real *held; /* [n_held][n] with nodes: the E that is kept is the one of the whole run
                            * under which these are likeliest (NULL: the last one), and the run
                            * ends at 4 times its steps and a quarter of `steps`, or 50 */
    int n_held;
    const ebim_real *check;/* [n_check][n] nodes for that alone, n_check > 0 with n_held */
    int n_check;
    int until;             /* steps to make of the schedule (0: all): a run again, with other data,
                            * that ends where the best of the first one did */
    const ebim_real *weights; /* [N] of the data, >= 0, not all 0 (NULL: all alike); those of the
                            * held-out points follow them: [N + n_held] */
    /* the rest is for contrastive divergence */
    ebim_clmc_desc clmc;
    int clmc_steps;        /* per optimiser step */
    int buffer;            /* (0: 1000) */
    double keep;           /* (0: 0.95) */
    const double *lo, *hi; /* [n] box of fresh starts, required for it */
    ebim_project fresh; /* how noise gets onto M: ONTO or DESCEND (0 means ONTO here) */
    int in_order;
    int lanes;
    ebim_reduce reduce;    /* of the report, held_se is that of one's own points */
    uint64_t seed;
    ebim_progress_fn progress;
    void *user;
} ebim_energy_desc;

/* As ebim_mdf_train, for E on {F = 0}. */
EBIM_API ebim_result ebim_energy_train(ebim_graph *E, ebim_arena *work, const ebim_graph *F, int N,
                                       const ebim_real *x, const ebim_energy_desc *d,
                                       ebim_train_report *report);

/* Networks and settings of the first F that ebim_fit trains, and of its first E, which has nodes on
 * M: for points of size 1 about 0, and to start from. The caller's are lo, hi, nodes, seeds and
 * callbacks. polish: 0, or the rows of what follows E's training: all of them, and all nodes, a
 * step. */
EBIM_API void ebim_mdf_recipe(int n, int codim, ebim_mlp_desc *net, ebim_mdf_desc *d);
EBIM_API void ebim_energy_recipe(int n, int polish, ebim_mlp_desc *net, ebim_energy_desc *d);

#endif /* EBIM_NO_TRAIN */

/* --------------------------------------------------------------------------------------------
 * model, rows and fit: F, E and the box, in the units of the data
 * ----------------------------------------------------------------------------------------- */

#define EBIM_TAG_SIZE 64 /* bytes of ebim_model.tag */

/* The normaliser: -E - log_z is the log density on M, per unit of M's volume (in the data's units).
 * log_z = log volume + log mean e^-E over uniform points, and standard errors of all three. */
typedef struct ebim_log_z {
    double log_z, se;
    double log_volume, volume_se;
    double log_mean, mean_se;
    double points, effective;
} ebim_log_z;

enum { EBIM_OUTLIERS = 16 }; /* rows that a model names */

typedef struct ebim_model {
    int n, m, k;               /* ambient, intrinsic, codimension */
    int has_energy;
    double *linear, *inverse;  /* [n][n] F, E and the box take w = linear x; NULL: w = x */
    double *lo, *hi;           /* [n] the box D */
    double unit;               /* length of one training unit, in that of w */
    ebim_graph F, E;           /* ||F|| grows with slope about 1 per unit of w; E: see ebim_score */
    char tag[EBIM_TAG_SIZE];   /* the caller's, saved with the model (the tool: the embedding) */
    char *columns;             /* names of the columns that were fitted, one per line ('\n'
                                * between); the caller's, saved with the model; NULL: none */
    int starts;                /* points of M, or near it, that lead to all of it: */
    ebim_real *start;          /* [starts][n] what charts grow from, in the units of w */
    ebim_log_z z;              /* of E, by the fit (points 0: there is none) */
    struct {                   /* of the fit, for information */
        uint64_t seed;                         /* to 53 bits once it was in a file */
        int recipe;                            /* ebim_recipe */
        int on;                                /* ebim_on: what M is known to be */
        int points, distinct;                  /* rows; copies counted once */
        int networks;                          /* trained for F, of which this is the best */
        int partial;                           /* 1: stopped early or diverged */
        double mdf_loss, energy_loss;
        double seconds;                        /* the caller's, not saved: NaN from a file */
        int held;                              /* data held out from a training of E, 0: none; */
        double nll, nll_se;                    /* their mean -log density, its standard error */
        int outliers;                          /* rows left out because they lie far off */
        int outlier_row[EBIM_OUTLIERS];        /* from 0, the first of them; and how far each is, */
        double outlier_distance[EBIM_OUTLIERS];/* in the data's units; NaN: found no way to M */
    } info;
    ebim_judgement judged;     /* of M, in the units of the data; scale there is `unit` here */
    double *hole, *end;        /* [n] where judged.hole and judged.gap are, NaN: nowhere */
    ebim_parallel parallel;    /* for samples and scores; the caller's, not saved */
    void *owned;               /* memory of the malloc layer, or NULL */
} ebim_model;

#ifndef EBIM_NO_TRAIN
typedef enum ebim_recipe {
    EBIM_RECIPE_DEFAULT,
    EBIM_RECIPE_PAPER      /* appendix B.1 for data of size 1, which are taken as they are */
} ebim_recipe;

typedef struct ebim_fit_desc {
    int dim;                   /* m, 1 <= m < n: required, but where `on` or M tells it */
    ebim_on on;                /* M is all of this, and only E is learned (0: M is learned) */
    const ebim_graph *M;       /* or it is the zero set of this, R^n -> R^(n - m), of rank n - m on
                                * it, in the box lo..hi (NULL: it is not) */
    const double *lo, *hi;     /* [n] of M (NULL: a quarter of the data's extent beyond them) */
    ebim_recipe recipe;
    uint64_t seed;
    double effort;             /* multiplies the number of steps (0: 1) */
    int networks;              /* most that are trained for F: two at a time, until the best of them
                                * is accurate and another agrees with it (0: 6; paper: 1) */
    int no_energy;             /* 1: learn the manifold only */
    const ebim_real *weights;  /* [N] of the rows, >= 0 (NULL: all 1) */
    const ebim_graph *F, *E;   /* the recipe's networks have this form, R^n -> R^(n - dim) and
                                * R^n -> R (NULL: its own). They take points that are shifted and
                                * scaled to |z| <= 1. Dense layers that are not frozen begin with
                                * random weights, all else as it is in the graph. A density of the
                                * form E is kept even where the uniform one is no less likely */
    ebim_progress_fn progress;
    void *user;
    ebim_parallel parallel;    /* trains the two at the same time: progress then tells of the first
                                * only, and what stops it stops both */
} ebim_fit_desc;

/* Fits a model to x: [N][n], and judges it: model->judged. A fifth of the data, at most 2000, is
 * held out from the training of F (of 50 distinct points or more; paper's recipe: none), and from a
 * first training of E that chooses its network, how long to train it, and says what held-out data
 * are worth: info.nll. The model's parameters come from `keep`, everything else from `work`;
 * measure both with x == NULL. ERR_POINTS, ERR_DIM, ERR_EFFORT, ERR_RECIPE, ERR_WEIGHTS, ERR_GRAPH
 * and ERR_ON name what does not fit. Where M is known (`on`, M), no network is trained for it: rows
 * go to their nearest points of M; one that is farther away than a hundredth of M's size is
 * ERR_OFF, and info.outlier_row[0]. E of fewer than 400 distinct rows is then a kernel estimate, or
 * uniform, and info.nll is what each row is worth under the others. On ERR_DIVERGED the model holds
 * the last good state; on ERR_SOLVE, no point of the data finds a way to M, or M is empty, it is
 * there to be looked at. A run that was stopped is EBIM_OK with info.partial = 1, and has no energy
 * unless that was finished. */
EBIM_API ebim_result ebim_fit_run(ebim_model *model, ebim_arena *keep, ebim_arena *work, int N,
                                  int n, const ebim_real *x, const ebim_fit_desc *d);

/* Checks data before a fit: EBIM_OK, ERR_FINITE or, where a coordinate is too large for its square,
 * ERR_DATA (*row: the first bad one), ERR_DATA too for fewer than n + 1 distinct points.
 * duplicates: rows that repeat an earlier one; *row repeats *of is the first. index: [N] scratch.
 * Pointers may be NULL but index. */
EBIM_API ebim_result ebim_check_data(int N, int n, const ebim_real *x, int32_t *index, int *row,
                                     int *of, int *duplicates);

typedef struct ebim_denoise_model_desc {
    int dim;               /* required: what M's dimension is taken to be; nothing measures it */
    double noise;          /* of samples' starts, per coordinate (0: 1.5) */
    double norm;           /* ||x - D(x)|| that counts as on M (0: .03 of the data's deviation: of
                            * digits a tenth of what they are off, 20 passes) */
    const ebim_real *held; /* [n_held][n], required: rows that the model is judged by, how far they
                            * are from the ends of their ways. OFF: half of the data's deviation */
    int n_held;
} ebim_denoise_model_desc;

/* D as a model: F = x - D(x), followed by values alone. Its samples are ends of chains from some of
 * x: [N][n], its nearest points ends of ways, its distances those to them. There is no density, and
 * what needs F's Jacobian is ERR_SHAPE. The box is that of x and a quarter of its largest extent
 * more. */
EBIM_API ebim_result ebim_denoise_model(ebim_model *m, ebim_arena *keep, ebim_arena *work,
                                        const ebim_graph *D, int N, const ebim_real *x,
                                        const ebim_denoise_model_desc *d);

#endif /* EBIM_NO_TRAIN */

/* Samples, scores and nearest points for row-major x: [B][n]; work memory from an arena. Samples
 * are ends of chains of `steps` adjusted moves (0: 30; 9 from starts that are nearly samples, of
 * these 1 where there are more than 16 equations, and charts to leap by): see >>model. Where
 * ebim_model_by_projection tells 1 they are points of M without a law that is known, not those of
 * e^-E: ends of projection chains (0: 48 steps), and the report has `starts` alone. */
EBIM_API int ebim_model_by_projection(const ebim_model *m);
EBIM_API ebim_result ebim_model_sample(const ebim_model *m, ebim_arena *work, int B, ebim_real *x,
                                       int steps, uint64_t seed, ebim_clmc_report *report);
EBIM_API ebim_result ebim_model_score(const ebim_model *m, ebim_arena *work, int B,
                                      const ebim_real *x, ebim_real *nearest, ebim_real *distance,
                                      ebim_real *energy, unsigned char *ok);
        /* nearest: [B][n], distance, energy, ok: [B]; each may be NULL. energy is at nearest. Where
         * no point of M was found, or a watch stopped the search, ok is 0 and the others are NaN:
         * elsewhere they are numbers. */
/* The log density at the nearest points, -E - log Z per unit of M's volume, and the standard error
 * that log Z gives it: [B] each, NaN where no point of M was found; se may be NULL. ERR_ARG: a
 * model without energy or normaliser (model.z). */
EBIM_API ebim_result ebim_model_log_density(const ebim_model *m, ebim_arena *work, int B,
                                            const ebim_real *x, ebim_real *log_density,
                                            ebim_real *se);
/* Scores for points that come one by one: as ebim_model_score, but what that sets up anew for every
 * call lasts as long as the scorer, which keeps m by reference: m stays as it is. lanes: most
 * points that are worked on at once (0: 1). One scorer for each thread. */
typedef struct ebim_scorer ebim_scorer;
EBIM_API ebim_result ebim_scorer_init(ebim_scorer **s, ebim_arena *a, const ebim_model *m,
                                      int lanes);
EBIM_API ebim_result ebim_scorer_run(ebim_scorer *s, int B, const ebim_real *x, ebim_real *nearest,
                                     ebim_real *distance, ebim_real *energy, unsigned char *ok);
/* The normaliser anew, from `lines` random lines (0: 131072) in 32 batches, so that intervals are
 * t's with 31 degrees of freedom. effective: of the points, how many equally weighted ones they are
 * worth; with less than a hundred E is too peaked for this. Codimension 1 and n <= 7 only (else
 * ERR_SHAPE). model.z has it from the fit. */
EBIM_API ebim_result ebim_model_log_z(const ebim_model *m, ebim_arena *work, int lines,
                                      uint64_t seed, ebim_log_z *out);
/* The smallest box in the data's coordinates that D lies in: [n] each; D itself without a map */
EBIM_API void ebim_model_box(const ebim_model *m, double *lo, double *hi);
/* F (of a field: Q'F, Q'J) and E at x itself and not at its nearest point: F: [B][k], its Jacobian
 * J: [B][k][n], E: [B], its Euclidean gradient grad_E: [B][n]; each may be NULL. ERR_ARG: E or
 * grad_E of a model without energy. */
EBIM_API ebim_result ebim_model_gradients(const ebim_model *m, ebim_arena *work, int B,
                                          const ebim_real *x, ebim_real *F, ebim_real *J,
                                          ebim_real *E, ebim_real *grad_E);
/* The gradient along M of the log density, -grad E less its part in the span of the rows of J, at
 * the nearest points y of x: grad: [B][n], tangent to M; no normaliser enters it. ok: [B] 1 where a
 * point of M was found, may be NULL; elsewhere grad is NaN. ERR_ARG: a model without energy. */
EBIM_API ebim_result ebim_model_grad_log_density(const ebim_model *m, ebim_arena *work, int B,
                                                 const ebim_real *x, ebim_real *grad,
                                                 unsigned char *ok);
/* d2: [B] the squared distance |x - y|^2 to M, y the nearest point, and grad: [B][n] its gradient
 * 2 (x - y): y depends on x too, but at the minimum moving y changes nothing to first order (the
 * envelope theorem). 0 on M; no derivative exists where two points of M are nearest, and there the
 * gradient is that of the one that was found. ok: [B] 1 where a point of M was found; elsewhere d2
 * and grad are NaN. Each may be NULL. */
EBIM_API ebim_result ebim_model_distance2(const ebim_model *m, ebim_arena *work, int B,
                                          const ebim_real *x, ebim_real *d2, ebim_real *grad,
                                          unsigned char *ok);

typedef enum ebim_combination {
    EBIM_COMBINE_UNION,        /* {F1 F2 = 0}, both of codimension 1: each part with its own E */
    EBIM_COMBINE_INTERSECTION, /* {(F1, F2) = 0}, e^-(E1 + E2), not normalised */
    EBIM_COMBINE_MIXTURE       /* two densities on the M of a */
} ebim_combination;

/* Two models as one. Unions and mixtures are normalised, if a and b are (where one has no model.z,
 * its e^-E is taken for its density): `share` of the probability is a's (0: 1/2). What a fit says
 * of itself is not known of `out`. ERR_SHAPE: dimensions that do not fit, other linear maps;
 * ERR_SOLVE: boxes that do not meet. */
EBIM_API ebim_result ebim_model_combine(ebim_model *out, ebim_arena *keep, ebim_combination how,
                                        const ebim_model *a, const ebim_model *b, double share);

/* --------------------------------------------------------------------------------------------
 * easy and io: the model as bytes
 * ----------------------------------------------------------------------------------------- */

EBIM_API size_t ebim_save_bytes(const ebim_model *m);
EBIM_API ebim_result ebim_save(const ebim_model *m, void *data, size_t size);
        /* ERR_ARG: a model that ebim_load would refuse, because something is not finite, or its
         * graphs have more than 16 features for each byte */
/* Everything is checked before memory is taken from the arena. A model saved as float loads as
 * double and the other way round. The arena must outlive the model; data need not. */
EBIM_API ebim_result ebim_load(ebim_model *m, ebim_arena *a, const void *data, size_t size);

#ifndef EBIM_NO_MALLOC
/* The same without arenas. ebim_free releases what ebim_fit, ebim_combine and
 * ebim_load_file allocated. */
#ifndef EBIM_NO_TRAIN
EBIM_API ebim_result ebim_fit(ebim_model *m, int N, int n, const ebim_real *x,
                              const ebim_fit_desc *d);
#endif
EBIM_API ebim_result ebim_sample(const ebim_model *m, int B, ebim_real *x, uint64_t seed);
EBIM_API ebim_result ebim_score(const ebim_model *m, int B, const ebim_real *x,
                                ebim_real *nearest, ebim_real *distance, ebim_real *energy,
                                unsigned char *ok);
EBIM_API ebim_result ebim_combine(ebim_model *out, ebim_combination how, const ebim_model *a,
                                  const ebim_model *b, double share);
/* nearest: [B][n], NaN where no point of M was found */
EBIM_API ebim_result ebim_nearest(const ebim_model *m, int B, const ebim_real *x,
                                  ebim_real *nearest);
EBIM_API ebim_result ebim_log_density(const ebim_model *m, int B, const ebim_real *x,
                                      ebim_real *log_density, ebim_real *se);
EBIM_API ebim_result ebim_gradients(const ebim_model *m, int B, const ebim_real *x, ebim_real *F,
                                    ebim_real *J, ebim_real *E, ebim_real *grad_E);
EBIM_API void ebim_free(ebim_model *m);
#ifndef EBIM_NO_STDIO
EBIM_API ebim_result ebim_load_file(ebim_model *m, const char *path, size_t max_bytes);
        /* max_bytes 0: 64 MiB */
/* Writes a file beside it, path.tmp00 .. path.tmp99, which is synchronised with the disk where the
 * compiler may call POSIX, and renames it: a crash leaves the old file or the new one. What is at
 * path must be a regular file, or nothing. */
EBIM_API ebim_result ebim_save_file(const ebim_model *m, const char *path);
#endif
#endif
#endif /* EBIM_H */

#if defined(EBIM_IMPLEMENTATION) && !defined(EBIM__IMPLEMENTED)
#define EBIM__IMPLEMENTED
#define EBIM__FIRST_HALF /* the template of the kernels stands between two halves */

/* ============================================================================================
 * >>platform  compiler facts, libm in our precision, finiteness on bits
 *
 * Finiteness is decided on the bits of a number: under -ffast-math a compiler may take
 * x == x for true. EBIM__R converts a constant; EBIM__FN gives libm's function of our precision.
 * ========================================================================================= */

#include <limits.h>
#include <math.h>
#include <string.h>
#ifndef EBIM_NO_MALLOC
#include <stdlib.h>
#endif
#ifndef EBIM_NO_STDIO
#include <errno.h>
#include <stdio.h>
#if defined(__unix__) || defined(__APPLE__)
#define EBIM__POSIX
#include <sys/stat.h>
#endif
#if defined(_POSIX_C_SOURCE) && defined(EBIM__POSIX)
#if _POSIX_C_SOURCE >= 200112L
#define EBIM__SYNC
#ifdef __cplusplus
extern "C"
#endif
int fsync(int fd); /* of <unistd.h>, whose many names are not for everybody */
#endif
#endif
#endif

#ifndef EBIM_ASSERT
#include <assert.h>
#define EBIM_ASSERT(c) assert(c)
#endif

#if defined(__GNUC__)
#define EBIM__INLINE static inline __attribute__((always_inline, unused))
#define EBIM__PRIVATE static __attribute__((unused))
#define EBIM__APART static __attribute__((noinline)) /* its frame is no part of its callers' */
#define EBIM__RESTRICT __restrict
#elif defined(_MSC_VER)
#define EBIM__INLINE static __forceinline
#define EBIM__PRIVATE static
#define EBIM__APART static __declspec(noinline)
#define EBIM__RESTRICT __restrict
#else
#define EBIM__INLINE static inline
#define EBIM__PRIVATE static
#define EBIM__APART static
#define EBIM__RESTRICT
#endif

/* From SELDOM to OFTEN stands what takes little of any run, most of this file: the time goes to
 * kernels and to loops over lanes, centres and equations. gcc compiles it in a third of the time
 * of -O2 (for the debugger, which leaves most passes out), clang for size, in half. With
 * -ffast-math a loop's first and last lanes might be rounded in other ways there than the others:
 * then the file is compiled as it is. */
#if defined(__clang__)
#define EBIM__SELDOM _Pragma("clang attribute push(__attribute__((cold)), apply_to = function)")
#define EBIM__OFTEN _Pragma("clang attribute pop")
#elif defined(__GNUC__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__) && \
    !defined(__FAST_MATH__)
#define EBIM__SELDOM _Pragma("GCC push_options") _Pragma("GCC optimize(\"Og\")")
#define EBIM__OFTEN _Pragma("GCC pop_options")
#else
#define EBIM__SELDOM
#define EBIM__OFTEN
#endif

#define EBIM__R(x) ((ebim_real)(x))
#ifdef EBIM_DOUBLE
#define EBIM__FN(name) name
typedef int64_t ebim__int;
typedef uint64_t ebim__uint;
#define EBIM__SIGN INT64_MIN                          /* bits of -0 */
#define EBIM__EXP_MOST INT64_C(0x4086200000000000)    /* of 708: e^x and e^-x are finite */
#define EBIM__RBF_MOST INT64_C(0x4082C00000000000)    /* of 600, see >>isa */
#define EBIM__SUBTLE 1e-200                           /* see ebim__audible */
#define EBIM__INF_BITS INT64_C(0x7ff0000000000000)    /* and of infinity */
#define EBIM__NAN_BITS INT64_C(0x7ff8000000000000)
#define EBIM__SINE_MOST INT64_C(0x4130000000000000)   /* 2^20 */
#define EBIM__TOP_BIT 63
#else
#define EBIM__FN(name) name##f
typedef int32_t ebim__int;
typedef uint32_t ebim__uint;
#define EBIM__SIGN INT32_MIN
#define EBIM__EXP_MOST 0x42AE0000 /* 87 */
#define EBIM__RBF_MOST 0x42700000 /* 60 */
#define EBIM__SUBTLE 1e-20f
#define EBIM__INF_BITS 0x7f800000
#define EBIM__NAN_BITS 0x7fc00000
#define EBIM__SINE_MOST 0x46000000 /* 2^13 */
#define EBIM__TOP_BIT 31
#endif
#define EBIM__SQRT(x) EBIM__FN(sqrt)(x)
#define EBIM__EXP(x) EBIM__FN(exp)(x)
#define EBIM__LOG(x) EBIM__FN(log)(x)
#define EBIM__LOG1P(x) EBIM__FN(log1p)(x)
#define EBIM__SIN(x) EBIM__FN(sin)(x)
#define EBIM__COS(x) EBIM__FN(cos)(x)
#define EBIM__TANH(x) EBIM__FN(tanh)(x)
#define EBIM__ABS(x) EBIM__FN(fabs)(x)
#define EBIM__POW(x, y) EBIM__FN(pow)(x, y)

EBIM__INLINE ebim__int ebim__bits(ebim_real x)
{
    ebim__int i;
    memcpy(&i, &x, sizeof i);
    return i;
}

EBIM__INLINE ebim_real ebim__from_bits(ebim__int i)
{
    ebim_real x;
    memcpy(&x, &i, sizeof x);
    return x;
}

EBIM__INLINE ebim_real ebim__round_up(double x) /* the least real that is not below x */
{
    ebim_real r = (ebim_real)x;
    return (double)r < x ? EBIM__FN(nextafter)(r, ebim__from_bits(EBIM__INF_BITS)) : r;
}

EBIM__INLINE int ebim__finite64(double x)
{
    uint64_t i;
    memcpy(&i, &x, sizeof i);
    return (i >> 52 & 0x7ff) != 0x7ff;
}

EBIM__INLINE int ebim__finite(ebim_real x)
{
#ifdef EBIM_DOUBLE
    return ebim__finite64(x);
#else
    return ((uint32_t)ebim__bits(x) >> 23 & 0xff) != 0xff;
#endif
}

EBIM__INLINE int ebim__nan(ebim_real x) /* and not an infinity, whose low bits are zero */
{
    return !ebim__finite(x) && (ebim__bits(x) & (sizeof x == 8 ? 0xfffffffffffff : 0x7fffff)) != 0;
}

/* x: [count] become NaN: no number. As bits, which no -ffast-math takes for something else. */
EBIM__INLINE void ebim__no_number(size_t count, ebim_real *x)
{
    const ebim__int nan = EBIM__NAN_BITS;
    size_t i;
    for (i = 0; i < count; i++) memcpy(x + i, &nan, sizeof nan);
}

EBIM__INLINE int ebim__min_int(int a, int b) { return a < b ? a : b; }
EBIM__INLINE int ebim__max_int(int a, int b) { return a > b ? a : b; }
EBIM__INLINE int ebim__nonzero(double x) { return !(x <= 0 && x >= 0); } /* -Wfloat-equal */
EBIM__INLINE double ebim__or(double value, double fallback)
{
    return ebim__nonzero(value) ? value : fallback;
}
EBIM__INLINE int ebim__or_int(int value, int fallback) { return value ? value : fallback; }
EBIM__INLINE size_t ebim__times(size_t a, size_t b) /* SIZE_MAX, which no arena has, if too large */
{
    return a && b > SIZE_MAX / a ? SIZE_MAX : a * b;
}

EBIM_API const char *ebim_result_str(ebim_result r)
{
    switch (r) {
#define EBIM__CASE(name, value, text) case EBIM_##name: return text;
        EBIM_RESULTS(EBIM__CASE)
#undef EBIM__CASE
    case EBIM__RESULT_MIN: break;
    }
    return "unknown result";
}

/* What is not known */
static double ebim__nan64(void)
{
    uint64_t v = UINT64_C(0x7ff8000000000000);
    double x;
    memcpy(&x, &v, sizeof x);
    return x;
}

/* x, or another number where x is not known */
EBIM__INLINE double ebim__or_else(double x, double otherwise)
{
    return ebim__finite64(x) ? x : otherwise;
}

/* ============================================================================================
 * >>arena  caller-owned memory
 *
 * A bump pointer. Measuring (base == NULL) counts through the same code. Every request is padded
 * to 64 bytes; 63 bytes are always set aside for the alignment of the caller's memory, so the
 * number of bytes needed does not depend on where they lie.
 * ========================================================================================= */

#define EBIM__ALIGN ((size_t)64)
#define EBIM__NEW(arena, type, count) \
    ((type *)ebim_arena_push((arena), (size_t)(count), sizeof(type)))
/* The same for each of several pointers: &s->x, &s->y, ... */
#define EBIM__NEW_EACH(arena, type, count, ...)                                                \
    do {                                                                                       \
        type **const to_[] = {__VA_ARGS__};                                                    \
        size_t i_;                                                                             \
        for (i_ = 0; i_ < sizeof to_ / sizeof *to_; i_++)                                      \
            *to_[i_] = EBIM__NEW(arena, type, count);                                          \
    } while (0)

EBIM_API void ebim_arena_init_abi(ebim_arena *a, void *mem, size_t size, size_t sizeof_model)
{
    size_t skip = mem ? (size_t)(-(uintptr_t)mem & (EBIM__ALIGN - 1)) : 0;
    a->base = mem ? (unsigned char *)mem + skip : NULL;
    a->size = size >= EBIM__ALIGN - 1 ? size - (EBIM__ALIGN - 1) : 0;
    a->used = 0;
    a->watch = NULL;
    a->failed = sizeof_model == sizeof(ebim_model) ? EBIM_OK : EBIM_ERR_ABI;
}

EBIM_API size_t ebim_arena_bytes(const ebim_arena *a) { return a->used + (EBIM__ALIGN - 1); }

EBIM_API void *ebim_arena_push(ebim_arena *a, size_t count, size_t size)
{
    void *p;
    size_t bytes, most = (SIZE_MAX / 2 & ~(EBIM__ALIGN - 1)) - a->used;
    if (a->failed) return NULL;
    if (size && (size > 4096 || count > most / 4096) && count > most / size) { /* seldom divides */
        a->failed = EBIM_ERR_MEMORY;
        return NULL;
    }
    bytes = (count * size + EBIM__ALIGN - 1) & ~(EBIM__ALIGN - 1);
    if (!a->base) {
        a->used += bytes;
        return NULL;
    }
    if (bytes > a->size - a->used) {
        a->failed = EBIM_ERR_MEMORY;
        return NULL;
    }
    p = a->base + a->used;
    a->used += bytes;
    memset(p, 0, bytes);
    return p;
}

/* Objects are built in two steps: all pushes first, then this says whether to go on. */
EBIM__INLINE int ebim__ready(const ebim_arena *a) { return a->base && !a->failed; }

#ifndef EBIM_NO_MALLOC
/* The thin layer for people who do not care: turns a measured arena into one with the memory. */
EBIM__PRIVATE ebim_result ebim__heap(ebim_arena *a, void **owned)
{
    size_t bytes = ebim_arena_bytes(a);
    ebim_watch *watch = a->watch;
    if (a->failed) return a->failed;
    *owned = malloc(bytes);
    if (!*owned) return EBIM_ERR_MEMORY;
    ebim_arena_init(a, *owned, bytes);
    a->watch = watch;
    return EBIM_OK;
}
#endif

/* Parts that take turns with one piece of memory are measured one after another in a: the most that
 * any of them takes -> *bytes. r: the part's result. */
EBIM__PRIVATE ebim_result ebim__measured(ebim_result r, ebim_arena *a, size_t *bytes)
{
    if (ebim_arena_bytes(a) > *bytes) *bytes = ebim_arena_bytes(a);
    a->used = 0;
    return r ? r : a->failed;
}

/* That piece, from another arena */
EBIM__PRIVATE void ebim__scratch_init(ebim_arena *a, ebim_arena *from, size_t bytes)
{
    ebim_arena_init(a, EBIM__NEW(from, unsigned char, bytes), bytes);
    a->watch = from->watch;
}

/* ============================================================================================
 * >>watch  progress, and a way to stop
 *
 * Work is counted where it is done: by the sweeps of a workspace, and by loops over points that
 * evaluate nothing. Every so much of it the watcher is asked whether to go on. Afterwards sweeps do
 * nothing, and loops that could still take long end by asking ebim__stopped.
 * ========================================================================================= */

#ifdef __GNUC__ /* a flag that another thread may set */
#define EBIM__FLAG(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define EBIM__RAISE(x) __atomic_store_n(&(x), 1, __ATOMIC_RELAXED)
#else
#define EBIM__FLAG(x) (x)
#define EBIM__RAISE(x) ((x) = 1)
#endif

#define EBIM__BREATH 134217728.0 /* multiplications between two questions, 2^27 */

EBIM__PRIVATE int ebim__ask(ebim_watch *w)
{
    w->due = w->work + EBIM__BREATH;
    if (!w->stopped && w->progress && w->progress(w->user, &w->now)) EBIM__RAISE(w->stopped);
    return w->stopped;
}

EBIM__INLINE int ebim__stopped(const ebim_watch *w) { return w && w->stopped; }

/* Counts so many multiplications; returns whether to stop. */
EBIM__INLINE int ebim__work(ebim_watch *w, double multiplications)
{
    if (!w) return 0;
    w->work += multiplications;
    return w->work < w->due ? w->stopped : ebim__ask(w);
}

/* A stage has come so far; returns whether to stop. */
EBIM__PRIVATE int ebim__tell(ebim_watch *w, const ebim_progress *p)
{
    if (!w) return 0;
    w->now = *p;
    if (w->to > w->from) w->now.done = w->from + (w->to - w->from) * p->done;
    return ebim__ask(w);
}

/* The stage that begins here runs from one share of the whole to another. */
EBIM__PRIVATE void ebim__stage(ebim_watch *w, ebim_stage stage, double from, double to)
{
    memset(&w->now, 0, sizeof w->now);
    w->now.stage = stage;
    w->now.done = w->from = from;
    w->to = to;
}

/* ============================================================================================
 * >>threads  the caller's, or OpenMP's
 *
 * Work is cut into tasks that share nothing they write: each has its own workspaces, and the random
 * streams of its chains. So the number of threads changes nothing but the time.
 * ========================================================================================= */

#ifdef EBIM_USE_OPENMP
#include <omp.h>
#endif

static int ebim__workers(const ebim_parallel *p)
{
    if (p->workers > 0) return p->workers;
#ifdef EBIM_USE_OPENMP
    if (!p->run) return omp_get_max_threads();
#endif
    return p->run ? 4 : 1;
}

static void ebim__in_parallel(const ebim_parallel *p, int count, ebim_task_fn task, void *arg)
{
    int i;
    if (p->run && ebim__workers(p) > 1) {
        p->run(p->user, count, task, arg);
        return;
    }
#ifdef EBIM_USE_OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(ebim__workers(p))
#endif
    for (i = 0; i < count; i++) task(arg, i);
}

/* ============================================================================================
 * >>rng  xoshiro128++, normals by Box-Muller
 *
 * A stream is 16 bytes, seeded by splitmix64 from (seed, stream); its integers are the same on
 * every machine. A pair of uniforms becomes a pair of normals, and nothing is kept back: the state
 * is those 16 bytes. In float polynomials make the pair, in a loop that compilers vectorise over
 * lanes; uniforms have 24 bits, so |normal| <= 5.9. In double libm makes it.
 * ========================================================================================= */

EBIM__INLINE uint32_t ebim__rotl(uint32_t x, int k) { return (x << k) | (x >> (32 - k)); }

EBIM__INLINE uint64_t ebim__splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

EBIM_API void ebim_rng_init(ebim_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t z = ebim__splitmix(&seed) ^ (stream * UINT64_C(0xD1342543DE82EF95));
    uint64_t a = ebim__splitmix(&z), b = ebim__splitmix(&z);
    r->s[0] = (uint32_t)a;
    r->s[1] = (uint32_t)(a >> 32);
    r->s[2] = (uint32_t)b;
    r->s[3] = (uint32_t)(b >> 32) | 1u; /* never all zero */
}

/* Purposes of ebim__subseed: each part of a large function draws from a seed of its own. */
enum {
    EBIM__SEED_F = 1, EBIM__SEED_E, EBIM__SEED_MDF, EBIM__SEED_ENERGY, EBIM__SEED_NODES,
    EBIM__SEED_POINTS, EBIM__SEED_PICK, EBIM__SEED_CHAINS, EBIM__SEED_FRESH, EBIM__SEED_PILOT,
    EBIM__SEED_HELD, EBIM__SEED_ADAPT, EBIM__SEED_Z
};

static uint64_t ebim__subseed(uint64_t seed, uint64_t purpose)
{
    uint64_t z = ebim__splitmix(&seed) ^ (purpose * UINT64_C(0xD1342543DE82EF95));
    return ebim__splitmix(&z);
}

EBIM_API uint32_t ebim_rng_u32(ebim_rng *r)
{
    uint32_t *s = r->s, t = s[1] << 9, out = ebim__rotl(s[0] + s[3], 7) + s[0];
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = ebim__rotl(s[3], 11);
    return out;
}

EBIM_API uint32_t ebim_rng_below(ebim_rng *r, uint32_t n)
{
    uint64_t m = (uint64_t)ebim_rng_u32(r) * n;
    if ((uint32_t)m < n) { /* reject the few products that would favour some values */
        uint32_t least = (0u - n) % n;
        while ((uint32_t)m < least) m = (uint64_t)ebim_rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

/* As many random bits as a real has */
EBIM__INLINE ebim__uint ebim__rng_bits(ebim_rng *r)
{
    ebim__uint bits = ebim_rng_u32(r);
#ifdef EBIM_DOUBLE
    bits = bits << 32 | ebim_rng_u32(r);
#endif
    return bits;
}

EBIM_API ebim_real ebim_rng_uniform(ebim_rng *r)
{
    return EBIM__R(ebim__rng_bits(r) >> (sizeof(ebim_real) == 8 ? 11 : 8)) * (EBIM_EPS / 2);
}

EBIM__INLINE ebim_real ebim__between(ebim_rng *r, double lo, double hi)
{
    return EBIM__R(lo + (hi - lo) * (double)ebim_rng_uniform(r));
}

#ifdef EBIM_DOUBLE
EBIM__INLINE void ebim__box_muller(uint64_t a, uint64_t b, double *n0, double *n1)
{
    double u = ((double)(a >> 11) + 0.5) * (1.0 / 9007199254740992.0);
    double t = (double)(b >> 11) * (6.283185307179586476925 / 9007199254740992.0);
    double r = sqrt(-2.0 * log(u));
    *n0 = r * cos(t);
    *n1 = r * sin(t);
}
#else
/* log u by a polynomial on [sqrt(1/2), sqrt 2), the angle by one on (-pi/4, pi/4) and a turn by
 * multiples of pi/2 taken from two bits of b; 1/sqrt by three Newton steps from the bit trick,
 * because sqrtf and ternaries keep compilers from vectorising. */
EBIM__INLINE void ebim__box_muller(uint32_t a, uint32_t b, float *n0, float *n1)
{
    float u = (float)(int32_t)(a >> 8) * 5.9604645e-08f + 2.9802322e-08f;
    int32_t iu = ebim__bits(u), e = (iu - 0x3f3504f3) >> 23;
    float m = ebim__from_bits(iu - (int32_t)((uint32_t)e << 23)) - 1.0f, p, v, y, h, t, q, sn, cs;
    int32_t ib = (int32_t)b, swap = -(ib & 1), c, s;
    p = ((1.189610934e-01f * m - 1.866785516e-01f) * m + 2.049632872e-01f) * m - 2.490974414e-01f;
    p = ((p * m + 3.331450894e-01f) * m - 5.000111289e-01f) * m + 1.0f;
    v = -2.0f * (p * m + (float)e * 0.69314718f);
    v = ebim__from_bits(ebim__bits(v) & 0x7fffffff) + 1e-30f;
    y = ebim__from_bits(0x5f375a86 - (ebim__bits(v) >> 1));
    h = 0.5f * v;
    y = y * (1.5f - h * y * y);
    y = y * (1.5f - h * y * y);
    y = y * (1.5f - h * y * y);
    v = v * y;
    t = (float)(ib >> 8) * (0.78539816f / 8388608.0f);
    q = t * t;
    sn = t * (((q * -1.950182202e-04f + 8.332016453e-03f) * q - 1.666665022e-01f) * q + 1.0f);
    cs = ((q * -1.357940409e-03f + 4.165441956e-02f) * q - 4.999984243e-01f) * q + 1.0f;
    c = ebim__bits(cs) ^ (int32_t)((b & 2u) << 30);
    s = ebim__bits(sn);
    *n0 = v * ebim__from_bits((swap & s) | (~swap & c));
    *n1 = v * ebim__from_bits((swap & c) | (~swap & s));
}
#endif

EBIM__INLINE void ebim__normal2(ebim_rng *r, ebim_real *n0, ebim_real *n1)
{
    ebim__uint a = ebim__rng_bits(r);
    ebim__box_muller(a, ebim__rng_bits(r), n0, n1);
}

EBIM_API ebim_real ebim_rng_normal(ebim_rng *r)
{
    ebim_real a, b;
    ebim__normal2(r, &a, &b);
    return a;
}

/* A Gaussian vector divided by its length; one too short to divide by is drawn again. */
EBIM_API void ebim_rng_sphere(ebim_rng *r, int n, ebim_real *v)
{
    ebim_real s;
    int i;
    do {
        for (i = 0, s = 0; i < n; i++) {
            v[i] = ebim_rng_normal(r);
            s += v[i] * v[i];
        }
    } while (s < EBIM__R(1e-20));
    s = 1 / EBIM__SQRT(s);
    for (i = 0; i < n; i++) v[i] *= s;
}

EBIM__INLINE void ebim__swap_int(int32_t *a, int32_t *b)
{
    int32_t t = *a;
    *a = *b;
    *b = t;
}

EBIM_API void ebim_rng_shuffle(ebim_rng *r, int n, int32_t *index)
{
    int i;
    for (i = n - 1; i > 0; i--)
        ebim__swap_int(&index[i], &index[ebim_rng_below(r, (uint32_t)i + 1u)]);
}

/* ============================================================================================
 * >>kernels  the loops all time is spent in
 *
 * Rows are contiguous over lanes and a multiple of 16 long, so every inner loop has 16 trips and
 * no aliasing: what gcc and clang need to vectorise at -O2. A workspace of one lane has no such
 * rows: features stand side by side, and kernels of another table run along them. No ternaries or
 * fminf in a body; clamps are done on the bits. The few loops that matter are a template, `>>isa`
 * below, which this file includes once for each instruction set; a workspace holds the best table
 * its processor has.
 * ========================================================================================= */

enum {
    EBIM__W = 16,      /* lanes per chunk */
    EBIM__COLUMN = 32  /* outputs of a product of one lane that are summed together */
};
#define EBIM__ROUND(n) (((n) + EBIM__W - 1) / EBIM__W * EBIM__W)
#define EBIM__CHUNKS(j, nl) for (j = 0; j < (nl); j += EBIM__W)
#define EBIM__EACH(l) for (l = 0; l < EBIM__W; l++)
#define EBIM__ROW(base, i) ((base) + (size_t)(i) * (size_t)stride)

#define EBIM__LARGE(no, ni) ((no) > 16 && (ni) > 64) /* a product whose X is worth a copy */

/* A matrix of weights as a product reads it: entry (o, i) is w[o * wo + i * wi]. */
typedef struct ebim__matrix {
    const ebim_real *w;
    int no, ni, wo, wi;
} ebim__matrix;

typedef struct ebim__pair {
    const ebim_real *d, *x;   /* [no][stride], [ni][stride] */
} ebim__pair;

/* One table for each instruction set. Rows have `stride` reals, of which nl count; more of them may
 * be computed, up to a multiple of 16. Another table is for one lane: nl and the stride are 1, and
 * nothing beyond is touched. A lane gets from it what it gets among others. */
typedef struct ebim__kernels {
    const char *name;
    /* Y[o] = ((add ? Y[o] : bias[o]) + sum_i w(o, i) X[i]) D[o]; bias NULL: 0; D NULL: 1. Rows of X
     * are xs apart. */
    void (*dense)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X, int xs,
                  ebim_real *Y, const ebim_real *D, int stride, int nl, int add);
    /* v = SiLU(bias + W X), with its derivatives as far as order asks */
    void (*dense_silu)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                       ebim_real *v, ebim_real *d1, ebim_real *d2, int stride, int nl, int order);
    /* gw[o * row + i] += sum over pairs (D, X) of <D[o], X[i]> over lanes */
    void (*outer)(int no, int ni, ebim_real *gw, int row, const ebim__pair *pair, int pairs,
                  int stride, int nl);
    /* rows of SiLU(a) with its derivatives as far as order asks; v may be a */
    void (*silu)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1, ebim_real *d2,
                 int stride, int nl, int order);
    void (*sine)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1, ebim_real *d2,
                 int stride, int nl, int order);             /* the same of sin(a) */
    void (*mul)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y, int stride,
                int nl);                                     /* z = x y */
    void (*mac3)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                 const ebim_real *w, int stride, int nl);    /* z += x y w */
    /* rows z_i += x_i y_i and z_i += s x_i; row i of z is at z + i zs: a step of 0 is one row for
     * all, so that the first is also a dot product over rows */
    void (*mac)(int rows, ebim_real *z, int zs, const ebim_real *x, int xs, const ebim_real *y,
                int ys, int nl);
    void (*axpy)(int rows, ebim_real *z, int zs, ebim_real s, const ebim_real *x, int xs, int nl);
    void (*sum)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl); /* over lanes */
    void (*exp_minus)(int n, ebim_real *x);                  /* x = e^-x; clamped, see there */
    /* theta: [count][n + 2], see the op RBF; x: [n], z: [1], d: [n] its gradient or NULL, all
     * [stride] */
    void (*rbf)(int n, int count, const ebim_real *theta, const ebim_real *x, ebim_real *z,
                ebim_real *d, int stride, int nl);
    /* z = x + c[0] y - c[1] min(max(w, -c[2]), c[2]); NaNs stay; z may be y */
    void (*drift)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                  const ebim_real *w, const ebim_real *c, int stride, int nl);
    /* ok[l] = -1 where lane l of all rows is finite and within lo .. hi (NULL: anywhere), else 0;
     * returns how many are not */
    int (*inside)(int rows, const ebim_real *x, const double *lo, const double *hi, ebim__int *ok,
                  int stride, int nl);
    void (*select)(int rows, ebim_real *z, const ebim_real *x, const ebim__int *ok, int stride,
                   int nl);                                  /* z = ok ? x : z */
    void (*sign)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl); /* -1, 0, 1 */
    void (*size)(ebim_real *z, const ebim_real *x, int nl);  /* z = |x| */
    /* busy = 0 where norm is not finite or within its limit; returns how many are left */
    int (*pending)(const ebim_real *norm, const ebim_real *limit, ebim__int *busy, int nl);
    void (*quotient)(ebim_real *z, const ebim_real *x, const ebim_real *y, const ebim__int *busy,
                     int nl);                                /* z = busy ? -x / y : 0 */
    /* normals for n rows of lanes, each from its own stream (>>rng), whose state is at r */
    void (*normals)(uint32_t *r, int n, ebim_real *out, int stride, int nl);
    /* m, v: moments; c: beta1, 1 - beta1, beta2, 1 - beta2, rate / (1 - beta1^t),
     * 1 / (1 - beta2^t), eps */
    void (*adam)(int n, ebim_real *theta, const ebim_real *g, ebim_real *m, ebim_real *v,
                 const ebim_real *c);
} ebim__kernels;

#ifdef EBIM_USE_CBLAS
#include <cblas.h>
#ifdef EBIM_DOUBLE
#define EBIM__GEMM cblas_dgemm
#else
#define EBIM__GEMM cblas_sgemm
#endif

/* dense, by the BLAS; w is dense in one of its two directions */
static void ebim__blas_dense(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                             int xs, ebim_real *Y, const ebim_real *D, int stride, int nl, int add)
{
    int o, l;
    for (o = 0; o < m->no && bias && !add; o++)
        for (l = 0; l < nl; l++) EBIM__ROW(Y, o)[l] = bias[o];
    EBIM__GEMM(CblasRowMajor, m->wi == 1 ? CblasNoTrans : CblasTrans, CblasNoTrans, m->no, nl,
               m->ni, 1, m->w, m->wi == 1 ? m->wo : m->wi, X, xs, add || bias ? 1 : 0, Y,
               stride);
    for (o = 0; o < m->no && D; o++)
        for (l = 0; l < nl; l++) EBIM__ROW(Y, o)[l] *= EBIM__ROW(D, o)[l];
}

static void ebim__blas_outer(int no, int ni, ebim_real *gw, int row, const ebim__pair *pair,
                             int pairs, int stride, int nl)
{
    for (; pairs--; pair++)
        EBIM__GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, no, ni, nl, 1, pair->d, stride, pair->x,
                   stride, 1, gw, row);
}
#endif

/* v, d1, d2 of those of n values a that the vectors' sine does not take: see `taken` */
static void ebim__sine_of_large(int n, const ebim__int *taken, const ebim_real *a, ebim_real *v,
                                ebim_real *d1, ebim_real *d2)
{
    int l;
    ebim__int all = -1;
    for (l = 0; l < n; l++) all &= taken[l];
    for (l = 0; !all && l < n; l++) {
        if (taken[l]) continue;
        v[l] = EBIM__SIN(a[l]);
        if (d1) d1[l] = EBIM__COS(a[l]);
        if (d2) d2[l] = -v[l];
    }
}

static const ebim_real ebim__zeros[EBIM__COLUMN] = {0};

/* What the template needs to be compiled for the target of the command line; >>dispatch compiles
 * it again for others. */
#define EBIM__PASTE2(a, b, c) a##b##_##c
#define EBIM__PASTE(a, b, c) EBIM__PASTE2(a, b, c)
#define EBIM__N(name) EBIM__PASTE(ebim__, name, EBIM__ISA)
#if defined(__clang__) && defined(__OPTIMIZE_SIZE__)
#define EBIM__UNROLL /* clang would warn that it does not */
#elif defined(__clang__)
#define EBIM__UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define EBIM__UNROLL _Pragma("GCC unroll 16")
#else
#define EBIM__UNROLL
#endif
#define EBIM__ISA base
#if defined(EBIM_NO_SIMD) || !defined(__GNUC__) || (__GNUC__ < 9 && !defined(__clang__)) || \
    (FLT_EVAL_METHOD && defined(__STRICT_ANSI__)) /* numbers of excess precision fit no vector */
#define EBIM__VB 0
#else
#define EBIM__VB 16
#endif
#if EBIM__VB && defined(__has_builtin) && !defined(EBIM_DOUBLE)
#if __has_builtin(__builtin_shufflevector)
#define EBIM__SHUFFLES
#endif
#endif

#endif /* EBIM_IMPLEMENTATION, first half */

#ifdef EBIM__VB
/* ============================================================================================
 * >>isa  the template of the kernels, included once per instruction set by >>dispatch
 *
 * EBIM__VB: bytes of a vector, 0 for plain C; EBIM__N(x): x with the suffix of the set. A product
 * is cut into tiles of MR rows by TV vectors of lanes whose sums stay in registers: each load of X
 * feeds MR multiply-adds, and MR TV sums in flight hide their latency. EBIM__UNROLL stands before
 * loops over a tile; their bounds are constants once the tile is inlined.
 * ========================================================================================= */

#if EBIM__VB
#define EBIM__VW (EBIM__VB / sizeof(ebim_real))
typedef ebim_real EBIM__N(vec) __attribute__((vector_size(EBIM__VB)));
typedef ebim__int EBIM__N(ivec) __attribute__((vector_size(EBIM__VB)));
typedef ebim_real EBIM__N(mem) __attribute__((vector_size(EBIM__VB), aligned(4), may_alias));
typedef ebim__int EBIM__N(imem) __attribute__((vector_size(EBIM__VB), aligned(4), may_alias));
typedef ebim_real EBIM__N(quad) __attribute__((vector_size(16)));
#define EBIM__LANES
#define EBIM__NUM EBIM__N(vec)
#define EBIM__INT EBIM__N(ivec)
#define EBIM__L(a) (a)
#define EBIM__AT(p) (*(const EBIM__N(mem) *)(p))
#define EBIM__IAT(p) (*(const EBIM__N(imem) *)(p))
#define EBIM__PUT(p) (*(EBIM__N(mem) *)(p))
#define EBIM__IPUT(p) (*(EBIM__N(imem) *)(p))
#define EBIM__AS_INT(x) ((EBIM__N(ivec))(x))
#define EBIM__AS_NUM(i) ((EBIM__N(vec))(i))
#define EBIM__TO_INT(x) __builtin_convertvector(x, EBIM__N(ivec))
#define EBIM__TO_NUM(i) __builtin_convertvector(i, EBIM__N(vec))
#define EBIM__SHIFT(i, by) ((i) << (by))
#define EBIM__TRUE(c) ((EBIM__N(ivec))(c))
#else
#define EBIM__VW ((size_t)EBIM__W)
typedef struct EBIM__N(vec) {
    ebim_real l[EBIM__W];
} EBIM__N(vec);
#define EBIM__LANES for (int l = 0; l < EBIM__W; l++)
#define EBIM__NUM ebim_real
#define EBIM__INT ebim__int
#define EBIM__L(a) ((a).l[l])
#define EBIM__AT(p) ((p)[l])
#define EBIM__IAT(p) ((p)[l])
#define EBIM__PUT(p) ((p)[l])
#define EBIM__IPUT(p) ((p)[l])
#define EBIM__AS_INT(x) ebim__bits(x)
#define EBIM__AS_NUM(i) ebim__from_bits(i)
#define EBIM__TO_INT(x) ((ebim__int)(x))
#define EBIM__TO_NUM(i) ((ebim_real)(i))
#define EBIM__SHIFT(i, by) ((ebim__int)((ebim__uint)(i) << (by)))
#define EBIM__TRUE(c) (-(ebim__int)(c))
#endif
#define EBIM__STEPS(j, nl) for (j = 0; j < (nl); j += (int)EBIM__VW)
#ifdef EBIM_DOUBLE
#define EBIM__SW 2 /* in a short vector */
#else
#define EBIM__SW 4
#endif
#define EBIM__MR (EBIM__VB == 32 ? 3 : 4)
#define EBIM__TV (EBIM__VB > 16 ? (size_t)4 : EBIM__VB ? (size_t)2 : (size_t)1)
#define EBIM__DEEP (EBIM__VB ? 1 : 2)
#define EBIM__OV (EBIM__VB == 64 ? (size_t)4 : (size_t)2) /* inputs of a tile of outer */
#define EBIM__WIDE ((int)(EBIM__TV * EBIM__VW)) /* lanes of a tile */

/* acc[q][v] += w(q, i) X_i for `deep` inputs i: plain C, whose sums are in memory, takes several
 * between a load and a store of them */
EBIM__INLINE void EBIM__N(dense_step)(size_t rows, size_t tv, size_t deep, const ebim__matrix *m,
                                      EBIM__N(vec) (*EBIM__RESTRICT acc)[EBIM__TV],
                                      const ebim_real *w, const ebim_real *X, size_t xs)
{
    size_t q, v, i;
    EBIM__UNROLL
    for (v = 0; v < tv; v++)
        EBIM__LANES
            EBIM__UNROLL
            for (q = 0; q < rows; q++) {
                EBIM__NUM sum = EBIM__L(acc[q][v]);
                EBIM__UNROLL
                for (i = 0; i < deep; i++)
                    sum += w[q * (size_t)m->wo + i * (size_t)m->wi] *
                           EBIM__AT(X + i * xs + v * EBIM__VW);
                EBIM__L(acc[q][v]) = sum;
            }
}

/* rows outputs from row o on, tv vectors of lanes from X and Y on; rows of X stand xs apart */
EBIM__INLINE void EBIM__N(dense_tile)(size_t rows, size_t tv, const ebim__matrix *m, int o,
                                      const ebim_real *bias, const ebim_real *X, size_t xs,
                                      ebim_real *Y, const ebim_real *D, int stride, int add)
{
    EBIM__N(vec) acc[EBIM__MR][EBIM__TV];
    const ebim_real *w = m->w + (size_t)o * (size_t)m->wo;
    EBIM__NUM zero = {0};
    size_t q, v;
    int i;
    if (add) {
        EBIM__UNROLL
        for (q = 0; q < rows; q++)
            EBIM__UNROLL
            for (v = 0; v < tv; v++)
                EBIM__LANES EBIM__L(acc[q][v]) = EBIM__AT(EBIM__ROW(Y, q) + v * EBIM__VW);
    } else {
        EBIM__UNROLL
        for (q = 0; q < rows; q++) {
            ebim_real b = bias ? bias[q] : 0;
            EBIM__UNROLL
            for (v = 0; v < tv; v++) EBIM__LANES EBIM__L(acc[q][v]) = zero + b;
        }
    }
    for (i = 0; i + EBIM__DEEP <= m->ni; i += EBIM__DEEP)
        EBIM__N(dense_step)(rows, tv, EBIM__DEEP, m, acc, w + i * m->wi, X + (size_t)i * xs, xs);
    for (; i < m->ni; i++)
        EBIM__N(dense_step)(rows, tv, 1, m, acc, w + i * m->wi, X + (size_t)i * xs, xs);
    EBIM__UNROLL
    for (q = 0; q < rows; q++, Y += stride) {
        if (D) {
            EBIM__UNROLL
            for (v = 0; v < tv; v++)
                EBIM__LANES EBIM__L(acc[q][v]) *= EBIM__AT(D + v * EBIM__VW);
            D += stride;
        }
        EBIM__UNROLL
        for (v = 0; v < tv; v++)
            EBIM__LANES EBIM__PUT(Y + v * EBIM__VW) = EBIM__L(acc[q][v]);
    }
}

/* Tiles side by side; those of lane j of X begin at X[j * step]. The last may be narrower. */
EBIM__INLINE void EBIM__N(dense_rows)(size_t rows, const ebim__matrix *m, int o,
                                      const ebim_real *bias, const ebim_real *X, size_t xs,
                                      size_t step, ebim_real *Y, const ebim_real *D, int stride,
                                      int nl, int add)
{
    const int odd = EBIM__W == EBIM__VW; /* any number of vectors may be left, or an even one */
    size_t left;
    for (; nl >= EBIM__WIDE; nl -= EBIM__WIDE, X += EBIM__WIDE * step, Y += EBIM__WIDE) {
        EBIM__N(dense_tile)(rows, EBIM__TV, m, o, bias, X, xs, Y, D, stride, add);
        if (D) D += EBIM__WIDE;
    }
    left = EBIM__TV > 1 ? (size_t)nl / EBIM__VW : 0;
    if (odd && left == 3) EBIM__N(dense_tile)(rows, 3, m, o, bias, X, xs, Y, D, stride, add);
    if (EBIM__TV > 2 && left == 2)
        EBIM__N(dense_tile)(rows, 2, m, o, bias, X, xs, Y, D, stride, add);
    if (odd && left == 1) EBIM__N(dense_tile)(rows, 1, m, o, bias, X, xs, Y, D, stride, add);
}

static void EBIM__N(dense_tiles)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                                 size_t xs, size_t step, ebim_real *Y, const ebim_real *D,
                                 int stride, int nl, int add)
{
    int o, r;
    for (o = 0; o < m->no; o += r) {
        const ebim_real *b = bias ? bias + o : NULL, *d = D ? EBIM__ROW(D, o) : NULL;
        ebim_real *y = EBIM__ROW(Y, o);
        r = ebim__min_int(EBIM__MR, m->no - o);
        switch (r) {
        case 1: EBIM__N(dense_rows)(1, m, o, b, X, xs, step, y, d, stride, nl, add); break;
        case 2: EBIM__N(dense_rows)(2, m, o, b, X, xs, step, y, d, stride, nl, add); break;
#if EBIM__MR > 3
        case 3: EBIM__N(dense_rows)(3, m, o, b, X, xs, step, y, d, stride, nl, add); break;
#endif
        default: EBIM__N(dense_rows)(EBIM__MR, m, o, b, X, xs, step, y, d, stride, nl, add);
        }
    }
}

#ifndef EBIM_USE_CBLAS
/* Large products: blocks of 128 x 64 of X are copied so that what a tile reads lies together and
 * stays in cache while all rows of W pass by. */
static void EBIM__N(dense_large)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                                 int xs, ebim_real *Y, const ebim_real *D, int stride, int nl,
                                 int add)
{
    enum { K = 128, L = 64 };
    ebim_real pack[K * L];
    ebim__matrix part = *m;
    int k, l, i, j;
    for (k = 0; k < m->ni; k += K) {
        part.w = m->w + (size_t)k * (size_t)m->wi;
        part.ni = ebim__min_int(K, m->ni - k);
        for (l = 0; l < nl; l += L) {
            int lanes = ebim__min_int(L, nl - l);
            ebim_real *to = pack;
            for (j = 0; j < lanes; j += EBIM__WIDE) {
                size_t bytes = (size_t)ebim__min_int(EBIM__WIDE, lanes - j) * sizeof *to;
                for (i = 0; i < part.ni; i++, to += EBIM__WIDE)
                    memcpy(to, X + (size_t)(k + i) * (size_t)xs + (size_t)(l + j), bytes);
            }
            EBIM__N(dense_tiles)(&part, bias, pack, EBIM__WIDE, (size_t)part.ni, Y + l,
                                 D && k + K >= m->ni ? D + l : NULL, stride, lanes, add || k);
        }
    }
}

#endif
static void EBIM__N(dense)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X, int xs,
                           ebim_real *Y, const ebim_real *D, int stride, int nl, int add)
{
    int j, part = m->ni > 32 ? 64 : 128;
    nl = EBIM__ROUND(nl);
    if (EBIM__LARGE(m->no, m->ni) && (m->ni > 128 || xs > 64)) { /* else X lies together */
#ifdef EBIM_USE_CBLAS
        ebim__blas_dense(m, bias, X, xs, Y, D, stride, nl, add);
#else
        EBIM__N(dense_large)(m, bias, X, xs, Y, D, stride, nl, add);
#endif
        return;
    }
    for (j = 0; j < nl; j += part) /* what a column of tiles reads of X stays in L1 */
        EBIM__N(dense_tiles)(m, bias, X + j, (size_t)xs, 1, Y + j, D ? D + j : NULL, stride,
                             ebim__min_int(part, nl - j), add);
}

/* One pair's products of ro rows D with ri rows X, added to acc. */
EBIM__INLINE void EBIM__N(outer_tile)(size_t ro, size_t ri, EBIM__N(vec) (*acc)[EBIM__OV],
                                      const ebim_real *D, const ebim_real *X, int stride, int nl)
{
    size_t q, i;
    int j;
    EBIM__STEPS(j, nl)
        EBIM__UNROLL
        for (q = 0; q < ro; q++)
            EBIM__UNROLL
            for (i = 0; i < ri; i++)
                EBIM__LANES
                    EBIM__L(acc[q][i]) += EBIM__AT(EBIM__ROW(D, q) + j) *
                                          EBIM__AT(EBIM__ROW(X, i) + j);
}

/* The sum of a's lanes: its upper half is added to the lower one, until one is left. */
EBIM__INLINE ebim_real EBIM__N(total)(const EBIM__N(vec) *a)
{
    size_t h, l;
#if EBIM__VB
    EBIM__N(quad) q[EBIM__VB / 16];
    ebim_real s[EBIM__SW];
    memcpy(q, a, sizeof q);
    for (h = EBIM__VB / 32; h; h /= 2)
        EBIM__UNROLL
        for (l = 0; l < h; l++) q[l] += q[l + h];
    memcpy(s, q, sizeof s);
    h = EBIM__SW / 2;
#else
    ebim_real s[EBIM__VW];
    memcpy(s, a, sizeof s);
    h = EBIM__VW / 2;
#endif
    for (; h; h /= 2)
        EBIM__UNROLL
        for (l = 0; l < h; l++) s[l] += s[l + h];
    return s[0];
}

#if EBIM__VB > 16 && defined(EBIM__SHUFFLES)
/* `first` and `second` hold numbers of so many lanes each; the halves of each number are added. */
#define EBIM__FOLD(name, lower, upper) \
    EBIM__INLINE EBIM__N(vec) EBIM__N(name)(EBIM__N(vec) first, EBIM__N(vec) second) \
    { \
        return EBIM__SHUFFLE lower + EBIM__SHUFFLE upper; \
    }
#define EBIM__SHUFFLE(...) __builtin_shufflevector(first, second, __VA_ARGS__)
#if EBIM__VB == 64
EBIM__FOLD(fold16, (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
           (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
EBIM__FOLD(fold8, (0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
           (4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
EBIM__FOLD(fold4, (0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29),
           (2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
EBIM__FOLD(fold2, (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
           (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#else
EBIM__FOLD(fold8, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
EBIM__FOLD(fold4, (0, 1, 4, 5, 8, 9, 12, 13), (2, 3, 6, 7, 10, 11, 14, 15))
EBIM__FOLD(fold2, (0, 2, 4, 6, 8, 10, 12, 14), (1, 3, 5, 7, 9, 11, 13, 15))
#endif
#undef EBIM__SHUFFLE
#undef EBIM__FOLD

/* gw[4][OV] += the sums of acc's lanes, as `total` adds them, in a quarter of its instructions:
 * nothing is folded alone */
EBIM__INLINE void EBIM__N(outer_totals)(EBIM__N(vec) (*acc)[EBIM__OV], ebim_real *gw, int row)
{
    ebim_real sums[4][EBIM__OV];
    EBIM__N(vec) r[4];
    size_t q, v;
    EBIM__UNROLL
    for (q = 0; q < 4; q++) {
#if EBIM__VB == 64
        EBIM__N(vec) a = EBIM__N(fold16)(acc[q][0], acc[q][1]);
        r[q] = EBIM__N(fold8)(a, EBIM__N(fold16)(acc[q][2], acc[q][3]));
#else
        r[q] = EBIM__N(fold8)(acc[q][0], acc[q][1]);
#endif
    }
    r[0] = EBIM__N(fold2)(EBIM__N(fold4)(r[0], r[1]), EBIM__N(fold4)(r[2], r[3]));
    memcpy(sums, r, sizeof sums);
    EBIM__UNROLL
    for (q = 0; q < 4; q++, gw += row)
        EBIM__UNROLL
        for (v = 0; v < EBIM__OV; v++) gw[v] += sums[q][v];
}
#endif

/* Outputs from o on with inputs from i on */
EBIM__INLINE void EBIM__N(outer_rows)(size_t ro, size_t ri, int o, int i, ebim_real *gw, int row,
                                      const ebim__pair *pair, int pairs, int stride, int nl)
{
    EBIM__N(vec) acc[4][EBIM__OV];
    size_t q, v;
    int p;
    EBIM__UNROLL
    for (q = 0; q < ro; q++)
        EBIM__UNROLL
        for (v = 0; v < ri; v++) EBIM__LANES {
            EBIM__NUM zero = {0};
            EBIM__L(acc[q][v]) = zero;
        }
    for (p = 0; p < pairs; p++)
        EBIM__N(outer_tile)(ro, ri, acc, EBIM__ROW(pair[p].d, o), EBIM__ROW(pair[p].x, i), stride,
                            nl);
    gw += (size_t)o * (size_t)row + (size_t)i;
#if EBIM__VB > 16 && defined(EBIM__SHUFFLES)
    if (ro == 4 && ri == EBIM__OV) {
        EBIM__N(outer_totals)(acc, gw, row);
        return;
    }
#endif
    EBIM__UNROLL
    for (q = 0; q < ro; q++)
        EBIM__UNROLL
        for (v = 0; v < ri; v++) gw[q * (size_t)row + v] += EBIM__N(total)(&acc[q][v]);
}

static void EBIM__N(outer)(int no, int ni, ebim_real *gw, int row, const ebim__pair *pair,
                           int pairs, int stride, int nl)
{
    int o, i, ro, ri;
#ifdef EBIM_USE_CBLAS
    if (EBIM__LARGE(no, ni)) {
        ebim__blas_outer(no, ni, gw, row, pair, pairs, stride, nl);
        return;
    }
#endif
    for (o = 0; o < no; o += ro) {
        ro = no - o >= 4 ? 4 : 1;
        for (i = 0; i < ni; i += ri) {
            ri = ebim__min_int(ni - i, (int)EBIM__OV);
            if (ri == 3) ri = 2;
            if (ro == 4 && ri > 2)
                EBIM__N(outer_rows)(4, EBIM__OV, o, i, gw, row, pair, pairs, stride, nl);
            else if (ro == 4 && ri == 2)
                EBIM__N(outer_rows)(4, 2, o, i, gw, row, pair, pairs, stride, nl);
            else if (ro == 4)
                EBIM__N(outer_rows)(4, 1, o, i, gw, row, pair, pairs, stride, nl);
            else if (ri > 2)
                EBIM__N(outer_rows)(1, EBIM__OV, o, i, gw, row, pair, pairs, stride, nl);
            else if (ri == 2)
                EBIM__N(outer_rows)(1, 2, o, i, gw, row, pair, pairs, stride, nl);
            else
                EBIM__N(outer_rows)(1, 1, o, i, gw, row, pair, pairs, stride, nl);
        }
    }
}

/* x <- e^-x = 2^n e^r by a polynomial of degree 6 (minimax) in float, 13 (Taylor) in double.
 * n ln2_hi is exact, and the rest of n ln 2 is a factor at the end, where -ffast-math cannot merge
 * the two; rounding is by truncation. Arguments are clamped to +-most (bits of 87 in float, of
 * 708): SiLU(a) is off by |a| e^-87 below that. */
EBIM__INLINE void EBIM__N(exp_of_minus)(EBIM__NUM *x, ebim__int most)
{
    EBIM__INT b = EBIM__AS_INT(*x), a = (b & ~EBIM__SIGN) - most, i;
    EBIM__NUM n, r, p;
    a = most + (a & (a >> (8 * sizeof(ebim__int) - 1))); /* the smaller of the two */
#ifdef EBIM_DOUBLE
    EBIM__NUM t, c;
    r = EBIM__AS_NUM(a | (~b & EBIM__SIGN));
    i = EBIM__TO_INT(r * 1.44269504088896340736 + 1023.5) - 1023;
    n = EBIM__TO_NUM(i);
    r = r - n * 0.6931471805598903; /* 42 bits */
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    c = n * 5.497923018708371e-14;
    t = p * (r * r);
    t = t - c * (1.0 + (r + t)); /* small beside r: its roundings hardly count */
    p = 1.0 + (r + t);
    *x = EBIM__AS_NUM(EBIM__AS_INT(p) + EBIM__SHIFT(i, 52));
#else
    r = EBIM__AS_NUM(a | (~b & EBIM__SIGN));
    i = EBIM__TO_INT(r * 1.44269504f + 127.5f) - 127;
    n = EBIM__TO_NUM(i);
    r = r - n * 0.693145751953125f; /* 16 bits of ln 2 */
    p = r * 1.383684613e-03f + 8.374815798e-03f;
    p = p * r + 4.166822557e-02f;
    p = p * r + 1.666642017e-01f;
    p = p * r + 4.999999208e-01f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    p = p - p * (n * 1.42860682e-6f);
    *x = EBIM__AS_NUM(EBIM__AS_INT(p) + EBIM__SHIFT(i, 23));
#endif
}

static void EBIM__N(exp_minus)(int n, ebim_real *x)
{
    ebim_real rest[EBIM__W] = {0};
    int i, j;
    for (i = 0; i < n; i += EBIM__W) {
        ebim_real *p = i + EBIM__W <= n ? x + i : rest;
        if (p == rest) memcpy(rest, x + i, (size_t)(n - i) * sizeof *x);
        EBIM__STEPS(j, EBIM__W) EBIM__LANES {
            EBIM__NUM q = EBIM__AT(p + j);
            EBIM__N(exp_of_minus)(&q, EBIM__EXP_MOST);
            EBIM__PUT(p + j) = q;
        }
        if (p == rest) memcpy(x + i, rest, (size_t)(n - i) * sizeof *x);
    }
}

/* z = sum of w e^(-s ||x - c||^2) over (c [n], s, w) in theta, tv vectors of lanes. Lanes stay in
 * registers, the centres pass by. A kernel is e^-60 at least (double: e^-600): most centres are
 * far, and e^-87 times a weight is no normal number, which takes a hundred times as long. */
EBIM__INLINE void EBIM__N(rbf_lanes)(size_t tv, size_t end, const ebim_real *theta,
                                     const ebim_real *stop, const ebim_real *x, ebim_real *z,
                                     ebim_real *d, size_t stride)
{
    EBIM__N(vec) sum[2], e[2], zero[2];
    const ebim_real *t, *c;
    size_t i, v;
    EBIM__UNROLL
    for (v = 0; v < tv; v++, x += EBIM__VW) { /* what is no number stays none: exp clamps */
        EBIM__LANES EBIM__L(zero[v]) = EBIM__AT(x) - EBIM__AT(x);
        for (i = stride; i < end; i += stride)
            EBIM__LANES EBIM__L(zero[v]) += EBIM__AT(x + i) - EBIM__AT(x + i);
        EBIM__LANES EBIM__L(sum[v]) = EBIM__L(zero[v]);
        for (i = v * EBIM__VW; i < end && d; i += stride)
            EBIM__LANES EBIM__PUT(d + i) = EBIM__L(zero[v]);
    }
    x -= tv * EBIM__VW;
    for (t = theta; t < stop; t = c + 2) {
        EBIM__UNROLL
        for (v = 0; v < tv; v++) EBIM__LANES EBIM__L(e[v]) = EBIM__L(zero[v]);
        for (c = t, i = 0; i < end; i += stride, c++)
            EBIM__UNROLL
            for (v = 0; v < tv; v++)
                EBIM__LANES {
                    EBIM__NUM u = EBIM__AT(x + i + v * EBIM__VW) - *c;
                    EBIM__L(e[v]) += u * u;
                }
        EBIM__UNROLL
        for (v = 0; v < tv; v++)
            EBIM__LANES {
                EBIM__NUM q = EBIM__L(e[v]) * c[0];
                EBIM__N(exp_of_minus)(&q, EBIM__RBF_MOST);
                q = q * c[1];
                EBIM__L(sum[v]) += q;
                EBIM__L(e[v]) = q * (-2 * c[0]);
            }
        if (!d) continue;
        for (c = t, i = 0; i < end; i += stride, c++)
            EBIM__UNROLL
            for (v = 0; v < tv; v++)
                EBIM__LANES EBIM__PUT(d + i + v * EBIM__VW) +=
                    EBIM__L(e[v]) * (EBIM__AT(x + i + v * EBIM__VW) - *c);
    }
    EBIM__UNROLL
    for (v = 0; v < tv; v++) EBIM__LANES EBIM__PUT(z + v * EBIM__VW) = EBIM__L(sum[v]);
}

static void EBIM__N(rbf)(int n, int count, const ebim_real *theta, const ebim_real *x,
                         ebim_real *z, ebim_real *d, int stride, int nl)
{
    size_t end = (size_t)n * (size_t)stride;
    const ebim_real *stop = theta + (size_t)count * ((size_t)n + 2);
    int j = 0;
    nl = EBIM__ROUND(nl);
    for (; j + 2 * (int)EBIM__VW <= nl; j += 2 * (int)EBIM__VW)
        EBIM__N(rbf_lanes)(2, end, theta, stop, x + j, z + j, d ? d + j : NULL, (size_t)stride);
    if (EBIM__W == EBIM__VW && j < nl) /* an odd number of vectors */
        EBIM__N(rbf_lanes)(1, end, theta, stop, x + j, z + j, d ? d + j : NULL, (size_t)stride);
}

/* With s = 1 / (1 + e^-a), q = 1 - s = s e^-a (no cancellation): h = a s, h' = s + h q,
 * h'' = s q (2 + a (q - s)). Values to 5 ulp, derivatives to 4 eps. v may be a. */
EBIM__INLINE void EBIM__N(silu_rows)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1,
                                     ebim_real *d2, int stride, int nl, int order)
{
    size_t i, all = (size_t)rows * (size_t)stride;
    int j;
    for (i = 0; i < all; i += (size_t)stride)
        EBIM__STEPS(j, nl) {
            EBIM__N(vec) x, h, g, c; /* apart from memory: loops of plain C become vectors */
            EBIM__LANES EBIM__L(x) = EBIM__AT(a + i + j);
            EBIM__LANES {
                EBIM__NUM q = EBIM__L(x), s;
                EBIM__N(exp_of_minus)(&q, EBIM__EXP_MOST);
                s = EBIM__R(1) / (EBIM__R(1) + q);
                q = q * s;
                EBIM__L(h) = EBIM__L(x) * s;
                EBIM__L(g) = s + EBIM__L(h) * q;
                EBIM__L(c) = s * q * (EBIM__R(2) + EBIM__L(x) * (q - s));
            }
            EBIM__LANES EBIM__PUT(v + i + j) = EBIM__L(h);
            if (order > 0) EBIM__LANES EBIM__PUT(d1 + i + j) = EBIM__L(g);
            if (order > 1) EBIM__LANES EBIM__PUT(d2 + i + j) = EBIM__L(c);
        }
}

static void EBIM__N(silu)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1, ebim_real *d2,
                          int stride, int nl, int order)
{
    if (order < 1) EBIM__N(silu_rows)(rows, a, v, d1, d2, stride, nl, 0);
    else if (order < 2) EBIM__N(silu_rows)(rows, a, v, d1, d2, stride, nl, 1);
    else EBIM__N(silu_rows)(rows, a, v, d1, d2, stride, nl, 2);
}

/* s, c <- sin a, cos a for |a| <= EBIM__SINE_MOST: the nearest multiple n of pi/2 is taken off in
 * three parts, and Taylor polynomials do the rest. n times the first part is exact; the others are
 * products of integers, so that -ffast-math cannot merge them with it. */
EBIM__INLINE void EBIM__N(sine_cosine)(EBIM__NUM a, EBIM__NUM *s, EBIM__NUM *c)
{
    EBIM__NUM zero = {0}, half = zero + EBIM__R(0.5), r, z, p, q;
    EBIM__INT i, swap, u, v, minus = EBIM__AS_INT(a) & EBIM__SIGN;
    half = EBIM__AS_NUM(EBIM__AS_INT(half) | minus);
    i = EBIM__TO_INT(a * EBIM__R(0.636619772367581343) + half);
#ifdef EBIM_DOUBLE
    r = a - EBIM__TO_NUM(i) * 1.5707963267341256; /* 33 bits */
    r = r - EBIM__TO_NUM(i * INT64_C(4484108710)) * 1.3552527156068805e-20; /* 2^-66 */
    r = r - EBIM__TO_NUM(i * 640881756) * 3.1554436208840472e-30;           /* 2^-98 */
    z = r * r;
    p = 1.0 / 355687428096000.0 * z - 1.0 / 1307674368000.0;
    p = p * z + 1.0 / 6227020800.0;
    p = p * z - 1.0 / 39916800.0;
    p = p * z + 1.0 / 362880.0;
    q = 1.0 / 20922789888000.0 - z * (1.0 / 6402373705728000.0);
    q = q * z - 1.0 / 87178291200.0;
    q = q * z + 1.0 / 479001600.0;
    q = q * z - 1.0 / 3628800.0;
    q = q * z + 1.0 / 40320.0;
#else
    r = a - EBIM__TO_NUM(i) * 1.5703125f;                    /* 8 bits */
    r = r - EBIM__TO_NUM(i * 2029) * 2.38418579e-07f;        /* 2^-22 */
    r = r - EBIM__TO_NUM(i * 83011) * 9.09494702e-13f;       /* 2^-40 */
    z = r * r;
    p = zero + EBIM__R(1.0 / 362880.0);
    q = zero + EBIM__R(1.0 / 40320.0);
#endif
    p = p * z - EBIM__R(1.0 / 5040.0);
    p = p * z + EBIM__R(1.0 / 120.0);
    p = p * z - EBIM__R(1.0 / 6.0);
    p = r + r * (z * p);
    q = q * z - EBIM__R(1.0 / 720.0);
    q = q * z + EBIM__R(1.0 / 24.0);
    q = q * z - EBIM__R(0.5);
    q = EBIM__R(1) + q * z;
    u = EBIM__AS_INT(p);
    v = EBIM__AS_INT(q);
    swap = -(i & 1);
    minus = EBIM__SHIFT(i & 2, EBIM__TOP_BIT - 1);
    *s = EBIM__AS_NUM(((u & ~swap) | (v & swap)) ^ minus);
    minus = EBIM__SHIFT((i + 1) & 2, EBIM__TOP_BIT - 1);
    *c = EBIM__AS_NUM(((v & ~swap) | (u & swap)) ^ minus);
}

/* What sine_cosine does not take is left to the C library, lane by lane: none changes another. */
static void EBIM__N(sine)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1,
                          ebim_real *d2, int stride, int nl, int order)
{
    size_t i, all = (size_t)rows * (size_t)stride;
    int j;
    for (i = 0; i < all; i += (size_t)stride)
        EBIM__STEPS(j, nl) {
            EBIM__N(vec) x, s, c; /* apart from memory, as in silu_rows */
            ebim_real raw[EBIM__W];
            ebim__int taken[EBIM__W];
            memcpy(raw, a + i + j, EBIM__VW * sizeof *raw);
            EBIM__LANES {
                EBIM__NUM q = EBIM__AT(a + i + j);
                EBIM__INT b = EBIM__AS_INT(q), t = EBIM__TRUE((b & ~EBIM__SIGN) <= EBIM__SINE_MOST);
                EBIM__IPUT(taken) = t;
                EBIM__L(x) = EBIM__AS_NUM(b & t);
            }
            EBIM__LANES EBIM__N(sine_cosine)(EBIM__L(x), &EBIM__L(s), &EBIM__L(c));
            EBIM__LANES EBIM__PUT(v + i + j) = EBIM__L(s);
            if (order > 0) EBIM__LANES EBIM__PUT(d1 + i + j) = EBIM__L(c);
            if (order > 1) EBIM__LANES EBIM__PUT(d2 + i + j) = -EBIM__L(s);
            ebim__sine_of_large((int)EBIM__VW, taken, raw, v + i + j,
                                order > 0 ? d1 + i + j : NULL, order > 1 ? d2 + i + j : NULL);
        }
}

static void EBIM__N(dense_silu)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                                ebim_real *v, ebim_real *d1, ebim_real *d2, int stride, int nl,
                                int order)
{
    EBIM__N(dense)(m, bias, X, stride, v, NULL, stride, nl, 0);
    EBIM__N(silu)(m->no, v, v, d1, d2, stride, nl, order);
}

static void EBIM__N(mul)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                         int stride, int nl)
{
    int j;
    for (; rows--; z += stride, x += stride, y += stride)
        EBIM__STEPS(j, nl) EBIM__LANES EBIM__PUT(z + j) = EBIM__AT(x + j) * EBIM__AT(y + j);
}

static void EBIM__N(mac3)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                          const ebim_real *w, int stride, int nl)
{
    int j;
    for (; rows--; z += stride, x += stride, y += stride, w += stride)
        EBIM__STEPS(j, nl)
            EBIM__LANES EBIM__PUT(z + j) += EBIM__AT(x + j) * EBIM__AT(y + j) * EBIM__AT(w + j);
}

static void EBIM__N(mac)(int rows, ebim_real *z, int zs, const ebim_real *x, int xs,
                         const ebim_real *y, int ys, int nl)
{
    int j;
    for (; rows--; z += zs, x += xs, y += ys)
        EBIM__STEPS(j, nl) EBIM__LANES EBIM__PUT(z + j) += EBIM__AT(x + j) * EBIM__AT(y + j);
}

static void EBIM__N(axpy)(int rows, ebim_real *z, int zs, ebim_real s, const ebim_real *x, int xs,
                          int nl)
{
    int j;
    for (; rows--; z += zs, x += xs)
        EBIM__STEPS(j, nl) EBIM__LANES EBIM__PUT(z + j) += s * EBIM__AT(x + j);
}

static void EBIM__N(sum)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl)
{
    int i, j;
    for (i = 0; i < rows; i++, x += stride) {
        EBIM__N(vec) acc;
        memset(&acc, 0, sizeof acc);
        EBIM__STEPS(j, nl) EBIM__LANES EBIM__L(acc) += EBIM__AT(x + j);
        z[i] += EBIM__N(total)(&acc);
    }
}

static void EBIM__N(drift)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                           const ebim_real *w, const ebim_real *c, int stride, int nl)
{
    const ebim__int most = ebim__bits(c[2]);
    int j;
    for (; rows--; z += stride, x += stride, y += stride, w += stride)
        EBIM__STEPS(j, nl) EBIM__LANES {
            EBIM__INT b = EBIM__AS_INT(EBIM__AT(w + j)), a = b & ~EBIM__SIGN;
            EBIM__INT cut = EBIM__TRUE(a > most) & EBIM__TRUE(a <= EBIM__INF_BITS);
            a = (a & ~cut) | (cut & most) | (b & EBIM__SIGN);
            EBIM__PUT(z + j) = EBIM__AT(x + j) + c[0] * EBIM__AT(y + j) - c[1] * EBIM__AS_NUM(a);
        }
}

static int EBIM__N(inside)(int rows, const ebim_real *x, const double *lo, const double *hi,
                           ebim__int *ok, int stride, int nl)
{
    int i, j, out = 0;
    memset(ok, 0xff, (size_t)EBIM__ROUND(nl) * sizeof *ok); /* as long as it is read */
    for (i = 0; i < rows; i++, x += stride) {
        EBIM__STEPS(j, nl) EBIM__LANES {
            EBIM__INT e = EBIM__AS_INT(EBIM__AT(x + j)) & EBIM__INF_BITS;
            EBIM__IPUT(ok + j) &= EBIM__TRUE(e < EBIM__INF_BITS);
        }
        if (lo) {
            ebim_real least = ebim__round_up(lo[i]), most = -ebim__round_up(-hi[i]);
            EBIM__STEPS(j, nl) EBIM__LANES {
                EBIM__NUM q = EBIM__AT(x + j);
                EBIM__IPUT(ok + j) &= EBIM__TRUE(q >= least) & EBIM__TRUE(q <= most);
            }
        }
    }
    for (j = 0; j < nl; j++) out += !ok[j];
    return out;
}

static void EBIM__N(sign)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl)
{
    int j;
    for (; rows--; z += stride, x += stride)
        EBIM__STEPS(j, nl) EBIM__LANES {
            EBIM__NUM q = EBIM__AT(x + j);
            EBIM__PUT(z + j) = EBIM__TO_NUM(EBIM__TRUE(q < 0) - EBIM__TRUE(q > 0));
        }
}

static void EBIM__N(select)(int rows, ebim_real *z, const ebim_real *x, const ebim__int *ok,
                            int stride, int nl)
{
    int j;
    for (; rows--; z += stride, x += stride)
        EBIM__STEPS(j, nl) EBIM__LANES {
            EBIM__INT u = EBIM__AS_INT(EBIM__AT(z + j)), v = EBIM__AS_INT(EBIM__AT(x + j));
            EBIM__PUT(z + j) = EBIM__AS_NUM((v & EBIM__IAT(ok + j)) | (u & ~EBIM__IAT(ok + j)));
        }
}

static void EBIM__N(size)(ebim_real *z, const ebim_real *x, int nl)
{
    int j;
    EBIM__STEPS(j, nl) EBIM__LANES
        EBIM__PUT(z + j) = EBIM__AS_NUM(EBIM__AS_INT(EBIM__AT(x + j)) & ~EBIM__SIGN);
}

static int EBIM__N(pending)(const ebim_real *norm, const ebim_real *limit, ebim__int *busy, int nl)
{
    int j, left = 0;
    EBIM__STEPS(j, nl) EBIM__LANES {
        EBIM__INT e = EBIM__AS_INT(EBIM__AT(norm + j)) & EBIM__INF_BITS;
        EBIM__IPUT(busy + j) &= EBIM__TRUE(e < EBIM__INF_BITS) &
                               EBIM__TRUE(EBIM__AT(norm + j) > EBIM__AT(limit + j));
    }
    for (j = 0; j < nl; j++) left += busy[j] != 0;
    return left;
}

static void EBIM__N(quotient)(ebim_real *z, const ebim_real *x, const ebim_real *y,
                              const ebim__int *busy, int nl)
{
    int j;
    EBIM__STEPS(j, nl) EBIM__LANES {
        EBIM__NUM q = -EBIM__AT(x + j) / EBIM__AT(y + j);
        EBIM__PUT(z + j) = EBIM__AS_NUM(EBIM__AS_INT(q) & EBIM__IAT(busy + j));
    }
}

/* The next word of the streams of a chunk. */
EBIM__INLINE void EBIM__N(draw)(uint32_t (*s)[EBIM__W], uint32_t *out)
{
    int l;
    EBIM__EACH(l) {
        uint32_t a = s[0][l], b = s[1][l], c = s[2][l], d = s[3][l], t = b << 9;
        out[l] = ebim__rotl(a + d, 7) + a;
        c ^= a;
        d ^= b;
        s[1][l] = b ^ c;
        s[0][l] = a ^ d;
        s[2][l] = c ^ t;
        s[3][l] = ebim__rotl(d, 11);
    }
}

EBIM__INLINE void EBIM__N(normal_pair)(uint32_t (*s)[EBIM__W], ebim_real *n0, ebim_real *n1)
{
    uint32_t a[EBIM__W], b[EBIM__W];
    int l;
#ifdef EBIM_DOUBLE
    uint32_t c[EBIM__W], d[EBIM__W];
    EBIM__N(draw)(s, a);
    EBIM__N(draw)(s, b);
    EBIM__N(draw)(s, c);
    EBIM__N(draw)(s, d);
    EBIM__EACH(l)
        ebim__box_muller((uint64_t)a[l] << 32 | b[l], (uint64_t)c[l] << 32 | d[l], &n0[l], &n1[l]);
#else
    EBIM__N(draw)(s, a);
    EBIM__N(draw)(s, b);
    EBIM__EACH(l) ebim__box_muller(a[l], b[l], &n0[l], &n1[l]);
#endif
}

static void EBIM__N(normals)(uint32_t *r, int n, ebim_real *out, int stride, int nl)
{
    int i, j, l, q;
    EBIM__CHUNKS(j, nl) {
        uint32_t s[4][EBIM__W];
        ebim_real n0[EBIM__W], n1[EBIM__W];
        for (q = 0; q < 4; q++) EBIM__EACH(l) s[q][l] = EBIM__ROW(r, q)[j + l];
        for (i = 0; i < n; i += 2) {
            ebim_real *row = EBIM__ROW(out, i) + j;
            EBIM__N(normal_pair)(s, n0, n1);
            EBIM__EACH(l) row[l] = n0[l];
            if (i + 1 < n) EBIM__EACH(l) row[stride + l] = n1[l];
        }
        for (q = 0; q < 4; q++) EBIM__EACH(l) EBIM__ROW(r, q)[j + l] = s[q][l];
    }
}

EBIM__INLINE void EBIM__N(adam_chunk)(ebim_real *EBIM__RESTRICT theta,
                                      const ebim_real *EBIM__RESTRICT g,
                                      ebim_real *EBIM__RESTRICT m, ebim_real *EBIM__RESTRICT v,
                                      const ebim_real *EBIM__RESTRICT c)
{
    int i;
    EBIM__EACH(i) m[i] = c[0] * m[i] + c[1] * g[i];
    EBIM__EACH(i) v[i] = c[2] * v[i] + c[3] * g[i] * g[i];
    EBIM__EACH(i) theta[i] -= c[4] * m[i] / (EBIM__SQRT(c[5] * v[i]) + c[6]);
}

static void EBIM__N(adam)(int n, ebim_real *theta, const ebim_real *g, ebim_real *m, ebim_real *v,
                          const ebim_real *c)
{
    ebim_real rest[4][EBIM__W] = {{0}};
    int j, odd = n % EBIM__W;
    size_t bytes = (size_t)odd * sizeof *m;
    memcpy(rest[0], theta + n - odd, bytes);
    memcpy(rest[1], g + n - odd, bytes);
    memcpy(rest[2], m + n - odd, bytes);
    memcpy(rest[3], v + n - odd, bytes);
    for (j = 0; j < n; j += EBIM__W) {
        int last = j == n - odd;
        EBIM__N(adam_chunk)(last ? rest[0] : theta + j, last ? rest[1] : g + j,
                            last ? rest[2] : m + j, last ? rest[3] : v + j, c);
    }
    memcpy(theta + n - odd, rest[0], bytes);
    memcpy(m + n - odd, rest[2], bytes);
    memcpy(v + n - odd, rest[3], bytes);
}

#if EBIM__VB < 64 || defined(__FAST_MATH__)
/* The same for one lane, whose arrays have a stride of 1: vectors run along the rows, whose rest is
 * done one by one. Sums are in the order of a lane among others. */
#define EBIM__WHOLE(rows) ((rows) / (int)EBIM__VW * (int)EBIM__VW)

/* The vectors of outputs at y, whose entries of w are neighbours */
EBIM__INLINE void EBIM__N(dense_outputs)(size_t vectors, const ebim__matrix *m, const ebim_real *w,
                                         const ebim_real *from, const ebim_real *X,
                                         const ebim_real *D, ebim_real *y)
{
    const ebim_real *end = X + m->ni;
    const size_t wi = (size_t)m->wi;
    EBIM__N(vec) acc[EBIM__COLUMN / EBIM__VW];
    size_t v;
    EBIM__UNROLL
    for (v = 0; v < vectors; v++)
        EBIM__LANES EBIM__L(acc[v]) = EBIM__AT(from + v * EBIM__VW);
    for (; X != end; w += wi, X++)
        EBIM__UNROLL
        for (v = 0; v < vectors; v++)
            EBIM__LANES EBIM__L(acc[v]) += EBIM__AT(w + v * EBIM__VW) * *X;
    EBIM__UNROLL
    for (v = 0; v < vectors; v++) {
        if (D) EBIM__LANES EBIM__L(acc[v]) *= EBIM__AT(D + v * EBIM__VW);
        EBIM__LANES EBIM__PUT(y + v * EBIM__VW) = EBIM__L(acc[v]);
    }
}

/* `left` outputs at Y, less than fill a vector of numbers or one; by vectors all the same, because
 * compilers may round products of numbers before they add them */
EBIM__INLINE void EBIM__N(dense_few)(int left, const ebim__matrix *m, const ebim_real *w,
                                     const ebim_real *from, size_t step, const ebim_real *X,
                                     ebim_real *Y, const ebim_real *D)
{
    const ebim_real *end = X + m->ni;
    const size_t wo = (size_t)m->wo, wi = (size_t)m->wi;
    int q;
#if EBIM__VB
    EBIM__N(quad) acc = {0}, v = {0};
#else
    ebim_real acc[EBIM__SW], v[EBIM__SW];
#endif
    EBIM__UNROLL
    for (q = 0; q < left; q++) acc[q] = from[(size_t)q * step];
    for (; X != end; w += wi, X++) {
        EBIM__UNROLL
        for (q = 0; q < left; q++) v[q] = w[(size_t)q * wo];
#if EBIM__VB
        acc += v * *X;
#else
        EBIM__UNROLL
        for (q = 0; q < left; q++) acc[q] += v[q] * *X;
#endif
    }
    EBIM__UNROLL
    for (q = 0; q < left; q++) Y[q] = D ? acc[q] * D[q] : acc[q];
}

/* Outputs from number o on that fill no vector; steps of `from` are `step` */
static void EBIM__N(dense_odd)(const ebim__matrix *m, int o, const ebim_real *from, size_t step,
                               const ebim_real *X, ebim_real *Y, const ebim_real *D)
{
    for (; o < m->no; o += EBIM__SW, from += EBIM__SW * step) {
        const ebim_real *w = m->w + o * m->wo, *d = D ? D + o : NULL;
        switch (m->no - o) {
        case 1: EBIM__N(dense_few)(1, m, w, from, step, X, Y + o, d); break;
#if EBIM__SW > 2
        case 2: EBIM__N(dense_few)(2, m, w, from, step, X, Y + o, d); break;
        case 3: EBIM__N(dense_few)(3, m, w, from, step, X, Y + o, d); break;
#endif
        default: EBIM__N(dense_few)(EBIM__SW, m, w, from, step, X, Y + o, d);
        }
    }
}

static void EBIM__N(dense_one)(const ebim__matrix *m, const ebim_real *bias, const ebim_real *X,
                               int xs, ebim_real *Y, const ebim_real *D, int stride, int nl,
                               int add)
{
    const ebim_real *from = add ? Y : bias ? bias : ebim__zeros;
    const size_t step = from != ebim__zeros;
    int o, count, end = m->wo == 1 ? EBIM__WHOLE(m->no) : 0;
    (void)xs;
    (void)stride;
    (void)nl;
    for (o = 0; o < end; o += count) {
        const ebim_real *d = D ? D + o : NULL;
        count = m->no - o < EBIM__COLUMN ? (int)EBIM__VW : EBIM__COLUMN;
        if (count == EBIM__COLUMN)
            EBIM__N(dense_outputs)(EBIM__COLUMN / EBIM__VW, m, m->w + o, from, X, d, Y + o);
        else EBIM__N(dense_outputs)(1, m, m->w + o, from, X, d, Y + o);
        from += (size_t)count * step;
    }
    if (o < m->no) EBIM__N(dense_odd)(m, o, from, step, X, Y, D);
}

/* f, silu or sine, of rows; those that fill no vector are filled up. */
EBIM__INLINE void EBIM__N(rows_one)(void (*f)(int, const ebim_real *, ebim_real *, ebim_real *,
                                              ebim_real *, int, int, int),
                                    int rows, const ebim_real *a, ebim_real *v, ebim_real *d1,
                                    ebim_real *d2, int order)
{
    ebim_real rest[4][EBIM__W];
    int whole = EBIM__WHOLE(rows);
    size_t bytes = (size_t)(rows - whole) * sizeof *a;
    f(1, a, v, d1, d2, 1, whole, order);
    if (!bytes) return;
    memset(rest[0], 0, sizeof rest[0]);
    memcpy(rest[0], a + whole, bytes);
    f(1, rest[0], rest[1], rest[2], rest[3], 1, (int)EBIM__VW, order);
    memcpy(v + whole, rest[1], bytes);
    if (order > 0) memcpy(d1 + whole, rest[2], bytes);
    if (order > 1) memcpy(d2 + whole, rest[3], bytes);
}

static void EBIM__N(silu_one)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1,
                              ebim_real *d2, int stride, int nl, int order)
{
    (void)stride;
    (void)nl;
    EBIM__N(rows_one)(EBIM__N(silu), rows, a, v, d1, d2, order);
}

static void EBIM__N(sine_one)(int rows, const ebim_real *a, ebim_real *v, ebim_real *d1,
                              ebim_real *d2, int stride, int nl, int order)
{
    (void)stride;
    (void)nl;
    EBIM__N(rows_one)(EBIM__N(sine), rows, a, v, d1, d2, order);
}

static void EBIM__N(dense_silu_one)(const ebim__matrix *m, const ebim_real *bias,
                                    const ebim_real *X, ebim_real *v, ebim_real *d1, ebim_real *d2,
                                    int stride, int nl, int order)
{
    EBIM__N(dense_one)(m, bias, X, 1, v, NULL, stride, nl, 0);
    EBIM__N(silu_one)(m->no, v, v, d1, d2, stride, nl, order);
}

static void EBIM__N(mul_one)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                             int stride, int nl)
{
    int i = EBIM__WHOLE(rows);
    (void)nl;
    EBIM__N(mul)(1, z, x, y, stride, i);
    for (; i < rows; i++) z[i] = x[i] * y[i];
}

static void EBIM__N(mac3_one)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                              const ebim_real *w, int stride, int nl)
{
    int i = EBIM__WHOLE(rows);
    (void)nl;
    EBIM__N(mac3)(1, z, x, y, w, stride, i);
    for (; i < rows; i++) z[i] += x[i] * y[i] * w[i];
}

static void EBIM__N(mac_one)(int rows, ebim_real *z, int zs, const ebim_real *x, int xs,
                             const ebim_real *y, int ys, int nl)
{
    ebim_real sum = *z;
    (void)nl;
    if (!zs) {
        for (; rows--; x += xs, y += ys) sum += *x * *y;
        *z = sum;
        return;
    }
    if (zs == 1 && xs == 1 && ys == 1) {
        int i = EBIM__WHOLE(rows);
        EBIM__N(mac)(1, z, 0, x, 0, y, 0, i);
        z += i;
        x += i;
        y += i;
        rows -= i;
    }
    for (; rows--; z += zs, x += xs, y += ys) *z += *x * *y;
}

static void EBIM__N(axpy_one)(int rows, ebim_real *z, int zs, ebim_real s, const ebim_real *x,
                              int xs, int nl)
{
    ebim_real sum = *z;
    (void)nl;
    if (!zs) {
        for (; rows--; x += xs) sum += s * *x;
        *z = sum;
        return;
    }
    if (zs == 1 && xs == 1) {
        int i = EBIM__WHOLE(rows);
        EBIM__N(axpy)(1, z, 0, s, x, 0, i);
        z += i;
        x += i;
        rows -= i;
    }
    for (; rows--; z += zs, x += xs) *z += s * *x;
}

static void EBIM__N(sum_one)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl)
{
    EBIM__N(axpy_one)(rows, z, 1, 1, x, stride, nl);
}

static void EBIM__N(outer_one)(int no, int ni, ebim_real *gw, int row, const ebim__pair *pair,
                               int pairs, int stride, int nl)
{
    int o;
    for (; pairs--; pair++)
        for (o = 0; o < no; o++)
            EBIM__N(axpy_one)(ni, gw + o * row, 1, pair->d[o * stride], pair->x, stride, nl);
}

/* Vectors run along centres; those that are none repeat the last. */
static void EBIM__N(rbf_one)(int n, int count, const ebim_real *theta, const ebim_real *x,
                             ebim_real *z, ebim_real *d, int stride, int nl)
{
    ebim_real zero = 0, sum, g[EBIM__W];
    const ebim_real *t = theta;
    size_t at[EBIM__W];
    int q, i, part;
    (void)stride;
    (void)nl;
    for (i = 0; i < n; i++) zero += x[i] - x[i];
    for (i = 0; i < n && d; i++) d[i] = zero;
    for (sum = zero; count > 0; count -= part, t += part * (n + 2)) {
        EBIM__N(vec) e;
        part = ebim__min_int(count, (int)EBIM__VW);
        for (q = 0; q < (int)EBIM__VW; q++)
            at[q] = (size_t)ebim__min_int(q, part - 1) * ((size_t)n + 2);
        EBIM__LANES {
            EBIM__NUM nought = {0};
            EBIM__L(e) = nought + zero;
        }
        for (i = 0; i < n; i++) {
            for (q = 0; q < (int)EBIM__VW; q++) g[q] = t[at[q] + (size_t)i];
            EBIM__LANES {
                EBIM__NUM u = x[i] - EBIM__AT(g);
                EBIM__L(e) += u * u;
            }
        }
        for (q = 0; q < (int)EBIM__VW; q++) g[q] = t[at[q] + (size_t)n];
        EBIM__LANES {
            EBIM__NUM p = EBIM__L(e) * EBIM__AT(g);
            EBIM__N(exp_of_minus)(&p, EBIM__RBF_MOST);
            EBIM__PUT(g) = p;
        }
        for (q = 0; q < part; q++) {
            const ebim_real *c = t + at[q], *s = c + n;
            ebim_real p = g[q] * s[1], f = p * (-2 * s[0]);
            sum += p;
            for (i = 0; i < n && d; i++) d[i] += f * (x[i] - c[i]);
        }
    }
    *z = sum;
}

static void EBIM__N(drift_one)(int rows, ebim_real *z, const ebim_real *x, const ebim_real *y,
                               const ebim_real *w, const ebim_real *c, int stride, int nl)
{
    int i;
    (void)nl;
    for (i = 0; i < rows; i += EBIM__W) {
        ebim_real part[4][EBIM__W] = {{0}};
        size_t bytes = (size_t)ebim__min_int(rows - i, EBIM__W) * sizeof *z;
        memcpy(part[1], x + i, bytes);
        memcpy(part[2], y + i, bytes);
        memcpy(part[3], w + i, bytes);
        EBIM__N(drift)(1, part[0], part[1], part[2], part[3], c, stride, EBIM__W);
        memcpy(z + i, part[0], bytes);
    }
}

static int EBIM__N(inside_one)(int rows, const ebim_real *x, const double *lo, const double *hi,
                               ebim__int *ok, int stride, int nl)
{
    int i;
    (void)stride;
    (void)nl;
    *ok = -1;
    for (i = 0; i < rows; i++) {
        ebim__int in = (ebim__bits(x[i]) & EBIM__INF_BITS) < EBIM__INF_BITS;
        if (lo) in &= x[i] >= ebim__round_up(lo[i]) && x[i] <= -ebim__round_up(-hi[i]);
        *ok &= -in;
    }
    return !*ok;
}

static void EBIM__N(select_one)(int rows, ebim_real *z, const ebim_real *x, const ebim__int *ok,
                                int stride, int nl)
{
    (void)stride;
    (void)nl;
    if (*ok) memmove(z, x, (size_t)rows * sizeof *z);
}

static void EBIM__N(sign_one)(int rows, ebim_real *z, const ebim_real *x, int stride, int nl)
{
    int i;
    (void)stride;
    (void)nl;
    for (i = 0; i < rows; i++) z[i] = (ebim_real)((x[i] > 0) - (x[i] < 0));
}

static void EBIM__N(size_one)(ebim_real *z, const ebim_real *x, int nl)
{
    (void)nl;
    *z = ebim__from_bits(ebim__bits(*x) & ~EBIM__SIGN);
}

static int EBIM__N(pending_one)(const ebim_real *norm, const ebim_real *limit, ebim__int *busy,
                                int nl)
{
    ebim__int afar = (ebim__bits(*norm) & EBIM__INF_BITS) < EBIM__INF_BITS && *norm > *limit;
    (void)nl;
    *busy &= -afar;
    return *busy != 0;
}

static void EBIM__N(quotient_one)(ebim_real *z, const ebim_real *x, const ebim_real *y,
                                  const ebim__int *busy, int nl)
{
    (void)nl;
    *z = *busy ? -*x / *y : 0;
}

static void EBIM__N(normals_one)(uint32_t *r, int n, ebim_real *out, int stride, int nl)
{
    ebim_rng s;
    ebim_real last;
    int i;
    (void)stride;
    (void)nl;
    memcpy(s.s, r, sizeof s.s);
    for (i = 0; i < n; i += 2)
        ebim__normal2(&s, &out[i], i + 1 < n ? &out[i + 1] : &last);
    memcpy(r, s.s, sizeof s.s);
}
#undef EBIM__WHOLE
#endif

#undef EBIM__VW
#undef EBIM__SW
#undef EBIM__MR
#undef EBIM__TV
#undef EBIM__WIDE
#undef EBIM__DEEP
#undef EBIM__OV
#undef EBIM__LANES
#undef EBIM__NUM
#undef EBIM__INT
#undef EBIM__L
#undef EBIM__AT
#undef EBIM__IAT
#undef EBIM__PUT
#undef EBIM__IPUT
#undef EBIM__AS_INT
#undef EBIM__AS_NUM
#undef EBIM__TO_INT
#undef EBIM__TO_NUM
#undef EBIM__SHIFT
#undef EBIM__TRUE
#undef EBIM__STEPS
#undef EBIM__MISSING
#endif /* EBIM__VB */

#ifdef EBIM__FIRST_HALF
#undef EBIM__FIRST_HALF

/* ============================================================================================
 * >>dispatch  a table of kernels per instruction set, and the choice
 *
 * gcc and clang on x86 compile the template above for AVX2 with FMA and for AVX-512 as well, by
 * including this file again, from one plain -O2 compile; the processor is asked at run time. There
 * products may be contracted to fused ones even under -std=c99, loops are vectorised even by
 * compilers whose -O2 does not, and sqrt need not set errno. EBIM_NO_SIMD, and other compilers:
 * plain C. EBIM_SIMD_BITS (512) is the widest vector to use: 128, 256 or 512.
 * ========================================================================================= */

/* one: _one for the table of one lane, else nothing */
#define EBIM__OF(name, one, isa) ebim__##name##one##_##isa
#define EBIM__TABLE(isa, one, label)                                                              \
    {label, EBIM__OF(dense, one, isa), EBIM__OF(dense_silu, one, isa), EBIM__OF(outer, one, isa), \
     EBIM__OF(silu, one, isa), EBIM__OF(sine, one, isa), EBIM__OF(mul, one, isa),                 \
     EBIM__OF(mac3, one, isa), EBIM__OF(mac, one, isa), EBIM__OF(axpy, one, isa),                 \
     EBIM__OF(sum, one, isa), EBIM__OF(exp_minus, , isa), EBIM__OF(rbf, one, isa),                \
     EBIM__OF(drift, one, isa), EBIM__OF(inside, one, isa), EBIM__OF(select, one, isa),           \
     EBIM__OF(sign, one, isa), EBIM__OF(size, one, isa), EBIM__OF(pending, one, isa),             \
     EBIM__OF(quotient, one, isa), EBIM__OF(normals, one, isa), EBIM__OF(adam, , isa)}

static const ebim__kernels ebim__base[2] = {
    EBIM__TABLE(base, , EBIM__VB ? "128 bits" : "plain"),
    EBIM__TABLE(base, _one, EBIM__VB ? "128 bits" : "plain")};

#ifndef EBIM_HEADER
#define EBIM_HEADER "ebim.h"
#endif
#ifndef EBIM_SIMD_BITS
#define EBIM_SIMD_BITS 512
#endif
/* gcc for Windows keeps wide vectors on a stack that is not aligned for them (its bug 54412) */
#if EBIM__VB && defined(__has_include) && (defined(__x86_64__) || defined(__i386__)) && \
    EBIM_SIMD_BITS > 128 && (defined(__clang__) || !defined(__MINGW32__))
#if __has_include(EBIM_HEADER) /* not when it was pasted into another file or renamed */
#define EBIM__X86
#endif
#endif
#undef EBIM__VB
#undef EBIM__ISA

#ifdef EBIM__X86
#define EBIM__MISSING /* until the template has been seen: the file may be another of that name */

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC optimize("fp-contract=fast", "tree-vectorize", "no-math-errno")
#endif
#define EBIM__VB 32
#define EBIM__ISA avx2
#include EBIM_HEADER
#undef EBIM__VB
#undef EBIM__ISA
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast", "tree-vectorize", "no-math-errno")
#endif
#define EBIM__VB 64
#define EBIM__ISA avx512
#include EBIM_HEADER
#undef EBIM__VB
#undef EBIM__ISA
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#ifdef EBIM__MISSING
#undef EBIM__MISSING
#undef EBIM__X86
#else
static const ebim__kernels ebim__avx2[2] = {EBIM__TABLE(avx2, , "AVX2"),
                                            EBIM__TABLE(avx2, _one, "AVX2")};
/* In one lane each result is waited for: those of shorter vectors come earlier. */
#ifdef __FAST_MATH__ /* but divisions are by estimates, those of 512 bits by others */
static const ebim__kernels ebim__avx512[2] = {EBIM__TABLE(avx512, , "AVX-512"),
                                              EBIM__TABLE(avx512, _one, "AVX-512")};
#else
static const ebim__kernels ebim__avx512[2] = {EBIM__TABLE(avx512, , "AVX-512"),
                                              EBIM__TABLE(avx2, _one, "AVX-512")};
#endif
#endif
#endif

/* Tables number i, for many lanes and for one, or NULL where the processor, or the compiler, has
 * them not. */
static const ebim__kernels *ebim__kernels_at(int i)
{
#ifdef EBIM__X86
    if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ebim__avx2;
    if (i == 2 && EBIM_SIMD_BITS >= 512 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return ebim__avx512;
#endif
    return i ? NULL : ebim__base;
}

static const ebim__kernels *ebim__kernels_best(void)
{
    int i = 2;
    while (!ebim__kernels_at(i)) i--;
    return ebim__kernels_at(i);
}

EBIM_API const char *ebim_simd(void) { return ebim__kernels_best()->name; }

/* ============================================================================================
 * >>lanes  points to lanes and back, and what is counted lane by lane
 *
 * Row i of an array of n features begins at i * stride; lane l of it is sample l. Lanes beyond the
 * samples repeat the first one, so that they never meet what no sample meets.
 * ========================================================================================= */

/* Lanes that are swept for count points: what stands where rows do not end is computed, too. */
EBIM__INLINE int ebim__lanes(int stride, int count) { return stride == 1 ? 1 : EBIM__ROUND(count); }

/* Word q of the state of lane l's stream is r[q * stride + l]. Padding lanes draw too: they get
 * lane 0's stream and change nothing. */
static void ebim__seed_lanes(uint32_t *r, int stride, int lanes, int count, uint64_t seed,
                             uint64_t stream)
{
    int l, q;
    for (l = 0; l < lanes; l++) {
        ebim_rng s;
        ebim_rng_init(&s, seed, stream + (uint64_t)(l < count ? l : 0));
        for (q = 0; q < 4; q++) r[(size_t)q * (size_t)stride + (size_t)l] = s.s[q];
    }
}

#ifdef EBIM__SHUFFLES
/* 4 x 4 numbers of rows w apart at p -> their transpose, in rows `stride` apart */
EBIM__INLINE void ebim__turn_four(const float *p, size_t w, float *to, size_t stride)
{
    ebim__quad_base a, b, c, d, ab, cd, lo, hi;
    memcpy(&a, p, 16);
    memcpy(&b, p + w, 16);
    memcpy(&c, p + 2 * w, 16);
    memcpy(&d, p + 3 * w, 16);
    ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    lo = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    hi = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    memcpy(to, &lo, 16);
    memcpy(to + stride, &hi, 16);
    ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    lo = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    hi = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    memcpy(to + 2 * stride, &lo, 16);
    memcpy(to + 3 * stride, &hi, 16);
}
#endif

/* x: [count] rows of n, `row` apart -> columns of rows [n][stride] */
static void ebim__turn_rows(const ebim_real *x, size_t row, int count, int n, ebim_real *rows,
                            int stride)
{
    int l = 0, i;
    for (; l < count; l += l + 4 <= count ? 4 : 1) { /* whole vectors are written */
        const ebim_real *p = x + (size_t)l * row;
        ebim_real *to = rows + l;
        int four = l + 4 <= count;
        i = 0;
#ifdef EBIM__SHUFFLES
        for (; four && i + 4 <= n; i += 4, p += 4, to += 4 * stride)
            ebim__turn_four(p, row, to, (size_t)stride);
#endif
        for (; i < n; i++, p++, to += stride) {
            to[0] = p[0];
            if (!four) continue;
            to[1] = p[row];
            to[2] = p[2 * row];
            to[3] = p[3 * row];
        }
    }
}

/* x: [count][n] row-major -> rows [n][stride]; lanes beyond count repeat the first point. */
static void ebim__to_lanes(const ebim_real *x, int count, int n, ebim_real *rows, int stride,
                           int nl)
{
    int i, l;
    ebim__turn_rows(x, (size_t)n, count, n, rows, stride);
    for (i = 0; i < n && count < nl; i++)
        for (l = count; l < nl; l++) rows[(size_t)i * (size_t)stride + (size_t)l] = x[i];
}

static void ebim__from_lanes(const ebim_real *rows, int stride, int count, int n, ebim_real *x)
{
    int i, l;
    for (l = 0; l < count; l++)
        for (i = 0; i < n; i++)
            x[(size_t)l * (size_t)n + (size_t)i] = rows[(size_t)i * (size_t)stride + (size_t)l];
}

/* Per-lane dot product of rows [k]. */
static void ebim__lane_dot(int k, int lanes, int stride, const ebim_real *a, const ebim_real *b,
                           ebim_real *out)
{
    int i, l;
    for (l = 0; l < lanes; l++) out[l] = 0;
    for (i = 0; i < k * stride; i += stride)
        for (l = 0; l < lanes; l++) out[l] += a[i + l] * b[i + l];
}

static ebim_real ebim__distance2(const ebim_real *a, const ebim_real *b, int n, int stride, int l)
{
    ebim_real s = 0;
    int i;
    for (i = 0; i < n * stride; i += stride) {
        ebim_real d = a[i + l] - b[i + l];
        s += d * d;
    }
    return s;
}

/* ============================================================================================
 * >>linear  Cholesky and LU, Gram-Schmidt, Jacobi rotations
 *
 * Cholesky and LU are for k x k systems of a few dozen at most, with element (i, j) at
 * A[(i * k + j) * s] and b_i at b[i * s]: with s = stride A + l is the matrix of lane l of a block.
 * What follows them takes one small matrix of row-major doubles. Cost: k^3; Jacobi rotations some
 * ten sweeps of it.
 * ========================================================================================= */

#define EBIM__AT(A, i, j) (A)[((size_t)(i) * (size_t)k + (size_t)(j)) * (size_t)s]

/* In place: the lower Cholesky factor; what is above the diagonal is not looked at. Returns 0, or
 * 1 + i for the first pivot that is not finite or not above k eps times its diagonal element. */
static int ebim__cholesky(int k, ebim_real *A, int s)
{
    int i, j, q;
    for (i = 0; i < k; i++)
        for (j = 0; j <= i; j++) {
            ebim_real v = EBIM__AT(A, i, j), diagonal = v;
            for (q = 0; q < j; q++) v -= EBIM__AT(A, i, q) * EBIM__AT(A, j, q);
            if (j < i) {
                EBIM__AT(A, i, j) = v / EBIM__AT(A, j, j);
                continue;
            }
            if (!ebim__finite(v) || !(v > (ebim_real)k * EBIM_EPS * diagonal) || !(v > 0))
                return 1 + i;
            EBIM__AT(A, i, i) = EBIM__SQRT(v);
        }
    return 0;
}

static void ebim__cholesky_solve(int k, const ebim_real *L, ebim_real *b, int s)
{
    size_t st = (size_t)s;
    int i, j;
    for (i = 0; i < k; i++) {
        for (j = 0; j < i; j++) b[(size_t)i * st] -= EBIM__AT(L, i, j) * b[(size_t)j * st];
        b[(size_t)i * st] /= EBIM__AT(L, i, i);
    }
    for (i = k - 1; i >= 0; i--) {
        for (j = i + 1; j < k; j++) b[(size_t)i * st] -= EBIM__AT(L, j, i) * b[(size_t)j * st];
        b[(size_t)i * st] /= EBIM__AT(L, i, i);
    }
}

EBIM__INLINE void ebim__swap(ebim_real *a, ebim_real *b)
{
    ebim_real t = *a;
    *a = *b;
    *b = t;
}

/* In place LU with partial pivoting, piv: [k]. Returns 0, or 1 + i for the first pivot that is not
 * finite or not above k eps times the sum of its column of |U|. */
static int ebim__lu(int k, ebim_real *A, int *piv, int s)
{
    int i, j, c;
    for (c = 0; c < k; c++) {
        int p = c;
        ebim_real pivot, column = 0; /* sum of |U| */
        for (i = c + 1; i < k; i++)
            if (EBIM__ABS(EBIM__AT(A, i, c)) > EBIM__ABS(EBIM__AT(A, p, c))) p = i;
        piv[c] = p;
        for (j = 0; j < k && p != c; j++) ebim__swap(&EBIM__AT(A, p, j), &EBIM__AT(A, c, j));
        pivot = EBIM__AT(A, c, c);
        for (i = 0; i <= c; i++) column += EBIM__ABS(EBIM__AT(A, i, c));
        if (!ebim__finite(pivot) || !(EBIM__ABS(pivot) > (ebim_real)k * EBIM_EPS * column))
            return 1 + c;
        for (i = c + 1; i < k; i++) {
            ebim_real f = EBIM__AT(A, i, c) /= pivot;
            for (j = c + 1; j < k; j++) EBIM__AT(A, i, j) -= f * EBIM__AT(A, c, j);
        }
    }
    return 0;
}

static void ebim__lu_solve(int k, const ebim_real *LU, const int *piv, ebim_real *b, int s)
{
    size_t st = (size_t)s;
    int i, j;
    for (i = 0; i < k; i++)
        if (piv[i] != i) ebim__swap(&b[(size_t)i * st], &b[(size_t)piv[i] * st]);
    for (i = 0; i < k; i++)
        for (j = 0; j < i; j++) b[(size_t)i * st] -= EBIM__AT(LU, i, j) * b[(size_t)j * st];
    for (i = k - 1; i >= 0; i--) {
        for (j = i + 1; j < k; j++) b[(size_t)i * st] -= EBIM__AT(LU, i, j) * b[(size_t)j * st];
        b[(size_t)i * st] /= EBIM__AT(LU, i, i);
    }
}

#undef EBIM__AT

static double ebim__dot64(int n, const ebim_real *a, const ebim_real *b)
{
    double v = 0;
    int i;
    for (i = 0; i < n; i++) v += (double)a[i] * (double)b[i];
    return v;
}

static double ebim__inner64(int n, const double *a, const double *b)
{
    double s = 0;
    int c;
    for (c = 0; c < n; c++) s += a[c] * b[c];
    return s;
}

/* a: [n] less its part in the span of the m orthonormal rows of V; twice, for what rounding left */
static void ebim__off_rows(int m, int n, const double *V, double *a)
{
    int j, c, pass;
    for (pass = 0; pass < 2; pass++)
        for (j = 0; j < m; j++) {
            double p = ebim__inner64(n, a, V + j * n);
            for (c = 0; c < n; c++) a[c] -= p * V[j * n + c];
        }
}

/* Row m of V: [m + 1][n] becomes orthonormal to those before it, which are that already; if its
 * square falls below this share of what it was it depends on them and becomes 0. Returns the log of
 * what its length was off them. */
static double ebim__orthonormal_last(int m, int n, double *V, double share)
{
    double *a = V + m * n, before = ebim__inner64(n, a, a), after, scale;
    int c;
    ebim__off_rows(m, n, V, a);
    after = ebim__inner64(n, a, a);
    scale = after > share * before ? 1 / sqrt(after) : 0;
    for (c = 0; c < n; c++) a[c] *= scale;
    return 0.5 * log(after);
}

/* Orthonormal rows of V: [m][n], by Gram and Schmidt. Returns half of log det(V V') as it was. */
static double ebim__orthonormal_rows(int m, int n, double *V, double share)
{
    double log_det = 0;
    int i;
    for (i = 0; i < m; i++) log_det += ebim__orthonormal_last(i, n, V, share);
    return log_det;
}

/* rows k..n-1 of V: [n][n] become orthonormal to rows 0..k-1, which are */
static void ebim__complement(int k, int n, double *V)
{
    int i, c, row, best = 0;
    for (row = k; row < n; row++) {
        double least = HUGE_VAL, norm;
        for (c = 0; c < n; c++) {
            double in = 0;
            for (i = 0; i < row; i++) in += V[i * n + c] * V[i * n + c];
            if (in < least) least = in, best = c;
        }
        for (c = 0; c < n; c++) V[row * n + c] = c == best;
        ebim__off_rows(row, n, V, V + row * n);
        norm = sqrt(ebim__inner64(n, V + row * n, V + row * n));
        for (c = 0; c < n; c++) V[row * n + c] /= norm;
    }
}

/* |det(U V')|, the rows of U: [m][n] and V orthonormal, V known by the orthonormal rows N: [k][n]
 * that are orthogonal to it: the square is det(I - A'A), A = N U'. work: [m][m + 1] */
static double ebim__cosine(int k, int m, int n, const ebim_real *N, const ebim_real *U,
                           double *work)
{
    double *C = work, *A = C + m * m, det = 1;
    int i, j, p;
    memset(C, 0, (size_t)(m * m) * sizeof *C);
    for (p = 0; p < k; p++) {
        for (j = 0; j < m; j++) A[j] = ebim__dot64(n, N + p * n, U + j * n);
        for (i = 0; i < m; i++)
            for (j = 0; j <= i; j++) C[i * m + j] -= A[i] * A[j];
    }
    for (i = 0; i < m; i++) /* Cholesky's factor of I + C */
        for (j = 0; j <= i; j++) {
            double v = C[i * m + j] + (i == j);
            for (p = 0; p < j; p++) v -= C[i * m + p] * C[j * m + p];
            if (i == j && !(v > 0)) return 0;
            C[i * m + j] = i == j ? sqrt(v) : v / C[j * m + j];
            if (i == j) det *= C[i * m + i];
        }
    return det;
}

/* v: [n] less its part in the span of the rows of J: [k][n]; work: [k + 1][n] */
static void ebim__tangent_part(int k, int n, const ebim_real *J, ebim_real *v, double *work)
{
    double *a = work + k * n;
    int i;
    for (i = 0; i < k * n; i++) work[i] = (double)J[i];
    for (i = 0; i < n; i++) a[i] = (double)v[i];
    ebim__orthonormal_rows(k, n, work, 1e-10); /* J has the rounding of reals */
    ebim__off_rows(k, n, work, a);
    for (i = 0; i < n; i++) v[i] = EBIM__R(a[i]);
}

/* n elements of p and q, step apart, turn by an angle of cosine c and sine s. */
static void ebim__rotate(int n, double *p, double *q, int step, double c, double s)
{
    for (; n--; p += step, q += step) {
        double a = *p, b = *q;
        *p = c * a - s * b;
        *q = s * a + c * b;
    }
}

/* A: [t][t], symmetric and positive, becomes its factors for the next function. */
static void ebim__eliminate(int t, double *A)
{
    int i, j, c;
    for (i = 0; i < t; i++)
        for (j = i + 1; j < t; j++) {
            double f = A[j * t + i] / A[i * t + i];
            for (c = i + 1; c < t; c++) A[j * t + c] -= f * A[i * t + c];
            A[j * t + i] = f;
        }
}

/* B: [t][n] <- X of A X = B, A being eliminated */
static void ebim__eliminated(int t, const double *A, int n, double *B)
{
    int i, j, c;
    for (i = 0; i < t; i++)
        for (j = i + 1; j < t; j++)
            for (c = 0; c < n; c++) B[j * n + c] -= A[j * t + i] * B[i * n + c];
    for (i = t - 1; i >= 0; i--)
        for (c = 0; c < n; c++) {
            for (j = i + 1; j < t; j++) B[i * n + c] -= A[i * t + j] * B[j * n + c];
            B[i * n + c] /= A[i * t + i];
        }
}

EBIM__SELDOM

/* B: [t][n] <- X of A X = B for a symmetric positive A: [t][t], which is used up */
EBIM__PRIVATE void ebim__normal_equations(int t, double *A, int n, double *B)
{
    ebim__eliminate(t, A);
    ebim__eliminated(t, A, n, B);
}

/* Eigenvalues of the symmetric C: [n][n] -> its diagonal; eigenvectors -> rows of V, or V is NULL.
 * Each rotation, by at most 45 degrees, makes one element 0. Sums of magnitudes, not of squares,
 * tell when all are: no scale is too small or too large. */
static void ebim__symmetric_eigen(int n, double *C, double *V)
{
    int sweep, p, q, i;
    for (i = 0; i < n * n && V; i++) V[i] = i % (n + 1) == 0;
    for (sweep = 0; sweep < 30; sweep++) {
        double off = 0, size = 0;
        for (p = 0; p < n; p++) size += fabs(C[p * n + p]);
        for (p = 0; p < n; p++)
            for (q = p + 1; q < n; q++) {
                double g = C[p * n + q], t, c;
                off += fabs(g);
                if (!(g < 0 || g > 0)) continue;
                t = (C[q * n + q] - C[p * n + p]) / (2 * g); /* the cotangent of twice the angle */
                t = (t < 0 ? -1 : 1) / (fabs(t) + sqrt(t * t + 1)); /* its tangent */
                c = 1 / sqrt(t * t + 1);
                ebim__rotate(n, C + p, C + q, n, c, t * c);
                ebim__rotate(n, C + p * n, C + q * n, 1, c, t * c);
                if (V) ebim__rotate(n, V + p * n, V + q * n, 1, c, t * c);
            }
        if (!(off > 1e-15 * size)) break;
    }
}

/* The least eigenvalue of the symmetric C: [n][n], which has no negative one and is used up;
 * work: [2 n]. Jacobi's rotations cost 10 n^3. Above a few equations inverse iteration, n^3 / 3,
 * finds one of the least: each round multiplies the part of a larger one by its ratio to that. */
static double ebim__least_eigenvalue(int n, double *C, double *work)
{
    enum { ROTATED = 8, ROUNDS = 12 };
    double *v = work, *u = work + n, least, shift = 0;
    int i, round;
    if (n <= ROTATED) {
        ebim__symmetric_eigen(n, C, NULL);
        for (least = C[0], i = 1; i < n; i++) least = fmin(least, C[i * n + i]);
        return least;
    }
    for (i = 0; i < n; i++) shift += 1e-14 * C[i * (n + 1)];
    for (i = 0; i < n; i++) C[i * (n + 1)] += fmax(shift, DBL_MIN);
    ebim__eliminate(n, C);
    for (i = 0; i < n; i++) v[i] = (double)((uint32_t)(i + 1) * 2654435761u >> 8) - 0x7fffff;
    for (least = 0, round = 0; round < ROUNDS; round++) {
        double length = sqrt(ebim__inner64(n, v, v));
        for (i = 0; i < n; i++) u[i] = v[i] /= length;
        ebim__eliminated(n, C, 1, v);
        least = 1 / ebim__inner64(n, u, v);
    }
    return least - shift;
}

/* ============================================================================================
 * >>points  tables of points: order, weights, nearest rows by a k-d tree, union-find
 *
 * Everything that is ordered is an index, moved by one quickselect: quantiles, sorts, trees.
 * A tree halves its rows at the median of their widest coordinate until a leaf holds few of them;
 * then it copies them in that order. Node j of depth d has the number 2^d + j and holds the rows
 * from j N / 2^d on, so a tree is rows and a bounding box per node. Answers are those of brute
 * force: distances in double, equal ones in the order of rows. Cost: N log N to build; a query
 * log N and its answer where m is small, all N rows where the data fill many dimensions. Pitfall: a
 * query for the nearest rows visits all that are equal.
 * ========================================================================================= */

/* < 0: a stands before b; > 0: behind it */
typedef int (*ebim__compare_fn)(const void *ctx, int32_t a, int32_t b);

static int ebim__compare_values(const void *ctx, int32_t a, int32_t b)
{
    const double *x = (const double *)ctx;
    return (x[a] > x[b]) - (x[a] < x[b]);
}

/* A random number from 0 to count - 1, where the caller has no seed at hand */
static int ebim__draw(uint32_t *state, int count)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)((uint64_t)*state * (uint64_t)count >> 32);
}

/* Puts at `mid` what stands there when index is sorted: nothing greater before `mid`, nothing less
 * behind. Pivots are drawn, so no order of rows is a bad one. */
static void ebim__part(int32_t *index, int count, int mid, ebim__compare_fn cmp, const void *ctx)
{
    uint32_t state = 1;
    int lo = 0, hi = count - 1;
    while (lo < hi) {
        int i = lo, j = hi;
        int32_t pivot = index[lo + ebim__draw(&state, hi - lo + 1)];
        while (i <= j) {
            while (cmp(ctx, index[i], pivot) < 0) i++;
            while (cmp(ctx, index[j], pivot) > 0) j--;
            if (i > j) break;
            ebim__swap_int(&index[i++], &index[j--]);
        }
        if (mid <= j) hi = j;
        else if (mid >= i) lo = i;
        else break;
    }
}

/* The i-th of count numbers spread evenly over 0 to N - 1; where the i-th of count parts begins */
static int ebim__spread_at(int i, int count, int N) { return (int)((int64_t)i * N / count); }

static void ebim__sort(int32_t *index, int count, ebim__compare_fn cmp, const void *ctx)
{
    int parts, j;
    for (parts = 1; parts < count; parts *= 2)
        for (j = 0; j < parts; j++) {
            int lo = ebim__spread_at(j, parts, count), hi = ebim__spread_at(j + 1, parts, count);
            int mid = ebim__spread_at(2 * j + 1, 2 * parts, count);
            ebim__part(index + lo, hi - lo, mid - lo, cmp, ctx);
        }
}

/* The q-quantile of value: [count]; order: [count] scratch */
static double ebim__quantile(int count, const double *value, int32_t *order, double q)
{
    int at = (int)(q * (count - 1)), i;
    for (i = 0; i < count; i++) order[i] = i;
    ebim__part(order, count, at, ebim__compare_values, value);
    return count > 0 ? value[order[at]] : 0;
}

/* The same where value i counts weight[i] times: with equal weights the same number */
static double ebim__weighted_quantile(int count, const double *value, const ebim_real *weight,
                                      int32_t *order, double q)
{
    double all = 0, sum = 0, first;
    int i;
    if (count < 1) return ebim__nan64();
    for (i = 0; i < count; i++) {
        order[i] = i;
        all += (double)weight[i];
    }
    ebim__sort(order, count, ebim__compare_values, value);
    first = (double)weight[order[0]];
    for (i = 0; i + 1 < count; i++) {
        sum += (double)weight[order[i]];
        if (sum > q * (all - first) * (1 + 1e-12)) break;
    }
    return value[order[i]];
}

/* Row i of x: [..][n] */
EBIM__INLINE const ebim_real *ebim__nth(const ebim_real *x, int i, int n)
{
    return x + (size_t)i * (size_t)n;
}

/* Rows of x: [..][n], count of them -> out */
EBIM__PRIVATE void ebim__take_rows(int count, int n, const ebim_real *x, const int32_t *row,
                                   ebim_real *out)
{
    int i;
    for (i = 0; i < count; i++, out += n)
        memcpy(out, ebim__nth(x, row[i], n), (size_t)n * sizeof *x);
}

/* At most room rows, spread over all of x. */
static int ebim__spread(int N, int n, const ebim_real *x, int room, ebim_real *out)
{
    int count = ebim__min_int(N, room), i;
    for (i = 0; i < count; i++)
        memcpy(out + (size_t)i * (size_t)n, ebim__nth(x, ebim__spread_at(i, count, N), n),
               (size_t)n * sizeof *x);
    return count;
}

EBIM__INLINE int ebim__all_finite(size_t count, const ebim_real *x)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (!ebim__finite(x[i])) return 0;
    return 1;
}

/* Mean of e: [N] with weights w (NULL: all 1), and its standard error; infinite for one value. */
EBIM__PRIVATE double ebim__mean_se(int N, const ebim_real *e, const ebim_real *w, double *se)
{
    double sum = 0, mean = 0, square = 0, squares = 0, worth;
    int i;
    for (i = 0; i < N; i++) sum += w ? (double)w[i] : 1;
    for (i = 0; i < N; i++) mean += (w ? (double)w[i] : 1) / sum * (double)e[i];
    for (i = 0; i < N; i++) {
        double u = (w ? (double)w[i] : 1) / sum, d = (double)e[i] - mean;
        square += u * d * d;
        squares += u * u;
    }
    worth = squares > 0 ? 1 / squares : 0; /* points of one weight */
    *se = worth > 1 ? sqrt(square / (worth - 1)) : HUGE_VAL;
    return mean;
}

/* e <- weights e^-e, their sum 1; returns the log of the mean of e^-e. What is not finite weighs
 * nothing; *finite: how many are. */
static double ebim__softmin(int J, ebim_real *e, int *finite)
{
    ebim_real low = 0, most = ebim__from_bits(EBIM__EXP_MOST), least = 2 * EBIM__EXP(-most);
    double sum = 0;
    int j;
    *finite = 0;
    for (j = 0; j < J; j++) {
        if (!ebim__finite(e[j])) continue;
        low = *finite && low <= e[j] ? low : e[j];
        ++*finite;
    }
    for (j = 0; j < J; j++) e[j] = ebim__finite(e[j]) ? e[j] - low : most;
    ebim__kernels_best()->exp_minus(J, e);
    for (j = 0; j < J; j++) {
        if (e[j] <= least) e[j] = 0;
        sum += (double)e[j];
    }
    for (j = 0; j < J && *finite; j++) e[j] = EBIM__R((double)e[j] / sum);
    return *finite ? log(sum / J) - (double)low : 0;
}

/* Indices of B of the P points by their weights, each B times its share of them in the mean and up
 * to one (systematic resampling). */
static void ebim__resample(int P, const ebim_real *weight, int B, int32_t *pick, ebim_rng *rng)
{
    double sum = 0, at, reached = 0;
    int i, b = 0;
    for (i = 0; i < P; i++) sum += (double)weight[i];
    at = (double)ebim_rng_uniform(rng);
    for (i = 0; i < P; i++) {
        reached += (double)weight[i] * (B / sum);
        for (; b < B && at < reached; at++) pick[b++] = (int32_t)i;
    }
    for (; b < B; b++) pick[b] = b ? pick[b - 1] : 0; /* the last, lost by rounding */
}

static int32_t ebim__find(int32_t *parent, int32_t i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

static void ebim__unite(int32_t *parent, int32_t a, int32_t b) /* the earlier root stays one */
{
    a = ebim__find(parent, a);
    b = ebim__find(parent, b);
    if (a < b) parent[b] = a;
    else parent[a] = b;
}

/* Union-find with sides: side[i], 1 or -1, tells how i lies to its parent, *s to the root. */
static int32_t ebim__find_side(int32_t *parent, signed char *side, int32_t i, int *s)
{
    *s = 1;
    while (parent[i] != i) {
        int32_t p = parent[i];
        side[i] = (signed char)(side[i] * side[p]);
        *s *= side[i];
        i = parent[i] = parent[p];
    }
    return i;
}

/* a and b lie alike (way 1) or not (-1); returns 0 if it was known to be otherwise. */
static int ebim__unite_side(int32_t *parent, signed char *side, int32_t a, int32_t b, int way)
{
    int s, t;
    a = ebim__find_side(parent, side, a, &s);
    b = ebim__find_side(parent, side, b, &t);
    if (a == b) return s * t == way;
    parent[b] = a;
    side[b] = (signed char)(s * t * way);
    return 1;
}

/* Squared distance of two rows, or, if that is above `most`, some number that is, too: asked every
 * eighth column. */
EBIM__INLINE double ebim__distance2_upto(int n, const ebim_real *x, const ebim_real *y, double most)
{
    double s = 0;
    int i, end;
    for (i = 0; i < n && s <= most;)
        for (end = ebim__min_int(i + 8, n); i < end; i++) {
            double d = (double)x[i] - (double)y[i];
            s += d * d;
        }
    return s;
}

static double ebim__square_distance(int n, const ebim_real *x, const ebim_real *y)
{
    return ebim__distance2_upto(n, x, y, HUGE_VAL);
}

typedef struct ebim__tree {
    int N, n;              /* rows, coordinates */
    int leaf, depth;       /* most rows of a leaf; depth of leaves */
    int axis;              /* the coordinate that rows are halved by */
    const ebim_real *x;    /* the caller's table */
    ebim_real *row;        /* [room][n] in the order of leaves */
    int32_t *index;        /* [room] which rows of x these are */
    ebim_real *box;        /* [nodes][2][n] least and largest coordinates of a node's rows */
    int most, found;       /* what the last query found, at most so many: */
    int32_t *hood;         /* [found] rows of x */
    double *d2;            /* [found] their squared distances */
    ebim_watch *watch;     /* of the arena; once it is stopped, any row is the nearest */
} ebim__tree;

/* With `leaf` rows in a leaf at most. A box costs as much as a few rows, because rows are given up
 * early: with n = 64 and m = 10 leaves of 64 rows are three times as fast as leaves of 8. */
static int ebim__tree_depth(int N, int leaf)
{
    int depth = 0;
    while (N >> depth > leaf) depth++;
    return depth;
}

/* Whether queries for each of N rows take long: in many dimensions m they look at all of them. */
static int ebim__tree_slow(int N, int n, int m)
{
    return 1.0 * N * n * fmin(N, ldexp(32, ebim__min_int(m, 30))) > 1073741824.0; /* 2^30 */
}

/* Memory for trees of at most room rows and answers of at most `most` rows; every ebim__tree_build
 * uses this memory anew. */
static ebim_result ebim__tree_init(ebim__tree *t, ebim_arena *a, int room, int n, int most)
{
    int leaf = ebim__max_int(8, n);
    size_t nodes = (size_t)2 << ebim__tree_depth(room, leaf);
    memset(t, 0, sizeof *t);
    t->n = n;
    t->leaf = leaf;
    t->most = most;
    t->watch = a->watch;
    t->row = EBIM__NEW(a, ebim_real, ebim__times((size_t)room, (size_t)n));
    t->index = EBIM__NEW(a, int32_t, room);
    t->box = EBIM__NEW(a, ebim_real, ebim__times(2 * nodes, (size_t)n));
    t->hood = EBIM__NEW(a, int32_t, most);
    t->d2 = EBIM__NEW(a, double, most);
    return a->failed;
}

static int ebim__compare_axis(const void *ctx, int32_t a, int32_t b)
{
    const ebim__tree *t = (const ebim__tree *)ctx;
    ebim_real p = ebim__nth(t->x, a, t->n)[t->axis], q = ebim__nth(t->x, b, t->n)[t->axis];
    return (p > q) - (p < q);
}

/* Bounding box of rows lo to hi; t->axis: their widest coordinate */
static void ebim__tree_bound(ebim__tree *t, int lo, int hi, ebim_real *least)
{
    int i, c, n = t->n;
    ebim_real *most = least + n;
    for (i = lo; i < hi; i++) {
        const ebim_real *x = ebim__nth(t->x, t->index[i], n);
        for (c = 0; c < n; c++) {
            if (i == lo || x[c] < least[c]) least[c] = x[c];
            if (i == lo || x[c] > most[c]) most[c] = x[c];
        }
    }
    for (t->axis = 0, c = 1; c < n; c++)
        if (most[c] - least[c] > most[t->axis] - least[t->axis]) t->axis = c;
}

/* The tree of x: [N][n]; which: the rows of x it is made of, NULL: the first N. */
static void ebim__tree_build(ebim__tree *t, int N, const ebim_real *x, const int32_t *which)
{
    int i, j, parts, leaves;
    size_t n = (size_t)t->n;
    t->N = N;
    t->x = x;
    t->depth = ebim__tree_depth(N, t->leaf);
    leaves = 1 << t->depth;
    for (i = 0; i < N; i++) t->index[i] = which ? which[i] : (int32_t)i;
    for (parts = 1; parts <= leaves; parts *= 2)
        for (j = 0; j < parts && !ebim__work(t->watch, 2.0 * N * t->n / parts); j++) {
            int lo = ebim__spread_at(j, parts, N), hi = ebim__spread_at(j + 1, parts, N);
            int mid = ebim__spread_at(2 * j + 1, 2 * parts, N);
            ebim__tree_bound(t, lo, hi, t->box + 2 * n * (size_t)(parts + j));
            if (parts < leaves)
                ebim__part(t->index + lo, hi - lo, mid - lo, ebim__compare_axis, t);
        }
    for (i = 0; i < N; i++)
        memcpy(t->row + (size_t)i * n, ebim__nth(x, t->index[i], t->n), n * sizeof *x);
}

/* Squared distance of q from a node's box, or some number above most */
static double ebim__box_distance2(const ebim__tree *t, int node, const ebim_real *q, double most2)
{
    const ebim_real *least = ebim__nth(t->box, node, 2 * t->n), *most = least + t->n;
    double s = 0;
    int c;
    for (c = 0; c < t->n && s <= most2; c++) {
        double below = (double)least[c] - (double)q[c], above = (double)q[c] - (double)most[c];
        double out = below > above ? below : above;
        if (out > 0) s += out * out;
    }
    return s;
}

/* Puts a row among those found, of which k are kept: the nearest, of equal ones the earlier; any:
 * the first that come. */
static void ebim__tree_keep(ebim__tree *t, int k, double d2, int32_t row, int any)
{
    int at = t->found;
    if (t->found < k) t->found++;
    else if (d2 > t->d2[--at] || (!(d2 < t->d2[at]) && row > t->hood[at])) return;
    for (; at > 0 && !any; at--) {
        if (t->d2[at - 1] < d2 || (!(t->d2[at - 1] > d2) && t->hood[at - 1] < row)) break;
        t->d2[at] = t->d2[at - 1];
        t->hood[at] = t->hood[at - 1];
    }
    t->d2[at] = d2;
    t->hood[at] = row;
}

/* Of the rows whose squared distances from q are above least2 and not above most2 the k nearest,
 * nearest first; any: no matter which k. Returns how many there are. */
static int ebim__tree_search(ebim__tree *t, const ebim_real *q, int k, double least2, double most2,
                             int any)
{
    struct { int node; double d2; } stack[64];
    int top, leaves = 1 << t->depth, seen = 0, i;
    k = ebim__min_int(ebim__min_int(k, t->N), t->most);
    t->found = 0;
    while (t->found < k && ebim__stopped(t->watch)) ebim__tree_keep(t, k, 0, t->index[0], 1);
    top = t->found < k;
    stack[0].node = 1;
    stack[0].d2 = 0;
    while (top--) {
        int node = stack[top].node, nearer;
        double d2[2];
        if (stack[top].d2 > most2) continue;
        if (node < leaves) {
            for (i = 0; i < 2; i++) d2[i] = ebim__box_distance2(t, 2 * node + i, q, most2);
            nearer = d2[1] < d2[0];
            for (i = 0; i < 2; i++, top++) { /* the nearer one is on top */
                stack[top].node = 2 * node + (nearer ^ !i);
                stack[top].d2 = d2[nearer ^ !i];
            }
            seen += 4;
            continue;
        }
        node -= leaves;
        for (i = ebim__spread_at(node, leaves, t->N); i < ebim__spread_at(node + 1, leaves, t->N);
             i++) {
            double d = ebim__distance2_upto(t->n, ebim__nth(t->row, i, t->n), q, most2);
            if (d > most2 || d <= least2) continue;
            ebim__tree_keep(t, k, d, t->index[i], any);
            if (t->found == k) most2 = any ? -1 : t->d2[k - 1];
        }
        seen += t->leaf;
    }
    ebim__work(t->watch, 1.0 * seen * t->n);
    return t->found;
}

/* The k rows nearest to q, itself among them if it is a row, none beyond sqrt(most2) */
static int ebim__tree_near(ebim__tree *t, const ebim_real *q, int k, double most2)
{
    return ebim__tree_search(t, q, k, -1, most2, 0);
}

/* The k nearest of those that differ from q */
static int ebim__tree_others(ebim__tree *t, const ebim_real *q, int k)
{
    return ebim__tree_search(t, q, k, 0, HUGE_VAL, 0);
}

/* Rows within sqrt(r2) of q, in no order; all of them if there are no more than k */
static int ebim__tree_within(ebim__tree *t, const ebim_real *q, int k, double r2)
{
    return ebim__tree_search(t, q, k, -1, r2, 1);
}

/* X: [K][n] <- the first K rows that the last query found, minus their mean. q is subtracted first:
 * such differences are exact, or nearly. */
static void ebim__tree_rows(const ebim__tree *t, const ebim_real *q, int K, double *X)
{
    int n = t->n, i, c;
    for (c = 0; c < n; c++) {
        double mean = 0;
        for (i = 0; i < K; i++) {
            X[i * n + c] = (double)ebim__nth(t->x, t->hood[i], n)[c] - (double)q[c];
            mean += X[i * n + c] / K;
        }
        for (i = 0; i < K; i++) X[i * n + c] -= mean;
    }
}

/* V: [m][n] <- the m leading directions of rows X: [K][n]; more: [m][n] scratch. The subspace of V
 * begins with the m rows that are longest off one another and is iterated until a pass adds no more
 * than `tell` times the squares off V. *total, *off: the sums of squares, all and off V. Returns
 * whether the rows span m dimensions. */
static int ebim__leading_rows(int K, int n, int m, const double *X, double *V, double *more,
                              double tell, double *total, double *off)
{
    double along = 0, before, longest = 0, best = 0;
    int i, j, c, pass;
    *total = ebim__inner64(K * n, X, X);
    for (j = 0; j < m; j++) {
        int at = 0;
        for (best = -1, i = 0; i < K; i++) {
            double s = ebim__inner64(n, X + i * n, X + i * n);
            for (c = 0; c < j; c++) {
                double p = ebim__inner64(n, X + i * n, V + c * n);
                s -= p * p;
            }
            if (s > best) best = s, at = i;
        }
        if (!j) longest = best;
        memcpy(V + j * n, X + at * n, (size_t)n * sizeof *V);
        ebim__orthonormal_rows(j + 1, n, V, 1e-24);
    }
    for (pass = 0; pass < 8; pass++) {
        before = along;
        along = 0;
        memset(more, 0, (size_t)(m * n) * sizeof *more);
        for (i = 0; i < K; i++)
            for (j = 0; j < m; j++) {
                double p = ebim__inner64(n, X + i * n, V + j * n);
                along += p * p;
                for (c = 0; c < n; c++) more[j * n + c] += p * X[i * n + c];
            }
        if (pass && along - before <= tell * (*total - along) + 1e-15 * *total) break;
        memcpy(V, more, (size_t)(m * n) * sizeof *V);
        ebim__orthonormal_rows(m, n, V, 1e-24);
    }
    *off = fmax(*total - along, 0);
    return best > (double)EBIM_EPS * longest;
}

/* ============================================================================================
 * >>tensor  views of weights, values and Jacobians
 *
 * For what stands round a model, not for the model: the tape has its own layout. A view is a shape
 * and a stride per axis over memory of somebody else; nothing is copied.
 * ========================================================================================= */

EBIM_API ebim_result ebim_tensor_wrap(ebim_tensor *t, ebim_real *data, int rank, const int *shape)
{
    ebim_tensor made;
    int i, size = 1;
    if (rank < 0 || rank > EBIM_TENSOR_RANK) return EBIM_ERR_ARG;
    memset(&made, 0, sizeof made);
    made.data = data;
    made.rank = rank;
    for (i = EBIM_TENSOR_RANK - 1; i >= 0; i--) {
        int count = made.shape[i] = i < rank ? shape[i] : 1;
        if (count < 1 || count > INT_MAX / size) return EBIM_ERR_SHAPE;
        made.stride[i] = i < rank ? size : 0;
        size *= count;
    }
    *t = made;
    return EBIM_OK;
}

EBIM_API ebim_real *ebim_tensor_at(const ebim_tensor *t, int i, int j, int k, int l)
{
    int index[EBIM_TENSOR_RANK] = {i, j, k, l}, q;
    ebim_real *at = t->data;
    for (q = 0; q < EBIM_TENSOR_RANK; q++) {
        if (!at || index[q] < 0 || index[q] >= t->shape[q]) return NULL;
        at += (ptrdiff_t)index[q] * t->stride[q];
    }
    return at;
}

EBIM_API ebim_result ebim_tensor_slice(ebim_tensor *out, const ebim_tensor *t, int axis, int first,
                                       int count)
{
    ebim_tensor made = *t;
    if (axis < 0 || axis >= t->rank) return EBIM_ERR_ARG;
    if (first < 0 || count < 1 || first > t->shape[axis] - count) return EBIM_ERR_SHAPE;
    if (made.data) made.data += (ptrdiff_t)first * t->stride[axis];
    made.shape[axis] = count;
    *out = made;
    return EBIM_OK;
}

/* ============================================================================================
 * >>dual  forward differentiation of scalars
 *
 * The teaching form of what the tape does for whole rows. Written from libm alone: the tests judge
 * the tape by it.
 * ========================================================================================= */

EBIM_API ebim_dual ebim_dual_make(ebim_real v, ebim_real d)
{
    ebim_dual z;
    z.v = v;
    z.d = d;
    return z;
}

EBIM_API ebim_dual ebim_dual_op(ebim_dual a, int op, ebim_dual b)
{
    ebim_real q = op == '/' ? a.v / b.v : 0;
    EBIM_ASSERT(op == '+' || op == '-' || op == '*' || op == '/');
    return op == '+' ? ebim_dual_make(a.v + b.v, a.d + b.d)
         : op == '-' ? ebim_dual_make(a.v - b.v, a.d - b.d)
         : op == '*' ? ebim_dual_make(a.v * b.v, a.d * b.v + a.v * b.d)
                     : ebim_dual_make(q, (a.d - q * b.d) / b.v);
}

EBIM_API ebim_dual ebim_dual_apply(ebim_fn fn, ebim_dual a, ebim_real exponent)
{
    ebim_real x = a.v, v = x, slope = 1;
    /* e never overflows; s = 1 / (1 + e^-x) */
    ebim_real e = EBIM__EXP(-EBIM__ABS(x)), s = (x < 0 ? e : 1) / (1 + e);
    switch (fn) {
    case EBIM_FN_SILU: v = x * s; slope = s + x * e / ((1 + e) * (1 + e)); break;
    case EBIM_FN_TANH: v = EBIM__TANH(x); slope = 1 - v * v; break;
    case EBIM_FN_RELU: v = x > 0 ? x : 0; slope = x > 0 ? EBIM__R(1) : 0; break;
    case EBIM_FN_SOFTPLUS: v = (x > 0 ? x : 0) + EBIM__LOG1P(e); slope = s; break;
    case EBIM_FN_SINE: v = EBIM__SIN(x); slope = EBIM__COS(x); break;
    case EBIM_FN_COSINE: v = EBIM__COS(x); slope = -EBIM__SIN(x); break;
    case EBIM_FN_EXP: v = slope = EBIM__EXP(x); break;
    case EBIM_FN_LOG: v = EBIM__LOG(x); slope = 1 / x; break;
    case EBIM_FN_SQRT: v = EBIM__SQRT(x); slope = v > 0 ? 1 / (2 * v) : 0; break;
    case EBIM_FN_ABS: v = EBIM__ABS(x); slope = x > 0 ? EBIM__R(1) : x < 0 ? EBIM__R(-1) : 0; break;
    case EBIM_FN_SQUARE: v = x * x; slope = 2 * x; break;
    case EBIM_FN_POW:
        v = EBIM__POW(x, exponent);
        slope = exponent > 0 || exponent < 0 ? exponent * EBIM__POW(x, exponent - 1) : 0;
        break;
    case EBIM_FN_IDENTITY: case EBIM__FN_COUNT: break;
    }
    return ebim_dual_make(v, slope * a.d);
}

/* ============================================================================================
 * >>ops  one function per op: its shape rule and its sweeps side by side
 *
 * To add an op: one row in EBIM__OPS, one function here, one builder below. The property tests
 * pick it up from the table.
 * ========================================================================================= */

/* What a workspace keeps for an op beside values, tangents and adjoints: the first and the second
 * derivative of each feature; the gradient by the operand (in d1); tangents and adjoints before
 * the activation as well as after it. */
enum {
    EBIM__KEEP_D1 = 1, EBIM__KEEP_D2 = 2, EBIM__KEEP_GRADIENT = 4, EBIM__KEEP_BOTH_SIDES = 8
};

/* One row per op, in the order of their numbers in files: name, function, operands, and what a
 * workspace keeps for it. */
#define EBIM__OPS(X)                                                             \
    X(INPUT,  input,  0, 0)                                                      \
    X(CONST,  const,  0, 0)                                                      \
    X(DENSE,  dense,  1, EBIM__KEEP_D1 | EBIM__KEEP_D2 | EBIM__KEEP_BOTH_SIDES)  \
    X(APPLY,  apply,  1, EBIM__KEEP_D1 | EBIM__KEEP_D2)                          \
    X(AFFINE, affine, 1, 0)                                                      \
    X(ADD,    add,    2, 0)                                                      \
    X(MUL,    mul,    2, 0)                                                      \
    X(DOT,    mul,    2, 0)                                                      \
    X(SUM,    sum,    1, 0)                                                      \
    X(MIN,    pick,   2, EBIM__KEEP_D1)                                          \
    X(MAX,    pick,   2, EBIM__KEEP_D1)                                          \
    X(SELECT, pick,   3, EBIM__KEEP_D1)                                          \
    X(CONCAT, concat, 2, 0)                                                      \
    X(SLICE,  slice,  1, 0)                                                      \
    X(RBF,    rbf,    1, EBIM__KEEP_GRADIENT)                                    \
    X(CONV,   dense,  1, EBIM__KEEP_D1 | EBIM__KEEP_D2 | EBIM__KEEP_BOTH_SIDES)  \
    X(DECONV, dense,  1, EBIM__KEEP_D1 | EBIM__KEEP_D2 | EBIM__KEEP_BOTH_SIDES)  \
    X(SAMPLE, sample, 1, 0)                                                      \
    X(POOL,   pool,   1, EBIM__KEEP_D1)
typedef enum ebim__op {
    EBIM__OP_NONE,
#define EBIM__ENUM(name, fn, operands, keeps) EBIM__OP_##name,
    EBIM__OPS(EBIM__ENUM)
#undef EBIM__ENUM
    EBIM__OP_COUNT
} ebim__op;

typedef struct ebim__slot {
    ebim_real *v, *d1, *d2, *t, *ta, *g, *ga;
    int writer;               /* the dense node that is first to write g in a reverse sweep: it need
                               * not add to zeros; 0: g starts as zeros */
    int readers;              /* nodes that read it */
    int direct;               /* that is the only one, and writes plane 0 of ga and not of g */
} ebim__slot;

enum { EBIM__SHAPE, EBIM__FWD, EBIM__TAN, EBIM__ADJ, EBIM__BACK };

/* What an op function gets. SHAPE: node is writable, na.. are the operands' sizes, returns 0 when
 * the shapes fit. TAN, ADJ: one plane. BACK: plane 0, with the coupling to planes 1..pairs and the
 * gradient of the parameters. */
typedef struct ebim__sweep ebim__sweep;
typedef int (*ebim__op_fn)(const ebim__sweep *s, int mode);

struct ebim__sweep {
    ebim__op_fn op;
    const ebim__node *nd, *an, *bn; /* the node, its first two operands */
    ebim__node *shape;
    const ebim__slot *z, *a, *b, *c;
    const ebim__kernels *K;
    const ebim_real *theta, *turned; /* see ebim__turn; NULL: not */
    ebim_real *grad;
    int n, na, nb, nc;
    int stride, nl, used, order, plane, pairs;
    int add;                  /* a dense node's adjoints: 0, write them; 1, add them */
};

/* Row i of plane p of an array of n features, or NULL where a workspace does not keep it; one row
 * for all of a broadcast operand. */
EBIM__INLINE ebim_real *ebim__row(const ebim__sweep *s, ebim_real *base, int n, int p, int i)
{
    if (!base) return NULL;
    return base + ((size_t)p * (size_t)n + (size_t)(n == 1 ? 0 : i)) * (size_t)s->stride;
}

EBIM__OFTEN

/* One value of the functions without a kernel, with both derivatives; libm speed. */
static void ebim__fn_at(int fn, ebim_real p, ebim_real x, ebim_real *v, ebim_real *d1,
                        ebim_real *d2)
{
    ebim_real s;
    switch (fn) {
    case EBIM_FN_TANH: *v = EBIM__TANH(x); *d1 = 1 - *v * *v; *d2 = -2 * *v * *d1; break;
    case EBIM_FN_RELU: /* written so that a NaN stays one */
        *v = x <= 0 ? 0 : x; *d1 = x <= 0 ? 0 : EBIM__R(1); *d2 = 0; break;
    case EBIM_FN_SOFTPLUS:
        s = 1 / (1 + EBIM__EXP(-x));
        *v = (x <= 0 ? 0 : x) + EBIM__LOG1P(EBIM__EXP(-EBIM__ABS(x)));
        *d1 = s; *d2 = s * (1 - s); break;
    case EBIM_FN_COSINE: *v = EBIM__COS(x); *d1 = -EBIM__SIN(x); *d2 = -*v; break;
    case EBIM_FN_EXP: *v = *d1 = *d2 = EBIM__EXP(x); break;
    case EBIM_FN_LOG: *v = EBIM__LOG(x); *d1 = 1 / x; *d2 = -*d1 * *d1; break;
    case EBIM_FN_SQRT:
        *v = EBIM__SQRT(x);
        s = *v > 0 ? 1 / *v : 0;
        *d1 = EBIM__R(0.5) * s; *d2 = EBIM__R(-0.25) * s * s * s; break;
    case EBIM_FN_ABS:
        *v = EBIM__ABS(x); *d1 = x > 0 ? EBIM__R(1) : x < 0 ? EBIM__R(-1) : 0; *d2 = 0; break;
    case EBIM_FN_SQUARE: *v = x * x; *d1 = 2 * x; *d2 = 2; break;
    case EBIM_FN_POW:
        *v = EBIM__POW(x, p);
        *d1 = p < 0 || p > 0 ? p * EBIM__POW(x, p - 1) : 0; /* never 0 times infinity */
        s = p * (p - 1);
        *d2 = s < 0 || s > 0 ? s * EBIM__POW(x, p - 2) : 0; break;
    default: *v = x; *d1 = 1; *d2 = 0; break;
    }
}

/* v = fn(a), d1 = fn'(a), d2 = fn''(a) as far as order asks; v may be a. Lanes that are copies of
 * the only one that is used take what it gave. */
static void ebim__k_apply(int fn, ebim_real p, const ebim_real *a, ebim_real *v, ebim_real *d1,
                          ebim_real *d2, int used, int nl, int order)
{
    ebim_real x = 0, y = 0, z = 0;
    int l;
    for (l = 0; l < nl; l++) {
        if (!l || used > 1) ebim__fn_at(fn, p, a[l], &x, &y, &z);
        v[l] = x;
        if (order > 0) d1[l] = y;
        if (order > 1) d2[l] = z;
    }
}

static int ebim__op_input(const ebim__sweep *s, int mode)
{
    if (mode == EBIM__SHAPE) s->shape->size = s->nd->i0;
    return 0;
}

static int ebim__op_const(const ebim__sweep *s, int mode)
{
    int i, l;
    switch (mode) {
    case EBIM__SHAPE:
        s->shape->size = s->shape->n_theta = s->nd->i0;
        s->shape->frozen = 1;
        break;
    case EBIM__FWD:
        for (i = 0; i < s->n; i++)
            for (l = 0; l < s->nl; l++) ebim__row(s, s->z->v, s->n, 0, i)[l] = s->theta[i];
        break;
    case EBIM__TAN:
        memset(ebim__row(s, s->z->t, s->n, s->plane - 1, 0), 0,
               (size_t)s->n * (size_t)s->stride * sizeof *s->z->t);
        break;
    default: break;
    }
    return 0;
}

/* fn of the rows of a, with its derivatives */
static void ebim__activate(const ebim__sweep *s, const ebim_real *a)
{
    const ebim__slot *z = s->z;
    int i;
    if (s->nd->fn == EBIM_FN_SILU) {
        s->K->silu(s->n, a, z->v, z->d1, z->d2, s->stride, s->nl, s->order);
        return;
    }
    if (s->nd->fn == EBIM_FN_SINE) {
        s->K->sine(s->n, a, z->v, z->d1, z->d2, s->stride, s->nl, s->order);
        return;
    }
    for (i = 0; i < s->n; i++)
        ebim__k_apply(s->nd->fn, s->nd->s, a + (size_t)i * (size_t)s->stride,
                      ebim__row(s, z->v, s->n, 0, i), ebim__row(s, z->d1, s->n, 0, i),
                      ebim__row(s, z->d2, s->n, 0, i), s->used, s->nl, s->order);
}

/* The weights of a dense node, and transposed for adjoints */
EBIM__INLINE ebim__matrix ebim__weights(const ebim__sweep *s)
{
    ebim__matrix m = {s->theta, s->n, s->na, s->n == 1 ? 1 : s->na, 1};
    if (!s->turned) return m;
    m.wi = EBIM__ROUND(s->n);
    m.w = s->turned + m.wi;
    m.wo = 1;
    return m;
}

EBIM__INLINE ebim__matrix ebim__transposed(const ebim__sweep *s)
{
    ebim__matrix m = {s->theta, s->na, s->n, 1, s->na};
    return m;
}

/* The two sides of a convolution. A kernel slides over the large image; where it stands is a pixel
 * of the small one. CONV goes from large to small, DECONV from small to large, and adjoints back.
 * W: [C of small][kernel][kernel][C of large]. */
typedef struct ebim__slide {
    const ebim__node *large, *little;
    int kernel, step, padding;
    int down;                 /* the node's output is the small image */
} ebim__slide;

static ebim__slide ebim__slide_of(const ebim__sweep *s)
{
    ebim__slide v;
    v.down = s->nd->op == EBIM__OP_CONV;
    v.large = v.down ? s->an : s->nd;
    v.little = v.down ? s->nd : s->an;
    v.kernel = s->nd->kernel;
    v.step = s->nd->stride;
    v.padding = s->nd->padding;
    return v;
}

typedef struct ebim__span {
    int from, to;
} ebim__span;

enum {
    EBIM__PAIRS = 64, /* rows of two nodes whose products are summed in registers */
    EBIM__PLACES = 4  /* of them, pixels: 4 of 32 channels of 64 lanes stay in L1. 117 GFLOP/s of
                       * 160; 2: 100, 16: 93, 64: 82 */
};

/* Offsets in the kernel, along one axis, that lie in `size` pixels where the kernel is at `at` */
static ebim__span ebim__slide_offsets(const ebim__slide *v, int at, int size)
{
    int first = v->padding - at * v->step;
    ebim__span r;
    r.from = ebim__max_int(first, 0);
    r.to = ebim__min_int(first + size, v->kernel);
    if (r.to < r.from) r.to = r.from;
    return r;
}

/* Places of the kernel, of `size`, that reach pixel `at` along one axis */
static ebim__span ebim__slide_places(const ebim__slide *v, int at, int size)
{
    int end = at + v->padding;
    ebim__span r;
    r.from = ebim__max_int(end - v->kernel + v->step, 0) / v->step;
    r.to = ebim__min_int(end / v->step + 1, size);
    if (r.to < r.from) r.to = r.from;
    return r;
}

/* Pixel (y, x) of an image whose rows begin at p */
EBIM__INLINE size_t ebim__pixel(const ebim__sweep *s, const ebim__node *image, int y, int x)
{
    return ((size_t)y * (size_t)image->W + (size_t)x) * (size_t)image->C * (size_t)s->stride;
}

/* One pixel of the small image: the kernel's rows of pixels stand side by side in the large one. */
static void ebim__conv_down_at(const ebim__sweep *s, const ebim__slide *v, int y, int x,
                               const ebim_real *bias, const ebim_real *X, ebim_real *Y,
                               const ebim_real *D, int add)
{
    int row = v->kernel * v->kernel * v->large->C, o;
    ebim__span oy = ebim__slide_offsets(v, y, v->large->H);
    ebim__span ox = ebim__slide_offsets(v, x, v->large->W);
    ebim__matrix m = {s->theta, v->little->C, (ox.to - ox.from) * v->large->C, row, 1};
    if (ox.to == ox.from || oy.to == oy.from) { /* in the padding */
        m.ni = 0;
        s->K->dense(&m, bias, X, s->stride, Y, D, s->stride, s->nl, add);
        return;
    }
    for (o = oy.from; o < oy.to; o++) {
        m.w = s->theta + (o * v->kernel + ox.from) * v->large->C;
        s->K->dense(&m, bias, X + ebim__pixel(s, v->large, y * v->step - v->padding + o,
                                              x * v->step - v->padding + ox.from),
                    s->stride, Y, o + 1 == oy.to ? D : NULL, s->stride, s->nl,
                    add || o > oy.from);
    }
}

/* One pixel of the large image: places of the kernel, each with its own offset */
static void ebim__conv_up_at(const ebim__sweep *s, const ebim__slide *v, int y, int x,
                             const ebim_real *bias, const ebim_real *X, ebim_real *Y,
                             const ebim_real *D, int add)
{
    int row = v->kernel * v->kernel * v->large->C, i, j;
    ebim__span py = ebim__slide_places(v, y, v->little->H);
    ebim__span px = ebim__slide_places(v, x, v->little->W);
    ebim__matrix m = {s->theta, v->large->C, v->little->C, 1, row};
    if (px.to == px.from || py.to == py.from) { /* no kernel reaches it */
        m.ni = 0;
        s->K->dense(&m, bias, X, s->stride, Y, D, s->stride, s->nl, add);
        return;
    }
    for (i = py.from; i < py.to; i++)
        for (j = px.from; j < px.to; j++) {
            int first = i == py.from && j == px.from, last = i + 1 == py.to && j + 1 == px.to;
            int oy = y + v->padding - i * v->step, ox = x + v->padding - j * v->step;
            m.w = s->theta + (oy * v->kernel + ox) * v->large->C;
            s->K->dense(&m, bias, X + ebim__pixel(s, v->little, i, j), s->stride, Y,
                        last ? D : NULL, s->stride, s->nl, add || !first);
        }
}

/* One image: where its kernel has one offset, pixels are the outputs of a product and vectors run
 * along channels. What all pixels do with a block of W is done before the next is turned. */
enum { EBIM__BLOCK = 64, EBIM__ROW_PIXELS = 32, EBIM__FEW_PIXELS = 8 };

typedef struct ebim__block {
    int q, c, o, ni, no;      /* offset in the kernel; channels c.., o.. and how many of them */
    int down;                 /* from the large image to the small one */
    ebim_real w[EBIM__BLOCK * EBIM__BLOCK]; /* [ni][no rounded up] */
} ebim__block;

static void ebim__block_turn(const ebim__sweep *s, const ebim__slide *v, ebim__block *b)
{
    int C = v->large->C, R = EBIM__ROUND(b->no), row = v->kernel * v->kernel * C, c;
    const ebim_real *w = s->theta + b->q * C;
    if (b->no < R) memset(b->w, 0, sizeof b->w);
    if (b->down)
        ebim__turn_rows(w + b->o * row + b->c, (size_t)row, b->no, b->ni, b->w, R);
    for (c = 0; c < b->ni && !b->down; c++)
        memcpy(b->w + c * R, w + (b->c + c) * row + b->o, (size_t)b->no * sizeof *b->w);
}

/* `count` pixels in a row; those at X are xs apart, those at Y ys */
static void ebim__block_row(const ebim__kernels *many, const ebim__block *b, int count,
                            const ebim_real *X, int xs, ebim_real *Y, int ys)
{
    ebim_real part[EBIM__ROW_PIXELS * EBIM__W];
    ebim__matrix m = {X + b->c, count, b->ni, xs, 1};
    int R = EBIM__ROUND(b->no), whole = b->no / EBIM__W * EBIM__W, left = b->no - whole, i;
    size_t bytes = (size_t)left * sizeof *Y;
    Y += b->o;
    if (whole) many->dense(&m, NULL, b->w, R, Y, NULL, ys, whole, 1);
    if (!left) return;
    for (Y += whole; count > 0; count -= m.no, m.w += m.no * xs, Y += m.no * ys) {
        m.no = ebim__min_int(count, EBIM__ROW_PIXELS);
        for (i = 0; i < m.no; i++) memcpy(part + i * EBIM__W, Y + i * ys, bytes);
        many->dense(&m, NULL, b->w + whole, R, part, NULL, EBIM__W, EBIM__W, 1);
        for (i = 0; i < m.no; i++) memcpy(Y + i * ys, part + i * EBIM__W, bytes);
    }
}

/* Y += W X with that block */
static void ebim__block_product(const ebim__kernels *many, const ebim__slide *v,
                                const ebim__block *b, const ebim_real *X, ebim_real *Y)
{
    const ebim__node *large = v->large, *little = v->little;
    int dy = b->q / v->kernel - v->padding, dx = b->q % v->kernel - v->padding, step = v->step;
    int from = ebim__max_int(step - 1 - dx, 0) / step, i;
    int count = ebim__min_int((large->W - 1 - dx + step) / step, little->W) - from;
    for (i = 0; i < little->H && count > 0; i++) {
        int y = i * step + dy, C = b->down ? large->C : little->C;
        size_t in = (size_t)(y * large->W + from * step + dx), at = (size_t)(i * little->W + from);
        if (y < 0 || y >= large->H) continue;
        if (b->down)
            ebim__block_row(many, b, count, X + in * (size_t)C, step * C,
                            Y + at * (size_t)little->C, little->C);
        else
            ebim__block_row(many, b, count, X + at * (size_t)C, C, Y + in * (size_t)large->C,
                            step * large->C);
    }
}

static void ebim__conv_one(const ebim__sweep *s, const ebim__slide *v, int down,
                           const ebim_real *bias, const ebim_real *X, ebim_real *Y,
                           const ebim_real *D, int add)
{
    const ebim__node *from = down ? v->large : v->little, *to = down ? v->little : v->large;
    size_t bytes = (size_t)to->C * sizeof *Y;
    int i, q, pixels = to->H * to->W, k = v->kernel * v->kernel;
    ebim__block b;
    b.down = down;
    for (i = 0; i < pixels && !add; i++) {
        if (bias) memcpy(Y + i * to->C, bias, bytes);
        else memset(Y + i * to->C, 0, bytes);
    }
    for (q = 0; q < k; q++)
        for (b.c = 0; b.c < from->C; b.c += EBIM__BLOCK)
            for (b.o = 0; b.o < to->C; b.o += EBIM__BLOCK) {
                b.q = down ? q : k - 1 - q; /* in the order of images among others */
                b.ni = ebim__min_int(from->C - b.c, EBIM__BLOCK);
                b.no = ebim__min_int(to->C - b.o, EBIM__BLOCK);
                ebim__block_turn(s, v, &b);
                ebim__block_product(s->K - 1, v, &b, X, Y);
            }
    if (D) s->K->mul(pixels * to->C, Y, Y, D, 1, 1);
}

/* Y = (W X + bias) D from the operand's image to the node's, or back */
static void ebim__conv_product(const ebim__sweep *s, int back, const ebim_real *bias,
                               const ebim_real *X, ebim_real *Y, const ebim_real *D, int add)
{
    ebim__slide v = ebim__slide_of(s);
    int down = v.down != back, y, x;
    const ebim__node *to = down ? v.little : v.large;
    if (s->stride == 1 && v.little->H * v.little->W >= EBIM__FEW_PIXELS) {
        ebim__conv_one(s, &v, down, bias, X, Y, D, add);
        return;
    }
    for (y = 0; y < to->H; y++)
        for (x = 0; x < to->W; x++) {
            size_t at = ebim__pixel(s, to, y, x);
            const ebim_real *d = D ? D + at : NULL;
            if (down) ebim__conv_down_at(s, &v, y, x, bias, X, Y + at, d, add);
            else ebim__conv_up_at(s, &v, y, x, bias, X, Y + at, d, add);
        }
}

/* Gradient of W: products of the two images, so many places of the kernel at a time that their
 * pixels stay in cache */
static void ebim__conv_grad(const ebim__sweep *s, const ebim_real *large, const ebim_real *little)
{
    ebim__slide v = ebim__slide_of(s);
    int C = v.large->C, row = v.kernel * v.kernel * C, k = v.kernel * v.kernel, o, from, q, end;
    int places = v.little->H * v.little->W;
    for (from = 0; from < places; from += EBIM__PLACES)
        for (o = 0; o < k; o++) {
            ebim__pair pair[EBIM__PLACES];
            int count = 0;
            end = ebim__min_int(from + EBIM__PLACES, places);
            for (q = from; q < end; q++) {
                int y = q / v.little->W * v.step - v.padding + o / v.kernel;
                int x = q % v.little->W * v.step - v.padding + o % v.kernel;
                if (y < 0 || x < 0 || y >= v.large->H || x >= v.large->W) continue;
                pair[count].d = little + ebim__pixel(s, v.little, 0, q);
                pair[count++].x = large + ebim__pixel(s, v.large, y, x);
            }
            s->K->outer(v.little->C, C, s->grad + o * C, row, pair, count, s->stride, s->nl);
        }
}

static int ebim__conv_shape(const ebim__sweep *s)
{
    const ebim__node *nd = s->nd, *a = s->an;
    int64_t k = nd->kernel, step = nd->stride, cut = k - 2 * (int64_t)nd->padding;
    int64_t H = a->H, W = a->W, weights = k < 1 || k > 256 ? 0 : k * k * a->C;
    int down = nd->op == EBIM__OP_CONV;
    const int64_t most = INT_MAX / 64;
    if (nd->i0 < 1 || weights < 1 || step < 1 || step > 256 || nd->padding < 0 ||
        nd->padding >= k || (down && (H < cut || W < cut)) || weights > most / nd->i0)
        return 1;
    H = down ? (H - cut) / step + 1 : (H - 1) * step + cut;
    W = down ? (W - cut) / step + 1 : (W - 1) * step + cut;
    if (H < 1 || W < 1 || H > most / W || H * W > most / nd->i0) return 1;
    s->shape->C = nd->i0;
    s->shape->H = (int32_t)H;
    s->shape->W = (int32_t)W;
    s->shape->size = (int32_t)(H * W * nd->i0);
    s->shape->n_theta = (int32_t)(weights * nd->i0 + nd->i0);
    return 0;
}

/* Y = (W X + bias) D from the operand to the node, or back where m is transposed */
static void ebim__dense_product(const ebim__sweep *s, const ebim__matrix *m, int back,
                                const ebim_real *bias, const ebim_real *X, ebim_real *Y,
                                const ebim_real *D, int add)
{
    if (s->nd->op == EBIM__OP_DENSE)
        s->K->dense(m, bias, X, s->stride, Y, D, s->stride, s->nl, add);
    else ebim__conv_product(s, back, bias, X, Y, D, add);
}

/* z = fn(W a + b), theta = W [n][na] then b [n]. Adjoints of the padding become zero: whatever
 * its seeds were, it is no part of the sum over lanes. */
static void ebim__dense_grad(const ebim__sweep *s)
{
    int biases = s->nd->op == EBIM__OP_DENSE ? s->n : s->nd->C;
    ebim_real *delta = s->z->ga, *gb = s->grad + (s->nd->n_theta - biases);
    int planes = 1 + s->pairs, o, l;
    size_t st = (size_t)s->stride;
    ebim__pair pair[EBIM__PAIRS];
    for (o = 0; o < planes * s->n; o++)
        for (l = s->used; l < s->nl; l++) delta[(size_t)o * st + (size_t)l] = 0;
    for (o = 0; o < s->n; o += biases)
        s->K->sum(biases, gb, delta + (size_t)o * st, s->stride, s->nl);
    for (o = 0; o < planes; o++) {
        ebim__pair *p = &pair[o % EBIM__PAIRS];
        p->d = ebim__row(s, delta, s->n, o, 0);
        p->x = o ? ebim__row(s, s->a->t, s->na, o - 1, 0) : s->a->v;
        if (s->nd->op == EBIM__OP_CONV) ebim__conv_grad(s, p->x, p->d);
        else if (s->nd->op == EBIM__OP_DECONV) ebim__conv_grad(s, p->d, p->x);
        else if (o % EBIM__PAIRS + 1 == EBIM__PAIRS || o + 1 == planes)
            s->K->outer(s->n, s->na, s->grad, s->na, pair, o % EBIM__PAIRS + 1, s->stride, s->nl);
    }
}

/* Adjoint before the activation, and on to the input. */
static void ebim__dense_adjoint(const ebim__sweep *s, int p, int pairs)
{
    const ebim__slot *z = s->z, *a = s->a;
    ebim_real *ga = ebim__row(s, z->ga, s->n, p, 0);
    ebim__matrix m = ebim__transposed(s);
    int q;
    if (s->nd->fn != EBIM_FN_IDENTITY) {
        if (p || !z->direct)
            s->K->mul(s->n, ga, ebim__row(s, z->g, s->n, p, 0), z->d1, s->stride, s->nl);
        for (q = 1; q <= pairs; q++)
            s->K->mac3(s->n, ga, z->d2, ebim__row(s, z->ta, s->n, q - 1, 0),
                       ebim__row(s, z->g, s->n, q, 0), s->stride, s->nl);
    }
    if (!p && a->direct) ebim__dense_product(s, &m, 1, NULL, ga, a->ga, a->d1, 0);
    else ebim__dense_product(s, &m, 1, NULL, ga, ebim__row(s, a->g, s->na, p, 0), NULL, s->add);
}

static void ebim__dense_forward(const ebim__sweep *s)
{
    const ebim__slot *z = s->z, *a = s->a;
    ebim__matrix m = ebim__weights(s);
    int fn = s->nd->fn;
    const int dense = s->nd->op == EBIM__OP_DENSE;
    const ebim_real *bias = s->turned ? s->turned
                          : s->theta + (s->nd->n_theta - (dense ? s->n : s->nd->C));
    if (fn == EBIM_FN_SILU && dense) {
        s->K->dense_silu(&m, bias, a->v, z->v, z->d1, z->d2, s->stride, s->nl, s->order);
        return;
    }
    ebim__dense_product(s, &m, 0, bias, a->v, z->v, NULL, 0);
    if (fn != EBIM_FN_IDENTITY) ebim__activate(s, z->v);
}

static void ebim__dense_tangent(const ebim__sweep *s)
{
    const ebim__slot *z = s->z, *a = s->a;
    int p = s->plane - 1, both = z->t != z->ta;
    ebim__matrix m = ebim__weights(s);
    ebim_real *ta = ebim__row(s, z->ta, s->n, p, 0);
    ebim__dense_product(s, &m, 0, NULL, ebim__row(s, a->t, s->na, p, 0), ta, both ? NULL : z->d1,
                        0);
    if (both && z->d1)
        s->K->mul(s->n, ebim__row(s, z->t, s->n, p, 0), ta, z->d1, s->stride, s->nl);
}

static int ebim__op_dense(const ebim__sweep *s, int mode)
{
    switch (mode) {
    case EBIM__SHAPE:
        if (s->nd->op != EBIM__OP_DENSE) return ebim__conv_shape(s);
        if (s->nd->i0 < 1 || s->nd->i0 > INT_MAX / 4 / (s->na + 1)) return 1;
        s->shape->size = s->nd->i0;
        s->shape->n_theta = s->nd->i0 * (s->na + 1);
        break;
    case EBIM__FWD: ebim__dense_forward(s); break;
    case EBIM__TAN: ebim__dense_tangent(s); break;
    case EBIM__ADJ: ebim__dense_adjoint(s, s->plane, 0); break;
    default:
        ebim__dense_adjoint(s, 0, s->pairs);
        if (s->grad) ebim__dense_grad(s);
    }
    return 0;
}

/* What a point adds to the gradient of a loss is 0 where it is too small to matter. Beyond the
 * ceiling of an energy it is e^-40 and less, and behind more factors no normal number: a processor
 * takes a hundred times as long for those, and a training took twenty times. A NaN stays one. */
EBIM__INLINE ebim_real ebim__audible(ebim_real g)
{
    return EBIM__ABS(g) < EBIM__SUBTLE ? 0 : g;
}

/* z = fn(a) */
static int ebim__op_apply(const ebim__sweep *s, int mode)
{
    const ebim__slot *z = s->z, *a = s->a;
    ebim_real *g;
    int q, i, l, p = s->plane, n = s->n;
    if (mode == EBIM__SHAPE) {
        s->shape->size = s->na;
        return 0;
    }
    switch (mode) {
    case EBIM__FWD: ebim__activate(s, a->v); break;
    case EBIM__TAN:
        s->K->mul(n, ebim__row(s, z->t, n, p - 1, 0), ebim__row(s, a->t, n, p - 1, 0), z->d1,
                  s->stride, s->nl);
        break;
    default:
        g = ebim__row(s, a->g, n, p, 0);
        s->K->mac(n, g, s->stride, ebim__row(s, z->g, n, p, 0), s->stride, z->d1, s->stride, s->nl);
        for (i = 0; i < n * s->stride && mode == EBIM__BACK; i += s->stride)
            for (l = 0; l < s->nl; l++) g[i + l] = ebim__audible(g[i + l]);
        for (q = 1; q <= s->pairs && mode == EBIM__BACK; q++)
            s->K->mac3(n, a->g, z->d2, ebim__row(s, a->t, n, q - 1, 0),
                       ebim__row(s, z->g, n, q, 0), s->stride, s->nl);
    }
    return 0;
}

/* Row i of what a mode works on: values, tangents or adjoints of the sweep's plane. */
EBIM__INLINE ebim_real *ebim__mode_row(const ebim__sweep *s, const ebim__slot *x, int n, int mode,
                                       int i)
{
    return mode == EBIM__FWD ? ebim__row(s, x->v, n, 0, i)
         : mode == EBIM__TAN ? ebim__row(s, x->t, n, s->plane - 1, i)
                             : ebim__row(s, x->g, n, s->plane, i);
}

EBIM__INLINE void ebim__affine_row(ebim_real *EBIM__RESTRICT z, const ebim_real *EBIM__RESTRICT a,
                                   ebim_real scale, ebim_real center, int nl)
{
    int j, l;
    if (nl == 1) *z = scale * (*a - center);
    else EBIM__CHUNKS(j, nl) EBIM__EACH(l) z[j + l] = scale * (a[j + l] - center);
}

/* z = scale * (a - center), theta = scale [n] then center [n], frozen. The difference first: data
 * far from the origin lose no digits. */
static int ebim__op_affine(const ebim__sweep *s, int mode)
{
    int i, n = s->n;
    if (mode == EBIM__SHAPE) {
        if (s->na > INT_MAX / 4) return 1;
        s->shape->size = s->na;
        s->shape->n_theta = 2 * s->na;
        s->shape->frozen = 1;
        return 0;
    }
    for (i = 0; i < n; i++) {
        ebim_real scale = s->theta[i], center = mode == EBIM__FWD ? s->theta[n + i] : 0;
        ebim_real *z = ebim__mode_row(s, s->z, n, mode, i);
        ebim_real *a = ebim__mode_row(s, s->a, n, mode, i);
        if (mode > EBIM__TAN) s->K->axpy(1, a, 0, scale, z, 0, s->nl);
        else ebim__affine_row(z, a, scale, center, s->nl);
    }
    return 0;
}

EBIM__INLINE int ebim__broadcast(const ebim__sweep *s)
{
    if (s->na != s->nb && s->na != 1 && s->nb != 1) return 1;
    s->shape->size = ebim__max_int(s->na, s->nb);
    return 0;
}

/* Step from row to row of an operand of n rows: none when one row serves all. */
EBIM__INLINE int ebim__step(const ebim__sweep *s, int n) { return n == 1 ? 0 : s->stride; }

/* z = a + s b */
static int ebim__op_add(const ebim__sweep *s, int mode)
{
    int i, l, n = s->n;
    ebim_real f = s->nd->s;
    if (mode == EBIM__SHAPE) return ebim__broadcast(s);
    if (mode > EBIM__TAN) {
        const ebim_real *z = ebim__mode_row(s, s->z, n, mode, 0);
        s->K->axpy(n, ebim__mode_row(s, s->a, s->na, mode, 0), ebim__step(s, s->na), 1, z,
                   s->stride, s->nl);
        s->K->axpy(n, ebim__mode_row(s, s->b, s->nb, mode, 0), ebim__step(s, s->nb), f, z,
                   s->stride, s->nl);
        return 0;
    }
    for (i = 0; i < n; i++) {
        ebim_real *z = ebim__mode_row(s, s->z, n, mode, i);
        const ebim_real *a = ebim__mode_row(s, s->a, s->na, mode, i);
        const ebim_real *b = ebim__mode_row(s, s->b, s->nb, mode, i);
        for (l = 0; l < s->nl; l++) z[l] = a[l] + f * b[l];
    }
    return 0;
}

/* z_i += x_i y_i for what an op multiplies: rows of nz, nx and ny features */
static void ebim__mul_rows(const ebim__sweep *s, ebim_real *z, int nz, const ebim_real *x, int nx,
                           const ebim_real *y, int ny)
{
    s->K->mac(ebim__max_int(s->na, s->nb), z, ebim__step(s, nz), x, ebim__step(s, nx), y,
              ebim__step(s, ny), s->nl);
}

/* MUL z_i = a_i b_i; DOT z = sum_i a_i b_i, the same with z repeated and accumulated. */
static int ebim__op_mul(const ebim__sweep *s, int mode)
{
    int q, p = s->plane, na = s->na, nb = s->nb, nz = s->n;
    const ebim__slot *z = s->z, *a = s->a, *b = s->b;
    ebim_real *x;
    if (mode == EBIM__SHAPE) {
        if (s->nd->op != EBIM__OP_DOT) return ebim__broadcast(s);
        s->shape->size = 1;
        return na != nb;
    }
    x = ebim__mode_row(s, z, nz, mode, 0);
    if (mode <= EBIM__TAN) memset(x, 0, (size_t)nz * (size_t)s->stride * sizeof *x);
    switch (mode) {
    case EBIM__FWD: ebim__mul_rows(s, x, nz, a->v, na, b->v, nb); break;
    case EBIM__TAN:
        ebim__mul_rows(s, x, nz, ebim__row(s, a->t, na, p - 1, 0), na, b->v, nb);
        ebim__mul_rows(s, x, nz, a->v, na, ebim__row(s, b->t, nb, p - 1, 0), nb);
        break;
    default:
        ebim__mul_rows(s, ebim__row(s, a->g, na, p, 0), na, x, nz, b->v, nb);
        ebim__mul_rows(s, ebim__row(s, b->g, nb, p, 0), nb, x, nz, a->v, na);
        for (q = 1; q <= s->pairs && mode == EBIM__BACK; q++) {
            x = ebim__row(s, z->g, nz, q, 0);
            ebim__mul_rows(s, a->g, na, x, nz, ebim__row(s, b->t, nb, q - 1, 0), nb);
            ebim__mul_rows(s, b->g, nb, x, nz, ebim__row(s, a->t, na, q - 1, 0), na);
        }
    }
    return 0;
}

EBIM__SELDOM

static int ebim__op_sum(const ebim__sweep *s, int mode)
{
    ebim_real *z, *a;
    if (mode == EBIM__SHAPE) {
        s->shape->size = 1;
        return 0;
    }
    z = ebim__mode_row(s, s->z, 1, mode, 0);
    a = ebim__mode_row(s, s->a, s->na, mode, 0);
    if (mode <= EBIM__TAN) {
        memset(z, 0, (size_t)s->stride * sizeof *z);
        s->K->axpy(s->na, z, 0, 1, a, s->stride, s->nl);
    } else {
        s->K->axpy(s->na, a, s->stride, 1, z, 0, s->nl);
    }
    return 0;
}

/* MIN, MAX (ties and NaN: the first operand), SELECT c > 0 ? a : b. d1 = 1 where a was taken. */
static int ebim__op_pick(const ebim__sweep *s, int mode)
{
    int i, l, op = s->nd->op, n = s->n;
    if (mode == EBIM__SHAPE) {
        if (ebim__broadcast(s)) return 1;
        return op == EBIM__OP_SELECT && s->nc != 1 && s->nc != s->shape->size;
    }
    for (i = 0; i < n; i++) {
        ebim_real *take = ebim__row(s, s->z->d1, n, 0, i);
        ebim_real *z = ebim__mode_row(s, s->z, n, mode, i);
        ebim_real *a = ebim__mode_row(s, s->a, s->na, mode, i);
        ebim_real *b = ebim__mode_row(s, s->b, s->nb, mode, i);
        const ebim_real *c = op == EBIM__OP_SELECT ? ebim__row(s, s->c->v, s->nc, 0, i) : NULL;
        for (l = 0; l < s->nl; l++)
            if (mode == EBIM__FWD) {
                int first = c ? c[l] > 0 : ebim__nan(a[l]) ? 1
                          : op == EBIM__OP_MIN ? !(b[l] < a[l]) : !(b[l] > a[l]);
                if (s->order > 0) take[l] = first ? EBIM__R(1) : 0;
                z[l] = first ? a[l] : b[l];
            } else if (mode == EBIM__TAN) {
                z[l] = take[l] > 0 ? a[l] : b[l];
            } else {
                if (take[l] > 0) a[l] += z[l];
                else b[l] += z[l];
            }
    }
    return 0;
}

/* CONCAT z = (a, b), of images pixel by pixel; SLICE z = a[i0 .. i0 + n). Rows are copied; adjoints
 * are added back. */
static void ebim__copy_rows(const ebim__sweep *s, int mode, const ebim__slot *a, int na, int from,
                            int to, int count)
{
    ebim_real *z = ebim__mode_row(s, s->z, s->n, mode, to);
    ebim_real *x = ebim__mode_row(s, a, na, mode, from);
    int part = s->nl == s->stride ? count : 1, i; /* rows that stand together are one */
    if (mode > EBIM__TAN) s->K->axpy(count, x, s->stride, 1, z, s->stride, s->nl);
    for (i = 0; i < count && mode <= EBIM__TAN; i += part)
        memcpy(z + (size_t)i * (size_t)s->stride, x + (size_t)i * (size_t)s->stride,
               (size_t)part * (size_t)s->nl * sizeof *z);
}

static int ebim__op_concat(const ebim__sweep *s, int mode)
{
    const ebim__node *a = s->an, *b = s->bn;
    int image = a->H == b->H && a->W == b->W, pixels = image ? a->H * a->W : 1, p;
    int na = s->na / pixels, nb = s->nb / pixels;
    if (mode == EBIM__SHAPE) {
        if (s->na > INT_MAX / 4 || s->nb > INT_MAX / 4) return 1;
        s->shape->size = s->na + s->nb;
        if (!image) return 0;
        s->shape->C = na + nb;
        s->shape->H = a->H;
        s->shape->W = a->W;
        return 0;
    }
    for (p = 0; p < pixels; p++) {
        ebim__copy_rows(s, mode, s->a, s->na, p * na, p * (na + nb), na);
        ebim__copy_rows(s, mode, s->b, s->nb, p * nb, p * (na + nb) + na, nb);
    }
    return 0;
}

static int ebim__op_slice(const ebim__sweep *s, int mode)
{
    if (mode == EBIM__SHAPE) /* size was asked for by the builder */
        return s->nd->i0 < 0 || s->nd->size < 1 || s->nd->size > s->na - s->nd->i0;
    ebim__copy_rows(s, mode, s->a, s->na, s->nd->i0, 0, s->n);
    return 0;
}

/* a-bar += zg times the second derivative of RBF in direction t: of all centres once more */
static void ebim__rbf_hessian(const ebim__sweep *s, const ebim_real *t, const ebim_real *zg)
{
    size_t na = (size_t)s->na, st = (size_t)s->stride, i, l;
    const ebim_real *c, *end = s->theta + (size_t)s->nd->n_theta, *x = s->a->v;
    for (l = 0; l < (size_t)s->nl; l++)
        for (c = s->theta; c < end; c += na + 2) {
            ebim_real d2 = 0, dt = 0, e;
            for (i = 0; i < na; i++) {
                ebim_real d = x[i * st + l] - c[i];
                d2 += d * d;
                dt += d * t[i * st + l];
            }
            e = zg[l] * 2 * c[na] * c[na + 1] * EBIM__EXP(-c[na] * d2);
            for (i = 0; i < na; i++)
                s->a->g[i * st + l] +=
                    e * (2 * c[na] * dt * (x[i * st + l] - c[i]) - t[i * st + l]);
        }
}

/* z = sum over j of w_j e^(-s_j ||a - c_j||^2); theta [count][na + 2]: c_j, s_j, w_j, frozen.
 * d1: its gradient, [na] */
static int ebim__op_rbf(const ebim__sweep *s, int mode)
{
    int na = s->na, count = s->nd->i0, p = s->plane, q;
    const ebim__slot *z = s->z, *a = s->a;
    ebim_real *t;
    switch (mode) {
    case EBIM__SHAPE:
        if (count < 1 || na > INT_MAX / 4 || count > INT_MAX / 4 / (na + 2)) return 1;
        s->shape->size = 1;
        s->shape->n_theta = count * (na + 2);
        s->shape->frozen = 1;
        break;
    case EBIM__FWD:
        s->K->rbf(na, count, s->theta, a->v, z->v, s->order > 0 ? z->d1 : NULL, s->stride, s->nl);
        break;
    case EBIM__TAN:
        t = ebim__row(s, z->t, 1, p - 1, 0);
        memset(t, 0, (size_t)s->stride * sizeof *t);
        s->K->mac(na, t, 0, z->d1, s->stride, ebim__row(s, a->t, na, p - 1, 0), s->stride, s->nl);
        break;
    default:
        s->K->mac(na, ebim__row(s, a->g, na, p, 0), s->stride, z->d1, s->stride,
                  ebim__row(s, z->g, 1, p, 0), 0, s->nl);
        for (q = 1; q <= s->pairs && mode == EBIM__BACK; q++)
            ebim__rbf_hessian(s, ebim__row(s, a->t, na, q - 1, 0), ebim__row(s, z->g, 1, q, 0));
    }
    return 0;
}

/* SAMPLE: images whose pixels are sums of pixels of the operand, channel by channel */
enum {
    EBIM__AVERAGE,            /* of kernel x kernel pixels, `stride` apart */
    EBIM__REPEAT,             /* kernel times in both directions */
    EBIM__BILINEAR,           /* kernel times as large; corners stay where they are */
    EBIM__TO_DEPTH,           /* kernel x kernel pixels become channels of one: (dy, dx, c) */
    EBIM__FROM_DEPTH,         /* and back */
    EBIM__WINDOW,             /* from pixel (padding - H, stride - W) on; 0 outside of it */
    EBIM__IMAGE,              /* planes, one channel after the other, become an image */
    EBIM__PLANES,             /* and back */
    EBIM__SAMPLES
};

/* `rows` rows of the node from row `to` on take f times those of the operand from row `from` on */
typedef struct ebim__run {
    int to, from, rows;
    double f;
} ebim__run;

/* Between which two of n pixels number i of `all` lies: the first, and the part of the second */
static int ebim__pixel_before(int i, int all, int n, double *part)
{
    double at = all > 1 ? (double)i * (n - 1) / (all - 1) : 0;
    int first = ebim__min_int((int)at, ebim__max_int(n - 2, 0));
    *part = n > 1 ? at - first : 0;
    return first;
}

/* Run t at pixel (y, x): of the node, or of the operand where that is the image. 0: outside */
static int ebim__run_at(const ebim__sweep *s, int y, int x, int t, ebim__run *r)
{
    const ebim__node *nd = s->nd, *a = s->an;
    int k = nd->kernel, C = a->C, sy, sx;
    double fy, fx;
    r->rows = C;
    r->f = 1;
    r->to = (y * nd->W + x) * nd->C;
    switch (nd->i0) {
    case EBIM__AVERAGE:
        sy = y * nd->stride + t / k;
        sx = x * nd->stride + t % k;
        r->f = 1.0 / (k * k);
        break;
    case EBIM__BILINEAR:
        sy = ebim__pixel_before(y, nd->H, a->H, &fy) + t / 2;
        sx = ebim__pixel_before(x, nd->W, a->W, &fx) + t % 2;
        r->f = (t / 2 ? fy : 1 - fy) * (t % 2 ? fx : 1 - fx);
        if (sy >= a->H || sx >= a->W) return 0;
        break;
    case EBIM__TO_DEPTH:
        sy = y * k + t / k;
        sx = x * k + t % k;
        r->to += t * C;
        break;
    case EBIM__WINDOW:
        sy = y + nd->padding - nd->H;
        sx = x + nd->stride - nd->W;
        if (sy < 0 || sx < 0 || sy >= a->H || sx >= a->W) return 0;
        break;
    case EBIM__IMAGE:
        r->to += t;
        r->from = (t * nd->H + y) * nd->W + x;
        r->rows = 1;
        return 1;
    case EBIM__PLANES:
        r->to = (t * a->H + y) * a->W + x;
        r->from = (y * a->W + x) * C + t;
        r->rows = 1;
        return 1;
    default: /* REPEAT, FROM_DEPTH */
        sy = y / k;
        sx = x / k;
        r->rows = nd->C;
    }
    r->from = (sy * a->W + sx) * C;
    if (nd->i0 == EBIM__FROM_DEPTH) r->from += (y % k * k + x % k) * nd->C;
    return 1;
}

static int ebim__sample_shape(const ebim__sweep *s)
{
    const ebim__node *a = s->an;
    ebim__node *z = s->shape;
    int64_t k = z->kernel, C = a->C, H = a->H, W = a->W;
    const int64_t most = INT_MAX / 64;
    int asked = z->i0 == EBIM__WINDOW || z->i0 == EBIM__IMAGE;
    if (z->i0 < 0 || z->i0 >= EBIM__SAMPLES || (asked && (z->C < 1 || z->H < 1 || z->W < 1)))
        return 1;
    if (!asked && z->i0 != EBIM__PLANES && (k < 1 || k > 256)) return 1;
    switch (z->i0) {
    case EBIM__AVERAGE:
        if (z->stride < 1 || k > H || k > W) return 1;
        H = (H - k) / z->stride + 1;
        W = (W - k) / z->stride + 1;
        break;
    case EBIM__TO_DEPTH:
        if (H % k || W % k) return 1;
        C *= k * k;
        H /= k;
        W /= k;
        break;
    case EBIM__FROM_DEPTH:
        if (C % (k * k)) return 1;
        C /= k * k;
        H *= k;
        W *= k;
        break;
    case EBIM__WINDOW: case EBIM__IMAGE:
        if (z->i0 == EBIM__WINDOW ? z->C != C || z->padding < 1 || z->padding >= H + z->H ||
                                    z->stride < 1 || z->stride >= W + z->W
                                  : (int64_t)z->C * z->H != s->na / z->W || s->na % z->W)
            return 1;
        C = z->C;
        H = z->H;
        W = z->W;
        break;
    case EBIM__PLANES: C *= H * W; H = W = 1; break;
    default: H *= k; W *= k;
    }
    if (C > most || H > most / W || C > most / (H * W)) return 1;
    z->C = (int32_t)C;
    z->H = (int32_t)H;
    z->W = (int32_t)W;
    z->size = (int32_t)(C * H * W);
    return 0;
}

static int ebim__op_sample(const ebim__sweep *s, int mode)
{
    const ebim__node *nd = s->nd, *image = nd->i0 == EBIM__PLANES ? s->an : nd;
    int y, x, t, k = nd->kernel, runs = nd->i0 == EBIM__BILINEAR ? 4 : 1;
    ebim__run r;
    if (mode == EBIM__SHAPE) return ebim__sample_shape(s);
    if (nd->i0 == EBIM__AVERAGE || nd->i0 == EBIM__TO_DEPTH) runs = k * k;
    if (nd->i0 == EBIM__IMAGE || nd->i0 == EBIM__PLANES) runs = image->C;
    if (mode <= EBIM__TAN)
        memset(ebim__mode_row(s, s->z, s->n, mode, 0), 0,
               (size_t)s->n * (size_t)s->stride * sizeof *s->z->v);
    for (y = 0; y < image->H; y++)
        for (x = 0; x < image->W; x++)
            for (t = 0; t < runs; t++) {
                ebim_real *z, *a;
                if (!ebim__run_at(s, y, x, t, &r)) continue;
                z = ebim__mode_row(s, s->z, s->n, mode, r.to);
                a = ebim__mode_row(s, s->a, s->na, mode, r.from);
                if (mode <= EBIM__TAN)
                    s->K->axpy(r.rows, z, s->stride, EBIM__R(r.f), a, s->stride, s->nl);
                else s->K->axpy(r.rows, a, s->stride, EBIM__R(r.f), z, s->stride, s->nl);
            }
    return 0;
}

/* One row of POOL: the largest of kernel x kernel pixels; d1: which of them (ties: the first; what
 * is no number is the largest) */
static void ebim__pool_row(const ebim__sweep *s, int mode, int to, int first)
{
    const ebim__node *a = s->an;
    int k = s->nd->kernel, t, l;
    ebim_real *z = ebim__mode_row(s, s->z, s->n, mode, to);
    ebim_real *take = ebim__row(s, s->z->d1, s->n, 0, to);
    for (t = 0; t < k * k; t++) {
        ebim_real *x = ebim__mode_row(s, s->a, s->na, mode,
                                      first + (t / k * a->W + t % k) * a->C);
        for (l = 0; l < s->nl; l++) {
            if (mode == EBIM__FWD) {
                if (t && (ebim__nan(z[l]) || (!ebim__nan(x[l]) && !(x[l] > z[l])))) continue;
                z[l] = x[l];
                if (s->order > 0) take[l] = (ebim_real)t;
            } else if ((int)take[l] == t) {
                if (mode == EBIM__TAN) z[l] = x[l];
                else x[l] += z[l];
            }
        }
    }
}

static int ebim__op_pool(const ebim__sweep *s, int mode)
{
    const ebim__node *a = s->an;
    int k = s->nd->kernel, step = s->nd->stride, y, x, c;
    if (mode == EBIM__SHAPE) {
        ebim__node *z = s->shape;
        if (k < 1 || step < 1 || k > 256 || k > a->H || k > a->W) return 1;
        z->C = a->C;
        z->H = (a->H - k) / step + 1;
        z->W = (a->W - k) / step + 1;
        z->size = z->C * z->H * z->W;
        return 0;
    }
    for (y = 0; y < s->nd->H; y++)
        for (x = 0; x < s->nd->W; x++)
            for (c = 0; c < a->C; c++)
                ebim__pool_row(s, mode, (y * s->nd->W + x) * a->C + c,
                               (y * step * a->W + x * step) * a->C + c);
    return 0;
}

typedef struct ebim__op_row {
    ebim__op_fn sweep;
    int operands, keeps;
} ebim__op_row;

static const ebim__op_row ebim__ops[EBIM__OP_COUNT] = {
    {NULL, 0, 0},
#define EBIM__ENTRY(name, fn, operands, keeps) {ebim__op_##fn, operands, keeps},
    EBIM__OPS(EBIM__ENTRY)
#undef EBIM__ENTRY
};

/* ============================================================================================
 * >>record  a graph, op by op
 *
 * Nodes stand in topological order. Everything that enters a graph, from a builder or from a file,
 * goes through ebim__push_node, which checks operands and shapes: a graph that exists is valid.
 * ========================================================================================= */

static ebim_ref ebim__fail(ebim_graph *g, ebim_result r)
{
    if (!g->failed) g->failed = r;
    return 0;
}

/* What works number by number has the image of an operand; all else whose op tells none is a
 * vector. 1: operands are two images of unlike sides */
static int ebim__image_of(const ebim_graph *g, ebim__node *nd, int count)
{
    const ebim__node *a = count > 0 ? &g->node[nd->a] : nd, *b = count > 1 ? &g->node[nd->b] : nd;
    const ebim__node *as = a->H * a->W > 1 ? a : b;
    int alike = nd->op != EBIM__OP_DENSE && nd->op != EBIM__OP_SLICE && as->size == nd->size;
    nd->C = alike && as != nd ? as->C : nd->size;
    nd->H = alike && as != nd ? as->H : 1;
    nd->W = alike && as != nd ? as->W : 1;
    return alike && b->size == a->size && b->H * b->W > 1 && (b->H != as->H || b->W != as->W);
}

static ebim_ref ebim__push_node(ebim_graph *g, const ebim__node *proto)
{
    ebim__sweep s;
    ebim__node *nd;
    ebim_ref ref[3];
    int i, size[3] = {0, 0, 0}, count;
    if (g->failed) return 0;
    if (g->n_nodes >= EBIM_MAX_NODES) return ebim__fail(g, EBIM_ERR_NODES);
    if (proto->op <= EBIM__OP_NONE || proto->op >= EBIM__OP_COUNT || proto->fn < 0 ||
        proto->fn >= EBIM__FN_COUNT)
        return ebim__fail(g, EBIM_ERR_ARG);
    nd = &g->node[g->n_nodes];
    *nd = *proto;
    ref[0] = nd->a;
    ref[1] = nd->b;
    ref[2] = nd->c;
    count = ebim__ops[nd->op].operands;
    for (i = 0; i < 3; i++) {
        if (i < count ? ref[i] < 1 || ref[i] >= g->n_nodes : ref[i] != 0)
            return ebim__fail(g, EBIM_ERR_ARG);
        if (i < count) size[i] = g->node[ref[i]].size;
    }
    memset(&s, 0, sizeof s);
    s.nd = s.shape = nd;
    s.an = &g->node[count > 0 ? ref[0] : 0];
    s.bn = &g->node[count > 1 ? ref[1] : 0];
    s.na = size[0];
    s.nb = size[1];
    s.nc = size[2];
    nd->theta = g->n_theta;
    nd->n_theta = 0;
    if (ebim__ops[nd->op].sweep(&s, EBIM__SHAPE) || nd->size < 1 || nd->size > INT_MAX / 64 ||
        nd->n_theta > INT_MAX / 4 - g->n_theta)
        return ebim__fail(g, EBIM_ERR_SHAPE);
    if (!nd->C && ebim__image_of(g, nd, count)) return ebim__fail(g, EBIM_ERR_SHAPE);
    g->n_theta += nd->n_theta;
    return (ebim_ref)g->n_nodes++;
}

static ebim_ref ebim__push(ebim_graph *g, ebim__op op, ebim_fn fn, ebim_ref a, ebim_ref b, int i0,
                           double s)
{
    ebim__node nd;
    memset(&nd, 0, sizeof nd);
    nd.op = (int32_t)op;
    nd.fn = (int32_t)fn;
    nd.a = a;
    nd.b = b;
    nd.i0 = i0;
    nd.s = EBIM__R(s);
    return ebim__push_node(g, &nd);
}

/* Ops of one or two operands without settings */
static ebim_ref ebim__plain(ebim_graph *g, ebim__op op, ebim_ref a, ebim_ref b)
{
    return ebim__push(g, op, EBIM_FN_IDENTITY, a, b, 0, 0);
}

static ebim_ref ebim__start(ebim_graph *g, ebim_real *theta, int n)
{
    memset(g, 0, sizeof *g);
    g->n_nodes = 1;
    g->theta = theta;
    return ebim__push(g, EBIM__OP_INPUT, EBIM_FN_IDENTITY, 0, 0, n, 0);
}

EBIM_API ebim_result ebim_record(ebim_graph *g, ebim_arena *a, int n, ebim_record_fn f, void *user)
{
    ebim_real *theta;
    ebim_ref x = ebim__start(g, NULL, n), y;
    int count, nodes;
    g->y = f(g, x, user);
    if (!g->failed && (g->y < 1 || g->y >= g->n_nodes)) g->failed = EBIM_ERR_ARG;
    if (g->failed) return g->failed;
    count = g->n_theta;
    nodes = g->n_nodes;
    y = g->y;
    theta = EBIM__NEW(a, ebim_real, count ? count : 1);
    if (!ebim__ready(a)) return a->failed;
    x = ebim__start(g, theta, n);
    g->room = count;
    g->y = f(g, x, user);
    if (!g->failed && (g->n_theta != count || g->n_nodes != nodes || g->y != y))
        g->failed = EBIM_ERR_SHAPE; /* recorded differently */
    return g->failed;
}

EBIM_API int ebim_inputs(const ebim_graph *g) { return g->n_nodes > 1 ? g->node[1].size : 0; }
EBIM_API int ebim_outputs(const ebim_graph *g) { return g->y > 0 ? g->node[g->y].size : 0; }

enum { EBIM__FOLLOWED = 2 }; /* a field's gate: see ebim_field */

/* Codimension of the zero set of F */
static int ebim__codim(const ebim_graph *F)
{
    return F->field.codim ? F->field.codim : ebim_outputs(F);
}

/* theta of a node just recorded, or NULL while counting (or for more than was counted) */
static ebim_real *ebim__theta(ebim_graph *g, ebim_ref r)
{
    return r && g->theta && g->n_theta <= g->room ? g->theta + g->node[r].theta : NULL;
}

EBIM_API ebim_result ebim_weights(const ebim_graph *g, ebim_ref node, ebim_tensor *W,
                                  ebim_tensor *b)
{
    const ebim__node *nd = &g->node[node], *in;
    int shape[4], dense;
    ebim_real *theta;
    if (g->failed || node < 1 || node >= g->n_nodes ||
        !(ebim__ops[nd->op].keeps & EBIM__KEEP_BOTH_SIDES))
        return EBIM_ERR_ARG;
    in = &g->node[nd->a];
    dense = nd->op == EBIM__OP_DENSE;
    theta = g->theta ? g->theta + nd->theta : NULL;
    shape[0] = dense ? nd->size : nd->op == EBIM__OP_CONV ? nd->C : in->C;
    shape[1] = dense ? in->size : nd->kernel;
    shape[2] = nd->kernel;
    shape[3] = nd->op == EBIM__OP_CONV ? in->C : nd->C;
    ebim_tensor_wrap(W, theta, dense ? 2 : 4, shape);
    shape[0] = dense ? nd->size : nd->C;
    shape[1] = 1;
    return ebim_tensor_wrap(b, theta ? theta + nd->n_theta - shape[0] : NULL, 2, shape);
}

EBIM_API ebim_ref ebim_constant(ebim_graph *g, int size, const double *value)
{
    ebim_ref r = ebim__push(g, EBIM__OP_CONST, EBIM_FN_IDENTITY, 0, 0, size, 0);
    ebim_real *t = ebim__theta(g, r);
    int i;
    for (i = 0; t && i < size; i++) t[i] = EBIM__R(value[i]);
    return r;
}

EBIM_API ebim_ref ebim_dense(ebim_graph *g, ebim_ref x, int out, ebim_fn fn)
{
    if (fn == EBIM_FN_POW) return ebim__fail(g, EBIM_ERR_ARG);
    return ebim__push(g, EBIM__OP_DENSE, fn, x, 0, out, 0);
}

EBIM_API ebim_ref ebim_matrix(ebim_graph *g, ebim_ref x, int out, const double *w)
{
    ebim_ref r = ebim_dense(g, x, out, EBIM_FN_IDENTITY);
    ebim_real *t = ebim__theta(g, r);
    int i;
    if (r) g->node[r].frozen = 1;
    for (i = 0; t && i < out * g->node[x].size; i++) t[i] = EBIM__R(w[i]);
    return r;
}

EBIM_API ebim_ref ebim_apply(ebim_graph *g, ebim_ref a, ebim_fn fn)
{
    return ebim__push(g, EBIM__OP_APPLY, fn, a, 0, 0, 1);
}
EBIM_API ebim_ref ebim_pow(ebim_graph *g, ebim_ref a, double exponent)
{
    return ebim__push(g, EBIM__OP_APPLY, EBIM_FN_POW, a, 0, 0, exponent);
}

EBIM_API ebim_ref ebim_affine(ebim_graph *g, ebim_ref a, const double *center, double scale)
{
    ebim_ref r = ebim__plain(g, EBIM__OP_AFFINE, a, 0);
    ebim_real *t = ebim__theta(g, r);
    int i, n = r ? g->node[r].size : 0;
    for (i = 0; t && i < n; i++) {
        t[i] = EBIM__R(scale);
        t[n + i] = EBIM__R(center ? center[i] : 0.0);
    }
    return r;
}

EBIM_API ebim_ref ebim_scale(ebim_graph *g, ebim_ref a, double s)
{
    return ebim_affine(g, a, NULL, s);
}
EBIM_API ebim_ref ebim_add(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__push(g, EBIM__OP_ADD, EBIM_FN_IDENTITY, a, b, 0, 1);
}
EBIM_API ebim_ref ebim_sub(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__push(g, EBIM__OP_ADD, EBIM_FN_IDENTITY, a, b, 0, -1);
}
EBIM_API ebim_ref ebim_mul(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__plain(g, EBIM__OP_MUL, a, b);
}
EBIM_API ebim_ref ebim_div(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    if (a >= g->n_nodes) return ebim__fail(g, EBIM_ERR_ARG); /* before 1 / b takes that place */
    return ebim_mul(g, a, ebim_pow(g, b, -1));
}
EBIM_API ebim_ref ebim_min(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__plain(g, EBIM__OP_MIN, a, b);
}
EBIM_API ebim_ref ebim_max(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__plain(g, EBIM__OP_MAX, a, b);
}
EBIM_API ebim_ref ebim_select(ebim_graph *g, ebim_ref c, ebim_ref a, ebim_ref b)
{
    ebim__node nd;
    memset(&nd, 0, sizeof nd);
    nd.op = EBIM__OP_SELECT;
    nd.a = a;
    nd.b = b;
    nd.c = c;
    return ebim__push_node(g, &nd);
}
EBIM_API ebim_ref ebim_sum(ebim_graph *g, ebim_ref a)
{
    return ebim__plain(g, EBIM__OP_SUM, a, 0);
}
EBIM_API ebim_ref ebim_dot(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__plain(g, EBIM__OP_DOT, a, b);
}
EBIM_API ebim_ref ebim_sumsq(ebim_graph *g, ebim_ref a) { return ebim_dot(g, a, a); }
EBIM_API ebim_ref ebim_concat(ebim_graph *g, ebim_ref a, ebim_ref b)
{
    return ebim__plain(g, EBIM__OP_CONCAT, a, b);
}
EBIM_API ebim_ref ebim_slice(ebim_graph *g, ebim_ref a, int first, int count)
{
    ebim__node nd;
    memset(&nd, 0, sizeof nd);
    nd.op = EBIM__OP_SLICE;
    nd.a = a;
    nd.i0 = first;
    nd.size = count;
    return ebim__push_node(g, &nd);
}

EBIM_API ebim_ref ebim_rbf(ebim_graph *g, ebim_ref x, int count, const double *center,
                           const double *width, const double *weight)
{
    ebim_ref r = ebim__push(g, EBIM__OP_RBF, EBIM_FN_IDENTITY, x, 0, count, 0);
    ebim_real *t = ebim__theta(g, r);
    int i, j, n = t ? g->node[x].size : 0;
    for (j = 0; t && j < count; j++, t += n + 2) {
        for (i = 0; i < n; i++) t[i] = EBIM__R(center[(size_t)j * (size_t)n + (size_t)i]);
        t[n] = EBIM__R(0.5 / (width[j] * width[j]));
        t[n + 1] = EBIM__R(weight[j]);
    }
    return r;
}

static ebim_ref ebim__push_image(ebim_graph *g, ebim__op op, ebim_fn fn, ebim_ref a, int i0,
                                 int kernel, int stride, int padding)
{
    ebim__node nd;
    memset(&nd, 0, sizeof nd);
    nd.op = (int32_t)op;
    nd.fn = (int32_t)fn;
    nd.a = a;
    nd.i0 = i0;
    nd.kernel = kernel;
    nd.stride = stride;
    nd.padding = padding;
    return ebim__push_node(g, &nd);
}

EBIM_API ebim_ref ebim_conv(ebim_graph *g, ebim_ref x, int out, int kernel, int stride,
                            int padding, ebim_fn fn)
{
    if (fn == EBIM_FN_POW) return ebim__fail(g, EBIM_ERR_ARG);
    return ebim__push_image(g, EBIM__OP_CONV, fn, x, out, kernel, stride, padding);
}

EBIM_API ebim_ref ebim_conv_transposed(ebim_graph *g, ebim_ref x, int out, int kernel, int stride,
                                       int padding, ebim_fn fn)
{
    if (fn == EBIM_FN_POW) return ebim__fail(g, EBIM_ERR_ARG);
    return ebim__push_image(g, EBIM__OP_DECONV, fn, x, out, kernel, stride, padding);
}

EBIM_API ebim_ref ebim_max_pool(ebim_graph *g, ebim_ref x, int kernel, int stride)
{
    return ebim__push_image(g, EBIM__OP_POOL, EBIM_FN_IDENTITY, x, 0, kernel, stride, 0);
}

static ebim_ref ebim__sample(ebim_graph *g, ebim_ref x, int how, int kernel, int stride)
{
    return ebim__push_image(g, EBIM__OP_SAMPLE, EBIM_FN_IDENTITY, x, how, kernel, stride, 0);
}

EBIM_API ebim_ref ebim_average_pool(ebim_graph *g, ebim_ref x, int kernel, int stride)
{
    return ebim__sample(g, x, EBIM__AVERAGE, kernel, stride);
}

EBIM_API ebim_ref ebim_upsample(ebim_graph *g, ebim_ref x, int factor, int bilinear)
{
    return ebim__sample(g, x, bilinear ? EBIM__BILINEAR : EBIM__REPEAT, factor, 0);
}

EBIM_API ebim_ref ebim_space_to_depth(ebim_graph *g, ebim_ref x, int factor)
{
    return ebim__sample(g, x, EBIM__TO_DEPTH, factor, 0);
}

EBIM_API ebim_ref ebim_depth_to_space(ebim_graph *g, ebim_ref x, int factor)
{
    return ebim__sample(g, x, EBIM__FROM_DEPTH, factor, 0);
}

/* SAMPLE whose shape is asked for */
static ebim_ref ebim__sample_as(ebim_graph *g, ebim_ref x, int how, int C, int H, int W, int top,
                                int left)
{
    ebim__node nd;
    memset(&nd, 0, sizeof nd);
    nd.op = EBIM__OP_SAMPLE;
    nd.a = x;
    nd.i0 = how;
    nd.C = C;
    nd.H = H;
    nd.W = W;
    nd.padding = top;
    nd.stride = left;
    return ebim__push_node(g, &nd);
}

EBIM_API ebim_ref ebim_image(ebim_graph *g, ebim_ref x, int C, int H, int W)
{
    return ebim__sample_as(g, x, EBIM__IMAGE, C, H, W, 0, 0);
}

EBIM_API ebim_ref ebim_planes(ebim_graph *g, ebim_ref x)
{
    return ebim__sample(g, x, EBIM__PLANES, 0, 0);
}

EBIM_API ebim_ref ebim_window(ebim_graph *g, ebim_ref x, int top, int left, int H, int W)
{
    int C = !g->failed && x >= 1 && x < g->n_nodes ? g->node[x].C : 0;
    if (H < 1 || W < 1 || H > INT_MAX / 64 || W > INT_MAX / 64 || top > INT_MAX / 64 ||
        left > INT_MAX / 64)
        return ebim__fail(g, EBIM_ERR_SHAPE);
    return ebim__sample_as(g, x, EBIM__WINDOW, C, H, W, top + H, left + W);
}

/* Copies nodes 2.. of f with their operands renumbered; f's input becomes x. */
EBIM_API ebim_ref ebim_inline(ebim_graph *g, const ebim_graph *f, ebim_ref x, int frozen)
{
    ebim_ref map[EBIM_MAX_NODES], r;
    int i;
    if (g->failed) return 0;
    if (f->failed || f->y < 1 || x < 1 || x >= g->n_nodes) return ebim__fail(g, EBIM_ERR_ARG);
    if (g->node[x].size != ebim_inputs(f)) return ebim__fail(g, EBIM_ERR_SHAPE);
    if (g->node[x].H * g->node[x].W > 1) x = ebim_slice(g, x, 0, ebim_inputs(f));
    map[0] = 0;
    map[1] = x; /* a vector, as f's input is one */
    for (i = 2; i < f->n_nodes; i++) {
        ebim__node nd = f->node[i];
        ebim_real *t;
        nd.a = map[nd.a];
        nd.b = map[nd.b];
        nd.c = map[nd.c];
        if (frozen) nd.frozen = 1;
        if (nd.op < EBIM__OP_CONV) nd.C = 0; /* told anew */
        map[i] = r = ebim__push_node(g, &nd);
        if (!r) return 0;
        t = ebim__theta(g, r);
        if (t && f->theta) memcpy(t, f->theta + f->node[i].theta, (size_t)nd.n_theta * sizeof *t);
    }
    return map[f->y];
}

/* ============================================================================================
 * >>tape  a graph recorded once, swept often
 *
 * Nodes are recorded in topological order: a forward sweep runs up the table, a reverse sweep
 * down. A slot holds what a node needs in one workspace: v (values), d1 and d2 (derivatives of
 * its nonlinearity), t (tangents, one plane per direction), g (adjoints; plane 0 belongs to the
 * values, plane p to tangent p). A dense layer with an activation keeps tangents and adjoints on
 * both sides of it: ta, ga are before the activation.
 *
 * Forward over reverse (theorems: Griewank & Walther, ch. 5): the adjoint of a tangent obeys the
 * same linear recursion as a vjp, so planes >= 1 are plain vjps; only plane 0 gets the coupling
 * a-bar += fn''(a) a-dot zdot-bar. A vjp already made for <v, J> is therefore never made again.
 * Where no backward sweep is to follow, adjoints of all planes but the input's take turns in one.
 * ========================================================================================= */

/* What a workspace is for; 0: values alone. BACK is ebim_backward, and order 2. */
enum { EBIM__FOR_JVP = 1, EBIM__FOR_VJP = 2, EBIM__FOR_BACK = 4, EBIM__FOR_ALL = 7 };

EBIM__OFTEN /* a workspace for one point is made anew for each */

static int ebim__keeps(const ebim__node *nd)
{
    int keeps = ebim__ops[nd->op].keeps;
    return (keeps & EBIM__KEEP_BOTH_SIDES) && nd->fn == EBIM_FN_IDENTITY ? 0 : keeps;
}

/* The next n of the reals of a workspace; without memory they are counted. */
static ebim_real *ebim__take(ebim_real *memory, size_t *at, size_t n)
{
    size_t from = *at;
    *at += n;
    return memory ? memory + from : NULL;
}

/* What a node needs of them; v and t are NULL where nodes share them, v and d1 where they are
 * lent. */
static void ebim__slot_init(ebim__slot *s, ebim_real *memory, size_t *at, const ebim_graph *g,
                            int number, size_t stride, size_t planes, int uses, int lent)
{
    const ebim__node *nd = &g->node[number];
    size_t n = (size_t)nd->size * stride, tangents = n * planes, adjoints = n;
    size_t operand = (size_t)g->node[nd->a].size * stride;
    int keeps = uses ? ebim__keeps(nd) : 0;
    int both = (uses & EBIM__FOR_BACK) && (keeps & EBIM__KEEP_BOTH_SIDES);
    memset(s, 0, sizeof *s);
    if (number == 1 || (uses & EBIM__FOR_BACK)) adjoints += tangents;
    if (uses && !lent) s->v = ebim__take(memory, at, n);
    if ((keeps & EBIM__KEEP_D1) && !lent) s->d1 = ebim__take(memory, at, n);
    if ((keeps & EBIM__KEEP_GRADIENT) && !lent) s->d1 = ebim__take(memory, at, operand);
    if ((keeps & EBIM__KEEP_D2) && (uses & EBIM__FOR_BACK)) s->d2 = ebim__take(memory, at, n);
    if ((uses & EBIM__FOR_JVP) && uses != EBIM__FOR_JVP && planes)
        s->t = ebim__take(memory, at, tangents);
    s->ta = both && planes ? ebim__take(memory, at, tangents) : s->t;
    if (uses & (EBIM__FOR_VJP | EBIM__FOR_BACK)) s->g = ebim__take(memory, at, adjoints);
    s->ga = both ? ebim__take(memory, at, adjoints) : s->g;
}

/* The row from which on each node stands in memory that nodes share whose lives do not overlap:
 * a life is from the node's own sweep to that of its last reader; input and output live on.
 * Returns the number of rows. */
static size_t ebim__places(const ebim_graph *g, size_t *place)
{
    int32_t last[EBIM_MAX_NODES], live[EBIM_MAX_NODES];
    size_t rows = 0;
    int i, j, count = 0, kept;
    for (i = 1; i < g->n_nodes; i++) {
        const ebim__node *nd = &g->node[i];
        last[i] = last[nd->a] = last[nd->b] = last[nd->c] = i;
    }
    last[1] = last[g->y] = g->n_nodes;
    for (i = 1; i < g->n_nodes; i++) {
        size_t size = (size_t)g->node[i].size;
        for (j = kept = 0; j < count; j++)
            if (last[live[j]] >= i) live[kept++] = live[j];
        count = kept;
        place[i] = 0;
        for (j = 0; j < count; j++) {
            size_t from = place[live[j]], end = from + (size_t)g->node[live[j]].size;
            if (end <= place[i] || place[i] + size <= from) continue;
            place[i] = end;
            j = -1; /* look at all of them again */
        }
        live[count++] = i;
        if (place[i] + size > rows) rows = place[i] + size;
    }
    return rows;
}

/* All nodes, and seeds for adjoints. Values alone share memory, rows at place; so do tangents where
 * no reverse sweep needs them. Returns how many reals that takes. */
static size_t ebim__slots_init(ebim_ws *w, ebim_real *memory, int uses, const ebim_ws *lender,
                               const size_t *place, size_t shared)
{
    const ebim_graph *g = w->g;
    size_t st = (size_t)w->stride, planes = (size_t)w->planes, at = 0, out = (size_t)w->k * st;
    size_t share = uses ? planes : 1;
    ebim_real *p;
    ebim__slot measured;
    int i;
    for (i = 1; i < g->n_nodes; i++) {
        ebim__slot *s = memory ? &w->slot[i] : &measured;
        int lent = lender && i > 1;
        ebim__slot_init(s, memory, &at, g, i, st, planes, uses, lent);
        if (lent && memory) {
            s->v = lender->slot[i].v;
            s->d1 = lender->slot[i].d1;
        }
        if (lent && i == g->y) s->v = ebim__take(memory, &at, out); /* but the output */
    }
    if (uses & (EBIM__FOR_VJP | EBIM__FOR_BACK))
        w->seed = ebim__take(memory, &at, uses & EBIM__FOR_BACK ? (1 + planes) * out : out);
    p = ebim__take(memory, &at, shared * st * share);
    for (i = 1; i < g->n_nodes && memory && shared; i++) {
        if (uses) w->slot[i].t = w->slot[i].ta = p + place[i] * st * share;
        else w->slot[i].v = p + place[i] * st;
    }
    return at;
}

/* The last node that reads a node is the first to write its adjoint. */
static void ebim__find_writers(ebim_ws *w, const ebim_graph *g)
{
    int i;
    for (i = 2; i < g->n_nodes; i++) {
        const ebim__node *nd = &g->node[i];
        ebim__slot *a = &w->slot[nd->a], *b = &w->slot[nd->b], *c = &w->slot[nd->c];
        int layer = ebim__ops[nd->op].keeps & EBIM__KEEP_BOTH_SIDES;
        a->direct = layer && !a->readers &&
                    (ebim__keeps(&g->node[nd->a]) & EBIM__KEEP_BOTH_SIDES);
        a->writer = layer ? i : 0;
        b->direct = b->writer = c->direct = c->writer = 0;
        a->readers++;
        b->readers++;
        c->readers++;
    }
    w->slot[g->y].writer = w->slot[g->y].direct = 0; /* its adjoint starts as the seed */
}

/* What does not change from sweep to sweep */
static void ebim__sweeps_init(ebim_ws *w)
{
    const ebim_graph *g = w->g;
    int i;
    for (i = 1; i < g->n_nodes; i++) {
        ebim__sweep *s = &w->sweep[i];
        const ebim__node *nd = &g->node[i];
        s->op = ebim__ops[nd->op].sweep;
        s->nd = nd;
        s->an = &g->node[nd->a];
        s->bn = &g->node[nd->b];
        s->z = &w->slot[i];
        s->a = &w->slot[nd->a];
        s->b = &w->slot[nd->b];
        s->c = &w->slot[nd->c];
        s->K = w->kernels;
        s->n = nd->size;
        s->na = g->node[nd->a].size;
        s->nb = g->node[nd->b].size;
        s->nc = g->node[nd->c].size;
        s->stride = w->stride;
        s->turned = NULL;
        s->add = s->a->writer != i;
    }
}

/* Multiplications of a node for a point, about; weights of a convolution are used at each place of
 * the smaller of its images. */
static double ebim__cost(const ebim_graph *g, const ebim__node *nd)
{
    const ebim__node *image = nd->op == EBIM__OP_DECONV ? &g->node[nd->a] : nd;
    double places = nd->op == EBIM__OP_CONV || nd->op == EBIM__OP_DECONV ? image->H * image->W : 1;
    return nd->size + nd->n_theta * places;
}

/* With a lender, a workspace of g for as many lanes: values inside and their derivatives are kept
 * in its memory, and are those of the last one that was swept. */
static ebim_result ebim__ws_beside(ebim_ws *w, ebim_arena *a, const ebim_graph *g, int lanes,
                                   int planes, int uses, const ebim_ws *lender)
{
    size_t place[EBIM_MAX_NODES], shared = 0;
    double features = 0;
    ebim_real *memory;
    int i;
    memset(w, 0, sizeof *w);
    if (g->failed) return g->failed;
    if (g->y < 1 || lanes < 1 || lanes > INT_MAX / 64 || planes < 0 || planes > INT_MAX / 64)
        return EBIM_ERR_ARG;
    w->g = g;
    w->kernels = ebim__kernels_best() + (lanes == 1);
    w->n = ebim_inputs(g);
    w->k = ebim_outputs(g);
    w->stride = lanes == 1 ? 1 : EBIM__ROUND(lanes);
    w->planes = planes;
    w->uses = uses;
    w->watch = a->watch;
    for (i = 1; i < g->n_nodes; i++) {
        features += g->node[i].size;
        w->cost += i > 1 ? ebim__cost(g, &g->node[i]) : 0;
    }
    if (8.0 * features * w->stride * (2.0 + planes) > (double)(SIZE_MAX / 64))
        return a->failed = EBIM_ERR_MEMORY; /* no more than 8 arrays each */
    w->slot = EBIM__NEW(a, ebim__slot, g->n_nodes);
    w->sweep = EBIM__NEW(a, ebim__sweep, g->n_nodes);
    if (!uses || (uses == EBIM__FOR_JVP && planes)) shared = ebim__places(g, place);
    memory = EBIM__NEW(a, ebim_real, ebim__slots_init(w, NULL, uses, lender, place, shared));
    if (ebim__ready(a)) {
        ebim__slots_init(w, memory, uses, lender, place, shared);
        ebim__find_writers(w, g);
        ebim__sweeps_init(w);
    }
    return a->failed;
}

static ebim_result ebim__ws_for(ebim_ws *w, ebim_arena *a, const ebim_graph *g, int lanes,
                                int planes, int uses)
{
    return ebim__ws_beside(w, a, g, lanes, planes, uses, NULL);
}

/* Whether the weights of node i are turned. One output is a vector as it is. */
static int ebim__turns(const ebim_ws *w, int i)
{
    const ebim__node *nd = &w->g->node[i];
    return w->stride == 1 && nd->op == EBIM__OP_DENSE && nd->size > 1;
}

/* Biases and, transposed, weights of dense layers, in rows of a multiple of 64 bytes: with them a
 * sweep of one lane has vectors over outputs. Whoever turns them answers for it that theta stays as
 * it is until they are turned again. */
static void ebim__turn_init(ebim_ws *w, ebim_arena *a)
{
    const ebim_graph *g = w->g;
    size_t count = 0;
    int i;
    for (i = 1; i < g->n_nodes; i++)
        if (ebim__turns(w, i))
            count += (size_t)EBIM__ROUND(g->node[i].size) *
                     (1 + (size_t)g->node[g->node[i].a].size);
    w->turned = EBIM__NEW(a, ebim_real, count);
}

static void ebim__turn(ebim_ws *w)
{
    ebim_real *to = w->turned;
    int i;
    for (i = 1; i < w->g->n_nodes; i++) {
        const ebim__node *nd = &w->g->node[i];
        int n = nd->size, na = w->g->node[nd->a].size, row = EBIM__ROUND(n);
        const ebim_real *theta = w->g->theta + nd->theta;
        if (!ebim__turns(w, i)) continue;
        w->sweep[i].turned = to;
        memcpy(to, theta + (size_t)n * (size_t)na, (size_t)n * sizeof *to);
        ebim__to_lanes(theta, n, na, to + row, row, n);
        to += (size_t)row * (1 + (size_t)na);
    }
}

EBIM_API ebim_result ebim_ws_init(ebim_ws *w, ebim_arena *a, const ebim_graph *g, int lanes,
                                  int planes)
{
    if (planes == EBIM_WS_VALUES) return ebim__ws_for(w, a, g, lanes, 0, 0);
    return ebim__ws_for(w, a, g, lanes, planes, EBIM__FOR_ALL);
}

static size_t ebim__plane(const ebim_ws *w, int n, int plane)
{
    EBIM_ASSERT(plane >= 0 && plane <= w->planes);
    return (size_t)plane * (size_t)n * (size_t)w->stride;
}

EBIM_API ebim_real *ebim_ws_x(ebim_ws *w) { return w->slot[1].v; }
EBIM_API ebim_real *ebim_ws_y(ebim_ws *w) { return w->slot[w->g->y].v; }
EBIM_API ebim_real *ebim_ws_xt(ebim_ws *w, int plane)
{
    return w->slot[1].t + ebim__plane(w, w->n, plane - 1);
}
EBIM_API ebim_real *ebim_ws_yt(ebim_ws *w, int plane)
{
    return w->slot[w->g->y].t + ebim__plane(w, w->k, plane - 1);
}
EBIM_API ebim_real *ebim_ws_yg(ebim_ws *w, int plane)
{
    EBIM_ASSERT(!plane || (w->uses & EBIM__FOR_BACK));
    return w->seed + ebim__plane(w, w->k, plane);
}
EBIM_API ebim_real *ebim_ws_xg(ebim_ws *w, int plane)
{
    return w->slot[1].g + ebim__plane(w, w->n, plane);
}

static void ebim__op_at(const ebim_ws *w, int i, int mode, int plane, int pairs, ebim_real *grad)
{
    ebim__sweep *s = &w->sweep[i];
    s->theta = w->g->theta + s->nd->theta;
    s->grad = grad && !s->nd->frozen ? grad + s->nd->theta : NULL;
    s->nl = w->lanes;
    s->used = w->used;
    s->order = w->order;
    s->plane = plane;
    s->pairs = pairs;
    s->op(s, mode);
}

EBIM_API void ebim_forward(ebim_ws *w, int B, int order)
{
    int i, l;
    EBIM_ASSERT(B >= 1 && B <= w->stride);
    EBIM_ASSERT(order < 1 || w->uses & (order > 1 ? EBIM__FOR_BACK : EBIM__FOR_ALL));
    w->lanes = ebim__lanes(w->stride, B);
    w->used = B;
    w->order = order;
    for (i = 0; i < w->n; i++) {
        ebim_real *x = w->slot[1].v + (size_t)i * (size_t)w->stride, first = x[0];
        for (l = B; l < w->lanes; l++) x[l] = first;
    }
    if (ebim__work(w->watch, w->cost * w->lanes)) return;
    for (i = 2; i < w->g->n_nodes; i++) ebim__op_at(w, i, EBIM__FWD, 0, 0, NULL);
}

EBIM_API void ebim_jvp(ebim_ws *w, int plane, int count)
{
    int i, p;
    EBIM_ASSERT(w->order >= 1 && plane >= 1 && plane + count - 1 <= w->planes);
    EBIM_ASSERT(w->uses & EBIM__FOR_JVP);
    if (ebim__work(w->watch, w->cost * w->lanes * count)) return;
    for (i = 2; i < w->g->n_nodes; i++)
        for (p = plane; p < plane + count; p++) ebim__op_at(w, i, EBIM__TAN, p, 0, NULL);
}

/* Adjoints of a plane become zero, but for the output's: those are seed: [k], or a unit vector. */
static void ebim__seed(ebim_ws *w, int plane, const ebim_real *seed, int unit)
{
    size_t st = (size_t)w->stride, lanes = (size_t)w->lanes, k = (size_t)w->k, r;
    ebim_real *y = w->slot[w->g->y].g + (size_t)plane * k * st;
    int i;
    if (2 * lanes > st) lanes = st;
    for (i = 1; i < w->g->n_nodes; i++) {
        size_t n = (size_t)w->g->node[i].size, rows = lanes < st ? n : 1;
        ebim_real *g = w->slot[i].g + (size_t)plane * n * st;
        size_t each = lanes < st ? lanes : n * st;
        if (w->slot[i].writer) continue;
        for (r = 0; r < rows; r++) memset(g + r * st, 0, each * sizeof *g);
    }
    for (r = 0; r < k && seed; r++) memcpy(y + r * st, seed + r * st, lanes * sizeof *y);
    for (r = 0; r < lanes && !seed; r++) y[(size_t)unit * st + r] = 1;
}

/* Adjoints of planes plane.., one by one: a plane's rows stay in cache. They start from their seeds
 * or, with unit >= 0, from unit vectors: rows unit.. of J. Where no other sweep reads them, those
 * of all planes but the input's are in plane 0. */
static void ebim__adjoints(ebim_ws *w, int plane, int count, int unit)
{
    size_t n = (size_t)w->n * (size_t)w->stride, k = (size_t)w->k * (size_t)w->stride;
    ebim_real *g = w->slot[1].g;
    int apart = w->uses & EBIM__FOR_BACK, i, p, at;
    if (ebim__work(w->watch, w->cost * w->lanes * count)) return;
    for (p = plane; p < plane + count; p++) {
        at = apart ? p : 0;
        if (!apart) w->slot[1].g = g + (size_t)p * n;
        ebim__seed(w, at, unit < 0 ? w->seed + (size_t)p * k : NULL, unit + p - plane);
        for (i = w->g->n_nodes - 1; i > 1; i--) ebim__op_at(w, i, EBIM__ADJ, at, 0, NULL);
    }
    w->slot[1].g = g;
}

EBIM_API void ebim_vjp(ebim_ws *w, int plane, int count)
{
    EBIM_ASSERT(w->order >= 1 && plane >= 0 && plane + count - 1 <= w->planes);
    EBIM_ASSERT(w->uses & (EBIM__FOR_VJP | EBIM__FOR_BACK));
    EBIM_ASSERT((w->uses & EBIM__FOR_BACK) || plane + count == 1);
    ebim__adjoints(w, plane, count, -1);
}

EBIM_API void ebim_backward(ebim_ws *w, int pairs, ebim_real *grad)
{
    int i;
    EBIM_ASSERT(pairs >= 0 && pairs <= w->planes && w->order >= (pairs ? 2 : 1));
    EBIM_ASSERT(w->uses & EBIM__FOR_BACK);
    if (ebim__work(w->watch, w->cost * w->lanes * (2 + pairs))) return;
    ebim__seed(w, 0, w->seed, 0);
    for (i = w->g->n_nodes - 1; i > 1; i--) ebim__op_at(w, i, EBIM__BACK, 0, pairs, grad);
}

EBIM__SELDOM

/* Row-major points: blocks of lanes, transposed at the border. */

static int ebim__load(ebim_ws *w, int B, int at, const ebim_real *x, int order)
{
    int count = ebim__min_int(w->stride, B - at);
    ebim__to_lanes(x + (size_t)at * (size_t)w->n, count, w->n, w->slot[1].v, w->stride,
                   ebim__lanes(w->stride, count));
    ebim_forward(w, count, order);
    return count;
}

#define EBIM__BLOCKS(at, count, w, B, x, order) \
    for (at = 0; at < (B) && !ebim__stopped((w)->watch) && \
                 (count = ebim__load((w), (B), at, (x), (order))) > 0; at += count)

/* out <- J'v with v, J t with t, the derivative of J'v in direction t with both, F with none. */
static void ebim__eval(ebim_ws *w, int B, const ebim_real *x, const ebim_real *t,
                       const ebim_real *v, ebim_real *out)
{
    int at, count, n = w->n, k = w->k, both = t && v, width = v ? n : k;
    EBIM__BLOCKS(at, count, w, B, x, both ? 2 : t || v ? 1 : 0) {
        size_t first = (size_t)at;
        if (t) ebim__to_lanes(t + first * (size_t)n, count, n, ebim_ws_xt(w, 1), w->stride,
                              w->lanes);
        if (v) ebim__to_lanes(v + first * (size_t)k, count, k, ebim_ws_yg(w, both), w->stride,
                              w->lanes);
        if (both) {
            memset(ebim_ws_yg(w, 0), 0, (size_t)k * (size_t)w->stride * sizeof *v);
            ebim_vjp(w, 1, 1);
        }
        if (t) ebim_jvp(w, 1, 1);
        if (both) ebim_backward(w, 1, NULL);
        else if (v) ebim_vjp(w, 0, 1);
        ebim__from_lanes(v ? ebim_ws_xg(w, 0) : t ? ebim_ws_yt(w, 1) : ebim_ws_y(w), w->stride,
                         count, width, out + first * (size_t)width);
    }
}

EBIM_API void ebim_eval(ebim_ws *w, int B, const ebim_real *x, ebim_real *y)
{
    ebim__eval(w, B, x, NULL, NULL, y);
}

EBIM_API void ebim_eval_jvp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *t,
                            ebim_real *jt)
{
    ebim__eval(w, B, x, t, NULL, jt);
}

EBIM_API void ebim_eval_vjp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *v,
                            ebim_real *vj)
{
    ebim__eval(w, B, x, NULL, v, vj);
}

EBIM_API void ebim_eval_hvp(ebim_ws *w, int B, const ebim_real *x, const ebim_real *v,
                            const ebim_real *t, ebim_real *h)
{
    ebim__eval(w, B, x, t, v, h);
}

EBIM_API ebim_result ebim_ws_values(const ebim_ws *w, ebim_ref node, ebim_tensor *values)
{
    int shape[2];
    ebim_result r;
    if (!w->uses || node < 1 || node >= w->g->n_nodes) return EBIM_ERR_ARG;
    shape[0] = w->g->node[node].size;
    shape[1] = w->stride;
    r = ebim_tensor_wrap(values, w->slot[node].v, 2, shape);
    return r ? r : ebim_tensor_slice(values, values, 1, 0, w->used);
}

EBIM_API ebim_result ebim_ws_jacobian(ebim_ws *w, ebim_tensor *J)
{
    int shape[3];
    ebim_result r;
    if (w->order < 1 || w->planes < w->k) return EBIM_ERR_ARG;
    ebim__adjoints(w, 1, w->k, 0);
    shape[0] = w->k;
    shape[1] = w->n;
    shape[2] = w->stride;
    r = ebim_tensor_wrap(J, ebim_ws_xg(w, 1), 3, shape);
    return r ? r : ebim_tensor_slice(J, J, 2, 0, w->used);
}

EBIM_API void ebim_eval_jacobian(ebim_ws *w, int B, const ebim_real *x, ebim_real *j)
{
    int at, count, i, q, l, c, n = w->n, k = w->k;
    int plane = w->planes >= k, group = plane ? k : 1; /* all rows in one sweep, or one by one */
    EBIM__BLOCKS(at, count, w, B, x, 1)
        for (i = 0; i < k; i += group) {
            ebim__adjoints(w, plane, group, i);
            for (q = 0; q < group; q++)
                for (l = 0; l < count; l++)
                    for (c = 0; c < n; c++)
                        j[((size_t)(at + l) * (size_t)k + (size_t)(i + q)) * (size_t)n +
                          (size_t)c] = ebim_ws_xg(w, plane + q)[c * w->stride + l];
        }
}

EBIM__OFTEN

/* ||F|| per lane; what is not finite stays so (sqrt of a NaN is 0 in clang's -ffast-math) */
static void ebim__norms(ebim_ws *w, ebim_real *norm)
{
    const ebim_real *y = ebim_ws_y(w);
    int l;
    if (w->k == 1) {
        w->kernels->size(norm, y, w->lanes);
        return;
    }
    memset(norm, 0, (size_t)w->lanes * sizeof *norm);
    w->kernels->mac(w->k, norm, 0, y, w->stride, y, w->stride, w->lanes);
    for (l = 0; l < w->lanes; l++)
        if (ebim__finite(norm[l])) norm[l] = EBIM__SQRT(norm[l]);
}

EBIM__SELDOM

/* ============================================================================================
 * >>net  MLPs, Fourier features and initial weights
 * ========================================================================================= */

/* Uniform W and b of one dense layer */
static void ebim__init_dense(ebim_graph *g, const ebim__node *nd, ebim_rng *r, ebim_real w,
                             ebim_real b)
{
    int q, weights = nd->n_theta - (nd->op == EBIM__OP_DENSE ? nd->size : nd->C);
    for (q = 0; q < nd->n_theta; q++)
        g->theta[nd->theta + q] = (q < weights ? w : b) * (2 * ebim_rng_uniform(r) - 1);
}

/* omega > 0: as sine layers want it */
static void ebim__init_layers(ebim_graph *g, double omega, uint64_t seed)
{
    ebim_rng r;
    int i, first = 1;
    ebim_rng_init(&r, seed, 0);
    for (i = 1; i < g->n_nodes; i++) {
        const ebim__node *nd = &g->node[i];
        ebim_real fan, w, b;
        if (!(ebim__ops[nd->op].keeps & EBIM__KEEP_BOTH_SIDES) || nd->frozen) continue;
        fan = (ebim_real)g->node[nd->a].size;
        if (nd->op != EBIM__OP_DENSE) /* numbers that a pixel is made of, in the mean */
            fan = (ebim_real)(g->node[nd->a].C * nd->kernel * nd->kernel) /
                  (nd->op == EBIM__OP_CONV ? 1 : EBIM__R(nd->stride) * EBIM__R(nd->stride));
        w = b = 1 / EBIM__SQRT(fan);
        if (omega > 0) {
            w = first ? 1 / fan : EBIM__SQRT(6 / fan) / EBIM__R(omega);
            b = nd->fn == EBIM_FN_SINE ? EBIM__R(3.14159265358979323846) : w;
            first = 0;
        }
        ebim__init_dense(g, nd, &r, w, b);
    }
}

EBIM_API void ebim_init_theta(ebim_graph *g, uint64_t seed) { ebim__init_layers(g, 0, seed); }

/* One frozen layer: cos is sin a quarter turn on. */
EBIM_API ebim_ref ebim_fourier(ebim_graph *g, ebim_ref x, int count, double scale, uint64_t seed)
{
    ebim_ref r = ebim_dense(g, x, count > 0 && count < INT_MAX / 128 ? 2 * count : 0, EBIM_FN_SINE);
    ebim_real *t = ebim__theta(g, r);
    ebim_rng rng;
    int i, half;
    if (r) g->node[r].frozen = 1;
    if (!t) return r;
    half = count * g->node[x].size;
    ebim_rng_init(&rng, seed, 1); /* stream 0 makes the weights of ebim_init_theta */
    for (i = 0; i < half; i++) t[i] = t[half + i] = EBIM__R(scale) * ebim_rng_normal(&rng);
    for (i = 0; i < count; i++) t[2 * half + count + i] = EBIM__R(1.57079632679489661923);
    return r;
}

typedef struct ebim__mlp {
    const ebim_mlp_desc *d;
    uint64_t seed;
} ebim__mlp;

/* What the first layer sees of x */
static ebim_ref ebim__mlp_input(ebim_graph *g, ebim_ref x, const ebim_mlp_desc *d, uint64_t seed)
{
    ebim_ref square = 0;
    if (d->lift > 0) {
        ebim_ref c = d->center ? ebim_affine(g, x, d->center, 1) : x;
        square = ebim_scale(g, ebim_sumsq(g, c), d->lift);
    }
    if (d->center || ebim__nonzero(d->in_scale))
        x = ebim_affine(g, x, d->center, ebim__or(d->in_scale, 1));
    if (d->fourier) x = ebim_fourier(g, x, d->fourier, ebim__or(d->fourier_scale, 1), seed);
    return d->lift > 0 ? ebim_concat(g, x, square) : x;
}

/* c - softplus(c - y) = -log(e^-y + e^-c) */
static ebim_ref ebim__under_ceiling(ebim_graph *g, ebim_ref y, double ceiling)
{
    ebim_ref c = ebim_constant(g, 1, &ceiling);
    return ebim_sub(g, c, ebim_apply(g, ebim_sub(g, c, y), EBIM_FN_SOFTPLUS));
}

static ebim_ref ebim__record_mlp(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__mlp *m = (const ebim__mlp *)user;
    const ebim_mlp_desc *d = m->d;
    int i, layers = ebim__or_int(d->layers, 3), width = ebim__or_int(d->width, 32);
    ebim_fn fn = d->fn ? d->fn : EBIM_FN_SILU;
    x = ebim__mlp_input(g, x, d, m->seed);
    for (i = 0; i < layers; i++) {
        if (fn == EBIM_FN_SINE) x = ebim_scale(g, x, ebim__or(d->omega, 30));
        x = ebim_dense(g, x, width, fn);
    }
    x = ebim_dense(g, x, d->out, EBIM_FN_IDENTITY);
    if (ebim__nonzero(d->scale)) x = ebim_scale(g, x, d->scale);
    return d->ceiling > 0 ? ebim__under_ceiling(g, x, d->ceiling) : x;
}

EBIM_API ebim_result ebim_mlp(ebim_graph *g, ebim_arena *a, const ebim_mlp_desc *d, uint64_t seed)
{
    ebim__mlp m;
    ebim_result r;
    if (d->omega < 0) return EBIM_ERR_ARG;
    m.d = d;
    m.seed = seed;
    r = ebim_record(g, a, d->in, ebim__record_mlp, &m);
    if (!r && ebim__ready(a))
        ebim__init_layers(g, d->fn == EBIM_FN_SINE ? ebim__or(d->omega, 30) : 0, seed);
    return r;
}

/* z = SiLU(x + conv(SiLU(conv(x)))) */
static ebim_ref ebim__residual(ebim_graph *g, ebim_ref x, int width)
{
    ebim_ref r = ebim_conv(g, x, width, 3, 1, 1, EBIM_FN_SILU);
    r = ebim_conv(g, r, width, 3, 1, 1, EBIM_FN_IDENTITY);
    return ebim_apply(g, ebim_add(g, x, r), EBIM_FN_SILU);
}

static ebim_ref ebim__record_denoiser(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim_denoiser_desc *d = (const ebim_denoiser_desc *)user;
    int w = ebim__or_int(d->width, 32), i;
    double center = -d->center;
    ebim_ref h = ebim_image(g, ebim_add(g, x, ebim_constant(g, 1, &center)), d->C, d->H, d->W), z;
    for (i = 0, h = ebim_space_to_depth(g, h, 2); i < 2; i++)
        h = ebim_conv(g, h, w, 3, 1, 1, EBIM_FN_SILU);
    z = ebim_conv(g, ebim_space_to_depth(g, h, 2), 2 * w, 1, 1, 0, EBIM_FN_SILU);
    for (i = 0; i < 2; i++) z = ebim__residual(g, z, 2 * w);
    z = ebim_depth_to_space(g, ebim_conv(g, z, 4 * w, 1, 1, 0, EBIM_FN_IDENTITY), 2);
    for (i = 0, z = ebim_concat(g, h, z); i < 2; i++)
        z = ebim_conv(g, z, w, 3, 1, 1, EBIM_FN_SILU);
    z = ebim_conv(g, z, 4 * d->C, 3, 1, 1, EBIM_FN_IDENTITY);
    return ebim_planes(g, ebim_depth_to_space(g, z, 2));
}

EBIM_API ebim_result ebim_denoiser(ebim_graph *g, ebim_arena *a, const ebim_denoiser_desc *d,
                                   uint64_t seed)
{
    ebim_result r;
    int i, weights;
    if (d->C < 1 || d->H < 4 || d->W < 4 || d->H % 4 || d->W % 4 || d->C > 64 || d->H > 4096 ||
        d->W > 4096 || d->width < 0 || d->width > 4096)
        return EBIM_ERR_SHAPE;
    r = ebim_record(g, a, d->C * d->H * d->W, ebim__record_denoiser, (void *)(uintptr_t)d);
    if (r || !ebim__ready(a)) return r;
    ebim_init_theta(g, seed);
    for (i = g->y; g->node[i].op != EBIM__OP_CONV;) i--;
    weights = g->node[i].n_theta - g->node[i].C;
    memset(g->theta + g->node[i].theta, 0, (size_t)weights * sizeof *g->theta);
    for (weights += g->node[i].theta; weights < g->node[i].theta + g->node[i].n_theta; weights++)
        g->theta[weights] = EBIM__R(d->center);
    return EBIM_OK;
}

/* ============================================================================================
 * >>map  compositions of F and E: shift, scale, union, intersection, mixture
 *
 * Each records a graph that inlines its operands, so a composition is a graph like any other: it
 * can be swept, trained, saved and composed again. {F1 F2 = 0} is the union of two hypersurfaces
 * and not a manifold where they cross; {(F1, F2) = 0} is the intersection (section 3.1).
 * ========================================================================================= */

typedef struct ebim__compose {
    const ebim_graph *f1, *f2;
    const double *shift;
    double a, b;
    int kind;
} ebim__compose;

enum { EBIM__AFFINE, EBIM__PRODUCT, EBIM__CONCAT, EBIM__SUM, EBIM__MIXTURE };

/* -log(a e^-E1 + b e^-E2) = low - log(1 + e^(low - high)), u, v = E1 - log a, E2 - log b */
static ebim_ref ebim__record_mixture(ebim_graph *g, ebim_ref e1, ebim_ref e2, double a, double b)
{
    double la = log(a), lb = log(b);
    ebim_ref u = ebim_affine(g, e1, &la, 1), v = ebim_affine(g, e2, &lb, 1);
    ebim_ref low = ebim_min(g, u, v), high = ebim_max(g, v, u); /* a tie: one each */
    return ebim_sub(g, low, ebim_apply(g, ebim_sub(g, low, high), EBIM_FN_SOFTPLUS));
}

static ebim_ref ebim__record_compose(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__compose *c = (const ebim__compose *)user;
    ebim_ref u, v;
    if (c->kind == EBIM__AFFINE) {
        u = ebim_inline(g, c->f1, ebim_affine(g, x, c->shift, c->a), 0);
        return ebim__nonzero(c->b - 1) ? ebim_scale(g, u, c->b) : u;
    }
    u = ebim_inline(g, c->f1, x, 0);
    v = ebim_inline(g, c->f2, x, 0);
    if (c->kind == EBIM__CONCAT) return ebim_concat(g, u, v);
    if (ebim_outputs(c->f1) != 1 || ebim_outputs(c->f2) != 1) return ebim__fail(g, EBIM_ERR_SHAPE);
    switch (c->kind) {
    case EBIM__PRODUCT: return ebim_mul(g, u, v);
    case EBIM__SUM: return ebim_add(g, u, v);
    default: return ebim__record_mixture(g, u, v, c->a, c->b);
    }
}

static ebim_result ebim__composed(ebim_graph *g, ebim_arena *a, int kind, const ebim_graph *f1,
                                  const ebim_graph *f2, const double *shift, double p, double q)
{
    ebim__compose c;
    if (f1->failed || (f2 && f2->failed)) return EBIM_ERR_ARG;
    c.kind = kind;
    c.f1 = f1;
    c.f2 = f2;
    c.shift = shift;
    c.a = p;
    c.b = q;
    return ebim_record(g, a, ebim_inputs(f1), ebim__record_compose, &c);
}

EBIM_API ebim_result ebim_map_affine(ebim_graph *g, ebim_arena *a, const ebim_graph *f,
                                     const double *shift, double in_scale, double out_scale)
{
    return ebim__composed(g, a, EBIM__AFFINE, f, NULL, shift, in_scale, out_scale);
}

EBIM_API ebim_result ebim_map_product(ebim_graph *g, ebim_arena *a, const ebim_graph *f1,
                                      const ebim_graph *f2)
{
    return ebim__composed(g, a, EBIM__PRODUCT, f1, f2, NULL, 0, 0);
}

EBIM_API ebim_result ebim_map_concat(ebim_graph *g, ebim_arena *a, const ebim_graph *f1,
                                     const ebim_graph *f2)
{
    return ebim__composed(g, a, EBIM__CONCAT, f1, f2, NULL, 0, 0);
}

EBIM_API ebim_result ebim_energy_sum(ebim_graph *g, ebim_arena *a, const ebim_graph *e1,
                                     const ebim_graph *e2)
{
    return ebim__composed(g, a, EBIM__SUM, e1, e2, NULL, 0, 0);
}

EBIM_API ebim_result ebim_energy_mixture(ebim_graph *g, ebim_arena *a, const ebim_graph *e1,
                                         const ebim_graph *e2, double w)
{
    if (!(w > 0 && w < 1)) return EBIM_ERR_ARG;
    return ebim__composed(g, a, EBIM__MIXTURE, e1, e2, NULL, w, 1 - w);
}

/* ============================================================================================
 * >>solve  conjugate gradients and L-BFGS
 *
 * CG runs all lanes together with scalars of their own and freezes a lane that is done. L-BFGS is a
 * state machine: a caller with many lanes collects the points all of them ask for, evaluates once,
 * and tells each its value. Where no step decreases f any more, at its rounding floor or in a kink,
 * the stop is NO_PROGRESS, not an error: f known to eps |f| gives the gradient to about sqrt(eps
 * |f|) only.
 * ========================================================================================= */

/* Everything but x is in the lane's unit. The residual of CG goes up and down, and up for good
 * where A is not positive: x is the best iterate so far, z the present one. */
typedef struct ebim__cg {
    int stride, rows;                       /* rows = k stride */
    ebim_real limit;                        /* of rr / bb */
    ebim_real *x, *z, *r, *p, *Ap;
    ebim_real *rr, *pAp, *bb, *best, *unit; /* r'r, p'Ap, b'b; r'r of x */
} ebim__cg;

EBIM__OFTEN

/* r = b, z = p = x for lane l; x = 0 where b is 0, or the start is not finite. The unit is a power
 * of two near the largest element of b: dividing by it is exact, and keeps squares of very large or
 * small b in range. */
static void ebim__cg_load(const ebim__cg *c, const ebim_real *b, int l)
{
    ebim_real big = 0, unit = 1, bb = 0;
    int i, e, keep = 1;
    for (i = l; i < c->rows; i += c->stride)
        if (EBIM__ABS(b[i]) > big) big = EBIM__ABS(b[i]);
    if (big > 0 && ebim__finite(big)) {
        (void)EBIM__FN(frexp)(big, &e);
        unit = EBIM__FN(ldexp)(1, e - 1);
    }
    for (i = l; i < c->rows; i += c->stride) {
        c->r[i] = b[i] / unit;
        c->z[i] = c->x[i] / unit;
        bb += c->r[i] * c->r[i];
        if (!ebim__finite(c->z[i])) keep = 0;
    }
    for (i = l; i < c->rows; i += c->stride) {
        if (!keep || !(bb > 0)) c->x[i] = c->z[i] = 0;
        c->p[i] = c->z[i];
    }
    c->unit[l] = unit;
    c->bb[l] = bb;
}

/* r = b - A x, p = r for lane l; returns whether it has anything to do. Frozen lanes have p = 0. */
static int ebim__cg_begin(const ebim__cg *c, int l)
{
    ebim_real rr = 0;
    int i, finite, go;
    for (i = l; i < c->rows; i += c->stride) {
        c->r[i] -= c->Ap[i];
        rr += c->r[i] * c->r[i];
    }
    finite = ebim__finite(rr);
    go = finite && rr > c->limit * c->bb[l];
    for (i = l; i < c->rows; i += c->stride) {
        if (!finite) c->x[i] = 0;
        c->p[i] = go ? c->r[i] : 0;
    }
    c->rr[l] = c->best[l] = rr;
    return go;
}

/* One update of lane l; returns whether it goes on. */
static int ebim__cg_step(const ebim__cg *c, int l)
{
    ebim_real alpha, beta = 0, rr = 0;
    int i, S = c->stride, go = ebim__finite(c->pAp[l]) && c->pAp[l] > 0;
    if (go) {
        alpha = c->rr[l] / c->pAp[l];
        for (i = l; i < c->rows; i += S) {
            c->z[i] += alpha * c->p[i];
            c->r[i] -= alpha * c->Ap[i];
            rr += c->r[i] * c->r[i];
            if (!ebim__finite(c->z[i] * c->unit[l])) go = 0;
        }
        go = go && ebim__finite(rr);
        beta = rr / c->rr[l];
        c->rr[l] = rr;
    }
    if (go && rr < c->best[l]) {
        c->best[l] = rr;
        for (i = l; i < c->rows; i += S) c->x[i] = c->z[i] * c->unit[l];
        go = rr > c->limit * c->bb[l];
    }
    for (i = l; i < c->rows; i += S) c->p[i] = go ? c->r[i] + beta * c->p[i] : 0;
    return go;
}

EBIM_API void ebim_cg(const ebim_cg_desc *d, int k, int lanes, int stride, ebim_linear_op op,
                      void *user, const ebim_real *b, ebim_real *x, ebim_real *work,
                      ebim_cg_report *report)
{
    size_t rows = (size_t)k * (size_t)stride, st = (size_t)stride;
    double tol = ebim__or(d->tol, 16 * (double)EBIM_EPS);
    int max_iter = ebim__or_int(d->max_iter, 2 * k + 10), l, left = 0;
    ebim_real *row = work + 4 * rows;
    ebim_cg_report rep;
    ebim__cg c;
    memset(&rep, 0, sizeof rep);
    memset(work, 0, EBIM_CG_WORK(k, stride) * sizeof *work);
    c.stride = stride;
    c.rows = k * stride;
    c.limit = EBIM__R(tol * tol * (1 - 4 * (double)EBIM_EPS)); /* rounded, still within tol */
    c.x = x, c.z = work, c.r = c.z + rows, c.p = c.r + rows, c.Ap = c.p + rows;
    c.rr = row, c.pAp = row + st, c.bb = row + 2 * st, c.best = row + 3 * st, c.unit = row + 4 * st;
    for (l = 0; l < lanes; l++) ebim__cg_load(&c, b, l);
    op(user, c.p, c.Ap);
    for (l = 0; l < lanes; l++) left += ebim__cg_begin(&c, l);
    while (left && rep.iterations < max_iter) {
        rep.iterations++;
        op(user, c.p, c.Ap);
        ebim__lane_dot(k, lanes, stride, c.p, c.Ap, c.pAp);
        for (l = left = 0; l < lanes; l++) left += ebim__cg_step(&c, l);
    }
    for (l = 0; l < lanes; l++) {
        double q = c.bb[l] > 0 ? sqrt((double)c.best[l] / (double)c.bb[l]) : 0;
        if (!ebim__finite(c.best[l])) q = DBL_MAX;
        if (d->solved) d->solved[l] = q <= tol;
        rep.unsolved += !(q <= tol);
        rep.residual = fmax(rep.residual, q);
    }
    if (report) *report = rep;
}

EBIM__SELDOM

EBIM_API const char *ebim_stop_str(ebim_stop s)
{
    static const char *const text[EBIM__STOP_COUNT + 1] = {
#define EBIM__TEXT(name, text) text,
        EBIM_STOPS(EBIM__TEXT)
#undef EBIM__TEXT
        "unknown"
    };
    return text[(int)s >= 0 && s < EBIM__STOP_COUNT ? (int)s : (int)EBIM__STOP_COUNT];
}

enum { EBIM__LS_START, EBIM__LS_BRACKET, EBIM__LS_ZOOM };

EBIM_API ebim_result ebim_lbfgs_init(ebim_lbfgs *s, ebim_arena *a, int n, const ebim_lbfgs_desc *d)
{
    size_t m = (size_t)ebim__or_int(d->history, 6), nn = (size_t)n;
    memset(s, 0, sizeof *s);
    if (n < 1 || d->history < 0) return EBIM_ERR_ARG;
    s->n = s->room = n;
    s->d = *d;
    s->d.history = (int)m;
    s->d.max_iter = ebim__or_int(d->max_iter, 1000);
    s->d.max_eval = d->max_eval ? d->max_eval
                  : s->d.max_iter > INT_MAX / 50 ? INT_MAX : 25 * s->d.max_iter;
    s->d.tol_grad = ebim__or(d->tol_grad, 4 * (double)EBIM_EPS);
    s->d.c1 = ebim__or(d->c1, 1e-4);
    s->d.c2 = ebim__or(d->c2, 0.9);
    if (!ebim__finite64(d->c1) || !ebim__finite64(d->c2)) return EBIM_ERR_ARG;
    if (!(s->d.c1 > 0) || !(s->d.c1 < s->d.c2) || !(s->d.c2 < 1)) return EBIM_ERR_ARG;
    s->d.max_line = ebim__or_int(d->max_line, 40);
    EBIM__NEW_EACH(a, ebim_real, nn, &s->x, &s->g, &s->trial, &s->dir, &s->base, &s->base_g);
    EBIM__NEW_EACH(a, ebim_real, nn * (m + 1), &s->s, &s->y); /* one more: that on trial */
    EBIM__NEW_EACH(a, double, m + 1, &s->rho, &s->alpha);
    s->stop = EBIM_STOP_BAD_START;
    return a->failed;
}

EBIM_API void ebim_lbfgs_start(ebim_lbfgs *s, const ebim_real *x0)
{
    EBIM_ASSERT(s->n >= 1 && s->n <= s->room);
    memmove(s->x, x0, (size_t)s->n * sizeof *x0); /* x0 may be x, a result */
    memcpy(s->trial, s->x, (size_t)s->n * sizeof *x0);
    s->pairs = s->newest = s->iterations = s->evaluations = 0;
    s->phase = EBIM__LS_START;
    s->stop = EBIM_STOP_RUNNING;
}

EBIM_API const ebim_real *ebim_lbfgs_ask(const ebim_lbfgs *s)
{
    return s->stop == EBIM_STOP_RUNNING ? s->trial : NULL;
}

EBIM__OFTEN

/* dir <- -H g by the two-loop recursion (Nocedal & Wright 7.4); the pairs stand in a ring */
static void ebim__lbfgs_direction(ebim_lbfgs *s)
{
    int n = s->n, ring = s->d.history + 1, q, i;
    double beta;
    for (i = 0; i < n; i++) s->dir[i] = -s->base_g[i];
    for (q = 0; q < s->pairs; q++) {
        int at = (s->newest - q + ring) % ring;
        const ebim_real *y = ebim__nth(s->y, at, s->room);
        s->alpha[at] = s->rho[at] * ebim__dot64(n, ebim__nth(s->s, at, s->room), s->dir);
        for (i = 0; i < n; i++) s->dir[i] -= EBIM__R(s->alpha[at]) * y[i];
    }
    if (s->pairs) {
        const ebim_real *y = ebim__nth(s->y, s->newest, s->room);
        beta = 1 / (s->rho[s->newest] * ebim__dot64(n, y, y));
        for (i = 0; i < n; i++) s->dir[i] *= EBIM__R(beta);
    }
    for (q = s->pairs - 1; q >= 0; q--) {
        int at = (s->newest - q + ring) % ring;
        const ebim_real *p = ebim__nth(s->s, at, s->room);
        beta = s->rho[at] * ebim__dot64(n, ebim__nth(s->y, at, s->room), s->dir);
        for (i = 0; i < n; i++) s->dir[i] += EBIM__R(s->alpha[at] - beta) * p[i];
    }
}

/* Sets the next trial. Returns 0 when it is the base again: t is below the resolution of x. */
static int ebim__lbfgs_try(ebim_lbfgs *s, double t)
{
    int i, moved = 0;
    s->t = t;
    for (i = 0; i < s->n; i++) {
        s->trial[i] = s->base[i] + EBIM__R(t) * s->dir[i];
        moved |= !(s->trial[i] <= s->base[i] && s->trial[i] >= s->base[i]);
    }
    return moved;
}

/* Begins a line search at base; no descent direction left means steepest descent once. */
static ebim_stop ebim__lbfgs_search(ebim_lbfgs *s)
{
    double length = sqrt(ebim__dot64(s->n, s->base, s->base)), t;
    double g2 = ebim__dot64(s->n, s->base_g, s->base_g);
    int i;
    if (sqrt(g2) <= s->d.tol_grad * (length > 1 ? length : 1)) return EBIM_STOP_CONVERGED;
    if (s->iterations >= s->d.max_iter) return EBIM_STOP_MAX_ITER;
    ebim__lbfgs_direction(s);
    s->slope0 = ebim__dot64(s->n, s->dir, s->base_g);
    length = sqrt(ebim__dot64(s->n, s->dir, s->dir));
    if (!(s->slope0 < -1e-12 * length * sqrt(g2)) || !ebim__finite64(length)) {
        s->pairs = 0;
        for (i = 0; i < s->n; i++) s->dir[i] = -s->base_g[i];
        s->slope0 = -g2;
        length = sqrt(g2);
    }
    s->phase = EBIM__LS_BRACKET;
    s->line = 0;
    s->lo.t = 0, s->lo.f = s->f0, s->lo.d = s->slope0;
    s->t_max = s->d.max_step > 0 ? s->d.max_step / length : 1e10;
    t = s->pairs ? 1 : (s->d.first_step > 0 ? s->d.first_step : length < 1 ? length : 1) / length;
    ebim__lbfgs_try(s, t < s->t_max ? t : s->t_max);
    return EBIM_STOP_RUNNING;
}

EBIM__SELDOM

/* Minimum of the cubic through two values and slopes, kept away from both ends; else the middle */
static double ebim__cubic(const ebim__knot *a, const ebim__knot *b)
{
    double width = b->t - a->t, d1 = a->d + b->d + 3 * (a->f - b->f) / width;
    double d2 = d1 * d1 - a->d * b->d, middle = 0.5 * (a->t + b->t), off = 0.1 * fabs(width), t;
    if (!(d2 >= 0) || !ebim__finite64(d2)) return middle;
    d2 = width > 0 ? sqrt(d2) : -sqrt(d2);
    t = b->t - width * (b->d + d2 - d1) / (b->d - a->d + 2 * d2);
    if (!ebim__finite64(t)) return middle;
    return fmin(fmax(t, fmin(a->t, b->t) + off), fmax(a->t, b->t) - off);
}

EBIM__OFTEN

/* The trial, told f and g, is the best point. */
static void ebim__lbfgs_keep(ebim_lbfgs *s, double f, const ebim_real *g)
{
    s->f = f;
    memcpy(s->x, s->trial, (size_t)s->n * sizeof *s->x);
    memcpy(s->g, g, (size_t)s->n * sizeof *s->g);
}

/* Searches start from the best point, so what they find out before is true of x, f, g. */
static void ebim__lbfgs_rebase(ebim_lbfgs *s)
{
    s->f0 = s->f;
    memcpy(s->base, s->x, (size_t)s->n * sizeof *s->x);
    memcpy(s->base_g, s->g, (size_t)s->n * sizeof *s->g);
}

/* Keeps the pair of the step from base to trial in place of the oldest, if its curvature is
 * positive beyond rounding. */
static void ebim__lbfgs_pair(ebim_lbfgs *s, const ebim_real *g)
{
    int at = (s->newest + 1) % (s->d.history + 1), i;
    ebim_real *p = s->s + (size_t)at * (size_t)s->room, *y = s->y + (size_t)at * (size_t)s->room;
    double sy, size;
    for (i = 0; i < s->n; i++) {
        p[i] = s->trial[i] - s->base[i];
        y[i] = g[i] - s->base_g[i];
    }
    sy = ebim__dot64(s->n, p, y);
    size = sqrt(ebim__dot64(s->n, p, p)) * sqrt(ebim__dot64(s->n, y, y));
    if (!(sy > (double)EBIM_EPS * size) || !ebim__finite64(1 / sy)) return;
    s->rho[at] = 1 / sy;
    s->newest = at;
    s->pairs = ebim__min_int(s->pairs + 1, s->d.history);
}

/* Nothing acceptable was found: go on from the best point, without the pairs; where there is
 * nothing to go on with, why this search ended is why all ends. */
static ebim_stop ebim__lbfgs_give_up(ebim_lbfgs *s, ebim_stop why)
{
    int over = s->pairs == 0 && !(s->f < s->f0);
    s->pairs = 0;
    ebim__lbfgs_rebase(s);
    return over ? why : ebim__lbfgs_search(s);
}

/* The trial satisfies the Wolfe conditions. It is the best point, too, unless one that does not
 * is lower still. At the rounding floor f may stand still, but then the gradient must shrink. */
static ebim_stop ebim__lbfgs_accept(ebim_lbfgs *s, double f, const ebim_real *g)
{
    double gain = s->f0 - f;
    if (!(gain > 0) && ebim__dot64(s->n, g, g) >= ebim__dot64(s->n, s->base_g, s->base_g))
        return ebim__lbfgs_give_up(s, EBIM_STOP_NO_PROGRESS);
    ebim__lbfgs_pair(s, g);
    if (f <= s->f) ebim__lbfgs_keep(s, f, g);
    ebim__lbfgs_rebase(s);
    s->iterations++;
    if (s->d.tol_f > 0 && gain <= s->d.tol_f * fabs(f)) return EBIM_STOP_NO_PROGRESS;
    return ebim__lbfgs_search(s);
}

static ebim_stop ebim__lbfgs_zoom(ebim_lbfgs *s)
{
    double width = s->hi.t - s->lo.t, size = fmax(s->lo.t, s->hi.t), t;
    if (!(fabs(width) > 16 * (double)EBIM_EPS * size))
        return ebim__lbfgs_give_up(s, EBIM_STOP_NO_PROGRESS);
    t = s->hi.f < DBL_MAX ? ebim__cubic(&s->lo, &s->hi) : s->lo.t + 0.2 * width;
    s->phase = EBIM__LS_ZOOM;
    return ebim__lbfgs_try(s, t) ? EBIM_STOP_RUNNING
                                 : ebim__lbfgs_give_up(s, EBIM_STOP_NO_PROGRESS);
}

/* What follows from a trial: it is accepted, or narrows or extends the search. */
static ebim_stop ebim__lbfgs_line(ebim_lbfgs *s, double f, const ebim_real *g)
{
    double slope = ebim__dot64(s->n, s->dir, g), t = s->t;
    int high = f > s->f0 + s->d.c1 * t * s->slope0 || (f >= s->lo.f && s->lo.t > 0);
    int cut = s->d.max_step > 0 && t >= s->t_max && slope < 0;
    ebim__knot now = {t, f, slope};
    if (!high && (cut || fabs(slope) <= -s->d.c2 * s->slope0)) return ebim__lbfgs_accept(s, f, g);
    if (++s->line >= s->d.max_line) return ebim__lbfgs_give_up(s, EBIM_STOP_MAX_LINE);
    if (high) {
        s->hi = now;
        return ebim__lbfgs_zoom(s);
    }
    if (s->phase == EBIM__LS_BRACKET ? slope >= 0 : slope * (s->hi.t - s->lo.t) >= 0) s->hi = s->lo;
    s->lo = now;
    if (s->phase == EBIM__LS_ZOOM || slope >= 0) return ebim__lbfgs_zoom(s);
    if (t >= s->t_max) return ebim__lbfgs_give_up(s, EBIM_STOP_NO_PROGRESS);
    ebim__lbfgs_try(s, 4 * t < s->t_max ? 4 * t : s->t_max);
    return EBIM_STOP_RUNNING;
}

EBIM_API ebim_stop ebim_lbfgs_tell(ebim_lbfgs *s, double f, const ebim_real *g)
{
    int finite, start = s->phase == EBIM__LS_START;
    if (s->stop != EBIM_STOP_RUNNING) return s->stop;
    s->evaluations++;
    finite = ebim__finite64(f) && ebim__finite64(ebim__dot64(s->n, g, g));
    if (start || (finite && f < s->f)) ebim__lbfgs_keep(s, f, g);
    if (!start) {
        s->stop = ebim__lbfgs_line(s, finite ? f : DBL_MAX, g);
    } else if (!finite) {
        s->stop = EBIM_STOP_BAD_START;
    } else {
        ebim__lbfgs_rebase(s);
        s->stop = ebim__lbfgs_search(s);
    }
    if (s->stop == EBIM_STOP_RUNNING && s->evaluations >= s->d.max_eval)
        s->stop = EBIM_STOP_MAX_EVAL;
    return s->stop;
}

EBIM__SELDOM

EBIM_API ebim_result ebim_lbfgs_minimize(ebim_objective f, void *user, ebim_arena *a, int n,
                                         ebim_real *x, const ebim_lbfgs_desc *d,
                                         ebim_lbfgs_progress progress, ebim_lbfgs *report)
{
    ebim_lbfgs s;
    ebim_result r = ebim_lbfgs_init(&s, a, n, d);
    ebim_real *g = r ? NULL : EBIM__NEW(a, ebim_real, n);
    const ebim_real *at;
    int seen = 0;
    if (r || !ebim__ready(a)) return r ? r : a->failed;
    ebim_lbfgs_start(&s, x);
    while ((at = ebim_lbfgs_ask(&s)) != NULL) {
        double value = f(user, at, g);
        ebim_lbfgs_tell(&s, value, g);
        if (s.iterations > seen && progress && progress(user, &s) && s.stop == EBIM_STOP_RUNNING)
            s.stop = EBIM_STOP_CALLBACK; /* a stop of its own stays */
        seen = s.iterations;
    }
    memcpy(x, s.x, (size_t)n * sizeof *x);
    if (report) *report = s;
    return EBIM_OK;
}

/* L-BFGS on the squared length of a map in many lanes: a machine for each lane or, joint, one for
 * all of them, its variables ordered [rows][lanes]. */
typedef struct ebim__minima {
    int rows, stride, joint;
    ebim_real *unit;          /* [stride] the map over it and x times it are lengths */
    ebim_real *pack;          /* [rows stride] what one machine is told */
    ebim_lbfgs *opt;          /* [stride], or [1] when joint */
} ebim__minima;

static ebim_result ebim__minima_init(ebim__minima *s, ebim_arena *a, int rows, int stride,
                                     int joint, int max_iter, double tol_grad)
{
    ebim_lbfgs_desc d;
    ebim_lbfgs scratch;
    int m, count = joint ? 1 : stride;
    ebim_result r = EBIM_OK;
    memset(&d, 0, sizeof d);
    d.max_iter = max_iter;
    d.tol_grad = tol_grad;
    s->rows = rows;
    s->stride = stride;
    s->joint = joint;
    s->pack = EBIM__NEW(a, ebim_real, (size_t)rows * (size_t)stride);
    s->unit = EBIM__NEW(a, ebim_real, stride);
    s->opt = EBIM__NEW(a, ebim_lbfgs, count);
    for (m = 0; m < count && !r; m++)
        r = ebim_lbfgs_init(ebim__ready(a) ? &s->opt[m] : &scratch, a, rows * stride / count, &d);
    return r;
}

/* Evaluates the map at x of B lanes: its lengths -> norm; returns the gradients of their squares,
 * [rows][stride]. */
typedef const ebim_real *(*ebim__minima_fn)(void *user, int B);

EBIM__OFTEN

/* From x: [rows][stride] of B lanes to minima -> x. Machines are told what they ask for, all at
 * once, and in the end stand at their best points. Returns the number of rounds. */
static int ebim__minima_run(ebim__minima *s, int B, ebim_real *x, const ebim_real *norm,
                            ebim__minima_fn at, void *user, const ebim_watch *watch)
{
    int count = s->joint ? 1 : B, per = s->joint ? B : 1, S = s->stride, m, i, l, rounds, asking;
    for (m = 0; m < count; m++) {
        s->opt[m].n = s->rows * per;
        for (i = 0; i < s->rows; i++)
            for (l = 0; l < per; l++) s->pack[i * per + l] = x[i * S + m + l] * s->unit[m];
        ebim_lbfgs_start(&s->opt[m], s->pack);
    }
    for (asking = count, rounds = 0;; rounds++) {
        int last = !asking || ebim__stopped(watch);
        const ebim_real *g, *p;
        for (m = 0; m < count; m++) {
            p = last ? NULL : ebim_lbfgs_ask(&s->opt[m]);
            if (!p) p = s->opt[m].x;
            for (i = 0; i < s->rows; i++)
                for (l = 0; l < per; l++) x[i * S + m + l] = p[i * per + l] / s->unit[m];
        }
        g = at(user, B);
        if (last) return rounds;
        for (m = asking = 0; m < count; m++) {
            ebim_real unit = s->unit[m];
            double sum = 0;
            if (!ebim_lbfgs_ask(&s->opt[m])) continue;
            for (l = 0; l < per; l++) {
                double r = (double)norm[m + l] / (double)unit;
                sum += r * r;
            }
            for (i = 0; i < s->rows; i++)
                for (l = 0; l < per; l++)
                    s->pack[i * per + l] = g[i * S + m + l] / unit / unit / unit;
            asking += ebim_lbfgs_tell(&s->opt[m], sum, s->pack) == EBIM_STOP_RUNNING;
        }
    }
}

EBIM__SELDOM

#ifndef EBIM_NO_TRAIN

/* ============================================================================================
 * >>optim  Adam, SGD with momentum, clipping, schedules
 *
 * As in PyTorch (bias correction; decay decoupled as in AdamW). A gradient that is not finite
 * changes nothing, not even the moments.
 * ========================================================================================= */

EBIM_API ebim_result ebim_optim_init(ebim_optim *o, ebim_arena *a, int n, ebim_optim_rule rule)
{
    memset(o, 0, sizeof *o);
    if (n < 1 || (rule != EBIM_OPTIM_ADAM && rule != EBIM_OPTIM_SGD)) return EBIM_ERR_ARG;
    o->n = n;
    o->rule = rule;
    o->beta1 = 0.9;
    o->beta2 = 0.999;
    o->eps = 1e-8;
    o->m = EBIM__NEW(a, ebim_real, n);
    if (rule == EBIM_OPTIM_ADAM) o->v = EBIM__NEW(a, ebim_real, n);
    return a->failed;
}

/* A gradient whose norm is not finite stays as it is. */
static void ebim__clip(ebim_optim *o, ebim_real *g)
{
    double most = (double)EBIM__R(o->clip);
    int i;
    o->norm = sqrt(ebim__dot64(o->n, g, g));
    if (ebim__finite64(o->norm) && o->norm > most)
        for (i = 0; i < o->n; i++) g[i] = EBIM__R((double)g[i] * (most / o->norm));
}

EBIM__OFTEN

static void ebim__adam(const ebim_optim *o, ebim_real *theta, const ebim_real *grad, ebim_real rate)
{
    ebim_real c[7];
    c[0] = EBIM__R(o->beta1);
    c[1] = EBIM__R(1 - o->beta1); /* from the doubles: 1 - 0.999f has four good digits */
    c[2] = EBIM__R(o->beta2);
    c[3] = EBIM__R(1 - o->beta2);
    c[4] = rate * EBIM__R(1 / (1 - pow(o->beta1, o->steps)));
    c[5] = EBIM__R(1 / (1 - pow(o->beta2, o->steps)));
    c[6] = EBIM__R(o->eps);
    ebim__kernels_best()->adam(o->n, theta, grad, o->m, o->v, c);
}

EBIM_API int ebim_optim_step(ebim_optim *o, ebim_real *theta, ebim_real *grad, ebim_real rate)
{
    ebim_real shrink = 1 - rate * EBIM__R(o->decay);
    int i, adam = o->rule == EBIM_OPTIM_ADAM;
    if (o->clip > 0) ebim__clip(o, grad);
    for (i = 0; i < o->n; i++)
        if (!ebim__finite(adam ? grad[i] * grad[i] : grad[i])) return 0;
    o->steps++;
    for (i = 0; i < o->n && o->decay > 0; i++)
        if (!o->decays || o->decays[i]) theta[i] *= shrink;
    if (adam) ebim__adam(o, theta, grad, rate);
    for (i = 0; i < o->n && !adam; i++) {
        o->m[i] = EBIM__R(o->momentum) * o->m[i] + grad[i];
        theta[i] -= rate * o->m[i];
    }
    return 1;
}

EBIM__SELDOM

EBIM_API double ebim_rate(const ebim_rate_desc *d, int step)
{
    double u = step < d->steps ? (double)step / d->steps : 1, rate = d->rate;
    switch (d->law) {
    case EBIM_RATE_COSINE:
        rate *= d->end + (1 - d->end) * 0.5 * (1 + cos(3.14159265358979323846 * u));
        break;
    case EBIM_RATE_EXPONENTIAL: rate *= pow(d->end, u); break;
    case EBIM_RATE_STEP:
        if (d->steps > 0) rate *= pow(d->end, step / d->steps);
        break;
    case EBIM_RATE_CONSTANT:
    default: break;
    }
    return step < d->warmup ? rate * (step + 1) / d->warmup : rate;
}

#endif /* EBIM_NO_TRAIN */

/* ============================================================================================
 * >>langevin  chains on R^n and the replay buffer
 *
 * A block of lanes runs all its steps before the next block starts: its values stay in cache.
 * Chain b has its own random stream, so results depend on neither block size nor threads. A lane
 * whose move is not finite stays where it was; nothing it computed reaches other lanes. Cost of a
 * step: a forward and a reverse sweep of the energy's graph.
 * ========================================================================================= */

struct ebim_langevin {
    ebim_langevin_desc d;
    ebim_ws w;
    ebim_real *trial;         /* [n + 1][stride] noise, then where the chain would go */
    ebim__int *ok;            /* [stride] */
    uint32_t *rng;            /* [4][stride], see ebim__seed_lanes */
};

/* c: [3] of the kernel drift: a move by eps y - step/2 clamp(w); step 0: eps^2, clamp 0: none */
static void ebim__drift_of(ebim_real *c, double eps, double step, double clamp)
{
    c[0] = EBIM__R(eps);
    c[1] = EBIM__R((step > 0 ? step : eps * eps) / 2);
    c[2] = clamp > 0 ? EBIM__R(clamp) : ebim__from_bits(EBIM__INF_BITS);
}

EBIM_API ebim_result ebim_langevin_init(ebim_langevin **out, ebim_arena *a, const ebim_graph *u,
                                        const ebim_langevin_desc *d)
{
    ebim_langevin *s = EBIM__NEW(a, ebim_langevin, 1), local, *p = ebim__ready(a) ? s : &local;
    ebim_result r = ebim__ws_for(&p->w, a, u, ebim__or_int(d->lanes, 64), 0, EBIM__FOR_VJP);
    *out = NULL;
    if (r) return r;
    if (!(d->eps > 0)) return EBIM_ERR_EPS;
    if (d->energy == EBIM_ENERGY_OF_OUTPUT && p->w.k != 1) return EBIM_ERR_ARG;
    if (!d->lo != !d->hi) return EBIM_ERR_BOX;
    p->d = *d;
    p->trial = EBIM__NEW(a, ebim_real, (size_t)p->w.stride * (size_t)(p->w.n + 1));
    p->ok = EBIM__NEW(a, ebim__int, p->w.stride);
    p->rng = EBIM__NEW(a, uint32_t, 4 * (size_t)p->w.stride);
    if (ebim__ready(a)) *out = s;
    return a->failed;
}

/* Gradient of the energy at the points in w -> ebim_ws_xg(w, 0). */
static void ebim__energy_gradient(ebim_ws *w, int B, ebim_energy_of energy)
{
    ebim_real *v = ebim_ws_yg(w, 0);
    const ebim_real *y = ebim_ws_y(w);
    int i, l, rows = w->k * w->stride;
    ebim_forward(w, B, 1);
    if (energy == EBIM_ENERGY_OF_OUTPUT) {
        for (l = 0; l < w->lanes; l++) v[l] = 1;
    } else if (energy == EBIM_ENERGY_OF_NORM2) {
        for (i = 0; i < rows; i++) v[i] = 2 * y[i];
    } else if (w->k == 1) { /* |F| */
        w->kernels->sign(1, v, y, w->stride, w->lanes);
    } else {
        for (l = 0; l < w->lanes; l++) {
            ebim_real s = 0;
            for (i = 0; i < rows; i += w->stride) s += y[i + l] * y[i + l];
            s = s > 0 ? 1 / EBIM__SQRT(s) : 0;
            for (i = 0; i < rows; i += w->stride) v[i + l] = s * y[i + l];
        }
    }
    ebim_vjp(w, 0, 1);
}

/* Is the point in lane l of rows finite and in the box? */
static int ebim__inside(const ebim_real *rows, int stride, int l, int n, const double *lo,
                        const double *hi)
{
    int i;
    for (i = 0; i < n; i++) {
        ebim_real x = rows[i * stride + l];
        if (!ebim__finite(x)) return 0;
        if (lo && ((double)x < lo[i] || (double)x > hi[i])) return 0;
    }
    return 1;
}

EBIM_API int64_t ebim_langevin_run(ebim_langevin *s, int B, ebim_real *x, int steps, uint64_t seed,
                                   uint64_t stream)
{
    ebim_ws *w = &s->w;
    const ebim__kernels *K = w->kernels;
    ebim_real *at = ebim_ws_x(w), c[3];
    int64_t refused = 0;
    int b, t, S = w->stride;
    ebim__drift_of(c, s->d.eps, s->d.step, s->d.clamp);
    for (b = 0; b < B; b += S) {
        int count = ebim__min_int(S, B - b), lanes = ebim__lanes(S, count);
        ebim_real *p = x + (size_t)b * (size_t)w->n;
        ebim__to_lanes(p, count, w->n, at, S, lanes);
        ebim__seed_lanes(s->rng, S, lanes, count, seed, stream + (uint64_t)b);
        for (t = 0; t < steps; t++) {
            ebim__energy_gradient(w, count, s->d.energy);
            K->normals(s->rng, w->n, s->trial, S, lanes);
            K->drift(w->n, s->trial, at, s->trial, ebim_ws_xg(w, 0), c, S, lanes);
            refused += K->inside(w->n, s->trial, s->d.lo, s->d.hi, s->ok, S, lanes);
            refused -= (lanes - count) * !s->ok[0]; /* padding does as lane 0 does */
            K->select(w->n, at, s->trial, s->ok, S, lanes);
        }
        ebim__from_lanes(at, S, count, w->n, p);
    }
    return (int64_t)B * steps - refused;
}

EBIM_API ebim_result ebim_replay_init(ebim_replay *r, ebim_arena *a, int n, int size)
{
    memset(r, 0, sizeof *r);
    if (n < 1 || size < 1) return EBIM_ERR_ARG;
    r->n = n;
    r->size = size;
    r->x = EBIM__NEW(a, ebim_real, (size_t)n * (size_t)size);
    return a->failed;
}

EBIM_API void ebim_replay_draw(const ebim_replay *r, ebim_rng *rng, int B, ebim_real *x,
                               double keep, int32_t *slot)
{
    size_t n = (size_t)r->n;
    int b;
    for (b = 0; b < B; b++) {
        slot[b] = -1;
        if (!r->used || (double)ebim_rng_uniform(rng) >= keep) continue;
        slot[b] = (int32_t)ebim_rng_below(rng, (uint32_t)r->used);
        memcpy(x + (size_t)b * n, r->x + (size_t)slot[b] * n, n * sizeof *x);
    }
}

EBIM_API void ebim_replay_put(ebim_replay *r, ebim_rng *rng, int B, const ebim_real *x,
                              const int32_t *slot)
{
    size_t n = (size_t)r->n;
    int b;
    for (b = 0; b < B; b++) {
        int to = slot[b];
        if (to < 0)
            to = r->used < r->size ? r->used++ : (int)ebim_rng_below(rng, (uint32_t)r->size);
        memcpy(r->x + (size_t)to * n, x + (size_t)b * n, n * sizeof *x);
    }
}

/* ---- projection chains: by the way to M, without a gradient ---- */

/* Settings of all steps but those of training: the distance falls by the share `damped`, of which
 * noise gives back what h takes more; at the end, `last` and no noise */
static const struct { double h, damped, last; } ebim__way = {0.2, 0.08, 0.7};

/* Factor of |r| / sqrt(n) for noise that leaves 1 - damped of the distance where h is taken off */
static double ebim__way_gain(double h, double damped)
{
    double a = (1 - damped) * (1 - damped) - (1 - h) * (1 - h);
    return a > 0 ? sqrt(a) : 0;
}

/* x <- x - h r + gain |r| / sqrt(n) noise, lane by lane; x - r is the nearest point of M, about */
static void ebim__way_step(int n, int S, int lanes, ebim_real *x, const ebim_real *r,
                           const ebim_real *h, const ebim_real *gain, const ebim_real *noise)
{
    int i, j, l, end = n * S;
    EBIM__CHUNKS(j, lanes) {
        ebim_real size[EBIM__W] = {0};
        int width = ebim__min_int(lanes - j, EBIM__W);
        for (i = j; i < end; i += S)
            for (l = 0; l < width; l++) size[l] += r[i + l] * r[i + l];
        for (l = 0; l < width; l++)
            size[l] = gain[j + l] * EBIM__SQRT(size[l] / (ebim_real)n);
        for (i = j; i < end; i += S)
            for (l = 0; l < width; l++) x[i + l] += size[l] * noise[i + l] - h[j + l] * r[i + l];
    }
}

/* The same with the settings above */
static void ebim__way_all(int n, int S, int lanes, ebim_real *x, const ebim_real *r,
                          const ebim_real *noise, int last)
{
    ebim_real h[EBIM__W], gain[EBIM__W];
    int j, l;
    EBIM__EACH(l) {
        h[l] = EBIM__R(last ? ebim__way.last : ebim__way.h);
        gain[l] = EBIM__R(last ? 0 : ebim__way_gain(ebim__way.h, ebim__way.damped));
    }
    EBIM__CHUNKS(j, lanes)
        ebim__way_step(n, S, ebim__min_int(lanes - j, EBIM__W), x + j, r + j, h, gain, noise + j);
}

/* ============================================================================================
 * >>frame  F linearised at a point of every lane, and the root y - J'mu of F
 *
 * The frame holds J (k x n) and the Cholesky factor of G = J J' at the points q, per lane; or,
 * for large codim, only the linearised tape, and G is applied by one vjp and one jvp inside CG
 * (the paper's backward-forward trick). On it stand the tangent projection P = I - J' G^-1 J and
 * the solve of eq. 12-14: find mu with F(y0 - J'mu) = 0. Newton's matrix is J(y) J': with the rows
 * of J as k tangents one jvp gives all of it. Tolerances are relative to ||J|| and |x|, because
 * the scale of a trained F is arbitrary. Some steps have no solution (a tangent step longer than
 * the surface is wide): such lanes end as EBIM__LOST, and the caller decides.
 *
 * Where F has more outputs than equations (ebim_field), Q'F and Q'J take the place of F and J, Q
 * anew at every point that is looked at: with a Q that stayed as it was where a move began, up to
 * three moves of four do not find their way back. By Newton and direct systems; cost: K adjoint
 * sweeps an iterate and about K^2 (n / 2 + K / 6) + K (K - k) (7 K + 2 n) products for Q.
 * ========================================================================================= */

enum { EBIM__ACTIVE, EBIM__SOLVED, EBIM__LOST };
#define EBIM__DIRECT_MAX 16
enum { EBIM__TURNED = 64 }; /* lanes whose J are turned together: what that needs stays in cache */
#define EBIM__TERMS 2 /* of the series in >>tangents */
#define EBIM__KEPT(K, k, n) (EBIM__TERMS * ((K) + (n)) + ((K) - (k)) * (K))

typedef struct ebim__frame {
    ebim_constraint_desc d;
    ebim_ws w, trial;         /* F at q, and at the trial point y. Where J has been kept, only
                               * input, output and J of w are F's at q when y has been tried */
    int n, k, stride, lanes, direct;
    const ebim_field *field;  /* NULL: each output is an equation */
    const double *linear, *inverse; /* [n][n] F is one of linear x, and of a field all but Q'J is as
                               * it is behind this map, where F was learned (NULL: none) */
    int K;                    /* outputs that are F: k, or more with a field */
    ebim_real *L, *W, *row;   /* of a field, in TURNED lanes: [K][K] the factor of J J'; its last
                               * vectors, [K - k][K], and those before; [n + 3] scratch */
    int rough;                /* 1: roots of such a field need not be exact */
    int wide;                 /* n rounded up to chunks */
    ebim_real *own;           /* of one with a gate: [stride][k][wide + k] the rows of J of each
                               * lane, and their factor, for chords; unless there are */
    int orthonormal;          /* 1: such rows there */
    int follow;               /* 1: w gets Q'F and Q'J of a field at the roots */
    double *seen;             /* [3][stride] ||F||, gap and gate where a field was looked at last */
    double *kept;             /* [stride][EBIM__KEPT] how Q turns at q, see >>tangents (NULL: nobody
                               * asks) */
    int frozen;               /* 1: Q as it is at q everywhere: wrong, to see what that does */
    ebim_real *G;             /* [k][k][stride] Cholesky factors (direct) */
    ebim_real *scale;         /* [stride] ||J|| (Frobenius, or an estimate of it) */
    ebim_real *vk, *vn, *work;/* scratch: [k], [n] rows; CG's */
    ebim_real *y0, *y, *mu;   /* [n], [n], [k] rows: start, solution, multiplier */
    ebim_real *residual;      /* [stride] ||F(y)|| */
    ebim_real *limit;         /* [stride] and what of it counts as 0 */
    ebim_real *need;          /* [count] the same for the lanes at work, */
    ebim__int *busy;          /* [count] -1 where that is still to do, */
    int *at, count;           /* [count] which they are, in their order in `trial` */
    ebim_real *matrix;        /* [k][k] of one lane, and its right-hand side [k] */
    ebim_real *chord;         /* [n] of one lane */
    int *piv, *state, *singular;
    ebim__minima minima;      /* over mu, with L-BFGS */
    int64_t iterations;
} ebim__frame;

/* Largest coordinate in a box: the length for tolerances. */
static double ebim__box_length(int n, const double *lo, const double *hi)
{
    double most = 0;
    while (lo && hi && n--) {
        if (fabs(lo[n]) > most) most = fabs(lo[n]);
        if (fabs(hi[n]) > most) most = fabs(hi[n]);
    }
    return most;
}

/* Workspaces, and what there is for a field */
static ebim_result ebim__frame_spaces(ebim__frame *f, ebim_arena *a, const ebim_graph *F)
{
    int K, n, newton = f->d.solver == EBIM_SOLVER_NEWTON, values = EBIM__FOR_JVP | EBIM__FOR_VJP;
    ebim_result r;
    f->n = n = ebim_inputs(F);
    f->k = ebim__codim(F);
    f->K = K = ebim_outputs(F) - F->field.gate;
    f->wide = (n + EBIM__W - 1) / EBIM__W * EBIM__W;
    f->field = F->field.codim ? &F->field : NULL;
    if (f->k < 1 || f->k > K || (f->field && f->d.solver == EBIM_SOLVER_LBFGS) ||
        F->field.gate == EBIM__FOLLOWED)
        return EBIM_ERR_SHAPE;
    f->direct = f->d.linear == EBIM_LINEAR_DIRECT || f->field ||
                (f->d.linear == EBIM_LINEAR_AUTO && f->k <= EBIM__DIRECT_MAX);
    r = ebim__ws_for(&f->w, a, F, f->d.lanes, f->direct ? K - 1 : 1,
                     f->direct ? EBIM__FOR_VJP : values);
    if (r) return r;
    if (f->field)
        r = ebim__ws_for(&f->trial, a, F, f->d.lanes, K - 1, EBIM__FOR_VJP);
    else
        r = ebim__ws_beside(&f->trial, a, F, f->d.lanes, f->direct ? K : 0,
                            f->direct && newton ? EBIM__FOR_JVP : values,
                            f->direct ? &f->w : NULL);
    if (f->field) {
        f->L = EBIM__NEW(a, ebim_real, ebim__times((size_t)K * EBIM__TURNED, (size_t)K));
        f->W = EBIM__NEW(a, ebim_real,
                         ebim__times((size_t)(K - f->k) * 2 * EBIM__TURNED, (size_t)K));
        f->row = EBIM__NEW(a, ebim_real, (size_t)(n + 3) * EBIM__TURNED);
    }
    f->seen = EBIM__NEW(a, double, f->field ? 3 * f->w.stride : 0);
    if (F->field.gate)
        f->own = EBIM__NEW(a, ebim_real, ebim__times((size_t)f->w.stride, (size_t)f->k *
                                                     (size_t)(f->wide + f->k)));
    return r;
}

/* What following a way needs of a frame */
static ebim_result ebim__frame_follow(ebim__frame *f, ebim_arena *a, const ebim_graph *F,
                                      const ebim_constraint_desc *d)
{
    ebim_result r;
    memset(f, 0, sizeof *f);
    f->d = *d;
    f->d.lanes = ebim__or_int(d->lanes, 64);
    f->n = ebim_inputs(F);
    f->field = &F->field;
    if (ebim_outputs(F) != f->n) return EBIM_ERR_SHAPE;
    r = ebim__ws_for(&f->w, a, F, f->d.lanes, 0, 0);
    if (r) return r;
    ebim__turn_init(&f->w, a);
    f->stride = f->w.stride;
    f->trial = f->w;
    f->chord = EBIM__NEW(a, ebim_real, f->n);
    return a->failed;
}

static ebim_result ebim__frame_init(ebim__frame *f, ebim_arena *a, const ebim_graph *F,
                                    const ebim_constraint_desc *d)
{
    ebim_result r;
    size_t S, n, k;
    memset(f, 0, sizeof *f);
    f->d = *d;
    f->d.lanes = ebim__or_int(d->lanes, 128);
    f->d.max_iter = ebim__or_int(d->max_iter, 20);
    f->d.tol = ebim__or(d->tol, 16 * (double)EBIM_EPS);
    f->d.cg_tol = ebim__or(d->cg_tol, 16 * (double)EBIM_EPS);
    f->d.sgd_rate = ebim__or(d->sgd_rate, 0.25);
    r = ebim__frame_spaces(f, a, F);
    if (f->field && f->field->gate && !(d->tol > 0)) f->d.tol = fmax(f->d.tol, 1e-10); /* the
                             * matrix leaves out how Q turns, so that steps shrink by a factor */
    if (r) return r;
    if (f->k >= f->n) return EBIM_ERR_SHAPE;
    ebim__turn_init(&f->w, a);
    if (f->own && ebim__ready(a)) /* beyond n rows are 0 */
        memset(f->own, 0, (size_t)f->w.stride * (size_t)(f->k * (f->wide + f->k)) *
                              sizeof *f->own);
    f->stride = f->w.stride;
    S = (size_t)f->stride;
    n = (size_t)f->n;
    k = (size_t)f->k;
    f->G = EBIM__NEW(a, ebim_real, f->direct ? k * k * S : 1);
    f->work = EBIM__NEW(a, ebim_real, f->direct ? (size_t)1 : EBIM_CG_WORK(f->k, f->stride));
    f->scale = EBIM__NEW(a, ebim_real, S);
    f->residual = EBIM__NEW(a, ebim_real, S);
    f->limit = EBIM__NEW(a, ebim_real, S);
    f->need = EBIM__NEW(a, ebim_real, S);
    f->busy = EBIM__NEW(a, ebim__int, S);
    f->at = EBIM__NEW(a, int, S);
    f->vk = EBIM__NEW(a, ebim_real, k * S);
    f->mu = EBIM__NEW(a, ebim_real, k * S);
    f->vn = EBIM__NEW(a, ebim_real, n * S);
    f->y0 = EBIM__NEW(a, ebim_real, n * S);
    f->y = EBIM__NEW(a, ebim_real, n * S);
    f->matrix = EBIM__NEW(a, ebim_real, f->direct ? k * (k + 1) : 1);
    f->chord = EBIM__NEW(a, ebim_real, F->field.gate ? f->wide : 0);
    f->piv = EBIM__NEW(a, int, k);
    f->state = EBIM__NEW(a, int, S);
    f->singular = EBIM__NEW(a, int, S);
    if (d->solver == EBIM_SOLVER_LBFGS) /* tol_grad is of J J'F: F itself has to be small */
        r = ebim__minima_init(&f->minima, a, f->k, f->stride, f->d.joint, f->d.max_iter,
                              (double)EBIM_EPS / 64);
    return r ? r : a->failed;
}

static void ebim__frame_turn(ebim__frame *f)
{
    int i;
    ebim__turn(&f->w);
    for (i = 1; i < f->w.g->n_nodes; i++) f->trial.sweep[i].turned = f->w.sweep[i].turned;
}

/* out = J t for rows t: [n], out: [k] */
static void ebim__frame_j(ebim__frame *f, const ebim_real *t, ebim_real *out)
{
    size_t st = (size_t)f->stride;
    int i;
    if (!f->direct) {
        memcpy(ebim_ws_xt(&f->w, 1), t, (size_t)f->n * st * sizeof *t);
        ebim_jvp(&f->w, 1, 1);
        memcpy(out, ebim_ws_yt(&f->w, 1), (size_t)f->k * st * sizeof *out);
        return;
    }
    memset(out, 0, (size_t)f->k * st * sizeof *out);
    for (i = 0; i < f->k; i++)
        f->w.kernels->mac(f->n, out + (size_t)i * st, 0, ebim_ws_xg(&f->w, i), f->stride, t,
                          f->stride, f->lanes);
}

/* out = J'v for rows v: [k], out: [n] */
static void ebim__frame_jt(ebim__frame *f, const ebim_real *v, ebim_real *out)
{
    size_t st = (size_t)f->stride;
    int i;
    if (!f->direct) {
        memcpy(ebim_ws_yg(&f->w, 0), v, (size_t)f->k * st * sizeof *v);
        ebim_vjp(&f->w, 0, 1);
        memcpy(out, ebim_ws_xg(&f->w, 0), (size_t)f->n * st * sizeof *out);
        return;
    }
    memset(out, 0, (size_t)f->n * st * sizeof *out);
    for (i = 0; i < f->k; i++)
        f->w.kernels->mac(f->n, out, f->stride, ebim_ws_xg(&f->w, i), f->stride,
                          v + (size_t)i * st, 0, f->lanes);
}

static void ebim__frame_gram(void *user, const ebim_real *v, ebim_real *Gv)
{
    ebim__frame *f = (ebim__frame *)user;
    ebim__frame_jt(f, v, f->vn);
    ebim__frame_j(f, f->vn, Gv);
}

EBIM__OFTEN

/* v <- G^-1 v, rows [k]. Lanes whose G is singular get 0. */
static void ebim__frame_solve(ebim__frame *f, ebim_real *v)
{
    size_t st = (size_t)f->stride;
    int l, i, j;
    if (f->direct && f->k == 1 && f->lanes > 1) { /* chunk by chunk: loops that become vectors */
        EBIM__CHUNKS(j, f->lanes) {
            ebim_real q[EBIM__W];
            EBIM__EACH(l) q[l] = v[j + l] / f->G[j + l] / f->G[j + l];
            EBIM__EACH(l) v[j + l] = f->singular[j + l] ? 0 : q[l];
        }
    } else if (f->direct) {
        for (l = 0; l < f->lanes; l++)
            if (!f->singular[l]) ebim__cholesky_solve(f->k, f->G + l, v + l, f->stride);
            else for (i = 0; i < f->k; i++) v[(size_t)i * st + (size_t)l] = 0;
    } else {
        ebim_cg_desc d;
        ebim_cg_report rep;
        memset(&d, 0, sizeof d);
        d.tol = f->d.cg_tol;
        memcpy(f->vk, v, (size_t)f->k * st * sizeof *v);
        memset(v, 0, (size_t)f->k * st * sizeof *v);
        ebim_cg(&d, f->k, f->lanes, f->stride, ebim__frame_gram, f, f->vk, v, f->work, &rep);
    }
}

EBIM__SELDOM

static void ebim__frame_factor(ebim__frame *f)
{
    size_t st = (size_t)f->stride, k = (size_t)f->k;
    size_t i, j;
    int l;
    memset(f->G, 0, k * k * st * sizeof *f->G);
    for (i = 0; i < k; i++)
        for (j = 0; j <= i; j++)
            f->w.kernels->mac(f->n, f->G + (i * k + j) * st, 0, ebim_ws_xg(&f->w, (int)i),
                              f->stride, ebim_ws_xg(&f->w, (int)j), f->stride, f->lanes);
    for (l = 0; k == 1 && l < f->lanes; l++) { /* the factor of a number */
        f->singular[l] = !ebim__finite(f->G[l]) || !(f->G[l] > 0);
        f->G[l] = f->scale[l] = EBIM__SQRT(f->G[l]);
    }
    for (l = 0; k > 1 && l < f->lanes; l++) {
        ebim_real trace = 0;
        for (i = 0; i < k; i++) trace += f->G[(i * k + i) * st + (size_t)l];
        f->scale[l] = EBIM__SQRT(trace);
        f->singular[l] = !ebim__finite(trace) || ebim__cholesky(f->k, f->G + l, f->stride) != 0;
    }
    for (l = 0; f->field && !f->inverse && l < f->lanes; l++)
        for (i = 0; i < k && !f->singular[l]; i++)
            f->singular[l] = (double)f->G[i * (k + 1) * st + (size_t)l] < f->field->slope;
}

/* Without J its Frobenius norm is that of J'v, v the k unit vectors or, for large k, an estimate
 * from one fixed +-1 vector. (J times one vector would vanish at ordinary points.) */
static void ebim__frame_estimate(ebim__frame *f)
{
    size_t st = (size_t)f->stride;
    int probes = f->k <= EBIM__DIRECT_MAX ? f->k : 1, p, i, l;
    for (l = 0; l < f->lanes; l++) f->scale[l] = 0;
    for (p = 0; p < probes; p++) {
        for (i = 0; i < f->k; i++) {
            int sign = ((uint32_t)i * 2654435761u >> 7 & 1u) ? 1 : -1;
            for (l = 0; l < f->lanes; l++)
                f->vk[(size_t)i * st + (size_t)l] = EBIM__R(probes == 1 ? sign : i == p);
        }
        ebim__frame_jt(f, f->vk, f->vn);
        f->w.kernels->mac(f->n, f->scale, 0, f->vn, f->stride, f->vn, f->stride, f->lanes);
    }
    for (l = 0; l < f->lanes; l++) {
        f->singular[l] = !ebim__finite(f->scale[l]) || !(f->scale[l] > 0);
        f->scale[l] = EBIM__SQRT(f->scale[l]);
    }
}

EBIM__OFTEN

/* z <- sum of x y over n rows, lane by lane */
static void ebim__field_dot(const ebim__frame *f, int n, ebim_real *z, const ebim_real *x, int xs,
                            const ebim_real *y, int ys, int lanes)
{
    memset(z, 0, (size_t)lanes * sizeof *z);
    f->w.kernels->mac(n, z, 0, x, xs, y, ys, lanes);
}

/* x <- 1 / sqrt(x), chunk by chunk: estimates of -ffast-math are then alike for any lanes */
static void ebim__field_roots(ebim_real *x, int lanes)
{
    int j, l;
    EBIM__CHUNKS(j, lanes) EBIM__EACH(l) x[j + l] = 1 / EBIM__SQRT(x[j + l]);
}

/* L: [K][K] <- the factor of J J', plus what rounding may make negative, of lanes at ..; its
 * diagonal is inverted. */
static void ebim__field_factor(ebim__frame *f, ebim_ws *w, int at, int lanes)
{
    enum { T = EBIM__TURNED };
    ebim_real *L = f->L, *shift = f->row, *sum = shift + T;
    int K = f->K, S = f->stride, i, j, l;
    memset(shift, 0, T * sizeof *shift);
    for (i = 0; i < K; i++)
        for (j = 0; j <= i; j++)
            ebim__field_dot(f, f->n, L + (i * K + j) * T, ebim_ws_xg(w, i) + at, S,
                            ebim_ws_xg(w, j) + at, S, lanes);
    for (i = 0; i < K; i++)
        for (l = 0; l < lanes; l++) shift[l] += 8 * EBIM_EPS * L[i * (K + 1) * T + l];
    for (i = 0; i < K; i++)
        for (j = 0; j <= i; j++) {
            ebim_real *a = L + (i * K + j) * T, *d = L + j * (K + 1) * T;
            ebim__field_dot(f, j, sum, L + i * K * T, T, L + j * K * T, T, lanes);
            for (l = 0; l < lanes && i > j; l++) a[l] = (a[l] - sum[l]) * d[l];
            for (l = 0; l < lanes && i == j; l++) {
                ebim_real v = a[l] + shift[l] - sum[l], least = EBIM__R(0.125) * shift[l];
                a[l] = v > least ? v : least;
            }
            if (i == j) ebim__field_roots(a, lanes);
        }
}

/* x: [K] <- (L L')^-1 x */
static void ebim__field_solve(ebim__frame *f, ebim_real *x, int lanes)
{
    enum { T = EBIM__TURNED };
    const ebim_real *L = f->L;
    ebim_real *sum = f->row;
    int K = f->K, i, l, back;
    for (back = 0; back < 2; back++)
        for (i = back ? K - 1 : 0; back ? i >= 0 : i < K; i += back ? -1 : 1) {
            const ebim_real *d = L + i * (K + 1) * T;
            int from = back ? ebim__min_int(i + 1, K - 1) : 0, count = back ? K - 1 - i : i;
            const ebim_real *a = back ? L + (from * K + i) * T : L + i * K * T;
            ebim__field_dot(f, count, sum, a, back ? K * T : T, x + from * T, T, lanes);
            for (l = 0; l < lanes; l++) x[i * T + l] = (x[i * T + l] - sum[l]) * d[l];
        }
}

/* Rows of W: [t][K] become orthonormal, each twice made so to those before it. */
static void ebim__field_apart(ebim__frame *f, int t, int lanes)
{
    enum { T = EBIM__TURNED };
    ebim_real *dot = f->row;
    int K = f->K, i, j, l;
    for (i = 0; i < t; i++) {
        ebim_real *v = f->W + i * K * T;
        for (j = 0; j < 2 * i; j++) {
            const ebim_real *u = f->W + j % i * K * T;
            ebim__field_dot(f, K, dot, v, T, u, T, lanes);
            for (l = 0; l < lanes; l++) dot[l] = -dot[l];
            f->w.kernels->mac(K, v, T, u, T, dot, 0, lanes);
        }
        ebim__field_dot(f, K, dot, v, T, v, T, lanes);
        ebim__field_roots(dot, lanes);
        for (j = 0; j < K; j++)
            for (l = 0; l < lanes; l++) v[j * T + l] *= dot[l];
    }
}

/* W: [K - k][K] <- the last left singular vectors of J at lanes at .., by rounds of inverse
 * iteration from always the same vectors until they rest: a function of each lane's J alone, forth
 * and back alike. Three or four rounds do on M, where those singular values are small beside the
 * others. */
static void ebim__field_last(ebim__frame *f, ebim_ws *w, int at, int lanes)
{
    enum { ROUNDS = 8, T = EBIM__TURNED };
    int K = f->K, t = K - f->k, rows = t * K, i, l, round, busy = 1, done[T];
    ebim_real *W = f->W, *old = W + rows * T, moved[T];
    ebim__field_factor(f, w, at, lanes);
    for (i = 0; i < rows; i++)
        for (l = 0; l < lanes; l++)
            W[i * T + l] = EBIM__R((double)((uint32_t)(i + 1) * 2654435761u >> 8) / 0x7fffff - 1);
    ebim__field_apart(f, t, lanes);
    memset(done, 0, sizeof done);
    for (round = 0; round < ROUNDS && busy; round++) {
        memcpy(old, W, (size_t)rows * T * sizeof *W);
        memset(moved, 0, sizeof moved);
        for (i = 0; i < t; i++) ebim__field_solve(f, W + i * K * T, lanes);
        ebim__field_apart(f, t, lanes);
        for (i = 0; i < rows; i++)
            for (l = 0; l < lanes; l++) {
                ebim_real by = W[i * T + l] - old[i * T + l];
                if (done[l]) W[i * T + l] = old[i * T + l];
                else moved[l] += by * by;
            }
        for (busy = 0, l = 0; l < lanes; l++) {
            done[l] |= !(moved[l] > 16 * EBIM_EPS * EBIM_EPS);
            busy |= !done[l];
        }
    }
}

/* The first `last` + 1 elements of row j of W become v of the reflection I - 2 v v'/|v|^2 that
 * takes them to a multiple of the unit vector `last`. */
static void ebim__field_aim(ebim__frame *f, int lanes, int j, int last)
{
    enum { T = EBIM__TURNED };
    ebim_real *v = f->W + j * f->K * T, *sum = f->row;
    int c, l;
    ebim__field_dot(f, last + 1, sum, v, T, v, T, lanes);
    EBIM__CHUNKS(c, lanes) EBIM__EACH(l) sum[c + l] = EBIM__SQRT(sum[c + l]);
    for (v += last * T, l = 0; l < lanes; l++) v[l] += v[l] < 0 ? -sum[l] : sum[l];
}

/* J and F of lanes at .., and the rows of W behind row j, are reflected by that. */
static void ebim__field_reflect(ebim__frame *f, ebim_ws *w, int at, int lanes, int j, int last)
{
    enum { T = EBIM__TURNED };
    const ebim__kernels *kernels = f->w.kernels;
    ebim_real *v = f->W + j * f->K * T, *scale = f->row, *one = scale + T, *sum = one + T;
    int n = f->n, S = f->stride, i, l;
    ebim__field_dot(f, last + 1, scale, v, T, v, T, lanes);
    ebim__field_roots(scale, lanes);
    for (l = 0; l < lanes; l++) scale[l] *= -2 * scale[l];
    memset(sum, 0, (size_t)(n + 1) * T * sizeof *sum);
    for (i = 0; i <= last; i++) {
        kernels->mac(n, sum, T, ebim_ws_xg(w, i) + at, S, v + i * T, 0, lanes);
        kernels->mac(1, sum + n * T, 0, ebim_ws_y(w) + i * S + at, 0, v + i * T, 0, lanes);
    }
    for (i = 0; i <= n; i++)
        for (l = 0; l < lanes; l++) sum[i * T + l] *= scale[l];
    for (i = 0; i <= last; i++) {
        kernels->mac(n, ebim_ws_xg(w, i) + at, S, sum, T, v + i * T, 0, lanes);
        kernels->mac(1, ebim_ws_y(w) + i * S + at, 0, sum + n * T, 0, v + i * T, 0, lanes);
    }
    for (i = j + 1; i < f->K - f->k; i++) {
        ebim_real *u = f->W + i * f->K * T;
        ebim__field_dot(f, last + 1, one, u, T, v, T, lanes);
        for (l = 0; l < lanes; l++) one[l] *= scale[l];
        kernels->mac(last + 1, u, T, v, T, one, 0, lanes);
    }
}

/* The same of one vector a: [last + 1] */
static void ebim__reflect(int last, const double *v, double *a)
{
    double square = ebim__inner64(last + 1, v, v), along = ebim__inner64(last + 1, v, a);
    int i;
    for (i = 0; i <= last && square > 0; i++) a[i] -= 2 * along / square * v[i];
}

/* J and F of lanes at .. are turned: their first k rows become Q'J and Q'F, the others W'J and W'F.
 * Frozen, they are turned by what is kept. */
static void ebim__field_turn(ebim__frame *f, ebim_ws *w, int at, int lanes)
{
    int K = f->K, t = K - f->k, kept = EBIM__KEPT(K, f->k, f->n), i, l;
    int frozen = f->kept && f->frozen && w != &f->w;
    for (l = 0; l < lanes && frozen; l++)
        for (i = 0; i < t * K; i++)
            f->W[i * EBIM__TURNED + l] =
                EBIM__R(f->kept[f->at[at + l] * kept + EBIM__TERMS * (K + f->n) + i]);
    if (!frozen) ebim__field_last(f, w, at, lanes);
    for (i = 0; i < t; i++) {
        if (!frozen) ebim__field_aim(f, lanes, i, K - 1 - i);
        ebim__field_reflect(f, w, at, lanes, i, K - 1 - i);
    }
}

/* A^p F: [K] and J'A^p F: [n], A = JJ' and F without Q'F, of the turned J and F of lane l, which
 * stands at that place of its block; then what turned them */
static void ebim__field_keep(ebim__frame *f, int l, double *kept)
{
    int K = f->K, k = f->k, n = f->n, t = K - k, S = f->stride, i, c, p;
    const ebim_real *W = f->W + l % EBIM__TURNED;
    double *a = kept, *u, *v = kept + EBIM__TERMS * (K + n);
    memset(kept, 0, (size_t)(EBIM__TERMS * (K + n)) * sizeof *kept);
    for (i = 0; i < t * K; i++) v[i] = (double)W[i * EBIM__TURNED];
    for (i = k; i < K; i++) a[i] = (double)ebim_ws_y(&f->w)[i * S + l];
    for (p = 0; p < EBIM__TERMS; p++, a = u + n) {
        u = a + K;
        for (i = k; i < K; i++) {
            const ebim_real *J = ebim_ws_xg(&f->w, i) + l;
            for (c = 0; c < n; c++) u[c] += a[i] * (double)J[c * S];
        }
        for (i = k; i < K && p + 1 < EBIM__TERMS; i++) {
            const ebim_real *J = ebim_ws_xg(&f->w, i) + l;
            for (c = 0; c < n; c++) u[n + i] += u[c] * (double)J[c * S];
        }
        for (i = t - 1; i >= 0; i--) ebim__reflect(K - 1 - i, v + i * K, a);
    }
}

/* What lanes at .. of w hold of F and J becomes Q'F and Q'J in its first k rows and planes, W'F and
 * W'J in the others. norm: [lanes] ||Q'F||; infinite where that is no more than `limit` and a bound
 * (but the slope's) does not hold. Both may be NULL. */
static void ebim__field_reduce(ebim__frame *f, ebim_ws *w, int at, int lanes, ebim_real *norm,
                               const ebim_real *limit)
{
    const ebim_field *d = f->field;
    int K = f->K, k = f->k, S = f->stride, i, l;
    ebim_real *y = ebim_ws_y(w) + at, *sum = f->row;
    double *full = f->seen + at, *gap = full + S, *gate = gap + S;
    ebim__field_dot(f, K, sum, y, S, y, S, lanes);
    for (l = 0; l < lanes; l++) {
        full[l] = sqrt((double)sum[l]);
        gate[l] = d->gate ? (double)y[K * S + l] : 0;
    }
    ebim__field_turn(f, w, at, lanes);
    for (l = at; l < at + lanes && f->kept && w == &f->w; l++)
        ebim__field_keep(f, l, f->kept + l * EBIM__KEPT(K, k, f->n));
    memset(sum, 0, EBIM__TURNED * sizeof *sum);
    for (i = k; i < K; i++)
        f->w.kernels->mac(f->n, sum, 0, ebim_ws_xg(w, i) + at, S, ebim_ws_xg(w, i) + at, S, lanes);
    for (l = 0; l < lanes; l++) gap[l] = sqrt((double)sum[l]);
    if (!norm) return;
    ebim__field_dot(f, k, sum, y, S, y, S, lanes);
    for (l = 0; l < lanes; l++) {
        double part = sqrt((double)sum[l]);
        int good = ebim__finite64(full[l] + gap[l] + gate[l] + part);
        if (limit && part <= (double)limit[at + l] &&
            ((d->norm > 0 && full[l] > d->norm) || (d->gap > 0 && gap[l] > d->gap) ||
             (d->open > 0 && gate[l] > d->open)))
            good = 0;
        norm[at + l] = good ? EBIM__R(part) : ebim__from_bits(EBIM__INF_BITS);
    }
}

/* The first `rows` rows of J, that w holds, times A: [n][n] */
static void ebim__frame_through(ebim__frame *f, ebim_ws *w, int rows, const double *A)
{
    int i, c, d, l, n = f->n, S = f->stride;
    for (i = 0; i < rows; i++) {
        ebim_real *J = ebim_ws_xg(w, i);
        memset(f->vn, 0, (size_t)n * (size_t)S * sizeof *J);
        for (c = 0; c < n; c++)
            for (d = 0; d < n; d++)
                for (l = 0; l < w->lanes; l++)
                    f->vn[d * S + l] += J[c * S + l] * EBIM__R(A[c * n + d]);
        memcpy(J, f->vn, (size_t)n * (size_t)S * sizeof *J);
    }
}

/* J of w at its points, by adjoints; with a field Q'J. norm: [lanes] ||Q'F||, infinite where that
 * is within limit: [lanes] and the point is not one of M; or both are NULL. */
static void ebim__frame_adjoints(ebim__frame *f, ebim_ws *w, ebim_real *norm,
                                 const ebim_real *limit)
{
    int at;
    ebim__adjoints(w, 0, f->K, 0);
    if (f->field && f->inverse) ebim__frame_through(f, w, f->K, f->inverse);
    for (at = 0; f->field && at < w->lanes; at += EBIM__TURNED)
        ebim__field_reduce(f, w, at, ebim__min_int(EBIM__TURNED, w->lanes - at), norm, limit);
    if (f->field && f->inverse) ebim__frame_through(f, w, f->k, f->linear);
}

/* ||F||, or ||Q'F||, at the points the frame is at */
static void ebim__frame_norms(ebim__frame *f, ebim_real *norm)
{
    int i, l, S = f->stride;
    ebim__norms(&f->w, norm);
    for (l = 0; f->field && l < f->lanes; l++) {
        const ebim_real *y = ebim_ws_y(&f->w);
        ebim_real sum = 0;
        for (i = l; i < f->k * S; i += S) sum += y[i] * y[i];
        if (ebim__finite(norm[l])) norm[l] = EBIM__SQRT(sum);
    }
}

/* Whether rows q are what was tried last, with derivatives: these are in memory that w shares or,
 * of a field, in a workspace that takes its place. */
static int ebim__frame_tried(ebim__frame *f, int B, const ebim_real *q)
{
    const ebim_ws *t = &f->trial;
    size_t st = (size_t)f->stride, i;
    if (!f->direct || f->kept || t->used != B || t->order < 1) return 0;
    for (i = 0; i < (size_t)f->n; i++)
        if (memcmp(q + i * st, t->slot[1].v + i * st, (size_t)B * sizeof *q)) return 0;
    if (f->field) {
        ebim_ws w = f->w;
        f->w = f->trial;
        f->trial = w;
        return 1;
    }
    if (q != ebim_ws_x(&f->w)) memcpy(ebim_ws_x(&f->w), q, (size_t)f->n * st * sizeof *q);
    memcpy(ebim_ws_y(&f->w), t->slot[t->g->y].v, (size_t)f->k * st * sizeof *q);
    f->w.lanes = t->lanes;
    f->w.used = B;
    f->w.order = 1;
    return 1;
}

/* Linearises F at rows q (which may be the frame's own input). `tried`: F has not changed since the
 * trial workspace was swept last, after w, and that may have been at q. */
static void ebim__frame_to(ebim__frame *f, int B, const ebim_real *q, int tried)
{
    ebim_real *x = ebim_ws_x(&f->w);
    int turned = tried && ebim__frame_tried(f, B, q);
    if (!turned && q != x) memcpy(x, q, (size_t)f->n * (size_t)f->stride * sizeof *x);
    if (!turned) ebim_forward(&f->w, B, 1);
    f->lanes = f->w.lanes;
    if (f->direct) {
        if (!turned || !f->field) ebim__frame_adjoints(f, &f->w, NULL, NULL);
        ebim__frame_factor(f);
    } else {
        ebim__frame_estimate(f);
    }
}

EBIM__SELDOM

static void ebim__frame_at(ebim__frame *f, int B, const ebim_real *q)
{
    ebim__frame_to(f, B, q, 0);
}

/* r <- P r = r - J' G^-1 J r, eq. 11; rows [n] */
static void ebim__frame_tangent(ebim__frame *f, ebim_real *r)
{
    ebim__frame_j(f, r, f->mu);
    ebim__frame_solve(f, f->mu);
    ebim__frame_jt(f, f->mu, f->vn);
    f->w.kernels->axpy(f->n, r, f->stride, -1, f->vn, f->stride, f->lanes);
}

/* N: [k][n] <- an orthonormal basis of the rows of J in lane l, L^-1 J; 0 where it is singular. */
static void ebim__frame_normals(ebim__frame *f, int l, ebim_real *N)
{
    int i, j, c, n = f->n, S = f->stride;
    for (i = 0; i < f->k; i++) {
        const ebim_real *g = f->G + i * f->k * S + l;
        ebim_real *v = N + i * n;
        for (c = 0; c < n; c++) v[c] = ebim_ws_xg(&f->w, i)[c * S + l];
        for (j = 0; j < i; j++, g += S)
            for (c = 0; c < n; c++) v[c] -= *g * N[j * n + c];
        for (c = 0; c < n; c++) v[c] = f->singular[l] ? 0 : v[c] / *g;
    }
}

/* The same for all lanes, in the place of J; NaN where it is singular */
static void ebim__frame_orthonormal(ebim__frame *f)
{
    const ebim__kernels *kernels = f->w.kernels;
    ebim_real *by = f->mu;
    int i, j, c, l, at, lanes, S = f->stride;
    for (at = 0; at < f->lanes; at += lanes) {
        lanes = ebim__min_int(EBIM__TURNED, f->lanes - at);
        for (i = 0; i < f->k; i++) {
            const ebim_real *g = f->G + i * f->k * S + at;
            ebim_real *v = ebim_ws_xg(&f->w, i) + at;
            for (j = 0; j < i; j++) {
                for (l = 0; l < lanes; l++) by[l] = -g[j * S + l];
                kernels->mac(f->n, v, S, ebim_ws_xg(&f->w, j) + at, S, by, 0, lanes);
            }
            for (l = 0; l < lanes; l++) by[l] = 1 / g[i * S + l];
            for (c = 0; c < f->n * S; c += S)
                for (l = 0; l < lanes; l++) v[c + l] *= by[l];
        }
    }
}

/* Q'F: [B][k] and Q'J: [B][k][n] of a field at points x: [B][n]; each may be NULL */
static void ebim__frame_values(ebim__frame *f, int B, const ebim_real *x, ebim_real *F,
                               ebim_real *J)
{
    int at, count, l, i, c, n = f->n, k = f->k, S = f->stride;
    for (at = 0; at < B && !ebim__stopped(f->w.watch); at += count) {
        count = ebim__min_int(S, B - at);
        ebim__to_lanes(ebim__nth(x, at, n), count, n, ebim_ws_x(&f->w), S,
                       ebim__lanes(S, count));
        ebim__frame_at(f, count, ebim_ws_x(&f->w));
        for (l = 0; l < count; l++)
            for (i = 0; i < k; i++) {
                size_t row = (size_t)(at + l) * (size_t)k + (size_t)i;
                if (F) F[row] = ebim_ws_y(&f->w)[i * S + l];
                for (c = 0; c < n && J; c++)
                    J[row * (size_t)n + (size_t)c] = ebim_ws_xg(&f->w, i)[c * S + l];
            }
    }
}

/* out <- length of Newton's correction J'G^-1 F at the points the frame is at; [lanes] */
static void ebim__frame_lengths(ebim__frame *f, ebim_real *out)
{
    size_t st = (size_t)f->stride, i;
    int l;
    memcpy(f->vk, ebim_ws_y(&f->w), (size_t)f->k * st * sizeof *out);
    ebim__frame_solve(f, f->vk);
    memset(out, 0, st * sizeof *out);
    for (i = 0; i < (size_t)f->k; i++)
        f->w.kernels->mac(1, out, 0, f->vk + i * st, 0, ebim_ws_y(&f->w) + i * st, 0, f->lanes);
    for (l = 0; l < f->lanes; l++) out[l] = out[l] > 0 ? EBIM__SQRT(out[l]) : 0;
}

EBIM__OFTEN

/* limit, see below, where each coordinate has a length of its own: sum of (length J)^2 */
static void ebim__frame_limits_each(ebim__frame *f, const ebim_real *y)
{
    int i, p, l, S = f->stride;
    for (l = 0; l < f->lanes; l++) {
        double sum = 0;
        for (i = 0; i < f->n; i++) {
            double length = fmax(f->d.lengths[i], fabs((double)y[i * S + l])), square = 0;
            for (p = 0; p < f->k; p++) {
                double J = (double)ebim_ws_xg(&f->w, p)[i * S + l];
                square += J * J;
            }
            sum += length * length * square;
        }
        f->limit[l] = EBIM__R(f->d.tol * sqrt(sum));
    }
}

/* The same of `width` lanes from lane j on, where they have one length */
EBIM__INLINE void ebim__limit_lanes(ebim__frame *f, const ebim_real *y, int width, int j)
{
    ebim_real tol = EBIM__R(f->d.tol), length = EBIM__R(f->d.length);
    ebim__int most[EBIM__W];
    int i, l;
    for (l = 0; l < width; l++) most[l] = ebim__bits(length);
    for (i = j; i < f->n * f->stride; i += f->stride)
        for (l = 0; l < width; l++) {
            ebim__int u = ebim__bits(y[i + l]) & ~EBIM__SIGN;
            most[l] = u > most[l] ? u : most[l];
        }
    for (l = 0; l < width; l++)
        f->limit[j + l] = ebim__from_bits(most[l]) * (tol * f->scale[j + l]);
}

/* limit <- the ||F|| that counts as 0 near rows y: a length, relative to |y|, times ||J||. */
static void ebim__frame_limits(ebim__frame *f, const ebim_real *y)
{
    int j;
    if (f->d.lengths && f->direct) {
        ebim__frame_limits_each(f, y);
        return;
    }
    if (f->lanes == 1) ebim__limit_lanes(f, y, 1, 0);
    else EBIM__CHUNKS(j, f->lanes) ebim__limit_lanes(f, y, EBIM__W, j);
}

/* Evaluates F at y of B lanes in the trial workspace; those that reach the tolerance become
 * SOLVED, those that are not finite LOST. Returns how many are still active. */
static int ebim__frame_test(ebim__frame *f, int B, int order)
{
    int l, active = 0;
    memcpy(ebim_ws_x(&f->trial), f->y, (size_t)f->n * (size_t)f->stride * sizeof *f->y);
    ebim_forward(&f->trial, B, f->field ? 1 : order);
    if (f->field) ebim__frame_adjoints(f, &f->trial, f->residual, f->limit);
    else ebim__norms(&f->trial, f->residual);
    for (l = 0; l < B; l++) { /* without branches: nobody can predict them */
        ebim_real norm = f->residual[l];
        int end = !ebim__finite(norm) ? EBIM__LOST
                : norm > f->limit[l] ? EBIM__ACTIVE : EBIM__SOLVED;
        f->state[l] = f->state[l] == EBIM__ACTIVE ? end : f->state[l];
        active += f->state[l] == EBIM__ACTIVE;
    }
    return active;
}

/* Newton by the factors of J(y) J'. Only lanes that are not done are swept, because most need
 * three evaluations and a few many: those stand at places 0 .. count - 1 of the trial workspace,
 * with the rows of J as its tangents. */
static void ebim__newton_start(ebim__frame *f, int B)
{
    size_t rows = (size_t)f->n * (size_t)f->stride, i;
    ebim_real *x = ebim_ws_x(&f->trial);
    int p;
    if (f->lanes > 1) memcpy(x, f->y0, rows * sizeof *x);
    else for (i = 0; i < rows; i += (size_t)f->stride) x[i] = f->y0[i]; /* just written */
    for (p = 0; p < f->k && !f->field; p++)
        memcpy(ebim_ws_xt(&f->trial, 1 + p), ebim_ws_xg(&f->w, p), rows * sizeof *f->y0);
    memcpy(f->need, f->limit, (size_t)f->lanes * sizeof *f->need);
    for (p = 0; p < f->lanes; p++) {
        f->at[p] = p;
        f->busy[p] = p < B ? -!f->singular[p] : 0;
    }
    f->count = B;
}

/* Where the lanes in the trial workspace stand */
static void ebim__newton_store(ebim__frame *f, const ebim_real *norm)
{
    const ebim_real *x = ebim_ws_x(&f->trial);
    int i, p;
    for (p = 0; p < f->count; p++) f->residual[f->at[p]] = norm[p];
    for (i = 0; i < f->n * f->stride; i += f->stride)
        for (p = 0; p < f->count; p++) f->y[i + f->at[p]] = x[i + p];
}

/* Q'F and Q'J where lanes that leave (`all`: each one) stand, solved or lost -> w */
static void ebim__newton_follow(ebim__frame *f, int all)
{
    int i, c, p, S = f->stride, rows = f->n * S;
    for (i = 0; i < f->k && f->follow; i++) {
        const ebim_real *there = ebim_ws_xg(&f->trial, i), *y = ebim_ws_y(&f->trial) + i * S;
        ebim_real *here = ebim_ws_xg(&f->w, i), *z = ebim_ws_y(&f->w) + i * S;
        for (c = 0; c < rows; c += S)
            for (p = 0; p < f->count; p++)
                if (all || !f->busy[p]) here[c + f->at[p]] = there[c + p];
        for (p = 0; p < f->count; p++)
            if (all || !f->busy[p]) z[f->at[p]] = y[p];
    }
}

/* Lanes that are done leave, and those behind them move up. */
static void ebim__newton_leave(ebim__frame *f)
{
    ebim_real *x = ebim_ws_x(&f->trial), *t = f->field ? NULL : ebim_ws_xt(&f->trial, 1);
    int p, i, left = 0;
    for (p = 0; p < f->count; p++) {
        if (!f->busy[p]) continue;
        f->at[left] = f->at[p];
        f->need[left] = f->need[p];
        for (i = 0; i < f->n * f->stride; i += f->stride) x[i + left] = x[i + p];
        for (i = 0; t && i < f->k * f->n * f->stride; i += f->stride) t[i + left] = t[i + p];
        left++;
    }
    for (p = 0; p < f->stride; p++) f->busy[p] = p < left ? -1 : 0;
    f->count = left;
}

EBIM__SELDOM

/* J and its factor of each lane -> own */
static void ebim__newton_own(ebim__frame *f)
{
    int i, c, p, k = f->k, n = f->n, S = f->stride;
    for (p = 0; p < f->count; p++) {
        ebim_real *own = f->own + (size_t)p * (size_t)(k * (f->wide + k));
        for (i = 0; i < k; i++, own += f->wide)
            for (c = 0; c < n; c++) own[c] = ebim_ws_xg(&f->w, i)[c * S + p];
        for (i = 0; i < k * k; i++) *own++ = f->G[i * S + p];
    }
}

/* F at place p of the trial workspace as a way to M, in front of a map if there is one -> [n] */
static void ebim__field_way(ebim__frame *f, int p, ebim_real *way)
{
    const ebim_real *F = ebim_ws_y(&f->trial) + p;
    int i, j, n = f->n, S = f->stride;
    for (i = 0; i < n; i++) way[i] = f->inverse ? 0 : F[i * S];
    for (i = 0; i < n && f->inverse; i++)
        for (j = 0; j < n; j++) way[i] += EBIM__R(f->inverse[i * n + j]) * F[j * S];
}

/* One chord of the lane at place p: x -= J'(J J')^-1 J F(x) there; returns its length. */
static double ebim__newton_chord(ebim__frame *f, int p)
{
    int i, c, k = f->k, n = f->n, S = f->stride;
    const ebim_real *row, *J = f->own + (size_t)f->at[p] * (size_t)(k * (f->wide + k));
    ebim_real *x = ebim_ws_x(&f->trial) + p, *mu = f->matrix, *b = mu + k, *way = f->chord;
    double step = 0;
    ebim__field_way(f, p, way);
    for (i = 0, row = J; i < k; i++, row += f->wide)
        b[i] = mu[i] = EBIM__R(ebim__dot64(n, row, way));
    if (!f->orthonormal) ebim__cholesky_solve(k, J + k * f->wide, mu, 1);
    memset(way, 0, (size_t)n * sizeof *way);
    for (i = 0, row = J; i < k; i++, row += f->wide) {
        step += (double)b[i] * (double)mu[i];
        for (c = 0; c < n; c++) way[c] += mu[i] * row[c];
    }
    for (c = 0; c < n; c++) x[c * S] -= way[c];
    return sqrt(step);
}

/* Chords, where F is the way to M (a field with a gate), lead next to the root by sweeps of one
 * plane each, of which Newton's have K. Lanes whose steps do not shrink find no M in that direction
 * and stop to be busy. Lanes that are done leave for y, and those behind them move up. */
static void ebim__newton_chords(ebim__frame *f)
{
    enum { MOST = 16 };
    const double close = 2e-4, shrink = 0.9; /* close: what is left of the way, as steps shrink by
                                              * a factor, in shares of the length */
    ebim_real *x = ebim_ws_x(&f->trial), *last = f->vk; /* the last step; 0: done */
    int it, i, p, left, B = f->count, S = f->stride, rows = f->n * S;
    for (p = 0; p < B; p++) last[p] = EBIM__R(f->busy[p] ? 1e30 : 0);
    if (!f->orthonormal) ebim__newton_own(f);
    for (it = 0; it <= MOST; it++) {
        for (left = p = 0; p < f->count; p++) {
            int l = f->at[p];
            if (it == MOST || ebim__stopped(f->w.watch)) f->busy[l] = 0;
            if (!(last[l] > 0) || !f->busy[l]) {
                for (i = 0; i < rows; i += S) f->y[i + l] = x[i + p];
                continue;
            }
            f->at[left] = l;
            for (i = 0; i < rows; i += S) x[i + left] = x[i + p];
            left++;
        }
        f->count = left;
        if (!left) break;
        ebim_forward(&f->trial, left, 0);
        for (p = 0; p < left; p++) {
            int l = f->at[p];
            double step = ebim__newton_chord(f, p), factor = it ? step / (double)last[l] : 0.5;
            double length = (double)f->limit[l] / (f->d.tol * (double)f->scale[l]);
            if (!(factor < shrink)) f->busy[l] = 0;
            last[l] = step * factor > close * length * (1 - factor) ? EBIM__R(step) : 0;
        }
    }
    memcpy(x, f->y, (size_t)rows * sizeof *x);
    for (p = 0; p < B; p++) f->at[p] = p;
    f->count = B;
}

EBIM__OFTEN

/* Row i of Q'J(y) at place p times the k rows that the frame has of its own, side by side -> A */
static void ebim__newton_row(ebim__frame *f, int p, int i, ebim_real *A)
{
    const ebim_real *there = ebim_ws_xg(&f->trial, i) + p;
    const ebim_real *here = f->own + (size_t)f->at[p] * (size_t)(f->k * (f->wide + f->k));
    int j, c, l;
    for (c = 0; c < f->wide; c++) f->chord[c] = c < f->n ? there[c * f->stride] : 0;
    for (j = 0; j < f->k; j++, here += f->wide) {
        ebim_real sum[EBIM__W], all = 0;
        EBIM__EACH(l) sum[l] = 0;
        for (c = 0; c < f->wide; c += EBIM__W)
            EBIM__EACH(l) sum[l] += f->chord[c + l] * here[c + l];
        EBIM__EACH(l) all += sum[l];
        A[j] = all;
    }
}

/* -delta of one lane: (J(y) J') delta = F(y), the columns from k tangents, or from Q'J(y) and the
 * frame's own rows; NaN where there is none, which is then LOST. */
static void ebim__newton_lane(ebim__frame *f, int p)
{
    int i, j, c, k = f->k, S = f->stride, bad;
    ebim_real *A = f->matrix, *b = A + k * k;
    for (i = 0; i < k; i++) {
        for (j = 0; j < k && !f->field; j++)
            A[i * k + j] = ebim_ws_yt(&f->trial, 1 + j)[i * S + p];
        if (f->own) ebim__newton_row(f, p, i, A + i * k);
        for (j = 0; j < k && f->field && !f->own; j++) {
            const ebim_real *there = ebim_ws_xg(&f->trial, i) + p;
            const ebim_real *here = ebim_ws_xg(&f->w, j) + f->at[p];
            for (A[i * k + j] = 0, c = 0; c < f->n * S; c += S) A[i * k + j] += there[c] * here[c];
        }
        b[i] = ebim_ws_y(&f->trial)[i * S + p];
    }
    bad = ebim__lu(k, A, f->piv, 1);
    if (!bad) ebim__lu_solve(k, A, f->piv, b, 1);
    for (i = 0; i < k; i++)
        f->mu[i * S + p] = bad ? ebim__from_bits(EBIM__INF_BITS) : -b[i];
}

/* x += J' mu, J of the frame, in the trial workspace */
static void ebim__newton_move(ebim__frame *f)
{
    ebim_real *x = ebim_ws_x(&f->trial);
    int i, p, c, S = f->stride;
    if (!f->field) {
        for (i = 0; i < f->k; i++)
            f->w.kernels->mac(f->n, x, S, ebim_ws_xt(&f->trial, 1 + i), S, f->mu + i * S, 0,
                              f->trial.lanes);
        return;
    }
    for (i = 0; i < f->k; i++)
        for (p = 0; p < f->count; p++) {
            const ebim_real *here = ebim_ws_xg(&f->w, i) + f->at[p];
            for (c = 0; c < f->n * S; c += S) x[c + p] += f->mu[i * S + p] * here[c];
        }
}

static void ebim__newton_direct(ebim__frame *f, int B)
{
    const ebim__kernels *K = f->w.kernels;
    ebim_real *norm = f->vk;
    int it, i, p, left;
    ebim__newton_start(f, B);
    if (f->field && f->field->gate) {
        ebim__newton_chords(f);
        if (f->rough) {
            for (p = 0; p < B; p++) f->state[p] = f->busy[p] ? EBIM__SOLVED : EBIM__LOST;
            return;
        }
    }
    for (it = 0;; it++) {
        ebim_forward(&f->trial, f->count, 1);
        if (f->field) ebim__frame_adjoints(f, &f->trial, norm, f->need);
        else ebim__norms(&f->trial, norm);
        left = K->pending(norm, f->need, f->busy, f->trial.lanes);
        if (!left || it == f->d.max_iter || ebim__stopped(f->w.watch)) break;
        f->iterations++;
        if (!f->field) ebim_jvp(&f->trial, 1, f->k);
        if (f->k == 1 && !f->field)
            K->quotient(f->mu, ebim_ws_y(&f->trial), ebim_ws_yt(&f->trial, 1), f->busy,
                        f->trial.lanes);
        else
            for (p = 0; p < f->count; p++)
                if (f->busy[p]) ebim__newton_lane(f, p);
                else for (i = 0; i < f->k; i++) f->mu[i * f->stride + p] = 0;
        ebim__newton_move(f);
        if (4 * ebim__lanes(f->stride, left) > 3 * f->trial.lanes) continue; /* moving costs, too */
        ebim__newton_store(f, norm);
        ebim__newton_follow(f, 0);
        ebim__newton_leave(f);
    }
    ebim__newton_store(f, norm);
    ebim__newton_follow(f, 1);
    for (p = 0; p < B; p++) {
        int afar = !ebim__finite(f->residual[p]) || f->residual[p] > f->limit[p];
        f->state[p] = afar || f->singular[p] ? EBIM__LOST : EBIM__SOLVED;
    }
}

/* Newton with the matrix J J' of the frame, by conjugate gradients */
static void ebim__newton_cg(ebim__frame *f, int B)
{
    int it, i, l;
    for (it = 0; ebim__frame_test(f, B, 1) && it < f->d.max_iter; it++) {
        f->iterations++;
        memcpy(f->mu, ebim_ws_y(&f->trial), (size_t)f->k * (size_t)f->stride * sizeof *f->mu);
        ebim__frame_solve(f, f->mu);
        for (i = 0; i < f->k * f->stride; i += f->stride)
            for (l = 0; l < f->lanes; l++)
                if (f->state[l] != EBIM__ACTIVE) f->mu[i + l] = 0;
        ebim__frame_jt(f, f->mu, f->vn);
        f->w.kernels->axpy(f->n, f->y, f->stride, -1, f->vn, f->stride, f->lanes);
    }
}

/* ||F(y0 - J'mu)||^2 per lane -> residual (not squared), its gradient -2 J J(y)'F in vk. */
static void ebim__frame_objective(ebim__frame *f, int B)
{
    size_t st = (size_t)f->stride, i;
    ebim_real *v;
    ebim__frame_jt(f, f->mu, f->vn);
    for (i = 0; i < (size_t)f->n * st; i++) f->y[i] = f->y0[i] - f->vn[i];
    ebim__frame_test(f, B, 1);
    v = ebim_ws_yg(&f->trial, 0);
    for (i = 0; i < (size_t)f->k * st; i++) v[i] = -2 * ebim_ws_y(&f->trial)[i];
    ebim_vjp(&f->trial, 0, 1);
    ebim__frame_j(f, ebim_ws_xg(&f->trial, 0), f->vk);
}

static void ebim__solve_sgd(ebim__frame *f, int B)
{
    int it, i, l;
    for (it = 0; it < f->d.max_iter; it++) {
        f->iterations++;
        ebim__frame_objective(f, B);
        for (l = 0; l < B; l++) {
            ebim_real s = f->scale[l] * f->scale[l];
            s = s > 0 ? EBIM__R(f->d.sgd_rate) / (s * s) : 0;
            for (i = 0; i < f->k * f->stride && f->state[l] == EBIM__ACTIVE; i += f->stride)
                f->mu[i + l] -= s * f->vk[i + l];
        }
    }
    ebim__frame_objective(f, B);
}

/* For L-BFGS: only the point asked for counts, not one passed on the way to it. */
static const ebim_real *ebim__frame_lbfgs(void *user, int B)
{
    ebim__frame *f = (ebim__frame *)user;
    int l;
    for (l = 0; l < B; l++) f->state[l] = f->singular[l] ? EBIM__LOST : EBIM__ACTIVE;
    ebim__frame_objective(f, B);
    return f->vk;
}

/* Over mu times ||J|| (joint: the largest of all), which is a length as F over it is: L-BFGS's
 * tolerances fit. */
static void ebim__solve_lbfgs(ebim__frame *f, int B)
{
    ebim__minima *s = &f->minima;
    ebim_real most = 0;
    int l;
    for (l = 0; l < B; l++) {
        ebim_real unit = !f->singular[l] && f->scale[l] > 0 ? f->scale[l] : 0;
        if (unit > most) most = unit;
        s->unit[l] = unit > 0 ? unit : 1;
    }
    if (s->joint) s->unit[0] = most > 0 ? most : 1;
    f->iterations += ebim__minima_run(s, B, f->mu, f->residual, ebim__frame_lbfgs, f, f->w.watch);
}

/* Solves F(y0 - J'mu) = 0 from mu = 0 for rows y0, per lane: y, state. */
static void ebim__frame_root(ebim__frame *f, int B)
{
    int l;
    for (l = 0; l < f->lanes; l++) f->state[l] = f->singular[l] ? EBIM__LOST : EBIM__ACTIVE;
    ebim__frame_limits(f, f->y0);
    memcpy(f->y, f->y0, (size_t)f->n * (size_t)f->stride * sizeof *f->y);
    memset(f->mu, 0, (size_t)f->k * (size_t)f->stride * sizeof *f->mu);
    switch (f->d.solver) {
    case EBIM_SOLVER_LBFGS: ebim__solve_lbfgs(f, B); break;
    case EBIM_SOLVER_SGD: ebim__solve_sgd(f, B); break;
    case EBIM_SOLVER_NEWTON:
    default:
        if (f->direct) ebim__newton_direct(f, B);
        else ebim__newton_cg(f, B);
    }
    for (l = 0; l < f->lanes; l++)
        f->state[l] = f->state[l] == EBIM__SOLVED ? EBIM__SOLVED : EBIM__LOST;
}

EBIM__SELDOM

/* ============================================================================================
 * >>tangents  of M, where F has more outputs than equations
 *
 * M is {Q'F = 0}, and Q turns from point to point. So what is tangent to M is not the kernel of
 * N = Q'J but that of N + dQ'F. The angle between them is about |F| |F''|: 0 where F is 0 and its
 * equations only depend on one another, 0.0002 to 0.005 on learned fields. Chains need it (see
 * >>exact). With W the other left singular vectors, L = W'J, A = J J', and dQ = W X along v,
 *
 *     X N N' - L L'X = W'dA Q,    dA = dJ J' + J dJ',    so with G = N N' and Q'F = 0
 *     dQ'F = X'W'F = sum_p G^-(p + 1) (N dJ' A^p F + Q'dJ J'A^p F).
 *
 * Two terms are taken: what they leave is the fourth power of the ratio of L to N, 0.05 on learned
 * fields. dJ is a central difference. v begins in the kernel of N and is put right by -N'G^-1 dQ'F
 * until that changes little; its error shrinks by |F| |F''| a round, as that of Newton's method,
 * whose matrix leaves out dQ'F, and points where this is nearly 1 are beyond both. Tangents of
 * learned fields are then off by 1e-5 on average, in float by 1.3e-4, rounding. Cost: a round
 * sweeps K adjoints at 2 m points; learned fields take one or two, a fifth to a half of a move.
 * ========================================================================================= */

static const struct { int rounds; double least, enough; } ebim__tangents_bound = {
    20,
    1e-5, /* least: of ||F||, in shares of J times the length; less turns nothing */
    1e-4  /* enough: what the next round is expected to change; v has length 1 */
};

typedef struct ebim__tangents {
    int m;                    /* 0: nobody asks */
    ebim_real *flat;          /* rows [m][n] orthonormal, the kernel of N */
    double *sum;              /* [stride][TERMS][n + K] dJ'A^p F and dJ J'A^p F */
    double *h;                /* [stride] length of differences; 0: nothing more is to be done */
    double *change, *before;  /* [stride] what a round changed at most; and the one before it */
    double *work;             /* [n][n] */
    ebim_real *N, *U;         /* [n][n] of one lane */
} ebim__tangents;

static void ebim__tangents_init(ebim__tangents *s, ebim_arena *a, const ebim__frame *f)
{
    size_t S = (size_t)f->stride, n = (size_t)f->n;
    if (!f->field) return;
    s->m = f->n - f->k;
    s->flat = EBIM__NEW(a, ebim_real, ebim__times((size_t)s->m * n, S));
    s->sum = EBIM__NEW(a, double, ebim__times(S, EBIM__TERMS * (n + (size_t)f->K)));
    EBIM__NEW_EACH(a, double, S, &s->h, &s->change, &s->before);
    s->work = EBIM__NEW(a, double, ebim__times(n, n));
    EBIM__NEW_EACH(a, ebim_real, ebim__times(n, n), &s->N, &s->U);
}

static double *ebim__tangents_kept(ebim__frame *f, int l)
{
    return f->kept + l * EBIM__KEPT(f->K, f->k, f->n);
}

/* The kernel of N in lane l -> rows of `flat` and T, and how long differences are there */
static void ebim__tangents_flat(ebim__tangents *s, ebim__frame *f, int l, ebim_real *T)
{
    int n = f->n, k = f->k, S = f->stride, i;
    const double *F = ebim__tangents_kept(f, l);
    double length = f->d.length;
    ebim__frame_normals(f, l, s->N);
    for (i = 0; i < k * n; i++) s->work[i] = (double)s->N[i];
    ebim__complement(k, n, s->work);
    for (i = 0; i < s->m * n; i++) T[i * S + l] = s->flat[i * S + l] = EBIM__R(s->work[k * n + i]);
    for (i = 0; i < n; i++) length = fmax(length, fabs((double)ebim_ws_x(&f->w)[i * S + l]));
    if (sqrt(ebim__inner64(f->K, F, F)) > ebim__tangents_bound.least * length * (double)f->scale[l])
        s->h[l] = cbrt((double)EBIM_EPS) * length;
}

/* J at q + side h v of all lanes -> sum */
static void ebim__tangents_side(ebim__tangents *s, ebim__frame *f, int B, const ebim_real *v,
                                int side)
{
    int n = f->n, K = f->K, S = f->stride, i, c, l, p;
    ebim_real *x = ebim_ws_x(&f->trial);
    const ebim_real *q = ebim_ws_x(&f->w);
    for (i = 0; i < n * S; i += S)
        for (l = 0; l < B; l++) x[i + l] = q[i + l] + EBIM__R(side * s->h[l]) * v[i + l];
    ebim_forward(&f->trial, B, 1);
    ebim__adjoints(&f->trial, 0, K, 0);
    for (l = 0; l < B; l++) {
        double *b = s->sum + l * EBIM__TERMS * (n + K), scale = 0.5 * side / s->h[l];
        const double *a = ebim__tangents_kept(f, l);
        if (!(s->h[l] > 0)) continue;
        for (p = 0; p < EBIM__TERMS; p++, b += n + K, a += K + n)
            for (i = 0; i < K; i++) {
                const ebim_real *J = ebim_ws_xg(&f->trial, i) + l;
                for (c = 0; c < n; c++) {
                    double g = scale * (double)J[c * S];
                    b[c] += a[i] * g;
                    b[n + i] += a[K + c] * g;
                }
            }
    }
}

/* dQ'F along v of lane l times G^(p + 1): term p of the sum above -> z: [k] */
static void ebim__tangents_term(ebim__tangents *s, ebim__frame *f, int l, int p, ebim_real *z)
{
    int n = f->n, k = f->k, K = f->K, t = K - k, S = f->stride, i, c;
    double *b = s->sum + (l * EBIM__TERMS + p) * (n + K);
    const double *W = ebim__tangents_kept(f, l) + EBIM__TERMS * (K + n);
    for (i = 0; i < t; i++) ebim__reflect(K - 1 - i, W + i * K, b + n);
    for (i = 0; i < k; i++) {
        const ebim_real *N = ebim_ws_xg(&f->w, i) + l;
        double v = b[n + i];
        for (c = 0; c < n; c++) v += b[c] * (double)N[c * S];
        z[i * S + l] = s->h[l] > 0 ? EBIM__R(v) : 0;
    }
}

/* One round for a direction of all lanes, rows v: [n]; v0 is where it began. */
static void ebim__tangents_round(ebim__tangents *s, ebim__frame *f, int B, const ebim_real *v0,
                                 ebim_real *v)
{
    int n = f->n, S = f->stride, i, l, p;
    memset(s->sum, 0, (size_t)(S * EBIM__TERMS * (n + f->K)) * sizeof *s->sum);
    ebim__tangents_side(s, f, B, v, -1);
    ebim__tangents_side(s, f, B, v, 1);
    memset(f->mu, 0, (size_t)(f->k * S) * sizeof *f->mu);
    for (p = EBIM__TERMS - 1; p >= 0; p--) {
        for (l = 0; l < B; l++) ebim__tangents_term(s, f, l, p, f->vk);
        for (l = 0; l < B; l++)
            for (i = 0; i < f->k * S; i += S) f->mu[i + l] += f->vk[i + l];
        ebim__frame_solve(f, f->mu);
    }
    ebim__frame_solve(f, f->mu);
    ebim__frame_jt(f, f->mu, f->vn);
    for (l = 0; l < B; l++) {
        double sum = 0;
        for (i = l; i < n * S && s->h[l] > 0; i += S) {
            ebim_real to = v0[i] - f->vn[i];
            sum += ((double)to - (double)v[i]) * ((double)to - (double)v[i]);
            v[i] = to;
        }
        s->change[l] = fmax(s->change[l], sqrt(sum));
    }
}

/* An orthonormal basis of M's tangents where frame f stands, in lanes that are alive -> T: rows
 * [m][n]; the last of its m n + 1 rows: 1 where that is not the kernel of N, 2 where rounds came to
 * no end. */
static void ebim__tangents_at(ebim__tangents *s, ebim__frame *f, int B, const int *alive,
                              ebim_real *T)
{
    int n = f->n, m = s->m, S = f->stride, i, l, round, left = 0;
    ebim_real *bent = T + m * n * S;
    memset(T, 0, (size_t)(m * n + 1) * (size_t)S * sizeof *T);
    for (l = 0; l < B; l++) {
        s->h[l] = 0;
        if (alive[l] && !f->singular[l]) ebim__tangents_flat(s, f, l, T);
        bent[l] = s->h[l] > 0;
        s->before[l] = 1; /* the first change is about as large as the ratio of the next ones */
        left += s->h[l] > 0;
    }
    for (round = 0; left && round < ebim__tangents_bound.rounds; round++) {
        memset(s->change, 0, (size_t)S * sizeof *s->change);
        for (i = 0; i < m * n * S; i += n * S) ebim__tangents_round(s, f, B, s->flat + i, T + i);
        for (left = 0, l = 0; l < B; l++) {
            double next = s->change[l] / s->before[l] * s->change[l];
            if (!(next > ebim__tangents_bound.enough)) s->h[l] = 0;
            s->before[l] = s->change[l];
            left += s->h[l] > 0;
        }
    }
    for (l = 0; l < B; l++) {
        if (!(bent[l] > 0)) continue;
        if (s->h[l] > 0) bent[l] = 2;
        for (i = 0; i < m * n; i++) s->work[i] = (double)T[i * S + l];
        ebim__orthonormal_rows(m, n, s->work, 0);
        for (i = 0; i < m * n; i++) T[i * S + l] = EBIM__R(s->work[i]);
    }
}

/* log |det(V T')| in lane l, V an orthonormal basis of the kernel of N where frame f stands */
static double ebim__tangents_log(ebim__tangents *s, ebim__frame *f, int l, const ebim_real *T)
{
    int i, m = s->m, n = f->n;
    ebim__frame_normals(f, l, s->N);
    for (i = 0; i < m * n; i++) s->U[i] = T[i * f->stride + l];
    return log(ebim__cosine(f->k, m, n, s->N, s->U, s->work));
}

/* ============================================================================================
 * >>clmc  constrained Langevin Monte Carlo, Algorithm 1
 *
 * From q on M: r ~ N(0, I) projected to the tangent space (eq. 11), then the root of
 * F(q + eps r - (step/2) grad E - J'mu), J = J(q) (eq. 12, 13). Cost per step and codim 1: one
 * forward and reverse sweep of F and E, about four forward and tangent sweeps of F. The chain is
 * unadjusted: its law is off by O(eps^2), by more with a clamp, and steps without a root are
 * rejections. Temperature is eps^2 / step.
 * ========================================================================================= */

enum { EBIM__WATCHED = 7 };

/* A point of >>exact takes 2 n + 1 rows: n of itself, n of the gradient of E there, clamped, one of
 * E. With a field m n + 1 more, of >>tangents. */
typedef struct ebim__exact {
    int rows;                 /* those of a point */
    ebim_real *at, *end;      /* where a move has come, and where it ended */
    ebim_real *turned;        /* rows [m n + 1] of its next point */
    ebim__tangents tangents;
    ebim_real *p;             /* rows [n]: its momentum, the first of r */
    double *rise;             /* [stride] by how much E + |p|^2 / 2 is more at its end */
    double *off;              /* [stride] ||F|| / ||J|| at its end */
    int *alive;               /* [stride] nothing has failed */
    int *length, *chain;      /* [stride] steps of the move; which chain the lane holds */
    int *order;               /* [2][stride] work */
    double *watch;            /* [n][WATCHED], see ebim__exact_watch */
    int watching;
} ebim__exact;

struct ebim_clmc {
    ebim_clmc_desc d;
    ebim__frame f;
    ebim_ws e;                /* E at q, when has_energy */
    int has_energy;
    int blind;                /* adjusted: moves without the gradient of E */
    int stands;               /* f is F at q */
    ebim__frame g;            /* adjusted: F at the proposal */
    ebim__exact exact;        /* adjusted: the rest of it */
    ebim_real *q, *r;         /* rows [n]; adjusted: of q those of a point; of r five more */
    ebim__int *ok;            /* [stride] who moves */
    int *on;                  /* [stride] who starts on M */
    uint32_t *rng;            /* [4][stride], see ebim__seed_lanes */
    ebim_clmc_report report;
};

/* Puts chains beside M onto it, along the normals where they stand. What is on M to four times the
 * tolerance stays as it is, bit by bit: the root a move ends at was judged by ||J|| of the point it
 * came from. Returns how many are not on M; they stay, too. */
static int ebim__clmc_onto(ebim_clmc *s, int B)
{
    ebim__frame *f = &s->f;
    const ebim__kernels *K = f->w.kernels;
    int l, off = 0, put = 0;
    ebim__frame_at(f, B, s->q);
    s->stands = 1;
    ebim__frame_norms(f, f->residual);
    ebim__frame_limits(f, s->q);
    for (l = 0; l < B; l++) {
        s->on[l] = ebim__finite(f->residual[l]) && f->residual[l] <= 4 * f->limit[l];
        off += !s->on[l];
    }
    if (!off || s->d.keep_unsolved) return off;
    memcpy(f->y0, s->q, (size_t)f->n * (size_t)f->stride * sizeof *f->y0);
    ebim__frame_root(f, B);
    K->inside(f->n, f->y, s->d.lo, s->d.hi, s->ok, f->stride, f->lanes);
    for (l = 0; l < B; l++) {
        s->ok[l] = -(!s->on[l] && s->ok[l] && f->state[l] == EBIM__SOLVED);
        put += s->ok[l] != 0;
    }
    K->select(f->n, s->q, f->y, s->ok, f->stride, f->lanes);
    s->stands = !put;
    return off - put;
}

/* Root of F from x + eps p along the normals of frame f, which stands at x */
static void ebim__clmc_root(ebim__frame *f, int B, const ebim_real *x, const ebim_real *p,
                            double eps)
{
    memcpy(f->y0, x, (size_t)f->n * (size_t)f->stride * sizeof *x);
    f->w.kernels->axpy(f->n, f->y0, f->stride, EBIM__R(eps), p, f->stride, f->lanes);
    ebim__frame_root(f, B);
}

EBIM__OFTEN

/* q <- y where there is a root, in the box */
static void ebim__clmc_move(ebim_clmc *s, int B)
{
    ebim__frame *f = &s->f;
    const ebim__kernels *K = f->w.kernels;
    ebim_clmc_report *rep = &s->report;
    int l;
    K->inside(f->n, f->y, s->d.lo, s->d.hi, s->ok, f->stride, f->lanes);
    for (l = 0; l < B; l++) {
        int in = s->ok[l] != 0, flat = f->singular[l] != 0, solved = f->state[l] == EBIM__SOLVED;
        int root = solved | ((s->d.keep_unsolved != 0) & !flat);
        ebim_real off = root & in ? f->residual[l] / f->scale[l] : 0;
        s->ok[l] = -(root & in);
        rep->singular += flat;
        rep->unsolved += !solved & !flat;
        rep->outside += root & !in;
        rep->moved += root & in;
        if ((double)off > rep->residual) rep->residual = (double)off;
    }
    K->select(f->n, s->q, f->y, s->ok, f->stride, f->lanes);
    rep->steps += B;
}

/* One step of Algorithm 1, unadjusted */
static void ebim__clmc_step(ebim_clmc *s, int B)
{
    ebim__frame *f = &s->f;
    const ebim__kernels *K = f->w.kernels;
    ebim_real c[3];
    if (!s->stands) ebim__frame_to(f, B, s->q, 1);
    s->stands = 0;
    K->normals(s->rng, f->n, s->r, f->stride, f->lanes);
    ebim__frame_tangent(f, s->r);
    if (s->has_energy) {
        ebim__drift_of(c, s->d.eps, s->d.step, s->d.clamp);
        memcpy(ebim_ws_x(&s->e), s->q, (size_t)f->n * (size_t)f->stride * sizeof *s->q);
        ebim__energy_gradient(&s->e, B, EBIM_ENERGY_OF_OUTPUT);
        K->drift(f->n, f->y0, s->q, s->r, ebim_ws_xg(&s->e, 0), c, f->stride, f->lanes);
        ebim__frame_root(f, B);
    } else {
        ebim__clmc_root(f, B, s->q, s->r, s->d.eps);
    }
    ebim__clmc_move(s, B);
}

EBIM__SELDOM

/* ============================================================================================
 * >>exact  constrained Langevin without its error
 *
 * One RATTLE step (several: constrained HMC) from q with a tangent momentum p: half a kick by
 * -grad E, a move along M (the same root of F as in Algorithm 1), half a kick. The step keeps
 * volume and can be undone, so Metropolis' rule with H = E + |p|^2 / 2 makes e^-E dsigma the law
 * of the chain for any eps. A step can be undone only where the same solver finds the way back from
 * its end: the way back is tried, and a move without one is rejected (Zappa, Holmes-Cerfon, Goodman
 * 2018). Kicks by a clamped gradient leave this law as it is; H has the true E. Cost: twice the
 * solves of the unadjusted step.
 *
 * With a field the step goes along the kernel V of Q'J, not along M's tangents T: volume changes by
 * |det V(q')T(q)'| / |det V(q)T(q')'|, which Metropolis' rule is told (>>tangents). On learned
 * fields its log is 0.0002 to 0.003 a move on average, 0.03 at most: 1e5 chains of 20 moves without
 * it pass the tests of examples/exact_sampler.c. Where F is large on M laws are wrong without it.
 * ========================================================================================= */

static ebim_result ebim__exact_init(ebim_clmc *s, ebim_arena *a, const ebim_graph *F)
{
    size_t S = (size_t)s->f.stride, kept = (size_t)EBIM__KEPT(s->f.K, s->f.k, s->f.n);
    ebim_result r = ebim__frame_init(&s->g, a, F, &s->d.constraint);
    ebim__exact *e = &s->exact;
    if (r) return r;
    ebim__tangents_init(&e->tangents, a, &s->f);
    e->rows = 2 * s->f.n + 1;
    if (e->tangents.m) {
        int more = e->tangents.m * s->f.n + 1;
        e->rows += more;
        e->turned = EBIM__NEW(a, ebim_real, ebim__times((size_t)more, S));
        EBIM__NEW_EACH(a, double, ebim__times(S, kept), &s->f.kept, &s->g.kept);
    }
    EBIM__NEW_EACH(a, ebim_real, ebim__times((size_t)e->rows, S), &e->at, &e->end, &s->q);
    EBIM__NEW_EACH(a, double, S, &e->rise, &e->off);
    EBIM__NEW_EACH(a, int, S, &e->alive, &e->length, &e->chain);
    e->p = s->r;
    e->order = EBIM__NEW(a, int, 2 * S);
    e->watch = EBIM__NEW(a, double, (size_t)s->f.n * EBIM__WATCHED);
    return a->failed;
}

/* at: [2 n + 1] rows, the last n + 1 from the first n. Blind moves have no gradient, neither forth
 * nor back, so they are exact, too. */
static void ebim__exact_force(ebim_clmc *s, int B, ebim_real *at)
{
    size_t S = (size_t)s->f.stride, rows = (size_t)s->f.n * S, i;
    ebim_real *kick = at + rows, most = EBIM__R(s->d.clamp);
    memset(kick, 0, (rows + S) * sizeof *at);
    if (!s->has_energy) return;
    memcpy(ebim_ws_x(&s->e), at, rows * sizeof *at);
    if (s->blind) ebim_forward(&s->e, B, 0);
    else ebim__energy_gradient(&s->e, B, EBIM_ENERGY_OF_OUTPUT);
    memcpy(kick + rows, ebim_ws_y(&s->e), S * sizeof *at);
    if (s->blind) return;
    memcpy(kick, ebim_ws_xg(&s->e, 0), rows * sizeof *at);
    for (i = 0; s->d.clamp > 0 && i < rows; i++)
        kick[i] = kick[i] > most ? most : kick[i] < -most ? -most : kick[i];
}

/* p <- P(p - (eps / 2) grad E), of frame f, which stands where the move has come */
static void ebim__exact_kick(ebim_clmc *s, ebim__frame *f)
{
    f->w.kernels->axpy(f->n, s->exact.p, f->stride, EBIM__R(-0.5 * s->d.eps),
                       s->exact.at + f->n * f->stride, f->stride, f->lanes);
    ebim__frame_tangent(f, s->exact.p);
}

/* Whether lane l of the way back ended at x, up to rounding */
static int ebim__exact_returned(const ebim__frame *f, const ebim_real *x, int l, double eps)
{
    double off = 0, tol = eps * (sizeof(ebim_real) == 4 ? 1e-3 : 1e-8);
    int i;
    if (f->state[l] != EBIM__SOLVED) return 0;
    for (i = l; i < f->n * f->stride; i += f->stride)
        off = fmax(off, fabs((double)f->y[i] - (double)x[i]));
    return off <= tol;
}

/* What a field's point has besides, where s->f stands */
static void ebim__exact_tangents(ebim_clmc *s, int B)
{
    ebim__exact *e = &s->exact;
    int l;
    if (!e->tangents.m) return;
    if (!s->stands) ebim__frame_at(&s->f, B, s->q);
    s->stands = 1;
    for (l = 0; l < B; l++) e->alive[l] = 1;
    ebim__tangents_at(&e->tangents, &s->f, B, e->alive,
                      s->q + (2 * s->f.n + 1) * s->f.stride);
}

/* By how much a step from frame f to g changes volume, and the tangents at its end. Where tangents
 * are not known no step leads from or to. */
static void ebim__exact_turn(ebim_clmc *s, ebim__frame *f, ebim__frame *g, int B)
{
    ebim__exact *e = &s->exact;
    int l, S = f->stride, last = e->tangents.m * f->n * S;
    ebim_real *T = e->at + (2 * f->n + 1) * S, *to = e->turned;
    ebim__tangents_at(&e->tangents, g, B, e->alive, to);
    for (l = 0; l < B; l++) {
        double bent = fmax((double)T[last + l], (double)to[last + l]);
        if (!e->alive[l] || !(bent > 0)) continue;
        e->alive[l] = bent < 2;
        s->report.astray += !e->alive[l];
        e->rise[l] += ebim__tangents_log(&e->tangents, f, l, to) -
                      ebim__tangents_log(&e->tangents, g, l, T);
    }
    memcpy(T, to, (size_t)(last + S) * sizeof *T);
}

/* One RATTLE step of (at, p) from frame f, which stands there, to frame g, which will. */
static void ebim__exact_leap(ebim_clmc *s, ebim__frame *f, ebim__frame *g, int B)
{
    ebim__exact *e = &s->exact;
    ebim_clmc_report *rep = &s->report;
    double eps = s->d.eps;
    int l, i, rows = f->n * f->stride;
    f->lanes = ebim__lanes(f->stride, B); /* fewer, maybe, than stand in it */
    ebim__exact_kick(s, f);
    ebim__clmc_root(f, B, e->at, e->p, eps);
    ebim__frame_at(g, B, f->y);
    for (i = 0; i < rows; i += f->stride)
        for (l = i; l < i + f->lanes; l++)
            e->p[l] = EBIM__R(((double)f->y[l] - (double)e->at[l]) / eps);
    ebim__frame_tangent(g, e->p);
    if (s->d.adjust != EBIM_ADJUST_UNCHECKED) ebim__clmc_root(g, B, f->y, e->p, -eps);
    for (l = 0; l < B; l++) {
        if (!e->alive[l]) continue;
        e->alive[l] = f->state[l] == EBIM__SOLVED && !g->singular[l];
        rep->unsolved += !e->alive[l];
        if (!e->alive[l] || s->d.adjust == EBIM_ADJUST_UNCHECKED) continue;
        e->alive[l] = ebim__exact_returned(g, e->at, l, eps);
        rep->astray += !e->alive[l];
    }
    if (e->tangents.m) ebim__exact_turn(s, f, g, B);
    memcpy(e->at, f->y, (size_t)rows * sizeof *e->at);
    ebim__exact_force(s, B, e->at);
    ebim__exact_kick(s, g); /* the other half */
}

static double ebim__exact_kinetic(const ebim__frame *f, const ebim_real *p, int l)
{
    double sum = 0;
    int i;
    for (i = l; i < f->n * f->stride; i += f->stride) sum += (double)p[i] * (double)p[i];
    return sum / 2; /* the kinetic energy */
}

/* Lanes first .. last - 1 have made their steps, the last one from frame f: they end here. */
static void ebim__exact_end(ebim_clmc *s, const ebim__frame *f, int first, int last)
{
    ebim__exact *e = &s->exact;
    int l, i, rows = f->n * f->stride;
    for (i = first; i < e->rows * f->stride; i += f->stride)
        memcpy(e->end + i, e->at + i, (size_t)(last - first) * sizeof *e->at);
    for (l = first; l < last; l++) {
        e->rise[l] += (double)e->at[2 * rows + l] + ebim__exact_kinetic(f, e->p, l);
        e->off[l] = (double)(f->residual[l] / f->scale[l]);
    }
}

/* Who moves: -log of a uniform number is half the square of the length of two normals. */
static void ebim__exact_accept(ebim_clmc *s, int B)
{
    ebim__exact *e = &s->exact;
    ebim_clmc_report *rep = &s->report;
    const ebim__frame *f = &s->f;
    const ebim_real *z = s->r + (f->n + f->n % 2) * f->stride;
    int l;
    for (l = 0; l < B; l++) {
        double a = (double)z[l], b = (double)z[f->stride + l], rise = e->rise[l];
        int in = s->ok[l] != 0;
        s->ok[l] = 0;
        if (!e->alive[l]) continue;
        rep->outside += !in;
        if (!in) continue;
        if (ebim__finite64(rise)) {
            double p = rise > 0 ? exp(-rise) : 1;
            rep->accept += floor(p * 1048576) / 1048576; /* their sum is exact, in any order */
            s->ok[l] = -(rise < (a * a + b * b) / 2);
        }
        rep->moved += s->ok[l] != 0;
        rep->rejected += !s->ok[l];
        if (s->ok[l]) rep->residual = fmax(rep->residual, e->off[l]);
    }
}

/* Adds what a move did to each coordinate and to its square: sums of g, g^2 and (g' - g)^2. */
static void ebim__exact_watch(ebim_clmc *s, int B)
{
    const ebim__exact *e = &s->exact;
    int i, l, q;
    for (i = 0; i < s->f.n; i++) {
        double *w = e->watch + i * EBIM__WATCHED; /* centre; three sums of x, three of x^2 */
        const ebim_real *from = s->q + i * s->f.stride, *to = e->end + i * s->f.stride;
        for (l = 0; l < B; l++) {
            double a = (double)from[l] - w[0], b = s->ok[l] ? (double)to[l] - w[0] : a;
            for (q = 1; q < EBIM__WATCHED; q += 3, a *= a, b *= b) {
                w[q] += a;
                w[q + 1] += a * a;
                w[q + 2] += (b - a) * (b - a);
            }
        }
    }
}

/* Lane l of rows gets what lane order[l] has. scratch: [lanes] elements of this size */
static void ebim__reorder(void *rows, int count, size_t size, const int *order, int stride,
                          int lanes, void *scratch)
{
    unsigned char *row = (unsigned char *)rows, *to = (unsigned char *)scratch;
    int i, l;
    for (i = 0; i < count; i++, row += (size_t)stride * size) {
        for (l = 0; l < lanes; l++)
            memcpy(to + (size_t)l * size, row + (size_t)order[l] * size, size);
        memcpy(row, to, (size_t)lanes * size);
    }
}

/* Moves of several steps: how many each chain makes is drawn, uniform on 1 .. leapfrog, by its own
 * two normals. Those with most come first, so that the others can be left out of the sweeps. */
static void ebim__exact_lengths(ebim_clmc *s, int B)
{
    ebim__exact *e = &s->exact;
    int n = s->f.n, S = s->f.stride, rows = n + n % 2, l, want, at = 0;
    const ebim_real *z = s->r + (rows + 2) * S;
    void *scratch = e->rise; /* not yet in use */
    int *drawn = e->order + S;
    for (l = 0; l < B; l++) {
        double a = (double)z[l], b = (double)z[S + l];
        drawn[l] = 1 + ebim__min_int((int)(exp(-(a * a + b * b) / 2) * s->d.leapfrog),
                                     s->d.leapfrog - 1);
    }
    for (want = s->d.leapfrog; want; want--)
        for (l = 0; l < B; l++) {
            if (drawn[l] != want) continue;
            e->length[at] = want;
            e->order[at++] = l;
        }
    ebim__reorder(s->q, e->rows, sizeof *s->q, e->order, S, B, scratch);
    ebim__reorder(s->r, rows + 2, sizeof *s->r, e->order, S, B, scratch);
    ebim__reorder(s->rng, 4, sizeof *s->rng, e->order, S, B, scratch);
    ebim__reorder(e->chain, 1, sizeof *e->chain, e->order, S, B, scratch);
    s->stands = 0;
}

/* Chains back to the lanes they came in, after moves of several steps */
static void ebim__exact_restore(ebim_clmc *s, int B)
{
    ebim__exact *e = &s->exact;
    int l;
    for (l = 0; l < B; l++) e->order[e->chain[l]] = l;
    ebim__reorder(s->q, s->f.n, sizeof *s->q, e->order, s->f.stride, B, e->rise);
}

/* One move of all chains, whose q has its gradient and E from the last move. */
static void ebim__exact_step(ebim_clmc *s, int B)
{
    ebim__exact *e = &s->exact;
    ebim__frame *f = &s->f, *g = &s->g, *t;
    const ebim__kernels *K = f->w.kernels;
    int i, l, several = s->d.leapfrog > 1, count = B, lanes = ebim__lanes(f->stride, B);
    int rows = f->n * f->stride;
    K->normals(s->rng, f->n + f->n % 2 + (several ? 4 : 2), s->r, f->stride, lanes);
    if (several) ebim__exact_lengths(s, B);
    if (!s->stands) ebim__frame_at(f, B, s->q);
    s->stands = 0;
    ebim__frame_tangent(f, e->p); /* now tangent */
    memcpy(e->at, s->q, (size_t)(e->rows * f->stride) * sizeof *e->at);
    for (l = 0; l < B; l++) {
        e->rise[l] = -((double)s->q[2 * rows + l] + ebim__exact_kinetic(f, e->p, l));
        e->alive[l] = !f->singular[l];
        s->report.singular += f->singular[l] != 0;
    }
    for (i = 1; count; i++) {
        int last = count;
        ebim__exact_leap(s, f, g, count);
        while (count && (!several || e->length[count - 1] == i)) count--;
        ebim__exact_end(s, f, count, last);
        t = f;
        f = g;
        g = t;
    }
    K->inside(f->n, e->end, s->d.lo, s->d.hi, s->ok, f->stride, lanes);
    ebim__exact_accept(s, B);
    if (e->watching) ebim__exact_watch(s, B);
    K->select(e->rows, s->q, e->end, s->ok, f->stride, lanes);
    s->report.steps += B;
}

/* ============================================================================================
 * >>diagnose  R-hat and effective sample size of chains
 *
 * Split R-hat (Gelman et al. 2013), and the effective sample size of the mean by Geyer's initial
 * monotone sequence over all halves of chains (Vehtari et al. 2021).
 * ========================================================================================= */

/* Mean over the halves of their autocovariance at a lag, by n - 1; between: n times the variance of
 * their means. Cost: all draws. */
static double ebim__autocovariance(int chains, int draws, const double *x, int lag,
                                   double *between)
{
    int h, i, n = draws / 2, m = 2 * chains;
    double sum = 0, all = 0, square = 0;
    for (h = 0; h < m; h++) {
        const double *p = x + (size_t)(h / 2) * (size_t)draws + (h % 2 ? draws - n : 0);
        double mean = p[0], step; /* the mean of a constant is exact */
        for (i = 0; i < n; i++) mean += (p[i] - p[0]) / n;
        step = mean - all;
        for (i = 0; i + lag < n; i++) sum += (p[i] - mean) * (p[i + lag] - mean);
        all += step / (h + 1);
        square += step * (mean - all);
    }
    *between = n * square / (m - 1);
    return sum / (n - 1) / m;
}

EBIM_API double ebim_rhat(int chains, int draws, const double *x)
{
    double n = draws / 2, between, within = ebim__autocovariance(chains, draws, x, 0, &between);
    if (!(within > 0)) return between > 0 ? HUGE_VAL : 1;
    return sqrt((n - 1) / n + between / n / within);
}

EBIM_API double ebim_ess(int chains, int draws, const double *x)
{
    double n = draws / 2, all = 2 * chains * n, tau = -1, last = HUGE_VAL;
    double between, within = ebim__autocovariance(chains, draws, x, 0, &between);
    double var = within * (n - 1) / n + between / n;
    int lag;
    if (!(within > 0)) return 0;
    for (lag = 0; lag + 1 < draws / 2; lag += 2) { /* pairs of correlations, while positive */
        double a = ebim__autocovariance(chains, draws, x, lag, &between);
        double b = ebim__autocovariance(chains, draws, x, lag + 1, &between);
        double pair = lag ? 2 - (2 * within - a - b) / var : 2 - (within - b) / var;
        if (!(pair > 0)) break;
        last = fmin(last, pair);
        tau += 2 * last;
    }
    return tau * log10(all) > 1 ? all / tau : all * log10(all); /* tau may be below 0 */
}

/* ============================================================================================
 * >>chains  what is made of the moves: runs, far moves, the step that serves best
 *
 * ebim_clmc_run moves by >>exact or, unadjusted, by >>clmc. A point that is not on M is put there
 * first; one that cannot be is not moved, and counted.
 * ========================================================================================= */

EBIM_API ebim_result ebim_clmc_init(ebim_clmc **out, ebim_arena *a, const ebim_graph *F,
                                    const ebim_graph *E, const ebim_clmc_desc *d)
{
    ebim_clmc *s = EBIM__NEW(a, ebim_clmc, 1), local, *p = ebim__ready(a) ? s : &local;
    ebim_result r;
    size_t rows;
    *out = NULL;
    if (!(d->eps > 0)) return EBIM_ERR_EPS;
    if (!d->lo != !d->hi) return EBIM_ERR_BOX;
    if (d->leapfrog < 0 || d->leapfrog_most < 0) return EBIM_ERR_ARG;
    memset(p, 0, sizeof *p);
    p->d = *d;
    r = ebim__frame_init(&p->f, a, F, &d->constraint);
    if (!r && E) {
        if (ebim_outputs(E) != 1 || ebim_inputs(E) != ebim_inputs(F)) return EBIM_ERR_SHAPE;
        r = ebim__ws_for(&p->e, a, E, p->f.d.lanes, 0, EBIM__FOR_VJP);
        if (!r) ebim__turn_init(&p->e, a);
        p->has_energy = 1;
    }
    if (r) return r;
    rows = (size_t)p->f.n * (size_t)p->f.stride;
    if (!d->adjust) p->q = EBIM__NEW(a, ebim_real, rows);
    p->r = EBIM__NEW(a, ebim_real, rows + 5 * (size_t)p->f.stride);
    if (d->adjust) r = ebim__exact_init(p, a, F);
    p->ok = EBIM__NEW(a, ebim__int, p->f.stride);
    p->on = EBIM__NEW(a, int, p->f.stride);
    p->rng = EBIM__NEW(a, uint32_t, 4 * (size_t)p->f.stride);
    if (ebim__ready(a)) *out = s;
    return r ? r : a->failed;
}

EBIM_API ebim_clmc_report ebim_clmc_stats(const ebim_clmc *s)
{
    ebim_clmc_report r = s->report;
    r.eps = s->d.eps;
    r.leapfrog = s->d.leapfrog;
    return r;
}

static void ebim__clmc_reset(ebim_clmc *s) /* the counts */
{
    memset(&s->report, 0, sizeof s->report);
    s->f.iterations = s->g.iterations = 0;
}

EBIM_API const char *ebim_clmc_advice(const ebim_clmc_report *r)
{
    static const char *const text[] = {
        "chains move",
        "Metropolis' rule rejects nearly all moves: eps is too long for E (ebim_clmc_adapt finds a "
        "shorter one), or E falls steeply where chains start",
        "nearly no move finds its way back: eps is long beside the curvature of M, or F is rough; "
        "a shorter one helps (ebim_clmc_adapt) until it comes near the rounding of coordinates",
        "nearly no move finds a root of F: eps is longer than M is wide (ebim_clmc_adapt finds a "
        "shorter one), the gradient of E is not finite, or max_iter of the constraint is too small",
        "nearly all moves leave the box: make the box wider or eps shorter, or start inside it",
        "J J' is singular where chains are: M crosses itself there, outputs of F depend on each "
        "other, or F is flat or not finite",
        "chains do not start on M: no point of M was found along the normals at their starts; "
        "project them first (ebim_projector_run), and look at F there if that fails"
    };
    const int64_t count[] = {r->rejected, r->astray, r->unsolved, r->outside, r->singular};
    int i, most = 0;
    if (r->steps <= 0 || 10 * r->moved >= r->steps) return text[0];
    if (2 * r->off >= r->steps - r->moved) return text[6]; /* all others come of it */
    for (i = 1; i < 5; i++)
        if (count[i] > count[most]) most = i;
    return text[1 + most];
}

EBIM_API int ebim_clmc_run(ebim_clmc *s, int B, ebim_real *x, int steps, uint64_t seed,
                           uint64_t stream)
{
    ebim__frame *f = &s->f;
    int at, t, l, off, all = 0; /* not on M: in a block, in all */
    ebim__frame_turn(f);
    if (s->d.adjust) ebim__frame_turn(&s->g);
    if (s->has_energy) ebim__turn(&s->e);
    for (at = 0; at < B; at += f->stride) {
        int count = ebim__min_int(f->stride, B - at), lanes = ebim__lanes(f->stride, count);
        ebim_real *p = x + (size_t)at * (size_t)f->n;
        ebim__to_lanes(p, count, f->n, s->q, f->stride, lanes);
        ebim__seed_lanes(s->rng, f->stride, lanes, count, seed, stream + (uint64_t)at);
        off = ebim__clmc_onto(s, count);
        s->report.off += (int64_t)off * steps;
        all += off;
        if (s->d.adjust) {
            ebim__exact_force(s, count, s->q);
            ebim__exact_tangents(s, count);
        }
        for (l = 0; s->d.adjust && l < count; l++) s->exact.chain[l] = l;
        for (t = 0; t < steps && !ebim__stopped(f->w.watch); t++)
            if (s->d.adjust) ebim__exact_step(s, count);
            else ebim__clmc_step(s, count);
        if (s->d.adjust) ebim__exact_restore(s, count);
        ebim__from_lanes(s->q, f->stride, count, f->n, p);
    }
    s->report.iterations = f->iterations + s->g.iterations;
    return B - all;
}

EBIM_API int ebim_clmc_far(ebim_clmc *s, int B, ebim_real *x, double reach, uint64_t seed,
                           uint64_t stream)
{
    ebim_clmc_desc kept = s->d;
    ebim_clmc_report report = s->report;
    int moved;
    EBIM_ASSERT(s->d.adjust);
    s->d.eps = reach;
    s->d.leapfrog = 1;
    s->blind = 1;
    ebim_clmc_run(s, B, x, 1, seed, stream);
    moved = (int)(s->report.moved - report.moved);
    s->blind = 0;
    s->d = kept;
    s->report = report;
    return moved;
}

/* Moves of an adaptation */
typedef struct ebim__adapt {
    ebim_clmc *s;
    int B, left;              /* chains; moves that are still to be made */
    ebim_real *x;             /* [B][n] */
    double want;              /* mean probability to accept */
    uint64_t seed, stream;    /* of the next move */
} ebim__adapt;

static void ebim__adapt_run(ebim__adapt *a, int steps)
{
    ebim_clmc_run(a->s, a->B, a->x, steps, a->seed, a->stream);
    a->stream += (uint64_t)steps * (uint64_t)a->B;
    a->left -= steps;
}

/* eps so that moves are accepted as often as wanted: Hoffman and Gelman 2014, algorithm 5 */
static void ebim__adapt_eps(ebim__adapt *a, int steps)
{
    ebim_clmc *s = a->s;
    double mu = log(10 * s->d.eps), late = 0, mean = 0;
    int t;
    for (t = 1; t <= steps; t++) {
        double before = s->report.accept, w = pow(t, -0.75);
        ebim__adapt_run(a, 1);
        mean += (a->want - (s->report.accept - before) / a->B - mean) / (t + 10);
        s->d.eps = exp(mu - sqrt(t) / 0.05 * mean);
        late += w * (log(s->d.eps) - late);
    }
    if (steps > 0) s->d.eps = exp(late);
}

/* Independent draws that a step is worth, for the coordinate or square of one where that is least:
 * with correlation c from one move to the next (1 - c) / (1 + c) per move. */
static double ebim__adapt_worth(ebim__adapt *a, int steps)
{
    ebim_clmc *s = a->s;
    double least = 1, N = (double)a->B * steps, *w = s->exact.watch;
    int i, q, n = s->f.n;
    memset(w, 0, (size_t)n * EBIM__WATCHED * sizeof *w);
    for (q = 0; q < a->B; q++)
        for (i = 0; i < n; i++) {
            double *mean = w + i * EBIM__WATCHED;
            *mean += ((double)ebim__nth(a->x, q, n)[i] - *mean) / (q + 1);
        }
    s->exact.watching = 1;
    ebim__adapt_run(a, steps);
    s->exact.watching = 0;
    for (i = 0; i < n; i++, w += EBIM__WATCHED)
        for (q = 1; q < EBIM__WATCHED; q += 3) {
            double var = w[q + 1] / N - w[q] / N * (w[q] / N), c = 1 - w[q + 2] / N / (2 * var);
            if (var > 0 && ebim__finite64(c)) least = fmin(least, (1 - c) / (1 + fmax(c, 0)));
        }
    return least / (s->d.leapfrog + 1.5); /* a move costs half a step, and (leapfrog + 1) / 2 */
}

/* leapfrog 1, 2, 4, ..., each with an eps of its own, until one is worth much less than the best */
static void ebim__adapt_leapfrog(ebim__adapt *a)
{
    ebim_clmc_desc *d = &a->s->d, best = *d;
    double most = 0, worth;
    int count = 2, share, l;
    for (l = 1; l < d->leapfrog_most; l *= 2) count++;
    share = a->left / count / 2;
    for (l = 1; share; l = ebim__min_int(2 * l, d->leapfrog_most)) {
        d->leapfrog = l;
        ebim__adapt_eps(a, share);
        worth = ebim__adapt_worth(a, share);
        if (worth > most) {
            most = worth;
            best = *d;
        }
        if (worth < most / 2 || l == d->leapfrog_most) break;
    }
    *d = best;
}

EBIM_API double ebim_clmc_adapt(ebim_clmc *s, int B, ebim_real *x, int steps, double target,
                                uint64_t seed, uint64_t stream)
{
    ebim__adapt a = {s, B, steps, x, ebim__or(target, 0.8), seed, stream + (uint64_t)B};
    if (!s->d.adjust) return s->d.eps;
    if (s->d.leapfrog_most) ebim__adapt_leapfrog(&a);
    ebim__adapt_eps(&a, a.left);
    return s->d.eps;
}

/* ============================================================================================
 * >>project  points onto M
 *
 * ONTO is Gauss-Newton, x <- x - s J' G^-1 F(x), with s halved until ||F|| falls, per lane. NEAREST
 * goes on along M: with d = P(x0 - x), the root of F(x + s d - J'mu) is accepted where it is closer
 * to x0. So the distance falls (to rounding), and d = 0 at a nearest point; a point as far from M
 * as its radius of curvature has several. DESCEND begins with L-BFGS on ||F||^2 over x, per lane or
 * joint, the paper's way to start chains. Cost of a step, for lanes that are not done: two forward
 * and a reverse sweep of F; of NEAREST about three more for the root. A field that is followed has
 * one way for all three: a forward sweep a step, and no Newton.
 * ========================================================================================= */

struct ebim_projector {
    ebim_project_desc d;
    ebim__frame f;
    /* what moves when lanes change places, rows of two arrays: */
    ebim_real *x0, *x, *last; /* rows [n], last: dir of the last step */
    ebim_real *step, *last2;  /* [stride] s; |last|^2 or 0 */
    int32_t *done, *idle;     /* [stride] how ONTO has ended, 0: not yet; whether NEAREST has */
    int32_t *place;           /* [stride] where a lane comes from */
    int ways;                 /* 1: points that ways do not lead next to M are given up */
    /* and what does not: */
    ebim_real *dir;           /* rows [n] d */
    ebim_real *norm, *d2;     /* [stride] ||F(x)||, |d|^2 */
    ebim__minima minima;      /* over x, to DESCEND */
};

EBIM_API ebim_result ebim_projector_init(ebim_projector **out, ebim_arena *a, const ebim_graph *F,
                                         const ebim_project_desc *d)
{
    ebim_projector *s = EBIM__NEW(a, ebim_projector, 1), local, *p = ebim__ready(a) ? s : &local;
    ebim_constraint_desc c = d->constraint;
    ebim_result r;
    size_t rows, S;
    *out = NULL;
    memset(p, 0, sizeof *p);
    p->d = *d;
    p->d.max_iter = ebim__or_int(d->max_iter, 100);
    p->d.tol = d->tol > 0 ? d->tol : sizeof(ebim_real) == 4 ? 1e-4 : 1e-8;
    /* DESCEND takes no root of the frame's, but its trial workspace needs adjoints */
    c.solver = d->method == EBIM_PROJECT_DESCEND ? EBIM_SOLVER_SGD : EBIM_SOLVER_NEWTON;
    r = F->field.gate == EBIM__FOLLOWED ? ebim__frame_follow(&p->f, a, F, &c)
                                        : ebim__frame_init(&p->f, a, F, &c);
    if (r) return r;
    S = (size_t)p->f.stride;
    rows = (size_t)p->f.n * S;
    p->x0 = EBIM__NEW(a, ebim_real, 3 * rows + 2 * S);
    p->done = EBIM__NEW(a, int32_t, 3 * S);
    p->dir = EBIM__NEW(a, ebim_real, rows);
    EBIM__NEW_EACH(a, ebim_real, S, &p->norm, &p->d2);
    if (d->method == EBIM_PROJECT_DESCEND && p->f.k)
        r = ebim__minima_init(&p->minima, a, p->f.n, p->f.stride, p->f.d.joint, p->d.max_iter, 0);
    if (r || !ebim__ready(a)) return r ? r : a->failed;
    p->x = p->x0 + rows, p->last = p->x + rows, p->step = p->last + rows, p->last2 = p->step + S;
    p->idle = p->done + S, p->place = p->idle + S;
    *out = s;
    return EBIM_OK;
}

EBIM__OFTEN

static void ebim__projector_swap(ebim_projector *p, int a, int b)
{
    int i, S = p->f.stride;
    for (i = 0; i < (3 * p->f.n + 2) * S; i += S) ebim__swap(&p->x0[i + a], &p->x0[i + b]);
    for (i = 0; i < 3 * S; i += S) ebim__swap_int(&p->done[i + a], &p->done[i + b]);
}

/* Steps of B lanes; those that are `out` before a step stand behind the others, and are left out of
 * it. A step returns 0 when all are. */
static void ebim__projector_loop(ebim_projector *p, int B, int (*step)(ebim_projector *p, int B),
                                const int32_t *out)
{
    int it, l, left;
    for (l = 0; l < p->f.stride; l++) {
        p->step[l] = 1;
        p->place[l] = l;
    }
    for (it = 0; it < p->d.max_iter && !ebim__stopped(p->f.w.watch); it++) {
        for (l = left = 0; l < B; l++)
            if (!out[l] && l != left++) ebim__projector_swap(p, l, left - 1);
        B = left;
        if (!B || !step(p, B)) break;
    }
    for (l = 0; l < p->f.stride; l++)
        while (p->place[l] != l) ebim__projector_swap(p, l, p->place[l]);
}

/* Takes a step where ||F|| falls, or comes to its tolerance, and halves it elsewhere. */
static int ebim__onto_step(ebim_projector *p, int B)
{
    ebim__frame *f = &p->f;
    int i, l, rows = f->n * f->stride, left = 0;
    ebim__frame_to(f, B, p->x, 1);
    ebim__frame_norms(f, p->norm);
    memcpy(f->mu, ebim_ws_y(&f->w), (size_t)f->k * (size_t)f->stride * sizeof *f->mu);
    ebim__frame_solve(f, f->mu);
    ebim__frame_jt(f, f->mu, f->vn);
    for (i = 0; i < rows; i += f->stride)
        for (l = 0; l < f->lanes; l++) f->y[i + l] = p->x[i + l] - p->step[l] * f->vn[i + l];
    for (l = 0; l < f->lanes; l++) f->state[l] = f->singular[l] ? EBIM__LOST : EBIM__ACTIVE;
    ebim__frame_limits(f, f->y);
    ebim__frame_test(f, B, B == 1); /* one lane hardly ever needs another sweep there */
    for (l = 0; l < B; l++) {
        int better = f->state[l] != EBIM__LOST && f->residual[l] < p->norm[l];
        if (p->done[l]) continue;
        if (better || f->state[l] == EBIM__SOLVED) {
            for (i = 0; i < rows; i += f->stride) p->x[i + l] = f->y[i + l];
            p->step[l] = p->step[l] < EBIM__R(0.5) ? 2 * p->step[l] : 1;
        } else {
            p->step[l] *= EBIM__R(0.5);
        }
        if (f->state[l] == EBIM__SOLVED) p->done[l] = EBIM__SOLVED;
        else if (p->step[l] < EBIM__R(1e-3)) p->done[l] = EBIM__LOST;
        left += !p->done[l];
    }
    return left;
}

static const ebim_real *ebim__descend_at(void *user, int B)
{
    ebim_projector *p = (ebim_projector *)user;
    ebim__frame *f = &p->f;
    memcpy(ebim_ws_x(&f->trial), p->x, (size_t)f->n * (size_t)f->stride * sizeof *p->x);
    ebim__energy_gradient(&f->trial, B, EBIM_ENERGY_OF_NORM2);
    ebim__norms(&f->trial, p->norm);
    return ebim_ws_xg(&f->trial, 0);
}

/* A field with a gate is the way to M: x -= F(x) while that gets shorter, and what it is off there
 * is for Newton. One that is followed has no Newton: x -= share F(x) until F is short as on M. */
static void ebim__projector_ways(ebim_projector *p, int B)
{
    ebim__frame *f = &p->f;
    const int followed = f->field->gate == EBIM__FOLLOWED, most = followed ? 100 : 6;
    const ebim_real share = followed ? EBIM__R(ebim__way.last) : 1;
    const ebim_real end = EBIM__R(f->field->norm * f->field->norm);
    int it, i, l, S = f->stride, rows = f->n * S, left = 1;
    for (l = 0; l < S; l++) {
        p->d2[l] = EBIM__R(1e30);
        p->done[l] = 0;
    }
    for (it = 0; it < most && left && !ebim__stopped(f->w.watch); it++) {
        const ebim_real *F = ebim_ws_y(&f->trial);
        memcpy(ebim_ws_x(&f->trial), p->x, (size_t)rows * sizeof *p->x);
        ebim_forward(&f->trial, B, 0);
        for (left = l = 0; l < B; l++) {
            ebim_real way = 0;
            if (p->done[l]) continue;
            for (i = l; i < rows; i += S) way += F[i] * F[i];
            if (followed ? way <= end : !(way < EBIM__R(0.8) * p->d2[l])) {
                p->done[l] = EBIM__SOLVED;
                continue;
            }
            ebim__field_way(f, l, f->chord);
            for (i = 0; i < f->n; i++) p->x[i * S + l] -= share * f->chord[i];
            p->d2[l] = way;
            left++;
        }
    }
}

/* x <- points of M from x0 of B lanes, by ONTO, after DESCEND if that is asked for */
static void ebim__projector_onto(ebim_projector *p, int B)
{
    size_t S = (size_t)p->f.stride;
    int l;
    double close = p->ways ? 5 * p->f.field->norm : 0; /* a way: the next one is the shorter */
    memcpy(p->x, p->x0, (size_t)p->f.n * S * sizeof *p->x);
    if (p->f.field && p->f.field->gate == EBIM__FOLLOWED) {
        ebim__projector_ways(p, B);
        return;
    }
    if (p->d.method == EBIM_PROJECT_DESCEND) {
        for (l = 0; l < B; l++) p->minima.unit[l] = 1;
        ebim__minima_run(&p->minima, B, p->x, p->norm, ebim__descend_at, p, p->f.w.watch);
    }
    if (p->f.field && p->f.field->gate) ebim__projector_ways(p, B);
    memset(p->done, 0, S * sizeof *p->done);
    for (l = 0; l < B && p->ways; l++)
        if ((double)p->d2[l] > close * close) p->done[l] = EBIM__LOST;
    p->f.trial.used = 0; /* nothing has been tried for these points */
    ebim__projector_loop(p, B, ebim__onto_step, p->done);
}

/* d2 <- |d|^2 of lane l, and its step from how the last one, s, changed d: to (1 - a s) d. */
static ebim_real ebim__nearest_length(ebim_projector *p, int l)
{
    ebim_real d2 = 0, dot = 0, s = p->step[l], left;
    int i, S = p->f.stride;
    for (i = 0; i < p->f.n * S; i += S) {
        d2 += p->dir[i + l] * p->dir[i + l];
        dot += p->dir[i + l] * p->last[i + l];
    }
    if (p->last2[l] > 0) {
        left = dot / p->last2[l];
        s = left < EBIM__R(0.75) ? s / (1 - left) : 4 * s;
        if (s < EBIM__R(0.1) * p->step[l]) s = EBIM__R(0.1) * p->step[l];
        p->step[l] = s < 2 ? s : 2;
    }
    return d2;
}

/* Whether d is lost in the rounding of x, or of the lengths that the tolerance is for. Next to M
 * such a d is more than tol of the distance: steps would go to and fro for all of max_iter. */
static int ebim__nearest_rounded(const ebim_projector *p, int l)
{
    const ebim_constraint_desc *d = &p->f.d;
    int i, S = p->f.stride;
    for (i = 0; i < p->f.n; i++) {
        double size = fmax(d->lengths ? d->lengths[i] : d->length, fabs((double)p->x[i * S + l]));
        if (fabs((double)p->dir[i * S + l]) > (double)EBIM_EPS / 2 * size) return 0;
    }
    return 1;
}

/* One trial step of every lane towards x0 along M. Returns how many lanes go on. Below `noise`
 * distances cannot tell a better point from a worse one: there the step is trusted. */
static int ebim__nearest_step(ebim_projector *p, int B)
{
    ebim__frame *f = &p->f;
    int i, l, rows = f->n * f->stride, left = 0;
    ebim__frame_to(f, B, p->x, 1);
    for (i = 0; i < rows; i += f->stride)
        for (l = i; l < i + f->lanes; l++) p->dir[l] = p->x0[l] - p->x[l];
    ebim__frame_tangent(f, p->dir);
    for (l = 0; l < B; l++) p->d2[l] = ebim__nearest_length(p, l);
    for (i = 0; i < rows; i += f->stride)
        for (l = 0; l < f->lanes; l++) f->y0[i + l] = p->x[i + l] + p->step[l] * p->dir[i + l];
    ebim__frame_root(f, B);
    for (l = 0; l < B; l++) {
        ebim_real here, there, noise, d2 = p->d2[l], size2 = 0;
        if (p->idle[l]) continue;
        for (i = l; i < rows; i += f->stride) size2 += p->x[i] * p->x[i];
        here = ebim__distance2(p->x, p->x0, f->n, f->stride, l);
        there = ebim__distance2(f->y, p->x0, f->n, f->stride, l);
        noise = here * size2; /* whose root is needed: it overflows early */
        noise = ebim__finite(noise) ? EBIM__SQRT(noise) : EBIM__SQRT(here) * EBIM__SQRT(size2);
        noise = 32 * EBIM_EPS * (here + noise);
        if (f->state[l] == EBIM__SOLVED && there < here - EBIM__R(1e-4) * p->step[l] * d2 + noise) {
            for (i = 0; i < rows; i += f->stride) {
                p->last[i + l] = p->dir[i + l];
                p->x[i + l] = f->y[i + l];
            }
            p->last2[l] = d2;
        } else {
            p->last2[l] = 0;
            p->step[l] *= EBIM__R(0.5);
        }
        if (d2 <= EBIM__R(p->d.tol * p->d.tol) * here || p->step[l] < EBIM__R(1e-5) ||
            here <= EBIM__R(1e-30) || ebim__nearest_rounded(p, l))
            p->idle[l] = 1;
        left += !p->idle[l];
    }
    return left;
}

EBIM_API int ebim_projector_run(ebim_projector *p, int B, const ebim_real *x, ebim_real *y,
                                ebim_real *distance, unsigned char *ok)
{
    ebim__frame *f = &p->f;
    int at, l, all = 0;
    for (at = 0; at < B && !ebim__stopped(f->w.watch); at += f->stride) {
        int count = ebim__min_int(f->stride, B - at);
        ebim__to_lanes(ebim__nth(x, at, f->n), count, f->n, p->x0, f->stride,
                       ebim__lanes(f->stride, count));
        ebim__projector_onto(p, count);
        for (l = 0; l < f->stride; l++) {
            p->last2[l] = 0;
            p->idle[l] = p->done[l] != EBIM__SOLVED;
        }
        if (p->d.method == EBIM_PROJECT_NEAREST && f->k)
            ebim__projector_loop(p, count, ebim__nearest_step, p->idle);
        ebim__from_lanes(p->x, f->stride, count, f->n, y + (size_t)at * (size_t)f->n);
        for (l = 0; l < count; l++) {
            ebim_real d2 = ebim__distance2(p->x, p->x0, f->n, f->stride, l);
            int found = p->done[l] == EBIM__SOLVED && ebim__finite(d2);
            if (distance) distance[at + l] = EBIM__SQRT(d2);
            if (ok) ok[at + l] = (unsigned char)found;
            all += found;
        }
    }
    return all;
}

EBIM__SELDOM

EBIM_API int ebim_projector_noise(ebim_projector *p, int B, ebim_real *x, const double *lo,
                                  const double *hi, uint64_t seed, uint64_t stream)
{
    int n = p->f.n, S = p->f.stride, tries, have = 0, l, i;
    ebim_rng r;
    ebim_rng_init(&r, seed, stream);
    for (tries = 0; have < B && tries < 20 + 20 * (B / S + 1); tries++) {
        if (tries >= 20 && have < tries * S / 1000) break; /* hardly any of M is in the box */
        if (ebim__stopped(p->f.w.watch)) break;
        for (i = 0; i < n * S; i++) p->x0[i] = ebim__between(&r, lo[i / S], hi[i / S]);
        ebim__projector_onto(p, S);
        for (l = 0; l < S && have < B; l++) {
            if (p->done[l] != EBIM__SOLVED || !ebim__inside(p->x, S, l, n, lo, hi)) continue;
            for (i = 0; i < n; i++) x[(size_t)have * (size_t)n + (size_t)i] = p->x[i * S + l];
            have++;
        }
    }
    return have;
}

/* A projector whose tolerance is that of lengths in the box lo, hi */
static ebim_result ebim__box_projector(ebim_projector **p, ebim_arena *a, const ebim_graph *F,
                                       ebim_project method, const double *lo, const double *hi)
{
    ebim_project_desc d;
    memset(&d, 0, sizeof d);
    d.method = method;
    if (ebim__ready(a)) d.constraint.length = ebim__box_length(ebim_inputs(F), lo, hi);
    return ebim_projector_init(p, a, F, &d);
}

/* ============================================================================================
 * >>lines  random lines: uniform points of M and its volume, codimension 1
 *
 * Crofton: lines of uniform direction and offset, those that meet the box D, meet a surface in
 * points that are uniform on it by volume, if all of them are taken, and Vol(M) = E[roots] S / 2, S
 * the surface of D: its own two roots a line say so. Such a line enters D through a face of normal
 * i with a probability in proportion to the face's area, anywhere there, in a direction u whose
 * density is in proportion to |u_i|. One random root of each line is not uniform. (Of lines
 * through the ball round D only one in seven meets D where n is 6.)
 *
 * All roots: a line is walked in steps of a grid with values f and slopes d of F along it. A sign
 * change is a root, but may be three. Where the signs are equal a pair of roots may hide: the
 * interval is halved until |f_a| + |f_b| >= L (b - a), or until it is 2^-10 of a step. L is 0.7 to
 * 2 times the larger slope at its ends, no bound of the slope between them: a pair may be missed
 * where F bends sharply. Each lane walks a line of its own and takes the next when it is done, so
 * every sweep is full. Cost: about 1.3 `grid` forward and tangent sweeps a line.
 * ========================================================================================= */

enum { EBIM__MARCH, EBIM__HALVE, EBIM__ROOT };
#define EBIM__LINES 128 /* lanes; a constant, so that results depend on nothing else */
#define EBIM__DEPTH 12
#define EBIM__LEAP_ROOTS 16 /* of a line that are told apart */
#define EBIM__NEAR_REACH 4  /* how far a line goes from an anchor, in its widths */
#define EBIM__LINES_MAX_N 7 /* above, nearly all random lines miss M: of n = 7 all but 1 % */

typedef struct ebim__walk { /* one lane */
    double *o, *u;          /* [n] origin and direction of its line */
    int64_t line;           /* -1: idle */
    int phase, top, roots, iter;
    double t, end, step;    /* asked for next; end of the line in D; step of the grid */
    ebim__knot a;           /* left end of the interval; its right end is stack[top - 1] */
    ebim__knot lo, hi;      /* bracket of a root */
    ebim__knot stack[EBIM__DEPTH];
} ebim__walk;

typedef struct ebim__anchors { /* places that lines go near to: see >>logz */
    int count, n;
    double share;           /* of the lines */
    double *x, *normal, *width; /* [count][n], the normal of M there (k = 1), [count] */
    double *peak;           /* [count] the normal density of that width in m dimensions, at 0 */
} ebim__anchors;

struct ebim_lines {
    ebim_lines_desc d;
    ebim_ws w;
    ebim__anchors anchor;   /* count 0: all lines are uniform */
    const ebim_real *through; /* [lines][n]: line i passes through point i, NULL: see above */
    ebim__walk *walk;       /* [LINES] */
    ebim_real *draw;        /* [n] */
    double radius, unit;    /* of the ball round D; volume of M that one root a line stands for */
    double *face;           /* [n] areas of the faces of D, each added to those before it */
    double roots, squares;  /* sums over lines */
    int64_t lines, met, halved; /* met: of the lines, those that meet D */
};

/* log Gamma(x / 2) for whole x > 0, by recursion: C99's lgamma writes a global. */
static double ebim__log_gamma_half(int x)
{
    double v = x & 1 ? 0.57236494292470008707 : 0; /* log sqrt pi; log 1 */
    int i;
    for (i = x & 1 ? 1 : 2; i < x; i += 2) v += log(0.5 * i);
    return v;
}

/* Whether random lines measure M; elsewhere charts do, or nothing does */
static int ebim__by_lines(const ebim_graph *F)
{
    return ebim_outputs(F) == 1 && ebim_inputs(F) <= EBIM__LINES_MAX_N;
}

/* Areas of the faces of a box, each added to those before it -> face; half the surface of all */
static double ebim__lines_faces(int n, const double *lo, const double *hi, double *face)
{
    double sum = 0, area;
    int i, j;
    for (i = 0; i < n; face[i++] = sum += area)
        for (area = 1, j = 0; j < n; j++) area *= i == j ? 1 : hi[j] - lo[j];
    return sum;
}

EBIM_API ebim_result ebim_lines_init(ebim_lines **out, ebim_arena *a, const ebim_graph *F,
                                     const ebim_lines_desc *d)
{
    ebim_lines *s = EBIM__NEW(a, ebim_lines, 1), local, *p = ebim__ready(a) ? s : &local;
    ebim_result r;
    double square = 0, *line;
    int i;
    *out = NULL;
    memset(p, 0, sizeof *p);
    p->d = *d;
    p->d.grid = ebim__or_int(d->grid, 48);
    r = ebim__ws_for(&p->w, a, F, EBIM__LINES, 1, EBIM__FOR_JVP | EBIM__FOR_VJP);
    if (r) return r;
    if (p->w.k != 1 || p->w.n < 2) return EBIM_ERR_SHAPE;
    if (p->d.grid < 1) return EBIM_ERR_ARG;
    p->walk = EBIM__NEW(a, ebim__walk, EBIM__LINES);
    line = EBIM__NEW(a, double, 2 * (size_t)p->w.n * EBIM__LINES);
    p->draw = EBIM__NEW(a, ebim_real, p->w.n);
    p->face = EBIM__NEW(a, double, p->w.n);
    if (!ebim__ready(a)) return a->failed;
    if (!d->lo || !d->hi) return EBIM_ERR_BOX;
    for (i = 0; i < EBIM__LINES; i++, line += 2 * p->w.n) {
        p->walk[i].o = line;
        p->walk[i].u = line + p->w.n;
    }
    for (i = 0; i < p->w.n; i++) square += (d->hi[i] - d->lo[i]) * (d->hi[i] - d->lo[i]);
    p->radius = 0.5 * sqrt(square);
    if (!(p->radius > 0) || !ebim__finite64(p->radius)) return EBIM_ERR_ARG;
    p->unit = ebim__lines_faces(p->w.n, d->lo, d->hi, p->face);
    if (!(p->unit > 0) || !ebim__finite64(p->unit)) return EBIM_ERR_ARG;
    *out = s;
    return EBIM_OK;
}

EBIM__OFTEN

/* Of the lines that meet D: enters through a face at o, from the centre of D, in direction u;
 * returns how far the line goes. With t uniform |u_i| = sqrt(1 - t^(2 / (n-1))) has the density
 * that is wanted; what is left of u is uniform on a sphere. */
static double ebim__line_uniform(ebim_lines *s, ebim_rng *r, double *o, double *u)
{
    int n = s->w.n, i, j, face = 0;
    double at = (double)ebim_rng_uniform(r) * s->unit;
    double rest = pow((double)ebim_rng_uniform(r), 1.0 / (n - 1));
    double side = ebim_rng_below(r, 2) ? 1 : -1;
    while (face < n - 1 && at >= s->face[face]) face++;
    ebim_rng_sphere(r, n - 1, s->draw);
    for (i = j = 0; i < n; i++) {
        double half = 0.5 * (s->d.hi[i] - s->d.lo[i]);
        u[i] = i == face ? side * sqrt(1 - rest * rest) : rest * (double)s->draw[j++];
        o[i] = half * (i == face ? -side : 2 * (double)ebim_rng_uniform(r) - 1);
    }
    return 2 * s->radius;
}

/* A uniform direction through a point */
static double ebim__line_through(const ebim_lines *s, ebim_rng *r, const ebim_real *x, double *o,
                                 double *u)
{
    int n = s->w.n, i;
    ebim_rng_sphere(r, n, s->draw);
    for (i = 0; i < n; i++) {
        u[i] = (double)s->draw[i];
        o[i] = (double)x[i] - 0.5 * (s->d.lo[i] + s->d.hi[i]);
    }
    return 2 * s->radius;
}

/* Along the normal at one of the anchors, past it at a normal distance. */
static double ebim__line_near(const ebim_lines *s, ebim_rng *r, double *o, double *u)
{
    int n = s->w.n, i;
    size_t j = ebim_rng_below(r, (uint32_t)s->anchor.count);
    const double *x = s->anchor.x + j * (size_t)n, *normal = s->anchor.normal + j * (size_t)n;
    double along = 0, width = s->anchor.width[j];
    for (i = 0; i < n; i++) {
        u[i] = normal[i];
        o[i] = (double)ebim_rng_normal(r);
        along += o[i] * u[i];
    }
    for (i = 0; i < n; i++)
        o[i] = x[i] - 0.5 * (s->d.lo[i] + s->d.hi[i]) + width * (o[i] - along * u[i]);
    return EBIM__NEAR_REACH * width;
}

/* Line number k->line, clipped to D. 0: it misses D. */
static int ebim__line_draw(ebim_lines *s, ebim__walk *k, uint64_t seed, uint64_t stream)
{
    int n = s->w.n, i;
    double *o = k->o, *u = k->u, t0, t1;
    ebim_rng r;
    ebim_rng_init(&r, seed, stream + (uint64_t)k->line);
    if (s->through) t1 = ebim__line_through(s, &r, s->through + k->line * n, o, u);
    else if (s->anchor.count && (double)ebim_rng_uniform(&r) < s->anchor.share)
        t1 = ebim__line_near(s, &r, o, u);
    else t1 = ebim__line_uniform(s, &r, o, u);
    k->step = fmin(2 * s->radius / s->d.grid, t1);
    t0 = -t1;
    for (i = 0; i < n; i++) {
        double half = 0.5 * (s->d.hi[i] - s->d.lo[i]);
        double enter = (-half - o[i]) / u[i], leave = (half - o[i]) / u[i];
        if (u[i] < 0 || u[i] > 0) {
            t0 = fmax(t0, fmin(enter, leave));
            t1 = fmin(t1, fmax(enter, leave));
        } else if (fabs(o[i]) > half) {
            return 0;
        }
        o[i] += s->d.lo[i] + half;
    }
    k->t = t0;
    k->end = t1;
    return t0 < t1;
}

/* What is to be done with the interval from a to the top of the stack. */
static int ebim__line_examine(const ebim__walk *k)
{
    const ebim__knot *a = &k->a, *b = &k->stack[k->top - 1];
    double width = b->t - a->t, rise = b->f - a->f, slope = fmax(fabs(a->d), fabs(b->d)), turns;
    int deep = k->top == EBIM__DEPTH || width < k->step / 1024;
    if (!ebim__finite64(a->f + a->d) || !ebim__finite64(b->f + b->d)) return EBIM__MARCH;
    if ((a->f < 0) != (b->f < 0)) { /* three roots where slopes disagree, or F rises too little */
        int three = (rise * a->d < 0 && rise * b->d < 0) || fabs(rise) < 0.7 * slope * width;
        return three && !deep ? EBIM__HALVE : EBIM__ROOT;
    }
    turns = (a->f < 0 ? -a->d : a->d) < 0 && (b->f < 0 ? -b->d : b->d) > 0 ? 2 : 0.75;
    return !deep && fabs(a->f) + fabs(b->f) < turns * slope * width ? EBIM__HALVE : EBIM__MARCH;
}

/* Next point of the bracket: Newton from its smaller end, halving where that leaves it. */
static double ebim__line_newton(const ebim__walk *k)
{
    const ebim__knot *best = fabs(k->lo.f) < fabs(k->hi.f) ? &k->lo : &k->hi;
    double t = best->t - best->f / best->d;
    if (k->iter % 3 == 2 || !ebim__finite64(t) || !(t > k->lo.t && t < k->hi.t))
        t = 0.5 * (k->lo.t + k->hi.t);
    return t;
}

/* Chooses the next point: walks on until something must be evaluated. 0: the line is done. */
static int ebim__line_next(ebim_lines *s, ebim__walk *k)
{
    for (; k->top; k->a = k->stack[--k->top]) {
        k->phase = ebim__line_examine(k);
        if (k->phase == EBIM__MARCH) continue; /* nothing here: on to the next interval */
        k->lo = k->a;
        k->hi = k->stack[k->top - 1];
        k->iter = 0;
        k->t = k->phase == EBIM__HALVE ? 0.5 * (k->lo.t + k->hi.t) : ebim__line_newton(k);
        s->halved += k->phase == EBIM__HALVE;
        return 1;
    }
    k->phase = EBIM__MARCH;
    if (k->a.t >= k->end) return 0;
    k->t = fmin(k->a.t + k->step, k->end);
    return 1;
}

/* Narrows the bracket to p. 1: it is as narrow as it gets; a root, unless F jumps there. */
static int ebim__line_root(const ebim_lines *s, ebim__walk *k, const ebim__knot *p)
{
    const ebim__knot *end = &k->stack[k->top - 1];
    double afar = s->radius, tol;
    int i;
    if (!ebim__finite64(p->f + p->d)) return 1;
    for (i = 0; i < s->w.n; i++) afar = fmax(afar, fabs(k->o[i])); /* rounding of coordinates */
    tol = 4 * (double)EBIM_EPS * (afar + fabs(p->t));
    if ((p->f < 0) == (k->lo.f < 0)) k->lo = *p;
    else k->hi = *p;
    k->iter++;
    if (k->iter < 60 && k->hi.t - k->lo.t > tol && fabs(p->f) > tol * fabs(p->d)) {
        k->t = ebim__line_newton(k);
        return 0;
    }
    k->roots += fabs(p->f) <= fmax(fabs(k->a.f), fabs(end->f));
    return 1;
}

static void ebim__line_point(const ebim__walk *k, int n, double t, ebim_real *x, int stride)
{
    int i;
    for (i = 0; i < n; i++) x[i * stride] = EBIM__R(k->o[i] + t * k->u[i]);
}

/* What is kept of the roots: the first of each line or, where t is NULL, a choice from all lines */
typedef struct ebim__harvest {
    double *t;              /* [lines][LEAP_ROOTS] */
    int32_t *count;         /* [lines] how many */
    ebim_real *x;           /* [room][n] points, chosen */
    ebim_rng rng;           /* with these numbers */
    int room, have;
    int64_t seen;
} ebim__harvest;

/* Reservoir: every root seen so far is among the room kept with the same probability. */
static void ebim__harvest_put(ebim__harvest *h, const ebim__walk *k, int n, double t)
{
    int64_t at = h->seen++;
    if (h->t) {
        int32_t *count = &h->count[k->line];
        if (*count < EBIM__LEAP_ROOTS) h->t[k->line * EBIM__LEAP_ROOTS + (*count)++] = t;
        return;
    }
    if (at < h->room) h->have++;
    else at = (int64_t)(ebim_rng_u32(&h->rng) / 4294967296.0 * (double)h->seen);
    if (at < h->room) ebim__line_point(k, n, t, h->x + (size_t)at * (size_t)n, 1);
}

/* Takes the value at k->t; harvests a root. 0: the line is done. */
static int ebim__line_tell(ebim_lines *s, ebim__walk *k, double f, double d, ebim__harvest *h)
{
    ebim__knot p = {k->t, f, d};
    if (k->phase == EBIM__ROOT) {
        int before = k->roots;
        if (!ebim__line_root(s, k, &p)) return 1;
        if (k->roots > before) ebim__harvest_put(h, k, s->w.n, p.t);
        k->a = k->stack[--k->top];
    } else if (k->top == 0 && k->iter < 0) { /* the first point of the line */
        k->a = p;
        k->iter = 0;
    } else {
        k->stack[k->top++] = p;
    }
    return ebim__line_next(s, k);
}

/* Gives an idle lane the next line that meets D. 0: there are no more. */
static int ebim__line_take(ebim_lines *s, ebim__walk *k, int64_t *next, int64_t lines,
                           uint64_t seed, uint64_t stream)
{
    while (*next < lines) {
        k->line = (*next)++;
        s->lines++;
        k->phase = EBIM__MARCH;
        k->top = k->roots = 0;
        k->iter = -1;
        if (!ebim__line_draw(s, k, seed, stream)) continue;
        s->met++;
        return 1;
    }
    k->line = -1;
    return 0;
}

/* Evaluates all busy lanes and tells them. */
static void ebim__lines_sweep(ebim_lines *s, ebim__harvest *h)
{
    ebim_real *x = ebim_ws_x(&s->w), *u = ebim_ws_xt(&s->w, 1);
    int l, i, n = s->w.n, stride = s->w.stride;
    for (l = 0; l < EBIM__LINES; l++) {
        if (s->walk[l].line < 0) continue;
        ebim__line_point(&s->walk[l], n, s->walk[l].t, x + l, stride);
        for (i = 0; i < n; i++) u[i * stride + l] = EBIM__R(s->walk[l].u[i]);
    }
    ebim_forward(&s->w, EBIM__LINES, 1);
    ebim_jvp(&s->w, 1, 1);
    for (l = 0; l < EBIM__LINES; l++) {
        ebim__walk *k = &s->walk[l];
        if (k->line < 0) continue;
        if (ebim__line_tell(s, k, (double)ebim_ws_y(&s->w)[l], (double)ebim_ws_yt(&s->w, 1)[l], h))
            continue;
        s->roots += k->roots;
        s->squares += (double)k->roots * k->roots;
        k->line = -1;
    }
}

static void ebim__lines_harvest(ebim_lines *s, int lines, ebim__harvest *h, uint64_t seed,
                                uint64_t stream)
{
    int64_t next = 0;
    int l, busy;
    for (l = 0; l < EBIM__LINES; l++) s->walk[l].line = -1;
    do {
        for (l = 0, busy = 0; l < EBIM__LINES; l++)
            busy += s->walk[l].line >= 0 ||
                    ebim__line_take(s, &s->walk[l], &next, lines, seed, stream);
        if (busy) ebim__lines_sweep(s, h);
    } while (busy && !ebim__stopped(s->w.watch));
}

EBIM__SELDOM

static ebim__harvest ebim__harvest_init(int room, ebim_real *x, uint64_t seed)
{
    ebim__harvest h;
    memset(&h, 0, sizeof h);
    h.room = room;
    h.x = x;
    ebim_rng_init(&h.rng, ebim__subseed(seed, EBIM__SEED_PICK), 0);
    return h;
}

EBIM_API int ebim_lines_run(ebim_lines *s, int lines, int room, ebim_real *x, uint64_t seed,
                            uint64_t stream)
{
    ebim__harvest h = ebim__harvest_init(room, x, seed ^ stream);
    ebim__lines_harvest(s, lines, &h, seed, stream);
    return h.have;
}

EBIM_API int ebim_lines_uniform(ebim_lines *s, int B, ebim_real *x, uint64_t seed)
{
    ebim__harvest h = ebim__harvest_init(B, x, seed);
    int64_t drawn = 0, met = s->met;
    while (h.have < B && drawn < INT64_C(100000000) && !ebim__stopped(s->w.watch) &&
           (drawn < 4096 || h.seen * 1000 >= s->met - met)) {
        double rate = drawn ? ((double)h.seen + 1) / (double)drawn : 1; /* roots a line, so far */
        double want = 1.1 * (double)(B - h.have) / rate + EBIM__LINES;
        double most = fmin(4 * (double)drawn + 4096, 1e7); /* not long in vain */
        int lines = (int)(want < most ? want : most);
        ebim__lines_harvest(s, lines, &h, seed, (uint64_t)drawn);
        drawn += lines;
    }
    return h.have;
}

EBIM_API ebim_lines_report ebim_lines_stats(const ebim_lines *s)
{
    ebim_lines_report r;
    double N = (double)s->lines, mean = N > 0 ? s->roots / N : 0;
    double var = N > 1 ? (s->squares - N * mean * mean) / (N - 1) : 0;
    r.lines = s->lines;
    r.roots = (int64_t)s->roots;
    r.halved = s->halved;
    r.volume = s->unit * mean;
    r.volume_se = N > 0 ? s->unit * sqrt(fmax(var, 0) / N) : 0;
    return r;
}

/* ============================================================================================
 * >>charts  points of M of known density, volume and coverage in any codimension
 *
 * Chart i stands at a point c of M with an orthonormal basis U of its tangent space there. It draws
 * v in the ball |v| < h of R^m by phi(v) ~ (1 - |v|^2 / h^2)^2 and solves for y on M in c + U'v +
 * the normal space at c. By all charts together, chart i drawn with probability w_i, y has the
 * density, per unit of M's volume,
 *
 *     q(y) = sum_i w_i phi_i(t_i) |det(U_i U_y')| [chart i reaches y],   t_i = U_i (y - c_i),
 *
 * where chart i reaches y if |t_i| < h_i, y is within h_i of the tangent plane, and the same solve
 * from c_i + U_i't_i returns y: another sheet may have the same t_i, so it must be asked. Draws
 * that end nowhere, or outside of D, weigh 0; then E[1/q] is the volume of what the charts cover,
 * E[f/q] the integral of f over it, whatever n, k and topology, open or closed.
 *
 * Cover: a point of M that no chart reaches from within h/2 (m > 3: 0.85 h) becomes the centre of a
 * new one, until probes at the rims of all charts, and points that are given, find none. Where M
 * bends too much for h, h is cut until it does not.
 *
 * |det(U_i U_y')|^2 = det(I - A'A), A = N_y U_i', N_y orthonormal rows of the normal space at y.
 * Cost: a draw is one solve, one linearisation, and a solve for each chart that may reach it: some
 * 3, 9, 25 for m = 1, 2, 3.
 * ========================================================================================= */

static double ebim__log_ball(int m) /* volume of the unit ball in R^m */
{
    return 0.5 * m * 1.14472988584940017414 - ebim__log_gamma_half(m + 2);
}

enum {
    EBIM__CHARTS_WANTED = 200, /* on the points given, one in ten at most; growth does the rest */
    EBIM__CHART_LANES = 128,
    EBIM__CHART_STARTS = 2000,
    EBIM__CHART_M = 8,      /* the largest m */
    EBIM__CHART_ROUNDS = 500 /* of growth, at most, times m */
};

static const struct { int probes, chance; double crossed; } ebim__chart_bound = {
    8,   /* probes: for each of m dimensions of a chart, in a row that find nothing new */
    3, 0.001 /* chance, crossed: pairs that say M has one side, in error, and their share. None of
               * 10^5 on tori, spheres, rotations; 3 % on a Moebius strip, 8 % on a Klein bottle */
};

/* m <= 3, and more. A point is covered within the share `cover` of the reach h of a chart. A chart
 * is too wide where a point of M above the rim is farther than the share `bent` of h from the
 * tangent plane (a sphere's at h = 0.8 and 0.91 of its radius); it is cut by a factor, so often at
 * most. `most`: charts. Their number goes as (cover h)^-m, and m > 3 needs less overlap: a flat
 * torus of dimension 4 has 3000; with 0.5 for both shares its packing says 50000. */
static const struct ebim__chart_way {
    double cover, bent, cut;
    int cuts, most;
} ebim__chart_ways[] = {
    {0.5, 0.5, 0.70710678118654752, 8, 4096}, {0.85, 0.65, 0.84089641525371454, 16, 8192}
};

/* Whether charts may measure M, if they cover it */
static int ebim__by_charts(const ebim_graph *F)
{
    return ebim_inputs(F) - ebim__codim(F) <= EBIM__CHART_M;
}

struct ebim_charts {
    ebim_charts_desc d;
    ebim__frame f;
    ebim_projector *onto;
    const struct ebim__chart_way *way;
    int n, k, m, count, covered;
    ebim_real *center;       /* [d.most][n] */
    ebim_real *normal;       /* [d.most][k][n] orthonormal rows */
    ebim_real *tangent;      /* [d.most][m][n] the same */
    ebim_real *slope;        /* [d.most] the norm of J */
    double *reach;           /* [d.most] h */
    double *share;           /* [d.most] sum of w_j, j <= i */
    ebim_real *energy;       /* [d.most] scratch of who weighs them */
    int *calm;               /* [d.most] probes in a row that found nothing new */
    int32_t *tried, *lost;   /* [d.most] draws since they were made; those that ended nowhere */
    int32_t *piece;          /* [d.most] union-find: charts that reach the same point are joined, */
    signed char *side;       /* [d.most] and are turned alike or not; */
    int64_t joined, crossed; /* pairs that were; of these, those that say it is otherwise */
    ebim_real *start;        /* [STARTS][n] points to start from, on M, */
    int32_t *which;          /* [STARTS] those that are far from one another, */
    unsigned char *found;    /* [STARTS] if they are */
    double ball;             /* integral of (1 - |v|^2)^2 over the unit ball of R^m */
    /* a block of points y on M: */
    ebim_real *y;            /* [LANES][n] */
    ebim_real *across;       /* [LANES][k][n] orthonormal normals there */
    int32_t *from;           /* [LANES] the chart that a point came from (-1: another way), */
    double *t;               /* [LANES][m] and where in it, */
    unsigned char *ok;       /* [LANES] if it did */
    double *q, *inner;       /* [LANES] density; least |t| / h of all that reach it */
    /* a block of pairs that wait for their solve: */
    int32_t *chart, *point;  /* [LANES] */
    double *at;              /* [LANES][m] t_i of them */
    int pairs;
    double *work;            /* [n][n] */
    int64_t draws, ended;    /* since the charts were made: of the draws those that ended on M, */
    double sum, square;      /* of their 1/q */
};

EBIM_API ebim_result ebim_charts_init(ebim_charts **out, ebim_arena *a, const ebim_graph *F,
                                      const ebim_charts_desc *d)
{
    enum { B = EBIM__CHART_LANES };
    ebim_charts *s = EBIM__NEW(a, ebim_charts, 1), local, *p = ebim__ready(a) ? s : &local;
    ebim_project_desc pd;
    ebim_result r;
    size_t n, k, m, all;
    int i;
    *out = NULL;
    memset(p, 0, sizeof *p);
    memset(&pd, 0, sizeof pd);
    p->d = *d;
    pd.method = EBIM_PROJECT_ONTO;
    pd.constraint.linear = EBIM_LINEAR_DIRECT;
    pd.constraint.lanes = B;
    if (d->lo && d->hi) pd.constraint.length = ebim__box_length(ebim_inputs(F), d->lo, d->hi);
    r = ebim__frame_init(&p->f, a, F, &pd.constraint);
    if (!r) r = ebim_projector_init(&p->onto, a, F, &pd);
    if (r) return r;
    p->n = p->f.n;
    p->k = p->f.k;
    p->m = p->n - p->k;
    p->way = &ebim__chart_ways[p->m > 3];
    p->d.most = ebim__or_int(d->most, p->way->most);
    if (p->m > EBIM__CHART_M) return EBIM_ERR_SHAPE;
    if (p->d.most < 1) return EBIM_ERR_ARG;
    p->ball = exp(ebim__log_ball(p->m)) * 8 / ((p->m + 2) * (p->m + 4));
    n = (size_t)p->n, k = (size_t)p->k, m = (size_t)p->m, all = (size_t)p->d.most;
    p->center = EBIM__NEW(a, ebim_real, ebim__times(all, n));
    p->normal = EBIM__NEW(a, ebim_real, ebim__times(all, k * n));
    p->tangent = EBIM__NEW(a, ebim_real, ebim__times(all, m * n));
    p->slope = EBIM__NEW(a, ebim_real, all);
    p->reach = EBIM__NEW(a, double, all);
    p->share = EBIM__NEW(a, double, all);
    p->energy = EBIM__NEW(a, ebim_real, all);
    p->calm = EBIM__NEW(a, int, all);
    EBIM__NEW_EACH(a, int32_t, all, &p->tried, &p->lost);
    p->piece = EBIM__NEW(a, int32_t, all);
    p->side = EBIM__NEW(a, signed char, all);
    p->start = EBIM__NEW(a, ebim_real, EBIM__CHART_STARTS * n);
    p->which = EBIM__NEW(a, int32_t, EBIM__CHART_STARTS);
    p->found = EBIM__NEW(a, unsigned char, EBIM__CHART_STARTS);
    p->y = EBIM__NEW(a, ebim_real, B * n);
    p->across = EBIM__NEW(a, ebim_real, B * k * n);
    p->from = EBIM__NEW(a, int32_t, B);
    p->t = EBIM__NEW(a, double, B * m);
    p->ok = EBIM__NEW(a, unsigned char, B);
    p->q = EBIM__NEW(a, double, B);
    p->inner = EBIM__NEW(a, double, B);
    p->chart = EBIM__NEW(a, int32_t, B);
    p->point = EBIM__NEW(a, int32_t, B);
    p->at = EBIM__NEW(a, double, B * m);
    p->work = EBIM__NEW(a, double, ebim__times(n, n));
    if (!ebim__ready(a)) return a->failed;
    if (!d->lo || !d->hi) return EBIM_ERR_BOX;
    for (i = 0; i < p->n; i++)
        if (!ebim__finite64(d->hi[i] - d->lo[i]) || !(d->hi[i] > d->lo[i])) return EBIM_ERR_ARG;
    *out = s;
    return EBIM_OK;
}

/* Lane l of the frame solves in chart c from its coordinates t: [m]. */
static void ebim__charts_load(ebim_charts *s, int l, int c, const double *t)
{
    ebim__frame *f = &s->f;
    const ebim_real *N = ebim__nth(s->normal, c, s->k * s->n);
    const ebim_real *U = ebim__nth(s->tangent, c, s->m * s->n);
    int i, p, j, n = s->n, k = s->k, S = f->stride;
    for (p = 0; p < k && f->own; p++)
        memcpy(f->own + (size_t)l * (size_t)(k * (f->wide + k)) + p * f->wide, N + p * n,
               (size_t)n * sizeof *N);
    for (p = 0; p < k && !f->rough; p++) { /* for Newton's method */
        for (i = 0; i < n; i++) ebim_ws_xg(&f->w, p)[i * S + l] = N[p * n + i];
        for (j = 0; j <= p; j++) f->G[(p * k + j) * S + l] = EBIM__R(p == j);
    }
    f->singular[l] = 0;
    f->scale[l] = s->slope[c];
    for (i = 0; i < n; i++) {
        double v = (double)s->center[c * n + i];
        for (j = 0; j < s->m; j++) v += t[j] * (double)U[j * n + i];
        f->y0[i * S + l] = EBIM__R(v);
    }
}

/* Solves in B charts from t: [B][m]; the frame's y and state tell. */
static void ebim__charts_solve(ebim_charts *s, int B, const int32_t *chart, const double *t)
{
    int l, at;
    s->f.lanes = s->f.w.lanes = ebim__lanes(s->f.stride, B);
    for (l = 0; l < s->f.lanes; l++) {
        at = l < B ? l : 0;
        ebim__charts_load(s, l, chart[at], t + at * s->m);
    }
    s->f.orthonormal = 1;
    ebim__frame_root(&s->f, B);
    s->f.orthonormal = 0;
}

/* t: [m] of y in chart c; returns whether y is in the chart's cylinder. */
static int ebim__charts_where(const ebim_charts *s, int c, const ebim_real *y, double *t)
{
    const ebim_real *x = ebim__nth(s->center, c, s->n);
    const ebim_real *U = ebim__nth(s->tangent, c, s->m * s->n);
    double h2 = s->reach[c] * s->reach[c], along = 0;
    double d2 = ebim__distance2_upto(s->n, x, y, 2 * h2);
    int i, j;
    if (d2 > 2 * h2) return 0;
    for (j = 0; j < s->m; j++) {
        for (t[j] = 0, i = 0; i < s->n; i++)
            t[j] += (double)U[j * s->n + i] * ((double)y[i] - (double)x[i]);
        along += t[j] * t[j];
    }
    return along < h2 && d2 - along < h2;
}

/* Chart c, whose coordinates of point b are t, is added to q. */
static void ebim__charts_add(ebim_charts *s, int b, int c, const double *t)
{
    double h = s->reach[c], r2 = ebim__inner64(s->m, t, t) / (h * h), w = s->share[c];
    double work[EBIM__CHART_M * (EBIM__CHART_M + 1)];
    if (c) w -= s->share[c - 1];
    if (!(r2 < 1)) return;
    s->q[b] += w * (1 - r2) * (1 - r2) / (s->ball * pow(h, s->m)) *
               ebim__cosine(s->k, s->m, s->n, ebim__nth(s->across, b, s->k * s->n),
                            ebim__nth(s->tangent, c, s->m * s->n), work);
    s->inner[b] = fmin(s->inner[b], sqrt(r2));
}

/* Two charts that reach the same point are turned alike or not, where their planes are near to each
 * other: the sign of det(U_a U_b'). */
static void ebim__charts_join(ebim_charts *s, int32_t a, int32_t b)
{
    const double alike = 0.5;
    const ebim_real *U = ebim__nth(s->tangent, a, s->m * s->n);
    const ebim_real *V = ebim__nth(s->tangent, b, s->m * s->n);
    ebim_real A[EBIM__CHART_M * EBIM__CHART_M];
    int piv[EBIM__CHART_M], i, j, m = s->m;
    double det = 1;
    if (m < 2) return; /* a curve has a direction everywhere */
    for (i = 0; i < m; i++, U += s->n)
        for (j = 0; j < m; j++) A[i * m + j] = EBIM__R(ebim__dot64(s->n, U, V + j * s->n));
    if (ebim__lu(m, A, piv, 1)) return;
    for (i = 0; i < m; i++) det *= piv[i] == i ? (double)A[i * (m + 1)] : -(double)A[i * (m + 1)];
    if (fabs(det) < alike) return;
    s->joined++;
    s->crossed += !ebim__unite_side(s->piece, s->side, a, b, det > 0 ? 1 : -1);
}

/* The pairs that wait are solved. Chords of a field solve A F = 0 with A of the chart, and miss the
 * root of Q'F by F's part along M, at most `norm`, times the angle to the chart. */
static void ebim__charts_flush(ebim_charts *s)
{
    const ebim_field *field = s->f.field && s->f.field->gate ? s->f.field : NULL;
    int l, i, S = s->f.stride;
    if (!s->pairs) return;
    s->f.rough = field != NULL; /* other sheets are farther away */
    ebim__charts_solve(s, s->pairs, s->chart, s->at);
    s->f.rough = 0;
    for (l = 0; l < s->pairs; l++) {
        const ebim_real *y = ebim__nth(s->y, s->point[l], s->n);
        double h = s->reach[s->chart[l]], d2 = 0;
        double tol = field ? 1e-2 * h + field->norm : 1e-3 * h;
        for (i = 0; i < s->n; i++) {
            double d = (double)s->f.y[i * S + l] - (double)y[i];
            d2 += d * d;
        }
        if (s->f.state[l] != EBIM__SOLVED || !(d2 < tol * tol)) continue;
        ebim__charts_add(s, s->point[l], s->chart[l], s->at + l * s->m);
        if (s->piece && s->from[s->point[l]] >= 0)
            ebim__charts_join(s, s->from[s->point[l]], s->chart[l]);
    }
    s->pairs = 0;
}

/* J at the B points in y; the normals there. solved: the frame has found these points. */
static void ebim__charts_linearise(ebim_charts *s, int B, int solved)
{
    int i, c, l;
    if (solved && s->f.field) {
        ebim__frame_factor(&s->f);
    } else {
        ebim__to_lanes(s->y, B, s->n, ebim_ws_x(&s->f.w), s->f.stride,
                       ebim__lanes(s->f.stride, B));
        ebim__frame_at(&s->f, B, ebim_ws_x(&s->f.w));
    }
    ebim__frame_orthonormal(&s->f);
    for (i = 0; i < s->k; i++) {
        const ebim_real *v = ebim_ws_xg(&s->f.w, i);
        for (l = 0; l < B; l++)
            for (c = 0; c < s->n; c++)
                s->across[(l * s->k + i) * s->n + c] = v[c * s->f.stride + l];
    }
    for (l = 0; l < B; l++)
        if (s->f.singular[l]) s->ok[l] = 0;
}

/* Density q of the B points in y, and how far inside of a chart they are. */
static void ebim__charts_density(ebim_charts *s, int B)
{
    int b, c;
    for (b = 0; b < B; b++) {
        s->q[b] = 0;
        s->inner[b] = 1;
        if (!s->ok[b]) continue;
        if (ebim__work(s->f.w.watch, (double)s->count * s->n)) return;
        for (c = 0; c < s->count; c++) {
            double *t = s->at + s->pairs * s->m;
            if (c == s->from[b]) {
                ebim__charts_add(s, b, c, s->t + b * s->m);
                continue;
            }
            if (!ebim__charts_where(s, c, ebim__nth(s->y, b, s->n), t)) continue;
            s->chart[s->pairs] = (int32_t)c;
            s->point[s->pairs] = (int32_t)b;
            if (++s->pairs == EBIM__CHART_LANES) ebim__charts_flush(s);
        }
    }
    ebim__charts_flush(s);
}

/* The chart whose centre is the nearest to point b, in shares of its reach, of those within half of
 * it but beyond *asked, and but for the one b came from -> *asked, t; -1: there is none. */
static int ebim__charts_next(const ebim_charts *s, int b, double *asked, double *t)
{
    double u[EBIM__CHART_M], least = s->way->cover;
    int c, chart = -1;
    for (c = 0; c < s->count; c++) {
        double r;
        if (c == s->from[b] || !ebim__charts_where(s, c, ebim__nth(s->y, b, s->n), u)) continue;
        r = sqrt(ebim__inner64(s->m, u, u)) / s->reach[c];
        if (!(r > *asked) || !(r < least)) continue;
        least = r;
        chart = c;
        memcpy(t, u, (size_t)s->m * sizeof *t);
    }
    *asked = least;
    return chart;
}

/* Whether charts reach the B points in y from within half of their reach -> inner. The nearest one
 * mostly does: the next is asked where it does not. */
static void ebim__charts_covered(ebim_charts *s, int B)
{
    double asked[EBIM__CHART_LANES], cover = s->way->cover;
    int b, c;
    for (b = 0; b < B; b++) {
        s->inner[b] = 1;
        asked[b] = -1;
    }
    do {
        if (ebim__work(s->f.w.watch, (double)s->count * s->n * B)) return;
        for (b = 0; b < B; b++) {
            if (!s->ok[b] || s->inner[b] <= cover || !(asked[b] < cover)) continue;
            c = ebim__charts_next(s, b, &asked[b], s->at + s->pairs * s->m);
            if (c < 0) continue;
            s->chart[s->pairs] = (int32_t)c;
            s->point[s->pairs++] = (int32_t)b;
        }
        b = s->pairs;
        ebim__charts_flush(s);
    } while (b);
}

/* B points from the charts in `from` and t -> y, ok, and the normals there */
static void ebim__charts_points(ebim_charts *s, int B)
{
    int l;
    s->f.follow = s->f.field != NULL;
    ebim__charts_solve(s, B, s->from, s->t);
    s->f.follow = 0;
    ebim__from_lanes(s->f.y, s->f.stride, B, s->n, s->y);
    for (l = 0; l < B; l++) {
        double t[EBIM__CHART_M];
        const ebim_real *y = ebim__nth(s->y, l, s->n);
        s->ok[l] = s->f.state[l] == EBIM__SOLVED &&
                   ebim__inside(y, 1, 0, s->n, s->d.lo, s->d.hi) &&
                   ebim__charts_where(s, s->from[l], y, t);
    }
    ebim__charts_linearise(s, B, 1);
}

/* A chart at point l of the block, whose normals are known; 0: there is no room. */
static int ebim__charts_new(ebim_charts *s, int l, double reach)
{
    size_t n = (size_t)s->n, k = (size_t)s->k, c = (size_t)s->count;
    size_t i;
    if (s->count == s->d.most) return 0;
    memcpy(s->center + c * n, s->y + (size_t)l * n, n * sizeof *s->y);
    memcpy(s->normal + c * k * n, s->across + (size_t)l * k * n, k * n * sizeof *s->y);
    for (i = 0; i < k * n; i++) s->work[i] = (double)s->normal[c * k * n + i];
    ebim__complement(s->k, s->n, s->work);
    for (i = 0; i < n * (n - k); i++)
        s->tangent[c * (n - k) * n + i] = EBIM__R(s->work[k * n + i]);
    s->slope[c] = s->f.scale[l];
    s->reach[c] = reach;
    s->calm[c] = 0;
    s->tried[c] = s->lost[c] = 0;
    s->piece[c] = (int32_t)c;
    s->side[c] = 1;
    s->count++;
    return 1;
}

/* Pairs of points above the rim of the charts from *c on that may be too wide -> from, t; returns
 * how many points. */
static int ebim__charts_above(ebim_charts *s, int *c)
{
    int have = 0, d, pairs = 2 * s->m;
    for (; *c < s->count && have + pairs <= EBIM__CHART_LANES; ++*c)
        for (d = 0; d < pairs && s->calm[*c] < 0; d++) {
            double *t = s->t + have * s->m;
            memset(t, 0, (size_t)s->m * sizeof *t);
            t[d / 2] = (d & 1 ? -0.99 : 0.99) * s->reach[*c];
            s->from[have++] = (int32_t)*c;
        }
    return have;
}

/* Charts from number `first` on get narrower where M bends: where a point above the rim is far from
 * the tangent plane, or there is none on either side (on one only, M ends). Meanwhile calm is -1
 * for charts that may be too wide, else 0. */
static void ebim__charts_narrow(ebim_charts *s, int first)
{
    int cuts, c, l, i, have, S = s->f.stride, left = s->count - first;
    for (c = first; c < s->count; c++) s->calm[c] = -1;
    for (cuts = 0; cuts < s->way->cuts && left; cuts++)
        for (left = 0, c = first; (have = ebim__charts_above(s, &c)) > 0;) {
            ebim__charts_solve(s, have, s->from, s->t);
            for (l = 0; l < have; l += 2 * s->m) s->calm[s->from[l]] = 0;
            for (l = 0; l < have; l++) {
                double off = 0, most = s->way->bent * s->reach[s->from[l]];
                int none = s->f.state[l] != EBIM__SOLVED && s->f.state[l ^ 1] != EBIM__SOLVED;
                for (i = l; i < s->n * S; i += S) {
                    double v = (double)s->f.y[i] - (double)s->f.y0[i];
                    off += v * v;
                }
                if (none || (s->f.state[l] == EBIM__SOLVED && off > most * most))
                    s->calm[s->from[l]] = -1;
            }
            for (l = 0; l < have; l += 2 * s->m) {
                if (!s->calm[s->from[l]]) continue;
                s->reach[s->from[l]] *= s->way->cut;
                left++;
            }
        }
    for (c = first; c < s->count; c++) s->calm[c] = 0;
}

/* w_i in proportion to h^m; with energies e: [count] at the centres, half of it is in proportion to
 * h^m e^-E. e is used up. */
static void ebim__charts_weigh(ebim_charts *s, ebim_real *e)
{
    double sum = 0, low = HUGE_VAL, mean = 0, size = 0;
    int c;
    for (c = 0; c < s->count && e; c++)
        if (ebim__finite(e[c])) low = fmin(low, (double)e[c]);
    for (c = 0; c < s->count; c++) {
        double v = pow(s->reach[c], s->m);
        if (e) e[c] = ebim__finite(e[c]) ? EBIM__R(exp(low - (double)e[c])) : 0;
        if (e) mean += v * (double)e[c];
        size += v;
    }
    for (c = 0; c < s->count; c++) {
        double v = pow(s->reach[c], s->m) / size;
        if (mean > 0) v = 0.5 * v * (1 + (double)e[c] * size / mean);
        s->share[c] = sum += v;
    }
    for (c = 0; c < s->count; c++) s->share[c] /= sum;
}

/* How many of the points x: [N][n] stay when none is nearer than `gap` to another -> which */
static int ebim__thinned(int N, int n, const ebim_real *x, double gap, int most, int32_t *which)
{
    int i, j, have = 0;
    for (i = 0; i < N && have < most; i++) {
        for (j = 0; j < have; j++)
            if (ebim__distance2_upto(n, ebim__nth(x, i, n), ebim__nth(x, which[j], n),
                                     gap * gap) < gap * gap) break;
        if (j == have) which[have++] = (int32_t)i;
    }
    return have;
}

/* About `wanted` of the points x: [N][n], as far from one another as that allows: their rows ->
 * which: [wanted]; returns how many. *gap: how far they are. */
static int ebim__thin(int N, int n, const ebim_real *x, int wanted, int32_t *which, double *gap,
                      ebim_watch *watch)
{
    double step = 0.5, d2 = 0;
    int i;
    for (i = 1; i < N; i++) d2 = fmax(d2, ebim__square_distance(n, x, ebim__nth(x, i, n)));
    for (*gap = 2 * sqrt(d2); step < 0.98 && *gap > 0;) { /* the widest gap that leaves so many */
        int enough = ebim__thinned(N, n, x, *gap, wanted, which) >= wanted;
        if (ebim__work(watch, 1.0 * N * n * wanted)) break;
        if (enough) step = sqrt(step);
        *gap *= enough ? 1 / step : step;
    }
    return ebim__thinned(N, n, x, *gap, wanted, which);
}

/* The charts to begin with, at some of N points of M, evenly spread */
static void ebim__charts_start(ebim_charts *s, int N)
{
    double gap;
    int wanted = ebim__min_int(EBIM__CHARTS_WANTED, ebim__min_int(N / 10 + 1, s->d.most));
    int have = ebim__thin(N, s->n, s->start, wanted, s->which, &gap, s->f.w.watch), at, l, i;
    double most = HUGE_VAL; /* one point tells no distance */
    for (i = 0; i < s->n; i++) most = fmin(most, 0.25 * (s->d.hi[i] - s->d.lo[i]));
    gap = have > 1 ? fmin(gap, most) : most;
    for (at = 0; at < have; at += EBIM__CHART_LANES) {
        int B = ebim__min_int(EBIM__CHART_LANES, have - at);
        for (l = 0; l < B; l++) {
            memcpy(s->y + l * s->n, ebim__nth(s->start, s->which[at + l], s->n),
                   (size_t)s->n * sizeof *s->y);
            s->ok[l] = 1;
        }
        ebim__charts_linearise(s, B, 0);
        for (l = 0; l < B; l++)
            if (s->ok[l]) ebim__charts_new(s, l, 2 * gap);
    }
    ebim__charts_narrow(s, 0);
    ebim__charts_weigh(s, NULL);
}

/* What a chart at point x of the N to start from may reach: no farther than any chart does, and
 * twice as far as the next of these points, but a quarter of the former. A wider one may step over
 * to a piece of M beside its own, and then the rest of that is not found. */
static double ebim__charts_step(const ebim_charts *s, int N, const ebim_real *x)
{
    double reach = HUGE_VAL, least = HUGE_VAL;
    int i;
    for (i = 0; i < s->count; i++) reach = fmin(reach, s->reach[i]);
    for (i = 0; i < N; i++) {
        double d2 = ebim__square_distance(s->n, x, ebim__nth(s->start, i, s->n));
        if (d2 > 0) least = fmin(least, d2);
    }
    return fmax(fmin(reach, 2 * sqrt(least)), 0.25 * reach);
}

/* `each` points at the rim of every chart, beyond half of its reach, until the block is full
 * -> from, t; returns how many */
static int ebim__charts_rims(ebim_charts *s, int each, int *c, ebim_rng *r)
{
    int B = 0, j, i;
    double least = pow(s->way->cover, s->m);
    for (; *c < s->count && B + each <= EBIM__CHART_LANES; ++*c) {
        if (s->calm[*c] >= ebim__chart_bound.probes * s->m) continue;
        for (i = 0; i < each; i++) {
            ebim_real v[EBIM__CHART_M];
            double u = (double)ebim_rng_uniform(r);
            ebim_rng_sphere(r, s->m, v);
            u = s->reach[*c] * pow(least + u * (1 - least), 1.0 / s->m);
            for (j = 0; j < s->m; j++) s->t[B * s->m + j] = u * (double)v[j];
            s->from[B++] = (int32_t)*c;
        }
    }
    return B;
}

/* Whether nothing covers point l of the block, nor a chart from number `first` on, which are new */
static int ebim__charts_fresh(const ebim_charts *s, int first, int l)
{
    int c, fresh = s->ok[l] && s->inner[l] > s->way->cover;
    for (c = first; c < s->count && fresh; c++) {
        double gap = s->way->cover * s->reach[c];
        fresh = ebim__distance2_upto(s->n, ebim__nth(s->center, c, s->n),
                                     ebim__nth(s->y, l, s->n), HUGE_VAL) > gap * gap;
    }
    return fresh;
}

/* Charts from number `first` on are as narrow as M wants, and not weighed yet. */
static void ebim__charts_settle(ebim_charts *s, int first)
{
    int c;
    for (c = first; c < s->count; c++) s->share[c] = 1;
    if (s->count > first) ebim__charts_narrow(s, first);
}

/* Of the block's points those that nothing covers become charts. */
static void ebim__charts_extend(ebim_charts *s, int B)
{
    int l, first = s->count;
    for (l = 0; l < B; l++) {
        int fresh = ebim__charts_fresh(s, first, l);
        s->calm[s->from[l]] = fresh ? 0 : s->calm[s->from[l]] + 1;
        if (fresh && !ebim__charts_new(s, l, s->reach[s->from[l]])) return;
    }
    ebim__charts_settle(s, first);
}

/* Of the N points of M to start from, those that no chart covers become charts: on a piece of M
 * where none began. Returns how many. */
static int ebim__charts_rest(ebim_charts *s, int N)
{
    int at, B, l, before = s->count, n = s->n;
    for (at = 0; at < N && !ebim__stopped(s->f.w.watch); at += B) {
        int first = s->count, some = 0;
        B = ebim__min_int(EBIM__CHART_LANES, N - at);
        memcpy(s->y, ebim__nth(s->start, at, n), (size_t)B * (size_t)n * sizeof *s->y);
        for (l = 0; l < B; l++) {
            s->from[l] = -1;
            s->ok[l] = 1;
        }
        ebim__charts_covered(s, B);
        for (l = 0; l < B; l++) some |= ebim__charts_fresh(s, first, l);
        if (!some) continue;
        ebim__charts_linearise(s, B, 0);
        for (l = 0; l < B; l++)
            if (ebim__charts_fresh(s, first, l) &&
                !ebim__charts_new(s, l, ebim__charts_step(s, N, ebim__nth(s->y, l, n)))) break;
        ebim__charts_settle(s, first);
    }
    return s->count - before;
}

/* Until M is covered as far as it goes on; 0: it was not, with all the charts there may be. */
static int ebim__charts_grow(ebim_charts *s, uint64_t seed)
{
    int round, c, B, left = s->count, each, rounds = EBIM__CHART_ROUNDS * s->m;
    ebim_rng r;
    ebim_rng_init(&r, seed, 0);
    for (round = 0; round < rounds && left; round++) {
        each = ebim__max_int(ebim__min_int(EBIM__W / left, ebim__chart_bound.probes), 1);
        for (left = 0, c = 0; (B = ebim__charts_rims(s, each, &c, &r)) > 0; left += B / each) {
            ebim__charts_points(s, B);
            ebim__charts_covered(s, B);
            ebim__charts_extend(s, B);
            if (ebim__stopped(s->f.w.watch) || s->count == s->d.most) return 0;
        }
    }
    ebim__charts_weigh(s, NULL);
    return !left;
}

EBIM_API int ebim_charts_cover(ebim_charts *s, int N, const ebim_real *x)
{
    int i, have = 0, n = s->n, rounds = x ? 3 : 0; /* a chart need not even reach its own centre */
    s->count = s->covered = 0;
    s->draws = s->ended = 0;
    s->joined = s->crossed = 0;
    s->sum = s->square = 0;
    if (!x) {
        have = ebim_projector_noise(s->onto, EBIM__CHART_STARTS, s->start, s->d.lo, s->d.hi,
                                  s->d.seed, 0);
    } else {
        N = ebim__spread(N, n, x, EBIM__CHART_STARTS, s->start);
        ebim_projector_run(s->onto, N, s->start, s->start, NULL, s->found);
        for (i = 0; i < N; i++) {
            const ebim_real *y = ebim__nth(s->start, i, n);
            if (s->found[i] && ebim__inside(y, 1, 0, n, s->d.lo, s->d.hi))
                memmove(s->start + (size_t)have++ * (size_t)n, y, (size_t)n * sizeof *y);
        }
    }
    if (!have) return 0;
    ebim__charts_start(s, have);
    do {
        s->covered = ebim__charts_grow(s, ebim__subseed(s->d.seed, EBIM__SEED_POINTS));
    } while (s->covered && rounds-- && ebim__charts_rest(s, have));
    return s->count;
}

/* The v in (-1, 1) that phi, for m = 1, has the share u below */
static double ebim__charts_below(double u)
{
    double lo = -1, hi = 1;
    int i;
    for (i = 0; i < 40; i++) {
        double v = 0.5 * (lo + hi), v2 = v * v;
        if (0.5 + v * (15 - v2 * (10 - 3 * v2)) / 16 < u) lo = v;
        else hi = v;
    }
    return 0.5 * (lo + hi);
}

/* B draws from `stream` on -> from, t; `even`: of curves those of a seed leave no gaps, as the
 * shares of the law below them go on by golden sections of 1. */
static void ebim__charts_draw(ebim_charts *s, int B, uint64_t seed, uint64_t stream, int even)
{
    int l, j;
    even = even && s->m == 1;
    for (l = 0; l < B; l++) {
        ebim_real v[EBIM__CHART_M + 6];
        ebim_rng r;
        double u;
        int c = 0, end = s->count - 1;
        uint64_t turn = (stream + (uint64_t)l) * UINT64_C(0x9E3779B97F4A7C15);
        ebim_rng_init(&r, seed, even ? 0 : stream + (uint64_t)l);
        u = (double)ebim_rng_uniform(&r);
        if (even) u += (double)(turn >> 11) * (1.0 / 9007199254740992.0);
        if (u >= 1) u -= 1;
        while (c < end) { /* the first chart whose share is above u */
            int mid = c + (end - c) / 2;
            if (s->share[mid] > u) end = mid;
            else c = mid + 1;
        }
        ebim_rng_sphere(&r, s->m + 6, v); /* m of its coordinates have the law phi */
        if (even) {
            double below = c ? s->share[c - 1] : 0;
            v[0] = EBIM__R(ebim__charts_below((u - below) / (s->share[c] - below)));
        }
        for (j = 0; j < s->m; j++) s->t[l * s->m + j] = s->reach[c] * (double)v[j];
        s->from[l] = (int32_t)c;
    }
}

/* Draws as ebim_charts_run makes them; even: see ebim__charts_draw. Of even ones the charts' own
 * standard error is too large. */
static int ebim__charts_take(ebim_charts *s, int draws, ebim_real *x, ebim_real *log_q,
                             uint64_t seed, uint64_t stream, int even)
{
    size_t n = (size_t)s->n;
    int at, B, l, have = 0;
    for (at = 0; at < draws && s->count && !ebim__stopped(s->f.w.watch); at += B) {
        B = ebim__min_int(EBIM__CHART_LANES, draws - at);
        ebim__charts_draw(s, B, seed, stream + (uint64_t)at, even);
        ebim__charts_points(s, B);
        ebim__charts_density(s, B);
        for (l = 0; l < B; l++) {
            int ended = s->ok[l] && s->q[l] > 0;
            if (s->piece) { /* charts of its own */
                s->tried[s->from[l]]++;
                s->lost[s->from[l]] += !ended;
            }
            if (!ended) continue;
            memcpy(x + (size_t)have * n, s->y + (size_t)l * n, n * sizeof *x);
            log_q[have++] = EBIM__R(log(s->q[l]));
            s->sum += 1 / s->q[l];
            s->square += 1 / (s->q[l] * s->q[l]);
        }
        s->draws += B;
    }
    s->ended += have;
    return have;
}

EBIM_API int ebim_charts_run(ebim_charts *s, int draws, ebim_real *x, ebim_real *log_q,
                             uint64_t seed, uint64_t stream)
{
    return ebim__charts_take(s, draws, x, log_q, seed, stream, 0);
}

/* Share of all draws that ended nowhere and are of charts that lost a quarter of theirs, and stand
 * where M ends. What solves miss of an M that bends much is spread over many charts. */
static double ebim__charts_ended(const ebim_charts *s)
{
    double lost = 0;
    int c;
    for (c = 0; c < s->count; c++)
        if (s->lost[c] > 1 && 4 * s->lost[c] > s->tried[c]) lost += s->lost[c];
    return s->draws ? lost / (double)s->draws : 0;
}

EBIM_API ebim_charts_report ebim_charts_stats(const ebim_charts *s)
{
    ebim_charts_report r;
    double N = (double)s->draws, mean = N > 0 ? s->sum / N : 0;
    r.charts = s->count;
    r.covered = s->covered;
    r.draws = s->draws;
    r.found = s->ended;
    r.volume = mean;
    r.volume_se = N > 1 ? sqrt(fmax(s->square / N - mean * mean, 0) / (N - 1)) : 0;
    r.effective = s->square > 0 ? s->sum * s->sum / s->square : 0;
    r.one_sided = s->crossed > ebim__chart_bound.chance &&
                  (double)s->crossed > ebim__chart_bound.crossed * (double)s->joined;
    return r;
}


/* Charts that s, made for the same F, has from other ones, which must not change meanwhile */
static void ebim__charts_share(ebim_charts *s, const ebim_charts *other)
{
    s->center = other->center;
    s->normal = other->normal;
    s->tangent = other->tangent;
    s->slope = other->slope;
    s->reach = other->reach;
    s->share = other->share;
    s->piece = NULL;
    s->count = other->count;
    s->covered = other->covered;
}

/* log q at the B points in y, whose normals are known -> log_q: [B] */
static void ebim__charts_log_q(ebim_charts *s, int B, double *log_q)
{
    int l;
    ebim__charts_density(s, B);
    for (l = 0; l < B; l++) log_q[l] = s->ok[l] && s->q[l] > 0 ? log(s->q[l]) : -HUGE_VAL;
}

/* How many of B points of M x: [B][n] no chart reaches */
static int ebim__charts_beyond(ebim_charts *s, int B, const ebim_real *x)
{
    double log_q[EBIM__CHART_LANES];
    int at, lanes, l, beyond = 0;
    for (at = 0; at < B && !ebim__stopped(s->f.w.watch); at += lanes) {
        lanes = ebim__min_int(EBIM__CHART_LANES, B - at);
        memcpy(s->y, ebim__nth(x, at, s->n), (size_t)lanes * (size_t)s->n * sizeof *x);
        for (l = 0; l < lanes; l++) {
            s->from[l] = -1;
            s->ok[l] = 1;
        }
        ebim__charts_linearise(s, lanes, 0);
        ebim__charts_log_q(s, lanes, log_q);
        for (l = 0; l < lanes; l++) beyond += !ebim__finite64(log_q[l]);
    }
    return beyond;
}

/* An independent point of the charts for each of B points x: [B][n], taken instead with probability
 * min(1, e^(E(x) - E(y)) q(x) / q(y)), which leaves e^-E alone; E NULL: uniform. Returns how many
 * were taken. */
static int ebim__charts_leap(ebim_charts *s, ebim_ws *E, int B, ebim_real *x, uint64_t seed,
                             uint64_t stream)
{
    enum { L = EBIM__CHART_LANES };
    double here[L], there[L];
    ebim_real e[L], f[L];
    int at, lanes, l, moved = 0;
    size_t n = (size_t)s->n;
    for (at = 0; at < B && !ebim__stopped(s->f.w.watch); at += lanes, x += (size_t)lanes * n) {
        lanes = ebim__min_int(L, B - at);
        memcpy(s->y, x, (size_t)lanes * n * sizeof *x);
        for (l = 0; l < lanes; l++) {
            s->from[l] = -1;
            s->ok[l] = 1;
            e[l] = f[l] = 0;
        }
        ebim__charts_linearise(s, lanes, 0);
        ebim__charts_log_q(s, lanes, here);
        if (E) ebim_eval(E, lanes, x, e);
        ebim__charts_draw(s, lanes, seed, stream + (uint64_t)at, 0);
        ebim__charts_points(s, lanes);
        ebim__charts_log_q(s, lanes, there);
        if (E) ebim_eval(E, lanes, s->y, f);
        for (l = 0; l < lanes; l++) {
            double gain = (double)e[l] - (double)f[l] + here[l] - there[l];
            ebim_rng r;
            ebim_rng_init(&r, ebim__subseed(seed, EBIM__SEED_PICK), stream + (uint64_t)(at + l));
            if (!s->ok[l] || !ebim__finite64(gain) ||
                !(log((double)ebim_rng_uniform(&r)) < gain)) continue;
            memcpy(x + (size_t)l * n, s->y + (size_t)l * n, n * sizeof *x);
            moved++;
        }
    }
    return moved;
}

/* ============================================================================================
 * >>known  manifolds that need no learning
 *
 * For each of ebim_on: its codimension, F, volume, nearest points and uniform ones, all exact.
 * ||F|| grows with slope 1. The whole of M is the domain: it lies inside the box; the inequalities
 * of a simplex are walls of the box. F of rotations has six equations, which reflections
 * fulfil too: nothing starts there, and charts do not get there.
 *
 * x and -x are the same to an E of axes because it sees x through the products x_i x_j alone.
 * Those of i < j and x_i^2 / sqrt 2 are a map of the sphere that keeps lengths along it, so that
 * widths of kernels mean what they mean elsewhere: |products of x - products of y| is the sine of
 * the angle between x and y.
 * ========================================================================================= */

enum {
    EBIM__TORUS_MOST = 48,   /* n: three nodes of F for each pair */
    EBIM__ON_CHARTS = 3,     /* m: of more dimensions covering takes longer than it helps */
    EBIM__AXES_MOST = 32     /* n: there are n (n + 1) / 2 products */
};

static const double ebim__on_tolerance = 0.01; /* of the size: two decimals are enough */

/* Codimension in R^n; 0: there is none of that kind */
static int ebim__on_k(int on, int n)
{
    switch (on) {
    case EBIM_ON_SPHERE:
    case EBIM_ON_SIMPLEX: return n >= 2 ? 1 : 0;
    case EBIM_ON_AXES: return n >= 2 && n <= EBIM__AXES_MOST ? 1 : 0;
    case EBIM_ON_TORUS: return n >= 2 && n % 2 == 0 && n <= EBIM__TORUS_MOST ? n / 2 : 0;
    case EBIM_ON_ROTATIONS: return n == 9 ? 6 : 0;
    default: return 0;
    }
}

/* |x| of its points, or the largest there is */
static double ebim__on_size(int on, int n)
{
    return on == EBIM_ON_TORUS ? sqrt(0.5 * n) : on == EBIM_ON_ROTATIONS ? sqrt(3.0) : 1;
}

static double ebim__on_log_volume(int on, int n)
{
    const double log_pi = 1.14472988584940017414, log_2 = 0.69314718055994530942;
    switch (on) {
    case EBIM_ON_TORUS: return 0.5 * n * (log_2 + log_pi);
    case EBIM_ON_ROTATIONS: return 4.5 * log_2 + 2 * log_pi;
    case EBIM_ON_SIMPLEX: return 0.5 * log((double)n) - ebim__log_gamma_half(2 * n);
    default: return log_2 + 0.5 * n * log_pi - ebim__log_gamma_half(n);
    }
}

/* x / |x| -> y, if that is not NULL; returns the distance. */
static double ebim__nearest_unit(int n, const ebim_real *x, ebim_real *y)
{
    double square = 0, r;
    int i;
    for (i = 0; i < n; i++) square += (double)x[i] * (double)x[i];
    r = sqrt(square);
    for (i = 0; i < n && y && r > 0; i++) y[i] = EBIM__R((double)x[i] / r);
    return fabs(r - 1);
}

/* The rotation nearest to x by Newton's iteration for the polar factor; a matrix that is no
 * rotation, nearly, is told as 1 away or, a reflection, as 2, which is what these are. */
static double ebim__nearest_rotation(const ebim_real *x, ebim_real *y)
{
    double R[9], next[9], off = 0, away = 0;
    int step, i, j, c, q;
    for (i = 0; i < 9; i++) R[i] = (double)x[i];
    for (step = 0; step < 8; step++) {
        for (i = 0; i < 3; i++)
            for (c = 0; c < 3; c++) {
                next[3 * i + c] = 1.5 * R[3 * i + c];
                for (j = 0; j < 3; j++) {
                    double dot = 0;
                    for (q = 0; q < 3; q++) dot += R[3 * i + q] * R[3 * j + q];
                    next[3 * i + c] -= 0.5 * dot * R[3 * j + c];
                    if (!step && !c) off = fmax(off, fabs(dot - (i == j ? 1 : 0)));
                }
            }
        memcpy(R, next, sizeof R);
        if (!(off < 0.5)) return 1;
    }
    if (R[0] * (R[4] * R[8] - R[5] * R[7]) - R[1] * (R[3] * R[8] - R[5] * R[6]) +
            R[2] * (R[3] * R[7] - R[4] * R[6]) < 0)
        return 2;
    for (i = 0; i < 9; i++) {
        away += (R[i] - (double)x[i]) * (R[i] - (double)x[i]);
        if (y) y[i] = EBIM__R(R[i]);
    }
    return sqrt(away);
}

/* Negative shares become 0, the others are divided by their sum: not the nearest point, but within
 * rounding of the simplex as near as it matters. */
static double ebim__nearest_shares(int n, const ebim_real *x, ebim_real *y)
{
    double sum = 0, away = 0;
    int i;
    for (i = 0; i < n; i++) sum += fmax((double)x[i], 0);
    if (!(sum > 0)) return 1;
    for (i = 0; i < n; i++) {
        double share = fmax((double)x[i], 0) / sum;
        away += (share - (double)x[i]) * (share - (double)x[i]);
        if (y) y[i] = EBIM__R(share);
    }
    return sqrt(away);
}

/* The point nearest to x -> y (may be x; NULL: not wanted) where x is near M; returns the distance.
 */
static double ebim__on_nearest(int on, int n, const ebim_real *x, ebim_real *y)
{
    double square = 0;
    int i;
    switch (on) {
    case EBIM_ON_ROTATIONS: return ebim__nearest_rotation(x, y);
    case EBIM_ON_SIMPLEX: return ebim__nearest_shares(n, x, y);
    case EBIM_ON_TORUS:
        for (i = 0; i < n; i += 2) {
            double d = ebim__nearest_unit(2, x + i, y ? y + i : NULL);
            square += d * d;
        }
        return sqrt(square);
    default: return ebim__nearest_unit(n, x, y);
    }
}

/* x near M goes where its part off M leads; returns 1 where it misses M. */
static int ebim__on_thrown(int on, int n, ebim_real *x)
{
    double sum = -1, least = 0;
    int i;
    if (on != EBIM_ON_SIMPLEX) return ebim__on_nearest(on, n, x, x) < 1 ? 0 : 1;
    for (i = 0; i < n; i++) sum += (double)x[i];
    for (i = 0; i < n; i++) {
        x[i] = EBIM__R((double)x[i] - sum / n);
        least = fmin(least, (double)x[i]);
    }
    return least < 0 ? 1 : 0;
}

EBIM_API ebim_result ebim_check_on(ebim_on on, int N, int n, const ebim_real *x, int *row,
                                   double *distance)
{
    double most = ebim__on_tolerance * ebim__on_size((int)on, n), d;
    int i;
    if (!ebim__on_k((int)on, n)) return EBIM_ERR_ON;
    for (i = 0; i < N; i++) {
        const ebim_real *at = ebim__nth(x, i, n);
        int finite = ebim__all_finite((size_t)n, at);
        d = finite ? ebim__on_nearest((int)on, n, at, NULL) : ebim__nan64();
        if (finite && d <= most) continue;
        if (row) *row = i;
        if (distance) *distance = d;
        return finite ? EBIM_ERR_OFF : EBIM_ERR_FINITE;
    }
    return EBIM_OK;
}

/* A rotation from a quaternion, a uniform one from a uniform one (Shoemake 1992) */
static void ebim__rotation_of(const ebim_real *quaternion, ebim_real *R)
{
    double w = (double)quaternion[0], v[3], twist[9];
    int i, j;
    for (i = 0; i < 3; i++) v[i] = (double)quaternion[i + 1];
    memset(twist, 0, sizeof twist);
    for (i = 0; i < 3; i++) {
        twist[3 * i + (i + 1) % 3] = -v[(i + 2) % 3];
        twist[3 * i + (i + 2) % 3] = v[(i + 1) % 3];
    }
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++)
            R[3 * i + j] = EBIM__R(2 * (v[i] * v[j] + w * twist[3 * i + j]) +
                                   (i == j ? 2 * w * w - 1 : 0));
}

/* B uniform points -> x: [B][n], point b from a stream of its own */
static void ebim__on_uniform(int on, int n, int B, ebim_real *x, uint64_t seed, uint64_t stream)
{
    int b, i;
    for (b = 0; b < B; b++, x += n) {
        ebim_real quaternion[4];
        double sum = 0;
        ebim_rng r;
        ebim_rng_init(&r, seed, stream + (uint64_t)b);
        if (on == EBIM_ON_SPHERE || on == EBIM_ON_AXES) ebim_rng_sphere(&r, n, x);
        for (i = 0; i < n && on == EBIM_ON_TORUS; i += 2) ebim_rng_sphere(&r, 2, x + i);
        if (on == EBIM_ON_ROTATIONS) {
            ebim_rng_sphere(&r, 4, quaternion);
            ebim__rotation_of(quaternion, x);
        }
        if (on != EBIM_ON_SIMPLEX) continue;
        for (i = 0; i < n; i++) {
            double share = -log(1 - (double)ebim_rng_uniform(&r));
            sum += share;
            x[i] = EBIM__R(share);
        }
        for (i = 0; i < n; i++) x[i] = EBIM__R((double)x[i] / sum);
    }
}

/* The walls of the box of coordinate c: M touches none but those of a simplex. */
EBIM__PRIVATE double ebim__on_low(int on) { return on == EBIM_ON_SIMPLEX ? 0 : -1.1; }
EBIM__PRIVATE double ebim__on_high(int on) { return on == EBIM_ON_SIMPLEX ? 1 : 1.1; }

/* F; user: the ebim_on, an int */
EBIM__PRIVATE ebim_ref ebim__record_on(ebim_graph *g, ebim_ref x, void *user)
{
    const int on = *(const int *)user, n = g->node[x].size;
    double one[EBIM__TORUS_MOST / 2];
    ebim_ref row[3], y = 0;
    int i, j;
    for (i = 0; i < EBIM__TORUS_MOST / 2; i++) one[i] = 1;
    switch (on) {
    case EBIM_ON_SIMPLEX: return ebim_affine(g, ebim_sum(g, x), one, 1 / sqrt((double)n));
    case EBIM_ON_TORUS:
        for (i = 0; i < n; i += 2) {
            ebim_ref pair = ebim_sumsq(g, ebim_slice(g, x, i, 2));
            y = i ? ebim_concat(g, y, pair) : pair;
        }
        return ebim_affine(g, y, one, 0.5);
    case EBIM_ON_ROTATIONS:
        for (i = 0; i < 3; i++) {
            row[i] = ebim_slice(g, x, 3 * i, 3);
            for (j = 0; j <= i; j++) {
                ebim_ref dot = ebim_dot(g, row[i], row[j]);
                dot = i == j ? ebim_affine(g, dot, one, 0.5) : ebim_scale(g, dot, sqrt(0.5));
                y = i ? ebim_concat(g, y, dot) : dot;
            }
        }
        return y;
    default: return ebim_affine(g, ebim_sumsq(g, x), one, 0.5);
    }
}

/* Whether charts are tried: 4096 of them do not cover a torus of more dimensions, or a sphere; but
 * uniform points of known manifolds do without. */
static int ebim__charts_for(int on, int n, int k)
{
    int most = EBIM__CHART_M;
    if (ebim__on_k(on, n)) most = EBIM__ON_CHARTS;
    return n - k <= most;
}

/* How many products E of axes sees */
static int ebim__products(int n) { return n * (n + 1) / 2; }

/* The products of x -> y */
EBIM__PRIVATE void ebim__products_of(int n, const ebim_real *x, ebim_real *y)
{
    int i, j;
    for (i = 0; i < n; i++)
        for (j = i; j < n; j++)
            *y++ = EBIM__R((i == j ? sqrt(0.5) : 1) * (double)x[i] * (double)x[j]);
}

/* One factor of each product, the first or the second: a frozen layer that picks coordinates */
EBIM__PRIVATE ebim_ref ebim__record_factor(ebim_graph *g, ebim_ref x, int second)
{
    int n = g->node[x].size, i, j;
    ebim_ref r = ebim_dense(g, x, ebim__products(n), EBIM_FN_IDENTITY);
    ebim_real *t = ebim__theta(g, r);
    if (r) g->node[r].frozen = 1;
    for (i = 0; i < n && t; i++)
        for (j = i; j < n; j++, t += n)
            t[second ? j : i] = EBIM__R(!second && i == j ? sqrt(0.5) : 1);
    return r;
}

/* The same as ops */
EBIM__PRIVATE ebim_ref ebim__record_products(ebim_graph *g, ebim_ref x)
{
    return ebim_mul(g, ebim__record_factor(g, x, 0), ebim__record_factor(g, x, 1));
}

/* ============================================================================================
 * >>logz  the normaliser, by lines some of which go where E is low
 *
 * Uniform lines rarely meet a narrow peak of e^-E. Where E is made of radial basis functions, half
 * of the lines are drawn near the centres of those: past a random centre c at a normal distance of
 * its width h, along the normal nu_c that M has there, 4 h to both sides. Roots then have the
 * density, per line and unit of volume,
 *
 *     lambda(x) = (1 - share) / unit + share mean over c of N(P_c (x - c); h^2) |nu_c . nu(x)|,
 *
 * P_c the projection along nu_c, the terms with |nu_c . (x - c)| <= 4 h only, and 1 / unit what
 * uniform lines give. Each root weighted by 1 / lambda(x), volumes and integrals over M stay
 * unbiased, and e^-E / lambda is nearly constant where E is low. Cost: n flops a root and centre.
 * ========================================================================================= */

#define EBIM__BATCHES 32

/* Whether node i of g has all products of two coordinates (ebim__record_products) */
static int ebim__are_products(const ebim_graph *g, int i)
{
    const ebim__node *nd = &g->node[i], *a = &g->node[nd->a], *b = &g->node[nd->b];
    return nd->op == EBIM__OP_MUL && a->op == EBIM__OP_DENSE && b->op == EBIM__OP_DENSE &&
           a->frozen && b->frozen && a->a == b->a && nd->size == ebim__products(g->node[1].size) &&
           g->node[a->a].size == g->node[1].size;
}

/* The op RBF that g is made of, if its input is x or (x - center) scale, or products of these
 * (*before: what the products are of, or the input); NULL: there is none */
static const ebim__node *ebim__find_rbf(const ebim_graph *g, int *before)
{
    int i, at;
    for (i = 2; g && i < g->n_nodes; i++) {
        if (g->node[i].op != EBIM__OP_RBF) continue;
        at = g->node[i].a;
        if (ebim__are_products(g, at)) at = g->node[g->node[at].a].a;
        if (before) *before = at;
        if (at == 1 || (g->node[at].op == EBIM__OP_AFFINE && g->node[at].a == 1))
            return &g->node[i];
        return NULL;
    }
    return NULL;
}

/* How many anchors its kernels make: those of axes two each */
static int ebim__rbf_count(const ebim_graph *E)
{
    const ebim__node *rbf = ebim__find_rbf(E, NULL);
    return rbf ? rbf->i0 * (ebim__are_products(E, rbf->a) ? 2 : 1) : 0;
}

/* The normals of M, at F's zeros or near them, to points x of lanes 0 .. lanes of w */
static void ebim__normals(ebim_ws *w, int lanes)
{
    int i, l, n = w->n, stride = w->stride;
    ebim_real *g = ebim_ws_xg(w, 0), *seed = ebim_ws_yg(w, 0);
    for (l = 0; l < w->lanes; l++) seed[l] = 1;
    ebim_vjp(w, 0, 1);
    for (l = 0; l < lanes; l++) {
        double square = 0;
        for (i = 0; i < n; i++) square += (double)g[i * stride + l] * (double)g[i * stride + l];
        for (i = 0; i < n && square > 0; i++)
            g[i * stride + l] = EBIM__R((double)g[i * stride + l] / sqrt(square));
    }
}

/* One of the two x: [n] whose products are c (ebim__products_of), by the largest square; sign -1:
 * the other */
static void ebim__factor_of(int n, const ebim_real *c, double sign, double *x)
{
    int i, j, at, most = 0, largest = 0;
    for (at = i = 0; i < n; at += n - i++)
        if (c[at] > c[most]) {
            most = at;
            largest = i;
        }
    x[largest] = sign * sqrt(sqrt(2.0) * fmax((double)c[most], 0));
    for (at = i = 0; i < n; i++)
        for (j = i; j < n; j++, at++)
            if (i != j && (i == largest || j == largest))
                x[i + j - largest] = (double)c[at] / x[largest];
}

/* Centres and widths of E's op RBF in the units of x; those of axes twice, with either sign. None
 * where a file has numbers that are none */
static void ebim__anchors_of(ebim__anchors *p, ebim_arena *a, const ebim_graph *E, int n, int m)
{
    int before = 1, count = ebim__rbf_count(E), twice, size, i, j;
    const ebim__node *rbf = ebim__find_rbf(E, &before);
    const ebim_real *c, *scale;
    memset(p, 0, sizeof *p);
    if (!rbf) return;
    p->n = n;
    p->x = EBIM__NEW(a, double, (size_t)count * (size_t)n);
    p->width = EBIM__NEW(a, double, count);
    p->peak = EBIM__NEW(a, double, count);
    if (!ebim__ready(a) || !E->theta) return;
    c = E->theta + rbf->theta;
    scale = before == 1 ? NULL : E->theta + E->node[before].theta;
    twice = count > rbf->i0;
    size = E->node[rbf->a].size;
    for (j = 0; j < count; j++) {
        double *x = p->x + (size_t)j * (size_t)n, grown = scale ? (double)scale[0] : 1;
        if (twice) ebim__factor_of(n, c, j % 2 ? -1 : 1, x);
        for (i = 0; i < n; i++) {
            if (!twice) x[i] = (double)c[i];
            if (scale) x[i] = x[i] / (double)scale[i] + (double)scale[n + i];
            if (!ebim__finite64(x[i])) return;
        }
        p->width[j] = sqrt(0.5 / (double)c[size]) / grown;
        if (!(p->width[j] > 0) || !ebim__finite64(p->width[j])) return;
        p->peak[j] = pow(6.283185307179586477 * (p->width[j] * p->width[j]), -0.5 * m);
        if (!twice || j % 2) c += size + 2;
    }
    p->count = count;
}

/* Half of the lines of s go near the centres of E, if it has any. */
static ebim_result ebim__lines_near(ebim_lines *s, ebim_arena *a, const ebim_graph *E, int n)
{
    ebim__anchors p;
    ebim_real *x;
    int at, lanes, l, i;
    ebim__anchors_of(&p, a, E, n, n - 1);
    p.share = 0.5;
    p.normal = EBIM__NEW(a, double, (size_t)ebim__rbf_count(E) * (size_t)n);
    if (!ebim__ready(a)) return a->failed;
    s->anchor = p;
    x = ebim_ws_x(&s->w);
    for (at = 0; at < p.count; at += lanes) {
        lanes = ebim__min_int(EBIM__LINES, p.count - at);
        for (l = 0; l < lanes; l++)
            for (i = 0; i < n; i++) x[i * s->w.stride + l] = EBIM__R(p.x[(at + l) * n + i]);
        ebim_forward(&s->w, lanes, 1);
        ebim__normals(&s->w, lanes);
        for (l = 0; l < lanes; l++)
            for (i = 0; i < n; i++)
                p.normal[(at + l) * n + i] = (double)ebim_ws_xg(&s->w, 0)[i * s->w.stride + l];
    }
    return EBIM_OK;
}

EBIM__OFTEN

/* Mean over anchors of N(P (x - c); h^2) |nu_c . nu|, nu: [n] with a stride; where anchors have no
 * normals, of N(x - c; h^2) in m dimensions */
static double ebim__near_density(const ebim__anchors *p, const ebim_real *x, const ebim_real *nu,
                                 int stride)
{
    int n = p->n, i, j;
    double sum = 0, afar = EBIM__NEAR_REACH * EBIM__NEAR_REACH + 80; /* e^-40 is nothing */
    for (j = 0; j < p->count; j++) {
        const double *c = p->x + (size_t)j * (size_t)n;
        const double *v = p->normal ? p->normal + (size_t)j * (size_t)n : NULL;
        double h2 = p->width[j] * p->width[j], d2 = 0, along = 0, cosine = v ? 0 : 1;
        for (i = 0; i < n; i++) d2 += ((double)x[i] - c[i]) * ((double)x[i] - c[i]);
        if (d2 > afar * h2) continue;
        for (i = 0; i < n && v; i++) {
            along += v[i] * ((double)x[i] - c[i]);
            cosine += v[i] * (double)nu[i * stride];
        }
        if (fabs(along) > EBIM__NEAR_REACH * p->width[j]) continue;
        sum += fabs(cosine) * exp(-0.5 * fmax(d2 - along * along, 0) / h2) *
               p->peak[j];
    }
    return sum / p->count;
}

EBIM__SELDOM

/* Of a known M's uniform points the share that would do as well if all weighed alike, were the
 * density that of the anchors: 1 / (V times its mean under itself). Where it is less than this,
 * points of the anchors stand for them, which then are too narrow for curvature to matter. At a
 * hundredth, 4096 points of charts leave log Z 0.15 nat off. */
static const double ebim__narrow_share = 0.02;

/* Whether it is less; x: [n] scratch */
static int ebim__anchors_narrow(const ebim__anchors *p, double log_volume, ebim_real *x)
{
    enum { MOST = 256 };
    int i, j, count = ebim__min_int(p->count, MOST);
    double sum = 0;
    for (i = 0; i < count; i++) {
        const double *c = p->x + (size_t)ebim__spread_at(i, count, p->count) * (size_t)p->n;
        for (j = 0; j < p->n; j++) x[j] = EBIM__R(c[j]);
        sum += ebim__near_density(p, x, NULL, 0) / count;
    }
    return sum * exp(log_volume) * ebim__narrow_share > 1;
}

/* A point of a random anchor, not thrown onto M yet -> x: [n] */
static void ebim__anchors_draw(const ebim__anchors *p, ebim_rng *r, ebim_real *x)
{
    size_t j = ebim_rng_below(r, (uint32_t)p->count), n = (size_t)p->n, i;
    for (i = 0; i < n; i++)
        x[i] = EBIM__R(p->x[j * n + i] + p->width[j] * (double)ebim_rng_normal(r));
}

/* q: [B] log of how many roots a line has per unit of volume at x: [B][n], points of M */
static void ebim__lines_density(ebim_lines *s, int B, const ebim_real *x, ebim_real *q)
{
    int n = s->w.n, at, lanes, l;
    double share = s->anchor.share, sum;
    for (l = 0; l < B && !s->anchor.count; l++) q[l] = EBIM__R(log(1 / s->unit));
    if (!s->anchor.count) return;
    EBIM__BLOCKS(at, lanes, &s->w, B, x, 1) {
        ebim__normals(&s->w, lanes);
        for (l = 0; l < lanes && !ebim__work(s->w.watch, 4.0 * n * s->anchor.count); l++) {
            sum = share * ebim__near_density(&s->anchor, ebim__nth(x, at + l, n),
                                             ebim_ws_xg(&s->w, 0) + l, s->w.stride);
            q[at + l] = EBIM__R(log((1 - share) / s->unit + sum));
        }
    }
}

/* B points nearly uniform on M -> out: [B][n], drawn from `draws` of charts by their weights: some
 * repeat. x: [draws][n], q: [draws], pick: [B] scratch. Returns B; 0: the charts do not cover M. */
static int ebim__charts_uniform(ebim_charts *s, int draws, ebim_real *x, ebim_real *q, int B,
                                int32_t *pick, ebim_real *out, uint64_t seed)
{
    int have = ebim__charts_take(s, draws, x, q, seed, 0, 1), finite;
    ebim_rng rng;
    if (!s->covered || have < 100) return 0;
    ebim__softmin(have, q, &finite);
    ebim_rng_init(&rng, ebim__subseed(seed, EBIM__SEED_PICK), 0);
    ebim__resample(have, q, B, pick, &rng);
    ebim_rng_shuffle(&rng, B, pick);
    ebim__take_rows(B, s->n, x, pick, out);
    return B;
}

enum { EBIM__MAPPED_MOST = 64 }; /* n of points that may have a map before them */

/* A linear map w = L x in front of a model. A piece of M has the volume e^stretch in w where it has
 * 1 in x: with rows N that span the normals in w, those in x are the rows of N L,
 *
 *     stretch = log |det L| + (log det NN' - log det (NL)(NL)') / 2.
 *
 * N are rows of J or, where F has more outputs than equations, its first right singular vectors.
 * Energies are taken down by the stretch, but for the part that is the same for all directions. */
typedef struct ebim__stretch {
    const double *L;          /* [n][n]; NULL: w = x, and the stretch is 0 */
    double *work, *N, *V;     /* [n][n] each */
    double log_det, level;    /* m / n of it: the part for all directions */
    int n, k, outputs, rows;  /* rows: of J that are F's, not a gate's */
} ebim__stretch;

static void ebim__stretch_init(ebim__stretch *s, ebim_arena *a, const double *L,
                               const ebim_graph *F)
{
    size_t n = (size_t)ebim_inputs(F), square = n > EBIM__MAPPED_MOST ? 0 : n * n;
    memset(s, 0, sizeof *s);
    s->n = (int)n;
    s->k = ebim__codim(F);
    s->outputs = ebim_outputs(F);
    s->rows = s->outputs - F->field.gate;
    s->L = L;
    EBIM__NEW_EACH(a, double, square, &s->work, &s->N, &s->V);
    if (!L || !ebim__ready(a)) return;
    memcpy(s->work, L, square * sizeof *L);
    s->log_det = ebim__orthonormal_rows(s->n, s->n, s->work, 1e-24);
    s->level = s->log_det * (s->n - s->k) / s->n;
}

/* N <- of J: [rows][n] */
static void ebim__stretch_normals(ebim__stretch *s, const ebim_real *J)
{
    int n = s->n, k = s->k, i, j, c, most;
    double *N = s->N, *A = s->work;
    for (i = 0; i < k * n; i++) N[i] = (double)J[i];
    if (s->rows > k) {
        memset(A, 0, (size_t)n * (size_t)n * sizeof *A);
        for (i = 0; i < s->rows; i++)
            for (j = 0; j < n; j++)
                for (c = 0; c < n; c++) A[j * n + c] += (double)J[i * n + j] * (double)J[i * n + c];
        ebim__symmetric_eigen(n, A, s->V);
        for (i = 0; i < k; i++) {
            for (most = 0, j = 1; j < n; j++)
                if (A[j * (n + 1)] > A[most * (n + 1)]) most = j;
            memcpy(N + i * n, s->V + most * n, (size_t)n * sizeof *N);
            A[most * (n + 1)] = -1;
        }
    }
}

/* With J: [outputs][n] of one point */
static double ebim__stretch_at(ebim__stretch *s, const ebim_real *J)
{
    int i, j, c, n = s->n;
    double here;
    if (!s->L) return 0;
    ebim__stretch_normals(s, J);
    memcpy(s->work, s->N, (size_t)(s->k * n) * sizeof *s->N);
    here = ebim__orthonormal_rows(s->k, n, s->work, 1e-24);
    for (i = 0; i < s->k; i++)
        for (c = 0; c < n; c++)
            for (s->work[i * n + c] = 0, j = 0; j < n; j++)
                s->work[i * n + c] += s->N[i * n + j] * s->L[j * n + c];
    return s->log_det + here - ebim__orthonormal_rows(s->k, n, s->work, 1e-24);
}

/* Mean of x and its standard error */
static double ebim__batch_mean(const double *x, double *se)
{
    double mean = 0, square = 0;
    int b;
    for (b = 0; b < EBIM__BATCHES; b++) mean += x[b] / EBIM__BATCHES;
    for (b = 0; b < EBIM__BATCHES; b++) square += (x[b] - mean) * (x[b] - mean);
    *se = sqrt(square / (EBIM__BATCHES - 1.0) / EBIM__BATCHES);
    return mean;
}

/* Points that normalisers of several E share: roots of uniform lines, which all E without kernels
 * have alike, or uniform draws of charts: what they say of one E less what they say of another is
 * more exact than either. Where so small a share of these would do as well, weighed alike, E has
 * draws of its own. */
static const double ebim__shared_least = 0.5;
typedef struct ebim__shared {
    ebim_real *x, *q;         /* [most][n], [most] points and logs of their densities */
    int most, count[EBIM__BATCHES];
    double roots[EBIM__BATCHES];
    int full;                 /* 1: they are drawn */
} ebim__shared;

typedef struct ebim__z {
    ebim__shared *shared;     /* points to begin with (NULL: none) */
    ebim_lines *lines;        /* these, or */
    ebim_charts *charts;      /* those; without either: */
    int on;                   /* uniform points of an M that is known, whose size is 1 / unit */
    double unit;
    ebim__anchors anchor;     /* of E, for points of a known M where these are narrow */
    int narrow;
    ebim_watch *watch;
    ebim_ws E, F;             /* F: for the map only */
    ebim_real *J;             /* [64][outputs][n] */
    ebim__stretch map;        /* of the coordinates that volumes are wanted in */
    int energy, each, room;   /* lines and room for roots of a batch */
    ebim_real *x;             /* [room][n] */
    ebim_real *e, *q, *s;     /* [BATCHES][room] energies, log densities and stretch of roots */
    int count[EBIM__BATCHES]; /* of which are there */
    double roots[EBIM__BATCHES]; /* a line */
} ebim__z;

/* E NULL: the volume only; L: see ebim__stretch; by charts that cover M (NULL while measuring), or
 * by `draws` lines */
static ebim_result ebim__z_init(ebim__z *z, ebim_arena *a, const ebim_graph *F,
                                const ebim_graph *E, const double *L, const double *lo,
                                const double *hi, int draws, ebim_charts *charts,
                                int by_charts)
{
    ebim_lines_desc d;
    ebim_result r;
    size_t n = (size_t)ebim_inputs(F);
    memset(z, 0, sizeof *z);
    memset(&d, 0, sizeof d);
    d.lo = lo;
    d.hi = hi;
    z->energy = E != NULL;
    z->charts = charts;
    z->watch = a->watch;
    draws = ebim__or_int(draws, 131072);
    if (by_charts) draws /= (int)n - ebim__codim(F) > 1 ? 4 : 16; /* those of curves are even */
    z->each = ebim__max_int(draws / EBIM__BATCHES, 16);
    z->room = by_charts ? z->each : 4 * z->each;
    z->x = EBIM__NEW(a, ebim_real, (size_t)z->room * n);
    z->e = EBIM__NEW(a, ebim_real, EBIM__BATCHES * (size_t)z->room);
    z->q = EBIM__NEW(a, ebim_real, EBIM__BATCHES * (size_t)z->room);
    z->s = EBIM__NEW(a, ebim_real, EBIM__BATCHES * (size_t)z->room);
    ebim__stretch_init(&z->map, a, L, F);
    z->J = EBIM__NEW(a, ebim_real, ebim__times(64 * (size_t)z->map.outputs, n));
    r = ebim__ws_for(&z->F, a, F, 64, 1, EBIM__FOR_VJP);
    if (!r && E) r = ebim_ws_init(&z->E, a, E, 64, EBIM_WS_VALUES);
    if (by_charts) ebim__anchors_of(&z->anchor, a, E, (int)n, (int)n - ebim__codim(F));
    if (r || by_charts) return r;
    r = ebim_lines_init(&z->lines, a, F, &d);
    return r ? r : ebim__lines_near(z->lines, a, E, (int)n);
}

/* Volumes V and integrals Z of e^(low - E) of the batches */
static void ebim__z_sums(const ebim__z *z, double *V, double *Z, double *low, ebim_log_z *out)
{
    double sum = 0, square = 0;
    int b, i;
    *low = DBL_MAX;
    for (b = 0; b < EBIM__BATCHES; b++)
        for (i = 0; i < z->count[b]; i++) {
            ebim_real E = z->e[b * z->room + i];
            if (ebim__finite(E)) *low = fmin(*low, (double)E + (double)z->q[b * z->room + i]);
        }
    for (b = 0; b < EBIM__BATCHES; b++) {
        double each = z->count[b] ? z->roots[b] / z->count[b] : 0; /* what one root stands for */
        for (V[b] = Z[b] = 0, i = 0; i < z->count[b]; i++) {
            double q = (double)z->q[b * z->room + i], w = 0;
            ebim_real E = z->e[b * z->room + i];
            if (ebim__finite(E)) w = exp(*low - q - (double)E);
            V[b] += each * exp(-q - (double)z->s[b * z->room + i]);
            Z[b] += each * w;
            sum += w;
            square += w * w;
        }
        out->points += z->count[b];
    }
    out->effective = square > 0 ? sum * sum / square : 0;
}

/* Stretch of the map at points x: [B][n] -> out */
static void ebim__z_stretch(ebim__z *z, int B, const ebim_real *x, ebim_real *out)
{
    int at, lanes, l, size = z->map.outputs * z->map.n;
    for (l = 0; l < B; l++) out[l] = 0;
    if (!z->map.L) return;
    for (at = 0; at < B; at += lanes) {
        lanes = ebim__min_int(64, B - at);
        ebim_eval_jacobian(&z->F, lanes, ebim__nth(x, at, z->map.n), z->J);
        for (l = 0; l < lanes; l++)
            out[at + l] = EBIM__R(ebim__stretch_at(&z->map, z->J + l * size));
    }
}

/* log of the volume of a known M in the units of F */
static double ebim__z_level(const ebim__z *z)
{
    return ebim__on_log_volume(z->on, z->F.n) - (z->F.n - z->F.k) * log(z->unit);
}

/* Uniform points of a known M -> z->x or, where E's kernels are narrow, every second one of these,
 * thrown onto M; one that misses M, as beyond a simplex, is none. */
static void ebim__z_known(ebim__z *z, int b, ebim_real *q, uint64_t seed, uint64_t stream)
{
    int n = z->F.n, i, c, have = 0, each = z->narrow ? ebim__max_int(z->each / 8, 16) : z->each;
    double level = ebim__z_level(z);
    ebim_rng r;
    ebim_rng_init(&r, ebim__subseed(seed, EBIM__SEED_PICK), stream);
    ebim__on_uniform(z->on, n, each, z->x, seed, stream);
    for (i = 0; i < each; i++) {
        ebim_real *x = z->x + (size_t)i * (size_t)n, *y = z->x + (size_t)have * (size_t)n;
        int thrown = z->narrow && i % 2, away = 0;
        double near_by = 0;
        if (thrown) {
            ebim__anchors_draw(&z->anchor, &r, x);
            for (c = 0; c < n; c++) x[c] = EBIM__R((double)x[c] * z->unit);
            away = ebim__on_thrown(z->on, n, x);
        }
        for (c = 0; c < n; c++) y[c] = EBIM__R((double)x[c] / z->unit);
        if (away) continue;
        if (z->narrow) near_by = ebim__near_density(&z->anchor, y, NULL, 0);
        q[have++] = EBIM__R(z->narrow ? log(0.5 * exp(-level) + 0.5 * near_by) : -level);
    }
    z->count[b] = have;
    z->roots[b] = (double)have / each;
}

/* Points of batch b -> x and the logs of their densities -> q; how many a line, or draw, has */
static void ebim__z_fresh(ebim__z *z, int b, ebim_real *x, ebim_real *q, uint64_t seed)
{
    uint64_t stream = (uint64_t)b * (uint64_t)z->each;
    if (z->lines) {
        double before = z->lines->roots;
        z->count[b] = ebim_lines_run(z->lines, z->each, z->room, x, seed, stream);
        z->roots[b] = (z->lines->roots - before) / z->each;
        if (z->count[b]) ebim__lines_density(z->lines, z->count[b], x, q);
    } else if (z->charts && !z->narrow) {
        z->count[b] = ebim__charts_take(z->charts, z->each, x, q,
                                        ebim__subseed(seed, (uint64_t)b), stream, 1);
        z->roots[b] = (double)z->count[b] / z->each;
    } else {
        ebim__z_known(z, b, q, seed, stream);
    }
}

/* The same, or those that are shared -> where they stand */
static ebim_real *ebim__z_points(ebim__z *z, int b, uint64_t seed)
{
    ebim__shared *s = z->shared;
    size_t at = (size_t)b * (size_t)z->room;
    ebim_real *q = z->q + at, *x = s ? s->x + at * (size_t)z->F.n : z->x;
    if (!s || !s->full) ebim__z_fresh(z, b, x, q, seed);
    if (!s) return x;
    if (!s->full) {
        s->count[b] = z->count[b];
        s->roots[b] = z->roots[b];
        memcpy(s->q + at, q, (size_t)z->count[b] * sizeof *q);
    } else {
        z->count[b] = s->count[b];
        z->roots[b] = s->roots[b];
        memcpy(q, s->q + at, (size_t)z->count[b] * sizeof *q);
    }
    return x;
}

/* All batches, and what E is there */
static void ebim__z_draw(ebim__z *z, uint64_t seed)
{
    int b, low = z->energy && !z->shared;
    z->narrow = !z->lines && z->anchor.count && ebim__on_k(z->on, z->F.n) &&
                ebim__anchors_narrow(&z->anchor, ebim__z_level(z), z->x);
    if (z->charts) {
        if (low) ebim_eval(&z->E, z->charts->count, z->charts->center, z->charts->energy);
        ebim__charts_weigh(z->charts, low ? z->charts->energy : NULL);
    }
    for (b = 0; b < EBIM__BATCHES && !ebim__stopped(z->watch); b++) {
        ebim_real *e = z->e + (size_t)b * (size_t)z->room;
        const ebim_real *x = ebim__z_points(z, b, ebim__subseed(seed, EBIM__SEED_Z));
        if (!z->count[b]) continue;
        ebim__z_stretch(z, z->count[b], x, z->s + (size_t)b * (size_t)z->room);
        if (z->energy) ebim_eval(&z->E, z->count[b], x, e);
        else memset(e, 0, (size_t)z->count[b] * sizeof *e);
    }
    if (z->shared) z->shared->full = !ebim__stopped(z->watch);
}

static ebim_result ebim__z_run(ebim__z *z, uint64_t seed, ebim_log_z *out)
{
    double V[EBIM__BATCHES], Z[EBIM__BATCHES], ratio[EBIM__BATCHES], low, v, mean;
    int b;
    memset(out, 0, sizeof *out);
    ebim__z_draw(z, seed);
    ebim__z_sums(z, V, Z, &low, out);
    if (z->shared && z->charts && out->effective < ebim__shared_least * (double)out->points) {
        z->shared = NULL;
        memset(out, 0, sizeof *out);
        ebim__z_draw(z, seed);
        ebim__z_sums(z, V, Z, &low, out);
    }
    v = ebim__batch_mean(V, &out->volume_se);
    mean = ebim__batch_mean(Z, &out->se);
    if (!(v > 0) || !(mean > 0)) return EBIM_ERR_SOLVE;
    for (b = 0; b < EBIM__BATCHES; b++) ratio[b] = Z[b] / mean - V[b] / v; /* to first order */
    ebim__batch_mean(ratio, &out->mean_se);
    out->volume_se /= v;
    out->se /= mean;
    out->log_volume = log(v);
    out->log_mean = log(mean / v) - low - z->map.level;
    out->log_z = out->log_volume + out->log_mean;
    return EBIM_OK;
}

/* ============================================================================================
 * >>leap  moves along lines, from one part of M to another
 *
 * A line through x in a uniform direction u meets M in x and other points y. One of them, or x, is
 * chosen with weights e^-E(y) / |u . nu(y)|. Such a move leaves p alone: from x to a neighbourhood
 * dA of y the rate is p(x) |u . nu(y)| dA / |x - y|^(n-1) times y's share of the weights, which is
 * symmetric in x and y. The move needs no step size; components may be far apart, as long as they
 * see each other. Roots beyond the first 16 of a line do not count, from x as from y, since both
 * walk it from the same end of D. A line on which x is not found, or two roots are too close to be
 * told apart, is used by neither. Cost: 1.3 times the grid of >>lines in sweeps.
 * ========================================================================================= */

enum { EBIM__LEAPS = 256 }; /* at a time */

struct ebim_leaps {
    ebim_lines *lines;
    ebim_ws E;
    int energy;
    double *t;                /* [LEAPS][LEAP_ROOTS] */
    int32_t *count, *self;    /* [LEAPS] roots; which of them the line started from, -1: none */
    ebim_real *dir;           /* [LEAPS][n] directions */
    double *uniform;          /* [LEAPS] numbers that choose */
    ebim_real *x, *e;         /* [LEAPS * LEAP_ROOTS][n], [LEAPS * LEAP_ROOTS] all roots, */
    int32_t *line;            /* [LEAPS * LEAP_ROOTS] their lines */
    double *log_weight;       /* [LEAPS * LEAP_ROOTS] and -E - log |u . nu| */
};

EBIM_API ebim_result ebim_leaps_init(ebim_leaps **out, ebim_arena *a, const ebim_graph *F,
                                     const ebim_graph *E, const ebim_lines_desc *d)
{
    ebim_leaps *s = EBIM__NEW(a, ebim_leaps, 1), local, *p = ebim__ready(a) ? s : &local;
    size_t all = (size_t)EBIM__LEAPS * EBIM__LEAP_ROOTS;
    ebim_result r;
    *out = NULL;
    memset(p, 0, sizeof *p);
    r = ebim_lines_init(&p->lines, a, F, d);
    if (r) return r;
    p->energy = E != NULL;
    if (E && (ebim_outputs(E) != 1 || ebim_inputs(E) != ebim_inputs(F))) return EBIM_ERR_SHAPE;
    if (E) r = ebim_ws_init(&p->E, a, E, EBIM__LINES, EBIM_WS_VALUES);
    EBIM__NEW_EACH(a, int32_t, EBIM__LEAPS, &p->count, &p->self);
    EBIM__NEW_EACH(a, double, all, &p->t, &p->log_weight);
    p->dir = EBIM__NEW(a, ebim_real, EBIM__LEAPS * (size_t)ebim_inputs(F));
    p->uniform = EBIM__NEW(a, double, EBIM__LEAPS);
    p->line = EBIM__NEW(a, int32_t, all);
    p->x = EBIM__NEW(a, ebim_real, all * (size_t)ebim_inputs(F));
    p->e = EBIM__NEW(a, ebim_real, all);
    if (ebim__ready(a)) *out = s;
    return r ? r : a->failed;
}

/* Points of all roots -> s->x, one line's after another's; x itself where the line started. */
static int ebim__leap_points(ebim_leaps *s, int lines, const ebim_real *x, uint64_t seed,
                             uint64_t stream)
{
    int n = s->lines->w.n, b, i, c, all = 0;
    double tiny = 1e-4 * s->lines->radius; /* nearer roots are not told apart */
    for (b = 0; b < lines; b++) {
        const double *t = s->t + b * EBIM__LEAP_ROOTS;
        int close = 0;
        ebim_rng r;
        ebim_rng_init(&r, seed, stream + (uint64_t)b);
        ebim_rng_sphere(&r, n, s->dir + b * n); /* as ebim__line_through drew it */
        s->uniform[b] = (double)ebim_rng_uniform(&r);
        for (s->self[b] = -1, i = 0; i < s->count[b]; i++) {
            close |= i && t[i] - t[i - 1] < tiny;
            if (fabs(t[i]) < tiny) s->self[b] = i;
        }
        if (close) s->self[b] = -1;
        for (i = 0; i < s->count[b]; s->line[all++] = b, i++)
            for (c = 0; c < n; c++) {
                double v = (double)x[b * n + c];
                if (i != s->self[b]) v += t[i] * (double)s->dir[b * n + c];
                s->x[all * n + c] = EBIM__R(v);
            }
    }
    return all;
}

static void ebim__leap_weights(ebim_leaps *s, int all)
{
    ebim_ws *w = &s->lines->w;
    int n = w->n, at, lanes, l, c;
    EBIM__BLOCKS(at, lanes, w, all, s->x, 1) {
        ebim__normals(w, lanes);
        for (l = 0; l < lanes; l++) {
            const ebim_real *u = s->dir + s->line[at + l] * n;
            double cosine = 0, E = s->energy ? (double)s->e[at + l] : 0;
            for (c = 0; c < n; c++)
                cosine += (double)u[c] * (double)ebim_ws_xg(w, 0)[c * w->stride + l];
            s->log_weight[at + l] = ebim__finite64(E) ? -E - log(fmax(fabs(cosine), 1e-12))
                                                      : -HUGE_VAL;
        }
    }
}

/* One of count roots, by their weights */
static int ebim__leap_pick(int count, const double *log_weight, double uniform)
{
    double most = log_weight[0], sum = 0;
    int i;
    for (i = 1; i < count; i++) most = fmax(most, log_weight[i]);
    for (i = 0; i < count; i++) sum += exp(log_weight[i] - most);
    for (i = 0, uniform *= sum; i < count - 1; i++)
        if ((uniform -= exp(log_weight[i] - most)) < 0) break;
    return i;
}

EBIM_API int ebim_leaps_run(ebim_leaps *s, int B, ebim_real *x, uint64_t seed, uint64_t stream)
{
    int n = s->lines->w.n, at, lines, b, moved = 0, first;
    for (at = 0; at < B; at += lines, x += (size_t)lines * (size_t)n, stream += (uint64_t)lines) {
        ebim__harvest h = ebim__harvest_init(0, NULL, 0);
        int all;
        lines = ebim__min_int(EBIM__LEAPS, B - at);
        memset(s->count, 0, (size_t)lines * sizeof *s->count);
        h.t = s->t;
        h.count = s->count;
        s->lines->through = x;
        ebim__lines_harvest(s->lines, lines, &h, seed, stream);
        all = ebim__leap_points(s, lines, x, seed, stream);
        if (all && s->energy) ebim_eval(&s->E, all, s->x, s->e);
        ebim__leap_weights(s, all);
        for (first = b = 0; b < lines; first += s->count[b++]) {
            int pick;
            if (s->self[b] < 0 || s->count[b] < 2) continue;
            pick = ebim__leap_pick(s->count[b], s->log_weight + first, s->uniform[b]);
            moved += pick != s->self[b];
            memcpy(x + b * n, s->x + (first + pick) * n, (size_t)n * sizeof *x);
        }
    }
    return moved;
}

/* ============================================================================================
 * >>components  which points of M belong to one piece of it
 *
 * Points closer than r are joined if M seems to go straight from one to the other: the segment
 * leaves the tangent spaces at its ends by 30 degrees at most; F linearised at its midpoint has a
 * root within a sixth of its length; the normal spaces there and at its ends are oriented alike and
 * turned by little, the product of their cosines, det(N N'), being 1/2 or more. On a circle chords
 * up to its radius pass; sheets of k = 1 that are neighbours face each other, and do not. r is such
 * that B exp(-B w_m r^m / 2V) = LINKING, w_m the volume of the unit ball: so many of B half balls,
 * the neighbourhoods of points on the rim of M, are empty on average. For curves that bounds the
 * probability of a gap; inside surfaces gaps are rarer still. Cost: a linearisation and a search in
 * a tree for each point, a linearisation for each pair that is close and not yet joined.
 * ========================================================================================= */

#define EBIM__LINKING 5e-5 /* chance that a curve falls apart */

typedef struct ebim__links {
    ebim__frame f;
    const ebim_real *x;     /* [B][n] */
    ebim_real *normals, *mid; /* [B][k][n]; [k][n] of a midpoint */
    ebim_real *tangents;      /* [B][n - k][n] of a field */
    double *work;             /* [n][n] for these */
    ebim_real *length;      /* [lanes] */
    int32_t *parent, *size; /* [B] union-find; points of a root */
    int32_t *pair;          /* [lanes][2] to be joined if their midpoint agrees */
    int pairs;
    ebim__tree tree;
} ebim__links;

/* Whether the normal space at point b and one with basis A are oriented alike and turned by little.
 * Those of a field have no sides, and tangents, which are fewer, tell as well. */
static int ebim__links_face(ebim__links *s, const ebim_real *A, int32_t b)
{
    int n = s->f.n, k = s->f.k, i, j, c;
    const ebim_real *B = ebim__nth(s->normals, b, k * n);
    ebim_real *m = s->f.matrix;
    double det = 1;
    if (s->f.field)
        return ebim__cosine(k, n - k, n, A, ebim__nth(s->tangents, b, (n - k) * n), s->work) >= 0.5;
    for (i = 0; i < k; i++)
        for (j = 0; j < k; j++)
            for (c = 0, m[i * k + j] = 0; c < n; c++) m[i * k + j] += A[i * n + c] * B[j * n + c];
    if (ebim__lu(k, m, s->f.piv, 1)) return 0;
    for (i = 0; i < k; i++) det *= (s->f.piv[i] != i ? -1 : 1) * (double)m[i * (k + 1)];
    return det >= 0.5;
}

/* Whether b - a leaves the tangent space with normals N by no more than 30 degrees. */
static int ebim__links_along(const ebim__links *s, const ebim_real *N, int32_t a, int32_t b)
{
    int n = s->f.n, i, c;
    const ebim_real *xa = ebim__nth(s->x, a, n), *xb = ebim__nth(s->x, b, n);
    ebim_real off2 = 0;
    for (i = 0; i < s->f.k; i++) {
        ebim_real v = 0;
        for (c = 0; c < n; c++) v += N[i * n + c] * (xb[c] - xa[c]);
        off2 += v * v;
    }
    return 4 * (double)off2 <= ebim__square_distance(n, xa, xb);
}

/* Joins the pairs whose midpoint lies on the same sheet. */
static void ebim__links_flush(ebim__links *s)
{
    int p, i, n = s->f.n;
    ebim_real *mid = ebim_ws_x(&s->f.w);
    if (!s->pairs) return;
    for (p = 0; p < s->pairs; p++)
        for (i = 0; i < n; i++)
            mid[i * s->f.stride + p] = (ebim__nth(s->x, s->pair[2 * p], n)[i] +
                                        ebim__nth(s->x, s->pair[2 * p + 1], n)[i]) / 2;
    ebim__frame_at(&s->f, s->pairs, mid);
    ebim__frame_lengths(&s->f, s->length);
    for (p = 0; p < s->pairs; p++) {
        int32_t a = s->pair[2 * p], b = s->pair[2 * p + 1];
        ebim_real d = s->length[p], far2 = EBIM__R(ebim__square_distance(
                                        n, ebim__nth(s->x, a, n), ebim__nth(s->x, b, n)));
        if (s->f.singular[p] || !ebim__finite(d) || !(36 * d * d <= far2)) continue;
        ebim__frame_normals(&s->f, p, s->mid);
        if (ebim__links_face(s, s->mid, a))
            ebim__unite(s->parent, a, b);
    }
    s->pairs = 0;
}

/* What is normal to M at point b, and tangent where that is asked for */
static void ebim__links_normals(ebim__links *s, int l, int32_t b)
{
    int n = s->f.n, k = s->f.k, i;
    ebim_real *N = s->normals + (size_t)b * (size_t)(k * n);
    ebim_real *T = s->tangents + (s->f.field ? (size_t)b * (size_t)((n - k) * n) : 0);
    ebim__frame_normals(&s->f, l, N);
    for (i = 0; i < k * n && s->f.field; i++) s->work[i] = (double)N[i];
    if (s->f.field) ebim__complement(k, n, s->work);
    for (i = 0; i < (n - k) * n && s->f.field; i++) T[i] = EBIM__R(s->work[k * n + i]);
}

/* The normals of all points; every point is a component of its own. */
static void ebim__links_start(ebim__links *s, int B)
{
    int at, l, count, n = s->f.n;
    ebim_real *x = ebim_ws_x(&s->f.w);
    for (l = 0; l < B; l++) s->parent[l] = l;
    for (at = 0; at < B && !ebim__stopped(s->f.w.watch); at += count) {
        count = ebim__min_int(s->f.stride, B - at);
        ebim__to_lanes(ebim__nth(s->x, at, n), count, n, x, s->f.stride,
                       ebim__lanes(s->f.stride, count));
        ebim__frame_at(&s->f, count, x);
        for (l = 0; l < count; l++) ebim__links_normals(s, l, (int32_t)(at + l));
    }
}

static void ebim__links_join(ebim__links *s, int B, double r2)
{
    int32_t a, b;
    int i, kn = s->f.k * s->f.n;
    ebim__tree_build(&s->tree, B, s->x, NULL);
    for (a = 1; a < B && !ebim__stopped(s->f.w.watch); a++) {
        const ebim_real *A = ebim__nth(s->normals, a, kn), *N;
        ebim__tree_within(&s->tree, ebim__nth(s->x, a, s->f.n), B, r2);
        for (i = 0; i < s->tree.found; i++) {
            b = s->tree.hood[i];
            if (b >= a || ebim__find(s->parent, a) == ebim__find(s->parent, b)) continue;
            N = ebim__nth(s->normals, b, kn);
            if (!ebim__links_along(s, A, a, b) || !ebim__links_along(s, N, a, b) ||
                !ebim__links_face(s, A, b))
                continue;
            s->pair[2 * s->pairs] = a;
            s->pair[2 * s->pairs + 1] = b;
            if (++s->pairs == s->f.stride) ebim__links_flush(s);
        }
    }
    ebim__links_flush(s);
}

/* Numbers the roots by size, the earlier one first where sizes are equal. */
static int ebim__links_label(ebim__links *s, int B, int32_t *label)
{
    int32_t i;
    int count;
    for (i = 0; i < B; i++) s->size[ebim__find(s->parent, i)]++;
    for (count = 0; !ebim__work(s->f.w.watch, 2.0 * B); count++) {
        int32_t best = 0;
        for (i = 1; i < B; i++)
            if (s->size[i] > s->size[best]) best = i;
        if (!s->size[best]) break;
        s->size[best] = 0;
        for (i = 0; i < B; i++)
            if (ebim__find(s->parent, i) == best) label[i] = count;
    }
    return count;
}

EBIM_API ebim_result ebim_components(const ebim_graph *F, ebim_arena *work, int B,
                                     const ebim_real *x, double volume, int32_t *label,
                                     int *count)
{
    ebim__links s;
    ebim_constraint_desc c;
    ebim_result r;
    double per, length;
    int m;
    memset(&s, 0, sizeof s);
    memset(&c, 0, sizeof c);
    c.linear = EBIM_LINEAR_DIRECT;
    if (B < 1 || !(volume > 0) || !ebim__finite64(volume)) return EBIM_ERR_ARG;
    r = ebim__frame_init(&s.f, work, F, &c);
    if (r) return r;
    s.x = x;
    s.normals = EBIM__NEW(work, ebim_real, ebim__times((size_t)B, (size_t)(s.f.k * s.f.n)));
    s.mid = EBIM__NEW(work, ebim_real, s.f.k * s.f.n);
    m = s.f.field ? s.f.n - s.f.k : 0;
    s.tangents = EBIM__NEW(work, ebim_real, ebim__times((size_t)B, (size_t)(m * s.f.n)));
    s.work = EBIM__NEW(work, double, m ? s.f.n * s.f.n : 0);
    s.length = EBIM__NEW(work, ebim_real, s.f.stride);
    EBIM__NEW_EACH(work, int32_t, B, &s.parent, &s.size);
    s.pair = EBIM__NEW(work, int32_t, 2 * s.f.stride);
    ebim__tree_init(&s.tree, work, B, s.f.n, B);
    if (!ebim__ready(work)) return work->failed;
    m = s.f.n - s.f.k;
    per = 2 * volume * log(B / EBIM__LINKING) / B;
    length = exp((log(per) - ebim__log_ball(m)) / m);
    ebim__links_start(&s, B);
    ebim__links_join(&s, B, length * length);
    *count = ebim__links_label(&s, B, label);
    return EBIM_OK;
}

/* ============================================================================================
 * >>crust  curves: which points are next to each other
 *
 * Pairs of near points are linked, the closest first, where neither has two links already, nor one
 * that turns there by more than 120 degrees (compare the crust of Dey and Kumar, 1999). At sharper
 * tips two points are left as ends; these are linked next, and two points in a row change places
 * where that makes the polygon shorter. What has no ends, gaps or crossings then is a curve, drawn
 * by its points even where waves of it are only some points long: if turns that follow each other
 * are alike, for noise makes them opposite. Cost: a query of a tree for each point, and a sort.
 * Pitfall: copies must be left out.
 * ========================================================================================= */

enum {
    EBIM__CRUST_NEAR = 12,    /* neighbours that links may lead to, and links that are a few */
    EBIM__CRUST_LEAST = 50,   /* points: fewer do not tell noise from waves; */
    EBIM__CRUST_MOST = 5000   /* more draw waves finely enough for neighbourhoods */
};

static const struct { double turn, gap, crossed, alike; } ebim__crust_bound = {
    1.5, /* turn: 1 - cos of the turn at a point, at most */
    3, /* gap: a link that is so many times as long as the longest of a few on either side */
    0.5, /* crossed: turns with two links exchanged, of those without, at most. Where curves cross
          * 0 to 0.2; narrow necks of outlines 1 and more */
    0 /* alike: correlation of turns, at least. Circles and outlines with noise that shows -0.7 to
       * -0.1, clean ones 0.2 to 1, with corners 0.05, an outline of a cell by 318 points 0.23 */
};

typedef struct ebim__crust {
    int n, pairs;             /* coordinates; pairs of near points */
    const ebim_real *x;       /* [N][n] */
    int32_t *next;            /* [N][2] what each row is linked to, or -1 */
    int32_t *second, *order;  /* [NEAR N] of pairs; scratch, like */
    double *length;           /* [NEAR N] */
} ebim__crust;

static ebim_result ebim__crust_init(ebim__crust *s, ebim_arena *a, int N, int n)
{
    size_t pairs = EBIM__CRUST_NEAR * (size_t)ebim__min_int(N, EBIM__CRUST_MOST);
    s->n = n;
    s->next = EBIM__NEW(a, int32_t, 2 * (size_t)N);
    EBIM__NEW_EACH(a, int32_t, pairs, &s->second, &s->order);
    s->length = EBIM__NEW(a, double, pairs);
    return a->failed;
}

/* How much rows a, b, c of x turn at b: 1 - cos */
static double ebim__rows_turn(int n, const ebim_real *x, int32_t a, int32_t b, int32_t c)
{
    const ebim_real *from = ebim__nth(x, a, n), *at = ebim__nth(x, b, n), *to = ebim__nth(x, c, n);
    double sum = 0, there = 0, on = 0;
    int i;
    for (i = 0; i < n; i++) {
        double u = (double)at[i] - (double)from[i], v = (double)to[i] - (double)at[i];
        sum += u * v;
        there += u * u;
        on += v * v;
    }
    return there > 0 && on > 0 ? 1 - sum / sqrt(there * on) : 0;
}

static double ebim__crust_turn(const ebim__crust *s, int32_t a, int32_t b, int32_t c)
{
    return ebim__rows_turn(s->n, s->x, a, b, c);
}

static double ebim__crust_length(const ebim__crust *s, int32_t a, int32_t b)
{
    return sqrt(ebim__square_distance(s->n, ebim__nth(s->x, a, s->n), ebim__nth(s->x, b, s->n)));
}

/* What `at` is linked to, but not `from` */
static int32_t ebim__crust_on(const int32_t *next, int32_t from, int32_t at)
{
    return next[2 * at + (next[2 * at] == from)];
}

/* The link of `at` to `from`, or (-1) none, leads to `to` now. */
static void ebim__crust_link(int32_t *next, int32_t at, int32_t from, int32_t to)
{
    next[2 * at + (next[2 * at] != from)] = to;
}

/* Whether a may be linked to b, as far as a is concerned; ends: both have a link */
static int ebim__crust_may(const ebim__crust *s, int32_t a, int32_t b, int ends)
{
    int32_t have = s->next[2 * a], other = s->next[2 * b];
    if (s->next[2 * a + 1] >= 0 || have == b) return 0;
    if (ends) return have >= 0 && other >= 0 && have != other;
    return have < 0 || ebim__crust_turn(s, have, a, b) <= ebim__crust_bound.turn;
}

/* a, b, c, d in a row become a, c, b, d where that is shorter. */
static void ebim__crust_swap(ebim__crust *s, int32_t b, int32_t c)
{
    int32_t a = ebim__crust_on(s->next, c, b), d = c < 0 ? c : ebim__crust_on(s->next, b, c);
    if (a < 0 || d < 0 || a == d || a == c) return;
    if (ebim__crust_length(s, a, c) + ebim__crust_length(s, b, d) >=
        ebim__crust_length(s, a, b) + ebim__crust_length(s, c, d)) return;
    ebim__crust_link(s->next, a, b, c);
    ebim__crust_link(s->next, c, d, a);
    ebim__crust_link(s->next, b, a, d);
    ebim__crust_link(s->next, d, c, b);
}

/* Pairs of rows which[0 .. count - 1] of the tree's, in the order of their distances */
static void ebim__crust_pairs(ebim__crust *s, int count, const int32_t *which, ebim__tree *tree)
{
    int i, j;
    for (s->pairs = i = 0; i < count; i++) {
        int found = ebim__tree_others(tree, ebim__nth(s->x, which[i], s->n), EBIM__CRUST_NEAR);
        for (j = 0; j < found; j++) {
            int at = i * EBIM__CRUST_NEAR + j;
            if (tree->hood[j] == which[i]) continue; /* it was stopped */
            s->second[at] = tree->hood[j];
            s->length[at] = sqrt(tree->d2[j]);
            s->order[s->pairs++] = at;
        }
    }
    ebim__sort(s->order, s->pairs, ebim__compare_values, s->length);
}

static void ebim__crust_make(ebim__crust *s, int count, const int32_t *which, ebim__tree *tree)
{
    int i, ends;
    s->x = tree->x;
    for (i = 0; i < count; i++) s->next[2 * which[i]] = s->next[2 * which[i] + 1] = -1;
    ebim__crust_pairs(s, count, which, tree);
    for (ends = 0; ends < 2; ends++)
        for (i = 0; i < s->pairs; i++) {
            int32_t a = which[s->order[i] / EBIM__CRUST_NEAR], b = s->second[s->order[i]];
            if (!ebim__crust_may(s, a, b, ends) || !ebim__crust_may(s, b, a, ends)) continue;
            ebim__crust_link(s->next, a, -1, b);
            ebim__crust_link(s->next, b, -1, a);
        }
    for (i = 0; i < 2 * count; i++)
        ebim__crust_swap(s, which[i / 2], s->next[2 * which[i / 2] + i % 2]);
}

/* Whether a link is a gap */
static int ebim__crust_gap(const ebim__crust *s, int32_t from, int32_t at)
{
    double longest = 0;
    int32_t last[2], way[2], on;
    int i;
    last[0] = way[1] = from;
    last[1] = way[0] = at;
    for (i = 0; i < 2 * EBIM__CRUST_NEAR; i++) {
        on = ebim__crust_on(s->next, last[i % 2], way[i % 2]);
        longest = fmax(longest, ebim__crust_length(s, way[i % 2], on));
        last[i % 2] = way[i % 2];
        way[i % 2] = on;
    }
    return ebim__crust_length(s, from, at) > ebim__crust_bound.gap * longest;
}

/* On which side of the line from a to b row p is, in the plane */
static int ebim__crust_side(const ebim__crust *s, int32_t a, int32_t b, int32_t p)
{
    const ebim_real *from = s->x + 2 * a, *to = s->x + 2 * b, *at = s->x + 2 * p;
    double turn = ((double)to[0] - (double)from[0]) * ((double)at[1] - (double)from[1]) -
                  ((double)to[1] - (double)from[1]) * ((double)at[0] - (double)from[0]);
    return (turn > 0) - (turn < 0);
}

/* Whether links a - b and c - d cross, or turn much more than a - c and b - d would, as where two
 * curves that cross are taken for two that only meet */
static int ebim__crust_crossed(const ebim__crust *s, int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32_t to_a = ebim__crust_on(s->next, b, a), to_b = ebim__crust_on(s->next, a, b);
    int32_t to_c = ebim__crust_on(s->next, d, c), to_d = ebim__crust_on(s->next, c, d);
    double now, then;
    if (a == d || b == c || b == d) return 0;
    if (s->n == 2 && ebim__crust_side(s, a, b, c) * ebim__crust_side(s, a, b, d) < 0 &&
        ebim__crust_side(s, c, d, a) * ebim__crust_side(s, c, d, b) < 0)
        return 1;
    now = ebim__crust_turn(s, to_a, a, b) + ebim__crust_turn(s, a, b, to_b) +
          ebim__crust_turn(s, to_c, c, d) + ebim__crust_turn(s, c, d, to_d);
    then = ebim__crust_turn(s, to_a, a, c) + ebim__crust_turn(s, a, c, to_c) +
           ebim__crust_turn(s, to_b, b, d) + ebim__crust_turn(s, b, d, to_d);
    return then < ebim__crust_bound.crossed * now;
}

/* (q - p)(r - q) of unit vectors p, q, r along a, b, c, d */
static double ebim__crust_alike(const ebim__crust *s, int32_t a, int32_t b, int32_t c, int32_t d)
{
    double pr = 0, ab = ebim__crust_length(s, a, b), cd = ebim__crust_length(s, c, d);
    int i, n = s->n;
    for (i = 0; i < n && ab > 0 && cd > 0; i++)
        pr += ((double)s->x[b * n + i] - (double)s->x[a * n + i]) / ab *
              ((double)s->x[d * n + i] - (double)s->x[c * n + i]) / cd;
    return 1 - ebim__crust_turn(s, a, b, c) - ebim__crust_turn(s, b, c, d) - pr;
}

/* Whether the links are a curve */
static int ebim__crust_closed(const ebim__crust *s, int count, const int32_t *which,
                              ebim_watch *watch)
{
    const int32_t *next = s->next;
    double alike = 0, all = 0;
    int i;
    for (i = 0; i < count; i++)
        if (next[2 * which[i] + 1] < 0) return 0;
    for (i = 0; i < count; i++) {
        int32_t b = which[i], a = next[2 * b], c = next[2 * b + 1], d = ebim__crust_on(next, b, c);
        if (ebim__crust_gap(s, a, b) || ebim__crust_gap(s, b, c)) return 0;
        alike += ebim__crust_alike(s, a, b, c, d);
        all += 2 * ebim__crust_turn(s, a, b, c);
    }
    if (alike <= ebim__crust_bound.alike * all) return 0;
    for (i = 0; i < 4 * s->pairs; i++) {
        int32_t a = which[s->order[i / 4] / EBIM__CRUST_NEAR], c = s->second[s->order[i / 4]];
        if (ebim__crust_crossed(s, a, next[2 * a + i % 2], c, next[2 * c + i / 2 % 2]) ||
            ebim__work(watch, 16.0 * s->n))
            return 0;
    }
    return 1;
}

/* ============================================================================================
 * >>survey  what the data say before a fit
 *
 * Six questions about rows x_i of a set of dimension m in R^n, in this order, each answered from
 * nearest neighbours alone: which rows are so far from all others that they cannot be told from
 * errors; which are copies of one another; whether a linear map should stand before the fit; how
 * far noise moves rows off the set; whether the set has ends or edges; whether it crosses itself
 * or branches (m <= 2). Where it does not, and its rows draw a curve (>>crust), there are known to
 * be neither noise nor ends. Nothing is changed in x.
 * Cost: log N a row, and some thousand queries of a k-d tree, which in many dimensions take all N
 * rows each. Pitfalls: quantiles are those of a sample beyond EBIM__SURVEY_SAMPLE rows; rows within
 * the data's extent are never called outliers here: the distance to what is learned tells those.
 * ========================================================================================= */

enum {
    EBIM__SURVEY_FEW = 100,       /* rows: fewer hardly tell copies from clusters */
    EBIM__SURVEY_AGAIN = 100000,  /* rows: more are not searched for repeated measurements */
    EBIM__SURVEY_SAMPLE = 20000,  /* rows that quantiles of a column are taken over */
    EBIM__SURVEY_QUERIES = 2048,  /* rows whose neighbours copies are told by */
    EBIM__SURVEY_WORK = 1 << 26,  /* coordinates compared at most by a stage in high dimensions */
    EBIM__SURVEY_NEAR = 128,      /* neighbours, at most */
    EBIM__COPY_NEAR = 32,         /* neighbours: they must reach beyond a row's own copies */
    EBIM__COPY_BINS = 64,         /* scales, a factor sqrt(2) apart */
    EBIM__MAP_ROWS = 1000,        /* rows and queries that the choice of a linear map is made on */
    EBIM__MAP_QUERIES = 200,
    EBIM__MAP_NEAR = 8,           /* neighbours in the leading coordinates */
    EBIM__MAP_LEAST = 30,         /* rows: below there is no linear map, */
    EBIM__MAP_COLUMNS = 100,      /* nor above that many columns: eigenvectors cost n^3 */
    EBIM__NOISE_QUERIES = 400,
    EBIM__NOISE_SIZES = 7,        /* of neighbourhoods, a factor sqrt(2) apart */
    EBIM__NOISE_LEVELS = 8,       /* samples of the rows, each half as large as the last */
    EBIM__EDGE_ROWS = 5000,       /* rows that edges are looked for among */
    EBIM__EDGE_NEAR = 60,         /* neighbours of a row, at most, */
    EBIM__EDGE_FEW = 8,           /* and at least, times m + 1; close ones, at least */
    EBIM__EDGE_LEAST = 100,       /* rows: below edges cannot be told */
    EBIM__EDGE_DIMENSION = 3,     /* m: above, every row is near an edge */
    EBIM__ARMS = 6,               /* of a curve that meet in one place, at most */
    EBIM__ARMS_ROUNDS = 30,       /* to where their lines meet; lines at 45 degrees: to 1 % */
    EBIM__BRANCH_QUERIES = 2000,  /* rows that branches are looked for beside, over m */
    EBIM__BRANCH_DIMENSION = 2,   /* m: above, neighbours are too few */
    EBIM__BRANCH_TANGENT = 12,    /* rows that a tangent of a surface is fitted to */
    EBIM__BRANCH_SIZES = 3,       /* of neighbourhoods: BRANCH_NEAR rows, twice, three times */
    EBIM__BRANCH_NEAR = 16,
    EBIM__BRANCH_PARTS = 12,      /* and no more than such a part of all */
    EBIM__BRANCH_LOOKS = 4,
    EBIM__BRANCH_LEAST = 8        /* rows that must see a branch, over m. Beside one 8 do and more
                                   * (4 where surfaces cross), in circles 1.6 spacings apart 9 at
                                   * most, and that seldom; in 60 other kinds of sets none */
};

static const struct {
    double tail, unit, afar, isolated;
    double copy_odds, copy_least, copy_rise, copy_few, copy_smallest;
    double again_ball, again_very, again_join, again_told, again_chance;
    double dead, dead_column, rounding, map_ratio, map_units, map_graph, map_share, map_worse;
    double noise_width, noise_told, noise_cut;
    double edge_index, edge_close, edge_even, edge_jump, edge_cone, edge_from, edge_to;
    double edge_pure, ends_pure, edge_share;
    double arm_link, arm_wide;
} ebim__survey_bound = {
    0.025, /* tail: a column's extent is that between quantiles so far from the ends */
    100, /* unit: a column whose extent is so much below the largest has units of its own. Not
          * less: a cap of a sphere is flat (von Mises of concentration 200: its tails would seem
          * 23 long) */
    1.5, /* far: extents from all but a handful of others. circle_10.csv 9; smooth tails 0.64 at
          * most (von Mises, any concentration), floods 0.3, glycine 0.23 */
    3, /* isolated: and so much farther than the neighbours of nine rows in ten, as 20 rows are all
        * far apart. Scattered rows 13 and more, 20 points of a curve 1.2 */
    3, /* copy_odds: pairs are copies where so much denser than pairs by chance, */
    10, /* copy_least: and so many more than these. A tenth of the rows copies 15, none 4.1 at
         * most */
    1.6, /* copy_rise: up to four times the scale of copies the excess grows by no more. With
          * copies 1.31 at most; without a gap floods 6, digits64.csv 11 */
    1e-3, /* copy_few: their scale in extents, at most, of so few rows that clusters of them look
           * alike: 16 shares of votes in 7 dimensions made 7 points */
    1e-9, /* copy_smallest: scale of copies, in extents */
    0.05, 0.005, 0.08, 6, 2, /* again_ball, again_very: shares of the volume up to the 8th
                              * neighbour; again_join: within it rows are joined; again_told,
                              * again_chance: standard errors above and below chance */
    1e-3, /* dead: a principal direction so far below the first, columns scaled, is not
           * stretched, */
    1e-9, /* dead_column: nor a column so far below the widest, */
    1e-6, /* rounding: or below its own value: rounding moves it */
    5, /* map_ratio: of deviations and of ranges along principal directions; less is left alone.
        * Glycine on the torus 7.4 and at most 4, an ellipse 10 : 1 7.3 and 10 */
    30, /* map_units: beyond it columns have other units, and a graph is stretched too */
    0.1, /* map_graph: share of a graph's thin directions seen among neighbours. Bowls 0.007,
          * ellipses 0.7 */
    0.12, 1.5, /* map_share, map_worse: local variance off the set after the map, at most, or so
                * many times that without. 0.0002, with noise of 5 % 0.07, a plane's noise 0.37
                * (without: 0.001) */
    0.4, /* noise_width: of a neighbourhood; wider noise is not told. 2 % too low at 0.3, 13 % at
          * 0.5 */
    0.25, /* noise_told: share of the variance off the set that curvature must leave. Clean spheres
           * of dimension 2 to 5 0.04 at most, circles with noise 0.6 */
    0.8, /* noise_cut: balls cut noise off, by so many times its share of their variance */
    0.35, /* edge_index: mean offset of the neighbours over their radius, along the set; 0.5 at the
           * end of a curve, 0.42 at an edge. 60 neighbours within a set never reach it by
           * chance */
    0.25, /* edge_close: of a quarter of them, which scatters by 0.09 about 0.5 at the end of a
           * curve */
    1.5, /* edge_even: density of all neighbours over that of the nearer third. Medians: edges 1,
          * tails of von Mises densities 1.7 and more */
    0.1, /* edge_jump: of the neighbours' distances, in radii, plus 6 / neighbours: a piece smaller
          * than the neighbourhood has jumps of 0.4 */
    0.8, 0.5, 1.1, /* edge_cone, edge_from, edge_to: nothing lies beyond an edge in a cone of this
                    * cosine, from and to these radii */
    0.8, 0.6, /* edge_pure, ends_pure: share of the rows with a large index that pass the rest;
               * surfaces, curves. Surfaces with edges 0.98 and more; glycine 0.57, floods 0.42,
               * tails 0.36 at most; arcs of 1000 rows 0.9 and more, of 300 0.5 and more; tails
               * 0.31, clusters 0.43 */
    0.015, /* edge_share: of the rows, for surfaces. The horns of spot.csv 0.004, a hemisphere 0.04
            * and more, a Moebius strip 0.09 */
    0.82, /* arm_link: cosine of directions that belong to one arm: 35 degrees */
    6 /* arm_wide: deviations of the noise within a neighbourhood in which arms can be seen */
};

/* How arms are looked for: among size * K rows, of which an arm has `least` and more; its line is
 * no farther from the place than that share of the radius; of all rows so many are in arms; then
 * the place moves to where they meet. The last look is at half the scale: without it two lines that
 * pass each other at three spacings were told to cross. */
static const struct { int size, least, move; double miss, seen; }
ebim__branch_look[EBIM__BRANCH_LOOKS] = {
    {2, 3, 1, 0.6, 0.8}, {2, 3, 1, 0.4, 0.85}, {2, 4, 0, 0.4, 0.9}, {1, 2, 0, 0.12, 0.8}};

typedef struct ebim__survey {
    int N, n, m;
    /* far rows, ascending, and how far each is from the nearest row that is none */
    int outliers;
    int32_t *outlier;         /* [outliers] */
    double *outlier_distance; /* [outliers] */
    /* copies: rows of one group are equal, or nearly so */
    int groups;
    int32_t *group;           /* [N] of each row; -1: a far row */
    int32_t *first;           /* [groups] the first row of each, ascending */
    int32_t *copies;          /* [groups] how many rows each has */
    double copy_scale;        /* rows this close are copies, in the widest column's units */
    /* a linear map that should stand before the fit, or the identity; det L > 0 */
    int mapped;
    double *L, *inverse;      /* [n][n] */
    /* in coordinates L x, of one row per group */
    double noise;             /* standard deviation per direction off the set; < 0: not told */
    double edges;             /* share of rows at an edge; 0: none; < 0: not told */
    int at_edge;              /* how many these are, of the EDGE_ROWS that are looked at, */
    int32_t *edge;            /* [at_edge] and which */
    int branches;             /* rows that see three arms of a curve or more meet beside them */
    int drawn;                /* 1: groups draw closed curves (>>crust), */
    int32_t *next;            /* [groups][2] and each is between these two */
} ebim__survey;

typedef struct ebim__surveyor { /* a survey at work */
    ebim__survey *s;
    const ebim_real *x;
    ebim_real *z;             /* [N][n] rows in other coordinates */
    double *center, *scale;   /* [n] of the columns */
    double *own;              /* [n] their half extents as they are */
    double *unit;             /* [n] these, or the widest where only rounding moves a column */
    double *sd, *raw;         /* [n] along principal directions of columns in units, and as given */
    double *mean, *d;         /* [n] scratch: a mean; a row less a centre, or a way to an edge */
    double *V, *W, *C;        /* [n][n] directions, others, a covariance */
    double *T, *X;            /* [m][n]; [SURVEY_NEAR][n] neighbours */
    ebim_real *lead;          /* [MAP_ROWS][m] */
    double *off, *width;      /* [NOISE_SIZES][NOISE_QUERIES] variances off and along the set */
    double *value;            /* [SURVEY_SAMPLE] scratch for quantiles, */
    int32_t *order;           /* and their order */
    int32_t *which, *up;      /* [N] rows at work; union and find */
    int32_t *table;           /* [slots] a hash table of rows */
    int slots;
    double *arm, *along;      /* [ARMS][n] means and directions of arms */
    ebim_real *place;         /* [n] where they start */
    ebim_real *tangent;       /* [edge_count][m][n] orthonormal, m = 2 */
    ebim__tree tree;
    ebim__crust crust;        /* m = 1 */
} ebim__surveyor;

/* Of N rows those that edges and branches are looked for among: fewer in high dimensions */
static int ebim__edge_count(int N, int n)
{
    double few = sqrt((double)EBIM__SURVEY_WORK / n);
    N = ebim__min_int(N, EBIM__EDGE_ROWS);
    return n > 10 && few < N ? (int)few : N;
}

static ebim_result ebim__surveyor_init(ebim__surveyor *v, ebim_arena *a, int N, int n)
{
    ebim__survey *s = v->s;
    size_t rows = (size_t)N, m = (size_t)s->m, square = ebim__times((size_t)n, (size_t)n);
    EBIM__NEW_EACH(a, int32_t, rows, &s->outlier, &s->group, &s->first, &s->copies, &v->which,
                  &v->up);
    s->outlier_distance = EBIM__NEW(a, double, rows);
    v->z = EBIM__NEW(a, ebim_real, ebim__times(rows, (size_t)n));
    EBIM__NEW_EACH(a, double, n, &v->center, &v->scale, &v->own, &v->unit, &v->sd, &v->raw,
                  &v->mean, &v->d);
    EBIM__NEW_EACH(a, double, square, &s->L, &s->inverse, &v->V, &v->W, &v->C);
    v->T = EBIM__NEW(a, double, ebim__times(m, (size_t)n));
    v->X = EBIM__NEW(a, double, ebim__times(EBIM__SURVEY_NEAR, (size_t)n));
    v->lead = EBIM__NEW(a, ebim_real, ebim__times(EBIM__MAP_ROWS, m));
    EBIM__NEW_EACH(a, double, EBIM__NOISE_SIZES * EBIM__NOISE_QUERIES, &v->off, &v->width);
    v->value = EBIM__NEW(a, double, EBIM__SURVEY_SAMPLE);
    v->order = EBIM__NEW(a, int32_t, EBIM__SURVEY_SAMPLE);
    for (v->slots = 16; v->slots / 2 < N; v->slots *= 2) {}
    v->table = EBIM__NEW(a, int32_t, v->slots);
    s->next = EBIM__NEW(a, int32_t, s->m > 1 ? 1 : 2 * rows);
    EBIM__NEW_EACH(a, double, ebim__times(EBIM__ARMS, (size_t)n), &v->arm, &v->along);
    v->place = EBIM__NEW(a, ebim_real, n);
    v->tangent = EBIM__NEW(a, ebim_real, m == 2 ? 2 * ebim__edge_count(N, n) * n : 1);
    if (s->m == 1 && ebim__crust_init(&v->crust, a, N, n)) return a->failed;
    return ebim__tree_init(&v->tree, a, N, n, EBIM__SURVEY_NEAR);
}

static const ebim_real *ebim__survey_z(const ebim__surveyor *v, int32_t row)
{
    return ebim__nth(v->z, row, v->s->n);
}

/* The k rows nearest to a row, that one among them -> v->tree.hood; how many there are */
static int ebim__survey_near(ebim__surveyor *v, int32_t row, int k)
{
    return ebim__tree_near(&v->tree, ebim__survey_z(v, row), k, HUGE_VAL);
}

/* The q-quantile of the first numbers in v->value */
static double ebim__survey_quantile(ebim__surveyor *v, int count, double q)
{
    return ebim__quantile(count, v->value, v->order, q);
}

/* Queries of a stage among N rows: fewer where each must look at all of them. */
static int ebim__survey_queries(int most, int N, int n)
{
    double few = (double)EBIM__SURVEY_WORK / ((double)N * n);
    if (n > 10 && few < most) most = ebim__max_int((int)few, 64);
    return ebim__min_int(most, N);
}

/* Queries for local frames: fewer in high dimensions */
static int ebim__frame_queries(const ebim__surveyor *v, int most, int count)
{
    double n = v->s->n, work = n * (30.0 * (double)EBIM__SURVEY_NEAR * v->s->m + count);
    double few = (double)EBIM__SURVEY_WORK * (n > 10 ? 1.0 : 8.0) / work;
    return ebim__min_int(few < most ? ebim__max_int((int)few, 30) : most, count);
}

/* A row of the data, minus the center, divided by scale (NULL: by 1) -> v->d */
static void ebim__survey_row(const ebim__surveyor *v, int32_t row, const double *scale)
{
    const ebim_real *x = ebim__nth(v->x, row, v->s->n);
    int c;
    for (c = 0; c < v->s->n; c++) v->d[c] = ((double)x[c] - v->center[c]) / (scale ? scale[c] : 1);
}

/* z = L (x - center) of all rows, or (x - center) / scale, or x - center */
static void ebim__survey_apply(ebim__surveyor *v, const double *L, const double *scale)
{
    int n = v->s->n, i, c;
    ebim_real *z = v->z;
    for (i = 0; i < v->s->N; i++, z += n) {
        ebim__survey_row(v, i, scale);
        for (c = 0; c < n; c++) z[c] = EBIM__R(L ? ebim__inner64(n, L + c * n, v->d) : v->d[c]);
    }
}

static double ebim__widest(int n, const double *scale) /* 1 if none is wide */
{
    double widest = 0;
    while (n--) widest = fmax(widest, scale[n]);
    return widest > 0 ? widest : 1;
}

/* Median and half extent of every column */
static void ebim__survey_columns(ebim__surveyor *v)
{
    int N = v->s->N, n = v->s->n, count = ebim__min_int(N, EBIM__SURVEY_SAMPLE), c, i;
    double tail = fmin(fmax(ebim__survey_bound.tail, 5.5 / N), 0.25), widest;
    for (c = 0; c < n; c++) {
        for (i = 0; i < count; i++)
            v->value[i] = (double)ebim__nth(v->x, ebim__spread_at(i, count, N), n)[c];
        v->own[c] = ebim__survey_quantile(v, count, 1 - tail);
        v->own[c] = (v->own[c] - ebim__survey_quantile(v, count, tail)) / 2;
        v->center[c] = ebim__survey_quantile(v, count, 0.5);
    }
    widest = ebim__widest(n, v->own);
    for (c = 0; c < n; c++) {
        int like = v->own[c] > 0 && v->own[c] * ebim__survey_bound.unit < widest;
        v->scale[c] = like ? v->own[c] : widest;
    }
}

/* ---- far rows ---- */

/* How far a row must be from all but a handful: some median distances from the origin of z, or 1 */
static double ebim__survey_far_length(ebim__surveyor *v)
{
    int N = v->s->N, n = v->s->n, count = ebim__min_int(N, EBIM__SURVEY_SAMPLE), i;
    for (i = 0; i < count; i++) {
        const ebim_real *z = ebim__survey_z(v, ebim__spread_at(i, count, N));
        v->value[i] = sqrt(ebim__dot64(n, z, z));
    }
    return ebim__survey_bound.afar * fmax(ebim__survey_quantile(v, count, 0.5), 1);
}

/* Whether most rows have handful neighbours much nearer than length */
static int ebim__survey_dense(ebim__surveyor *v, int handful, double length)
{
    int N = v->s->N, count = ebim__survey_queries(1000, N, v->s->n), i, found;
    for (i = 0; i < count; i++) {
        found = ebim__survey_near(v, ebim__spread_at(i, count, N), handful + 1);
        v->value[i] = sqrt(v->tree.d2[found - 1]);
    }
    return ebim__survey_bound.isolated * ebim__survey_quantile(v, count, 0.9) <= length;
}

/* Far rows: those that with all rows linked to them, step by step of at most this length, are a
 * handful. Only rows with so few neighbours are candidates. `size` counts the rows of a chain from
 * its root, up to one more than a handful; a row that is no candidate is as many at once. */
static void ebim__survey_far(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int N = s->N, i, j, found, count = 0;
    int handful = ebim__max_int(5, ebim__min_int(N / 100, 50)), most = ebim__max_int(50, N / 50);
    int32_t *size = v->table;
    double length = ebim__survey_far_length(v);
    ebim__tree_build(&v->tree, N, v->z, NULL);
    if (N <= handful || !ebim__survey_dense(v, handful, length)) return;
    for (i = 0; i < N && count <= most; i++) {
        v->up[i] = (int32_t)i;
        size[i] = handful + 1;
        if (ebim__tree_within(&v->tree, ebim__survey_z(v, i), size[i], length * length) > handful)
            continue;
        v->which[count++] = (int32_t)i;
        size[i] = 1;
    }
    if (count > most) return;
    for (i = 0; i < count; i++) {
        found = ebim__tree_near(&v->tree, ebim__survey_z(v, v->which[i]), handful + 1,
                                length * length);
        for (j = 0; j < found; j++) {
            int32_t a = ebim__find(v->up, v->which[i]), b = ebim__find(v->up, v->tree.hood[j]);
            if (a == b) continue;
            ebim__unite(v->up, a, b);
            size[ebim__min_int(a, b)] = ebim__min_int(size[a] + size[b], handful + 1);
        }
    }
    for (i = 0; i < count; i++) {
        if (size[ebim__find(v->up, v->which[i])] > handful) continue;
        s->outlier[s->outliers++] = v->which[i];
        s->group[v->which[i]] = -1;
    }
}

/* Rows that are not far -> v->which; how many */
static int ebim__survey_rest(ebim__surveyor *v)
{
    int i, rest = 0;
    for (i = 0; i < v->s->N; i++)
        if (v->s->group[i] != -1) v->which[rest++] = (int32_t)i;
    return rest;
}

/* How far each far row is from the others, in the user's coordinates. */
static void ebim__survey_far_distances(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int i;
    if (!s->outliers) return;
    ebim__tree_build(&v->tree, ebim__survey_rest(v), v->x, v->which);
    for (i = 0; i < s->outliers; i++) {
        if (ebim__tree_near(&v->tree, ebim__nth(v->x, s->outlier[i], s->n), 1, HUGE_VAL))
            s->outlier_distance[i] = sqrt(v->tree.d2[0]);
    }
}

/* ---- copies ---- */

static uint32_t ebim__row_hash(int n, const ebim_real *x)
{
    uint64_t h = UINT64_C(0x9E3779B97F4A7C15);
    int c;
    for (c = 0; c < n; c++) {
        double y = (double)x[c];
        uint64_t bits = 0;
        if (y < 0 || y > 0) memcpy(&bits, &y, sizeof bits); /* 0 and -0 are equal */
        h = (h ^ bits) * UINT64_C(0xD6E8FEB86659FD93);
        h ^= h >> 32;
    }
    return (uint32_t)(h >> 16);
}

static int ebim__rows_equal(int n, const ebim_real *a, const ebim_real *b)
{
    while (n--)
        if (a[n] < b[n] || a[n] > b[n]) return 0;
    return 1;
}

/* which: of `rest` rows the first of every equal ones; up[i]: that of row i. Returns how many. */
static int ebim__survey_equal(ebim__surveyor *v, int rest)
{
    int i, n = v->s->n, count = 0;
    uint32_t mask = (uint32_t)v->slots - 1;
    memset(v->table, 0xff, (size_t)v->slots * sizeof *v->table);
    for (i = 0; i < rest; i++) {
        int32_t row = v->which[i];
        const ebim_real *x = ebim__nth(v->x, row, n);
        uint32_t at = ebim__row_hash(n, x) & mask;
        while (v->table[at] >= 0 && !ebim__rows_equal(n, x, ebim__nth(v->x, v->table[at], n)))
            at = (at + 1) & mask;
        if (v->table[at] < 0) v->which[count++] = v->table[at] = row;
        v->up[row] = v->table[at];
    }
    return count;
}

static double ebim__copy_bin(int b) { return ebim__survey_bound.copy_smallest * pow(2, 0.5 * b); }

/* Pairs of rows within the scales of copies, and those that chance would put there: of a row's
 * neighbours up to the last, at distance R, a share (r / R)^m is within r wherever the density is
 * level over R. Copies raise both, as they should: pairs of their groups come by chance too. */
static void ebim__copy_counts(ebim__surveyor *v, int rows, double *seen, double *chance)
{
    int count = ebim__survey_queries(EBIM__SURVEY_QUERIES, rows, v->s->n), i, j, b;
    int k = ebim__min_int(EBIM__COPY_NEAR, ebim__max_int(8, rows / 4));
    for (b = 0; b < EBIM__COPY_BINS; b++) seen[b] = chance[b] = 0;
    for (i = 0; i < count; i++) {
        int32_t row = v->which[ebim__spread_at(i, count, rows)];
        int found = ebim__survey_near(v, row, k + 1);
        double reach = found ? sqrt(v->tree.d2[found - 1]) : 0;
        for (b = 0; b < EBIM__COPY_BINS && found > 2 && reach > 0; b++) {
            double r = ebim__copy_bin(b);
            for (j = 0; j < found - 1; j++)
                seen[b] += v->tree.hood[j] != row && v->tree.d2[j] < r * r;
            chance[b] += (found - 2) * (r < reach ? pow(r / reach, v->s->m) : 1);
        }
    }
}

/* The distance within which rows are copies, 0: none are */
static double ebim__copy_scale(ebim__surveyor *v, int rows)
{
    double seen[EBIM__COPY_BINS], chance[EBIM__COPY_BINS], best = 0, excess, beyond;
    double most = rows < EBIM__SURVEY_FEW ? ebim__survey_bound.copy_few : 1;
    int b, at = 0;
    ebim__copy_counts(v, rows, seen, chance);
    for (b = 0; b < EBIM__COPY_BINS - 4; b++) {
        double gain = seen[b] - ebim__survey_bound.copy_odds * chance[b];
        if (gain > best && ebim__copy_bin(b) <= most) best = gain, at = b;
    }
    excess = seen[at] - chance[at];
    beyond = seen[at + 4] - chance[at + 4]; /* four times the scale */
    return best >= ebim__survey_bound.copy_least &&
                   beyond <= ebim__survey_bound.copy_rise * excess
               ? ebim__copy_bin(at)
               : 0;
}

/* Rows whose nearest neighbour is within `ball` of the volume that reaches to the 8th; join: and
 * are put into a group with it. Returns by how many standard errors these are more than the chance
 * 1 - (1 - ball)^7 of points that do not know of each other. */
static double ebim__survey_close(ebim__surveyor *v, int rows, double ball, int join)
{
    const ebim__tree *t = &v->tree;
    double chance = 1 - pow(1 - ball, 7);
    int i, close = 0;
    for (i = 0; i < rows; i++) {
        int32_t row = v->which[i];
        if (ebim__survey_near(v, row, 9) < 9) continue;
        if (!(pow(t->d2[1] / t->d2[8], 0.5 * v->s->m) < ball)) continue;
        close++;
        if (join) ebim__unite(v->up, row, t->hood[t->hood[0] == row]);
    }
    return ((double)close / rows - chance) / sqrt(chance * (1 - chance) / rows);
}

/* Repeated measurements, with errors too large beside the spacing to tell copies one by one. More
 * neighbours are close than by chance, and no more are very close; data that cluster on all scales
 * have more of both. Close neighbours become one group: some are close by chance, which harms
 * nothing. */
static void ebim__survey_again(ebim__surveyor *v, int rows)
{
    if (rows < EBIM__SURVEY_FEW || rows > EBIM__SURVEY_AGAIN) return;
    if (ebim__tree_slow(rows, v->s->n, v->s->m)) return;
    if (ebim__survey_close(v, rows, ebim__survey_bound.again_ball, 0) >=
            ebim__survey_bound.again_told &&
        ebim__survey_close(v, rows, ebim__survey_bound.again_very, 0) <
            ebim__survey_bound.again_chance)
        ebim__survey_close(v, rows, ebim__survey_bound.again_join, 1);
}

/* Groups of rows that are copies of one another. */
static void ebim__survey_copies(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int i, j, rows = ebim__survey_equal(v, ebim__survey_rest(v));
    double scale;
    ebim__tree_build(&v->tree, rows, v->z, v->which);
    scale = ebim__copy_scale(v, rows);
    if (!(scale > 0)) ebim__survey_again(v, rows);
    for (i = 0; i < rows && scale > 0; i++) {
        int32_t row = v->which[i];
        ebim__tree_near(&v->tree, ebim__survey_z(v, row), EBIM__COPY_NEAR, scale * scale);
        for (j = 0; j < v->tree.found; j++) ebim__unite(v->up, row, v->tree.hood[j]);
    }
    s->copy_scale = scale * ebim__widest(s->n, v->scale);
    for (i = 0; i < s->N; i++) {
        int32_t root;
        if (s->group[i] == -1) continue;
        root = ebim__find(v->up, (int32_t)i);
        if (root == i) s->first[s->groups++] = root;
        s->group[i] = root == i ? s->groups - 1 : s->group[root];
        s->copies[s->group[i]]++;
    }
}

/* Representatives in an order of chance -> v->which: the first so many are a fair sample. */
static void ebim__survey_shuffle(ebim__surveyor *v)
{
    uint32_t state = 1;
    int i;
    memcpy(v->which, v->s->first, (size_t)v->s->groups * sizeof *v->which);
    for (i = v->s->groups - 1; i > 0; i--)
        ebim__swap_int(&v->which[i], &v->which[ebim__draw(&state, i + 1)]);
}

/* Leading directions of the K first of the rows found last -> v->V; returns the sum of squares off
 * them. row: one of these rows */
static double ebim__survey_local(ebim__surveyor *v, int K, int32_t row, double *total)
{
    double off;
    ebim__tree_rows(&v->tree, ebim__survey_z(v, row), K, v->X);
    ebim__leading_rows(K, v->s->n, v->s->m, v->X, v->V, v->T, 1e-3, total, &off);
    return off;
}

/* ---- the linear map ---- */

/* Principal directions -> rows of V, their standard deviations -> sd, falling, of
 * representatives whose columns are divided by scale (NULL: by 1). */
static void ebim__survey_principal(ebim__surveyor *v, const double *scale, double *V, double *sd)
{
    int n = v->s->n, most = n > 10 ? EBIM__SURVEY_WORK / (n * n) : EBIM__SURVEY_SAMPLE;
    int count = ebim__min_int(ebim__min_int(most, EBIM__SURVEY_SAMPLE), v->s->groups), i, c, e;
    double *C = v->C, *mean = v->mean, *d = v->d;
    memset(C, 0, (size_t)n * (size_t)n * sizeof *C);
    memset(mean, 0, (size_t)n * sizeof *mean);
    for (i = 0; i < 2 * count; i++) { /* the mean first */
        ebim__survey_row(v, v->which[i % count], scale);
        for (c = 0; c < n && i < count; c++) mean[c] += d[c] / count;
        for (c = 0; c < n && i >= count; c++)
            for (e = 0; e < n; e++) C[c * n + e] += (d[c] - mean[c]) * (d[e] - mean[e]) / count;
    }
    ebim__symmetric_eigen(n, C, V);
    for (i = 0; i < n; i++) {
        v->value[i] = -sqrt(fmax(C[i * n + i], 0));
        v->order[i] = (int32_t)i;
    }
    ebim__sort(v->order, n, ebim__compare_values, v->value);
    memcpy(C, V, (size_t)n * (size_t)n * sizeof *C);
    for (i = 0; i < n; i++) {
        sd[i] = -v->value[v->order[i]];
        memcpy(V + i * n, C + v->order[i] * n, (size_t)n * sizeof *V);
    }
}

/* Every column that varies gets a unit of its own; one that only rounding moves does not. */
static void ebim__survey_units(ebim__surveyor *v)
{
    int c;
    double widest = ebim__widest(v->s->n, v->own);
    for (c = 0; c < v->s->n; c++) {
        double least = fmax(ebim__survey_bound.rounding * fabs(v->center[c]),
                            ebim__survey_bound.dead_column * widest);
        v->unit[c] = v->own[c] > least ? v->own[c] : widest;
    }
}

/* Median share of local variance off m directions, at the best of three sizes of neighbourhoods:
 * noise fills small ones whatever the map is, curvature large ones. */
static double ebim__survey_share(ebim__surveyor *v)
{
    int count = ebim__min_int(v->s->groups, EBIM__MAP_ROWS), i, j;
    int queries = ebim__frame_queries(v, EBIM__MAP_QUERIES, count);
    double least = 1;
    v->tree.n = v->s->n;
    ebim__tree_build(&v->tree, count, v->z, v->which);
    for (j = 0; j < 3; j++) {
        int K = j ? count / (j == 1 ? 30 : 10) : 8 * (v->s->m + 1);
        K = ebim__min_int(ebim__min_int(K, count), EBIM__SURVEY_NEAR);
        if (K < v->s->m + 2) continue;
        for (i = 0; i < queries; i++) {
            int32_t row = v->which[ebim__spread_at(i, queries, count)];
            int found = ebim__survey_near(v, row, K);
            double total, off = ebim__survey_local(v, found, row, &total);
            v->value[i] = total > 0 ? off / total : 0;
        }
        least = fmin(least, ebim__survey_quantile(v, queries, 0.5));
    }
    return least;
}

/* Range of column c of z, over groups */
static double ebim__survey_range(const ebim__surveyor *v, int c)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    int i;
    for (i = 0; i < v->s->groups; i++) {
        double z = (double)ebim__survey_z(v, v->s->first[i])[c];
        lo = fmin(lo, z);
        hi = fmax(hi, z);
    }
    return hi - lo;
}

/* Whether the data are a graph over the m leading of p principal coordinates z: a map would only
 * make a shallow bowl deep. The thin coordinates of a graph vary little among rows that are
 * neighbours in the leading ones. */
static int ebim__survey_graph(ebim__surveyor *v, int p)
{
    int m = v->s->m, count = ebim__min_int(v->s->groups, EBIM__MAP_ROWS), i, j, q;
    int queries = ebim__min_int(count, EBIM__MAP_QUERIES);
    double all = ebim__inner64(p - m, v->raw + m, v->raw + m);
    ebim__tree *t = &v->tree;
    if (p <= m) return 1;
    for (i = 0; i < count; i++)
        memcpy(v->lead + (size_t)i * (size_t)m, ebim__survey_z(v, v->which[i]),
               (size_t)m * sizeof *v->lead);
    t->n = m;
    ebim__tree_build(t, count, v->lead, NULL);
    for (q = 0; q < queries; q++) {
        int at = ebim__spread_at(q, queries, count);
        double within = 0;
        ebim__tree_near(t, ebim__nth(v->lead, at, m), EBIM__MAP_NEAR, HUGE_VAL);
        for (j = m; j < p; j++) {
            double s = 0, s2 = 0;
            for (i = 0; i < t->found; i++) {
                double y = (double)ebim__survey_z(v, v->which[t->hood[i]])[j];
                s += y / t->found;
                s2 += y * y / t->found;
            }
            within += s2 - s * s;
        }
        v->value[q] = within / all;
    }
    return ebim__survey_quantile(v, queries, 0.5) < ebim__survey_bound.map_graph;
}

/* L = s W diag(1 / sd) W' D^-1 from principal directions W in columns scaled by D, the units; s is
 * the widest of these. Directions that rounding or noise alone fill are stretched like the first.
 */
static void ebim__survey_whiten(ebim__surveyor *v)
{
    int n = v->s->n, i, j, c;
    double widest = ebim__widest(n, v->unit), *sd = v->sd;
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++) {
            double there = 0, back = 0;
            for (c = 0; c < n; c++) {
                double g = sd[c] > ebim__survey_bound.dead * sd[0] ? sd[c] : sd[0];
                there += v->W[c * n + i] * v->W[c * n + j] / g;
                back += v->W[c * n + i] * v->W[c * n + j] * g;
            }
            v->s->L[i * n + j] = widest * there / v->unit[j];
            v->s->inverse[i * n + j] = v->unit[i] * back / widest;
        }
}

/* Whether a linear map may help: the data are much longer in one direction than in another, and no
 * mere graph. Directions are dead by their deviations in scaled columns. In codimension 2 and more
 * thin directions are the rule, and do no harm to a displacement field: columns must have other
 * units. */
static int ebim__survey_unlike(ebim__surveyor *v)
{
    int n = v->s->n, p;
    double *raw = v->raw, ratio, thin = HUGE_VAL;
    for (p = 0; p < n; p++)
        if (v->unit[p] > 0) thin = fmin(thin, v->unit[p]);
    if (n - v->s->m > 1 && !(ebim__widest(n, v->unit) >= ebim__survey_bound.map_units * thin))
        return 0;
    for (p = 0; p < n && v->sd[p] > ebim__survey_bound.dead * v->sd[0]; p++) {}
    if (p < 2 || v->s->m >= n || v->s->groups < EBIM__MAP_LEAST) return 0;
    ebim__survey_principal(v, NULL, v->V, raw);
    ebim__survey_apply(v, v->V, NULL);
    ratio = raw[p - 1] > 0 ? raw[0] / raw[p - 1] : HUGE_VAL;
    thin = ebim__survey_bound.map_ratio * ebim__survey_range(v, p - 1);
    return ratio >= ebim__survey_bound.map_ratio && thin > 0 && ebim__survey_range(v, 0) >= thin &&
           (ratio >= ebim__survey_bound.map_units || !ebim__survey_graph(v, p));
}

/* Whether a linear map helps: z becomes L x for it, x as it is otherwise, minus the center. */
static void ebim__survey_map(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int n = s->n, unlike = 0, i;
    double was;
    if (n <= EBIM__MAP_COLUMNS) {
        ebim__survey_units(v);
        ebim__survey_principal(v, v->unit, v->W, v->sd);
        unlike = ebim__survey_unlike(v);
    }
    ebim__survey_apply(v, NULL, NULL);
    if (unlike) {
        was = ebim__survey_share(v);
        ebim__survey_whiten(v);
        ebim__survey_apply(v, s->L, NULL);
        s->mapped = ebim__survey_share(v) <= fmax(ebim__survey_bound.map_share,
                                                  ebim__survey_bound.map_worse * was);
    }
    if (s->mapped) return;
    for (i = 0; i < n * n; i++) s->L[i] = s->inverse[i] = i % (n + 1) == 0;
    if (unlike) ebim__survey_apply(v, NULL, NULL);
}

/* ---- noise ---- */

/* Neighbours in neighbourhoods of size j, a factor sqrt(2) apart, from 8 (m + 1) on */
static int ebim__noise_near(const ebim__surveyor *v, int j)
{
    double least = ebim__min_int(8 * (v->s->m + 1), EBIM__SURVEY_NEAR / 2);
    return (int)(least * pow(2, 0.5 * j) + 0.5);
}

/* Variances off and along the set, per direction, over neighbourhoods of all sizes among every
 * 2^level-th row, query by query among another part of the rows, so that all have a say; returns
 * how many sizes there are. */
static int ebim__noise_sample(ebim__surveyor *v, int level, int queries)
{
    int n = v->s->n, m = v->s->m, i, j, part, sizes = 0, count = v->s->groups >> level;
    while (sizes < EBIM__NOISE_SIZES &&
           ebim__noise_near(v, sizes) <= ebim__min_int(2 * count / 3, EBIM__SURVEY_NEAR))
        sizes++;
    if (sizes < 3) return 0;
    for (part = i = 0; part < 1 << level; part++) {
        int begin = i, end = ebim__spread_at(part + 1, 1 << level, queries);
        const int32_t *which = v->which + part * count;
        ebim__tree_build(&v->tree, count, v->z, which);
        for (; i < end; i++) {
            int32_t row = which[ebim__spread_at(i - begin, end - begin, count)];
            ebim__survey_near(v, row, ebim__noise_near(v, sizes - 1));
            for (j = 0; j < sizes; j++) {
                int K = ebim__noise_near(v, j);
                double total, off = ebim__survey_local(v, K, row, &total);
                v->off[j * EBIM__NOISE_QUERIES + i] = off / ((double)(K - 1 - m) * (n - m));
                v->width[j * EBIM__NOISE_QUERIES + i] = (total - off) / ((double)(K - 1) * m);
            }
        }
    }
    return sizes;
}

/* Curvature adds c h^4 to a variance off the set over a width h; from neighbourhoods of two sizes,
 * the second with twice as many rows, what is left at h = 0. */
static double ebim__noise_left(double off0, double off1, double h4_0, double h4_1)
{
    return h4_1 > h4_0 ? off0 - (off1 - off0) * h4_0 / (h4_1 - h4_0) : 0;
}

/* Variance of the noise from sizes j and j + 2. Medians decide whether there is noise: the bends of
 * few rows do not move them. Means tell how much: noise may differ from place to place. < 0: these
 * neighbourhoods are too narrow. */
static double ebim__noise_variance(ebim__surveyor *v, int j, int queries)
{
    const double *off0 = v->off + j * EBIM__NOISE_QUERIES, *off1 = off0 + 2 * EBIM__NOISE_QUERIES;
    const double *h0 = v->width + j * EBIM__NOISE_QUERIES, *h1 = h0 + 2 * EBIM__NOISE_QUERIES;
    double r = ebim__quantile(queries, off0, v->order, 0.5);
    double r1 = ebim__quantile(queries, off1, v->order, 0.5);
    double h = ebim__quantile(queries, h0, v->order, 0.5);
    double w = ebim__quantile(queries, h1, v->order, 0.5), median, mean, sum0 = 0, sum1 = 0;
    int i;
    if (!(h > 0) || r > ebim__survey_bound.noise_width * ebim__survey_bound.noise_width * h)
        return -1;
    median = ebim__noise_left(r, r1, h * h, w * w);
    if (!(median > ebim__survey_bound.noise_told * r)) return 0;
    for (i = 0; i < queries; i++) {
        sum0 += off0[i];
        sum1 += off1[i];
    }
    mean = ebim__noise_left(sum0, sum1, ebim__inner64(queries, h0, h0),
                            ebim__inner64(queries, h1, h1)) / queries;
    return (mean > 0 ? mean : median) * (1 + ebim__survey_bound.noise_cut * r / h);
}

/* Neighbourhoods grow until they are clearly wider than the noise: by their number of rows up to
 * EBIM__SURVEY_NEAR, then by leaving every other row out. */
static void ebim__survey_noise(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int level, j;
    s->noise = -1;
    if (s->m >= s->n) return;
    v->tree.n = s->n;
    for (level = 0; level < EBIM__NOISE_LEVELS; level++) {
        int queries = ebim__frame_queries(v, EBIM__NOISE_QUERIES, s->groups >> level);
        int sizes = ebim__noise_sample(v, level, queries);
        for (j = level ? ebim__max_int(sizes - 4, 0) : 0; j + 2 < sizes; j++) {
            double variance = ebim__noise_variance(v, j, queries);
            if (variance < 0) continue;
            s->noise = sqrt(variance);
            return;
        }
        if (!sizes) return;
    }
}

/* ---- ends and edges ---- */

typedef struct ebim__edge { /* neighbourhoods of a row: a wide one, and a close one within it */
    int wide, close, inner; /* how many neighbours; of those the nearest, for the density */
    int count;              /* rows looked at */
    int suspects, even;     /* rows with a large index; rows at an edge that is no tail */
} ebim__edge;

/* Mean of the k nearest rows, minus x -> v->mean; returns the square of its length */
static double ebim__edge_mean(ebim__surveyor *v, const ebim_real *x, int k)
{
    int n = v->s->n, i, c;
    memset(v->mean, 0, (size_t)n * sizeof *v->mean);
    for (i = 1; i <= k; i++) {
        const ebim_real *y = ebim__survey_z(v, v->tree.hood[i]);
        for (c = 0; c < n; c++) v->mean[c] += ((double)y[c] - (double)x[c]) / k;
    }
    return ebim__inner64(n, v->mean, v->mean);
}

/* The part of that mean along v->V -> v->d; returns its length over the radius of the k rows */
static double ebim__edge_index(ebim__surveyor *v, const ebim_real *x, int k)
{
    int n = v->s->n, i, c;
    double s = 0;
    ebim__edge_mean(v, x, k);
    memset(v->d, 0, (size_t)n * sizeof *v->d);
    for (i = 0; i < v->s->m; i++) {
        double p = ebim__inner64(n, v->V + i * n, v->mean);
        s += p * p;
        for (c = 0; c < n; c++) v->d[c] += p * v->V[i * n + c];
    }
    return v->tree.d2[k] > 0 ? sqrt(s / v->tree.d2[k]) : 0;
}

/* Whether no row lies from edge_from to edge_to radii from x in a cone away from v->d. */
static int ebim__edge_nothing_beyond(const ebim__surveyor *v, const ebim_real *x, double radius,
                                     int count)
{
    int n = v->s->n, i, c;
    double length = sqrt(ebim__inner64(n, v->d, v->d));
    double from = radius * ebim__survey_bound.edge_from, to = radius * ebim__survey_bound.edge_to;
    for (i = 0; i < count; i++) {
        const ebim_real *y = ebim__survey_z(v, v->which[i]);
        double p = 0, d2 = 0;
        for (c = 0; c < n; c++) {
            double d = (double)y[c] - (double)x[c];
            p -= d * v->d[c];
            d2 += d * d;
        }
        if (d2 > from * from && d2 < to * to &&
            p > ebim__survey_bound.edge_cone * length * sqrt(d2))
            return 0;
    }
    return 1;
}

/* Whether the density up to an edge is even: what falls off slowly is a tail. Copies count, as
 * the rows of rounded data are evenly apart and only repeat less often in a tail. */
static int ebim__edge_even(const ebim__surveyor *v, const ebim__edge *e)
{
    const double *d2 = v->tree.d2;
    double r = sqrt(d2[e->wide]), jump = 0, all = 0, inner = 0;
    int i;
    for (i = 1; i <= e->wide; i++) {
        all += v->s->copies[v->s->group[v->tree.hood[i]]];
        if (i == e->inner) inner = all;
    }
    if (pow(sqrt(d2[e->inner]) / r, v->s->m) * all >= ebim__survey_bound.edge_even * inner)
        return 0;
    for (i = e->inner; i < e->wide; i++) jump = fmax(jump, sqrt(d2[i + 1]) - sqrt(d2[i]));
    return jump < r * (ebim__survey_bound.edge_jump + 6.0 / e->wide);
}

static void ebim__edge_row(ebim__surveyor *v, ebim__edge *e, int32_t row)
{
    const ebim_real *x = ebim__survey_z(v, row);
    const double *d2 = v->tree.d2, least = ebim__survey_bound.edge_index;
    double total;
    if (ebim__survey_near(v, row, e->wide + 1) <= e->wide || !(d2[e->close] > 0)) return;
    if (ebim__edge_mean(v, x, e->wide) < least * least * d2[e->wide]) return; /* most rows */
    ebim__survey_local(v, e->wide + 1, row, &total);
    if (ebim__edge_index(v, x, e->close) < ebim__survey_bound.edge_close) return;
    if (ebim__edge_index(v, x, e->wide) < least) return;
    e->suspects++;
    if (!ebim__edge_nothing_beyond(v, x, sqrt(d2[e->wide]), e->count)) return;
    e->even += ebim__edge_even(v, e);
    v->s->edge[v->s->at_edge++] = row;
}

static void ebim__survey_edges(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    ebim__edge e;
    int i, n = s->n, enough, curve = s->m == 1;
    double pure = curve ? ebim__survey_bound.ends_pure : ebim__survey_bound.edge_pure;
    memset(&e, 0, sizeof e);
    s->edges = -1;
    e.count = ebim__edge_count(s->groups, s->n);
    if (e.count < EBIM__EDGE_LEAST || s->m > EBIM__EDGE_DIMENSION) return;
    e.wide = ebim__max_int(EBIM__EDGE_FEW * (s->m + 1),
                           ebim__min_int(EBIM__EDGE_NEAR, e.count / 20));
    e.close = ebim__max_int(EBIM__EDGE_FEW, e.wide / 4);
    e.inner = e.wide / 3;
    s->edge = v->table;
    v->tree.n = n;
    ebim__tree_build(&v->tree, e.count, v->z, v->which);
    for (i = 0; i < e.count; i++) ebim__edge_row(v, &e, v->which[i]);
    enough = curve ? 2 : ebim__max_int(8, (int)(ebim__survey_bound.edge_share * e.count));
    if (e.even < enough || e.even < e.suspects * pure) s->at_edge = 0;
    s->edges = (double)s->at_edge / e.count;
}

/* ---- branches of curves and surfaces ---- */

/* Tangents of a surface at the first rows of v->which */
static void ebim__arms_tangents(ebim__surveyor *v, int count)
{
    int size = v->s->m * v->s->n, found, i, c;
    double total;
    for (i = 0; i < count && !ebim__stopped(v->tree.watch); i++) {
        found = ebim__survey_near(v, v->which[i], EBIM__BRANCH_TANGENT);
        ebim__survey_local(v, found, v->which[i], &total);
        for (c = 0; c < size; c++) v->tangent[i * size + c] = EBIM__R(v->V[c]);
        v->up[v->which[i]] = (int32_t)i;
    }
}

/* Takes out of the rows of v->X, those found last, the direction that most of their tangents have:
 * where sheets cross all of them have it, and what is left are arms */
static void ebim__arms_slice(ebim__surveyor *v, int found)
{
    int n = v->s->n, m = v->s->m, i, j, c, round;
    double *y = v->mean, *next = v->d, along;
    memcpy(y, v->X + (found - 1) * n, (size_t)n * sizeof *y);
    for (round = 0; round < EBIM__ARMS_ROUNDS; round++) {
        memset(next, 0, (size_t)n * sizeof *next);
        for (i = 0; i < found * m; i++) {
            const ebim_real *T = ebim__nth(v->tangent, v->up[v->tree.hood[i / m]] * m + i % m, n);
            for (c = 0, along = 0; c < n; c++) along += (double)T[c] * y[c];
            for (c = 0; c < n; c++) next[c] += along * (double)T[c];
        }
        along = sqrt(ebim__inner64(n, next, next));
        for (c = 0; c < n; c++) y[c] = along > 0 ? next[c] / along : 0;
    }
    for (j = 0; j < found; j++) {
        along = ebim__inner64(n, y, v->X + j * n);
        for (c = 0; c < n; c++) v->X[j * n + c] -= along * y[c];
    }
}

/* Of the K rows nearest to v->place, sliced, those in the outer half of their radius, less the
 * place -> v->X, their lengths -> length; returns how many */
static int ebim__arms_outer(ebim__surveyor *v, int K, double *length)
{
    int n = v->s->n, found = ebim__tree_near(&v->tree, v->place, K, HUGE_VAL), count = 0, i, c;
    double radius = found ? sqrt(v->tree.d2[found - 1]) : 0;
    for (i = 0; i < found; i++) {
        const ebim_real *y = ebim__survey_z(v, v->tree.hood[i]);
        for (c = 0; c < n; c++) v->X[i * n + c] = (double)y[c] - (double)v->place[c];
    }
    if (v->s->m > 1 && found) ebim__arms_slice(v, found);
    for (i = 0; i < found; i++) {
        length[count] = sqrt(ebim__inner64(n, v->X + i * n, v->X + i * n));
        if (2 * length[count] <= radius) continue;
        memmove(v->X + count++ * n, v->X + i * n, (size_t)n * sizeof *v->X);
    }
    return count;
}

/* Joins rows of v->X whose directions are alike; returns whether all of them are along one line */
static int ebim__arms_link(const ebim__surveyor *v, int count, const double *length, int32_t *up)
{
    int n = v->s->n, i, j, line = 1;
    for (i = 0; i < count; i++) {
        double cosine = ebim__inner64(n, v->X, v->X + i * n) / (length[0] * length[i]);
        line &= fabs(cosine) > ebim__survey_bound.arm_link;
        up[i] = (int32_t)i;
    }
    for (i = 0; i < count && !line; i++)
        for (j = 0; j < i; j++)
            if (ebim__inner64(n, v->X + i * n, v->X + j * n) >
                ebim__survey_bound.arm_link * length[i] * length[j])
                ebim__unite(up, (int32_t)i, (int32_t)j);
    return line;
}

/* The line through the joined rows of one root -> arm `at`; returns how many they are, 0: the line
 * is farther than miss from the place */
static int ebim__arm_line(ebim__surveyor *v, int count, int32_t *up, int32_t root, int at,
                          double miss)
{
    int n = v->s->n, rows = 0, i, c, round;
    double *mean = v->arm + at * n, *y = v->along + at * n, along;
    memset(mean, 0, (size_t)n * sizeof *mean);
    for (i = 0; i < count; i++) {
        if (ebim__find(up, (int32_t)i) != root) continue;
        for (c = 0; c < n; c++) mean[c] += v->X[i * n + c];
        rows++;
    }
    for (c = 0; c < n; c++) v->d[c] = mean[c] /= rows;
    for (round = 0; round < 8; round++) { /* the direction of their largest variance */
        double size = sqrt(ebim__inner64(n, v->d, v->d));
        for (c = 0; c < n; c++) y[c] = v->d[c] / (size > 0 ? size : 1);
        memset(v->d, 0, (size_t)n * sizeof *v->d);
        for (i = 0; i < count; i++) {
            if (ebim__find(up, (int32_t)i) != root) continue;
            for (c = 0; c < n; c++) v->mean[c] = v->X[i * n + c] - mean[c];
            along = ebim__inner64(n, v->mean, y);
            for (c = 0; c < n; c++) v->d[c] += along * v->mean[c];
        }
    }
    along = ebim__inner64(n, mean, y);
    return ebim__inner64(n, mean, mean) - along * along < miss * miss ? rows : 0;
}

/* Lines through v->place that the K rows nearest to it lie along, each of `least` of them or more
 * and off the place by that share of the radius at most; returns how many there are if there are
 * three and they have all rows but a few (`seen`: the share), else 0 */
static int ebim__arms(ebim__surveyor *v, int K, int least, double miss, double seen)
{
    double length[EBIM__SURVEY_NEAR], radius;
    int32_t up[EBIM__SURVEY_NEAR];
    int count = ebim__arms_outer(v, K, length), arms = 0, rows = 0, size, i, j;
    if (!count || ebim__arms_link(v, count, length, up)) return 0;
    radius = sqrt(v->tree.d2[v->tree.found - 1]);
    for (i = 0; i < count; i++) {
        if (up[i] != i) continue;
        for (j = i, size = 0; j < count; j++) size += ebim__find(up, (int32_t)j) == i;
        if (size < least) continue;
        if (arms == EBIM__ARMS) return 0;
        size = ebim__arm_line(v, count, up, (int32_t)i, arms, miss * radius);
        arms += size > 0;
        rows += size;
    }
    return arms > 2 && rows >= seen * count ? arms : 0;
}

/* Moves the place to where the lines of its arms meet: to the mean of its feet on them, again and
 * again */
static void ebim__arms_meet(ebim__surveyor *v, int arms)
{
    int n = v->s->n, round, k, c;
    double *at = v->d, *next = v->mean;
    memset(at, 0, (size_t)n * sizeof *at);
    for (round = 0; round < EBIM__ARMS_ROUNDS; round++) {
        memset(next, 0, (size_t)n * sizeof *next);
        for (k = 0; k < arms; k++) {
            const double *mean = v->arm + k * n, *y = v->along + k * n;
            double along = ebim__inner64(n, y, at) - ebim__inner64(n, y, mean);
            for (c = 0; c < n; c++) next[c] += (mean[c] + along * y[c]) / arms;
        }
        memcpy(at, next, (size_t)n * sizeof *at);
    }
    for (c = 0; c < n; c++) v->place[c] = EBIM__R((double)v->place[c] + at[c]);
}

/* Whether the K rows nearest to a row of a surface are all near its tangent there: most are */
static int ebim__branch_flat(ebim__surveyor *v, int32_t row, int K)
{
    int n = v->s->n, m = v->s->m, found = ebim__survey_near(v, row, K), i, j, c;
    const ebim_real *T = ebim__nth(v->tangent, v->up[row], m * n), *x = ebim__survey_z(v, row);
    for (i = 0; i < found; i++) {
        const ebim_real *y = ebim__survey_z(v, v->tree.hood[i]);
        double along2 = 0;
        for (j = 0; j < m; j++) {
            double along = 0;
            for (c = 0; c < n; c++) along += (double)T[j * n + c] * ((double)y[c] - (double)x[c]);
            along2 += along * along;
        }
        if (along2 < ebim__survey_bound.arm_link * ebim__survey_bound.arm_link * v->tree.d2[i])
            return 0;
    }
    return 1;
}

/* Whether arms meet beside a row: the place is sought among 2 K rows; there they are seen at that
 * scale and at half of it, where lines that pass each other, three spacings apart, are not */
static int ebim__branch(ebim__surveyor *v, int32_t row, int K)
{
    int i, arms;
    if (v->s->m > 1 && ebim__branch_flat(v, row, 2 * K)) return 0;
    memcpy(v->place, ebim__survey_z(v, row), (size_t)v->s->n * sizeof *v->place);
    for (i = 0; i < EBIM__BRANCH_LOOKS; i++) {
        arms = ebim__arms(v, ebim__branch_look[i].size * K, ebim__branch_look[i].least,
                          ebim__branch_look[i].miss, ebim__branch_look[i].seen);
        if (!arms) return 0;
        if (ebim__branch_look[i].move) ebim__arms_meet(v, arms);
    }
    return 1;
}

/* Whether neighbourhoods among the first `count` rows, which the tree holds, are wide against the
 * noise; the median of some */
static int ebim__branches_clear(ebim__surveyor *v, int count)
{
    int queries = ebim__min_int(count, 64), K = 2 * EBIM__BRANCH_NEAR * (v->s->m + 1), i, found;
    for (i = 0; i < queries; i++) {
        found = ebim__survey_near(v, v->which[i], K);
        v->value[i] = sqrt(v->tree.d2[found - 1]);
    }
    return ebim__survey_quantile(v, queries, 0.5) > ebim__survey_bound.arm_wide * v->s->noise;
}

/* How many of the first `count` rows see a branch among them */
static int ebim__branches_among(ebim__surveyor *v, int count)
{
    int m = v->s->m, queries = ebim__min_int(count, EBIM__BRANCH_QUERIES / m), seen = 0, i, j;
    int most = ebim__min_int(count / (EBIM__BRANCH_PARTS * EBIM__BRANCH_NEAR),
                             EBIM__BRANCH_SIZES + m - 1);
    if (m > 1) ebim__arms_tangents(v, count);
    for (i = 0; i < queries && !ebim__stopped(v->tree.watch); i++) {
        for (j = m; j <= most && !ebim__branch(v, v->which[i], j * EBIM__BRANCH_NEAR);) j++;
        seen += j <= most;
    }
    return seen;
}

/* Curves that cross or branch are no manifold, nor are such surfaces: from a place of theirs three
 * arms go out, or more, and they do at two scales. Corners have two, ends one; strands that pass
 * each other meet nowhere. Noise hides arms. */
static void ebim__survey_branches(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int count = ebim__edge_count(s->groups, s->n), seen;
    if (s->m > EBIM__BRANCH_DIMENSION || count < EBIM__BRANCH_PARTS * EBIM__BRANCH_NEAR) return;
    v->tree.n = s->n;
    ebim__tree_build(&v->tree, count, v->z, v->which);
    if (s->noise > 0 && !ebim__branches_clear(v, count)) return;
    seen = ebim__branches_among(v, count);
    s->branches = seen * s->m < EBIM__BRANCH_LEAST ? 0 : seen;
}

/* Points that draw closed curves show neither noise nor ends, whatever wider neighbourhoods say. */
static void ebim__survey_drawn(ebim__surveyor *v)
{
    ebim__survey *s = v->s;
    int i, count = s->groups;
    if (s->m > 1 || s->branches || count < EBIM__CRUST_LEAST || count > EBIM__CRUST_MOST ||
        ebim__tree_slow(count, s->n, 1)) return;
    v->tree.n = s->n;
    ebim__tree_build(&v->tree, count, v->z, v->which);
    ebim__crust_make(&v->crust, count, v->which, &v->tree);
    s->drawn = ebim__crust_closed(&v->crust, count, v->which, v->tree.watch);
    if (!s->drawn) return;
    s->noise = s->edges = s->at_edge = 0;
    for (i = 0; i < 2 * count; i++)
        s->next[i] = s->group[v->crust.next[2 * s->first[i / 2] + i % 2]];
}

/* The survey of x: [N][n], all finite, on a set of dimension m. What it says lies in the arena, as
 * does its scratch. */
EBIM__PRIVATE ebim_result ebim__survey_run(ebim__survey *s, ebim_arena *a, int N, int n, int m,
                                           const ebim_real *x)
{
    ebim__surveyor v;
    ebim_result r;
    if (N < 1 || n < 1 || m < 1 || m > n) return EBIM_ERR_ARG;
    memset(s, 0, sizeof *s);
    memset(&v, 0, sizeof v);
    s->N = N;
    s->n = n;
    s->m = m;
    v.s = s;
    v.x = x;
    r = ebim__surveyor_init(&v, a, N, n);
    if (r || !ebim__ready(a)) return r;
    ebim__survey_columns(&v);
    ebim__survey_apply(&v, NULL, v.scale);
    ebim__survey_far(&v);
    ebim__survey_far_distances(&v);
    ebim__survey_copies(&v);
    ebim__survey_shuffle(&v);
    ebim__survey_map(&v);
    ebim__survey_noise(&v);
    ebim__survey_edges(&v);
    ebim__survey_branches(&v);
    ebim__survey_drawn(&v);
    return EBIM_OK;
}

/* ============================================================================================
 * >>voids  what M has and the data have not: holes, open ends, tails; a test of the density
 *
 * Points u of M, uniform by volume, with the density f of the model relative to its mean, stand
 * for the model; N rows of data for what was seen. Distances are those of R^n.
 *   Holes: a ball round c that reaches to the nearest datum holds none, and should hold lambda = N
 *     (mean over u of f [|u - c| < r]). Under a true model P(lambda > t) = e^-t, and about
 *     N (log N)^(m-1) such balls differ; lambda above the logarithm of that and a margin is a hole.
 *   Beyond: where data would lie if they went on as densely as at the nearest datum: B = V r^m rho,
 *     V the volume of the unit ball, rho the local density of data. f has no say: it has a floor.
 *     A connected part is open (the data end) or thin (the data fade): see ebim__void_place.
 *   The energy distance of two samples, judged by permutations.
 * Cost: three queries of a k-d tree for each u. Pitfalls: near copies make local densities those of
 * the copies; sheets closer than the data's spacing share their data; an edge where data are some
 * four times thinner than elsewhere is called thin, not open.
 * ========================================================================================= */

enum {
    EBIM__VOID_DATA = 4096,    /* rows looked at: they see holes of 0.4 % of the mass */
    EBIM__VOID_POINTS = 12288, /* of M: a ball with lambda = 20 has 60 of them when N = 4096 */
    EBIM__VOID_CENTRES = 4096, /* of balls: a hole of 0.1 % of M still has four */
    EBIM__VOID_NEAR = 8,       /* neighbours that rho comes from: a sd of 0.36 */
    EBIM__VOID_WIDE = 32,      /* neighbours for the border's density: a sd of 0.18 */
    EBIM__VOID_RING = 128,     /* and for that behind it, without WIDE: a sd of 0.1 */
    EBIM__VOID_ENDS = 8,       /* of a part beyond, for m = 1 */
    EBIM__VOID_FEW = 256,      /* data through which a way is sought */
    EBIM__SAMPLE_MOST = 400,   /* rows of each sample that are compared */
    EBIM__SAMPLE_SHUFFLES = 399, /* p is 0.0025 at least */
    EBIM__SAMPLE_STOP = 20     /* of them that are no better: p is large enough to be known */
};

/* What is told, and by how much it is missed on either side: 40 draws each of made sets whose M is
 * known, and fits; N = 100 .. 5000. */
static const struct {
    double margin, error, afar, missing, drop, open, uneven, level, wild, chance, blind;
    double excess;
} ebim__void_bound = {
    7, /* margin of a hole over the log of the number of balls. Data of the model itself, 4800 sets
        * of 200 .. 3000: none told. A sheet between two horns, 4 fits: lambda 31 .. 46, bound
        * 17 */
    2, /* error: standard errors taken off lambda, from points of M in the ball */
    9, /* far: of B; for m = 1, 4.5 spacings. Uniform data exceed it on 0.03 % */
    8, /* missing: data that an open part lacks, after `uneven`. Uniform data reach 4, fading ones
        * 6; three quarters of a circle, N = 1500, 120 .. 500; N = 200, 7 .. 43, 39 of 40 told */
    1.65, /* drop: most that log density at an open border lies below its median, beyond one sd of
           * log density. A straight edge halves it: -0.2 .. -1.4 where uniform data are cut; where
           * data fade -1.9 .. -5.7, for 300 points in clusters from -1.6: these lack too few */
    0.25, /* open: share of a part beyond whose border is like that. Cut uniform data 1, data cut
           * at their mode 0.25 .. 0.8; oceans 0.1 */
    4, /* uneven: times sd of log density, off log missing: where densities vary by e^sd, a step of
        * e^(4 sd) is no edge (sd: cut uniform 0.1, normal tails 0.7, floods 1.4); */
    0.15, 0.6, /* or, if that is less, times `level` and twice `steep` and what sd is above
                * `wild`: where caps are cut out of a sphere with sd 0.5, steep is -0.16 .. 0.1, and
                * 115 of 150 are told that were 17; of 30 clusters of ten points each gaps are told
                * in 10 of 30 sets, that were 2 */
    3, /* chance: of `blind`: empty by chance once in e^3 sets */
    0.1, /* blind: more is too few points: N < 72 for m = 1, 90 for m = 2 */
    0.1 /* excess: by which a curve may be longer than the way through few data. 20 random points
         * of a circle 0.02, above 0.1 in 2 of 1000 sets; a mean gait with a tail 0.17, half of one
         * 0.07 */
};

typedef struct ebim__void_desc {
    int N, S, n, m;
    const ebim_real *x;      /* [N][n] data, no row twice */
    const ebim_real *weight; /* [N] of the data, any sum (NULL: equal) */
    const ebim_real *u;      /* [S][n] points of M, uniform by volume */
    const ebim_real *energy; /* [S] E there, up to a constant (NULL: uniform density) */
    double volume;           /* of M */
} ebim__void_desc;

/* A connected part of M beyond the data. Open: its border is as dense as data are elsewhere on a
 * share `abrupt` of it, and it lacks many: an end, a gap, an edge. Else the data fade there. */
typedef struct ebim__void_place {
    double share;       /* of M's volume */
    double radius;      /* largest distance to the data, at row `at` of u */
    double missing;     /* number of data it would hold at its border's density, */
    double like;        /* of these, where the border is abrupt */
    double abrupt;
    double steep;       /* by how much log density grows behind that border, in the mean of like */
    double length;      /* m = 1: along M, from datum to datum or to the end; else 0 */
    int at, open;
    int ends;           /* m = 1: of the data that border on it. 1: M runs on; 2: it closes a gap */
} ebim__void_place;

/* Shares are of M's volume. Rows named are the caller's; -1: none. */
typedef struct ebim__voids {
    double holes;            /* share of the union of all empty balls that are holes */
    double expected;         /* number of data that the emptiest ball should have */
    double bound;            /* a hole is what expects more, its own error taken off */
    double radius;           /* of the emptiest ball; its centre is row `centre` of u */
    double beyond;           /* share */
    double uneven;           /* sd of the log density of the data, that of counting taken off */
    double blind;            /* largest share that data leave empty by chance */
    double excess;           /* m = 1, few: share that M is longer than the way through the data */
    int centre, hole;        /* hole: 1: the emptiest ball is one */
    int few, tail;           /* few: blind is too large to settle M; tail: excess is too large */
    int places, open;        /* parts beyond that would hold as many data as an open one must */
    ebim__void_place place;  /* the largest open one of them, else the largest */
} ebim__voids;

typedef struct ebim__void_scan {
    const ebim__void_desc *d;
    int N, S;             /* rows of the caller's that are looked at, spread over all */
    ebim_real *x, *u;     /* [N][n], [S][n] these */
    ebim__tree data, M;
    double *reach;        /* [S] distance to the nearest datum */
    int32_t *owner;       /* [S] which that is */
    double *mass;         /* [S] shares of the model's mass; of M's volume each has 1 / S */
    double *level, *wide; /* [N] log of the local density, by few neighbours and by many */
    double *steep;        /* [N] what it is above `wide` by, among neighbours still farther off */
    int32_t *order;       /* [N] scratch */
    unsigned char *mark;  /* [S] in a hole */
    int32_t *parent;      /* [S] of the forest of parts beyond; -1: not beyond */
    ebim__void_place *part; /* [S] at the roots of them; `at`: a point looked at, abrupt: a sum */
    double wide_median;
    double count;         /* equal data that are as good: (sum w)^2 / sum w^2 */
} ebim__void_scan;

static void ebim__void_alloc(ebim__void_scan *s, ebim_arena *a, const ebim__void_desc *d)
{
    size_t n = (size_t)d->n;
    int N = ebim__min_int(d->N, EBIM__VOID_DATA), S = ebim__min_int(d->S, EBIM__VOID_POINTS);
    memset(s, 0, sizeof *s);
    s->d = d;
    s->N = N;
    s->S = S;
    s->x = EBIM__NEW(a, ebim_real, ebim__times((size_t)N, n));
    s->u = EBIM__NEW(a, ebim_real, ebim__times((size_t)S, n));
    ebim__tree_init(&s->data, a, N, d->n, EBIM__VOID_RING + 1);
    ebim__tree_init(&s->M, a, S, d->n, S);
    EBIM__NEW_EACH(a, double, S, &s->reach, &s->mass);
    EBIM__NEW_EACH(a, int32_t, S, &s->owner, &s->parent);
    EBIM__NEW_EACH(a, double, N, &s->level, &s->wide);
    s->steep = EBIM__NEW(a, double, N);
    s->order = EBIM__NEW(a, int32_t, N);
    s->mark = EBIM__NEW(a, unsigned char, S);
    s->part = EBIM__NEW(a, ebim__void_place, S);
}

/* Which of the caller's rows point i of M is */
static int ebim__void_source(const ebim__void_scan *s, int i)
{
    return ebim__spread_at(i, s->S, s->d->S);
}

static void ebim__void_start(ebim__void_scan *s)
{
    const ebim__void_desc *d = s->d;
    double mass = 0, least = HUGE_VAL, sum = 0, square = 0;
    int i;
    ebim__spread(d->N, d->n, d->x, s->N, s->x);
    ebim__spread(d->S, d->n, d->u, s->S, s->u);
    ebim__tree_build(&s->data, s->N, s->x, NULL);
    ebim__tree_build(&s->M, s->S, s->u, NULL);
    for (i = 0; i < s->N; i++) {
        double w = d->weight ? (double)d->weight[ebim__spread_at(i, s->N, d->N)] : 1;
        sum += w;
        square += w * w;
    }
    s->count = square > 0 ? sum * sum / square : 0;
    for (i = 0; i < s->S && d->energy; i++)
        least = fmin(least, (double)d->energy[ebim__void_source(s, i)]);
    for (i = 0; i < s->S; i++) {
        s->mass[i] = d->energy ? exp(least - (double)d->energy[ebim__void_source(s, i)]) : 1;
        mass += s->mass[i];
        ebim__tree_near(&s->data, ebim__nth(s->u, i, d->n), 1, HUGE_VAL);
        s->owner[i] = s->data.hood[0];
        s->reach[i] = sqrt(s->data.d2[0]);
    }
    for (i = 0; i < s->S; i++) s->mass[i] /= mass;
}

/* log of the number of empty balls that differ, by the volumes of m-dimensional gaps */
static double ebim__void_chances(double count, int m)
{
    double l = log(fmax(count, 3));
    return l + (m - 1) * log(l);
}

/* What the ball round point i of M, s->M.hood, expects -> *expected; returned with two standard
 * errors taken off, from the number of points in it. Point i itself is there by choice. */
static double ebim__void_ball(ebim__void_scan *s, int i, double *expected)
{
    double sum = 0, square = 0;
    int j;
    ebim__tree_within(&s->M, ebim__nth(s->u, i, s->d->n), s->S, s->reach[i] * s->reach[i]);
    for (j = 0; j < s->M.found; j++) {
        double q = s->count * s->mass[s->M.hood[j]];
        square += q * q;
        if (s->M.hood[j] != i) sum += q;
    }
    *expected = sum;
    return sum - ebim__void_bound.error * sqrt(square);
}

static void ebim__void_holes(ebim__void_scan *s, ebim__voids *r)
{
    int centres = ebim__min_int(s->S, EBIM__VOID_CENTRES), c, j;
    double most = -HUGE_VAL, expected;
    r->bound = ebim__void_chances(s->count, s->d->m) + ebim__void_bound.margin;
    for (c = 0; c < centres; c++) {
        int i = ebim__spread_at(c, centres, s->S);
        double low = ebim__void_ball(s, i, &expected);
        for (j = 0; j < s->M.found && low > r->bound; j++) s->mark[s->M.hood[j]] = 1;
        if (!(low > most)) continue;
        most = low;
        r->expected = expected;
        r->radius = s->reach[i];
        r->centre = ebim__void_source(s, i);
    }
    r->hole = most > r->bound;
    for (j = 0; j < s->S; j++)
        if (s->mark[j]) r->holes += 1.0 / s->S;
}

/* Log density at a datum among its neighbours from one to another, s->data, less its log unit */
static double ebim__void_level(const ebim__void_scan *s, int from, int to)
{
    double inner = from ? pow(s->data.d2[from], 0.5 * s->d->m) : 0;
    double outer = pow(s->data.d2[to], 0.5 * s->d->m);
    return log((to - from) / fmax(outer - inner, 1e-300));
}

/* Densities and spacings at the data, and how uneven they are. */
static void ebim__void_levels(ebim__void_scan *s, ebim__voids *r)
{
    int N = s->N, m = s->d->m, i, q;
    int hood = ebim__max_int(2, ebim__min_int(EBIM__VOID_NEAR, N / 5));
    int wide = ebim__max_int(hood, ebim__min_int(EBIM__VOID_WIDE, N / 4));
    int ring = ebim__min_int(EBIM__VOID_RING / EBIM__VOID_WIDE * wide, N - 1);
    double mean = 0, var = 0;
    for (i = 0; i < N; i++) {
        ebim__tree_near(&s->data, ebim__nth(s->x, i, s->d->n), ring + 1, HUGE_VAL);
        for (q = 0; q < 2; q++) { /* k in a ball, not counting itself; no ball has no volume */
            int k = q ? wide : hood;
            double log_r = 0.5 * log(fmax(s->data.d2[k], 1e-30));
            (q ? s->wide : s->level)[i] = log((double)k) - ebim__log_ball(m) - m * log_r;
        }
        mean += s->level[i] / N;
        s->steep[i] = ring > wide
                    ? ebim__void_level(s, wide, ring) - ebim__void_level(s, 0, wide) : 0;
    }
    for (i = 0; i < N; i++) var += (s->level[i] - mean) * (s->level[i] - mean) / N;
    var -= 1.0 / hood + 0.5 / (hood * hood); /* of log Gamma(near), nearly */
    r->uneven = sqrt(fmax(var, 0));
    s->wide_median = ebim__quantile(N, s->wide, s->order, 0.5);
}

/* Length of the shortest tree through rows x: [N][n], N <= VOID_FEW (Prim's), from row 0: which row
 * each hangs on, and how far it is along the tree. */
static double ebim__void_tree(int N, int n, const ebim_real *x, int *from, double *depth)
{
    double step[EBIM__VOID_FEW], length = 0;
    int done, i, at = 0;
    for (i = 0; i < N; i++) {
        step[i] = i ? HUGE_VAL : -1; /* -1: in the tree */
        depth[i] = from[i] = 0;
    }
    for (done = 1; done < N; done++) {
        int next = -1;
        for (i = 0; i < N; i++) {
            double s;
            if (step[i] < 0) continue;
            s = sqrt(ebim__square_distance(n, x + at * n, x + i * n));
            if (s < step[i]) {
                step[i] = s;
                from[i] = at;
            }
            if (next < 0 || step[i] < step[next]) next = i;
        }
        length += step[next];
        depth[next] = depth[from[next]] + step[next];
        step[next] = -1;
        at = next;
    }
    return length;
}

/* The closed way through the data, for a curve: the tree, and across between the two rows that are
 * farthest apart along it: the one farthest from row 0, and the one farthest from that. */
static double ebim__void_way(int N, int n, const ebim_real *x)
{
    int from[EBIM__VOID_FEW], i, j, a = 0, b = 0;
    unsigned char up[EBIM__VOID_FEW] = {0}; /* rows between a and row 0 */
    double depth[EBIM__VOID_FEW], most = -1, length = ebim__void_tree(N, n, x, from, depth);
    for (i = 1; i < N; i++)
        if (depth[i] > depth[a]) a = i;
    for (i = a; i; i = from[i]) up[i] = 1;
    for (i = 0; i < N; i++) {
        double apart;
        for (j = i; j && !up[j];) j = from[j];
        apart = depth[a] + depth[i] - 2 * depth[j];
        if (!(apart > most)) continue;
        most = apart;
        b = i;
    }
    return length + sqrt(ebim__square_distance(n, x + a * n, x + b * n));
}

/* Whether there are enough data to settle M. */
static void ebim__void_few(const ebim__void_scan *s, ebim__voids *r)
{
    r->blind = ebim__void_chances(s->count, s->d->m) + ebim__void_bound.chance;
    r->blind = fmin(1, r->blind / s->count);
    r->few = r->blind > ebim__void_bound.blind;
    if (r->few && s->d->m == 1 && s->N <= EBIM__VOID_FEW) {
        double way = ebim__void_way(s->N, s->d->n, s->x);
        if (way > 0 && s->d->volume > way) r->excess = s->d->volume / way - 1;
        r->tail = r->excess > ebim__void_bound.excess;
    }
}

/* Joins points beyond that are so close that a part with as many points hangs together. */
static void ebim__void_join(ebim__void_scan *s, ebim__voids *r)
{
    int S = s->S, m = s->d->m, i, j;
    double ball = ebim__log_ball(m), link;
    link = pow(2 * (log((double)S) + 4) * s->d->volume / (S * exp(ball)), 1.0 / m);
    for (i = 0; i < S; i++) {
        double afar = log(ebim__void_bound.afar) - ball - s->level[s->owner[i]];
        s->parent[i] = m * log(fmax(s->reach[i], 1e-30)) > afar ? i : -1;
        if (s->parent[i] >= 0) r->beyond += 1.0 / S;
    }
    for (i = 0; i < S; i++) {
        if (s->parent[i] < 0) continue;
        ebim__tree_within(&s->M, ebim__nth(s->u, i, s->d->n), S, link * link);
        for (j = 0; j < s->M.found; j++)
            if (s->parent[s->M.hood[j]] >= 0) ebim__unite(s->parent, i, s->M.hood[j]);
    }
}

static void ebim__void_sums(ebim__void_scan *s, const ebim__voids *r)
{
    double each = 1.0 / s->S;
    int i;
    for (i = 0; i < s->S; i++) {
        ebim__void_place *p;
        int32_t datum = s->owner[i];
        double more = each * s->d->volume * exp(s->level[datum]);
        if (s->parent[i] < 0) continue;
        p = &s->part[ebim__find(s->parent, i)];
        if (!(p->share > 0) || s->reach[i] > p->radius) p->radius = s->reach[i], p->at = i;
        p->share += each;
        p->missing += more;
        if (s->wide[datum] - s->wide_median - r->uneven < -ebim__void_bound.drop) continue;
        p->abrupt += each;
        p->like += more;
        p->steep += more * s->steep[datum];
    }
}

/* The data next to a curve's part beyond: those farther from each other than it is from them are
 * different ends. The first stretch from each to the part is added to the length. */
static void ebim__void_ends(const ebim__void_scan *s, int32_t root, ebim__void_place *p)
{
    int32_t end[EBIM__VOID_ENDS];
    double first[EBIM__VOID_ENDS];
    int i, e;
    p->length = p->share * s->d->volume;
    for (i = 0; i < s->S; i++) {
        const ebim_real *x = ebim__nth(s->x, s->owner[i], s->d->n);
        if (s->parent[i] < 0 || ebim__find(s->parent, i) != root) continue;
        for (e = 0; e < p->ends; e++)
            if (ebim__square_distance(s->d->n, x, ebim__nth(s->x, end[e], s->d->n)) <
                p->radius * p->radius)
                break;
        if (e == EBIM__VOID_ENDS) continue;
        if (e == p->ends) {
            end[p->ends++] = s->owner[i];
            first[e] = HUGE_VAL;
        }
        first[e] = fmin(first[e], s->reach[i]);
    }
    for (e = 0; e < p->ends; e++) p->length += first[e];
}

/* The share of what a part lacks that its border's density vouches for */
static double ebim__void_even(double steep, double uneven)
{
    double here = ebim__void_bound.level + 2 * fmax(steep, 0) +
                  2 * fmax(uneven - ebim__void_bound.wild, 0);
    return exp(-ebim__void_bound.uneven * fmin(uneven, here));
}

/* Parts beyond: found, counted, one described. */
static void ebim__void_beyond(ebim__void_scan *s, ebim__voids *r)
{
    double most = 0;
    int i, root = 0;
    ebim__void_join(s, r);
    ebim__void_sums(s, r);
    for (i = 0; i < s->S; i++) {
        ebim__void_place *p = &s->part[i];
        if (s->parent[i] != i) continue;
        p->steep = p->like > 0 ? p->steep / p->like : 0;
        p->open = p->abrupt >= ebim__void_bound.open * p->share &&
                  p->like * ebim__void_even(p->steep, r->uneven) >= ebim__void_bound.missing;
        if (!p->open && !(p->missing >= ebim__void_bound.missing)) continue;
        r->places++;
        r->open += p->open;
        if (p->open + p->share > most) most = p->open + p->share, root = i;
    }
    if (!r->places) return;
    r->place = s->part[root];
    r->place.at = ebim__void_source(s, r->place.at);
    r->place.abrupt /= r->place.share;
    if (s->d->m == 1) ebim__void_ends(s, root, &r->place);
}

/* ERR_ARG where there is nothing to compare. */
EBIM__PRIVATE ebim_result ebim__voids_find(const ebim__void_desc *d, ebim__voids *r,
                                           ebim_arena *work)
{
    ebim__void_scan s;
    memset(r, 0, sizeof *r);
    r->centre = -1;
    if (d->N < 1 || d->S < 1 || d->n < 1 || d->m < 1) return EBIM_ERR_ARG;
    ebim__void_alloc(&s, work, d);
    if (!ebim__ready(work)) return work->failed;
    ebim__void_start(&s);
    ebim__void_holes(&s, r);
    if (s.N < 4) { /* no density to speak of */
        r->blind = r->few = 1;
        return EBIM_OK;
    }
    ebim__void_levels(&s, r);
    ebim__void_few(&s, r);
    if (d->volume > 0 && ebim__finite64(d->volume)) ebim__void_beyond(&s, r);
    return EBIM_OK;
}

/* Whether rows x and rows y come from one density: see ebim__two_samples. */
typedef struct ebim__two {
    double p;        /* P(as far apart or farther) when they do */
    double distance; /* 2 mean |x - y| - mean |x - x'| - mean |y - y'|, over the first: 0 .. 1 */
    int shuffles;    /* that p rests on */
} ebim__two;

/* Energy distance of rows in[0 .. X) and the others of D: [N][N], whose row sums are `sum` */
static double ebim__two_distance(int N, int X, const ebim_real *D, const double *sum,
                                 const int32_t *in)
{
    double xx = 0, xy = 0, yy = 0, x = X, y = N - X;
    int i, j;
    for (i = 0; i < N; i++) yy += 0.5 * sum[i];
    for (i = 0; i < X; i++) {
        const ebim_real *row = D + (size_t)in[i] * (size_t)N;
        double s = 0;
        for (j = 0; j < i; j++) s += (double)row[in[j]];
        xx += s;
        xy += sum[in[i]];
    }
    xy -= 2 * xx; /* pairs inside were counted from both sides */
    yy -= xx + xy;
    if (!(xy > 0)) return 0;
    return 1 - (xx / (x * x) + yy / (y * y)) * (x * y) / xy;
}

static void ebim__two_shuffles(int N, int X, const ebim_real *D, const double *sum, int32_t *in,
                               uint64_t seed, ebim__two *r)
{
    ebim_rng rng;
    int as_far = 0, i;
    ebim_rng_init(&rng, seed, 0);
    while (r->shuffles < EBIM__SAMPLE_SHUFFLES && as_far < EBIM__SAMPLE_STOP) {
        for (i = 0; i < X; i++)
            ebim__swap_int(&in[i], &in[i + (int)ebim_rng_below(&rng, (uint32_t)(N - i))]);
        as_far += ebim__two_distance(N, X, D, sum, in) >= r->distance - 1e-12;
        r->shuffles++;
    }
    r->p = as_far < EBIM__SAMPLE_STOP ? (as_far + 1.0) / (r->shuffles + 1)
                                      : (double)as_far / r->shuffles;
}

/* Compares x: [X][n], held-out data, say, with independent draws y: [Y][n] of a model, by at most
 * EBIM__SAMPLE_MOST rows of each, spread over all. If both have one density, P(p <= t) <= t for any
 * t and n: shuffled rows are as likely. Consistent: 0 for equal densities only. Draws with weights
 * are to be resampled first, equal rows of data to be left out. */
EBIM__PRIVATE ebim_result ebim__two_samples(int X, const ebim_real *x, int Y, const ebim_real *y,
                                            int n, uint64_t seed, ebim__two *r, ebim_arena *work)
{
    int a = ebim__min_int(X, EBIM__SAMPLE_MOST), N = a + ebim__min_int(Y, EBIM__SAMPLE_MOST), i, j;
    size_t rows = (size_t)ebim__max_int(N, 0);
    ebim_real *z, *D;
    double *sum;
    int32_t *in;
    memset(r, 0, sizeof *r);
    r->p = 1;
    if (X < 1 || Y < 1 || n < 1) return EBIM_ERR_ARG;
    z = EBIM__NEW(work, ebim_real, ebim__times(rows, (size_t)n));
    D = EBIM__NEW(work, ebim_real, rows * rows);
    sum = EBIM__NEW(work, double, rows);
    in = EBIM__NEW(work, int32_t, rows);
    if (!ebim__ready(work)) return work->failed;
    ebim__spread(X, n, x, EBIM__SAMPLE_MOST, z);
    ebim__spread(Y, n, y, EBIM__SAMPLE_MOST, z + (size_t)a * (size_t)n);
    for (i = 0; i < N; i++) {
        in[i] = i;
        for (j = 0; j < i; j++) {
            ebim_real d = EBIM__R(sqrt(ebim__square_distance(n, ebim__nth(z, i, n),
                                                             ebim__nth(z, j, n))));
            D[(size_t)i * rows + (size_t)j] = D[(size_t)j * rows + (size_t)i] = d;
            sum[i] += (double)d;
            sum[j] += (double)d;
        }
    }
    r->distance = ebim__two_distance(N, a, D, sum, in);
    ebim__two_shuffles(N, a, D, sum, in, seed, r);
    return EBIM_OK;
}

/* ============================================================================================
 * >>judge  what a fitted manifold is worth
 *
 * Held-out points say whether M passes where the data do. What they cannot see is looked for at
 * uniform points of M: pieces without data, places where J loses rank (M crosses itself, or F is
 * flat), parts at the walls of the box, and parts that another fit of the same data does not have:
 * a spurious sheet is the accident of one training run, a bridge over a gap in the data is not.
 * Cost: some thousand projections, and as many searches in a tree of at most 4096 data. Pitfall:
 * only where lines or charts measure the volume of M are its pieces told.
 * ========================================================================================= */

static const struct { int bit; const char *text, *advice; } ebim__verdicts[] = {
#define EBIM__CASE(name, value, bad, text, advice) { value, text, advice },
    EBIM_VERDICTS(EBIM__CASE) { 0, "fine", "" } /* worst first */
#undef EBIM__CASE
};

static int ebim__verdict_row(int verdict)
{
    int i = 0;
    while (ebim__verdicts[i].bit && !(verdict & ebim__verdicts[i].bit)) i++;
    return i;
}

EBIM_API int ebim_verdict_worst(int v) { return ebim__verdicts[ebim__verdict_row(v)].bit; }
EBIM_API const char *ebim_verdict_str(int v) { return ebim__verdicts[ebim__verdict_row(v)].text; }

EBIM_API const char *ebim_verdict_advice(int verdict)
{
    return ebim__verdicts[ebim__verdict_row(verdict)].advice;
}

enum {
    EBIM__JUDGE_DATA = 4096,   /* rows that points of M are compared with: all searches are short */
    EBIM__JUDGE_HELD = 2000,   /* projected: 20 of them decide about the 0.99 quantile */
    EBIM__JUDGE_LINKED = 4096, /* points of M that components are told by: the first of them */
    EBIM__JUDGE_LEAST = 100,   /* fewer do not tell components */
    EBIM__JUDGE_BATCH = 64,    /* Jacobians at a time */
    EBIM__JUDGE_CROWDED = 16,  /* equations: where there are more, noise from the box finds M too
                                * seldom, and points of it are looked for next to data: */
    EBIM__JUDGE_FEW = 300,     /* so many, as each takes k products with the Jacobian a step; and */
    EBIM__JUDGE_NOISE = 500,   /* so many of noise, of which one beyond the charts may be chance */
    EBIM__JUDGE_STEPS = 30,    /* of noise to M: more are taken only by the few that end nowhere, at
                                * the cost of all others */
    EBIM__JUDGE_LAST = 8       /* of those that ways have led next to M */
};

/* Verdicts are given above these: lengths in the scale of the data, else shares. */
static const struct {
    double missed, mean, q99, loose_median, loose_q99, flat, singular, disputed, rival, empty;
    double rim_part, rim, lost, ended_curve, ended;
} ebim__judge_bound = {
    0.01, /* missed: of the held-out points: so many rows off M may be rows that belong nowhere */
    0.03, 0.1, /* mean, q99: the data lie off M; noise, if known, is added to them once and three
                * times. A curve of 400 rows that was learned well: 0.0005 and 0.002 */
    0.004, 0.006, /* loose_median, loose_q99: the data lie in a band. Two circles 3 % apart came
                   * out as one and were called fine without; a q99 of 0.01 is bad. The same curve:
                   * 0.0004, 0.002 */
    0.15, /* flat: a slope is, below this share of the median one */
    0.002, /* singular: share of M that is flat: four points of 2000 */
    0.01, 0.03, /* disputed: share of M that is farther than `rival` from what another network
                 * learned */
    0.002, /* empty: share of M in pieces that own no datum; four points of 2000 */
    0.1, 0.002, /* rim_part: of the distance that data keep from the walls; rim: share of M nearer
                 * to them */
    0.1, /* lost: of the points missed, or the mean distance: M is not what the data lie on, and
          * charts, which would take minutes to cover what there is, do not measure it */
    0.0005, 0.02 /* ended: of the draws from charts, of a curve and of more dimensions, those of
                  * charts at ends. Closed sets: none of curves and Klein bottles, 0.1 % of a sphere
                  * S^3 bent in R^6, of which 4 % end nowhere. Open ones: 0.16 % of an arc in R^3,
                  * 5 % to 10 % of a cylinder, an annulus and a Moebius strip */
};

typedef struct ebim__judge {
    const ebim_graph *F;
    const ebim_judge_desc *d;
    ebim_judgement *r;
    int n, k, n_data, n_held, room, count; /* count: points of M there are */
    int beside;            /* 1: they were looked for next to data alone */
    double scale, stray;   /* stray: of what noise finds of F's zeros, beyond the charts */
    ebim_real *data, *held, *u, *y, *dist; /* samples of the data; points of M; scratch */
    ebim_real *weight;                     /* [n_held] of those */
    double *value;                         /* scratch for quantiles */
    int32_t *order, *label, *owner;        /* owner: the linked point nearest to a datum */
    unsigned char *ok;
    ebim__tree tree;                       /* of data, or of linked points */
} ebim__judge;

/* Whether a number is known and above a bound */
static int ebim__above(double x, double bound) { return ebim__or_else(x, bound) > bound; }

static ebim_result ebim__judge_held(ebim__judge *s, ebim_arena *a)
{
    ebim_projector *p;
    ebim_judgement *j = s->r;
    const double *lo = s->d->lo, *hi = s->d->hi;
    ebim_result r = ebim__box_projector(&p, a, s->F, EBIM_PROJECT_NEAREST, lo, hi);
    int i, have = 0;
    double sum = 0, all = 0;
    if (r || !ebim__ready(a)) return r;
    j->checked = s->n_held;
    ebim_projector_run(p, s->n_held, s->held, s->y, s->dist, s->ok);
    for (i = 0; i < s->n_held; i++) {
        if (!s->ok[i] || !ebim__inside(ebim__nth(s->y, i, s->n), 1, 0, s->n, lo, hi)) continue;
        s->weight[have] = s->weight[i];
        sum += (double)s->weight[i] * (double)s->dist[i];
        all += (double)s->weight[i];
        s->value[have++] = (double)s->dist[i];
    }
    j->missed = s->n_held - have;
    if (!have || !(all > 0)) return EBIM_OK;
    j->distance_mean = sum / all;
    j->distance_median = ebim__weighted_quantile(have, s->value, s->weight, s->order, 0.5);
    j->distance_q99 = ebim__weighted_quantile(have, s->value, s->weight, s->order, 0.99);
    j->distance_max = ebim__quantile(have, s->value, s->order, 1);
    return EBIM_OK;
}

/* Points of M from charts that grow from the data; 0 of them where these do not cover M. What noise
 * finds of F's zeros beyond the charts is no part of M, but what far points would be led to. */
static ebim_result ebim__judge_charts(ebim__judge *s, ebim_projector *onto, ebim_arena *a)
{
    const ebim_charts_desc d = {s->d->lo, s->d->hi, 0, s->d->seed};
    double most = s->n - s->k > 1 ? ebim__judge_bound.ended : ebim__judge_bound.ended_curve;
    ebim_charts *charts;
    ebim_charts_report told;
    int draws = 2 * s->room, crowded = s->k > EBIM__JUDGE_CROWDED, noise, beyond;
    ebim_real *x = EBIM__NEW(a, ebim_real, (size_t)draws * (size_t)s->n);
    ebim_real *q = EBIM__NEW(a, ebim_real, draws);
    int32_t *pick = EBIM__NEW(a, int32_t, s->room);
    ebim_result r = ebim_charts_init(&charts, a, s->F, &d);
    if (r || !ebim__ready(a)) return r;
    ebim_charts_cover(charts, s->n_data, s->data);
    s->count = ebim__charts_uniform(charts, draws, x, q, s->room, pick, s->u, s->d->seed);
    if (!s->count) return EBIM_OK;
    told = ebim_charts_stats(charts);
    s->r->volume = told.volume;
    s->r->volume_se = told.volume_se;
    s->r->one_sided = told.one_sided;
    if (s->F->field.gate) s->r->gap_abrupt = ebim__charts_ended(charts) > most;
    onto->ways = crowded && s->F->field.gate;
    onto->d.max_iter = onto->ways ? EBIM__JUDGE_LAST : EBIM__JUDGE_STEPS;
    noise = crowded ? ebim__min_int(s->room, EBIM__JUDGE_NOISE) : s->room;
    noise = ebim_projector_noise(onto, noise, s->y, d.lo, d.hi, s->d->seed, 1);
    beyond = ebim__charts_beyond(charts, noise, s->y);
    s->stray = noise ? (double)beyond / noise : 0;
    return EBIM_OK;
}

/* Whether the data lie elsewhere; 0 while memory is measured */
static int ebim__judge_lost(const ebim__judge *s)
{
    return s->r->missed > ebim__judge_bound.lost * s->r->checked ||
           ebim__above(s->r->distance_mean, ebim__judge_bound.lost * s->scale);
}

/* Points of M next to data -> u. What M has away from the data they do not show. */
static void ebim__judge_from_data(ebim__judge *s, ebim_projector *onto)
{
    int i, n = s->n, room = ebim__min_int(s->room, EBIM__JUDGE_FEW);
    int B = ebim__spread(s->n_data, n, s->data, room, s->u);
    s->beside = 1;
    ebim_projector_run(onto, B, s->u, s->y, s->dist, s->ok);
    for (i = 0; i < B; i++)
        if (s->ok[i] && ebim__inside(ebim__nth(s->y, i, n), 1, 0, n, s->d->lo, s->d->hi))
            memcpy(s->u + (size_t)s->count++ * (size_t)n, ebim__nth(s->y, i, n),
                   (size_t)n * sizeof *s->u);
}

/* Points of M: uniform by lines or charts; where neither measures M, noise thrown onto it */
static ebim_result ebim__judge_points(ebim__judge *s, ebim_arena *a)
{
    const ebim_lines_desc ld = {s->d->lo, s->d->hi, 0};
    ebim_lines *lines = NULL;
    ebim_projector *onto = NULL;
    ebim_result r;
    if (ebim__by_lines(s->F)) {
        r = ebim_lines_init(&lines, a, s->F, &ld);
        if (r || !ebim__ready(a)) return r;
        s->count = ebim_lines_uniform(lines, s->room, s->u, s->d->seed);
        s->r->volume = ebim_lines_stats(lines).volume;
        s->r->volume_se = ebim_lines_stats(lines).volume_se;
        return EBIM_OK;
    }
    r = ebim__box_projector(&onto, a, s->F, EBIM_PROJECT_ONTO, ld.lo, ld.hi);
    if (!r && ebim__by_charts(s->F) && !s->d->rough && !ebim__judge_lost(s))
        r = ebim__judge_charts(s, onto, a);
    if (r || s->count || !ebim__ready(a)) return r;
    if (s->k > EBIM__JUDGE_CROWDED) ebim__judge_from_data(s, onto);
    else s->count = ebim_projector_noise(onto, s->room, s->u, s->d->lo, s->d->hi, s->d->seed, 0);
    return EBIM_OK;
}

/* Smallest singular value of J at every point of M. */
static ebim_result ebim__judge_slopes(ebim__judge *s, ebim_arena *a)
{
    enum { B = EBIM__JUDGE_BATCH };
    ebim_ws w;
    ebim__frame f;
    ebim_constraint_desc cd;
    int k = s->k, n = s->n, flat = 0, at, p, q, field = s->F->field.codim != 0;
    size_t each = ebim__times((size_t)k, (size_t)n);
    double *G = EBIM__NEW(a, double, k * k), *work = EBIM__NEW(a, double, 2 * k), median;
    ebim_result r;
    ebim_real *J = EBIM__NEW(a, ebim_real, ebim__times(B, each));
    memset(&cd, 0, sizeof cd);
    cd.lanes = B;
    r = field ? ebim__frame_init(&f, a, s->F, &cd) : ebim__ws_for(&w, a, s->F, B, 1, EBIM__FOR_VJP);
    if (r || !ebim__ready(a)) return r ? r : a->failed;
    for (at = 0; at < s->count && !ebim__work(a->watch, 1.0 * k * k * (n + k)); at++) {
        const ebim_real *row = J + (size_t)(at % B) * each, *u = ebim__nth(s->u, at, n);
        int count = ebim__min_int(B, s->count - at);
        if (at % B == 0 && field) ebim__frame_values(&f, count, u, NULL, J);
        else if (at % B == 0) ebim_eval_jacobian(&w, count, u, J);
        for (p = 0; p < k; p++)
            for (q = 0; q < k; q++)
                G[p * k + q] = ebim__dot64(n, ebim__nth(row, p, n), ebim__nth(row, q, n));
        s->value[at] = sqrt(fmax(ebim__least_eigenvalue(k, G, work), 0));
    }
    if (ebim__stopped(a->watch)) return EBIM_OK;
    s->r->sigma = ebim__quantile(s->count, s->value, s->order, 0.01);
    median = ebim__quantile(s->count, s->value, s->order, 0.5);
    for (at = 0; at < s->count; at++) flat += !(s->value[at] >= ebim__judge_bound.flat * median);
    s->r->singular = (double)flat / s->count;
    return EBIM_OK;
}

/* Distances between data and points of M; how much of M is out of the data's reach or in the outer
 * part of the rim; returns whether the search was stopped */
static int ebim__judge_reach(ebim__judge *s, ebim_watch *watch)
{
    ebim_judgement *j = s->r;
    ebim__tree *t = &s->tree;
    double part = ebim__judge_bound.rim_part * s->d->rim;
    int n = s->n, i, c, found, remote = 0, rim = 0;
    ebim__tree_build(t, s->n_data, s->data, NULL);
    for (i = 0; i < s->n_held; i++) { /* a datum is not its own neighbour */
        const ebim_real *x = ebim__nth(s->held, i, n);
        found = s->d->n_held < 1 ? ebim__tree_others(t, x, 1) : ebim__tree_near(t, x, 1, HUGE_VAL);
        s->value[i] = found ? sqrt(t->d2[0]) : HUGE_VAL;
    }
    j->reach = 2 * ebim__quantile(s->n_held, s->value, s->order, 0.99);
    for (i = 0; i < s->count; i++) {
        const ebim_real *x = ebim__nth(s->u, i, n);
        remote += !ebim__tree_within(t, x, 1, j->reach * j->reach);
        for (c = 0; c < n; c++)
            if ((double)x[c] - s->d->lo[c] < part || s->d->hi[c] - (double)x[c] < part) break;
        rim += c < n;
    }
    ebim__tree_build(t, ebim__min_int(s->count, EBIM__JUDGE_LINKED), s->u, NULL);
    for (i = 0; i < s->n_data; i++) {
        ebim__tree_near(t, ebim__nth(s->data, i, n), 1, HUGE_VAL);
        s->owner[i] = t->hood[0];
    }
    j->remote = s->beside ? ebim__nan64() : (double)remote / s->count;
    j->rim = (double)rim / s->count;
    return ebim__stopped(watch);
}

/* Components, and the share of those that own no datum. */
static ebim_result ebim__judge_pieces(ebim__judge *s, ebim_arena *a)
{
    int B = ebim__min_int(ebim__ready(a) ? s->count : s->room, EBIM__JUDGE_LINKED);
    int count = 0, i, orphans = 0;
    ebim_result r;
    if (B < EBIM__JUDGE_LEAST && ebim__ready(a)) return EBIM_OK;
    r = ebim_components(s->F, a, B, s->u, ebim__ready(a) ? s->r->volume : 1, s->label, &count);
    if (r) return r;
    s->r->components = count;
    for (i = 0; i < count; i++) s->order[i] = 0; /* data of the component */
    for (i = 0; i < s->n_data && count; i++)
        if (s->owner[i] < B) s->order[s->label[s->owner[i]]]++;
    for (i = 0; i < B && count; i++) orphans += !s->order[s->label[i]];
    s->r->empty = fmax((double)orphans / B, s->stray);
    for (i = 0; i < count; i++) {
        double data = s->order[i] * ((double)(s->d->n_data + s->d->n_held) / s->n_data);
        if (data > 0) s->r->fewest = fmin(data, ebim__or_else(s->r->fewest, data));
    }
    return EBIM_OK;
}

/* Share of u: [count][n] that is farther than `tol` from the zero set of F. */
static ebim_result ebim__disputed(const ebim__judge *s, const ebim_graph *F, int count,
                                  const ebim_real *u, double tol, double *share, ebim_arena *a)
{
    ebim_projector *p;
    ebim_result r = ebim__box_projector(&p, a, F, EBIM_PROJECT_ONTO, s->d->lo, s->d->hi);
    int i, off = 0;
    if (r || !ebim__ready(a)) return r;
    if (count) ebim_projector_run(p, count, u, s->y, s->dist, s->ok);
    for (i = 0; i < count; i++) off += !s->ok[i] || (double)s->dist[i] > tol;
    *share = count ? (double)off / count : 1;
    return EBIM_OK;
}

/* Counts of 0 and NaN for all that nothing is known of */
static void ebim__judge_nothing(ebim_judgement *j)
{
    double nan = ebim__nan64();
    j->checked = j->missed = j->points = j->components = j->verdict = 0;
    j->distance_mean = j->distance_median = j->distance_q99 = j->distance_max = nan;
    j->volume = j->volume_se = j->sigma = j->singular = nan;
    j->empty = j->fewest = j->remote = j->reach = j->rim = j->disputed = nan;
    j->noise = j->hole = j->hole_expected = j->hole_radius = nan;
    j->gap = j->gap_extent = j->gap_abrupt = j->density_p = j->one_sided = nan;
}

static int ebim__judge_verdict(const ebim_judgement *j, double scale)
{
    double noise = ebim__or_else(j->noise, 0); /* is no fault of M */
    const struct { int bit; double value, bound; } test[] = {
        {EBIM_VERDICT_NOWHERE, j->points > 0 ? 0.0 : 1.0, 0},
        {EBIM_VERDICT_MISSED, (double)j->missed, ebim__judge_bound.missed * j->checked},
        {EBIM_VERDICT_OFF, j->distance_mean, ebim__judge_bound.mean * scale + noise},
        {EBIM_VERDICT_OFF, j->distance_q99, ebim__judge_bound.q99 * scale + 3 * noise},
        {EBIM_VERDICT_LOOSE, j->distance_median, ebim__judge_bound.loose_median * scale},
        {EBIM_VERDICT_LOOSE, j->distance_q99, ebim__judge_bound.loose_q99 * scale},
        {EBIM_VERDICT_SINGULAR, j->singular, ebim__judge_bound.singular},
        {EBIM_VERDICT_DISPUTED, j->disputed, ebim__judge_bound.disputed},
        {EBIM_VERDICT_EMPTY, j->empty, ebim__judge_bound.empty},
        {EBIM_VERDICT_ENDS, j->gap_abrupt, 0},
        {EBIM_VERDICT_RIM, j->rim, ebim__judge_bound.rim}};
    int i, v = 0;
    for (i = 0; i < (int)(sizeof test / sizeof *test); i++)
        if (ebim__above(test[i].value, test[i].bound)) v |= test[i].bit;
    return v;
}

static void ebim__judge_alloc(ebim__judge *s, const ebim_graph *F, const ebim_judge_desc *d,
                              ebim_arena *a)
{
    size_t n = (size_t)ebim_inputs(F), most;
    memset(s, 0, sizeof *s);
    s->F = F;
    s->d = d;
    s->n = (int)n;
    s->k = ebim__codim(F);
    s->room = ebim__or_int(d->points, 2000);
    most = (size_t)ebim__max_int(s->room, EBIM__JUDGE_DATA);
    s->data = EBIM__NEW(a, ebim_real, n * EBIM__JUDGE_DATA);
    s->held = EBIM__NEW(a, ebim_real, n * EBIM__JUDGE_HELD);
    s->weight = EBIM__NEW(a, ebim_real, EBIM__JUDGE_HELD);
    s->u = d->u ? d->u : EBIM__NEW(a, ebim_real, n * (size_t)s->room);
    s->y = EBIM__NEW(a, ebim_real, n * most);
    s->dist = EBIM__NEW(a, ebim_real, most);
    s->value = EBIM__NEW(a, double, most);
    EBIM__NEW_EACH(a, int32_t, most, &s->order, &s->label);
    s->owner = EBIM__NEW(a, int32_t, EBIM__JUDGE_DATA);
    s->ok = EBIM__NEW(a, unsigned char, most);
    ebim__tree_init(&s->tree, a, EBIM__JUDGE_DATA, s->n, 1); /* or as many linked points */
}

/* The rows that are looked at, and the scale of lengths */
static void ebim__judge_rows(ebim__judge *s)
{
    const ebim_judge_desc *d = s->d;
    int held = d->n_held > 0, N = held ? d->n_held : d->n_data, i;
    double square = 0;
    s->n_data = ebim__spread(d->n_data, s->n, d->data, EBIM__JUDGE_DATA, s->data);
    s->n_held = ebim__spread(N, s->n, held ? d->held : d->data, EBIM__JUDGE_HELD, s->held);
    for (i = 0; i < s->n_held; i++) s->weight[i] = 1;
    if (d->weights)
        ebim__spread(N, 1, d->weights + (held ? d->n_data : 0), EBIM__JUDGE_HELD, s->weight);
    for (i = 0; i < s->n; i++) square += (d->hi[i] - d->lo[i]) * (d->hi[i] - d->lo[i]);
    s->scale = d->scale > 0 ? d->scale : 0.5 * sqrt(square);
}

EBIM_API ebim_result ebim_judge(const ebim_graph *F, ebim_arena *work, const ebim_judge_desc *d,
                                ebim_judgement *out)
{
    ebim__judge s;
    ebim_result r;
    int run, measured, n = ebim_inputs(F), k = ebim__codim(F);
    ebim__judge_nothing(out);
    if (d->noise > 0) out->noise = d->noise;
    if (!F->field.codim || n - k == 1) out->one_sided = 0; /* F's gradients are k normals */
    if (k < 1 || k >= n || d->points < 0) return EBIM_ERR_ARG;
    if (d->rival && ebim_inputs(d->rival) != n) return EBIM_ERR_ARG;
    ebim__judge_alloc(&s, F, d, work);
    s.r = out;
    run = ebim__ready(work);
    if (work->failed) return work->failed;
    if (run && (!d->lo || !d->hi)) return EBIM_ERR_BOX;
    if (run && (d->n_data < 1 || !d->data)) return EBIM_ERR_POINTS;
    if (run && d->n_held > 0 && !d->held) return EBIM_ERR_ARG;
    if (run) ebim__judge_rows(&s);
    r = ebim__judge_held(&s, work);
    if (!r) r = ebim__judge_points(&s, work);
    out->points = s.count;
    if (run && s.count && ebim__judge_reach(&s, work->watch)) return r;
    if (!r && (!run || s.count)) r = ebim__judge_slopes(&s, work);
    measured = ebim__by_lines(F) || (ebim__by_charts(F) && !d->rough);
    if (run) measured = ebim__above(out->volume, 0);
    if (!r && measured)
        r = ebim__judge_pieces(&s, work);
    if (!r && d->rival)
        r = ebim__disputed(&s, d->rival, s.count, s.u, ebim__judge_bound.rival * s.scale,
                           &out->disputed, work);
    out->verdict = ebim__judge_verdict(out, s.scale);
    return r;
}

/* ============================================================================================
 * >>model  samples, scores and gradients of a model
 *
 * Samples: chains start from points of M of known density (>>logz), resampled by e^-E over that
 * density. Chains move by adjusted constrained Langevin (>>exact), whose law is e^-E, in three
 * legs; a leap (>>leap) after each of the first two takes chains from one component to another.
 * The step is found by 60 moves of 256 chains that are thrown away. Where lines do not measure M,
 * starts are points of E's kernels thrown onto M, which are nearly samples, or, without kernels,
 * noise thrown onto M, which is not uniform; far moves stand for leaps.
 * Projection chains take the place of all that where M is a displacement field that neither lines
 * nor charts measure, and there is no E, or too many codimensions to move along M: of data that the
 * model keeps, with noise, x <- x - h F(x) + noise as large as leaves 1 - b h of the distance, then
 * ways without noise, then ONTO. Their law is none that is known: near that of the data.
 * Scores: the nearest point of M, the distance to it and the energy there. Gradients of F and E
 * cost one linearisation and one adjoint sweep per output; that of the distance costs the
 * projection only.
 *
 * Behind a linear map w = L x chains, lines and the box are in w. Nearest points and distances are
 * those of x, and energies lose the stretch of volumes (ebim__stretch).
 * ========================================================================================= */

/* Points of a block: each worker gets whole blocks, at least one, so that results do not depend on
 * how many workers there are. */
enum { EBIM__SHARE = 128 };

static int ebim__model_workers(const ebim_model *m, int B)
{
    return ebim__min_int(ebim__workers(&m->parallel), (B - 1) / EBIM__SHARE + 1);
}

/* Points at .. at + count - 1 are for worker w; returns count. */
static int ebim__share(int B, int workers, int w, int *at)
{
    int64_t blocks = (B - 1) / EBIM__SHARE + 1;
    int64_t end = EBIM__SHARE * (blocks * (w + 1) / workers);
    *at = (int)(EBIM__SHARE * (blocks * w / workers));
    return (int)(end < B ? end : B) - *at;
}

/* Whether charts may cover a model's M. Where its fit found that they do not, it has no volume, and
 * trying again took a minute and more at each call. */
static int ebim__model_charted(const ebim_model *m)
{
    return !ebim__by_lines(&m->F) && ebim__charts_for(m->info.on, m->n, m->k) &&
           (ebim__on_k(m->info.on, m->n) || !m->judged.checked ||
            ebim__finite64(m->judged.volume));
}

/* Charts of a model's M that cover it, if the arena has memory; cover 0: for ebim__charts_share */
static ebim_result ebim__model_charts(ebim_charts **out, const ebim_model *m, int cover,
                                      ebim_arena *a)
{
    ebim_charts_desc d;
    ebim_result r;
    memset(&d, 0, sizeof d);
    d.lo = m->lo;
    d.hi = m->hi;
    d.most = !cover;
    r = ebim_charts_init(out, a, &m->F, &d);
    if (!r && ebim__ready(a) && cover) ebim_charts_cover(*out, m->starts, m->start);
    return r;
}

/* Whether E is one estimate, and not a map of several, of which the others would be missed */
static int ebim__one_rbf(const ebim_graph *E)
{
    int i, count = 0;
    for (i = 2; i < E->n_nodes; i++) count += E->node[i].op == EBIM__OP_RBF;
    return count == 1;
}

EBIM_API ebim_result ebim_model_log_z(const ebim_model *m, ebim_arena *work, int lines,
                                      uint64_t seed, ebim_log_z *out)
{
    ebim__z z;
    ebim_charts *charts = NULL;
    int measured = ebim__by_lines(&m->F), by_charts = ebim__model_charted(m);
    ebim_result r = EBIM_OK;
    memset(out, 0, sizeof *out);
    if (lines < 0 || lines > INT_MAX / 64) return EBIM_ERR_ARG;
    if (!measured && !by_charts && !ebim__on_k(m->info.on, m->n))
        return ebim__charts_for(m->info.on, m->n, m->k) ? EBIM_ERR_SOLVE : EBIM_ERR_SHAPE;
    if (ebim_model_by_projection(m)) return EBIM_ERR_SOLVE;
    if (by_charts) r = ebim__model_charts(&charts, m, 1, work);
    if (!r && charts && !ebim_charts_stats(charts).covered) {
        if (!ebim__on_k(m->info.on, m->n)) return EBIM_ERR_SOLVE;
        charts = NULL;
    }
    if (!r)
        r = ebim__z_init(&z, work, &m->F, m->has_energy ? &m->E : NULL, m->linear, m->lo, m->hi,
                         lines, charts, !measured);
    z.on = m->info.on;
    z.unit = 1;
    return r || !ebim__ready(work) ? r : ebim__z_run(&z, seed, out);
}

/* Rows y = A x of x: [B][n], or x A; y may be x. */
static void ebim__map_rows(int n, const double *A, int from_right, int B, const ebim_real *x,
                           ebim_real *y)
{
    int b, i, j, down = from_right ? 1 : n, along = from_right ? n : 1;
    double row[EBIM__MAPPED_MOST];
    for (b = 0; b < B; b++, x += n, y += n) {
        for (i = 0; i < n; i++)
            for (row[i] = 0, j = 0; j < n; j++)
                row[i] += A[i * down + j * along] * (double)x[j];
        for (i = 0; i < n; i++) y[i] = EBIM__R(row[i]);
    }
}

/* Rows x -> rows w behind the map, if there is one */
static void ebim__to_model(const ebim_model *m, int B, const ebim_real *x, ebim_real *w)
{
    if (m->linear) ebim__map_rows(m->n, m->linear, 0, B, x, w);
    else memcpy(w, x, (size_t)B * (size_t)m->n * sizeof *x);
}

/* Rows x behind the map -> in front of it */
static void ebim__from_model(const ebim_model *m, int B, ebim_real *x)
{
    if (m->linear) ebim__map_rows(m->n, m->inverse, 0, B, x, x);
}

/* ---- samples ---- */

enum {
    EBIM__LEGS = 3,     /* of a chain, with leaps between them */
    EBIM__ADAPT = 256,  /* chains that the step is found by */
    EBIM__ROUNDS = 4,   /* of points that chains may start from, at most */
    EBIM__TRACED = 64,  /* chains whose memory is measured, by so many */
    EBIM__FEW = 16,     /* of both kinds among many equations: 64 of a curve in R^50, whose moves
                         * take 2 ms, took 20 s before the first sample */
    EBIM__DRAWS = 50    /* draws of each */
};

/* Where chains start: points of M with weights, sum 1, in proportion to e^-E, from as many rounds
 * as it takes until they are worth B equally weighted ones. The points are of known density where
 * lines measure M; else, where E is a kernel estimate, of nearly known density, or noise thrown
 * onto M. */
typedef struct ebim__pool {
    const ebim_model *m;
    const ebim_graph *E;            /* NULL: uniform */
    ebim_lines *lines;              /* NULL: */
    ebim_charts *charts;            /* NULL, or M is not covered: */
    ebim_projector *onto;
    ebim__anchors anchor;           /* centres of E; count 0: noise */
    unsigned char *ok;              /* [each] */
    ebim_ws w;                      /* of E */
    ebim_real *x, *weight, *energy; /* [ROUNDS * each][n], [ROUNDS * each]; energy: over M, less
                                     * that of the law the points come from */
    ebim_real *log_density;         /* [each] of that law */
    int32_t *pick;                  /* [max(B, ADAPT)] */
    double worth;                   /* equally weighted points */
    int B, each, count;
} ebim__pool;

static ebim_result ebim__pool_init(ebim__pool *p, const ebim_model *m, int B, ebim_arena *work)
{
    const ebim_graph *E = m->has_energy ? &m->E : NULL;
    const ebim_lines_desc ld = {m->lo, m->hi, 0};
    ebim_result r = EBIM_OK;
    size_t most;
    memset(p, 0, sizeof *p);
    p->m = m;
    p->E = E;
    p->B = B;
    p->each = ebim__max_int((E && ebim__rbf_count(E) ? 1 : 3) * B, 4000);
    most = EBIM__ROUNDS * (size_t)p->each;
    p->x = EBIM__NEW(work, ebim_real, most * (size_t)m->n);
    EBIM__NEW_EACH(work, ebim_real, most, &p->weight, &p->energy);
    p->log_density = EBIM__NEW(work, ebim_real, p->each);
    p->pick = EBIM__NEW(work, int32_t, ebim__max_int(B, EBIM__ADAPT));
    if (E) r = ebim_ws_init(&p->w, work, E, 64, EBIM_WS_VALUES);
    if (!r && ebim__by_lines(&m->F)) {
        r = ebim_lines_init(&p->lines, work, &m->F, &ld);
        return r ? r : ebim__lines_near(p->lines, work, E, m->n);
    }
    if (!r && ebim__model_charted(m)) {
        r = ebim__model_charts(&p->charts, m, 1, work);
        if (!r && p->charts && !p->charts->covered) p->charts = NULL;
        if (!r && p->charts && E) {
            ebim_eval(&p->w, p->charts->count, p->charts->center, p->charts->energy);
            ebim__charts_weigh(p->charts, p->charts->energy);
        }
    }
    if (E && ebim__one_rbf(E)) ebim__anchors_of(&p->anchor, work, E, m->n, m->m);
    if (p->anchor.count && ebim__on_k(m->info.on, m->n) &&
        ebim__anchors_narrow(&p->anchor, ebim__on_log_volume(m->info.on, m->n), p->x))
        p->charts = NULL;
    p->ok = EBIM__NEW(work, unsigned char, p->each);
    return r ? r : ebim__box_projector(&p->onto, work, &m->F, EBIM_PROJECT_ONTO, m->lo, m->hi);
}

/* Points of kernels, thrown onto M: their density there is that of the kernels, but for curvature
 * and where M comes back to a kernel. */
static int ebim__pool_kernels(ebim__pool *p, ebim_real *x, uint64_t seed)
{
    const ebim__anchors *anchor = &p->anchor;
    const ebim_model *m = p->m;
    size_t n = (size_t)m->n, count = (size_t)p->each, b, have = 0;
    ebim_rng r;
    ebim_rng_init(&r, seed, 0);
    for (b = 0; b < count; b++) ebim__anchors_draw(anchor, &r, x + b * n);
    ebim_projector_run(p->onto, p->each, x, x, NULL, p->ok);
    for (b = 0; b < count; b++) {
        double density;
        if (!p->ok[b] || !ebim__inside(x + b * n, 1, 0, m->n, m->lo, m->hi)) continue;
        memmove(x + have * n, x + b * n, n * sizeof *x);
        density = ebim__near_density(anchor, x + have * n, NULL, 0);
        p->log_density[have++] = EBIM__R(log(density + DBL_MIN));
    }
    return (int)have;
}

/* At most p->each points -> x, logs of their densities; returns how many. */
static int ebim__pool_draw(ebim__pool *p, ebim_real *x, uint64_t seed)
{
    int have;
    if (p->charts) return ebim_charts_run(p->charts, p->each, x, p->log_density, seed, 0);
    if (p->anchor.count) return ebim__pool_kernels(p, x, seed);
    if (!p->lines) {
        memset(p->log_density, 0, (size_t)p->each * sizeof *x);
        if (ebim__on_k(p->m->info.on, p->m->n)) {
            ebim__on_uniform(p->m->info.on, p->m->n, p->each, x, seed, 0);
            return p->each;
        }
        return ebim_projector_noise(p->onto, p->each, x, p->m->lo, p->m->hi, seed, 0);
    }
    have = ebim_lines_uniform(p->lines, p->each, x, seed);
    if (have) ebim__lines_density(p->lines, have, x, p->log_density);
    return have;
}

static ebim_result ebim__pool_fill(ebim__pool *p, uint64_t seed)
{
    int round, i, finite = 0;
    for (round = 0; round < EBIM__ROUNDS; round++) {
        ebim_real *x = p->x + (size_t)p->count * (size_t)p->m->n, *e = p->energy + p->count;
        int have = ebim__pool_draw(p, x, ebim__subseed(seed, (uint64_t)round));
        double square;
        if (p->E && have) ebim_eval(&p->w, have, x, e);
        for (i = 0; i < have; i++) e[i] += p->log_density[i];
        p->count += have;
        if (!p->count) return EBIM_ERR_SOLVE;
        memcpy(p->weight, p->energy, (size_t)p->count * sizeof *p->weight);
        ebim__softmin(p->count, p->weight, &finite);
        square = ebim__dot64(p->count, p->weight, p->weight);
        p->worth = square > 0 ? 1 / square : 0;
        if (!p->E || !have || (finite && square * p->B <= 1)) break;
    }
    return finite ? EBIM_OK : EBIM_ERR_FINITE;
}

/* count of the points, by their weights */
static void ebim__pool_pick(const ebim__pool *p, int count, ebim_real *x, ebim_rng *rng)
{
    ebim__resample(p->count, p->weight, count, p->pick, rng);
    ebim__take_rows(count, p->m->n, p->x, p->pick, x);
}

typedef struct ebim__sampling {
    const ebim_model *m;
    ebim__pool pool;
    ebim_clmc **c;            /* [workers] */
    ebim_leaps **leap;        /* [workers] these, or */
    ebim_charts **chart;      /* [workers] those, or neither: NULL */
    ebim_ws *e;               /* [workers] of E, for charts */
    ebim_real *x;             /* [B][n] */
    ebim_real *warm;          /* [ADAPT][n] chains that are no samples */
    double *trace;            /* [TRACED][DRAWS] */
    int B, steps, workers;
    int crowded;              /* among many equations a move takes long */
    uint64_t seed;
} ebim__sampling;

/* A sampler for each worker */
static ebim_result ebim__sample_init(ebim__sampling *s, const ebim_model *m, int B,
                                     ebim_arena *work)
{
    const ebim_lines_desc ld = {m->lo, m->hi, 0};
    ebim_clmc_desc cd;
    ebim_clmc *c;
    ebim_leaps *leap = NULL;
    ebim_charts *own = NULL;
    ebim_result r = ebim__pool_init(&s->pool, m, B, work);
    ebim_ws e;
    int w, by_lines = ebim__by_lines(&m->F), by_charts = ebim__model_charted(m);
    memset(&cd, 0, sizeof cd);
    cd.lo = m->lo;
    cd.hi = m->hi;
    cd.eps = 0.1 * m->unit; /* to begin with */
    cd.adjust = EBIM_ADJUST_EXACT;
    cd.constraint.length = ebim__box_length(m->n, m->lo, m->hi);
    s->m = m;
    s->B = B;
    s->crowded = m->k > EBIM__JUDGE_CROWDED;
    s->workers = ebim__model_workers(m, B);
    s->warm = EBIM__NEW(work, ebim_real, EBIM__ADAPT * (size_t)m->n);
    s->trace = EBIM__NEW(work, double, EBIM__TRACED * EBIM__DRAWS);
    s->c = EBIM__NEW(work, ebim_clmc *, s->workers);
    s->leap = EBIM__NEW(work, ebim_leaps *, s->workers);
    s->chart = EBIM__NEW(work, ebim_charts *, s->workers);
    s->e = EBIM__NEW(work, ebim_ws, s->workers);
    for (w = 0; w < s->workers && !r; w++) {
        r = ebim_clmc_init(&c, work, &m->F, s->pool.E, &cd);
        if (!r && by_lines) r = ebim_leaps_init(&leap, work, &m->F, s->pool.E, &ld);
        if (!r && by_charts) r = ebim__model_charts(&own, m, 0, work);
        if (!r && by_charts && s->pool.E)
            r = ebim_ws_init(&e, work, s->pool.E, 64, EBIM_WS_VALUES);
        if (r || !ebim__ready(work)) continue;
        s->c[w] = c;
        s->leap[w] = leap;
        if (!s->pool.charts) continue;
        s->chart[w] = own;
        ebim__charts_share(own, s->pool.charts);
        if (s->pool.E) s->e[w] = e;
    }
    return r;
}

/* A move that may lead to other parts of M */
static void ebim__sample_leap(const ebim__sampling *s, int w, int count, ebim_real *x,
                              uint64_t seed, uint64_t stream)
{
    if (s->leap[w]) ebim_leaps_run(s->leap[w], count, x, seed, stream);
    else if (s->chart[w])
        ebim__charts_leap(s->chart[w], s->pool.E ? &s->e[w] : NULL, count, x, seed, stream);
    else ebim_clmc_far(s->c[w], count, x, s->m->unit, seed, stream);
}

static void ebim__sample_task(void *arg, int w)
{
    const ebim__sampling *s = (const ebim__sampling *)arg;
    int at, count = ebim__share(s->B, s->workers, w, &at), round, steps;
    ebim_real *x = s->x + (size_t)at * (size_t)s->m->n;
    for (round = 0; round < EBIM__LEGS; round++) {
        steps = s->steps * (round + 1) / EBIM__LEGS - s->steps * round / EBIM__LEGS;
        ebim_clmc_run(s->c[w], count, x, steps, ebim__subseed(s->seed, (uint64_t)round),
                      (uint64_t)at);
        if (round + 1 == EBIM__LEGS) break;
        ebim__sample_leap(s, w, count, x, ebim__subseed(s->seed, EBIM__SEED_PICK),
                          (uint64_t)at + (uint64_t)round * (uint64_t)s->B);
    }
}

/* The eps of all workers, found by the warm chains */
static void ebim__sample_adapt(ebim__sampling *s, uint64_t seed)
{
    int chains = s->crowded ? EBIM__FEW : EBIM__ADAPT;
    double eps = ebim_clmc_adapt(s->c[0], chains, s->warm, 60, 0.8, seed, 0);
    int w;
    for (w = 0; w < s->workers; w++) s->c[w]->d.eps = eps;
    ebim__clmc_reset(s->c[0]);
}

/* How fast chains forget -> out: by energies along some of the warm ones, in legs as long as the
 * longest of samples, or by first coordinates where E is uniform */
static void ebim__sample_diagnose(ebim__sampling *s, uint64_t seed, ebim_clmc_report *out)
{
    ebim_real *x = s->warm, *e = s->pool.log_density;
    int step, c, uniform = 1, chains = s->crowded ? EBIM__FEW : EBIM__TRACED;
    int leg = (s->steps + EBIM__LEGS - 1) / EBIM__LEGS;
    for (step = 0; step < EBIM__DRAWS; step++) {
        uint64_t now = ebim__subseed(seed, (uint64_t)step);
        ebim_clmc_run(s->c[0], chains, x, leg, now, 0);
        ebim__sample_leap(s, 0, chains, x, now, EBIM__TRACED);
        if (s->pool.E) ebim_eval(&s->pool.w, chains, x, e);
        for (c = 1; c < chains && !step && s->pool.E; c++)
            uniform &= !(e[c] < e[0] || e[c] > e[0]);
        for (c = 0; c < chains; c++)
            s->trace[c * EBIM__DRAWS + step] = (double)(uniform ? x[c * s->m->n] : e[c]);
    }
    out->starts = fmin(s->pool.worth, s->B);
    out->draws = chains * EBIM__DRAWS;
    out->ess = ebim_ess(chains, EBIM__DRAWS, s->trace);
    out->rhat = ebim_rhat(chains, EBIM__DRAWS, s->trace);
    ebim__clmc_reset(s->c[0]);
}

static void ebim__clmc_report_add(ebim_clmc_report *sum, const ebim_clmc_report *r)
{
    sum->steps += r->steps;
    sum->moved += r->moved;
    sum->rejected += r->rejected;
    sum->astray += r->astray;
    sum->accept += r->accept;
    sum->unsolved += r->unsolved;
    sum->outside += r->outside;
    sum->singular += r->singular;
    sum->off += r->off;
    sum->iterations += r->iterations;
    sum->residual = fmax(sum->residual, r->residual);
}

/* ---- projection chains ---- */

enum {
    EBIM__WAYS_LANES = 64,
    EBIM__WAYS_STEPS = 48,  /* by which the distance falls to 2 % */
    EBIM__WAYS_LAST = 3,    /* and so many without noise */
    EBIM__WAYS_TRIES = 8    /* chains for each sample, at most: some end off M */
};

/* Noise at first, in units: as much as fields are trained with. Images of 8 x 8 digits, whose
 * nearest others are 16.3 away in the median: from 0.5 chains end 18.5 from where they began and
 * 15.9 from the nearest datum; 14.5 from 0.25, 18.6 from 1. */
static const double ebim__ways_noise = 0.5;

static int ebim__model_ways(const ebim_model *m)
{
    return m->F.field.gate && !ebim__finite64(m->judged.volume) &&
           (!m->has_energy || m->k > EBIM__JUDGE_CROWDED);
}

EBIM_API int ebim_model_by_projection(const ebim_model *m)
{
    return m->starts > 0 && ebim__model_ways(m);
}

/* B ends of projection chains, on M -> x */
static ebim_result ebim__ways_sample(const ebim_model *m, ebim_arena *work, int B, ebim_real *x,
                                     int steps, uint64_t seed)
{
    enum { L = EBIM__WAYS_LANES };
    int n = m->n, have = 0, round, step, l, i, all = ebim__or_int(steps, EBIM__WAYS_STEPS);
    int rounds = EBIM__WAYS_TRIES * ((B - 1) / L + 1);
    ebim_real *noise = EBIM__NEW(work, ebim_real, L * (size_t)n), *q, off;
    ebim_real *y = EBIM__NEW(work, ebim_real, L * (size_t)n);
    uint32_t streams[4 * L];
    unsigned char ok[L];
    ebim_rng pick;
    ebim_projector *onto;
    ebim_ws w;
    ebim_result failed = ebim_ws_init(&w, work, &m->F, L, EBIM_WS_VALUES);
    if (!failed)
        failed = ebim__box_projector(&onto, work, &m->F, EBIM_PROJECT_ONTO, m->lo, m->hi);
    if (failed || !ebim__ready(work)) return failed ? failed : work->failed;
    q = ebim_ws_x(&w);
    off = EBIM__R(ebim__ways_noise * m->unit / sqrt(n));
    ebim_rng_init(&pick, seed, UINT64_C(0x57A127));
    for (round = 0; have < B && round < rounds && !ebim__stopped(w.watch); round++) {
        ebim__seed_lanes(streams, L, L, L, seed, (uint64_t)round * L);
        w.kernels->normals(streams, n, noise, L, L);
        for (l = 0; l < L; l++) {
            int from = (int)ebim_rng_below(&pick, (uint32_t)m->starts);
            const ebim_real *start = ebim__nth(m->start, from, n);
            for (i = 0; i < n; i++) q[i * L + l] = start[i] + off * noise[i * L + l];
        }
        for (step = 0; step < all + EBIM__WAYS_LAST; step++) {
            ebim_forward(&w, L, 0);
            w.kernels->normals(streams, n, noise, L, L);
            ebim__way_all(n, L, L, q, ebim_ws_y(&w), noise, step >= all);
        }
        ebim__from_lanes(q, L, L, n, y);
        ebim_projector_run(onto, L, y, y, NULL, ok);
        for (l = 0; l < L && have < B; l++)
            if (ok[l] && ebim__inside(y + l * n, 1, 0, n, m->lo, m->hi))
                memcpy(x + (size_t)have++ * (size_t)n, y + l * n, (size_t)n * sizeof *x);
    }
    ebim__from_model(m, have, x);
    return have < B ? EBIM_ERR_SOLVE : EBIM_OK;
}

/* Steps of a chain, if they are not given. Among many equations each takes long: where points have
 * nearly the law wanted, and leap twice by charts, one will do. */
static int ebim__sample_steps(const ebim__sampling *s, int given)
{
    if (given) return given;
    if (s->pool.worth <= 0.5 * s->pool.count || !(s->leap[0] || s->chart[0])) return 30;
    return s->chart[0] && s->crowded ? 1 : 9;
}

EBIM_API ebim_result ebim_model_sample(const ebim_model *m, ebim_arena *work, int B, ebim_real *x,
                                       int steps, uint64_t seed, ebim_clmc_report *report)
{
    ebim__sampling s;
    ebim_rng rng;
    ebim_result r;
    int w;
    if (B < 1 || B > INT_MAX / 16) return EBIM_ERR_ARG;
    if (ebim_model_by_projection(m)) {
        if (report) memset(report, 0, sizeof *report);
        if (report) report->starts = m->starts;
        return ebim__ways_sample(m, work, B, x, steps, ebim__subseed(seed, EBIM__SEED_CHAINS));
    }
    r = ebim__sample_init(&s, m, B, work);
    if (r || !ebim__ready(work)) return r;
    s.x = x;
    s.seed = ebim__subseed(seed, EBIM__SEED_CHAINS);
    r = ebim__pool_fill(&s.pool, ebim__subseed(seed, EBIM__SEED_POINTS));
    if (r) return r;
    s.steps = ebim__sample_steps(&s, steps);
    ebim_rng_init(&rng, ebim__subseed(seed, EBIM__SEED_PICK), 0);
    ebim__pool_pick(&s.pool, EBIM__ADAPT, s.warm, &rng);
    ebim__sample_adapt(&s, ebim__subseed(seed, EBIM__SEED_ADAPT));
    if (report) {
        memset(report, 0, sizeof *report);
        ebim__sample_diagnose(&s, ebim__subseed(seed, EBIM__SEED_PILOT), report);
    }
    ebim__pool_pick(&s.pool, B, x, &rng);
    ebim__in_parallel(&m->parallel, s.workers, ebim__sample_task, &s);
    ebim__from_model(m, B, x);
    for (w = 0; w < s.workers && report; w++) {
        ebim_clmc_report made = ebim_clmc_stats(s.c[w]);
        ebim__clmc_report_add(report, &made);
    }
    return EBIM_OK;
}

/* ---- E at points of the user's, and scores ---- */

/* Behind a linear map volumes are others, and E with them (ebim__stretch). Where E is a kernel
 * estimate, a point that is one of its centres is judged by the others: the point was trained on,
 * and its own kernel would make it likelier than any new point can be. */
typedef struct ebim__energies {
    const ebim_model *m;
    ebim_ws E, F;             /* F: behind a map only */
    ebim__stretch map;
    int lanes;
    ebim_real *w, *J;         /* [lanes][n], [lanes][outputs][n] rows of a block behind the map */
    int rbf, flat;            /* nodes of E; 0: it is no estimate */
    double widest, masses;    /* of the kernels: width; sum of weight width^m */
    int32_t *order;           /* [centres] by their first coordinate */
    double *first;            /* [centres] which that is */
} ebim__energies;

enum { EBIM__LANES = 64 };
#define EBIM__SAME 1e-3 /* a point this near to a centre, in its width, is the centre */

/* The node RBF of an estimate -log(flat + RBF), which axes have on their products, and the one with
 * its flat part; 0: E is none */
static int ebim__estimate_of(const ebim_graph *E, int *flat)
{
    const ebim__node *rbf = ebim__find_rbf(E, NULL);
    int i, at = rbf ? (int)(rbf - E->node) : 0;
    if (!at || !ebim__one_rbf(E)) return 0;
    for (i = at + 1; i < E->n_nodes; i++)
        if (E->node[i].op == EBIM__OP_ADD && E->node[i].a == at &&
            E->node[E->node[i].b].op == EBIM__OP_CONST) {
            *flat = E->node[i].b;
            return at;
        }
    return 0;
}

static ebim_result ebim__energies_init(ebim__energies *s, ebim_arena *a, const ebim_model *m,
                                       int lanes)
{
    size_t n = (size_t)m->n;
    const ebim_real *t;
    ebim_result r;
    int i, count, size;
    s->lanes = ebim__min_int(EBIM__LANES, lanes);
    s->m = m;
    s->rbf = ebim__estimate_of(&m->E, &s->flat);
    size = s->rbf ? m->E.node[m->E.node[s->rbf].a].size : 0;
    /* an estimate's values inside are looked at */
    r = !m->has_energy ? EBIM_OK : ebim__ws_for(&s->E, a, &m->E, s->lanes, 0,
                                                s->rbf ? EBIM__FOR_JVP | EBIM__FOR_VJP : 0);
    count = s->rbf ? m->E.node[s->rbf].i0 : 0;
    s->w = EBIM__NEW(a, ebim_real, (size_t)s->lanes * n);
    s->order = EBIM__NEW(a, int32_t, count);
    s->first = EBIM__NEW(a, double, count);
    ebim__stretch_init(&s->map, a, m->linear, &m->F);
    s->J = EBIM__NEW(a, ebim_real, m->linear ? ebim__times((size_t)s->lanes * n,
                                                           (size_t)s->map.outputs) : 1);
    if (!r && m->linear) r = ebim__ws_for(&s->F, a, &m->F, s->lanes, 0, EBIM__FOR_VJP);
    if (r || !ebim__ready(a)) return r ? r : a->failed;
    t = m->E.theta + m->E.node[s->rbf].theta;
    s->widest = s->masses = 0;
    for (i = 0; i < count; i++, t += size + 2) {
        double h = sqrt(0.5 / (double)t[size]);
        s->first[i] = (double)t[0];
        s->order[i] = (int32_t)i;
        s->widest = fmax(s->widest, h);
        s->masses += (double)t[size + 1] * pow(h, m->m);
    }
    ebim__sort(s->order, count, ebim__compare_values, s->first);
    return EBIM_OK;
}

/* The centre that a point x is, in the coordinates of the centres; -1: none */
static int ebim__energies_centre(const ebim__energies *s, const double *x)
{
    const ebim__node *rbf = &s->m->E.node[s->rbf];
    int n = s->m->E.node[rbf->a].size, lo = 0, hi = rbf->i0, c;
    double reach = EBIM__SAME * s->widest;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (s->first[s->order[mid]] < x[0] - reach) lo = mid + 1;
        else hi = mid;
    }
    for (; lo < rbf->i0 && s->first[s->order[lo]] <= x[0] + reach; lo++) {
        const ebim_real *t = s->m->E.theta + rbf->theta + s->order[lo] * (n + 2);
        double d2 = 0;
        for (c = 0; c < n; c++) d2 += ((double)t[c] - x[c]) * ((double)t[c] - x[c]);
        if (2 * d2 * (double)t[n] < EBIM__SAME * EBIM__SAME) return s->order[lo];
    }
    return -1;
}

/* What E of lane l gains without the kernel of the point itself, x: [n], or, where M is known, that
 * which E was evaluated at: there centres are on M */
static double ebim__energies_without(const ebim__energies *s, int l, const ebim_real *x)
{
    const ebim_graph *E = &s->m->E;
    const ebim__node *rbf = &E->node[s->rbf], *in = &E->node[rbf->a];
    const ebim_real *scale = rbf->a == 1 ? NULL : E->theta + in->theta, *t;
    double d2 = 0, own, all = (double)s->E.slot[s->rbf].v[l], share;
    double flat = (double)E->theta[E->node[s->flat].theta], at[EBIM__LANES];
    int c, n = E->node[rbf->a].size, j;
    if (n > EBIM__LANES) return 0;
    for (c = 0; c < n; c++)
        at[c] = s->m->info.on ? (double)s->E.slot[rbf->a].v[c * s->E.stride + l]
              : scale ? ((double)x[c] - (double)scale[n + c]) * (double)scale[c] : (double)x[c];
    j = ebim__energies_centre(s, at);
    if (j < 0) return 0;
    t = E->theta + rbf->theta + j * (n + 2);
    for (c = 0; c < n; c++) {
        double v = (double)s->E.slot[rbf->a].v[c * s->E.stride + l] - (double)t[c];
        d2 += v * v;
    }
    own = (double)t[n + 1] * exp(-(double)t[n] * d2);
    share = (double)t[n + 1] * pow(sqrt(0.5 / (double)t[n]), s->m->m) / s->masses;
    if (!(share < 1)) return 0;
    return log(flat + all) - log(flat + fmax(all - own, 0) / (1 - share));
}

/* What E at rows w behind the map, of a block, has to lose for volumes in front of it -> loss */
static void ebim__energies_map(ebim__energies *s, int count, const ebim_real *w, double *loss)
{
    int l, size = s->map.outputs * s->map.n;
    for (l = 0; l < count; l++) loss[l] = 0;
    if (!s->m->linear) return;
    ebim_eval_jacobian(&s->F, count, w, s->J);
    for (l = 0; l < count; l++) loss[l] = ebim__stretch_at(&s->map, s->J + l * size) - s->map.level;
}

/* E at points y: [B][n] -> e; x: [B][n] that they are nearest to, or NULL */
static void ebim__energies_at(ebim__energies *s, int B, const ebim_real *y, const ebim_real *x,
                              ebim_real *e)
{
    int n = s->m->n, at, count, l;
    double loss[EBIM__LANES];
    for (at = 0; at < B && !ebim__stopped(s->E.watch); at += count, e += count) {
        count = ebim__min_int(s->lanes, B - at);
        ebim__to_model(s->m, count, ebim__nth(y, at, n), s->w);
        ebim_eval(&s->E, count, s->w, e);
        ebim__energies_map(s, count, s->w, loss);
        if (s->rbf && x) ebim__to_model(s->m, count, ebim__nth(x, at, n), s->w);
        for (l = 0; l < count; l++) {
            double v = (double)e[l] - loss[l];
            if (s->rbf && x) v += ebim__energies_without(s, l, ebim__nth(s->w, l, n));
            e[l] = EBIM__R(v);
        }
    }
}

/* F as a function in front of the map, for nearest points there */
static ebim_ref ebim__record_mapped(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim_model *m = (const ebim_model *)user;
    return ebim_inline(g, &m->F, ebim_matrix(g, x, m->n, m->linear), 1);
}

EBIM_API void ebim_model_box(const ebim_model *m, double *lo, double *hi)
{
    int i, j, n = m->n;
    for (i = 0; i < n; i++) {
        double middle = 0, half = 0;
        for (j = 0; j < n; j++) {
            double inverse = m->linear ? m->inverse[i * n + j] : i == j ? 1 : 0;
            middle += inverse * 0.5 * (m->lo[j] + m->hi[j]);
            half += fabs(inverse) * 0.5 * (m->hi[j] - m->lo[j]);
        }
        lo[i] = m->linear ? middle - half : m->lo[i];
        hi[i] = m->linear ? middle + half : m->hi[i];
    }
}

/* ---- nearest points and scores ---- */

struct ebim_scorer {
    const ebim_model *m;
    ebim_watch *watch;
    int lanes;
    ebim_projector *p, *q;    /* nearest points; behind a map: there, and in front */
    ebim_graph *mapped;       /* F in front of the map */
    ebim__energies e;         /* where they are wanted */
    double *length, *high;    /* [n] largest coordinates in the box round D; scratch */
    ebim_real *y, *w;         /* [lanes][n] nearest points, behind the map */
    unsigned char *ok, *behind; /* [lanes] whether they were found */
};

static ebim_result ebim__scorer_init(ebim_scorer **out, ebim_arena *a, const ebim_model *m,
                                     int lanes, int energy)
{
    ebim_scorer *s = EBIM__NEW(a, ebim_scorer, 1), local, *p = ebim__ready(a) ? s : &local;
    size_t rows = (size_t)lanes * (size_t)m->n;
    ebim_project_desc d;
    ebim_graph measured;
    ebim_result r;
    int i;
    *out = NULL;
    memset(p, 0, sizeof *p);
    memset(&d, 0, sizeof d);
    p->m = m;
    p->watch = a->watch;
    p->lanes = d.constraint.lanes = lanes;
    p->y = EBIM__NEW(a, ebim_real, rows);
    p->ok = EBIM__NEW(a, unsigned char, lanes);
    d.constraint.length = ebim__box_length(m->n, m->lo, m->hi);
    r = ebim_projector_init(&p->p, a, &m->F, &d);
    if (!r && energy) r = ebim__energies_init(&p->e, a, m, lanes);
    if (!r && energy) ebim__turn_init(&p->e.E, a);
    if (!r && m->linear) {
        p->w = EBIM__NEW(a, ebim_real, rows);
        p->behind = EBIM__NEW(a, unsigned char, lanes);
        EBIM__NEW_EACH(a, double, m->n, &p->length, &p->high);
        if (ebim__ready(a)) ebim_model_box(m, p->length, p->high);
        for (i = 0; i < m->n && ebim__ready(a); i++)
            p->length[i] = fmax(fabs(p->length[i]), fabs(p->high[i]));
        d.constraint.length = 0;
        d.constraint.lengths = p->length;
        p->mapped = EBIM__NEW(a, ebim_graph, 1);
        if (!ebim__ready(a)) p->mapped = &measured;
        r = ebim_record(p->mapped, a, m->n, ebim__record_mapped, (void *)(uintptr_t)m);
        p->mapped->field = m->F.field;
        if (!r) r = ebim_projector_init(&p->q, a, p->mapped, &d);
    }
    if (r || !ebim__ready(a)) return r ? r : a->failed;
    ebim__frame_turn(&p->p->f);
    if (m->linear) {
        ebim__frame_turn(&p->q->f);
        p->q->f.linear = m->linear;
        p->q->f.inverse = m->inverse;
    }
    if (energy) ebim__turn(&p->e.E);
    *out = s;
    return EBIM_OK;
}

EBIM_API ebim_result ebim_scorer_init(ebim_scorer **s, ebim_arena *a, const ebim_model *m,
                                      int lanes)
{
    *s = NULL;
    if (lanes < 0) return EBIM_ERR_ARG;
    return ebim__scorer_init(s, a, m, ebim__or_int(lanes, 1), m->has_energy);
}

static int ebim__model_inside(const ebim_model *m, const ebim_real *x)
{
    ebim_real w[EBIM__MAPPED_MOST];
    if (m->linear) ebim__to_model(m, 1, x, w);
    return ebim__inside(m->linear ? w : x, 1, 0, m->n, m->lo, m->hi);
}

/* The nearer one of two points of M: the nearest in front of the map, which is hard to find where M
 * bends, and the nearest behind the map, which is found but is not the nearest in front. */
static void ebim__score_mapped(ebim_scorer *s, int count, const ebim_real *x, ebim_real *y,
                               ebim_real *distance, unsigned char *ok)
{
    const ebim_model *m = s->m;
    size_t n = (size_t)m->n;
    ebim_real *z = s->w;
    int b;
    ebim__to_model(m, count, x, z);
    ebim_projector_run(s->p, count, z, z, NULL, s->behind);
    ebim__from_model(m, count, z);
    ebim_projector_run(s->q, count, x, y, NULL, ok);
    if (ebim__stopped(s->watch)) return;
    for (b = 0; b < count; b++, x += n, y += n, z += n) {
        double front = ebim__square_distance(m->n, x, y), back = ebim__square_distance(m->n, x, z);
        int other = s->behind[b] && ebim__model_inside(m, z);
        ok[b] = (unsigned char)(ok[b] && ebim__model_inside(m, y));
        if (other && (!ok[b] || back < front)) {
            memcpy(y, z, n * sizeof *y);
            front = back;
            ok[b] = 1;
        }
        if (distance) distance[b] = EBIM__R(sqrt(front));
    }
}

typedef struct ebim__scoring { /* what is wanted of B points; each of the four may be NULL */
    const ebim_real *x;
    ebim_real *nearest, *distance, *energy;
    unsigned char *ok;
    ebim_scorer **scorer;     /* [workers] */
    int B, workers;
} ebim__scoring;

/* What is known of M beyond F, on points that F has brought there: rows that are rounded go where a
 * fit has them go, a share that is hardly below 0 to 0, and a reflection is no rotation. */
static void ebim__score_known(const ebim_model *m, int count, const ebim_real *x, ebim_real *y,
                              ebim_real *distance, unsigned char *ok)
{
    int on = m->info.on, n = m->n, b, same = x == y;
    double most = ebim__on_tolerance * ebim__on_size(on, n);
    for (b = 0; b < count; b++, x += n, y += n) {
        double away = ebim__on_nearest(on, n, x, NULL);
        if (away <= most) {
            ebim__on_nearest(on, n, x, y);
            if (distance && !same) distance[b] = EBIM__R(away);
            ok[b] = 1;
        } else if (!(ebim__on_nearest(on, n, y, NULL) <= most)) {
            ok[b] = 0;
        }
    }
}

static void ebim__scorer_points(ebim_scorer *s, const ebim__scoring *q, int at, int B)
{
    const ebim_model *m = s->m;
    size_t n = (size_t)m->n;
    int count, b, done, end = at + B;
    for (; at < end; at += count) {
        const ebim_real *x = ebim__nth(q->x, at, m->n);
        ebim_real *y = q->nearest ? q->nearest + (size_t)at * n : s->y;
        ebim_real *d = q->distance ? q->distance + at : NULL;
        ebim_real *e = q->energy ? q->energy + at : NULL;
        unsigned char *found = q->ok ? q->ok + at : s->ok;
        count = ebim__min_int(s->lanes, end - at);
        if (m->linear) ebim__score_mapped(s, count, x, y, d, found);
        else ebim_projector_run(s->p, count, x, y, d, found);
        if (ebim__on_k(m->info.on, m->n)) ebim__score_known(m, count, x, y, d, found);
        if (e) ebim__energies_at(&s->e, count, y, x, e);
        done = !ebim__stopped(s->watch); /* else none of these was written, or not to its end */
        for (b = 0; b < count; b++, y += n) {
            /* F goes on beyond D */
            if (done && found[b] && (m->linear || ebim__model_inside(m, y))) continue;
            found[b] = 0;
            ebim__no_number(n, y);
            if (d) ebim__no_number(1, d + b);
            if (e) ebim__no_number(1, e + b);
        }
    }
}

static void ebim__score_task(void *arg, int w)
{
    const ebim__scoring *q = (const ebim__scoring *)arg;
    int at, count = ebim__share(q->B, q->workers, w, &at);
    ebim__scorer_points(q->scorer[w], q, at, count);
}

EBIM_API ebim_result ebim_scorer_run(ebim_scorer *s, int B, const ebim_real *x, ebim_real *nearest,
                                     ebim_real *distance, ebim_real *energy, unsigned char *ok)
{
    ebim__scoring q = {x, nearest, distance, energy, ok, NULL, B, 1};
    if (B < 1 || (energy && !s->m->has_energy)) return EBIM_ERR_ARG;
    if (!ebim__all_finite((size_t)B * (size_t)s->m->n, x)) return EBIM_ERR_FINITE;
    ebim__scorer_points(s, &q, 0, B);
    return EBIM_OK;
}

EBIM_API ebim_result ebim_model_score(const ebim_model *m, ebim_arena *work, int B,
                                      const ebim_real *x, ebim_real *nearest, ebim_real *distance,
                                      ebim_real *energy, unsigned char *ok)
{
    ebim__scoring q = {x, nearest, distance, energy, ok, NULL, B, 1};
    ebim_scorer *scorer;
    ebim_result r = EBIM_OK;
    int w;
    if (B < 1 || (energy && !m->has_energy)) return EBIM_ERR_ARG;
    q.workers = ebim__model_workers(m, B);
    q.scorer = EBIM__NEW(work, ebim_scorer *, q.workers);
    for (w = 0; w < q.workers && !r; w++) {
        r = ebim__scorer_init(&scorer, work, m, ebim__min_int(B, EBIM__SHARE), energy != NULL);
        if (ebim__ready(work)) q.scorer[w] = scorer;
    }
    if (r || !ebim__ready(work)) return r;
    if (!ebim__all_finite((size_t)B * (size_t)m->n, x)) return EBIM_ERR_FINITE;
    ebim__in_parallel(&m->parallel, q.workers, ebim__score_task, &q);
    return EBIM_OK;
}

EBIM_API ebim_result ebim_model_log_density(const ebim_model *m, ebim_arena *work, int B,
                                            const ebim_real *x, ebim_real *log_density,
                                            ebim_real *se)
{
    ebim_result r;
    int b;
    if (!m->has_energy || !(m->z.points > 0)) return EBIM_ERR_ARG;
    r = ebim_model_score(m, work, B, x, NULL, NULL, log_density, NULL);
    for (b = 0; b < B && !r && ebim__ready(work); b++) {
        int found = ebim__finite(log_density[b]);
        if (found) log_density[b] = EBIM__R(-(double)log_density[b] - m->z.log_z);
        if (se) se[b] = found ? EBIM__R(m->z.se) : log_density[b];
    }
    return r;
}

/* Values y: [B][k] of a map and its Jacobian J: [B][k][n] by one linearisation of each block;
 * either may be NULL. */
static void ebim__values_jacobian(ebim_ws *w, int B, const ebim_real *x, ebim_real *y,
                                  ebim_real *J)
{
    size_t kn = (size_t)w->k * (size_t)w->n;
    int at, count;
    for (at = 0; at < B; at += count) {
        const ebim_real *block = ebim__nth(x, at, w->n);
        count = ebim__min_int(w->stride, B - at);
        if (J) ebim_eval_jacobian(w, count, block, J + (size_t)at * kn); /* leaves F(x) in w */
        else ebim__load(w, count, 0, block, 0);
        if (!y) continue;
        ebim__from_lanes(ebim_ws_y(w), w->stride, count, w->k, y + (size_t)at * (size_t)w->k);
    }
}

/* Takes the gradient of the stretch at w off grad, by differences of it over a thousandth of the
 * model's unit behind the map. */
static void ebim__stretch_gradient(ebim__energies *s, const ebim_real *w, ebim_real *grad)
{
    const ebim_model *m = s->m;
    int i, c, n = m->n;
    for (i = 0; i < n; i++) {
        double size = 0, loss[2], step;
        for (c = 0; c < n; c++) size += m->linear[c * n + i] * m->linear[c * n + i];
        step = 1e-3 * m->unit / sqrt(size);
        for (c = 0; c < n; c++) {
            s->w[c] = EBIM__R((double)w[c] + step * m->linear[c * n + i]);
            s->w[n + c] = EBIM__R((double)w[c] - step * m->linear[c * n + i]);
        }
        ebim__energies_map(s, 2, s->w, loss);
        grad[i] -= EBIM__R((loss[0] - loss[1]) / (2 * step));
    }
}

EBIM_API ebim_result ebim_model_gradients(const ebim_model *m, ebim_arena *work, int B,
                                          const ebim_real *x, ebim_real *F, ebim_real *J,
                                          ebim_real *E, ebim_real *grad_E)
{
    size_t n = (size_t)m->n, k = (size_t)m->k, rows = B > 0 ? (size_t)B : 1, b;
    ebim_real *w = m->linear ? EBIM__NEW(work, ebim_real, ebim__times(rows, n)) : NULL;
    const ebim_real *at = w ? w : x; /* behind the map */
    ebim_ws wF, wE;
    ebim__frame f; /* for a field */
    ebim__energies e;
    ebim_constraint_desc cd;
    ebim_result r = EBIM_OK;
    int lanes, field = m->F.field.codim && (F || J);
    if (B < 1 || ((E || grad_E) && !m->has_energy)) return EBIM_ERR_ARG;
    memset(&e, 0, sizeof e);
    memset(&cd, 0, sizeof cd);
    cd.lanes = lanes = ebim__min_int(EBIM__LANES, B);
    if (field) r = ebim__frame_init(&f, work, &m->F, &cd);
    else if (F || J) r = ebim__ws_for(&wF, work, &m->F, lanes, 0, EBIM__FOR_VJP);
    if (!r && (E || grad_E)) r = ebim__ws_for(&wE, work, &m->E, lanes, 0, EBIM__FOR_VJP);
    if (!r && (E || grad_E) && m->linear) r = ebim__energies_init(&e, work, m, lanes);
    if (r || !ebim__ready(work)) return r;
    if (!ebim__all_finite(rows * n, x)) return EBIM_ERR_FINITE;
    if (w) ebim__to_model(m, B, x, w);
    if (field) ebim__frame_values(&f, B, at, F, J);
    else if (F || J) ebim__values_jacobian(&wF, B, at, F, J);
    if (E || grad_E) ebim__values_jacobian(&wE, B, at, E, grad_E);
    for (b = 0; b < rows && w; b++) { /* the chain rule */
        if (J) ebim__map_rows(m->n, m->linear, 1, m->k, J + b * k * n, J + b * k * n);
        if (!grad_E) continue;
        ebim__map_rows(m->n, m->linear, 1, 1, grad_E + b * n, grad_E + b * n);
        ebim__stretch_gradient(&e, w + b * n, grad_E + b * n);
    }
    if (E && w) ebim__energies_at(&e, B, x, NULL, E); /* as scores have it */
    return EBIM_OK;
}

EBIM_API ebim_result ebim_model_grad_log_density(const ebim_model *m, ebim_arena *work, int B,
                                                 const ebim_real *x, ebim_real *grad,
                                                 unsigned char *ok)
{
    size_t count = B > 0 ? (size_t)B : 1, n = (size_t)m->n, k = (size_t)m->k, b, i;
    ebim_real *y = EBIM__NEW(work, ebim_real, count * n);
    ebim_real *J = EBIM__NEW(work, ebim_real, ebim__times(count, k * n));
    double *normals = EBIM__NEW(work, double, (k + 1) * n);
    unsigned char *found = EBIM__NEW(work, unsigned char, count);
    ebim_result r;
    if (B < 1 || !m->has_energy) return EBIM_ERR_ARG;
    r = ebim_model_score(m, work, B, x, y, NULL, NULL, ok);
    if (r) return r;
    for (b = 0; b < count && ebim__ready(work); b++) {
        found[b] = (unsigned char)ebim__finite(y[b * n]);
        if (!found[b]) memcpy(y + b * n, x + b * n, n * sizeof *y); /* can be evaluated, at least */
    }
    r = ebim_model_gradients(m, work, B, y, NULL, J ? J : grad, NULL, grad); /* NULL: measuring */
    if (r || !ebim__ready(work)) return r;
    for (b = 0; b < count; b++) {
        ebim__tangent_part((int)k, (int)n, J + b * k * n, grad + b * n, normals);
        for (i = 0; i < n; i++) grad[b * n + i] = -grad[b * n + i];
        if (!found[b]) ebim__no_number(n, grad + b * n);
    }
    return EBIM_OK;
}

EBIM_API ebim_result ebim_model_distance2(const ebim_model *m, ebim_arena *work, int B,
                                          const ebim_real *x, ebim_real *d2, ebim_real *grad,
                                          unsigned char *ok)
{
    ebim_result r = ebim_model_score(m, work, B, x, grad, d2, NULL, ok);
    size_t i, count = (size_t)B;
    if (r || !ebim__ready(work)) return r;
    for (i = 0; d2 && i < count; i++) /* NaN stays as it is */
        if (ebim__finite(d2[i])) d2[i] *= d2[i];
    count *= (size_t)m->n;
    for (i = 0; grad && i < count; i++) /* it holds y */
        if (ebim__finite(grad[i])) grad[i] = 2 * (x[i] - grad[i]);
    return EBIM_OK;
}

/* ---- two models as one ---- */

typedef struct ebim__combined {
    const ebim_model *a, *b;
    ebim_combination how;
    double la, lb;            /* logs of what e^-E of each is multiplied by */
} ebim__combined;

static ebim_ref ebim__record_combined_F(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__combined *c = (const ebim__combined *)user;
    ebim_ref u = ebim_inline(g, &c->a->F, x, 0), v;
    if (c->how == EBIM_COMBINE_MIXTURE) return u;
    v = ebim_inline(g, &c->b->F, x, 0);
    return c->how == EBIM_COMBINE_UNION ? ebim_mul(g, u, v) : ebim_concat(g, u, v);
}

static ebim_ref ebim__record_combined_E(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__combined *c = (const ebim__combined *)user;
    ebim_ref u = ebim_inline(g, &c->a->E, x, 0), v = ebim_inline(g, &c->b->E, x, 0), f, h;
    if (c->how == EBIM_COMBINE_INTERSECTION) return ebim_add(g, u, v);
    if (c->how == EBIM_COMBINE_MIXTURE)
        return ebim__record_mixture(g, u, v, exp(c->la), exp(c->lb));
    f = ebim_sumsq(g, ebim_inline(g, &c->a->F, x, 0));
    h = ebim_sumsq(g, ebim_inline(g, &c->b->F, x, 0));
    return ebim_select(g, ebim_sub(g, h, f), ebim_affine(g, u, &c->la, 1),
                       ebim_affine(g, v, &c->lb, 1));
}

static ebim_result ebim__combine_refused(const ebim__combined *c)
{
    const ebim_model *a = c->a, *b = c->b;
    size_t square = (size_t)a->n * (size_t)a->n;
    int i;
    if (a->n != b->n || !a->linear != !b->linear ||
        (a->linear && memcmp(a->linear, b->linear, square * sizeof *a->linear)))
        return EBIM_ERR_SHAPE;
    if (c->how != EBIM_COMBINE_MIXTURE && (a->F.field.codim || b->F.field.codim))
        return EBIM_ERR_SHAPE; /* the bounds of a field are for one set */
    for (i = 0; i < a->n && c->how == EBIM_COMBINE_INTERSECTION; i++)
        if (!(fmax(a->lo[i], b->lo[i]) < fmin(a->hi[i], b->hi[i]))) return EBIM_ERR_SOLVE;
    switch (c->how) {
    case EBIM_COMBINE_UNION: return a->k == 1 && b->k == 1 ? EBIM_OK : EBIM_ERR_SHAPE;
    case EBIM_COMBINE_INTERSECTION: return a->k + b->k < a->n ? EBIM_OK : EBIM_ERR_SHAPE;
    case EBIM_COMBINE_MIXTURE:
        return a->k != b->k ? EBIM_ERR_SHAPE
             : a->has_energy && b->has_energy ? EBIM_OK : EBIM_ERR_ARG;
    default: return EBIM_ERR_ARG;
    }
}

/* The normaliser is in the energies now. */
static void ebim__combine_z(ebim_model *out, const ebim__combined *c)
{
    const ebim_log_z *a = &c->a->z, *b = &c->b->z;
    ebim_log_z *z = &out->z;
    double va = exp(a->log_volume), vb = c->how == EBIM_COMBINE_UNION ? exp(b->log_volume) : 0;
    if (!out->has_energy || c->how == EBIM_COMBINE_INTERSECTION) return;
    if (!(a->points > 0) || !(b->points > 0)) return;
    z->points = a->points + b->points;
    z->effective = a->effective + b->effective;
    z->se = z->mean_se = fmax(a->se, b->se);
    z->log_volume = log(va + vb);
    z->volume_se = hypot(va * a->volume_se, vb * b->volume_se) / (va + vb);
    z->log_mean = -z->log_volume;
}

/* The arrays of a model of n coordinates; those of a linear map if there is to be one */
static void ebim__model_arrays(ebim_model *m, ebim_arena *a, int linear)
{
    size_t n = (size_t)m->n, square = ebim__times(n, n);
    m->linear = linear ? EBIM__NEW(a, double, square) : NULL;
    m->inverse = linear ? EBIM__NEW(a, double, square) : NULL;
    m->lo = EBIM__NEW(a, double, n);
    m->hi = EBIM__NEW(a, double, n);
    m->hole = EBIM__NEW(a, double, n);
    m->end = EBIM__NEW(a, double, n);
    m->start = m->starts ? EBIM__NEW(a, ebim_real, ebim__times((size_t)m->starts, n)) : NULL;
}

EBIM_API ebim_result ebim_model_combine(ebim_model *out, ebim_arena *keep, ebim_combination how,
                                        const ebim_model *a, const ebim_model *b, double share)
{
    size_t n = (size_t)a->n, square = a->linear ? ebim__times(n, n) : 0, i;
    double first = ebim__or(share, 0.5);
    ebim__combined c;
    ebim_result r;
    memset(out, 0, sizeof *out);
    c.a = a;
    c.b = b;
    c.how = how;
    r = ebim__combine_refused(&c);
    if (r || !(first > 0 && first < 1)) return r ? r : EBIM_ERR_ARG;
    c.la = log(first) - (a->z.points > 0 ? a->z.log_z : 0);
    c.lb = log(1 - first) - (b->z.points > 0 ? b->z.log_z : 0);
    out->n = a->n;
    out->k = how == EBIM_COMBINE_INTERSECTION ? a->k + b->k : a->k;
    out->m = out->n - out->k;
    out->has_energy = a->has_energy && b->has_energy;
    out->unit = fmin(a->unit, b->unit);
    out->parallel = a->parallel;
    if (!strcmp(a->tag, b->tag)) memcpy(out->tag, a->tag, sizeof out->tag);
    ebim__judge_nothing(&out->judged);
    ebim__combine_z(out, &c);
    r = ebim_record(&out->F, keep, out->n, ebim__record_combined_F, &c);
    if (how == EBIM_COMBINE_MIXTURE) out->F.field = a->F.field;
    if (!r && out->has_energy)
        r = ebim_record(&out->E, keep, out->n, ebim__record_combined_E, &c);
    ebim__model_arrays(out, keep, a->linear != NULL);
    if (r || !ebim__ready(keep)) return r ? r : keep->failed;
    for (i = 0; i < square; i++) {
        out->linear[i] = a->linear[i];
        out->inverse[i] = a->inverse[i];
    }
    for (i = 0; i < n; i++) {
        const ebim_model *other = how == EBIM_COMBINE_MIXTURE ? a : b;
        double sign = how == EBIM_COMBINE_UNION ? 1 : -1; /* of the wider one, or the narrower */
        out->lo[i] = sign * fmin(sign * a->lo[i], sign * other->lo[i]);
        out->hi[i] = sign * fmax(sign * a->hi[i], sign * other->hi[i]);
        out->hole[i] = out->end[i] = ebim__nan64();
    }
    return EBIM_OK;
}

#ifndef EBIM_NO_TRAIN

/* ============================================================================================
 * >>train  what training of F and of E share: batches, gradient, optimiser, progress
 *
 * A loss fills the gradient, block by block. A sample whose output is not finite is replaced by a
 * good one and weighs nothing. Training has diverged when no sample is left, or the gradient is not
 * finite: theta goes back to the last good state.
 * ========================================================================================= */

typedef struct ebim__trainer {
    ebim_graph *g;
    ebim_ws w;
    ebim_optim optim;
    ebim_rng rng;
    ebim_real *grad, *good;   /* [n_theta + 2] gradient, and what ebim__together shares; [n_theta]
                               * last state whose loss is known to be finite */
    ebim_real *norm, *slope;  /* [stride]; slope: E's of the block */
    ebim_real *data, *other;  /* [batch][n] */
    const ebim_real *weights; /* [N] of the data; NULL: all alike */
    int32_t *index, *slot;    /* [N] order of the data; [batch] of the replay buffer */
    int32_t *pick;            /* [batch] which points are in data */
    int N, n, batch, lanes, at, in_order;
    int steps, until;         /* of the schedule; how many of them are made */
    int warmup;               /* steps in which the rate grows (0: none) */
    double rate, rate_end, clip, decay;
    ebim_train_report report;
    ebim_reduce reduce;
    uint64_t seed;
    ebim_stage stage;
    ebim_progress_fn progress;
    void *user;
} ebim__trainer;

/* What the descriptors of F and of E have in common */
#define EBIM__TRAINER(t, d, at)                                                                   \
    ((t)->steps = (t)->until = (d)->steps, (t)->batch = (d)->batch, (t)->lanes = (d)->lanes,      \
     (t)->rate = (d)->rate, (t)->rate_end = (d)->rate_end, (t)->clip = (d)->clip,                 \
     (t)->decay = (d)->decay, (t)->in_order = (d)->in_order, (t)->weights = (d)->weights,         \
     (t)->seed = (d)->seed, (t)->progress = (d)->progress, (t)->user = (d)->user,                 \
     (t)->stage = (at))

/* The rest of a trainer that EBIM__TRAINER began */
static ebim_result ebim__trainer_init(ebim__trainer *t, ebim_arena *a, ebim_graph *g, int N,
                                      int planes)
{
    int batch = t->batch, lanes, i;
    size_t n_theta = (size_t)g->n_theta, rows;
    ebim_result r;
    if (N < 1) return EBIM_ERR_POINTS;
    if (batch < 1) return EBIM_ERR_STEPS;
    t->g = g;
    t->N = N;
    t->n = ebim_inputs(g);
    rows = (size_t)batch * (size_t)t->n;
    lanes = ebim__min_int(ebim__or_int(t->lanes, 128), batch);
    r = ebim_ws_init(&t->w, a, g, lanes == 1 ? 2 : lanes, planes); /* losses may take pairs */
    if (!r) r = ebim_optim_init(&t->optim, a, g->n_theta, EBIM_OPTIM_ADAM);
    if (r) return r;
    t->optim.decay = t->decay;
    t->optim.clip = t->clip;
    t->grad = EBIM__NEW(a, ebim_real, n_theta + 2);
    t->good = EBIM__NEW(a, ebim_real, n_theta);
    t->norm = EBIM__NEW(a, ebim_real, t->w.stride);
    t->slope = EBIM__NEW(a, ebim_real, t->w.stride);
    t->data = EBIM__NEW(a, ebim_real, rows);
    t->other = EBIM__NEW(a, ebim_real, rows);
    t->index = EBIM__NEW(a, int32_t, N);
    t->slot = EBIM__NEW(a, int32_t, batch);
    t->pick = EBIM__NEW(a, int32_t, batch);
    if (!ebim__ready(a)) return a->failed;
    ebim_rng_init(&t->rng, t->seed, UINT64_C(0xEB1));
    for (i = 0; i < N; i++) t->index[i] = i;
    memcpy(t->good, g->theta, n_theta * sizeof *t->good);
    t->at = N; /* shuffle before the first batch */
    return EBIM_OK;
}

/* The next batch of data -> t->data. Every epoch is a new order of all points, or of as many that
 * are drawn by their weights. */
static void ebim__next_batch(ebim__trainer *t, const ebim_real *x)
{
    size_t n = (size_t)t->n;
    int b;
    for (b = 0; b < t->batch; b++) {
        if (t->at >= t->N) {
            t->at = 0;
            if (t->weights) ebim__resample(t->N, t->weights, t->N, t->index, &t->rng);
            if (!t->in_order) ebim_rng_shuffle(&t->rng, t->N, t->index);
        }
        t->pick[b] = t->index[t->at++];
        memcpy(t->data + (size_t)b * n, ebim__nth(x, t->pick[b], t->n), n * sizeof *x);
    }
}

/* Lanes whose output is not finite get the point of a good lane, and the block is swept again.
 * Their norm becomes -1, by which the caller knows to give them no weight. 0: no lane is good. */
static int ebim__mend(ebim__trainer *t, int count, int order)
{
    ebim_ws *w = &t->w;
    ebim_real *x = ebim_ws_x(w);
    int l, i, good = -1, bad = 0;
    for (l = 0; l < count; l++)
        if (ebim__finite(t->norm[l])) good = l;
        else bad++;
    if (good < 0 || !bad) return good >= 0;
    for (l = 0; l < count; l++) {
        if (ebim__finite(t->norm[l])) continue;
        for (i = 0; i < w->n * w->stride; i += w->stride) x[i + l] = x[i + good];
    }
    ebim_forward(w, count, order);
    for (l = 0; l < w->lanes; l++) /* padding repeats lane 0, good or bad */
        if (!ebim__finite(t->norm[l])) t->norm[l] = -1;
    t->report.bad_lanes += bad;
    return 1;
}

/* Whether this step is one of so many, evenly spread over the run */
static int ebim__due(const ebim__trainer *t, int step, int times)
{
    return step % ebim__max_int(1, t->steps / times) == 0;
}

/* One optimiser step with the gradient in t->grad. Theta is kept 50 times in a run, before the
 * step, where the loss is known to be finite. The reported loss is a mean over about a tenth of the
 * run. */
static ebim_result ebim__advance(ebim__trainer *t, int step, double loss)
{
    ebim_graph *g = t->g;
    ebim_rate_desc rate = {t->rate, EBIM_RATE_COSINE, t->rate_end, t->steps, t->warmup};
    if (!(t->rate_end > 0)) rate.law = EBIM_RATE_CONSTANT;
    if (!ebim__finite64(loss)) return EBIM_ERR_DIVERGED; /* of the gradient, Adam sees to that */
    if (ebim__due(t, step, 50))
        memcpy(t->good, g->theta, (size_t)g->n_theta * sizeof *t->good);
    if (!ebim_optim_step(&t->optim, g->theta, t->grad, EBIM__R(ebim_rate(&rate, step))))
        return EBIM_ERR_DIVERGED;
    t->report.loss += (loss - t->report.loss) / (1 + ebim__min_int(step, t->steps / 10));
    return EBIM_OK;
}

/* The trainer's own watcher, and the one of its arena: 200 times a run, or after each step where a
 * sweep is long */
static int ebim__tell_progress(const ebim__trainer *t, int step, double loss)
{
    ebim_progress p;
    int stop = ebim__stopped(t->w.watch), is_long = t->w.cost * t->batch > EBIM__BREATH;
    if (!is_long && !ebim__due(t, step, 200) && step != t->steps) return stop;
    p.stage = t->stage;
    p.step = step;
    p.steps = t->steps;
    p.done = (double)step / t->steps;
    p.loss = loss;
    if (t->progress && t->progress(t->user, &p)) stop = 1;
    return ebim__tell(t->w.watch, &p) || stop;
}

/* The mean of x over all who train together; of one who trains alone, x */
static double ebim__mean_over(const ebim__trainer *t, double x)
{
    ebim_real mean = EBIM__R(x);
    if (!t->reduce.mean) return x;
    return t->reduce.mean(t->reduce.user, 1, &mean) ? HUGE_VAL : (double)mean;
}

/* The log of the mean of e^x likewise; +inf where somebody has no finite x */
static double ebim__log_mean_over(const ebim__trainer *t, double x)
{
    double mean = ebim__mean_over(t, x);
    return ebim__finite64(mean) ? mean + log(ebim__mean_over(t, exp(x - mean))) : HUGE_VAL;
}

/* The gradient and loss of all who train together; whether one of them stops */
static int ebim__together(ebim__trainer *t, double *loss, int stop)
{
    ebim_real *last = t->grad + t->g->n_theta;
    if (!t->reduce.mean) return stop;
    last[0] = EBIM__R(*loss);
    last[1] = EBIM__R(stop);
    if (t->reduce.mean(t->reduce.user, t->g->n_theta + 2, t->grad)) return 1;
    *loss = (double)last[0];
    return last[1] > 0;
}

typedef double (*ebim__loss_fn)(void *self, int step);

/* The loop of all trainers: loss(self, step) fills t->grad. One that `progress` stops tells those
 * it trains with in the next step. */
static ebim_result ebim__train(ebim__trainer *t, ebim__loss_fn loss, void *self)
{
    size_t bytes = (size_t)t->g->n_theta * sizeof *t->grad;
    ebim_result r = EBIM_OK;
    int *step = &t->report.steps, stop = 0;
    while (*step < t->until && !r && !(stop && !t->reduce.mean)) {
        double value;
        memset(t->grad, 0, bytes);
        value = loss(self, *step);
        stop = ebim__together(t, &value, stop || ebim__stopped(t->w.watch));
        if (stop) break; /* value is none */
        r = ebim__advance(t, *step, value);
        if (!r) stop = ebim__tell_progress(t, ++*step, value);
    }
    t->report.stopped = stop;
    if (!r && !ebim__all_finite((size_t)t->g->n_theta, t->g->theta)) r = EBIM_ERR_DIVERGED;
    if (r) memcpy(t->g->theta, t->good, bytes);
    return r;
}

/* ============================================================================================
 * >>mdf  training of F
 *
 * A loss is made of up to four sets of points (data, negatives, box, off), each with weighted terms
 * in e = ||F(x)|| and in g = J'v, v a random unit vector. Eq. 8 is two such sets with other
 * weights. The rank term R needs d/dtheta of (eta - ||g||)^2: one vjp gives g, its cotangent dR/dg
 * is pushed forward as a tangent, and one backward pass yields all gradients at once, seeded with
 * the slope of e (values) and with v (tangents). Other terms in g add to that cotangent.
 * Cost: a step takes one sweep forward and one back per set; terms in g make the latter twice as
 * long and add a vjp and a jvp.
 * Pitfalls: without the authors' penalty on the negatives (negatives.norm2) or a two-sided rank
 * term the scale of F grows without bound: look at ||F|| / ||J||, never at ||F||.
 * ========================================================================================= */

/* Tangent spaces of M at the data, by PCA of neighbours. */
enum { EBIM__LOCAL_POOL = 8192 }; /* points that are searched, at most */

typedef struct ebim__local {
    int N, n, m, count, pool; /* points, coordinates, tangents, neighbours; points searched */
    ebim_real *tangent;       /* [N][m][n] orthonormal; 0 where the neighbours span less */
    ebim_real *reach;         /* [N] how far off M a point may go (NULL: not wanted) */
    ebim__tree tree;          /* of the pool; what was found last are neighbours */
    double *row;              /* [count + 1][n] they and the point itself, centred */
    double *V;                /* [2 m][n] their leading directions, and scratch */
    ebim_watch *watch;
} ebim__local;

static ebim_result ebim__local_init(ebim__local *f, ebim_arena *a, int N, int n, int k, int count,
                                    int reach)
{
    size_t size;
    f->N = N;
    f->n = n;
    f->m = n - k;
    f->watch = a->watch;
    f->pool = ebim__min_int(N, EBIM__LOCAL_POOL);
    f->count = ebim__min_int(count ? count : 8 * (f->m + 1), f->pool - 1);
    if (f->m < 1 || f->count < f->m) return EBIM_ERR_ARG;
    size = ebim__times((size_t)N, ebim__times((size_t)f->m, (size_t)n));
    f->tangent = EBIM__NEW(a, ebim_real, size);
    if (reach) f->reach = EBIM__NEW(a, ebim_real, N);
    ebim__tree_init(&f->tree, a, f->pool, n, reach ? f->pool : f->count + 1);
    f->V = EBIM__NEW(a, double, ebim__times(2 * (size_t)f->m, (size_t)n));
    f->row = EBIM__NEW(a, double, ebim__times((size_t)f->count + 1, (size_t)n));
    return a->failed;
}

static const ebim_real *ebim__local_at(const ebim__local *f, int i)
{
    return f->tangent + (size_t)i * (size_t)f->m * (size_t)f->n;
}

/* Squared length of what T leaves of b - a */
static double ebim__normal2_part(const ebim__local *f, const ebim_real *T, const ebim_real *a,
                                 const ebim_real *b)
{
    int i, c, n = f->n;
    double s = ebim__square_distance(n, a, b);
    for (i = 0; i < f->m; i++, T += n) {
        double p = 0;
        for (c = 0; c < n; c++) p += (double)T[c] * ((double)b[c] - (double)a[c]);
        s -= p * p;
    }
    return s;
}

/* How far off M a point x, row i, may go: half the t up to which x + t v, v a unit normal, is
 * nearer to x than to any other point y. For y it is while 2 t ||N (y - x)|| < ||y - x||^2, N the
 * projection on normals (Aamari et al. 2019 estimate the reach by the least of these t). Noise
 * spoils the bounds of neighbours, so they are left out. */
static ebim_real ebim__local_reach(ebim__local *f, const ebim_real *x, int i, double outer,
                                   double most)
{
    const ebim_real *T = ebim__local_at(f, i), *xi = ebim__nth(x, i, f->n);
    ebim__tree *tree = &f->tree;
    double t = 2 * most;
    int p, in = ebim__tree_within(tree, xi, f->pool, 4 * t * t);
    for (p = 0; p < in; p++) {
        double d2 = tree->d2[p], s;
        if (!(d2 > outer) || d2 >= 4 * t * t) continue;
        s = ebim__normal2_part(f, T, xi, ebim__nth(x, tree->hood[p], f->n));
        if (d2 * d2 < 4 * t * t * s) t = d2 / (2 * sqrt(s));
    }
    return EBIM__R(t / 2);
}

/* Tangents at all rows of x and, where that is wanted, how far off M each may go: up to `most` */
static void ebim__local_fit(ebim__local *f, const ebim_real *x, double most)
{
    int i;
    for (i = 0; i < f->pool; i++) f->tree.index[i] = ebim__spread_at(i, f->pool, f->N);
    ebim__tree_build(&f->tree, f->pool, x, f->tree.index);
    for (i = 0; i < f->N && !ebim__stopped(f->watch); i++) {
        const ebim_real *q = ebim__nth(x, i, f->n);
        ebim_real *T = f->tangent + (size_t)i * (size_t)(f->m * f->n);
        int found = ebim__tree_others(&f->tree, q, f->count), good, c;
        double outer = found ? f->tree.d2[found - 1] : 0, total, off;
        f->tree.hood[found] = i; /* itself is one of the rows */
        ebim__tree_rows(&f->tree, q, found + 1, f->row);
        good = ebim__leading_rows(found + 1, f->n, f->m, f->row, f->V, f->V + f->m * f->n, 1e-6,
                                  &total, &off) && found >= f->m;
        for (c = 0; c < f->m * f->n; c++) T[c] = good ? EBIM__R(f->V[c]) : 0;
        if (f->reach) f->reach[i] = good ? ebim__local_reach(f, x, i, outer, most) : 0;
    }
}

typedef struct ebim__mdf {
    ebim__trainer t;
    const ebim_mdf_desc *d;
    const ebim_real *x;
    const ebim_mdf_terms *terms; /* of the set at work */
    ebim_real weight;         /* of each of its points */
    ebim_langevin *chain;
    ebim_replay replay;
    ebim__local local;        /* of the data */
    ebim_real *level;         /* [batch] of the off points */
} ebim__mdf;

/* Uniform points of the box -> t->other */
static void ebim__box_points(ebim__trainer *t, const double *lo, const double *hi)
{
    int i;
    for (i = 0; i < t->batch * t->n; i++)
        t->other[i] = ebim__between(&t->rng, lo[i % t->n], hi[i % t->n]);
}

/* Rank term: w->xt(1) <- dR/dg; returns the loss of the block. g is in w->xg(1). */
static double ebim__rank_term(ebim__mdf *s, int count)
{
    ebim__trainer *t = &s->t;
    const ebim_mdf_terms *m = s->terms;
    ebim_ws *w = &t->w;
    const ebim_real *g = ebim_ws_xg(w, 1);
    ebim_real *c = ebim_ws_xt(w, 1);
    double loss = 0;
    int i, l;
    for (l = 0; l < w->lanes; l++) {
        ebim_real length = 0, h, f;
        for (i = 0; i < w->n * w->stride; i += w->stride) length += g[i + l] * g[i + l];
        length = EBIM__SQRT(length);
        h = EBIM__R(m->eta) - length;
        if (!m->two_sided && h < 0) h = 0;
        if (l >= count || t->norm[l] < 0) h = 0;
        f = length > 0 ? -2 * EBIM__R(m->rank) * s->weight * h / length : 0;
        for (i = 0; i < w->n * w->stride; i += w->stride) c[i + l] = f * g[i + l];
        loss += m->rank * (double)(s->weight * h * h);
    }
    return loss;
}

/* Adds the smoothness of neighbours in lanes 2b, 2b + 1 to w->xt(1); returns its loss. */
static double ebim__smooth_term(ebim__mdf *s, int count)
{
    ebim__trainer *t = &s->t;
    const ebim_mdf_terms *m = s->terms;
    ebim_ws *w = &t->w;
    const ebim_real *g = ebim_ws_xg(w, 1);
    ebim_real *c = ebim_ws_xt(w, 1), f = 2 * s->weight * EBIM__R(m->smooth / (m->gap * m->gap));
    double loss = 0;
    int i, l;
    for (l = 0; l + 1 < count; l += 2) {
        if (t->norm[l] < 0 || t->norm[l + 1] < 0) continue;
        for (i = l; i < w->n * w->stride; i += w->stride) {
            ebim_real d = g[i] - g[i + 1];
            loss += (double)(f * d * d);
            c[i] += 2 * f * d;
            c[i + 1] -= 2 * f * d;
        }
    }
    return loss;
}

/* Adds the tangential share of J'v at data points, those of the batch from `at` on, to w->xt(1);
 * returns its loss. That share is 0 where tangents are not known. A vanishing J'v has no direction
 * and costs nothing. */
static double ebim__normals_term(ebim__mdf *s, int at, int count)
{
    ebim__trainer *t = &s->t;
    ebim_ws *w = &t->w;
    const ebim__local *f = &s->local;
    const ebim_real *g = ebim_ws_xg(w, 1);
    ebim_real *c = ebim_ws_xt(w, 1), scale = s->weight * EBIM__R(s->terms->normals);
    double loss = 0;
    int i, j, l, n = w->n, S = w->stride;
    for (l = 0; l < count; l++) {
        const ebim_real *T = ebim__local_at(f, t->pick[at + l]);
        ebim_real g2 = 0, share = 0;
        for (i = 0; i < n; i++) g2 += g[i * S + l] * g[i * S + l];
        if (t->norm[l] < 0 || !(g2 > EBIM__R(1e-30))) continue;
        for (j = 0; j < f->m; j++, T += n) {
            ebim_real p = 0;
            for (i = 0; i < n; i++) p += T[i] * g[i * S + l];
            for (i = 0; i < n; i++) c[i * S + l] += 2 * scale * (p / g2) * T[i];
            share += p * (p / g2);
        }
        for (i = 0; i < n; i++) c[i * S + l] -= 2 * scale * (share / g2) * g[i * S + l];
        loss += (double)(scale * share);
    }
    return loss;
}

/* Seeds plane 1 with unit vectors v in R^k, one per lane or per pair of neighbours. For k = 1 all
 * are 1, as no term depends on their sign. */
static void ebim__seed_sphere(ebim__trainer *t, int pairs)
{
    ebim_ws *w = &t->w;
    ebim_real *v = ebim_ws_yg(w, 1);
    int i, l, each = pairs ? 2 : 1, end = w->k * w->stride; /* lanes are a multiple of 16 */
    for (l = 0; l < w->lanes; l += each) {
        ebim_real s = 0;
        for (i = l; i < end; i += w->stride) {
            v[i] = w->k == 1 ? 1 : ebim_rng_normal(&t->rng);
            s += v[i] * v[i];
        }
        s = s > 0 ? 1 / EBIM__SQRT(s) : 0;
        for (i = l; i < end; i += w->stride) {
            v[i] *= s;
            v[i + each - 1] = v[i];
        }
    }
}

/* The terms in e = ||F||, or | ||F|| - level |: seeds plane 0 with their gradient, 0 where F = 0;
 * returns the loss of the block. */
static double ebim__norm_terms(ebim__mdf *s, int count, const ebim_real *level)
{
    ebim__trainer *t = &s->t;
    const ebim_mdf_terms *m = s->terms;
    const ebim_real *y = ebim_ws_y(&t->w);
    ebim_real *v = ebim_ws_yg(&t->w, 0);
    double loss = 0;
    int l, i, S = t->w.stride;
    for (l = 0; l < t->w.lanes; l++) {
        ebim_real norm = t->norm[l], slope = 0;
        if (l < count && !(norm < 0)) {
            double d = (double)norm - (level ? (double)level[l] : 0), e = fabs(d), rise;
            double rep = ebim__nonzero(m->repel) ? m->repel * exp(-m->kappa * e) : 0;
            rise = m->norm + 2 * m->norm2 * e + 4 * m->norm4 * e * e * e - m->kappa * rep;
            slope = s->weight * EBIM__R(d < 0 ? -rise : rise);
            loss += (double)s->weight *
                    (m->norm * e + m->norm2 * e * e + m->norm4 * e * e * e * e + rep);
        }
        for (i = l; i < t->w.k * S; i += S) v[i] = norm > 0 ? slope * y[i] / norm : 0;
    }
    return loss;
}

static int ebim__terms_in_slope(const ebim_mdf_terms *m)
{
    return ebim__nonzero(m->rank) || m->smooth > 0 || m->normals > 0;
}

static int ebim__terms_used(const ebim_mdf_terms *m)
{
    return ebim__nonzero(m->norm) || ebim__nonzero(m->norm2) || ebim__nonzero(m->norm4) ||
           ebim__nonzero(m->repel) || ebim__terms_in_slope(m);
}

/* Terms in g = J'v of a block: one vjp, w->xt(1) <- d(loss)/dg, one jvp. */
static double ebim__slope_terms(ebim__mdf *s, int at, int lanes)
{
    double loss;
    ebim__seed_sphere(&s->t, s->terms->smooth > 0);
    ebim_vjp(&s->t.w, 1, 1);
    loss = ebim__rank_term(s, lanes);
    if (s->terms->smooth > 0) loss += ebim__smooth_term(s, lanes);
    if (s->terms->normals > 0) loss += ebim__normals_term(s, at, lanes);
    ebim_jvp(&s->t.w, 1, 1);
    return loss;
}

/* Adds the gradient of one set, x: [count][n], each point weighing 1 / count. level: [count] what
 * ||F|| should be (NULL: 0). Points of a set with terms.normals belong to those of the batch. */
static double ebim__mdf_set(ebim__mdf *s, const ebim_mdf_terms *m, int count,
                            const ebim_real *x, const ebim_real *level)
{
    ebim__trainer *t = &s->t;
    ebim_ws *w = &t->w;
    int at, lanes, slopes = ebim__terms_in_slope(m), order = slopes ? 2 : 1;
    double loss = 0;
    s->terms = m;
    s->weight = 1 / (ebim_real)count;
    EBIM__BLOCKS(at, lanes, w, count, x, order) {
        ebim__norms(w, t->norm);
        if (!ebim__mend(t, lanes, order)) return HUGE_VAL;
        loss += ebim__norm_terms(s, lanes, level ? level + at : NULL);
        if (slopes) loss += ebim__slope_terms(s, at, lanes);
        ebim_backward(w, slopes, t->grad);
    }
    return loss;
}

static int ebim__mdf_valid(const ebim_mdf_desc *d)
{
    if (d->data.smooth > 0 || d->negatives.smooth > 0 || d->off.smooth > 0) return 0;
    if (d->negatives.normals > 0 || d->box.normals > 0) return 0;
    if (d->box.smooth > 0 && !(d->box.gap > 0)) return 0;
    if (d->start > 0 && !(d->ramp > 0)) return 0;
    return !ebim__terms_used(&d->off) || d->off_distance > 0;
}

/* Whether there is a box, or no set needs one */
static int ebim__mdf_boxed(const ebim_mdf_desc *d)
{
    return (d->lo && d->hi) || !(ebim__terms_used(&d->negatives) || ebim__terms_used(&d->box));
}

static ebim_result ebim__mdf_init(ebim__mdf *s, ebim_arena *a, ebim_graph *F, int N,
                                  const ebim_mdf_desc *d)
{
    ebim_langevin_desc chain = d->langevin;
    int off = ebim__terms_used(&d->off);
    int slopes = ebim__terms_in_slope(&d->data) || ebim__terms_in_slope(&d->negatives) ||
                 ebim__terms_in_slope(&d->box) || ebim__terms_in_slope(&d->off);
    ebim_result r;
    memset(s, 0, sizeof *s);
    if (d->steps < 1 || !(d->rate > 0)) return EBIM_ERR_STEPS;
    if (!ebim__mdf_valid(d)) return EBIM_ERR_ARG;
    if (ebim__ready(a) && !ebim__mdf_boxed(d)) return EBIM_ERR_BOX;
    EBIM__TRAINER(&s->t, d, EBIM_STAGE_MANIFOLD);
    s->t.reduce = d->reduce;
    r = ebim__trainer_init(&s->t, a, F, N, slopes);
    if (!r && (off || d->data.normals > 0))
        r = ebim__local_init(&s->local, a, N, s->t.n, ebim_outputs(F), d->neighbours, off);
    if (off) s->level = EBIM__NEW(a, ebim_real, d->batch);
    s->d = d;
    if (!ebim__terms_used(&d->negatives)) return r;
    if (!chain.lo && !d->clamp_ends) {
        chain.lo = d->lo;
        chain.hi = d->hi;
    }
    if (chain.energy == EBIM_ENERGY_OF_OUTPUT) chain.energy = EBIM_ENERGY_OF_NORM;
    if (!r) r = ebim_langevin_init(&s->chain, a, F, &chain);
    if (!r && d->buffer) r = ebim_replay_init(&s->replay, a, s->t.n, d->buffer);
    return r;
}

/* Ends of Langevin chains started from the buffer or from box noise -> t->other. */
static void ebim__mdf_negatives(ebim__mdf *s, int step)
{
    const ebim_mdf_desc *d = s->d;
    ebim__trainer *t = &s->t;
    int i;
    ebim__box_points(t, d->lo, d->hi);
    if (d->buffer)
        ebim_replay_draw(&s->replay, &t->rng, t->batch, t->other, ebim__or(d->keep, 0.95), t->slot);
    t->report.refused += (int64_t)t->batch * d->langevin_steps -
                         ebim_langevin_run(s->chain, t->batch, t->other, d->langevin_steps,
                                           ebim__subseed(d->seed, EBIM__SEED_CHAINS),
                                           (uint64_t)step * (uint64_t)t->batch);
    for (i = 0; d->clamp_ends && i < t->batch * t->n; i++) {
        double x = (double)t->other[i], lo = d->lo[i % t->n], hi = d->hi[i % t->n];
        t->other[i] = EBIM__R(x < lo ? lo : x > hi ? hi : x);
    }
    if (d->buffer) ebim_replay_put(&s->replay, &t->rng, t->batch, t->other, t->slot);
}

/* Data points moved off M by s->level along random normals -> t->other. A normal is what the
 * tangents leave of a random vector; where they leave too little to be precise, another vector is
 * drawn, which keeps the normal's law uniform. */
static void ebim__off_points(ebim__mdf *s)
{
    ebim__trainer *t = &s->t;
    int b, i, j, c, n = t->n;
    ebim_real share = EBIM__R(1e-3 * (n - s->local.m) / n);
    for (b = 0; b < t->batch; b++) {
        const ebim_real *x = t->data + (size_t)b * (size_t)n, *T;
        ebim_real *v = t->other + (size_t)b * (size_t)n, length;
        do {
            ebim_rng_sphere(&t->rng, n, v);
            for (T = ebim__local_at(&s->local, t->pick[b]), j = 0; j < s->local.m; j++, T += n) {
                ebim_real p = 0;
                for (c = 0; c < n; c++) p += T[c] * v[c];
                for (c = 0; c < n; c++) v[c] -= p * T[c];
            }
            for (length = 0, i = 0; i < n; i++) length += v[i] * v[i];
        } while (length < share);
        s->level[b] = ebim_rng_uniform(&t->rng) * s->local.reach[t->pick[b]];
        for (c = 0; c < n; c++) v[c] = x[c] + s->level[b] / EBIM__SQRT(length) * v[c];
    }
}

/* Every second box point moves next to the one before it. */
static void ebim__neighbours(ebim__trainer *t, double gap)
{
    ebim_real *x = t->other;
    int b, i, n = t->n;
    for (b = 0; b + 1 < t->batch; b += 2, x += 2 * n) {
        ebim_rng_sphere(&t->rng, n, x + n);
        for (i = 0; i < n; i++) x[n + i] = x[i] + EBIM__R(gap) * x[n + i];
    }
}

static double ebim__mdf_loss(void *self, int step)
{
    ebim__mdf *s = (ebim__mdf *)self;
    ebim__trainer *t = &s->t;
    ebim_mdf_terms data = s->d->data;
    double loss, done = (double)step / t->steps;
    if (s->d->start > 0 && done < s->d->ramp) {
        double f = pow(s->d->start, 1 - done / s->d->ramp);
        data.norm *= f;
        data.norm2 *= f;
    }
    ebim__next_batch(t, s->x);
    loss = ebim__mdf_set(s, &data, t->batch, t->data, NULL);
    if (s->chain) {
        ebim__mdf_negatives(s, step);
        loss += ebim__mdf_set(s, &s->d->negatives, t->batch, t->other, NULL);
    }
    if (ebim__terms_used(&s->d->box)) {
        ebim__box_points(t, s->d->lo, s->d->hi);
        if (s->d->box.smooth > 0) ebim__neighbours(t, s->d->box.gap);
        loss += ebim__mdf_set(s, &s->d->box, t->batch, t->other, NULL);
    }
    if (s->level) {
        ebim__off_points(s);
        loss += ebim__mdf_set(s, &s->d->off, t->batch, t->other, s->level);
    }
    return loss;
}

EBIM_API ebim_result ebim_mdf_train(ebim_graph *F, ebim_arena *work, int N, const ebim_real *x,
                                    const ebim_mdf_desc *d, ebim_train_report *report)
{
    ebim__mdf s;
    ebim_result r = ebim__mdf_init(&s, work, F, N, d);
    if (!r && ebim__ready(work)) {
        s.x = x;
        if (s.local.N) ebim__local_fit(&s.local, x, d->off_distance);
        r = ebim__train(&s.t, ebim__mdf_loss, &s);
    }
    if (report) *report = s.t.report;
    return r;
}

/* ============================================================================================
 * >>denoise  displacement fields by noise: x - D(x), for images; chains of D
 *
 * A regression: D(x') is the mean of the clean x that x' may come from, so x' - D(x') points to M.
 * Cost: one sweep of values and one back per step, and three quarters of a sweep for walk-back.
 * Pitfall: h up to .9 in walk-back makes blurry means fixed points of the chains.
 * ========================================================================================= */

static const struct {
    int steps, batch, warmup, from; /* from: walk-back begins; D is a constant before */
    double rate, end, beta2, clip, lo, hi, floor, average;
    double start;             /* walk-back starts from noise of `start` .. 1 of the largest, */
    double h, h_range, beta, beta_range; /* steps of h .. h + h_range, and of beta likewise */
    int chain, onto;
} ebim__denoise_is = {
    3000, 64, 100, 150, 2e-3, 1e-3, 0.99, 1, 0.08, 1.6, 0.01, 0.998, 0.25, 0.05, 0.4, 0.1, 0.5,
    44, 3
};

enum { EBIM__HALVES = 2 };    /* of a batch, each with all it writes; on one core 32 images at a
                               * time take a tenth longer than 64 */

typedef struct ebim__half {
    struct ebim__denoise *all;
    int at, end, step;        /* which of the batch */
    ebim_ws w;
    ebim_rng rng;
    ebim_real *grad;          /* [n_theta] */
    ebim_real *clean, *noise; /* [n][stride] */
    double *sigma2;           /* [stride] mean square of what is to be taken off */
    ebim_real *h, *gain;      /* [stride] of a step: r -> -h r + gain |r| xi / sqrt(n) */
    uint32_t *streams;        /* [4][stride] */
    double loss;
} ebim__half;

typedef struct ebim__denoise {
    ebim__trainer t;
    ebim__half half[EBIM__HALVES];
    int halves;               /* 1: a batch of one */
    const ebim_real *x;       /* [N][n] */
    ebim_denoise_desc d;
    ebim_real *mean;          /* [n_theta] */
    unsigned char *state;     /* of a checkpoint, where one is asked for */
    uint64_t data;            /* sum of x and weights */
    double even;              /* weight that all noise has, see ebim__denoise_even */
} ebim__denoise;

enum { EBIM__HEAD = 15 };     /* words that tell a run, behind a sum of all */

typedef struct ebim__carrier {
    unsigned char *p;         /* NULL: only counts */
    size_t at;
    int in;                   /* 1: from p */
} ebim__carrier;

static void ebim__carry(ebim__carrier *c, void *x, size_t bytes)
{
    if (c->p && c->in) memcpy(x, c->p + c->at, bytes);
    else if (c->p) memcpy(c->p + c->at, x, bytes);
    c->at += bytes;
}

/* All that a step changes, behind what tells the run, into p or from there; how many bytes */
static size_t ebim__denoise_carry(ebim__denoise *s, unsigned char *p, int in, uint64_t *head)
{
    ebim__trainer *t = &s->t;
    size_t theta = (size_t)t->g->n_theta * sizeof(ebim_real);
    ebim__carrier c;
    int i;
    c.p = p;
    c.at = 0;
    c.in = in;
    ebim__carry(&c, head, EBIM__HEAD * sizeof *head);
    ebim__carry(&c, t->g->theta, theta);
    ebim__carry(&c, t->good, theta);
    ebim__carry(&c, t->optim.m, theta);
    ebim__carry(&c, t->optim.v, theta);
    ebim__carry(&c, s->mean, theta);
    for (i = 0; i < s->halves; i++) {
        ebim__half *f = &s->half[i];
        ebim__carry(&c, f->streams, 4 * (size_t)f->w.stride * sizeof *f->streams);
        ebim__carry(&c, &f->rng, sizeof f->rng);
    }
    ebim__carry(&c, t->index, (size_t)t->N * sizeof *t->index);
    ebim__carry(&c, &t->rng, sizeof t->rng);
    ebim__carry(&c, &t->at, sizeof t->at);
    ebim__carry(&c, &t->optim.steps, sizeof t->optim.steps);
    ebim__carry(&c, &t->report, sizeof t->report);
    return c.at;
}

/* FNV-1a, going on from `sum` */
static uint64_t ebim__sum_of(uint64_t sum, const void *x, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)x;
    for (; bytes--; p++) sum = (sum ^ *p) * UINT64_C(0x100000001b3);
    return sum;
}

/* Of all bytes at p but the first eight, which it is */
static uint64_t ebim__denoise_sum(const unsigned char *p, size_t bytes)
{
    return ebim__sum_of(UINT64_C(0xcbf29ce484222325), p + 8, bytes - 8);
}

static void ebim__denoise_head(const ebim__denoise *s, uint64_t *head)
{
    const double set[6] = {s->t.rate, s->d.sigma_lo, s->d.sigma_hi, s->d.floor, s->d.back,
                           s->d.average};
    head[0] = 0;
    head[1] = sizeof(ebim_real);
    head[2] = (uint64_t)s->t.g->n_theta;
    head[3] = (uint64_t)s->t.N;
    head[4] = (uint64_t)s->t.n;
    head[5] = (uint64_t)s->t.batch;
    head[6] = (uint64_t)s->t.steps;
    head[7] = s->d.seed;
    head[8] = s->data;
    memcpy(head + 9, set, sizeof set);
}

static void ebim__checkpoint(ebim__denoise *s)
{
    uint64_t head[EBIM__HEAD], sum;
    size_t bytes;
    if (!s->d.checkpoint) return;
    ebim__denoise_head(s, head);
    bytes = ebim__denoise_carry(s, s->state, 0, head);
    sum = ebim__denoise_sum(s->state, bytes);
    memcpy(s->state, &sum, sizeof sum);
    s->d.checkpoint(s->d.user, s->state, bytes);
}

static ebim_result ebim__denoise_resume(ebim__denoise *s)
{
    unsigned char *p = (unsigned char *)(uintptr_t)s->d.resume;
    uint64_t head[EBIM__HEAD], stored[EBIM__HEAD];
    size_t bytes = ebim__denoise_carry(s, NULL, 0, head);
    int i, wrong = 0;
    ebim__denoise_head(s, head);
    if (s->d.resume_bytes != bytes) return EBIM_ERR_FORMAT;
    memcpy(stored, p, sizeof stored);
    if (memcmp(stored + 1, head + 1, sizeof head - sizeof *head) ||
        stored[0] != ebim__denoise_sum(p, bytes))
        return EBIM_ERR_FORMAT;
    ebim__denoise_carry(s, p, 1, head);
    s->t.report.stopped = 0;
    for (i = 0; i < s->t.N; i++) wrong |= s->t.index[i] < 0 || s->t.index[i] >= s->t.N;
    return wrong || s->t.at < 0 || s->t.at > s->t.N ? EBIM_ERR_FORMAT : EBIM_OK;
}

/* y <- x - y */
static void ebim__denoise_way(ebim_ws *w, int lanes)
{
    const ebim_real *x = ebim_ws_x(w);
    ebim_real *y = ebim_ws_y(w);
    int i, l;
    for (i = 0; i < w->n * w->stride; i += w->stride)
        for (l = i; l < i + lanes; l++) y[l] = x[l] - y[l];
}

static double ebim__within(ebim_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * (double)ebim_rng_uniform(r);
}

/* The first `count` lanes: one or two steps of chains, from noise */
static void ebim__walk_back(ebim__half *s, int count)
{
    ebim_ws *w = &s->w;
    ebim_real *x = ebim_ws_x(w);
    int S = w->stride, n = w->n, lanes = ebim__lanes(S, count), i, l, step, steps;
    double off, hi = s->all->d.sigma_hi;
    for (l = 0; l < lanes; l++) {
        ebim_real sigma = EBIM__R(ebim__within(&s->rng, ebim__denoise_is.start * hi, hi));
        for (i = 0; i < n; i++) x[i * S + l] = s->clean[i * S + l] + sigma * s->noise[i * S + l];
    }
    steps = 1 + (int)ebim_rng_below(&s->rng, 2);
    for (step = 0; step < steps; step++) {
        ebim_forward(w, count, 0);
        for (l = 0; l < lanes; l++) {
            double h = ebim__denoise_is.h, beta = ebim__denoise_is.beta;
            h = ebim__within(&s->rng, h, h + ebim__denoise_is.h_range);
            beta = ebim__within(&s->rng, beta, beta + ebim__denoise_is.beta_range);
            s->h[l] = EBIM__R(h);
            s->gain[l] = EBIM__R(ebim__way_gain(h, h * beta));
        }
        w->kernels->normals(s->streams, n, s->noise, S, lanes);
        ebim__denoise_way(w, lanes);
        ebim__way_step(n, S, lanes, x, ebim_ws_y(w), s->h, s->gain, s->noise);
    }
    for (l = 0; l < count; l++) {
        for (s->sigma2[l] = 0, i = 0; i < n; i++) {
            off = (double)x[i * S + l] - (double)s->clean[i * S + l];
            s->sigma2[l] += off * off / n;
        }
    }
}

/* Inputs of a block, and how far they are off */
static void ebim__denoise_inputs(ebim__half *s, int at, int count, int step)
{
    ebim_ws *w = &s->w;
    ebim_real *x = ebim_ws_x(w);
    int S = w->stride, n = w->n, lanes = ebim__lanes(S, count), i, l;
    double share = step < ebim__denoise_is.from ? 0 : s->all->d.back;
    int back = share > 0 ? (int)(share * count) : 0;
    ebim__to_lanes(ebim__nth(s->all->t.data, at, n), count, n, s->clean, S, lanes);
    w->kernels->normals(s->streams, n, s->noise, S, lanes);
    if (back) ebim__walk_back(s, back);
    if (back) w->kernels->normals(s->streams, n, s->noise, S, lanes);
    for (l = back; l < lanes; l++) {
        double sigma = exp(ebim__within(&s->rng, log(s->all->d.sigma_lo), log(s->all->d.sigma_hi)));
        s->sigma2[l] = sigma * sigma;
        for (i = 0; i < n; i++)
            x[i * S + l] = s->clean[i * S + l] + EBIM__R(sigma) * s->noise[i * S + l];
    }
}

/* Loss and gradient of half i of the batch */
static void ebim__half_task(void *arg, int i)
{
    ebim__half *s = (ebim__half *)arg + i;
    const ebim__denoise *d = s->all;
    ebim_ws *w = &s->w;
    int at, count, l, S = w->stride, n = w->n;
    s->loss = 0;
    for (at = s->at; at < s->end; at += count) {
        ebim_real *seed = ebim_ws_yg(w, 0);
        const ebim_real *y = ebim_ws_y(w);
        count = ebim__min_int(S, s->end - at);
        ebim__denoise_inputs(s, at, count, s->step);
        ebim_forward(w, count, 1);
        for (l = 0; l < count; l++) {
            double each = 1 / (s->sigma2[l] + d->d.floor) + d->even, sum = 0;
            each /= (double)n * d->t.batch;
            for (i = 0; i < n; i++) {
                double e = (double)y[i * S + l] - (double)s->clean[i * S + l];
                sum += e * e;
                seed[i * S + l] = EBIM__R(2 * each * e);
            }
            s->loss += each * sum;
        }
        ebim_backward(w, 0, s->grad);
    }
}

static double ebim__denoise_loss(void *self, int step)
{
    ebim__denoise *s = (ebim__denoise *)self;
    ebim__trainer *t = &s->t;
    double loss = 0, keep = s->d.average;
    int i, k;
    if (step && step % s->d.every == 0) ebim__checkpoint(s);
    for (i = 0; i < t->g->n_theta && step; i++) { /* few steps are a short mean */
        double part = 1 - (keep < (1.0 + step) / (10 + step) ? keep : (1.0 + step) / (10 + step));
        s->mean[i] += EBIM__R(part) * (t->g->theta[i] - s->mean[i]);
    }
    ebim__next_batch(t, s->x);
    for (k = 0; k < s->halves; k++) s->half[k].step = step;
    for (k = 1; k < s->halves; k++)
        memset(s->half[k].grad, 0, (size_t)t->g->n_theta * sizeof *t->grad);
    ebim__in_parallel(&s->d.parallel, s->halves, ebim__half_task, s->half);
    for (k = 0; k < s->halves; k++) loss += s->half[k].loss;
    for (k = 1; k < s->halves; k++)
        for (i = 0; i < t->g->n_theta; i++) t->grad[i] += s->half[k].grad[i];
    return loss;
}

/* Half i; the first has the trainer's workspace and gradient. */
static ebim_result ebim__half_init(ebim__denoise *s, ebim_arena *a, int i)
{
    ebim__half *f = &s->half[i];
    const ebim__trainer *t = &s->t;
    ebim_result r = EBIM_OK;
    size_t rows;
    f->all = s;
    f->at = t->batch * i / s->halves;
    f->end = t->batch * (i + 1) / s->halves;
    f->w = t->w;
    f->grad = t->grad;
    if (i) {
        r = ebim_ws_init(&f->w, a, t->g, t->w.stride, 0);
        if (r) return r;
        f->w.watch = NULL; /* another thread's */
        f->grad = EBIM__NEW(a, ebim_real, t->g->n_theta);
    }
    rows = (size_t)t->n * (size_t)f->w.stride;
    EBIM__NEW_EACH(a, ebim_real, rows, &f->clean, &f->noise);
    EBIM__NEW_EACH(a, ebim_real, f->w.stride, &f->h, &f->gain);
    f->sigma2 = EBIM__NEW(a, double, f->w.stride);
    f->streams = EBIM__NEW(a, uint32_t, 4 * (size_t)f->w.stride);
    if (!ebim__ready(a)) return a->failed;
    ebim_rng_init(&f->rng, t->seed, UINT64_C(0xDE400) - (uint64_t)i);
    ebim__seed_lanes(f->streams, f->w.stride, f->w.stride, f->w.stride, t->seed,
                     UINT64_C(0xDE401) + (uint64_t)(i * f->w.stride));
    return r;
}

static ebim_result ebim__denoise_init(ebim__denoise *s, ebim_arena *a, ebim_graph *D, int N,
                                      const ebim_denoise_desc *d)
{
    ebim_result r;
    int i;
    memset(s, 0, sizeof *s);
    s->d = *d;
    s->d.sigma_lo = ebim__or(d->sigma_lo, ebim__denoise_is.lo);
    s->d.sigma_hi = ebim__or(d->sigma_hi, ebim__denoise_is.hi);
    s->d.floor = ebim__or(d->floor, ebim__denoise_is.floor);
    s->d.average = ebim__or(d->average, ebim__denoise_is.average);
    s->d.back = ebim__or(d->back, 0.5);
    s->d.every = ebim__or_int(d->every, 200);
    s->t.steps = s->t.until = ebim__or_int(d->steps, ebim__denoise_is.steps);
    s->t.batch = ebim__or_int(d->batch, ebim__denoise_is.batch);
    s->halves = ebim__min_int(EBIM__HALVES, s->t.batch);
    s->t.lanes = ebim__min_int(64, (s->t.batch + 1) / 2); /* a pixel's channels stay in cache */
    s->t.rate = ebim__or(d->rate, ebim__denoise_is.rate);
    s->t.rate_end = ebim__denoise_is.end;
    s->t.warmup = ebim__denoise_is.warmup;
    s->t.clip = ebim__denoise_is.clip;
    s->t.weights = d->weights;
    s->t.reduce = d->reduce;
    s->t.seed = d->seed;
    s->t.progress = d->progress;
    s->t.user = d->user;
    s->t.stage = EBIM_STAGE_MANIFOLD;
    if (ebim_inputs(D) != ebim_outputs(D)) return EBIM_ERR_SHAPE;
    if (!(s->d.sigma_lo > 0 && s->d.sigma_hi >= s->d.sigma_lo && s->d.back <= 1 &&
          s->d.floor > 0 && s->d.average > 0 && s->d.average <= 1))
        return EBIM_ERR_ARG;
    r = ebim__trainer_init(&s->t, a, D, N, 0);
    if (r) return r;
    s->t.optim.beta2 = ebim__denoise_is.beta2;
    for (i = 0; i < s->halves && !r; i++) r = ebim__half_init(s, a, i);
    if (r) return r;
    s->mean = EBIM__NEW(a, ebim_real, D->n_theta);
    if (d->checkpoint) {
        uint64_t head[EBIM__HEAD];
        s->state = EBIM__NEW(a, unsigned char, ebim__denoise_carry(s, NULL, 0, head));
    }
    if (!ebim__ready(a)) return a->failed;
    memcpy(s->mean, D->theta, (size_t)D->n_theta * sizeof *s->mean);
    return EBIM_OK;
}

/* One over the mean variance of a coordinate. The best linear guess of x errs by
 * sigma^2 v / (sigma^2 + v): one over that weighs all noise alike. By 1 / sigma^2 alone, what an
 * image is of, which much noise decides, is hardly learned. */
static double ebim__denoise_even(int N, int n, const ebim_real *x)
{
    double sum = 0, mean;
    int i, b;
    for (i = 0; i < n; i++) {
        for (mean = 0, b = 0; b < N; b++) mean += (double)ebim__nth(x, b, n)[i] / N;
        for (b = 0; b < N; b++) {
            double d = (double)ebim__nth(x, b, n)[i] - mean;
            sum += d * d / ((double)N * n);
        }
    }
    return sum > 0 ? 1 / sum : 0;
}

EBIM_API ebim_result ebim_denoise_train(ebim_graph *D, ebim_arena *work, int N, const ebim_real *x,
                                        const ebim_denoise_desc *d, ebim_train_report *report)
{
    ebim__denoise s;
    ebim_result r = ebim__denoise_init(&s, work, D, N, d);
    if (!r && ebim__ready(work)) {
        s.x = x;
        s.even = ebim__denoise_even(N, s.t.n, x);
        if (d->resume || d->checkpoint) {
            const size_t column = (size_t)N * sizeof *x;
            s.data = ebim__sum_of(UINT64_C(0xcbf29ce484222325), x, column * (size_t)s.t.n);
            if (d->weights) s.data = ebim__sum_of(s.data, d->weights, column);
        }
        if (d->resume) r = ebim__denoise_resume(&s);
        if (!r) r = ebim__train(&s.t, ebim__denoise_loss, &s);
        if (!r && !ebim__stopped(work->watch)) ebim__checkpoint(&s);
        if (!r && s.t.report.steps > 1)
            memcpy(D->theta, s.mean, (size_t)D->n_theta * sizeof *s.mean);
    }
    if (report) *report = s.t.report;
    return r;
}

EBIM_API ebim_result ebim_denoise_run(const ebim_graph *D, ebim_arena *work, int B, ebim_real *x,
                                      const ebim_denoise_chain *c, uint64_t seed)
{
    int lanes = ebim__or_int(c->lanes, 64), steps = ebim__or_int(c->steps, ebim__denoise_is.chain);
    int onto = ebim__or_int(c->onto, ebim__denoise_is.onto), at, count, i, l, n = ebim_inputs(D);
    double h = ebim__or(c->h, ebim__way.h);
    double beta = ebim__or(c->beta, ebim__way.damped / ebim__way.h);
    ebim_real *noise, *pull, *kick;
    uint32_t *streams;
    ebim_ws w;
    ebim_result r = ebim_ws_init(&w, work, D, lanes, EBIM_WS_VALUES);
    if (r) return r;
    if (n != ebim_outputs(D)) return EBIM_ERR_SHAPE;
    if (!(h > 0 && h <= 1 && beta > 0 && beta * h <= 1) || steps < 0 || onto < 0)
        return EBIM_ERR_ARG;
    noise = EBIM__NEW(work, ebim_real, ebim__times((size_t)n, (size_t)w.stride));
    EBIM__NEW_EACH(work, ebim_real, w.stride, &pull, &kick);
    streams = EBIM__NEW(work, uint32_t, 4 * (size_t)w.stride);
    if (!ebim__ready(work)) return work->failed;
    for (at = 0; at < B && !ebim__stopped(w.watch); at += count) {
        ebim_real *p = x + (size_t)at * (size_t)n;
        int nl;
        count = ebim__min_int(lanes, B - at);
        nl = ebim__lanes(w.stride, count);
        ebim__to_lanes(p, count, n, ebim_ws_x(&w), w.stride, nl);
        ebim__seed_lanes(streams, w.stride, nl, count, seed, (uint64_t)at);
        for (i = 0; i < steps + onto; i++) {
            for (l = 0; l < w.stride; l++) {
                pull[l] = EBIM__R(i < steps ? h : ebim__way.last);
                kick[l] = EBIM__R(i < steps ? ebim__way_gain(h, h * beta) : 0);
            }
            w.kernels->normals(streams, n, noise, w.stride, nl);
            ebim_forward(&w, count, 0);
            ebim__denoise_way(&w, nl);
            ebim__way_step(n, w.stride, nl, ebim_ws_x(&w), ebim_ws_y(&w), pull,
                           kick, noise);
        }
        ebim__from_lanes(ebim_ws_x(&w), w.stride, count, n, p);
        if (!ebim__all_finite((size_t)count * (size_t)n, p)) r = EBIM_ERR_DIVERGED;
    }
    return r;
}

/* ============================================================================================
 * >>quadrics  M near each datum: a quadric through its neighbours, and its feet
 *
 * y = x + T'u + C'(1, u, u u) with C normal to T: least squares on neighbours, twice, as the first
 * turns T. They say where M is between the data, which way its normals point, and where it ends.
 * Where a curve is drawn by its data (>>crust) they go through the two that a datum is between.
 * Cost: a query of the tree and the normal equations of 1 + m + m (m + 1) / 2 unknowns a datum.
 * Pitfall: neighbours must be on one sheet of M: where sheets come closer than these are apart, T
 * lies across both.
 * ========================================================================================= */

static const struct { double aside, aside_curve, beyond, sharp; } ebim__quadric_end = {
    0.35, 0.45, /* aside: of the distance of neighbours the mean of these is, of half a disk 0.42,
                 * at the end of a curve 0.5. Where it is so by chance, other quadrics reach what is
                 * cut off this one */
    0.25, /* beyond: of the reach. Data end about half of their spacing before M does */
    0.5 /* sharp: 1 - cos of the turn of a curve at a row, at least */
};

typedef struct ebim__quadrics { /* of M at the data, see above */
    int N, n, m, terms, count;  /* terms: 1, u, u u; count: neighbours */
    const ebim_real *x;         /* [N][n] */
    ebim_real *T;               /* [N][m][n] */
    ebim_real *C;               /* [N][terms][n], normal to T */
    const int32_t *next;        /* [N][2] rows that each is between on a curve, or -1; NULL */
    double *span;               /* [N][2] of curves: from where to where u may go, */
    double *reach;              /* [N] and how far: feet lie between neighbours, */
    ebim_real *out;             /* [N][m] and which way is out where the data end: unit vectors;
                                 * 0 elsewhere */
    ebim__tree tree;
    double *row, *V, *A, *B, *p; /* scratch */
} ebim__quadrics;

/* closest: few neighbours, for hypersurfaces whose sheets come close to each other; others need
 * more where data are sparse by chance. noisy: twice as many */
static ebim_result ebim__quadrics_init(ebim__quadrics *s, ebim_arena *a, int N, int n, int m,
                                       int closest, int noisy)
{
    size_t all = (size_t)N, terms;
    s->N = N;
    s->n = n;
    s->m = m;
    s->next = NULL;
    s->terms = 1 + m + m * (m + 1) / 2;
    terms = (size_t)s->terms;
    s->count = closest ? ebim__max_int(6, 5 * s->terms / 3)
                       : ebim__max_int(8, 2 * s->terms + 4 * (m - 1));
    if (noisy) s->count *= 2;
    s->count = ebim__min_int(s->count, N - 1);
    if (s->count < m + 1) return EBIM_ERR_DATA;
    s->T = EBIM__NEW(a, ebim_real, ebim__times(all, (size_t)(m * n)));
    s->C = EBIM__NEW(a, ebim_real, ebim__times(all, terms * (size_t)n));
    s->reach = EBIM__NEW(a, double, all);
    s->span = EBIM__NEW(a, double, m > 1 ? 1 : 2 * all);
    s->out = EBIM__NEW(a, ebim_real, ebim__times(all, (size_t)m));
    s->row = EBIM__NEW(a, double, (size_t)(s->count + 1) * (size_t)n);
    s->V = EBIM__NEW(a, double, 2 * (size_t)m * (size_t)n);
    s->A = EBIM__NEW(a, double, terms * terms);
    s->B = EBIM__NEW(a, double, terms * (size_t)n);
    s->p = EBIM__NEW(a, double, terms);
    return ebim__tree_init(&s->tree, a, N, n, s->count + 1);
}

/* Least squares on the neighbours of q found last: T stands in V; coefficients -> B, for u in units
 * of h */
static void ebim__quadric_fit(ebim__quadrics *s, const ebim_real *q, double h)
{
    int n = s->n, m = s->m, t = s->terms, i, j, c, r, at, found = s->tree.found;
    double *z = s->row, *p = s->p;
    memset(s->A, 0, sizeof *s->A * (size_t)(t * t));
    memset(s->B, 0, sizeof *s->B * (size_t)(t * n));
    for (r = 0; r < found; r++) {
        const ebim_real *y = ebim__nth(s->x, s->tree.hood[r], n);
        for (c = 0; c < n; c++) z[c] = (double)y[c] - (double)q[c];
        for (j = 0; j < m; j++) p[1 + j] = ebim__inner64(n, z, s->V + j * n);
        for (j = 0; j < m; j++)
            for (c = 0; c < n; c++) z[c] -= p[1 + j] * s->V[j * n + c];
        for (p[0] = 1, j = 0; j < m; j++) p[1 + j] /= h;
        for (at = 1 + m, j = 0; j < m; j++)
            for (i = j; i < m; i++) p[at++] = p[1 + j] * p[1 + i];
        for (i = 0; i < t; i++) {
            for (j = 0; j < t; j++) s->A[i * t + j] += p[i] * p[j];
            for (c = 0; c < n; c++) s->B[i * n + c] += p[i] * z[c];
        }
    }
    for (i = 0; i < t; i++) s->A[i * (t + 1)] += 1e-6 * found; /* few may stand in a row */
    ebim__normal_equations(t, s->A, n, s->B);
}

/* Where the mean of row i's neighbours, which are within h, is to one side -> out. V holds T. */
static void ebim__quadric_edge(ebim__quadrics *s, int i, double h, int found)
{
    const ebim_real *q = ebim__nth(s->x, i, s->n);
    double *mean = s->p, length = 0;
    int n = s->n, m = s->m, j, c, r;
    for (j = 0; j < m; j++) {
        for (mean[j] = 0, r = 0; r < found; r++) {
            const ebim_real *y = ebim__nth(s->x, s->tree.hood[r], n);
            for (c = 0; c < n; c++) mean[j] += s->V[j * n + c] * ((double)y[c] - (double)q[c]);
        }
        mean[j] /= found;
        length += mean[j] * mean[j];
    }
    length = sqrt(length);
    for (j = 0; j < m; j++)
        s->out[i * m + j] =
            EBIM__R(length > h * (m > 1 ? ebim__quadric_end.aside : ebim__quadric_end.aside_curve)
                        ? -mean[j] / length : 0);
}

/* Row i and the two it is between, as if found; V <- the way along which these lie on either side,
 * as unit vectors. Where it turns sharply this is T: turned on, both could come to lie on one side.
 * Returns how often T is to be turned. */
static int ebim__quadric_between(ebim__quadrics *s, int i)
{
    const int32_t *next = s->next + 2 * i;
    const ebim_real *x = s->x;
    double *d2 = s->tree.d2;
    int j, c, n = s->n;
    s->tree.found = 3;
    s->tree.hood[0] = (int32_t)i;
    memset(s->V, 0, (size_t)n * sizeof *s->V);
    for (d2[0] = 0, j = 0; j < 2; j++) {
        s->tree.hood[1 + j] = next[j];
        d2[1 + j] = ebim__square_distance(n, ebim__nth(x, i, n), ebim__nth(x, next[j], n));
        for (c = 0; c < n; c++)
            s->V[c] += ((double)x[next[j] * n + c] - (double)x[i * n + c]) *
                       (j ? 1 : -1) / (sqrt(d2[1 + j]) + DBL_MIN);
    }
    d2[2] = fmax(d2[1], d2[2]);
    ebim__orthonormal_rows(1, n, s->V, 1e-24);
    return ebim__rows_turn(n, x, next[0], (int32_t)i, next[1]) < ebim__quadric_end.sharp ? 2 : 0;
}

static void ebim__quadrics_at(ebim__quadrics *s, int i)
{
    int n = s->n, m = s->m, j, c, turns = 2, found = 3, between = s->next && s->next[2 * i] >= 0;
    const ebim_real *q = ebim__nth(s->x, i, n);
    double total, off, h;
    if (between) turns = ebim__quadric_between(s, i);
    else found = ebim__tree_near(&s->tree, q, s->count + 1, HUGE_VAL);
    h = sqrt(s->tree.d2[found - 1]);
    if (!(h > 0)) h = 1;
    if (!between) {
        ebim__tree_rows(&s->tree, q, found, s->row);
        ebim__leading_rows(found, n, m, s->row, s->V, s->V + m * n, 1e-6, &total, &off);
    }
    for (;; turns--) {
        ebim__quadric_fit(s, q, h);
        if (!turns) break;
        for (j = 0; j < m; j++)
            for (c = 0; c < n; c++) s->V[j * n + c] += s->B[(1 + j) * n + c] / h;
        ebim__orthonormal_rows(m, n, s->V, 1e-24);
    }
    for (c = 0; c < m * n; c++) s->T[(size_t)i * (size_t)(m * n) + (size_t)c] = EBIM__R(s->V[c]);
    for (j = 0; j < s->terms; j++) {
        double scale = !j ? 1 : j <= m ? 1 / h : 1 / (h * h);
        for (c = 0; c < n; c++)
            s->C[((size_t)i * (size_t)s->terms + (size_t)j) * (size_t)n + (size_t)c] =
                EBIM__R(scale * s->B[j * n + c]);
    }
    s->reach[i] = sqrt(s->tree.d2[ebim__min_int(2 * m, found - 1)]);
    for (j = 0; j < 2 && m == 1; j++) {
        double *end = s->span + 2 * i + j;
        *end = between ? 0 : j ? HUGE_VAL : -HUGE_VAL;
        for (c = 0; c < n && between; c++)
            *end += s->V[c] * ((double)s->x[s->next[2 * i + j] * n + c] - (double)q[c]);
    }
    ebim__quadric_edge(s, i, h, found);
    ebim__work(s->tree.watch, 3.0 * s->terms * (found * (s->terms + n) + s->terms * s->terms));
}

/* order: [N] scratch; returns how far neighbours are, at the median */
static double ebim__quadrics_make(ebim__quadrics *s, const ebim_real *x, int32_t *order)
{
    double median;
    int i;
    s->x = x;
    ebim__tree_build(&s->tree, s->N, x, NULL);
    for (i = 0; i < s->N && !ebim__stopped(s->tree.watch); i++) ebim__quadrics_at(s, i);
    median = ebim__quantile(i, s->reach, order, 0.5);
    for (i = 0; i < s->N; i++) s->reach[i] = fmax(s->reach[i], median);
    return median;
}

/* y on quadric i above u -> y: [n]; its derivatives -> D: [m][n] */
static void ebim__quadric_point(const ebim__quadrics *s, int i, const double *u, double *y,
                                double *D)
{
    int n = s->n, m = s->m, j, l, c, at = 1 + m;
    const ebim_real *T = ebim__nth(s->T, i, m * n), *C = ebim__nth(s->C, i, s->terms * n);
    const ebim_real *x = ebim__nth(s->x, i, n);
    for (c = 0; c < n; c++) y[c] = (double)x[c] + (double)C[c];
    for (j = 0; j < m; j++)
        for (c = 0; c < n; c++) {
            D[j * n + c] = (double)T[j * n + c] + (double)C[(1 + j) * n + c];
            y[c] += u[j] * D[j * n + c];
        }
    for (j = 0; j < m; j++)
        for (l = j; l < m; l++, at++)
            for (c = 0; c < n; c++) {
                double q = (double)C[at * n + c];
                y[c] += q * u[j] * u[l];
                D[j * n + c] += q * u[l];
                D[l * n + c] += q * u[j];
            }
}

/* u: [m] of quadric i comes as near as its neighbours, and hardly beyond an end of the data. */
static void ebim__quadric_clamp(const ebim__quadrics *s, int i, double *u)
{
    const ebim_real *out = ebim__nth(s->out, i, s->m);
    double r = sqrt(ebim__inner64(s->m, u, u)), beyond = -ebim__quadric_end.beyond * s->reach[i];
    int j;
    for (j = 0; j < s->m && r > s->reach[i]; j++) u[j] *= s->reach[i] / r;
    if (s->m == 1) u[0] = fmin(fmax(u[0], s->span[2 * i]), s->span[2 * i + 1]);
    for (j = 0; j < s->m; j++) beyond += u[j] * (double)out[j];
    for (j = 0; j < s->m && beyond > 0; j++) u[j] -= beyond * (double)out[j];
}

/* The foot of x on quadric i -> foot: [n], by Gauss and Newton; its squared distance. D: [m][n]
 * scratch */
static double ebim__quadric_foot(const ebim__quadrics *s, int i, const ebim_real *x, double *foot,
                                 double *D)
{
    int n = s->n, m = s->m, j, l, c, it;
    const ebim_real *T = ebim__nth(s->T, i, m * n), *at = ebim__nth(s->x, i, n);
    double u[EBIM__CHART_M], A[EBIM__CHART_M * EBIM__CHART_M], b[EBIM__CHART_M], d2 = 0;
    for (j = 0; j < m; j++)
        for (u[j] = 0, c = 0; c < n; c++)
            u[j] += (double)T[j * n + c] * ((double)x[c] - (double)at[c]);
    for (it = 0;; it++) {
        ebim__quadric_clamp(s, i, u);
        ebim__quadric_point(s, i, u, foot, D);
        if (it == 3) break;
        for (j = 0; j < m; j++) {
            for (b[j] = 0, c = 0; c < n; c++) b[j] += D[j * n + c] * ((double)x[c] - foot[c]);
            for (l = 0; l < m; l++) A[j * m + l] = ebim__inner64(n, D + j * n, D + l * n);
            A[j * m + j] += DBL_MIN;
        }
        ebim__normal_equations(m, A, 1, b);
        for (j = 0; j < m; j++) u[j] += b[j];
    }
    for (c = 0; c < n; c++) d2 += ((double)x[c] - foot[c]) * ((double)x[c] - foot[c]);
    return d2;
}

/* ============================================================================================
 * >>sides  which side of a hypersurface is which
 *
 * The normals of quadrics are turned until all point to one side of M. A pair of neighbours whose
 * normals are alike, and neither of whom lies along the other's normal, is turned alike; the pairs
 * that are most alike come first (Hoppe et al. 1992). Parts that no such pair joins are left:
 * pieces of M, and sheets that come close to each other. (Along a curve that its data draw normals
 * are alike, however it bends.) Balls without data turn those: a ball is
 * on one side of all data that are nearest to one of its points. Where balls contradict each other,
 * or see data end, M has no sides. Cost: a query of the tree for each datum, and two for each ball.
 * ========================================================================================= */

enum {
    EBIM__SIDES_NEAR = 6,     /* neighbours of a datum */
    EBIM__SIDES_PARTS = 64,   /* at most */
    EBIM__SIDES_BALLS = 10000,
    EBIM__SIDES_COORDINATES = 4 /* of data whose sides are looked for, at most */
};

static const struct { double alike, deep, plain, inside, told; } ebim__sides_bound = {
    0.5, /* alike: 1 - |cos| of two normals plus the mean |cos| of these with the line between */
    4, /* deep: reaches of the nearest row, from which on all points are plain, but beyond ends */
    0.5, /* plain: |cos| from which on a point is on a side of a datum, not beyond its end */
    0.9, /* inside: share of a ball's radius that its points are drawn from */
    0.02 /* told: contradictions of balls, in shares of the deep ones, at most: smooth sets 0.001, a
          * square 0.010, ends of a half circle 0.031, a hemisphere's edge 0.029, crossings 0.032.
          * Cubes, 0.015 to 0.033, are refused at times: networks without sides are left */
};

typedef struct ebim__sides {
    int N, n;
    ebim_real *normal;        /* [N][n] to one side */
    double *weight;           /* [NEAR N] of pairs, see `alike`; scratch, like all below */
    int32_t *order, *second;  /* [NEAR N] */
    int32_t *parent, *part;   /* [N] of union-find; the number of each row's part */
    signed char *side;        /* [N] of union-find */
    int32_t *first;           /* [PARTS] a row of each */
    int32_t *vote;            /* [PARTS][PARTS] balls that see two parts alike, less the others */
    ebim_real *ball;          /* [2][n] its centre, another point */
    int parts;
    double odd;               /* balls that contradict, or see M end, per deep ball */
} ebim__sides;

static ebim_result ebim__sides_init(ebim__sides *s, ebim_arena *a, int N, int n)
{
    size_t rows = (size_t)N, pairs = EBIM__SIDES_NEAR * rows;
    s->N = N;
    s->n = n;
    s->normal = EBIM__NEW(a, ebim_real, ebim__times(rows, (size_t)n));
    s->weight = EBIM__NEW(a, double, pairs);
    EBIM__NEW_EACH(a, int32_t, pairs, &s->order, &s->second);
    EBIM__NEW_EACH(a, int32_t, rows, &s->parent, &s->part);
    s->side = EBIM__NEW(a, signed char, rows);
    s->first = EBIM__NEW(a, int32_t, EBIM__SIDES_PARTS);
    s->vote = EBIM__NEW(a, int32_t, EBIM__SIDES_PARTS * EBIM__SIDES_PARTS);
    s->ball = EBIM__NEW(a, ebim_real, 2 * n);
    return a->failed;
}

/* The unit vector that T: [n - 1][n] leaves, to any side: what it leaves of the axis it holds
 * least of */
static void ebim__sides_normal(int n, const ebim_real *T, ebim_real *v)
{
    int best = 0, c, j;
    double least = HUGE_VAL, length;
    for (c = 0; c < n; c++) {
        double held = 0;
        for (j = 0; j < n - 1; j++) held += (double)T[j * n + c] * (double)T[j * n + c];
        if (held < least) least = held, best = c;
    }
    for (c = 0; c < n; c++) {
        double left = c == best;
        for (j = 0; j < n - 1; j++) left -= (double)T[j * n + best] * (double)T[j * n + c];
        v[c] = EBIM__R(left);
    }
    length = sqrt(ebim__dot64(n, v, v));
    for (c = 0; c < n; c++) v[c] = EBIM__R((double)v[c] / length);
}

/* cos of y - x, x row i, with its normal */
static double ebim__sides_cos(const ebim__sides *s, const ebim_real *x, int i, const ebim_real *y)
{
    const ebim_real *v = ebim__nth(s->normal, i, s->n), *from = ebim__nth(x, i, s->n);
    double along = 0, d2 = ebim__square_distance(s->n, from, y);
    int c;
    for (c = 0; c < s->n; c++) along += (double)v[c] * ((double)y[c] - (double)from[c]);
    return d2 > 0 ? along / sqrt(d2) : 0;
}

/* Pairs of neighbours in the order of their weights; returns how many. */
static int ebim__sides_pairs(ebim__sides *s, const ebim_real *x, ebim__tree *tree)
{
    int i, j, n = s->n, count;
    for (i = 0; i < s->N && !ebim__stopped(tree->watch); i++) {
        int found = ebim__tree_others(tree, ebim__nth(x, i, n), EBIM__SIDES_NEAR);
        const ebim_real *v = ebim__nth(s->normal, i, n);
        for (j = 0; j < EBIM__SIDES_NEAR; j++) {
            int at = i * EBIM__SIDES_NEAR + j, other = j < found ? tree->hood[j] : i;
            double cos = ebim__dot64(n, v, ebim__nth(s->normal, other, n));
            s->second[at] = (int32_t)other;
            s->weight[at] = j >= found ? 2 : 1 - fabs(cos) +
                (fabs(ebim__sides_cos(s, x, i, ebim__nth(x, other, n))) +
                 fabs(ebim__sides_cos(s, x, other, ebim__nth(x, i, n)))) / 2;
        }
    }
    count = i * EBIM__SIDES_NEAR;
    for (i = 0; i < count; i++) s->order[i] = i;
    ebim__sort(s->order, count, ebim__compare_values, s->weight);
    return count;
}

/* Numbers the parts -> part, parts; turns normals by their sides. */
static void ebim__sides_turn(ebim__sides *s)
{
    int i, c, side;
    s->parts = 0;
    for (i = 0; i < s->N; i++) {
        if (ebim__find_side(s->parent, s->side, i, &side) != i) continue;
        if (s->parts < EBIM__SIDES_PARTS) s->first[s->parts] = i;
        s->part[i] = s->parts++;
    }
    for (i = 0; i < s->N; i++) {
        int32_t root = ebim__find_side(s->parent, s->side, i, &side);
        s->part[i] = s->part[root];
        for (c = 0; c < s->n && side < 0; c++) s->normal[i * s->n + c] = -s->normal[i * s->n + c];
    }
    for (i = 0; i < s->N; i++) s->side[i] = 1; /* all normals of a part point to one side now */
}

/* A ball without data about a random point: near the data, or anywhere; its radius, and the row
 * that is nearest -> at */
static double ebim__sides_ball(ebim__sides *s, const ebim_real *x, ebim__tree *tree, ebim_rng *rng,
                               const double *lo, const double *hi, int *at)
{
    int n = s->n, c, row = (int)ebim_rng_below(rng, (uint32_t)s->N);
    int afar = ebim_rng_below(rng, 2) != 0;
    double size = 0.01 * pow(30, (double)ebim_rng_uniform(rng));
    ebim_rng_sphere(rng, n, s->ball);
    for (c = 0; c < n; c++)
        s->ball[c] = afar ? ebim__between(rng, lo[c], hi[c])
                          : x[row * n + c] + EBIM__R(size) * s->ball[c];
    ebim__tree_near(tree, s->ball, 1, HUGE_VAL);
    *at = tree->hood[0];
    return sqrt(tree->d2[0]);
}

/* Counts what balls tell: of two parts -> vote; of one -> odd */
static void ebim__sides_balls(ebim__sides *s, const ebim_real *x, const double *reach,
                              ebim__tree *tree, ebim_rng *rng, const double *lo, const double *hi)
{
    int b, c, n = s->n, odd = 0, told = 0;
    memset(s->vote, 0, EBIM__SIDES_PARTS * EBIM__SIDES_PARTS * sizeof *s->vote);
    for (b = 0; b < EBIM__SIDES_BALLS && !ebim__stopped(tree->watch); b++) {
        int i, j, alike;
        double r = ebim__sides_ball(s, x, tree, rng, lo, hi, &i), cos, other;
        ebim_real *y = s->ball + n;
        if (!(r > reach[i])) continue;
        cos = ebim__sides_cos(s, x, i, s->ball);
        if (r > ebim__sides_bound.deep * reach[i]) {
            told++;
            odd += fabs(cos) < ebim__sides_bound.plain;
        }
        ebim_rng_sphere(rng, n, y);
        r *= ebim__sides_bound.inside * pow((double)ebim_rng_uniform(rng), 1.0 / n);
        for (c = 0; c < n; c++) y[c] = s->ball[c] + EBIM__R(r) * y[c];
        ebim__tree_near(tree, y, 1, HUGE_VAL);
        j = tree->hood[0];
        if (i == j) continue;
        other = ebim__sides_cos(s, x, j, y);
        if (fabs(cos) < ebim__sides_bound.plain || fabs(other) < ebim__sides_bound.plain) continue;
        alike = cos * other > 0 ? 1 : -1;
        if (s->part[i] == s->part[j]) odd += alike < 0;
        else {
            s->vote[s->part[i] * EBIM__SIDES_PARTS + s->part[j]] += alike;
            s->vote[s->part[j] * EBIM__SIDES_PARTS + s->part[i]] += alike;
        }
    }
    s->odd = told ? (double)odd / told : 1;
}

/* Joins the two parts that the balls tell most about; 0: they tell of none. */
static int ebim__sides_join(ebim__sides *s)
{
    int a, b, p = 0, q = 0, most = 0, way;
    for (a = 0; a < s->parts; a++)
        for (b = 0; b < a; b++) {
            int vote = s->vote[a * EBIM__SIDES_PARTS + b];
            if (vote < 0) vote = -vote;
            if (vote > most) most = vote, p = a, q = b;
        }
    if (!most) return 0;
    way = s->vote[p * EBIM__SIDES_PARTS + q] > 0 ? 1 : -1;
    ebim__unite_side(s->parent, s->side, s->first[p], s->first[q], way);
    for (a = 0; a < s->parts; a++) { /* p becomes part of q */
        int v = way * s->vote[p * EBIM__SIDES_PARTS + a];
        s->vote[q * EBIM__SIDES_PARTS + a] += v;
        s->vote[a * EBIM__SIDES_PARTS + q] += v;
        s->vote[p * EBIM__SIDES_PARTS + a] = s->vote[a * EBIM__SIDES_PARTS + p] = 0;
    }
    s->vote[q * EBIM__SIDES_PARTS + q] = 0;
    return 1;
}

/* Turns the normals of quadrics; 0: M has no sides that all of it agrees on. */
static int ebim__sides_make(ebim__sides *s, ebim__quadrics *q, ebim_rng *rng, const double *lo,
                            const double *hi)
{
    int i, count;
    for (i = 0; i < s->N; i++) {
        const ebim_real *T = ebim__nth(q->T, i, q->m * s->n);
        ebim_real *v = s->normal + (size_t)i * (size_t)s->n;
        ebim__sides_normal(s->n, T, v);
        s->parent[i] = i;
        s->side[i] = 1;
        if (!q->next) continue;
        v[0] = -T[1]; /* a curve, in the plane */
        v[1] = T[0];
    }
    for (i = 0; i < 2 * s->N && q->next; i++) {
        int32_t a = i / 2, b = q->next[i];
        int way = b >= 0 && q->next[2 * b + 1 - i % 2] == a ? 1 : -1;
        if (b >= 0) ebim__unite_side(s->parent, s->side, a, b, way);
    }
    count = ebim__sides_pairs(s, q->x, &q->tree);
    for (i = 0; i < count && s->weight[s->order[i]] < ebim__sides_bound.alike; i++) {
        int a = s->order[i] / EBIM__SIDES_NEAR, b = s->second[s->order[i]], alike;
        if (q->next && q->next[2 * a] >= 0 && q->next[2 * b] >= 0) continue;
        alike = ebim__dot64(s->n, ebim__nth(s->normal, a, s->n), ebim__nth(s->normal, b, s->n)) > 0;
        ebim__unite_side(s->parent, s->side, (int32_t)a, (int32_t)b, alike ? 1 : -1);
    }
    ebim__sides_turn(s);
    if (s->parts > EBIM__SIDES_PARTS) return 0;
    ebim__sides_balls(s, q->x, q->reach, &q->tree, rng, lo, hi);
    while (ebim__sides_join(s)) {}
    ebim__sides_turn(s);
    ebim__sides_balls(s, q->x, q->reach, &q->tree, rng, lo, hi);
    return s->odd < ebim__sides_bound.told;
}

/* ============================================================================================
 * >>field  training of displacement fields: F for any codimension and topology; by sides
 *
 * F(x) = x - D(x) is the way from the nearest point of M: n outputs for k equations, and near M its
 * Jacobian is the projector on the normal space, of rank k (see ebim_field). No framing of the
 * normal bundle is asked for, without which k outputs have other zeros or do not exist: M may be
 * knotted or not orientable, and ends where the bounds do. One more output g is a gate: 0 on M, 1 -
 * e^(-d^2 / 2 w^2) at a distance d. It shuts out the medial axis, where ways cancel.
 *
 * Targets: points off M, each with its foot on the quadrics of the nearest data (>>quadrics). Loss,
 * v uniform with |v|^2 = n, and N'N = I - T'T:
 *
 *     data  0.3 (10 E|F| + 100 E|F|^2) + slope/n E|J'v - N'N v|^2 + E g^2
 *     off   E|F - (y - foot)|^2 / (d^2 + 0.05^2) + E(g - gate(d))^2
 *
 * Where M has no ends the last layer is wide, and is fitted once more at the end, by least squares
 * on all data, slopes there and all points off M: it is linear in its weights, for which steps are
 * slow. Data weigh more than in training: sets come out half as far off. Beyond an end, where
 * targets turn sharply, that leaves F small for longer: a Moebius strip would run on by 1.3
 * spacings, not 0.7, and lose 0.04 nat.
 *
 * A hypersurface with sides (>>sides) has one output, the signed distance, and no gate: d with the
 * side's sign stands for the way, the normal for N'N v, |v| = 1. Without sides F finds signs of its
 * own, and doubles folds, or joins sheets, where these are finer than it sees at first.
 *
 * Where data lie in a plane of fewer dimensions the network sees only that: what leads off it is an
 * exact part of F. Cost: a step sweeps three batches; feet of 30 000 points. Lengths are in shares
 * of the data's size, |x| <= 1.
 * ========================================================================================= */

enum {
    EBIM__FIELD_ROWS = 20000, /* data that are learned from, at most */
    EBIM__FIELD_POOL = 30000, /* points off M, at most: 15 for each step */
    EBIM__FIELD_FEET = 3,     /* quadrics that each looks for its foot on */
    EBIM__FIELD_OFF = 2,      /* points off M a step, for each datum */
    EBIM__FIELD_LAST = 256,   /* width of the last hidden layer: of 192 a torus in R^20 is a tenth
                               * farther off, of 96 four fifths */
    EBIM__FIELD_LEARNED = 512, /* data that this takes: two for each of its inputs */
    EBIM__FIELD_FINE = 64,    /* frequencies that networks for curves see besides: with 32 one in
                               * R^50 is half again as far off, a trefoil a quarter */
    EBIM__FIELD_WAYS = 4,     /* directions that slopes at a datum are fitted in */
    EBIM__FIELD_JUDGED = 1000, /* data that the bounds are found by, */
    EBIM__FIELD_LEAST = 20    /* at least */
};

/* Points off M: of the pool, the share up to `until` is data plus noise of this size, log-uniform;
 * the rest fills the box. From the measurements of 13 sets of all kinds. */
static const struct { double until, least, most; } ebim__field_noise[] = {
    {0.5, 0.005, 0.15}, {0.8, 0.01, 0.5}};

static const struct {
    double norm, norm_high, norm_least, norm_closed, gap, gap_high, gap_add, gap_most;
    double open, open_least;
    double slope, afar, flat, gate;
} ebim__field_bound = {
    3, 1.5, 0.002, 0.003, /* norm: times its 0.95 and 0.998 quantiles on the data; at least, times
                       * m: where data are few, F errs along M. Where M has no ends it costs
                       * nothing: a Klein bottle had holes with 0.002 */
    3, 1.3, 0.02, 0.6, /* gap: the same; more; at most */
    1.2, 0.3,         /* open: times the largest on the data, plus 0.1; at least */
    0.7,              /* slope: times the 0.005 quantile */
    0.2,              /* a datum that is moved farther has come to another part of M */
    1e-5,             /* a direction with less variation, in shares of the size, is none */
    0.1               /* width of the gate, at least; else the distance of neighbours */
};

/* A bound of ||F|| that accepts nothing, in any units of the data: 0 would accept all of R^n. */
static const double ebim__field_nothing = 1e-150;

/* Beyond an edge of the data points go up to so many reaches, so large a share of the points off
 * M. Of the few rows that seem to be at ends of a curve most are not. */
static const struct { double most, share; } ebim__field_edge = {4, 0.1};

/* Of frequencies, which curves need where they have many harmonics: one of 25 in R^50 comes out 3.5
 * times as close, coils a fifth closer, the others alike; surfaces have no use for them. */
static const double ebim__field_scale = 8;

/* Least squares of the last layer: a datum that is r off weighs data / (r + least), a point off M
 * as in training, at most 400; ridge, of the mean of the diagonal, is what float cannot tell. */
static const struct { double data, least, ridge; } ebim__refit_bound = {50, 0.001, 1e-6};

typedef struct ebim__plane_of { /* the plane that data lie in: center + span of p rows */
    int n, p;                   /* p: its dimensions */
    double *center;             /* [n] */
    double *rows;               /* [n][n] orthonormal, the first p span it; these turned, [n][p] */
} ebim__plane_of;

enum { EBIM__PLANE_MOST = 128 }; /* coordinates; of more all are taken */

/* The fewest directions that N rows x need, at least `least` -> s. cov: [n][n] scratch */
static void ebim__plane_find(ebim__plane_of *s, int N, const ebim_real *x, int least, double *cov)
{
    int n = s->n, i, j, c, to;
    double most = ebim__field_bound.flat * ebim__field_bound.flat;
    memset(s->center, 0, (size_t)n * sizeof *s->center);
    memset(cov, 0, (size_t)n * (size_t)n * sizeof *cov);
    for (i = 0; i < N; i++)
        for (c = 0; c < n; c++) s->center[c] += (double)x[i * n + c] / N;
    for (i = 0; i < N; i++)
        for (c = 0; c < n; c++)
            for (j = 0; j <= c; j++)
                cov[c * n + j] += ((double)x[i * n + c] - s->center[c]) *
                                  ((double)x[i * n + j] - s->center[j]) / N;
    for (c = 0; c < n; c++)
        for (j = 0; j < c; j++) cov[j * n + c] = cov[c * n + j];
    ebim__symmetric_eigen(n, cov, s->rows);
    for (s->p = 0, i = 0; i < n; i++) s->p += cov[i * (n + 1)] > most;
    s->p = ebim__max_int(s->p, least);
    for (to = 0; to < n; to++) { /* the longest first */
        for (j = to, i = to + 1; i < n; i++)
            if (cov[i * (n + 1)] > cov[j * (n + 1)]) j = i;
        for (c = 0; c < n; c++) {
            double v = s->rows[j * n + c];
            s->rows[j * n + c] = s->rows[to * n + c];
            s->rows[to * n + c] = v;
        }
        cov[j * (n + 1)] = cov[to * (n + 1)];
    }
    for (i = 0; i < n; i++)
        for (c = 0; c < n && i < s->p; c++) s->rows[n * n + c * s->p + i] = s->rows[i * n + c];
}

static ebim_result ebim__plane_init(ebim__plane_of *s, int N, int n, const ebim_real *x, int least,
                                    ebim_arena *a)
{
    size_t square = n <= EBIM__PLANE_MOST ? (size_t)n * (size_t)n : 0;
    double *cov = EBIM__NEW(a, double, square);
    s->n = s->p = n;
    s->center = EBIM__NEW(a, double, n);
    s->rows = EBIM__NEW(a, double, 2 * square);
    if (ebim__ready(a) && square) ebim__plane_find(s, N, x, least, cov);
    return a->failed;
}

typedef struct ebim__field_desc {
    int dim, steps, batch, width; /* data a step; width of the network's layers */
    int refit;                  /* 1: the last one is EBIM__FIELD_LAST wide, and fitted once more */
    double rate, rate_end;
    double slope;               /* what the error of J'v weighs */
    int noisy;                  /* twice as many neighbours */
    const int32_t *next;        /* [N][2] rows that each is between on a curve, or -1; NULL */
    const double *lo, *hi;      /* [n] */
    const ebim_real *weights;   /* [N] of the data; NULL: all alike */
    int held;                   /* rows behind the N that are not learned from */
    int sides;                  /* 1: F is a signed distance */
    int lanes, in_order;
    double clip, decay;
    uint64_t seed;
    ebim_progress_fn progress;
    void *user;
} ebim__field_desc;

typedef struct ebim__field_net { /* what a field is recorded from */
    const ebim__field_desc *d;
    const ebim__plane_of *plane;
} ebim__field_net;

/* x - D(x), D in the plane, and the gate. The graph has as many nodes whatever the plane. */
static ebim_ref ebim__record_field(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__field_net *f = (const ebim__field_net *)user;
    const ebim__plane_of *s = f->plane;
    const double *rows = s->rows, *back = rows ? rows + (size_t)s->n * (size_t)s->n : NULL;
    int n = s->n, p = s->p, turned = n <= EBIM__PLANE_MOST, i;
    ebim_ref z, y, way, fine = 0;
    if (turned) x = ebim_affine(g, x, s->center, 1);
    z = y = turned ? ebim_matrix(g, x, p, rows) : x;
    if (f->d->dim == 1 && f->d->refit)
        fine = ebim_fourier(g, z, EBIM__FIELD_FINE, ebim__field_scale, f->d->seed);
    y = ebim_concat(g, ebim_scale(g, y, 4), ebim_scale(g, ebim_sumsq(g, y), 4));
    if (fine) y = ebim_concat(g, y, fine);
    for (i = 0; i < 3; i++)
        y = ebim_dense(g, y, i == 2 && f->d->refit ? EBIM__FIELD_LAST : f->d->width, EBIM_FN_SILU);
    y = ebim_dense(g, y, p + 1, EBIM_FN_IDENTITY);
    way = ebim_slice(g, y, 0, p);
    if (turned) way = ebim_matrix(g, way, n, back);
    return ebim_concat(g, ebim_sub(g, x, way), ebim_slice(g, y, p, 1));
}

/* The last layer that is trained */
static int ebim__field_top(const ebim_graph *g)
{
    int i = g->n_nodes - 1;
    while (i > 0 && (g->node[i].op != EBIM__OP_DENSE || g->node[i].frozen)) i--;
    return i;
}

/* Normal weights of variance 1 / fan in, biases of 0.5^2; the last layer begins next to 0. With the
 * uniform ones of ebim_init_theta coils fail, and other sets come out half as close. */
static void ebim__field_draw(ebim_graph *g, uint64_t seed)
{
    ebim_rng r;
    int i, q, last = ebim__field_top(g);
    ebim_rng_init(&r, seed, 0);
    for (i = 1; i <= last; i++) {
        const ebim__node *nd = &g->node[i];
        int in = g->node[nd->a].size, weights = in * nd->size;
        ebim_real w = EBIM__R((i == last ? 0.3 : 1) / sqrt((double)in));
        ebim_real b = EBIM__R(i == last ? 0 : 0.5);
        if (nd->op != EBIM__OP_DENSE || nd->frozen) continue;
        for (q = 0; q < nd->n_theta; q++)
            g->theta[nd->theta + q] = (q < weights ? w : b) * ebim_rng_normal(&r);
    }
}

typedef struct ebim__field {
    ebim__trainer t;
    const ebim__field_desc *d;
    const ebim__plane_of *plane;
    ebim__quadrics q;
    ebim_real *x, *weight;      /* [N][n], [N] the data that are learned from */
    ebim_real *y, *way;         /* [POOL][n] points off M, and from their feet */
    ebim_real *d2;              /* [POOL] squared length of that */
    ebim_real *off;             /* [OFF batch][n] */
    int32_t *which;             /* [OFF batch] */
    double *scratch;            /* [m + 3][n] */
    int32_t *order;             /* [N] scratch; `ends` rows that data hardly go on beyond */
    int ends;
    double gate;                /* its width */
    int pool;                   /* points of it */
    int ways;                   /* outputs for the way: n; 1: a signed distance */
    ebim__sides sides;          /* for that */
    int top, K, p;              /* the last layer, its inputs and one, its outputs for the way: */
    ebim_real *z, *sum, *root;  /* [K + p][stride], [K][K + p], [stride] of a block, */
    double *A, *B;              /* [K][K], [K][p] the equations of its least squares */
} ebim__field;

static void ebim__field_refit_init(ebim__field *s, ebim_arena *a)
{
    const ebim_graph *g = s->t.g;
    size_t K, p, S = (size_t)s->t.w.stride;
    s->top = ebim__field_top(g);
    s->K = g->node[g->node[s->top].a].size + 1;
    s->p = s->plane->p;
    K = (size_t)s->K, p = (size_t)s->t.n; /* at most; while memory is measured */
    s->z = EBIM__NEW(a, ebim_real, (K + p) * S);
    s->sum = EBIM__NEW(a, ebim_real, K * (K + p));
    s->root = EBIM__NEW(a, ebim_real, S);
    s->A = EBIM__NEW(a, double, K * K);
    s->B = EBIM__NEW(a, double, K * p);
}

static ebim_result ebim__field_init(ebim__field *s, ebim_arena *a, ebim_graph *F, int N,
                                    const ebim__field_desc *d, const ebim__plane_of *plane)
{
    size_t n = (size_t)ebim_inputs(F), rows;
    ebim_result r;
    memset(s, 0, sizeof *s);
    s->pool = ebim__min_int(EBIM__FIELD_POOL, 15 * ebim__min_int(d->steps, EBIM__FIELD_POOL));
    N = ebim__min_int(N, EBIM__FIELD_ROWS);
    rows = (size_t)N;
    EBIM__TRAINER(&s->t, d, EBIM_STAGE_MANIFOLD);
    s->d = d;
    s->ways = d->sides ? 1 : (int)n;
    s->plane = plane;
    r = ebim__trainer_init(&s->t, a, F, N, 1);
    if (!r) r = ebim__quadrics_init(&s->q, a, N, (int)n, d->dim, d->sides, d->noisy);
    s->x = EBIM__NEW(a, ebim_real, rows * n);
    s->weight = EBIM__NEW(a, ebim_real, d->weights ? rows : 1);
    if (d->weights) s->t.weights = s->weight;
    EBIM__NEW_EACH(a, ebim_real, EBIM__FIELD_POOL * n, &s->y, &s->way);
    s->d2 = EBIM__NEW(a, ebim_real, EBIM__FIELD_POOL);
    s->off = EBIM__NEW(a, ebim_real, EBIM__FIELD_OFF * (size_t)d->batch * n);
    s->which = EBIM__NEW(a, int32_t, EBIM__FIELD_OFF * d->batch);
    s->order = EBIM__NEW(a, int32_t, N);
    s->scratch = EBIM__NEW(a, double, (size_t)(d->dim + 3) * n);
    if (!r && d->sides) r = ebim__sides_init(&s->sides, a, N, (int)n);
    if (!r && d->refit) ebim__field_refit_init(s, a);
    return r ? r : a->failed;
}

/* Adds noise z: [n] in the plane of the data to y. */
static void ebim__field_shake(const ebim__plane_of *plane, const double *z, ebim_real *y)
{
    int n = plane->n, c, j;
    if (plane->p == n)
        for (c = 0; c < n; c++) y[c] += EBIM__R(z[c]);
    for (j = 0; j < plane->p && plane->p < n; j++) {
        double v = ebim__inner64(n, z, plane->rows + j * n);
        for (c = 0; c < n; c++) y[c] += EBIM__R(v * plane->rows[j * n + c]);
    }
}

/* y: [n] goes beyond the end of the data at row i. */
static void ebim__field_beyond(ebim__field *s, int i, ebim_real *y)
{
    const ebim__quadrics *q = &s->q;
    const ebim_real *out = ebim__nth(q->out, i, q->m), *T = ebim__nth(q->T, i, q->m * q->n);
    double by = ebim__field_edge.most * q->reach[i] * (double)ebim_rng_uniform(&s->t.rng);
    int j, c;
    for (j = 0; j < q->m; j++)
        for (c = 0; c < q->n; c++) y[c] += EBIM__R(by * (double)out[j]) * T[j * q->n + c];
}

/* Point i of the pool -> y: [n] */
static void ebim__field_point(ebim__field *s, int i, ebim_real *y)
{
    ebim_rng *rng = &s->t.rng;
    int n = s->t.n, c, q = 0, row = (int)ebim_rng_below(rng, (uint32_t)s->t.N), beyond;
    double part = (double)i / s->pool, sigma, *z = s->scratch;
    while (q < 2 && part >= ebim__field_noise[q].until) q++;
    beyond = s->ends && part >= 1 - ebim__field_edge.share;
    if (beyond) row = s->order[ebim_rng_below(rng, (uint32_t)s->ends)];
    if (beyond) q = 0;
    sigma = q == 2 ? 0 : ebim__field_noise[q].least *
                         pow(ebim__field_noise[q].most / ebim__field_noise[q].least,
                             (double)ebim_rng_uniform(rng));
    sigma *= 1.5 / sqrt((double)s->plane->p);
    memcpy(y, ebim__nth(s->x, row, n), (size_t)n * sizeof *y);
    for (c = 0; c < n; c++) {
        double v = sigma * (double)ebim_rng_normal(rng);
        if (q == 2) v = (double)ebim__between(rng, s->d->lo[c], s->d->hi[c]) - (double)y[c];
        z[c] = v;
    }
    ebim__field_shake(s->plane, z, y);
    if (beyond) ebim__field_beyond(s, row, y);
}

/* way[0] <- the signed distance of point i of the pool. The rows that its foot was looked for at
 * say which side it is on: the nearer, and the plainer, the more. */
static void ebim__field_sign(ebim__field *s, int i)
{
    const ebim__tree *tree = &s->q.tree;
    const ebim_real *y = ebim__nth(s->y, i, s->t.n);
    double side = 0;
    int j;
    for (j = 0; j < tree->found; j++) {
        double cos = ebim__sides_cos(&s->sides, s->x, tree->hood[j], y);
        side += cos * fabs(cos) / (tree->d2[j] + DBL_MIN);
    }
    s->way[i * s->t.n] = EBIM__R(side < 0 ? -sqrt((double)s->d2[i]) : sqrt((double)s->d2[i]));
}

static void ebim__field_pool(ebim__field *s)
{
    int n = s->t.n, i, j, c;
    double *foot = s->scratch, *best = foot + n, *D = best + n;
    for (s->ends = i = 0; i < s->t.N && s->q.m > 1; i++) {
        const ebim_real *out = ebim__nth(s->q.out, i, s->q.m);
        if (ebim__dot64(s->q.m, out, out) > 0) s->order[s->ends++] = (int32_t)i;
    }
    for (i = 0; i < s->pool && !ebim__stopped(s->t.w.watch); i++) {
        ebim_real *y = s->y + (size_t)i * (size_t)n, *way = s->way + (size_t)i * (size_t)n;
        double least = HUGE_VAL;
        ebim__field_point(s, i, y);
        ebim__tree_near(&s->q.tree, y, EBIM__FIELD_FEET, HUGE_VAL);
        for (j = 0; j < s->q.tree.found; j++) {
            double d2 = ebim__quadric_foot(&s->q, s->q.tree.hood[j], y, foot, D);
            if (!(d2 < least)) continue;
            least = d2;
            memcpy(best, foot, (size_t)n * sizeof *best);
        }
        if (!ebim__finite64(least)) { /* no quadric: the nearest datum */
            const ebim_real *x = ebim__nth(s->x, s->q.tree.hood[0], n);
            for (c = 0; c < n; c++) best[c] = (double)x[c];
            least = ebim__square_distance(n, x, y);
        }
        for (c = 0; c < n; c++) way[c] = EBIM__R((double)y[c] - best[c]);
        s->d2[i] = EBIM__R(least);
        ebim__work(s->q.tree.watch, 4.0 * s->q.tree.found * n * s->q.m * (s->q.m + s->q.terms));
        if (s->d->sides) ebim__field_sign(s, i);
    }
}

/* |F| without the gate -> t->norm */
static void ebim__field_norms(ebim__trainer *t, int ways)
{
    const ebim_real *y = ebim_ws_y(&t->w);
    int i, l, S = t->w.stride;
    for (l = 0; l < t->w.lanes; l++) {
        ebim_real s = 0;
        for (i = 0; i < ways * S; i += S) s += y[i + l] * y[i + l];
        t->norm[l] = EBIM__SQRT(s);
    }
}

/* Cotangents of a datum's F and gate, and v, of lane l; returns its loss. weight 0: it has none */
static double ebim__field_seed(ebim__trainer *t, int l, int n, ebim_real weight)
{
    ebim_ws *w = &t->w;
    const ebim_real *y = ebim_ws_y(w);
    ebim_real *v = ebim_ws_yg(w, 0), *e = ebim_ws_yg(w, 1), r = t->norm[l], square = 0, gate;
    ebim_real slope = weight > 0 && r > 0 ? EBIM__R(0.3) * weight * (10 / r + 200) : 0;
    int S = w->stride, i;
    for (i = 0; i < n; i++) {
        v[i * S + l] = slope * y[i * S + l];
        e[i * S + l] = ebim_rng_normal(&t->rng);
        square += e[i * S + l] * e[i * S + l];
    }
    gate = w->k > n ? y[n * S + l] : 0;
    for (; i < w->k; i++) {
        v[i * S + l] = 2 * weight * gate;
        e[i * S + l] = 0;
    }
    square = weight > 0 && square > 0 ? EBIM__SQRT((ebim_real)n / square) : 0;
    for (i = 0; i < n; i++) e[i * S + l] *= square;
    if (!(weight > 0)) return 0;
    return (double)weight *
           (0.3 * (10 * (double)r + 100 * (double)(r * r)) + (double)(gate * gate));
}

/* J'v as it should be at datum `row`, times -1, is added to c: N'N v, or v times the normal */
static void ebim__field_normal(ebim__field *s, int l, int row, ebim_real *c)
{
    ebim_ws *w = &s->t.w;
    const ebim_real *e = ebim_ws_yg(w, 1), *T = ebim__nth(s->q.T, row, s->d->dim * s->t.n);
    int n = s->t.n, S = w->stride, i, j;
    if (s->d->sides) {
        const ebim_real *normal = ebim__nth(s->sides.normal, row, n);
        for (i = 0; i < n; i++) c[i * S + l] -= e[l] * normal[i];
        return;
    }
    for (i = 0; i < n; i++) c[i * S + l] -= e[i * S + l];
    for (j = 0; j < s->d->dim; j++, T += n) {
        ebim_real p = 0;
        for (i = 0; i < n; i++) p += T[i] * e[i * S + l];
        for (i = 0; i < n; i++) c[i * S + l] += p * T[i];
    }
}

/* xt(1) of lane l <- the gradient by J'v of slope times its squared error; returns that. */
static double ebim__field_slope(ebim__field *s, int l, int row, ebim_real slope)
{
    ebim_ws *w = &s->t.w;
    const ebim_real *g = ebim_ws_xg(w, 1);
    ebim_real *c = ebim_ws_xt(w, 1);
    double loss = 0;
    int n = s->t.n, S = w->stride, i;
    for (i = 0; i < n; i++) c[i * S + l] = g[i * S + l];
    ebim__field_normal(s, l, row, c);
    for (i = 0; i < n; i++) {
        loss += (double)(slope * c[i * S + l] * c[i * S + l]);
        c[i * S + l] *= 2 * slope;
    }
    return loss;
}

static double ebim__field_data(ebim__field *s)
{
    ebim__trainer *t = &s->t;
    ebim_ws *w = &t->w;
    int at, lanes, l;
    ebim_real weight = 1 / (ebim_real)t->batch;
    ebim_real slope = EBIM__R(s->d->slope) * weight / (ebim_real)s->ways;
    double loss = 0;
    EBIM__BLOCKS(at, lanes, w, t->batch, t->data, 2) {
        ebim__field_norms(t, s->ways);
        if (!ebim__mend(t, lanes, 2)) return HUGE_VAL;
        for (l = 0; l < w->lanes; l++)
            loss += ebim__field_seed(t, l, s->ways, l < lanes && t->norm[l] >= 0 ? weight : 0);
        ebim_vjp(w, 1, 1);
        for (l = 0; l < w->lanes; l++)
            loss += ebim__field_slope(s, l, t->pick[l < lanes ? at + l : at],
                                      l < lanes && t->norm[l] >= 0 ? slope : 0);
        ebim_jvp(w, 1, 1);
        ebim_backward(w, 1, t->grad);
    }
    return loss;
}

/* Cotangents of F and gate at point `row` of the pool in lane l; returns its loss. */
static double ebim__field_away(ebim__field *s, int l, int row, ebim_real weight)
{
    ebim_ws *w = &s->t.w;
    const ebim_real *y = ebim_ws_y(w), *way = ebim__nth(s->way, row, s->t.n);
    ebim_real *v = ebim_ws_yg(w, 0);
    double d2 = (double)s->d2[row], g = 1 - exp(-d2 / (2 * s->gate * s->gate)), loss = 0;
    ebim_real f = weight / EBIM__R(d2 + 0.05 * 0.05);
    int S = w->stride, i;
    for (i = 0; i < s->ways; i++) {
        ebim_real d = y[i * S + l] - way[i];
        v[i * S + l] = 2 * f * d;
        loss += (double)(f * d * d);
    }
    for (; i < w->k; i++) {
        g = (double)y[i * S + l] - g;
        v[i * S + l] = 2 * weight * EBIM__R(g);
        loss += (double)weight * g * g;
    }
    return loss;
}

static double ebim__field_off(ebim__field *s)
{
    ebim__trainer *t = &s->t;
    ebim_ws *w = &t->w;
    int n = t->n, at, lanes, l, i, count = EBIM__FIELD_OFF * t->batch;
    double loss = 0;
    for (i = 0; i < count; i++)
        s->which[i] = (int32_t)ebim_rng_below(&t->rng, (uint32_t)s->pool);
    ebim__take_rows(count, n, s->y, s->which, s->off);
    EBIM__BLOCKS(at, lanes, w, count, s->off, 1) {
        ebim__field_norms(t, s->ways);
        if (!ebim__mend(t, lanes, 1)) return HUGE_VAL;
        for (l = 0; l < w->lanes; l++) {
            int good = l < lanes && t->norm[l] >= 0;
            loss += ebim__field_away(s, l, s->which[l < lanes ? at + l : at],
                                     good ? 1 / (ebim_real)count : 0);
        }
        ebim_backward(w, 0, t->grad);
    }
    return loss;
}

static double ebim__field_loss(void *self, int step)
{
    ebim__field *s = (ebim__field *)self;
    double loss;
    (void)step;
    ebim__next_batch(&s->t, s->x);
    loss = ebim__field_data(s);
    return loss + ebim__field_off(s);
}

/* The block's lanes are added to the equations: h: [K - 1][stride] goes into the last layer, beside
 * `one`; e: [n][stride] is what F is off. */
static void ebim__refit_add(ebim__field *s, const ebim_real *h, ebim_real one, const ebim_real *e)
{
    ebim_ws *w = &s->t.w;
    const ebim_real *root = s->root;
    int n = s->t.n, K = s->K, p = s->p, S = w->stride, all = K + p, i, j, l;
    int turned = n <= EBIM__PLANE_MOST;
    ebim__pair both;
    for (i = 0; i < K; i++)
        for (l = 0; l < w->lanes; l++)
            s->z[i * S + l] = root[l] * (i < K - 1 ? h[i * S + l] : one);
    for (i = 0; i < p; i++) {
        ebim_real *z = s->z + (K + i) * S;
        for (l = 0; l < w->lanes; l++) z[l] = turned ? 0 : root[l] * e[i * S + l];
        for (j = 0; j < n && turned; j++)
            for (l = 0; l < w->lanes; l++)
                z[l] += EBIM__R(s->plane->rows[i * n + j]) * root[l] * e[j * S + l];
    }
    memset(s->sum, 0, (size_t)K * (size_t)all * sizeof *s->sum);
    both.d = both.x = s->z;
    w->kernels->outer(K, all, s->sum, all, &both, 1, S, w->lanes);
    for (i = 0; i < K; i++) {
        for (j = 0; j < K; j++) s->A[i * K + j] += (double)s->sum[i * all + j];
        for (j = 0; j < p; j++) s->B[i * p + j] += (double)s->sum[i * all + K + j];
    }
}

/* Points off M, `at` and on of the pool */
static void ebim__refit_off(ebim__field *s, int at, int lanes)
{
    ebim_ws *w = &s->t.w;
    ebim_real *e = ebim_ws_yg(w, 0);
    int n = s->t.n, S = w->stride, i, l;
    for (l = 0; l < w->lanes; l++) {
        int row = l < lanes ? at + l : at;
        const ebim_real *way = ebim__nth(s->way, row, n);
        s->root[l] = l < lanes ? 1 / EBIM__SQRT((s->d2[row] + EBIM__R(0.05 * 0.05)) *
                                                (ebim_real)s->pool) : 0;
        for (i = 0; i < n; i++) e[i * S + l] = ebim_ws_y(w)[i * S + l] - way[i];
    }
    ebim__refit_add(s, w->slot[s->t.g->node[s->top].a].v, 1, e);
}

/* Slopes of the data `at` and on, in one direction each */
static void ebim__refit_slope(ebim__field *s, int at, int lanes)
{
    ebim_ws *w = &s->t.w;
    ebim_real *e = ebim_ws_yg(w, 1), *u = ebim_ws_xt(w, 1), *c = ebim_ws_yt(w, 1);
    int n = s->t.n, S = w->stride, i, l;
    for (l = 0; l < w->lanes; l++) {
        double square = 0;
        s->root[l] = l < lanes ? EBIM__SQRT(EBIM__R(s->d->slope / (double)EBIM__FIELD_WAYS) /
                                            (ebim_real)s->t.N) : 0;
        for (i = 0; i < n; i++) {
            ebim_real v = u[i * S + l] = ebim_rng_normal(&s->t.rng);
            square += (double)(v * v);
        }
        for (i = 0; i < n; i++) u[i * S + l] *= EBIM__R(1 / sqrt(square + DBL_MIN));
        for (i = 0; i < n; i++) e[i * S + l] = u[i * S + l];
    }
    ebim_jvp(w, 1, 1);
    for (l = 0; l < w->lanes; l++) ebim__field_normal(s, l, l < lanes ? at + l : at, c);
    ebim__refit_add(s, w->slot[s->t.g->node[s->top].a].t, 0, c);
}

/* Least squares of the last layer, see above */
static void ebim__field_refit(ebim__field *s)
{
    ebim__trainer *t = &s->t;
    ebim_ws *w = &t->w;
    const ebim__node *top = &t->g->node[s->top];
    ebim_real *W = t->g->theta + top->theta;
    int K = s->K, p = s->p, at, lanes, l, i, j;
    double trace = 0;
    memset(s->A, 0, (size_t)(K * K) * sizeof *s->A);
    memset(s->B, 0, (size_t)(K * p) * sizeof *s->B);
    EBIM__BLOCKS(at, lanes, w, s->pool, s->y, 0) ebim__refit_off(s, at, lanes);
    EBIM__BLOCKS(at, lanes, w, t->N, s->x, 1) {
        ebim__field_norms(t, s->ways);
        for (l = 0; l < w->lanes; l++) {
            double weight = ebim__refit_bound.data / t->N;
            weight /= (double)t->norm[l] + ebim__refit_bound.least;
            s->root[l] = l < lanes ? EBIM__R(sqrt(weight)) : 0;
        }
        ebim__refit_add(s, w->slot[top->a].v, 1, ebim_ws_y(w));
        for (i = 0; i < EBIM__FIELD_WAYS; i++) ebim__refit_slope(s, at, lanes);
    }
    for (i = 0; i < K; i++) trace += s->A[i * (K + 1)];
    for (i = 0; i < K; i++) s->A[i * (K + 1)] += ebim__refit_bound.ridge * trace / K;
    ebim__normal_equations(K, s->A, p, s->B);
    if (ebim__stopped(w->watch) || !ebim__finite64(ebim__inner64(K * p, s->B, s->B))) return;
    for (j = 0; j < p; j++)
        for (i = 0; i < K; i++)
            W[i < K - 1 ? j * (K - 1) + i : top->size * (K - 1) + j] += EBIM__R(s->B[i * p + j]);
}

/* The bounds of F->field from N points that lie near M: what it has at their projections, and more.
 * Points that F has not learned from know better how it is between them. Where hardly any is
 * projected nothing was learned, and nothing is accepted. */
static ebim_result ebim__field_bounds(ebim_graph *F, int closed, int N, const ebim_real *x,
                                      ebim_arena *a)
{
    int n = ebim_inputs(F), m = n - F->field.codim, at, l, i, q, have = 0, run = ebim__ready(a);
    ebim_field *d = &F->field;
    ebim_project_desc pd;
    ebim_projector *p;
    ebim_real *from = EBIM__NEW(a, ebim_real, EBIM__FIELD_JUDGED * (size_t)n);
    ebim_real *y = EBIM__NEW(a, ebim_real, EBIM__FIELD_JUDGED * (size_t)n);
    ebim_real *distance = EBIM__NEW(a, ebim_real, EBIM__FIELD_JUDGED);
    unsigned char *ok = EBIM__NEW(a, unsigned char, EBIM__FIELD_JUDGED);
    double *v = EBIM__NEW(a, double, 4 * EBIM__FIELD_JUDGED);
    int32_t *order = EBIM__NEW(a, int32_t, EBIM__FIELD_JUDGED);
    ebim__frame *f;
    ebim_result r;
    memset(&pd, 0, sizeof pd);
    pd.method = EBIM_PROJECT_ONTO;
    pd.constraint.length = 1;
    r = ebim_projector_init(&p, a, F, &pd);
    if (r || !run) return r;
    d->norm = d->gap = d->slope = d->open = 0;
    N = ebim__spread(N, n, x, EBIM__FIELD_JUDGED, from);
    ebim_projector_run(p, N, from, y, distance, ok);
    f = &p->f;
    for (at = 0; at < N && !ebim__stopped(a->watch); at += f->stride) {
        int B = ebim__min_int(f->stride, N - at);
        ebim__to_lanes(ebim__nth(y, at, n), B, n, ebim_ws_x(&f->w), f->stride,
                       ebim__lanes(f->stride, B));
        ebim__frame_at(f, B, ebim_ws_x(&f->w));
        for (l = 0; l < B; l++) {
            double slope = HUGE_VAL;
            if (!ok[at + l] || f->singular[l] ||
                (double)distance[at + l] > ebim__field_bound.afar) continue;
            for (i = 0; i < f->k; i++)
                slope = fmin(slope, (double)f->G[i * (f->k + 1) * f->stride + l]);
            for (q = 0; q < 3; q++) v[q * EBIM__FIELD_JUDGED + have] = f->seen[q * f->stride + l];
            v[3 * EBIM__FIELD_JUDGED + have++] = slope;
        }
    }
    if (have < EBIM__FIELD_LEAST) {
        d->norm = ebim__field_nothing;
        return ebim__stopped(a->watch) ? EBIM_OK : EBIM_ERR_SOLVE;
    }
#define EBIM__SEEN(q, part) ebim__quantile(have, v + (q) * EBIM__FIELD_JUDGED, order, part)
    d->norm = fmax(fmax(ebim__field_bound.norm * EBIM__SEEN(0, 0.95),
                        ebim__field_bound.norm_high * EBIM__SEEN(0, 0.998)),
                   m * (closed ? ebim__field_bound.norm_closed : ebim__field_bound.norm_least));
    d->gap = fmax(ebim__field_bound.gap * EBIM__SEEN(1, 0.95),
                  ebim__field_bound.gap_high * EBIM__SEEN(1, 0.998));
    d->gap = fmin(d->gap + ebim__field_bound.gap_add, ebim__field_bound.gap_most);
    d->open = fmax(ebim__field_bound.open_least,
                   ebim__field_bound.open * EBIM__SEEN(2, 1) + 0.1);
    d->slope = ebim__field_bound.slope * EBIM__SEEN(3, 0.005);
#undef EBIM__SEEN
    return EBIM_OK;
}

/* Trains F, recorded for this plane, and finds its bounds */
static ebim_result ebim__field_train(ebim_graph *F, int N, const ebim_real *x,
                                     const ebim__field_desc *d, const ebim__plane_of *plane,
                                     ebim_arena *work, ebim_train_report *report)
{
    ebim__field s;
    ebim_result r = ebim__field_init(&s, work, F, N, d, plane), bounds;
    if (!r && ebim__ready(work)) {
        ebim__spread(N, s.t.n, x, EBIM__FIELD_ROWS, s.x);
        if (d->weights) ebim__spread(N, 1, d->weights, EBIM__FIELD_ROWS, s.weight);
        if (N <= EBIM__FIELD_ROWS) s.q.next = d->next;
        s.gate = fmax(ebim__field_bound.gate, ebim__quadrics_make(&s.q, s.x, s.order));
        if (d->sides && !ebim__stopped(work->watch) &&
            !ebim__sides_make(&s.sides, &s.q, &s.t.rng, d->lo, d->hi))
            return EBIM_ERR_SOLVE;
        ebim__field_pool(&s);
        r = ebim__train(&s.t, ebim__field_loss, &s);
        if (!r && d->refit && !ebim__stopped(work->watch)) ebim__field_refit(&s);
    }
    if (report) *report = s.t.report;
    if (d->sides || (r && r != EBIM_ERR_DIVERGED)) return r;
    if (d->held < 2 * EBIM__FIELD_LEAST) bounds = ebim__field_bounds(F, d->refit, s.t.N, s.x, work);
    else bounds = ebim__field_bounds(F, d->refit, d->held, x ? ebim__nth(x, N, s.t.n) : NULL, work);
    return bounds ? bounds : r;
}

/* ============================================================================================
 * >>equations  F without training: polynomials of degree two that vanish on the data
 *
 * Spheres, flat tori, rotations, orthonormal frames, linkages are where polynomials of degree two
 * are 0, all of M to rounding. With phi(u) the 1, u_i, u_i u_j of data u that are white in their
 * plane, these are the null vectors of E phi phi', made orthonormal as polynomials of x, for which
 * no direction is special. M is where they are 0 if their slopes J have the rank p - m at each
 * datum; what leads off the plane are linear equations. Of more than are needed as many mixtures
 * are kept as have that rank everywhere (rotations satisfy twenty: ten). Pitfalls: data with noise
 * satisfy none, and data that end are on a part of their zeros; of m > 3 a gap narrower than some
 * three spacings is closed, and not told. Cost: moments of N rows and (p + 1)(p + 2) / 2
 * monomials, eigenvectors.
 * ========================================================================================= */

enum {
    EBIM__EQUATIONS_P = 16,      /* coordinates of the plane: 153 monomials */
    EBIM__EQUATIONS_MORE = 3,    /* beyond codim, or m + 1: each costs all that moves along M */
    EBIM__EQUATIONS_ROWS = 4000, /* data that are looked at, at most; five for each monomial */
    EBIM__EQUATIONS_RANKED = 500, /* and at so many the rank */
    EBIM__EQUATIONS_MIXED = 100, /* data that equations are mixed for, in */
    EBIM__EQUATIONS_ROUNDS = 120 /* rounds: rotations take up to 100 */
};

static const struct { double zero, next, slope, even, over; } ebim__equations_bound = {
    1e-5, 1e-4, /* root mean square of a polynomial that is 0 on the data, and of one that is not,
                 * with monomials of mean square 1: coordinates in float make 1e-7. With one between
                 * these nothing is trusted */
    0.01, 0.2, 0.01 /* slope: the (p - m)th singular value of J is more than this share of the
                     * largest at each datum, even: and of its own mean over these; over: the next
                     * one is less than this share of the largest */
};

typedef struct ebim__equations {
    const ebim__plane_of *plane;
    const ebim_real *x;      /* [N][n] the data */
    int N, m, terms, count;  /* monomials; equations in the plane, 0: none */
    double *width;           /* [p] standard deviations in the plane */
    double *q;               /* [count][terms] the equations */
    double *u, *phi;         /* [p], [terms] of one datum */
    double *C, *V, *A, *B;   /* [terms][terms] moments, their eigenvectors; of slopes */
    double *J;               /* [terms][p] slopes in x */
    ebim_watch *watch;
} ebim__equations;

/* Equations that are kept, at most. Where k of them lose rank has m - 1 dimensions, so that with
 * m + 1 more, mixed at random, no such place is left on M. */
static int ebim__equations_most(int k, int m)
{
    return k + ebim__max_int(EBIM__EQUATIONS_MORE, m + 1);
}

static ebim_result ebim__equations_init(ebim__equations *s, const ebim__plane_of *plane, int m,
                                        ebim_arena *a)
{
    size_t p = plane->n <= EBIM__EQUATIONS_P ? (size_t)plane->n : 0, t = (p + 1) * (p + 2) / 2;
    memset(s, 0, sizeof *s);
    s->plane = plane;
    s->m = m;
    s->watch = a->watch;
    s->width = EBIM__NEW(a, double, p);
    s->u = EBIM__NEW(a, double, p);
    s->phi = EBIM__NEW(a, double, t);
    s->q = EBIM__NEW(a, double, (p + EBIM__EQUATIONS_MORE) * t);
    s->J = EBIM__NEW(a, double, p * t);
    EBIM__NEW_EACH(a, double, p ? t * t : 0, &s->C, &s->V);
    EBIM__NEW_EACH(a, double, p ? t * t : 0, &s->A, &s->B);
    return a->failed;
}

/* Datum r of `count` that are evenly spread, in the plane and white -> u */
static void ebim__equations_see(ebim__equations *s, int r, int count)
{
    const ebim__plane_of *plane = s->plane;
    int n = plane->n, j, c;
    const ebim_real *x = ebim__nth(s->x, (int)((int64_t)r * s->N / count), n);
    for (j = 0; j < plane->p; j++) {
        double v = 0;
        for (c = 0; c < n; c++) v += plane->rows[j * n + c] * ((double)x[c] - plane->center[c]);
        s->u[j] = v / s->width[j];
    }
}

/* Monomials of u -> phi, as ebim__record_products has them: squares times root 1/2 */
static void ebim__equations_terms(ebim__equations *s)
{
    int p = s->plane->p, i, j, at = 0;
    s->phi[at++] = 1;
    for (i = 0; i < p; i++) s->phi[at++] = s->u[i];
    for (i = 0; i < p; i++)
        for (j = i; j < p; j++) s->phi[at++] = (i == j ? sqrt(0.5) : 1) * s->u[i] * s->u[j];
}

/* The slopes at u, by x in the plane, of the polynomial q: [terms] -> J: [p] */
static void ebim__equations_slope(const ebim__equations *s, const double *q, double *J)
{
    int p = s->plane->p, i, j;
    const double *at = q + 1 + p;
    for (i = 0; i < p; i++) J[i] = q[1 + i];
    for (i = 0; i < p; i++)
        for (j = i; j < p; j++, at++) {
            double v = (i == j ? sqrt(0.5) : 1) * *at;
            J[i] += v * s->u[j];
            J[j] += v * s->u[i];
        }
    for (i = 0; i < p; i++) J[i] /= s->width[i];
}

/* Moments of the monomials of N data, in units of their root mean squares -> C; these -> phi */
static void ebim__equations_moments(ebim__equations *s, int N)
{
    int p = s->plane->p, t = s->terms, i, j, r;
    for (j = 0; j < p; j++) s->width[j] = 1;
    for (j = 0; j < p; j++) s->J[j] = 0;
    for (r = 0; r < N; r++) {
        ebim__equations_see(s, r, N);
        for (j = 0; j < p; j++) s->J[j] += s->u[j] * s->u[j] / N;
    }
    for (j = 0; j < p; j++) s->width[j] = s->J[j] > 0 ? sqrt(s->J[j]) : 1;
    memset(s->C, 0, (size_t)t * (size_t)t * sizeof *s->C);
    for (r = 0; r < N; r++) {
        if (ebim__work(s->watch, (double)t * t)) return;
        ebim__equations_see(s, r, N);
        ebim__equations_terms(s);
        for (i = 0; i < t; i++)
            for (j = 0; j <= i; j++) s->C[i * t + j] += s->phi[i] * s->phi[j] / N;
    }
    for (i = 0; i < t; i++) s->phi[i] = fmax(sqrt(s->C[i * (t + 1)]), 1e-12); /* one may be 0 */
    for (i = 0; i < t; i++)
        for (j = 0; j <= i; j++)
            s->C[j * t + i] = s->C[i * t + j] /= s->phi[i] * s->phi[j];
}

/* Null vectors of C, as polynomials of u made orthonormal as those of x -> the first rows of V;
 * returns how many */
static int ebim__equations_null(ebim__equations *s)
{
    int p = s->plane->p, t = s->terms, i, j, l, found = 0;
    const double *width = s->width;
    ebim__symmetric_eigen(t, s->C, s->V);
    for (i = 0; i < t; i++) {
        double mean = sqrt(fmax(s->C[i * (t + 1)], 0));
        if (mean >= ebim__equations_bound.next) continue;
        if (!(mean < ebim__equations_bound.zero)) return 0;
        for (j = 0; j < t; j++) s->V[found * t + j] = s->V[i * t + j] / s->phi[j];
        found++;
    }
    for (s->phi[0] = 1, l = 1 + p, i = 0; i < p; i++) /* what monomials of u have of those of x */
        for (s->phi[1 + i] = width[i], j = i; j < p; j++) s->phi[l++] = width[i] * width[j];
    for (i = 0; i < found; i++)
        for (j = 0; j < t; j++) s->V[i * t + j] /= s->phi[j];
    ebim__orthonormal_rows(found, t, s->V, 1e-24);
    for (i = 0; i < found; i++)
        for (j = 0; j < t; j++) s->V[i * t + j] *= s->phi[j];
    return found;
}

/* A step of the mixture S: [count][found] of slopes J: [found][p] towards a larger sum over N data
 * of log det(J'S'S J): S becomes orthonormal rows of S + S (10 / count) E J (J'S'S J)^-1 J'. */
static void ebim__equations_mix(ebim__equations *s, int found, int count, double *S, int N)
{
    int p = s->plane->p, t = s->terms, i, j, c, r;
    double *G = s->C, *H = s->A, *X = H + p * p, *row = X + p * found, step = 10.0 / count / N;
    memset(G, 0, (size_t)(found * found) * sizeof *G);
    for (r = 0; r < N; r++) {
        double trace = 0;
        ebim__equations_see(s, r, N);
        for (i = 0; i < found; i++) ebim__equations_slope(s, s->V + i * t, s->J + i * p);
        memset(H, 0, (size_t)(p * p) * sizeof *H);
        for (i = 0; i < count; i++) {
            memset(row, 0, (size_t)p * sizeof *row);
            for (j = 0; j < found; j++)
                for (c = 0; c < p; c++) row[c] += S[i * found + j] * s->J[j * p + c];
            for (j = 0; j < p * p; j++) H[j] += row[j / p] * row[j % p];
        }
        for (i = 0; i < p; i++) trace += H[i * (p + 1)];
        for (i = 0; i < p; i++) H[i * (p + 1)] += 1e-4 * trace + DBL_MIN; /* m of H are 0 */
        for (i = 0; i < p * found; i++) X[i] = s->J[i % found * p + i / found];
        ebim__normal_equations(p, H, found, X);
        for (i = 0; i < found; i++)
            for (c = 0; c < p; c++)
                for (j = 0; j < found; j++)
                    G[i * found + j] += step * s->J[i * p + c] * X[c * found + j];
    }
    for (i = 0; i < count; i++) {
        for (j = 0; j < found; j++)
            X[j] = S[i * found + j] + ebim__inner64(found, S + i * found, G + j * found);
        memcpy(S + i * found, X, (size_t)found * sizeof *S);
    }
    ebim__orthonormal_rows(count, found, S, 1e-24);
}

/* Of the `found` polynomials in V `count` mixtures -> V that lose rank nowhere */
static void ebim__equations_mixed(ebim__equations *s, int found, int count, int N)
{
    int t = s->terms, i, j, c, round;
    double *S = s->B;
    ebim_rng rng;
    ebim_rng_init(&rng, 1, 0);
    for (i = 0; i < count * found; i++) S[i] = (double)ebim_rng_normal(&rng);
    ebim__orthonormal_rows(count, found, S, 1e-24);
    N = ebim__min_int(N, EBIM__EQUATIONS_MIXED);
    for (round = 0; round < EBIM__EQUATIONS_ROUNDS; round++) {
        if (ebim__work(s->watch, (double)N * found * found * (s->plane->p + count))) return;
        ebim__equations_mix(s, found, count, S, N);
    }
    memset(s->q, 0, (size_t)(count * t) * sizeof *s->q);
    for (i = 0; i < count; i++)
        for (j = 0; j < found; j++)
            for (c = 0; c < t; c++) s->q[i * t + c] += S[i * found + j] * s->V[j * t + c];
    memcpy(s->V, s->q, (size_t)(count * t) * sizeof *s->V);
}

/* The `found` polynomials in V -> q, with slopes of mean square 1: each of their leading sums by
 * eigenvectors of E J J' where there are no more than needed, else all of them together */
static void ebim__equations_scale(ebim__equations *s, int found, int needed, int N)
{
    int p = s->plane->p, t = s->terms, i, j, r;
    double mean = 0;
    memset(s->A, 0, (size_t)(found * found) * sizeof *s->A);
    for (r = 0; r < N; r++) {
        ebim__equations_see(s, r, N);
        for (i = 0; i < found; i++) ebim__equations_slope(s, s->V + i * t, s->J + i * p);
        for (i = 0; i < found; i++)
            for (j = 0; j < found; j++)
                s->A[i * found + j] += ebim__inner64(p, s->J + i * p, s->J + j * p) / N;
    }
    ebim__symmetric_eigen(found, s->A, s->B);
    for (i = 0; i < found; i++) mean += s->A[i * (found + 1)] / found;
    memset(s->q, 0, (size_t)(found * t) * sizeof *s->q);
    for (i = 0; i < found; i++) {
        double size = found > needed ? mean : s->A[i * (found + 1)];
        double scale = size > 0 ? 1 / sqrt(size) : 0;
        for (r = 0; r < found; r++)
            for (j = 0; j < t; j++)
                s->q[i * t + j] += scale * s->B[i * found + r] * s->V[r * t + j];
    }
}

/* Whether `count` equations leave m dimensions at each of N data */
static int ebim__equations_rank(ebim__equations *s, int count, int N)
{
    int p = s->plane->p, k = p - s->m, i, j, r, b;
    double top[EBIM__EQUATIONS_P + 1], least = HUGE_VAL, mean = 0;
    for (r = 0; r < N; r++) {
        ebim__equations_see(s, r, N);
        memset(s->A, 0, (size_t)(p * p) * sizeof *s->A);
        for (i = 0; i < count; i++) {
            ebim__equations_slope(s, s->q + i * s->terms, s->J);
            for (j = 0; j < p * p; j++) s->A[j] += s->J[j / p] * s->J[j % p];
        }
        ebim__symmetric_eigen(p, s->A, NULL);
        for (i = 0; i <= k; i++) { /* the largest first */
            for (b = 0, j = 1; j < p; j++)
                if (s->A[j * (p + 1)] > s->A[b * (p + 1)]) b = j;
            top[i] = sqrt(fmax(s->A[b * (p + 1)], 0));
            s->A[b * (p + 1)] = -1;
        }
        if (!(top[k - 1] > ebim__equations_bound.slope * top[0]) ||
            !(top[k] < ebim__equations_bound.over * top[0])) return 0;
        least = fmin(least, top[k - 1]);
        mean += top[k - 1] / N;
    }
    return least > ebim__equations_bound.even * mean;
}

/* Equations for N data x, `distinct` of which differ -> q, count; 0: there are none */
static void ebim__equations_find(ebim__equations *s, int N, int distinct, const ebim_real *x)
{
    int p = s->plane->p, n = s->plane->n, k = p - s->m, found, j;
    s->count = 0;
    s->terms = (p + 1) * (p + 2) / 2;
    s->x = x;
    s->N = N;
    N = ebim__min_int(N, EBIM__EQUATIONS_ROWS);
    if (n > EBIM__EQUATIONS_P || k < 1 || distinct < 5 * s->terms) return;
    ebim__equations_moments(s, N);
    if (ebim__stopped(s->watch)) return;
    for (j = 0; j < p; j++)
        if (!(s->width[j] > ebim__field_bound.flat)) return; /* m is too large for such data */
    found = ebim__equations_null(s);
    if (found < k) return;
    N = ebim__min_int(N, EBIM__EQUATIONS_RANKED);
    if (found > ebim__equations_most(k, s->m)) {
        int all = found;
        found = ebim__equations_most(k, s->m);
        ebim__equations_mixed(s, all, found, N);
    }
    if (ebim__stopped(s->watch)) return;
    ebim__equations_scale(s, found, k, N);
    if (ebim__equations_rank(s, found, N)) s->count = found;
}

/* The equations, and those of the plane; while memory is measured as many as there may be */
static ebim_ref ebim__record_equations(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__equations *s = (const ebim__equations *)user;
    const ebim__plane_of *plane = s->plane;
    int n = plane->n, p = plane->p, t = s->terms, i, j;
    int count = s->count ? s->count : ebim__equations_most(n - s->m, s->m);
    ebim_ref z = ebim_affine(g, x, plane->center, 1), u, y;
    ebim_real *w;
    for (i = 0; i < p && s->count; i++)
        for (j = 0; j < n; j++) s->A[i * n + j] = plane->rows[i * n + j] / s->width[i];
    u = ebim_matrix(g, z, p, s->A);
    y = ebim_dense(g, ebim_concat(g, u, ebim__record_products(g, u)), count, EBIM_FN_IDENTITY);
    w = ebim__theta(g, y);
    for (i = 0; i < count && w && s->count; i++) {
        for (j = 1; j < t; j++) w[i * (t - 1) + j - 1] = EBIM__R(s->q[i * t + j]);
        w[count * (t - 1) + i] = EBIM__R(s->q[i * t]);
    }
    if (p < n) y = ebim_concat(g, y, ebim_matrix(g, z, n - p, plane->rows + p * n));
    return y;
}

/* ============================================================================================
 * >>energy  training of E on M
 *
 * Contrastive divergence, eq. 10: data pull E down, ends of constrained chains push it up. The
 * magnitude penalty keeps E from drifting and biases it: with negatives from a fixed law q the
 * minimiser is (q - p) / (2 beta (p + q)), not -log p. Chains start from the replay buffer or from
 * noise thrown onto M, a block of fresh points at a time.
 * Maximum likelihood over uniform nodes: log Z = log Vol + log mean e^-E(y) has an exact gradient,
 * so E becomes -log p up to a constant, in a hundredth of the time. Pitfall: the nodes must be
 * denser than the finest feature of E, or E digs holes between them; for the floods, 260 000 of
 * them against 50 000 are worth 0.15 nat. Noise contrast has the same minimum, and a gradient that
 * nodes of low E cannot dominate; likelihood with many nodes a step then puts the masses of regions
 * right.
 * Score matching (Hyvarinen 2005, sliced after Song et al. 2019) compares slopes only.
 * Cost of a step: a sweep forward and back over the batch and as many chains, all of whose moves
 * come on top; or over the batch and the nodes of the step; or over three times the batch, thrown
 * onto M three times.
 * ========================================================================================= */

typedef struct ebim__cebm {
    ebim__trainer t;
    const ebim_energy_desc *d;
    const ebim_real *x;
    ebim_clmc *chain;
    ebim_projector *onto;     /* of noise, or of slices for score matching */
    ebim_replay replay;
    ebim_real *pool;          /* [POOL][n] points of M not used yet */
    int left;
    uint64_t drawn;
    ebim_real *weight;        /* [n_nodes] likelihood: softmax of -E over the nodes of a step */
    int node;                 /* the next one */
    ebim_ws F;                /* score matching: */
    ebim_real *at[3];         /* [batch][n] points of M, a step of h to both sides of them */
    ebim_real *J, *e[3];      /* [batch][k][n], [batch] E there, then its weight in the gradient */
    double *normals;          /* [k + 1][n] */
    unsigned char *ok[3];     /* [batch] */
    ebim_real *best;          /* [n_theta] with held-out points: under which they are likeliest */
} ebim__cebm;

enum {
    EBIM__POOL = 64,
    EBIM__CHECKS = 40,  /* of held-out points in a training, which ends */
    EBIM__PATIENCE = 4, /* at so many times the steps of the best, and a quarter of all, */
    EBIM__PATIENT = 50  /* but not before so many */
};

/* What score matching needs */
static ebim_result ebim__matching_init(ebim__cebm *s, ebim_arena *a, const ebim_graph *F)
{
    size_t batch = (size_t)s->t.batch, rows = batch * (size_t)s->t.n;
    ebim_result r = ebim__ws_for(&s->F, a, F, s->t.w.stride, 0, EBIM__FOR_VJP);
    int i;
    s->J = EBIM__NEW(a, ebim_real, ebim__times(rows, (size_t)ebim_outputs(F)));
    s->normals = EBIM__NEW(a, double, (ebim_outputs(F) + 1) * ebim_inputs(F));
    for (i = 0; i < 3; i++) {
        s->at[i] = EBIM__NEW(a, ebim_real, rows);
        s->e[i] = EBIM__NEW(a, ebim_real, batch);
        s->ok[i] = EBIM__NEW(a, unsigned char, batch);
    }
    return r ? r : a->failed;
}

static int ebim__energy_valid(const ebim_energy_desc *d)
{
    if (d->n_nodes < 0 || !(d->score_step >= 0)) return 0;
    if (d->n_nodes && d->score_step > 0) return 0;
    return d->n_held >= 0 && d->n_check >= 0 && (!d->n_held || (d->n_nodes && d->n_check));
}

/* Whether the arrays are there that a run needs; while measuring they may come later. */
static ebim_result ebim__energy_given(const ebim_energy_desc *d)
{
    if ((d->n_held && !(d->held && d->check)) || (d->n_nodes && !d->nodes)) return EBIM_ERR_POINTS;
    return d->n_nodes || d->score_step > 0 || (d->lo && d->hi) ? EBIM_OK : EBIM_ERR_BOX;
}

static ebim_result ebim__cebm_init(ebim__cebm *s, ebim_arena *a, ebim_graph *E, const ebim_graph *F,
                                   int N, const ebim_energy_desc *d)
{
    ebim_clmc_desc c = d->clmc;
    ebim_project_desc p;
    ebim_result r;
    memset(s, 0, sizeof *s);
    memset(&p, 0, sizeof p);
    if (d->steps < 1 || !(d->rate > 0)) return EBIM_ERR_STEPS;
    r = ebim__ready(a) ? ebim__energy_given(d) : EBIM_OK;
    if (r || !ebim__energy_valid(d)) return r ? r : EBIM_ERR_ARG;
    if (ebim_outputs(E) != 1 || ebim_inputs(E) != ebim_inputs(F)) return EBIM_ERR_SHAPE;
    EBIM__TRAINER(&s->t, d, EBIM_STAGE_ENERGY);
    s->t.reduce = d->reduce;
    if (d->until > 0 && d->until < d->steps) s->t.until = d->until;
    r = ebim__trainer_init(&s->t, a, E, N, 0);
    s->d = d;
    if (d->n_nodes) {
        s->weight = EBIM__NEW(a, ebim_real,
                              ebim__max_int(d->n_nodes, ebim__max_int(d->n_check, d->n_held)));
        s->best = EBIM__NEW(a, ebim_real, d->n_held ? s->t.g->n_theta : 0);
        return r ? r : a->failed;
    }
    p.method = EBIM_PROJECT_ONTO;
    if (!(d->score_step > 0)) {
        if (d->fresh == EBIM_PROJECT_DESCEND) p.method = EBIM_PROJECT_DESCEND;
        p.constraint.lanes = EBIM__POOL;
        p.constraint.length = ebim__box_length(ebim_inputs(F), d->lo, d->hi);
    }
    if (!r) r = ebim_projector_init(&s->onto, a, F, &p);
    if (d->score_step > 0 && F->field.codim) return EBIM_ERR_SHAPE;
    if (d->score_step > 0) return r ? r : ebim__matching_init(s, a, F);
    if (!c.lo) {
        c.lo = d->lo;
        c.hi = d->hi;
    }
    if (!(c.constraint.length > 0)) c.constraint.length = p.constraint.length;
    if (!r) r = ebim_clmc_init(&s->chain, a, F, E, &c);
    if (!r) r = ebim_replay_init(&s->replay, a, s->t.n, ebim__or_int(d->buffer, 1000));
    s->pool = EBIM__NEW(a, ebim_real, (size_t)EBIM__POOL * (size_t)s->t.n);
    return r ? r : a->failed;
}

/* A fresh point of M into x; a data point if noise does not get onto M at all. */
static void ebim__fresh_point(ebim__cebm *s, ebim_real *x)
{
    const ebim_real *from = s->t.data;
    if (!s->left)
        s->left = ebim_projector_noise(s->onto, EBIM__POOL, s->pool, s->d->lo, s->d->hi,
                                     ebim__subseed(s->d->seed, EBIM__SEED_FRESH), s->drawn++);
    if (s->left) from = ebim__nth(s->pool, --s->left, s->t.n);
    memcpy(x, from, (size_t)s->t.n * sizeof *x);
}

/* E of the block -> t->slope; norm < 0 marks lanes where E is not finite. 0: it is so nowhere. */
static int ebim__energy_block(ebim__trainer *t, int lanes)
{
    ebim_ws *w = &t->w;
    int l;
    memcpy(t->norm, ebim_ws_y(w), (size_t)w->lanes * sizeof *t->norm);
    memcpy(t->slope, t->norm, (size_t)w->lanes * sizeof *t->norm);
    for (l = 0; l < lanes; l++) t->norm[l] = ebim__finite(t->norm[l]) ? 0 : t->norm[l];
    return ebim__mend(t, lanes, 1);
}

/* Adds sum over the set of w (sign E + magnitude E^2), w its weights, or 1 / count each where these
 * are NULL; with nu > 0 noise contrast: of w (E + c) over data (sign 1), or of w nu c over nodes
 * (sign -1), c = log(1 + e^-E / nu), so that the weight of a node saturates at nu. */
static double ebim__energy_set(ebim__trainer *t, double sign, double magnitude, double nu,
                               int count, const ebim_real *x, const ebim_real *weight)
{
    ebim_ws *w = &t->w;
    int at, lanes, l;
    double loss = 0;
    EBIM__BLOCKS(at, lanes, w, count, x, 1) {
        ebim_real *seed = ebim_ws_yg(w, 0);
        if (!ebim__energy_block(t, lanes)) return HUGE_VAL;
        memset(seed, 0, (size_t)w->lanes * sizeof *seed);
        for (l = 0; l < lanes; l++) {
            double e = (double)t->slope[l], slope = sign + 2 * magnitude * e;
            double value = sign * e + magnitude * e * e;
            double use = weight ? (double)weight[at + l] : 1.0 / count;
            if (t->norm[l] < 0) continue;
            if (nu > 0) {
                double a = exp(-e) / nu, c = log1p(a);
                slope = sign > 0 ? 1 / (1 + a) : -nu * a / (1 + a);
                value = sign > 0 ? e + c : nu * c;
            }
            seed[l] = ebim__audible(EBIM__R(use * slope));
            loss += use * value;
        }
        ebim_backward(w, 0, t->grad);
    }
    return loss;
}

/* weight <- softmax of -E over J nodes y; returns log mean e^-E, +inf without a finite E. Both are
 * over the nodes of all who train together; the weights add up to 1 in the mean over these. */
static double ebim__node_weights(ebim__cebm *s, int J, const ebim_real *y)
{
    int finite, i;
    double own, c;
    ebim_eval(&s->t.w, J, y, s->weight);
    own = ebim__softmin(J, s->weight, &finite);
    c = ebim__log_mean_over(&s->t, finite ? own : HUGE_VAL);
    for (i = 0; i < J && s->t.reduce.mean; i++) s->weight[i] *= EBIM__R(exp(own - c));
    return c;
}

/* Keeps theta if held-out points are likelier under it than under any before. */
static void ebim__hold_best(ebim__cebm *s, int step)
{
    const ebim_energy_desc *d = s->d;
    ebim_graph *E = s->t.g;
    ebim_train_report *rep = &s->t.report;
    double c = ebim__node_weights(s, d->n_check, d->check), mean, se;
    double nodes = -1.0 / d->n_check; /* variance of c */
    int i;
    for (i = 0; i < d->n_check; i++) nodes += (double)s->weight[i] * (double)s->weight[i];
    ebim_eval(&s->t.w, d->n_held, d->held, s->weight);
    mean = ebim__mean_se(d->n_held, s->weight, d->weights ? d->weights + s->t.N : NULL, &se);
    mean = ebim__mean_over(&s->t, mean);
    if (ebim__stopped(s->t.w.watch) || !ebim__finite64(mean + c)) return;
    if (!(mean + c < rep->held)) {
        int least = ebim__max_int(s->t.steps / 4, EBIM__PATIENT);
        if (step > EBIM__PATIENCE * rep->best + least) s->t.until = step;
        return;
    }
    rep->held = mean + c;
    rep->held_se = sqrt(se * se + fmax(nodes, 0));
    rep->best = step;
    memcpy(s->best, E->theta, (size_t)E->n_theta * sizeof *s->best);
}

/* mean E(x) + log mean e^-E(y): the gradient of the second term is that of -sum weight E(y) */
static double ebim__likelihood_loss(void *self, int step)
{
    ebim__cebm *s = (ebim__cebm *)self;
    ebim__trainer *t = &s->t;
    const ebim_energy_desc *d = s->d;
    int parts = d->nodes_per_step > 0 ? (d->n_nodes - 1) / d->nodes_per_step + 1 : 1;
    int J = d->n_nodes / parts;
    const ebim_real *y;
    double loss;
    if (d->n_held && ebim__due(t, step, EBIM__CHECKS)) ebim__hold_best(s, step);
    if (s->node + J > d->n_nodes) s->node = 0;
    y = d->nodes + (size_t)s->node * (size_t)t->n;
    s->node += J;
    ebim__next_batch(t, s->x);
    if (d->noise > 0) {
        loss = ebim__energy_set(t, -1, 0, d->noise, J, y, NULL);
        return loss + ebim__energy_set(t, 1, 0, d->noise, t->batch, t->data, NULL);
    }
    loss = ebim__node_weights(s, J, y);
    ebim__energy_set(t, -1, 0, 0, J, y, s->weight);
    if (d->magnitude > 0) loss += ebim__energy_set(t, 0, d->magnitude, 0, J, y, NULL);
    return loss + ebim__energy_set(t, 1, d->magnitude, 0, t->batch, t->data, NULL);
}

/* Adds log mean e^-E over all nodes to E where E's last op has a bias to take it; returns what is
 * left to add. */
static double ebim__normalise(ebim__cebm *s)
{
    ebim_graph *g = s->t.g;
    const ebim__node *y = &g->node[g->y];
    double c = ebim__node_weights(s, s->d->n_nodes, s->d->nodes);
    if (y->op != EBIM__OP_DENSE || y->fn != EBIM_FN_IDENTITY || y->frozen) return c;
    if (!ebim__finite64(c)) return 0;
    g->theta[y->theta + y->n_theta - 1] += EBIM__R(c);
    return 0;
}

/* at[0] <- the batch, thrown onto M; at[1], at[2] <- steps of h u and -h u from there, u a random
 * tangent, thrown onto M. Second differences of E over them are those along M: odd ones cancel. */
static void ebim__slices(ebim__cebm *s)
{
    ebim__trainer *t = &s->t;
    size_t n = (size_t)t->n, k = (size_t)s->F.k, b, i;
    double h = s->d->score_step;
    ebim_projector_run(s->onto, t->batch, t->data, s->at[0], NULL, s->ok[0]);
    ebim_eval_jacobian(&s->F, t->batch, s->at[0], s->J);
    for (b = 0; b < (size_t)t->batch; b++) {
        ebim_real *u = s->at[1] + b * n;
        for (i = 0; i < n; i++) u[i] = ebim_rng_normal(&t->rng);
        ebim__tangent_part((int)k, (int)n, s->J + b * k * n, u, s->normals);
        for (i = 0; i < n; i++) {
            double x = (double)s->at[0][b * n + i], step = h * (double)u[i];
            u[i] = EBIM__R(x + step);
            s->at[2][b * n + i] = EBIM__R(x - step);
        }
    }
    for (i = 1; i < 3; i++)
        ebim_projector_run(s->onto, t->batch, s->at[i], s->at[i], NULL, s->ok[i]);
}

/* mean a^2 / 2 - c, a = (E1 - E2) / 2h, c = (E1 - 2 E0 + E2) / h^2 */
static double ebim__matching_loss(void *self, int step)
{
    ebim__cebm *s = (ebim__cebm *)self;
    ebim__trainer *t = &s->t;
    double h = s->d->score_step, loss = 0;
    int b, i, good = 0;
    (void)step;
    ebim__next_batch(t, s->x);
    ebim__slices(s);
    for (i = 0; i < 3; i++) ebim_eval(&t->w, t->batch, s->at[i], s->e[i]);
    for (b = 0; b < t->batch; b++) {
        for (i = 0; i < 3; i++)
            s->ok[0][b] = s->ok[0][b] && s->ok[i][b] && ebim__finite(s->e[i][b]);
        good += s->ok[0][b];
    }
    if (!good) return HUGE_VAL;
    for (b = 0; b < t->batch; b++) {
        double E0 = (double)s->e[0][b], E1 = (double)s->e[1][b], E2 = (double)s->e[2][b];
        double a = (E1 - E2) / (2 * h), use = s->ok[0][b] ? 1.0 / good : 0;
        if (s->ok[0][b]) loss += use * (0.5 * a * a - (E1 - 2 * E0 + E2) / (h * h));
        s->e[0][b] = EBIM__R(use * 2 / (h * h));
        s->e[1][b] = EBIM__R(use * (a / (2 * h) - 1 / (h * h)));
        s->e[2][b] = EBIM__R(use * (-a / (2 * h) - 1 / (h * h)));
    }
    for (i = 0; i < 3; i++) ebim__energy_set(t, 1, 0, 0, t->batch, s->at[i], s->e[i]);
    return loss;
}

static double ebim__cebm_loss(void *self, int step)
{
    ebim__cebm *s = (ebim__cebm *)self;
    ebim__trainer *t = &s->t;
    const ebim_energy_desc *d = s->d;
    double loss;
    int b;
    ebim__next_batch(t, s->x);
    ebim_replay_draw(&s->replay, &t->rng, t->batch, t->other, ebim__or(d->keep, 0.95), t->slot);
    for (b = 0; b < t->batch; b++)
        if (t->slot[b] < 0) ebim__fresh_point(s, t->other + (size_t)b * (size_t)t->n);
    ebim_clmc_run(s->chain, t->batch, t->other, d->clmc_steps,
                  ebim__subseed(d->seed, EBIM__SEED_CHAINS),
                  (uint64_t)step * (uint64_t)t->batch);
    ebim_replay_put(&s->replay, &t->rng, t->batch, t->other, t->slot);
    loss = ebim__energy_set(t, 1, d->magnitude, 0, t->batch, t->data, NULL);
    return loss + ebim__energy_set(t, -1, d->magnitude, 0, t->batch, t->other, NULL);
}

EBIM_API ebim_result ebim_energy_train(ebim_graph *E, ebim_arena *work, const ebim_graph *F, int N,
                                       const ebim_real *x, const ebim_energy_desc *d,
                                       ebim_train_report *report)
{
    ebim__cebm s;
    ebim_train_report *rep = &s.t.report;
    ebim_result r = ebim__cebm_init(&s, work, E, F, N, d);
    if (!r && ebim__ready(work)) {
        s.x = x;
        if (d->n_held) rep->held = HUGE_VAL;
        r = ebim__train(&s.t, d->n_nodes ? ebim__likelihood_loss
                              : d->score_step > 0 ? ebim__matching_loss : ebim__cebm_loss, &s);
        if (d->n_held) ebim__hold_best(&s, s.t.until);
        if (d->n_held && ebim__finite64(rep->held))
            memcpy(E->theta, s.best, (size_t)E->n_theta * sizeof *E->theta);
        if (d->n_nodes) rep->log_mean = ebim__normalise(&s);
        if (s.chain) {
            ebim_clmc_report c = ebim_clmc_stats(s.chain);
            rep->refused = c.unsolved + c.outside + c.singular;
        }
    }
    if (report) *report = *rep;
    return r;
}

/* ============================================================================================
 * >>rows  the data of a fit: which rows, in which order, in which units
 *
 * A survey groups copies and leaves out what is far from everything (>>survey). `order` lists the
 * caller's rows: those F is trained on, those held out (whole groups of copies), those left out.
 * Training sees z = (L x - center) / unit with |z| <= 1. One unit serves all coordinates, so that
 * shapes stay; the map L is there where the survey says so. The paper's recipe takes the data as
 * they are. Cost: that of the survey, and a sort.
 * ========================================================================================= */

enum {
    EBIM__SETTLED = 50,      /* distinct points: fewer settle nothing, and none is held out */
    EBIM__ON_FEW = 400,      /* distinct points of an M that is known: fewer are all used, each
                              * is judged by the others */
    EBIM__HELD_ONE_IN = 5,   /* rows are held out, */
    EBIM__HELD_MOST = 2000   /* at most so many: mean distances are known to 2 % then */
};

static const struct {
    double margin, digits, room;
} ebim__rows_bound = {
    /* The box goes beyond the data by this share of their widest extent, as the authors' do. */
    0.25,
    /* Roundoffs of the distance from the origin that the data's extent must have at least. */
    1e4,
    /* Squares of what is so many times as large as the data, or as small, are still numbers. */
    1e3
};

/* Coordinates are at most so large, and their extent at least 1 / this. */
static double ebim__rows_limit(void)
{
    return ldexp(1, sizeof(ebim_real) == 8 ? 512 : 64) / ebim__rows_bound.room;
}

typedef struct ebim__rows {
    const ebim_fit_desc *d;
    const ebim_real *x;       /* [rows][n] the caller's */
    int rows, n, k, paper;
    int fields;               /* 1: displacement fields compete for F */
    int fine;                 /* 1: F is a signed distance by sides */
    int N, held;              /* of `order`: rows that are fitted; the last of them are held out */
    int off;                  /* rows behind these that are off M, or are suspected */
    ebim__survey survey;
    int32_t *order;           /* [rows] of the caller's rows: those of z, then those left out */
    int32_t *group, *first;   /* [N] copies have the same; [groups] the first row of z of each */
    ebim_real *mass;          /* [N] of a whole group at its first row of z, 0 at the others */
    ebim_real *weight;        /* that, where they are unlike each other; NULL: all alike */
    int32_t *next;            /* [N][2] rows of z that each is between on a curve, or -1 */
    ebim_real *z;             /* [N][n] */
    ebim_real *feet;          /* [N][n] room for their feet on a learned M */
    const ebim_real *foot;    /* what E sees: these where z is off M, else z */
    double *L;                /* [n][n] before everything; NULL: none */
    double *center, *lo, *hi; /* [n] in z's units: the box */
    ebim_on on;               /* what M is known to be; 0: it is learned */
    const ebim_real *e;       /* [N][e_n] what E's kernels see of z: z, or products of axes */
    ebim_real *products;      /* that: [N][e_n]; NULL: e is z */
    int e_n;
    double unit, rim;         /* rim: how far data stay from the walls of the box */
    double noise;             /* of the data, in z's units; 0 where it is not known */
} ebim__rows;

static int ebim__compare_rows(const void *ctx, int32_t a, int32_t b)
{
    const ebim__rows *s = (const ebim__rows *)ctx;
    const ebim_real *p = ebim__nth(s->x, a, s->n), *q = ebim__nth(s->x, b, s->n);
    int i;
    for (i = 0; i < s->n; i++)
        if (p[i] < q[i] || p[i] > q[i]) return p[i] < q[i] ? -1 : 1;
    return (a > b) - (a < b); /* equal rows stand in the order they came */
}

EBIM_API ebim_result ebim_check_data(int N, int n, const ebim_real *x, int32_t *index, int *row,
                                     int *of, int *duplicates)
{
    ebim__rows s;
    int i, first = 0, repeats = 0, bad_row = N, bad_of = N - 1;
    s.x = x;
    s.n = n;
    for (i = 0; i < N; i++) {
        const ebim_real *p = ebim__nth(x, i, n);
        int finite = ebim__all_finite((size_t)n, p), c;
        index[i] = i;
        for (c = 0; c < n && finite && fabs((double)p[c]) <= ebim__rows_limit(); c++) continue;
        if (c == n) continue;
        if (row) *row = i;
        return finite ? EBIM_ERR_DATA : EBIM_ERR_FINITE;
    }
    ebim__sort(index, N, ebim__compare_rows, &s);
    for (i = 1; i < N; i++) {
        if (!ebim__rows_equal(n, ebim__nth(x, index[first], n), ebim__nth(x, index[i], n))) {
            first = i;
            continue;
        }
        repeats++;
        if (index[i] >= bad_row) continue;
        bad_row = index[i];
        bad_of = index[first];
    }
    if (row) *row = ebim__min_int(bad_row, N - 1);
    if (of) *of = bad_of;
    if (duplicates) *duplicates = repeats;
    return N - repeats < n + 1 ? EBIM_ERR_DATA : EBIM_OK;
}

/* Coordinate c of row i of the order, behind the linear map if there is one */
static double ebim__rows_at(const ebim__rows *s, int i, int c)
{
    const ebim_real *x = ebim__nth(s->x, s->order[i], s->n);
    double v = 0;
    int j;
    if (!s->L) return (double)x[c];
    for (j = 0; j < s->n; j++) v += s->L[c * s->n + j] * (double)x[j];
    return v;
}

/* Shift, scale and box of the rows that are fitted. 0: the data lie so close together that their
 * digits are lost, beside their distance from the origin or for good. */
static int ebim__rows_units(ebim__rows *s)
{
    int N = s->N, n = s->n, i, c;
    double r2 = 0, widest = 0, largest = 0;
    for (c = 0; c < n; c++) {
        double sum = 0;
        for (i = 0; i < N; i++) sum += ebim__rows_at(s, i, c) / N;
        s->center[c] = s->paper ? 0 : (double)EBIM__R(sum); /* as the model will hold it */
        largest = fmax(largest, fabs(sum));
    }
    for (i = 0; i < N; i++) {
        double sum = 0;
        for (c = 0; c < n; c++) {
            double v = ebim__rows_at(s, i, c) - s->center[c];
            sum += v * v;
        }
        r2 = fmax(r2, sum);
    }
    s->unit = s->paper || !(r2 > 0) ? 1 : sqrt(r2);
    for (c = 0; c < n; c++) {
        s->lo[c] = HUGE_VAL;
        s->hi[c] = -HUGE_VAL;
        for (i = 0; i < N; i++) {
            double v = (ebim__rows_at(s, i, c) - s->center[c]) / s->unit;
            s->lo[c] = fmin(s->lo[c], v);
            s->hi[c] = fmax(s->hi[c], v);
        }
        widest = fmax(widest, s->hi[c] - s->lo[c]);
    }
    s->rim = ebim__rows_bound.margin * widest;
    for (c = 0; c < n; c++) {
        s->lo[c] -= s->rim;
        s->hi[c] += s->rim;
    }
    largest *= ebim__rows_bound.digits * (double)EBIM_EPS;
    return widest * s->unit >= fmax(largest, ebim__rows_bound.room / ebim__rows_limit());
}

/* Where M is known its size is the unit, and all of it is in the box. */
static void ebim__rows_known(ebim__rows *s)
{
    const ebim_fit_desc *d = s->d;
    int c, given = s->on == EBIM_ON_GIVEN;
    if (!given) s->unit = ebim__on_size((int)s->on, s->n);
    for (c = 0; c < s->n; c++) {
        if (!given) {
            s->center[c] = 0;
            s->lo[c] = ebim__on_low((int)s->on) / s->unit;
            s->hi[c] = ebim__on_high((int)s->on) / s->unit;
        }
        if (given && d->lo) s->lo[c] = (d->lo[c] - s->center[c]) / s->unit;
        if (given && d->hi) s->hi[c] = (d->hi[c] - s->center[c]) / s->unit;
    }
}

/* Brings rows chosen at random to the end of the order, copies together: what has a copy among the
 * rows that are trained on is not held out. Each group is as likely to be chosen as any, however
 * large: drawn by their rows, 870 alike of 174 000 were four in ten of those held out. */
static void ebim__rows_hold_out(ebim__rows *s)
{
    ebim_rng rng;
    int32_t *order = s->order, *members = s->first, *held = s->group; /* scratch: [groups] both */
    const int32_t *group = s->survey.group;
    int i, end = s->N, rows = 0, tries;
    ebim_rng_init(&rng, ebim__subseed(s->d->seed, EBIM__SEED_HELD), 0);
    if (s->survey.groups == s->N) {
        for (i = 0; i < s->held; i++, end--)
            ebim__swap_int(&order[end - 1], &order[ebim_rng_below(&rng, (uint32_t)end)]);
        return;
    }
    for (i = 0; i < s->survey.groups; i++) held[i] = members[i] = 0;
    for (i = 0; i < s->N; i++) members[group[order[i]]]++;
    for (tries = 0; rows < s->held && tries < 4 * s->survey.groups; tries++) {
        int32_t g = (int32_t)ebim_rng_below(&rng, (uint32_t)s->survey.groups);
        if (held[g] || rows + members[g] > s->held) continue;
        held[g] = 1;
        rows += members[g];
    }
    for (i = 0; i < end;)
        if (held[group[order[i]]]) ebim__swap_int(&order[i], &order[--end]);
        else i++;
    s->held = s->N - end;
}

/* The first rows of the order in z's units */
static void ebim__rows_z(ebim__rows *s, int rows)
{
    ebim_real *z = s->z;
    int i, c;
    for (i = 0; i < rows; i++)
        for (c = 0; c < s->n; c++)
            *z++ = EBIM__R((ebim__rows_at(s, i, c) - s->center[c]) / s->unit);
}

/* What each row of z that is trained on is between along the curve that all draw: others are passed
 * over. Of those held out no more is told than where they stand in the row. */
static void ebim__rows_next(ebim__rows *s)
{
    const int32_t *next = s->survey.next;
    int i, trained = s->N - s->held;
    for (i = 0; i < 2 * trained; i++) {
        int32_t g = s->group[i / 2], last = g, at = next[2 * g + i % 2], row = s->first[at];
        while (at != g && (row < 0 || row >= trained)) {
            int32_t on = ebim__crust_on(next, last, at);
            last = at;
            at = on;
            row = s->first[at];
        }
        s->next[i] = s->first[g] == i / 2 && at != g ? row : -1;
        if (i % 2 && s->next[i] == s->next[i - 1]) s->next[i] = s->next[i - 1] = -1;
    }
}

/* z, groups and masses in the order of the rows; the mean mass is 1. */
static void ebim__rows_fill(ebim__rows *s)
{
    const ebim_real *given = s->d->weights;
    double sum = 0;
    int i;
    ebim__rows_z(s, s->N);
    for (i = 0; i < s->survey.groups; i++) s->first[i] = -1;
    for (i = 0; i < s->N; i++) {
        s->group[i] = s->survey.group[s->order[i]];
        s->mass[i] = 0;
        sum += given ? (double)given[s->order[i]] / s->N : 1.0 / s->N;
    }
    for (i = 0; i < s->N && sum > 0; i++) {
        int32_t *first = &s->first[s->group[i]];
        if (*first < 0) *first = (int32_t)i;
        s->mass[*first] += given ? EBIM__R((double)given[s->order[i]] / sum) : 1;
    }
    if (s->survey.drawn) ebim__rows_next(s);
}

/* One row of each group among the first N, of at most `room` groups evenly spread -> row (NULL:
 * only counted); returns how many. */
static int ebim__rows_distinct(const ebim__rows *s, int N, int room, int32_t *row)
{
    int i, groups = 0, at = 0, most;
    for (i = 0; i < N; i++) groups += s->mass[i] > 0;
    most = ebim__min_int(groups, room);
    for (i = 0; row && i < N; i++)
        if (s->mass[i] > 0 && (int64_t)at++ * most % groups < most) *row++ = (int32_t)i;
    return most;
}

/* Whether displacement fields may be F. They are where M has more than one equation or, as the
 * survey says, an end: signed networks, of as many outputs as equations, come closer to closed
 * hypersurfaces, but do not end, and of 26 sets of more equations they found 4. */
static int ebim__rows_fields(const ebim__rows *s)
{
    return !s->paper && !s->on && !s->d->F && s->n - s->k <= EBIM__CHART_M;
}

/* Takes over what the survey says. Of data whose survey was stopped nothing is known; the paper's
 * recipe leaves nothing out, and no row is too far from the others where M is known. */
static void ebim__rows_surveyed(ebim__rows *s, int stopped)
{
    ebim__survey *v = &s->survey;
    int i;
    if (stopped) {
        for (i = 0; i < s->rows; i++) v->group[i] = (int32_t)i;
        v->groups = s->rows;
        v->outliers = v->mapped = v->at_edge = v->drawn = 0;
        v->noise = -1;
    }
    if (s->paper || s->on) {
        for (i = 0; i < v->outliers; i++) v->group[v->outlier[i]] = v->groups++;
        v->outliers = v->mapped = 0;
    }
    for (i = 0, s->N = 0; i < s->rows; i++)
        if (v->group[i] >= 0) s->order[s->N++] = (int32_t)i;
    if (v->groups < (s->on ? EBIM__ON_FEW : EBIM__SETTLED)) s->held = 0;
    if (v->mapped && s->n <= EBIM__MAPPED_MOST) s->L = v->L;
    s->fields = (s->k > 1 || v->at_edge > 0) && ebim__rows_fields(s);
}

static ebim_result ebim__rows_init(ebim__rows *s, int rows, int n, const ebim_real *x,
                                   const ebim_fit_desc *d, ebim_arena *work)
{
    int32_t *index = EBIM__NEW(work, int32_t, rows);
    ebim_result r = EBIM_OK;
    int run;
    memset(s, 0, sizeof *s);
    s->d = d;
    s->x = x;
    s->rows = s->N = rows;
    s->n = n;
    s->k = n - d->dim;
    s->paper = d->recipe == EBIM_RECIPE_PAPER;
    s->on = d->M ? EBIM_ON_GIVEN : d->on;
    s->e_n = s->on == EBIM_ON_AXES ? ebim__products(n) : n;
    if (rows >= EBIM__SETTLED && !s->paper)
        s->held = ebim__min_int(rows / EBIM__HELD_ONE_IN, EBIM__HELD_MOST);
    s->z = EBIM__NEW(work, ebim_real, ebim__times((size_t)rows, (size_t)n));
    if (s->on == EBIM_ON_AXES)
        s->products = EBIM__NEW(work, ebim_real, ebim__times((size_t)rows, (size_t)s->e_n));
    if (!s->on && !s->paper)
        s->feet = EBIM__NEW(work, ebim_real, ebim__times((size_t)rows, (size_t)n));
    s->foot = s->z;
    s->e = s->products ? s->products : s->z;
    s->center = EBIM__NEW(work, double, n);
    s->lo = EBIM__NEW(work, double, n);
    s->hi = EBIM__NEW(work, double, n);
    s->order = EBIM__NEW(work, int32_t, rows);
    s->group = EBIM__NEW(work, int32_t, rows);
    s->first = EBIM__NEW(work, int32_t, rows);
    s->mass = EBIM__NEW(work, ebim_real, rows);
    s->next = EBIM__NEW(work, int32_t, d->dim > 1 ? 1 : 2 * (size_t)rows);
    s->unit = 2; /* not 1: measuring must count the output's scale, too */
    if (work->failed) return work->failed;
    run = ebim__ready(work);
    if (run && !x) return EBIM_ERR_ARG;
    if (run) r = ebim_check_data(rows, n, x, index, NULL, NULL, NULL);
    if (!r) r = ebim__survey_run(&s->survey, work, rows, n, d->dim, x);
    if (r || !run) return r;
    ebim__rows_surveyed(s, ebim__stopped(work->watch));
    if (!ebim__rows_units(s)) return EBIM_ERR_DATA;
    if (s->on) ebim__rows_known(s);
    s->noise = s->paper || s->on ? 0 : fmax(s->survey.noise, 0) / s->unit;
    ebim__rows_hold_out(s);
    ebim__rows_fill(s);
    if (d->weights || (s->survey.groups < s->N && !s->paper)) s->weight = s->mass;
    return EBIM_OK;
}

/* ============================================================================================
 * >>recipe  what a fit trains, and how: tables
 *
 * A line of a table names a field and its number in each column; its reason, or a measurement,
 * stands beside it where the number is more than habit. What depends on the data is set by the
 * functions below the tables.
 * ========================================================================================= */

enum {
    EBIM__NETWORKS = 6,      /* for F, at most: two at a time, so three tries */
    EBIM__ENERGIES = 4,      /* networks for E: a plain one, three with finer and finer features */
    EBIM__FIT_POINTS = 1000, /* of M that candidates are judged by: shares are known to 0.3 % */
    EBIM__CHART_NODES = 24,  /* for each of these: nodes for E from charts, which are dear, */
    EBIM__CURVE_NODES = 8,   /* and on curves, where even draws (>>charts) leave no gaps */
    /* or from lines where F has many features, or n is larger than that: on spheres of R^6, which
     * one line in 30 meets, excess nats are the same as with four times as many */
    EBIM__FINE_NODES = 64, EBIM__FINE_N = 5,
    EBIM__COLUMNS = 6
};

typedef struct ebim__setting { /* a field, 4 bytes: int, else double; its numbers */
    size_t at, size;
    double of[EBIM__COLUMNS];
} ebim__setting;

typedef struct ebim__recipe_F {
    ebim_mlp_desc net;
    ebim_mdf_desc d;
    int equations;            /* 1: it is there without training (>>equations) */
    int field;                /* 1: what is learned is a displacement field, */
    ebim__field_desc way;     /* by this, or a signed distance (way.sides) */
} ebim__recipe_F;

typedef struct ebim__recipe_E {
    ebim_mlp_desc net;
    ebim_energy_desc d;
    double steps;             /* at effort 1; the paper: epochs */
    int most;                 /* of them at any effort (0: any number) */
    int nodes;                /* for each of FIT_POINTS */
} ebim__recipe_E;

#define EBIM__F(field) offsetof(ebim__recipe_F, field), sizeof((ebim__recipe_F *)0)->field
#define EBIM__E(field) offsetof(ebim__recipe_E, field), sizeof((ebim__recipe_E *)0)->field

/* Noise, in shares of the size, from which on it has columns of its own: below, |F| still finds the
 * middle of the band. */
static const double ebim__noisy = 0.008;

/* Columns: usual, the same for finer detail; data in a band, two strengths by turns; paper (its
 * appendix B.1, Fig. 1, with the authors' penalty on the squared norm of the negatives). In a band
 * no |F|, which draws F to single points; a repelling term as wide as the band; and more
 * smoothness: the weak one may follow the noise (a second strand on 365 points of a curve with
 * 5 %), the strong one rounds petals off. */
enum { EBIM__F_USUAL, EBIM__F_FINER, EBIM__F_STRONG, EBIM__F_WEAK, EBIM__F_PAPER, EBIM__F_SIDES };
static const ebim__setting ebim__table_F[] = {
    {EBIM__F(net.layers), {3, 3, 3, 3, 3, 3}},
    /* scale of the input: at 1 the first layer is nearly linear; 4 trains four times faster */
    {EBIM__F(net.in_scale), {4, 6, 2, 3, 0}},
    /* |x|^2 as one more input: glycine's torus from 0.02 to 0.004 of M, the floods' sphere from
     * 0.005 to 0.0003 */
    {EBIM__F(net.lift), {4, 6, 2, 3, 0}},
    /* Sides tell F where it is positive: it may see fine detail and makes no sheets of it. A cow
     * of 2930 points: true points 0.05 % of its diagonal off, with 32 features 0.06 */
    {EBIM__F(net.fourier), {0, 0, 0, 0, 0, 64}},
    {EBIM__F(net.fourier_scale), {0, 0, 0, 0, 0, 4}},
    {EBIM__F(d.batch), {128, 128, 128, 128, 50, 128}},
    {EBIM__F(d.rate), {0.01, 0.01, 0.01, 0.01, 0.01, 0.01}},
    {EBIM__F(d.rate_end), {0.003, 0.003, 0.003, 0.003, 0}},
    /* Weak data terms at first: with full weight F takes different signs along one curve and a
     * spurious sheet joins them. A curve with five petals: 18 of 24 runs, then none of 6 */
    {EBIM__F(d.start), {0.2, 0.2, 0.2, 0.2, 0}},
    {EBIM__F(d.ramp), {0.3, 0.3, 0.3, 0.3, 0}},
    {EBIM__F(d.data.norm), {10, 10, 0, 0, 1}},      /* the last digits of the distance */
    {EBIM__F(d.data.norm2), {100, 100, 10, 20, 0}}, /* the first */
    /* ||J|| is 1 on the data, which makes ||F|| a distance there, and about 1 elsewhere */
    {EBIM__F(d.data.rank), {0.3, 0.3, 0.3, 0.3, 10}},
    {EBIM__F(d.data.eta), {1, 1, 1, 1, 1}},
    {EBIM__F(d.data.two_sided), {1, 1, 1, 1, 0}},
    {EBIM__F(d.box.rank), {0.03, 0.03, 0.03, 0.03, 0}},
    {EBIM__F(d.box.eta), {1, 1, 1, 1, 0}},
    {EBIM__F(d.box.two_sided), {1, 1, 1, 1, 0}},
    /* Zeros away from data cost 0.02, within 1 / kappa of them */
    {EBIM__F(d.box.repel), {0.02, 0.02, 0.02, 0.02, 0}},
    {EBIM__F(d.box.kappa), {50, 50, 20, 20, 0}},
    {EBIM__F(d.box.smooth), {0.001, 0.001, 0.01, 0.003, 0}}, /* bending costs */
    {EBIM__F(d.box.gap), {0.1, 0.1, 0.2, 0.2, 0}},
    {EBIM__F(d.negatives.norm), {0, 0, 0, 0, -0.3}},
    {EBIM__F(d.negatives.norm2), {0, 0, 0, 0, 1}},
    {EBIM__F(d.langevin.eps), {0, 0, 0, 0, 0.1}},
    {EBIM__F(d.langevin.step), {0, 0, 0, 0, 10}},
    {EBIM__F(d.langevin.clamp), {0, 0, 0, 0, 0.03}},
    {EBIM__F(d.langevin_steps), {0, 0, 0, 0, 20}},
    {EBIM__F(d.buffer), {0, 0, 0, 0, 10000}},
    {EBIM__F(d.clamp_ends), {0, 0, 0, 0, 1}},
    {EBIM__F(d.in_order), {0, 0, 0, 0, 1}}
};

/* Columns: with nodes on M a plain network for n = 2 and for space, the same on Fourier features,
 * of which each is twice as fine as the one before; by chains; paper (appendix B.1). */
enum { EBIM__E_PLANE, EBIM__E_SPACE, EBIM__E_FOURIER, EBIM__E_FOURIER_SPACE, EBIM__E_CHAINS,
       EBIM__E_PAPER };
static const ebim__setting ebim__table_E[] = {
    {EBIM__E(net.layers), {3, 3, 3, 3, 3, 2}},
    {EBIM__E(net.width), {32, 32, 32, 64, 32, 32}},
    {EBIM__E(net.in_scale), {3, 3, 0, 0, 3, 0}},
    {EBIM__E(net.fourier), {0, 0, 32, 64, 0, 0}},
    {EBIM__E(net.fourier_scale), {0, 0, 1.5, 1.5, 0, 0}}, /* times 2^number: 3, 6, 12 */
    /* A floor for the density, e^-4 of the uniform one: what a point in a gap costs at most */
    {EBIM__E(net.ceiling), {4, 4, 4, 4, 0, 0}},
    {EBIM__E(steps), {1000, 1500, 1000, 1500, 1500, 20}},
    {EBIM__E(d.batch), {256, 256, 256, 512, 256, 50}},
    {EBIM__E(d.rate), {0.01, 0.01, 0.01, 0.01, 0.01, 0.01}},
    {EBIM__E(d.rate_end), {0.01, 0.01, 0.01, 0.01, 0.01, 0}},
    {EBIM__E(d.clip), {10, 10, 10, 10, 1, 1}}, /* chains: a bad one must not throw E off */
    {EBIM__E(d.decay), {0.3, 0.3, 0.05, 0.05, 0.3, 0}}, /* it keeps E smooth between few data */
    {EBIM__E(d.magnitude), {0, 0, 0, 0, 0.001, 0.1}},   /* it keeps chains' E from drifting */
    /* Noise contrast: a few nodes of low E cannot make up the gradient, as in likelihood */
    {EBIM__E(d.noise), {20, 20, 20, 20, 0, 0}},
    /* Dense enough for the finest feature: the floods with 50 000 lose 0.15 nat */
    {EBIM__E(nodes), {32, 256, 32, 256, 0, 0}},
    {EBIM__E(d.nodes_per_step), {512, 1024, 512, 2048, 0, 0}},
    {EBIM__E(d.clmc_steps), {0, 0, 0, 0, 10, 10}},
    {EBIM__E(d.buffer), {0, 0, 0, 0, 4000, 10000}},
    {EBIM__E(d.clmc.eps), {0, 0, 0, 0, 0.15, 0.3}},
    {EBIM__E(d.clmc.step), {0, 0, 0, 0, 0, 1}},
    {EBIM__E(d.clmc.clamp), {0, 0, 0, 0, 0, 0.1}},
    {EBIM__E(d.clmc.keep_unsolved), {0, 0, 0, 0, 0, 1}},
    {EBIM__E(d.clmc.constraint.joint), {0, 0, 0, 0, 0, 1}},
    {EBIM__E(d.in_order), {0, 0, 0, 0, 0, 1}}
};

/* What is else in a polish: likelihood with all data and nodes, hardly any decay and a rate that
 * falls. It undoes what chance and decay have done to masses of regions and components, and makes
 * good for a training that chance ended early: on a torus after 111 steps E was 0.033 nat off, then
 * 0.005. Of fixed length: stopped while the rate is high, shares of components are off by 0.02.
 * Twice as long it learns the data by heart (0.008). */
static const ebim__setting ebim__table_polish[] = {
    {EBIM__E(steps), {300, 300, 300, 300, 0, 0}},
    {EBIM__E(most), {300, 300, 300, 300, 0, 0}},
    {EBIM__E(d.batch), {8192, 8192, 8192, 8192, 0, 0}}, /* all data, or so many of them */
    {EBIM__E(d.nodes_per_step), {8192, 8192, 8192, 8192, 0, 0}},
    {EBIM__E(d.rate_end), {0.0003, 0.0003, 0.0003, 0.0003, 0, 0}}, /* noise of nodes evens out */
    {EBIM__E(d.noise), {0, 0, 0, 0, 0, 0}}
};

/* Decay of a polish, times the distinct rows: what is believed before any are seen counts as much
 * as a fixed number of them. Without it 200 points of a circle with two modes are learned by heart
 * (0.060 nat off, not 0.031; 800 of one mode 0.0044, not 0.003). */
static const double ebim__polish_decay = 100;

/* Where held-out data do not like a polish: only masses come right. */
static const struct {
    int steps;
    double rate;
} ebim__polish_gently = {100, 0.002};

/* Networks 0 and 1, 2 and 3, 4 and 5: larger and longer where those before were not good enough;
 * paper. Steps are for n = 2, space has twice as many; the paper's are epochs. */
static const struct {
    int width, column, steps;
} ebim__size_F[EBIM__NETWORKS / 2 + 1] = {{32, EBIM__F_USUAL, 2000}, {32, EBIM__F_FINER, 3000},
                                          {64, EBIM__F_FINER, 3000}, {8, EBIM__F_PAPER, 300}};

/* Displacement fields: the first one, and the others; signed distances by sides; data a step. Small
 * batches and more steps: of 200 and half the steps fields are half again as far off, for a third
 * more time. Where least squares follow three quarters of the steps do. What slopes weigh: normals
 * from neighbours are less exact than the data. */
enum { EBIM__FIELD_BATCH = 64 };
static const struct {
    int width;
    double steps, slope;
} ebim__size_field[4] = {{64, 4000, 4}, {96, 8000, 4}, {48, 4000, 0.3}, {64, 6000, 0.3}};

static void ebim__settings(void *recipe, const ebim__setting *s, size_t bytes, int column)
{
    size_t count = bytes / sizeof *s;
    for (; count--; s++) {
        unsigned char *at = (unsigned char *)recipe + s->at;
        int whole = (int)s->of[column];
        if (s->size == sizeof whole) memcpy(at, &whole, sizeof whole);
        else memcpy(at, &s->of[column], sizeof s->of[column]);
    }
}

static double ebim__effort(const ebim__rows *s) { return ebim__or(s->d->effort, 1); }

/* Steps of a training with this effort; the paper's recipe counts epochs. */
static int ebim__steps(const ebim__rows *s, double steps, int batch)
{
    if (s->paper) steps *= (s->N + batch - 1) / batch;
    steps *= ebim__effort(s);
    return steps < 1 ? 1 : steps > 1e8 ? 100000000 : (int)steps;
}

/* Points of M to judge by; a fit of hardly any effort deserves no more of it. */
static int ebim__fit_points(const ebim__rows *s)
{
    return ebim__effort(s) < 0.01 ? EBIM__FIT_POINTS / 5 : EBIM__FIT_POINTS;
}

/* Whether network `number` is a displacement field. Where these compete one of the first two is
 * signed: if it agrees with the field it is two to five times as close; if not, wide fields have to
 * agree. Another signed one comes last, for hypersurfaces whose thin parts look like edges: sooner,
 * two of them would agree on a bridge between the ends of an arc. In many codimensions a signed one
 * finds no M (of a curve in R^50 it missed all points), and two fields come first. */
static int ebim__recipe_field(const ebim__rows *s, int number)
{
    return s->fields && ((number != 1 && number != 5) || s->k > EBIM__JUDGE_CROWDED);
}

/* Of a training: with less, features of sides, and last layers that are fitted, are still rough
 * away from the data. There points that are scored find no way to M, or M has sheets without data,
 * whose charts take minutes. */
static const double ebim__smooth_effort = 0.25;

/* Whether network `number` is a signed distance by sides of the data. Balls in many dimensions see
 * too little, and quadrics need too many neighbours. */
static int ebim__recipe_sides(const ebim__rows *s, int number)
{
    return s->k == 1 && !s->fields && ebim__rows_fields(s) && s->n <= EBIM__SIDES_COORDINATES &&
           number > 1 && number % 2 == 0 && ebim__effort(s) >= ebim__smooth_effort;
}

/* Row `size` of ebim__size_field; f->d is there */
static void ebim__recipe_way(const ebim__rows *s, int size, ebim__recipe_F *f)
{
    f->net.width = f->way.width = ebim__size_field[size].width;
    f->way.dim = s->n - s->k;
    f->way.sides = !f->field;
    f->way.refit = f->field && !s->survey.at_edge && s->N >= EBIM__FIELD_LEARNED &&
                   ebim__effort(s) >= ebim__smooth_effort;
    f->way.slope = ebim__size_field[size].slope;
    f->way.steps = ebim__steps(s, ebim__size_field[size].steps * (f->way.refit ? 0.75 : 1), 1);
    f->way.batch = EBIM__FIELD_BATCH;
    f->way.rate = 0.01;
    f->way.rate_end = 0.0001;
    f->way.noisy = s->noise > ebim__noisy;
    f->way.next = s->survey.drawn ? s->next : NULL;
    f->way.lo = s->lo;
    f->way.hi = s->hi;
    f->way.weights = s->weight;
    f->way.held = s->held;
    f->way.seed = f->d.seed;
}

/* By a column of the table and a row of ebim__size_F */
static void ebim__recipe_F_from(ebim__recipe_F *f, int column, int size, int n, int codim)
{
    memset(f, 0, sizeof *f);
    ebim__settings(f, ebim__table_F, sizeof ebim__table_F, column);
    f->net.in = n;
    f->net.out = codim;
    f->net.width = ebim__size_F[size].width;
    f->d.steps = ebim__size_F[size].steps * (column == EBIM__F_PAPER || n == 2 ? 1 : 2);
}

EBIM_API void ebim_mdf_recipe(int n, int codim, ebim_mlp_desc *net, ebim_mdf_desc *d)
{
    ebim__recipe_F f;
    ebim__recipe_F_from(&f, EBIM__F_USUAL, 0, n, codim);
    *net = f.net;
    *d = f.d;
}

/* Network `number` for F. Of noisy data every other network is of the usual recipe all the same:
 * where that is far closer to held-out data than noise lets any be, the noise was detail. */
static void ebim__recipe_F_of(const ebim__rows *s, int number, ebim__recipe_F *f)
{
    int size = s->paper ? EBIM__NETWORKS / 2 : number / 2, column = ebim__size_F[size].column;
    int sides = ebim__recipe_sides(s, number), field = ebim__recipe_field(s, number);
    if (s->noise > ebim__noisy && number % 2)
        column = number % 4 == 1 ? EBIM__F_STRONG : EBIM__F_WEAK;
    if (sides) column = EBIM__F_SIDES;
    ebim__recipe_F_from(f, column, size, s->n, s->k);
    f->d.steps = ebim__steps(s, f->d.steps, f->d.batch);
    f->d.lo = s->lo;
    f->d.hi = s->hi;
    f->d.seed = ebim__subseed(s->d->seed + (uint64_t)number, EBIM__SEED_MDF);
    f->d.weights = s->weight;
    f->field = field;
    if (field || sides) ebim__recipe_way(s, sides ? number / 2 + 1 : number > 1, f);
}

/* Whether E is trained with nodes on M, and has a normaliser */
static int ebim__by_nodes(const ebim__rows *s)
{
    return !s->paper && (s->n - s->k <= EBIM__CHART_M || ebim__on_k((int)s->on, s->n) ||
                         (s->k == 1 && s->n <= EBIM__LINES_MAX_N));
}

/* polish: its distinct rows, or 0 */
static void ebim__recipe_E_from(ebim__recipe_E *e, int column, int polish, int n)
{
    memset(e, 0, sizeof *e);
    ebim__settings(e, ebim__table_E, sizeof ebim__table_E, column);
    if (polish) {
        ebim__settings(e, ebim__table_polish, sizeof ebim__table_polish, column);
        e->d.decay = fmin(e->d.decay, ebim__polish_decay / polish);
    }
    e->net.in = n;
    e->net.out = 1;
}

EBIM_API void ebim_energy_recipe(int n, int polish, ebim_mlp_desc *net, ebim_energy_desc *d)
{
    ebim__recipe_E e;
    ebim__recipe_E_from(&e, EBIM__E_PLANE + (n > 2), polish, n);
    *net = e.net;
    *d = e.d;
    d->steps = (int)e.steps;
    if (polish) d->batch = ebim__min_int(d->batch, polish);
}

static void ebim__recipe_E_of(const ebim__rows *s, int number, int polish, ebim__recipe_E *e)
{
    int column = (number ? EBIM__E_FOURIER : EBIM__E_PLANE) + (s->n > 2);
    if (!ebim__by_nodes(s)) column = s->paper ? EBIM__E_PAPER : EBIM__E_CHAINS;
    ebim__recipe_E_from(e, column, polish ? ebim__max_int(s->survey.groups, 1) : 0, s->n);
    e->net.fourier_scale *= 1 << number;
    e->d.steps = ebim__steps(s, e->steps, e->d.batch);
    if (e->most) e->d.steps = ebim__min_int(e->d.steps, e->most);
    if (s->fields)
        e->nodes = ebim__min_int(e->nodes, s->n - s->k > 1 ? EBIM__CHART_NODES
                                                           : EBIM__CURVE_NODES);
    if (s->fine || s->n > EBIM__FINE_N) e->nodes = ebim__min_int(e->nodes, EBIM__FINE_NODES);
    e->d.n_nodes = ebim__fit_points(s) * e->nodes;
    e->d.lo = s->lo;
    e->d.hi = s->hi;
    e->d.seed = ebim__subseed(s->d->seed, EBIM__SEED_ENERGY);
    e->d.weights = s->weight;
    if (!s->paper) return;
    e->d.fresh = EBIM_PROJECT_DESCEND;
    e->d.clmc.constraint.solver = EBIM_SOLVER_LBFGS;
}

/* Parameters as at the start: the user's, but for fresh weights of dense layers */
static void ebim__recipe_draw(ebim_graph *g, const ebim_graph *given, uint64_t seed)
{
    size_t count = given ? (size_t)given->n_theta : 0; /* they come last */
    if (given) memcpy(g->theta + g->n_theta - count, given->theta, count * sizeof *g->theta);
    ebim_init_theta(g, seed);
}

typedef struct ebim__form { /* of a network */
    const ebim_graph *given;  /* the user's; NULL: */
    ebim__mlp mlp;
    int products;             /* 1: it sees those of x */
} ebim__form;

static ebim_ref ebim__record_form(ebim_graph *g, ebim_ref x, void *user)
{
    ebim__form *f = (ebim__form *)user;
    if (f->products) x = ebim__record_products(g, x);
    return f->given ? ebim_inline(g, f->given, x, 0) : ebim__record_mlp(g, x, &f->mlp);
}

/* The network of a recipe, or the user's graph in its place; products: see ebim__form */
static ebim_result ebim__recipe_graph(ebim_graph *g, ebim_arena *a, const ebim_mlp_desc *net,
                                      const ebim_graph *given, int products,
                                      uint64_t seed)
{
    ebim__form f;
    ebim_result r;
    f.given = given;
    f.mlp.d = net;
    f.mlp.seed = seed;
    f.products = products;
    r = ebim_record(g, a, net->in, ebim__record_form, &f);
    if (!r && ebim__ready(a)) ebim__recipe_draw(g, given, seed);
    return r;
}

/* ============================================================================================
 * >>odd  rows that are off: suspected while M is not known, judged by it afterwards
 *
 * A row is alone where its neighbours are much nearer to theirs. Where networks do not agree, or M
 * has a piece for few points, such rows may be to blame: they are suspects, and the next networks
 * do without. Once M is known, rows that are alone and off M are left out and named; suspects on M
 * are taken back. Cost: two searches for neighbours and one projection per row.
 * ========================================================================================= */

enum {
    EBIM__ODD_NEAR = 6,      /* a row's neighbour whose distance tells */
    EBIM__ODD_MOST = 100000, /* rows that are looked at: a search each */
    EBIM__ODD_LANES = 128
};

static const struct {
    double alone, share, off, noise, lost;
} ebim__odd_bound = {
    /* Volume up to the 6th neighbour, in those that these have, of a row that is alone. In uniform
     * points its log has a standard deviation of 0.4. */
    6,
    /* More of them cannot be told from structure. */
    0.1,
    /* So far from M, in shares of the size, plus so many times the noise, no row belongs to it. */
    0.02, 6,
    /* Distance of what finds no way to M */
    1e9
};

typedef struct ebim__odd {
    ebim__rows *rows;
    ebim__tree tree;          /* of distinct rows of z */
    ebim_real *apart;         /* [rows] distance to the 6th neighbour among these */
    ebim_real *distance;      /* [rows] from M */
    int32_t *row;             /* [rows] scratch */
    unsigned char *mark;      /* [rows] */
} ebim__odd;

static void ebim__odd_init(ebim__odd *o, ebim__rows *s, ebim_arena *work)
{
    o->rows = s;
    o->apart = EBIM__NEW(work, ebim_real, s->rows);
    o->distance = EBIM__NEW(work, ebim_real, s->rows);
    o->row = EBIM__NEW(work, int32_t, s->rows);
    o->mark = EBIM__NEW(work, unsigned char, s->rows);
    ebim__tree_init(&o->tree, work, s->rows, s->n, EBIM__ODD_NEAR + 1);
}

/* Marks rows that are alone, and their copies; returns how many, copies counted once. */
static int ebim__odd_alone(ebim__odd *o, const ebim_watch *watch)
{
    ebim__rows *s = o->rows;
    ebim__tree *t = &o->tree;
    int i, q, alone = 0;
    ebim__tree_build(t, ebim__rows_distinct(s, s->N, s->N, o->row), s->z, o->row);
    for (i = 0; i < s->N; i++) {
        if (!(s->mass[i] > 0)) continue;
        ebim__tree_near(t, ebim__nth(s->z, i, s->n), EBIM__ODD_NEAR + 1, HUGE_VAL);
        o->apart[i] = EBIM__R(sqrt(t->d2[t->found - 1]));
    }
    for (i = 0; i < s->N && !ebim__stopped(watch); i++) {
        double sum = 0;
        o->mark[i] = 0;
        if (!(s->mass[i] > 0)) continue;
        ebim__tree_near(t, ebim__nth(s->z, i, s->n), EBIM__ODD_NEAR + 1, HUGE_VAL);
        for (q = 1; q < t->found; q++) sum += (double)o->apart[t->hood[q]] / (t->found - 1);
        o->mark[i] = pow((double)o->apart[i] / sum, s->n - s->k) > ebim__odd_bound.alone;
        alone += o->mark[i];
    }
    for (i = 0; i < s->N; i++)
        if (!(s->mass[i] > 0)) o->mark[i] = o->mark[s->first[s->group[i]]];
    return alone;
}

/* A new order: rows that are trained on, suspects that are taken back, rows held out, and behind
 * these, as `off`, what is marked. Suspects are trained on because what a network was judged by has
 * to stay the same. */
static void ebim__odd_reorder(ebim__odd *o)
{
    ebim__rows *s = o->rows;
    int rows = s->N + s->off, i, kept = 0, part;
    const int from[3] = {0, s->N, s->N - s->held}, to[3] = {s->N - s->held, rows, s->N};
    for (part = 0; part < 3; part++) {
        s->held = -kept;
        for (i = from[part]; i < to[part]; i++)
            if (!o->mark[i]) o->row[kept++] = s->order[i];
    }
    s->held += kept;
    s->N = kept;
    s->off = rows - kept;
    for (i = 0; i < rows; i++)
        if (o->mark[i]) o->row[kept++] = s->order[i];
    memcpy(s->order, o->row, (size_t)rows * sizeof *o->row);
    ebim__rows_fill(s);
}

/* Rows that are alone become suspects. 0: there are none, or too many. */
static int ebim__odd_suspect(ebim__odd *o, const ebim_watch *watch)
{
    ebim__rows *s = o->rows;
    ebim__survey *v = &s->survey;
    int groups = v->groups, at = v->outliers, alone, i;
    if (groups > EBIM__ODD_MOST || groups < EBIM__SETTLED) return 0;
    if (ebim__tree_slow(groups, s->n, s->n - s->k)) return 0;
    alone = ebim__odd_alone(o, watch);
    if (!alone || alone > ebim__odd_bound.share * groups || ebim__stopped(watch)) return 0;
    ebim__odd_reorder(o);
    for (i = 0; i < s->off && at < s->rows; i++, at++) { /* what a fit stopped now left out */
        v->outlier[at] = s->order[s->N + i];
        v->outlier_distance[at] = ebim__nan64();
    }
    return 1;
}

/* Distances of rows first .. count - 1 of z to M; what finds no way to it is far away. */
static ebim_result ebim__odd_distances(ebim__odd *o, int first, int count, const ebim_graph *F,
                                       ebim_arena *work)
{
    ebim_project_desc d;
    ebim_projector *p;
    ebim_result r;
    int n = o->rows->n, at, lanes, i;
    ebim_real *y = EBIM__NEW(work, ebim_real, EBIM__ODD_LANES * (size_t)n);
    unsigned char *ok = EBIM__NEW(work, unsigned char, EBIM__ODD_LANES);
    memset(&d, 0, sizeof d);
    d.method = EBIM_PROJECT_ONTO;
    d.constraint.length = 1;
    r = ebim_projector_init(&p, work, F, &d);
    for (at = first; !r && at < count && !ebim__stopped(work->watch); at += lanes) {
        ebim_real *distance = o->distance + at;
        lanes = ebim__min_int(EBIM__ODD_LANES, count - at);
        ebim_projector_run(p, lanes, o->rows->z + (size_t)at * (size_t)n, y, distance, ok);
        for (i = 0; i < lanes; i++)
            if (!ok[i] || !ebim__finite(distance[i])) distance[i] = EBIM__R(ebim__odd_bound.lost);
    }
    return r;
}

/* Leaves out, and names, what is off M: of rows that are fitted those that are alone, of suspects
 * all. Other suspects are taken back. */
static ebim_result ebim__odd_sort_out(ebim__odd *o, const ebim_graph *F, ebim_arena *work)
{
    ebim__rows *s = o->rows;
    ebim__survey *v = &s->survey;
    int rows = s->N + s->off, first = rows > EBIM__ODD_MOST ? s->N : 0, i, afar = 0;
    int at = v->outliers;
    double most = ebim__odd_bound.off + ebim__odd_bound.noise * s->noise;
    ebim_result r;
    if (s->paper) return EBIM_OK;
    ebim__rows_z(s, rows);
    r = ebim__odd_distances(o, first, rows, F, work);
    if (r || ebim__stopped(work->watch)) return r;
    for (i = first; i < s->N; i++) afar += (double)o->distance[i] > most;
    if (!afar && !s->off) return EBIM_OK;
    memset(o->mark, 0, (size_t)s->N);
    if (afar && afar <= ebim__odd_bound.share * s->N && s->survey.groups >= EBIM__SETTLED)
        ebim__odd_alone(o, work->watch);
    if (ebim__stopped(work->watch)) return EBIM_OK;
    for (i = 0; i < rows; i++) {
        double d = i < first ? 0 : (double)o->distance[i];
        o->mark[i] = (unsigned char)(d > most && (i >= s->N || o->mark[i]));
        if (!o->mark[i] || at >= s->rows) continue;
        v->outlier[at] = s->order[i];
        v->outlier_distance[at++] = d < ebim__odd_bound.lost ? d * s->unit : ebim__nan64();
    }
    ebim__odd_reorder(o);
    return EBIM_OK;
}

/* ============================================================================================
 * >>candidates  networks for F: trained two at a time, judged against each other
 *
 * Networks are trained until the best is accurate and another agrees with it. Where the first two
 * do not agree, or have a piece for few points, the next ones do without rows that are alone
 * (>>odd). What is chosen is judged once more, at more points. Cost: nearly all of a fit without
 * energy; two trainings at least, a judgement of each, and a comparison of each pair.
 * ========================================================================================= */

static const struct {
    double disputed, singular, hood, close, accurate, q99, fields, noise, volume, quick;
    double crowded, drawn, beyond, feet, plain, failed, dirty, none;
} ebim__choice_bound = {
    /* Shares of M that a few of FIT_POINTS make up: they count only beyond these. */
    0.005, 0.002,
    /* Farther from a rival than this share of the size, a part of M is disputed. */
    0.03,
    /* A network closer to held-out data than this share of the noise shows it to be detail. */
    0.3,
    /* Mean distance of the data, in shares of the size, that needs no other network (times
     * (1 + m^2) / 8 where fields compete: the fewer data the farther off they are; there the 0.99
     * quantile has a bound, too, so many times that). Of two wide fields that agree a third is not
     * better: */
    0.001, 6, 4,
    /* or this share of the noise. */
    0.9,
    /* A rival with more than this times the volume has sheets everywhere: it would confirm all. */
    2,
    /* The last judgement of a fit of less effort, or in many codimensions, where points take long,
     * looks at no more points than the others. */
    0.5,
    /* In many codimensions so many times the distance will do: a curve in R^50 is 0.0004 off, and
     * 0.0002 by a network that takes three times as long. */
    2,
    /* Farther than this share of the size from M, rows that draw a curve are off it. */
    0.02,
    /* Zeros of equations are M if no more than this share of them is away from all data: of a cap,
     * data in one place, a curve on a sphere 5 %, 50 %, 97 %; of closed sets up to 0.5 %. */
    0.02,
    /* Rows off M by more than this share of the size, in the mean, E sees at their feet. */
    0.001,
    /* What scores are worse by: in a band, in shares of the noise, for the recipe without one; */
    0.5,
    /* for an error, for such zeros, for rows that are suspected since, for no M at all (these alone
     * decide). */
    1, 10, 1e3
};

/* Shares of the whole run after which a stage ends: F; E, or F where no E is wanted */
static const struct {
    double manifold, energy;
} ebim__stage_end = {0.5, 0.95};

typedef struct ebim__candidate { /* one network for F and what it is worth */
    ebim_graph F;              /* in z's units */
    ebim__recipe_F recipe;
    ebim_train_report report;
    ebim_judgement j;
    ebim_real *u;              /* [FIT_POINTS][n] of its M */
    double score;
    double off;                /* share of a drawn curve (>>crust) that is off its M; else 0 */
    ebim_result r;
    int done;                  /* 1: trained and judged, not stopped on the way */
    int dirty;                 /* 1: trained with rows that are suspected since */
    int rival;                 /* the candidate that agrees with it best, or -1 */
} ebim__candidate;

typedef struct ebim__contest {
    ebim__rows *rows;
    ebim__odd odd;
    ebim_judgement *judged;    /* out: of the best, in the units of the data */
    ebim_real *u;              /* [4 FIT_POINTS][n] points of M, uniform where they can be */
    ebim_watch *watch;         /* [2] of the two threads; [0] asks the caller */
    ebim_arena scratch[2];     /* of the two threads */
    ebim__candidate c[EBIM__NETWORKS];
    ebim__plane_of plane;      /* of the data, for displacement fields */
    ebim__equations equations; /* that they satisfy */
    ebim_graph exact;          /* F of these, while memory is measured */
    int most, count, best;
    int threads;               /* 1: two are trained at the same time */
    double share;              /* of the whole run */
    ebim_result r;             /* of the last judgement */
} ebim__contest;

static void ebim__judge_of(const ebim__rows *s, int points, ebim_real *u, ebim_judge_desc *d)
{
    memset(d, 0, sizeof *d);
    d->lo = s->lo;
    d->hi = s->hi;
    d->scale = 1;
    d->rim = s->rim;
    d->noise = s->noise;
    d->data = s->z;
    d->n_data = s->N - s->held;
    d->held = s->z ? s->z + (size_t)d->n_data * (size_t)s->n : NULL;
    d->n_held = s->held;
    d->weights = s->weight;
    d->seed = ebim__subseed(s->d->seed, EBIM__SEED_POINTS);
    d->points = points;
    d->u = u;
}

static ebim_result ebim__candidate_train(ebim__candidate *c, const ebim__rows *s,
                                         const ebim__plane_of *plane, ebim_arena *work)
{
    if (c->recipe.equations) return EBIM_OK;
    if (c->recipe.field || c->recipe.way.sides)
        return ebim__field_train(&c->F, s->N - s->held, s->z, &c->recipe.way, plane, work,
                                 &c->report);
    return ebim_mdf_train(&c->F, work, s->N - s->held, s->z, &c->recipe.d, &c->report);
}

/* Of a training that has diverged, its last good state is judged. */
static ebim_result ebim__candidate_judge(ebim__candidate *c, const ebim__rows *s, ebim_arena *work)
{
    ebim_judge_desc d;
    ebim__judge_of(s, ebim__fit_points(s), c->u, &d);
    d.rough = 1;
    return ebim_judge(&c->F, work, &d, &c->j);
}

static void ebim__candidate_task(void *arg, int i)
{
    ebim__contest *s = (ebim__contest *)arg;
    ebim__candidate *c = &s->c[s->count + i];
    ebim_arena *work = &s->scratch[s->threads ? i : 0];
    if (!s->threads || !i)
        ebim__stage(s->watch, EBIM_STAGE_MANIFOLD, s->share * (s->count + i) / s->most,
                    s->share * (s->count + i + 1) / s->most);
    work->used = 0;
    ebim__judge_nothing(&c->j);
    c->r = ebim__candidate_train(c, s->rows, &s->plane, work);
    work->used = 0; /* the judge takes the trainer's memory */
    if (!c->r || c->r == EBIM_ERR_DIVERGED) {
        ebim_result r = ebim__candidate_judge(c, s->rows, work);
        if (r) c->r = r;
    }
    c->done = !ebim__stopped(work->watch);
}

/* Whether equations have zeros where the data are not, or that is not known */
static int ebim__candidate_beyond(const ebim__candidate *c)
{
    return c->recipe.equations && (c->j.points < EBIM__FIT_POINTS / 4 ||
                                   !(c->j.remote <= ebim__choice_bound.beyond));
}

/* Whether `other` may vouch for c: it must pass where the data do, and must not have sheets
 * everywhere, for these would confirm anything. */
static int ebim__candidate_vouches(const ebim__candidate *c, const ebim__candidate *other)
{
    int v = ebim__judge_verdict(&other->j, 1);
    if ((other->dirty && !c->dirty) || ebim__candidate_beyond(other)) return 0;
    if (c == other || v & (EBIM_VERDICT_NOWHERE | EBIM_VERDICT_MISSED | EBIM_VERDICT_OFF)) return 0;
    return !ebim__above(c->j.volume, 0) ||
           !ebim__above(ebim__or_else(other->j.volume, DBL_MAX),
                        ebim__choice_bound.volume * c->j.volume);
}

/* Finds the candidate that agrees best with c, c->rival. What it lacks of c's M is disputed. */
static ebim_result ebim__candidate_rivals(ebim__contest *s, ebim__candidate *c)
{
    ebim_arena *work = &s->scratch[0];
    ebim_judge_desc d;
    ebim__judge judge;
    int i;
    ebim__judge_of(s->rows, ebim__fit_points(s->rows), c->u, &d);
    c->rival = -1;
    c->j.disputed = s->count > 1; /* by all, until one agrees */
    if (s->rows->survey.drawn) { /* few are held out: a bend may have none of these */
        ebim_result r;
        work->used = 0;
        ebim__judge_alloc(&judge, &c->F, &d, work);
        ebim__judge_rows(&judge);
        r = ebim__disputed(&judge, &c->F, judge.n_data, judge.data, ebim__choice_bound.drawn,
                           &c->off, work);
        if (r) return r;
    }
    for (i = 0; i < s->count; i++) {
        double share = 1;
        ebim_result r;
        if (!ebim__candidate_vouches(c, &s->c[i])) continue;
        work->used = 0;
        ebim__judge_alloc(&judge, &c->F, &d, work);
        r = ebim__disputed(&judge, &s->c[i].F, c->j.points, c->u, ebim__choice_bound.hood,
                           &share, work);
        if (r) return r;
        if (c->rival >= 0 && share >= c->j.disputed) continue;
        c->rival = i;
        c->j.disputed = share;
    }
    return EBIM_OK;
}

/* What decides between candidates: the held-out distance, as a share of the data's size, and the
 * shares of M that should not be there. */
static double ebim__candidate_score(const ebim_judgement *j)
{
    double disputed = ebim__or_else(j->disputed, 0) - ebim__choice_bound.disputed;
    double singular = ebim__or_else(j->singular, 0) - ebim__choice_bound.singular;
    if (!(j->points > 0) || !ebim__finite64(j->distance_mean)) return ebim__choice_bound.none;
    return j->distance_mean + j->missed / fmax(j->checked, 1) +
           (fmax(disputed, 0) + fmax(singular, 0) + ebim__or_else(j->empty, 0));
}

/* Judges the candidates against each other. 1: the best one may be good enough to stop. Of noisy
 * data the first network has the usual recipe: where it passes closer to the data than noise would
 * let it, its distance is the noise; else it counts as worse than a network made for noise. */
static int ebim__contest_choose(ebim__contest *s)
{
    ebim__candidate *c = s->c;
    double *noise = &s->rows->noise;
    const ebim_judgement *best;
    double accurate, m = s->rows->d->dim;
    int i;
    if (*noise > ebim__noisy && !c->r &&
        ebim__or_else(c->j.distance_mean, 1) < ebim__choice_bound.close * *noise)
        *noise = c->j.distance_median;
    for (s->best = 0, i = 0; i < s->count; i++, c++) {
        c->r = c->r ? c->r : ebim__candidate_rivals(s, c);
        c->score = ebim__candidate_score(&c->j) + c->off;
        if (c->r || ebim__candidate_beyond(c)) c->score += ebim__choice_bound.failed;
        if (*noise > ebim__noisy && i % 2 == 0) c->score += ebim__choice_bound.plain * *noise;
        if (c->dirty) c->score += ebim__choice_bound.dirty;
        if (c->score < s->c[s->best].score) s->best = i;
    }
    best = &s->c[s->best].j;
    accurate = fmax(ebim__choice_bound.accurate * (s->rows->fields ? (1 + m * m) / 8 : 1),
                    ebim__choice_bound.noise * *noise);
    if (s->rows->k > EBIM__JUDGE_CROWDED) accurate *= ebim__choice_bound.crowded;
    if ((ebim__judge_verdict(best, 1) & EBIM_VERDICT_BAD) ||
        ebim__candidate_beyond(&s->c[s->best]) ||
        s->c[s->best].off > ebim__judge_bound.missed) return 0;
    if (s->rows->fields && s->count >= (int)ebim__choice_bound.fields &&
        !(ebim__judge_verdict(best, 1) & EBIM_VERDICT_LOOSE))
        return 1;
    if (s->c[s->best].recipe.way.sides && s->c[s->best].rival >= 0 &&
        s->c[s->c[s->best].rival].recipe.way.sides)
        return 1; /* others come no closer */
    return ebim__or_else(best->distance_mean, 1) < accurate &&
           (!(s->rows->fields || s->rows->survey.drawn) ||
            best->distance_q99 < ebim__choice_bound.q99 * accurate);
}

/* Of a contest that was stopped: the best by itself, for time was too short to compare. */
static void ebim__contest_stopped(ebim__contest *s)
{
    const ebim__candidate *best;
    int i;
    for (i = 0, s->best = 0; i < s->count; i++) {
        s->c[i].score = s->c[i].done ? ebim__candidate_score(&s->c[i].j) : HUGE_VAL;
        if (ebim__candidate_beyond(&s->c[i])) s->c[i].score += ebim__choice_bound.failed;
        if (s->c[i].score < s->c[s->best].score) s->best = i;
    }
    best = &s->c[s->best];
    if (best->done) *s->judged = best->j;
    else ebim__judge_nothing(s->judged);
    s->judged->disputed = ebim__nan64();
    s->judged->verdict =
        (best->done ? ebim__judge_verdict(s->judged, 1) : 0) | EBIM_VERDICT_UNCHECKED;
    s->r = EBIM_OK;
}

/* The judgement of the chosen F, at more points than a candidate's */
static ebim_result ebim__contest_judge(ebim__contest *s, ebim_arena *work)
{
    const ebim__candidate *best = &s->c[s->best];
    ebim_judgement *j = s->judged;
    ebim_judge_desc d;
    ebim_result r;
    int rival = ebim__ready(work) ? best->rival : s->best;
    int crowded = s->rows->k > EBIM__JUDGE_CROWDED;
    int more = crowded || ebim__effort(s->rows) < ebim__choice_bound.quick ? 1 : 4;
    ebim__judge_of(s->rows, more * ebim__fit_points(s->rows), s->u, &d);
    if (rival >= 0) d.rival = &s->c[rival].F;
    r = ebim_judge(&best->F, work, &d, j);
    if (rival < 0 && s->count > 1) {
        j->disputed = 1;
        j->verdict = ebim__judge_verdict(j, 1);
    }
    if (best->off > ebim__judge_bound.missed) j->verdict |= EBIM_VERDICT_LOOSE;
    if (r || !ebim__ready(work)) return r;
    return j->points > 0 && j->missed < j->checked ? EBIM_OK : EBIM_ERR_SOLVE;
}

/* Rows to their nearest points of F's M -> y: [N][n], distances in z's units -> away: [N] or NULL,
 * whether there are such -> ok: [N] */
static ebim_result ebim__rows_onto(const ebim__rows *s, const ebim_graph *F, ebim_real *y,
                                   ebim_real *away, unsigned char *ok, ebim_arena *work)
{
    ebim_project_desc d;
    ebim_projector *p;
    ebim_result r;
    memset(&d, 0, sizeof d);
    d.method = EBIM_PROJECT_ONTO;
    d.constraint.length = 1;
    r = ebim_projector_init(&p, work, F, &d);
    if (r || !ebim__ready(work)) return r;
    ebim_projector_run(p, s->N, s->z, y, away, ok);
    return EBIM_OK;
}

/* What E is to see of rows that are off M: their feet. Noise says nothing of the density on M, and
 * off M E may be anything: of 600 rows with 6 % of noise held-out ones were 190 nats likelier than
 * their feet. A row that finds no way to M takes the foot of the one before it. */
static ebim_result ebim__rows_feet(ebim__rows *s, const ebim_graph *F, ebim_arena *work)
{
    size_t n = (size_t)s->n;
    unsigned char *ok = EBIM__NEW(work, unsigned char, s->rows);
    ebim_result r = ebim__rows_onto(s, F, s->feet, NULL, ok, work);
    int i, last = -1;
    if (r || !ebim__ready(work)) return r;
    for (i = 0; i < s->N; i++) {
        if (i == s->N - s->held) last = -1; /* of those held out, too */
        if (ok[i]) last = i;
        else if (last >= 0)
            memcpy(s->feet + (size_t)i * n, s->feet + (size_t)last * n, n * sizeof *s->feet);
        else memcpy(s->feet + (size_t)i * n, s->z + (size_t)i * n, n * sizeof *s->z);
    }
    s->e = s->foot = s->feet;
    return EBIM_OK;
}

/* A judgement in the units of the data. A volume that no double can hold was not measured. */
static void ebim__judge_units(const ebim__rows *s, ebim_judgement *j)
{
    double unit = pow(s->unit, s->n - s->k);
    double *length[] = {&j->distance_mean, &j->distance_median, &j->distance_q99,
                        &j->distance_max, &j->reach, &j->noise};
    int i;
    for (i = 0; i < 6; i++) *length[i] *= s->unit;
    j->volume *= unit;
    j->volume_se *= unit;
    if (j->volume > 0 && ebim__finite64(j->volume) && ebim__finite64(j->volume_se)) return;
    j->volume = j->volume_se = ebim__nan64();
}

/* The network of candidate c, with its initial weights, or its equations */
static ebim_result ebim__candidate_record(ebim__candidate *c, const ebim__contest *s,
                                          ebim_arena *work, uint64_t seed)
{
    const ebim__rows *rows = s->rows;
    ebim__equations equations = s->equations;
    ebim__field_net f;
    ebim_result r;
    if (!c->recipe.field)
        return ebim__recipe_graph(&c->F, work, &c->recipe.net, rows->d->F, 0, seed);
    f.d = &c->recipe.way;
    f.plane = &s->plane;
    if (c->recipe.equations)
        r = ebim_record(&c->F, work, rows->n, ebim__record_equations, &equations);
    else r = ebim_record(&c->F, work, rows->n, ebim__record_field, &f);
    c->F.field.codim = rows->k;
    c->F.field.gate = !c->recipe.equations;
    c->F.field.norm = ebim__field_nothing; /* until it has bounds */
    if (c->recipe.equations) { /* roots of Q'F that are none of F are not on M */
        c->F.field.norm = ebim__field_bound.norm_least;
        c->F.field.gap = ebim__field_bound.gap_add;
    }
    if (!r && c->F.field.gate && ebim__ready(work)) ebim__field_draw(&c->F, seed);
    return r;
}

/* Candidate i, and the memory that it takes at most -> bytes */
static ebim_result ebim__contest_enter(ebim__contest *s, int i, int equations, ebim_arena *work,
                                       size_t *bytes)
{
    ebim__candidate *c = &s->c[i];
    ebim_arena measure;
    ebim_result r;
    s->best = i; /* while measuring: the one at hand */
    ebim__recipe_F_of(s->rows, i, &c->recipe);
    c->recipe.equations = equations;
    r = ebim__candidate_record(c, s, work,
                               ebim__subseed(s->rows->d->seed + (uint64_t)i, EBIM__SEED_F));
    ebim_arena_init(&measure, NULL, 0);
    if (!r) r = ebim__measured(ebim__candidate_train(c, s->rows, &s->plane, &measure), &measure,
                               bytes);
    if (!r) r = ebim__measured(ebim__candidate_judge(c, s->rows, &measure), &measure, bytes);
    if (!r) r = ebim__measured(ebim__contest_judge(s, &measure), &measure, bytes);
    if (!r) r = ebim__measured(ebim__rows_feet(s->rows, &c->F, &measure), &measure, bytes);
    return r;
}

/* Whether equations may be F: not of data that end, for M would go on; where the survey cannot tell
 * (m > 3), the check says so of the M that goes on (>>voids). And only with a field that can take
 * their place. Hypersurfaces have networks as close as that. */
static int ebim__contest_exact(const ebim__contest *s)
{
    const ebim__rows *rows = s->rows;
    int run = rows->z != NULL; /* while measuring the survey has said nothing */
    return rows->fields && rows->k > 1 && rows->n <= EBIM__EQUATIONS_P && s->most > 2 &&
           (!run || !rows->survey.at_edge);
}

/* Candidates, and memory for the two at work: as much as the largest takes */
static ebim_result ebim__contest_init(ebim__contest *s, ebim__rows *rows, ebim_judgement *judged,
                                      ebim_watch *watch, ebim_arena *work)
{
    const ebim_fit_desc *d = rows->d;
    int most = ebim__or_int(d->networks, rows->paper ? 1 : EBIM__NETWORKS), i, exact;
    size_t points = EBIM__FIT_POINTS * (size_t)rows->n, bytes = 0;
    ebim_result r = EBIM_OK;
    s->rows = rows;
    s->judged = judged;
    s->watch = watch;
    s->most = ebim__min_int(most, EBIM__NETWORKS);
    s->threads = ebim__workers(&d->parallel) > 1;
    s->share = d->no_energy ? ebim__stage_end.energy : ebim__stage_end.manifold;
    ebim__odd_init(&s->odd, rows, work);
    r = ebim__plane_init(&s->plane, rows->N - rows->held, rows->n, rows->z, rows->n - rows->k + 1,
                         work);
    if (!r) r = ebim__equations_init(&s->equations, &s->plane, d->dim, work);
    s->u = EBIM__NEW(work, ebim_real, 4 * points);
    exact = ebim__contest_exact(s);
    if (!r && exact && ebim__ready(work)) {
        int N = rows->N - rows->held, distinct = ebim__min_int(N, rows->survey.groups);
        ebim__equations_find(&s->equations, N, distinct, rows->z);
        exact = s->equations.count > 0;
    }
    for (i = 0; i < s->most; i++) {
        s->c[i].rival = -1;
        s->c[i].u = EBIM__NEW(work, ebim_real, points);
    }
    if (!r && exact && !ebim__ready(work)) { /* what it takes with equations, and without */
        r = ebim__contest_enter(s, 0, 1, work, &bytes);
        s->exact = s->c[0].F;
    }
    for (i = 0; i < s->most && !r; i++)
        r = ebim__contest_enter(s, i, exact && !i && ebim__ready(work), work, &bytes);
    if (exact) bytes += bytes / 8; /* for a rival of another kind */
    for (i = 0; i < 1 + s->threads && !r; i++) {
        ebim__scratch_init(&s->scratch[i], work, bytes);
        s->scratch[i].watch = &watch[i];
    }
    return r ? r : work->failed;
}

/* Trains a pair, or what is left, and counts the networks that may be chosen; fields after the
 * first one by one, and the second by sides, for one of those before may agree; and equations,
 * which need no training.
 * 1: it was stopped. A network that is half trained counts only where none was finished. */
static int ebim__contest_pair(ebim__contest *s)
{
    ebim__candidate *c = &s->c[s->count];
    int alone = c->recipe.equations || (s->rows->fields && s->count) ||
                (c->recipe.way.sides && s->count > 2), i;
    int two = ebim__min_int(alone ? 1 : 2, s->most - s->count);
    if (s->threads) ebim__in_parallel(&s->rows->d->parallel, two, ebim__candidate_task, s);
    for (i = 0; i < two && !s->threads && !s->watch->stopped; i++) ebim__candidate_task(s, i);
    for (i = 0; i < two && c[i].done; i++) {}
    s->count += i;
    if (i == two) return 0;
    if (two == 2 && c[1].done) s->c[s->count++] = c[1]; /* the other thread was quicker */
    if (!s->count) s->count = 1;
    return 1;
}

/* Whether the first two networks will not do, and the next ones get other data */
static int ebim__contest_suspects(ebim__contest *s, int done)
{
    double fewest = ebim__or_else(s->c[s->best].j.fewest, DBL_MAX);
    int i;
    if (s->rows->paper || s->count != 2 || s->most == 2) return 0;
    if ((done && !(fewest < (double)EBIM__SETTLED)) || !ebim__odd_suspect(&s->odd, s->watch))
        return 0;
    for (i = 0; i < s->count; i++) s->c[i].dirty = 1;
    return 1;
}

/* Judges the best at more points. Pieces without data that its own few points did not show count
 * against it from now on, and another may be the best. 1: it is good */
static int ebim__contest_settle(ebim__contest *s, ebim_arena *work)
{
    for (;;) {
        int best = s->best;
        double empty;
        work->used = 0;
        s->r = ebim__contest_judge(s, work);
        if (s->r || ebim__stopped(s->watch)) return 0;
        if (!(s->judged->verdict & EBIM_VERDICT_BAD)) return 1;
        empty = ebim__or_else(s->judged->empty, 0);
        if (!(empty > ebim__or_else(s->c[best].j.empty, 0) + ebim__choice_bound.disputed)) return 0;
        s->c[best].j.empty = empty;
        ebim__contest_choose(s);
        if (s->best == best) return 0;
    }
}

/* Trains and chooses; results are the best network, its judgement and its points. */
static ebim_result ebim__contest_run(ebim__contest *s)
{
    const ebim_watch *w = s->watch;
    ebim_arena *work = &s->scratch[0];
    ebim_result r = EBIM_OK;
    int done = 0;
    while (s->count < s->most && !done) {
        if (ebim__contest_pair(s)) break;
        done = ebim__contest_choose(s);
        if (ebim__contest_suspects(s, done)) done = 0;
        if (w->stopped) break;
        if (!done && s->count < s->most) continue;
        ebim__stage(s->watch, EBIM_STAGE_CHECK, w->now.done, w->now.done);
        work->used = 0;
        r = ebim__odd_sort_out(&s->odd, &s->c[s->best].F, work);
        if (r || w->stopped) break;
        done = ebim__contest_settle(s, work);
    }
    if (w->stopped) ebim__contest_stopped(s);
    work->used = 0;
    if (!r && !w->stopped && s->rows->feet && s->judged->distance_mean > ebim__choice_bound.feet)
        r = ebim__rows_feet(s->rows, &s->c[s->best].F, work);
    ebim__judge_units(s->rows, s->judged);
    return r ? r : s->c[s->best].r;
}

/* ============================================================================================
 * >>centres  E from a kernel estimate: no training, and hard to beat where data crowd in places
 *
 * -log(flat + sum of Gaussians round the data, each as wide as some neighbour is far away). Of a
 * grid of widths, and of shares of the mass that are spread over M, held-out data choose the
 * likeliest; without such data each centre is judged by the others. Cost: K^2 distances and 40
 * times (held out) x K kernels, half a second at most.
 * ========================================================================================= */

enum {
    EBIM__CENTRES = 8192,     /* at most: their distances cost half a second */
    EBIM__NEIGHBOURS = 32,
    EBIM__WEIGHED = 4096,     /* nodes that kernels are weighed at */
    EBIM__KERNELS_MOST = 8,   /* m: above, no kernel is wide and near at once */
    EBIM__WIDTHS = 8,
    EBIM__HOODS_APART = 4,    /* from here on widths hardly know a point that is left out: by the
                               * first ones 100 points of a circle, each judged by the others, lost
                               * 0.3 nat; along curves 0.01 by 31 neighbours, too */
    EBIM__OWN_HOODS = 5,      /* neighbours that each centre's width is tried from */
    EBIM__HOODS = 7,          /* and those of widths that all have in common, if M is known */
    EBIM__HOODS_MANY = 2000,  /* and centres are no more than these */
    EBIM__FLATS = 3
};

/* width = least * step^i times the distance to the neighbour, i < WIDTHS: 0.25 to 2.6 */
static const struct {
    int neighbour[EBIM__HOODS];
    double least, step, flat[EBIM__FLATS], meet;
} ebim__widths = {
    /* few neighbours follow detail, many follow the density; the last are those of common widths,
     * which take less from a hundred points than widths of their own */
    {1, 3, 7, 15, 31, 7, 31},
    0.25, 1.4,
    /* shares of the uniform density: a new point in a gap costs 3.5 to 5.8 nats */
    {0.003, 0.01, 0.03},
    /* centres that nearly meet would have no width: added to squares, a share of the mean one */
    0.01
};

typedef struct ebim__rbf { /* a kernel estimate: how wide, and what it is worth */
    const ebim__rows *rows;
    ebim_graph part, all;      /* E from the training part and from all data */
    int32_t *row;              /* [CENTRES] rows of the data that are centres, one of each group */
    int count;                 /* of them */
    ebim__tree tree;           /* of them */
    ebim_real *gaps;           /* [CENTRES][NEIGHBOURS] squared distances of centres, ascending */
    int neighbour;             /* width^2 = factor^2 (distance to this one^2 + a little), or, if */
    int common;                /* all are alike, factor^2 (mean distance to it)^2 */
    double factor, flat;       /* flat: share of the uniform density */
    double volume;             /* of M */
    double held, held_se;      /* mean E of held-out data */
    double score;              /* that, normalised as far as masses are known */
    int itself;                /* these are the centres, each judged by others: */
    int tries;
    ebim_ws w;
    ebim_real *x, *e, *p, *weight; /* [tries][n], [tries]; p: e for another share that is flat */
    const ebim_real *node;     /* [nodes][n] uniform points of M: what kernels weigh there; NULL: */
    int nodes;                 /* as in the plane */
    ebim_real *at;             /* [nodes] E at them */
} ebim__rbf;

typedef struct ebim__estimate {
    int centres, products;
} ebim__estimate;

/* -log(flat + sum of radial basis functions); ebim__rbf_fill sets their parameters. */
static ebim_ref ebim__record_estimate(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__estimate *e = (const ebim__estimate *)user;
    double flat = 1;
    ebim_ref y = e->products ? ebim__record_products(g, x) : x;
    y = ebim__push(g, EBIM__OP_RBF, EBIM_FN_IDENTITY, y, 0, e->centres, 0);
    y = ebim_add(g, y, ebim_constant(g, 1, &flat));
    return ebim_scale(g, ebim_apply(g, y, EBIM_FN_LOG), -1);
}

/* While measuring there are as many centres as there can be. */
static ebim_result ebim__rbf_init(ebim__rbf *b, const ebim__rows *s, ebim_arena *work)
{
    int most = ebim__min_int(s->N, EBIM__CENTRES), part = most, all = most;
    size_t room = (size_t)ebim__max_int(s->held, most);
    ebim__estimate e;
    ebim_result r;
    if (ebim__ready(work)) {
        part = ebim__rows_distinct(s, s->N - s->held, most, NULL);
        all = ebim__rows_distinct(s, s->N, most, NULL);
    }
    b->rows = s;
    b->itself = s->held < 1;
    b->held = HUGE_VAL;
    b->row = EBIM__NEW(work, int32_t, most);
    b->gaps = EBIM__NEW(work, ebim_real, (size_t)most * EBIM__NEIGHBOURS);
    ebim__tree_init(&b->tree, work, most, s->e_n, EBIM__NEIGHBOURS + 1);
    b->x = EBIM__NEW(work, ebim_real, ebim__times(room, (size_t)s->n));
    b->e = EBIM__NEW(work, ebim_real, room);
    b->p = EBIM__NEW(work, ebim_real, room);
    b->weight = EBIM__NEW(work, ebim_real, room);
    b->at = EBIM__NEW(work, ebim_real, EBIM__WEIGHED);
    e.products = s->on == EBIM_ON_AXES;
    e.centres = part;
    r = ebim_record(&b->part, work, s->n, ebim__record_estimate, &e);
    e.centres = all;
    if (!r) r = ebim_record(&b->all, work, s->n, ebim__record_estimate, &e);
    return r ? r : ebim_ws_init(&b->w, work, &b->part, 64, EBIM_WS_VALUES);
}

/* The centres of an estimate from the first N rows, and how far apart they are */
static void ebim__rbf_start(ebim__rbf *b, int N)
{
    const ebim__rows *s = b->rows;
    ebim__tree *t = &b->tree;
    int i, j, at;
    b->count = ebim__rows_distinct(s, N, ebim__min_int(s->N, EBIM__CENTRES), b->row);
    ebim__tree_build(t, b->count, s->e, b->row);
    for (i = 0; i < b->count; i++) {
        ebim_real *d = b->gaps + (size_t)i * EBIM__NEIGHBOURS;
        ebim__tree_near(t, ebim__nth(s->e, b->row[i], s->e_n), EBIM__NEIGHBOURS + 1, HUGE_VAL);
        for (at = j = 0; j < t->found && at < EBIM__NEIGHBOURS; j++) /* itself is one of them */
            if (t->hood[j] != b->row[i]) d[at++] = EBIM__R(t->d2[j]);
        while (at < EBIM__NEIGHBOURS) d[at++] = EBIM__R(1e30); /* there are fewer centres */
    }
}

/* Where the parameters of the centres are; the flat part follows them. */
static ebim_real *ebim__rbf_theta(const ebim_graph *g)
{
    int i = 2;
    while (g->node[i].op != EBIM__OP_RBF) i++;
    return g->theta + g->node[i].theta;
}

/* Parameters of g for these centres. The share `flat` of the mass is spread over M; the kernels
 * have the rest, by the weights of their groups. In the plane a kernel of width h holds
 * (2 pi h^2)^(m/2). */
static void ebim__rbf_fill(const ebim__rbf *b, const ebim_graph *g)
{
    const ebim__rows *s = b->rows;
    int n = s->e_n, m = s->n - s->k, i, c;
    ebim_real *t = ebim__rbf_theta(g);
    double least = 0, sum = 0, gap;
    for (i = 0; i < b->count; i++) {
        least += sqrt((double)b->gaps[i * EBIM__NEIGHBOURS + b->neighbour]) / b->count;
        sum += (double)s->mass[b->row[i]];
    }
    gap = least * least;
    least = ebim__widths.meet * gap;
    for (i = 0; i < b->count; i++) {
        const ebim_real *x = ebim__nth(s->e, b->row[i], n);
        double own = (double)b->gaps[i * EBIM__NEIGHBOURS + b->neighbour];
        double d2 = b->common ? gap : own + least;
        double h2 = b->factor * b->factor * d2, mass = pow(6.283185307179586477 * h2, 0.5 * m);
        double share = (double)s->mass[b->row[i]] / sum;
        for (c = 0; c < n; c++) *t++ = x[c];
        *t++ = EBIM__R(0.5 / h2);
        *t++ = EBIM__R((1 - b->flat) * b->volume * share / mass);
    }
    *t = EBIM__R(b->flat);
}

/* The points that widths are tried on */
static void ebim__rbf_points(ebim__rbf *b)
{
    const ebim__rows *s = b->rows;
    int i;
    b->tries = b->itself ? b->count : s->held;
    for (i = 0; i < b->tries; i++) {
        int32_t row = b->itself ? b->row[i] : (int32_t)(s->N - s->held + i);
        ebim__take_rows(1, s->n, s->foot, &row, b->x + (size_t)i * (size_t)s->n);
        b->weight[i] = b->itself ? s->mass[row] : s->weight ? s->weight[row] : 1;
    }
}

/* Mean E of the points -> held, with the best of three flat shares */
static void ebim__rbf_try(ebim__rbf *b)
{
    double now = b->flat, se, weighs = 1 - now, least = HUGE_VAL;
    int i, q, n = b->rows->e_n;
    ebim__rbf_fill(b, &b->part);
    if (b->nodes) ebim_eval(&b->w, b->nodes, b->node, b->at);
    for (i = 0; i < b->nodes; i++)
        weighs = (i ? weighs : 0) + (exp(-(double)b->at[i]) - now) / b->nodes;
    ebim_eval(&b->w, b->tries, b->x, b->e);
    for (b->score = HUGE_VAL, q = 0; q < EBIM__FLATS; q++) {
        double mean, score, flat = ebim__widths.flat[q];
        for (i = 0; i < b->tries; i++) {
            double p = exp(-(double)b->e[i]) - now;
            if (b->itself) p -= (double)ebim__rbf_theta(&b->part)[i * (n + 2) + n + 1];
            b->p[i] = EBIM__R(-log(flat + (1 - flat) * fmax(p, 0) / (1 - now)));
        }
        mean = ebim__mean_se(b->tries, b->p, b->weight, &se);
        score = mean + log(flat + (1 - flat) * weighs / (1 - now)); /* normalised */
        if (!(score < least)) continue;
        least = score;
        b->held = mean;
        b->score = score;
        b->held_se = se;
        b->flat = flat;
    }
}

/* Finds the likeliest widths and flat share with the training part's centres: b->part. b->all then
 * has the centres of all data. */
static void ebim__rbf_fit(ebim__rbf *b, double volume)
{
    ebim__rbf best;
    int first = !b->rows->on || !b->itself ? 0
              : b->rows->n - b->rows->k > 1 ? EBIM__HOODS_APART : EBIM__OWN_HOODS;
    int hoods = EBIM__OWN_HOODS, i, c;
    b->volume = volume;
    ebim__rbf_start(b, b->rows->N - b->rows->held);
    ebim__rbf_points(b);
    best = *b;
    best.held = best.score = HUGE_VAL;
    if (b->rows->on && b->count <= EBIM__HOODS_MANY) hoods = EBIM__HOODS;
    for (i = first; i < hoods; i++)
        for (c = 0; c < EBIM__WIDTHS && !ebim__stopped(b->w.watch); c++) {
            b->neighbour = ebim__widths.neighbour[i];
            if (i == first) /* of a handful the farthest will do */
                b->neighbour = ebim__min_int(b->neighbour, ebim__max_int(b->count - 2, 0));
            b->common = i >= EBIM__OWN_HOODS;
            b->factor = ebim__widths.least * pow(ebim__widths.step, c);
            b->flat = ebim__widths.flat[1];
            if (b->neighbour >= b->count) continue;
            ebim__rbf_try(b);
            if (b->score < best.score) best = *b;
        }
    *b = best;
    if (!ebim__finite64(b->held) || ebim__stopped(b->w.watch)) return;
    ebim__rbf_fill(b, &b->part);
    ebim__rbf_start(b, b->rows->N);
    ebim__rbf_fill(b, &b->all);
}

/* ============================================================================================
 * >>density  E: networks and a kernel estimate, compared on held-out data
 *
 * A plain network and the estimate (>>centres) are compared, and networks of finer features where
 * these two leave it open. The winner is trained again with all data, for as long as held-out data
 * liked it, and kept if they are about as likely under the new one. Cost: nodes on M and the
 * trainings. Codimensions without nodes have kernels alone; the paper's recipe, and m > 8, have one
 * network trained by chains.
 * ========================================================================================= */

static const struct {
    double trial, surely, finer, likelier, luck, seen, over[3];
    int lines[2];
} ebim__density_bound = {
    /* Share of its steps for which a network is tried: what it lacks then it gains by 0.1 nat. */
    0.25, 0.1,
    /* Networks of finer features, which take several times as long, must be likelier by this. */
    0.005,
    /* After all its steps kernels must be likelier by this and a standard error: a network is
     * smoother, and of a hundred widths the one that held-out data like best is a lucky one. */
    0.02,
    /* All data known, E calls held-out points as likely as the first E did, within its error and
     * these: it may be better by what having seen them makes (0.03 nat at most where it was right;
     * a network that lost three of four modes was 0.15 off). */
    0.02, 0.03,
    /* Progress, in shares of the time for E: trials, the first training and the second are over. */
    {0.3, 0.6, 0.9},
    /* Lines of a normaliser for each of FIT_POINTS, n = 2 and n > 2: log Z is known to 0.4 %. */
    {32, 64}
};

enum {
    EBIM__CHECK_ONE_IN = 5, /* nodes: to choose the step by, not to train on */
    EBIM__GENTLY = -1
};

typedef struct ebim__density {
    const ebim__rows *rows;
    const ebim_graph *F;       /* in z's units */
    ebim_model *model;
    ebim_graph net[EBIM__ENERGIES], E; /* in z's units: those that are tried, the best */
    int nets, choose;          /* choose: held-out data do */
    ebim__rbf rbf;
    ebim__z z;
    ebim_arena scratch;        /* for trainings and normalisers */
    ebim_real *node;           /* [nodes][n] uniform on M */
    int nodes;
    ebim__shared shared;       /* points by which several E are compared (x NULL: none) */
    ebim_charts *charts;       /* where lines do not measure M */
    double volume, volume_se;  /* of M, in z's units */
    double level;              /* added to E: its mean e^-E is 1 then */
    double loss;               /* of E */
    ebim_real *theta;          /* of the E that did not see the held-out points */
    ebim_log_z known;          /* normaliser of the E that did, if it was measured (points > 0) */
} ebim__density;

/* Nodes by charts that grow from the data; 0 of them where these do not cover M */
static ebim_result ebim__density_charts(ebim__density *e, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    int count = e->nodes, draws = count + count / 2;
    const ebim_charts_desc d = {s->lo, s->hi, 0, ebim__subseed(s->d->seed, EBIM__SEED_NODES)};
    ebim_real *x = EBIM__NEW(work, ebim_real, (size_t)draws * (size_t)s->n);
    ebim_real *q = EBIM__NEW(work, ebim_real, draws);
    int32_t *pick = EBIM__NEW(work, int32_t, count);
    ebim_result r = ebim_charts_init(&e->charts, work, e->F, &d);
    e->node = EBIM__NEW(work, ebim_real, (size_t)count * (size_t)s->n);
    if (r || !ebim__ready(work)) return r;
    if (s->on || ebim__finite64(e->model->judged.volume)) /* else charts did not cover M before */
        ebim_charts_cover(e->charts, s->N - s->held, s->foot);
    e->nodes = ebim__charts_uniform(e->charts, draws, x, q, count, pick, e->node, d.seed);
    e->shared.x = x; /* their memory is free again */
    e->shared.q = q;
    e->shared.most = draws;
    e->volume = ebim_charts_stats(e->charts).volume;
    e->volume_se = ebim_charts_stats(e->charts).volume_se;
    return EBIM_OK;
}

/* The same on an M that is known: exactly uniform nodes, and charts for the normaliser alone */
static ebim_result ebim__density_known(ebim__density *e, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    int on = (int)s->on, n = s->n, i;
    const ebim_charts_desc d = {s->lo, s->hi, 0, ebim__subseed(s->d->seed, EBIM__SEED_NODES)};
    ebim_result r = EBIM_OK;
    e->node = EBIM__NEW(work, ebim_real, (size_t)e->nodes * (size_t)n);
    if (!ebim__by_lines(e->F) && ebim__charts_for(on, n, s->k))
        r = ebim_charts_init(&e->charts, work, e->F, &d);
    if (r || !ebim__ready(work)) return r;
    ebim__on_uniform(on, n, e->nodes, e->node, d.seed, 0);
    for (i = 0; i < e->nodes * n; i++) e->node[i] = EBIM__R((double)e->node[i] / s->unit);
    if (e->charts) {
        ebim_charts_cover(e->charts, s->N - s->held, s->foot);
        if (!ebim_charts_stats(e->charts).covered) e->charts = NULL;
    }
    e->volume = exp(ebim__on_log_volume(on, n) - (n - s->k) * log(s->unit));
    return EBIM_OK;
}

/* How many lines, or draws, a normaliser has */
static int ebim__density_lines(const ebim__rows *s)
{
    return ebim__density_bound.lines[s->n > 2] * ebim__fit_points(s);
}

/* Memory for the roots of lines that normalisers share, where there will be several */
static void ebim__density_share(ebim__density *e, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    int room = 4 * EBIM__BATCHES * ebim__max_int(ebim__density_lines(s) / EBIM__BATCHES, 16);
    if (!e->choose || !e->nets || !ebim__by_lines(e->F)) return;
    e->shared.x = EBIM__NEW(work, ebim_real, (size_t)room * (size_t)s->n);
    e->shared.q = EBIM__NEW(work, ebim_real, room);
    e->shared.most = room;
}

/* Nodes uniform on the learned M -> e->node; e->nodes becomes their number. */
static ebim_result ebim__density_nodes(ebim__density *e, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    int count = e->nodes;
    ebim_lines_desc d;
    ebim_lines_report area;
    ebim_lines *lines;
    ebim_result r;
    if (ebim__on_k((int)s->on, s->n)) return ebim__density_known(e, work);
    if (!ebim__by_lines(e->F)) return ebim__density_charts(e, work);
    memset(&d, 0, sizeof d);
    d.lo = s->lo;
    d.hi = s->hi;
    e->node = EBIM__NEW(work, ebim_real, (size_t)count * (size_t)s->n);
    r = ebim_lines_init(&lines, work, e->F, &d);
    if (r || !ebim__ready(work)) return r;
    e->nodes =
        ebim_lines_uniform(lines, count, e->node, ebim__subseed(s->d->seed, EBIM__SEED_NODES));
    area = ebim_lines_stats(lines);
    e->volume = area.volume;
    e->volume_se = area.volume_se;
    return e->nodes >= EBIM__CHECK_ONE_IN ? EBIM_OK : EBIM_ERR_SOLVE;
}

/* Trains network `number` on the first N rows, those after them being held out: from its start, for
 * `share` of the recipe's steps or, with until > 0, up to that one of them; share 0: a polish,
 * GENTLY: one that only puts masses right. */
static ebim_result ebim__density_train(ebim__density *e, int number, int N, double share, int until,
                                       ebim_arena *work, ebim_train_report *report)
{
    const ebim__rows *s = e->rows;
    ebim_graph *net = &e->net[number];
    ebim__recipe_E recipe;
    ebim_energy_desc *d = &recipe.d;
    int run = ebim__ready(work), polish = !(share > 0);
    ebim__recipe_E_of(s, number, polish, &recipe);
    if (share < 0) {
        d->steps = ebim__min_int(d->steps, ebim__polish_gently.steps);
        d->rate = ebim__polish_gently.rate;
    }
    if (polish) d->batch = ebim__min_int(d->batch, N);
    else d->steps = ebim__max_int(1, (int)(share * d->steps));
    d->until = until;
    if (!polish && run) ebim__recipe_draw(net, s->d->E, d->seed);
    if (e->nodes) {
        d->n_check = polish ? 0 : e->nodes / EBIM__CHECK_ONE_IN;
        d->n_nodes = e->nodes - d->n_check;
        d->n_held = polish ? 0 : run ? s->N - N : s->held; /* measuring: of any training */
        d->nodes = e->node;
        d->check = run ? ebim__nth(e->node, d->n_nodes, s->n) : NULL;
        d->held = run ? ebim__nth(s->foot, N, s->n) : NULL;
    }
    work->used = 0;
    return ebim_energy_train(net, work, e->F, N, s->foot, d, report);
}

/* Normalises E as M has it -> *z, with volumes behind the map L if that is not NULL */
static ebim_result ebim__density_level(ebim__density *e, const ebim_graph *E, const double *L,
                                       ebim_arena *work, ebim_log_z *z)
{
    const ebim__rows *s = e->rows;
    int draws = ebim__density_lines(s), lines = ebim__by_lines(e->F);
    ebim_result r;
    if ((s->on || lines) && E == &e->rbf.part) draws /= 4; /* 1 % will do to compare it */
    work->used = 0;
    r = ebim__z_init(&e->z, work, e->F, E, L, s->lo, s->hi, draws, e->charts, !lines);
    e->z.on = (int)s->on;
    e->z.unit = s->unit;
    if (e->shared.x && (lines ? !ebim__rbf_count(E) : !L) &&
        e->z.room * EBIM__BATCHES <= e->shared.most)
        e->z.shared = &e->shared;
    if (r || !ebim__ready(work)) return r;
    return ebim__z_run(&e->z, ebim__subseed(s->d->seed, EBIM__SEED_NODES), z);
}

/* Memory for what takes the most -> scratch. The last network is the largest. */
static ebim_result ebim__density_room(ebim__density *e, ebim_arena *work)
{
    int last = e->nets - 1, N = e->rows->N;
    ebim_log_z z;
    ebim_arena a;
    size_t bytes = 0;
    ebim_result r = EBIM_OK;
    ebim_arena_init(&a, NULL, 0);
    if (e->nets) r = ebim__measured(ebim__density_train(e, last, N, 1, 0, &a, NULL), &a, &bytes);
    if (!r && e->nodes && e->nets)
        r = ebim__measured(ebim__density_train(e, last, N, 0, 0, &a, NULL), &a, &bytes);
    if (!r && e->nodes && e->nets)
        r = ebim__measured(ebim__density_level(e, &e->net[last], NULL, &a, &z), &a, &bytes);
    if (!r && e->nodes && last)
        r = ebim__measured(ebim__density_level(e, &e->rbf.all, NULL, &a, &z), &a, &bytes);
    ebim__scratch_init(&e->scratch, work, bytes);
    return r;
}

/* Whether network `number` may be better than what there is. Where the density has detail that the
 * plain network cannot see, kernels do better, and far better if data are dense enough for them. So
 * finer features are worth their time only where kernels win by little, or where data are more than
 * centres; each is tried while the one before it was an improvement. */
static int ebim__density_worth(const ebim__density *e, int number, int best, double least)
{
    int few = e->rows->N - e->rows->held <= EBIM__CENTRES;
    if (!number) return 1;
    if (e->model->judged.verdict & EBIM_VERDICT_BAD) return 0; /* of a wrong M */
    if (few && e->rows->on) return 0; /* kernels see it, and in seconds */
    if (!few && e->rbf.held < least) return 1;
    if (number > 1 || !few) return best == number - 1;
    return e->rbf.held < least && e->rbf.held > least - ebim__density_bound.surely;
}

/* Tries each network for a part of its steps. Held-out data choose *best; *least: mean E there */
static ebim_result ebim__density_try(ebim__density *e, int *best, double *least)
{
    ebim_watch *w = e->scratch.watch;
    double from = w->from, each = w->to - from;
    int i;
    *least = HUGE_VAL;
    for (i = 0; i < e->nets && ebim__density_worth(e, i, *best, *least); i++) {
        ebim_train_report rep;
        ebim_result r;
        ebim__stage(w, EBIM_STAGE_ENERGY, from + each * i / e->nets,
                    from + each * (i + 1) / e->nets);
        r = ebim__density_train(e, i, e->rows->N - e->rows->held, ebim__density_bound.trial, 0,
                                &e->scratch, &rep);
        if ((r && r != EBIM_ERR_DIVERGED) || w->stopped) return r;
        if (!(rep.held < *least - (i ? ebim__density_bound.finer : 0))) continue;
        *least = rep.held;
        *best = i;
    }
    return EBIM_OK;
}

/* The likelihood of held-out data, in the units of the data, where E's mean over them is `held` */
static void ebim__density_held(ebim__density *e, double held, double held_se)
{
    ebim_model *m = e->model;
    double se = e->volume > 0 ? e->volume_se / e->volume : 0;
    if (!(e->volume > 0) || !ebim__finite64(held) || !ebim__finite64(held_se)) return;
    m->info.held = e->rows->held ? e->rows->held : e->rbf.tries; /* each by the others */
    m->info.nll = held + log(e->volume) + m->m * log(e->rows->unit);
    m->info.nll_se = sqrt(held_se * held_se + se * se);
}

/* The kernel estimate becomes E, if held-out data are likelier under it than this. */
static int ebim__density_kernels(ebim__density *e, double than)
{
    if (!(e->rbf.held < than)) return 0;
    ebim__density_held(e, e->rbf.held, e->rbf.held_se);
    e->loss = e->rbf.held;
    e->E = e->rbf.all;
    return 1;
}

/* Kernels are weighed at nodes of M. Many are narrow, and weigh as in the plane: few nodes
 * would meet them. */
static void ebim__density_weigh(ebim__density *e)
{
    const ebim__rows *s = e->rows;
    int many = s->on && s->survey.groups > EBIM__HOODS_MANY;
    e->rbf.node = e->node;
    e->rbf.nodes = many ? 0 : ebim__min_int(e->nodes, EBIM__WEIGHED);
}

/* Fits the kernel estimate; what it is worth is its mean E, normalised. */
static ebim_result ebim__density_estimate(ebim__density *e)
{
    const ebim__rows *s = e->rows;
    ebim__rbf *b = &e->rbf;
    ebim_log_z z;
    ebim_result r;
    if (e->charts || s->on) ebim__density_weigh(e);
    ebim__rbf_fit(b, e->volume);
    if (!ebim__finite64(b->held) || ebim__stopped(e->scratch.watch)) return EBIM_OK;
    r = ebim__density_level(e, &b->part, NULL, &e->scratch, &z);
    b->held = r ? HUGE_VAL : b->held + z.log_mean;
    if (!r) b->held_se = sqrt(b->held_se * b->held_se + z.mean_se * z.mean_se);
    return r == EBIM_ERR_SOLVE ? EBIM_OK : r;
}

/* What E is worth: its mean over held-out data -> *held, *held_se, its normaliser -> e->known.
 * Nodes that a training checks E by are too few for that: their normaliser is 0.02 nat off. Where
 * it is not measured nothing changes. */
static int ebim__density_measure(ebim__density *e, const ebim_graph *E, double *held,
                                 double *held_se)
{
    const ebim__rows *s = e->rows;
    const ebim_real *weight = s->weight ? s->weight + (s->N - s->held) : NULL;
    ebim_arena *work = &e->scratch;
    ebim_ws w;
    ebim_real *at;
    double mean, se;
    if (ebim__density_level(e, E, NULL, work, &e->known)) e->known.points = 0;
    if (!(e->known.points > 0) || work->watch->stopped) return 0;
    work->used = 0;
    at = EBIM__NEW(work, ebim_real, s->held);
    if (ebim_ws_init(&w, work, E, 64, EBIM_WS_VALUES) || work->failed) return 0;
    ebim_eval(&w, s->held, s->foot + (size_t)(s->N - s->held) * (size_t)s->n, at);
    mean = ebim__mean_se(s->held, at, weight, &se) + e->known.log_mean;
    if (!ebim__finite64(mean)) return 0;
    *held = mean;
    *held_se = sqrt(se * se + e->known.mean_se * e->known.mean_se);
    return 1;
}

/* Standard error of how much likelier held-out data are under the estimate than under E: that of
 * differences, for either alone has a larger one, of the same points. */
static double ebim__density_apart(ebim__density *e, const ebim_graph *E)
{
    const ebim__rows *s = e->rows;
    const ebim_real *held = ebim__nth(s->foot, s->N - s->held, s->n);
    ebim_real *at[2];
    ebim_ws w;
    double se;
    int i;
    e->scratch.used = 0;
    at[0] = EBIM__NEW(&e->scratch, ebim_real, s->held);
    at[1] = EBIM__NEW(&e->scratch, ebim_real, s->held);
    for (i = 0; i < 2; i++) {
        const ebim_graph *g = i ? &e->rbf.part : E;
        if (ebim_ws_init(&w, &e->scratch, g, 64, EBIM_WS_VALUES) || e->scratch.failed) return 0;
        ebim_eval(&w, s->held, held, at[i]);
    }
    for (i = 0; i < s->held; i++) at[0][i] -= at[1][i];
    ebim__mean_se(s->held, at[0], s->weight ? s->weight + (s->N - s->held) : NULL, &se);
    return ebim__finite64(se) ? se : 0;
}

/* Whether training with all data was for the better; else the first E stands. */
static int ebim__density_honest(ebim__density *e, const ebim_graph *E,
                                 const ebim_train_report *first)
{
    double more, unused;
    if (!ebim__density_measure(e, E, &more, &unused)) return 1;
    more -= first->held;
    return more < fmin(ebim__density_bound.luck, first->held_se) &&
           more > -fmax(ebim__density_bound.seen, first->held_se);
}

/* Polishes the first E with the data it was trained on and measures it: what it is compared with,
 * kernels and the second E, are as finished. The polish stays, and *share is that of one for the
 * second E, if held-out points are likelier under it; else what they liked was little training. */
static ebim_result ebim__density_first(ebim__density *e, int number, ebim_train_report *first,
                                       double *share)
{
    const ebim_graph *E = &e->net[number];
    size_t bytes = (size_t)E->n_theta * sizeof *E->theta;
    double held = 0, held_se = 0;
    ebim_log_z known;
    ebim_train_report rep;
    ebim_result r;
    *share = EBIM__GENTLY;
    memcpy(e->theta, E->theta, bytes);
    if (!ebim__density_measure(e, E, &first->held, &first->held_se)) return EBIM_OK;
    known = e->known;
    r = ebim__density_train(e, number, e->rows->N - e->rows->held, 0, 0, &e->scratch, &rep);
    if (r && r != EBIM_ERR_DIVERGED) return r;
    if (!r && ebim__density_measure(e, E, &held, &held_se) && held < first->held) {
        *share = 0;
        first->held = held;
        first->held_se = held_se;
        memcpy(e->theta, E->theta, bytes);
        return r;
    }
    e->known = known;
    memcpy(E->theta, e->theta, bytes);
    return EBIM_OK;
}

/* E becomes 0, unless held-out points are likelier under what was learned by more than a standard
 * error. Chance alone made 200 uniform points, 40 of them held out, gain 0.06 nat of an E that was
 * 0.2 nat worse than none. */
static int ebim__density_flat(ebim__density *e, double held, double held_se)
{
    if (held < -held_se) return 0;
    ebim__density_held(e, 0, 0);
    e->loss = 0;
    e->E = e->net[0];
    memset(e->E.theta, 0, (size_t)e->E.n_theta * sizeof *e->E.theta);
    return 1;
}

/* E by networks: the best is trained without the held-out data, for as long as these like it, and
 * then once more, as long, with them. Kernels take its place where they are likelier by more than
 * the rest of a training can gain, or are likelier after it. Trials, the first training and the
 * second take about a third of the time each, a polish a tenth. */
static ebim_result ebim__density_best(ebim__density *e, double from, double to)
{
    const ebim__rows *s = e->rows;
    ebim_watch *w = e->scratch.watch;
    ebim_train_report first, rep;
    ebim_log_z known;
    double least, at[3], share = 0;
    int best = 0, likelier, i;
    ebim_result r = EBIM_OK;
    memset(&first, 0, sizeof first);
    memset(&known, 0, sizeof known);
    for (i = 0; i < 3; i++) at[i] = from + ebim__density_bound.over[i] * (to - from);
    ebim__stage(w, EBIM_STAGE_ENERGY, from, at[0]);
    if (e->nets > 1) {
        r = ebim__density_estimate(e);
        if (!r) r = ebim__density_try(e, &best, &least);
        if (r || w->stopped) return r;
        least -= ebim__density_bound.surely;
        if (e->rbf.held < least && ebim__density_flat(e, e->rbf.held, e->rbf.held_se))
            return EBIM_OK;
        if (ebim__density_kernels(e, least)) return EBIM_OK;
    }
    if (e->choose) {
        ebim__stage(w, EBIM_STAGE_ENERGY, at[0], 0.5 * (at[0] + at[1]));
        r = ebim__density_train(e, best, s->N - s->held, 1, 0, &e->scratch, &first);
        ebim__stage(w, EBIM_STAGE_ENERGY, 0.5 * (at[0] + at[1]), at[1]); /* it is polished */
        if (!r && !w->stopped) r = ebim__density_first(e, best, &first, &share);
        known = e->known;
        e->known.points = 0; /* of the last E it is wanted */
        ebim__density_held(e, first.held, first.held_se);
        e->loss = first.loss;
        e->E = e->net[best];
        if (r || w->stopped) return r;
        likelier = e->rbf.held < first.held;
        if (e->nets > 1 && ebim__density_flat(e, likelier ? e->rbf.held : first.held,
                                              likelier ? e->rbf.held_se : first.held_se))
            return r;
        least = first.held - ebim__density_bound.likelier;
        if (likelier && ebim__density_kernels(e, least - ebim__density_apart(e, &e->E))) return r;
    }
    ebim__stage(w, EBIM_STAGE_ENERGY, e->choose ? at[1] : from, at[2]);
    r = ebim__density_train(e, best, s->N, 1, e->choose ? ebim__max_int(first.best, 1) : 0,
                            &e->scratch, &rep);
    ebim__stage(w, EBIM_STAGE_ENERGY, at[2], to);
    if (!r && !w->stopped && e->nodes)
        r = ebim__density_train(e, best, s->N, share, 0, &e->scratch, &rep);
    e->loss = rep.loss;
    e->E = e->net[best];
    if (e->choose && !r && !w->stopped && !ebim__density_honest(e, &e->net[best], &first)) {
        memcpy(e->E.theta, e->theta, (size_t)e->E.n_theta * sizeof *e->theta);
        e->known = known;
    }
    return r;
}

/* Of few points of a known M kernels are worth what each point is under the others; unless that is
 * better than the uniform density by a standard error, E becomes 0. */
static ebim_result ebim__density_few(ebim__density *e)
{
    ebim__rbf *b = &e->rbf;
    ebim_log_z z;
    ebim_result r = ebim__density_level(e, &b->all, NULL, &e->scratch, &z);
    if (r) return r;
    b->held += z.log_mean;
    b->held_se = sqrt(b->held_se * b->held_se + z.mean_se * z.mean_se);
    if (b->held < -b->held_se) return EBIM_OK;
    b->flat = 1;
    b->held = b->held_se = 0;
    ebim__rbf_fill(b, &b->all);
    return EBIM_OK;
}

/* E by kernels alone: where M has no uniform nodes, with masses as in the plane, or few points.
 * The flat share and the level need a volume: without nodes it is the judge's or, without that, as
 * large as the data fill; then samples have a law, but no density is known. */
static ebim_result ebim__density_alone(ebim__density *e)
{
    const ebim__rows *s = e->rows;
    double known = e->nodes ? e->volume : e->model->judged.volume / pow(s->unit, s->n - s->k);
    int measured = known > 0 && ebim__finite64(known);
    ebim_result r;
    e->volume = measured ? known : 1;
    if (e->nodes) ebim__density_weigh(e);
    ebim__rbf_fit(&e->rbf, e->volume);
    if (!measured) {
        e->volume = exp(e->rbf.held);
        ebim__rbf_fit(&e->rbf, e->volume);
    }
    r = e->nodes && ebim__finite64(e->rbf.held) ? ebim__density_few(e) : EBIM_OK;
    if (r) return r;
    if (!ebim__density_kernels(e, HUGE_VAL)) return EBIM_ERR_DIVERGED; /* E is 0 */
    if (!measured) e->model->info.held = 0;
    return EBIM_OK;
}

/* The normaliser of E in the units of the data -> model->z; E's level is such that its mean e^-E
 * over M is 1. */
static ebim_result ebim__density_normalise(ebim__density *e)
{
    ebim_model *m = e->model;
    ebim_log_z *z = &m->z;
    const double *L = e->rows->L;
    ebim_result r = EBIM_OK;
    if (e->known.points > 0 && !L && !(e->charts && e->shared.x)) {
        *z = e->known;
    } else {
        if (e->charts) e->shared.x = NULL; /* few would do to compare: E has been chosen by them */
        r = ebim__density_level(e, &e->E, L, &e->scratch, z);
    }
    if (!r && ebim__on_k((int)e->rows->on, e->rows->n)) {
        z->log_volume = log(e->volume); /* it is known, and of mean and integral the better one */
        if (z->se < z->mean_se) z->log_mean = z->log_z - z->log_volume;
        z->se = z->mean_se = fmin(z->se, z->mean_se);
        z->volume_se = 0;
    }
    if (r || ebim__stopped(e->scratch.watch)) return r;
    e->level = -z->log_mean;
    z->log_volume += (double)m->m * log(e->rows->unit);
    m->judged.volume = exp(z->log_volume); /* from many more lines than the judge draws */
    m->judged.volume_se = z->volume_se * m->judged.volume;
    z->log_mean = 0;
    z->log_z = z->log_volume;
    return EBIM_OK;
}

/* Networks, kernels, nodes and memory for what they take */
static ebim_result ebim__density_init(ebim__density *e, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    const ebim_graph *given = s->d->E;
    int by_nodes = ebim__by_nodes(s), i;
    int kernels = !by_nodes && !s->paper && s->n - s->k <= EBIM__KERNELS_MOST && !given;
    int few = s->on && !given && (ebim__ready(work) ? !s->held : s->N < EBIM__ON_FEW);
    ebim__recipe_E recipe;
    ebim_result r = EBIM_OK;
    e->choose = by_nodes && s->held;
    e->nets = kernels || few ? 0 : e->choose && !given ? EBIM__ENERGIES : 1;
    e->rbf.held = HUGE_VAL;
    for (i = 0; i < e->nets && !r; i++) {
        ebim__recipe_E_of(s, i, 0, &recipe);
        r = ebim__recipe_graph(&e->net[i], work, &recipe.net, given,
                               s->on == EBIM_ON_AXES,
                               ebim__subseed(s->d->seed, EBIM__SEED_E));
        e->nodes = recipe.d.n_nodes;
        if (e->net[i].n_theta > e->E.n_theta) e->E = e->net[i]; /* while measuring: the largest */
    }
    if (by_nodes && !e->nets) {
        ebim__recipe_E_of(s, 0, 0, &recipe);
        e->nodes = recipe.d.n_nodes;
    }
    if (!r && e->nets != 1) r = ebim__rbf_init(&e->rbf, s, work);
    if (e->rbf.all.n_theta > e->E.n_theta) e->E = e->rbf.all;
    e->theta = EBIM__NEW(work, ebim_real, e->E.n_theta);
    if (!r && (e->nets || by_nodes)) r = ebim__density_room(e, work);
    if (!r && by_nodes) r = ebim__density_nodes(e, work);
    if (!r && by_nodes) ebim__density_share(e, work);
    return r ? r : work->failed;
}

/* Learns E; the model has none where it was not learned to the end. */
static ebim_result ebim__density_run(ebim__density *e, ebim_arena *work)
{
    ebim_model *model = e->model;
    double from = e->rows->on ? 0 : ebim__stage_end.manifold, to = ebim__stage_end.energy;
    ebim_result r;
    model->has_energy = 1;
    ebim__stage(work->watch, EBIM_STAGE_ENERGY, from, to);
    r = ebim__density_init(e, work);
    if (!ebim__ready(work)) return r;
    if (!r && !ebim__stopped(work->watch)) {
        int alone = !e->nets || (ebim__by_nodes(e->rows) && !e->nodes); /* M is not measured */
        if (alone && e->nets == 1) r = EBIM_ERR_SOLVE;
        else r = alone ? ebim__density_alone(e) : ebim__density_best(e, from, to);
        model->info.energy_loss = e->loss;
        if (r) model->info.partial = 1;
        if ((!r || r == EBIM_ERR_DIVERGED) && e->nodes && !ebim__stopped(work->watch)) {
            ebim_result z = ebim__density_normalise(e);
            r = z ? z : r;
        }
    }
    if (r == EBIM_ERR_SOLVE || ebim__stopped(work->watch)) { /* F has no zero in D: it shows */
        model->has_energy = 0;
        model->info.partial = 1;
        model->info.held = 0;
        memset(&model->z, 0, sizeof model->z);
        r = ebim__stopped(work->watch) ? EBIM_OK : r;
    }
    return r;
}

/* ============================================================================================
 * >>check  M and E against the data
 *
 * Two questions: does M have parts without data, and do held-out data follow the density (>>voids)?
 * Data are thrown onto M first, for with their noise all of M would look empty. Of an M that is
 * known the second alone is asked: where it has no data it is M all the same. Cost: a tree of up
 * to 16384 points of M, and the distances of 500 points of two kinds.
 * ========================================================================================= */

enum {
    EBIM__VOIDS = 16384,     /* points of M that are looked at, at most, */
    EBIM__VOIDS_LEAST = 100, /* and at least */
    EBIM__COMPARED = 500,    /* points on each side of the two-sample test, at most, */
    EBIM__COMPARED_LEAST = 20
};

static const struct {
    double ends, outliers, outlier_share, sigma, nat, p, column, alone;
} ebim__check_bound = {
    /* Share of M beyond the data that is more than the width of an end. */
    0.002,
    /* Rows left out beyond these are many: so many, and this share of all. */
    5, 0.005,
    /* Held-out points likelier under the uniform density by so many errors and nats: no chance. */
    3, 0.01,
    /* One right density in 330 is called wrong. */
    0.003,
    /* Of the variance of a column, this share off M. Tracks in degrees and metres 0.6 and more. */
    0.5,
    /* Less than this of a column is news beside the others: noise of 80 rows has 1 +- 0.16. */
    0.5
};

/* Points of M, nodes of E or else the judge's -> u: [VOIDS][n], E there -> at; returns how many. */
static int ebim__check_points(const ebim__density *e, const ebim_real *judged, ebim_real *u,
                              ebim_real *at, ebim_arena *work)
{
    const ebim_model *m = e->model;
    int count = m->judged.points, nodes = e->node && e->nodes > 0;
    ebim_ws w;
    int i;
    if (m->has_energy && ebim_ws_init(&w, work, &e->E, 64, EBIM_WS_VALUES)) return 0;
    for (i = 0; i < e->nets && !ebim__ready(work); i++) /* any of them may be E */
        if (ebim_ws_init(&w, work, &e->net[i], 64, EBIM_WS_VALUES)) return 0;
    if (!ebim__ready(work)) return EBIM__VOIDS;
    count = ebim__spread(nodes ? e->nodes : count, m->n, nodes ? e->node : judged, EBIM__VOIDS, u);
    if (m->has_energy && count) ebim_eval(&w, count, u, at);
    return count;
}

/* Where row `at` of u is, in the units of the data; nowhere for a row < 0 */
static void ebim__check_place(const ebim__rows *d, const ebim_real *u, int at, double *place)
{
    int c, j, n = d->n;
    for (c = 0; c < n; c++) {
        place[c] = at < 0 ? ebim__nan64() : 0;
        for (j = 0; j < n && at >= 0; j++) {
            double share = d->L ? d->survey.inverse[c * n + j] : c == j ? 1 : 0;
            place[c] += share * (d->center[j] + d->unit * (double)u[at * n + j]);
        }
    }
}

/* What was found -> the judgement and the model */
static void ebim__check_told(const ebim__rows *d, const ebim__voids *v, const ebim_real *u,
                             ebim_model *m)
{
    ebim_judgement *j = &m->judged;
    const ebim__void_place *p = v->places > 0 ? &v->place : NULL;
    double unit = d->L ? ebim__nan64() : d->unit; /* there is no one length behind a map */
    double left_out = d->survey.outliers + d->off;
    int bits = j->verdict;
    j->hole = v->hole ? v->holes : 0;
    j->hole_expected = v->expected;
    j->hole_radius = v->hole ? v->radius * unit : ebim__nan64();
    j->gap = v->beyond;
    j->gap_extent = p ? (p->length > 0 ? p->length : 2 * p->radius) * unit : ebim__nan64();
    j->gap_abrupt = fmax(v->open, ebim__or_else(j->gap_abrupt, 0)); /* of M itself */
    ebim__check_place(d, u, v->hole ? v->centre : -1, m->hole);
    ebim__check_place(d, u, p ? p->at : -1, m->end);
    if (v->hole || v->tail) bits |= EBIM_VERDICT_HOLE;
    if (v->open > 0 || (d->survey.at_edge > 0 && v->beyond > ebim__check_bound.ends))
        bits |= EBIM_VERDICT_ENDS;
    if (v->few || ebim__or_else(j->fewest, DBL_MAX) < (double)EBIM__SETTLED ||
        d->survey.groups < EBIM__SETTLED)
        bits |= EBIM_VERDICT_FEW;
    if (left_out > fmax(ebim__check_bound.outliers, ebim__check_bound.outlier_share * d->rows))
        bits |= EBIM_VERDICT_OUTLIERS;
    j->verdict = bits;
}

/* Held-out points, one of each group (copies prove nothing), drawn by their weights -> x. Returns
 * how many: no more than these weights are worth. */
static int ebim__check_held(const ebim__rows *s, ebim_real *x, int32_t *pick, ebim_rng *rng)
{
    int first = s->N - s->held, X, i;
    double sum = 0, square = 0;
    for (i = first; i < s->N; i++) {
        sum += (double)s->mass[i];
        square += (double)s->mass[i] * (double)s->mass[i];
    }
    if (!(sum > 0)) return 0;
    X = ebim__min_int(EBIM__COMPARED, (int)(sum * sum / square + 0.5));
    ebim__resample(s->held, s->mass + first, X, pick, rng);
    ebim__take_rows(X, s->n, ebim__nth(s->z, first, s->n), pick, x);
    return X;
}

/* Whether held-out points would be likelier under the uniform density, by more than chance */
static int ebim__check_no_better(const ebim__density *e)
{
    const ebim_model *m = e->model;
    double uniform = log(e->volume) + m->m * log(e->rows->unit); /* both behind a map, if any */
    return m->info.held > 0 && e->volume > 0 &&
           m->info.nll - uniform >
               ebim__check_bound.sigma * m->info.nll_se + ebim__check_bound.nat;
}

/* Of axes either end, at random: rows have one of them by custom, points of M both. */
static void ebim__check_ends(const ebim__rows *s, int B, ebim_real *x, ebim_rng *rng)
{
    int i, c;
    for (i = 0; i < B && s->on == EBIM_ON_AXES; i++)
        if (ebim_rng_below(rng, 2))
            for (c = 0; c < s->n; c++) x[i * s->n + c] = -x[i * s->n + c];
}

/* Held-out points against as many from u: [S][n] on M, drawn with weights e^-E, E there `at` */
static ebim_result ebim__check_density(const ebim__density *e, ebim_projector *onto, int S,
                                       const ebim_real *u, ebim_real *at, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    ebim_real *x = EBIM__NEW(work, ebim_real, EBIM__COMPARED * (size_t)s->n);
    ebim_real *y = EBIM__NEW(work, ebim_real, EBIM__COMPARED * (size_t)s->n);
    int32_t *pick = EBIM__NEW(work, int32_t, EBIM__COMPARED);
    uint64_t seed = ebim__subseed(s->d->seed, EBIM__SEED_PICK);
    int finite, run = ebim__ready(work), X = EBIM__COMPARED;
    ebim_judgement *j = &e->model->judged;
    ebim__two t;
    ebim_rng rng;
    ebim_result r;
    ebim_rng_init(&rng, seed, 0);
    if (run) {
        X = ebim__check_held(s, x, pick, &rng);
        if (X) ebim_projector_run(onto, X, x, x, NULL, NULL);
        ebim__softmin(S, at, &finite);
        if (X < EBIM__COMPARED_LEAST || !finite) return EBIM_OK;
        ebim__resample(S, at, EBIM__COMPARED, pick, &rng);
        ebim__take_rows(EBIM__COMPARED, s->n, u, pick, y);
        ebim__check_ends(s, X, x, &rng);
        ebim__check_ends(s, EBIM__COMPARED, y, &rng);
    }
    r = ebim__two_samples(X, x, EBIM__COMPARED, y, s->n, seed, &t, work);
    if (r || !run || ebim__stopped(work->watch)) return r;
    j->density_p = t.p;
    if (ebim__check_no_better(e) || t.p < ebim__check_bound.p)
        j->verdict |= EBIM_VERDICT_DENSITY;
    return EBIM_OK;
}

/* How far column c of a row is from that of the row nearest in all other columns, each over its sd:
 * 1 in the mean where these say nothing of it, near 0 where it follows from them. */
static double ebim__check_alone(const ebim__rows *s, int N, const int32_t *row, const double *sd,
                                int c)
{
    enum { ASKED = 500 };
    int n = s->n, asked = ebim__min_int(N, ASKED), i, j, l, which;
    double sum = 0;
    for (which = 0; which < asked; which++) {
        const ebim_real *x = ebim__nth(s->z, row[i = ebim__spread_at(which, asked, N)], n);
        double least = HUGE_VAL, there = 0;
        for (j = 0; j < N; j++) {
            const ebim_real *y = ebim__nth(s->z, row[j], n);
            double d2 = 0;
            for (l = 0; l < n && d2 < least && j != i; l++) {
                double d = l != c && sd[l] > 0 ? ((double)x[l] - (double)y[l]) / sd[l] : 0;
                d2 += d * d;
            }
            if (j == i || !(d2 < least)) continue;
            least = d2;
            there = ((double)x[c] - (double)y[c]) / sd[c];
        }
        sum += 0.5 * there * there / asked;
    }
    return sum;
}

/* Whether a column that varies far less than the widest one, but by more than rounding, varies off
 * M as along it, or more, though it follows from the others: it is no noise then. y: [N][n], the
 * points of M nearest to these rows; sd: [n] scratch. What a map has made alike has none. */
static int ebim__check_units(const ebim__rows *s, int N, const int32_t *row, const ebim_real *y,
                             double *sd)
{
    int n = s->n, pass, c, i;
    double widest = 0;
    for (pass = 0; pass < 2 && !s->L; pass++)
        for (c = 0; c < n; c++) {
            double sum = 0, square = 0, off = 0, least;
            for (i = 0; i < N; i++) {
                double x = (double)s->z[(size_t)row[i] * (size_t)n + (size_t)c];
                double d = x - (double)y[(size_t)i * (size_t)n + (size_t)c];
                sum += x / N;
                square += x * x / N;
                off += ebim__finite64(d) ? d * d / N : 0;
            }
            sd[c] = sqrt(fmax(square - sum * sum, 0));
            if (!pass) widest = fmax(widest, sd[c]);
            least = ebim__survey_bound.rounding * fmax(fabs(s->center[c]) / s->unit, widest);
            if (pass && sd[c] > least && sd[c] * ebim__survey_bound.map_units < widest &&
                off > ebim__check_bound.column * sd[c] * sd[c] &&
                ebim__check_alone(s, N, row, sd, c) < ebim__check_bound.alone)
                return 1;
        }
    return 0;
}

static ebim_result ebim__check_run(const ebim__density *e, const ebim_graph *F,
                                   const ebim_real *judged, ebim_arena *work)
{
    const ebim__rows *s = e->rows;
    size_t n = (size_t)s->n, room = (size_t)ebim__min_int(s->N, EBIM__CENTRES);
    ebim_real *x = EBIM__NEW(work, ebim_real, room * n), *weight = EBIM__NEW(work, ebim_real, room);
    ebim_real *u = EBIM__NEW(work, ebim_real, EBIM__VOIDS * n);
    ebim_real *at = EBIM__NEW(work, ebim_real, EBIM__VOIDS);
    int32_t *row = EBIM__NEW(work, int32_t, room);
    double *sd = EBIM__NEW(work, double, n);
    int run = ebim__ready(work), i;
    ebim_projector *onto;
    ebim_project_desc pd;
    ebim__void_desc d;
    ebim__voids v;
    ebim_result r;
    memset(&d, 0, sizeof d);
    memset(&pd, 0, sizeof pd);
    pd.method = EBIM_PROJECT_ONTO;
    pd.constraint.length = 1;
    r = ebim_projector_init(&onto, work, F, &pd);
    if (r) return r;
    d.n = s->n;
    d.m = s->n - s->k;
    d.N = (int)room;
    d.volume = 1;
    d.x = x;
    d.weight = weight;
    d.S = ebim__check_points(e, judged, u, at, work);
    d.u = u;
    d.energy = e->model->has_energy ? at : NULL;
    if (run) {
        d.volume = e->volume;
        d.N = ebim__rows_distinct(s, s->N, (int)room, row);
        ebim__take_rows(d.N, s->n, s->z, row, x);
        for (i = 0; i < d.N; i++) weight[i] = s->mass[row[i]];
        ebim_projector_run(onto, d.N, x, x, NULL, NULL);
    }
    if (run && s->on && s->survey.groups < EBIM__SETTLED)
        e->model->judged.verdict |= EBIM_VERDICT_FEW;
    if (run && !s->on && ebim__check_units(s, d.N, row, x, sd))
        e->model->judged.verdict |= EBIM_VERDICT_UNITS;
    if (run && !s->on && s->survey.branches) e->model->judged.verdict |= EBIM_VERDICT_SINGULAR;
    if (d.S < EBIM__VOIDS_LEAST) return work->failed;
    if (!s->on) r = ebim__voids_find(&d, &v, work);
    if (r || ebim__stopped(work->watch)) return r;
    if (run && !s->on) ebim__check_told(s, &v, u, e->model);
    return e->model->has_energy ? ebim__check_density(e, onto, d.S, u, at, work) : EBIM_OK;
}

/* ============================================================================================
 * >>fit  from points to a model
 *
 * Rows (>>rows); F (>>candidates) by recipes (>>recipe) and without rows that are off (>>odd); E
 * (>>density, with kernels of >>centres); the check of both (>>check). The model's graphs are those
 * of z behind an affine map, F scaled back, so that what a user sees is in the units of the data.
 * Behind a linear map lengths, volumes and densities are measured once more in front of it. Every
 * stage asks the watch; a fit that was stopped keeps what was finished. Pitfall: the same code
 * measures and runs, so whatever takes memory must be reached without data, too.
 * ========================================================================================= */

typedef struct ebim__fit {
    ebim__rows rows;
    ebim__contest contest;
    ebim__density density;
    ebim_model *model;
    int on;                   /* what M is known to be, */
    ebim_graph known;         /* and its F, in the units of the data */
    ebim_watch watch[2];      /* of the two threads; [0] asks the caller */
    ebim_watch *outer;        /* the caller's own, in `work` */
    ebim_real *spread;        /* [CHART_STARTS][n] rows that charts may grow from */
} ebim__fit;

/* The caller is asked by its own callback, and by the watch of its arena. */
static int ebim__fit_ask(void *user, const ebim_progress *p)
{
    const ebim__fit *f = (const ebim__fit *)user;
    const ebim_fit_desc *d = f->rows.d;
    int stop = d->progress ? d->progress(d->user, p) : 0;
    return ebim__tell(f->outer, p) || stop;
}

/* The second thread does not ask: it ends where the first one does. */
static int ebim__fit_follow(void *user, const ebim_progress *p)
{
    (void)p;
    return EBIM__FLAG(((const ebim__fit *)user)->watch[0].stopped);
}

/* y -> scale (graph((x - center) / unit) - level) */
typedef struct ebim__unit_map {
    const ebim_graph *graph;
    const double *center, *level; /* level NULL: none */
    double unit, scale;
} ebim__unit_map;

static ebim_ref ebim__record_unit(ebim_graph *g, ebim_ref x, void *user)
{
    const ebim__unit_map *u = (const ebim__unit_map *)user;
    ebim_ref y = ebim_inline(g, u->graph, ebim_affine(g, x, u->center, 1 / u->unit), 0);
    if (u->level) y = ebim_affine(g, y, u->level, 1);
    return u->scale < 1 || u->scale > 1 ? ebim_scale(g, y, u->scale) : y;
}

static ebim_ref ebim__record_given(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_inline(g, *(const ebim_graph *const *)user, x, 0);
}

/* F of an M that is known, in the units of the data */
static ebim_result ebim__known_graph(ebim_graph *g, ebim__fit *f, ebim_arena *a)
{
    const ebim_graph *M = f->rows.d->M;
    if (M) {
        ebim_result r = ebim_record(g, a, f->rows.n, ebim__record_given, &M);
        g->field = M->field;
        return r;
    }
    return ebim_record(g, a, f->rows.n, ebim__record_on, &f->on);
}

/* F and E of the model, from those in z's units */
static ebim_result ebim__fit_graphs(ebim__fit *f, ebim_arena *keep)
{
    const ebim__rows *s = &f->rows;
    ebim_model *m = f->model;
    ebim__unit_map u;
    ebim_result r;
    u.graph = &f->contest.c[f->contest.best].F;
    u.center = s->center;
    u.level = NULL;
    u.unit = u.scale = s->unit;
    if (s->on) r = ebim__known_graph(&m->F, f, keep);
    else r = ebim_record(&m->F, keep, s->n, ebim__record_unit, &u);
    m->F.field = u.graph->field; /* J is the same */
    m->F.field.norm *= s->unit;
    m->F.field.open *= s->unit;
    u.graph = &f->density.E;
    u.scale = 1;
    if (f->density.nodes) u.level = &f->density.level; /* subtracted */
    return r || !m->has_energy ? r : ebim_record(&m->E, keep, s->n, ebim__record_unit, &u);
}

/* What charts will grow from, where lines do not do: rows far from one another, of few rows all.
 * Where projection chains start there, rows as they come */
static void ebim__fit_starts(const ebim__fit *f, ebim_model *m)
{
    const ebim__rows *s = &f->rows;
    int32_t which[EBIM__CHARTS_WANTED];
    double gap;
    int i, c, n = s->n, N = ebim__min_int(s->N, EBIM__CHART_STARTS), ways = ebim__model_ways(m);
    int all = ways || N <= EBIM__CHARTS_WANTED;
    m->starts = 0;
    if (ebim__by_lines(&m->F) || !(ways || s->on || ebim__finite64(m->judged.volume))) return;
    if (ways) N = ebim__min_int(N, EBIM__CHARTS_WANTED);
    N = ebim__spread(s->N, n, s->z, N, f->spread);
    for (i = 0; i < N && all; i++) which[i] = i;
    m->starts = N;
    if (!all)
        m->starts = ebim__thin(N, n, f->spread, EBIM__CHARTS_WANTED, which, &gap, NULL);
    for (i = 0; i < m->starts; i++)
        for (c = 0; c < n; c++)
            m->start[i * n + c] =
                EBIM__R(s->center[c] + s->unit * (double)f->spread[which[i] * n + c]);
}

static void ebim__fit_describe(ebim__fit *f)
{
    const ebim__rows *s = &f->rows;
    ebim_model *m = f->model;
    size_t square = (size_t)s->n * (size_t)s->n * sizeof *s->L;
    int c, out = s->survey.outliers + s->off;
    ebim__fit_starts(f, m);
    if (!s->L) m->linear = m->inverse = NULL;
    if (s->L) {
        memcpy(m->linear, s->L, square);
        memcpy(m->inverse, s->survey.inverse, square);
    }
    m->unit = s->unit;
    m->info.points = s->rows;
    m->info.distinct = s->survey.groups;
    m->info.outliers = out;
    for (c = 0; c < EBIM_OUTLIERS && c < out; c++) {
        m->info.outlier_row[c] = s->survey.outlier[c];
        m->info.outlier_distance[c] = s->survey.outlier_distance[c];
    }
    m->info.seed = s->d->seed;
    m->info.recipe = (int)s->d->recipe;
    m->info.on = f->on;
    for (c = 0; c < s->n; c++) {
        m->lo[c] = s->center[c] + s->unit * s->lo[c];
        m->hi[c] = s->center[c] + s->unit * s->hi[c];
    }
}

/* The volume in front of the map, from the judge's points, which are uniform behind it */
static void ebim__front_volume(ebim__fit *f, ebim__energies *e, double volume)
{
    const ebim__rows *s = &f->rows;
    ebim_judgement *j = &f->model->judged;
    double sum = 0, square = 0, mean, stretch[EBIM__LANES];
    int n = s->n, count = j->points, at, lanes, i;
    if (!(volume > 0) || count < 2) return;
    for (at = 0; at < count; at += lanes) {
        const ebim_real *u = ebim__nth(f->contest.u, at, n);
        lanes = ebim__min_int(e->lanes, count - at);
        for (i = 0; i < lanes * n; i++)
            e->w[i] = EBIM__R(s->center[i % n] + s->unit * (double)u[i]);
        ebim__energies_map(e, lanes, e->w, stretch);
        if (ebim__work(e->F.watch, 2.0 * lanes * s->k * (s->k + n) * n)) return;
        for (i = 0; i < lanes; i++) {
            double v = exp(-(stretch[i] + e->map.level));
            sum += v;
            square += v * v;
        }
    }
    mean = sum / count;
    square = fmax(square / count / (mean * mean) - 1, 0) / count; /* relative, of the mean */
    j->volume_se = mean * hypot(j->volume_se, volume * sqrt(square));
    j->volume = volume * mean;
}

typedef struct ebim__front { /* held-out points, or else all: [count] */
    int first, count;         /* in the order of rows */
    ebim_real *x, *y;         /* [count][n] they and nearest points of M, in the data's units */
    ebim_real *distance;
    unsigned char *ok;        /* that found a way to M */
    double *value;            /* distances of these */
    int32_t *order;
    ebim__energies e;
} ebim__front;

/* What distances and densities of these points are in front; densities are off by the mean stretch
 * there. */
static void ebim__front_held(ebim__fit *f, ebim__front *h)
{
    const ebim_real *weights = f->rows.weight;
    ebim_model *m = f->model;
    ebim_judgement *j = &m->judged;
    double sum = 0, stretch = 0, square = 0, mass = 0;
    int i, have = 0;
    for (i = 0; i < h->count; i++) {
        double weight = weights ? (double)weights[h->first + i] : 1, loss;
        if (!h->ok[i]) continue;
        sum += h->value[have++] = (double)h->distance[i];
        if (!m->has_energy) continue;
        ebim__to_model(m, 1, ebim__nth(h->y, i, m->n), h->e.w);
        ebim__energies_map(&h->e, 1, h->e.w, &loss);
        loss += h->e.map.level;
        stretch += weight * loss;
        square += weight * loss * loss;
        mass += weight;
    }
    if (mass > 0) {
        stretch /= mass;
        square = fmax(square / mass - stretch * stretch, 0) / have;
        m->info.nll -= stretch;
        m->info.nll_se = sqrt(m->info.nll_se * m->info.nll_se + square);
    }
    if (!have) return;
    j->distance_mean = sum / have;
    j->distance_median = ebim__quantile(have, h->value, h->order, 0.5);
    j->distance_q99 = ebim__quantile(have, h->value, h->order, 0.99);
    j->distance_max = ebim__quantile(have, h->value, h->order, 1);
}

/* Behind a linear map lengths, volumes and densities are others: none is known in front of it
 * before it was measured there. (A volume that the normaliser has is that in front already.) */
static ebim_result ebim__fit_in_front(ebim__fit *f, ebim_arena *work)
{
    const ebim__rows *s = &f->rows;
    ebim_model *m = f->model;
    ebim_judgement *j = &m->judged;
    size_t n = (size_t)s->n, room = (size_t)ebim__min_int(s->N, EBIM__JUDGE_HELD);
    int run = ebim__ready(work), by_lines = m->z.points > 0;
    int held = m->info.held;
    double volume = by_lines ? ebim__nan64() : j->volume, unknown = 0;
    ebim__front h;
    ebim_result r;
    h.first = s->held ? s->N - s->held : 0;
    h.count = run ? ebim__min_int(s->N - h.first, (int)room) : (int)room;
    h.x = EBIM__NEW(work, ebim_real, room * n);
    h.y = EBIM__NEW(work, ebim_real, room * n);
    h.distance = EBIM__NEW(work, ebim_real, room);
    h.ok = EBIM__NEW(work, unsigned char, room);
    h.value = EBIM__NEW(work, double, room);
    h.order = EBIM__NEW(work, int32_t, room);
    if (!run && s->n <= EBIM__MAPPED_MOST) m->linear = m->inverse = &unknown; /* not read */
    r = ebim__energies_init(&h.e, work, m, EBIM__LANES);
    m->info.held = 0;
    j->distance_mean = j->distance_median = j->distance_q99 = j->distance_max = ebim__nan64();
    j->reach = j->noise = ebim__nan64();
    if (!by_lines) j->volume = ebim__nan64();
    if (!r && ebim__ready(work)) {
        if (!ebim__stopped(work->watch)) ebim__front_volume(f, &h.e, volume);
        ebim__take_rows(h.count, s->n, s->x, s->order + h.first, h.x);
    }
    if (!r && !ebim__stopped(work->watch))
        r = ebim_model_score(m, work, h.count, h.x, h.y, h.distance, NULL, h.ok);
    if (!run) m->linear = m->inverse = NULL;
    if (r || !ebim__ready(work)) return r;
    if (!ebim__finite64(j->volume)) j->volume_se = ebim__nan64();
    if (!ebim__stopped(work->watch)) ebim__front_held(f, &h);
    if (ebim__stopped(work->watch)) m->info.partial = 1; /* a number may be unfinished */
    else if (ebim__finite64(j->distance_mean)) m->info.held = held;
    return EBIM_OK;
}

/* Whether a graph of the user's will do as F or E, or as M, with more outputs than equations */
static int ebim__graph_fits(const ebim_graph *g, int n, int k, int more)
{
    return !g || (!g->failed && g->theta && ebim_inputs(g) == n && ebim__codim(g) == k &&
                  (more || !g->field.codim));
}

/* What is wrong with an M that is said to be known; EBIM_OK: nothing, and d->dim is set */
static ebim_result ebim__known_refused(ebim_fit_desc *d, int n)
{
    int k = d->M ? ebim__codim(d->M) : ebim__on_k((int)d->on, n), i;
    if (!d->M && d->on == EBIM_ON_LEARNED) return d->lo || d->hi ? EBIM_ERR_ON : EBIM_OK;
    if (d->M && ((d->on && d->on != EBIM_ON_GIVEN) || !ebim__graph_fits(d->M, n, k, 1)))
        return EBIM_ERR_ON;
    if (k < 1 || k >= n || (d->dim && d->dim != n - k)) return EBIM_ERR_ON;
    if (d->F || d->recipe == EBIM_RECIPE_PAPER) return EBIM_ERR_ON;
    for (i = 0; i < n; i++) {
        double lo = d->lo ? d->lo[i] : -1, hi = d->hi ? d->hi[i] : 1;
        if (!d->M && (d->lo || d->hi)) return EBIM_ERR_ON;
        if (!ebim__finite64(lo) || !ebim__finite64(hi) || (d->lo && d->hi && !(lo < hi)))
            return EBIM_ERR_BOX;
    }
    d->dim = n - k;
    return EBIM_OK;
}

/* What is wrong with a descriptor; EBIM_OK: nothing */
static ebim_result ebim__fit_refused(const ebim_fit_desc *d, int N, int n)
{
    int inputs = d->on == EBIM_ON_AXES ? ebim__products(n) : n, i;
    double sum = 0;
    if (n < 2 || N < 1) return EBIM_ERR_POINTS;
    if (d->dim < 1 || d->dim >= n) return EBIM_ERR_DIM;
    if (!(d->effort >= 0) || !ebim__finite64(d->effort)) return EBIM_ERR_EFFORT;
    if (d->networks < 0 || (d->recipe != EBIM_RECIPE_DEFAULT && d->recipe != EBIM_RECIPE_PAPER))
        return EBIM_ERR_RECIPE;
    if (!ebim__graph_fits(d->F, n, n - d->dim, 0) || !ebim__graph_fits(d->E, inputs, 1, 0))
        return EBIM_ERR_GRAPH;
    for (i = 0; i < N && d->weights; i++) {
        if (!ebim__finite(d->weights[i]) || d->weights[i] < 0) return EBIM_ERR_WEIGHTS;
        sum += (double)d->weights[i];
    }
    return d->weights && !(sum > 0) ? EBIM_ERR_WEIGHTS : EBIM_OK;
}

static void ebim__fit_init(ebim__fit *f, ebim_model *m, int n, int k, ebim_arena *keep,
                           ebim_arena *work)
{
    memset(f, 0, sizeof *f);
    memset(m, 0, sizeof *m);
    f->model = m;
    m->n = n;
    m->k = k;
    m->m = n - k;
    m->starts = EBIM__CHARTS_WANTED; /* at most */
    ebim__model_arrays(m, keep, 1);
    f->spread = EBIM__NEW(work, ebim_real, EBIM__CHART_STARTS * (size_t)n);
    f->outer = work->watch;
    f->watch[0].progress = ebim__fit_ask;
    f->watch[1].progress = ebim__fit_follow;
    f->watch[0].user = f->watch[1].user = f;
}

/* Rows to their nearest points of a given M: distances in z's units -> away: [N] */
static ebim_result ebim__fit_project(ebim__fit *f, ebim_real *away, ebim_arena *work)
{
    ebim__rows *s = &f->rows;
    unsigned char *ok = EBIM__NEW(work, unsigned char, s->rows);
    ebim_result r = ebim__rows_onto(s, &f->contest.c[0].F, s->z, away, ok, work);
    int i;
    for (i = 0; i < s->N && !r && ebim__ready(work); i++)
        if (!ok[i]) away[i] = EBIM__R(ebim__odd_bound.lost);
    return EBIM_OK;
}

/* Rows onto an M that is known, and what kernels see of them. A row that is off is an error, told
 * as an outlier. */
static ebim_result ebim__fit_onto(ebim__fit *f, ebim_arena *work)
{
    ebim__rows *s = &f->rows;
    ebim_model *m = f->model;
    ebim_judgement *j = &m->judged;
    ebim_real *away = EBIM__NEW(work, ebim_real, s->rows);
    double *value = EBIM__NEW(work, double, s->rows);
    int32_t *order = EBIM__NEW(work, int32_t, s->rows);
    ebim_result r = s->on == EBIM_ON_GIVEN ? ebim__fit_project(f, away, work) : work->failed;
    int i, c, n = s->n, off = -1;
    ebim__judge_nothing(j);
    j->distance_mean = 0;
    for (i = 0; ebim__ready(work) && !r && i < s->N; i++) {
        ebim_real *z = s->z + (size_t)i * (size_t)n;
        if (s->on != EBIM_ON_GIVEN) {
            double d = ebim__on_nearest(f->on, n, ebim__nth(s->x, s->order[i], n), z);
            away[i] = EBIM__R(d / s->unit);
            for (c = 0; c < n; c++) z[c] = EBIM__R((double)z[c] / s->unit);
        }
        value[i] = (double)away[i] * s->unit;
        j->distance_mean += value[i] / s->N;
        if (s->products) ebim__products_of(n, z, s->products + (size_t)i * (size_t)s->e_n);
        if (!((double)away[i] <= ebim__on_tolerance) && (off < 0 || s->order[i] < s->order[off]))
            off = i;
    }
    if (r || !ebim__ready(work)) return r;
    j->checked = s->N;
    j->components = s->on != EBIM_ON_GIVEN;
    j->distance_median = ebim__quantile(s->N, value, order, 0.5);
    j->distance_q99 = ebim__quantile(s->N, value, order, 0.99);
    j->distance_max = ebim__quantile(s->N, value, order, 1);
    if (off < 0) return EBIM_OK;
    m->info.outliers = 1;
    m->info.outlier_row[0] = s->order[off];
    m->info.outlier_distance[0] = value[off];
    return EBIM_ERR_OFF;
}

/* An M that is known, in the place of candidates for it */
static ebim_result ebim__fit_known(ebim__fit *f, ebim_arena *work)
{
    const ebim__rows *s = &f->rows;
    double unit = s->unit, *shift = EBIM__NEW(work, double, s->n);
    ebim_result r = ebim__known_graph(&f->known, f, work);
    int c;
    for (c = 0; shift && c < s->n; c++) shift[c] = -s->center[c] / unit;
    if (!r) r = ebim_map_affine(&f->contest.c[0].F, work, &f->known, shift, unit, 1 / unit);
    f->contest.c[0].F.field = f->known.field; /* J is the same */
    f->contest.c[0].F.field.norm /= unit;
    f->contest.c[0].F.field.open /= unit;
    return r ? r : ebim__fit_onto(f, work);
}

/* E and the check on network `best` of F, each if what was before it was learned to the end */
static ebim_result ebim__fit_learn_on(ebim__fit *f, int best, ebim_arena *work)
{
    ebim_model *m = f->model;
    ebim__density *e = &f->density;
    ebim_result r = EBIM_OK;
    memset(e, 0, sizeof *e);
    e->rows = &f->rows;
    e->F = &f->contest.c[best].F;
    e->model = m;
    if (!f->rows.d->no_energy && !m->info.partial) r = ebim__density_run(e, work);
    if (r || m->info.partial) return r;
    ebim__stage(f->watch, EBIM_STAGE_CHECK, ebim__stage_end.energy, 1);
    r = ebim__check_run(e, e->F, f->contest.u, work);
    if (f->watch[0].stopped) m->info.partial = 1;
    return r;
}

/* Memory for any network that may win: their graphs need different arrays */
static ebim_result ebim__fit_measure(ebim__fit *f, ebim_arena *work)
{
    ebim__contest *c = &f->contest;
    ebim__rows *s = &f->rows;
    size_t used = work->used, most = used, after;
    ebim_result r = EBIM_OK;
    int i, kinds = 1 + ebim__rows_fields(s);
    ebim_graph largest;
    memset(&largest, 0, sizeof largest);
    for (s->fields = 0; s->fields < kinds && !r; s->fields++) {
        work->used = used;
        memset(c, 0, sizeof *c);
        r = ebim__contest_init(c, s, &f->model->judged, f->watch, work);
        for (after = work->used, i = -1; i < c->most && !r; i++) {
            ebim_graph *F = &c->c[ebim__max_int(i, 0)].F, own = *F;
            if (i < 0 && !c->exact.n_nodes) continue;
            if (i < 0) *F = c->exact;
            work->used = after;
            r = ebim__fit_learn_on(f, ebim__max_int(i, 0), work);
            if (work->used > most) most = work->used;
            if (F->n_theta > largest.n_theta) largest = *F;
            *F = own;
        }
    }
    c->c[0].F = largest; /* for what is kept */
    c->best = 0;
    work->used = most;
    return r;
}

/* F, then the rest on the best */
static ebim_result ebim__fit_learn(ebim__fit *f, ebim_arena *work)
{
    ebim_model *m = f->model;
    ebim__contest *c = &f->contest;
    ebim_result r;
    if (f->on) {
        r = ebim__fit_known(f, work);
        return r ? r : ebim__fit_learn_on(f, 0, work);
    }
    if (!ebim__ready(work)) return ebim__fit_measure(f, work);
    r = ebim__contest_init(c, &f->rows, &m->judged, f->watch, work);
    if (r) return r;
    r = ebim__contest_run(c);
    m->info.mdf_loss = c->c[c->best].report.loss;
    m->info.networks = c->count;
    m->info.partial = f->watch[0].stopped || c->c[c->best].r == EBIM_ERR_DIVERGED;
    f->rows.fine = c->c[c->best].recipe.way.sides;
    return r ? r : ebim__fit_learn_on(f, c->best, work);
}

/* A fit in f, which takes 108 KB */
static ebim_result ebim__fit_in(ebim__fit *f, ebim_model *model, ebim_arena *keep,
                                ebim_arena *work, int N, int n, const ebim_real *x,
                                const ebim_fit_desc *d)
{
    ebim_fit_desc own = *d; /* with dim, which `on` and M tell */
    ebim_result r = ebim__known_refused(&own, n), trained;
    int run;
    if (!r) r = ebim__fit_refused(&own, N, n);
    if (r) return r;
    if (!keep->base != !work->base) return EBIM_ERR_ARG;
    ebim__fit_init(f, model, n, n - own.dim, keep, work);
    f->on = (int)(own.M ? EBIM_ON_GIVEN : own.on);
    work->watch = &f->watch[0];
    r = ebim__rows_init(&f->rows, N, n, x, &own, work);
    if (!r) r = keep->failed;
    run = ebim__ready(keep) && ebim__ready(work);
    trained = r ? r : ebim__fit_learn(f, work);
    r = trained == EBIM_ERR_DIVERGED || trained == EBIM_ERR_SOLVE ? EBIM_OK : trained;
    if (!r) r = ebim__fit_graphs(f, keep);
    if (!r && run) ebim__fit_describe(f);
    if (!r && (f->rows.L || (!run && !f->on))) r = ebim__fit_in_front(f, work);
    work->watch = f->outer;
    if (r || !run) return r;
    ebim__stage(f->watch, EBIM_STAGE_CHECK, 1, 1);
    ebim__fit_ask(f, &f->watch[0].now);
    return trained == EBIM_ERR_DIVERGED ? trained : f->contest.r;
}

/* The same where there is no memory but the stack: arenas are measured, or full. */
EBIM__APART ebim_result ebim__fit_counted(ebim_model *model, ebim_arena *keep, ebim_arena *work,
                                          int N, int n, const ebim_real *x, const ebim_fit_desc *d)
{
    ebim__fit f;
    return ebim__fit_in(&f, model, keep, work, N, n, x, d);
}

EBIM_API ebim_result ebim_fit_run(ebim_model *model, ebim_arena *keep, ebim_arena *work, int N,
                                  int n, const ebim_real *x, const ebim_fit_desc *d)
{
    ebim__fit *f = EBIM__NEW(work, ebim__fit, 1);
    return f ? ebim__fit_in(f, model, keep, work, N, n, x, d)
             : ebim__fit_counted(model, keep, work, N, n, x, d);
}

/* ---- a denoiser as a model ---- */

enum { EBIM__WAY_STARTS = 200 }; /* rows of the data that a model keeps, as a file may have */

static ebim_ref ebim__record_way(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_sub(g, x, ebim_inline(g, (const ebim_graph *)user, x, 0));
}

/* Box, starts and what is on M, by the data; returns their deviation */
static double ebim__denoise_place(ebim_model *m, int N, const ebim_real *x,
                                const ebim_denoise_model_desc *d)
{
    int i, b, n = m->n;
    double sum = 0, extent = 0;
    for (i = 0; i < n; i++) {
        double mean = 0, least = HUGE_VAL, most = -HUGE_VAL;
        for (b = 0; b < N; b++) {
            double v = (double)ebim__nth(x, b, n)[i];
            least = fmin(least, v);
            most = fmax(most, v);
            mean += v / N;
        }
        for (b = 0; b < N; b++) {
            double v = (double)ebim__nth(x, b, n)[i] - mean;
            sum += v * v / N;
        }
        m->lo[i] = least;
        m->hi[i] = most;
        m->hole[i] = m->end[i] = ebim__nan64();
        extent = fmax(extent, most - least);
    }
    for (i = 0; i < n; i++) {
        m->lo[i] -= 0.25 * extent;
        m->hi[i] += 0.25 * extent;
    }
    for (b = 0; b < m->starts; b++)
        memcpy(m->start + (size_t)b * (size_t)n,
               ebim__nth(x, (int)((int64_t)b * N / m->starts), n), (size_t)n * sizeof *x);
    m->F.field.norm = ebim__or(d->norm, 0.03 * sqrt(sum));
    return sqrt(sum);
}

/* How far held-out rows are from the ends of their ways */
static ebim_result ebim__denoise_judge(ebim_model *m, ebim_arena *work, int N, const ebim_real *x,
                                       double deviation)
{
    ebim_judgement *j = &m->judged;
    ebim_real *distance = EBIM__NEW(work, ebim_real, N);
    unsigned char *ok = EBIM__NEW(work, unsigned char, N);
    double *value = EBIM__NEW(work, double, N);
    int32_t *order = EBIM__NEW(work, int32_t, N);
    ebim_result r = ebim_model_score(m, work, N, x, NULL, distance, NULL, ok);
    int b, have = 0;
    if (r || !ebim__ready(work)) return r ? r : work->failed;
    for (j->distance_mean = 0, b = 0; b < N; b++)
        if (ok[b]) j->distance_mean += value[have++] = (double)distance[b];
    j->checked = N;
    j->missed = N - have;
    j->distance_mean /= ebim__max_int(have, 1);
    j->distance_median = ebim__quantile(have, value, order, 0.5);
    j->distance_q99 = ebim__quantile(have, value, order, 0.99);
    j->distance_max = ebim__quantile(have, value, order, 1);
    if (j->missed > ebim__judge_bound.missed * N) j->verdict |= EBIM_VERDICT_MISSED;
    if (j->distance_mean > 0.5 * deviation) j->verdict |= EBIM_VERDICT_OFF;
    return EBIM_OK;
}

EBIM_API ebim_result ebim_denoise_model(ebim_model *m, ebim_arena *keep, ebim_arena *work,
                                        const ebim_graph *D, int N, const ebim_real *x,
                                        const ebim_denoise_model_desc *d)
{
    double deviation = 0;
    ebim_result r;
    memset(m, 0, sizeof *m);
    m->n = ebim_inputs(D);
    m->m = d->dim;
    m->k = m->n - m->m;
    if (N < 1 || d->n_held < 1 || (ebim__ready(keep) && (!x || !d->held))) return EBIM_ERR_POINTS;
    if (m->m < 1 || m->k < 1) return EBIM_ERR_DIM;
    if (ebim_outputs(D) != m->n) return EBIM_ERR_SHAPE;
    m->starts = ebim__min_int(N, EBIM__WAY_STARTS);
    m->unit = ebim__or(d->noise, 1.5) * sqrt(m->n) / ebim__ways_noise; /* which starts have */
    m->info.points = N;
    m->info.nll = m->info.nll_se = m->info.energy_loss = ebim__nan64();
    ebim__judge_nothing(&m->judged);
    ebim__model_arrays(m, keep, 0);
    r = ebim_record(&m->F, keep, m->n, ebim__record_way, (void *)(uintptr_t)D);
    m->F.field.codim = m->k;
    m->F.field.gate = EBIM__FOLLOWED;
    if (!r && ebim__ready(keep)) deviation = ebim__denoise_place(m, N, x, d);
    if (!r) r = ebim__denoise_judge(m, work, d->n_held, d->held, deviation);
    return r ? r : keep->failed;
}

#endif /* EBIM_NO_TRAIN */

/* ============================================================================================
 * >>io  the model as bytes
 *
 * Little-endian whatever the machine, written byte by byte:
 *   "EBIM" 0x0d 0x0a 0x1a 0x0a | u32 version | u32 bytes of a real (4, 8) | u64 bytes of the file
 *   u32 n, k, has_energy, kind | f64 linear[n][n], inverse[n][n] if kind & 1, lo[n], hi[n],
 *   hole[n], end[n], unit | tag[64] | u32 bytes of columns | columns | f64 each of what
 *   ebim__io_info has, in its order (one for recipe + 16 on; NaN, in older files how long the fit
 *   took, after energy_loss) | u32 starts | f64 start[starts][n] |
 *   graph F | its field if kind & 2: u32 codim, gate, f64 norm, gap, slope, open | graph E if
 *   has_energy | u32 crc32 of all before
 * A graph: u32 nodes, y, n_theta | per node 2..: u32 op, fn, a, b, c, size, i0, frozen, f64 s |
 * theta. Loading records the nodes again through the same checks as a builder, twice: first to
 * check and count, then, with memory, to fill in. Nothing is allocated for a bad file.
 * ========================================================================================= */

/* Features of all nodes for each byte of a file, at most: ops without parameters could double them
 * with every node, and 1.1 KB made a scorer take 2.1 GB. Models of fits have 0.015 or fewer, a
 * convolution of 32 channels on 28 x 28 pixels 1, 16 channels with sums and activations apart 4. */
enum { EBIM__FORMAT = 6, EBIM__NODE_INTS = 8, EBIM__NODE_BYTES = 4 * EBIM__NODE_INTS + 8,
       EBIM__FEATURES_MOST = 16 };

static const unsigned char ebim__magic[8] = {'E', 'B', 'I', 'M', 13, 10, 26, 10};

static uint32_t ebim__crc32(const unsigned char *p, size_t size)
{
    uint32_t c = 0xffffffffu;
    size_t i;
    int b;
    for (i = 0; i < size; i++) {
        c ^= p[i];
        for (b = 0; b < 8; b++) c = c >> 1 ^ (0xedb88320u & (0u - (c & 1u)));
    }
    return ~c;
}

/* A way through a file. The same walk counts the bytes of a model, writes it and reads it, so that
 * it stands in one place what comes after what. */
typedef struct ebim__file {
    const unsigned char *in; /* to read; NULL: to write */
    unsigned char *out;      /* where to; NULL: only counted */
    size_t at, size;
    int real, failed;        /* bytes of a real; sticky, and what is read then is 0 */
    int large;               /* 1: that is why */
    size_t columns;          /* bytes of that text */
    uint64_t features;       /* of all nodes so far */
} ebim__file;

/* What is read has to be good. */
static void ebim__io_check(ebim__file *f, int good)
{
    if (f->in && !good) f->failed = 1;
}

/* Writes v and returns it, or returns what is read. */
static uint64_t ebim__io(ebim__file *f, uint64_t v, int bytes)
{
    int i;
    if (!f->in) {
        for (i = 0; i < bytes; i++, f->at++)
            if (f->out) f->out[f->at] = (unsigned char)(v >> 8 * i & 0xff);
        return v;
    }
    ebim__io_check(f, f->size - f->at >= (size_t)bytes);
    if (f->failed) return 0;
    for (v = 0, i = 0; i < bytes; i++) v |= (uint64_t)f->in[f->at++] << 8 * i;
    return v;
}

static int32_t ebim__io_int(ebim__file *f, int32_t v) /* 0..2^31 - 1 */
{
    uint64_t u = ebim__io(f, (uint32_t)v, 4);
    ebim__io_check(f, u <= INT32_MAX);
    return f->failed ? 0 : (int32_t)u;
}

/* One NaN stands for what is not known; known: it is refused. */
static double ebim__io_f64(ebim__file *f, double x, int known)
{
    double nan = ebim__nan64();
    uint64_t v, none;
    memcpy(&none, &nan, sizeof nan);
    memcpy(&v, &x, sizeof v);
    if (!ebim__finite64(x) && v << 12) v = none;
    v = ebim__io(f, v, 8);
    memcpy(&x, &v, sizeof x);
    ebim__io_check(f, ebim__finite64(x) || (!known && v == none));
    return f->failed ? 0 : x;
}

static ebim_real ebim__io_real(ebim__file *f, ebim_real x)
{
    ebim__uint v;
    memcpy(&v, &x, sizeof v);
    if (!f->in) {
        ebim__io(f, v, (int)sizeof v);
    } else if (f->real == 8) {
        x = EBIM__R(ebim__io_f64(f, 0, 1)); /* one too large for a float is refused, too */
    } else {
        uint32_t bits = (uint32_t)ebim__io(f, 0, 4);
        float y;
        memcpy(&y, &bits, sizeof y);
        x = (ebim_real)y;
    }
    ebim__io_check(f, ebim__finite(x));
    return x;
}

/* Text, with its length in front; s NULL: none is written, and what is read is only checked. */
static void ebim__io_text(ebim__file *f, char *s)
{
    size_t n = (size_t)ebim__io_int(f, !f->in && s ? (int32_t)strlen(s) : 0), i;
    ebim__io_check(f, f->size - f->at >= n);
    for (i = 0; i < n && !f->failed; i++) {
        char c = (char)ebim__io(f, f->in ? 0 : (unsigned char)s[i], 1);
        ebim__io_check(f, c != 0);
        if (s) s[i] = c;
    }
    if (f->in && s) s[n] = 0;
    f->columns = n;
}

/* What a graph with more outputs than equations accepts */
static void ebim__io_field(ebim__file *f, ebim_graph *g)
{
    ebim_field *d = &g->field;
    double *bound[] = {&d->norm, &d->gap, &d->slope, &d->open};
    int i;
    d->codim = ebim__io_int(f, d->codim);
    d->gate = ebim__io_int(f, d->gate);
    for (i = 0; i < 4; i++) {
        *bound[i] = ebim__io_f64(f, *bound[i], 1);
        ebim__io_check(f, *bound[i] >= 0);
    }
    ebim__io_check(f, d->gate <= EBIM__FOLLOWED && d->codim >= 1 &&
                      d->codim <= ebim_outputs(g) - (d->gate == 1));
    ebim__io_check(f, d->gate != EBIM__FOLLOWED || ebim_outputs(g) == ebim_inputs(g));
}

/* Nodes and theta of one graph of n inputs; theta: where to read to, NULL: only checked */
static void ebim__io_graph(ebim__file *f, ebim_graph *g, int n, ebim_real *theta)
{
    int nodes = ebim__io_int(f, g->n_nodes), y = ebim__io_int(f, g->y);
    int n_theta = ebim__io_int(f, g->n_theta), i, q;
    if (f->in) ebim__start(g, theta, n);
    /* not more nodes than bytes; more than EBIM_MAX_NODES end as ERR_NODES */
    ebim__io_check(f, y >= 1 && y < nodes &&
                      (f->size - f->at) / EBIM__NODE_BYTES >= (size_t)nodes - 2);
    for (i = 2; i < nodes && !f->failed; i++) {
        ebim__node nd;
        int32_t *field[] = {&nd.op, &nd.fn, &nd.a, &nd.b, &nd.c, &nd.size, &nd.i0, &nd.frozen};
        int32_t *image[] = {&nd.C, &nd.H, &nd.W, &nd.kernel, &nd.stride, &nd.padding};
        int32_t size;
        memset(&nd, 0, sizeof nd);
        if (!f->in) nd = g->node[i];
        for (q = 0; q < EBIM__NODE_INTS; q++) *field[q] = ebim__io_int(f, *field[q]);
        for (q = 0; q < 6 && nd.op >= EBIM__OP_CONV; q++) *image[q] = ebim__io_int(f, *image[q]);
        nd.s = EBIM__R(ebim__io_f64(f, (double)nd.s, 1));
        size = nd.size;
        if (!f->in) continue;
        ebim__io_check(f, nd.op != EBIM__OP_INPUT && nd.frozen <= 1 && ebim__finite(nd.s) &&
                          !f->failed && ebim__push_node(g, &nd) == i && g->node[i].size == size);
        f->features += f->failed ? 0 : (uint64_t)size;
    }
    if (f->in) ebim__io_check(f, g->n_theta == n_theta &&
                                 (f->size - f->at) / (size_t)f->real >= (size_t)n_theta);
    if (f->in && !f->failed && f->features / EBIM__FEATURES_MOST > f->size)
        f->failed = f->large = 1;
    if (f->failed) return;
    g->y = y;
    for (i = 0; i < n_theta; i++) {
        ebim_real v = ebim__io_real(f, f->in ? 0 : g->theta[i]);
        if (theta) theta[i] = v;
    }
}

/* A count or a set of bits, in files a number like all others; none 1: NaN there is 0 here */
static int ebim__io_count(ebim__file *f, int v, int none)
{
    double x = ebim__io_f64(f, none && !v ? ebim__nan64() : v, !none);
    if (!ebim__finite64(x)) x = 0;
    ebim__io_check(f, x >= 0 && x <= INT_MAX && !(x - floor(x) > 0));
    return f->failed ? 0 : (int)x;
}

static uint64_t ebim__io_seed(ebim__file *f, uint64_t v)
{
    double x = ebim__io_f64(f, (double)v, 1);
    ebim__io_check(f, x >= 0 && x <= 18446744073709551616.0);
    return f->failed ? 0 : x < 18446744073709551616.0 ? (uint64_t)x : UINT64_MAX;
}

/* What is known of a fit */
static void ebim__io_info(ebim__file *f, ebim_model *m)
{
    int recipe, i;
#define EBIM__D(x) m->x = ebim__io_f64(f, m->x, 0);
#define EBIM__I(x) m->x = ebim__io_count(f, m->x, 0);
    EBIM__I(info.points)
    m->info.seed = ebim__io_seed(f, m->info.seed);
    recipe = ebim__io_count(f, m->info.recipe + 16 * m->info.on, 0);
    m->info.recipe = recipe % 16;
    m->info.on = recipe / 16;
    EBIM__D(info.mdf_loss) EBIM__D(info.energy_loss)
    m->info.seconds = ebim__io_f64(f, ebim__nan64(), 0); /* no two fits take as long */
    EBIM__I(info.networks) EBIM__I(info.partial) EBIM__I(info.held) EBIM__D(info.nll)
    EBIM__D(info.nll_se) EBIM__I(info.distinct) EBIM__I(info.outliers)
    EBIM__I(judged.checked) EBIM__I(judged.missed) EBIM__D(judged.distance_mean)
    EBIM__D(judged.distance_median) EBIM__D(judged.distance_q99) EBIM__D(judged.distance_max)
    EBIM__I(judged.points) EBIM__D(judged.volume) EBIM__D(judged.volume_se)
    m->judged.components = ebim__io_count(f, m->judged.components, 1);
    EBIM__D(judged.sigma) EBIM__D(judged.singular) EBIM__D(judged.empty) EBIM__D(judged.fewest)
    EBIM__D(judged.remote) EBIM__D(judged.reach) EBIM__D(judged.rim) EBIM__D(judged.disputed)
    EBIM__D(judged.noise) EBIM__D(judged.hole) EBIM__D(judged.hole_expected)
    EBIM__D(judged.hole_radius) EBIM__D(judged.gap) EBIM__D(judged.gap_extent)
    EBIM__D(judged.gap_abrupt) EBIM__D(judged.density_p) EBIM__I(judged.verdict)
    EBIM__D(z.log_z) EBIM__D(z.se) EBIM__D(z.log_volume) EBIM__D(z.volume_se) EBIM__D(z.log_mean)
    EBIM__D(z.mean_se) EBIM__D(z.points) EBIM__D(z.effective)
    for (i = 0; i < EBIM_OUTLIERS; i++) EBIM__I(info.outlier_row[i])
    for (i = 0; i < EBIM_OUTLIERS; i++) EBIM__D(info.outlier_distance[i])
    EBIM__D(judged.one_sided)
#undef EBIM__D
#undef EBIM__I
}

/* x: [count], NULL: not known, or read only to be checked */
static void ebim__io_doubles(ebim__file *f, size_t count, double *x, int known)
{
    size_t i;
    for (i = 0; i < count && !f->failed; i++) {
        double v = ebim__io_f64(f, x ? x[i] : ebim__nan64(), known);
        if (f->in && x) x[i] = v;
    }
}

/* Points that charts grow from; not read where there is no memory for them, only checked */
static void ebim__io_starts(ebim__file *f, ebim_model *m)
{
    int i;
    m->starts = ebim__io_int(f, m->starts);
    ebim__io_check(f, m->starts <= EBIM__CHARTS_WANTED &&
                      (size_t)m->starts * (size_t)m->n <= (f->size - f->at) / 8);
    for (i = 0; !f->failed && i < m->starts * m->n; i++) {
        double v = ebim__io_f64(f, m->start ? (double)m->start[i] : 0, 1);
        ebim__io_check(f, ebim__finite(EBIM__R(v)));
        if (f->in && m->start) m->start[i] = EBIM__R(v);
    }
}

/* What stands behind the head. Arrays, text and theta that have no memory are only checked. Returns
 * whether there is a linear map. */
static int ebim__io_model(ebim__file *f, ebim_model *m)
{
    ebim_real *tF = f->in ? m->F.theta : NULL, *tE = f->in ? m->E.theta : NULL;
    ebim__file lo, hi;
    int i, linear, field;
    f->features = 0;
    m->n = ebim__io_int(f, m->n);
    m->k = ebim__io_int(f, m->k);
    m->has_energy = ebim__io_int(f, m->has_energy);
    linear = ebim__io_int(f, (m->linear != NULL) | (m->F.field.codim ? 2 : 0));
    field = linear & 2;
    linear ^= field;
    m->m = m->n - m->k;
    ebim__io_check(f, m->k >= 1 && m->m >= 1 && m->has_energy <= 1 && linear <= 1 &&
                      (!linear || m->n <= EBIM__MAPPED_MOST) &&
                      (size_t)m->n <= f->size / (linear ? 16 + 16 * (size_t)m->n : 16));
    if (f->failed) return 0;
    ebim__io_doubles(f, linear ? (size_t)(m->n * m->n) : 0, m->linear, 1);
    ebim__io_doubles(f, linear ? (size_t)(m->n * m->n) : 0, m->inverse, 1);
    lo = *f;
    ebim__io_doubles(f, (size_t)m->n, m->lo, 1);
    hi = *f;
    ebim__io_doubles(f, (size_t)m->n, m->hi, 1);
    for (i = 0; i < m->n && f->in && !f->failed; i++) /* once more: both need no memory */
        ebim__io_check(f, ebim__io_f64(&lo, 0, 1) <= ebim__io_f64(&hi, 0, 1));
    ebim__io_doubles(f, (size_t)m->n, m->hole, 0);
    ebim__io_doubles(f, (size_t)m->n, m->end, 0);
    m->unit = ebim__io_f64(f, m->unit, 1);
    ebim__io_check(f, m->unit > 0);
    for (i = 0; i < EBIM_TAG_SIZE; i++)
        m->tag[i] = (char)ebim__io(f, (unsigned char)m->tag[i], 1);
    ebim__io_check(f, !m->tag[EBIM_TAG_SIZE - 1]);
    ebim__io_text(f, m->columns);
    ebim__io_info(f, m);
    ebim__io_check(f, m->judged.verdict <= 32767); /* a set of bits */
    ebim__io_check(f, !m->info.on || m->info.on == EBIM_ON_GIVEN ||
                      (ebim__on_k(m->info.on, m->n) == m->k && !linear));
    ebim__io_starts(f, m);
    if (f->failed) return 0;
    ebim__io_graph(f, &m->F, m->n, tF);
    if (field && !f->failed) ebim__io_field(f, &m->F);
    ebim__io_check(f, !linear || m->F.field.gate != EBIM__FOLLOWED); /* ways are those of x */
    ebim__io_check(f, !f->failed && ebim__codim(&m->F) == m->k);
    if (m->has_energy && !f->failed) {
        ebim__io_graph(f, &m->E, m->n, tE);
        ebim__io_check(f, !f->failed && ebim_outputs(&m->E) == 1);
    }
    ebim__io_check(f, f->at == f->size);
    return linear;
}

/* Writes a model to out, or counts only; returns its bytes. */
static size_t ebim__put_model(const ebim_model *m, unsigned char *out, size_t total)
{
    ebim_model copy = *m;
    ebim__file f;
    int i;
    memset(&f, 0, sizeof f);
    f.out = out;
    for (i = 0; i < 8; i++) ebim__io(&f, ebim__magic[i], 1);
    ebim__io(&f, EBIM__FORMAT, 4);
    ebim__io(&f, sizeof(ebim_real), 4);
    ebim__io(&f, total, 8);
    ebim__io_model(&f, &copy);
    ebim__io(&f, out ? ebim__crc32(out, f.at) : 0, 4);
    return f.at;
}

EBIM_API size_t ebim_save_bytes(const ebim_model *m) { return ebim__put_model(m, NULL, 0); }

EBIM_API ebim_result ebim_save(const ebim_model *m, void *data, size_t size)
{
    ebim_arena measure;
    ebim_model copy;
    size_t total = ebim_save_bytes(m);
    if (size < total) return EBIM_ERR_MEMORY;
    ebim__put_model(m, (unsigned char *)data, total);
    ebim_arena_init(&measure, NULL, 0);
    return ebim_load(&copy, &measure, data, total) ? EBIM_ERR_ARG : EBIM_OK;
}

static ebim_result ebim__open(ebim__file *f, const void *data, size_t size)
{
    ebim__file end;
    uint64_t total, version;
    memset(f, 0, sizeof *f);
    f->in = (const unsigned char *)data;
    f->size = size;
    if (size < 28 || memcmp(data, ebim__magic, 8)) return EBIM_ERR_FORMAT;
    f->at = 8;
    version = ebim__io(f, 0, 4);
    f->real = (int)ebim__io(f, 0, 4);
    total = ebim__io(f, 0, 8);
    if (version != EBIM__FORMAT) return EBIM_ERR_VERSION;
    if (total != size) return EBIM_ERR_FORMAT;
    end = *f;
    end.at = size - 4;
    if (ebim__io(&end, 0, 4) != ebim__crc32(f->in, size - 4)) return EBIM_ERR_CHECKSUM;
    if (f->real != 4 && f->real != 8) return EBIM_ERR_FORMAT;
    f->size = size - 4;
    return EBIM_OK;
}

EBIM_API ebim_result ebim_load(ebim_model *m, ebim_arena *a, const void *data, size_t size)
{
    ebim__file f;
    ebim_result r = ebim__open(&f, data, size);
    size_t body = f.at;
    int linear;
    memset(m, 0, sizeof *m);
    if (r) return r;
    linear = ebim__io_model(&f, m);
    if (m->F.failed == EBIM_ERR_NODES || m->E.failed == EBIM_ERR_NODES) return EBIM_ERR_NODES;
    if (f.failed) return f.large ? EBIM_ERR_LIMIT : EBIM_ERR_FORMAT;
    ebim__model_arrays(m, a, linear);
    m->F.theta = EBIM__NEW(a, ebim_real, m->F.n_theta);
    m->E.theta = m->has_energy ? EBIM__NEW(a, ebim_real, m->E.n_theta) : NULL;
    m->columns = f.columns ? EBIM__NEW(a, char, f.columns + 1) : NULL;
    if (!ebim__ready(a)) return a->failed;
    f.at = body;
    ebim__io_model(&f, m);
    return f.failed ? EBIM_ERR_FORMAT : EBIM_OK;
}

/* ============================================================================================
 * >>easy  all of it with malloc, and files
 *
 * Each function measures an arena, takes its memory with malloc, and calls what is above.
 * ========================================================================================= */

#ifndef EBIM_NO_MALLOC

EBIM_API void ebim_free(ebim_model *m)
{
    free(m->owned);
    memset(m, 0, sizeof *m);
}

/* The model keeps the memory, unless the result is an error and leaves nothing to look at but which
 * row is off. */
static ebim_result ebim__own(ebim_model *m, void *owned, ebim_result r)
{
    int good = !r || r == EBIM_ERR_DIVERGED || r == EBIM_ERR_SOLVE;
    ebim_model was;
    m->owned = owned;
    if (r == EBIM_ERR_OFF) was = *m;
    if (!good) ebim_free(m);
    if (r == EBIM_ERR_OFF) m->info = was.info;
    return r;
}

#ifndef EBIM_NO_TRAIN
EBIM_API ebim_result ebim_fit(ebim_model *m, int N, int n, const ebim_real *x,
                              const ebim_fit_desc *d)
{
    ebim_arena keep, work;
    ebim__fit *f = (ebim__fit *)malloc(sizeof *f); /* too large for some stacks */
    void *owned = NULL, *scratch = NULL;
    ebim_result r;
    memset(m, 0, sizeof *m);
    ebim_arena_init(&keep, NULL, 0);
    ebim_arena_init(&work, NULL, 0);
    r = f ? ebim__fit_in(f, m, &keep, &work, N, n, NULL, d) : EBIM_ERR_MEMORY;
    if (!r) r = ebim__heap(&keep, &owned);
    if (!r) r = ebim__heap(&work, &scratch);
    if (!r) r = ebim__fit_in(f, m, &keep, &work, N, n, x, d);
    free(scratch);
    free(f);
    return ebim__own(m, owned, r);
}
#endif

/* r <- the result of `call`, first to measure what it takes from the arena, then with that memory,
 * which is *owned. */
#define EBIM__TWICE(r, arena, owned, call)                \
    do {                                                  \
        ebim_arena_init(arena, NULL, 0);                  \
        r = call;                                         \
        if (!r) r = ebim__heap(arena, owned);             \
        if (!r) r = call;                                 \
    } while (0)

EBIM_API ebim_result ebim_combine(ebim_model *out, ebim_combination how, const ebim_model *a,
                                  const ebim_model *b, double share)
{
    ebim_arena keep;
    void *owned = NULL;
    ebim_result r;
    EBIM__TWICE(r, &keep, &owned, ebim_model_combine(out, &keep, how, a, b, share));
    return ebim__own(out, owned, r);
}

/* Returns what `call` does with an arena `work` that lasts as long. */
#define EBIM__WITH_HEAP(call)                             \
    do {                                                  \
        ebim_arena work;                                  \
        void *scratch = NULL;                             \
        ebim_result r;                                    \
        EBIM__TWICE(r, &work, &scratch, call);            \
        free(scratch);                                    \
        return r;                                         \
    } while (0)

EBIM_API ebim_result ebim_sample(const ebim_model *m, int B, ebim_real *x, uint64_t seed)
{
    EBIM__WITH_HEAP(ebim_model_sample(m, &work, B, x, 0, seed, NULL));
}

EBIM_API ebim_result ebim_score(const ebim_model *m, int B, const ebim_real *x, ebim_real *nearest,
                                ebim_real *distance, ebim_real *energy, unsigned char *ok)
{
    EBIM__WITH_HEAP(ebim_model_score(m, &work, B, x, nearest, distance, energy, ok));
}

EBIM_API ebim_result ebim_nearest(const ebim_model *m, int B, const ebim_real *x,
                                  ebim_real *nearest)
{
    return ebim_score(m, B, x, nearest, NULL, NULL, NULL);
}

EBIM_API ebim_result ebim_log_density(const ebim_model *m, int B, const ebim_real *x,
                                      ebim_real *log_density, ebim_real *se)
{
    EBIM__WITH_HEAP(ebim_model_log_density(m, &work, B, x, log_density, se));
}

EBIM_API ebim_result ebim_gradients(const ebim_model *m, int B, const ebim_real *x, ebim_real *F,
                                    ebim_real *J, ebim_real *E, ebim_real *grad_E)
{
    EBIM__WITH_HEAP(ebim_model_gradients(m, &work, B, x, F, J, E, grad_E));
}

#endif /* EBIM_NO_MALLOC */

#if !defined(EBIM_NO_STDIO) && !defined(EBIM_NO_MALLOC)

static ebim_result ebim__read_all(FILE *f, size_t max_bytes, unsigned char **data, size_t *size)
{
    size_t room = 0, got = 1;
    while (got) { /* a file's size is only known by reading it */
        if (*size == room) {
            unsigned char *more;
            if (room > max_bytes) return EBIM_ERR_LIMIT;
            room = room ? 2 * room : 65536;
            more = (unsigned char *)realloc(*data, room);
            if (!more) return EBIM_ERR_MEMORY;
            *data = more;
        }
        got = fread(*data + *size, 1, room - *size, f);
        *size += got;
    }
    if (ferror(f)) return EBIM_ERR_IO;
    return *size > max_bytes ? EBIM_ERR_LIMIT : EBIM_OK;
}

EBIM_API ebim_result ebim_load_file(ebim_model *m, const char *path, size_t max_bytes)
{
    FILE *f = fopen(path, "rb");
    unsigned char *data = NULL;
    void *owned = NULL;
    size_t size = 0;
    ebim_arena a;
    ebim_result r;
    memset(m, 0, sizeof *m);
    if (!f) return EBIM_ERR_IO;
    r = ebim__read_all(f, max_bytes ? max_bytes : (size_t)64 << 20, &data, &size);
    fclose(f);
    if (!r) EBIM__TWICE(r, &a, &owned, ebim_load(m, &a, data, size));
    free(data);
    return ebim__own(m, owned, r);
}

/* 1: what is at path, if anything, may be replaced: a regular file, or a directory, which refuses
 * it itself, but not a device or a pipe */
static int ebim__replaceable(const char *path)
{
#ifdef EBIM__POSIX
    struct stat s;
    return stat(path, &s) || S_ISREG(s.st_mode) || S_ISDIR(s.st_mode);
#else
    (void)path;
    return 1;
#endif
}

/* Opens a name beside path that is not taken, path.tmp00 to path.tmp99: writers of one path do not
 * meet. name: [strlen(path) + 7] out */
static FILE *ebim__open_beside(const char *path, char *name)
{
    size_t length = strlen(path);
    FILE *f = NULL;
    int i;
    memcpy(name, path, length);
    memcpy(name + length, ".tmp00", 7);
    for (i = 0; i < 100 && !f; i++) {
        name[length + 4] = (char)('0' + i / 10);
        name[length + 5] = (char)('0' + i % 10);
#ifdef _WIN32
        f = fopen(name, "wb");
#else
        f = fopen(name, "wbx"); /* x: fails when the name exists */
#endif
    }
    return f;
}

/* All of it, on the disk where the system can be asked for that. 0: some is not. */
static int ebim__write_all(FILE *f, const void *data, size_t size)
{
    int ok = fwrite(data, 1, size, f) == size;
    ok = fflush(f) == 0 && ok;
#ifdef EBIM__SYNC
    ok = (fsync(fileno(f)) == 0 || errno == EINVAL) && ok; /* EINVAL: this kind has no disk */
#endif
    return fclose(f) == 0 && ok;
}

EBIM_API ebim_result ebim_save_file(const ebim_model *m, const char *path)
{
    size_t size = ebim_save_bytes(m);
    unsigned char *data = (unsigned char *)malloc(size);
    char *name = (char *)malloc(strlen(path) + 7);
    ebim_result r = data && name ? ebim_save(m, data, size) : EBIM_ERR_MEMORY;
    FILE *f = NULL;
    if (!r && !ebim__replaceable(path)) {
        r = EBIM_ERR_IO;
        errno = EINVAL;
    }
    if (!r && !(f = ebim__open_beside(path, name))) r = EBIM_ERR_IO;
    if (f) {
        int code, ok = ebim__write_all(f, data, size);
#ifdef _WIN32
        if (ok) remove(path); /* rename does not replace there */
#endif
        if (!ok || rename(name, path)) {
            r = EBIM_ERR_IO;
            code = errno;
            remove(name);
            errno = code;
        }
    }
    free(name);
    free(data);
    return r;
}

#endif

EBIM__OFTEN

#undef EBIM__INLINE
#undef EBIM__APART
#undef EBIM__PRIVATE
#undef EBIM__SELDOM
#undef EBIM__OFTEN
#undef EBIM__RESTRICT
#undef EBIM__R
#undef EBIM__FN
#undef EBIM__SIGN
#undef EBIM__EXP_MOST
#undef EBIM__RBF_MOST
#undef EBIM__SUBTLE
#undef EBIM__INF_BITS
#undef EBIM__NAN_BITS
#undef EBIM__SINE_MOST
#undef EBIM__TOP_BIT
#undef EBIM__SQRT
#undef EBIM__EXP
#undef EBIM__LOG
#undef EBIM__LOG1P
#undef EBIM__SIN
#undef EBIM__COS
#undef EBIM__TANH
#undef EBIM__ABS
#undef EBIM__POW
#undef EBIM__ALIGN
#undef EBIM__OPS
#undef EBIM__NEW
#undef EBIM__NEW_EACH
#undef EBIM__FLAG
#undef EBIM__RAISE
#undef EBIM__BREATH
#undef EBIM__LARGE
#undef EBIM__BATCHES
#undef EBIM__NEAR_REACH
#undef EBIM__LEAP_ROOTS
#undef EBIM__GEMM
#undef EBIM__ROUND
#undef EBIM__CHUNKS
#undef EBIM__EACH
#undef EBIM__ROW
#undef EBIM__PASTE2
#undef EBIM__PASTE
#undef EBIM__N
#undef EBIM__UNROLL
#undef EBIM__SHUFFLES
#undef EBIM__TABLE
#undef EBIM__OF
#undef EBIM__X86
#undef EBIM__BLOCKS
#undef EBIM__DIRECT_MAX
#undef EBIM__TERMS
#undef EBIM__KEPT
#undef EBIM__LINES
#undef EBIM__DEPTH
#undef EBIM__LINES_MAX_N
#undef EBIM__LINKING
#undef EBIM__SAME
#undef EBIM__TRAINER
#undef EBIM__F
#undef EBIM__E
#undef EBIM__WITH_HEAP
#undef EBIM__TWICE
#undef EBIM__POSIX
#undef EBIM__SYNC

#endif /* EBIM_IMPLEMENTATION, second half */
