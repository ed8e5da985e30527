/* The field of curve512_plus111.c against slow arithmetic. */

#define GOSTKEY_LIMBS 8
#define GOSTKEY_P_PLUS
#define GOSTKEY_FIELD_CHECK gostkey_field_check512_plus111

#include "field_check.h"
