using System.Collections.Generic;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Compares keys and members as what they are: bytes.</summary>
internal sealed class KeyBytes : IEqualityComparer<byte[]>
{
    public static KeyBytes Comparer { get; } = new();

    public bool Equals(byte[]? x, byte[]? y)
    {
        if (ReferenceEquals(x, y))
            return true;
        if (x is null || y is null || x.Length != y.Length)
            return false;
        for (var i = 0; i < x.Length; i++)
        {
            if (x[i] != y[i])
                return false;
        }

        return true;
    }

    // FNV-1a.
    public int GetHashCode(byte[] obj)
    {
        unchecked
        {
            var hash = (int)2166136261;
            foreach (var b in obj)
                hash = (hash ^ b) * 16777619;
            return hash;
        }
    }
}
