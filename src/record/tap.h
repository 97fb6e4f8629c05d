/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.h -- a tap between a host and its core, which records what passes.
 *
 *	host --tap_fault()--> | tap | --core_fault()--> core
 *	     <----answers---- |     | <--now_ns()------
 *	                         |
 *	                         v  bytes: see format.h
 *
 * A host calls tap_NAME() where it would call core_NAME(), with the same
 * contract (core.h); calls that only look need no tap.  Without a tap they cost
 * little more.  With one the core's host is the tap, which passes its calls on.
 *
 * The tap makes no system call and allocates nothing: it fills the memory that
 * full() gives it.  Like the core it is called under the node's lock.
 */
#ifndef RECORD_TAP_H
#define RECORD_TAP_H

#include "core/core.h"
#include "record/event.h"

#define TAP_BYTES_MIN 4096

/*
 * The memory that was given last has bytes of the record in it; give new
 * memory, of TAP_BYTES_MIN or more.
 * => also called for the first, with bytes 0
 * => NULL: there is none; recording stops, and full() is not called again
 */
typedef void *tap_full_fn(void *ctx, size_t bytes, size_t *ret_bytes);

struct tap {
	tap_full_fn *full;
	void *full_ctx;
	const struct host_ops *host; /* the core's real host */
	void *host_ctx;
	bool on;
	uint8_t *start, *chunk; /* of the memory, of the chunk in it */
	uint8_t *at, *end;      /* what is free of it */
	uint32_t chunks;
	uint64_t now_ns; /* the last answer */
	uint64_t events, hash;
};

/*
 * core_init() with a tap, which begins to record.
 * => tap: full and full_ctx are set, the rest is zero; lives as long as the
 *    core.  NULL: core_init()
 */
struct core *tap_init(struct tap *t, void *mem, const struct core_config *cfg);

/* Hand over what there is. */
void tap_spill(struct tap *t);

/* The record ends well, unless it has been stopped: no more events. */
void tap_end(struct tap *t, struct core *c);

int tap_swapon(struct core *c, void *mem, uint32_t slots, uint32_t ready,
               int prio);
void tap_swap_grown(struct core *c, unsigned type, uint32_t ready);
void tap_swap_solid_state(struct core *c, unsigned type);
int64_t tap_swapoff(struct core *c, unsigned type, struct batch *b);
void tap_swapoff_undo(struct core *c, unsigned type);
int tap_file_on(struct core *c, void *mem, uint32_t pages);
bool tap_file_off(struct core *c, unsigned type);
int tap_area_add_file(struct core *c, unsigned space, uint64_t vpn,
                      uint64_t pages, unsigned type, uint32_t page,
                      uint32_t flags);
int tap_area_share(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                   unsigned home_space, uint64_t home_vpn);
uint64_t tap_sync(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                  bool begin, struct batch *b);
uint64_t tap_refresh(struct core *c, unsigned space, uint64_t vpn,
                     uint64_t pages, struct batch *b);
int tap_area_add(struct core *c, unsigned space, uint64_t vpn, uint64_t pages);
int tap_area_remove(struct core *c, unsigned space, uint64_t vpn,
                    uint64_t pages);
int tap_area_flags(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                   uint32_t set, uint32_t clear);
int tap_area_rename(struct core *c, unsigned space, uint64_t from, uint64_t to,
                    uint64_t pages);
enum fault_verdict tap_fault(struct core *c, unsigned space, uint64_t vpn,
                             struct batch *b);
enum fault_verdict tap_fault_write(struct core *c, unsigned space, uint64_t vpn,
                                   struct batch *b);
void tap_op_done(struct core *c, struct op *op, struct batch *b);
uint64_t tap_discard(struct core *c, unsigned space, uint64_t vpn,
                     uint64_t pages, struct batch *b);
uint64_t tap_move(struct core *c, unsigned space, uint64_t from, uint64_t to,
                  uint64_t pages, struct batch *b);
int tap_adopt(struct core *c, unsigned space, uint64_t vpn, struct batch *b);
uint64_t tap_vanished(struct core *c, unsigned space, uint64_t vpn,
                      uint64_t pages, struct batch *b);
uint64_t tap_prefetch(struct core *c, unsigned space, uint64_t vpn,
                      uint64_t pages, struct batch *b);
uint64_t tap_cold(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                  struct batch *b);
enum fault_verdict tap_pin(struct core *c, unsigned space, uint64_t vpn,
                           struct batch *b);
void tap_unpin(struct core *c, unsigned space, uint64_t vpn);
void tap_evictable(struct core *c);
int tap_cache_add(struct core *c, const struct cache *new);
void tap_cache_remove(struct core *c, unsigned id);
void tap_cache_tell(struct core *c, unsigned id, uint32_t unused,
                    uint32_t flags);
void tap_cache_shrunk(struct core *c, unsigned id, uint64_t freed);
bool tap_kswapd(struct core *c, struct batch *b);
void tap_wake_kswapd(struct core *c);
void tap_kswapd_thread(struct core *c, bool has);
bool tap_kreclaimd(struct core *c, struct batch *b);
bool tap_flush(struct core *c, struct batch *b);
bool tap_reclaim_direct(struct core *c, struct batch *b);

#endif
