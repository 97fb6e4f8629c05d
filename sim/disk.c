/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.c -- a model disk, which lies.
 *
 * Of each slot it keeps the word that is there and the word that the last
 * acknowledged write should have left.  Where the two differ the slot is hurt,
 * and the page that is read from it may be lost -- loudly.  A write that failed
 * leaves a slot about which nothing is known.
 *
 *	error		-EIO; before: old, new or torn contents
 *	broken		from now on every transfer of the slot fails
 *	torn		acknowledged, and the contents are neither old nor new
 *	misdirected	acknowledged, and went to the next slot
 *	phantom		acknowledged, and went nowhere
 *	wrong		a read gives another slot's contents, once
 *
 * A file has an end: beyond it reads fail, and what is written goes nowhere.
 */
#include <errno.h>

#include "sim/sim.h"

void
disk_init(struct sim_disk *d, uint32_t slots, uint32_t ready)
{
	d->slots = slots;
	d->ready = ready;
	for (uint32_t i = 0; i < slots; i++) {
		d->word[i] = mix64(~(uint64_t)i) & ~1ull; /* no sim_word() */
		d->meant[i] = d->word[i] + 2;
		d->io[i] = NULL;
		d->broken[i] = false;
	}
	d->end = slots;
}

struct sim_disk *
disk_of(struct sim_node *n, swp_entry_t e)
{
	unsigned type = entry_type(e);

	if (!entry_is_file(e))
		return type < n->disks ? &n->disk[type] : NULL;
	type -= SWAP_AREAS_MAX;
	return type < n->files ? &n->file[type].disk : NULL;
}

void
disk_read(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_disk *d = disk_of(n, op->entry);
	uint32_t slot = (op->entry & SWP_OFFSET_MASK) + i, from = slot;
	struct sim_frame *f = &n->frame[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);
	bool after_short = i > 0 && op->pg[i - 1].err != 0 &&
	                   choice_of(&s->choice, 2) == 0;

	s->count.reads++;
	if (!f->full)
		sim_fail(s, "I1", "frame %u is read into and is empty",
		         op->pg[i].pfn);
	if (choice_ppm(&s->choice, s->faults.read_broken))
		d->broken[slot] = true;
	if (after_short || d->broken[slot] || slot >= d->end ||
	    choice_ppm(&s->choice, s->faults.read_error)) {
		op->pg[i].err = -EIO;
		op->pg[i].hash = sim_word(s);
		f->word = sim_word(s);
		p->damage++;
		s->count.read_faults++;
		return;
	}
	if (choice_ppm(&s->choice, s->faults.read_wrong)) {
		from = choice_of(&s->choice, d->ready);
		s->count.silent_faults++;
	}
	f->word = d->word[from];
	op->pg[i].hash = host_hash(op->id, op->off + i, f->word);
	if (entry_is_file(op->entry)) {
		s->count.file_reads++;
		file_learn(n, op, i, f->word);
	}
	if (f->word != d->meant[slot])
		p->damage++;
}

/* A failed write: old, new or torn contents, and nobody may rely on them. */
static void
write_fails(struct sim_node *n, struct sim_disk *d, uint32_t slot,
            uint64_t word)
{
	struct sim *s = n->sim;

	switch (choice_of(&s->choice, 3)) {
	case 0:
		break;
	case 1:
		d->word[slot] = word;
		break;
	case 2:
		d->word[slot] = sim_word(s);
		break;
	}
	d->meant[slot] = sim_word(s);
	n->writes_failed = true;
	s->count.write_faults++;
}

/* Another disk has the same priority. */
static bool
takes_turns(const struct sim_node *n, swp_entry_t e)
{
	const struct swap_area *swap = n->core->swap;
	uint32_t own = entry_type(e);

	for (uint32_t i = 0; i < n->disks; i++)
		if (i != own && swap[i].prio == swap[own].prio)
			return true;
	return false;
}

void
disk_write(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_disk *d = disk_of(n, op->entry);
	uint32_t slot = (op->entry & SWP_OFFSET_MASK) + i;
	struct sim_frame *f = &n->frame[op->pg[i].pfn];
	struct choice *c = &s->choice;

	s->count.writes++;
	s->count.writes_in_turn += takes_turns(n, op->entry);
	s->count.file_writes += entry_is_file(op->entry);
	if (!f->full)
		sim_fail(s, "I1", "frame %u is written and is empty",
		         op->pg[i].pfn);
	if (choice_ppm(c, s->faults.write_broken))
		d->broken[slot] = true;
	if (d->broken[slot] || n->disks_gone ||
	    choice_ppm(c, s->faults.write_error)) {
		op->pg[i].err = -EIO;
		write_fails(n, d, slot, f->word);
		return;
	}
	d->meant[slot] = f->word;
	if (slot >= d->end)
		return;
	s->count.silent_faults++;
	if (choice_ppm(c, s->faults.write_torn)) {
		d->word[slot] = sim_word(s);
	} else if (choice_ppm(c, s->faults.write_misdirected)) {
		if (slot + 1 < d->ready)
			d->word[slot + 1] = f->word;
	} else if (!choice_ppm(c, s->faults.write_phantom)) {
		d->word[slot] = f->word;
		s->count.silent_faults--;
	}
}
