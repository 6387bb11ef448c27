/* One level's table: compiled with that level's instructions (see the top CMakeLists.txt). */
#define PR_LOOPS_TABLE pr__loops_avx512
#include "engine/cpu/loops_table.h"
