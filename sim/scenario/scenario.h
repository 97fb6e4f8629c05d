/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario.h -- a behaviour of a policy, written down as a text and run.
 *
 *	# why this is so
 *	given   zones 28656
 *	given   pages p 640 list A age 1
 *	when    refill_inactive_scan 6 0
 *	then    returned 1
 *	then    number p list D 10
 *
 * script.c cuts the text into statements and knows which words there are.
 * What is given is put into the tables of a real core, over a model host; what
 * happens goes through the real functions of core and policy; what is expected
 * is compared with what the tables say then.
 *
 *	script.c	text -> statements; the only part that any bytes reach
 *	world.c		a core, address spaces, swap areas; given
 *	pages.c		pages in any state; given
 *	host.c		the model host: moves at once, transfers when told to
 *	when.c		the functions that a scenario may call
 *	program.c	of those: programs, whose faults may wait for memory
 *	then.c		what can be looked at
 *	look.c		of that: pages
 *	run.c		statement after statement
 *	linux24.c	what the words of all mean for the policy linux24
 *	kswapd/		and for kswapd; and the words that only it has
 *	main.c		the program: every file is a test
 *
 * A world lasts until the next "given zones".  Space 0 is the kernel's: what
 * nobody's program has (caches, memory that is merely in use) is in it, and it
 * is never scanned, for it has no resident pages.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/internal.h"
#include "reclaim/kswapd/kswapd.h"
#include "reclaim/linux24/linux24.h"

/* -- script.c -------------------------------------------------------------- */

#define ARGS_MAX 24
#define STATEMENTS_MAX 512

enum part { PART_GIVEN, PART_WHEN, PART_THEN, PART_COUNT };

struct scenario;
struct statement;

/* One word of the language. */
struct verb {
	const char *name;
	uint8_t min, max; /* arguments */
	void (*run)(struct scenario *s, const struct statement *st);
	const char *usage; /* the arguments, and what it does */
};

struct statement {
	unsigned line;
	const struct verb *verb;
	enum part part;
	unsigned times; /* when: how often */
	unsigned argc;
	const char *argv[ARGS_MAX + 1]; /* ended by NULL */
};

struct script {
	const char *name;              /* of the file */
	const struct dialect *dialect; /* of the last world so far */
	bool quiet;                    /* count complaints, and no more */
	unsigned count;
	struct statement st[STATEMENTS_MAX];
	char error[200];
};

/* The words of all policies, each part ended by one without a name. */
extern const struct verb given_verbs[], when_verbs[], then_verbs[];

/*
 * Cut text, which is ended by NUL and stays as long as the script, into
 * statements.
 * => returns false when something is not understood: error says what and where
 */
bool script_read(struct script *sc, const char *name, char *text);

/* => false when it is not a number, or above max */
bool number_read(const char *word, uint64_t max, uint64_t *ret);

/* -- dialects --------------------------------------------------------------
 *
 * A world speaks the language of its policy: the words of all, whose meaning is
 * looked up here where it depends on the policy's tables, and words of its own.
 */

/* A page as a scenario sees it. */
struct look {
	struct core *c;
	const struct page *pg;
	const struct frame *f; /* or NULL */
	pte_t pte;
};

struct attribute {
	const char *name;
	int64_t (*get)(const struct look *l);
	const char *const *words; /* for its values */
};

struct spec;

struct dialect {
	const char *policy;
	const char *exact; /* the policy with every quirk of the original */
	const struct verb *verbs[PART_COUNT];
	const struct attribute *attributes; /* of pages */

	/* Where a frame can be: free, none, and lists. */
	const char *const *states;
	const struct flist *(*list)(const struct core *c, unsigned state);

	/* A page that was just made goes to the list that spec says. */
	void (*page_enters)(struct scenario *s, const struct spec *p,
	                    struct frame *f);
	uint8_t frame_age; /* of one that is new */
	bool has_files;    /* a file's page belongs to an area of its own */

	const char *(*zone_name)(const struct core *c, unsigned zone);
	size_t state_bytes; /* of the policy: not changed by what is given */

	/* One turn of a daemon.  => true when it wants another */
	bool (*turn)(struct scenario *s, enum daemon who);
};

extern const struct dialect dialect24, dialect66;

/* That of a policy, by the beginning of its description; or NULL. */
const struct dialect *dialect_of(const char *policy);

/* -- the world ------------------------------------------------------------- */

#define SPACES 10 /* the kernel's, and address spaces */
#define GROUPS_MAX 48
#define DISKS SWAP_TYPES
#define TRACE_MAX 70000
#define NAME_BYTES 16
#define KERNEL 0 /* its space */

/* Pages that a scenario calls by one name; p.3 is the fourth. */
struct group {
	char name[NAME_BYTES];
	uint32_t count;
	struct page *page;
};

struct page {
	uint64_t vpn; /* VPN_NONE: buffers, and nothing else */
	uint32_t pfn; /* the frame it had when it was last looked for */
	uint8_t space;
};

/* An address space: what its pages contain, and what they must. */
struct model_space {
	char name[NAME_BYTES];
	uint64_t pages;
	uint64_t *word;  /* of mapped pages */
	uint64_t *truth; /* of all */
};

struct disk {
	char name[NAME_BYTES];
	uint32_t slots;
	uint64_t *word;
	void *tables;
};

/* What the host was asked for since the last "when" began. */
struct seen {
	uint64_t wakes[DAEMONS];
	uint64_t writes, reads, unmaps, maps, copies; /* pages */
	uint64_t write_ops, read_ops;
	uint64_t buffer_writes, shrinks, shrink_goal, shrink_cache, oom_kills;
	uint64_t waits;          /* a task slept for a page */
	uint64_t yields, blocks; /* an allocator did */
	uint64_t turns;          /* of daemons, while faults waited */
	uint64_t tries;          /* of the fault that needed most */
	uint64_t refused;        /* faults: out of memory */
	uint64_t sum;            /* of what the function returned */
	uint64_t throttled[NR_THROTTLES], throttled_jiffies;
	uint64_t stat[PAGEOUT_STATS]; /* as they were before */
};

/* Tasks of the policy kswapd. */
struct tasks66 {
	struct scan_control sc;
	struct balance66 balance;
	struct alloc66 alloc;
	struct direct66 direct;
	const struct scan_control *last; /* the one that ran last */
	uint32_t nr[NR_LRU_LISTS];       /* that get_scan_count wants */
	bool sleeps; /* it could not be carried to its end */
};

struct world {
	struct core_config cfg;
	struct core *core;
	uint64_t stat[PAGEOUT_STATS];
	uint64_t now;
	struct model_space space[SPACES];
	uint64_t kernel_next, kernel_end, file_next; /* vpn */
	struct disk disk[DISKS];
	uint64_t *leaf[64];
	uint32_t leaves;
	uint64_t *frame_word;
	uint64_t words; /* handed out: no two are equal */
	struct op *pending_first, *pending_last;
	uint32_t *buffer; /* frames whose buffers are being written */
	uint32_t buffers;
	uint32_t *filler[ZONES_MAX]; /* frames that are merely in use */
	uint32_t fillers[ZONES_MAX];
	bool fail_writes;
	bool woken[DAEMONS];
	struct transition *trace;
	uint32_t traced;
	struct launder launder;
	struct reclaim24 reclaim;
	struct alloc24 alloc;
	struct tasks66 tasks66;
};

struct scenario {
	struct script *script;
	const struct dialect *dialect; /* of the world */
	const struct statement *st;    /* the one being run */
	unsigned failures;
	jmp_buf stop;
	struct world *w;
	struct group group[GROUPS_MAX];
	unsigned groups;
	struct seen seen;
	int64_t returned;
	const char *const *results; /* words for what returned can be */
};

/*
 * Run a script that was read.
 * => returns how many expectations failed; each is printed as a line "# ..."
 */
unsigned scenario_run(struct script *sc);

/* What is at hand is not as it should be: say so, and go on. */
__attribute__((format(printf, 2, 3))) void complain(struct scenario *s,
                                                    const char *format, ...);

/* The scenario itself is wrong: say so, and end it. */
__attribute__((noreturn, format(printf, 2, 3))) void
stop(struct scenario *s, const char *format, ...);

/* -- words into things; each stops the scenario when there is none --------- */

uint64_t number_of(struct scenario *s, const char *word, uint64_t max);
unsigned space_of(struct scenario *s, const char *word);
unsigned disk_of(struct scenario *s, const char *word);
struct zone *zone_of(struct scenario *s, const char *word);

/* Names joined by +, of a list ended by one without. */
struct bits {
	const char *name;
	uint32_t bits;
};
uint32_t bits_of(struct scenario *s, const char *word,
                 const struct bits *names);

/* Which of a list of words, ended by NULL. */
unsigned word_of(struct scenario *s, const char *word,
                 const char *const *words);

struct group *group_of(struct scenario *s, const char *word);

/* "p" is the only page of p, "p.3" the fourth. */
struct page *page_of(struct scenario *s, const char *word);

/* The frame that a page has now, or NULL. */
struct frame *frame_of(const struct scenario *s, struct page *p);

/* Remember the frames that pages have. */
void pages_refresh(struct scenario *s);

/* -- world.c, pages.c ------------------------------------------------------ */

void world_free(struct scenario *s);

/* Complain of laws of the core that do not hold. */
void world_check(struct scenario *s);

/* A page of the kernel's that was never used. */
uint64_t kernel_vpn(struct world *w);

/* A frame of a zone: taken from the allocator. */
struct frame *world_take(struct scenario *s, struct zone *z);

/* Bind a frame that was taken to a page which is mapped there. */
void world_bind(struct world *w, unsigned space, uint64_t vpn, struct frame *f);

/* A list, by its name: one of the dialect's states. */
unsigned list_of(struct scenario *s, const char *word);

/* A new group of n pages, which the caller fills in. */
struct group *group_add(struct scenario *s, const char *name, uint32_t n);

enum kind {
	KIND_ANON,
	KIND_SWAP,
	KIND_FILE,
	KIND_BUFFERS,
	KIND_KERNEL,
	KIND_ABSENT,
	KIND_SWAPPED,
};

/* What the words of one statement say of pages. */
struct spec {
	enum kind kind;
	unsigned space;
	uint64_t vpn;
	struct zone *zone;
	unsigned state; /* the list; 0: not said */
	int age, count; /* -1: not said */
	uint8_t buffers;
	uint32_t pins;
	bool has_vpn, mapped, dirty, untouched, young, old, referenced;
	bool locked, unlocked, workingset, reclaim, exec, mlocked;
};

void given_pages(struct scenario *s, const struct statement *st);
void given_page(struct scenario *s, const struct statement *st);
void page_write(struct scenario *s, struct page *p);

/* -- when.c, program.c ----------------------------------------------------- */

/*
 * What a function returned, for "then returned" and "then sum"; returns_word():
 * which of words.
 */
void returns(struct scenario *s, int64_t value);
void returns_word(struct scenario *s, int64_t value, const char *const *words);

/* The frame of a page that is in memory. */
struct frame *frame_there(struct scenario *s, const char *word);

/* What was allocated is the kernel's from now on. */
void alloc_keep(struct scenario *s, uint32_t pfn, unsigned order);

void when_touch(struct scenario *s, const struct statement *st);
void when_exit(struct scenario *s, const struct statement *st);

/* -- then.c, look.c -------------------------------------------------------- */

/*
 * Complain unless word says what was got: a number, >=N, <=N, or the word of
 * that number, of which words are a list ended by NULL.
 */
void expect(struct scenario *s, const char *what, const char *attr,
            const char *word, const char *const *words, int64_t got);
bool as_expected(struct scenario *s, const char *word, const char *const *words,
                 int64_t got);
extern const char *const no_words[];

/* A function that compares a number of the core c, and its word. */
#define NUMBER(name, value)                                                    \
	static void then_##name(struct scenario *s,                            \
	                        const struct statement *st)                    \
	{                                                                      \
		struct core *c = s->w->core;                                   \
		(void)c;                                                       \
		expect(s, #name, "", st->argv[0], no_words, (int64_t)(value)); \
	}

#define ONE(name, usage)                                 \
	{                                                \
#name, 1, 1, then_##name, usage " VALUE" \
	}

void then_page(struct scenario *s, const struct statement *st);
void then_all(struct scenario *s, const struct statement *st);
void then_number(struct scenario *s, const struct statement *st);

/* -- host.c ---------------------------------------------------------------- */

extern const struct host_ops model_host;

uint64_t model_hash(struct page_id id, uint64_t word);

/* Perform what a batch asks for: moves at once, transfers later. */
void host_perform(struct scenario *s, struct batch *b);

/* End up to n transfers of a kind, the oldest first.  => how many */
enum transfer { TRANSFER_ANY, TRANSFER_READ, TRANSFER_WRITE, TRANSFER_BUFFER };
uint32_t host_complete(struct scenario *s, enum transfer kind, uint32_t n);

/* End the transfer that names a frame.  => false when there is none */
bool host_complete_frame(struct scenario *s, uint32_t pfn);

uint32_t host_pending(const struct world *w, enum transfer kind);

#endif
