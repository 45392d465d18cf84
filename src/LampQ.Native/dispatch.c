/* liblampq_ops.so: picks the library that fits this CPU and forwards to it.
 *
 * Code compiled ahead of time has one instruction set for all of it, fixed when it is compiled: the baseline x86-64-v4 would end the
 * process where AVX-512 is missing, and x86-64-v3 would never use it. So there are two libraries, and this one, plain C, chooses. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void *Status;
typedef Status (*Register)(void *options, const void *apiBase);

/* OrtApiBase begins with GetApi, and OrtApi with CreateStatus(code, message). */
typedef const void *const *(*GetApi)(uint32_t version);
typedef Status (*CreateStatus)(int code, const char *message);

static Status fail(const void *apiBase, const char *message)
{
    GetApi getApi = (GetApi)((void *const *)apiBase)[0];
    return ((CreateStatus)getApi(1)[0])(1, message);
}

__attribute__((visibility("default"))) Status RegisterCustomOps(void *options, const void *apiBase)
{
    __builtin_cpu_init();
    int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (!v3)
        return fail(apiBase, "LampQ's native operators need a CPU with AVX2 and FMA. LampQ.Runtime for .NET runs on every CPU.");

    Dl_info self;
    char path[PATH_MAX], message[PATH_MAX + 512];
    const char *name = v4 ? "lampq_ops_v4.so" : "lampq_ops_v3.so";
    if (!dladdr((void *)(intptr_t)RegisterCustomOps, &self) || strlen(self.dli_fname) + strlen(name) >= sizeof path)
        return fail(apiBase, "LampQ's native operators cannot find their own folder.");
    strcpy(path, self.dli_fname);
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, name);

    /* Never closed: the operators outlive every session, and a .NET runtime cannot be unloaded. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    Register next = library ? (Register)(intptr_t)dlsym(library, "RegisterCustomOps") : 0;
    if (!next)
    {
        const char *reason = dlerror();
        snprintf(message, sizeof message, "LampQ's native operators need %s beside liblampq_ops.so: %s", name, reason ? reason : "no RegisterCustomOps in it");
        return fail(apiBase, message);
    }
    return next(options, apiBase);
}
