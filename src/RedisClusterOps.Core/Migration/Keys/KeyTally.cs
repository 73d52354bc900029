using System;
using System.Collections.Generic;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The keys of a slot that have moved so far, over all drains of the slot.</summary>
internal sealed class KeyTally
{
    public long Moved { get; set; }

    public long Missing { get; set; }

    public long Conflicting { get; set; }

    /// <summary>Called at intervals with the keys that have moved and their total.</summary>
    public Action<long, long>? Progressed { get; init; }

    /// <summary>
    /// Keys whose own MIGRATE broke earlier in this run, while neither flag has changed since. Clients use the copies on the source.
    /// </summary>
    public HashSet<byte[]> Interrupted { get; } = new(KeyBytes.Comparer);

    /// <summary>The saved values of conflicts, and how to restore them.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Such as <c>1 key</c> or <c>150 keys</c>.</summary>
    public string MovedText => Count(Moved, "key");
}
