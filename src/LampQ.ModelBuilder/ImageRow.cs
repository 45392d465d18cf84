using Microsoft.ML.Data;

namespace LampQ.ModelBuilder;

/// <summary>The columns of Model Builder's image classification: what the generated ModelInput has too.</summary>
class ImageRow
{
    [ColumnName("Label")]
    public string Label { get; set; } = "";

    [ColumnName("ImageSource")]
    public byte[] ImageSource { get; set; } = [];
}

/// <summary>A row whose class is known as a number, for the accuracy in the report.</summary>
sealed class CalibrationImage : ImageRow
{
    public int Class { get; set; }
}
