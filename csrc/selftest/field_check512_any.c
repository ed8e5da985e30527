/* The field of curve512_any.c against slow arithmetic. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_ANY
#define GOSTKEY_FIELD_CHECK gostkey_field_check512_any

#include "field_check.h"
