/* What the passes over blocks share, whatever the instructions and the type. */

#define FRAMES 4 /* rows that are worked on together: their columns are read once for all */
#define LINE 64  /* bytes of a line of the cache */
#define ROWS 256 /* rows after which sums of floats go on in double, */
#define FLUSH 8192 /* and columns */

#define TILE_BYTES 1024 /* of a row: enough columns to hide the sums' ends, few enough to keep 200 rows close */
#define CACHE_BYTES (512 * 1024) /* what a tile may take; a processor's second cache has that much or more */

#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)

#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NAME(x) JOIN(x, LEVEL, WIDE)
#define PASS(x) JOIN(x, LEVEL, KIND)

/* Columns of a tile of `rows` rows: whole strips. */
static inline int64_t tile_width(int64_t rows, int64_t size, int64_t strip)
{
    int64_t width = TILE_BYTES / size;
    while (width > strip && rows * width * size > CACHE_BYTES)
        width /= 2;
    return width;
}
