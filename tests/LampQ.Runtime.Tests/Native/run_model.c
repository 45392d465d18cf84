/* run_model ONNXRUNTIME.so OPERATORS.so MODEL.onnx INPUT D0 D1 ...
 *
 * What a C user of ONNX Runtime does: loads the operators from a library, creates a session, runs it. INPUT holds the float32 tensor
 * "x" of shape D0 x D1 ...; the bytes of the output "y" go to stdout. An error of ONNX Runtime goes to stderr, with exit code 1.
 *
 * The numbers are positions in struct OrtApi, which only grows; so this compiles without ONNX Runtime's header. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum
{
    GetErrorMessage = 2, CreateEnv = 3, CreateSession = 7, Run = 9, CreateSessionOptions = 10, CreateTensorWithData = 49, GetTensorData = 51,
    GetElementType = 60, GetElementCount = 64, GetTensorTypeAndShape = 65, CreateCpuMemoryInfo = 69, RegisterCustomOpsLibrary = 228,
};

static void *const *api;

static void check(void *status)
{
    if (!status)
        return;
    fprintf(stderr, "%s\n", ((const char *(*)(void *))api[GetErrorMessage])(status));
    exit(1);
}

static void *must(void *found, const char *what)
{
    if (found)
        return found;
    fprintf(stderr, "%s: %s\n", what, dlerror());
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 6)
    {
        fprintf(stderr, "run_model ONNXRUNTIME.so OPERATORS.so MODEL.onnx INPUT D0 D1 ...\n");
        return 2;
    }
    void *library = must(dlopen(argv[1], RTLD_NOW), argv[1]);
    void *const *(*getApiBase)(void) = (void *const *(*)(void))(intptr_t)must(dlsym(library, "OrtGetApiBase"), argv[1]);
    api = ((void *const *(*)(uint32_t))getApiBase()[0])(18);
    if (!api)
        return 2;

    void *env, *options, *session, *memory, *input, *output = 0, *info;
    check(((void *(*)(int, const char *, void **))api[CreateEnv])(3, "run_model", &env));
    check(((void *(*)(void **))api[CreateSessionOptions])(&options));
    check(((void *(*)(void *, const char *))api[RegisterCustomOpsLibrary])(options, argv[2]));
    check(((void *(*)(void *, const char *, void *, void **))api[CreateSession])(env, argv[3], options, &session));

    int64_t shape[8];
    size_t rank = (size_t)argc - 5, count = 1;
    for (size_t i = 0; i < rank && i < 8; i++)
        count *= (size_t)(shape[i] = atoll(argv[5 + i]));
    float *x = malloc(count * sizeof *x + 1);
    FILE *file = fopen(argv[4], "rb");
    if (!x || !file || fread(x, sizeof *x, count, file) != count)
    {
        fprintf(stderr, "%s: not %zu floats\n", argv[4], count);
        return 2;
    }
    check(((void *(*)(int, int, void **))api[CreateCpuMemoryInfo])(1, 0, &memory));
    check(((void *(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))api[CreateTensorWithData])(memory, x, count * sizeof *x, shape, rank, 1, &input));

    const char *inputs[] = {"x"}, *outputs[] = {"y"};
    check(((void *(*)(void *, void *, const char **, void **, size_t, const char **, size_t, void **))api[Run])(session, 0, inputs, &input, 1, outputs, 1, &output));

    int type;
    void *y;
    check(((void *(*)(void *, void **))api[GetTensorTypeAndShape])(output, &info));
    check(((void *(*)(void *, size_t *))api[GetElementCount])(info, &count));
    check(((void *(*)(void *, int *))api[GetElementType])(info, &type));
    check(((void *(*)(void *, void **))api[GetTensorData])(output, &y));
    fwrite(y, type == 1 ? 4 : 1, count, stdout);
    return 0;
}
