# ebim.h is one header: nothing needs to be built to use it. What is built here are the programs
# of examples/ and bench/ and the tests. It takes a C compiler and make (GNU or BSD).
#
#   make           examples/X.c -> build/X, bench/X.c -> build/X; make build/X: one of them
#   make run       build/ebim demo: a manifold learned, sampled and drawn
#   make test      the tests in their quick form, whole fits in float, the rest in double, too: five
#                  minutes of two cores;
#                  T_ARGS='-f TEXT', TESTS='kernels checks', PREC=f64 narrow them
#   make check     every test in full, those of the examples and of bench/ too: half an hour; whole
#                  fits in double in their quick form (PREC=f64: in full). REST=1: what make test has
#                  just shown whole is left out
#   make paper     the paper's figures and tables: build/out/paper.md; QUICK=1: that all runs
#   make images    digits learned and drawn by a displacement field (DATA=fmnist: garments): 7
#                  minutes; QUICK=1: that it runs; I_ARGS='--steps N'
#   make arithmetic  digits of two sets at once, and of either: 10 minutes; QUICK=1, I_ARGS
#   make ood       how such a field tells other images apart: both data sets are needed; as images
#   make rivals    what other models draw at as much training: an hour; DATA, QUICK=1, I_ARGS
#   make moebius   a Moebius strip and a Klein bottle learned, sampled and drawn: a minute
#   make gallery   the pictures of the README anew, in examples/gallery (runs these, not rivals)
#   make data      downloads the data sets of the examples into data/ (EBIM_MIRROR=URL: from there)
#   make bench     what the parts cost, beside the machine's own peak
#   make peers     two steps of ours beside JAX and PyTorch; LIMIT=DIR: and hand-made programs there
#   make flags     what the same two steps cost under other flags and compilers
#   make ulps      how exact exp and SiLU are, over all floats: minutes
#   make manifolds how well fits find known manifolds, over seeds: an hour or two; M_ARGS='--quick',
#                  '--set NAME', '--part I/P' for less, '--check' for the sets themselves
#   make calibration  samples against held-out data, densities against known laws: 50 minutes;
#                  C_ARGS='--quick', '--only PART'
#   make verdicts  fits of made sets, good and bad: do they know which? QUICK=1: a few of them;
#                  V_ARGS='--only NAME', '--seeds K', '--part I/P': half an hour without
#   make mpi       chains and a training over processes, by MPI (Debian: libopenmpi-dev,
#                  openmpi-bin): that 1, 2 and 4 of them agree, and a table of what they take
#   make web       build/web/index.html, a page that learns what is drawn on it: clang for
#                  WebAssembly (Debian: lld wasi-libc libclang-rt-14-dev-wasm32)
#   make lib       build/libebim.so, for examples/python/ebim.py and other languages
#   make mcu       models on Cortex-M4, M0+ and RISC-V 32 under qemu: flash, RAM, instructions
#   make install   the header and ebim.pc, under DESTDIR and PREFIX
#   make fuzz      any bytes as models, tables, images, graphs: 5 minutes each; SECONDS=N; clang
#   make matrix    compilers, standards, flags and processors: 10 minutes; M_ARGS='TEXT': such rows
#   make analyse   ebim.h read by cppcheck, clang-tidy, scan-build; MSan and TSan: 3 minutes
#   make coverage  lines of ebim.h that no test reaches (gcc and gcov)
#   make size      machine code of a program that loads a model and scores points
#   make clean

CC ?= cc
CXX ?= c++
CFLAGS = -O2
BUILD ?= build
PREC ?= f32 f64
PREFIX ?= /usr/local
MPICC ?= mpicc
DATA ?= mnist
# Tests that fit whole models: make test runs them in float alone, make check in double, too, in
# their quick form: what double changes is seen there, and the rest of the time would be half. Those
# of tables that people have and of stops are about what surrounds numbers: in float alone.
FITS = denoise exact field fit judge known memory model survey voids volume
IN_FLOAT = real stop
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(WARN)
LINK = $(LDFLAGS) $(LDLIBS) -lm
RULES = $(BUILD)/rules.mk
FLAGS = $(BUILD)/flags

all: $(RULES)
	@$(MAKE) -s -f $(RULES) programs

# Tests are static: the compiler drops what a test does not call, in a fraction of the time.
# Rules for every program, written by the shell because GNU and BSD make share no wildcards. What a
# program is built by, other than its sources, is in FLAGS: only when that changes is all built anew.
$(RULES): FORCE
	@mkdir -p $(BUILD)/tests
	@echo '$(COMPILE)' '$(LINK)' | cmp -s - $(FLAGS) || echo '$(COMPILE)' '$(LINK)' >$(FLAGS)
	@new=$@.$$$$; { echo 'programs tests short lib:'; \
	case " $(TESTS) " in "  " | *' tool '*) echo 'short: $(BUILD)/ebim' ;; esac; \
	h=`ls ebim.h examples/common/*.h bench/*.h 2>/dev/null | tr '\n' ' '`; \
	t=`ls tests/*.h tests/golden/*.h 2>/dev/null | tr '\n' ' '`; \
	rule() { \
	    echo "$$1: $$2"; \
	    echo "$$2: $$3 $$4$(FLAGS); @rm -f $$2;" 'set -x; $(COMPILE)' "$$5 -o $$2 $$3" '$(LINK)'; \
	}; \
	for c in examples/*.c bench/*.c; do \
	    test -f $$c || continue; \
	    case $$c in examples/mpi_*) ;; examples/fig*|examples/table*|examples/ood*) \
	        rule programs $(BUILD)/`basename $$c .c` "$$c $(BUILD)/paper.o" "$$h" -DPAPER_LINKED;; \
	    *) rule programs $(BUILD)/`basename $$c .c` $$c "$$h" '';; esac; \
	done; \
	so=libebim.so.`awk '/^#define EBIM_VERSION_MAJOR / { print $$3 }' ebim.h`; \
	case `uname` in Darwin) w=-Wl,-install_name,$$so;; *) w=-Wl,-soname,$$so;; esac; \
	rule lib $(BUILD)/libebim.so examples/python/ebim_c.c 'ebim.h ' "-shared -fPIC $$w"; \
	echo "lib: $(BUILD)/$$so"; \
	echo "$(BUILD)/$$so: $(BUILD)/libebim.so; @ln -sf libebim.so $(BUILD)/$$so"; \
	echo "$(BUILD)/paper.o: examples/common/paper_ebim.c ebim.h $(FLAGS); @set -x;" \
	    '$(COMPILE) -c -o $(BUILD)/paper.o examples/common/paper_ebim.c'; \
	for c in tests/test_*.c; do for p in $(PREC); do \
	    n=`basename $$c .c`; \
	    case " $(TESTS) " in "  " | *" $${n#test_} "*) ;; *) continue ;; esac; \
	    case $$p in f64) d='-DEBIM_STATIC -DEBIM_DOUBLE';; *) d=-DEBIM_STATIC;; esac; \
	    to='tests short'; case "$$p $(PREC) $(FITS) " in \
	        "f64 "*f32*" $${n#test_} "*) to=tests;; esac; \
	    case "$$p $(PREC) $(IN_FLOAT) " in "f64 "*f32*" $${n#test_} "*) continue;; esac; \
	    rule "$$to" $(BUILD)/tests/$$n-$$p $$c "$$h$$t" "$$d"; \
	done; done; } >$$new; if cmp -s $$new $@; then rm $$new; else mv $$new $@; fi

# One program by its name; tests/checks.sh compares this list with the files.
$(BUILD)/ebim $(BUILD)/exact_sampler $(BUILD)/fig10_vae $(BUILD)/fig11_eta \
    $(BUILD)/fig1_von_mises $(BUILD)/fig2_degenerate $(BUILD)/fig3_arithmetic \
    $(BUILD)/fig4_mixture $(BUILD)/fig5_floods $(BUILD)/fig6_glycine \
    $(BUILD)/fig7_images $(BUILD)/fig8_arithmetic $(BUILD)/fig9_langevin_steps $(BUILD)/ood \
    $(BUILD)/table1 $(BUILD)/table2 $(BUILD)/table3 \
    $(BUILD)/bench $(BUILD)/calibration $(BUILD)/manifolds $(BUILD)/ulps $(BUILD)/verdicts: $(RULES) FORCE
	@$(MAKE) -s -f $(RULES) $@

run: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/ebim
	$(BUILD)/ebim demo --out $(BUILD)/out/demo
	@for p in $(BUILD)/out/demo/*.png; do echo "picture: $$p"; done

paper: all
	@q=; test -z '$(QUICK)' || q=--quick; sh examples/paper.sh $(BUILD) $$q

QUICKLY = q=; test -z '$(QUICK)' || q=--quick
images: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/fig7_images
	@$(QUICKLY); $(BUILD)/fig7_images --data $(DATA) --out $(BUILD)/out/images $$q $(I_ARGS)

arithmetic: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/fig8_arithmetic
	@$(QUICKLY); $(BUILD)/fig8_arithmetic --out $(BUILD)/out/images $$q $(I_ARGS)

ood: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/ood
	@$(QUICKLY); $(BUILD)/ood --data $(DATA) --out $(BUILD)/out/images $$q $(I_ARGS)

rivals: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/table2
	@$(QUICKLY); $(BUILD)/table2 --data $(DATA) --out $(BUILD)/out/table2$${q:+-quick} $$q \
	    $(I_ARGS)

moebius: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/ebim
	@sh examples/moebius.sh $(BUILD)

gallery: run paper moebius images arithmetic
	@$(MAKE) images DATA=fmnist
	mkdir -p examples/gallery
	cp $(BUILD)/out/demo/demo.png $(BUILD)/out/paper/*.png $(BUILD)/out/moebius/*.png \
	    $(BUILD)/out/images/*.png $(wildcard $(BUILD)/out/table2/fig7_columns_*.png) \
	    examples/gallery/

# A program that does not compile counts as a failed test, so the others still run.
RUN = CC='$(CC)' CXX='$(CXX)' MAKE='$(MAKE)' PREC='$(PREC)' TESTS='$(TESTS)' sh tests/run.sh $(BUILD)

test: $(RULES)
	@$(MAKE) -s -k -f $(RULES) short || echo 'some programs did not compile'
	@T_SCRIPTS='checks tool' FLOAT='$(FITS) $(IN_FLOAT)' $(RUN) --quick $(T_ARGS)

check: $(RULES)
	@$(MAKE) -s -k -f $(RULES) programs tests lib || echo 'some programs did not compile'
	@SHORT='$(FITS)' FLOAT='$(IN_FLOAT)' REST='$(REST)' $(RUN) $(T_ARGS)

bench: all
	@$(BUILD)/bench $(B_ARGS)

peers: all
	@CC='$(CC)' sh bench/peers/run.sh $(BUILD) $(LIMIT)

flags:
	@sh bench/flags.sh $(BUILD)

ulps: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/ulps
	@$(BUILD)/ulps

manifolds: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/manifolds
	@$(BUILD)/manifolds $(M_ARGS)

calibration: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/calibration
	@$(BUILD)/calibration $(C_ARGS)

verdicts: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/verdicts
	@q=; test -z '$(QUICK)' || q=--quick; $(BUILD)/verdicts $$q $(V_ARGS)

$(BUILD)/mpi_chains $(BUILD)/mpi_fit: ebim.h examples/mpi_chains.c examples/mpi_fit.c
	@mkdir -p $(BUILD)
	$(MPICC) $(CPPFLAGS) $(CFLAGS) $(WARN) -o $@ examples/$(@F).c $(LINK) -lpthread

mpi: $(BUILD)/mpi_chains $(BUILD)/mpi_fit
	@sh examples/mpi.sh $(BUILD)

WEB = examples/web
$(BUILD)/web/index.html: ebim.h examples/common/mesh.h $(WEB)/web.c $(WEB)/worker.js $(WEB)/page.js \
    $(WEB)/index.html $(WEB)/style.css $(WEB)/make.sh
	@sh $(WEB)/make.sh $(BUILD)

web: $(BUILD)/web/index.html
	@echo 'page: $(BUILD)/web/index.html'

data:
	@sh examples/data.sh data

lib: $(RULES)
	@$(MAKE) -s -f $(RULES) lib

mcu: $(RULES)
	@$(MAKE) -s -f $(RULES) $(BUILD)/ebim
	@sh examples/mcu/table.sh $(BUILD)

install:
	mkdir -p '$(DESTDIR)$(PREFIX)/include' '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	cp ebim.h '$(DESTDIR)$(PREFIX)/include/ebim.h'
	@v=`awk '/^#define EBIM_VERSION_(MAJOR|MINOR|PATCH) / { v = v s $$3; s = "." } END { print v }' \
	    ebim.h`; \
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' '' 'Name: ebim' \
	    'Description: learns the manifold data lies on and a density on it; one C header' \
	    "Version: $$v" 'Cflags: -I$${includedir}' 'Libs: -lm' \
	    > '$(DESTDIR)$(PREFIX)/lib/pkgconfig/ebim.pc'
	chmod 644 '$(DESTDIR)$(PREFIX)/include/ebim.h' '$(DESTDIR)$(PREFIX)/lib/pkgconfig/ebim.pc'

fuzz:
	@CC='$(CC)' sh tests/fuzz.sh $(BUILD) $(SECONDS)

matrix:
	@sh tests/matrix.sh $(BUILD) $(M_ARGS)

analyse:
	@sh tests/analyse.sh $(BUILD)

coverage:
	@CC='$(CC)' PREC='$(PREC)' sh tests/coverage.sh $(BUILD) --quick $(T_ARGS)

size:
	@mkdir -p $(BUILD)
	$(COMPILE) -Os -o $(BUILD)/size tests/size.c $(LINK)
	size $(BUILD)/size

clean:
	rm -rf '$(BUILD)'

FORCE:

.PHONY: analyse bench all run paper images arithmetic ood rivals moebius gallery test check peers flags ulps manifolds calibration verdicts mpi web data lib mcu install coverage size clean fuzz matrix FORCE
