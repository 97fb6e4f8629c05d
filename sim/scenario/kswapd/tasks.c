/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tasks.c -- kswapd: tasks, which sleep.
 *
 * What a task has started is performed when it returns.  If it sleeps in a
 * throttle its time passes, for nobody wakes it: "then throttled" counts.  If
 * it sleeps until something else happens it stays where it is: "then sleeps".
 *
 * Reclaim runs are told what they may by words that follow:
 *
 *	kswapd|direct|kthread	who (kswapd)
 *	KERNEL|NOFS|NOIO	with which mask (KERNEL)
 *	goal N, order N, idx ZONE	(32, 0, the last)
 *	noswap, nowrite, nounmap, force, fatal_signal
 */
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/kswapd/words.h"

#define CALLS_MAX 1000000

/* -- sleeping -------------------------------------------------------------- */

/* The task sleeps for as long as it may.  => false when it is not throttled */
static bool
throttle_passes(struct scenario *s, const struct wait66 *wait)
{
	uint64_t now = jiffies(s->w->core);

	if (wait->why == THROTTLE_NONE)
		return false;
	s->seen.throttled[wait->why]++;
	s->seen.throttled_jiffies += wait->until - now;
	s->w->now = wait->until * JIFFY_NS;
	return true;
}

/*
 * A task has returned: perform what it started, and let it sleep.
 * => true when it is to be called again
 */
static bool
goes_on(struct scenario *s, enum task66 t, const struct wait66 *wait,
        struct batch *b, unsigned *calls)
{
	bool started = b->first != NULL;

	host_perform(s, b);
	if (++*calls == CALLS_MAX)
		stop(s, "it never ends");
	s->w->tasks66.sleeps = false;
	if (t == DONE66)
		return false;
	if (t == YIELDS66 || throttle_passes(s, wait) || started)
		return true;
	s->w->tasks66.sleeps = true;
	return false;
}

/* -- what a run may -------------------------------------------------------- */

static bool
sc_flag(struct scan_control *sc, const char *word)
{
	static const char *const who[] = {"kswapd", "direct", "kthread"};

	for (unsigned i = 0; i < ARRAY_SIZE(who); i++)
		if (strcmp(word, who[i]) == 0) {
			sc->who = (uint8_t)i;
			return true;
		}
	if (strcmp(word, "noswap") == 0)
		sc->may_swap = false;
	else if (strcmp(word, "nowrite") == 0)
		sc->may_writepage = false;
	else if (strcmp(word, "nounmap") == 0)
		sc->may_unmap = false;
	else if (strcmp(word, "force") == 0)
		sc->force_deactivate = true;
	else if (strcmp(word, "fatal_signal") == 0)
		sc->fatal_signal = true;
	else
		return false;
	return true;
}

static bool
sc_pair(struct scenario *s, struct scan_control *sc, const char *word,
        const char *value)
{
	if (strcmp(word, "goal") == 0)
		sc->nr_to_reclaim = (uint32_t)number_of(s, value, UINT32_MAX);
	else if (strcmp(word, "order") == 0)
		sc->order = (uint8_t)number_of(s, value, BUDDY_ORDERS - 1);
	else if (strcmp(word, "idx") == 0 && value != NULL)
		sc->reclaim_idx = (uint8_t)zoneidx_of(s, value);
	else
		return false;
	return true;
}

/* A run that begins at a priority. */
static struct scan_control *
sc_read(struct scenario *s, const struct statement *st, unsigned from,
        int priority)
{
	struct scan_control *sc = &s->w->tasks66.sc;

	*sc = (struct scan_control){
		.gfp_mask = GFP66_KERNEL,
		.who = CURRENT_KSWAPD,
		.reclaim_idx = (uint8_t)(s->w->core->zone_count - 1),
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};
	scan_begin(sc, priority);
	for (unsigned i = from; i < st->argc; i++) {
		if (sc_flag(sc, st->argv[i]))
			continue;
		if (sc_pair(s, sc, st->argv[i], st->argv[i + 1]))
			i++;
		else
			sc->gfp_mask = gfp66_of(s, st->argv[i]);
	}
	s->w->tasks66.last = sc;
	return sc;
}

static int
priority_of(struct scenario *s, const char *word)
{
	return (int)number_of(s, word, DEF_PRIORITY);
}

/* -- lists ----------------------------------------------------------------- */

void
when_shrink_inactive_list(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;
	struct scan_control *sc = sc_read(s, st, 2, DEF_PRIORITY);
	enum lru66 lru = lru_of(s, st->argv[0]);
	uint32_t n = (uint32_t)number_of(s, st->argv[1], UINT32_MAX);
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	if (lru != LRU_INACTIVE_ANON && lru != LRU_INACTIVE_FILE)
		stop(s, "IA or IF");
	do {
		b = (struct batch){NULL, NULL};
		(void)throttle_over(c, &sc->wait);
		t = shrink_inactive_list(c, n, sc, lru, &b);
		reclaim_flush(c, &b);
	} while (goes_on(s, t, &sc->wait, &b, &calls));
	returns(s, sc->shrink.nr_reclaimed);
}

void
when_shrink_active_list(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;
	struct scan_control *sc = sc_read(s, st, 2, DEF_PRIORITY);
	enum lru66 lru = lru_of(s, st->argv[0]);
	struct batch b = {NULL, NULL};

	if (lru != LRU_ACTIVE_ANON && lru != LRU_ACTIVE_FILE)
		stop(s, "AA or AF");
	shrink_active_list(c, (uint32_t)number_of(s, st->argv[1], UINT32_MAX),
	                   sc, lru, &b);
	reclaim_flush(c, &b);
	host_perform(s, &b);
}

void
when_get_scan_count(struct scenario *s, const struct statement *st)
{
	static const char *const balances[] = {"equal", "fract", "anon", "file",
	                                       NULL};
	struct scan_control *sc =
		sc_read(s, st, 1, priority_of(s, st->argv[0]));

	prepare_scan_count(s->w->core, sc);
	returns_word(s, get_scan_count(s->w->core, sc, s->w->tasks66.nr),
	             balances);
}

void
when_shrink_node(struct scenario *s, const struct statement *st)
{
	struct scan_control *sc =
		sc_read(s, st, 1, priority_of(s, st->argv[0]));
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	do {
		b = (struct batch){NULL, NULL};
		t = shrink_node(s->w->core, sc, &b);
	} while (goes_on(s, t, &sc->wait, &b, &calls));
}

/* -- kswapd ---------------------------------------------------------------- */

void
when_balance_pgdat(struct scenario *s, const struct statement *st)
{
	struct balance66 *bp = &s->w->tasks66.balance;
	struct core *c = s->w->core;
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	*bp = (struct balance66){
		.idx = (uint8_t)zoneidx_of(s, st->argv[1]),
		.sc.order =
			(uint8_t)number_of(s, st->argv[0], BUDDY_ORDERS - 1),
	};
	s->w->tasks66.last = &bp->sc;
	do {
		b = (struct batch){NULL, NULL};
		t = balance_pgdat(c, bp, &b);
		reclaim_flush(c, &b);
	} while (goes_on(s, t, &bp->sc.wait, &b, &calls));
	returns(s, bp->sc.order);
}

/* Until it sleeps. */
static bool
kswapd_runs(struct scenario *s)
{
	const struct kswapd66 *k = &pgdat66(s->w->core)->kswapd;
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	do {
		b = (struct batch){NULL, NULL};
		t = core_kswapd(s->w->core, &b) ? YIELDS66 : DONE66;
		if (t == DONE66 && k->stage == KSWAPD_BALANCE)
			t = SLEEPS66;
	} while (goes_on(s, t, &k->balance.sc.wait, &b, &calls));
	s->w->tasks66.last = &k->balance.sc;
	return t == YIELDS66;
}

bool
turn66(struct scenario *s, enum daemon who)
{
	struct batch b = {NULL, NULL};
	bool more = false;

	switch (who) {
	case DAEMON_KSWAPD:
		return kswapd_runs(s);
	case DAEMON_KRECLAIMD:
		more = core_kreclaimd(s->w->core, &b);
		break;
	case DAEMON_FLUSHER:
		more = core_flush(s->w->core, &b);
		break;
	case DAEMONS:
		never();
	}
	host_perform(s, &b);
	return more;
}

/* -- direct reclaim -------------------------------------------------------- */

void
when_reclaim_throttle(struct scenario *s, const struct statement *st)
{
	unsigned why = word_of(s, st->argv[0], throttle_words);
	struct scan_control *sc = sc_read(s, st, 1, DEF_PRIORITY);

	if (st->argc == 1)
		sc->who = CURRENT_TASK;
	reclaim_throttle(s->w->core, sc, (enum throttle66)why);
	if (throttle_passes(s, &sc->wait) &&
	    !throttle_over(s->w->core, &sc->wait))
		complain(s, "it sleeps for longer than it may");
}

static void
direct_runs(struct scenario *s)
{
	struct direct66 *d = &s->w->tasks66.direct;
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	do {
		b = (struct batch){NULL, NULL};
		t = try_to_free_pages66(s->w->core, d, &b);
	} while (goes_on(s, t, &d->sc.wait, &b, &calls));
	s->w->tasks66.last = &d->sc;
	returns(s, d->ret);
}

/* Who asks, and what he is. */
static struct alloc66
alloc_read(struct scenario *s, const struct statement *st)
{
	struct alloc66 a = {
		.order = (uint8_t)number_of(s, st->argv[0], BUDDY_ORDERS - 1),
		.gfp = gfp66_of(s, st->argv[1]),
		.highest_zoneidx = (uint8_t)(s->w->core->zone_count - 1),
	};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"memalloc", &a.memalloc},    {"oom_victim", &a.oom_victim},
		{"realtime", &a.realtime},    {"fatal_signal", &a.fatal_signal},
		{"interrupt", &a.interrupt},  {"kthread", &a.kthread},
		{"dumping", &a.dumping_core},
	};

	for (unsigned i = 2; i < st->argc; i++) {
		unsigned k = 0;

		while (k < ARRAY_SIZE(flags) &&
		       strcmp(flags[k].name, st->argv[i]) != 0)
			k++;
		if (k < ARRAY_SIZE(flags))
			*flags[k].flag = true;
		else
			a.highest_zoneidx = (uint8_t)zoneidx_of(s, st->argv[i]);
	}
	return a;
}

void
when_try_to_free_pages(struct scenario *s, const struct statement *st)
{
	struct alloc66 a = alloc_read(s, st);

	direct_begin(&s->w->tasks66.direct, &a);
	direct_runs(s);
}

void
when_try_again(struct scenario *s, const struct statement *st)
{
	struct direct66 *d = &s->w->tasks66.direct;

	if (st->argc == 1 && strcmp(st->argv[0], "fatal_signal") != 0)
		stop(s, "fatal_signal, or nothing");
	d->sc.fatal_signal |= st->argc == 1;
	direct_runs(s);
}

/* -- allocation ------------------------------------------------------------ */

void
given_request(struct scenario *s, const struct statement *st)
{
	s->w->tasks66.alloc = alloc_read(s, st);
}

void
when_alloc66(struct scenario *s, const struct statement *st)
{
	static const char *const results[] = {"got", "failed", "sleeps", NULL};
	struct alloc66 *a = &s->w->tasks66.alloc;
	struct core *c = s->w->core;
	enum alloc_result66 r;
	unsigned calls = 0;
	enum task66 t;
	struct batch b;

	*a = alloc_read(s, st);
	do {
		b = (struct batch){NULL, NULL};
		r = alloc_pages66(c, a, &b);
		t = r == ALLOC66_SLEEPS ? SLEEPS66 : DONE66;
		if (t == SLEEPS66 && a->until >= jiffies(c)) {
			s->seen.yields++;
			s->w->now = a->until * JIFFY_NS;
			t = YIELDS66;
		}
	} while (goes_on(s, t, &a->direct.sc.wait, &b, &calls));
	returns_word(s, r, results);
	if (r == ALLOC66_GOT)
		alloc_keep(s, a->pfn, a->order);
}
