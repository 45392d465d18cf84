using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LampQ.Runtime;

/// <summary>What ONNX Runtime holds of an operator: its callbacks, then our reference to the managed one, found again from the address of the first.</summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct OperatorTable
{
    OrtCustomOp callbacks;
    nint definition;
    byte* name;
    void* api;
    int threads;

    /// <summary>Makes the table of an operator. It is never freed: ONNX Runtime uses it as long as any session lives.</summary>
    /// <param name="definition">The operator.</param>
    /// <param name="api">The C API that its nodes use.</param>
    /// <param name="threads">Threads its nodes cut their work for; 0 means one for each processor.</param>
    public static OrtCustomOp* Create(CustomOperator definition, OrtApi api, int threads)
    {
        var table = (OperatorTable*)NativeMemory.AllocZeroed((nuint)sizeof(OperatorTable));
        table->definition = GCHandle.ToIntPtr(GCHandle.Alloc(definition));
        table->name = (byte*)Marshal.StringToCoTaskMemUTF8(definition.Name);
        table->api = api.Table;
        table->threads = threads > 0 ? threads : Environment.ProcessorCount;
        // Null: the first forms of create and compute, which cannot return an error, and what is variadic or an alias.
        table->callbacks = new OrtCustomOp
        {
            Version = OrtApi.Version,
            GetName = &GetName,
            GetExecutionProviderType = &GetExecutionProviderType,
            GetInputType = &GetInputType,
            GetInputTypeCount = &GetInputTypeCount,
            GetOutputType = &GetOutputType,
            GetOutputTypeCount = &GetOutputTypeCount,
            KernelDestroy = &KernelDestroy,
            GetInputCharacteristic = &GetInputCharacteristic,
            GetOutputCharacteristic = &GetOutputCharacteristic,
            GetInputMemoryType = &GetInputMemoryType,
            GetVariadicInputMinArity = &One,
            GetVariadicInputHomogeneity = &One,
            GetVariadicOutputMinArity = &One,
            GetVariadicOutputHomogeneity = &One,
            CreateKernelV2 = &CreateKernel,
            KernelComputeV2 = &KernelCompute,
            InferOutputShape = &InferOutputShape,
            GetStartVersion = &One,
            GetEndVersion = &Latest,
            GetMayInplace = InPlace(definition.InputTheOutputMayReplace),
            ReleaseMayInplace = &ReleaseInPlace,
        };
        return &table->callbacks;
    }

    // ONNX Runtime asks without saying for which operator, so each input needs a function of its own.
    static delegate* unmanaged[Cdecl]<int**, int**, nuint> InPlace(int? input) => input switch
    {
        null => null,
        LinearOperator.Residual => &ReplaceResidual,
        _ => throw new NotSupportedException($"Output 0 in the place of input {input} needs a function here."),
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nuint ReplaceResidual(int** inputs, int** outputs)
    {
        *inputs = (int*)NativeMemory.Alloc(sizeof(int));
        *outputs = (int*)NativeMemory.Alloc(sizeof(int));
        (**inputs, **outputs) = (LinearOperator.Residual, 0);
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static void ReleaseInPlace(int* inputs, int* outputs)
    {
        NativeMemory.Free(inputs);
        NativeMemory.Free(outputs);
    }

    static CustomOperator DefinitionOf(OrtCustomOp* callbacks) => Unsafe.As<CustomOperator>(GCHandle.FromIntPtr(((OperatorTable*)callbacks)->definition).Target!);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static byte* GetName(OrtCustomOp* callbacks) => ((OperatorTable*)callbacks)->name;

    // Null is the CPU.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static byte* GetExecutionProviderType(OrtCustomOp* callbacks) => null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int GetInputType(OrtCustomOp* callbacks, nuint index) => (int)DefinitionOf(callbacks).Inputs[(int)index].Type;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nuint GetInputTypeCount(OrtCustomOp* callbacks) => (nuint)DefinitionOf(callbacks).Inputs.Count;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int GetOutputType(OrtCustomOp* callbacks, nuint index) => (int)DefinitionOf(callbacks).Outputs[(int)index];

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nuint GetOutputTypeCount(OrtCustomOp* callbacks) => (nuint)DefinitionOf(callbacks).Outputs.Count;

    // 0 is required, 1 optional.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int GetInputCharacteristic(OrtCustomOp* callbacks, nuint index) => DefinitionOf(callbacks).Inputs[(int)index].Optional ? 1 : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int GetOutputCharacteristic(OrtCustomOp* callbacks, nuint index) => 0;

    // 0 is the memory of the execution provider.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int GetInputMemoryType(OrtCustomOp* callbacks, nuint index) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int One(OrtCustomOp* callbacks) => 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Latest(OrtCustomOp* callbacks) => int.MaxValue;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nint CreateKernel(OrtCustomOp* callbacks, void* apiTable, nint node, nint* kernel)
    {
        *kernel = 0;
        var api = OrtApi.At(apiTable);
        string where = "";
        try
        {
            var definition = DefinitionOf(callbacks);
            var info = new NodeInfo(api, node);
            where = $"Node '{info.Name}' ({definition.Name}): ";
            *kernel = GCHandle.ToIntPtr(GCHandle.Alloc(new RunningNode(definition.Create(info), definition.Outputs, api, ((OperatorTable*)callbacks)->threads, where)));
            return 0;
        }
        catch (Exception e)
        {
            return Failure(api, where, e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nint KernelCompute(nint kernel, nint context)
    {
        var node = Unsafe.As<RunningNode>(GCHandle.FromIntPtr(kernel).Target!);
        try
        {
            node.Kernel.Run(new RunContext(node.Api, context, node.Threads, node.Outputs));
            return 0;
        }
        catch (Exception e)
        {
            return Failure(node.Api, node.Where, e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static void KernelDestroy(nint kernel)
    {
        if (kernel == 0)
            return;
        var handle = GCHandle.FromIntPtr(kernel);
        Unsafe.As<RunningNode>(handle.Target!).Kernel.Dispose();
        handle.Free();
    }

    // ONNX Runtime ignores what this returns and never frees a status. What is wrong with a node is told when its kernel is made, by name;
    // here it only means that the shape is not known yet.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static nint InferOutputShape(OrtCustomOp* callbacks, nint context)
    {
        try
        {
            var definition = DefinitionOf(callbacks);
            definition.InferShapes(new ShapeContext(OrtApi.At(((OperatorTable*)callbacks)->api), context, definition.Outputs));
        }
        catch (Exception) { }
        return 0;
    }

    // A broken contract needs the reason alone; anything else is a defect, which is found by its stack.
    static nint Failure(OrtApi api, string where, Exception e) => e is InvalidDataException or ArgumentException
        ? api.CreateStatus(OrtErrorCode.InvalidArgument, where + e.Message)
        : api.CreateStatus(OrtErrorCode.RuntimeException, where + e);

    sealed record RunningNode(OperatorKernel Kernel, IReadOnlyList<LampQ.Onnx.ElementType> Outputs, OrtApi Api, int Threads, string Where);
}
