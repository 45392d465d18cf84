namespace LampQ.Onnx;
/// <summary>x</summary>
public sealed class OpsetUpgrade(long target) : Pass { 
    /// <summary>x</summary>
    protected override void ApplyCore(Model model) { model.Opset = target; model.IrVersion = 10; } }
