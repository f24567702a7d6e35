/* What all kernels share. Plain C, loaded by ctypes: no Python API, no state, no threads, no allocation that outlives
   a call. Python checks the arguments; src/kizu/native.py finds the library. */

#ifndef KIZU_H
#define KIZU_H

#if defined(_WIN32)
#define KIZU_EXPORT __declspec(dllexport)
#else
#define KIZU_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__x86_64__)
#define KIZU_X86 1
#else
#define KIZU_X86 0
#endif

#endif
