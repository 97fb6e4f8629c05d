/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h -- a model world under the real core.
 *
 * The model keeps the contents of a page as one 64-bit word.  A word lives in
 * the area (where the program sees it), in a frame's place of the pool, or in a
 * slot of a model disk; the core's operations carry it from one to another, at
 * random times and in any order.
 *
 *	tasks --touch--> page: word ----fault----> core_fault() --> batch
 *	                  ^  |                                        |
 *	           OP_MAP |  | OP_UNMAP                               v
 *	                  |  v                                 jobs (pending)
 *	              frame: word <--OP_READ, OP_WRITE--> slot: word  |
 *	                                                              v
 *	                       event queue <--latency-- steps, completions
 *
 * A world has one node or several, and each node has a core, frames, disks and
 * a speed of its own.  Tasks run on a node and migrate; a page belongs to the
 * node that the directory of claims names: see node/places.c.
 *
 * The oracle is content: page.truth is what the program last wrote, and every
 * read of a task must find it.  An access may fail only where the model itself
 * has hurt the page's slot.  Around it stand the laws: core_check() after each
 * event, and the host's half of them in oracle.c.
 *
 * Everything that happens is decided by one struct choice, so a run is repeated
 * by its seed.  With opt.manual nothing is scheduled: a test performs and ends
 * each operation itself.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "core/host.h"
#include "core/node/claims.h"
#include "core/node/zonelist.h"
#include "core/policy.h"
#include "pageout/stat.h"
#include "record/tap.h"
#include "sim/choice.h"

#define SIM_NODES_MAX 4
#define SIM_SPACES_MAX 4
#define SIM_PAGES_MAX 4096  /* in one space */
#define SIM_FRAMES_MAX 1536 /* of one node, like all up to SIM_OPS_MAX */
#define SIM_DISKS_MAX 3
#define SIM_SLOTS_MAX 8192 /* of one disk */
#define SIM_FILES_MAX 2
#define SIM_OPS_MAX 256
#define SIM_TASKS_MAX 8
#define SIM_CHORES_MAX 8
#define SIM_EVENTS_MAX 2048
#define SIM_LEAVES_MAX (2 * SIM_SPACES_MAX * SIM_NODES_MAX)

enum sim_page_flag {
	PG_MANAGED = 1 << 0,  /* the program has memory there, and it is ours */
	PG_PRESENT = 1 << 1,  /* word is what the program sees */
	PG_POISONED = 1 << 2, /* an access fails */
	PG_FOREIGN = 1 << 3,  /* present, and not taken over yet */
	PG_BUSY = 1 << 4,     /* a chore has it: no other chore may */
	PG_CLOSED = 1 << 5,   /* no task may touch it */
	PG_HELD = 1 << 6,     /* dropped, and the core has not been told */
	PG_UNSURE = 1 << 7,   /* discarded meanwhile: zeros or truth */
	PG_WRITTEN = 1 << 8,  /* since its discard began */
	PG_DMA = 1 << 9,      /* a device holds it: OP_UNMAP says -EBUSY */
	PG_PROTECTED = 1 << 10, /* OP_UNMAP says -EINVAL */
	PG_PINNED = 1 << 11,    /* core_pin() said FAULT_DONE */
	PG_FILE = 1 << 12,      /* of a file */
	PG_INFILE = 1 << 13,    /* and nowhere but there: nobody has read it */
	PG_GUEST = 1 << 14,     /* another name of a page of another space */
};

struct sim_page {
	uint64_t truth;  /* what the program wrote last */
	uint64_t word;   /* what is there, when present */
	struct op *op;   /* the operation that will change its mapping */
	uint32_t pfn;    /* when present: frame that it took its page from, */
	uint8_t node;    /* and the frame's node */
	uint16_t flags;  /* enum sim_page_flag */
	uint16_t damage; /* bad reads of it in a row that we caused */
	uint16_t home_space, home_page; /* itself, unless it is a guest */
	uint16_t guests;                /* whose home it is */
};

/* A place of the pool. */
struct sim_frame {
	uint64_t word;
	struct op *lock;  /* the operation that may change it */
	struct op *write; /* the OP_WRITE that reads it */
	uint16_t sources; /* OP_MAPs that copy from it */
	bool populated;
	bool full; /* there is a page in it */
};

struct sim_disk {
	uint64_t word[SIM_SLOTS_MAX];
	uint64_t meant[SIM_SLOTS_MAX]; /* the last word it acknowledged */
	struct op *io[SIM_SLOTS_MAX];
	bool broken[SIM_SLOTS_MAX]; /* each write of it fails */
	uint32_t slots, ready;
	uint32_t end; /* of a file: slots from here on are beyond its end */
};

/* A file, and the pages that are its pages when they are managed as such. */
struct sim_file {
	struct sim_disk disk;
	struct sim_node *node;
	unsigned space;
	uint32_t page, pages;
	bool shared; /* others write it */
};

/* An operation that the core has handed out. */
struct sim_job {
	struct op *op;
	uint32_t done; /* pages performed */
};

enum sim_event_kind {
	EVENT_JOB,    /* perform a part of an operation, or end it */
	EVENT_TASK,   /* a task goes on */
	EVENT_FAULT,  /* a task's fault reaches the host */
	EVENT_ASK,    /* and the core of the node that has the page */
	EVENT_DAEMON, /* a daemon has a turn */
	EVENT_CHORE,  /* a chore goes on */
	EVENT_WORLD,  /* something else happens to the program */
	EVENT_DEVICE, /* a device writes into a page and lets go of it */
};

struct sim_event {
	uint64_t time, order;
	uint16_t kind, node;
	uint32_t index;
};

/* A piece of a space that one node has; node is NULL while nobody has it. */
struct part {
	struct sim_node *node;
	unsigned space;
	uint32_t page, pages;
};

enum sim_pattern {
	PATTERN_SCAN,
	PATTERN_BACKWARD,
	PATTERN_STRIDE,
	PATTERN_LOOP,
	PATTERN_UNIFORM,
	PATTERN_ZIPF,
	PATTERN_PHASES,
	PATTERNS,
};

enum task_state { TASK_RUNS, TASK_ASLEEP, TASK_STOPPED };

struct sim_task {
	enum task_state state;
	unsigned cpu; /* node that it runs on */
	unsigned space;
	uint32_t page; /* touched now, when touching */
	bool touching, is_write;
	enum sim_pattern pattern;
	uint32_t cursor, start, length, stride;
	uint32_t write_ppm;
	uint32_t retries;  /* FAULT_NOFRAME in a row, with nothing pending */
	uint32_t waits;    /* faults in a row that found no frame */
	bool message;      /* its fault is on the way to a core */
	struct part asked; /* the page that the message is about */
};

enum chore_kind {
	CHORE_DISCARD,
	CHORE_VANISH,
	CHORE_REMOVE,
	CHORE_UNMAP, /* like REMOVE, behind our back */
	CHORE_MOVE,
	CHORE_ADOPT,
	CHORE_PIN,
	CHORE_SYNC,
	CHORE_SHARE,
	CHORES,
};

/* Something the program does to a range that takes several turns. */
struct sim_chore {
	bool in_use;
	enum chore_kind kind;
	unsigned phase;
	unsigned cpu; /* node that it runs on */
	unsigned space;
	uint32_t page, pages;
	unsigned home;    /* CHORE_SHARE: the space that the pages are of */
	struct part part; /* dealt with now */
	uint32_t to;      /* CHORE_MOVE; CHORE_SHARE: the first one there */
	uint32_t next;    /* page looked at */
	uint32_t turns;
	uint32_t failed; /* CHORE_SYNC: writes that had failed before */
};

/* Faults of the world, each in ppm of its occasions. */
struct sim_faults {
	uint32_t read_error, read_wrong, read_broken;
	uint32_t write_error, write_broken;
	uint32_t write_torn, write_misdirected, write_phantom;
	uint32_t stall; /* of completions: very late */
	uint32_t busy, protect;
	uint32_t table, populate; /* no memory */
};

struct sim_options {
	uint64_t seed;
	const char *policy; /* as policy_parse() reads it */
	uint32_t events;    /* of a run, warming and winding up not counted */
	bool faults;
	bool trace;           /* print what happens */
	bool manual;          /* a test is the world */
	struct tap *tap;      /* records the run; or NULL */
	const uint8_t *bytes; /* of a fuzzer, instead of the seed */
	size_t bytes_count;
	unsigned nodes; /* 0: one */
	/* Manual: sizes; 0 is a default. */
	uint32_t frames, pages, slots, ops, ra_pages, unmap_batch, spaces;
	uint32_t file_pages; /* the first ones are a file's */
	/* What broke: called once, does not return. */
	void (*fail)(void *ctx, const char *law, const char *what);
	void *fail_ctx;
};

struct sim_counts {
#define COUNT(name) uint64_t name;
#include "sim/counts.def"
#undef COUNT
};

/* A node: a core, and the model of all that is its own. */
struct sim_node {
	struct sim *sim;
	uint8_t id;
	struct core *core;
	struct core_config cfg;
	struct zonelist zonelist;
	uint32_t slowness;  /* of its operations; 1 is the fastest */
	uint32_t resident;  /* pages in its pool, and of it in areas */
	uint64_t last_id;   /* identity of the area that was added last */
	bool disks_gone;    /* each write fails */
	bool writes_failed; /* so being out of slots or frames is excused */
	int leaving;        /* disk that goes out of use, or -1 */
	bool daemon_queued[DAEMONS];
	uint32_t daemon_idle[DAEMONS];
	struct sim_job jobs[SIM_OPS_MAX];
	uint32_t jobs_count;
	uint64_t claimed; /* pages that it was given, those of files not */
	bool is_touched;  /* since its core's laws were walked */
	uint32_t disks, files;
	uint64_t stat[PAGEOUT_STATS];
	struct sim_frame frame[SIM_FRAMES_MAX];
	struct sim_disk disk[SIM_DISKS_MAX];
	struct sim_file file[SIM_FILES_MAX];
};

struct sim {
	struct sim_options opt;
	struct choice choice;
	struct sim_faults faults;
	bool calm; /* winding up: no more faults, no new events */
	uint64_t now, order, events_done, words;
	uint64_t warm; /* events before the first that is followed by a check */
	uint64_t loosened_ns; /* when a page that could not leave last could */

	struct sim_event queue[SIM_EVENTS_MAX];
	uint32_t queue_count;
	struct sim_task tasks[SIM_TASKS_MAX];
	uint32_t tasks_count;
	struct sim_chore chores[SIM_CHORES_MAX];
	uint32_t spaces, pages;        /* pages that one space may use */
	uint64_t base[SIM_SPACES_MAX]; /* vpn of page 0 */
	struct sim_counts count;
	struct sim_page page[SIM_SPACES_MAX][SIM_PAGES_MAX];

	struct sim_node node[SIM_NODES_MAX];
	uint32_t nodes;
	uint32_t frames;      /* of all nodes */
	struct claims claims; /* which node has a page; with one node, empty */
	bool is_redrawn;      /* the map of them, since it was checked */
	uint32_t chunk;       /* pages that a first touch claims */

	/* Memory for the cores, kept from seed to seed. */
	char *arena;
	size_t arena_bytes, arena_used;
	uint64_t *leaf[SIM_LEAVES_MAX];
	uint32_t leaves;
};

/* -- run.c: a whole run ------------------------------------------------ */

/*
 * A world without a core in it.
 * => returns NULL when there is no memory
 */
struct sim *sim_new(void);
void sim_delete(struct sim *s);

/* Begin again with these options. */
void sim_start(struct sim *s, const struct sim_options *opt);

/* Handle events up to the number asked for, wind up, check every page. */
void sim_run(struct sim *s);

/* Let the pending things happen until there are none. */
void sim_settle(struct sim *s, const char *what);

void sim_schedule(struct sim *s, uint64_t delay_ns, enum sim_event_kind kind,
                  uint32_t index);

/* The same, of a node. */
void sim_schedule_on(struct sim_node *n, uint64_t delay_ns,
                     enum sim_event_kind kind, uint32_t index);

/* -- node/places.c: which node has a page ------------------------------ */

/* Pages are managed from now on.  => as core_area_add() */
int place_add(struct sim *s, unsigned space, uint32_t page, uint32_t pages);

/* A part is managed no more.  => as core_area_remove() */
int place_remove(struct sim *s, const struct part *part);

/*
 * The node that has a page; NULL: nobody has it so far.  Of a page that is not
 * managed node 0 will say so.
 */
struct sim_node *place_of(struct sim *s, unsigned space, uint32_t page);

/*
 * As place_of(), but a page that nobody has is claimed, and what is around it,
 * for the node that a thread on cpu should have.
 * => returns NULL when no core takes it
 */
struct sim_node *place_claim(struct sim *s, unsigned cpu, unsigned space,
                             uint32_t page);

/* The first part of pages [page, end).  => false when there is none */
bool part_find(struct sim *s, unsigned space, uint32_t page, uint32_t end,
               struct part *ret);

/* The pages are on more than one node. */
bool parts_are_apart(struct sim *s, unsigned space, uint32_t page,
                     uint32_t pages);

/* The directory and the cores have the same areas. */
void place_check(struct sim *s);

/* No page is known to two cores, nor to one that does not have it. */
void place_audit(struct sim *s);

/* -- node/move.c: CHORE_MOVE ------------------------------------------- */

/* One turn.  => true when all has moved, or nothing can */
bool move_turn(struct sim *s, struct sim_chore *ch);

/* -- claim.c, host.c, disk.c: operations ------------------------------- */

extern const struct host_ops sim_host;

/* Claim what an operation names, and let go of it again.  (claim.c) */
void claim(struct sim_node *n, struct op *op);
void claim_release(struct sim_node *n, struct op *op);

/* An area was added: its identity must be a new one. */
void claim_area(struct sim_node *n, unsigned space, uint64_t vpn);

/* Fail when the page is none of the model's. */
void claim_check(struct sim *s, const struct op *op, uint64_t vpn, uint32_t i);

/* The frame of page i; those of OP_POPULATE follow each other. */
uint32_t claim_frame_of(const struct op *op, uint32_t i);
bool claim_names_slots(const struct op *op);
_Noreturn void claim_clash(struct sim *s, const struct op *op, uint32_t i,
                           const char *what);
void claim_trace(const struct sim_node *n, const struct op *op,
                 const char *what);

/* Take the operations of a batch over; each becomes a job. */
void host_submit(struct sim_node *n, struct batch *b);

/*
 * Perform up to pages more pages of an operation.
 * => returns true when all have been performed
 */
bool host_perform(struct sim_node *n, struct op *op, uint32_t pages);

/* Report a performed operation to the core, and submit what follows. */
void host_end(struct sim_node *n, struct op *op);

/* One event's share of an operation. */
void host_job(struct sim_node *n, uint32_t index);

void host_daemon(struct sim_node *n, enum daemon who);

/* The hash of a page's contents. */
uint64_t host_hash(uint64_t id, uint64_t off, uint64_t word);

/* Perform one page of an OP_READ, OP_WRITE. */
void disk_read(struct sim_node *n, struct op *op, uint32_t i);
void disk_write(struct sim_node *n, struct op *op, uint32_t i);
void disk_init(struct sim_disk *d, uint32_t slots, uint32_t ready);

/* The disk of an entry's area, or NULL: there is none. */
struct sim_disk *disk_of(struct sim_node *n, swp_entry_t e);

/* -- file.c: mapped files ---------------------------------------------- */

/* Make a file of a node of a range of pages, which are not managed yet. */
struct sim_file *file_make(struct sim_node *n, unsigned space, uint32_t page,
                           uint32_t pages);

/* The file that has all pages of a range, or NULL. */
struct sim_file *file_of(struct sim *s, unsigned space, uint32_t page,
                         uint32_t pages);

/* Manage pages of it.  => as core_area_add_file() */
int file_manage(struct sim *s, struct sim_file *f, uint32_t page,
                uint32_t pages);

/* Nobody but the file has this page from now on. */
void file_only(struct sim *s, unsigned space, uint32_t page);

/* What was read of a page, where the core has nothing to compare it with. */
void file_learn(struct sim_node *n, const struct op *op, uint32_t i,
                uint64_t word);

/* One turn of CHORE_SYNC.  => true when it has ended */
bool file_sync(struct sim *s, struct sim_chore *ch);

/* The file is cut, or somebody else writes to it. */
void file_event(struct sim *s);

/* A word that has never been used. */
uint64_t sim_word(struct sim *s);

/* -- guest.c: pages that several spaces share --------------------------- */

/* The page that a page is: itself, unless it is a guest. */
static inline struct sim_page *
guest_home(struct sim *s, const struct sim_page *p)
{
	return &s->page[p->home_space][p->home_page];
}

/* It is no guest any more. */
void guest_leaves(struct sim *s, unsigned space, uint32_t page);

/* Pages that a chore may share with its range.  => false: found none */
bool guest_find_home(struct sim *s, struct sim_chore *ch);

/* CHORE_SHARE, at once. */
void guest_share(struct sim *s, struct sim_chore *ch);

/* Touch a guest.  => false when the task must wait for it */
bool guest_touch(struct sim *s, unsigned space, uint32_t page, bool is_write);

/* What the core thinks of a guest's page is so at its home. */
void guest_audit(struct sim *s, unsigned space, uint32_t page);

/* -- task.c: program threads ------------------------------------------- */

void task_init(struct sim *s);
void task_run(struct sim *s, uint32_t index);
void task_fault(struct sim *s, uint32_t index);
void task_ask(struct sim *s, uint32_t index);

/* The page was mapped or poisoned, or is gone: whoever sleeps on it wakes. */
void task_wake(struct sim *s, unsigned space, uint32_t page);

/*
 * Read or write a page that is present, as the program does, with the oracle
 * looking on.
 */
void task_access(struct sim *s, unsigned space, uint32_t page, bool is_write);

/* -- chore.c, world.c: everything else that a program does ------------- */

void set_flags(struct sim *s, unsigned space, uint32_t page, uint32_t pages,
               unsigned set, unsigned clear);

/* The memory is gone: no page is left, sleepers get a signal. */
void unmapped(struct sim *s, unsigned space, uint32_t page, uint32_t pages);

/*
 * Begin a chore on a range, if it may be begun there.
 * => returns false when the range or the table of chores is not free
 */
bool chore_start(struct sim *s, enum chore_kind kind, unsigned space,
                 uint32_t page, uint32_t pages);
void chore_run(struct sim *s, uint32_t index);

/* Each page has all of the flags in have and none of those in lack. */
bool sim_all_pages(const struct sim *s, unsigned space, uint32_t page,
                   uint32_t pages, unsigned have, unsigned lack);

void world_init(struct sim *s);
void world_run(struct sim *s);
void world_stay(struct sim *s); /* no disk leaves */
void world_device(struct sim *s, uint32_t index);

/* -- oracle.c: the laws ------------------------------------------------ */

__attribute__((noreturn, format(printf, 3, 4))) void
sim_fail(struct sim *s, const char *law, const char *format, ...);

/* A line for those who repeat a run, with opt.trace. */
void sim_trace(const struct sim *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* After each event: the core's laws, and that nobody sleeps for nothing. */
void oracle_check(struct sim *s);

/* Now and then: each page's newest contents have a holder. */
void oracle_audit(struct sim *s);

/* When nothing is pending: all of that, and nobody waits. */
void oracle_settled(struct sim *s);

/* A task saw word; or its access failed. */
void oracle_saw(struct sim *s, unsigned space, uint32_t page, uint64_t word);
void oracle_refused(struct sim *s, unsigned space, uint32_t page);

/* -- small things ------------------------------------------------------ */

static inline struct sim_page *
sim_page(struct sim *s, unsigned space, uint64_t vpn)
{
	return &s->page[space][vpn - s->base[space]];
}

static inline uint64_t
sim_vpn(const struct sim *s, unsigned space, uint32_t page)
{
	return s->base[space] + page;
}

static inline enum page_state
sim_page_state(struct sim *s, unsigned space, uint32_t page)
{
	const struct sim_node *n = place_of(s, space, page);

	return n == NULL ? PAGE_NONE
	                 : core_page_state(n->core, space,
	                                   sim_vpn(s, space, page));
}

static inline bool
sim_may_touch(const struct sim_page *p)
{
	return (p->flags & (PG_MANAGED | PG_CLOSED)) == PG_MANAGED;
}

#endif
