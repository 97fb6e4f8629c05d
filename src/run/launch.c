/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * launch.c -- the program's process: its environment, its signals, its end.
 *
 * The launcher stands where the program would stand: same process group, same
 * terminal.  A signal that the terminal sends reaches both, so it is not passed
 * on; one that somebody sends to the launcher is.  When the program is stopped
 * from the terminal, the launcher stops too, so that the shell takes over.
 *
 * The program starts with the signal mask, the dispositions and the descriptor
 * limit that the launcher was started with.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/keeper.h"
#include "run/run.h"
#include "tools/parts.h"

static const int passed[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
                             SIGALRM, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH};

static sigset_t mask_before;
static struct sigaction child_before;
static struct rlimit files_before;

int
launch_prepare(struct launch *l)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	struct rlimit most;
	sigset_t set;

	*l = (struct launch){.pid = -1, .signal_fd = -1};
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		(void)sigaddset(&set, passed[i]);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTTOU);
	(void)sigaddset(&set, SIGPIPE);
	/* Whoever started us may have ignored it: then wait() sees nothing. */
	(void)sigaction(SIGCHLD, &plain, &child_before);
	if (sigprocmask(SIG_BLOCK, &set, &mask_before) < 0)
		return -errno;
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return -errno;
	if (getrlimit(RLIMIT_NOFILE, &files_before) == 0) {
		most = files_before;
		most.rlim_cur = most.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &most);
	}
	return 0;
}

/* -- what is loaded into the program ------------------------------------- */

int
launch_preload(char *text, size_t bytes)
{
	const char *had = getenv("LD_PRELOAD");
	char agent[PART_PATH_BYTES], allocator[PART_PATH_BYTES];

	if (part_find(PART_AGENT, agent) < 0) {
		(void)fprintf(
			stderr,
			"pageout: libpageout-agent.so: not found, neither "
			"beside the program nor in " PAGEOUT_AGENT_DIR "\n");
		return -ENOENT;
	}
	if (strpbrk(agent, " :") != NULL) {
		(void)fprintf(stderr,
		              "pageout: %s: the loader takes no path "
		              "with a space or a colon\n",
		              agent);
		return -EINVAL;
	}
	if (part_find(PART_JEMALLOC, allocator) < 0)
		(void)fprintf(stderr,
		              "pageout: libjemalloc.so.2: not found: memory "
		              "from malloc() is not managed; install "
		              "libjemalloc2\n");
	if (snprintf(text, bytes, "%s%s%s%s%s", agent,
	             allocator[0] != '\0' ? ":" : "", allocator,
	             had != NULL && had[0] != '\0' ? ":" : "",
	             had != NULL ? had : "") >= (int)bytes)
		return -E2BIG;
	return 0;
}

/* -- the child ----------------------------------------------------------- */

/* In the child: become the command.  => only when that failed */
static int
launch_exec(const struct command *c, char **argv)
{
	(void)execv(c->path, argv);
	if (errno == ENOEXEC) { /* a script without a first line */
		size_t count = 0;
		char **shell;

		while (argv[count] != NULL)
			count++;
		shell = calloc(count + 2, sizeof(*shell));
		if (shell == NULL)
			return errno;
		shell[0] = (char *)(uintptr_t) "/bin/sh";
		shell[1] = (char *)(uintptr_t)c->path;
		for (size_t i = 1; i < count; i++)
			shell[i + 1] = argv[i];
		(void)execv(shell[0], shell);
	}
	return errno;
}

static _Noreturn void
launch_child(const struct command *c, char **argv, const char *preload,
             const char *keeper, int error_fd)
{
	int error = 0;

	if (setenv("LD_PRELOAD", preload, 1) < 0 ||
	    setenv(KEEPER_ENVIRONMENT, keeper, 1) < 0)
		error = errno;
	(void)setrlimit(RLIMIT_NOFILE, &files_before);
	(void)sigaction(SIGCHLD, &child_before, NULL);
	(void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
	if (error == 0)
		error = launch_exec(c, argv);
	(void)!write(error_fd, &error, sizeof(error));
	_exit(RUN_NOT_EXECUTABLE);
}

int
launch_start(struct launch *l, const struct command *c, char **argv,
             const char *preload, const char *keeper)
{
	int fds[2], error;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0 || (l->pid = fork()) < 0) {
		(void)fprintf(stderr, "pageout: fork: %s\n", strerror(errno));
		return RUN_FAILED;
	}
	if (l->pid == 0)
		launch_child(c, argv, preload, keeper, fds[1]);
	(void)close(fds[1]);
	n = read(fds[0], &error, sizeof(error));
	(void)close(fds[0]);
	if (n != sizeof(error))
		return 0;
	(void)fprintf(stderr, "pageout: %s: %s\n", argv[0], strerror(error));
	(void)waitpid(l->pid, NULL, 0);
	return error == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

/* -- events -------------------------------------------------------------- */

/* Without one nobody would let the launcher go on again. */
static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
launch_reap(struct launch *l)
{
	int status;

	while (wait4(l->pid, &status, WNOHANG | WUNTRACED, &l->usage) > 0) {
		if (!WIFSTOPPED(status)) {
			l->ended = true;
			l->status = status;
			return;
		}
		if (WSTOPSIG(status) != SIGSTOP && has_terminal())
			(void)raise(SIGSTOP);
	}
}

void
launch_events(struct launch *l)
{
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		int number = (int)si.ssi_signo;

		if (number == SIGCHLD) {
			launch_reap(l);
			continue;
		}
		if (l->ended || number == SIGTTOU || number == SIGPIPE)
			continue;
		/* From the terminal, or from the program to its group: it has
		 * it already. */
		if (si.ssi_code == SI_KERNEL || (pid_t)si.ssi_pid == l->pid)
			continue;
		(void)kill(l->pid, number);
	}
}

void
launch_detach(struct launch *l)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	for (int i = 0; i <= 2; i++)
		(void)dup2(fd, i);
	(void)close(l->signal_fd);
	l->signal_fd = -1;
	(void)!chdir("/");
}
