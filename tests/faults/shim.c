/*
 * A disk that fails when it is told to. The tests load this library before all others (LD_PRELOAD) into a server
 * process; it stands between the program and the C library.
 *
 * FAULTS_CONTROL names a file that the test and this process both map: eight rules of 64 bytes each, written by the test,
 * and counted here. While a rule is on, calls of its kind on files whose path holds its text fail with its errno.
 *
 *     offset  0  errno to fail with; 0: the rule is off
 *     offset  4  how many matching calls still pass before the first one fails
 *     offset  8  how many calls have failed
 *     offset 12  unused
 *     offset 16  the kind of call: "write", "sync", "truncate", "open" or "read"; 16 bytes, ends with 0
 *     offset 32  the text; 32 bytes, ends with 0; a last "$" means the end of the path
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define RULES 8

struct rule {
    _Atomic int32_t error;
    _Atomic int32_t pass;
    _Atomic uint32_t failed;
    uint32_t unused;
    char kind[16];
    char text[32];
};

static struct rule *rules;

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *control = getenv("FAULTS_CONTROL");
    if (control == NULL) return;
    int (*open_file)(const char *, int, ...) = (int (*)(const char *, int, ...))next("open");
    int file = open_file(control, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *shared = mmap(NULL, RULES * sizeof(struct rule), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) rules = shared;
}

static int matches(const char *path, const char *text) {
    size_t length = strlen(text), size = strlen(path);
    if (length == 0 || text[length - 1] != '$') return strstr(path, text) != NULL;
    return size >= length - 1 && strncmp(path + size - (length - 1), text, length - 1) == 0;
}

/* Whether this call is to fail. Sets errno if it is. */
static int fails(const char *kind, const char *path) {
    for (int i = 0; i < RULES; i++) {
        struct rule *rule = &rules[i];
        int error = atomic_load(&rule->error);
        if (error == 0 || strcmp(rule->kind, kind) != 0 || !matches(path, rule->text)) continue;
        if (atomic_fetch_sub(&rule->pass, 1) > 0) continue;
        atomic_store(&rule->pass, 0);
        atomic_fetch_add(&rule->failed, 1);
        errno = error;
        return 1;
    }
    return 0;
}

static int any_rule(void) {
    if (rules == NULL) return 0;
    for (int i = 0; i < RULES; i++) {
        if (atomic_load(&rules[i].error) != 0) return 1;
    }
    return 0;
}

static int fails_on(const char *kind, int file) {
    if (!any_rule()) return 0;
    int before = errno;
    char name[32], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    return fails(kind, path);
}

static int fails_at(const char *kind, const char *path) { return any_rule() && fails(kind, path); }

#define ON_FILE(kind, result, name, parameters, arguments)          \
    result name parameters {                                        \
        static result (*real) parameters;                           \
        if (real == NULL) real = (result(*) parameters)next(#name); \
        return fails_on(kind, file) ? -1 : real arguments;          \
    }

ON_FILE("write", ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size))
ON_FILE("write", ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
ON_FILE("write", ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t at), (file, bytes, size, at))
ON_FILE("read", ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size))
ON_FILE("read", ssize_t, pread, (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at))
ON_FILE("read", ssize_t, pread64, (int file, void *bytes, size_t size, off64_t at), (file, bytes, size, at))
ON_FILE("sync", int, fsync, (int file), (file))
ON_FILE("sync", int, fdatasync, (int file), (file))
ON_FILE("truncate", int, ftruncate, (int file, off_t size), (file, size))
ON_FILE("truncate", int, ftruncate64, (int file, off64_t size), (file, size))

#define OPENS(name)                                                                              \
    int name(const char *path, int flags, ...) {                                                 \
        static int (*real)(const char *, int, ...);                                              \
        if (real == NULL) real = (int (*)(const char *, int, ...))next(#name);                   \
        mode_t mode = 0;                                                                         \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                   \
            va_list rest;                                                                        \
            va_start(rest, flags);                                                               \
            mode = va_arg(rest, mode_t);                                                         \
            va_end(rest);                                                                        \
        }                                                                                        \
        return fails_at("open", path) ? -1 : real(path, flags, mode);                            \
    }

OPENS(open)
OPENS(open64)
