/* The table of curve256_plus.c. */

#include "without_ops.h"

#include "../curve256_plus.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve256_plus
#define GOSTKEY_TABLE_NAME "curve256_plus"

#include "print_table.h"
