/*
 * actor UID [tty]: does accesses for tests, as a program at a path of its own choosing. Static: it opens nothing.
 *
 * Becomes UID with all capabilities kept, takes a terminal of its own if told so, then reads lines
 * "OP PATH [SECOND]" from standard input, does each in a child, and answers the errno, 0 for success.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

static int keep_capabilities(int uid)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {};

	if (!uid)
		return 0;
	if (syscall(SYS_capget, &header, data))
		return errno;
	if (prctl(PR_SET_KEEPCAPS, 1) || syscall(SYS_setresuid, uid, uid, uid))
		return errno;
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	return syscall(SYS_capset, &header, data) ? errno : 0;
}

static int opened(int fd)
{
	return fd < 0 ? errno : (close(fd), 0);
}

static int done(int result)
{
	return result ? errno : 0;
}

/* Exec: the child writes nothing when it succeeds, as the descriptor closes. */
static int run(const char *path)
{
	int fds[2], error = 0, status;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return errno;
	child = fork();
	if (!child) {
		execl(path, path, (char *)0);
		error = errno;
		if (write(fds[1], &error, sizeof(error)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (read(fds[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(fds[0]);
	waitpid(child, &status, 0);
	return error;
}

static int capability(const char *name)
{
	struct rlimit limit;

	if (!strcmp(name, "sys_nice"))
		return done(setpriority(PRIO_PROCESS, 0, -5));
	if (!strcmp(name, "sys_chroot"))
		return done(chroot("/"));
	if (!strcmp(name, "sys_resource")) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_max++;
		return done(setrlimit(RLIMIT_NOFILE, &limit));
	}
	if (!strcmp(name, "setgid"))
		return done(syscall(SYS_setgid, 7));
	if (!strcmp(name, "ipc_lock")) {
		limit.rlim_cur = limit.rlim_max = 0;
		setrlimit(RLIMIT_MEMLOCK, &limit);
		return done(mlock(&limit, sizeof(limit)));
	}
	return ENOSYS;
}

static int access_to(const char *op, const char *path, const char *second)
{
	int a, b;

	if (!strcmp(op, "exec"))
		return run(path);
	if (!strcmp(op, "read"))
		return opened(open(path, O_RDONLY | O_NONBLOCK));
	if (!strcmp(op, "write"))
		return opened(open(path, O_WRONLY));
	if (!strcmp(op, "append"))
		return opened(open(path, O_WRONLY | O_APPEND));
	if (!strcmp(op, "both"))
		return opened(open(path, O_RDWR));
	if (!strcmp(op, "create"))
		return done(mknod(path, S_IFREG | 0600, 0));
	if (!strcmp(op, "mkdir"))
		return done(mkdir(path, 0700));
	if (!strcmp(op, "symlink"))
		return done(symlink("x", path));
	if (!strcmp(op, "delete"))
		return done(unlink(path));
	if (!strcmp(op, "rmdir"))
		return done(rmdir(path));
	if (!strcmp(op, "truncate"))
		return done(truncate(path, 0));
	if (!strcmp(op, "chmod"))
		return done(chmod(path, 0777));
	if (!strcmp(op, "chown"))
		return done(chown(path, -1, -1));
	if (!strcmp(op, "rename"))
		return done(rename(path, second));
	if (!strcmp(op, "link"))
		return done(link(path, second));
	if (!strcmp(op, "socket")) {
		a = atoi(path);
		b = atoi(second);
		a = socket(AF_INET, a, b);
		return opened(a);
	}
	if (!strcmp(op, "capability"))
		return capability(path);
	return ENOSYS;
}

static int in_child(const char *op, const char *path, const char *second)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (!child)
		_exit(access_to(op, path, second));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int main(int count, char **arguments)
{
	static char line[20000], op[64], path[9000], second[9000];
	int fields, master, slave;

	if (count > 2 && (setsid() < 0 || openpty(&master, &slave, 0, 0, 0) || ioctl(slave, TIOCSCTTY, 0)))
		return 3;
	if (count > 1 && keep_capabilities(atoi(arguments[1])))
		return 4;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		second[0] = 0;
		fields = sscanf(line, "%63s %8999s %8999s", op, path, second);
		printf("%d\n", fields < 2 ? -1 : in_child(op, path, second));
		fflush(stdout);
	}
	return 0;
}
