/* The augmented-Lagrangian passes in both types at one LEVEL. */

#define WIDE 0
#include "simd.h"
#include "tile.h"
#include "augmented_pass.h"

#undef WIDE
#define WIDE 1
#include "simd.h"
#include "tile.h"
#include "augmented_pass.h"

#undef WIDE
#undef LEVEL
