/* The weighted pass for every type of data and every rank at one LEVEL. */

#define WIDE 0
#include "simd.h"
#include "tile.h"

#define RAW uint8_t
#define RAW_LOAD LOAD_U1
#define RANK 4
#define KIND u1_4
#include "weighted_pass.h"
#undef RANK
#undef KIND
#define RANK 8
#define KIND u1_8
#include "weighted_pass.h"
#undef RANK
#undef KIND
#undef RAW
#undef RAW_LOAD

#define RAW uint16_t
#define RAW_LOAD LOAD_U2
#define RANK 4
#define KIND u2_4
#include "weighted_pass.h"
#undef RANK
#undef KIND
#define RANK 8
#define KIND u2_8
#include "weighted_pass.h"
#undef RANK
#undef KIND
#undef RAW
#undef RAW_LOAD

#define RAW float
#define RAW_LOAD LOAD
#define RANK 4
#define KIND f4_4
#include "weighted_pass.h"
#undef RANK
#undef KIND
#define RANK 8
#define KIND f4_8
#include "weighted_pass.h"
#undef RANK
#undef KIND
#undef RAW
#undef RAW_LOAD

#undef WIDE
#undef LEVEL
