/*
 * hammer (denied|allowed|moved PATH)...: the same accesses over and over, until it is killed. Static.
 *
 * Each has one verdict that is right all the time: opening PATH is denied, or allowed, or renaming PATH to PATH.new
 * is denied. Prints "ROUNDS WRONG" now and then, and at once when something was wrong for the first time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int denied(int result)
{
	return result < 0 && errno == EACCES;
}

static int wrong(const char *what, const char *path)
{
	char second[512];
	int fd;

	if (!strcmp(what, "moved")) {
		snprintf(second, sizeof(second), "%s.new", path);
		return !denied(rename(path, second));
	}
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		close(fd);
	return !strcmp(what, "denied") ? !denied(fd) : fd < 0;
}

int main(int count, char **arguments)
{
	long rounds = 0, failures = 0;

	for (;;) {
		long before = failures;

		for (int i = 1; i + 1 < count; i += 2)
			failures += wrong(arguments[i], arguments[i + 1]);
		rounds++;
		if (rounds % 256 == 0 || (failures && !before)) {
			printf("%ld %ld\n", rounds, failures);
			fflush(stdout);
		}
	}
}
