/* What the file REALS holds, for every LEVEL and for float and double (WIDE). */

#define LEVEL 1
#define WIDE 0
#include REALS
#undef WIDE
#define WIDE 1
#include REALS
#undef WIDE
#undef LEVEL
#define LEVEL 2
#define WIDE 0
#include REALS
#undef WIDE
#define WIDE 1
#include REALS
#undef WIDE
#undef LEVEL
