/* The field of curve512_minus569.c against slow arithmetic. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_MINUS 569
#define GOSTKEY_FIELD_CHECK gostkey_field_check512_minus569

#include "field_check.h"
