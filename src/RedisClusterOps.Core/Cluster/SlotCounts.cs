namespace RedisClusterOps.Cluster;

/// <summary>What every slot holds on its owner. Null where nobody counted or the server did not tell.</summary>
internal sealed class SlotCounts
{
    private readonly long?[] _keys = new long?[HashSlot.Count];
    private readonly long?[] _bytes = new long?[HashSlot.Count];

    /// <summary>Nothing was counted.</summary>
    public static SlotCounts None { get; } = new();

    public long? Keys(int slot) => _keys[slot];

    public long? Bytes(int slot) => _bytes[slot];

    /// <summary>To be called while the counts are gathered, once for each slot.</summary>
    public void Set(int slot, long? keys, long? bytes)
    {
        _keys[slot] = keys;
        _bytes[slot] = bytes;
    }
}
