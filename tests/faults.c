/* faults.c: makes one call of a program fail, from outside (Linux on x86-64 or arm64).
 *
 *     cc -std=c11 -D_GNU_SOURCE -O2 -shared -fPIC -o build/faults.so tests/faults.c
 *     FAULT=malloc:17 LD_PRELOAD=build/faults.so ./facegan ...        the 17th allocation gives NULL
 *     FAULT=write:2 ...                                               the 2nd write to a file finds the disk full
 *
 * Kinds: malloc (with calloc, realloc and the aligned ones), write, fsync, rename, open, close, opendir, readdir, read,
 * mkdir, mmap, thread. N of 0 fails none. FAULT_SEEN=FILE: when the program ends by itself, the number of calls of that
 * kind goes there.
 *
 * malloc, mmap and thread are caught by their names. The other kinds are system calls, those of the C library's own
 * streams as well, which pass no name that could be replaced: a seccomp filter turns them into the signal SIGSYS, whose
 * handler makes the call, marked by a sixth argument that the filter lets through, or puts an error in its place. What
 * goes to stdout and stderr is let through: they must be able to say what happened. A close that fails has closed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "faults.c: knows the registers of x86-64 and arm64 only"
#endif

enum { MARK = 0x46415553 };

typedef struct Kind { const char *name; int why; long calls[5]; } Kind;

/* No call has the number -1. The older calls, which arm64 lacks, are here for C libraries that still make them. */
static const Kind kinds[] = {
    {"malloc", ENOMEM, {-1, -1, -1, -1, -1}},
    {"write", ENOSPC, {SYS_write, SYS_pwrite64, SYS_writev, SYS_ftruncate, -1}},
    {"fsync", EIO, {SYS_fsync, SYS_fdatasync, SYS_syncfs, -1, -1}},
#ifdef SYS_rename
    {"rename", EIO, {SYS_rename, SYS_renameat, SYS_renameat2, -1, -1}},
    {"open", EMFILE, {SYS_open, SYS_openat, -1, -1, -1}},
    {"opendir", EMFILE, {SYS_open, SYS_openat, -1, -1, -1}},
    {"mkdir", ENOSPC, {SYS_mkdir, SYS_mkdirat, -1, -1, -1}},
#else
    {"rename", EIO, {SYS_renameat, SYS_renameat2, -1, -1, -1}},
    {"open", EMFILE, {SYS_openat, -1, -1, -1, -1}},
    {"opendir", EMFILE, {SYS_openat, -1, -1, -1, -1}},
    {"mkdir", ENOSPC, {SYS_mkdirat, -1, -1, -1, -1}},
#endif
    {"close", EIO, {SYS_close, -1, -1, -1, -1}},
    {"readdir", EIO, {SYS_getdents64, -1, -1, -1, -1}},
    {"read", EIO, {SYS_read, SYS_pread64, SYS_readv, -1, -1}},
    {"mmap", ENOMEM, {-1, -1, -1, -1, -1}},
    {"thread", EAGAIN, {-1, -1, -1, -1, -1}}
};

static const Kind *kind;
static long chosen;
static atomic_long seen;

static int is_kind(const char *name)
{
    return kind && strcmp(kind->name, name) == 0;
}

static int hit(void)
{
    return atomic_fetch_add(&seen, 1) + 1 == chosen;
}

/* ---- what is caught by its name ---- */

/* A program that was built with faulty_memory.h asks this itself. */
int no_memory(void)
{
    if (!is_kind("malloc") || !hit()) return 0;
    errno = ENOMEM;
    return 1;
}

#ifndef FAULTY_MEMORY
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return no_memory() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return no_memory() ? NULL : __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return no_memory() ? NULL : __libc_realloc(old, size); }
void *aligned_alloc(size_t border, size_t size) { return no_memory() ? NULL : __libc_memalign(border, size); }

int posix_memalign(void **memory, size_t border, size_t size)
{
    void *got = no_memory() ? NULL : __libc_memalign(border, size);
    if (got) *memory = got;
    return got ? 0 : ENOMEM;
}
#endif

/* The mapping of a file. */
void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset)
{
    if (file >= 0 && is_kind("mmap") && hit()) return errno = ENOMEM, (void *)-1;
    return (void *)syscall(SYS_mmap, at, length, protection, flags, file, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *with)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return is_kind("thread") && hit() ? EAGAIN : real(thread, how, body, with);
}

/* ---- what is caught by its number ---- */

static long call(long number, const long a[6], long mark)
{
    long result;
#if defined(__x86_64__)
    register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = mark;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a[0], x1 __asm__("x1") = a[1], x2 __asm__("x2") = a[2];
    register long x3 __asm__("x3") = a[3], x4 __asm__("x4") = a[4], x5 __asm__("x5") = mark;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    result = x0;
#endif
    return result;
}

/* Is it of the chosen kind in fact, and not only by its number? */
static int counts(long number, const long a[6])
{
    if (is_kind("open") || is_kind("opendir")) {
        long flags = number == SYS_openat ? a[2] : a[1];
        return ((flags & O_DIRECTORY) != 0) == is_kind("opendir");
    }
    return a[0] > 2 || !(is_kind("write") || is_kind("read") || is_kind("close"));
}

static void on_call(int signal, siginfo_t *info, void *context)
{
    ucontext_t *c = (ucontext_t *)context;
    (void)signal;
#if defined(__x86_64__)
    greg_t *r = c->uc_mcontext.gregs;
    long a[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]}, number = info->si_syscall;
    greg_t *result = &r[REG_RAX];
#else
    unsigned long long *r = c->uc_mcontext.regs;
    long a[6] = {(long)r[0], (long)r[1], (long)r[2], (long)r[3], (long)r[4], (long)r[5]}, number = info->si_syscall;
    unsigned long long *result = &r[0];
#endif
    int fails = counts(number, a) && hit();
    long got = fails && number != SYS_close ? 0 : call(number, a, MARK);
    *result = fails ? -kind->why : got;
}

static int filter(void)
{
    struct sock_filter rules[32];
    unsigned n = 0;
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5]));
    rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < 5 && kind->calls[i] >= 0; i++) {
        rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)kind->calls[i], 0, 1);
        rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    }
    rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, rules};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    return sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* A fault that cannot be made must not look like one that did no harm. */
static void stop(const char *why)
{
    const long a[6] = {2, (long)why, (long)strlen(why)};
    call(SYS_write, a, MARK);
    _exit(97);
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("FAULT"), *colon = fault ? strchr(fault, ':') : NULL;
    if (!fault) return;
    for (size_t i = 0; colon && i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(fault, kinds[i].name, (size_t)(colon - fault)) == 0 && !kinds[i].name[colon - fault])
            kind = &kinds[i];
    if (!kind) stop("faults: FAULT is KIND:N\n");
    chosen = atol(colon + 1);
    if (kind->calls[0] >= 0 && !filter()) stop("faults: no seccomp filter here\n");
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAULT_SEEN");
    char digits[24];
    int at = (int)sizeof digits;
    if (!path || !kind) return;
    digits[--at] = '\n';
    for (long left = atomic_load(&seen), first = 1; left > 0 || first; left /= 10, first = 0)
        digits[--at] = (char)('0' + left % 10);
    const long open_it[6] = {AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC, 0666};
    long file = call(SYS_openat, open_it, MARK);
    const long write_it[6] = {file, (long)(digits + at), (long)sizeof digits - at};
    if (file >= 0) call(SYS_write, write_it, MARK);
}
