/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.c -- program threads as states.
 *
 * A task touches pages by a pattern.  While they are present nobody else is
 * involved.  When one is absent the task falls asleep, and a message is on its
 * way to the core, as from a userfaultfd:
 *
 *	RUNS --absent--> ASLEEP + message --core_fault()--> ASLEEP
 *	  ^                |          ^                       |
 *	  |                |          +------FAULT_NOFRAME----+
 *	  +--mapped, poisoned, gone---------------------------+
 *
 * The page may be mapped before the message arrives; then the core hears of a
 * fault that is over, as it does in real life.  After it is woken a task
 * touches the same page again; it may have left meanwhile.
 */
#include "sim/sim.h"

#define BURST 8 /* touches between two events */

/* Faults that find no frame, while nothing is pending.  Each waits longer, 2 s
 * together: a device that failed rests for one. */
#define RETRIES_MAX 200
#define WAITS_MAX 100 /* a fault comes back once a millisecond at least */

static void
task_choose(struct sim *s, struct sim_task *t)
{
	struct choice *c = &s->choice;

	t->cpu = choice_of(c, s->nodes);
	t->space = choice_of(c, s->spaces);
	t->pattern = choice_of(c, PATTERNS);
	t->length = s->pages;
	if (choice_of(c, 2) != 0)
		t->length = choice_between(c, 1, s->pages);
	if (t->pattern == PATTERN_LOOP)
		t->length = choice_between(c, 1, s->frames);
	if (t->length > s->pages)
		t->length = s->pages;
	t->start = choice_of(c, s->pages - t->length + 1);
	t->cursor = choice_of(c, t->length);
	t->stride = choice_between(c, 2, 40);
	t->write_ppm = choice_of(c, 8) * (PPM / 7);
}

void
task_init(struct sim *s)
{
	s->tasks_count = choice_between(&s->choice, 1, SIM_TASKS_MAX);
	for (uint32_t i = 0; i < s->tasks_count; i++) {
		struct sim_task *t = &s->tasks[i];

		*t = (struct sim_task){.state = TASK_RUNS};
		task_choose(s, t);
		sim_schedule(s, choice_of(&s->choice, 10000), EVENT_TASK, i);
	}
}

/* Small numbers far more often than large ones. */
static uint32_t
zipf(struct choice *c, uint32_t n)
{
	uint32_t limit = n;

	while (limit > 8 && choice_of(c, 3) != 0)
		limit /= 4;
	return choice_of(c, limit);
}

static uint32_t
next_page(struct sim *s, struct sim_task *t)
{
	uint32_t n = t->length;

	switch (t->pattern) {
	case PATTERN_SCAN:
	case PATTERN_LOOP:
		t->cursor = (t->cursor + 1) % n;
		break;
	case PATTERN_BACKWARD:
		t->cursor = (t->cursor + n - 1) % n;
		break;
	case PATTERN_STRIDE:
		t->cursor = (t->cursor + t->stride) % n;
		break;
	case PATTERN_UNIFORM:
		t->cursor = choice_of(&s->choice, n);
		break;
	case PATTERN_ZIPF:
		t->cursor = zipf(&s->choice, n);
		break;
	case PATTERN_PHASES:
		if (choice_of(&s->choice, 128) == 0)
			t->start = choice_of(&s->choice, s->pages - n + 1);
		t->cursor = choice_of(&s->choice, n / 8 + 1);
		break;
	case PATTERNS:
		break;
	}
	return t->start + t->cursor;
}

void
task_access(struct sim *s, unsigned space, uint32_t page, bool is_write)
{
	struct sim_page *p = &s->page[space][page];
	uint32_t kind;

	if (!is_write) {
		oracle_saw(s, space, page, p->word);
		return;
	}
	kind = choice_of(&s->choice, 16);
	if (kind == 0)
		p->word = 0;
	else if (kind == 1)
		p->word = mix64(page + 7) | 1; /* the same as last time */
	else
		p->word = sim_word(s);
	p->truth = p->word;
	p->flags |= PG_WRITTEN;
	if ((p->flags & PG_BUSY) == 0)
		p->flags &= (uint16_t)~PG_UNSURE;
}

/*
 * Touch the page that the task is at.
 * => returns false when it must wait
 */
static bool
touch(struct sim *s, struct sim_task *t)
{
	struct sim_page *p = &s->page[t->space][t->page];

	t->touching = false;
	if (!sim_may_touch(p))
		return true;
	s->count.touches++;
	if (p->flags & PG_GUEST) {
		t->touching = !guest_touch(s, t->space, t->page, t->is_write);
		return !t->touching;
	}
	if (p->flags & PG_POISONED) {
		oracle_refused(s, t->space, t->page);
		return true;
	}
	if (p->flags & PG_PRESENT) {
		task_access(s, t->space, t->page, t->is_write);
		return true;
	}
	t->touching = true;
	return false;
}

void
task_run(struct sim *s, uint32_t index)
{
	struct sim_task *t = &s->tasks[index];
	uint32_t burst = choice_between(&s->choice, 1, BURST);

	if (t->state != TASK_RUNS)
		return;
	if (choice_of(&s->choice, 512) == 0 && !t->touching)
		task_choose(s, t);
	if (s->nodes > 1 && choice_of(&s->choice, 64) == 0) {
		t->cpu = choice_of(&s->choice, s->nodes);
		s->count.migrations++;
	}
	while (burst-- > 0) {
		if (!t->touching && s->calm) {
			t->state = TASK_STOPPED;
			return;
		}
		if (!t->touching) {
			t->page = next_page(s, t);
			t->is_write = choice_ppm(&s->choice, t->write_ppm);
		}
		if (!touch(s, t)) {
			t->state = TASK_ASLEEP;
			if (!t->message)
				sim_schedule(s,
				             500 + choice_of(&s->choice, 256) *
				                             64,
				             EVENT_FAULT, index);
			t->message = true;
			return;
		}
	}
	sim_schedule(s, 1000 + choice_of(&s->choice, 256) * 256, EVENT_TASK,
	             index);
}

static void
wake_one(struct sim *s, uint32_t index)
{
	sim_trace(s, "task %u wakes", index);
	s->tasks[index].state = TASK_RUNS;
	s->tasks[index].retries = 0;
	s->tasks[index].waits = 0;
	sim_schedule(s, choice_of(&s->choice, 256) * UINT64_C(64), EVENT_TASK,
	             index);
}

void
task_wake(struct sim *s, unsigned space, uint32_t page)
{
	for (uint32_t i = 0; i < s->tasks_count; i++)
		if (s->tasks[i].state == TASK_ASLEEP &&
		    s->tasks[i].space == space && s->tasks[i].page == page)
			wake_one(s, i);
}

/* Deliver the message again, later. */
static void
postpone(struct sim *s, uint32_t index, uint64_t wait_ns)
{
	s->tasks[index].message = true;
	sim_schedule(s, 10000 + choice_of(&s->choice, 256) * 400 + wait_ns,
	             EVENT_FAULT, index);
}

/* How long a page may have been free to move, and the core not know. */
static uint64_t
news_ns(const struct sim *s)
{
	return s->faults.stall != 0 ? 3000000000ull : 5000000;
}

/* A node other than this one has room. */
static bool
others_have_room(const struct sim *s, const struct sim_node *n)
{
	for (unsigned i = 0; i < s->nodes; i++)
		if (i != n->id && (core_frames_free(s->node[i].core) > 0 ||
		                   core_swap_free(s->node[i].core) > 0))
			return true;
	return false;
}

/* Pages of a node that will not move. */
static uint32_t
stuck_pages(struct sim *s, const struct sim_node *n)
{
	uint32_t stuck = 0;

	for (uint32_t i = 0; i < s->spaces; i++)
		for (uint32_t j = 0; j < s->pages; j++)
			stuck += (s->page[i][j].flags &
			          (PG_DMA | PG_PROTECTED | PG_PINNED)) != 0 &&
			         place_of(s, i, j) == n;
	return stuck;
}

/*
 * Out of memory is an answer only when something keeps pages from leaving: no
 * slot, a device that fails, or pages that will not move, or would not a moment
 * ago.
 */
static void
out_of_memory(struct sim *s, const struct sim_node *n)
{
	s->count.nomem++;
	s->count.nomem_alone += others_have_room(s, n);
	if (n->writes_failed || core_swap_free(n->core) == 0 ||
	    s->now < s->loosened_ns + news_ns(s))
		return;
	if (stuck_pages(s, n) < n->cfg.frames_total / 8)
		sim_fail(s, "progress", "out of memory with %u slots free",
		         core_swap_free(n->core));
}

/* No frame: help to make one, and come back. */
static void
no_frame(struct sim *s, struct sim_task *t, uint32_t index)
{
	struct sim_node *n = t->asked.node;
	struct batch b = {NULL, NULL};
	bool hope = tap_reclaim_direct(n->core, &b);
	bool pending = b.first != NULL || n->jobs_count != 0;

	s->count.noframe++;
	t->retries = pending ? 0 : t->retries + 1;
	t->waits += t->waits < WAITS_MAX; /* all may wait for one late write */
	host_submit(n, &b);
	if (t->retries > RETRIES_MAX)
		sim_fail(s, "progress",
		         "no frame for page %u:%u, and nothing is pending",
		         t->space, t->page);
	/* That nothing can leave is true only now. */
	postpone(s, index,
	         hope || pending ? t->retries * 100000ull + t->waits * 10000ull
	                         : 0);
}

/* The core says that the page is there. */
static void
told_done(struct sim *s, struct sim_task *t, uint32_t index)
{
	const struct sim_page *p = guest_home(s, &s->page[t->space][t->page]);

	if ((p->flags & (PG_PRESENT | PG_MANAGED)) == PG_MANAGED)
		sim_fail(s, "I1", "page %u:%u is said to be mapped and is not",
		         t->space, t->page);
	wake_one(s, index);
}

/* The verdict for a task that sleeps. */
static void
verdict(struct sim *s, uint32_t index, enum fault_verdict v)
{
	struct sim_task *t = &s->tasks[index];
	struct sim_page *p = &s->page[t->space][t->page];
	struct sim_page *home = guest_home(s, p);

	switch (v) {
	case FAULT_DONE:
		told_done(s, t, index);
		return;
	case FAULT_STARTED:
		s->count.started++;
		return;
	case FAULT_WAIT:
		s->count.waits++;
		return;
	case FAULT_AGAIN:
		s->count.again++;
		postpone(s, index, 0);
		return;
	case FAULT_NOFRAME:
		no_frame(s, t, index);
		return;
	case FAULT_NOMEM:
		out_of_memory(s, t->asked.node);
		t->touching = false; /* the program is told, and goes on */
		wake_one(s, index);
		return;
	case FAULT_POISONED:
		s->count.poisoned++;
		oracle_refused(s, p->home_space, p->home_page);
		task_wake(s, t->space, t->page);
		return;
	case FAULT_NOAREA:
		if (sim_may_touch(p) && sim_may_touch(home))
			sim_fail(s, "I5", "page %u:%u is not known", t->space,
			         t->page);
		if (p->flags & PG_MANAGED && p == home)
			return; /* the chore that takes it away will wake us */
		wake_one(s, index);
		return;
	}
}

/* No core takes an area for the page. */
static void
claim_refused(struct sim *s, uint32_t index)
{
	struct sim_task *t = &s->tasks[index];

	t->message = t->touching = false;
	if (t->state == TASK_ASLEEP)
		wake_one(s, index);
}

/* The page was dropped, here or at home, and the core has not been told. */
static bool
is_held(struct sim *s, unsigned space, uint32_t page)
{
	const struct sim_page *p = &s->page[space][page];

	return (p->flags | guest_home(s, p)->flags) & PG_HELD;
}

/*
 * A fault is served in two steps: which node has the page, or is to have it;
 * then its core is asked, and the page may have gone from there.
 */
void
task_fault(struct sim *s, uint32_t index)
{
	struct sim_task *t = &s->tasks[index];

	if (is_held(s, t->space, t->page)) {
		postpone(s, index, 0); /* events are heard before faults */
		return;
	}
	s->count.faults++;
	t->asked = (struct part){
		.node = place_claim(s, t->cpu, t->space, t->page),
		.space = t->space,
		.page = t->page,
		.pages = 1,
	};
	if (t->asked.node == NULL)
		claim_refused(s, index);
	else if (s->nodes == 1 || choice_of(&s->choice, 4) == 0)
		task_ask(s, index);
	else
		sim_schedule(s,
		             choice_of(&s->choice, 64) *
		                     (choice_of(&s->choice, 4) ? UINT64_C(50)
		                                               : 50000),
		             EVENT_ASK, index);
}

static enum fault_verdict
ask(struct sim *s, const struct part *page, bool is_write)
{
	struct sim_node *n = page->node;
	uint64_t vpn = sim_vpn(s, page->space, page->page);
	struct batch b = {NULL, NULL};
	enum fault_verdict v =
		is_write ? tap_fault_write(n->core, page->space, vpn, &b)
			 : tap_fault(n->core, page->space, vpn, &b);

	sim_trace(s, "fault on %u:%u of node %u: verdict %d", page->space,
	          page->page, n->id, (int)v);
	host_submit(n, &b);
	s->count.done += v == FAULT_DONE;
	if (v == FAULT_POISONED) /* the host makes accesses fail */
		guest_home(s, &s->page[page->space][page->page])->flags |=
			PG_POISONED;
	return v;
}

/* The core knows no such page, because another one does. */
static bool
has_gone(struct sim *s, const struct part *page, enum fault_verdict v)
{
	if (v != FAULT_NOAREA ||
	    place_of(s, page->space, page->page) == page->node)
		return false;
	s->count.places_changed++;
	return true;
}

void
task_ask(struct sim *s, uint32_t index)
{
	struct sim_task *t = &s->tasks[index];
	const struct part *page = &t->asked;
	enum fault_verdict v;

	if (is_held(s, page->space, page->page)) {
		postpone(s, index, 0);
		return;
	}
	t->message = false;
	v = ask(s, page, t->is_write);
	if (t->state != TASK_ASLEEP)
		s->count.stale_faults++;
	else if (has_gone(s, page, v) || t->space != page->space ||
	         t->page != page->page)
		postpone(s, index, 0); /* the page, or the task, is elsewhere */
	else
		verdict(s, index, v);
}
