namespace LampQ.Runtime;

/// <summary>LAMPQ_KERNEL names no kernel, or one that this CPU or process does not run; the message lists the names that are valid here.</summary>
/// <param name="message">What was found and what can be chosen.</param>
public sealed class KernelChoiceException(string message) : InvalidOperationException(message);
