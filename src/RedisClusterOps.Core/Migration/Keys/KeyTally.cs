using System;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Migration.Recovery;

namespace RedisClusterOps.Migration.Keys;

/// <summary>What has been moved so far; goes on over several drains of the same slot.</summary>
internal sealed class KeyTally
{
    public long Moved { get; set; }

    public long Missing { get; set; }

    public long Conflicting { get; set; }

    /// <summary>Told now and then how many keys have been moved, of how many.</summary>
    public Action<long, long>? Progressed { get; init; }

    /// <summary>Records which nodes have a changed setting; null if nothing is recorded.</summary>
    public SettingRecord? Settings { get; init; }

    /// <summary>Keys whose own MIGRATE broke in this run before, while both flags have stayed as they were since: their copies on the source are the live ones.</summary>
    public HashSet<byte[]> Interrupted { get; } = new(KeyBytes.Comparer);

    /// <summary>What a conflict left behind: where the losing value is, how to restore it.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Such as <c>1 key</c> or <c>150 keys</c>.</summary>
    public string MovedText => Moved.ToString(CultureInfo.InvariantCulture) + (Moved == 1 ? " key" : " keys");
}
