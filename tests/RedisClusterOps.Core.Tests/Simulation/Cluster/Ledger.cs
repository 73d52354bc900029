using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Every write that a server has acknowledged, and the violations found.</summary>
internal sealed class Ledger(SimulatedCluster cluster)
{
    private readonly Dictionary<(int Database, string Key), StoredValue> _written = [];

    private readonly List<(int Database, string Key, StoredValue Value)> _hidden = [];

    // One bit for each part of the slots.
    private int _excused;

    private readonly HashSet<(int Part, int Node)> _copies = [];

    /// <summary>The violations. Each begins with the name of the invariant.</summary>
    public List<string> Violations { get; } = [];

    public IReadOnlyDictionary<(int Database, string Key), StoredValue> Written => _written;

    public StoredValue? Expected(int database, string key) =>
        _written.TryGetValue((database, key), out var value) && value.IsAlive(cluster.Clock.Now) ? value : null;

    /// <summary>
    /// True close to the expiry of a key, when both replies are right: the time to live is rounded to milliseconds and shifts during a
    /// transfer.
    /// </summary>
    public bool IsAboutToExpire(int database, string key) => _written.TryGetValue((database, key), out var value)
        && value.ExpiresAt is { } at && (at - cluster.Clock.Now).Duration() < TimeSpan.FromSeconds(2);

    /// <summary>Records a value that clients cannot see but that must be kept.</summary>
    public void KeepHidden(int database, string key, StoredValue value) => _hidden.Add((database, key, value));

    public void Acknowledged(int database, string key, StoredValue value) => _written[(database, key)] = value;

    /// <summary>Removes the keys of a slot, for a scene without keys.</summary>
    public void Forget(int slot)
    {
        foreach (var written in _written.Keys.Where(written => HashSlot.Of(SlotMap.Bytes(written.Key)) == slot).ToList())
            _written.Remove(written);
    }

    /// <summary>
    /// Excuses a write that the dead master had not replicated, or a key that was evicted. The operation cannot prevent that.
    /// </summary>
    /// <param name="left">The older value of the successor; null if it has none.</param>
    public void ExcuseReplication(int database, string key, StoredValue? left)
    {
        cluster.Note("lost by the servers: " + key);
        if (left is null)
            _written.Remove((database, key));
        else
            _written[(database, key)] = left;
    }

    /// <summary>
    /// Excuses a key that a restarted server deleted because it neither owned nor imported the slot, if no other master had it.
    /// </summary>
    public void ExcuseStart(int database, string key, StoredValue value)
    {
        var part = SlotMap.PartOf(SlotMap.Bytes(key));
        // A replica deletes the key with its master.
        var holders = cluster.Nodes.Count(node => node.IsMaster && node.Keys.Get(database, part, key)?.Text == value.Text);
        if (holders == 1 && Expected(database, key)?.Text == value.Text)
            _written.Remove((database, key));
    }

    /// <summary>
    /// Excuses a slot that was handed over while a message of its old owner or of its successor was in transit. No order of commands could
    /// prevent the loss.
    /// </summary>
    public void ExcuseRace(int part, string why)
    {
        cluster.Note(why);
        _excused |= 1 << part;
    }

    /// <summary>
    /// Excuses keys of slots that a replica got from its master and does not own after it took its place: the master had imported them,
    /// or the replica has not heard that it took over the slot. If the master returns, both have them.
    /// </summary>
    public void ExcuseCopies(int part, SimulatedNode successor) => _copies.Add((part, successor.Index));

    /// <summary>True if the node's keys of this part are copies that the servers made.</summary>
    public bool AreCopies(int part, SimulatedNode node) => _copies.Contains((part, node.Index));

    public bool HasCopies => _copies.Count > 0;

    public bool MetRace => _excused != 0;

    /// <summary>True if the key may exist or not, regardless of acknowledged writes.</summary>
    public bool IsExcused(string key) => _excused != 0 && IsExcused(SlotMap.PartOf(SlotMap.Bytes(key)));

    /// <summary>True if any key of this part of the slots may exist or not.</summary>
    public bool IsExcused(int part) => (_excused & (1 << part)) != 0;

    public void Violate(string invariant)
    {
        cluster.Note("VIOLATED " + invariant);
        Violations.Add(invariant);
    }

    /// <summary>Checks I1: every acknowledged value is on some node, even if that is down.</summary>
    public void RequireNothingLost()
    {
        var alive = _written.Where(pair =>
            pair.Value.IsAlive(cluster.Clock.Now) && !IsAboutToExpire(pair.Key.Database, pair.Key.Key));
        var all = alive.Select(pair => (pair.Key.Database, pair.Key.Key, pair.Value)).Concat(_hidden);
        foreach (var (database, key, value) in all)
        {
            var part = SlotMap.PartOf(SlotMap.Bytes(key));
            if (!IsExcused(key) && !cluster.Nodes.Any(node => node.Keys.Get(database, part, key)?.Text == value.Text))
                Violate("I1: no node has " + key + " = " + value.Text + " of database " + database + " any more");
        }
    }
}
