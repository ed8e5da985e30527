/* The field of curve256_plus3225.c against slow arithmetic. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_PLUS 3225
#define GOSTKEY_FIELD_CHECK gostkey_field_check256_plus3225

#include "field_check.h"
