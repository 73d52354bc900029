using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>What the keys of one worker must hold: what was acknowledged last, or, where a write got no answer, that or what it would have written.</summary>
internal sealed class Ledger
{
    private readonly Dictionary<string, string> _acknowledged = [];
    private readonly Dictionary<string, HashSet<string>> _unanswered = [];

    public IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    /// <summary>The keys of which one of several values is right.</summary>
    public IReadOnlyCollection<string> Unanswered => _unanswered.Keys;

    /// <summary>All that a key may hold; null for nothing. Without a write that got no answer it is one value.</summary>
    /// <param name="before">What it held before the worker came; null for nothing.</param>
    public IReadOnlyList<string?> Possible(string key, string? before = null)
    {
        var known = _acknowledged.GetValueOrDefault(key) ?? before;
        return [known, .. _unanswered.GetValueOrDefault(key, []).Where(other => other != known)];
    }

    /// <summary>It holds this and nothing else: whatever got no answer came before.</summary>
    public void Acknowledge(string key, string value)
    {
        _acknowledged[key] = value;
        _unanswered.Remove(key);
    }

    /// <summary>It may hold one of these by now, or later.</summary>
    public void Doubt(string key, IEnumerable<string> values)
    {
        if (!_unanswered.TryGetValue(key, out var others))
            _unanswered[key] = others = [];
        others.UnionWith(values);
    }

    /// <summary>Once nothing can be on its way any more, one that was read settles which it is.</summary>
    public void Settle(string key, string? value)
    {
        _unanswered.Remove(key);
        if (value is not null)
            _acknowledged[key] = value;
    }
}
