using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>
/// The values that the keys of one worker may have: the last acknowledged one, and those of later writes without a reply.
/// </summary>
internal sealed class Ledger
{
    private readonly Dictionary<string, string> _acknowledged = [];
    private readonly Dictionary<string, HashSet<string>> _unanswered = [];

    public IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    /// <summary>The keys with more than one possible value.</summary>
    public IReadOnlyCollection<string> Unanswered => _unanswered.Keys;

    /// <summary>The possible values of a key; null means that it does not exist. There is one unless a write got no reply.</summary>
    /// <param name="before">The value before the worker started; null if the key did not exist.</param>
    public IReadOnlyList<string?> Possible(string key, string? before = null)
    {
        var known = _acknowledged.GetValueOrDefault(key) ?? before;
        return [known, .. _unanswered.GetValueOrDefault(key, []).Where(other => other != known)];
    }

    /// <summary>Records that the key has this value. Writes without a reply are older.</summary>
    public void Acknowledge(string key, string value)
    {
        _acknowledged[key] = value;
        _unanswered.Remove(key);
    }

    /// <summary>Records that the key may have one of these values, now or later.</summary>
    public void Doubt(string key, IEnumerable<string> values)
    {
        if (!_unanswered.TryGetValue(key, out var others))
            _unanswered[key] = others = [];
        others.UnionWith(values);
    }

    /// <summary>Records the value that was read when no more writes can be in transit.</summary>
    public void Settle(string key, string? value)
    {
        _unanswered.Remove(key);
        if (value is not null)
            _acknowledged[key] = value;
    }
}
