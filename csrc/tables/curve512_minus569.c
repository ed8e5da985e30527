/* The table of curve512_minus569.c. */

#include "without_ops.h"

#include "../curve512_minus569.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve512_minus569
#define GOSTKEY_TABLE_NAME "curve512_minus569"

#include "print_table.h"
