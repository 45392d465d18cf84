namespace LampQ.Testing;

/// <summary>The checkout that the running tests were built from.</summary>
public static class Repository
{
    /// <summary>The folder that holds LampQ.MLNet.sln: the nearest one above the test assembly.</summary>
    /// <exception cref="DirectoryNotFoundException">No folder above the test assembly holds it.</exception>
    public static string Root => RootAbove(AppContext.BaseDirectory);

    /// <summary>The nearest folder, from <paramref name="folder"/> upwards, that holds LampQ.MLNet.sln.</summary>
    /// <exception cref="DirectoryNotFoundException">There is none.</exception>
    public static string RootAbove(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "LampQ.MLNet.sln")))
                return at.FullName;
        }

        throw new DirectoryNotFoundException(
            $"No folder above '{folder}' holds LampQ.MLNet.sln. Run the tests from the checkout they were built in.");
    }
}
