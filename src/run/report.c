/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c -- how it went, in words and as JSON.
 *
 * A label, then a number: where a column begins never depends on what was
 * measured.  Sums are over all managed processes; peak memory is that of the
 * largest process (ru_maxrss), managed or not.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/size.h"
#include "run/run.h"
#include "tools/json.h"

enum { PAGE = 4096 };

int
report_exit_status(int status)
{
	if (WIFSIGNALED(status))
		return RUN_KILLED + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static uint64_t
value(const struct report *r, enum pageout_stat_id id)
{
	return r->sum.values[id];
}

static void
print_status(const struct report *r, FILE *out)
{
	if (WIFSIGNALED(r->status))
		(void)fprintf(out, "  %-18s killed by signal %d (%s)\n", "exit",
		              WTERMSIG(r->status),
		              strsignal(WTERMSIG(r->status)));
	else
		(void)fprintf(out, "  %-18s %d\n", "exit",
		              WEXITSTATUS(r->status));
}

static void
print_size(FILE *out, const char *label, uint64_t bytes)
{
	char text[SIZE_TEXT_BYTES];

	(void)fprintf(out, "  %-18s %s\n", label, size_text(text, bytes));
}

static void
print_pages(FILE *out, const char *label, uint64_t pages)
{
	char text[SIZE_TEXT_BYTES];

	(void)fprintf(out, "  %-18s %-10" PRIu64 " %s\n", label, pages,
	              size_text(text, pages * PAGE));
}

static void
print_each(const struct report *r, FILE *out)
{
	(void)fprintf(out, "  %-8s %10s %10s %10s %10s  %s\n", "process", "out",
	              "in", "major", "soft", "command");
	for (unsigned i = 0; i < r->each_count; i++) {
		const struct account *a = &r->each[i];
		const uint64_t *v = a->values;

		(void)fprintf(out,
		              "  %-8d %10" PRIu64 " %10" PRIu64 " %10" PRIu64
		              " %10" PRIu64 "  %s\n",
		              (int)a->pid, v[PAGEOUT_STAT_pswpout],
		              v[PAGEOUT_STAT_pswpin],
		              v[PAGEOUT_STAT_pgmajfault],
		              v[PAGEOUT_STAT_pgsoftfault], a->command);
	}
	if (r->each_count < r->processes)
		(void)fprintf(out, "  and %u more\n",
		              r->processes - r->each_count);
}

/* Evictions that wrote nothing, because the swap space had the page. */
static double
clean_share(const struct report *r)
{
	uint64_t all = value(r, PAGEOUT_STAT_pgunmap);

	return all == 0 ? 0
	                : 100.0 * (double)value(r, PAGEOUT_STAT_pgunmap_clean) /
	                          (double)all;
}

void
report_text(const struct report *r, FILE *out)
{
	char text[SIZE_TEXT_BYTES];

	(void)fprintf(out, "pageout:");
	for (char **a = r->argv; *a != NULL; a++)
		(void)fprintf(out, " %s", *a);
	(void)fprintf(out, "\n");
	print_status(r, out);
	(void)fprintf(out, "  %-18s %s\n", "wall time",
	              time_text(text, r->wall_ns));
	print_size(out, "budget", r->mem_bytes);
	print_size(out, "peak memory", (uint64_t)r->usage.ru_maxrss * 1024);
	if (r->processes == 0) {
		(void)fprintf(out, "  nothing was managed\n");
		return;
	}
	print_size(out, "peak swap", r->sum.swap_peak_bytes);
	print_pages(out, "pages out", value(r, PAGEOUT_STAT_pswpout));
	print_pages(out, "pages in", value(r, PAGEOUT_STAT_pswpin));
	(void)fprintf(out,
	              "  %-18s %" PRIu64 " first, %" PRIu64 " soft, %" PRIu64
	              " major\n",
	              "faults", value(r, PAGEOUT_STAT_pgfirsttouch),
	              value(r, PAGEOUT_STAT_pgsoftfault),
	              value(r, PAGEOUT_STAT_pgmajfault));
	(void)fprintf(out, "  %-18s %.1f%%\n", "clean evictions",
	              clean_share(r));
	(void)fprintf(out, "  %-18s %" PRIu64 "\n", "direct reclaims",
	              value(r, PAGEOUT_STAT_allocstall));
	(void)fprintf(out,
	              "  %-18s %" PRIu64 " write, %" PRIu64 " read, %" PRIu64
	              " lost pages\n",
	              "errors", value(r, PAGEOUT_STAT_swap_write_errors),
	              value(r, PAGEOUT_STAT_swap_read_errors),
	              value(r, PAGEOUT_STAT_pgpoison));
	if (r->processes > 1)
		print_each(r, out);
}

/* The counters of an account, by their names in stat.def. */
static void
json_values(const uint64_t *values, FILE *out)
{
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		(void)fprintf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		              pageout_stat_describe(i)->name, values[i]);
}

void
report_json(const struct report *r, FILE *out)
{
	(void)fprintf(out, "{\"command\":[");
	for (char **a = r->argv; *a != NULL; a++) {
		if (a != r->argv)
			(void)fputc(',', out);
		json_string(out, *a);
	}
	(void)fprintf(out, "],\"exit\":%d,\"signal\":%d",
	              report_exit_status(r->status),
	              WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0);
	(void)fprintf(out, ",\"wall_ns\":%" PRIu64, r->wall_ns);
	(void)fprintf(out, ",\"mem_bytes\":%" PRIu64, r->mem_bytes);
	(void)fprintf(out, ",\"peak_bytes\":%" PRIu64,
	              (uint64_t)r->usage.ru_maxrss * 1024);
	(void)fprintf(out, ",\"swap_peak_bytes\":%" PRIu64,
	              r->sum.swap_peak_bytes);
	(void)fprintf(out, ",\"processes\":%u,\"sum\":{", r->processes);
	json_values(r->sum.values, out);
	(void)fprintf(out, "},\"each\":[");
	for (unsigned i = 0; i < r->each_count; i++) {
		const struct account *a = &r->each[i];

		(void)fprintf(out,
		              "%s{\"pid\":%d,\"command\":", i > 0 ? "," : "",
		              (int)a->pid);
		json_string(out, a->command);
		(void)fprintf(out,
		              ",\"pages_out\":%" PRIu64 ",\"pages_in\":%" PRIu64
		              ",\"faults_major\":%" PRIu64
		              ",\"faults_soft\":%" PRIu64 "}",
		              a->values[PAGEOUT_STAT_pswpout],
		              a->values[PAGEOUT_STAT_pswpin],
		              a->values[PAGEOUT_STAT_pgmajfault],
		              a->values[PAGEOUT_STAT_pgsoftfault]);
	}
	(void)fprintf(out, "]}\n");
}
