/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg.c -- the picture: misses in 100 accesses, by memory, a line a policy.
 *
 *	TOP   +---------------------------+
 *	      |                           | name of each line, where it ends
 *	      |                           |
 *	      +---------------------------+
 *	    LEFT                        RIGHT
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/bits.h"
#include "base/size.h"
#include "tools/sim/show.h"

enum {
	WIDTH = 860,
	HEIGHT = 480,
	LEFT = 60,
	RIGHT = 660,
	TOP = 64,
	BOTTOM = 424,
	NAME_STEP = 17, /* from one name to the next at least */
	TICKS_MAX = 8,  /* of memory */
	MISS_TICKS = 5,
};

static const char *const colours[] = {"#33658a", "#f26419", "#758e4f",
                                      "#a4243b", "#f6ae2d", "#7d5ba6",
                                      "#2f9c95", "#9c6b30"};

struct axes {
	uint64_t mem_max, mem_step;
	double miss_max; /* percent */
};

static void
print_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c == '"')
			(void)fprintf(out, "&#%u;", c);
		else
			(void)fputc(c < ' ' || c > '~' ? '?' : c, out);
	}
}

static const char *
colour_of(const struct comparison *c, unsigned policy)
{
	if (strcmp(c->policy[policy], COMPARE_OPTIMUM) == 0)
		return "#444444";
	return colours[policy % ARRAY_SIZE(colours)];
}

/* -- axes ----------------------------------------------------------------- */

/* The next of 1, 2, 5, 10, 20 ... that is not below x. */
static double
round_number(double x)
{
	double unit = 0.01;

	while (unit * 10 < x)
		unit *= 10;
	for (;; unit *= 10) {
		if (x <= unit)
			return unit;
		if (x <= 2 * unit)
			return 2 * unit;
		if (x <= 5 * unit)
			return 5 * unit;
	}
}

static struct axes
axes_for(const struct comparison *c)
{
	struct axes a = {.mem_step = 4096};
	double most = 0;

	for (unsigned i = 0; i < c->sizes; i++) {
		if (c->mem_bytes[i] > a.mem_max)
			a.mem_max = c->mem_bytes[i];
		for (unsigned j = 0; j < c->policies; j++)
			most = fmax(most, miss_percent(&c->result[i][j]));
	}
	while (a.mem_max / a.mem_step > TICKS_MAX)
		a.mem_step *= 2;
	a.miss_max = round_number(most);
	return a;
}

static double
x_of(const struct axes *a, uint64_t bytes)
{
	return LEFT + (RIGHT - LEFT) * ((double)bytes / (double)a->mem_max);
}

static double
y_of(const struct axes *a, double percent)
{
	return BOTTOM - (BOTTOM - TOP) * (percent / a->miss_max);
}

static void
print_axes(const struct axes *a, FILE *out)
{
	char size[SIZE_TEXT_BYTES];

	for (int i = 0; i <= MISS_TICKS; i++) {
		double miss = a->miss_max * i / MISS_TICKS, y = y_of(a, miss);

		(void)fprintf(out,
		              "<path d=\"M%d %.1fH%d\" stroke=\"%s\"/>"
		              "<text x=\"%d\" y=\"%.1f\" "
		              "text-anchor=\"end\">%g</text>\n",
		              LEFT, y, RIGHT, i == 0 ? "#888" : "#e4e4e4",
		              LEFT - 8, y + 4, miss);
	}
	for (uint64_t mem = 0; mem <= a->mem_max; mem += a->mem_step)
		(void)fprintf(out,
		              "<text x=\"%.1f\" y=\"%d\" "
		              "text-anchor=\"middle\">%s</text>\n",
		              x_of(a, mem), BOTTOM + 18,
		              mem == 0 ? "0" : size_text(size, mem));
	(void)fprintf(out,
	              "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">"
	              "memory</text>\n",
	              (LEFT + RIGHT) / 2, BOTTOM + 40);
}

/* -- lines ---------------------------------------------------------------- */

static void
print_line(const struct comparison *c, const struct axes *a, unsigned policy,
           FILE *out)
{
	const char *colour = colour_of(c, policy);

	(void)fprintf(out,
	              "<g fill=\"%s\"><polyline fill=\"none\" stroke=\"%s\" "
	              "stroke-width=\"2\"%s points=\"",
	              colour, colour,
	              strcmp(c->policy[policy], COMPARE_OPTIMUM) == 0
	                      ? " stroke-dasharray=\"5 4\""
	                      : "");
	for (unsigned i = 0; i < c->sizes; i++)
		(void)fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "",
		              x_of(a, c->mem_bytes[i]),
		              y_of(a, miss_percent(&c->result[i][policy])));
	(void)fprintf(out, "\"/>");
	for (unsigned i = 0; i < c->sizes; i++)
		(void)fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
		              x_of(a, c->mem_bytes[i]),
		              y_of(a, miss_percent(&c->result[i][policy])));
	(void)fprintf(out, "</g>\n");
}

/* The misses of a policy in the largest size, where its line ends. */
static double
last_miss(const struct comparison *c, unsigned policy)
{
	return miss_percent(&c->result[c->sizes - 1][policy]);
}

/* Names from the highest line to the lowest, none over another. */
static void
print_names(const struct comparison *c, const struct axes *a, FILE *out)
{
	double y = TOP - NAME_STEP, low = BOTTOM - NAME_STEP * c->policies;
	bool named[POLICIES_MAX] = {false};

	for (unsigned n = 0; n < c->policies; n++) {
		unsigned high = 0;

		for (unsigned i = 1; i < c->policies; i++)
			if (!named[i] && (named[high] ||
			                  last_miss(c, i) > last_miss(c, high)))
				high = i;
		named[high] = true;
		low += NAME_STEP; /* those below still want their places */
		y = fmax(y + NAME_STEP, fmin(y_of(a, last_miss(c, high)), low));
		(void)fprintf(out, "<text x=\"%d\" y=\"%.1f\" fill=\"%s\">",
		              RIGHT + 10, y + 4, colour_of(c, high));
		print_escaped(out, c->policy[high]);
		(void)fprintf(out, "</text>\n");
	}
}

void
svg_print(const struct comparison *c, FILE *out)
{
	struct axes a = axes_for(c);

	(void)fprintf(out,
	              "<svg xmlns=\"http://www.w3.org/2000/svg\" "
	              "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
	              "font-family=\"sans-serif\" font-size=\"12\" "
	              "fill=\"#333\">\n"
	              "<rect width=\"100%%\" height=\"100%%\" "
	              "fill=\"white\"/>\n"
	              "<text x=\"%d\" y=\"26\" font-size=\"15\">",
	              WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
	print_escaped(out, c->name);
	(void)fprintf(out,
	              "</text>\n<text x=\"%d\" y=\"46\" fill=\"#777\">misses "
	              "in 100 accesses</text>\n",
	              LEFT);
	print_axes(&a, out);
	for (unsigned i = 0; i < c->policies; i++)
		print_line(c, &a, i, out);
	print_names(c, &a, out);
	(void)fprintf(out, "</svg>\n");
}
