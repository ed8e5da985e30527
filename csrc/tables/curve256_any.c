/* The table of curve256_any.c. */

#include "without_ops.h"

#include "../curve256_any.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve256_any
#define GOSTKEY_TABLE_NAME "curve256_any"

#include "print_table.h"
