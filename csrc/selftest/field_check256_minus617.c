/* The field of curve256_minus617.c against slow arithmetic. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_MINUS 617
#define GOSTKEY_FIELD_CHECK gostkey_field_check256_minus617

#include "field_check.h"
