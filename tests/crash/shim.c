/*
 * A disk that can fail, and whose power can be cut: preloaded into the processes of a database under test.
 *
 * Every change to a file below one folder is written to a log once it was made, and each sync with the length
 * that the log had when it began: from the log a test builds what a disk holds that kept only what was synced.
 * A block of shared memory says which calls fail, with which error, and at which sync to stop and ask. Does
 * nothing where it is not told a folder. No rule about what a database must do stands here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define FDS 65536

/* The order is that of tests/crash/control.py. */
struct control {
    int32_t python_point, python_count;
    int32_t sync_point, sync_count; /* 1: stop before the sync of a write-ahead log, 2: after it */
    int32_t failing, failure, fail_left, failed;
};

enum { WRITES = 1, SYNCS = 2, READS = 4 };
enum { FOLLOWED = 1, SYNCHRONOUS };
enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR };

struct __attribute__((packed)) record {
    uint8_t what;
    uint64_t file; /* its inode */
    uint64_t at;   /* WRITE: offset; TRUNCATE: size; SYNC: the log's length when it began */
    uint32_t size; /* of what follows: bytes written, or a path, or two paths with a NUL between */
};

static const char *folder, *socket_path;
static size_t folder_length;
static int log_file = -1;
static struct control *control;
static unsigned char followed[FDS];

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);
static int (*real_ftruncate)(int, off_t), (*real_truncate)(const char *, off_t);
static int (*real_fallocate)(int, off_t, off_t);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);

#define FIND(pointer, name) *(void **)&pointer = dlsym(RTLD_NEXT, name)

static void find(void)
{
    FIND(real_open, "open");
    FIND(real_write, "write");
    FIND(real_pwrite, "pwrite");
    FIND(real_pwritev, "pwritev");
    FIND(real_read, "read");
    FIND(real_pread, "pread");
    FIND(real_fsync, "fsync");
    FIND(real_fdatasync, "fdatasync");
    FIND(real_close, "close");
    FIND(real_ftruncate, "ftruncate");
    FIND(real_truncate, "truncate");
    FIND(real_fallocate, "posix_fallocate");
    FIND(real_rename, "rename");
    FIND(real_unlink, "unlink");
    FIND(real_mkdir, "mkdir");
}

/* Read the environment: a process that was forked from one with all loaded calls this when it has its own. */
EXPORT void crash_begin(void)
{
    const char *log_path = getenv("CRASH_LOG"), *control_path = getenv("CRASH_CONTROL");
    const char *wanted = getenv("CRASH_FOLDER");
    if (folder || !wanted || !log_path || !control_path)
        return;
    log_file = real_open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int shared = real_open(control_path, O_RDWR | O_CLOEXEC);
    if (log_file < 0 || shared < 0)
        abort();
    /* Out of the way of programs that close every low descriptor when they begin. */
    int high = fcntl(log_file, F_DUPFD_CLOEXEC, 900);
    if (high >= 0) {
        real_close(log_file);
        log_file = high;
    }
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (control == MAP_FAILED)
        abort();
    real_close(shared);
    /* Copies: a program may write its title over its environment. */
    socket_path = strdup(getenv("CRASH_SOCKET"));
    folder_length = strlen(wanted);
    folder = strdup(wanted);
}

__attribute__((constructor)) static void loaded(void)
{
    find();
    crash_begin();
}

static int is_ours(int file) { return folder && file >= 0 && file < FDS && followed[file]; }

static uint64_t inode(int file)
{
    struct stat found;
    return fstat(file, &found) ? 0 : found.st_ino;
}

static void note(uint8_t what, uint64_t file, uint64_t at, const struct iovec *parts, int count)
{
    struct record record = {what, file, at, 0};
    struct iovec all[16];
    int saved = errno;
    if (count > 15)
        abort();
    for (int i = 0; i < count; i++) {
        record.size += parts[i].iov_len;
        all[i + 1] = parts[i];
    }
    all[0] = (struct iovec){&record, sizeof record};
    if (writev(log_file, all, count + 1) != (ssize_t)(sizeof record + record.size))
        abort();
    errno = saved;
}

static void note_bytes(uint8_t what, uint64_t file, uint64_t at, const void *bytes, size_t size)
{
    struct iovec part = {(void *)bytes, size};
    note(what, file, at, &part, 1);
}

/* Whether this call is to fail now; sets errno. */
static int fails(int kind)
{
    if (!(control->failing & kind) || control->fail_left <= 0)
        return 0;
    if (__atomic_fetch_sub(&control->fail_left, 1, __ATOMIC_SEQ_CST) <= 0)
        return 0;
    __atomic_fetch_add(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = control->failure;
    return 1;
}

/* The absolute path below the folder, or NULL. */
static const char *within(const char *path, char *buffer)
{
    int length;
    if (!folder)
        return NULL;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here))
            return NULL;
        while (path[0] == '.' && path[1] == '/')
            path += 2;
        length = snprintf(buffer, PATH_MAX, "%s/%s", here, path);
    } else
        length = snprintf(buffer, PATH_MAX, "%s", path);
    if (length >= PATH_MAX)
        return NULL;
    if (strncmp(buffer, folder, folder_length) || (buffer[folder_length] && buffer[folder_length] != '/'))
        return NULL;
    return buffer;
}

/* Ask the test what is to become of us: the error that the call ends with, or 0. */
static int stop_and_ask(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int32_t order = 0;
    ssize_t got;
    int asked = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    if (asked < 0 || connect(asked, (struct sockaddr *)&address, sizeof address))
        abort();
    if (send(asked, name, strlen(name), MSG_NOSIGNAL) < 0)
        abort();
    while ((got = recv(asked, &order, sizeof order, MSG_WAITALL)) < 0 && errno == EINTR)
        ;
    real_close(asked);
    return got == sizeof order ? order : 0;
}

static int is_write_ahead_log(int file)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 4)
        return 0;
    path[size] = 0;
    return strstr(path, "/pg_wal/") || !strcmp(path + size - 4, "-wal");
}

static int stops_at(int when, int file)
{
    if (control->sync_point != when || !is_write_ahead_log(file))
        return 0;
    if (__atomic_sub_fetch(&control->sync_count, 1, __ATOMIC_SEQ_CST) != 0)
        return 0;
    control->sync_point = 0;
    return 1;
}

static int synced(int file, int (*real)(int))
{
    if (!is_ours(file))
        return real(file);
    int error = stops_at(1, file) ? stop_and_ask("COMMIT, not synced") : 0;
    if (error || fails(SYNCS)) {
        errno = error ? error : errno;
        return -1;
    }
    struct stat log;
    fstat(log_file, &log);
    int result = real(file);
    if (result == 0) {
        note(SYNC, inode(file), log.st_size, NULL, 0);
        error = stops_at(2, file) ? stop_and_ask("COMMIT, synced") : 0;
    }
    if (error) {
        errno = error;
        return -1;
    }
    return result;
}

EXPORT int fsync(int file) { return synced(file, real_fsync); }
EXPORT int fdatasync(int file) { return synced(file, real_fdatasync); }

static int opened(const char *path, int flags, mode_t mode)
{
    char buffer[PATH_MAX];
    struct stat before;
    const char *ours = within(path, buffer);
    int is_new = ours && (flags & O_CREAT) && stat(ours, &before) != 0;
    if (!real_open)
        find();
    if (is_new && fails(WRITES))
        return -1;
    int file = real_open(path, flags, mode);
    if (file < 0 || file >= FDS)
        return file;
    followed[file] = ours ? flags & O_DSYNC ? SYNCHRONOUS : FOLLOWED : 0;
    if (is_new)
        note_bytes(CREATE, inode(file), 0, ours, strlen(ours));
    else if (ours && (flags & O_TRUNC))
        note(TRUNCATE, inode(file), 0, NULL, 0);
    return file;
}

#define OPEN(name)                                                                                            \
    EXPORT int name(const char *path, int flags, ...)                                                        \
    {                                                                                                        \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                            \
        va_end(rest);                                                                                        \
        return opened(path, flags, mode);                                                                    \
    }
OPEN(open)
OPEN(open64)

EXPORT int close(int file)
{
    if (!real_close)
        find();
    if (file >= 0 && file < FDS)
        followed[file] = 0;
    if (file == log_file && log_file >= 0)
        return 0;
    return real_close(file);
}

/* A file opened for synchronous writing has each write on disk when it returns. */
static void note_if_synchronous(int file)
{
    struct stat log;
    if (followed[file] == SYNCHRONOUS && fstat(log_file, &log) == 0)
        note(SYNC, inode(file), log.st_size, NULL, 0);
}

static void note_written(int file, uint64_t at, const struct iovec *parts, int count, ssize_t done)
{
    struct iovec whole[15];
    int used = 0;
    for (int i = 0; i < count && done > 0; i++) {
        size_t size = parts[i].iov_len < (size_t)done ? parts[i].iov_len : (size_t)done;
        if (used == 15) { /* a writev of the log takes no more: the rest is a record of its own */
            note(WRITE, inode(file), at, whole, used);
            for (int j = 0; j < used; j++)
                at += whole[j].iov_len;
            used = 0;
        }
        whole[used++] = (struct iovec){parts[i].iov_base, size};
        done -= size;
    }
    note(WRITE, inode(file), at, whole, used);
    note_if_synchronous(file);
}

static void note_one(int file, uint64_t at, const void *bytes, ssize_t done)
{
    struct iovec part = {(void *)bytes, done};
    if (done > 0)
        note_written(file, at, &part, 1, done);
}

EXPORT ssize_t write(int file, const void *bytes, size_t size)
{
    if (!real_write)
        find();
    if (!is_ours(file))
        return real_write(file, bytes, size);
    if (fails(WRITES))
        return -1;
    off_t at = lseek(file, 0, SEEK_CUR);
    if (fcntl(file, F_GETFL) & O_APPEND)
        at = lseek(file, 0, SEEK_END);
    ssize_t done = real_write(file, bytes, size);
    note_one(file, at, bytes, done);
    return done;
}

#define PWRITE(name)                                                                                          \
    EXPORT ssize_t name(int file, const void *bytes, size_t size, off_t at)                                  \
    {                                                                                                        \
        if (!is_ours(file))                                                                                  \
            return real_pwrite(file, bytes, size, at);                                                       \
        if (fails(WRITES))                                                                                   \
            return -1;                                                                                       \
        ssize_t done = real_pwrite(file, bytes, size, at);                                                   \
        note_one(file, at, bytes, done);                                                                      \
        return done;                                                                                         \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                                         \
    EXPORT ssize_t name(int file, const struct iovec *parts, int count, off_t at)                            \
    {                                                                                                        \
        if (!is_ours(file))                                                                                  \
            return real_pwritev(file, parts, count, at);                                                     \
        if (fails(WRITES))                                                                                   \
            return -1;                                                                                       \
        ssize_t done = real_pwritev(file, parts, count, at);                                                 \
        if (done > 0)                                                                                        \
            note_written(file, at, parts, count, done);                                                      \
        return done;                                                                                         \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

EXPORT ssize_t read(int file, void *bytes, size_t size)
{
    if (!real_read)
        find();
    return is_ours(file) && fails(READS) ? -1 : real_read(file, bytes, size);
}

#define PREAD(name)                                                                                           \
    EXPORT ssize_t name(int file, void *bytes, size_t size, off_t at)                                        \
    {                                                                                                        \
        return is_ours(file) && fails(READS) ? -1 : real_pread(file, bytes, size, at);                       \
    }
PREAD(pread)
PREAD(pread64)

#define FTRUNCATE(name)                                                                                       \
    EXPORT int name(int file, off_t size)                                                                    \
    {                                                                                                        \
        if (is_ours(file) && fails(WRITES))                                                                  \
            return -1;                                                                                       \
        int result = real_ftruncate(file, size);                                                             \
        if (result == 0 && is_ours(file))                                                                    \
            note(TRUNCATE, inode(file), size, NULL, 0);                                                      \
        return result;                                                                                       \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define FALLOCATE(name)                                                                                       \
    EXPORT int name(int file, off_t at, off_t size)                                                          \
    {                                                                                                        \
        if (is_ours(file) && fails(WRITES))                                                                  \
            return control->failure;                                                                         \
        struct stat before;                                                                                  \
        int known = is_ours(file) && fstat(file, &before) == 0;                                              \
        int result = real_fallocate(file, at, size);                                                         \
        if (result == 0 && known && before.st_size < at + size)                                              \
            note(TRUNCATE, inode(file), at + size, NULL, 0);                                                 \
        return result;                                                                                       \
    }
FALLOCATE(posix_fallocate)
FALLOCATE(posix_fallocate64)

EXPORT int truncate(const char *path, off_t size)
{
    char buffer[PATH_MAX];
    struct stat found;
    int result = real_truncate(path, size);
    if (result == 0 && within(path, buffer) && stat(path, &found) == 0)
        note(TRUNCATE, found.st_ino, size, NULL, 0);
    return result;
}

EXPORT int rename(const char *from, const char *to)
{
    char first[PATH_MAX], second[PATH_MAX];
    const char *old = within(from, first), *new = within(to, second);
    int result = real_rename(from, to);
    if (result == 0 && old && new) {
        struct iovec parts[] = {{(void *)old, strlen(old) + 1}, {(void *)new, strlen(new)}};
        note(RENAME, 0, 0, parts, 2);
    }
    return result;
}

EXPORT int unlink(const char *path)
{
    char buffer[PATH_MAX];
    const char *ours = within(path, buffer);
    int result = real_unlink(path);
    if (result == 0 && ours)
        note_bytes(UNLINK, 0, 0, ours, strlen(ours));
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    char buffer[PATH_MAX];
    struct stat made;
    const char *ours = within(path, buffer);
    int result = real_mkdir(path, mode);
    if (result == 0 && ours && stat(ours, &made) == 0)
        note_bytes(MKDIR, made.st_ino, 0, ours, strlen(ours));
    return result;
}
