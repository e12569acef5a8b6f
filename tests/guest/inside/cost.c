/*
 * cost MODE COUNT [PATH]: what one operation takes, in ns of CLOCK_MONOTONIC. In a guest whose clock counts
 * instructions (-icount shift=0) that is the number of instructions. Static, so that starting it costs little.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures, count;
static const char *path;
static char first[512], second[512];
static struct sockaddr_in address = { .sin_family = AF_INET };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void check(int failed)
{
	failures += failed != 0;
}

static void open_one(int i)
{
	int fd = open(path, O_RDONLY);

	check(fd < 0);
	close(fd);
}

/* Files PATH.0, PATH.1, ...: each is opened once. */
static void open_next(int i)
{
	int fd;

	snprintf(first, sizeof(first), "%s.%d", path, i);
	fd = open(first, O_RDONLY);
	check(fd < 0);
	close(fd);
}

static void execute(int i)
{
	int status = 1;
	pid_t child = vfork();

	if (!child) {
		execl(path, path, (char *)0);
		_exit(1);
	}
	waitpid(child, &status, 0);
	check(status);
}

static void create(int i)
{
	int fd = open(first, O_CREAT | O_WRONLY | O_EXCL, 0600);

	check(fd < 0);
	close(fd);
	check(unlink(first));
}

static void make_directory(int i)
{
	check(mkdir(first, 0700));
	check(rmdir(first));
}

static void move(int i)
{
	check(rename(first, second));
	check(rename(second, first));
}

static int written;

static void write_one(int i)
{
	check(pwrite(written, "x", 1, 0) != 1);
}

static void get_status(int i)
{
	struct stat status;

	check(stat(path, &status));
}

static int listening;

static void talk(int i)
{
	struct linger linger = { 1, 0 };
	int one = socket(AF_INET, SOCK_STREAM, 0), other;

	check(connect(one, (void *)&address, sizeof(address)));
	other = accept(listening, 0, 0);
	check(other < 0);
	setsockopt(one, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(one);
	close(other);
}

static void measure(void (*operation)(int), int warm)
{
	double start;

	for (int i = 0; i < warm; i++)
		operation(i);
	start = now();
	for (int i = 0; i < count; i++)
		operation(i);
	printf("%.1f %d\n", (now() - start) / count, failures);
}

int main(int arguments, char **values)
{
	socklen_t size = sizeof(address);

	if (arguments < 3)
		return 2;
	count = atoi(values[2]);
	path = arguments > 3 ? values[3] : "";
	snprintf(first, sizeof(first), "%s.a", path);
	snprintf(second, sizeof(second), "%s.b", path);
	if (!strcmp(values[1], "open"))
		measure(open_one, 8);
	else if (!strcmp(values[1], "first"))
		measure(open_next, 0);
	else if (!strcmp(values[1], "exec"))
		measure(execute, 4);
	else if (!strcmp(values[1], "create"))
		measure(create, 8);
	else if (!strcmp(values[1], "mkdir"))
		measure(make_directory, 8);
	else if (!strcmp(values[1], "stat"))
		measure(get_status, 8);
	else if (!strcmp(values[1], "rename")) {
		close(open(first, O_CREAT | O_WRONLY, 0600));
		measure(move, 8);
		unlink(first);
	} else if (!strcmp(values[1], "pwrite")) {
		written = open(first, O_CREAT | O_RDWR, 0600);
		measure(write_one, 8);
		unlink(first);
	} else if (!strcmp(values[1], "tcp")) {
		listening = socket(AF_INET, SOCK_STREAM, 0);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		check(bind(listening, (void *)&address, size) || listen(listening, 64));
		getsockname(listening, (void *)&address, &size);
		measure(talk, 8);
	} else
		return 2;
	return failures != 0;
}
