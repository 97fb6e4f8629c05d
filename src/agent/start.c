/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start.c -- the agent starts: it finds the keeper and opens the pager.
 *
 *	connect, HELLO --> CONFIG + files --> pager_open, HOLD --> adopt
 *
 * This is the only part that may call the C library freely: the program has not
 * begun, there is one thread, and nothing is managed yet.  If anything fails
 * the program runs unmanaged and one line says so; a program that was not
 * started under a keeper hears nothing.
 */
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/agent.h"
#include "agent/calls/calls.h"
#include "agent/span.h"
#include "agent/sys.h"
#include "base/keeper.h"

/*
 * jemalloc reads this.  Without its fallback to sbrk(), a refused mapping is a
 * NULL from malloc(); with it, it would be memory that nobody manages.
 */
EXPORT const char *malloc_conf = "dss:disabled";

/* "pageout: PROGRAM: runs unmanaged: WHY" on the program's stderr. */
static void
start_say(const char *program, const char *why)
{
	const char *parts[] = {"pageout: ", program, ": runs unmanaged: ", why,
	                       "\n"};
	char line[512];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *s = parts[i]; *s != '\0'; s++)
			if (n < sizeof(line) - 1)
				line[n++] = *s;
	line[n - 1] = '\n';
	(void)sys(SYS_write, STDERR_FILENO, line, n);
}

static const char *
start_error(long r, const char *what)
{
	const char *why = pager_open_why((int)r);

	switch (-r) {
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case ENOMEM:
		return "no memory for the pager";
	case EAGAIN:
		return "no more threads or locked memory allowed";
	default:
		return why != NULL ? why : what;
	}
}

/* => 0, or what went wrong */
static const char *
start_connect(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	long fd, r;

	if (length == 0 || length > sizeof(to.sun_path) - 1)
		return "PAGEOUT_KEEPER is not a name of a keeper";
	memcpy(to.sun_path + 1, name, length);
	fd = sys(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return start_error(fd, "no socket");
	length += offsetof(struct sockaddr_un, sun_path) + 1;
	r = sys(SYS_connect, fd, &to, length);
	if (r < 0) {
		(void)sys(SYS_close, fd);
		return "the keeper is gone";
	}
	agent_socket = (int)fd;
	return NULL;
}

/* Send a message with count descriptors. */
static long
start_send(const void *message, size_t bytes, const int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_HOLD_FDS_MAX)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {(void *)(uintptr_t)message, bytes};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;

	if (count > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		cm = CMSG_FIRSTHDR(&h);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * count);
	}
	return sys(SYS_sendmsg, agent_socket, &h, MSG_NOSIGNAL);
}

/*
 * Receive the keeper's answer.
 * => NULL with *m and its descriptors set, or what went wrong
 */
static const char *
start_receive(union keeper_message *m, int fds[KEEPER_CONFIG_FDS])
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_CONFIG_FDS)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	struct cmsghdr *cm;
	size_t count;
	long r;

	do
		r = sys(SYS_recvmsg, agent_socket, &h, MSG_CMSG_CLOEXEC);
	while (r == -EINTR);
	if (r < (long)sizeof(m->head) || m->head.magic != KEEPER_MAGIC ||
	    m->head.bytes != (uint32_t)r)
		return "the keeper does not answer";
	if (m->head.version != KEEPER_VERSION)
		return "the keeper is of another version";
	if (m->head.kind == KEEPER_REFUSE && r == sizeof(m->line)) {
		m->line.line[sizeof(m->line.line) - 1] = '\0';
		return m->line.line;
	}
	cm = CMSG_FIRSTHDR(&h);
	if (m->head.kind != KEEPER_CONFIG || r != sizeof(m->config) ||
	    m->config.nodes == 0 || m->config.nodes > KEEPER_NODES_MAX)
		return "the keeper's answer makes no sense";
	count = keeper_config_fds(&m->config);
	if (cm == NULL || cm->cmsg_type != SCM_RIGHTS ||
	    cm->cmsg_len != CMSG_LEN(sizeof(int) * count))
		return "the keeper's answer makes no sense";
	memcpy(fds, CMSG_DATA(cm), sizeof(int) * count);
	return NULL;
}

_Static_assert((int)KEEPER_NODES_MAX == (int)PAGER_NODES_MAX, "");

/* Faults are served inline where the run wants that and the process can. */
static void
start_mode(struct keeper_config *k)
{
	char line[KEEPER_LINE_BYTES] = "faults are served by a thread: ";
	const char *why =
		k->mode == PAGEOUT_MODE_INLINE ? calls_why_not() : NULL;

	if (why == NULL)
		return;
	k->mode = PAGEOUT_MODE_THREAD;
	strncat(line, why, sizeof(line) - strlen(line) - 1);
	agent_log(PAGEOUT_LOG_WARNING, line);
}

/* Open the pager and give its userfaultfds to the keeper. */
static const char *
start_pager(const struct keeper_config *k, const int fds[KEEPER_CONFIG_FDS])
{
	struct keeper_hold hold = {
		.head = KEEPER_HEAD(KEEPER_HOLD, struct keeper_hold)};
	struct pager_config config = {
		.mem_bytes = k->mem_bytes,
		.swap = {.nodes = k->nodes,
	                 .is_shared = k->swap_shared != 0,
	                 .direct = k->swap_direct != 0,
	                 .bytes = k->swap_bytes},
		.stat_fd = fds[KEEPER_FD_STAT],
		.record_fd = k->has_record ? fds[KEEPER_FD_SWAP + k->nodes] : 0,
		.policy = k->policy,
		.mode = (enum pageout_mode)k->mode,
		.events = true,
		.own_signal = true,
		.log = agent_pager_log,
	};
	int mine[PAGER_FDS_MAX];
	long r;

	memcpy(config.swap.fd, fds + KEEPER_FD_SWAP, sizeof(int) * k->nodes);
	agent_inside(true);
	r = pager_open(&agent_pager, &config);
	agent_inside(false);
	if (r < 0)
		return start_error(r, "the pager does not start");
	hold.count = pager_uffds(agent_pager, mine);
	r = start_send(&hold, sizeof(hold), mine, hold.count);
	if (r < 0) {
		pager_close(agent_pager);
		agent_pager = NULL;
		return "the keeper is gone";
	}
	files_protect(mine, pager_fds(agent_pager, mine));
	files_protect(&agent_socket, 1);
	return NULL;
}

/* Where the allocator's text is.  => 1 when found */
static int
start_find_allocator(struct dl_phdr_info *info, size_t bytes, void *none)
{
	(void)bytes;
	(void)none;
	if (strstr(info->dlpi_name, "/libjemalloc") == NULL)
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X))
			memory_allocator(info->dlpi_addr + p->p_vaddr,
			                 info->dlpi_addr + p->p_vaddr +
			                         p->p_memsz);
	}
	return 1;
}

static const char *
start_all(const char *name, const char *program, union keeper_message *answer)
{
	struct keeper_hello hello = {
		.head = KEEPER_HEAD(KEEPER_HELLO, struct keeper_hello)};
	int fds[KEEPER_CONFIG_FDS];
	const char *why;

	strncpy(hello.command, program, sizeof(hello.command) - 1);
	files_fill();
	why = start_connect(name);
	if (why == NULL && start_send(&hello, sizeof(hello), NULL, 0) < 0)
		why = "the keeper is gone";
	if (why == NULL)
		why = start_receive(answer, fds);
	if (why == NULL) {
		start_mode(&answer->config);
		why = start_pager(&answer->config, fds);
	}
	files_unfill();
	return why;
}

__attribute__((constructor)) static void
agent_start(int argc, char **argv)
{
	static union keeper_message answer;
	const char *name = getenv(KEEPER_ENVIRONMENT), *why, *program = "?";
	int saved = errno;

	if (argc > 0 && argv[0] != NULL) {
		const char *slash = strrchr(argv[0], '/');

		program = slash != NULL ? slash + 1 : argv[0];
	}
	why = name != NULL ? start_all(name, program, &answer) : "";
	if (why != NULL) {
		atomic_store(&agent_state, AGENT_OFF);
		if (agent_socket >= 0)
			(void)sys(SYS_close, agent_socket);
		agent_socket = -1;
		if (*why != '\0')
			start_say(program, why);
		(void)unsetenv(KEEPER_ENVIRONMENT);
		errno = saved;
		return;
	}
	(void)dl_iterate_phdr(start_find_allocator, NULL);
	fork_prepare();
	if (answer.config.mode == PAGEOUT_MODE_INLINE)
		calls_start(answer.config.mem_bytes / answer.config.nodes);
	memory_adopt();
	errno = saved;
}

static long
do_record_end(const struct call *c)
{
	(void)c;
	pager_record_end(agent_pager);
	return 0;
}

/* The program ends by exit(): what is recorded of it ends well. */
__attribute__((destructor)) static void
agent_end(void)
{
	struct call c = {.addr = 0};
	int saved = errno;

	if (agent_state == AGENT_ON && agent_watches())
		(void)agent_run(do_record_end, &c);
	errno = saved;
}
