/* The table of curve256_minus617.c. */

#include "without_ops.h"

#include "../curve256_minus617.c"

#define GOSTKEY_PRINT_TABLE gostkey_print_curve256_minus617
#define GOSTKEY_TABLE_NAME "curve256_minus617"

#include "print_table.h"
