/**
 * The program as a function, for a main that adds objectives and backbones of its own first
 * (docs/extending.md): pr_objective_register, pr_backbone_register.
 */
#ifndef PR_LAUNCH_PROGRAM_H
#define PR_LAUNCH_PROGRAM_H

/**
 * Starts the ranks, runs the command that ARGV names, ends the job. Collective: all ranks call it
 * once, with the same words, as the last thing main does. Returns the exit code; a failure ends the
 * process here.
 */
int pr_program_main(int argc, char **argv);

#endif
