/* The field of curve256_any.c against slow arithmetic. */

#define GOSTKEY_LIMBS 4
#define GOSTKEY_P_ANY
#define GOSTKEY_FIELD_CHECK gostkey_field_check256_any

#include "field_check.h"
