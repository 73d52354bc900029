using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Every write that a server has acknowledged, and what was found wrong.</summary>
internal sealed class Ledger(SimulatedCluster cluster)
{
    private readonly Dictionary<(int Database, string Key), StoredValue> _written = [];

    private readonly List<(int Database, string Key, StoredValue Value)> _hidden = [];

    // A bit for each part of the slots.
    private int _excused;

    /// <summary>Broken promises, each beginning with the name of the invariant.</summary>
    public List<string> Violations { get; } = [];

    public IReadOnlyDictionary<(int Database, string Key), StoredValue> Written => _written;

    public StoredValue? Expected(int database, string key) =>
        _written.TryGetValue((database, key), out var value) && value.IsAlive(cluster.Clock.Now) ? value : null;

    /// <summary>True close to a key's end, when either answer is right: time left is told in milliseconds, and shifts by a transfer.</summary>
    public bool IsAboutToExpire(int database, string key) => _written.TryGetValue((database, key), out var value)
        && value.ExpiresAt is { } at && (at - cluster.Clock.Now).Duration() < TimeSpan.FromSeconds(2);

    /// <summary>A value that clients can't see, but that nobody has decided to give up.</summary>
    public void KeepHidden(int database, string key, StoredValue value) => _hidden.Add((database, key, value));

    public void Acknowledged(int database, string key, StoredValue value) => _written[(database, key)] = value;

    /// <summary>Of a scene without keys.</summary>
    public void Forget(int slot)
    {
        foreach (var written in _written.Keys.Where(written => HashSlot.Of(SlotMap.Bytes(written.Key)) == slot).ToList())
            _written.Remove(written);
    }

    /// <summary>A failover lost what its master had not replicated: no promise of anybody else's.</summary>
    /// <param name="left">What the successor has instead: an older value, or none.</param>
    public void ExcuseReplication(int database, string key, StoredValue? left)
    {
        cluster.Note("replication lost " + key);
        if (left is null)
            _written.Remove((database, key));
        else
            _written[(database, key)] = left;
    }

    /// <summary>A server deleted at its start a key that it alone held, of a slot that it neither owned nor imported.</summary>
    public void ExcuseStart(int database, string key, StoredValue value)
    {
        var part = SlotMap.PartOf(SlotMap.Bytes(key));
        // Its replica deletes it as well.
        if (cluster.Nodes.Count(node => node.IsMaster && node.Keys.Get(database, part, key)?.Text == value.Text) == 1 && Expected(database, key)?.Text == value.Text)
            _written.Remove((database, key));
    }

    /// <summary>What a node was given, while the word of the old owner's successor was on its way to it, no order of commands could have kept.</summary>
    public void ExcuseRace(int part, SimulatedNode taker, SimulatedNode successor)
    {
        cluster.Note(taker + " can't have heard of " + successor);
        _excused |= 1 << part;
    }

    public bool MetRace => _excused != 0;

    /// <summary>True of a key that may be there or not, whatever was acknowledged.</summary>
    public bool IsExcused(string key) => _excused != 0 && (_excused & (1 << SlotMap.PartOf(SlotMap.Bytes(key)))) != 0;

    public void Violate(string invariant)
    {
        cluster.Note("VIOLATED " + invariant);
        Violations.Add(invariant);
    }

    /// <summary>I1: every acknowledged value is still on some node, be it down.</summary>
    public void RequireNothingLost()
    {
        var all = _written.Where(pair => pair.Value.IsAlive(cluster.Clock.Now) && !IsAboutToExpire(pair.Key.Database, pair.Key.Key)).Select(pair => (pair.Key.Database, pair.Key.Key, pair.Value)).Concat(_hidden);
        foreach (var (database, key, value) in all)
        {
            var part = SlotMap.PartOf(SlotMap.Bytes(key));
            if (!IsExcused(key) && !cluster.Nodes.Any(node => node.Keys.Get(database, part, key)?.Text == value.Text))
                Violate("I1: no node has " + key + " = " + value.Text + " of database " + database + " any more");
        }
    }
}
