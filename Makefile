# facegan: needs a C11 compiler (gcc or clang) and make; links libc, libm and pthreads only.
#   make            the program                 make test        all quick checks, offline
#   make demo       watch a StarGAN learn       make test-long   the slow ones
#   make install    program, models, man page   make test-readme     README's commands, pasted
#   make test-torch held against PyTorch        make test-browser   the gamut's page in Chromium
#   make facegan64  the same with real = double make san         with address and undefined-behaviour sanitizers
#   make static     one file to carry anywhere  make fuzz        libFuzzer targets (clang)
#   make gpu        with the GPU part (nvcc)     make test-gpu-emulated   the GPU's kernels, run on the CPU (g++)
#   make same-bits OLD=path/to/older/facegan     does this program compute what that one did, bit by bit? (3 minutes)
CC      ?= cc
CFLAGS  ?= -O2
PREFIX  ?= /usr/local
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
# -ffp-contract=fast lets a multiplication and an addition become one instruction; no other liberty is taken with arithmetic.
FLAGS    = -std=c11 -D_GNU_SOURCE -ffp-contract=fast -fno-math-errno -Wall -Wextra -DFACEGAN_COMMIT='"$(COMMIT)"'
LIBS     = -lm -lpthread
SOURCES  = facegan.c facegan.h $(wildcard vendor/*.h)
TESTS    = $(patsubst tests/%.c,build/%,$(wildcard tests/test_*.c))
FUZZERS  = $(patsubst tests/%.c,build/%,$(wildcard tests/fuzz_*.c))

all: facegan

facegan: $(SOURCES)
	$(CC) $(FLAGS) $(CFLAGS) -o $@ facegan.c $(LDFLAGS) $(LIBS)

facegan64: $(SOURCES)
	$(CC) $(FLAGS) $(CFLAGS) -DREAL_DOUBLE -o $@ facegan.c $(LDFLAGS) $(LIBS)

static: $(SOURCES)
	$(CC) $(FLAGS) $(CFLAGS) -static -o facegan-static facegan.c $(LIBS)

# Other machines' builds, for tests/long_builds.sh: musl has small stacks for threads, 32-bit x86 has the x87.
build/facegan-musl: $(SOURCES)
	@mkdir -p build
	musl-gcc $(FLAGS) -O1 -static -o $@ facegan.c $(LIBS)

build/facegan-32: $(SOURCES)
	@mkdir -p build
	$(CC) -m32 $(FLAGS) -O1 -o $@ facegan.c $(LIBS)

# For tests/long_faults_watched.sh: allocations fail under the sanitizers.
build/facegan-faulty: $(SOURCES) tests/faulty_memory.h
	@mkdir -p build
	$(CC) $(FLAGS) -include tests/faulty_memory.h -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ facegan.c $(LIBS)

san: $(SOURCES)
	$(CC) $(FLAGS) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -o facegan-san facegan.c $(LIBS)

build/facegan.1: facegan
	@mkdir -p build
	./facegan man roff >$@

# The program finds its models in share/facegan/models beside its own folder, wherever PREFIX is.
install: facegan build/facegan.1
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include share/facegan/models share/man/man1)
	install -m 755 facegan $(DESTDIR)$(PREFIX)/bin
	install -m 644 facegan.h $(DESTDIR)$(PREFIX)/include
	install -m 644 build/facegan.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 models/*.safetensors models/README.md $(DESTDIR)$(PREFIX)/share/facegan/models

uninstall:
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/,bin/facegan include/facegan.h share/facegan share/man/man1/facegan.1)

# First a whole GAN on points in the plane, in seconds. Then it draws faces; trains a classifier to tell their emotions, and once
# more against pictures moved towards another emotion, so that its gradients look like faces; trains a small StarGAN with it as a
# teacher; edits faces it never saw, and leaves a report to open: about five minutes on two cores. DEMO= adds options to the
# StarGAN's training, e.g. make demo DEMO="--iters 8000".
DRAWN = --crop 44 --size 48 --grey
demo: facegan
	./facegan toy gan --out demo/toy-gan
	./facegan toy wgan-gp --out demo/toy-wgan-gp
	./facegan data draw --force --out demo/faces --count 6000 --size 64 --pose 0.3 --seed 1 --emotions neutral,happy,sad,surprise,angry
	./facegan classify train demo/faces --out demo/classifier $(DRAWN) --epochs 5 --erase 0.2 --weight-decay 0.0005
	./facegan classify train demo/faces --out demo/teacher $(DRAWN) --epochs 3 --lr 0.03 --adversarial 1 \
	    --init demo/classifier/checkpoint.safetensors
	./facegan train stargan demo/faces --out demo/run $(DRAWN) --width 16 --g-repeat 2 --batch 8 --n-critic 2 --lr 5e-4 \
	    --d-lr 7e-4 --beta1 0 --beta2 0.99 --adv bce --reg r1 --lambda-gp 0.03 --penalty-share 0.5 --keep mask --modulate \
	    --upsample resize --targets different --identity 0.4 --average 0.995 --lambda-rec 6 --lambda-tv 0.3 --lambda-cls 0 \
	    --teacher demo/teacher/best.safetensors --smoothing 0.1 --iters 3500 $(DEMO)
	./facegan data draw --force --out demo/new --count 6 --size 64 --pose 0.3 --seed 99 --emotions neutral
	./facegan edit demo/run demo/new/neutral/*.png --emotion all --scale 3 --out demo/edited
	@echo; echo "Now open demo/toy-gan/points.gif, demo/toy-wgan-gp/points.gif, demo/run/report.html and the pictures in demo/edited."

# The tests of facegan.c's insides are two programs under several names (tests/together.c): compiling facegan.c is most of
# their time, and they need no -O2.
TOGETHER   = $(patsubst %,build/test_%,data detect facegan metrics onnx)
TOGETHER64 = $(patsubst %,build/test_%,facegan64 noise)

build/together build/together64: build/together%: tests/together%.c tests/together.c tests/library.h tests/check.h tests/folder.h \
                                 $(wildcard tests/test_*.c) $(SOURCES)
	@mkdir -p build
	$(CC) $(FLAGS) $(CFLAGS) -O1 -I. -o $@ $< $(LIBS)

$(TOGETHER): build/together
	ln -f $< $@

$(TOGETHER64): build/together64
	ln -f $< $@

build/%: tests/%.c tests/check.h tests/folder.h $(SOURCES)
	@mkdir -p build
	$(CC) $(FLAGS) $(CFLAGS) -I. -o $@ $< $(LIBS)

test: facegan facegan64 $(TESTS)
	sh tests/run.sh $(TESTS)

test-long: facegan facegan64 $(TESTS)
	sh tests/run.sh --long $(TESTS)

test-readme: facegan
	sh tests/long_readme.sh

test-torch: facegan facegan64 build/test_metrics
	python3 tests/torch_stargan.py
	python3 tests/torch_ganmut.py
	python3 tests/torch_gans.py
	python3 tests/torch_detect.py
	python3 tests/torch_classify.py
	python3 tests/scipy_metrics.py

# The gamut's page in headless Chromium (needs chromedriver and selenium, else it is skipped).
test-browser: facegan
	python3 tests/browser_gamut.py

# For changes that are not meant to change what comes out.
same-bits: facegan
	@[ -n "$(OLD)" ] || { echo "make same-bits OLD=path/to/older/facegan"; exit 2; }
	sh tests/same_bits.sh $(OLD) ./facegan

# The GPU part: gpu.cu for every card from sm_75 on (newer ones through PTX), the CUDA runtime linked into the program. The
# two -fno- keep C++'s own runtime out of it.
NVCC    ?= nvcc
CARDS    = $(foreach sm,75 80 86 89 90,-gencode arch=compute_$(sm),code=sm_$(sm)) -gencode arch=compute_90,code=compute_90

build/gpu.o: gpu.cu facegan.h vendor/kernels.h
	@mkdir -p build
	$(NVCC) -std=c++17 -O3 -t 0 -Xcompiler -Wall,-Wextra,-fno-exceptions,-fno-threadsafe-statics $(CARDS) -I. -c -o $@ gpu.cu

# Beside the program stands the sum of what it was made of: tests/gpu.sh takes one that was built on another machine.
build/facegan-gpu: $(SOURCES) build/gpu.o
	$(CC) $(FLAGS) $(CFLAGS) -DFACEGAN_GPU -c -o build/facegan-gpu.o facegan.c
	$(NVCC) -cudart static -Xlinker --as-needed -o $@ build/facegan-gpu.o build/gpu.o $(LIBS)
	cat facegan.c facegan.h gpu.cu vendor/*.h | cksum >$@.sum

gpu: build/facegan-gpu
	cp build/facegan-gpu facegan

# gpu.cu's kernels on the CPU, one thread after another (tests/cuda_on_cpu.h): every row, in every order of threads.
EMULATED = -std=c++17 -DCUDA_ON_CPU -Wall -Wextra -Wno-unknown-pragmas -I. -x c++ gpu.cu -x none

build/facegan-emulated: $(SOURCES) gpu.cu tests/cuda_on_cpu.h
	@mkdir -p build
	$(CC) $(FLAGS) -O1 -DFACEGAN_GPU -c -o build/facegan-emulated.o facegan.c
	$(CXX) -O2 $(EMULATED) build/facegan-emulated.o -o $@ $(LIBS)

build/facegan-emulated-san: $(SOURCES) gpu.cu tests/cuda_on_cpu.h
	@mkdir -p build
	$(CC) $(FLAGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DFACEGAN_GPU -c -o build/emulated-san.o facegan.c
	$(CXX) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(EMULATED) build/emulated-san.o -o $@ $(LIBS)

test-gpu-emulated: build/facegan-emulated build/facegan-emulated-san build/test_step
	sh tests/gpu_emulated.sh

test-gpu-short: build/facegan-emulated build/test_step
	sh tests/gpu_emulated.sh --short

build/fuzz_%: tests/fuzz_%.c $(SOURCES)
	@mkdir -p build
	clang -std=c11 -D_GNU_SOURCE -DFACEGAN_COMMIT='"fuzz"' -g -O1 -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(UNWATCHED) -o $@ $< $(LIBS)

# The kernels get no bytes from outside, and half of the compiler's time: they are not watched.
build/fuzz_cli: UNWATCHED = -fsanitize-ignorelist=build/unwatched -fsanitize-coverage-ignorelist=build/unwatched
build/fuzz_cli: build/unwatched

build/unwatched:
	@mkdir -p build
	echo 'src:*kernels.h' >$@

# Each for a minute, or FUZZ= seconds. What they find they leave in build/.
FUZZ ?= 60
fuzz: $(FUZZERS)
	for f in $(FUZZERS); do \
	    long=65536; [ $$f != build/fuzz_cli ] || long="512 -len_control=0"; \
	    $$f -max_total_time=$(FUZZ) -max_len=$$long -timeout=30 -artifact_prefix=$$PWD/build/ || exit 1; done

clean:
	rm -rf build demo facegan facegan64 facegan-static facegan-san

.PHONY: all static san install uninstall demo test test-long test-readme test-torch test-browser same-bits gpu test-gpu-emulated test-gpu-short fuzz clean
