/* Sends ready-made frames over sockets that are open and signed on already, and times each answer.
 *
 * load FRAMES FDS STAN_AT CODE_AT IN_FLIGHT RATE
 *   FRAMES     a file: for each link a 4-byte count, then that many frames, each with its 2-byte length
 *   FDS        the links' file descriptors, separated by commas
 *   STAN_AT    where DE 11 begins in an answer's message; a link's frames carry 1, 2, 3, ...
 *   CODE_AT    where DE 39 begins in an approved answer
 *   IN_FLIGHT  closed loop: so many unanswered on each link (RATE is then 0)
 *   RATE       open loop: frames a second over all links, latency counted from when each was due to be sent
 *
 * Prints one line of JSON. Knows nothing else of the protocol.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX 4096
#define BUFFER 262144

struct link {
    int fd;
    uint32_t count, sent, answered;
    uint64_t *at;          /* byte offset of frame n */
    double *due;           /* when frame n was, or should have been, sent */
    size_t out;            /* bytes handed to the socket */
    size_t want;           /* bytes that may be handed over by now */
    unsigned char *buffer;
    size_t held;
};

static struct link links[LINKS_MAX];
static unsigned char *data;
static size_t stan_at, code_at;
static uint64_t approved, refused;
static float *latency;
static uint64_t latencies;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
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
    if (length < code_at + 2) die("answer too short");
    char digits[7] = {0};
    memcpy(digits, m + stan_at, 6);
    long n = strtol(digits, NULL, 10) - 1;
    if (n < 0 || n >= (long)l->sent) die("answer to nothing");
    latency[latencies++] = (float)(when - l->due[n]);
    if (m[code_at] == '0' && m[code_at + 1] == '0') approved++; else refused++;
    l->answered++;
}

static uint32_t receive(struct link *l) {
    ssize_t n = recv(l->fd, l->buffer + l->held, BUFFER - l->held, 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) return 0;
        errno = n ? errno : ECONNRESET;
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

static int order(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    fseek(f, 0, SEEK_END);
    size_t size = ftell(f);
    rewind(f);
    data = malloc(size);
    if (fread(data, 1, size, f) != size) die(path);
    fclose(f);
    return size;
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    read_file(argv[1]);
    stan_at = strtoul(argv[3], NULL, 10);
    code_at = strtoul(argv[4], NULL, 10);
    uint32_t in_flight = strtoul(argv[5], NULL, 10);
    double rate = strtod(argv[6], NULL);
    int polled = epoll_create1(0), count = 0;
    uint64_t total = 0, at = 0;
    for (char *p = strtok(argv[2], ","); p; p = strtok(NULL, ","), count++) {
        struct link *l = &links[count];
        l->fd = atoi(p);
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
        memcpy(&l->count, data + at, 4);
        at += 4;
        l->at = malloc((l->count + 1) * sizeof *l->at);
        l->due = malloc(l->count * sizeof *l->due);
        l->buffer = malloc(BUFFER);
        for (uint32_t i = 0; i < l->count; i++) {
            l->at[i] = at;
            at += 2 + (data[at] << 8 | data[at + 1]);
        }
        l->at[l->count] = at;
        l->out = l->want = l->at[0];
        total += l->count;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
        if (epoll_ctl(polled, EPOLL_CTL_ADD, l->fd, &e)) die("epoll_ctl");
    }
    latency = malloc(total * sizeof *latency);
    double start = now();
    uint64_t scheduled = 0;
    if (!rate)
        for (int i = 0; i < count; i++) offer(&links[i], in_flight, start);
    while (latencies < total) {
        if (rate) {
            uint64_t by_now = (uint64_t)((now() - start) * rate);
            for (; scheduled < by_now && scheduled < total; scheduled++)
                offer(&links[scheduled % count], 1, start + scheduled / rate);
        }
        struct epoll_event events[256];
        int n = epoll_wait(polled, events, 256, rate ? 1 : 1000);
        for (int i = 0; i < n; i++) {
            struct link *l = events[i].data.ptr;
            uint32_t answers = receive(l);
            if (!rate && answers) offer(l, answers, now());
        }
        for (int i = 0; i < count; i++)
            if (links[i].out < links[i].want) flush(&links[i]);
    }
    double seconds = now() - start;
    qsort(latency, latencies, sizeof *latency, order);
    printf("{\"seconds\": %.4f, \"approved\": %lu, \"refused\": %lu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           seconds, approved, refused, latency[latencies / 2] * 1e3, latency[latencies * 99 / 100] * 1e3,
           latency[latencies - 1] * 1e3);
    return 0;
}
