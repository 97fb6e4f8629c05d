/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c -- where the data of a measurement live.
 *
 * Plain memory and kernel swap are the same mapping; for the second the process
 * first enters a control group that does not let it have that much.  A disk is
 * no memory; it is here so that the rows see one kind of thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/disk.h"

#ifdef HAVE_LIBPAGEOUT
#include <pageout/pageout.h>

#include "compare/compare.h"
#endif

static int
enter_cgroup(const char *folder, const char **ret_why)
{
	char path[4096];
	int fd, r = 0;

	*ret_why = "cannot enter the control group";
	if ((size_t)snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1)
		r = -errno;
	(void)close(fd);
	return r;
}

static int
open_anonymous(struct memory *m, const char **ret_why)
{
	void *p = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		*ret_why = "mmap";
		return -errno;
	}
	m->start = p;
	return 0;
}

#ifdef HAVE_LIBPAGEOUT
/* Of a file that is kept it is all that there is. */
static uint64_t
swap_bytes(const struct memory_options *o)
{
	struct stat st;

	if (o->swap_path != NULL && stat(o->swap_path, &st) == 0 &&
	    S_ISREG(st.st_mode))
		return 0;
	return o->size_bytes + o->size_bytes / 4 + (64u << 20);
}

static void
log_line(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	if (level <= PAGEOUT_LOG_WARNING)
		(void)fprintf(stderr, "bench: %s\n", line);
}

static int
open_pageout(struct memory *m, const struct memory_options *o,
             const char **ret_why)
{
	struct pageout_options options = {
		.mem_bytes = o->mem_bytes,
		.swap_bytes = swap_bytes(o),
		.swap_path = o->swap_path,
		.policy = o->policy,
		.nodes = o->nodes,
		.mode = o->backend == BACKEND_INLINE ? PAGEOUT_MODE_INLINE
	                                             : PAGEOUT_MODE_THREAD,
		.log = log_line,
	};
	void *p;
	int r;

	*ret_why = "pageout_open";
	r = pageout_open(&m->engine, &options);
	if (r == -EINVAL && o->policy != NULL &&
	    o->mem_bytes >= PAGEOUT_MEM_BYTES_MIN)
		*ret_why = "this build has no such policy "
			   "(pageout run --policy=help: the list)";
	if (r < 0)
		return r;
	*ret_why = "pageout_map";
	r = pageout_map(m->engine, m->bytes, 0, &p);
	if (r < 0) {
		pageout_close(m->engine);
		return r;
	}
	m->start = p;
	return 0;
}
#else
static int
open_pageout(struct memory *m, const struct memory_options *o,
             const char **ret_why)
{
	(void)m;
	(void)o;
	*ret_why = "built without libpageout";
	return -ENOSYS;
}
#endif

static int
open_disk(struct memory *m, const struct memory_options *o,
          const char **ret_why)
{
	static struct disk disk;
	int r = disk_open(&disk,
	                  o->swap_path != NULL ? o->swap_path : "/var/tmp",
	                  m->bytes, ret_why);

	if (r == 0)
		m->disk = &disk;
	return r;
}

int
memory_open(struct memory *m, const struct memory_options *o,
            const char **ret_why)
{
	int r;

	*m = (struct memory){.backend = o->backend, .bytes = o->size_bytes};
	if (o->cgroup != NULL) {
		r = enter_cgroup(o->cgroup, ret_why);
		if (r < 0)
			return r;
	}
	switch (o->backend) {
	case BACKEND_PLAIN:
	case BACKEND_KERNEL:
		return open_anonymous(m, ret_why);
	case BACKEND_THREAD:
	case BACKEND_INLINE:
		return open_pageout(m, o, ret_why);
	case BACKEND_DEVICE:
		return open_disk(m, o, ret_why);
	case BACKENDS:
		break;
	}
	return -EINVAL;
}

void
memory_close(struct memory *m)
{
#ifdef HAVE_LIBPAGEOUT
	if (m->engine != NULL) {
		pageout_close(m->engine);
		return;
	}
#endif
	if (m->disk != NULL)
		disk_close(m->disk);
	else
		(void)munmap(m->start, m->bytes);
}

/* The number after a name in /proc/vmstat; 0 if there is none. */
static uint64_t
vmstat(const char *name)
{
	char key[64];
	unsigned long long value, found = 0;
	FILE *f = fopen("/proc/vmstat", "re");

	if (f == NULL)
		return 0;
	while (fscanf(f, "%63s %llu", key, &value) == 2)
		if (strcmp(key, name) == 0)
			found = value;
	(void)fclose(f);
	return found;
}

#ifdef HAVE_LIBPAGEOUT
static void
count_engine(struct pageout *engine, struct memory_counts *c)
{
	uint64_t v[PAGEOUT_STATS] = {0};

	(void)pageout_stats(engine, v, PAGEOUT_STATS);
	*c = (struct memory_counts){
		.in = v[PAGEOUT_STAT_pswpin],
		.out = v[PAGEOUT_STAT_pswpout],
		.soft = v[PAGEOUT_STAT_pgsoftfault],
		.major = v[PAGEOUT_STAT_pgmajfault],
		/* pgfault has those that were tried again twice. */
		.faults = v[PAGEOUT_STAT_pgsoftfault] +
	                  v[PAGEOUT_STAT_pgmajfault] +
	                  v[PAGEOUT_STAT_pgfirsttouch] +
	                  v[PAGEOUT_STAT_pgfaultwait],
		.scanned = compare_scanned(v),
		.reclaimed = v[PAGEOUT_STAT_pgsteal_kswapd] +
	                     v[PAGEOUT_STAT_pgsteal_direct],
	};
}
#endif

void
memory_count(const struct memory *m, struct memory_counts *ret_counts)
{
	struct rusage usage;

#ifdef HAVE_LIBPAGEOUT
	if (m->engine != NULL) {
		count_engine(m->engine, ret_counts);
		return;
	}
#endif
	if (m->disk != NULL) {
		*ret_counts = (struct memory_counts){
			.in = atomic_load(&m->disk->in),
			.out = atomic_load(&m->disk->out),
		};
		return;
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	*ret_counts = (struct memory_counts){
		.soft = (uint64_t)usage.ru_minflt,
		.major = (uint64_t)usage.ru_majflt,
		.faults = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt,
	};
	if (m->backend == BACKEND_KERNEL) {
		ret_counts->in = vmstat("pswpin");
		ret_counts->out = vmstat("pswpout");
	}
}
