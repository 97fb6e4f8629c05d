/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spaces.c -- spaces come and go.
 *
 * Space 0 is always there.  The core has room for all of them from the start;
 * a space that is destroyed is empty, and its number may be given out again.
 */
#include <errno.h>

#include "base/assert.h"
#include "pager/internal.h"

bool
space_exists(const struct pager *p, unsigned space)
{
	return space < p->core->cfg.spaces && p->space_bits >> space & 1;
}

int
pager_space_create(struct pager *p)
{
	struct guard g;
	unsigned space;

	pager_enter(&g);
	pager_lock(p);
	for (space = 0; space_exists(p, space);)
		space++;
	if (space < p->core->cfg.spaces) {
		p->space_bits |= (uint64_t)1 << space;
		if (p->spaces_top <= space)
			p->spaces_top = space + 1;
	}
	pager_unlock(p);
	pager_leave(&g);
	return space < p->core->cfg.spaces ? (int)space : -ENOSPC;
}

int
pager_space_destroy(struct pager *p, unsigned space)
{
	const struct space *s = p->core->spaces;
	struct guard g;
	int r = 0;

	pager_enter(&g);
	pager_lock(p);
	if (space == 0 || !space_exists(p, space))
		r = -EINVAL;
	else if (s[space].area_count != 0 || s[space].rss != 0)
		r = -EBUSY;
	else
		p->space_bits &= ~((uint64_t)1 << space);
	pager_unlock(p);
	pager_leave(&g);
	return r;
}

int
pager_space_stats(struct pager *p, unsigned space, uint64_t *ret_managed,
                  uint64_t *ret_mapped)
{
	struct guard g;
	int r = 0;

	pager_enter(&g);
	pager_lock(p);
	if (space_exists(p, space)) {
		const struct space *s = &p->core->spaces[space];

		*ret_managed = s->pages_managed << PAGE_SHIFT;
		*ret_mapped = s->rss << PAGE_SHIFT;
	} else {
		r = -EINVAL;
	}
	pager_unlock(p);
	pager_leave(&g);
	return r;
}

/* -- ranges --------------------------------------------------------------- */

bool
space_take(struct pager *p, struct range *r, struct range *ret)
{
	uint64_t end = r->vpn + r->pages;

	if (r->pages == 0)
		return false;
	pager_lock(p);
	ret->vpn = r->vpn;
	ret->pages = claims_end(&p->claims, r->vpn, end) - r->vpn;
	ret->space = space_of(p, r->vpn);
	pager_unlock(p);
	r->vpn += ret->pages;
	r->pages -= ret->pages;
	return true;
}

bool
space_next(const struct pager *p, struct range in, struct range *ret)
{
	uint64_t end = in.vpn + in.pages, border;

	for (uint64_t v = in.vpn; v < end; v = border) {
		unsigned space = space_of(p, v);
		const struct area *a = core_area_next(p->core, space, v);
		uint64_t start, stop;

		border = claims_end(&p->claims, v, end);
		if (a == NULL || a->vpn >= border)
			continue;
		start = a->vpn > v ? a->vpn : v;
		stop = a->vpn + a->pages < border ? a->vpn + a->pages : border;
		*ret = (struct range){start, stop - start, space};
		return true;
	}
	return false;
}
