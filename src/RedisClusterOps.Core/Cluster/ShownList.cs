using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>A list whose text is its items, such as <c>0-5460,10922</c>: tables of CSV and HTML show lists by their text.</summary>
internal sealed class ShownList<T> : ReadOnlyCollection<T>
{
    public ShownList(IList<T> items)
        : base(items)
    {
    }

    public static ShownList<T> Empty { get; } = new([]);

    public override string ToString() => string.Join(",", this);
}

/// <summary>Makes lists whose text is their items.</summary>
internal static class ShownLists
{
    public static ShownList<T> Shown<T>(this IReadOnlyList<T> items) =>
        items as ShownList<T> ?? new ShownList<T>(items as IList<T> ?? items.ToList());
}
