/* The table of curve512_any.c. */

#include "without_ops.h"

#include "../curve512_any.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve512_any
#define GOSTKEY_TABLE_NAME "curve512_any"

#include "print_table.h"
