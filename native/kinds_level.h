/* A pass, in the file KINDS, for every type of data at one LEVEL. */

#define WIDE 0
#include "simd.h"
#include "tile.h"

#define KIND u1
#define RAW uint8_t
#define RAW_LOAD LOAD_U1
#include KINDS

#define KIND u2
#define RAW uint16_t
#define RAW_LOAD LOAD_U2
#include KINDS

#define KIND f4
#define RAW float
#define RAW_LOAD LOAD
#include KINDS

#undef WIDE
#define WIDE 1
#include "simd.h"
#include "tile.h"

#define KIND f8
#define RAW double
#define RAW_LOAD LOAD
#include KINDS

#undef WIDE
#undef LEVEL
