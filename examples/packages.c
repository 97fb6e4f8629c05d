/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packages.c -- a program that wants memory, for the demonstration.
 *
 *	packages FILE [COPIES]
 *
 * Loads a package index (as from apt-cache dumpavail) into an SQLite database
 * in memory, several times over, and asks it questions.  The answers and their
 * digest go to standard output, how far it is goes to standard error.  It
 * knows nothing of pageout.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

static const char schema[] =
	"PRAGMA journal_mode = OFF;"
	"CREATE TABLE package (id INTEGER PRIMARY KEY, copy INTEGER,"
	" name TEXT, version TEXT, section TEXT, maintainer TEXT,"
	" installed_kib INTEGER, download_bytes INTEGER, description TEXT);"
	"CREATE TABLE depends (package INTEGER, name TEXT);"
	"BEGIN;";

static const char indexes[] =
	"COMMIT;"
	"CREATE INDEX package_name ON package (name, copy);"
	"CREATE INDEX depends_name ON depends (name, package);";

static const char insert_package[] =
	"INSERT INTO package VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char insert_depends[] = "INSERT INTO depends VALUES (?1, ?2)";

/* What is asked.  The first three lines of each answer are shown. */
static const struct {
	const char *title, *sql;
} questions[] = {
	{"packages by section",
         "SELECT section, count(*), sum(installed_kib), sum(download_bytes)"
         " FROM package GROUP BY section ORDER BY 2 DESC, 1"},
	{"most wanted", "SELECT name, count(*) FROM depends GROUP BY name"
                        " ORDER BY 2 DESC, 1 LIMIT 1000"},
	{"who pulls in most",
         "SELECT d.name, count(*), sum(p.installed_kib) FROM depends d"
         " JOIN package p ON p.id = d.package WHERE d.name LIKE 'libgt%'"
         " GROUP BY d.name ORDER BY 3 DESC, 1"},
	{"longest descriptions",
         "SELECT name, copy, length(description) FROM package"
         " ORDER BY 3 DESC, 1, 2 LIMIT 100"},
	{"words",
         "SELECT copy, count(*), sum(instr(description, 'memory')) FROM"
         " package WHERE description LIKE '%memory%' GROUP BY copy"},
	{"integrity", "PRAGMA quick_check"},
};

enum { FIELD_BYTES = 1 << 16 };

/* One entry of the index. */
struct entry {
	char name[256], version[256], section[256], maintainer[512];
	char depends[FIELD_BYTES], description[FIELD_BYTES];
	long long installed_kib, download_bytes;
};

static sqlite3 *db;
static uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a */
static long long packages_done;

static void
fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "packages: %s: %s\n", what, why);
	exit(1);
}

static void
sql_check(int r, const char *what)
{
	if (r != SQLITE_OK && r != SQLITE_ROW && r != SQLITE_DONE)
		fail(what, sqlite3_errmsg(db));
}

static double
now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How far it is: on a terminal one line that changes, else now and then one. */
static void
progress(const char *what, double share, bool is_last)
{
	static double start, shown;
	double now = now_s(), left;
	bool terminal = isatty(STDERR_FILENO) != 0;

	if (start == 0 || share == 0)
		start = now;
	if (!is_last && now - shown < (terminal ? 0.2 : 2.0))
		return;
	shown = now;
	(void)fprintf(stderr, "%s%s: %3.0f %%, %lld packages, %.0f s",
	              terminal ? "\r" : "", what, share * 100, packages_done,
	              now - start);
	if (share > 0 && share < 1) {
		left = (now - start) / share * (1 - share);
		(void)fprintf(stderr, ", %.0f s left", left);
	}
	(void)fprintf(stderr, terminal && !is_last ? "   " : "\n");
}

static void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
	sql_check(sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC), "bind");
}

static void
insert(sqlite3_stmt *s)
{
	sql_check(sqlite3_step(s), "insert");
	sql_check(sqlite3_reset(s), "insert");
}

/* "libc6 (>= 2.34), debconf | debconf-2.0": one row for each name. */
static void
store_depends(sqlite3_stmt *s, long long id, char *list)
{
	char *save, *item, *end;

	for (item = strtok_r(list, ",|", &save); item != NULL;
	     item = strtok_r(NULL, ",|", &save)) {
		while (*item == ' ')
			item++;
		end = item + strcspn(item, " :(");
		*end = '\0';
		if (*item == '\0')
			continue;
		sql_check(sqlite3_bind_int64(s, 1, id), "bind");
		bind_text(s, 2, item);
		insert(s);
	}
}

static void
store(sqlite3_stmt *package, sqlite3_stmt *depends, int copy, struct entry *e)
{
	if (e->name[0] == '\0')
		return;
	packages_done++;
	sql_check(sqlite3_bind_int64(package, 1, packages_done), "bind");
	sql_check(sqlite3_bind_int(package, 2, copy), "bind");
	bind_text(package, 3, e->name);
	bind_text(package, 4, e->version);
	bind_text(package, 5, e->section);
	bind_text(package, 6, e->maintainer);
	sql_check(sqlite3_bind_int64(package, 7, e->installed_kib), "bind");
	sql_check(sqlite3_bind_int64(package, 8, e->download_bytes), "bind");
	bind_text(package, 9, e->description);
	insert(package);
	store_depends(depends, packages_done, e->depends);
	memset(e->name, 0, sizeof(e->name));
	e->version[0] = e->section[0] = e->maintainer[0] = '\0';
	e->depends[0] = e->description[0] = '\0';
	e->installed_kib = e->download_bytes = 0;
}

/* => returns the value if the line is of this field */
static const char *
field(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 ? line + n : NULL;
}

static void
append(char *to, size_t room, const char *text)
{
	size_t n = strlen(to);

	(void)snprintf(to + n, room - n, "%s\n", text);
}

static void
take_line(struct entry *e, const char *line)
{
	static bool in_description;
	const char *v;

	if (line[0] == ' ') {
		if (in_description)
			append(e->description, sizeof(e->description), line);
		return;
	}
	in_description = false;
	if ((v = field(line, "Package: ")) != NULL)
		(void)snprintf(e->name, sizeof(e->name), "%s", v);
	else if ((v = field(line, "Version: ")) != NULL)
		(void)snprintf(e->version, sizeof(e->version), "%s", v);
	else if ((v = field(line, "Section: ")) != NULL)
		(void)snprintf(e->section, sizeof(e->section), "%s", v);
	else if ((v = field(line, "Maintainer: ")) != NULL)
		(void)snprintf(e->maintainer, sizeof(e->maintainer), "%s", v);
	else if ((v = field(line, "Depends: ")) != NULL)
		(void)snprintf(e->depends, sizeof(e->depends), "%s", v);
	else if ((v = field(line, "Installed-Size: ")) != NULL)
		e->installed_kib = atoll(v);
	else if ((v = field(line, "Size: ")) != NULL)
		e->download_bytes = atoll(v);
	else if ((v = field(line, "Description")) != NULL) {
		in_description = true;
		append(e->description, sizeof(e->description), v);
	}
}

static void
load(const char *path, int copies)
{
	static struct entry e;
	sqlite3_stmt *package, *depends;
	struct stat info;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	double done = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL || fstat(fileno(f), &info) < 0)
		fail(path, "cannot be read");
	sql_check(sqlite3_prepare_v2(db, insert_package, -1, &package, NULL),
	          "prepare");
	sql_check(sqlite3_prepare_v2(db, insert_depends, -1, &depends, NULL),
	          "prepare");
	progress("loading", 0, false);
	for (int copy = 1; copy <= copies; copy++) {
		rewind(f);
		while ((n = getline(&line, &room, f)) >= 0) {
			done += (double)n;
			if (n > 0 && line[n - 1] == '\n')
				line[n - 1] = '\0';
			if (line[0] != '\0')
				take_line(&e, line);
			else
				store(package, depends, copy, &e);
			if (line[0] == '\0' && packages_done % 256 == 0)
				progress("loading",
				         done / (double)info.st_size / copies,
				         false);
		}
		store(package, depends, copy, &e);
	}
	progress("loading", 1, true);
	free(line);
	(void)fclose(f);
	(void)sqlite3_finalize(package);
	(void)sqlite3_finalize(depends);
	if (packages_done == 0)
		fail(path, "no packages in it");
}

static void
add_to_digest(const char *text)
{
	do {
		digest = (digest ^ (unsigned char)*text) * 0x100000001b3u;
	} while (*text++ != '\0');
}

static void
ask(const char *title, const char *sql)
{
	sqlite3_stmt *s;
	long long rows = 0;
	int r;

	sql_check(sqlite3_prepare_v2(db, sql, -1, &s, NULL), title);
	printf("%s:\n", title);
	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		rows++;
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const char *text =
				(const char *)sqlite3_column_text(s, i);

			add_to_digest(text != NULL ? text : "-");
			if (rows <= 3)
				printf("  %-20s", text != NULL ? text : "-");
		}
		if (rows <= 3)
			printf("\n");
	}
	sql_check(r, title);
	if (rows > 3)
		printf("  ... %lld lines\n", rows);
	(void)sqlite3_finalize(s);
}

/* Packages by name, one here and one there. */
static void
look_up(int copies)
{
	sqlite3_stmt *s, *t;
	uint64_t random = 1;
	const int lookups = 20000;

	sql_check(sqlite3_prepare_v2(db,
	                             "SELECT name FROM package WHERE id = ?1",
	                             -1, &s, NULL),
	          "look up");
	sql_check(sqlite3_prepare_v2(
			  db,
			  "SELECT version, maintainer, description FROM package"
			  " WHERE name = ?1 AND copy = ?2",
			  -1, &t, NULL),
	          "look up");
	for (int i = 0; i < lookups; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		(void)sqlite3_bind_int64(
			s, 1,
			1 + (long long)((random >> 24) %
		                        (uint64_t)packages_done));
		sql_check(sqlite3_step(s), "look up");
		bind_text(t, 1, (const char *)sqlite3_column_text(s, 0));
		(void)sqlite3_bind_int(t, 2, 1 + (int)(random >> 60) % copies);
		if (sqlite3_step(t) == SQLITE_ROW)
			add_to_digest((const char *)sqlite3_column_text(t, 2));
		sql_check(sqlite3_reset(t), "look up");
		sql_check(sqlite3_reset(s), "look up");
	}
	printf("looked up: %d packages\n", lookups);
	(void)sqlite3_finalize(s);
	(void)sqlite3_finalize(t);
}

int
main(int argc, char **argv)
{
	const int count = sizeof(questions) / sizeof(questions[0]);
	int copies = argc > 2 ? atoi(argv[2]) : 1;

	if (argc < 2 || argc > 3 || copies < 1) {
		(void)fprintf(stderr, "Usage: packages FILE [COPIES]\n");
		return 2;
	}
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		fail("sqlite", "cannot open a database");
	sql_check(sqlite3_exec(db, schema, NULL, NULL, NULL), "schema");
	load(argv[1], copies);
	progress("asking", 0, false);
	sql_check(sqlite3_exec(db, indexes, NULL, NULL, NULL), "index");
	for (int i = 0; i < count; i++) {
		progress("asking", (i + 2.0) / (count + 3), false);
		ask(questions[i].title, questions[i].sql);
	}
	look_up(copies);
	progress("asking", 1, true);
	printf("%lld packages, digest %016llx\n", packages_done,
	       (unsigned long long)digest);
	(void)sqlite3_close(db);
	return 0;
}
