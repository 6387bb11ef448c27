/*
 * The program's commands, in the order of `pristine --help`: each is the function
 * pr_cmd_<name> in cmd_<name>.c. PR_COMMAND_ALONE: one process, which may start others.
 */
PR_COMMAND(pack, "a tree of crops and its manifest become a dataset")
PR_COMMAND(forge, "photographs with landmarks become a dataset of real and forged crops")
PR_COMMAND(inspect, "what a dataset or checkpoint holds, in numbers; --verify reads every byte")
PR_COMMAND(train, "one run, any objective, any number of ranks; goes on by itself")
PR_COMMAND(eval, "frame and video metrics of a run on its validation and test lists")
PR_COMMAND_ALONE(ablate,
                 "a table of a paper made again, each row for several seeds, beside its numbers")
PR_COMMAND(predict, "scores of a run for images, folders and datasets; features too")
PR_COMMAND(report, "the page of a run, or of several beside each other: metrics, curves, figures")
PR_COMMAND(status, "where runs stand, a line each; --watch again and again")
PR_COMMAND(export, "weights of a run as safetensors, under PyTorch's names")
PR_COMMAND(import, "what of a safetensors file fits a config's model")
PR_COMMAND(doctor, "what this machine and launch can do: ranks, libraries, collectives")
PR_COMMAND(bench, "views a second of a config here: of the loader, or of whole steps")
PR_COMMAND_ALONE(submit, "a run as a job of Slurm, which puts itself back into the queue")
PR_COMMAND_ALONE(sweep,
                 "many runs over a space of config keys, some at a time; again: what is left")
