using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Migration.Keys;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Keys of one slot, as they were listed.</summary>
/// <param name="Asked">How many were asked for. A listing with fewer keys is complete.</param>
internal sealed record Portion(SlotMove Slot, int Asked)
{
    private int _listed;
    private IReadOnlyList<byte[]> _keys = [];

    public IReadOnlyList<byte[]> Keys
    {
        get => _keys;
        init
        {
            _keys = value;
            _listed = value.Count;
        }
    }

    /// <summary>True for the end of a listing.</summary>
    public bool IsLast { get; private init; } = true;

    public bool MayBeMore => _listed >= Asked;

    /// <summary>True if the target refused it once while it accepted others.</summary>
    public bool WasRetried { get; set; }

    /// <summary>Removes the first keys and returns them.</summary>
    public Portion Split(int most)
    {
        var first = this with { Keys = _keys.Take(most).ToList(), IsLast = false };
        _keys = _keys.Skip(most).ToList();
        return first;
    }
}

/// <summary>The reply to the MIGRATE of a portion.</summary>
/// <param name="Text">The reply as the server sent it.</param>
internal sealed record PortionReply(Portion Portion, MigrateReply Kind, string Text);
