// Loaded before the C library (LD_PRELOAD): makes one call go wrong, the n-th of its kind, as the environment says.
//   VIVACE_FAULT=CALL:N:ACTION   CALL: open read pread mmap fstat write pwrite fsync rename malloc thread accept
//                                send receive sqlite
//     ACTION "fail": the call fails; "cut", "grow", "remove": the file changes under the program, and the call goes on
//   VIVACE_FAULT_FILE=PATH       calls that name or read another file don't count (open, pread, read, mmap, fstat), and
//                                the file that changes
//   VIVACE_FAULT_FIRED=PATH      created when the fault happens
//   VIVACE_FAULT_BYTES=B         allocations below B bytes don't count
//   VIVACE_FAULT_TRACE           set: says on standard error who called
//   VIVACE_FAULT_CONTROL=PATH    a file with the struct below, mapped: who starts a program that serves writes into it
//                                which call is to fail next, instead of the variables above
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

struct Control {
  atomic_int armed;  // 1: the fault is still to come; written last, the library makes it 0 at the fault
  int times;         // so many calls in a row fail
  atomic_long seen;  // calls of the kind so far
  long wanted;       // the number of the call that fails, from 0
  long least_bytes;
  char call[32];
};

static const char *action = "fail", *changed_file, *fired_file;
static dev_t file_device;
static ino_t file_inode;
static struct Control own = {.times = 1};
static struct Control* control = &own;

static int map_control(const char* path) {
  if (path == NULL) return 0;
  const long file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return 0;
  const long at = syscall(SYS_mmap, NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (at == -1) return 0;
  control = (struct Control*)at;
  return 1;
}

__attribute__((constructor)) static void read_environment(void) {
  static char text[sizeof own.call];
  if (map_control(getenv("VIVACE_FAULT_CONTROL"))) return;
  const char* fault = getenv("VIVACE_FAULT");
  if (fault == NULL || strlen(fault) >= sizeof own.call) return;
  strcpy(text, fault);
  char* number = strchr(text, ':');
  char* rest = number == NULL ? NULL : strchr(number + 1, ':');
  if (rest == NULL) return;
  *number = *rest = '\0';
  strcpy(own.call, text);
  own.wanted = strtol(number + 1, NULL, 10);
  action = rest + 1;
  changed_file = getenv("VIVACE_FAULT_FILE");
  fired_file = getenv("VIVACE_FAULT_FIRED");
  const char* bytes = getenv("VIVACE_FAULT_BYTES");
  own.least_bytes = bytes == NULL ? 0 : strtol(bytes, NULL, 10);
  struct stat now;
  if (changed_file != NULL && syscall(SYS_newfstatat, AT_FDCWD, changed_file, &now, 0) == 0) {
    file_device = now.st_dev;
    file_inode = now.st_ino;
  }
  atomic_store(&own.armed, 1);
}

// System calls of its own, so that it never meets itself.
static void change_file(void) {
  struct stat now;
  if (strcmp(action, "remove") == 0) {
    syscall(SYS_unlink, changed_file);
  } else if (strcmp(action, "cut") == 0) {
    if (syscall(SYS_newfstatat, AT_FDCWD, changed_file, &now, 0) == 0) {
      syscall(SYS_truncate, changed_file, now.st_size / 3);
    }
  } else if (strcmp(action, "grow") == 0) {
    const long file = syscall(SYS_openat, AT_FDCWD, changed_file, O_WRONLY | O_APPEND, 0);
    static const char more[4096];
    if (file >= 0) syscall(SYS_write, file, more, sizeof more);
    if (file >= 0) syscall(SYS_close, file);
  }
}

// Whether this call has to fail.
static int fault(const char* call) {
  if (!atomic_load(&control->armed) || strcmp(call, control->call) != 0) return 0;
  const long past = atomic_fetch_add(&control->seen, 1) - control->wanted;
  if (past < 0 || past >= control->times) return 0;
  if (past == control->times - 1) atomic_store(&control->armed, 0);
  const long file = fired_file == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, fired_file, O_WRONLY | O_CREAT, 0600);
  if (file >= 0) syscall(SYS_close, file);
  if (getenv("VIVACE_FAULT_TRACE") != NULL) {
    void* frames[64];
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  }
  if (strcmp(action, "fail") == 0) return 1;
  change_file();
  return 0;
}

static int of_file(int descriptor) {
  struct stat now;
  if (changed_file == NULL) return 1;
  return syscall(SYS_fstat, descriptor, &now) == 0 && now.st_dev == file_device && now.st_ino == file_inode;
}

static void* next(void** known, const char* name) {
  if (*known == NULL) *known = dlsym(RTLD_NEXT, name);
  return *known;
}
#define NEXT(type, name) \
  static void* known;    \
  type call = (type)next(&known, name)
#define FAIL(error, value) \
  do {                     \
    errno = error;         \
    return value;          \
  } while (0)

typedef int (*OpenCall)(const char*, int, ...);
#define OPEN(name)                                                                 \
  int name(const char* path, int flags, ...) {                                     \
    NEXT(OpenCall, #name);                                                         \
    va_list rest;                                                                  \
    va_start(rest, flags);                                                         \
    const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0; \
    va_end(rest);                                                                  \
    const int counts = changed_file == NULL || strcmp(path, changed_file) == 0;    \
    if (counts && fault("open")) FAIL(EACCES, -1);                                 \
    return call(path, flags, mode);                                                \
  }
OPEN(open)
OPEN(open64)

#define READ(name, kind, arguments, ...)             \
  ssize_t name arguments {                           \
    typedef ssize_t(*Call) arguments;                \
    NEXT(Call, #name);                               \
    if (of_file(file) && fault(kind)) FAIL(EIO, -1); \
    return call(__VA_ARGS__);                        \
  }
READ(read, "read", (int file, void* out, size_t bytes), file, out, bytes)
READ(pread, "pread", (int file, void* out, size_t bytes, off_t offset), file, out, bytes, offset)
READ(pread64, "pread", (int file, void* out, size_t bytes, off64_t offset), file, out, bytes, offset)

#define WRITE(name, kind, result, error, arguments, ...) \
  result name arguments {                                \
    typedef result(*Call) arguments;                     \
    NEXT(Call, #name);                                   \
    if (fault(kind)) FAIL(error, -1);                    \
    return call(__VA_ARGS__);                            \
  }
WRITE(write, "write", ssize_t, ENOSPC, (int file, const void* in, size_t bytes), file, in, bytes)
WRITE(pwrite, "pwrite", ssize_t, ENOSPC, (int file, const void* in, size_t bytes, off_t at), file, in, bytes, at)
WRITE(pwrite64, "pwrite", ssize_t, ENOSPC, (int file, const void* in, size_t bytes, off64_t at), file, in, bytes, at)
WRITE(fsync, "fsync", int, ENOSPC, (int file), file)
WRITE(rename, "rename", int, EIO, (const char* from, const char* to), from, to)

#define MAP(name, offset_type)                                                                      \
  void* name(void* at, size_t bytes, int protection, int flags, int file, offset_type offset) {     \
    typedef void* (*Call)(void*, size_t, int, int, int, offset_type);                               \
    NEXT(Call, #name);                                                                              \
    if (((flags & MAP_ANONYMOUS) != 0 || of_file(file)) && fault("mmap")) FAIL(ENOMEM, MAP_FAILED); \
    return call(at, bytes, protection, flags, file, offset);                                        \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

#define STAT(name, type)                                \
  int name(int file, type* out) {                       \
    typedef int (*Call)(int, type*);                    \
    NEXT(Call, #name);                                  \
    if (of_file(file) && fault("fstat")) FAIL(EIO, -1); \
    return call(file, out);                             \
  }
STAT(fstat, struct stat)
STAT(fstat64, struct stat64)

static int counts(size_t bytes) { return bytes >= (size_t)control->least_bytes; }

void* malloc(size_t bytes) {
  if (counts(bytes) && fault("malloc")) FAIL(ENOMEM, NULL);
  return __libc_malloc(bytes);
}
// The few bytes that the C library takes for a thread's destructors: without them it ends the process by itself.
static int for_destructors(const void* caller) {
  Dl_info from;
  return control->armed && dladdr(caller, &from) && from.dli_sname && strcmp(from.dli_sname, "__cxa_thread_atexit_impl") == 0;
}
void* calloc(size_t count, size_t bytes) {
  if (counts(count * bytes) && !for_destructors(__builtin_return_address(0)) && fault("malloc")) FAIL(ENOMEM, NULL);
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, size_t bytes) {
  if (bytes != 0 && counts(bytes) && fault("malloc")) FAIL(ENOMEM, NULL);
  return __libc_realloc(old, bytes);
}
void* memalign(size_t border, size_t bytes) {
  if (counts(bytes) && fault("malloc")) FAIL(ENOMEM, NULL);
  return __libc_memalign(border, bytes);
}
void* aligned_alloc(size_t border, size_t bytes) { return memalign(border, bytes); }
int posix_memalign(void** out, size_t border, size_t bytes) {
  void* memory = memalign(border, bytes);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

int pthread_create(pthread_t* out, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  typedef int (*Call)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  NEXT(Call, "pthread_create");
  if (fault("thread")) return EAGAIN;
  return call(out, attributes, run, argument);
}

#define CALL(name, kind, result, error, value, arguments, ...) \
  result name arguments {                                      \
    typedef result(*Call) arguments;                           \
    NEXT(Call, #name);                                         \
    if (fault(kind)) FAIL(error, value);                       \
    return call(__VA_ARGS__);                                  \
  }
CALL(accept, "accept", int, EMFILE, -1, (int at, struct sockaddr* from, socklen_t* bytes), at, from, bytes)
CALL(accept4, "accept", int, EMFILE, -1, (int at, struct sockaddr* from, socklen_t* bytes, int flags), at, from, bytes,
     flags)
CALL(send, "send", ssize_t, ENOBUFS, -1, (int to, const void* in, size_t bytes, int flags), to, in, bytes, flags)
CALL(sendmsg, "send", ssize_t, ENOBUFS, -1, (int to, const struct msghdr* in, int flags), to, in, flags)
CALL(recv, "receive", ssize_t, ECONNRESET, -1, (int from, void* out, size_t bytes, int flags), from, out, bytes, flags)
CALL(recvmsg, "receive", ssize_t, ECONNRESET, -1, (int from, struct msghdr* out, int flags), from, out, flags)

// SQLite's own, for what its system calls above don't reach. 10 is SQLITE_IOERR.
typedef void Database;
typedef void Statement;
CALL(sqlite3_open_v2, "sqlite", int, EIO, 10, (const char* path, Database** out, int flags, const char* vfs), path, out,
     flags, vfs)
CALL(sqlite3_prepare_v2, "sqlite", int, EIO, 10,
     (Database * at, const char* text, int bytes, Statement** out, const char** rest), at, text, bytes, out, rest)
CALL(sqlite3_step, "sqlite", int, EIO, 10, (Statement * at), at)
CALL(sqlite3_exec, "sqlite", int, EIO, 10,
     (Database * at, const char* text, int (*each)(void*, int, char**, char**), void* argument, char** message), at, text,
     each, argument, message)
