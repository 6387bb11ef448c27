/* The program as it is built here: nothing is registered beside what the tree has. */
#include "launch/program.h"

int main(int argc, char **argv)
{
    return pr_program_main(argc, argv);
}
