/* The table of curve512_plus111.c. */

#include "without_ops.h"

#include "../curve512_plus111.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve512_plus111
#define GOSTKEY_TABLE_NAME "curve512_plus111"

#include "print_table.h"
