/* The residual for every type of data at one LEVEL. */

#define WIDE 0
#include "simd.h"
#include "tile.h"

#define KIND u1
#define RAW uint8_t
#define RAW_LOAD LOAD_U1
#include "residual_pass.h"

#define KIND u2
#define RAW uint16_t
#define RAW_LOAD LOAD_U2
#include "residual_pass.h"

#define KIND f4
#define RAW float
#define RAW_LOAD LOAD
#include "residual_pass.h"

#undef WIDE
#define WIDE 1
#include "simd.h"
#include "tile.h"

#define KIND f8
#define RAW double
#define RAW_LOAD LOAD
#include "residual_pass.h"

#undef WIDE
#undef LEVEL
