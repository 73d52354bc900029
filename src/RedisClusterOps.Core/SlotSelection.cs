using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>Which slots are to move whole, and where to.</summary>
public sealed record SlotSelection
{
    /// <summary>Just these, 0 to 16383; null for as many as <see cref="Count"/> says.</summary>
    public IReadOnlyList<int>? Slots { get; init; }

    /// <summary>How many, 1 to 16384, taken from the sources in proportion to what they have; null, with no slots named either, for all that the sources have.</summary>
    public int? Count { get; init; }

    /// <summary>The masters that slots may leave: node ids, unique id prefixes, or <c>host:port</c>; <c>*</c> for all but the target. Null for whoever owns the named slots.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>The master that they go to: node id, unique id prefix, or <c>host:port</c>.</summary>
    public string Target { get; init; } = string.Empty;
}
