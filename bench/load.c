/* Sends ready-made frames over sockets that are open and signed on already, and times each answer.
 *
 * load FRAMES FDS HEAD STAN_AT CODE_AT IN_FLIGHT RATE LATENCIES
 *   FRAMES     a file: for each link a 4-byte count, then that many frames, each with its 2-byte length
 *   FDS        the links' file descriptors, separated by commas
 *   HEAD       in hex, how an approved answer begins: its MTI and bitmap, which make the two places below hold
 *   STAN_AT    where DE 11 begins in an answer's message; a link's frames carry 1, 2, 3, ...
 *   CODE_AT    where DE 39 begins in an approved answer
 *   IN_FLIGHT  closed loop: so many unanswered on each link (RATE is then 0)
 *   RATE       open loop: frames a second over all links, latency counted from when each was due to be sent
 *   LATENCIES  where to write every latency, in seconds, as native 4-byte floats; a refusal's is negative
 *
 * Prints one line of JSON, times by the monotonic clock. Knows nothing else of the protocol.
 * bench/sender.py does the same, more slowly, where there is no compiler.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX 4096
#define BUFFER 262144
#define HEAD_MAX 64
#define SILENCE_MS 60000 /* longer than the server's own longest wait: then it is gone */

struct link {
    int fd;
    uint32_t count, sent;
    uint64_t *at;          /* byte offset of frame n */
    double *due;           /* when frame n was, or should have been, sent; negative once answered */
    size_t out;            /* bytes handed to the socket */
    size_t want;           /* bytes that may be handed over by now */
    unsigned char *buffer;
    size_t held;
};

static struct link links[LINKS_MAX];
static unsigned char *data, head[HEAD_MAX];
static size_t size, head_length, stan_at, code_at;
static uint64_t approved, refused, answered;
static float *latency;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void wrong(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void *room(size_t count, size_t each) {
    void *made = calloc(count, each);
    if (!made) die("memory");
    return made;
}

static void flush(struct link *l) {
    while (l->out < l->want) {
        ssize_t n = send(l->fd, data + l->out, l->want - l->out, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) return;
            die("send");
        }
        l->out += n;
    }
}

static void offer(struct link *l, uint32_t n, double when) {
    for (uint32_t i = 0; i < n && l->sent < l->count; i++) l->due[l->sent++] = when;
    l->want = l->at[l->sent];
    flush(l);
}

static void take(struct link *l, const unsigned char *m, size_t length, double when) {
    if (length < stan_at + 6) wrong("an answer is too short to have a STAN");
    char digits[7] = {0};
    memcpy(digits, m + stan_at, 6);
    long n = strtol(digits, NULL, 10) - 1;
    if (n < 0 || n >= (long)l->sent || l->due[n] < 0) wrong("an answer to nothing that was asked, or a second one");
    /* A refusal has other fields, so DE 39 is elsewhere: only under the right head is its place known. */
    int right = length >= code_at + 2 && !memcmp(m, head, head_length);
    int good = right && m[code_at] == '0' && m[code_at + 1] == '0';
    if (good) approved++; else refused++;
    latency[answered++] = (float)(good ? when - l->due[n] : l->due[n] - when);
    l->due[n] = -1;
}

static uint32_t receive(struct link *l) {
    ssize_t n = recv(l->fd, l->buffer + l->held, BUFFER - l->held, 0);
    if (n == 0) wrong("the server closed a link");
    if (n < 0) {
        if (errno == EAGAIN) return 0;
        die("recv");
    }
    l->held += n;
    double when = now();
    size_t used = 0;
    uint32_t answers = 0;
    while (l->held - used >= 2) {
        size_t length = l->buffer[used] << 8 | l->buffer[used + 1];
        if (l->held - used < 2 + length) break;
        take(l, l->buffer + used + 2, length, when);
        used += 2 + length;
        answers++;
    }
    memmove(l->buffer, l->buffer + used, l->held - used);
    l->held -= used;
    return answers;
}

static void read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    data = room(size, 1);
    if (fread(data, 1, size, f) != size) die(path);
    fclose(f);
}

static void write_latencies(const char *path) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(latency, sizeof *latency, answered, f) != answered || fclose(f)) die(path);
}

static void read_head(const char *hex) {
    unsigned byte;
    for (; head_length < HEAD_MAX && sscanf(hex + 2 * head_length, "%2x", &byte) == 1; head_length++)
        head[head_length] = byte;
}

/* Find the link's frames in the file, from offset `at`; where they end. */
static uint64_t lay_out(struct link *l, int fd, uint64_t at) {
    l->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (at + 4 > size) wrong("fewer links in the file than descriptors");
    memcpy(&l->count, data + at, 4);
    at += 4;
    l->at = room(l->count + 1, sizeof *l->at);
    l->due = room(l->count + 1, sizeof *l->due);
    l->buffer = room(BUFFER, 1);
    for (uint32_t i = 0; i < l->count; i++) {
        l->at[i] = at;
        if (at + 2 > size) wrong("the file of frames is cut short");
        at += 2 + (data[at] << 8 | data[at + 1]);
    }
    l->at[l->count] = l->out = l->want = at;
    if (l->count) l->out = l->want = l->at[0];
    return at;
}

static void watch(int polled, int fd, void *link) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = link};
    if (epoll_ctl(polled, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
}

/* Have the timer wake us when the next frame is due: a poll's timeout counts whole milliseconds. */
static void wake_at(int timer, double when) {
    struct itimerspec t = {.it_value = {.tv_sec = (time_t)when, .tv_nsec = (long)((when - (time_t)when) * 1e9)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL)) die("timerfd_settime");
}

static void run(int polled, int timer, int count, uint64_t total, uint32_t in_flight, double rate) {
    double start = now();
    uint64_t scheduled = 0;
    if (rate == 0)
        for (int i = 0; i < count; i++) offer(&links[i], in_flight, start);
    while (answered < total) {
        for (; rate > 0 && scheduled < total && start + scheduled / rate <= now(); scheduled++)
            offer(&links[scheduled % count], 1, start + scheduled / rate);
        if (rate > 0 && scheduled < total) wake_at(timer, start + scheduled / rate);
        struct epoll_event events[256];
        int n = epoll_wait(polled, events, 256, SILENCE_MS);
        if (n == 0) wrong("no answer for a minute");
        for (int i = 0; i < n; i++) {
            struct link *l = events[i].data.ptr;
            if (!l) {
                uint64_t expirations;
                if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
                continue;
            }
            uint32_t answers = receive(l);
            if (rate == 0 && answers) offer(l, answers, now());
        }
        for (int i = 0; i < count; i++)
            if (links[i].out < links[i].want) flush(&links[i]);
    }
    printf("{\"start\": %.6f, \"end\": %.6f, \"approved\": %llu, \"refused\": %llu}\n", start, now(),
           (unsigned long long)approved, (unsigned long long)refused);
}

int main(int argc, char **argv) {
    if (argc != 9) return 2;
    read_file(argv[1]);
    read_head(argv[3]);
    stan_at = strtoul(argv[4], NULL, 10);
    code_at = strtoul(argv[5], NULL, 10);
    int polled = epoll_create1(0), count = 0;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (polled < 0 || timer < 0) die("epoll or timer");
    watch(polled, timer, NULL);
    uint64_t total = 0, at = 0;
    for (char *p = strtok(argv[2], ","); p; p = strtok(NULL, ","), count++) {
        if (count == LINKS_MAX) wrong("too many links");
        at = lay_out(&links[count], atoi(p), at);
        total += links[count].count;
        watch(polled, links[count].fd, &links[count]);
    }
    latency = room(total, sizeof *latency);
    run(polled, timer, count, total, strtoul(argv[6], NULL, 10), strtod(argv[7], NULL));
    write_latencies(argv[8]);
    return 0;
}
