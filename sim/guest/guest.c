/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest.c -- pages that several spaces share.
 *
 * A guest is another name of a page that is at home in another space: it has
 * no contents of its own.  Whether it can be touched without a fault is the
 * core's to say, for its entries change without an operation; what is found
 * there, and what may be lost, is what the page at home has.
 *
 *	task --touch--> guest --entry present?--> page at home: word, truth
 *
 * Pages may leave, be discarded and be unmapped at home while they have guests;
 * they may not move.  A guest whose home is gone cannot be touched.
 */
#include "sim/sim.h"

#include <string.h>

/*
 * With a policy that finds pages by their frames, one that has guests would
 * stay for good.  All names of a page must be one node's; real hosts have no
 * guests, so only worlds of one node do.
 */
static bool
may_have_guests(const struct sim *s)
{
	return s->nodes == 1 && s->spaces > 1 &&
	       strcmp(s->node->cfg.policy->name, "linux24") == 0;
}

bool
guest_find_home(struct sim *s, struct sim_chore *ch)
{
	if (!may_have_guests(s))
		return false;
	for (unsigned tries = 0; tries < 8; tries++) {
		ch->home = choice_of(&s->choice, s->spaces);
		ch->to = choice_of(&s->choice, s->pages - ch->pages + 1);
		if (ch->home != ch->space &&
		    sim_all_pages(s, ch->home, ch->to, ch->pages, PG_MANAGED,
		                  PG_BUSY | PG_CLOSED | PG_GUEST))
			return true;
	}
	return false;
}

void
guest_share(struct sim *s, struct sim_chore *ch)
{
	uint64_t vpn = sim_vpn(s, ch->space, ch->page);

	if (tap_area_share(s->node->core, ch->space, vpn, ch->pages, ch->home,
	                   sim_vpn(s, ch->home, ch->to)) != 0)
		return; /* no room for an area */
	claim_area(s->node, ch->space, vpn);
	s->count.shares++;
	for (uint32_t i = 0; i < ch->pages; i++) {
		struct sim_page *p = &s->page[ch->space][ch->page + i];

		p->flags |= PG_MANAGED | PG_GUEST;
		p->home_space = (uint16_t)ch->home;
		p->home_page = (uint16_t)(ch->to + i);
		guest_home(s, p)->guests++;
	}
}

void
guest_leaves(struct sim *s, unsigned space, uint32_t page)
{
	struct sim_page *p = &s->page[space][page];

	guest_home(s, p)->guests--;
	p->home_space = (uint16_t)space;
	p->home_page = (uint16_t)page;
}

/* The core has an entry for it, and the kernel has not taken it away. */
static bool
is_mapped(struct sim *s, unsigned space, uint32_t page)
{
	const struct sim_page *p = &s->page[space][page];

	return core_page_state(s->node->core, space, sim_vpn(s, space, page)) ==
	               PAGE_MAPPED &&
	       ((p->flags | guest_home(s, p)->flags) & PG_HELD) == 0;
}

bool
guest_touch(struct sim *s, unsigned space, uint32_t page, bool is_write)
{
	const struct sim_page *p = &s->page[space][page];
	const struct sim_page *home = guest_home(s, p);

	if (!sim_may_touch(home))
		return true;
	if (home->flags & PG_POISONED) {
		oracle_refused(s, p->home_space, p->home_page);
		return true;
	}
	if (!is_mapped(s, space, page))
		return false;
	guest_audit(s, space, page);
	task_access(s, p->home_space, p->home_page, is_write);
	s->count.guest_touches++;
	return true;
}

void
guest_audit(struct sim *s, unsigned space, uint32_t page)
{
	const struct sim_page *home = guest_home(s, &s->page[space][page]);

	if (sim_may_touch(home) && is_mapped(s, space, page) &&
	    (home->flags & PG_PRESENT) == 0)
		sim_fail(s, "I1", "page %u:%u is mapped, and not at home",
		         space, page);
}
