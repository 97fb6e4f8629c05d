/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools.h -- the door of the room: commands of the front program.
 *
 * Each is called as main() is, with argv[0] the command's name, and returns
 * the exit status: 0 done, 1 failed, 2 wrong command line.
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

int stat_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int sim_main(int argc, char **argv);

#endif
