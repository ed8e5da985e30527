/* The field of curve256_plus.c against slow arithmetic. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_PLUS
#define GOSTKEY_FIELD_CHECK gostkey_field_check256_plus

#include "field_check.h"
