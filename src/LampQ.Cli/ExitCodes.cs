namespace LampQ.Cli;

/// <summary>What the process returns.</summary>
static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;
    /// <summary>A defect of LampQ.</summary>
    public const int Internal = 1;
    /// <summary>Wrong options, or data that cannot be used.</summary>
    public const int Usage = 2;
    /// <summary>The model is missing, broken or not supported.</summary>
    public const int Model = 3;
    /// <summary>No allocation keeps the budget.</summary>
    public const int Budget = 4;
    /// <summary>The user stopped it: 128 + SIGINT, as shells count.</summary>
    public const int Cancelled = 130;
}
