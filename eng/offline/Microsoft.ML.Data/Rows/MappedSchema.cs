namespace Microsoft.ML.Data;

/// <summary>What a built-in step makes of one schema: which columns come from the source, which are added, and how these are computed.</summary>
abstract class MappedSchema
{
    readonly int[] places;

    /// <summary>Adds columns, each right behind the one of its name that it hides, or at the end.</summary>
    protected MappedSchema(DataViewSchema input, IReadOnlyList<DataViewSchema.DetachedColumn> added)
    {
        Input = input;
        var order = Enumerable.Range(0, input.Count).ToList();
        for (int i = 0; i < added.Count; i++)
        {
            int hidden = input.GetColumnOrNull(added[i].Name) is { } column ? order.IndexOf(column.Index) : -1;
            order.Insert(hidden < 0 ? order.Count : hidden + 1, ~i);
        }
        places = [.. order];
        Output = Schema(places.Select(p => p >= 0 ? new DataViewSchema.DetachedColumn(input[p]) : added[~p]));
    }

    /// <summary>Keeps some columns.</summary>
    protected MappedSchema(DataViewSchema input, int[] kept)
    {
        Input = input;
        places = kept;
        Output = Schema(kept.Select(p => new DataViewSchema.DetachedColumn(input[p])));
    }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>Source columns that the active output columns need.</summary>
    public HashSet<int> Needs(ISet<int> active)
    {
        var needs = active.Where(c => places[c] >= 0).Select(c => places[c]).ToHashSet();
        var added = Added(active);
        if (added.Count > 0)
            needs.UnionWith(Dependencies(added));
        return needs;
    }

    /// <summary>Whether an active output column is one that the step computes.</summary>
    public bool Computes(ISet<int> active) => active.Any(c => places[c] < 0);

    /// <summary>Getters of the active output columns over a source row.</summary>
    public Delegate?[] Getters(DataViewRow source, ISet<int> active)
    {
        var added = Added(active);
        var own = added.Count > 0 ? MakeGetters(source, added) : [];
        return [.. places.Select((p, c) => !active.Contains(c) ? null : p >= 0 ? Generic.Getter(source, source.Schema[p]) : own[~p])];
    }

    protected virtual IEnumerable<int> Dependencies(ISet<int> added) => [];

    /// <summary>One getter an added column; those that are not active may be null.</summary>
    protected virtual Delegate?[] MakeGetters(DataViewRow source, ISet<int> added) => [];

    HashSet<int> Added(ISet<int> active) => [.. active.Where(c => places[c] < 0).Select(c => ~places[c])];

    static DataViewSchema Schema(IEnumerable<DataViewSchema.DetachedColumn> columns)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(columns);
        return builder.ToSchema();
    }
}
