using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A value and its expiry.</summary>
internal sealed record StoredValue(string Text, TimeSpan? ExpiresAt = null)
{
    public bool IsAlive(TimeSpan now) => ExpiresAt is not { } at || at > now;
}

/// <summary>The keys of one node by database and part of the slots.</summary>
internal sealed class Dataset(int databases)
{
    private readonly SortedDictionary<string, StoredValue>?[] _parts =
        new SortedDictionary<string, StoredValue>?[databases * SlotMap.Parts];

    public int Count => _parts.Sum(part => part?.Count ?? 0);

    public int CountOf(int database) => Enumerable.Range(0, SlotMap.Parts).Sum(part => In(database, part)?.Count ?? 0);

    public int CountIn(int part) => Enumerable.Range(0, databases).Sum(database => In(database, part)?.Count ?? 0);

    public SortedDictionary<string, StoredValue>? In(int database, int part) => _parts[(database * SlotMap.Parts) + part];

    public StoredValue? Get(int database, int part, string key) =>
        In(database, part) is { } keys && keys.TryGetValue(key, out var value) ? value : null;

    public void Set(int database, int part, string key, StoredValue value) =>
        (_parts[(database * SlotMap.Parts) + part] ??= new SortedDictionary<string, StoredValue>(StringComparer.Ordinal))[key] = value;

    public bool Remove(int database, int part, string key) => In(database, part)?.Remove(key) ?? false;

    public void Clear(int part)
    {
        for (var database = 0; database < databases; database++)
            In(database, part)?.Clear();
    }

    public void ExpireUntil(TimeSpan now)
    {
        foreach (var keys in _parts)
        {
            if (keys is { Count: > 0 } && keys.Values.Any(value => !value.IsAlive(now)))
            {
                foreach (var dead in keys.Where(pair => !pair.Value.IsAlive(now)).Select(pair => pair.Key).ToList())
                    keys.Remove(dead);
            }
        }
    }

    public Dataset Copy()
    {
        var copy = new Dataset(databases);
        for (var i = 0; i < _parts.Length; i++)
            copy._parts[i] = _parts[i] is { Count: > 0 } keys
                ? new SortedDictionary<string, StoredValue>(keys, StringComparer.Ordinal)
                : null;
        return copy;
    }

    /// <summary>The keys that differ between the two.</summary>
    public IEnumerable<(int Database, string Key)> DifferencesTo(Dataset other)
    {
        for (var i = 0; i < _parts.Length; i++)
        {
            var (mine, theirs) = (_parts[i], other._parts[i]);
            var names = (mine?.Keys ?? Enumerable.Empty<string>()).Union(theirs?.Keys ?? Enumerable.Empty<string>());
            foreach (var key in names.Where(key => !Equals(ValueOf(mine, key), ValueOf(theirs, key))).ToList())
                yield return (i / SlotMap.Parts, key);
        }

        static StoredValue? ValueOf(SortedDictionary<string, StoredValue>? keys, string key) =>
            keys is not null && keys.TryGetValue(key, out var value) ? value : null;
    }
}
