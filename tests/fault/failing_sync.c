/* For LD_PRELOAD: one fdatasync or fsync of a journal segment fails with EIO once the file $FAILING_SYNC exists.
 * That sync reaches the disk no more than the kernel's would. Each later sync of a segment succeeds and is noted in
 * $FAILING_SYNC.after: a program that tried again would be told that all is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int failed;

static int is_segment(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 8 && memcmp(path + length - 8, ".journal", 8) == 0;
}

static int synced(const char *name, int fd) {
    const char *when = getenv("FAILING_SYNC");
    if (when && is_segment(fd) && access(when, F_OK) == 0) {
        if (!atomic_exchange(&failed, 1)) {
            errno = EIO;
            return -1;
        }
        char after[4096];
        snprintf(after, sizeof after, "%s.after", when);
        int note = open(after, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (note >= 0) {
            dprintf(note, "%s %d\n", name, (int)getpid());
            close(note);
        }
    }
    int (*really)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return really(fd);
}

int fdatasync(int fd) { return synced("fdatasync", fd); }
int fsync(int fd) { return synced("fsync", fd); }
