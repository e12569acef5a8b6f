/*
 * reader: opens what it is told, as a program at a path of its own choosing. Static: it opens nothing else.
 *
 * Reads lines "PATH" from standard input, opens each for reading in this very process, and answers the errno, 0 for
 * success. "!PATH" is closed at once as the others and then opened a second time: the answer is that of the second.
 * "@" makes a mount namespace of its own; "/" as root is then what it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int opened(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int main(void)
{
	static char line[5000];
	int error;

	puts("\"ready\"");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '@')
			error = unshare(CLONE_NEWNS) ? errno : 0;
		else if (line[0] == '!')
			error = (opened(line + 1), opened(line + 1));
		else
			error = opened(line);
		printf("%d\n", error);
		fflush(stdout);
	}
	return 0;
}
